"""stdout is data, stderr is narration: what the command line prints where, and how it ends.

The commands run in processes of their own, but for help and wrong usage.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import duckdb
import pytest

import ubcf
from tests.support.commands import COMMANDS, call_ubcf, environment_of_ubcf, run_ubcf
from tests.support.logs import log_line, write_log
from ubcf.building.summary import BuildSummary
from ubcf.commands import SUMMARIES
from ubcf.commands import ubcf as group
from ubcf.errors import InputError, OptionError, UbcfError

PLAYS = [(1, 20, 0.2), (1, 40, 0.4), (2, 10, 0.2), (2, 20, 0.8), (2, 30, 0.0), (3, 40, 0.8)]
ESCAPE = "\x1b"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as the service leaves it: logs in `data`, where the build looks by default."""
    write_log(tmp_path / "data" / "botify-recommender-1" / "data.json", PLAYS[:4])
    write_log(tmp_path / "data" / "botify-recommender-2" / "data.json", PLAYS[4:])
    return tmp_path


# What goes where


def test_a_good_build_prints_its_summary_on_stdout_and_nothing_on_stderr(folder: Path) -> None:
    done = run_ubcf("build", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "inputs      2 files" in lines[0]
    assert "shape       3 users x 4 tracks" in lines
    assert "database    ubcf.duckdb" in lines
    assert ESCAPE not in done.stdout
    assert "\r" not in done.stdout
    assert {path.name for path in folder.iterdir()} == {
        "data",
        "ubcf.duckdb",
        "recommendations_ub.json",
    }


def test_the_json_summary_has_the_fields_of_the_summary_and_the_figures_of_the_table(
    folder: Path,
) -> None:
    done = call_ubcf("build", "--format", "json", "--top", "3", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    summary = json.loads(done.stdout)
    assert list(summary) == [field.name for field in dataclasses.fields(BuildSummary)]

    with ubcf.connect(folder / "ubcf.duckdb") as connection:
        table = connection.table("build")
        figures = dict(zip(table.columns, table.fetchall()[0], strict=True))
        inputs = connection.table("build_inputs").fetchall()
        stages = connection.table("build_stages").fetchall()
    started_at, seconds = figures.pop("started_at"), figures.pop("seconds")
    for name in ("options", "plan_estimates"):
        assert json.loads(figures.pop(name)) == summary[name]
    assert figures == {name: summary[name] for name in figures}
    assert [tuple(file.values()) for file in summary["inputs"]] == inputs
    # The summary covers the whole build, the table the build until the table was written.
    assert 0 < seconds <= summary["seconds"]
    assert [stage["stage"] for stage in summary["stages"]][: len(stages)] == [s[0] for s in stages]
    assert datetime.fromisoformat(summary["started_at"]).replace(tzinfo=None) == started_at.replace(
        microsecond=0
    )

    assert summary["options"]["top"] == 3
    assert [summary["users"], summary["tracks"], summary["lines"]] == [3, 4, 6]
    assert summary["database"] == "ubcf.duckdb"


def test_rejected_lines_are_reported_on_stderr_unless_quiet(folder: Path) -> None:
    write_log(folder / "data" / "botify-recommender-3" / "data.json", ["not JSON"])
    loud = call_ubcf("build", "--max-rejected", "0.2", cwd=folder)
    assert (loud.returncode, loud.stderr) == (
        0,
        "ubcf: warning: 1 of 7 lines were rejected; see the table rejected_lines\n",
    )
    quiet = call_ubcf("build", "--max-rejected", "0.2", "-q", cwd=folder)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    refused = call_ubcf("build", "-q", cwd=folder)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "1 of 7 lines were rejected" in refused.stderr
    assert "botify-recommender-3/data.json, line 1" in refused.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize("quiet", [False, True])
def test_on_a_terminal_progress_goes_to_stderr_and_not_to_stdout(folder: Path, quiet: bool) -> None:
    """The whole stderr is a terminal here, stdout is a pipe."""
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "ubcf", "build", *(["-q"] if quiet else [])],
        cwd=folder,
        env=environment_of_ubcf({"TERM": "xterm"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    ) as process:
        os.close(theirs)
        shown = ""
        while True:
            try:
                read = os.read(ours, 4096)
            except OSError:  # Linux reports a closed other end so
                break
            if not read:
                break
            shown += read.decode()
        assert process.stdout is not None
        stdout = process.stdout.read()
    os.close(ours)
    assert process.returncode == 0
    assert ESCAPE not in stdout
    if quiet:
        assert (stdout, shown) == ("", "")
    else:
        assert stdout.startswith("inputs ")
        assert "read logs" in shown
        assert "score" in shown
        assert "100%" in shown


def test_a_closed_stdout_gives_no_traceback(folder: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stdout:
        done = subprocess.run(
            [sys.executable, "-m", "ubcf", "build"],
            cwd=folder,
            env=environment_of_ubcf(),
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert (folder / "ubcf.duckdb").exists()


# How it ends


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], ["nowhere", "no such file or folder"]),
        (["nothing-in-it"], ["nothing-in-it", "looked at every depth for data.json", ".gz"]),
        (["logs/*.log"], ["logs/*.log", "no file matches"]),
        (["empty.json"], ["empty.json", "empty"]),
        (["--catalog", "nowhere.json"], ["nowhere.json", "cannot be read"]),
        (["--catalog", "data"], ["data", "cannot be read"]),
        (["--templates", "nowhere"], ["nowhere", "no such folder of templates"]),
    ],
)
def test_a_failure_ends_with_1_and_one_line_that_says_what_was_looked_for(
    folder: Path, arguments: list[str], words: list[str]
) -> None:
    (folder / "nothing-in-it").mkdir()
    (folder / "empty.json").touch()
    done = call_ubcf("build", *arguments, cwd=folder)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("ubcf: error: ")
    assert done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr


