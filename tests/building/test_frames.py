"""Frames as logs: their values are judged as those of files, and what is no frame is one error."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas
import polars
import pyarrow
import pytest

import ubcf
from tests.support.builds import Built, build_in
from ubcf.errors import InputError, UbcfError

PLAYS = pandas.DataFrame(
    {"user": [1, 1, 2, 2], "track": [10, 11, 10, 12], "time": [0.5, 0.9, 0.1, 0.4]}
)


def relation(rows: str) -> duckdb.DuckDBPyRelation:
    """Rows of DuckDB, in a connection that is no other's."""
    return duckdb.connect().sql(rows)


def refused(logs: Any, folder: Path, **options: Any) -> str:
    """The error of a build."""
    with pytest.raises(UbcfError) as error:
        build_in(folder, logs, **options)
    assert not list(folder.iterdir())
    return str(error.value)


def rejected(built: Built) -> list[tuple[Any, ...]]:
    return built.rows("select file, line_number, reason from rejected_lines order by all")


def test_a_frame_needs_no_more_than_user_and_track(tmp_path: Path) -> None:
    built = build_in(tmp_path, polars.DataFrame({"user": ["ann", "bob"], "track": [1, 1]}))
    assert built.lists() == {"ann": [1], "bob": [1]}


def test_fields_names_other_columns(tmp_path: Path) -> None:
    frame = PLAYS.rename(columns={"user": "listener", "time": "seconds"})
    frame["seconds"] *= 200
    fields = {"user": "listener", "time": "seconds / 200"}
    assert build_in(tmp_path, frame, fields=fields).lists() == build_in(tmp_path, PLAYS).lists()


def test_where_and_since_choose_rows(tmp_path: Path) -> None:
    days = pandas.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"])
    built = build_in(
        tmp_path,
        PLAYS.assign(timestamp=days.tz_localize("Asia/Tokyo")),
        where="track < 12",
        since="2024-01-02",  # UTC, in which these days begin at 15:00 of the day before
    )
    assert built.rows("select track, timestamp from events") == [(10, datetime(2024, 1, 2, 15))]
    assert (built.summary.left_out, built.summary.rejected) == (3, 0)


def test_a_named_index_of_pandas_is_columns(tmp_path: Path) -> None:
    means = PLAYS.groupby(["user", "track"]).mean()
    assert list(means.columns) == ["time"]
    assert build_in(tmp_path, means).lists() == build_in(tmp_path, PLAYS).lists()


def test_a_catalog_may_be_a_frame(tmp_path: Path) -> None:
    catalog = pyarrow.table({"track": [10, 11], "artist": ["A", "B"], "title": ["x", "y"]})
    built = build_in(tmp_path, PLAYS, catalog=catalog, catalog_only=True)
    assert built.rows("select artist from tracks order by track") == [("A",), ("B",), (None,)]
    assert built.summary.options["catalog"] == "catalog frame"
    assert sorted(built.lists()[1]) == [10, 11]


def test_a_bad_row_of_a_catalog_is_named(tmp_path: Path) -> None:
    catalog = polars.DataFrame({"track": [10, None], "artist": ["A", "B"]})
    assert refused(PLAYS, tmp_path, catalog=catalog).startswith("catalog frame, line 2: ")


def test_an_evaluation_takes_frames(tmp_path: Path) -> None:
    plays = pandas.concat([PLAYS.assign(user=PLAYS["user"] + 2 * i) for i in range(5)])
    found = ubcf.evaluate(plays, test=PLAYS, database=tmp_path / "evaluation.duckdb")
    assert (found.lines, found.rejected) == (24, 0)
    with duckdb.connect(tmp_path / "evaluation.duckdb") as connection:
        options = connection.sql("select options ->> 'logs', options ->> 'test' from evaluation")
        assert options.fetchall() == [('["frame"]', '["frame"]')]


# Values


