"""Every option of the model does what it says, alone and with the others: compared densely."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

import ubcf
from tests import reference
from tests.conftest import PROJECT, build_folder, run_ubcf, write_log
from tests.pieces import pieces_of
from ubcf.errors import OptionError
from ubcf.scoring.baseline import fit_baseline
from ubcf.scoring.kernels import has_numba
from ubcf.scoring.lists import score_users
from ubcf.scoring.matrices import ModelMatrices, interaction_matrix, track_rows, with_offset
from ubcf.scoring.options import (
    BY_PRODUCTS,
    BY_SIMILARITIES,
    BY_TILES,
    PRESETS,
    ModelOptions,
    Neighborhood,
    model_options,
)
from ubcf.scoring.pairs import predict_deviations, score_pairs
from ubcf.scoring.planner import Plan
from ubcf.scoring.ranking import ListOptions
from ubcf.scoring.similarity import weights

# Few different values, so that many similarities and scores are equal; some cancel with an offset.
LEVELS = (-0.5, -0.25, 0.0, 0.25, 0.5, 0.75)

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


@st.composite
def centered_times(draw: st.DrawFn) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Centered times of up to 8 users x 9 tracks, and which were heard; some users are constant."""
    users, tracks = draw(st.integers(1, 8)), draw(st.integers(1, 9))
    heard = np.array(
        draw(st.lists(st.booleans(), min_size=users * tracks, max_size=users * tracks))
    ).reshape(users, tracks)
    values = draw(st.lists(st.sampled_from(LEVELS), min_size=heard.size, max_size=heard.size))
    constant = draw(st.lists(st.booleans(), min_size=users, max_size=users))
    times = np.where(np.array(constant)[:, np.newaxis], 0.0, np.reshape(values, heard.shape))
    assume(heard.any())
    return np.where(heard, times, 0.0), heard


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
    found = pieces_of(
        list(
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


@pytest.mark.parametrize("name", EVERY_OPTION)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), logs=centered_times())
def test_an_option_alone_does_what_its_definition_says(
    name: str, data: st.DataObject, logs: tuple[NDArray[np.float64], NDArray[np.bool_]]
) -> None:
    check_against_dense(*logs, replace(NOTHING, **{name: data.draw(EVERY_OPTION[name])}))


@settings(deadline=None, max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(
    logs=centered_times(),
    chosen=st.fixed_dictionaries({}, optional=EVERY_OPTION),
)
def test_options_together_do_what_their_definitions_say(
    logs: tuple[NDArray[np.float64], NDArray[np.bool_]], chosen: dict[str, Any]
) -> None:
    check_against_dense(*logs, replace(NOTHING, **chosen))


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    logs=centered_times(),
    neighbors=EVERY_OPTION["neighbors"],
    chosen=st.fixed_dictionaries({}, optional=EVERY_OPTION),
)
def test_compiled_loops_find_the_same_nearest_users(
    logs: tuple[NDArray[np.float64], NDArray[np.bool_]], neighbors: int, chosen: dict[str, Any]
) -> None:
    plan = Plan(BY_SIMILARITIES, True, True, 1, 1, 1 << 26, {}, "")
    options = replace(NOTHING, **{**chosen, "neighbors": neighbors})
    check_against_dense(*logs, options, plan)


SOME_NEIGHBORHOODS = (
    Neighborhood(),
    Neighborhood(10),
    Neighborhood(30, 25.0),
    Neighborhood(5, 3.0, 0.1, 2),
    Neighborhood(20, 10.0, overlap=True),
    Neighborhood(None, 1.0, -0.3, overlap=True),
)


