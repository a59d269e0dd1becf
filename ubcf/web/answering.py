"""From a request to an answer: the page's function in a thread, then its template or JSON."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import duckdb
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from ubcf.drawing.pages import utc_time
from ubcf.errors import NotFoundError, OptionError, QueryError, UbcfError, one_line, printable
from ubcf.web.addresses import decode_id
from ubcf.web.builds import READERS, Build, Builds
from ubcf.web.kept_answers import Kept
from ubcf.web.limits import INTERRUPTION_SECONDS, BusyError, LimitError
from ubcf.web.page import Answer, Asked, Page
from ubcf.web.rendering import as_json, templates
from ubcf.web.safety import is_foreign

# A page takes a few hundred milliseconds; one that takes longer than this is given up.
PAGE_SECONDS = 30.0

# Requests that may wait for a thread; further ones are sent away.
MOST_WAITING = 200

# A field of an address that the script adds while somebody types into a search.
TYPING = "typing"

HTML, JSON = "text/html; charset=utf-8", "application/json"

Render = Callable[[Build], Response]


class ForeignError(UbcfError):
    """A page that computes was asked for by another site."""


class TooBusyError(UbcfError):
    """More requests wait than can be answered soon."""


class TooLongError(UbcfError):
    """An answer took longer than it may."""


@dataclass(eq=False)
class Job:
    """The work on a request, which another thread may end."""

    connection: duckdb.DuckDBPyConnection | None = None
    is_ended: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def using(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Works with a cursor, which `end` interrupts meanwhile."""
        with self.lock:
            if self.is_ended:
                raise TooLongError("ended")
            before, self.connection = self.connection, connection
        try:
            yield
        finally:
            with self.lock:
                self.connection = before

    def end(self) -> None:
        """Interrupts the query that runs, and keeps the work from beginning if it has not."""
        with self.lock:
            self.is_ended = True
            if self.connection is not None:
                self.connection.interrupt()


