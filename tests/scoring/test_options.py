"""The options of the model and their presets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ubcf
from tests.support.logs import write_log
from ubcf.errors import OptionError
from ubcf.scoring.options import ModelOptions, model_options


def test_a_preset_sets_its_options_and_single_ones_override_them() -> None:
    assert model_options() == model_options("notebook") == ModelOptions()
    assert model_options("listening") == ModelOptions(
        neighbors=100, offset=0.25, track_exponent=0.25, walk=4, reach=300, own_liking=0.03
    )
    assert model_options("similar") == ModelOptions(neighbors=100, shrinkage=25, offset=0.25)
    assert model_options("ratings") == ModelOptions(
        neighbors=40,
        shrinkage=100,
        centering="baseline",
        similarity="overlap",
        damping=0.3,
        own_tracks=True,
    )
    assert model_options("similar", neighbors="all", offset=0) == ModelOptions(shrinkage=25)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"neighbors": 0}, "neighbors is 0; it must be at least 1, or 'all'"),
        ({"shrinkage": -1}, "shrinkage is -1; it must be finite, and at least 0"),
        ({"own_liking": float("inf")}, "own_liking is inf; it must be finite"),
        ({"own_liking": -0.1}, "own_liking is -0.1; it must be finite, and at least 0"),
        ({"track_exponent": 1.5}, "track_exponent is 1.5; it must be from 0 to 1"),
        ({"track_exponent": float("nan")}, "track_exponent is nan; it must be from 0 to 1"),
        ({"walk": 2}, "walk is 2; a walk needs a number of neighbors, not 'all'"),
        ({"preset": "listening", "neighbors": "all"}, "walk is 4; a walk needs a number of"),
        ({"walk": -1, "neighbors": 5}, "walk is -1; it must be from 0 to 100"),
        ({"walk": 101, "neighbors": 5}, "walk is 101; it must be from 0 to 100"),
        ({"reach": 0}, "reach is 0; it must be at least 1"),
        ({"shrinkage": float("nan")}, "shrinkage is nan"),
        ({"min_common": -2}, "min_common is -2"),
        ({"min_similarity": 1.5}, "min_similarity is 1.5; it must be from -1 to 1"),
        ({"offset": 2}, "offset is 2"),
        ({"preset": "taste", "ridge": 0}, "ridge is 0; it must be from 0.1 to 1,000,000"),
        ({"similarity": "ridge", "ridge": float("nan")}, "ridge is nan; it must be from 0.1"),
        ({"ridge": 50}, "ridge is 50; it needs the similarity 'ridge', and it is 'full'"),
        ({"preset": "taste", "neighbors": 5}, "neighbors is 5; with the similarity 'ridge' all"),
        ({"preset": "taste", "shrinkage": 1}, "shrinkage is 1; with the similarity 'ridge' all"),
        ({"preset": "taste", "min_common": 2}, "min_common is 2; with the similarity 'ridge' all"),
        ({"preset": "taste", "min_similarity": 0}, "min_similarity is 0; with the similarity"),
        ({"preset": "taste", "walk": 2}, "walk is 2; a walk needs a number of neighbors"),
        ({"preset": "listening", "similarity": "ridge"}, "neighbors is 100; with the similarity"),
        ({"preset": "taste", "plan": "tiles"}, "plan is 'tiles'; only 'similarities'"),
        ({"centering": "mean"}, "centering is 'mean'; it must be one of user, baseline, none"),
        ({"similarity": "cosine"}, "similarity is 'cosine'"),
        (
            {"preset": "films"},
            "preset is 'films'; it must be one of notebook, listening, similar, ",
        ),
        ({"own_tracks": True}, "own_tracks needs the centering 'baseline', and it is 'user'"),
        ({"preset": "ratings", "centering": "none"}, "own_tracks needs the centering 'baseline'"),
        ({"neighbors": 5, "plan": "tiles"}, "plan is 'tiles'; only 'similarities'"),
    ],
)
def test_invalid_options_are_refused(options: dict[str, Any], words: str, tmp_path: Path) -> None:
    log = write_log(tmp_path / "data.json", [(1, 1, 0.5)])
    with pytest.raises(OptionError) as refused:
        ubcf.build(log, database=tmp_path / "a.duckdb", output=tmp_path / "a.json", **options)
    assert words in str(refused.value)
