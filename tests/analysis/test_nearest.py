"""An unknown analysis, user or track is one line that names the nearest ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ubcf
from tests.support.builds import Built, build_folder
from tests.support.commands import call_ubcf
from tests.support.logs import write_log
from ubcf.errors import NotFoundError

CATALOG = [
    '{"track": 10, "artist": "Ann", "title": "Crooked Windows"}',
    '{"track": 20, "artist": "Bo", "title": "Second Engines"}',
    '{"track": 30, "artist": "Second Engines", "title": "Up"}',
]

USERS = ["a3f9", "anna", "Annabel", "bob", "7", "9"]

LINES = [*((user, track, 0.5) for user in (1, 2, 15) for track in (10, 20, 30)), (1, 40, 1.0)]


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("numbers")
    write_log(folder / "logs" / "botify-recommender-1" / "data.json", LINES)
    write_log(folder / "logs" / "tracks.json", CATALOG)
    return build_folder(folder)


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Users with text ids, tracks with titles for ids and no catalog."""
    folder = tmp_path_factory.mktemp("texts")
    lines = [(user, track, 0.5) for user in USERS for track in ("Crooked Windows", "Up")]
    write_log(folder / "logs" / "botify-recommender-1" / "data.json", lines)
    return build_folder(folder)


def refused(folder: Path, *arguments: str) -> str:
    """The line of an error, without its start."""
    done = call_ubcf(*arguments, cwd=folder)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    return done.stderr.removeprefix("ubcf: error: ").rstrip("\n")


def nearest(built: Built, ask: Callable[..., Any], *values: Any) -> list[str]:
    """What the error of a function of the API names."""
    with ubcf.connect(built.database) as connection:
        with pytest.raises(NotFoundError) as raised:
            ask(connection, *values)
        return str(raised.value).partition("in this database; nearest: ")[2].split(", ")


def test_an_unknown_track_is_reported_with_titles(numbers: Built) -> None:
    assert refused(numbers.folder, "inspect", "track", "21") == (
        "no track '21' in this database; nearest: 20 (Bo - Second Engines), "
        "30 (Second Engines - Up), 10 (Ann - Crooked Windows)"
    )
    assert nearest(numbers, ubcf.explain, 1, 39)[0] == "40"  # not in the catalog


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Second Engines", "20 (Bo - Second Engines)"),  # the title goes before the artist
        ("second ENGINES", "20 (Bo - Second Engines)"),
        ("Secnd Engnes", "20 (Bo - Second Engines)"),
        ("bo - second", "20 (Bo - Second Engines)"),
        ("Ann", "10 (Ann - Crooked Windows)"),
        ("windos crooked", "10 (Ann - Crooked Windows)"),
    ],
)
def test_a_title_in_place_of_an_id_names_the_tracks_with_this_title(
    numbers: Built, text: str, first: str
) -> None:
    assert nearest(numbers, ubcf.inspect_track, text)[0] == first
    assert nearest(numbers, ubcf.explain, 1, text)[0] == first


def test_numbers_are_near_to_numbers_by_their_difference(numbers: Built) -> None:
    assert nearest(numbers, ubcf.inspect_user, 16) == ["15", "2", "1"]
    assert nearest(numbers, ubcf.explain, "-3", 10) == ["1", "2", "15"]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("ann", ["anna", "Annabel"]),  # that begin so, the nearest first
        ("ANN", ["anna", "Annabel"]),
        ("bel", ["Annabel"]),
        ("a3", ["a3f9"]),
        ("bbo", ["bob"]),
        ("anan", ["anna"]),
        ("8", ["7", "9"]),
    ],
)
def test_texts_are_near_by_beginning_part_and_letters(
    texts: Built, text: str, first: list[str]
) -> None:
    assert nearest(texts, ubcf.inspect_user, text)[: len(first)] == first


def test_tracks_without_a_catalog_are_near_by_their_ids(texts: Built) -> None:
    assert nearest(texts, ubcf.inspect_track, "croked windows")[0] == "Crooked Windows"


def test_endless_and_odd_texts_are_compared_in_no_time(texts: Built, numbers: Built) -> None:
    for built in (texts, numbers):
        for text in ("x" * 50_000, "", "%", "'\"\\", "音楽", "\x1b[31m"):
            assert len(nearest(built, ubcf.inspect_user, text)) == 3
            assert nearest(built, ubcf.inspect_track, text)[0] != ""


def test_an_unknown_analysis_names_the_nearest_or_all(numbers: Built) -> None:
    assert refused(numbers.folder, "query", "similar_usrs") == (
        "no analysis 'similar_usrs'; did you mean 'similar_users'?"
    )
    assert refused(numbers.folder, "query", "top-tracks", "--show") == (
        "no analysis 'top-tracks'; did you mean 'top_tracks'?"
    )
    everything = refused(numbers.folder, "query", "nonsense")
    assert everything.startswith("no analysis 'nonsense'; there are cold_users, coverage, ")
    assert everything.endswith(", user_treatments")
