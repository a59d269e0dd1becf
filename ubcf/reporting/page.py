"""The page of the report: what the database says, by the template page.html, in one file."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, takewhile
from pathlib import Path
from typing import Any

import duckdb
import jinja2

from ubcf.analysis.experiments import Experiment, analyze_experiments
from ubcf.analysis.named_analyses import query, set_id
from ubcf.drawing.figures import check_drawing
from ubcf.drawing.numbers import PERCENT_SIGN, digits, percent, signed
from ubcf.errors import NotFoundError, OptionError
from ubcf.files import check_folder, complete_or_absent
from ubcf.progress import Progress, no_progress
from ubcf.reporting import charts
from ubcf.reporting.charts import Chart, Interval, Row

TEMPLATE = "page.html"

# Neighbors shown in the explanation of a recommendation; what the others contribute is one sum.
NEIGHBORS_SHOWN = 5

# Tracks in the table of the most recommended ones.
TRACKS_SHOWN = 25

# Of the lists of a user as many rows are printed; on the screen all are there.
ROWS_PRINTED = 20

ASKED = "asked for"

CHARTS = (
    charts.events_per_user,
    charts.listening_time,
    charts.neighbors_per_user,
    charts.similarity_distribution,
    charts.score_by_rank,
    charts.recommendations_by_popularity,
    charts.coverage_curve,
)


@dataclass(frozen=True)
class ReportSummary:
    """What a report has: the ids of the users that it shows in full, and its size in bytes."""

    users: list[Any]
    bytes: int


@dataclass(frozen=True)
class Recommendation:
    """A recommendation and the neighbors that explain it most.

    rest: what the neighbors that are not shown contribute in sum.
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
    """A user of the report: why it is there, its figures, what it heard and what it gets."""

    user: Any
    kinds: list[str]
    profile: Row
    history: list[Row]
    recommendations: list[Recommendation]


@dataclass(frozen=True)
class ExperimentShown:
    """An experiment, its drawing (empty: nothing to draw), and what that shows in words."""

    experiment: Experiment
    svg: str
    finding: str


def write_report(
    connection: duckdb.DuckDBPyConnection,
    output: Path,
    users: Sequence[Any] = (),
    progress: Progress | None = None,
) -> ReportSummary:
    """Writes the report of a database as one HTML page; it appears complete or not at all.

    users: ids of users to show in full beside the heavy, the typical and the cold one.
    The same database gives the same bytes.
    Raises NotFoundError for a user that there is not, OptionError when the page cannot be where it
    should, UbcfError when matplotlib is not installed, OSError when the page cannot be written.
    """
    check_drawing()
    output = output.absolute()
    check_folder(output)
    if output.is_dir():
        raise OptionError(f"{output}: is a folder, not a file to write the page to")
    kinds = _users_to_show(connection, users)
    with (progress or no_progress)("report", len(CHARTS) + 2 + len(kinds)) as advance:
        page = _page(connection, kinds, advance).encode()
    with complete_or_absent(output) as unfinished:
        unfinished.write_bytes(page)
    return ReportSummary(list(kinds), len(page))


def _page(
    connection: duckdb.DuckDBPyConnection,
    kinds: dict[Any, list[str]],
    advance: Callable[[int], None],
) -> str:
    (build,) = _rows(connection.table("build"))
    inputs = _rows(connection.table("build_inputs"))
    stages = _rows(connection.table("build_stages"))
    drawn: list[Chart] = []
    for draw in CHARTS:
        drawn.append(draw(_analysis(connection, draw.__name__)))
        advance(1)
    (period,) = _analysis(connection, "log_period")
    drawn.append(
        charts.listening_by_hour(
            _analysis(connection, "listening_by_hour"),
            _time(period["first_event"]),
            _time(period["last_event"]),
        )
    )
    advance(1)
    experiments = _experiments(connection)
    advance(1)
    in_full = []
    for user, reasons in kinds.items():
        in_full.append(_user_in_full(connection, user, reasons))
        advance(1)
    folder = _common_folder([file["file"] for file in inputs])
    return _template().render(
        build=build,
        options=json.loads(build["options"]),
        folder=folder,
        inputs=[{**file, "file": file["file"].removeprefix(folder)} for file in inputs],
        rejected=_analysis(connection, "rejected_summary"),
        stages=stages,
        longest_stage=max((float(stage["seconds"]) for stage in stages), default=0.0),
        charts=drawn,
        experiments=experiments,
        tracks=_analysis(connection, "most_recommended_tracks", k=TRACKS_SHOWN),
        users=in_full,
        rows_printed=ROWS_PRINTED,
    )


