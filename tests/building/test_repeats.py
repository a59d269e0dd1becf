"""Lines that repeat an earlier one: kept, and told if chance does not explain them; or left out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.builds import Built, build_folder, build_in
from tests.support.commands import Argument, Done, call_ubcf
from tests.support.logs import log_line, write_log
from tests.support.overlays import EVENTS_OF_TEXTS, overlay
from tests.support.paths import SAMPLE
from ubcf.database.reading import connect_locked
from ubcf.errors import OptionError, RejectedLinesError

MORNING = 1_700_000_000_000


def play(user: int, track: int, time: float, moment: Any, **fields: Any) -> str:
    return log_line(user, track, time, timestamp=moment, **fields)


def plays(count: int, first: int = 0) -> list[str]:
    """Different lines, a second apart, of ten users."""
    return [
        play(number % 10, number % 7, 0.5, MORNING + 1000 * number)
        for number in range(first, first + count)
    ]


def inputs(built: Built) -> dict[str, tuple[int, int, int, int]]:
    """Lines, accepted, rejected and left out by the place of the file."""
    return {
        str(Path(file).parent.name): tuple(counts)
        for file, *counts in built.rows(
            "select file, lines, accepted, rejected, left_out from build_inputs"
        )
    }


def write_logs(folder: Path, **lines: list[str]) -> Path:
    """Writes the log NAME/data.json for each name."""
    for name, texts in lines.items():
        write_log(folder / "logs" / name / "data.json", texts)
    return folder


def contents(built: Built) -> dict[str, Any]:
    """What a build makes of its events, and the JSON."""
    tables = ("tracks", "users", "interactions", "neighbors", "recommendations")
    found: dict[str, Any] = {table: built.rows(f"from {table}") for table in tables}
    found["events"] = built.rows("select * exclude (file) from events")
    found["JSON"] = built.output.read_bytes()
    return found


def build_command(folder: Path, *arguments: Argument) -> Done:
    return call_ubcf("build", "logs", *arguments, cwd=folder)


# Left out


def test_a_second_copy_of_the_logs_changes_nothing_if_repeats_are_dropped(tmp_path: Path) -> None:
    shutil.copytree(SAMPLE, tmp_path / "logs" / "monday")
    once = build_in(tmp_path, tmp_path / "logs")
    expected = contents(once)
    shutil.copytree(SAMPLE, tmp_path / "logs" / "tuesday")
    twice = build_in(tmp_path, tmp_path / "logs", repeats="drop")
    assert contents(twice) == expected
    summary = twice.summary
    assert (summary.lines, summary.accepted, summary.rejected) == (16_400, 8_200, 0)
    assert summary.left_out == summary.duplicate_lines == 8_200
    assert twice.rows(
        "select contains(file, 'tuesday'), sum(lines), sum(accepted), sum(left_out)"
        " from build_inputs group by 1 order by 1"
    ) == [(False, 8_200, 8_200, 0), (True, 8_200, 0, 8_200)]
    assert twice.rows("select left_out, suspicious_repeats from build") == [(8_200, False)]


@pytest.mark.parametrize("threads", [1, 2])
def test_of_equal_lines_the_first_one_stays_in_order_of_files_and_lines(
    tmp_path: Path, threads: int
) -> None:
    one, two, three = plays(3)
    write_logs(tmp_path, a=[two, one, two], b=[one, three, three, two], c=[three])
    built = build_folder(tmp_path, repeats="drop", threads=threads)
    assert inputs(built) == {"a": (3, 2, 0, 1), "b": (4, 1, 0, 3), "c": (1, 0, 0, 1)}
    assert [
        (Path(file).parent.name, track)
        for file, track in built.rows("select file, track from events")
    ] == [("a", 1), ("a", 0), ("b", 2)]


def test_only_lines_of_the_same_bytes_are_left_out(tmp_path: Path) -> None:
    line = play(1, 2, 0.5, MORNING)
    same_values = [line + " ", line.replace(": ", ":"), line.replace("0.5", "0.50")]
    write_logs(tmp_path, a=[line, *same_values, line])
    built = build_folder(tmp_path, repeats="drop")
    assert inputs(built) == {"a": (5, 4, 0, 1)}
    assert built.rows("select plays from interactions") == [(4,)]


def test_repeated_lines_that_are_no_events_are_left_out_not_rejected(tmp_path: Path) -> None:
    good, other = plays(2)
    negative = good.replace('"track": 0', '"track": -1')
    write_logs(
        tmp_path,
        a=[good, "", "nonsense", good, negative, "  "],
        b=["nonsense", negative, "nonsense", other, "nonsense at last"],
    )
    built = build_folder(tmp_path, repeats="drop", max_rejected=1.0)
    assert inputs(built) == {"a": (4, 1, 2, 1), "b": (5, 1, 1, 3)}
    assert built.summary.left_out == built.summary.duplicate_lines
    assert [
        (Path(file).parent.name, number, line)
        for file, number, line in built.rows("select file, line_number, line from rejected_lines")
    ] == [("a", 3, "nonsense"), ("a", 5, negative), ("b", 5, "nonsense at last")]


def test_lines_that_are_no_text_or_too_long_are_rejected_however_often(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "a" / "data.json"
    log.parent.mkdir(parents=True)
    good = plays(1)[0].encode()
    long = good.replace(b'"next"', b'"' + b"x" * 2_000_001 + b'"')
    log.write_bytes(b"\n".join([good, b"\xff", b"\xff", long, long, good]) + b"\n")
    built = build_folder(tmp_path, repeats="drop", max_rejected=1.0)
    assert inputs(built) == {"a": (6, 1, 4, 1)}


def test_lines_before_a_rejected_one_are_compared_all_the_same(tmp_path: Path) -> None:
    lines = plays(400)
    write_logs(tmp_path, a=[*lines[:200], "nonsense", *lines[200:]], b=lines[::-1])
    built = build_folder(tmp_path, repeats="drop")
    assert inputs(built) == {"a": (401, 400, 1, 0), "b": (400, 0, 0, 400)}
    assert built.rows("select count(*), count(distinct timestamp) from events") == [(400, 400)]


def test_the_share_of_rejected_lines_is_of_all_lines(tmp_path: Path) -> None:
    one = plays(1)[0]
    write_logs(tmp_path, a=[one, one, one, "nonsense"])
    assert build_folder(tmp_path, repeats="drop", max_rejected=0.25).summary.rejected == 1
    with pytest.raises(RejectedLinesError, match="1 of 4 lines"):
        build_folder(tmp_path, repeats="drop", max_rejected=0.24)


def test_the_summary_counts_what_was_left_out(tmp_path: Path) -> None:
    one, two = plays(2)
    write_logs(tmp_path, a=[one, two], b=[two])
    done = build_command(tmp_path, "--repeats", "drop")
    assert "accepted    2 lines\nrejected    0 lines\nleft out    1 lines\n" in done.stdout
    assert "duplicates  1 lines repeat another (left out)\n" in done.stdout
    assert done.stderr == ""
    summary = json.loads(build_command(tmp_path, "--repeats", "drop", "--format", "json").stdout)
    assert summary["options"]["repeats"] == "drop"
    assert [file["left_out"] for file in summary["inputs"]] == [0, 1]


def test_a_log_without_repeats_is_the_same_either_way(tmp_path: Path) -> None:
    write_logs(tmp_path, a=plays(30), b=plays(30, first=30))
    kept = contents(build_folder(tmp_path))
    built = build_folder(tmp_path, repeats="drop")
    assert contents(built) == kept
    assert built.summary.left_out == 0
    assert "left out    0 lines\n" in build_command(tmp_path, "--repeats", "drop").stdout


def test_an_overlay_that_decides_what_a_line_is_leaves_out_repeats_itself(tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "data.json", ["ann|a|0.5", "ann|b|0.5"])
    templates = overlay(tmp_path / "sql", "staging/events.sql", EVENTS_OF_TEXTS)
    assert build_folder(tmp_path, templates=templates).summary.left_out == 0
    with pytest.raises(OptionError, match=r"staging/events\.sql decides what a line is"):
        build_folder(tmp_path, templates=templates, repeats="drop")


def test_another_word_than_keep_or_drop_is_refused(tmp_path: Path) -> None:
    write_logs(tmp_path, a=plays(1))
    with pytest.raises(OptionError, match="repeats is 'twice'; it must be one of keep, drop"):
        build_folder(tmp_path, repeats="twice")


# Kept, and told


def copied_files(built: Built) -> dict[str, str]:
    """Each file that is in another one, and that one, by their folders."""
    return {
        Path(file).parent.name: Path(copy_of).parent.name
        for file, copy_of in built.rows("select file, copy_of from build_inputs")
        if copy_of is not None
    }


def test_a_second_copy_of_the_logs_is_a_warning_that_names_the_files(tmp_path: Path) -> None:
    lines = plays(300)
    write_logs(tmp_path, monday=lines[:200], tuesday=lines[100:], wednesday=lines[:200])
    done = build_command(tmp_path)
    # tuesday repeats 100 lines of monday, wednesday all
    assert done.stderr == (
        "ubcf: warning: 300 of 600 lines repeat another, more than chance explains (all lines of "
        "logs/wednesday/data.json are in logs/monday/data.json); each counts as a play of its own; "
        "--repeats drop leaves them out\n"
    )
    assert (
        "duplicates  warning: 300 lines repeat another (kept), more than chance explains; "
        "--repeats drop leaves them out\n" in done.stdout
    )
    assert build_command(tmp_path, "--quiet").stderr == ""
    assert build_command(tmp_path, "--repeats", "drop").stderr == ""


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        # a copy before or after the log went on
        ({"a": plays(40), "b": plays(60)}, {"a": "b"}),
        ({"a": plays(60), "b": plays(40)}, {"b": "a"}),
        ({"a": plays(60), "b": plays(40, first=20)}, {"b": "a"}),
        # several copies
        ({"a": plays(60), "b": plays(60), "c": plays(60)}, {"b": "a", "c": "a"}),
        # half of a log in another one
        ({"a": plays(60), "b": plays(60, first=30)}, {}),
        # within one file
        ({"a": plays(60) * 2}, {}),
    ],
)
def test_dated_lines_of_the_same_user_and_moment_are_not_equal_by_chance(
    tmp_path: Path, files: dict[str, list[str]], expected: dict[str, str]
) -> None:
    built = build_folder(write_logs(tmp_path, **files))
    assert built.summary.suspicious_repeats
    assert copied_files(built) == expected
    assert built.summary.accepted == built.summary.lines


def undated(count: int, tracks: int) -> list[str]:
    """Lines as a shop may have them: the same user hears one of a few tracks to the end again."""
    return [
        json.dumps({"user": number % 3, "track": number * number % tracks, "time": 1.0})
        for number in range(count)
    ]


@pytest.mark.parametrize(
    "lines",
    [
        undated(200, 5),
        # a few repeats among many lines
        [*plays(300), *plays(3)],
        # one date for all plays of a day: the same track several times a day is no wonder
        [
            play(number % 3, number * number % 5, 1.0, f"2024-02-{1 + number // 60:02}")
            for number in range(300)
        ],
    ],
    ids=["no timestamps", "under 1 %", "days"],
)
def test_repeats_that_chance_explains_are_no_warning(tmp_path: Path, lines: list[str]) -> None:
    half = len(lines) // 2
    write_logs(tmp_path, a=lines[:half], b=lines[half:])
    built = build_folder(tmp_path)
    assert built.summary.duplicate_lines
    assert not built.summary.suspicious_repeats
    assert copied_files(built) == {}
    assert build_command(tmp_path).stderr == ""


def test_a_copy_of_a_file_is_told_by_its_lines_where_they_have_no_timestamps(
    tmp_path: Path,
) -> None:
    lines = undated(200, 7)
    write_logs(tmp_path, a=lines, b=lines[::-1])
    built = build_folder(tmp_path)
    assert built.summary.suspicious_repeats
    assert copied_files(built) == {"b": "a"}
    # as many lines, but not the same ones as often
    write_logs(tmp_path, b=[*lines[:-1], lines[0]])
    assert not build_folder(tmp_path).summary.suspicious_repeats


def test_users_with_one_play_each_do_not_hide_a_second_copy(tmp_path: Path) -> None:
    lines = [play(number, 7, 0.5, MORNING + number) for number in range(50)]
    built = build_folder(write_logs(tmp_path, a=lines + lines[:25]))
    assert built.summary.suspicious_repeats


# Other commands


def two_arms() -> list[str]:
    return [
        play(
            user, number % 5, (user + 3 * number) % 10 / 10, MORNING + 60_000 * number + user,
            message="last" if number == 9 else "next",
            experiments={"MIX": "C" if user % 2 else "T1"},
        )
        for user in range(20)
        for number in range(10)
    ]  # fmt: skip


def test_an_experiment_on_repeated_lines_is_a_warning(tmp_path: Path) -> None:
    write_logs(tmp_path, a=two_arms(), b=two_arms())
    build_command(tmp_path, "--quiet")
    done = call_ubcf("experiment", "MIX", cwd=tmp_path)
    assert (
        "ubcf: warning: MIX: 200 of 400 lines repeat another, more than chance explains (all lines "
        "of logs/b/data.json are in logs/a/data.json): plays and sessions count more than once; "
        "build with --repeats drop\n" in done.stderr
    )
    build_command(tmp_path, "--quiet", "--repeats", "drop")
    assert "repeat another" not in call_ubcf("experiment", cwd=tmp_path).stderr


def test_an_evaluation_can_leave_out_repeats_and_warns_of_them(tmp_path: Path) -> None:
    write_logs(tmp_path, a=two_arms(), b=two_arms())
    done = call_ubcf("evaluate", "logs", "--at", 3, cwd=tmp_path)
    assert "ubcf: warning: 200 of 400 lines repeat another, more than chance" in done.stderr
    dropped = call_ubcf(
        "evaluate", "logs", "--at", 3, "--repeats", "drop", "-d", "drop.duckdb", cwd=tmp_path
    )
    assert dropped.stderr == ""
    with connect_locked(tmp_path / "drop.duckdb") as connection:
        (row,) = connection.sql(
            "select options ->> 'repeats', training_events + test_events from evaluation"
        ).fetchall()
    assert row == ("drop", 200)
