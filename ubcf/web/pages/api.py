"""For a service that asks while it runs: recommendations as JSON, and the schema of this API."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from ubcf._version import __version__
from ubcf.errors import InputError, OptionError
from ubcf.web.page import Answer, Asked
from ubcf.web.pages.fold_in import MOST, plays_of, recommended
from ubcf.web.rendering import as_json


def recommendations(asked: Asked) -> Answer:
    """The stored list of a user, or its first ranks."""
    user = asked.ids["user"]
    top = asked.number("top", 0) if asked.text("top") else None
    return Answer(
        "", {"user": user, "recommendations": asked.rows("user_recommendations", user=user, k=top)}
    )


def recommend(asked: Asked) -> Answer:
    """What a person with the history in the body would get."""
    try:
        body = json.loads(asked.body)
    except (ValueError, RecursionError) as error:
        raise OptionError("the body must be a JSON object with a history") from error
    if not isinstance(body, dict) or "history" not in body:
        raise OptionError("the body must be a JSON object with a history")
    unknown = body.keys() - {"history", "top", "explain"}
    if unknown:
        raise OptionError(f"the body has {min(unknown)!r}; known are history, top and explain")
    top, explain = body.get("top"), body.get("explain", False)
    is_number = isinstance(top, int) and not isinstance(top, bool)
    if top is not None and not (is_number and 1 <= top <= MOST):
        raise OptionError(f"top: {top!r} is no number from 1 to {MOST:,}")
    if not isinstance(explain, bool):
        raise OptionError(f"explain: {explain!r} is neither true nor false")
    try:
        return Answer(
            "", recommended(asked, plays_of(body["history"], asked), top, explain=explain)
        )
    except InputError as error:
        raise OptionError(str(error)) from error


_ID = {"description": "as in the logs", "type": ["integer", "string", "number"]}
_TIME = {
    "type": "number",
    "description": "the fraction of the track, 0 to 1, or a rating in the scale of the build",
}
_RECOMMENDATION = {
    "type": "object",
    "properties": {
        "rank": {"type": "integer", "minimum": 1},
        "track": _ID,
        "score": {"type": "number"},
        "heard": {"type": "boolean", "description": "whether the person heard it before"},
        "source": {
            "enum": ["neighbors", "own", "popularity", "tail"],
            "description": "popularity: a popular track that fills the list; tail: below 0",
        },
        "artist": {"type": ["string", "null"]},
        "title": {"type": ["string", "null"]},
        "genre": {"description": "of the catalog, of any type"},
        "pop": {"description": "of the catalog, of any type"},
    },
}
_BUILD = {
    "type": "object",
    "properties": {"started_at": {"type": "string"}, "version": {"type": "string"}},
}


def _answer(description: str, **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"build": _BUILD, **properties}}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


_LIST = {"type": "array", "items": _RECOMMENDATION}
_ERROR = {
    "description": "the reason, in words",
    "content": {
        "application/json": {
            "schema": {"type": "object", "properties": {"error": {"type": "string"}}}
        }
    },
}

SCHEMA: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "ubcf",
        "version": __version__,
        "description": "Recommendations while a service runs. The usual way is the file of "
        "recommendations that ubcf build leaves: a service that loads it asks nobody.",
    },
    "paths": {
        "/api/recommendations/{user}": {
            "get": {
                "summary": "The list that the build made for a user",
                "parameters": [
                    {
                        "name": "user",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "string"},
                        "description": "the id; a byte that is no letter, digit, - or _ is a tilde "
                        "and two hexadecimal digits",
                    },
                    {
                        "name": "top",
                        "in": "query",
                        "schema": {"type": "integer", "minimum": 1},
                        "description": "the first ranks alone",
                    },
                ],
                "responses": {
                    "200": _answer("the list", user={"type": "string"}, recommendations=_LIST),
                    "404": _ERROR,
                },
            }
        },
        "/api/recommend": {
            "post": {
                "summary": "What a person with this history would get",
                "description": "With the options and scores of a build with this person.",
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["history"],
                                "additionalProperties": False,
                                "properties": {
                                    "history": {
                                        "oneOf": [
                                            {"type": "object", "additionalProperties": _TIME},
                                            {
                                                "type": "array",
                                                "items": {
                                                    "type": "object",
                                                    "required": ["track", "time"],
                                                    "properties": {"track": _ID, "time": _TIME},
                                                },
                                            },
                                        ]
                                    },
                                    "top": {"type": "integer", "minimum": 1, "maximum": MOST},
                                    "explain": {"type": "boolean", "default": False},
                                },
                            },
                            "example": {"history": {"526": 1.0, "1406": 0.2}, "top": 10},
                        }
                    },
                },
                "responses": {
                    "200": _answer(
                        "the list",
                        recommendations=_LIST,
                        similar_users={"type": "array", "items": {"type": "object"}},
                        popular_because={
                            "type": ["string", "null"],
                            "description": "why the list has popular tracks alone",
                        },
                    ),
                    "400": _ERROR,
                },
            }
        },
    },
}


def schema(_asked: Asked) -> Response:
    """The schema of this API, as OpenAPI 3.1 has it."""
    return Response(as_json(SCHEMA), media_type="application/json")
