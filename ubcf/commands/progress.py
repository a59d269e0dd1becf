"""Progress reports on stderr, only when it is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from ubcf.progress import ignore_steps

CLEAR_LINE = "\r\x1b[K"


@contextmanager
def terminal_progress(name: str, length: int | None) -> Iterator[Callable[[int], None]]:
    """Shows a bar with the remaining time if the length is known, else a line with the name."""
    if not sys.stderr.isatty():
        yield ignore_steps
    elif length is None:
        click.echo(f"{name} ...", file=sys.stderr, nl=False)
        try:
            yield ignore_steps
        finally:
            click.echo(CLEAR_LINE, file=sys.stderr, nl=False)
    else:
        with click.progressbar(length=length, label=name, file=sys.stderr) as bar:
            yield bar.update
