"""ubcf build."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from ubcf.commands.options import MOST, PlanName, given, model_options, work_options
from ubcf.errors import printable
from ubcf.scoring.options import PLANS

if TYPE_CHECKING:
    from ubcf.building.summary import BuildSummary


@click.command(
    epilog="""\b
Examples:
  ubcf build
  ubcf build /var/log/botify --catalog tracks.json --top 50
  ubcf build 'logs/*/data.json' logs/old/data.json.3.gz -d tuesday.duckdb -o tuesday.json
  ubcf build s3://bucket/logs -o s3://bucket/recommendations.json"""
)
@click.argument("logs", nargs=-1, metavar="[LOGS]...")
@click.option(
    "-c",
    "--catalog",
    metavar="FILE",
    help="The catalog of tracks, as JSON lines.  [default: tracks.json in a folder of logs]",
)
@click.option(
    "-d",
    "--database",
    metavar="FILE",
    default="ubcf.duckdb",
    show_default=True,
    help="The DuckDB file to write; an older one is replaced.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    default="recommendations_ub.json",
    show_default=True,
    help="The JSON file to write, one line a user.",
)
@click.option(
    "-n",
    "--top",
    type=click.IntRange(min=1, max=MOST),
    metavar="N",
    default=100,
    show_default=True,
    help="Recommendations a user.",
)
@click.option("--exclude-heard", is_flag=True, help="Leave out what the user has heard.")
@click.option(
    "--only-positive",
    is_flag=True,
    help="Leave out tracks whose score is not above 0; a user left with none has no line.",
)
@work_options
@click.option(
    "--plan",
    type=PlanName(PLANS),
    default="auto",
    show_default=True,
    help="How to compute the scores: by similarities between users first, or by products between "
    "tracks first, held whole (products) or a tile at a time (tiles); auto: the way estimated to "
    "be the fastest within the memory limit. The lists are the same.",
)
@click.option(
    "--store-neighbors",
    type=click.IntRange(min=0, max=MOST),
    metavar="K",
    help="Neighbors to store of each user.  [default: 50, or none where finding them takes "
    "more than 1.5 s and a third of the time of the scores]",
)
@click.option(
    "--temp-dir", metavar="DIR", help="Where DuckDB may spill.  [default: beside the database]"
)
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    metavar="N",
    default=0,
    show_default=True,
    help="Build again, up to N times, when a log is rotated while it is read.",
)
@model_options
@click.option(
    "--predict",
    is_flag=True,
    help="Add a predicted time, the expected fraction listened to, to each recommendation.",
)
@click.option(
    "--format",
    "summary_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The format of the summary on stdout.",
)
@click.option("-q", "--quiet", is_flag=True, help="Nothing on stderr but errors.")
def build(logs: tuple[str, ...], summary_format: str, quiet: bool, **options: Any) -> None:
    """Build recommendations from LOGS: files, folders, or quoted patterns (default: data).

    A folder means every data.json and rotated data.json.N in it, at any depth, plain, .gz or .zst.
    Logs, catalog and output may be URLs: s3://, gs:// or https://, with ubcf[remote] installed.
    The database and the JSON file appear complete or not at all.
    """
    from ubcf.building.pipeline import build as build_from
    from ubcf.commands.progress import terminal_progress

    summary = build_from(
        logs or ("data",), progress=None if quiet else terminal_progress, **given(options)
    )
    if summary_format == "json":
        click.echo(json.dumps(summary.as_dict(), ensure_ascii=False))
    else:
        click.echo(_as_text(summary))
    if not quiet and summary.rejected:
        click.echo(
            f"ubcf: warning: {summary.rejected:,} of {summary.lines:,} lines were rejected; "
            "see the table rejected_lines",
            file=sys.stderr,
        )


def _as_text(summary: BuildSummary) -> str:
    """The summary as text, one line a figure."""
    size = sum(file.bytes for file in summary.inputs)
    catalog = summary.options["catalog"]
    lines = [
        ("inputs", f"{len(summary.inputs):,} files, {size:,} bytes, {summary.lines:,} lines"),
        ("accepted", f"{summary.accepted:,} lines"),
        ("rejected", f"{summary.rejected:,} lines"),
        *(("", f"{count:,} {reason}") for reason, count in summary.rejected_reasons.items()),
    ]
    if summary.duplicate_lines is not None:
        lines.append(("duplicates", f"{summary.duplicate_lines:,} lines repeat another (kept)"))
    lines += [
        ("timestamps", _timestamps(summary)),
        ("shape", f"{summary.users:,} users x {summary.tracks:,} tracks"),
        ("density", f"{summary.density:.10f} ({summary.interactions:,} interactions)"),
        ("neighbors", _neighbors(summary)),
        ("no score", f"{summary.users_without_positive_score:,} users without a positive score"),
        ("lists", _lists(summary.share_from_neighbors, summary.share_from_neighbors_to_10)),
        (
            "catalog",
            f"{catalog}: {summary.tracks_without_catalog_entry:,} tracks of the logs not in it"
            if catalog
            else "none",
        ),
        ("database", summary.database),
        ("output", f"{summary.output}: {summary.recommendations:,} recommendations"),
        ("plan", summary.plan_reason),
        (
            "stages",
            ", ".join(f"{stage.stage} {stage.seconds:.2f} s" for stage in summary.stages),
        ),
        ("total", f"{summary.seconds:.2f} s"),
    ]
    return "\n".join(f"{label:<11} {printable(text)}" for label, text in lines)


def _lists(share: float | None, share_to_10: float | None) -> str:
    """What the lists are made of."""
    if share is None or share_to_10 is None:
        return "empty"
    rest = "; popular tracks fill most of the rest" if share < 1 else ""
    return f"{share:.1%} from neighbors, {share_to_10:.1%} of ranks 1 to 10{rest}"


def _timestamps(summary: BuildSummary) -> str:
    undated = f"{summary.undated_events:,} events without one"
    return undated if summary.timestamp_unit is None else f"{summary.timestamp_unit}, {undated}"


def _neighbors(summary: BuildSummary) -> str:
    positive, negative = summary.mean_positive_neighbors, summary.mean_negative_neighbors
    if positive is None or negative is None:
        seconds = summary.plan_estimates["neighbors"]["seconds"]
        return f"not computed: about {seconds:.0f} s; --store-neighbors K computes them"
    return f"{positive:.4f} positive and {negative:.4f} negative, mean over the users"
