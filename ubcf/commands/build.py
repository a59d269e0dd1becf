"""ubcf build."""

from __future__ import annotations

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
from ubcf.errors import OptionError
from ubcf.scoring.options import PLANS

if TYPE_CHECKING:
    from ubcf.building.summary import BuildSummary
    from ubcf.commands.progress import Narration


# What can build.
ENGINES = ("duckdb", "spark")


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
    help="The JSON file to write, one line a user.  [default: recommendations_ub.json; none with "
    "--engine spark]",
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
@click.option(
    "--users",
    metavar="FILE",
    help="Users who are to get a list even if the logs do not know them, which is then the popular "
    "tracks: ids, one a line, or JSON lines or a CSV with a field user.",
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
    "--engine",
    type=click.Choice(ENGINES),
    default=ENGINES[0],
    show_default=True,
    help="What builds: DuckDB on this machine, or Apache Spark, with ubcf[spark] and Java "
    "installed, for logs that are too large for one machine. The results are the same.",
)
@click.option(
    "--master",
    metavar="URL",
    help="With --engine spark: the master of the cluster.  [default: what spark-submit says, or "
    "this machine]",
)
@click.option(
    "--results",
    metavar="DIR",
    help="With --engine spark: the folder of the tables, which all machines see, or one of an "
    "object store, such as s3://bucket/results.  [default: ubcf-results beside the database]",
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

    summary = _built(logs or ("data",), narration, **given(options))
    if summary_format == "json":
        click.echo(json.dumps(summary.as_dict(), ensure_ascii=False))
    elif not narration.quiet:
        click.echo(str(summary))
    for warning in _warnings(summary):
        narration.warn(warning)


def _built(
    logs: tuple[str, ...],
    narration: Narration,
    *,
    engine: str,
    master: str | None,
    results: str | None,
    output: str | None,
    **options: Any,
) -> BuildSummary:
    """Builds by an engine. Raises OptionError for options of another one."""
    if engine == "spark":
        from ubcf.spark.pipeline import build as build_on_spark

        return build_on_spark(
            logs,
            output=output,
            master=master,
            results=results,
            verbose=narration.verbose,
            progress=narration.progress,
            **options,
        )
    for flag, value in (("--master", master), ("--results", results)):
        if value is not None:
            raise OptionError(f"{flag} is {value}; it needs --engine spark")
    from ubcf.building.pipeline import build as build_here

    if output is not None:
        options["output"] = output
    return build_here(logs, progress=narration.progress, **options)


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
