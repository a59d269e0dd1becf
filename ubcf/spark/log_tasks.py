"""What executors do with logs: each task reads one file, as one machine reads all of them.

What one machine decides over all files, such as the unit of timestamps, the driver decides, and a
task takes it as given.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from ubcf.building.inputs.fields import fields_of
from ubcf.building.inputs.lines import ReadableLog, readable
from ubcf.building.inputs.log_lines import LineReading, line_reading
from ubcf.building.inputs.log_options import DROP
from ubcf.building.inputs.logs import LogFile, as_found, grown, log_file, noticing_rotation, rotated
from ubcf.building.inputs.records import Source
from ubcf.building.inputs.transfer import fetched_log
from ubcf.building.staging import (
    OpenLogs,
    check_events,
    make_events,
    open_logs,
    reads_bytes,
    reads_lines,
    reject_lines,
)
from ubcf.database.paths import LiteralPaths, pattern
from ubcf.database.session import literal
from ubcf.database.writing import Database
from ubcf.errors import UbcfError
from ubcf.spark.session import SparkError
from ubcf.spark.shared import (
    Shared,
    cannot_see,
    reading_memory,
    store,
    task_database,
)
from ubcf.spark.storage import StoredTable, Types, task_folder

# Tables of which each file has a part in the folder of work.
EVENT_HASHES, LINE_HASHES = "hashes_of_events", "hashes_of_lines"
LINES_OF_FILES, COMPARED_LINES = "lines_of_files", "compared_lines"

Found = TypeVar("Found")


@dataclass(frozen=True)
class NumberedLog:
    """A log file and its number, from 0, in the order of the files."""

    number: int
    log: LogFile


@dataclass(frozen=True)
class Decided:
    """How all files are read. untyped, ids, plays_count: as in LineReading.

    variables: those of timestamps, and of a question. several: there are several files.
    """

    untyped: bool
    ids: dict[str, str]
    plays_count: bool
    variables: dict[str, Any]
    several: bool


@dataclass(frozen=True)
class StagedLog:
    """What became of a log file. The fields are those of the tables that staging makes of it.

    lines, open_end: of its bytes, None where they were not looked at. readable_lines, other_lines:
    with and without the blank ones; lines that are no text are counted in both. types: the columns
    of its events; none if it is empty. left_out: by `where`.
    """

    number: int
    format: str
    lines: int | None
    open_end: bool | None
    accepted: int = 0
    readable_lines: int = 0
    other_lines: int = 0
    rejected: int = 0
    undated: int = 0
    left_out: int = 0
    types: Types = field(default_factory=dict)


@dataclass(frozen=True)
class StagedPart:
    """A file whose events are in a part. tables: of this file alone, by name."""

    item: NumberedLog
    staged: StagedLog
    tables: dict[str, StoredTable] = field(default_factory=dict)


class DecidedReading(LineReading):
    """A reading for which everything is decided."""

    def decide(self) -> None:
        """Looks at the first lines for what saves time alone."""
        self.db.run("staging/first_fields.sql")
        self.db.run("staging/known_experiments.sql")

    def bind_timestamp_unit(self, lines: str) -> bool:  # noqa: ARG002
        """Keeps the unit."""
        return False

    def decide_ids_again(self) -> bool:
        """Keeps the kinds of ids."""
        return False


def stage_log(shared: Shared, decided: Decided, item: NumberedLog) -> StagedLog:
    """Writes the events and the rejected lines of a file to parts. Raises a UbcfError."""
    if not item.log.bytes:
        return _empty_log(shared, item)

    def stage(db: Database, opened: OpenLogs, folder: Path) -> StagedLog:
        return _stage(shared, decided, item.number, db, opened, folder)

    return _with_log(shared, item, stage)


def hash_lines(shared: Shared, item: NumberedLog) -> None:
    """Writes the hashes of the lines of a file to a part."""

    def hash_all(db: Database, _opened: OpenLogs, _folder: Path) -> None:
        db.run("staging/line_hash.sql")
        _store_hashes(shared, db, LINE_HASHES, item.number)

    _with_log(shared, item, hash_all)


def count_lines(shared: Shared, part: StagedPart) -> None:
    """Writes to a part how often a file has each line that is compared: those of shared_hashes."""

    def count(db: Database, _opened: OpenLogs, _folder: Path) -> None:
        db.run("staging/line_hash.sql")
        db.run("staging/lines_of_part.sql")
        store(db, "from lines_of_files", shared.folder.work_part(LINES_OF_FILES, part.item.number))

    _with_log(shared.with_tables(**part.tables), part.item, count)


def compare_lines(shared: Shared, decided: Decided, leaves_out: bool, part: StagedPart) -> None:
    """Writes to a part what is compared of the events and the rejected lines of a file."""
    staged = part.staged
    every_line = staged.accepted == staged.lines

    def compare(db: Database, _opened: OpenLogs, _folder: Path) -> None:
        db.run("staging/line_hash.sql")
        if not every_line:
            reading = _reading(shared, decided, db)
            db.set(**decided.variables)
            reading.make_fields("log_fields", numbered=False)
            reading.make_lines("log_lines", "log_fields", numbered=False)
        _load_rejected_lines(db, staged, partial(staged_part, shared))
        db.run(
            "staging/compared_lines.sql",
            every_line=every_line,
            leaves_out=leaves_out,
            among_shared=True,
        )
        # Parquet has no number of 128 bits.
        query = "select * replace (cast(digest as varchar) as digest) from compared_lines"
        store(db, query, shared.folder.work_part(COMPARED_LINES, staged.number))

    _with_log(shared.with_tables(**part.tables), part.item, compare)


def ask_log(
    shared: Shared, decided: Decided, name: str, structure: dict[str, Any], item: NumberedLog
) -> list[tuple[Any, ...]]:
    """The rows of a question about the lines of a file."""

    def ask(db: Database, _opened: OpenLogs, _folder: Path) -> list[tuple[Any, ...]]:
        _reading(shared, decided, db).make_fields("log_fields", numbered=False)
        db.set(**decided.variables)
        return db.run(name, **structure)

    return _with_log(shared, item, ask)


def leave_out_repeats(shared: Shared, part: StagedPart) -> StagedLog:
    """Writes the events and the rejected lines of a file without those in left_out_lines.

    Returns what then became of the file.
    """
    source = partial(staged_part, shared)
    return _leave_out(shared, "staging/without_left_out_lines.sql", part, source)


def leave_out_earlier_events(shared: Shared, first_moment: datetime, part: StagedPart) -> StagedLog:
    """Removes the events of a file that are earlier than a moment.

    A task that is done again finds none. Returns what then became of the file.
    """
    name, source = "staging/without_earlier_events.sql", shared.folder.part
    return _leave_out(shared, name, part, source, first_moment=first_moment)


def staged_part(shared: Shared, table: str, number: int) -> str:
    """Where the task that reads a file writes its events, or its rejected lines.

    Repeated lines are left out by their positions: a task that is done again has to read what the
    first one read, and so it writes to another part.
    """
    drops = shared.options.logs.repeats == DROP
    return (shared.folder.work_part if drops else shared.folder.part)(table, number)


def _leave_out(
    shared: Shared,
    name: str,
    part: StagedPart,
    source: Callable[[str, int], str],
    **variables: Any,
) -> StagedLog:
    """Runs a template that removes events and rejected lines of a file.

    source: the part of a table that has them.
    """
    staged, number = part.staged, part.item.number
    events = pattern(source("events", number))
    with (
        task_folder() as folder,
        task_database(
            shared.with_tables(**part.tables), folder, threads=1, memory=reading_memory(shared)
        ) as db,
    ):
        db.execute(f"create table events as from read_parquet({literal(events)})")
        _load_rejected_lines(db, staged, source)
        if variables:
            db.set(**variables)
        db.run(name)
        store(db, "from events", shared.folder.part("events", number))
        if db.count("rejected_lines"):
            store(db, "from rejected_lines", shared.folder.part("rejected_lines", number))
        return _with_counts(db, staged)


def _load_rejected_lines(
    db: Database, staged: StagedLog, source: Callable[[str, int], str]
) -> None:
    """Makes the table rejected_lines of a file from its part."""
    db.run("staging/rejected_lines.sql")
    if staged.rejected:
        path = pattern(source("rejected_lines", staged.number))
        db.execute(f"insert into rejected_lines from read_parquet({literal(path)})")


def _with_counts(db: Database, staged: StagedLog) -> StagedLog:
    return replace(
        staged,
        accepted=db.count("events"),
        rejected=db.count("rejected_lines"),
        undated=db.run("staging/questions/undated_events.sql")[0][0],
    )


def _with_log(
    shared: Shared, item: NumberedLog, work: Callable[[Database, OpenLogs, Path], Found]
) -> Found:
    """What some work with a file gives, as the file was when it was found, even if it grows.

    work: with a database in which the lines can be read, and a folder for files.
    """
    with task_folder() as folder, _noticing_rotation(shared, item, folder) as log:
        while True:
            (log,) = as_found([log], folder)
            with _open_log(shared, item.number, log, folder) as (db, opened):
                found = work(db, opened, folder)
            if not grown([log]):
                return found


@contextlib.contextmanager
def _noticing_rotation(shared: Shared, item: NumberedLog, folder: Path) -> Iterator[LogFile]:
    """Yields the file as this worker has it; see `logs.noticing_rotation`."""
    log = _seen(shared, item.log, folder)
    are_text = shared.options.logs.input_format != "parquet"
    with noticing_rotation([log], UbcfError, duckdb.Error, are_text=are_text):
        yield log


def _seen(shared: Shared, log: LogFile, folder: Path) -> LogFile:
    """The file as the driver found it, with the identity that it has on this machine.

    folder: where it is fetched to from an object store.
    """
    if log.source is not None:
        return fetched_log(log, folder)
    if shared.is_local:
        return log
    if not log.path.exists():
        raise SparkError(cannot_see(log.name))
    now = log_file(log.path)
    if now.bytes < log.bytes:
        raise rotated(log.name)
    return replace(log, inode=now.inode)


@contextlib.contextmanager
def _open_log(
    shared: Shared, number: int, log: LogFile, folder: Path
) -> Iterator[tuple[Database, OpenLogs]]:
    """A database of the task in which the lines of a file can be read."""
    (folder / "task.duckdb").unlink(missing_ok=True)
    copies = folder / f"{number}.copies"
    copies.mkdir(exist_ok=True)
    with (
        LiteralPaths() as paths,
        task_database(shared, folder, threads=1, memory=reading_memory(shared)) as db,
    ):
        opened = open_logs(
            db, db.templates, [log], copies, paths, shared.options.logs, first_number=number
        )
        yield db, opened


def _reading(shared: Shared, decided: Decided, db: Database) -> DecidedReading:
    options = shared.options.logs
    told = line_reading(db, fields_of(options), options, untyped=decided.untyped)
    return DecidedReading(
        db, told.fields, options, decided.untyped, dict(decided.ids), decided.plays_count
    )


def _empty_log(shared: Shared, item: NumberedLog) -> StagedLog:
    """What becomes of a file without a byte."""
    if not reads_bytes(shared.templates):
        return StagedLog(
            item.number, Source(ReadableLog(item.log, item.log.path)).dialect, None, None
        )
    with task_folder() as folder:
        log = _seen(shared, item.log, folder)
        source = Source(readable(log, folder, item.number))
    assert source.lines is not None
    lines = source.lines
    return StagedLog(item.number, source.dialect, lines.count, lines.open_end)


def _stage(
    shared: Shared, decided: Decided, number: int, db: Database, opened: OpenLogs, folder: Path
) -> StagedLog:
    (source,) = opened.sources
    lines = source.lines
    found = StagedLog(
        number,
        source.dialect,
        None if lines is None else lines.count,
        None if lines is None else lines.open_end,
    )
    templates = db.templates
    reading = _reading(shared, decided, db)
    db.set(**decided.variables)
    lines_are_ours = reads_lines(templates, shared.options.logs)
    make_events(db, reading, lambda: None, lines_are_ours=lines_are_ours)
    counted = not templates.replaces("staging/events.sql")
    check_events(db, templates, counted=counted, several=decided.several)
    if counted:
        uncertain = [path for (path,) in db.run("staging/questions/uncertain_files.sql")]
        reject_lines(db, reading, opened, uncertain, folder)
        readable_lines, other_lines = _counts_of_lines(db)
        found = replace(found, readable_lines=readable_lines, other_lines=other_lines)
    found = replace(
        _with_counts(db, found),
        left_out=sum(row["lines"] for row in db.dictionaries("left_out")),
        types=db.columns("events"),
    )
    store(db, "from events", staged_part(shared, "events", number))
    _store_hashes(shared, db, EVENT_HASHES, number)
    if found.rejected:
        store(db, "from rejected_lines", staged_part(shared, "rejected_lines", number))
    return found


def _store_hashes(shared: Shared, db: Database, table: str, number: int) -> None:
    db.run(f"staging/{table}.sql")
    store(db, f"from {table}", shared.folder.work_part(table, number))


def _counts_of_lines(db: Database) -> tuple[int, int]:
    """The lines of the file with and without blank ones, those that are no text in both."""
    unreadable = db.count("unreadable_lines")
    counts = db.dictionaries("line_counts")
    readable_lines = sum(row["readable_lines"] for row in counts)
    lines = sum(row["lines"] for row in counts)
    return readable_lines + unreadable, lines + unreadable
