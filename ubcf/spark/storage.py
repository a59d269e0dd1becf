"""Where the parts of a build are stored, and how DuckDB and Spark read and write them there.

Files have one name on all machines. They appear complete or not at all, so that several tasks may
write the same one.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ubcf.database.paths import pattern
from ubcf.database.session import identifier, literal
from ubcf.database.stored_views import open_store
from ubcf.errors import DatabaseError, InputError
from ubcf.remote import RemoteFile, is_remote, remote, shown

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

# Columns and their SQL types, as DuckDB has them.
Types = dict[str, str]

# Types that Spark does not have, and those as which it reads them from Parquet; enums are texts.
READ_BY_SPARK = {
    "UTINYINT": "SMALLINT",
    "USMALLINT": "INTEGER",
    "UINTEGER": "BIGINT",
    "UBIGINT": "DECIMAL(20,0)",
}

# Rows of a table that Spark gets from a task at a time, and DuckDB's memory for it.
BATCH_ROWS = 10_000
READING_MEMORY = "256 MiB"

# Runs an action of Spark, and returns what it returns.
Call = Callable[[Callable[[], Any]], Any]


class Storage(Protocol):
    """A kind of storage. Files and folders are given by their absolute names."""

    def make(self, folder: str) -> None:
        """Makes a folder, which has a name that no other has had. Raises OSError, UbcfError."""

    def exists(self, file: str) -> bool:
        """Whether there is a file. Raises UbcfError if that cannot be found out."""

    def files(self, folder: str) -> list[str]:
        """The files in a folder, sorted; none if there is no such folder."""

    def named(self, root: str, file: str) -> list[str]:
        """The files of a name in the folders in a folder."""

    def written(self, file: str) -> contextlib.AbstractContextManager[Path]:
        """Yields where to write a file, which appears when the context ends without an error."""

    def fetched(self, file: str) -> contextlib.AbstractContextManager[Path]:
        """Yields where a file can be read from."""

    def remove(self, folder: str) -> None:
        """Removes a folder and all in it, as far as that is possible."""

    def open_to(self, connection: duckdb.DuckDBPyConnection, folder: str) -> None:
        """Lets DuckDB read the files of a folder, as they are now, and those to come."""

    def frame(self, session: SparkSession, table: StoredTable) -> DataFrame:
        """The rows of a table, for Spark."""

    def store_frame(self, frame: DataFrame, folder: str, call: Call) -> list[str]:
        """Writes a frame as Parquet; returns the files in the order of its rows."""


@dataclass(frozen=True)
class StoredTable:
    """A table in Parquet files. files: their names, in the order of the rows.

    condition: in SQL: only such rows of the files are rows of the table.
    """

    files: tuple[str, ...]
    types: Types
    condition: str | None = None

    def query(self) -> str:
        """A query of its rows, in order, with its types."""
        columns = ", ".join(
            f"cast({identifier(name)} as {type}) as {identifier(name)}"
            for name, type in self.types.items()
        )
        if not self.files:
            nulls = ", ".join(f"null as {identifier(name)}" for name in self.types)
            return f"select {columns} from (select {nulls}) where false"
        files = literal([pattern(file) for file in self.files])
        rows = f"read_parquet({files}, hive_partitioning = false)"
        where = "" if self.condition is None else f" where {self.condition}"
        return f"select {columns} from {rows}{where}"


def part_of(folder: str, number: int, suffix: str, attempt: int | None = None) -> str:
    """The name of a part in a folder. Parts sort by their numbers.

    attempt: of the task that writes it, where another one would not write the same bytes.
    """
    return f"{folder}/{number:06}{'' if attempt is None else f'-{attempt}'}.{suffix}"


class FileSystem:
    """A file system that all machines have at the same paths. Spark reads and writes it itself."""

    def make(self, folder: str) -> None:
        """As in Storage."""
        Path(folder).parent.mkdir(parents=True, exist_ok=True)
        Path(folder).mkdir()

    def exists(self, file: str) -> bool:
        """As in Storage."""
        return Path(file).is_file()

    def files(self, folder: str) -> list[str]:
        """As in Storage."""
        return sorted(str(file) for file in Path(folder).glob("[!.]*"))

    def named(self, root: str, file: str) -> list[str]:
        """As in Storage."""
        return [str(found) for found in Path(root).glob(f"*/{file}")]

    @contextlib.contextmanager
    def written(self, file: str) -> Iterator[Path]:
        """As in Storage."""
        path = Path(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            yield unfinished
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    @contextlib.contextmanager
    def fetched(self, file: str) -> Iterator[Path]:
        """As in Storage."""
        yield Path(file)

    def remove(self, folder: str) -> None:
        """As in Storage."""
        shutil.rmtree(folder, ignore_errors=True)

    def open_to(self, connection: duckdb.DuckDBPyConnection, folder: str) -> None:
        """As in Storage: DuckDB reads all paths."""

    def frame(self, session: SparkSession, table: StoredTable) -> DataFrame:
        """As in Storage."""
        return session.read.parquet(*map(_escaped, table.files))

    def store_frame(self, frame: DataFrame, folder: str, call: Call) -> list[str]:
        """As in Storage."""
        path = Path(folder)
        # Hadoop decodes nothing, and without the scheme would take its default file system.
        call(lambda: frame.write.mode("overwrite").parquet(f"file://{folder}"))
        files = []
        for number, part in enumerate(sorted(path.glob("part-*.parquet"))):
            files.append(str(part.rename(part_of(folder, number, "parquet"))))
        for leftover in (*path.glob(".*.crc"), path / "_SUCCESS"):
            leftover.unlink(missing_ok=True)
        return files


def _escaped(file: str) -> str:
    """The pattern of Hadoop that matches one file alone."""
    escaped = "".join(f"\\{letter}" if letter in "\\*?[]{}" else letter for letter in file)
    return f"file://{escaped}"


class ObjectStore:
    """An object store, which each machine reaches with credentials of its own.

    Hadoop's s3a is in no package of Python, and a cluster may lack it. So tasks read parts by
    DuckDB and write them by pyarrow, and Spark sees Arrow's record batches alone.
    """

    def make(self, folder: str) -> None:
        """As in Storage: it is there when it has an object."""

    def exists(self, file: str) -> bool:
        """As in Storage."""
        return remote().file(file) is not None

    def files(self, folder: str) -> list[str]:
        """As in Storage."""
        listing = remote().listing(folder, lambda _: True)
        return sorted(file.url for file in listing.files)

    def named(self, root: str, file: str) -> list[str]:
        """As in Storage."""
        return [found.url for found in remote().listing(f"{root}/*/{file}", lambda _: False).files]

    @contextlib.contextmanager
    def written(self, file: str) -> Iterator[Path]:
        """As in Storage: an object appears when all of it is uploaded."""
        with task_folder() as folder:
            path = folder / file.rpartition("/")[2]
            yield path
            remote().upload(path, file, DatabaseError)

    @contextlib.contextmanager
    def fetched(self, file: str) -> Iterator[Path]:
        """As in Storage. Raises InputError."""
        with task_folder() as folder:
            path = folder / file.rpartition("/")[2]
            try:
                remote().fetch([RemoteFile(file, None, ())], [path], lambda _: None)
            except FileNotFoundError:
                raise InputError(f"{shown(file)}: there is no such object") from None
            yield path

    def remove(self, folder: str) -> None:
        """As in Storage."""
        with contextlib.suppress(InputError):
            remote().remove(folder)

    def open_to(self, connection: duckdb.DuckDBPyConnection, folder: str) -> None:
        """As in Storage."""
        found: dict[str, RemoteFile | None] = {}

        def find(name: str) -> RemoteFile | None:
            if found.get(name) is None:
                found[name] = remote().file(name) if name.startswith(f"{folder}/") else None
            return found[name]

        scheme = folder.partition("://")[0]
        if connection.filesystem_is_registered(scheme):
            connection.unregister_filesystem(scheme)
        open_store(connection, find, [scheme])
        # It would hold what a file had before a task wrote it again.
        connection.execute("set enable_external_file_cache = false")

    def frame(self, session: SparkSession, table: StoredTable) -> DataFrame:
        """As in Storage."""
        import duckdb
        import pyarrow as pa
        from pyspark.sql.pandas.types import from_arrow_schema

        types = {name: _read_by_spark(type) for name, type in table.types.items()}
        queries = tuple(replace(table, files=(file,), types=types).query() for file in table.files)
        with duckdb.connect() as connection:
            relation = connection.sql(StoredTable((), types).query())
            schema = pa.RecordBatchReader.from_stream(relation).schema
        folder = table.files[0].rsplit("/", 2)[0]
        numbers = session.range(0, len(queries), 1, len(queries))
        return numbers.mapInArrow(
            partial(read_parts, folder, queries),
            from_arrow_schema(schema, prefer_timestamp_ntz=True),
        )

    def store_frame(self, frame: DataFrame, folder: str, call: Call) -> list[str]:
        """As in Storage."""
        parts = frame.mapInArrow(partial(write_part, folder), "number bigint, file string")
        files = [file for _, file in sorted(call(parts.collect))]
        return files or [self._store_nothing(frame, folder)]

    def _store_nothing(self, frame: DataFrame, folder: str) -> str:
        """Writes a part without rows, since there must be one."""
        import pyarrow.parquet as pq
        from pyspark.sql.pandas.types import to_arrow_schema

        file = part_of(folder, 0, "parquet")
        with self.written(file) as path:
            pq.write_table(to_arrow_schema(frame.schema).empty_table(), path)
        return file


# What tasks do for Spark.


def read_parts(
    folder: str, queries: tuple[str, ...], batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """The rows of queries, of which each reads a part in a folder; batches has their numbers."""
    import duckdb

    with duckdb.connect(config={"threads": 1, "memory_limit": READING_MEMORY}) as connection:
        storage_of(folder).open_to(connection, folder)
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield from connection.sql(queries[number]).to_arrow_reader(BATCH_ROWS)


def write_part(folder: str, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Writes the rows of a partition to a part, and gives its number and its name.

    A partition without rows has no part. The name has the number of the attempt: of two attempts,
    which may have the rows in another order, one counts.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyspark import TaskContext

    filled = (batch for batch in batches if batch.num_rows)
    first = next(filled, None)
    if first is None:
        return
    context = TaskContext.get()
    assert context is not None
    number = context.partitionId()
    file = part_of(folder, number, "parquet", attempt=context.taskAttemptId())
    with storage_of(file).written(file) as path, pq.ParquetWriter(path, first.schema) as writer:
        writer.write_batch(first)
        for batch in filled:
            writer.write_batch(batch)
    yield pa.record_batch({"number": [number], "file": [file]})


def _read_by_spark(type: str) -> str:
    return "VARCHAR" if type.startswith("ENUM(") else READ_BY_SPARK.get(type, type)


@contextlib.contextmanager
def task_folder() -> Iterator[Path]:
    """A folder for the files of a task, where Spark removes those of a killed executor."""
    local = os.environ.get("SPARK_LOCAL_DIRS", "").split(",")[0]
    folder = Path(tempfile.mkdtemp(prefix="ubcf-", dir=local if Path(local).is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


FILES, STORE = FileSystem(), ObjectStore()


def storage_of(place: str) -> Storage:
    """The storage of a file or a folder."""
    return STORE if is_remote(place) else FILES
