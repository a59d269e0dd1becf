"""ubcf experiment."""

from __future__ import annotations

import sys

import click

from ubcf.commands.options import database_option, format_option


@click.command(
    epilog="""\b
Examples:
  ubcf experiment
  ubcf experiment TASTE_SHARE --metric time_per_session
  ubcf experiment TASTE_SHARE --control T1 --alpha 0.01
  ubcf experiment --format json"""
)
@click.argument("name", required=False, metavar="[NAME]")
@click.option(
    "--control",
    metavar="TREATMENT",
    help="The treatment that the others are compared with.  [default: the one named C or control]",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="Intervals cover 1 - alpha; an adjusted p value below alpha is significant.",
)
# As in ubcf.analysis.experiments, which is not loaded for help.
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    type=click.Choice(["sessions", "tracks_per_session", "time_per_session", "request_latency"]),
    help="Compare this metric; may be given several times.  [default: all]",
)
@database_option
@format_option
def experiment(
    name: str | None,
    control: str | None,
    alpha: float,
    metrics: tuple[str, ...],
    database: str,
    form: str,
) -> None:
    """Analyze an A/B experiment, or all without NAME: what each treatment changed.

    Metrics are means over the users of a treatment: sessions, tracks and listening time (in tracks)
    a session, latency (in seconds) a request. Effects are in percent of the control's mean, with
    Welch's confidence interval and p value, and the p value adjusted by Holm for the number of
    effects of the experiment.
    """
    from ubcf.analysis.experiments import METRICS, analyze_experiments
    from ubcf.commands.rows import write_experiments
    from ubcf.database.reading import connect_closed
    from ubcf.database.session import interruptibly
    from ubcf.errors import printable

    with connect_closed(database) as connection:
        experiments = interruptibly(
            connection,
            lambda: analyze_experiments(
                connection, name, control=control, alpha=alpha, metrics=metrics or METRICS
            ),
        )
    for each in experiments:
        for warning in each.warnings:
            click.echo(printable(f"ubcf: warning: {each.name}: {warning}"), err=True)
    write_experiments(experiments, form, sys.stdout)
