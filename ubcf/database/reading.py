"""Opening a database that a build left, read-only."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import wraps
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakSet

import duckdb

from ubcf.database.paths import pattern
from ubcf.database.session import Session, identifier, in_words, literal
from ubcf.database.stored_views import (
    STORED_TABLES,
    StoredView,
    hide_by_views,
    let_read,
    stored_view,
    with_objects,
)
from ubcf.database.tables import (
    BUILD_TABLES,
    EVALUATION_TABLES,
    MACROS,
    NEW_TABLES,
    Columns,
)
from ubcf.errors import DatabaseError, InputError, one_line
from ubcf.files import Kind, finish_publication

# A DuckDB file has this among its first bytes. DuckDB opens other files by their suffix.
MAGIC = b"DUCK"

MAGIC_WITHIN = 16

# The first version of ubcf whose tables have all columns that sql/analysis/ reads.
OLDEST_VERSION = (0, 3, 0)

# The first version that `ubcf sql` can query, and `ubcf diff` compare without what it lacks.
OLDEST_READABLE_VERSION = (0, 1, 0)

Function = TypeVar("Function", bound=Callable[..., Any])

Config = dict[str, str | bool | int | float | list[str]]

# No extension is fetched or loaded because a database names one of its functions.
WITHOUT_EXTENSIONS: Config = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}

# The name under which a command attaches a database.
DATABASE = "build_database"

# The names under which two builds are attached, to compare them.
OLD, NEW = "old", "new"


def _has_tables(path: Path, names: Collection[str]) -> bool:
    """Whether a file is a DuckDB database with these tables.

    Raises OSError when it cannot be opened.
    """
    if not _is_duckdb(path):
        return False
    # Attached to a connection of its own: this process may have the file open, with other settings.
    with duckdb.connect() as connection:
        try:
            connection.execute(
                f"attach {literal(str(path.absolute()))} as {DATABASE} (read_only, type duckdb)"
            )
        except duckdb.IOException as error:
            raise OSError(errno.EBUSY, one_line(error)) from error
        except duckdb.Error:
            return False
        tables = _of_database(connection, DATABASE, "duckdb_tables", "table_name")
        views = _of_database(connection, DATABASE, "duckdb_views", "view_name")
        return {(name,) for name in names} <= {*tables, *views}


# The kinds of databases; those of former versions, which lack some tables, are of the kind too.
BUILD_DATABASE = Kind(
    "a database of ubcf build",
    lambda path: _has_tables(path, ("build", "interactions", "recommendations")),
)
EVALUATION_DATABASE = Kind(
    "a database of ubcf evaluate", lambda path: _has_tables(path, EVALUATION_TABLES)
)


# Connections that nobody but one command uses.
_PRIVATE: WeakSet[duckdb.DuckDBPyConnection] = WeakSet()


def on_own_cursor(function: Function) -> Function:
    """Makes a function work on a cursor of its own of the connection that it is given first.

    So neither does a result that is not yet read stop it, nor does it end that result. The
    relations that it returns are of the cursor. The connection of a command is used as it is.
    """

    @wraps(function)
    def working(connection: duckdb.DuckDBPyConnection, *args: Any, **given: Any) -> Any:
        if not isinstance(connection, duckdb.DuckDBPyConnection):
            raise DatabaseError(
                f"{function.__name__} needs a connection, such as ubcf.connect('ubcf.duckdb'), not "
                f"{type(connection).__name__}"
            )
        return function(_own_cursor(connection), *args, **given)

    return working  # type: ignore[return-value]


def _own_cursor(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A cursor with our macros; or the connection itself if it is private, or uses a database that
    no cursor would use by itself.
    """
    if connection in _PRIVATE:
        return connection
    try:
        cursor = connection.cursor()
    except duckdb.Error as error:
        raise DatabaseError(one_line(error)) from error
    try:
        cursor.execute("from build limit 0")
    except duckdb.CatalogException:
        return connection
    define_macros(cursor)
    _PRIVATE.add(cursor)
    return cursor


