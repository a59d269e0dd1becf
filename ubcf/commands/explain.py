"""ubcf explain."""

from __future__ import annotations

import click

from ubcf.commands.options import database_option, format_option, titles_flag


@click.command(
    epilog="""\b
Examples:
  ubcf explain 7 526
  ubcf explain 7 526 --format csv > why.csv
  ubcf explain 7 526 --predicted"""
)
@click.argument("user", metavar="USER")
@click.argument("track", metavar="TRACK")
@click.option(
    "--predicted",
    is_flag=True,
    help="Explain the predicted time instead of the score: what each neighbor adds to the expected "
    "time and, with own tracks, each track that USER heard.",
)
@database_option
@titles_flag
@format_option
def explain(user: str, track: str, predicted: bool, database: str, titles: bool, form: str) -> None:
    """Explain the score of a track for a user: what each neighbor contributes.

    One row for each neighbor of USER who heard TRACK; the score is the sum of the contributions.
    Each is similarity times centered time; with a scale, divided by its length, since scores are of
    times from 0 to 1. In a walk, the similarity is the weight of a user reached, maybe of USER; an
    own liking has a row of its own. With a ridge, the last row sums up the users beyond the 300
    with the greatest weights. TRACK need not be recommended. With --titles, its artist and title
    are in the line above the rows.
    """
    from ubcf.analysis.explanation import explain as explain_score
    from ubcf.analysis.explanation import explained_score, why_nothing
    from ubcf.analysis.titles import title_of
    from ubcf.commands.rows import print_rows
    from ubcf.database.reading import connect_closed
    from ubcf.database.session import interruptibly
    from ubcf.errors import printable

    if predicted:
        _explain_prediction(user, track, database, titles, form)
        return
    with connect_closed(database) as connection:
        relation = interruptibly(connection, lambda: explain_score(connection, user, track))
        explained = explained_score(connection, relation, user, track)
        place = (
            "not among the recommendations"
            if explained.rank is None
            else f"rank {explained.rank}, with a stored score of {explained.stored_score:.12g}"
        )
        if explained.neighbors == 0:
            said = f"score 0: {why_nothing(connection, user, track)}"
        else:
            said = (
                f"score {explained.score:.12g}, the sum of {explained.neighbors:,} "
                f"contribution{'' if explained.neighbors == 1 else 's'}"
            )
        named = f"{track} ({title_of(connection, track)})" if titles else track
        click.echo(printable(f"user {user}, track {named}: {said}; {place}"), err=True)
        print_rows(connection, relation, form)


def _explain_prediction(user: str, track: str, database: str, titles: bool, form: str) -> None:
    """Explain the predicted time: print the terms of neighbors, and of the user's own tracks."""
    from ubcf.analysis.titles import title_of
    from ubcf.commands.rows import print_parts
    from ubcf.database.reading import connect_closed
    from ubcf.database.session import interruptibly
    from ubcf.errors import printable
    from ubcf.serving.explained_prediction import NEIGHBORS, OWN_TRACKS, explain_prediction

    with connect_closed(database) as connection:
        found = interruptibly(connection, lambda: explain_prediction(connection, user, track))
        if not found.is_known:
            click.echo("ubcf: warning: the logs do not know the user or the track", err=True)
        counts = {name: len(part) for name, part in found.parts.items()}
        said = (
            f"predicted time {found.predicted_time:.12g}: {found.expected_time:.12g} expected, "
            f"{found.of_neighbors:+.12g} from {counts[NEIGHBORS]:,} neighbors"
        )
        if OWN_TRACKS in counts:
            said += f", {found.of_own_tracks:+.12g} from {counts[OWN_TRACKS]:,} own tracks"
        if found.is_cut:
            said += f"; cut to {found.predicted_time:.12g}"
        named = f"{track} ({title_of(connection, track)})" if titles and found.is_known else track
        click.echo(printable(f"user {user}, track {named}: {said}"), err=True)
        print_parts(connection, found.parts, form, titles=titles)
