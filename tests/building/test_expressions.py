"""The language of --field and --where: what it computes, and that it does nothing else."""

from __future__ import annotations

import ast
import math
from functools import cache
from typing import Any

import duckdb
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.examples import examples
from ubcf.building.inputs.expressions import (
    Expression,
    condition,
    expression,
    field_path,
    number_column,
    text_column,
)
from ubcf.errors import OptionError, printable

# One record, by the paths of its fields as an expression writes them.
RECORD = {
    "hours": "3",
    "zero": "0",
    "negative": "-7.5",
    "huge": "1e308",
    "rating": "4.5",
    "user": "12",
    "time": "50",
    "timestamp": "1700000000",
    "end": "9",
    "page": "NextSong",
    "track": "it's",
    "skipped": "True",
    "offline": "false",
    "missing": None,
    "context.user.id": "7",
    '"my page".name': "50 % off",
    '"a.b"': "2",
    '"say ""hi"""': "5",
    "größe": "1.5",
    "नाम": "6",
    "名前": "8",
}


def computed(parsed: Expression, record: dict[str, Any]) -> Any:
    """What the SQL of an expression gives for a record."""
    columns, values = ["1 as one"], []
    for paths, name, type in (
        (parsed.numbers, number_column, "double"),
        (parsed.texts, text_column, "varchar"),
    ):
        for path in paths:
            field = name(path).removesuffix(" as number").removesuffix(" as text")
            quoted = '"' + name(path).replace('"', '""') + '"'
            columns.append(f"try_cast(cast(? as varchar) as {type}) as {quoted}")
            values.append(record.get(field))
    statement = f"select {parsed.sql} from (select {', '.join(columns)})"
    ((value,),) = connection().execute(statement, values).fetchall()
    return value


@cache
def connection() -> duckdb.DuckDBPyConnection:
    """A database that can reach nothing."""
    return duckdb.connect(config={"enable_external_access": False})


COMPUTED: list[tuple[str, float | None]] = [
    ("hours", 3),
    ("  hours\n", 3),
    ("context.user.id", 7),
    ('context."user".id + 1', 8),
    ('"a.b" * 2', 4),
    ('"say ""hi"""', 5),
    ("größe * 2", 3),
    ("नाम / 名前", 0.75),
    # names that are words of SQL
    ("user", 12),
    ("time / 100", 0.5),
    ("timestamp // 1000000", 1700),
    ("end", 9),
    ('"end" + 1', 10),
    ("context.end", None),
    # arithmetic of doubles
    ("1 + 2 * 3 - 4", 3),
    ("(1 + 2) * 3", 9),
    ("10 - 3 - 2", 5),
    ("24 / 4 / 2", 3),
    ("1 / 2", 0.5),
    ("7 // 2", 3),
    ("-7 // 2", -3),
    ("7 % 4", 3),
    ("-7 % 4", -3),
    ("- -hours", 3),
    ("+hours", 3),
    ("-hours::int", -3),
    ("0.1 + 0.2", 0.1 + 0.2),
    ("1e3 + .5 + 2.", 1002.5),
    ("123456789012345678901234567890", 123456789012345678901234567890.0),
    ("9223372036854775807 + 1", 2.0**63),
    ("abs(negative)", 7.5),
    ("sqrt(time - 1)", 7),
    ("ln(1)", 0),
    ("least(ln(1 + hours) / 5, 1)", math.log(4) / 5),
    ("LEAST(hours / time, 1)", 0.06),
    ("least(time / hours, 1)", 1),
    ("greatest(1, hours, 2)", 3),
    ("least(7)", 7),
    # rounding by a cast, half to even
    ("cast(2.5 as integer)", 2),
    ("3.5::int", 4),
    ("try_cast(rating as double)", 4.5),
    ("cast(16777217 as float)", 16777216),
    ("cast(hours > 2 as int) + cast(hours > 5 as int)", 1),
    # null: missing, or what cannot be computed
    ("null", None),
    ("missing", None),
    ("page", None),
    ("missing + 1", None),
    ("hours / zero", None),
    ("zero / zero", None),
    ("hours // zero", None),
    ("hours % zero", None),
    ("1 / (1 / zero)", None),
    ("ln(zero)", None),
    ("ln(negative)", None),
    ("sqrt(negative)", None),
    ("huge * 10", None),
    ("huge * 10 - huge * 10", None),
    ("cast(1000 as tinyint)", None),
    ("huge::bigint", None),
    ("least(missing, 1)", None),
    ("greatest(hours / zero, 1)", None),
    ("least(null, 1)", None),
    ("coalesce(hours / zero, missing, 0.25)", 0.25),
    # case
    ("case when hours > 2 then 1 else 0 end", 1),
    ("case when missing > 2 then 1 else 0 end", 0),
    ("case when zero then 1 when hours = 3 then 0.5 end", 0.5),
    ("case when hours = 4 then 1 end", None),
    ("case page when 'Home' then 0 when 'NextSong' then 1 end", 1),
    ("case hours when 3 then rating else null end", 4.5),
    ("case when skipped then 0 else 1 end", 0),
]


