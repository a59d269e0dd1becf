"""What changed between two databases: `ubcf diff`."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ubcf
from tests.support.builds import build_folder
from tests.support.commands import call_ubcf
from tests.support.examples import examples
from tests.support.logs import write_log
from tests.support.paths import SAMPLE
from ubcf.analysis.comparison import PARTS, PREPARATION, compare
from ubcf.database.reading import connect_pair
from ubcf.database.session import literal
from ubcf.database.templates import sql_folder
from ubcf.errors import DatabaseError

FOLDER = sql_folder() / "analysis" / "diff"
QUERIES = {file.stem: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.sql")}

# Those that only the pages of `ubcf browse` show.
OF_PAGES = {"user_changes", "recommended_tracks"}

Lists = Mapping[Any, Sequence[Any]]
Rows = list[tuple[Any, ...]]


# How much lists changed


@pytest.fixture(scope="module")
def memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """Two databases in memory, old and new, which `rows_of_lists` fills."""
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as old; attach ':memory:' as new")
        yield connection


def fill(
    connection: duckdb.DuckDBPyConnection, name: str, lists: Lists, id_type: str = "bigint"
) -> None:
    """Makes the tables that the comparison of lists reads."""
    tracks = list(dict.fromkeys(track for each in lists.values() for track in each))
    rows = [
        (user, rank, track)
        for user, each in lists.items()
        for rank, track in enumerate(each, start=1)
    ]
    connection.execute(f"use {name}")
    for table, columns, values in (
        ("users", f'"user" {id_type}', [(user,) for user in lists]),
        (
            "tracks",
            f"track {id_type}, popularity_rank bigint",
            [(track, folder) for folder, track in enumerate(tracks, start=1)],
        ),
        ("recommendations", f'"user" {id_type}, rank bigint, track {id_type}', rows),
    ):
        connection.execute(f"create or replace table {table} ({columns})")
        if values:
            texts = (f"({', '.join(map(literal, value))})" for value in values)
            connection.execute(f"insert into {table} values {', '.join(texts)}")
    connection.execute("use memory")


def rows_of_lists(connection: duckdb.DuckDBPyConnection, old: Lists, new: Lists) -> Rows:
    """The rows of list_changes: user, lengths, identical, overlap_10, overlap_100, rbo."""
    fill(connection, "old", old)
    fill(connection, "new", new)
    connection.execute(QUERIES["list_changes"])
    return connection.execute("from list_changes").fetchall()


# With p = 0.9; A are the shares in common at the depths 1, 2, ...
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param([1, 2, 3], [1, 2, 3], (True, 1.0, 1.0, 1.0), id="equal"),
        pytest.param([1, 2, 3], [4, 5, 6], (False, 0.0, 0.0, 0.0), id="disjoint"),
        # A = 0, 1: (0 + 0.9) / (1 + 0.9)
        pytest.param([1, 2], [2, 1], (False, 1.0, 1.0, 9 / 19), id="swapped"),
        # A = 1, 1/2: (1 + 0.45) / (1 + 0.9)
        pytest.param([1, 2], [1, 3], (False, 0.5, 0.5, 29 / 38), id="another second"),
        # A = 0, 1/2: 0.45 / (1 + 0.9)
        pytest.param([2, 1], [3, 1], (False, 0.5, 0.5, 9 / 38), id="another first"),
        # A = 1, 1, 2/3: (1 + 0.9 + 0.54) / (1 + 0.9 + 0.81)
        pytest.param([1, 2, 3], [1, 2], (False, 2 / 3, 2 / 3, 244 / 271), id="shorter"),
        pytest.param([1, 2], [1, 2, 3], (False, 2 / 3, 2 / 3, 244 / 271), id="longer"),
        pytest.param([1, 2], [], (False, 0.0, 0.0, 0.0), id="emptied"),
        pytest.param([], [], (True, 1.0, 1.0, 1.0), id="both empty"),
    ],
)
def test_overlap_and_rank_biased_overlap_of_lists_worked_out_by_hand(
    memory: duckdb.DuckDBPyConnection,
    old: list[int],
    new: list[int],
    expected: tuple[bool, float, float, float],
) -> None:
    *exact, rbo = expected
    assert rows_of_lists(memory, {7: old}, {7: new}) == [
        (7, len(old), len(new), *exact, pytest.approx(rbo, rel=1e-14))
    ]


def test_the_overlap_is_of_the_first_ten_and_of_the_first_hundred(
    memory: duckdb.DuckDBPyConnection,
) -> None:
    upwards, turned = [*range(1, 21)], [*range(11, 21), *range(1, 11)]
    ((*_, overlap_10, overlap_100, _rbo),) = rows_of_lists(memory, {1: upwards}, {1: turned})
    assert (overlap_10, overlap_100) == (0.0, 1.0)
    # 30 of 100; the last 50 of 120 do not count.
    long, other = [*range(120)], [*range(30), *range(200, 290)]
    ((*_, overlap_10, overlap_100, _rbo),) = rows_of_lists(memory, {1: long}, {1: other})
    assert (overlap_10, overlap_100) == (1.0, 0.3)


def test_equal_lists_of_any_length_are_exactly_1(memory: duckdb.DuckDBPyConnection) -> None:
    lists = {length: range(length) for length in range(1, 301, 7)}
    rows = rows_of_lists(memory, lists, lists)
    assert [row[3:] for row in rows] == [(True, 1.0, 1.0, 1.0)] * len(lists)


def rank_biased_overlap(old: Sequence[int], new: Sequence[int], p: float = 0.9) -> float:
    """The definition, depth by depth, to the end of the longer list; equal lists have 1."""
    end = max(len(old), len(new))
    if end == 0:
        return 1.0
    shares = (len({*old[:depth]} & {*new[:depth]}) / depth for depth in range(1, end + 1))
    total = sum(p ** (depth - 1) * share for depth, share in enumerate(shares, start=1))
    return (1 - p) * total / (1 - p**end)


some_list = st.lists(st.integers(0, 30), unique=True, max_size=25)


@examples(40)
@given(pairs=st.lists(st.tuples(some_list, some_list), min_size=1, max_size=20))
def test_rank_biased_overlap_is_what_its_definition_gives(
    memory: duckdb.DuckDBPyConnection, pairs: list[tuple[list[int], list[int]]]
) -> None:
    old, new = ({user: pair[side] for user, pair in enumerate(pairs)} for side in (0, 1))
    rows = rows_of_lists(memory, old, new)
    assert [row[-1] for row in rows] == [
        pytest.approx(rank_biased_overlap(*pair), rel=1e-12, abs=1e-15) for pair in pairs
    ]
    assert rows_of_lists(memory, new, old) == [
        (user, new_tracks, old_tracks, *rest) for user, old_tracks, new_tracks, *rest in rows
    ]


OLD_LISTS = {1: [1, 2], 2: [1, 2], 3: [1, 2], 4: [1, 2], 5: [1, 2], 6: [8, 9]}
NEW_LISTS = {2: [1, 2], 3: [2, 1], 4: [3, 4], 5: [2, 1], 6: [1, 3], 7: [1, 2]}


def test_the_lists_are_summarized_over_the_users_of_both(memory: duckdb.DuckDBPyConnection) -> None:
    rows_of_lists(memory, OLD_LISTS, NEW_LISTS)
    # Users 2 to 6: equal, swapped, disjoint, swapped, disjoint.
    assert memory.execute(QUERIES["lists"]).fetchall() == [
        (5, 1, 0.2, 3 / 5, 3 / 5, pytest.approx((1 + 9 / 19 + 9 / 19) / 5))
    ]
    rows_of_lists(memory, {1: [1]}, {2: [1]})
    assert memory.execute(QUERIES["lists"]).fetchall() == [(0, 0, None, None, None, None)]


def test_changed_users_come_by_amount_of_change_without_the_unchanged(
    memory: duckdb.DuckDBPyConnection,
) -> None:
    rows_of_lists(memory, OLD_LISTS, NEW_LISTS)
    rows = [
        (4, 0.0, 0.0, 0.0, 2, 2),
        (6, 0.0, 0.0, 0.0, 2, 2),
        (3, pytest.approx(9 / 19), 1.0, 1.0, 2, 2),
        (5, pytest.approx(9 / 19), 1.0, 1.0, 2, 2),
    ]
    memory.execute("reset variable k")
    assert memory.execute(QUERIES["changed_users"]).fetchall() == rows
    memory.execute("set variable k = '3'")
    assert memory.execute(QUERIES["changed_users"]).fetchall() == rows[:3]


def test_ids_that_became_texts_are_the_same_ids(memory: duckdb.DuckDBPyConnection) -> None:
    fill(memory, "old", {1: [10, 20], 2: [10, 20]})
    fill(memory, "new", {"1": ["10", "20"], "x": ["10", "y"]}, "varchar")
    memory.execute(QUERIES["list_changes"])
    assert memory.execute("from list_changes").fetchall() == [("1", 2, 2, True, 1.0, 1.0, 1.0)]
    assert memory.execute(QUERIES["gained_and_lost"]).fetchall() == [
        ("users gained", 1, ["x"]),
        ("users lost", 1, ["2"]),
        ("tracks gained", 1, ["y"]),
        ("tracks lost", 0, []),
    ]


def test_the_first_five_ids_gained_and_lost_are_listed(
    memory: duckdb.DuckDBPyConnection,
) -> None:
    fill(memory, "old", {user: [1] for user in range(2, 12)})
    # Tracks by popularity: 9, 8, ..., 1.
    fill(memory, "new", {11: range(9, 0, -1), 1: [9]})
    # Tracks that were never played: in the old catalog, in the old one but played now, in the new.
    memory.execute("insert into old.tracks values (77, null), (9, null)")
    memory.execute("insert into new.tracks values (88, null)")
    assert memory.execute(QUERIES["gained_and_lost"]).fetchall() == [
        ("users gained", 1, ["1"]),
        # As numbers: 10 is not before 2.
        ("users lost", 9, ["2", "3", "4", "5", "6"]),
        ("tracks gained", 8, ["9", "8", "7", "6", "5"]),
        ("tracks lost", 0, []),
    ]


# Two builds


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with old.duckdb and new.duckdb; logs were added and removed between the two.

    Nobody has neighbors, so everybody gets the most popular tracks: 10 and 20 in the old lists, 10
    and 30 in the new ones.
    """
    folder = tmp_path_factory.mktemp("nights")
    write_log(folder / "logs" / "gone" / "data.json", [(1, 10, 1.0)])
    write_log(folder / "logs" / "grown" / "data.json", [(2, 20, 0.0)])
    write_log(folder / "logs" / "same" / "data.json", [(2, 10, 1.0)])
    for options in (["-d", "old.duckdb"], ["-d", "new.duckdb", "--top", "2"]):
        done = call_ubcf("build", "logs", "-q", *options, cwd=folder)
        assert done.returncode == 0, done.stderr
        (folder / "logs" / "gone" / "data.json").unlink(missing_ok=True)
        write_log(folder / "logs" / "grown" / "data.json", [(2, 20, 0.0), (3, 30, 0.5)])
    return folder


