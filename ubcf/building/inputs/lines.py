"""The bytes of log files: all their lines counted, and none that DuckDB would break or lose.

DuckDB reads lines fast and well, with a few exceptions: it takes a carriage return within a line,
and the delimiter of staging/log_text.sql, for an end, and it loses very long lines. Python looks at
the bytes of every file in any case, to count its lines. Only a file with such a line is copied,
with a short placeholder for the line, which is rejected. What is reported of the line comes from
its own bytes.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from ubcf.building.inputs.logs import READ_SIZE, LogFile
from ubcf.errors import InputError

LINE_FEED = ord("\n")

# The longest line in bytes, its end aside, that staging/log_text.sql reads. A line that is longer
# reaches over the edge between two readings: READ_SIZE must not be greater.
LONGEST_LINE = 2_000_000

# From this many bytes on, numpy counts line ends, four times as fast. Loading it takes as long as
# counting those of 100 MB without it; for smaller files it is loaded while DuckDB reads them.
WORTH_NUMPY = 10**8

# How much of a longer line is kept.
KEPT_CHARACTERS = 1_000

TOO_LONG = "longer than 2 MB"
NOT_TEXT = "not UTF-8"
NOT_JSON = "not JSON"
CUT_SHORT = "not JSON: the file ends in the middle of the line"

GZIP = (".gz", ".gzip")
ZSTANDARD = (".zst", ".zstd")

# The compressed forms that DuckDB knows by these endings of names, in lower case alone.
KNOWN_TO_DUCKDB = (".gz", ".zst")

ZSTANDARD_MAGIC = 0xFD2FB528
SKIPPABLE_MAGICS = range(0x184D2A50, 0x184D2A60)

NOT_UTF8 = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True)
class Lines:
    """What the bytes of a file tell about its lines.

    count: their number, blank ones included. line_feeds: whether all of them end with a line feed
    alone; several threads can read such a file. open_end: whether the last one has no end.
    odd: whether DuckDB would break or lose one of them.
    """

    count: int
    line_feeds: bool
    open_end: bool
    odd: bool


def is_compressed(path: Path) -> bool:
    """Whether the name of a file says that it is compressed."""
    return path.suffix.lower() in GZIP + ZSTANDARD


def bytes_to_read(log: LogFile) -> int | None:
    """How much of a log file is read: what it had when it was found; None: all, if compressed."""
    return None if is_compressed(log.path) else log.bytes


def buffered(file: BinaryIO, size: int = READ_SIZE) -> BinaryIO:
    """A file that `unpacked` opened, to be read by lines or in whole parts of this size."""
    return cast(BinaryIO, io.BufferedReader(cast(Any, file), size))


@contextmanager
def unpacked(log: LogFile) -> Iterator[BinaryIO]:
    """Opens a log file for reading what it holds, unpacked if its name says it is compressed.

    Raises InputError, also while it is read, for a file that is cut short, is not what its name
    says, or cannot be read.
    """
    suffix = log.path.suffix.lower()
    try:
        with log.path.open("rb", buffering=0) as file:
            if suffix in GZIP and log.bytes > 0:
                with gzip.GzipFile(fileobj=file) as packed:
                    yield cast(BinaryIO, packed)
            elif suffix in ZSTANDARD and log.bytes > 0:
                with _zstandard(log, file) as packed:
                    yield packed
            else:
                yield cast(BinaryIO, file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{log.name}: {error or 'damaged'}") from error
    except OSError as error:
        raise InputError(f"{log.name}: cannot be read: {error.strerror}") from error


@contextmanager
def _zstandard(log: LogFile, file: io.RawIOBase) -> Iterator[BinaryIO]:
    """A Zstandard file, unpacked while it is read."""
    zstd = _zstandard_module(log)
    magic = int.from_bytes(file.read(4) or b"", "little")
    file.seek(0)
    if magic != ZSTANDARD_MAGIC and magic not in SKIPPABLE_MAGICS:
        raise InputError(f"{log.name}: not a Zstandard file")
    try:
        with zstd.ZstdFile(file) as packed:
            yield cast(BinaryIO, packed)
    except zstd.ZstdError as error:
        raise InputError(f"{log.name}: not a complete Zstandard file: {error}") from error


def _zstandard_module(log: LogFile) -> Any:
    """Python's module for Zstandard. Raises InputError where there is none."""
    try:
        from compression import zstd  # Python 3.14
    except ImportError:
        try:
            from backports import zstd
        except ImportError as error:
            raise InputError(
                f"{log.name}: reading .zst needs Python 3.14 or a package: pip install 'ubcf[zstd]'"
            ) from error
    return zstd


