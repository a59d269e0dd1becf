"""The trees of expressions: what a text of the language of `expressions` consists of.

A text is cut into words and signs, and these are parsed by the precedence of their operators, which
is that of SQL. Nothing is let through that is not listed here.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum

FieldPath = tuple[str, ...]

# What a person writes is far below these; beyond them, Python or DuckDB would run out of stack.
MOST_CHARACTERS = 10_000
MOST_DEPTH = 50

_TOO_DEEP = f"more than {MOST_DEPTH} operations within each other"


class RefusedError(Exception):
    """Why a text is no expression."""


class Kind(Enum):
    """What a value is: decides how a field is read."""

    NUMBER = "number"
    TEXT = "text"
    CONDITION = "condition"


def tree(text: str) -> Node:
    """The tree of an expression. Raises RefusedError if the text is none."""
    if len(text) > MOST_CHARACTERS:
        raise RefusedError(f"more than {MOST_CHARACTERS:,} characters")
    if _IMPOSSIBLE.search(text):
        raise RefusedError("a null character or half of a surrogate pair is not allowed")
    path = field_path(text)
    if path is not None:
        return Node("field", text.strip(_SPACES), path=path)
    return _Parser(text).whole()


def field_path(text: str) -> FieldPath | None:
    """The path of a plain field (`user`) or a dotted one (`context."user id"`), else None.

    Words of the language are names here, but for true, false and null.
    """
    text = text.strip(_SPACES)
    if len(text) > MOST_CHARACTERS or not _PATH.fullmatch(text) or text.lower() in _CONSTANTS:
        return None
    if _IMPOSSIBLE.search(text) or _strange_character(text):
        return None
    path = _parts(text)
    return path if len(path) <= MOST_DEPTH else None


def dotted(path: FieldPath) -> str:
    """The path as it can be written in an expression."""
    return ".".join(part if re.fullmatch(_NAME, part) else quoted(part) for part in path)


def quoted(name: str) -> str:
    """The name in double quotes, as in SQL."""
    return '"' + name.replace('"', '""') + '"'


# --- Tokens

_SPACES = " \t\r\n"
_NAME = r"[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*"
_QUOTED = r'"(?:[^"]|"")+"'
_PATH = re.compile(rf"(?:{_NAME}|{_QUOTED})(?:\.(?:{_NAME}|{_QUOTED}))*")
_TOKEN = re.compile(
    rf"""
    (?P<path>{_PATH.pattern})
    | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![A-Za-z0-9_.]))
    | (?P<text>'(?:[^']|'')*')
    | (?P<comment>--|/\*)
    | (?P<operator><=|>=|<>|!=|==|//|::|[-+*/%<>=(),])
    """,
    re.VERBOSE,
)

_IMPOSSIBLE = re.compile("[\0\ud800-\udfff]")
_CONSTANTS = {"true": Kind.CONDITION, "false": Kind.CONDITION, "null": None}
_RESERVED = frozenset(
    ["and", "as", "between", "case", "else", "end", "in", "is", "like", "not", "or", "then", "when"]
)


@dataclass(frozen=True)
class _Token:
    """A word of an expression: `kind` is a group of _TOKEN, or 'word' or 'end'."""

    kind: str
    source: str
    start: int

    @property
    def word(self) -> str:
        """The word in lower case if it is one of the language, or a sign; else nothing."""
        return self.source.lower() if self.kind in ("word", "operator") else ""


def _tokens(text: str) -> list[_Token]:
    tokens, position = [], 0
    while position < len(text):
        if text[position] in _SPACES:
            position += 1
            continue
        match = _TOKEN.match(text, position)
        if match is None:
            raise RefusedError(_unreadable(text, position))
        kind, source = str(match.lastgroup), match[0]
        if kind == "comment":
            raise RefusedError(f"a comment ({source}) is not allowed")
        if kind == "path" and (strange := _strange_character(source)):
            raise RefusedError(f"{_named(strange)} is not allowed outside quotes")
        if kind == "path" and source.lower() in _RESERVED:
            kind = "word"
        tokens.append(_Token(kind, source, position))
        position = match.end()
    return [*tokens, _Token("end", "the end", len(text))]


def _unreadable(text: str, position: int) -> str:
    character = text[position]
    if character in "'\"":
        return (
            f"the quote {character} at character {position + 1} is not closed, or has nothing in it"
        )
    if re.match(r"\.?[0-9]", text[position:]):
        return f"{text[position : position + 10]} is not a number"
    return f"{_named(character)} is not allowed"


def _named(character: str) -> str:
    if character.isascii() and character.isprintable():
        return f"the character {character}"
    return f"the character U+{ord(character):04X}"


def _strange_character(path: str) -> str | None:
    """A character outside quotes that is no letter, mark or digit, such as a typographic quote."""
    for name in re.findall(rf"{_QUOTED}|({_NAME})", path):
        for place, character in enumerate(name):
            category = unicodedata.category(character)[0]
            if not character.isascii() and category not in ("L" if place == 0 else "LMN"):
                return str(character)
    return None


def _parts(path: str) -> FieldPath:
    return tuple(
        part[1:-1].replace('""', '"') if part.startswith('"') else part
        for part in re.findall(rf"{_QUOTED}|{_NAME}", path)
    )


# --- The tree

_COMPARISONS = ["=", "==", "<>", "!=", "<", "<=", ">", ">="]
_ARITHMETIC = ["+", "-", "*", "/", "//", "%"]

# The functions, and how many arguments they have at most.
_FUNCTIONS = {
    "abs": 1,
    "ln": 1,
    "sqrt": 1,
    "coalesce": MOST_CHARACTERS,
    "greatest": MOST_CHARACTERS,
    "least": MOST_CHARACTERS,
}
_CASTS = frozenset({"cast", "try_cast"})
_TYPES = frozenset(
    ["tinyint", "smallint", "integer", "int", "bigint", "hugeint", "real", "float", "double"]
)


@dataclass(frozen=True)
class Node:
    """A constant, a field, or an operation.

    name: 'constant', 'field', or the operator or function. source: what the user wrote. kind: what
    it gives; None if its children or its use decide. value: the source of a constant, the type of a
    cast. path: of a field. depth: the nodes on the longest way down, itself included.
    """

    name: str
    source: str
    children: tuple[Node, ...] = ()
    kind: Kind | None = None
    value: str = ""
    path: FieldPath = ()
    depth: int = 1

    @property
    def results(self) -> tuple[Node, ...]:
        """The children of which one is the value; those of case are when, then, ..., else."""
        if self.name == "case":
            return (*self.children[1::2], self.children[-1])
        return self.children if self.name == "coalesce" else ()


_LEVELS = {
    "or": 1,
    "and": 2,
    **dict.fromkeys([*_COMPARISONS, "between", "in", "like", "is", "not"], 3),
    **dict.fromkeys(["+", "-"], 4),
    **dict.fromkeys(["*", "/", "//", "%"], 5),
    "::": 7,
}
_LOWEST, _COMPARISON, _SUM, _SIGN = 1, 3, 4, 6


class _Parser:
    """Parses by precedence: what is on the right of an operator binds more strongly than it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)
        self.index = 0
        self.depth = 0

    def whole(self) -> Node:
        """The tree of the whole text."""
        node = self.operations(_LOWEST)
        if self.token.kind != "end":
            raise self.unexpected()
        return node

    @property
    def token(self) -> _Token:
        """The next token."""
        return self.tokens[self.index]

    def take(self) -> _Token:
        """The next token, which is left behind."""
        self.index += 1
        return self.tokens[self.index - 1]

    def takes(self, word: str) -> bool:
        """Leaves the next token behind if it is this word."""
        if self.token.word == word:
            self.index += 1
            return True
        return False

    def expect(self, word: str) -> None:
        """Leaves the next token behind, which must be this word."""
        if not self.takes(word):
            raise self.unexpected(word)

    def unexpected(self, wanted: str = "") -> RefusedError:
        """The error that the next token is not the wanted one, or none that can be here."""
        if len(self.tokens) == 1:
            return RefusedError("it is empty")
        before = self.tokens[self.index - 1].source if self.index else "the beginning"
        problem = f"unexpected {self.token.source} after {before}"
        if wanted:
            problem += f", instead of {wanted}"
        if self.index and self.token.kind == self.tokens[self.index - 1].kind == "path":
            problem += "; a name with spaces needs double quotes"
        return RefusedError(problem)

    def node(
        self,
        name: str,
        start: int,
        children: tuple[Node, ...] = (),
        *,
        kind: Kind | None = None,
        value: str = "",
        path: FieldPath = (),
    ) -> Node:
        """A node of the text from `start` up to the next token."""
        last = self.tokens[self.index - 1]
        source = self.text[start : last.start + len(last.source)]
        depth = 1 + max((child.depth for child in children), default=0)
        if depth > MOST_DEPTH:
            raise RefusedError(_TOO_DEEP)
        return Node(name, source, children, kind, value, path, depth)

    def operations(self, level: int) -> Node:
        """An operand with all operators behind it that bind at least as strongly as `level`."""
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise RefusedError(_TOO_DEEP)
        start = self.token.start
        node = self.operand()
        while _LEVELS.get(self.token.word, 0) >= level:
            operator = self.take()
            node = self.operation(node, operator.word, start)
            if _LEVELS[operator.word] == _LEVELS.get(self.token.word) == _COMPARISON:
                raise RefusedError(
                    f"{self.token.source} after {node.source} needs parentheses around one of them"
                )
        self.depth -= 1
        return node

    def operation(self, left: Node, word: str, start: int) -> Node:
        """The operation of an operator that is left behind, and of what is on its right."""
        if word == "::":
            return self.cast(left, start)
        others: tuple[Node, ...] = ()
        if word == "is":
            negated = self.takes("not")
            if not (self.token.kind == "path" and self.token.source.lower() == "null"):
                raise self.unexpected("null")
            self.take()
            name = "is null"
        else:
            negated = word == "not"
            if negated:
                if self.token.word not in ("between", "in", "like"):
                    raise self.unexpected("between, in or like")
                word = self.take().word
            name = word
            others = self.right_side(word)
        if word in _ARITHMETIC:
            return self.node(name, start, (left, *others), kind=Kind.NUMBER)
        node = self.node(name, start, (left, *others), kind=Kind.CONDITION)
        return self.node("not", start, (node,), kind=Kind.CONDITION) if negated else node

    def right_side(self, word: str) -> tuple[Node, ...]:
        """The operands on the right of an operator."""
        if word == "in":
            self.expect("(")
            return self.operands()
        right = self.operations(_LEVELS[word] + 1)
        if word == "between":
            self.expect("and")
            return right, self.operations(_SUM)
        return (right,)

    def operands(self) -> tuple[Node, ...]:
        """One operand or more, with commas between them, and the parenthesis that ends them."""
        nodes = [self.operations(_LOWEST)]
        while self.takes(","):
            nodes.append(self.operations(_LOWEST))
        self.expect(")")
        return tuple(nodes)

    def operand(self) -> Node:
        """A constant, a field, a function, or what begins with a parenthesis, sign, not or case."""
        token = self.token
        if token.kind in ("end", "operator") and token.word not in ("(", "-", "+"):
            raise self.unexpected()
        self.take()
        match token.kind, token.word:
            case "number", _:
                return self.node("constant", token.start, kind=Kind.NUMBER, value=token.source)
            case "text", _:
                return self.node("constant", token.start, kind=Kind.TEXT, value=token.source)
            case "path", _:
                return self.named(token)
            case _, "(":
                node = self.operations(_LOWEST)
                self.expect(")")
                return node
            case _, "-" | "+":
                sign = "minus" if token.word == "-" else "plus"
                operand = self.operations(_SIGN)
                return self.node(sign, token.start, (operand,), kind=Kind.NUMBER)
            case _, "not":
                operand = self.operations(_COMPARISON)
                return self.node("not", token.start, (operand,), kind=Kind.CONDITION)
            case _, "case":
                return self.case(token.start)
        raise RefusedError(f'unexpected {token.source}; a field of this name is "{token.source}"')

    def named(self, token: _Token) -> Node:
        """The constant, function or field of a path that is left behind."""
        name = token.source.lower()
        if name == "select":
            raise RefusedError("a query (select) is not allowed")
        if self.takes("("):
            if name in _CASTS:
                operand = self.operations(_LOWEST)
                self.expect("as")
                node = self.cast(operand, token.start)
                self.expect(")")
                return node
            return self.function(token)
        if name in _CONSTANTS:
            return self.node("constant", token.start, kind=_CONSTANTS[name], value=name)
        path = _parts(token.source)
        if len(path) > MOST_DEPTH:
            raise RefusedError(f"a path of {len(path)} names; {MOST_DEPTH} are allowed")
        return self.node("field", token.start, path=path)

    def function(self, token: _Token) -> Node:
        """A function whose name and opening parenthesis are left behind."""
        name = token.source.lower()
        if name not in _FUNCTIONS:
            raise RefusedError(
                f"the function {token.source} is not allowed; these are: "
                + ", ".join(sorted([*_FUNCTIONS, "cast"]))
            )
        arguments = self.operands()
        if len(arguments) > _FUNCTIONS[name]:
            raise RefusedError(f"{name} has {len(arguments)} arguments, instead of 1")
        kind = None if name == "coalesce" else Kind.NUMBER
        return self.node(name, token.start, arguments, kind=kind)

    def cast(self, operand: Node, start: int) -> Node:
        """A cast to the type that is next."""
        if self.token.kind != "path":
            raise self.unexpected("a type")
        type = self.take().source
        if type.lower() not in _TYPES:
            raise RefusedError(
                f"a cast to {type} is not allowed; these are: {', '.join(sorted(_TYPES))}"
            )
        return self.node("cast", start, (operand,), kind=Kind.NUMBER, value=type.lower())

    def case(self, start: int) -> Node:
        """A case whose first word is left behind; `case x when y` is made `case when x = y`."""
        subject = None if self.token.word == "when" else self.operations(_LOWEST)
        children: list[Node] = []
        self.expect("when")
        while not children or self.takes("when"):
            begin = self.token.start
            check = self.operations(_LOWEST)
            if subject is not None:
                check = self.node("=", begin, (subject, check), kind=Kind.CONDITION)
            self.expect("then")
            children += [check, self.operations(_LOWEST)]
        children.append(
            self.operations(_LOWEST)
            if self.takes("else")
            else self.node("constant", self.token.start, value="null")
        )
        self.expect("end")
        return self.node("case", start, tuple(children))
