"""The command line: `ubcf`, or `python -m ubcf`."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

FAILED = 1
WRONG_USAGE = 2
TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h
INTERRUPTED = 130


class Interrupted(KeyboardInterrupt):
    """Ctrl-C; after a plain KeyboardInterrupt, Python may end by the signal, not our exit code."""


def main() -> None:
    """Runs the command line. Exit codes: see ubcf/commands/README.md."""
    # OpenBLAS would start threads that spin for a while, although there are no dense matrices here:
    # noticeable on two processors.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    interrupted = False

    def interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
        nonlocal interrupted
        interrupted = True
        raise Interrupted

    # Where Ctrl-C is ignored (under nohup), it stays ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    try:
        # Imported here, so that Ctrl-C during the import is handled too.
        from ubcf.commands import ubcf

        code = ubcf(prog_name="ubcf", standalone_mode=False)
    except BaseException as error:
        # DuckDB turns an interruption into other errors: any error after one is caused by it.
        code = INTERRUPTED if interrupted else _exit_code(error)
    # The work is done: Ctrl-C while Python ends would only print a traceback.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
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

    from ubcf.errors import OptionError, RotatedError, UbcfError

    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if not isinstance(error, UbcfError | OSError):
        raise error
    print(f"ubcf: error: {error}", file=sys.stderr)
    if isinstance(error, RotatedError):
        return TRY_AGAIN
    return WRONG_USAGE if isinstance(error, OptionError) else FAILED


if __name__ == "__main__":
    main()
