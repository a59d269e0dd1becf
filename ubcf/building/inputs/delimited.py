"""Delimited text, CSV and TSV: its dialect, and its records as lines of JSON.

Python's csv module reads it, strictly: DuckDB's reader loses what follows an unclosed quote without
a word, and its sniffer skips the first lines of a file in which they differ from others.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from json.encoder import encode_basestring
from typing import BinaryIO, NamedTuple, TextIO

from ubcf.building.inputs.lines import (
    LONGEST_LINE,
    NOT_TEXT,
    NOT_UTF8,
    TOO_LONG,
    buffered,
    report_line,
    text_of,
)
from ubcf.building.inputs.logs import READ_SIZE, LogFile
from ubcf.building.inputs.record_lines import RecordLines
from ubcf.errors import InputError, OptionError, printable

DELIMITERS = (",", "\t", ";", "|")

# How much of a file decides about its delimiter, and about its quotes, in characters.
DELIMITER_SAMPLE = 1 << 16
QUOTE_SAMPLE = 1 << 20

NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?")

# What JSON writes in another way within a text.
ESCAPED_IN_JSON = re.compile(r'[\x00-\x1f"\\]')


@dataclass(frozen=True)
class Dialect:
    """How records are written. quote: None means that quotes are plain characters.

    escape: stands before a quote within quotes; None means that the quote is doubled instead.
    """

    delimiter: str
    quote: str | None = '"'
    escape: str | None = None

    def __str__(self) -> str:
        delimiter = {"\t": "tab"}.get(self.delimiter, self.delimiter)
        escape = f" escaped by {self.escape}" if self.escape else ""
        return f"{delimiter} and {self.quote or 'no quotes'}{escape}"

    def reader(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """The cells of each record."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote,
            escapechar=self.escape,
            doublequote=self.escape is None,
            quoting=csv.QUOTE_NONE if self.quote is None else csv.QUOTE_MINIMAL,
            strict=True,
        )


class Record(NamedTuple):
    """A record, the lines that it takes, their text, and why it cannot be read (None: it can)."""

    cells: list[str]
    lines: int
    text: str
    problem: str | None


class DelimitedFile:
    """The records of a file of delimited text.

    kind: its name in messages, CSV or TSV. columns: the names of its columns. header: whether the
    file has them. first_line: the number of the line after the header.
    """

    def __init__(
        self, log: LogFile, file: BinaryIO, left: int | None, kind: str, columns: Sequence[str]
    ) -> None:
        """Finds the dialect and the names of the columns.

        left: how many bytes to read; None means all. columns: the names of columns of a file
        without header; none: its first record is the header. Raises InputError for a header without
        a name for each column, or with one twice, and OptionError for such columns.
        """
        self._log = log
        self._kind = kind
        blocks = _blocks(file, left)
        sample = next(blocks, "")
        delimiters = ("\t",) if kind == "TSV" else DELIMITERS
        self.dialect = find_dialect(sample, delimiters, len(columns))
        self._pending = _PendingLines(chain([sample], blocks))
        self._reader = self.dialect.reader(self._pending)
        self.header = not columns
        self.columns = list(columns)
        self.first_line = 1
        self._open_end = False
        if columns:
            _check_columns(columns)
        self._read_header()

    def __str__(self) -> str:
        return f"{self._kind} with {self.dialect}, {'header' if self.header else 'no header'}"

    def _read_header(self) -> None:
        """Reads the header, also where columns are given and the first record repeats them."""
        record = self._next_record()
        while record is not None and not record.problem and not record.cells:
            self.first_line += record.lines
            record = self._next_record()
        if record is None:
            return
        if self.columns:
            names = [name.strip() for name in record.cells]
            given = [name and column for name, column in zip(names, self.columns, strict=False)]
            self.header = len(names) == len(self.columns) and any(names) and names == given
            if not self.header:
                self._pending.put_back(0)
                return
        else:
            self.columns = self._names(record)
        self.first_line += record.lines

    def _names(self, record: Record) -> list[str]:
        """The names in the header. Raises InputError if a column has none of its own."""
        where = f"{self._log.name}, line {self.first_line}"
        if record.problem:
            raise InputError(f"{where}: the header cannot be read: {record.problem}")
        names = [name.strip() for name in record.cells]
        if any(NUMBER.fullmatch(name) for name in names):
            shown = printable(record.text.strip())[:100]
            raise InputError(
                f"{where}: no header, which has a name for each column: {shown}; "
                "name them with --columns"
            )
        if "" in names:
            raise InputError(
                f"{where}: the header has no name for column {names.index('') + 1}; "
                "name all columns with --columns"
            )
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise InputError(f"{where}: the header has the name {printable(twice[0])} twice")
        return names

    def write(self, target: RecordLines) -> None:
        """Writes each record, numbered by the line on which it begins.

        Its cells are texts by the names of the columns, without those that are empty.
        """
        target.skip(self.first_line - 1)
        keys = [encode_basestring(name) + ": " for name in self.columns]
        plain = _PlainBlocks(self.dialect, keys)
        while (block := self._pending.take_block()) is not None:
            written = plain.lines(block)
            if written is not None:
                target.add_all(*written)
                continue
            self._pending.put_block(block)
            while self._pending and (record := self._next_record()) is not None:
                text = record.text.encode("utf-8", "surrogateescape").rstrip(b"\r\n")
                if problem := record.problem or self._misfit(record):
                    target.reject(text, problem)
                elif record.cells:
                    target.add(_json(keys, record.cells).encode(), text)
                else:
                    target.skip(1)
                if record.lines > 1:
                    target.skip(record.lines - 1)

    def write_texts(self, numbers: set[int], reports: TextIO) -> None:
        """Writes the texts of records, by number, as `lines.copy_texts` does."""
        number = self.first_line
        while (record := self._next_record()) is not None:
            if number in numbers:
                text = record.text.encode("utf-8", "surrogateescape").rstrip(b"\r\n")
                report_line(reports, self._log, number, None, text_of(text))
            number += record.lines

    def _misfit(self, record: Record) -> str | None:
        """Why a record has not a cell for each column, if it has not. A blank line is no record."""
        cells, columns = len(record.cells), len(self.columns)
        if cells in (0, columns):
            return None
        if cells < columns and not record.text.endswith("\n"):
            return f"not {self._kind}: the file ends in the middle of the line"
        return f"not {self._kind}: {cells} cells instead of {columns}"

    def _next_record(self) -> Record | None:
        """The next record, or None at the end of the file.

        If quotes are not as they must be, only the first line is a (rejected) record: an unclosed
        quote must not take all that follows with it.
        """
        pending = self._pending
        pending.taken.clear()
        pending.size = 0
        pending.ended = False
        problem = None
        cells: list[str] = []
        try:
            cells = next(self._reader, [])
        except csv.Error:
            problem = f"not {self._kind}: {pending.quote_problem}"
            pending.put_back(1)
        if not pending.taken:
            return None
        text = pending.taken[0] if len(pending.taken) == 1 else "".join(pending.taken)
        if len(cells) <= 1 and not text.strip() and self.dialect.delimiter not in text:
            cells = []
        if len(text) > LONGEST_LINE:
            problem = TOO_LONG
        elif not text.isascii() and NOT_UTF8.search(text):
            problem = NOT_TEXT
        elif "\0" in text:
            problem = f"not {self._kind}: a NUL character"
        return Record(cells, len(pending.taken), text, problem)


