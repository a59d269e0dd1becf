"""An explanation is the sum of what each neighbor contributes to a score."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ubcf
from tests.promises.test_worked_example import LINES
from tests.support import reference
from tests.support.builds import Built, build_sample
from tests.support.commands import call_ubcf
from tests.support.logs import write_log
from tests.support.overlays import EVENTS_OF_TEXTS, overlay
from ubcf.errors import NotFoundError

Build = Callable[..., Built]


def rounded(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [
        tuple(round(value, 12) if isinstance(value, float) else value for value in row)
        for row in rows
    ]


def test_each_row_is_one_term_of_the_score(build_from: Build) -> None:
    """The terms of the worked example: score(1, 30) = -0.4 * -0.5 + 0.5 * -0.2 = 0.1."""
    built = build_from(LINES)
    with ubcf.connect(built.database) as connection:
        explanation = ubcf.explain(connection, 1, 30)
        assert explanation.columns == [
            "neighbor",
            "similarity",
            "common_tracks",
            "common_titles",
            "centered_time",
            "contribution",
        ]
        assert rounded(explanation.fetchall()) == [
            (2, -0.4, [20], ["20"], -0.5, 0.2),
            (3, 0.5, [40], ["40"], -0.2, -0.1),
        ]
        # Nobody else heard track 10: an empty sum, a score of 0.
        assert ubcf.explain(connection, 2, 10).fetchall() == []


def test_common_tracks_come_with_their_titles_those_that_count_most_first(
    build_from: Build, tmp_path: Path
) -> None:
    """Both users have a mean of 0.5; the products on tracks 1, 2, 3 are 0.01, 0.09 and 0.04."""
    catalog = write_log(
        tmp_path / "tracks.json",
        ['{"track": 1, "artist": "A", "title": "X"}', '{"track": 2, "title": "O\'Y"}'],
    )
    both = [(user, *play) for user in (7, 8) for play in ((1, 0.6), (2, 0.2), (3, 0.7))]
    built = build_from([*both, (8, 4, 0.9), (8, 5, 0.1)], catalog=catalog)
    with ubcf.connect(built.database) as connection:
        ((neighbor, _, tracks, titles, centered_time, _),) = rounded(
            ubcf.explain(connection, 7, 4).fetchall()
        )
    assert (neighbor, tracks, titles, centered_time) == (8, [2, 3, 1], ["O'Y", "3", "A - X"], 0.4)


def test_the_terms_of_every_pair_sum_to_its_score(build_from: Build) -> None:
    draw = random.Random(5)
    events = [(draw.randrange(5), draw.randrange(6), draw.randrange(11) / 10) for _ in range(20)]
    model = reference.model(events)
    built = build_from(events)
    with ubcf.connect(built.database) as connection:
        for row, user in enumerate(model.users):
            for column, track in enumerate(model.tracks):
                terms = ubcf.explain(connection, user, track).fetchall()
                neighbors = [model.users.index(term[0]) for term in terms]
                assert [term[1] for term in terms] == pytest.approx(
                    model.similarity[row, neighbors], abs=1e-12
                )
                assert [term[4] for term in terms] == pytest.approx(
                    model.centered[neighbors, column], abs=1e-12
                )
                assert sum(term[5] for term in terms) == pytest.approx(
                    model.scores[row, column], abs=1e-9
                )


def test_the_terms_of_a_ridge_sum_to_its_score_those_of_the_rest_in_one_row(
    build_from: Build,
) -> None:
    """Of 340 users, the 300 with the greatest weights are shown, if they heard the track."""
    draw = random.Random(7)
    events = [
        (user, track, draw.randrange(11) / 10)
        for user in range(340)
        for track in draw.sample(range(12), 5)
    ]
    built = build_from(events, preset="taste", ridge=2.0)
    model = reference.model(events)
    counted = reference.counted_times(model.centered, model.plays > 0, 0.5)
    weights = reference.ridge_weights(counted, 2.0)
    stored = dict.fromkeys(model.users, 0)
    with ubcf.connect(built.database) as connection:
        for user, count in connection.execute(
            'select "user", count(*) from weights group by all'
        ).fetchall():
            stored[user] = count
        for user, track in ((0, 0), (1, 5), (200, 11), (339, 3)):
            row, column = model.users.index(user), model.tracks.index(track)
            *terms, (*nothing, rest) = ubcf.explain(connection, user, track).fetchall()
            assert nothing == [None, None, [], [], None]
            neighbors = [model.users.index(term[0]) for term in terms]
            assert [term[1] for term in terms] == pytest.approx(weights[row, neighbors], abs=1e-12)
            shown = np.argsort(-np.abs(weights[row]), kind="stable")[:300]
            assert set(neighbors) == set(shown) & set(np.flatnonzero(counted[:, column]))
            assert rest == pytest.approx(
                np.delete(weights[row] * counted[:, column], shown).sum(), abs=1e-12
            )
            assert sum(term[5] for term in terms) + rest == pytest.approx(
                weights[row] @ counted[:, column], abs=1e-12
            )
    assert set(stored.values()) == {300}


def test_users_with_equal_times_contribute_nothing(build_from: Build) -> None:
    built = build_from([(1, 1, 0.3), (1, 2, 0.3), (2, 1, 0.1), (2, 2, 0.9), (3, 1, 0.5)])
    with ubcf.connect(built.database) as connection:
        assert ubcf.explain(connection, 1, 2).fetchall() == []
        assert ubcf.explain(connection, 2, 1).fetchall() == []


def test_text_ids_stay_texts_and_are_never_run_as_sql(
    build_folder_of_texts: Built,
) -> None:
    with ubcf.connect(build_folder_of_texts.database) as connection:
        ((neighbor, *_),) = ubcf.explain(connection, "anna", "t'1").fetchall()
        assert neighbor == "1; drop table users"
        ((neighbor, *_),) = ubcf.explain(connection, "1; drop table users", "t'1").fetchall()
        assert neighbor == "anna"
        with pytest.raises(NotFoundError, match=r"no user \"anna'; drop table users; --\" "):
            ubcf.explain(connection, "anna'; drop table users; --", "t'1")
        assert connection.execute("select count(*) from users").fetchall() == [(2,)]


@pytest.fixture
def build_folder_of_texts(tmp_path: Path) -> Built:
    """Two users whose ids are texts, who agree on the tracks t'1 and t2."""
    overlay(tmp_path / "sql", "staging/events.sql", EVENTS_OF_TEXTS)
    (tmp_path / "logs.csv").write_text(
        "anna|t'1|0.9\nanna|t2|0.1\n1; drop table users|t'1|0.8\n1; drop table users|t2|0.2\n"
    )
    summary = ubcf.build(
        tmp_path / "logs.csv",
        templates=tmp_path / "sql",
        database=tmp_path / "ubcf.duckdb",
        output=tmp_path / "recommendations_ub.json",
    )
    return Built(tmp_path, summary)


