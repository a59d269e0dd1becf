"""Compare `ubcf build` with its peers, from JSON logs to the JSON file. One command:

    python tests/benchmarks/suite.py [--sets sparse,small,mid,large] [--peers bare,...] [--runs 3]

It prints a markdown table: set x peer, wall time, CPU time, peak memory, all also as ratios to
ubcf's, and whether the result is right. The peers are the scripts of peers/, each with its
docstring; `pip install -e '.[peers]'` installs what they need, and one that cannot be imported is
reported as such. A set is a name of SETS, made by `ubcf simulate`, or a folder of logs, such as
`data`.

How it is measured: every run is a whole process, from the start of the interpreter to the files
written, always into an empty folder. Before that, everyone is run once, unmeasured, on the sample
in data/, the kernels of ubcf are compiled, and the logs are read once. Then they are run in turn
(ubcf, bare, ..., ubcf, bare, ...), so that a slow minute of the machine affects all. Wall time is
that around the process; CPU time (user and system) and memory (the peak resident size) are what the
kernel reports for it (os.wait4).
Times and sizes are medians, ratios are medians of the ratios within a turn.

A run is ended, and its peer left out from then on, after --limit seconds, or when its resident
size, read from /proc ten times a second, is over --memory-limit: resident, not address space
(RLIMIT_AS), of which some libraries reserve much more than they use. Without /proc there is no
such limit.

Results:

    equal         the score sequences of the lists are the best possible, by check_lists.py,
                  which recomputes them for a sample of users (among equal scores any order goes)
    not equal     they are not, for some users of the sample
    50 neighbors  another result, of a peer that cannot take all neighbors: only its form is checked
    failed        with the reason
    not installed with the command that would
"""

import argparse
import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]  # `python -m ubcf` runs here, so the tree of this file is measured
SUBJECT = "ubcf"


class LogSet(NamedTuple):
    """The arguments of `ubcf simulate` for a set."""

    users: int
    tracks: int
    events: int
    recommender: str = "chart"


SETS = {
    # its users share as few tracks as those of real logs
    "sparse": LogSet(9_500, 50_000, 174_000, "random"),
    "small": LogSet(9_500, 45_000, 175_000),
    "mid": LogSet(20_000, 20_000, 600_000),
    "large": LogSet(100_000, 50_000, 4_000_000),
    "huge": LogSet(1_000_000, 100_000, 40_000_000),
}
DEFAULT_SETS = "sparse,small,mid,large"
# ru_maxrss is in kibibytes, but on macOS in bytes.
MAXRSS_PER_MIB = 2**20 if sys.platform == "darwin" else 2**10
WATCH_SECONDS = 0.1
COMPILE = """
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from scipy import sparse
from ubcf.scoring.ways.products import load_kernels
from ubcf.scoring.ways.tiles import Candidates, TiledMatrices, tiles_for

load_kernels()
one = sparse.csr_array(np.ones((1, 1)))
pool = ThreadPoolExecutor(1)
tiles = tiles_for(TiledMatrices.of(one, one, np.ones(1)), 1, compiled=True)
tiles.load(0, 1, pool)
tiles.add_survivors([Candidates.none_yet(0, np.ones(1, dtype=np.int64))], pool)
"""


class Peer(NamedTuple):
    """One peer: the modules it needs, whether it takes all neighbors, the sets it skips."""

    modules: tuple[str, ...]
    exact: bool = True
    not_for: tuple[str, ...] = ("huge",)


NOT_SMALL = ("mid", "large", "huge")
PEERS = {
    SUBJECT: Peer((), not_for=()),
    "bare": Peer(()),
    "pandas_scipy": Peer(("pandas",)),
    "dot_topn": Peer(("sparse_dot_topn",)),
    "irspack_knn": Peer(("irspack",)),
    "lenskit_knn": Peer(("lenskit", "pandas"), exact=False),
    "duckdb_sql": Peer(()),
    "surprise_knn": Peer(("surprise", "pandas"), exact=False, not_for=NOT_SMALL),
    "notebook": Peer(("pandas", "sklearn"), not_for=NOT_SMALL),
}


# Of the table that is printed.
COLUMNS = (
    *("set", "who", "wall, s", "CPU, s", "peak, MiB"),
    *(f"{measure} / {SUBJECT}" for measure in ("wall", "CPU", "peak")),
    "result",
)


class Limits(NamedTuple):
    """What one run may take: seconds, and MiB of resident memory."""

    seconds: float
    mib: float


class Run(NamedTuple):
    """One measured process: wall and CPU seconds, peak resident size in MiB, why it failed."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    failure: str = ""


def say(words: str) -> None:
    """Write one line of narration to stderr."""
    print(words, file=sys.stderr, flush=True)


def command(who: str, logs_dir: Path, folder: Path) -> list[str]:
    """Return the command line by which `who` turns the logs into `folder`/lists.json."""
    logs, lists = str(logs_dir), str(folder / "lists.json")
    if who == SUBJECT:
        database = str(folder / "ubcf.duckdb")
        return [sys.executable, "-m", "ubcf", "build", logs, "-q", "-d", database, "-o", lists]
    return [sys.executable, str(HERE / "peers" / f"{who}.py"), logs, lists]


def resident_mib(pid: int) -> float:
    """Return the resident size of a process; 0 if /proc does not have it."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