def connect(database: str | Path = "ubcf.duckdb") -> duckdb.DuckDBPyConnection:
    """Opens a database that `ubcf build` made, read-only.

    The connection keeps the file that it opened, even if a build replaces it meanwhile.
    Raises DatabaseError when the file is missing, not a DuckDB file, not made by ubcf, or made by a
    version of ubcf with other tables. Nothing that the database defines, such as a view, is run.
    """
    return _open(Path(database), {})


def connect_private(database: str | Path) -> duckdb.DuckDBPyConnection:
    """Opens a database as `connect` does, for one command."""
    connection = connect(database)
    _PRIVATE.add(connection)
    return connection


def connect_closed(
    database: str | Path, *, readable: Sequence[Path] = ()
) -> duckdb.DuckDBPyConnection:
    """Opens a database as `connect` does, for our own queries, which read the database alone.

    readable: further files that may be read. DuckDB may spill.
    """
    path = Path(database)
    connection = _connected_in_memory()
    try:
        _attach(connection, path, DATABASE)
        views = _stored_views(connection, path, DATABASE)
        _close(connection, views, readable)
        _refuse_other_contents(connection, path, DATABASE, views)
        connection.execute(f"use {DATABASE}")
        define_macros(connection)
    except BaseException:
        connection.close()
        raise
    _PRIVATE.add(connection)
    return connection


def connect_shared(
    database: str | Path, against: str | Path | None = None
) -> duckdb.DuckDBPyConnection:
    """Opens a database as `connect_closed` does, for our own queries of several threads at once.

    Each thread has a cursor of `reader`. No statement can change a setting. against: the database
    of another build, whose tables are old.users and so on; those of `database` are new.users too.
    """
    connection = _connected_in_memory()
    try:
        paths = {NEW: Path(database)} | ({} if against is None else {OLD: Path(against)})
        for name, path in paths.items():
            _attach(connection, path, name)
        views = {name: _stored_views(connection, path, name) for name, path in paths.items()}
        _close(connection, chain.from_iterable(views.values()))
        _refuse_other_contents(connection, paths[NEW], NEW, views[NEW])
        if OLD in paths:
            _refuse_other_contents(
                connection, paths[OLD], OLD, views[OLD], oldest=OLDEST_READABLE_VERSION
            )
        connection.execute("set lock_configuration = true")
    except BaseException:
        connection.close()
        raise
    return connection


