"""The figures and lists of real logs; skipped if there are none."""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass
from decimal import Decimal, localcontext

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support import reference
from tests.support.builds import Built
from tests.support.paths import REAL_LOGS
from tests.support.reference import Event
from ubcf import build, connect, explain

pytestmark = pytest.mark.skipif(not REAL_LOGS.is_dir(), reason="there are no real logs here")

USERS_COMPARED = 30
PAIRS_EXPLAINED = int(os.environ.get("UBCF_TEST_PAIRS", "100"))


@dataclass(frozen=True)
class Figures:
    """The figures of a set of logs; the means are from a separate script (duckdb and scipy)."""

    events: int
    shape: tuple[int, int]
    density: float
    mean_positive_neighbors: float
    mean_negative_neighbors: float
    catalog: str | None = None


FIGURES = {
    "stickyartist-2024": Figures(
        87_500, (9452, 35264), 0.0002303404420693188, 14.221540414727041, 9.536182818451122
    ),
    "userbased-2025": Figures(
        43_281, (4545, 26762), 0.0003472897921284543, 5.787018701870187, 4.327392739273927
    ),
    "stickyartist-2022catalog": Figures(
        35_220,
        (3781, 17141),
        0.0004735525798509156,
        15.785770960063475,
        8.017455699550384,
        catalog="tracks-2022.json",
    ),
}


@pytest.fixture(scope="module", params=FIGURES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def built(name: str, tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp(name)
    catalog = FIGURES[name].catalog
    summary = build(
        REAL_LOGS / name,
        catalog=None if catalog is None else REAL_LOGS / catalog,
        database=folder / "ubcf.duckdb",
        output=folder / "recommendations_ub.json",
    )
    return Built(folder, summary)


def test_the_figures_are_those_of_the_definitions(name: str, built: Built) -> None:
    figures, summary = FIGURES[name], built.summary
    assert (summary.accepted, summary.rejected) == (figures.events, 0)
    assert (summary.users, summary.tracks) == figures.shape
    assert summary.density == pytest.approx(figures.density, rel=1e-12)
    assert summary.mean_positive_neighbors == pytest.approx(
        figures.mean_positive_neighbors, rel=1e-12
    )
    assert summary.mean_negative_neighbors == pytest.approx(
        figures.mean_negative_neighbors, rel=1e-12
    )
    assert len(built.lists()) == summary.users


@pytest.mark.parametrize("name", ["stickyartist-2024"], indirect=True)
def test_the_reference_notebook_reports_the_same_up_to_its_rounding_noise(
    built: Built,
) -> None:
    summary = built.summary
    assert (
        summary.density,
        summary.mean_positive_neighbors,
        summary.mean_negative_neighbors,
    ) == pytest.approx((0.00023041544612073766, 14.262589928057555, 9.568768514600084), rel=0.005)
    # In the notebook, rounding gives some users with equal times a norm above 0.
    assert built.rows("select count(*) from users where norm = 0") == [(617,)]


@pytest.mark.parametrize("name", ["stickyartist-2022catalog"], indirect=True)
def test_every_track_has_its_catalog_entry(built: Built) -> None:
    assert built.summary.tracks_without_catalog_entry == 0
    nameless = "select count(*) from tracks where artist is null or title is null"
    assert built.rows(nameless) == [(0,)]


def test_the_lists_are_those_of_dense_rows(name: str, built: Built) -> None:
    model = RowByRow(events_of(name))
    users = random.Random(7).sample(model.users, USERS_COMPARED)
    actual: dict[int, list[tuple[int, float]]] = {user: [] for user in users}
    for user, track, score in built.rows(
        'select "user", track, score from recommendations'
        f' where "user" in {tuple(users)} order by rank'
    ):
        actual[user].append((track, score))
    for user in users:
        expected = model.recommendations(user)
        assert [track for track, _ in actual[user]] == [track for track, _ in expected]
        assert [score for _, score in actual[user]] == pytest.approx(
            [score for _, score in expected], rel=0, abs=1e-9
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stickyartist-2024"], indirect=True)
def test_explanations_sum_to_the_scores_of_any_pair(name: str, built: Built) -> None:
    model = RowByRow(events_of(name))
    draw = random.Random(3)
    stored = built.rows('select "user", track, score from recommendations order by "user", rank')
    pairs = draw.sample(stored, PAIRS_EXPLAINED)
    for _ in range(PAIRS_EXPLAINED):
        user, column = draw.choice(model.users), draw.randrange(len(model.tracks))
        pairs.append((user, model.tracks[column], model.scores(user)[column]))
    with connect(built.database) as connection:
        for user, track, score in pairs:
            contributions = explain(connection, user, track).project("contribution").fetchall()
            assert sum(row[0] for row in contributions) == pytest.approx(score, rel=0, abs=1e-9)


def events_of(name: str) -> list[Event]:
    return [
        (event["user"], event["track"], event["time"])
        for file in sorted((REAL_LOGS / name).rglob("data.json"))
        for event in map(json.loads, file.read_text(encoding="utf-8").splitlines())
    ]


class RowByRow:
    """The model of tests/support/reference.py, with one dense row in memory at a time."""

    def __init__(self, events: list[Event]) -> None:
        times_of_user: dict[int, list[float]] = {}
        times_of_pair: dict[tuple[int, int], list[float]] = {}
        heard: dict[int, list[Decimal]] = {}
        for user, track, time in events:
            times_of_user.setdefault(user, []).append(time)
            times_of_pair.setdefault((user, track), []).append(time)
            heard.setdefault(track, []).append(Decimal(repr(time)))
        with localcontext(prec=60):  # more digits than any sum has
            total_times = {track: sum(times) for track, times in heard.items()}
        mean_times = {user: sum(times) / len(times) for user, times in times_of_user.items()}

        self.users = sorted(times_of_user)
        # Popular tracks first, so that the column is the preference among equal scores.
        self.tracks = sorted(total_times, key=lambda track: (-total_times[track], track))
        row_of = {user: row for row, user in enumerate(self.users)}
        column_of = {track: column for column, track in enumerate(self.tracks)}

        # One entry per interaction.
        self.rows = np.array([row_of[user] for user, _ in times_of_pair])
        self.columns = np.array([column_of[track] for _, track in times_of_pair])
        centered = np.array(
            [
                sum(times) / len(times) - mean_times[user]
                for (user, _), times in times_of_pair.items()
            ]
        )
        self.centered = np.where(np.abs(centered) < reference.CENTERED_TIME_NOISE, 0.0, centered)
        self.norms = np.sqrt(np.bincount(self.rows, weights=self.centered**2))

    def scores(self, user: int) -> NDArray[np.float64]:
        """The scores of all tracks for a user."""
        row = self.users.index(user)
        mine = np.zeros(len(self.tracks))
        is_mine = self.rows == row
        mine[self.columns[is_mine]] = self.centered[is_mine]

        products = np.bincount(self.rows, weights=self.centered * mine[self.columns])
        lengths = self.norms * self.norms[row]
        similarity = products / np.where(lengths > 0, lengths, 1.0)
        similarity[np.abs(similarity) < reference.SIMILARITY_NOISE] = 0.0
        similarity[row] = 0.0

        terms = similarity[self.rows] * self.centered
        return np.bincount(self.columns, weights=terms).astype(np.float64)

    def recommendations(self, user: int) -> list[tuple[int, float]]:
        """Track and score of the first 100 tracks for a user."""
        scores = self.scores(user)
        chosen = reference.recommended(
            dict(enumerate(scores.tolist())), 100, preference=lambda column: column
        )
        return [(self.tracks[column], float(scores[column])) for column in chosen]