def _json(keys: list[str], cells: list[str]) -> str:
    """The line of JSON of a record: its cells as texts, without the empty ones."""
    values = [key + encode_basestring(cell) for key, cell in zip(keys, cells, strict=True) if cell]
    return "{" + ", ".join(values) + "}"


class _PlainBlocks:
    """The fast way for lines without quotes: the delimiter alone tells their cells."""

    def __init__(self, dialect: Dialect, keys: list[str]) -> None:
        self._dialect = dialect
        self._keys = keys
        values = ", ".join(f'{key.replace("%", "%%")}"%s"' for key in keys)
        self._template = "{" + values + "}"
        # A character takes at most six bytes in JSON.
        self._longest = (LONGEST_LINE - len(self._template.encode())) // 6
        unsplit = {"\0", "\r", dialect.quote or "\0", dialect.escape or "\0"}
        self._unsplit = sorted(unsplit)

    def lines(self, block: str) -> tuple[list[str], int] | None:
        """The lines of JSON of whole lines, and the number of records among them.

        None: the block has lines that need more than this.
        """
        text = block.replace("\r\n", "\n")
        if any(character in text for character in self._unsplit):
            return None
        if not text.isascii() and NOT_UTF8.search(text):
            return None
        lines = text.removesuffix("\n").split("\n")
        if max(map(len, lines)) > self._longest:
            return None
        delimiter, template, columns = self._dialect.delimiter, self._template, len(self._keys)
        special = ESCAPED_IN_JSON.search(text.replace("\n", "").replace(delimiter, ""))
        written = []
        blank = 0
        for line in lines:
            cells = line.split(delimiter)
            if len(cells) == columns and (columns > 1 or line.strip()):
                if special or "" in cells:
                    written.append(_json(self._keys, cells))
                else:
                    written.append(template % tuple(cells))
            elif not line.strip() and len(cells) == 1:
                written.append("")
                blank += 1
            else:
                return None
        return written, len(written) - blank


