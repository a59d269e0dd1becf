"""What options make of logs of any kind: fields, times, lines left out, ids, names of files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ubcf
from tests.support.builds import Built, build_in, rows_of
from tests.support.commands import Argument, Done, call_ubcf, run_ubcf
from tests.support.overlays import EVENTS_OF_TEXTS, overlay
from tests.support.paths import PROJECT
from ubcf.errors import InputError, OptionError, RejectedLinesError


def write(path: Path, *lines: Mapping[str, Any] | str) -> Path:
    """Writes a file of lines; a dictionary becomes a line of JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def write_parquet(path: Path, query: str) -> None:
    """Writes the rows of a query to a Parquet file."""
    duckdb.execute(f"copy ({query}) to '{path}' (format parquet)")


def build_lines(
    folder: Path, *lines: Mapping[str, Any] | str, name: str = "logs.json", **options: Any
) -> Built:
    """Builds from one file of lines, whatever share of them is rejected."""
    return build_in(folder, write(folder / name, *lines), **{"max_rejected": 1.0, **options})


def plays(built: Built) -> list[tuple[Any, ...]]:
    """User, track and time of each event."""
    return built.rows('select "user", track, time from events')


def rejected(built: Built) -> list[tuple[Any, ...]]:
    """Line number and reason of each rejected line."""
    return built.rows("select line_number, reason from rejected_lines")


def counts(built: Built) -> list[tuple[Any, ...]]:
    """Name, lines, accepted, rejected and left out lines of each file, which add up."""
    found = built.rows(
        "select parse_filename(file), lines, accepted, rejected, left_out from build_inputs"
    )
    assert all(
        lines == accepted + refused + left_out for _, lines, accepted, refused, left_out in found
    )
    return found


def play(user: Any, track: Any, time: Any = 0.5, **fields: Any) -> dict[str, Any]:
    return {"user": user, "track": track, "time": time, **fields}


# Fields


def test_each_of_the_eight_fields_is_read_where_its_option_says(tmp_path: Path) -> None:
    built = build_lines(
        tmp_path,
        {
            "kind": "last",
            "context": {"user": {"id": 7}, "when": "2024-03-01T12:30:00Z"},
            "song": 31,
            "heard": 0.25,
            "seconds": 0.004,
            "offered": 32,
            "tests": {"TASTE": "T1"},
        },
        fields={
            "message": "kind",
            "timestamp": "context.when",
            "user": "context.user.id",
            "track": "song",
            "time": "heard",
            "latency": "seconds",
            "recommendation": "offered",
            "experiments": "tests",
        },
    )
    assert built.rows("select * exclude (file) from events") == [
        ("last", datetime(2024, 3, 1, 12, 30), 7, 31, 0.25, 0.004, 32, {"TASTE": "T1"})
    ]


def test_a_name_with_spaces_dots_quotes_or_slashes_is_written_in_quotes(tmp_path: Path) -> None:
    line = {"listener id": 1, "a.b": {"song/no~1": 2}, 'the "time"': 0.5}
    fields = {"user": '"listener id"', "track": '"a.b"."song/no~1"', "time": '"the ""time"""'}
    assert plays(build_lines(tmp_path, line, fields=fields)) == [(1, 2, 0.5)]


def test_a_field_with_another_name_is_read_there_alone(tmp_path: Path) -> None:
    """And capital letters matter, as in JSON."""
    built = build_lines(
        tmp_path,
        {"user": 1, "User": 2, "track": 5, "time": 0.5},
        {"user": 1, "track": 5, "time": 0.5},
        fields={"user": "User"},
    )
    assert plays(built) == [(2, 5, 0.5)]
    assert rejected(built) == [(2, "user is missing")]


def test_a_field_that_an_option_names_may_not_be_there_twice(tmp_path: Path) -> None:
    built = build_lines(
        tmp_path,
        '{"who": 1, "track": 5, "time": 0.5}',
        '{"who": 1, "track": 5, "time": 0.5, "who": 2}',
        '{"who": 1, "track": 5, "time": 0.5, "user": 3, "user": 4}',
        fields={"user": "who"},
    )
    assert len(plays(built)) == 2
    assert rejected(built) == [(2, "who is given twice")]


# Times


def test_a_time_is_computed_from_several_fields(tmp_path: Path) -> None:
    built = build_lines(
        tmp_path,
        {"user": 1, "track": 1, "played": {"s": 30}, "length": 120},
        {"user": 1, "track": 2, "played": {"s": "90"}, "length": 60},
        fields={"time": "least(played.s / length, 1)"},
    )
    assert plays(built) == [(1, 1, 0.25), (1, 2, 1.0)]


