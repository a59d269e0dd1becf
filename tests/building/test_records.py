"""Logs in other formats: each record is one line of JSON, or is rejected by number and text."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import tempfile
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builds import build_folder
from tests.support.compressed import zstandard
from tests.support.examples import examples
from tests.support.records import Copy, copy_of, texts_of
from ubcf.building.inputs import delimited, json_array
from ubcf.building.inputs.delimited import DelimitedFile, find_dialect
from ubcf.building.inputs.json_array import write_array
from ubcf.building.inputs.lines import LONGEST_LINE, unpacked
from ubcf.building.inputs.log_options import Format
from ubcf.building.inputs.logs import log_file
from ubcf.building.inputs.record_lines import RecordLines
from ubcf.building.inputs.records import input_format
from ubcf.errors import InputError, OptionError

LINES = '{"user": 1, "track": 2}\n{"user": 3, "track": 4}\n'
ARRAY = '[{"user": 1, "track": 2}]'


CUT_SHORT = "not JSON: the file ends in the middle of the array"
DAMAGED = "not JSON: the array is damaged here"
MORE_TEXT = "not JSON: text after the end of the array"


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Copy]:
    """Reads bytes or a text as a file of some name."""

    def read(name: str, data: bytes | str, **options: Any) -> Copy:
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return copy_of(path, **options)

    return read


# Which format


@pytest.mark.parametrize(
    ("name", "data", "form"),
    [
        ("data.json", LINES, "json"),
        ("data.json.3", LINES, "json"),
        ("x.jsonl", LINES, "json"),
        ("x.ndjson", LINES, "json"),
        ("x.log", LINES, "json"),
        ("x", LINES, "json"),
        ("x", "", "json"),
        ("data.json", ARRAY, "array"),
        ("x.jsonl", "\ufeff \r\n[\n\n {", "array"),
        ("x", "[]", "array"),
        ("x", " [ ] \n", "array"),
        # lines of JSON of which the first is damaged
        ("data.json", "[2024-01-01] start\n" + LINES, "json"),
        ("data.json", "[]\n" + LINES, "json"),
        ("data.json", "[1, 2]\n" + LINES, "json"),
        ("data.json", "[", "json"),
        ("a.csv", "", "csv"),
        ("a.CSV", ARRAY, "csv"),
        ("a.tsv", "", "tsv"),
        ("a.parquet", "", "parquet"),
        ("a.csv.txt", "", "json"),
    ],
)
def test_the_format_is_told_by_name_and_json_by_its_first_bracket(
    tmp_path: Path, name: str, data: str, form: str
) -> None:
    (tmp_path / name).write_text(data, encoding="utf-8")
    assert input_format(log_file(tmp_path / name)) == form
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(data.encode()))
    assert input_format(log_file(tmp_path / f"{name}.gz")) == form


@pytest.mark.parametrize(
    ("data", "given", "form"),
    [
        (LINES, "csv", "csv"),
        (LINES, "tsv", "tsv"),
        (LINES, "array", "array"),
        (LINES, "parquet", "parquet"),
        (LINES, "json", "json"),
        (ARRAY, "json", "array"),
    ],
)
def test_a_given_format_counts_more_than_the_name(
    tmp_path: Path, data: str, given: Format, form: str
) -> None:
    (tmp_path / "a.csv").write_text(data)
    assert input_format(log_file(tmp_path / "a.csv"), given) == form


# CSV and TSV


def test_cells_are_texts_and_empty_ones_are_absent(read: Callable[..., Copy]) -> None:
    data = 'user,track,title\n007,1e5,"a ""b"", c"\n"x\ny",,\nü,\\t,\t\n'
    copy = read("a.csv", data)
    assert copy.lines == {
        2: '{"user": "007", "track": "1e5", "title": "a \\"b\\", c"}',
        3: '{"user": "x\\ny"}',
        5: '{"user": "ü", "track": "\\\\t", "title": "\\t"}',
    }
    assert copy.rejected == []
    assert copy.records.columns == ["user", "track", "title"]
    assert copy.records.dialect == 'CSV with , and ", header'


BAD_RECORDS: list[tuple[bytes, str | None]] = [
    (b"1,2,good", None),
    (b"1,2", "not CSV: 2 cells instead of 3"),
    (b"", None),
    (b"  ", None),
    (b"1,2,3,4", "not CSV: 4 cells instead of 3"),
    (b"garbage", "not CSV: 1 cells instead of 3"),
    (b"1,2,caf\xe9", "not UTF-8"),
    (b"1,2,\xed\xa0\x80", "not UTF-8"),
    (b"1,2,a\x00b", "not CSV: a NUL character"),
    (b"\x00\x00", "not CSV: a NUL character"),
    (b"1,2,\x01\x02\x03\x04\x1f", None),
    (b'1,2,"a" b', "not CSV: text after a closing quote"),
    (b"1,2,a\rb", "not CSV: a carriage return within the line"),
    (b'1,2,"unclosed', "not CSV: a quote is not closed"),
    (b"1,3,good", None),
    (b'1,2,"closed" here', "not CSV: text after a closing quote"),
    (b'1,2,the "quoted" word', None),
    (b",,", None),
    (b"1,2,a\\b", None),
    (b"1,2,\xf0\x9f\x8e\xb5", None),
    (b'1,2,"unclosed, too', "not CSV: a quote is not closed"),
    (b"1,4,last", None),
]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("form", ["a.csv", "a.csv.gz", "a.csv.zst", "a.tsv"])
def test_each_bad_record_is_rejected_alone_with_its_line(
    read: Callable[..., Copy], end: bytes, last: bool, form: str
) -> None:
    data = b"user,track,title" + end
    # Many proper quotes: here a TSV has quotes that are more than characters.
    good = [(b'5,"6 ""x""","q"', None)] * 40
    lines = [*good, *BAD_RECORDS]
    data += end.join(line for line, _ in lines) + (end if last else b"")
    if form == "a.tsv":
        data = data.replace(b",", b"\t")
    packers: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "zst": zstandard}
    packed = packers.get(form.rpartition(".")[2], bytes)
    copy = read(form, packed(data))
    expected = [
        (number, reason, line.decode("utf-8", "replace").replace("\ufffd\ufffd\ufffd", "???"))
        for number, (line, reason) in enumerate(lines, start=2)
        if reason is not None
    ]
    expected = [(number, reason, text.replace("\ufffd", "?")) for number, reason, text in expected]
    if form == "a.tsv":
        expected = [
            (number, reason.replace("CSV", "TSV"), text.replace(",", "\t"))
            for number, reason, text in expected
        ]
    assert copy.rejected == expected
    assert list(copy.lines) == [
        number
        for number, (line, reason) in enumerate(lines, start=2)
        if reason is None and line.strip()
    ]
    assert copy.values[-1] == {"user": "1", "track": "4", "title": "last"}


