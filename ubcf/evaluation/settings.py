"""Settings of the model as text, such as 'listening,neighbors=50', and grids of them."""

from __future__ import annotations

from dataclasses import fields
from itertools import product
from typing import get_args, get_type_hints

from ubcf.errors import OptionError
from ubcf.scoring.options import ALL, MODEL_OPTIONS, ModelOptions, model_options

# The options whose values are names, true or false, and whole numbers; the values of all others are
# fractions.
NAMES = tuple(option.name for option in fields(ModelOptions) if option.metadata["choices"])
SWITCHES = tuple(name for name, kind in get_type_hints(ModelOptions).items() if kind is bool)
WHOLE_NUMBERS = tuple(
    name for name, kind in get_type_hints(ModelOptions).items() if int in (kind, *get_args(kind))
)


def parse_setting(text: str) -> tuple[str, ModelOptions]:
    """The name of a setting, which is its text without spaces, and its options.

    text: comma-separated; a preset, options as name=value, or both. Raises OptionError for an
    unknown preset or option, or a value out of its bounds.
    """
    terms = [term.strip().replace(" ", "") for term in text.split(",")]
    preset = "notebook"
    chosen = {}
    for term in terms:
        name, equals, value = term.partition("=")
        if not equals or name == "preset":
            preset = value if equals else name
        else:
            name = name.replace("-", "_")
            chosen[name] = _value(name, value)
    return ",".join(terms), model_options(preset, **chosen)


def parse_grid(text: str, base: str) -> list[str]:
    """The settings of a grid such as 'neighbors=20,all;offset=0,0.25': all combinations.

    base: the setting whose options they replace. Raises OptionError when an axis of the grid is
    not name=value,value, and as parse_setting does.
    """
    axes = []
    for axis in text.split(";"):
        name, equals, values = axis.partition("=")
        if not equals or not values.strip():
            raise OptionError(f"tune has {axis.strip()!r}; it must be name=value,value")
        axes.append([f"{name.strip()}={value.strip()}" for value in values.split(",")])
    settings = [",".join([base, *combination]) for combination in product(*axes)]
    for setting in settings:
        parse_setting(setting)
    return settings


def _value(name: str, text: str) -> bool | int | float | str:
    """The value of an option of the model. Raises OptionError for an unknown option or no value."""
    if name not in MODEL_OPTIONS:
        raise OptionError(f"no option {name!r}; there are preset, {', '.join(MODEL_OPTIONS)}")
    if name in NAMES or (name == "neighbors" and text == ALL):
        return text
    if name in SWITCHES:
        if text not in ("true", "false"):
            raise OptionError(f"{name} is {text!r}; it must be true or false")
        return text == "true"
    try:
        return int(text) if name in WHOLE_NUMBERS else float(text)
    except ValueError as error:
        kind = "a whole number" if name in WHOLE_NUMBERS else "a number"
        raise OptionError(f"{name} is {text!r}; it must be {kind}") from error
