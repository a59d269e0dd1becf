"""ubcf config."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import click
from click.core import ParameterSource

from ubcf.commands.options import format_option
from ubcf.commands.variables import (
    CONFIG,
    PREFIX,
    SETTINGS_FILE,
    SETTINGS_NAME,
    key_of,
    variable_given,
    variables_of,
)


class Setting(NamedTuple):
    """An option of a command, its value and where that comes from."""

    command: str
    option: str
    value: str | None
    source: str


@click.command(
    epilog="""\b
Examples:
  ubcf config build
  ubcf config --given
  ubcf config build -- --top 50 --preset listening"""
)
@click.argument("words", nargs=-1, metavar="[COMMAND] [-- ARGUMENTS]")
@click.option("--given", is_flag=True, help="Leave out the options that have their defaults.")
@format_option
@click.pass_context
def config(context: click.Context, words: tuple[str, ...], given: bool, form: str) -> None:
    """Show the options of COMMAND, or of all commands, and where each value comes from.

    The source is 'command line', an environment variable, the file of settings or 'default'; each
    overrides those after it. With ARGUMENTS, the options are those of a COMMAND that runs with
    them; it does not run. Options without a value are left to the command.
    """
    from ubcf.errors import printable

    path = context.meta.get(SETTINGS_FILE)
    root = context.find_root()
    found = list(_settings(root, words, path))
    shown = [each for each in found if not given or each.source != "default"]
    settings = path or f"no {SETTINGS_NAME} in this folder"
    click.echo(printable(f"settings: {settings}"), err=True)
    for name, nearest in _unknown_variables(root):
        reason = f"{name} is no variable of ubcf; nearest: {nearest}"
        click.echo(printable(f"ubcf: warning: {reason}"), err=True)
    _print(shown, form)


def _settings(root: click.Context, words: Sequence[str], path: str | None) -> Iterator[Setting]:
    """The options of the command that words begin with, or of all commands.

    path: the file of settings. Raises UsageError for words that are no command with its arguments.
    """
    context, arguments = root, list(words)
    while arguments and isinstance(context.command, click.Group):
        name, command, arguments = context.command.resolve_command(context, arguments)
        assert command is not None
        context = click.Context(command, parent=context, info_name=name)
    if isinstance(context.command, click.Group):
        for deeper in _commands_below(context):
            yield from _of_command(deeper, [], path)
    else:
        yield from _of_command(context, arguments, path)


def _commands_below(context: click.Context) -> Iterator[click.Context]:
    """Contexts of all commands of a group, and of groups in it."""
    assert isinstance(context.command, click.Group)
    for name, command in sorted(context.command.commands.items()):
        inner = click.Context(command, parent=context, info_name=name)
        if isinstance(command, click.Group):
            yield from _commands_below(inner)
        else:
            yield inner


def _of_command(
    context: click.Context, arguments: list[str], path: str | None
) -> Iterator[Setting]:
    """The options of a command that is given these arguments."""
    command = context.command
    name = context.command_path.partition(" ")[2]
    given, rest, _ = command.make_parser(context).parse_args(args=arguments)
    if rest:
        context.fail(f"Got unexpected extra arguments ({' '.join(rest)})")
    for parameter in command.params:
        missing = False
        try:
            parameter.handle_parse_result(context, given, rest)
        except click.MissingParameter:
            missing = True
        value, source = parameter.consume_value(context, given)
        is_absent = missing or value is None or parameter.value_is_missing(value)
        if is_absent and not variables_of(parameter):
            continue  # an argument that is given on the command line alone
        text = None if is_absent else _as_text(parameter.type_cast_value(context, value))
        yield Setting(name, key_of(parameter), text, _in_words(source, parameter, path))


def _in_words(source: ParameterSource, parameter: click.Parameter, path: str | None) -> str:
    """Where a value comes from: a file and a variable by their names."""
    if source is ParameterSource.COMMANDLINE:
        return "command line"
    if source is ParameterSource.ENVIRONMENT:
        return variable_given(parameter)
    return str(path) if source is ParameterSource.DEFAULT_MAP else "default"


def _as_text(value: Any) -> str | None:
    """A value as it would be written: several as an array, URLs without their secrets."""
    import json

    from ubcf.remote import shown

    if isinstance(value, list | tuple):
        return json.dumps([_as_text(each) for each in value], ensure_ascii=False) if value else None
    return str(value).lower() if isinstance(value, bool) else shown(str(value))


def _unknown_variables(root: click.Context) -> Iterator[tuple[str, str]]:
    """Variables that are named like ours but that nothing reads, each with the nearest of ours."""
    from difflib import get_close_matches

    known = {CONFIG} | {
        variable
        for context in _commands_below(root)
        for parameter in context.command.params
        for variable in variables_of(parameter)
    }
    for name in sorted(set(os.environ) - known):
        if name.startswith(f"{PREFIX}_"):
            yield name, get_close_matches(name, known, 1, 0)[0]


def _print(settings: Sequence[Setting], form: str) -> None:
    """Writes a row for each setting to stdout."""
    import duckdb

    from ubcf.commands.rows import print_rows
    from ubcf.database.session import literal

    columns = {
        name: literal([setting[number] for setting in settings])
        for number, name in enumerate(Setting._fields)
    }
    listed = ", ".join(f"unnest({values}::varchar[]) as {name}" for name, values in columns.items())
    with duckdb.connect() as connection:
        print_rows(connection, connection.sql(f"select {listed}"), form)
