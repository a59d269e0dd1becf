"""Tables fit the terminal; files, pipes and the other formats have everything."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.support.builds import Built, build_in
from tests.support.commands import call_ubcf, environment_of_ubcf
from tests.support.logs import log_line, write_log

WIDE = "select 7 as n, repeat('long ', 9) as text, 'x' as y"

WHOLE = (
    "  n  text                                           y\n"
    "---  ---------------------------------------------  ---\n"
    "  7  long long long long long long long long long   x\n"
)

CUT = (
    "  n  text                   y\n"
    "---  ---------------------  ---\n"
    "  7  long long long long …  x\n"
)

NOTE = "ubcf: note: to fit a width of 31, 1 cell is cut; --wide shows all\n"


def on_terminal(columns: int, *arguments: str, cwd: Path, **environment: str) -> str:
    """What a command prints on a terminal of so many columns, stdout and stderr in their order."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-m", "ubcf", *arguments],
        cwd=cwd,
        env=environment_of_ubcf({"PYTHONUTF8": "1", **environment}),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        printed = b""
        while True:
            try:
                read = os.read(ours, 65_536)
            except OSError:  # Linux reports the closed end so
                break
            if not read:
                break
            printed += read
    os.close(ours)
    assert process.returncode == 0, printed
    return printed.decode().replace("\r\n", "\n")


def test_a_table_fits_the_terminal_and_says_below_what_it_does_not_show(sample: Built) -> None:
    assert on_terminal(31, "sql", WIDE, cwd=sample.folder) == CUT + NOTE
    assert on_terminal(31, "sql", WIDE, "--wide", cwd=sample.folder) == WHOLE
    # A terminal that does not know its width.
    assert on_terminal(0, "sql", WIDE, cwd=sample.folder) == WHOLE


def test_parts_fit_too_each_by_itself_and_share_one_line(sample: Built) -> None:
    printed = on_terminal(60, "inspect", "user", "7", "-k", "2", cwd=sample.folder)
    assert max(map(len, printed.splitlines()[:-1])) <= 60
    assert printed.splitlines()[-1] == (
        "ubcf: note: to fit a width of 60, 4 cells are cut and 8 columns are left out (title, "
        "time, recommendation, genre, pop, mean_time, common_track_ids, common_titles); "
        "--wide shows all"
    )
    assert printed.count("ubcf: note") == 1


def test_pipes_get_everything_unless_columns_is_set(
    sample: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call_ubcf("sql", WIDE, cwd=sample.folder).stdout == WHOLE
    monkeypatch.setenv("COLUMNS", "31")
    done = call_ubcf("sql", WIDE, cwd=sample.folder)
    assert (done.stdout, done.stderr) == (CUT, NOTE)
    wide = call_ubcf("sql", WIDE, "--wide", cwd=sample.folder)
    assert (wide.stdout, wide.stderr) == (WHOLE, "")
    for nonsense in ("", "0", "-5", "wide", "9" * 5000):
        monkeypatch.setenv("COLUMNS", nonsense)
        done = call_ubcf("sql", WIDE, cwd=sample.folder)
        assert (done.stdout, done.stderr) == (WHOLE, "")


@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "markdown"])
def test_the_other_formats_are_never_cut(
    sample: Built, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = call_ubcf("sql", WIDE, "--format", form, cwd=sample.folder)
    monkeypatch.setenv("COLUMNS", "20")
    cut = call_ubcf("sql", WIDE, "--format", form, cwd=sample.folder)
    assert (cut.stdout, cut.stderr) == (whole.stdout, "")
    assert "long " * 9 in whole.stdout


def test_experiments_fit_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plays = [log_line(n, n % 2, n / 8, experiments={"E": "C" if n % 2 else "T"}) for n in range(8)]
    build_in(tmp_path, write_log(tmp_path / "logs" / "data.json", plays))
    monkeypatch.setenv("COLUMNS", "70")
    done = call_ubcf("experiment", "--metric", "sessions", cwd=tmp_path)
    assert max(map(len, done.stdout.splitlines())) <= 70
    assert "ubcf: note: to fit a width of 70, " in done.stderr
