"""The named analyses of sql/analysis/, each a query with variables that can be set before it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from ubcf.database.literals import literal
from ubcf.database.session import held_rows
from ubcf.database.templates import Templates
from ubcf.errors import NotFoundError, OptionError, TemplateError

FOLDER = "analysis"

# Variables that hold an id: what is given is looked up in this table, by the column of that name.
TABLES_OF_IDS = {"user": "users", "track": "tracks"}

# The analysis that tells which ids are nearest to one that is not there, and how many are told.
NEAREST = {"user": "find_user", "track": "find_track"}
NEAREST_SHOWN = 3


@dataclass(frozen=True)
class Variable:
    """A variable that an analysis reads by getvariable('name')."""

    name: str
    meaning: str

    @property
    def required(self) -> bool:
        """Whether it has to be set: its meaning states no default."""
        return "(default" not in self.meaning


@dataclass(frozen=True)
class Analysis:
    """A query of sql/analysis/: what one row is, the variables to set before it, and the SQL."""

    name: str
    summary: str
    variables: tuple[Variable, ...]
    sql: str


def list_analyses(templates: Templates | None = None) -> list[Analysis]:
    """All analyses, by name. Raises TemplateError when the head of one does not say what it is."""
    templates = templates or Templates()
    return [read_analysis(Path(name).stem, templates) for name in templates.names(FOLDER)]


def read_analysis(name: str, templates: Templates) -> Analysis:
    """The analysis of that name.

    Raises NotFoundError when there is none, TemplateError when its head does not say what it is:
    '-- name: one row per ...', and '-- variable name: meaning (default ...)' for each variable.
    """
    file = f"{FOLDER}/{name}.sql"
    if file not in templates.names(FOLDER):
        names = ", ".join(Path(each).stem for each in templates.names(FOLDER))
        raise NotFoundError(f"no analysis {name!r}; there are {names}")
    sql = templates.render(file)
    head = re.match(rf"-- {re.escape(name)}: (.+)", sql)
    if head is None:
        raise TemplateError(f"{templates.path(file)}: does not begin with '-- {name}: ...'")
    variables = re.findall(r"^-- variable (\w+): (.+)$", sql, flags=re.MULTILINE)
    return Analysis(name, head[1], tuple(Variable(*each) for each in variables), sql)


def query(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    *,
    templates: Templates | None = None,
    **variables: Any,
) -> duckdb.DuckDBPyRelation:
    """The rows of a named analysis: a relation, ready for .df(), .pl() or more SQL.

    variables: those that the analysis names, such as user=156; what is left out has its default.
    The relation holds its rows: setting other variables later does not change it.
    Raises NotFoundError for an analysis, a user or a track that there is not, OptionError for a
    variable that it does not know or that is missing, TemplateError when DuckDB refuses it.
    """
    templates = templates or Templates()
    chosen = read_analysis(name, templates)
    _set_variables(connection, chosen, variables)
    return held_rows(connection, chosen.sql, templates.path(f"{FOLDER}/{name}.sql"))


def _set_variables(
    connection: duckdb.DuckDBPyConnection, analysis: Analysis, values: Mapping[str, Any]
) -> None:
    """Sets every variable that a query reads: those without a value to null."""
    known = {variable.name: variable for variable in analysis.variables}
    for name in values:
        if name not in known:
            there = ", ".join(known) or "none"
            raise OptionError(f"{analysis.name} has no variable {name!r}; there are: {there}")
    for name, variable in known.items():
        value = values.get(name)
        if value is None and variable.required:
            raise OptionError(f"{analysis.name} needs the variable {name!r}: {variable.meaning}")
        if value is not None and name in TABLES_OF_IDS:
            set_id(connection, name, value)
        else:
            connection.execute(f"set variable {name} = {literal(value)}")


def set_id(connection: duckdb.DuckDBPyConnection, kind: str, value: Any) -> Any:
    """Sets the variable `kind` (user or track) to the id that reads as `value` does; returns it.

    So an id keeps its type, whatever that is, and a value is never part of a statement but as a
    quoted text. Raises NotFoundError, with the nearest ids, when there is none.
    """
    table = TABLES_OF_IDS[kind]
    connection.execute(
        f'set variable {kind} = (select "{kind}" from {table}'
        f' where cast("{kind}" as varchar) = {literal(str(value))})'
    )
    ((found,),) = connection.execute(f"select getvariable('{kind}')").fetchall()
    if found is None:
        nearest = query(connection, NEAREST[kind], text=str(value), k=NEAREST_SHOWN)
        names = ", ".join(row[0] for row in nearest.project("cast(#1 as varchar)").fetchall())
        raise NotFoundError(f"no {kind} {str(value)!r} in this database; nearest: {names}")
    return found
