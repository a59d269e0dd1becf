"""Log files of the service: finding them, and making sure that every byte is read."""

from __future__ import annotations

import glob
import gzip
import os
import re
import stat
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from ubcf.errors import InputError, OptionError

# data.json, rotated data.json.1, data.json.2, ..., plain or compressed.
LOG_NAME = re.compile(r"data\.json(\.[0-9]+)?(\.(gz|zst))?")

CATALOG_NAME = "tracks.json"

PACKED = (".gz", ".zst")

READ_SIZE = 1 << 20

LINE_FEED = ord("\n")

# What DuckDB's reader takes for the end of a line or of a value even inside a line: a carriage
# return that is not part of the line's end, and the delimiter of staging/log_text.sql. In JSON, the
# delimiter cannot occur, and a carriage return only between values.
HIDDEN_END = re.compile(rb"\r(?!\r*\n?\Z)|\x01(?=\x02\x03\x04)")

# Carriage returns before the one that is part of the line's end.
DOUBLED_RETURN = re.compile(rb"\r(?=\r+\n?\Z)")


@dataclass(frozen=True)
class LogFile:
    """A log file as it was when it was found.

    name: the name that is reported. path: the file that is read, which may be a copy. bytes, inode:
    its size and identity then. line_feeds: whether all its lines are known to end with a line feed
    alone; several threads can read such a file.
    """

    name: str
    path: Path
    bytes: int
    inode: tuple[int, int]
    line_feeds: bool = False


def log_file(name: str | os.PathLike[str]) -> LogFile:
    """The file of this name as it is now. Raises InputError when it cannot be read."""
    path = Path(name)
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(path).decode("utf-8", "replace")
        raise InputError(f"{shown}: cannot be read: its name is not UTF-8; rename it") from error
    try:
        state = path.stat()
        # A pipe can be read only once, and a log may be read twice.
        if not stat.S_ISREG(state.st_mode):
            raise InputError(f"{name}: cannot be read: it is not a file on disk")
        with path.open("rb"):
            pass
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror}") from error
    return LogFile(path.as_posix(), path, state.st_size, (state.st_dev, state.st_ino))


def find_logs(places: Sequence[str | os.PathLike[str]]) -> list[LogFile]:
    """The log files in files, folders and glob patterns, each once, in the order of their names.

    A folder stands for every data.json and data.json.N in it, plain or compressed, at any depth.
    Raises InputError for a place without a log file.
    """
    names = {name for place in places for name in _names_in(os.fspath(place))}
    found: dict[tuple[int, int], LogFile] = {}
    for name in sorted(names, key=_natural_order):
        log = log_file(name)
        found.setdefault(log.inode, log)
    return list(found.values())


def find_catalog(places: Sequence[str | os.PathLike[str]]) -> Path | None:
    """The tracks.json in one of the folders among the places, or None.

    Raises InputError when several folders have different ones.
    """
    catalogs = [Path(place) / CATALOG_NAME for place in places if Path(place).is_dir()]
    found = {catalog.resolve(): catalog for catalog in catalogs if catalog.is_file()}
    if len(found) > 1:
        raise InputError(
            f"several catalogs: {', '.join(sorted(map(str, found.values())))}; "
            "choose one with --catalog"
        )
    return next(iter(found.values()), None)


def as_places(
    logs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
) -> list[str | os.PathLike[str]]:
    """One place, or several, as a list."""
    return [logs] if isinstance(logs, str | os.PathLike) else list(logs)


def refuse_log_names(places: Sequence[str | os.PathLike[str]], *targets: Path) -> None:
    """Raises OptionError for a target that the next build of these places would read."""
    folders = [Path(place).resolve() for place in places if Path(place).is_dir()]
    for target in targets:
        is_read = LOG_NAME.fullmatch(target.name) or target.name == CATALOG_NAME
        if is_read and any(folder in target.parents for folder in folders):
            raise OptionError(
                f"{target}: the next build would read it as a log or a catalog; choose another name"
            )


