"""A bounded part of the killed builds of kill_builds.py, and of what its judge must notice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.builds import build_folder
from tests.support.commands import environment_of_ubcf
from tests.support.logs import write_log
from tests.support.paths import PROJECT

if sys.platform == "win32":
    pytest.skip("forks and signals are POSIX's", allow_module_level=True)

from tests.promises import kill_builds

# How often a build is killed.
KILLS = int(os.environ.get("UBCF_TEST_KILLS", "25"))


@pytest.mark.slow
def test_a_killed_build_leaves_a_whole_pair_to_every_command_and_nothing_else() -> None:
    """In a process of its own, which forks before it has threads."""
    command = ["-m", "tests.promises.kill_builds", "--kills", str(KILLS), "--seed", "7"]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT,
        env=environment_of_ubcf(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    counts = json.loads(done.stdout)
    assert sum(counts["signals"].values()) == KILLS
    assert counts["at_work"] > 0.8 * KILLS
    assert counts["calls"] > 50
    assert counts["published"] > 0
    assert min(counts["looks"].values()) > 0


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Folders with the results of two builds, by their --top."""
    folders = {}
    for top in kill_builds.TOPS:
        folders[top] = tmp_path_factory.mktemp("pair")
        plays = [(user, track, (user + track) % 5 / 5) for user in range(9) for track in range(9)]
        write_log(folders[top] / "logs" / "data.json", plays)
        build_folder(folders[top], top=top)
    return folders


def test_the_judge_notices_a_torn_pair_and_files_that_are_left(
    pairs: dict[int, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kill_builds, "READERS_LINGER", 0.0)
    expected = {top: kill_builds.pair_in(folder) for top, folder in pairs.items()}
    for top, folder in pairs.items():
        assert kill_builds.whole_pair(folder, expected) == top
        kill_builds.check_nothing_is_left(folder)
    for of_json, of_database in (kill_builds.TOPS, kill_builds.TOPS[::-1]):
        torn = {kill_builds.OUTPUT: of_json, kill_builds.DATABASE: of_database}
        for name, top in torn.items():
            (tmp_path / name).write_bytes((pairs[top] / name).read_bytes())
        with pytest.raises(AssertionError, match="torn"):
            kill_builds.whole_pair(tmp_path, expected)
    (tmp_path / ".ubcf.duckdb.building").touch()
    with pytest.raises(AssertionError, match="left behind"):
        kill_builds.check_nothing_is_left(tmp_path)