def test_diff_reports_what_changed_between_two_builds(folder: Path) -> None:
    done = call_ubcf("diff", "old.duckdb", "new.duckdb", "--format", "json", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    parts = json.loads(done.stdout)
    assert tuple(parts) == PARTS
    # A line has about a hundred bytes; the unchanged file is not listed.
    gone, grown = parts["inputs"]
    size = gone.pop("old_bytes")
    assert gone == {
        "file": "logs/gone/data.json",
        "new_bytes": None,
        "old_lines": 1,
        "new_lines": None,
        "old_rejected": 0,
        "new_rejected": None,
    }
    assert grown == {
        "file": "logs/grown/data.json",
        "old_bytes": size,
        "new_bytes": 2 * size,
        "old_lines": 1,
        "new_lines": 2,
        "old_rejected": 0,
        "new_rejected": 0,
    }
    assert parts["options"] == [{"option": "top", "old": "100", "new": "2"}]
    assert [tuple(row.values()) for row in parts["counts"]] == [
        ("lines", 3, 3, 0),
        ("events", 3, 3, 0),
        ("rejected lines", 0, 0, 0),
        ("duplicate lines", 0, 0, 0),
        ("users", 2, 2, 0),
        ("tracks", 2, 3, 1),
        ("interactions", 3, 3, 0),
        ("recommendations", 4, 4, 0),
        ("users without a positive score", 2, 2, 0),
        ("tracks without a catalog entry", 2, 3, 1),
    ]
    *measures, seconds = [tuple(row.values()) for row in parts["measures"]]
    # User 2 alone has a taste, on two tracks.
    assert measures == [
        ("density", 2 / 4, 2 / 6, pytest.approx(-1 / 6)),
        ("mean positive neighbors", 0.0, 0.0, 0.0),
        ("mean negative neighbors", 0.0, 0.0, 0.0),
    ]
    assert seconds == ("seconds", seconds[1], seconds[2], seconds[2] - seconds[1])
    assert [tuple(row.values()) for row in parts["gained_and_lost"]] == [
        ("users gained", 1, ["3"]),
        ("users lost", 1, ["1"]),
        ("tracks gained", 1, ["30"]),
        ("tracks lost", 0, []),
    ]
    assert parts["lists"] == {
        "users": 1,
        "identical": 0,
        "identical_share": 0.0,
        "mean_overlap_10": 0.5,
        "mean_overlap_100": 0.5,
        "mean_rbo": pytest.approx(29 / 38),
    }
    assert [tuple(row.values()) for row in parts["changed_users"]] == [
        (2, pytest.approx(29 / 38), 0.5, 0.5, 2, 2)
    ]


def test_diff_is_readable_as_a_table(folder: Path) -> None:
    done = call_ubcf("diff", "old.duckdb", "new.duckdb", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    parts = done.stdout.split("\n\n")
    assert [part.splitlines()[0] for part in parts] == list(PARTS)
    assert parts[1].splitlines() == [
        "options",
        "option  old  new",
        "------  ---  ---",
        "top     100  2",
    ]
    assert "\n\n".join(parts[4:]) == (
        "sources\n"
        "ranks    old  new  difference\n"
        "-------  ---  ---  ----------\n"
        "1 to 10  0.0  0.0         0.0\n"
        "all      0.0  0.0         0.0\n"
        "\n"
        "gained_and_lost\n"
        "kind           ids  first_ids\n"
        "-------------  ---  ---------\n"
        "users gained     1  [3]\n"
        "users lost       1  [1]\n"
        "tracks gained    1  [30]\n"
        "tracks lost      0  []\n"
        "\n"
        "lists\n"
        "users             1\n"
        "identical         0\n"
        "identical_share   0.0\n"
        "mean_overlap_10   0.5\n"
        "mean_overlap_100  0.5\n"
        "mean_rbo          0.763158\n"
        "\n"
        "changed_users\n"
        "user       rbo  overlap_10  overlap_100  old_tracks  new_tracks\n"
        "----  --------  ----------  -----------  ----------  ----------\n"
        "   2  0.763158         0.5          0.5           2           2\n"
    )


def test_diff_writes_every_format_and_at_most_k_users(folder: Path) -> None:
    heads = {"csv": "part,file,old_bytes", "jsonl": '{"part": "inputs",', "markdown": "## inputs"}
    for form, head in heads.items():
        done = call_ubcf("diff", "old.duckdb", "new.duckdb", "--format", form, cwd=folder)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(head)
        assert "0.763157894736842" in done.stdout or form == "markdown"
    for k, users in ((0, 0), (5, 1)):
        done = call_ubcf(
            "diff", "old.duckdb", "new.duckdb", "-k", k, "--format", "json", cwd=folder
        )
        assert len(json.loads(done.stdout)["changed_users"]) == users


def test_logs_that_were_moved_are_compared_below_their_folder(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "logs", tmp_path / "elsewhere")
    write_log(tmp_path / "elsewhere" / "same" / "data.json", [(2, 10, 1.0), (2, 30, 1.0)])
    done = call_ubcf("build", "elsewhere", "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    moved = tmp_path / "ubcf.duckdb"
    with connect_pair(folder / "new.duckdb", moved) as connection:
        rows = compare(connection)["inputs"].project("file, old_lines, new_lines").fetchall()
    assert rows == [("same/data.json", 1, 2)]


def test_tracks_in_more_and_in_fewer_lists_than_before(memory: duckdb.DuckDBPyConnection) -> None:
    fill(memory, "old", {1: [10, 20], 2: [10, 20], 3: [10, 40]})
    fill(memory, "new", {1: [30, 20], 2: [30, 10], 3: [50, 40]})
    for name in ("old", "new"):
        memory.execute(f"alter table {name}.tracks add column if not exists artist varchar")
        memory.execute(f"alter table {name}.tracks add column if not exists title varchar")
    found = {}
    for k in (1, 10):
        memory.execute(f"set variable k = {k}")
        rows = memory.execute(QUERIES["recommended_tracks"]).fetchall()
        found[k] = [(row[0], *row[3:]) for row in rows]
    assert found[1] == [("30", 0, 2, 2), ("10", 3, 1, -2)]
    assert found[10] == [
        ("30", 0, 2, 2),
        ("50", 0, 1, 1),
        ("20", 2, 1, -1),
        ("10", 3, 1, -2),
    ]


def test_a_database_does_not_differ_from_itself(folder: Path) -> None:
    shutil.copy(folder / "old.duckdb", folder / "copy.duckdb")
    for new in ("old.duckdb", "copy.duckdb"):
        done = call_ubcf("diff", "old.duckdb", new, "--format", "json", cwd=folder)
        assert (done.returncode, done.stderr) == (0, "")
        parts = json.loads(done.stdout)
        assert parts["inputs"] == parts["options"] == parts["changed_users"] == []
        assert {row["difference"] for row in parts["counts"] + parts["measures"]} == {0}
        assert {row["ids"] for row in parts["gained_and_lost"]} == {0}
        assert parts["lists"] == {
            "users": 2,
            "identical": 2,
            "identical_share": 1.0,
            "mean_overlap_10": 1.0,
            "mean_overlap_100": 1.0,
            "mean_rbo": 1.0,
        }


def test_another_version_of_ubcf_is_listed_among_the_options(folder: Path) -> None:
    shutil.copy(folder / "old.duckdb", folder / "later.duckdb")
    with duckdb.connect(str(folder / "later.duckdb")) as connection:
        connection.execute("update build set version = '77.0.0', options = '{\"further\": [1]}'")
    with connect_pair(folder / "later.duckdb", folder / "old.duckdb") as connection:
        assert compare(connection)["options"].fetchall() == [
            ("catalog_only", None, "false"),
            ("centering", None, "user"),
            ("damping", None, "0.1"),
            ("exclude_heard", None, "false"),
            ("further", "[1]", None),
            ("ids", None, "auto"),
            ("max_rejected", None, "0.01"),
            ("min_common", None, "0"),
            ("offset", None, "0.0"),
            ("only_positive", None, "false"),
            ("own_liking", None, "0.0"),
            ("own_tracks", None, "false"),
            ("predict", None, "false"),
            ("reach", None, "300"),
            (
                "reading",
                None,
                '{"ids":{"user":"integer","track":"integer"},"plays_count":false}',
            ),
            ("repeats", None, "keep"),
            ("ridge", None, "100.0"),
            ("shrinkage", None, "0.0"),
            ("similarity", None, "full"),
            ("top", None, "100"),
            ("track_exponent", None, "0.0"),
            ("ubcf", "77.0.0", ubcf.__version__),
            ("walk", None, "0"),
        ]


# Files


def test_diff_says_which_file_is_wrong(folder: Path) -> None:
    (folder / "junk.duckdb").write_text("not a database at all\n" * 1_000)
    with duckdb.connect(str(folder / "foreign.duckdb")) as connection:
        connection.execute("create table somebody_elses as select 1")
    with sqlite3.connect(folder / "other.sqlite") as other:
        other.execute("create table users (id)")
    other.close()
    shutil.copy(folder / "old.duckdb", folder / "ancient.duckdb")
    with duckdb.connect(str(folder / "ancient.duckdb")) as connection:
        connection.execute("update build set version = '0.0.9'")
    for name, words in (
        ("missing.duckdb", "no such database; 'ubcf build' makes one"),
        ("logs", "no such database"),
        ("junk.duckdb", "not a valid DuckDB"),
        ("other.sqlite", "not a valid DuckDB"),
        ("foreign.duckdb", "not a database that ubcf made"),
        ("ancient.duckdb", "made by ubcf 0.0.9"),
    ):
        for pair in (
            (folder / name, folder / "new.duckdb"),
            (folder / "old.duckdb", folder / name),
        ):
            with pytest.raises(DatabaseError) as error:
                connect_pair(*pair)
            assert str(error.value).startswith(f"{folder / name}: ")
            assert words in str(error.value)
            assert "\n" not in str(error.value)
    done = call_ubcf("diff", "old.duckdb", "missing.duckdb", cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "ubcf: error: missing.duckdb: no such database; 'ubcf build' makes one\n"
    )
    assert call_ubcf("diff", "old.duckdb", cwd=folder).returncode == 2


def test_both_files_are_only_read_and_may_be_open_elsewhere(folder: Path) -> None:
    files = [folder / "old.duckdb", folder / "it's new.duckdb"]
    shutil.copy(folder / "new.duckdb", files[1])
    before = [file.read_bytes() for file in files]
    with ubcf.connect(files[0]) as opened, connect_pair(*files) as connection:
        compare(connection)
        for name in ("old", "new"):
            with pytest.raises(duckdb.Error, match="read-only"):
                connection.execute(f"delete from {name}.users")
        assert opened.execute("select count(*) from users").fetchall() == [(2,)]
    assert [file.read_bytes() for file in files] == before


# Every file of sql/analysis/diff/


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two builds of the sample: of two of its logs, and of all three."""
    folder = tmp_path_factory.mktemp("samples")
    logs = [SAMPLE / f"botify-recommender-{number}" for number in (1, 2, 3)]
    for name, some in (("old", logs[:2]), ("new", logs)):
        ubcf.build(some, database=folder / f"{name}.duckdb", output=folder / f"{name}.json")
    return folder / "old.duckdb", folder / "new.duckdb"


def test_every_part_has_a_file_that_says_what_a_row_is() -> None:
    assert set(QUERIES) == {PREPARATION, *PARTS, *OF_PAGES}
    for name, query in QUERIES.items():
        if name == "user_changes":
            continue  # a template: it is given a type
        assert re.match(rf"-- {name}: one row(:| per )", query)
        assert re.search(r"\{[{%#]", query) is None
        assert len(duckdb.extract_statements(query)) == 1
        read = set(re.findall(r"getvariable\('(\w+)'\)", query))
        assert read == set(re.findall(r"^-- variable (\w+): .+", query, flags=re.MULTILINE))


def test_the_rows_are_those_of_the_files_run_by_hand_with_any_number_of_threads(
    samples: tuple[Path, Path],
) -> None:
    found = []
    for threads in (1, 4, 4):
        with connect_pair(*samples) as connection:
            connection.execute(f"set threads = {threads}")
            parts = compare(connection, k=400)
            found.append({name: relation.fetchall() for name, relation in parts.items()})
    assert found[0] == found[1] == found[2]
    # Something changed for most of the users.
    assert len(found[0]["changed_users"]) > 300

    with duckdb.connect() as connection:
        for name, path in zip(("old", "new"), samples, strict=True):
            connection.execute(f"attach '{path}' as {name} (read_only)")
        connection.execute("set variable k = 400")
        connection.execute(QUERIES[PREPARATION])
        by_hand = {name: connection.execute(QUERIES[name]).fetchall() for name in PARTS}
    assert by_hand == found[0]


def test_the_means_are_those_of_the_lists_in_the_json_files(samples: tuple[Path, Path]) -> None:
    old, new = (
        {
            entry["user"]: entry["tracks"]
            for entry in map(json.loads, path.with_suffix(".json").read_text().splitlines())
        }
        for path in samples
    )
    both = sorted(old.keys() & new.keys())
    pairs = [(old[user], new[user]) for user in both]
    with connect_pair(*samples) as connection:
        ((users, identical, *means),) = compare(connection)["lists"].fetchall()
    assert users == len(both)
    assert identical == sum(one == other for one, other in pairs)
    assert means == [
        pytest.approx(identical / users),
        pytest.approx(sum(len({*a[:10]} & {*b[:10]}) / 10 for a, b in pairs) / users),
        pytest.approx(sum(len({*a} & {*b}) / 100 for a, b in pairs) / users),
        pytest.approx(sum(rank_biased_overlap(a, b) for a, b in pairs) / users),
    ]


def test_a_database_of_an_earlier_version_is_compared_without_what_it_lacks(
    tmp_path: Path,
) -> None:
    write_log(tmp_path / "logs" / "data.json", [(1, 1, 1.0), (1, 2, 0.0), (2, 1, 1.0)])
    new, old = build_folder(tmp_path).database, tmp_path / "old.duckdb"
    old.write_bytes(new.read_bytes())
    with duckdb.connect(str(old)) as connection:
        connection.execute(
            "alter table build drop share_from_neighbors;"
            "alter table build drop share_from_neighbors_to_10;"
            "alter table recommendations drop source;"
            "drop table weights;"
            "update build set version = '0.1.0'"
        )
    done = call_ubcf("diff", old, new, "--format", "json", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == (
        f"ubcf: note: {old}: made by an earlier version, without sources of recommendations, "
        "which are not compared\n"
    )
    parts = json.loads(done.stdout)
    assert parts["lists"]["identical_share"] == 1
    assert "sources" not in parts
    both = json.loads(call_ubcf("diff", new, new, "--format", "json", cwd=tmp_path).stdout)
    assert [row["ranks"] for row in both["sources"]] == ["1 to 10", "all"]
    for command in (["query", "coverage"], ["inspect", "user", 1], ["report"], ["explain", 1, 2]):
        refused = call_ubcf(*command, "-d", old, cwd=tmp_path)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr == (
            f"ubcf: error: {old}: made by ubcf 0.1.0; build it again with this version\n"
        )
    assert call_ubcf("sql", "from users", "-d", old, cwd=tmp_path).returncode == 0