def test_a_line_whose_time_cannot_be_computed_or_is_out_of_range_is_rejected(
    tmp_path: Path,
) -> None:
    built = build_lines(
        tmp_path,
        {"user": 1, "track": 1, "s": 30, "length": 120},
        {"user": 1, "track": 2, "s": 30, "length": 0},
        {"user": 1, "track": 3, "s": 30},
        {"user": 1, "track": 4, "s": "half", "length": 60},
        {"user": 1, "track": 5, "s": 180, "length": 120},
        fields={"time": "s / length"},
    )
    assert plays(built) == [(1, 1, 0.25)]
    assert rejected(built) == [
        (2, "s / length has no value"),
        (3, "s / length has no value"),
        (4, "s / length has no value"),
        (5, "time is outside 0 to 1"),
    ]


def test_without_any_time_a_play_counts_as_1(tmp_path: Path) -> None:
    """No play is above a user's mean then: only with an offset do plays make neighbors."""
    write(tmp_path / "logs.json", {"user": 1, "track": 2}, {"user": 3, "track": 2, "other": 0.5})
    done = call_ubcf("build", "logs.json", cwd=tmp_path)
    assert "times       none in the logs: each play counts as 1\n" in done.stdout
    assert "warning: the logs have no times" in done.stderr
    assert "--preset listening" in done.stderr
    assert rows_of(tmp_path / "ubcf.duckdb", 'select "user", track, time from events') == [
        (1, 2, 1.0),
        (3, 2, 1.0),
    ]
    done = call_ubcf("build", "logs.json", "--preset", "listening", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "times       none in the logs: each play counts as 1\n" in done.stdout


@pytest.mark.parametrize("before", [0, 2_500])
def test_where_some_lines_have_a_time_others_are_rejected(before: int, tmp_path: Path) -> None:
    """Also if the first time comes late."""
    lines: list[dict[str, Any]] = [{"user": 1, "track": 2}] * (before + 1)
    built = build_lines(tmp_path, *lines, {"user": 1, "track": 2, "time": 0.5})
    assert plays(built) == [(1, 2, 0.5)]
    assert rejected(built) == [(number + 1, "time is missing") for number in range(before + 1)]


def test_only_lines_that_are_not_left_out_tell_whether_there_are_times(tmp_path: Path) -> None:
    built = build_lines(
        tmp_path,
        {"page": "song", "user": 1, "track": 2},
        {"page": "ad", "user": 1, "time": 30},
        where="page = 'song'",
    )
    assert plays(built) == [(1, 2, 1.0)]


# Lines that are left out


def test_lines_for_which_the_condition_is_not_true_are_left_out_and_counted_by_file(
    tmp_path: Path,
) -> None:
    """Unknown is not true. What is left out is not rejected, whatever it has or lacks."""
    first = write(
        tmp_path / "a.json",
        play(1, 2, page="song"),
        {"page": "home"},
        play(1, 2, 7.5, page="home"),
        play(1, 2),
        play(1, None, page="song"),
    )
    second = write(tmp_path / "b.json", play(1, 3, page="song"))
    third = write(tmp_path / "c.json", {"page": "home"}, "", "no JSON", "[1]")
    built = build_in(tmp_path, [first, second, third], where="page = 'song'", max_rejected=1.0)
    assert plays(built) == [(1, 2, 0.5), (1, 3, 0.5)]
    assert counts(built) == [("a.json", 5, 1, 1, 3), ("b.json", 1, 1, 0, 0), ("c.json", 3, 0, 2, 1)]
    assert built.rows("select parse_filename(file), line_number, reason from rejected_lines") == [
        ("a.json", 5, "track is missing"),
        ("c.json", 3, "not JSON"),
        ("c.json", 4, "not an object"),
    ]


def test_a_condition_may_read_any_field_and_compute(tmp_path: Path) -> None:
    lines = [
        play(1, 1, device={"os": "iOS 17"}, ms=40_000),
        play(1, 2, device={"os": "iOS 16"}, ms=20_000),
        play(1, 3, device={"os": "Android"}, ms=40_000),
        play(1, 4, device=None, ms=40_000),
    ]
    where = "device.os like 'iOS%' and ms / 1000 >= 30"
    assert plays(build_lines(tmp_path, *lines, where=where)) == [(1, 1, 0.5)]
    assert plays(build_lines(tmp_path, *lines, where="device.os is null")) == [(1, 4, 0.5)]


def test_repeats_are_dropped_among_the_lines_that_the_condition_keeps(tmp_path: Path) -> None:
    kept, other = play(1, 2, page="song"), play(1, 2, page="home")
    built = build_lines(
        tmp_path, other, kept, other, kept, kept, where="page = 'song'", repeats="drop"
    )
    assert counts(built) == [("logs.json", 5, 1, 0, 4)]
    assert plays(built) == [(1, 2, 0.5)]


MOMENTS = ("2024-01-01T00:00:00Z", "2024-01-30T23:59:59Z", "2024-01-31T00:00:00Z", "2024-03-01")


@pytest.mark.parametrize(
    ("since", "first_kept"),
    [
        # 30 days before March 1, 2024, in a leap year: January 31
        ("30d", 2),
        ("1d", 3),
        ("9999d", 0),
        ("2024-01-31", 2),
        ("2024-01-30 23:59", 1),
        ("2024-01-31T01:00:01+01:00", 3),
    ],
)
def test_events_before_a_date_or_the_last_days_are_left_out(
    since: str, first_kept: int, tmp_path: Path
) -> None:
    """An event of that very moment is kept, and so are those without a timestamp."""
    lines = [play(1, number, timestamp=moment) for number, moment in enumerate(MOMENTS)]
    built = build_lines(tmp_path, *lines, play(1, 9), since=since)
    assert [track for _, track, _ in plays(built)] == [*range(first_kept, 4), 9]
    assert counts(built) == [("logs.json", 5, 5 - first_kept, 0, first_kept)]


def test_days_are_those_before_the_last_event_of_all_files_that_is_not_left_out(
    tmp_path: Path,
) -> None:
    old = write(tmp_path / "a.json", *(play(1, 1, timestamp=moment) for moment in MOMENTS[:3]))
    new = write(
        tmp_path / "b.json",
        play(1, 2, timestamp="2024-02-01T12:00:00Z", page="song"),
        play(1, 2, timestamp="2025-01-01T12:00:00Z", page="home"),
    )
    built = build_in(
        tmp_path, [old, new], since="1d", where="coalesce(page, 'song') = 'song'", max_rejected=1.0
    )
    assert counts(built) == [("a.json", 3, 0, 0, 3), ("b.json", 2, 1, 0, 1)]
    built = build_in(tmp_path, [old, new], since="2d", where="coalesce(page, 'song') = 'song'")
    assert counts(built) == [("a.json", 3, 2, 0, 1), ("b.json", 2, 1, 0, 1)]


@pytest.mark.parametrize(
    "options", [{"where": "page = 'song'"}, {"since": "2025-01-01"}], ids=["where", "since"]
)
def test_if_all_lines_are_left_out_the_error_says_so(
    options: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        build_lines(tmp_path, play(1, 2, timestamp=MOMENTS[0], page="home"), **options)
    assert str(caught.value) == "no event in 1 lines of the logs: left out on request (1 lines)"


# Ids


def test_ids_of_json_are_what_most_lines_have_and_others_are_rejected(tmp_path: Path) -> None:
    """Users and tracks apart."""
    built = build_lines(
        tmp_path, play("ann", 1), play("bob", 2), play(7, 3), play("bob", "x"), play("", 2)
    )
    assert plays(built) == [("ann", 1, 0.5), ("bob", 2, 0.5)]
    assert rejected(built) == [
        (3, "user is not a text"),
        (4, "track is not a whole number"),
        (5, "user is empty"),
    ]
    assert built.summary.options["reading"]["ids"] == {"user": "text", "track": "integer"}


def test_the_kind_of_ids_is_that_of_most_lines_also_if_they_come_late(tmp_path: Path) -> None:
    early = [play(1, 2)] * 2_100
    late = [play("ann", 2)] * 2_200
    built = build_lines(tmp_path, *early, *late)
    assert built.rows('select distinct "user" from events') == [("ann",)]
    assert built.rows("select reason, count(*) from rejected_lines group by reason") == [
        ("user is not a text", 2_100)
    ]


@pytest.mark.parametrize("odd", ["007", "+5", "1.0", "5 ", "9223372036854775808", "1e3", "ann"])
def test_ids_of_csv_are_whole_numbers_only_if_all_are_written_as_such(
    odd: str, tmp_path: Path
) -> None:
    """Else all are texts, as they are written, and none is rejected for it."""
    lines = ["user,track,time", "1,10,0.5", "2,11,0.5", f"{odd},10,0.5", f"1,{odd},0.5"]
    assert plays(build_lines(tmp_path, *lines, name="a.csv")) == [
        ("1", "10", 0.5),
        ("2", "11", 0.5),
        (odd, "10", 0.5),
        ("1", odd, 0.5),
    ]


def test_ids_of_csv_are_decided_for_users_and_tracks_apart(tmp_path: Path) -> None:
    lines = ["user,track,time", "1,10,0.5", "2,11,0.5"]
    assert plays(build_lines(tmp_path, *lines, name="a.csv")) == [(1, 10, 0.5), (2, 11, 0.5)]
    built = build_lines(tmp_path, *lines, "ann,10,0.5", name="b.csv")
    assert plays(built) == [("1", 10, 0.5), ("2", 11, 0.5), ("ann", 10, 0.5)]
    built = build_lines(tmp_path, *lines, "1,x,0.5", name="c.csv")
    assert plays(built) == [(1, "10", 0.5), (2, "11", 0.5), (1, "x", 0.5)]


def test_ids_of_csv_are_decided_over_all_files_and_lines_together(tmp_path: Path) -> None:
    files = [
        write(tmp_path / f"{number}.csv", "user,track,time", "1,10,0.5") for number in range(2)
    ]
    many = ["1,10,0.5"] * 2_500
    files.append(write(tmp_path / "2.csv", "user,track,time", *many, "x1,10,0.5"))
    built = build_in(tmp_path, files)
    assert built.rows('select "user", count(*) from events group by all order by all') == [
        ("1", 2_502),
        ("x1", 1),
    ]


def test_ids_of_lines_that_are_left_out_do_not_decide(tmp_path: Path) -> None:
    lines = ["user,track,time,page", "1,10,0.5,song", "none,,,home", ",-,,home"]
    built = build_lines(tmp_path, *lines, name="logs.csv", where="page = 'song'")
    assert plays(built) == [(1, 10, 0.5)]
    assert counts(built) == [("logs.csv", 3, 1, 0, 2)]


def test_ids_may_be_given_as_whole_numbers_or_as_texts(tmp_path: Path) -> None:
    csv = ["user,track,time", "1,10,0.5", "007,10,0.5"]
    built = build_lines(tmp_path, *csv, name="logs.csv", ids="integer")
    assert plays(built) == [(1, 10, 0.5)]
    assert rejected(built) == [(3, "user is not a whole number")]
    built = build_lines(tmp_path, *csv[:2], name="logs.csv", ids="text")
    assert plays(built) == [("1", "10", 0.5)]
    mixed = [play(1, "10"), play("ann", 10), play("1", 10), play(True, 10)]
    built = build_lines(tmp_path, *mixed, ids="text")
    assert plays(built) == [("1", "10", 0.5), ("ann", "10", 0.5), ("1", "10", 0.5)]
    assert rejected(built) == [(4, "user is not a text")]
    built = build_lines(tmp_path, *mixed, play(1, 10), ids="integer")
    assert plays(built) == [(1, 10, 0.5)]


# Names and formats of files


def test_a_pattern_names_the_logs_of_a_folder_at_any_depth(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "a" / "b" / "day-1.jsonl", play(1, 1))
    write(tmp_path / "logs" / "day-2.jsonl", play(1, 2))
    write(tmp_path / "logs" / "data.json", play(1, 3))
    write(tmp_path / "logs" / "day-3.txt", "no log")
    built = build_in(tmp_path, tmp_path / "logs", pattern="day-*.jsonl")
    assert [track for _, track, _ in plays(built)] == [1, 2]
    with pytest.raises(InputError, match=r"no log file in this folder; .* for \*\.csv"):
        build_in(tmp_path, tmp_path / "logs", pattern="*.csv")


def test_columns_name_those_of_a_file_without_a_header(tmp_path: Path) -> None:
    rows = ["1,x,10,0.5", "2,x,11,0.25"]
    built = build_lines(tmp_path, *rows, name="l.csv", columns=("user", "skip", "track", "time"))
    assert plays(built) == [(1, 10, 0.5), (2, 11, 0.25)]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("json", '{"user": 1, "track": 2, "time": 0.5}\n'),
        ("array", '[{"user": 1,\n"track": 2, "time": 0.5}]'),
        ("csv", "user;track;time\n1;2;0.5\n"),
        ("tsv", "user\ttrack\ttime\n1\t2\t0.5\n"),
    ],
)
def test_the_format_may_be_given_where_the_name_does_not_say_it(
    form: Any, text: str, tmp_path: Path
) -> None:
    files = [tmp_path / name for name in ("events.log", "events.csv", "events")]
    for file in files:
        file.write_text(text, encoding="utf-8")
    assert plays(build_in(tmp_path, files, input_format=form)) == [(1, 2, 0.5)] * 3


