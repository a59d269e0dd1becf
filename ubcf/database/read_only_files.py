"""Files that DuckDB can read and never write, whatever the statement.

DuckDB can restrict a session to some paths, but not to reading them: a statement that may read a
file may also overwrite it, by `copy (...) to '...' (use_tmp_file false)`, which can hide in a
common table expression, in `explain analyze` or in a prepared statement. So the files are not
opened by DuckDB but here, where they are only ever opened for reading.

Files of object stores are read here too, since DuckDB could do it by an extension alone.
"""

from __future__ import annotations

import errno
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fsspec import AbstractFileSystem

from ubcf.remote import RemoteFile, remote

# The names of the files begin with this and ://.
PROTOCOL = "stored"

# DuckDB keeps what it read of a file that was not written lately.
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

# A file of this machine, or of an object store.
File = Path | RemoteFile


class ReadOnlyFiles(AbstractFileSystem):  # type: ignore[misc]
    """Some files, by names that begin with a protocol and ://. There are no others."""

    cachable = False

    def __init__(self, find: Callable[[str], File | None], protocol: str = PROTOCOL) -> None:
        """find: the file of a name, None if there is none; no name is a pattern."""
        super().__init__()
        self.protocol = protocol
        self._find = find

    def open(self, path: str, mode: str = "rb", **_: Any) -> ReadOnlyFile:
        """Opens a file for reading. Raises OSError for another mode or an unknown name."""
        if mode != "rb":
            raise PermissionError(f"{path}: the files of a build are only read")
        file = self._file(path)
        return _LocalFile(file) if isinstance(file, Path) else _StoreFile(file)

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """The name, the size and the type of a file. Raises FileNotFoundError."""
        file = self._file(path)
        size = file.stat().st_size if isinstance(file, Path) else file.bytes
        return {"name": path, "size": size, "type": "file"}

    def modified(self, path: str) -> datetime:
        """When a file was last written; always the same of objects, which are written once."""
        file = self._file(path)
        return (
            datetime.fromtimestamp(file.stat().st_mtime, UTC)
            if isinstance(file, Path)
            else LONG_AGO
        )

    def glob(self, path: str, **_: Any) -> list[str]:
        """The file of this name, if there is one."""
        return [path] if self._find(path) is not None else []

    def _file(self, name: str) -> File:
        file = self._find(name)
        if file is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        return file


class ReadOnlyFile(ABC):
    """An open file. Each thread has a position of its own: DuckDB seeks, and then reads."""

    def __init__(self) -> None:
        self._of_thread = threading.local()

    @abstractmethod
    def size(self) -> int:
        """Its size in bytes."""

    @abstractmethod
    def part(self, start: int, length: int) -> bytes:
        """Some bytes from a position on, at most `length`; none only at the end."""

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Sets the position of the calling thread, and returns it."""
        starts = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self.size()}
        self._of_thread.position = starts[whence] + offset
        return self.tell()

    def tell(self) -> int:
        """The position of the calling thread."""
        position: int = getattr(self._of_thread, "position", 0)
        return position

    def read(self, size: int = -1) -> bytes:
        """Reads at the position of the calling thread; fewer bytes only at the end."""
        left = self.size() - self.tell() if size < 0 else size
        parts = []
        while left > 0 and (part := self.part(self.tell(), left)):
            parts.append(part)
            left -= len(part)
            self._of_thread.position = self.tell() + len(part)
        return b"".join(parts)

    @abstractmethod
    def close(self) -> None:
        """Closes the file, once."""


class _LocalFile(ReadOnlyFile):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._descriptor = os.open(path, os.O_RDONLY)

    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def part(self, start: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, start)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class _StoreFile(ReadOnlyFile):
    def __init__(self, file: RemoteFile) -> None:
        super().__init__()
        self._file = file

    def size(self) -> int:
        return self._file.bytes or 0

    def part(self, start: int, length: int) -> bytes:
        stop = min(start + length, self.size())
        return remote().read(self._file.url, start, stop) if start < stop else b""

    def close(self) -> None:
        """Nothing is open between two requests."""
