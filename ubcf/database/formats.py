"""Rows of a query as text: a table, CSV, JSON, JSON lines or Markdown.

DuckDB makes the text of each row of CSV, JSON and JSON lines, by expressions over its columns. Its
COPY is not used: a connection to a database that is not trusted may write no file, stdout is none,
and it writes other bytes. Python makes only what DuckDB has no expression for: nested values whose
type does not say what is in them (JSON, UNION), and tables, which need all rows at once. Nested
values in CSV (lists, structs, maps) are JSON, which others can read back.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from ubcf.database import SAFE_CSV
from ubcf.database.grids import Hidden, write_grid
from ubcf.database.session import literal
from ubcf.errors import printable

if TYPE_CHECKING:
    import duckdb

# What a spreadsheet takes for a formula, and what begins like one but is a number.
_FORMULA_START = r"^[=+\-@\t\r\n]"
_NUMBER = r"(?i)[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?|-inf"

# Before a text, it tells a spreadsheet that the text is none.
_NO_FORMULA = "'"

# What a value of CSV is put into quotes for.
_SPECIAL_IN_CSV = '[",\\r\\n]'

# Rows to fetch at once.
ROWS_FETCHED = 10_000

# Significant digits of a fraction in tables; the other formats have all digits.
DIGITS = 6

# A value as DuckDB casts it to text; None is null.
Text = str | None

_WHOLE = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?")

_FRACTION = re.compile(r"DOUBLE|FLOAT|DECIMAL\(.*\)")

_JSON = "JSON"

_NESTED = re.compile(rf".*\[\d*\]|(STRUCT|MAP|UNION|LIST|ARRAY)\(.*|{_JSON}", flags=re.DOTALL)


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
    """A column of the rows: its name and its SQL type; `kind` is the same type, taken apart."""

    name: str
    type: str
    kind: Any = None

    @property
    def whole(self) -> bool:
        return _WHOLE.fullmatch(self.type) is not None

    @property
    def fraction(self) -> bool:
        return _FRACTION.fullmatch(self.type) is not None

    @property
    def is_text(self) -> bool:
        return self.type == "VARCHAR"

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

    def as_csv(self, text: Text) -> Text:
        """A value of CSV, before it is quoted: a nested one is JSON; JSON stays as it is."""
        return self.as_json(text) if text and self.nested and self.type != _JSON else text

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
    width: int | None = None,
) -> Hidden:
    """Writes the rows of a relation of the connection, in one of `FORMATS`, SAFE_CSV or WIDE.

    CSV and JSON have all digits, and are written while rows are fetched.
    width: what a table must fit into. Returns what is not shown because of it.
    """
    columns = _columns(relation)
    if form in ("json", "jsonl"):
        _write_json(_json_objects(connection, relation, columns), form, out)
    elif form in ("csv", SAFE_CSV):
        write_csv([column.name for column in columns], (), form, out)
        for lines in _csv_lines(connection, relation, columns, form):
            out.write(lines)
    else:
        rows = list(_texts(connection, relation, columns, form))
        return write_grid(columns, rows, form, out, width)
    return Hidden()


def write_parts(
    connection: duckdb.DuckDBPyConnection,
    parts: Mapping[str, duckdb.DuckDBPyRelation],
    form: str,
    out: Writable,
    *,
    one_row: Collection[str] = (),
    width: int | None = None,
) -> Hidden:
    """Writes several relations as one: JSON as one object with a key for each part.

    The name of a part stands above its table; in CSV and JSON lines it is the first column.
    one_row: names of parts with one row: an object in JSON, a line for each column in a table.
    width: what each table must fit into. Returns what is not shown because of it.
    """
    objects = []
    hidden = Hidden()
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
            cells = (
                [name, *(c.as_csv(text) for c, text in zip(columns, row, strict=True))]
                for row in rows
            )
            write_csv(names, cells, form, out)
        else:
            out.write("\n" if number else "")
            out.write(f"## {name}\n\n" if form == "markdown" else f"{name}\n")
            if name in one_row:
                (row,) = rows
                read = [[c.name, c.as_read(text)] for c, text in zip(columns, row, strict=True)]
                columns, rows = [Column("", "VARCHAR"), Column("", "VARCHAR")], iter(read)
            hidden += write_grid(columns, list(rows), form, out, width)
    if form == "json":
        out.write("{" + ",\n".join(objects) + "}\n")
    return hidden


def _columns(relation: duckdb.DuckDBPyRelation) -> list[Column]:
    return [
        Column(name, str(kind), kind)
        for name, kind in zip(relation.columns, relation.types, strict=True)
    ]


def _texts(
    connection: duckdb.DuckDBPyConnection,
    relation: duckdb.DuckDBPyRelation,
    columns: Sequence[Column],
    form: str,
) -> Iterator[Sequence[Text]]:
    """The rows as texts, cast by DuckDB, which has a text for every value of every type."""
    as_json = form in ("json", "jsonl", "csv", SAFE_CSV)
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
    import duckdb

    projected = relation.project(", ".join(expressions))
    holds_rows = relation.type == "MATERIALIZED_RELATION"
    if not holds_rows:
        try:
            # Unlike a relation, an executed statement streams its rows.
            connection.execute(projected.sql_query())
        except duckdb.ParserException:
            # DuckDB 1.5 has no SQL of a projection of rows that are held.
            holds_rows = True
    if holds_rows:
        if rows := projected.fetchall():
            yield rows
        return
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
    """The rows as JSON objects, in batches."""
    pieces: list[str | _MadeHere] = ["'{'"]
    for position, column in enumerate(columns, start=1):
        comma = ", " if position > 1 else ""
        pieces.append(literal(f"{comma}{json.dumps(column.name, ensure_ascii=False)}: "))
        value = _sql_of_json(f"#{position}", column.kind)
        pieces.append(_MadeHere(_json_text(position), column.as_json) if value is None else value)
    pieces.append("'}'")
    yield from _assembled(connection, relation, pieces)


@dataclass(frozen=True)
class _MadeHere:
    """A piece of a row that Python makes from the text of an SQL expression."""

    expression: str
    make: Callable[[Text], str]


def _assembled(
    connection: duckdb.DuckDBPyConnection,
    relation: duckdb.DuckDBPyRelation,
    pieces: Sequence[str | _MadeHere],
) -> Iterator[list[str]]:
    """A text for each row, in batches: its pieces, most of them expressions of DuckDB, in turn."""
    runs: list[list[str] | _MadeHere] = []
    for piece in pieces:
        if isinstance(piece, _MadeHere):
            runs.append(piece)
        elif runs and isinstance(runs[-1], list):
            runs[-1].append(piece)
        else:
            runs.append([piece])
    expressions = [
        f"concat({', '.join(run)})" if isinstance(run, list) else run.expression for run in runs
    ]
    makers = [str if isinstance(run, list) else run.make for run in runs]
    for rows in _batches(connection, relation, expressions):
        if makers == [str]:
            yield [row[0] for row in rows]
        else:
            yield [
                "".join(make(text) for make, text in zip(makers, row, strict=True)) for row in rows
            ]


def _json_text(position: int) -> str:
    return f"cast(to_json(#{position}) as varchar)"


def _sql_of_json(value: str, kind: Any, depth: int = 0) -> str | None:
    """An SQL expression of the same text as `Column.as_json`; None if there is none.

    kind: the type of the value, a DuckDBPyType. depth: of the value in nested ones.
    """
    column = Column("", str(kind), kind)
    text = f"cast({value} as varchar)"
    if column.fraction:
        finite = "true" if column.type.startswith("DECIMAL") else f"isfinite({value})"
        text = f"case when {finite} then {text} end"
    elif column.nested:
        nested = _sql_of_nested(value, kind, depth)
        if nested is None:
            return None
        text = f"case when {value} is not null then {nested} end"
    elif not column.whole and column.type != "BOOLEAN":
        text = _JSON_STRING.format(text=text)
    return f"coalesce({text}, 'null')"


def _sql_of_nested(value: str, kind: Any, depth: int) -> str | None:
    """The expression of `_sql_of_json` for a list, an array, a struct or a map."""
    each = f"each_{depth}"
    if kind.id in ("list", "array"):
        element = _sql_of_json(each, kind.children[0][1], depth + 1)
        items = element and f"list_transform({value}, lambda {each}: {element})"
        start, end = "[", "]"
    elif kind.id == "map":
        element = _sql_of_json(f"{each}.value", dict(kind.children)["value"], depth + 1)
        key = _JSON_STRING.format(text=f"cast({each}.key as varchar)")
        pair = f"concat({key}, ': ', {element})"
        items = element and f"list_transform(map_entries({value}), lambda {each}: {pair})"
        start, end = "{", "}"
    elif kind.id == "struct":
        fields = [
            (name, _sql_of_json(f"struct_extract({value}, {literal(name)})", of_field, depth))
            for name, of_field in kind.children
        ]
        pairs = [
            f"concat({literal(json.dumps(name, ensure_ascii=False) + ': ')}, {field})"
            for name, field in fields
            if field is not None
        ]
        items = f"[{', '.join(pairs)}]" if len(pairs) == len(fields) else None
        start, end = "{", "}"
    else:
        return None
    return items and f"concat('{start}', array_to_string({items}, ', '), '{end}')"


def _csv_lines(
    connection: duckdb.DuckDBPyConnection,
    relation: duckdb.DuckDBPyRelation,
    columns: Sequence[Column],
    form: str,
) -> Iterator[str]:
    """The rows as lines of CSV, many at once; each line has its end."""
    # An empty line is no row.
    empty = '""' if len(columns) == 1 else ""
    pieces: list[str | _MadeHere] = []
    for position, column in enumerate(columns, start=1):
        if position > 1:
            pieces.append("','")
        value = _sql_of_csv(f"#{position}", column, form)
        if value is None:
            pieces.append(_MadeHere(_json_text(position), partial(_quoted_json, column, empty)))
        else:
            pieces.append(f"coalesce(nullif({value}, ''), {literal(empty)})" if empty else value)
    for lines in _assembled(connection, relation, pieces):
        yield "\n".join(lines) + "\n"


def _sql_of_csv(value: str, column: Column, form: str) -> str | None:
    """An SQL expression of a value as `write_csv` writes it; None if there is none."""
    text = f"cast({value} as varchar)"
    if column.whole or column.fraction or column.type == "BOOLEAN":
        return f"coalesce({text}, '')"
    if column.nested and column.type != _JSON:
        nested = _sql_of_json(value, column.kind)
        if nested is None:
            return None
        text = f"case when {value} is not null then {nested} end"
    elif form == SAFE_CSV:
        formula = (
            f"regexp_matches({text}, {literal(_FORMULA_START)}) "
            f"and not regexp_full_match({text}, {literal(_NUMBER)})"
        )
        text = f"case when {formula} then concat({literal(_NO_FORMULA)}, {text}) else {text} end"
    quoted = f"""concat('"', replace({text}, '"', '""'), '"')"""
    special = f"regexp_matches({text}, {literal(_SPECIAL_IN_CSV)})"
    return f"coalesce(case when {special} then {quoted} else {text} end, '')"


def _quoted_json(column: Column, null: str, text: Text) -> str:
    """A nested value as `write_csv` writes it."""
    if text is None:
        return null
    cell = column.as_json(text)
    return '"' + cell.replace('"', '""') + '"' if re.search(_SPECIAL_IN_CSV, cell) else cell


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
    return [_NO_FORMULA + text if text is not None and _is_formula(text) else text for text in row]


def _is_formula(text: str) -> bool:
    return bool(re.match(_FORMULA_START, text)) and not re.fullmatch(_NUMBER, text)


def _json_object(columns: Sequence[Column], row: Sequence[Text]) -> str:
    fields = (
        f"{json.dumps(column.name, ensure_ascii=False)}: {column.as_json(text)}"
        for column, text in zip(columns, row, strict=True)
    )
    return "{" + ", ".join(fields) + "}"


def _json_rows(columns: Sequence[Column], rows: Iterator[Sequence[Text]]) -> str:
    return "[" + ",\n ".join(_json_object(columns, row) for row in rows) + "]"
