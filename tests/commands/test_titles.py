"""--titles: the columns of the catalog beside any rows that have tracks, whatever the format."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import duckdb
import pytest

from tests.support.builds import Built, build_folder
from tests.support.commands import Done, call_ubcf
from tests.support.logs import write_log

# Users 1 and 2 like track 20; the catalog lacks track 30, and 50 is in no log.
LINES = [(1, 20, 1.0), (1, 30, 0.2), (2, 20, 0.9), (2, 30, 0.1), (2, 40, 0.5), (3, 40, 0.4)]
CATALOG = [
    '{"track": 20, "artist": "Ann", "title": "Up", "genre": "pop", "pop": 5, "year": 1999}',
    '{"track": 40, "artist": "Bo, Cy", "title": "So", "year": 2001}',
    '{"track": 50, "artist": "Cy", "title": "Unheard"}',
]
OLD_LINES = [*LINES, (1, 50, 0.5), (1, 60, 0.4)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("titles")
    write_log(folder / "logs" / "botify-recommender-1" / "data.json", LINES)
    write_log(folder / "logs" / "tracks.json", CATALOG)
    return build_folder(folder)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Older logs, and no catalog."""
    folder = tmp_path_factory.mktemp("bare")
    write_log(folder / "logs" / "botify-recommender-1" / "data.json", OLD_LINES)
    return build_folder(folder)


def asked(built: Built, *arguments: str, form: str = "csv", input: str = "") -> Done:
    done = call_ubcf(*arguments, "--format", form, cwd=built.folder, input=input)
    assert done.returncode == 0, done.stderr
    return done


QUERY = "select track, n from (values (40, 1), (30, 2), (20, 3), (40, 4), (null, 5)) t (track, n)"


def test_rows_keep_their_order_and_a_track_that_the_catalog_lacks_has_nulls(built: Built) -> None:
    assert asked(built, "sql", QUERY, "--titles").stdout == (
        "track,n,artist,title,genre,pop,year\n"
        '40,1,"Bo, Cy",So,,,2001\n'
        "30,2,,,,,\n"
        "20,3,Ann,Up,pop,5.0,1999\n"
        '40,4,"Bo, Cy",So,,,2001\n'
        ",5,,,,,\n"
    )
    many = "select (n % 5) * 10 as track, n from range(30000) as r (n) order by n desc"
    rows = list(csv.DictReader(io.StringIO(asked(built, "sql", many, "--titles").stdout)))
    assert [int(row["n"]) for row in rows] == list(range(30_000))[::-1]
    assert {(row["track"], row["title"]) for row in rows} == {
        ("0", ""), ("10", ""), ("20", "Up"), ("30", ""), ("40", "So"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("table", "track    n  artist  title  genre  pop  year\n"),
        ("markdown", "| track |   n | artist | title | genre | pop | year |\n"),
        ("jsonl", '{"track": 20, "n": 3, "artist": "Ann", "title": "Up", "genre": "pop"'),
        ("json", '[{"track": 20, "n": 3, "artist": "Ann", "title": "Up", "genre": "pop"'),
    ],
)  # fmt: skip
def test_every_format_has_them(built: Built, form: str, expected: str) -> None:
    query = f"select * from ({QUERY}) where n = 3"
    assert asked(built, "sql", query, "--titles", form=form).stdout.startswith(expected)


def test_a_file_of_rows_has_them_too(built: Built, tmp_path: Path) -> None:
    for suffix in ("csv", "parquet"):
        file = tmp_path / f"rows.{suffix}"
        asked(built, "sql", QUERY, "--titles", "--output", str(file))
        query = f"select title from '{file}' order by n"
        assert duckdb.execute(query).fetchall() == [("So",), (None,), ("Up",), ("So",), (None,)]


def test_what_rows_have_themselves_stays_as_it_is(built: Built) -> None:
    query = "select 7 as a, '20' as Track, 8 as a, 'mine' as TITLE"
    assert asked(built, "sql", query, "--titles").stdout == (
        "a,Track,a_1,TITLE,artist,genre,pop,year\n7,20,8,mine,Ann,pop,5.0,1999\n"
    )  # of two columns of one name, DuckDB numbers the second
    query = "select track, artist, title, genre, pop, year from tracks where track = 20"
    assert asked(built, "sql", query, "--titles").stdout == asked(built, "sql", query).stdout


@pytest.mark.parametrize(
    ("arguments", "input", "rows"),
    [
        (("query", "user_recommendations", "-p", "user=1", "-p", "k=1"), "",
         [{"track": "20", "artist": "Ann", "title": "Up", "year": "1999"}]),
        (("predict", "-"), "user,track\n1,40\nnobody,nothing\n",
         [{"track": "40", "artist": "Bo, Cy", "year": "2001"}, {"track": "nothing", "title": ""}]),
    ],
)  # fmt: skip
def test_rows_of_the_commands_have_them(
    built: Built, arguments: tuple[str, ...], input: str, rows: list[dict[str, str]]
) -> None:
    done = asked(built, *arguments, "--titles", input=input)
    found = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(found) == len(rows)
    for each, expected in zip(found, rows, strict=True):
        assert {**each, **expected} == each


