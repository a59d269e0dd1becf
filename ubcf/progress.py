"""The stages of a job: how long each took, and telling the user while it is at work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

# Tells the user of a stage: opened with its name and its length in steps (None: unknown); yields
# the function to call with the number of steps done since.
Progress = Callable[[str, int | None], AbstractContextManager[Callable[[int], None]]]


@dataclass
class StageAtWork:
    """A stage while it is at work: tell it of steps, and of the rows that it leaves."""

    advance: Callable[[int], None]
    rows: int | None = None
    _rest: float = 0.0

    def advance_by(self, steps: float) -> None:
        """The same for parts of steps: what they add up to counts when it is a whole step."""
        self._rest += steps
        whole = int(self._rest)
        if whole:
            self._rest -= whole
            self.advance(whole)


class Stages:
    """The finished stages of a job, in order."""

    def __init__(self, progress: Progress | None = None) -> None:
        """`progress` tells the user; None tells nobody."""
        self._progress = progress or no_progress
        self._started = time.perf_counter()
        self.finished: list[Stage] = []

    @contextmanager
    def stage(self, name: str, length: int | None = None) -> Iterator[StageAtWork]:
        """Times what happens inside as the stage `name`."""
        started = time.perf_counter()
        with self._progress(name, length) as advance:
            at_work = StageAtWork(advance)
            yield at_work
        self.finished.append(Stage(name, time.perf_counter() - started, at_work.rows))

    @property
    def seconds(self) -> float:
        """Seconds since the job began."""
        return time.perf_counter() - self._started


def ignore_steps(_steps: int) -> None:
    """Tells nobody of the steps done."""


def no_progress(_name: str, _length: int | None) -> AbstractContextManager[Callable[[int], None]]:
    """A Progress that tells nobody."""
    return nullcontext(ignore_steps)


@dataclass(frozen=True)
class Stage:
    """A stage of a build: how long it took, and the rows that it left (None: it leaves no rows)."""

    stage: str
    seconds: float
    rows: int | None
