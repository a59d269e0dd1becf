"""Builds that are ended by signals while others read their results.

`python -m tests.promises.kill_builds --kills 1000 --seed 1` ends so many builds by KILL, TERM, HUP
and INT: up to two thirds of them at each call of their publication that concerns files, locks or
signals, by each signal; the others at random moments. After each one it runs a next command (a
question, a build, or a build that a check refuses), and looks at what that leaves: the database and
the JSON must be the whole pair of one build, and after a build there must be no other file.
Meanwhile two readers look: one by commands of ubcf, one at the database and the JSON together.
It fails at the first fault. A bounded part of it is a test. --processes shares the work, each with
results of its own.

Every command runs in a fork of this process, which has loaded ubcf and opens no database itself.
The builds that are ended at moments, and those after them, are whole ones. Those that are ended at
calls, and those after them, compute nothing: they publish the results of an earlier build.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import json
import os
import pickle
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import duckdb

import ubcf
from tests.support.overlays import overlay
from ubcf.__main__ import main as ubcf_main
from ubcf.building import pipeline, scores  # noqa: F401
from ubcf.building.summary import BuildSummary
from ubcf.commands import ubcf as commands  # noqa: F401
from ubcf.database.reading import BUILD_DATABASE
from ubcf.errors import CheckError
from ubcf.files import Publication, check_target
from ubcf.simulation.simulate import simulate

DATABASE, OUTPUT = "ubcf.duckdb", "recommendations_ub.json"
RECORD = f".{DATABASE}.publishing"
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

# The results are those of either of two numbers of recommendations for each user.
TOPS = (5, 7)

# Seconds that a fork may take, and that readers may still hold a lock after a build.
LONGEST = 120.0
READERS_LINGER = 5.0

# A reader pauses for so many times the seconds that its last look took.
PAUSE = 3.0

FAILED = 99

QUESTIONS = (
    ("sql", "select max(rank) from recommendations", "--format", "csv"),
    ("query", "coverage"),
    ("query", "popularity_bias", "--format", "json"),
    ("diff", DATABASE, DATABASE),
)
TOP_OF_DATABASE = "select max(rank) from recommendations"


@dataclass
class Counts:
    """What was done, and what was found."""

    signals: Counter[str] = field(default_factory=Counter)
    at_calls: int = 0
    calls: int = 0
    at_work: int = 0
    published: int = 0
    finished_later: int = 0
    next_commands: Counter[str] = field(default_factory=Counter)
    looks: Counter[str] = field(default_factory=Counter)

    def add(self, other: Counts) -> None:
        """Adds what another process counted."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


# Forks.


@dataclass
class Fork:
    """A child process that computes something; its result or its error comes through a pipe."""

    pid: int
    pipe: int

    def result(self) -> tuple[int, Any]:
        """Waits; returns the exit code, negative for a signal, and what the child returned."""
        with os.fdopen(self.pipe, "rb") as stream:
            sent = stream.read()
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        if code == FAILED:
            raise AssertionError(pickle.loads(sent))
        return code, pickle.loads(sent) if sent else None


def fork(work: Callable[[], Any], seconds: float = LONGEST) -> Fork:
    """Starts work in a child process, with signals as a shell gives them to a command.

    seconds: the longest that it may take; 0: no limit.
    """
    receiving, sending = os.pipe()
    pid = os.fork()
    if pid:
        os.close(sending)
        return Fork(pid, receiving)
    code = 0
    try:
        os.close(receiving)
        for each in SIGNALS[1:]:
            signal.signal(each, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.alarm(int(seconds))
        result = work()
    except BaseException as error:
        code, result = FAILED, f"{type(error).__name__}: {error}"
    with contextlib.suppress(BrokenPipeError):
        os.write(sending, pickle.dumps(result))
    os._exit(code)


def run(folder: Path, *arguments: str, before: Callable[[], None] = lambda: None) -> Fork:
    """Starts the command line in a folder; stdout and stderr go to files beside the folder."""

    def work() -> None:
        os.chdir(folder)
        for number, name in ((1, "stdout"), (2, "stderr")):
            path = folder.parent / f"{name}-{os.getpid()}"
            os.dup2(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY), number)
        sys.stdout, sys.stderr = (
            io.TextIOWrapper(io.FileIO(number, "w"), "utf-8") for number in (1, 2)
        )
        sys.argv = ["ubcf", *arguments]
        before()
        ubcf_main()

    return fork(work)


def printed(folder: Path, pid: int) -> tuple[str, str]:
    """What a command printed to stdout and to stderr; it may have ended before it had them."""
    texts = []
    for name in ("stdout", "stderr"):
        path = folder.parent / f"{name}-{pid}"
        texts.append(path.read_text(encoding="utf-8") if path.exists() else "")
        path.unlink(missing_ok=True)
    return texts[0], texts[1]


