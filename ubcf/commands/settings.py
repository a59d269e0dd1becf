"""ubcf.toml: the options of all commands in one file."""

from __future__ import annotations

import difflib
import glob
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click

from ubcf.commands.variables import PREFIX, key_of, takes_several, variables_of
from ubcf.errors import OptionError, UbcfError
from ubcf.remote import is_remote

# What the values of an option are called in its help, if they are files or folders.
PLACES = ("DIR", "FILE", "LOGS", "[LOGS]...")


def read_settings(path: str, group: click.Group) -> dict[str, Any]:
    """Reads a file of settings: by the names of commands and parameters, as click's default_map.

    Every value is checked, also of commands that do not run. Raises OptionError, which names the
    file and the key.
    """
    content = _parsed(path)
    file = _File(path, _folder_of(path))
    shared = _shared_parameters(group)
    settings: dict[str, Any] = {}
    tables: dict[str, Any] = {}
    for key, value in file.by_name(content, "").items():
        if key in group.commands:
            tables[key] = value
        elif key in shared:
            for commands, command, parameter in shared[key]:
                _inner(settings, commands)[parameter.name] = file.value(
                    key, "", value, command, parameter
                )
        else:
            raise file.unknown(key, "", value, [*shared, *group.commands])
    _read_tables(file, tables, group, settings, "")
    return settings


def _read_tables(
    file: _File,
    tables: Mapping[str, Any],
    group: click.Group,
    settings: dict[str, Any],
    outer: str,
) -> None:
    """Adds the tables of the commands of a group to the settings. outer: the name of its table."""
    for name, content in tables.items():
        command = group.commands.get(name)
        table = f"{outer}.{name}" if outer else name
        if command is None:
            raise file.unknown(name, outer, content, group.commands)
        if not isinstance(content, dict):
            raise file.error(name, outer, f"{name} is a command: a table is needed, [{table}]")
        keys = file.by_name(content, table)
        inner = settings.setdefault(name, {})
        if isinstance(command, click.Group):
            _read_tables(file, keys, command, inner, table)
            continue
        parameters = {key_of(each): each for each in command.params if variables_of(each)}
        for key, value in keys.items():
            if key not in parameters:
                raise file.unknown(key, table, value, parameters)
            parameter = parameters[key]
            inner[parameter.name] = file.value(key, table, value, command, parameter)


def _shared_parameters(
    group: click.Group,
) -> dict[str, list[tuple[tuple[str, ...], click.Command, click.Parameter]]]:
    """The keys outside of tables: what each sets, for all commands that share the variable.

    UBCF_INPUT_FORMAT is the key input-format.
    """
    found: dict[str, list[tuple[tuple[str, ...], click.Command, click.Parameter]]] = {}
    for names, command in _commands_below(group):
        for parameter in command.params:
            for variable in variables_of(parameter)[1:]:
                key = variable.removeprefix(f"{PREFIX}_").replace("_", "-").lower()
                found.setdefault(key, []).append((names, command, parameter))
    return found


