"""Predicted times from neighbors and from the user's own tracks, against the dense reference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.support import reference
from tests.support.dense import EVERY_OPTION, NOTHING, neighborhood
from tests.support.examples import examples
from tests.support.implementations import each_implementation_slowly, needs_numba
from tests.support.matrices import centered_times, crowd
from ubcf.scoring.matrices import ModelMatrices, track_factors
from ubcf.scoring.options import Neighborhood
from ubcf.scoring.predictions import (
    OWN_TRACKS_FACTOR,
    Terms,
    predicted_deviations,
    prediction_terms,
)


@each_implementation_slowly
@examples(200)
@given(
    logs=centered_times(),
    chosen=st.fixed_dictionaries({}, optional=EVERY_OPTION),
    damping=st.sampled_from([0.0, 0.1, 3.0]),
    seed=st.integers(0, 100),
)
def test_neighbors_and_own_tracks_predict_the_deviation_of_the_dense_model(
    compiled: bool,
    logs: tuple[NDArray[np.float64], NDArray[np.bool_]],
    chosen: dict[str, Any],
    damping: float,
    seed: int,
) -> None:
    centered, heard = logs
    options = replace(NOTHING, **chosen)
    counted = reference.counted_times(centered, heard, options.offset)
    of_users = reference.all_weights(counted, heard, options)
    # Multiplying a column by a number leaves its cosines as they are.
    of_tracks = reference.all_weights(counted.T, heard.T, replace(options, track_exponent=0.0))
    assume(not reference.is_near_an_edge(counted, of_users, counted))
    assume(not reference.is_near_an_edge(counted, of_tracks, counted.T))
    rows, columns = np.nonzero(heard)
    matrices = ModelMatrices.of(
        rows, columns, counted[heard], heard.shape, centered_time=centered[heard],
        factors=track_factors(heard.sum(axis=0), options.track_exponent),
    )  # fmt: skip
    # some pairs twice
    pairs = np.argwhere(np.ones(heard.shape, dtype=bool))
    chosen_pairs = np.sort(np.random.default_rng(seed).integers(len(pairs), size=len(pairs)))
    users, tracks = pairs[chosen_pairs].T
    given = matrices, neighborhood(options), users, tracks
    found = predicted_deviations(
        *given, damping=damping, own_tracks=True, compiled=compiled, threads=1 + compiled
    )
    assert found.own_support is not None
    for pair, (user, track) in enumerate(zip(users.tolist(), tracks.tolist(), strict=True)):
        by_users, neighbors = reference.deviation(
            of_users, centered, heard, (user, track), options.neighbors, damping
        )
        by_tracks, own = reference.deviation(
            of_tracks, centered.T, heard.T, (track, user), options.neighbors, damping
        )
        assert found.deviation[pair] == pytest.approx(0.8 * (by_users + by_tracks), abs=1e-12)
        assert (found.support[pair], found.own_support[pair]) == (neighbors, own)
        terms = prediction_terms(
            matrices, neighborhood(options), user, track, damping=damping, own_tracks=True
        )
        assert tuple(len(each.indexes) for each in terms) == (neighbors, own)
        contributions = sum(each.contribution.sum() for each in terms)
        assert contributions == pytest.approx(found.deviation[pair], abs=1e-12)
        assert track not in terms[1].indexes.tolist()


def test_without_own_tracks_the_neighbors_alone_predict() -> None:
    matrices = crowd(np.random.default_rng(3))
    options = Neighborhood(10, 5.0, overlap=True)
    given = matrices, options, np.array([7]), np.array([3])
    alone = predicted_deviations(*given, damping=0.1, own_tracks=False)
    both = predicted_deviations(*given, damping=0.1, own_tracks=True)
    of_neighbors, nothing = prediction_terms(matrices, options, 7, 3, damping=0.1, own_tracks=False)
    assert alone.own_support is None
    assert len(of_neighbors.indexes) == alone.support[0] == both.support[0] == 10
    assert of_neighbors.contribution.sum() == pytest.approx(alone.deviation[0], abs=1e-15)
    assert len(nothing.indexes) == 0
    _, own = prediction_terms(matrices, options, 7, 3, damping=0.1, own_tracks=True)
    assert both.deviation[0] == pytest.approx(
        OWN_TRACKS_FACTOR * alone.deviation[0] + own.contribution.sum(), abs=1e-15
    )


def test_matrices_without_times_by_track_cannot_predict() -> None:
    matrices = ModelMatrices.of(np.array([0]), np.array([0]), np.array([0.5]), (1, 1))
    with pytest.raises(ValueError, match="centered_by_track"):
        prediction_terms(matrices, Neighborhood(), 0, 0, damping=0.1, own_tracks=True)


def test_a_track_that_nobody_else_knows_adds_nothing() -> None:
    matrices = ModelMatrices.of(
        np.array([0, 1]), np.array([0, 1]), np.array([0.5, 0.5]), (2, 2),
        centered_time=np.array([0.5, 0.5]),
    )  # fmt: skip
    found = predicted_deviations(
        matrices, Neighborhood(), np.array([0, 1]), np.array([1, 0]), damping=0.0, own_tracks=True
    )
    assert found.own_support is not None
    assert (found.deviation.tolist(), found.own_support.tolist()) == ([0.0, 0.0], [0, 0])


@needs_numba
@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [Neighborhood(), Neighborhood(40, 100.0, overlap=True), Neighborhood(5, 3.0, 0.1, 2)]
)
def test_numba_and_threads_give_the_bits_of_numpy(options: Neighborhood) -> None:
    random = np.random.default_rng(9)
    matrices = crowd(random)
    users, tracks = np.sort(random.integers(3_000, size=2_000)), random.integers(200, size=2_000)
    by_numpy, by_numba = (
        predicted_deviations(
            matrices, options, users, tracks,
            damping=0.3, own_tracks=True, threads=threads, compiled=compiled,
        )
        for threads, compiled in ((1, False), (2, True))
    )  # fmt: skip
    for name, values in by_numpy.columns.items():
        assert np.array_equal(values, by_numba.columns[name]), name


def test_terms_are_in_the_order_of_their_indexes() -> None:
    matrices = crowd(np.random.default_rng(4))
    for terms in prediction_terms(
        matrices, Neighborhood(20, overlap=True), 11, 2, damping=0.1, own_tracks=True
    ):
        assert isinstance(terms, Terms)
        assert terms.indexes.tolist() == sorted(set(terms.indexes.tolist()))
        assert len(terms.indexes) > 1
