"""The command runs until it is told to end, and says in one line why it does not begin."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builds import Built
from tests.support.commands import call_ubcf, environment_of_ubcf

TOKEN = "a-token-of-the-tests-31"


@contextlib.contextmanager
def started(
    *arguments: str, cwd: Path, environment: dict[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process of `ubcf browse`, and the address that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ubcf", "browse", "--port", "0", *arguments],
        cwd=cwd,
        env=environment_of_ubcf(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(number: signal.Signals, sample: Built) -> None:
    """Also while a page is asked for, and a connection is open."""
    environment = {"DISPLAY": "", "WAYLAND_DISPLAY": ""}
    with started(cwd=sample.folder, environment=environment) as (process, address):
        with urllib.request.urlopen(f"{address}users/7", timeout=60) as answer:
            assert answer.status == 200
        port = int(address.rstrip("/").rpartition(":")[2])
        with contextlib.closing(socket.create_connection(("127.0.0.1", port))):
            asking = threading.Thread(target=ask, args=(f"{address}users/7/tracks/526",))
            asking.start()
            began = time.monotonic()
            process.send_signal(number)
            stdout, stderr = process.communicate(timeout=60)
            asking.join(60)
        assert time.monotonic() - began < 20
        assert (process.returncode, stdout) == (0, "")
        assert stderr == "ubcf: shows ubcf.duckdb; Ctrl-C ends\n"


def ask(address: str) -> None:
    """Asks for a page of a server that may end meanwhile."""
    with contextlib.suppress(OSError):
        urllib.request.urlopen(address, timeout=60).read()


def test_a_taken_port_is_one_line(sample: Built) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        done = call_ubcf("browse", "--no-open", "--port", port, cwd=sample.folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"ubcf: error: port {port} of 127.0.0.1 is taken, maybe by another ubcf browse; --port 0 "
        "takes one that is free\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["--host", "0.0.0.0"], 2, "give a --token too"),
        (["--host", "0.0.0.0", "--token", "short"], 2, "could be guessed"),
        (["--host", "no.such.host.invalid", "--token", TOKEN], 2, "--host no.such.host.invalid"),
        (["-d", "missing.duckdb"], 1, "missing.duckdb: no such database"),
        (["--against", "missing.duckdb"], 1, "missing.duckdb: no such database"),
        (["-d", "recommendations_ub.json"], 1, "not a valid DuckDB database"),
    ],
)
def test_what_keeps_it_from_beginning_is_one_line(
    arguments: list[str], code: int, reason: str, sample: Built
) -> None:
    done = call_ubcf("browse", "--no-open", "--port", "0", *arguments, cwd=sample.folder)
    assert (done.returncode, done.stdout) == (code, "")
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("module", ["starlette", "uvicorn", "matplotlib"])
def test_a_missing_extra_is_one_line_that_says_what_to_install(
    module: str, sample: Built, tmp_path: Path
) -> None:
    (tmp_path / f"{module}.py").write_text("raise ImportError('not installed')\n")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            (
                f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
                "from ubcf.__main__ import main; main()"
            ),
            *("browse", "--no-open", "--port", "0"),
        ],
        cwd=sample.folder,
        env=environment_of_ubcf(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert module in done.stderr
    assert "pip install 'ubcf[browse]'" in done.stderr
