"""The folder of the results of a build: Parquet and JSON in parts, named by a pointer.

    RESULTS/<build>/build.json            which database points here
    RESULTS/<build>/<table>/000000.parquet, ...
    RESULTS/<build>/json/000000.json, ... whose concatenation is the JSON
    RESULTS/<build>/.work/                what only the build reads, gone when it is done

RESULTS is a folder of a file system, or of an object store.

The database, whose views read the Parquet, is the pointer: until it is renamed into place, nobody
reads the folder. The next build of the same database removes the folders that it does not name.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from ubcf.database.paths import pattern
from ubcf.database.stored_views import MARKER
from ubcf.errors import DatabaseError, InputError
from ubcf.remote import is_remote
from ubcf.spark.storage import Storage, part_of, storage_of

WORK = ".work"
JSON_PARTS = "json"

# Bytes that are copied at a time.
COPY_SIZE = 1 << 20


class Results:
    """The folder of the results of one build."""

    def __init__(self, folder: str) -> None:
        """folder: absolute."""
        self.folder = folder

    @property
    def storage(self) -> Storage:
        """Where the folder is."""
        return storage_of(self.folder)

    @property
    def is_seen(self) -> bool:
        """Whether this machine sees the folder."""
        return self.storage.exists(f"{self.folder}/{MARKER}")

    def table(self, name: str, *, is_temporary: bool = False) -> str:
        """The folder of a table. is_temporary: only the build reads it."""
        return f"{self.folder}/{WORK}/{name}" if is_temporary else f"{self.folder}/{name}"

    def remove(self, table: str) -> None:
        """Removes all parts of a table."""
        for is_temporary in (False, True):
            self.storage.remove(self.table(table, is_temporary=is_temporary))

    def part(self, table: str, number: int, suffix: str = "parquet") -> str:
        """The name of a part of a table."""
        return part_of(self.table(table), number, suffix)

    def work_part(self, table: str, number: int = 0, suffix: str = "parquet") -> str:
        """The name of a part of what only the build reads."""
        return part_of(self.table(table, is_temporary=True), number, suffix)

    def open_to(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Lets DuckDB read all files, as they are now."""
        self.storage.open_to(connection, self.folder)

    def write_json(self, target: Path) -> None:
        """Writes the JSON as one file. Raises DatabaseError when that fails."""
        try:
            with target.open("wb") as whole:
                for part in self.storage.files(self.table(JSON_PARTS)):
                    with self.storage.fetched(part) as path, path.open("rb") as file:
                        shutil.copyfileobj(file, whole, COPY_SIZE)
        except OSError as error:
            raise DatabaseError(f"cannot write the JSON: {error}") from error


@contextlib.contextmanager
def new_results(root: str, database: Path, is_published: Callable[[], bool]) -> Iterator[Results]:
    """Makes the folder of a build that is to be pointed to by a database.

    root: the folder of all results. Removes before what older builds of this database left and it
    does not name; after an error, the new folder too, unless the database that names it is in place
    or will be (is_published). The lock of the database must be held.
    Raises DatabaseError when the folder cannot be made.
    """
    storage = storage_of(root)
    results = Results(f"{root}/{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}")
    try:
        try:
            remove_unnamed(root, database)
            storage.make(results.folder)
            with storage.written(f"{results.folder}/{MARKER}") as path:
                path.write_text(json.dumps({"database": _owner(root, database)}), encoding="utf-8")
        except OSError as error:
            raise DatabaseError(f"cannot write in {root}: {error.strerror}") from error
        except InputError as error:
            raise DatabaseError(str(error)) from error
        yield results
    except BaseException:
        if not is_published():
            storage.remove(results.folder)
        raise
    storage.remove(f"{results.folder}/{WORK}")


def remove_unnamed(root: str, database: Path) -> None:
    """Removes the folders of builds of a database that it does not name."""
    named = _named(database)
    if named is None:
        return
    storage = storage_of(root)
    for marker in storage.named(root, MARKER):
        folder = marker.removesuffix(f"/{MARKER}")
        with contextlib.suppress(OSError, ValueError, AttributeError, InputError):
            with storage.fetched(marker) as path:
                owner = json.loads(path.read_text(encoding="utf-8")).get("database")
            if owner == _owner(root, database) and f"{pattern(folder)}/" not in named:
                storage.remove(folder)


def _owner(root: str, database: Path) -> str:
    """Who may remove a folder: a database; of an object store, which many machines see, with the
    name of its machine.
    """
    return f"{socket.gethostname()}:{database}" if is_remote(root) else str(database)


def _named(database: Path) -> str | None:
    """The text of the views of a database, in which the folder that they read is.

    None: it cannot be read now.
    """
    if not database.exists() or database.stat().st_size == 0:
        return ""
    try:
        with duckdb.connect(str(database), read_only=True) as connection:
            rows = connection.execute("select sql from duckdb_views() where not internal")
            return "\n".join(text for (text,) in rows.fetchall()).replace("''", "'")
    except duckdb.Error:
        return None
