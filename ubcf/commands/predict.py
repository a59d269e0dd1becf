"""ubcf predict."""

from __future__ import annotations

import click

from ubcf.commands.options import database_option, safe_csv_flag, titles_flag, written_form


@click.command(
    epilog="""\b
Examples:
  ubcf predict pairs.csv > times.csv
  echo '{"user": 7, "track": 526}' | ubcf predict - --format jsonl"""
)
@click.argument("pairs", metavar="PAIRS")
@database_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "jsonl"]),
    default="csv",
    show_default=True,
    help="The format of the rows on stdout.",
)
@titles_flag
@safe_csv_flag
def predict(pairs: str, database: str, form: str, titles: bool, safe_csv: bool) -> None:
    """Predict how much of a track a user would listen to, for each pair in PAIRS.

    PAIRS is a CSV with the columns user and track, or JSON lines with these fields; - is stdin. The
    rows keep its order and have predicted_time, from 0 to 1 or in the scale of the build, and
    support, the number of neighbors who heard the track. Without neighbors the prediction is the
    mean time of the user; for a user that the logs do not have, of all events.
    """
    from ubcf.commands.rows import given_file, print_rows
    from ubcf.database.reading import connect_closed
    from ubcf.database.session import interruptibly
    from ubcf.serving.prediction import count_unknown
    from ubcf.serving.prediction import predict as predict_pairs

    with (
        given_file(pairs) as path,
        connect_closed(database, readable=[path]) as connection,
    ):
        relation = interruptibly(connection, lambda: predict_pairs(connection, path))
        unknown, given = count_unknown(connection)
        if unknown:
            click.echo(
                f"ubcf: warning: {unknown:,} of {given:,} pairs have a user or a track that the "
                "logs do not know",
                err=True,
            )
        print_rows(connection, relation, written_form(form, safe_csv), titles=titles)
