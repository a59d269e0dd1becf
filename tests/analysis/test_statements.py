"""`ubcf sql` runs any query on a database, and can change nothing."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from tests.support.builds import build_folder
from tests.support.commands import call_ubcf, environment_of_ubcf
from tests.support.logs import write_log

PLAYS = [(1, 20, 0.2), (1, 40, 0.4), (2, 20, 0.8), (2, 30, 0.0), (3, 30, 0.4), (3, 40, 0.8)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database, which no test changes."""
    folder = tmp_path_factory.mktemp("queries")
    write_log(folder / "logs" / "data.json", PLAYS)
    build_folder(folder)
    (folder / "secret.csv").write_text("secret\n42\n")
    return folder


def test_the_rows_of_a_query_are_printed_in_the_chosen_format(folder: Path) -> None:
    query = 'select "user", events from users order by "user"'
    done = call_ubcf("sql", query, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "user  events\n----  ------\n   1       2\n   2       2\n   3       2\n"
    done = call_ubcf("sql", query, "--format", "csv", cwd=folder)
    assert done.stdout == "user,events\n1,2\n2,2\n3,2\n"


def test_statements_come_from_a_file_or_from_stdin_too(folder: Path, tmp_path: Path) -> None:
    question = tmp_path / "question.sql"
    question.write_text("-- how many ü?\nselect count(*) as n from events;\n", encoding="utf-8")
    database = folder / "ubcf.duckdb"
    done = call_ubcf("sql", "-d", database, "--file", question, "--format", "csv", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "n\n6\n")
    done = call_ubcf(
        "sql", "-", "--format", "csv", cwd=folder, input="select 1 as a; select 2 as b"
    )
    assert (done.returncode, done.stdout) == (0, "b\n2\n")


def test_of_several_statements_the_last_one_is_shown(folder: Path) -> None:
    statements = (
        "set variable least = 0.3;"
        "create temp table liked as from interactions where mean_time > getvariable('least');"
        'select "user", track from liked order by all'
    )
    done = call_ubcf("sql", statements, "--format", "csv", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "user,track\n1,40\n2,20\n3,30\n3,40\n")
    done = call_ubcf("sql", "select 1; set variable x = 1", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("query", "position"),
    [
        ("select tracks,\n  nothing\nfrom users", "line 2, column 3: nothing"),
        ("selec 1", "line 1, column 1: selec 1"),
        ("from nowhere", "line 1, column 6: from nowhere"),
        (
            "select 1;\nselect cast(track || 'x' as integer) from tracks",
            "line 2, column 17: select cast(track",
        ),
        ("select " + "1, " * 200 + "nothing from users", "in line 1: ..."),
    ],
)
def test_errors_show_where_they_are(folder: Path, query: str, position: str) -> None:
    done = call_ubcf("sql", query, cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ubcf: error: ")
    assert position in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


ATTEMPTS = [
    # to change the database
    "drop table users",
    "create table mine as select 1 as x",
    "create view mine as select 1 as x",
    "insert into users from users",
    "update users set events = 0",
    "delete from events",
    "alter table users rename to people",
    "comment on table users is 'mine'",
    "truncate events",
    # to write elsewhere
    "copy users to 'stolen.csv'",
    "copy users to 'stolen.parquet' (format parquet)",
    "copy (select 1) to '/dev/stdout'",
    "export database 'stolen'",
    "attach 'stolen.duckdb' as stolen",
    "copy (select 1) to 'ubcf.duckdb'",
    "copy (select 1) to 'ubcf.duckdb' (use_tmp_file false)",
    "copy (select 1) to 'ubcf.duckdb.wal' (use_tmp_file false)",
    "with c as (copy (select 1) to 'ubcf.duckdb.wal' (use_tmp_file false)) from c",
    "prepare p as copy (select 1) to 'ubcf.duckdb.wal' (use_tmp_file false); execute p",
    "explain analyze copy (select 1) to 'ubcf.duckdb.wal' (use_tmp_file false)",
    "create persistent secret s (type s3, key_id 'a', secret 'b')",
    # to read elsewhere
    "from read_csv('secret.csv')",
    "from 'secret.csv'",
    "from read_text('secret.csv')",
    "from read_blob('secret.csv')",
    "from glob('*')",
    "from read_json('logs/data.json')",
    "attach 'ubcf.duckdb' as again",
    "import database 'stolen'",
    "create temp table t (x integer); copy t from 'secret.csv'",
    "from read_csv('http://localhost:1/x.csv')",
    # to load code
    "install httpfs",
    "install './httpfs.duckdb_extension'",
    "load httpfs",
    "load './httpfs.duckdb_extension'",
    # to unlock the session
    "set enable_external_access = true",
    "set allowed_directories = ['/']",
    "set lock_configuration = false",
    "reset lock_configuration",
    "set temp_directory = 'stolen'",
    "set home_directory = 'stolen'",
    "set threads = 1",
    "pragma threads = 1",
    "pragma profiling_output = 'stolen.json'",
    "pragma enable_profiling = 'json'",
    "set log_query_path = 'stolen.log'",
    # to reach into the program
    "from connection",
    "from text",
]


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_no_statement_can_change_the_database_or_reach_outside(folder: Path, attempt: str) -> None:
    before = snapshot(folder)
    done = call_ubcf("sql", attempt, cwd=folder)
    assert (done.returncode, done.stdout) == (1, ""), attempt
    assert done.stderr.startswith("ubcf: error: ")
    assert "Traceback" not in done.stderr
    assert "42" not in done.stderr
    assert snapshot(folder) == before


def test_one_forbidden_statement_among_several_fails_all(folder: Path) -> None:
    done = call_ubcf("sql", "select 1 as x; drop table users; select 2 as y", cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert "read-only" in done.stderr


def test_files_can_be_used_where_that_is_allowed_but_the_database_stays_read_only(
    folder: Path,
) -> None:
    done = call_ubcf(
        "sql", "from read_csv('secret.csv')", "--allow-files", "--format", "csv", cwd=folder
    )
    assert (done.returncode, done.stdout) == (0, "secret\n42\n")
    done = call_ubcf("sql", "drop table users", "--allow-files", cwd=folder)
    assert done.returncode == 1
    assert "read-only" in done.stderr


@pytest.mark.parametrize("suffix", ["csv", "json", "jsonl", "parquet"])
def test_output_writes_the_rows_as_the_suffix_says(
    folder: Path, tmp_path: Path, suffix: str
) -> None:
    target = tmp_path / f"it's.{suffix}"
    query = "select track, plays, 'ü' as name, [1, 2] as l from tracks order by track"
    done = call_ubcf("sql", query, "-d", folder / "ubcf.duckdb", "--output", target, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    with duckdb.connect() as connection:
        reader = {"csv": "read_csv", "parquet": "read_parquet"}.get(suffix, "read_json")
        quoted = str(target).replace("'", "''")
        assert connection.execute(
            f"select track, plays, name, cast(l as varchar) from {reader}('{quoted}')"
        ).fetchall() == [(20, 2, "ü", "[1, 2]"), (30, 2, "ü", "[1, 2]"), (40, 2, "ü", "[1, 2]")]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_query_that_fails_leaves_the_file_as_it_was(
    folder: Path, tmp_path: Path, suffix: str
) -> None:
    target = tmp_path / f"rows.{suffix}"
    target.write_text("PAR1, as it was")  # as a file of either kind may begin
    query = "select case when track = 20 then cast('x' as integer) end as x from tracks"
    done = call_ubcf("sql", query, "-d", folder / "ubcf.duckdb", "--output", target, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Could not convert string 'x'" in done.stderr
    assert target.read_text() == "PAR1, as it was"
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["select 1", "--output", "rows.txt"], 2, "rows.txt: the suffix decides the format"),
        (["select 1", "--output", "nowhere/rows.csv"], 2, "nowhere does not exist"),
        (["set variable x = 1", "--output", "rows.csv"], 1, "no rows to write"),
        (["select 1", "-d", "missing.duckdb"], 1, "missing.duckdb: no such database"),
        (["select 1", "-d", "secret.csv"], 1, "not a valid DuckDB"),
        (["--file", "missing.sql"], 1, "missing.sql"),
        (["   "], 1, "no statement"),
        ([], 2, "give one of QUERY, - for stdin, and --file"),
        (["select 1", "--file", "x.sql"], 2, "give one of QUERY, - for stdin, and --file"),
    ],
)
def test_what_cannot_be_done_is_reported_in_one_line(
    folder: Path, arguments: list[str], code: int, words: str
) -> None:
    before = snapshot(folder)
    done = call_ubcf("sql", *arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert snapshot(folder) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_database_in_a_read_only_folder_can_be_queried(tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "data.json", PLAYS)
    build_folder(tmp_path)
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert call_ubcf("sql", "from users", cwd=tmp_path).returncode == 0
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_an_older_database_is_reported_in_one_line(folder: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.duckdb"
    old.write_bytes((folder / "ubcf.duckdb").read_bytes())
    with duckdb.connect(str(old)) as connection:
        connection.execute("update build set version = '0.0.9'")
    done = call_ubcf("sql", "from users", "-d", old, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"ubcf: error: {old}: made by ubcf 0.0.9; build it again with this version\n"
    )


def start(query: str, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ubcf", "sql", query, *arguments],
        cwd=folder,
        env=environment_of_ubcf(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c_ends_a_long_query_at_once(folder: Path) -> None:
    endless = "select count(*) from range(10000000) a, range(10000000) b where md5(a::text) = ''"
    running = start(endless, folder)
    time.sleep(1.5)
    assert running.poll() is None
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert (running.returncode, out) == (130, "")
    assert "Traceback" not in err


def test_a_reader_that_closes_the_pipe_ends_a_long_answer_silently(folder: Path) -> None:
    running = start("select * from range(100000000) as numbers (n)", folder, "--format", "csv")
    assert running.stdout is not None
    assert [running.stdout.readline() for _ in range(3)] == ["n\n", "0\n", "1\n"]
    running.stdout.close()
    assert running.stderr is not None
    assert running.stderr.read() == ""
    running.stderr.close()
    assert running.wait(timeout=30) in (0, 1)