def crowd(random: np.random.Generator) -> ModelMatrices:
    """3,000 users who heard some of 200 tracks, with many times that are equal."""
    rows = np.repeat(np.arange(3_000), 20)
    columns = np.minimum(random.zipf(1.2, len(rows)) - 1, 199)
    rows, columns = np.unique(np.stack([rows, columns]), axis=1)
    times, shape = random.choice(LEVELS, len(rows)), (3_000, 200)
    return ModelMatrices.of(rows, columns, times, shape, centered_time=times)


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
def test_compiled_loops_and_threads_predict_and_score_pairs_to_the_bit_among_many_users() -> None:
    random = np.random.default_rng(9)
    matrices = crowd(random)
    users, tracks = np.sort(random.integers(3_000, size=2_000)), random.integers(200, size=2_000)
    for options in SOME_NEIGHBORHOODS:
        slow, fast = (
            predict_deviations(
                matrices,
                options,
                users,
                tracks,
                damping=0.1,
                threads=1 + compiled,
                compiled=compiled,
            )
            for compiled in (False, True)
        )
        assert np.array_equal(slow.support, fast.support)
        assert np.array_equal(slow.deviation, fast.deviation)
        slow_scores, fast_scores = (
            score_pairs(
                matrices,
                options,
                users,
                tracks,
                self_weight=0.5,
                threads=1 + compiled,
                compiled=compiled,
            )
            for compiled in (False, True)
        )
        assert np.array_equal(slow_scores, fast_scores)


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
def test_compiled_loops_take_the_nearest_of_many_listeners_also_at_the_edge_of_equality() -> None:
    from ubcf.scoring.kernels.pairs import _take_nearest
    from ubcf.scoring.kernels.similarity import ABOVE_ZERO

    random = np.random.default_rng(4)
    near = random.random(300)
    # Two that are 1e-10 apart, a little more or less by rounding; many, half of them equal.
    rows = [np.array([weight - 1e-10, weight]) for weight in near]
    rows += [np.round(random.normal(size=size), 2) for size in random.integers(1, 900, size=100)]
    for weights_of_row in rows:
        for wanted in (1, 10, 30):
            places, found = np.empty(900, dtype=np.int32), np.empty(900)
            everyone = np.arange(len(weights_of_row), dtype=np.int32)
            count = _take_nearest(everyone, weights_of_row, wanted, ABOVE_ZERO, places, found)
            expected = reference.nearest(dict(enumerate(weights_of_row.tolist())), wanted)
            assert (
                dict(zip(places[:count].tolist(), found[:count].tolist(), strict=True)) == expected
            )


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
def test_compiled_loops_give_the_weights_of_scipy_to_the_bit_among_many_users() -> None:
    matrices = crowd(np.random.default_rng(8))
    users = np.arange(100, 700)
    for options in SOME_NEIGHBORHOODS:
        slow, fast = (
            weights(matrices, options, users, compiled=compiled) for compiled in (False, True)
        )
        slow.sort_indices()
        assert np.array_equal(slow.indptr, fast.indptr)
        assert np.array_equal(slow.indices, fast.indices)
        assert np.array_equal(slow.data, fast.data)


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
@pytest.mark.parametrize("tracks", [2**16 - 1, 2**16])
def test_compiled_loops_count_more_tracks_in_common_than_16_bits_do(tracks: int) -> None:
    # Two users who heard all tracks, the one in turn a little more and less than the other.
    rows, columns = np.repeat([0, 1], tracks), np.tile(np.arange(tracks), 2)
    times = np.concatenate([np.ones(tracks), np.tile([1.5, 0.5], tracks)[:tracks]])
    matrices = ModelMatrices.of(rows, columns, times, (2, tracks))
    (weight,) = weights(matrices, Neighborhood(1, shrinkage=25), np.arange(1), compiled=True).data
    cosine = times[:tracks] @ times[tracks:]
    cosine /= np.sqrt(tracks * (times[tracks:] @ times[tracks:]))
    assert weight == pytest.approx(cosine * tracks / (tracks + 25), rel=1e-12)


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
@pytest.mark.parametrize("step", [0.4e-10, 3e-10])
def test_compiled_loops_take_the_nearest_of_a_long_chain_of_equals(step: float) -> None:
    # Similarities to the first user fall by `step` from one to the next: far below what single
    # precision tells apart. In steps of 4e-11 all of them are equal, and the smaller index counts.
    others = 400
    slopes = 1 + np.arange(others) * step * 2  # the cosine of (1, 0) and (1, x) falls by half
    random = np.random.default_rng(3)
    slopes = np.concatenate([[0.0], random.permutation(slopes)])
    rows = np.repeat(np.arange(others + 1), 2)
    columns = np.tile([0, 1], others + 1)
    times = np.stack([np.ones(others + 1), slopes], axis=1).ravel()
    matrices = ModelMatrices.of(rows, columns, times, (others + 1, 2))
    first = np.arange(1)
    for options in (Neighborhood(10), Neighborhood(10, 2.0)):
        slow, fast = (
            weights(matrices, options, first, compiled=compiled) for compiled in (False, True)
        )
        assert np.array_equal(slow.toarray(), fast.toarray())
        nearest = np.arange(1, 11) if step < 1e-10 else np.sort(1 + np.argsort(slopes[1:])[:10])
        assert fast.indices.tolist() == nearest.tolist()


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
@pytest.mark.parametrize("self_weight", [0.0, 0.5])
def test_compiled_loops_rank_few_scores_among_many_tracks_as_scipy(self_weight: float) -> None:
    random = np.random.default_rng(5)
    users, tracks = 400, 6_000
    rows = np.repeat(np.arange(users), 12)
    columns = np.minimum(random.zipf(1.3, len(rows)) - 1, tracks - 1)
    rows, columns = np.unique(np.stack([rows, columns]), axis=1)
    matrices = ModelMatrices.of(rows, columns, random.choice(LEVELS, len(rows)), (users, tracks))
    slow, fast = (
        list(
            score_users(
                matrices,
                ListOptions(20, 5),
                Plan(BY_SIMILARITIES, compiled, True, 1, 1, 1 << 26, {}, ""),
                neighborhood=Neighborhood(40),
                self_weight=self_weight,
            )
        )
        for compiled in (False, True)
    )
    for ours, expected in zip(fast, slow, strict=True):
        assert np.array_equal(ours.positive_scores, expected.positive_scores)
        assert np.array_equal(ours.recommendations.columns, expected.recommendations.columns)
        assert np.array_equal(ours.recommendations.values, expected.recommendations.values)
        assert np.array_equal(ours.neighbors.columns, expected.neighbors.columns)


