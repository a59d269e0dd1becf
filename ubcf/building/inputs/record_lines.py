"""The records of a log file as lines of JSON, which our own reader reads like any log."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ubcf.building.inputs.lines import (
    KEPT_CHARACTERS,
    LONGEST_LINE,
    NOT_JSON,
    NOT_TEXT,
    TOO_LONG,
    Lines,
    placeholder,
    report_line,
    text_of,
    write_copy,
)
from ubcf.building.inputs.logs import LogFile
from ubcf.errors import InputError


class RecordLines:
    """A copy of a log file that has one line for each record; the line's number is the record's.

    altered: a file about the records that are rejected here, in the form that
    `lines.copy_readable` gives it; a line that is no JSON stands for each of them in the copy.
    """

    def __init__(self, log: LogFile, copy: Path, altered: Path) -> None:
        """Raises InputError, as do all methods, when the files cannot be written."""
        self.log = log
        self.copy = copy
        self.count = 0
        self.records = 0
        try:
            self._target = copy.open("wb")
            self._reports = altered.open("w", encoding="utf-8")
        except OSError as error:
            raise self._failure(error) from error

    def close(self) -> None:
        """Writes what is not yet on disk."""
        try:
            self._target.close()
            self._reports.close()
        except OSError as failure:
            raise self._failure(failure) from failure

    @property
    def lines(self) -> Lines:
        """What the bytes of the copy tell about its lines."""
        return Lines(self.count, line_feeds=True, open_end=False, odd=False)

    def add(self, line: bytes, text: bytes | None = None) -> None:
        """Adds a record. line: its JSON, without line ends. text: of the record, if it differs."""
        if len(line) > LONGEST_LINE:
            self.reject(line if text is None else text, TOO_LONG, KEPT_CHARACTERS)
            return
        if not line.isascii():
            try:
                line.decode()
            except UnicodeDecodeError:
                self.reject(line if text is None else text, NOT_TEXT)
                return
        if b"\x01" in line:  # DuckDB may take it for the end of the line
            self.reject(line if text is None else text, NOT_JSON)
            return
        self._write(line + b"\n")
        self.count += 1
        self.records += 1

    def add_all(self, lines: list[str], records: int) -> None:
        """Adds lines of which all are short JSON or blank. records: how many are not blank."""
        self._write(("\n".join(lines) + "\n").encode())
        self.count += len(lines)
        self.records += records

    def skip(self, lines: int) -> None:
        """Adds blank lines: lines of the log file on which no record begins."""
        self._write(b"\n" * lines)
        self.count += lines

    def reject(self, text: bytes, reason: str, most: int | None = None) -> None:
        """Adds a rejected record. most: how many characters of its text are kept; None means all.

        Of a text that is too long for a line, the first part is kept.
        """
        if len(text) > LONGEST_LINE:
            most = KEPT_CHARACTERS
        self._write(placeholder(hashlib.blake2b(text).hexdigest()) + b"\n")
        self.count += 1
        self.records += 1
        # At most four bytes are a character.
        kept = text if most is None else text[: 4 * most]
        report_line(self._reports, self.log, self.count, reason, text_of(kept)[:most])

    def _write(self, data: bytes) -> None:
        write_copy(self.log, self._target, data)

    def _failure(self, error: OSError) -> InputError:
        return InputError(f"{self.log.name}: cannot be copied to {self.copy}: {error.strerror}")
