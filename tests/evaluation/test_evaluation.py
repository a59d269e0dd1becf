"""What `ubcf evaluate` promises: figures as defined, and a test part that no model sees."""

from __future__ import annotations

import csv
import io
import json
import math
import random
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

import ubcf
from tests.support import reference
from tests.support.builds import rows_of as rows
from tests.support.commands import call_ubcf
from tests.support.logs import log_line, write_log
from tests.support.overlays import overlay
from tests.support.paths import PROJECT
from ubcf.commands import ubcf as group
from ubcf.errors import InputError, OptionError
from ubcf.evaluation.bootstrap import Samples, estimate
from ubcf.evaluation.pipeline import Evaluation
from ubcf.evaluation.settings import parse_grid, parse_setting
from ubcf.scoring.baseline import fit_baseline
from ubcf.scoring.options import ModelOptions

Event = tuple[int, int, float]
Figures = dict[tuple[str, str, int | None], float]


def evaluate(folder: Path, training: Iterable[Any], test: Iterable[Any], **options: Any) -> Path:
    """Evaluates on the given parts and returns the database."""
    logs = write_log(folder / "training" / "data.json", training)
    others = write_log(folder / "test" / "data.json", test)
    ubcf.evaluate(logs, test=others, database=folder / "e.duckdb", **options)
    return folder / "e.duckdb"


def figures(database: Path) -> Figures:
    """The value of each setting, metric and cut."""
    found = rows(database, "select setting, metric, cut, value from metrics")
    return {(setting, metric, cut): value for setting, metric, cut, value in found}


@pytest.fixture(scope="module")
def of_sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Evaluation, Path]:
    """An evaluation of four settings on the sample, and its database; no test may change it."""
    database = tmp_path_factory.mktemp("sample") / "e.duckdb"
    settings = ["notebook", "listening", "min-common=1", "ratings"]
    return ubcf.evaluate(PROJECT / "data", settings=settings, database=database), database


# The figures

# Popular is 10 (2.0 in all), 20 (1.25), 30 (0.5), 40 (0.25). The means of the users are 0.5, 0.625.
TRAINING = [
    (1, 10, 1.0), (1, 20, 0.5), (1, 40, 0.0),
    (2, 10, 1.0), (2, 20, 0.75), (2, 30, 0.5), (2, 40, 0.25),
]  # fmt: skip
# Relevant are 20 and 30 to user 1, and 30 and 50 to user 2. Track 50 and user 3 are not in the
# training part; nothing is relevant to user 4.
TEST = [
    (1, 20, 1.0), (1, 30, 0.5), (1, 30, 1.0), (1, 10, 0.4), (1, 40, 0.2),
    (2, 50, 0.9), (2, 30, 0.7), (2, 20, 0.6),
    (3, 10, 1.0),
]  # fmt: skip


def test_the_metrics_of_lists_are_those_computed_by_hand(tmp_path: Path) -> None:
    found = figures(evaluate(tmp_path, TRAINING, TEST, at=[1, 2, 3]))
    by_hand = {
        # user 1: 1 / log2(3) of 1 + 0.75 / log2(3); user 2: 0
        ("ndcg", 2): (0.6309298 / 1.4731973 + 0) / 2,
        # user 1: 1 / log2(3) + 0.75 / log2(4); user 2: 0.7 / log2(4) of 0.9 + 0.7 / log2(3)
        ("ndcg", 3): ((0.6309298 + 0.375) / 1.4731973 + 0.35 / 1.3416508) / 2,
        ("ndcg", 1): 0.0,
        ("recall", 1): 0.0,
        ("recall", 2): (1 / 2 + 0) / 2,
        ("recall", 3): (1 + 1 / 2) / 2,
        ("precision", 1): 0.0,
        ("precision", 2): (1 / 2 + 0) / 2,
        ("precision", 3): (2 / 3 + 1 / 3) / 2,
        ("mrr", 1): 0.0,
        ("mrr", 2): (1 / 2 + 0) / 2,
        ("mrr", 3): (1 / 2 + 1 / 3) / 2,
        ("hit_rate", 1): 0.0,
        ("hit_rate", 2): (1 + 0) / 2,
        ("hit_rate", 3): 1.0,
        ("coverage", 1): 1 / 4,
        ("coverage", 2): 2 / 4,
        ("coverage", 3): 3 / 4,
        ("popularity", 1): 2.0,
        ("popularity", 2): (2.0 + 1.25) / 2,
        ("popularity", 3): (2.0 + 1.25 + 0.5) / 3,
    }
    for (metric, cut), value in by_hand.items():
        assert found["popular", metric, cut] == pytest.approx(value, abs=1e-7), (metric, cut)