def test_parquet_may_be_given_as_the_format(tmp_path: Path) -> None:
    path = tmp_path / "part-00000"
    write_parquet(path, "select 1 as user, 'x' as track, 0.5 as time")
    assert plays(build_in(tmp_path, path, input_format="parquet")) == [(1, "x", 0.5)]


def test_columns_are_a_list(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="columns is 'user,track'; it must be a list of names"):
        build_lines(tmp_path, "1,2", name="logs.csv", columns="user,track")


def test_one_build_reads_files_of_several_formats(tmp_path: Path) -> None:
    """The kinds of ids are decided over all of them: x of the TSV makes a text of each track."""
    write_parquet(tmp_path / "a.parquet", "select 1 as user, '7' as track, 0.5 as time")
    write(tmp_path / "b.json", '[{"user": 2, "track": "8", "time": 0.5}]')
    write(tmp_path / "c.csv", "time,track,user", "0.5,9,3")
    write(tmp_path / "d.tsv", "user\ttrack\ttime", "4\tx\t0.5")
    write(tmp_path / "e.json", play(5, "10"), play("6", "10"), play(7, 10))
    built = build_in(tmp_path, sorted(tmp_path.glob("*.*")), max_rejected=0.5)
    assert plays(built) == [
        (user, track, 0.5) for user, track in enumerate(["7", "8", "9", "x", "10"], start=1)
    ]
    assert rejected(built) == [(2, "user is not a whole number"), (3, "track is not a text")]
    assert built.rows("select format from build_inputs") == [
        ("Parquet",),
        ("JSON array",),
        ('CSV with , and ", header',),
        ('TSV with tab and ", header',),
        ("JSON lines",),
    ]