def _commands_below(
    group: click.Group,
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """The commands of a group and of groups in it, each with its names below the group."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from (((name, *names), each) for names, each in _commands_below(command))
        else:
            yield (name,), command


def _inner(settings: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The settings of a command."""
    for name in names:
        settings = settings.setdefault(name, {})
    return settings


def _parsed(path: str) -> dict[str, Any]:
    """The content of a TOML file. Raises OptionError."""
    if not path:
        raise OptionError("--config is empty, where a file is needed")
    try:
        return tomllib.loads(Path(path).read_bytes().decode("utf-8-sig"))
    except IsADirectoryError as error:
        raise OptionError(f"{path}: a folder, where a file of settings is expected") from error
    except OSError as error:
        raise OptionError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise OptionError(f"{path}: not UTF-8, from byte {error.start + 1}") from error
    except ValueError as error:
        raise OptionError(f"{path}: not TOML: {error}") from error
    except RecursionError as error:
        raise OptionError(f"{path}: not read: its arrays are nested too deeply") from error


def _folder_of(path: str) -> Path:
    """The folder that paths in a file of settings are relative to; of a pipe, the current one."""
    return Path(path).parent if Path(path).is_file() else Path()


@dataclass(frozen=True)
class _File:
    """A file of settings, and the folder that the paths in it are relative to."""

    path: str
    folder: Path

    def error(self, key: str, table: str, reason: str) -> OptionError:
        """The error about a key of a table; the table '' is the whole file."""
        where = f"{key} of [{table}]" if table else key
        return OptionError(f"{self.path}: {where}: {reason}")

    def unknown(self, key: str, table: str, value: Any, known: Iterable[str]) -> OptionError:
        """The error about a key that is not there, with the nearest name."""
        (nearest,) = difflib.get_close_matches(key, list(known), 1, 0) or ["none"]
        kind = "table" if isinstance(value, dict) else "key"
        place = f" in [{table}]" if table else ""
        return OptionError(f"{self.path}: unknown {kind} {key!r}{place}; nearest: {nearest}")

    def by_name(self, content: Mapping[str, Any], table: str) -> dict[str, Any]:
        """A table with hyphens for the underscores of its keys."""
        found: dict[str, Any] = {}
        for key, value in content.items():
            name = key.replace("_", "-")
            if name in found:
                raise self.error(key, table, "given twice, with a hyphen and an underscore")
            found[name] = value
        return found

    def value(
        self,
        key: str,
        table: str,
        value: Any,
        command: click.Command,
        parameter: click.Parameter,
    ) -> Any:
        """The value of a key, as a parameter takes it. Raises OptionError for a wrong one."""
        try:
            given = _as_given(parameter, value)
            if isinstance(parameter.type, click.Path) or parameter.metavar in PLACES:
                given = _each(given, lambda text: _located(text, self.folder))
            parameter.process_value(click.Context(command), given)
        except (click.UsageError, UbcfError) as error:
            reason = error.message if isinstance(error, click.UsageError) else str(error)
            raise self.error(key, table, reason.rstrip(".")) from error
        return given


def _located(text: str, folder: Path) -> str:
    """A path in a file of settings as it is from the current folder; a URL, or - for stdin."""
    if not text:
        raise click.BadParameter("an empty text, where a file or a folder is needed")
    if text == "-" or is_remote(text):
        return text
    if text.startswith("~/"):
        return str(Path(text).expanduser())
    if folder == Path():
        return text
    if any(character in text for character in "*?["):
        return str(Path(glob.escape(str(folder)), text))
    return str(folder / text)


def _each(given: Any, change: Callable[[str], str]) -> Any:
    """Applies a function to a text, or to each of a list."""
    return [change(each) for each in given] if isinstance(given, list) else change(given)


def _as_given(parameter: click.Parameter, value: Any) -> Any:
    """A value of TOML as the command line gives it. Raises BadParameter for a wrong type.

    Several values are an array. NAME=VALUE may be a table; NAME,... an array, or a table if the
    names have values.
    """
    form = parameter.metavar or ""
    in_one_text = form.endswith(",...")
    if not takes_several(parameter):
        return _in_one_text(form, value) if in_one_text else _single(parameter, value)
    if isinstance(value, dict) and "=" in form and not in_one_text:
        return _pairs(value)
    values = value if isinstance(value, list) else [value]
    if in_one_text:
        return [_in_one_text(form, each) for each in values]
    return [_text(each) for each in values]


def _in_one_text(form: str, value: Any) -> str:
    """Values that an option takes in one text, with commas between them."""
    texts = _pairs(value) if isinstance(value, dict) and "=" in form else value
    if not isinstance(texts, list):
        return _text(value)
    texts = [_text(each) for each in texts]
    for text in texts:
        if "," in text:
            raise click.BadParameter(f"{text!r} has a comma, which would make two of it")
    return ",".join(texts)


def _pairs(table: Mapping[str, Any]) -> list[str]:
    """The lines of a table as NAME=VALUE."""
    for name in table:
        if "=" in name:
            raise click.BadParameter(f"{name!r} is no name")
    return [f"{name}={_text(value)}" for name, value in table.items()]


def _text(value: Any) -> str:
    """A text, number or date as a text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, str | int | float):
        raise click.BadParameter(f"{_kind(value)}, where a text or a number is needed")
    if "\0" in str(value):
        raise click.BadParameter("a text with a NUL character")
    return str(value)


def _single(parameter: click.Parameter, value: Any) -> Any:
    """The one value of an option, if it has a type that the option takes."""
    wanted: tuple[str, Any] = "a text", str
    if isinstance(parameter.type, click.types.BoolParamType):
        wanted = "true or false", bool
    elif isinstance(parameter.type, click.types.IntParamType):
        wanted = "a whole number", int
    elif isinstance(parameter.type, click.types.FloatParamType):
        wanted = "a number", int | float
    elif "DATE" in (parameter.metavar or "") and isinstance(value, date):
        return _text(value)
    elif not isinstance(
        parameter.type, click.types.StringParamType | click.Choice | click.Path
    ):  # one of ours, such as a number or 'all'
        wanted = "a text or a number", str | int | float
    words, kinds = wanted
    if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
        raise click.BadParameter(f"{_kind(value)}, where {words} is needed")
    return _text(value) if isinstance(value, str) else value


def _kind(value: Any) -> str:
    """What a value of TOML is, in words, and the value if it is short."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, bool):
        return str(value).lower()
    return f"the text {value!r}" if isinstance(value, str) else str(value)
