"""Inspecting a user or a track: every part, worked out by hand from the worked example."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ubcf
from tests.promises.test_worked_example import LINES
from tests.support.builds import Built, build_folder
from tests.support.commands import call_ubcf
from tests.support.logs import write_log
from ubcf.errors import NotFoundError, OptionError

Rows = Callable[..., list[tuple[Any, ...]]]

CATALOG = [
    '{"track": 20, "artist": "Ann", "title": "Up", "genre": "pop", "pop": 5}',
    '{"track": 40, "artist": "Bo", "title": "So", "genre": [1, 2], "pop": 7.5}',
    '{"track": 50, "artist": "Cy", "title": "Unheard"}',
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("inspection")
    write_log(folder / "logs" / "botify-recommender-1" / "data.json", LINES)
    write_log(folder / "logs" / "tracks.json", CATALOG)
    return build_folder(folder)


@pytest.fixture
def rows(built: Built) -> Iterator[Rows]:
    """The rows of a named analysis, fractions rounded to 12 decimals."""

    with ubcf.connect(built.database) as connection:
        yield lambda name, **variables: [
            tuple(round(value, 12) if isinstance(value, float) else value for value in row)
            for row in ubcf.query(connection, name, **variables).fetchall()
        ]


def test_recommendations_come_with_the_catalog(rows: Rows) -> None:
    assert rows("user_recommendations", user=1) == [
        (1, 10, 0.12, False, "neighbors", None, None, None, None),
        (2, 40, 0.1, True, "neighbors", "Bo", "So", "[1, 2]", 7.5),
        (3, 30, 0.1, False, "neighbors", None, None, None, None),
        (4, 20, -0.16, True, "tail", "Ann", "Up", "pop", 5.0),
    ]
    assert [row[1] for row in rows("user_recommendations", user=1, k="2")] == [10, 40]


def test_interactions_are_ordered_by_centered_time_and_the_strongest_kept(rows: Rows) -> None:
    assert rows("user_interactions", user=2) == [
        (0.4, 20, 2, 0.9, "Ann", "Up", "pop", 5.0),
        (-0.3, 10, 1, 0.2, None, None, None, None),
        (-0.5, 30, 1, 0.0, None, None, None, None),
    ]
    assert [row[1] for row in rows("user_interactions", user=2, k=2)] == [20, 30]


def test_similar_users_come_with_what_both_heard(rows: Rows) -> None:
    assert rows("similar_users", user=3) == [
        (1, 1, 0.5, 1, 2, 2, 0.3, [40], ["Bo - So"]),
        (2, 2, 0.5, 1, 4, 3, 0.5, [30], ["30"]),
    ]
    assert len(rows("similar_users", user=3, k=1)) == 1


def test_the_history_keeps_the_latest_events(rows: Rows) -> None:
    assert [row[2] for row in rows("user_history", user=2)] == [20, 10, 20, 30]
    assert rows("user_history", user=2, k=1) == [
        (datetime(2023, 11, 14, 22, 13, 27), "last", 30, None, None, 0.0, None)
    ]


def test_the_profile_of_a_track_has_the_catalog_and_its_recommendations(rows: Rows) -> None:
    # Track 40: rank 2, 1 and 2 of the users 1, 2 and 3.
    assert rows("track_profile", track=40) == [
        (40, "Bo", "So", "[1, 2]", 7.5, 2, 2, 1.2, 2, True, True, 3, 1)
    ]
    assert rows("track_profile", track=50) == [
        (50, "Cy", "Unheard", None, None, 0, 0, 0.0, None, True, True, 0, None)
    ]


def test_the_times_of_a_track_fall_in_tenths(rows: Rows) -> None:
    # Track 20 was heard for 0.2, 0.8 and 1.0; the last tenth includes 1.
    events = {0.2: 1, 0.8: 1, 0.9: 1}
    assert rows("track_times", track=20) == [
        (tenth / 10, (tenth + 1) / 10, events.get(tenth / 10, 0)) for tenth in range(10)
    ]


def test_the_ranks_of_a_track_are_counted_in_tens(tmp_path: Path) -> None:
    """One user played the tracks 1 to 25, the smaller ones for longer: track n has rank n."""
    plays = [(7, track, 1 - track / 100) for track in range(1, 26)]
    write_log(tmp_path / "logs" / "data.json", plays)
    built = build_folder(tmp_path)
    with ubcf.connect(built.database) as connection:
        assert ubcf.query(connection, "track_ranks", track=25).fetchall() == [(21, 30, 1)]
        assert ubcf.query(connection, "track_ranks", track=20).fetchall() == [(11, 20, 1)]


def test_random_users_depend_on_the_seed_alone(rows: Rows) -> None:
    drawn = [rows("random_users", seed=seed)[0][0] for seed in range(40)]
    assert drawn == [rows("random_users", seed=str(seed))[0][0] for seed in range(40)]
    assert set(drawn) == {1, 2, 3}
    assert sorted(row[0] for row in rows("random_users", k=9)) == [1, 2, 3]


def test_inspecting_from_python_gives_relations_that_hold_their_rows(built: Built) -> None:
    with ubcf.connect(built.database) as connection:
        first = ubcf.inspect_user(connection, 1)
        second = ubcf.inspect_user(connection, 2, k=1)
        assert list(first) == ["user", "events", "recommendations", "interactions", "neighbors"]
        assert [len(each.fetchall()) for each in first.values()] == [1, 2, 4, 2, 1]
        assert [len(each.fetchall()) for each in second.values()] == [1, 1, 1, 1, 1]
        assert first["user"].project('"user"').fetchall() == [(1,)]
        recommendations = first["recommendations"]
        assert recommendations.filter("heard").aggregate("count(*)").fetchall() == [(2,)]
        track = ubcf.inspect_track(connection, 20)
        assert list(track) == ["track", "listeners", "times", "ranks"]
        assert [row[0] for row in track["listeners"].fetchall()] == [2, 1]


def test_a_user_is_one_json_object_with_a_key_for_each_part(built: Built) -> None:
    done = call_ubcf("inspect", "user", 1, "--format", "json", cwd=built.folder)
    assert (done.returncode, done.stderr) == (0, "")
    parts = json.loads(done.stdout)
    assert list(parts) == ["user", "events", "recommendations", "interactions", "neighbors"]
    assert (parts["user"]["user"], parts["user"]["events"]) == (1, 2)
    assert [row["track"] for row in parts["recommendations"]] == [10, 40, 30, 20]
    assert [row["track"] for row in parts["interactions"]] == [40, 20]
    assert [(row["neighbor"], row["common_track_ids"]) for row in parts["neighbors"]] == [(3, [40])]


def test_a_track_is_one_json_object_with_a_key_for_each_part(built: Built) -> None:
    done = call_ubcf("inspect", "track", 50, "--format", "json", cwd=built.folder)
    assert (done.returncode, done.stderr) == (0, "")
    parts = json.loads(done.stdout)
    assert list(parts) == ["track", "listeners", "times", "ranks"]
    assert parts["track"]["title"] == "Unheard"
    assert (parts["listeners"], parts["ranks"]) == ([], [])
    assert sum(row["events"] for row in parts["times"]) == 0


def test_parts_have_at_most_k_rows_in_every_format(built: Built) -> None:
    for form in ("table", "markdown"):
        done = call_ubcf("inspect", "user", 2, "-k", 2, "--format", form, cwd=built.folder)
        assert done.returncode == 0
        for part in ("user", "events", "recommendations", "interactions", "neighbors"):
            assert f"{part}\n" in done.stdout
    done = call_ubcf("inspect", "user", 2, "-k", 2, "--format", "csv", cwd=built.folder)
    parts = [list(csv.reader(io.StringIO(part))) for part in done.stdout.split("\n\n")]
    assert [len(part) - 1 for part in parts] == [1, 2, 2, 2, 1]
    assert all(part[0][0] == "part" for part in parts)


def test_the_same_seed_shows_the_same_user(built: Built) -> None:
    def shown(*arguments: str) -> Any:
        done = call_ubcf("inspect", "user", "random", *arguments, "--format", "json", cwd=folder)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)["user"]["user"]

    folder = built.folder
    with ubcf.connect(built.database) as connection:
        by_seed = {
            seed: ubcf.query(connection, "random_users", seed=seed).fetchall()[0][0]
            for seed in range(3)
        }
    assert {seed: shown("--seed", str(seed)) for seed in range(3)} == by_seed
    assert shown() in (1, 2, 3)


def test_an_unknown_user_or_track_is_reported_with_the_nearest_ids(built: Built) -> None:
    done = call_ubcf("inspect", "user", "'; drop table users", cwd=built.folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith('ubcf: error: no user "\'; drop table users" in this database')
    done = call_ubcf("inspect", "track", "21", cwd=built.folder)
    assert (
        done.stderr
        == "ubcf: error: no track '21' in this database; nearest: 20 (Ann - Up), 30, 10\n"
    )
    with ubcf.connect(built.database) as connection:
        with pytest.raises(NotFoundError, match="nearest: "):
            ubcf.inspect_user(connection, 10**12)
        with pytest.raises(OptionError, match="needs the variable 'user'"):
            ubcf.query(connection, "similar_users")
        assert connection.execute("select count(*) from users").fetchall() == [(3,)]


def test_a_track_is_found_by_artist_or_title_too(rows: Rows) -> None:
    assert rows("find_track", text="unheard", k=1) == [(50, "Cy", "Unheard", 0, 0)]
    assert rows("find_track", text="ann - u", k=1) == [(20, "Ann", "Up", 3, 2)]
    assert rows("find_track", text="40", k=1) == [(40, "Bo", "So", 2, 2)]
    assert [row[0] for row in rows("find_user", text="2")] == [2, 1, 3]


def test_an_analysis_keeps_its_rows_when_variables_change(built: Built) -> None:
    with ubcf.connect(built.database) as connection:
        of_one = ubcf.query(connection, "user_history", user=1)
        of_two = ubcf.query(connection, "user_history", user=2)
        assert (len(of_one.fetchall()), len(of_two.fetchall())) == (2, 4)
        # The next call does not see a value of this one.
        ubcf.query(connection, "user_history", user=2, k=1)
        assert len(ubcf.query(connection, "user_history", user=2).fetchall()) == 4
        with pytest.raises(duckdb.Error):
            connection.execute("execute analysis")