class _PendingLines:
    """The lines of a file, each with its end, from which a reader takes those of a record.

    taken: the lines that it took, size: their length. ended: it asked for more than there are.
    """

    def __init__(self, blocks: Iterator[str]) -> None:
        self._blocks = blocks
        self._lines: deque[str] = deque()
        self.taken: list[str] = []
        self.size = 0
        self.ended = False

    def __iter__(self) -> _PendingLines:
        return self

    def __next__(self) -> str:
        if self.size > LONGEST_LINE or not (self._lines or self._fill()):
            self.ended = True
            raise StopIteration
        line = self._lines.popleft()
        self.taken.append(line)
        self.size += len(line)
        return line

    def __bool__(self) -> bool:
        """Whether there are lines of which the block was begun."""
        return bool(self._lines)

    def _fill(self) -> bool:
        block = next(self._blocks, None)
        if block is not None:
            self.put_block(block)
        return bool(self._lines)

    def take_block(self) -> str | None:
        """Whole lines: those that are left of the last block, or the next one; None at the end."""
        if not self._lines:
            return next(self._blocks, None)
        block = "".join(self._lines)
        self._lines.clear()
        return block

    def put_block(self, block: str) -> None:
        """Adds the lines of a block at the end."""
        self._lines.extend(io.StringIO(block))

    def put_back(self, first: int) -> None:
        """Puts the lines that were taken back, from the one with this index on."""
        self._lines.extendleft(reversed(self.taken[first:]))
        del self.taken[first:]

    @property
    def quote_problem(self) -> str:
        """What is wrong with the quotes in the lines that were taken."""
        if self.ended or len(self.taken) > 1:
            return "a quote is not closed"
        if "\r" in self.taken[0].rstrip("\r\n"):
            return "a carriage return within the line"
        return "text after a closing quote"


@contextmanager
def reading_long_cells() -> Iterator[None]:
    """Lets the csv module read cells as long as the longest line. All else here needs it."""
    before = csv.field_size_limit(2 * LONGEST_LINE)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _check_columns(columns: Sequence[str]) -> None:
    """Raises OptionError if not every column has a name of its own."""
    if "" in columns:
        raise OptionError("--columns: a name is empty")
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise OptionError(f"--columns: {twice[0]} is given twice")


def _blocks(file: BinaryIO, left: int | None) -> Iterator[str]:
    """Whole lines of a file, many at once, each ended by a line feed, but for the last one.

    Of a line that is too long, the first part is kept, and a digest of the rest. Surrogates stand
    for bytes that are not UTF-8. If there is no line feed at first, carriage returns end the lines.
    """
    source = buffered(file, READ_SIZE)
    rest, first, returns = b"", True, False
    while chunk := source.read(READ_SIZE if left is None else min(READ_SIZE, left)):
        if left is not None:
            left -= len(chunk)
        if first:
            chunk = chunk.removeprefix(codecs.BOM_UTF8)
            returns = b"\r" in chunk[:-1] and b"\n" not in chunk
            first = False
        if returns:
            chunk = chunk.replace(b"\r", b"\n")
        end = chunk.rfind(b"\n") + 1
        if end:
            yield (rest + chunk[:end]).decode("utf-8", "surrogateescape")
            rest = chunk[end:]
        elif len(rest) > LONGEST_LINE:
            digest = hashlib.blake2b(rest[LONGEST_LINE:] + chunk).hexdigest()
            rest = rest[:LONGEST_LINE] + digest.encode()
        else:
            rest += chunk
    if rest:
        yield rest.decode("utf-8", "surrogateescape")


def find_dialect(sample: str, delimiters: Sequence[str], columns: int) -> Dialect:
    """The dialect in which most records at the beginning of a file have as many cells as they must.

    That is `columns`, or, if it is 0, as many as the first record has, at least two. Of equal
    dialects, the one with more cells is taken, then the first one.
    """

    def best(dialects: list[Dialect], lines: str) -> Dialect:
        return min(dialects, key=lambda dialect: _misfits(lines, dialect, columns))

    short = _whole_lines(sample, DELIMITER_SAMPLE)
    delimiter = best([Dialect(delimiter) for delimiter in delimiters], short).delimiter
    long = _whole_lines(sample, QUOTE_SAMPLE)
    dialects = [Dialect(delimiter)]
    if '\\"' in long:
        dialects.append(Dialect(delimiter, escape="\\"))
    if '"' not in long and "'" in long:
        dialects.append(Dialect(delimiter, quote="'"))
    if '"' in long and delimiter == "\t":
        dialects.append(Dialect(delimiter, quote=None))
    return best(dialects, long) if len(dialects) > 1 else dialects[0]


def _whole_lines(text: str, most: int) -> str:
    """The first lines of a text, at most so many characters, but at least one line."""
    if len(text) <= most:
        return text
    end = text.rfind("\n", 0, most)
    return text[: end + 1] if end >= 0 else text[: text.find("\n") + 1] or text


def _misfits(sample: str, dialect: Dialect, columns: int) -> tuple[bool, int, int]:
    """How badly a dialect fits: one cell a record; records that do not fit; fewer cells.

    Quotes around a cell are its own only where other cells begin or end with one.
    """
    pending = _PendingLines(iter([sample]))
    reader = dialect.reader(pending)
    misfits, expected = 0, columns
    while True:
        pending.taken.clear()
        pending.size = 0
        try:
            cells = next(reader, None)
        except csv.Error:
            misfits += 1
            pending.put_back(1)
            continue
        if cells is None:
            return expected < 2, misfits, -expected
        expected = expected or len(cells)
        quoted = dialect.quote is None and any(
            len(cell) > 1 and cell[0] == cell[-1] == '"' for cell in cells
        )
        misfits += bool(cells) and (len(cells) != expected or quoted)
