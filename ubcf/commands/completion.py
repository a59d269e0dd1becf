"""Completion in the shell: what the arguments and options of the commands may be.

click completes commands, options and choices by itself. Here are the values: files and folders, by
what the help calls them, and names that the files of sql/ or a database have. Completion is silent
on any error: whoever presses Tab is in the middle of a line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem
from click.types import StringParamType

# Shells insert a name as it is: one that would need quotes is not offered, since it could be a
# command to run.
_PLAIN = re.compile(r"[\w.+@%/-]+")


class Names(StringParamType):
    """A text, completed from names that depend on what stands before it on the line."""

    def __init__(
        self, names: Callable[[click.Context], Iterable[str]], otherwise: str | None = None
    ) -> None:
        """otherwise: what the shell looks for if no name fits, file or dir."""
        self._names = names
        self._otherwise = otherwise

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """The names that begin with a text; none if something is wrong."""
        names: list[str] = []
        with suppress(Exception):
            names = [
                name
                for name in self._names(ctx)
                if name.startswith(incomplete) and _PLAIN.fullmatch(name)
            ]
        if not names and self._otherwise is not None:
            return [CompletionItem(incomplete, type=self._otherwise)]
        return [CompletionItem(name) for name in names]


def _analyses(context: click.Context) -> list[str]:
    """The named analyses, with those of the folder that --templates names."""
    from ubcf.database.templates import Templates

    overlay = context.params.get("templates")
    templates = Templates(None if overlay is None else Path(overlay))
    return [Path(name).stem for name in templates.names("analysis")]


def _templates(_context: click.Context) -> list[str]:
    from ubcf.database.overlays import template_names

    return template_names()


def _experiments(context: click.Context) -> list[str]:
    return sorted({experiment for experiment, _ in _treatments_by_experiment(context)})


def _treatments(context: click.Context) -> list[str]:
    """The treatments of the experiment that is named, or of all."""
    found = _treatments_by_experiment(context)
    # In a line that ends in an option without its value, click leaves arguments where they are.
    named = {context.params.get("name"), *context.args}
    of_named = [pair for pair in found if pair[0] in named]
    return sorted({treatment for _, treatment in of_named or found})


def _treatments_by_experiment(context: click.Context) -> list[tuple[str, str]]:
    """Experiments and treatments of the database that the line, or a setting, names."""
    from ubcf.database.reading import connect_closed
    from ubcf.database.session import Session

    with connect_closed(_database(context)) as connection:
        return [
            (experiment, treatment)
            for experiment, treatment in Session(connection).run(
                "analysis/questions/experiment_names.sql"
            )
        ]


def _database(context: click.Context) -> str:
    """The database of a command: click does not read the file of settings to complete a line."""
    from ubcf.commands.group import Commands

    root = context.find_root()
    given = context.get_parameter_source("database")
    if given is ParameterSource.DEFAULT and isinstance(root.command, Commands):
        root.command.read_settings(root, lenient=True)
        settings = (root.default_map or {}).get(context.info_name or "", {})
        return str(settings.get("database", context.params["database"]))
    return str(context.params["database"])


ANALYSIS = Names(_analyses)
EXPERIMENT = Names(_experiments)
TREATMENT = Names(_treatments)
TEMPLATE = Names(_templates, otherwise="dir")

FILE = Names(lambda _: (), otherwise="file")

# What the values of parameters are called in the help, of those whose values are completed alike.
_BY_METAVAR: dict[str, StringParamType] = {
    "DIR": Names(lambda _: (), otherwise="dir"),
    "FILE": FILE,
    "LOGS": FILE,
    "[LOGS]...": FILE,
    "NEW": FILE,
    "OLD": FILE,
    "PAIRS": FILE,
    "USER|random": Names(lambda _: ["random"]),
}


def complete_values(command: click.Command) -> None:
    """Lets the shell complete the values of a command, or of the commands of a group."""
    for parameter in command.params:
        completed = _BY_METAVAR.get(parameter.metavar or "")
        if completed is not None and parameter.type is click.STRING:
            parameter.type = completed
    if isinstance(command, click.Group):
        for each in command.commands.values():
            complete_values(each)
