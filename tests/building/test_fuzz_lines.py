"""A bounded part of the damaged lines of fuzz_lines.py, and of what its judge must notice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.building import fuzz_lines
from tests.support.builds import Built, build_folder


@pytest.mark.parametrize("seed", [1, 2])
def test_no_damaged_line_is_lost_moved_or_altered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(fuzz_lines, "LINES_OF_A_FILE", 400)  # every form of a file
    accepted, rejected = fuzz_lines.fuzz(tmp_path, 2_000, seed)
    assert accepted > 500
    assert rejected > 500


LINE = (
    '{"message": "next", "timestamp": 1700000000000, "user": 1, "track": 2, "time": 0.5, '
    '"latency": 0.001, "recommendation": 7, "experiments": {"A": "C", "B": 0}}'
)


@pytest.fixture(scope="module")
def three_lines(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A build from the line three times."""
    folder = tmp_path_factory.mktemp("three")
    fuzz_lines.write(folder, [log_of(LINE, LINE, LINE)])
    return build_folder(folder)


def log_of(*lines: str) -> fuzz_lines.File:
    return fuzz_lines.File("replica-0/data.json", [line.encode() for line in lines], b"\n")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (LINE, "bad"),
        (LINE, ""),
        ('"user": 1', '"user": 2'),
        ('"track": 2', '"track": 3'),
        ("0.5", "0.25"),
        ('"next"', '"last"'),
        ('"next"', "null"),
        ("1700000000000", "1700000000001"),
        ("1700000000000", '"2023-11-14T22:13:20.001Z"'),
        ("1700000000000", '"soon"'),
        ("0.001", "0.002"),
        ("0.001", '"0.001"'),
        ("7", "8"),
        ("7", "7.0"),
        ('"C"', '"T1"'),
        ('"C"', "null"),
        ('"B": 0', '"B": -0'),
        ('"B": 0', '"B": "00"'),
        ('"A": "C", ', ""),
        ('"A"', '"B"'),
        ('{"A": "C", "B": 0}', "[]"),
    ],
)
def test_the_judge_notices_a_line_that_was_read_as_another(
    three_lines: Built, written: str, read: str
) -> None:
    fuzz_lines.judge(three_lines, [log_of(LINE, LINE, LINE)])
    with pytest.raises(AssertionError):
        fuzz_lines.judge(three_lines, [log_of(LINE, LINE.replace(written, read, 1), LINE)])


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("1700000000000", '"2023-11-14 22:13:20"'),
        ("1700000000000", '"2023-11-15T03:43:20.0000009+05:30"'),
        ("0.001", "1e-3"),
        ('"B": 0', '"B": "0"'),
        ('"next"', '"n\\u0065xt"'),
    ],
)
def test_the_judge_takes_two_spellings_of_a_value_for_equal(
    three_lines: Built, written: str, same: str
) -> None:
    fuzz_lines.judge(three_lines, [log_of(LINE, LINE.replace(written, same, 1), LINE)])
