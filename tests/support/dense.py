"""The options of the model against the dense reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.support import reference
from tests.support.blocks import collect_arrays
from ubcf.scoring.lists import score_users
from ubcf.scoring.matrices import ModelMatrices, own_terms_of, track_factors, with_offset
from ubcf.scoring.options import BY_SIMILARITIES, Neighborhood, Walk
from ubcf.scoring.planner import Plan
from ubcf.scoring.ranking import ListOptions

NOTHING = reference.Options()


EVERY_OPTION: dict[str, st.SearchStrategy[Any]] = {
    "neighbors": st.integers(1, 4),
    "shrinkage": st.sampled_from([1.0, 25.0]),
    "min_similarity": st.sampled_from([-0.31, 0.0, 0.23]),
    "min_common": st.integers(1, 3),
    "offset": st.sampled_from([0.25, -0.25]),
    "own_liking": st.sampled_from([0.03, 1.0, 2.0]),
    "track_exponent": st.sampled_from([0.25, 1.0]),
    "overlap": st.just(True),
}

# A walk needs a number of neighbors.
WALKS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"neighbors": st.integers(1, 4), "walk": st.integers(1, 5), "reach": st.integers(1, 5)}
)


def matrices_of(
    centered: NDArray[np.float64], heard: NDArray[np.bool_], options: reference.Options
) -> ModelMatrices:
    """The matrices of a model with these options, with h by track."""
    rows, columns = np.nonzero(heard)
    times = centered[rows, columns]
    return ModelMatrices.of(
        rows,
        columns,
        with_offset(times, options.offset),
        heard.shape,
        times,
        own_terms=own_terms_of(times, options.own_liking),
        factors=track_factors(heard.sum(axis=0), options.track_exponent),
    )


def users_reached(options: reference.Options) -> Walk | None:
    return Walk(options.walk, options.reach) if options.walk else None


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
    counting = reference.score_weights(counted, weights, options)
    scores = reference.option_scores(centered, counted, weights, options)
    assume(not reference.is_near_an_edge(counted, weights, scores))
    assume(not reference.is_near_an_edge(counted, counting, scores))
    found = collect_arrays(
        score_users(
            matrices_of(centered, heard, options),
            ListOptions(tracks, 3),
            plan,
            neighborhood=neighborhood(options),
            walk=users_reached(options),
            ridge=options.ridge,
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
