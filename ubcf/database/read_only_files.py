"""Files that DuckDB can read and never write, whatever the statement.

DuckDB can restrict a session to some paths, but not to reading them: a statement that may read a
file may also overwrite it, by `copy (...) to '...' (use_tmp_file false)`, which can hide in a
common table expression, in `explain analyze` or in a prepared statement. So the files are not
opened by DuckDB but here, where they are only ever opened for reading.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fsspec import AbstractFileSystem

# The names of the files begin with this and ://.
PROTOCOL = "stored"


class ReadOnlyFiles(AbstractFileSystem):  # type: ignore[misc]
    """Some files, by names that begin with the protocol. There are no others."""

    protocol = PROTOCOL
    cachable = False

    def __init__(self, files: Mapping[str, Path]) -> None:
        super().__init__()
        self._files = {self._strip_protocol(name): path for name, path in files.items()}

    def open(self, path: str, mode: str = "rb", **_: Any) -> ReadOnlyFile:
        """Opens a file for reading. Raises OSError for another mode or an unknown name."""
        if mode != "rb":
            raise PermissionError(f"{path}: the files of a build are only read")
        return ReadOnlyFile(self._path(path))

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """The name, the size and the type of a file. Raises FileNotFoundError."""
        size = self._path(path).stat().st_size
        return {"name": self._strip_protocol(path), "size": size, "type": "file"}

    def modified(self, path: str) -> datetime:
        """When a file was last written. Raises FileNotFoundError."""
        return datetime.fromtimestamp(self._path(path).stat().st_mtime, UTC)

    def glob(self, path: str, **_: Any) -> list[str]:
        """The file of this name, if there is one: no name is a pattern."""
        name = self._strip_protocol(path)
        return [name] if name in self._files else []

    def _path(self, path: str) -> Path:
        name = self._strip_protocol(path)
        if name not in self._files:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return self._files[name]


class ReadOnlyFile:
    """An open file. Each thread has a position of its own: DuckDB seeks, and then reads."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY)
        self._of_thread = threading.local()

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Sets the position of the calling thread, and returns it."""
        starts = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self._size()}
        self._of_thread.position = starts[whence] + offset
        return self.tell()

    def tell(self) -> int:
        """The position of the calling thread."""
        position: int = getattr(self._of_thread, "position", 0)
        return position

    def read(self, size: int = -1) -> bytes:
        """Reads at the position of the calling thread; fewer bytes only at the end."""
        left = self._size() - self.tell() if size < 0 else size
        parts = []
        while left > 0 and (part := os.pread(self._descriptor, left, self.tell())):
            parts.append(part)
            left -= len(part)
            self._of_thread.position = self.tell() + len(part)
        return b"".join(parts)

    def close(self) -> None:
        """Closes the file, once."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _size(self) -> int:
        return os.fstat(self._descriptor).st_size
