"""Predicted times of single pairs, against the dense reference."""

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
from tests.support.dense import EVERY_OPTION, NOTHING, neighborhood
from tests.support.examples import examples
from tests.support.implementations import each_implementation_slowly
from tests.support.matrices import centered_times
from ubcf.scoring.matrices import ModelMatrices, interaction_matrix, track_rows
from ubcf.scoring.pairs import predict_deviations


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
    rows, columns = np.nonzero(heard)
    shape = heard.shape
    marks = sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=shape)
    pairs = np.argwhere(np.ones(shape, dtype=bool))
    given = (
        ModelMatrices(
            interaction_matrix(rows, columns, counted[rows, columns], shape),
            marks,
            track_rows(rows, columns, centered[rows, columns], shape),
        ),
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