# Six kinds of logs, whose commands sql/README.md shows

KINDS = PROJECT / "tests" / "data"


def test_hours_of_play_become_times(tmp_path: Path) -> None:
    """ln(59) is 4.0775374439, ln(9.7) 2.2721258855; ln(274) is above 5."""
    built = build_in(
        tmp_path,
        KINDS / "steam.csv",
        columns=("user", "game", "behavior", "hours", "zero"),
        fields={"track": "game", "time": "least(ln(1 + hours) / 5, 1)"},
        where="behavior = 'play'",
    )
    times = {(user, track): round(time, 10) for user, track, time in plays(built)}
    assert len(times) == 6
    assert times[151603712, "The Older Scrolls V"] == 1.0
    assert times[59945701, "The Older Scrolls V"] == 0.8155074888
    assert times[59945701, "Half-Lives 2"] == 0.4544251771
    assert (151603712, "Hammer 40,000 Dawn of Peace") in times


def test_exports_of_several_people_are_one_log(tmp_path: Path) -> None:
    """Four minutes are a full play: 198 s are 0.825, 30 s 0.125; podcasts are left out."""
    built = build_in(
        tmp_path,
        KINDS / "spotify",
        pattern="endsong_*.json",
        fields={
            "user": "username",
            "track": "spotify_track_uri",
            "timestamp": "ts",
            "time": "least(ms_played / 240000, 1)",
        },
        where="spotify_track_uri is not null",
    )
    slow, paper = "spotify:track:0aBcD1eFgH2iJkL3mNoP4q", "spotify:track:5rStU6vWxY7zAbC8dEfG9h"
    assert plays(built)[:2] == [("anna", slow, 1.0), ("anna", paper, 0.825)]
    assert plays(built)[-1] == ("cleo", slow, 0.125)
    assert counts(built) == [
        ("endsong_0.json", 4, 3, 0, 1),
        ("endsong_0.json", 3, 3, 0, 0),
        ("endsong_0.json", 3, 2, 0, 1),
    ]
    assert built.rows("select timestamp from events limit 1") == [
        (datetime(2022, 1, 5, 18, 22, 31),)
    ]


