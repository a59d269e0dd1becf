"""Each record of each format is an event, rejected, or left out: with number, reason and text.

What becomes of a record is said beside it; where it is in a file is counted here, in plain Python.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.builds import Built, build_in
from tests.support.compressed import zstandard

# A record, and why it is rejected; None: it is an event.
Record = tuple[str, str | None]

LEFT_OUT = "left out"
BLANK = "blank"

CONDITION = "page = 'play'"

LARGEST = 2**63 - 1
LONG = "x" * 2_000_000

# Records with the columns user, track, time, page and note. \udce9 stands for a byte that is not
# UTF-8.
CELLS: list[Record] = [
    *[(f'{user},6,0.5,play,"6 ""x"", y"', None) for user in range(40)],
    ("1,2,0.5,view,", LEFT_OUT),
    ("x,,2,view,", LEFT_OUT),
    ("1,2,0.5,,", LEFT_OUT),
    ("", BLANK),
    ("   ", BLANK),
    ("007,2,0.5,play,", "user is not a whole number"),
    ("+7,2,0.5,play,", "user is not a whole number"),
    ("7.0,2,0.5,play,", "user is not a whole number"),
    ("-7,2,0.5,play,", "user is negative"),
    (f"{LARGEST},2,0.5,play,", None),
    (f"{LARGEST + 1},2,0.5,play,", f"user is larger than {LARGEST}"),
    (",2,0.5,play,", "user is missing"),
    ("1,,0.5,play,", "track is missing"),
    ('1,"two, or ""2""",0.5,play,', "track is not a whole number"),
    ("1,2,,play,", "time is missing"),
    ("1,2,half,play,", "time is not a number"),
    ("1,2,nan,play,", "time is not a number"),
    ("1,2,1.5,play,", "time is outside 0 to 1"),
    ("1,2,inf,play,", "time is outside 0 to 1"),
    ("1,2,-0.5,play,", "time is outside 0 to 1"),
    ("1,2,1e-1,play,", None),
    ("1,2", "not CSV: 2 cells instead of 5"),
    ("1,2,0.5,play,,", "not CSV: 6 cells instead of 5"),
    ("nonsense", "not CSV: 1 cells instead of 5"),
    ('1,2,0.5,play,"unclosed', "not CSV: a quote is not closed"),
    ('1,2,0.5,play,"closed" here', "not CSV: text after a closing quote"),
    ("1,2,0.5,play,a\rb", "not CSV: a carriage return within the line"),
    ("1,2,0.5,play,caf\udce9", "not UTF-8"),
    ("1,2,1.5,play,caf\udce9", "not UTF-8"),
    ("1,2,0.5,view,caf\udce9", "not UTF-8"),
    ("1,2,0.5,play,a\0b", "not CSV: a NUL character"),
    ("1,2,0.5,play,a\x01\x02\x03\x04b", None),
    ("1,2,1.5,play,a\x01\x02\x03\x04b", "time is outside 0 to 1"),
    ('1,2,0.5,play,"two\nlines"', None),
    ('1,2,1.5,play,"two\n\nor ""three"""', "time is outside 0 to 1"),
    ('1,2,0.5,view,"two\nlines"', LEFT_OUT),
    ("1,2,1.5,play,C:\\music\\n", "time is outside 0 to 1"),
    (f"1,2,0.5,play,{LONG}", "longer than 2 MB"),
    ("1,2,1.5,play,🎵", "time is outside 0 to 1"),
    ("1,2,1.5,play,", "time is outside 0 to 1"),
]

