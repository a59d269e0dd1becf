"""Which tracks may be recommended: those of the catalog, of a file, or not of another file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import ubcf
from tests.support import reference
from tests.support.builds import build_folder, build_in
from tests.support.commands import Argument, Done, call_ubcf
from tests.support.logs import write_log
from tests.support.overlays import EVENTS_OF_TEXTS
from ubcf.errors import InputError, OptionError

# User 1 likes 10 and 20, as user 2 does, who also likes 30; nobody shares a track with user 3.
PLAYS = [
    (1, 10, 0.9), (1, 20, 0.8), (1, 40, 0.1),
    (2, 10, 0.9), (2, 20, 0.7), (2, 30, 0.8), (2, 40, 0.0),
    (3, 50, 0.5), (3, 60, 1.0),
]  # fmt: skip

ALL = {10, 20, 30, 40, 50, 60}

# The tables that say nothing about lists.
OTHER_TABLES = ("events", "users", "interactions", "neighbors")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with logs, and a catalog of tracks 10, 30 and 50, and of 99, which nobody heard."""
    write_log(tmp_path / "logs" / "data.json", PLAYS)
    catalog = tmp_path / "logs" / "tracks.json"
    catalog.write_text("".join(f'{{"track": {track}}}\n' for track in (10, 30, 50, 99)))
    return tmp_path


def file_of(folder: Path, text: str, name: str = "ids") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def expected_lists(allowed: set[int], top: int = 100) -> dict[int, list[int]]:
    """The lists by the definition, computed densely over the tracks that may be recommended."""
    model = reference.model(PLAYS)
    return {user: reference_list(model, row, allowed)[:top] for row, user in enumerate(model.users)}


def reference_list(model: reference.Model, row: int, allowed: set[int]) -> list[int]:
    columns = [place for place, track in enumerate(model.tracks) if track in allowed]
    scores = {column: float(model.scores[row, column]) for column in columns}
    chosen = reference.recommended(scores, len(columns), preference=model.preference)
    return [model.tracks[column] for column in chosen]


def build_command(folder: Path, *arguments: Argument) -> Done:
    return call_ubcf("build", "logs", *arguments, cwd=folder)


@pytest.mark.parametrize(
    ("options", "allowed", "plan"),
    [
        ({"catalog_only": True}, {10, 30, 50}, "similarities"),
        ({"catalog_only": True}, {10, 30, 50}, "products"),
        ({"catalog_only": True}, {10, 30, 50}, "tiles"),
        ({"tracks": "20\n30\n60\n"}, {20, 30, 60}, "similarities"),
        ({"not_tracks": "10\n60\n"}, {20, 30, 40, 50}, "products"),
        ({"tracks": "10\n20\n30", "not_tracks": "30", "catalog_only": True}, {10}, "tiles"),
    ],
)
def test_lists_are_filled_with_the_next_best_of_the_tracks_that_may_be_recommended(
    folder: Path, plan: str, options: dict[str, Any], allowed: set[int]
) -> None:
    files = {
        name: file_of(folder, options[name], name) for name in {"tracks", "not_tracks"} & {*options}
    }
    built = build_folder(folder, top=2, plan=plan, **{**options, **files})
    assert built.lists() == expected_lists(allowed, top=2)
    recommendable = built.rows("select track from tracks where recommendable and plays > 0")
    assert {track for (track,) in recommendable} == allowed
    assert built.summary.recommendable_tracks == len(allowed)


def test_nothing_but_the_lists_changes(folder: Path, tmp_path: Path) -> None:
    whole = build_folder(folder)
    (tmp_path / "other").mkdir()
    built = build_in(tmp_path / "other", folder / "logs", catalog_only=True)
    for table in OTHER_TABLES:
        assert built.rows(f"from {table}") == whole.rows(f"from {table}"), table
    scores = {
        (user, track): score
        for user, track, score in whole.rows('select "user", track, score from recommendations')
    }
    for user, track, score in built.rows('select "user", track, score from recommendations'):
        assert score == scores[user, track]
    with ubcf.connect(built.database) as one, ubcf.connect(whole.database) as other:
        for track in ALL:
            assert (
                ubcf.explain(one, 1, track).fetchall() == ubcf.explain(other, 1, track).fetchall()
            )


