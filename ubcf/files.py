"""Files that are written for the user, complete or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ubcf.errors import OptionError


def check_folder(path: Path) -> None:
    """Raises OptionError when the folder that a file is to be in does not exist."""
    if not path.parent.is_dir():
        raise OptionError(f"{path}: the folder {path.parent} does not exist")


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Where to write a file until it is complete: it is then renamed; after an error it is gone."""
    unfinished = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
