"""Starting Spark, and why it cannot be started: each reason in one line that says what to do."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ubcf.building.options import SMALLEST_MEMORY, BuildOptions
from ubcf.database.engines import SPARK_SETTINGS
from ubcf.errors import UbcfError, one_line
from ubcf.spark.options import SparkOptions

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# The oldest version of pyspark whose scheduler gives a scoring task a whole executor everywhere.
OLDEST_PYSPARK = (3, 5)

# Seconds that a master may take to answer, and its workers to give the first executor.
MASTER_SECONDS = 10.0
EXECUTOR_SECONDS = 120.0

POLL_SECONDS = 0.1

# The largest heap of the embedded JVM: it only runs SQL over the model.
LOCAL_HEAP = "1g"

# The settings of an embedded Spark: less for the compiler of the JVM to do, and no web pages.
LOCAL_SETTINGS = {
    "spark.driver.memory": LOCAL_HEAP,
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
}

# Variables that executors get as the driver has them, and their values if it has none: OpenBLAS
# would start threads of its own; numba keeps compiled kernels in this folder.
EXECUTOR_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "NUMBA_CACHE_DIR": ""}

LOCAL_JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

GET_JAVA = (
    "install it, such as by apt install openjdk-17-jre-headless, or set JAVA_HOME to its folder"
)

# The environment of a process that spark-submit started has this.
SUBMITTED = "PYSPARK_GATEWAY_PORT"

# What an older Java, or a newer one, says of a Spark that it cannot run.
OTHER_JAVA = re.compile("UnsupportedClassVersionError|getSubject is not supported")

MASTER_ADDRESS = re.compile(r"(?:spark://)?([^:/,]+):([0-9]+)")


class SparkError(UbcfError):
    """Spark cannot be started, or its cluster cannot do the work."""


@contextlib.contextmanager
def spark_session(
    options: BuildOptions, spark_options: SparkOptions, folder: Path
) -> Iterator[SparkSession]:
    """A session of Spark, which ends with the context unless somebody else began it.

    folder: for temporary files of an embedded Spark, and for what it says.
    Raises SparkError when it cannot be started.
    """
    _check_installation()
    from py4j.protocol import Py4JError
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None:
        for name, value in SPARK_SETTINGS.items():
            active.conf.set(name, value)
        _name_python(active)
        yield active
        return
    if SUBMITTED in os.environ:
        # The settings that spark-submit was given are those of its JVM.
        SparkContext._ensure_initialized()
    conf = SparkConf()
    # Each thread reads a log with this much memory.
    readers = min(options.thread_count, options.memory // SMALLEST_MEMORY)
    master = spark_options.master or conf.get("spark.master", None) or f"local[{readers}]"
    assert master is not None
    _check_master(master)
    for name, value in _settings(master, options, folder, conf).items():
        conf.set(name, value)
    session = _started(SparkSession.builder.config(conf=conf), master, spark_options, folder)
    try:
        try:
            _name_python(session)
            session.sparkContext.setLogLevel("WARN" if spark_options.verbose else "OFF")
            _await_executor(session, master)
        except (OSError, Py4JError) as error:
            # The JVM ends if no master takes the application.
            raise SparkError(_not_taken(master)) from error
        yield session
    finally:
        _stop(session)


def _name_python(session: SparkSession) -> None:
    """Says which Python executors run: they would take the python3 of their system.

    A cluster is likely to have that of the driver at the same path; else a setting names theirs.
    """
    context = session.sparkContext
    given = context.getConf().get("spark.pyspark.python", os.environ.get("PYSPARK_PYTHON"))
    context.pythonExec = given or sys.executable


def is_local(session: SparkSession) -> bool:
    """Whether the executors are in the process of the driver's JVM."""
    return _is_embedded(str(session.sparkContext.master))


def _is_embedded(master: str) -> bool:
    return master == "local" or master.startswith("local[")


def _check_installation() -> None:
    """Raises SparkError without a pyspark that fits, without what it needs, and without Java."""
    try:
        import pandas  # noqa: F401
        import pyarrow  # noqa: F401
        import pyspark
    except ImportError as error:
        raise SparkError(
            f"the engine spark needs {error.name}, which is not installed: "
            "pip install 'ubcf[spark]'"
        ) from error
    version = tuple(int(part) for part in re.findall(r"[0-9]+", pyspark.__version__)[:2])
    if version < OLDEST_PYSPARK:
        raise SparkError(
            f"pyspark {pyspark.__version__} is installed; the engine spark needs "
            f"{'.'.join(map(str, OLDEST_PYSPARK))} or newer: pip install -U 'ubcf[spark]'"
        )
    if _java() is None:
        home = os.environ.get("JAVA_HOME")
        where = f"JAVA_HOME is {home}, which has no bin/java" if home else "there is no java"
        raise SparkError(f"the engine spark needs Java 17: {where}; {GET_JAVA}")


def _java() -> Path | None:
    """The Java that Spark takes, if there is one."""
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home, "bin", "java")) if home else shutil.which("java")
    return Path(found) if found and Path(found).is_file() else None


def _other_java() -> str:
    """The sentence about a Java that this version of Spark does not run on."""
    import pyspark

    java = _java()
    said = subprocess.run([str(java), "-version"], capture_output=True, text=True, check=False)
    version = said.stderr.partition("\n")[0].strip()
    return (
        f"the engine spark needs Java 17: pyspark {pyspark.__version__} does not run on {java} "
        f"({version}); {GET_JAVA}"
    )


