"""The memory limit holds for the whole process, or the build names a limit that is enough."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.support.commands import call_ubcf
from tests.support.logs import write_log
from tests.support.paths import PROJECT
from ubcf.building.memory import limit_for_files
from ubcf.building.options import BuildOptions
from ubcf.database.templates import Templates
from ubcf.database.writing import Database
from ubcf.errors import OptionError

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the peak of a process is in kibibytes on Linux"
)

# A child begins with the resident size of its parent: a small process starts what is measured.
MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(process.pid, 0)
print("peak", usage.ru_maxrss, file=sys.stderr)
os._exit(os.waitstatus_to_exitcode(status))
"""


def peak_of_build(folder: Path, *options: str) -> tuple[int, int, str]:
    """The exit code of a build of `folder`/logs, its peak resident size in MiB, and its errors."""
    build = [sys.executable, "-m", "ubcf", "build", "logs", *options]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *build],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"},
    )
    *words, peak = done.stderr.splitlines()
    return done.returncode, int(peak.split()[1]) // 1024, "\n".join(words)


Plays = Iterable[tuple[int, int, float]]


def many_users() -> Plays:
    """12,000 users with 8 tracks each, of 20,000."""
    return (
        (u, (u * 7919 + i * i * 31) % 20_000, (u + i) % 10 / 10)
        for u in range(12_000)
        for i in range(8)
    )


def one_user() -> Plays:
    """300,000 events of one user."""
    return ((7, i * 7919 % 20_000, i % 10 / 10) for i in range(300_000))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plays", "limit", "options"),
    [
        (many_users, 256, ("--preset", "listening", "--predict")),
        (many_users, 300, ("--threads", "4")),
        (many_users, 512, ("--threads", "8")),
        (one_user, 256, ()),
    ],
)
def test_the_whole_process_stays_within_the_memory_limit(
    tmp_path: Path, plays: Callable[[], Plays], limit: int, options: tuple[str, ...]
) -> None:
    write_log(tmp_path / "logs" / "data.json", plays())
    code, peak, words = peak_of_build(tmp_path, "--memory-limit", f"{limit}MiB", *options)
    assert (code, words) == (0, "")
    assert peak <= limit


def write_many_files(folder: Path, files: int) -> None:
    """Log files of one line each."""
    folder.mkdir()
    for number in range(files):
        line = {"message": "next", "user": number % 50, "track": number % 70, "time": 0.5}
        (folder / f"data.json.{number}").write_text(json.dumps(line) + "\n")


@pytest.mark.slow
def test_many_small_files_stay_within_the_limit_that_the_build_asks_for(tmp_path: Path) -> None:
    write_many_files(tmp_path / "logs", 8_000)
    limit = 512
    code, peak, words = peak_of_build(tmp_path, "--memory-limit", f"{limit}MiB")
    assert (code, words) == (0, "")
    assert peak <= limit_for_files(8_000) >> 20 < limit


def test_more_files_than_the_memory_bears_are_refused_at_the_start_with_a_limit_that_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file takes a hundred times as much here as it does."""
    monkeypatch.setattr("ubcf.building.memory.FILE_BYTES", 600 * 2**10)
    write_many_files(tmp_path / "logs", 100)
    refused = call_ubcf("build", "logs", "--memory-limit", "256MiB", cwd=tmp_path)
    assert refused.returncode == 2
    named = re.fullmatch(
        r"ubcf: error: memory_limit is 256 MiB; 100 log files need at least ([0-9]+MiB)\n",
        refused.stderr,
    )
    assert named, refused.stderr
    assert not (tmp_path / "ubcf.duckdb").exists()
    again = call_ubcf("build", "logs", "--memory-limit", named[1], cwd=tmp_path)
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize(
    ("limit", "asked", "threads"),
    [("256MiB", 16, 1), ("400MiB", 4, 2), ("1GiB", 8, 7), ("4GiB", 16, 16), ("256MiB", 1, 1)],
)
def test_no_more_threads_work_than_the_memory_bears(limit: str, asked: int, threads: int) -> None:
    """Each takes 64 MiB of the part of DuckDB: 96, 158, 465 MiB and more."""
    assert BuildOptions(memory_limit=limit, threads=asked).thread_count == threads


def test_a_database_that_needs_more_than_its_part_names_the_memory_limit(tmp_path: Path) -> None:
    with (
        pytest.raises(OptionError, match=r"^memory_limit is too small for these logs: [^*]*$"),
        Database(
            tmp_path / "d.duckdb",
            Templates(None),
            threads=2,
            memory=8 << 20,
            temporary_folder=tmp_path,
        ) as db,
    ):
        db.execute("select list(i) from range(10_000_000) as numbers (i)")
