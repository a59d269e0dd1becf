"""What reading the logs promises: a line is an event or a rejected line, and none is lost."""

from __future__ import annotations

import gzip
import importlib
import json
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builds import Built, build_folder
from tests.support.commands import call_ubcf
from tests.support.compressed import COMPRESSED, zstandard
from tests.support.examples import examples
from tests.support.logs import log_line
from ubcf.building.inputs.logs import LogFile, grown
from ubcf.errors import InputError, RejectedLinesError, UbcfError

LARGEST_ID = 2**63 - 1
CUT_SHORT = "not JSON: the file ends in the middle of the line"


def event(user: str = "1", track: str = "2", time: str = "0.5", more: str = "") -> bytes:
    """A line with these texts as its values, valid or not."""
    return f'{{"user": {user}, "track": {track}, "time": {time}{more and ", "}{more}}}'.encode()


GOOD = event("7", "70", "0.25")

Line = tuple[bytes, str | None]

# Lines, each with the reason why it is rejected; None for an event.
LINES: list[Line] = [
    # what the service writes
    (log_line(5100, 18588, 1.0).encode(), None),
    (log_line(5100, 672, 0.0, message="last", experiments={"A": "T1"}).encode(), None),
    # no JSON at all
    (b"garbage", "not JSON"),
    (b"{", "not JSON"),
    (b"}", "not JSON"),
    (b'"', "not JSON"),
    (b"'", "not JSON"),
    (b",", "not JSON"),
    (b"\\", "not JSON"),
    (b"#", "not JSON"),
    (b"user,track,time", "not JSON"),
    (b'{"user": 1, "track": 2', "not JSON"),
    (event()[:-1], "not JSON"),
    (event()[1:], "not JSON"),
    (b"{'user': 1, 'track': 2, 'time': 0.5}", "not JSON"),
    (b'{user: 1, "track": 2, "time": 0.5}', "not JSON"),
    (b'{"user": 1 "track": 2, "time": 0.5}', "not JSON"),
    (b'{"user": 1, "track": 2, "time": 0.5', "not JSON"),
    (event() + event(), "not JSON"),
    (event() + b" " + event(), "not JSON"),
    (event() + b",", "not JSON"),
    (event() + b"x", "not JSON"),
    (event() + b" // comment", "not JSON"),
    (b"/* comment */ " + event(), "not JSON"),
    (event(more="}"), "not JSON"),
    (event("01"), "not JSON"),
    (event("+1"), "not JSON"),
    (event("1_000"), "not JSON"),
    (event("0x10"), "not JSON"),
    (event("1."), "not JSON"),
    (event(time=".5"), "not JSON"),
    (event(time="0,5"), "not JSON"),
    (event(time="--0.5"), "not JSON"),
    (event(time="None"), "not JSON"),
    (event(time="True"), "not JSON"),
    (event(more='"message": "\\x"'), "not JSON"),
    # half a surrogate pair, as programs write it that cut a text within an emoji
    (event(more='"message": "\\ud800"'), None),
    (event("null", more='"message": "\\ud800"'), "user is missing"),
    (event(more='"message": "\\ud800" x'), "not JSON"),
    (event(more='"message": "\t"'), "not JSON"),
    (event(more='"message": "\x00"'), "not JSON"),
    (event(more='"message": "\x01"'), "not JSON"),
    (event() + b"\x00", "not JSON"),
    (b"\x00" * 40, "not JSON"),
    (b"\x00" * 40 + event(), "not JSON"),
    (b"\x0b", "not JSON"),
    (b"\x0c" + event(), "not JSON"),
    (b"\x1a", "not JSON"),
    (b"\xc2\xa0", "not JSON"),
    (b"\xe2\x80\xa8", "not JSON"),
    (b"\xef\xbb\xbf" + event(), "not JSON"),  # a byte-order mark belongs at the start of a file
    (b"[" * 100_000, "not JSON"),
    # JSON, but no object
    (b"null", "not an object"),
    (b"true", "not an object"),
    (b"17", "not an object"),
    (b"-0.5e3", "not an object"),
    (b'"text"', "not an object"),
    (b"[]", "not an object"),
    (b"[" + event() + b"]", "not an object"),
    (json.dumps(event().decode()).encode(), "not an object"),
    (b"[" * 100_000 + b"]" * 100_000, "not an object"),
    # user and track
    (b"{}", "user is missing"),
    (b'{"track": 2, "time": 0.5}', "user is missing"),
    (b'{"User": 1, "track": 2, "time": 0.5}', "user is missing"),
    (b'{"USER": 1, "track": 2, "time": 0.5}', "user is missing"),
    (b'{"user ": 1, "track": 2, "time": 0.5}', "user is missing"),
    (b'{"event": {"user": 1, "track": 2, "time": 0.5}}', "user is missing"),
    (event("null"), "user is missing"),
    (event('"1"'), "user is not a whole number"),
    (event('""'), "user is not a whole number"),
    (event('"null"'), "user is not a whole number"),
    (event("1.5"), "user is not a whole number"),
    (event("5.0"), "user is not a whole number"),
    (event("1e3"), "user is not a whole number"),
    (event("true"), "user is not a whole number"),
    (event("false"), "user is not a whole number"),
    (event("NaN"), "user is not a whole number"),
    (event("Infinity"), "user is not a whole number"),
    (event("[1]"), "user is not a whole number"),
    (event("{}"), "user is not a whole number"),
    (event('{"id": 1}'), "user is not a whole number"),
    (event("-1"), "user is negative"),
    (event("-9223372036854775809"), "user is negative"),
    (event("9223372036854775808"), "user is larger than 9223372036854775807"),
    (event("18446744073709551616"), "user is larger than 9223372036854775807"),
    (event("1" + 30 * "0"), "user is larger than 9223372036854775807"),
    (event("1" + 400 * "0"), "user is larger than 9223372036854775807"),
    (event("9223372036854775807"), None),
    (event("0"), None),
    (event("-0"), None),
    (b'{"user": 1, "time": 0.5}', "track is missing"),
    (event(track="null"), "track is missing"),
    (event(track='"2"'), "track is not a whole number"),
    (event(track="2.0"), "track is not a whole number"),
    (event(track="true"), "track is not a whole number"),
    (event(track="[]"), "track is not a whole number"),
    (event(track="-2"), "track is negative"),
    (event(track="9223372036854775808"), "track is larger than 9223372036854775807"),
    (event(track="9223372036854775807"), None),
    (event(track="0"), None),
    # time
    (b'{"user": 1, "track": 2}', "time is missing"),
    (event(time="null"), "time is missing"),
    (event(time='"0.5"'), "time is not a number"),
    (event(time='""'), "time is not a number"),
    (event(time="true"), "time is not a number"),
    (event(time="[0.5]"), "time is not a number"),
    (event(time='{"seconds": 0.5}'), "time is not a number"),
    (event(time="NaN"), "time is not a number"),
    (event(time="Infinity"), "time is outside 0 to 1"),
    (event(time="-Infinity"), "time is outside 0 to 1"),
    (event(time="1e400"), "time is outside 0 to 1"),
    (event(time="-1e400"), "time is outside 0 to 1"),
    (event(time="1.0000001"), "time is outside 0 to 1"),
    (event(time="-1e-30"), "time is outside 0 to 1"),
    (event(time="-1"), "time is outside 0 to 1"),
    (event(time="2"), "time is outside 0 to 1"),
    (event(time="1e3"), "time is outside 0 to 1"),
    (event(time="0"), None),
    (event(time="-0.0"), None),
    (event(time="1"), None),
    (event(time="1E0"), None),
    (event(time="10e-2"), None),
    (event(time="5e-324"), None),
    (event(time="1e-400"), None),
    (event(time="0.30000000000000004"), None),
    # a key that is read may be there once
    (event("1", more='"user": "x"'), "user is given twice"),
    (event('"x"', more='"user": 1'), "user is given twice"),
    (event("1", more='"user": 1'), "user is given twice"),
    (event("1", more='"user": null'), "user is given twice"),
    (event("null", more='"user": 1'), "user is given twice"),
    (event("1", more='"\\u0075ser": 1'), "user is given twice"),
    (event("1", more='"time": 1, "track": 1, "user": 1'), "user is given twice"),
    (event("1", more='"time": 0.5'), "time is given twice"),
    (event("1", more='"message": "next", "message": "last"'), "message is given twice"),
    (
        event("1", more='"recommendation": null, "recommendation": 3'),
        "recommendation is given twice",
    ),
    (event("1", more='"experiments": {}, "x": 1, "experiments": {}'), "experiments is given twice"),
    (log_line(1, 2, 0.5)[:-1].encode() + b', "latency": 1}', "latency is given twice"),
    (event("1", more='"x": 1, "x": 2, "y": {"user": 1, "user": 2}'), None),
    (event("1", more='"User": 5'), None),
    (b'{"User": "x", "user": 1, "track": 2, "time": 0.5}', None),
    (b'{"\\u0075ser": 1, "tr\\u0061ck": 2, "time": 0.5}', None),
    # white space and other fields do not matter
    (b" \t " + event() + b" \t ", None),
    (b'{"user":1,"track":2,"time":0.5}', None),
    (event()[:-1] + b",}", None),  # a comma too many: DuckDB's JSON takes it
    (event(more='"unknown": {"a": [1, {"b": null}]}'), None),
    (event(more='"": ""'), None),
    (event(more='"müller": "日本語 🎵 \u0301"'), None),
    (event(more='"unknown": ' + "[" * 100_000 + "]" * 100_000), None),
    (event(more='"unknown": "' + "a" * 1_900_000 + '"'), None),
    (event(more='"unknown": "' + "a" * 2_500_000 + '"'), "longer than 2 MB"),
    # not UTF-8
    (event(more='"unknown": "' + "a" * 1_900_000 + '"') + b"\xff", "not UTF-8"),
    (b"\xff" + b"a" * 20_000 + b"\xff", "not UTF-8"),
    (b"\xff", "not UTF-8"),
    (b"\xfe\xff", "not UTF-8"),
    (b"\xc0\xaf", "not UTF-8"),
    (b"\xed\xa0\x80", "not UTF-8"),
    (b"\xf5\x80\x80\x80", "not UTF-8"),
    (event() + b"\x85", "not UTF-8"),
    (event()[:-1] + b', "message": "caf\xe9"}', "not UTF-8"),
    (event()[:-1] + b', "\xff": 1}', "not UTF-8"),
    (event()[:-1] + b', "message": "\xe2\x80', "not UTF-8"),
]