def check_complete(logs: Iterable[LogFile]) -> None:
    """Raises InputError for a compressed file that is cut short or is not what its suffix says.

    DuckDB may stop reading such a file early, without an error.
    """
    for log in logs:
        check = {".gz": _check_gzip, ".zst": _check_zstandard}.get(log.path.suffix)
        if check is not None and log.bytes > 0:
            try:
                with log.path.open("rb") as file:
                    check(file)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise InputError(f"{log.name}: {error or 'damaged'}") from error
            except OSError as error:
                raise InputError(f"{log.name}: cannot be read: {error.strerror}") from error


def grown(logs: Iterable[LogFile]) -> list[LogFile]:
    """The files that have grown since they were found.

    Raises InputError for a file that is gone, replaced or shorter: its lines can no longer be read.
    """
    longer = []
    for log in logs:
        try:
            now = log.path.stat()
        except OSError as error:
            raise InputError(f"{log.name}: vanished while it was read; build again") from error
        if (now.st_dev, now.st_ino) != log.inode or now.st_size < log.bytes:
            raise InputError(
                f"{log.name}: was replaced or cut while it was read (rotated?); build again"
            )
        if now.st_size > log.bytes:
            longer.append(log)
    return longer


def readable(log: LogFile, folder: Path, number: int) -> LogFile:
    """The log file itself, or a copy in `folder` if DuckDB would break some of its lines.

    The copy has the same length. A control character, which JSON cannot contain, replaces what
    would break the line, so that the whole line is rejected as one. number: of the file, for the
    name of the copy. Raises InputError, with the line, if a gzip file has such a line: it is not
    copied.
    """
    if log.path.suffix == ".zst":  # Python cannot unpack Zstandard
        return log
    packed = log.path.suffix == ".gz" and log.bytes > 0
    copy = folder / f"{number}.readable"
    try:
        with gzip.open(log.path) if packed else log.path.open("rb") as source:
            hidden, line_feeds = _ends_of_lines(source)
            if not hidden:
                return replace(log, line_feeds=line_feeds)
            source.seek(0)
            if packed:
                for number_of_line, line in enumerate(source, start=1):
                    if _with_plain_ends(line) != line:
                        raise InputError(
                            f"{log.name}, line {number_of_line}: a carriage return or control "
                            "characters within the line; unpack the file, and it can be read"
                        )
                return log
            with copy.open("wb") as target:
                left = log.bytes
                while left > 0 and (line := source.readline(left)):
                    left -= len(line)
                    target.write(_with_plain_ends(line))
        state = copy.stat()
    except OSError as error:
        raise InputError(f"{log.name}: cannot be copied to {folder}: {error.strerror}") from error
    return replace(log, path=copy, inode=(state.st_dev, state.st_ino))


def _with_plain_ends(line: bytes) -> bytes:
    """The line, of the same length, without what DuckDB would take for an end inside it."""
    return HIDDEN_END.sub(b"\x1f", DOUBLED_RETURN.sub(b" ", line))


def _ends_of_lines(file: BufferedReader | gzip.GzipFile) -> tuple[bool, bool]:
    """Whether a line may have an end inside it, and whether all lines end with line feeds alone.

    An end inside a line is a carriage return without a line feed after it, or the delimiter.
    """
    buffer = bytearray(READ_SIZE)
    last = b""
    line_feeds = True
    while length := file.readinto(buffer):
        chunk = buffer if length == READ_SIZE else buffer[:length]
        if b"\x01" in chunk:
            return True, False
        # Searching is much faster than counting, and most logs have no carriage return.
        if last == b"\r" or b"\r" in chunk:
            line_feeds = False
            text = last + chunk
            if text.count(b"\r", 0, -1) != text.count(b"\r\n"):
                return True, False
        last = bytes(chunk[-1:])
    return False, line_feeds


def count_lines(log: LogFile) -> int | None:
    """The number of lines in a log file, blank ones included.

    None for a compressed file, and unless all lines are known to end with line feeds alone. Raises
    InputError when the file cannot be read.
    """
    import numpy as np

    if not log.line_feeds or log.path.suffix in PACKED:
        return None
    buffer = np.empty(READ_SIZE, dtype=np.uint8)
    lines, last = 0, LINE_FEED
    try:
        with log.path.open("rb", buffering=0) as file:
            while length := file.readinto(buffer.data):
                lines += int(np.count_nonzero(buffer[:length] == LINE_FEED))
                last = buffer[length - 1]
    except OSError as error:
        raise InputError(f"{log.name}: cannot be read: {error.strerror}") from error
    return lines if last == LINE_FEED else lines + 1