def _check_master(master: str) -> None:
    """Raises SparkError for what is no master, and for a standalone one that does not answer."""
    if not re.match(r"local(\[|$|-cluster\[)|spark://|yarn$|k8s://", master):
        raise SparkError(
            f"{master}: is no master of Spark; these are spark://HOST:PORT, yarn, k8s://URL, "
            "local[*]"
        )
    if not master.startswith("spark://"):
        return
    reasons = []
    for host, port in MASTER_ADDRESS.findall(master):
        try:
            socket.create_connection((host, int(port)), MASTER_SECONDS).close()
            return
        except OSError as error:
            reasons.append(error.strerror or str(error))
    raise SparkError(
        f"{master}: the master does not answer ({', '.join(reasons) or 'no HOST:PORT'}); "
        "is it running, and can this machine reach it?"
    )


def _not_taken(master: str) -> str:
    """The sentence about a master that answers, but does not talk to this version of Spark."""
    import pyspark

    return (
        f"{master}: what answers there does not take the application; is it a master of Spark, of "
        f"version {pyspark.__version__} as this machine's pyspark?"
    )


def _settings(master: str, options: BuildOptions, folder: Path, conf: Any) -> dict[str, str]:
    """The settings that a session needs, beside those that spark-submit gave."""
    settings = {
        **SPARK_SETTINGS,
        "spark.master": master,
        "spark.app.name": conf.get("spark.app.name", "ubcf build"),
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    }
    for name, value in EXECUTOR_ENVIRONMENT.items():
        if found := os.environ.get(name, value):
            settings[f"spark.executorEnv.{name}"] = found
    if not _is_embedded(master):
        return settings
    package = str(Path(__file__).parents[2])
    given = os.environ.get("PYTHONPATH")
    settings |= {name: value for name, value in LOCAL_SETTINGS.items() if not conf.contains(name)}
    settings |= {
        "spark.executorEnv.PYTHONPATH": os.pathsep.join(filter(None, [package, given])),
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
    }
    if not conf.contains("spark.sql.shuffle.partitions"):
        settings["spark.sql.shuffle.partitions"] = str(options.thread_count)
    if not conf.contains("spark.driver.extraJavaOptions"):
        settings["spark.driver.extraJavaOptions"] = LOCAL_JAVA_OPTIONS
    return settings


def _started(builder: Any, master: str, spark_options: SparkOptions, folder: Path) -> SparkSession:
    """Starts the session; what the JVM says goes to a file, unless it is to be seen."""
    said = folder / "spark.log"
    try:
        with (
            contextlib.nullcontext() if spark_options.verbose else _stderr_to(said),
            _own_ctrl_c(),
        ):
            session: SparkSession = builder.getOrCreate()
            return session
    except UbcfError:
        raise
    except Exception as error:
        reason = one_line(error).split(" at org.apache", 1)[0]
        words = said.read_text(errors="replace") if said.exists() else ""
        if OTHER_JAVA.search(words + reason):
            raise SparkError(_other_java()) from error
        if "stopped SparkContext" in reason:
            raise SparkError(_not_taken(master)) from error
        if "JAVA_GATEWAY_EXITED" in reason:
            reason = _last_words(words) or reason
        raise SparkError(f"Spark cannot be started with the master {master}: {reason}") from error


@contextlib.contextmanager
def _own_ctrl_c() -> Iterator[None]:
    """Keeps what Ctrl-C does, which pyspark changes when it starts."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)


@contextlib.contextmanager
def _stderr_to(path: Path) -> Iterator[None]:
    """Lets processes that are started meanwhile say on stderr what goes to a file."""
    sys.stderr.flush()
    kept = os.dup(2)
    with path.open("ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _last_words(text: str) -> str:
    """What a JVM that ended said of the reason."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    reasons = [line for line in lines if re.search(r"Exception|Error|error|cannot|requires", line)]
    return (reasons or lines or [""])[0][:300]


def executors(session: SparkSession) -> int:
    """The number of executors that a cluster has given; the driver is none."""
    context: Any = session.sparkContext
    return int(context._jsc.sc().getExecutorMemoryStatus().size()) - 1


def _await_executor(session: SparkSession, master: str) -> None:
    """Raises SparkError if a cluster gives no executor."""
    if _is_embedded(master):
        return
    give_up = time.monotonic() + EXECUTOR_SECONDS
    while time.monotonic() < give_up:
        if executors(session) > 0:
            return
        time.sleep(POLL_SECONDS)
    raise SparkError(
        f"{master}: no worker gave an executor within {EXECUTOR_SECONDS:.0f} s; have they as many "
        "cores and as much memory free as spark.executor.cores and spark.executor.memory ask for?"
    )


def _stop(session: SparkSession) -> None:
    with contextlib.suppress(Exception):  # a JVM that has ended cannot be asked to
        session.stop()
    from pyspark import SparkContext

    gateway: Any = SparkContext._gateway
    if gateway is not None and SUBMITTED not in os.environ:
        # The JVM of a stopped session would wait for another one.
        with contextlib.suppress(Exception):
            gateway.shutdown()
        process = getattr(gateway, "proc", None)
        if process is not None:
            with contextlib.suppress(Exception):
                process.stdin.close()
                process.wait(MASTER_SECONDS)
        SparkContext._gateway = None
        SparkContext._jvm = None
