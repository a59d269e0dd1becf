"""ubcf diff."""

from __future__ import annotations

import click

from ubcf.commands.options import MOST, format_option, titles_flag


@click.command(
    epilog="""\b
Examples:
  ubcf diff monday.duckdb tuesday.duckdb
  ubcf diff monday.duckdb tuesday.duckdb -k 100 --format json"""
)
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option(
    "-k",
    "k",
    type=click.IntRange(min=0, max=MOST),
    metavar="N",
    default=10,
    show_default=True,
    help="Users shown whose lists changed, the most changed first.",
)
@titles_flag
@format_option
def diff(old: str, new: str, k: int, titles: bool, form: str) -> None:
    """Compare two databases of builds, OLD and NEW.

    Inputs and options that differ, counts and measures, users and tracks gained and lost, and how
    much the lists of the users of both overlap: the tracks in common in the first 10 and 100, and
    rank-biased overlap (p = 0.9), from 0 (disjoint) to 1 (equal), mostly of the first ranks.
    With --titles, gained and lost tracks have their artists and titles.
    """
    from ubcf.analysis.comparison import ONE_ROW, compare, without_sources
    from ubcf.commands.rows import print_parts
    from ubcf.database.reading import connect_pair
    from ubcf.database.session import interruptibly

    with connect_pair(old, new) as connection:
        for name in without_sources(connection):
            click.echo(
                f"ubcf: note: {old if name == 'old' else new}: made by an earlier version, without "
                "sources of recommendations, which are not compared",
                err=True,
            )
        parts = interruptibly(connection, lambda: compare(connection, k, titles=titles))
        print_parts(connection, parts, form, one_row=ONE_ROW)
