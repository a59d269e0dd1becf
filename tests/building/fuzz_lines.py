"""Damaged log lines, read by a build and by an independent reader in plain Python.

`python -m tests.building.fuzz_lines --lines 200000 --seed 1` prints what was read, and fails at the
first difference. A bounded part of it is a test.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import random
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from tests.support.builds import Built, build_folder
from tests.support.compressed import zstandard
from tests.support.logs import log_line

LARGEST_ID = 2**63 - 1

# Timestamps of these logs are milliseconds; numbers of these sizes are no others.
MILLISECONDS = range(10**11, 10**14)
SMALL_NUMBERS = range(10**8)

ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:Z|([+-])(\d\d):?(\d\d))?)?",
    re.ASCII,
)

DAYS_OF_400_YEARS = 146_097

LINES_OF_A_FILE = 20_000

LONGEST_KEPT = 2_000_000

EVENTS = """
    select
        file, "user", track, time, message, epoch_us(timestamp), latency, recommendation,
        experiments
    from events
"""

KEYS = (
    "message", "timestamp", "user", "track", "time", "latency", "recommendation", "experiments",
)  # fmt: skip

# The values of an event that can be compared as they are.
VALUES = ("user", "track", "time", "message", "timestamp", "latency", "recommendation")

# What replaces a part of a line: what has a meaning in JSON, in a reader of lines, or in neither.
PIECES = [
    b",", b'"', b"-", b"1e5", b"null", b"{", b"}", b"[", b"]", b":", b"\\", b"\xff", b"\x00", b"\r",
    b"\r\r", b"\x01\x02\x03\x04", b"\x01", b"\x1f", b"\t", b" ", b"\xef\xbb\xbf", b"0", b"9" * 19,
    b"1" * 20, b"true", b"NaN", b"-0", b"0.5", b"1.0", b"\\ud83d", b"\\ud83c\\udfb5", b"\xc3\xbc",
    b"\xf0\x9f\x8e\xb5", b"\xed\xa0\x80", b"'", b"#", b"//", b'"user": 3, ', b"\x1a", b"\x7f",
    b"\x85",
]  # fmt: skip

FORMS = ["data.json", "data.json.1", "data.json.2.gz", "data.json.3.zst", "data.json.4.GZ"]

# What the fields that are not the user's listening may be.
MESSAGES = ["next", "next", "last", 'a "b" \\u00e9', "п 🎵", 7, None]
TIMESTAMPS = [
    1_700_000_000_000, 1_700_000_000_123, 1_708_329_390_301, -1_000, 0, 1_700_000_000, 10**14,
    "2024-02-19T10:11:12.345678Z", "2024-02-19 10:11", "2024-02-29T23:59:59.9999999+05:30",
    "1999-12-31", "0000-01-01T00:00+01:00", "2023-02-29", "soon", 1.7e12, True,
]  # fmt: skip
RECOMMENDATIONS = [None, None, 12, 12, 9_223_372_036_854_775_807, "12", 1.0, -3]
EXPERIMENTS: list[Any] = [
    {"A": "C"}, {"A": "T1"}, {"A": "T1", "B": "C"}, {}, [], None, "A",
    {"A": 1, "B": -0.5, "C": None, "D": True, "E": {"x": [1, "ü", 2.5]}, "F\ud83d": "\ud83c"},
]  # fmt: skip

# What DuckDB's JSON takes besides: a comma before the end of a list or an object, NaN and Infinity.
ALSO_TAKEN = re.compile(rb",\s*[}\]]|nan|inf", re.IGNORECASE)


@dataclass(frozen=True)
class File:
    """A log: its name, its lines, and their ends."""

    name: str
    lines: list[bytes]
    end: bytes


def damaged(chance: random.Random) -> bytes:
    """A line as the service writes it, with odd fields at times, and up to three parts replaced."""
    odd: dict[str, list[Any]] = {
        "message": MESSAGES,
        "timestamp": TIMESTAMPS,
        "recommendation": RECOMMENDATIONS,
        "experiments": EXPERIMENTS,
        "latency": [0, -0.0, 1e-300, 10**30, "0.5", None],
    }
    more: dict[str, Any] = {"experiments": {"A": chance.choice(["C", "T1"])}}
    more |= {name: chance.choice(each) for name, each in odd.items() if chance.random() < 0.2}
    line = log_line(chance.randrange(20), chance.randrange(30), chance.random(), **more).encode()
    for _ in range(chance.choice([0, 0, 1, 1, 2, 3])):
        start = chance.randrange(len(line) + 1)
        stop = start + chance.randrange(5)
        piece = chance.choice([*PIECES, bytes([chance.randrange(256)])]).replace(b"\n", b"")
        line = line[:start] + piece + line[stop:]
    if chance.random() < 1e-4:
        line = line[:-1] + b', "x": "' + b"x" * chance.choice([1_999_000, 2_000_500]) + b'"}'
    return line


def files(count: int, seed: int) -> Iterator[File]:
    """Logs of `count` damaged lines in all."""
    chance = random.Random(seed)
    for number, start in enumerate(range(0, count, LINES_OF_A_FILE)):
        lines = [damaged(chance) for _ in range(min(LINES_OF_A_FILE, count - start))]
        name = f"replica-{number}/{FORMS[number % len(FORMS)]}"
        yield File(name, lines, chance.choice([b"\n", b"\r\n"]))


def without_end(line: bytes, end: bytes) -> bytes:
    """A line without a carriage return at its end, if that is a part of the line's end."""
    return line.removesuffix(b"\r") if end == b"\n" else line


