"""The command line: `ubcf`, or `python -m ubcf`."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import signal
import sys
from types import FrameType, TracebackType
from typing import NoReturn

from ubcf.errors import ENDING_SIGNALS, UbcfError

FAILED = 1
WRONG_USAGE = 2
# 3: `ubcf check` found something; see UNHEALTHY in ubcf/commands/check.py.
TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h

# Added to the number of the signal that ended a command: 130 after Ctrl-C.
SIGNALED = 128


# With less address space, libraries abort where they should fail.
LEAST_ADDRESS_SPACE = 512 * 2**20

# The option of mallopt that bounds how many heaps glibc reserves, each 64 MiB for the threads.
M_ARENA_MAX = -8


# New objects, less those that ended, after which Python looks for garbage.
GARBAGE_THRESHOLD = 50_000


class Interrupted(KeyboardInterrupt):
    """A signal. After a plain KeyboardInterrupt Python may end by it, not with our exit code."""


def main() -> None:
    """Runs the command line. Exit codes: see ubcf/commands/README.md."""
    # OpenBLAS would start threads that spin for a while, although there are no dense matrices here:
    # noticeable on two processors.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Imports make many objects and no garbage: looking for it takes a tenth of their time.
    gc.set_threshold(GARBAGE_THRESHOLD)
    _prepare_streams()
    sys.excepthook = _end_quietly
    received: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> NoReturn:
        received.append(number)
        raise Interrupted

    # A signal that is ignored (SIGHUP under nohup) stays ignored.
    for number in ENDING_SIGNALS:
        if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
            signal.signal(number, interrupt)
    try:
        _fit_into_address_space()
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


def _fit_into_address_space() -> None:
    """Spares address space where it is limited (ulimit -v). Raises UbcfError if it is too small."""
    if sys.platform == "win32":
        return
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return
    if limit < LEAST_ADDRESS_SPACE:
        raise UbcfError(
            f"the address space is limited to {limit >> 20} MiB (ulimit -v); ubcf needs at least "
            f"{LEAST_ADDRESS_SPACE >> 20} MiB"
        )
    import ctypes

    with contextlib.suppress(AttributeError, OSError):  # other C libraries have no such option
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def _prepare_streams() -> None:
    """Makes stdout and stderr take every text, and stand for nothing where they are closed.

    Files and pipes get UTF-8, whatever the locale; what a terminal cannot show is escaped.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            # Taken, so that no database that is opened later gets the number of the stream.
            os.open(os.devnull, os.O_RDWR)
            mode = "r" if name == "stdin" else "w"
            stream = os.fdopen(number, mode, encoding="utf-8", closefd=False)
            setattr(sys, name, stream)
        if name != "stdin" and isinstance(stream, io.TextIOWrapper):
            encoding = None if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


def _end_quietly(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """Ends by a second Ctrl-C, which no handler was ready for, as the first one does."""
    if issubclass(kind, Interrupted):
        os._exit(SIGNALED + signal.SIGINT)
    sys.__excepthook__(kind, error, traceback)


def _leave(code: int) -> NoReturn:
    """Ends the process, after databases are closed and files written.

    Python's own shutdown tears down all modules, which takes a twentieth of a small build.
    """
    try:
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        code = code or FAILED
        if not isinstance(error, BrokenPipeError):
            _say(f"stdout: {getattr(error, 'strerror', None) or error}")
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)


def _exit_code(error: BaseException) -> int:
    """Prints an error and returns the exit code. Raises an error that is a bug of ubcf."""
    import click

    from ubcf.errors import OptionError, RotatedError, printable

    if isinstance(error, click.ClickException):
        error.message = printable(error.message)  # type: ignore[misc,unused-ignore]
        with contextlib.suppress(OSError):
            error.show()
        return error.exit_code
    reason = str(error) if isinstance(error, UbcfError | OSError) else _reason(error)
    if reason is None:
        raise error
    _say(printable(reason))
    if isinstance(error, RotatedError):
        return TRY_AGAIN
    return WRONG_USAGE if isinstance(error, OptionError) else FAILED


def _reason(error: BaseException) -> str | None:
    """What to say of an error that is not a bug of ubcf, but nowhere turned into one of its own."""
    message = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return f"not enough memory{message and ': ' + message}; try a smaller --memory-limit or -n"
    if isinstance(error, ImportError):
        return f"cannot be loaded: {message}"
    if isinstance(error, RuntimeError) and "start new thread" in message:
        return f"{message}: too little memory, or too many threads; try fewer --threads"
    duckdb = sys.modules.get("duckdb")  # not loaded for an error's sake
    if duckdb is not None and isinstance(error, getattr(duckdb, "Error", ())):
        from ubcf.database.session import in_words

        return in_words(error)
    return None


def _say(reason: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        print(f"ubcf: error: {reason}", file=sys.stderr)


if __name__ == "__main__":
    main()
