"""Settings of the model written as texts: 'listening,neighbors=50', and grids of them."""

from __future__ import annotations

from itertools import product

from ubcf.errors import OptionError
from ubcf.scoring.options import ALL, MODEL_OPTIONS, ModelOptions, model_options

# Options that are not fractions.
WHOLE = ("neighbors", "min_common")
TEXTS = ("centering", "similarity")


def parse_setting(text: str) -> tuple[str, ModelOptions]:
    """The name of a setting, and its options: a preset, options as name=value, or both.

    Raises OptionError for what is neither, or makes no sense.
    """
    parts = [part.strip().replace(" ", "") for part in text.split(",")]
    preset = "notebook"
    chosen = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals or name == "preset":
            preset = value if equals else name
        else:
            name = name.replace("-", "_")
            chosen[name] = _value(name, value)
    return ",".join(parts), model_options(preset, **chosen)


def parse_grid(text: str, base: str) -> list[str]:
    """The settings of a grid such as 'neighbors=20,all;offset=0,0.25', each laid over `base`.

    Raises OptionError when a part is not name=value,value or a value makes no sense.
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


def _value(name: str, text: str) -> int | float | str:
    if name not in MODEL_OPTIONS:
        raise OptionError(f"no option {name!r}; there are preset, {', '.join(MODEL_OPTIONS)}")
    if name in TEXTS or (name == "neighbors" and text == ALL):
        return text
    try:
        return int(text) if name in WHOLE else float(text)
    except ValueError as error:
        kind = "a whole number" if name in WHOLE else "a number"
        raise OptionError(f"{name} is {text!r}; it must be {kind}") from error
