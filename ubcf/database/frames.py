"""Frames: the rows that pandas, polars, pyarrow or DuckDB hold in memory, for DuckDB to read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeGuard, runtime_checkable

import duckdb

from ubcf.database.session import identifier, interruptibly
from ubcf.errors import InputError, one_line, printable

# What a frame may be, in words.
FRAMES = "a DataFrame of pandas or polars, a Table of pyarrow, or a relation of DuckDB"

# From here on, a floating-point number may stand for several whole ones.
MOST_EXACT = 2**53

KINDS = {
    "pandas": "DataFrame of pandas",
    "polars": "DataFrame of polars",
    "pyarrow": "Table of pyarrow",
    "duckdb": "relation of DuckDB",
}

# The types of DuckDB that Arrow turns into decimals of as many digits.
HUGE_INTEGERS = ("UHUGEINT", "HUGEINT")


@runtime_checkable
class Frame(Protocol):
    """Rows with named columns, which all four libraries can hand over as a stream of Arrow."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        """A capsule with the stream."""


class _Stream:
    """A frame of which nothing is known but the stream.

    DuckDB refuses a relation of another connection.
    """

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        return self._frame.__arrow_c_stream__(requested_schema)


def library_of(frame: object) -> str:
    """The library that a frame is of, by the name of its module."""
    return type(frame).__module__.partition(".")[0].lstrip("_")


def name_of_kind(frame: object) -> str:
    """What a frame is, in words."""
    return KINDS.get(library_of(frame), "stream of Arrow")


def is_frame(value: object) -> TypeGuard[Frame]:
    """Whether a value is a frame: of these four libraries, or of another that has Arrow streams."""
    if type(value).__name__ == "Series":  # the values of one column
        return False
    # Those of older versions of pandas have no stream.
    return isinstance(value, Frame) or (
        library_of(value) == "pandas" and type(value).__name__ == "DataFrame"
    )


def write_frame(frame: Frame, path: Path, name: str) -> None:
    """Writes the rows of a frame, in their order, to a Parquet file.

    An index of pandas that has a name is a column. 128-bit integers become decimals. name: what is
    reported. Raises InputError for a frame with columns that cannot be read or told apart.
    """
    with duckdb.connect(config={"temp_directory": str(path.parent)}) as connection:
        try:
            interruptibly(
                connection,
                lambda: frame_relation(connection, frame, name).write_parquet(str(path)),
            )
        except duckdb.Error as error:
            raise InputError(f"{name}: cannot be read: {one_line(error)}") from error


def frame_relation(
    connection: duckdb.DuckDBPyConnection, frame: Frame, name: str
) -> duckdb.DuckDBPyRelation:
    """The rows of a frame as a relation of the connection; see `write_frame`.

    Raises InputError as `write_frame` does, or an error of DuckDB.
    """
    _refuse_columns(frame, name)
    if library_of(frame) == "pandas":
        return connection.from_df(_with_index(frame))
    if library_of(frame) == "polars":
        try:
            return connection.from_arrow(frame)
        except (ImportError, duckdb.Error):  # it reads frames of polars by pyarrow
            return connection.from_arrow(_Stream(frame))
    relation = connection.from_arrow(_Stream(frame))
    if not isinstance(frame, duckdb.DuckDBPyRelation):
        return relation
    # Arrow knows no JSON, only texts.
    types = dict(zip(frame.columns, map(str, frame.types), strict=True))
    return relation.project(
        ", ".join(
            f"cast({identifier(column)} as {_without_huge_integers(type)}) as {identifier(column)}"
            if "JSON" in type
            else identifier(column)
            for column, type in types.items()
        )
    )


def texts_of(frame: Frame, columns: Sequence[str], name: str) -> list[tuple[str | None, ...]]:
    """The values of some columns of a frame, as texts; whole numbers are without a fraction.

    name: what is reported. Raises InputError for a frame without these columns, and as
    `write_frame` does.
    """
    with duckdb.connect() as connection:
        try:
            relation = frame_relation(connection, frame, name)
            found = {column.lower(): column for column in relation.columns}
            if missing := [column for column in columns if column not in found]:
                raise InputError(
                    f"{name}: no column {', '.join(missing)}; there is {', '.join(found.values())}"
                )
            types = dict(zip(relation.columns, map(str, relation.types), strict=True))
            chosen = [found[column] for column in columns]
            return relation.project(
                ", ".join(_text(identifier(each), types[each]) for each in chosen)
            ).fetchall()
        except duckdb.Error as error:
            raise InputError(f"{name}: cannot be read: {one_line(error)}") from error


def _text(column: str, type: str) -> str:
    """SQL for the text of a value; in pandas, whole numbers beside nulls are fractions."""
    text = f"cast({column} as varchar)"
    if type not in ("DOUBLE", "FLOAT"):
        return text
    is_whole = f"{column} = trunc({column}) and abs({column}) < {MOST_EXACT}"
    return f"case when {is_whole} then cast(cast({column} as bigint) as varchar) else {text} end"


def _without_huge_integers(type: str) -> str:
    for huge in HUGE_INTEGERS:
        type = type.replace(huge, "DECIMAL(38, 0)")
    return type


def _with_index(frame: Any) -> Any:
    """A frame of pandas, with the levels of its index that have a name of their own as columns."""
    names = [name for name in frame.index.names if name is not None and name not in frame.columns]
    return frame.reset_index(level=names) if names else frame


def _refuse_columns(frame: Any, name: str) -> None:
    """Raises InputError for columns without distinct names, or of objects that polars hides."""
    columns: Any = getattr(frame, "columns", None)
    if columns is None or library_of(frame) == "pyarrow":
        columns = getattr(getattr(frame, "schema", None), "names", ())
    seen: set[str] = set()
    for column in map(str, columns):
        if column.lower() in seen:
            raise InputError(
                f"{name}: two columns have the same name, but for capital letters: "
                f"{printable(column)}"
            )
        seen.add(column.lower())
    if library_of(frame) == "polars":
        for column, kind in frame.schema.items():
            if str(kind) == "Object":
                raise InputError(f"{name}: column {printable(column)} has objects of Python")
