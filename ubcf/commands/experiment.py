"""ubcf experiment."""

from __future__ import annotations

import click

from ubcf.commands.completion import EXPERIMENT, TREATMENT
from ubcf.commands.options import database_option, format_option


def _shares(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> dict[str, float] | None:
    if value is None:
        return None
    try:
        pairs = [part.rsplit("=", 1) for part in value.split(",")]
        return {treatment.strip(): float(share) for treatment, share in pairs}
    except ValueError as error:
        raise click.BadParameter(
            f"{value!r} is not a list of shares, such as C=0.9,T1=0.1"
        ) from error


@click.command(
    epilog="""\b
Examples:
  ubcf experiment
  ubcf experiment TASTE_SHARE --metric time_per_session
  ubcf experiment TASTE_SHARE --control T1 --alpha 0.01
  ubcf experiment --format json"""
)
@click.argument("name", required=False, metavar="[NAME]", type=EXPERIMENT)
@click.option(
    "--control",
    metavar="TREATMENT",
    type=TREATMENT,
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
    type=click.Choice(
        ["time_per_user", "sessions", "tracks_per_session", "time_per_session", "request_latency"]
    ),
    help="Compare this metric; may be given several times.  [default: all]",
)
@click.option(
    "--split",
    metavar="TREATMENT=SHARE,...",
    callback=_shares,
    help="The split of the users that was planned, such as C=0.9,T1=0.1, for the test of the sizes "
    "of the arms.  [default: an even one]",
)
@database_option
@format_option
def experiment(
    name: str | None,
    control: str | None,
    alpha: float,
    metrics: tuple[str, ...],
    split: dict[str, float] | None,
    database: str,
    form: str,
) -> None:
    """Analyze an A/B experiment, or all without NAME: what each treatment changed.

    Metrics are means over the users of a treatment, each with its confidence interval: listening
    time (in tracks), sessions, tracks and listening time a session, latency (in seconds) a request.
    Effects are in percent of the control's mean, with Welch's confidence interval and p value, and
    the p value adjusted by Holm for the number of effects of the experiment.
    """
    from ubcf.analysis.experiments import METRICS, analyze_experiments
    from ubcf.commands.rows import print_experiments
    from ubcf.database.reading import connect_closed
    from ubcf.database.session import interruptibly
    from ubcf.errors import printable

    with connect_closed(database) as connection:
        experiments = interruptibly(
            connection,
            lambda: analyze_experiments(
                connection,
                name,
                control=control,
                alpha=alpha,
                metrics=metrics or METRICS,
                split=split,
            ),
        )
    for each in experiments:
        for warning in each.warnings:
            click.echo(printable(f"ubcf: warning: {each.name}: {warning}"), err=True)
        for note in each.notes:
            click.echo(printable(f"ubcf: note: {each.name}: {note}"), err=True)
    print_experiments(experiments, form)
