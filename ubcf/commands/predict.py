"""ubcf predict."""

from __future__ import annotations

import click

from ubcf.commands.options import database_option


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
    help="Form of the rows on stdout.",
)
def predict(pairs: str, database: str, form: str) -> None:
    """Predict how much of a track a user would listen to, for each pair in the file PAIRS.

    PAIRS is a CSV with the columns user and track, or JSON lines with these fields; - is stdin. The
    rows come in its order, with predicted_time, from 0 to 1, and support: how many neighbors heard
    the track. Users and tracks that the logs do not know get what is left without them.
    """
    from ubcf.commands.rows import given_file, print_rows
    from ubcf.database.reading import connect
    from ubcf.database.session import interruptibly
    from ubcf.serving.prediction import count_unknown
    from ubcf.serving.prediction import predict as predict_pairs

    with connect(database) as connection, given_file(pairs) as path:
        relation = interruptibly(connection, lambda: predict_pairs(connection, path))
        unknown, given = count_unknown(connection)
        if unknown:
            click.echo(
                f"ubcf: warning: {unknown:,} of {given:,} pairs have a user or a track that the "
                "logs do not know",
                err=True,
            )
        print_rows(connection, relation, form)
