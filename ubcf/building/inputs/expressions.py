"""The language of `--field NAME=EXPRESSION` and `--where EXPRESSION`: SQL that only computes.

    field          hours, context.user.id, "name with spaces or dots".id
    constant       5, 1.5e3, 'text', true, false, null
    number         + - * / // %, abs, sqrt, ln, least, greatest, cast(x as integer), x::double
    condition      = == <> != < <= > >=, between, in, like, is null, and, or, not
    either         coalesce, case, parentheses

An expression is parsed in `expression_tree`, and its SQL is written anew from the tree: DuckDB sees
no word of the user but names and texts in quotes. (DuckDB's own tree of a statement, as
`json_serialize_sql` gives it, has another form in each version.)

A field is read as a text where it is compared with a text, or tested for null; as a truth value
where a condition is needed; otherwise as a number. Two fields are compared as numbers.

Numbers are doubles. What cannot be computed is null, never an error: a division by zero, the
logarithm of 0, the root of -1, a cast out of range. A result too large for a double is infinite
within an expression, and null as its value. Arithmetic, least and greatest of a null are null:
DuckDB's own least(null, 1) is 1, which would make a full play of a missing field. `//` drops the
fraction, and `%` has the sign of its left side, as for DuckDB's integers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ubcf.building.inputs.expression_tree import (
    FieldPath,
    Kind,
    Node,
    RefusedError,
    dotted,
    field_path,
    quoted,
    tree,
)
from ubcf.errors import OptionError, printable

__all__ = ["Expression", "condition", "expression", "field_path", "number_column", "text_column"]

# Checks for zero and null repeat what they check: nesting them doubles the SQL each time.
MOST_SQL_CHARACTERS = 100_000

# Characters of an expression that an error shows.
SHOWN = 100


@dataclass(frozen=True)
class Expression:
    """An expression and the SQL that computes it.

    text: as the user wrote it. sql: a scalar over the columns `number_column(path)`, which are
    DOUBLE and finite, and `text_column(path)`, VARCHAR; all may be null. numbers, texts: the paths
    of the fields in these columns, in the order of their first use.
    """

    text: str
    sql: str
    numbers: tuple[FieldPath, ...]
    texts: tuple[FieldPath, ...]


def expression(text: str) -> Expression:
    """The expression of a number; its SQL gives a finite double or null.

    Raises OptionError with one line for what is not of the language, or no number.
    """
    expression = _expression(text, Kind.NUMBER)
    sql = f"case when isfinite({expression.sql}) then {expression.sql} end"
    return Expression(text, sql, expression.numbers, expression.texts)


def condition(text: str) -> Expression:
    """The expression of a condition; its SQL gives true, false or null (unknown).

    Raises OptionError with one line for what is not of the language, or no condition.
    """
    return _expression(text, Kind.CONDITION)


def number_column(path: FieldPath) -> str:
    """The name of the column that has the field as a number: 'listened_s as number'."""
    return f"{dotted(path)} as number"


def text_column(path: FieldPath) -> str:
    """The name of the column that has the field as a text: '"my page".name as text'."""
    return f"{dotted(path)} as text"


def _expression(text: str, kind: Kind) -> Expression:
    try:
        writer = _Writer()
        sql = writer.sql(tree(text), kind)
        _check_distinct({**writer.numbers, **writer.texts})
    except RefusedError as problem:
        raise OptionError(f"{_shown(text, SHOWN)}: {_shown(str(problem), 3 * SHOWN)}") from None
    return Expression(text, sql, tuple(writer.numbers), tuple(writer.texts))


def _shown(text: str, characters: int) -> str:
    return printable(text if len(text) <= characters else f"{text[:characters]}...")


def _check_distinct(paths: dict[FieldPath, None]) -> None:
    """Raises RefusedError for names that are one to DuckDB, which ignores case in columns."""
    names: dict[str, str] = {}
    for name in map(dotted, paths):
        other = names.setdefault(name.lower(), name)
        if other != name:
            raise RefusedError(f"the fields {other} and {name} differ only in case")


# --- The SQL

# The SQL of numbers, of the SQL of their children.
_NUMBERS = {
    "+": "({0} + {1})",
    "-": "({0} - {1})",
    "*": "({0} * {1})",
    "/": "case when {1} <> 0 then {0} / {1} end",
    "//": "case when {1} <> 0 then trunc({0} / {1}) end",
    "%": "case when {1} <> 0 then {0} % {1} end",
    "minus": "(-{0})",
    "plus": "{0}",
    "abs": "abs({0})",
    "sqrt": "case when {0} >= 0 then sqrt({0}) end",
    "ln": "case when {0} > 0 then ln({0}) end",
}

_SQL_TYPES = {Kind.NUMBER: "double", Kind.TEXT: "varchar", Kind.CONDITION: "boolean"}


class _Writer:
    """Writes the SQL of a tree, and notes as what its fields are read."""

    def __init__(self) -> None:
        self.numbers: dict[FieldPath, None] = {}
        self.texts: dict[FieldPath, None] = {}

    def sql(self, node: Node, kind: Kind) -> str:
        """The SQL of a node that must give this kind of value."""
        known = self.kind(node)
        if known is not None and known is not kind:
            problem = f"{node.source} is a {known.value}, not a {kind.value}"
            if (known, kind) == (Kind.CONDITION, Kind.NUMBER):
                problem += f"; say case when {node.source} then 1 else 0 end"
            raise RefusedError(problem)
        sql = self.of_any_kind(node, kind) or self.of_own_kind(node)
        if len(sql) > MOST_SQL_CHARACTERS:
            raise RefusedError("too many divisions, functions or cases within each other")
        return sql

    def kind(self, *nodes: Node) -> Kind | None:
        """The kind of value that the nodes have in common; None if only their use decides."""
        first: tuple[Node, Kind] | None = None
        for node in nodes:
            kind = node.kind or self.kind(*node.results)
            if first is not None and kind not in (None, first[1]):
                raise RefusedError(
                    f"{first[0].source} is a {first[1].value}, but {node.source} is not"
                )
            if kind is not None:
                first = (node, kind)
        return first[1] if first else None

    def of_any_kind(self, node: Node, kind: Kind) -> str:
        """The SQL of a node whose use decides its kind; nothing for another node."""
        match node.name:
            case "constant" if node.value == "null":
                return f"cast(null as {_SQL_TYPES[kind]})"
            case "field" if kind is Kind.NUMBER:
                self.numbers[node.path] = None
                return quoted(number_column(node.path))
            case "field":
                self.texts[node.path] = None
                column = quoted(text_column(node.path))
                return column if kind is Kind.TEXT else f"try_cast({column} as boolean)"
            case "coalesce":
                return f"coalesce({', '.join(self.all(node.children, kind))})"
            case "case":
                return self.case(node, kind)
        return ""

    def of_own_kind(self, node: Node) -> str:
        """The SQL of a node that has a kind of its own."""
        name, children = node.name, node.children
        if name == "constant":
            return _double(node.value) if node.kind is Kind.NUMBER else node.value
        if name in _NUMBERS:
            return _NUMBERS[name].format(*self.all(children, Kind.NUMBER))
        if name in ("least", "greatest"):
            return self.extreme(name, children)
        if name == "cast":
            return self.cast(node)
        if name in ("and", "or"):
            return f"({f' {name} '.join(self.all(children, Kind.CONDITION))})"
        if name == "not":
            return f"(not {self.sql(children[0], Kind.CONDITION)})"
        if name == "is null":
            return f"({self.sql(children[0], self.kind(*children) or Kind.TEXT)} is null)"
        if name == "like":
            return f"({' like '.join(self.all(children, Kind.TEXT))})"
        first, *others = self.all(children, self.kind(*children) or Kind.NUMBER)
        if name == "between":
            return f"({first} between {' and '.join(others)})"
        if name == "in":
            return f"({first} in ({', '.join(others)}))"
        return f"({first} {name} {others[0]})"

    def all(self, nodes: tuple[Node, ...], kind: Kind) -> list[str]:
        """The SQL of each node."""
        return [self.sql(node, kind) for node in nodes]

    def case(self, node: Node, kind: Kind) -> str:
        """The SQL of a case."""
        checks, values = node.children[:-1:2], node.children[1::2]
        branches = [
            f"when {self.sql(check, Kind.CONDITION)} then {self.sql(value, kind)}"
            for check, value in zip(checks, values, strict=True)
        ]
        return f"case {' '.join(branches)} else {self.sql(node.children[-1], kind)} end"

    def extreme(self, name: str, children: tuple[Node, ...]) -> str:
        """The SQL of least or greatest: null if one of them is null."""
        values = self.all(children, Kind.NUMBER)
        checks = [
            f"{value} is not null"
            for child, value in zip(children, values, strict=True)
            if child.name != "constant" or child.value == "null"
        ]
        extreme = f"{name}({', '.join(values)})"
        return f"case when {' and '.join(checks)} then {extreme} end" if checks else extreme

    def cast(self, node: Node) -> str:
        """The SQL of a cast, as a double again; true is 1, false is 0."""
        (child,) = node.children
        if self.kind(child) is Kind.CONDITION:
            return f"cast({self.sql(child, Kind.CONDITION)} as double)"
        sql = self.sql(child, Kind.NUMBER)
        if node.value == "double":
            return sql
        return f"cast(try_cast({sql} as {node.value}) as double)"


def _double(number: str) -> str:
    """The SQL of a number as a double: DuckDB takes 0.1 for a decimal, but 0.1e0 for a double."""
    value = float(number)
    if math.isinf(value):
        raise RefusedError(f"the number {number} is too large")
    return repr(value) if "e" in repr(value) else f"{value!r}e0"