def test_the_metrics_of_played_tracks_are_those_computed_by_hand(tmp_path: Path) -> None:
    database = evaluate(tmp_path, TRAINING, TEST)
    found = figures(database)
    # User 1: 20 and 30 above 40, below 10: 2 of 4 pairs. User 2: 30 and 50 below 20: 0 of 2 pairs.
    assert found["popular", "auc", None] == 0.25
    # The mean centered times of the tracks, shrunk: 0.875 / (10 + 2), 0.125 / 12, -0.125 / 11
    # and -0.875 / 12.
    predicted_less_real = [
        [0.5104167 - 1.0, 0.4886364 - 0.75, 0.5729167 - 0.4, 0.4270833 - 0.2],
        [0.6250000 - 0.9, 0.6136364 - 0.7, 0.6354167 - 0.6],
    ]
    errors = [abs(error) for of_user in predicted_less_real for error in of_user]
    assert sum(errors) == pytest.approx(1.5477272)
    assert sum(error**2 for error in errors) == pytest.approx(0.4738077)
    assert found["best_listened", "mae", None] == pytest.approx(1.5477272 / 7, abs=1e-6)
    assert found["best_listened", "rmse", None] == pytest.approx(math.sqrt(0.4738077 / 7), abs=1e-6)
    assert rows(
        database,
        'select "user", round(value, 5), weight from metrics_by_user'
        " where setting = 'best_listened' and metric = 'mae' order by 1",
    ) == [(1, 0.28774, 4), (2, 0.13226, 3)]
    assert ("popular", "rmse", None) not in found


def test_equal_scores_count_half_in_the_auc(tmp_path: Path) -> None:
    training = [(1, 10, 0.2), (1, 20, 0.4), (2, 30, 0.5), (2, 40, 0.5), (2, 50, 0.1)]
    test = [(1, 30, 1.0), (1, 40, 0.0), (1, 50, 0.0)]
    # 30 and 40 have the same total time, 50 a smaller one.
    found = figures(evaluate(tmp_path, training, test))
    assert found["popular", "auc", None] == (0.5 + 1) / 2


def test_the_numbers_of_users_and_tracks_are_reported(tmp_path: Path) -> None:
    training = [*TRAINING, (4, 10, 0.5)]
    database = evaluate(tmp_path, training, [*TEST, (4, 20, 0.5)])
    counts = (
        "training_users, training_tracks, test_users, known_users, counted_users, "
        "users_not_counted, test_pairs, relevant_pairs, pairs_of_new_tracks"
    )
    assert rows(database, f"select {counts} from evaluation") == [(4 - 1, 4, 4, 3, 2, 2, 8, 4, 1)]
    assert rows(database, "select distinct users from metrics where metric = 'ndcg'") == [(2,)]


def test_heard_tracks_can_be_left_out_of_lists_and_test_part(tmp_path: Path) -> None:
    found = figures(evaluate(tmp_path, TRAINING, TEST, at=[1], exclude_heard=True))
    # User 1 gets 30, which is relevant; user 2 has heard all and gets nothing: 50 is new.
    assert found["popular", "recall", 1] == (1 + 0) / 2
    assert found["popular", "coverage", 1] == 1 / 4


SETTINGS = {
    "notebook": reference.Options(),
    "offset=0.25,neighbors=2,shrinkage=1": reference.Options(2, 1.0, offset=0.25),
    "own-liking=0.5,min-common=2": reference.Options(min_common=2, own_liking=0.5),
    "neighbors=3,walk=3,reach=4,track_exponent=0.25": reference.Options(
        3, walk=3, reach=4, track_exponent=0.25
    ),
    "centering=baseline,similarity=overlap,neighbors=3": reference.Options(3, overlap=True),
    "centering=none,min_similarity=0.1": reference.Options(min_similarity=0.1),
    "centering=baseline,own_tracks=true,shrinkage=2": reference.Options(shrinkage=2.0),
}


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))]
)
@pytest.mark.parametrize("exclude_heard", [False, True])
def test_the_figures_of_settings_are_those_of_the_dense_model(
    seed: int, exclude_heard: bool, tmp_path: Path
) -> None:
    draw = random.Random(seed)
    events = [
        (draw.randrange(9), draw.randrange(14), draw.choice([0.0, 0.1, 0.3, 0.55, 0.9, 1.0]))
        for _ in range(130)
    ]
    training, test = events[:90], events[90:]
    found = figures(
        evaluate(
            tmp_path, training, test, at=[3, 5], settings=list(SETTINGS),
            exclude_heard=exclude_heard,
        )
    )  # fmt: skip
    for name, options in SETTINGS.items():
        expected = expected_figures(training, test, name, options, exclude_heard)
        assert {key: found[name, *key] for key in expected} == pytest.approx(expected, abs=1e-9)


