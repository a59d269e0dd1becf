"""ubcf sql."""

from __future__ import annotations

import sys

import click

from ubcf.commands.options import (
    database_option,
    format_flag,
    safe_csv_flag,
    titles_flag,
    wide_flag,
    written_form,
)


@click.command(
    epilog="""\b
Examples:
  ubcf sql 'select "user", events from users order by events desc limit 3'
  ubcf sql --file question.sql --format csv
  echo 'from build' | ubcf sql -
  ubcf sql 'from recommendations where rank <= 10' --output top10.parquet"""
)
@click.argument("query", required=False, metavar="[QUERY | -]")
@click.option("--file", "file", metavar="FILE", help="Take the statements from a file.")
@click.option(
    "--output",
    metavar="FILE",
    help="Write the rows to a file instead of stdout: .csv, .json, .jsonl or .parquet.",
)
@click.option(
    "--allow-files",
    is_flag=True,
    help="Let statements read and write other files, load extensions and change settings.",
)
@database_option
@titles_flag
@format_flag
@safe_csv_flag
@wide_flag
def sql(
    query: str | None,
    file: str | None,
    output: str | None,
    allow_files: bool,
    database: str,
    titles: bool,
    form: str,
    safe_csv: bool,
    wide: bool,
) -> None:
    """Run SQL over a database, read-only: QUERY, or - for stdin, or --file.

    Several statements run in turn; the rows of the last one are printed. 'show tables' lists the
    tables, 'describe users' the columns of one.
    """
    from pathlib import Path

    from ubcf.analysis.statements import output_target, print_result, write_result
    from ubcf.commands.rows import say_hidden, table_width
    from ubcf.database.reading import connect_locked
    from ubcf.database.session import interruptibly
    from ubcf.errors import QueryError

    if (query is None) == (file is None):
        raise click.UsageError("give one of QUERY, - for stdin, and --file")
    if file is not None:
        text = _decoded(Path(file).read_bytes(), file)
    elif query == "-":
        text = _decoded(sys.stdin.buffer.read(), "stdin")
    else:
        text = query or ""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise QueryError("QUERY: not UTF-8")
    inputs = [database] if file is None else [database, file]
    target = None if output is None else output_target(Path(output), inputs)
    with connect_locked(database, allow_files=allow_files) as connection:
        if output is None or target is None:
            written = written_form(form, safe_csv, wide)
            width = table_width(written)
            hidden = interruptibly(
                connection,
                lambda: print_result(
                    connection, text, written, sys.stdout, titles=titles, width=width
                ),
            )
            say_hidden(hidden, width)
        else:
            suffix = Path(output).suffix
            interruptibly(
                connection,
                lambda: write_result(
                    connection, text, target, suffix, safe_csv=safe_csv, titles=titles
                ),
            )


def _decoded(content: bytes, name: str) -> str:
    """Statements as text. Raises InputError when they are not UTF-8."""
    from ubcf.errors import InputError

    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: not UTF-8, from byte {error.start + 1}") from error
