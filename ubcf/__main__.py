"""The command line: `ubcf`, or `python -m ubcf`."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from ubcf.errors import ENDING_SIGNALS

FAILED = 1
WRONG_USAGE = 2

# Added to the number of the signal that ended a command: 130 after Ctrl-C.
SIGNALED = 128


class Interrupted(KeyboardInterrupt):
    """A signal. After a plain KeyboardInterrupt Python may end by it, not with our exit code."""


def main() -> None:
    """Runs the command line. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.

    After a signal other than that of Ctrl-C, 128 and its number.
    """
    # OpenBLAS would start threads that spin for a while, although there are no dense matrices here:
    # noticeable on two processors.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    received: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> NoReturn:
        received.append(number)
        raise Interrupted

    # A signal that is ignored (SIGHUP under nohup) stays ignored.
    for number in ENDING_SIGNALS:
        if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
            signal.signal(number, interrupt)
    try:
        # Imported here, so that Ctrl-C during the import is handled too.
        from ubcf.commands import ubcf

        code = ubcf(prog_name="ubcf", standalone_mode=False)
    except BaseException as error:
        # DuckDB turns an interruption into other errors: any error after one is caused by it.
        code = SIGNALED + received[0] if received else _exit_code(error)
    # The work is done: a signal while Python ends would only print a traceback.
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    _leave(code or 0)


def _leave(code: int) -> NoReturn:
    """Ends the process, after databases are closed and files written.

    Python's own shutdown tears down all modules, which takes a twentieth of a small build.
    """
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except (OSError, ValueError):
        sys.exit(code)  # Python reports that a stream is closed, or its disk full
    os._exit(code)


def _exit_code(error: BaseException) -> int:
    """Prints an error and returns the exit code. Raises an error that is a bug of ubcf."""
    import click

    from ubcf.errors import OptionError, UbcfError

    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if not isinstance(error, UbcfError | OSError):
        raise error
    print(f"ubcf: error: {error}", file=sys.stderr)
    return WRONG_USAGE if isinstance(error, OptionError) else FAILED


if __name__ == "__main__":
    main()
