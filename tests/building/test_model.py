"""Every number of a build is that of the definition: whole builds against a dense computation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support import reference
from tests.support.builds import Built
from tests.support.examples import examples
from tests.support.reference import Event
from ubcf.scoring.options import WAYS

Build = Callable[..., Built]
Rows = list[tuple[Any, ...]]


def assert_same_rows(actual: Rows, expected: Rows, tolerance: float) -> None:
    """Rows are equal, floating-point numbers within an absolute tolerance."""
    assert [_without_floats(row) for row in actual] == [_without_floats(row) for row in expected]
    assert [value for row in actual for value in row if isinstance(value, float)] == pytest.approx(
        [value for row in expected for value in row if isinstance(value, float)],
        rel=0,
        abs=tolerance,
    )


def _without_floats(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple("a float" if isinstance(value, float) else value for value in row)


def assert_is_the_model(
    built: Built,
    model: reference.Model,
    top: int = 100,
    exclude_heard: bool = False,
    only_positive: bool = False,
) -> None:
    """All the tables, the JSON and the summary of a build are those of the dense model."""
    heard = model.plays > 0
    positive = (model.similarity > 0).sum(axis=1)
    negative = (model.similarity < 0).sum(axis=1)
    columns = {track: column for column, track in enumerate(model.tracks)}
    by_popularity = sorted(range(len(model.tracks)), key=model.preference)
    lists = [
        model.recommendations(row, top, exclude_heard, only_positive)
        for row in range(len(model.users))
    ]

    assert_same_rows(
        built.rows(
            'select "user", events, tracks, mean_time, norm, positive_neighbors,'
            ' negative_neighbors from users order by "user"'
        ),
        [
            (
                user,
                int(model.plays[row].sum()),
                int(heard[row].sum()),
                float(model.mean_times[row]),
                float(np.sqrt((model.centered[row] ** 2).sum())),
                int(positive[row]),
                int(negative[row]),
            )
            for row, user in enumerate(model.users)
        ],
        tolerance=1e-12,
    )
    assert_same_rows(
        built.rows(
            'select "user", track, plays, mean_time, centered_time from interactions'
            ' order by "user", track'
        ),
        [
            (
                model.users[row],
                model.tracks[column],
                int(model.plays[row, column]),
                float(model.track_times[row, column]),
                float(model.centered[row, column]),
            )
            for row, column in np.argwhere(heard)
        ],
        tolerance=1e-12,
    )
    assert_same_rows(
        built.rows(
            "select track, plays, listeners, total_time, popularity_rank from tracks"
            " order by popularity_rank"
        ),
        [
            (
                model.tracks[column],
                int(model.plays[:, column].sum()),
                int(heard[:, column].sum()),
                float(model.total_times[column]),
                rank,
            )
            for rank, column in enumerate(by_popularity, start=1)
        ],
        tolerance=1e-12,
    )
    assert_same_rows(
        built.rows(
            'select "user", rank, neighbor, similarity, common_tracks from neighbors'
            ' order by "user", rank'
        ),
        [
            (user, rank, *neighbor)
            for row, user in enumerate(model.users)
            for rank, neighbor in enumerate(model.neighbors(row), start=1)
        ],
        tolerance=1e-9,
    )
    assert_same_rows(
        built.rows(
            'select "user", rank, track, score, heard from recommendations order by "user", rank'
        ),
        [
            (user, rank, track, score, bool(heard[row, columns[track]]))
            for row, user in enumerate(model.users)
            for rank, (track, score) in enumerate(lists[row], start=1)
        ],
        tolerance=1e-9,
    )

    assert list(built.lists().items()) == [
        (user, [track for track, _ in lists[row]])
        for row, user in enumerate(model.users)
        if lists[row]
    ]

    summary = built.summary
    assert (summary.users, summary.tracks, summary.interactions, summary.recommendations) == (
        len(model.users),
        len(model.tracks),
        heard.sum(),
        sum(map(len, lists)),
    )
    assert summary.density == pytest.approx(np.count_nonzero(model.centered) / heard.size)
    assert summary.mean_positive_neighbors == pytest.approx(positive.mean())
    assert summary.mean_negative_neighbors == pytest.approx(negative.mean())
    assert summary.users_without_positive_score == sum(
        not reference.above_zero(dict(enumerate(row))) for row in model.scores.tolist()
    )


# Few users, tracks and times, so that ties abound, and arbitrary times. (Listening times are added
# with 20 decimals; a time under 0.0001 may have more.)
TIMES = st.one_of(
    st.sampled_from((0.0, 0.01, 0.25, 0.5, 1.0)), st.floats(min_value=0.0001, max_value=1.0)
)
LOGS = st.lists(
    st.tuples(st.integers(1, 6), st.sampled_from((10, 20, 30, 40, 50, 60, 70)), TIMES),
    min_size=1,
    max_size=40,
)


# The builds of all examples may share a folder: each replaces the one before.
@examples(20, derandomize=True)
@given(
    events=LOGS,
    top=st.one_of(st.just(100), st.integers(1, 8)),
    exclude_heard=st.booleans(),
    only_positive=st.booleans(),
)
def test_a_build_of_any_log_is_the_model_of_its_events(
    build_from: Build, events: list[Event], top: int, exclude_heard: bool, only_positive: bool
) -> None:
    model = reference.model(events)
    assume(not reference.is_near_an_edge(model.centered, model.similarity, model.scores))
    options: dict[str, Any] = {
        "top": top,
        "exclude_heard": exclude_heard,
        "only_positive": only_positive,
    }
    assert_is_the_model(build_from(events, **options), model, **options)


def test_a_build_of_many_users_keeps_the_50_nearest_and_recommends_100(build_from: Build) -> None:
    rng = np.random.default_rng(5)
    events = [
        (int(rng.integers(80)), int(150 * rng.random() ** 2), int(rng.integers(5)) / 4)
        for _ in range(1500)
    ]
    model = reference.model(events)
    built = build_from(events)
    assert_is_the_model(built, model)
    assert built.rows("select max(rank) from neighbors") == [(50,)]
    assert built.rows(
        "select min(last_rank) from (select max(rank) as last_rank from "
        'recommendations group by "user")'
    ) == [(100,)]


# Users


def test_a_user_whose_times_are_all_equal_has_no_taste_and_no_neighbors(build_from: Build) -> None:
    # In floating point 0.1 + 0.1 + 0.1 is more than 0.3: the mean must not become a taste.
    built = build_from(
        [(1, 10, 0.1), (1, 20, 0.1), (1, 30, 0.1), (2, 10, 1.0), (2, 20, 0.0), (2, 30, 0.5)]
    )
    assert built.rows('from interactions where "user" = 1 order by track') == [
        (1, 10, 1, 0.1, 0.0, 0.0),
        (1, 20, 1, 0.1, 0.0, 0.0),
        (1, 30, 1, 0.1, 0.0, 0.0),
    ]
    assert built.rows(
        'select "user", norm > 0, positive_neighbors, negative_neighbors from users order by "user"'
    ) == [(1, False, 0, 0), (2, True, 0, 0)]
    assert built.rows("from neighbors") == []


def test_a_user_with_a_single_event_has_no_taste_and_gets_a_list(build_from: Build) -> None:
    built = build_from([(1, 10, 0.7), (2, 10, 1.0), (2, 20, 0.0)])
    assert built.rows('select mean_time, norm from users where "user" = 1') == [(0.7, 0.0)]
    assert built.lists()[1] == [10, 20]


def test_a_log_may_have_a_single_event(build_from: Build) -> None:
    built = build_from([(1, 10, 1.0)])
    assert built.rows("from recommendations") == [(1, 1, 10, 0.0, True, "popularity")]
    assert built.summary.density == 0
    assert_is_the_model(built, reference.model([(1, 10, 1.0)]))


def test_every_repeated_play_counts(build_from: Build) -> None:
    # Mean time of the user (1.0 + 0.6 + 0.2) / 3 = 0.6, of track 10 (1.0 + 0.6) / 2 = 0.8.
    built = build_from([(1, 10, 1.0), (1, 20, 0.2), (1, 10, 0.6)])
    assert_same_rows(
        built.rows(
            "select track, plays, mean_time, centered_time from interactions order by track"
        ),
        [(10, 2, 0.8, 0.2), (20, 1, 0.2, -0.4)],
        tolerance=1e-15,
    )
    assert_same_rows(
        built.rows("select events, tracks, mean_time, norm from users"),
        [(3, 2, 0.6, 0.2**0.5)],
        tolerance=1e-15,
    )


def test_a_user_of_opposite_taste_is_no_neighbor_but_what_it_dislikes_is_recommended(
    build_from: Build,
) -> None:
    built = build_from([(1, 10, 1.0), (1, 20, 0.0), (2, 10, 0.0), (2, 20, 1.0)])
    assert built.rows("from neighbors") == []
    assert built.rows("select positive_neighbors, negative_neighbors from users") == [(0, 1)] * 2
    assert_same_rows(
        built.rows('from recommendations order by "user", rank'),
        [
            (1, 1, 10, 0.5, True, "neighbors"),
            (1, 2, 20, -0.5, True, "tail"),
            (2, 1, 20, 0.5, True, "neighbors"),
            (2, 2, 10, -0.5, True, "tail"),
        ],
        tolerance=1e-15,
    )


def test_similar_users_are_ranked_by_similarity_then_by_id(build_from: Build) -> None:
    # To user 5, users 1 and 3 have a similarity of 1, user 2 of 0.5.
    events = [
        (5, 10, 1.0), (5, 20, 0.0),
        (3, 10, 1.0), (3, 20, 0.0),
        (1, 10, 0.6), (1, 20, 0.4),
        (2, 10, 1.0), (2, 30, 0.0),
    ]  # fmt: skip
    assert_same_rows(
        build_from(events).rows(
            "select rank, neighbor, similarity, common_tracks from neighbors"
            ' where "user" = 5 order by rank'
        ),
        [(1, 1, 1.0, 2), (2, 3, 1.0, 2), (3, 2, 0.5, 1)],
        tolerance=1e-15,
    )


def test_ids_are_kept_to_the_last_digit(build_from: Build) -> None:
    largest = 2**63 - 1  # as a double equal to 2**63 - 2
    events = [(largest, largest, 1.0), (largest - 1, largest - 1, 1.0), (0, 0, 0.5)]
    built = build_from(events)
    assert built.lists() == {user: [largest - 1, largest, 0] for user in (0, largest - 1, largest)}
    assert_is_the_model(built, reference.model(events))


# The ranking


def test_equal_scores_are_ranked_by_listening_time_then_by_id(build_from: Build) -> None:
    # User 2 likes 20, 30 and 40 equally; user 3, whose times are all equal, makes 40 more popular.
    events = [
        (1, 10, 1.0), (1, 50, 0.0),
        (2, 10, 1.0), (2, 40, 0.8), (2, 30, 0.8), (2, 20, 0.8), (2, 60, 0.0),
        (3, 40, 0.1),
    ]  # fmt: skip
    built = build_from(events)
    assert built.lists()[1] == [10, 40, 20, 30, 50, 60]
    assert_is_the_model(built, reference.model(events))


def test_listening_times_are_added_exactly(build_from: Build) -> None:
    # Three times 0.1 is 0.3, no more: the tracks are equally popular and the smaller id goes first.
    events = [(1, 10, 0.3), (2, 20, 0.1), (3, 20, 0.1), (4, 20, 0.1)]
    assert build_from(events).lists() == {user: [10, 20] for user in (1, 2, 3, 4)}


def test_a_user_without_neighbors_has_no_positive_score_and_gets_the_popular_tracks(
    build_from: Build,
) -> None:
    # Nobody has a track in common with another. Listening times: 0.2, 0.9, 0.0, 0.5.
    built = build_from([(1, 10, 0.2), (1, 20, 0.9), (2, 30, 0.0), (2, 40, 0.5)])
    assert built.lists() == {1: [20, 40, 10, 30], 2: [20, 40, 10, 30]}
    assert built.rows("select distinct score from recommendations") == [(0.0,)]
    assert built.summary.users_without_positive_score == 2


@pytest.mark.parametrize("plan", WAYS)
def test_a_list_says_what_comes_from_neighbors_and_what_fills_it(
    build_from: Build, plan: str
) -> None:
    # Centered times: user 1 10: 0.5, 20: -0.5; user 2 10: 0.4, 30: -0.2, 40: -0.2; user 3 50: 0.3,
    # 60: -0.3. Users 1 and 2 are similar; user 3 has a track in common with nobody.
    events = [
        (1, 10, 1.0), (1, 20, 0.0),
        (2, 10, 1.0), (2, 30, 0.4), (2, 40, 0.4),
        (3, 50, 0.9), (3, 60, 0.3),
    ]  # fmt: skip
    sources = 'select "user", track, source from recommendations order by "user", rank'
    built = build_from(events, plan=plan)
    assert built.rows(sources) == [
        (1, 10, "neighbors"), (1, 50, "popularity"), (1, 60, "popularity"), (1, 20, "popularity"),
        (1, 30, "tail"), (1, 40, "tail"),
        (2, 10, "neighbors"), (2, 50, "popularity"), (2, 30, "popularity"), (2, 40, "popularity"),
        (2, 60, "popularity"), (2, 20, "tail"),
        (3, 10, "popularity"), (3, 50, "popularity"), (3, 30, "popularity"),
        (3, 40, "popularity"), (3, 60, "popularity"), (3, 20, "popularity"),
    ]  # fmt: skip
    assert built.summary.share_from_neighbors == 2 / 18
    # Now the own listening counts: what only the user heard is own, what it shares is not.
    built = build_from(events, plan=plan, own_liking=0.5)
    assert [row for row in built.rows(sources) if row[2] in ("neighbors", "own")] == [
        (1, 10, "neighbors"), (2, 10, "neighbors"), (3, 50, "own"),
    ]  # fmt: skip


@pytest.mark.parametrize("top", [3, 4])
def test_the_summary_tells_lists_from_what_fills_them(build_from: Build, top: int) -> None:
    events = [(1, 10, 1.0), (1, 20, 0.0), (2, 10, 1.0), (2, 30, 0.4), (3, 40, 0.5)]
    built = build_from(events, top=top)
    # One track of user 1 and one of user 2 come from the other; nothing is for user 3.
    assert built.summary.share_from_neighbors == 2 / (3 * top)
    assert built.rows("select share_from_neighbors, share_from_neighbors_to_10 from build") == [
        (2 / (3 * top), 2 / (3 * top))
    ]


# Users 1 and 2 both like 10; 3 has heard 50 alone. Listening times of 10 to 50: 2, 0, 1, 0, 0.5.
TASTES: list[Event] = [
    (1, 10, 1.0), (1, 20, 0.0),
    (2, 10, 1.0), (2, 30, 1.0), (2, 40, 0.0),
    (3, 50, 0.5),
]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "lists"),
    [
        # Fewer than 100 tracks: all of them, from the positive scores to the negative ones.
        ({}, {1: [10, 30, 50, 20, 40], 2: [10, 30, 50, 40, 20], 3: [10, 30, 50, 20, 40]}),
        ({"top": 1}, {1: [10], 2: [10], 3: [10]}),
        ({"top": 3}, {1: [10, 30, 50], 2: [10, 30, 50], 3: [10, 30, 50]}),
        ({"exclude_heard": True}, {1: [30, 50, 40], 2: [50, 20], 3: [10, 30, 20, 40]}),
        # The next tracks take the place of excluded ones.
        ({"exclude_heard": True, "top": 2}, {1: [30, 50], 2: [50, 20], 3: [10, 30]}),
        # A user without recommendations has no line.
        ({"only_positive": True}, {1: [10, 30], 2: [10]}),
        ({"only_positive": True, "exclude_heard": True}, {1: [30]}),
    ],
)
def test_options_choose_from_the_ranking(
    build_from: Build, options: dict[str, Any], lists: dict[int, list[int]]
) -> None:
    built = build_from(TASTES, **options)
    assert built.lists() == lists
    assert_is_the_model(built, reference.model(TASTES), **options)


def test_users_without_a_line_are_still_in_the_database(build_from: Build) -> None:
    built = build_from([(1, 10, 1.0), (1, 20, 0.0), (2, 10, 1.0)], exclude_heard=True)
    assert built.lists() == {2: [20]}
    assert built.rows('select "user" from users order by "user"') == [(1,), (2,)]
