"""ubcf recommend."""

from __future__ import annotations

import click

from ubcf.commands.options import MOST, database_option, format_option, titles_flag


@click.command(
    epilog="""\b
Examples:
  echo '{"526": 1.0, "1406": 0.2}' | ubcf recommend --history - -n 10
  ubcf recommend --history session.json --explain --format json"""
)
@click.option(
    "--history",
    required=True,
    metavar="FILE",
    help="What the person heard: a JSON object of time by track, or log lines; - is stdin. Times "
    "are in the scale of the build.",
)
@database_option
@click.option(
    "-n",
    "--top",
    type=click.IntRange(min=1, max=MOST),
    metavar="N",
    help="Recommendations.  [default: as many as the build made]",
)
@click.option(
    "-k",
    "--similar-users",
    type=click.IntRange(min=0, max=MOST),
    default=20,
    show_default=True,
    metavar="K",
    help="Similar users to show.",
)
@click.option("--explain", is_flag=True, help="Add the neighbors that contribute most.")
@titles_flag
@format_option
def recommend(
    history: str,
    database: str,
    top: int | None,
    similar_users: int,
    explain: bool,
    titles: bool,
    form: str,
) -> None:
    """Recommend tracks to a person who came after the build, from what they heard.

    The scores are those of a build with this person in the logs, with the options of the build that
    made the database. With baseline centering, a track exponent or a walk, what is known of the
    others stays as it was in that build.
    """
    from ubcf.commands.rows import given_file, print_parts
    from ubcf.database.reading import connect_closed
    from ubcf.database.session import interruptibly
    from ubcf.serving.history import read_history
    from ubcf.serving.recommendation import fold_in, time_bounds, why_popular

    with connect_closed(database) as connection, given_file(history) as path:
        plays = read_history(path, time_bounds(connection))
        parts = interruptibly(
            connection,
            lambda: fold_in(connection, plays, top, similar_users=similar_users, explain=explain),
        )
        reason = why_popular(connection, parts)
        if reason is not None:
            click.echo(f"ubcf: note: these are the popular tracks: {reason}", err=True)
        print_parts(connection, parts, form, titles=titles)
