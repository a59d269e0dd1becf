"""Weights of a walk: users reached through users, against the dense reference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from tests.support import reference
from tests.support.blocks import collect_arrays
from tests.support.dense import (
    EVERY_OPTION,
    NOTHING,
    WALKS,
    check_against_dense,
    matrices_of,
    neighborhood,
    users_reached,
)
from tests.support.examples import examples
from tests.support.implementations import each_implementation, needs_numba
from tests.support.matrices import LEVELS, centered_times, crowd
from ubcf.scoring.lists import score_users
from ubcf.scoring.matrices import ModelMatrices, own_terms_of, track_factors
from ubcf.scoring.options import BY_SIMILARITIES, Neighborhood, Walk
from ubcf.scoring.pairs import score_pairs
from ubcf.scoring.planner import Plan
from ubcf.scoring.ranking import ListOptions
from ubcf.scoring.similarity import weights
from ubcf.scoring.walk import first_step, next_step, row_sums, walk_few, weights_function


def plan_of(compiled: bool) -> Plan:
    return Plan(BY_SIMILARITIES, compiled, True, 1, 1, 1 << 26, {}, "")


# Users 0 and 1 are similar to each other and to 2, 2 also to 3; nobody is similar to user 4.
SIMILARITY = np.array(
    [
        [0.0, 0.5, 0.5, 0.0, 0.0],
        [0.5, 0.0, 0.25, 0.0, 0.0],
        [0.5, 0.25, 0.0, 0.25, 0.0],
        [0.0, 0.0, 0.25, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
    ]
)


def test_a_step_goes_to_the_neighbors_and_may_come_back() -> None:
    similarity = sparse.csr_array(SIMILARITY)
    one = first_step(similarity, Walk(2, 5))
    assert one.toarray()[0].tolist() == pytest.approx([0, 1 / 2, 1 / 2, 0, 0])
    assert one.toarray()[3].tolist() == pytest.approx([0, 0, 1, 0, 0])
    two = next_step(one, similarity, row_sums(similarity), Walk(2, 5)).toarray()
    # From 1 to 0 and 2 by 2/3 and 1/3, from 2 to 0, 1 and 3 by 1/2, 1/4 and 1/4.
    assert two[0].tolist() == pytest.approx([1 / 3 + 1 / 4, 1 / 8, 1 / 6, 1 / 8, 0])
    assert two[4].tolist() == [0] * 5


def test_a_step_keeps_the_users_reached_most_and_of_equal_ones_the_first() -> None:
    similarity = sparse.csr_array(SIMILARITY)
    one = first_step(similarity, Walk(2, 1)).toarray()
    assert one[0].tolist() == pytest.approx([0, 1 / 2, 0, 0, 0])  # 2 is as likely
    assert one[1].tolist() == pytest.approx([2 / 3, 0, 0, 0, 0])  # and not divided again
    two = next_step(
        sparse.csr_array(first_step(similarity, Walk(2, 5))),
        similarity, row_sums(similarity), Walk(2, 3),
    )  # fmt: skip
    # The user itself counts among the three; 1 and 3 are equal.
    assert two.toarray()[0].tolist() == pytest.approx([7 / 12, 1 / 8, 1 / 6, 0, 0])


def test_a_weight_below_the_noise_is_none() -> None:
    similarity = np.zeros((3, 3))
    similarity[0, 1:] = [1.0, 0.9e-12]
    similarity[1, 2] = 1.0
    one = first_step(sparse.csr_array(similarity), Walk(1, 3))
    assert one.indices.tolist() == [1, 2]  # not noise yet: 1 of user 0, 2 of user 1
    assert one.toarray()[0, 2] == 0


@each_implementation
@examples(150)
@given(
    logs=centered_times(),
    walk=WALKS,
    chosen=st.fixed_dictionaries(
        {}, optional={name: EVERY_OPTION[name] for name in EVERY_OPTION if name != "neighbors"}
    ),
)
def test_scores_and_lists_of_a_walk_are_those_of_the_dense_computation(
    compiled: bool,
    logs: tuple[NDArray[np.float64], NDArray[np.bool_]],
    walk: dict[str, Any],
    chosen: dict[str, Any],
) -> None:
    check_against_dense(*logs, replace(NOTHING, **chosen, **walk), plan_of(compiled))


@each_implementation
@examples(100)
@given(
    logs=centered_times(),
    walk=WALKS,
    chosen=st.fixed_dictionaries({}, optional={"offset": EVERY_OPTION["offset"]}),
)
def test_the_weights_of_all_of_few_and_of_pairs_are_those_of_the_dense_computation(
    compiled: bool,
    logs: tuple[NDArray[np.float64], NDArray[np.bool_]],
    walk: dict[str, Any],
    chosen: dict[str, Any],
) -> None:
    centered, heard = logs
    options = replace(NOTHING, **chosen, **walk, own_liking=0.03)
    counted = reference.counted_times(centered, heard, options.offset)
    similarity = reference.all_weights(counted, heard, options)
    expected = reference.counting_weights(similarity, options)
    scores = reference.option_scores(centered, counted, similarity, options)
    assume(not reference.is_near_an_edge(counted, similarity, expected))
    matrices, near = matrices_of(centered, heard, options), neighborhood(options)
    walking = users_reached(options)
    assert walking is not None
    weights_of = weights_function(matrices, near, walking, compiled=compiled)
    users = np.arange(len(centered))
    found = weights_of(users)
    assert found.toarray() == pytest.approx(expected, abs=1e-12)
    few = walk_few(
        weights(matrices, near, users[:2]), lambda some: weights(matrices, near, some), walking
    )
    assert np.array_equal(few.toarray(), found.toarray()[:2])
    pairs = np.argwhere(np.ones(heard.shape, dtype=bool))
    of_pairs = score_pairs(matrices, weights_of, pairs[:, 0], pairs[:, 1])
    assert of_pairs == pytest.approx(scores.ravel(), abs=1e-12)


NEIGHBORHOOD, WALK = Neighborhood(20), Walk(4, 50)


@pytest.fixture(scope="module")
def many() -> ModelMatrices:
    """3,000 users, with many equal similarities; some have listened to all tracks alike."""
    random = np.random.default_rng(7)
    pattern = crowd(random).pattern
    rows = np.repeat(np.arange(3_000), np.diff(pattern.indptr))
    times = random.choice(LEVELS, len(rows))
    times[rows % 50 == 0] = 0.0  # constant users
    return ModelMatrices.of(
        rows, pattern.indices, times + 0.1, (3_000, 200), times,
        own_terms=own_terms_of(times, 0.03),
        factors=track_factors(np.bincount(pattern.indices, minlength=200), 0.25),
    )  # fmt: skip


def results(many: ModelMatrices, **resources: Any) -> dict[str, NDArray[Any]]:
    blocks = list(
        score_users(many, ListOptions(30, 10), neighborhood=NEIGHBORHOOD, walk=WALK, **resources)
    )
    weights_of_blocks = [block.weights for block in blocks]
    assert all(each is not None for each in weights_of_blocks)
    whole = sparse.csr_array(sparse.vstack(weights_of_blocks))
    return {
        **collect_arrays(blocks),
        "weights": whole.data,
        "weighted users": whole.indices,
        "weight counts": np.diff(whole.indptr),
    }


def check_equal(found: dict[str, NDArray[Any]], expected: dict[str, NDArray[Any]]) -> None:
    assert found.keys() == expected.keys()
    for name in expected:
        assert np.array_equal(found[name], expected[name]), name


def test_threads_and_blocks_change_no_bit(many: ModelMatrices) -> None:
    expected = results(many)
    check_equal(results(many, threads=2, most_users=40), expected)
    assert expected["weights"].min() >= 1e-12
    assert expected["weight counts"].max() == 50


@needs_numba
def test_numba_walks_to_the_bit_as_scipy_does(many: ModelMatrices) -> None:
    expected = results(many)
    compiled = results(many, plan=plan_of(True), threads=2, most_users=100)
    check_equal(compiled, expected)


def test_neighbors_and_their_counts_are_those_without_a_walk(many: ModelMatrices) -> None:
    without = collect_arrays(score_users(many, ListOptions(30, 10), neighborhood=NEIGHBORHOOD))
    found = results(many)
    for name in ("positive", "negative", "common_tracks", "neighbors columns", "neighbors values"):
        assert np.array_equal(found[name], without[name])
    assert not np.array_equal(found["recommendations columns"], without["recommendations columns"])


@pytest.mark.parametrize("predict", [False, True])
def test_similarities_leave_nothing_in_memory_unless_predicted_times_need_it(
    many: ModelMatrices, predict: bool
) -> None:
    centered = many.by_track if predict else None
    matrices = ModelMatrices(many.interactions, many.pattern, centered)
    list(score_users(matrices, ListOptions(30, 10), neighborhood=NEIGHBORHOOD, walk=WALK))
    assert {"unit", "unit_by_track"} & set(vars(matrices)) == (
        {"unit", "unit_by_track"} if predict else set()
    )
    again = matrices.unit
    assert np.allclose(np.sqrt(again.power(2).sum(axis=1))[matrices.norms > 0], 1)