def test_the_command_reports_the_sum_and_the_stored_score(build_from: Build) -> None:
    built = build_from(LINES)
    done = call_ubcf("explain", 1, 30, "--format", "csv", cwd=built.folder)
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == (
        "neighbor,similarity,common_tracks,common_titles,centered_time,contribution"
    )
    assert [line.split(",")[0] for line in done.stdout.splitlines()[1:]] == ["2", "3"]
    assert done.stderr.startswith("user 1, track 30: score 0.1")
    assert "the sum of 2 contributions; rank 3, with a stored score of 0.1" in done.stderr
    done = call_ubcf("explain", 2, 10, "--format", "json", cwd=built.folder)
    assert (done.returncode, done.stdout) == (0, "[]\n")
    assert done.stderr == (
        "user 2, track 10: score 0: none of its 2 neighbors heard it (0 other users did); "
        "rank 3, with a stored score of 0\n"
    )


def test_an_unknown_user_or_track_is_reported_with_the_nearest_ids(build_from: Build) -> None:
    built = build_from(LINES)
    done = call_ubcf("explain", 4, 30, cwd=built.folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "ubcf: error: no user '4' in this database; nearest: 3, 2, 1\n"
    done = call_ubcf("explain", 1, 31, cwd=built.folder)
    assert done.stderr == "ubcf: error: no track '31' in this database; nearest: 30, 40, 20\n"


@pytest.mark.parametrize(
    "options",
    [
        {"preset": "listening"},
        {"preset": "ratings"},
        {"preset": "similar", "track_exponent": 0.5},
        {"offset": -0.25, "own_liking": 0.5, "min_common": 2},
        {"similarity": "overlap", "min_similarity": 0.2, "neighbors": 7},
        {"centering": "none", "shrinkage": 3},
        {"preset": "taste"},
    ],
)
def test_explanations_and_similar_users_follow_the_options_of_the_build(
    options: dict[str, Any], tmp_path: Path
) -> None:
    built = build_sample(tmp_path, **options)
    with ubcf.connect(built.database) as connection:
        for user in (7, 156, 300):
            scores = connection.execute(
                f'select track, score from recommendations where "user" = {user}'
                " and rank in (1, 100)"
            ).fetchall()
            for track, score in scores:
                rows = ubcf.explain(connection, user, track).project("contribution").fetchall()
                assert sum(row[0] for row in rows) == pytest.approx(score, abs=1e-12)
            explained = ubcf.query(connection, "explained_recommendations", user=user, k=1000)
            sums = explained.aggregate("track, sum(contribution), any_value(score)").fetchall()
            for _, total, score in sums:
                assert (total or 0.0) == pytest.approx(score, abs=1e-12)
            stored = connection.execute(
                "select rank, neighbor, similarity, common_tracks from neighbors"
                f' where "user" = {user} order by rank'
            ).fetchall()
            computed = (
                ubcf.query(connection, "similar_users", user=user, k=50)
                .project("rank, neighbor, similarity, common_tracks")
                .fetchall()
            )
            assert [row[:2] for row in computed] == [row[:2] for row in stored]
            assert [row[2] for row in computed] == pytest.approx(
                [row[2] for row in stored], abs=1e-12
            )
            assert [row[3] for row in computed] == [row[3] for row in stored]


def test_a_score_of_nothing_is_explained_by_who_heard_the_track(build_from: Build) -> None:
    # Users 1 and 2 agree on tracks 1 and 2; users 3 and 4 share nothing with them; track 6 is the
    # only one that user 5 heard, and its time is the mean.
    events = [
        (1, 1, 1.0), (1, 2, 0.0), (2, 1, 1.0), (2, 2, 0.0), (2, 5, 0.5),
        (3, 3, 1.0), (3, 4, 0.0), (4, 3, 0.5),
    ]  # fmt: skip
    built = build_from(events)

    def said(user: int, track: int) -> str:
        return call_ubcf("explain", user, track, cwd=built.folder).stderr.split("; ")[0]

    assert said(1, 3) == (
        "user 1, track 3: score 0: none of its 1 neighbors heard it (2 other users did)"
    )
    assert said(1, 5) == (
        "user 1, track 5: score 0: of its 1 neighbors 1 heard it, for exactly as long as is "
        "expected of them, which counts as 0"
    )
    assert said(4, 1) == (
        "user 4, track 1: score 0: no other user counts as a neighbor of this one "
        "(2 other users heard it)"
    )
