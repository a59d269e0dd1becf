"""Limits of what readers may have computed: queries at once, the time and the memory of each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from ubcf.database.reading import connect_apart
from ubcf.errors import UbcfError

# Statements of readers that run at once: the other threads answer for the other pages.
MOST_QUERIES = 4

# The memory that each may take, of all that the machine has.
MEMORY = "20%"

# The largest file that a download may be, in bytes.
LARGEST_DOWNLOAD = 2**30

# How long a statement waits for its turn, in seconds.
PATIENCE = 2.0

# An interruption that comes between two statements has no effect: it is repeated after this time.
INTERRUPTION_SECONDS = 0.1

_turns = threading.BoundedSemaphore(MOST_QUERIES)


class BusyError(UbcfError):
    """As many queries run as may."""


class LimitError(UbcfError):
    """A reader asked for more than there may be."""


class TimeLimitError(LimitError):
    """A query took longer than its reader gave it."""


class SizeLimitError(LimitError):
    """A download has more rows than a file may hold."""


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
    end = time.monotonic() + seconds
    error = TimeLimitError(f"it was stopped after {seconds:g} s, the limit of its time")
    with _ended_once("time limit", lambda: time.monotonic() >= end, connection, error):
        yield


@contextmanager
def within_size(folder: Path, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Interrupts a connection that writes too much into a folder. Raises SizeLimitError then."""
    most = LARGEST_DOWNLOAD
    error = SizeLimitError(f"a download has {most / 2**20:,.0f} MiB at most, and this one has more")

    def is_full() -> bool:
        size = 0
        for file in folder.iterdir():
            with suppress(OSError):  # renamed meanwhile
                size += file.stat().st_size
        return size > most

    with _ended_once("size limit", is_full, connection, error):
        yield
    if is_full():
        raise error


@contextmanager
def _ended_once(
    name: str,
    is_due: Callable[[], bool],
    connection: duckdb.DuckDBPyConnection,
    error: UbcfError,
) -> Iterator[None]:
    """Interrupts what a connection does once something is so, and raises an error then."""
    done, passed = threading.Event(), threading.Event()

    def watch() -> None:
        while not done.wait(INTERRUPTION_SECONDS):
            if passed.is_set() or is_due():
                passed.set()
                connection.interrupt()

    watcher = threading.Thread(target=watch, name=name, daemon=True)
    watcher.start()
    try:
        yield
    except Exception as interruption:
        if passed.is_set():
            raise error from interruption
        raise
    finally:
        done.set()
        watcher.join()