def test_half_stars_become_times(tmp_path: Path) -> None:
    """From 0.5 to 5, 4 stars are 3.5 / 4.5."""
    built = build_in(
        tmp_path,
        KINDS / "ratings.csv",
        fields={"user": "userId", "track": "movieId", "time": "rating"},
        scale="0.5:5",
    )
    assert plays(built)[:3] == [(1, 1, 3.5 / 4.5), (1, 3, 3.5 / 4.5), (1, 6, 0.0)]
    assert plays(built)[5] == (3, 3, 1.0)
    assert built.rows("select timestamp from events limit 1") == [
        (datetime(2000, 7, 30, 18, 45, 3),)
    ]


# The catalog


def test_fields_of_the_catalog_are_read_where_options_say(tmp_path: Path) -> None:
    write(
        tmp_path / "songs.json",
        {"id": 2, "by": {"name": "Lake Ruin"}, "name": "Salt", "kind": "pop", "rank": 7, "bpm": 90},
    )
    built = build_lines(
        tmp_path,
        play(1, 2),
        catalog=tmp_path / "songs.json",
        catalog_fields={
            "track": "id",
            "artist": "by.name",
            "title": "name",
            "genre": "kind",
            "pop": "rank",
        },
    )
    assert built.rows("select track, artist, title, genre, pop, bpm, in_catalog from tracks") == [
        (2, "Lake Ruin", "Salt", "pop", 7.0, 90, True)
    ]


