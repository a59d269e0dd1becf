"""Tracks: the list, and one track."""

from __future__ import annotations

from typing import Any

from ubcf.analysis.named_analyses import NEAREST_SHOWN
from ubcf.database.tables import BUILD_TABLES
from ubcf.web.page import Answer, Asked
from ubcf.web.pages.lists import listed, only_found

# Columns by which tracks are sorted, and the usual direction of each.
SORTS = {
    "popularity": "asc",
    "track": "asc",
    "artist": "asc",
    "title": "asc",
    "genre": "asc",
    "plays": "desc",
    "listeners": "desc",
    "total_time": "desc",
}

# Rows of the parts of a page about a track.
LISTENERS_SHOWN = 50
USERS_SHOWN = 50
TRACKS_SHOWN = 20

# Columns of the profile that are shown by themselves; the others are those of the catalog.
OF_THE_LOGS = {*BUILD_TABLES["tracks"], "users_recommended_to", "best_rank"} - {"genre", "pop"}


def tracks(asked: Asked) -> Answer:
    """A page of the tracks, or of those whose id, artist, title or genre has a text."""
    data = listed(asked, "list_tracks", SORTS)
    nearest = []
    if not data["rows"] and data["text"]:
        nearest = asked.rows("find_track", text=data["text"], k=NEAREST_SHOWN)
    shown = {"sorts": SORTS}
    return Answer("Tracks", {**data, "nearest": nearest}, shown, instead=only_found(data, "track"))


def track(asked: Asked) -> Answer:
    """A track: what the catalog says, who hears it, who gets it, and what the same users hear."""
    name = asked.ids["track"]
    data: dict[str, Any] = {
        "listeners": asked.rows("track_audience", track=name, k=LISTENERS_SHOWN),
        "times": asked.rows("track_times", track=name),
    }
    with asked.with_lists_of(name):
        profile = asked.row("track_profile", track=name)
        data |= {
            "ranks": asked.rows("track_ranks", track=name),
            "recommended_to": asked.rows("track_recommended_to", track=name, k=USERS_SHOWN),
        }
    with asked.near_listeners(name) as near:
        together = near.rows("tracks_heard_together", track=name, k=TRACKS_SHOWN)
    data = {"profile": profile, **data, "heard_together": together}
    catalog = {
        column: value
        for column, value in profile.items()
        if column not in OF_THE_LOGS and value is not None
    }
    title = profile["title"] or f"Track {profile['track']}"
    return Answer(str(title), data, {"catalog": catalog})