def test_nulls_are_missing_fields_in_all_libraries(tmp_path: Path) -> None:
    values: dict[str, list[Any]] = {
        "user": [1, None, 2, 3],
        "track": [10, 10, 10, None],
        "time": [0.5, 0.5, None, 0.5],
    }
    frames = [
        pandas.DataFrame(values),
        pandas.DataFrame(values).convert_dtypes(),
        pandas.DataFrame(values, dtype=object),
        polars.DataFrame(values),
        pyarrow.table(values),
    ]
    for number, frame in enumerate(frames):
        (tmp_path / str(number)).mkdir()
        built = build_in(tmp_path / str(number), frame, max_rejected=1)
        assert built.rows('select "user", track, time from events') == [(1, 10, 0.5)]
        assert rejected(built) == [
            ("frame", 2, "user is missing"),
            ("frame", 3, "time is missing"),
            ("frame", 4, "track is missing"),
        ]


@pytest.mark.parametrize("library", [polars.DataFrame, pyarrow.table, pandas.DataFrame])
def test_columns_may_be_null_alone_also_within_others(library: Any, tmp_path: Path) -> None:
    nothing = [None, None]
    values = {"user": [1, 2], "track": [5, 5], "recommendation": nothing, "latency": nothing}
    frame = library({**values, "experiments": [{"A": None}, {"A": None}]})
    built = build_in(tmp_path, frame)
    assert built.rows("select recommendation, latency from events") == [(None, None)] * 2
    assert built.summary.rejected == 0


def test_nan_is_missing_in_pandas_and_no_number_in_polars(tmp_path: Path) -> None:
    times = {"user": [1, 1], "track": [1, 2], "time": [0.5, float("nan")]}
    built = build_in(tmp_path, pandas.DataFrame(times), max_rejected=1)
    assert rejected(built) == [("frame", 2, "time is missing")]
    built = build_in(tmp_path, polars.DataFrame(times), max_rejected=1)
    assert rejected(built) == [("frame", 2, "time is not a number")]


def test_huge_whole_numbers_are_kept_whole_or_rejected(tmp_path: Path) -> None:
    greatest = 2**63 - 1
    ids = np.array([greatest, 2**64 - 1], dtype=np.uint64)
    frame = pandas.DataFrame({"user": ids, "track": [2**53 + 1, 1], "time": [0.5, 0.5]})
    huge = relation(
        f"select unnest([{greatest}::hugeint, {2**64 - 1}::hugeint]) as user,"
        f" unnest([{2**53 + 1}, 1]) as track, 0.5 as time"
    )
    for number, logs in enumerate((frame, polars.from_pandas(frame), huge)):
        (tmp_path / str(number)).mkdir()
        built = build_in(tmp_path / str(number), logs, max_rejected=1)
        assert built.rows('select "user", track from events') == [(greatest, 2**53 + 1)]
        assert rejected(built) == [("frame", 2, f"user is larger than {greatest}")]


def test_whole_numbers_beside_nulls_are_whole(tmp_path: Path) -> None:
    """Pandas makes them floating-point numbers."""
    frame = PLAYS.assign(recommendation=[11, None, None, 7])
    assert frame["recommendation"].dtype == np.float64
    built = build_in(tmp_path, frame)
    assert built.rows("select recommendation from events") == [(11,), (None,), (None,), (7,)]


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_categories_are_their_values(tmp_path: Path, library: str) -> None:
    frame = PLAYS.assign(user=PLAYS["user"].map({1: "ann", 2: "bob"}).astype("category"))
    table = pyarrow.table(frame)
    logs = {"pandas": frame, "polars": polars.from_arrow(table), "pyarrow": table}[library]
    assert list(build_in(tmp_path, logs).lists()) == ["ann", "bob"]


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2024, 2, 19, 9, 30, tzinfo=UTC),
        pandas.Timestamp("2024-02-19 18:30", tz="Asia/Tokyo"),
        1_708_335_000_000,
    ],
)
def test_a_timestamp_is_a_moment_whatever_its_zone(tmp_path: Path, moment: Any) -> None:
    built = build_in(tmp_path, PLAYS.assign(timestamp=moment))
    assert built.rows("select distinct timestamp from events") == [(datetime(2024, 2, 19, 9, 30),)]


