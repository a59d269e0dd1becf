"""Jobs on a cluster: tasks in order, their progress, and their errors as those of one machine."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

from ubcf import errors as our_errors
from ubcf.building.memory import parse_size
from ubcf.errors import UbcfError, one_line
from ubcf.spark.session import POLL_SECONDS, SparkError, executors, is_local

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Item = TypeVar("Item")
Found = TypeVar("Found")
Result = TypeVar("Result")

# Seconds without any executor after which a job is given up.
LOST_SECONDS = 120.0
LOST_SETTING = "spark.ubcf.lostWorkersTimeout"

# What a JVM may take beside its heap: this share of it, and at least this much. It is the rule by
# which Spark itself sets an overhead that is not given; some 180 MiB were measured.
JVM_SHARE = 0.1
LEAST_JVM_BYTES = 384 * 2**20
DEFAULT_HEAP_BYTES = 2**30

# Python processes with different environments are pools of their own.
POOL_VARIABLE, POOL = "UBCF_PROCESSES", "whole executor"

NO_PYTHON = re.compile(r'Cannot run program "([^"]+)"')

# An error of ours in a task that is not `_guarded`, as Spark, or DuckDB and Spark, quote it.
OF_UBCF = re.compile(
    r"^\s*(?:ubcf\.errors\.)?(?P<kind>InputError|DatabaseError): (?P<words>.+)$", re.MULTILINE
)

NO_UBCF = re.compile(r"ModuleNotFoundError: No module named '(ubcf[\w.]*|\w+)'")


class Cluster:
    """The executors of a session. is_local: they are in the process of the driver's JVM."""

    def __init__(self, session: SparkSession) -> None:
        self.session = session
        self.is_local = is_local(session)
        self._jobs = 0
        self._lost_seconds = float(session.conf.get(LOST_SETTING, str(LOST_SECONDS)) or 0)

    @property
    def executors(self) -> int:
        """How many executors there are now, at least 1."""
        return 1 if self.is_local else max(executors(self.session), 1)

    @property
    def tasks_at_once(self) -> int:
        """The tasks that an executor has at a time."""
        return int(self.session.sparkContext.defaultParallelism) if self.is_local else self._cores

    @property
    def overhead(self) -> int | None:
        """The bytes that an executor has beside the heap of its JVM, if they are set."""
        return self._size("spark.executor.memoryOverhead")

    @property
    def jvm_overhead(self) -> int:
        """The bytes of the overhead that the JVM itself takes, by the rule of Spark."""
        heap = self._size("spark.executor.memory") or DEFAULT_HEAP_BYTES
        return max(LEAST_JVM_BYTES, int(JVM_SHARE * heap))

    def _size(self, setting: str) -> int | None:
        """A setting that is a size, in bytes."""
        given = self.session.sparkContext.getConf().get(setting, None)
        if given is None:
            return None
        text = given.strip()
        # A number alone is in MiB, and a letter a power of 1024.
        return parse_size(f"{text}MiB" if text.isdigit() else f"{text.rstrip('bB')}iB")

    def map(
        self,
        work: Callable[[Item], Found],
        items: Sequence[Item],
        *,
        advance: Callable[[int], None] = lambda _tasks: None,
        whole_executor: bool = False,
    ) -> list[Found]:
        """Does work for each item, a task each, and returns what they return, in order.

        work: a function of a module, or a partial of one: executors import it. advance: called with
        the number of tasks done since the last call. whole_executor: no two tasks are on one
        executor at a time; on this machine all are one task.
        Raises the UbcfError of the first item that has one, and SparkError for other failures.
        """
        if not items:
            return []
        together = 1 if whole_executor and self.is_local else len(items)
        with self._processes(POOL if whole_executor else None):
            rdd: Any = self.session.sparkContext.parallelize(list(items), together)
            rdd = rdd.map(partial(_guarded, work))
            if whole_executor and not self.is_local:
                rdd = rdd.withResources(self._whole_executor())
            outcomes = self.call(rdd.collect, advance=advance)
        for outcome in outcomes:
            if isinstance(outcome, UbcfError):
                raise outcome
        return [outcome[0] for outcome in outcomes]

    def call(
        self, action: Callable[[], Result], *, advance: Callable[[int], None] = lambda _tasks: None
    ) -> Result:
        """Runs an action of Spark in the background; Ctrl-C ends it. Raises as `map`."""
        self._jobs += 1
        group = f"ubcf-{self._jobs}"
        context = self.session.sparkContext
        found: list[Any] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                context.setJobGroup(group, "ubcf", interruptOnCancel=True)
                found.append(action())
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=run, name=group, daemon=True)
        thread.start()
        try:
            self._watch(thread, group, advance)
        except BaseException:
            context.cancelJobGroup(group)
            raise
        if errors:
            raise _in_words(errors[0]) from errors[0]
        result: Result = found[0]
        return result

    def _watch(self, thread: threading.Thread, group: str, advance: Callable[[int], None]) -> None:
        """Waits for a job, reports its tasks, and gives up when there are no executors."""
        done = 0
        last_seen = time.monotonic()
        tracker = self.session.sparkContext.statusTracker()
        while thread.is_alive():
            thread.join(POLL_SECONDS)
            finished = 0
            for job in tracker.getJobIdsForGroup(group):
                info = tracker.getJobInfo(job)
                for stage in info.stageIds if info is not None else ():
                    stage_info = tracker.getStageInfo(stage)
                    finished += 0 if stage_info is None else stage_info.numCompletedTasks
            advance(max(finished - done, 0))
            done = max(finished, done)
            if self.is_local or executors(self.session) > 0:
                last_seen = time.monotonic()
            elif time.monotonic() - last_seen > self._lost_seconds:
                raise SparkError(
                    f"no worker is left: all executors are gone for {self._lost_seconds:.0f} s; "
                    "what they said is in the logs of the workers"
                )

    @contextlib.contextmanager
    def _processes(self, pool: str | None) -> Iterator[None]:
        """Lets tasks have the Python processes of a pool of their own; None: those of all tasks.

        Spark keeps a process for each task of an executor at a time, and gives tasks to them in
        turn. In a pool with one task at a time there is one, which alone holds what it loads.
        """
        environment: dict[str, str] = self.session.sparkContext.environment
        if pool is not None:
            environment[POOL_VARIABLE] = pool
        try:
            yield
        finally:
            environment.pop(POOL_VARIABLE, None)

    def _whole_executor(self) -> Any:
        """A profile of resources whose tasks take all cores of an executor each."""
        from pyspark.resource import ResourceProfileBuilder, TaskResourceRequests

        return ResourceProfileBuilder().require(TaskResourceRequests().cpus(self._cores)).build

    @cached_property
    def _cores(self) -> int:
        """The number of cores of an executor: the fewest that one of them has."""
        context: Any = self.session.sparkContext
        found = context._jsc.sc().statusStore().executorList(True)
        summaries = [found.apply(number) for number in range(found.size())]
        cores = [each.totalCores() for each in summaries if each.id() != "driver"]
        return max(min(cores, default=1), 1)


