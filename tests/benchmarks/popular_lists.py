"""Which popular tracks fit users without logs? One command:

    python tests/benchmarks/popular_lists.py LOGS... [--simulated USERS,TRACKS,EVENTS] [--seed 0]

LOGS are folders of logs. The users of each are split in five parts; all events of one part are
hidden in turn, so that its users have no logs, and one list for all of them is made from the events
of the others, by four measures of a track with n listeners:

    total time           the sum of time over the plays: what `popularity` means in a build
    centered total       the sum of h over the listeners; h: mean time on the track less the mean
                         time of the user
    centered total, shrunk
                         this sum times n / (n + 10)
    centered mean, shrunk
                         this sum divided by n + 10: the baseline `best_listened` of `ubcf evaluate`

The figures are means over all users, each measured while hidden; relevant is what a user heard for
longer than the own mean time, and the gain its time, as in sql/evaluation/metrics/:

    ndcg@10, ndcg@100, hit rate@100
    heard: the time, over all hidden plays of tracks in the list of 100, as a mean of plays

Logs show only what users were offered. --simulated writes logs of listeners with known tastes by
`ubcf simulate`, and adds what no log has:

    expected: the share of a track that a hidden user would hear, mean over the 100 tracks

`*`: the 95 % interval of the difference from the first row, paired by user, excludes 0.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

import ubcf
from ubcf.simulation.catalog import Catalog, make_catalog
from ubcf.simulation.draws import stream
from ubcf.simulation.listeners import FULL, Listeners, listen, make_listeners, match_levels
from ubcf.simulation.simulate import simulate

PARTS = 5
TOP = 100
SHRINKAGE = 10
LEVELS = 4
DRAWS = 1_000_000

MEASURES = {
    "total time": "total_time",
    "centered total": "centered_total",
    "centered total, shrunk": f"centered_total * listeners / (listeners + {SHRINKAGE})",
    "centered mean, shrunk": f"centered_total / (listeners + {SHRINKAGE})",
}
# One row per user: its part.
USERS = """
create table parts as
select "user", mean_time, abs(hash("user", $seed)) % $parts as part from users
"""

# One row per hidden part, track and measure: the rank in the list for the users of the part.
LISTS = """
create table lists as
with
figures as (
    select
        hidden.part,
        interactions.track,
        count(*) as listeners,
        sum(interactions.plays * interactions.mean_time) as total_time,
        sum(interactions.mean_time - parts.mean_time) as centered_total
    from interactions
    inner join parts on interactions."user" = parts."user"
    inner join (select distinct part from parts) as hidden on parts.part <> hidden.part
    group by hidden.part, interactions.track
),

scores as (
    {scores}
)

select
    part,
    measure,
    track,
    row_number() over (partition by part, measure order by score desc, track) as rank
from scores
qualify rank <= $top
"""

# One row per user and measure: the figures of the list of the user's part.
VALUES = """
with
truth as (
    select
        parts.part,
        interactions."user",
        interactions.track,
        interactions.plays,
        interactions.mean_time as time,
        interactions.mean_time - parts.mean_time >= 1e-9 as relevant
    from interactions
    inner join parts on interactions."user" = parts."user"
),

best as (
    select
        "user",
        sum(time / log2(place + 1)) filter (where place <= 10) as best_10,
        sum(time / log2(place + 1)) as best_100
    from (
        select
            "user",
            time,
            row_number() over (partition by "user" order by time desc) as place
        from truth
        where relevant
    )
    where place <= 100
    group by "user"
),

measures as (select distinct measure from lists),

found as (
    select
        measures.measure,
        truth."user",
        coalesce(
            sum(truth.time / log2(lists.rank + 1)) filter (where relevant and lists.rank <= 10), 0
        ) as gain_10,
        coalesce(sum(truth.time / log2(lists.rank + 1)) filter (where relevant), 0) as gain_100,
        count(lists.rank) filter (where relevant) > 0 as hit,
        sum(truth.time * truth.plays) filter (where lists.rank is not null) as heard_time,
        sum(truth.plays) filter (where lists.rank is not null) as heard_plays
    from truth
    cross join measures
    left join lists
        on truth.part = lists.part and measures.measure = lists.measure
        and truth.track = lists.track
    group by measures.measure, truth."user"
)

select
    found.measure,
    found.gain_10 / best.best_10,
    found.gain_100 / best.best_100,
    cast(found.hit as double),
    coalesce(found.heard_time, 0),
    coalesce(found.heard_plays, 0)
from found
left join best on found."user" = best."user"
where found.measure = $measure
order by found."user"
"""

Values = tuple[NDArray[np.float64], NDArray[np.float64]]


def main() -> int:
    """Measure the lists of all logs and print a table for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("logs", nargs="*", type=Path)
    parser.add_argument("--simulated", metavar="USERS,TRACKS,EVENTS")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for logs in arguments.logs:
            print_table(str(logs), measured(logs, Path(folder), arguments.seed), arguments.seed)
        if arguments.simulated:
            users, tracks, events = map(int, arguments.simulated.split(","))
            logs = Path(folder, "simulated")
            simulate(
                logs, users=users, tracks=tracks, events=events, replicas=2, seed=arguments.seed
            )
            tastes = Tastes.of(arguments.seed, users, tracks)
            found = measured(logs, Path(folder), arguments.seed, tastes)
            print_table(f"simulated {arguments.simulated}", found, arguments.seed)
    return 0


