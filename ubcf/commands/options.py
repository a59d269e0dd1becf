"""The options that commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, fields
from functools import wraps
from typing import Any, TypeVar, cast

import click

from ubcf.database import FORMATS, SAFE_CSV
from ubcf.scoring.options import (
    ALL,
    MODEL_OPTIONS,
    PRESETS,
    RENAMED_PLANS,
    ModelOptions,
    check_plan,
)

# More of anything is a typing error, which neither DuckDB nor numpy could count to.
MOST = 10**9

Function = TypeVar("Function", bound=Callable[..., Any])

database_option = click.option(
    "-d",
    "--database",
    metavar="FILE",
    default="ubcf.duckdb",
    show_default=True,
    help="The database of a build; it is only read.",
)

format_flag = click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="The format of the rows on stdout.",
)

safe_csv_flag = click.option(
    "--safe-csv",
    is_flag=True,
    help="In CSV, write an apostrophe before a text that a spreadsheet would take for a formula: "
    "one that begins with = + - @, a tab or a line break and is no number.",
)


def csv_form(form: str, safe_csv: bool) -> str:
    """The format to write: SAFE_CSV in place of csv, with --safe-csv."""
    return SAFE_CSV if safe_csv and form == "csv" else form


def format_option(command: Function) -> Function:
    """Adds --format and --safe-csv to a command, which gets the format to write as `form`."""

    @wraps(command)
    def with_form(*, form: str, safe_csv: bool, **values: Any) -> Any:
        return command(form=csv_form(form, safe_csv), **values)

    return _with_options(cast(Function, with_form), (format_flag, safe_csv_flag))


class NeighborCount(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A number of neighbors, or all."""

    name = "neighbors"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """Reads a whole number from 1, or 'all'."""
        if value == ALL:
            return ALL
        return click.IntRange(min=1, max=MOST).convert(value, param, ctx)


class PlanName(click.Choice):  # type: ignore[type-arg,unused-ignore]
    """The name of a plan; a name of version 0.1 fails with the new name."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Reads a name of PLANS. Raises OptionError for a former name."""
        if value in RENAMED_PLANS:
            check_plan(value)
        return str(super().convert(value, param, ctx))


def _flag(option: Field[Any]) -> Callable[[Function], Function]:
    """The flag of a field of ModelOptions. Without it the value is None, and the preset decides."""
    kind: Any = click.FLOAT
    if option.name == "neighbors":
        kind = NeighborCount()
    elif option.metadata["choices"]:
        kind = click.Choice(option.metadata["choices"])
    elif option.type == "int":
        kind = click.IntRange(min=0, max=MOST)
    return click.option(
        f"--{option.name.replace('_', '-')}",
        type=kind,
        metavar=None if option.metadata["choices"] else option.metadata["metavar"],
        help=option.metadata["description"],
    )


MODEL_FLAGS = (
    click.option(
        "--preset",
        type=click.Choice(list(PRESETS)),
        help="Options of the model that go together; single ones override. notebook: all users "
        "count, by their cosine; listening: for lists; ratings: for predicted times."
        "  [default: notebook]",
    ),
    *(_flag(option) for option in fields(ModelOptions)),
)

# The options of commands that read logs.
WORK_OPTIONS = (
    click.option(
        "--repeats",
        type=click.Choice(["keep", "drop"]),  # as in ubcf.building.options
        default="keep",
        show_default=True,
        help="drop: leave out each line that is identical to an earlier one of any file, as in a "
        "second copy of the logs.",
    ),
    click.option(
        "--max-rejected",
        type=click.FloatRange(0, 1),
        metavar="FRACTION",
        default=0.01,
        show_default=True,
        help="Fail when more than this share of the lines is rejected; 0: when any line is.",
    ),
    click.option(
        "--templates",
        metavar="DIR",
        help="A folder that overlays sql/: its files replace those of the same path.",
    ),
    click.option(
        "--threads",
        type=click.IntRange(min=1, max=MOST),
        metavar="N",
        help="The number of threads.  [default: all processors]",
    ),
    click.option(
        "--memory-limit",
        metavar="SIZE",
        help="Memory for the whole process, such as 2GiB.  [default: 70 % of what is available]",
    ),
)


def model_options(command: Function) -> Function:
    """Adds the options of the model to a command."""
    return _with_options(command, MODEL_FLAGS)


def work_options(command: Function) -> Function:
    """Adds the options of reading logs to a command."""
    return _with_options(command, WORK_OPTIONS)


def _with_options(command: Function, options: Sequence[Callable[[Function], Function]]) -> Function:
    for option in reversed(options):
        command = option(command)
    return command


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves out the options of the model that were not given."""
    of_model = ("preset", *MODEL_OPTIONS)
    return {
        name: value for name, value in options.items() if value is not None or name not in of_model
    }
