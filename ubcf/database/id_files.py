"""Reading files of pairs of a user and a track."""

from __future__ import annotations

import csv
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ubcf.errors import InputError

# Bytes to read to tell the format of a file.
HEAD_BYTES = 4096

# The delimiter of a CSV is the one that occurs most often in its first line.
DELIMITERS = ",;\t|"

COLUMNS = ("user", "track")


def read_csv_pairs(path: Path, types: dict[str, str]) -> dict[str, NDArray[Any]]:
    """Reads the columns user and track of a CSV as arrays of texts, None for an empty value.

    types: the SQL types of the ids; white space around an id is removed unless ids are texts.
    Python reads the file, because DuckDB 2.0 drops, without an error, what follows a quote that is
    never closed. Raises InputError, with the line, for a malformed file or a missing column.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            first = next((line for line in file if line.strip()), "")
            file.seek(0)
            reader = csv.reader(file, delimiter=max(DELIMITERS, key=first.count), strict=True)
            pairs = list(_pairs_of(reader, [types[name] == "VARCHAR" for name in COLUMNS]))
        except (csv.Error, InputError) as error:
            raise InputError(f"{path}, line {reader.line_num}: {error}") from error
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: not UTF-8") from error
    texts = np.array(pairs, dtype=object).reshape(-1, len(COLUMNS))
    return {f"{name}_text": texts[:, place] for place, name in enumerate(COLUMNS)}


def _pairs_of(
    reader: Iterator[list[str]], keeps_space: list[bool]
) -> Iterator[tuple[str | None, ...]]:
    """Yields the user and the track of each row. Raises InputError for a row that is no pair.

    keeps_space: for user and track, whether surrounding white space is part of the id.
    """
    first: list[str] = next((row for row in reader if any(value.strip() for value in row)), [])
    names = [name.strip().lower() for name in first]
    if any(names.count(name) != 1 for name in COLUMNS):
        found = ", ".join(names) or "nothing"
        raise InputError(f"the columns user and track have to be named; there is {found}")
    places = [names.index(name) for name in COLUMNS]
    for row in reader:
        if not any(value.strip() for value in row) and len(row) < len(names):
            continue  # a blank line
        if len(row) != len(names):
            raise InputError(f"{len(row)} values, but the first line names {len(names)} columns")
        texts = [row[place] for place in places]
        yield tuple(
            (text if keeps else text.strip()) or None
            for text, keeps in zip(texts, keeps_space, strict=True)
        )


def format_of(path: Path) -> str:
    """Returns 'json' (lines) or 'csv', by the first character of a file."""
    try:
        # A pipe can be read only once, and the file is read again after its head.
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path}: cannot be read: it is not a file on disk")
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if not head:
        raise InputError(f"{path}: empty, no pair in it")
    return "json" if head.startswith(b"{") else "csv"
