"""The README keeps its word: its commands run as shown, its options are the real ones."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import click
import pytest

from tests.support.commands import run_ubcf
from tests.support.paths import PROJECT
from ubcf.commands import ubcf

README = (PROJECT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT / "data", tmp_path / "data")
    return tmp_path


def test_the_transcripts_are_what_the_commands_print(place: Path) -> None:
    """All in their order, in one folder; '...' stands for lines that are not shown."""
    steps = [step for block in blocks("console") for step in re.split(r"^\$ ", block, flags=re.M)]
    shown = [step.splitlines() for step in steps if step]
    assert len(shown) >= 10
    for command, *expected in shown:
        program, *arguments = shlex.split(command)
        assert program == "ubcf"
        done = run_ubcf(*arguments, cwd=place)
        assert done.returncode == 0, command
        printed = (done.stderr + done.stdout).splitlines()
        pattern = "".join(
            r"(?:.*\n)*" if line == "..." else f"{re.escape(line)}\n" for line in expected
        )
        assert re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)), command
    assert (place / "top10.parquet").stat().st_size > 0
    assert (place / "report.html").stat().st_size > 0
    first = (place / "recommendations_ub.json").read_text(encoding="utf-8").splitlines()[0]
    start = re.search(r'`(\{"user": 0, "tracks": \[.*?), \.\.\.\]\}`', README)
    assert start is not None
    assert first.startswith(start[1] + ", ")


def test_every_command_is_in_a_transcript() -> None:
    shown = set(re.findall(r"^\$ ubcf (\w+)", README, flags=re.M))
    assert shown | {"simulate"} == set(ubcf.commands)


def test_the_python_example_runs(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    (example,) = blocks("python")
    names: dict[str, object] = {}
    exec(example, names)
    assert len(json.loads((place / "recommendations_ub.json").read_text().splitlines()[0])) == 2


def test_the_overlay_reads_ratings_from_csv(tmp_path: Path) -> None:
    (template,) = blocks("sql")
    (tmp_path / "my-sql" / "staging").mkdir(parents=True)
    (tmp_path / "my-sql" / "staging" / "events.sql").write_text(template, encoding="utf-8")
    ratings = "user,item,rating\nanna,1,5\nanna,2,1\nbob,1,4\nbob,3,2\n"
    (tmp_path / "ratings.csv").write_text(ratings, encoding="utf-8")
    assert "ubcf build ratings.csv --templates my-sql" in README
    done = run_ubcf("build", "ratings.csv", "--templates", "my-sql", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    # Anna's taste and Bob's agree on track 1, so each gets the other's dislike last.
    assert (tmp_path / "recommendations_ub.json").read_text(encoding="utf-8") == (
        '{"user": "anna", "tracks": [1, 2, 3]}\n{"user": "bob", "tracks": [1, 3, 2]}\n'
    )


def test_every_option_of_the_build_is_in_the_readme_and_no_other() -> None:
    build = ubcf.commands["build"]
    real = {
        name
        for parameter in build.params
        if isinstance(parameter, click.Option)
        for name in parameter.opts
    }
    table = README.split("## Options of `ubcf build`")[1].split("Every option can be set")[0]
    shown = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", table))
    assert shown == real


def test_the_sample_is_what_the_shown_command_makes(tmp_path: Path) -> None:
    (command,) = re.findall(r"`ubcf (simulate [^`]*--out data)`", README)
    done = run_ubcf(*command.split(), cwd=tmp_path)
    assert done.returncode == 0
    files = [file.relative_to(tmp_path) for file in (tmp_path / "data").rglob("*.json")]
    assert len(files) == 4
    for file in files:
        assert (tmp_path / file).read_bytes() == (PROJECT / file).read_bytes()


def test_continuous_integration_runs_the_test_command_of_the_readme() -> None:
    (command,) = [block.strip() for block in blocks("sh") if "pytest" in block]
    assert command in (PROJECT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
