"""-q makes a command that succeeds silent, -v makes it keep a log."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.commands import call_ubcf, run_ubcf
from tests.support.logs import write_log

PLAYS = [(1, 20, 0.2), (1, 40, 0.4), (2, 10, 0.2), (2, 20, 0.8), (2, 30, 0.0), (3, 40, 0.8)]

EVALUATION = ("evaluate", "data", "--split", "last", "--test-share", "0.5")

SUCCEEDING = [
    ("build",),
    EVALUATION,
    ("simulate", "--users", "3", "--tracks", "9", "--events", "20", "--force"),
    ("report",),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Logs with one bad line in seven, of which a build warns, and a build of them."""
    folder = tmp_path_factory.mktemp("narration")
    write_log(folder / "data" / "data.json", [*PLAYS, "{"])
    done = call_ubcf("build", "--max-rejected", 1, cwd=folder)
    assert "rejected" in done.stderr
    return folder


def texts_of(log: str) -> list[str]:
    """The texts of the lines of a log, each of which has a date and a time before it."""
    found = re.findall(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\S+ (.+)$", log, flags=re.MULTILINE)
    assert len(found) == len(log.splitlines()), log
    return found


def rejecting(command: tuple[str, ...]) -> tuple[str, ...]:
    """The command, told to accept the bad line where it reads logs."""
    return (*command, "--max-rejected", "1") if command[0] in ("build", "evaluate") else command


@pytest.mark.parametrize("command", SUCCEEDING, ids=lambda command: command[0])
def test_quiet_a_command_that_succeeds_prints_nothing_but_the_stages_if_verbose_too(
    command: tuple[str, ...], folder: Path
) -> None:
    done = call_ubcf(*rejecting(command), "-q", "-v", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "")
    *stages, last = texts_of(done.stderr)
    assert stages
    assert re.fullmatch(r"done in \d+\.\d\d s", last)


def test_quiet_the_data_that_a_format_asks_for_still_come(folder: Path) -> None:
    built = call_ubcf("build", "-q", "--max-rejected", 1, "--format", "json", cwd=folder)
    assert built.stderr == ""
    assert json.loads(built.stdout)["rejected"] == 1
    measured = call_ubcf(*rejecting(EVALUATION), "-q", "--format", "json", cwd=folder)
    assert measured.stderr == ""
    assert "metrics" in json.loads(measured.stdout)


def test_quiet_a_failure_is_still_a_line(folder: Path) -> None:
    done = call_ubcf("build", "-q", "--max-rejected", 0, cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert "1 of 7 lines were rejected" in done.stderr


def test_verbose_each_stage_of_a_build_is_a_line_with_the_time(folder: Path) -> None:
    """On no terminal."""
    before = datetime.now().astimezone()
    done = run_ubcf("build", "-q", "-v", "--max-rejected", 1, "--format", "json", cwd=folder)
    assert done.returncode == 0
    stages = [stage["stage"] for stage in json.loads(done.stdout)["stages"]]
    assert {"read logs", "model", "score", "check"} <= set(stages)
    assert texts_of(done.stderr)[:-1] == stages
    times = [
        datetime.fromisoformat(" ".join(line.split(" ")[:2])) for line in done.stderr.splitlines()
    ]
    # The log has milliseconds.
    first = before.replace(microsecond=before.microsecond // 1000 * 1000)
    assert [first, *times] == sorted([first, *times])


def test_verbose_the_summary_and_the_warnings_stay(folder: Path) -> None:
    done = run_ubcf("build", "-v", "--max-rejected", 1, cwd=folder)
    assert done.stdout.startswith("inputs ")
    assert "ubcf: warning: 1 of 7 lines were rejected" in done.stderr
    assert " score\n" in done.stderr
