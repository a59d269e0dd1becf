"""The command line, in a process of its own or, which is faster, in this one."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pytest

from tests.support.paths import PROJECT
from ubcf.__main__ import _exit_code
from ubcf.commands import ubcf

Done = subprocess.CompletedProcess[str]
Argument = str | int | Path


def commands(parent: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """Every command below a group, with its full name."""
    for name in parent.list_commands(context):
        command = parent.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            for inner, deeper in commands(command, click.Context(command, context, name)):
                yield f"{name} {inner}", deeper
        else:
            yield name, command


COMMANDS = list(commands(ubcf, click.Context(ubcf, info_name="ubcf")))


def run_ubcf(
    *arguments: Argument, cwd: Path, environment: Mapping[str, str] | None = None, **options: Any
) -> Done:
    """Runs the real command line in a folder and returns what it printed and its exit code."""
    return subprocess.run(
        [sys.executable, "-m", "ubcf", *map(str, arguments)],
        cwd=cwd,
        env=environment_of_ubcf(environment),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        **options,
    )


def environment_of_ubcf(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment in which a new Python finds the ubcf of this project."""
    return {**os.environ, "PYTHONPATH": str(PROJECT), **(more or {})}


def call_ubcf(*arguments: Argument, cwd: Path, input: str = "") -> Done:
    """Calls the command line within this process; the same arguments and results as run_ubcf.

    This is enough for promises about what a command prints and leaves. Promises about its process
    (signals, pipes, imports, the environment) need run_ubcf.
    """
    texts = [str(argument) for argument in arguments]
    with contextlib.chdir(cwd), standard_streams(input) as (stdout, stderr):
        try:
            code = ubcf(texts, prog_name="ubcf", standalone_mode=False)
        except Exception as error:
            code = _exit_code(error)
    return subprocess.CompletedProcess(["ubcf", *texts], code or 0, stdout.text(), stderr.text())


class Pipe(io.TextIOWrapper):
    """A text stream in memory, with bytes below it, as a process has them."""

    def __init__(self, text: str = "") -> None:
        super().__init__(io.BytesIO(text.encode()), encoding="utf-8", newline="\n")

    def text(self) -> str:
        """All that was written."""
        self.flush()
        written = self.buffer
        assert isinstance(written, io.BytesIO)
        return written.getvalue().decode()


@contextlib.contextmanager
def standard_streams(text: str) -> Iterator[tuple[Pipe, Pipe]]:
    """Replaces stdin by a text; yields what replaces stdout and stderr."""
    stdout, stderr = Pipe(), Pipe()
    with pytest.MonkeyPatch.context() as patch:
        for name, stream in (("stdin", Pipe(text)), ("stdout", stdout), ("stderr", stderr)):
            patch.setattr(sys, name, stream)
        yield stdout, stderr
