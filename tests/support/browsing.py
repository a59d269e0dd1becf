"""The pages of `ubcf browse` on a server of this process, on loopback."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from ubcf.web.answering import Answering
from ubcf.web.app import PAGES
from ubcf.web.builds import Builds
from ubcf.web.page import Page
from ubcf.web.safety import Rules
from ubcf.web.server import Server, bind

SECONDS = 60


@dataclass(frozen=True)
class Received:
    """An answer: its status, its headers by small names, and its body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def data(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Site:
    """A running server, asked as a program would: each request over a connection of its own."""

    def __init__(self, port: int, builds: Builds, answering: Answering) -> None:
        self.port, self.builds, self.answering = port, builds, answering

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        body: bytes | None = None,
    ) -> Received:
        """Sends a request. headers: besides Host, which may be among them."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        with contextlib.closing(connection):
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Received(response.status, found, response.read())

    def page(self, path: str) -> Content:
        """The elements of a page that there is."""
        received = self.ask(path)
        assert received.status == 200, received.text
        return Content(received.text)

    def twin(self, path: str) -> Any:
        """The data of a JSON twin that there is."""
        received = self.ask(path)
        assert received.status == 200, received.text
        assert received.headers["content-type"] == "application/json"
        return received.data


class Content(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self._texts.append(data)

    @property
    def text(self) -> str:
        """The text, each run of spaces a single one."""
        return re.sub(r"\s+", " ", "".join(self._texts)).strip()

    def links(self, start: str = "") -> list[str]:
        """The addresses of links that begin with a text, each once, in order."""
        found = (a.get("href") or "" for tag, a in self.elements if tag == "a")
        return list(dict.fromkeys(link for link in found if link.startswith(start)))


@contextlib.contextmanager
def browsing(
    database: Path,
    against: Path | None = None,
    *,
    rules: Rules | None = None,
    pages: tuple[Page, ...] = PAGES,
    **options: Any,
) -> Iterator[Site]:
    """A server that shows a database. options: of Builds."""
    listener = bind("127.0.0.1", 0)
    builds = Builds(database, against, **options)
    answering = Answering(builds, pages)
    ready = threading.Event()
    server = Server(answering, rules or Rules.of("127.0.0.1", (), None), ready.set)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        assert ready.wait(SECONDS)
        yield Site(listener.getsockname()[1], builds, answering)
    finally:
        server.should_exit = True
        thread.join(SECONDS)
        answering.close()
        listener.close()
    assert not thread.is_alive()
