"""Damaged log lines, read by a build and by an independent reader in plain Python.

`python -m tests.building.fuzz_lines --lines 200000 --seed 1` prints what was read, and fails at the
first difference. A bounded part of it is a test.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.builds import Built, build_folder
from tests.support.compressed import zstandard
from tests.support.logs import log_line

LARGEST_ID = 2**63 - 1

LINES_OF_A_FILE = 20_000

LONGEST_KEPT = 2_000_000

KEYS = (
    "message", "timestamp", "user", "track", "time", "latency", "recommendation", "experiments",
)  # fmt: skip

# What replaces a part of a line: what has a meaning in JSON, in a reader of lines, or in neither.
PIECES = [
    b",", b'"', b"-", b"1e5", b"null", b"{", b"}", b"[", b"]", b":", b"\\", b"\xff", b"\x00", b"\r",
    b"\r\r", b"\x01\x02\x03\x04", b"\x01", b"\x1f", b"\t", b" ", b"\xef\xbb\xbf", b"0", b"9" * 19,
    b"1" * 20, b"true", b"NaN", b"-0", b"0.5", b"1.0", b"\\ud83d", b"\\ud83c\\udfb5", b"\xc3\xbc",
    b"\xf0\x9f\x8e\xb5", b"\xed\xa0\x80", b"'", b"#", b"//", b'"user": 3, ', b"\x1a", b"\x7f",
    b"\x85",
]  # fmt: skip

FORMS = ["data.json", "data.json.1", "data.json.2.gz", "data.json.3.zst", "data.json.4.GZ"]

# What DuckDB's JSON takes besides: a comma before the end of a list or an object, NaN and Infinity.
ALSO_TAKEN = re.compile(rb",\s*[}\]]|nan|inf", re.IGNORECASE)


@dataclass(frozen=True)
class File:
    """A log: its name, its lines, and their ends."""

    name: str
    lines: list[bytes]
    end: bytes


def damaged(chance: random.Random) -> bytes:
    """A line as the service writes it, with up to three parts replaced."""
    more: dict[str, Any] = {"experiments": {"A": chance.choice(["C", "T1"])}}
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


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON. Raises ValueError where a key of the logs is there twice."""
    names = [name for name, _ in pairs]
    if any(names.count(name) > 1 for name in KEYS):
        raise ValueError("a key is given twice")
    return dict(pairs)


def event_in(line: bytes) -> tuple[int, int, float] | None:
    """User, track and time by Python's json; None if that takes the line for no event."""
    try:
        fields = json.loads(line.decode(), object_pairs_hook=each_once)
        user, track, time = (fields[name] for name in ("user", "track", "time"))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    ids = all(type(value) is int and 0 <= value <= LARGEST_ID for value in (user, track))
    return (user, track, time) if ids and type(time) in (int, float) and 0 <= time <= 1 else None


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
    events = iter(built.rows('select file, "user", track, time from events'))
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
                file, *values = next(events)
                assert file == start + log.name, (log.name, number, line)
                assert len(line) <= LONGEST_KEPT, (log.name, number)
                if is_plain_json(shown):
                    assert expected is not None, (log.name, number, line)
                if expected is None:
                    assert ALSO_TAKEN.search(line), (log.name, number, line)
                else:
                    assert tuple(values) == expected, (log.name, number, line)
            else:
                assert is_text_of(text, shown), (log.name, number, line, text)
                if len(line) <= LONGEST_KEPT and is_plain_json(shown):
                    assert expected is None, (log.name, number, line)
        filled = [line for line in lines if line.strip(b" \t\r")]
        row = counted[log.name]
        assert row.accepted + row.rejected == row.lines == len(filled), log.name
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