def frozen(log: LogFile, folder: Path, number: int) -> LogFile:
    """The log file, with a copy in `folder` of the bytes that it had when it was found.

    number: of the file, for the name of the copy.
    """
    copy = folder / f"{number}{''.join(log.path.suffixes)}"
    try:
        with log.path.open("rb") as source, copy.open("wb") as target:
            left = log.bytes
            while left > 0 and (chunk := source.read(min(left, READ_SIZE))):
                target.write(chunk)
                left -= len(chunk)
        state = copy.stat()
    except OSError as error:
        raise InputError(f"{log.name}: cannot be copied to {folder}: {error.strerror}") from error
    return replace(log, path=copy, inode=(state.st_dev, state.st_ino))


def _names_in(place: str) -> list[str]:
    path = Path(place)
    if path.is_dir():
        names = _names_under(path)
        if not names:
            raise InputError(
                f"{place}: no log file in this folder; looked at every depth for data.json, "
                "data.json.N, and either with .gz or .zst"
            )
        return names
    if path.exists():
        return [str(path)]
    names = []
    for match in map(Path, glob.glob(place, recursive=True)):
        names += _names_under(match) if match.is_dir() else [str(match)]
    if not names:
        raise InputError(f"{place}: no such file or folder, and no file matches it as a pattern")
    return names


def _names_under(folder: Path, above: frozenset[tuple[int, int]] = frozenset()) -> list[str]:
    """The log files in a folder, at any depth; links are followed, except to a folder in `above`.

    above: the folders around this one. Raises InputError for a folder that cannot be read.
    """
    try:
        state = folder.stat()
        inode = (state.st_dev, state.st_ino)
        entries = [] if inode in above else [(entry, entry.is_dir()) for entry in folder.iterdir()]
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror}") from error
    names = []
    for entry, is_folder in entries:
        if is_folder:
            names += _names_under(entry, above | {inode})
        elif LOG_NAME.fullmatch(entry.name):
            names.append(str(entry))
    return names


def _natural_order(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """A sort key by which data.json.2 comes before data.json.10."""
    parts = re.split(r"([0-9]+)", name)
    # Every second part is a number. (isdigit would be true of "²" as well.)
    return [
        (1, int(part), "") if index % 2 else (0, 0, part) for index, part in enumerate(parts)
    ], name


def _check_gzip(file: BinaryIO) -> None:
    with gzip.GzipFile(fileobj=file) as stream:
        while stream.read(READ_SIZE):
            pass


def _check_zstandard(file: BinaryIO) -> None:
    """Steps through the frames and blocks of a Zstandard file (RFC 8878, section 3.1)."""
    while magic := file.read(4):
        number = int.from_bytes(magic, "little")
        if len(magic) == 4 and 0x184D2A50 <= number <= 0x184D2A5F:  # a frame to be skipped
            _skip(file, int.from_bytes(_exactly(file, 4), "little"))
            continue
        if number != 0xFD2FB528:
            raise gzip.BadGzipFile("not a Zstandard file")
        descriptor = _exactly(file, 1)[0]
        single_segment = bool(descriptor & 0x20)
        dictionary_bytes = (0, 1, 2, 4)[descriptor & 3]
        size_bytes = (1 if single_segment else 0, 2, 4, 8)[descriptor >> 6]
        _exactly(file, (0 if single_segment else 1) + dictionary_bytes + size_bytes)
        last = False
        while not last:
            header = int.from_bytes(_exactly(file, 3), "little")
            last, kind, size = bool(header & 1), header >> 1 & 3, header >> 3
            _skip(file, 1 if kind == 1 else size)  # kind 1 repeats one byte
        _exactly(file, 4 if descriptor & 4 else 0)  # checksum


def _exactly(file: BinaryIO, count: int) -> bytes:
    read = file.read(count)
    if len(read) < count:
        raise EOFError("Compressed file ended before the end-of-stream marker was reached")
    return read


def _skip(file: BinaryIO, count: int) -> None:
    if count:
        file.seek(count - 1, os.SEEK_CUR)
        _exactly(file, 1)