def expected_figures(
    training: Sequence[Event],
    test: Sequence[Event],
    name: str,
    options: reference.Options,
    exclude_heard: bool,
) -> dict[tuple[str, int | None], float]:
    """The figures as they are defined, in plain Python on the dense model."""
    model = reference.model(training)
    heard = model.plays > 0
    mean = sum(time for _, _, time in training) / len(training)
    heard_rows, heard_columns = np.nonzero(heard)
    plays = model.plays[heard]
    total_times = plays * model.track_times[heard]
    baseline = fit_baseline(heard_rows, heard_columns, plays, total_times, heard.shape)
    center = model.mean_times[:, np.newaxis] + np.zeros(heard.shape)
    bias_of_user = [0.0] * len(model.users)
    if "baseline" in name:
        center = mean + baseline.users[:, np.newaxis] + baseline.tracks
        bias_of_user = baseline.users.tolist()
    elif "none" in name:
        center = np.zeros(heard.shape)
    centered = np.where(heard, model.track_times - center, 0.0)
    counted = reference.counted_times(centered, heard, options.offset)
    weights = reference.all_weights(counted, heard, options)
    of_tracks = reference.all_weights(counted.T, heard.T, options)
    scores = reference.option_scores(centered, counted, weights, options)

    times: dict[tuple[int, int], list[float]] = {}
    for user, track, time in test:
        if user in model.users:
            times.setdefault((model.users.index(user), track), []).append(time)
    of_user: dict[int, dict[int, float]] = {}
    for (row, track), played in times.items():
        known = track in model.tracks
        if not (exclude_heard and known and heard[row, model.tracks.index(track)]):
            of_user.setdefault(row, {})[track] = sum(played) / len(played)

    values: dict[tuple[str, int | None], list[float]] = {}
    errors = []
    for row, truth in of_user.items():
        relevant = {t: time for t, time in truth.items() if time - model.mean_times[row] > 1e-9}
        score_of = {
            t: scores[row, model.tracks.index(t)] if t in model.tracks else 0.0 for t in truth
        }
        pairs = [(score_of[a], score_of[b]) for a in relevant for b in truth if b not in relevant]
        if pairs:
            wins = [0.5 if abs(a - b) < 1e-10 else float(a > b) for a, b in pairs]
            values.setdefault(("auc", None), []).append(sum(wins) / len(wins))
        for track, time in truth.items():
            if track in model.tracks:
                pair = row, model.tracks.index(track)
                deviation, _ = reference.deviation(
                    weights, centered, heard, pair, options.neighbors, ModelOptions().damping
                )
                if "own_tracks" in name:
                    of_own, _ = reference.deviation(
                        of_tracks, centered.T, heard.T, pair[::-1], None, ModelOptions().damping
                    )
                    deviation = 0.8 * (deviation + of_own)
                predicted = center[pair] + deviation
            elif "baseline" in name:
                predicted = mean + bias_of_user[row]
            else:
                predicted = 0.0 if "none" in name else model.mean_times[row]
            errors.append(min(max(predicted, 0.0), 1.0) - time)
        if not relevant:
            continue
        ranked = reference.recommended(
            dict(enumerate(scores[row].tolist())),
            5,
            preference=model.preference,
            excluded=np.flatnonzero(heard[row]).tolist() if exclude_heard else [],
        )
        tracks = [model.tracks[column] for column in ranked]
        for cut in (3, 5):
            ranks_of_hits = [p for p, t in enumerate(tracks[:cut], start=1) if t in relevant]
            gain = sum(relevant[tracks[p - 1]] / math.log2(p + 1) for p in ranks_of_hits)
            best = sorted(relevant.values(), reverse=True)[:cut]
            ideal = sum(time / math.log2(p + 1) for p, time in enumerate(best, start=1))
            figures_of_user = {
                "ndcg": gain / ideal,
                "recall": len(ranks_of_hits) / len(relevant),
                "precision": len(ranks_of_hits) / cut,
                "mrr": 1 / ranks_of_hits[0] if ranks_of_hits else 0.0,
                "hit_rate": float(bool(ranks_of_hits)),
            }
            for metric, value in figures_of_user.items():
                values.setdefault((metric, cut), []).append(value)
    found = {key: sum(each) / len(each) for key, each in values.items()}
    found["rmse", None] = math.sqrt(sum(error**2 for error in errors) / len(errors))
    found["mae", None] = sum(map(abs, errors)) / len(errors)
    return found


# Intervals


