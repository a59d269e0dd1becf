"""A bounded part of the damaged lines of fuzz_lines.py, and of what its judge must notice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.building import fuzz_lines
from tests.support.builds import build_folder


@pytest.mark.parametrize("seed", [1, 2])
def test_no_damaged_line_is_lost_moved_or_altered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(fuzz_lines, "LINES_OF_A_FILE", 400)  # every form of a file
    accepted, rejected = fuzz_lines.fuzz(tmp_path, 2_000, seed)
    assert accepted > 500
    assert rejected > 500


@pytest.mark.parametrize("other", [b'{"user": 1, "track": 2, "time": 0.25}', b"bad", b""])
def test_the_judge_notices_a_line_that_was_read_as_another(tmp_path: Path, other: bytes) -> None:
    line = b'{"user": 1, "track": 2, "time": 0.5}'
    fuzz_lines.write(tmp_path, [fuzz_lines.File("replica-0/data.json", [line] * 3, b"\n")])
    built = build_folder(tmp_path)
    judged = [fuzz_lines.File("replica-0/data.json", [line, other, line], b"\n")]
    with pytest.raises(AssertionError):
        fuzz_lines.judge(built, judged)