def test_a_record_of_several_lines_has_the_number_of_its_first(
    read: Callable[..., Copy],
) -> None:
    data = 'user,track,title\n1,2,"a\n\nb"\n3,4,c\n5,"6\n7"\n8,9,"\r\n"\n'
    copy = read("a.csv", data)
    assert copy.lines == {
        2: '{"user": "1", "track": "2", "title": "a\\n\\nb"}',
        5: '{"user": "3", "track": "4", "title": "c"}',
        8: '{"user": "8", "track": "9", "title": "\\r\\n"}',
    }
    assert copy.rejected == [(6, "not CSV: 2 cells instead of 3", '5,"6\n7"')]


def test_a_file_that_ends_in_the_middle_of_a_line_says_so(read: Callable[..., Copy]) -> None:
    copy = read("a.csv", "user,track,time\n1,2,0.5\n1,")
    assert copy.rejected == [(3, "not CSV: the file ends in the middle of the line", "1,")]


def test_an_unclosed_quote_takes_no_line_but_its_own(read: Callable[..., Copy]) -> None:
    good = "".join(f"{number},{number},x\n" for number in range(200_000))
    copy = read("a.csv", f'user,track,title\n1,2,"x\n{good}')
    assert copy.rejected == [(2, "not CSV: a quote is not closed", '1,2,"x')]
    assert list(copy.lines) == list(range(3, 200_003))