def test_an_interval_is_that_of_the_standard_error() -> None:
    draw = np.random.default_rng(1)
    values = draw.normal(0.3, 0.1, size=(400, 1))
    samples = Samples(values, np.ones((400, 1)), np.array([False]))
    found = estimate(samples, np.array([-1]), seed=0)
    assert found.value[0] == pytest.approx(values.mean(), abs=1e-15)
    error = values.std() / math.sqrt(400)
    assert found.low[0] == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert found.high[0] == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_figures_are_weighted_and_differences_are_paired_by_user() -> None:
    values = np.array([[1.0, 1.1, 3.0], [2.0, 2.1, 4.0], [9.0, 9.1, 0.0]])
    weights = np.array([[1.0, 1.0, 1.0], [3.0, 3.0, 3.0], [1.0, 1.0, 0.0]])
    samples = Samples(values, weights, np.array([False, False, True]))
    found = estimate(samples, np.array([0, 0, 0]), seed=3)
    assert found.value.tolist() == pytest.approx(
        [(1 + 6 + 9) / 5, (1.1 + 6.3 + 9.1) / 5, math.sqrt((9 + 48) / 4)]
    )
    assert found.users.tolist() == [3, 3, 2]
    # The second is greater by 0.1 for every user, and so in every resample, while the figures vary.
    assert found.difference[1] == pytest.approx(0.1)
    assert found.difference_low[1] == pytest.approx(0.1)
    assert found.difference_high[1] == pytest.approx(0.1)
    assert found.low[1] < found.value[1] < found.high[1]


def test_a_difference_is_significant_when_its_interval_excludes_0(
    of_sample: tuple[Evaluation, Path],
) -> None:
    _, database = of_sample
    found = rows(
        database,
        "select difference_low, difference_high, significant, difference, low, value, high"
        " from metrics where setting <> 'notebook' and metric <> 'coverage'",
    )
    assert {row[2] for row in found} == {True, False}
    for low, high, significant, difference, low_value, value, high_value in found:
        assert significant == (low > 0 or high < 0)
        assert low - 1e-12 <= difference <= high + 1e-12
        assert low_value - 1e-12 <= value <= high_value + 1e-12
    # rounding is no difference
    same = "select count(*) filter (where significant or difference <> 0) from metrics"
    assert rows(database, f"{same} where setting = 'min-common=1'") == [(0,)]
    first = "select count(difference), count(significant) from metrics where setting = 'notebook'"
    assert rows(database, first) == [(0, 0)]


# Splits


def some_events(seed: int = 0, users: int = 12, count: int = 200) -> list[str]:
    draw = random.Random(seed)
    moments = draw.sample(range(1_700_000_000_000, 1_700_000_100_000), count)
    return [
        log_line(
            draw.randrange(users), draw.randrange(30), round(draw.random(), 2), timestamp=moment
        )
        for moment in moments
    ]


def split_of(folder: Path, lines: Sequence[str], **options: Any) -> list[tuple[Any, ...]]:
    """Part, user, track, time and timestamp of each event."""
    log = write_log(folder / "data.json", lines)
    ubcf.evaluate(log, database=folder / "e.duckdb", **options)
    return rows(
        folder / "e.duckdb",
        'select part, "user", track, time, timestamp from split_events'
        ' order by "user", timestamp, track',
    )


def parts(events: Sequence[tuple[Any, ...]], *, user: int | None = None) -> tuple[list[Any], ...]:
    """The timestamps of the training part and of the test part."""
    return tuple(
        [each[4] for each in events if each[0] == part and user in (None, each[1])]
        for part in ("training", "test")
    )


SPLITS = ("time", "last", "random")


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Any, ...]]]:
    """The events of each split, of which 30 % are the test part."""
    return {
        split: split_of(tmp_path_factory.mktemp(split), some_events(), split=split, test_share=0.3)
        for split in SPLITS
    }


def test_the_time_split_is_one_moment_for_all_users(
    splits: dict[str, list[tuple[Any, ...]]],
) -> None:
    training, test = parts(splits["time"])
    assert max(training) < min(test)
    assert len(test) == int(200 * 0.3)


@pytest.mark.parametrize("split", ["last", "random"])
def test_other_splits_take_their_share_of_each_user(
    split: str, splits: dict[str, list[tuple[Any, ...]]]
) -> None:
    for user in range(12):
        training, test = parts(splits[split], user=user)
        assert len(test) == int(0.3 * (len(training) + len(test)) + 1e-9)
        if split == "last":
            assert max(training) < min(test)


@pytest.mark.parametrize("split", SPLITS)
def test_every_event_is_in_one_part(split: str, splits: dict[str, list[tuple[Any, ...]]]) -> None:
    logged = sorted((e["user"], e["track"], e["time"]) for e in map(json.loads, some_events()))
    assert sorted(event[1:4] for event in splits[split]) == logged


def test_the_random_split_depends_on_the_seed_and_not_on_the_order_of_lines(tmp_path: Path) -> None:
    lines = some_events()
    one = split_of(tmp_path / "1", lines, split="random", seed=5)
    assert split_of(tmp_path / "2", lines[::-1], split="random", seed=5, threads=1) == one
    assert split_of(tmp_path / "3", lines, split="random", seed=6) != one


