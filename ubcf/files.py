"""Files that appear complete or not at all: what may be written where, and how it is published.

Every command that writes a file asks `check_target` whether it may, writes to an unfinished file
beside the target, and lets a `Publication` rename it into place.

Two files cannot be renamed in one step. A publication of several files therefore first writes a
record of what is to be renamed; once the record is there, the publication is decided. Whoever next
uses one of the files after a kill finishes it (`finish_publication`).
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import json
import os
import shutil
import signal
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from ubcf.errors import ENDING_SIGNALS, BusyError, DatabaseError, OptionError
from ubcf.remote import is_remote, shown

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


# A reader waits this long, in seconds, for a publication that a live build has decided.
PUBLICATION_WAIT = 5.0
PUBLICATION_POLL = 0.01

# Bytes at the beginning of a file that show what it is.
HEAD_BYTES = 1 << 16


@dataclass(frozen=True)
class Kind:
    """A kind of file that a command writes.

    recognizes: whether an existing file is of this kind, by its content. may_be_stream: it can be
    written to a device or a pipe too.
    """

    name: str
    recognizes: Callable[[Path], bool]
    may_be_stream: bool = False


def head(path: Path) -> bytes:
    """The first bytes of a file."""
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def check_target(
    path: str | os.PathLike[str], kind: Kind, inputs: Iterable[str | os.PathLike[str]] = ()
) -> Path:
    """Returns where to write a file; symbolic links are followed. The one rule for all commands.

    inputs: files that the command reads. An existing file is replaced only if it is empty or of the
    kind that the command writes. A device or a pipe is written to.
    Raises OptionError, with what to do, for a file that is an input, for one of another kind, for a
    folder, and for a file in a folder that does not exist.
    """
    if is_remote(path):
        raise OptionError(f"{shown(path)}: is on another machine; {kind.name} needs a file on disk")
    given = Path(path)
    if _is_stream(given):
        if not kind.may_be_stream:
            raise OptionError(f"{given}: is not a file on disk; {kind.name} needs one")
        return given
    target = Path(os.path.realpath(given))
    if not target.parent.is_dir():
        raise OptionError(f"{given}: the folder {target.parent} does not exist")
    try:
        state = target.stat()
    except FileNotFoundError:
        return target
    except OSError as error:
        raise OptionError(f"{given}: cannot be written: {error.strerror}") from error
    if stat.S_ISDIR(state.st_mode):
        raise OptionError(f"{given}: exists, and is a folder; choose another name")
    for read in map(Path, inputs):
        with contextlib.suppress(OSError):
            if os.path.samestat(read.stat(), state):
                raise OptionError(
                    f"{given}: is read by this command ({read}), which would overwrite it; "
                    "choose another name"
                )
    if state.st_size == 0:
        return target
    try:
        refuse_other_kind(str(given), kind, target)
    except OSError as error:
        raise OptionError(f"{given}: cannot be read, so not replaced: {error.strerror}") from error
    return target


def refuse_other_kind(name: str, kind: Kind, path: Path) -> None:
    """Raises OptionError if what exists under a name is not of the kind that is written.

    path: the file itself, or one that begins like it.
    """
    if not kind.recognizes(path):
        raise OptionError(
            f"{name}: exists, and is not {kind.name} but {_description(path)}; remove it, or "
            "choose another name"
        )


def _is_stream(path: Path) -> bool:
    """Whether a path is a device, a pipe or a socket, which cannot be replaced."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


