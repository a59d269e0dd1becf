"""Copies of logs in other formats: of logs that change, of killed builds, and on full disks."""

from __future__ import annotations

import gzip
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.builds import build_in, rows_of
from tests.support.commands import call_ubcf, environment_of_ubcf
from ubcf.building import pipeline, staging
from ubcf.files import Publication

ROTATED = "changed or vanished while it was read (rotated?); build again, or let --retries do it"

# What a build does with the logs, in the order of time; a log may change before each of them.
MOMENTS = ["open_source", "pattern", "count_duplicates", "_restore_lines", "grown"]


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[], object]], None]:
    """Makes something happen during the next build, once, before one of MOMENTS."""

    def arrange(moment: str, happening: Callable[[], object]) -> None:
        function = getattr(staging, moment)
        pending = [happening]

        def after_that(*arguments: Any, **options: Any) -> Any:
            if pending:
                pending.pop()()
            return function(*arguments, **options)

        monkeypatch.setattr(staging, moment, after_that)

    return arrange


def append(path: Path, data: str) -> None:
    with path.open("a") as file:
        file.write(data)


def write_parquet(path: Path, rows: int) -> None:
    """Writes so many plays of 50 users, into the same file if there is one."""
    beside = path.with_name("beside")
    with duckdb.connect() as connection:
        connection.execute(
            'copy (select range % 50 as "user", range // 50 as track, 0.5 as time'
            f" from range({rows})) to '{beside}' (format parquet)"
        )
    path.write_bytes(beside.read_bytes())
    beside.unlink()


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(
    ("name", "start", "more", "rejected"),
    [
        (
            "a.csv",
            "user,track,time\n1,2,0.5\n-1,2,0.5\n3,4",
            ",0.5\n5,6,0.5\n",
            [
                (3, "user is negative", "-1,2,0.5"),
                (4, "not CSV: the file ends in the middle of the line", "3,4"),
            ],
        ),
        (
            "a.tsv",
            'user\ttrack\ttime\n1\t2\t0.5\n1\t2\t"0',
            '.5"\n5\t6\t0.5\n',
            [(3, "not TSV: a quote is not closed", '1\t2\t"0')],
        ),
        (
            "a.json",
            '[{"user": 1, "track": 2, "time": 0.5}, {"user": 3, "tr',
            'ack": 4, "time": 0.5}]',
            [(2, "not JSON: the file ends in the middle of the array", '{"user": 3, "tr')],
        ),
    ],
)
def test_a_growing_log_is_read_as_it_was_at_the_start(
    tmp_path: Path,
    before: Callable[[str, Callable[[], object]], None],
    moment: str,
    name: str,
    start: str,
    more: str,
    rejected: list[tuple[int, str, str]],
) -> None:
    log = tmp_path / name
    log.write_text(start)
    before(moment, lambda: append(log, more))
    built = build_in(tmp_path, log, max_rejected=1, ids="integer")
    assert log.read_text() == start + more
    assert built.rows('select "user", track from events') == [(1, 2)]
    assert built.rows("select line_number, reason, line from rejected_lines") == rejected
    assert built.rows("select file, bytes, lines, accepted from build_inputs") == [
        (log.as_posix(), len(start), 1 + len(rejected), 1)
    ]
    assert {path.name for path in tmp_path.iterdir()} == {
        name,
        built.database.name,
        built.output.name,
    }


