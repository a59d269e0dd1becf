"""Log files of the service: finding them, and noticing when they change."""

from __future__ import annotations

import filecmp
import fnmatch
import glob
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ubcf.database.frames import FRAMES, Frame, is_frame
from ubcf.errors import InputError, OptionError, RotatedError
from ubcf.remote import RemoteFile

PathLike = str | os.PathLike[str]

# Where logs are: a file, a folder or a pattern; or a frame, which holds them.
Place = PathLike | Frame

# data.json, rotated data.json.1, data.json.2, ..., plain or compressed.
LOG_NAME = re.compile(r"data\.json(\.[0-9]+)?(\.(?i:gz|gzip|zst|zstd))?")

CATALOG_NAME = "tracks.json"

# The endings of the names of compressed files, in small letters.
COMPRESSED = (".gz", ".gzip", ".zst", ".zstd")

READ_SIZE = 1 << 20


@dataclass(frozen=True)
class LogFile:
    """A log file as it was when it was found.

    name: the name that is reported. path: the file that is read, which may be a copy. bytes, inode:
    its size and identity then. frame: what the file is a Parquet copy of, in words, if it is a copy
    of a frame. source: where the path is to be fetched from before it is read, if it is not there.
    """

    name: str
    path: Path
    bytes: int
    inode: tuple[int, int]
    frame: str | None = None
    source: RemoteFile | None = None


@dataclass(frozen=True)
class Catalog:
    """A file of tracks. name: what is reported. path: the file that is read, maybe a copy."""

    name: str
    path: Path


def log_file(name: PathLike) -> LogFile:
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


def find_logs(places: Sequence[PathLike], pattern: str | None = None) -> list[LogFile]:
    """The log files in files, folders and glob patterns, each once, in the order of their names.

    A folder stands for every data.json and data.json.N in it, plain or compressed, at any depth;
    or, with a pattern such as '*.parquet', for the files whose names match it. Raises InputError
    for a place without a log file.
    """
    names = {name for place in places for name in _names_in(os.fspath(place), pattern)}
    found: dict[tuple[int, int], LogFile] = {}
    for name in sorted(names, key=natural_order):
        if not os.path.lexists(name):
            raise rotated(name)
        log = log_file(name)
        found.setdefault(log.inode, log)
    return list(found.values())


def find_catalog(places: Sequence[PathLike]) -> Path | None:
    """The tracks.json in one of the folders among the places, or None.

    Several folders may have copies of one catalog. Raises InputError when they have different ones.
    """
    catalogs = [Path(place) / CATALOG_NAME for place in places if Path(place).is_dir()]
    found = {catalog.resolve(): catalog for catalog in catalogs if catalog.is_file()}
    one = the_one_of([Catalog(str(catalog), catalog) for catalog in sorted(found.values())])
    return None if one is None else one.path


def the_one_of(catalogs: Sequence[Catalog]) -> Catalog | None:
    """The first of several copies of one catalog. Raises InputError when they differ."""
    if not catalogs:
        return None
    first, *others = catalogs
    if not all(filecmp.cmp(first.path, other.path, shallow=False) for other in others):
        raise InputError(
            f"several catalogs: {', '.join(sorted(catalog.name for catalog in catalogs))}; "
            "choose one with --catalog"
        )
    return first


def as_places(logs: Place | Sequence[Place], what: str = "logs") -> list[Place]:
    """One place, or several, as a list. Raises InputError, saying of what, for what is no place."""
    places: list[Any] = [logs]
    is_one = isinstance(logs, str) or is_frame(logs)
    if isinstance(logs, Sequence | Set | Iterator) and not is_one:
        places = list(logs)
    if not places:
        raise InputError(f"{what}: the list is empty")
    for place in places:
        if not isinstance(place, str | os.PathLike) and not is_frame(place):
            kind = f"{type(place).__module__}.{type(place).__qualname__}".removeprefix("builtins.")
            raise InputError(f"{what}: {kind} is neither a path nor a frame; a frame is {FRAMES}")
    return places


def paths_among(places: Sequence[Place]) -> list[PathLike]:
    """The places that are paths."""
    return [place for place in places if isinstance(place, str | os.PathLike)]


def is_log_name(name: str, pattern: str | None = None) -> bool:
    """Whether a file of this name in a folder is a log; pattern: as for `find_logs`.

    The catalog is no log, whatever the pattern.
    """
    if pattern is None:
        return LOG_NAME.fullmatch(name) is not None
    return name != CATALOG_NAME and fnmatch.fnmatchcase(name, pattern)


