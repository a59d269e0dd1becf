"""Ranking, against the definition in plain Python.

The scores are full of ties, of differences about the equality gap of 1e-10, and of chains of such
differences that lead from a positive score through zero to a negative one.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from tests.support import reference
from tests.support.examples import examples
from tests.support.implementations import each_implementation
from tests.support.matrices import MOST_COLUMNS, SCORES, Row, matrix_of, score_rows
from tests.support.reference import expected_list
from ubcf.scoring.ranking import TopLists, _thinned, count_positive, top_positive, top_scores
from ubcf.scoring.tolerances import EQUALITY_GAP


def lists_of(top: TopLists) -> list[list[tuple[int, float]]]:
    """Columns and values of each row, best first."""
    rows: list[list[tuple[int, float]]] = [[] for _ in top.lengths]
    for row, rank, column, value in zip(
        top.rows.tolist(),
        top.ranks.tolist(),
        top.columns.tolist(),
        top.values.tolist(),
        strict=True,
    ):
        rows[row].append((column, value))
        assert rank == len(rows[row])
    assert [len(row) for row in rows] == top.lengths.tolist()
    return rows


@each_implementation
@examples(400, derandomize=True)
@given(data=st.data(), rows_and_columns=score_rows(), only_positive=st.booleans())
def test_top_scores_is_the_head_of_the_ranking_of_all_columns(
    compiled: bool,
    data: st.DataObject,
    rows_and_columns: tuple[list[Row], int],
    only_positive: bool,
) -> None:
    rows, columns = rows_and_columns
    count = data.draw(st.integers(1, columns + 3))  # also more than there are
    excluded = data.draw(
        st.lists(st.sets(st.integers(0, columns - 1)), min_size=len(rows), max_size=len(rows))
    )
    excluded_matrix = matrix_of([dict.fromkeys(row, 1.0) for row in excluded], columns)

    top = top_scores(
        matrix_of(rows, columns),
        count,
        excluded=excluded_matrix,
        only_positive=only_positive,
        compiled=compiled,
    )

    assert lists_of(top) == [
        expected_list(row, columns, count, left_out, only_positive)
        for row, left_out in zip(rows, excluded, strict=True)
    ]


@each_implementation
@pytest.mark.parametrize(
    ("row", "ranked"),
    [
        ({}, [0, 1, 2, 3]),
        ({3: 0.5, 1: -0.5}, [3, 0, 2, 1]),
        ({3: 0.5, 1: 0.5 - 1e-16}, [1, 3, 0, 2]),
        # 1.2e-10, 6e-11, 0, -6e-11: a chain from a positive score to a negative one
        ({0: -6e-11, 1: 6e-11, 2: 0.0, 3: 1.2e-10}, [0, 1, 2, 3]),
        ({0: -1.2e-10, 1: -6e-11}, [0, 1, 2, 3]),
        # the chain breaks where a difference is 1e-10 or more
        ({0: -1.8e-10, 1: -6e-11}, [1, 2, 3, 0]),
        ({0: 6e-11, 1: 1.8e-10}, [1, 0, 2, 3]),
        # without a zero in the row nothing leads from one side to the other
        ({0: -6e-11, 1: -6e-11, 2: 6e-11, 3: 6e-11}, [2, 3, 0, 1]),
        ({0: -6e-11, 1: -6e-11, 2: 3e-11, 3: 3e-11}, [0, 1, 2, 3]),
    ],
)
def test_scores_less_than_1e_10_apart_are_equal_along_the_whole_chain(
    row: Row, ranked: list[int], compiled: bool
) -> None:
    for count in (1, 2, 3, 4):
        top = top_scores(matrix_of([row], 4), count, compiled=compiled)
        assert top.columns.tolist() == ranked[:count]


@each_implementation
@pytest.mark.parametrize(
    ("row", "positive"),
    [
        ({}, []),
        ({0: 0.5, 1: -0.5, 2: 0.25}, [0, 2]),
        ({0: 6e-11, 1: 0.5}, [1]),
        # 1.2e-10 is equal to 6e-11, which is equal to the zero of column 3
        ({0: 6e-11, 1: 1.2e-10, 2: 0.5}, [2]),
        # all columns are stored; column 2 is positive as before
        ({0: 6e-11, 1: 1.2e-10, 2: 0.5, 3: 0.5}, [2, 3]),
    ],
)
def test_a_score_that_is_equal_to_zero_is_not_positive(
    row: Row, positive: list[int], compiled: bool
) -> None:
    top = top_scores(matrix_of([row], 4), 4, only_positive=True, compiled=compiled)
    assert top.columns.tolist() == positive


@each_implementation
@pytest.mark.parametrize(
    ("row", "ranked"),
    [
        ({0: 5e-17, 1: 0.5, 2: -5e-17, 3: -0.5}, [(1, 0.5), (0, 0), (2, 0), (3, -0.5)]),
        # 1.2e-10 is equal to 6e-11, which is equal to the zero of column 3
        ({0: 1.2e-10, 1: 6e-11, 2: -1.2e-10}, [(0, 0), (1, 0), (3, 0), (2, -1.2e-10)]),
        ({0: 1.8e-10, 1: 6e-11, 2: -0.5}, [(0, 1.8e-10), (1, 0), (3, 0), (2, -0.5)]),
        # also where no track has a score of exactly 0
        ({0: 0.5, 1: 5e-17, 2: -5e-17, 3: -0.5}, [(0, 0.5), (1, 0), (2, 0), (3, -0.5)]),
    ],
)
def test_a_score_that_is_equal_to_zero_is_listed_as_zero(
    row: Row, ranked: list[tuple[int, float]], compiled: bool
) -> None:
    assert lists_of(top_scores(matrix_of([row], 4), 4, compiled=compiled)) == [ranked]


@each_implementation
def test_excluded_columns_are_left_out_of_the_finished_ranking(compiled: bool) -> None:
    # Column 2 leads from column 0 to column 1; without it they would not be equal.
    scores = {0: 0.5, 1: 0.5 + 1.2e-10, 2: 0.5 + 6e-11}
    excluded = matrix_of([{2: 1.0}], 3)
    top = top_scores(matrix_of([scores], 3), 2, excluded=excluded, compiled=compiled)
    assert top.columns.tolist() == [0, 1]


@each_implementation
@pytest.mark.parametrize("count", [1, 7, 100, 600])
def test_top_scores_of_long_rows_with_many_ties(count: int, compiled: bool) -> None:
    rng = np.random.default_rng(count)
    columns = 500
    rows: list[Row] = []
    for share in (0.0, 0.02, 0.5, 0.98, 1.0):
        stored = rng.permutation(columns)[: int(share * columns)]
        rows.append({int(column): float(rng.choice(SCORES)) for column in stored})
    # All but the last columns are stored: zeros are far from the head of the row.
    rows.append(dict.fromkeys(range(columns - 2), -0.25))
    heard = [set(rng.choice(columns, 60, replace=False).tolist()) for _ in rows]
    heard_matrix = matrix_of([dict.fromkeys(row, 1.0) for row in heard], columns)
    for only_positive in (False, True):
        top = top_scores(
            matrix_of(rows, columns),
            count,
            excluded=heard_matrix,
            only_positive=only_positive,
            compiled=compiled,
        )
        assert lists_of(top) == [
            expected_list(row, columns, count, left_out, only_positive)
            for row, left_out in zip(rows, heard, strict=True)
        ]


@each_implementation
@pytest.mark.parametrize("step", [1e-3, 3e-9, 9e-11, 2e-12])
@pytest.mark.parametrize("lowest", [1e-12, 1e-3])
def test_top_scores_of_rows_with_far_more_scores_than_the_count(
    step: float, lowest: float, compiled: bool
) -> None:
    # 300 scores, each one step above the next: with small steps all of them are one chain.
    columns = 301
    scores = lowest + step * np.arange(columns)
    order = np.random.default_rng(0).permutation(columns)
    row = {int(column): float(score) for column, score in zip(order, scores, strict=True)}
    for count in (1, 5, 40):
        top = top_scores(matrix_of([row], columns + 2), count, compiled=compiled)
        assert lists_of(top) == [expected_list(row, columns + 2, count, set(), False)]


@examples(200, derandomize=True)
@given(rows_and_columns=score_rows(), count=st.integers(1, MOST_COLUMNS + 3))
def test_top_positive_is_the_head_of_the_ranking_of_the_positive_entries(
    rows_and_columns: tuple[list[Row], int], count: int
) -> None:
    rows, columns = rows_and_columns
    expected = []
    for row in rows:
        positive = {column: value for column, value in row.items() if value > 0}
        ranked = reference.ranking(positive, preference=lambda column: column)
        expected.append([(column, row[column]) for column in ranked[:count]])
    assert lists_of(top_positive(matrix_of(rows, columns), count)) == expected


@examples(100, derandomize=True)
@given(rows_and_columns=score_rows())
def test_count_positive_counts_the_scores_above_zero_by_the_gap(
    rows_and_columns: tuple[list[Row], int],
) -> None:
    rows, columns = rows_and_columns
    counts = [sum(value >= reference.EQUALITY_GAP for value in row.values()) for row in rows]
    assert count_positive(matrix_of(rows, columns)).tolist() == counts


def test_of_very_many_equal_values_only_those_that_can_be_listed_are_sorted() -> None:
    """10,000 equal values in descending columns, and two others, of which one is in the chain."""
    columns = np.arange(10_002)[::-1].copy()
    values = np.full(10_002, 0.5)
    values[3], values[4] = 0.9, 0.5 - EQUALITY_GAP / 2
    row = sparse.csr_array((values, columns, [0, 10_002]), shape=(1, 10_002))
    best, in_chain = int(columns[3]), int(columns[4])
    assert _thinned(row, np.array([5])).nnz == 7
    (found,) = lists_of(top_positive(row, 5))
    assert found == [(best, 0.9), (0, 0.5), (1, 0.5), (2, 0.5), (3, 0.5)]
    values[columns == 1] = values[4]
    (found,) = lists_of(top_positive(row, 5))
    assert found == [(best, 0.9), (0, 0.5), (1, values[4]), (2, 0.5), (3, 0.5)]
    assert in_chain > 3
