"""A build on a real cluster: a standalone master and two workers on loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import ubcf
from tests.support.engines import differences
from tests.support.spark_cluster import SparkCluster, await_stage, kill, spark_cluster

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("java") is None and os.environ.get("TESTS_NEED_SPARK") != "1",
        reason="Spark needs Java 17, and there is none",
    ),
]

MODEL = ("--preset", "listening")
OPTIONS = ("-d", "two.duckdb", "-o", "two.json", *MODEL)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkCluster]:
    with spark_cluster(
        tmp_path_factory.mktemp("cluster"), spark_ubcf_lostWorkersTimeout="3"
    ) as running:
        yield running


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with logs, and what one machine builds from them."""
    folder = tmp_path_factory.mktemp("place")
    ubcf.simulate(folder / "logs", users=600, tracks=900, events=30_000)
    with contextlib.chdir(folder):
        ubcf.build("logs", database="one.duckdb", output="one.json", preset="listening")
    return folder


def _same_as_on_one_machine(place: Path, name: str = "two") -> bool:
    same = (place / "one.json").read_bytes() == (place / f"{name}.json").read_bytes()
    return same and not differences(place / "one.duckdb", place / f"{name}.duckdb")


def test_spark_submit_gives_the_same_bytes(cluster: SparkCluster, place: Path) -> None:
    files = ("-d", "three.duckdb", "-o", "three.json", "--results", "results")
    process = cluster.start_build("logs", *files, *MODEL, cwd=place, submit=True)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert _same_as_on_one_machine(place, "three")


def test_a_cluster_that_loses_workers(cluster: SparkCluster, place: Path) -> None:
    """In one test, since each worker that is lost is missing in what follows."""
    # An executor is killed while ranges are at work: another one does them again.
    process = cluster.start_build("logs", *OPTIONS, cwd=place)
    await_stage(process, "score")
    executors = cluster.executors()
    assert len(executors) == 2
    kill(executors[0])
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert _same_as_on_one_machine(place)
    (first,) = (place / "ubcf-results").iterdir()
    former = (place / "two.duckdb").read_bytes(), (place / "two.json").read_bytes()

    # The driver is killed while it publishes: the former results stay whole.
    process = cluster.start_build("logs", *OPTIONS, cwd=place)
    await_stage(process, "write JSON")
    kill(process.pid)
    process.communicate(timeout=60)
    assert len(list((place / "ubcf-results").iterdir())) == 2
    assert ((place / "two.duckdb").read_bytes(), (place / "two.json").read_bytes()) == former
    assert _same_as_on_one_machine(place)

    # A worker is gone for good while logs are read: the other one does all.
    process = cluster.start_build("logs", *OPTIONS, cwd=place)
    await_stage(process, "read logs")
    kill(cluster.workers[0].pid, *cluster.executors(0))
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert _same_as_on_one_machine(place)
    # What the killed driver left is removed, and so are the results that nobody points to.
    names = {folder.name for folder in (place / "ubcf-results").iterdir()}
    assert len(names - {first.name}) == 1

    # No worker is left.
    process = cluster.start_build("logs", *OPTIONS, cwd=place)
    await_stage(process, "model")
    kill(cluster.workers[1].pid, *cluster.executors(1))
    _, said = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "error: no worker is left: all executors are gone for 3 s" in said
    assert {folder.name for folder in (place / "ubcf-results").iterdir()} == names - {first.name}
