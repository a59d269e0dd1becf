"""Rows of a query as text: a table, CSV, JSON, JSON lines or Markdown."""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ubcf.database import SAFE_CSV
from ubcf.database.session import literal
from ubcf.errors import printable

if TYPE_CHECKING:
    import duckdb

_FORMULA = re.compile(r"(?![-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$|-inf$)[=+\-@\t\r\n]", re.IGNORECASE)

# Rows to fetch at once.
ROWS_FETCHED = 10_000

# Significant digits of a fraction in tables; the other formats have all digits.
DIGITS = 6

# A value as DuckDB casts it to text; None is null.
Text = str | None

_WHOLE = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?")

_FRACTION = re.compile(r"DOUBLE|FLOAT|DECIMAL\(.*\)")

_NESTED = re.compile(r".*\[\d*\]|(STRUCT|MAP|UNION|LIST|ARRAY)\(.*|JSON", flags=re.DOTALL)


# A text as JSON. DuckDB has upper-case digits in escapes such as \\u001F, where Python and most
# others have lower-case ones; these few texts are put together letter by letter.
_JSON_STRING = r"""case
    when contains(cast(to_json({text}) as varchar), '\u00') then '"' || array_to_string(
        list_transform(
            string_split({text}, ''),
            lambda c: case
                when ascii(c) < 32 and starts_with(cast(to_json(c) as varchar), '"\u')
                    then lower(cast(to_json(c) as varchar))
                else cast(to_json(c) as varchar)
            end[2:-2]
        ), '') || '"'
    else cast(to_json({text}) as varchar)
end"""


class Writable(Protocol):
    """An open text file, or stdout."""

    def write(self, text: str, /) -> object: ...


@dataclass(frozen=True)
class Column:
    """A column of the rows: its name and its SQL type."""

    name: str
    type: str

    @property
    def whole(self) -> bool:
        return _WHOLE.fullmatch(self.type) is not None

    @property
    def fraction(self) -> bool:
        return _FRACTION.fullmatch(self.type) is not None

    @property
    def nested(self) -> bool:
        return _NESTED.fullmatch(self.type) is not None

    def as_json(self, text: Text) -> str:
        """A value as JSON; NaN and infinity, which JSON lacks, become null."""
        if text is None:
            return "null"
        if self.whole or self.type == "BOOLEAN":
            return text
        if self.fraction:
            return "null" if re.fullmatch("-?(nan|inf)", text) else text
        if self.nested:
            value = json.loads(text, parse_constant=lambda _: None)
            return json.dumps(value, ensure_ascii=False)
        return json.dumps(text, ensure_ascii=False)

    def sql_of_json(self, value: str) -> str:
        """An SQL expression of the same text as `as_json` of a value that is not nested."""
        text = f"cast({value} as varchar)"
        if self.fraction:
            finite = "true" if self.type.startswith("DECIMAL") else f"isfinite({value})"
            text = f"case when {finite} then {text} end"
        elif not self.whole and self.type != "BOOLEAN":
            text = _JSON_STRING.format(text=text)
        return f"coalesce({text}, 'null')"

    def as_read(self, text: Text) -> str:
        """A value in a table: one line, fractions with six significant digits."""
        if text is None:
            return ""
        if self.fraction and len(text) > DIGITS:
            value = float(text)
            return f"{value:.{DIGITS}g}" if abs(value) < 10**DIGITS else f"{value:.1f}"
        return printable(text)


def write_rows(
    connection: duckdb.DuckDBPyConnection,
    relation: duckdb.DuckDBPyRelation,
    form: str,
    out: Writable,
) -> None:
    """Writes the rows of a relation of the connection, in one of `FORMATS` or SAFE_CSV.

    CSV and JSON have all digits, and are written while rows are fetched.
    """
    columns = _columns(relation)
    if form in ("json", "jsonl"):
        _write_json(_json_objects(connection, relation, columns), form, out)
        return
    rows = _texts(connection, relation, columns, form)
    if form in ("csv", SAFE_CSV):
        write_csv([column.name for column in columns], rows, form, out)
    else:
        write_grid(columns, list(rows), form, out)


def write_parts(
    connection: duckdb.DuckDBPyConnection,
    parts: Mapping[str, duckdb.DuckDBPyRelation],
    form: str,
    out: Writable,
    *,
    one_row: Collection[str] = (),
) -> None:
    """Writes several relations as one: JSON as one object with a key for each part.

    The name of a part stands above its table; in CSV and JSON lines it is the first column.
    one_row: names of parts with one row: an object in JSON, a line for each column in a table.
    """
    objects = []
    for number, (name, relation) in enumerate(parts.items()):
        columns = _columns(relation)
        rows = _texts(connection, relation, columns, form)
        if form == "json":
            single = name in one_row
            value = _json_object(columns, next(rows)) if single else _json_rows(columns, rows)
            objects.append(f"{json.dumps(name)}: {value}")
        elif form == "jsonl":
            for row in rows:
                out.write(f"{_json_object([Column('part', 'VARCHAR'), *columns], [name, *row])}\n")
        elif form in ("csv", SAFE_CSV):
            out.write("\n" if number else "")
            names = ["part", *(column.name for column in columns)]
            write_csv(names, ([name, *row] for row in rows), form, out)
        else:
            out.write("\n" if number else "")
            out.write(f"## {name}\n\n" if form == "markdown" else f"{name}\n")
            if name in one_row:
                (row,) = rows
                read = [[c.name, c.as_read(text)] for c, text in zip(columns, row, strict=True)]
                columns, rows = [Column("", "VARCHAR"), Column("", "VARCHAR")], iter(read)
            write_grid(columns, list(rows), form, out)
    if form == "json":
        out.write("{" + ",\n".join(objects) + "}\n")