def test_too_long_lines_are_rejected_with_their_beginning(read: Callable[..., Copy]) -> None:
    long = "x" * (LONGEST_LINE + 1)
    quotes = '"' * (LONGEST_LINE // 2)  # in JSON, each takes two bytes
    quoted = "x" * (LONGEST_LINE - 2)
    copy = read(
        "a.csv",
        f'user,track\n1,{long}\n2,b\n3,{long * 3}y\n4,d\n5,x{quotes}\n"{quoted}",6\n7,g\n',
    )
    assert copy.reasons == [
        (2, "longer than 2 MB"),
        (4, "longer than 2 MB"),
        (6, "longer than 2 MB"),
        (7, "longer than 2 MB"),
    ]
    assert [text for _, _, text in copy.rejected] == [
        "1," + "x" * 998,
        "3," + "x" * 998,
        "5,x" + '"' * 997,
        '"' + "x" * 999,
    ]
    assert [value["user"] for value in copy.values] == ["2", "4", "7"]


def test_a_line_as_long_as_the_longest_is_read(read: Callable[..., Copy]) -> None:
    cell = "x" * (LONGEST_LINE - len('{"user": "1", "track": ""}'))
    assert read("a.csv", f"user,track\n1,{cell}\n").values == [{"user": "1", "track": cell}]
    assert read("a.csv", f'user,track\n1,"{cell}"\n').values == [{"user": "1", "track": cell}]


@pytest.mark.parametrize("data", ["", "\ufeff", "\n \n\r\n", "user,track\n", "user,track"])
@pytest.mark.parametrize("columns", [(), ("user", "track")])
def test_a_file_without_records_has_none(
    read: Callable[..., Copy], data: str, columns: tuple[str, ...]
) -> None:
    copy = read("a.csv", data, columns=columns)
    assert (copy.lines, copy.rejected) == ({}, [])


def test_a_byte_order_mark_and_spaces_are_no_part_of_a_name(read: Callable[..., Copy]) -> None:
    copy = read("a.csv", "\ufeffuser, track\r\n1,2\r\n")
    assert copy.values == [{"user": "1", "track": "2"}]


def test_lines_may_end_with_carriage_returns_alone(read: Callable[..., Copy]) -> None:
    copy = read("a.csv", "user,track\r1,2\r\r3,x\r")
    assert copy.lines == {2: '{"user": "1", "track": "2"}', 4: '{"user": "3", "track": "x"}'}


def test_blank_lines_before_the_header_are_passed(read: Callable[..., Copy]) -> None:
    copy = read("a.csv", "\n\nuser,track\n1,2\n")
    assert copy.lines == {4: '{"user": "1", "track": "2"}'}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("user,user,track\n1,2,3\n", "line 1: the header has the name user twice"),
        (",user,track\n1,2,3\n", "line 1: the header has no name for column 1"),
        ("\nuser,track,\n1,2,3\n", "line 2: the header has no name for column 3"),
        ("1,2,0.5\n3,4,0.5\n", "line 1: no header, .*: 1,2,0.5; name them with --columns"),
        (b"caf\xe9,track\n1,2\n", "line 1: the header cannot be read: not UTF-8"),
        ('user,"track\n1,2\n', "line 1: the header cannot be read: not CSV: a quote is not closed"),
    ],
)
def test_a_header_without_a_name_for_each_column_is_an_error(
    read: Callable[..., Copy], data: str | bytes, message: str
) -> None:
    with pytest.raises(InputError, match=f"a.csv, {message}"):
        read("a.csv", data)


def test_columns_name_those_of_a_file_without_header(read: Callable[..., Copy]) -> None:
    data = '1,The Elder Scrolls V,play,273.0\n2,"Warhammer, x",play\n'
    copy = read("a.csv", data, columns=("user", "game", "behavior", "hours"))
    assert copy.lines == {
        1: '{"user": "1", "game": "The Elder Scrolls V", "behavior": "play", "hours": "273.0"}'
    }
    assert copy.rejected == [(2, "not CSV: 3 cells instead of 4", '2,"Warhammer, x",play')]
    assert copy.records.dialect == 'CSV with , and ", no header'


@pytest.mark.parametrize("header", ["user,track", " user ,track", ",track"])
def test_a_header_that_repeats_the_columns_is_no_record(
    read: Callable[..., Copy], header: str
) -> None:
    copy = read("a.csv", f"{header}\n1,2\n", columns=("user", "track"))
    assert copy.lines == {2: '{"user": "1", "track": "2"}'}
    assert copy.records.dialect == 'CSV with , and ", header'


@pytest.mark.parametrize("columns", [("user", "user"), ("user", "")])
def test_columns_must_all_have_a_name_of_their_own(
    read: Callable[..., Copy], columns: tuple[str, ...]
) -> None:
    with pytest.raises(OptionError, match="--columns"):
        read("a.csv", "1,2\n", columns=columns)


