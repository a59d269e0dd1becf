"""Environment variables: which counts for what, and how several values are given."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.support.commands import COMMANDS, call_ubcf
from tests.support.logs import write_log
from tests.support.paths import PROJECT
from ubcf.commands.variables import variables_of

PLAYS = [(1, 20, 0.2), (1, 40, 0.4), (2, 10, 0.2), (2, 20, 0.8), (2, 30, 0.0), (3, 40, 0.8)]

RECORDS = [{"who": user, "track": track, "ms": 100 * track} for user, track in [(1, 2), (2, 5)]]

README = (PROJECT / "ubcf" / "commands" / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with logs and my.duckdb, but no ubcf.duckdb."""
    folder = tmp_path_factory.mktemp("variables")
    write_log(folder / "data" / "data.json", PLAYS)
    assert call_ubcf("build", "-d", "my.duckdb", cwd=folder).returncode == 0
    return folder


ASKING = {
    "EXPLAIN": ["explain", "1", "20"],
    "INSPECT_USER": ["inspect", "user", "1"],
    "INSPECT_TRACK": ["inspect", "track", "20"],
    "QUERY": ["query", "top_tracks"],
    "SQL": ["sql", "from users"],
    "RECOMMEND": ["recommend", "--history", "-"],
    "PREDICT": ["predict", "-"],
    "EXPERIMENT": ["experiment"],
    "REPORT": ["report"],
}


@pytest.mark.parametrize("name", ASKING)
def test_one_variable_names_the_database_for_all_who_ask_a_build(
    name: str, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*options: str) -> str:
        """The end of the line by which the command refuses a database that is not there."""
        done = call_ubcf(*ASKING[name], *options, cwd=built, input="user,track\n1,20\n")
        assert (done.returncode, done.stdout) == (1, "")
        return done.stderr

    monkeypatch.setenv("UBCF_DATABASE", "shared.duckdb")
    assert "shared.duckdb: no such database" in missing()
    monkeypatch.setenv(f"UBCF_{name}_DATABASE", "own.duckdb")
    assert "own.duckdb: no such database" in missing()
    assert "given.duckdb: no such database" in missing("-d", "given.duckdb")


def test_it_names_the_database_that_a_build_writes_and_not_that_of_an_evaluation(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(built / "data", tmp_path / "data")
    monkeypatch.setenv("UBCF_DATABASE", "mine.duckdb")
    assert call_ubcf("build", cwd=tmp_path).returncode == 0
    assert (tmp_path / "mine.duckdb").exists()
    written = (tmp_path / "mine.duckdb").read_bytes()
    evaluation = ("evaluate", "data", "--split", "last", "--test-share", "0.5")
    assert call_ubcf(*evaluation, cwd=tmp_path).returncode == 0
    assert (tmp_path / "mine.duckdb").read_bytes() == written
    assert {path.name for path in tmp_path.glob("*.duckdb")} == {
        "mine.duckdb",
        "evaluation.duckdb",
    }


def test_every_database_of_a_build_has_the_shared_variable() -> None:
    """All options --database, also of commands to come, but that of evaluate."""
    shared = {
        name: "UBCF_DATABASE" in variables_of(parameter)
        for name, command in COMMANDS
        for parameter in command.params
        if parameter.name == "database"
    }
    assert {"build", "inspect user", "query", "report", "sql"} <= set(shared)
    assert [name for name, is_shared in shared.items() if not is_shared] == ["evaluate"]


def test_a_variable_of_several_values_holds_one_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An expression may have spaces."""
    write_log(tmp_path / "my plays.json", map(json.dumps, RECORDS))
    monkeypatch.setenv("UBCF_LOGS", "my plays.json\n")
    monkeypatch.setenv("UBCF_BUILD_FIELD", "user=who\n\n  time = least(ms / 1000, 1)\n")
    assert call_ubcf("build", cwd=tmp_path).returncode == 0
    asked = 'select "user", time from events order by all'
    rows = call_ubcf("sql", asked, "--format", "csv", cwd=tmp_path).stdout
    assert rows.splitlines() == ["user,time", "1,0.2", "2,0.5"]


def test_the_fields_of_the_logs_count_for_builds_and_evaluations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_log(tmp_path / "plays.json", map(json.dumps, RECORDS))
    monkeypatch.setenv("UBCF_FIELDS", "user=nobody\ntime=ms / 1000")
    for command in ("build", "evaluate"):
        refused = call_ubcf(command, "plays.json", cwd=tmp_path)
        assert "no line of plays.json has the field nobody" in refused.stderr
    monkeypatch.setenv("UBCF_BUILD_FIELD", "user=who")
    assert call_ubcf("build", "plays.json", cwd=tmp_path).returncode == 0


def test_the_readme_lists_the_shared_variables() -> None:
    shared = {
        variable
        for _, command in COMMANDS
        for parameter in command.params
        for variable in variables_of(parameter)[1:]
    }
    section = README.split("- **Environment variables**")[1].split("\n- ")[0]
    listed = set(re.findall(r"`(UBCF_[A-Z_]+)`", section))
    assert listed == shared | {"UBCF_EVALUATE_DATABASE"}
