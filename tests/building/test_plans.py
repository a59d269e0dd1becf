"""Builds by every plan."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import ubcf
from tests.support.builds import Built, build_sample
from tests.support.commands import call_ubcf
from tests.support.logs import write_log
from tests.support.paths import SAMPLE
from ubcf.building.scores import announced
from ubcf.scoring.costs import Work
from ubcf.scoring.matrices import interaction_matrix
from ubcf.scoring.options import WAYS
from ubcf.scoring.planner import plan_scores


@pytest.fixture(scope="module")
def by_similarities(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sample, by similarities."""
    return build_sample(tmp_path_factory.mktemp("similarities"), plan="similarities")


@pytest.fixture(scope="module")
def by_products(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sample, by products, with neighbors."""
    return build_sample(tmp_path_factory.mktemp("products"), plan="products")


@pytest.fixture(scope="module")
def by_tiles(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sample, by tiles, without neighbors."""
    return build_sample(tmp_path_factory.mktemp("tiles"), plan="tiles", store_neighbors=0)


@pytest.mark.parametrize("way", ["by_products", "by_tiles"])
def test_a_build_by_any_plan_writes_the_same_json_and_scores(
    by_similarities: Built, way: str, request: pytest.FixtureRequest
) -> None:
    built: Built = request.getfixturevalue(way)
    assert built.output.read_bytes() == by_similarities.output.read_bytes()
    query = 'select "user", track, source, score from recommendations order by "user", "rank"'
    for one, other in zip(built.rows(query), by_similarities.rows(query), strict=True):
        assert one[:3] == other[:3]
        assert one[3] == pytest.approx(other[3], abs=1e-9)


def test_a_build_by_products_stores_the_same_users_and_neighbors(
    by_similarities: Built, by_products: Built
) -> None:
    assert by_products.summary.plan == "products"
    for query in ("from users", "from neighbors"):
        assert by_products.rows(query) == by_similarities.rows(query)


def test_a_build_reports_its_plan_and_what_was_not_computed(
    by_similarities: Built, by_tiles: Built
) -> None:
    assert (by_similarities.summary.plan, by_tiles.summary.plan) == ("similarities", "tiles")
    assert by_tiles.summary.plan_reason.endswith("as was asked for")
    assert set(by_tiles.summary.plan_estimates) == {
        "similarities",
        "products",
        "tiles",
        "neighbors",
    }
    ((plan, reason, estimates),) = by_tiles.rows(
        "select plan, plan_reason, plan_estimates from build"
    )
    assert (plan, reason) == ("tiles", by_tiles.summary.plan_reason)
    assert json.loads(estimates) == by_tiles.summary.plan_estimates
    assert by_tiles.summary.mean_positive_neighbors is None
    assert by_tiles.summary.mean_negative_neighbors is None
    assert by_tiles.rows("select count(*), count(positive_neighbors) from users") == [(400, 0)]
    assert by_tiles.rows("select count(*) from neighbors") == [(0,)]


def test_what_is_likely_to_take_long_is_said_as_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The similarities of 100,000 users with a track in common are ten billion."""
    count = 100_000
    users, tracks = np.repeat(np.arange(count), 2), np.tile([0, 1], count)
    interactions = interaction_matrix(users, tracks, tracks / 2 - 0.25, (count, 2))
    work = Work.of(interactions, 2)
    names = []
    for neighbors in (True, False):
        plan = plan_scores(work, list_length=2, threads=2, memory=1 << 30, neighbors=neighbors)
        names.append(announced(plan))
    assert re.fullmatch(r"score \(products, about \d{3} s\)", names[0])
    assert names[1] == "score"

    monkeypatch.setattr("ubcf.building.scores.SECONDS_WORTH_SAYING", 0.0)
    write_log(tmp_path / "data.json", [(1, 2, 0.5), (1, 3, 1.0), (2, 3, 0.5)])
    done = call_ubcf("build", "data.json", "-v", "--plan", "products", cwd=tmp_path)
    assert done.stderr.count(" score (products, about 0 s)\n") == 1


@pytest.mark.parametrize("plan", WAYS)
def test_no_plan_stores_neighbors_with_store_neighbors_0(
    by_similarities: Built, tmp_path: Path, plan: str
) -> None:
    built = build_sample(tmp_path, plan=plan, store_neighbors=0)
    assert built.rows("select count(*) from neighbors") == [(0,)]
    assert built.output.read_bytes() == by_similarities.output.read_bytes()


def test_similar_users_are_computed_where_no_neighbors_are_stored(
    by_similarities: Built, by_tiles: Built
) -> None:
    for user in (7, 156, 300):
        stored = by_similarities.rows(
            f'select neighbor, similarity, common_tracks from neighbors where "user" = {user}'
            ' order by "rank"'
        )
        with ubcf.connect(by_tiles.database) as connection:
            computed = (
                ubcf.query(connection, "similar_users", user=user, k=50)
                .project("neighbor, similarity, common_tracks")
                .fetchall()
            )
        assert [row[::2] for row in computed] == [row[::2] for row in stored]
        assert [row[1] for row in computed] == pytest.approx([row[1] for row in stored], abs=1e-12)


def test_every_command_reads_a_database_without_neighbors(by_tiles: Built, tmp_path: Path) -> None:
    commands: list[list[str | int | Path]] = [
        ["inspect", "user", 7],
        ["explain", 7, 7],
        ["query", "similarity_distribution"],
        ["query", "neighbors_per_user"],
        ["query", "cold_users"],
        ["query", "example_users"],
        ["report", "-o", tmp_path / "report.html"],
        ["diff", by_tiles.database, by_tiles.database],
    ]
    for command in commands:
        database: list[str | int | Path] = [] if command[0] == "diff" else ["-d", by_tiles.database]
        ran = call_ubcf(*[*command, *database], cwd=tmp_path)
        assert ran.returncode == 0, (command, ran.stderr)


def test_the_command_line_says_that_neighbors_were_left_out(tmp_path: Path) -> None:
    ran = call_ubcf("build", SAMPLE, "--plan", "tiles", "--store-neighbors", 0, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "\nneighbors   not computed" in ran.stdout
    assert "\nplan        tiles" in ran.stdout


def check_that_too_little_memory_is_refused(folder: Path, users: int, tracks: int) -> None:
    """Every track was played once. The refusal names a limit, with which the build succeeds."""
    write_log(folder / "logs" / "data.json", ((t % users, t, t % 7 / 7) for t in range(tracks)))
    build = ("build", "logs", "--plan", "tiles", "--memory-limit")
    done = call_ubcf(*build, "256MiB", cwd=folder)
    assert done.returncode == 2
    assert not (folder / "ubcf.duckdb").exists()
    refused = re.fullmatch(
        rf"ubcf: error: memory_limit is 256 MiB; the scores of {users} users x {tracks:,} tracks"
        r" need at least ([0-9]+MiB)\n",
        done.stderr,
    )
    assert refused, done.stderr
    again = call_ubcf(*build, refused[1], cwd=folder)
    assert again.returncode == 0, again.stderr


def test_too_little_memory_is_refused_with_a_limit_that_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The smallest limit leaves 10 MiB for the matrices here, as if DuckDB took the rest."""
    monkeypatch.setattr("ubcf.building.memory.DATABASE_SHARE_BESIDE_MATRICES", 11 / 12)
    check_that_too_little_memory_is_refused(tmp_path, users=30, tracks=8_000)


@pytest.mark.slow
def test_too_little_memory_for_many_tracks_is_refused_with_a_limit_that_is_enough(
    tmp_path: Path,
) -> None:
    check_that_too_little_memory_is_refused(tmp_path, users=300, tracks=80_000)
