"""The simulation: checks the arguments, writes the catalog and the logs, sums them up."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ubcf.errors import SimulationError
from ubcf.files import Kind, check_target, head
from ubcf.printing import Printed
from ubcf.simulation import RECOMMENDERS, Recommender
from ubcf.simulation.catalog import catalog_lines, make_catalog
from ubcf.simulation.draws import stream
from ubcf.simulation.listeners import make_listeners
from ubcf.simulation.log_lines import write_events
from ubcf.simulation.sessions import event_batches

# The first lines of what a simulation writes: of a log beside a catalog, and of the catalog.
CATALOG_NAME = "tracks.json"
LOG_START, CATALOG_START = b'{"message": "', b'{"track": 0, "artist": "'


def _is_simulation(path: Path) -> bool:
    """Whether a file is a log or the catalog of a simulation."""
    catalog = path if path.name == CATALOG_NAME else path.parents[1] / CATALOG_NAME
    return (
        catalog.is_file()
        and head(catalog).startswith(CATALOG_START)
        and (path == catalog or head(path).startswith(LOG_START))
    )


SIMULATION = Kind("a file of an earlier simulation", _is_simulation)

MOST_IDS = 2**31 - 1  # ids are 32-bit integers


@dataclass(frozen=True)
class SimulationSummary(Printed):
    """What was written. users: those in the logs; tracks: those in the catalog.

    files: the logs, and the catalog last.
    """

    users: int
    tracks: int
    events: int
    replicas: int
    files: tuple[Path, ...]
    bytes: int

    def __str__(self) -> str:
        """The line of `ubcf simulate`."""
        return (
            f"{self.files[-1].parent}: {self.events} events of {self.users} users on "
            f"{self.tracks} tracks, {len(self.files)} files, {self.bytes} bytes"
        )


def simulate(
    out: str | os.PathLike[str] = "logs",
    *,
    users: int = 1_000,
    tracks: int = 2_000,
    events: int = 20_000,
    replicas: int = 2,
    seed: int = 0,
    recommender: Recommender = "chart",
    force: bool = False,
    progress: Callable[[int], None] | None = None,
) -> SimulationSummary:
    """Writes OUT/tracks.json and, for each replica N, OUT/botify-recommender-N/data.json.

    recommender: what the service recommends apart from the user's taste: tracks of the chart, or
    tracks at random.
    Every user is in the logs if there are enough sessions, which have 7 events on average.
    The folder `out` must be empty or absent; force: write over an earlier simulation in it.
    progress: called with the number of events just written.
    The same arguments give the same bytes. Raises SimulationError for arguments out of their bounds
    and for a folder that cannot be used, OptionError where it would overwrite other files.
    """
    _check_arguments(users, tracks, events, replicas, seed)
    if recommender not in RECOMMENDERS:
        raise SimulationError(f"no recommender {recommender!r}: {' or '.join(RECOMMENDERS)}")
    out = Path(out)
    logs = tuple(out / f"botify-recommender-{i}" / "data.json" for i in range(1, replicas + 1))
    files = (*logs, out / CATALOG_NAME)
    try:
        _prepare_folder(out, files, force)
        catalog = make_catalog(stream(seed, "catalog"), tracks)
        with files[-1].open("wb") as file:
            for line in catalog_lines(catalog):
                file.write(line)
        listeners = make_listeners(stream(seed, "listeners"), users, catalog)
        seen = np.zeros(users, dtype=np.bool_)
        rng = stream(seed, "service")
        with ExitStack() as stack:
            replica_files = [stack.enter_context(log.open("wb")) for log in logs]
            sessions = stream(seed, "sessions")
            for batch in event_batches(sessions, catalog, listeners, events, recommender):
                write_events(rng, batch, listeners.treatments, replica_files)
                seen[batch["user"]] = True
                if progress is not None:
                    progress(len(batch))
        size = sum(file.stat().st_size for file in files)
    except OSError as error:
        where = error.filename or out
        raise SimulationError(f"cannot write {where}: {error.strerror or error}") from error
    return SimulationSummary(int(seen.sum()), tracks, events, replicas, files, size)


def _check_arguments(users: int, tracks: int, events: int, replicas: int, seed: int) -> None:
    counts = {"users": users, "tracks": tracks, "events": events, "replicas": replicas}
    for name, count in counts.items():
        if count < 1:
            raise SimulationError(f"cannot simulate {count} {name}: at least 1 is needed")
    for name in ("users", "tracks"):
        if counts[name] > MOST_IDS:
            raise SimulationError(f"cannot simulate {counts[name]} {name}: at most {MOST_IDS}")
    if seed < 0:
        raise SimulationError(f"seed {seed} is negative: give 0 or more")


def _prepare_folder(out: Path, files: Sequence[Path], force: bool) -> None:
    """Makes the folders of `files`.

    Raises SimulationError where other files would be read along with these, OptionError where
    other files would be overwritten.
    """
    if out.exists() and not out.is_dir():
        raise SimulationError(f"{out} is not a folder: name another one to write to")
    if out.exists() and not force and any(out.iterdir()):
        raise SimulationError(f"{out} is not empty: name another folder, or use force")
    stale = sorted(set(out.glob("botify-recommender-*/data.json*")) - set(files))
    if stale:
        raise SimulationError(
            f"{stale[0]} would mix with the new logs: remove it, or name another folder"
        )
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists():
            check_target(file, SIMULATION)