@pytest.mark.parametrize(
    ("data", "dialect", "values"),
    [
        ("user;title\n1;a, b, c\n2;d, e, f\n", ";", ["a, b, c", "d, e, f"]),
        ("user\ttitle\n1\ta, b\n2\td, e\n", "\t", ["a, b", "d, e"]),
        ("user|title\n1|a\n", "|", ["a"]),
        ("user;title\n1;0,5\n2;0,7\n", ";", ["0,5", "0,7"]),
    ],
)
def test_the_delimiter_is_the_one_of_the_header(
    read: Callable[..., Copy], data: str, dialect: str, values: list[str]
) -> None:
    assert [value["title"] for value in read("a.csv", data).values] == values
    assert find_dialect(data, delimited.DELIMITERS, 0).delimiter == dialect


@pytest.mark.parametrize(
    ("data", "dialect", "titles"),
    [
        ('u,title\n1,"a ""b"", c"\n', '" ', ['a "b", c']),
        ('u,title\n1,"a \\"b\\", c"\n', '" escaped by \\', ['a "b", c']),
        # a backslash that is not an escape
        ('u,title\n1,"C:\\"\n2,x\n', '" ', ["C:\\", "x"]),
        ("u,title\n1,'a, b'\n2,c\n", "' ", ["a, b", "c"]),
        # an apostrophe that is not a quote
        ("u,title\n1,'Round Midnight\n2,don't\n", '" ', ["'Round Midnight", "don't"]),
        # in a text with tabs, quotes may be characters
        (
            'u\ttitle\n1\t"Weird Al" Yankovic\n2\tThe "Q"\n3\t"Heroes"\n4\t"x\n',
            "no quotes",
            ['"Weird Al" Yankovic', 'The "Q"', '"Heroes"', '"x'],
        ),
        ('u\ttitle\n1\t"a\tb"\n2\t"c"\n', '" ', ["a\tb", "c"]),
        ('u\ttitle\n1\t"The ""Q"""\n2\t"c"\n', '" ', ['The "Q"', "c"]),
    ],
)
def test_quotes_are_those_with_which_most_records_fit(
    read: Callable[..., Copy], data: str, dialect: str, titles: list[str]
) -> None:
    copy = read("a.csv", data)
    assert [value["title"] for value in copy.values] == titles
    assert dialect.strip() in copy.records.dialect


def test_records_have_their_own_text_by_number(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'\nuser,track\n1,2\n-3,"a\r\nb"\n\n5,6\n7\n8,caf\xe9')
    assert texts_of(path, {3, 4, 7, 8, 9}, "csv") == {
        3: "1,2",
        4: '-3,"a\r\nb"',
        7: "5,6",
        8: "7",
        9: "8,caf?",
    }
    path.write_text("1,2\n3,4\n")
    assert texts_of(path, {1}, "csv", ["user", "track"]) == {1: "1,2"}


CELLS = st.lists(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
        st.text("a1,;\t|\"'\\\r\n ü", max_size=8),
    ),
    min_size=3,
    max_size=3,
)


@examples(200)
@given(
    st.lists(CELLS, max_size=30),
    st.sampled_from([",", "\t", ";", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from([3, 17, 1 << 20]),
)
def test_what_pythons_csv_writes_is_read_as_it_was(
    rows: list[list[str]], delimiter: str, end: str, quoting: Any, read_size: int
) -> None:
    if end == "\n":  # then Python's writer does not put quotes around carriage returns
        rows = [[cell.replace("\r", "") for cell in row] for row in rows]
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting)
    names = ["user", "track", 'a "%s" \\title']
    writer.writerow(names)
    numbers = []
    for row in rows:
        numbers.append(out.getvalue().count("\n") + 1)
        writer.writerow(row)
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(delimited, "READ_SIZE", read_size),
    ):
        path = Path(folder) / "a.csv"
        path.write_bytes(out.getvalue().encode())
        copy = copy_of(path)
    assert copy.rejected == []
    assert copy.values == [
        {name: cell for name, cell in zip(names, row, strict=True) if cell} for row in rows
    ]
    assert list(copy.lines) == numbers