@dataclass(frozen=True)
class Tastes:
    """What simulated users would hear of any track: a share in the mean for each level of taste."""

    catalog: Catalog
    listeners: Listeners
    share_of_level: NDArray[np.float64]

    @classmethod
    def of(cls, seed: int, users: int, tracks: int) -> Tastes:
        """The tastes of the simulation with these arguments."""
        catalog = make_catalog(stream(seed, "catalog"), tracks)
        listeners = make_listeners(stream(seed, "listeners"), users, catalog)
        rng = np.random.default_rng(0)
        shares = [listen(rng, np.full(DRAWS, level)).mean() / FULL for level in range(LEVELS)]
        return cls(catalog, listeners, np.array(shares))

    def of_list(self, users: NDArray[np.int32], tracks: list[int]) -> NDArray[np.float64]:
        """The share that each user would hear of a track of the list, in the mean: (users,)."""
        levels = [
            match_levels(self.catalog, self.listeners, users, np.full_like(users, track))
            for track in tracks
        ]
        mean: NDArray[np.float64] = self.share_of_level[np.stack(levels)].mean(axis=0)
        return mean


def measured(
    logs: Path, folder: Path, seed: int, tastes: Tastes | None = None
) -> dict[str, dict[str, Values]]:
    """The values of each user, and their weights, by measure and figure."""
    database = folder / "build.duckdb"
    ubcf.build(logs, database=database, output=folder / "lists.json", store_neighbors=0)
    found: dict[str, dict[str, Values]] = {}
    with duckdb.connect() as connection:
        connection.execute(f"attach '{database}' as built (read_only)")
        connection.execute("create view users as from built.users")
        connection.execute("create view interactions as from built.interactions")
        connection.execute(USERS, {"seed": seed, "parts": PARTS})
        scores = " union all ".join(
            f"select part, '{name}' as measure, track, {score} as score from figures"
            for name, score in MEASURES.items()
        )
        connection.execute(LISTS.format(scores=scores), {"top": TOP})
        for name in MEASURES:
            rows = connection.execute(VALUES, {"measure": name}).fetchnumpy()
            ndcg_10, ndcg_100, hit, time, plays = (
                np.ma.filled(np.ma.asarray(column).astype(float), np.nan)
                for column in list(rows.values())[1:]
            )
            counted = (~np.isnan(ndcg_10)).astype(float)
            found[name] = {
                "ndcg@10": (np.nan_to_num(ndcg_10), counted),
                "ndcg@100": (np.nan_to_num(ndcg_100), counted),
                "hit rate@100": (hit * counted, counted),
                "heard": (time, plays),
            }
            if tastes is not None:
                found[name]["expected"] = expected(connection, name, tastes)
    return found


def expected(connection: duckdb.DuckDBPyConnection, measure: str, tastes: Tastes) -> Values:
    """The share that each hidden user would hear of a track of the list."""
    lists = connection.execute(
        """
        select users, tracks
        from (select part, list("user" order by "user") as users from parts group by part)
        inner join (select part, list(track) as tracks from lists where measure = ? group by part)
            using (part)
        """,
        [measure],
    ).fetchall()
    users = np.concatenate([np.array(users, dtype=np.int32) for users, _ in lists])
    shares = np.concatenate(
        [tastes.of_list(np.array(users, dtype=np.int32), tracks) for users, tracks in lists]
    )
    return shares[np.argsort(users)], np.ones(len(users))


def print_table(title: str, found: dict[str, dict[str, Values]], seed: int) -> None:
    """Print the figures of each measure, with a mark where they differ from those of the first."""
    first = next(iter(found.values()))
    print(f"\n{title} ({len(first['heard'][0]):,} users)\n")
    print("| measure | " + " | ".join(first) + " |\n|---|" + "--:|" * len(first))
    for name, figures in found.items():
        cells = []
        for figure, (values, weights) in figures.items():
            mean = values.sum() / weights.sum()
            low, high = interval(figures[figure], first[figure], seed)
            cells.append(f"{mean:.4f}" + ("*" if low > 0 or high < 0 else ""))
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def interval(
    ours: Values, theirs: Values, seed: int, resamples: int = 1_000
) -> tuple[float, float]:
    """The 95 % interval of the difference of two weighted means, by resampling users."""
    rng = np.random.default_rng(seed)
    users = len(ours[0])
    differences = []
    for _ in range(resamples):
        times = np.bincount(rng.integers(users, size=users), minlength=users)
        means = [float(times @ v) / max(float(times @ w), 1e-9) for v, w in (ours, theirs)]
        differences.append(means[0] - means[1])
    low, high = np.quantile(differences, [0.025, 0.975])
    return float(low), float(high)


if __name__ == "__main__":
    raise SystemExit(main())
