"""Builds the same by both engines; compares JSON by bytes, tables in order and type, and errors.

    python -m tests.spark.compare_engines [CASE]... [--logs DIR] [--ratings DIR] [--events N]

CASE: part of the name of a case; none: all of them. --logs, --ratings: folders of real logs, each
with a folder for each of them. --events: of the simulated logs. All builds on Spark are of one
session; what the cases are is listed below. Exit code 1: something differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ubcf
from tests.support.dirty_logs import write_dirty_logs
from tests.support.engines import both_builds
from tests.support.odd_files import write_odd_files
from tests.support.repeated_logs import REPEATED_LOGS, write_repeated_logs
from ubcf.building.options import BuildOptions
from ubcf.scoring.options import PRESETS
from ubcf.spark.options import SparkOptions
from ubcf.spark.session import spark_session

SAMPLE = Path(__file__).parents[2] / "data"

DATA = Path(__file__).parents[1] / "data"

# Options of the build, each in a case of its own on the logs that every option is tried on.
OPTIONS: dict[str, dict[str, Any]] = {
    "notebook": {},
    "listening": {"preset": "listening"},
    "similar": {"preset": "similar"},
    "ratings": {"preset": "ratings", "predict": True},
    "taste": {"preset": "taste"},
    "similarities": {"plan": "similarities"},
    "products": {"plan": "products"},
    "tiles": {"plan": "tiles"},
    "predict": {"predict": True},
    "exclude-heard": {"exclude_heard": True, "top": 20},
    "only-positive": {"only_positive": True},
    "neighbors": {"neighbors": 10, "store_neighbors": 5},
    "catalog-only": {"catalog_only": True},
    "since": {"since": "2d"},
    "text-ids": {"ids": "text"},
    "where": {"where": "time > 0.1"},
}


def cases(folder: Path, given: argparse.Namespace) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """The name, the logs and the options of each case; logs that are made are put into `folder`."""
    for name, options in OPTIONS.items():
        yield f"sample {name}", SAMPLE, options
    users = folder / "users.txt"
    users.write_text("3\n999999\n-5\n200000\n7\n")
    yield "sample users", SAMPLE, {"users": users}
    yield "sample users predict", SAMPLE, {"users": users, "preset": "ratings", "predict": True}
    write_dirty_logs(folder / "dirty")
    dirty = {"max_rejected": 0.5}
    yield "dirty", folder / "dirty", dirty
    yield "dirty listening", folder / "dirty", {**dirty, "preset": "listening"}
    yield "dirty text", folder / "dirty", {**dirty, "ids": "text"}
    yield "dirty drop", folder / "dirty", {**dirty, "repeats": "drop"}
    yield "dirty drop since", folder / "dirty", {**dirty, "repeats": "drop", "since": "2023-11-15"}
    write_repeated_logs(folder / "repeated")
    for repeats in ("keep", "drop"):
        yield f"repeated {repeats}", folder / "repeated", {**REPEATED_LOGS, "repeats": repeats}
    for case in write_odd_files(folder / "odd"):
        yield f"odd {case}", folder / "odd" / case, {"max_rejected": 0.98, "pattern": "*"}
    ratings = {"user": "userId", "track": "movieId", "time": "rating"}
    yield "csv", DATA / "ratings.csv", {"fields": ratings, "scale": "0.5:5"}
    sparkify = {"user": "userId", "track": "song", "timestamp": "ts"}
    yield (
        "sparkify",
        DATA / "sparkify_events.json",
        {"fields": sparkify, "where": "page = 'NextSong'", "preset": "listening"},
    )
    for root, presets in ((given.logs, ("notebook",)), (given.ratings, PRESETS)):
        for place in sorted(root.iterdir()) if root else ():
            if place.is_dir():
                for preset in presets:
                    yield f"{place.name} {preset}", place, {"preset": preset}
    if given.events:
        ubcf.simulate(folder / "simulated", events=given.events)
        yield "simulated", folder / "simulated", {}
        yield "simulated tiles", folder / "simulated", {"plan": "tiles"}


def compare(name: str, logs: Any, options: dict[str, Any], folder: Path) -> list[str]:
    """What differs between the two builds of a case."""
    built = both_builds(logs, folder, threads=2, **options)
    found, seconds = built.differences(), built.seconds
    same = f"fail alike: {built.errors[0]}" if built.errors else "are the same"
    words = "differ: " + "; ".join(found) if found else same
    print(f"{name}: both {words} ({seconds[0]:.1f} and {seconds[1]:.1f} s)", flush=True)
    return found


def main() -> int:
    """Compares the cases that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--logs", type=Path)
    parser.add_argument("--ratings", type=Path)
    parser.add_argument("--events", type=int, default=0)
    given = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with spark_session(BuildOptions(threads=2), SparkOptions(), folder):
            for number, (case, logs, options) in enumerate(cases(folder, given)):
                if given.cases and not any(part in case for part in given.cases):
                    continue
                place = folder / str(number)
                place.mkdir()
                failed += bool(compare(case, logs, options, place))
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