def _columns(relation: duckdb.DuckDBPyRelation) -> list[Column]:
    return [
        Column(name, str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)
    ]


def _texts(
    connection: duckdb.DuckDBPyConnection,
    relation: duckdb.DuckDBPyRelation,
    columns: Sequence[Column],
    form: str,
) -> Iterator[Sequence[Text]]:
    """The rows as texts, cast by DuckDB, which has a text for every value of every type."""
    as_json = form in ("json", "jsonl")
    values = (
        f"to_json(#{position})" if column.nested and as_json else f"#{position}"
        for position, column in enumerate(columns, start=1)
    )
    for rows in _batches(connection, relation, [f"cast({value} as varchar)" for value in values]):
        yield from rows


def _batches(
    connection: duckdb.DuckDBPyConnection,
    relation: duckdb.DuckDBPyRelation,
    expressions: Sequence[str],
) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of expressions over a relation; streamed, unless the relation holds its rows."""
    projected = relation.project(", ".join(expressions))
    if relation.type == "MATERIALIZED_RELATION":
        if rows := projected.fetchall():
            yield rows
        return
    # Unlike a relation, an executed statement streams its rows.
    connection.execute(projected.sql_query())
    while rows := connection.fetchmany(ROWS_FETCHED):
        yield rows


def _write_json(objects: Iterator[list[str]], form: str, out: Writable) -> None:
    """Writes batches of objects as lines, or as one array."""
    if form == "jsonl":
        for batch in objects:
            out.write("\n".join(batch) + "\n")
        return
    out.write("[")
    for number, batch in enumerate(objects):
        out.write((",\n " if number else "") + ",\n ".join(batch))
    out.write("]\n")


def _json_objects(
    connection: duckdb.DuckDBPyConnection,
    relation: duckdb.DuckDBPyRelation,
    columns: Sequence[Column],
) -> Iterator[list[str]]:
    """The rows as JSON objects, in batches.

    DuckDB makes the text of all values but the nested ones: its rows are the texts between these,
    which Python makes, at odd positions.
    """

    between = [["'{'"]]
    selected = []
    for position, column in enumerate(columns, start=1):
        comma = ", " if position > 1 else ""
        between[-1].append(literal(f"{comma}{json.dumps(column.name, ensure_ascii=False)}: "))
        if column.nested:
            selected.append(f"cast(to_json(#{position}) as varchar)")
            between.append([])
        else:
            between[-1].append(column.sql_of_json(f"#{position}"))
    between[-1].append("'}'")
    pieces = [f"concat({', '.join(piece)})" for piece in between]
    for place, nested in enumerate(selected):
        pieces.insert(2 * place + 1, nested)
    nested_columns = [column for column in columns if column.nested]
    for rows in _batches(connection, relation, pieces):
        if not nested_columns:
            yield [row[0] for row in rows]
            continue
        for place, column in enumerate(nested_columns):
            at = 2 * place + 1
            rows = [(*row[:at], column.as_json(row[at]), *row[at + 1 :]) for row in rows]
        yield ["".join(row) for row in rows]


def write_csv(
    names: Sequence[str], rows: Iterable[Sequence[Text]], form: str, out: Writable
) -> None:
    """Writes a line of names and the rows, as csv or SAFE_CSV."""
    writer = csv.writer(out, lineterminator="\n")
    if form == SAFE_CSV:
        names = _no_formulas(names)
        rows = map(_no_formulas, rows)
    writer.writerow(names)
    writer.writerows(rows)


def _no_formulas(row: Sequence[Any]) -> list[Any]:
    return [f"'{text}" if text is not None and _FORMULA.match(text) else text for text in row]


def _json_object(columns: Sequence[Column], row: Sequence[Text]) -> str:
    fields = (
        f"{json.dumps(column.name, ensure_ascii=False)}: {column.as_json(text)}"
        for column, text in zip(columns, row, strict=True)
    )
    return "{" + ", ".join(fields) + "}"


def _json_rows(columns: Sequence[Column], rows: Iterator[Sequence[Text]]) -> str:
    return "[" + ",\n ".join(_json_object(columns, row) for row in rows) + "]"


def write_grid(
    columns: Sequence[Column], rows: list[Sequence[Text]], form: str, out: Writable
) -> None:
    """Writes aligned columns, numbers to the right, as text or as a Markdown table."""
    escape: Callable[[str], str] = str if form == "table" else _markdown
    cells = [[escape(printable(column.name)) for column in columns]] + [
        [escape(column.as_read(text)) for column, text in zip(columns, row, strict=True)]
        for row in rows
    ]
    widths = [max(3, *(_width(row[at]) for row in cells)) for at in range(len(columns))]
    right = [column.whole or column.fraction for column in columns]
    rule = [
        "-" * (width - 1) + ":" if form == "markdown" and numeric else "-" * width
        for width, numeric in zip(widths, right, strict=True)
    ]
    if any(column.name for column in columns) or form == "markdown":
        cells.insert(1, rule)
    else:
        del cells[0]
    for row in cells:
        padded = [
            " " * (width - _width(cell)) + cell if numeric else cell + " " * (width - _width(cell))
            for cell, width, numeric in zip(row, widths, right, strict=True)
        ]
        line = f"| {' | '.join(padded)} |" if form == "markdown" else "  ".join(padded).rstrip()
        out.write(f"{line}\n")


def _markdown(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _width(text: str) -> int:
    """Columns that a text takes on a terminal: 2 a wide character, 0 a combining one."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in text
    )