def refuse_log_names(
    places: Sequence[PathLike], *targets: Path, pattern: str | None = None
) -> None:
    """Raises OptionError for a target that the next build of these places would read."""
    folders = [Path(place).resolve() for place in places if Path(place).is_dir()]
    for target in targets:
        is_read = is_log_name(target.name, pattern) or target.name == CATALOG_NAME
        if is_read and any(folder in target.parents for folder in folders):
            raise OptionError(
                f"{target}: the next build would read it as a log or a catalog; choose another name"
            )


def grown(logs: Iterable[LogFile]) -> list[LogFile]:
    """The files that have grown since they were found.

    Raises RotatedError for a file that is gone, replaced or shorter: its lines can no longer be
    read.
    """
    longer = []
    for log in logs:
        try:
            now = log.path.stat()
        except OSError as error:
            raise rotated(log.name) from error
        if (now.st_dev, now.st_ino) != log.inode or now.st_size < log.bytes:
            raise rotated(log.name)
        if now.st_size > log.bytes:
            longer.append(log)
    return longer


@contextmanager
def noticing_rotation(
    logs: Iterable[LogFile], *errors: type[Exception], are_text: bool
) -> Iterator[None]:
    """Turns one of these errors into a RotatedError if one of the files is no longer as it was.

    are_text: no file is said to be Parquet, other than by its name.
    """
    try:
        yield
    except errors as error:
        for log in grown(logs):
            # A file of text that grows can be read all the same.
            if not are_text or log.path.suffix.lower() in (*COMPRESSED, ".parquet"):
                raise rotated(log.name) from error
        raise


def rotated(name: str, what: str = "changed or vanished") -> RotatedError:
    """The one sentence for every way in which a log can change while it is read."""
    return RotatedError(
        f"{name}: {what} while it was read (rotated?); build again, or let --retries do it"
    )


def frozen(log: LogFile, folder: Path, number: int) -> LogFile:
    """The log file, with a copy in `folder` of the bytes that it had when it was found.

    number: of the file, for the name of the copy.
    """
    copy = folder / f"{number}{''.join(log.path.suffixes)}"
    try:
        with log.path.open("rb") as source, copy.open("wb") as target:
            now = os.fstat(source.fileno())
            if (now.st_dev, now.st_ino) != log.inode:
                raise rotated(log.name)
            left = log.bytes
            while left > 0 and (chunk := source.read(min(left, READ_SIZE))):
                target.write(chunk)
                left -= len(chunk)
        if left:
            raise rotated(log.name)
        state = copy.stat()
    except FileNotFoundError as error:
        raise rotated(log.name) from error
    except OSError as error:
        raise InputError(f"{log.name}: cannot be copied to {folder}: {error.strerror}") from error
    return replace(log, path=copy, inode=(state.st_dev, state.st_ino))


def as_found(logs: Sequence[LogFile], folder: Path) -> list[LogFile]:
    """The files, with copies in `folder` of those that have grown since: copies do not grow.

    Raises RotatedError as `grown`.
    """
    longer = grown(logs)
    return [
        frozen(log, folder, number) if log in longer else log for number, log in enumerate(logs)
    ]


def no_log_in(folder: str, pattern: str | None) -> InputError:
    """The error for a folder without a log file; pattern: as for `find_logs`."""
    return InputError(
        f"{folder}: no log file in this folder; looked at every depth for "
        + (pattern or "data.json, data.json.N, and either with .gz or .zst")
        + ("" if pattern else "; --pattern NAME, such as --pattern '*.csv', names others")
    )


def _names_in(place: str, pattern: str | None) -> list[str]:
    path = Path(place)
    if path.is_dir():
        names = _names_under(path, pattern)
        if not names:
            raise no_log_in(place, pattern)
        return names
    if path.exists():
        return [str(path)]
    names = []
    for match in map(Path, glob.glob(place, recursive=True)):
        names += _names_under(match, pattern) if match.is_dir() else [str(match)]
    if not names:
        raise InputError(f"{place}: no such file or folder, and no file matches it as a pattern")
    return names


def _names_under(
    folder: Path, pattern: str | None, above: frozenset[tuple[int, int]] = frozenset()
) -> list[str]:
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
            names += _names_under(entry, pattern, above | {inode})
        elif is_log_name(entry.name, pattern):
            names.append(str(entry))
    return names


def natural_order(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """A sort key by which data.json.2 comes before data.json.10."""
    parts = re.split(r"([0-9]+)", name)
    # Every second part is a number. (isdigit would be true of "²" as well.)
    return [
        (1, int(part), "") if index % 2 else (0, 0, part) for index, part in enumerate(parts)
    ], name