@examples(300)
@given(st.binary(max_size=200), st.integers(0, 2**32), st.sampled_from([3, 1 << 20]))
def test_every_line_of_a_damaged_csv_is_in_the_copy(
    damage: bytes, seed: int, read_size: int
) -> None:
    chance = random.Random(seed)
    lines = [b'%d,%d,"x, y"' % (number, number) for number in range(8)]
    body = b"\n".join(lines)
    for byte in damage:
        at = chance.randrange(len(body) + 1)
        body = body[:at] + chance.choice([bytes([byte]), b'"', b"\n", b",", b"\r"]) + body[at:]
    data = b"user,track,title\n" + body
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(delimited, "READ_SIZE", read_size),
    ):
        path = Path(folder) / "a.csv"
        path.write_bytes(data)
        copy = copy_of(path)
        numbers = {*copy.lines, *(number for number, _ in copy.reasons)}
        texts = texts_of(path, numbers, "csv")
    assert set(texts) == numbers
    known = copy.records.readable.lines
    assert known is not None
    assert known.count == data.count(b"\n") + (not data.endswith(b"\n"))
    for number, reason, text in copy.rejected:
        assert reason
        assert texts[number] == text


# JSON arrays


def test_elements_keep_their_exact_text(read: Callable[..., Copy]) -> None:
    elements = [
        '{"user": 1e400, "track": -0}',
        '{"a":12345678901234567890,"b":0.1000,"c":NaN}',
        '{"a" : [1, [2, {"b": "],}[{\\"\\\\"}]]}',
        '{"b": 1, "b": 2}',
        '"text"',
        "7",
        "null",
        "[]",
        "{}",
        '{"ü": "\\ud83d \u2028"}',
    ]
    copy = read("a.json", "[" + " ,\n".join(elements) + "]\n", given="array")
    assert list(copy.lines.values()) == elements
    assert list(copy.lines) == list(range(1, 11))


def test_line_ends_between_values_become_spaces(read: Callable[..., Copy]) -> None:
    copy = read("a.json", '[\n {\r\n  "a": 1,\r  "b": "x\\ny"\n }\n]\n')
    assert copy.lines == {1: '{    "a": 1,   "b": "x\\ny"  }'}


BAD_ELEMENTS: list[tuple[bytes, str | None]] = [
    (b'{"user": 1}', None),
    (b"{'user': 1}", None),
    (b'{"user": }', None),
    (b'{"user": 1, }', None),
    (b'{"user": 1}x', None),
    (b'{"user": 1} {"user": 2}', None),
    (b'{"title": "Weird "Al" Yankovic"}', None),
    (b'{"user": [1}', None),
    (b'{"user": caf\xe9}', "not UTF-8"),
    (b'{"user": "\xed\xa0\x80"}', "not UTF-8"),
    (b'{"user": "a\nb"}', "not JSON"),
    (b'{"user": "a\rb"}', "not JSON"),
    (b'{"user": "a\\\nb"}', "not JSON"),
    (b'{"user": "\x01\x02\x03\x04"}', "not JSON"),
    (b'{"user": "\x00"}', None),
    (b"", "not JSON"),
    (b"// comment", None),
    (b'{"user": 9}', None),
]


@pytest.mark.parametrize("read_size", [1, 5, 1 << 20])
def test_an_element_that_is_damaged_within_is_one_record(
    read: Callable[..., Copy], read_size: int
) -> None:
    """Elements that our own reader finds to be no JSON are lines like any other here."""
    data = b"[" + b", ".join(element for element, _ in BAD_ELEMENTS) + b"]"
    with mock.patch.object(json_array, "READ_SIZE", read_size):
        copy = read("a.json", data, given="array")
    assert copy.lines == {
        number: element.decode()
        for number, (element, reason) in enumerate(BAD_ELEMENTS, start=1)
        if reason is None
    }
    assert [(number, reason) for number, reason, _ in copy.rejected] == [
        (number, reason)
        for number, (_, reason) in enumerate(BAD_ELEMENTS, start=1)
        if reason is not None
    ]
    assert copy.rejected[0][2] == '{"user": caf?}'


