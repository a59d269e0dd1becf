"""The server of `ubcf browse`: it binds its address, and runs until Ctrl-C."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from ubcf.errors import ENDING_SIGNALS, OptionError, UbcfError
from ubcf.web.answering import Answering
from ubcf.web.app import PAGES, make_app
from ubcf.web.builds import Builds
from ubcf.web.connections import Connection
from ubcf.web.safety import LARGEST_HEAD, Rules

# Connections at once; further ones are told to come again.
MOST_CONNECTIONS = 500

# Time for answers that are under way when the server ends, in seconds.
SECONDS_TO_END = 2


@dataclass(frozen=True)
class Browsing:
    """What is shown, and to whom.

    database: of a build; against: of another, to compare with. host, port: where to listen; port 0:
    any that is free. token: that other machines need. allow_hosts: further names of this server.
    thresholds: of the checks of health.
    """

    database: Path
    against: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = None
    allow_hosts: Sequence[str] = ()
    thresholds: dict[str, Any] | None = None


def serve(browsing: Browsing, when_ready: Callable[[str], None]) -> None:
    """Shows a database until Ctrl-C or TERM. when_ready: called with the address of the pages.

    Raises OptionError for an address that is open to others without a token, and one that does not
    exist; DatabaseError if a database cannot be used; UbcfError if the port is taken.
    """
    rules = Rules.of(browsing.host, browsing.allow_hosts, browsing.token)
    with contextlib.closing(bind(browsing.host, browsing.port)) as listener:
        builds = Builds(browsing.database, browsing.against, browsing.thresholds)
        answering = Answering(builds, PAGES)
        try:
            Server(answering, rules, lambda: when_ready(address_of(listener))).run([listener])
        finally:
            answering.close()


class Server(uvicorn.Server):
    """A server that a signal ends, and that says when it listens."""

    def __init__(self, answering: Answering, rules: Rules, when_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                make_app(answering, rules),
                http=Connection,
                ws="none",
                lifespan="off",
                loop="asyncio",
                log_config=None,
                log_level="critical",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                h11_max_incomplete_event_size=LARGEST_HEAD,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_graceful_shutdown=SECONDS_TO_END,
            )
        )
        self._answering = answering
        self._when_ready = when_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to listen."""
        await super().startup(sockets)
        self._when_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends what is computed, so that nobody waits for it, and closes all connections."""
        self._answering.end()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Makes signals end the server, which is no error; a second one ends it at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.signal(number, self.handle_exit)
            for number in ENDING_SIGNALS
            if signal.getsignal(number) is not signal.SIG_IGN
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises OptionError for an unknown host, UbcfError for a taken port."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise OptionError(f"--host {host}: {getattr(error, 'strerror', None) or error}") from error
    listener = socket.socket(family, kind)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Listens from now on, so that the port is taken while the database is opened.
        listener.listen()
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise UbcfError(
                f"port {port} of {host} is taken, maybe by another ubcf browse; --port 0 takes one "
                "that is free"
            ) from error
        raise OptionError(f"--host {host}, --port {port}: {error.strerror}") from error
    return listener


def address_of(listener: socket.socket) -> str:
    """The address of the first page."""
    host, port = listener.getsockname()[:2]
    named = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{named}]:{port}/" if ":" in named else f"http://{named}:{port}/"


def open_browser(address: str) -> None:
    """Opens a page in the browser of the desktop; does nothing, and says nothing, without one."""
    has_desktop = sys.platform in ("win32", "darwin") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if not has_desktop:
        return
    # A process of its own, since browsers print what does not concern a user of ubcf.
    with contextlib.suppress(OSError):
        subprocess.Popen(
            [sys.executable, "-m", "webbrowser", address],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