def reader(shared: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A cursor of a connection of `connect_shared`, for one thread."""
    cursor = shared.cursor()
    cursor.execute(f"use {NEW}")
    define_macros(cursor)
    session = Session(cursor)
    if not session.run("serving/questions/scale.sql"):
        session.run("serving/without_scale.sql")
    _PRIVATE.add(cursor)
    return cursor


def connect_locked(database: str | Path, *, allow_files: bool = False) -> duckdb.DuckDBPyConnection:
    """Opens a database, also one of `ubcf evaluate`, for statements that are not trusted.

    No statement can change the database, read or write any file, install or load an extension, or
    change a setting. allow_files: allows files and settings; the database stays read-only.
    Raises DatabaseError as `connect` does.
    """
    path = Path(database)
    # Table names in statements must not resolve to Python variables.
    config: Config = {"python_enable_replacements": False}
    if allow_files:
        return _open(path, config, evaluations=True)
    # Without files DuckDB cannot spill either: an error says so.
    connection = _connected(path, {**config, **WITHOUT_EXTENSIONS, "temp_directory": ""})
    _checked(connection, path, evaluations=True, locks=True)
    connection.execute("set lock_configuration = true")
    return connection


def connect_apart(database: str | Path, memory_limit: str) -> duckdb.DuckDBPyConnection:
    """Opens a database for statements that are not trusted, apart from all other connections.

    What statements may do is as in `connect_locked`. DuckDB opens a file once in a process, with
    the settings of who came first; here the file is attached to an empty database in memory, so
    that other connections of the process have other settings, or the build that was in the file
    before. memory_limit: such as '20%'.
    Raises DatabaseError as `connect` does.
    """
    path = Path(database)
    connection = duckdb.connect(
        config={
            "python_enable_replacements": False,
            "temp_directory": "",
            "memory_limit": memory_limit,
            **WITHOUT_EXTENSIONS,
        }
    )
    try:
        _attach(connection, path, DATABASE)
        views = _stored_views(connection, path, DATABASE)
        _lock_files(connection, path, views)
        _refuse_other_contents(connection, path, DATABASE, views)
        connection.execute(f"use {DATABASE}")
        define_macros(connection)
        connection.execute("set lock_configuration = true")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_pair(
    old: str | os.PathLike[str], new: str | os.PathLike[str]
) -> duckdb.DuckDBPyConnection:
    """Attaches two databases, read-only, to an empty database in memory.

    Their tables are old.users, new.users and so on. Both may be the same file.
    Raises DatabaseError for either of them as `connect` does, and if it is no path.
    """
    for given in (old, new):
        if not isinstance(given, str | os.PathLike):
            kind = type(given).__name__
            raise DatabaseError(f"builds are compared by the files of their databases, not {kind}")
    connection = _connected_in_memory()
    try:
        names = {OLD: Path(old), NEW: Path(new)}
        for name, path in names.items():
            _attach(connection, path, name)
        views = {name: _stored_views(connection, path, name) for name, path in names.items()}
        _close(connection, chain.from_iterable(views.values()))
        for name, path in names.items():
            _refuse_other_contents(
                connection, path, name, views[name], oldest=OLDEST_READABLE_VERSION
            )
    except BaseException:
        connection.close()
        raise
    return connection


def _connected_in_memory() -> duckdb.DuckDBPyConnection:
    """An empty database in memory, whose settings no other connection of the process shares."""
    return duckdb.connect(config={"temp_directory": _spill_folder(), **WITHOUT_EXTENSIONS})


def _attach(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    """Attaches a file read-only, and runs nothing in it."""
    _refuse_other_files(path)
    try:
        connection.execute(
            f"attach {literal(str(path.absolute()))} as {name} (read_only, type duckdb)"
        )
    except duckdb.Error as error:
        raise DatabaseError(f"{path}: {one_line(error)}") from error


def _close(
    connection: duckdb.DuckDBPyConnection,
    views: Iterable[StoredView],
    readable: Iterable[Path] = (),
) -> None:
    """Closes a connection for our own queries: of files they read those of views, and `readable`.

    The file of the database stays open.
    """
    paths = [text for file in readable for text in (str(file.absolute()), pattern(file.absolute()))]
    paths += let_read(connection, list(views))
    names = list(dict.fromkeys(paths))
    connection.execute(f"set allowed_paths = {literal(names)}; set enable_external_access = false")


def _lock_files(
    connection: duckdb.DuckDBPyConnection, path: Path, views: Collection[StoredView]
) -> None:
    """Closes a connection for statements that are not trusted: no file is opened by DuckDB.

    Disabling external access alone would leave the path of the database open for writing by a copy
    statement. Files that are already open stay open. Raises DatabaseError for views that need
    fsspec where there is none, and files that are missing.
    """
    names: list[str] = []
    if views:
        try:
            names = hide_by_views(connection, views)
        except ModuleNotFoundError as error:
            raise DatabaseError(
                f"{path}: its tables are Parquet files, which statements are given by a package "
                "that is missing: pip install fsspec"
            ) from error
        except duckdb.Error as error:
            raise DatabaseError(f"{path}: {in_words(error)}") from error
    connection.execute(
        f"set allowed_paths = {literal(names)}; set enable_external_access = false;"
        " set disabled_filesystems = 'LocalFileSystem'"
    )


def _open(path: Path, config: Config, *, evaluations: bool = False) -> duckdb.DuckDBPyConnection:
    return _checked(_connected(path, config), path, evaluations=evaluations)


def _connected(path: Path, config: Config) -> duckdb.DuckDBPyConnection:
    """Opens a file read-only, and runs nothing in it."""
    _refuse_other_files(path)
    config = {"temp_directory": _spill_folder(), **config}
    try:
        # DuckDB takes names such as sqlite:x, md:x, ~x or :memory: for something other than a file,
        # but no absolute path.
        return duckdb.connect(str(path.absolute()), read_only=True, config=config)
    except duckdb.Error as error:
        raise DatabaseError(f"{path}: {one_line(error)}") from error


def _checked(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    *,
    evaluations: bool = False,
    locks: bool = False,
) -> duckdb.DuckDBPyConnection:
    """Returns the connection after a check of the database in it; closes it on an error.

    locks: first keeps statements from all files.
    """
    # Statements of the user may query any table; those of sql/ need all columns of this version.
    oldest = OLDEST_READABLE_VERSION if evaluations else OLDEST_VERSION
    try:
        rows = connection.execute(
            "select database_name, path from system.main.duckdb_databases() where not internal"
        ).fetchall()
        names = {file: name for name, file in rows}
        name = names.get(str(path.absolute()), rows[0][0])
        views = _stored_views(connection, path, name)
        if locks:
            _lock_files(connection, path, views)
        else:
            let_read(connection, views)
        _refuse_other_contents(
            connection, path, name, views, evaluations=evaluations, oldest=oldest
        )
        if _of_database(connection, name, "duckdb_functions", "function_name"):
            define_macros(connection)
    except duckdb.Error as error:
        connection.close()
        raise DatabaseError(f"{path}: {one_line(error)}") from error
    except BaseException:
        connection.close()
        raise
    return connection


def define_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Defines our macros in the connection, where they hide those of the database."""
    session = Session(connection)
    if not session.columns("weights"):
        # Of an earlier version: no macro can name a table that does not exist.
        connection.execute(
            'create temp table weights as select "user", "user" as neighbor, 0.0 as weight'
            " from users limit 0"
        )
    for name in MACROS:
        define_macro(session, name)


def define_macro(session: Session, name: str) -> None:
    """Defines one of our macros in the connection, in place of what hides it."""
    macro = session.templates.render(f"results/{name}.sql")
    session.execute(macro.replace("create macro", "create or replace temp macro", 1))


def _spill_folder() -> str:
    """The folder that a reader spills to, made once it does; empty: it cannot spill.

    DuckDB's default is beside the database, where several readers would collide.
    """
    try:
        return str(Path(tempfile.gettempdir(), f"ubcf-{os.getpid()}"))
    except FileNotFoundError:  # no folder is writable
        return ""


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


def _stored_views(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> list[StoredView]:
    """The views of the database `name` that are in place of tables: see there. Runs none of them.

    Raises DatabaseError for a macro that is not ours, of which a view may be made, and for a view
    of another form.
    """
    for (macro,) in _of_database(connection, name, "duckdb_functions", "function_name"):
        if macro not in MACROS:
            raise DatabaseError(f"{path}: not a database that ubcf made: it has a macro {macro!r}")
    views = []
    for table, text in _of_database(connection, name, "duckdb_views", "view_name, sql"):
        if table in BUILD_TABLES or table in EVALUATION_TABLES:
            view = stored_view(connection, table, text) if table in STORED_TABLES else None
            if view is None:
                raise DatabaseError(
                    f"{path}: not a database that ubcf made: {table} is a view that it did not make"
                )
            views.append(view)
    if len({view.build for view in views}) > 1:
        raise DatabaseError(
            f"{path}: not a database that ubcf made: its views are of several builds"
        )
    try:
        views = with_objects(views)
    except InputError as error:
        raise DatabaseError(f"{path}: its rows are in an object store: {error}") from error
    for view in views:
        if (missing := view.missing) is not None:
            raise DatabaseError(
                f"{path}: the rows of its table {view.table} are gone: there is no {missing}; "
                "build it again"
            )
    return views


def _refuse_other_contents(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    name: str,
    views: Collection[StoredView],
    *,
    evaluations: bool = False,
    oldest: tuple[int, int, int] = OLDEST_VERSION,
) -> None:
    """Raises DatabaseError unless the tables of the database `name` are those of this version.

    oldest: the oldest version that will do; tables of a version before OLDEST_VERSION may lack
    columns.
    They must be base tables, without generated columns, or `views`, those of `_stored_views`, and
    there must be no macro but ours: a query that names a table must not run what somebody else
    wrote, and DuckDB looks up even `+` among the macros of the database first. So both checks
    qualify the functions that they call, call no other, and read no table before they know what it
    is.
    """
    tables = {table for (table,) in _of_database(connection, name, "duckdb_tables", "table_name")}
    tables |= {view.table for view in views}
    if evaluations and tables >= EVALUATION_TABLES.keys():
        _refuse_other_columns(connection, path, name, EVALUATION_TABLES)
        return
    missing = BUILD_TABLES.keys() - NEW_TABLES - tables
    if missing and tables >= EVALUATION_TABLES.keys():
        raise DatabaseError(f"{path}: a database of ubcf evaluate, not one of ubcf build")
    if missing:
        raise DatabaseError(
            f"{path}: not a database that ubcf made: it has no table {sorted(missing)[0]!r}"
        )
    build = BUILD_TABLES["build"]
    _refuse_other_columns(connection, path, name, {"build": {"version": build["version"]}})
    versions = connection.execute(
        f"select version from {identifier(name)}.main.build limit 1"
    ).fetchall()
    if not versions:
        raise DatabaseError(f"{path}: not finished: its table build is empty; build it again")
    version = versions[0][0] or ""
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    parts = None if numbers is None else tuple(map(int, numbers.groups()))
    if parts is None or parts < oldest:
        raise DatabaseError(f"{path}: made by ubcf {version}; build it again with this version")
    missing = BUILD_TABLES.keys() - tables
    if missing and parts >= OLDEST_VERSION:
        raise DatabaseError(
            f"{path}: it has no table {sorted(missing)[0]!r}; build it again with this version"
        )
    _refuse_other_columns(connection, path, name, BUILD_TABLES, may_lack=parts < OLDEST_VERSION)


def _refuse_other_columns(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    name: str,
    tables: dict[str, Columns],
    *,
    may_lack: bool = False,
) -> None:
    """Raises DatabaseError when a table lacks a column, or has another type or a formula for it."""
    # A formula is given as the default, from DuckDB 2 on also as itself; our tables have neither.
    rows = _of_database(
        connection, name, "duckdb_columns", "table_name, column_name, data_type, column_default"
    )
    found = {(table, column): kind for table, column, kind, _ in rows}
    for table, column, _, formula in rows:
        if table in tables and formula is not None:
            raise DatabaseError(
                f"{path}: not a database that ubcf made: {table}.{column} is a formula"
            )
    for table, columns in tables.items():
        for column, kind in columns.items():
            if (table, column) not in found:
                if may_lack:
                    continue
                raise DatabaseError(
                    f"{path}: {table} has no column {column!r}; build it again with this version"
                )
            if kind is not None and found[table, column] != kind:
                raise DatabaseError(
                    f"{path}: {table}.{column} is {found[table, column]}, not {kind}; build it "
                    "again with this version"
                )


def _of_database(
    connection: duckdb.DuckDBPyConnection, name: str, function: str, columns: str
) -> list[tuple[Any, ...]]:
    """Columns of the rows that a function of DuckDB's catalog has for a database."""
    rows = connection.execute(
        f"select database_name, schema_name, {columns} from system.main.{function}()"
        " where not internal"
    ).fetchall()
    # Macros count in any schema, tables in the one that our queries look into.
    return [
        tuple(row)
        for database, schema, *row in rows
        if database == name and (schema == "main" or function == "duckdb_functions")
    ]
