"""What builds take on a real cluster of Spark: time, and the memory of the executors. One command:

    python -m tests.benchmarks.executors [mid large LOGS]... [--plans products,similar] \\
        [--workers 1,2] [--cores 1] [--memory-limit 1GiB,least]

It starts a standalone master and workers on loopback, builds, and prints a markdown table, a row
for each set of logs, plan, limit and number of workers. A set is a name of suite.py or a folder.
A plan is products, tiles, a preset, or auto. Each worker has one executor with all its cores; the
threads of a scoring task are as many. With the limit `least`, 256MiB are tried first; if they are
refused, then what the refusal says is enough.

Once per installation the kernels have to be compiled first, as by a build on one machine.

How it is measured: ten times a second all processes of the executors are looked up in /proc.

    largest process   the peak resident size of a Python process of an executor, as the kernel keeps
                      it (VmHWM); of all executors the greatest
    all Python        the greatest sum of what all Python processes of an executor had at one moment
                      (Pss: pages that several share are divided between them)
    JVM               the peak resident size of the JVM of an executor (VmHWM)
    CPU               of the driver, its JVM, and the executors, of the whole build; not of the
                      master and the workers
    busiest Python    CPU of the Python process that took the most, which is one that scored: what
                      the scores take at least, whatever else the machine has to do
    wall, score       of the whole build, from the start of its interpreter, and of its stage score

Exit code 1: a build failed, or a process was over its limit.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import ubcf
from tests.benchmarks.suite import make_logs
from tests.support.spark_cluster import SparkCluster, command_of, parents_of_all, spark_cluster
from ubcf.building.memory import parse_size
from ubcf.scoring.options import PRESETS, WAYS

INTERVAL = 0.1

# Every so many looks the sum of all Python processes is taken, which takes the kernel longer.
LOOKS_PER_SUM = 3

LEAST = "least"
SMALLEST = "256MiB"

ENOUGH = re.compile(r"need at least ([0-9]+MiB)")

COLUMNS = (
    *("logs", "plan", "executors x cores", "limit, MiB", "largest process, MiB"),
    *("all Python, MiB", "JVM, MiB", "CPU, s", "busiest Python, s", "wall, s", "score, s"),
    "plan taken",
)


@dataclass
class Watch:
    """What the executors of a cluster take, until `done`; sizes in MiB, by process or executor."""

    cluster: SparkCluster
    done: threading.Event = field(default_factory=threading.Event)
    python: dict[int, float] = field(default_factory=dict)
    together: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    jvm: dict[int, float] = field(default_factory=dict)
    cpu: dict[int, float] = field(default_factory=dict)

    def run(self) -> None:
        """Looks at all processes again and again."""
        looks = 0
        while not self.done.wait(INTERVAL):
            parents = parents_of_all()
            children = defaultdict(list)
            for process, parent in parents.items():
                children[parent].append(process)
            for worker in self.cluster.workers:
                for executor in children[worker.pid]:
                    if b"ExecutorBackend" in command_of(executor):
                        self._look(executor, children, sums=looks % LOOKS_PER_SUM == 0)
            looks += 1

    def _look(self, executor: int, children: dict[int, list[int]], *, sums: bool) -> None:
        self.jvm[executor] = _status_mib(executor, "VmHWM") or self.jvm.get(executor, 0)
        self.cpu[executor] = _cpu_seconds(executor) or self.cpu.get(executor, 0)
        pythons = [child for child in children[executor] if b"pyspark.daemon" in command_of(child)]
        for daemon in tuple(pythons):
            pythons += children[daemon]
        for process in pythons:
            self.python[process] = _status_mib(process, "VmHWM") or self.python.get(process, 0)
            self.cpu[process] = _cpu_seconds(process) or self.cpu.get(process, 0)
        if sums:
            total = sum(_status_mib(process, "Pss", "smaps_rollup") for process in pythons)
            self.together[executor] = max(self.together[executor], total)


def _status_mib(process: int, name: str, file: str = "status") -> float:
    """A size that /proc has of a process, in MiB; 0 if it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/{file}").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _cpu_seconds(process: int) -> float:
    """User and system time of a process; 0 if it has ended."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


@dataclass(frozen=True)
class Measured:
    """A build. said: on stderr; the rest as in the table."""

    code: int
    said: str
    watch: Watch
    cpu_seconds: float
    seconds: float


def measure(cluster: SparkCluster, logs: Path, folder: Path, *options: str) -> Measured:
    """Builds once on the cluster, with what is measured of it."""
    watch = Watch(cluster)
    thread = threading.Thread(target=watch.run, daemon=True)
    words = folder / "stderr"
    with words.open("wb") as stderr:
        start = time.perf_counter()
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "ubcf", "build", str(logs), "--engine", "spark", "-q"),
                *("--master", cluster.master, "-d", str(folder / "ubcf.duckdb"), *options),
            ],
            env=cluster.environment,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
        thread.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            seconds = time.perf_counter() - start
            watch.done.set()
            thread.join()
    cpu = usage.ru_utime + usage.ru_stime + sum(watch.cpu.values())
    return Measured(process.returncode, words.read_text().strip(), watch, cpu, seconds)


def build_options(plan: str) -> list[str]:
    """The options of a build by one of the ways, by a preset, or by what the planner takes."""
    return ["--preset", plan] if plan in PRESETS else ["--plan", plan]


def row_of(
    cluster: SparkCluster, name: str, plan: str, limit: str | None, cores: int, folder: Path
) -> tuple[list[str], bool]:
    """The cells of a row, and whether all is well."""
    logs = make_logs(name, Path(tempfile.gettempdir()) / "ubcf-benchmarks")
    options = [*build_options(plan), "--threads", str(cores)]
    asked = SMALLEST if limit == LEAST else limit
    given = [*options, "--memory-limit", asked] if asked else options
    build = measure(cluster, logs, folder, *given)
    enough = ENOUGH.search(build.said)
    if limit == LEAST and enough:
        asked = enough[1]
        build = measure(cluster, logs, folder, *options, "--memory-limit", asked)
    watch = build.watch
    largest = max(watch.python.values(), default=0)
    cells = [
        Path(name).name,
        plan,
        f"{len(cluster.workers)} x {cores}",
        "" if asked is None else f"{parse_size(asked) / 2**20:,.0f}",
        f"{largest:,.0f}",
        f"{max(watch.together.values(), default=0):,.0f}",
        f"{max(watch.jvm.values(), default=0):,.0f}",
        f"{build.cpu_seconds:.1f}",
        f"{max((watch.cpu[process] for process in watch.python), default=0):.1f}",
        f"{build.seconds:.1f}",
    ]
    if build.code:
        return [*cells, "", f"failed: {build.said.splitlines()[-1] if build.said else '?'}"], False
    with ubcf.connect(folder / "ubcf.duckdb") as connection:
        ((seconds, way),) = connection.execute(
            "select (select seconds from build_stages where stage = 'score'), plan from build"
        ).fetchall()
    is_well = asked is None or largest * 2**20 <= parse_size(asked)
    return [*cells, f"{seconds:.1f}", way], is_well


def main() -> int:
    """Measures all that is asked for, and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("logs", nargs="*", default=["mid"], help="sets or folders (mid)")
    plans = f"{', '.join([*WAYS, *PRESETS])}, auto (products,tiles,similar)"
    parser.add_argument("--plans", default="products,tiles,similar", help=plans)
    parser.add_argument("--workers", default="2", help="numbers of workers (2)")
    parser.add_argument("--cores", type=int, default=1, help="of each worker (1)")
    parser.add_argument("--heap-mib", type=int, default=1024, help="of each executor (1024)")
    parser.add_argument(
        "--memory-limit", default="", help="sizes, or least (70 %% of what is free)"
    )
    given = parser.parse_args()
    print("| " + " | ".join(COLUMNS) + " |")
    print("|---|---|---|" + "--:|" * (len(COLUMNS) - 4) + "---|", flush=True)
    all_well = True
    for workers in map(int, given.workers.split(",")):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with spark_cluster(
                folder / "cluster", workers, cores=given.cores, heap_mib=given.heap_mib
            ) as cluster:
                for logs in given.logs:
                    for plan in given.plans.split(","):
                        for limit in given.memory_limit.split(","):
                            cells, is_well = row_of(
                                cluster, logs, plan, limit or None, given.cores, folder
                            )
                            all_well = all_well and is_well
                            print("| " + " | ".join(cells) + " |", flush=True)
    return 0 if all_well else 1


if __name__ == "__main__":
    sys.exit(main())
