"""The options that commands share, and how they write rows."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ubcf.building.options import ALL, CENTERINGS, PRESETS, SIMILARITIES
from ubcf.building.options import MODEL_OPTIONS as NAMES_OF_MODEL_OPTIONS
from ubcf.errors import UbcfError

if TYPE_CHECKING:
    import duckdb

Function = TypeVar("Function", bound=Callable[..., Any])

database_option = click.option(
    "-d",
    "--database",
    metavar="FILE",
    default="ubcf.duckdb",
    show_default=True,
    help="The database that a build left; it is only read.",
)

# As in ubcf.database.formats, which is not loaded for help.
format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "jsonl", "markdown"]),
    default="table",
    show_default=True,
    help="Form of the rows on stdout.",
)


class NeighborCount(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A number of neighbors, or all."""

    name = "neighbors"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """Reads a whole number from 1, or 'all'."""
        if value == ALL:
            return ALL
        return click.IntRange(min=1).convert(value, param, ctx)


# What is not given stays None, and the preset decides.
MODEL_OPTIONS = (
    click.option(
        "--preset",
        type=click.Choice(list(PRESETS)),
        help="Options of the model that go together; single ones override. notebook: all users "
        "count, by their cosine; listening: what people listen to again; ratings: predicted times."
        "  [default: notebook]",
    ),
    click.option(
        "--neighbors",
        type=NeighborCount(),
        metavar="K|all",
        help="Only the K most similar users count, and only those with a similarity above 0.",
    ),
    click.option(
        "--shrinkage",
        type=float,
        metavar="B",
        help="A similarity from n tracks in common is multiplied by n / (n + B).",
    ),
    click.option(
        "--min-similarity",
        type=float,
        metavar="X",
        help="Users of a smaller similarity do not count.",
    ),
    click.option(
        "--min-common",
        type=click.IntRange(min=0),
        metavar="N",
        help="Users with fewer tracks in common do not count.",
    ),
    click.option(
        "--offset",
        type=float,
        metavar="C",
        help="An interaction counts as its centered time plus C: having listened is a sign too.",
    ),
    click.option(
        "--self-weight",
        type=float,
        metavar="W",
        help="How much the user's own interactions count in the scores.",
    ),
    click.option(
        "--centering",
        type=click.Choice(CENTERINGS),
        help="What is taken from a time: the mean of the user; the mean of all, with a bias of the "
        "user and of the track; or nothing.",
    ),
    click.option(
        "--similarity",
        type=click.Choice(SIMILARITIES),
        help="A cosine over all tracks, or over those that both users have heard.",
    ),
    click.option(
        "--damping",
        type=float,
        metavar="D",
        help="Added to the sum of similarities that a predicted time is divided by.",
    ),
)


# What a command that reads logs may do, and with what.
WORK_OPTIONS = (
    click.option(
        "--max-rejected",
        type=click.FloatRange(0, 1),
        metavar="FRACTION",
        default=0.01,
        show_default=True,
        help="Fail when more than this share of the lines is rejected; 0: when any is.",
    ),
    click.option(
        "--templates", metavar="DIR", help="A folder of files that replace those of sql/."
    ),
    click.option(
        "--threads",
        type=click.IntRange(min=1),
        metavar="N",
        help="Threads to use.  [default: all processors]",
    ),
    click.option(
        "--memory-limit",
        metavar="SIZE",
        help="Memory for the whole process, such as 2GiB.  [default: 70 % of what is available]",
    ),
)


def model_options(command: Function) -> Function:
    """The options of the model, for a command."""
    return _with_options(command, MODEL_OPTIONS)


def work_options(command: Function) -> Function:
    """The options of the work, for a command that reads logs."""
    return _with_options(command, WORK_OPTIONS)


def _with_options(command: Function, options: Sequence[Callable[[Function], Function]]) -> Function:
    for option in reversed(options):
        command = option(command)
    return command


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options without those of the model that were not given."""
    of_model = ("preset", *NAMES_OF_MODEL_OPTIONS)
    return {
        name: value for name, value in options.items() if value is not None or name not in of_model
    }


@contextmanager
def given_file(name: str) -> Iterator[Path]:
    """The path of a file that was given.

    What comes from stdin (-) or another pipe is put into a file for a while: it can be read once.
    """
    given = Path(name)
    is_pipe = name == "-" or (given.exists() and not given.is_file() and not given.is_dir())
    if not is_pipe:
        yield given
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "piped")
        path.write_bytes(sys.stdin.buffer.read() if name == "-" else given.read_bytes())
        try:
            yield path
        except UbcfError as error:
            shown = "stdin" if name == "-" else name
            raise type(error)(str(error).replace(str(path), shown)) from error


def print_rows(
    connection: duckdb.DuckDBPyConnection, relation: duckdb.DuckDBPyRelation, form: str
) -> None:
    """Writes the rows of a relation to stdout; Ctrl-C interrupts it."""
    from ubcf.database.formats import write_rows
    from ubcf.database.session import interruptibly

    interruptibly(connection, lambda: write_rows(connection, relation, form, sys.stdout))


def print_parts(
    connection: duckdb.DuckDBPyConnection,
    parts: Mapping[str, duckdb.DuckDBPyRelation],
    form: str,
    *,
    one_row: Collection[str] = (),
) -> None:
    """Writes relations to stdout, each under its name; Ctrl-C interrupts it."""
    from ubcf.database.formats import write_parts
    from ubcf.database.session import interruptibly

    interruptibly(
        connection,
        lambda: write_parts(connection, parts, form, sys.stdout, one_row=one_row),
    )
