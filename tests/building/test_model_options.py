"""The options of the model in whole builds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ubcf
from tests.support import reference
from tests.support.builds import build_folder
from tests.support.commands import call_ubcf
from tests.support.logs import write_log
from tests.support.paths import SAMPLE
from ubcf.scoring.baseline import fit_baseline
from ubcf.scoring.options import PRESETS

EVENTS = [
    (1, 10, 1.0), (1, 20, 0.0), (1, 20, 0.5), (2, 10, 0.9), (2, 30, 0.1), (3, 20, 0.4),
    (3, 30, 0.8), (3, 10, 0.3), (4, 40, 0.7),
]  # fmt: skip


@pytest.mark.parametrize("centering", ["user", "baseline", "none"])
@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"offset": 0.25, "neighbors": 1, "shrinkage": 2.0},
        {"similarity": "overlap"},
        {"neighbors": 2, "walk": 3, "reach": 2, "track_exponent": 0.5, "own_liking": 0.1},
    ],
)
def test_a_build_has_the_scores_of_its_options(
    centering: str, chosen: dict[str, Any], tmp_path: Path
) -> None:
    write_log(tmp_path / "logs" / "data.json", EVENTS)
    built = build_folder(tmp_path, centering=centering, **chosen)
    model = reference.model(EVENTS)
    heard = model.plays > 0
    mean = sum(time for _, _, time in EVENTS) / len(EVENTS)
    rows, columns = np.nonzero(heard)
    plays = model.plays[rows, columns]
    times = model.track_times[rows, columns]
    baseline = fit_baseline(rows, columns, plays, plays * times, heard.shape)
    expected: dict[str, Any] = {
        "user": model.mean_times[:, np.newaxis],
        "baseline": mean + baseline.users[:, np.newaxis] + baseline.tracks,
        "none": 0.0,
    }
    centered = np.where(heard, model.track_times - expected[centering], 0.0)
    options = reference.Options(
        **{name: value for name, value in chosen.items() if name != "similarity"},
        overlap="similarity" in chosen,
    )
    counted = reference.counted_times(centered, heard, options.offset)
    scores = reference.option_scores(
        centered, counted, reference.all_weights(counted, heard, options), options
    )
    for user, track, score in built.rows('select "user", track, score from recommendations'):
        row, column = model.users.index(user), model.tracks.index(track)
        assert score == pytest.approx(scores[row, column], abs=1e-12)
    for user, track, time in built.rows('select "user", track, centered_time from interactions'):
        row, column = model.users.index(user), model.tracks.index(track)
        assert time == pytest.approx(centered[row, column], abs=1e-12)
    biases = [bias for (bias,) in built.rows('select bias from users order by "user"')]
    if centering == "baseline":
        assert biases == pytest.approx(baseline.users.tolist(), abs=1e-12)
    else:
        assert biases == [None] * len(model.users)


def test_the_options_of_the_model_are_recorded(tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "data.json", EVENTS)
    built = build_folder(tmp_path, preset="ratings", neighbors=7)
    assert built.summary.options["neighbors"] == 7
    assert built.summary.options["centering"] == "baseline"
    assert built.rows("select options ->> 'damping' from build") == [("0.3",)]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_gives_the_same_bytes_whatever_the_threads_and_the_memory(
    preset: str, tmp_path: Path
) -> None:
    outputs = []
    ways: list[dict[str, Any]] = [{"threads": 1}, {"threads": 2}, {"memory_limit": "256MiB"}]
    for number, options in enumerate(ways):
        output = tmp_path / f"{number}.json"
        ubcf.build(
            SAMPLE,
            database=tmp_path / f"{number}.duckdb",
            output=output,
            preset=preset,
            **options,
        )
        outputs.append(output.read_bytes())
    assert outputs[0] == outputs[1] == outputs[2]


def test_the_command_line_takes_the_options_of_the_model(tmp_path: Path) -> None:
    write_log(tmp_path / "data" / "data.json", EVENTS)
    ran = call_ubcf(
        "build", "--preset", "similar", "--neighbors", "all", "--min-common", 2,
        "--own-liking", "0.5", "--format", "json", cwd=tmp_path,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    options = json.loads(ran.stdout)["options"]
    assert options["neighbors"] is None
    assert (options["offset"], options["shrinkage"]) == (0.25, 25.0)
    assert (options["min_common"], options["own_liking"]) == (2, 0.5)
    wrong = call_ubcf("build", "--neighbors", "few", cwd=tmp_path)
    assert wrong.returncode == 2
