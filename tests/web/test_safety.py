"""Nobody but those who may gets an answer, and no answer runs what a log says."""

from __future__ import annotations

import base64
import http.client
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import pytest

from tests.support.browsing import Site, browsing
from tests.support.builds import Built
from ubcf.errors import OptionError
from ubcf.web.safety import LARGEST_BODY, Rules, is_loopback

TOKEN = "a-token-of-the-tests-31"

OPENED = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.fixture(scope="module")
def site(sample: Built) -> Iterator[Site]:
    """The pages on loopback, without a token."""
    with browsing(sample.database) as site:
        yield site


@pytest.fixture(scope="module")
def guarded(sample: Built) -> Iterator[Site]:
    """The pages of a server that asks for a token, and is known by a further name."""
    rules = Rules.of("127.0.0.1", ["music.example"], TOKEN)
    with browsing(sample.database, rules=rules) as site:
        yield site


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


# What each attempt sends, and the status that it gets.
ATTEMPTS: dict[str, tuple[str, str, dict[str, str], int]] = {
    "another name (rebinding)": ("GET", "/users", {"Host": "evil.example"}, 403),
    "another name with our port": ("GET", "/users", {"Host": "evil.example:8765"}, 403),
    "a name that ends in ours": ("GET", "/users", {"Host": "evil.localhost"}, 403),
    "a name that begins with ours": ("GET", "/users", {"Host": "localhost.evil.example"}, 403),
    "our name as that of a user": ("GET", "/users", {"Host": "localhost@evil.example"}, 403),
    "another address": ("GET", "/users", {"Host": "192.168.0.1"}, 403),
    "an empty name": ("GET", "/users", {"Host": ""}, 403),
    "another name for a file": ("GET", "/static/browse.js", {"Host": "evil.example"}, 403),
    "a request of a script elsewhere": ("GET", "/users", {"Origin": "https://evil.example"}, 403),
    "a script on another port": ("GET", "/users", {"Origin": "http://127.0.0.1:1"}, 403),
    "a script of a file": ("GET", "/users.json", {"Origin": "null"}, 403),
    "an image elsewhere": (
        "GET",
        "/users/7",
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        403,
    ),
    "a frame elsewhere": (
        "GET",
        "/users/7",
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        403,
    ),
    "a script of another port of this machine": (
        "GET",
        "/users.json",
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
        403,
    ),
    "a link elsewhere to what computes": (
        "GET",
        "/users/7/tracks/526",
        {"Sec-Fetch-Site": "cross-site", **OPENED},
        403,
    ),
    "a link on another port to what computes": (
        "GET",
        "/users/7/tracks/526.json",
        {"Sec-Fetch-Site": "same-site", **OPENED},
        403,
    ),
    "a form elsewhere": (
        "POST",
        "/users",
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", **OPENED},
        403,
    ),
    "a form of a page without an origin": ("POST", "/users", {"Origin": "null"}, 403),
    "a form elsewhere, of an old browser": ("POST", "/users", {"Origin": "http://evil"}, 403),
    "a method that there is not": ("POST", "/users", {}, 405),
    "a method that changes": ("DELETE", "/users/7", {}, 405),
    "a file above the folder": ("GET", "/static/../safety.py", {}, 404),
    "a file above the folder, encoded": ("GET", "/static/%2e%2e%2fsafety.py", {}, 404),
    "a file by its whole path": ("GET", "/static//etc/passwd", {}, 404),
    "a file of another system": ("GET", "/static/..%5c..%5csafety.py", {}, 404),
    "a user that is a path": ("GET", "/users/~2E~2E~2F~2E~2E~2Fetc~2Fpasswd", {}, 404),
    "a user that is SQL": ("GET", "/users/7'%20or%20'1'='1", {}, 404),
    "a user that ends a statement": ("GET", "/users/~27~3B drop table users~3B--", {}, 404),
    "a user that is no text": ("GET", "/users/~FF~FE", {}, 404),
    "a track that is SQL": ("GET", "/tracks/1)%20union%20select%201--", {}, 404),
    "an order that is SQL": ("GET", "/users?sort=events;%20drop%20table%20users", {}, 400),
    "a direction that is SQL": ("GET", "/users?direction=asc,(select%201)", {}, 400),
    "a page that is no number": ("GET", "/users?page=1%20or%201=1", {}, 400),
    "a page beyond all numbers": ("GET", f"/users?page={'9' * 30}", {}, 400),
    "a text that is too long": ("GET", f"/users?q={'x' * 20_000}", {}, 400),
    "a body that is announced as too large": (
        "GET",
        "/users",
        {"Content-Length": str(LARGEST_BODY + 1)},
        413,
    ),
    "a whole address instead of a path": ("GET", "http://evil.example/users", {}, 403),
}


def raw(path: str) -> str:
    """A path as it goes over the wire: http.client refuses spaces."""
    return path.replace(" ", "%20")


@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_attempt_does_not_get_through(name: str, site: Site) -> None:
    method, path, headers, status = ATTEMPTS[name]
    received = site.ask(raw(path), headers, method)
    assert received.status == status
    assert b"Traceback" not in received.body
    assert b"root:" not in received.body
    assert received.headers["content-security-policy"].startswith("default-src 'none'")


def test_the_server_answers_after_all_attempts(site: Site) -> None:
    assert site.twin("/users.json")["found"] == 400
    assert site.ask("/users/7").status == 200


