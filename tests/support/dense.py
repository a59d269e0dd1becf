"""The options of the model against the dense reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from tests.support import reference
from tests.support.blocks import collect_arrays
from ubcf.scoring.lists import score_users
from ubcf.scoring.matrices import ModelMatrices, interaction_matrix, with_offset
from ubcf.scoring.options import BY_SIMILARITIES, Neighborhood
from ubcf.scoring.planner import Plan
from ubcf.scoring.ranking import ListOptions

NOTHING = reference.Options()


EVERY_OPTION: dict[str, st.SearchStrategy[Any]] = {
    "neighbors": st.integers(1, 4),
    "shrinkage": st.sampled_from([1.0, 25.0]),
    "min_similarity": st.sampled_from([-0.31, 0.0, 0.23]),
    "min_common": st.integers(1, 3),
    "offset": st.sampled_from([0.25, -0.25]),
    "self_weight": st.sampled_from([0.5, 1.0, 2.0]),
    "overlap": st.just(True),
}


def neighborhood(options: reference.Options) -> Neighborhood:
    return Neighborhood(
        options.neighbors,
        options.shrinkage,
        options.min_similarity,
        options.min_common,
        options.overlap,
    )


def check_against_dense(
    centered: NDArray[np.float64],
    heard: NDArray[np.bool_],
    options: reference.Options,
    plan: Plan | None = None,
) -> None:
    """Asserts that lists, scores, neighbors and counts are those of the dense computation."""
    users, tracks = centered.shape
    counted = reference.counted_times(centered, heard, options.offset)
    weights = reference.all_weights(counted, heard, options)
    scores = reference.option_scores(counted, weights, options)
    assume(not reference.is_near_an_edge(counted, weights, scores))
    rows, columns = np.nonzero(heard)
    times = with_offset(centered[rows, columns], options.offset)
    marks = sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(users, tracks))
    found = collect_arrays(
        score_users(
            ModelMatrices(interaction_matrix(rows, columns, times, (users, tracks)), marks),
            ListOptions(tracks, 3),
            plan,
            neighborhood=neighborhood(options),
            self_weight=options.self_weight,
            threads=2,
            most_users=3,
        )
    )
    expected = [
        reference.ranking(dict(enumerate(row)), preference=lambda track: track)
        for row in scores.tolist()
    ]
    assert found["recommendations columns"].reshape(users, tracks).tolist() == expected
    assert found["recommendations values"].reshape(users, tracks) == pytest.approx(
        np.take_along_axis(scores, np.array(expected), axis=1), abs=1e-12
    )
    if plan is not None and plan.way != BY_SIMILARITIES:
        return
    of_user = [
        reference.nearest(dict(enumerate(row)), options.neighbors) for row in weights.tolist()
    ]
    assert found["positive"].tolist() == [
        sum(weight > 0 for weight in each.values()) for each in of_user
    ]
    assert found["negative"].tolist() == [
        sum(weight < 0 for weight in each.values()) for each in of_user
    ]
    listed = [
        reference.ranking(
            {other: weight for other, weight in each.items() if weight > 0},
            preference=lambda other: other,
        )[:3]
        for each in of_user
    ]
    assert found["neighbors columns"].tolist() == [other for each in listed for other in each]