@pytest.mark.parametrize(
    ("data", "values", "rejected"),
    [
        # cut in the middle
        ('[{"a": 1}, {"a": ', [1], (2, CUT_SHORT, '{"a":')),
        ('[{"a": 1}, {"a": "x', [1], (2, CUT_SHORT, '{"a": "x')),
        ('[{"a": 1}, {"a": 2}\n', [1, 2], (3, CUT_SHORT, "")),
        ('[{"a": 1},', [1], (2, CUT_SHORT, "")),
        # more brackets are closed than were opened
        ('[{"a": 1}, {"a": 2]', [1], (2, DAMAGED, '{"a": 2]')),
        ('[{"a": 1}, }, {"a": 2}]', [1], (2, DAMAGED, '}, {"a": 2}]')),
        # a quote is missing: what is within quotes, and what is not, is told no more
        (
            '[{"a": 1}, {"a": "x}, {"a": 2}]',
            [1],
            (2, CUT_SHORT, '{"a": "x}, {"a": 2}]'),
        ),
        # text after the end
        ('[{"a": 1}]\n[{"a": 2}]', [1], (2, MORE_TEXT, '[{"a": 2}]')),
        ('[{"a": 1}] x ', [1], (2, MORE_TEXT, "x")),
        ("[] x", [], (1, MORE_TEXT, "x")),
        # a comma before the end
        ('[{"a": 1},]', [1], (2, "not JSON", "")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("read_size", [1, 1 << 20])
def test_what_cannot_be_told_apart_is_one_rejected_record(
    read: Callable[..., Copy],
    data: str,
    values: list[int],
    rejected: tuple[int, str, str],
    read_size: int,
) -> None:
    with mock.patch.object(json_array, "READ_SIZE", read_size):
        copy = read("a.json", data, given="array")
    assert [value["a"] for value in copy.values] == values
    assert copy.rejected == [rejected]


def test_of_what_is_rejected_the_first_thousand_characters_are_kept(
    read: Callable[..., Copy],
) -> None:
    copy = read("a.json", '[{"a": 1}, {"a": "' + "ü" * 3_000_000)
    assert copy.rejected == [(2, CUT_SHORT, '{"a": "' + "ü" * 993)]
    copy = read("a.json", '[{"a": 1}, }' + "ü" * 3_000_000)
    assert copy.rejected == [(2, DAMAGED, "}" + "ü" * 999)]


def test_an_element_that_is_too_long_is_rejected_alone(read: Callable[..., Copy]) -> None:
    longest = '{"a": "' + "x" * (LONGEST_LINE - 9) + '"}'
    copy = read("a.json", f'[{longest}, {longest[:-2]}x"}}, {{"a": 3}}]')
    assert copy.rejected == [(2, "longer than 2 MB", longest[:1000])]
    assert list(copy.lines.values()) == [longest, '{"a": 3}']


def test_the_end_of_an_element_is_not_looked_for_forever(read: Callable[..., Copy]) -> None:
    with mock.patch.object(json_array, "LONGEST_ELEMENT", 3_000_000):
        copy = read("a.json", '[{"a": 1}, {"a": "' + "x" * 5_000_000 + '"}, {"a": 2}]')
    assert copy.reasons == [(2, DAMAGED)]


@pytest.mark.parametrize("data", ["", " \n", "\ufeff", "[]", "\ufeff [ \r\n] \n"])
def test_an_array_without_elements_has_no_records(read: Callable[..., Copy], data: str) -> None:
    copy = read("a.json", data, given="array")
    assert (copy.lines, copy.rejected) == ({}, [])


def test_a_file_that_is_no_array_is_an_error(read: Callable[..., Copy]) -> None:
    with pytest.raises(InputError, match=r"a.json: not a JSON array: it does not begin with \["):
        read("a.json", LINES, given="array")


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        st.text('"\\[]{},:\r\n', max_size=8),
    ),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=3), values),
    max_leaves=6,
)


@examples(200)
@given(
    st.lists(st.dictionaries(st.text('ab"\\,]}', max_size=4), VALUES, max_size=4), max_size=10),
    st.sampled_from([None, 0, 2, "\t"]),
    st.booleans(),
    st.sampled_from([1, 17, 1 << 20]),
)
def test_what_pythons_json_writes_is_read_as_it_was(
    values: list[Any], indent: Any, ascii_only: bool, read_size: int
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(json_array, "READ_SIZE", read_size),
    ):
        path = Path(folder) / "a.json"
        text = json.dumps(values, indent=indent, ensure_ascii=ascii_only)
        path.write_bytes(text.encode("utf-8", "replace"))
        copy = copy_of(path, given="array")
    assert copy.rejected == []
    assert copy.values == json.loads(text.encode("utf-8", "replace"))
    assert list(copy.lines) == list(range(1, len(values) + 1))


# Parquet


