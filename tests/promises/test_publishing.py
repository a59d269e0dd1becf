"""All or nothing: whatever ends a build, the results are whole, and nothing else is left.

The builds are real: the command line in processes of their own, which are killed, interrupted,
refused by the disk, or meet another build. The results before and after a build differ in --top.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ubcf
from tests.support.commands import environment_of_ubcf, run_ubcf
from tests.support.logs import write_log
from tests.support.overlays import overlay
from ubcf.building.summary import BuildSummary
from ubcf.errors import BusyError, CheckError, DatabaseError, TemplateError, UbcfError
from ubcf.files import Publication, finish_publication
from ubcf.simulation.simulate import simulate

if sys.platform == "win32":
    pytest.skip("signals, mounts and modes are POSIX's", allow_module_level=True)

OLD_TOP, NEW_TOP = 5, 7
DATABASE, OUTPUT = "ubcf.duckdb", "recommendations_ub.json"
RESULTS = {DATABASE, OUTPUT}

# A check that takes hours and finds nothing.
SLOW_CHECK = "select count(*) as rows from range(1_000_000_000_000) having count(*) = 0"

# For each moment that it reads, publishes in a process of its own, which is killed, interrupted or
# refused by the disk just before the audit event of Python of this number that concerns the folder.
# Prints how that ended; `undisturbed` if there are fewer events.
PUBLISH_UNTIL = """
import os, signal, sys
from pathlib import Path
from ubcf.errors import DatabaseError
from ubcf.files import Publication

folder, what = Path(sys.argv[1]), sys.argv[2]
targets = [folder / "ubcf.duckdb", folder / "recommendations_ub.json"]
moment = events = 0
at_work = False

def happen(event, arguments):
    global events
    if at_work and event.startswith(("open", "os.")) and str(folder) in str(arguments):
        events += 1
        if events == moment and what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if events == moment and what == "interrupt":
            signal.raise_signal(signal.SIGINT)
        if events == moment and what == "fail":
            raise OSError(5, "Input/output error")

def publish():
    global at_work
    try:
        at_work = what != "fail"
        with Publication(*targets) as publication:
            for target in targets:
                publication.unfinished(target).write_text("new")
            at_work = True
            publication.publish()
            at_work = what != "fail"
    except (KeyboardInterrupt, DatabaseError) as error:
        return type(error).__name__
    return "published" if events >= moment else "undisturbed"

sys.addaudithook(happen)
for line in sys.stdin:
    moment = int(line)
    process = os.fork()
    if not process:
        print(publish(), flush=True)
        os._exit(0)
    status = os.waitpid(process, 0)[1]
    if status:
        print("killed" if os.WTERMSIG(status) == signal.SIGKILL else "failed", flush=True)
"""

HOLD = """
import sys, time
from pathlib import Path
from ubcf.files import Publication

with Publication(Path(sys.argv[1]), Path(sys.argv[2])):
    print("held", flush=True)
    time.sleep(600)
"""

READ_TWICE = """
import sys, duckdb

with duckdb.connect(sys.argv[1], read_only=True) as connection:
    for _ in range(2):
        print(connection.execute("select max(rank) from recommendations").fetchone()[0], flush=True)
        sys.stdin.readline()
"""

LEAVE_CHANGES = """
import os, sys, duckdb

connection = duckdb.connect(sys.argv[1])
connection.execute("create table notes as select 'mine' as note")
os._exit(0)
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with logs of 200 users with 3,000 events, and finished results of --top 5."""
    folder = tmp_path_factory.mktemp("finished")
    simulate(folder / "logs", users=200, tracks=500, events=3_000, replicas=2, seed=1)
    build(folder, OLD_TOP)
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished folder, for one test."""
    return Path(shutil.copytree(finished, tmp_path / "folder"))


@pytest.fixture
def mount() -> Iterator[Callable[..., None]]:
    """Mounts during a test; skips the test if that is not allowed."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    mounted: list[Path] = []

    def mount_at(folder: Path, *options: str) -> None:
        done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"the system does not let us mount: {done.stderr.strip()}")
        if folder not in mounted:
            mounted.append(folder)

    yield mount_at
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


def build(folder: Path, top: int, **options: Any) -> BuildSummary:
    """Builds from the logs in a folder, undisturbed."""
    return ubcf.build(
        folder / "logs", database=folder / DATABASE, output=folder / OUTPUT, top=top, **options
    )


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Starts the real build in a folder that holds logs, in a process of its own."""
    return python("-m", "ubcf", "build", "logs", *arguments, cwd=folder)


