"""From log files and a catalog to the tables events, rejected_lines and catalog."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from ubcf.building.inputs.fields import catalog_pointers, fields_of
from ubcf.building.inputs.lines import NOT_JSON, NOT_TEXT, ReadableLog, check_complete
from ubcf.building.inputs.log_lines import LineReading, line_reading
from ubcf.building.inputs.log_options import EVENT_FIELDS, LogOptions
from ubcf.building.inputs.logs import Catalog, LogFile, as_found, grown, log_file, noticing_rotation
from ubcf.building.inputs.records import Source, open_source
from ubcf.building.memory import one_thread_reads
from ubcf.building.repeats import check_repeats, settle_repeats
from ubcf.building.summary import Reading, hint_about_ids
from ubcf.database.paths import LiteralPaths, pattern
from ubcf.database.templates import Templates
from ubcf.database.writing import Database
from ubcf.errors import InputError, OptionError, RejectedLinesError, TemplateError, UbcfError
from ubcf.progress import Stages

# The columns of the table events. A reading of the user's own may leave out all but user and track.
EVENT_COLUMNS = ("file", *EVENT_FIELDS)

# Columns whose type is fixed; that of recommendation is the type of track.
EVENT_TYPES = {
    "message": "VARCHAR",
    "timestamp": "TIMESTAMP",
    "latency": "DOUBLE",
    "experiments": "MAP(VARCHAR, VARCHAR)",
}

# The templates that decide what an event is, the last of them first.
READINGS = ("staging/events.sql", "staging/log_lines.sql", "staging/log_text.sql")

# How the names of the types of numbers begin.
NUMBERS = ("DOUBLE", "FLOAT", "DECIMAL", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "U", "HUGEINT")

# How many rows of a failed check, or of too many rejected lines, an error message shows.
ROWS_SHOWN = 3

# Stands for the catalog in the names of copies, among the numbers of logs.
CATALOG_NUMBER = -1


def read_logs(
    db: Database,
    templates: Templates,
    logs: list[LogFile],
    folder: Path,
    stages: Stages,
    options: LogOptions,
    *,
    meanwhile: Callable[[], None] = lambda: None,
) -> Reading | None:
    """Makes the tables events, rejected_lines and build_inputs.

    They hold the lines that the files had when they were found, even if a file grows meanwhile.
    meanwhile: called when DuckDB is about to work for long, and Python has nothing to do.
    Returns what the logs told; None where an overlay decides what an event is.
    """
    check_repeats(options.repeats, templates)
    with (
        stages.stage("read logs") as stage,
        LiteralPaths() as paths,
        noticing_rotation(
            logs, UbcfError, duckdb.Error, are_text=options.input_format != "parquet"
        ),
        _reading_threads(db, logs),
    ):
        refuse_empty(logs)
        reading = _stage_logs(db, templates, logs, folder, paths, options, meanwhile)
        while grown(logs):
            logs = as_found(logs, folder)
            db.drop("events", "rejected_lines", "build_inputs")
            reading = _stage_logs(db, templates, logs, folder, paths, options)
        if not templates.replaces("staging/events.sql"):
            refuse_miscounted(db)
        stage.rows = db.count("events")
    return reading


def refuse_empty(logs: list[LogFile]) -> None:
    """Raises InputError if all logs are empty."""
    if not any(log.bytes for log in logs):
        raise InputError(f"{', '.join(log.name for log in logs)}: empty, no event in it")


def refuse_miscounted(db: Database) -> None:
    """Raises InputError if not all lines of a file were read."""
    for file, lines, read in db.run("staging/questions/miscounted_files.sql"):
        raise InputError(f"{file}: it has {lines:,} lines, but {read:,} were read")


def _reading_threads(db: Database, logs: list[LogFile]) -> AbstractContextManager[None]:
    """Leaves one thread for a while if several would need too much memory for so many files."""
    if one_thread_reads(len(logs), sum(log.bytes for log in logs), db.memory):
        return db.one_thread()
    return nullcontext()


def _stage_logs(
    db: Database,
    templates: Templates,
    logs: list[LogFile],
    folder: Path,
    paths: LiteralPaths,
    options: LogOptions,
    meanwhile: Callable[[], None] = lambda: None,
) -> Reading | None:
    """Makes the tables of `read_logs` from what the files hold now."""
    opened = open_logs(db, templates, logs, folder, paths, options)
    reading = line_reading(db, fields_of(options), options, untyped=opened.untyped)
    lines_are_ours = reads_lines(templates, options)
    make_events(db, reading, meanwhile, lines_are_ours=lines_are_ours)
    # An events.sql of the user's own decides what a line is: lines are counted for ours only.
    counted = not templates.replaces("staging/events.sql")
    check_events(db, templates, counted=counted)
    if counted:
        uncertain = count_duplicates(db)
        reject_lines(db, reading, opened, uncertain, folder)
    copied = settle_repeats(
        db, opened.log_paths, options.repeats, leaves_out=reading.fields.where is not None
    )
    if options.since is not None:
        leave_out_earlier(db, options)
    db.run("staging/build_inputs.sql", counted=counted, copied=copied)
    if lines_are_ours and db.count("events") == 0:
        reading.explain_no_event()
    return reading.told() if lines_are_ours else None


@dataclass(frozen=True)
class OpenLogs:
    """Logs that are ready to be read. log_paths: as patterns of those that are not empty."""

    sources: list[Source]
    log_paths: list[str]

    @property
    def untyped(self) -> bool:
        """Whether some files know no types, such as CSV."""
        return any(source.is_untyped for source in self.sources)


def open_logs(
    db: Database,
    templates: Templates,
    logs: list[LogFile],
    folder: Path,
    paths: LiteralPaths,
    options: LogOptions,
    *,
    first_number: int = 0,
) -> OpenLogs:
    """Makes the view log_text of the lines of the logs, and what else reading them needs.

    first_number: of the first of these files, in the order of all.
    Raises InputError for a log that cannot be read.
    """
    ours = reads_bytes(templates)
    sources = _sources(db, logs, folder, options) if ours else _complete_logs(logs)
    log_paths = _bind_files(db, sources, paths, first_number)
    db.run("staging/input_files.sql")
    db.run("staging/left_out.sql")
    db.run("staging/whole_characters.sql")
    line_feeds = all(
        source.lines is not None and source.lines.line_feeds
        for source in sources
        if source.log.bytes
    )
    db.run("staging/log_text.sql", line_feeds=line_feeds)
    db.run("staging/iso_timestamp.sql")
    return OpenLogs(sources, log_paths)


def reads_bytes(templates: Templates) -> bool:
    """Whether our own reader looks at the bytes of files; others get them as they are."""
    return not any(templates.replaces(f"staging/{name}.sql") for name in ("events", "log_text"))


def reads_lines(templates: Templates, options: LogOptions) -> bool:
    """Whether ours are the templates that decide what an event is.

    Raises OptionError for options that have no effect beside an overlay.
    """
    lines_are_ours = not any(map(templates.replaces, READINGS[:2]))
    if not lines_are_ours and options.chooses_fields:
        raise OptionError(
            f"{_source_of_events(templates)} decides what an event is: field, where, ids and scale "
            "have no effect beside it"
        )
    return lines_are_ours


def check_events(
    db: Database, templates: Templates, *, counted: bool, several: bool | None = None
) -> None:
    """Checks the columns and the values of events, and makes rejected_lines and accepted_lines.

    counted: lines are counted by our own reading. several: the logs are several files; None: as
    many as are open. Raises as `_check_event_columns`.
    """
    db.run("staging/rejected_lines.sql")
    _check_event_columns(
        db, templates, several=db.count("input_files") > 1 if several is None else several
    )
    if not counted:
        db.run("staging/names_of_files.sql")
    db.run("staging/accepted_lines.sql")


def _bind_files(
    db: Database, sources: list[Source], paths: LiteralPaths, first_number: int
) -> list[str]:
    """Sets the variables that say which files are read, and how; returns `log_paths`."""
    input_paths = [str(paths.path(source.path)) for source in sources]
    pairs = list(zip(sources, input_paths, strict=True))
    log_paths = [pattern(path) for source, path in pairs if source.log.bytes]
    db.set(
        input_files=[source.log.name for source in sources],
        input_paths=input_paths,
        input_formats=[source.dialect for source in sources],
        input_bytes=[source.log.bytes for source in sources],
        input_lines=[source.lines and source.lines.count for source in sources],
        input_open_ends=[source.lines and source.lines.open_end for source in sources],
        input_numbers=[first_number + index for index in range(len(sources))],
        log_paths=log_paths,
        untyped_paths=[path for source, path in pairs if source.is_untyped],
        duplicate_lines=None,
    )
    return log_paths


def make_events(
    db: Database, reading: LineReading, meanwhile: Callable[[], None], *, lines_are_ours: bool
) -> None:
    """Makes the table events, and the views that it is made of."""
    reading.make_fields("log_fields", numbered=False)
    if lines_are_ours:
        reading.decide()
    reading.make_lines("log_lines", "log_fields", numbered=False)
    leaves_out = reading.fields.where is not None
    meanwhile()
    db.run("staging/events.sql", leaves_out=leaves_out)
    if not lines_are_ours:
        return
    # A timestamp is written otherwise than those of the first lines, or there is none.
    undated = db.run("staging/questions/undated_events.sql")[0][0]
    changed = bool(undated) and reading.bind_timestamp_unit("log_fields")
    if db.run("staging/questions/mostly_rejected.sql")[0][0] and reading.decide_ids_again():
        reading.make_lines("log_lines", "log_fields", numbered=False)
        changed = True
    if changed:
        db.drop("events")
        db.run("staging/events.sql", leaves_out=leaves_out)


def _sources(db: Database, logs: list[LogFile], folder: Path, options: LogOptions) -> list[Source]:
    """How our own reader reads the logs. Raises InputError for one that cannot be read."""
    return [
        open_source(db, log, folder, number, options.input_format, options.columns)
        for number, log in enumerate(logs)
    ]


def _complete_logs(logs: list[LogFile]) -> list[Source]:
    """The logs as they are. Raises InputError for a compressed one that is not complete."""
    check_complete(logs)
    return [Source(ReadableLog(log, log.path)) for log in logs]


def _damaged_lines(
    db: Database, sources: list[Source], folder: Path, options: LogOptions, *, untyped: bool
) -> list[Path]:
    """Files with the texts of rejected lines of which DuckDB has another text, or a part.

    Those are lines that are not UTF-8, and records of CSV (untyped).
    """
    question = "rejected_numbers" if untyped else "damaged_lines"
    numbers: dict[str, set[int]] = {}
    for file, number in db.run(f"staging/questions/{question}.sql"):
        numbers.setdefault(file, set()).add(number)
    copies = []
    for index, source in enumerate(sources):
        if source.log.name in numbers:
            copies.append(folder / f"{index}.damaged")
            source.copy_texts(numbers[source.log.name], copies[-1], options.columns)
    return copies


def _restore_lines(db: Database, altered: list[Path]) -> None:
    """Gives rejected lines that were read from a copy the text of the log, and their reason."""
    if altered:
        with LiteralPaths() as paths:
            db.set(altered_paths=[pattern(paths.path(path)) for path in altered])
            db.run("staging/altered_lines.sql")
        db.run("staging/restored_lines.sql")


def _check_event_columns(db: Database, templates: Templates, *, several: bool) -> None:
    """Adds columns that events lacks, and casts all to their types, once their values are checked.

    several: of several files, so that only the reading can say which one an event is from. Raises
    TemplateError if a column is missing that is needed, InputError for values that no model can
    use.
    """
    columns = db.columns("events")
    missing = [name for name in EVENT_COLUMNS if name not in columns]
    # A name in other letters, such as Time, is meant to be the column.
    needed = {"user", "track", *(["file"] if several else [])}
    needed.update(name.lower() for name in columns)
    if lacking := [name for name in missing if name in needed]:
        raise TemplateError(
            f"{_source_of_events(templates)}: the table events has no column {', '.join(lacking)}"
        )
    types = {**EVENT_TYPES, "recommendation": columns["track"]}
    for name in missing:
        columns[name] = {**types, "file": "VARCHAR", "time": "DOUBLE"}[name]
        db.run("staging/missing_event_column.sql", column=name, type=columns[name])
    if not columns["time"].startswith(NUMBERS):
        types["time"] = "DOUBLE"
    converted = {name: type for name, type in types.items() if columns[name] != type}
    for problem, events, file, first in db.run(
        "staging/questions/unusable_events.sql",
        converted=converted,
        overlaid=any(map(templates.replaces, READINGS)),
        fractions=[name for name in ("user", "track") if columns[name] in ("DOUBLE", "FLOAT")],
    ):
        where = "" if file is None else f" of {file}"
        raise InputError(
            f"{_source_of_events(templates)}: {problem} in {events:,} events, first{where}: {first}"
        )
    for column, type in converted.items():
        db.run("staging/event_column_type.sql", column=column, type=type)


def _source_of_events(templates: Templates) -> Path:
    """The template that decided the values of events: one of the user's own, if there is any."""
    return templates.path(next(filter(templates.replaces, READINGS), READINGS[0]))


