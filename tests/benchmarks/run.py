"""Compare `ubcf build` with the notebook it replaces and with the bare minimum. One command:

    python tests/benchmarks/run.py LOGS_DIR

It needs `pip install -e '.[benchmark]'` (pandas and scikit-learn) for the notebook, and prints
a markdown table. LOGS_DIR is any log folder of the service's layout; without it, the sample in
`data/` is used. The notebook takes minutes and about 10 GB on the logs of a whole experiment
(9,000 users and 35,000 tracks): `--peers bare` leaves it out.

How it is measured: every run is a whole process, from the start of the interpreter to the files
written, always into an empty folder. The fast ones are run once to warm up, then in turn (ubcf,
bare, ubcf, bare, ...), so that a slow minute of the machine meets both; the notebook comes last.
Wall time is that around the process, memory the peak resident size that the kernel reports for
it. Ratios are of the medians. Lists are equal when the scores along them are the same for every
user (check_lists.py): among equal scores the notebook's order is arbitrary.
"""

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]  # `python -m ubcf` runs here, so the tree of this file is measured
SUBJECT = "ubcf"
PEERS = ("notebook", "bare")
SLOW = "notebook"
MODULES = {  # what each needs, and the name to install it by
    "notebook": {"pandas": "pandas", "sklearn": "scikit-learn"},
    "bare": {"duckdb": "duckdb", "numpy": "numpy", "scipy": "scipy"},
}
# ru_maxrss is in kibibytes, but on macOS in bytes.
MAXRSS_PER_MIB = 2**20 if sys.platform == "darwin" else 2**10


class Run(NamedTuple):
    """One measured process: wall time in seconds, peak resident size in MiB, its exit code."""

    seconds: float
    peak_mib: float
    exit_code: int


def say(words: str) -> None:
    """Write one line of narration to stderr."""
    print(words, file=sys.stderr, flush=True)


def command(who: str, logs_dir: Path, folder: Path) -> list[str]:
    """Return the command line by which `who` turns the logs into `folder`/lists.json."""
    logs, lists = str(logs_dir), str(folder / "lists.json")
    if who == SUBJECT:
        database = str(folder / "ubcf.duckdb")
        return [sys.executable, "-m", "ubcf", "build", logs, "-q", "-d", database, "-o", lists]
    return [sys.executable, str(HERE / f"{who}.py"), logs, lists]


def measure(arguments: list[str], log: Path) -> Run:
    """Run one process to its end, its words going to `log`.

    On Linux a child's peak is at least its parent's size when it was started, so this program
    imports nothing large and leaves the checking to a process of its own.
    """
    with log.open("wb") as words:
        start = time.perf_counter()
        process = subprocess.Popen(arguments, cwd=ROOT, stdout=words, stderr=words)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    return Run(seconds, usage.ru_maxrss / MAXRSS_PER_MIB, process.returncode)


def run_once(who: str, logs_dir: Path, output_dir: Path) -> Run:
    """Run `who` into an empty folder of its own; show its last words if it fails."""
    folder = output_dir / who
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    log = folder / "words.txt"
    run = measure(command(who, logs_dir, folder), log)
    if run.exit_code != 0:
        last_words = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
        say(f"{who}: failed with exit code {run.exit_code}\n{last_words}")
    else:
        say(f"{who}: {run.seconds:.2f} s, {run.peak_mib:.0f} MiB")
    return run


def missing_modules(who: str) -> list[str]:
    """Return the names by which to install what `who` needs and this Python lacks."""
    needed = MODULES.get(who, {})
    return [name for module, name in needed.items() if not importlib.util.find_spec(module)]


