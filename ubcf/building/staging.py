"""From log files and a catalog to the tables events, rejected_lines and catalog."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import duckdb

from ubcf.building.lines import ReadableLog, check_complete, copy_texts, readable
from ubcf.building.logs import Catalog, LogFile, frozen, grown, log_file, noticing_rotation
from ubcf.database.paths import LiteralPaths, pattern
from ubcf.database.templates import Templates
from ubcf.database.writing import Database
from ubcf.errors import InputError, RejectedLinesError, TemplateError, UbcfError
from ubcf.progress import Stages

# The columns of the table events. A reading of the user's own may leave out all but user and track.
EVENT_COLUMNS = (
    "file",
    "message",
    "timestamp",
    "user",
    "track",
    "time",
    "latency",
    "recommendation",
    "experiments",
)

# Columns whose type is fixed; that of recommendation is the type of track.
EVENT_TYPES = {
    "message": "VARCHAR",
    "timestamp": "TIMESTAMP",
    "latency": "DOUBLE",
    "experiments": "MAP(VARCHAR, VARCHAR)",
}

# The templates that decide what an event is, the last of them first.
READINGS = ("staging/events.sql", "staging/log_lines.sql", "staging/log_text.sql")

# Units of timestamps, and the range of numbers that each is recognized by: from March 1973 on.
TIMESTAMP_SIZES = {
    "seconds": (10**8, 10**11 - 1),
    "milliseconds": (10**11, 10**14 - 1),
    "microseconds": (10**14, 10**17 - 1),
    "nanoseconds": (10**17, 2**63 - 1),
}

# How the names of the types of numbers begin.
NUMBERS = ("DOUBLE", "FLOAT", "DECIMAL", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "U", "HUGEINT")

# How many rows of a failed check, or of too many rejected lines, an error message shows.
ROWS_SHOWN = 3

# Stands for the catalog in the names of copies, among the numbers of logs.
CATALOG_NUMBER = -1


def read_logs(
    db: Database, templates: Templates, logs: list[LogFile], folder: Path, stages: Stages
) -> None:
    """Makes the tables events, rejected_lines and build_inputs.

    They hold the lines that the files had when they were found, even if a file grows meanwhile.
    """
    with (
        stages.stage("read logs") as stage,
        LiteralPaths() as paths,
        noticing_rotation(logs, UbcfError, duckdb.Error),
    ):
        if not any(log.bytes for log in logs):
            raise InputError(f"{', '.join(log.name for log in logs)}: empty, no event in it")
        _stage_logs(db, templates, logs, folder, paths)
        while longer := grown(logs):
            # Read again, from copies of the bytes that they had when found: copies do not grow.
            logs = [
                frozen(log, folder, number) if log in longer else log
                for number, log in enumerate(logs)
            ]
            db.drop("events", "rejected_lines", "build_inputs")
            _stage_logs(db, templates, logs, folder, paths)
        if not templates.replaces("staging/events.sql"):
            for file, lines, read in db.run("staging/questions/miscounted_files.sql"):
                raise InputError(f"{file}: it has {lines:,} lines, but {read:,} were read")
        stage.rows = db.count("events")


def _stage_logs(
    db: Database, templates: Templates, logs: list[LogFile], folder: Path, paths: LiteralPaths
) -> None:
    """Makes the tables of `read_logs` from what the files hold now."""
    # A reader of the user's own gets the bytes of the files as they are, whatever they are.
    ours = not any(templates.replaces(f"staging/{name}.sql") for name in ("events", "log_text"))
    files = _readable_logs(logs, folder) if ours else _complete_logs(logs)
    input_paths = [str(paths.path(file.path)) for file in files]
    db.set(
        input_files=[log.name for log in logs],
        input_paths=input_paths,
        input_bytes=[log.bytes for log in logs],
        input_lines=[file.lines and file.lines.count for file in files],
        input_open_ends=[file.lines and file.lines.open_end for file in files],
        log_paths=[pattern(path) for log, path in zip(logs, input_paths, strict=True) if log.bytes],
        duplicate_lines=None,
    )
    db.run("staging/input_files.sql")
    db.run("staging/whole_characters.sql")
    line_feeds = all(
        file.lines is not None and file.lines.line_feeds for file in files if file.log.bytes
    )
    db.run("staging/log_text.sql", line_feeds=line_feeds)
    db.run("staging/iso_timestamp.sql")
    as_the_service_writes = not any(
        templates.replaces(f"staging/{name}.sql") for name in ("log_lines", "events")
    )
    _bind_timestamp_unit(db, ["milliseconds"])
    if as_the_service_writes:
        db.run("staging/known_experiments.sql")
        _bind_timestamp_unit(db, _timestamp_units(db, few_lines=True))
    else:
        db.set(timestamps_written=None)
    db.run("staging/log_lines.sql", view="log_lines", numbered=False)
    db.run("staging/events.sql")
    if as_the_service_writes and db.run("staging/questions/undated_events.sql")[0][0]:
        # A timestamp is in another unit than those of the first lines, or there is none.
        units = _timestamp_units(db, few_lines=False)
        if _bind_timestamp_unit(db, units):
            db.drop("events")
            db.run("staging/events.sql")
    db.run("staging/rejected_lines.sql")
    _check_event_columns(db, templates)
    # An events.sql of the user's own decides what a line is: lines are counted for ours only.
    counted = not templates.replaces("staging/events.sql")
    if not counted:
        db.run("staging/names_of_files.sql")
    db.run("staging/accepted_lines.sql")
    if counted:
        _account_for_lines(db)
        altered = [file.altered for file in files if file.altered is not None]
        _restore_lines(db, [*altered, *_damaged_lines(db, logs, folder)])
    db.run("staging/build_inputs.sql", counted=counted)


def _readable_logs(logs: list[LogFile], folder: Path) -> list[ReadableLog]:
    """How our own reader reads the logs. Raises InputError for one that cannot be read."""
    return [readable(log, folder, number) for number, log in enumerate(logs)]


def _complete_logs(logs: list[LogFile]) -> list[ReadableLog]:
    """The logs as they are. Raises InputError for a compressed one that is not complete."""
    check_complete(logs)
    return [ReadableLog(log, log.path) for log in logs]


def _timestamp_units(db: Database, *, few_lines: bool) -> list[str]:
    """The units of timestamps in the logs, or in the first lines, the most frequent first."""
    return [
        unit for unit, _ in db.run("staging/questions/timestamp_units.sql", few_lines=few_lines)
    ]


def _bind_timestamp_unit(db: Database, units: list[str]) -> bool:
    """Makes the first unit that is one of numbers the unit of all logs; returns if it is another.

    Numbers of another size than this unit has are no timestamps; texts are read in any case.
    """
    unit = next((unit for unit in units if unit in TIMESTAMP_SIZES), "milliseconds")
    ((before,),) = db.execute("select getvariable('timestamp_unit')")
    least, most = TIMESTAMP_SIZES[unit]
    written = [name for name in units if name == unit or name not in TIMESTAMP_SIZES]
    db.set(
        timestamp_unit=unit,
        timestamp_least=least,
        timestamp_most=most,
        timestamps_written=" and ".join(written) or None,
    )
    return bool(unit != before)


def _damaged_lines(db: Database, logs: list[LogFile], folder: Path) -> list[Path]:
    """Files with the texts of lines that are not UTF-8: DuckDB keeps only a part of a long one."""
    numbers: dict[str, set[int]] = {}
    for file, number in db.run("staging/questions/damaged_lines.sql"):
        numbers.setdefault(file, set()).add(number)
    copies = []
    for index, log in enumerate(logs):
        if log.name in numbers:
            copies.append(folder / f"{index}.damaged")
            copy_texts(log, numbers[log.name], copies[-1])
    return copies


def _restore_lines(db: Database, altered: list[Path]) -> None:
    """Gives rejected lines that were read from a copy the text of the log, and their reason."""
    if altered:
        with LiteralPaths() as paths:
            db.set(altered_paths=[pattern(paths.path(path)) for path in altered])
            db.run("staging/altered_lines.sql")
        db.run("staging/restored_lines.sql")


def _check_event_columns(db: Database, templates: Templates) -> None:
    """Adds columns that events lacks, and casts all to their types, once their values are checked.

    Raises TemplateError if a column is missing that is needed, InputError for values that no model
    can use.
    """
    columns = db.columns("events")
    missing = [name for name in EVENT_COLUMNS if name not in columns]
    # Of several logs, only the reading itself can say which one an event is from. A name in other
    # letters, such as Time, is meant to be the column.
    needed = {"user", "track", *(["file"] if db.count("input_files") > 1 else [])}
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


def _account_for_lines(db: Database) -> None:
    """Counts the lines and the duplicates among them, and adds the rows of rejected_lines.

    Lines are parsed again only in files where some of them are not events.
    """
    uncertain = [path for (path,) in db.run("staging/questions/uncertain_files.sql")]
    # Equal lines are equal events: without equal events there is no need to compare lines.
    if uncertain or db.run("staging/questions/repeated_events.sql")[0][0]:
        ((duplicates,),) = db.run("staging/questions/duplicate_lines.sql")
    else:
        duplicates = 0
    db.set(duplicate_lines=duplicates, log_paths=list(map(pattern, uncertain)))
    db.run("staging/line_counts.sql", uncertain=bool(uncertain))
    db.run("staging/unreadable_lines.sql", rejects=bool(db.columns("reject_errors")))
    incomplete = db.run("staging/questions/incomplete_files.sql")
    if incomplete:
        db.run("staging/log_lines.sql", view="numbered_log_lines", numbered=True)
    for file, path in incomplete:
        db.set(file=file, path=path, log_paths=[pattern(path)])
        db.run("staging/rejected_lines_of_file.sql")


def refuse_rejected_lines(db: Database, max_rejected: float) -> None:
    """Raises RejectedLinesError if more than the share `max_rejected` of the lines is rejected.

    Raises InputError if no line is accepted.
    """
    ((lines, rejected),) = db.run("staging/questions/rejected_share.sql")
    reasons = ", ".join(
        f"{reason} ({count:,} lines)"
        for reason, count in db.run("staging/questions/rejected_reasons.sql")
    )
    if db.count("events") == 0:
        raise InputError(f"no event in {lines:,} lines of the logs: {reasons or 'all are empty'}")
    if rejected > max_rejected * lines:
        first = "; ".join(
            f"{file}, line {number}: {reason}"
            for file, number, reason in db.run(
                "staging/questions/first_rejected_lines.sql", rows=ROWS_SHOWN
            )
        )
        raise RejectedLinesError(
            f"{rejected:,} of {lines:,} lines were rejected, more than --max-rejected "
            f"{max_rejected:g} allows: {reasons}; first {first}"
        )


def read_catalog(db: Database, catalog: Catalog | None, folder: Path, stages: Stages) -> None:
    """Makes the temporary table catalog, empty without a catalog.

    Raises InputError, with the line, for a line of the catalog that cannot be used.
    """
    with stages.stage("read catalog") as stage:
        track_type = db.columns("events")["track"]
        has_catalog = False
        if catalog is not None:
            log = replace(log_file(catalog.path), name=catalog.name)
            has_catalog = log.bytes > 0
        if has_catalog:
            file = readable(log, folder, CATALOG_NUMBER)
            db.run("staging/whole_characters.sql")
            with LiteralPaths() as paths:
                path = str(paths.path(file.path))
                db.set(path=path, log_paths=[pattern(path)])
                db.run("staging/log_text.sql", line_feeds=False)
                db.run("staging/catalog_lines.sql")
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
