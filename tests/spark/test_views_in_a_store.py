"""A database whose tables are views of objects of a store is read as any.

What commands print on it is what they print on the database of one machine.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ubcf
from tests.spark.test_views import COMMANDS, PAGES, VALUES, WRITING, succeeds
from tests.support.browsing import browsing
from tests.support.builds import Built, build_in
from tests.support.commands import call_ubcf
from tests.support.paths import SAMPLE
from tests.support.servers import SECRET, Bucket, WebServer
from tests.support.stored import assert_prints_the_same, with_views
from ubcf.analysis.statements import first_rows
from ubcf.database.read_only_files import ReadOnlyFiles
from ubcf.database.reading import connect_apart, connect_locked
from ubcf.errors import QueryError
from ubcf.remote import Remote, _remote_of


@pytest.fixture(scope="module")
def bucket(store: Any) -> Bucket:
    return Bucket(store, "views")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Another build of the sample, with shorter lists and predicted times."""
    return build_in(tmp_path_factory.mktemp("other"), SAMPLE, top=10, predict=True)


@pytest.fixture(scope="module")
def folders(
    sample: Built, other: Built, bucket: Bucket, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Two folders with the sample and the other build: as tables, and as views."""
    tables, views = tmp_path_factory.mktemp("tables"), tmp_path_factory.mktemp("views")
    for name, built in (("ubcf", sample), ("other", other)):
        shutil.copy(built.database, tables / f"{name}.duckdb")
        pointer = with_views(built.database, views / name, bucket, f"the results'/{name}")
        shutil.move(pointer, views / f"{name}.duckdb")
    for folder in (tables, views):
        (folder / "history.json").write_text('{"64": 1.0, "65": 0.1}')
        (folder / "pairs.jsonl").write_text('{"user": 7, "track": 64}\n{"user": 8, "track": 1}\n')
    return tables, views


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_prints_the_same(folders: tuple[Path, Path], command: list[str]) -> None:
    assert_prints_the_same(folders, command)


def test_every_analysis_and_the_report_print_the_same(folders: tuple[Path, Path]) -> None:
    received = [list(_all_rows(folder / "ubcf.duckdb")) for folder in folders]
    assert received[1] == received[0]
    for folder in folders:
        assert call_ubcf("report", "-o", "report.html", cwd=folder).returncode == 0
    assert (folders[1] / "report.html").read_bytes() == (folders[0] / "report.html").read_bytes()


def _all_rows(path: Path) -> Iterator[tuple[str, list[Any]]]:
    # Two connections share the file, and what reads its objects.
    with ubcf.connect(path) as one, ubcf.connect(path) as two:
        assert two.execute("select count(*) from users").fetchall() == [(400,)]
        for analysis in ubcf.analyses():
            given: dict[str, Any] = {
                each.name: VALUES[each.name] for each in analysis.variables if each.required
            }
            yield analysis.name, ubcf.query(one, analysis.name, **given).fetchall()


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


@pytest.fixture(params=["sql", "browse"])
def locked(
    folders: tuple[Path, Path], request: pytest.FixtureRequest
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A session for statements that are not trusted."""
    path = folders[1] / "ubcf.duckdb"
    opened = connect_locked(path) if request.param == "sql" else connect_apart(path, "20%")
    with closing(opened) as connection:
        yield connection


def test_no_statement_can_write_or_read_anything_in_the_store(
    bucket: Bucket, locked: duckdb.DuckDBPyConnection
) -> None:
    bucket.put("secret/users/000000.parquet", bucket.get("the results'/ubcf/users/000000.parquet"))
    before = bucket.content()
    own = f"s3://{bucket.name}/the results''/ubcf/users/000000.parquet"
    other = f"s3://{bucket.name}/secret/users/000000.parquet"
    new = f"s3://{bucket.name}/the results''/ubcf/users/000009.parquet"
    statements = [
        *(form.replace("{}", target) for target in (own, other, new) for form in WRITING),
        f"from read_parquet('{other}')",
        f"from read_parquet('s3://{bucket.name}/*/*/*.parquet')",
        f"from glob('s3://{bucket.name}/**')",
        f"from read_text('{other}')",
    ]
    assert [each for each in statements if succeeds(locked, each)] == []
    assert bucket.content() == before
    assert locked.execute("select count(*) from users").fetchall() == [(400,)]


# Views that nobody's build made

FORM = (
    'select cast("user" as bigint) as "user" '
    "from read_parquet(['{place}'], hive_partitioning = false)"
)

# Where a database that somebody else made may say that its rows are; {0} is a bucket.
NO_PLACES = [
    "http://169.254.169.254/build/users/000000.parquet",
    "https://host/build/users/000000.parquet",
    "hf://datasets/build/users/000000.parquet",
    "S3://{0}/ubcf/users/000000.parquet",
    "s3://user:password@{0}/ubcf/users/000000.parquet",
    "s3://arn:aws:s3:us-east-1:123456789012:accesspoint/a/users/000000.parquet",
    "s3://{0}/ubcf/events/000000.parquet",
    "s3://{0}/ubcf/users/*.parquet",
    "s3://{0}/ubcf/users/00000?.parquet",
    "s3://{0}/ubcf/users/data.json",
    "s3://{0}/ubcf/../ubcf/users/000000.parquet",
    "s3://{0}//users/000000.parquet",
    "s3://{0}/ubcf/users/000000.parquet?versionId=1",
    "s3://{0}/ubcf?versionId=1/../users/000000.parquet",
    "s3://{0}/ubcf/users/000000.parquet', 'http://host/users/000001.parquet",
    "s3://{0}/ubcf/users/000000.parquet', 's3://{0}/other/users/000000.parquet",
]


@pytest.fixture
def pointer(sample: Built, tmp_path: Path) -> Path:
    """The database of the sample, which a test may change."""
    return Path(shutil.copy(sample.database, tmp_path / "ubcf.duckdb"))


def _point(pointer: Path, view: str, place: str) -> None:
    """Puts a view of a place into a database in place of a table, without looking there."""
    users = pointer.with_name("users.parquet")
    with duckdb.connect(str(pointer)) as connection:
        if not users.exists():
            connection.execute(f"copy users to '{users}'")
        scheme = place.partition("://")[0]
        connection.register_filesystem(ReadOnlyFiles(lambda _: users, scheme))
        if scheme != "http":
            connection.register_filesystem(ReadOnlyFiles(lambda _: users, "http"))
        connection.execute(f"drop table {view}")
        connection.execute(f"create view {view} as {FORM.replace('{place}', place)}")


def _refused(pointer: Path, *arguments: str) -> str:
    """What a command says that a database makes fail."""
    done = call_ubcf(*(arguments or ("sql", "from users")), cwd=pointer.parent)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ubcf: error: ubcf.duckdb: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert SECRET not in done.stderr
    return done.stderr.removeprefix("ubcf: error: ubcf.duckdb: ").rstrip()


@pytest.mark.parametrize("place", NO_PLACES)
def test_a_place_that_no_build_writes_to_is_never_asked_for(
    bucket: Bucket, pointer: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("ubcf.remote.Remote._located", lambda _, url: asked.append(url))
    _point(pointer, "users", place.replace("{0}", bucket.name))
    for arguments in (["sql", "from users"], ["inspect", "user", "7"]):
        said = _refused(pointer, *arguments)
        assert said == "not a database that ubcf made: users is a view that it did not make"
    assert asked == []


def test_what_is_no_build_is_not_listed_or_read(
    bucket: Bucket, pointer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("private/users/000000.parquet", b"not for everybody")
    asked: list[str] = []
    located = Remote._located

    def noting(self: Remote, url: str) -> Any:
        asked.append(url)
        return located(self, url)

    monkeypatch.setattr(Remote, "_located", noting)
    _point(pointer, "users", f"s3://{bucket.name}/private/users/000000.parquet")
    marker = f"s3://{bucket.name}/private/build.json"
    gone = "the rows of its table users are gone: there is no"
    assert _refused(pointer) == f"{gone} {marker}; build it again"
    assert set(asked) == {marker}
    bucket.put("private/build.json", b"{}")
    bucket.delete("private/users/000000.parquet")
    place = f"s3://{bucket.name}/private/users/000000.parquet"
    assert _refused(pointer) == f"{gone} {place}; build it again"


def test_views_of_several_builds_are_refused(bucket: Bucket, pointer: Path) -> None:
    for table, build in (("users", "ubcf"), ("tracks", "other")):
        _point(pointer, table, f"s3://{bucket.name}/{build}/{table}/000000.parquet")
    assert _refused(pointer) == "not a database that ubcf made: its views are of several builds"


@pytest.fixture
def other_stores(bucket: Bucket) -> Iterator[None]:
    """Lets a test change the environment in which this process finds the store."""
    assert bucket
    yield
    _remote_of.cache_clear()


@pytest.mark.usefixtures("other_stores")
def test_a_store_that_does_not_answer_or_refuses_is_said_in_a_line(
    pointer: Path, site: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _point(pointer, "users", "s3://rows/build/users/000000.parquet")
    start = "its rows are in an object store: s3://rows/build/build.json: cannot be read: "
    site.before = lambda _request: 403
    for server, words in ((site.url, "access denied"), ("http://127.0.0.1:9", "the server cannot")):
        monkeypatch.setenv("AWS_ENDPOINT_URL", server)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        _remote_of.cache_clear()
        assert _refused(pointer).startswith(start + words)
    monkeypatch.setitem(sys.modules, "fsspec", None)
    _remote_of.cache_clear()
    assert _refused(pointer).endswith("s3:// needs a package: pip install 'ubcf[remote]'")


def test_objects_that_go_while_they_are_read_are_named(
    sample: Built, bucket: Bucket, tmp_path: Path
) -> None:
    path = with_views(sample.database, tmp_path, bucket, "going")
    connection = connect_locked(path)
    bucket.delete(*(key for key in bucket.content() if key.startswith("going/users/")))
    with closing(connection), pytest.raises(QueryError) as error:
        first_rows(connection, "from users", 1)
    # Threads read both files; either error may come first.
    words = r"/going/users/00000[01]\.parquet: cannot be read: no such file or bucket"
    assert re.fullmatch(f"s3://{bucket.name}{words}", str(error.value))