# What the first bytes of a file show.
_HEADS = (
    (b"SQLite format 3\x00", "a SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"PK\x03\x04", "a zip file"),
    (b"%PDF", "a PDF file"),
)


def _description(path: Path) -> str:
    """What a file seems to be, in words."""
    first = head(path)
    for start, words in _HEADS:
        if first.startswith(start):
            return words
    if first[8:12] == b"DUCK":
        return "another DuckDB database"
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(first).lstrip()
    except UnicodeDecodeError:
        return "a binary file"
    if "\x00" in text:
        return "a binary file"
    if text[:1] in ("{", "["):
        return "a JSON file"
    return "an HTML page" if text[:1] == "<" and "<html" in text.lower() else "a text file"


class Publication:
    """Files that appear complete and together, or not at all, one build at a time.

    A context manager. On entry it locks the targets against other builds, finishes a publication
    that a killed build had decided, and removes what else it left; `unfinished(target)` is where to
    write; `publish()` renames all files into place; on exit nothing but the targets is left.
    """

    def __init__(self, *targets: Path) -> None:
        """targets: of `check_target`; if one is a database, the first.

        Raises DatabaseError when two targets are one file.
        """
        self._files = [target for target in targets if not _is_stream(target)]
        self._streams: dict[Path, Path] = dict.fromkeys(set(targets) - set(self._files), Path())
        self._locks = contextlib.ExitStack()
        self._is_left_to_others = False
        # Whether the files are in place, or will be, since the next command finishes it.
        self.is_decided = False
        for number, target in enumerate(self._files):
            for other in self._files[:number]:
                if target == other or _are_one_file(target, other):
                    raise DatabaseError(f"{target}: is one file with {other}; choose another name")

    def __enter__(self) -> Publication:
        with contextlib.ExitStack() as locks:
            with _uninterrupted():
                # The database first: a second build into it gets an error about the database.
                for target in self._files:
                    locks.enter_context(_lock(target))
            for target in self._files:
                _finish(target, locked=self._files)
            self._remove_leftovers()
            for number, target in enumerate(self._streams):
                folder = locks.enter_context(tempfile.TemporaryDirectory(prefix="ubcf-"))
                self._streams[target] = Path(folder, str(number))
            self._locks = locks.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with _uninterrupted():
            # After a publication a leftover is no reason to fail: the next build removes it.
            with contextlib.suppress(OSError):
                self._remove_leftovers()
            with contextlib.suppress(OSError):
                self._locks.close()

    def unfinished(self, target: Path) -> Path:
        """The hidden file beside a target that is written before it is published."""
        return self._streams[target] if target in self._streams else _unfinished(target)

    def temporary_folder(self, target: Path) -> Path:
        """Makes a folder beside a target for temporary files.

        Raises DatabaseError when it cannot be made.
        """
        folder = _temporary(target)
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise DatabaseError(f"cannot write in {target.parent}: {error.strerror}") from error
        return folder

    def publish(self, before: Callable[[], None] | None = None) -> None:
        """Renames all targets into place, or none of them. A reader of an old file keeps it.

        before: what may fail, and is done when nothing but the renaming is left to do.
        Raises DatabaseError when that fails.
        """
        for target in self._files:
            if _write_ahead_log(_unfinished(target)).exists():
                # DuckDB reports no error when it cannot write everything while it closes a
                # database: it leaves this file, and an empty database.
                raise DatabaseError(f"{target}: not all of it could be written; disk full?")
        try:
            for target in self._files:
                _like_its_predecessor(target)
                _to_disk(_unfinished(target))
            if before is not None:
                before()
            with _uninterrupted():
                self._rename_all()
            for target, written in self._streams.items():
                with written.open("rb") as source, target.open("wb") as stream:
                    shutil.copyfileobj(source, stream)
        except OSError as error:
            raise DatabaseError(f"cannot publish the results: {error}") from error

    def _rename_all(self) -> None:
        """Renames all files; after an error, gives all of them their former content back."""
        renamed: list[Path] = []
        is_new = {target for target in self._files if not target.exists()}
        for target in self._files:
            _keep(target)
        self.is_decided = True
        try:
            if len(self._files) > 1:
                _write_record(self._files)
            for target in self._files:
                _rename_into_place(target)
                renamed.append(target)
            _sync_folders(self._files)
        except OSError:
            # Where a file could not be kept under a second name, the record and the unfinished
            # files stay, and the next command finishes the publication.
            self._is_left_to_others = True
            if all(target in is_new or _previous(target).exists() for target in renamed):
                for target in self._files:
                    _take_back(target, renamed=target in renamed)
                self._is_left_to_others = self.is_decided = False
            raise

    def _remove_leftovers(self) -> None:
        """Removes the record first: then nothing is decided any more."""
        if not self._is_left_to_others:
            _remove_record(self._files)
            for target in self._files:
                _remove_leftovers(target)


@contextmanager
def complete_or_absent(target: Path) -> Iterator[Path]:
    """Yields where to write one file, which is published on success and removed on an error.

    target: of `check_target`. Raises as `Publication`.
    """
    with Publication(target) as publication:
        yield publication.unfinished(target)
        publication.publish()


def finish_publication(path: str | os.PathLike[str]) -> None:
    """Finishes the publication of a file that a killed build had decided, if there is one.

    A command that reads the file calls this first, so that it finds files that belong together.
    Waits a little while a live build is at it; does nothing where the folder cannot be written.
    """
    target = Path(os.path.realpath(path))
    give_up = time.monotonic() + PUBLICATION_WAIT
    while _record(target).exists() and time.monotonic() < give_up:
        try:
            with _lock(target):
                _finish(target, locked=[target])
                return
        except BusyError:
            time.sleep(PUBLICATION_POLL)
        except (DatabaseError, OSError):
            return


# The files beside a target.


def _unfinished(target: Path) -> Path:
    return target.with_name(f".{target.name}.building")


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name}.temporary")


