"""The same input gives the same bytes, whatever the threads, the memory and the order of files."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from tests.support.blocks import collect_arrays
from tests.support.builds import Built, build_in
from tests.support.commands import run_ubcf
from ubcf.database.writing import HELD_SHARE
from ubcf.scoring.lists import score_users
from ubcf.scoring.matrices import ModelMatrices, interaction_matrix
from ubcf.scoring.options import PRESETS
from ubcf.scoring.ranking import ListOptions
from ubcf.simulation.simulate import simulate

# Columns that depend on the machine, the time or the options for speed.
TIMINGS = {
    "build": ("started_at", "seconds", "plan_reason", "plan_estimates"),
    "build_stages": ("seconds",),
}

# Tables that depend on the files, not only on the events in them.
ABOUT_FILES = ("events", "rejected_lines", "build", "build_inputs", "build_stages")

TABLES = [
    "build",
    "build_inputs",
    "build_stages",
    "events",
    "interactions",
    "neighbors",
    "recommendations",
    "rejected_lines",
    "tracks",
    "users",
    "weights",
]

BuildWith = Callable[..., Built]


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The logs of three replicas, and their catalog."""
    folder = tmp_path_factory.mktemp("simulated")
    simulate(folder, users=300, tracks=400, events=5_000, replicas=3, seed=1)
    return folder