class Answering:
    """Answers requests for pages, a thread for each at a time."""

    def __init__(self, builds: Builds, pages: tuple[Page, ...]) -> None:
        self.builds = builds
        self.pages = pages
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._jobs: set[Job] = set()

    def end(self) -> None:
        """Ends the work on all requests."""
        for job in list(self._jobs):
            job.end()

    def close(self) -> None:
        """Ends all work, and closes the database."""
        self.end()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self.builds.close()

    async def answer(self, request: Request, page: Page, *, as_twin: bool) -> Response:
        """The answer to a request for a page, or for its JSON twin; of an error, a page too."""
        try:
            if page.computes and is_foreign(request.headers):
                raise ForeignError("a link on another site led here, to what takes long to compute")
            if len(self._jobs) >= MOST_WAITING:
                raise TooBusyError("too many requests at once; try again in a moment")
            body = await request.body() if page.method == "POST" else b""
            job = Job()
            self._jobs.add(job)
            try:
                return await self._work(
                    request, job, lambda: self._made(request, page, body, job, as_twin=as_twin)
                )
            finally:
                self._jobs.discard(job)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:
            return self.failed(request, error, as_twin=as_twin or page.template is None)

    async def _work(self, request: Request, job: Job, make: Callable[[], Response]) -> Response:
        """Runs `make` in a thread; ends it if it takes too long, or nobody waits any more."""
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._threads, make)
        gone = asyncio.create_task(_until_gone(request))
        try:
            await asyncio.wait(
                (work, gone), timeout=PAGE_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            was_gone, was_late = gone.done() and not work.done(), not work.done()
            while not work.done():
                job.end()
                await asyncio.wait((work,), timeout=INTERRUPTION_SECONDS)
        finally:
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone
        if was_late:
            with suppress(Exception):
                await work
            if was_gone:
                raise ClientDisconnect
            raise TooLongError(f"this page took longer than {PAGE_SECONDS:g} s and was given up")
        return await work

    def _made(
        self, request: Request, page: Page, body: bytes, job: Job, *, as_twin: bool
    ) -> Response:
        """The answer, in a thread of its own."""
        with self.builds.current() as build:
            key = (request.scope["raw_path"], request.url.query, *self.builds.notices())
            kept = build.answers.get(key) if page.is_kept else None
            if kept is not None:
                return Response(kept.body, media_type=kept.media_type)
            with build.cursor() as connection, job.using(connection):
                found = self._asked(request, page, body, job, build, connection)
            response, is_final = self._response(request, page, found, build, as_twin=as_twin)
            if page.is_kept and is_final:
                build.answers.keep(key, Kept(bytes(response.body), response.media_type))
            return response

    def _asked(
        self,
        request: Request,
        page: Page,
        body: bytes,
        job: Job,
        build: Build,
        connection: duckdb.DuckDBPyConnection,
    ) -> Answer | Response:
        ids = {name: decode_id(part) for name, part in request.path_params.items()}
        form = dict(request.query_params.items())
        return page.function(Asked(build, connection, ids, form, body, job.using))

    def _response(
        self, request: Request, page: Page, found: Answer | Response, build: Build, *, as_twin: bool
    ) -> tuple[Response, bool]:
        """What is sent, and whether it may be sent again as long as the build is there."""
        if isinstance(found, Response):
            return found, False
        is_final = found.is_final and found.status == 200
        if as_twin or page.template is None:
            about = {"started_at": build.started_at, "version": build.row["version"]}
            content = as_json({"build": about, **found.data})
            return Response(content, found.status, media_type=JSON), is_final
        if found.instead is not None and TYPING not in request.query_params:
            return RedirectResponse(found.instead, 303), False
        return self._html(request, page.template, found, build, found.status), is_final

    def _html(
        self,
        request: Request,
        template: str,
        answer: Answer,
        build: Build,
        status: int = 200,
    ) -> Response:
        context = {
            "title": answer.title,
            "path": request.url.path,
            "twin": _twin_address(request) if status == 200 else None,
            "form": {name: text for name, text in request.query_params.items() if name != TYPING},
            "shown_build": build,
            "notices": self.builds.notices(),
            "built_at": utc_time(build.started_at),
            "against": self.builds.against,
        }
        text = templates().get_template(template).render(**context, **answer.data, **answer.shown)
        return Response(text, status, media_type=HTML)

    def failed(self, request: Request, error: Exception, *, as_twin: bool = False) -> Response:
        """The answer to a request that cannot be answered: one line that says why."""
        status = _status_of(error)
        if status is None:
            status = 500
            said = f"{request.method} {request.url.path}: {type(error).__name__}: {one_line(error)}"
            print(f"ubcf: error: {printable(said)}", file=sys.stderr, flush=True)
            reason = "an error of ubcf; the terminal that it runs in has a line about it"
        else:
            reason = str(error)
        unknown = error if isinstance(error, NotFoundError) and error.kind else None
        return self.refused(request, reason, status, as_twin=as_twin, unknown=unknown)

    def refused(
        self,
        request: Request,
        reason: str,
        status: int,
        *,
        as_twin: bool = False,
        unknown: NotFoundError | None = None,
    ) -> Response:
        """A page, or JSON, with the reason why something cannot be answered.

        unknown: the error about a user or a track that is not there.
        """
        if as_twin:
            return Response(as_json({"error": reason}), status, media_type=JSON)
        path = request.url.path
        data = {
            "reason": unknown.reason if unknown else reason,
            "again": status in (403, 503),
            "unknown": unknown,
            "may_have_slash": status == 404 and path.startswith(("/users/", "/tracks/")),
        }
        answer = Answer(_TITLES.get(status, "Error"), data)
        return self._html(request, "error.html", answer, self.builds.latest, status)


_TITLES = {
    400: "This cannot be asked",
    403: "Not from here",
    404: "Not found",
    405: "Not this way",
    503: "Not now",
}


def _status_of(error: Exception) -> int | None:
    """The status of an error that is none of ubcf."""
    if isinstance(error, NotFoundError):
        return 404
    if isinstance(error, ForeignError):
        return 403
    if isinstance(error, OptionError | QueryError | LimitError):
        return 400
    if isinstance(error, TooBusyError | TooLongError | BusyError):
        return 503
    return 500 if isinstance(error, UbcfError | duckdb.Error) else None


def _twin_address(request: Request) -> str:
    path = request.scope["raw_path"].decode("ascii").partition("?")[0]
    query = request.url.query
    return ("/index.json" if path == "/" else f"{path}.json") + (f"?{query}" if query else "")


async def _until_gone(request: Request) -> None:
    """Waits until whoever asks has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
