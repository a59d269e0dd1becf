"""The named analyses: the queries of sql/analysis/, with the variables that they read."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from ubcf.database.reading import on_own_cursor
from ubcf.database.session import Session, literal
from ubcf.database.templates import Templates, shipped_templates
from ubcf.errors import NotFoundError, OptionError, TemplateError, did_you_mean, printable
from ubcf.printing import Printed
from ubcf.serving.unstored_weights import with_weights

FOLDER = "analysis"

# The tables that have the ids of a kind: users without logs are only in their recommendations.
SOURCES_OF_IDS = {"user": ("users", "recommendations"), "track": ("tracks",)}

# The analyses that find the ids nearest to an unknown one, and how an error names their rows.
NEAREST = {"user": "find_user", "track": "find_track"}
NEAREST_NAMED = {
    "user": 'cast("user" as varchar)',
    "track": "concat(track, ' (' || nullif(left(concat_ws(' - ', artist, title), 80), '') || ')')",
}
NEAREST_SHOWN = 3

# An analysis with this in its SQL reads the weights of the user in the variable `user`.
READS_WEIGHTS = "weights_of(getvariable('user'))"


@dataclass(frozen=True)
class Variable:
    """A variable of an analysis, which its SQL reads by getvariable('name')."""

    name: str
    meaning: str

    @property
    def required(self) -> bool:
        """Whether it must be set: its meaning states no default."""
        return "(default" not in self.meaning


@dataclass(frozen=True)
class Analysis:
    """A query of sql/analysis/: its name, what one row is, its variables, and its SQL."""

    name: str
    summary: str
    variables: tuple[Variable, ...]
    sql: str = field(repr=False)

    def __str__(self) -> str:
        """The line of `ubcf query`."""
        return printable(f"{self.name:<30} {self.summary}")


class Analyses(Printed, tuple[Analysis, ...]):
    """Analyses, which print as `ubcf query` does: a line for each."""

    def __str__(self) -> str:
        return "\n".join(map(str, self))

    def __repr__(self) -> str:
        return f"<{len(self)} analyses>"


def analyses() -> Analyses:
    """The analyses that `query` runs, in the order of their names; printed, a line for each."""
    return Analyses(list_analyses())


def list_analyses(templates: Templates | None = None) -> list[Analysis]:
    """All analyses in order of their names. Raises TemplateError as read_analysis does."""
    templates = templates or shipped_templates()
    return [read_analysis(Path(name).stem, templates) for name in templates.names(FOLDER)]


def read_analysis(name: str, templates: Templates) -> Analysis:
    """The analysis of a name, from the comment at the head of its file.

    The comment begins with '-- name: one row per ...' and has a line '-- variable name: meaning
    (default ...)' for each variable. Raises NotFoundError, with the nearest name, for an unknown
    analysis, TemplateError for a file without such a comment.
    """
    file = f"{FOLDER}/{name}.sql"
    if file not in templates.names(FOLDER):
        names = [Path(each).stem for each in templates.names(FOLDER)]
        instead = did_you_mean(name, names) or f"; there are {', '.join(names)}"
        raise NotFoundError(f"no analysis {name!r}{instead}")
    sql = templates.render(file)
    head = re.match(rf"-- {re.escape(name)}: (.+)", sql)
    if head is None:
        raise TemplateError(f"{templates.path(file)}: does not begin with '-- {name}: ...'")
    variables = re.findall(r"^-- variable (\w+): (.+)$", sql, flags=re.MULTILINE)
    return Analysis(name, head[1], tuple(Variable(*each) for each in variables), sql)


@cache
def _shipped_analysis(name: str) -> Analysis:
    """An analysis of sql/analysis/. Raises as `read_analysis`."""
    return read_analysis(name, shipped_templates())


@on_own_cursor
def query(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    *,
    templates: Templates | None = None,
    **variables: Any,
) -> duckdb.DuckDBPyRelation:
    """Runs a named analysis; returns its rows as a relation, ready for .df(), .pl() or more SQL.

    variables: the values of its variables, such as user=156; the others have their defaults. The
    relation holds its rows: it does not change when variables are set later.
    Raises NotFoundError for an unknown analysis, user or track, OptionError for an unknown or a
    missing variable, TemplateError when DuckDB refuses the query.
    """
    session = Session(connection, templates)
    with _prepared(session, name, variables):
        return session.relation(f"{FOLDER}/{name}.sql")


def query_rows(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    *,
    ids_set: Collection[str] = (),
    **variables: Any,
) -> list[dict[str, Any]]:
    """The rows of a named analysis, as `query` has them, each as a dictionary by column.

    It takes half the time of a relation, which DuckDB plans twice. The connection is one that
    nothing else uses. ids_set: the kinds of ids whose variables have their values already, by
    `set_id`. Raises what `query` raises.
    """
    session = Session(connection)
    with _prepared(session, name, variables, ids_set):
        return session.rows(f"{FOLDER}/{name}.sql")


@contextmanager
def _prepared(
    session: Session, name: str, variables: Mapping[str, Any], ids_set: Collection[str] = ()
) -> Iterator[None]:
    """Sets the variables of an analysis, and makes readable what its SQL reads."""
    shipped = session.templates is shipped_templates()
    analysis = _shipped_analysis(name) if shipped else read_analysis(name, session.templates)
    _set_variables(session, analysis, variables, ids_set)
    with with_weights(session) if READS_WEIGHTS in analysis.sql else nullcontext():
        yield


def _set_variables(
    session: Session, analysis: Analysis, values: Mapping[str, Any], ids_set: Collection[str]
) -> None:
    """Sets every variable of an analysis, those without a value to null."""
    known = {variable.name: variable for variable in analysis.variables}
    for name in values:
        if name not in known:
            names = ", ".join(known) or "none"
            raise OptionError(f"{analysis.name} has no variable {name!r}; there are: {names}")
    others = {}
    for name, variable in known.items():
        value = values.get(name)
        if value is None and variable.required:
            raise OptionError(f"{analysis.name} needs the variable {name!r}: {variable.meaning}")
        if value is None or name not in SOURCES_OF_IDS:
            others[name] = value
        elif name not in ids_set:
            set_id(session.connection, name, value)
    if others:
        session.set(**others)


def set_id(connection: duckdb.DuckDBPyConnection, kind: str, value: Any) -> Any:
    """Sets the variable `kind` ('user' or 'track') to the id whose text is that of `value`.

    Returns the id in the type that it has in the database. Raises NotFoundError for an unknown one,
    with the nearest ids; for a track also those with this artist or title.
    """
    found, text = None, literal(str(value))
    for table in SOURCES_OF_IDS[kind]:
        if found is None:
            id_type = Session(connection).columns(table).get(kind, "varchar")
            # The first condition follows from the second, and skips most rows.
            connection.execute(
                f'set variable {kind} = (select any_value("{kind}") from {table}'
                f' where "{kind}" = try_cast({text} as {id_type})'
                f' and cast("{kind}" as varchar) = {text})'
            )
            ((found,),) = connection.execute(f"select getvariable('{kind}')").fetchall()
    if found is None:
        nearest = query(connection, NEAREST[kind], text=str(value), k=NEAREST_SHOWN)
        named = nearest.project(f'"{kind}", {NEAREST_NAMED[kind]}').fetchall()
        raise NotFoundError(f"no {kind} {str(value)!r} in this database", kind, named)
    return found
