"""What each named analysis of sql/analysis/ answers, and what all of them promise.

The expected rows were worked out by hand from the small logs in sight.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ubcf
from tests.support.builds import Built, build_folder
from tests.support.commands import call_ubcf
from tests.support.logs import log_line, write_log
from tests.support.overlays import overlay
from ubcf.analysis.named_analyses import Analysis, list_analyses
from ubcf.database.templates import sql_folder
from ubcf.errors import NotFoundError, OptionError

Build = Callable[..., Built]
Rows = list[tuple[Any, ...]]

ANALYSES = list_analyses()
FOLDER = sql_folder() / "analysis"

# 2023-11-14 22:13:20 UTC
START = 1_700_000_000_000
MINUTE = 60_000


def run_analysis(
    connection: duckdb.DuckDBPyConnection, name: str, **variables: Any
) -> duckdb.DuckDBPyRelation:
    """The rows of an analysis, with variables whose names are known only when it runs."""
    return ubcf.query(connection, name, **variables)


def ask(connection: duckdb.DuckDBPyConnection, name: str, **variables: Any) -> Rows:
    return run_analysis(connection, name, **variables).fetchall()


def rows_of(database: Path, name: str, **variables: Any) -> Rows:
    with ubcf.connect(database) as connection:
        return ask(connection, name, **variables)


def columns_of(database: Path, name: str, **variables: Any) -> list[str]:
    with ubcf.connect(database) as connection:
        return run_analysis(connection, name, **variables).columns


# Users 1 and 2 agree on tracks 10 and 20, and user 3 does not like track 10; user 4 listens to all
# tracks for the same time; user 5 shares none with others. Centered times:
#   1: 10 +0.5, 20 -0.5    2: 10 +0.25, 20 -0.25    3: 10 -0.25, 30 +0.25    4: 40 0
#   5: 50 +0.5, 60 -0.5
# so that w(1, 2) = 1, w(1, 3) = w(2, 3) = -0.5. By total time the tracks are 10 (1.75), 40 and 50
# (1), 30 (0.5), 20 (0.25), 60 (0). The two best tracks of user 3 are 20 (the only one with a score
# above 0) and 40, those of all others 10 (the best, or the most popular) and 40.
TINY = [
    log_line(1, 10, 1.0, timestamp=START + MINUTE, experiments={"B": "T1", "A": "C"}),
    log_line(
        1,
        20,
        0.0,
        timestamp=START + 2 * MINUTE,
        message="last",
        experiments={"B": "T1", "A": "C"},
    ),
    log_line(2, 10, 0.75, recommendation=20),
    log_line(2, 20, 0.25),
    log_line(3, 10, 0.0),
    log_line(3, 30, 0.5),
    log_line(4, 40, 0.5, timestamp=START + 120 * MINUTE, experiments={"A": "T1"}),
    log_line(4, 40, 0.5, timestamp=START, experiments={"A": "C"}),
    log_line(5, 50, 1.0),
    log_line(5, 60, 0.0),
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    write_log(folder / "logs" / "data.json", TINY)
    catalog = [{"track": 10, "artist": "Abba", "title": "SOS"}, {"track": 99, "title": "Unheard"}]
    (folder / "logs" / "tracks.json").write_text("".join(f"{json.dumps(t)}\n" for t in catalog))
    return build_folder(folder, top=2).database


# Users and tracks


def test_user_history_has_the_events_of_the_user_oldest_first(tiny: Path) -> None:
    assert columns_of(tiny, "user_history", user=1) == [
        "timestamp", "message", "track", "artist", "title", "time", "recommendation",
    ]  # fmt: skip
    assert rows_of(tiny, "user_history", user=1) == [
        (datetime(2023, 11, 14, 22, 14, 20), "next", 10, "Abba", "SOS", 1.0, None),
        (datetime(2023, 11, 14, 22, 15, 20), "last", 20, None, None, 0.0, None),
    ]
    # In the log, the second one comes first.
    assert rows_of(tiny, "user_history", user=4) == [
        (datetime(2023, 11, 14, 22, 13, 20), "next", 40, None, None, 0.5, None),
        (datetime(2023, 11, 15, 0, 13, 20), "next", 40, None, None, 0.5, None),
    ]
    assert [row[-1] for row in rows_of(tiny, "user_history", user=2)] == [20, None]
    # At most k: the latest.
    assert [row[2] for row in rows_of(tiny, "user_history", user=1, k="1")] == [20]


def test_user_history_puts_last_events_last_among_equal_timestamps(
    build_from: Build,
) -> None:
    built = build_from(
        [log_line(1, 1, 0.5, message="last"), log_line(1, 3, 0.5), log_line(1, 2, 0.5)]
    )
    history = rows_of(built.database, "user_history", user=1)
    assert [(row[1], row[2]) for row in history] == [("next", 2), ("next", 3), ("last", 1)]


def test_user_profile_is_one_row_of_taste_neighbors_scores_and_activity(tiny: Path) -> None:
    with ubcf.connect(tiny) as connection:
        profile = ubcf.query(connection, "user_profile", user=1)
        ((*row,),) = profile.fetchall()
        assert dict(zip(profile.columns, row, strict=True)) == {
            "user": 1,
            "events": 2,
            "tracks": 2,
            "mean_time": 0.5,
            "norm": pytest.approx(0.5**0.5),
            "positive_neighbors": 1,
            "negative_neighbors": 1,
            "positive_scores": 1,
            "first_event": datetime(2023, 11, 14, 22, 14, 20),
            "last_event": datetime(2023, 11, 14, 22, 15, 20),
            "sessions_ended": 1,
            "treatments": "A=C, B=T1",
            # Five percent of six tracks is one track: 10.
            "popular_plays_share": 0.5,
        }


def test_user_profile_lists_all_treatments_of_a_user_or_null(
    tiny: Path,
) -> None:
    profile = columns_of(tiny, "user_profile", user=4)
    at = profile.index("treatments")
    assert rows_of(tiny, "user_profile", user=4)[0][at:] == ("A=C, A=T1", 0.0)
    assert rows_of(tiny, "user_profile", user=5)[0][at:] == (None, 0.0)


def test_track_audience_has_every_listener_by_centered_time(tiny: Path) -> None:
    assert columns_of(tiny, "track_audience", track=10) == [
        "user", "plays", "mean_time", "centered_time",
    ]  # fmt: skip
    assert rows_of(tiny, "track_audience", track=10) == [
        (1, 1, 1.0, 0.5),
        (2, 1, 0.75, 0.25),
        (3, 1, 0.0, -0.25),
    ]
    assert [row[0] for row in rows_of(tiny, "track_audience", track=10, k=2)] == [1, 2]
    assert rows_of(tiny, "track_audience", track=40) == [(4, 2, 0.5, 0.0)]
    # A track of the catalog that nobody played.
    assert rows_of(tiny, "track_audience", track=99) == []


def test_top_tracks_has_the_tracks_of_the_logs_by_listening_time(tiny: Path) -> None:
    assert columns_of(tiny, "top_tracks") == [
        "popularity_rank", "track", "artist", "title",
        "plays", "listeners", "total_time", "recommended_to", "best_rank",
    ]  # fmt: skip
    rows = [
        (1, 10, "Abba", "SOS", 3, 3, 1.75, 4, 1),
        (2, 40, None, None, 2, 1, 1.0, 5, 2),
        (3, 50, None, None, 1, 1, 1.0, 0, None),
        (4, 30, None, None, 1, 1, 0.5, 0, None),
        (5, 20, None, None, 2, 2, 0.25, 1, 1),
        (6, 60, None, None, 1, 1, 0.0, 0, None),
    ]
    assert rows_of(tiny, "top_tracks") == rows
    assert rows_of(tiny, "top_tracks", k="2") == rows[:2]


def test_top_tracks_has_twenty_rows_by_default(build_from: Build) -> None:
    built = build_from([(1, track, 0.5) for track in range(30)])
    assert [row[1] for row in rows_of(built.database, "top_tracks")] == list(range(20))


def test_similar_users_come_with_the_tracks_in_common(tiny: Path) -> None:
    assert columns_of(tiny, "similar_users", user=1) == [
        "rank", "neighbor", "similarity", "common_tracks",
        "events", "tracks", "mean_time", "common_track_ids", "common_titles",
    ]  # fmt: skip
    # User 3 has negative similarities to both. The catalog lacks track 20.
    assert rows_of(tiny, "similar_users", user=1) == [
        (1, 2, pytest.approx(1.0), 2, 2, 2, 0.5, [10, 20], ["Abba - SOS", "20"]),
    ]
    assert rows_of(tiny, "similar_users", user=3) == []


def test_similar_users_has_twenty_rows_by_default(build_from: Build) -> None:
    built = build_from([(user, track, 0.25 * track) for user in range(25) for track in range(3)])
    similar = rows_of(built.database, "similar_users", user=24)
    assert [row[:2] for row in similar] == [(rank, rank - 1) for rank in range(1, 21)]
    assert rows_of(built.database, "similar_users", user=24, k="2") == similar[:2]


# The lists as a whole

FROM_NEIGHBORS = (
    "recommendations from neighbors",
    "recommendations from neighbors at ranks 1 to 10",
)


def test_popularity_bias_compares_recommendations_with_plays(tiny: Path) -> None:
    assert columns_of(tiny, "popularity_bias") == [
        "counted", "tracks", "total", "top_1_percent", "top_5_percent", "top_20_percent", "gini",
    ]  # fmt: skip
    # In order of popularity, plays are 3 2 1 1 2 1 and recommendations 4 5 0 0 1 0. One and five
    # percent of six tracks are one track, twenty are two. Gini, with the weights -5 -3 -1 1 3 5:
    # 1 1 1 2 2 3 gives 14 / (6 * 10), and 0 0 0 1 4 5 gives 38 / (6 * 10).
    recommendations = (6, 10, 0.4, 0.4, 0.9, pytest.approx(38 / 60))
    # Neighbors only bring track 10 to users 1 and 2, and 20 to user 3: 0 0 0 0 1 2 gives 13 / 18.
    from_neighbors = (6, 3, 2 / 3, 2 / 3, 2 / 3, pytest.approx(13 / 18))
    assert rows_of(tiny, "popularity_bias") == [
        ("plays", 6, 10, 0.3, 0.3, 0.5, pytest.approx(14 / 60)),
        ("recommendations", *recommendations),
        ("recommendations at ranks 1 to 10", *recommendations),
        *((name, *from_neighbors) for name in FROM_NEIGHBORS),
    ]


@pytest.fixture
def dozen(build_from: Build) -> Path:
    """A database in which everybody's list is the tracks from 1 to 12.

    Nobody prefers any track, and track 1 is the most popular.
    """
    return build_from([*((1, track, 0.5) for track in range(1, 13)), (2, 1, 0.5)]).database


def test_popularity_bias_of_lists_that_hold_everything_is_none(dozen: Path) -> None:
    plays, everything, top, *_ = rows_of(dozen, "popularity_bias")
    # One play of each track, and one more of track 1: (11 * 2 + sum of 11 odd weights) / (12 * 13).
    assert plays == (
        "plays", 12, 13, 2 / 13, 2 / 13, 4 / 13, pytest.approx(11 / (12 * 13)),
    )  # fmt: skip
    assert everything == ("recommendations", 12, 24, 2 / 24, 2 / 24, 6 / 24, 0.0)
    # Twice each of ten tracks, never the other two: 2 * (-7 - 5 - ... + 11) / (12 * 20).
    assert top == (
        "recommendations at ranks 1 to 10",
        12, 20, 2 / 20, 2 / 20, 6 / 20, pytest.approx(40 / 240),
    )  # fmt: skip


def test_popularity_bias_of_no_recommendations_is_null(build_from: Build) -> None:
    built = build_from([(1, 1, 0.5), (1, 2, 0.5)], only_positive=True)
    assert rows_of(built.database, "popularity_bias")[1:] == [
        ("recommendations", 2, 0, None, None, None, None),
        ("recommendations at ranks 1 to 10", 2, 0, None, None, None, None),
        *((name, 2, 0, None, None, None, None) for name in FROM_NEIGHBORS),
    ]


def test_coverage_counts_the_tracks_recommended_to_anyone(tiny: Path, dozen: Path) -> None:
    assert columns_of(tiny, "coverage") == [
        "ranks", "recommended_tracks", "tracks", "share", "from_neighbors", "share_from_neighbors",
    ]  # fmt: skip
    # 10, 20 and 40 of the six in the logs; track 99 is in the catalog alone.
    # Neighbors only bring in 10 and 20, and nothing to the dozen: 40 fills lists.
    assert rows_of(tiny, "coverage") == [
        ("1 to 10", 3, 6, 0.5, 2, 2 / 6),
        ("all", 3, 6, 0.5, 2, 2 / 6),
    ]
    assert rows_of(dozen, "coverage") == [
        ("1 to 10", 10, 12, 10 / 12, 0, 0.0),
        ("all", 12, 12, 1.0, 0, 0.0),
    ]


def test_heard_share_has_a_row_for_each_group_of_ranks(dozen: Path, build_from: Build) -> None:
    assert columns_of(dozen, "heard_share") == [
        "first_rank", "last_rank", "recommendations", "heard", "heard_share",
    ]  # fmt: skip
    # User 1 has heard all 12, user 2 only the first.
    assert rows_of(dozen, "heard_share") == [(1, 10, 20, 11, 0.55), (11, 12, 4, 2, 0.5)]
    long = build_from([(1, track, 0.5) for track in range(105)], top=101)
    assert rows_of(long.database, "heard_share") == [
        (1, 10, 10, 10, 1.0),
        (11, 100, 90, 90, 1.0),
        (101, 101, 1, 1, 1.0),
    ]


# Health


def test_cold_users_come_with_the_reason(tiny: Path) -> None:
    assert columns_of(tiny, "cold_users") == [
        "user", "events", "tracks", "mean_time",
        "positive_neighbors", "negative_neighbors", "positive_scores", "why",
    ]  # fmt: skip
    assert rows_of(tiny, "cold_users") == [
        (3, 2, 2, 0.25, 0, 2, 1, "no user who shares a track is similar"),
        (4, 2, 1, 0.5, 0, 0, 0, "the mean time is the same on all tracks"),
        (5, 2, 2, 0.5, 0, 0, 0, "no track shared with another user"),
    ]


def test_a_user_whose_neighbors_cancel_out_is_cold_too(build_from: Build) -> None:
    # Centered times on the tracks 1, 2, 3:
    #   user 1: +1/3 -5/12 +1/12    user 2: -1/12 -1/12 +1/6    user 3: -1/4 0 +3/4
    # so that w(1, 2) = +0.189, w(1, 3) = -0.049, and user 1 has the scores -0.004 -0.016 -0.005.
    plays = [
        (1, 1, 1.0), (1, 2, 0.25), (1, 3, 0.75),
        (2, 1, 0.75), (2, 2, 0.75), (2, 3, 1.0),
        (3, 1, 0.0), (3, 1, 0.0), (3, 1, 0.0), (3, 3, 1.0),
    ]  # fmt: skip
    built = build_from(plays)
    (row,) = (row for row in rows_of(built.database, "cold_users") if row[0] == 1)
    assert row[4:] == (1, 1, 0, "no track of the neighbors has a score above 0")


def test_rejected_summary_counts_the_reasons_and_shows_an_example_of_each(
    tmp_path: Path,
) -> None:
    write_log(tmp_path / "logs" / "1" / "data.json", [(1, 1, 0.5), "not JSON", (1, 1, "half")])
    write_log(tmp_path / "logs" / "2" / "data.json", ["x" * 200, (1, 2, 0.5)])
    built = build_folder(tmp_path, max_rejected=1)
    assert columns_of(built.database, "rejected_summary") == [
        "reason", "lines", "share", "file", "line_number", "line",
    ]  # fmt: skip
    first, second = rows_of(built.database, "rejected_summary")
    assert first[1:] == (2, 0.4, str(tmp_path / "logs" / "1" / "data.json"), 2, "not JSON")
    assert second[1:3] == (1, 0.2)
    assert second[3:5] == (str(tmp_path / "logs" / "1" / "data.json"), 3)
    assert "half" in second[5]
    # The reasons are those of the table.
    assert built.rows("select reason from rejected_lines order by file, line_number") == [
        (first[0],),
        (second[0],),
        (first[0],),
    ]


def test_rejected_summary_shortens_long_lines(build_from: Build) -> None:
    built = build_from([(1, 1, 0.5), "x" * 200], max_rejected=1)
    assert rows_of(built.database, "rejected_summary")[0][5] == "x" * 100


def test_listening_by_hour_has_every_hour_of_the_day(tiny: Path) -> None:
    assert columns_of(tiny, "listening_by_hour") == ["hour", "events", "users", "total_time"]
    expected = [(hour, 0, 0, 0.0) for hour in range(24)]
    expected[22] = (22, 9, 5, 4.0)
    expected[0] = (0, 1, 1, 0.5)
    assert rows_of(tiny, "listening_by_hour") == expected


# Every file of sql/analysis/

# Users and tracks are taken from the database; these are the other variables of the analyses.
TEXTS = {
    "k": "3",
    "seed": "7",
    "text": "or",
    "experiment": "TASTE_SHARE",
    "control": "C",
}

# Empty for the databases here: no line is rejected, nobody is cold, nothing conflicts.
EMPTY_HERE = {"cold_users", "rejected_summary", "treatment_assignment_conflicts"}


def without_comments(sql: str) -> str:
    return re.sub(r"--.*", "", sql)


@pytest.fixture(scope="module")
def connected(sample: Built) -> Iterator[duckdb.DuckDBPyConnection]:
    """The sample; opened once, since that takes longer than most of the analyses."""
    with ubcf.connect(sample.database) as connection:
        yield connection


@pytest.fixture(scope="module")
def plain(
    sample: Built, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the sample, opened without ubcf."""
    copy = shutil.copy(sample.database, tmp_path_factory.mktemp("plain"))
    with duckdb.connect(str(copy), read_only=True) as connection:
        yield connection