def parquet(path: Path, query: str) -> Path:
    """Writes the rows of a query to a Parquet file."""
    target = str(path).replace("'", "''")
    with duckdb.connect() as connection:
        connection.execute(f"copy ({query}) to '{target}' (format parquet, row_group_size 2048)")
    return path


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("9223372036854775807", "9223372036854775807"),
        ("18446744073709551615::ubigint", "18446744073709551615"),
        ("7::decimal(10, 0)", "7"),
        ("12345678901234567.25::decimal(19, 2)", "12345678901234567.25"),
        ("-0.10::decimal(18, 2)", "-0.10"),
        ("0.1::double", "0.1"),
        ("-0.0::double", "-0.0"),
        ("1e22::double", "1e22"),
        ("0.25::float", "0.25"),
        ("'nan'::double", '"NaN"'),
        ("'-inf'::float", '"-Infinity"'),
        ("['nan'::double, 1, null]", '["NaN",1.0,null]'),
        (
            "{'a': 'inf'::double, 'b \"NaN\\': 'x \"NaN\" \\ Infinity'}",
            '{"a":"Infinity","b \\"NaN\\\\":"x \\"NaN\\" \\\\ Infinity"}',
        ),
        ("true", "true"),
        ("'q\"\\' || chr(10) || chr(1) || 'ü'", '"q\\"\\\\\\n\\u0001ü"'),
        ("'a'::enum ('a', 'b')", '"a"'),
        ("'\\xAA\\x00b'::blob", '"\\\\xAA\\\\x00b"'),
        ("date '2024-02-29'", '"2024-02-29"'),
        ("timestamp '2024-01-02 03:04:05.123456'", '"2024-01-02 03:04:05.123456"'),
        ("timestamptz '2024-01-02 03:04:05.5+05:30'", '"2024-01-01 21:34:05.5"'),
        ("[{'t': timestamptz '2024-01-02 03:04:05-01'}]", '[{"t":"2024-01-02 04:04:05"}]'),
        (
            "{'timestamp with time zone': 7::decimal(4, 0)}",
            '{"timestamp with time zone":7}',
        ),
        ("map {'A': 'C', 'B': 'T1'}", '{"A":"C","B":"T1"}'),
        ("{'a': 1, 'b': null::int}", '{"a":1,"b":null}'),
        ("[]::int[]", "[]"),
    ],
)
def test_values_of_parquet_are_those_of_json(tmp_path: Path, value: str, written: str) -> None:
    copy = copy_of(parquet(tmp_path / "a.parquet", f"select {value} as x, 1 as y"))
    assert copy.lines == {1: f'{{"x": {written}, "y": 1}}'}
    assert json.loads(copy.lines[1])["y"] == 1


def test_null_is_an_absent_field(tmp_path: Path) -> None:
    query = "select null::int as a, 2 as b union all select null, null"
    copy = copy_of(parquet(tmp_path / "a.parquet", query))
    assert copy.lines == {1: '{"b": 2}', 2: "{}"}
    assert copy.records.count == 2
    assert copy.records.columns == ["a", "b"]


def test_rows_are_numbered_in_their_order(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", "select range as n from range(300000)")
    copy = copy_of(path)
    assert copy.lines == {number + 1: f'{{"n": {number}}}' for number in range(300_000)}
    assert copy.records.count == 300_000


def test_a_row_that_is_too_long_is_rejected(tmp_path: Path) -> None:
    query = "select 1 as a, repeat('x', 2000000) as b union all select 2, 'y'"
    copy = copy_of(parquet(tmp_path / "a.parquet", query))
    assert copy.rejected == [(1, "longer than 2 MB", '{"a": 1, "b": "' + "x" * 985)]
    assert copy.values == [{"a": 2, "b": "y"}]


def test_names_of_columns_and_folders_are_only_names(tmp_path: Path) -> None:
    folder = tmp_path / "user=7" / "q[1]*"
    folder.mkdir(parents=True)
    query = 'select 1 as "we.ird ""na\'me%s{{ x }}", 2 as filename, 3 as file_row_number'
    copy = copy_of(parquet(folder / "a.parquet", query))
    assert copy.lines == {
        1: '{"we.ird \\"na\'me%s{{ x }}": 1, "filename": 2, "file_row_number": 3}'
    }


@pytest.mark.parametrize("pack", [gzip.compress, zstandard])
def test_compressed_parquet_is_unpacked(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    data = parquet(tmp_path / "a.parquet", "select 1 as a").read_bytes()
    packed = tmp_path / f"b.parquet.{'gz' if pack is gzip.compress else 'zst'}"
    packed.write_bytes(pack(data))
    assert copy_of(packed).lines == {1: '{"a": 1}'}


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda _: b"user,track\n1,2\n",
        lambda data: data[:-1],
        lambda data: data[:200],
        lambda data: data[:-8] + b"\xff\xff\xff\x00PAR1",
        lambda data: data[:4] + b"\xff" * 200 + data[204:],
        lambda data: data[:-100] + b"\xff" * 80 + data[-20:],
    ],
)
def test_a_damaged_parquet_file_is_an_error_by_name(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    path = parquet(tmp_path / "a.parquet", "select range as n, 'text' || range as t from range(99)")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=r"a\.parquet: cannot be read as Parquet: [^\n]+$"):
        copy_of(path)


ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
        st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        st.none() | st.sampled_from(['"NaN', "\\", '\\"Infinity\\', "NaN", "-Infinity"]),
        st.none() | st.lists(st.none() | st.integers(0, 9), max_size=3),
        st.none() | st.booleans(),
    ),
    max_size=10,
)


