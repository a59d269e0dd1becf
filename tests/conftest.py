"""What the tests share: small logs, the real command line, and the database that a build leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ubcf
from ubcf.building.summary import BuildSummary

PROJECT = Path(__file__).parent.parent
REAL_LOGS = PROJECT.parent / "shared" / "logs"


def log_line(user: Any, track: Any, time: Any, **fields: Any) -> str:
    """A line as the service writes it; `fields` replace or add."""
    event = {
        "message": "next",
        "timestamp": 1_700_000_000_000,
        "user": user,
        "track": track,
        "time": time,
        "latency": 0.001,
        "recommendation": None,
        "experiments": {},
        **fields,
    }
    return json.dumps(event)


# Logs of lines user|track|time, whose ids are texts.
EVENTS_OF_TEXTS = """
create table events as
select
    filename as file, null as message, null as timestamp, "user", track, time,
    null as latency, null as recommendation, null as experiments
from read_csv(
    getvariable('log_paths'), delim = '|', header = false, filename = true,
    columns = {'user': 'VARCHAR', 'track': 'VARCHAR', 'time': 'DOUBLE'}
)
"""


def lay_events_of_texts(templates: Path) -> None:
    """Puts a staging/events.sql for EVENTS_OF_TEXTS into a folder of templates."""
    (templates / "staging").mkdir(parents=True)
    (templates / "staging" / "events.sql").write_text(EVENTS_OF_TEXTS, encoding="utf-8")


def write_log(path: Path, lines: Iterable[str | tuple[Any, Any, Any]]) -> Path:
    """Writes a log file of lines, or of (user, track, time), and returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = (line if isinstance(line, str) else log_line(*line) for line in lines)
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def run_ubcf(
    *arguments: str | int | Path,
    cwd: Path,
    environment: dict[str, str] | None = None,
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """Runs the real command line in a folder and returns what it printed and its exit code."""
    return subprocess.run(
        [sys.executable, "-m", "ubcf", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(PROJECT), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


class Built:
    """A finished build: its summary, its JSON and its tables."""

    def __init__(self, folder: Path, summary: BuildSummary) -> None:
        self.folder = folder
        self.summary = summary
        self.database = folder / "ubcf.duckdb"
        self.output = folder / "recommendations_ub.json"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query on the database."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def lists(self) -> dict[Any, list[Any]]:
        """The recommended tracks of each user, from the JSON file."""
        lines = self.output.read_text(encoding="utf-8").splitlines()
        return {entry["user"]: entry["tracks"] for entry in map(json.loads, lines)}


@pytest.fixture
def build_from(tmp_path: Path) -> Callable[..., Built]:
    """Builds from lines or (user, track, time) in one log file, in the test's own folder."""

    def build(lines: Iterable[str | tuple[Any, Any, Any]], **options: Any) -> Built:
        write_log(tmp_path / "logs" / "botify-recommender-1" / "data.json", lines)
        return build_folder(tmp_path, **options)

    return build


def build_folder(folder: Path, **options: Any) -> Built:
    """Builds from the folder `logs` in `folder`."""
    summary = ubcf.build(
        folder / "logs",
        database=folder / "ubcf.duckdb",
        output=folder / "recommendations_ub.json",
        **options,
    )
    return Built(folder, summary)
