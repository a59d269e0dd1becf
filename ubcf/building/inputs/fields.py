"""Where the fields of an event are in a line, as the templates of sql/staging/ need it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ubcf.building.inputs.log_options import EVENT_FIELDS, LogOptions
from ubcf.errors import OptionError

Path = tuple[str, ...]


@dataclass(frozen=True)
class Fields:
    """The fields that are read of a line.

    paths: where each of EVENT_FIELDS is, names from the outermost in. numbers, texts: further
    fields, of expressions, by the name of their column. time, where: SQL over these columns, or
    None. time_text: the expression of the time as it was given.
    """

    paths: dict[str, Path]
    numbers: dict[str, Path]
    texts: dict[str, Path]
    time: str | None = None
    time_text: str | None = None
    where: str | None = None

    @property
    def given(self) -> list[Path]:
        """The fields that options name."""
        own = [path for name, path in self.paths.items() if path != (name,)]
        return list(dict.fromkeys([*own, *self.numbers.values(), *self.texts.values()]))

    @property
    def are_usual(self) -> bool:
        """Whether the fields are those of the service's own logs, and no others are read."""
        usual = all(path == (name,) for name, path in self.paths.items())
        return usual and not (self.numbers or self.texts)

    @property
    def pointers(self) -> list[str]:
        """JSON pointers to all fields, in the order of paths, numbers and texts."""
        return [pointer(path) for path in self._all]

    @property
    def outermost(self) -> list[str]:
        """The outermost names of all fields, each once."""
        return list(dict.fromkeys(path[0] for path in self._all))

    @property
    def _all(self) -> list[Path]:
        return [*self.paths.values(), *self.numbers.values(), *self.texts.values()]


def pointer(path: Path) -> str:
    """A path as a JSON pointer (RFC 6901)."""
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in path)


def fields_of(options: LogOptions) -> Fields:
    """The fields that options name. Raises OptionError for one that is not of the language."""
    paths: dict[str, Path] = {name: (name,) for name in EVENT_FIELDS}
    if not (options.fields or options.where):
        return Fields(paths, {}, {})
    # Parsing expressions takes its time to load, which few builds need.
    from ubcf.building.inputs.expressions import (
        condition,
        expression,
        field_path,
        number_column,
        text_column,
    )

    time, where = None, None
    for name, text in options.fields.items():
        path = field_path(text)
        if path is not None:
            paths[name] = path
        elif name == "time":
            time = _named("field time", expression, text)
        else:
            raise OptionError(
                f"field {name} is {text!r}: only the time can be computed; it must be a field, "
                "such as id, or a path, such as context.user.id; a name with spaces or signs needs "
                "double quotes"
            )
    if options.where is not None:
        where = _named("where", condition, options.where)
    read = [each for each in (time, where) if each is not None]
    numbers = {number_column(path): path for each in read for path in each.numbers}
    texts = {text_column(path): path for each in read for path in each.texts}
    columns = [*numbers, *texts]
    if len({name.lower() for name in columns}) < len(columns):
        raise OptionError("the expressions have two fields whose names differ in capitals alone")
    return Fields(
        paths,
        numbers,
        texts,
        time=None if time is None else time.sql,
        time_text=None if time is None else time.text,
        where=None if where is None else where.sql,
    )


def catalog_pointers(options: LogOptions) -> dict[str, str]:
    """JSON pointers to the fields of a track that have a path of their own, by their names.

    Raises OptionError for one that is no field or path.
    """
    if not options.catalog_fields:
        return {}
    from ubcf.building.inputs.expressions import field_path

    pointers = {}
    for name, text in options.catalog_fields.items():
        path = field_path(text)
        if path is None:
            raise OptionError(f"catalog_field {name} is {text!r}; it must be a field or a path")
        pointers[name] = pointer(path)
    return pointers


def _named(option: str, parse: Callable[[str], Any], text: str) -> Any:
    """Parses an expression; an error names the option."""
    try:
        return parse(text)
    except OptionError as error:
        raise OptionError(f"{option}: {error}") from error
