"""Ratings go in and come out in their own scale (--scale); the tables and the JSON have 0 to 1.

The example by hand, on the scale 1:5. The mean rating of each user is 3, so centered ratings are
    ann: x +2, y -2       bob: x +1, y -2, z +1       cat: y +1, z -1
and w(ann, bob) = (2 * 1 + 2 * 2) / (sqrt(8) sqrt(6)) = sqrt(3) / 2, and
w(ann, cat) = (-2 * 1) / (sqrt(8) sqrt(2)) = -1/2. For ann and z, both bob (+1) and cat (-1) count:
    score, of fractions: (sqrt(3)/2 * 1 + 1/2 * 1) / 4
    predicted rating: 3 + (sqrt(3)/2 + 1/2) / (sqrt(3)/2 + 1/2 + 0.1)
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import ubcf
from tests.support.builds import Built, build_in
from tests.support.commands import Done, call_ubcf

RATINGS = [
    ("ann", "x", 5), ("ann", "y", 1), ("bob", "x", 4), ("bob", "y", 1), ("bob", "z", 4),
    ("cat", "y", 4), ("cat", "z", 2),
]  # fmt: skip

BOB, CAT = math.sqrt(3) / 2, -1 / 2
SUM = BOB + abs(CAT)
SCORE = SUM / 4
PREDICTED = 3 + SUM / (SUM + 0.1)


def write(path: Path, plays: Iterable[tuple[str, str, float]]) -> Path:
    """Writes plays, or ratings, as CSV."""
    lines = (f"{user},{track},{time}\n" for user, track, time in plays)
    path.write_text("user,track,time\n" + "".join(lines))
    return path


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("rated")
    log = write(folder / "ratings.csv", RATINGS)
    return build_in(folder, log, scale="1:5", predict=True)


def ask(built: Built, *arguments: str, input: str = "") -> Done:
    done = call_ubcf(*arguments, cwd=built.folder, input=input)
    assert done.returncode == 0, done.stderr
    return done


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def parts(text: str) -> dict[str, Any]:
    """The parts of an answer in JSON."""
    found = json.loads(text)
    assert isinstance(found, dict)
    return found


def test_tables_and_json_are_those_of_the_same_times_as_fractions(
    rated: Built, tmp_path: Path
) -> None:
    fractions = ((user, track, (rating - 1) / 4) for user, track, rating in RATINGS)
    log = write(tmp_path / "fractions.csv", fractions)
    plain = build_in(tmp_path, log, predict=True)
    assert rated.output.read_bytes() == plain.output.read_bytes()
    for query in (
        'select "user", track, time from events order by all',
        "from users order by all",
        "from tracks order by all",
        "from interactions order by all",
        "from neighbors order by all",
        "from recommendations order by all",
    ):
        assert rated.rows(query) == plain.rows(query)
    assert rated.rows("select options ->> 'scale' from build") == [("1:5",)]
    assert plain.rows("select options ->> 'scale' from build") == [(None,)]


def test_predictions_are_ratings(rated: Built) -> None:
    pairs = "user,track\nann,z\nann,unknown\nnobody,z\n"
    found = rows(ask(rated, "predict", "-", input=pairs).stdout)
    # Of nobody, the mean of all seven ratings.
    assert [float(row["predicted_time"]) for row in found] == pytest.approx(
        [PREDICTED, 3.0, 21 / 7], abs=1e-11
    )
    (rated.folder / "pairs.csv").write_text(pairs)
    with ubcf.connect(rated.database) as connection:
        ours = ubcf.predict(connection, rated.folder / "pairs.csv").fetchall()
    assert [row[2] for row in ours] == [float(row["predicted_time"]) for row in found]
    # The table keeps fractions.
    assert rated.rows(
        "select predicted_time from recommendations where \"user\" = 'ann' and track = 'z'"
    ) == [(pytest.approx((PREDICTED - 1) / 4, abs=1e-12),)]


def test_an_explanation_has_centered_ratings_and_adds_up_to_the_score(rated: Built) -> None:
    done = ask(rated, "explain", "ann", "z", "--format", "csv")
    found = {row["neighbor"]: row for row in rows(done.stdout)}
    assert {name: float(row["centered_time"]) for name, row in found.items()} == {
        "bob": 1.0,
        "cat": -1.0,
    }
    contributions = [float(row["contribution"]) for row in found.values()]
    assert contributions == pytest.approx([BOB / 4, -CAT / 4], abs=1e-12)
    assert f"score {SCORE:.12g}, the sum of 2 contributions" in done.stderr


def test_users_and_tracks_are_shown_with_ratings(rated: Built) -> None:
    user = parts(ask(rated, "inspect", "user", "bob", "--format", "json").stdout)
    assert user["user"]["mean_time"] == 3.0
    assert [(row["track"], row["time"]) for row in user["events"]] == [
        ("x", 4.0), ("y", 1.0), ("z", 4.0)
    ]  # fmt: skip
    assert [
        (row["track"], row["mean_time"], row["centered_time"]) for row in user["interactions"]
    ] == [("x", 4.0, 1.0), ("z", 4.0, 1.0), ("y", 1.0, -2.0)]
    assert [(row["neighbor"], row["mean_time"]) for row in user["neighbors"]] == [("ann", 3.0)]
    track = parts(ask(rated, "inspect", "track", "z", "--format", "json").stdout)
    listeners = track["listeners"]
    assert [(row["user"], row["mean_time"], row["centered_time"]) for row in listeners] == [
        ("bob", 4.0, 1.0), ("cat", 2.0, -1.0)
    ]  # fmt: skip
    # The tenths of the scale that have a rating: 2 and 4.
    assert [
        (row["from_time"], row["to_time"]) for row in track["times"] if row["events"]
    ] == [(1.8, 2.2), (3.8, 4.2)]  # fmt: skip


def test_a_history_is_read_in_the_scale(rated: Built) -> None:
    # A person who rates as ann does has her neighbors, and ann herself with a similarity of 1.
    done = ask(
        rated, "recommend", "--history", "-", "--explain", "--format", "json",
        input='{"x": 5, "y": 1}',
    )  # fmt: skip
    found = parts(done.stdout)
    scores = {row["track"]: row["score"] for row in found["recommendations"]}
    assert scores["z"] == pytest.approx(SCORE, abs=1e-12)
    similar = found["similar_users"]
    assert [(row["neighbor"], row["similarity"], row["mean_time"]) for row in similar] == [
        ("ann", pytest.approx(1.0), 3.0), ("bob", pytest.approx(BOB), 3.0)
    ]  # fmt: skip
    assert [
        (row["neighbor"], row["counted_time"])
        for row in found["explanation"]
        if row["track"] == "z"
    ] == [("bob", 1.0), ("cat", -1.0)]
    with ubcf.connect(rated.database) as connection:
        ours = ubcf.recommend(connection, {"x": 5, "y": 1}).fetchall()
    assert {row[1]: row[2] for row in ours} == scores


@pytest.mark.parametrize("rating", ["0.9", "5.5", "0"])
def test_a_history_outside_the_scale_is_one_line(rated: Built, rating: str) -> None:
    done = call_ubcf(
        "recommend", "--history", "-", cwd=rated.folder, input=f'{{"x": {rating}}}'
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"ubcf: error: track x: time is {rating}; it must be a number from 1 to 5\n"
    )


def test_errors_of_an_evaluation_are_in_the_scale(rated: Built, tmp_path: Path) -> None:
    write(tmp_path / "test.csv", [("ann", "z", 5), ("cat", "x", 1)])
    found = {}
    for setting in ("notebook", "damping=0"):
        done = call_ubcf(
            "evaluate", "ratings.csv", "--test", tmp_path / "test.csv", "--scale", "1:5",
            "--setting", setting, "-d", tmp_path / "e.duckdb", "-q", "--format", "json",
            cwd=rated.folder,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found[setting] = {
            row["metric"]: row["value"]
            for row in parts(done.stdout)["metrics"]
            if row["setting"] == setting
        }
    # w(cat, ann) = -1/2 with +2 for x; w(cat, bob) = (-2 - 1) / (sqrt(2) sqrt(6)) with +1.
    towards_bob = -math.sqrt(3) / 2
    for setting, damping in (("notebook", 0.1), ("damping=0", 0.0)):
        of_ann = 3 + SUM / (SUM + damping) - 5
        of_cat = 3 + (CAT * 2 + towards_bob) / (abs(CAT) + abs(towards_bob) + damping) - 1
        assert found[setting]["rmse"] == pytest.approx(
            math.sqrt((of_ann**2 + of_cat**2) / 2), abs=1e-12
        )
        assert found[setting]["mae"] == pytest.approx((abs(of_ann) + abs(of_cat)) / 2, abs=1e-12)


def test_half_stars_are_printed_as_they_were_given(tmp_path: Path) -> None:
    """A rating of 4 is 7/9 of the range of 0.5 to 5, which floating point does not hold exactly."""
    stars = [0.5 * step for step in range(1, 11)]
    ratings = [("u", str(number), rating) for number, rating in enumerate(stars)]
    built = build_in(tmp_path, write(tmp_path / "ratings.csv", ratings), scale="0.5:5")
    done = ask(built, "query", "user_history", "-p", "user=u", "--format", "csv")
    assert sorted(float(row["time"]) for row in rows(done.stdout)) == stars


def test_the_report_of_ratings_speaks_of_ratings(rated: Built) -> None:
    ask(rated, "report", "--user", "bob", "-o", "report.html")
    page = (rated.folder / "report.html").read_text()
    assert "<dt>Mean rating</dt><dd>3.00</dd>" in page
    # Two of the seven ratings are 1, one is 5.
    assert "29\N{NO-BREAK SPACE}% of the ratings are from 1 to 1.2" in page
    words = page.lower()
    for word in ("listened to", "listening time", "fraction of the track", "of a track<"):
        assert word not in words
