"""A database given by -d is data: nothing that somebody wrote into it is run."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

import ubcf
from tests.support.builds import build_folder
from tests.support.commands import call_ubcf
from tests.support.logs import write_log
from tests.support.paths import SAMPLE
from ubcf.database.tables import BUILD_TABLES, EVALUATION_TABLES
from ubcf.errors import DatabaseError

PLAYS = [(1, 20, 0.2), (1, 40, 0.4), (2, 20, 0.8), (2, 30, 0.0), (3, 30, 0.4), (3, 40, 0.8)]
SECRET = "the-secret-of-the-house"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database, its logs and a file that is nobody's business."""
    folder = tmp_path_factory.mktemp("made")
    write_log(folder / "logs" / "data.json", PLAYS)
    build_folder(folder)
    (folder / "secret.txt").write_text(SECRET)
    (folder / "history.json").write_text('{"20": 1.0}')
    (folder / "pairs.jsonl").write_text('{"user": 1, "track": 20}\n')
    return folder


COMMANDS = [
    ["inspect", "user", "1"],
    ["inspect", "track", "20"],
    ["query", "top_tracks"],
    ["explain", "1", "20"],
    ["recommend", "--history", "history.json"],
    ["predict", "pairs.jsonl"],
    ["experiment"],
    ["report"],
    ["sql", "from build"],
    ["sql", "from build", "--allow-files"],
    ["diff", "hostile.duckdb", "ubcf.duckdb"],
]


def hostile(made: Path, folder: Path, statements: str) -> Path:
    """A copy of the database in which somebody ran statements; {secret} is the path of a file."""
    for name in ("ubcf.duckdb", "history.json", "pairs.jsonl"):
        shutil.copy(made / name, folder / name)
    path = folder / "hostile.duckdb"
    shutil.copy(made / "ubcf.duckdb", path)
    with duckdb.connect(str(path)) as connection:
        connection.execute(statements.replace("{secret}", str(made / "secret.txt")))
    return path


def replaced_by_view(table: str, column: str) -> str:
    """Statements that replace a table by a view that shows the secret in a column."""
    return (
        f"create table stored as from {table}; drop table {table}; create view {table} as "
        f'select stored.* replace (content as "{column}") '
        "from stored, read_text('{secret}')"
    )


# What may stand in a database that somebody else made.
HOSTILE = [
    replaced_by_view("tracks", "title"),
    replaced_by_view("events", "message"),
    replaced_by_view("build", "version"),
    "create macro coalesce_all(x) as (select content from read_text('{secret}'))",
    "create macro sqrt(x) as (select error(content) from read_text('{secret}'))",
    "create macro \"+\"(a, b) as (select error(content) from read_text('{secret}'))",
    "create macro duckdb_tables() as table select content from read_text('{secret}')",
    "create schema s; create macro s.f(x) as (select content from read_text('{secret}'))",
]


