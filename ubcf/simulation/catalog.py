"""The catalog: tracks by invented artists, each with genre, popularity and length."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ubcf.simulation.draws import Ints, group_starts, shuffled, uniform_ints

GENRES = (
    "pop", "rock", "hip-hop", "electronic", "indie", "metal", "jazz", "folk", "soul", "classical",
    "punk", "reggae", "country", "blues", "ambient", "latin", "techno", "disco", "gospel", "ska",
)  # fmt: skip

# The mean of the real catalog of 2022. A popular artist has dozens of tracks, most artists a few.
TRACKS_PER_ARTIST = 12
ALBUMS_PER_ARTIST = 4
TOP_POP = 100  # `pop` of the most popular track; the least popular has 0
SHORTEST_SECONDS, LONGEST_SECONDS = 120, 360

# Invented words; the service writes letters outside ASCII as \u escapes.
NAME_HEADS = (
    "Bral", "Cavi", "Dro", "Elu", "Fen", "Gri", "Hab", "Ivo", "Jur", "Kel", "Lom", "Mav", "Nu",
    "Orri", "Pel", "Quo", "Rizh", "Sév", "Tam", "Ulm", "Vor", "Wex", "Yar", "Zün",
)  # fmt: skip
NAME_TAILS = (
    "bek", "dara", "fin", "gol", "hassa", "kanto", "lis", "mond", "nar", "oque", "pash", "ristan",
    "solle", "tik", "vane", "wick", "xo", "yuna", "zel",
)  # fmt: skip
NAME_ENDINGS = (
    "", " Assembly", " Brothers", " Collective", " Ensemble", " Five", " Machine", " Orchestra",
    " Parade", " Sisters", " Sound", " Trio", " Workshop", " & Friends", " Radio", " Society",
)  # fmt: skip

TITLE_FIRSTS = (
    "Amber", "Borrowed", "Crooked", "Distant", "Eleven", "Folded", "Gentle", "Hollow", "Idle",
    "Jagged", "Kindly", "Lost", "Moonlit", "Nameless", "Open", "Paper", "Quiet", "Restless",
    "Second", "Tangled", "Upward", "Velvet", "Winter", "Yellow",
)  # fmt: skip
TITLE_LASTS = (
    "Anchors", "Bridges", "Corners", "Doorways", "Engines", "Ferries", "Gardens", "Harbors",
    "Islands", "Junctions", "Kites", "Ladders", "Mirrors", "Neighbors", "Orchards", "Postcards",
    "Questions", "Rivers", "Staircases", "Trains", "Umbrellas", "Voices", "Windows", "Years",
)  # fmt: skip

# Coprime with the numbers of names and of titles, so that steps of this size visit each once, in
# an order that looks random.
NAME_STEP = 2_741


@dataclass(frozen=True)
class Catalog:
    """Tracks, artists and genres by number; the artists of a genre have consecutive numbers.

    `chart` lists all tracks, the most popular first. `by_genre` and `by_artist` list them group by
    group, in each the most popular first; group g is `[starts[g] : starts[g + 1]]`.
    """

    artist: NDArray[np.int32]  # (tracks,)
    genre: NDArray[np.int32]  # (tracks,)
    seconds: NDArray[np.int32]  # (tracks,)
    album: NDArray[np.int32]  # (tracks,) from 0 to ALBUMS_PER_ARTIST - 1
    title: NDArray[np.int32]  # (tracks,) number of the title
    rank: NDArray[np.int32]  # (tracks,) 0 for the most popular
    chart: NDArray[np.int32]  # (tracks,)
    by_genre: NDArray[np.int32]  # (tracks,)
    genre_starts: Ints  # (genres + 1,) into by_genre
    by_artist: NDArray[np.int32]  # (tracks,)
    artist_starts: Ints  # (artists + 1,) into by_artist
    genre_artists: Ints  # (genres + 1,) the first artist of each genre


def make_catalog(rng: np.random.Generator, tracks: int) -> Catalog:
    """A random catalog, in which every genre has an artist and every artist a track."""
    artists = -(-tracks // TRACKS_PER_ARTIST)
    genres = min(len(GENRES), artists)
    artist_genre = np.sort(_spread(rng, artists, genres))
    artist = _spread(rng, tracks, artists)[shuffled(rng, tracks)]
    genre = artist_genre[artist]
    chart = shuffled(rng, tracks)
    rank = np.empty(tracks, dtype=np.int32)
    rank[chart] = np.arange(tracks, dtype=np.int32)
    by_genre = np.lexsort((rank, genre)).astype(np.int32)
    by_artist = np.lexsort((rank, artist)).astype(np.int32)
    return Catalog(
        artist=artist,
        genre=genre,
        seconds=uniform_ints(rng, tracks, SHORTEST_SECONDS, LONGEST_SECONDS + 1).astype(np.int32),
        album=uniform_ints(rng, tracks, 0, ALBUMS_PER_ARTIST).astype(np.int32),
        title=uniform_ints(rng, tracks, 0, len(TITLE_FIRSTS) * len(TITLE_LASTS)).astype(np.int32),
        rank=rank,
        chart=chart,
        by_genre=by_genre,
        genre_starts=group_starts(genre[by_genre], genres),
        by_artist=by_artist,
        artist_starts=group_starts(artist[by_artist], artists),
        genre_artists=group_starts(artist_genre, genres),
    )


def _spread(rng: np.random.Generator, items: int, groups: int) -> NDArray[np.int32]:
    """(items,) a group for each item: every group has one, and the first ones get more of the rest.

    items: at least `groups`. The square of a uniform number makes the first groups larger.
    """
    uniform = rng.random(items)
    group = (uniform * uniform * groups).astype(np.int32)
    group[:groups] = np.arange(groups, dtype=np.int32)
    return group


def catalog_lines(catalog: Catalog) -> Iterator[bytes]:
    """The lines of tracks.json, by track."""
    tracks = len(catalog.artist)
    columns = zip(
        catalog.artist.tolist(),
        catalog.title.tolist(),
        catalog.genre.tolist(),
        catalog.album.tolist(),
        (TOP_POP - catalog.rank.astype(np.int64) * (TOP_POP + 1) // tracks).tolist(),
        catalog.seconds.tolist(),
        strict=True,
    )
    for track, (artist, title, genre, album, pop, seconds) in enumerate(columns):
        fields = {
            "track": track,
            "artist": artist_name(artist),
            "title": title_text(title),
            "genre": GENRES[genre],
            "album": title_text(artist * ALBUMS_PER_ARTIST + album),
            "pop": pop,
            "duration": seconds,
        }
        yield (json.dumps(fields) + "\n").encode("ascii")


def artist_name(artist: int) -> str:
    """The name of an artist; no two artists share one."""
    names = len(NAME_HEADS) * len(NAME_TAILS) * len(NAME_ENDINGS)
    repetition, artist = divmod(artist, names)
    rest, tail = divmod(artist * NAME_STEP % names, len(NAME_TAILS))
    ending, head = divmod(rest, len(NAME_HEADS))
    name = NAME_HEADS[head] + NAME_TAILS[tail] + NAME_ENDINGS[ending]
    return f"{name} {repetition + 1}" if repetition else name


def title_text(title: int) -> str:
    """The words of a title; tracks can share one, as in real catalogs."""
    titles = len(TITLE_FIRSTS) * len(TITLE_LASTS)
    first, last = divmod(title * NAME_STEP % titles, len(TITLE_LASTS))
    return f"{TITLE_FIRSTS[first]} {TITLE_LASTS[last]}"