SHORT = [pair for pair in LINES if len(pair[0]) < 10_000]

BLANK = [b"", b" ", b"\t", b" \t  "]

Rejected = tuple[str, int, str]  # file, line number, reason


def shows(text: str, line: bytes) -> bool:
    """Whether a text is that of a line, with ? for bytes that are not UTF-8 or near one."""
    if is_utf8(line):
        return text.encode() == line
    return len(text.encode()) == len(line) and all(
        got in (byte, ord("?")) for got, byte in zip(text.encode(), line, strict=True)
    )


def is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_blank(line: bytes) -> bool:
    return not line.strip(b" \t\r")


def rejections(built: Built) -> list[tuple[Rejected, str]]:
    """The table rejected_lines and its texts; `file` by its name in the folder of logs."""
    rows = built.rows("select file, line_number, reason, line from rejected_lines")
    logs = built.folder / "logs"
    return [
        ((Path(file).relative_to(logs).as_posix(), number, reason), text)
        for file, number, reason, text in rows
    ]


def assert_rejections(built: Built, files: Mapping[str, Sequence[Line]]) -> None:
    """Asserts that the table rejected_lines is that of these files, by plain counting."""
    expected = [
        ((file, number, reason), line)
        for file, lines in files.items()
        for number, (line, reason) in enumerate(lines, start=1)
        if reason is not None
    ]
    found = rejections(built)
    assert [line for line, _ in found] == [line for line, _ in expected]
    for ((_, _, reason), text), (_, line) in zip(found, expected, strict=True):
        if reason == "longer than 2 MB":  # the head is kept
            assert len(text) >= 100
            assert line.startswith(text.encode())
        else:
            assert shows(text, line), line


