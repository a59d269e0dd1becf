"""The group of all commands: it reads the file of settings before one of them runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click
from click.core import ParameterSource

from ubcf.commands.variables import SETTINGS_FILE, SETTINGS_NAME, variable_given
from ubcf.errors import OptionError


class Commands(click.Group):
    """Commands whose options a file of settings sets, unless something nearer does."""

    def __init__(
        self, *, loaded: Mapping[str, click.Command], summaries: Mapping[str, str], **given: Any
    ) -> None:
        """loaded: the commands by name. summaries: the first sentence of the help of each.

        given: what click.Group takes.
        """
        super().__init__(**given)
        self.commands: Mapping[str, click.Command] = loaded  # type: ignore[assignment]
        self.summaries = summaries

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Writes the list of the commands as click does, but loads none of them."""
        room = formatter.width - 6 - max(map(len, self.summaries))
        rows = [
            (name, click.Command(name, help=summary).get_short_help_str(room))
            for name, summary in sorted(self.summaries.items())
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command. Raises OptionError for an error in the file, or in a variable."""
        # An error in the file must not keep the help from people who look for what is right.
        asks_help = any(name in ctx.args for name in ctx.help_option_names)
        self.read_settings(ctx, lenient=asks_help)
        try:
            return super().invoke(ctx)
        except click.BadParameter as error:
            _name_variable(error)
            raise

    def read_settings(self, context: click.Context, *, lenient: bool) -> None:
        """Reads the file of settings, if there is one. lenient: with an error it sets nothing."""
        path = context.params["config"]
        if path is None:
            if not os.path.lexists(SETTINGS_NAME):
                return
            path = SETTINGS_NAME
        from ubcf.commands.settings import read_settings

        context.meta[SETTINGS_FILE] = path
        try:
            context.default_map = read_settings(path, self)
        except OptionError:
            if not lenient:
                raise


def _name_variable(error: click.BadParameter) -> None:
    """Raises OptionError, which names the variable, for an error in the value of one."""
    context, parameter = error.ctx, error.param
    if context is None or parameter is None or parameter.name is None:
        return
    if context.get_parameter_source(parameter.name) is ParameterSource.ENVIRONMENT:
        reason = error.message.rstrip(".")
        raise OptionError(f"{variable_given(parameter)}: {reason}") from error
