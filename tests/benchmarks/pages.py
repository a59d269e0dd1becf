"""Measure the pages of `ubcf browse` under load. One command:

    python tests/benchmarks/pages.py DATABASE [--readers 1,20] [--pause 0] [--seconds 15]

It starts the server on a database, waits until it is at rest, and prints a markdown table, a row
for each kind of page and number of readers: pages a second, the median and the 95th percentile of
the time until a page is there, and the CPU seconds of the server for each page. Below it is the
resident memory of the server.

A reader asks for a page, reads it whole, waits --pause seconds on average, and asks for another,
each over a connection of its own as a browser without any would. Users, tracks and pairs are drawn
at random with a fixed seed, and no page is asked for twice, so that nothing is served from what was
kept of it.
"""

import argparse
import http.client
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

import duckdb

ROOT = Path(__file__).resolve().parents[2]

# Every page is asked for this often before it is measured, by one reader.
WARM_UP = 3

# Seconds that the server may take to compute what its first page shows.
PATIENCE = 600


class Load(NamedTuple):
    """How much is asked: readers at once, their mean pause between pages, for how long."""

    readers: int
    pause: float
    seconds: float


class Server(NamedTuple):
    """A running `ubcf browse`."""

    pid: int
    port: int

    def read(self, path: str) -> bytes:
        """The body of a page. Raises RuntimeError for an answer that is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise RuntimeError(f"{path}: status {response.status}")
        return body

    def cpu_seconds(self) -> float:
        """The processor time that the server has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self, kind: str) -> float:
        """The resident size now (VmRSS), or at its peak (VmHWM)."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(kind)) / 2**10


@contextmanager
def running(database: Path) -> Iterator[Server]:
    """A server for a database, which has computed what it computes once."""
    command = [sys.executable, "-m", "ubcf", "browse", "-q", "-d", str(database)]
    process = subprocess.Popen(
        [*command, "--port", "0", "--no-open"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline().rstrip("/\n").rpartition(":")[2])
        server = Server(process.pid, port)
        deadline = time.monotonic() + PATIENCE
        while b'"health": null' in server.read("/index.json") and time.monotonic() < deadline:
            time.sleep(1)
        used = -1.0
        while server.cpu_seconds() - used > 0.1:
            used = server.cpu_seconds()
            time.sleep(1)
        print(f"At rest after {used:.1f} CPU seconds.\n", flush=True)
        yield server
    finally:
        process.terminate()
        process.wait()


def addresses(database: Path) -> dict[str, list[str]]:
    """Addresses of each kind of page, at random."""
    with duckdb.connect(str(database), read_only=True) as connection:
        rows = {
            "users": connection.execute('select "user" from users').fetchall(),
            "tracks": connection.execute("select track from tracks where plays > 0").fetchall(),
            "pairs": connection.execute(
                'select "user", track from recommendations where rank <= 20 order by "user", rank'
            ).fetchall(),
        }
    lot = random.Random(24)
    drawn = {name: lot.sample(found, min(len(found), 20_000)) for name, found in rows.items()}
    return {
        "/users/ID": [f"/users/{user}" for (user,) in drawn["users"]],
        "/users/ID/tracks/ID": [f"/users/{user}/tracks/{track}" for user, track in drawn["pairs"]],
        "/tracks/ID": [f"/tracks/{track}" for (track,) in drawn["tracks"]],
        "/users?q=": [f"/users?q={str(user)[:3]}" for (user,) in drawn["users"]],
        "/tracks?q=": [f"/tracks?q={str(track)[:3]}" for (track,) in drawn["tracks"]],
        "/api/recommendations/ID": [f"/api/recommendations/{user}" for (user,) in drawn["users"]],
    }


def measure(server: Server, paths: list[str], load: Load) -> str:
    """A row of the table: what readers got in a while. Uses up the addresses that it asks for."""
    for _ in range(WARM_UP):
        server.read(paths.pop())
    waits: list[float] = []
    failures: list[str] = []
    end = time.monotonic() + load.seconds
    seeds = count()

    def read() -> None:
        lot = random.Random(next(seeds))
        time.sleep(lot.uniform(0, load.pause))
        while time.monotonic() < end:
            begun = time.monotonic()
            try:
                server.read(paths.pop())
            except (RuntimeError, OSError, http.client.HTTPException) as error:
                failures.append(str(error))
            waits.append(time.monotonic() - begun)
            time.sleep(lot.uniform(0, 2 * load.pause))

    threads = [threading.Thread(target=read) for _ in range(load.readers)]
    used, begun = server.cpu_seconds(), time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds, cpu = time.monotonic() - begun, server.cpu_seconds() - used
    slow = quantiles(waits, n=20)[-1] if len(waits) > 1 else waits[0]
    failed = f"; {len(failures)} failed: {failures[0]}" if failures else ""
    return (
        f"{load.readers} | {load.pause:g} s | {len(waits) / seconds:.1f} | {median(waits):.3f} s"
        f" | {slow:.3f} s | {cpu / len(waits):.3f} s{failed}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("database", type=Path)
    parser.add_argument("--readers", default="1,20", help="numbers of readers, by commas")
    parser.add_argument("--pause", type=float, default=0.0, help="mean seconds between pages")
    parser.add_argument("--seconds", type=float, default=15.0, help="for each row")
    parser.add_argument("--pages", default="", help="a part of the kinds of pages, by commas")
    arguments = parser.parse_args()
    kinds = addresses(arguments.database)
    wanted = arguments.pages.split(",") if arguments.pages else list(kinds)
    if unknown := [kind for kind in wanted if kind not in kinds]:
        parser.error(f"no kind of page is called {unknown[0]!r}: there are {', '.join(kinds)}")
    with running(arguments.database.resolve()) as server:
        print("| page | readers | pause | pages/s | median | 95 % | CPU a page |")
        print("|---|---|---|---|---|---|---|")
        for kind in wanted:
            for readers in map(int, arguments.readers.split(",")):
                load = Load(readers, arguments.pause, arguments.seconds)
                print(f"| {kind} | {measure(server, kinds[kind], load)} |", flush=True)
        now, peak = server.memory_mib("VmRSS:"), server.memory_mib("VmHWM:")
        print(f"\nMemory: {now:,.0f} MiB at the end, {peak:,.0f} MiB at its peak.")


if __name__ == "__main__":
    main()
