"""The options that commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, fields
from functools import wraps
from typing import Any, TypeVar, cast

import click

from ubcf.building.inputs.log_options import (
    AUTO,
    CATALOG_FIELDS,
    EVENT_FIELDS,
    ID_KINDS,
    KEEP,
    REPEATS,
)
from ubcf.building.inputs.log_options import FORMATS as FORMATS_OF_LOGS
from ubcf.commands.variables import SETTINGS_FILE
from ubcf.database import FORMATS, SAFE_CSV, WIDE
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
    envvar="UBCF_DATABASE",
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


quiet_flag = click.option(
    "-q",
    "--quiet",
    is_flag=True,
    help="Print nothing on success, and no summary for people; what another --format asks for "
    "is still printed.",
)

verbose_flag = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    help="A line on stderr, with the time, for each stage as it begins.",
)

logs_argument = click.argument("logs", nargs=-1, metavar="[LOGS]...", envvar="UBCF_LOGS")

wide_flag = click.option(
    "--wide",
    is_flag=True,
    help="Show all columns and whole cells of tables, on a terminal too; else they are cut to fit.",
)

titles_flag = click.option(
    "--titles",
    is_flag=True,
    help="Add the columns of the catalog (artist, title, genre and so on) to rows that have a "
    "column track.",
)


def written_form(form: str, safe_csv: bool = False, wide: bool = False) -> str:
    """The format to write: with --safe-csv SAFE_CSV for csv, with --wide WIDE for table."""
    return {"csv": SAFE_CSV if safe_csv else form, "table": WIDE if wide else form}.get(form, form)


def format_option(command: Function) -> Function:
    """Adds --format, --safe-csv and --wide to a command; it gets the format to write as `form`."""

    @wraps(command)
    def with_form(*, form: str, safe_csv: bool, wide: bool, **values: Any) -> Any:
        return command(form=written_form(form, safe_csv, wide), **values)

    return _with_options(cast(Function, with_form), (format_flag, safe_csv_flag, wide_flag))


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
    flag = f"--{option.name.replace('_', '-')}"
    if option.type == "bool":
        return click.option(
            f"{flag}/--no-{flag[2:]}", default=None, help=option.metadata["description"]
        )
    if option.name == "neighbors":
        kind = NeighborCount()
    elif option.metadata["choices"]:
        kind = click.Choice(option.metadata["choices"])
    elif option.type == "int":
        kind = click.IntRange(min=0, max=MOST)
    return click.option(
        flag,
        type=kind,
        metavar=None if option.metadata["choices"] else option.metadata["metavar"],
        help=option.metadata["description"],
    )


MODEL_FLAGS = (
    click.option(
        "--preset",
        type=click.Choice(list(PRESETS)),
        help="Options of the model that go together; single ones override. notebook: all users "
        "count, by their cosine; listening: for lists that people listen to, by a walk; similar: "
        "for lists, by similar users alone; ratings: for predicted times; taste: for lists from "
        "dense logs, such as ratings of films, by a ridge over users: not for sparse logs."
        "  [default: notebook]",
    ),
    *(_flag(option) for option in fields(ModelOptions)),
)


def _names_and_expressions(
    _context: click.Context, option: click.Parameter, texts: Sequence[str]
) -> dict[str, str]:
    """Reads NAME=EXPRESSION, each name once."""
    known = EVENT_FIELDS if option.name == "fields" else CATALOG_FIELDS
    pairs = {}
    for text in texts:
        name, equals, expression = text.partition("=")
        name = name.strip()
        if not equals or not name or not expression.strip():
            raise click.BadParameter(f"{text!r} is not of the form NAME=EXPRESSION")
        if name not in known:
            raise click.BadParameter(f"{name!r} is none of {', '.join(known)}")
        if name in pairs:
            raise click.BadParameter(f"{name!r} is given twice")
        pairs[name] = expression.strip()
    return pairs


def _column_names(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> tuple[str, ...]:
    """Reads names separated by commas."""
    return () if text is None else tuple(name.strip() for name in text.split(","))


# How logs are read; see LogOptions. Their variables, and keys of ubcf.toml, count for all commands.
LOG_FLAGS = (
    click.option(
        "--input-format",
        envvar="UBCF_INPUT_FORMAT",
        type=click.Choice(FORMATS_OF_LOGS),
        help="The format of the logs: JSON lines, a JSON array, CSV, TSV or Parquet.  [default: as "
        "the name of each file says, else JSON]",
    ),
    click.option(
        "--pattern",
        envvar="UBCF_PATTERN",
        metavar="NAMES",
        help="The logs in a folder, at any depth, such as '*.parquet'.  [default: data.json*]",
    ),
    click.option(
        "--columns",
        envvar="UBCF_COLUMNS",
        metavar="NAME,...",
        callback=_column_names,
        help="The columns of CSV and TSV without a header.",
    ),
    click.option(
        "--field",
        "fields",
        envvar="UBCF_FIELDS",
        metavar="NAME=EXPRESSION",
        multiple=True,
        callback=_names_and_expressions,
        help="Where a field of an event is: user, track, time, timestamp, message, latency, "
        "recommendation or experiments. A field, a path such as context.user.id, or for the time "
        "an expression such as 'least(listened_s / duration_s, 1)'; may be given several times.",
    ),
    click.option(
        "--where",
        envvar="UBCF_WHERE",
        metavar="CONDITION",
        help="Leave out lines for which this is not true, or unknown, as with an empty field; such "
        "as \"page = 'NextSong'\".",
    ),
    click.option(
        "--since",
        envvar="UBCF_SINCE",
        metavar="DATE|DAYSd",
        help="Leave out events before a date (UTC), or before the last so many days of the logs, "
        "such as 30d.",
    ),
    click.option(
        "--ids",
        envvar="UBCF_IDS",
        type=click.Choice(ID_KINDS),
        default=AUTO,
        show_default=True,
        help="What ids are: whole numbers or texts; auto: what the logs have.",
    ),
    click.option(
        "--scale",
        envvar="UBCF_SCALE",
        metavar="FROM:TO",
        help="Times are ratings in this range, such as 1:5.  [default: fractions, 0:1]",
    ),
    click.option(
        "--repeats",
        envvar="UBCF_REPEATS",
        type=click.Choice(REPEATS),
        default=KEEP,
        show_default=True,
        help="Whether to keep or drop lines that are identical to an earlier one of any file, as "
        "in a second copy of the logs.",
    ),
)

catalog_fields_option = click.option(
    "--catalog-field",
    "catalog_fields",
    envvar="UBCF_CATALOG_FIELDS",
    metavar="NAME=FIELD",
    multiple=True,
    callback=_names_and_expressions,
    help="Where a field of the catalog is: track, artist, title, genre or pop; may be given "
    "several times.",
)

# The options of commands that read logs.
WORK_OPTIONS = (
    *LOG_FLAGS,
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


def narration_options(command: Function) -> Function:
    """Adds --quiet and --verbose to a command, which gets what they ask for as `narration`.

    What the command returns is its exit code; None is 0.
    """

    @wraps(command)
    def with_narration(*, quiet: bool, verbose: bool, **values: Any) -> None:
        from ubcf.commands.progress import Narration

        narration = Narration(quiet, verbose)
        settings = click.get_current_context().meta.get(SETTINGS_FILE)
        if settings is not None:
            narration.log(f"settings from {settings}")
        # A code of its own is a result too, such as that of a build that is not healthy.
        code = command(narration=narration, **values) or 0
        narration.log(f"done in {narration.seconds:.2f} s")
        if code:
            click.get_current_context().exit(code)

    return _with_options(cast(Function, with_narration), (quiet_flag, verbose_flag))


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves out the options of the model that were not given."""
    of_model = ("preset", *MODEL_OPTIONS)
    return {
        name: value for name, value in options.items() if value is not None or name not in of_model
    }
