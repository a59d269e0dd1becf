"""Logs and results of a build on Spark in an object store: moto, on loopback."""

from __future__ import annotations

import itertools
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ubcf
from tests.support.builds import Built
from tests.support.dirty_logs import write_dirty_logs
from tests.support.engines import differences
from tests.support.logs import log_line
from tests.support.paths import SAMPLE
from tests.support.servers import SECRET, Bucket
from tests.support.spark_cluster import await_stage, kill, spark_cluster
from ubcf.building.inputs.logs import LogFile
from ubcf.building.inputs.transfer import fetched_log
from ubcf.building.options import BuildOptions
from ubcf.database.stored_views import MARKER
from ubcf.errors import DatabaseError, OptionError, RejectedLinesError, RotatedError
from ubcf.remote import remote
from ubcf.spark.cluster import Cluster
from ubcf.spark.options import SparkOptions
from ubcf.spark.pipeline import build
from ubcf.spark.session import SparkError, spark_session
from ubcf.spark.storage import STORE, StoredTable, storage_of

NUMBERS = itertools.count(1)

LINE = f"{log_line(1, 1, 0.5)}\n".encode()


@pytest.fixture
def bucket(spark: Any, store: Any, tmp_path: Path) -> Iterator[Bucket]:
    """An empty bucket for one test, of a store that the tasks of Spark find too."""
    environment = spark.sparkContext.environment
    found = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    environment |= found
    with spark_session(BuildOptions(), SparkOptions(), tmp_path):
        yield Bucket(store, f"spark-{next(NUMBERS)}")
    for name in found:
        del environment[name]


def _builds(bucket: Bucket) -> set[str]:
    """The names of the builds that have objects among the results."""
    return {key.split("/")[1] for key in bucket.content() if key.startswith("results/")}


def test_logs_and_results_in_a_store_give_the_same_bytes(
    bucket: Bucket, sample: Built, tmp_path: Path
) -> None:
    bucket.put_folder(SAMPLE, "logs")
    place = f"s3://{bucket.name}"
    database = tmp_path / "two.duckdb"
    summary = build(
        f"{place}/logs", database=database, output=f"{place}/two.json", results=f"{place}/results/"
    )
    assert bucket.get("two.json") == sample.output.read_bytes()
    # The files have other names, and so do the catalog and its columns of the build.
    tables = ("users", "tracks", "interactions", "neighbors", "recommendations", "rejected_lines")
    with ubcf.connect(database) as found:
        for table in tables:
            rows = found.execute(f"from {table}").fetchall()
            assert (table, rows) == (table, sample.rows(f"from {table}"))
        assert found.execute("select count(*), count(distinct file) from events").fetchone() == (
            *sample.rows("select count(*) from events")[0],
            3,
        )
    (name,) = _builds(bucket)
    parts = [key for key in bucket.content() if key.startswith(f"results/{name}/json/")]
    assert b"".join(map(bucket.get, sorted(parts))) == bucket.get("two.json")
    assert not [key for key in bucket.content() if "/.work/" in key]
    assert [stage.stage for stage in summary.stages][:1] == ["fetch"]  # of the catalog
    assert {path.name for path in tmp_path.iterdir()} == {"two.duckdb"}


def test_options_give_the_same_tables_and_a_failed_build_leaves_the_former_one(
    bucket: Bucket, tmp_path: Path
) -> None:
    logs, place = tmp_path / "logs", f"s3://{bucket.name}"
    write_dirty_logs(logs)
    users = tmp_path / "users.txt"
    users.write_text("3\n999\n-5\n")
    options: dict[str, Any] = {
        "max_rejected": 0.5,
        "preset": "listening",
        "predict": True,
        "repeats": "drop",
        "since": "2023-11-15",
        "users": users,
    }
    one, two = tmp_path / "one.duckdb", tmp_path / "two.duckdb"
    outputs = tmp_path / "one.json", tmp_path / "two.json"
    ubcf.build(logs, database=one, output=outputs[0], **options)
    results = f"{place}/results"
    build(logs, database=two, output=outputs[1], results=results, **options)
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    assert differences(one, two) == []

    # Of builds that nobody points to, those of this database on this machine are removed.
    for name, owner in (
        ("leftover", f"{socket.gethostname()}:{two}"),
        ("of another database", f"{socket.gethostname()}:{one}"),
        ("of another machine", f"another-machine:{two}"),
    ):
        bucket.put(f"results/{name}/{MARKER}", json.dumps({"database": owner}).encode())
        bucket.put(f"results/{name}/users/000000.parquet", b"rows")
    before = _builds(bucket) - {"leftover"}
    with pytest.raises(RejectedLinesError, match="more than --max-rejected 0"):
        build(logs, database=two, output=outputs[1], results=results)
    assert _builds(bucket) == before
    assert differences(one, two) == []


