"""Running work on the threads of a pool: all at once, or as an ordered stream of results."""

from __future__ import annotations

import importlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")

Result = TypeVar("Result")


def do_all(pool: ThreadPoolExecutor, work: Callable[[Item], None], items: Iterable[Item]) -> None:
    """Calls `work` on every item, on the threads of the pool, and waits until all are done.

    Raises the first exception that `work` raises.
    """
    for _ in pool.map(work, items):
        pass


def in_turn(
    pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterable[Item], at_once: int
) -> Iterator[Result]:
    """Yields work(item) in the order of the items, with at most `at_once` of them in the pool.

    Raises the exception of an item when its turn comes.
    """
    pending: deque[Future[Result]] = deque()
    for item in items:
        pending.append(pool.submit(work, item))
        if len(pending) >= at_once:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Lets BLAS use one thread, where threadpoolctl is there to tell it.

    For work that uses all threads itself; those of BLAS would only be in its way. The command line
    needs no threadpoolctl: it starts with OPENBLAS_NUM_THREADS=1.
    """
    try:
        threadpoolctl = importlib.import_module("threadpoolctl")
    except ImportError:
        yield
        return
    with threadpoolctl.threadpool_limits(1, "blas"):
        yield
