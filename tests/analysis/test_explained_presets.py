"""For every preset, explanations sum to the scores of pairs of any kind: recommended or not."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import ubcf
from tests.support import reference
from tests.support.builds import Built, build_in
from ubcf.scoring.options import PRESETS, model_options

# More users than a ridge has stored weights: the rest of an explanation is one row.
USERS, TRACKS, EVENTS = 350, 300, 6000
PAIRS = int(os.environ.get("UBCF_TEST_PAIRS", "40"))


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated") / "logs"
    ubcf.simulate(folder, users=USERS, tracks=TRACKS, events=EVENTS)
    return folder


def dense_scores(built: Built, preset: str) -> NDArray[np.float64]:
    """The scores of all users and tracks, in the order of their ids, from the centered times."""
    rows = built.rows('select "user", track, centered_time from interactions')
    users, tracks = (sorted({row[place] for row in rows}) for place in (0, 1))
    centered, heard = np.zeros((len(users), len(tracks))), np.zeros((len(users), len(tracks)), bool)
    for user, track, time in rows:
        pair = users.index(user), tracks.index(track)
        centered[pair], heard[pair] = time, True
    chosen = model_options(preset)
    options = reference.Options(
        **vars(chosen.neighborhood),
        offset=chosen.offset,
        own_liking=chosen.own_liking,
        track_exponent=chosen.track_exponent,
        walk=chosen.walk,
        reach=chosen.reach,
        ridge=chosen.ridge_over_users,
    )
    counted = reference.counted_times(centered, heard, options.offset)
    weights = reference.all_weights(counted, heard, options)
    return reference.option_scores(centered, counted, weights, options)


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS)
def test_an_explanation_sums_to_the_score_of_any_pair(
    preset: str, logs: Path, tmp_path: Path
) -> None:
    built = build_in(tmp_path, logs, preset=preset)
    expected = dense_scores(built, preset)
    users, tracks = (
        [key for (key,) in built.rows(f'select "{name}" from {name}s order by 1')]
        for name in ("user", "track")
    )
    assert expected.shape == (len(users), len(tracks))
    random = np.random.default_rng(22)
    rows, columns = random.integers(0, expected.shape, (PAIRS, 2)).T
    sums = np.zeros(PAIRS)
    with ubcf.connect(built.database) as connection:
        for number, (row, column) in enumerate(zip(rows, columns, strict=True)):
            terms = ubcf.explain(connection, users[row], tracks[column])
            ((total,),) = terms.aggregate("sum(contribution)").fetchall()
            sums[number] = total or 0.0
    scores = expected[rows, columns]
    assert np.count_nonzero(scores) > PAIRS / 2
    assert np.abs(sums - scores).max() < 1e-9
