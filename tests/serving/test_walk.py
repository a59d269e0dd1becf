"""A walk after the build: explanations, with and without stored weights, and fold-in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from numpy.typing import NDArray

import ubcf
from tests.support import reference
from tests.support.builds import Built, build_folder, build_sample
from tests.support.commands import call_ubcf
from tests.support.logs import write_log
from ubcf.analysis.named_analyses import query, set_id
from ubcf.building import scores
from ubcf.database.reading import connect_closed
from ubcf.database.session import Session
from ubcf.serving import stored_model
from ubcf.serving.recommendation import fold_in
from ubcf.serving.stored_model import load_model
from ubcf.serving.unstored_weights import with_weights

# Nobody else has heard track 60, which the person of the last test has.
EVENTS = [
    (1, 10, 1.0), (1, 20, 0.0), (1, 30, 0.6), (2, 10, 0.9), (2, 30, 0.1), (2, 40, 0.8),
    (3, 20, 0.4), (3, 30, 0.8), (3, 10, 0.3), (4, 40, 0.7), (4, 40, 0.2), (4, 20, 0.9),
    (5, 50, 0.5), (5, 10, 0.6), (6, 70, 0.9),
]  # fmt: skip
PERSON = [(10, 1.0), (40, 0.3), (40, 0.7), (60, 0.2)]
OPTIONS: dict[str, Any] = {
    "offset": 0.25, "neighbors": 2, "track_exponent": 0.25, "walk": 4, "reach": 4,
    "own_liking": 0.03,
}  # fmt: skip


@pytest.fixture(scope="module", params=["stored", "not stored"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sample by the preset listening, with and without the weights in the database."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "not stored":
            patch.setattr(scores, "MOST_STORED_WEIGHTS", 0)
        return build_sample(tmp_path_factory.mktemp("walk"), preset="listening")


@pytest.fixture
def connection(built: Built) -> Iterator[duckdb.DuckDBPyConnection]:
    with ubcf.connect(built.database) as connection:
        yield connection


def test_every_score_is_the_sum_of_its_explanation(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    for user in (7, 156, 300):
        explained = ubcf.query(connection, "explained_recommendations", user=user, k=1000)
        sums = explained.aggregate(
            "track, sum(contribution), any_value(score), any_value(heard)"
        ).fetchall()
        assert len(sums) == 100
        for _, total, score, _ in sums:
            assert (total or 0.0) == pytest.approx(score, abs=1e-12)
        heard = [row for row in sums if row[3]][:1]
        for track, _, score, _ in [*sums[:2], *heard]:
            terms = ubcf.explain(connection, user, track)
            rows = terms.project("similarity, centered_time, contribution").fetchall()
            assert all(w * h == pytest.approx(c, abs=1e-15) for w, h, c in rows)
            assert sum(row[2] for row in rows) == pytest.approx(score, abs=1e-12)


def test_the_weights_of_a_user_may_be_of_users_without_a_common_track_and_of_itself(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    rows = ubcf.query(connection, "explained_recommendations", user=7, k=1000)
    neighbors = rows.project("neighbor, common_tracks, similarity").distinct().fetchall()
    assert any(common == 0 for _, common, _ in neighbors)
    assert any(neighbor == 7 and weight != 0.03 for neighbor, _, weight in neighbors)
    assert any(neighbor == 7 and weight == 0.03 for neighbor, _, weight in neighbors)
    # What analysts see of similar users is the similarity, as in the table neighbors.
    similar = ubcf.query(connection, "similar_users", user=7, k=50)
    assert (
        similar.project("neighbor, round(similarity, 12)").fetchall()
        == connection.execute(
            'select neighbor, round(similarity, 12) from neighbors where "user" = 7 order by rank'
        ).fetchall()
    )


def test_the_table_of_weights_has_those_of_all_or_says_that_it_has_none(built: Built) -> None:
    statement = "select count(*), max(place), sum(weight) <= 1 from weights_of(7)"
    ((rows, least),) = built.rows("select count(*), min(weight) from weights")
    asked = call_ubcf("sql", statement, "--format", "json", cwd=built.folder)
    if rows:
        assert asked.returncode == 0, asked.stderr
        assert least >= 1e-12
        most = built.rows('select max(n) from (select count(*) as n from weights group by "user")')
        assert most == [(300,)]
        return
    assert asked.returncode == 1
    assert asked.stderr.count("\n") == 1
    assert "the weights are not stored" in asked.stderr
    explained = call_ubcf("explain", 7, 526, cwd=built.folder)
    assert explained.returncode == 0
    assert "the sum of" in explained.stderr


def test_a_loaded_model_gives_the_weights_that_are_not_stored(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect_closed(built.database) as connection:
        explained = query(connection, "explain", user=156, track=526).fetchall()
        session = Session(connection)
        model = load_model(session)
        # Whatever would load the model once more fails.
        monkeypatch.setattr(stored_model, "StoredModel", None)
        set_id(connection, "user", 156)
        with with_weights(session, model):
            assert query(connection, "explain", user=156, track=526).fetchall() == explained
        assert len(explained) > 1


def test_a_user_without_neighbors_has_no_weights_and_that_is_no_error(tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "data.json", EVENTS)
    built = build_folder(tmp_path, **OPTIONS)
    assert built.rows("select count(*) from weights_of(6)") == [(0,)]
    with ubcf.connect(built.database) as connection:
        assert ubcf.explain(connection, 6, 10).fetchall() == []
    # Of its own track the user has the own liking: nothing, as its only time is the mean.
    assert built.rows('select count(*) from recommendations where "user" = 6 and score <> 0') == [
        (0,)
    ]


def test_fold_in_is_a_rebuild_in_which_the_others_and_the_listeners_stay(tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "data.json", EVENTS)
    built = build_folder(tmp_path, **OPTIONS)
    tracks = [track for (track,) in built.rows("select track from tracks order by popularity_rank")]
    tracks.append(60)
    plays: dict[tuple[int, int], list[float]] = {}
    for user, track, time in [*EVENTS, *((7, track, time) for track, time in PERSON)]:
        plays.setdefault((user - 1, tracks.index(track)), []).append(time)
    heard = np.zeros((7, len(tracks)), dtype=bool)
    times = np.zeros(heard.shape)
    for place, heard_for in plays.items():
        heard[place], times[place] = True, sum(heard_for) / len(heard_for)
    for user in range(7):
        everything = [time for (row, _), all_times in plays.items() for time in all_times
                      if row == user]  # fmt: skip
        times[user, heard[user]] -= sum(everything) / len(everything)
    times[np.abs(times) < 1e-9] = 0.0
    expected = folded_scores(times, heard)
    with ubcf.connect(built.database) as connection:
        parts = fold_in(connection, PERSON, explain=True)
        found = {row[1]: row[2] for row in parts["recommendations"].fetchall()}
        terms = parts["explanation"].aggregate("track, sum(contribution)").fetchall()
    assert len(found) == len(tracks)
    for track, score in found.items():
        assert score == pytest.approx(expected[tracks.index(track)], abs=1e-12)
    assert dict(terms) == pytest.approx(
        {track: score for track, score in found.items() if track in dict(terms)}, abs=1e-12
    )


def folded_scores(centered: NDArray[np.float64], heard: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The scores of the last user, to whom no other leads; listeners are those of the others."""
    counted = reference.counted_times(centered, heard, OPTIONS["offset"])
    listeners = np.maximum(heard[:-1].sum(axis=0), 1)
    similarity = reference.cosine_similarity(counted * listeners ** -OPTIONS["track_exponent"])
    similarity[:-1, -1] = 0.0
    near = reference.nearest_rows(similarity, OPTIONS["neighbors"])
    sums = near.sum(axis=1, keepdims=True)
    steps = near / np.where(sums > 0, sums, 1.0)
    weights = np.eye(len(centered))[-1:]
    for _ in range(OPTIONS["walk"]):
        weights = reference.nearest_rows(weights @ steps, OPTIONS["reach"])
    scores = weights[0] @ counted + OPTIONS["own_liking"] * np.maximum(centered[-1], 0.0)
    return np.array(scores)
