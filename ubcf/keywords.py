"""Options as keyword arguments: typed for type checkers, listed by completion, checked when called.

A function that takes `**options: Unpack[Keywords]`, where Keywords is a TypedDict, gets a signature
in which each option is a keyword argument with its type and default.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from functools import wraps
from numbers import Integral, Real
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ubcf.errors import OptionError, did_you_mean

Function = TypeVar("Function", bound=Callable[..., Any])

# What an option may be, in words, by its type.
WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    str: "a text",
    os.PathLike: "a path",
    Mapping: "a dictionary",
    Sequence: "a list",
}


def with_options(keywords: type, *options: type, **defaults: Any) -> Callable[[Function], Function]:
    """Makes a function list the options of a TypedDict in its signature, and check those given.

    options: the data classes that have the defaults; defaults: those of further options.
    The function raises OptionError for an unknown option, with the nearest name, and for a value
    that is not of the option's type; numbers of numpy are taken for those of Python.
    """

    def decorated(function: Function) -> Function:
        kinds = get_type_hints(keywords)
        of_classes = {field.name: _default(field) for each in options for field in fields(each)}
        signature = _signature(function, kinds, {**of_classes, **defaults})

        @wraps(function)
        def checked(*args: Any, **given: Any) -> Any:
            for name in given:
                if name not in signature.parameters:
                    similar = did_you_mean(name, signature.parameters)
                    raise OptionError(f"{function.__name__} has no option {name!r}{similar}")
            return function(
                *args,
                **{
                    name: _checked(name, value, kinds[name]) if name in kinds else value
                    for name, value in given.items()
                },
            )

        checked.__signature__ = signature  # type: ignore[attr-defined]
        return checked  # type: ignore[return-value]

    return decorated


def _signature(
    function: Callable[..., Any], kinds: Mapping[str, Any], defaults: Mapping[str, Any]
) -> inspect.Signature:
    """The signature of a function with an option for each of `kinds` in place of `**options`."""
    written = inspect.signature(function)
    own = [
        parameter
        for parameter in written.parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    added = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=defaults[name], annotation=kind
        )
        for name, kind in kinds.items()
    ]
    return written.replace(parameters=[*own, *added])


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _checked(name: str, value: Any, kind: Any) -> Any:
    """The value of an option. Raises OptionError if it is not of the type `kind`."""
    union = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    kinds = [get_origin(each) or each for each in union]
    choices = [text for each in union if get_origin(each) is Literal for text in get_args(each)]
    if (value is None and type(None) in kinds) or (isinstance(value, str) and value in choices):
        return value
    if bool in kinds and type(value).__name__ in ("bool", "bool_"):
        return bool(value)
    if not isinstance(value, bool):
        if int in kinds and isinstance(value, Integral):
            return int(value)
        if float in kinds and isinstance(value, Real):
            return value if isinstance(value, int) else float(value)
        others = tuple(each for each in kinds if each in (str, os.PathLike, Mapping, Sequence))
        if isinstance(value, others):
            return value
    words = [WORDS[each] for each in kinds if each in WORDS]
    if choices:
        words.append(f"one of {', '.join(choices)}" if choices[1:] else repr(choices[0]))
    raise OptionError(f"{name} is {value!r}; it must be {' or '.join(words)}")
