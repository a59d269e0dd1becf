"""The public functions of ubcf are listed and documented; former names lead to the new ones."""

from __future__ import annotations

import inspect
import pydoc
from pathlib import Path

import pytest

import ubcf
from tests.support.builds import Built
from tests.support.commands import run_ubcf
from tests.support.logs import write_log
from ubcf.errors import OptionError, UbcfError

FUNCTIONS = [name for name in ubcf.__all__ if inspect.isfunction(getattr(ubcf, name))]


def test_dir_lists_the_public_names_and_no_other() -> None:
    assert dir(ubcf) == ubcf.__all__


@pytest.mark.parametrize("name", ubcf.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(ubcf, name).__doc__


def test_the_public_functions_are_these() -> None:
    assert FUNCTIONS == [
        "analyses",
        "build",
        "check",
        "connect",
        "diff",
        "evaluate",
        "experiment",
        "explain",
        "inspect_track",
        "inspect_user",
        "predict",
        "query",
        "recommend",
        "report",
        "simulate",
    ]


def test_help_shows_every_public_function() -> None:
    text = pydoc.plain(pydoc.render_doc(ubcf))
    functions = text.split("\nFUNCTIONS\n")[1]
    for name in FUNCTIONS:
        assert f"\n    {name}(" in f"\n{functions}"


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        ubcf.nonsense  # noqa: B018


# Names of version 0.1


def test_the_former_function_analysis_names_query(sample: Built) -> None:
    with ubcf.connect(sample.database) as connection, pytest.raises(UbcfError) as error:
        getattr(ubcf, "analysis")(connection, "coverage")  # noqa: B009
    assert "ubcf.query" in str(error.value)
    assert "\n" not in str(error.value)


FORMER_PLANS = pytest.mark.parametrize(
    ("former", "plan"), [("left", "similarities"), ("right", "products")]
)


@FORMER_PLANS
@pytest.mark.parametrize("where", ["option", "variable"])
def test_a_former_plan_is_refused_in_one_line_with_its_new_name(
    former: str, plan: str, where: str, tmp_path: Path
) -> None:
    write_log(tmp_path / "data" / "data.json", [(1, 10, 0.5)])
    if where == "option":
        done = run_ubcf("build", "--plan", former, cwd=tmp_path)
    else:
        done = run_ubcf("build", cwd=tmp_path, environment={"UBCF_BUILD_PLAN": former})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ubcf: error: ")
    assert done.stderr.count("\n") == 1
    assert f"'{plan}'" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@FORMER_PLANS
def test_a_former_plan_is_refused_in_python_too(former: str, plan: str, tmp_path: Path) -> None:
    log = write_log(tmp_path / "data.json", [(1, 10, 0.5)])
    with pytest.raises(OptionError, match=f"'{plan}'"):
        ubcf.build(log, database=tmp_path / "a.duckdb", output=tmp_path / "a.json", plan=former)
