"""The fixtures that tests of several rooms use."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.support.builds import Built, build_folder, build_sample
from tests.support.examples import QUICK
from tests.support.logs import write_log
from tests.support.servers import WebServer, object_store, web_server

settings.load_profile(QUICK)

# Tables in transcripts are as in a pipe, whatever the terminal that runs the tests.
os.environ.pop("COLUMNS", None)

# Under nohup Ctrl-C is ignored, and the commands that tests start and interrupt would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def build_from(tmp_path: Path) -> Callable[..., Built]:
    """Builds from lines or (user, track, time) in one log file, in the test's own folder."""

    def build(lines: Iterable[str | tuple[Any, Any, Any]], **options: Any) -> Built:
        write_log(tmp_path / "logs" / "botify-recommender-1" / "data.json", lines)
        return build_folder(tmp_path, **options)

    return build


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A build of the sample in data/ without any options; no test may change it."""
    return build_sample(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="session")
def store() -> Iterator[Any]:
    """A client of an object store on loopback, which s3fs finds by the environment."""
    with object_store() as client:
        yield client


@pytest.fixture
def site() -> Iterator[WebServer]:
    """A web server on loopback."""
    with web_server() as server:
        yield server