@pytest.mark.parametrize(
    "text",
    [
        "30\n20\n",
        "\n 30 \r\n\r\n20",
        "\ufefftrack\n20\n30\n",
        'title;"Track"\nx;20\n"a;b";30\n',
        '{"track": 20, "title": "x"}\n\n{"track": 30}\n',
        '{"track": "20"}\n{"track": "30"}\n',
        "20\n20\n30\n7\n7\n8\n",
    ],
)
def test_a_file_of_tracks_has_ids_alone_or_a_field_track(folder: Path, text: str) -> None:
    built = build_folder(folder, tracks=file_of(folder, text))
    assert built.lists() == expected_lists({20, 30})
    # 7 and 8 are not in the logs
    assert built.summary.unknown_given_tracks == (2 if "8" in text else 0)


def test_texts_are_ids_where_the_logs_have_texts(tmp_path: Path) -> None:
    overlay = tmp_path / "sql" / "staging"
    overlay.mkdir(parents=True)
    (overlay / "events.sql").write_text(EVENTS_OF_TEXTS)
    write_log(tmp_path / "logs" / "data.json", ["ann|a b|0.5", "ann| c|1", "ann|7|0"])
    given = file_of(tmp_path, "a b\n c\nnowhere\n")
    built = build_folder(tmp_path, templates=tmp_path / "sql", tracks=given)
    assert built.lists() == {"ann": [" c", "a b"]}
    assert built.summary.unknown_given_tracks == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("10\nabc\n", "track 2: 'abc' is no id like those of the logs (BIGINT)"),
        ("id,title\n10,x\n", "track 1: 'id,title' is no id like those of the logs (BIGINT)"),
        ("10\n007\n", "track 2: '007' is no id like those of the logs (BIGINT)"),
        ('{"track": 1.5}\n', "track 1: '1.5' is no id like those of the logs (BIGINT)"),
        ('{"track": 10}\n{"id": 20}\n', "track 2: track is missing (BIGINT)"),
        ("track,x\n10,a\n,b\n", "track 2: track is missing (BIGINT)"),
        ('{"track": 10}\n{"track"\n', "line 2: no object with a track: not JSON"),
        ("track,x\n10\n", "line 2: 1 values, but the first line names 2 columns"),
        ("1\n2\xff".encode("latin-1"), "not UTF-8"),
    ],
)
def test_what_is_no_file_of_tracks_is_an_error_of_one_line(
    folder: Path, text: str | bytes, problem: str
) -> None:
    # The two options differ in what is chosen, not in how their files are read.
    option = "--tracks" if isinstance(text, str) and "track" in text else "--not-tracks"
    path = folder / "ids"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = build_command(folder, option, "ids")
    separator = ": " if problem == "not UTF-8" else ", "
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"ubcf: error: ids{separator}{problem}\n"
    assert not (folder / "ubcf.duckdb").exists()


def test_a_missing_file_of_tracks_is_an_error_before_the_logs_are_read(folder: Path) -> None:
    (folder / "logs" / "data.json").write_text("nonsense\n")
    for option in ("--tracks", "--not-tracks"):
        done = build_command(folder, option, "missing")
        assert done.returncode == 1
        assert done.stderr == "ubcf: error: missing: cannot be read: No such file or directory\n"


def test_an_empty_list_of_withdrawn_tracks_withdraws_none(folder: Path) -> None:
    built = build_folder(folder, not_tracks=file_of(folder, ""))
    assert built.lists() == expected_lists(ALL)
    assert built.summary.unknown_given_tracks == 0


def test_no_recommendable_track_at_all_is_an_error(folder: Path) -> None:
    empty = file_of(folder, "\n")
    for options in ({"tracks": empty}, {"tracks": file_of(folder, "99\n", "one")}):
        with pytest.raises(InputError, match="no track of the logs may be recommended: --tracks"):
            build_folder(folder, **options)


