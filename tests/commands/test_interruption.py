"""Ctrl-C, also a second time, ends a command quietly and with one exit code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import environment_of_ubcf

if sys.platform == "win32":
    pytest.skip("forks are POSIX's", allow_module_level=True)

# Forks a command that gets a first Ctrl-C at its work and a second one just before the call number
# `moment` of C that follows. Prints the exit code and what went to stderr, until a command ended
# before its moment came.
INTERRUPT_TWICE = """
import os, signal, sys, tempfile
import ubcf.commands, ubcf.database.reading
from ubcf.__main__ import main

calls = 0

def interrupt_again(frame, event, called):
    global calls
    if event == "c_call":
        calls += 1
        if calls == moment:
            signal.raise_signal(signal.SIGINT)

def interrupt_once(*arguments, **options):
    sys.setprofile(interrupt_again)
    signal.raise_signal(signal.SIGINT)

def leave(code):
    sys.setprofile(None)
    os.write(100, b"undisturbed" if calls < moment else b"disturbed")
    exit_now(code)

exit_now, os._exit = os._exit, leave
ubcf.database.reading.connect_locked = interrupt_once
sys.argv = ["ubcf", "sql", "select 1"]
for moment in range(1, 1_000):
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as end:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.dup2(said.fileno(), 2)
            os.dup2(end.fileno(), 100)
            main()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        for file in (said, end):
            file.seek(0)
        print(code, end.read().decode(), said.read().decode().strip().replace("\\n", " | "))
        end.seek(0)
        if end.read() != b"disturbed":
            break
"""


def test_a_second_ctrl_c_at_any_call_until_the_end_of_a_command_changes_nothing(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPT_TWICE],
        cwd=tmp_path,
        env=environment_of_ubcf(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    *disturbed, undisturbed = done.stdout.splitlines()
    assert undisturbed.strip() == "130 undisturbed"
    assert len(disturbed) > 20
    assert {line.strip() for line in disturbed} == {"130 disturbed"}