@pytest.mark.parametrize(("text", "value"), COMPUTED)
def test_an_expression_gives_the_number_worked_out_by_hand(text: str, value: float | None) -> None:
    assert computed(expression(text), RECORD) == value


DECIDED: list[tuple[str, bool | None]] = [
    ("page = 'NextSong'", True),
    ("page == 'NextSong' and hours >= 3", True),
    ("page <> 'NextSong'", False),
    ("page != 'Home'", True),
    ("'NextSong' = page", True),
    ("page in ('Home', 'NextSong')", True),
    ("page not in ('Home', 'Help')", True),
    ("page like 'Next%'", True),
    ("page not like '%S_ng'", False),
    ("page between 'M' and 'O'", True),
    ("track = 'it''s'", True),
    ("\"my page\".name = '50 % off'", True),
    ("coalesce(missing, page) = 'NextSong'", True),
    ("case when hours = 3 then page end = 'NextSong'", True),
    # a number compared with a text is compared as a text
    ("user = '12'", True),
    ("user = '12.0'", False),
    ("user = 12.0", True),
    ("user > 5", True),
    ("user > '5'", False),
    ("hours < time", True),
    ("hours in (1, 2, 3)", True),
    ("hours not between 1 and 2", True),
    ("hours between 1 and 2 or hours = 3", True),
    # precedence
    ("not hours = 3", False),
    ("not hours = 1 and not hours = 2", True),
    ("true or true and false", True),
    ("(true or true) and false", False),
    ("hours + 1 > 2 * 2 - 1", True),
    # truth values
    ("skipped", True),
    ("not skipped", False),
    ("skipped = true", True),
    ("offline", False),
    ("(hours > 2) = (hours > 1)", True),
    # unknown
    ("missing = 'x'", None),
    ("missing > 1", None),
    ("page > 1", None),
    ("page", None),
    ("not missing", None),
    ("missing and false", False),
    ("hours / zero > 1", None),
    ("missing is null", True),
    ("page is not null", True),
    ("hours / zero is null", True),
    ("(missing = 1) is null", True),
    ("null is null", True),
    ("hours in (1, null)", None),
]


@pytest.mark.parametrize(("text", "value"), DECIDED)
def test_a_condition_gives_the_truth_worked_out_by_hand(text: str, value: bool | None) -> None:
    assert computed(condition(text), RECORD) is value


def test_fields_are_read_as_numbers_or_texts_by_their_use() -> None:
    parsed = condition("page = 'x' and user > 5 and coalesce(kind, 'y') like 'y%' and user is null")
    assert parsed.numbers == (("user",),)
    assert parsed.texts == (("page",), ("kind",), ("user",))
    assert parsed.sql == (
        """(((("page as text" = 'x') and ("user as number" > 5.0e0))"""
        """ and (coalesce("kind as text", 'y') like 'y%')) and ("user as text" is null))"""
    )


