"""The stages of a job: the time that each took, and progress reports while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

# Reports a stage to the user: a context opened with the stage's name and its length in steps (None:
# unknown). It yields a function to call with the number of steps done since the last call.
Progress = Callable[[str, int | None], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True)
class Stage:
    """A finished stage: its seconds, and the rows that it made (None: it makes none)."""

    stage: str
    seconds: float
    rows: int | None


@dataclass
class StageAtWork:
    """A running stage; its owner calls `advance` and sets the number of `rows` that it makes."""

    advance: Callable[[int], None]
    rows: int | None = None
    _rest: float = 0.0

    def advance_by(self, steps: float) -> None:
        """Advances by fractions of steps, which count once they add up to whole ones."""
        self._rest += steps
        whole = int(self._rest)
        if whole:
            self._rest -= whole
            self.advance(whole)


class Stages:
    """The finished stages of a job, in order."""

    def __init__(self, progress: Progress | None = None) -> None:
        """progress: None reports nothing."""
        self._progress = progress or no_progress
        self._started = time.perf_counter()
        self.finished: list[Stage] = []

    @contextmanager
    def stage(
        self, name: str, length: int | None = None, *, reported_as: str | None = None
    ) -> Iterator[StageAtWork]:
        """Times the block inside as the stage `name`.

        length: in steps, if known. reported_as: what progress reports call the stage, its name by
        default.
        """
        started = time.perf_counter()
        with self._progress(reported_as or name, length) as advance:
            at_work = StageAtWork(advance)
            yield at_work
        self.finished.append(Stage(name, time.perf_counter() - started, at_work.rows))

    @property
    def seconds(self) -> float:
        """Seconds since the job began."""
        return time.perf_counter() - self._started


def ignore_steps(_steps: int) -> None:
    """Reports nothing."""


def no_progress(_name: str, _length: int | None) -> AbstractContextManager[Callable[[int], None]]:
    """A Progress that reports nothing."""
    return nullcontext(ignore_steps)
