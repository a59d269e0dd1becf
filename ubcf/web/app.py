"""The pages of `ubcf browse`, and the application that answers for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ubcf.web.answering import Answering
from ubcf.web.page import Page
from ubcf.web.pages import (
    analyses,
    api,
    compare,
    console,
    experiments,
    fold_in,
    home,
    tracks,
    users,
)
from ubcf.web.rendering import STATIC, static_content
from ubcf.web.safety import Rules, Safety

# Every page: its address, its function in pages/, its template in templates/.
PAGES = (
    Page("/", home.home, "home.html"),
    Page("/users", users.users, "users.html"),
    Page("/users/{user}", users.user, "user.html"),
    Page(
        "/users/{user}/tracks/{track}",
        users.explanation,
        "explanation.html",
        computes=True,
        is_kept=True,
    ),
    Page("/tracks", tracks.tracks, "tracks.html"),
    Page("/tracks/{track}", tracks.track, "track.html"),
    Page("/experiments", experiments.experiments, "experiments.html"),
    Page(
        "/experiments/{experiment}",
        experiments.experiment,
        "experiment.html",
        computes=True,
        is_kept=True,
    ),
    Page("/analyses", analyses.analyses, "analyses.html"),
    Page("/analyses/{analysis}", analyses.analysis, "analysis.html", computes=True, is_kept=False),
    Page("/sql", console.console, "console.html", computes=True, is_kept=False),
    Page("/try", fold_in.try_history, "try.html", computes=True, is_kept=False),
    Page("/compare", compare.compared, "compare.html", computes=True),
    Page("/api", api.schema, None),
    Page("/api/recommendations/{user}", api.recommendations, None),
    Page("/api/recommend", api.recommend, None, computes=True, is_kept=False, method="POST"),
)

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


def make_app(answering: Answering, rules: Rules) -> ASGIApp:
    """The application: a route for each page and for its JSON twin, and the files of static/."""

    def endpoint(page: Page, *, as_twin: bool) -> Endpoint:
        async def answer(request: Request) -> Response:
            return await answering.answer(request, page, as_twin=as_twin)

        return answer

    routes = [Route("/static/{name}", _static)]
    for page in answering.pages:
        if page.method == "GET" and page.template is not None:
            # Before the page itself, whose ids could end in .json but for their encoding.
            routes.append(Route(page.twin, endpoint(page, as_twin=True)))
        routes.append(Route(page.path, endpoint(page, as_twin=False), methods=[page.method]))

    async def failed(request: Request, error: Exception) -> Response:
        found = isinstance(error, HTTPException) and error.status_code != 404
        reason = (
            f"{request.url.path} has no {request.method}"
            if found
            else f"there is no page at {request.url.path}"
        )
        as_twin = request.url.path.endswith(".json")
        return answering.refused(request, reason, 405 if found else 404, as_twin=as_twin)

    app = Starlette(routes=routes, exception_handlers={HTTPException: failed})
    return Safety(_with_slashes_in_ids(app), rules)


def _with_slashes_in_ids(app: ASGIApp) -> ASGIApp:
    """Routes a %2F in an address as ~2F: as a part of an id, not as the end of one."""

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and b"%2f" in scope["raw_path"].lower():
            raw = scope["raw_path"].partition(b"?")[0].decode("ascii")
            path = re.sub("%2F", "~2F", raw, flags=re.IGNORECASE)
            scope = {**scope, "raw_path": path.encode("ascii"), "path": unquote(path)}
        await app(scope, receive, send)

    return routed


async def _static(request: Request) -> Response:
    """A file of the pages, which a browser keeps: its address changes with its content."""
    name = request.path_params["name"]
    if name not in STATIC:
        raise HTTPException(404)
    return Response(
        static_content(name),
        media_type=STATIC[name][1],
        headers={"cache-control": "private, max-age=31536000, immutable"},
    )