@pytest.mark.parametrize(
    ("form", "track"),
    [("csv", 2), ("csv", "x2"), ("tsv", 2), ("parquet", "x2"), ("array", 2), ("json", "x2")],
)
def test_a_catalog_may_have_any_format(form: str, track: int | str, tmp_path: Path) -> None:
    path = tmp_path / f"songs.{'json' if form == 'array' else form}"
    if form == "parquet":
        write_parquet(path, f"select {track!r} as track, 'Salt' as title, 7 as pop")
    elif form in ("csv", "tsv"):
        delimiter = {"csv": ",", "tsv": "\t"}[form]
        rows = [("track", "title", "pop"), (str(track), "Salt", "7")]
        path.write_text("".join(f"{delimiter.join(row)}\n" for row in rows), encoding="utf-8")
    else:
        entry = {"track": track, "title": "Salt", "pop": 7}
        path.write_text(json.dumps([entry] if form == "array" else entry), encoding="utf-8")
    built = build_lines(tmp_path, play(1, track), catalog=path)
    assert built.rows("select track, title, pop, in_catalog from tracks") == [
        (track, "Salt", 7.0, True)
    ]


# Errors


def build_command(folder: Path, *arguments: Argument) -> Done:
    return call_ubcf("build", *arguments, cwd=folder)


def test_where_no_line_has_the_fields_the_error_names_those_there_are(tmp_path: Path) -> None:
    write(tmp_path / "logs.csv", "listener,song,ms_played", "ann,Salt,1000")
    done = build_command(tmp_path, "logs.csv")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "ubcf: error: no line of logs.csv has the fields user, track: its fields are listener, "
        "song, ms_played; say which is which, such as --field user=listener --field track=song\n"
    )
    done = build_command(tmp_path, "logs.csv", "--field", "user=listener")
    assert "no line of logs.csv has the field track: its fields are " in done.stderr
    write(tmp_path / "more.csv", "listener,song,ms_played", "bob,Salt,1000")
    done = build_command(tmp_path, "logs.csv", "more.csv")
    assert "no line of the logs has the fields user, track: the fields are " in done.stderr


