"""Logs from standard input: read once, whole, and as the same bytes in a file."""

from __future__ import annotations

import gzip
import io
import os
import shlex
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

import ubcf
from tests.support.builds import build_in, rows_of
from tests.support.commands import (
    call_ubcf,
    environment_of_ubcf,
    run_ubcf,
    standard_streams,
)
from tests.support.compressed import zstandard
from tests.support.logs import log_line, write_log
from ubcf.building.inputs.standard_input import StandardInput
from ubcf.progress import ignore_steps

LINES = [log_line(user, track, (user * track % 7) / 7) for user in range(8) for track in range(6)]
TEXT = "".join(f"{line}\n" for line in LINES)
CSV = "user,track\n" + "".join(f"{user},{track}\n" for user in range(8) for track in range(6))
RESULTS = {"ubcf.duckdb", "recommendations_ub.json"}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The JSON of LINES, built from a file."""
    folder = tmp_path_factory.mktemp("expected")
    return build_in(folder, write_log(folder / "data.json", LINES)).output.read_bytes()


def in_parquet(folder: Path) -> bytes:
    """The lines as Parquet."""
    log = write_log(folder / "lines.json", LINES)
    with duckdb.connect() as connection:
        connection.execute(f"copy (from read_json('{log}')) to '{folder}/lines.parquet'")
    return (folder / "lines.parquet").read_bytes()


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("lines", ""),
        ("gzip", ""),
        ("zstandard", ""),
        ("array in gzip", ""),
        ("parquet", ""),
        ("parquet in gzip", "--input-format parquet"),
    ],
)
def test_stdin_is_read_as_a_file_with_the_same_bytes(
    tmp_path: Path, expected: bytes, form: str, options: str
) -> None:
    array = f"[{', '.join(LINES)}]".encode()
    forms: dict[str, Callable[[], bytes]] = {
        "lines": TEXT.encode,
        "gzip": lambda: gzip.compress(TEXT.encode()),
        "zstandard": lambda: zstandard(TEXT.encode()),
        "array in gzip": lambda: gzip.compress(array),
        "parquet": lambda: in_parquet(tmp_path),
        "parquet in gzip": lambda: gzip.compress(in_parquet(tmp_path)),
    }
    (tmp_path / "piped").write_bytes(forms[form]())
    with (tmp_path / "piped").open("rb") as piped:
        done = run_ubcf("build", "-", *options.split(), cwd=tmp_path, stdin=piped)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "recommendations_ub.json").read_bytes() == expected
    database = tmp_path / "ubcf.duckdb"
    assert rows_of(database, "select file, bytes, accepted from build_inputs") == [
        ("stdin", (tmp_path / "piped").stat().st_size, len(LINES))
    ]
    assert rows_of(database, "select distinct file from events") == [("stdin",)]
    assert (
        RESULTS
        <= {path.name for path in tmp_path.iterdir()}
        <= {
            *RESULTS,
            "piped",
            "lines.json",
            "lines.parquet",
        }
    )


def test_a_given_format_says_what_stdin_is(tmp_path: Path) -> None:
    done = call_ubcf("build", "-", "--input-format", "csv", cwd=tmp_path, input=CSV + "7\n")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "stdin, line 50: not CSV: 1 cells instead of 2" in done.stderr
    done = call_ubcf("build", "-", "--input-format", "csv", cwd=tmp_path, input=CSV)
    assert done.returncode == 0
    assert 'CSV with , and ", header' in done.stdout


def test_stdin_and_files_are_one_log(tmp_path: Path, expected: bytes) -> None:
    """Also a file that is called stdin, which keeps its name."""
    write_log(tmp_path / "stdin", [*LINES[30:], "nonsense"])
    text = "".join(f"{line}\n" for line in ["[]", *LINES[:30]])
    done = call_ubcf("build", "stdin", "-", "--max-rejected", "0.1", cwd=tmp_path, input=text)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "recommendations_ub.json").read_bytes() == expected
    rows = "select file, accepted, rejected, line from build_inputs join rejected_lines using"
    assert rows_of(tmp_path / "ubcf.duckdb", f"{rows} (file) order by file") == [
        ("stdin", 18, 1, "nonsense"),
        ("stdin#2", 30, 1, "[]"),
    ]


def test_with_retries_what_was_read_of_stdin_is_read_again(tmp_path: Path, expected: bytes) -> None:
    """Another log is rotated while the first two of three builds read it."""
    log = tmp_path / "logs" / "data.json"
    versions = iter([LINES[:10], LINES[20:40], LINES[20:]])
    write_log(log, next(versions))

    @contextmanager
    def progress(name: str, _length: int | None) -> Iterator[Callable[[int], None]]:
        if name == "read logs" and (version := next(versions, None)):
            write_log(tmp_path / "new", version).replace(log)
        yield ignore_steps

    database, output = tmp_path / "ubcf.duckdb", tmp_path / "recommendations_ub.json"
    with standard_streams("".join(f"{line}\n" for line in LINES[:20])):
        summary = ubcf.build(
            ["-", log], retries=2, progress=progress, database=database, output=output
        )
    assert [(file.file, file.accepted) for file in summary.inputs] == [
        (log.as_posix(), 28),
        ("stdin", 20),
    ]
    assert output.read_bytes() == expected
    assert {path.name for path in tmp_path.iterdir()} == {"logs", *RESULTS}


def test_an_evaluation_of_stdin_has_the_figures_of_the_same_file(tmp_path: Path) -> None:
    log = write_log(tmp_path / "data.json", LINES)
    expected = ubcf.evaluate(log, test=log, database=tmp_path / "file.duckdb").metrics
    for logs, test in (("-", log), (log, "-")):
        with standard_streams(TEXT):
            found = ubcf.evaluate(logs, test=test, database=tmp_path / "stdin.duckdb")
        assert found.metrics == expected


@pytest.mark.parametrize(
    ("command", "text", "words", "code"),
    [
        ("build - -", TEXT, "- is given 2 times; stdin can be read only once", 2),
        ("evaluate - --test -", TEXT, "- is given 2 times; stdin can be read only once", 2),
        ("build -", "", "stdin: empty, no event in it", 1),
        ("build -", "\n \n", "no event in 0 lines of the logs", 1),
        ("build - --input-format parquet", TEXT, "stdin: cannot be read as Parquet", 1),
        ("build - --input-format array", TEXT, "stdin: not a JSON array", 1),
        ("build -", "PAR1, but no Parquet", "stdin: cannot be read as Parquet", 1),
    ],
)
def test_what_cannot_be_read_of_stdin_is_said_in_one_line(
    tmp_path: Path, command: str, text: str, words: str, code: int
) -> None:
    done = call_ubcf(*shlex.split(command), cwd=tmp_path, input=text)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert done.stderr.startswith("ubcf: error: ") and words in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="terminals are POSIX's")
def test_a_terminal_is_no_log(tmp_path: Path) -> None:
    controller, terminal = os.openpty()
    with os.fdopen(controller), os.fdopen(terminal) as stdin:
        done = run_ubcf("build", "-", cwd=tmp_path, stdin=stdin)
    assert done.returncode == 1
    assert done.stderr == (
        "ubcf: error: stdin: is a terminal; pipe the logs into the command, or name a file\n"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_build_that_is_killed_while_it_reads_stdin_leaves_no_copy(
    tmp_path: Path, expected: bytes, number: signal.Signals
) -> None:
    build: subprocess.Popen[bytes] = subprocess.Popen(
        [sys.executable, "-m", "ubcf", "build", "-"],
        cwd=tmp_path,
        env=environment_of_ubcf(),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert build.stdin is not None
    build.stdin.write(TEXT.encode() * 1000)
    build.stdin.flush()
    copy = tmp_path / ".ubcf.duckdb.temporary" / "stdin"
    while not (copy.exists() and copy.stat().st_size > 1_000_000):
        assert build.poll() is None
    build.send_signal(number)
    _, errors = build.communicate()
    assert (build.returncode != 0, errors.strip()) == (True, b"")
    if number != signal.SIGKILL:
        assert list(tmp_path.iterdir()) == []
    # After a kill, the next build removes it.
    with standard_streams(TEXT):
        built = build_in(tmp_path, Path("-"))
    assert {path.name for path in tmp_path.iterdir()} == RESULTS
    assert built.output.read_bytes() == expected


def test_stdin_is_not_held_in_memory(tmp_path: Path) -> None:
    """A part at a time is copied."""
    source = tmp_path / "source"
    with source.open("wb") as file:
        file.truncate(50_000_000)
    with source.open("rb") as stream, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(stream))
        tracemalloc.start()
        try:
            with StandardInput(again=True) as stdin:
                log = stdin.copied(tmp_path, [])
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert log.path.stat().st_size == log.bytes == 50_000_000
    assert peak < 5_000_000