# All commands open a database in the same way: each meets one of them, and one command all.
@pytest.mark.parametrize(
    ("statements", "command"),
    [
        *((HOSTILE[number % len(HOSTILE)], command) for number, command in enumerate(COMMANDS)),
        *((statements, ["sql", "from build"]) for statements in HOSTILE),
    ],
)
def test_no_command_runs_a_view_or_a_macro_of_a_database(
    made: Path, tmp_path: Path, statements: str, command: list[str]
) -> None:
    hostile(made, tmp_path, statements)
    arguments = command if command[0] == "diff" else [*command, "-d", "hostile.duckdb"]
    done = call_ubcf(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ubcf: error: hostile.duckdb: not a database that ubcf made: ")
    assert done.stderr.count("\n") == 1
    assert SECRET not in done.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_macro_of_a_database_is_never_run(
    made: Path, tmp_path: Path, command: list[str]
) -> None:
    hostile(
        made,
        tmp_path,
        "create or replace macro weights_of(listener) as table "
        "select error(content) as place, 1 as neighbor, 1.0 as weight, 1 as common_tracks "
        "from read_text('{secret}')",
    )
    arguments = command if command[0] == "diff" else [*command, "-d", "hostile.duckdb"]
    of_hostile = call_ubcf(*arguments, cwd=tmp_path)
    assert SECRET not in of_hostile.stdout + of_hostile.stderr
    with ubcf.connect(tmp_path / "hostile.duckdb") as connection:
        ours = connection.execute("from weights_of(1)").fetchall()
    with ubcf.connect(tmp_path / "ubcf.duckdb") as connection:
        assert ours == connection.execute("from weights_of(1)").fetchall() != []


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        ("alter table users drop column norm", "users has no column 'norm'"),
        ("alter table users alter norm type varchar", "users.norm is VARCHAR, not DOUBLE"),
        (
            """
            drop table build_stages;
            create table build_stages (stage varchar, rows as (getvariable('user')))
            """,
            "build_stages.rows is a formula",
        ),
        ("drop table build_inputs", "it has no table 'build_inputs'"),
        ("delete from build", "not finished: its table build is empty; build it again"),
    ],
)
def test_tables_that_are_not_of_this_version_are_refused_in_a_line(
    made: Path, tmp_path: Path, statements: str, words: str
) -> None:
    path = hostile(made, tmp_path, statements)
    with pytest.raises(DatabaseError) as error:
        ubcf.connect(path)
    assert words in str(error.value)
    done = call_ubcf("sql", "from users", "-d", path, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr


def test_a_view_of_an_analyst_is_left_alone(made: Path, tmp_path: Path) -> None:
    path = hostile(made, tmp_path, "create view likes as from interactions where mean_time > 0.5")
    done = call_ubcf("sql", "select count(*) as n from likes", "-d", path, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "  n\n---\n  2\n")


@pytest.mark.parametrize("name", ["tracks", "secret"])
def test_our_own_commands_cannot_read_other_files(made: Path, tmp_path: Path, name: str) -> None:
    from ubcf.database.reading import connect_closed

    path = hostile(made, tmp_path, "create view secret as from read_text('{secret}')")
    with connect_closed(path) as connection:
        if name == "tracks":
            assert len(connection.execute("from tracks").fetchall()) == 3
        else:
            with pytest.raises(duckdb.PermissionException):
                connection.execute("from secret")


def test_what_a_build_makes_is_what_is_expected(made: Path, tmp_path: Path) -> None:
    ubcf.evaluate(SAMPLE, database=tmp_path / "evaluation.duckdb")
    for path, tables in (
        (made / "ubcf.duckdb", BUILD_TABLES),
        (tmp_path / "evaluation.duckdb", EVALUATION_TABLES),
    ):
        with duckdb.connect(str(path), read_only=True) as connection:
            for table, columns in tables.items():
                relation = connection.table(table)
                found = dict(zip(relation.columns, map(str, relation.types), strict=True))
                assert columns.keys() <= found.keys()
                assert all(kind in (None, found[name]) for name, kind in columns.items())


@pytest.mark.parametrize(
    "name",
    ["prod:v2.duckdb", "sqlite:x", "s3:b", "~x.duckdb", ":memory:"],
)
def test_a_database_of_any_name_is_written_and_read(made: Path, tmp_path: Path, name: str) -> None:
    built = call_ubcf("build", made / "logs", "-d", name, "-o", "out.json", cwd=tmp_path)
    assert (built.returncode, built.stderr) == (0, "")
    assert (tmp_path / name).is_file()
    for command in (
        ["sql", "from users", "-d", name],
        ["sql", "from users", "-d", name, "--allow-files"],
        ["diff", name, name],
    ):
        done = call_ubcf(*command, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout


def test_a_system_without_a_writable_folder_answers(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere() -> str:
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.setattr("tempfile.gettempdir", nowhere)
    for command in (
        ["sql", "select 1"],
        ["inspect", "user", "1"],
        ["explain", "1", "20"],
        ["recommend", "--history", "history.json"],
        ["diff", "ubcf.duckdb", "ubcf.duckdb"],
    ):
        done = call_ubcf(*command, cwd=made)
        assert (done.returncode, bool(done.stdout)) == (0, True), done.stderr
