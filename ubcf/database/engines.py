"""What one text of a template says differently to DuckDB and to Spark SQL.

Every file of sql/model/ and sql/checks/ runs on both engines. Its text is portable SQL, but for
two functions of Jinja: `{{ variable('top') }}` reads a bound value, and `{{ identifier(column) }}`
quotes a name that is known only when the template is rendered. DuckDB gets getvariable('top') and
"column"; Spark gets the named parameter :top and `column`.

`Templates(overlay, engine="spark")` renders such a file for Spark, for a session with
SPARK_SETTINGS:

    tracks = templates.relation("model/tracks.sql", chosen=False, catalog_columns=["artist"])
    frame = spark.sql(tracks.query, args={"top": 100})  # then a view or Parquet named tracks.name
    rows = spark.sql(templates.query("checks/plays_add_up.sql"), args={"top": 100}).collect()

`args` has the values that `Session.set` gives DuckDB; a value may be None, and names that the text
does not use do no harm. Types that a caller names, such as user_type, are those of the engine:
'string' for Spark, not 'VARCHAR'.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, NamedTuple

Engine = Literal["duckdb", "spark"]

# What a session of Spark needs for the files of sql/ to mean what they mean to DuckDB: errors
# instead of nulls where a number does not fit, names in double quotes, timestamps in UTC.
SPARK_SETTINGS = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",
    "spark.sql.session.timeZone": "UTC",
}


def quoted(name: str, mark: str = '"') -> str:
    """A name between marks; a mark in the name is doubled."""
    return mark + name.replace(mark, 2 * mark) + mark


# The functions that templates call, by engine.
FUNCTIONS: dict[Engine, dict[str, Callable[[str], str]]] = {
    "duckdb": {
        "variable": lambda name: f"getvariable('{name}')",
        "identifier": lambda name: quoted(name),
    },
    "spark": {
        "variable": lambda name: f":{name}",
        "identifier": lambda name: quoted(name, "`"),
    },
}

_CREATION = re.compile(
    r"(?:\s*--.*\n)*\s*create\s+(?:or\s+replace\s+)?(?P<temporary>temp(?:orary)?\s+)?"
    r"(?:table|view)\s+(?P<name>\w+)\s+as\b",
    re.IGNORECASE,
)


class Relation(NamedTuple):
    """A relation that a template makes. temporary: only the build itself reads it."""

    name: str
    query: str
    temporary: bool


def query_of(statement: str) -> str:
    """A statement without its final semicolon, which Spark does not take."""
    return statement.rstrip().removesuffix(";")


def relation_of(statement: str) -> Relation | None:
    """Takes 'create [or replace] [temp] table|view NAME as' off a statement; None without it."""
    found = _CREATION.match(statement)
    if found is None:
        return None
    query = query_of(statement[found.end() :]).strip()
    return Relation(found["name"], query, found["temporary"] is not None)
