"""Opening a database that a build left, read-only."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import duckdb

from ubcf.database.session import literal
from ubcf.errors import DatabaseError, one_line

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
OLDEST_VERSION = (0, 2, 0)

# The first version that `ubcf sql` can query, and `ubcf diff` compare without what it lacks.
OLDEST_READABLE_VERSION = (0, 1, 0)


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
            _refuse_other_tables(connection, path, oldest=OLDEST_READABLE_VERSION)
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
    # Statements of the user read what there is; those of sql/ read all columns of this version.
    oldest = OLDEST_READABLE_VERSION if evaluations else OLDEST_VERSION
    try:
        _refuse_other_tables(connection, path, evaluations=evaluations, oldest=oldest)
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
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    *,
    evaluations: bool = False,
    oldest: tuple[int, int, int] = OLDEST_VERSION,
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
    if numbers is None or tuple(map(int, numbers.groups())) < oldest:
        raise DatabaseError(f"{path}: made by ubcf {version}; build it again with this version")