@pytest.mark.parametrize(
    "options",
    [
        {"fields": {"user": "who"}},
        {"where": "time > 0"},
        {"ids": "text"},
        {"scale": "1:5"},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["events", "log_lines"])
def test_what_an_overlay_decides_no_option_decides_too(
    name: str, options: dict[str, Any], tmp_path: Path
) -> None:
    templates = overlay(tmp_path / "sql", f"staging/{name}.sql", EVENTS_OF_TEXTS)
    with pytest.raises(OptionError, match=rf"staging/{name}\.sql decides what an event is"):
        build_lines(tmp_path, "a|b|0.5", templates=templates, **options)


WRONG = [
    ["--input-format", "xml"],
    ["--field", "user"],
    ["--field", "=id"],
    ["--field", "user="],
    ["--field", "listener=id"],
    ["--field", "user=a", "--field", "user=b"],
    ["--field", "user=1 + 1"],
    ["--field", "track=lower(name)"],
    ["--field", "time=read_text('/etc/passwd')"],
    ["--field", "time='text'"],
    ["--field", "time=(select 1)"],
    ["--where", "page ="],
    ["--where", "ms + 1"],
    ["--where", ""],
    ["--since", "yesterday"],
    ["--since", "0d"],
    ["--since", "2024-02-30"],
    ["--since", "2024-01-01x"],
    ["--since", "2024-01-01T25:00"],
    ["--since", "0001-01-01T00:00+10:00"],
    ["--since", ""],
    ["--ids", "number"],
    ["--scale", "5"],
    ["--scale", "5:1"],
    ["--scale", "1:1"],
    ["--scale", f"0:{'9' * 400}"],
    ["--scale", f"-{'9' * 400}:0"],
    ["--repeats", "twice"],
    ["--columns", "user,track,user", "--input-format", "csv"],
    ["--columns", ",", "--input-format", "csv"],
    ["--columns", "", "--input-format", "csv"],
    ["--pattern", ""],
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: " ".join(wrong)[:40])
@pytest.mark.parametrize("command", ["build", "evaluate"])
def test_a_wrong_option_is_one_line_and_exit_code_2(
    command: str, wrong: list[str], tmp_path: Path
) -> None:
    write(tmp_path / "data.json", play(1, 2))
    done = call_ubcf(command, "data.json", *wrong, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert [line for line in done.stderr.splitlines() if "rror: " in line] == [
        done.stderr.splitlines()[-1]
    ]
    assert not (tmp_path / "ubcf.duckdb").exists()


@pytest.mark.parametrize(
    "wrong", [["--catalog-field", "name=title"], ["--catalog-field", "track=id + 1"]], ids=" ".join
)
def test_a_wrong_field_of_the_catalog_is_an_error_of_one_line_and_exit_code_2(
    wrong: list[str], tmp_path: Path
) -> None:
    write(tmp_path / "data.json", play(1, 2))
    done = build_command(tmp_path, "data.json", *wrong)
    assert (done.returncode, done.stdout) == (2, "")
    (error,) = [line for line in done.stderr.splitlines() if "rror: " in line]
    assert error == done.stderr.splitlines()[-1]
    assert "catalog_field" in error or "catalog-field" in error


# The commands


def test_the_command_takes_all_options_and_the_database_records_them(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "day.txt", "ann;Salt;5;2024-01-02", "ann;Home;;", "bob;Salt;1;")
    done = run_ubcf(
        *("build", "logs", "--pattern", "*.txt", "--input-format", "csv"),
        *("--columns", "who, song, stars, day", "--field", "user=who", "--field", "track=song"),
        *("--field", "time=stars", "--field", "timestamp=day", "--scale", "1:5"),
        *("--where", "song <> 'Home'", "--since", "30d", "--ids", "text", "--repeats", "drop"),
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert rows_of(tmp_path / "ubcf.duckdb", 'select "user", track, time from events') == [
        ("ann", "Salt", 1.0),
        ("bob", "Salt", 0.0),
    ]
    ((options,),) = rows_of(tmp_path / "ubcf.duckdb", "select options from build")
    recorded = json.loads(options)
    assert {name: recorded[name] for name in ("fields", "columns", "where", "scale", "since")} == {
        "fields": {"user": "who", "track": "song", "time": "stars", "timestamp": "day"},
        "columns": ["who", "song", "stars", "day"],
        "where": "song <> 'Home'",
        "scale": "1:5",
        "since": "30d",
    }


def test_an_evaluation_reads_the_same_events(tmp_path: Path) -> None:
    """Three users, eight days each: of 24 plays, the three of the first day are too early."""
    rows = [
        f"u{user},s{(user + day) % 4},{100 + user * day},2024-01-{day + 1:02}T0{user}:00"
        for day in range(8)
        for user in range(3)
    ]
    write(tmp_path / "logs.csv", "who,song,s,at", *rows, "u1,ad,5,2024-01-09T00:00")
    options: dict[str, Any] = {
        "fields": {"user": "who", "track": "song", "time": "s / 500", "timestamp": "at"},
        "where": "song <> 'ad'",
        "since": "2024-01-02",
    }
    built = build_in(tmp_path, tmp_path / "logs.csv", **options)
    assert counts(built) == [("logs.csv", 25, 21, 0, 4)]
    ubcf.evaluate(tmp_path / "logs.csv", database=tmp_path / "evaluation.duckdb", **options)
    split = rows_of(tmp_path / "evaluation.duckdb", 'select "user", track, time from split_events')
    assert sorted(split) == sorted(plays(built))


def test_too_many_rejected_lines_end_a_build_also_in_another_format(tmp_path: Path) -> None:
    write(tmp_path / "logs.csv", "user,track,time", "1,2,0.5", "1,2,7")
    with pytest.raises(RejectedLinesError, match="line 3: time is outside 0 to 1"):
        build_in(tmp_path, tmp_path / "logs.csv")


def test_lines_that_are_left_out_do_not_hide_how_many_are_rejected(tmp_path: Path) -> None:
    # One of 2 wanted lines is bad; of all 200 lines it would be one in 200.
    lines = ['{"user": 1, "track": 2, "page": "play"}', '{"user": 1, "page": "play"}']
    lines += ['{"user": 1, "page": "home"}'] * 198
    logs = tmp_path / "data.json"
    logs.write_text("\n".join(lines) + "\n")
    with pytest.raises(RejectedLinesError, match="1 of 2 lines were rejected"):
        build_in(tmp_path, logs, where="page = 'play'")


def test_old_events_that_are_left_out_count_in_the_share_of_rejected_lines(tmp_path: Path) -> None:
    """Rejected lines of all times are counted, so lines of all times are."""
    old = [play(1, number, timestamp=MOMENTS[0]) for number in range(19)]
    new = play(1, 20, timestamp="2024-06-01T00:00:00Z")
    built = build_in(
        tmp_path, write(tmp_path / "a.json", *old, "bad", new), since="1d", max_rejected=0.05
    )
    assert counts(built) == [("a.json", 21, 1, 1, 19)]


def test_since_needs_a_timestamp(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no event has a timestamp.*--field timestamp=FIELD"):
        build_lines(tmp_path, play(1, 2), play(1, 3), since="1d")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--field", "timestamp=wen"], "the field wen"),
        (["--where", "coalesce(devic, '') <> 'x'"], "the field devic"),
        (["--field", "message=kin", "--field", "latency=a.b"], "the fields kin, a.b"),
    ],
)
def test_a_field_that_no_line_has_is_named_with_those_that_there_are(
    options: list[str], named: str, tmp_path: Path
) -> None:
    write(tmp_path / "a.json", play(1, 2, when=5, device="web", a={"c": 1}, kind="x"))
    done = call_ubcf("build", "a.json", *options, cwd=tmp_path)
    words = f"no line has {named}; the fields are user, track, time, when, device, a, kind"
    assert f"ubcf: warning: {words}\n" in done.stderr


def test_without_an_event_the_field_that_no_line_has_is_the_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^no event: no line has the field pag; the fields are"):
        build_lines(tmp_path, play(1, 2, page="song"), where="pag = 'song'")


def test_whole_numbers_of_doubles_in_parquet_are_whole_numbers(tmp_path: Path) -> None:
    """A column of whole numbers with a null is often stored so."""
    write_parquet(
        tmp_path / "a.parquet",
        'select unnest([1.0, 2.0, null, 2.5]::double[]) as "user", 7::float as track, 0.5 as time',
    )
    built = build_in(tmp_path, tmp_path / "a.parquet", max_rejected=1.0)
    assert plays(built) == [(1, 7, 0.5), (2, 7, 0.5)]
    assert rejected(built) == [(3, "user is missing"), (4, "user is not a whole number")]


def test_ids_of_two_kinds_are_rejected_with_the_option_that_takes_both(tmp_path: Path) -> None:
    lines = [play(5, 1), play(6, 1), play("7", 1)]
    with pytest.raises(RejectedLinesError, match=r"; --ids text takes numbers and texts$"):
        build_lines(tmp_path, *lines, max_rejected=0.1)
    assert len(plays(build_lines(tmp_path, *lines, ids="text"))) == 3


def test_a_name_with_spaces_needs_quotes_and_the_error_says_so(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="a name with spaces or signs needs double quotes"):
        build_lines(tmp_path, play(1, 2), fields={"user": "Listener ID"})


def test_find_track_looks_into_ids_that_are_texts(tmp_path: Path) -> None:
    tracks = ["Love again", "zzz", "A long name with loVe in it", "lov"]
    built = build_lines(tmp_path, *(play(1, track) for track in tracks))
    arguments = ("find_track", "-d", built.database, "-p", "text=love", "--format", "csv")
    found = call_ubcf("query", *arguments, cwd=tmp_path).stdout.splitlines()
    assert {line.split(",")[0] for line in found[1:3]} == {
        "Love again",
        "A long name with loVe in it",
    }


def test_a_pattern_that_matches_the_catalog_leaves_it_the_catalog(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "a.json", play(1, 2))
    write(tmp_path / "logs" / "tracks.json", {"track": 2, "artist": "A", "title": "B"})
    built = build_in(tmp_path, tmp_path / "logs", pattern="*.json")
    assert counts(built) == [("a.json", 1, 1, 0, 0)]
    assert built.rows("select artist from tracks") == [("A",)]
