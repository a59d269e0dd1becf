"""Servers on loopback: an object store that speaks S3 (moto), and a web server."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ubcf.remote import _remote_of

# Never to be seen in anything that is printed or stored.
SECRET = "s3cretOfTheTests"

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIA" + SECRET,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nowhere",
    "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
    "NO_PROXY": "127.0.0.1",
}


class Bucket:
    """A bucket of the object store, as its owner sees it."""

    def __init__(self, client: Any, name: str) -> None:
        self.client = client
        self.name = name
        client.create_bucket(Bucket=name)

    def put(self, key: str, content: bytes) -> None:
        """Writes an object."""
        self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def put_folder(self, folder: Path, prefix: str) -> None:
        """Writes all files of a folder below a prefix."""
        for file in folder.rglob("*"):
            if file.is_file():
                self.put(f"{prefix}/{file.relative_to(folder).as_posix()}", file.read_bytes())

    def get(self, key: str) -> bytes:
        """Reads an object."""
        return bytes(self.client.get_object(Bucket=self.name, Key=key)["Body"].read())

    def keys(self) -> list[str]:
        """The names of all objects."""
        found = self.client.list_objects_v2(Bucket=self.name).get("Contents", [])
        return [each["Key"] for each in found]

    def content(self) -> dict[str, bytes]:
        """All objects."""
        return {key: self.get(key) for key in self.keys()}

    def delete(self, *keys: str) -> None:
        """Deletes objects."""
        for key in keys:
            self.client.delete_object(Bucket=self.name, Key=key)


@contextlib.contextmanager
def object_store() -> Iterator[Any]:
    """Starts moto's server, and yields a client of it; libraries find it by the environment."""
    boto3 = pytest.importorskip("boto3")
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            patch.setenv(name, value)
        # Of this process too, which may know another server by now.
        _remote_of.cache_clear()
        try:
            yield boto3.client("s3")
        finally:
            server.stop()


class WebServer:
    """A web server. files: by path. requests: what was asked for, as 'GET /data.json'.

    before: is called with each request, and returns the status to answer with; None: as usual.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.authorizations: set[str | None] = set()
        self.before: Callable[[str], int | None] = lambda _request: None
        self.url = ""


@contextlib.contextmanager
def web_server() -> Iterator[WebServer]:
    """Starts a web server that is as simple as those may be: it knows neither ranges nor lists."""
    site = WebServer()

    class Handler(BaseHTTPRequestHandler):
        def answer(self, status: int, content: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{hashlib.md5(content).hexdigest()}"')
            self.end_headers()
            if self.command != "HEAD":
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(content)

        def do_GET(self) -> None:
            request = f"{self.command} {self.path}"
            site.requests.append(request)
            site.authorizations.add(self.headers["Authorization"])
            status = site.before(request)
            content = site.files.get(self.path)
            if status is not None or content is None:
                self.answer(status or 404)
            else:
                self.answer(200, content)

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_PUT(self) -> None:
            site.requests.append(f"PUT {self.path}")
            status = site.before(f"PUT {self.path}")
            length = int(self.headers["Content-Length"])
            content = self.rfile.read(length)
            if status is None and len(content) == length:
                site.files[self.path] = content
            self.answer(status or 201)

        def log_message(self, *_arguments: Any) -> None:
            """Prints nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
