"""A predicted time is the expected time, plus what neighbors and the user's own tracks add.

The example by hand: times are 0.5 + e, where e has rows and columns that sum to 0, so that all
biases are 0 and 0.5 is expected of everybody.

        x      y      z
    a   0.2   -0.2
    b   0.05  -0.1    0.05
    c  -0.25   0.3   -0.05

Overlap cosines of a with the listeners of z, over x and y:
    b: (0.2 * 0.05 + 0.2 * 0.1) / sqrt(0.08 * 0.0125) = 3 / sqrt(10)
    c: -(0.2 * 0.25 + 0.2 * 0.3) / sqrt(0.08 * 0.1525) = -1.1 / sqrt(1.22)
and of z with the tracks of a, over b and c:
    x: (0.05 * 0.05 + 0.05 * 0.25) / sqrt(0.005 * 0.065) = 1.5 / sqrt(3.25)
    y: -(0.05 * 0.1 + 0.05 * 0.3) / sqrt(0.005 * 0.1) = -2 / sqrt(5)
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ubcf
from tests.support.builds import Built, build_in, build_sample
from tests.support.commands import run_ubcf
from ubcf.serving.explained_prediction import explain_prediction

TIMES = [
    ("a", "x", 0.7), ("a", "y", 0.3),
    ("b", "x", 0.55), ("b", "y", 0.4), ("b", "z", 0.55),
    ("c", "x", 0.25), ("c", "y", 0.8), ("c", "z", 0.45),
]  # fmt: skip

W = {"b": 3 / math.sqrt(10), "c": -1.1 / math.sqrt(1.22)}
Z = {"x": 1.5 / math.sqrt(3.25), "y": -2 / math.sqrt(5)}
OF_NEIGHBORS = 0.8 * 0.05 * (W["b"] - W["c"]) / (W["b"] - W["c"] + 0.1)
OF_OWN_TRACKS = 0.8 * 0.2 * (Z["x"] - Z["y"]) / (Z["x"] - Z["y"] + 0.1)

MODEL: dict[str, Any] = {"centering": "baseline", "similarity": "overlap", "own_tracks": True}


def built_from(folder: Path, times: list[tuple[str, str, float]], **options: Any) -> Built:
    lines = "".join(f"{user},{track},{time}\n" for user, track, time in times)
    (folder / "times.csv").write_text("user,track,time\n" + lines)
    return build_in(folder, folder / "times.csv", **options)


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return built_from(tmp_path_factory.mktemp("by_hand"), TIMES, predict=True, **MODEL)


def test_the_prediction_by_hand(by_hand: Built) -> None:
    assert by_hand.rows(
        "select predicted_time, support, own_support from recommendations"
        " where \"user\" = 'a' and track = 'z'"
    ) == [(pytest.approx(0.5 + OF_NEIGHBORS + OF_OWN_TRACKS, abs=1e-12), 2, 2)]


def test_the_terms_by_hand(by_hand: Built) -> None:
    with ubcf.connect(by_hand.database) as connection:
        found = explain_prediction(connection, "a", "z")
        terms = {name: part.fetchall() for name, part in found.parts.items()}
    assert {row[0]: row[1] for row in terms["neighbors"]} == pytest.approx(W, abs=1e-12)
    assert {row[0]: row[2] for row in terms["neighbors"]} == pytest.approx({"b": 0.05, "c": -0.05})
    assert {row[0]: row[1] for row in terms["own_tracks"]} == pytest.approx(Z, abs=1e-12)
    assert {row[0]: row[2] for row in terms["own_tracks"]} == pytest.approx({"x": 0.2, "y": -0.2})
    for name, total in (("neighbors", OF_NEIGHBORS), ("own_tracks", OF_OWN_TRACKS)):
        contributions = [row[3] for row in terms[name]]
        assert sum(contributions) == pytest.approx(total, abs=1e-12)
        assert contributions == sorted(contributions, key=abs, reverse=True)
    assert (found.of_neighbors, found.of_own_tracks) == pytest.approx((OF_NEIGHBORS, OF_OWN_TRACKS))
    assert found.expected_time == pytest.approx(0.5)
    assert not found.is_cut


def test_the_command_shows_both_lists_and_the_sum(by_hand: Built) -> None:
    done = run_ubcf("explain", "a", "z", "--predicted", "--format", "json", cwd=by_hand.folder)
    assert done.returncode == 0, done.stderr
    parts = json.loads(done.stdout)
    assert {row["neighbor"] for row in parts["neighbors"]} == {"b", "c"}
    assert {row["track"] for row in parts["own_tracks"]} == {"x", "y"}
    assert done.stderr == (
        f"user a, track z: predicted time {0.5 + OF_NEIGHBORS + OF_OWN_TRACKS:.12g}: 0.5 expected, "
        f"{OF_NEIGHBORS:+.12g} from 2 neighbors, {OF_OWN_TRACKS:+.12g} from 2 own tracks\n"
    )


def test_a_sum_beyond_the_scale_is_cut_and_says_so(tmp_path: Path) -> None:
    times = [(user, track, 1.0) for user in "bcdefgh" for track in "xyz"]
    times += [("a", "x", 1.0), ("a", "y", 1.0), *((user, "w", 0.0) for user in "abcdefgh")]
    ratings = [(user, track, 1 + 4 * time) for user, track, time in times]
    built_from(tmp_path, ratings, scale="1:5", damping=0.0, **MODEL)
    done = run_ubcf("explain", "a", "z", "--predicted", cwd=tmp_path)
    assert done.stderr.endswith("; cut to 5\n")
    assert "predicted time 5: " in done.stderr


@pytest.mark.parametrize("options", [{}, {"preset": "ratings"}])
def test_the_terms_of_any_pair_sum_to_its_prediction(
    options: dict[str, Any], tmp_path: Path
) -> None:
    built = build_sample(tmp_path, scale="0:5", fields={"time": "5 * time"}, **options)
    random = np.random.default_rng(5)
    users = random.choice([row[0] for row in built.rows('select "user" from users')], 40)
    heard = built.rows("select track from tracks where popularity_rank is not null")
    tracks = random.choice([row[0] for row in heard], 40)
    pairs = [*zip(users.tolist(), tracks.tolist(), strict=True), (10**6, 526), (7, 10**6)]
    lines = "".join(f"{user},{track}\n" for user, track in pairs)
    (tmp_path / "pairs.csv").write_text("user,track\n" + lines)
    with ubcf.connect(built.database) as connection:
        predicted = ubcf.predict(connection, tmp_path / "pairs.csv").fetchall()
        for user, track, time, *supports in predicted:
            found = explain_prediction(connection, user, track)
            sums = [
                sum(each[0] for each in part.project("contribution").fetchall())
                for part in found.parts.values()
            ]
            assert [len(part) for part in found.parts.values()] == supports
            uncut = found.expected_time + sum(sums)
            assert time == pytest.approx(min(max(uncut, 0.0), 5.0), abs=1e-9)
            assert time == pytest.approx(found.predicted_time, abs=1e-9)
            assert found.is_known == (10**6 not in (user, track))


def test_without_own_tracks_there_is_one_list_and_unknown_ids_are_a_warning(
    sample: Built, tmp_path: Path
) -> None:
    done = run_ubcf(
        "explain", "7", "999999", "--predicted", "-d", sample.database, "--format", "json",
        cwd=tmp_path,
    )  # fmt: skip
    assert json.loads(done.stdout) == {"neighbors": []}
    warning, said = done.stderr.splitlines()
    assert warning == "ubcf: warning: the logs do not know the user or the track"
    assert said.endswith(" expected, +0 from 0 neighbors")
