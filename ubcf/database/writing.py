"""A DuckDB database: opening it, and running the templates of sql/ in it."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import duckdb

from ubcf.database.session import Session, awaited, literal
from ubcf.database.templates import Templates
from ubcf.errors import DatabaseError, one_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The oldest format that DuckDB 1.4 and later read, so that every supported version opens the file.
STORAGE_VERSION = "v1.4.0"

# Half of DuckDB's own choice: what threads share are row groups, and tables of a few hundred
# thousand rows should have enough for all.
ROW_GROUP_SIZE = 61_440

# The part of the memory limit that the rows appended to a table may take before they are stored:
# DuckDB reads arrays as they are, and stores few blocks of many rows faster than many of few.
HELD_SHARE = 1 / 16


class _HeldRows:
    """Rows of a table as arrays by column, with room for so many. What is not filled takes none."""

    def __init__(self, like: dict[str, NDArray[Any]], room: int) -> None:
        import numpy as np

        self.room = room
        self.length = 0
        self._columns = {name: np.empty(room, dtype=each.dtype) for name, each in like.items()}

    def add(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Adds rows behind those that are there."""
        stop = self.length + len(next(iter(arrays.values())))
        for name, column in self._columns.items():
            column[self.length : stop] = arrays[name]
        self.length = stop

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The rows, by column."""
        return {name: column[: self.length] for name, column in self._columns.items()}


class Database(Session):
    """A new DuckDB database into which a build writes."""

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
            # Nothing of a file that is made aside has to be recovered: without a log of changes,
            # every row is written once.
            connection.execute(
                f"attach {literal(str(path))} as results"
                f" (storage_version {literal(STORAGE_VERSION)}, row_group_size {ROW_GROUP_SIZE},"
                " recovery_mode no_wal_writes);"
                "use results"
            )
        except duckdb.Error as error:
            raise DatabaseError(one_line(error)) from error
        super().__init__(connection, templates)

    def __enter__(self) -> Database:
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
            # The file is thrown away: what closing it would say no longer matters.
            with contextlib.suppress(duckdb.Error):
                self.connection.close()

    def close(self) -> None:
        """Writes everything to the file and closes it. Raises DatabaseError when that fails."""
        try:
            # Closing would do it too, but says nothing when the disk is full.
            self.connection.execute("checkpoint results")
            self.connection.close()
        except duckdb.Error as error:
            raise DatabaseError(one_line(error)) from error

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Runs statements, so that Ctrl-C stops them, and returns the rows of the last one."""
        work = self._worker.submit(lambda: self.connection.execute(statement).fetchall())
        return awaited(self.connection, work)

    def drop(self, *tables: str) -> None:
        """Drops tables, those that exist, of those that `append` made too."""
        for table in tables:
            self.connection.unregister(table)
            self.execute(f"drop table if exists {table}")

    def limit_memory(self, memory: int) -> None:
        """Sets DuckDB's limit, in bytes; what does not fit goes to the temporary folder."""
        self.execute(f"set memory_limit = '{memory // 1024} KiB'")

    def append(
        self, table: str, arrays: dict[str, NDArray[Any]], most_rows: int | None = None
    ) -> None:
        """Appends rows, given as arrays of equal length by column, to a temporary table.

        The first call makes the table, `flush` ends it: only then can it be used. most_rows: of
        all calls together, at most; None: this is the only call. Where memory allows for all of
        them, DuckDB reads them from arrays; else they are stored, those of many calls together.
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
        """Ends the tables that `append` makes."""
        for table in list(self._held):
            if self.columns(table):
                self._store(table)
            else:
                self._register(table, self._held.pop(table).arrays)

    def _store(self, table: str) -> None:
        """Every statement commits by itself: DuckDB 2.0.0 loses, in silence, rows inserted into a
        table that the same transaction created."""
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
        """A temporary view of arrays."""
        try:
            self.connection.register(name, arrays)
        except duckdb.Error as error:
            raise DatabaseError(one_line(error)) from error

    def write_lines(self, name: str, path: Path) -> None:
        """Writes the one text column of the rows of a query template to a file, a line a row."""
        query = self.templates.render(name)
        self.set(lines_path=str(path))
        try:
            self.execute(
                f"copy ({query.rstrip().rstrip(';')}) to (getvariable('lines_path'))"
                " (format csv, header false, quote '', escape '', delimiter '\x01')"
            )
        except duckdb.Error as error:
            raise DatabaseError(f"{path}: {one_line(error)}") from error
