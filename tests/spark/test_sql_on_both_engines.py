"""Every file of sql/model/ and sql/checks/ gives the same rows on DuckDB and on Spark SQL.

Doubles are compared to the last digit. The same tables are given to both engines as Parquet.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from tests.support.builds import build_folder
from tests.support.logs import write_log
from ubcf.database.engines import Relation
from ubcf.database.session import Session
from ubcf.database.templates import Templates, sql_folder

# What Spark calls the types of DuckDB.
SPARK_TYPES = {"VARCHAR": "string", "INTEGER": "int", "BIGINT[]": "array<bigint>"}

Rows = list[tuple[Any, ...]]


def texts(row: Iterable[Any]) -> list[str]:
    """The values of a row as texts that differ where values do."""
    return [repr(each.normalize() if isinstance(each, Decimal) else each) for each in row]


class BothEngines:
    """DuckDB and Spark with the same tables, and what templates make of them on each."""

    def __init__(self, spark: Any, folder: Path) -> None:
        self.spark = spark
        self.folder = folder
        self.session = Session(duckdb.connect())
        self.templates = Templates(engine="spark")
        self.variables: dict[str, Any] = {}
        self.compared: set[str] = set()

    def set(self, **values: Any) -> None:
        self.session.set(**values)
        self.variables |= values

    def give(self, name: str, query: str) -> None:
        """Gives a table, the rows of a query of DuckDB, to both engines."""
        self.session.execute(f"create or replace temp table {name} as {query}")
        self._copy(name)

    def replace(self, name: str, query: str) -> None:
        """Replaces the rows of a given table on both engines; it keeps its types."""
        self.session.execute(
            f"create or replace temp table {name} as from {name} limit 0;"
            f"insert into {name} by name {query}"
        )
        self._copy(name, self.spark.table(name).schema)

    def _copy(self, name: str, schema: Any = None) -> None:
        path = self.folder / f"{name}{len(list(self.folder.iterdir()))}.parquet"
        self.session.execute(f"copy {name} to '{path}' (format parquet)")
        reader = self.spark.read if schema is None else self.spark.read.schema(schema)
        reader.parquet(str(path)).createOrReplaceTempView(name)

    def make(self, name: str, **structure: Any) -> Relation:
        """Makes the relation of a template on both; its columns, types and rows are the same."""
        relation = self.templates.relation(name, **structure)
        frame = self.spark.sql(relation.query, args=self.variables).cache()
        frame.createOrReplaceTempView(relation.name)
        self.session.run(name, **structure)
        types = {
            column: SPARK_TYPES.get(type, type.lower())
            for column, type in self.session.columns(relation.name).items()
        }
        assert dict(frame.dtypes) == types
        ours = self.session.execute(f"from {relation.name}")
        assert ours
        self._assert_same(ours, frame.collect(), relation.query)
        self.compared.add(name)
        return relation

    def drop(self, *tables: str) -> None:
        """Drops tables of DuckDB, so that they can be made anew."""
        for table in tables:
            self.session.execute(f"drop table if exists {table}")

    def ask(self, name: str, **structure: Any) -> Rows:
        """The rows of a question, the same on both."""
        query = self.templates.query(name, **structure)
        ours = self.session.run(name, **structure)
        self._assert_same(ours, self.spark.sql(query, args=self.variables).collect(), query)
        self.compared.add(name)
        return ours

    def _assert_same(self, ours: Rows, theirs: list[Any], query: str) -> None:
        """Doubles to the last digit, and in order if the query says one."""
        rows = [texts(row) for row in ours], [texts(row) for row in theirs]
        if not re.search(r"^order by", query, re.MULTILINE):
            rows = sorted(rows[0]), sorted(rows[1])
        assert rows[0] == rows[1]


@pytest.fixture
def both(spark: Any, tmp_path: Path) -> Iterator[BothEngines]:
    engines = BothEngines(spark, tmp_path)
    yield engines
    engines.session.connection.close()
    spark.catalog.clearCache()


# The model

LISTENERS = ["ann", "Ann", "ann ", "o'neil", 'the "one"', "\\", "émile", "e\u0301mile", "🎧", "10"]

SONGS = ["10", "9", "a'b", '"', "", "Ж", "🎵", "🎶 two", "z", "Z", "ω", "\\n"]

# Times that are hard to write, or to add up.
TIMES = [0.0, 1.0, 0.1 + 0.2, 1 / 3, 1 - 2**-53, 2**-53, 5e-324, 1e-9, 1.5e-20, 4.9e-21]


def events() -> dict[str, list[Any]]:
    """Events with text ids: each user hears most tracks, some of them several times."""
    draw = random.Random(7)
    rows = [
        (user, track, draw.choice([draw.random(), draw.choice(TIMES)]))
        for user in LISTENERS
        for track in SONGS
        for _ in range(draw.choice([0, 1, 1, 4]))
    ]
    # Two tracks of the same total time: the smaller id is the more popular.
    rows += [(LISTENERS[0], track, 0.7) for track in ("tie 🎵", "tie \uff5a")]
    users, tracks, times = map(list, zip(*rows, strict=True))
    return {"user": users, "track": tracks, "time": times}


def model_of(both: BothEngines, centering: str) -> None:
    """Makes all that depends on the centering."""
    both.set(centering=centering, time_offset=0.05 if centering == "none" else 0.0)
    both.drop("indexed_plays", "interactions", "indexed_interactions", "tracks")
    if centering == "baseline":
        both.make("model/indexed_plays.sql")
    for relation in ("user_centers", "track_centers"):
        both.make(f"model/{relation}.sql", centering=centering)
    both.make("model/interactions.sql")
    both.make("model/indexed_interactions.sql")
    for as_text in (False, True):
        both.ask("model/questions/users_in_order.sql", as_text=as_text)
        both.ask("model/questions/tracks_in_order.sql", as_text=as_text)
    columns = [name for name in both.session.columns("catalog") if name != "track"]
    both.make("model/tracks.sql", chosen=centering == "user", catalog_columns=columns)


def test_every_file_of_the_model_gives_the_same_rows(both: BothEngines) -> None:
    for name, columns in {
        "events": events(),
        "catalog": {
            "track": [*SONGS[:6], "never heard"],
            "title": ["one", "", None, "four", "\n", "6", "7"],
            "pop": [0.1, None, 1e300, 2.0, 3.0, 4.0, 5.0],
            "Odd \"name\" `of` 'it'": [[1, 2], [], None, [3], [4], [5], [6]],
        },
        "given_users": {"id_text": ["new", "ann", "ann", "new", "🆕"]},
        "given_tracks": {"id_text": [*SONGS[2:9], "nobody's"]},
        "withdrawn_tracks": {"id_text": [SONGS[3], "z"]},
        "user_biases": {
            "user_index": pa.array(range(len(LISTENERS)), pa.int32()),
            "bias": [math.sin(index) / 7 for index in range(len(LISTENERS))],
        },
        "track_biases": {
            "track_index": pa.array(range(len(SONGS) + 2), pa.int32()),
            "bias": [math.cos(index) / 3 for index in range(len(SONGS) + 2)],
        },
    }.items():
        both.session.connection.register("given", pa.table(columns))
        both.give(name, "from given")
    both.set(mean_time=0.1 + 0.2)
    for relation in ("plays", "user_times", "track_times"):
        both.make(f"model/{relation}.sql")
    both.ask("model/questions/similarity_products.sql")
    ranges = both.ask("model/questions/user_ranges.sql", ranges=3)
    assert [first for first, _, _ in ranges] == [0, *(after for _, after, _ in ranges[:-1])]
    assert [user for _, _, user in ranges] == [sorted(LISTENERS)[first] for first, _, _ in ranges]
    assert (len(ranges), ranges[-1][1]) == (3, len(LISTENERS))
    for withdrawn in (True, False):
        both.make(
            "model/recommendable_tracks.sql",
            catalog_only=withdrawn,
            only_given=True,
            without_withdrawn=withdrawn,
        )
        both.ask("model/questions/some_recommendable_track.sql")
        if withdrawn:
            both.drop("recommendable_tracks")
    # Spark knows no VARCHAR without a length: a caller names its own type.
    both.make("model/users_without_logs.sql", user_type="string")
    assert both.ask("model/questions/given_user_counts.sql") == [(5, 1, 3 - 1)]
    for centering in ("user", "baseline", "none"):
        model_of(both, centering)
    assert both.compared == {
        path.relative_to(sql_folder()).as_posix()
        for path in (sql_folder() / "model").rglob("*.sql")
    }


def test_times_are_read_from_their_texts_and_added_alike(both: BothEngines) -> None:
    """Each double, through its text and a decimal, and the sums of a hundred of them."""
    draw = np.random.default_rng(3)
    count = 50_000
    times = np.concatenate(
        [
            draw.random(count),
            draw.random(count) * 10.0 ** draw.integers(-12, 6, count),
            draw.integers(0, 1000, count) / 1000,
            np.ldexp(draw.random(count), draw.integers(-70, 20, count)),
        ]
    )
    both.session.connection.register("given", {"time": times})
    both.give("times", "select cast(row_number() over () - 1 as bigint) as id, time from given")
    exact = "cast(cast(time as string) as decimal(38, 20))"
    for part, query in {
        1: f"select id as part, {exact} as exact, cast({exact} as double) as inexact from times",
        100: f"select cast(floor(id / 100) as bigint) as part, sum({exact}) as exact,"
        f" cast(sum({exact}) as double) as inexact from times group by part",
    }.items():
        written = both.folder / f"sums of {part}"
        both.spark.sql(query).write.parquet(str(written))
        ((parts, same),) = both.session.execute(
            f"with ours as ({query}), theirs as (from read_parquet('{written}/*.parquet'))"
            " select count(*), count(*) filter (where ours.exact = theirs.exact"
            " and ours.inexact = theirs.inexact)"
            " from ours full outer join theirs on ours.part = theirs.part"
        )
        assert parts == same == len(times) // part


# The checks

PLAYS = [
    (1, 10, 0.9), (1, 20, 0.8), (1, 40, 0.1),
    (2, 10, 0.6), (2, 20, 0.8), (2, 30, 0.8), (2, 40, 0.0),
]  # fmt: skip

# By check: wrong tables, each with the number of its rows that the check finds.
WRONG: dict[str, list[tuple[str, str, int]]] = {
    "centered_times_cancel": [
        ("interactions", "select * replace (centered_time + 0.1 as centered_time) from {}", 2),
    ],
    "events_are_complete": [
        ("events", "select * replace (null as file) from {}", 7),
        ("events", 'select * replace (if("user" = 1, null, "user") as "user") from {}', 3),
        ("events", "select * replace (if(track = 10, null, track) as track) from {}", 2),
        ("events", "select * replace (if(track = 10, null, time) as time) from {}", 2),
        ("events", "select * replace (if(track = 10, 'nan', time) as time) from {}", 2),
        ("events", "select * replace (if(track = 10, 'inf', -time) as time) from {}", 2),
        ("events", "select * replace (if(track = 10, '-inf', time) as time) from {}", 2),
    ],
    "lines_are_accounted_for": [
        ("build_inputs", "select * replace (lines + 1 as lines) from {}", 1),
    ],
    "neighbors_are_others": [
        ("neighbors", 'select * replace ("user" as neighbor) from {}', 2),
        ("neighbors", "select * replace (null as similarity) from {}", 2),
        (
            "neighbors",
            "select * replace (if(\"user\" = 1, 1.1, cast('nan' as double)) as similarity) from {}",
            2,
        ),
        ("neighbors", "select * replace (0 as common_tracks) from {}", 2),
    ],
    "plays_add_up": [
        ("interactions", "from {} limit 6", 1),
        ("users", "select * replace (events + 1 as events) from {}", 1),
        ("tracks", "select * replace (plays + 1 as plays) from {}", 1),
    ],
    "recommendations_are_complete": [
        ("recommendations", 'from {} where "user" <> 1 or rank <> 2', 1),
        ("recommendations", "from {} union all (from {} limit 1)", 1),
    ],
    "recommendations_are_ranked": [
        ("recommendations", "select * replace (rank + 1 as rank) from {}", 4),
        ("recommendations", 'select * replace (if("user" = 9, 7, rank) as rank) from {}', 1),
        ("recommendations", "select * replace (if(rank = 3, 9, score) as score) from {}", 4),
        ("recommendations", "select * replace (if(rank = 1, null, score) as score) from {}", 4),
    ],
    "recommendations_are_recommendable": [
        ("tracks", "select * replace (track <> 10 as recommendable) from {}", 4),
    ],
    "recommendations_say_their_source": [
        ("recommendations", "select * replace ('tail' as source) from {}", 16 - 2),
        ("recommendations", "select * replace (null as source) from {}", 16),
        ("recommendations", "select * replace (-1.0 as score, 'own' as source) from {}", 16),
    ],
    "tracks_are_unique": [
        ("tracks", "from {} union all (from {} limit 1)", 1),
        ("tracks", "from {} where track <> 10", 1),
    ],
    "users_are_unique": [
        ("users", "from {} union all (from {} limit 1)", 1),
        ("users", 'from {} where "user" <> 2', 1),
        ("events", 'from {} where "user" <> 2', 1),
    ],
    "users_without_logs_get_popular_tracks": [
        ("recommendations", 'select * replace (rank = 2 and "user" = 9 as heard) from {}', 1),
        ("recommendations", 'from {} where "user" <> 9', 1),
        ("recommendations", 'from {} where "user" <> 0 or rank < 3', 1),
    ],
}


@pytest.fixture
def checked(both: BothEngines) -> BothEngines:
    """The tables of a build that passes its checks: the users 0 and 9 have no logs."""
    folder = both.folder / "build"
    write_log(folder / "logs" / "data.json", PLAYS)
    (folder / "users").write_text("9\n1\n0\n")
    built = build_folder(folder, users=folder / "users", top=4)
    both.session.execute(f"attach '{built.database}' as built (read_only)")
    for table in sorted({table for cases in WRONG.values() for table, _, _ in cases}):
        both.give(table, f"from built.{table}")
    both.set(
        top=4,
        centering="user",
        exclude_heard=False,
        only_positive=False,
        counts_own_listening=False,
        users_without_logs=2,
    )
    return both


def test_each_check_finds_the_wrong_tables_made_for_it_and_nothing_in_the_right_ones(
    checked: BothEngines,
) -> None:
    names = Templates().names("checks")
    assert [f"checks/{name}.sql" for name in WRONG] == names
    for name in names:
        assert checked.ask(name) == []
    for check, cases in WRONG.items():
        for table, query, expected in cases:
            checked.replace(table, query.replace("{}", f"built.{table}"))
            found = checked.ask(f"checks/{check}.sql")
            assert len(found) == expected, (check, query, found)
            checked.replace(table, f"from built.{table}")


def test_checks_hold_with_the_options_that_they_read(checked: BothEngines) -> None:
    """Shorter lists may be right; a build without a file of users has no number of users in it."""
    lists = "checks/recommendations_are_complete.sql"
    checked.replace(
        "recommendations", 'from built.recommendations where "user" in (1, 2) and rank < 4'
    )
    for options in ({"exclude_heard": True}, {"only_positive": True}):
        checked.set(exclude_heard=False, only_positive=False)
        assert len(checked.ask(lists)) == 2
        checked.set(**options)
        assert checked.ask(lists) == []
    checked.set(users_without_logs=None, centering="none")
    assert checked.ask("checks/users_without_logs_get_popular_tracks.sql") == []
    checked.replace(
        "interactions", "select * replace (1.0 as centered_time) from built.interactions"
    )
    assert checked.ask("checks/centered_times_cancel.sql") == []
