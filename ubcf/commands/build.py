"""ubcf build."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from ubcf.commands.options import (
    MOST,
    PlanName,
    catalog_fields_option,
    given,
    logs_argument,
    model_options,
    narration_options,
    work_options,
)
from ubcf.errors import printable
from ubcf.scoring.options import PLANS

if TYPE_CHECKING:
    from ubcf.building.summary import BuildSummary
    from ubcf.commands.progress import Narration


@click.command(
    epilog="""\b
Examples:
  ubcf build
  ubcf build /var/log/botify --catalog tracks.json --top 50
  ubcf build 'logs/*/data.json' logs/old/data.json.3.gz -d tuesday.duckdb -o tuesday.json
  ubcf build s3://bucket/logs -o s3://bucket/recommendations.json"""
)
@logs_argument
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
    envvar="UBCF_DATABASE",
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
@click.option(
    "--catalog-only",
    is_flag=True,
    help="Recommend only tracks of the catalog: a service has no entry for others.",
)
@click.option(
    "--tracks",
    metavar="FILE",
    help="Recommend only the tracks of this file: ids, one a line, or JSON lines or a CSV with a "
    "field track.",
)
@click.option(
    "--not-tracks",
    metavar="FILE",
    help="Never recommend the tracks of this file, of the same form as for --tracks.",
)
@catalog_fields_option
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
@narration_options
def build(logs: tuple[str, ...], summary_format: str, narration: Narration, **options: Any) -> None:
    """Build recommendations from LOGS: files, folders, or quoted patterns (default: data).

    A folder means every data.json and rotated data.json.N in it, at any depth, plain, .gz or .zst.
    - means stdin: JSON, Parquet, or what --input-format says; gzip and Zstandard are noticed.
    Logs, catalog and output may be URLs: s3://, gs:// or https://, with ubcf[remote] installed.
    The database and the JSON file appear complete or not at all.
    """
    import json

    from ubcf.building.pipeline import build as build_from

    summary = build_from(logs or ("data",), progress=narration.progress, **given(options))
    if summary_format == "json":
        click.echo(json.dumps(summary.as_dict(), ensure_ascii=False))
    elif not narration.quiet:
        click.echo(_as_text(summary))
    for warning in _warnings(summary):
        narration.warn(warning)


def _warnings(summary: BuildSummary) -> Iterator[str]:
    """What should not be overlooked."""
    from ubcf.analysis.repeats import repeats_warning
    from ubcf.building.summary import absent_fields, hint_about_ids

    if summary.rejected:
        yield (
            f"{summary.rejected:,} of {summary.lines:,} lines were rejected; "
            f"see the table rejected_lines{hint_about_ids(summary.rejected_reasons)}"
        )
    reading = summary.options["reading"]
    if reading is not None and "absent" in reading:
        yield absent_fields(reading["absent"], reading["fields"])
    if _plays_have_no_weight(summary):
        yield (
            "the logs have no times, so no play is above the mean of its user, and all users get "
            "the popular tracks; --preset listening makes each play count"
        )
    if summary.suspicious_repeats:
        copies = [(file.file, file.copy_of) for file in summary.inputs if file.copy_of is not None]
        yield (
            f"{repeats_warning(summary.duplicate_lines or 0, summary.lines, copies)}; each counts "
            "as a play of its own; --repeats drop leaves them out"
        )
    if summary.recommendations_without_catalog_entry:
        yield (
            f"{summary.recommendations_without_catalog_entry:,} of "
            f"{summary.recommendations:,} recommendations are of tracks that are not in the "
            "catalog; --catalog-only leaves them out"
        )


def _plays_have_no_weight(summary: BuildSummary) -> bool:
    """Whether each play counts as 1, and nobody has a score for it."""
    reading = summary.options["reading"]
    plays_count = reading is not None and reading["plays_count"]
    return plays_count and summary.users_without_positive_score == summary.users


