"""The errors that end a command with one line on stderr, and the signals that end one."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable, Sequence
from typing import Any

# Signals that end a command like Ctrl-C; Windows has not all of them.
ENDING_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class UbcfError(Exception):
    """An error that the user can understand and act on."""


class InputError(UbcfError):
    """A log or catalog file is missing or cannot be used."""


class RejectedLinesError(InputError):
    """More lines of the logs were rejected than the build allows."""


class RotatedError(InputError):
    """A log changed or vanished while it was read: building again is likely to succeed."""


class OptionError(UbcfError):
    """An option has a value out of its bounds, or contradicts another one."""


class MemoryLimitError(OptionError):
    """The memory limit is too small for the scores of a model."""


class TemplateError(UbcfError):
    """A file of sql/, or of an overlay, cannot be rendered or run."""


class CheckError(UbcfError):
    """A check of sql/checks/ returned rows: the results are inconsistent."""


class DatabaseError(UbcfError):
    """The database is missing, not a DuckDB file, not made by ubcf, or cannot be written."""


class QueryError(UbcfError):
    """A statement of the user cannot be run."""


class NotFoundError(UbcfError):
    """A user, track, analysis or experiment does not exist.

    kind: 'user' or 'track', if it is one of these; nearest: the ids and the names of those like it.
    """

    def __init__(
        self, reason: str, kind: str | None = None, nearest: Sequence[tuple[Any, str]] = ()
    ) -> None:
        names = ", ".join(name for _, name in nearest)
        super().__init__(reason if kind is None else f"{reason}; nearest: {names}")
        self.reason, self.kind, self.nearest = reason, kind, nearest


class BusyError(UbcfError):
    """Another build is writing the same file."""


class SimulationError(UbcfError):
    """Logs cannot be simulated with these arguments."""


def one_line(error: BaseException | str) -> str:
    """A message, or that of an error, with line breaks and runs of spaces made single spaces."""
    return " ".join(str(error).split())


def printable(text: str) -> str:
    """A text for people in one line: control characters, which a terminal obeys, are escaped."""
    return _CONTROL.sub(lambda control: ascii(control[0])[1:-1], text)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of an error about an unknown name: the nearest of the known ones, if one is near."""
    from difflib import get_close_matches

    nearest = get_close_matches(name, list(known), n=1)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""