def assert_counts(built: Built, lines: Iterable[Line]) -> None:
    """Asserts that accepted + rejected = lines, in the summary and in the tables."""
    reasons = [reason for line, reason in lines if not is_blank(line)]
    rejected = Counter(reason for reason in reasons if reason is not None)
    summary = built.summary
    assert summary.lines == len(reasons)
    assert summary.accepted == len(reasons) - rejected.total()
    assert summary.rejected == rejected.total()
    assert summary.rejected_reasons == rejected
    assert built.rows("select count(*) from events") == [(summary.accepted,)]
    assert built.rows("select count(*) from rejected_lines") == [(summary.rejected,)]
    assert built.rows("select sum(lines), sum(accepted), sum(rejected) from build_inputs") == [
        (summary.lines, summary.accepted, summary.rejected)
    ]


def write(folder: Path, name: str, data: bytes) -> Path:
    """Writes a log of these bytes into the folder of logs, compressed if the name ends so."""
    path = folder / "logs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        data = gzip.compress(data)
    elif path.suffix == ".zst":
        data = zstandard(data)
    path.write_bytes(data)
    return path


def joined(lines: Iterable[Line], end: bytes = b"\n") -> bytes:
    return b"".join(line + end for line, _ in lines)


def build_lines(folder: Path, *lines: bytes, **options: Any) -> Built:
    """Builds from one log, data.json, of these lines, all of which may be rejected."""
    write(folder, "data.json", b"".join(line + b"\n" for line in lines))
    return build_folder(folder, **{"max_rejected": 1.0, **options})


# Single lines


