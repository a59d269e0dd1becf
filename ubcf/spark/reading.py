"""From logs to events on a cluster: the driver decides what is the same for all files.

It calls the functions of `ubcf.building.staging`; the questions about all lines, and the reading
itself, are jobs of a task a file, whose answers are added up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from ubcf.building.inputs.fields import fields_of
from ubcf.building.inputs.log_lines import LineReading, line_reading
from ubcf.building.inputs.log_options import DROP
from ubcf.building.inputs.logs import LogFile, as_found, noticing_rotation
from ubcf.building.inputs.records import is_untyped
from ubcf.building.inputs.transfer import fetched_log
from ubcf.building.repeats import check_repeats, settle_repeats
from ubcf.building.staging import (
    count_duplicates,
    leave_out_earlier,
    make_events,
    open_logs,
    reads_lines,
    refuse_empty,
    refuse_miscounted,
)
from ubcf.building.summary import Reading
from ubcf.database.paths import LiteralPaths
from ubcf.errors import OptionError, UbcfError
from ubcf.progress import Stages
from ubcf.spark.database import SparkDatabase
from ubcf.spark.log_tasks import (
    COMPARED_LINES,
    EVENT_HASHES,
    LINE_HASHES,
    LINES_OF_FILES,
    Decided,
    NumberedLog,
    StagedLog,
    StagedPart,
    ask_log,
    compare_lines,
    count_lines,
    hash_lines,
    leave_out_earlier_events,
    leave_out_repeats,
    stage_log,
    staged_part,
)
from ubcf.spark.shared import Shared, store
from ubcf.spark.storage import StoredTable, Types

# The lines that staging/first_fields.sql looks at.
FIRST_LINES = 2000

# The types of ids that DuckDB and Spark compare, sort and write alike.
ID_TYPES = ("VARCHAR", "BIGINT", "INTEGER", "SMALLINT", "TINYINT")

REJECTED_TYPES: Types = {
    "file": "VARCHAR",
    "line_number": "BIGINT",
    "reason": "VARCHAR",
    "line": "VARCHAR",
}

# The tables of which tasks write parts that only the build reads.
WORK_TYPES: dict[str, Types] = {
    EVENT_HASHES: {"event_hash": "BIGINT"},
    LINE_HASHES: {"file_number": "BIGINT", "line_hash": "BIGINT", "copies": "BIGINT"},
    LINES_OF_FILES: {"file_number": "BIGINT", "line_id": "VARCHAR", "copies": "BIGINT"},
    COMPARED_LINES: {
        "source": "VARCHAR",
        "file_number": "BIGINT",
        "position": "BIGINT",
        "digest": "VARCHAR",
    },
}

# Tables that Spark makes for the tasks, of each file alone.
SHARED_HASHES, LEFT_OUT_LINES = "shared_hashes", "left_out_lines"
LEFT_OUT_TYPES: Types = {"source": "VARCHAR", "position": "BIGINT"}

TIMESTAMP_VARIABLES = (
    "timestamp_unit",
    "timestamp_least",
    "timestamp_most",
    "timestamp_texts",
)

Rows = list[tuple[Any, ...]]


def read_logs(
    db: SparkDatabase, shared: Shared, logs: list[LogFile], folder: Path, stages: Stages
) -> Reading | None:
    """Makes the views events and rejected_lines and the table build_inputs, as staging.read_logs.

    folder: for temporary files of the driver.
    Returns what the logs told; None where an overlay decides what an event is.
    """
    are_text = shared.options.logs.input_format != "parquet"
    here = [log for log in logs if log.source is None]
    with (
        stages.stage("read logs", len(logs)) as stage,
        noticing_rotation(here, UbcfError, duckdb.Error, are_text=are_text),
    ):
        check_repeats(shared.options.logs.repeats, db.templates)
        refuse_empty(logs)
        reader = _Reader(db, shared, logs, folder, stage.advance)
        reading = reader.read()
        if not db.templates.replaces("staging/events.sql"):
            refuse_miscounted(db)
        stage.rows = db.count("events")
    return reading


class _Reader:
    """Reads logs by jobs; what becomes of each file is in `staged`."""

    def __init__(
        self,
        db: SparkDatabase,
        shared: Shared,
        logs: list[LogFile],
        folder: Path,
        advance: Callable[[int], None],
    ) -> None:
        self._db = db
        self._shared = shared
        self._items = [NumberedLog(number, log) for number, log in enumerate(logs)]
        self._folder = folder
        self._advance = advance
        self._options = shared.options.logs
        self._staged: list[StagedLog] = []
        self._reading: LineReading | None = None
        # Of the files that have any, by their numbers.
        self._shared_hashes: dict[int, StoredTable] = {}
        self._left_out_lines: dict[int, StoredTable] = {}
        # How many lines of each file are left out for repeating others.
        self._repeats: list[int] = []
        db.handlers |= {
            "staging/events.sql": self._make_events,
            "staging/accepted_lines.sql": self._accept_lines,
            "staging/lines_of_files.sql": self._show_lines_of_files,
            "staging/compared_lines.sql": self._compare_lines,
            "staging/left_out_lines.sql": self._find_left_out_lines,
            "staging/without_left_out_lines.sql": self._leave_out_lines,
            "staging/left_out_by_file.sql": self._count_left_out_lines,
            "staging/without_earlier_events.sql": self._leave_out_earlier_events,
            "staging/questions/undated_events.sql": self._undated_events,
            "staging/questions/repeated_events.sql": self._repeated_events,
            "staging/questions/duplicate_lines.sql": self._duplicate_lines,
        }
        for question, added in MERGED.items():
            name = f"staging/questions/{question}.sql"
            db.handlers[name] = partial(self._ask, name, added)

    def read(self) -> Reading | None:
        """Does what `read_logs` says."""
        db, templates = self._db, self._db.templates
        lines_are_ours = reads_lines(templates, self._options)
        paths = LiteralPaths()
        if lines_are_ours:
            self._open_first_logs(paths)
        untyped = any(is_untyped(item.log, self._options.input_format) for item in self._items)
        reading = line_reading(db, fields_of(self._options), self._options, untyped=untyped)
        self._reading = reading
        with paths:
            if lines_are_ours:
                make_events(db, reading, lambda: None, lines_are_ours=True)
            else:
                self._make_events()
        self._show_rejected_lines(partial(staged_part, self._shared))
        self._accept_lines()
        counted = not templates.replaces("staging/events.sql")
        if counted:
            count_duplicates(db)
        copied = settle_repeats(
            db, [], self._options.repeats, leaves_out=reading.fields.where is not None
        )
        if self._options.repeats == DROP and not self._left_out_lines:
            self._leave_out_lines()
        if self._options.since is not None:
            leave_out_earlier(db, self._options)
        db.run("staging/build_inputs.sql", counted=counted, copied=copied)
        db.show_to_spark("build_inputs", self._store_build_inputs())
        if lines_are_ours and db.count("events") == 0:
            reading.explain_no_event()
        return reading.told() if lines_are_ours else None

    def _open_first_logs(self, paths: LiteralPaths) -> None:
        """Lets the driver see the first lines: those of as few files as have enough of them."""
        db, count = self._db, 1
        items = [item for item in self._items if item.log.bytes]
        folder = self._folder / "first"
        folder.mkdir()
        found: list[LogFile] = []
        while True:
            found += [_on_driver(item.log) for item in items[len(found) : count]]
            logs = as_found(found, folder)
            open_logs(db, db.templates, logs, folder, paths, self._options)
            ((lines,),) = db.run("staging/questions/first_lines.sql", most=FIRST_LINES)
            if lines == FIRST_LINES or count >= len(items):
                return
            count *= 2

    def _decided(self, **variables: Any) -> Decided:
        reading = self._reading
        assert reading is not None
        names = ", ".join(f"getvariable('{name}')" for name in TIMESTAMP_VARIABLES)
        (values,) = self._db.execute(f"select {names}")
        return Decided(
            reading.untyped,
            reading.ids,
            reading.plays_count,
            {**dict(zip(TIMESTAMP_VARIABLES, values, strict=True)), **variables},
            len(self._items) > 1,
        )

    def _make_events(self, **_structure: Any) -> Rows:
        """Reads all files, and makes the view events and the table input_files.

        That is done again if the lines tell that they are to be read otherwise.
        """
        db = self._db
        db.results.remove("rejected_lines")
        self._staged = db.cluster.map(
            partial(stage_log, self._shared, self._decided()), self._items, advance=self._advance
        )
        self._bind_files()
        self._check_types()
        self._show_events(partial(staged_part, self._shared))
        return []

    def _bind_files(self) -> None:
        logs, staged = [item.log for item in self._items], self._staged
        self._db.set(
            input_files=[log.name for log in logs],
            input_paths=[str(log.path) for log in logs],
            input_formats=[file.format for file in staged],
            input_bytes=[log.bytes for log in logs],
            input_lines=[file.lines for file in staged],
            input_open_ends=[file.open_end for file in staged],
            input_numbers=[file.number for file in staged],
            duplicate_lines=None,
        )
        self._db.run("staging/input_files.sql")
        self._db.run("staging/left_out.sql")
        self._add_left_out("where", [file.left_out for file in staged])

    def _add_left_out(self, cause: str, lines: list[int]) -> None:
        """Adds to left_out how many lines of each file an option leaves out."""
        self._db.set(left_out_cause=cause, left_out_lines=lines)
        self._db.run("staging/left_out_of_parts.sql")

    def _check_types(self) -> None:
        """Raises OptionError for ids that Spark does not know, and for types that differ."""
        typed = [file for file in self._staged if file.types]
        types = typed[0].types
        for file in typed:
            if file.types != types:
                name = self._items[file.number].log.name
                raise OptionError(
                    f"{name}: its events have other types than those before: "
                    f"{_difference(types, file.types)}; the engine spark reads each file by itself"
                )
        for name in ("user", "track"):
            if types[name] not in ID_TYPES:
                raise OptionError(
                    f"ids of {name}s have the type {types[name]}, which Spark compares otherwise "
                    f"than DuckDB; with the engine spark it must be one of {', '.join(ID_TYPES)}"
                )

    def _show_events(self, part: Callable[[str, int], str]) -> None:
        """Makes the view events. part: the place of a part of a table."""
        typed = [file for file in self._staged if file.types]
        files = tuple(part("events", file.number) for file in typed)
        self._db.show("events", StoredTable(files, typed[0].types))

    def _show_rejected_lines(self, part: Callable[[str, int], str]) -> None:
        """Makes the view rejected_lines, which has a part even if there are none."""
        files = [part("rejected_lines", file.number) for file in self._staged if file.rejected]
        if not files:
            files = [part("rejected_lines", 0)]
            store(self._db, StoredTable((), REJECTED_TYPES).query(), files[0])
        self._db.show("rejected_lines", StoredTable(tuple(files), REJECTED_TYPES))

    def _accept_lines(self, **_structure: Any) -> Rows:
        """Makes the tables accepted_lines, line_counts and unreadable_lines: tasks counted."""
        db, staged = self._db, self._staged
        db.set(
            accepted_lines=[file.accepted for file in staged],
            readable_lines=[file.readable_lines for file in staged],
            other_lines=[file.other_lines for file in staged],
        )
        db.run("staging/accepted_lines_of_parts.sql")
        db.run("staging/line_counts_of_parts.sql")
        db.run("staging/unreadable_lines.sql", rejects=False)
        return []

    def _undated_events(self, **_structure: Any) -> Rows:
        return [(sum(file.undated for file in self._staged),)]

    def _repeated_events(self, **_structure: Any) -> Rows:
        self._show_work(EVENT_HASHES, [file.number for file in self._staged if file.types])
        ((repeated,),) = self._db.ask_spark("staging/questions/repeated_hashes.sql")
        return [(repeated > 0,)]

    def _duplicate_lines(self, **_structure: Any) -> Rows:
        """Counts the lines whose hash several have, and then compares these lines themselves."""
        db, shared = self._db, self._shared
        items = [self._items[file.number] for file in self._staged if file.types]
        db.cluster.map(partial(hash_lines, shared), items)
        self._show_work(LINE_HASHES, [item.number for item in items])
        self._shared_hashes = db.make_by_file("staging/shared_hashes.sql")
        if not self._shared_hashes:
            return [(0,)]
        parts = self._parts(SHARED_HASHES, self._shared_hashes)
        db.cluster.map(partial(count_lines, shared), parts)
        self._show_work(LINES_OF_FILES, self._shared_hashes)
        return db.ask_spark("staging/questions/repeated_lines.sql")

    def _show_lines_of_files(self, **_structure: Any) -> Rows:
        """Makes the view lines_of_files, which tasks counted when they compared the lines."""
        table = self._work_table(LINES_OF_FILES, self._shared_hashes)
        self._db.show(LINES_OF_FILES, table, is_temporary=True)
        return []

    def _compare_lines(self, *, leaves_out: bool, **_structure: Any) -> Rows:
        shared = self._shared_hashes
        types = next(iter(shared.values())).types
        numbers = [file.number for file in self._staged if file.number in shared or file.rejected]
        tables = {number: shared.get(number, StoredTable((), types)) for number in numbers}
        work = partial(compare_lines, self._shared, self._decided(), leaves_out)
        self._db.cluster.map(work, self._parts(SHARED_HASHES, tables))
        self._show_work(COMPARED_LINES, numbers)
        return []

    def _find_left_out_lines(self, **structure: Any) -> Rows:
        self._left_out_lines = self._db.make_by_file("staging/left_out_lines.sql", **structure)
        return []

    def _leave_out_lines(self, **_structure: Any) -> Rows:
        """Puts the parts of all files in their places, without the lines that are left out."""
        none = StoredTable((), LEFT_OUT_TYPES)
        tables = {
            file.number: self._left_out_lines.get(file.number, none)
            for file in self._staged
            if file.types
        }
        before = _lines_that_stay(self._staged)
        self._replace_staged(
            partial(leave_out_repeats, self._shared), self._parts(LEFT_OUT_LINES, tables)
        )
        after = _lines_that_stay(self._staged)
        self._repeats = [all - stay for all, stay in zip(before, after, strict=True)]
        return []

    def _count_left_out_lines(self, **_structure: Any) -> Rows:
        self._add_left_out("repeats", self._repeats)
        return []

    def _leave_out_earlier_events(self, **_structure: Any) -> Rows:
        ((moment,),) = self._db.execute("select getvariable('first_moment')")
        parts = [StagedPart(self._items[file.number], file) for file in self._staged if file.types]
        self._replace_staged(partial(leave_out_earlier_events, self._shared, moment), parts)
        return []

    def _replace_staged(
        self, work: Callable[[StagedPart], StagedLog], parts: list[StagedPart]
    ) -> None:
        """Lets tasks leave out lines of files, and shows what stays."""
        for file in self._db.cluster.map(work, parts):
            self._staged[file.number] = file
        self._show_events(self._shared.folder.part)
        self._show_rejected_lines(self._shared.folder.part)

    def _parts(self, name: str, tables: dict[int, StoredTable]) -> list[StagedPart]:
        """Files, each with a table of its own."""
        return [
            StagedPart(self._items[number], self._staged[number], {name: table})
            for number, table in tables.items()
        ]

    def _work_table(self, name: str, numbers: Iterable[int]) -> StoredTable:
        """What tasks wrote of some files to parts that only the build reads."""
        parts = (self._shared.folder.work_part(name, number) for number in numbers)
        return StoredTable(tuple(parts), WORK_TYPES[name])

    def _show_work(self, name: str, numbers: Iterable[int]) -> None:
        """Shows Spark such a table."""
        self._db.show_to_spark(name, self._work_table(name, numbers))

    def _ask(self, name: str, added: Callable[[list[Rows]], Rows], **structure: Any) -> Rows:
        """The rows of a question: about the first lines on the driver, about all by a job."""
        if structure.get("lines") == "first_fields":
            return super(SparkDatabase, self._db).run(name, **structure)
        variables = {}
        if "fields" in structure:
            ((pointers,),) = self._db.execute("select getvariable('given_pointers')")
            variables = {"given_pointers": pointers}
        work = partial(ask_log, self._shared, self._decided(**variables), name, structure)
        items = [item for item in self._items if item.log.bytes]
        return added(self._db.cluster.map(work, items))

    def _store_build_inputs(self) -> StoredTable:
        part = self._shared.folder.work_part("build_inputs")
        store(self._db, "from build_inputs", part)
        return StoredTable((part,), self._db.columns("build_inputs"))


def _on_driver(log: LogFile) -> LogFile:
    """A log as a file of the driver: tasks fetch those of object stores for themselves."""
    return log if log.source is None else fetched_log(log, log.path.parent)


def _lines_that_stay(staged: list[StagedLog]) -> list[int]:
    """The lines of each file that are events, or rejected."""
    return [file.accepted + file.rejected for file in staged]


def _difference(types: Types, others: Types) -> str:
    """The first column in which two tables differ, in words."""
    for name in (*types, *others):
        if types.get(name) != others.get(name):
            return f"{name} is {others.get(name) or 'missing'}, not {types.get(name) or 'there'}"
    return "the order of the columns"


def _sum_of_units(answers: list[Rows]) -> Rows:
    """timestamp_units of all files from those of each."""
    lines: dict[str | None, int] = {}
    examples: dict[str | None, str] = {}
    for unit, count, example in (row for rows in answers for row in rows):
        lines[unit] = lines.get(unit, 0) + count
        examples[unit] = min(examples.get(unit, example), example)
    units = sorted(lines, key=lambda unit: (-lines[unit], unit is None, unit or ""))
    return [(unit, lines[unit], examples[unit]) for unit in units]


def _sum_of_kinds(answers: list[Rows]) -> Rows:
    """id_kinds of all files from those of each: counts by id."""
    names = [row[0] for row in answers[0]] if answers else []
    counts: dict[str, list[int]] = {name: [0, 0, 0] for name in names}
    for name, *found in (row for rows in answers for row in rows):
        counts[name] = [total + count for total, count in zip(counts[name], found, strict=True)]
    return [(name, *counts[name]) for name in names]


def _sum(answers: list[Rows]) -> Rows:
    return [(sum(rows[0][0] for rows in answers),)]


def _any(answers: list[Rows]) -> Rows:
    return [tuple(any(found) for found in zip(*(rows[0] for rows in answers), strict=True))]


# The questions about all lines, and what makes one answer of those for each file.
MERGED: dict[str, Callable[[list[Rows]], Rows]] = {
    "timestamp_units": _sum_of_units,
    "id_kinds": _sum_of_kinds,
    "lines_with_time": _sum,
    "given_fields_found": _any,
}
