"""The history of a person who came after the build: plays, from a file or from Python."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Mapping
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple

from ubcf.database.frames import FRAMES, Frame, is_frame, texts_of
from ubcf.errors import InputError

PathLike = str | os.PathLike[str]

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


def id_text(value: Any) -> str:
    """The text of an id; a whole number that is stored as a fraction is without it."""
    is_whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if is_whole else str(value)


def given_plays(
    history: PathLike | Frame | Mapping[Any, float] | Iterable[tuple[Any, float]],
    bounds: TimeBounds,
) -> list[Play]:
    """The plays of a history: see `recommend`. Raises InputError for an invalid one."""
    if isinstance(history, str | os.PathLike):
        return read_history(Path(history), bounds)
    if is_frame(history):
        rows = texts_of(history, ("track", "time"), "frame")
        return checked_plays([(track, _number(time)) for track, time in rows], bounds)
    given: Any = history.items() if isinstance(history, Mapping) else history
    if not isinstance(given, Iterable):
        raise InputError(
            f"history: {type(history).__name__} is neither times by track, nor a list of tuples of "
            f"a track and a time, nor a path, nor a frame; a frame is {FRAMES}"
        )
    return checked_plays(twos(given, "history, play", "a track and a time"), bounds)


def twos(rows: Iterable[Any], row: str, what: str) -> list[tuple[Any, Any]]:
    """Rows of two values, as tuples. Raises InputError for another; row, what: in its words."""
    pairs = []
    for position, values in enumerate(rows, start=1):
        pair = tuple(values) if isinstance(values, Iterable) else ()
        if len(pair) != 2 or isinstance(values, str | Mapping):
            raise InputError(f"{row} {position}: {values!r} is not {what}")
        pairs.append(pair)
    return pairs


def _number(text: str | None) -> float | str | None:
    """The number that a text is, or else the text."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


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
        whole = _whole_object(text)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if whole is not None:
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


def _whole_object(text: str) -> dict[str, Any] | None:
    """Time by track, if a text is a JSON object of this. Raises InputError if it repeats one."""
    try:
        whole = json.loads(text, object_pairs_hook=_without_repeats)
    except InputError:
        raise
    except (ValueError, RecursionError):
        return None
    is_event = isinstance(whole, dict) and "track" in whole and "time" in whole
    return whole if isinstance(whole, dict) and not is_event else None


def typed_plays(text: str, bounds: TimeBounds) -> list[Play]:
    """Plays as somebody types or pastes them: a JSON object of time by track, or a play in a line.

    A line is a log line, or a track and a time after a space, tab, comma, semicolon or colon. A
    track alone was heard for the greatest time. Raises InputError, with the line, for another.
    """
    whole = _whole_object(text)
    if whole is not None:
        return checked_plays(whole.items(), bounds)
    plays: list[tuple[Any, Any]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        if line.lstrip().startswith("{"):
            try:
                event = json.loads(line)
                plays.append((event["track"], event["time"]))
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise InputError(f"line {number}: not a log line") from error
        else:
            plays.append(_typed_play(line.strip(), bounds))
    return checked_plays(plays, bounds)


def _typed_play(line: str, bounds: TimeBounds) -> tuple[str, float]:
    found = re.fullmatch(r"(.*?)\s*[\s,;:]\s*([-+.\deE]+)", line)
    time = None if found is None else _number(found[2])
    if found is None or not isinstance(time, float):
        return line, bounds.greatest
    return found[1], time
