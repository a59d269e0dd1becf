"""Where the parts of a build are stored, and how DuckDB and Spark read and write them there.

Files have one name on all machines. They appear complete or not at all, so that several tasks may
write the same one.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import duckdb
    from pyspark.sql import DataFrame, SparkSession

# Columns and their SQL types, as DuckDB has them.
Types = dict[str, str]

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
        """Lets DuckDB read the files of a folder, those to come too."""

    def frame(self, session: SparkSession, files: Sequence[str], types: Types) -> DataFrame:
        """The rows of Parquet files, for Spark. types: as DuckDB reads them."""

    def store_frame(self, frame: DataFrame, folder: str, call: Call) -> list[str]:
        """Writes a frame as Parquet; returns the files in the order of its rows."""


def part_of(folder: str, number: int, suffix: str) -> str:
    """The name of a part in a folder. Parts sort by their numbers."""
    return f"{folder}/{number:06}.{suffix}"


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

    def frame(self, session: SparkSession, files: Sequence[str], types: Types) -> DataFrame:  # noqa: ARG002
        """As in Storage."""
        return session.read.parquet(*map(_escaped, files))

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


FILES = FileSystem()


def storage_of(place: str) -> Storage:  # noqa: ARG001
    """The storage of a file or a folder."""
    return FILES
