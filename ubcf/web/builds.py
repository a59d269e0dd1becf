"""The database that is shown, and the one it is compared with, while builds replace them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any

import duckdb

from ubcf.analysis.experiments import Experiment, analyze_experiments
from ubcf.analysis.health import Health, check
from ubcf.analysis.named_analyses import query
from ubcf.database.reading import connect_shared, reader
from ubcf.database.session import Session
from ubcf.drawing.charts import Chart, draw_charts
from ubcf.drawing.pages import utc_time
from ubcf.errors import NotFoundError, OptionError, UbcfError, printable
from ubcf.serving.near_rows import NearRows, read_near_rows
from ubcf.serving.stored_model import StoredModel, load_model
from ubcf.web.kept_answers import KeptAnswers
from ubcf.web.page import Row, rows_of

# Threads that answer requests, each with a cursor: more would only wait for the same processors.
READERS = 8

# How often a file that could not be opened is tried again, in seconds.
RETRY_SECONDS = 2.0

# Identifies what is in a file: a build renames a new file over it.
Identity = tuple[int, int, int, int] | None


@dataclass(frozen=True)
class Overview:
    """What the first page shows of a build, which takes seconds: computed once.

    experiments: None if the logs name none.
    """

    health: Health
    charts: list[Chart]
    experiments: list[Experiment] | None


class Build:
    """A database that is open, with a cursor for each thread that asks it."""

    def __init__(
        self, database: Path, against: Path | None, thresholds: dict[str, Any] | None = None
    ) -> None:
        """Raises DatabaseError if a file cannot be used. thresholds: of the checks of health."""
        self.database, self.against = database, against
        self._thresholds = thresholds or {}
        self._shared = connect_shared(database, against)
        self._cursors: LifoQueue[duckdb.DuckDBPyConnection] = LifoQueue()
        self._near_cursors: LifoQueue[duckdb.DuckDBPyConnection] = LifoQueue()
        self._lock = threading.Lock()
        self._model_lock = threading.Lock()
        self._model: tuple[StoredModel, NearRows | None] | None = None
        self._thread: threading.Thread | None = None
        self.answers = KeptAnswers()
        self._once: dict[str, Any] = {}
        self._once_locks: dict[str, threading.Lock] = {}
        self._readers = 0
        self._retired = False
        self._ended = False
        try:
            with self.cursor() as connection:
                session = Session(connection)
                (self.row,) = session.dictionaries("build")
                self.compared_with: Row | None = None
                if against is not None:
                    (self.compared_with,) = session.dictionaries("old.build")
        except BaseException:
            self._shared.close()
            raise
        self.options: dict[str, Any] = json.loads(self.row["options"])

    @property
    def started_at(self) -> datetime:
        """When the build began, UTC."""
        moment: datetime = self.row["started_at"]
        return moment

    @property
    def newer_notice(self) -> str | None:
        """That the build compared with is newer than this one, if it is."""
        other = (self.compared_with or {}).get("started_at")
        if other is None or other <= self.started_at:
            return None
        return (
            f"The build that these pages compare with, of {utc_time(other)} UTC, is newer than the "
            f"build that they show, of {utc_time(self.started_at)} UTC: what they call new was "
            "there before, unless --against names the wrong file."
        )

    @property
    def are_ratings(self) -> bool:
        """Whether times are ratings in a scale of their own."""
        return self.options.get("scale") is not None

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor of this build, which nothing else uses meanwhile."""
        with self._lent(self._cursors, lambda _: None) as cursor:
            yield cursor

    @contextmanager
    def near_cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor of this build that reads what `NearRows` gives."""
        with self._lent(self._near_cursors, read_near_rows) as cursor:
            yield cursor

    @contextmanager
    def _lent(
        self, cursors: LifoQueue[duckdb.DuckDBPyConnection], prepare: Callable[[Session], None]
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """One of some cursors, or another, which is prepared."""
        with self.kept():
            try:
                cursor = cursors.get_nowait()
            except Empty:
                cursor = reader(self._shared)
                prepare(Session(cursor))
            try:
                yield cursor
            except (NotFoundError, OptionError):
                cursors.put(cursor)
                raise
            except BaseException:
                # Interrupted, it may have kept temporary tables of the user who was asked for.
                cursor.close()
                raise
            cursors.put(cursor)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keeps the database open for a while, also if it is replaced."""
        with self._lock:
            self._readers += 1
        try:
            yield
        finally:
            with self._lock:
                self._readers -= 1
                self._end_if_unused()

    def retire(self) -> None:
        """Closes the database once nobody reads it any more."""
        self._retired = True
        self.overview.cancel()
        with self._lock:
            self._end_if_unused()

    def close(self) -> None:
        """Retires the build, and waits for the thread of its own."""
        self.retire()
        if self._thread is not None:
            self._thread.join()

    def _end_if_unused(self) -> None:
        if self._retired and not self._readers and not self._ended:
            self._ended = True
            for cursors in (self._cursors, self._near_cursors):
                while not cursors.empty():
                    cursors.get().close()
            self._shared.close()

    @cached_property
    def overview(self) -> Future[Overview]:
        """The verdict, the charts and the experiments, which a thread of their own computes.

        It is cancelled when the build is retired.
        """
        future: Future[Overview] = Future()

        def work() -> None:
            # An error after the build was retired is nobody's.
            with suppress(InvalidStateError):
                try:
                    with self.kept():
                        future.set_result(self._overview())
                        self.model()  # so that the first explanation need not wait
                except Exception as error:
                    future.set_exception(error)

        self._thread = threading.Thread(target=work, name="overview", daemon=True)
        self._thread.start()
        return future

    def _overview(self) -> Overview:
        with self.cursor() as connection:

            def rows(name: str) -> list[Row]:
                if self._retired:
                    raise InvalidStateError
                return rows_of(query(connection, name))

            charts = list(draw_charts(rows, are_ratings=self.are_ratings))
            try:
                experiments = list(analyze_experiments(connection))
            except NotFoundError:
                experiments = None
            health = check(connection, self.against, **self._thresholds)
            return Overview(health, charts, experiments)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What `make` returns, which is computed once for this build; not kept if it fails."""
        with self._lock:
            lock = self._once_locks.setdefault(name, threading.Lock())
        with lock:
            if name not in self._once:
                self._once[name] = make()
            return self._once[name]

    def model(self) -> StoredModel:
        """The matrices of the model, loaded once; for predicted times and people who come later."""
        return self._loaded()[0]

    def near_rows(self) -> NearRows | None:
        """What analyses of one user or track read; None if ids are of a type it cannot have."""
        return self._loaded()[1]

    def _loaded(self) -> tuple[StoredModel, NearRows | None]:
        with self._model_lock:
            if self._model is None:
                with self.cursor() as connection:
                    session = Session(connection)
                    model = load_model(session)
                    model.matrices  # noqa: B018  computed here, by one thread
                    self._model = model, NearRows.of(session, model)
            return self._model


class Builds:
    """The build that is in a file now: a request gets the one that it finds when it comes."""

    def __init__(
        self,
        database: Path,
        against: Path | None = None,
        thresholds: dict[str, Any] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises DatabaseError if a file cannot be used."""
        self.database, self.against = database, against
        self._thresholds = thresholds
        self._now = now
        self._lock = threading.Lock()
        self._identities = self._found()
        self._build = self._opened()
        self._notice: str | None = None
        self._failure: str | None = None
        self._tried_at = 0.0

    @contextmanager
    def current(self) -> Iterator[Build]:
        """The build in the file; the one before if that is gone or cannot be opened."""
        found = self._found()
        with ExitStack() as stack:
            with self._lock:
                if found != self._identities and self._worth_trying():
                    self._replace(found)
                build = self._build
                stack.enter_context(build.kept())
            yield build

    @property
    def latest(self) -> Build:
        """The build that was opened last, to say which it is; it may be closed meanwhile."""
        return self._build

    def notices(self) -> list[str]:
        """What readers have to know of the files: replaced, not to be opened, not older."""
        notices = (self._failure, self._notice, self._build.newer_notice)
        return [text for text in notices if text is not None]

    def close(self) -> None:
        """Closes the database once the last request has ended."""
        with self._lock:
            self._build.close()

    def _worth_trying(self) -> bool:
        return self._failure is None or self._now() - self._tried_at >= RETRY_SECONDS

    def _replace(self, found: tuple[Identity, Identity]) -> None:
        before = self._build
        try:
            self._build = self._opened()
        except (UbcfError, OSError, duckdb.Error) as error:
            self._tried_at = self._now()
            reason = printable(str(error))
            self._failure = (
                f"{reason}. These pages show the build of {utc_time(before.started_at)} UTC, which "
                "is still open."
            )
            return
        self._identities = found
        self._failure = None
        moment = datetime.now().strftime("%H:%M:%S")
        self._notice = (
            f"Replaced at {moment}: these pages show the build of "
            f"{utc_time(self._build.started_at)} UTC now"
            + (
                f", no longer that of {utc_time(before.started_at)} UTC."
                if before.started_at != self._build.started_at
                else "; what it is compared with is new."
            )
        )
        before.retire()

    def _opened(self) -> Build:
        build = Build(self.database, self.against, self._thresholds)
        build.overview  # noqa: B018  begins now, so that the first page need not wait
        return build

    def _found(self) -> tuple[Identity, Identity]:
        return _identity(self.database), None if self.against is None else _identity(self.against)


def _identity(path: Path) -> Identity:
    with suppress(OSError):
        found = path.stat()
        return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
    return None
