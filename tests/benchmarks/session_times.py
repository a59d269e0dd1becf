"""How long do simulated users listen to the lists of each preset? One command:

    python tests/benchmarks/session_times.py [--users 9500] [--tracks 50000] [--events 174000]
        [--recommender random] [--sessions 100000] [--hidden 0.07] [--seed 0]

`ubcf simulate` writes logs of listeners with known tastes. The events of a part of the users,
--hidden, are left out of what `ubcf build` reads: these are the users without logs. Then sessions
of all users are simulated once more, as in ubcf/simulation/sessions.py, but everything that is
recommended comes from the lists: a session starts with a track of the user's taste, heard in full,
and every next track is one of the user's list, all equally likely. A track at random stands in for
a user without a list. The session ends when the user has run out of patience with tracks left
unheard. Its time is the sum of the shares heard, in tracks. All lists meet the same users, with
the same patience and the same random numbers.

It prints a markdown table of mean session times: where users without logs get random tracks, and
where they get a list of popular tracks, by `--users` of `ubcf build`. To compare with: a track at
random for everyone, and the most popular tracks for everyone. The interval is that of the
difference from the first preset, of the sessions with random tracks for users without logs, at
95 %: mean +- 1.96 standard errors over sessions. It does not say how much other logs would differ.

This is the model of `ubcf simulate`, not the simulator of the service, which needs the embeddings
of its tracks.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import ubcf
from ubcf.simulation import RECOMMENDERS
from ubcf.simulation.catalog import Catalog, make_catalog
from ubcf.simulation.draws import Floats, Ints, stream, uniform_ints
from ubcf.simulation.listeners import FULL, Listeners, listen, make_listeners, match_levels
from ubcf.simulation.sessions import LONGEST_SESSION, draw_patience
from ubcf.simulation.simulate import simulate

PRESETS = ("notebook", "similar", "listening", "ratings", "taste")
TOP = 100


@dataclass(frozen=True)
class Audience:
    """Simulated listeners, and the sessions in which all lists are compared."""

    catalog: Catalog
    listeners: Listeners
    seed: int
    sessions: int

    @classmethod
    def of(cls, seed: int, users: int, tracks: int, sessions: int) -> Audience:
        """The listeners of `ubcf simulate` with these arguments."""
        catalog = make_catalog(stream(seed, "catalog"), tracks)
        listeners = make_listeners(stream(seed, "listeners"), users, catalog)
        return cls(catalog, listeners, seed, sessions)

    def session_times(self, lists: dict[int, list[int]]) -> Floats:
        """(sessions,) the time of each session, in tracks; lists: tracks by user."""
        users_count, tracks_count = len(self.listeners.by_arrival), len(self.catalog.chart)
        lengths = np.zeros(users_count, dtype=np.int64)
        table = np.zeros((users_count, TOP), dtype=np.int32)
        for user, tracks in lists.items():
            lengths[user] = len(tracks)
            table[user, : len(tracks)] = tracks
        rng = stream(self.seed, "compared sessions")
        users = uniform_ints(rng, self.sessions, 0, users_count).astype(np.int32)
        patience = draw_patience(rng, self.sessions)
        heard: Ints = np.full(self.sessions, FULL, dtype=np.int64)
        going = np.ones(self.sessions, dtype=np.bool_)
        for _ in range(1, LONGEST_SESSION):
            # Drawn for the sessions that have ended, too: so each has its own random numbers.
            places = (rng.random(self.sessions) * lengths[users]).astype(np.int64)
            anything = uniform_ints(rng, self.sessions, 0, tracks_count)
            played = np.where(lengths[users] > 0, table[users, places], anything).astype(np.int32)
            levels = match_levels(self.catalog, self.listeners, users, played)
            hundredths = listen(rng, levels)
            heard[going] += hundredths[going]
            patience[going] -= FULL - hundredths[going]
            going &= patience > 0
        return heard / FULL


def main() -> int:
    """Simulate, build with each preset, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--users", type=int, default=9_500)
    parser.add_argument("--tracks", type=int, default=50_000)
    parser.add_argument("--events", type=int, default=174_000)
    parser.add_argument("--recommender", choices=RECOMMENDERS, default="random")
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--hidden", type=float, default=0.07, help="share of the users (0.07)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    audience = Audience.of(arguments.seed, arguments.users, arguments.tracks, arguments.sessions)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        logs, known = known_logs(folder, arguments)
        everyone = folder / "everyone.txt"
        everyone.write_text("".join(f"{user}\n" for user in range(arguments.users)))
        built = {preset: built_lists(folder, logs, everyone, preset) for preset in PRESETS}
    print("| lists | without logs: random | without logs: popular | to the first |")
    print("|---|--:|--:|--:|")
    of_known = {
        preset: {user: tracks for user, tracks in lists.items() if user in known}
        for preset, lists in built.items()
    }
    first = audience.session_times(of_known[PRESETS[0]])
    for preset, lists in built.items():
        popular = audience.session_times(lists)
        print_row(preset, audience.session_times(of_known[preset]), f"{popular.mean():.3f}", first)
    (chart,) = {tuple(tracks) for user, tracks in built[PRESETS[0]].items() if user not in known}
    for_all = {user: list(chart) for user in range(arguments.users)}
    print_row("popular tracks for everyone", audience.session_times(for_all), "", first)
    print_row("random tracks for everyone", audience.session_times({}), "", first)
    return 0


def known_logs(folder: Path, arguments: argparse.Namespace) -> tuple[Path, set[int]]:
    """The folder of the logs without the events of the hidden users, and who is in them."""
    logs = folder / "logs"
    simulate(
        logs,
        users=arguments.users,
        tracks=arguments.tracks,
        events=arguments.events,
        seed=arguments.seed,
        recommender=arguments.recommender,
    )
    is_hidden = stream(arguments.seed, "hidden").random(arguments.users) < arguments.hidden
    known = set()
    for path in logs.glob("*/data.json"):
        kept = []
        for line in path.read_text().splitlines(keepends=True):
            user = json.loads(line)["user"]
            if not is_hidden[user]:
                kept.append(line)
                known.add(user)
        path.write_text("".join(kept))
    return logs, known


def built_lists(folder: Path, logs: Path, users: Path, preset: str) -> dict[int, list[int]]:
    """The lists of a build, by user: of all in the logs, and of all in the file of users."""
    output = folder / "lists.json"
    ubcf.build(
        logs,
        database=folder / "build.duckdb",
        output=output,
        preset=preset,
        users=users,
        top=TOP,
        store_neighbors=0,
    )
    rows = map(json.loads, output.read_text().splitlines())
    return {row["user"]: row["tracks"] for row in rows}


def print_row(name: str, times: Floats, popular: str, first: Floats) -> None:
    """Print the mean time, and the interval of its difference from the first, as shares."""
    difference = (times - first) / first.mean()
    middle, half = difference.mean(), 1.96 * difference.std() / np.sqrt(len(difference))
    change = f"{middle:+.1%} ({middle - half:+.1%} to {middle + half:+.1%})" if half > 0 else ""
    print(f"| {name} | {times.mean():.3f} | {popular} | {change} |", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