def test_no_model_or_baseline_knows_a_test_event(tmp_path: Path) -> None:
    """Other times in the test part change the measurements, but no recommendation."""
    settings = ["notebook", "ratings"]
    lists = []
    for number, time in enumerate([1.0, 0.97]):
        test = [(1, 20, time), (2, 30, time), (2, 40, 0.3), (2, 40, 0.0)]
        database = evaluate(tmp_path / str(number), TRAINING, test, settings=settings, at=[1, 2])
        lists.append(
            rows(
                database,
                'select setting, metric, cut, "user", value from metrics_by_user where metric in'
                " ('recall', 'mrr', 'popularity', 'auc') order by all",
            )
        )
    assert lists[0] == lists[1]


def test_events_without_a_timestamp_can_only_be_split_at_random(tmp_path: Path) -> None:
    lines = [
        log_line(user, track, 0.1 * track, timestamp=None) for user in (1, 2) for track in range(9)
    ]
    log = write_log(tmp_path / "data.json", lines)
    database = tmp_path / "e.duckdb"
    for split in ("time", "last"):
        with pytest.raises(InputError, match="none of 18 events has a timestamp, which the split"):
            ubcf.evaluate(log, split=split, database=database)
    ubcf.evaluate(log, split="random", database=database)


@pytest.mark.parametrize("split", ["time", "last"])
def test_an_event_without_a_moment_goes_to_the_training_part_and_is_counted(
    tmp_path: Path, split: str
) -> None:
    def lines(undated: list[str]) -> list[str]:
        return [
            log_line(user, track, 0.1 * track, timestamp=1_700_000_000_000 + 1_000 * track)
            for user in (1, 2)
            for track in range(10)
        ] + undated

    undated = [log_line(1, 5, 0.5, timestamp=None)]
    found = []
    for number, more in enumerate(([], undated)):
        database = tmp_path / f"{number}.duckdb"
        ubcf.evaluate(
            write_log(tmp_path / "data.json", lines(more)), split=split, database=database
        )
        assert rows(database, "select undated_events from evaluation") == [(len(more),)]
        query = (
            'select "user", track, part from split_events where timestamp is {} null order by all'
        )
        found.append(rows(database, query.format("not")))
    assert found[0] == found[1]
    assert rows(database, query.format("")) == [(1, 5, "training")]


# The same input gives the same figures


def everything(database: Path) -> list[list[tuple[Any, ...]]]:
    tables = ("settings", "split_events", "metrics", "metrics_by_user", "tuning")
    return [rows(database, f"from {table}") for table in tables]


def test_figures_depend_on_the_seed_and_not_on_the_threads(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "split": "random",
        "settings": ["ratings"],
        "tune": "neighbors=5,all",
    }
    found = []
    for threads, seed in ((1, 7), (2, 7), (2, 8)):
        database = tmp_path / f"{threads}-{seed}.duckdb"
        ubcf.evaluate(PROJECT / "data", threads=threads, seed=seed, database=database, **options)
        found.append(everything(database))
    assert found[0] == found[1]
    assert found[1][2] != found[2][2]


# Baselines


def test_random_lists_hold_any_tracks_and_differ_between_users(
    of_sample: tuple[Evaluation, Path],
) -> None:
    _, database = of_sample
    found = figures(database)
    mean = "sum(time) / count(distinct track)"
    ((mean_total_time,),) = rows(
        database, f"select {mean} from split_events where part = 'training'"
    )
    assert found["random", "coverage", 100] > 0.9
    assert found["random", "popularity", 100] == pytest.approx(mean_total_time, rel=0.1)
    assert found["random", "recall", 100] == pytest.approx(100 / 1338, abs=0.04)
    assert 0.4 < found["random", "auc", None] < 0.6


# Tuning


def test_tuning_tries_all_and_evaluates_the_best(tmp_path: Path) -> None:
    database = tmp_path / "e.duckdb"
    found = ubcf.evaluate(
        PROJECT / "data",
        settings=["similar"],
        tune="neighbors=5,all;offset=0,0.25",
        database=database,
    )
    trials = rows(
        database, "select trial, setting, value, best_so_far, chosen from tuning order by trial"
    )
    assert [setting for _, setting, *_ in trials] == [
        "similar,neighbors=5,offset=0",
        "similar,neighbors=5,offset=0.25",
        "similar,neighbors=all,offset=0",
        "similar,neighbors=all,offset=0.25",
    ]
    values = [value for _, _, value, *_ in trials]
    for index, (_, _, value, best_so_far, chosen) in enumerate(trials):
        assert best_so_far == all(value > earlier for earlier in values[:index])
        assert chosen == (index == values.index(max(values)))
    (winner,) = [setting for _, setting, _, _, chosen in trials if chosen]
    assert [row["setting"] for row in found.settings][:2] == ["similar", f"tuned: {winner}"]
    assert [row["kind"] for row in found.settings] == ["model", "tuned"] + ["baseline"] * 3
    again = tmp_path / "again.duckdb"
    ubcf.evaluate(PROJECT / "data", settings=["similar", winner], database=again)
    tuned = {key[1:]: value for key, value in figures(database).items() if key[0][:5] == "tuned"}
    plain = {key[1:]: value for key, value in figures(again).items() if key[0] == winner}
    assert tuned == plain


