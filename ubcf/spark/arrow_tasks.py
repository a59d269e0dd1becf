"""What executors do where Spark cannot read or write the files itself: parts of an object store.

Hadoop's s3a is in no package of Python, and a cluster may lack it. So a task reads a part by
DuckDB, or writes one by pyarrow, and Spark sees Arrow's record batches alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ubcf.spark.storage import part_of, storage_of

if TYPE_CHECKING:
    import pyarrow as pa

# Rows that Spark gets at a time.
BATCH_ROWS = 10_000

# DuckDB's limit for a task that reads a part.
READING_MEMORY = "256 MiB"


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