def python(*arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    """Starts a Python that finds ubcf."""
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env=environment_of_ubcf(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def bytes_of(folder: Path) -> dict[str, bytes]:
    """The bytes of the database and of the JSON."""
    return {name: (folder / name).read_bytes() for name in RESULTS}


def names_in(folder: Path) -> set[str]:
    """The names of all files in a folder, hidden ones too."""
    return {path.name for path in folder.iterdir()}


def tables(database: Path) -> dict[str, Any]:
    """The rows of all tables, without timings and dates."""
    with duckdb.connect(str(database), read_only=True) as connection:
        names = [row[0] for row in connection.execute("show tables").fetchall()]
        rows = {name: connection.table(name).fetchall() for name in names}
    assert len(rows["build"]) == 1
    del rows["build_stages"]
    rows["build"] = [row[3:] for row in rows["build"]]  # without version, started_at, seconds
    return {name: sorted(map(repr, of_table)) for name, of_table in rows.items()}


def top_of(folder: Path) -> tuple[int, int]:
    """The --top of the builds that made the database and the JSON."""
    with duckdb.connect(str(folder / DATABASE), read_only=True) as connection:
        ((of_database,),) = connection.execute("select max(rank) from recommendations").fetchall()
    lines = (folder / OUTPUT).read_text(encoding="utf-8").splitlines()
    return of_database, max(len(json.loads(line)["tracks"]) for line in lines)


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Asserts that a build failed and says why in one line."""
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("ubcf: error: ")
    assert done.stderr.endswith("\n") and done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr


# Killed


@pytest.mark.parametrize("what", ["kill", "interrupt", "fail"])
def test_a_publication_disturbed_at_any_step_leaves_a_pair_of_results(
    tmp_path: Path, what: str
) -> None:
    """Whatever happens at any call of the publication, the next command finds a whole pair."""
    found = []
    ends = set()
    publisher = python("-c", PUBLISH_UNTIL, tmp_path, what)
    assert publisher.stdin is not None and publisher.stdout is not None
    for moment in range(1, 100):
        for name in RESULTS:
            (tmp_path / name).write_text("old")
        publisher.stdin.write(f"{moment}\n")
        publisher.stdin.flush()
        end = publisher.stdout.readline().strip()
        if what != "kill":
            assert names_in(tmp_path) == RESULTS
        elif moment % 2:
            finish_publication(tmp_path / DATABASE)
        else:
            with contextlib.suppress(ZeroDivisionError), Publication(tmp_path / DATABASE):
                raise ZeroDivisionError  # a build that fails
        found.append(((tmp_path / DATABASE).read_text(), (tmp_path / OUTPUT).read_text()))
        with Publication(tmp_path / DATABASE, tmp_path / OUTPUT):
            pass
        assert names_in(tmp_path) == RESULTS
        ends.add(end)
        if end == "undisturbed":
            break
    assert publisher.communicate(timeout=60) == ("", "")

    assert len(found) > 5
    assert found[0] == ("old", "old")
    assert found[-1] == ("new", "new")
    assert [pair for pair in found if len(set(pair)) > 1] == []
    # Without hard links, the old file is not kept; that is no reason to fail.
    expected = {"kill": "killed", "interrupt": "KeyboardInterrupt", "fail": "DatabaseError"}[what]
    assert ends == {expected, *(ends & {"published"}), "undisturbed"}


def test_after_a_holder_was_killed_the_next_build_works(folder: Path) -> None:
    holder = python("-c", HOLD, folder / DATABASE, folder / OUTPUT)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(BusyError):
        build(folder, NEW_TOP)
    holder.kill()
    holder.communicate()
    build(folder, NEW_TOP)
    assert top_of(folder) == (NEW_TOP, NEW_TOP)
    assert names_in(folder) == {"logs", *RESULTS}


# Interrupted


def test_a_build_interrupted_in_a_query_leaves_the_old_results_and_nothing_else(
    folder: Path,
) -> None:
    old = bytes_of(folder)
    overlay(folder / "mine", "checks/slow.sql", SLOW_CHECK)
    process = start(folder, "--top", str(NEW_TOP), "--templates", "mine")
    output = folder / f".{OUTPUT}.building"
    while not output.exists() or output.stat().st_size == 0:  # the last work before the checks
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    try:
        stdout, stderr = process.communicate(timeout=10)
    finally:
        process.kill()
    assert process.returncode == 130
    assert (stdout, stderr.strip()) == ("", "")
    assert bytes_of(folder) == old
    assert names_in(folder) == {"logs", "mine", *RESULTS}


# The disk


@pytest.mark.parametrize(
    "share", [0.0, 0.6, *(pytest.param(each, marks=pytest.mark.slow) for each in (0.01, 0.3, 0.99))]
)
def test_the_old_results_stay_when_files_may_not_grow(folder: Path, share: float) -> None:
    """From 0.6 of the finished size on, DuckDB fails while it closes the database."""
    import resource

    old = bytes_of(folder)
    most = int(share * len(old[DATABASE]))
    done = run_ubcf(
        *("build", "logs", "--top", str(NEW_TOP)),
        cwd=folder,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
    )
    assert_refused(done, DATABASE)
    assert bytes_of(folder) == old
    assert names_in(folder) == {"logs", *RESULTS}


def test_the_old_results_stay_on_a_full_disk(
    folder: Path, tmp_path: Path, mount: Callable[..., None]
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount(disk, "-t", "tmpfs", "-o", "size=64m", "tmpfs")
    for name in RESULTS:
        shutil.copy(folder / name, disk / name)
    old = bytes_of(disk)
    used = sum(map(len, old.values())) // 1024 + 64
    needed = 2 * len(old[DATABASE]) // 1024  # for the new database and its write-ahead log
    arguments = ("build", "../folder/logs", "--top", str(NEW_TOP))

    for share in (0.0, 0.1, 0.3, 0.45):
        mount(disk, "-o", f"remount,size={used + int(share * needed)}k")
        assert_refused(run_ubcf(*arguments, cwd=disk), DATABASE)
        assert bytes_of(disk) == old
        assert names_in(disk) == RESULTS

    mount(disk, "-o", "remount,size=64m")
    assert run_ubcf(*arguments, cwd=disk).returncode == 0
    assert top_of(disk) == (NEW_TOP, NEW_TOP)
    assert names_in(disk) == RESULTS


def test_the_old_results_stay_when_the_disk_of_the_json_is_full(
    folder: Path, tmp_path: Path, mount: Callable[..., None]
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount(disk, "-t", "tmpfs", "-o", "size=4k", "tmpfs")
    old = bytes_of(folder)
    done = run_ubcf("build", "logs", "--output", disk / OUTPUT, cwd=folder)
    assert_refused(done, OUTPUT, "space")
    assert bytes_of(folder) == old
    assert names_in(folder) == {"logs", *RESULTS}
    assert names_in(disk) == set()


def test_a_json_that_cannot_be_replaced_keeps_the_old_database(
    folder: Path, mount: Callable[..., None]
) -> None:
    """A file that is a mount point, as in containers, cannot be replaced by renaming."""
    mount(folder / OUTPUT, "--bind", str(folder / OUTPUT))
    old = bytes_of(folder)
    done = run_ubcf("build", "logs", "--top", str(NEW_TOP), cwd=folder)
    assert_refused(done, "cannot publish", OUTPUT)
    assert bytes_of(folder) == old
    assert names_in(folder) == {"logs", *RESULTS}


def test_a_folder_that_may_not_be_written_is_reported(
    folder: Path, request: pytest.FixtureRequest
) -> None:
    old = bytes_of(folder)
    if os.geteuid() == 0:  # modes do not bind root
        mount = request.getfixturevalue("mount")
        mount(folder, "--bind", str(folder))
        mount(folder, "-o", "remount,bind,ro")
    else:
        folder.chmod(0o555)
    done = run_ubcf("build", "logs", "--top", str(NEW_TOP), cwd=folder)
    if os.geteuid() != 0:
        folder.chmod(0o755)
    assert_refused(done, "cannot write in", str(folder))
    assert bytes_of(folder) == old
    assert names_in(folder) == {"logs", *RESULTS}


def test_a_target_that_is_a_folder_or_has_none_is_refused(tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "data.json", [(1, 2, 0.5)])
    database, output, nowhere = tmp_path / DATABASE, tmp_path / OUTPUT, tmp_path / "nowhere" / "x"
    for (database_path, output_path), words in (
        ((nowhere, output), "nowhere does not exist"),
        ((database, nowhere), "nowhere does not exist"),
        ((tmp_path, output), "is a folder"),
        ((database, database), "one file"),
    ):
        with pytest.raises(UbcfError, match=words):
            ubcf.build(tmp_path / "logs", database=database_path, output=output_path)
    assert names_in(tmp_path) == {"logs"}


def test_an_unfinished_database_is_not_published(tmp_path: Path) -> None:
    """If DuckDB fails to write everything while it closes, it leaves a write-ahead log."""
    database, output = tmp_path / DATABASE, tmp_path / OUTPUT
    database.write_text("old")
    with (
        pytest.raises(DatabaseError, match="not all of it could be written"),
        Publication(database, output) as publication,
    ):
        publication.unfinished(database).write_text("cut short")
        wal = publication.unfinished(database).with_name(".ubcf.duckdb.building.wal")
        wal.write_text("the rest")
        publication.unfinished(output).write_text("new")
        publication.publish()
    assert database.read_text() == "old"
    assert names_in(tmp_path) == {DATABASE}


# Two at once


def test_of_two_builds_at_once_the_second_is_refused_and_the_first_finishes(folder: Path) -> None:
    seconds: list[subprocess.CompletedProcess[str]] = []

    @contextlib.contextmanager
    def another_build(stage: str, _length: int | None) -> Iterator[Callable[[int], None]]:
        if stage in ("read logs", "record"):  # the first stage and the last
            seconds.append(run_ubcf("build", "logs", "--top", "9", cwd=folder))
        yield lambda _steps: None

    build(folder, NEW_TOP, progress=another_build)
    assert len(seconds) == 2
    for second in seconds:
        assert_refused(second, str(folder / DATABASE), "another build")
    assert top_of(folder) == (NEW_TOP, NEW_TOP)
    assert names_in(folder) == {"logs", *RESULTS}


def test_builds_into_one_json_from_two_databases_exclude_each_other(tmp_path: Path) -> None:
    with (
        Publication(tmp_path / "one.duckdb", tmp_path / OUTPUT),
        pytest.raises(BusyError, match=OUTPUT),
        Publication(tmp_path / "two.duckdb", tmp_path / OUTPUT),
    ):
        pass
    assert names_in(tmp_path) == set()


def test_builds_into_different_files_of_one_folder_go_together(tmp_path: Path) -> None:
    with (
        Publication(tmp_path / "one.duckdb", tmp_path / "one.json"),
        Publication(tmp_path / "two.duckdb", tmp_path / "two.json"),
    ):
        pass
    assert names_in(tmp_path) == set()


# Readers and writers of the old database


def test_a_reader_of_the_old_database_is_not_disturbed(folder: Path) -> None:
    query = "select max(rank) from recommendations"
    reader = python("-c", READ_TWICE, folder / DATABASE)
    assert reader.stdout is not None
    assert reader.stdout.readline() == f"{OLD_TOP}\n"
    with ubcf.connect(folder / DATABASE) as connection:
        assert connection.execute(query).fetchall() == [(OLD_TOP,)]
        assert start(folder, "--top", str(NEW_TOP)).wait() == 0
        assert connection.execute(query).fetchall() == [(OLD_TOP,)]
        assert len(connection.table("events").fetchall()) == 3_000
        stdout, stderr = reader.communicate("\n\n", timeout=60)
        assert (stdout, stderr) == (f"{OLD_TOP}\n", "")
        newcomer = python("-c", READ_TWICE, folder / DATABASE)
        assert newcomer.communicate("\n\n", timeout=60)[0] == f"{NEW_TOP}\n{NEW_TOP}\n"
    assert top_of(folder) == (NEW_TOP, NEW_TOP)


def test_a_database_with_unfinished_changes_is_replaced_by_one_that_opens(folder: Path) -> None:
    python("-c", LEAVE_CHANGES, folder / DATABASE).communicate(timeout=60)
    assert names_in(folder) == {"logs", *RESULTS, f"{DATABASE}.wal"}
    build(folder, NEW_TOP)
    assert names_in(folder) == {"logs", *RESULTS}
    assert top_of(folder) == (NEW_TOP, NEW_TOP)
    assert "notes" not in tables(folder / DATABASE)


def test_unfinished_changes_stay_when_the_build_fails(folder: Path) -> None:
    python("-c", LEAVE_CHANGES, folder / DATABASE).communicate(timeout=60)
    with pytest.raises(CheckError):
        build(
            folder, NEW_TOP, templates=overlay(folder / "mine", "checks/no.sql", "select 1 as one")
        )
    with duckdb.connect(str(folder / DATABASE)) as connection:
        assert connection.execute("select note from notes").fetchall() == [("mine",)]


# Refused by a check or a template


def test_a_check_that_finds_rows_keeps_the_old_results_and_shows_them(folder: Path) -> None:
    old = bytes_of(folder)
    overlay(
        folder / "mine",
        "checks/always_fails.sql",
        "select 'user ' || r as what, r * 100 as how_much from range(1, 8) as t(r)",
    )
    done = run_ubcf("build", "logs", "--top", str(NEW_TOP), "--templates", "mine", cwd=folder)
    assert_refused(done, "mine/checks/always_fails.sql", "7 rows", "user 1, 100; user 2, 200")
    assert bytes_of(folder) == old
    assert names_in(folder) == {"logs", "mine", *RESULTS}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("model/users.sql", "", "model/users.sql replaces no file"),
        ("model/tracks.sql", "create table tracks as selekt 1", "mine/model/tracks.sql: "),
        ("model/tracks.sql", "select 1;\n{% if %}", "mine/model/tracks.sql, line 2: "),
        ("model/tracks.sql", "select {{ nothing }}", "mine/model/tracks.sql: 'nothing'"),
        ("model/tracks.sql", "select 1", "tracks"),
        ("checks/no.sql", "select nothing from nowhere", "mine/checks/no.sql: "),
    ],
)
def test_a_template_that_cannot_be_used_is_named(
    tmp_path: Path, name: str, text: str, words: str
) -> None:
    write_log(tmp_path / "logs" / "data.json", [(1, 2, 0.5), (1, 3, 1.0), (2, 2, 0.1)])
    build(tmp_path, OLD_TOP)
    old = bytes_of(tmp_path)
    with pytest.raises(TemplateError) as error:
        build(tmp_path, NEW_TOP, templates=overlay(tmp_path / "mine", name, text))
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert bytes_of(tmp_path) == old
    assert names_in(tmp_path) == {"logs", "mine", *RESULTS}


# What the targets are


def test_a_link_stays_and_what_it_points_to_is_replaced(folder: Path) -> None:
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    for name in RESULTS:
        (folder / name).rename(elsewhere / name)
        (folder / name).symlink_to(Path("..") / "elsewhere" / name)
    build(folder, NEW_TOP)
    assert all((folder / name).is_symlink() for name in RESULTS)
    assert top_of(elsewhere) == (NEW_TOP, NEW_TOP)
    assert names_in(elsewhere) == RESULTS
    assert names_in(folder) == {"logs", *RESULTS}


def test_a_link_that_points_to_nothing_gets_what_it_points_to(folder: Path) -> None:
    (folder / "latest.duckdb").symlink_to("monday.duckdb")
    ubcf.build(folder / "logs", database=folder / "latest.duckdb", output=folder / OUTPUT)
    assert (folder / "latest.duckdb").is_symlink()
    with ubcf.connect(folder / "monday.duckdb") as connection:
        assert connection.table("build").shape[0] == 1


@pytest.mark.parametrize("mode", [0o640, 0o444])
def test_a_result_keeps_the_mode_of_the_file_it_replaces(folder: Path, mode: int) -> None:
    for name in RESULTS:
        (folder / name).chmod(mode)
    build(folder, NEW_TOP)
    assert top_of(folder) == (NEW_TOP, NEW_TOP)
    assert [stat.S_IMODE((folder / name).stat().st_mode) for name in RESULTS] == [mode, mode]
