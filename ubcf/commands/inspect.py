"""ubcf inspect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ubcf.commands.options import MOST, database_option, format_option, titles_flag

if TYPE_CHECKING:
    import duckdb

k_option = click.option(
    "-k",
    type=click.IntRange(min=1, max=MOST),
    default=30,
    show_default=True,
    help="Maximum rows of each part.",
)


@click.group()
def inspect() -> None:
    """Show one user or one track: events, interactions, recommendations."""


@inspect.command(
    epilog="""\b
Examples:
  ubcf inspect user 7
  ubcf inspect user random --seed 3 -k 10
  ubcf inspect user 7 --format json"""
)
@click.argument("user", metavar="USER|random")
@k_option
@click.option("--seed", metavar="S", help="The seed of 'random'.  [default: a new one]")
@database_option
@titles_flag
@format_option
def user(user: str, k: int, seed: str | None, database: str, titles: bool, form: str) -> None:
    """Show a user: events, recommendations, likes and dislikes, and the most similar users.

    'random' draws a user at random.
    """
    import secrets

    from ubcf.analysis.inspection import ONE_ROW, inspect_user, random_user
    from ubcf.commands.rows import print_parts
    from ubcf.database.reading import connect_closed
    from ubcf.database.session import interruptibly

    with connect_closed(database) as connection:

        def parts() -> dict[str, duckdb.DuckDBPyRelation]:
            chosen = user
            if user == "random":
                chosen = random_user(connection, seed or secrets.token_hex(8))
            return inspect_user(connection, chosen, k)

        found = interruptibly(connection, parts)
        if found["user"].project("events").fetchall() == [(0,)]:
            click.echo(
                "ubcf: note: the logs have no event of this user, who gets the popular tracks",
                err=True,
            )
        print_parts(connection, found, form, one_row=ONE_ROW, titles=titles)


@inspect.command(
    epilog="""\b
Examples:
  ubcf inspect track 526
  ubcf inspect track 526 --format markdown"""
)
@click.argument("track", metavar="TRACK")
@k_option
@database_option
@titles_flag
@format_option
def track(track: str, k: int, database: str, titles: bool, form: str) -> None:
    """Show a track: its entry in the catalog, its listeners, and whom it is recommended to."""
    from ubcf.analysis.inspection import ONE_ROW, inspect_track
    from ubcf.commands.rows import print_parts
    from ubcf.database.reading import connect_closed
    from ubcf.database.session import interruptibly

    with connect_closed(database) as connection:
        parts = interruptibly(connection, lambda: inspect_track(connection, track, k))
        print_parts(connection, parts, form, one_row=ONE_ROW, titles=titles)
