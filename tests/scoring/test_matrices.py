"""The matrices of interactions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from tests.support.examples import examples
from tests.support.matrices import (
    CENTERED_TIMES,
    Row,
    interactions,
    interactions_of,
    matrix_of,
    score_rows,
)
from ubcf.scoring.matrices import Rows, has_entries, row_norms, unit_rows


@examples(200, derandomize=True)
@given(data=st.data(), rows_and_columns=score_rows())
def test_has_entries_is_true_exactly_where_an_entry_is_stored(
    data: st.DataObject, rows_and_columns: tuple[list[Row], int]
) -> None:
    rows, columns = rows_and_columns
    matrix = matrix_of(rows, columns)
    cell = st.tuples(st.integers(0, len(rows) - 1), st.integers(0, columns - 1))
    cells = np.array(data.draw(st.lists(cell)), dtype=np.int64).reshape(-1, 2)
    stored = has_entries(matrix, cells[:, 0], cells[:, 1])
    assert stored.tolist() == [column in rows[row] for row, column in cells.tolist()]


@examples(100, derandomize=True)
@given(
    entries=st.dictionaries(st.tuples(st.integers(0, 4), st.integers(0, 5)), CENTERED_TIMES),
)
def test_interaction_matrix_stores_all_values_but_zeros(
    entries: dict[tuple[int, int], float],
) -> None:
    matrix = interactions_of(entries, (5, 6))
    dense = np.zeros((5, 6))
    for (user, track), value in entries.items():
        dense[user, track] = value
    assert np.array_equal(matrix.toarray(), dense)
    assert matrix.nnz == np.count_nonzero(dense)
    assert matrix.has_sorted_indices


def test_rows_become_a_matrix_without_a_copy_of_their_entries() -> None:
    """With wider starts, scipy would copy the columns into 8 bytes each."""
    columns, values = np.array([2, 0, 1], dtype=np.int32), np.array([0.5, 0.25, 1.0])
    matrix = Rows(np.array([0, 1, 3], dtype=np.int64), columns, values).to_matrix(4)
    assert matrix.toarray().tolist() == [[0, 0, 0.5, 0], [0.25, 1, 0, 0]]
    assert matrix.indices.dtype == np.int32
    assert np.shares_memory(matrix.indices, columns)
    assert np.shares_memory(matrix.data, values)


@pytest.mark.parametrize("cell", [(2, 0), (0, 3), (-1, 0)])
def test_interaction_matrix_refuses_an_index_outside_its_shape(cell: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="index"):
        interactions_of({cell: 0.5}, (2, 3))


@examples(100, derandomize=True)
@given(matrix=interactions())
def test_unit_rows_have_length_1_or_are_empty(matrix: sparse.csr_array) -> None:
    norms = row_norms(matrix)
    assert norms == pytest.approx(np.sqrt((matrix.toarray() ** 2).sum(axis=1)), abs=1e-15)
    lengths = np.sqrt((unit_rows(matrix, norms).toarray() ** 2).sum(axis=1))
    assert lengths == pytest.approx((norms > 0).astype(float), abs=1e-15)
