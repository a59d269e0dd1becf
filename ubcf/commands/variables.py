"""The environment variables of the options, such as UBCF_BUILD_TOP."""

from __future__ import annotations

import os
from types import MethodType

import click

PREFIX = "UBCF"

# The variable of the option --config of all commands.
CONFIG = f"{PREFIX}_CONFIG"

# The file of settings, if --config names no other.
SETTINGS_NAME = "ubcf.toml"

# Where the context of a command has the name of the file of settings that was read.
SETTINGS_FILE = "ubcf.settings_file"


def key_of(parameter: click.Parameter) -> str:
    """The name of a parameter for people: the longest form of an option, without hyphens before it.

    click would take the name of the argument of the function.
    """
    if isinstance(parameter, click.Option):
        return max(parameter.opts, key=len).lstrip("-")
    return str(parameter.name)


def variables_of(parameter: click.Parameter) -> tuple[str, ...]:
    """The variables that set a parameter, that of its command alone first."""
    found = parameter.envvar
    return (found,) if isinstance(found, str) else tuple(found or ())


def variable_given(parameter: click.Parameter) -> str:
    """The variable that has the value of a parameter whose source is the environment."""
    return next(name for name in variables_of(parameter) if os.environ.get(name))


def name_variables(command: click.Command, prefix: str = PREFIX) -> None:
    """Gives each option of a command, or of the commands of a group, its variable.

    An option that declares a variable, such as UBCF_DATABASE, shares it with other commands; its
    own one is asked first. An argument has variables only if it declares one.
    """
    start = f"{prefix}_{command.name}"
    if isinstance(command, click.Group):
        for each in command.commands.values():
            name_variables(each, start)
        return
    for parameter in command.params:
        if not isinstance(parameter, click.Option) and parameter.envvar is None:
            continue
        own = f"{start}_{key_of(parameter)}".replace("-", "_").upper()
        parameter.envvar = [own, *variables_of(parameter)]
        if takes_several(parameter):
            # click would split at spaces, which expressions and paths have.
            parameter.value_from_envvar = MethodType(_lines, parameter)  # type: ignore[method-assign]


def takes_several(parameter: click.Parameter) -> bool:
    """Whether a parameter may be given several times."""
    return parameter.multiple or parameter.nargs == -1


def _lines(parameter: click.Parameter, context: click.Context) -> list[str] | None:
    """The values in the variable of a parameter, one a line; None if it is not set."""
    text = parameter.resolve_envvar_value(context)
    lines = (text or "").splitlines()
    return [line.strip() for line in lines if line.strip()] or None