class Object(list[tuple[str, Any]]):
    """A JSON object: its keys and values, as they are written."""


class MinusZero:
    """The number -0, which is no other than 0 as an id, but another text."""


@dataclass(frozen=True)
class Event:
    """An event by Python's json; timestamp: microseconds, latency: seconds."""

    user: int
    track: int
    time: float
    message: str | None
    timestamp: int | None
    latency: float | None
    recommendation: int | None
    experiments: dict[str, Any] | None


def event_in(line: bytes) -> Event | None:
    """The event in a line; None if it is none, or a field is given twice."""
    try:
        pairs = json.loads(line.decode(), object_pairs_hook=Object)
        texts = json.loads(
            line.decode(),
            object_pairs_hook=Object,
            parse_int=lambda text: MinusZero() if text == "-0" else int(text),
        )
    except (ValueError, RecursionError):
        return None
    if not isinstance(pairs, Object):
        return None
    names = [name for name, _ in pairs]
    if any(names.count(name) > 1 for name in KEYS):
        return None
    fields: dict[str, Any] = dict(pairs)
    user: Any = fields.get("user")
    track: Any = fields.get("track")
    time: Any = fields.get("time")
    ids = all(type(value) is int and 0 <= value <= LARGEST_ID for value in (user, track))
    if not (ids and type(time) in (int, float) and 0 <= time <= 1):
        return None
    message: Any = fields.get("message")
    recommendation: Any = fields.get("recommendation")
    is_id = type(recommendation) is int and -LARGEST_ID - 1 <= recommendation <= LARGEST_ID
    return Event(
        user,
        track,
        time,
        whole(message) if isinstance(message, str) else None,
        moment(fields.get("timestamp")),
        finite(fields.get("latency")),
        recommendation if is_id else None,
        map_of(dict(texts).get("experiments")),
    )


def whole(text: str) -> str:
    """A text in which U+FFFD replaces the halves of characters."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def finite(value: object) -> float | None:
    """A number; None for a value that is none, or too large for a double."""
    if type(value) not in (int, float):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def moment(value: object) -> int | None:
    """Microseconds since 1970 of milliseconds, or of a text in ISO 8601; None for another value."""
    if type(value) is int:
        is_one = abs(value) in MILLISECONDS or abs(value) in SMALL_NUMBERS
        return value * 1_000 if is_one else None
    found = ISO.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    *numbers, fraction, sign, hours, minutes = found.groups(default="0")
    year, month, day, hour, minute, second = map(int, numbers)
    later = 400 if year < 1 else 0  # Python has no year 0; 400 years later days are the same
    try:
        days = date(year + later, month, day).toordinal() - date(1970, 1, 1).toordinal()
    except ValueError:
        return None
    is_midnight = (hour, minute, second, int(fraction[:6])) == (24, 0, 0, 0)
    if minute > 59 or second > 59 or (hour > 23 and not is_midnight):
        return None
    days -= DAYS_OF_400_YEARS if later else 0
    offset = (int(hours) * 60 + int(minutes)) * (-1 if sign == "-" else 1)
    seconds = days * 86_400 + hour * 3_600 + (minute - offset) * 60 + second
    return seconds * 1_000_000 + int(fraction[:6].ljust(6, "0"))


def map_of(value: object) -> dict[str, Any] | None:
    """An object of JSON, whose keys all differ; None for another value."""
    if not isinstance(value, Object):
        return None
    fields = {whole(name): each for name, each in value}
    return fields if len(fields) == len(value) else None


def is_map_of(read: dict[str, str | None] | None, written: dict[str, Any] | None) -> bool:
    """Whether the texts of a map are those of the values of an object."""
    if read is None or written is None:
        return read is written
    return read.keys() == written.keys() and all(
        is_text_of_value(read[name], value) for name, value in written.items()
    )


def is_text_of_value(text: str | None, value: Any) -> bool:
    """Whether a text is a JSON value: a string as it is, a number in any spelling of it."""
    if value is None or text is None:
        return text is value
    if isinstance(value, str):
        return text == whole(value)
    if isinstance(value, MinusZero):
        return text == "-0"
    if isinstance(value, float):
        number = float(text)
        return number == value and math.copysign(1, number) == math.copysign(1, value)
    if isinstance(value, int):
        return text == json.dumps(value)
    return bool(json.loads(text, object_pairs_hook=Object) == whole_texts(value))


def whole_texts(value: Any) -> Any:
    """A nested value with `whole` texts; a -0 within it is kept as a text."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, MinusZero):
        return "-0"
    if isinstance(value, Object):
        return Object((whole(name), whole_texts(each)) for name, each in value)
    return [whole_texts(each) for each in value] if isinstance(value, list) else value