def test_paths_reach_into_nested_columns(tmp_path: Path) -> None:
    context = [{"who": {"id": f"u{user}"}} for user in PLAYS["user"]]
    nested = polars.from_pandas(PLAYS[["track", "time"]]).with_columns(
        polars.Series("context", context)
    )
    built = build_in(tmp_path, nested, fields={"user": "context.who.id"})
    assert list(built.lists()) == ["u1", "u2"]


def test_texts_of_any_character_are_ids(tmp_path: Path) -> None:
    users = ["né 💥", 'a "quoted"\\ \n\t', "NaN", " "]
    built = build_in(tmp_path, pandas.DataFrame({"user": users, "track": ["a", "b", "a", "b"]}))
    assert sorted(built.lists()) == sorted(users)


def test_a_relation_of_an_earlier_build_builds_it_again(tmp_path: Path) -> None:
    built = build_in(tmp_path, PLAYS)
    with ubcf.connect(built.database) as connection:
        (tmp_path / "again").mkdir()
        again = build_in(tmp_path / "again", connection.table("events"))
    assert again.output.read_bytes() == built.output.read_bytes()


# Errors


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (PLAYS.head(0), "no event in 0 lines of the logs: all are empty"),
        (polars.DataFrame({"user": [], "track": []}), "no event in 0 lines of the logs"),
        (pandas.DataFrame(), "frame: cannot be read: "),
        (PLAYS.rename(columns={"user": "listener"}), "no line of frame has the field user: "),
        (PLAYS.assign(User=1), "frame: two columns have the same name, but for capital letters: "),
        (
            pandas.DataFrame([[1, 2, 3]], columns=["user", "user", "track"]),
            "frame: two columns have the same name",
        ),
        (
            pyarrow.Table.from_arrays([pyarrow.array([1])] * 2, ["user", "user"]),
            "frame: two columns have the same name",
        ),
        (
            PLAYS.assign(week=pandas.period_range("2024", periods=4)),
            "frame: cannot be read: Not implemented Error: Data type 'period[D]'",
        ),
        (
            polars.DataFrame(
                {"user": [1], "track": polars.Series([object()], dtype=polars.Object)}
            ),
            "frame: column track has objects of Python",
        ),
        (relation("select 'x'::int as user"), "frame: cannot be read: "),
    ],
)
def test_a_frame_that_cannot_be_read_is_one_clear_error(
    frame: Any, message: str, tmp_path: Path
) -> None:
    error = refused(frame, tmp_path)
    assert error.startswith(message)
    assert "\n" not in error


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (PLAYS["user"], f"{type(PLAYS['user']).__module__}.Series"),
        (PLAYS.to_numpy(), "numpy.ndarray"),
        (polars.from_pandas(PLAYS).lazy(), "polars.lazyframe.frame.LazyFrame"),
        (PLAYS.to_dict("list"), "dict"),
        (7, "int"),
    ],
)
def test_what_is_no_frame_is_one_clear_error(value: Any, kind: str, tmp_path: Path) -> None:
    message = (
        f"{kind} is neither a path nor a frame; a frame is a DataFrame of pandas or polars, "
        "a Table of pyarrow, or a relation of DuckDB"
    )
    assert refused(value, tmp_path) == f"logs: {message}"
    assert refused([PLAYS, value], tmp_path) == f"logs: {message}"
    assert refused(PLAYS, tmp_path, catalog=value) == f"catalog: {message}"


def test_an_empty_list_of_logs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="logs: the list is empty"):
        build_in(tmp_path, [])