def _previous(target: Path) -> Path:
    return target.with_name(f".{target.name}.previous")


def _record(target: Path) -> Path:
    return target.with_name(f".{target.name}.publishing")


def _draft(target: Path) -> Path:
    """A record before it is complete."""
    return target.with_name(f".{target.name}.publishing.draft")


def _write_ahead_log(database: Path) -> Path:
    """DuckDB's write-ahead log of a database file."""
    return database.with_name(f"{database.name}.wal")


def _remove_leftovers(target: Path) -> None:
    """Removes what a build leaves beside a target when it is killed, apart from its record."""
    for file in (_unfinished(target), _previous(target)):
        _write_ahead_log(file).unlink(missing_ok=True)
        file.unlink(missing_ok=True)
    _draft(target).unlink(missing_ok=True)
    shutil.rmtree(_temporary(target), ignore_errors=True)


# Steps of a publication.


def _keep(target: Path) -> None:
    """Keeps a target under a second name, where the file system has hard links."""
    with contextlib.suppress(OSError):
        _previous(target).hardlink_to(target)


def _rename_into_place(target: Path) -> None:
    """Renames an unfinished file, and moves away the write-ahead log of an old database."""
    log = _write_ahead_log(target)
    if log.exists():
        log.replace(_write_ahead_log(_previous(target)))
    _unfinished(target).replace(target)


def _take_back(target: Path, *, renamed: bool) -> None:
    """Undoes `_rename_into_place`. A kill between two steps leaves what `_finish` completes."""
    if renamed:
        target.replace(_unfinished(target))
    if _previous(target).exists():
        _previous(target).replace(target)
    log = _write_ahead_log(_previous(target))
    if log.exists():
        log.replace(_write_ahead_log(target))


def _like_its_predecessor(target: Path) -> None:
    """Gives an unfinished file the mode, the owner and the attributes of the file it replaces."""
    if not target.exists():
        return
    unfinished, state = _unfinished(target), target.stat()
    if hasattr(os, "chown"):
        made = unfinished.stat()
        if (made.st_uid, made.st_gid) != (state.st_uid, state.st_gid):
            _chown(unfinished, state.st_uid, state.st_gid)
    shutil.copymode(target, unfinished)  # after chown, which clears bits of the mode
    if hasattr(os, "listxattr"):  # access control lists among them
        with contextlib.suppress(OSError):
            for name in os.listxattr(target):
                os.setxattr(unfinished, name, os.getxattr(target, name))


def _chown(path: Path, user: int, group: int) -> None:
    """Changes the owner and the group; without the right to, the group alone, if we are in it."""
    for owner in (user, -1):
        with contextlib.suppress(PermissionError):
            os.chown(path, owner, group)
            return


