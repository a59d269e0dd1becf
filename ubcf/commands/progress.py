"""What a command says on stderr: progress on a terminal, warnings, log lines on request."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import click

from ubcf.errors import printable
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


@dataclass(frozen=True)
class Narration:
    """What a command says beside its data.

    quiet: nothing but errors, also no summary for people on stdout. verbose: a log line for each
    stage, whatever quiet says.
    """

    quiet: bool
    verbose: bool
    started: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Seconds since the command began."""
        return time.perf_counter() - self.started

    @contextmanager
    def progress(self, name: str, length: int | None) -> Iterator[Callable[[int], None]]:
        """Reports a stage, as a Progress: by a log line, and on a terminal by a bar."""
        self.log(name)
        if self.quiet:
            yield ignore_steps
        else:
            with terminal_progress(name, length) as advance:
                yield advance

    def log(self, text: str) -> None:
        """Prints a line with the local time, if verbose."""
        if self.verbose:
            now = datetime.now().astimezone().isoformat(sep=" ", timespec="milliseconds")
            click.echo(printable(f"{now} {text}"), err=True)

    def warn(self, text: str) -> None:
        """Prints a warning, unless quiet."""
        if not self.quiet:
            click.echo(printable(f"ubcf: warning: {text}"), err=True)