def test_parts_with_tracks_have_them_and_the_others_stay_as_they_are(built: Built) -> None:
    plain = json.loads(asked(built, "inspect", "user", "2", form="json").stdout)
    titled = json.loads(asked(built, "inspect", "user", "2", "--titles", form="json").stdout)
    for part in ("user", "neighbors"):
        assert titled[part] == plain[part]
    assert [(e["track"], e["title"], e["year"]) for e in titled["events"]] == [
        (20, "Up", 1999), (30, None, None), (40, "So", 2001),
    ]  # fmt: skip
    history = '{"20": 1.0, "30": 0.0}'
    done = asked(built, "recommend", "--history", "-", "--titles", form="json", input=history)
    of_tracks = {row["track"]: row["year"] for row in json.loads(done.stdout)["recommendations"]}
    assert of_tracks == {20: 1999, 30: None, 40: 2001}


def test_explain_names_the_track_above_its_rows(built: Built) -> None:
    plain, titled = (asked(built, "explain", "1", "20", *more) for more in ((), ("--titles",)))
    assert titled.stdout == plain.stdout
    assert titled.stderr.startswith("user 1, track 20 (Ann - Up): score ")
    assert asked(built, "explain", "1", "30", "--titles").stderr.startswith(
        "user 1, track 30 (not in the catalog): score "
    )


def test_diff_names_the_tracks_gained_and_lost(built: Built, bare: Built) -> None:
    old, new = str(bare.database), str(built.database)
    for first, second, titles in ((old, new, [None, None]), (new, old, [None, None])):
        done = asked(built, "diff", first, second, "--titles", form="json")
        rows = {row["kind"]: row for row in json.loads(done.stdout)["gained_and_lost"]}
        kind = "tracks lost" if first == old else "tracks gained"
        assert (rows[kind]["first_ids"], rows[kind]["first_titles"]) == (["50", "60"], titles)
        assert rows["users lost"]["first_titles"] is None
    done = asked(built, "diff", new, new, "--titles", form="json")
    rows = {row["kind"]: row for row in json.loads(done.stdout)["gained_and_lost"]}
    assert rows["tracks lost"]["first_titles"] == []
    assert list(rows) == ["users gained", "users lost", "tracks gained", "tracks lost"]


NO_CATALOG = (
    "ubcf: error: --titles: no catalog is in the database; 'ubcf build --catalog' adds one\n"
)


@pytest.mark.parametrize(
    "arguments",
    [
        ("query", "top_tracks"),
        ("explain", "1", "20"),
        ("inspect", "user", "1"),
        ("inspect", "track", "20"),
        ("sql", "from recommendations"),
        ("predict", "-"),
        ("recommend", "--history", "-"),
        ("diff", "ubcf.duckdb", "ubcf.duckdb"),
    ],
)
def test_without_a_catalog_one_line_says_so(bare: Built, arguments: tuple[str, ...]) -> None:
    input = "user,track\n1,20\n" if arguments[0] == "predict" else '{"20": 1.0, "30": 0.0}'
    done = call_ubcf(*arguments, "--titles", cwd=bare.folder, input=input)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", NO_CATALOG)


@pytest.mark.parametrize(
    ("arguments", "columns"),
    [
        (("sql", "select 1 as n, 'x' as y"), "n, y"),
        (("query", "log_period"), "first_event, last_event"),
    ],
)
def test_rows_without_tracks_are_wrong_usage(
    built: Built, arguments: tuple[str, ...], columns: str
) -> None:
    done = call_ubcf(*arguments, "--titles", cwd=built.folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"ubcf: error: --titles: the rows have no column track, but {columns}\n"


def test_an_error_of_a_statement_stays_its_own(built: Built) -> None:
    query = "select cast('x' || n as integer) as track from range(3) as r (n)"
    plain, titled = (
        call_ubcf("sql", query, *more, cwd=built.folder) for more in ((), ("--titles",))
    )
    assert titled.stderr == plain.stderr
    assert "in line 1, column 8" in titled.stderr


def test_text_ids_find_their_titles(tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "botify-recommender-1" / "data.json", [("u", "t'1", 0.5)])
    write_log(tmp_path / "logs" / "tracks.json", ['{"track": "t\'1", "title": "One"}'])
    built = build_folder(tmp_path)
    done = asked(built, "sql", "select track from recommendations", "--titles")
    assert done.stdout == "track,artist,title,genre,pop\nt'1,,One,,\n"