def measure_all(
    who: list[str], rounds: int, slow_rounds: int, once: Callable[[str], Run]
) -> dict[str, list[Run]]:
    """Measure everyone in turn; one that fails is not run again and is left out."""
    runs: dict[str, list[Run]] = {name: [] for name in who}

    def one(name: str, keep: bool) -> None:
        if name in runs:
            run = once(name)
            if run.exit_code != 0:
                del runs[name]
            elif keep:
                runs[name].append(run)

    fast = [name for name in who if name != SLOW]
    for turn in range(1 + rounds):
        for name in fast:
            one(name, keep=turn > 0)
    for _ in range(slow_rounds):
        one(SLOW, keep=True)
    return runs


def compare_lists(logs_dir: Path, output_dir: Path, peer: str) -> str:
    """Say in a table cell whether the peer's lists have the score sequences of ubcf's."""
    paths = [str(output_dir / who / "lists.json") for who in (SUBJECT, peer)]
    arguments = [sys.executable, str(HERE / "check_lists.py"), str(logs_dir), *paths]
    result = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=False)
    say(f"{SUBJECT} and {peer}: {result.stdout.strip()}")
    return "yes" if result.returncode == 0 else "no: " + "; ".join(result.stdout.splitlines()[1:])


def table(runs: dict[str, list[Run]], equal: dict[str, str]) -> str:
    """Return the markdown table: one row for each of `runs`, ratios to the row of ubcf."""
    seconds = {who: median(run.seconds for run in of) for who, of in runs.items()}
    peaks = {who: median(run.peak_mib for run in of) for who, of in runs.items()}

    def ratio(figures: dict[str, float], who: str) -> str:
        return f"{figures[who] / figures[SUBJECT]:.2f}" if SUBJECT in figures else "-"

    lines = [
        f"| who | runs | wall, s | peak, MiB | wall / {SUBJECT} | peak / {SUBJECT} | lists equal |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for who, of in runs.items():
        cells = [who, str(len(of)), f"{seconds[who]:.2f}", f"{peaks[who]:.0f}"]
        cells += [ratio(seconds, who), ratio(peaks, who), equal.get(who, "-")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def positive(text: str) -> int:
    """Read a count of at least one from the command line."""
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return count


def read_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("logs_dir", type=Path, nargs="?", default=ROOT / "data", metavar="LOGS_DIR")
    parser.add_argument("--runs", type=positive, default=3, help="of ubcf and bare (3)")
    parser.add_argument("--notebook-runs", type=positive, default=1, help="of the notebook (1)")
    parser.add_argument("--peers", default=",".join(PEERS), help="which to compare with (all)")
    parser.add_argument("--output-dir", type=Path, help="keep the files here (else: removed)")
    arguments = parser.parse_args()
    arguments.peers = [peer for peer in arguments.peers.split(",") if peer]
    for peer in arguments.peers:
        if peer not in PEERS:
            parser.error(f"no peer is called {peer!r}: there are {', '.join(PEERS)}")
    if not any(arguments.logs_dir.rglob("data.json*")):
        parser.error(f"no data.json* below {arguments.logs_dir}")
    return arguments


def main() -> int:
    """Measure, check and print the table; return 1 if anyone failed or lists of bare differ."""
    arguments = read_arguments()
    who = [SUBJECT]
    for peer in arguments.peers:
        if missing := missing_modules(peer):
            say(f"{peer}: skipped, missing {', '.join(missing)}: pip install 'ubcf[benchmark]'")
        else:
            who.append(peer)

    with tempfile.TemporaryDirectory() as temporary:
        output_dir = (arguments.output_dir or Path(temporary)).resolve()
        logs_dir = arguments.logs_dir.resolve()
        slow_rounds = arguments.notebook_runs if SLOW in who else 0
        runs = measure_all(
            who, arguments.runs, slow_rounds, lambda name: run_once(name, logs_dir, output_dir)
        )
        peers = [name for name in runs if name != SUBJECT and SUBJECT in runs]
        equal = {peer: compare_lists(logs_dir, output_dir, peer) for peer in peers}
    print(table(runs, equal))
    return 0 if len(runs) == len(who) and equal.get("bare", "yes") == "yes" else 1


if __name__ == "__main__":
    sys.exit(main())
