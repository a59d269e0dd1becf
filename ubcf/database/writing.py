"""A DuckDB database: opening it, and running the templates of sql/ in it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import duckdb

from ubcf.database.session import Session, awaited, literal
from ubcf.database.templates import Templates
from ubcf.errors import DatabaseError, OptionError, one_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The storage format of DuckDB 1.4: every supported version can open the file.
STORAGE_VERSION = "v1.4.0"

# Half of DuckDB's default: threads share a table by row groups, and a table of a few hundred
# thousand rows should have enough of them.
ROW_GROUP_SIZE = 61_440

# The part of the memory limit that appended rows may take before they are stored: DuckDB reads
# arrays without copying them, and stores a few large blocks faster than many small ones.
HELD_SHARE = 1 / 16


class _HeldRows:
    """Rows of a table as arrays by column, with room for more; unfilled room takes no memory."""

    def __init__(self, like: dict[str, NDArray[Any]], room: int) -> None:
        import numpy as np

        self.room = room
        self.length = 0
        self._columns = {name: np.empty(room, dtype=each.dtype) for name, each in like.items()}

    def add(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Adds rows at the end."""
        stop = self.length + len(next(iter(arrays.values())))
        for name, column in self._columns.items():
            column[self.length : stop] = arrays[name]
        self.length = stop

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The rows, by column."""
        return {name: column[: self.length] for name, column in self._columns.items()}


class Database(Session):
    """A new DuckDB database that a build writes."""

    def __init__(
        self,
        path: Path,
        templates: Templates,
        *,
        threads: int,
        memory: int,
        temporary_folder: Path,
    ) -> None:
        """Creates the database file. `memory` is DuckDB's limit in bytes.

        Raises DatabaseError when the file cannot be made.
        """
        self.memory = memory
        self._threads = threads
        self._worker = ThreadPoolExecutor(1)
        self._held: dict[str, _HeldRows] = {}
        self._most_held_bytes = int(HELD_SHARE * memory)
        try:
            connection = duckdb.connect(
                config={
                    "threads": threads,
                    "memory_limit": f"{memory // 1024} KiB",
                    "temp_directory": str(temporary_folder),
                    "preserve_insertion_order": True,
                },
            )
            # An unfinished file is never recovered: without a write-ahead log, every row is written
            # once.
            connection.execute(
                f"attach {literal(str(path))} as results"
                f" (storage_version {literal(STORAGE_VERSION)}, row_group_size {ROW_GROUP_SIZE},"
                " recovery_mode no_wal_writes);"
                "use results"
            )
        except duckdb.Error as error:
            raise DatabaseError(one_line(error)) from error
        super().__init__(connection, templates)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._worker.shutdown()
        if error is None:
            self.close()
        else:
            # The file is discarded: an error while closing it does not matter.
            with contextlib.suppress(duckdb.Error):
                self.connection.close()

    def close(self) -> None:
        """Writes everything to the file and closes it. Raises DatabaseError when that fails."""
        try:
            # Closing would write too, but reports no error when the disk is full.
            self.connection.execute("checkpoint results")
            self.connection.close()
        except duckdb.Error as error:
            raise DatabaseError(one_line(error)) from error

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Runs statements, which Ctrl-C stops, and returns the rows of the last one.

        Raises OptionError when DuckDB's part of the memory limit is too small for them.
        """
        work = self._worker.submit(lambda: self.connection.execute(statement).fetchall())
        try:
            return awaited(self.connection, work)
        except duckdb.OutOfMemoryException as error:
            raise OptionError(
                "memory_limit is too small for these logs: DuckDB's part of it is "
                f"{self.memory / 2**20:,.0f} MiB, which {self._threads} threads share; "
                "a greater one is needed"
            ) from error

    def drop(self, *tables: str) -> None:
        """Drops the tables that exist, including those made by `append`."""
        for table in tables:
            self.connection.unregister(table)
            self.execute(f"drop table if exists {table}")

    def limit_memory(self, memory: int) -> None:
        """Sets DuckDB's limit, in bytes; beyond it, DuckDB spills to the temporary folder."""
        self.memory = memory
        self.execute(f"set memory_limit = '{memory // 1024} KiB'")

    @contextlib.contextmanager
    def one_thread(self) -> Iterator[None]:
        """DuckDB works with one thread for a while."""
        self.execute("set threads = 1")
        yield
        self.execute(f"set threads = {self._threads}")

    def append(
        self, table: str, arrays: dict[str, NDArray[Any]], most_rows: int | None = None
    ) -> None:
        """Appends rows, given as arrays of equal length by column, to a temporary table.

        The first call creates the table; it can be read after `flush`. most_rows: an upper bound
        of the rows of all calls; None: this is the only call. If memory allows, DuckDB reads all
        rows from the arrays; else they are stored, the rows of many calls at once.
        """
        count = len(next(iter(arrays.values())))
        held = self._held.get(table)
        if held is None:
            row_bytes = sum(array.itemsize for array in arrays.values())
            room = min(most_rows or count, self._most_held_bytes // row_bytes)
            held = self._held[table] = _HeldRows(arrays, max(room, count))
        elif held.length + count > held.room:
            self._store(table)
            held = self._held[table] = _HeldRows(arrays, max(held.room, count))
        held.add(arrays)

    def flush(self) -> None:
        """Finishes the tables that `append` made, so that they can be read."""
        for table in list(self._held):
            if self.columns(table):
                self._store(table)
            else:
                self._register(table, self._held.pop(table).arrays)

    def _store(self, table: str) -> None:
        """Stores the held rows of a table.

        Every statement commits by itself: DuckDB 2.0.0 silently loses rows that are inserted into a
        table created in the same transaction.
        """
        self._register("appended_arrays", self._held.pop(table).arrays)
        try:
            self.execute(
                f"create temp table if not exists {table} as from appended_arrays limit 0;"
                f"insert into {table} by name from appended_arrays"
            )
            self.connection.unregister("appended_arrays")
        except duckdb.Error as error:
            raise DatabaseError(one_line(error)) from error

    def _register(self, name: str, arrays: dict[str, NDArray[Any]]) -> None:
        """Makes a temporary view of arrays."""
        try:
            self.connection.register(name, arrays)
        except duckdb.Error as error:
            raise DatabaseError(one_line(error)) from error

    def write_lines(self, name: str, path: Path) -> None:
        """Writes the rows of a query template, which has one text column, as lines of a file.

        Raises DatabaseError when the query or the writing fails.
        """
        self.copy_lines(self.templates.render(name), path)

    def copy_lines(self, query: str, path: Path) -> None:
        """Writes the rows of a query as `write_lines` does."""
        self.set(lines_path=str(path))
        try:
            self.execute(
                f"copy ({query.rstrip().rstrip(';')}) to (getvariable('lines_path'))"
                " (format csv, header false, quote '', escape '', delimiter '\x01')"
            )
        except duckdb.Error as error:
            raise DatabaseError(f"{path}: {one_line(error)}") from error
