"""Reading a database that a build left."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import duckdb

from ubcf.database.session import literal
from ubcf.errors import DatabaseError, one_line

# The tables that a build leaves.
TABLES = frozenset(
    {
        "build",
        "build_inputs",
        "build_stages",
        "events",
        "interactions",
        "neighbors",
        "recommendations",
        "rejected_lines",
        "tracks",
        "users",
    }
)

# Those that an evaluation leaves, which statements of others are welcome to.
EVALUATION_TABLES = frozenset({"evaluation", "metrics", "metrics_by_user", "settings"})

# What a DuckDB file has among its first bytes. DuckDB takes other files for what their suffix says.
MAGIC = b"DUCK"

MAGIC_WITHIN = 16

# The first version of ubcf whose tables have all the columns that sql/analysis/ asks for.
OLDEST_VERSION = (0, 1, 0)


def connect(database: str | Path = "ubcf.duckdb") -> duckdb.DuckDBPyConnection:
    """A read-only connection to a database that `ubcf build` made.

    A build that replaces the file meanwhile does not disturb it: it keeps what it opened.
    Raises DatabaseError when the file is missing, is no DuckDB file, was not made by ubcf, or was
    made by a version of ubcf with other tables.
    """
    return _open(Path(database), {})


def connect_locked(database: str | Path, *, allow_files: bool = False) -> duckdb.DuckDBPyConnection:
    """A connection for statements of others: read-only, and for good.

    The database may be one that `ubcf evaluate` made, too.
    Nothing in the file can change, no file can be read or written, this one included, no extension
    can be installed or loaded, and no setting can be changed.
    allow_files: leaves files and settings open; the database itself stays read-only.
    Raises DatabaseError as `connect` does.
    """
    # A table name of a statement never means a Python variable of ours.
    config: dict[str, str | bool] = {"python_enable_replacements": False}
    if allow_files:
        return _open(Path(database), config, evaluations=True)
    # Without files there is no spilling to them either: better an error that says so.
    connection = _open(Path(database), {**config, "temp_directory": ""}, evaluations=True)
    # External access alone would leave the path of the database itself open for writing, by a
    # copy statement; what is open already stays open.
    connection.execute(
        "set enable_external_access = false;"
        "set disabled_filesystems = 'LocalFileSystem';"
        "set lock_configuration = true"
    )
    return connection


def connect_pair(old: str | Path, new: str | Path) -> duckdb.DuckDBPyConnection:
    """A connection to an empty database in memory that has two databases attached, read-only.

    Their tables are old.users, new.users and so on. Both may be the same file.
    Raises DatabaseError for either of them as `connect` does.
    """
    connection = duckdb.connect(config={"temp_directory": str(_spill_folder())})
    try:
        for name, path in (("old", Path(old)), ("new", Path(new))):
            _refuse_other_files(path)
            try:
                connection.execute(f"attach {literal(str(path))} as {name} (read_only)")
            except duckdb.Error as error:
                raise DatabaseError(f"{path}: {one_line(error)}") from error
            connection.execute(f"use {name}")
            _refuse_other_tables(connection, path)
        connection.execute("use memory")
    except BaseException:
        connection.close()
        raise
    return connection


def _open(
    path: Path, config: dict[str, str | bool], *, evaluations: bool = False
) -> duckdb.DuckDBPyConnection:
    _refuse_other_files(path)
    try:
        connection = duckdb.connect(
            str(path), read_only=True, config={"temp_directory": str(_spill_folder()), **config}
        )
    except duckdb.Error as error:
        raise DatabaseError(f"{path}: {one_line(error)}") from error
    try:
        _refuse_other_tables(connection, path, evaluations=evaluations)
    except BaseException:
        connection.close()
        raise
    return connection


def _spill_folder() -> Path:
    """Where to put what does not fit in memory.

    Beside the file, where DuckDB would spill by itself, readers would get in each other's way.
    """
    return Path(tempfile.gettempdir(), f"ubcf-{os.getpid()}")


def _refuse_other_files(path: Path) -> None:
    """Raises DatabaseError when the file is missing, cannot be read, or is no DuckDB file."""
    if not path.is_file():
        raise DatabaseError(f"{path}: no such database; 'ubcf build' makes one")
    try:
        with path.open("rb") as file:
            head = file.read(MAGIC_WITHIN)
    except OSError as error:
        raise DatabaseError(f"{path}: cannot be read: {error.strerror}") from error
    if MAGIC not in head:
        raise DatabaseError(f"{path}: not a valid DuckDB database")


def _refuse_other_tables(
    connection: duckdb.DuckDBPyConnection, path: Path, *, evaluations: bool = False
) -> None:
    """Raises DatabaseError when the tables are not those of this version of ubcf."""
    tables = {row[0] for row in connection.execute("show tables").fetchall()}
    if evaluations and tables >= EVALUATION_TABLES:
        return
    missing = TABLES - tables
    if missing:
        raise DatabaseError(
            f"{path}: not a database that ubcf made: it has no table {sorted(missing)[0]!r}"
        )
    (version,) = connection.execute("select coalesce(max(version), '') from build").fetchall()[0]
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    if numbers is None or tuple(map(int, numbers.groups())) < OLDEST_VERSION:
        raise DatabaseError(f"{path}: made by ubcf {version}; build it again with this version")
