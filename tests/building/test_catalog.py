"""The catalog, which may have any columns, in the table tracks; and what every database holds."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.builds import Built, build_folder
from tests.support.commands import call_ubcf
from tests.support.logs import write_log
from ubcf.database.tables import MACROS
from ubcf.errors import InputError

# Two users listened to track 10 for 0.75 in all, and to track 11 for 1.
PLAYS = [(1, 10, 0.5), (1, 11, 1.0), (2, 10, 0.25)]

BuildWith = Callable[..., Built]


@pytest.fixture
def build_with(tmp_path: Path) -> BuildWith:
    """Builds from PLAYS and a catalog of entries, of lines or of bytes."""

    def build(*entries: dict[str, Any] | str | bytes, name: str = "tracks.json") -> Built:
        write_log(tmp_path / "logs" / "data.json", PLAYS)
        data = b"".join(
            entry if isinstance(entry, bytes) else f"{as_line(entry)}\n".encode()
            for entry in entries
        )
        catalog = tmp_path / name
        catalog.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return build_folder(tmp_path, catalog=catalog)

    return build


def as_line(entry: dict[str, Any] | str) -> str:
    return entry if isinstance(entry, str) else json.dumps(entry, ensure_ascii=False)


def columns(built: Built, table: str = "tracks") -> list[str]:
    return [name for name, *_ in built.rows(f"describe {table}")]


def column_of_track_10(built: Built, column: str) -> Any:
    quoted = column.replace('"', '""')
    ((value,),) = built.rows(f'select "{quoted}" from tracks where track = 10')
    return value


OUR_COLUMNS = [
    "track",
    "artist",
    "title",
    "genre",
    "pop",
    "plays",
    "listeners",
    "total_time",
    "popularity_rank",
    "bias",
    "in_catalog",
    "recommendable",
]

# What the logs say of tracks 10 and 11.
FROM_LOGS = "plays, listeners, total_time, popularity_rank"
TRACK_10 = (2, 2, 0.75, 2)
TRACK_11 = (1, 1, 1.0, 1)


# Which columns it has


def test_without_a_catalog_tracks_have_no_names(tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "data.json", PLAYS)
    built = build_folder(tmp_path)
    assert columns(built) == OUR_COLUMNS
    assert built.rows("select * from tracks") == [
        (11, None, None, None, None, *TRACK_11, None, False, True),
        (10, None, None, None, None, *TRACK_10, None, False, True),
    ]
    assert built.summary.tracks_without_catalog_entry == 2
    assert built.summary.options["catalog"] is None


def test_tracks_are_those_of_the_logs_and_of_the_catalog(build_with: BuildWith) -> None:
    built = build_with({"track": 99, "title": "unheard"}, {"track": 10, "title": "heard"})
    assert built.rows(f"select track, title, {FROM_LOGS}, in_catalog from tracks") == [
        (11, None, *TRACK_11, False),
        (10, "heard", *TRACK_10, True),
        (99, "unheard", 0, 0, 0.0, None, True),
    ]
    assert built.summary.tracks == 2
    assert built.summary.tracks_without_catalog_entry == 1
    assert all(set(tracks) == {10, 11} for tracks in built.lists().values())


def test_a_catalog_may_have_ids_alone(build_with: BuildWith) -> None:
    built = build_with({"track": 10}, {"track": 12})
    assert columns(built) == OUR_COLUMNS
    assert built.rows("select track, in_catalog from tracks order by track") == [
        (10, True),
        (11, False),
        (12, True),
    ]


def test_the_usual_columns_and_further_ones_are_kept(build_with: BuildWith) -> None:
    entry = {
        "track": 10,
        "artist": "Björk",
        "title": 'Jóga "live" 🎵',
        "genre": "pop",
        "pop": 71,
        "album": "Homogenic",
        "duration": 305.5,
        "explicit": False,
        "year": 1997,
    }
    built = build_with(entry)
    assert {name: column_of_track_10(built, name) for name in entry} == entry
    assert built.rows("select album, duration from tracks where track = 11") == [(None, None)]


def test_a_further_column_may_have_any_name(build_with: BuildWith) -> None:
    names = ["a b", "it's", "müller", "日本", "select", "user", "a;b", "--", "{{ x }}", "%s", "a.b"]
    names += ["line", "line_number", "filename", "known", "further", "fields", "rowid", "count(*)"]
    built = build_with({"track": 10, **{name: f"value of {name}" for name in names}})
    assert columns(built) == [*OUR_COLUMNS[:5], *sorted(names), *OUR_COLUMNS[5:]]
    for name in names:
        assert column_of_track_10(built, name) == f"value of {name}"


@pytest.mark.parametrize("name", ['say "hi"', '"', '";'])
def test_a_further_column_may_have_quotes_in_its_name(build_with: BuildWith, name: str) -> None:
    built = build_with({"track": 10, name: "kept"})
    assert column_of_track_10(built, name) == "kept"


@pytest.mark.parametrize("change", [str.lower, str.title])
def test_further_columns_do_not_replace_ours(
    build_with: BuildWith, change: Callable[[str], str]
) -> None:
    built = build_with({"track": 10, **{change(name): 12345 for name in OUR_COLUMNS[5:]}})
    assert columns(built) == OUR_COLUMNS
    assert built.rows(f"select {FROM_LOGS}, in_catalog from tracks where track = 10") == [
        (*TRACK_10, True)
    ]


@pytest.mark.parametrize("entry", ['"Title": "A", "title": "b"', '"title": "b", "TITLE": "A"'])
def test_a_name_in_another_case_does_not_disturb_the_usual_one(
    build_with: BuildWith, entry: str
) -> None:
    built = build_with(f'{{"track": 10, "Track": 11, {entry}}}')
    assert columns(built) == OUR_COLUMNS
    assert column_of_track_10(built, "title") == "b"


def test_further_columns_that_differ_in_case_are_one(build_with: BuildWith) -> None:
    built = build_with({"track": 10, "Album": "A", "album": "b"})
    assert columns(built) == [*OUR_COLUMNS[:5], "Album", *OUR_COLUMNS[5:]]


def test_a_catalog_may_have_hundreds_of_columns(build_with: BuildWith) -> None:
    built = build_with(*({"track": number, f"c{number}": number} for number in range(300)))
    assert len(columns(built)) == len(OUR_COLUMNS) + 300
    assert column_of_track_10(built, "c10") == 10


# What the columns hold


# A usual column, its value in the catalog, and in the table tracks.
USUAL: list[tuple[str, object, object]] = [
    ("genre", "rock", "rock"),
    ("genre", "", ""),
    ("genre", [1, 2], "[1, 2]"),
    ("genre", [], "[]"),
    ("genre", ["rock", "pop"], "[rock, pop]"),
    ("genre", 7, "7"),
    ("genre", "2020-01-01", "2020-01-01"),
    ("genre", None, None),
    ("title", "0012", "0012"),
    ("title", "1e5", "1e5"),
    ("title", "2020-01-01", "2020-01-01"),
    ("title", "2020-01-01T10:00:00Z", "2020-01-01T10:00:00Z"),
    ("title", "C0FFEE00-0000-4000-8000-000000000000", "C0FFEE00-0000-4000-8000-000000000000"),
    ("title", "true", "true"),
    ("title", " null ", " null "),
    ("title", 1984, "1984"),
    ("title", None, None),
    ("title", "a\tb\nc\\", "a\tb\nc\\"),
    ("artist", "AC/DC; drop table tracks", "AC/DC; drop table tracks"),
    ("artist", '"Weird Al"', '"Weird Al"'),
    ("pop", 71, 71),
    ("pop", 0.5, 0.5),
    ("pop", -1, -1),
    ("pop", 10**15, 10**15),
    ("pop", None, None),
    ("pop", "high", None),
    ("pop", [1], None),
    ("pop", float("nan"), None),
]


@pytest.fixture(scope="module")
def usual_values(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The rows of `tracks` for a catalog that has an entry for each of USUAL."""
    folder = tmp_path_factory.mktemp("usual")
    log = write_log(folder / "logs" / "data.json", PLAYS)
    entries = ({"track": 100 + at, name: value} for at, (name, value, _) in enumerate(USUAL))
    write_log(log.with_name("tracks.json"), map(as_line, entries))
    rows = build_folder(folder).rows("select * from tracks where track >= 100 order by track")
    return [dict(zip(OUR_COLUMNS, row, strict=True)) for row in rows]