def count_duplicates(db: Database) -> list[str]:
    """Sets the variable duplicate_lines; returns the paths of files with blank or rejected lines.

    Lines are parsed again only in files where some of them are not events.
    """
    uncertain = [path for (path,) in db.run("staging/questions/uncertain_files.sql")]
    # Equal lines are equal events: without equal events there is no need to compare lines.
    if uncertain or db.run("staging/questions/repeated_events.sql")[0][0]:
        ((duplicates,),) = db.run("staging/questions/duplicate_lines.sql")
    else:
        duplicates = 0
    db.set(duplicate_lines=duplicates)
    return uncertain


def reject_lines(
    db: Database, reading: LineReading, opened: OpenLogs, uncertain: list[str], folder: Path
) -> None:
    """Counts the lines, and adds the rows of rejected_lines.

    uncertain: the paths of the files that may have lines that are not events.
    """
    db.set(log_paths=list(map(pattern, uncertain)))
    db.run("staging/line_counts.sql", uncertain=bool(uncertain))
    db.run("staging/unreadable_lines.sql", rejects=bool(db.columns("reject_errors")))
    incomplete = db.run("staging/questions/incomplete_files.sql")
    if incomplete:
        reading.make_fields("numbered_log_fields", numbered=True)
        reading.make_lines("numbered_log_lines", "numbered_log_fields", numbered=True)
    leaves_out = reading.fields.where is not None
    for file, path in incomplete:
        db.set(file=file, path=path, log_paths=[pattern(path)])
        db.run("staging/rejected_lines_of_file.sql", leaves_out=leaves_out)
        if leaves_out:
            db.run("staging/left_out_of_file.sql")
    sources = opened.sources
    altered = [source.altered for source in sources if source.altered is not None]
    damaged = _damaged_lines(db, sources, folder, reading.options, untyped=reading.untyped)
    _restore_lines(db, [*altered, *damaged])


