"""Completion in the shell, by the protocol of click and in a real bash."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from tests.support.builds import build_folder
from tests.support.commands import environment_of_ubcf
from tests.support.logs import log_line, write_log
from ubcf.commands import ubcf

EXPERIMENTS = [{"COLORS": "red"}, {"COLORS": "blue", "SIZE": "C"}, {"$(touch owned)": "a b"}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build with experiments, a copy of it that settings name, and an analysis of one's own."""
    folder = tmp_path_factory.mktemp("completion")
    lines = [log_line(n, n, 0.5, experiments=each) for n, each in enumerate(EXPERIMENTS)]
    write_log(folder / "logs" / "botify-recommender-1" / "data.json", lines)
    build_folder(folder)
    (folder / "set").mkdir()
    shutil.copy(folder / "ubcf.duckdb", folder / "set" / "other.duckdb")
    (folder / "set" / "ubcf.toml").write_text('database = "other.duckdb"\n')
    (folder / "own" / "analysis").mkdir(parents=True)
    (folder / "own" / "analysis" / "top_secret.sql").write_text(
        "-- top_secret: one row: 1.\nselect 1;"
    )
    (folder / "broken.duckdb").write_bytes(b"DUCK" * 5)
    return folder


def completed_here(folder: Path, line: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The same within this process, which is faster."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    return BashComplete(ubcf, {}, "ubcf", "_UBCF_COMPLETE").complete().split()


def completed(folder: Path, line: str, *options: str) -> subprocess.CompletedProcess[str]:
    """What the last word of a line may become: lines of a type and a value."""
    words = line.split(" ")
    done = subprocess.run(
        [sys.executable, *options, "-m", "ubcf"],
        cwd=folder,
        env=environment_of_ubcf(
            {
                "_UBCF_COMPLETE": "bash_complete",
                "COMP_WORDS": line,
                "COMP_CWORD": str(len(words) - 1),
            }
        ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0
    return done


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ubcf expl", ["plain,explain"]),
        ("ubcf query top", ["plain,top_tracks"]),
        ("ubcf query --templates own top", ["plain,top_secret", "plain,top_tracks"]),
        ("ubcf experiment C", ["plain,COLORS"]),
        # The third name would be run as a command: it is not offered.
        ("ubcf experiment ", ["plain,COLORS", "plain,SIZE"]),
        ("ubcf experiment COLORS --control ", ["plain,blue", "plain,red"]),
        ("ubcf experiment -d set/other.duckdb S", ["plain,SIZE"]),
        ("ubcf templates staging/ev", [
            "plain,staging/event_column_type.sql", "plain,staging/events.sql"]),
        ("ubcf templates --copy staging/events.sql my", ["dir,my"]),
        ("ubcf query --database u", ["file,u"]),
        ("ubcf build lo", ["file,lo"]),
        ("ubcf diff a.duckdb ", ["file,"]),
    ],
)  # fmt: skip
def test_a_word_is_completed_from_what_there_is(
    folder: Path, line: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert completed_here(folder, line, monkeypatch) == expected


def test_the_database_of_the_settings_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert completed_here(folder / "set", "ubcf experiment S", monkeypatch) == ["plain,SIZE"]


def test_the_process_prints_what_the_shell_reads(folder: Path) -> None:
    done = completed(folder, "ubcf experiment ")
    assert (done.stdout, done.stderr) == ("plain,COLORS\nplain,SIZE\n", "")


def test_nothing_is_said_when_something_is_wrong(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for line in (
        "ubcf experiment -d nowhere.duckdb ",
        "ubcf experiment -d broken.duckdb ",
        "ubcf query --templates nowhere top",
        "ubcf experiment 'unfinished",
    ):
        assert completed_here(folder, line, monkeypatch) == [], line
    done = completed(folder, "ubcf experiment -d broken.duckdb ")
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_it_is_quick_no_numpy_is_imported_and_duckdb_for_experiments_alone(folder: Path) -> None:
    for line, modules in (("ubcf query top", set()), ("ubcf experiment C", {"duckdb"})):
        imported = completed(folder, line, "-X", "importtime").stderr
        names = {row.rpartition("|")[2].strip() for row in imported.splitlines()}
        assert names & {"numpy", "scipy", "numba", "duckdb"} == modules


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_a_real_bash_completes(folder: Path, tmp_path: Path) -> None:
    program = tmp_path / "ubcf"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ubcf "$@"\n')
    program.chmod(0o755)
    script = """
    PATH=$1:$PATH
    eval "$(_UBCF_COMPLETE=bash_source ubcf)"
    complete -p ubcf
    COMP_WORDS=(ubcf query top); COMP_CWORD=2
    _ubcf_completion ubcf; echo "${COMPREPLY[@]}"
    COMPREPLY=(); COMP_WORDS=(ubcf experiment ""); COMP_CWORD=2
    _ubcf_completion ubcf; echo "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", str(tmp_path)],
        cwd=folder,
        env=environment_of_ubcf(),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    registered, *replies = done.stdout.splitlines()
    assert registered.endswith("-F _ubcf_completion ubcf")
    assert (replies, done.stderr) == (["top_tracks", "COLORS SIZE"], "")
