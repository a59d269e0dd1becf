"""ubcf evaluate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ubcf.commands.options import format_option, logs_argument, narration_options, work_options
from ubcf.database import WIDE
from ubcf.evaluation.options import SPLITS, TUNING_METRICS
from ubcf.scoring.options import PRESETS

if TYPE_CHECKING:
    from ubcf.commands.progress import Narration


def _numbers(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> list[int]:
    numbers: dict[int, None] = {}
    for value in values:
        parts = value.split(",")
        if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
            raise click.BadParameter(f"{value!r} is not a list of numbers from 1, such as 10,100")
        numbers.update(dict.fromkeys(map(int, parts)))
    return list(numbers)


def _refuse_unused(*names: str) -> None:
    """Raises UsageError for options of the split that were given where there is none."""
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"--{name.replace('_', '-')} says what of the logs is the test part; with --test "
                "it is other logs"
            )


@click.command(
    epilog="""\b
Examples:
  ubcf evaluate
  ubcf evaluate --compare
  ubcf evaluate --preset notebook --preset listening --split last
  ubcf evaluate january --test february --setting neighbors=50,shrinkage=10
  ubcf evaluate --preset similar --tune 'neighbors=20,50,100,all;offset=0,0.25'"""
)
@logs_argument
@click.option(
    "--split",
    type=click.Choice(SPLITS),
    default="time",
    show_default=True,
    help="The test part: the events after one moment, for all users; the last events "
    "of each user; or random events of each user. Only the first never trains on later events.",
)
@click.option(
    "--test-share",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="FRACTION",
    default=0.2,
    show_default=True,
    help="The share of the events that is the test part.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    metavar="S",
    default=0,
    show_default=True,
    help="The seed of all random draws: the same seed gives the same figures.",
)
@click.option(
    "--test",
    multiple=True,
    metavar="LOGS",
    help="Other logs that are the test part, instead of a split; may be given several times.",
)
@click.option(
    "--preset",
    "presets",
    multiple=True,
    type=click.Choice(list(PRESETS)),
    help="Evaluate a preset; may be given several times.  [default: notebook]",
)
@click.option(
    "--setting",
    "settings",
    multiple=True,
    metavar="NAME=VALUE,...",
    help="Evaluate options of the model, as of the build, such as neighbors=100,shrinkage=25 or "
    "preset=listening,offset=0; may be given several times. Differences are to the first setting.",
)
@click.option(
    "--compare",
    is_flag=True,
    help="Evaluate all presets, before any --setting, and say at the end which one to take for "
    "lists, and which one for predicted times. Presets that need more memory are left out.",
)
@click.option(
    "--tune",
    metavar="GRID",
    help="Options to try, such as 'neighbors=20,all;offset=0,0.25', applied to the first setting: "
    "all combinations, on a split of the training part alone. The best is evaluated as well.",
)
@click.option(
    "--tune-for",
    type=click.Choice(TUNING_METRICS),
    default="ndcg",
    show_default=True,
    help="The metric by which the best is chosen, at the greatest number of --at.",
)
@click.option(
    "--at",
    metavar="N,...",
    multiple=True,
    default=["10,100"],
    show_default=True,
    callback=_numbers,
    help="Lengths at which lists are cut for the metrics; may be given several times.",
)
@click.option(
    "--exclude-heard/--keep-heard",
    default=False,
    help="Leave out what the user has heard in the training part: of the lists, and of the test "
    "part.  [default: keep]",
)
@work_options
@click.option(
    "-d",
    "--database",
    metavar="FILE",
    default="evaluation.duckdb",
    show_default=True,
    help="The DuckDB file to write; an older one is replaced.",
)
@format_option
@narration_options
def evaluate(
    logs: tuple[str, ...],
    test: tuple[str, ...],
    presets: tuple[str, ...],
    settings: tuple[str, ...],
    database: str,
    form: str,
    narration: Narration,
    **options: Any,
) -> None:
    """Measure recommendations: train on a part of LOGS, test on the events that were held out.

    A track of the test part is relevant when its user listened to it for longer than the user's
    mean time in the training part. Metrics of lists: ndcg (gain: the time), recall, precision, mrr,
    hit_rate, coverage of the tracks, popularity. Metrics of the tracks played in the test part:
    auc, whether liked tracks have greater scores than skipped ones; rmse and mae of the predicted
    times, in the scale of the logs.

    ndcg alone, like the other metrics of lists, rewards predicting what some recommender had shown:
    users play what they are offered. See auc too, which only compares tracks that were played.

    Baselines: popular (total time), best_listened (mean centered time, shrunk) and random.
    Intervals are 95 %, by bootstrap over users; a difference from the first setting is significant
    when its interval excludes 0. The tables metrics and metrics_by_user have all figures.
    """
    if options["compare"] and presets:
        raise click.UsageError("--compare evaluates all presets; --preset is not needed")
    if test and options["tune"] is None:
        _refuse_unused("split", "test_share")
    from ubcf.analysis.repeats import repeats_warning
    from ubcf.database.reading import connect_locked
    from ubcf.evaluation.pipeline import evaluate as evaluate_logs

    found = evaluate_logs(
        logs or ("data",),
        test=test or None,
        settings=(*presets, *settings) or None,
        database=database,
        progress=narration.progress,
        **options,
    )
    if found.rejected:
        narration.warn(f"{found.rejected:,} of {found.lines:,} lines were rejected")
    if found.suspicious_repeats:
        repeats = repeats_warning(found.suspicious_repeats, found.lines, [])
        narration.warn(
            f"{repeats}; an event may be in one part and its copy in the other; --repeats drop "
            "leaves them out"
        )
    if form in ("table", WIDE) and narration.quiet:
        return
    from ubcf.commands.rows import print_parts, print_sentences, table_width

    width = table_width(form)
    with connect_locked(database) as connection:
        tables = found.tables(connection)
        if width:
            tables.pop("advice", None)
        print_parts(connection, tables, form, one_row=("evaluation",))
    if width and found.advice:
        print_sentences("advice", found.advice, width)
