"""Tracks that must not be recommended leave the lists, and only the lists."""

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
from tests.support.implementations import each_implementation
from tests.support.matrices import Row, centered_times, matrix_of, score_rows
from ubcf.scoring.lists import score_users
from ubcf.scoring.matrices import ModelMatrices, own_terms_of
from ubcf.scoring.options import BY_PRODUCTS, BY_SIMILARITIES, BY_TILES, Neighborhood
from ubcf.scoring.planner import Plan
from ubcf.scoring.ranking import ListOptions

# The results that are about users and their similarities, not about lists.
UNCHANGED = ("positive", "negative", "neighbors columns", "neighbors values", "common_tracks")

each_way = pytest.mark.parametrize("way", [BY_SIMILARITIES, BY_PRODUCTS, BY_TILES])


def plan_of(way: str, compiled: bool, tile_width: int = 1024) -> Plan:
    return Plan(way, compiled, True, tile_width, 1 << 20, 1 << 26, {}, "")


def run(
    matrices: ModelMatrices, lists: ListOptions, plan: Plan, **options: Any
) -> dict[str, NDArray[Any]]:
    return collect_arrays(score_users(matrices, lists, plan, **options))


def ranked(
    scores: NDArray[np.float64],
    recommendable: NDArray[np.bool_],
    count: int,
    heard: NDArray[np.bool_] | None,
    only_positive: bool,
) -> list[list[int]]:
    """By the definition: the first tracks of the ranking of the recommendable ones alone."""
    return [
        reference.recommended(
            {track: score for track, score in enumerate(row) if recommendable[track]},
            count,
            preference=lambda track: track,
            excluded=[] if heard is None else np.flatnonzero(heard[user]).tolist(),
            only_positive=only_positive,
        )
        for user, row in enumerate(scores.tolist())
    ]


def masks(tracks: int) -> st.SearchStrategy[NDArray[np.bool_]]:
    """Which tracks may be recommended: at least one."""
    flags = st.lists(st.booleans(), min_size=tracks, max_size=tracks)
    return flags.filter(any).map(lambda values: np.array(values, dtype=bool))


@each_way
@each_implementation
@examples(150)
@given(
    data=st.data(),
    times=centered_times(),
    count=st.integers(1, 6),
    exclude=st.booleans(),
    only_positive=st.booleans(),
    own_liking=st.sampled_from([0.0, 0.5]),
    width=st.integers(1, 9),
)
def test_every_way_fills_the_lists_with_the_next_best_tracks_that_may_be_recommended(
    way: str,
    compiled: bool,
    data: st.DataObject,
    times: tuple[NDArray[np.float64], NDArray[np.bool_]],
    count: int,
    exclude: bool,
    only_positive: bool,
    own_liking: float,
    width: int,
) -> None:
    centered, heard = times
    tracks = centered.shape[1]
    similarity = reference.cosine_similarity(centered)
    scores = similarity @ centered + own_liking * np.maximum(centered, 0.0)
    assume(not reference.is_near_an_edge(centered, similarity, scores))
    recommendable = data.draw(masks(tracks))
    rows, columns = np.nonzero(heard)
    counted = centered[rows, columns]
    own_terms = own_terms_of(counted, own_liking)
    matrices = ModelMatrices.of(rows, columns, counted, centered.shape, own_terms=own_terms)
    excluded = matrices.pattern if exclude else None
    plan = plan_of(way, compiled, width)
    lists = ListOptions(count, 3, excluded, only_positive, recommendable)
    found = run(matrices, lists, plan, threads=2, most_users=3)
    expected = ranked(scores, recommendable, count, heard if exclude else None, only_positive)
    assert found["recommendations lengths"].tolist() == [len(row) for row in expected]
    assert found["recommendations columns"].tolist() == [track for row in expected for track in row]
    assert found["recommendations values"].tolist() == pytest.approx(
        [scores[user, track] for user, row in enumerate(expected) for track in row], abs=1e-12
    )
    whole = run(matrices, ListOptions(count, 3), plan)
    assert all(np.array_equal(found[name], whole[name]) for name in UNCHANGED)


