"""`ubcf templates`: the files of sql/ for somebody who has no copy of the project."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from tests.support.commands import call_ubcf
from tests.support.logs import write_log
from tests.support.sql_files import README, SQL, section_of

PLAYS = [(1, 20, 0.2), (1, 40, 0.4), (2, 10, 0.2), (2, 20, 0.8), (2, 30, 0.0), (3, 40, 0.8)]

ROW = re.compile(r"^\| \[\w+\]\(([\w/]+\.sql)\) \| (.*?) \| ", flags=re.MULTILINE)


def files_in(folder: Path) -> list[str]:
    """The relative paths of all files in a folder, hidden ones too."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


# Looking


def test_the_list_says_of_every_file_what_the_readme_says(tmp_path: Path) -> None:
    done = call_ubcf("templates", "--format", "json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    listed = [(row["template"], row["summary"]) for row in json.loads(done.stdout)]
    assert listed == sorted(ROW.findall(section_of(README.read_text(encoding="utf-8"))))
    assert [name for name, _ in listed] == files_in(SQL)[1:]  # the first is README.md


def test_the_list_comes_in_the_formats_of_rows(tmp_path: Path) -> None:
    done = call_ubcf("templates", "--format", "csv", cwd=tmp_path)
    names, *rows = csv.reader(io.StringIO(done.stdout))
    assert names == ["template", "summary"]
    assert ["model/interactions.sql", "one row per user and track heard"] in rows
    table = call_ubcf("templates", cwd=tmp_path).stdout.splitlines()
    assert table[0].split() == ["template", "summary"]
    assert len(table) == len(rows) + 2


@pytest.mark.parametrize("name", ["staging/log_lines.sql", "analysis/diff/counts.sql"])
def test_a_name_prints_the_file_as_it_is(tmp_path: Path, name: str) -> None:
    done = call_ubcf("templates", name, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (SQL / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("staging/log_line.sql", "did you mean staging/log_lines.sql"),
        ("log_lines", "did you mean staging/log_lines.sql"),
        ("events.sql", "did you mean staging/events.sql"),
        ("nothing like it", "'ubcf templates' lists them"),
        ("../ubcf/__init__.py", "'ubcf templates' lists them"),
    ],
)
def test_an_unknown_name_is_an_error_with_names_like_it(
    tmp_path: Path, name: str, words: str
) -> None:
    for arguments in ([name], ["--copy", "staging/events.sql", name, "my-sql"]):
        done = call_ubcf("templates", *arguments, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"ubcf: error: no template '{name}'; {words}")
        assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


# Copying


def test_copies_are_at_the_same_paths_in_a_new_folder_and_nothing_else_is(tmp_path: Path) -> None:
    names = ["staging/log_lines.sql", "checks/plays_add_up.sql"]
    done = call_ubcf("templates", "--copy", *names, "deep/my-sql/", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"deep/my-sql/{name}" for name in names]
    assert files_in(tmp_path) == sorted(f"deep/my-sql/{name}" for name in names)
    for name in names:
        assert (tmp_path / "deep/my-sql" / name).read_bytes() == (SQL / name).read_bytes()


def test_a_build_with_copies_of_all_files_is_the_same_build(tmp_path: Path) -> None:
    write_log(tmp_path / "data" / "data.json", PLAYS)
    listed = json.loads(call_ubcf("templates", "--format", "json", cwd=tmp_path).stdout)
    names = [row["template"] for row in listed]
    assert call_ubcf("templates", "--copy", *names, "my-sql", cwd=tmp_path).returncode == 0
    for arguments in (["-o", "a.json"], ["-o", "b.json", "--templates", "my-sql"]):
        done = call_ubcf("build", *arguments, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_no_file_is_overwritten_and_then_nothing_is_copied(tmp_path: Path) -> None:
    mine = tmp_path / "my-sql" / "staging" / "events.sql"
    mine.parent.mkdir(parents=True)
    mine.write_text("-- mine\n")
    names = ["checks/plays_add_up.sql", "staging/events.sql"]
    done = call_ubcf("templates", "--copy", *names, "my-sql", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "ubcf: error: my-sql/staging/events.sql: exists, and is not an empty file but a text file; "
        "remove it, or choose another name\n"
    )
    assert files_in(tmp_path) == ["my-sql/staging/events.sql"]
    assert not (tmp_path / "my-sql" / "checks").exists()
    assert mine.read_text() == "-- mine\n"


@pytest.mark.parametrize("file", ["my-sql", "my-sql/staging"])
def test_a_file_in_place_of_a_folder_is_an_error_and_stays(tmp_path: Path, file: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("notes\n")
    done = call_ubcf("templates", "--copy", "staging/events.sql", "my-sql", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ubcf: error: my-sql/staging: cannot be made: ")
    assert (tmp_path / file).read_text() == "notes\n"


@pytest.mark.parametrize(
    "names", [[], ["staging/events.sql"], ["staging/log_lines.sql", "staging/events.sql"]]
)
def test_copying_without_a_folder_is_wrong_usage(tmp_path: Path, names: list[str]) -> None:
    done = call_ubcf("templates", "--copy", *names, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--copy needs one NAME or more, and after them the folder DIR" in done.stderr
    assert list(tmp_path.iterdir()) == []
