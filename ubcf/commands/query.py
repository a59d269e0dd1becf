"""ubcf query."""

from __future__ import annotations

import click

from ubcf.commands.completion import ANALYSIS
from ubcf.commands.options import database_option, format_option, titles_flag


def _assignment(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    for value in values:
        if "=" not in value:
            raise click.BadParameter(f"{value!r} is not name=value")
    return dict(value.split("=", 1) for value in values)


@click.command(
    epilog="""\b
Examples:
  ubcf query
  ubcf query similar_users --param user=7 --param k=5
  ubcf query popularity_bias --format csv
  ubcf query sessions --show"""
)
@click.argument("name", required=False, metavar="[NAME]", type=ANALYSIS)
@click.option(
    "-p",
    "--param",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_assignment,
    help="A variable of the analysis; --show lists them.",
)
@click.option("--show", is_flag=True, help="Print the SQL, and run nothing.")
@click.option("--templates", metavar="DIR", help="A folder whose analysis/ has further analyses.")
@database_option
@titles_flag
@format_option
def query(
    name: str | None,
    variables: dict[str, str],
    show: bool,
    templates: str | None,
    database: str,
    titles: bool,
    form: str,
) -> None:
    """Run a named analysis over a database; without NAME, list them.

    The analyses are the files of sql/analysis/. Each also runs by hand in a DuckDB shell: give its
    variables values by 'set variable user = 7;' before it.
    """
    from pathlib import Path

    from ubcf.analysis import named_analyses
    from ubcf.commands.rows import print_rows
    from ubcf.database.reading import connect_closed, connect_private
    from ubcf.database.session import interruptibly
    from ubcf.database.templates import Templates

    overlaid = Templates(None if templates is None else Path(templates))
    if name is None:
        for each in named_analyses.list_analyses(overlaid):
            click.echo(str(each))
    elif show:
        click.echo(named_analyses.read_analysis(name, overlaid).sql, nl=False)
    else:
        # Analyses of one's own may read files.
        opened = connect_closed if templates is None else connect_private
        with opened(database) as connection:
            relation = interruptibly(
                connection,
                lambda: named_analyses.query(connection, name, templates=overlaid, **variables),
            )
            print_rows(connection, relation, form, titles=titles)
