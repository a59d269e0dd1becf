"""What a person would get who came after the build: typed, pasted, or sent by a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from ubcf.errors import InputError, OptionError
from ubcf.serving.history import Play, checked_plays, typed_plays
from ubcf.serving.recommendation import fold_in, time_bounds, why_popular
from ubcf.web.page import Answer, Asked, Row, rows_of

# Tracks that are recommended, the most that may be asked for, and similar users that are shown.
TOP, MOST, SIMILAR_SHOWN = 20, 1_000, 10

# Tracks that a search shows.
TRACKS_FOUND = 10


def try_history(asked: Asked) -> Answer:
    """A form for tracks and times, a search for tracks by title, and what this person would get."""
    text = asked.text("history")
    added = asked.text("add")
    bounds = time_bounds(asked.connection)
    if added:
        text = f"{text}\n{added} {bounds.greatest:g}".strip()
    title = asked.text("q")
    top = asked.number("top", TOP, 1, MOST)
    wrong, plays = None, []
    if text:
        try:
            plays = typed_plays(text, bounds)
        except InputError as error:
            wrong = str(error)
    data: dict[str, Any] = {
        "heard": _named(asked, plays),
        **_searched(asked, title),
    }
    # A search shows tracks alone, so that it is quick while somebody types.
    only_searches = title and not added and "get" not in asked.form
    if plays and not only_searches:
        data |= recommended(asked, plays, top, explain=True)
    if wrong is not None:
        data["error"] = wrong
    shown = {"text": text, "wrong": wrong, "bounds": bounds, "top": top, "searched": title}
    return Answer("Try a history", data, shown, 200 if wrong is None else 400)


def _searched(asked: Asked, text: str) -> dict[str, list[Row]]:
    """The tracks whose id, artist, title or genre has a text, and those that only resemble it."""
    if not text:
        return {"found": [], "similar": []}
    found = asked.rows("list_tracks", text=text, k=TRACKS_FOUND)
    shown = {row["track"] for row in found}
    nearest = asked.rows("find_track", text=text, k=TRACKS_FOUND)
    similar = [row for row in nearest if row["track"] not in shown]
    columns = ("track", "artist", "title", "plays", "listeners")
    return {
        "found": [{name: row[name] for name in columns} for row in found],
        # Where more have the text than are shown, those that resemble it may have it as well.
        "similar": similar[: TRACKS_FOUND - len(found)],
    }


def _named(asked: Asked, plays: Sequence[Play]) -> list[Row]:
    """Plays with the artists and titles of the tracks; track is None if the logs have no such."""
    session = asked.session
    session.set(texts=[track for track, _ in plays])
    rows = rows_of(session.relation("analysis/questions/tracks_of_texts.sql")) if plays else []
    return [{**row, "time": time} for row, (_, time) in zip(rows, plays, strict=True)]


def recommended(
    asked: Asked, plays: Sequence[Play], top: int | None, *, explain: bool
) -> dict[str, Any]:
    """What a person with these plays would get, who is similar, and why the list is popular."""
    parts = fold_in(
        asked.connection,
        plays,
        top,
        similar_users=SIMILAR_SHOWN,
        explain=explain,
        model=asked.build.model(),
    )
    rows: list[Row] = rows_of(parts["recommendations"])
    if explain:
        terms = {
            rank: list(of_rank)
            for rank, of_rank in groupby(
                rows_of(parts["explanation"]), key=lambda row: int(row["rank"])
            )
        }
        rows = [{**row, **_why(row, terms.get(int(row["rank"]), []))} for row in rows]
    return {
        "recommendations": rows,
        "similar_users": rows_of(parts["similar_users"]),
        "popular_because": why_popular(asked.connection, parts),
    }


def _why(row: Row, terms: Sequence[Row]) -> Row:
    """The greatest terms of a score, how many there are, and the sum of the others."""
    shown = ("neighbor", "similarity", "counted_time", "contribution")
    return {
        "terms": terms[0]["neighbors"] if terms else 0,
        "why": [{name: term[name] for name in shown} for term in terms],
        "rest": row["score"] - sum(term["contribution"] for term in terms),
    }


def plays_of(history: Any, asked: Asked) -> list[Play]:
    """The plays that a program sent: an object of time by track, or objects of track and time."""
    bounds = time_bounds(asked.connection)
    if isinstance(history, Mapping):
        return checked_plays(history.items(), bounds)
    if isinstance(history, list) and all(
        isinstance(play, Mapping) and {"track", "time"} <= play.keys() for play in history
    ):
        return checked_plays([(play["track"], play["time"]) for play in history], bounds)
    raise OptionError(
        "history: must be an object of time by track, or a list of objects with track and time"
    )
