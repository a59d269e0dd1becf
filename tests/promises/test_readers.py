"""Analysts and builds do not disturb each other."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import ubcf
from tests.support.builds import build_folder
from tests.support.commands import run_ubcf
from tests.support.logs import write_log

# Two sets of logs with different numbers of events: a reader must see one build, not a mixture.
FEW = [(user, track, 0.1 * ((user + track) % 11)) for user in range(40) for track in range(6)]
MANY = [(user, track, 0.1 * ((user * track) % 11)) for user in range(80) for track in range(9)]

CONSISTENT = """
select
    (select count(*) from events) as events,
    (select accepted from build) as accepted,
    (select count(*) from users) as users,
    (select users from build) as users_of_build,
    (select count(*) from recommendations) as recommendations,
    (select recommendations from build) as recommendations_of_build
"""

COMMANDS = [
    ["sql", CONSISTENT, "--format", "json"],
    ["query", "popularity_bias"],
    ["inspect", "user", "3", "--format", "json"],
    ["inspect", "track", "3"],
    ["explain", "3", "4"],
    ["query", "similar_users", "-p", "user=5"],
    ["query"],
    ["sql", CONSISTENT, "--format", "json"],
]


def test_commands_neither_fail_nor_see_half_a_build_while_builds_run(tmp_path: Path) -> None:
    write_log(tmp_path / "few" / "data.json", FEW)
    write_log(tmp_path / "many" / "data.json", MANY)
    assert run_ubcf("build", "few", cwd=tmp_path).returncode == 0
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(run_ubcf, *command, cwd=tmp_path) for command in COMMANDS]
        builds = 0
        while not all(answer.done() for answer in answers):
            done = run_ubcf("build", "many" if builds % 2 == 0 else "few", cwd=tmp_path)
            assert (done.returncode, done.stderr) == (0, "")
            builds += 1
    assert builds > 1
    for command, answer in zip(COMMANDS, answers, strict=True):
        done = answer.result()
        assert done.returncode == 0, done.stderr
        if command[0] == "sql":
            ((row,),) = [json.loads(done.stdout)]
            assert row["events"] == row["accepted"]
            assert row["users"] == row["users_of_build"]
            assert row["recommendations"] == row["recommendations_of_build"]
            assert row["events"] in (len(FEW), len(MANY))


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be replaced there")
def test_an_open_connection_keeps_the_build_that_it_opened(tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "data.json", FEW)
    build_folder(tmp_path)
    with ubcf.connect(tmp_path / "ubcf.duckdb") as connection:
        write_log(tmp_path / "logs" / "data.json", MANY)
        build_folder(tmp_path)
        assert connection.execute("select accepted from build").fetchall() == [(len(FEW),)]
        assert len(ubcf.explain(connection, 3, 4).fetchall()) > 0
    with ubcf.connect(tmp_path / "ubcf.duckdb") as connection:
        assert connection.execute("select accepted from build").fetchall() == [(len(MANY),)]