def test_columns_have_readable_names_and_no_two_fields_the_same() -> None:
    assert number_column(("listened_s",)) == "listened_s as number"
    assert text_column(("context", "user", "id")) == "context.user.id as text"
    assert text_column(("a.b",)) != text_column(("a", "b"))
    assert text_column(('a"."b',)) != text_column(("a", "b"))
    with pytest.raises(OptionError, match="the fields User and user differ only in case"):
        condition("User > 5 and user < 7")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("user", ("user",)),
        (" user ", ("user",)),
        ("context.user.id", ("context", "user", "id")),
        ('"User ID"', ("User ID",)),
        ('a."b.c"."say ""hi"""', ("a", "b.c", 'say "hi"')),
        ("end", ("end",)),
        ("select", ("select",)),
        ("größe", ("größe",)),
        ('"null"', ("null",)),
        ("null", None),
        ("True", None),
        ("", None),
        ('""', None),
        ("a b", None),
        ("a.", None),
        (".a", None),
        ("a..b", None),
        ("2x", None),
        ("user-id", None),
        ("a/b", None),
        ("\u2019a\u2019", None),
        ('"a\0b"', None),
        ('"\ud800"', None),
        (".".join("a" * 51), None),
    ],
)
def test_a_plain_field_is_a_name_or_names_with_dots(
    text: str, path: tuple[str, ...] | None
) -> None:
    assert field_path(text) == path