def test_a_log_that_changes_after_it_was_found_is_named(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("logs/data.json", LINE * 20)
    source = remote().file(f"s3://{bucket.name}/logs/data.json")
    assert source is not None
    log = LogFile(
        source.name, tmp_path / "gone" / "0.json", source.bytes or 0, (0, 0), None, source
    )
    assert fetched_log(log, tmp_path).path.read_bytes() == LINE * 20
    for content in (LINE.replace(b"1", b"2") * 20, LINE * 21):
        bucket.put("logs/data.json", content)
        with pytest.raises(RotatedError, match=f"^{source.name}: changed or vanished while"):
            fetched_log(log, tmp_path)
    bucket.delete("logs/data.json")
    with pytest.raises(RotatedError, match=f"^{source.name}: changed or vanished while"):
        fetched_log(log, tmp_path)


# All types that a column of a catalog may have, in DuckDB's words.
TYPED = """
    select
        1::tinyint as a, 2::smallint as b, 3::integer as c, 4::bigint as d, 5::utinyint as e,
        6::usmallint as f, 7::uinteger as g, 18446744073709551615::ubigint as h, 0.1::float as i,
        0.1::double as j, 1.25::decimal(18, 3) as k, true as l, 'ä''b' as m,
        'x'::enum('x', 'y') as n,
        date '2024-02-29' as o, timestamp '2024-02-29 01:02:03.456789' as p,
        timestamptz '2024-02-29 01:02:03+00' as q, '\\xAA'::blob as r, ['a', null] as s,
        map {'k': 'v'} as t, {'x': 1, 'y': ['z']} as u, null::double as v
    from range(3)
"""


def test_spark_sees_the_rows_and_the_types_that_it_reads_by_itself(
    spark: Any, bucket: Bucket, tmp_path: Path
) -> None:
    with duckdb.connect() as connection:
        file = tmp_path / "t" / "000000.parquet"
        file.parent.mkdir()
        connection.execute(f"copy ({TYPED}) to '{file}'")
        relation = connection.sql(TYPED)
        types = dict(zip(relation.columns, map(str, relation.types), strict=True))
    bucket.put("t/000000.parquet", file.read_bytes())
    url = f"s3://{bucket.name}/t/000000.parquet"
    own, ours = (
        storage_of(name).frame(spark, StoredTable((name,), types)) for name in (str(file), url)
    )
    assert ours.schema == own.schema
    assert ours.collect() == own.collect()


def test_parts_that_spark_writes_have_the_order_of_its_rows(spark: Any, bucket: Bucket) -> None:
    folder = f"s3://{bucket.name}/t"
    frame = spark.range(1000).repartition(5).selectExpr("id", "1000 - id as rest").orderBy("rest")
    files = STORE.store_frame(frame, folder, lambda action: action())
    with duckdb.connect() as connection:
        STORE.open_to(connection, folder)
        rows = connection.execute(StoredTable(tuple(files), {"id": "BIGINT"}).query()).fetchall()
        assert [number for (number,) in rows] == list(range(999, -1, -1))
        # A frame without rows is a part without rows.
        (file,) = STORE.store_frame(frame.where("id < 0"), f"{folder}2", lambda action: action())
        STORE.open_to(connection, f"{folder}2")
        assert connection.execute(f"select count(*) from '{file}'").fetchall() == [(0,)]


def test_what_a_task_of_spark_cannot_write_is_said_in_a_line(spark: Any, bucket: Bucket) -> None:
    folder = "s3://nobody-has-this/t"

    def write() -> list[str]:
        return STORE.store_frame(spark.range(3), folder, lambda action: action())

    with pytest.raises(DatabaseError) as error:
        Cluster(spark).call(write)
    assert str(error.value).startswith(f"{folder}/00000")
    assert str(error.value).endswith(".parquet: cannot be written: no such place")
    assert bucket.keys() == []


@pytest.mark.parametrize(
    ("results", "words"),
    [
        ("http://host/results", "http://host/results: results go to a folder of an object store"),
        ("s3://{0}/res*", "results go to a folder of an object store by its plain name"),
        ("s3://key:secret@{0}/results", "results go to a folder of an object store by its plain"),
        ("s3://{0}/logs", "the next build would read it as a log or a catalog"),
        ("s3://nobody-has-this/results", "nobody-has-this/results/.*: cannot be written: no such"),
    ],
)
def test_places_of_results_that_are_refused(
    bucket: Bucket, tmp_path: Path, results: str, words: str
) -> None:
    bucket.put("logs/a.parquet", b"rows")
    with pytest.raises((OptionError, DatabaseError), match=words) as error:
        build(
            f"s3://{bucket.name}/logs",
            database=tmp_path / "a.duckdb",
            results=results.replace("{0}", bucket.name),
            pattern="*.parquet",
        )
    assert "secret" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_driver_that_is_killed_leaves_the_former_results(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a standalone cluster, whose workers reach the store by their own environment."""
    ubcf.simulate(tmp_path / "logs", users=300, tracks=400, events=6_000)
    bucket.put_folder(tmp_path / "logs", "logs")
    place = f"s3://{bucket.name}"
    one, two = tmp_path / "one.duckdb", tmp_path / "two.duckdb"
    ubcf.build(f"{place}/logs", database=one, output=tmp_path / "one.json", preset="listening")
    options = ["-d", two.name, "-o", "two.json", "--results", f"{place}/results"]
    options += ["--preset", "listening"]
    with spark_cluster(tmp_path / "cluster", workers=1) as cluster:
        code, said = cluster.build(f"{place}/logs", *options, cwd=tmp_path)
        assert code == 0, said
        assert SECRET not in said
        (former,) = _builds(bucket)
        for stage in ("score", "write JSON"):
            process = cluster.start_build(f"{place}/logs", *options, cwd=tmp_path)
            await_stage(process, stage)
            kill(process.pid)
            process.communicate(timeout=60)
            assert (tmp_path / "two.json").read_bytes() == (tmp_path / "one.json").read_bytes()
            assert differences(one, two) == []
        assert len(_builds(bucket)) == 2  # the second build removed what the first one left
    # What a build does first: it removes what no database names. Then this one finds no master.
    monkeypatch.setattr("pyspark.sql.SparkSession.getActiveSession", lambda: None)
    with pytest.raises(SparkError, match="the master does not answer"):
        build(
            tmp_path / "logs",
            database=two,
            master="spark://127.0.0.1:9",
            results=f"{place}/results",
        )
    assert _builds(bucket) == {former}
    assert differences(one, two) == []
