"""Limits of what readers may have computed: queries at once, the time and the memory of each."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ubcf.database.reading import connect_apart
from ubcf.errors import UbcfError

# Statements of readers that run at once: the other threads answer for the other pages.
MOST_QUERIES = 4

# The memory that each may take, of all that the machine has.
MEMORY = "20%"

# How long a statement waits for its turn, in seconds.
PATIENCE = 2.0

# An interruption that comes between two statements has no effect: it is repeated after this time.
INTERRUPTION_SECONDS = 0.1

_turns = threading.BoundedSemaphore(MOST_QUERIES)


class BusyError(UbcfError):
    """As many queries run as may."""


class TimeLimitError(UbcfError):
    """A query took longer than its reader gave it."""


@contextmanager
def sandbox(database: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for statements of a reader, which can only read the database.

    Raises BusyError if no more may run now.
    """
    if not _turns.acquire(timeout=PATIENCE):
        raise BusyError(f"{MOST_QUERIES} other queries run; try again in a moment")
    try:
        with connect_apart(database, MEMORY) as connection:
            yield connection
    finally:
        _turns.release()


@contextmanager
def ended_after(seconds: float, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Interrupts what a connection does after a time. Raises TimeLimitError then."""
    done, passed = threading.Event(), threading.Event()

    def watch() -> None:
        if done.wait(seconds):
            return
        passed.set()
        while not done.wait(INTERRUPTION_SECONDS):
            connection.interrupt()

    watcher = threading.Thread(target=watch, name="time limit", daemon=True)
    watcher.start()
    try:
        yield
    except duckdb.InterruptException as error:
        if passed.is_set():
            raise TimeLimitError(
                f"it was stopped after {seconds:g} s, the limit of its time"
            ) from error
        raise
    finally:
        done.set()
        watcher.join()
