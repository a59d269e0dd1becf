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
@pytest.mark.parametrize("arguments", [["build", "logs"], ["sql", "from users"], ["query"]])
def test_too_small_an_address_space_is_refused_in_one_line(
    folder: Path, arguments: list[str]
) -> None:
    done = within(511, folder, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "ubcf: error: the address space is limited to 511 MiB (ulimit -v); ubcf needs at least "
        "512 MiB\n"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")
@pytest.mark.parametrize("mebibytes", [512, 700, 1000])
def test_a_small_log_can_be_built_in_a_small_address_space(
    folder: Path, tmp_path: Path, mebibytes: int
) -> None:
    database = tmp_path / "a.duckdb"
    done = within(
        mebibytes, folder, "build", "logs", "-q", "-d", database, "-o", tmp_path / "a.json"
    )
    assert (done.returncode, done.stderr) == (0, "")
    done = within(mebibytes, folder, "sql", "-d", database, "select 1 as x", "--format", "csv")
    assert (done.returncode, done.stdout, done.stderr) == (0, "x\n1\n", "")


def within(
    mebibytes: int, folder: Path, *arguments: str | Path
) -> subprocess.CompletedProcess[str]:
    """Runs the command line with a limit of its address space."""
    return subprocess.run(
        ["prlimit", f"--as={mebibytes << 20}", sys.executable, "-m", "ubcf", *map(str, arguments)],
        cwd=folder,
        env=environment_of_ubcf(),
        capture_output=True,
        text=True,
        check=False,
    )