@pytest.fixture(scope="module")
def once(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A build of the logs on one thread, which all others must equal."""
    return build_in(tmp_path_factory.mktemp("once"), logs, catalog=logs / "tracks.json", threads=1)


@pytest.fixture
def build_with(logs: Path, tmp_path: Path) -> BuildWith:
    """Builds from these places (by default the folder of logs), with options."""
    return lambda *places, **options: build_in(
        tmp_path, places or (logs,), catalog=logs / "tracks.json", **options
    )


def assert_same(built: Built, once: Built, *left_out: str) -> None:
    """Asserts equal bytes of JSON and equal rows in every table, without timings."""
    assert built.output.read_bytes() == once.output.read_bytes()
    with duckdb.connect() as connection:
        for name, database in (("ours", built.database), ("theirs", once.database)):
            connection.execute(f"attach '{database}' as {name} (read_only)")
        for name in ("ours", "theirs"):
            tables = connection.execute(f"show tables from {name}").fetchall()
            assert sorted(table for (table,) in tables) == TABLES
        for table in TABLES:
            if table not in left_out:
                timings = ", ".join(TIMINGS.get(table, ()))
                columns = f"* exclude ({timings})" if timings else "*"
                ours, theirs = (
                    f"select {columns} from {name}.{table}" for name in ("ours", "theirs")
                )
                different = f"({ours} except all {theirs}) union all ({theirs} except all {ours})"
                assert connection.execute(different).fetchall() == [], table


def test_the_builds_compared_have_rows_in_every_table(once: Built) -> None:
    assert once.summary.accepted == 5_000
    assert once.summary.recommendations == 300 * 100
    assert (once.summary.mean_positive_neighbors or 0) > 10


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_number_of_threads_does_not_matter(
    build_with: BuildWith, once: Built, threads: int
) -> None:
    assert_same(build_with(threads=threads), once)


@pytest.mark.parametrize("memory_limit", ["256MiB", "4GiB"])
def test_the_memory_limit_does_not_matter(
    build_with: BuildWith, once: Built, memory_limit: str
) -> None:
    assert_same(build_with(threads=2, memory_limit=memory_limit), once)


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "notebook"])
def test_neither_threads_nor_memory_matter_to_a_preset_with_predicted_times(
    logs: Path,
    build_with: BuildWith,
    preset: str,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    once = build_in(
        tmp_path_factory.mktemp(preset),
        logs,
        catalog=logs / "tracks.json",
        preset=preset,
        predict=True,
        threads=1,
    )
    monkeypatch.setattr("ubcf.building.scores.BYTES_PER_PAIR", 10_000)  # predicted in groups
    again = build_with(preset=preset, predict=True, threads=3, memory_limit="256MiB")
    assert_same(again, once)


def test_the_order_of_the_files_does_not_matter(
    logs: Path, build_with: BuildWith, once: Built
) -> None:
    files = sorted(logs.glob("*/data.json"))
    assert_same(build_with(files[2], files[0], files[1]), once)


def test_events_are_in_the_order_of_files_and_lines(logs: Path, build_with: BuildWith) -> None:
    lines = [
        json.loads(line)
        for file in sorted(logs.glob("*/data.json"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    events = build_with(threads=3).rows('select "user", track, epoch_ms(timestamp) from events')
    assert events == [(line["user"], line["track"], line["timestamp"]) for line in lines]


def test_a_file_given_twice_is_read_once(logs: Path, build_with: BuildWith, once: Built) -> None:
    first = logs / "botify-recommender-1"
    assert_same(build_with(logs, first, first / "data.json", logs / "*" / "data.json"), once)


def test_compressed_logs_give_the_same_build(
    logs: Path, build_with: BuildWith, once: Built, tmp_path: Path
) -> None:
    for file in logs.glob("*/data.json"):
        copy = tmp_path / file.parent.name / "data.json.gz"
        copy.parent.mkdir()
        copy.write_bytes(gzip.compress(file.read_bytes()))
    assert_same(build_with(tmp_path), once, *ABOUT_FILES)


def test_the_replica_and_the_order_of_the_lines_do_not_matter(
    logs: Path, build_with: BuildWith, once: Built, tmp_path: Path
) -> None:
    lines = [line for file in logs.glob("*/data.json") for line in file.read_text().splitlines()]
    random.Random(3).shuffle(lines)
    for name, part in (("data.json", lines[:3_500]), ("data.json.1", lines[3_500:])):
        (tmp_path / name).write_text("\n".join(part) + "\n")
    assert_same(build_with(tmp_path), once, *ABOUT_FILES)


def test_every_process_makes_the_same_bytes(logs: Path, once: Built, tmp_path: Path) -> None:
    for seed in ("1", "2"):
        output = tmp_path / f"{seed}.json"
        ran = run_ubcf(
            "build", logs, "-o", output, cwd=tmp_path, environment={"PYTHONHASHSEED": seed}
        )
        assert ran.returncode == 0, ran.stderr
        assert output.read_bytes() == once.output.read_bytes()


@pytest.fixture(scope="module")
def interactions(once: Built) -> sparse.csr_array:
    """R of the simulated logs, users x tracks, the tracks by popularity."""
    rows = once.rows(
        'select dense_rank() over (order by "user") - 1, popularity_rank - 1, centered_time'
        " from interactions inner join tracks using (track)"
    )
    users, tracks, centered_times = (np.array(column) for column in zip(*rows, strict=True))
    return interaction_matrix(users, tracks, centered_times, (users.max() + 1, tracks.max() + 1))


def arrays_of(interactions: sparse.csr_array, **limits: Any) -> dict[str, NDArray[Any]]:
    return collect_arrays(score_users(ModelMatrices(interactions), ListOptions(100, 50), **limits))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("most_users", [1, 7, 64, 299])
def test_the_scores_are_the_same_to_the_bit_in_blocks_of_any_size(
    interactions: sparse.csr_array, most_users: int, threads: int
) -> None:
    whole = arrays_of(interactions)
    blocks = arrays_of(interactions, most_users=most_users, threads=threads)
    assert all(np.array_equal(blocks[name], whole[name]) for name in whole)


@pytest.mark.parametrize("held_share", [HELD_SHARE, 0.0], ids=["held", "stored"])
def test_results_are_in_order_of_users_and_ranks(
    held_share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate(tmp_path / "logs", users=700, tracks=150, events=8_000, seed=1)
    monkeypatch.setattr("ubcf.database.writing.HELD_SHARE", held_share)
    built = build_in(tmp_path, tmp_path / "logs", threads=2)
    for table, rows in (("recommendations", 65_000), ("neighbors", 20_000)):
        assert built.rows(
            f"""
            select count(*) > {rows}, bool_and(is_next)
            from (
                select row("user", rank) > lag(row("user", rank)) over (order by rowid) as is_next
                from {table}
            )
            """
        ) == [(True, True)]