# The elements of an array. Line breaks between values count as spaces, also in the text.
ELEMENTS: list[Record] = [
    ('{"user": 1, "track": 2, "time": 0.5, "page": "play"}', None),
    ('{"page":"play","time":1,"track":2,"user":1,"more":[{"a":"],"}]}', None),
    ('{"user": 1, "track": 2, "time": 0.5, "page": "view"}', LEFT_OUT),
    ('{"user": "x", "time": [], "page": {}}', LEFT_OUT),
    ("{}", LEFT_OUT),
    ('{"user": 1,\n "track": 2,\n "time": 0.5,\n "page": "play"}', None),
    ('{"user": 1,\n "track": 2, "page": "play"}', "time is missing"),
    ('{"user": "1", "track": 2, "time": 0.5, "page": "play"}', "user is not a whole number"),
    ('{"user": -1, "track": 2, "time": 0.5, "page": "play"}', "user is negative"),
    ('{"user": 1, "track": 2.0, "time": 0.5, "page": "play"}', "track is not a whole number"),
    ('{"track": 2, "time": 0.5, "page": "play"}', "user is missing"),
    ('{"user": 1, "track": null, "time": 0.5, "page": "play"}', "track is missing"),
    ('{"user": 1, "track": 2, "time": "0.5", "page": "play"}', "time is not a number"),
    ('{"user": 1, "track": 2, "time": 1.5, "page": "play"}', "time is outside 0 to 1"),
    ('{"user": 1, "user": 1, "track": 2, "time": 0, "page": "play"}', "user is given twice"),
    ('{"user": 1, "track": 2, "time": 0.5, "page": "play" "a"}', "not JSON"),
    ('{"user": 1, "track": 2, "time": 0.5, "page": "play", "a": [1}', "not JSON"),
    ('{"user": 1, "track": 2, "time": NaN, "page": "play"}', "time is not a number"),
    ("nonsense", "not JSON"),
    ("", "not JSON"),
    ('{"page": "play", "note": "two\nlines"}', "not JSON"),
    ('{"page": "play", "note": "caf\udce9"}', "not UTF-8"),
    ('{"page": "play", "note": "a\x01\x02\x03\x04b"}', "not JSON"),
    ('"play"', "not an object"),
    ('["play", {"user": 1}]', "not an object"),
    ("null", "not an object"),
    ("17", "not an object"),
    (f'{{"page": "play", "note": "{LONG}"}}', "longer than 2 MB"),
    (
        '{"user": 1, "track": 2, "time": 1.5, "page": "play", "note": "🎵"}',
        "time is outside 0 to 1",
    ),
]

# Rows of Parquet: SQL of the columns user, track, time, page and note.
ROWS: list[Record] = [
    ("1, 2, 0.5, 'play', null", None),
    (f"{LARGEST}, {LARGEST}, 1, 'play', null", None),
    ("1, 2, 0.5, 'view', null", LEFT_OUT),
    ("-1, null, 'nan', null, null", LEFT_OUT),
    ("-1, 2, 0.5, 'play', null", "user is negative"),
    ("null, 2, 0.5, 'play', null", "user is missing"),
    ("1, null, 0.5, 'play', null", "track is missing"),
    (f"1, {LARGEST + 1}, 0.5, 'play', null", f"track is larger than {LARGEST}"),
    ("1, 2, null, 'play', null", "time is missing"),
    ("1, 2, 'nan', 'play', null", "time is not a number"),
    ("1, 2, 'inf', 'play', null", "time is not a number"),
    ("1, 2, 1.5, 'play', 'two' || chr(10) || 'lines \"\\\\'", "time is outside 0 to 1"),
    ("1, 2, 0.5, 'play', 'two' || chr(10) || 'lines'", None),
    ("1, 2, -0.5, 'play', '🎵'", "time is outside 0 to 1"),
    ("1, 2, 0.5, 'play', repeat('x', 2000000)", "longer than 2 MB"),
    ("1, 2, 0.5, 'view', repeat('x', 2000000)", "longer than 2 MB"),
    ("null, null, null, null, null", LEFT_OUT),
]


def shuffled(records: Sequence[Record], seed: int) -> list[Record]:
    """The records, each up to three times, in another order. seed: 0 leaves them as they are."""
    if not seed:
        return list(records)
    chance = random.Random(seed)
    several = [record for record in records for _ in range(chance.randrange(1, 4))]
    return chance.sample(several, len(several))


