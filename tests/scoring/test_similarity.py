"""Similarities and tracks in common, against the dense reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from tests.support import reference
from tests.support.examples import examples
from tests.support.implementations import each_implementation
from tests.support.matrices import interactions, interactions_of, matrix_of
from ubcf.scoring.matrices import row_norms, unit_rows
from ubcf.scoring.similarity import count_common, count_neighbors, similarity_block


def unit_and_by_track(matrix: sparse.csr_array) -> tuple[sparse.csr_array, sparse.csr_array]:
    unit = unit_rows(matrix, row_norms(matrix))
    return unit, sparse.csr_array(unit.T.tocsr())


@examples(250, derandomize=True)
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


@each_implementation
@examples(100, derandomize=True)
@given(
    data=st.data(),
    heard=st.lists(st.sets(st.integers(0, 5)), min_size=1, max_size=5),
    pairs_at_once=st.integers(1, 4),
)
def test_common_tracks_are_those_that_both_users_heard(
    compiled: bool, data: st.DataObject, heard: list[set[int]], pairs_at_once: int
) -> None:
    user = st.integers(0, len(heard) - 1)
    pairs = data.draw(st.lists(st.tuples(user, user), max_size=9))
    users, others = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    matrix = matrix_of([dict.fromkeys(tracks, 1.0) for tracks in heard], 6)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ubcf.scoring.similarity.PAIRS_AT_ONCE", pairs_at_once)
        counts = count_common(matrix, users, others, compiled=compiled)

    assert counts.tolist() == [len(heard[one] & heard[other]) for one, other in pairs]


@pytest.mark.parametrize(
    ("cosine", "neighbors"), [(1e-13, 0), (-1e-13, 0), (1e-11, 1), (-1e-11, 1)]
)
def test_a_similarity_under_1e_12_is_rounding_noise(cosine: float, neighbors: int) -> None:
    matrix = interactions_of({(0, 0): 1.0, (1, 0): cosine, (1, 1): 1.0}, (2, 2))
    counts = count_neighbors(similarity_block(*unit_and_by_track(matrix), np.arange(2)))
    assert (counts.positive + counts.negative).tolist() == [neighbors, neighbors]