@pytest.mark.parametrize(("column", "value", "expected"), USUAL)
def test_the_usual_columns_hold_what_the_catalog_says(
    usual_values: list[dict[str, Any]], column: str, value: object, expected: object
) -> None:
    index = [str(case) for case in USUAL].index(str((column, value, expected)))
    assert usual_values[index][column] == expected


def test_further_columns_hold_what_the_catalog_says(build_with: BuildWith) -> None:
    further: dict[str, Any] = {
        "album": "0012",
        "released": "2020-01-01",
        "label": None,
        "duration": -1.5,
        "explicit": False,
        "markets": ["DE", "FR"],
        "matrix": [[1, 2], [3]],
    }
    built = build_with({"track": 10, **further})
    assert {name: column_of_track_10(built, name) for name in further} == further


def test_a_further_column_of_objects_is_json(build_with: BuildWith) -> None:
    entries: list[dict[str, Any]] = [
        {"track": 10, "audio": {"tempo": 120, "Tempo": 1, "keys": [{"a": 1}]}},
        {"track": 11, "audio": {"loudness": -7}},
    ]
    rows = build_with(*entries).rows("select audio, typeof(audio) from tracks order by track")
    assert [(json.loads(value), kind) for value, kind in rows] == [
        (entry["audio"], "JSON") for entry in entries
    ]


