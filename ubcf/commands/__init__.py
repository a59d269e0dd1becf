"""The commands of ubcf, one module each, and the group that joins them."""

from __future__ import annotations

import click

from ubcf._version import __version__
from ubcf.commands.browse import browse
from ubcf.commands.build import build
from ubcf.commands.check import check
from ubcf.commands.completion import complete_values
from ubcf.commands.config import config
from ubcf.commands.diff import diff
from ubcf.commands.evaluate import evaluate
from ubcf.commands.experiment import experiment
from ubcf.commands.explain import explain
from ubcf.commands.group import Commands
from ubcf.commands.inspect import inspect
from ubcf.commands.predict import predict
from ubcf.commands.query import query
from ubcf.commands.recommend import recommend
from ubcf.commands.report import report
from ubcf.commands.simulate import simulate
from ubcf.commands.sql import sql
from ubcf.commands.templates import templates
from ubcf.commands.variables import CONFIG, SETTINGS_NAME, name_variables


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.option(
    "--config",
    metavar="FILE",
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


ubcf.add_command(browse)
ubcf.add_command(build)
ubcf.add_command(check)
ubcf.add_command(config)
ubcf.add_command(diff)
ubcf.add_command(evaluate)
ubcf.add_command(experiment)
ubcf.add_command(explain)
ubcf.add_command(inspect)
ubcf.add_command(predict)
ubcf.add_command(query)
ubcf.add_command(recommend)
ubcf.add_command(report)
ubcf.add_command(simulate)
ubcf.add_command(sql)
ubcf.add_command(templates)
name_variables(ubcf)
complete_values(ubcf)
