"""ubcf browse."""

from __future__ import annotations

from typing import Any

import click

from ubcf.commands.check import thresholds_of_settings
from ubcf.commands.options import database_option, quiet_flag


@click.command(
    epilog="""\b
Examples:
  ubcf browse
  ubcf browse -d today.duckdb --against yesterday.duckdb
  ubcf browse --port 0 --no-open
  UBCF_BROWSE_TOKEN=$(openssl rand -hex 16) ubcf browse --host 0.0.0.0"""
)
@database_option
@click.option(
    "--against",
    metavar="FILE",
    help="The database of another build, such as yesterday's, to compare with.",
)
@click.option(
    "--host",
    metavar="HOST",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen at; one that other machines reach needs --token.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    metavar="PORT",
    default=8765,
    show_default=True,
    help="The port to listen at; 0: any that is free.",
)
@click.option(
    "--token",
    metavar="TEXT",
    help="What a reader must know, of at least 16 characters: the password that the browser asks "
    "for, with any name, or the Bearer token of a program. Other users of this machine see options "
    "in the list of processes, but not the variable UBCF_BROWSE_TOKEN.",
)
@click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    metavar="NAME",
    help="A further name by which browsers may address this server; can be repeated.",
)
@click.option(
    "--open/--no-open",
    "opens",
    default=True,
    show_default=True,
    help="Open the first page in a browser.",
)
@quiet_flag
@click.pass_context
def browse(
    context: click.Context,
    /,
    database: str,
    against: str | None,
    host: str,
    port: int,
    token: str | None,
    allow_hosts: tuple[str, ...],
    opens: bool,
    quiet: bool,
) -> None:
    """Look things up in a browser: users, tracks, and why somebody gets something.

    Pages about a build, which is only read, until Ctrl-C. Each has a twin in JSON: its address with
    .json. When another build replaces the database, the pages show it. Needs starlette, uvicorn and
    matplotlib: pip install 'ubcf[browse]'.
    """
    from pathlib import Path

    from ubcf.errors import UbcfError

    try:
        import matplotlib  # noqa: F401  draws the charts

        from ubcf.web.server import Browsing, open_browser, serve
    except ImportError as error:
        raise UbcfError(
            f"ubcf browse needs starlette, uvicorn and matplotlib ({error}); install them by: "
            "pip install 'ubcf[browse]'"
        ) from error

    def say_and_open(address: str) -> None:
        click.echo(address)
        if not quiet:
            click.echo(f"ubcf: shows {database}; Ctrl-C ends", err=True)
        if opens:
            open_browser(address)

    # Pages do not tell how old the build is when somebody reads them.
    thresholds: dict[str, Any] = {**thresholds_of_settings(context), "max_build_age": None}
    serve(
        Browsing(
            Path(database),
            None if against is None else Path(against),
            host,
            port,
            token,
            allow_hosts,
            thresholds,
        ),
        say_and_open,
    )
