"""ubcf report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ubcf.commands.check import thresholds_of_settings
from ubcf.commands.options import database_option, narration_options

if TYPE_CHECKING:
    from ubcf.commands.progress import Narration


@click.command(
    epilog="""\b
Examples:
  ubcf report
  ubcf report -d tuesday.duckdb -o tuesday.html
  ubcf report --user 7 --user 12"""
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    default="report.html",
    show_default=True,
    help="The page to write; an older one is replaced.",
)
@click.option(
    "-u",
    "--user",
    "users",
    multiple=True,
    metavar="USER",
    help="A user to show in full, beside a heavy, a typical and a cold one; can be repeated.",
)
@database_option
@narration_options
@click.pass_context
def report(
    context: click.Context,
    /,
    output: str,
    users: tuple[str, ...],
    database: str,
    narration: Narration,
) -> None:
    """Write a page about a build: its health, charts, experiments, tracks, and some users in full.

    One HTML file that loads nothing from the network, for screens, phones and paper. The same
    database gives the same bytes. It needs matplotlib: pip install 'ubcf[report]'.
    """
    from pathlib import Path

    from ubcf.analysis.health import check
    from ubcf.database.reading import connect_closed
    from ubcf.database.session import interruptibly
    from ubcf.reporting.page import write_report

    # A page does not tell how old the build is when somebody reads it.
    thresholds: Any = {**thresholds_of_settings(context), "max_build_age": None}
    with connect_closed(database) as connection:
        summary = interruptibly(
            connection,
            lambda: write_report(
                connection, Path(output), users, narration.progress, check(connection, **thresholds)
            ),
        )
    if not narration.quiet:
        click.echo(str(summary))