@examples(50)
@given(ROWS, st.booleans())
def test_what_duckdb_writes_is_read_as_it_was(rows: list[Any], with_nan: bool) -> None:
    names = ["n", "x", "s", "w", "l", "b"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.parquet"
        with duckdb.connect() as connection:
            connection.execute(
                "create table t (n bigint, x double, s varchar, w varchar, l int[], b boolean,"
                " nan double)"
            )
            for row in rows:
                nan = float("nan") if with_nan else None
                connection.execute("insert into t values (?, ?, ?, ?, ?, ?, ?)", [*row, nan])
            connection.execute(f"copy t to '{path}'")
        copy = copy_of(path)
    more = {"nan": "NaN"} if with_nan else {}
    assert copy.values == [
        {name: value for name, value in zip(names, row, strict=True) if value is not None} | more
        for row in rows
    ]


# All formats


@pytest.mark.parametrize("name", ["a.csv.gz", "a.json.gz", "a.parquet.gz"])
def test_a_compressed_file_that_is_cut_short_is_an_error(tmp_path: Path, name: str) -> None:
    """Also where the records end before the cut."""
    plain = tmp_path / name.removesuffix(".gz")
    if "parquet" in name:
        parquet(plain, "select 1 as a")
    else:
        plain.write_text("[{}] " + " " * 100_000 if "json" in name else "user,track\n1,2\n")
    (tmp_path / name).write_bytes(gzip.compress(plain.read_bytes())[:-9])
    with pytest.raises(InputError, match=name):
        copy_of(tmp_path / name)


@pytest.mark.parametrize("form", ["csv", "quoted", "array"])
def test_a_file_is_not_held_in_memory(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a"
    title = '"a, b"' if form == "quoted" else "a b"
    line = '{"a": "title"},' if form == "array" else f"1,2,{title}\n"
    start, end = ("[", "{}]") if form == "array" else ("user,track,title\n", "")
    path.write_text(start + line * (500_000 // len(line)) + end)
    log = log_file(path)
    with (
        mock.patch.object(delimited, "READ_SIZE", 1 << 13),
        mock.patch.object(json_array, "READ_SIZE", 1 << 13),
        closing(RecordLines(log, tmp_path / "copy", tmp_path / "altered")) as target,
    ):
        tracemalloc.start()
        try:
            with unpacked(log) as file:
                if form == "array":
                    write_array(file, None, target)
                else:
                    DelimitedFile(log, file, None, "CSV", ()).write(target)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert target.records > 30_000
    assert peak < 400_000


def test_the_same_records_give_the_same_recommendations(tmp_path: Path) -> None:
    """Copies of an array and of Parquet, read in place of lines."""
    chance = random.Random(7)
    events = [
        {"user": chance.randrange(30), "track": chance.randrange(40), "time": chance.random()}
        for _ in range(2_000)
    ]
    lines = "".join(json.dumps(event) + "\n" for event in events)
    outputs = []
    for form in ("lines", "array", "pretty", "parquet"):
        folder = tmp_path / form
        (folder / "logs").mkdir(parents=True)
        log = folder / "logs" / "data.json"
        log.write_text(lines)
        if form == "parquet":
            parquet(folder / "a.parquet", f"from read_json('{log}')")
        elif form != "lines":
            indent = 2 if form == "pretty" else None
            (folder / "a.json").write_text(json.dumps(events, indent=indent))
        if form != "lines":
            copy = copy_of(next(folder.glob("a.*")))
            log.write_text("\n".join(copy.lines.values()) + "\n")
        outputs.append(build_folder(folder).output.read_bytes())
    assert outputs == outputs[:1] * 4
