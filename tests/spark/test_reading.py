"""Logs read by many tasks: the same lines kept, rejected and left out as by one machine."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ubcf
from tests.support.engines import both_builds
from tests.support.logs import log_line, write_log
from tests.support.overlays import overlay
from tests.support.repeated_logs import REPEATED_LOGS, write_repeated_logs
from ubcf.building.inputs.log_options import LogOptions
from ubcf.building.inputs.logs import log_file
from ubcf.building.options import BuildOptions
from ubcf.errors import RotatedError
from ubcf.spark.log_tasks import Decided, NumberedLog, StagedPart, leave_out_repeats, stage_log
from ubcf.spark.pipeline import build
from ubcf.spark.shared import Shared
from ubcf.spark.storage import StoredTable

# The variables of logs without timestamps.
UNDATED = {
    "timestamp_unit": "",
    "timestamp_least": 1,
    "timestamp_most": 0,
    "timestamp_texts": False,
}

# One of two numbers for all lines.
WEAK_HASH = "create or replace temp macro line_hash(line) as cast(length(line) % 2 as bigint);"


def test_dropped_repeats_are_the_same_in_files_of_all_forms(spark: Any, tmp_path: Path) -> None:
    assert spark is not None
    write_repeated_logs(tmp_path / "logs")
    built = both_builds(tmp_path / "logs", tmp_path, repeats="drop", **REPEATED_LOGS)
    assert built.differences() == []
    one, two = built.summaries
    assert two.inputs == one.inputs
    assert [(Path(file.file).name, file.accepted, file.left_out) for file in two.inputs] == [
        ("a.json", 177, 37),
        ("b.json.gz", 89, 64),
        ("c.json", 0, 100),
        ("d.json", 0, 150),
        ("e.csv", 51, 19),
        ("f.csv", 0, 31),
        ("g.json", 0, 0),
    ]


def test_lines_whose_hashes_are_equal_are_compared(spark: Any, tmp_path: Path) -> None:
    assert spark is not None
    write_repeated_logs(tmp_path / "logs")
    weak = overlay(tmp_path / "sql", "staging/line_hash.sql", WEAK_HASH)
    built = both_builds(tmp_path / "logs", tmp_path, templates=weak, **REPEATED_LOGS)
    one, two = built.summaries
    # within a, and those of b, c, d, e and f that are in one before
    repeated = 14 + (3 + 50) + 100 + 150 + (9 + 1) + 31
    assert one.duplicate_lines == two.duplicate_lines == repeated
    copies = {Path(file.file).name: Path(file.copy_of).name for file in two.inputs if file.copy_of}
    assert copies == {"c.json": "b.json.gz", "f.csv": "e.csv"}
    assert built.differences() == []


def test_logs_that_are_read_again_leave_nothing_of_the_first_time(
    spark: Any, tmp_path: Path
) -> None:
    assert spark is not None
    write_log(tmp_path / "logs" / "data.json", [log_line(user, 1, 0.5) for user in range(20)])
    further = [log_line(f"u{user}", 1, 0.5) for user in range(2_100)]
    write_log(tmp_path / "logs" / "data.json.1", further)
    built = both_builds(tmp_path / "logs", tmp_path, max_rejected=0.5)
    assert [(file.accepted, file.rejected) for file in built.summaries[1].inputs] == [
        (0, 20),
        (2_100, 0),
    ]
    assert built.differences() == []


class _Changing:
    """Progress of a build that changes a file when the logs, which were found, are to be read."""

    def __init__(self, change: Callable[[], object]) -> None:
        self._change = change

    @contextlib.contextmanager
    def __call__(self, stage: str, _length: int | None) -> Iterator[Callable[[int], None]]:
        if stage == "read logs":
            self._change()
        yield lambda _steps: None


def test_lines_that_a_file_gets_after_it_was_found_are_left_for_later(
    spark: Any, tmp_path: Path
) -> None:
    assert spark is not None
    logs = tmp_path / "logs"
    logs.mkdir()
    lines = [log_line(number % 7, number % 5, 0.5, timestamp=number) for number in range(60)]
    found = {"data.json": "\n".join(lines) + "\n", "data.json.1": "\n".join(lines[20:]) + "\n"}
    further = "".join(log_line(f"u{number}", 1, 0.5) + "\n" for number in range(200))

    def write(text: str = "") -> None:
        for name, content in found.items():
            (logs / name).write_text(content + text)

    summaries = []
    for engine in (ubcf.build, build):
        write()
        places: Any = {"database": tmp_path / "a.duckdb", "output": tmp_path / "a.json"}
        progress = _Changing(lambda: write(further))
        summaries.append(engine(logs, **places, repeats="drop", progress=progress))
    assert summaries[0].inputs == summaries[1].inputs
    assert [(file.lines, file.accepted, file.left_out) for file in summaries[1].inputs] == [
        (60, 60, 0),
        (40, 0, 40),
    ]


@pytest.mark.parametrize("vanishing", ["data.json", "data.json.1"])
def test_a_file_that_vanishes_after_it_was_found_was_rotated(
    spark: Any, tmp_path: Path, vanishing: str
) -> None:
    assert spark is not None
    logs = tmp_path / "logs"
    for engine in (ubcf.build, build):
        for name in ("data.json", "data.json.1"):
            write_log(logs / name, [log_line(1, 2, 0.5)])
        progress = _Changing((logs / vanishing).unlink)
        with pytest.raises(RotatedError, match=rf"{vanishing}: changed or vanished while it was"):
            engine(logs, database=tmp_path / "a.duckdb", output=tmp_path / "a", progress=progress)


def test_a_task_that_leaves_out_lines_can_be_done_again(tmp_path: Path) -> None:
    """Executors are lost, and their tasks done again, after a task has written its part."""
    log = write_log(tmp_path / "data.json", [log_line(1, track, 0.5) for track in range(5)])
    options = BuildOptions(logs=LogOptions(repeats="drop"), threads=1)
    shared = Shared("build", str(tmp_path / "results"), options, is_local=True)
    decided = Decided(False, {"user": "integer", "track": "integer"}, False, UNDATED, False)
    item = NumberedLog(3, log_file(log))
    staged = stage_log(shared, decided, item)
    assert staged.accepted == 5
    left_out = str(tmp_path / "left_out.parquet")
    duckdb.sql(f"copy (select 'events' as source, 1 as position) to '{left_out}'")
    table = StoredTable((left_out,), {"source": "VARCHAR", "position": "BIGINT"})
    part = StagedPart(item, staged, {"left_out_lines": table})
    for _ in range(2):
        assert leave_out_repeats(shared, part).accepted == 4
        events = duckdb.read_parquet(shared.folder.part("events", 3))
        assert events.project("track").fetchall() == [(0,), (2,), (3,), (4,)]
