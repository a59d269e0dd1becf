"""ubcf check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, fields
from typing import TYPE_CHECKING, Any

import click

from ubcf.analysis.options import COUNT, FRACTION, MOST, Thresholds
from ubcf.commands.options import (
    database_option,
    narration_options,
    safe_csv_flag,
    wide_flag,
    written_form,
)
from ubcf.database import FORMATS

if TYPE_CHECKING:
    from ubcf.commands.progress import Narration

# The exit code when a build is not healthy.
UNHEALTHY = 3


def _flag(threshold: Field[Any]) -> Callable[[Any], Any]:
    """The option of a field of Thresholds."""
    kind = threshold.metadata["kind"]
    types: dict[str, Any] = {FRACTION: click.FloatRange(0, 1), COUNT: click.IntRange(0, MOST)}
    return click.option(
        f"--{threshold.name.replace('_', '-')}",
        type=types.get(kind, click.STRING),
        metavar=kind,
        default=threshold.default,
        show_default=threshold.default is not None or "not checked",
        help=threshold.metadata["description"],
    )


def _threshold_options(command: Any) -> Any:
    for threshold in reversed(fields(Thresholds)):
        command = _flag(threshold)(command)
    return command


@click.command(
    epilog="""\b
Examples:
  ubcf check
  ubcf check --against yesterday.duckdb --max-age 2d
  ubcf check --max-filler 0.3 --format json
  ubcf build -q && ubcf check -q --against yesterday.duckdb"""
)
@click.option(
    "--against",
    metavar="FILE",
    help="The database of another build, such as yesterday's, to compare with.",
)
@_threshold_options
@click.option("--templates", metavar="DIR", help="A folder whose health/ has further checks.")
@database_option
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", *FORMATS)),
    default="text",
    show_default=True,
    help="The format on stdout: a line for each finding (text), or a row for each check.",
)
@safe_csv_flag
@wide_flag
@narration_options
def check(
    against: str | None,
    templates: str | None,
    database: str,
    form: str,
    safe_csv: bool,
    wide: bool,
    narration: Narration,
    **thresholds: Any,
) -> int:
    """Check whether a build is healthy: exit code 0 if it is, 3 if not, 1 if it cannot be checked.

    Each check is a query of sql/health/, whose figure is held to a threshold, a share (FRACTION, 0
    to 1), a number or a time. The option that sets it is named after the check: max-filler is how
    far the figure of filler may go.
    """
    from pathlib import Path

    from ubcf.analysis import health
    from ubcf.commands.rows import print_rows
    from ubcf.database.reading import connect, connect_closed
    from ubcf.database.session import interruptibly
    from ubcf.database.templates import Templates
    from ubcf.errors import printable

    overlaid = Templates(None if templates is None else Path(templates))
    # Checks of one's own may read files.
    opened = connect_closed if templates is None else connect
    with opened(database) as connection:
        with narration.progress("check" if against is None else f"check against {against}", None):
            found = interruptibly(
                connection,
                lambda: health.check(connection, against, templates=overlaid, **thresholds),
            )
        for note in () if narration.quiet else found.not_compared:
            click.echo(printable(f"ubcf: note: {note}"), err=True)
        if form != "text":
            print_rows(connection, found.relation(connection), written_form(form, safe_csv, wide))
        elif not (narration.quiet and found.healthy):
            click.echo(found)
    return 0 if found.healthy else UNHEALTHY


def thresholds_of_settings(context: click.Context) -> dict[str, Any]:
    """The thresholds of a check without options: of the environment, the file of settings, or ours.

    context: of another command.
    """
    with check.make_context("check", [], parent=context.parent) as asked:
        return {each.name: asked.params[each.name] for each in fields(Thresholds)}