def watch(
    process: subprocess.Popen[bytes], limits: Limits, done: threading.Event, failures: list[str]
) -> None:
    """Kill the process when it is over a limit, and say why in `failures`."""
    start = time.perf_counter()
    while not done.wait(WATCH_SECONDS):
        if time.perf_counter() - start > limits.seconds:
            failures.append(f"over {limits.seconds:g} s")
        elif resident_mib(process.pid) > limits.mib:
            failures.append(f"over {limits.mib / 1024:.3g} GiB")
        if failures:
            # Not process.kill(), which may reap the process before os.wait4 does.
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            return


def measure(arguments: list[str], log: Path, limits: Limits) -> Run:
    """Run one process to its end; its output goes to `log`.

    On Linux a child's peak is at least its parent's size when it was started, so this program
    imports nothing large and leaves the checking to a process of its own.
    """
    done, failures = threading.Event(), list[str]()
    with log.open("wb") as words:
        start = time.perf_counter()
        process = subprocess.Popen(arguments, cwd=ROOT, stdout=words, stderr=words)
        watcher = threading.Thread(target=watch, args=(process, limits, done, failures))
        watcher.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            seconds = time.perf_counter() - start
        except BaseException:
            process.kill()
            raise
        finally:
            done.set()
            watcher.join()
    if process.returncode != 0 and not failures:
        last_words = log.read_text(errors="replace").split("\n")
        failures.append(next((line for line in reversed(last_words) if line.strip()), "no words"))
        failures[0] = f"exit code {process.returncode}, {failures[0].strip()[:80]}"
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return Run(seconds, cpu_seconds, usage.ru_maxrss / MAXRSS_PER_MIB, "".join(failures))


def run_once(who: str, logs_dir: Path, folder: Path, limits: Limits) -> Run:
    """Run `who` into an empty folder of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run = measure(command(who, logs_dir, folder), folder / "words.txt", limits)
    failure = f", failed: {run.failure}" if run.failure else ""
    figures = f"{run.seconds:.2f} s, {run.cpu_seconds:.2f} s of CPU, {run.peak_mib:.0f} MiB"
    say(f"  {who}: {figures}{failure}")
    return run


def compile_kernels() -> None:
    """Let ubcf compile its kernels if numba is installed, which it does once per installation."""
    if importlib.util.find_spec("numba"):
        subprocess.run([sys.executable, "-c", COMPILE], cwd=ROOT, check=True)


def missing_modules(who: str) -> list[str]:
    """Return the modules that `who` needs and this Python lacks."""
    return [name for name in PEERS[who].modules if not importlib.util.find_spec(name)]


def make_logs(name: str, out_dir: Path) -> Path:
    """Return the folder of a set's logs, making those of a named set unless they are there."""
    if name not in SETS:
        return Path(name).resolve()
    users, tracks, events, recommender = SETS[name]
    logs_dir = out_dir / f"{name}-{users}-{tracks}-{events}" / "logs"
    if not logs_dir.is_dir():
        say(f"{name}: making {users} users, {tracks} tracks, {events} events")
        half_made = logs_dir.with_name("half-made")
        sizes = ["--users", str(users), "--tracks", str(tracks), "--events", str(events)]
        sizes += ["--recommender", recommender]
        subprocess.run(
            [sys.executable, "-m", "ubcf", "simulate", *sizes, "-q", "--out", half_made, "--force"],
            cwd=ROOT,
            check=True,
        )
        half_made.rename(logs_dir)
    return logs_dir


def read_once(logs_dir: Path) -> None:
    """Read the logs, so that the first to be measured does not wait for the disk."""
    for path in logs_dir.rglob("data.json*"):
        with path.open("rb") as log, Path(os.devnull).open("wb") as nowhere:
            shutil.copyfileobj(log, nowhere)


def measure_all(
    who: list[str], rounds: int, logs_dir: Path, results_dir: Path, limits: Limits
) -> dict[str, list[Run]]:
    """Measure everyone in turn; one that has failed is not run again."""
    runs: dict[str, list[Run]] = {name: [] for name in who}
    for _ in range(rounds):
        for name, of in runs.items():
            if not (of and of[-1].failure):
                of.append(run_once(name, logs_dir, results_dir / name, limits))
    return runs


