"""Count the instructions of commands, and compare them with those of another version. By hand:

    python tests/benchmarks/instructions.py --against OTHER/bin/python [--limit 1.03]

It needs valgrind (Debian: valgrind). Seconds depend on what else a machine does, which hides a slip
of a few percent; instructions do not: two counts of one version differ by a thousandth or two,
since DuckDB's threads wait for each other. OTHER is an environment in which the version to compare
with is installed (`pip install .` in its checkout, not -e), with the same Python and the same
libraries; this version has to be installed in the environment of the Python that runs this, in the
same way. An editable installation looks for its files at every import, which would be counted.

It prints a markdown table, command x version, in millions, and returns 1 if a command takes more
than --limit times the instructions of the other version. Waiting, and what the disk and the memory
take, are not counted: suite.py measures those.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "data"
BUILD = ["-m", "ubcf", "build", str(SAMPLE), "-q", "--threads", "1"]
# What is counted: the arguments of the interpreter, in an empty folder.
COMMANDS = {
    "import ubcf": ["-c", "import ubcf"],
    "ubcf --help": ["-m", "ubcf", "--help"],
    "ubcf build data": BUILD,
    "ubcf build data --preset listening": [*BUILD, "--preset", "listening"],
}
LIMIT = 1.03


def instructions(python: str, arguments: list[str]) -> int:
    """Return the instructions that one run takes; it runs once before, so that all is compiled.

    Raises SystemExit, with the last line that it printed, if it fails.
    """
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    # Compiled files are part of an installation that people use.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    for command in ([python, *arguments], [*valgrind, python, *arguments]):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
        if done.returncode:
            sys.exit(f"{' '.join(command)}: {done.stderr.strip().splitlines()[-1]}")
    return collected(done.stderr)


def collected(words: str) -> int:
    """Return the number of instructions in what callgrind prints. Raises ValueError without one."""
    found = re.search(r"Collected : (\d+)", words)
    if found is None:
        raise ValueError(f"callgrind counted nothing: {words!r}")
    return int(found[1])


def table_row(name: str, ours: int, theirs: int | None) -> str:
    """Return a row of the table, in millions."""
    cells = [name, f"{ours / 1e6:,.0f}"]
    if theirs is not None:
        cells += [f"{theirs / 1e6:,.0f}", f"{ours / theirs:.3f}"]
    return "| " + " | ".join(cells) + " |"


def read_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", metavar="PYTHON", help="of the other version (none)")
    parser.add_argument("--limit", type=float, default=LIMIT, help=f"greatest ratio ({LIMIT})")
    parser.add_argument(
        "--commands",
        default=",".join(COMMANDS),
        help=f"which of: {', '.join(COMMANDS)} (all)",
    )
    arguments = parser.parse_args()
    arguments.commands = arguments.commands.split(",")
    for name in arguments.commands:
        if name not in COMMANDS:
            parser.error(f"no command is called {name!r}: there are {', '.join(COMMANDS)}")
    if shutil.which("valgrind") is None:
        parser.error("valgrind is not installed")
    return arguments


def main() -> int:
    """Count, print the table, and return 1 if a command is over the limit."""
    arguments = read_arguments()
    other = arguments.against
    print("| command | millions |" + (" other | ratio |" if other else ""))
    print("|---|--:|" + ("--:|--:|" if other else ""))
    within = True
    for name in arguments.commands:
        ours = instructions(sys.executable, COMMANDS[name])
        theirs = instructions(other, COMMANDS[name]) if other else None
        print(table_row(name, ours, theirs), flush=True)
        within = within and (theirs is None or ours <= arguments.limit * theirs)
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
