"""The commands of ubcf, one module each, and the group that joins them."""

from __future__ import annotations

import click

from ubcf._version import __version__
from ubcf.commands.completion import FILE
from ubcf.commands.group import Commands
from ubcf.commands.modules import CommandModules
from ubcf.commands.variables import CONFIG, SETTINGS_NAME

# The first sentence of each command's help. It stands here too, so that the list of commands is
# printed without loading them.
SUMMARIES = {
    "browse": "Look things up in a browser: users, tracks, and why somebody gets something.",
    "build": "Build recommendations from LOGS: files, folders, or quoted patterns (default: data).",
    "check": (
        "Check whether a build is healthy: exit code 0 if it is, 3 if not, 1 if it cannot be "
        "checked."
    ),
    "config": "Show the options of COMMAND, or of all commands, and where each value comes from.",
    "diff": "Compare two databases of builds, OLD and NEW.",
    "evaluate": (
        "Measure recommendations: train on a part of LOGS, test on the events that were held out."
    ),
    "experiment": "Analyze an A/B experiment, or all without NAME: what each treatment changed.",
    "explain": "Explain the score of a track for a user: what each neighbor contributes.",
    "inspect": "Show one user or one track: events, interactions, recommendations.",
    "predict": "Predict how much of a track a user would listen to, for each pair in PAIRS.",
    "query": "Run a named analysis over a database; without NAME, list them.",
    "recommend": "Recommend tracks to a person who came after the build, from what they heard.",
    "report": (
        "Write a page about a build: its health, charts, experiments, tracks, and some users in "
        "full."
    ),
    "simulate": "Write simulated logs and a catalog, in the layout of the service.",
    "sql": "Run SQL over a database, read-only: QUERY, or - for stdin, or --file.",
    "templates": "List the SQL files of ubcf and what each makes; with NAME, print them.",
}


@click.group(
    cls=Commands,
    loaded=CommandModules(SUMMARIES),
    summaries=SUMMARIES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.option(
    "--config",
    metavar="FILE",
    type=FILE,
    envvar=CONFIG,
    help=f"The file of settings.  [default: {SETTINGS_NAME}, if there is one]",
)
def ubcf(config: str | None) -> None:
    """Recommendations from the JSON logs of a music service, by user-based collaborative filtering.

    DuckDB reads the logs, SQL models them, sparse matrices score them; the results are a DuckDB
    file that anyone can query and a JSON file that the service loads.

    Every option can be set by an environment variable named after the command and the option, as
    UBCF_BUILD_TOP sets --top of the build; or in ubcf.toml, there as top in the table [build].
    """
