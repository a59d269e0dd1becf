"""Logs read by many tasks: the same lines kept, rejected and left out as by one machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.engines import both_builds
from tests.support.overlays import overlay
from tests.support.repeated_logs import REPEATED_LOGS, write_repeated_logs

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
