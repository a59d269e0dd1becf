"""The modules of the commands, each loaded when its command is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module

import click

from ubcf.commands.completion import complete_values
from ubcf.commands.variables import name_variables


class CommandModules(Mapping[str, click.Command]):
    """Commands by name, each of the module of its name, which is imported when it is asked for.

    Who runs one command does not wait for the others.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._loaded:
            command: click.Command = getattr(import_module(f"ubcf.commands.{name}"), name)
            name_variables(command)
            complete_values(command)
            self._loaded[name] = command
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