def _to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_folders(targets: list[Path]) -> None:
    """Writes the names in the folders of the targets to disk, where the system can."""
    if sys.platform == "win32":
        return
    for folder in dict.fromkeys(target.parent for target in targets):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError):  # some file systems refuse it for folders
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _are_one_file(one: Path, other: Path) -> bool:
    """Whether two names are those of one existing file."""
    return one.exists() and other.exists() and one.samefile(other)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Delays Ctrl-C, and other signals that end a command, until a few quick steps are done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []

    def wait(number: int, _frame: FrameType | None) -> None:
        waiting.append(number)

    handlers = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
    ours = {number: each for number, each in handlers.items() if each not in (signal.SIG_IGN, None)}
    for number in ours:
        signal.signal(number, wait)
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
        for number in waiting[:1]:
            signal.raise_signal(number)


@contextmanager
def _lock(target: Path) -> Iterator[None]:
    """Holds the lock of a target, which the system releases however the process ends.

    Raises BusyError when another process holds it, DatabaseError when the folder is not writable
    or its file system has no locks.
    """
    path = target.with_name(f".{target.name}.lock")
    while True:
        descriptor = _open_lock(path)
        try:
            _try_lock(descriptor)
        except OSError as error:
            os.close(descriptor)
            if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                raise BusyError(f"{target}: another build is writing this file") from error
            raise DatabaseError(
                f"{path}: cannot be locked: {error.strerror}; write to a file system with locks"
            ) from error
        # The name must still stand for the locked file: its former holder may have removed it.
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                break
        os.close(descriptor)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # an unlocked file is in nobody's way
            if sys.platform == "win32":  # an open file cannot be removed there
                os.close(descriptor)
                path.unlink()
            else:
                path.unlink(missing_ok=True)
                os.close(descriptor)


def _open_lock(path: Path) -> int:
    """Opens a lock file; one that a killed build of another user left need not be writable."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError as error:
        try:
            return os.open(path, os.O_RDONLY)
        except OSError:
            raise DatabaseError(f"cannot write in {path.parent}: {error.strerror}") from error
    except OSError as error:
        raise DatabaseError(f"cannot write in {path.parent}: {error.strerror}") from error
    if hasattr(os, "fchmod"):
        with contextlib.suppress(OSError):  # against the umask; another user's file keeps its mode
            os.fchmod(descriptor, 0o666)
    return descriptor


# The record of a publication: beside the first target the list of all of them; beside each other
# target the name of that list. Names are relative, so that a folder can be moved.


def _write_record(targets: list[Path]) -> None:
    """Decides a publication: from here on it is finished, if not by us then by the next command."""
    first, *others = targets
    for other in others:
        pointer = {"record": os.path.relpath(_record(first), other.parent)}
        _record(other).write_text(json.dumps(pointer), encoding="utf-8")
        _to_disk(_record(other))
    names = {"targets": [os.path.relpath(target, first.parent) for target in targets]}
    draft = _draft(first)
    draft.write_text(json.dumps(names), encoding="utf-8")
    _to_disk(draft)
    draft.replace(_record(first))
    _sync_folders(targets)


def _remove_record(targets: list[Path]) -> None:
    """Removes the list first: what points to no list means nothing."""
    for target in targets:
        _record(target).unlink(missing_ok=True)


def _recorded_targets(target: Path) -> list[Path]:
    """The targets of a decided publication of this target; empty if there is none."""
    record = _record(target)
    found = _read_record(record)
    if "record" in found:
        record = Path(os.path.normpath(record.parent / found["record"]))
        found = _read_record(record)
    return [Path(os.path.normpath(record.parent / name)) for name in found.get("targets", [])]


def _read_record(record: Path) -> dict[str, Any]:
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _finish(target: Path, *, locked: list[Path]) -> None:
    """Finishes a publication that a killed build decided, and removes its record.

    locked: targets whose locks are held. Raises BusyError when a build holds one of the others.
    """
    if not _record(target).exists():
        return
    targets = _recorded_targets(target)
    with contextlib.ExitStack() as locks:
        for other in targets:
            if other not in locked:
                locks.enter_context(_lock(other))
        waiting = [each for each in targets if _unfinished(each).exists()]
        for each in waiting:
            _rename_into_place(each)
        _sync_folders(targets)
        _remove_record(targets or [target])
        _record(target).unlink(missing_ok=True)
        for each in targets:
            _remove_leftovers(each)
    if waiting:
        names = " and ".join(map(str, targets))
        print(f"ubcf: note: finished what a killed build was publishing: {names}", file=sys.stderr)
