"""ubcf report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

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
def report(output: str, users: tuple[str, ...], database: str, narration: Narration) -> None:
    """Write a page about a build: charts, experiments, tracks, and some users in full.

    One HTML file that loads nothing from the network, for screens, phones and paper. The same
    database gives the same bytes. It needs matplotlib: pip install 'ubcf[report]'.
    """
    from pathlib import Path

    from ubcf.database.reading import connect_closed
    from ubcf.database.session import interruptibly
    from ubcf.reporting.page import write_report

    with connect_closed(database) as connection:
        summary = interruptibly(
            connection, lambda: write_report(connection, Path(output), users, narration.progress)
        )
    if not narration.quiet:
        click.echo(str(summary))