@dataclass(frozen=True)
class ReadableLog:
    """A log file, and how DuckDB is to read it.

    path: the file itself or a copy. lines: what its bytes tell; None if they were not looked at.
    altered: a file about the lines that differ in the copy; see `copy_readable`.
    """

    log: LogFile
    path: Path
    lines: Lines | None = None
    altered: Path | None = None


def readable(log: LogFile, folder: Path, number: int) -> ReadableLog:
    """The log file itself, or a copy in `folder` if DuckDB would break or lose some of its lines.

    number: of the file, for the names of the copy and of what is altered in it. Raises InputError
    as `unpacked`, or when a copy cannot be written.
    """
    lines = look_at(log)
    if not lines.odd:
        return ReadableLog(log, log.path, lines)
    copy, altered = (folder / f"{number}.{kind}" for kind in ("readable", "altered"))
    copy_readable(log, copy, altered)
    return ReadableLog(log, copy, replace(lines, line_feeds=True), altered)


def check_complete(logs: Iterable[LogFile]) -> None:
    """Raises InputError for a compressed file that is cut short or is not what its name says.

    DuckDB may stop reading such a file early, without an error.
    """
    for log in logs:
        if is_compressed(log.path):
            with unpacked(log) as file:
                while file.read(READ_SIZE):
                    pass


def look_at(log: LogFile) -> Lines:
    """Counts the lines of a log file, and looks for what DuckDB would break or lose.

    Of a file that is not compressed, the bytes that it had when it was found are looked at. Raises
    InputError as `unpacked`.
    """
    left = bytes_to_read(log)
    buffer = bytearray(READ_SIZE)
    count_feeds = _counter_of_feeds(buffer, log.bytes)
    feeds, position, line_start, last = 0, 0, 0, LINE_FEED
    line_feeds, odd, marked = True, is_compressed(log.path) and not _known_to_duckdb(log.path), 0
    with unpacked(log) as file:
        while length := file.readinto(buffer):  # type: ignore[attr-defined]
            if left is not None:
                length = min(length, left)
                left -= length
                if not length:
                    break
            if position == 0 and buffer.startswith(codecs.BOM_UTF8, 0, length):
                marked = len(codecs.BOM_UTF8)
            feeds += count_feeds(length)
            first_feed = buffer.find(b"\n", 0, length)
            end = position + (length if first_feed < 0 else first_feed)
            odd = odd or end - line_start > LONGEST_LINE or buffer.find(b"\x01", 0, length) >= 0
            if first_feed >= 0:
                line_start = position + buffer.rfind(b"\n", 0, length) + 1
            # Searching is much faster than counting, and most logs have no carriage return.
            if last == ord("\r") or buffer.find(b"\r", 0, length) >= 0:
                line_feeds = False
                text = (b"\r" if last == ord("\r") else b"") + buffer[:length]
                odd = odd or text.count(b"\r", 0, -1) != text.count(b"\r\n")
            last = buffer[length - 1]
            position += length
    odd = odd or last == ord("\r")
    open_line = position > marked and last != LINE_FEED
    return Lines(feeds + open_line, line_feeds, open_line and last != ord("\r"), odd)


def _counter_of_feeds(buffer: bytearray, file_bytes: int) -> Callable[[int], int]:
    """A function that counts the line feeds in so many first bytes of the buffer."""
    if file_bytes < WORTH_NUMPY:
        return lambda length: buffer.count(LINE_FEED, 0, length)
    import numpy as np

    array = np.frombuffer(buffer, dtype=np.uint8)
    return lambda length: int(np.count_nonzero(array[:length] == LINE_FEED))


def _known_to_duckdb(path: Path) -> bool:
    return path.suffix in KNOWN_TO_DUCKDB


def copy_readable(log: LogFile, copy: Path, altered: Path) -> None:
    """Copies the lines of a log file so that DuckDB reads each as one line, ended by a line feed.

    altered: gets a line of JSON for each line that is not copied as it is: file, line_number,
    reason (null: that is up to DuckDB) and line, its text. Raises InputError as `unpacked`, or when
    a copy cannot be written.
    """
    left = bytes_to_read(log)
    with (
        copying(log, copy),
        copy.open("wb") as target,
        altered.open("w", encoding="utf-8") as reports,
        unpacked(log) as file,
    ):
        source = buffered(file)
        for number, line in enumerate(_lines(source, left), start=1):
            shown = line.head.removeprefix(codecs.BOM_UTF8) if number == 1 else line.head
            readable, reason = _readable(line, shown)
            write_copy(log, target, readable + b"\n")
            if readable != line.head:
                kept = text_of(shown)[: KEPT_CHARACTERS if line.is_too_long else None]
                report_line(reports, log, number, reason, kept)