REFUSED = [
    # files and the system
    ("read_text('/etc/passwd')", "the function read_text is not allowed"),
    ("READ_BLOB('x')", "the function READ_BLOB is not allowed"),
    ("read_csv('x')", "read_csv"),
    ("read_json_auto('x')", "read_json_auto"),
    ("parquet_scan('x')", "parquet_scan"),
    ("glob('*')", "glob"),
    ("main.read_text('x')", "the function main.read_text is not allowed"),
    ("\"read_text\"('x')", "is not allowed"),
    ("getenv('HOME')", "getenv"),
    ("getvariable('x')", "getvariable"),
    ("current_setting('home_directory')", "current_setting"),
    ("pg_sleep(10)", "pg_sleep"),
    ("sleep_ms(10)", "sleep_ms"),
    ("random()", "random"),
    ("now()", "now"),
    ("error('x')", "error"),
    ("nextval('s')", "nextval"),
    ("query('select 1')", "the function query is not allowed"),
    ("query_table('t')", "query_table"),
    ("json_execute_serialized_sql('x')", "json_execute_serialized_sql"),
    ("repeat('x', 1000000000)", "repeat"),
    ("range(1000000000)", "range"),
    ("my_macro(1)", "my_macro"),
    ("try(1)", "the function try is not allowed"),
    ("nullif(1, 1)", "nullif"),
    ("power(2, 3)", "power"),
    ("extract(year from a)", "extract"),
    ("\uff4c\uff4e(1)", "is not allowed"),
    # queries and statements
    ("select 1", "a query (select) is not allowed"),
    ("(select 1)", "a query (select) is not allowed"),
    ("(SELECT max(a) from t)", "a query (select) is not allowed"),
    ("a in (select 1)", "a query (select) is not allowed"),
    ("exists (select 1)", "the function exists is not allowed"),
    ("a = any (select 1)", "the function any is not allowed"),
    ("array(select 1)", "the function array is not allowed"),
    ("(from t)", "unexpected t after from"),
    ("(values (1))", "the function values is not allowed"),
    ("1 from t", "unexpected from after 1"),
    ("1 where true", "unexpected where after 1"),
    ("1 as x", "unexpected as after 1"),
    ("1, 2", "unexpected , after 1"),
    ("1) union select (1", "unexpected ) after 1"),
    ("1; drop table t", "the character ; is not allowed"),
    ("with x as (select 1) select 1", "unexpected x after with"),
    # aggregates and windows
    ("sum(a)", "the function sum is not allowed"),
    ("count(*)", "the function count is not allowed"),
    ("abs(distinct a)", "unexpected a after distinct"),
    ("abs(a order by b)", "unexpected order after a"),
    ("abs(a) filter (where b)", "unexpected filter after )"),
    ("abs(a) over ()", "unexpected over after )"),
    ("row_number() over ()", "row_number"),
    # stars, positions and parameters
    ("*", "unexpected * after the beginning"),
    ("t.*", "the character . is not allowed"),
    ("columns(*)", "the function columns is not allowed"),
    ("columns('a.*')", "the function columns is not allowed"),
    ("#1", "the character # is not allowed"),
    ("?", "the character ? is not allowed"),
    ("$1", "the character $ is not allowed"),
    ("$$text$$", "the character $ is not allowed"),
    ("a := 1", "the character : is not allowed"),
    # lists, structs, lambdas
    ("[1, 2]", "the character [ is not allowed"),
    ("a[1]", "the character [ is not allowed"),
    ("[x for x in a]", "the character [ is not allowed"),
    ("{'a': 1}", "the character { is not allowed"),
    ("struct_pack(a := 1)", "struct_pack"),
    ("(1, 2)", "unexpected , after 1"),
    ("a -> b", "unexpected > after -"),
    ("lambda x: x", "the character : is not allowed"),
    ("abs(a).b", "the character . is not allowed"),
    ("a || b", "the character | is not allowed"),
    ("a ^ 2", "the character ^ is not allowed"),
    ("a & 1", "the character & is not allowed"),
    ("a ~ 'x'", "the character ~ is not allowed"),
    # casts
    ("cast(a as varchar)", "a cast to varchar is not allowed"),
    ("a::json", "a cast to json is not allowed"),
    ("a::int[]", "the character [ is not allowed"),
    ("a::decimal(3, 1)", "a cast to decimal is not allowed"),
    ("cast(a as struct(b int))", "a cast to struct is not allowed"),
    ("cast(a as 'int')", "unexpected 'int' after as, instead of a type"),
    ("cast(a, int)", "unexpected , after a, instead of as"),
    ("date '2024-01-01'", "unexpected '2024-01-01' after date"),
    ("interval 1 day", "unexpected 1 after interval"),
    # comments, quotes, characters
    ("1 -- 2", "a comment (--) is not allowed"),
    ("1--2", "a comment (--) is not allowed"),
    ("1 /* 2 */", "a comment (/*) is not allowed"),
    ("'text", "the quote ' at character 1 is not closed"),
    ('a + "b', 'the quote " at character 5 is not closed'),
    ('""', 'the quote " at character 1'),
    ("e'\\n'", "unexpected '\\n' after e"),
    ("\u2018text\u2019", "the character U+2018 is not allowed outside quotes"),
    ("a\u00a0+ b", "the character U+00A0 is not allowed"),
    ("a\u200b", "the character U+200B is not allowed"),
    ("a\uff0bb", "the character U+FF0B is not allowed"),
    ("٣", "the character U+0663 is not allowed"),
    ("a\0b", "a null character"),
    ("'\0'", "a null character"),
    ("'\ud83d'", "half of a surrogate pair"),
    ("\x1b[31m", "the character U+001B is not allowed"),
    # what is not whole
    ("", "it is empty"),
    (" \n", "it is empty"),
    ("1 +", "unexpected the end after +"),
    ("(1", "unexpected the end after 1, instead of )"),
    ("abs()", "unexpected ) after ("),
    ("abs(1, 2)", "abs has 2 arguments, instead of 1"),
    ("User ID", "unexpected ID after User; a name with spaces needs double quotes"),
    ("end / 2", 'unexpected end; a field of this name is "end"'),
    ("case when a then 1", "unexpected the end after 1, instead of end"),
    ("case a end", "unexpected end after a, instead of when"),
    ("2x", "2x is not a number"),
    ("1.2.3", "1.2.3 is not a number"),
    ("0x10", "0x10 is not a number"),
    ("1_000", "1_000 is not a number"),
    ("1e999", "the number 1e999 is too large"),
    # kinds
    ("'5'", "'5' is a text, not a number"),
    ("a + 'x'", "'x' is a text, not a number"),
    ("cast('5' as int)", "'5' is a text, not a number"),
    ("a > 1", "a > 1 is a condition, not a number; say case when a > 1 then 1 else 0 end"),
    ("coalesce(a, 'x')", "coalesce(a, 'x') is a text, not a number"),
    ("case when a + 1 then 2 end", "a + 1 is a number, not a condition"),
    ("case when a then 1 else 'x' end", "1 is a number, but 'x' is not"),
    ("case when a = b = c then 1 end", "= after a = b needs parentheses"),
    ("case when a is null is null then 1 end", "is after a is null needs parentheses"),
    ("case when a is 5 then 1 end", "unexpected 5 after is, instead of null"),
    ("case when a not b then 1 end", "unexpected b after not, instead of between, in or like"),
    ("case when a in () then 1 end", "unexpected ) after ("),
    ("case when a in 'x' then 1 end", "unexpected 'x' after in, instead of ("),
    ("case when a = 1 and a = 'x' or 'x' then 1 end", "'x' is a text, not a condition"),
    ("case when a between 1 and 'x' then 1 end", "1 is a number, but 'x' is not"),
    ("case when page like 5 then 1 end", "5 is a number, not a text"),
    # long and deep
    ("a" * 10_001, "more than 10,000 characters"),
    ("(" * 60 + "1" + ")" * 60, "more than 50 operations within each other"),
    ("(" * 9_000, "more than 50 operations within each other"),
    ("-" + " -" * 4_000 + "1", "more than 50 operations within each other"),
    ("case when " + "not " * 2_000 + "a then 1 end", "more than 50 operations"),
    ("1" + "+1" * 2_000, "more than 50 operations within each other"),
    ("a + " + ".".join("a" * 60), "a path of 60 names; 50 are allowed"),
    ("1/(" * 20 + "a" + ")" * 20, "too many divisions"),
    ("least(" * 20 + "a" + ", 1)" * 20, "too many divisions"),
]


