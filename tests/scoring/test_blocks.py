"""Blocks of users, and the lists of all users from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from tests.support import reference
from tests.support.blocks import collect_arrays
from tests.support.examples import examples
from tests.support.matrices import interactions, matrix_of
from tests.support.reference import expected_list
from ubcf.scoring.lists import score_users
from ubcf.scoring.matrices import ModelMatrices
from ubcf.scoring.ranking import ListOptions
from ubcf.scoring.ways.blocks import user_blocks, user_costs


@examples(200, derandomize=True)
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


@examples(100, derandomize=True)
@given(matrix=interactions())
def test_user_costs_are_not_exceeded_by_similarities_and_scores(matrix: sparse.csr_array) -> None:
    similarity = reference.cosine_similarity(matrix.toarray())
    scores = similarity @ matrix.toarray()
    entries = np.count_nonzero(similarity, axis=1) + np.count_nonzero(scores, axis=1)
    assert np.all(user_costs(matrix) >= entries)


@examples(60, derandomize=True)
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
        return collect_arrays(score_users(ModelMatrices(matrix, heard_matrix), wanted, **limits))

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


def split(arrays: dict[str, NDArray[Any]], lists: str, part: str) -> list[list[Any]]:
    """An array of lists as one list per user."""
    ends = np.cumsum(arrays[f"{lists} lengths"])[:-1]
    return [of_user.tolist() for of_user in np.split(arrays[f"{lists} {part}"], ends)]