@each_way
@each_implementation
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
@pytest.mark.parametrize("exclude", [False, True])
def test_withheld_tracks_among_many_change_no_bit_of_the_other_scores(
    way: str, compiled: bool, share: float, exclude: bool, crowd: sparse.csr_array
) -> None:
    users, tracks = crowd.shape
    recommendable = np.random.default_rng(7).random(tracks) < share
    matrices = ModelMatrices(crowd)
    heard = crowd.toarray() != 0
    excluded = crowd if exclude else None
    plan = plan_of(way, compiled, 64)
    whole = run(matrices, ListOptions(tracks, 5), plan)
    scores = np.zeros((users, tracks))
    scores[np.repeat(np.arange(users), tracks), whole["recommendations columns"]] = whole[
        "recommendations values"
    ]
    found = run(matrices, ListOptions(20, 5, excluded, False, recommendable), plan, threads=2)
    expected = ranked(scores, recommendable, 20, heard if exclude else None, False)
    assert found["recommendations columns"].tolist() == [track for row in expected for track in row]
    assert found["recommendations values"].tolist() == pytest.approx(
        [scores[user, track] for user, row in enumerate(expected) for track in row], abs=1e-12
    )
    assert all(np.array_equal(found[name], whole[name]) for name in UNCHANGED)


@each_implementation
def test_the_nearest_users_count_although_what_they_heard_may_not_be_recommended(
    compiled: bool, crowd: sparse.csr_array
) -> None:
    recommendable = np.arange(crowd.shape[1]) % 3 == 0
    matrices = ModelMatrices(crowd)
    plan = plan_of(BY_SIMILARITIES, compiled)
    near = {"neighborhood": Neighborhood(neighbors=7, shrinkage=5.0)}
    whole = run(matrices, ListOptions(crowd.shape[1], 5), plan, **near)
    found = run(matrices, ListOptions(10, 5, None, False, recommendable), plan, **near)
    of_all = whole["recommendations columns"].reshape(crowd.shape)
    for user, row in enumerate(found["recommendations columns"].reshape(-1, 10)):
        assert row.tolist() == of_all[user][recommendable[of_all[user]]][:10].tolist()
    assert np.array_equal(found["positive_scores"], whole["positive_scores"])
    assert all(np.array_equal(found[name], whole[name]) for name in UNCHANGED)


@each_implementation
@examples(300, derandomize=True)
@given(data=st.data(), rows_and_columns=score_rows(), only_positive=st.booleans())
def test_equal_scores_are_told_among_the_recommendable_tracks_alone(
    compiled: bool,
    data: st.DataObject,
    rows_and_columns: tuple[list[Row], int],
    only_positive: bool,
) -> None:
    rows, columns = rows_and_columns
    recommendable = data.draw(masks(columns))
    count = data.draw(st.integers(1, columns + 1))
    excluded: list[set[int]] = data.draw(
        st.lists(st.sets(st.integers(0, columns - 1)), min_size=len(rows), max_size=len(rows))
    )
    marks = matrix_of([dict.fromkeys(row, 1.0) for row in excluded], columns)
    options = ListOptions(count, 0, marks, only_positive, recommendable)
    top = options.recommended(matrix_of(rows, columns), np.arange(len(rows)), compiled=compiled)
    scores = np.array([[row.get(column, 0.0) for column in range(columns)] for row in rows])
    left_out = np.array([[column in row for column in range(columns)] for row in excluded])
    expected = ranked(scores, recommendable, count, left_out, only_positive)
    assert top.lengths.tolist() == [len(row) for row in expected]
    assert top.columns.tolist() == [column for row in expected for column in row]


@each_implementation
@pytest.mark.parametrize(
    ("recommendable", "expected"),
    [
        # 0.5 and 0.5 - 1.2e-10 are equal as long as the track between them is in the ranking
        ([True, True, True], [0, 1, 2]),
        ([True, False, True], [2, 0]),
        ([False, True, True], [1, 2]),
    ],
)
def test_a_withheld_track_does_not_join_two_scores_that_differ(
    compiled: bool, recommendable: list[bool], expected: list[int]
) -> None:
    row = {0: 0.5 - 1.2e-10, 1: 0.5 - 6e-11, 2: 0.5}
    lists = ListOptions(3, 0, recommendable=np.array(recommendable))
    top = lists.recommended(matrix_of([row], 3), np.arange(1), compiled=compiled)
    assert top.columns.tolist() == expected