@pytest.mark.parametrize(("text", "problem"), REFUSED, ids=[text[:30] for text, _ in REFUSED])
def test_all_else_is_refused_in_one_line_that_says_what(text: str, problem: str) -> None:
    with pytest.raises(OptionError) as refused:
        expression(text)
    message = str(refused.value)
    assert problem in message
    assert message == printable(message)
    assert len(message) < 1_000


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("5", "5 is a number, not a condition"),
        ("hours + 1", "hours + 1 is a number, not a condition"),
        ("'x'", "'x' is a text, not a condition"),
        ("page = 5 or 'x'", "'x' is a text, not a condition"),
        ("page in ('x', 5)", "'x' is a text, but 5 is not"),
        ("page = NextSong'", "the quote ' at character 16 is not closed"),
        ("1 = 1; drop table t", "the character ; is not allowed"),
        ("1 = 1) union select (1 = 1", "unexpected ) after 1"),
        ("exists (from read_text('x'))", "the function exists is not allowed"),
        ("page = (select 'x')", "a query (select) is not allowed"),
        ("page = read_text('x')", "the function read_text is not allowed"),
    ],
)
def test_a_condition_is_of_the_same_language(text: str, problem: str) -> None:
    with pytest.raises(OptionError) as refused:
        condition(text)
    assert problem in str(refused.value)


WORDS = [
    *[
        "a",
        "b.c",
        '"d e"',
        "'x'",
        "''",
        "1",
        "2.5",
        "0",
        "+",
        "-",
        "*",
        "/",
        "//",
        "%",
        "(",
        ")",
        ",",
        "=",
        "<>",
        "<",
        ">=",
        "::",
    ],
    *[
        "and",
        "or",
        "not",
        "in",
        "like",
        "is",
        "null",
        "between",
        "case",
        "when",
        "then",
        "else",
        "end",
        "cast",
        "as",
        "int",
        "double",
    ],
    *[
        "abs(",
        "sqrt(",
        "ln(",
        "least(",
        "greatest(",
        "coalesce(",
        "true",
        "false",
        "select",
        "from",
        "union",
        "over",
        "read_text(",
    ],
    *[
        ".",
        ";",
        "--",
        "/*",
        "[",
        "]",
        "{",
        "}",
        "#",
        "?",
        "$1",
        "\\",
        "`",
        "'",
        '"',
        "\u00e9",
        "\u2019",
        "\0",
        "\ud800",
    ],
]


def with_words(text: str, words: dict[int, str]) -> str:
    """A text with some of its words replaced."""
    parts = text.split(" ")
    for place, word in words.items():
        parts[place % len(parts)] = word
    return " ".join(parts)


@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join),
        st.builds(
            with_words,
            st.sampled_from([text for text, _ in [*COMPUTED, *DECIDED]]),
            st.dictionaries(st.integers(0, 9), st.sampled_from(WORDS), min_size=1, max_size=3),
        ),
    )
)
@examples(2_000)
def test_any_text_is_refused_or_computes_without_an_error(text: str) -> None:
    for parse in (expression, condition):
        try:
            parsed = parse(text)
        except OptionError as refused:
            assert "\n" not in str(refused)
            continue
        for value in (None, "0", "-1", "1e308", "true", "text"):
            fields = (*RECORD, "a", "b.c", '"d e"', "é", text.strip())
            computed(parsed, dict.fromkeys(fields, value))