def _users_to_show(
    connection: duckdb.DuckDBPyConnection, asked: Sequence[Any]
) -> dict[Any, list[str]]:
    """The users to show, those asked for first, and why each is there."""
    kinds: dict[Any, list[str]] = {}
    for user in asked:
        kinds[set_id(connection, "user", user)] = [ASKED]
    for example in _analysis(connection, "example_users"):
        kinds.setdefault(example["user"], []).append(example["kind"])
    return kinds


def _user_in_full(connection: duckdb.DuckDBPyConnection, user: Any, kinds: list[str]) -> UserInFull:
    (profile,) = _analysis(connection, "user_profile", user=user)
    rows = _analysis(connection, "explained_recommendations", user=user, k=NEIGHBORS_SHOWN)
    recommendations = []
    for rank, of_track in groupby(rows, key=lambda row: row["rank"]):
        explained = list(of_track)
        track = explained[0]
        shown = [row for row in explained if row["place"] is not None]
        recommendations.append(
            Recommendation(
                rank=rank,
                track=track,
                score=track["score"],
                heard=track["heard"],
                neighbors=track["neighbors"],
                shown=shown,
                rest=track["score"] - sum(row["contribution"] for row in shown),
            )
        )
    return UserInFull(
        user, kinds, profile, _analysis(connection, "user_history", user=user), recommendations
    )


def _experiments(connection: duckdb.DuckDBPyConnection) -> list[ExperimentShown]:
    """The experiments of the logs, none where they name none."""
    try:
        found = analyze_experiments(connection)
    except NotFoundError:
        return []
    shown = []
    for number, experiment in enumerate(found, 1):
        intervals = [
            Interval(
                f"{effect.metric.replace('_', ' ')}, {effect.treatment}",
                effect.effect,
                effect.low,
                effect.high,
                effect.significant,
            )
            for effect in experiment.effects
            if effect.effect is not None and effect.low is not None and effect.high is not None
        ]
        svg = (
            charts.forest(f"experiment-{number}", experiment.control, intervals)
            if intervals
            else ""
        )
        shown.append(ExperimentShown(experiment, svg, _experiment_in_words(experiment)))
    return shown


def _experiment_in_words(experiment: Experiment) -> str:
    said = [
        f"{effect.treatment} changes {effect.metric.replace('_', ' ')} by "
        f"{signed(effect.effect, 1)}{PERCENT_SIGN}"
        for effect in experiment.effects
        if effect.significant and effect.effect is not None
    ]
    compared = f"compared with {experiment.control}, at a level of {percent(experiment.alpha)}"
    if not said:
        return f"No difference is significant, {compared}."
    return f"Significant, {compared}: {'; '.join(said)}."


def _analysis(connection: duckdb.DuckDBPyConnection, name: str, **variables: Any) -> list[Row]:
    return _rows(query(connection, name, **variables))


def _rows(relation: duckdb.DuckDBPyRelation) -> list[Row]:
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def _common_folder(files: Sequence[str]) -> str:
    """The folder that all files are in, with its last slash; may be empty."""
    pairs = zip(min(files, default=""), max(files, default=""), strict=False)
    common = "".join(left for left, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return common[: max(common.rfind("/"), common.rfind("\\")) + 1]


# What the template can say


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        # Everything from the database is text, whatever it looks like.
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=lambda value: f"{value:,}",
        digits=digits,
        if_counted=_if_counted,
        percent=percent,
        signed=signed,
        p_value=_p_value,
        size=_size,
        time=_time,
        sha256=_sha256,
    )
    return environment.get_template(TEMPLATE)


def _if_counted(number: float | None) -> str:
    """A whole number or a mean, which not every build computes."""
    if number is None:
        return "not counted"
    return f"{number:,}" if isinstance(number, int) else digits(number)


def _size(count: int) -> str:
    """A number of bytes for people."""
    value, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{count} bytes" if unit == "bytes" else f"{digits(value)} {unit}"


def _p_value(p: float) -> str:
    """A p value: digits below a ten-thousandth would be of no account."""
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"


def _sha256(text: str) -> str:
    """The hash of a script as the policy of a page names it."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
