"""Tables of a build whose rows are in Parquet files: views of the database, which is a pointer.

A build on Spark leaves, in place of a table, a view of the form

    create view users as
    select cast("user" as bigint) as "user", ...
    from read_parquet(['/results/build/users/000000.parquet', ...], hive_partitioning = false)

A database is data that anybody may have made, so a view is read only if it is of this form: it
casts columns of Parquet files, which are among the results of one build, and does nothing else.
Statements that are not trusted read the files through `ubcf.database.read_only_files`.

The files may also be objects of a store, as s3://bucket/results/build/users/000000.parquet. Then
the database chooses what the reader's computer asks for over the network, with the reader's
credentials, so that less is allowed than of files:

- The protocol is that of an object store. Its server is that of the reader's settings: no view can
  name one, as http:// or an ARN in place of a bucket would.
- All views are of one build. Requests go to its folder alone: whether it has a build.json, without
  which there is no other one; a listing; and those that read objects of the views. None writes.
- So a database can make its reader read results of a build that the reader may read, and can let
  the owner of a bucket know who asked, as any name of a bucket does that one is given to read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from ubcf.database.paths import path_of, pattern
from ubcf.database.session import identifier, literal
from ubcf.remote import RemoteFile, is_remote, is_store_folder, remote, shown

if TYPE_CHECKING:
    from ubcf.database.read_only_files import File

# The tables that may be views. Those about the build itself, which are small, may not.
STORED_TABLES = (
    "events",
    "rejected_lines",
    "tracks",
    "interactions",
    "users",
    "neighbors",
    "weights",
    "recommendations",
)

# The file in the folder of a build's results, beside the folders of the tables, without which it is
# none: a database cannot make any other Parquet readable.
MARKER = "build.json"

# What the parsed query may be made of, and the functions that it may call.
EXPRESSIONS = {"CAST", "COLUMN_REF", "COMPARISON", "CONSTANT", "FUNCTION", "TYPE"}
FUNCTIONS = {"list_value", "read_parquet"}
SCHEMAS = {"", "main"}

# The text of a view, as DuckDB 2 and 1.5 write it.
_VIEW = re.compile(
    r"CREATE VIEW \w+ AS (?P<columns>SELECT .*) FROM read_parquet\("
    r"(?:main\.)?list_value\((?P<files>'(?:[^']|'')*'(?:, '(?:[^']|'')*')*)\),"
    r" \(hive_partitioning = (?:false|CAST\('f' AS BOOLEAN\))\)\);",
    re.DOTALL,
)

_TEXT = re.compile(r"'((?:[^']|'')*)'")


@dataclass(frozen=True)
class StoredView:
    """A view of files. columns: the query up to its from; names: as it names the files.

    objects: those of the names that are in an object store, once they are looked for.
    """

    table: str
    columns: str
    names: tuple[str, ...]
    objects: dict[str, RemoteFile] = field(default_factory=dict)

    @property
    def is_remote(self) -> bool:
        """Whether the files are in an object store."""
        return is_remote(self.names[0])

    @property
    def build(self) -> str:
        """The folder of the build."""
        first = self.names[0]
        return first.rsplit("/", 2)[0] if self.is_remote else str(path_of(first).parents[1])

    @property
    def paths(self) -> list[Path]:
        """The files of this machine, in the order of the rows."""
        return [] if self.is_remote else [path_of(each) for each in self.names]

    @property
    def files(self) -> list[File]:
        """The files, in the order of the rows."""
        return [self.objects[each] for each in self.names] if self.is_remote else [*self.paths]

    @property
    def missing(self) -> str | None:
        """The first file that is not there, of those of the rows and that of the build."""
        marker = f"{self.build}/{MARKER}"
        if self.is_remote:
            names = (shown(name) for name in (marker, *self.names) if name not in self.objects)
        else:
            names = (str(path) for path in (Path(marker), *self.paths) if not path.is_file())
        return next(names, None)

    def reading(self, names: Iterable[str]) -> str:
        """The query with other names of its files."""
        return (
            f"{self.columns} from read_parquet({literal(list(names))}, hive_partitioning = false)"
        )


def with_objects(views: Sequence[StoredView]) -> list[StoredView]:
    """Views of one build, with the objects of a store that there are of their files.

    Raises InputError for a store that cannot be reached.
    """
    if not any(view.is_remote for view in views):
        return list(views)
    build = views[0].build
    marker = f"{build}/{MARKER}"
    objects: dict[str, RemoteFile] = {}
    if remote().file(marker) is not None:
        names = {marker, *(name for view in views for name in view.names)}
        listing = remote().listing(build, lambda within: f"{build}/{within}" in names)
        objects = {file.url: file for file in listing.files}
    return [replace(view, objects=objects) for view in views]


def let_read(connection: duckdb.DuckDBPyConnection, views: Iterable[StoredView]) -> list[str]:
    """Lets DuckDB read the files of views as they name them; returns these names.

    Of each object store, no other objects are then read: those of the views come before an
    extension for such stores.
    """
    objects = {name: view.objects[name] for view in views if view.is_remote for name in view.names}
    open_store(connection, objects.get, {name.partition("://")[0] for name in objects})
    paths = (path for view in views for path in view.paths)
    # DuckDB asks for the pattern, and for the file that it finds by it.
    return [*objects, *(text for path in paths for text in (str(path), pattern(path)))]


def open_store(
    connection: duckdb.DuckDBPyConnection,
    find: Callable[[str], File | None],
    schemes: Iterable[str],
) -> None:
    """Lets DuckDB read objects of stores. find: the object of a name, None if there is none."""
    for scheme in schemes:
        from ubcf.database.read_only_files import ReadOnlyFiles

        # Connections to one database of one process share its files.
        if not connection.filesystem_is_registered(scheme):
            connection.register_filesystem(ReadOnlyFiles(find, scheme))


def stored_view(connection: duckdb.DuckDBPyConnection, table: str, text: str) -> StoredView | None:
    """Reads the text of a view as the catalog has it; None for one of another form.

    The connection must have no macros but those of DuckDB and ours.
    """
    found = _VIEW.fullmatch(text)
    if found is None:
        return None
    _, _, query = text.removesuffix(";").partition(" AS ")
    ((serialized,),) = connection.execute(
        f"select system.main.json_serialize_sql({literal(query)})"
    ).fetchall()
    parsed = json.loads(serialized)
    if parsed["error"] or len(parsed["statements"]) != 1:
        return None
    names = tuple(each.replace("''", "'") for each in _TEXT.findall(found["files"]))
    view = StoredView(table, found["columns"], names)
    is_plain = _only_reads(parsed["statements"][0]["node"]) and _are_results(view)
    return view if is_plain else None


def hide_by_views(
    connection: duckdb.DuckDBPyConnection, views: Collection[StoredView]
) -> list[str]:
    """Hides views by temporary ones, which read their files through the file system of
    `ubcf.database.read_only_files` alone. Returns the names of the files there.
    """
    from ubcf.database.read_only_files import PROTOCOL, ReadOnlyFiles

    files = {
        f"{PROTOCOL}://{view.table}/{number}.parquet": file
        for view in views
        for number, file in enumerate(view.files)
    }
    connection.register_filesystem(ReadOnlyFiles(files.get))
    if any(view.is_remote for view in views):
        connection.execute("set parquet_metadata_cache = true")  # fewer requests
    for view in views:
        names = (f"{PROTOCOL}://{view.table}/{number}.parquet" for number in range(len(view.names)))
        connection.execute(f"create temp view {identifier(view.table)} as {view.reading(names)}")
    return list(files)


def _parts(tree: object) -> Iterator[dict[str, Any]]:
    """All objects of a JSON value, those that are inside others after these."""
    if isinstance(tree, dict):
        yield tree
    values = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    for value in values:
        yield from _parts(value)


def _only_reads(node: dict[str, Any]) -> bool:
    """Whether a parsed query casts columns of read_parquet, and does nothing else."""
    kinds = []
    for part in _parts(node):
        if "class" in part:
            if part["class"] not in EXPRESSIONS:
                return False
            if part["class"] == "FUNCTION" and not (
                part["function_name"] in FUNCTIONS
                and part["schema"] in SCHEMAS
                and part["catalog"] == ""
            ):
                return False
        elif isinstance(part.get("type"), str):
            kinds.append(part["type"])
    # Functions have an order, and types details.
    others = [kind for kind in kinds if not re.fullmatch("ORDER_MODIFIER|[A-Z]+_TYPE_INFO", kind)]
    return others == ["SELECT_NODE", "TABLE_FUNCTION"]


def _are_results(view: StoredView) -> bool:
    """Whether the files of a view are single ones in the folder of its table, in a build's."""
    if any(map(is_remote, view.names)):
        part = re.compile(rf"{re.escape(view.build)}/{view.table}/[0-9]{{6,}}(?:-[0-9]+)?\.parquet")
        return is_store_folder(view.build) and all(map(part.fullmatch, view.names))
    folders = {path.parent for path in view.paths}
    return (
        all(pattern(path) == each for path, each in zip(view.paths, view.names, strict=True))
        and len(folders) == 1
        and all(
            folder.is_absolute() and ".." not in folder.parts and folder.name == view.table
            for folder in folders
        )
    )