def test_catalog_only_needs_a_catalog(tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "data.json", PLAYS)
    with pytest.raises(OptionError, match="no catalog"):
        build_folder(tmp_path, catalog_only=True)
    done = build_command(tmp_path, "--catalog-only")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("ubcf: error: ")


def test_a_file_of_tracks_is_never_written_over(folder: Path) -> None:
    for option, target in (("--tracks", "-d"), ("--not-tracks", "-o")):
        given = file_of(folder, "20\n")
        done = build_command(folder, option, given, target, given)
        assert done.returncode == 2
        assert "is read by this command" in done.stderr
        assert given.read_text() == "20\n"


def test_recommended_tracks_without_a_catalog_entry_are_a_warning(folder: Path) -> None:
    done = build_command(folder, "--top", 4)
    # 10, 30 and 50 are in the catalog: at least one of four tracks is not
    lists = map(json.loads, (folder / "recommendations_ub.json").read_text().splitlines())
    missing = sum(track in {20, 40, 60} for entry in lists for track in entry["tracks"])
    assert missing >= 3
    assert done.stderr == (
        f"ubcf: warning: {missing} of 12 recommendations are of tracks that are not in the "
        "catalog; --catalog-only leaves them out\n"
    )
    assert (
        f"catalog     warning: logs/tracks.json: 3 tracks of the logs not in it, but in {missing} "
        "recommendations; --catalog-only leaves them out\n" in done.stdout
    )
    without = build_command(folder, "--top", 4, "--catalog-only")
    assert without.stderr == ""
    assert "catalog     logs/tracks.json: 3 tracks of the logs not in it\n" in without.stdout
    assert "tracks      3 of 6 may be recommended\n" in without.stdout
    assert build_command(folder, "--top", 4, "--quiet").stderr == ""


def test_the_summary_counts_ids_that_the_logs_do_not_know(folder: Path) -> None:
    file_of(folder, "20\n30\n1000\n")
    file_of(folder, "30\n2000\n2001\n", "gone")
    done = build_command(folder, "--tracks", "ids", "--not-tracks", "gone")
    assert (
        "tracks      1 of 6 may be recommended; 3 ids of the files of tracks are not in the logs\n"
        in done.stdout
    )


def test_the_options_are_recorded(folder: Path) -> None:
    given = file_of(folder, "20\n30\n")
    built = build_folder(folder, tracks=given)
    (row,) = built.rows(
        "select options ->> 'catalog_only', options ->> 'tracks', options ->> 'not_tracks',"
        " recommendable_tracks, unknown_given_tracks, recommendations_without_catalog_entry"
        " from build"
    )
    # tracks 20 and 30, in the lists of three users; 20 is not in the catalog
    assert row == ("false", given.as_posix(), None, 2, 0, 3)


def test_a_check_refuses_recommendations_of_other_tracks(folder: Path) -> None:
    overlay = folder / "sql" / "model"
    overlay.mkdir(parents=True)
    shipped = Path(ubcf.__file__).parents[1] / "sql" / "model" / "tracks.sql"
    text = shipped.read_text().replace(
        "recommendable_tracks.track is not null", "recommendable_tracks.track is null"
    )
    (overlay / "tracks.sql").write_text(text)
    with pytest.raises(ubcf.UbcfError, match="violate this check"):
        build_folder(folder, catalog_only=True, templates=folder / "sql")


def test_people_who_come_later_get_only_tracks_that_may_be_recommended(folder: Path) -> None:
    built = build_folder(folder, catalog_only=True, own_liking=1.0)
    with ubcf.connect(built.database) as connection:
        # 99 is in the catalog, though not in the logs; 77 is in neither
        rows = ubcf.recommend(connection, {10: 0.2, 99: 1.0, 77: 0.9}).fetchall()
    assert rows[0][1] == 99
    assert {row[1] for row in rows} == {10, 30, 50, 99}
