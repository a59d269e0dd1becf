"""The history of a person who came after the build: plays, from a file or from Python."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple

from ubcf.errors import InputError

# The text of a track id, and the time, in the scale of the build.
Play = tuple[str, float]


class TimeBounds(NamedTuple):
    """The least and the greatest time of a play, in the scale of the build."""

    least: float
    greatest: float


FRACTIONS = TimeBounds(0.0, 1.0)


def checked_plays(plays: Iterable[tuple[Any, Any]], bounds: TimeBounds) -> list[Play]:
    """Checks plays, and returns them with tracks as texts. Raises InputError for an invalid one."""
    checked = []
    for track, time in plays:
        if track is None or isinstance(track, bool | float | list | dict):
            raise InputError(f"track is {track!r}; it must be the id of a track")
        is_number = isinstance(time, Real) and not isinstance(time, bool)
        if not (is_number and math.isfinite(time) and bounds.least <= time <= bounds.greatest):
            raise InputError(
                f"track {track}: time is {time!r}; it must be a number from {bounds.least:g} to "
                f"{bounds.greatest:g}"
            )
        if any("\ud800" <= character <= "\udfff" for character in str(track)):
            raise InputError(f"track {track!a}: half of a character, which no text has")
        checked.append((str(track), float(time)))
    if not checked:
        raise InputError("the history has no track in it")
    return checked


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Makes a JSON object. Raises InputError for a repeated name: its value is ambiguous."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise InputError(f"{max(names, key=names.count)} is there twice")
    return found


def read_history(path: Path, bounds: TimeBounds = FRACTIONS) -> list[Play]:
    """Reads plays from a file: a JSON object of time by track, or log lines of one person.

    Raises InputError, with the line, when it is neither, or when the object repeats a track.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8") from error
    try:
        whole = json.loads(text, object_pairs_hook=_without_repeats)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (ValueError, RecursionError):
        whole = None
    if isinstance(whole, dict) and not ("track" in whole and "time" in whole):
        return checked_plays(whole.items(), bounds)
    plays: list[tuple[Any, Any]] = []
    people = set()
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            event = json.loads(line)
            plays.append((event["track"], event["time"]))
            people.add(event.get("user"))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise InputError(
                f"{path}, line {number}: neither a JSON object of time by track nor a log line"
            ) from error
    if len(people) > 1:
        raise InputError(f"{path}: the log lines are of {len(people)} users; give those of one")
    return checked_plays(plays, bounds)
