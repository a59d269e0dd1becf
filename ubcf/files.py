"""Files that appear complete or not at all: written under a temporary name, then renamed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from ubcf.errors import BusyError, DatabaseError, OptionError

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Publication:
    """Files that appear complete and together, or not at all, one build at a time.

    A context manager. On entry it locks the targets against other builds and removes the remains
    of a killed one; `unfinished(target)` is where to write; `publish()` renames all files into
    place; on exit nothing but the targets is left.
    """

    def __init__(self, database: Path, *outputs: Path) -> None:
        """Raises DatabaseError for a target that cannot be written."""
        self._database = database
        self._targets = targets = (database, *outputs)
        self._locks = contextlib.ExitStack()
        if database in outputs:
            raise DatabaseError(f"{database}: the database and the output are one file")
        for target in targets:
            if not target.parent.is_dir():
                raise DatabaseError(f"{target}: the folder {target.parent} does not exist")
            if target.exists() and not target.is_file():
                raise DatabaseError(f"{target}: exists, and is not a file")

    def __enter__(self) -> Publication:
        with contextlib.ExitStack() as locks:
            with _uninterrupted():
                # The database first: a second build into it gets an error about the database.
                for target in self._targets:
                    locks.enter_context(_lock(target))
            self._remove_leftovers()
            self._locks = locks.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with _uninterrupted():
            self._remove_leftovers()
            self._locks.close()

    @staticmethod
    def unfinished(target: Path) -> Path:
        """The hidden file in the same folder that a target is written to before it is published."""
        return target.with_name(f".{target.name}.building")

    @staticmethod
    def temporary_folder(target: Path) -> Path:
        """A folder beside a target for temporary files."""
        return target.with_name(f".{target.name}.temporary")

    @classmethod
    def make_temporary_folder(cls, target: Path) -> Path:
        """Makes that folder. Raises DatabaseError when it cannot be made."""
        folder = cls.temporary_folder(target)
        try:
            folder.mkdir()
        except OSError as error:
            raise DatabaseError(f"cannot write in {target.parent}: {error.strerror}") from error
        return folder

    def publish(self) -> None:
        """Renames all targets into place, or none of them.

        A reader of an old file keeps reading the old file.
        """
        if _write_ahead_log(self.unfinished(self._database)).exists():
            # DuckDB reports no error when it cannot write everything while it closes a database:
            # it leaves this file, and an empty database.
            raise DatabaseError(f"{self._database}: not all of it could be written; disk full?")
        try:
            for target in self._targets:
                _to_disk(self.unfinished(target))
                if target.exists():
                    shutil.copymode(target, self.unfinished(target))
            with contextlib.ExitStack() as undo:
                for target in self._targets:
                    self._keep(target, undo)
                self._move_log_away(undo)
                for target in self._targets:
                    self.unfinished(target).replace(target)
                undo.pop_all()
        except OSError as error:
            raise DatabaseError(f"cannot publish the results: {error}") from error

    def _keep(self, target: Path, undo: contextlib.ExitStack) -> None:
        """Keeps a target under a second name, from which `undo` restores it."""
        if not target.exists():
            undo.callback(target.unlink, missing_ok=True)
            return
        with contextlib.suppress(OSError):  # without hard links, nothing can be undone
            self._previous(target).hardlink_to(target)
            undo.callback(self._previous(target).replace, target)

    def _move_log_away(self, undo: contextlib.ExitStack) -> None:
        """Moves away the write-ahead log of the old database, beside which no new one opens."""
        log = _write_ahead_log(self._database)
        removed = _write_ahead_log(self.unfinished(self._database))
        if log.exists():
            if self._previous(self._database).exists():
                undo.callback(removed.replace, log)
            log.replace(removed)

    @staticmethod
    def _previous(target: Path) -> Path:
        return target.with_name(f".{target.name}.previous")

    def _remove_leftovers(self) -> None:
        _write_ahead_log(self.unfinished(self._database)).unlink(missing_ok=True)
        for target in self._targets:
            self.unfinished(target).unlink(missing_ok=True)
            self._previous(target).unlink(missing_ok=True)
            shutil.rmtree(self.temporary_folder(target), ignore_errors=True)


def _write_ahead_log(database: Path) -> Path:
    """DuckDB's write-ahead log of a database file."""
    return database.with_name(f"{database.name}.wal")


def _to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Delays Ctrl-C until a few quick steps that belong together are done."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    waiting: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _frame: waiting.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if waiting:
            signal.raise_signal(signal.SIGINT)


@contextlib.contextmanager
def _lock(target: Path) -> Iterator[None]:
    """Holds the lock of a target, which the system releases however the process ends.

    Raises BusyError when another process holds it, DatabaseError when the folder is not writable.
    """
    path = target.with_name(f".{target.name}.lock")
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise DatabaseError(f"cannot write in {target.parent}: {error.strerror}") from error
        try:
            _try_lock(descriptor)
        except OSError as error:
            os.close(descriptor)
            raise BusyError(f"{target}: another build is writing this file") from error
        # The name must still stand for the locked file: its former holder may have removed it.
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                break
        os.close(descriptor)
    try:
        yield
    finally:
        if sys.platform == "win32":  # an open file cannot be removed there
            os.close(descriptor)
            with contextlib.suppress(OSError):
                path.unlink()
        else:
            path.unlink(missing_ok=True)
            os.close(descriptor)


def check_folder(path: Path) -> None:
    """Raises OptionError when the folder of a file does not exist."""
    if not path.parent.is_dir():
        raise OptionError(f"{path}: the folder {path.parent} does not exist")


@contextmanager
def complete_or_absent(path: Path) -> Iterator[Path]:
    """Yields the temporary name of a file, which is renamed on success and removed on an error."""
    unfinished = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
