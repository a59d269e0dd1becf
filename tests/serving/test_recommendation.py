"""A person who came after the build gets the recommendations of a build that includes them."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ubcf
from tests.support.builds import Built, build_folder, build_sample
from tests.support.commands import call_ubcf
from tests.support.logs import log_line, write_log
from tests.support.paths import REAL_LOGS
from ubcf.database.reading import define_macros
from ubcf.errors import InputError, OptionError
from ubcf.serving.history import read_history
from ubcf.serving.recommendation import fold_in

# Users of the real logs that are removed and folded back in; 200 take a minute and a half.
FOLDED = int(os.environ.get("UBCF_TEST_FOLDED", "20"))

# The sixth user is the person who comes later. Nobody else has heard track 60.
EVENTS = [
    (1, 10, 1.0), (1, 20, 0.0), (1, 30, 0.6), (2, 10, 0.9), (2, 30, 0.1), (2, 40, 0.8),
    (3, 20, 0.4), (3, 30, 0.8), (3, 10, 0.3), (4, 40, 0.7), (4, 40, 0.2), (4, 20, 0.9),
    (5, 50, 0.5), (5, 10, 0.6),
]  # fmt: skip
PERSON = [(10, 1.0), (40, 0.3), (40, 0.7), (60, 0.2)]

MODELS: list[dict[str, Any]] = [
    {},
    {"preset": "similar"},
    {"offset": 0.25, "own_liking": 1.0},
    {"neighbors": 2, "shrinkage": 1.0, "min_common": 1},
    {"similarity": "overlap", "min_similarity": 0.1},
    {"centering": "none"},
    {"preset": "taste"},
    {"similarity": "ridge", "ridge": 0.5, "own_liking": 0.1, "exclude_heard": True},
    {"exclude_heard": True},
    {"only_positive": True},
    {"tracks": "10\n20\n40\n"},
    {"not_tracks": "10\n50\n", "exclude_heard": True},
]


def files_of_tracks(options: dict[str, Any], folder: Path) -> dict[str, Path]:
    """Writes the texts of files of tracks among the options; returns the files."""
    files = {}
    for name in {"tracks", "not_tracks"} & set(options):
        files[name] = folder / f"{name}.txt"
        files[name].write_text(options[name])
    return files


def scores_of(rows: list[Any]) -> dict[Any, float]:
    return {track: score for _, track, score, *_ in rows}


@pytest.mark.parametrize("options", MODELS)
def test_fold_in_gives_what_a_build_with_the_person_gives(
    options: dict[str, Any], tmp_path: Path
) -> None:
    options = {**options, **files_of_tracks(options, tmp_path)}
    write_log(tmp_path / "without" / "logs" / "data.json", EVENTS)
    without = build_folder(tmp_path / "without", **options)
    everybody = [*EVENTS, *((6, track, heard) for track, heard in PERSON)]
    write_log(tmp_path / "with" / "logs" / "data.json", everybody)
    rebuilt = build_folder(tmp_path / "with", **options)
    expected = rebuilt.rows(
        'select rank, track, score, heard, source from recommendations where "user" = 6'
        " order by rank"
    )
    with ubcf.connect(without.database) as connection:
        found = ubcf.recommend(connection, PERSON).fetchall()
        similar = fold_in(connection, PERSON)["similar_users"].fetchall()
    assert scores_of(found) == pytest.approx(scores_of(expected), abs=1e-12)
    assert [row[2] for row in found] == pytest.approx([row[2] for row in expected], abs=1e-12)
    assert {row[1]: row[3:5] for row in found} == {row[1]: row[3:5] for row in expected}
    neighbors = rebuilt.rows(
        'select rank, neighbor, similarity, common_tracks from neighbors where "user" = 6'
        " order by rank"
    )
    assert [row[:2] for row in similar] == [row[:2] for row in neighbors]
    assert [row[2] for row in similar] == pytest.approx([row[2] for row in neighbors], abs=1e-12)
    assert [row[3] for row in similar] == [row[3] for row in neighbors]


def test_a_baseline_keeps_the_biases_of_the_tracks(tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "data.json", EVENTS)
    built = build_folder(tmp_path, centering="baseline")
    mean = sum(heard for _, _, heard in EVENTS) / len(EVENTS)
    biases = dict(built.rows("select track, bias from tracks"))
    plays = [(track, heard, biases.get(track, 0.0)) for track, heard in PERSON]
    own = sum(heard - mean - bias for _, heard, bias in plays) / (15 + len(plays))
    centered: dict[int, float] = {}
    for track in {10, 40, 60}:
        times = [heard for each, heard, _ in plays if each == track]
        centered[track] = sum(times) / len(times) - mean - own - biases.get(track, 0.0)
    others: dict[int, dict[int, float]] = {}
    for user, track, value in built.rows('select "user", track, centered_time from interactions'):
        others.setdefault(user, {})[track] = value
    length = sum(value**2 for value in centered.values()) ** 0.5
    expected: dict[int, float] = {}
    for times_of in others.values():
        product = sum(value * times_of.get(track, 0.0) for track, value in centered.items())
        weight = product / length / sum(value**2 for value in times_of.values()) ** 0.5
        for track, value in times_of.items():
            expected[track] = expected.get(track, 0.0) + weight * value
    with ubcf.connect(built.database) as connection:
        found = scores_of(ubcf.recommend(connection, PERSON).fetchall())
    assert found == pytest.approx({**expected, 60: 0.0}, abs=1e-12)


@pytest.mark.slow
@pytest.mark.skipif(not REAL_LOGS.is_dir(), reason="there are no real logs")
@pytest.mark.parametrize("preset", ["notebook", "similar"])
def test_users_of_the_real_logs_folded_back_in_have_their_scores(
    preset: str, tmp_path: Path
) -> None:
    database = tmp_path / "ubcf.duckdb"
    ubcf.build(
        REAL_LOGS / "userbased-2025",
        database=database,
        output=tmp_path / "lists.json",
        preset=preset,
    )
    with ubcf.connect(database) as whole:
        users = [row[0] for row in whole.execute('from users select "user" order by 1').fetchall()]
        for user in random.Random(1).sample(users, FOLDED):
            plays = whole.execute(
                f'select track, time from events where "user" = {user}'
            ).fetchall()
            expected = whole.execute(
                f'select rank, track, score from recommendations where "user" = {user} order by 1'
            ).fetchall()
            with without_user(database, user) as others:
                found = ubcf.recommend(others, plays).fetchall()
            assert [row[2] for row in found] == pytest.approx(
                [row[2] for row in expected], abs=1e-12
            )
            both = scores_of(found)
            assert {track: both[track] for _, track, score in expected if score > 1e-9} == (
                pytest.approx({t: score for _, t, score in expected if score > 1e-9}, abs=1e-12)
            )


def without_user(database: Path, user: int) -> duckdb.DuckDBPyConnection:
    """A copy of a database in memory, without one user."""
    connection = duckdb.connect()
    connection.execute(f"attach '{database}' as whole (read_only)")
    for table in ("users", "interactions"):
        connection.execute(f'create table {table} as from whole.{table} where "user" <> {user}')
    for table in ("tracks", "build"):
        connection.execute(f"create view {table} as from whole.{table}")
    define_macros(connection)
    return connection


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build_sample(tmp_path_factory.mktemp("sample"), own_liking=0.5)


def test_the_contributions_of_an_explanation_sum_to_the_scores(sample: Built) -> None:
    with ubcf.connect(sample.database) as connection:
        parts = fold_in(connection, {526: 1.0, 1406: 0.2, 7: 0.4}, 10, explain=True)
        explained = parts["explanation"].fetchall()
        scores = [row[2] for row in parts["recommendations"].fetchall()]
    assert len(scores) == 10
    for rank, score in enumerate(scores, start=1):
        rows = [row for row in explained if row[0] == rank]
        assert len(rows) == min(rows[0][4], 5)
        if rows[0][4] <= 5:
            assert sum(row[9] for row in rows) == pytest.approx(score, abs=1e-12)
        assert all(row[7] * row[8] == pytest.approx(row[9], abs=1e-15) for row in rows)
        sizes = [abs(row[9]) for row in rows]
        assert sizes == sorted(sizes, reverse=True)
    own = [row for row in explained if row[6] is None]
    assert {row[7] for row in own} == {0.5}


def test_a_history_is_an_object_of_times_or_log_lines_of_one_person(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    path.write_text('{"526": 1.0,\n "1406": 0}', encoding="utf-8")
    assert read_history(path) == [("526", 1.0), ("1406", 0.0)]
    path.write_text(f"{log_line(5, 526, 1.0)}\n\n{log_line(5, 526, 0.5)}\n", encoding="utf-8")
    assert read_history(path) == [("526", 1.0), ("526", 0.5)]
    # U+2028 ends a line for str.splitlines, but not in JSON lines.
    shown = json.dumps({"message": "a\u2028b", "track": 526, "time": 0.5}, ensure_ascii=False)
    path.write_text(f"{shown}\n{shown}\n", encoding="utf-8")
    assert read_history(path) == [("526", 0.5), ("526", 0.5)]
    path.write_text(log_line(5, 526, 1.0), encoding="utf-8")
    assert read_history(path) == [("526", 1.0)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the history has no track in it"),
        ("{}", "the history has no track in it"),
        ("[1, 2]", "line 1: neither a JSON object of time by track nor a log line"),
        ('{"5": 2}', "track 5: time is 2; it must be a number from 0 to 1"),
        ('{"5": "x"}', "track 5: time is 'x'"),
        ('{"5": true}', "track 5: time is True"),
        ('{"5": NaN}', "track 5: time is nan"),
        (f"{log_line(1, 2, 0.5)}\n{log_line(2, 2, 0.5)}\n", "the log lines are of 2 users"),
        (f"{log_line(1, 2, 0.5)}\ngarbage\n", "line 2: neither"),
        ('{"5": 1.0, "6": 0.5, "5": 0.1}', "history.json: 5 is there twice"),
        ("[" * 100_000, "line 1: neither"),
        ('{"user": [1], "track": 5, "time": 0.5}', "line 1: neither"),
        ('{"track": null, "time": 0.5}', "track is None; it must be the id of a track"),
    ],
)
def test_what_is_not_a_history_is_refused(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        read_history(path)
    assert words in str(refused.value)


def test_an_empty_history_and_a_top_of_0_are_refused(sample: Built) -> None:
    with ubcf.connect(sample.database) as connection:
        with pytest.raises(InputError):
            ubcf.recommend(connection, {})
        with pytest.raises(OptionError):
            ubcf.recommend(connection, {1: 0.5}, top=0)


def test_the_command_recommends_from_a_file_and_from_stdin(sample: Built, tmp_path: Path) -> None:
    (tmp_path / "history.json").write_text('{"526": 1.0, "1406": 0.2}', encoding="utf-8")
    ran = call_ubcf(
        "recommend", "--history", "history.json", "-d", sample.database, "-n", 3, "--explain",
        "--format", "json", cwd=tmp_path,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    parts = json.loads(ran.stdout)
    assert list(parts) == ["recommendations", "similar_users", "explanation"]
    assert [row["rank"] for row in parts["recommendations"]] == [1, 2, 3]
    assert parts["recommendations"][0]["track"] == 526
    piped = call_ubcf(
        "recommend", "--history", "-", "-d", sample.database, "-n", 3, "--format", "json",
        cwd=tmp_path, input='{"526": 1.0, "1406": 0.2}',
    )  # fmt: skip
    assert json.loads(piped.stdout)["recommendations"] == parts["recommendations"]
    wrong = call_ubcf("recommend", "--history", "no.json", "-d", sample.database, cwd=tmp_path)
    assert wrong.returncode == 1
    assert wrong.stderr == "ubcf: error: no.json: cannot be read: No such file or directory\n"
    garbage = call_ubcf(
        "recommend", "--history", "-", "-d", sample.database, cwd=tmp_path, input="garbage\n"
    )
    assert garbage.returncode == 1
    assert garbage.stderr.startswith("ubcf: error: stdin, line 1: neither")


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        ({"99": 1.0, "98": 0.0}, "none of the tracks heard is in the logs"),
        (
            {"1": 0.5},
            "every play, or the only one, is of the mean time, which counts as 0: no taste shows",
        ),
        ({"1": 1.0, "2": 0.0}, None),
    ],
)
def test_a_list_of_popular_tracks_is_said_to_be_one_and_why(
    history: dict[str, float], reason: str | None, tmp_path: Path
) -> None:
    events = [(1, 1, 1.0), (1, 2, 0.0), (2, 1, 1.0), (2, 3, 0.0)]
    write_log(tmp_path / "logs" / "data.json", events)
    built = build_folder(tmp_path)
    done = call_ubcf("recommend", "--history", "-", cwd=built.folder, input=json.dumps(history))
    assert done.returncode == 0
    note = f"ubcf: note: these are the popular tracks: {reason}\n"
    assert done.stderr == ("" if reason is None else note)
