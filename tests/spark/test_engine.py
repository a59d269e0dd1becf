"""A build on an embedded Spark: the same bytes as on one machine, all or nothing, and its words."""

from __future__ import annotations

import builtins
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

import ubcf
from tests.support.builds import Built
from tests.support.dirty_logs import write_dirty_logs
from tests.support.engines import differences
from tests.support.logs import write_log
from tests.support.overlays import overlay
from tests.support.stored import with_views
from ubcf.building.options import BuildOptions
from ubcf.database.stored_views import MARKER
from ubcf.errors import MemoryLimitError, OptionError, RejectedLinesError
from ubcf.spark.cluster import Cluster
from ubcf.spark.options import SparkOptions
from ubcf.spark.pipeline import build, shared_by_tasks
from ubcf.spark.results import remove_unnamed
from ubcf.spark.session import SparkError, spark_session
from ubcf.spark.shared import Shared, check_worker

SAMPLE = Path(__file__).parents[2] / "data"


def test_the_sample_gives_the_same_bytes(spark: Any, sample: Built, tmp_path: Path) -> None:
    assert spark is not None
    database, output = tmp_path / "two.duckdb", tmp_path / "two.json"
    summary = build(SAMPLE, database=database, output=output)
    assert output.read_bytes() == sample.output.read_bytes()
    assert differences(sample.database, database) == []
    (folder,) = (tmp_path / "ubcf-results").iterdir()
    parts = sorted((folder / "json").iterdir())
    assert b"".join(part.read_bytes() for part in parts) == output.read_bytes()
    assert not (folder / ".work").exists()
    assert summary.recommendations == 40_000
    assert {path.name for path in tmp_path.iterdir()} == {
        "two.duckdb",
        "two.json",
        "ubcf-results",
    }


def test_dirty_logs_give_the_same_bytes_or_nothing(spark: Any, tmp_path: Path) -> None:
    assert spark is not None
    logs = tmp_path / "logs"
    write_dirty_logs(logs)
    options: dict[str, Any] = {"max_rejected": 0.5, "preset": "listening", "predict": True}
    users = tmp_path / "users.txt"
    users.write_text("3\n999\n-5\n")
    one, two = tmp_path / "one.duckdb", tmp_path / "two.duckdb"
    outputs = tmp_path / "one.json", tmp_path / "two.json"
    ubcf.build(logs, database=one, output=outputs[0], users=users, **options)
    build(logs, database=two, output=outputs[1], users=users, **options)
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    assert differences(one, two) == []
    with ubcf.connect(two) as connection:
        rejected = connection.execute("select count(*), count(distinct reason) from rejected_lines")
        assert rejected.fetchone() == (34, 11)

    # A build that fails leaves the former results; the next one removes what nobody points to.
    results = tmp_path / "ubcf-results"
    (named,) = results.iterdir()
    before = two.read_bytes(), outputs[1].read_bytes()
    leftover, others = results / "leftover", results / "others"
    for folder, owner in ((leftover, two), (others, one)):
        folder.mkdir()
        (folder / MARKER).write_text(json.dumps({"database": str(owner)}))
    with pytest.raises(RejectedLinesError, match="more than --max-rejected 0"):
        build(logs, database=two, output=outputs[1])
    assert (two.read_bytes(), outputs[1].read_bytes()) == before
    assert set(results.iterdir()) == {named, others}
    assert differences(one, two) == []


def test_results_of_a_database_that_is_gone_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "build"
    folder.mkdir()
    (folder / MARKER).write_text(json.dumps({"database": str(tmp_path / "gone.duckdb")}))
    remove_unnamed(str(tmp_path), tmp_path / "gone.duckdb")
    assert not folder.exists()


def test_results_that_a_database_names_stay_whatever_they_are_called(
    sample: Built, tmp_path: Path
) -> None:
    root = tmp_path / "res [a]*'s"
    pointer = with_views(sample.database, root)
    marker = root / "results" / MARKER
    marker.write_text(json.dumps({"database": str(pointer)}))
    remove_unnamed(str(root), pointer)
    assert marker.exists()