def _guarded(work: Callable[[Item], Found], item: Item) -> tuple[Found] | UbcfError:
    """What a task returns: its result, or an error that a user can understand."""
    try:
        return (work(item),)
    except UbcfError as error:
        error.__cause__ = error.__context__ = None
        return error.with_traceback(None)


def _in_words(error: BaseException) -> BaseException:
    """An error of Spark in one line."""
    if isinstance(error, UbcfError | KeyboardInterrupt | MemoryError):
        return error
    text = str(error)
    if ours := OF_UBCF.search(text):
        found: UbcfError = getattr(our_errors, ours["kind"])(ours["words"])
        return found
    if missing := NO_UBCF.search(text):
        return SparkError(
            f"an executor has no {missing[1]}: install ubcf of this version for the Python of all "
            "workers, or send an environment: spark-submit --archives env.tar.gz#env "
            "--conf spark.pyspark.python=env/bin/python --conf spark.pyspark.driver.python=python3"
        )
    if missing := NO_PYTHON.search(text):
        return SparkError(
            f"a worker cannot run the Python {missing[1]}: name one that all workers have at the "
            "same path by spark.pyspark.python"
        )
    if "PYTHON_VERSION_MISMATCH" in text or "different minor version" in text:
        return SparkError(
            "the Python of an executor has another version than that of the driver: name one of "
            "the same version by spark.pyspark.python"
        )
    if "Python worker exited unexpectedly" in text:
        return SparkError(
            "a Python worker of Spark was killed, as systems do that run out of memory: try a "
            "smaller --memory-limit, or more memory for the workers"
        )
    lines = [line for line in text.splitlines() if re.match(r"\s*[\w.]*(Error|Exception)\b", line)]
    reason = one_line(Exception(lines[-1] if lines else text))
    return SparkError(f"Spark failed: {reason[:400]}")