def test_genre_may_be_text_in_one_line_and_a_list_in_the_next(build_with: BuildWith) -> None:
    genres = ["rock", [1, 2], None, [], 3, "[1, 2]"]
    built = build_with(
        *({"track": number, "genre": genre} for number, genre in enumerate(genres)), {"track": 6}
    )
    assert built.rows("select genre from tracks where track < 10 order by track") == [
        ("rock",),
        ("[1, 2]",),
        (None,),
        ("[]",),
        ("3",),
        ("[1, 2]",),
        (None,),
    ]


def test_the_usual_columns_have_the_same_types_whatever_they_hold(build_with: BuildWith) -> None:
    types = "select column_name, data_type from duckdb_columns() where table_name = 'tracks'"
    first = build_with({"track": 10}).rows(types)
    others: list[dict[str, object]] = [
        {"track": 10, "artist": 1, "title": 2, "genre": [1], "pop": 3},
        {"track": 10, "artist": None, "title": [], "genre": {"a": 1}, "pop": 0.5},
        {"track": 10, "artist": "x", "title": "2020-01-01", "genre": None, "pop": "x"},
    ]
    for other in others:
        assert build_with(other).rows(types) == first


def test_a_further_column_gets_the_type_that_fits_all_its_values(build_with: BuildWith) -> None:
    built = build_with(
        {"track": 10, "a": 1, "b": None, "c": True, "d": "x", "e": "x", "f": 1},
        {"track": 11, "a": 2.5, "b": 2, "c": None, "d": 2, "e": [1], "f": -1},
    )
    assert built.rows("select a, b, c, d, e, f from tracks order by track") == [
        (1.0, None, True, '"x"', '"x"', 1),  # of several types: JSON
        (2.5, 2, None, "2", "[1]", -1),
    ]


def test_the_first_of_equal_keys_counts(build_with: BuildWith) -> None:
    built = build_with('{"track": 10, "track": 11, "title": "a", "title": "b", "x": 1, "x": 2}')
    assert built.rows("select track, title, x from tracks where in_catalog") == [(10, "a", 1)]


@pytest.mark.parametrize(
    "line",
    [
        '{"tr\\u0061ck": 10, "title": "x"}',
        '  {"track":10,"title":"x"}\t',
        '{"track": 10, "title": "x",}',
    ],
)
def test_a_line_may_be_written_in_several_ways(build_with: BuildWith, line: str) -> None:
    assert column_of_track_10(build_with(line), "title") == "x"


def test_a_title_may_be_nearly_two_megabytes_long(build_with: BuildWith) -> None:
    title = "a" * 1_900_000
    assert column_of_track_10(build_with({"track": 10, "title": title}), "title") == title


# How it is stored


@pytest.mark.parametrize(
    "data",
    [
        b'\xef\xbb\xbf{"track": 10, "title": "x"}\n{"track": 12, "title": "y"}\n',
        b'{"track": 10, "title": "x"}\r\n{"track": 12, "title": "y"}\r\n',
        b'{"track": 10, "title": "x"}\n{"track": 12, "title": "y"}',
        b'\n{"track": 10, "title": "x"}\n\n \t\r\n{"track": 12, "title": "y"}\n\n',
    ],
    ids=["byte-order mark", "CRLF", "no final newline", "blank lines"],
)
@pytest.mark.parametrize("name", ["tracks.json", "tracks.json.gz"])
def test_the_catalog_reads_the_same_however_it_is_stored(
    build_with: BuildWith, data: bytes, name: str
) -> None:
    built = build_with(data, name=name)
    assert built.rows("select track, title from tracks where in_catalog order by track") == [
        (10, "x"),
        (12, "y"),
    ]