def leave_out_earlier(db: Database, options: LogOptions) -> None:
    """Removes the events before the moment of `since`, and counts them as left out.

    Raises InputError if no event has a timestamp.
    """
    if db.run("staging/questions/undated_events.sql")[0][0] == db.count("events") > 0:
        raise InputError(
            f"since is {options.since!r}, but no event has a timestamp; if a field has it, name it "
            "by --field timestamp=FIELD"
        )
    days = options.days
    db.set(since=options.moment if days is None else None)
    db.run("staging/earlier_events.sql", days=days)
    db.run("staging/without_earlier_events.sql")
    db.run("staging/accepted_lines.sql")


def refuse_rejected_lines(db: Database, max_rejected: float) -> None:
    """Raises RejectedLinesError if more than the share `max_rejected` of the lines is rejected.

    Lines that are left out on request do not count. Raises InputError if no line is accepted.
    """
    ((lines, rejected, left_out, compared),) = db.run("staging/questions/rejected_share.sql")
    counts = dict(db.run("staging/questions/rejected_reasons.sql"))
    reasons = ", ".join(f"{reason} ({count:,} lines)" for reason, count in counts.items())
    if db.count("events") == 0:
        if left_out:
            reasons = ", ".join(
                filter(None, [f"left out on request ({left_out:,} lines)", reasons])
            )
        no_json = rejected > 0 and all(
            reason.startswith(NOT_JSON) for reason in counts if reason != NOT_TEXT
        )
        hint = "; if they are in another format, say which by --input-format" if no_json else ""
        raise InputError(
            f"no event in {lines:,} lines of the logs: {reasons or 'all are empty'}{hint}"
        )
    if rejected > max_rejected * compared:
        first = "; ".join(
            f"{file}, line {number}: {reason}" + (f": {beginning!r}" if beginning else "")
            for file, number, reason, beginning in db.run(
                "staging/questions/first_rejected_lines.sql", rows=ROWS_SHOWN
            )
        )
        raise RejectedLinesError(
            f"{rejected:,} of {compared:,} lines were rejected, more than --max-rejected "
            f"{max_rejected:g} allows: {reasons}; first {first}{hint_about_ids(counts)}"
        )


