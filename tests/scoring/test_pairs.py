"""Predicted times of single pairs, against the dense reference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.support import reference
from tests.support.dense import (
    EVERY_OPTION,
    NOTHING,
    WALKS,
    matrices_of,
    neighborhood,
    users_reached,
)
from tests.support.examples import examples
from tests.support.implementations import each_implementation_slowly
from tests.support.matrices import centered_times
from ubcf.scoring.matrices import ModelMatrices
from ubcf.scoring.options import ALL_USERS
from ubcf.scoring.pairs import predict_deviations, scored_by_own_listening
from ubcf.scoring.walk import weights_function


@each_implementation_slowly
@examples(200)
@given(
    logs=centered_times(),
    chosen=st.fixed_dictionaries({}, optional=EVERY_OPTION),
    damping=st.sampled_from([0.0, 0.1, 3.0]),
)
def test_a_predicted_time_is_from_the_nearest_of_those_who_heard_the_track(
    compiled: bool,
    logs: tuple[NDArray[np.float64], NDArray[np.bool_]],
    chosen: dict[str, Any],
    damping: float,
) -> None:
    centered, heard = logs
    options = replace(NOTHING, **chosen)
    counted = reference.counted_times(centered, heard, options.offset)
    weights = reference.all_weights(counted, heard, options)
    assume(not reference.is_near_an_edge(counted, weights, counted))
    pairs = np.argwhere(np.ones(heard.shape, dtype=bool))
    given = (
        matrices_of(centered, heard, options),
        neighborhood(options),
        pairs[:, 0],
        pairs[:, 1],
    )
    found = predict_deviations(*given, damping=damping, compiled=compiled, threads=1 + compiled)
    expected = [
        reference.deviation(weights, centered, heard, (u, t), options.neighbors, damping)
        for u, t in pairs.tolist()
    ]
    assert found.deviation.tolist() == pytest.approx([each[0] for each in expected], abs=1e-12)
    assert found.support.tolist() == [each[1] for each in expected]
    if compiled:
        by_numpy = predict_deviations(*given, damping=damping)
        assert found.deviation.tolist() == by_numpy.deviation.tolist()
        assert found.support.tolist() == by_numpy.support.tolist()


@each_implementation_slowly
@examples(200)
@given(
    logs=centered_times(),
    chosen=st.fixed_dictionaries({}, optional=EVERY_OPTION),
    walk=st.one_of(st.just({}), WALKS),
)
def test_a_score_is_own_if_no_term_of_another_user_is_in_it(
    compiled: bool,
    logs: tuple[NDArray[np.float64], NDArray[np.bool_]],
    chosen: dict[str, Any],
    walk: dict[str, Any],
) -> None:
    centered, heard = logs
    options = replace(NOTHING, **{"own_liking": 0.5, "offset": 0.25, **chosen, **walk})
    counted = reference.counted_times(centered, heard, options.offset)
    weights = reference.all_weights(counted, heard, options)
    counts = reference.counting_weights(weights, options)
    scores = reference.option_scores(centered, counted, weights, options)
    assume(not reference.is_near_an_edge(counted, weights, scores))
    assume(not reference.is_near_an_edge(counted, counts, scores))
    own = counts.diagonal()[:, np.newaxis] * counted
    own += options.own_liking * np.maximum(centered, 0.0)
    assume(not np.any((own != 0) & (np.abs(own) < 1e-9)))
    pairs = np.argwhere(np.ones(heard.shape, dtype=bool))
    matrices = matrices_of(centered, heard, options)
    weights_of = weights_function(
        matrices, neighborhood(options), users_reached(options), compiled=compiled
    )
    found = scored_by_own_listening(
        matrices,
        weights_of,
        pairs[:, 0],
        pairs[:, 1],
        scores.ravel(),
        self_weights=counts.diagonal().take(pairs[:, 0]) if options.walk else None,
        threads=1 + compiled,
    )
    assert found.tolist() == [
        bool(
            scores[user, track] > 0
            and own[user, track] > 0
            and not any(
                counts[user, other] != 0 and counted[other, track] != 0
                for other in range(len(counted))
                if other != user
            )
        )
        for user, track in pairs.tolist()
    ]


def test_terms_of_others_that_cancel_are_terms_of_others() -> None:
    # Users 1 and 2 are as similar to user 0 as each other, and opposed on track 2; nobody but user
    # 0 has heard track 1.
    times = np.array([[1e9, 5e8, 1e-3], [1.0, 0.0, 0.5], [1.0, 0.0, -0.5]])
    rows, columns = np.nonzero(times)
    counted = times[rows, columns]
    matrices = ModelMatrices.of(rows, columns, counted, times.shape, own_terms=counted)
    own = scored_by_own_listening(
        matrices,
        weights_function(matrices, ALL_USERS, None),
        np.array([0, 0, 0]),
        np.array([0, 1, 2]),
        np.array([1e9 + 1.6, 5e8, 1e-3]),
    )
    assert own.tolist() == [False, True, False]
