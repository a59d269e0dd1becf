"""A cluster of Spark on loopback: a standalone master and workers, from pip's pyspark."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import ubcf.__main__

# Seconds that a master, a worker or an executor may take to be there.
PATIENCE = 60.0

ROOT = Path(__file__).parents[2]


@dataclass
class SparkCluster:
    """A running master with its workers. environment: of the driver."""

    master: str
    folder: Path
    environment: dict[str, str]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_build(
        self, logs: str, *options: str, cwd: Path, submit: bool = False
    ) -> subprocess.Popen[str]:
        """Starts ubcf build on the cluster, with a line on stderr for each stage.

        submit: by spark-submit.
        """
        build = ["build", logs, "--engine", "spark", "-v", *options]
        if submit:
            program = Path(self.environment["SPARK_HOME"], "bin", "spark-submit")
            python = f"spark.pyspark.python={sys.executable}"
            start = [
                str(program),
                "--master",
                self.master,
                "--conf",
                python,
                ubcf.__main__.__file__,
            ]
        else:
            start = [sys.executable, "-m", "ubcf"]
            build += ["--master", self.master]
        return subprocess.Popen(
            [*start, *build],
            cwd=cwd,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def build(self, logs: str, *options: str, cwd: Path) -> tuple[int, str]:
        """Builds on the cluster; returns the exit code and what stderr said."""
        process = self.start_build(logs, *options, cwd=cwd)
        _, said = process.communicate(timeout=5 * PATIENCE)
        return process.returncode, said

    def executors(self, *workers: int) -> list[int]:
        """The processes of the executors, which are children of the workers, of some or of all."""
        numbers = workers or range(len(self.workers))
        parents = {self.workers[number].pid for number in numbers}
        children = [process for process, parent in parents_of_all().items() if parent in parents]
        return [process for process in children if b"ExecutorBackend" in command_of(process)]


def await_stage(process: subprocess.Popen[str], stage: str) -> None:
    """Reads what a build says until a stage begins."""
    assert process.stderr is not None
    for line in process.stderr:
        if line.rstrip().endswith(f" {stage}"):
            return
    raise AssertionError(f"the build ended before {stage}")


def kill(*processes: int) -> None:
    """Kills processes without notice."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


@contextlib.contextmanager
def spark_cluster(
    folder: Path, workers: int = 2, *, cores: int = 1, heap_mib: int = 512, **settings: str
) -> Iterator[SparkCluster]:
    """Starts a master and workers, which are gone afterwards. settings: of the driver, by name.

    cores: of each worker. heap_mib: of its executor. A _ in the name of a setting stands for a
    point.
    """
    import pyspark

    home = Path(pyspark.__file__).parent
    configuration = folder / "conf"
    configuration.mkdir(parents=True)
    lines = [f"{name.replace('_', '.')} {value}" for name, value in settings.items()]
    lines += [f"spark.executor.memory {heap_mib}m", "spark.sql.shuffle.partitions 2"]
    # The quick compiler of Java halves the processor time of small jobs.
    quick = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    lines += [f"spark.{process}.extraJavaOptions {quick}" for process in ("driver", "executor")]
    (configuration / "spark-defaults.conf").write_text("\n".join(lines) + "\n")
    environment = {
        **os.environ,
        "SPARK_HOME": str(home),
        "SPARK_CONF_DIR": str(configuration),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_JAVA_OPTS": quick,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }
    port = _free_port()
    master = f"spark://127.0.0.1:{port}"
    with contextlib.ExitStack() as stack:

        def daemon(name: str, *arguments: str) -> subprocess.Popen[bytes]:
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            script = home / "bin" / "spark-class"
            process = subprocess.Popen(
                [script, *arguments], env=environment, stdout=log, stderr=log, cwd=folder
            )
            stack.callback(_end, process)
            return process

        package = "org.apache.spark.deploy"
        host = ["--host", "127.0.0.1", "--webui-port", "0"]
        daemon("master", f"{package}.master.Master", *host, "--port", str(port))
        _await_port(port)
        cluster = SparkCluster(master, folder, environment)
        for number in range(workers):
            place = folder / f"worker{number}"
            options = [*host, "--cores", str(cores), "--memory", f"{heap_mib + 188}m"]
            options += ["--work-dir", str(place)]
            cluster.workers.append(
                daemon(f"worker{number}", f"{package}.worker.Worker", *options, master)
            )
        stack.callback(lambda: kill(*cluster.executors()))
        yield cluster


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _await_port(port: int) -> None:
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.1)
    raise AssertionError("the master does not listen")


def command_of(process: int) -> bytes:
    """The command line of a process; empty if it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""


def parents_of_all() -> dict[int, int]:
    """The parent of each process of this machine."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
    return parents
