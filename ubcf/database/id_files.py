"""Reading files of ids that a user gives: CSV, JSON lines, or ids alone, one a line."""

from __future__ import annotations

import csv
import json
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ubcf.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Bytes to read to tell the format of a file.
HEAD_BYTES = 4096

# The delimiter of a CSV is the one that occurs most often in its first line.
DELIMITERS = ",;\t|"

# The form of a file.
JSON_LINES, CSV, EMPTY = "json", "csv", "empty"


def form_of(path: Path) -> str:
    """Whether a file is JSON_LINES, CSV or EMPTY, by its first character.

    Raises InputError for a file that cannot be read, or is not one on disk.
    """
    try:
        # A pipe can be read only once, and the file is read again after its head.
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path}: cannot be read: it is not a file on disk")
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if not head:
        return EMPTY
    return JSON_LINES if head.startswith(b"{") else CSV


def read_csv_ids(
    path: Path, types: dict[str, str], *, may_be_bare: bool = False
) -> dict[str, NDArray[Any]]:
    """Reads columns of ids from a CSV as arrays of texts, NAME_text, with None for an empty value.

    types: the SQL type of the ids in each column, by name; white space around an id is removed
    unless ids are texts. may_be_bare: a file whose first line does not name the column, the only
    one, has an id in each line that is not blank.
    Python reads the file, because DuckDB 2.0 drops, without an error, what follows a quote that is
    never closed. Raises InputError, with the line, for a malformed file or a missing column.
    """
    import numpy as np  # a build imports this module before it has time to load numpy

    names = list(types)
    keeps_space = [types[name] == "VARCHAR" for name in names]
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            first = next((line for line in file if line.strip()), "")
            file.seek(0)
            reader = csv.reader(file, delimiter=max(DELIMITERS, key=first.count), strict=True)
            if may_be_bare and not _names_a_column(first, names):
                rows: list[tuple[str | None, ...]] = [
                    (text,) for text in _bare_ids(file, *keeps_space)
                ]
            else:
                rows = list(_rows_of(reader, names, keeps_space))
        except (csv.Error, InputError) as error:
            raise InputError(f"{path}, line {reader.line_num}: {error}") from error
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: not UTF-8") from error
    texts = np.array(rows, dtype=object).reshape(-1, len(names))
    return {f"{name}_text": texts[:, place] for place, name in enumerate(names)}


def _names_a_column(first: str, names: Sequence[str]) -> bool:
    """Whether the first line of a file has one of these names as a value."""
    reader = csv.reader([first], delimiter=max(DELIMITERS, key=first.count))
    return any(value.strip().lower() in names for row in reader for value in row)


def _bare_ids(lines: Iterator[str], keeps_space: bool) -> Iterator[str]:
    """Yields the id of each line that is not blank."""
    for line in lines:
        if line.strip():
            yield line.rstrip("\r\n") if keeps_space else line.strip()


def _rows_of(
    reader: Iterator[list[str]], names: Sequence[str], keeps_space: Sequence[bool]
) -> Iterator[tuple[str | None, ...]]:
    """Yields the ids of each row. Raises InputError for a row that has others than the first names.

    keeps_space: for each name, whether surrounding white space is part of the id.
    """
    first: list[str] = next((row for row in reader if any(value.strip() for value in row)), [])
    columns = [name.strip().lower() for name in first]
    if any(columns.count(name) != 1 for name in names):
        found = ", ".join(columns) or "nothing"
        named = f"columns {' and '.join(names)} have" if names[1:] else f"column {names[0]} has"
        raise InputError(f"the {named} to be named; there is {found}")
    places = [columns.index(name) for name in names]
    for row in reader:
        if not any(value.strip() for value in row) and len(row) < len(columns):
            continue  # a blank line
        if len(row) != len(columns):
            raise InputError(f"{len(row)} values, but the first line names {len(columns)} columns")
        texts = [row[place] for place in places]
        yield tuple(
            (text if keeps else text.strip()) or None
            for text, keeps in zip(texts, keeps_space, strict=True)
        )


def refuse_bad_line(path: Path, wanted: str) -> None:
    """Raises InputError for the first line that is not JSON; DuckDB counts one too many.

    wanted: what each line should be.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                json.loads(line.decode("utf-8-sig") if line.strip() else "null")
            except (ValueError, RecursionError) as error:
                raise InputError(f"{path}, line {number}: no {wanted}: not JSON") from error