def _as_text(summary: BuildSummary) -> str:
    """The summary as text, one line a figure."""
    size = sum(file.bytes for file in summary.inputs)
    lines = [
        ("inputs", f"{len(summary.inputs):,} files, {size:,} bytes, {summary.lines:,} lines"),
        *(("", f"{text}: {count:,} files") for text, count in _formats(summary).items()),
        ("accepted", f"{summary.accepted:,} lines"),
        ("rejected", f"{summary.rejected:,} lines"),
        *(("", f"{count:,} {reason}") for reason, count in summary.rejected_reasons.items()),
    ]
    chooses_lines = summary.options["where"] or summary.options["since"]
    if summary.left_out or chooses_lines or summary.options["repeats"] == "drop":
        lines.append(("left out", f"{summary.left_out:,} lines"))
    if summary.duplicate_lines is not None:
        lines.append(("duplicates", _duplicates(summary)))
    lines += [
        ("timestamps", _timestamps(summary)),
        *_reading(summary),
        ("shape", f"{summary.users:,} users x {summary.tracks:,} tracks"),
        ("density", f"{summary.density:.10f} ({summary.interactions:,} interactions)"),
        ("neighbors", _neighbors(summary)),
        ("no score", f"{summary.users_without_positive_score:,} users without a positive score"),
        ("lists", _lists(summary.share_from_neighbors, summary.share_from_neighbors_to_10)),
        ("catalog", _catalog(summary)),
        *_tracks(summary),
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


def _formats(summary: BuildSummary) -> Counter[str]:
    """The formats of files, in words, and how many files have each; none if all are JSON lines."""
    formats = Counter(file.format for file in summary.inputs)
    return Counter() if set(formats) <= {"JSON lines"} else formats


def _reading(summary: BuildSummary) -> Iterator[tuple[str, str]]:
    """What the logs told of the ids and times, where it is not what the service's logs have."""
    reading = summary.options["reading"]
    if reading is None:
        return
    words = {"integer": "whole numbers", "text": "texts", "any": "texts"}
    if set(reading["ids"].values()) != {"integer"}:
        kinds = ", ".join(f"{words[kind]} for {name}s" for name, kind in reading["ids"].items())
        yield "ids", kinds
    if reading["plays_count"]:
        yield "times", "none in the logs: each play counts as 1"
    elif summary.options["scale"] is not None:
        yield "times", f"from {summary.options['scale'].replace(':', ' to ')}, as 0 to 1"


def _lists(share: float | None, share_to_10: float | None) -> str:
    """What the lists are made of."""
    if share is None or share_to_10 is None:
        return "empty"
    rest = "; popular tracks fill most of the rest" if share < 1 else ""
    return f"{share:.1%} from neighbors, {share_to_10:.1%} of ranks 1 to 10{rest}"


def _duplicates(summary: BuildSummary) -> str:
    """The lines that repeat another, and whether they count."""
    repeats = f"{summary.duplicate_lines:,} lines repeat another"
    if summary.options["repeats"] == "drop":
        return f"{repeats} (left out)"
    if summary.suspicious_repeats:
        unlikely = "more than chance explains; --repeats drop leaves them out"
        return f"warning: {repeats} (kept), {unlikely}"
    return f"{repeats} (kept)"


def _catalog(summary: BuildSummary) -> str:
    """The catalog, and what of the logs is not in it."""
    if summary.options["catalog"] is None:
        return "none"
    text = (
        f"{summary.options['catalog']}: {summary.tracks_without_catalog_entry:,} tracks "
        "of the logs not in it"
    )
    if summary.recommendations_without_catalog_entry:
        return (
            f"warning: {text}, but in {summary.recommendations_without_catalog_entry:,} "
            "recommendations; --catalog-only leaves them out"
        )
    return text


def _tracks(summary: BuildSummary) -> list[tuple[str, str]]:
    """How many tracks may be recommended, if that was chosen."""
    unknown = summary.unknown_given_tracks
    if unknown is None and not summary.options["catalog_only"]:
        return []
    text = f"{summary.recommendable_tracks:,} of {summary.tracks:,} may be recommended"
    if unknown is not None:
        text += f"; {unknown:,} ids of the files of tracks are not in the logs"
    return [("tracks", text)]


def _timestamps(summary: BuildSummary) -> str:
    undated = f"{summary.undated_events:,} events without one"
    return undated if summary.timestamp_unit is None else f"{summary.timestamp_unit}, {undated}"


def _neighbors(summary: BuildSummary) -> str:
    positive, negative = summary.mean_positive_neighbors, summary.mean_negative_neighbors
    if positive is None or negative is None:
        seconds = summary.plan_estimates["neighbors"]["seconds"]
        return f"not computed: about {seconds:.0f} s; --store-neighbors K computes them"
    return f"{positive:.4f} positive and {negative:.4f} negative, mean over the users"
