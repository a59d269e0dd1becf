"""Nothing that is read is ever overwritten, and a file is replaced only by one of its kind."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sqlite3
import stat
import sys
from pathlib import Path

import duckdb
import pytest

from tests.support.commands import call_ubcf, run_ubcf
from tests.support.logs import log_line, write_log

if sys.platform == "win32":
    pytest.skip("links, pipes and owners are POSIX's", allow_module_level=True)

LINES = [(user, track, (user * track % 7) / 7) for user in range(8) for track in range(6)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with logs, a catalog, and everything that the commands make of them."""
    folder = tmp_path_factory.mktemp("finished")
    write_log(folder / "logs" / "r1" / "data.json", [log_line(*line) for line in LINES])
    (folder / "logs" / "tracks.json").write_text('{"track": 1, "artist": "a", "title": "t"}\n')
    (folder / "mine" / "checks").mkdir(parents=True)
    (folder / "mine" / "checks" / "none.sql").write_text("select 1 where false")
    for arguments in (
        ["build", "logs"],
        ["evaluate", "logs", "--split", "random"],
        ["report"],
        ["sql", "from users", "--output", "users.csv"],
    ):
        assert call_ubcf(*arguments, cwd=folder).returncode == 0
    return folder


@pytest.fixture
def place(finished: Path, tmp_path: Path) -> Path:
    """A copy of that folder, with other files, for one test."""
    place = Path(shutil.copytree(finished, tmp_path / "place"))
    (place / "link.json").symlink_to("logs/r1/data.json")
    (place / "hard.json").hardlink_to(place / "logs" / "r1" / "data.json")
    (place / "notes.txt").write_text("a day's work\nof somebody, else\n")
    (place / "page.html").write_text("<html><body>a page</body></html>")
    with sqlite3.connect(place / "other.sqlite") as connection:
        connection.execute("create table notes (note text)")
    with duckdb.connect(str(place / "other.duckdb")) as connection:
        connection.execute("create table notes as select 1 as note")
    return place


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of all files in a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("build logs -d logs/r1/data.json", "is read by this command"),
        ("build logs -o logs/r1/data.json", "is read by this command"),
        ("build logs -d logs/tracks.json", "is read by this command"),
        ("build logs -o logs/tracks.json", "is read by this command"),
        ("build logs -d link.json", "is read by this command"),
        ("build logs -o hard.json", "is read by this command"),
        ("build logs --templates mine -o mine/checks/none.sql", "is read by this command"),
        ("build logs -o logs/new/data.json.7", "the next build would read it"),
        ("build logs -o logs/new/tracks.json", "the next build would read it"),
        ("build logs -d other.duckdb", "not a database of ubcf build but another DuckDB database"),
        ("build logs -d evaluation.duckdb", "not a database of ubcf build"),
        ("build logs -d other.sqlite", "but a SQLite database"),
        ("build logs -d notes.txt", "but a text file"),
        ("build logs -d recommendations_ub.json", "but a JSON file"),
        ("build logs -o ubcf.duckdb", "not a file of recommendations but another DuckDB database"),
        ("build logs -o notes.txt", "not a file of recommendations but a text file"),
        ("build logs -o page.html", "but an HTML page"),
        ("build logs -d data", "is a folder"),
        ("build logs -d /dev/null", "is not a file on disk"),
        ("evaluate logs --split random -d ubcf.duckdb", "not a database of ubcf evaluate"),
        ("evaluate logs --split random -d logs/r1/data.json", "is read by this command"),
        ("evaluate logs --test logs/r1 -d hard.json", "is read by this command"),
        ("report -o ubcf.duckdb", "is read by this command"),
        ("report -o page.html", "not a report but an HTML page"),
        ("report -o logs/r1/data.json", "not a report but a JSON file"),
        ("sql --file query.jsonl --output query.jsonl", "is read by this command"),
        ("sql from\\ users --output ubcf.csv", "is read by this command"),
        ("sql from\\ users --output logs/r1/data.json", "not a JSON array but a JSON file"),
        ("sql from\\ users --output page.csv", "not a CSV file but an HTML page"),
        ("sql from\\ users --output users.parquet", "not a Parquet file but a text file"),
        ("simulate --users 5 --tracks 9 --events 50 --out logs --force", "earlier simulation"),
        ("simulate --users 5 --tracks 9 --events 50 --out own --force", "earlier simulation"),
    ],
)
def test_what_is_read_or_of_another_kind_stays_as_it_is(
    place: Path, arguments: str, words: str
) -> None:
    (place / "data").mkdir()
    (place / "logs" / "new").mkdir()
    (place / "query.jsonl").write_text("from users\n")
    (place / "ubcf.csv").symlink_to("ubcf.duckdb")
    shutil.copy(place / "page.html", place / "page.csv")
    shutil.copy(place / "users.csv", place / "users.parquet")
    write_log(place / "own" / "botify-recommender-1" / "data.json", [log_line(1, 2, 0.5)])
    before = contents(place)
    done = call_ubcf(*shlex.split(arguments), cwd=place)
    assert (done.returncode in (1, 2), done.stdout) == (True, ""), done.stderr
    assert done.stderr.startswith("ubcf: error: ") and done.stderr.count("\n") == 1, done.stderr
    assert words in done.stderr
    assert contents(place) == before


def test_files_of_the_kind_and_empty_files_are_replaced(place: Path) -> None:
    for name in ("new.duckdb", "new.json", "new.csv"):
        (place / name).touch()
    for arguments in (
        ["build", "logs", "-d", "new.duckdb", "-o", "new.json", "--top", "3"],
        ["build", "logs", "--top", "3"],
        ["evaluate", "logs", "--split", "random"],
        ["report"],
        ["sql", "from tracks", "--output", "users.csv"],
        ["sql", "from tracks", "--output", "new.csv"],
    ):
        assert call_ubcf(*arguments, cwd=place).returncode == 0, arguments
    assert (place / "new.json").read_bytes() == (place / "recommendations_ub.json").read_bytes()
    assert (place / "new.csv").read_bytes() == (place / "users.csv").read_bytes()


def test_a_device_or_a_pipe_is_written_to_and_stays(place: Path) -> None:
    assert run_ubcf("build", "logs", "-o", "/dev/null", cwd=place).returncode == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    pipe = place / "pipe.jsonl"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    done = call_ubcf("sql", 'select 7 as "user"', "--output", "pipe.jsonl", cwd=place)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(os.read(reader, 100)) == {"user": 7}
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_result_keeps_the_owner_the_group_and_the_mode_of_what_it_replaces(place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may give files away")
    for name in ("ubcf.duckdb", "recommendations_ub.json"):
        os.chown(place / name, 65534, 65533)
        (place / name).chmod(0o640)
    assert call_ubcf("build", "logs", "--top", "3", cwd=place).returncode == 0
    for name in ("ubcf.duckdb", "recommendations_ub.json"):
        state = (place / name).stat()
        assert (state.st_uid, state.st_gid, stat.S_IMODE(state.st_mode)) == (65534, 65533, 0o640)
