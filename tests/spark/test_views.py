"""A database whose tables are views of Parquet, as a build on Spark leaves it, is read as any.

What commands print on it is what they print on the database of one machine.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from pathlib import Path

import duckdb
import pytest

import ubcf
from tests.analysis.test_statements import ATTEMPTS, snapshot
from tests.support.browsing import browsing
from tests.support.builds import Built, build_in
from tests.support.commands import call_ubcf
from tests.support.paths import SAMPLE
from tests.support.stored import assert_prints_the_same, with_views
from ubcf.database.reading import connect_apart, connect_locked
from ubcf.errors import DatabaseError

VALUES = {
    "user": "7", "track": "64", "experiment": "ALL", "text": "a", "other": "8", "least": "1",
}  # fmt: skip

COMMANDS = [
    ["inspect", "user", "7"],
    ["inspect", "track", "64"],
    ["explain", "7", "64"],
    ["recommend", "--history", "history.json", "--format", "jsonl"],
    ["predict", "pairs.jsonl"],
    ["experiment"],
    ["check"],
    ["check", "--against", "other.duckdb"],
    ["diff", "other.duckdb", "ubcf.duckdb"],
    ["diff", "ubcf.duckdb", "other.duckdb"],
    ["sql", "from build"],
    ["sql", "from recommendations order by all limit 20", "--titles"],
    ["sql", "describe recommendations", "--format", "csv"],
    ["sql", "create temp table t as from events; select count(*), max(experiments) from t"],
    ["sql", "from weights_of(7)", "--allow-files"],
    ["sql", "from interactions", "--format", "jsonl"],
]


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Another build of the sample, with shorter lists and predicted times."""
    return build_in(tmp_path_factory.mktemp("other"), SAMPLE, top=10, predict=True)


