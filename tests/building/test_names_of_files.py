"""A name stands for the file of that name: it is no value, no pattern, no home and no address."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest

import ubcf
from tests.support.builds import Built, build_folder, build_in
from tests.support.logs import log_line, write_log
from tests.support.paths import PROJECT

LINES = [log_line(1, 10, 1.0), log_line(2, 10, 0.5), log_line(2, 20, 0.25), log_line(1, 30, 0.0)]

# Names of folders that DuckDB would take for values of columns.
VALUES = ["user=7", "track=7", "time=1", "line=5", "filename=x", "path=x", "is_blank=true"]

# Names that DuckDB would take for patterns, homes, addresses, or several names; the last ones hold
# both a backslash and a pattern.
NAMES = [
    "q[2].jsonl", "a*b", "a?b", "[!a]", "**", "a[b", "~", "~root", "back\\slash", "end\\", "a,b",
    "s3:x", "file:x", "sqlite:x", "%41", "it's {x}", "new\nline", "back\\[x", "\\*", "\\[q]",
]  # fmt: skip


def write_pairs(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"user": 1, "track": 20}\n{"user": 2, "track": 30}\n', encoding="utf-8")
    return path


def pairs_predicted(built: Built, pairs: Path | str) -> list[tuple[int, int]]:
    with ubcf.connect(built.database) as connection:
        return [(user, track) for user, track, *_ in ubcf.predict(connection, pairs).fetchall()]


def test_the_name_of_a_folder_is_never_a_value(tmp_path: Path) -> None:
    folder = Path(*VALUES)
    log = write_log(tmp_path / "logs" / folder / "data.json", [*LINES, "bad"])
    catalog = write_log(
        tmp_path / "music" / folder / "songs", [json.dumps({"track": 10, "title": "ten"})]
    )
    built = build_folder(tmp_path, catalog=catalog, max_rejected=0.5)
    assert built.rows('select "user", track, time, file from events') == [
        (1, 10, 1.0, log.as_posix()),
        (2, 10, 0.5, log.as_posix()),
        (2, 20, 0.25, log.as_posix()),
        (1, 30, 0.0, log.as_posix()),
    ]
    assert built.rows("select line_number, line, file from rejected_lines") == [
        (5, "bad", log.as_posix())
    ]
    assert built.rows("select track, title from tracks where in_catalog") == [(10, "ten")]
    pairs = write_pairs(tmp_path / folder / "pairs.jsonl")
    assert pairs_predicted(built, pairs) == [(1, 20), (2, 30)]


@pytest.mark.parametrize("readme", [PROJECT / "README.md", PROJECT / "sql" / "README.md"])
def test_the_templates_that_are_shown_take_no_name_for_a_value(readme: Path) -> None:
    templates = re.findall(r"```sql\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    for text in templates:
        assert text.count("hive_partitioning = false") == len(re.findall(r"\bread_\w+\(", text))


def test_the_files_of_sql_take_no_name_for_a_value() -> None:
    for file in (PROJECT / "sql").rglob("*.sql"):
        text = re.sub(r"--.*", "", file.read_text(encoding="utf-8"))
        readers = re.findall(r"\b(?:read_\w+|parquet_scan|glob|sniff_csv)\(", text)
        assert text.count("hive_partitioning = false") == len(readers), file


# What such a name could also mean: files of other content.
OTHERS = ("q2.jsonl", "ab", "aXb", "home", "back[x", "backX[x", "x", "q")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, which holds the home of the user."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


# DuckDB cannot list folders beside one whose name begins with a backslash.
@pytest.mark.parametrize("given", [NAMES[:-2], NAMES[-2:]], ids=["any", "begin with a backslash"])
def test_a_name_stands_for_the_file_of_that_name_alone(home: Path, given: list[str]) -> None:
    logs = [write_log(Path(name) / name, [*LINES, "bad"]) for name in given]
    for folder, other in itertools.product((*OTHERS, *given), OTHERS):
        write_log(home / folder / other, [log_line(99, 99, 0.9)])
    built = build_in(home, logs, max_rejected=0.5)
    names = sorted(log.as_posix() for log in logs)
    assert built.rows('select file, "user", count(*) from events group by all order by all') == [
        (name, user, 2) for name in names for user in (1, 2)
    ]
    assert built.rows("select file, line from rejected_lines order by file") == [
        (name, "bad") for name in names
    ]
    assert sorted(row.file for row in built.summary.inputs) == names
    for name in given:
        pairs = write_pairs(Path(name) / f"{name}.pairs")
        assert pairs_predicted(built, str(pairs)) == [(1, 20), (2, 30)]


@pytest.mark.parametrize("name", ["q[2].jsonl", "~", "s3:x", "back\\[x", "new\nline"])
def test_so_does_the_name_of_a_catalog(home: Path, name: str) -> None:
    log = write_log(home / "data.json", LINES)
    catalog = write_log(Path(name) / name, [json.dumps({"track": 10, "title": "ten"})])
    for folder, other in itertools.product((*OTHERS, name), OTHERS):
        write_log(home / folder / other, [json.dumps({"track": 99, "title": "other"})])
    built = build_in(home, log, catalog=catalog)
    assert built.rows("select track, title from tracks where in_catalog") == [(10, "ten")]


@pytest.mark.parametrize("name", ["data.json [1]", "back\\[x"])
def test_an_overlay_reads_the_file_of_that_name_and_its_events_name_it(
    tmp_path: Path, name: str
) -> None:
    templates = tmp_path / "templates" / "staging"
    templates.mkdir(parents=True)
    (templates / "events.sql").write_text(
        "create table events as select filename as file, null as message, null as timestamp,"
        ' "user", track, time, null as latency, null as recommendation, null as experiments'
        " from read_csv(getvariable('log_paths'), header = false, filename = true,"
        " hive_partitioning = false,"
        " columns = {'user': 'BIGINT', 'track': 'BIGINT', 'time': 'DOUBLE'})"
    )
    log = write_log(tmp_path / "user=7" / name, ["1,10,0.5", "2,20,0.25"])
    built = build_in(tmp_path, log, templates=tmp_path / "templates")
    assert built.rows('select "user", track, file from events') == [
        (1, 10, log.as_posix()),
        (2, 20, log.as_posix()),
    ]
