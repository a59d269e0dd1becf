"""The planner's estimates against what each way takes. One command:

    python tests/benchmarks/plans.py [--threads 2] [--shape 'nearly dense' ...]

For interactions of several shapes it prints a markdown table: estimated and measured seconds of
each way to compute the scores, the way the planner takes, and its time as a ratio to the best way.
The interactions are made up here (popularity by a power law), from the shape alone; no logs are
read and nothing is stored. Compiled tiles are charged with loading them, as every build is.
"""

import argparse
import time
from dataclasses import replace

import numpy as np
from scipy import sparse

from ubcf.matrices import interaction_matrix
from ubcf.neighborhood import UserMatrices
from ubcf.planning import (
    RIGHT,
    SECONDS_TO_LOAD_COMPILED,
    TILES,
    WAYS,
    Plan,
    Work,
    estimated_seconds,
    has_numba,
    plan_scores,
)
from ubcf.scoring import ListsWanted, score_users

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


def made_up(users: int, tracks: int, interactions: int, exponent: float) -> sparse.csr_array:
    """R with about so many interactions, the popular tracks first; deterministic."""
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
    parser.add_argument("--shape", choices=SHAPES, action="append", help="only this (all)")
    arguments = parser.parse_args()
    ways = [(way, False) for way in WAYS]
    if has_numba():
        ways += [(way, True) for way in (RIGHT, TILES)]
    names = {(way, by_numba): way + " (compiled)" * by_numba for way, by_numba in ways}
    heads = "".join(f" {names[way]}: estimated | measured |" for way in ways)
    print(f"| shape | users x tracks | interactions |{heads} chosen | to the best |")
    print("|---|---|--:|" + "--:|--:|" * len(ways) + "---|--:|")
    for shape in arguments.shape or SHAPES:
        measure(shape, ways, names, arguments.threads)


def measure(
    shape: str,
    ways: list[tuple[str, bool]],
    names: dict[tuple[str, bool], str],
    threads: int,
) -> None:
    """Run each way once on a shape and print its row."""
    matrix = made_up(*SHAPES[shape])
    work = Work.of(matrix, WANTED)

    def plan_for(way: str | None = None, compiled: bool | None = None) -> Plan:
        return plan_scores(
            work,
            wanted=WANTED,
            threads=threads,
            memory=MEMORY,
            way=way,
            neighbors=False,
            numba=compiled,
        )

    chosen = plan_for()
    seconds = {}
    cells = []
    for way, compiled in ways:
        plan = plan_for(way, compiled)
        estimate = estimated_seconds(work, way, compiled=compiled, threads=threads)
        plan = replace(plan, compiled=compiled)
        start = time.perf_counter()
        for _ in score_users(UserMatrices(matrix), ListsWanted(WANTED, 50), plan, threads=threads):
            pass
        seconds[way, compiled] = time.perf_counter() - start
        if compiled:  # a build pays for it once, this program not again
            seconds[way, compiled] += SECONDS_TO_LOAD_COMPILED
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