@pytest.mark.parametrize(
    ("moment", "rows", "name", "options"),
    [
        *((moment, 5_000, "a.parquet", ()) for moment in MOMENTS),
        (MOMENTS[0], 3, "plays", ("--input-format", "parquet")),
        (MOMENTS[-1], 3, "a.parquet", ()),
    ],
)
def test_parquet_that_is_written_again_has_one_sentence_an_exit_code_and_another_try(
    tmp_path: Path,
    before: Callable[[str, Callable[[], object]], None],
    moment: str,
    rows: int,
    name: str,
    options: tuple[str, ...],
) -> None:
    """Longer or shorter than before."""
    log = tmp_path / name
    for retries, code in ((0, 75), (1, 0)):
        write_parquet(log, 1_000)
        before(moment, lambda: write_parquet(log, rows))
        arguments = ("build", name, "--retries", str(retries), "--top", "1", *options)
        done = call_ubcf(*arguments, cwd=tmp_path)
        assert done.returncode == code, done.stderr
        if code:
            assert done.stderr == f"ubcf: error: {name}: {ROTATED}\n"
        else:
            counted = rows_of(tmp_path / "ubcf.duckdb", "select count(*) from events")
            assert counted == [(rows,)]


def test_a_killed_build_leaves_no_copy_for_long(tmp_path: Path) -> None:
    """The next build into the same files removes it."""
    (tmp_path / "a.csv").write_text("user,track,time\n1,2,0.5\n3,-4,0.5\n")
    write_parquet(tmp_path / "b.parquet", 10)
    kill = """
import os, signal, ubcf
from ubcf.building import pipeline, staging
from ubcf.files import Publication
staging.count_duplicates = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
ubcf.build(["a.csv", "b.parquet"], max_rejected=1)
"""
    environment = environment_of_ubcf()
    killed = subprocess.run(
        [sys.executable, "-c", kill], cwd=tmp_path, env=environment, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    temporary = tmp_path / ".ubcf.duckdb.temporary"
    assert {"0.records", "1.records"} <= {path.name for path in temporary.iterdir()}
    done = call_ubcf("build", "a.csv", "b.parquet", "--max-rejected", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"a.csv", "b.parquet", "ubcf.duckdb", "recommendations_ub.json"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full here")
@pytest.mark.parametrize(
    ("name", "copy"),
    [
        ("a.csv", "0.records"),
        ("a.csv", "0.altered"),
        ("a.csv", "0.damaged"),
        ("a.json", "0.records"),
        ("a.json", "0.altered"),
        ("a.parquet", "0.records"),
        ("a.parquet.gz", "0.parquet"),
        ("data.json", "0.readable"),
        ("data.json", "0.altered"),
        ("data.json", "0.damaged"),
        ("-", "stdin"),
    ],
)
def test_a_disk_that_is_full_of_copies_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, copy: str
) -> None:
    """The copy is a link to a device on which there is never room."""
    lines = '{"user": 1, "track": 2}\n{"user": 3, "no\r"track": 4}\ncaf\udce9\n'
    texts = {
        "a.csv": "user,track\n1,2\n3,4,5\n-1,4\n",
        "a.json": '[{"user": 1, "track": 2}, {"user": "\udce9"}]',
        "data.json": lines,
    }
    for each, text in texts.items():
        (tmp_path / each).write_bytes(text.encode("utf-8", "surrogateescape"))
    write_parquet(tmp_path / "a.parquet", 10)
    packed = gzip.compress((tmp_path / "a.parquet").read_bytes())
    (tmp_path / "a.parquet.gz").write_bytes(packed)
    before = {path.name for path in tmp_path.iterdir()}
    folder = tmp_path / ".ubcf.duckdb.temporary"

    def with_full_disk(publication: Publication, target: Path) -> Path:
        made = Publication.temporary_folder(publication, target)
        (made / copy).symlink_to("/dev/full")
        return made

    monkeypatch.setattr(
        pipeline, "Publication", type("Full", (Publication,), {"temporary_folder": with_full_disk})
    )
    arguments = ("--ids", "integer", "--max-rejected", "1")
    done = call_ubcf("build", name, *arguments, cwd=tmp_path, input='{"user": 1, "track": 2}\n')
    shown = "stdin" if name == "-" else name
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(f"ubcf: error: {shown}: cannot be copied to {folder}")
    assert done.stderr.endswith(": No space left on device\n")
    assert {path.name for path in tmp_path.iterdir()} == before