@pytest.fixture(scope="module")
def one_file(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A build from all LINES in one log."""
    return build_lines(tmp_path_factory.mktemp("reading"), *(line for line, _ in LINES))


@pytest.fixture(scope="module")
def rejected_by_number(one_file: Built) -> dict[int, tuple[str, str]]:
    return {number: (reason, text) for (_, number, reason), text in rejections(one_file)}


@pytest.mark.parametrize(
    ("number", "line", "reason"),
    [
        pytest.param(number, line, reason, id=f"{number}: {line[:60].decode('ascii', 'replace')}")
        for number, (line, reason) in enumerate(LINES, start=1)
    ],
)
def test_a_line_is_accepted_or_rejected_with_its_number_its_text_and_a_reason(
    rejected_by_number: dict[int, tuple[str, str]], number: int, line: bytes, reason: str | None
) -> None:
    if reason is None:
        assert number not in rejected_by_number
    else:
        found, text = rejected_by_number[number]
        assert found == reason
        assert shows(text, line[: len(text)] if reason == "longer than 2 MB" else line)


def test_accepted_and_rejected_add_up_to_the_lines(one_file: Built) -> None:
    assert_counts(one_file, LINES)


def test_events_have_the_order_and_the_values_of_their_lines(one_file: Built) -> None:
    parsed = [first_wins(line) for line, reason in LINES if reason is None]
    assert one_file.rows('select "user", track, time from events') == [
        (fields["user"], fields["track"], fields["time"]) for fields in parsed
    ]


def test_a_zero_has_no_sign(tmp_path: Path) -> None:
    built = build_lines(tmp_path, event(time="-0.0"), event("-0", "-0", "-0"))
    assert [str(row) for row in built.rows('select "user", track, time from events')] == [
        "(1, 2, 0.0)",
        "(0, 0, 0.0)",
    ]


def first_wins(line: bytes) -> dict[str, Any]:
    """A JSON object as DuckDB reads it: a comma at its end; of unknown equal keys the first one."""
    text = line.decode().strip(" \t").removesuffix(",}") + ("}" if line.endswith(b",}") else "")

    def first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return dict(reversed(pairs))

    depth_of_nonsense = 1_000
    if text.count("[") > depth_of_nonsense:  # Python's own parser has a limit of recursion
        text = text.replace("[" * 100_000 + "]" * 100_000, "[]")
    fields = json.loads(text, object_pairs_hook=first_of_each)
    assert isinstance(fields, dict)
    return fields


# The other fields

INSTANT = datetime(2023, 11, 14, 22, 13, 20)  # 1,700,000,000 seconds after the epoch


# A column, its text in the line, its value in events.
FIELDS: list[tuple[str, str, object]] = [
    ("message", '"next"', "next"),
    ("message", '""', ""),
    ("message", r'"a\"b\n\u00e9 \ud83c\udfb5 🎵"', 'a"b\né 🎵 🎵'),
    ("message", r'"a\u0000b"', "a\0b"),
    ("message", r'"cut \ud83d"', "cut \ufffd"),
    ("message", r'"\uDFB5\ud83c\uDFB5\ud83c\\\ud83c"', "\ufffd🎵\ufffd\\\ufffd"),
    ("message", r'"\\ud83d"', r"\ud83d"),
    ("message", r'"\ud83cd"', "\ufffdd"),
    ("message", "null", None),
    ("message", "7", None),
    ("message", "true", None),
    ("message", '["next"]', None),
    ("message", '{"next": 1}', None),
    ("timestamp", "1700000000000", INSTANT),
    ("timestamp", "1700000000001", INSTANT + timedelta(milliseconds=1)),
    *(
        ("timestamp", f"17000000000{n:02}", INSTANT + timedelta(milliseconds=n))
        for n in range(2, 6)
    ),
    ("timestamp", "0", datetime(1970, 1, 1)),
    ("timestamp", "-1", datetime(1969, 12, 31, 23, 59, 59, 999_000)),
    ("timestamp", "null", None),
    ("timestamp", '"1700000000000"', None),
    ("timestamp", "1700000000", None),  # in seconds, among milliseconds
    ("timestamp", "1700000000000000", None),
    ("timestamp", "1700000000000000000", None),
    ("timestamp", '"2023-11-14"', datetime(2023, 11, 14)),
    ("timestamp", '"2023-11-14T22:13:20Z"', INSTANT),
    ("timestamp", '"2023-11-14 22:13:20"', INSTANT),
    ("timestamp", '"2023-11-14T22:13"', INSTANT - timedelta(seconds=20)),
    ("timestamp", '"2023-11-15T01:13:20.250+03:00"', INSTANT + timedelta(milliseconds=250)),
    ("timestamp", '"2023-11-14T18:43:20-0330"', INSTANT),
    ("timestamp", '"2023-11-31"', None),
    ("timestamp", '"infinity"', None),
    ("timestamp", "1700000000000.5", None),
    ("timestamp", "1.7e12", None),
    ("timestamp", "true", None),
    ("timestamp", "9223372036854775807", None),
    ("timestamp", "-9223372036854775808", None),
    ("timestamp", "99999999999999999999", None),
    ("timestamp", "[1700000000000]", None),
    ("latency", "0.011", 0.011),
    ("latency", "3", 3.0),
    ("latency", "1e-5", 0.00001),
    ("latency", "null", None),
    ("latency", '"0.011"', None),
    ("latency", '"fast"', None),
    ("latency", "true", None),
    ("latency", "NaN", None),
    ("latency", "Infinity", None),
    ("latency", "1e400", None),
    ("latency", "{}", None),
    ("recommendation", "22782", 22782),
    ("recommendation", "null", None),
    ("recommendation", '"22782"', None),
    ("recommendation", "22782.0", None),
    ("recommendation", "0.5", None),
    ("recommendation", "true", None),
    ("recommendation", "9223372036854775808", None),
    ("recommendation", "[22782]", None),
    ("experiments", "{}", {}),
    ("experiments", '{"A": "C", "B": "T1"}', {"A": "C", "B": "T1"}),
    ("experiments", '{"": "x", "a\\"b": "y", "ü": "ü"}', {"": "x", 'a"b': "y", "ü": "ü"}),
    ("experiments", '{"A": 1, "B": true, "C": null}', {"A": "1", "B": "true", "C": None}),
    ("experiments", '{"A": "C", "a": "T1"}', {"A": "C", "a": "T1"}),
    ("experiments", '{"A": "C", "A": "T1"}', None),
    ("experiments", r'{"A": "C", "\u0041": "T1"}', None),
    (
        "experiments",
        '{"A": -0, "B": -0.0, "C": ": -0, ", "D": 1e-05}',
        {"A": "-0", "B": "-0.0", "C": ": -0, ", "D": "1e-05"},
    ),
    ("experiments", '{"A":-0,"-0": -0 }', {"A": "-0", "-0": "-0"}),
    ("experiments", "null", None),
    ("experiments", "[]", None),
    ("experiments", '[{"A": "C"}]', None),
    ("experiments", '"C"', None),
    ("experiments", '"{}"', None),
    ("experiments", "7", None),
]


@pytest.mark.parametrize(("column", "value", "expected"), FIELDS)
def test_a_field_of_the_wrong_type_is_null_and_the_line_an_event(
    other_fields: Callable[[str, str], Any], column: str, value: str, expected: object
) -> None:
    assert other_fields(column, value) == expected


@pytest.fixture(scope="module")
def other_fields(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str, str], Any]:
    """Looks up the value of a field in one build that has a line for each."""
    cases = [(column, value) for column, value, _ in FIELDS]
    lines = (
        event(str(number), more=f'"{column}": {value}')
        for number, (column, value) in enumerate(cases)
    )
    built = build_lines(tmp_path_factory.mktemp("fields"), *lines)
    assert built.summary.rejected == 0
    columns = "message, timestamp, latency, recommendation, experiments"
    rows = built.rows(f'select {columns} from events order by "user"')
    found = [dict(zip(columns.split(", "), row, strict=True)) for row in rows]
    for (column, _), fields in zip(cases, found, strict=True):
        assert all(fields[other] is None for other in fields if other != column)
    return lambda column, value: found[cases.index((column, value))][column]


@pytest.mark.parametrize(
    ("unit", "factor", "of_another"),
    [
        ("seconds", 1, 1_100),
        ("seconds", 1, 2),
        ("milliseconds", 1_000, 0),
        ("milliseconds", 1_000, 1_100),
        ("microseconds", 1_000_000, 2),
        ("nanoseconds", 1_000_000_000, 1_100),
    ],
)
def test_the_unit_of_most_timestamps_is_that_of_all_logs(
    tmp_path: Path, unit: str, factor: int, of_another: int
) -> None:
    second = 1_700_000_000
    other = str(second * (1_000 if factor == 1 else 1))
    lines = [event("1", more=f'"timestamp": {other}')] * of_another
    lines += [event("2", more=f'"timestamp": {(second + n) * factor}') for n in range(1_200)]
    write(tmp_path, "data.json", b"\n".join(lines))
    write(tmp_path, "data.json.1", event("3") + b"\n")
    built = build_folder(tmp_path)
    assert built.rows('select timestamp from events where "user" = 2 order by 1') == [
        (INSTANT + timedelta(seconds=n),) for n in range(1_200)
    ]
    assert built.rows("select count(*) from events where timestamp is null") == [(of_another + 1,)]
    assert (built.summary.timestamp_unit, built.summary.undated_events) == (unit, of_another + 1)


def test_the_summary_says_how_timestamps_are_written(tmp_path: Path) -> None:
    texts = event("1", more='"timestamp": "2023-11-14T22:13:20Z"') + b"\n" + event() + b"\n"
    write(tmp_path, "data.json", texts)
    done = call_ubcf("build", "logs", cwd=tmp_path)
    assert "timestamps  ISO 8601 text, 1 events without one" in done.stdout
    write(tmp_path, "data.json", event() + b"\n")
    done = call_ubcf("build", "logs", cwd=tmp_path)
    assert "timestamps  1 events without one" in done.stdout


@pytest.mark.parametrize(
    ("first", "later", "said"),
    [
        ("1700000000000", '"2023-11-14T22:13:20Z"', "milliseconds and ISO 8601 text"),
        ("1700000000", '"2023-11-14 22:13:20"', "seconds and ISO 8601 text"),
        ('"2023-11-14T22:13:20Z"', "1700000000000", "ISO 8601 text and milliseconds"),
        ("null", '"2023-11-14T22:13:20Z"', "ISO 8601 text"),
        ("0", "1700000000000", "milliseconds"),
    ],
)
def test_the_summary_says_how_timestamps_are_written_in_a_single_late_line_too(
    tmp_path: Path, first: str, later: str, said: str
) -> None:
    write(tmp_path, "data.json", (event("1", more=f'"timestamp": {first}') + b"\n") * 3_000)
    write(tmp_path, "data.json.1", event("2", more=f'"timestamp": {later}') + b"\n")
    built = build_folder(tmp_path)
    assert built.rows('select timestamp from events where "user" = 2') == [(INSTANT,)]
    undated = 3_000 if first == "null" else 0
    assert (built.summary.timestamp_unit, built.summary.undated_events) == (said, undated)


@pytest.mark.parametrize(
    ("timestamps", "undated", "unread"),
    [
        (['"31.12.2023"', '"31.12.2023"', '"2023-11-14"'], 2, '"31.12.2023"'),
        (['"b"', '"a"'], 2, '"a"'),
        (["1700000000.5", "1700000000"], 1, "1700000000.5"),
        # In another unit than most.
        (["1700000000", "1700000000000", "1700000000000"], 1, "1700000000"),
        # The more frequent ones.
        (['"a"', '"b"', "true"] * 2 + ["1" * 20] * 5, 11, '"a"'),
        ([f'"{"x" * 200}"'], 1, '"' + "x" * 99),
        # No timestamp at all, or one that is read.
        (["null", '""', "1700000000"], 2, None),
        (["0", "12345678", "-5", "1700000000"], 0, None),
    ],
)
def test_a_timestamp_that_is_not_read_is_shown_as_it_is_written(
    tmp_path: Path, timestamps: list[str], undated: int, unread: str | None
) -> None:
    lines = [event(more=f'"timestamp": {timestamp}') for timestamp in timestamps]
    write(tmp_path, "data.json", b"\n".join(lines))
    summary = build_folder(tmp_path).summary
    assert (summary.undated_events, summary.unread_timestamp) == (undated, unread)


def test_the_summary_shows_a_timestamp_of_a_csv_that_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, "plays.csv", b"user,track,timestamp\n1,2,31.12.2023\n1,3,2023-12-31\n")
    done = call_ubcf("build", "logs/plays.csv", cwd=tmp_path)
    assert "timestamps  ISO 8601 text, 1 events without one; not read: 31.12.2023\n" in done.stdout


def test_experiments_are_read_alike_among_the_first_lines_and_after_them(tmp_path: Path) -> None:
    # More different texts than are looked up, the first ones often; all of them again at the end.
    texts = [value for column, value, _ in FIELDS if column == "experiments"]
    expected = [value for column, _, value in FIELDS if column == "experiments"]
    others = [json.dumps({"A": f"T{number}"}) for number in range(40)]
    plain = [(text, json.loads(text)) for number, text in enumerate(others) for _ in range(number)]
    cases = [
        *zip(texts, expected, strict=True),
        *plain * 3,
        *zip(texts, expected, strict=True),
        *plain,
    ]
    assert len(plain) * 3 > 2_000
    lines = (event("1", str(n), more=f'"experiments": {text}') for n, (text, _) in enumerate(cases))
    built = build_lines(tmp_path, *lines)
    found = built.rows("select experiments from events order by track")
    assert [row for (row,) in found] == [value for _, value in cases]


# The same lines, in other files

Files = dict[str, tuple[bytes, list[Line]]]


def with_blank_lines() -> list[Line]:
    chance = random.Random(3)
    lines: list[Line] = []
    for line in [*SHORT, (GOOD, None)]:
        lines += [(blank, None) for blank in chance.choices(BLANK, k=chance.randrange(4))]
        lines.append(line)
    return lines


def over_several_files() -> Files:
    chance = random.Random(4)
    files: Files = {}
    for number, suffix in enumerate(["", ".1", ".2", ".2.gz", ".10", ".10.zst"]):
        chosen = SHORT if number else LINES
        lines = [*chance.sample(chosen, k=len(chosen)), (GOOD, None)]
        end = b"\r\n" if number % 2 else b"\n"
        files[f"botify-recommender-1/data.json{suffix}"] = (joined(lines, end), lines)
    return files


def whatever_the_end() -> Files:
    """Files that differ from SHORT in their ends and beginnings, in the order they are read."""
    mixed = b"".join(
        line + (b"\r\n" if number % 2 else b"\n") for number, (line, _) in enumerate(SHORT)
    )
    files: list[tuple[bytes, list[Line]]] = [
        (joined(SHORT), SHORT),
        (mixed, SHORT),
        (b"\xef\xbb\xbf" + joined(SHORT), SHORT),
        (joined(SHORT) + GOOD, [*SHORT, (GOOD, None)]),
        (joined(SHORT) + b"[]", [*SHORT, (b"[]", "not an object")]),
        (joined(SHORT) + b"\xff", [*SHORT, (b"\xff", "not UTF-8")]),
        (joined(SHORT) + GOOD[:20], [*SHORT, (GOOD[:20], CUT_SHORT)]),
        (joined(with_blank_lines()), with_blank_lines()),
        (joined(with_blank_lines(), b"\r\n"), with_blank_lines()),
    ]
    return {f"data.json.{number}": each for number, each in enumerate(files, start=1)}


LAYOUTS: dict[str, Callable[[], Files]] = {
    "CRLF": lambda: {"data.json": (joined(LINES, b"\r\n"), LINES)},
    "byte-order mark before a bad line": lambda: {
        "data.json": (b"\xef\xbb\xbf" + joined(LINES[::-1]), LINES[::-1])
    },
    "several files, by their ends": whatever_the_end,
    "several files, shuffled and compressed": over_several_files,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_line_numbers_and_texts_are_right_however_the_lines_are_stored(
    tmp_path: Path, layout: str
) -> None:
    files = LAYOUTS[layout]()
    for name, (data, _) in files.items():
        write(tmp_path, name, data)
    built = build_folder(tmp_path, max_rejected=1.0)
    assert_rejections(built, {name: lines for name, (_, lines) in files.items()})
    assert_counts(built, [pair for _, lines in files.values() for pair in lines])


@pytest.mark.parametrize(
    "threads", [2, *(pytest.param(threads, marks=pytest.mark.slow) for threads in (1, 4))]
)
def test_line_numbers_are_right_in_a_large_file_read_in_parallel(
    tmp_path: Path, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Otherwise the build loads the kernels meanwhile, which a new environment compiles first.
    monkeypatch.setattr("ubcf.building.pipeline.PRODUCTS_WORTH_KERNELS", float("inf"))
    chance = random.Random(threads)
    padding = "p" * 500  # makes the file longer than what DuckDB reads at a time
    lines: list[Line] = [
        (event(str(number % 50), str(number % 97), more=f'"padding": "{padding}"'), None)
        for number in range(60_000)
    ]
    long = [pair for pair in LINES if len(pair[0]) >= 10_000]
    for number in chance.sample(range(len(lines)), k=1_500):
        lines[number] = chance.choice([*SHORT, (b"\xff\xfe", "not UTF-8"), (b"  ", None)])
    for number in chance.sample(range(len(lines)), k=8):
        lines[number] = chance.choice(long)
    write(tmp_path, "data.json", joined(lines))
    built = build_folder(tmp_path, max_rejected=1.0, threads=threads)
    assert_rejections(built, {"data.json": lines})
    assert_counts(built, lines)


# Anything at all


def read_by_python(line: bytes) -> tuple[int, int, float] | None:
    """User, track and time as Python's json reads them; None if they are not valid."""
    try:
        fields = first_wins(line)
        user, track, time = fields["user"], fields["track"], fields["time"]
    except (ValueError, KeyError, AssertionError, RecursionError):
        return None
    ids = all(type(value) is int and 0 <= value <= LARGEST_ID for value in (user, track))
    return (user, track, time) if ids and type(time) in (int, float) and 0 <= time <= 1 else None


def assert_nothing_is_lost(folder: Path, lines: Sequence[bytes]) -> None:
    """Asserts that each line that is not blank is in one table, with the values of Python."""
    built = build_lines(folder, GOOD, *lines, GOOD)
    numbered = {
        number: line
        for number, line in enumerate([GOOD, *lines, GOOD], start=1)
        if not is_blank(line)
    }
    rejected = {number: text for (_, number, _), text in rejections(built)}
    accepted = [line for number, line in numbered.items() if number not in rejected]
    assert rejected.keys() <= numbered.keys()
    for number, text in rejected.items():
        assert shows(text, numbered[number]), numbered[number]
    events = built.rows('select "user", track, time from events')
    assert len(events) == len(accepted)
    for line, row in zip(accepted, events, strict=True):
        assert read_by_python(line) in (row, None), line
    for number in rejected:
        assert not strictly_valid(numbered[number]), numbered[number]


def strictly_valid(line: bytes) -> bool:
    """Whether a line is strictly JSON, with valid values: then it must be an event."""
    try:
        line.decode().encode("utf-8")
        json.dumps(json.loads(line), ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (ValueError, RecursionError):
        return False
    return read_by_python(line) is not None


# Tests below are about carriage returns within a line.
no_line_ends = st.binary(max_size=60).map(lambda data: data.translate(None, b"\r\n"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=4), values),
    max_leaves=5,
)


@st.composite
def objects(draw: st.DrawFn) -> bytes:
    """Almost an event: sometimes with a value of another type, a missing or an additional field."""
    fields = {"user": draw(st.integers(0, 3)), "track": 2, "time": draw(st.floats(0, 1))}
    fields.update(draw(st.dictionaries(st.sampled_from([*fields, "message", "x"]), json_values)))
    ascii_only = draw(st.booleans())
    text = json.dumps(fields, ensure_ascii=ascii_only)
    return text.encode("utf-8", "replace")


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A good line of which a part is replaced by a few bytes."""
    line = event()
    start = draw(st.integers(0, len(line)))
    end = draw(st.integers(start, min(start + 6, len(line))))
    inserted = draw(no_line_ends | st.sampled_from([b",", b'"', b"-", b"e9", b"null", b"}", b"0"]))
    return line[:start] + inserted + line[end:]


@examples(12)
@given(st.lists(no_line_ends | objects() | mutations(), min_size=1, max_size=40))
def test_no_line_is_lost_whatever_its_bytes(lines: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert_nothing_is_lost(Path(folder), lines)


def test_no_line_is_lost_among_thousands_of_damaged_ones(tmp_path: Path) -> None:
    chance = random.Random(5)
    pieces = [b",", b'"', b"-", b"1e5", b"null", b"{", b"}", b"[", b":", b"\\", b"\xff", b"\x00"]
    lines = []
    for number in range(20_000):
        line = bytearray(log_line(number % 20, number % 30, chance.random()).encode())
        for _ in range(chance.randrange(3)):
            start = chance.randrange(len(line) + 1)
            line[start : start + chance.randrange(4)] = chance.choice(
                [*pieces, bytes([chance.randrange(256)])]
            )
        lines.append(bytes(line).translate(None, b"\r\n"))
    assert_nothing_is_lost(tmp_path, lines)


def test_a_carriage_return_within_a_line_shifts_no_line_number(tmp_path: Path) -> None:
    lines = [
        b'{"user": 1,\r"track": 2, "time": 0.5}',
        event() + b"\r" + event(),
        b"garbage\rx" + event(),
        event() + b"\r\r",
    ]
    for number, line in enumerate(lines):
        write(tmp_path, f"data.json.{number}", b"\n".join([GOOD, line, b"bad", GOOD, b""]))
    built = build_folder(tmp_path, max_rejected=1.0)
    assert [row.lines for row in built.summary.inputs] == [4] * len(lines)
    assert [row.accepted + row.rejected for row in built.summary.inputs] == [4] * len(lines)
    for number in range(len(lines)):
        assert ((f"data.json.{number}", 3, "not JSON"), "bad") in rejections(built)


def test_no_control_character_hides_a_line_or_a_part_of_it(tmp_path: Path) -> None:
    mark = b"\x01\x02\x03\x04"
    built = build_lines(tmp_path, GOOD, event() + mark + b"junk", GOOD, mark, GOOD, mark + event())
    assert [line for line, _ in rejections(built)] == [
        ("data.json", number, "not JSON") for number in (2, 4, 6)
    ]


# Duplicate lines


def test_equal_lines_are_counted_and_all_of_them_are_events(tmp_path: Path) -> None:
    write(tmp_path, "a/data.json", joined([(GOOD, None)] * 3 + [(event(), None), (b" ", None)] * 2))
    write(tmp_path, "b/data.json", GOOD + b"\r\n" + GOOD + b" \n")
    built = build_folder(tmp_path)
    # 4 times GOOD, twice event(), once GOOD with a blank after it
    assert built.summary.duplicate_lines == 4
    assert built.summary.accepted == 7
    assert built.rows('select plays from interactions where "user" = 7') == [(5,)]


def test_equal_lines_are_counted_where_every_line_is_an_event(tmp_path: Path) -> None:
    write(tmp_path, "a/data.json", GOOD + b"\n" + event() + b"\n" + GOOD)
    write(tmp_path, "b/data.json", GOOD + b"\n")
    built = build_folder(tmp_path)
    assert built.summary.duplicate_lines == 2
    assert built.summary.lines == built.summary.accepted == 4


def test_lines_with_equal_values_but_different_bytes_are_not_equal(tmp_path: Path) -> None:
    built = build_lines(tmp_path, GOOD, GOOD + b" ", GOOD.replace(b'"user": ', b'"user":'))
    assert built.summary.duplicate_lines == 0
    assert built.rows('select plays from interactions where "user" = 7') == [(3,)]


# Too many rejected lines


def test_one_bad_line_is_too_many_when_none_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(RejectedLinesError) as error:
        build_lines(tmp_path, GOOD, GOOD, event('"1"'), max_rejected=0)
    assert str(error.value) == (
        "1 of 3 lines were rejected, more than --max-rejected 0 allows: user is not a whole number "
        f"(1 lines); first {tmp_path.as_posix()}/logs/data.json, line 3: user is not a whole number"
        """: '{"user": "1", "track": 2, "time": 0.5}'; --ids text takes numbers and texts"""
    )
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def test_good_lines_pass_when_none_may_be_rejected(tmp_path: Path) -> None:
    assert build_lines(tmp_path, GOOD, b"", GOOD, max_rejected=0).summary.accepted == 2


@pytest.mark.parametrize(("allowed", "passes"), [(0.1, True), (0.09, False)])
def test_the_share_of_rejected_lines_counts_no_blank_lines(
    tmp_path: Path, allowed: float, passes: bool
) -> None:
    lines = [GOOD] * 9 + [b""] * 30 + [b"bad"]
    if passes:
        assert build_lines(tmp_path, *lines, max_rejected=allowed).summary.rejected == 1
    else:
        with pytest.raises(RejectedLinesError, match=r"^1 of 10 lines were rejected"):
            build_lines(tmp_path, *lines, max_rejected=allowed)


def test_too_many_rejected_lines_are_reported_with_counts_reasons_and_the_first_lines(
    tmp_path: Path,
) -> None:
    write(tmp_path, "data.json", joined([(GOOD, None)]))
    write(tmp_path, "data.json.1", b"\nx\n" + event("-1") + b"\ny\n" + b"z\n" + b"\xff\n")
    with pytest.raises(RejectedLinesError) as error:
        build_folder(tmp_path)
    name = f"{tmp_path.as_posix()}/logs/data.json.1"
    assert str(error.value) == (
        "5 of 6 lines were rejected, more than --max-rejected 0.01 allows: "
        "not JSON (3 lines), not UTF-8 (1 lines), user is negative (1 lines); "
        f"first {name}, line 2: not JSON: 'x'; {name}, line 3: user is negative: "
        f"""'{{"user": -1, "track": 2, "time": 0.5}}'; {name}, line 4: not JSON: 'y'"""
    )


def test_of_a_long_rejected_line_the_beginning_is_shown_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(RejectedLinesError) as error:
        build_lines(tmp_path, GOOD, b"\x1b[31m\t" + b"x" * 100, b"\xff" * 3, max_rejected=0)
    text = "\\x1b[31m\\t" + "x" * 74
    assert f"line 2: not JSON: '{text}…'; " in str(error.value)
    assert str(error.value).isprintable()


def test_a_failed_build_leaves_the_previous_results(tmp_path: Path) -> None:
    built = build_lines(tmp_path, GOOD)
    before = built.database.read_bytes(), built.output.read_bytes()
    with pytest.raises(RejectedLinesError):
        build_lines(tmp_path, GOOD, b"bad", max_rejected=0.01)
    assert (built.database.read_bytes(), built.output.read_bytes()) == before
    assert {path.name for path in tmp_path.iterdir()} == {
        "logs",
        built.database.name,
        built.output.name,
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty, no event in it"),
        (b"\xef\xbb\xbf", "no event in 0 lines of the logs: all are empty"),
        (b"\n\r\n  \n\t\n", "no event in 0 lines of the logs: all are empty"),
        (b"bad\n[]\n[]\n", "no event in 3 lines of the logs: not an object (2 lines), not JSON (1"),
        (b"\xff\n", "no event in 1 lines of the logs: not UTF-8 (1 lines)"),
    ],
    ids=["empty", "byte-order mark", "blank lines", "bad lines", "not UTF-8"],
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_logs_without_an_event_are_an_error(
    tmp_path: Path, data: bytes, message: str, suffix: str
) -> None:
    write(tmp_path, f"data.json{suffix}", data)
    write(tmp_path, "data.json.1", b"")
    with pytest.raises(InputError) as error:
        build_folder(tmp_path, max_rejected=1.0)
    if not (suffix and not data):  # a compressed file is never empty
        assert message in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def test_the_command_reports_in_one_line_that_there_is_no_event(tmp_path: Path) -> None:
    write(tmp_path, "data.json", b"bad\n")
    done = call_ubcf("build", "logs", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        "ubcf: error: no event in 1 lines of the logs: not JSON (1 lines)"
    )
    assert done.stderr.count("\n") == 1


def test_empty_files_beside_others_are_listed_and_no_error(tmp_path: Path) -> None:
    write(tmp_path, "data.json", b"")
    write(tmp_path, "data.json.1", GOOD + b"\n")
    write(tmp_path, "data.json.2.gz", b"")
    write(tmp_path, "data.json.3.zst", b"")
    write(tmp_path, "data.json.4", b"\n\n")
    built = build_folder(tmp_path)
    assert [(Path(row.file).name, row.lines) for row in built.summary.inputs] == [
        ("data.json", 0),
        ("data.json.1", 1),
        ("data.json.2.gz", 0),
        ("data.json.3.zst", 0),
        ("data.json.4", 0),
    ]


def test_all_parts_of_compressed_logs_are_read(tmp_path: Path) -> None:
    kinds = {kind: each for kind, each in COMPRESSED.items() if "padded" not in kind}
    write(tmp_path, "data.json", GOOD + b"\n")
    for number, (suffix, compressed) in enumerate(kinds.values(), start=1):
        (tmp_path / "logs" / f"data.json.{number}.{suffix}").write_bytes(compressed())
    built = build_folder(tmp_path)
    assert [row.accepted for row in built.summary.inputs] == [
        1,
        *(5_000 * (2 if "several" in kind else 0 if "of " in kind else 1) for kind in kinds),
    ]


def test_a_log_padded_with_zeros_as_tapes_leave_it_is_an_error(tmp_path: Path) -> None:
    """DuckDB refuses it."""
    suffix, compressed = COMPRESSED["gzip, padded with zeros"]
    write(tmp_path, "data.json", GOOD + b"\n").with_name(f"data.json.{suffix}").write_bytes(
        compressed()
    )
    with pytest.raises(UbcfError):
        build_folder(tmp_path)


# Logs that are written to while they are read


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Makes something happen during the next build, right after it first reads the logs."""

    def arrange(happening: Callable[[], object]) -> None:
        pending = [happening]

        def grown_after_that(logs: list[LogFile]) -> list[LogFile]:
            if pending:
                pending.pop()()
            return grown(logs)

        monkeypatch.setattr("ubcf.building.staging.grown", grown_after_that)

    return arrange


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_a_growing_log_is_read_as_it_was_at_the_start(
    tmp_path: Path, meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    growing = write(
        tmp_path, "data.json", event("1") + b"\nbad\n" + event("2") + b"\n" + event("3")[:20]
    )
    write(tmp_path, "data.json.1", event("4") + b"\n[]\n")
    meanwhile(lambda: append(growing, event("3")[20:] + b"\n" + event("5") + b"\n"))
    built = build_folder(tmp_path, max_rejected=1.0)
    assert built.rows('select "user" from events') == [(1,), (2,), (4,)]
    assert rejections(built) == [
        (("data.json", 2, "not JSON"), "bad"),
        (("data.json", 4, CUT_SHORT), event("3")[:20].decode()),
        (("data.json.1", 2, "not an object"), "[]"),
    ]
    assert [(row.lines, row.accepted, row.rejected) for row in built.summary.inputs] == [
        (4, 2, 2),
        (2, 1, 1),
    ]
    assert built.summary.inputs[0].file == growing.as_posix()
    assert built.summary.inputs[0].bytes == len(
        event("1") + b"\nbad\n" + event("2") + b"\n" + event("3")[:20]
    )
    assert {path.name for path in tmp_path.iterdir()} == {
        "logs",
        built.database.name,
        built.output.name,
    }


def test_a_growing_line_is_read_as_it_was_at_the_start(
    tmp_path: Path, meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    growing = write(tmp_path, "data.json", GOOD + b"\n" + event("3"))
    meanwhile(lambda: append(growing, b"\n" + event("4") + b"\n"))
    built = build_folder(tmp_path)
    assert built.rows('select "user" from events') == [(7,), (3,)]
    assert built.summary.rejected == 0


def test_an_empty_log_that_grows_has_no_line(
    tmp_path: Path, meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    growing = write(tmp_path, "data.json", b"")
    write(tmp_path, "data.json.1", GOOD + b"\n")
    meanwhile(lambda: append(growing, event("4") + b"\n"))
    built = build_folder(tmp_path)
    assert built.rows('select "user" from events') == [(7,)]
    assert [row.bytes for row in built.summary.inputs] == [0, len(GOOD) + 1]


@pytest.mark.parametrize(
    "name", ["it's [1] 100 %/data.json", "müller/data.json.3", "a b/{x}/data.json.1"]
)
def test_a_growing_log_may_have_any_name(
    tmp_path: Path, name: str, meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    growing = write(tmp_path, name, GOOD + b"\nbad\n")
    meanwhile(lambda: append(growing, GOOD + b"\n"))
    built = build_folder(tmp_path, max_rejected=1.0)
    assert rejections(built) == [((name, 2, "not JSON"), "bad")]
    assert built.summary.accepted == 1


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_growing_compressed_log_is_read_as_it_was_at_the_start(
    tmp_path: Path, suffix: str, meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    growing = write(tmp_path, f"data.json{suffix}", GOOD + b"\nbad\n")
    more = growing.read_bytes()
    meanwhile(lambda: append(growing, more))
    built = build_folder(tmp_path, max_rejected=1.0)
    assert rejections(built) == [((growing.name, 2, "not JSON"), "bad")]
    assert built.summary.accepted == 1


def replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes() * 2)
    other.replace(path)


ROTATIONS: dict[str, Callable[[Path], object]] = {
    "replaced": replaced,
    "cut": lambda path: path.write_bytes(GOOD),
    "removed": lambda path: path.unlink(),
    "renamed": lambda path: path.rename(path.with_name("data.json.1")),
}

ROTATED = "changed or vanished while it was read (rotated?); build again, or let --retries do it"


# What a build does with the logs, in the order of time; a log may change before each of them.
MOMENTS = [
    "ubcf.building.pipeline.read_logs",
    "ubcf.building.inputs.records.readable",
    "ubcf.building.staging.pattern",
    "ubcf.building.staging.count_duplicates",
    "ubcf.building.staging.grown",
]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("happening", ROTATIONS.values(), ids=ROTATIONS)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_whenever_a_log_changes_there_is_one_sentence_an_exit_code_and_another_try(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
    happening: Callable[[Path], object],
    suffix: str,
) -> None:
    place, _, name = moment.rpartition(".")
    before = getattr(importlib.import_module(place), name)
    log = tmp_path / "logs" / f"data.json{suffix}"
    pending: list[Path] = []

    def changing(*arguments: Any, **options: Any) -> Any:
        if pending:
            happening(pending.pop())
        return before(*arguments, **options)

    monkeypatch.setattr(moment, changing)
    write(tmp_path, log.name, (GOOD + b"\n") * 5 + b"\n")
    write(tmp_path, "data.json.2", (GOOD + b"\n") * 5)
    pending.append(log)
    done = call_ubcf("build", "logs", "--max-rejected", "1", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (75, f"ubcf: error: logs/{log.name}: {ROTATED}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]
    # That there is another try depends neither on the form of the file nor on what happened to it.
    if not suffix and happening is replaced:
        pending.append(log)
        done = call_ubcf("build", "logs", "--retries", "1", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("first", [b"", b" ", b"\r\n"], ids=["at", "before", "with CRLF"])
def test_no_line_is_lost_where_a_thread_stops_reading_at_the_end_of_a_line(
    tmp_path: Path, first: bytes
) -> None:
    """Lines have 128 bytes, so that the part that a thread reads stops at the end of one, or just
    before its line feed. DuckDB would lose such lines if it expected CRLF."""
    line = b'{"user": 1, "track": 2, "time": 0.5, "x": "'
    line += b"-" * (128 - len(line) - 3) + b'"}\n'
    write(tmp_path, "data.json", first + line * 150_000)
    summary = build_folder(tmp_path, threads=2).summary
    assert (summary.lines, summary.accepted) == (150_000, 150_000)
