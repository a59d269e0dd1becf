"""Lines that DuckDB would break or lose: each is judged as one line, in every form of a file."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.building.test_reading import (
    CUT_SHORT,
    GOOD,
    Line,
    Rejected,
    assert_counts,
    assert_rejections,
    event,
    rejections,
    write,
)
from tests.support.builds import build_folder, build_in
from tests.support.compressed import zstandard
from ubcf.building.inputs.lines import LONGEST_LINE
from ubcf.errors import InputError

MEBIBYTE = 1 << 20

# In the order in which they are read.
FORMS = [
    "data.json",
    "data.json.1.GZ",
    "data.json.2.gzip",
    "data.json.3.ZST",
    "data.json.gz",
    "data.json.zst",
]

ODD: list[Line] = [
    (GOOD, None),
    (b"\x01\x02\x03\x04", "not JSON"),
    (b"\x01\x02\x03\x04" + event(), "not JSON"),
    (event() + b"\x01\x02\x03\x04", "not JSON"),
    (event() + b"\x01\x02\x03\x04junk", "not JSON"),
    (event(more='"message": "\x01\x02\x03\x04"'), "not JSON"),
    (b"garbage\rx" + event(), "not JSON"),
    (event() + b"\r" + event(), "not JSON"),
    (event(more='"message": "a\rb"'), "not JSON"),
    (b"caf\xe9\rx", "not UTF-8"),
    (event("-1", more='\r"message": "x"'), "user is negative"),
    # Between values, a carriage return is white space.
    (event("8", more='\r"message": "x"'), None),
    (b"\r" + event("9"), None),
    (event("10") + b"\r", None),
    (event("11") + b"\r\r\r", None),
    (b"[]\r\r", "not an object"),
    (b"\r", None),
    (b" \r \r", None),
    (b"bad\x1fbad", "not JSON"),
    (b"\x1f", "not JSON"),
    (b"\x00" * 300, "not JSON"),
    (GOOD, None),
    (b"bad", "not JSON"),
]


def write_form(folder: Path, name: str, data: bytes) -> Path:
    """Writes a log, compressed as the name says, in capitals or not."""
    packed: dict[str, Callable[[bytes], bytes]] = {
        "gz": partial(gzip.compress, compresslevel=1),
        "gzip": gzip.compress,
        "zst": zstandard,
        "zstd": zstandard,
    }
    path = folder / "logs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packed.get(path.suffix.lower().lstrip("."), bytes)(data))
    return path


@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_odd_lines_get_the_same_judgment_in_every_form_of_a_file(
    tmp_path: Path, end: bytes
) -> None:
    for name in FORMS:
        write_form(tmp_path, name, b"".join(line + end for line, _ in ODD))
    built = build_folder(tmp_path, max_rejected=1.0)
    # A carriage return before the line feed is a part of the line's end.
    lines = [(line.removesuffix(b"\r") if end == b"\n" else line, reason) for line, reason in ODD]
    assert_rejections(built, dict.fromkeys(FORMS, lines))
    assert_counts(built, ODD * len(FORMS))
    users = [7, 8, 9, 10, 11, 7]
    assert built.rows('select list("user" order by rowid) from events group by file') == [
        (users,)
    ] * len(FORMS)


LENGTHS = {
    LONGEST_LINE: None,
    LONGEST_LINE + 1: "longer than 2 MB",
    31 * MEBIBYTE: "longer than 2 MB",
    32 * MEBIBYTE: "longer than 2 MB",
}


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_a_line_of_any_length_is_accounted_for_and_costs_no_other_line(
    tmp_path: Path, suffix: str
) -> None:
    frame = len(event(more='"message": ""'))
    files: dict[str, list[Line]] = {}
    for number, (length, reason) in enumerate(LENGTHS.items(), start=1):
        long = event(more='"message": "' + "m" * (length - frame) + '"')
        assert len(long) == length
        name = f"data.json.{number}{suffix}"
        files[name] = [(GOOD, None), (long, reason), (b"bad", "not JSON"), (GOOD, None)]
        write_form(tmp_path, name, b"".join(line + b"\n" for line, _ in files[name]))
    built = build_folder(tmp_path, max_rejected=1.0)
    assert_rejections(built, files)
    assert_counts(built, [line for lines in files.values() for line in lines])
    long_ones = [text for (_, number, _), text in rejections(built) if number == 2]
    assert long_ones == [event(more='"message": "' + "m" * 1_000)[:1_000].decode()] * 3


@pytest.mark.parametrize("name", ["data.json", "data.json.gz", "data.json.zst"])
def test_a_run_of_nuls_takes_only_its_own_line_along(tmp_path: Path, name: str) -> None:
    nuls = bytes(50 * MEBIBYTE)
    lines: list[Line] = [
        (GOOD, None), (nuls + GOOD, "longer than 2 MB"), (GOOD, None), (nuls, "longer than 2 MB"),
    ]  # fmt: skip
    write_form(tmp_path, name, b"\n".join(line for line, _ in lines))
    built = build_folder(tmp_path, max_rejected=1.0)
    assert_counts(built, lines)
    assert [place for place, _ in rejections(built)] == [
        (name, 2, "longer than 2 MB"),
        (name, 4, "longer than 2 MB"),
    ]
    assert rejections(built)[0][1] == "\0" * 1_000


def test_equal_odd_lines_are_counted_as_equal(tmp_path: Path) -> None:
    long = event(more='"message": "' + "m" * 3_000_000 + '"')
    lines = [GOOD, b"a\rb", b"a\rc", b"a\rb", long, long, long.replace(b'm"', b'n"')]
    write(tmp_path, "data.json", b"\n".join(lines))
    assert build_folder(tmp_path, max_rejected=1.0).summary.duplicate_lines == 2


def test_a_number_of_an_experiment_keeps_its_sign_beside_odd_lines(tmp_path: Path) -> None:
    write(tmp_path, "data.json", event(more='"experiments": {"A": -0}') + b"\na\rb\n")
    built = build_folder(tmp_path, max_rejected=1.0)
    assert built.rows("select experiments from events") == [({"A": "-0"},)]


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_a_file_ends_in_the_middle_of_a_line_only_if_no_line_end_follows(
    tmp_path: Path, suffix: str
) -> None:
    ends = {b"": CUT_SHORT, b"\n": "not JSON", b"\r\n": "not JSON", b"\n\n": "not JSON"}
    expected: list[tuple[Rejected, str]] = []
    for last in (GOOD[:20], b'{"user": 1,\r"tr'):
        for end, reason in ends.items():
            name = f"data.json.{len(expected) + 1}{suffix}"
            write(tmp_path, name, GOOD + b"\n" + last + end)
            expected.append(((name, 2, reason), last.decode()))
    assert rejections(build_folder(tmp_path, max_rejected=1.0)) == expected


def test_a_file_of_which_lines_are_lost_fails_the_build_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "data.json", (GOOD + b"\n") * 5)
    write(tmp_path, "data.json.1", (GOOD + b"\n") * 5)
    from ubcf.building.inputs import lines, records

    def one_more(log: Any, folder: Path, number: int) -> lines.ReadableLog:
        found = lines.readable(log, folder, number)
        assert found.lines is not None
        if number:
            return found
        return replace(found, lines=replace(found.lines, count=6))

    monkeypatch.setattr(records, "readable", one_more)
    with pytest.raises(InputError) as error:
        build_folder(tmp_path)
    assert str(error.value) == f"{path.as_posix()}: it has 6 lines, but 5 were read"


def test_a_zstandard_log_without_a_package_for_it_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "data.json.zst", GOOD + b"\n")
    for module in ("compression", "backports"):
        monkeypatch.setitem(sys.modules, module, None)
        monkeypatch.setitem(sys.modules, f"{module}.zstd", None)
    with pytest.raises(InputError, match=r"pip install 'ubcf\[zstd\]'") as error:
        build_folder(tmp_path)
    assert str(error.value).startswith(f"{path.as_posix()}: ")


# The catalog


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"track": 2}\rx', "not JSON"),
        (b"\x01\x02\x03\x04", "not JSON"),
        (b'{"track": 3, "title": "' + b"x" * 40_000_000 + b'"}', "longer than 2 MB"),
    ],
    ids=["CR", "delimiter", "long"],
)
def test_an_odd_line_of_the_catalog_is_an_error_with_its_number(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    write(tmp_path, "data.json", GOOD + b"\n")
    catalog = write(tmp_path, "tracks.json", b'{"track": 1}\n' + line + b'\n{"track": 4}\n')
    with pytest.raises(InputError) as error:
        build_folder(tmp_path)
    assert str(error.value) == f"{catalog}, line 2: {reason}"


def test_a_title_that_was_cut_within_a_character_is_a_title(tmp_path: Path) -> None:
    titles = [r"cut \ud83d", r"\udfb5 \ud83c\udfb5", r"a\\ud83d"]
    entries = [f'{{"track": {track}, "title": "{title}"}}' for track, title in enumerate(titles)]
    write(tmp_path, "data.json", GOOD + b"\n")
    write(tmp_path, "tracks.json", "\n".join(entries).encode())
    assert build_folder(tmp_path).rows(
        "select title from tracks where in_catalog order by track"
    ) == [
        ("cut \ufffd",),
        ("\ufffd 🎵",),
        (r"a\ud83d",),
    ]


# Readers of the user's own

RAW_EVENTS = """
create table events as
select
    filename as file, content as message, null as timestamp, 1 as "user", 2 as track, 0.5 as time,
    null as latency, null as recommendation, null as experiments
from read_text(getvariable('log_paths'))
"""

RAW_LINES = """
create or replace temp view log_text as
select
    filename as path,
    to_json({'user': 1, 'track': 2, 'time': 0.5, 'message': content}) as line,
    false as is_blank
from read_text(getvariable('log_paths'))
"""


@pytest.mark.parametrize(
    ("template", "text"), [("events", RAW_EVENTS), ("log_text", RAW_LINES)], ids=str
)
def test_a_reader_of_ones_own_gets_the_bytes_of_the_files(
    tmp_path: Path, template: str, text: str
) -> None:
    (tmp_path / "templates" / "staging").mkdir(parents=True)
    (tmp_path / "templates" / "staging" / f"{template}.sql").write_text(text)
    data = 'a\rb\x01\x02\x03\x04\r\r\n"x\ry"\n' + "z" * 3_000_000
    log = write(tmp_path, "log", data.encode())
    built = build_in(tmp_path, log, templates=tmp_path / "templates")
    assert built.rows("select message, file from events") == [(data, log.as_posix())]
