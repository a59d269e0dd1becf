"""The model in a database that a build left, read back for people and pairs that come later."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import duckdb
from scipy import sparse

from ubcf.analysis.named_analyses import TABLES_OF_IDS
from ubcf.building.options import MODEL_OPTIONS, ModelOptions
from ubcf.database.literals import literal
from ubcf.database.session import refusals_told
from ubcf.database.templates import Templates
from ubcf.scoring.matrices import FloatArray, IntArray, track_rows
from ubcf.scoring.neighborhood import UserMatrices


@dataclass(frozen=True)
class StoredModel:
    """The interactions, by dense indexes, and the options that they were scored with.

    mean_time: of all events. shape: users x tracks. The four arrays have one entry per user and
    track heard; tracks are indexed by popularity, users by id.
    """

    options: ModelOptions
    top: int
    exclude_heard: bool
    only_positive: bool
    mean_time: float
    shape: tuple[int, int]
    user_index: IntArray
    track_index: IntArray
    centered_time: FloatArray
    counted_time: FloatArray

    @cached_property
    def matrices(self) -> UserMatrices:
        """R, and what similarities are made of."""
        return UserMatrices.of(self.user_index, self.track_index, self.counted_time, self.shape)

    @cached_property
    def centered(self) -> sparse.csr_array:
        """h by track, tracks x users."""
        return track_rows(self.user_index, self.track_index, self.centered_time, self.shape)


def run(connection: duckdb.DuckDBPyConnection, name: str, **structure: Any) -> list[Any]:
    """Runs a template of sql/ and returns its rows. Raises TemplateError when DuckDB refuses it."""
    templates = Templates()
    with refusals_told(templates.path(name)):
        return connection.execute(templates.render(name, **structure)).fetchall()


def arrays(connection: duckdb.DuckDBPyConnection, name: str) -> dict[str, Any]:
    """The columns of a query template as arrays."""
    templates = Templates()
    with refusals_told(templates.path(name)):
        return connection.execute(templates.render(name)).fetchnumpy()


def set_variables(connection: duckdb.DuckDBPyConnection, **values: Any) -> None:
    """Gives values to variables, which templates read by getvariable('name')."""
    for name, value in values.items():
        connection.execute(f"set variable {name} = {literal(value)}")


def id_types(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The SQL types of the ids of users and tracks."""
    return {
        kind: str(connection.sql(f'select "{kind}" from {table} limit 0').types[0])
        for kind, table in TABLES_OF_IDS.items()
    }


def load_model(connection: duckdb.DuckDBPyConnection) -> StoredModel:
    """The model of the database; the temporary table indexed_users tells which user is which."""
    ((text,),) = connection.execute("select options from build").fetchall()
    options = json.loads(text)
    ((mean_time,),) = run(connection, "serving/mean_time.sql")
    set_variables(connection, mean_time=mean_time)
    run(connection, "serving/indexed_users.sql")
    indexed = arrays(connection, "serving/indexed_interactions.sql")
    users, tracks = indexed["user_index"], indexed["track_index"]
    return StoredModel(
        ModelOptions(**{name: options[name] for name in MODEL_OPTIONS if name in options}),
        options["top"],
        options["exclude_heard"],
        options["only_positive"],
        mean_time,
        (int(users.max()) + 1, int(tracks.max()) + 1),
        users,
        tracks,
        indexed["centered_time"],
        indexed["counted_time"],
    )
