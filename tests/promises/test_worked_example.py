"""Three users, four tracks, eight events: every number of a build, worked out by hand.

Listening times (user 2 played track 20 twice):

    user   track 10   track 20   track 30   track 40   mean time
    1                 0.2                   0.4        (0.2 + 0.4) / 2 = 0.3
    2      0.2        0.8, 1.0   0.0                   (0.2 + 0.8 + 1.0 + 0.0) / 4 = 0.5
    3                            0.4        0.8        (0.4 + 0.8) / 2 = 0.6
    total  0.2        2.0        0.4        1.2        so by popularity: 20, 40, 30, 10

Centered times: the mean time on the track less the mean time of the user, such as
(0.8 + 1.0) / 2 - 0.5 = 0.4 for user 2 and track 20. The norm is the length of the row:

    user   track 10   track 20   track 30   track 40   norm
    1                 -0.1                   0.1       sqrt(0.01 + 0.01) = sqrt(0.02)
    2      -0.3        0.4       -0.5                  sqrt(0.09 + 0.16 + 0.25) = sqrt(0.50)
    3                            -0.2        0.2       sqrt(0.04 + 0.04) = sqrt(0.08)

7 of 3 x 4 centered times are not 0: density 7 / 12.

Similarities: products over the common tracks, divided by both norms:

    1 and 2   track 20   -0.1 *  0.4 = -0.04   / sqrt(0.02 * 0.50) = / 0.10   -0.4
    1 and 3   track 40    0.1 *  0.2 =  0.02   / sqrt(0.02 * 0.08) = / 0.04    0.5
    2 and 3   track 30   -0.5 * -0.2 =  0.10   / sqrt(0.50 * 0.08) = / 0.20    0.5

Scores: the centered times of the others, each times its similarity:

    user 1   track 10   -0.4 * -0.3               =  0.12
             track 20   -0.4 *  0.4               = -0.16
             track 30   -0.4 * -0.5 + 0.5 * -0.2  =  0.10
             track 40                 0.5 *  0.2  =  0.10
    user 2   track 10   nobody else heard it      =  0
             track 20   -0.4 * -0.1               =  0.04
             track 30                 0.5 * -0.2  = -0.10
             track 40   -0.4 *  0.1 + 0.5 *  0.2  =  0.06
    user 3   track 10                 0.5 * -0.3  = -0.15
             track 20    0.5 * -0.1 + 0.5 *  0.4  =  0.15
             track 30                 0.5 * -0.5  = -0.25
             track 40    0.5 *  0.1               =  0.05

User 1 gets 10, then 40 before 30, which has the same score but is less popular, and 20 at the end.
User 2 gets 40, 20, 10 and 30; user 3 gets 20, 40, 10 and 30. The 7 scores
above 0 are from neighbors; track 10 fills the list of user 2, and the 4 below 0 are the tails.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.support.builds import Built, build_folder
from tests.support.logs import log_line, write_log

# message, timestamp, user, track, time, recommendation
EVENTS = [
    ("next", 1_700_000_000_000, 1, 20, 0.2, 40),
    ("next", 1_700_000_001_000, 2, 20, 0.8, 10),
    ("last", 1_700_000_002_000, 1, 40, 0.4, None),
    ("next", 1_700_000_003_000, 2, 10, 0.2, 20),
    ("next", 1_700_000_004_000, 3, 30, 0.4, 40),
    ("next", 1_700_000_005_000, 2, 20, 1.0, 30),
    ("last", 1_700_000_006_000, 3, 40, 0.8, None),
    ("last", 1_700_000_007_000, 2, 30, 0.0, None),
]
LINES = [
    log_line(user, track, time, message=message, timestamp=timestamp, recommendation=recommendation)
    for message, timestamp, user, track, time, recommendation in EVENTS
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("worked_example")
    write_log(folder / "logs" / "botify-recommender-1" / "data.json", LINES)
    return build_folder(folder)


Rows = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def rows(built: Built) -> Rows:
    """The rows of a query, floating-point numbers rounded to 12 decimals."""
    return lambda query: [
        tuple(round(value, 12) if isinstance(value, float) else value for value in row)
        for row in built.rows(query)
    ]


def test_the_lines_look_like_this() -> None:
    assert LINES[0] == (
        '{"message": "next", "timestamp": 1700000000000, "user": 1, "track": 20, "time": 0.2, '
        '"latency": 0.001, "recommendation": 40, "experiments": {}}'
    )


def test_events(rows: Rows) -> None:
    def second(number: int) -> datetime:
        return datetime(2023, 11, 14, 22, 13, number)

    assert rows("select * exclude (file) from events") == [
        ("next", second(20), 1, 20, 0.2, 0.001, 40, {}),
        ("next", second(21), 2, 20, 0.8, 0.001, 10, {}),
        ("last", second(22), 1, 40, 0.4, 0.001, None, {}),
        ("next", second(23), 2, 10, 0.2, 0.001, 20, {}),
        ("next", second(24), 3, 30, 0.4, 0.001, 40, {}),
        ("next", second(25), 2, 20, 1.0, 0.001, 30, {}),
        ("last", second(26), 3, 40, 0.8, 0.001, None, {}),
        ("last", second(27), 2, 30, 0.0, 0.001, None, {}),
    ]
    assert rows("from rejected_lines") == []


def test_tracks(rows: Rows) -> None:
    assert rows(
        "select popularity_rank, track, plays, listeners, total_time, in_catalog from tracks"
        " order by popularity_rank"
    ) == [
        (1, 20, 3, 2, 2.0, False),
        (2, 40, 2, 2, 1.2, False),
        (3, 30, 2, 2, 0.4, False),
        (4, 10, 1, 1, 0.2, False),
    ]


def test_users(rows: Rows) -> None:
    assert rows(
        'select "user", events, tracks, mean_time, norm * norm, positive_neighbors,'
        ' negative_neighbors, positive_scores from users order by "user"'
    ) == [
        (1, 2, 2, 0.3, 0.02, 1, 1, 3),
        (2, 4, 3, 0.5, 0.5, 1, 1, 2),
        (3, 2, 2, 0.6, 0.08, 2, 0, 2),
    ]


def test_interactions(rows: Rows) -> None:
    assert rows(
        'select "user", track, plays, mean_time, centered_time from interactions'
        ' order by "user", track'
    ) == [
        (1, 20, 1, 0.2, -0.1),
        (1, 40, 1, 0.4, 0.1),
        (2, 10, 1, 0.2, -0.3),
        (2, 20, 2, 0.9, 0.4),
        (2, 30, 1, 0.0, -0.5),
        (3, 30, 1, 0.4, -0.2),
        (3, 40, 1, 0.8, 0.2),
    ]


def test_neighbors(rows: Rows) -> None:
    # Users 1 and 2 are opposed (-0.4), so neither is the other's neighbor.
    assert rows(
        'select "user", rank, neighbor, similarity, common_tracks from neighbors'
        ' order by "user", rank'
    ) == [
        (1, 1, 3, 0.5, 1),
        (2, 1, 3, 0.5, 1),
        (3, 1, 1, 0.5, 1),
        (3, 2, 2, 0.5, 1),
    ]


def test_recommendations(rows: Rows) -> None:
    assert rows(
        'select "user", rank, track, score, heard, source from recommendations'
        ' order by "user", rank'
    ) == [
        (1, 1, 10, 0.12, False, "neighbors"),
        (1, 2, 40, 0.1, True, "neighbors"),
        (1, 3, 30, 0.1, False, "neighbors"),
        (1, 4, 20, -0.16, True, "tail"),
        (2, 1, 40, 0.06, False, "neighbors"),
        (2, 2, 20, 0.04, True, "neighbors"),
        (2, 3, 10, 0.0, True, "popularity"),
        (2, 4, 30, -0.1, True, "tail"),
        (3, 1, 20, 0.15, False, "neighbors"),
        (3, 2, 40, 0.05, True, "neighbors"),
        (3, 3, 10, -0.15, False, "tail"),
        (3, 4, 30, -0.25, True, "tail"),
    ]


def test_json(built: Built) -> None:
    assert built.output.read_text(encoding="utf-8") == (
        '{"user": 1, "tracks": [10, 40, 30, 20]}\n'
        '{"user": 2, "tracks": [40, 20, 10, 30]}\n'
        '{"user": 3, "tracks": [20, 40, 10, 30]}\n'
    )


def test_build(built: Built, rows: Rows) -> None:
    assert built.rows(
        "select lines, accepted, rejected, duplicate_lines, users, tracks, interactions,"
        " recommendations, users_without_positive_score, tracks_without_catalog_entry from build"
    ) == [(8, 8, 0, 0, 3, 4, 7, 12, 0, 4)]
    ((density, positive, negative),) = rows(
        "select density, mean_positive_neighbors, mean_negative_neighbors from build"
    )
    # 7 of the 12 scores are above 0
    assert rows("select share_from_neighbors, share_from_neighbors_to_10 from build") == [
        (round(7 / 12, 12), round(7 / 12, 12))
    ]
    assert math.isclose(density, 7 / 12, abs_tol=1e-12)
    assert math.isclose(positive, 4 / 3, abs_tol=1e-12)  # 1, 1 and 2
    assert math.isclose(negative, 2 / 3, abs_tol=1e-12)  # 1, 1 and 0


def test_build_inputs(built: Built) -> None:
    log = built.folder / "logs" / "botify-recommender-1" / "data.json"
    size = sum(len(line) + 1 for line in LINES)
    assert built.rows("from build_inputs") == [
        (log.as_posix(), "JSON lines", size, 8, 8, 0, 0, None)
    ]