# The calls of a publication.


def watch_publication(at_call: Callable[[int], None]) -> None:
    """Lets `at_call` be called before each call of the system in a publication, with its number."""
    number = 0

    def watch(_frame: FrameType, event: str, called: Any) -> None:
        nonlocal number
        if event == "c_call" and is_system_call(called):
            number += 1
            at_call(number)

    def watched(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            sys.setprofile(watch)
            try:
                return method(*arguments)
            finally:
                sys.setprofile(None)

        return call

    for name in ("__enter__", "publish", "__exit__"):
        setattr(Publication, name, watched(getattr(Publication, name)))


@dataclass(frozen=True)
class Earlier:
    """A build that was not disturbed: its results, as rows and as bytes, and its summary."""

    pair: Pair
    contents: list[bytes]
    summary: BuildSummary


def compute_nothing(builds: dict[int, Earlier]) -> None:
    """Lets the build of this process publish the results of an earlier one with its --top."""

    def build(
        _places: Any, _catalog: Any, database: str, output: str, _stages: Any, chosen: Any, _in: Any
    ) -> BuildSummary:
        targets = [
            check_target(database, BUILD_DATABASE),
            check_target(output, pipeline.RECOMMENDATIONS),
        ]
        with Publication(*targets) as publication:
            (publication.temporary_folder(targets[0]) / "spilled").touch()
            for target, content in zip(targets, builds[chosen.top].contents, strict=True):
                publication.unfinished(target).write_bytes(content)
            if chosen.templates is not None:
                raise CheckError("refused")
            publication.publish()
        return builds[chosen.top].summary

    setattr(pipeline, "_build", build)  # noqa: B010


def is_system_call(called: Any) -> bool:
    """Whether a function of C is about files, locks or signals."""
    is_of_file = isinstance(getattr(called, "__self__", None), io.IOBase)
    return is_of_file or called.__module__ in ("posix", "fcntl", "io", "_signal")


def end_at(ending: Ending) -> None:
    """Lets this process send itself a signal at a call of its publication."""

    def at_call(number: int) -> None:
        if number == ending.call:
            os.kill(os.getpid(), ending.signal)

    watch_publication(at_call)


def count_calls(folder: Path) -> int:
    """How many calls the publication of an undisturbed build has."""
    path = folder.parent / "calls"
    builds, _ = earlier_builds(folder)

    def note(number: int) -> None:
        path.write_bytes(b"." * number)

    def watch() -> None:
        compute_nothing(builds)
        watch_publication(note)

    build = run(folder, *build_arguments(TOPS[0]), before=watch)
    assert build.result()[0] == 0
    return path.stat().st_size


# What is expected, and what is there.


def build_arguments(top: int) -> tuple[str, ...]:
    return ("build", "logs", "--top", str(top), "--quiet")


def tables(database: Path) -> dict[str, list[str]]:
    """The rows of all tables, without timings and dates. Raises duckdb.Error if it is broken."""
    with duckdb.connect(str(database), read_only=True) as connection:
        names = [name for (name,) in connection.execute("show tables").fetchall()]
        rows = {name: connection.table(name).fetchall() for name in names}
    del rows["build_stages"]
    rows["build"] = [row[3:] for row in rows["build"]]  # without version, started_at, seconds
    return {name: sorted(map(repr, of_table)) for name, of_table in rows.items()}


@dataclass(frozen=True)
class Pair:
    """The results of a build: the rows of its tables, and the bytes of its JSON."""

    tables: dict[str, list[str]]
    json: bytes


def pair_in(folder: Path) -> Pair:
    return Pair(tables(folder / DATABASE), (folder / OUTPUT).read_bytes())


def whole_pair(folder: Path, expected: dict[int, Pair]) -> int:
    """The --top of the build whose results are there. Raises AssertionError if they are torn."""
    found = pair_in(folder)
    for top, pair in expected.items():
        if found == pair:
            return top
    of_json = [top for top, pair in expected.items() if found.json == pair.json]
    of_tables = [top for top, pair in expected.items() if found.tables == pair.tables]
    raise AssertionError(f"a torn pair: database of {of_tables}, JSON of {of_json}")


def other_files(folder: Path) -> set[str]:
    """Files that are neither inputs nor results."""
    return {path.name for path in folder.iterdir()} - {"logs", "mine", DATABASE, OUTPUT}


def check_nothing_is_left(folder: Path) -> None:
    """Raises AssertionError if other files stay; a reader may hold a lock for a moment."""
    give_up = time.monotonic() + READERS_LINGER
    while found := other_files(folder):
        assert time.monotonic() < give_up, f"left behind: {found}"
        time.sleep(0.01)


# Readers at the same time.


def read_by_commands(folder: Path, stop: Path) -> int:
    """Asks by commands until there is a file `stop`; each must succeed. Returns how many did."""
    looks = 0
    while not stop.exists():
        started = time.perf_counter()
        arguments = QUESTIONS[looks % len(QUESTIONS)]
        asked = run(folder, *arguments)
        code, _ = asked.result()
        stdout, stderr = printed(folder, asked.pid)
        check_answer(arguments, code, stdout, stderr)
        looks += 1
        time.sleep(PAUSE * (time.perf_counter() - started))
    return looks


def check_answer(arguments: tuple[str, ...], code: int, stdout: str, stderr: str) -> None:
    """Raises AssertionError unless a question was answered."""
    assert code == 0, f"{arguments}: exit code {code}: {stderr}"
    assert stderr == "" or stderr.startswith("ubcf: note: finished what"), stderr
    if arguments[0] == "sql":
        assert int(stdout.split("\n")[1]) in TOPS, stdout


def read_pairs(folder: Path, stop: Path, expected: dict[int, Pair]) -> int:
    """Opens the database between two looks at the JSON, until there is a file `stop`.

    Where both looks find the same file, the database must be of the same build. (Two builds in
    between may give the same content again.) Returns how often.
    """
    looks = 0
    while not stop.exists():
        started = time.perf_counter()
        with (folder / OUTPUT).open("rb") as file:
            before, found = os.fstat(file.fileno()), file.read()
            with ubcf.connect(folder / DATABASE) as connection:
                ((top,),) = connection.execute(TOP_OF_DATABASE).fetchall()
            after = (folder / OUTPUT).stat()
        # The open file keeps its number from being given to another one.
        if (before.st_dev, before.st_ino) == (after.st_dev, after.st_ino):
            assert found == expected[top].json, f"a torn pair: the database has {top}"
            looks += 1
        time.sleep(PAUSE * (time.perf_counter() - started))
    return looks


def noted(failed: Path, work: Callable[[], int]) -> int:
    """Does what a reader does; notes its error in a file at once."""
    try:
        return work()
    except BaseException as error:
        failed.write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
        raise


@contextlib.contextmanager
def readers(folder: Path, expected: dict[int, Pair], counts: Counts) -> Iterator[None]:
    """Lets the readers read meanwhile; raises AssertionError for what they found at the end."""
    stop, failed = folder.parent / "stop", folder.parent / "failed"
    forks = {
        "commands": fork(lambda: noted(failed, lambda: read_by_commands(folder, stop)), 0),
        "pairs": fork(lambda: noted(failed, lambda: read_pairs(folder, stop, expected)), 0),
    }
    try:
        yield
    finally:
        stop.touch()
        results = {}
        errors = []
        for name, each in forks.items():
            try:
                results[name] = each.result()
            except AssertionError as error:
                errors.append(f"the reader of {name}: {error}")
    assert not errors, "; ".join(errors)
    for name, (code, looks) in results.items():
        assert code == 0, f"the reader of {name}: exit code {code}"
        counts.looks[name] = looks


# Killing.


@dataclass(frozen=True)
class Ending:
    """What ends a build: a signal, at a call of its publication or else at a share of its time."""

    signal: signal.Signals
    call: int | None
    share: float = 0.0


def endings(kills: int, calls: int, chance: random.Random) -> list[Ending]:
    """Endings at calls and at moments, in random order; see the head of this file."""
    of_calls = [Ending(ending, call) for call in range(1, calls + 1) for ending in SIGNALS]
    at_calls = min(2 * kills // 3, len(of_calls))
    chosen = chance.sample(of_calls, at_calls)
    chosen += [
        Ending(SIGNALS[number % 4], None, (number + chance.random()) / (kills - at_calls))
        for number in range(kills - at_calls)
    ]
    chance.shuffle(chosen)
    return chosen


def kill_one(
    folder: Path, ending: Ending, top: int, builds: dict[int, Earlier], seconds: float
) -> bool:
    """Starts a build and ends it. Returns whether it was ended at its work."""

    def at_call() -> None:
        compute_nothing(builds)
        end_at(ending)

    if ending.call is not None:
        build = run(folder, *build_arguments(top), before=at_call)
    else:
        build = run(folder, *build_arguments(top))
        time.sleep(seconds * ending.share)
        os.kill(build.pid, ending.signal)
    code, _ = build.result()
    _, stderr = printed(folder, build.pid)
    at_work = code in (-ending.signal, 128 + ending.signal)
    assert at_work or code == 0, f"{ending}: exit code {code}: {stderr}"
    said = stderr.strip()  # click ends an interrupted line
    note = said.startswith("ubcf: note: finished what") and "\n" not in said
    assert said == "" or note, f"{ending}: {stderr}"
    return at_work


def next_command(folder: Path, top: int, chance: random.Random, before: Callable[[], None]) -> str:
    """Runs any next command; returns what it was. A build, even one that fails, cleans up."""
    kind = chance.choice(["question", "question", "build", "failing build"])
    if kind == "question":
        arguments = chance.choice(QUESTIONS)
        asked = run(folder, *arguments)
        code, _ = asked.result()
        check_answer(arguments, code, *printed(folder, asked.pid))
        return kind
    failing = kind == "failing build"
    overlay = ("--templates", "mine") if failing else ()
    build = run(folder, *build_arguments(top), *overlay, before=before)
    code, _ = build.result()
    _, stderr = printed(folder, build.pid)
    assert code == int(failing), f"{kind}: exit code {code}: {stderr}"
    check_nothing_is_left(folder)
    return kind


def prepared(folder: Path) -> Path:
    """Makes a folder with logs of 60 users, and an overlay with a check that always fails."""
    simulate(folder / "logs", users=60, tracks=100, events=600, replicas=2, seed=1)
    overlay(folder / "mine", "checks/always_fails.sql", "select 1 as one")
    return folder


def earlier_builds(folder: Path) -> tuple[dict[int, Earlier], float]:
    """Undisturbed builds, by their --top, and the seconds of the fastest one."""
    found, durations = {}, []

    def build(top: int) -> BuildSummary:
        os.chdir(folder)
        return ubcf.build("logs", database=DATABASE, output=OUTPUT, top=top)

    for top in (*TOPS, *TOPS):
        started = time.perf_counter()
        _, summary = fork(functools.partial(build, top)).result()
        durations.append(time.perf_counter() - started)
        contents = [(folder / name).read_bytes() for name in (DATABASE, OUTPUT)]
        found[top] = Earlier(fork(lambda: pair_in(folder)).result()[1], contents, summary)
    assert found[TOPS[0]].pair.json != found[TOPS[1]].pair.json
    return found, min(durations)


def kill_in_turn(folder: Path, chosen: list[Ending], seed: int) -> Counts:
    """Ends builds in a folder, one after another. Raises AssertionError for the first fault."""
    chance = random.Random(seed)
    counts = Counts()
    builds, seconds = earlier_builds(prepared(folder))
    expected = {top: build.pair for top, build in builds.items()}
    quick, whole = functools.partial(compute_nothing, builds), lambda: None
    failed = folder.parent / "failed"
    top = TOPS[-1]
    with readers(folder, expected, counts):
        for number, ending in enumerate(chosen, start=1):
            assert not failed.exists(), f"a reader: {failed.read_text(encoding='utf-8')}"
            wanted = TOPS[1 - TOPS.index(top)]
            counts.at_work += kill_one(folder, ending, wanted, builds, 1.5 * seconds)
            counts.signals[ending.signal.name] += 1
            counts.at_calls += ending.call is not None
            counts.finished_later += (folder / RECORD).exists()
            kind = next_command(folder, top, chance, whole if ending.call is None else quick)
            counts.next_commands[kind] += 1
            found = fork(lambda: whole_pair(folder, expected)).result()[1]
            counts.published += kind != "build" and found == wanted
            assert kind != "build" or found == top, "a build did not publish its results"
            top = found
            if number % 50 == 0:
                print(f"{number} of {len(chosen)}: {counts}", file=sys.stderr, flush=True)
    build = run(folder, *build_arguments(TOPS[0]))
    assert build.result()[0] == 0
    assert fork(lambda: whole_pair(folder, expected)).result()[1] == TOPS[0]
    check_nothing_is_left(folder)
    return counts


def kill_builds(folder: Path, kills: int, seed: int, processes: int = 1) -> Counts:
    """Ends `kills` builds. Raises AssertionError for the first fault of each process."""
    calls = count_calls(prepared(folder / "counted" / "results"))
    chosen = endings(kills, calls, random.Random(seed))
    forks = []
    for number in range(processes):
        own, share = folder / str(number) / "results", chosen[number::processes]
        work = functools.partial(kill_in_turn, own, share, seed + number)
        forks.append(fork(work, 0))
    counts = Counts(calls=calls)
    for each in forks:
        code, of_process = each.result()
        assert code == 0, f"a process ended by {code}"
        counts.add(of_process)
    return counts


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        os.environ["TMPDIR"] = temporary
        counts = kill_builds(Path(temporary), options.kills, options.seed, options.processes)
    print(json.dumps(vars(counts), indent=2))


if __name__ == "__main__":
    main()