def is_event(row: tuple[Any, ...], event: Event) -> bool:
    """Whether a row of the table events has the values of an event."""
    *values, experiments = row
    expected = [getattr(event, name) for name in VALUES]
    return values == expected and is_map_of(experiments, event.experiments)


def is_plain_json(line: bytes) -> bool:
    """Whether both readers must agree: DuckDB also takes commas too many, and NaN."""
    try:
        json.loads(line.decode(), parse_constant=lambda _: 1 / 0)
    except (ValueError, RecursionError, ZeroDivisionError):
        return False
    return True


def is_text_of(text: str, line: bytes) -> bool:
    """Whether a text is that of a line, or of its head; '?' stands for bytes that are not UTF-8."""
    whole = re.sub("[\udc80-\udcff]", "?", line.decode("utf-8", "surrogateescape"))
    return text == (whole[:1_000] if len(line) > LONGEST_KEPT else whole)


def write(folder: Path, logs: list[File]) -> None:
    """Writes the logs into the folder `logs` in `folder`."""
    for log in logs:
        path = folder / "logs" / log.name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = b"".join(line + log.end for line in log.lines)
        pack: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".zst": zstandard}
        path.write_bytes(pack.get(path.suffix.lower(), bytes)(data))


def judge(built: Built, logs: list[File]) -> tuple[int, int]:
    """Compares a build with the lines of its logs; returns how many were accepted and rejected.

    Raises AssertionError for the first line that was lost, moved or altered.
    """
    start = (built.folder / "logs").as_posix() + "/"
    rejected = {
        (file.removeprefix(start), number): text
        for file, number, text in built.rows("select file, line_number, line from rejected_lines")
    }
    events = iter(built.rows(EVENTS))
    counted = {row.file.removeprefix(start): row for row in built.summary.inputs}
    for log in sorted(logs, key=lambda log: [int(log.name.split("/")[0][8:])]):
        lines = [without_end(line, log.end) for line in log.lines]
        for number, line in enumerate(lines, start=1):
            shown = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if not shown.strip(b" \t\r"):
                assert (log.name, number) not in rejected, (log.name, number, line)
                continue
            expected = event_in(shown)
            text = rejected.get((log.name, number))
            if text is None:
                file, *row = next(events)
                assert file == start + log.name, (log.name, number, line)
                assert len(line) <= LONGEST_KEPT, (log.name, number)
                if expected is not None and is_plain_json(shown):
                    assert is_event(tuple(row), expected), (log.name, number, line, row, expected)
                elif expected is not None:
                    listening = [expected.user, expected.track, expected.time]
                    assert row[:3] == listening, (log.name, number, line, row)
                else:
                    assert not is_plain_json(shown), (log.name, number, line)
                    assert ALSO_TAKEN.search(line), (log.name, number, line)
            else:
                assert is_text_of(text, shown), (log.name, number, line, text)
                if len(line) <= LONGEST_KEPT and is_plain_json(shown):
                    assert expected is None, (log.name, number, line)
        filled = [line for line in lines if line.strip(b" \t\r")]
        of_file = counted[log.name]
        assert of_file.accepted + of_file.rejected == of_file.lines == len(filled), log.name
    assert next(events, None) is None
    return built.summary.accepted, built.summary.rejected


def fuzz(folder: Path, count: int, seed: int) -> tuple[int, int]:
    """Writes, builds and judges; returns how many lines were accepted and rejected."""
    logs = list(files(count, seed))
    write(folder, logs)
    return judge(build_folder(folder, max_rejected=1.0), logs)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        accepted, rejected = fuzz(Path(folder), options.lines, options.seed)
    print(f"{options.lines:,} lines: {accepted:,} accepted, {rejected:,} rejected, none lost")


if __name__ == "__main__":
    main()
