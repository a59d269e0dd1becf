"""The planner's estimates against what each way takes. One command:

    python tests/benchmarks/plans.py [--threads 2] [--runs 1] [--shape 'nearly dense' ...]

For interactions of several shapes it prints a markdown table: estimated and measured seconds of
each way to compute the scores, the way the planner takes, and its time as a ratio to the best way.
The interactions are simulated here (popularity by a power law), from the shape alone; no logs are
read and nothing is stored. The measured seconds of a compiled way include those of loading its
kernels, as in every build: they are measured once, in a process of its own, after the kernels have
been compiled. Of several runs of a way the fastest counts.
"""

import argparse
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
from scipy import sparse

from ubcf.scoring.costs import Work, estimated_seconds
from ubcf.scoring.kernels import has_numba
from ubcf.scoring.lists import score_users
from ubcf.scoring.matrices import ModelMatrices, interaction_matrix
from ubcf.scoring.options import BY_PRODUCTS, BY_TILES, WAYS
from ubcf.scoring.planner import Plan, plan_scores
from ubcf.scoring.ranking import ListOptions

WANTED = 100
MEMORY = 8 << 30

# users, tracks, interactions, exponent of the popularity (0: all tracks are alike)
SHAPES = {
    "many users, few tracks": (40_000, 1_000, 800_000, 0.8),
    "few users, many tracks": (1_000, 40_000, 60_000, 0.8),
    "skewed popularity": (8_000, 10_000, 200_000, 1.4),
    "long histories": (1_000, 8_000, 600_000, 0.6),
    "nearly dense": (900, 1_600, 400_000, 0.3),
    "short histories": (20_000, 30_000, 80_000, 0.8),
    "small service": (9_000, 38_000, 165_000, 0.9),
}

# The kernels are compiled on this before they are measured.
WARM_UP = (200, 2_000, 4_000, 0.8)

LOADING = """
import time
import ubcf.building.scores
from ubcf.scoring.ways.products import load_kernels
start = time.perf_counter()
load_kernels()
print(time.perf_counter() - start)
"""


def simulated(users: int, tracks: int, interactions: int, exponent: float) -> sparse.csr_array:
    """R with about `interactions` interactions, the popular tracks first; deterministic."""
    random = np.random.default_rng(0)
    weights = np.arange(1, tracks + 1) ** -exponent
    columns = random.choice(tracks, interactions, p=weights / weights.sum())
    rows = random.integers(0, users, interactions)
    cells = np.unique(np.stack([rows, columns]), axis=1)
    values = np.asarray(random.uniform(-0.6, 0.6, cells.shape[1]))
    return interaction_matrix(cells[0], cells[1], values, (users, tracks))


def main() -> None:
    """Measure every shape and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=1, help="runs of each way (1)")
    parser.add_argument("--shape", choices=SHAPES, action="append", help="only this (all)")
    arguments = parser.parse_args()
    ways = [(way, False) for way in WAYS]
    loading = 0.0
    if has_numba():
        ways += [(way, True) for way in (BY_PRODUCTS, BY_TILES)]
        for way, compiled in ways:
            seconds_of(plan_for(simulated(*WARM_UP), 1, way, compiled), simulated(*WARM_UP), 1)
        loading = seconds_to_load()
    names = {(way, by_numba): way + " (compiled)" * by_numba for way, by_numba in ways}
    heads = "".join(f" {names[way]}: estimated | measured |" for way in ways)
    print(f"| shape | users x tracks | interactions |{heads} chosen | to the best |")
    print("|---|---|--:|" + "--:|--:|" * len(ways) + "---|--:|")
    for shape in arguments.shape or SHAPES:
        measure(shape, ways, names, arguments.threads, arguments.runs, loading)


def seconds_to_load() -> float:
    """Wall seconds of loading the kernels into a process that has loaded all else."""
    done = subprocess.run(
        [sys.executable, "-c", LOADING], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def plan_for(
    matrix: sparse.csr_array, threads: int, way: str | None = None, compiled: bool | None = None
) -> Plan:
    """The plan for a matrix: the planner's, or that of a way."""
    plan = plan_scores(
        Work.of(matrix, WANTED),
        list_length=WANTED,
        threads=threads,
        memory=MEMORY,
        way=way,
        neighbors=False,
        numba=compiled,
    )
    return plan if compiled is None else replace(plan, compiled=compiled)


def seconds_of(plan: Plan, matrix: sparse.csr_array, threads: int) -> float:
    """Wall seconds that all scores take, without loading kernels."""
    start = time.perf_counter()
    for _ in score_users(ModelMatrices(matrix), ListOptions(WANTED, 50), plan, threads=threads):
        pass
    return time.perf_counter() - start


def measure(
    shape: str,
    ways: list[tuple[str, bool]],
    names: dict[tuple[str, bool], str],
    threads: int,
    runs: int,
    loading: float,
) -> None:
    """Run each way on a shape and print its row."""
    matrix = simulated(*SHAPES[shape])
    work = Work.of(matrix, WANTED)
    chosen = plan_for(matrix, threads)
    seconds = {}
    cells = []
    for way, compiled in ways:
        plan = plan_for(matrix, threads, way, compiled)
        estimate = estimated_seconds(work, way, compiled=compiled, threads=threads)
        fastest = min(seconds_of(plan, matrix, threads) for _ in range(runs))
        # A build pays for loading once, this program not again.
        seconds[way, compiled] = fastest + (loading if compiled else 0.0)
        cells.append(f" {estimate:.2f} | {seconds[way, compiled]:.2f} |")
    ratio = seconds[chosen.way, chosen.compiled] / min(seconds.values())
    print(
        f"| {shape} | {matrix.shape[0]:,} x {matrix.shape[1]:,} | {matrix.nnz:,} |"
        + "".join(cells)
        + f" {names[chosen.way, chosen.compiled]} | {ratio:.2f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
