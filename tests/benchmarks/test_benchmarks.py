"""The benchmarks measure what they say, and distinguish right lists from wrong ones."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from tests.benchmarks.cluster_costs import events_of_users, expected_work, popularity
from tests.support.logs import write_log
from tests.support.paths import PROJECT
from ubcf.scoring.costs import Work

BENCHMARKS = PROJECT / "tests" / "benchmarks"
# The worked example: user, track, time.
EVENTS = [(1, 20, 0.2), (1, 40, 0.4), (2, 10, 0.2), (2, 20, 0.8)]
EVENTS += [(2, 20, 1.0), (2, 30, 0.0), (3, 30, 0.4), (3, 40, 0.8)]
BEST = {1: [10, 40, 30, 20], 2: [40, 20, 10, 30], 3: [20, 40, 10, 30]}


def write_lists(path: Path, lists: dict[int, list[int]]) -> None:
    lines = [json.dumps({"user": user, "tracks": tracks}) for user, tracks in lists.items()]
    path.write_text("".join(line + "\n" for line in lines))


def run(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def suite_results(*arguments: str | Path) -> dict[str, str]:
    """Return the result column of the suite's table for the sample in data/."""
    table = run("suite.py", "--sets", PROJECT / "data", *arguments).stdout.splitlines()[2:]
    cells = [line.strip("| ").split(" | ") for line in table]
    return {who: result for _, who, *_, result in cells}


def check(tmp_path: Path, lists: dict[int, list[int]]) -> tuple[int, str]:
    """Return the exit code of check_lists for these lists, and what it prints."""
    write_log(tmp_path / "logs" / "data.json", EVENTS)
    write_lists(tmp_path / "lists.json", lists)
    done = run("check_lists.py", tmp_path / "logs", tmp_path / "lists.json")
    return done.returncode, done.stdout.removeprefix(f"{tmp_path / 'lists.json'}: ").strip()


def test_the_best_lists_pass(tmp_path: Path) -> None:
    code, words = check(tmp_path, BEST)
    assert (code, words[:34]) == (0, "0 of 3 lists are not the best (0 o")


def test_equal_scores_may_come_in_any_order(tmp_path: Path) -> None:
    assert check(tmp_path, BEST | {1: [10, 30, 40, 20]})[0] == 0


def test_a_list_in_a_wrong_order_does_not_pass(tmp_path: Path) -> None:
    code, words = check(tmp_path, BEST | {2: [20, 40, 10, 30]})
    assert code == 1
    assert words.startswith("1 of 3 lists are not the best")


def test_a_file_without_a_full_list_for_every_user_is_malformed(tmp_path: Path) -> None:
    assert check(tmp_path / "a", BEST | {2: [40, 40, 10, 30]}) == (
        2,
        "user 2: not 4 different tracks of the logs",
    )
    assert check(tmp_path / "b", {1: BEST[1], 2: BEST[2]}) == (2, "1 users are missing")
    assert check(tmp_path / "c", BEST | {4: BEST[1]}) == (
        2,
        "user 4 is not in the logs or comes twice",
    )


def test_the_work_of_logs_that_fit_nowhere_is_that_of_logs_drawn_in_the_same_way() -> None:
    events, users, tracks = 200_000, 5_000, 5_000
    random = np.random.default_rng(0)
    of_user = events_of_users(events, users)
    rows = random.choice(users, events, p=of_user / of_user.sum())
    columns = random.choice(tracks, events, p=popularity(tracks))
    drawn = sparse.csr_array((np.ones(events), (rows, columns)), shape=(users, tracks))
    drawn.sum_duplicates()
    counted = asdict(Work.of(drawn, list_length=100))
    assert asdict(expected_work(events, users, tracks)) == pytest.approx(counted, rel=0.05)


@pytest.mark.slow
def test_the_bare_pipeline_and_sql_alone_give_the_lists_of_ubcf() -> None:
    assert suite_results("--peers", "bare,duckdb_sql") == {
        "ubcf": "equal",
        "bare": "equal",
        "duckdb_sql": "equal",
    }


@pytest.mark.slow
def test_a_run_over_a_limit_is_ended_and_reported() -> None:
    assert suite_results("--peers", "", "--limit", "0.1") == {"ubcf": "failed: over 0.1 s"}
    assert suite_results("--peers", "", "--memory-limit", "0.01") == {
        "ubcf": "failed: over 0.01 GiB"
    }


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_instructions_of_a_command_are_counted_and_compared_with_those_of_another_version() -> None:
    command = ("--commands", "import ubcf", "--against", sys.executable, "--limit", "0.9")
    done = run("instructions.py", *command)
    assert done.returncode == 1  # as many are more than 0.9 times as many
    row = done.stdout.splitlines()[2].strip("| ").split(" | ")
    assert row[0] == "import ubcf"
    assert float(row[3]) == pytest.approx(1, abs=0.01)