def test_a_header_cannot_be_injected(site: Site) -> None:
    received = site.ask("/users/%0d%0aSet-Cookie:%20a=b?q=%0d%0aX-Evil:%201")
    assert received.status == 404
    assert not {"set-cookie", "x-evil"} & received.headers.keys()


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /users HTTP/1.1\r\n\r\n",
        b"GET /users HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET /users HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"u" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        (
            b"POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"HELLO\r\n\r\n",
    ],
    ids=["no host", "two hosts", "long header", "long path", "two lengths", "TLS", "no HTTP"],
)
def test_what_is_no_request_of_ours_is_refused(sent: bytes, site: Site) -> None:
    with closing(socket.create_connection(("127.0.0.1", site.port), timeout=30)) as connection:
        connection.sendall(sent)
        answer = connection.recv(65_536)
        assert re.match(rb"HTTP/1.1 4\d\d ", answer) or answer == b""
    assert site.ask("/users").status == 200


def test_a_body_that_grows_too_large_is_refused(site: Site) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)) as connection:
        chunks = iter([b"x" * 100_000] * 12)
        connection.request("POST", "/users", chunks, encode_chunked=True)
        assert connection.getresponse().status == 405
    assert site.ask("/users").status == 200


def test_slow_connections_do_not_stop_it(site: Site) -> None:
    """200 that send the head of a request, or a body, byte by byte; they are closed later."""
    with ExitStack() as stack:
        for number in range(200):
            slow = stack.enter_context(
                closing(socket.create_connection(("127.0.0.1", site.port), timeout=30))
            )
            if number % 2:
                slow.sendall(b"GET /users HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
            else:
                slow.sendall(
                    b"POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx"
                )
        assert site.ask("/users").status == 200
        assert site.ask("/users/7").status == 200


def test_a_connection_that_sends_nothing_further_is_closed(
    sample: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ubcf.web.connections.SECONDS", 0.2)
    with browsing(sample.database) as site:
        for sent in (b"", b"GET /users HTTP/1.1\r\nHost: ", b"GET / HTTP/1.1\r\n"):
            with closing(socket.create_connection(("127.0.0.1", site.port), 30)) as connection:
                connection.sendall(sent)
                connection.settimeout(30)
                with suppress(ConnectionResetError):
                    assert connection.recv(100) == b""
        assert site.ask("/users").status == 200


# Who may ask


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:1", "[::1]:8765"])
def test_this_machine_may_ask_by_its_own_names(host: str, site: Site) -> None:
    assert site.ask("/users", {"Host": host}).status == 200


def test_a_link_elsewhere_may_lead_to_what_does_not_compute(site: Site) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", **OPENED}
    assert site.ask("/users/7", headers).status == 200
    refused = site.ask("/users/7/tracks/526", headers)
    assert (refused.status, "Open this page from here" in refused.text) == (403, True)
    from_here = {"Sec-Fetch-Site": "same-origin", **OPENED}
    assert site.ask("/users/7/tracks/526", from_here).status == 200


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        (basic(TOKEN), 200),
        (f"Bearer {TOKEN}", 200),
        (basic(TOKEN + "x"), 401),
        (basic(""), 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        (f"Basic {TOKEN}", 401),
        ("Basic !!!", 401),
        (f"Digest {TOKEN}", 401),
        (TOKEN, 401),
    ],
)
def test_a_token_opens_every_page_and_file(
    authorization: str | None, status: int, guarded: Site
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for path in ("/", "/users.json", "/static/browse.js"):
        received = guarded.ask(path, headers)
        assert received.status == status
        assert TOKEN not in received.text


def test_a_browser_is_asked_for_the_token(guarded: Site) -> None:
    assert guarded.ask("/").headers["www-authenticate"].startswith("Basic ")


def test_a_further_name_is_allowed(guarded: Site) -> None:
    headers = {"Authorization": basic(TOKEN), "Host": "music.example"}
    assert guarded.ask("/users", headers).status == 200
    own = {**headers, "Origin": "https://music.example"}
    assert guarded.ask("/users", own).status == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "music.example", ""])
def test_an_open_network_needs_a_token(host: str) -> None:
    with pytest.raises(OptionError, match="--token"):
        Rules.of(host, (), None)
    assert Rules.of(host, (), TOKEN).token == TOKEN


def test_a_short_token_is_refused() -> None:
    with pytest.raises(OptionError, match="at least 16"):
        Rules.of("127.0.0.1", (), "secret")


def test_loopback_is_what_only_this_machine_reaches() -> None:
    assert [host for host in ("127.0.0.1", "127.8.9.1", "::1", "localhost", "10.0.0.1", "0.0.0.0")
            if is_loopback(host)] == ["127.0.0.1", "127.8.9.1", "::1", "localhost"]  # fmt: skip


def test_all_addresses_are_known_by_any_number_and_no_further_name() -> None:
    rules = Rules.of("0.0.0.0", (), TOKEN)
    assert rules.allows_host("192.168.0.7:8765")
    assert not rules.allows_host("evil.example:8765")


# What an answer allows


@pytest.mark.parametrize(
    "path", ["/", "/users", "/users.json", "/users/99999", "/nowhere", "/static/browse.css"]
)
def test_every_answer_has_the_headers_that_bound_a_browser(path: str, site: Site) -> None:
    headers = site.ask(path).headers
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "set-cookie" not in headers
    assert "server" not in headers
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("path", ["/", "/users", "/users/7", "/users/7/tracks/526", "/tracks/526"])
def test_no_page_has_what_the_policy_refuses_or_loads_from_elsewhere(path: str, site: Site) -> None:
    site.answering.builds._build.overview.result(60)
    page = site.page(path)
    for tag, attributes in page.elements:
        assert "style" not in attributes
        assert tag not in ("style", "iframe", "object", "embed", "base")
        assert not [name for name in attributes if name.startswith("on")]
        if tag == "script":
            assert (attributes["src"] or "").startswith("/static/")
        for name in ("src", "href", "action"):
            assert (attributes.get(name) or "/").startswith(("/", "#", "?"))