def test_tuning_never_sees_the_test_part(tmp_path: Path) -> None:
    lines = some_events(count=300)
    trials = []
    for number in range(2):
        database = evaluate(
            tmp_path / str(number), lines, some_events(number + 1), tune="neighbors=1,3,all"
        )
        trials.append(rows(database, "from tuning"))
    assert trials[0] == trials[1]


def test_errors_are_minimized_by_tuning(tmp_path: Path) -> None:
    database = tmp_path / "e.duckdb"
    ubcf.evaluate(PROJECT / "data", tune="damping=0,1,3", tune_for="rmse", database=database)
    trials = rows(database, "select metric, cut, value, chosen from tuning order by value")
    assert [row[:2] for row in trials] == [("rmse", None)] * 3
    assert [row[3] for row in trials] == [True, False, False]


# Settings as texts


def test_a_setting_is_a_preset_options_or_both() -> None:
    assert parse_setting("notebook") == ("notebook", ModelOptions())
    assert parse_setting(" neighbors=all, min-common=2 ") == (
        "neighbors=all,min-common=2",
        ModelOptions(min_common=2),
    )
    for text in ("similar,offset=0", "offset=0,preset=similar"):
        assert parse_setting(text)[1] == ModelOptions(neighbors=100, shrinkage=25)
    assert parse_grid("offset=0,0.5;similarity=full,overlap", "ratings") == [
        "ratings,offset=0,similarity=full",
        "ratings,offset=0,similarity=overlap",
        "ratings,offset=0.5,similarity=full",
        "ratings,offset=0.5,similarity=overlap",
    ]


