"""Whom a request comes from, and what an answer allows a browser to do.

Any site that somebody visits can make their browser send requests to this server. What such a
request cannot forge is checked: the name that the browser believes to talk to (Host), the site
whose page sends the request (Origin, Sec-Fetch-Site), and a token where the network is open.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ubcf.errors import OptionError

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")

# A token that is shorter could be guessed.
SHORTEST_TOKEN = 16

# The largest address and headers together, in bytes.
LARGEST_HEAD = 65_536

# The largest body of a POST, in bytes.
LARGEST_BODY = 1_000_000

# A page may load its own files alone, send forms to this server alone, and be shown in no frame. No
# script or style within a page runs, so that no text of a log can become one.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:@/\[\]]+)(?::\d{1,5})?", flags=re.IGNORECASE)


@dataclass(frozen=True)
class Rules:
    """Who may ask. hosts: the names by which this server may be addressed, in small letters.

    any_address: any number of an address will do: what makes a browser ask in somebody else's name
    (DNS rebinding) needs a name. token: None: none is needed.
    """

    hosts: frozenset[str]
    any_address: bool
    token: str | None

    @classmethod
    def of(cls, host: str, allowed: Iterable[str], token: str | None) -> Rules:
        """The rules of a server that is bound to `host`. allowed: further names.

        Raises OptionError for a token that is too short, and for an open network without one.
        """
        if token is not None and len(token) < SHORTEST_TOKEN:
            raise OptionError(
                f"--token: it has {len(token)} characters, and could be guessed; take at least "
                f"{SHORTEST_TOKEN}, such as those of: openssl rand -hex 16"
            )
        if token is None and not is_loopback(host):
            raise OptionError(
                f"--host {host}: other machines could read the database; give a --token too, with "
                "which they show that they may"
            )
        names = {name.lower().strip("[]").rstrip(".") for name in (host, *LOOPBACK_NAMES, *allowed)}
        return cls(frozenset(names), is_unspecified(host), token)

    def allows_host(self, header: str) -> bool:
        """Whether the header Host names this server."""
        found = _HOST.fullmatch(header)
        if found is None:
            return False
        name = found[1].lower().strip("[]").rstrip(".")
        return name in self.hosts or (self.any_address and _address(name) is not None)

    def allows_token(self, header: str) -> bool:
        """Whether the header Authorization has the token: as password of Basic, or as Bearer."""
        if self.token is None:
            return True
        scheme, _, value = header.partition(" ")
        given = b""
        if scheme.lower() == "bearer":
            given = value.strip().encode("utf-8", "replace")
        elif scheme.lower() == "basic":
            try:
                given = base64.b64decode(value.strip(), validate=True).partition(b":")[2]
            except (binascii.Error, ValueError):
                return False
        return hmac.compare_digest(given, self.token.encode())


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host."""
    address = _address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def is_unspecified(host: str) -> bool:
    """Whether a host is all addresses of this machine, as 0.0.0.0 is."""
    address = _address(host)
    return address is not None and address.is_unspecified


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def is_foreign(headers: Headers) -> bool:
    """Whether a browser says that a page of another site caused the request."""
    return headers.get("sec-fetch-site", "none") in ("cross-site", "same-site")


class Safety:
    """Refuses what the rules do not allow, and gives each answer the headers of HEADERS."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self.app, self.rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    found[name] = value
                found.setdefault("cache-control", "no-store")
            await send(message)

        head = len(scope["raw_path"]) + len(scope["query_string"])
        head += sum(len(name) + len(value) for name, value in scope["headers"])
        refusal = (
            PlainTextResponse(f"the headers are larger than {LARGEST_HEAD:,} bytes\n", 431)
            if head > LARGEST_HEAD
            else self._refusal(scope["method"], headers)
        )
        if refusal is not None:
            await refusal(scope, receive, send_safely)
            return
        try:
            await self.app(scope, _Limited(receive), send_safely)
        except _TooLargeError:
            await _too_large()(scope, receive, send_safely)

    def _refusal(self, method: str, headers: Headers) -> Response | None:
        """The answer to a request that is not allowed."""
        host = headers.get("host", "")
        if not self.rules.allows_host(host):
            return _refused(
                "this server is not known by the name in the header Host; --allow-host names more"
            )
        if not self.rules.allows_token(headers.get("authorization", "")):
            return PlainTextResponse(
                "the token is missing or wrong: it is the password, with any name\n",
                401,
                {"www-authenticate": 'Basic realm="ubcf browse", charset="UTF-8"'},
            )
        if not _is_of_own_origin(headers, host) or (
            is_foreign(headers) and (method not in ("GET", "HEAD") or not _opens_page(headers))
        ):
            return _refused("a page of another site may link here, and nothing else")
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            return _too_large()
        return None


def _is_of_own_origin(headers: Headers, host: str) -> bool:
    """Whether the header Origin, if there is one, is this server.

    With Referrer-Policy: no-referrer, a form of our own has the origin null: then the browser says
    in another header that it is of the same origin.
    """
    origin = headers.get("origin")
    if origin is None:
        return True
    if origin == "null":
        return headers.get("sec-fetch-site") == "same-origin"
    return re.fullmatch(r"https?://(.*)", origin.lower()) is not None and (
        origin.lower().partition("://")[2] == host.lower()
    )


def _opens_page(headers: Headers) -> bool:
    """Whether a browser opens a page in a tab, as a link does, and not in another page."""
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") in (
        None,
        "document",
    )


def _refused(reason: str) -> Response:
    return PlainTextResponse(f"refused: {reason}\n", 403)


def _too_large() -> Response:
    return PlainTextResponse(f"the body is larger than {LARGEST_BODY:,} bytes\n", 413)


class _TooLargeError(Exception):
    """More of a body has come than there may be."""


class _Limited:
    """Receives a body that is not too large. Raises _TooLargeError for one that is."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._left = receive, LARGEST_BODY

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise _TooLargeError
        return message
