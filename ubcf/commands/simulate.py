"""ubcf simulate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ubcf.commands.options import MOST, narration_options
from ubcf.simulation import RECOMMENDERS

if TYPE_CHECKING:
    from ubcf.commands.progress import Narration
    from ubcf.simulation import Recommender


@click.command("simulate")
@click.option(
    "--users",
    default=1_000,
    show_default=True,
    type=click.IntRange(min=1, max=MOST),
    help="Listeners.",
)
@click.option(
    "--tracks",
    default=2_000,
    show_default=True,
    type=click.IntRange(min=1, max=MOST),
    help="Tracks in the catalog.",
)
@click.option(
    "--events",
    default=20_000,
    show_default=True,
    type=click.IntRange(min=1, max=MOST),
    help="Events in all logs together. Every user appears if there are about 8 for each.",
)
@click.option(
    "--replicas",
    default=2,
    show_default=True,
    type=click.IntRange(min=1, max=MOST),
    help="Replicas of the service, each with a log of its own.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(min=0, max=MOST),
    help="Another seed gives other logs; the same options give the same bytes.",
)
@click.option(
    "--recommender",
    default=RECOMMENDERS[0],
    show_default=True,
    type=click.Choice(RECOMMENDERS),
    help=(
        "What the service recommends apart from taste: tracks of the chart, or any at random; then "
        "users share few tracks, as in logs of real listeners."
    ),
)
@click.option(
    "--out",
    default="logs",
    show_default=True,
    metavar="DIR",
    help="The folder to write to: empty, or made if absent.",
)
@click.option("--force", is_flag=True, help="Write over an earlier simulation in the folder.")
@narration_options
def simulate(
    users: int,
    tracks: int,
    events: int,
    replicas: int,
    seed: int,
    recommender: Recommender,
    out: str,
    force: bool,
    narration: Narration,
) -> None:
    """Write simulated logs and a catalog, in the layout of the service.

    Users have tastes for genres and artists, and listen longer to tracks that match them. In the
    experiment TASTE_SHARE, T1 recommends better than C; in AA_CHECK nothing differs.

    \b
    Example:
      ubcf simulate --users 500 --events 10000 --out logs
    \b
    Writes:
      logs/tracks.json
      logs/botify-recommender-1/data.json
      logs/botify-recommender-2/data.json
    """
    from pathlib import Path

    from ubcf.simulation.simulate import simulate as write_logs

    with narration.progress("simulating", events) as advance:
        summary = write_logs(
            Path(out),
            users=users,
            tracks=tracks,
            events=events,
            replicas=replicas,
            seed=seed,
            recommender=recommender,
            force=force,
            progress=advance,
        )
    if not narration.quiet:
        click.echo(str(summary))
