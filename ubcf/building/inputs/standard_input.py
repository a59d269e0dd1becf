"""Standard input as a log, which is read once, into a copy on disk."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from ubcf.building.inputs.logs import READ_SIZE, LogFile, Place, log_file, paths_among
from ubcf.errors import InputError, OptionError

# The place of logs that stands for standard input, and the name that is reported.
PLACE = "-"
NAME = "stdin"

# How files begin whose format the name of the copy then says. All else is JSON, or of the format
# that is given.
SUFFIXES = {b"PAR1": ".parquet", b"\x1f\x8b": ".gz", b"\x28\xb5\x2f\xfd": ".zst"}


def reads_standard_input(places: Sequence[Place]) -> bool:
    """Whether standard input is one of the places of logs.

    Raises OptionError if it is there twice, and InputError if it is a terminal.
    """
    count = sum(os.fspath(path) == PLACE for path in paths_among(places))
    if count > 1:
        raise OptionError(f"{PLACE} is given {count} times; stdin can be read only once")
    if count and (sys.stdin is None or sys.stdin.isatty()):
        raise InputError(f"{NAME}: is a terminal; pipe the logs into the command, or name a file")
    return count > 0


class StandardInput(ExitStack):
    """What standard input holds, for a build that may have to begin again.

    again: whether it may be copied several times; until its end the first copy
    then stays open, so that there is its content when the folder of the copy is gone.
    """

    def __init__(self, *, again: bool = False) -> None:
        super().__init__()
        self._again = again
        self._first_copy: BinaryIO | None = None

    def copied(self, folder: Path, names: Collection[str]) -> LogFile:
        """A copy in `folder`. names: those of other logs, of which it must not have one.

        Raises InputError when standard input cannot be read, or the copy cannot be written.
        """
        source = self._first_copy or sys.stdin.buffer
        if self._first_copy is not None:
            source.seek(0)
        copy = folder / NAME
        first = _copy(source, copy)
        suffix = next((SUFFIXES[start] for start in SUFFIXES if first.startswith(start)), "")
        copy = copy.rename(copy.with_suffix(suffix))
        if self._again and self._first_copy is None:
            self._first_copy = self.enter_context(copy.open("rb"))
        return replace(log_file(copy), name=f"{NAME}#2" if NAME in names else NAME)


def _copy(source: BinaryIO, copy: Path) -> bytes:
    """Copies all that can be read; returns the first bytes."""
    first = b""
    try:
        with copy.open("wb") as target:
            while part := _read(source):
                first = first or part
                target.write(part)
    except OSError as error:
        raise InputError(f"{NAME}: cannot be copied to {copy.parent}: {error.strerror}") from error
    return first


def _read(source: BinaryIO) -> bytes:
    try:
        return source.read(READ_SIZE)
    except OSError as error:
        raise InputError(f"{NAME}: cannot be read: {error.strerror}") from error
