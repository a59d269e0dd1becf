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
    assert model_options("listening") == ModelOptions(neighbors=100, shrinkage=25, offset=0.25)
    assert model_options("ratings") == ModelOptions(
        neighbors=40,
        shrinkage=100,
        centering="baseline",
        similarity="overlap",
        damping=0.3,
        own_tracks=True,
    )
    assert model_options("listening", neighbors="all", offset=0) == ModelOptions(shrinkage=25)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"neighbors": 0}, "neighbors is 0; it must be at least 1, or 'all'"),
        ({"shrinkage": -1}, "shrinkage is -1; it must be finite, and at least 0"),
        ({"self_weight": float("inf")}, "self_weight is inf; it must be finite"),
        ({"shrinkage": float("nan")}, "shrinkage is nan"),
        ({"min_common": -2}, "min_common is -2"),
        ({"min_similarity": 1.5}, "min_similarity is 1.5; it must be from -1 to 1"),
        ({"offset": 2}, "offset is 2"),
        ({"centering": "mean"}, "centering is 'mean'; it must be one of user, baseline, none"),
        ({"similarity": "cosine"}, "similarity is 'cosine'"),
        ({"preset": "films"}, "preset is 'films'; it must be one of notebook, listening, ratings"),
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
