"""Log files in other formats, each turned into a copy that has one line of JSON for each record.

Our own reader of JSON lines reads the copy, so that each record is judged in one way, whatever its
format. A line of the copy has the number of its record: of the line on which a record of CSV or TSV
begins, of an element of a JSON array, of a row of Parquet. Other lines of the copy are blank.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ubcf.building.inputs.lines import (
    Lines,
    ReadableLog,
    bytes_to_read,
    copying,
    is_compressed,
    readable,
    unpacked,
    write_copy,
)
from ubcf.building.inputs.lines import copy_texts as copy_texts_of_lines
from ubcf.building.inputs.log_options import Format
from ubcf.building.inputs.logs import READ_SIZE, LogFile
from ubcf.database.paths import LiteralPaths, pattern
from ubcf.database.session import identifier, literal
from ubcf.database.writing import Database
from ubcf.errors import DatabaseError, InputError, TemplateError, printable

SUFFIXES: dict[str, Format] = {".csv": "csv", ".tsv": "tsv", ".parquet": "parquet"}

# The formats that know no types: numbers are written as texts are.
UNTYPED = ("csv", "tsv")

# The types of instants, and of whole numbers that to_json would give a fraction.
CAST_TYPES = {
    r"TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    r"TIMESTAMPTZ_NS": "TIMESTAMP_NS",
    r"DECIMAL\([0-9]+,\s*0\)": "HUGEINT",
}

# A quoted name of a field, which stays, or one of these types.
CAST_TYPE = re.compile('"(?:[^"]|"")*"|' + "|".join(CAST_TYPES))

# How DuckDB says that it cannot write a file; then why.
UNWRITTEN = re.compile(r'Could not write file .*": ([^"]+)')

# Bytes to read at a time to see whether a file is an array.
HEAD_SIZE = 1 << 12

# The first bytes of an array of objects, or of one without elements. A line that begins with
# another bracket is a damaged line of JSON rather than an array.
ARRAY_START = rb"(?:\xef\xbb\xbf)?\s*\[\s*(?:\{|\]\s*\Z)"


@dataclass(frozen=True)
class Records:
    """The records of a log file in a copy.

    readable: the copy, and what is altered in it. count: their number. dialect: the format in
    words. columns: the names of their fields, if the format has them for all records.
    """

    readable: ReadableLog
    count: int
    dialect: str
    columns: list[str] | None = None


@dataclass(frozen=True)
class Source:
    """A log file, how our own reader reads it, and the format that it has, in words too."""

    readable: ReadableLog
    form: Format = "json"
    dialect: str = "JSON lines"

    @property
    def log(self) -> LogFile:
        """The log file."""
        return self.readable.log

    @property
    def path(self) -> Path:
        """The file that DuckDB reads: the log or a copy."""
        return self.readable.path

    @property
    def lines(self) -> Lines | None:
        """What the bytes of this file tell; None if they were not looked at."""
        return self.readable.lines

    @property
    def altered(self) -> Path | None:
        """A file about the records that differ in the copy."""
        return self.readable.altered

    @property
    def is_untyped(self) -> bool:
        """Whether the format knows no types: numbers are written as texts are."""
        return self.form in UNTYPED

    def copy_texts(self, numbers: set[int], altered: Path, columns: Sequence[str] = ()) -> None:
        """Writes the texts of some records, by number; see `lines.copy_texts`."""
        if self.is_untyped:
            copy_texts(self.log, self.form, numbers, altered, columns)
        elif self.form == "json":
            copy_texts_of_lines(self.log, numbers, altered)
        else:
            altered.touch()  # the copy has the texts of such records as they are


def open_source(
    db: Database,
    log: LogFile,
    folder: Path,
    number: int,
    given: Format | None = None,
    columns: Sequence[str] = (),
) -> Source:
    """How a log file is read, with copies in `folder` where they are needed.

    number: of the file, for the names of copies. given: its format, if its name does not say it.
    columns: as for `write_records`. Raises InputError for a file that cannot be read.
    """
    if log.frame is not None:
        given = "parquet"
    form = input_format(log, given) if log.bytes else "json"
    if form == "json":
        return Source(readable(log, folder, number))
    records = write_records(db, log, form, folder, number, columns)
    return Source(records.readable, form, log.frame or records.dialect)


def input_format(log: LogFile, given: Format | None = None) -> Format:
    """The format of a file: the given one, or what its name says; "json" means lines.

    Text that is named neither CSV nor TSV is JSON, in lines or, if it begins like an array of
    objects, in an array. Raises InputError as `lines.unpacked`.
    """
    form = _named_format(log, given)
    if form != "json":
        return form
    return "array" if _begins_like_array(log) else "json"


def _named_format(log: LogFile, given: Format | None) -> Format:
    """The given format, or what the name of the file says; "json" also means an array."""
    if given is not None:
        return given
    name = log.path.with_suffix("") if is_compressed(log.path) else log.path
    return SUFFIXES.get(name.suffix.lower(), "json")


def is_untyped(log: LogFile, given: Format | None = None) -> bool:
    """Whether the format of a file, unless it is empty, knows no types; given: as for others."""
    return log.frame is None and log.bytes > 0 and _named_format(log, given) in UNTYPED


def _begins_like_array(log: LogFile) -> bool:
    with unpacked(log) as file:
        start = b""
        while len(start) < READ_SIZE and (part := file.read(HEAD_SIZE)):
            start += part
            if re.search(rb"[^\s\[\]\xef\xbb\xbf]", part):
                break
    return re.match(ARRAY_START, start) is not None


def write_records(
    db: Database,
    log: LogFile,
    form: Format,
    folder: Path,
    number: int,
    columns: Sequence[str] = (),
) -> Records:
    """Writes the records of a log file to a copy in `folder`.

    form: not "json". number: of the file, for the names of the copy and of what is altered in it.
    columns: the names of columns of CSV and TSV without header; none: there is a header. Raises
    InputError as `lines.readable`, or when the file as a whole is not in this format, and
    OptionError for columns that are not all different.
    """
    if form == "parquet":
        return _write_parquet(db, log, folder, number)
    # Most logs are JSON lines, which need none of these.
    from ubcf.building.inputs.delimited import DelimitedFile, reading_long_cells
    from ubcf.building.inputs.json_array import write_array
    from ubcf.building.inputs.record_lines import RecordLines

    copy, altered = _paths(folder, number)
    left = bytes_to_read(log)
    with (
        closing(RecordLines(log, copy, altered)) as target,
        unpacked(log) as file,
        reading_long_cells(),
    ):
        if form == "array":
            write_array(file, left, target)
            dialect, names = "JSON array", None
        else:
            delimited = DelimitedFile(log, file, left, form.upper(), columns)
            delimited.write(target)
            dialect, names = str(delimited), delimited.columns
    return Records(ReadableLog(log, copy, target.lines, altered), target.records, dialect, names)


def copy_texts(
    log: LogFile, form: Format, numbers: set[int], altered: Path, columns: Sequence[str] = ()
) -> None:
    """Writes the texts of some records of CSV or TSV, by number, as `lines.copy_texts` does.

    form, columns: as for `write_records`, whose copy has these records in the form of JSON.
    """
    from ubcf.building.inputs.delimited import DelimitedFile, reading_long_cells

    with (
        copying(log, altered),
        altered.open("w", encoding="utf-8") as reports,
        unpacked(log) as file,
        reading_long_cells(),
    ):
        delimited = DelimitedFile(log, file, bytes_to_read(log), form.upper(), columns)
        delimited.write_texts(numbers, reports)


def _paths(folder: Path, number: int) -> tuple[Path, Path]:
    return folder / f"{number}.records", folder / f"{number}.altered"


def _write_parquet(db: Database, log: LogFile, folder: Path, number: int) -> Records:
    """Writes the rows of a Parquet file, which DuckDB reads. See `write_records`."""
    copy, _ = _paths(folder, number)
    with _plain(log, folder / f"{number}.parquet") as path, LiteralPaths() as paths:
        db.set(log_paths=[pattern(paths.path(path))])
        try:
            columns = db.run("staging/questions/parquet_columns.sql")
            for name, _, is_renamed in columns:
                if is_renamed:
                    raise InputError(
                        f"{log.name}: two columns have the same name, but for capital letters; "
                        f"DuckDB calls one of them {printable(name)}"
                    )
            with _times_in_utc(db):
                db.run("staging/parquet_lines.sql", columns=_expressions(columns))
                db.copy_lines("from parquet_lines", copy)
        except (DatabaseError, TemplateError) as error:
            reason = str(error.__cause__ or error).partition("\nLINE ")[0]
            if unwritten := UNWRITTEN.search(reason):
                raise InputError(
                    f"{log.name}: cannot be copied to {copy}: {unwritten[1]}"
                ) from error
            raise InputError(
                f"{log.name}: cannot be read as Parquet: {' '.join(reason.split())}"
            ) from error
    # Its lines are counted, and those too long for our reader replaced, as in any log.
    state = copy.stat()
    whole = replace(log, path=copy, bytes=state.st_size, inode=(state.st_dev, state.st_ino))
    lines = readable(whole, folder, number)
    assert lines.lines is not None
    return Records(
        replace(lines, log=log),
        lines.lines.count,
        "Parquet",
        [name for name, _, _ in columns],
    )


def _expressions(columns: list[tuple[str, str, bool]]) -> list[tuple[str, str, str]]:
    """The key in JSON, the identifier and the type in JSON of each column."""
    return [
        (
            literal(json.dumps(name, ensure_ascii=False) + ": "),
            identifier(name),
            CAST_TYPE.sub(lambda found: _cast_type(found[0]), type),
        )
        for name, type, _ in columns
    ]


def _cast_type(found: str) -> str:
    """The type in JSON for one that `CAST_TYPE` found; a quoted name stays as it is."""
    kinds = (type for form, type in CAST_TYPES.items() if re.fullmatch(form, found))
    return next(kinds, found)


@contextmanager
def _times_in_utc(db: Database) -> Iterator[None]:
    """Makes DuckDB turn instants into timestamps in UTC, not in the zone of this machine."""
    ((zone,),) = db.execute("select current_setting('TimeZone')")
    db.execute("set TimeZone = 'UTC'")
    try:
        yield
    finally:
        db.execute(f"set TimeZone = {literal(zone)}")


@contextmanager
def _plain(log: LogFile, copy: Path) -> Iterator[Path]:
    """The path of a log file, or of an unpacked copy of it if it is compressed."""
    if not is_compressed(log.path):
        yield log.path
        return
    with copying(log, copy), copy.open("wb") as target, unpacked(log) as file:
        while part := file.read(READ_SIZE):
            write_copy(log, target, part)
    yield copy
    copy.unlink()
