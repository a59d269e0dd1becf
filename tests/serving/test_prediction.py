"""Predicted times of pairs: from a file, a pipe or Python."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import ubcf
from tests.support.builds import Built, build_folder
from tests.support.commands import call_ubcf
from tests.support.logs import write_log
from tests.support.overlays import EVENTS_OF_TEXTS, overlay
from ubcf.errors import InputError

# Five users; the pairs below have a user 9 and a track 77 too.
EVENTS = [
    (1, 10, 1.0), (1, 20, 0.0), (1, 30, 0.6), (2, 10, 0.9), (2, 30, 0.1), (2, 40, 0.8),
    (3, 20, 0.4), (3, 30, 0.8), (3, 10, 0.3), (4, 40, 0.7), (4, 40, 0.2), (4, 20, 0.9),
    (5, 50, 0.5), (5, 10, 0.6),
]  # fmt: skip


PAIRS = "user,track\n3,40\n1,10\n9,10\n1,77\n9,77\n4,30\n"


@pytest.mark.parametrize("centering", ["user", "baseline", "none"])
def test_a_predicted_time_is_the_center_plus_the_deviation_of_the_neighbors(
    centering: str, tmp_path: Path
) -> None:
    write_log(tmp_path / "logs" / "data.json", EVENTS)
    built = build_folder(tmp_path, centering=centering, predict=True)
    stored = {
        (user, track): (predicted_time, support)
        for user, track, predicted_time, support in built.rows(
            'select "user", track, predicted_time, support from recommendations'
        )
    }
    mean = sum(heard for _, _, heard in EVENTS) / len(EVENTS)
    means = dict(built.rows('select "user", mean_time from users'))
    user_bias = dict(built.rows('select "user", coalesce(bias, 0) from users'))
    track_bias = dict(built.rows("select track, coalesce(bias, 0) from tracks"))
    (tmp_path / "pairs.csv").write_text(PAIRS, encoding="utf-8")
    with ubcf.connect(built.database) as connection:
        found = ubcf.predict(connection, tmp_path / "pairs.csv").fetchall()
    assert [row[:2] for row in found] == [(3, 40), (1, 10), (9, 10), (1, 77), (9, 77), (4, 30)]
    for row in (found[0], found[1], found[5]):
        assert row[2:] == pytest.approx(stored[row[:2]], abs=1e-12)
    assert stored[3, 40][1] == 2  # users 2 and 4
    of_unknown_pairs = {
        "user": [mean, means[1], mean],
        "baseline": [mean + track_bias[10], mean + user_bias[1], mean],
        "none": [mean, 0.0, mean],
    }[centering]
    assert [row[2] for row in found[2:5]] == pytest.approx(of_unknown_pairs, abs=1e-12)
    assert [row[3] for row in found[2:5]] == [0, 0, 0]


def test_a_predicted_time_by_hand(tmp_path: Path) -> None:
    # User 1 (mean 0.5) and user 2 (mean 0.5) are equal on tracks 10 and 20: h is 0.5 and -0.5 for
    # user 1; user 2 has 0.4, -0.5 and 0.1 on track 30.
    events = [(1, 10, 1.0), (1, 20, 0.0), (2, 10, 0.9), (2, 20, 0.0), (2, 30, 0.6)]
    write_log(tmp_path / "logs" / "data.json", events)
    built = build_folder(tmp_path, predict=True)
    weight = (0.5 * 0.4 + 0.5 * 0.5) / (0.5**0.5 * (0.16 + 0.25 + 0.01) ** 0.5)
    ((predicted_time, support),) = built.rows(
        'select predicted_time, support from recommendations where "user" = 1 and track = 30'
    )
    assert predicted_time == pytest.approx(0.5 + weight * 0.1 / (weight + 0.1), abs=1e-12)
    assert support == 1


def test_the_command_predicts_in_the_order_given_from_csv_and_json(
    sample: Built, tmp_path: Path
) -> None:
    (tmp_path / "pairs.csv").write_text("user,track\n7,526\n0,1406\n7,99999\n", encoding="utf-8")
    by_csv = call_ubcf("predict", "pairs.csv", "-d", sample.database, cwd=tmp_path)
    assert by_csv.returncode == 0, by_csv.stderr
    lines = by_csv.stdout.splitlines()
    assert lines[0] == "user,track,predicted_time,support"
    assert [line.split(",")[:2] for line in lines[1:]] == [
        ["7", "526"],
        ["0", "1406"],
        ["7", "99999"],
    ]
    by_json = call_ubcf(
        "predict", "-", "-d", sample.database, "--format", "jsonl", cwd=tmp_path,
        input='{"user": 7, "track": 526}\n{"track": 1406, "user": 0}\n'
        '{"user": 7, "track": 99999}\n',
    )  # fmt: skip
    rows = [json.loads(line) for line in by_json.stdout.splitlines()]
    assert [",".join(map(str, row.values())) for row in rows] == lines[1:]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffuser,track\r\n7,526\r\n\r\n0,1406\r\n",
        'Track;"x"; User \n526;"a;b";7\n1406;"two\nlines";0\n',
        "\n \nuser\ttrack\n7\t526\n   \n0\t 1406",
    ],
)
def test_pairs_may_come_in_any_csv(text: str, sample: Built, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_bytes(text.encode())
    ran = call_ubcf("predict", "pairs.csv", "-d", sample.database, cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [line.split(",")[:2] for line in ran.stdout.splitlines()] == [
        ["user", "track"], ["7", "526"], ["0", "1406"]
    ]  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("text", ["user,track\n7,526\n", '{"user": 7, "track": 526}\n'])
def test_pairs_may_come_through_a_pipe(text: str, sample: Built, tmp_path: Path) -> None:
    pipe = tmp_path / "pairs"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(text,))
    writer.start()
    ran = call_ubcf("predict", pipe, "-d", sample.database, cwd=tmp_path)
    writer.join()
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [line.split(",")[:2] for line in ran.stdout.splitlines()[1:]] == [["7", "526"]]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_the_function_refuses_a_pipe(sample: Built, tmp_path: Path) -> None:
    pipe = tmp_path / "pairs"
    os.mkfifo(pipe)
    with ubcf.connect(sample.database) as connection, pytest.raises(InputError, match="on disk"):
        ubcf.predict(connection, pipe)


def test_pairs_that_the_logs_do_not_know_are_kept_as_written_and_counted_in_a_warning(
    sample: Built, tmp_path: Path
) -> None:
    text = "user,track\n07,526\n7,1.5\n7,526\n99999999999999999999,abc\n"
    (tmp_path / "pairs.csv").write_text(text, encoding="utf-8")
    ran = call_ubcf("predict", "pairs.csv", "-d", sample.database, cwd=tmp_path)
    assert ran.returncode == 0
    assert [line.split(",")[:2] for line in ran.stdout.splitlines()[1:]] == [
        ["07", "526"], ["7", "1.5"], ["7", "526"], ["99999999999999999999", "abc"]
    ]  # fmt: skip
    assert ran.stderr == (
        "ubcf: warning: 3 of 4 pairs have a user or a track that the logs do not know\n"
    )


def test_text_ids_are_taken_as_written(tmp_path: Path) -> None:
    overlay(tmp_path / "sql", "staging/events.sql", EVENTS_OF_TEXTS)
    (tmp_path / "logs.csv").write_text(
        "7|a,b|0.9\n7|c |0.1\n07|a,b|0.8\n07|c |0.2\n07|é|0.6\n", encoding="utf-8"
    )
    database = tmp_path / "u.duckdb"
    ubcf.build(
        tmp_path / "logs.csv", templates=tmp_path / "sql", database=database,
        output=tmp_path / "u.json",
    )  # fmt: skip
    (tmp_path / "pairs.csv").write_text(
        'user,track\n7,é\n 7,é\n07,"a,b"\n07,c \n07,c\n', encoding="utf-8"
    )
    with ubcf.connect(database) as connection:
        found = ubcf.predict(connection, tmp_path / "pairs.csv").fetchall()
        assert [row[:2] for row in found] == [
            ("7", "é"), (" 7", "é"), ("07", "a,b"), ("07", "c "), ("07", "c")
        ]  # fmt: skip
        assert [row[3] for row in found] == [1, 0, 1, 1, 0]
        same = ubcf.recommend(connection, {"a,b": 0.9, "c ": 0.1}).fetchall()
        other = ubcf.recommend(connection, {"a,b": 0.9, "c": 0.1}).fetchall()
    heard = {track for _, track, _, heard, *_ in same if heard}
    assert heard == {"a,b", "c "}
    assert {track for _, track, _, heard, *_ in other if heard} >= {"a,b"}
    assert ("c ", True) not in {(track, heard) for _, track, _, heard, *_ in other}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "pairs.csv: empty, no pair in it"),
        (
            "a,b\n1,2\n",
            "pairs.csv, line 1: the columns user and track have to be named; there is a",
        ),
        ("1,2\n", "the columns user and track have to be named; there is 1, 2\n"),
        ('"",""\n', "the columns user and track have to be named; there is nothing\n"),
        ("user,track,user\n1,2,3\n", "have to be named; there is user, track, user\n"),
        ("user,track\n1,2,3\n", "line 2: 3 values, but the first line names 2 columns"),
        ("user,track\n1\n", "line 2: 1 values, but the first line names 2 columns"),
        ('user,track\n1,2\n"3,4\n5,6\n', "line 4: unexpected end of data"),
        ("user,track\n1,\n", "pairs.csv, pair 1: track is missing"),
        ('{"user": 1}\n', "pairs.csv, pair 1: track is missing"),
        ('{"user": 1, "track"\n', "pairs.csv, line 1: no pair of user and track"),
    ],
)
def test_what_is_not_a_list_of_pairs_is_refused(
    text: str, words: str, sample: Built, tmp_path: Path
) -> None:
    (tmp_path / "pairs.csv").write_text(text, encoding="utf-8")
    ran = call_ubcf("predict", "pairs.csv", "-d", sample.database, cwd=tmp_path)
    assert ran.returncode == 1
    assert words in ran.stderr
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize("bad", [1, 2, 3])
def test_a_line_of_pairs_that_is_not_json_has_its_number(
    build_from: Callable[..., Built], tmp_path: Path, bad: int
) -> None:
    build_from([(1, 2, 0.5), (2, 2, 1.0)])
    lines = ['{"user": 1, "track": 2}'] * 4
    lines[bad - 1] = '{"user": 1, not json'
    (tmp_path / "pairs.jsonl").write_text("\n".join(lines))
    done = call_ubcf("predict", "pairs.jsonl", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"ubcf: error: pairs.jsonl, line {bad}: ")
