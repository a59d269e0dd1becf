"""What the matrix functions promise, held against the definition in plain Python.

The data are full of ties, of differences about the equality gap of 1e-10, and of chains of such
differences that lead from a positive score through zero to a negative one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from tests import reference
from tests.pieces import pieces_of
from ubcf.scoring.kernels import has_numba
from ubcf.scoring.lists import score_users
from ubcf.scoring.matrices import (
    ModelMatrices,
    has_entries,
    interaction_matrix,
    row_norms,
    unit_rows,
)
from ubcf.scoring.ranking import ListOptions, TopLists, count_positive, top_positive, top_scores
from ubcf.scoring.similarity import count_common, count_neighbors, similarity_block
from ubcf.scoring.ways.blocks import user_blocks, user_costs

# The same examples in every run: a failure is a change of the code.
settings.register_profile(
    "toplists", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
SETTINGS = settings.get_profile("toplists")

MOST_ROWS, MOST_COLUMNS = 4, 12

# By numpy alone, and by compiled loops where numba is installed.
COMPILED = [False, True] if has_numba() else [False]

Row = dict[int, float]  # the stored entries of a row, in the order in which they are stored

# Values that are equal, 1e-16 apart, or at a distance just below or above the gap; most about 0.
STEPS = (0.0, 1e-16, 6e-11, 9.9e-11, 1e-10, 1.2e-10, 1.8e-10, 2.4e-10, 3e-10)
ABOUT_ZERO = [sign * step for step in STEPS for sign in (1, -1)]
SCORES = [base + value for base in (0.25, 0.5, -0.25) for value in ABOUT_ZERO] + 3 * ABOUT_ZERO
VALUES = st.sampled_from(SCORES)


@st.composite
def score_rows(draw: st.DrawFn) -> tuple[list[Row], int]:
    """Rows of scores, some of them full or empty, some with stored zeros; and their columns."""
    columns = draw(st.integers(1, MOST_COLUMNS))
    sparse_row = st.dictionaries(st.integers(0, columns - 1), VALUES)
    full_row = st.fixed_dictionaries(dict.fromkeys(range(columns), VALUES))
    rows = draw(st.lists(st.one_of(sparse_row, full_row), min_size=1, max_size=MOST_ROWS))
    return rows, columns


def matrix_of(rows: list[Row], columns: int) -> sparse.csr_array:
    """The rows as a sparse matrix that stores their entries in their order, zeros too."""
    stored = [entry for row in rows for entry in row.items()]
    return sparse.csr_array(
        (
            np.array([value for _, value in stored], dtype=np.float64),
            np.array([column for column, _ in stored], dtype=np.int32),
            np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int32),
        ),
        shape=(len(rows), columns),
    )


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


def expected_list(
    row: Row, columns: int, count: int, excluded: set[int], only_positive: bool
) -> list[tuple[int, float]]:
    scores = {column: row.get(column, 0.0) for column in range(columns)}
    chosen = reference.recommended(
        scores,
        count,
        preference=lambda column: column,
        excluded=excluded,
        only_positive=only_positive,
    )
    return [(column, scores[column]) for column in chosen]


@settings(SETTINGS, max_examples=400)
@given(
    data=st.data(),
    rows_and_columns=score_rows(),
    only_positive=st.booleans(),
    compiled=st.sampled_from(COMPILED),
)
def test_top_scores_is_the_head_of_the_ranking_of_all_columns(
    data: st.DataObject,
    rows_and_columns: tuple[list[Row], int],
    only_positive: bool,
    compiled: bool,
) -> None:
    rows, columns = rows_and_columns
    count = data.draw(st.integers(1, columns + 3))  # more than there are, too
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
    row: Row, ranked: list[int]
) -> None:
    for count in (1, 2, 3, 4):
        for compiled in COMPILED:
            top = top_scores(matrix_of([row], 4), count, compiled=compiled)
            assert top.columns.tolist() == ranked[:count]


@pytest.mark.parametrize(
    ("row", "positive"),
    [
        ({}, []),
        ({0: 0.5, 1: -0.5, 2: 0.25}, [0, 2]),
        ({0: 6e-11, 1: 0.5}, [1]),
        # 1.2e-10 is equal to 6e-11, which is equal to the zero of column 3
        ({0: 6e-11, 1: 1.2e-10, 2: 0.5}, [2]),
        # all columns are stored: what a positive score is does not depend on who else has none
        ({0: 6e-11, 1: 1.2e-10, 2: 0.5, 3: 0.5}, [2, 3]),
    ],
)
def test_a_score_that_is_equal_to_zero_is_not_positive(row: Row, positive: list[int]) -> None:
    for compiled in COMPILED:
        top = top_scores(matrix_of([row], 4), 4, only_positive=True, compiled=compiled)
        assert top.columns.tolist() == positive


def test_excluded_columns_are_left_out_of_the_finished_ranking() -> None:
    # Column 2 leads from column 0 to column 1; without it they would not be equal.
    scores = {0: 0.5, 1: 0.5 + 1.2e-10, 2: 0.5 + 6e-11}
    for compiled in COMPILED:
        excluded = matrix_of([{2: 1.0}], 3)
        top = top_scores(matrix_of([scores], 3), 2, excluded=excluded, compiled=compiled)
        assert top.columns.tolist() == [0, 1]


@pytest.mark.parametrize("compiled", COMPILED)
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


@pytest.mark.parametrize("compiled", COMPILED)
@pytest.mark.parametrize("step", [1e-3, 3e-9, 9e-11, 2e-12])
@pytest.mark.parametrize("lowest", [1e-12, 1e-3])
def test_top_scores_of_rows_with_far_more_scores_than_are_wanted(
    step: float, lowest: float, compiled: bool
) -> None:
    # 300 scores above the lowest one, so many steps apart: with small steps chains go on and on.
    columns = 301
    scores = lowest + step * np.arange(columns)
    places = np.random.default_rng(0).permutation(columns)
    row = {int(column): float(score) for column, score in zip(places, scores, strict=True)}
    for count in (1, 5, 40):
        top = top_scores(matrix_of([row], columns + 2), count, compiled=compiled)
        assert lists_of(top) == [expected_list(row, columns + 2, count, set(), False)]


@settings(SETTINGS, max_examples=200)
@given(data=st.data(), rows_and_columns=score_rows())
def test_has_entries_tells_the_stored_places_from_others(
    data: st.DataObject, rows_and_columns: tuple[list[Row], int]
) -> None:
    rows, columns = rows_and_columns
    matrix = matrix_of(rows, columns)
    place = st.tuples(st.integers(0, len(rows) - 1), st.integers(0, columns - 1))
    places = np.array(data.draw(st.lists(place)), dtype=np.int64).reshape(-1, 2)
    there = has_entries(matrix, places[:, 0], places[:, 1])
    assert there.tolist() == [column in rows[row] for row, column in places.tolist()]


@settings(SETTINGS, max_examples=200)
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


@settings(SETTINGS, max_examples=100)
@given(rows_and_columns=score_rows())
def test_count_positive_counts_the_scores_above_zero_by_the_gap(
    rows_and_columns: tuple[list[Row], int],
) -> None:
    rows, columns = rows_and_columns
    counts = [sum(value >= reference.EQUALITY_GAP for value in row.values()) for row in rows]
    assert count_positive(matrix_of(rows, columns)).tolist() == counts


# --- from interactions to similarities ------------------------------------------------------------


# Few values, so that rows are parallel, opposed and orthogonal; thirds, so that nothing is exact.
CENTERED_TIMES = st.sampled_from((-0.5, -0.25, -1 / 3, 0.0, 0.01, 0.1, 0.25, 1 / 3, 0.5))


@st.composite
def interactions(draw: st.DrawFn, most_users: int = 7, most_tracks: int = 6) -> sparse.csr_array:
    """R of a few users and tracks; users without a taste and tracks that nobody has among them."""
    users, tracks = draw(st.integers(1, most_users)), draw(st.integers(1, most_tracks))
    pairs = st.tuples(st.integers(0, users - 1), st.integers(0, tracks - 1))
    entries = draw(st.dictionaries(pairs, CENTERED_TIMES, max_size=users * tracks))
    return interactions_of(entries, (users, tracks))


def interactions_of(
    entries: dict[tuple[int, int], float], shape: tuple[int, int]
) -> sparse.csr_array:
    return interaction_matrix(
        np.array([user for user, _ in entries], dtype=np.int32),
        np.array([track for _, track in entries], dtype=np.int32),
        np.array(list(entries.values()), dtype=np.float64),
        shape,
    )


@settings(SETTINGS, max_examples=100)
@given(
    entries=st.dictionaries(st.tuples(st.integers(0, 4), st.integers(0, 5)), CENTERED_TIMES),
)
def test_interaction_matrix_holds_what_it_is_given_without_zeros(
    entries: dict[tuple[int, int], float],
) -> None:
    matrix = interactions_of(entries, (5, 6))
    dense = np.zeros((5, 6))
    for (user, track), value in entries.items():
        dense[user, track] = value
    assert np.array_equal(matrix.toarray(), dense)
    assert matrix.nnz == np.count_nonzero(dense)
    assert matrix.has_sorted_indices


@pytest.mark.parametrize("place", [(2, 0), (0, 3), (-1, 0)])
def test_interaction_matrix_refuses_an_index_outside_its_shape(place: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="index"):
        interactions_of({place: 0.5}, (2, 3))


def unit_and_by_track(matrix: sparse.csr_array) -> tuple[sparse.csr_array, sparse.csr_array]:
    unit = unit_rows(matrix, row_norms(matrix))
    return unit, sparse.csr_array(unit.T.tocsr())


@settings(SETTINGS, max_examples=100)
@given(matrix=interactions())
def test_unit_rows_have_length_1_or_are_empty(matrix: sparse.csr_array) -> None:
    norms = row_norms(matrix)
    assert norms == pytest.approx(np.sqrt((matrix.toarray() ** 2).sum(axis=1)), abs=1e-15)
    lengths = np.sqrt((unit_rows(matrix, norms).toarray() ** 2).sum(axis=1))
    assert lengths == pytest.approx((norms > 0).astype(float), abs=1e-15)


@settings(SETTINGS, max_examples=250)
@given(data=st.data(), matrix=interactions())
def test_similarity_block_holds_the_cosines_with_the_other_users(
    data: st.DataObject, matrix: sparse.csr_array
) -> None:
    users = matrix.shape[0]
    start = data.draw(st.integers(0, users - 1))
    stop = data.draw(st.integers(start + 1, users))
    expected = reference.cosine_similarity(matrix.toarray())[start:stop]

    block = similarity_block(*unit_and_by_track(matrix), np.arange(start, stop))

    assert block.shape == (stop - start, users)
    assert block.toarray() == pytest.approx(expected, abs=1e-14)
    assert np.array_equal(np.sign(block.toarray()), np.sign(expected))
    assert block.nnz == np.count_nonzero(expected)
    counts = count_neighbors(block)
    assert counts.positive.tolist() == (expected > 0).sum(axis=1).tolist()
    assert counts.negative.tolist() == (expected < 0).sum(axis=1).tolist()


@settings(SETTINGS)
@given(
    data=st.data(),
    heard=st.lists(st.sets(st.integers(0, 5)), min_size=1, max_size=5),
    pairs_at_once=st.integers(1, 4),
)
def test_common_tracks_are_those_that_both_have_heard(
    data: st.DataObject, heard: list[set[int]], pairs_at_once: int
) -> None:
    user = st.integers(0, len(heard) - 1)
    pairs = data.draw(st.lists(st.tuples(user, user), max_size=9))
    users, others = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    matrix = matrix_of([dict.fromkeys(tracks, 1.0) for tracks in heard], 6)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ubcf.scoring.similarity.PAIRS_AT_ONCE", pairs_at_once)
        counts = count_common(matrix, users, others)

    expected = [len(heard[one] & heard[other]) for one, other in pairs]
    assert counts.tolist() == expected
    if has_numba():
        assert count_common(matrix, users, others, compiled=True).tolist() == expected


@pytest.mark.parametrize(
    ("cosine", "neighbors"), [(1e-13, 0), (-1e-13, 0), (1e-11, 1), (-1e-11, 1)]
)
def test_a_similarity_under_1e_12_is_rounding_noise(cosine: float, neighbors: int) -> None:
    matrix = interactions_of({(0, 0): 1.0, (1, 0): cosine, (1, 1): 1.0}, (2, 2))
    counts = count_neighbors(similarity_block(*unit_and_by_track(matrix), np.arange(2)))
    assert (counts.positive + counts.negative).tolist() == [neighbors, neighbors]


# --- blocks of users ------------------------------------------------------------------------------


@settings(SETTINGS, max_examples=200)
@given(
    costs=st.lists(st.integers(0, 10), max_size=12),
    largest_cost=st.integers(0, 25),
    most_users=st.integers(1, 14),
)
def test_user_blocks_are_all_users_in_order_within_the_limits(
    costs: list[int], largest_cost: int, most_users: int
) -> None:
    blocks = user_blocks(np.array(costs, dtype=np.float64), largest_cost, most_users)
    assert [user for block in blocks for user in range(*block)] == list(range(len(costs)))
    for start, stop in blocks:
        assert 1 <= stop - start <= most_users
        assert sum(costs[start:stop]) <= largest_cost or stop - start == 1


@settings(SETTINGS, max_examples=100)
@given(matrix=interactions())
def test_user_costs_are_not_exceeded_by_similarities_and_scores(matrix: sparse.csr_array) -> None:
    similarity = reference.cosine_similarity(matrix.toarray())
    scores = similarity @ matrix.toarray()
    entries = np.count_nonzero(similarity, axis=1) + np.count_nonzero(scores, axis=1)
    assert np.all(user_costs(matrix) >= entries)


@settings(SETTINGS, max_examples=60)
@given(
    data=st.data(),
    matrix=interactions(),
    count=st.integers(1, 8),
    exclude=st.booleans(),
    only_positive=st.booleans(),
)
def test_score_users_gives_the_dense_lists_to_the_bit_whatever_the_blocks_and_threads(
    data: st.DataObject, matrix: sparse.csr_array, count: int, exclude: bool, only_positive: bool
) -> None:
    users, tracks = matrix.shape
    centered = matrix.toarray()
    similarity = reference.cosine_similarity(centered)
    scores = similarity @ centered
    assume(not reference.is_near_an_edge(centered, similarity, scores))
    heard = data.draw(st.lists(st.sets(st.integers(0, tracks - 1)), min_size=users, max_size=users))

    heard_matrix = matrix_of([dict.fromkeys(row, 1.0) for row in heard], tracks)
    wanted = ListOptions(count, 3, heard_matrix if exclude else None, only_positive)

    def run(**limits: Any) -> dict[str, NDArray[Any]]:
        return pieces_of(list(score_users(ModelMatrices(matrix, heard_matrix), wanted, **limits)))

    whole = run()
    for limits in (
        *({"most_users": size, "threads": threads} for size in (1, 2, 3) for threads in (1, 2)),
        {"threads": 2},
        {"memory": 1},
        {"memory": 10_000, "threads": 2},
    ):
        other = run(**limits)
        assert all(np.array_equal(whole[part], other[part]) for part in whole), limits

    assert whole["users"].tolist() == list(range(users))
    assert whole["positive"].tolist() == (similarity > 0).sum(axis=1).tolist()
    assert whole["negative"].tolist() == (similarity < 0).sum(axis=1).tolist()
    assert whole["positive_scores"].tolist() == (scores >= 1e-10).sum(axis=1).tolist()
    neighbors, recommended = [], []
    for user in range(users):
        similar = {v: float(w) for v, w in enumerate(similarity[user]) if w > 0}
        neighbors.append(reference.ranking(similar, preference=lambda other: other)[:3])
        row = dict(enumerate(scores[user].tolist()))
        left_out = heard[user] if exclude else set()
        recommended.append(expected_list(row, tracks, count, left_out, only_positive))
    assert split(whole, "neighbors", "columns") == neighbors
    assert whole["common_tracks"].tolist() == [
        len(heard[user] & heard[other]) for user in range(users) for other in neighbors[user]
    ]
    assert split(whole, "recommendations", "columns") == [
        [column for column, _ in entries] for entries in recommended
    ]
    assert whole["recommendations values"] == pytest.approx(
        [value for entries in recommended for _, value in entries], abs=1e-12
    )


def split(pieces: dict[str, NDArray[Any]], lists: str, part: str) -> list[list[Any]]:
    ends = np.cumsum(pieces[f"{lists} lengths"])[:-1]
    return [piece.tolist() for piece in np.split(pieces[f"{lists} {part}"], ends)]
