"""ubcf.toml: the options of all commands, below environment variables and the command line."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import click
import pytest

import ubcf
from tests.support.commands import COMMANDS, call_ubcf, run_ubcf
from tests.support.logs import write_log
from ubcf.commands import ubcf as group
from ubcf.commands.settings import read_settings
from ubcf.commands.variables import key_of, takes_several, variables_of
from ubcf.errors import OptionError

PLAYS = [(1, 20, 0.2), (1, 40, 0.4), (2, 10, 0.2), (2, 20, 0.8), (2, 30, 0.0), (3, 40, 0.8)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with logs of three users and four tracks in data/."""
    write_log(tmp_path / "data" / "data.json", PLAYS)
    return tmp_path


def settings(folder: Path, text: str, name: str = "ubcf.toml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def shown(folder: Path, *words: str) -> dict[str, tuple[str | None, str]]:
    """What `ubcf config` says of the options that are given: value and source by option."""
    done = call_ubcf("config", "--given", "--format", "json", *words, cwd=folder)
    assert done.returncode == 0, done.stderr
    return {row["option"]: (row["value"], row["source"]) for row in json.loads(done.stdout)}


def refused(folder: Path, *words: str) -> str:
    """The line by which the build refuses the settings in a folder."""
    done = call_ubcf(*(words or ("build",)), cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ubcf: error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("ubcf: error: ").rstrip("\n")


# What counts


def test_the_command_line_overrides_the_environment_and_that_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What each run does, and what `ubcf config` says of it."""

    def length_of_lists(*options: str) -> int:
        assert call_ubcf("build", *options, cwd=folder).returncode == 0
        first = (folder / "recommendations_ub.json").read_text().splitlines()[0]
        return len(json.loads(first)["tracks"])

    assert (length_of_lists(), shown(folder, "build")) == (4, {})
    settings(folder, "[build]\ntop = 3\n")
    assert (length_of_lists(), shown(folder, "build")) == (3, {"top": ("3", "ubcf.toml")})
    monkeypatch.setenv("UBCF_BUILD_TOP", "2")
    assert (length_of_lists(), shown(folder, "build")) == (2, {"top": ("2", "UBCF_BUILD_TOP")})
    found = shown(folder, "build", "--", "--top", "1")
    assert (length_of_lists("--top", "1"), found) == (1, {"top": ("1", "command line")})


def test_the_database_outside_of_tables_is_that_of_all_but_evaluate(folder: Path) -> None:
    settings(folder, 'database = "shared.duckdb"\n[sql]\ndatabase = "own.duckdb"\n')
    done = call_ubcf("config", "--format", "json", cwd=folder)
    found = {
        row["command"]: (row["value"], row["source"])
        for row in json.loads(done.stdout)
        if row["option"] == "database"
    }
    assert found.pop("evaluate") == ("evaluation.duckdb", "default")
    assert found.pop("sql") == ("own.duckdb", "ubcf.toml")
    assert {"build", "inspect track", "inspect user", "query", "report"} <= set(found)
    assert set(found.values()) == {("shared.duckdb", "ubcf.toml")}


def test_logs_of_ones_own_are_read_as_the_file_says(folder: Path) -> None:
    """A table of fields, an array of columns, a flag, a number: no option on the command line."""
    rows = ["anna,7,30 s,60", "anna,8,0 s,60", "bob,7,60 s,60", "bob,9,15 s,60"]
    (folder / "my plays.txt").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    (folder / "songs.json").write_text('{"song": 7, "name": "Grün"}\n', encoding="utf-8")
    settings(
        folder,
        """
        database = "größe.duckdb"
        logs = "my plays.txt"
        input_format = "csv"
        columns = ["listener", "song", "played", "length"]
        where = "length > 0"

        [fields]
        user = "listener"
        track = "song"
        time = "case when played = '30 s' then 0.5 else song / 16 end"

        [catalog-fields]
        track = "song"
        title = "name"

        [build]
        catalog = "songs.json"
        exclude-heard = true
        max_rejected = 1.0
        neighbors = "all"
        """,
    )
    assert call_ubcf("build", cwd=folder).returncode == 0
    asked = 'select "user", track, time, title from events join tracks using (track) order by all'
    assert call_ubcf("sql", asked, "--format", "csv", cwd=folder).stdout.splitlines() == [
        "user,track,time,title",
        "anna,7,0.5,Grün",
        "anna,8,0.5,",
        "bob,7,0.4375,Grün",
        "bob,9,0.5625,",
    ]
    lists = (folder / "recommendations_ub.json").read_text(encoding="utf-8")
    assert lists == '{"user": "anna", "tracks": [9]}\n{"user": "bob", "tracks": [8]}\n'


def test_arrays_and_tables_are_options_that_may_be_given_several_times(folder: Path) -> None:
    settings(
        folder,
        """
        [evaluate]
        at = [10, "20,30"]
        setting = [{neighbors = 20, offset = 0.25}, "preset=listening"]
        test = "february"
        [experiment]
        split = {C = 0.9, T1 = 0.1}
        metric = ["sessions"]
        [query]
        param = {user = 7, k = 5}
        [inspect.user]
        k = 5
        [report]
        user = [7, "anna"]
        """,
    )
    assert shown(folder, "evaluate") == {
        "at": ('["10", "20,30"]', "ubcf.toml"),
        "setting": ('["neighbors=20,offset=0.25", "preset=listening"]', "ubcf.toml"),
        "test": ('["february"]', "ubcf.toml"),
    }
    assert shown(folder, "experiment")["split"] == ("C=0.9,T1=0.1", "ubcf.toml")
    assert shown(folder, "query") == {"param": ('["user=7", "k=5"]', "ubcf.toml")}
    assert shown(folder, "inspect") == {"k": ("5", "ubcf.toml")}
    assert shown(folder, "report", "--", "--user", "9") == {"user": ('["9"]', "command line")}


def test_a_date_of_toml_is_a_date(folder: Path) -> None:
    settings(folder, "since = 2024-02-19\n[evaluate]\nsince = 2024-02-19T10:30:00Z\n")
    assert shown(folder, "build") == {"since": ("2024-02-19", "ubcf.toml")}
    assert shown(folder, "evaluate") == {"since": ("2024-02-19T10:30:00+00:00", "ubcf.toml")}


def test_a_variable_or_an_option_unsets_a_flag_of_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(folder, "[build]\nquiet = true\n[evaluate]\nexclude_heard = true\n")
    assert call_ubcf("build", cwd=folder).stdout == ""
    monkeypatch.setenv("UBCF_BUILD_QUIET", "0")
    assert call_ubcf("build", cwd=folder).stdout.startswith("inputs ")
    found = shown(folder, "evaluate", "--", "--keep-heard")
    assert found == {"exclude-heard": ("false", "command line")}


def sample(option: click.Option) -> Any:
    """A value of TOML that the option takes."""
    form = option.metavar or ""
    if isinstance(option.type, click.Choice):
        return [option.type.choices[0]] if takes_several(option) else option.type.choices[0]
    if "=" in form:
        return {"track": 0.5}
    if takes_several(option):
        return ["7"]
    for kind, value in (
        (click.types.BoolParamType, True),
        (click.types.IntParamType, 2),
        (click.types.FloatParamType, 0.5),
    ):
        if isinstance(option.type, kind):
            return value
    return 7 if option.name == "neighbors" else "7"


def as_toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {as_toml(each)}" for name, each in value.items()) + "}"
    return json.dumps(value)


def test_every_option_of_every_command_is_a_key(tmp_path: Path) -> None:
    checked = 0
    for name, command in COMMANDS:
        options = [each for each in command.params if isinstance(each, click.Option)]
        lines = [f"{key_of(option)} = {as_toml(sample(option))}" for option in options]
        path = settings(tmp_path, f"[{name.replace(' ', '.')}]\n" + "\n".join(lines))
        found = read_settings(str(path), group)
        for inner in name.split():
            found = found[inner]
        context = click.Context(command, info_name=name, default_map=found)
        for option in options:
            value, source = option.consume_value(context, {})
            assert source is click.core.ParameterSource.DEFAULT_MAP, (name, option.opts)
            assert value == found[option.name]
            checked += 1
    assert checked > 120


def test_a_key_outside_of_tables_is_never_the_name_of_a_command() -> None:
    shared = {
        variable.removeprefix("UBCF_").replace("_", "-").lower()
        for _, command in COMMANDS
        for parameter in command.params
        for variable in variables_of(parameter)[1:]
    }
    assert {"database", "fields", "logs", "scale"} <= shared
    assert not shared & set(group.commands)


# Which file


def test_the_file_is_that_of_the_option_or_of_the_variable_or_of_the_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(folder, "[build]\ntop = 1\n")
    settings(folder, "[build]\ntop = 2\n", "two.toml")
    settings(folder, "[build]\ntop = 3\n", "three.toml")

    def source(*options: str) -> str:
        done = call_ubcf(*options, "config", "build", "--given", "--format", "csv", cwd=folder)
        assert done.returncode == 0
        return done.stdout.splitlines()[1]

    assert source() == "build,top,1,ubcf.toml"
    monkeypatch.setenv("UBCF_CONFIG", "two.toml")
    assert source() == "build,top,2,two.toml"
    assert source("--config", "three.toml") == "build,top,3,three.toml"
    # Only one file is read, and an empty one sets nothing.
    done = call_ubcf("--config", os.devnull, "config", "--given", "--format", "csv", cwd=folder)
    assert done.stdout == "command,option,value,source\n"


def test_paths_in_the_file_are_relative_to_it(folder: Path) -> None:
    settings(
        folder,
        """
        database = "night.duckdb"
        logs = ["../data", "../more[1]/*.json", "/var/log/x", "-", "s3://bucket/logs"]
        [build]
        output = "lists/night.json"
        pattern = "data*.json"
        temp-dir = "~/spill"
        [recommend]
        history = "-"
        """,
        "jobs [a]/night.toml",
    )
    done = call_ubcf(
        "--config", "jobs [a]/night.toml", "config", "--given", "--format", "json", cwd=folder
    )
    found = {(row["command"], row["option"]): row["value"] for row in json.loads(done.stdout)}
    assert found["sql", "database"] == "jobs [a]/night.duckdb"
    assert json.loads(found["build", "logs"]) == [
        "jobs [a]/../data",
        "jobs [[]a]/../more[1]/*.json",
        "/var/log/x",
        "-",
        "s3://bucket/logs",
    ]
    assert found["build", "output"] == "jobs [a]/lists/night.json"
    assert found["build", "pattern"] == "data*.json"
    assert found["build", "temp-dir"] == str(Path.home() / "spill")
    assert found["recommend", "history"] == "-"


def test_a_build_finds_what_the_file_names_from_any_folder(folder: Path) -> None:
    settings(
        folder,
        'database = "n.duckdb"\nlogs = "data/*.json"\n[build]\noutput = "n.json"\n',
    )
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    assert call_ubcf("--config", folder / "ubcf.toml", "build", cwd=elsewhere).returncode == 0
    assert {path.name for path in folder.glob("n.*")} == {"n.duckdb", "n.json"}
    assert list(elsewhere.iterdir()) == []


def test_python_reads_no_settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(folder, "[build]\ntop = 1\n")
    monkeypatch.chdir(folder)
    assert ubcf.build("data").options["top"] == 100


@pytest.mark.skipif(sys.platform == "win32", reason="no /dev/fd")
def test_a_pipe_is_a_file_of_settings_too(folder: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b'database = "piped.duckdb"\n')
    os.close(writing)
    found = run_ubcf(
        "--config", f"/dev/fd/{reading}", "config", "sql", "--given", "--format", "csv",
        cwd=folder, pass_fds=[reading],
    )  # fmt: skip
    os.close(reading)
    assert found.stdout.splitlines()[1] == f"sql,database,piped.duckdb,/dev/fd/{reading}"


# What is wrong


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("databse = 'a'", "unknown key 'databse'; nearest: database"),
        ("[biuld]\ntop = 1", "unknown table 'biuld'; nearest: build"),
        ("[build]\ntopp = 1", "unknown key 'topp' in [build]; nearest: top"),
        ("[build]\nmax_reject = 1", "unknown key 'max-reject' in [build]; nearest: max-rejected"),
        ("[build]\nn = 1", "unknown key 'n' in [build]; nearest: "),
        ("[inspect]\nk = 1", "unknown key 'k' in [inspect]; nearest: "),
        ("[inspect.usr]\nk = 1", "unknown table 'usr' in [inspect]; nearest: user"),
        ("[inspect.user]\nkk = 1", "unknown key 'kk' in [inspect.user]; nearest: k"),
        ("build = 1", "build: build is a command: a table is needed, [build]"),
        ("[build]\ntop = 'many'", "top of [build]: the text 'many', where a whole"),
        ("[build]\ntop = true", "top of [build]: true, where a whole number is needed"),
        ("[build]\ntop = 0", "top of [build]: 0 is not in the range "),
        ("[build]\nquiet = 1", "quiet of [build]: 1, where true or false is needed"),
        ("[build]\noffset = '1'", "offset of [build]: the text '1', where a number is needed"),
        ("[build]\noutput = 5", "output of [build]: 5, where a text is needed"),
        ("[build]\noutput = ''", "output of [build]: an empty text, where a file or a folder is"),
        ("[build]\noutput = 2024-02-19", "output of [build]: 2024-02-19, where a text is needed"),
        ("[build]\nsince = 10:00:00", "since of [build]: 10:00:00, where a text is needed"),
        ("[build]\noutput = ['a']", "output of [build]: an array, where a text is needed"),
        ('[build]\noutput = "a\\u0000"', "output of [build]: a text with a NUL character"),
        ("[build]\nplan = 'fast'", "plan of [build]: 'fast' is not one of "),
        ("[build]\nplan = 'left'", "plan of [build]: plan is 'left'"),
        ("[build]\nneighbors = 0", "neighbors of [build]: 0 is not in the range "),
        ("[build]\n'max-rejected' = 1\nmax_rejected = 1", "max_rejected of [build]: given"),
        ("[fields]\nuser = ['a']", "fields: an array, where a text or a number is needed"),
        ("[fields]\n'a=b' = 'c'", "fields: 'a=b' is no name"),
        ("fields = 'user'", "fields: 'user' is not of the form NAME=EXPRESSION"),
        ("[fields]\nusr = 'a'", "fields: 'usr' is none of message, timestamp, user, track, "),
        ("[catalog-fields]\nuser = 'a'", "catalog-fields: 'user' is none of track, artist, "),
        ("columns = ['a,b']", "columns: 'a,b' has a comma"),
        ("scale = 5", "scale: 5, where a text is needed"),
        ("[evaluate]\nat = [10, 0]", "at of [evaluate]: '0' is not a list of numbers"),
        ("[evaluate]\npreset = ['loud']", "preset of [evaluate]: 'loud' is not one of "),
        ("[query]\nparam = ['k']", "param of [query]: 'k' is not name=value"),
        ("[build\ntop = 1", "not TOML: Expected ']' at the end of a table declaration (at line 1"),
        ("[build]\n\ntop = \n", "not TOML: Invalid value (at line 3, column 7)"),
        ("a = 1\na = 2\nb = 3", "not TOML: Cannot overwrite a value (at line 2"),
        (f"[build]\ntop = {'9' * 5000}", "not TOML: Exceeds the limit (4300 digits)"),
        ("a = " + "[" * 100_000, "not read: its arrays are nested too deeply"),
    ],
)  # fmt: skip
def test_an_error_is_a_line_that_names_the_file_and_the_key(
    folder: Path, text: str, reason: str
) -> None:
    settings(folder, text)
    assert refused(folder).startswith(f"ubcf.toml: {reason}")


def test_all_tables_are_checked_whatever_runs_but_help_is_always_there(folder: Path) -> None:
    settings(folder, "[evaluate]\nsplitt = 1\n")
    for command in (["sql", "from users"], ["config"], ["templates"]):
        assert "unknown key 'splitt' in [evaluate]" in refused(folder, *command)
    for arguments in (["--help"], ["evaluate", "--help"], ["inspect", "user", "-h"]):
        done = call_ubcf(*arguments, cwd=folder)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("Usage: ubcf")


def test_a_file_that_cannot_be_read_is_an_error(folder: Path) -> None:
    assert refused(folder, "--config", "", "build") == "--config is empty, where a file is needed"
    (folder / "ubcf.toml").mkdir()
    assert refused(folder) == "ubcf.toml: a folder, where a file of settings is expected"
    (folder / "ubcf.toml").rmdir()
    (folder / "ubcf.toml").symlink_to("nowhere")
    assert refused(folder) == "ubcf.toml: cannot be read: No such file or directory"
    reason = refused(folder, "--config", "größe.toml", "build")
    assert reason == "größe.toml: cannot be read: No such file or directory"
    (folder / "ubcf.toml").unlink()
    (folder / "ubcf.toml").write_bytes(b'database = "gr\xf6\xdfe"\n')
    assert refused(folder) == "ubcf.toml: not UTF-8, from byte 15"
    (folder / "ubcf.toml").write_text("database = 'a'", encoding="utf-16")
    assert refused(folder) == "ubcf.toml: not UTF-8, from byte 1"


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root reads all files")
def test_a_file_that_may_not_be_read_is_an_error(folder: Path) -> None:
    settings(folder, "").chmod(0)
    assert refused(folder) == "ubcf.toml: cannot be read: Permission denied"


def test_an_empty_file_and_a_byte_order_mark_are_no_errors(folder: Path) -> None:
    settings(folder, "")
    assert shown(folder, "build") == {}
    settings(folder, "\ufeff[build]\r\ntop = 2\r\n")
    assert shown(folder, "build") == {"top": ("2", "ubcf.toml")}


def test_an_error_in_a_variable_names_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UBCF_BUILD_TOP", "many")
    assert refused(folder).startswith("UBCF_BUILD_TOP: 'many' is not a valid integer")
    assert refused(folder, "config", "build").startswith("UBCF_BUILD_TOP: 'many'")
    monkeypatch.delenv("UBCF_BUILD_TOP")
    monkeypatch.setenv("UBCF_FIELDS", "user")
    reason = "UBCF_FIELDS: 'user' is not of the form NAME=EXPRESSION"
    assert refused(folder) == refused(folder, "config", "build") == reason


# ubcf config


def test_it_shows_all_options_of_a_command_or_of_all(folder: Path) -> None:
    done = call_ubcf("config", "--format", "json", cwd=folder)
    assert done.stderr == "settings: no ubcf.toml in this folder\n"
    found = {(row["command"], row["option"]) for row in json.loads(done.stdout)}
    for name, command in COMMANDS:
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert (name, key_of(parameter)) in found
    one = json.loads(call_ubcf("config", "inspect", "user", "--format", "json", cwd=folder).stdout)
    assert {row["command"] for row in one} == {"inspect user"}
    with pytest.raises(OptionError):
        read_settings(str(settings(folder, "[confi]")), group)


def test_it_is_read_on_a_terminal(folder: Path) -> None:
    settings(folder, 'database = "n.duckdb"\n')
    done = call_ubcf("config", "report", cwd=folder)
    assert done.stdout.splitlines() == [
        "command  option    value        source",
        "-------  --------  -----------  ---------",
        "report   output    report.html  default",
        "report   user                   default",
        "report   database  n.duckdb     ubcf.toml",
        "report   quiet     false        default",
        "report   verbose   false        default",
    ]


def test_it_warns_of_variables_that_nothing_reads(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UBCF_BUILD_TOPP", "5")
    done = call_ubcf("config", "build", cwd=folder)
    assert done.returncode == 0
    assert (
        "ubcf: warning: UBCF_BUILD_TOPP is no variable of ubcf; nearest: UBCF_BUILD_TOP\n"
        in done.stderr
    )


def test_it_shows_no_secret_of_a_url(folder: Path) -> None:
    settings(folder, 'logs = ["https://me:secret@host.org/logs?key=secret"]')
    done = call_ubcf("config", "--given", cwd=folder)
    assert "https://host.org/logs" in done.stdout
    assert "secret" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["build", "--", "--nonsense"], "--nonsense"),
        (["build", "--", "--top", "0"], "0 is not in the range"),
        (["explain", "1", "2", "3"], "unexpected extra argument"),
    ],
)
def test_it_refuses_what_the_command_would_refuse(
    folder: Path, words: list[str], reason: str
) -> None:
    done = call_ubcf("config", *words, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr
