"""The planner's estimates against what each way takes. One command:

    python tests/benchmarks/plans.py [--threads 2] [--runs 1] [--cpu] [--shape 'nearly dense' ...]

For interactions of several shapes it prints a markdown table: estimated and measured seconds of
each way to compute the scores, the way the planner takes, and its time as a ratio to the best way.
The interactions are simulated here (popularity by a power law), from the shape alone; no logs are
read and nothing is stored. The measured seconds of a compiled way include those of loading its
kernels, as in every build: they are measured once, in a process of its own, after the kernels have
been compiled. Of several runs of a way the fastest counts. A way that is estimated at more than ten
times the best one is not measured. With --presets the table has the presets that need similarities,
for which there is one way, in the place of the ways. taste is left out where there are more than
10,000 users.

--cpu measures and estimates processor time, on one thread: where others use the machine, too, wall
time says little. The ratio is then that of two threads, as far as the estimates let them share.
"""

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from ubcf.scoring.costs import SECONDS_TO_LOAD_COMPILED, Work, estimated_seconds
from ubcf.scoring.kernels import has_numba
from ubcf.scoring.lists import score_users
from ubcf.scoring.matrices import (
    ModelMatrices,
    interaction_matrix,
    own_terms_of,
    track_factors,
)
from ubcf.scoring.options import (
    BY_PRODUCTS,
    BY_SIMILARITIES,
    BY_TILES,
    PRESETS,
    WAYS,
    model_options,
)
from ubcf.scoring.planner import TYPICAL_THREADS, Plan, plan_ridge, plan_scores
from ubcf.scoring.ranking import ListOptions

WANTED = 100
MEMORY = 8 << 30

COMPILED_WAYS = ((BY_PRODUCTS, True), (BY_TILES, True))

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

PROCESSOR_TIME = "process_time"

# A way with a greater estimate, as a multiple of the least one, is not measured.
MOST_TIMES_THE_BEST = 10

# A ridge over more users takes minutes.
MOST_USERS_OF_RIDGE = 10_000

LOADING = """
import time
import ubcf.building.scores
from ubcf.scoring.ways.products import load_kernels
start = time.{clock}()
load_kernels()
print(time.{clock}() - start)
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
    parser.add_argument("--cpu", action="store_true", help="processor time of one thread")
    parser.add_argument("--presets", action="store_true", help="the presets, not the ways")
    parser.add_argument("--shape", choices=SHAPES, action="append", help="only this (all)")
    arguments = parser.parse_args()
    clock = Clock(PROCESSOR_TIME if arguments.cpu else "perf_counter")
    threads = 1 if arguments.cpu else arguments.threads
    loading = 0.0
    if has_numba():
        warm_up = simulated(*WARM_UP)
        for way, compiled in (*COMPILED_WAYS, (BY_SIMILARITIES, False)):
            clock.of_lists(ModelMatrices(warm_up), plan_for(warm_up, 1, way, compiled), threads=1)
        loading = clock.of_loading()
    measured = measured_presets if arguments.presets else measured_ways
    for number, shape in enumerate(arguments.shape or SHAPES):
        matrix = simulated(*SHAPES[shape])
        cells = measured(matrix, clock, threads, arguments.runs, loading)
        if number == 0:
            print("| shape | users x tracks | interactions | " + " | ".join(cells) + " |")
            print("|---|---|--:|" + "--:|" * len(cells))
        size = f"{matrix.shape[0]:,} x {matrix.shape[1]:,} | {matrix.nnz:,}"
        print(f"| {shape} | {size} | " + " | ".join(cells.values()) + " |", flush=True)


@dataclass(frozen=True)
class Clock:
    """What measures seconds; function: of `time`."""

    function: str

    def of_lists(self, matrices: ModelMatrices, plan: Plan, *, threads: int, **model: Any) -> float:
        """Seconds that all scores take, without loading kernels."""
        now = getattr(time, self.function)
        start = now()
        lists = ListOptions(WANTED, 50)
        for _ in score_users(
            matrices, lists, plan, threads=threads, memory=plan.block_bytes, **model
        ):
            pass
        return float(now() - start)

    def of_loading(self) -> float:
        """Seconds of loading the kernels into a process that has loaded all else."""
        done = subprocess.run(
            [sys.executable, "-c", LOADING.format(clock=self.function)],
            check=True,
            capture_output=True,
            text=True,
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


def measured_ways(
    matrix: sparse.csr_array, clock: Clock, threads: int, runs: int, loading: float
) -> dict[str, str]:
    """The cells of a row: each way estimated and measured, the one chosen, and its ratio."""
    work = Work.of(matrix, WANTED)
    chosen = plan_for(matrix, threads)
    seconds: dict[tuple[str, bool], float] = {}
    cells: dict[str, str] = {}
    ways = [*((way, False) for way in WAYS), *(COMPILED_WAYS if has_numba() else ())]
    estimates = {
        (way, compiled): estimated_seconds(work, way, compiled=compiled, threads=threads)
        for way, compiled in ways
    }
    for way, compiled in ways:
        plan = plan_for(matrix, threads, way, compiled)
        estimate = estimates[way, compiled]
        cells[f"{name_of(way, compiled)}: estimated"] = f"{estimate:.2f}"
        if estimate > MOST_TIMES_THE_BEST * min(estimates.values()):
            cells["measured" + " " * len(cells)] = ""
            continue
        fastest = min(
            clock.of_lists(ModelMatrices(matrix), plan, threads=threads) for _ in range(runs)
        )
        # A build pays for loading once, this program not again.
        seconds[way, compiled] = fastest + (loading if compiled else 0.0)
        cells["measured" + " " * len(cells)] = f"{seconds[way, compiled]:.2f}"
    wall = dict(seconds)
    if clock.function == PROCESSOR_TIME:
        # The planner compares the ways on as many threads as are typical.
        for (way, compiled), each in seconds.items():
            once = loading if compiled else 0.0
            typical = estimated_seconds(work, way, compiled=compiled, threads=TYPICAL_THREADS)
            load = SECONDS_TO_LOAD_COMPILED if compiled else 0.0
            share = (typical - load) / (estimates[way, compiled] - load)
            wall[way, compiled] = once + share * (each - once)
    ratio = wall[chosen.way, chosen.compiled] / min(wall.values())
    return {**cells, "chosen": name_of(chosen.way, chosen.compiled), "to the best": f"{ratio:.2f}"}


def name_of(way: str, compiled: bool) -> str:
    """The way as the table names it."""
    return way + " (compiled)" * compiled


def measured_presets(
    matrix: sparse.csr_array, clock: Clock, threads: int, runs: int, loading: float
) -> dict[str, str]:
    """The cells of a row: each preset but the default, estimated and measured."""
    work = Work.of(matrix, WANTED)
    cells: dict[str, str] = {}
    for preset in list(PRESETS)[1:]:
        model = model_options(preset)
        if model.ridge_over_users is None:
            plan = plan_scores(
                work,
                list_length=WANTED,
                threads=threads,
                memory=MEMORY,
                neighborhood=model.neighborhood,
                walk=model.users_reached,
            )
        elif len(matrix.indptr) - 1 <= MOST_USERS_OF_RIDGE:
            plan = plan_ridge(work, threads=threads, memory=MEMORY)
        else:
            cells |= {f"{preset}: estimated": "", "measured" + " " * len(cells): ""}
            continue
        listeners = np.bincount(matrix.indices, minlength=matrix.shape[1])
        seconds = min(
            clock.of_lists(
                ModelMatrices(
                    matrix,
                    own_terms=own_terms_of(matrix.data, model.own_liking),
                    factors=track_factors(listeners, model.track_exponent),
                ),
                plan,
                threads=threads,
                neighborhood=model.neighborhood,
                walk=model.users_reached,
                ridge=model.ridge_over_users,
            )
            for _ in range(runs)
        )
        cells[f"{preset}: estimated"] = f"{plan.estimates[plan.way].seconds:.2f}"
        cells["measured" + " " * len(cells)] = f"{seconds + plan.compiled * loading:.2f}"
    return cells


if __name__ == "__main__":
    main()
