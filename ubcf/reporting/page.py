"""The report of a build: one HTML file, which the template page.html makes of the database."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, takewhile
from pathlib import Path
from typing import Any

import duckdb

from ubcf.analysis.experiment_text import finding
from ubcf.analysis.experiments import Experiment, analyze_experiments
from ubcf.analysis.health import Health, check
from ubcf.analysis.named_analyses import query, set_id
from ubcf.database.reading import on_own_cursor
from ubcf.drawing.charts import CHARTS, Chart, Row, draw_charts, forest_plot
from ubcf.drawing.figures import require_matplotlib
from ubcf.drawing.pages import SCRIPT, STYLESHEET, page_environment
from ubcf.errors import NotFoundError, printable
from ubcf.files import Kind, check_target, complete_or_absent, head
from ubcf.printing import Printed
from ubcf.progress import Progress, no_progress

TEMPLATE = "page.html"

# Neighbors shown in the explanation of a recommendation; the contributions of the others are one
# sum.
NEIGHBORS_SHOWN = 5

# Rows of the table of the most recommended tracks.
TRACKS_SHOWN = 25

# Rows of each list of a user that are printed; the screen shows all.
ROWS_PRINTED = 20

# Why a user is shown whose id was given; the other reasons are those of the analysis example_users.
ASKED = "asked for"


# The page is known by its title, near the beginning.
REPORT = Kind(
    "a report", lambda path: b"<title>Recommendations of " in head(path), may_be_stream=True
)


@dataclass(frozen=True)
class ReportSummary(Printed):
    """A written report: the ids of the users shown in full, and the size of the file in bytes."""

    output: str
    users: list[Any]
    bytes: int

    def __str__(self) -> str:
        """The line of `ubcf report`."""
        shown = ", ".join(map(str, self.users))
        return printable(f"{self.output}: {self.bytes:,} bytes, users in full: {shown}")


@dataclass(frozen=True)
class Recommendation:
    """A recommendation and the neighbors that contribute most to its score.

    neighbors: how many contribute. shown: those with the greatest contributions, in magnitude.
    rest: the sum of the contributions of all others.
    """

    rank: int
    track: Row
    score: float
    heard: bool
    neighbors: int
    shown: list[Row]
    rest: float


@dataclass(frozen=True)
class UserInFull:
    """A user of the report, with all events and recommendations.

    kinds: why the user is shown, such as 'heavy' or 'asked for'.
    """

    user: Any
    kinds: list[str]
    profile: Row
    history: list[Row]
    recommendations: list[Recommendation]


@dataclass(frozen=True)
class ExperimentShown:
    """An experiment, its forest plot as SVG (empty: no effect has an interval), and its finding."""

    experiment: Experiment
    svg: str
    finding: str


@on_own_cursor
def report(
    connection: duckdb.DuckDBPyConnection,
    output: str | os.PathLike[str] = "report.html",
    users: Sequence[Any] = (),
    progress: Progress | None = None,
) -> ReportSummary:
    """Writes a page about a build as one HTML file: see `write_report`."""
    return write_report(connection, Path(output), users, progress)


def write_report(
    connection: duckdb.DuckDBPyConnection,
    output: Path,
    users: Sequence[Any] = (),
    progress: Progress | None = None,
    health: Health | None = None,
) -> ReportSummary:
    """Writes the report of a database as one HTML file, which appears complete or not at all.

    users: ids of users to show in full, besides a heavy, a typical and a cold one. health: the
    verdict to begin with; None: that of `check` by its default thresholds.
    The same database and verdict give the same bytes.
    Raises NotFoundError for an unknown user, OptionError when `output` is a folder or its folder
    does not exist, UbcfError when matplotlib is not installed, OSError when the file cannot be
    written.
    """
    require_matplotlib()
    ((database,),) = connection.execute(
        "select path from duckdb_databases() where database_name = current_database()"
    ).fetchall()
    target = check_target(output, REPORT, [database])
    kinds = _users_to_show(connection, users)
    with (progress or no_progress)("report", len(CHARTS) + 1 + len(kinds)) as advance:
        page = _page(connection, kinds, health or check(connection), advance).encode()
    with complete_or_absent(target) as unfinished:
        unfinished.write_bytes(page)
    return ReportSummary(str(output), list(kinds), len(page))


def _page(
    connection: duckdb.DuckDBPyConnection,
    kinds: dict[Any, list[str]],
    health: Health,
    advance: Callable[[int], None],
) -> str:
    """The page. kinds: the users to show in full, each with the reasons."""
    (build,) = _rows(connection.table("build"))
    inputs = _rows(connection.table("build_inputs"))
    stages = _rows(connection.table("build_stages"))
    options = json.loads(build["options"])
    charts = _charts(connection, advance, are_ratings=options.get("scale") is not None)
    experiments = _experiments(connection)
    advance(1)
    users = []
    for user, reasons in kinds.items():
        users.append(_user_in_full(connection, user, reasons))
        advance(1)
    folder = _common_folder([file["file"] for file in inputs])
    template = page_environment(Path(__file__).parent).get_template(TEMPLATE)
    return template.render(
        stylesheet=STYLESHEET.read_text(encoding="utf-8"),
        script=SCRIPT.read_text(encoding="utf-8"),
        build=build,
        health=health,
        options=options,
        options_shown=_options_shown(options),
        folder=folder,
        inputs=[{**file, "file": file["file"].removeprefix(folder)} for file in inputs],
        rejected=_analysis(connection, "rejected_summary"),
        stages=stages,
        longest_stage=max((float(stage["seconds"]) for stage in stages), default=0.0),
        charts=charts,
        experiments=experiments,
        tracks=_analysis(connection, "most_recommended_tracks", k=TRACKS_SHOWN),
        users=users,
        rows_printed=ROWS_PRINTED,
    )


def _charts(
    connection: duckdb.DuckDBPyConnection, advance: Callable[[int], None], *, are_ratings: bool
) -> list[Chart]:
    drawn = []
    for chart in draw_charts(partial(_analysis, connection), are_ratings=are_ratings):
        drawn.append(chart)
        advance(1)
    return drawn


def _options_shown(options: Mapping[str, Any]) -> list[str]:
    """The options of a build that have a value, as text; ids: as the logs were read."""
    reading = options.get("reading") or {}
    shown = {name: value for name, value in options.items() if name != "reading"}
    if reading:
        shown["ids"] = reading["ids"]
        shown["plays_count"] = reading["plays_count"] or None
    return [
        f"{name.replace('_', ' ')}: {_option_text(value)}"
        for name, value in shown.items()
        if value not in (None, [], {})
    ]


def _option_text(value: Any) -> str:
    """The value of an option as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {each}" for name, each in value.items())
    return ", ".join(value) if isinstance(value, list) else str(value)