@pytest.fixture(scope="module")
def folders(
    sample: Built, other: Built, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Two folders with the sample and the other build: as tables, and as views."""
    tables, views = tmp_path_factory.mktemp("tables"), tmp_path_factory.mktemp("views [a]*'s")
    for name, built in (("ubcf", sample), ("other", other)):
        shutil.copy(built.database, tables / f"{name}.duckdb")
        shutil.move(with_views(built.database, views / name), views / f"{name}.duckdb")
    for folder in (tables, views):
        (folder / "history.json").write_text('{"64": 1.0, "65": 0.1}')
        (folder / "pairs.jsonl").write_text('{"user": 7, "track": 64}\n{"user": 8, "track": 1}\n')
    return tables, views


@pytest.fixture(scope="module")
def views(folders: tuple[Path, Path]) -> Path:
    """The folder of the views."""
    return folders[1]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_prints_the_same(folders: tuple[Path, Path], command: list[str]) -> None:
    assert_prints_the_same(folders, command)


def test_every_analysis_prints_the_same(folders: tuple[Path, Path]) -> None:
    for analysis in ubcf.analyses():
        given = [
            f"--param={each.name}={VALUES[each.name]}"
            for each in analysis.variables
            if each.required
        ]
        arguments = ["query", analysis.name, *given, "--format", "csv"]
        expected, found = (call_ubcf(*arguments, cwd=folder) for folder in folders)
        assert expected.returncode == 0, expected.stderr
        assert found.stdout == expected.stdout


def test_files_of_rows_and_the_report_are_the_same(folders: tuple[Path, Path]) -> None:
    for suffix in ("parquet", "csv"):
        for folder in folders:
            query = "from neighbors order by all"
            done = call_ubcf("sql", query, "--output", f"rows.{suffix}", cwd=folder)
            assert done.returncode == 0, done.stderr
    for folder in folders:
        done = call_ubcf("report", "-o", "report.html", cwd=folder)
        assert done.returncode == 0, done.stderr
    for name in ("rows.parquet", "rows.csv", "report.html"):
        assert (folders[1] / name).read_bytes() == (folders[0] / name).read_bytes()


PAGES = [
    "/users/7",
    "/users/7/tracks/64",
    "/tracks/64",
    "/users.json",
    "/tracks.json",
    "/compare",
    "/analyses/similar_users.json?user=7",
    "/sql.json?q=from+users+order+by+all",
    "/experiments/AA_CHECK",
    "/api/recommendations/7",
]


def test_the_pages_of_browse_are_the_same(folders: tuple[Path, Path]) -> None:
    received = []
    for folder in folders:
        with browsing(folder / "ubcf.duckdb", folder / "other.duckdb") as site:
            received.append([(page, site.ask(page)) for page in PAGES])
    for (page, expected), (_, found) in zip(*received, strict=True):
        assert (page, expected.status) == (page, 200)
        assert unescape(found.text) == unescape(expected.text).replace(
            str(folders[0]), str(folders[1])
        )


# The sandbox

WRITING = [
    "copy (select 1) to '{}' (use_tmp_file false)",
    "copy (select 1) to '{}'",
    "copy (select 1) to '{}' (format csv, use_tmp_file false)",
    "with c as (copy (select 1) to '{}' (use_tmp_file false)) from c",
    "set variable x = (with c as (copy (select 1) to '{}' (use_tmp_file false)) select 1 from c)",
    "prepare p as copy (select 1) to '{}' (use_tmp_file false); execute p",
    "explain analyze copy (select 1) to '{}' (use_tmp_file false)",
    "from query('with c as (copy (select 1) to ''{}'' (use_tmp_file false)) from c')",
    "export database '{}'",
    "create or replace temp table t as from users; copy t to '{}' (use_tmp_file false)",
]


@pytest.fixture(params=["sql", "browse"])
def locked(views: Path, request: pytest.FixtureRequest) -> Iterator[duckdb.DuckDBPyConnection]:
    """A session for statements that are not trusted."""
    path = views / "ubcf.duckdb"
    opened = connect_locked(path) if request.param == "sql" else connect_apart(path, "20%")
    with closing(opened) as connection:
        yield connection


# A temporary view hides that of the database: it may be renamed, say, until the session ends.
OF_THE_SESSION = ["alter table users rename to people", "comment on table users is 'mine'"]


def succeeds(connection: duckdb.DuckDBPyConnection, statement: str) -> bool:
    try:
        connection.execute(statement).fetchall()
    except duckdb.Error:
        return False
    return True


def test_no_statement_can_write_the_files_that_it_reads(
    views: Path, locked: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(views)
    before = snapshot(views)
    file = str(next(views.glob("ubcf/results/users/*.parquet"))).replace("'", "''")
    targets = (file, "stored://users/0.parquet", "stored://users/9.parquet")
    statements = [
        *(statement.replace("{}", target) for target in targets for statement in WRITING),
        # It cannot read anything but these either, nor can it unlock itself.
        f"from read_parquet('{file}')",
        *(statement for statement in ATTEMPTS if statement not in OF_THE_SESSION),
    ]
    done = [statement for statement in statements if succeeds(locked, statement)]
    assert done == []
    assert snapshot(views) == before
    assert locked.execute("select count(*) from users").fetchall() == [(400,)]


def test_what_is_refused_is_said_in_a_line(views: Path) -> None:
    statement = "copy (select 1) to 'stored://users/0.parquet' (use_tmp_file false)"
    done = call_ubcf("sql", statement, cwd=views)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "ubcf: error: stored://users/0.parquet: the files of a build are only read\n"
    )


# Views that nobody's build made

SECRET = "the-secret-of-the-house"

FROM = "from read_parquet(['{folder}/results/users/000000.parquet'], hive_partitioning = false)"
FORM = 'select cast("user" as bigint) as "user" ' + FROM
FILE = "results/users/000000.parquet"

# What may stand in a database that somebody else made.
HOSTILE = [
    "from somebodys",
    f"select * {FROM}",
    f'select cast(abs("user") as bigint) as "user" {FROM}',
    f'select cast((select 1) as bigint) as "user" {FROM}',
    f"{FORM} where true",
    f"{FORM}, range(9)",
    f"{FORM} union all {FORM}",
    FORM.replace("hive_partitioning = false", "union_by_name = true, filename = true"),
    FORM.replace("hive_partitioning = false", "filename = true"),
    FORM.replace("hive_partitioning = false", "hive_partitioning = true"),
    FORM.replace("select", "select distinct"),
    f"{FORM} order by 1",
    f"{FORM} limit 1",
    FORM.replace(FILE, "results/users/*.parquet"),
    FORM.replace(FILE, "results/users/../users/000000.parquet"),
    FORM.replace(FILE, "results/interactions/000000.parquet"),
    FORM.replace(FILE, "other.parquet"),
    "select cast(content as varchar) as \"user\" from read_text(['{folder}/secret.txt'])",
    "with x as (from read_text('{folder}/secret.txt')) select cast(content as varchar) from x",
]


def test_a_view_of_another_form_is_never_run(sample: Built, tmp_path: Path) -> None:
    path = with_views(sample.database, tmp_path)
    (tmp_path / "secret.txt").write_text(SECRET)
    shutil.copy(tmp_path / FILE, tmp_path / "other.parquet")
    for query in HOSTILE:
        with duckdb.connect(str(path)) as connection:
            connection.execute('create or replace table somebodys as select 1 as "user"')
            connection.execute(
                f"create or replace view users as {query.replace('{folder}', str(tmp_path))}"
            )
        for arguments in (["sql", "from users"], ["inspect", "user", "7"]):
            done = call_ubcf(*arguments, cwd=tmp_path)
            assert (done.returncode, done.stdout) == (1, ""), query
            assert done.stderr == (
                "ubcf: error: ubcf.duckdb: not a database that ubcf made: users is a view that it "
                "did not make\n"
            )


def test_a_build_without_its_files_is_named(sample: Built, tmp_path: Path) -> None:
    path = with_views(sample.database, tmp_path)
    file = tmp_path / "results" / "tracks" / "000001.parquet"
    file.unlink()
    with pytest.raises(DatabaseError) as error:
        ubcf.connect(path)
    assert str(error.value) == (
        f"{path}: the rows of its table tracks are gone: there is no {file}; build it again"
    )
    shutil.rmtree(tmp_path / "results")
    done = call_ubcf("sql", "from build", cwd=tmp_path)
    assert done.returncode == 1
    assert "ubcf.duckdb: the rows of its table" in done.stderr


def test_without_fsspec_our_own_commands_work_and_statements_name_it(
    views: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ubcf.database.read_only_files", None)
    assert call_ubcf("inspect", "user", "7", cwd=views).returncode == 0
    done = call_ubcf("sql", "from users", cwd=views)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("a package that is missing: pip install fsspec\n")
    assert done.stderr.count("\n") == 1