# Reads events like those of the service, with ids that are texts.
TEXT_EVENTS = """
create table events as
select
    filename as file,
    message,
    make_timestamp(timestamp * 1000) as timestamp,
    "user",
    track,
    time,
    latency,
    recommendation,
    experiments
from read_json(
    getvariable('log_paths'),
    columns = {
        message: 'varchar', timestamp: 'bigint', "user": 'varchar', track: 'varchar',
        time: 'double', latency: 'double', recommendation: 'varchar',
        experiments: 'map(varchar, varchar)'
    },
    format = 'newline_delimited',
    filename = true,
    hive_partitioning = false
);
"""


@pytest.fixture(scope="module")
def text_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without a catalog, whose users and tracks are texts."""
    folder = tmp_path_factory.mktemp("texts")
    lines = [
        log_line(f"user {user}", f"it's {track}", time, experiments={"TASTE_SHARE": "C"})
        for user, track, time in (
            ("a", 1, 1.0), ("a", 2, 0.0), ("b", 1, 0.75), ("b", 2, 0.25), ("b", 3, 0.75),
        )
    ]  # fmt: skip
    write_log(folder / "logs" / "data.json", lines)
    templates = overlay(folder / "mine", "staging/events.sql", TEXT_EVENTS)
    return build_folder(folder, templates=templates).database


@pytest.fixture(scope="module")
def text_ids(text_database: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with ubcf.connect(text_database) as connection:
        yield connection


def variables_for(
    analysis: Analysis, connection: duckdb.DuckDBPyConnection, *, optional: bool
) -> dict[str, str]:
    """Values as the command line passes them: all are texts."""
    # A user who has neighbors, and the best track for that user.
    ((user, track),) = connection.execute(
        'select cast("user" as varchar), cast(track as varchar) from recommendations'
        ' where "user" in (select "user" from neighbors) order by "user", rank limit 1'
    ).fetchall()
    values = {**TEXTS, "user": user, "track": track}
    # Ids are the only texts that users, and tracks without a catalog, have; of a number, the first
    # digits are looked for.
    parts_of_ids = {"list_users": "1" if user.isdigit() else user[:1], "list_tracks": track[:1]}
    values["text"] = parts_of_ids.get(analysis.name, values["text"])
    return {
        variable.name: values[variable.name]
        for variable in analysis.variables
        if variable.required or (optional and variable.name in values)
    }


every_analysis = pytest.mark.parametrize("analysis", ANALYSES, ids=[a.name for a in ANALYSES])


def test_the_analyses_that_analysts_ask_for_are_there() -> None:
    assert {analysis.name for analysis in ANALYSES} >= {
        "cold_users",
        "coverage",
        "find_track",
        "find_user",
        "heard_share",
        "listening_by_hour",
        "popularity_bias",
        "rejected_summary",
        "similar_users",
        "top_tracks",
        "track_audience",
        "user_history",
        "user_profile",
    }


@every_analysis
def test_the_head_says_what_a_row_is(analysis: Analysis) -> None:
    assert re.match(r"one row(:| per | if )", analysis.summary)


@every_analysis
def test_every_variable_that_is_read_is_declared_and_every_declared_one_is_read(
    analysis: Analysis,
) -> None:
    read = re.findall(r"getvariable\('(\w+)'\)", without_comments(analysis.sql))
    assert {variable.name for variable in analysis.variables} == set(read)


@every_analysis
def test_the_file_is_one_statement_of_plain_sql(analysis: Analysis) -> None:
    text = (FOLDER / f"{analysis.name}.sql").read_text(encoding="utf-8")
    assert text == analysis.sql
    assert re.search(r"\{[{%#]", text) is None
    assert len(duckdb.extract_statements(text)) == 1
    assert text.endswith(";\n")


@every_analysis
def test_the_rows_have_an_order_unless_there_is_only_one(
    analysis: Analysis, connected: duckdb.DuckDBPyConnection
) -> None:
    outside = without_comments(analysis.sql)
    while outside != (fewer := re.sub(r"\([^()]*\)", "", outside)):
        outside = fewer
    if "order by" not in outside:
        variables = variables_for(analysis, connected, optional=True)
        assert len(ask(connected, analysis.name, **variables)) == 1


@every_analysis
@pytest.mark.parametrize("optional", [True, False], ids=["all variables", "only required ones"])
def test_it_takes_variables_as_texts_as_the_command_line_passes_them(
    analysis: Analysis, optional: bool, connected: duckdb.DuckDBPyConnection
) -> None:
    variables = variables_for(analysis, connected, optional=optional)
    rows = ask(connected, analysis.name, **variables)
    assert rows or analysis.name in EMPTY_HERE


@pytest.mark.parametrize(
    "analysis",
    [
        analysis
        for analysis in ANALYSES
        if "k" in {each.name for each in analysis.variables}
        # Its k bounds the neighbors of each track, as its head comment says; or those that have a
        # row of their own, beside one for all the others.
        and analysis.name not in ("explained_recommendations", "explain")
    ],
    ids=lambda analysis: analysis.name,
)
def test_k_is_the_greatest_number_of_rows(
    analysis: Analysis, connected: duckdb.DuckDBPyConnection
) -> None:
    variables = variables_for(analysis, connected, optional=True)
    assert len(ask(connected, analysis.name, **variables)) == int(TEXTS["k"])


@every_analysis
def test_the_number_of_threads_does_not_change_the_rows(
    analysis: Analysis, connected: duckdb.DuckDBPyConnection
) -> None:
    variables = variables_for(analysis, connected, optional=False)
    found = []
    for threads in (1, 4, 4):
        connected.execute(f"set threads = {threads}")
        found.append(ask(connected, analysis.name, **variables))
    connected.execute("reset threads")
    assert found[0] == found[1] == found[2]


@every_analysis
def test_it_works_with_ids_that_are_texts_and_without_a_catalog(
    analysis: Analysis, text_ids: duckdb.DuckDBPyConnection
) -> None:
    variables = variables_for(analysis, text_ids, optional=True)
    rows = ask(text_ids, analysis.name, **variables)
    assert rows or analysis.name in EMPTY_HERE


@every_analysis
def test_it_runs_by_hand_in_any_duckdb(
    analysis: Analysis, connected: duckdb.DuckDBPyConnection, plain: duckdb.DuckDBPyConnection
) -> None:
    variables = variables_for(analysis, connected, optional=False)
    for variable in analysis.variables:
        plain.execute(f"reset variable {variable.name}")
    for name, value in variables.items():
        plain.execute(f"set variable {name} = {value if value.isdigit() else repr(value)}")
    by_hand = plain.execute((FOLDER / f"{analysis.name}.sql").read_text(encoding="utf-8"))
    assert by_hand.fetchall() == ask(connected, analysis.name, **variables)


# What does not exist


def test_what_does_not_exist_is_an_error_that_lists_what_does(tiny: Path) -> None:
    cases: Iterable[tuple[type[Exception], str, str, dict[str, Any]]] = [
        (NotFoundError, "no analysis 'nonsense'; there are", "nonsense", {}),
        (OptionError, "user_profile has no variable 'k'; there are: user", "user_profile",
         {"user": 1, "k": 2}),
        (OptionError, "coverage has no variable 'k'; there are: none", "coverage", {"k": 2}),
        (OptionError, "user_history needs the variable 'user'", "user_history", {}),
        (NotFoundError, "no user '6' in this database; nearest: 5, 4, 3", "user_history",
         {"user": 6}),
        (NotFoundError, "no track '41' in this database; nearest: 40, 50, 30", "track_audience",
         {"track": 41}),
    ]  # fmt: skip
    for kind, message, name, variables in cases:
        with pytest.raises(kind, match=re.escape(message)):
            rows_of(tiny, name, **variables)


def test_an_id_that_looks_like_sql_is_only_an_unknown_id(text_database: Path) -> None:
    before = text_database.read_bytes()
    for value in ("1; drop table users", "' or 1 = 1 --", "user a'); drop table users; --"):
        done = call_ubcf(
            "query",
            "user_history",
            "-p",
            f"user={value}",
            "-d",
            text_database,
            cwd=text_database.parent,
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"ubcf: error: no user {value!r} in this database; nearest: user a, user b\n"
        )
        assert rows_of(text_database, "find_user", text=value) == [
            ("user a", 2, 2, 0.5),
            ("user b", 3, 3, pytest.approx(1.75 / 3)),
        ]
    assert text_database.read_bytes() == before


def test_an_id_with_a_quote_is_found(text_database: Path) -> None:
    assert rows_of(text_database, "track_audience", track="it's 3") == [
        ("user b", 1, 0.75, pytest.approx(0.75 - 1.75 / 3)),
    ]


# The command line


def test_query_without_a_name_lists_every_analysis(tmp_path: Path) -> None:
    done = call_ubcf("query", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    listed = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    files = sorted(FOLDER.glob("*.sql"))
    assert [name for name, _ in listed] == [file.stem for file in files]
    for (name, summary), file in zip(listed, files, strict=True):
        first_line = file.read_text(encoding="utf-8").splitlines()[0]
        assert first_line == f"-- {name}: {summary}"


def test_query_show_prints_the_file_as_it_is(tmp_path: Path) -> None:
    for name in ("cold_users", "find_track"):
        done = call_ubcf("query", name, "--show", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.encode() == (FOLDER / f"{name}.sql").read_bytes()


def test_query_writes_the_rows_in_every_format(tiny: Path) -> None:
    expected = {
        "table": (
            "user  plays  mean_time  centered_time\n"
            "----  -----  ---------  -------------\n"
            "   1      1        1.0            0.5\n"
            "   2      1       0.75           0.25\n"
            "   3      1        0.0          -0.25\n"
        ),
        "csv": "user,plays,mean_time,centered_time\n1,1,1.0,0.5\n2,1,0.75,0.25\n3,1,0.0,-0.25\n",
        "json": (
            '[{"user": 1, "plays": 1, "mean_time": 1.0, "centered_time": 0.5},\n'
            ' {"user": 2, "plays": 1, "mean_time": 0.75, "centered_time": 0.25},\n'
            ' {"user": 3, "plays": 1, "mean_time": 0.0, "centered_time": -0.25}]\n'
        ),
        "jsonl": (
            '{"user": 1, "plays": 1, "mean_time": 1.0, "centered_time": 0.5}\n'
            '{"user": 2, "plays": 1, "mean_time": 0.75, "centered_time": 0.25}\n'
            '{"user": 3, "plays": 1, "mean_time": 0.0, "centered_time": -0.25}\n'
        ),
        "markdown": (
            "| user | plays | mean_time | centered_time |\n"
            "| ---: | ----: | --------: | ------------: |\n"
            "|    1 |     1 |       1.0 |           0.5 |\n"
            "|    2 |     1 |      0.75 |          0.25 |\n"
            "|    3 |     1 |       0.0 |         -0.25 |\n"
        ),
    }
    for form, text in expected.items():
        done = call_ubcf(
            "query", "track_audience", "-p", "track=10", "--format", form, "-d", tiny,
            cwd=tiny.parent,
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (0, text, "")


def test_query_reads_ubcf_duckdb_by_default(tiny: Path) -> None:
    done = call_ubcf("query", "top_tracks", "-p", "k=1", "--format", "csv", cwd=tiny.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1:] == ["1,10,Abba,SOS,3,3,1.75,4,1"]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["nonsense"], 1, "no analysis 'nonsense'; there are "),
        (["nonsense", "--show"], 1, "no analysis 'nonsense'; there are "),
        (["user_history"], 2, "user_history needs the variable 'user': "),
        (["coverage", "-p", "k=3"], 2, "coverage has no variable 'k'; there are: none"),
        (["top_tracks", "-p", "k=many"], 1, "many"),
        (["top_tracks", "-p", "k"], 2, "'k' is not name=value"),
        (["coverage", "-d", "nowhere.duckdb"], 1, "nowhere.duckdb: no such database"),
    ],
)
def test_query_says_in_one_line_what_is_wrong(
    tiny: Path, arguments: list[str], status: int, words: str
) -> None:
    done = call_ubcf("query", *arguments, cwd=tiny.parent)
    assert (done.returncode, done.stdout) == (status, "")
    assert words in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    if status == 1:
        assert done.stderr.startswith("ubcf: error: ")
        assert done.stderr.count("\n") == 1


def test_a_folder_of_templates_can_replace_an_analysis(tiny: Path) -> None:
    folder = tiny.parent / "mine"
    (folder / "analysis").mkdir(parents=True)
    (folder / "analysis" / "coverage.sql").write_text(
        "-- coverage: one row per build.\nselect version from build;\n"
    )
    done = call_ubcf("query", "coverage", "--templates", folder, "--format", "csv", cwd=tiny.parent)
    assert (done.returncode, done.stdout) == (0, f"version\n{ubcf.__version__}\n")
