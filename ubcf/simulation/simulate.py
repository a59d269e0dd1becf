"""Made-up logs of the service, in the service's own layout and to the byte in its own format.

Listeners have tastes (two genres, a favorite artist in each) and hear longest what fits them, so
that collaborative filtering has something to find. Nothing in the logs is about a real person,
artist or song.

The period is cut into slots of about `SLOT_EVENTS` events each. A slot draws its sessions, lays
them out in time, and writes every event before the slot's end; the events of sessions that are
still going on wait for the next slot. So timestamps ascend in each file, and memory holds one slot.

The same arguments give the same bytes anywhere: every draw is a uniform number of PCG64, shaped by
operations that IEEE 754 rounds exactly (products, quotients, square roots), never by `pow` or
`log`, which differ between machines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ubcf.errors import SimulationError
from ubcf.simulation.catalog import catalog_lines, make_catalog
from ubcf.simulation.draws import _stream
from ubcf.simulation.listeners import make_listeners
from ubcf.simulation.log_lines import write_events
from ubcf.simulation.sessions import event_batches

MOST_IDS = 2**31 - 1  # ids are held in 32 bits


@dataclass(frozen=True)
class SimulationSummary:
    """What was written: users are those in the logs, tracks those in the catalog."""

    users: int
    tracks: int
    events: int
    replicas: int
    files: tuple[Path, ...]
    bytes: int


def simulate(
    out: Path,
    *,
    users: int,
    tracks: int,
    events: int,
    replicas: int,
    seed: int,
    force: bool = False,
    progress: Callable[[int], None] | None = None,
) -> SimulationSummary:
    """Write `OUT/tracks.json` and one `OUT/botify-recommender-N/data.json` for each replica.

    Every user appears if there are sessions (of 7 events, on average) enough. `progress` is called
    with the number of events just written. `out` has to be empty or absent; `force` writes over
    an earlier simulation.
    """
    _check_arguments(users, tracks, events, replicas, seed)
    logs = tuple(out / f"botify-recommender-{i}" / "data.json" for i in range(1, replicas + 1))
    files = (*logs, out / "tracks.json")
    try:
        _prepare_folder(out, files, force)
        catalog = make_catalog(_stream(seed, "catalog"), tracks)
        with files[-1].open("wb") as file:
            for line in catalog_lines(catalog):
                file.write(line)
        listeners = make_listeners(_stream(seed, "listeners"), users, catalog)
        seen = np.zeros(users, dtype=np.bool_)
        rng = _stream(seed, "service")
        with ExitStack() as stack:
            replica_files = [stack.enter_context(log.open("wb")) for log in logs]
            for batch in event_batches(_stream(seed, "sessions"), catalog, listeners, events):
                write_events(rng, batch, listeners.treatments, replica_files)
                seen[batch["user"]] = True
                if progress is not None:
                    progress(len(batch))
        size = sum(file.stat().st_size for file in files)
    except OSError as error:
        where = error.filename or out
        raise SimulationError(f"cannot write {where}: {error.strerror or error}") from error
    return SimulationSummary(int(seen.sum()), tracks, events, replicas, files, size)


# --- arguments, folders, random streams -----------------------------------------------------------


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
    """Make the folders of `files`; refuse to write over, or to mix with, what is not ours."""
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
