"""Options are typed: type checkers and completion know them all, and a wrong one is one error."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_type_hints

import numpy as np
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

import ubcf
from tests.support.builds import build_in
from tests.support.logs import write_log
from tests.support.paths import PROJECT
from ubcf.analysis.options import CheckKeywords, Thresholds
from ubcf.building.inputs.log_options import LogKeywords, LogOptions
from ubcf.building.options import BuildKeywords, BuildOptions, WorkKeywords
from ubcf.errors import OptionError
from ubcf.evaluation.keywords import EvaluationKeywords
from ubcf.evaluation.options import EvaluationOptions
from ubcf.scoring.options import ModelKeywords, ModelOptions

# Fields of BuildOptions that hold other options, whose own fields are keyword arguments.
HOLDERS = {"model": ModelOptions, "logs": LogOptions}


def types_of(options: type) -> dict[str, Any]:
    """The types of the fields of a data class."""
    hints = get_type_hints(options)
    return {field.name: hints[field.name] for field in fields(options)}


def keywords_of(keywords: type) -> dict[str, Any]:
    return get_type_hints(keywords)


# No option is forgotten


def test_the_keywords_of_the_model_are_its_options_and_the_presets() -> None:
    keywords = keywords_of(ModelKeywords)
    assert keywords.pop("preset") is str
    # In words, no bound is "all".
    assert keywords == {**types_of(ModelOptions), "neighbors": int | Literal["all"] | None}


def test_the_keywords_of_logs_are_their_options() -> None:
    assert keywords_of(LogKeywords) == types_of(LogOptions)


def test_the_keywords_of_a_build_are_its_options_with_those_within() -> None:
    own = {name: kind for name, kind in types_of(BuildOptions).items() if name not in HOLDERS}
    assert {types_of(BuildOptions)[name] for name in HOLDERS} == set(HOLDERS.values())
    assert keywords_of(BuildKeywords) == {
        **own,
        **keywords_of(LogKeywords),
        **keywords_of(ModelKeywords),
    }


def test_the_keywords_of_an_evaluation_are_its_options_and_those_of_reading_logs() -> None:
    assert keywords_of(EvaluationKeywords) == {
        **types_of(EvaluationOptions),
        **keywords_of(LogKeywords),
        **keywords_of(WorkKeywords),
    }


def test_the_keywords_of_a_check_are_its_thresholds() -> None:
    assert keywords_of(CheckKeywords) == types_of(Thresholds)


@pytest.mark.parametrize(
    ("function", "keywords", "options"),
    [
        (ubcf.check, CheckKeywords, (Thresholds,)),
        (ubcf.build, BuildKeywords, (BuildOptions, ModelOptions, LogOptions)),
        (ubcf.evaluate, EvaluationKeywords, (EvaluationOptions, BuildOptions, LogOptions)),
    ],
)
def test_the_signature_shows_each_option_with_its_default(
    function: Any, keywords: type, options: tuple[type, ...]
) -> None:
    defaults: dict[str, Any] = {"preset": "notebook"}
    for each in reversed(options):
        defaults.update({field.name: getattr(each(), field.name) for field in fields(each)})
    shown = inspect.signature(function).parameters
    for name in keywords_of(keywords):
        assert shown[name].default == defaults[name], name


# Type checkers


@pytest.mark.slow
def test_mypy_refuses_the_wrong_calls_and_no_other() -> None:
    file = Path(__file__).with_name("typed_calls.py")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", file],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    refused = {int(line) for line in re.findall(r"typed_calls\.py:(\d+): error", done.stdout)}
    lines = file.read_text(encoding="utf-8").splitlines()
    wrong = {number for number, line in enumerate(lines, start=1) if "# wrong" in line}
    assert wrong
    assert refused == wrong, done.stdout + done.stderr


# Completion in IPython and Jupyter, which share the completer


@pytest.fixture(scope="module")
def shell() -> InteractiveShell:
    shell = InteractiveShell.instance()
    shell.user_ns["ubcf"] = ubcf
    return shell


def completed(shell: InteractiveShell, text: str, *, jedi: bool) -> set[str]:
    """What the completer of IPython offers at the end of a text."""
    shell.Completer.use_jedi = jedi
    with provisionalcompleter():
        return {found.text.lstrip(".") for found in shell.Completer.completions(text, len(text))}


@pytest.mark.parametrize("jedi", [True, False])
def test_completion_finds_every_public_function(shell: InteractiveShell, jedi: bool) -> None:
    public = {name for name in ubcf.__all__ if not name.startswith("_")}
    assert completed(shell, "ubcf.", jedi=jedi) >= public
    assert completed(shell, "ubcf.bui", jedi=jedi) == {"build"}


@pytest.mark.parametrize("jedi", [True, False])
@pytest.mark.parametrize(
    ("text", "option"),
    [
        ('ubcf.build("data", to', "top="),
        ("ubcf.build(frame, fie", "fields="),
        ("ubcf.build(shri", "shrinkage="),
        ("ubcf.build(databa", "database="),
        ("ubcf.evaluate(test_s", "test_share="),
        ("ubcf.check(con, max_fil", "max_filler="),
    ],
)
def test_completion_finds_options(
    shell: InteractiveShell, text: str, option: str, jedi: bool
) -> None:
    assert option in completed(shell, text, jedi=jedi)


@pytest.mark.parametrize("function", ["build", "check", "evaluate"])
def test_completion_lists_all_options(shell: InteractiveShell, function: str) -> None:
    options = inspect.signature(getattr(ubcf, function)).parameters
    assert completed(shell, f"ubcf.{function}(", jedi=True) >= {f"{name}=" for name in options}


# When called


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tpo": 50}, "build has no option 'tpo'; did you mean 'top'?"),
        ({"databse": "a"}, "build has no option 'databse'; did you mean 'database'?"),
        ({"quite_unlike": 1}, "build has no option 'quite_unlike'"),
        ({"top": "x"}, "top is 'x'; it must be a whole number"),
        ({"top": True}, "top is True; it must be a whole number"),
        ({"shrinkage": "1"}, "shrinkage is '1'; it must be a number"),
        ({"exclude_heard": "no"}, "exclude_heard is 'no'; it must be True or False"),
        ({"neighbors": "most"}, "neighbors is 'most'; it must be a whole number or 'all'"),
        ({"threads": 1.5}, "threads is 1.5; it must be a whole number"),
        ({"memory_limit": b"1"}, "memory_limit is b'1'; it must be a whole number or a text"),
        ({"templates": 5}, "templates is 5; it must be a text or a path"),
        ({"fields": "user"}, "fields is 'user'; it must be a dictionary"),
        ({"columns": 5}, "columns is 5; it must be a list"),
        (
            {"input_format": "xml"},
            "input_format is 'xml'; it must be one of json, array, csv, tsv, parquet",
        ),
    ],
)
def test_a_wrong_option_is_one_clear_error(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as error:
        ubcf.build("nowhere", **options)
    assert str(error.value) == message


def test_an_evaluation_names_the_nearest_option_too() -> None:
    options: dict[str, Any] = {"test_shar": 0.2}
    with pytest.raises(OptionError) as error:
        ubcf.evaluate("nowhere", **options)
    assert str(error.value) == "evaluate has no option 'test_shar'; did you mean 'test_share'?"


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    log = write_log(tmp_path / "data.json", [(1, 10, 0.5), (1, 11, 0.2), (2, 10, 0.4)])
    built = build_in(
        tmp_path, log, top=np.int64(1), offset=np.float32(0.25), exclude_heard=np.bool_(True)
    )
    options = built.summary.options
    assert (options["top"], options["offset"], options["exclude_heard"]) == (1, 0.25, True)