@pytest.mark.parametrize("way", [BY_PRODUCTS, BY_TILES])
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    logs=centered_times(),
    offset=EVERY_OPTION["offset"],
    self_weight=EVERY_OPTION["self_weight"],
)
def test_offset_and_self_weight_need_no_similarities(
    way: str,
    logs: tuple[NDArray[np.float64], NDArray[np.bool_]],
    offset: float,
    self_weight: float,
) -> None:
    plan = Plan(way, False, False, 4, 8, 1 << 26, {}, "")
    check_against_dense(*logs, replace(NOTHING, offset=offset, self_weight=self_weight), plan)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(
    logs=centered_times(),
    chosen=st.fixed_dictionaries({}, optional=EVERY_OPTION),
    damping=st.sampled_from([0.0, 0.1, 3.0]),
)
def test_a_predicted_time_is_from_the_nearest_of_those_who_heard_the_track(
    logs: tuple[NDArray[np.float64], NDArray[np.bool_]], chosen: dict[str, Any], damping: float
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
    found = predict_deviations(*given, damping=damping)
    expected = [
        reference.deviation(weights, centered, heard, (u, t), options.neighbors, damping)
        for u, t in pairs.tolist()
    ]
    assert found.deviation.tolist() == pytest.approx([each[0] for each in expected], abs=1e-12)
    assert found.support.tolist() == [each[1] for each in expected]
    if has_numba():
        fast = predict_deviations(*given, damping=damping, compiled=True, threads=2)
        assert fast.deviation.tolist() == found.deviation.tolist()
        assert fast.support.tolist() == found.support.tolist()


def test_the_baseline_is_that_of_alternating_least_squares_by_hand() -> None:
    # User 0 plays track 0 twice, 1.0 in all, and track 1 once, 1.0; user 1 plays track 0 once, 0.2.
    baseline = fit_baseline(
        np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([2, 1, 1]), np.array([1.0, 1.0, 0.2]),
        (2, 2),
    )  # fmt: skip
    mean = 2.2 / 4
    users, tracks = [0.0, 0.0], [0.0, 0.0]
    for _ in range(10):
        tracks = [
            (1.0 - 2 * (mean + users[0]) + 0.2 - (mean + users[1])) / (10 + 3),
            (1.0 - (mean + users[0])) / (10 + 1),
        ]
        users = [
            (1.0 - 2 * (mean + tracks[0]) + 1.0 - (mean + tracks[1])) / (15 + 3),
            (0.2 - (mean + tracks[0])) / (15 + 1),
        ]
    assert baseline.mean == pytest.approx(mean, abs=1e-15)
    assert baseline.users.tolist() == pytest.approx(users, abs=1e-15)
    assert baseline.tracks.tolist() == pytest.approx(tracks, abs=1e-15)


def test_a_preset_is_its_options_and_single_ones_replace_them() -> None:
    assert model_options() == model_options("notebook") == ModelOptions()
    assert model_options("listening") == ModelOptions(neighbors=100, shrinkage=25, offset=0.25)
    assert model_options("ratings") == ModelOptions(
        neighbors=40, shrinkage=100, centering="baseline", similarity="overlap", damping=0.3
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
        ({"neighbors": 5, "plan": "tiles"}, "plan is 'tiles'; only 'similarities'"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    options: dict[str, Any], words: str, tmp_path: Path
) -> None:
    log = write_log(tmp_path / "data.json", [(1, 1, 0.5)])
    with pytest.raises(OptionError) as refused:
        ubcf.build(log, database=tmp_path / "a.duckdb", output=tmp_path / "a.json", **options)
    assert words in str(refused.value)


EVENTS = [
    (1, 10, 1.0), (1, 20, 0.0), (1, 20, 0.5), (2, 10, 0.9), (2, 30, 0.1), (3, 20, 0.4),
    (3, 30, 0.8), (3, 10, 0.3), (4, 40, 0.7),
]  # fmt: skip


@pytest.mark.parametrize("centering", ["user", "baseline", "none"])
@pytest.mark.parametrize(
    "chosen", [{}, {"offset": 0.25, "neighbors": 1, "shrinkage": 2.0}, {"similarity": "overlap"}]
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
        counted, reference.all_weights(counted, heard, options), options
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
            PROJECT / "data",
            database=tmp_path / f"{number}.duckdb",
            output=output,
            preset=preset,
            **options,
        )
        outputs.append(output.read_bytes())
    assert outputs[0] == outputs[1] == outputs[2]


def test_the_command_line_takes_the_options_of_the_model(tmp_path: Path) -> None:
    write_log(tmp_path / "data" / "data.json", EVENTS)
    ran = run_ubcf(
        "build", "--preset", "listening", "--neighbors", "all", "--min-common", 2,
        "--self-weight", "0.5", "--format", "json", cwd=tmp_path,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    options = json.loads(ran.stdout)["options"]
    assert options["neighbors"] is None
    assert (options["offset"], options["shrinkage"]) == (0.25, 25.0)
    assert (options["min_common"], options["self_weight"]) == (2, 0.5)
    wrong = run_ubcf("build", "--neighbors", "few", cwd=tmp_path)
    assert wrong.returncode == 2
