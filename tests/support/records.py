"""Files in other formats, and their records in the copy that our own reader gets."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ubcf.building.inputs.log_options import Format
from ubcf.building.inputs.logs import log_file
from ubcf.building.inputs.records import Records, copy_texts, input_format, write_records
from ubcf.database.templates import Templates
from ubcf.database.writing import Database


@dataclass(frozen=True)
class Copy:
    """What a copy holds: its lines, by number, but for blank ones and rejected records.

    rejected: number, reason and text of these. records: what was said of the copy.
    """

    lines: dict[int, str]
    rejected: list[tuple[int, str, str]]
    records: Records

    @property
    def values(self) -> list[Any]:
        """The records, parsed."""
        return [json.loads(line) for line in self.lines.values()]

    @property
    def reasons(self) -> list[tuple[int, str]]:
        """Number and reason of the rejected records."""
        return [(number, reason) for number, reason, _ in self.rejected]


@cache
def _database() -> Database:
    """A database that only reads: one for all tests of a process."""
    folder = Path(tempfile.mkdtemp(prefix="ubcf-test-"))
    atexit.register(shutil.rmtree, folder)
    return Database(
        folder / "test.duckdb", Templates(), threads=2, memory=1 << 30, temporary_folder=folder
    )


def copy_of(path: Path, columns: Sequence[str] = (), given: Format | None = None) -> Copy:
    """Writes the records of a file to a copy and reads it, in plain Python.

    Every line of it must be counted: as a record, a rejected one, or blank.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = log_file(path)
        records = write_records(_database(), log, input_format(log, given), folder, 0, columns)
        altered = records.readable.altered
        reports = altered.read_text(encoding="utf-8") if altered else ""
        text = records.readable.path.read_bytes().decode()
    entries = [json.loads(entry) for entry in reports.splitlines()]
    assert {entry["file"] for entry in entries} <= {log.name}
    rejected = [(entry["line_number"], entry["reason"], entry["line"]) for entry in entries]
    numbers = {number for number, _, _ in rejected}
    kept = {}
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        assert line.startswith("\x1f") == (number in numbers)
        if line and number not in numbers:
            kept[number] = line
    known = records.readable.lines
    assert known is not None
    assert text.endswith("\n") or not text
    assert (known.count, known.open_end, known.line_feeds) == (text.count("\n"), False, True)
    assert records.count == len(kept) + len(rejected)
    return Copy(kept, rejected, records)


def texts_of(
    path: Path, numbers: set[int], form: Format, columns: Sequence[str] = ()
) -> dict[int, str]:
    """The texts of records of a file, by number."""
    with tempfile.TemporaryDirectory() as name:
        target = Path(name) / "texts"
        copy_texts(log_file(path), form, numbers, target, columns)
        entries = map(json.loads, target.read_text(encoding="utf-8").splitlines())
        return {entry["line_number"]: entry["line"] for entry in entries}
