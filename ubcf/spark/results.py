"""The folder of the results of a build: Parquet and JSON in parts, named by a pointer.

    RESULTS/<build>/build.json            which database points here
    RESULTS/<build>/<table>/000000.parquet, ...
    RESULTS/<build>/json/000000.json, ... whose concatenation is the JSON
    RESULTS/<build>/.work/                what only the build reads, gone when it is done

The database, whose views read the Parquet, is the pointer: until it is renamed into place, nobody
reads the folder. The next build of the same database removes the folders that it does not name.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from ubcf.database.stored_views import MARKER
from ubcf.errors import DatabaseError

WORK = ".work"
JSON_PARTS = "json"

# Bytes that are copied at a time.
COPY_SIZE = 1 << 20


class Results:
    """The folder of the results of one build."""

    def __init__(self, folder: Path) -> None:
        """folder: absolute."""
        self.folder = folder

    @property
    def work(self) -> Path:
        """The folder of what only the build reads."""
        return self.folder / WORK

    def part(self, table: str, number: int, suffix: str = "parquet") -> Path:
        """The path of a part of a table; its folder is made."""
        return part_path(self.folder / table, number, suffix)

    def json_parts(self) -> list[Path]:
        """The parts of the JSON, in order."""
        return sorted((self.folder / JSON_PARTS).glob("*.json"))

    def write_json(self, target: Path) -> None:
        """Writes the JSON as one file. Raises DatabaseError when that fails."""
        try:
            with target.open("wb") as whole:
                for part in self.json_parts():
                    with part.open("rb") as file:
                        shutil.copyfileobj(file, whole, COPY_SIZE)
        except OSError as error:
            raise DatabaseError(f"cannot write the JSON: {error}") from error


def part_path(folder: Path, number: int, suffix: str) -> Path:
    """The path of a part in a folder, which is made. Parts sort by their numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{number:06}.{suffix}"


@contextlib.contextmanager
def written(path: Path) -> Iterator[Path]:
    """Yields where to write a file that appears complete: several tasks may write the same one."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def new_results(root: Path, database: Path, is_published: Callable[[], bool]) -> Iterator[Results]:
    """Makes the folder of a build that is to be pointed to by a database.

    root: the folder of all results. Removes before what older builds of this database left and it
    does not name; after an error, the new folder too, unless the database that names it is in place
    or will be (is_published). The lock of the database must be held.
    Raises DatabaseError when the folder cannot be made.
    """
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    folder = root / name
    try:
        root.mkdir(parents=True, exist_ok=True)
        remove_unnamed(root, database)
        folder.mkdir()
        (folder / MARKER).write_text(json.dumps({"database": str(database)}), encoding="utf-8")
        (folder / WORK).mkdir()
    except OSError as error:
        raise DatabaseError(f"cannot write in {root}: {error.strerror}") from error
    try:
        yield Results(folder)
    except BaseException:
        if not is_published():
            shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder / WORK, ignore_errors=True)


def remove_unnamed(root: Path, database: Path) -> None:
    """Removes the folders of builds of a database that it does not name."""
    named = _named(database)
    if named is None:
        return
    for marker in root.glob(f"*/{MARKER}"):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            owner = json.loads(marker.read_text(encoding="utf-8")).get("database")
            if owner == str(database) and str(marker.parent) + os.sep not in named:
                shutil.rmtree(marker.parent, ignore_errors=True)


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