def assert_accounted(
    built: Built, records: Sequence[Record], numbers: Sequence[int], texts: Sequence[str]
) -> None:
    """Asserts what became of each record. numbers, texts: those of all of them."""
    outcomes = [outcome for _, outcome in records]
    expected = [
        (number, outcome, text[:1000] if outcome == "longer than 2 MB" else text)
        for number, outcome, text in zip(numbers, outcomes, texts, strict=True)
        if outcome not in (None, LEFT_OUT, BLANK)
    ]
    rows = built.rows("select line_number, reason, line from rejected_lines order by rowid")
    assert rows == expected
    count = len(records) - outcomes.count(BLANK)
    events, left_out = outcomes.count(None), outcomes.count(LEFT_OUT)
    assert built.rows("select lines, accepted, rejected, left_out from build_inputs") == [
        (count, events, len(expected), left_out)
    ]
    assert events + len(expected) + left_out == count
    assert built.rows("select count(*) from events") == [(events,)]
    assert built.rows("select distinct file from events") == built.rows(
        "select distinct file from rejected_lines"
    )


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("name", "end", "pack"),
    [
        ("a.csv", "\n", bytes),
        ("a.csv.gz", "\r\n", gzip.compress),
        ("a.tsv", "\r\n", bytes),
        ("a.tsv.zst", "\n", zstandard),
    ],
)
def test_each_record_of_csv_and_tsv_is_accounted_for(
    tmp_path: Path, name: str, end: str, pack: Callable[[bytes], bytes], seed: int
) -> None:
    records = shuffled(CELLS, seed)
    if ".tsv" in name:
        records = [
            (text.replace(",", "\t"), reason and reason.replace("CSV", "TSV"))
            for text, reason in records
        ]
    texts = ["user\ttrack\ttime\tpage\tnote" if ".tsv" in name else "user,track,time,page,note"]
    numbers = []
    for text, _ in records:
        numbers.append(1 + sum(1 + text.count("\n") for text in texts))
        texts.append(text)
    data = "".join(text + end for text in texts).encode("utf-8", "surrogateescape")
    (tmp_path / name).write_bytes(pack(data))
    built = build_in(tmp_path, tmp_path / name, where=CONDITION, ids="integer", max_rejected=1)
    shown = [text.replace("\udce9", "?") for text in texts[1:]]
    assert_accounted(built, records, numbers, shown)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", ["a.json", "data.json.gz"])
def test_each_element_of_an_array_is_accounted_for(tmp_path: Path, name: str, seed: int) -> None:
    records = ELEMENTS[:1] + shuffled(ELEMENTS, seed)
    data = "[" + " ,\n ".join(text for text, _ in records) + "\n]"
    pack = gzip.compress if name.endswith(".gz") else bytes
    (tmp_path / name).write_bytes(pack(data.encode("utf-8", "surrogateescape")))
    built = build_in(tmp_path, tmp_path / name, where=CONDITION, max_rejected=1)
    shown = [
        text.replace("\udce9", "?") if reason == "not JSON" else shown_element(text)
        for text, reason in records
    ]
    assert_accounted(built, records, range(1, len(records) + 1), shown)


def shown_element(text: str) -> str:
    """The text of an element whose end of line is white space."""
    return text.replace("\udce9", "?").replace("\n", " ")


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", ["a.parquet", "a.parquet.gz"])
def test_each_row_of_parquet_is_accounted_for(tmp_path: Path, name: str, seed: int) -> None:
    records = shuffled(ROWS, seed)
    with duckdb.connect() as connection:
        connection.execute(
            'create table plays ("user" bigint, track ubigint, time double, page varchar, '
            "note varchar)"
        )
        for row, _ in records:
            connection.execute(f"insert into plays values ({row})")
        connection.execute(f"copy plays to '{tmp_path}/plain' (format parquet)")
        rows = connection.execute("from plays").fetchall()
    pack = gzip.compress if name.endswith(".gz") else bytes
    (tmp_path / name).write_bytes(pack((tmp_path / "plain").read_bytes()))
    built = build_in(tmp_path, tmp_path / name, where=CONDITION, max_rejected=1)
    assert_accounted(built, records, range(1, len(records) + 1), list(map(json_of, rows)))


def json_of(row: tuple[Any, ...]) -> str:
    """The JSON of a row of Parquet: null is an absent field, NaN and infinities are texts."""
    fields = zip(("user", "track", "time", "page", "note"), row, strict=True)
    text = json.dumps({name: value for name, value in fields if value is not None})
    for words, shown in (
        ("-Infinity", '"-Infinity"'),
        ("NaN", '"NaN"'),
        ("Infinity", '"Infinity"'),
    ):
        text = text.replace(f'"time": {words}', f'"time": {shown}')
    return json.dumps(json.loads(text), ensure_ascii=False)
