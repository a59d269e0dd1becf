"""The service gets the lists: the program that the documents show loads them into its redis."""

from __future__ import annotations

import contextlib
import json
import pickle
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.builds import build_folder
from tests.support.logs import write_log
from tests.support.paths import PROJECT

COMMANDS = (PROJECT / "ubcf" / "commands" / "README.md").read_text(encoding="utf-8")
(PROGRAM,) = re.findall(r"^```py\n(import json, pickle, redis\n.*?)^```", COMMANDS, re.S | re.M)


@pytest.fixture
def redis() -> ModuleType:
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server")
    module: ModuleType = pytest.importorskip("redis", reason="there is no Python package redis")
    return module


@pytest.fixture
def port(redis: ModuleType, tmp_path: Path) -> Iterator[int]:
    """The port of a redis of the test's own, which keeps nothing on disk."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    arguments = ["--port", str(port), "--save", "", "--dir", str(tmp_path), "--bind", "127.0.0.1"]
    with subprocess.Popen(["redis-server", *arguments], stdout=subprocess.DEVNULL) as server:
        try:
            give_up = time.monotonic() + 60
            while time.monotonic() < give_up:
                with contextlib.suppress(redis.ConnectionError), redis.Redis(port=port) as client:
                    client.ping()
                    break
                time.sleep(0.05)
            yield port
        finally:
            server.terminate()


def load(folder: Path, port: int) -> None:
    """Runs the program of the documents in a folder with results, on a redis at a port."""
    program = PROGRAM.replace("redis.Redis(db=1)", f"redis.Redis(port={port}, db=1)")
    assert program != PROGRAM
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def build_from(folder: Path, users: int, times: int) -> dict[str, list[int]]:
    """Builds from so many users with so many tracks each; returns the lists of the JSON."""
    plays = [(user, track, track / 20) for user in range(users) for track in range(times)]
    write_log(folder / "logs" / "data.json", plays)
    build_folder(folder)
    lines = (folder / "recommendations_ub.json").read_text(encoding="utf-8").splitlines()
    return {str(row["user"]): row["tracks"] for row in map(json.loads, lines)}


def test_redis_holds_the_lists_of_the_last_build_and_no_others(
    tmp_path: Path, port: int, redis: ModuleType
) -> None:
    with redis.Redis(port=port, db=1) as client, redis.Redis(port=port) as other:
        other.set("kept", "of another database")
        for users, times in ((30, 5), (20, 7), (25, 4)):
            lists = build_from(tmp_path, users, times)
            assert len(lists) == users
            load(tmp_path, port)
            found = {key.decode(): pickle.loads(client.get(key)) for key in client.scan_iter()}
            assert found == lists
        assert other.get("kept") == b"of another database"


def test_readers_of_redis_see_the_lists_of_one_build(
    tmp_path: Path, port: int, redis: ModuleType
) -> None:
    builds = [build_from(tmp_path, users, times) for users, times in ((300, 5), (200, 7))]
    seen: list[set[int]] = []
    loaded = threading.Event()

    def read() -> None:
        with redis.Redis(port=port, db=1) as client:
            while not loaded.is_set():
                values = client.mget([str(user) for user in range(300)])
                seen.append({0 if each is None else len(pickle.loads(each)) for each in values})

    load(tmp_path, port)
    reader = threading.Thread(target=read)
    reader.start()
    for users, times in ((300, 5), (200, 7)):
        assert build_from(tmp_path, users, times) in builds
        load(tmp_path, port)
    loaded.set()
    reader.join()
    assert len(seen) > 5
    assert all(lengths in ({0, 7}, {5}) for lengths in seen)