def check_lists(who: str, logs_dir: Path, lists: Path, sample: int) -> str:
    """Say in a table cell whether the lists of `who` are right."""
    arguments = [str(logs_dir), str(lists), "--sample", str(sample if PEERS[who].exact else 1)]
    result = subprocess.run(
        [sys.executable, str(HERE / "check_lists.py"), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    words = result.stdout.strip().removeprefix(f"{lists}: ")
    say(f"  {who}: {words}")
    if result.returncode not in (0, 1) or not words:
        return f"failed: malformed lists, {words}"
    if not PEERS[who].exact:
        return "50 neighbors"
    return "equal" if result.returncode == 0 else f"not equal: {words}"


def table_row(set_name: str, who: str, runs: dict[str, list[Run]], result: str) -> str:
    """Return one row of the table; ratios are to the runs of ubcf in the same turns."""
    of, subject = runs[who], runs.get(SUBJECT, [])
    cells = [Path(set_name).name, who]
    if of and not of[-1].failure:
        cells += [f"{median(run.seconds for run in of):.2f}"]
        cells += [f"{median(run.cpu_seconds for run in of):.2f}"]
        cells += [f"{median(run.peak_mib for run in of):.0f}"]
        if subject and not subject[-1].failure:
            pairs = list(zip(of, subject, strict=True))
            cells += [f"{median(run.seconds / ours.seconds for run, ours in pairs):.2f}"]
            cells += [f"{median(run.cpu_seconds / ours.cpu_seconds for run, ours in pairs):.2f}"]
            cells += [f"{median(run.peak_mib / ours.peak_mib for run, ours in pairs):.2f}"]
    cells += ["-"] * (len(COLUMNS) - 1 - len(cells))
    return "| " + " | ".join([*cells, result.replace("|", "/")]) + " |"


def run_set(name: str, arguments: argparse.Namespace, limits: Limits, out_dir: Path) -> list[str]:
    """Measure and check one set; return its rows of the table."""
    logs_dir = make_logs(name, out_dir)
    results_dir = out_dir / "results" / Path(name).name
    who = [peer for peer in arguments.peers if name not in PEERS[peer].not_for]
    results = {
        peer: f"not installed ({', '.join(missing)}): pip install -e '.[peers]'"
        for peer in who
        if (missing := missing_modules(peer))
    }
    present = [peer for peer in who if peer not in results]

    say(f"{name}: {', '.join(present)}")
    read_once(logs_dir)
    runs = measure_all(present, arguments.runs, logs_dir, results_dir, limits)
    for peer, of in runs.items():
        if of[-1].failure:
            results[peer] = f"failed: {of[-1].failure}"
        else:
            lists = results_dir / peer / "lists.json"
            results[peer] = check_lists(peer, logs_dir, lists, arguments.sample)
    return [table_row(name, peer, {peer: [], **runs}, results[peer]) for peer in who]


def positive(text: str) -> int:
    """Read a count of at least one from the command line."""
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return count


def names(text: str) -> list[str]:
    """Read a list with commas from the command line."""
    return [name for name in text.split(",") if name]


def read_arguments() -> argparse.Namespace:
    """Read the command line."""
    memory_gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE") / 2**30
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sets", type=names, default=DEFAULT_SETS, help=f"names or folders ({DEFAULT_SETS})"
    )
    parser.add_argument("--peers", type=names, default=",".join(PEERS), help="who else (all)")
    parser.add_argument("--runs", type=positive, default=1, help="turns (1)")
    parser.add_argument("--limit", type=float, default=1800, help="seconds a run may take (1800)")
    parser.add_argument(
        "--memory-limit",
        type=float,
        default=0.75 * memory_gib,
        metavar="GIB",
        help="GiB a run may hold (75 %% of the machine's)",
    )
    parser.add_argument(
        "--sample", type=int, default=500, metavar="USERS", help="users to check (500; 0: all)"
    )
    parser.add_argument("--out", type=Path, help="keep logs and results here (else: removed)")
    arguments = parser.parse_args()
    for peer in arguments.peers:
        if peer not in PEERS:
            parser.error(f"no peer is called {peer!r}: there are {', '.join(PEERS)}")
    for name in arguments.sets:
        if name not in SETS and not any(Path(name).rglob("data.json*")):
            parser.error(f"{name!r}: neither a set ({', '.join(SETS)}) nor a folder of logs")
    arguments.peers = [SUBJECT, *(peer for peer in arguments.peers if peer != SUBJECT)]
    return arguments


def main() -> int:
    """Measure, check and print the table; return 1 unless ubcf's lists are right on each set."""
    arguments = read_arguments()
    limits = Limits(arguments.limit, arguments.memory_limit * 1024)
    with tempfile.TemporaryDirectory() as temporary:
        out_dir = (arguments.out or Path(temporary)).resolve()
        say("warming up on data/")
        for peer in arguments.peers:
            if not missing_modules(peer):
                run_once(peer, ROOT / "data", out_dir / "results" / "warm-up" / peer, limits)
        compile_kernels()
        rows = [row for name in arguments.sets for row in run_set(name, arguments, limits, out_dir)]
    print("| " + " | ".join(COLUMNS) + " |")
    print("|---|---" + "|--:" * (len(COLUMNS) - 3) + "|---|")
    print("\n".join(rows))
    subject_rows = [row for row in rows if f"| {SUBJECT} |" in row]
    return 0 if all(row.endswith("| equal |") for row in subject_rows) else 1


if __name__ == "__main__":
    sys.exit(main())
