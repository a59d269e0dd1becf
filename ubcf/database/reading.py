"""Opening a database that a build left, read-only."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from pathlib import Path

import duckdb

from ubcf.database.session import literal
from ubcf.errors import DatabaseError, one_line
from ubcf.files import Kind, finish_publication

# The tables of a build.
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

# The tables of an evaluation, which `ubcf sql` can query too.
EVALUATION_TABLES = frozenset({"evaluation", "metrics", "metrics_by_user", "settings"})

# A DuckDB file has this among its first bytes. DuckDB opens other files by their suffix.
MAGIC = b"DUCK"

MAGIC_WITHIN = 16

# The first version of ubcf whose tables have all columns that sql/analysis/ reads.
OLDEST_VERSION = (0, 1, 0)


def _has_tables(path: Path, names: frozenset[str]) -> bool:
    """Whether a file is a DuckDB database with these tables.

    Raises OSError when it cannot be opened.
    """
    if not _is_duckdb(path):
        return False
    # Attached to a connection of its own: this process may have the file open, with other settings.
    with duckdb.connect() as connection:
        try:
            connection.execute(f"attach {literal(str(path))} as it (read_only); use it")
        except duckdb.IOException as error:
            raise OSError(errno.EBUSY, one_line(error)) from error
        except duckdb.Error:
            return False
        return names <= _base_tables(connection)


# The kinds of databases; those of former versions, which lack some tables, are of the kind too.
BUILD_DATABASE = Kind(
    "a database of ubcf build",
    lambda path: _has_tables(path, frozenset({"build", "interactions", "recommendations"})),
)
EVALUATION_DATABASE = Kind(
    "a database of ubcf evaluate", lambda path: _has_tables(path, EVALUATION_TABLES)
)


def connect(database: str | Path = "ubcf.duckdb") -> duckdb.DuckDBPyConnection:
    """Opens a database that `ubcf build` made, read-only.

    The connection keeps the file that it opened, even if a build replaces it meanwhile.
    Raises DatabaseError when the file is missing, not a DuckDB file, not made by ubcf, or made by a
    version of ubcf with other tables.
    """
    return _open(Path(database), {})


def connect_locked(database: str | Path, *, allow_files: bool = False) -> duckdb.DuckDBPyConnection:
    """Opens a database, also one of `ubcf evaluate`, for statements that are not trusted.

    No statement can change the database, read or write any file, install or load an extension, or
    change a setting. allow_files: allows files and settings; the database stays read-only.
    Raises DatabaseError as `connect` does.
    """
    # Table names in statements must not resolve to Python variables.
    config: dict[str, str | bool] = {"python_enable_replacements": False}
    if allow_files:
        return _open(Path(database), config, evaluations=True)
    # Without files DuckDB cannot spill either: an error says so.
    connection = _open(Path(database), {**config, "temp_directory": ""}, evaluations=True)
    # Disabling external access alone would leave the path of the database open for writing by a
    # copy statement. Files that are already open stay open.
    connection.execute(
        "set enable_external_access = false;"
        "set disabled_filesystems = 'LocalFileSystem';"
        "set lock_configuration = true"
    )
    return connection


def connect_pair(old: str | Path, new: str | Path) -> duckdb.DuckDBPyConnection:
    """Attaches two databases, read-only, to an empty database in memory.

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
    """The folder that a reader spills to.

    DuckDB's default is beside the database, where several readers would collide.
    """
    return Path(tempfile.gettempdir(), f"ubcf-{os.getpid()}")


def _refuse_other_files(path: Path) -> None:
    """Raises DatabaseError when the file is missing, unreadable, or not a DuckDB file."""
    finish_publication(path)
    if not path.is_file():
        raise DatabaseError(f"{path}: no such database; 'ubcf build' makes one")
    try:
        is_duckdb = _is_duckdb(path)
    except OSError as error:
        raise DatabaseError(f"{path}: cannot be read: {error.strerror}") from error
    if not is_duckdb:
        raise DatabaseError(f"{path}: not a valid DuckDB database")


def _is_duckdb(path: Path) -> bool:
    with path.open("rb") as file:
        return MAGIC in file.read(MAGIC_WITHIN)


def _base_tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The names of the tables, but not of views, of the database in use."""
    names = "select table_name from duckdb_tables() where database_name = current_database()"
    return {name for (name,) in connection.execute(names).fetchall()}


def _refuse_other_tables(
    connection: duckdb.DuckDBPyConnection, path: Path, *, evaluations: bool = False
) -> None:
    """Raises DatabaseError when the tables are not those of this version of ubcf."""
    tables = _base_tables(connection)
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
