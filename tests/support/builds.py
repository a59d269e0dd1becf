"""Finished builds: their summary, their JSON and their tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

import ubcf
from tests.support.paths import SAMPLE
from ubcf.building.inputs.logs import Place
from ubcf.building.summary import BuildSummary


@cache
def _reader() -> duckdb.DuckDBPyConnection:
    """What reads databases, for all tests of a process: opening one anew takes longer than most
    queries."""
    return duckdb.connect()


def rows_of(database: Path, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query on a database, which no test may hold open for writing meanwhile."""
    reader = _reader()
    name = str(database).replace("'", "''")
    reader.execute(f"attach '{name}' as read (read_only); use read")
    try:
        return reader.execute(query).fetchall()
    finally:
        reader.execute("use memory; detach read")


class Built:
    """A finished build: its summary, its JSON and its tables."""

    def __init__(self, folder: Path, summary: BuildSummary) -> None:
        self.folder = folder
        self.summary = summary
        self.database = folder / "ubcf.duckdb"
        self.output = folder / "recommendations_ub.json"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query on the database."""
        return rows_of(self.database, query)

    def lists(self) -> dict[Any, list[Any]]:
        """The recommended tracks of each user, from the JSON file."""
        lines = self.output.read_text(encoding="utf-8").splitlines()
        return {entry["user"]: entry["tracks"] for entry in map(json.loads, lines)}


def build_in(folder: Path, logs: Place | Sequence[Place], **options: Any) -> Built:
    """Builds from logs anywhere into a folder."""
    summary = ubcf.build(
        logs,
        database=folder / "ubcf.duckdb",
        output=folder / "recommendations_ub.json",
        **options,
    )
    return Built(folder, summary)


def build_folder(folder: Path, **options: Any) -> Built:
    """Builds from the folder `logs` in `folder`."""
    return build_in(folder, folder / "logs", **options)


def build_sample(folder: Path, **options: Any) -> Built:
    """Builds from the sample in data/ into a folder."""
    return build_in(folder, SAMPLE, **options)
