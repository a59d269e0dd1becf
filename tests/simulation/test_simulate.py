"""What `ubcf simulate` promises about the logs that it writes."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ubcf.commands.simulate import simulate as simulate_command
from ubcf.errors import SimulationError
from ubcf.simulation import RECOMMENDERS
from ubcf.simulation.sessions import lay_out
from ubcf.simulation.simulate import simulate

FIELDS = {
    "message": str,
    "timestamp": int,
    "user": int,
    "track": int,
    "time": float,
    "latency": float,
    "recommendation": int,
    "experiments": dict,
}
SMALL: dict[str, Any] = {"users": 200, "tracks": 500, "events": 5_000, "replicas": 3, "seed": 1}


def lines_of(out: Path) -> dict[str, list[str]]:
    """The lines of each replica's log."""
    logs = sorted(out.glob("botify-recommender-*/data.json"))
    return {log.parent.name: log.read_text("ascii").splitlines() for log in logs}


def events_of(out: Path) -> list[dict[str, Any]]:
    """All events, in order of time."""
    events = [json.loads(line) for lines in lines_of(out).values() for line in lines]
    return sorted(events, key=lambda event: event["timestamp"])


def sessions_of(out: Path) -> list[list[dict[str, Any]]]:
    """The events of each user, cut after each `last`, with those after the final one."""
    finished, current = [], defaultdict(list)
    for event in events_of(out):
        current[event["user"]].append(event)
        if event["message"] == "last":
            finished.append(current.pop(event["user"]))
    return finished + list(current.values())