@pytest.mark.parametrize("data", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_catalog_has_no_track(build_with: BuildWith, data: bytes) -> None:
    built = build_with(data)
    assert columns(built) == OUR_COLUMNS
    assert built.rows("select count(*) from tracks where in_catalog") == [(0,)]


@pytest.mark.parametrize("name", ["it's [1].json", "müller *.json", "a b?.json", "tracks"])
def test_the_catalog_may_have_any_name(build_with: BuildWith, name: str) -> None:
    built = build_with({"track": 10, "title": "x"}, name=name)
    assert column_of_track_10(built, "title") == "x"
    assert built.summary.options["catalog"] == (built.folder / name).as_posix()


# What is wrong with it, and in which line


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (['{"track": 1}', '{"track": 10}', '{"track": 1}'], "3: track 1 is listed twice, first in"),
        (['{"track": 50}', "", '{"track": 50}'], "3: track 50 is listed twice, first in line 1"),
        (['{"track": 10}', "garbage"], "2: not JSON"),
        (['{"track": 10}', "", "", '{"track": 1'], "4: not JSON"),
        (['{"track": 10} {"track": 11}'], "1: not JSON"),
        (['[10, {"track": 11}]'], "1: not an object"),
        (["{", '"track": 10', "}"], "1: not JSON"),
        (["10"], "1: not an object"),
        (["null"], "1: not an object"),
        (["{}"], "1: track is missing"),
        (['{"title": "x"}'], "1: track is missing"),
        (['{"Track": 10}'], "1: track is missing"),
        (['{"track": null}'], "1: track is missing"),
        (['{"track": "10"}'], "1: track is not a whole number"),
        (['{"track": 10.5}'], "1: track is not a whole number"),
        (['{"track": 10.0}'], "1: track is not a whole number"),
        (['{"track": 1e3}'], "1: track is not a whole number"),
        (['{"track": true}'], "1: track is not a whole number"),
        (['{"track": [10]}'], "1: track is not a whole number"),
        (['{"track": 9223372036854775808}'], "1: track is not a whole number"),
        (['{"track": 1}', '{"track": 2, "title": "\udce9"}'], "2: not UTF-8"),
        (['{"track": 1}', '{"title": "\udce9"}', "bad"], "2: not UTF-8"),
        (["bad", '{"title": "\udce9"}'], "1: not JSON"),
        (['{"track": 1}', '{"track": 2, "title": "' + 2_500_000 * "a" + '"}'], "2: longer than 2"),
    ],
)
def test_a_catalog_that_cannot_be_used_is_an_error_with_the_line(
    build_with: BuildWith, tmp_path: Path, lines: list[str], message: str
) -> None:
    data = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
    with pytest.raises(InputError) as error:
        build_with(data)
    assert str(error.value).startswith(f"{tmp_path / 'tracks.json'}, line {message}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "tracks.json"]


def test_a_bad_line_among_many_is_named(build_with: BuildWith) -> None:
    entries: list[dict[str, Any] | str] = [{"track": number} for number in range(20_000)]
    entries[15_678] = {"track": "15678"}
    with pytest.raises(InputError, match="line 15679: track is not a whole number"):
        build_with(*entries)


def test_a_missing_catalog_is_an_error(tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "data.json", PLAYS)
    with pytest.raises(InputError, match=r"nowhere\.json: cannot be read: No such file"):
        build_folder(tmp_path, catalog=tmp_path / "nowhere.json")
    with pytest.raises(InputError, match="logs: cannot be read"):
        build_folder(tmp_path, catalog=tmp_path / "logs")


@pytest.mark.parametrize(
    "data", [gzip.compress(b'{"track": 10}\n')[:-4], b'{"track": 10}\n'], ids=["cut", "no gzip"]
)
def test_a_catalog_that_is_cut_or_no_gzip_is_an_error(tmp_path: Path, data: bytes) -> None:
    write_log(tmp_path / "logs" / "data.json", PLAYS)
    (tmp_path / "tracks.json.gz").write_bytes(data)
    with pytest.raises(InputError, match=r"tracks\.json\.gz: "):
        build_folder(tmp_path, catalog=tmp_path / "tracks.json.gz")


# Where it lies


def test_the_catalog_in_a_folder_of_logs_is_taken_unless_another_is_named(tmp_path: Path) -> None:
    log = write_log(tmp_path / "logs" / "data.json", PLAYS)
    log.with_name("tracks.json").write_text('{"track": 10, "title": "beside"}\n')
    (tmp_path / "other.json").write_text('{"track": 10, "title": "other"}\n')
    assert column_of_track_10(build_folder(tmp_path), "title") == "beside"
    built = build_folder(tmp_path, catalog=tmp_path / "other.json")
    assert column_of_track_10(built, "title") == "other"


def test_the_command_refuses_two_catalogs_and_takes_the_one_that_is_chosen(tmp_path: Path) -> None:
    for name in ("a", "b"):
        log = write_log(tmp_path / name / "data.json", PLAYS)
        log.with_name("tracks.json").write_text(f'{{"track": 10, "title": "{name}"}}\n')
    refused = call_ubcf("build", "a", "b", cwd=tmp_path)
    assert refused.returncode == 1
    assert refused.stderr == (
        "ubcf: error: several catalogs: a/tracks.json, b/tracks.json; choose one with --catalog\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    assert call_ubcf("build", "a", "b", "-c", "b/tracks.json", cwd=tmp_path).returncode == 0


# What every database holds

TABLES = {
    "events": "file, message, timestamp, user, track, time, latency, recommendation, experiments",
    "rejected_lines": "file, line_number, reason, line",
    "tracks": "track, artist, title, genre, pop, album, it's, plays, listeners, total_time",
    "users": "user, events, tracks, mean_time, norm, positive_neighbors, negative_neighbors",
    "interactions": "user, track, plays, mean_time, centered_time, counted_time",
    "neighbors": "user, rank, neighbor, similarity, common_tracks",
    "weights": "user, neighbor, weight",
    "recommendations": "user, rank, track, score, heard",
    "build": "version, started_at, seconds, options, users, tracks, density, "
    "mean_positive_neighbors, mean_negative_neighbors",
    "build_inputs": "file, bytes, lines, accepted, rejected",
    "build_stages": "stage, seconds, rows",
}


@pytest.fixture(scope="module")
def explained(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A build with a catalog that has further columns."""
    folder = tmp_path_factory.mktemp("explained")
    log = write_log(folder / "logs" / "data.json", [*PLAYS, "a bad line"])
    log.with_name("tracks.json").write_text('{"track": 10, "album": "x", "it\'s": 1}\n')
    return build_folder(folder, max_rejected=0.5)


def test_the_database_has_these_tables_and_no_other(explained: Built) -> None:
    assert explained.rows(
        "select table_name from duckdb_tables() where not internal order by table_name"
    ) == [(name,) for name in sorted(TABLES)]
    for others in ("duckdb_views()", "duckdb_types()"):
        assert explained.rows(f"select * from {others} where not internal") == []
    assert explained.rows(
        "select function_name, comment is not null from duckdb_functions() where not internal"
        " order by function_name"
    ) == [(name, True) for name in sorted(MACROS)]


@pytest.mark.parametrize("table", TABLES)
def test_a_table_has_at_least_these_columns(explained: Built, table: str) -> None:
    assert set(TABLES[table].split(", ")) <= set(columns(explained, table))


def test_every_table_and_every_column_has_a_comment(explained: Built) -> None:
    tables = explained.rows("select table_name, comment from duckdb_tables() where not internal")
    found = explained.rows(
        "select table_name, column_name, comment from duckdb_columns() where not internal"
    )
    assert {"album", "it's"} <= {column for _, column, _ in found}
    assert [row for row in [*tables, *found] if not row[-1]] == []


def test_the_events_have_the_types_of_the_contract(explained: Built) -> None:
    assert {name: kind for name, kind, *_ in explained.rows("describe events")} == {
        "file": "VARCHAR",
        "message": "VARCHAR",
        "timestamp": "TIMESTAMP",
        "user": "BIGINT",
        "track": "BIGINT",
        "time": "DOUBLE",
        "latency": "DOUBLE",
        "recommendation": "BIGINT",
        "experiments": "MAP(VARCHAR, VARCHAR)",
    }
