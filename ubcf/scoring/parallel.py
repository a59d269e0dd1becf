"""Work on several threads: of a pool, for parts that are known or come one after another."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Part = TypeVar("Part")

Job = TypeVar("Job")

Result = TypeVar("Result")


def do_all(pool: ThreadPoolExecutor, job: Callable[[Part], None], parts: Iterable[Part]) -> None:
    """Does a job for all parts on the threads of a pool, and waits for the last one."""
    for _ in pool.map(job, parts):
        pass


def in_turn(
    pool: ThreadPoolExecutor, work: Callable[[Job], Result], jobs: Iterable[Job], at_once: int
) -> Iterator[Result]:
    """The results in the order of the jobs, of which `at_once` are in work or wait."""
    pending: deque[Future[Result]] = deque()
    for job in jobs:
        pending.append(pool.submit(work, job))
        if len(pending) >= at_once:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()
