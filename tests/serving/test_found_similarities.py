"""The neighbors of a user from matrices are those that the macro of the build computes."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

import ubcf
from tests.support.builds import Built, build_sample
from ubcf.analysis.named_analyses import query_rows, set_id
from ubcf.database.reading import connect_closed
from ubcf.database.session import Session
from ubcf.serving.found_similarities import with_similarities
from ubcf.serving.near_rows import NearRows, read_near_rows
from ubcf.serving.stored_model import load_model

USERS = (7, 287, 398)


def neighbors(connection: duckdb.DuckDBPyConnection, user: Any) -> list[tuple[Any, ...]]:
    return connection.execute(
        f"select place, neighbor, common_tracks, weight from similarities_of({user})"
    ).fetchall()


@pytest.fixture(scope="module", params=["notebook", "similar", "listening", "ratings"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A build of the sample by each preset that has similarities."""
    return build_sample(tmp_path_factory.mktemp(request.param), preset=request.param)


def test_they_have_the_same_places_weights_and_tracks_in_common(built: Built) -> None:
    with connect_closed(built.database) as connection:
        session = Session(connection)
        model = load_model(session)
        for user in USERS:
            computed = neighbors(connection, user)
            set_id(connection, "user", user)
            with with_similarities(session, model):
                found = neighbors(connection, user)
                assert neighbors(connection, user + 1) == []
            assert [row[:3] for row in found] == [row[:3] for row in computed]
            assert [row[3] for row in found] == pytest.approx([row[3] for row in computed])
            assert neighbors(connection, user) == computed


def test_the_first_few_are_those_of_all_as_far_as_they_are_above_0(built: Built) -> None:
    with connect_closed(built.database) as connection:
        session = Session(connection)
        model = load_model(session)
        for user in USERS:
            computed = neighbors(connection, user)
            set_id(connection, "user", user)
            for most in (3, 10_000):
                with with_similarities(session, model, most):
                    found = neighbors(connection, user)
                expected = [row for row in computed[:most] if row[3] > 0]
                assert [row[:3] for row in found] == [row[:3] for row in expected]


def test_rows_near_a_user_and_a_track_give_the_same_analyses(built: Built) -> None:
    with connect_closed(built.database) as connection:
        session = Session(connection)
        model = load_model(session)
        near = NearRows.of(session, model)
        assert near is not None
        pairs = connection.execute(
            'select "user", track from recommendations where "user" in (7, 287, 398) and rank <= 4'
        ).fetchall()
        asked: list[tuple[str, Any, tuple[Any, ...], dict[str, Any]]] = [
            ("similar_users", near.of_similar_users, (user,), {"user": user, "k": 20})
            for user in USERS
        ]
        asked += [
            ("explain", near.of_explanation, (user, track), {"user": user, "track": track, "k": 2})
            for user, track in pairs
            if near.has_similarities
        ]
        expected = [query_rows(connection, name, **values) for name, _, _, values in asked]
        together = query_rows(connection, "tracks_heard_together", track=526)
        read_near_rows(session)
        for (name, readable, ids, values), rows in zip(asked, expected, strict=True):
            with readable(session, *ids, values["k"]):
                found = query_rows(connection, name, **values)
            assert len(rows) > 0
            assert [_rounded(row) for row in found] == [_rounded(row) for row in rows]
        with near.of_listeners(session, 526):
            assert query_rows(connection, "tracks_heard_together", track=526) == together


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    """A row without the last digits, in which sums of another order differ."""
    return {
        name: round(value, 9) if isinstance(value, float) else value for name, value in row.items()
    }


def test_an_explanation_of_the_first_k_has_their_terms_and_the_sum_of_the_others(
    built: Built,
) -> None:
    with ubcf.connect(built.database) as connection:
        terms = ubcf.query(connection, "explain", user=398, track=526).fetchall()
        first = ubcf.query(connection, "explain", user=398, track=526, k=3).fetchall()
    assert len(terms) > 4
    assert first[:3] == terms[:3]
    assert (len(first), first[3][0]) == (4, None)
    assert first[3][5] == pytest.approx(sum(term[5] for term in terms[3:]), abs=1e-12)