# Wrong usage, and what cannot be measured


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--split", "half"], "'half' is not one of 'time', 'last', 'random'"),
        (["--test-share", "1"], "1.0 is not in the range 0<x<1"),
        (["--seed", "-1"], "-1 is not in the range"),
        (["--preset", "films"], "'films' is not one of"),
        (["--at", "10,0"], "'10,0' is not a list of numbers from 1"),
        (["--at", "ten"], "'ten' is not a list of numbers from 1"),
        (["--setting", "neighbours=3"], "no option 'neighbours'; there are preset, neighbors"),
        (["--setting", "own_tracks=1"], "own_tracks is '1'; it must be true or false"),
        (["--setting", "neighbors=few"], "neighbors is 'few'; it must be a whole number"),
        (["--setting", "offset=2"], "offset is 2.0; it must be from -1 to 1"),
        (["--setting", "films"], "preset is 'films'; it must be one of"),
        (["--preset", "ratings", "--setting", "ratings"], "each may be given only once"),
        (["--tune", "neighbors"], "tune has 'neighbors'; it must be name=value,value"),
        (["--tune", "neighbors=5,few"], "neighbors is 'few'"),
        (["--tune-for", "coverage"], "'coverage' is not one of"),
        (
            ["--test", "x", "--split", "last"],
            "--split says what of the logs is the test part; with",
        ),
        (["--test", "x", "--test-share", "0.5"], "--test-share says what of the logs"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(
    arguments: list[str], words: str, tmp_path: Path
) -> None:
    done = call_ubcf("evaluate", PROJECT / "data", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [
        {"split": "half"},
        {"test_share": 0},
        {"seed": -1},
        {"at": []},
        {"settings": []},
        {"tune_for": "joy"},
    ],
)
def test_invalid_options_are_refused_in_python_too(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(OptionError):
        ubcf.evaluate(PROJECT / "data", database=tmp_path / "e.duckdb", **options)


def test_an_empty_test_part_is_an_error_and_leaves_the_older_database(
    of_sample: tuple[Evaluation, Path], tmp_path: Path
) -> None:
    shutil.copy(of_sample[1], tmp_path / "evaluation.duckdb")
    before = (tmp_path / "evaluation.duckdb").read_bytes()
    write_log(tmp_path / "logs" / "data.json", TRAINING)  # all with one timestamp
    done = call_ubcf("evaluate", "logs", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "ubcf: error: none of 7 events is in the test part: there are too few, or all have one "
        "timestamp; try another split or test share\n"
    )
    assert (tmp_path / "evaluation.duckdb").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evaluation.duckdb", "logs"]


def test_a_test_part_without_relevant_tracks_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no user of the training part has a relevant track"):
        evaluate(tmp_path, TRAINING, [(1, 20, 0.1), (9, 20, 1.0)])


# The command line and the database


def test_the_command_prints_what_the_database_holds(tmp_path: Path) -> None:
    done = call_ubcf(
        "evaluate", PROJECT / "data", "--preset", "notebook", "--setting", "listening,offset=0",
        "--split", "last", "--at", "5", "--tune", "neighbors=3,9", "--format", "json",
        "-d", "mine.duckdb", cwd=tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    printed = json.loads(done.stdout)
    assert list(printed) == ["evaluation", "tuning", "metrics"]
    assert printed["evaluation"]["training_events"] + printed["evaluation"]["test_events"] == 8200
    assert printed["evaluation"]["options"]["split"] == "last"
    asked = call_ubcf(
        "sql", "-d", "mine.duckdb", "--format", "json", "from metrics", cwd=tmp_path
    )  # fmt: skip
    assert json.loads(asked.stdout) == printed["metrics"]
    assert {row["setting"] for row in printed["metrics"]} == {
        "notebook", "listening,offset=0", "tuned: notebook,neighbors=9", "popular",
        "best_listened", "random",
    }  # fmt: skip


def test_by_default_it_evaluates_the_notebook_on_data_at_one_moment(tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(PROJECT / "data")
    done = call_ubcf("evaluate", "--format", "csv", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.split("\n\n")
    assert next(csv.DictReader(io.StringIO(first)))["test_events"] == "1640"
    metrics = list(csv.DictReader(io.StringIO(second)))
    assert list(dict.fromkeys(row["setting"] for row in metrics)) == [
        "notebook", "popular", "best_listened", "random",
    ]  # fmt: skip
    assert list(dict.fromkeys(row["metric"] for row in metrics)) == [
        "ndcg", "recall", "precision", "mrr", "hit_rate", "auc", "rmse", "mae", "coverage",
        "popularity",
    ]  # fmt: skip


def test_other_logs_can_be_the_test_part(tmp_path: Path) -> None:
    write_log(tmp_path / "january" / "data.json", TRAINING)
    write_log(tmp_path / "february" / "data.json", TEST)
    done = call_ubcf("evaluate", "january", "--test", "february", "--format", "json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    figures = json.loads(done.stdout)["evaluation"]
    counts = figures["training_events"], figures["test_events"], figures["counted_users"]
    assert counts == (7, 9, 2)


def test_rejected_lines_are_reported_on_stderr(tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "data.json", ["no event", *some_events()])
    done = call_ubcf("evaluate", "logs", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == "ubcf: warning: 1 of 201 lines were rejected\n"
    for more in ([], ["--wide"]):
        quiet = call_ubcf("evaluate", "logs", "-q", *more, cwd=tmp_path)
        assert (quiet.stdout, quiet.stderr) == ("", "")
    refused = call_ubcf("evaluate", "logs", "--max-rejected", "0", cwd=tmp_path)
    assert refused.returncode == 1
    assert "line 1: not JSON" in refused.stderr


def test_the_help_warns_of_what_the_metrics_of_lists_reward(tmp_path: Path) -> None:
    help_text = " ".join(call_ubcf("evaluate", "--help", cwd=tmp_path).stdout.split())
    assert "rewards predicting what some recommender had shown" in help_text


def test_python_gets_the_rows_of_the_tables(of_sample: tuple[Evaluation, Path]) -> None:
    found, database = of_sample
    assert isinstance(found, Evaluation)
    assert [tuple(row.values()) for row in found.metrics] == rows(database, "from metrics")
    assert found.figures["counted_users"] == 117
    assert (found.lines, found.rejected, found.tuning) == (8200, 0, [])


def test_the_overall_figures_are_means_over_the_users(of_sample: tuple[Evaluation, Path]) -> None:
    _, database = of_sample
    mean = "sum(weight * value) / sum(weight)"
    root = "sqrt(sum(weight * value * value) / sum(weight))"
    for value, expected, users, counted in rows(
        database,
        f"select any_value(metrics.value), case when metric = 'rmse' then "
        f"{root.replace('value', 'each.value')} else {mean.replace('value', 'each.value')} end,"
        " any_value(metrics.users), count(*) from metrics inner join metrics_by_user as each"
        " using (setting, metric) where metrics.cut is not distinct from each.cut"
        " group by setting, metric, metrics.cut",
    ):
        assert value == pytest.approx(expected, abs=1e-12)
        assert users == counted


def test_every_table_and_every_column_has_a_comment(tmp_path: Path) -> None:
    database = evaluate(tmp_path, some_events(count=300), some_events(1), tune="offset=0,0.25")
    tables = rows(database, "select table_name, comment from duckdb_tables() where not internal")
    assert {name for name, _ in tables} == {
        "evaluation", "settings", "split_events", "metrics", "metrics_by_user", "tuning",
    }  # fmt: skip
    columns = rows(
        database,
        "select table_name, column_name, comment from duckdb_columns() where not internal",
    )
    assert [row for row in [*tables, *columns] if row[-1] is None] == []


def test_logs_of_another_format_can_be_evaluated(tmp_path: Path) -> None:
    """Ratings from CSV: text ids and no timestamps."""
    events = (
        "create table events as select filename as file, null as message, null as timestamp,"
        ' "user", item as track, rating / 5 as time, null as latency, null as recommendation,'
        " null as experiments from read_csv(getvariable('log_paths'), header = true,"
        " columns = {'user': 'VARCHAR', 'item': 'VARCHAR', 'rating': 'DOUBLE'}, filename = true);"
    )
    overlay(tmp_path / "my-sql", "staging/events.sql", events)
    lines = [
        f"{user},item{item},{(user * item) % 5 + 1}"
        for user, item in ((u, i) for u in range(6) for i in range(12))
    ]
    (tmp_path / "ratings.csv").write_text("user,item,rating\n" + "\n".join(lines), encoding="utf-8")
    done = call_ubcf(
        "evaluate", "ratings.csv", "--templates", "my-sql", "--split", "random", "--format", "json",
        "--preset", "ratings", cwd=tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["evaluation"]["test_events"] == 6 * 2


# Other libraries


def test_the_figures_of_each_user_are_those_of_other_libraries(tmp_path: Path) -> None:
    """The same lists, from a build on the training part, measured by LensKit and scikit-learn."""
    metrics = pytest.importorskip("lenskit.metrics")
    lists = pytest.importorskip("lenskit.data")
    sklearn = pytest.importorskip("sklearn.metrics")
    lines = some_events(4, users=30, count=900)
    training, test = lines[:600], lines[600:]
    database = evaluate(tmp_path, training, test, at=[5, 20])
    by_user = {
        row[:3]: row[3]
        for row in rows(
            database,
            "select \"user\", metric, cut, value from metrics_by_user where setting = 'notebook'",
        )
    }
    log = tmp_path / "training" / "data.json"
    ubcf.build(log, database=tmp_path / "b.duckdb", output=tmp_path / "b.json")
    recommended = rows(tmp_path / "b.duckdb", 'select "user", track, score from recommendations')
    mean_times = dict(rows(tmp_path / "b.duckdb", 'select "user", mean_time from users'))
    test_times = rows(
        database,
        "select \"user\", track, avg(time) from split_events where part = 'test' group by all",
    )
    measured = 0
    for user, mean_time in mean_times.items():
        played = {track: time for who, track, time in test_times if who == user}
        gains = {track: time for track, time in played.items() if time - mean_time > 1e-9}
        if not gains:
            continue
        recommendations = [(track, score) for who, track, score in recommended if who == user]
        truth = lists.ItemList(list(gains), rating=list(gains.values()))
        for cut in (5, 20):
            ours = lists.ItemList([track for track, _ in recommendations[:cut]], ordered=True)
            weight = metrics.LogRankWeight(offset=1)
            theirs = {
                "ndcg": metrics.NDCG(cut, gain="rating", weight=weight),
                "recall": metrics.Recall(),  # a cut would limit the relevant tracks
                "precision": metrics.Precision(cut),
                "mrr": metrics.RecipRank(cut),
                "hit_rate": metrics.Hit(cut),
            }
            for name, metric in theirs.items():
                assert by_user[user, name, cut] == pytest.approx(metric.measure_list(ours, truth))
            ranked = [track for track, _ in recommendations]
            ranked += [track for track in gains if track not in ranked]
            gain = [[gains.get(track, 0.0) for track in ranked]]
            ndcg = sklearn.ndcg_score(gain, [list(range(len(ranked), 0, -1))], k=cut)
            assert by_user[user, "ndcg", cut] == pytest.approx(ndcg)
        if len(gains) < len(played):
            scores = dict(recommendations)
            # nine digits, so that scores which differ by rounding are equal
            auc = sklearn.roc_auc_score(
                [track in gains for track in played],
                [round(scores.get(track, 0.0), 9) for track in played],
            )
            assert by_user[user, "auc", None] == pytest.approx(auc)
        measured += 1
    assert measured > 20


def test_lengths_given_several_times_add_up() -> None:
    (option,) = [each for each in group.commands["evaluate"].params if each.name == "at"]
    context = click.Context(group.commands["evaluate"])
    for given, numbers in (
        (["20", "100"], [20, 100]),
        (["20,100"], [20, 100]),
        (["5", "20,5"], [5, 20]),
        (None, [10, 100]),
    ):
        arguments = {} if given is None else {"at": given}
        assert option.handle_parse_result(context, arguments, [])[0] == numbers
