"""The command line: `ubcf`, or `python -m ubcf`."""

from __future__ import annotations

import sys

from ubcf.commands import ubcf
from ubcf.errors import UbcfError

FAILED = 1
INTERRUPTED = 130


def main() -> None:
    """Runs the command line. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    try:
        ubcf(prog_name="ubcf", standalone_mode=True)
    except UbcfError as error:
        print(f"ubcf: error: {error}", file=sys.stderr)
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
