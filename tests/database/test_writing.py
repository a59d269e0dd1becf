"""Rows that a build appends to its database."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ubcf.database.templates import Templates
from ubcf.database.writing import HELD_SHARE, Database

MEMORY = 256 * 2**20

# A column of whole numbers and one of fractions.
BYTES_PER_ROW = 12
MOST_HELD = int(HELD_SHARE * MEMORY) // BYTES_PER_ROW


@pytest.mark.parametrize(
    "blocks",
    [
        [3],
        [3, 0, 2, 1],
        [0],
        [MOST_HELD // 2, MOST_HELD // 2],
        [MOST_HELD // 2 + 1, MOST_HELD // 2 + 1, 5],
        [5, 2 * MOST_HELD, 5],
    ],
    ids=["one", "few", "none", "all-held", "stored", "a-block-too-large"],
)
def test_appended_rows_are_stored_in_their_order(tmp_path: Path, blocks: list[int]) -> None:
    rows = sum(blocks)
    number = np.arange(rows, dtype=np.int32)
    with Database(
        tmp_path / "a.duckdb",
        Templates(None),
        threads=1,
        memory=MEMORY,
        temporary_folder=tmp_path,
    ) as db:
        start = 0
        for length in blocks:
            part = number[start : start + length].copy()
            db.append("numbers", {"number": part, "half": part / 2}, rows)
            part[:] = -1  # the database has copied what was appended
            start += length
        db.flush()
        assert db.columns("numbers") == {"number": "INTEGER", "half": "DOUBLE"}
        appended = db.arrays("numbers")
        assert np.array_equal(appended["number"], number)
        assert np.array_equal(appended["half"], number / 2)
        db.drop("numbers")
        assert db.columns("numbers") == {}