def content(out: Path) -> dict[str, bytes]:
    files = [path for path in out.rglob("*") if path.is_file()]
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("small")
    simulate(out, **SMALL)
    return out


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven slots, so that sessions cross from one to the next."""
    out = tmp_path_factory.mktemp("large")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ubcf.simulation.sessions.SLOT_EVENTS", 10_000)
        simulate(out, users=4_000, tracks=3_000, events=65_000, replicas=2, seed=2)
    return out


def test_same_seed_gives_the_same_bytes(small: Path, tmp_path: Path) -> None:
    simulate(tmp_path, **SMALL)
    assert content(tmp_path) == content(small)


def test_another_seed_gives_other_logs_and_another_catalog(small: Path, tmp_path: Path) -> None:
    simulate(tmp_path, **{**SMALL, "seed": 9})
    ours, theirs = content(tmp_path), content(small)
    assert ours.keys() == theirs.keys()
    assert all(ours[name] != theirs[name] for name in ours)


def test_the_catalog_does_not_depend_on_users_and_events(small: Path, tmp_path: Path) -> None:
    simulate(tmp_path, **{**SMALL, "users": 7, "events": 70})
    assert content(tmp_path)["tracks.json"] == content(small)["tracks.json"]


def test_every_line_is_as_the_service_writes_it(small: Path) -> None:
    for line in chain.from_iterable(lines_of(small).values()):
        event = json.loads(line)
        assert json.dumps(event) == line
        assert list(event) == list(FIELDS)
        last = event["message"] == "last"
        for field, kind in FIELDS.items():
            assert type(event[field]) is (
                type(None) if field == "recommendation" and last else kind
            )
        assert event["message"] in ("next", "last")
        assert 0 <= event["time"] <= 1
        assert event["time"] == round(event["time"], 2)
        assert 0 < event["latency"] < 1
        assert (event["latency"] * 2**22).is_integer()


@pytest.mark.parametrize("folder", ["small", "large"])
def test_sessions_start_with_a_whole_track_and_end_with_last(
    folder: str, request: pytest.FixtureRequest
) -> None:
    sessions = sessions_of(request.getfixturevalue(folder))
    assert all(session[0]["time"] == 1.0 for session in sessions)
    assert all(session[-1]["message"] == "last" for session in sessions)


@pytest.mark.parametrize("folder", ["small", "large"])
def test_the_next_track_is_the_recommended_one_and_comes_later(
    folder: str, request: pytest.FixtureRequest
) -> None:
    for session in sessions_of(request.getfixturevalue(folder)):
        for event, after in pairwise(session):
            assert event["recommendation"] == after["track"]
            assert event["timestamp"] < after["timestamp"]


@pytest.mark.parametrize("events", [1, 2, 50, 4_999])
def test_the_number_of_events_is_exact(events: int, tmp_path: Path) -> None:
    summary = simulate(tmp_path, **{**SMALL, "events": events})
    assert sum(len(lines) for lines in lines_of(tmp_path).values()) == events == summary.events
    assert all(session[-1]["message"] == "last" for session in sessions_of(tmp_path))


def test_timestamps_ascend_in_each_file_over_slots_too(large: Path) -> None:
    logs = lines_of(large)
    assert sum(len(lines) for lines in logs.values()) == 65_000
    for lines in logs.values():
        timestamps = [json.loads(line)["timestamp"] for line in lines]
        assert timestamps == sorted(timestamps)


def test_sessions_of_many_users_interleave_over_several_days(large: Path) -> None:
    events = events_of(large)
    days = {event["timestamp"] // 86_400_000 for event in events}
    assert 7 <= len(days) <= 8  # the last sessions may go on after midnight
    changes = sum(a["user"] != b["user"] for a, b in pairwise(events))
    assert changes > 0.5 * len(events)


def test_people_listen_in_the_evening_more_than_in_the_night(large: Path) -> None:
    hours = Counter(event["timestamp"] // 3_600_000 % 24 for event in events_of(large))
    assert sum(hours[hour] for hour in (18, 19, 20, 21)) > 5 * sum(hours[hour] for hour in range(4))


def test_a_session_begins_after_the_previous_one_of_the_user() -> None:
    free_at = np.array([100, 0], dtype=np.int64)
    users = np.array([1, 0, 1, 0, 1], dtype=np.int32)
    begins = np.array([50, 10, 20, 500, 55], dtype=np.int64)
    lasts = np.array([7, 30, 40, 5, 1], dtype=np.int64)
    # User 1: 20 to 60, then the one of 50 to 67, then that of 55. User 0 is busy until 100.
    assert lay_out(users, begins, lasts, free_at).tolist() == [60, 100, 20, 500, 67]
    assert free_at.tolist() == [505, 68]


def test_the_events_of_a_user_are_on_every_replica(small: Path) -> None:
    replicas_of = defaultdict(set)
    events: Counter[int] = Counter()
    for replica, lines in lines_of(small).items():
        for line in lines:
            user = json.loads(line)["user"]
            replicas_of[user].add(replica)
            events[user] += 1
    assert all(len(replicas_of[user]) == 3 for user, count in events.items() if count > 40)


def test_every_user_appears_and_some_are_much_more_active(small: Path) -> None:
    counts = Counter(event["user"] for event in events_of(small))
    assert sorted(counts) == list(range(200))
    assert max(counts.values()) > 10 * np.median(list(counts.values()))


def test_treatments_are_fixed_for_a_user_and_evenly_split(small: Path) -> None:
    experiments = defaultdict(set)
    for event in events_of(small):
        experiments[event["user"]].add(json.dumps(event["experiments"]))
    assert all(len(seen) == 1 for seen in experiments.values())
    assert Counter(seen.pop() for seen in experiments.values()) == {
        '{"TASTE_SHARE": "C", "AA_CHECK": "C"}': 50,
        '{"TASTE_SHARE": "C", "AA_CHECK": "T1"}': 50,
        '{"TASTE_SHARE": "T1", "AA_CHECK": "C"}': 50,
        '{"TASTE_SHARE": "T1", "AA_CHECK": "T1"}': 50,
    }


def means(sessions: list[list[dict[str, Any]]], experiment: str) -> dict[str, tuple[float, float]]:
    """Treatment -> mean time after the first track, mean events of a session."""
    times: dict[str, list[float]] = defaultdict(list)
    lengths: dict[str, list[int]] = defaultdict(list)
    for session in sessions:
        treatment = session[0]["experiments"][experiment]
        times[treatment] += [event["time"] for event in session[1:]]
        lengths[treatment].append(len(session))
    return {name: (float(np.mean(times[name])), float(np.mean(lengths[name]))) for name in times}


def test_in_taste_share_t1_really_is_better_than_c(large: Path) -> None:
    result = means(sessions_of(large), "TASTE_SHARE")
    assert result["T1"][0] > 1.2 * result["C"][0]
    assert result["T1"][1] > 1.05 * result["C"][1]


def test_in_aa_check_treatments_do_not_differ(large: Path) -> None:
    result = means(sessions_of(large), "AA_CHECK")
    assert result["T1"] == pytest.approx(result["C"], rel=0.03)


def test_users_listen_longer_to_their_genres(large: Path) -> None:
    catalog = [json.loads(line) for line in (large / "tracks.json").read_text().splitlines()]
    sessions = sessions_of(large)
    genre_of = [track["genre"] for track in catalog]
    # A session starts with a track that the user chose, which shows the user's taste.
    chosen = defaultdict(set)
    for session in sessions:
        chosen[session[0]["user"]].add(genre_of[session[0]["track"]])
    liked: list[float] = []
    other: list[float] = []
    for event in (event for session in sessions for event in session[1:]):
        suits = genre_of[event["track"]] in chosen[event["user"]]
        (liked if suits else other).append(event["time"])
    assert np.mean(liked) > 2 * np.mean(other)


def test_few_tracks_get_most_plays(large: Path) -> None:
    plays = sorted(Counter(event["track"] for event in events_of(large)).values(), reverse=True)
    assert sum(plays[:300]) > 0.4 * sum(plays)  # a tenth of the tracks
    assert len(plays) > 0.9 * 3_000


def test_listeners_share_few_tracks_that_are_recommended_at_random(tmp_path: Path) -> None:
    shared = {}
    for recommender in RECOMMENDERS:
        out = tmp_path / recommender
        simulate(out, users=400, tracks=3_000, events=4_000, seed=4, recommender=recommender)
        listeners = Counter(
            track for _, track in {(event["user"], event["track"]) for event in events_of(out)}
        )
        shared[recommender] = sum(count * (count - 1) // 2 for count in listeners.values())
    assert 0 < 3 * shared["random"] < shared["chart"]


def test_the_catalog_has_every_track_once(small: Path) -> None:
    catalog = [json.loads(line) for line in (small / "tracks.json").read_text("ascii").splitlines()]
    kinds = {
        "track": int,
        "artist": str,
        "title": str,
        "genre": str,
        "album": str,
        "pop": int,
        "duration": int,
    }
    assert [track["track"] for track in catalog] == list(range(500))
    assert all({name: type(value) for name, value in t.items()} == kinds for t in catalog)
    genres = defaultdict(set)
    for track in catalog:
        genres[track["artist"]].add(track["genre"])
    assert all(len(of_artist) == 1 for of_artist in genres.values())


@pytest.mark.parametrize(
    ("users", "tracks", "events", "replicas"),
    [(1, 1, 1, 1), (1, 50, 500, 2), (50, 1, 500, 2), (1_000, 20, 30, 1), (2, 2, 3, 9)],
)
def test_few_users_few_tracks_and_few_events_work(
    users: int, tracks: int, events: int, replicas: int, tmp_path: Path
) -> None:
    simulate(tmp_path, users=users, tracks=tracks, events=events, replicas=replicas, seed=0)
    written = events_of(tmp_path)
    assert len(written) == events
    assert len(lines_of(tmp_path)) == replicas
    assert all(0 <= event["user"] < users and 0 <= event["track"] < tracks for event in written)
    assert all(session[0]["time"] == 1.0 for session in sessions_of(tmp_path))


def test_the_summary_reports_what_was_written(tmp_path: Path) -> None:
    done: list[int] = []
    summary = simulate(tmp_path, **SMALL, progress=done.append)
    assert (summary.users, summary.tracks, summary.events, summary.replicas) == (200, 500, 5000, 3)
    assert {str(file.relative_to(tmp_path)) for file in summary.files} == set(content(tmp_path))
    assert summary.bytes == sum(len(text) for text in content(tmp_path).values())
    assert sum(done) == 5_000


def test_a_folder_that_is_not_empty_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SimulationError, match="is not empty"):
        simulate(tmp_path, **SMALL)
    assert content(tmp_path) == {"notes.txt": b"mine"}


def test_force_writes_over_an_earlier_simulation(small: Path, tmp_path: Path) -> None:
    simulate(tmp_path, **{**SMALL, "seed": 9})
    simulate(tmp_path, **SMALL, force=True)
    assert content(tmp_path) == content(small)


def test_force_does_not_mix_with_logs_that_would_stay(tmp_path: Path) -> None:
    simulate(tmp_path, **SMALL)
    before = content(tmp_path)
    with pytest.raises(SimulationError, match=r"botify-recommender-3.data\.json would mix"):
        simulate(tmp_path, **{**SMALL, "replicas": 2}, force=True)
    assert content(tmp_path) == before


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(SimulationError, match="is not a folder"):
        simulate(tmp_path / "out", **SMALL)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"users": 0}, "0 users: at least 1"),
        ({"tracks": -1}, "-1 tracks: at least 1"),
        ({"events": 0}, "0 events: at least 1"),
        ({"replicas": 0}, "0 replicas: at least 1"),
        ({"users": 2**31}, "at most 2147483647"),
        ({"seed": -1}, "seed -1 is negative"),
        ({"recommender": "best"}, "no recommender 'best': chart or random"),
    ],
)
def test_impossible_arguments_are_named_and_nothing_is_made(
    argument: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(SimulationError, match=message):
        simulate(tmp_path / "out", **{**SMALL, **argument})
    assert not (tmp_path / "out").exists()


def test_the_command_prints_one_line_on_stdout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--users", "20", "--tracks", "50", "--events", "400", "--out", str(tmp_path)]
    simulate_command.main(arguments, standalone_mode=False)
    printed = capsys.readouterr()
    size = sum(len(text) for text in content(tmp_path).values())
    assert (
        printed.out == f"{tmp_path}: 400 events of 20 users on 50 tracks, 3 files, {size} bytes\n"
    )
    assert printed.err == ""


def test_the_quiet_command_prints_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulate_command.main(["--events", "9", "-q", "--out", str(tmp_path)], standalone_mode=False)
    assert capsys.readouterr() == ("", "")


def test_the_command_passes_errors_on(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SimulationError, match="is not empty"):
        simulate_command.main(["--out", str(tmp_path)], standalone_mode=False)