def copy_texts(log: LogFile, numbers: set[int], altered: Path) -> None:
    """Writes the texts of some lines of a log file, by number, as `copy_readable` does.

    Raises InputError as `copy_readable`.
    """
    left = bytes_to_read(log)
    with (
        copying(log, altered),
        altered.open("w", encoding="utf-8") as reports,
        unpacked(log) as file,
    ):
        source = buffered(file)
        for number, line in enumerate(_lines(source, left), start=1):
            if number in numbers:
                shown = line.head.removeprefix(codecs.BOM_UTF8) if number == 1 else line.head
                report_line(reports, log, number, None, text_of(shown))


def report_line(reports: TextIO, log: LogFile, number: int, reason: str | None, text: str) -> None:
    """Writes about one line that is not copied as it is; see `copy_readable`."""
    entry = {"file": log.name, "line_number": number, "reason": reason, "line": text}
    with copying(log, Path(reports.name)):
        reports.write(json.dumps(entry) + "\n")


@contextmanager
def copying(log: LogFile, copy: Path) -> Iterator[None]:
    """Turns the errors of writing into an InputError. Those of reading are for `unpacked`."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{log.name}: cannot be copied to {copy}: {error.strerror}") from error


def write_copy(log: LogFile, target: BinaryIO, data: bytes) -> None:
    """Writes a part of a copy. Raises InputError when that fails."""
    try:
        target.write(data)
    except OSError as error:
        raise InputError(
            f"{log.name}: cannot be copied to {target.name}: {error.strerror}"
        ) from error


@dataclass(frozen=True)
class Line:
    """A line without its end. head: all of it, or its first part if it is too long.

    digest: of all of it, if it is too long. ended: whether a line end follows.
    """

    head: bytes
    ended: bool
    digest: str = ""

    @property
    def is_too_long(self) -> bool:
        """Whether the line is longer than LONGEST_LINE."""
        return bool(self.digest)


def _lines(source: BinaryIO, left: int | None) -> Iterator[Line]:
    """The lines of a file. left: how many bytes to read; None means all."""

    def read(most: int) -> bytes:
        nonlocal left
        part = source.readline(most if left is None else min(most, left))
        if left is not None:
            left -= len(part)
        return part

    while head := read(LONGEST_LINE + 2):
        if len(head) - head.endswith(b"\n") <= LONGEST_LINE:
            ended = head.endswith((b"\n", b"\r"))
            yield Line(head.removesuffix(b"\n").removesuffix(b"\r"), ended)
            continue
        # The rest is not held: such a line may be longer than the memory.
        digest = hashlib.blake2b(head)
        part = head
        while not part.endswith(b"\n") and (part := read(READ_SIZE)):
            digest.update(part)
        yield Line(head[:LONGEST_LINE], True, digest.hexdigest())


def _readable(line: Line, shown: bytes) -> tuple[bytes, str | None]:
    """What stands for a line in the copy, and why it is rejected (None: that is up to DuckDB).

    Outside its texts, JSON may have a carriage return wherever it may have a space.
    """
    if line.is_too_long:
        return placeholder(line.digest), TOO_LONG
    if not line.head.strip(b" \t\r"):
        return b"", None
    kept = line.head.rstrip(b"\r")
    if b"\r" not in kept and b"\x01" not in kept:
        return kept, None
    try:
        json.loads(shown.decode())
        return kept.replace(b"\r", b" "), None
    except UnicodeDecodeError:
        reason = NOT_TEXT
    except (ValueError, RecursionError):
        cut = shown.lstrip(b" \t\r").startswith(b"{") and not line.ended
        reason = CUT_SHORT if cut else NOT_JSON
    return placeholder(hashlib.blake2b(shown).hexdigest()), reason


def placeholder(digest: str) -> bytes:
    """A line that is not JSON; equal lines have equal ones, so that they are counted as equal."""
    return b"\x1f" + digest.encode()


def text_of(line: bytes) -> str:
    """The text of a line; '?' stands for bytes that are not UTF-8."""
    return NOT_UTF8.sub("?", line.decode("utf-8", "surrogateescape"))
