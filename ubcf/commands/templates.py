"""ubcf templates."""

from __future__ import annotations

import click

from ubcf.commands.completion import TEMPLATE
from ubcf.commands.options import format_option


@click.command(
    epilog="""\b
Examples:
  ubcf templates
  ubcf templates staging/log_lines.sql
  ubcf templates --copy staging/log_lines.sql my-sql/
  ubcf build --templates my-sql/"""
)
@click.argument("names", nargs=-1, metavar="[NAME]... [DIR]", type=TEMPLATE)
@click.option(
    "--copy", is_flag=True, help="Copy the templates to DIR, the last argument, to change them."
)
@format_option
def templates(names: tuple[str, ...], copy: bool, form: str) -> None:
    """List the SQL files of ubcf and what each makes; with NAME, print them.

    A folder with changed copies is an overlay: 'ubcf build --templates DIR' runs a file of it in
    place of the one of the same path. Copy only what you change.
    """
    from pathlib import Path

    from ubcf.database.overlays import copy_templates, read_template, template_names

    if copy:
        if len(names) < 2 or names[-1] in template_names():
            raise click.UsageError("--copy needs one NAME or more, and after them the folder DIR")
        for file in copy_templates(names[:-1], Path(names[-1])):
            click.echo(file)
    elif names:
        for text in list(map(read_template, names)):
            click.echo(text, nl=False)
    else:
        _list(form)


def _list(form: str) -> None:
    """Writes a row for each template to stdout."""
    import duckdb

    from ubcf.commands.rows import print_rows
    from ubcf.database.overlays import summaries
    from ubcf.database.session import literal

    listed = summaries()
    with duckdb.connect() as connection:
        relation = connection.sql(
            f"select unnest({literal(list(listed))}) as template,"
            f" unnest({literal(list(listed.values()))}) as summary"
        )
        print_rows(connection, relation, form)
