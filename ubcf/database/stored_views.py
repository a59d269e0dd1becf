"""Tables of a build whose rows are in Parquet files: views of the database, which is a pointer.

A build on Spark leaves, in place of a table, a view of the form

    create view users as
    select cast("user" as bigint) as "user", ...
    from read_parquet(['/results/build/users/000000.parquet', ...], hive_partitioning = false)

A database is data that anybody may have made, so a view is read only if it is of this form: it
casts columns of Parquet files, which are among the results of one build, and does nothing else.
Statements that are not trusted read the files through `ubcf.database.read_only_files`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from ubcf.database.paths import path_of, pattern
from ubcf.database.session import identifier, literal

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


class StoredView(NamedTuple):
    """A view of files. columns: the query up to its from; patterns: as it names the files."""

    table: str
    columns: str
    patterns: tuple[str, ...]

    @property
    def files(self) -> list[Path]:
        """The files, in the order of the rows."""
        return [path_of(each) for each in self.patterns]

    @property
    def missing(self) -> Path | None:
        """The first file that is not there, of those of the rows and that of the build."""
        marker = self.files[0].parents[1] / MARKER
        return next((file for file in [marker, *self.files] if not file.is_file()), None)

    def reading(self, names: Iterable[str]) -> str:
        """The query with other names of its files."""
        return (
            f"{self.columns} from read_parquet({literal(list(names))}, hive_partitioning = false)"
        )


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
    patterns = tuple(each.replace("''", "'") for each in _TEXT.findall(found["files"]))
    view = StoredView(table, found["columns"], patterns)
    is_plain = _only_reads(parsed["statements"][0]["node"]) and _are_results(view)
    return view if is_plain else None


def hide_by_views(
    connection: duckdb.DuckDBPyConnection, views: Iterable[StoredView]
) -> dict[str, Path]:
    """Hides views by temporary ones, which read their files through the file system of
    `ubcf.database.read_only_files` alone. Returns the files by their names there.
    """
    from ubcf.database.read_only_files import PROTOCOL, ReadOnlyFiles

    files = {
        f"{PROTOCOL}://{view.table}/{number}.parquet": file
        for view in views
        for number, file in enumerate(view.files)
    }
    connection.register_filesystem(ReadOnlyFiles(files))
    for view in views:
        names = (f"{PROTOCOL}://{view.table}/{number}.parquet" for number in range(len(view.files)))
        connection.execute(f"create temp view {identifier(view.table)} as {view.reading(names)}")
    return files


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
    folders = {file.parent for file in view.files}
    return (
        all(pattern(file) == each for file, each in zip(view.files, view.patterns, strict=True))
        and len(folders) == 1
        and all(
            folder.is_absolute() and ".." not in folder.parts and folder.name == view.table
            for folder in folders
        )
    )