NUMBERS = st.recursive(
    st.sampled_from(["a", "b", "c", "0", "2", "0.25", "1e3"]),
    lambda inner: st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from(["+", "-", "*", "/", "%"]), inner),
        st.builds("({})".format, inner),
        st.builds("- {}".format, inner),
        st.builds("abs({})".format, inner),
        st.builds("sqrt({})".format, inner),
        st.builds("least({}, {})".format, inner, inner),
        st.builds("greatest({}, {})".format, inner, inner),
        st.builds("coalesce({}, {})".format, inner, inner),
    ),
    max_leaves=10,
)
CONDITIONS = st.recursive(
    st.builds(
        "{} {} {}".format, NUMBERS, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), NUMBERS
    ),
    lambda inner: st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or"]), inner),
        st.builds("({})".format, inner),
        st.builds("not {}".format, inner),
    ),
    max_leaves=6,
)
FIELDS = st.fixed_dictionaries(
    dict.fromkeys("abc", st.none() | st.integers(-40, 40).map(lambda quarters: quarters / 4))
)


@given(NUMBERS, FIELDS)
@examples(1_000)
def test_arithmetic_gives_what_python_computes(text: str, fields: dict[str, float | None]) -> None:
    assert computed(parsed_or_skipped(expression, text), fields) == in_python(text, fields)


@given(CONDITIONS, FIELDS)
@examples(1_000)
def test_logic_gives_what_python_computes(text: str, fields: dict[str, float | None]) -> None:
    assert computed(parsed_or_skipped(condition, text), fields) is in_python(text, fields)


def parsed_or_skipped(parse: Any, text: str) -> Expression:
    """The expression of a text that is right, unless its SQL would be too long."""
    try:
        parsed: Expression = parse(text)
    except OptionError as refused:
        assume("too many divisions" not in str(refused))
        raise
    return parsed


def in_python(text: str, fields: dict[str, float | None]) -> Any:
    """The value of a text that is an expression of Python too, by Python's own parser."""
    return value_of(ast.parse(text, mode="eval").body, fields)


def value_of(node: ast.expr, fields: dict[str, float | None]) -> Any:
    """The value of a node, with None for what is missing or cannot be computed."""
    match node:
        case ast.Constant(value=value):
            return float(str(value))
        case ast.Name(id=name):
            return fields[name]
        case ast.BoolOp(op=operator, values=nodes):
            values = [value_of(child, fields) for child in nodes]
            decisive = isinstance(operator, ast.Or)
            if decisive in values:
                return decisive
            return None if None in values else not decisive
        case ast.UnaryOp(op=sign, operand=child):
            value = value_of(child, fields)
            if value is None:
                return None
            return not value if isinstance(sign, ast.Not) else -value
        case ast.Call(func=ast.Name(id="coalesce"), args=children):
            values = [value_of(child, fields) for child in children]
            return next((value for value in values if value is not None), None)
        case ast.Compare(left=left, ops=[comparison], comparators=[right]):
            name, children = type(comparison).__name__, [left, right]
        case ast.BinOp(left=left, op=sum, right=right):
            name, children = type(sum).__name__, [left, right]
        case ast.Call(func=ast.Name(id=name), args=children):
            pass
        case _:
            raise AssertionError(ast.dump(node))
    values = [value_of(child, fields) for child in children]
    if None in values:
        return None
    try:
        return PYTHON[name](*values)
    except (ValueError, ZeroDivisionError):
        return None


PYTHON: dict[str, Any] = {
    "Add": lambda x, y: x + y,
    "Sub": lambda x, y: x - y,
    "Mult": lambda x, y: x * y,
    "Div": lambda x, y: x / y,
    "Mod": math.fmod,
    "Eq": lambda x, y: x == y,
    "NotEq": lambda x, y: x != y,
    "Lt": lambda x, y: x < y,
    "LtE": lambda x, y: x <= y,
    "Gt": lambda x, y: x > y,
    "GtE": lambda x, y: x >= y,
    "abs": abs,
    "sqrt": math.sqrt,
    "least": min,
    "greatest": max,
}
