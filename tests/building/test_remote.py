"""Logs, catalog and JSON on other machines: object stores and web servers, both on loopback.

Every secret of these tests contains SECRET, which nothing that is printed or stored may.
"""

from __future__ import annotations

import gzip
import importlib.util
import itertools
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ubcf
from tests.support.builds import Built
from tests.support.commands import call_ubcf, environment_of_ubcf, run_ubcf
from tests.support.logs import log_line
from tests.support.paths import SAMPLE
from tests.support.servers import SECRET, Bucket, WebServer
from ubcf.building.inputs.transfer import find_inputs
from ubcf.errors import DatabaseError, InputError, RotatedError
from ubcf.progress import Stages, ignore_steps
from ubcf.remote import is_remote, shown

NUMBERS = itertools.count(1)

LINES = [log_line(user, track, (user * track % 7) / 7) for user in range(8) for track in range(6)]
LOG = "".join(f"{line}\n" for line in LINES).encode()
HALVES = ["".join(f"{line}\n" for line in part).encode() for part in (LINES[:20], LINES[20:])]
CATALOG = b'{"track": 1, "artist": "a", "title": "t"}\n'
RESULTS = {"ubcf.duckdb", "recommendations_ub.json"}


@pytest.fixture
def bucket(store: Any) -> Bucket:
    """An empty bucket for one test."""
    return Bucket(store, f"bucket-{next(NUMBERS)}")


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The JSON of LINES, built from a local file."""
    folder = tmp_path_factory.mktemp("expected")
    (folder / "data.json").write_bytes(LOG)
    ubcf.build(folder, database=folder / "ubcf.duckdb", output=folder / "lists.json")
    return (folder / "lists.json").read_bytes()


def build_in(folder: Path, *logs: str, **options: Any) -> Built:
    """Builds from URLs into a folder."""
    summary = ubcf.build(
        logs,
        database=folder / "ubcf.duckdb",
        **{"output": folder / "recommendations_ub.json", **options},
    )
    return Built(folder, summary)


def assert_fails(folder: Path, command: str, words: str, code: int = 1) -> None:
    """A command fails with one line that has these words, and no secret; it leaves no file."""
    before = sorted(folder.rglob("*"))
    done = call_ubcf(*shlex.split(command), cwd=folder)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.startswith("ubcf: error: ") and done.stderr.count("\n") == 1, done.stderr
    assert words in done.stderr
    assert SECRET not in done.stderr
    assert sorted(folder.rglob("*")) == before


# The same results


def test_the_sample_from_an_object_store_gives_the_same_bytes_as_from_this_machine(
    bucket: Bucket, sample: Built, tmp_path: Path
) -> None:
    bucket.put_folder(SAMPLE, "logs")
    built = build_in(tmp_path, f"s3://{bucket.name}/logs")
    assert built.output.read_bytes() == sample.output.read_bytes()
    assert built.rows("select file, bytes, accepted from build_inputs order by file") == [
        (f"s3://{bucket.name}/logs/botify-recommender-{replica}/data.json", size, accepted)
        for replica, (size, accepted) in enumerate(
            sample.rows("select bytes, accepted from build_inputs order by file"), start=1
        )
    ]
    assert built.summary.options["catalog"] == f"s3://{bucket.name}/logs/tracks.json"
    assert built.rows("from tracks") == sample.rows("from tracks")
    assert [stage.stage for stage in built.summary.stages][:2] == ["fetch", "read logs"]
    assert {path.name for path in tmp_path.iterdir()} == RESULTS


def test_the_sample_from_a_web_server_gives_the_same_bytes_as_from_this_machine(
    site: WebServer, sample: Built, tmp_path: Path
) -> None:
    for file in SAMPLE.rglob("*.json"):
        site.files[f"/{file.relative_to(SAMPLE).as_posix()}"] = file.read_bytes()
    logs = [f"{site.url}/botify-recommender-{replica}/data.json" for replica in (1, 2, 3)]
    built = build_in(tmp_path, *logs, catalog=f"{site.url}/tracks.json")
    assert built.output.read_bytes() == sample.output.read_bytes()
    assert built.rows("from tracks") == sample.rows("from tracks")
    assert built.rows("select file from build_inputs order by file") == [(log,) for log in logs]


@pytest.mark.parametrize(
    "place",
    ["s3://{0}", "s3://{0}/", "S3://{0}/a", "s3://{0}/a/", "s3://{0}/*", "s3://{0}/a/**/data*"],
)
def test_folders_and_patterns_find_each_log_once_at_any_depth(
    bucket: Bucket, tmp_path: Path, place: str
) -> None:
    bucket.put("a/b/c/data.json", HALVES[0])
    bucket.put("a/data.json.10.gz", gzip.compress(HALVES[1]))
    for other in ("a/old-data.json", "a/b/data.json.bak", "a/other.json"):
        bucket.put(other, b"not a log")
    if place.endswith("data*"):
        bucket.delete("a/b/data.json.bak")  # a pattern takes what it names
    inputs = find_inputs([place.format(bucket.name), f"s3://{bucket.name}/a/b/c/data.json"])
    logs, _ = inputs.fetched(tmp_path, Stages())
    assert [(log.name, log.path.suffix, log.bytes) for log in logs] == [
        (f"s3://{bucket.name}/a/b/c/data.json", ".json", len(HALVES[0])),
        (f"s3://{bucket.name}/a/data.json.10.gz", ".gz", len(gzip.compress(HALVES[1]))),
    ]
    assert logs[0].path.read_bytes() == HALVES[0]


def test_logs_of_this_machine_and_others_are_one(
    bucket: Bucket, site: WebServer, expected: bytes, tmp_path: Path
) -> None:
    thirds = [b"".join(LOG.splitlines(keepends=True)[part::3]) for part in range(3)]
    bucket.put("data.json", thirds[0])
    site.files["/export?day=1&key=" + SECRET] = thirds[1]
    (tmp_path / "data.json").write_bytes(thirds[2])
    web = f"{site.url}/export?day=1&key={SECRET}"
    built = build_in(tmp_path, f"s3://{bucket.name}", web, str(tmp_path / "data.json"))
    assert built.output.read_bytes() == expected


def test_a_pattern_names_other_logs_in_folders_and_their_format_is_that_of_their_names(
    bucket: Bucket, site: WebServer, expected: bytes, tmp_path: Path
) -> None:
    rows = [f"{user},{track},{(user * track % 7) / 7}" for user in range(8) for track in range(6)]
    halves = ["\n".join(["user,track,time", *part, ""]).encode() for part in (rows[:20], rows[20:])]
    bucket.put("logs/a/plays.csv.gz", gzip.compress(halves[0]))
    bucket.put("logs/data.json", b"not matched by the pattern")
    site.files["/plays.csv?key=" + SECRET] = halves[1]
    web = f"{site.url}/plays.csv?key={SECRET}"
    built = build_in(tmp_path, f"s3://{bucket.name}/logs", web, pattern="*.csv*", ids="integer")
    assert built.output.read_bytes() == expected
    assert built.rows("select file, accepted from build_inputs order by accepted") == [
        (f"s3://{bucket.name}/logs/a/plays.csv.gz", 20),
        (f"{site.url}/plays.csv", 28),
    ]


def test_urls_that_differ_in_a_query_alone_are_different_files(
    site: WebServer, expected: bytes, tmp_path: Path
) -> None:
    for day, half in enumerate(HALVES, start=1):
        site.files[f"/export?day={day}"] = half
    built = build_in(tmp_path, *(f"{site.url}/export?day={day}" for day in (2, 1)))
    assert built.output.read_bytes() == expected
    assert built.rows("select file, accepted from build_inputs order by file") == [
        (f"{site.url}/export", 20),
        (f"{site.url}/export#2", 28),
    ]


def test_rejected_lines_name_the_place_that_they_are_from(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("data.json", LOG + b"nonsense\n")
    built = build_in(tmp_path, f"s3://{bucket.name}", max_rejected=0.5)
    assert built.rows("select file, line_number, reason, line from rejected_lines") == [
        (f"s3://{bucket.name}/data.json", 49, "not JSON", "nonsense")
    ]
    bucket.put("tracks.json", CATALOG + b"nonsense\n")
    assert_fails(
        tmp_path,
        f"build s3://{bucket.name} --max-rejected 0.5",
        f"s3://{bucket.name}/tracks.json, line 2: not JSON",
    )


def test_copies_of_one_catalog_are_one_and_different_ones_an_error(
    bucket: Bucket, tmp_path: Path
) -> None:
    for folder in ("a", "b"):
        bucket.put(f"{folder}/data.json", LOG)
        bucket.put(f"{folder}/tracks.json", CATALOG)
    places = [f"s3://{bucket.name}/{folder}" for folder in ("a", "b")]
    built = build_in(tmp_path, *places)
    assert built.rows("select artist from tracks where track = 1") == [("a",)]
    bucket.put("b/tracks.json", CATALOG.replace(b'"a"', b'"b"'))
    words = f"several catalogs: {places[0]}/tracks.json, {places[1]}/tracks.json; choose one"
    assert_fails(tmp_path, f"build {places[0]} {places[1]}", words)
    built = build_in(tmp_path, *places, catalog=f"{places[1]}/tracks.json")
    assert built.rows("select artist from tracks where track = 1") == [("b",)]


def test_an_evaluation_of_logs_elsewhere_has_the_figures_of_the_same_logs_here(
    bucket: Bucket, site: WebServer, tmp_path: Path
) -> None:
    bucket.put("logs/data.json", LOG)
    bucket.put("logs/tracks.json", b"an evaluation reads no catalog")
    site.files["/test.json?key=" + SECRET] = LOG
    (tmp_path / "data.json").write_bytes(LOG)
    here, elsewhere = (
        ubcf.evaluate(logs, test=test, database=tmp_path / name)
        for logs, test, name in (
            (tmp_path / "data.json", tmp_path / "data.json", "here.duckdb"),
            (f"s3://{bucket.name}/logs", f"{site.url}/test.json?key={SECRET}", "elsewhere.duckdb"),
        )
    )
    assert elsewhere.metrics == here.metrics
    with duckdb.connect(str(tmp_path / "elsewhere.duckdb"), read_only=True) as connection:
        names = "select options->'$.logs', options->'$.test' from evaluation"
        assert connection.execute(names).fetchone() == (
            f'["s3://{bucket.name}/logs"]',
            f'["{site.url}/test.json"]',
        )


# The JSON elsewhere


def test_the_json_goes_to_an_object_store_or_a_web_server_and_the_database_stays_here(
    bucket: Bucket, site: WebServer, expected: bytes, tmp_path: Path
) -> None:
    (tmp_path / "data.json").write_bytes(LOG)
    logs = str(tmp_path / "data.json")
    target = f"s3://{bucket.name}/lists/today.json"
    built = build_in(tmp_path, logs, output=target)
    assert bucket.get("lists/today.json") == expected
    assert built.summary.output == target
    build_in(tmp_path, logs, output=f"{site.url}/today.json?key={SECRET}")
    assert site.files == {f"/today.json?key={SECRET}": expected}
    assert {path.name for path in tmp_path.iterdir()} == {"data.json", "ubcf.duckdb"}


def test_an_empty_file_and_older_recommendations_are_replaced(
    bucket: Bucket, site: WebServer, expected: bytes, tmp_path: Path
) -> None:
    bucket.put("data.json", LOG)
    bucket.put("lists.json", b'{"user": 1, "tracks": [5]}\n')
    site.files["/lists.json"] = b""
    build_in(tmp_path, f"s3://{bucket.name}/data.json", output=f"s3://{bucket.name}/lists.json")
    build_in(tmp_path, f"s3://{bucket.name}/data.json", output=f"{site.url}/lists.json")
    assert bucket.get("lists.json") == expected
    assert site.files["/lists.json"] == expected


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        ("-o s3://{0}/logs/data.json", "is read by this command", 2),
        ("-o s3://{0}/logs/tracks.json", "is read by this command", 2),
        ("-c s3://{0}/page.html -o s3://{0}/page.html", "is read by this command", 2),
        ("-o s3://{0}/logs/new/data.json.3", "the next build would read it", 2),
        ("-o s3://{0}/page.html", "not a file of recommendations but an HTML page", 2),
        ("-o s3://{0}/logs", "exists, and is a folder", 2),
        ("-o s3://{0}", "names a bucket; name a file in it", 2),
        ("-o s3://nobody-has-this/lists.json", "there is no such bucket", 2),
        ("-o {1}/notes.txt?key={2}", "not a file of recommendations but a text file", 2),
        ("-o {1}/refused.json?key={2}", "the server says 403 Forbidden", 1),
        ("-d s3://{0}/ubcf.duckdb", "is on another machine; a database of ubcf build needs", 2),
    ],
)
def test_what_is_read_or_of_another_kind_stays_as_it_is(
    bucket: Bucket, site: WebServer, tmp_path: Path, arguments: str, words: str, code: int
) -> None:
    bucket.put("logs/data.json", LOG)
    bucket.put("logs/tracks.json", CATALOG)
    bucket.put("page.html", b"<html></html>")
    site.files["/notes.txt?key=" + SECRET] = b"a day's work\n" * 100_000
    site.before = lambda request: 403 if "refused" in request else None
    keys, files = bucket.keys(), dict(site.files)
    given = arguments.format(bucket.name, site.url, SECRET)
    assert_fails(tmp_path, f"build s3://{bucket.name}/logs {given}", words, code)
    assert (bucket.keys(), site.files) == (keys, files)
    assert bucket.get("page.html") == b"<html></html>"


# Changes while it is read


def during_fetch(change: Callable[[], None], *, after_a_file: bool) -> Any:
    """A progress that changes something when the fetching begins, or after the first file."""
    changes = iter([change])

    @contextmanager
    def progress(name: str, _length: int | None) -> Iterator[Callable[[int], None]]:
        def advance(_steps: int) -> None:
            next(changes, lambda: None)()

        if name == "fetch" and not after_a_file:
            advance(1)
        yield advance if name == "fetch" else ignore_steps

    return progress


@pytest.mark.parametrize(
    ("change", "words", "after_a_file"),
    [
        ("put logs/data.json.1", "data.json.1: changed or vanished while it was read", False),
        ("put logs/data.json.1", "data.json.1: changed or vanished while it was read", True),
        ("delete logs/data.json.1", "data.json.1: changed or vanished while it was read", False),
        ("delete logs/data.json.1", "data.json.1: changed or vanished while it was read", True),
        ("put logs/data.json.2", "data.json.2: appeared in the logs while it was read", True),
        ("put logs/tracks.json", "tracks.json: changed or vanished while it was read", False),
    ],
)
def test_a_listing_that_changes_while_it_is_read_is_an_error_by_name(
    bucket: Bucket, tmp_path: Path, change: str, words: str, after_a_file: bool
) -> None:
    bucket.put("logs/data.json", HALVES[0])
    bucket.put("logs/data.json.1", HALVES[1])
    bucket.put("logs/tracks.json", CATALOG)
    what, key = change.split()
    content = CATALOG * 2 if key.endswith("tracks.json") else HALVES[1][::-1]
    progress = during_fetch(
        lambda: bucket.put(key, content) if what == "put" else bucket.delete(key),
        after_a_file=after_a_file,
    )
    with pytest.raises(RotatedError, match=f"logs/{words}"):
        build_in(tmp_path, f"s3://{bucket.name}/logs", progress=progress)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_vanishes_is_an_error_by_name(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("logs/data.json", LOG)
    vanish = during_fetch(lambda: bucket.delete("logs/data.json"), after_a_file=True)
    with pytest.raises(RotatedError, match=r"logs/data\.json: changed or vanished"):
        build_in(tmp_path, f"s3://{bucket.name}/logs", progress=vanish)


def test_with_retries_a_build_reads_what_is_there_after_the_change(
    bucket: Bucket, expected: bytes, tmp_path: Path
) -> None:
    bucket.put("data.json", HALVES[0])
    rotate = during_fetch(lambda: bucket.put("data.json", LOG), after_a_file=True)
    built = build_in(tmp_path, f"s3://{bucket.name}", progress=rotate, retries=1)
    assert built.output.read_bytes() == expected


def test_a_file_of_a_web_server_that_changes_ends_with_75(site: WebServer, tmp_path: Path) -> None:
    def grow(request: str) -> None:
        if request.startswith("GET"):
            site.files["/data.json"] += LOG[:100]

    site.files["/data.json"] = LOG
    site.before = grow
    assert_fails(tmp_path, f"build {site.url}/data.json", "data.json: changed or vanished", 75)


# Killed, interrupted, refused


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ubcf", *arguments],
        cwd=folder,
        env=environment_of_ubcf({"NO_PROXY": "127.0.0.1"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("GET /data.json", signal.SIGINT),
        ("PUT /lists.json", signal.SIGKILL),
        pytest.param("GET /data.json", signal.SIGKILL, marks=pytest.mark.slow),
        pytest.param("PUT /lists.json", signal.SIGINT, marks=pytest.mark.slow),
    ],
)
def test_a_build_that_is_killed_in_a_transfer_leaves_all_as_it_was(
    site: WebServer, expected: bytes, tmp_path: Path, number: signal.Signals, moment: str
) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def hang(request: str) -> int | None:
        if request == moment and not go_on.is_set():
            asked.set()
            go_on.wait(60)
            return 500
        return None

    old = b'{"user": 1, "tracks": [5]}\n'
    site.files.update({"/data.json": LOG, "/lists.json": old})
    site.before = hang
    (tmp_path / "ubcf.duckdb").touch()
    arguments = ["build", f"{site.url}/data.json", "-o", f"{site.url}/lists.json"]
    build = started(tmp_path, *arguments)
    while not asked.wait(0.1):
        assert build.poll() is None, build.communicate()
    begun = time.monotonic()
    build.send_signal(number)
    out, errors = build.communicate(timeout=60)
    assert time.monotonic() - begun < 10, "it waits for the transfer"
    go_on.set()
    assert (out, errors.strip(), site.files["/lists.json"]) == ("", "", old)
    assert (tmp_path / "ubcf.duckdb").stat().st_size == 0
    if number == signal.SIGINT:
        assert build.returncode == 130
        assert [path.name for path in tmp_path.iterdir()] == ["ubcf.duckdb"]
    done = run_ubcf(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["ubcf.duckdb"]
    assert site.files["/lists.json"] == expected


def test_a_refused_upload_leaves_the_database_as_it_was(
    bucket: Bucket, site: WebServer, tmp_path: Path
) -> None:
    bucket.put("data.json", LOG)
    build_in(tmp_path, f"s3://{bucket.name}", top=3)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    other = Bucket(bucket.client, f"{bucket.name}-other")

    @contextmanager
    def delete_bucket(name: str, _length: int | None) -> Iterator[Callable[[int], None]]:
        if name == "upload":
            bucket.client.delete_bucket(Bucket=other.name)
        yield ignore_steps

    with pytest.raises(DatabaseError, match=f"s3://{other.name}/x.json: cannot be written"):
        build_in(
            tmp_path,
            f"s3://{bucket.name}",
            output=f"s3://{other.name}/x.json",
            progress=delete_bucket,
        )
    site.before = lambda request: 507 if request.startswith("PUT") else None
    with pytest.raises(DatabaseError, match="the server says 507 Insufficient Storage"):
        build_in(tmp_path, f"s3://{bucket.name}", output=f"{site.url}/x.json")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


# Errors and secrets


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("s3://{0}/nothing", "no such file, folder or bucket, and no file matches it as a pattern"),
        ("s3://nobody-has-this/logs", "s3://nobody-has-this/logs: no such file, folder or bucket"),
        ("s3://{0}/missing*", "no file matches it as a pattern"),
        ("s3://{0}", "no log file in this folder; looked at every depth for data.json"),
        ("s3://not a bucket!/x", "cannot be read: not a valid name"),
        ("s3://KEY:{2}@bucket/logs", "s3://bucket/logs: a URL of s3:// has no credentials in it"),
        ("s3://", "names no bucket"),
        ("{1}/missing.json?X-Amz-Signature={2}", "/missing.json: no such file"),
        ("{1}/refused.json?X-Amz-Signature={2}", "the server says 403 Forbidden"),
        ("{1}/broken.json?X-Amz-Signature={2}", "the server says 500 Internal Server Error"),
        ("{1}/logs/", "a web server lists no files; name each of them"),
        ("{1}/logs/*.json", "a web server lists no files; name each of them"),
        (
            "http://user:{2}@127.0.0.1:9/data.json",
            "127.0.0.1:9/data.json: cannot be read: the serv",
        ),
        (
            "https://nowhere.invalid/x?sig={2}",
            "//nowhere.invalid/x: cannot be read: the server can",
        ),
        ("http://127.0.0.1:port/x?sig={2}", "cannot be read: not a valid URL"),
        ("http://[1/x?sig={2}", "cannot be read: not a valid URL"),
        (
            "ftp://user:{2}@host/data.json",
            "ftp://host/data.json: ftp:// is not known; known are s3",
        ),
    ],
)
def test_what_cannot_be_reached_is_said_in_one_line_without_secrets(
    bucket: Bucket, site: WebServer, tmp_path: Path, place: str, words: str
) -> None:
    bucket.put("notes.txt", b"notes")
    statuses = {"refused": 403, "broken": 500}
    site.before = lambda request: next(
        (status for name, status in statuses.items() if name in request), None
    )
    given = shlex.quote(place.format(bucket.name, site.url, SECRET))
    assert_fails(tmp_path, f"build {given}", words)


@pytest.mark.parametrize("command", ["evaluate {0}", "build data.json -c {0}"])
def test_so_it_is_for_an_evaluation_and_a_catalog(
    site: WebServer, tmp_path: Path, command: str
) -> None:
    (tmp_path / "data.json").write_bytes(LOG)
    given = command.format(f"{site.url}/missing.json?X-Amz-Signature={SECRET}")
    assert_fails(tmp_path, given, f"{site.url}/missing.json: no such file")


def test_credentials_reach_the_server_and_nothing_that_is_printed_or_stored(
    bucket: Bucket, site: WebServer, tmp_path: Path
) -> None:
    site.files[f"/data.json?X-Amz-Signature={SECRET}%2F1"] = LOG + b"nonsense\n"
    site.files[f"/tracks.json?key={SECRET}"] = CATALOG
    bucket.put("data.json", LOG)
    host = site.url.removeprefix("http://")
    done = call_ubcf(
        "build",
        f"http://user:{SECRET}@{host}/data.json?X-Amz-Signature={SECRET}%2F1",
        f"s3://{bucket.name}",
        "--catalog",
        f"{site.url}/tracks.json?key={SECRET}",
        "--output",
        f"http://user:{SECRET}@{host}/lists.json?key={SECRET}",
        "--max-rejected",
        "1",
        "--format",
        "json",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert f"GET /data.json?X-Amz-Signature={SECRET}%2F1" in site.requests
    assert any(found and found.startswith("Basic ") for found in site.authorizations)
    assert SECRET not in done.stdout + done.stderr
    assert f"{site.url}/data.json" in done.stdout
    with duckdb.connect(str(tmp_path / "ubcf.duckdb"), read_only=True) as connection:
        for (table,) in connection.execute("select table_name from duckdb_tables()").fetchall():
            rows = connection.execute(f'select whole::varchar from "{table}" as whole').fetchall()
            assert not any(SECRET in row for (row,) in rows), table


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("logs/data.json", "logs/data.json"),
        ("s3://bucket/a/data.json.?", "s3://bucket/a/data.json.?"),
        ("s3://key:secret@bucket/a", "s3://bucket/a"),
        ("s3://bucket/a?X-Amz-Signature=1", "s3://bucket/a"),
        ("gs://bucket/a#b", "gs://bucket/a#b"),
        ("HTTPS://u:p@host:8/a@b?c=d#e", "https://host:8/a@b"),
        ("http://u:p@x@host", "http://host"),
        ("http://host?u@p", "http://host"),
        ("http://[::1]:80/a?b", "http://[::1]:80/a"),
        ("http://u:p?w@host/a", "http://..."),
        ("s3://key:sec/ret@bucket/a", "s3://..."),
    ],
)
def test_a_url_is_shown_without_user_password_and_query(place: str, name: str) -> None:
    assert shown(place) == name
    assert is_remote(place) == ("://" in place)


# Packages


@pytest.mark.parametrize("place", ["s3://bucket/logs", "https://host/data.json"])
def test_without_the_extra_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str
) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    assert_fails(tmp_path, f"build {place}", "needs a package: pip install 'ubcf[remote]'")


@pytest.mark.skipif(importlib.util.find_spec("gcsfs") is not None, reason="gcsfs is installed")
def test_without_gcsfs_the_error_says_what_to_install() -> None:
    with pytest.raises(InputError, match=r"gs:// needs a package: .* 'ubcf\[remote\]' gcsfs"):
        ubcf.build("gs://bucket/logs")


def test_a_build_of_local_logs_loads_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_bytes(LOG)
    code = """
import sys, ubcf
ubcf.build("data.json")
print(sorted({"asyncio", "fsspec", "s3fs", "aiohttp"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment_of_ubcf(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
