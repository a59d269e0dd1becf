"""Whatever the streams and the arguments are, a command ends with data, or with one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.builds import build_folder
from tests.support.commands import environment_of_ubcf, run_ubcf
from tests.support.logs import write_log

PLAYS = [(1, 20, 0.2), (1, 40, 0.4), (2, 20, 0.8), (2, 30, 0.0), (3, 30, 0.4), (3, 40, 0.8)]
NOT_UTF8 = b"\xff"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with logs and a database, which no test changes."""
    folder = tmp_path_factory.mktemp("streams")
    write_log(folder / "logs" / "data.json", PLAYS)
    build_folder(folder)
    (folder / "bad.sql").write_bytes(b"select '\xff'")
    return folder


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
def test_data_is_utf8_whatever_the_locale(folder: Path, encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ubcf", "sql", "select 'Ж ü 🎵' as x", "--format", "csv"],
        cwd=folder,
        env=environment_of_ubcf({"PYTHONIOENCODING": encoding}),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, "x\nЖ ü 🎵\n", b"")


@pytest.mark.parametrize(
    "arguments",
    [
        [b"explain", NOT_UTF8, b"20"],
        [b"inspect", b"user", NOT_UTF8],
        [b"sql", b"select '" + NOT_UTF8 + b"'"],
        [b"sql", b"--file", b"bad.sql"],
        [b"sql", b"select 1", b"-d", NOT_UTF8],
        [b"query", b"top_tracks", b"-p", b"k=" + NOT_UTF8],
        [b"query", NOT_UTF8],
        [b"experiment", NOT_UTF8],
        [b"recommend", b"--history", NOT_UTF8],
        [b"build", NOT_UTF8],
        [b"inspect", b"user", b"\x1b[31m"],
    ],
    ids=lambda arguments: " ".join(each.decode("ascii", "replace") for each in arguments),
)
def test_bytes_that_are_not_utf8_end_in_one_plain_line(
    folder: Path, arguments: list[bytes]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ubcf", *arguments],
        cwd=folder,
        env=environment_of_ubcf(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"ubcf: error: ")
    assert done.stderr.count(b"\n") == 1
    assert b"\x1b" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "content"),
    [
        (["sql", "-"], b"select '\xff'"),
        (["recommend", "--history", "-"], b'{"\\ud800": 1}'),
        (["recommend", "--history", "-"], b'{"\xff": 1}'),
        (["predict", "-"], b"user,track\n\xff,1\n"),
    ],
)
def test_stdin_that_is_no_text_ends_in_one_line(
    folder: Path, arguments: list[str], content: bytes
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ubcf", *arguments],
        cwd=folder,
        env=environment_of_ubcf(),
        input=content,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"ubcf: error: ")
    assert done.stderr.count(b"\n") == 1


def test_control_characters_do_not_reach_a_terminal(folder: Path) -> None:
    query = "select 1 as \"a\x1b[31mb\", 'c\x1b[0m' as d"
    done = run_ubcf("sql", query, cwd=folder)
    assert done.stdout.splitlines()[0] == "a\\x1b[31mb  d"
    assert "\x1b" not in done.stdout
    assert "\x1b" in run_ubcf("sql", query, "--format", "csv", cwd=folder).stdout
    wrong = run_ubcf("--\x1b[31m", cwd=folder)
    assert (wrong.returncode, "\x1b" in wrong.stderr) == (2, False)


@pytest.mark.skipif(sys.platform == "win32", reason="no shell that closes streams")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_not_change_how_a_build_ends(
    folder: Path, tmp_path: Path, closed: str
) -> None:
    command = f"exec {sys.executable} -m ubcf build {folder / 'logs'} {closed}"
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env=environment_of_ubcf(), check=False
    )
    assert done.returncode == 0
    assert run_ubcf("sql", "from users", "--format", "csv", cwd=tmp_path).returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")
@pytest.mark.parametrize("mebibytes", [300, 1000])
@pytest.mark.parametrize("arguments", [["build", "logs"], ["sql", "from users"]])
def test_too_small_an_address_space_ends_in_one_line(
    folder: Path, tmp_path: Path, arguments: list[str], mebibytes: int
) -> None:
    targets = ["-d", tmp_path / "a.duckdb", "-o", tmp_path / "a.json"]
    given = [*arguments, *(targets if arguments[0] == "build" else [])]
    done = subprocess.run(
        ["prlimit", f"--as={mebibytes << 20}", sys.executable, "-m", "ubcf", *map(str, given)],
        cwd=folder,
        env=environment_of_ubcf(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    if done.returncode:
        assert done.stdout == ""
        assert done.stderr.startswith("ubcf: error: ")
        assert done.stderr.count("\n") == 1