def test_without_logs_it_looks_in_data_and_says_so(tmp_path: Path) -> None:
    done = call_ubcf("build", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "ubcf: error: data: no such file or folder, and no file matches it as a pattern\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["build", "--top", "0"], "--top"),
        (["build", "--top", "many"], "--top"),
        (["build", "--top", "9223372036854775807"], "--top"),
        (["build", "--neighbors", str(10**20)], "--neighbors"),
        (["build", "--store-neighbors", str(10**20)], "--store-neighbors"),
        (["recommend", "--history", "-", "-n", str(10**20)], "-n"),
        (["recommend", "--history", "-", "-k", str(10**20)], "-k"),
        (["inspect", "user", "1", "-k", str(10**20)], "-k"),
        (["diff", "a", "b", "-k", str(10**20)], "-k"),
        (["evaluate", "data", "--at", str(10**20)], "at most"),
        (["build", "--threads", "100000"], "threads is 100000; with"),
        (["build", "--memory-limit", "99999999999GiB"], "no machine has as much"),
        (["build", "--memory-limit", "9" * 400], "no machine has as much"),
        (["build", "--max-rejected", "1.5"], "--max-rejected"),
        (["build", "--threads", "0"], "--threads"),
        (["build", "--format", "xml"], "xml"),
        (["build", "--nonsense"], "--nonsense"),
        (["build", "--memory-limit", "lots"], "lots"),
        (["build", "--memory-limit", "1MiB"], "at least 256MiB"),
        (["build", "--temp-dir", "nowhere"], "nowhere"),
        (["nonsense"], "nonsense"),
        (["--nonsense"], "--nonsense"),
        ([], "Usage: ubcf"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(
    folder: Path, arguments: list[str], words: str
) -> None:
    done = call_ubcf(*arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in folder.iterdir()] == ["data"]


def test_options_come_from_the_environment_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run_ubcf("build", cwd=folder, environment={"UBCF_BUILD_TOP": "2"})
    assert done.returncode == 0
    monkeypatch.setenv("UBCF_BUILD_TOP", "2")
    lines = (folder / "recommendations_ub.json").read_text(encoding="utf-8").splitlines()
    assert [len(json.loads(line)["tracks"]) for line in lines] == [2, 2, 2]
    # The command line overrides the environment.
    call_ubcf("build", "--top", "1", cwd=folder)
    lines = (folder / "recommendations_ub.json").read_text(encoding="utf-8").splitlines()
    assert [len(json.loads(line)["tracks"]) for line in lines] == [1, 1, 1]

    monkeypatch.setenv("UBCF_BUILD_TOP", "many")
    wrong = call_ubcf("build", cwd=folder)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "many" in wrong.stderr


def variable_of(name: str, option: click.Option) -> str:
    """The variable that the README promises: the command and the long form of the option."""
    long = next((each for each in option.opts if each.startswith("--")), option.opts[0])
    return re.sub("[ -]+", "_", f"UBCF {name} {long.lstrip('-')}").upper()


def test_every_option_comes_from_the_variable_of_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checked = 0
    for name, command in COMMANDS:
        for option in command.params:
            if isinstance(option, click.Option):
                monkeypatch.setenv(variable_of(name, option), "asked")
                context = click.Context(command, info_name=name)
                assert option.resolve_envvar_value(context) == "asked", (name, option.opts)
                checked += 1
    assert checked > 80


def test_variables_reach_the_commands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {
        "UBCF_BUILD_FORMAT": "json",
        "UBCF_SQL_FORMAT": "csv",
        "UBCF_QUERY_PARAM": "k=1",
        "UBCF_INSPECT_USER_K": "1",
        "UBCF_VERSION": "1",
        "UBCF_BUILD_HELP": "1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    built = call_ubcf("build", cwd=folder)
    assert json.loads(built.stdout)["users"] == 3
    counted = call_ubcf("sql", "select 1 as x", cwd=folder)
    assert counted.stdout == "x\n1\n"
    best = call_ubcf("query", "top_tracks", cwd=folder)
    assert len(best.stdout.splitlines()) == 3


# Help


def test_version_and_help_are_data(tmp_path: Path) -> None:
    version = run_ubcf("--version", cwd=tmp_path)
    assert (version.returncode, version.stdout, version.stderr) == (
        0,
        f"ubcf {ubcf.__version__}\n",
        "",
    )
    for arguments in (["--help"], ["-h"], ["build", "--help"], ["build", "-h"]):
        done = call_ubcf(*arguments, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("Usage: ubcf")
    assert "ubcf build /var/log/botify --catalog tracks.json --top 50" in done.stdout


def test_the_help_names_every_command() -> None:
    text = group.get_help(click.Context(group, info_name="ubcf"))
    assert {"build", "simulate"} <= {name for name, _ in COMMANDS}
    for name in group.list_commands(click.Context(group)):
        assert f"\n  {name} " in text


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_command_has_help_with_an_example_and_every_option_a_text(
    name: str, command: click.Command
) -> None:
    text = command.get_help(click.Context(command, info_name=f"ubcf {name}"))
    assert command.help
    assert "Example" in text
    assert f"  ubcf {name}" in text.partition("Example")[2]
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{parameter.opts[0]} of ubcf {name} has no help"
            assert parameter.help[0].isupper(), parameter.help
            assert parameter.help.split("  [default: ")[0].endswith("."), parameter.help
        else:
            assert parameter.make_metavar(click.Context(command)) in text


def test_help_loads_nothing_that_computes(tmp_path: Path) -> None:
    """Only commands that compute import what takes half a second."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "ubcf", "--help"],
        cwd=tmp_path,
        env=environment_of_ubcf(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("Usage: ")
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "click" in imported
    assert not imported & {"scipy", "numpy", "duckdb", "jinja2"}


# From Python


def test_build_from_python_returns_what_the_command_prints(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = json.loads(call_ubcf("build", "--format", "json", "-n", "2", cwd=folder).stdout)
    monkeypatch.chdir(folder)
    returned = ubcf.build("data", top=2).as_dict()
    assert list(returned) == list(printed)
    for timing in ("started_at", "seconds", "stages"):
        del returned[timing], printed[timing]
    assert returned == printed


def test_build_and_connect_work_more_than_once(folder: Path) -> None:
    for _ in range(2):
        ubcf.build(folder / "data", database=folder / "a.duckdb", output=folder / "a.json")
        ubcf.connect(folder / "a.duckdb").close()


def test_errors_in_python_are_ubcf_errors(folder: Path) -> None:
    targets: dict[str, Any] = {"database": folder / "a.duckdb", "output": folder / "a.json"}
    with pytest.raises(InputError, match="nowhere"):
        ubcf.build(folder / "nowhere", **targets)
    with pytest.raises(OptionError, match="top is 0"):
        ubcf.build(folder / "data", top=0, **targets)
    with pytest.raises(UbcfError, match="no event"):
        ubcf.build([write_log(folder / "bad.json", [log_line(1, 1, "half")])], **targets)
    assert issubclass(InputError, UbcfError)
    assert issubclass(OptionError, UbcfError)
    assert not (folder / "a.duckdb").exists()


def test_connect_reads_and_never_writes(folder: Path) -> None:
    ubcf.build(folder / "data", database=folder / "a.duckdb", output=folder / "a.json")
    before = (folder / "a.duckdb").read_bytes()
    with ubcf.connect(folder / "a.duckdb") as connection:
        assert connection.execute("select count(*) from events").fetchall() == [(6,)]
        for statement in (
            "delete from events",
            "create table mine as select 1",
            "drop table users",
        ):
            with pytest.raises(duckdb.Error, match="read-only"):
                connection.execute(statement)
    assert (folder / "a.duckdb").read_bytes() == before


def test_connect_reports_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    (tmp_path / "junk.duckdb").write_text("not a database at all\n" * 1_000)
    (tmp_path / "empty.duckdb").touch()
    with duckdb.connect(str(tmp_path / "foreign.duckdb")) as connection:
        connection.execute("create table somebody_elses as select 1")
    for name, words in (
        ("missing.duckdb", "no such database; 'ubcf build' makes one"),
        ("junk.duckdb", "not a valid DuckDB"),
        ("empty.duckdb", "."),
        ("foreign.duckdb", "not a database that ubcf made"),
        (".", "no such database"),
    ):
        with pytest.raises(UbcfError, match=words) as error:
            ubcf.connect(tmp_path / name)
        assert str(tmp_path / name) in str(error.value)
        assert "\n" not in str(error.value)
    # No file was made, and the foreign one is not locked.
    assert {path.name for path in tmp_path.iterdir()} == {
        "junk.duckdb",
        "empty.duckdb",
        "foreign.duckdb",
    }
    duckdb.connect(str(tmp_path / "foreign.duckdb")).close()


def test_the_list_of_commands_has_the_first_sentence_of_the_help_of_each() -> None:
    first_sentences = {
        name: (command.help or "").split("\n\n")[0].replace("\n", " ")
        for name, command in group.commands.items()
    }
    assert first_sentences == SUMMARIES


def test_a_command_loads_no_other() -> None:
    code = (
        "import sys; from ubcf.commands import ubcf; ubcf.commands['diff'];"
        "print(*(name for name in ubcf.commands if f'ubcf.commands.{name}' in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment_of_ubcf(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "diff\n"