# Users


def _users_to_show(
    connection: duckdb.DuckDBPyConnection, asked: Sequence[Any]
) -> dict[Any, list[str]]:
    """The ids of the users to show, those asked for first, each with the reasons.

    Raises NotFoundError for an unknown user.
    """
    kinds: dict[Any, list[str]] = {}
    for user in asked:
        found = set_id(connection, "user", user)
        if not query(connection, "user_history", user=user, k=1).fetchall():
            raise NotFoundError(
                f"the logs have no event of user {user}, who gets the popular tracks; there is "
                "nothing to show in full"
            )
        kinds[found] = [ASKED]
    for example in _analysis(connection, "example_users"):
        kinds.setdefault(example["user"], []).append(example["kind"])
    return kinds


def _user_in_full(connection: duckdb.DuckDBPyConnection, user: Any, kinds: list[str]) -> UserInFull:
    (profile,) = _analysis(connection, "user_profile", user=user)
    history = _analysis(connection, "user_history", user=user)
    rows = _analysis(connection, "explained_recommendations", user=user, k=NEIGHBORS_SHOWN)
    recommendations = [
        _recommendation(list(of_track)) for _, of_track in groupby(rows, lambda row: row["rank"])
    ]
    return UserInFull(user, kinds, profile, history, recommendations)


def _recommendation(rows: Sequence[Row]) -> Recommendation:
    """A recommendation of its rows of explained_recommendations, one for each neighbor shown."""
    track = rows[0]
    # A track to which no neighbor contributes has one row, without a neighbor.
    shown = [row for row in rows if row["neighbor"] is not None]
    return Recommendation(
        rank=track["rank"],
        track=track,
        score=track["score"],
        heard=track["heard"],
        neighbors=track["neighbors"],
        shown=shown,
        rest=track["score"] - sum(row["contribution"] for row in shown),
    )


# Experiments


def _experiments(connection: duckdb.DuckDBPyConnection) -> list[ExperimentShown]:
    """The experiments that the logs name, if any."""
    try:
        experiments = analyze_experiments(connection)
    except NotFoundError:
        return []
    return [
        ExperimentShown(
            experiment,
            forest_plot(f"experiment-{number}", experiment.control or "", experiment.effects),
            finding(experiment),
        )
        for number, experiment in enumerate(experiments, 1)
    ]


# Reading


def _analysis(connection: duckdb.DuckDBPyConnection, name: str, **variables: Any) -> list[Row]:
    """The rows of a named analysis."""
    return _rows(query(connection, name, **variables))


def _rows(relation: duckdb.DuckDBPyRelation) -> list[Row]:
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def _common_folder(files: Sequence[str]) -> str:
    """The deepest folder that holds all files, with its last slash; may be empty."""
    # The first and the last name in order share the least with each other.
    pairs = zip(min(files, default=""), max(files, default=""), strict=False)
    common = "".join(left for left, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return common[: max(common.rfind("/"), common.rfind("\\")) + 1]