def test_one_machine_loads_no_pyspark(tmp_path: Path) -> None:
    program = (
        "import sys, ubcf\n"
        f"ubcf.build({str(SAMPLE)!r}, database='a.duckdb', output='a.json')\n"
        "import ubcf.commands.build\n"
        "assert not {'pyspark', 'py4j', 'ubcf.spark'} & set(sys.modules), 'loaded'\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)


def _start(master: str | None, folder: Path) -> None:
    with spark_session(BuildOptions(), SparkOptions(master), folder):
        pass


def _without(missing: str) -> Callable[..., Any]:
    """Python's import, of a machine on which a package is missing."""
    real = builtins.__import__

    def imported(name: str, *rest: Any, **given: Any) -> Any:
        if name == missing:
            raise ImportError(f"No module named {name!r}", name=name)
        return real(name, *rest, **given)

    return imported


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for package in ("pyspark", "pyarrow"):
        with monkeypatch.context() as context:
            context.setattr(builtins, "__import__", _without(package))
            expected = f"needs {package}, which is not installed: pip install 'ubcf\\[spark\\]'"
            with pytest.raises(SparkError, match=expected):
                _start(None, tmp_path)
    with monkeypatch.context() as context:
        context.setattr("pyspark.__version__", "3.4.1")
        with pytest.raises(SparkError, match=r"pyspark 3\.4\.1 is installed; .* needs 3\.5 or"):
            _start(None, tmp_path)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with monkeypatch.context() as context:
        context.setenv("PATH", str(tmp_path))
        with pytest.raises(SparkError, match=r"needs Java 17: there is no java; install it"):
            _start(None, tmp_path)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(SparkError, match=r"JAVA_HOME is .*, which has no bin/java"):
        _start(None, tmp_path)


def test_a_java_that_does_not_fit_is_named(tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(
        "#!/bin/sh\n"
        """[ "$1" = -version ] && echo 'openjdk version "11.0.13"' >&2 && exit\n"""
        "echo 'Error: LinkageError occurred\njava.lang.UnsupportedClassVersionError: org' >&2\n"
        "exit 1\n"
    )
    java.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-m", "ubcf", "build", SAMPLE, "--engine", "spark"],
        cwd=tmp_path,
        env={**os.environ, "JAVA_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    (line,) = done.stderr.splitlines()
    assert line.startswith("ubcf: error: the engine spark needs Java 17: pyspark ")
    assert f'does not run on {java} (openjdk version "11.0.13"); install it' in line


@pytest.mark.parametrize(
    ("master", "expected"),
    [
        ("spark://127.0.0.1:9", r"the master does not answer \(Connection refused\)"),
        ("127.0.0.1:7077", "is no master of Spark; these are spark://HOST:PORT"),
    ],
)
def test_a_master_that_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, master: str, expected: str
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").touch()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setattr("pyspark.sql.SparkSession.getActiveSession", lambda: None)
    with pytest.raises(SparkError, match=expected):
        _start(master, tmp_path)


def test_options_that_a_cluster_cannot_bear(tmp_path: Path) -> None:
    for name in ("lines_of_files", "left_out_by_file"):
        template = overlay(tmp_path / name, f"staging/{name}.sql", "select 1")
        with pytest.raises(OptionError, match=rf"{name}\.sql: the engine spark reads each file by"):
            build(SAMPLE, database=tmp_path / "a.duckdb", templates=template)
    (tmp_path / "file").touch()
    with pytest.raises(OptionError, match="exists, and is no folder; choose another --results"):
        build(SAMPLE, database=tmp_path / "a.duckdb", results=tmp_path / "file")


def test_workers_that_do_not_fit(spark: Any, tmp_path: Path) -> None:
    assert spark is not None
    (tmp_path / MARKER).touch()
    unseen = Shared("0.0 x", str(tmp_path / "unseen"), BuildOptions(), is_local=False)
    with pytest.raises(SparkError, match="cannot see it; put it on a file system that all"):
        check_worker(unseen, 0)
    other = Shared("0.0 x", str(tmp_path), BuildOptions(), is_local=False)
    with pytest.raises(
        SparkError, match=r"has ubcf \d.*, the driver 0\.0: install one version for both"
    ):
        check_worker(other, 0)
    with spark_session(BuildOptions(), SparkOptions(), tmp_path) as session:
        cluster = Cluster(session)
        with pytest.raises(SparkError, match="an executor has no ubcf_of_nobody: install ubcf"):
            cluster.map(_imports_what_is_missing, [0])
        with pytest.raises(SparkError, match="Spark failed: ZeroDivisionError: division by zero"):
            cluster.map(_divides, [0])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(session.sparkContext, "pythonExec", "/nowhere/python")
            with pytest.raises(SparkError, match="a worker cannot run the Python /nowhere/python"):
                cluster.map(_process, [0])
        # One process of an executor holds R, however many others have read logs.
        others = set(cluster.map(_process, range(4)))
        alone = {
            process
            for _ in range(3)
            for process in cluster.map(_process, [0, 1], whole_executor=True)
        }
        assert len(alone) == 1
        assert not alone & others


def _imports_what_is_missing(_number: int) -> None:
    import ubcf_of_nobody  # type: ignore[import-not-found]

    ubcf_of_nobody.work()


def _process(_number: int) -> int:
    return os.getpid()


def _divides(number: int) -> float:
    return 1 / number


class _Overhead:
    """A cluster whose executors have this much beside the heap of their JVM, and 2 cores."""

    is_local = False
    tasks_at_once = 2
    jvm_overhead = 384 * 2**20

    def __init__(self, overhead: int | None) -> None:
        self.overhead = overhead


def _memory_beside(overhead: int | None, limit: str | None = None) -> int | str | None:
    """The memory limit of tasks."""
    cluster = cast(Cluster, _Overhead(overhead))
    return shared_by_tasks(BuildOptions(memory_limit=limit), cluster, "").options.memory_limit


def test_the_memory_beside_the_heap_must_hold_the_limit_and_the_rest_of_the_jvm() -> None:
    with pytest.raises(
        OptionError, match=r"is 2,048 MiB; .* limit, 2,048 MiB, and 384 MiB .* 2432m"
    ):
        _memory_beside(2**31, "2GiB")
    assert _memory_beside(2432 * 2**20, "2GiB") == 2**31
    assert _memory_beside(2**30) == 640 * 2**20
    assert _memory_beside(None, "2GiB") == 2**31
    assert _memory_beside(None) is None
    with pytest.raises(OptionError, match=r"Overhead is 512 MiB; .* 256 MiB, and .* to 640m"):
        _memory_beside(512 * 2**20)


def test_the_limit_must_hold_all_tasks_that_read() -> None:
    with pytest.raises(OptionError, match=r"reads 2 logs at a time, .* at least 512MiB are needed"):
        _memory_beside(None, "511MiB")
    assert _memory_beside(None, "512MiB") == 2**29


def test_settings_of_spark_that_are_sizes_are_read_as_spark_reads_them(spark: Any) -> None:
    cluster = Cluster(spark)
    assert (cluster.overhead, cluster.jvm_overhead) == (None, 384 * 2**20)
    with pytest.MonkeyPatch.context() as patch:
        settings = {"spark.executor.memoryOverhead": "3000", "spark.executor.memory": "8g"}
        patch.setattr(spark.sparkContext, "getConf", lambda: settings)
        assert (cluster.overhead, cluster.jvm_overhead) == (3000 * 2**20, 2**33 // 10)


def test_what_no_executor_can_hold_is_refused_with_its_size(spark: Any, tmp_path: Path) -> None:
    assert spark is not None
    write_log(tmp_path / "data.json", ((user, user % 7, 0.5) for user in range(5_000)))
    with pytest.raises(MemoryLimitError, match=r"by a ridge need at least [0-9]+MiB"):
        build(tmp_path, database=tmp_path / "a", preset="taste", memory_limit="256MiB")
    assert [path.name for path in tmp_path.iterdir() if path.name != "data.json"] == [
        "ubcf-results"
    ]
    assert list((tmp_path / "ubcf-results").iterdir()) == []