def read_catalog(
    db: Database,
    catalog: Catalog | None,
    folder: Path,
    stages: Stages,
    options: LogOptions,
) -> None:
    """Makes the temporary table catalog, empty without a catalog.

    Raises InputError, with the line, for a line of the catalog that cannot be used.
    """
    paths_of_fields = catalog_pointers(options)
    with stages.stage("read catalog") as stage:
        track_type = db.columns("events")["track"]
        has_catalog = False
        if catalog is not None:
            log = replace(log_file(catalog.path), name=catalog.name)
            has_catalog = log.bytes > 0
        if has_catalog:
            file = open_source(db, log, folder, CATALOG_NUMBER)
            db.run("staging/whole_characters.sql")
            with LiteralPaths() as paths:
                path = str(paths.path(file.path))
                db.set(
                    path=path,
                    log_paths=[pattern(path)],
                    catalog_paths=list(paths_of_fields.values()),
                )
                db.run("staging/log_text.sql", line_feeds=False)
                db.run(
                    "staging/catalog_lines.sql",
                    fields=list(paths_of_fields),
                    untyped=file.is_untyped,
                    track_type=track_type,
                )
            db.run("staging/unreadable_lines.sql", rejects=bool(db.columns("reject_errors")))
            for line_number, problem in db.run(
                "staging/questions/catalog_problems.sql", track_type=track_type
            ):
                reason = _reasons_in(file.altered).get(line_number) or problem
                raise InputError(f"{log.name}, line {line_number}: {reason}")
        db.run("staging/catalog.sql", catalog=has_catalog, track_type=track_type)
        stage.rows = db.count("catalog")


def _reasons_in(altered: Path | None) -> dict[int, str | None]:
    """Why lines of a copy were replaced, by line number; see `lines.copy_readable`."""
    if altered is None:
        return {}
    with altered.open(encoding="utf-8") as file:
        return {entry["line_number"]: entry["reason"] for entry in map(json.loads, file)}
