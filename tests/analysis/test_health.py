"""Is a build healthy: `ubcf check`, on a healthy build and on a sick one for every check."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

import ubcf
from tests.support.builds import Built, build_folder
from tests.support.commands import call_ubcf, run_ubcf
from tests.support.logs import log_line, write_log
from tests.support.overlays import overlay
from ubcf.analysis.comparison import compare
from ubcf.analysis.health import FOLDER, FOLDER_AGAINST
from ubcf.analysis.options import Thresholds
from ubcf.database.reading import connect_pair
from ubcf.database.templates import Templates
from ubcf.errors import DatabaseError, OptionError, UbcfError

CHECKS = [Path(name).stem for name in Templates().names(FOLDER)]
COMPARISONS = [Path(name).stem for name in Templates().names(FOLDER_AGAINST)]

# With these, every check is made.
AGES = ("--max-age", "2d", "--max-build-age", "30h")

DAY = 24 * 60 * 60 * 1_000
START = int(time.time() * 1_000) - DAY // 24


class Play(NamedTuple):
    """An event: its user, track and time, and fields that differ from those of `write`."""

    user: int
    track: int
    time: float
    fields: Mapping[str, Any] = {}


# 25 users in a circle, each of whom plays the next 5 of 25 tracks: 125 events with a mean of 0.5.
CIRCLE = 25
TIMES = (1.0, 0.9, 0.1, 0.0, 0.5)
PLAYS = [
    Play(user, (user + step) % CIRCLE, listened)
    for user in range(CIRCLE)
    for step, listened in enumerate(TIMES)
]


def write(folder: Path, plays: Iterable[Play], *more: str) -> Path:
    """Writes the logs of two replicas, with an event a second from an hour ago, and a catalog.

    Users up to 12 are in the first log. more: lines for the second one.
    """
    logs: tuple[list[str], list[str]] = ([], [])
    for second, (user, track, listened, others) in enumerate(plays):
        treatment = "T1" if user % 2 else "C"
        values = {"timestamp": START + 1_000 * second, "experiments": {"AA": treatment}, **others}
        logs[user > 12].append(log_line(user, track, listened, **values))
    write_log(folder / "logs" / "replica-1" / "data.json", logs[0])
    write_log(folder / "logs" / "replica-2" / "data.json", [*logs[1], *more])
    write_catalog(folder, range(CIRCLE))
    return folder


def write_catalog(folder: Path, tracks: Iterable[int]) -> None:
    lines = [json.dumps({"track": each, "artist": "a", "title": "t"}) for each in tracks]
    write_log(folder / "logs" / "tracks.json", lines)


def build(folder: Path, plays: Iterable[Play] = PLAYS, *more: str, **options: Any) -> Path:
    """Builds lists of 5, and returns the database."""
    return build_folder(write(folder, plays, *more), **{"top": 5, **options}).database


def change(database: Path, statement: str) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute(statement)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a healthy build; no test may change it."""
    return build(tmp_path_factory.mktemp("healthy"))


@pytest.fixture
def copy(healthy: Path, tmp_path: Path) -> Path:
    """A copy of the healthy database, to change."""
    return Path(shutil.copy(healthy, tmp_path / "ubcf.duckdb"))


def findings(database: Path, *arguments: str | Path) -> dict[str, float]:
    """The figure of each finding of the command, with all checks."""
    done = call_ubcf(
        "check", "-d", database, *AGES, *arguments, "--format", "json", cwd=database.parent
    )
    assert done.stderr == ""
    rows = json.loads(done.stdout)
    found = {row["check"]: row["figure"] for row in rows if row["verdict"] == "not healthy"}
    assert done.returncode == (3 if found else 0)
    return found


def test_a_healthy_build_is_healthy_also_against_itself(healthy: Path) -> None:
    assert findings(healthy) == {}
    done = call_ubcf("check", "-d", healthy, "--against", healthy, *AGES, cwd=healthy.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "healthy: 23 checks ran\n"
    assert len(CHECKS + COMPARISONS) == 23


def test_the_sample_is_healthy(sample: Built) -> None:
    done = call_ubcf("check", "-d", sample.database, cwd=sample.folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "healthy: 14 checks ran; not checked: age, build_age\n"


# A sick build for every check, from other logs or of other tables. What is sick in itself was so in
# the build before, too.


def with_a_line_that_is_not_json(folder: Path) -> Path:
    return build(folder, PLAYS, "not JSON")


def with_a_copy_of_a_log(folder: Path) -> Path:
    write(folder, PLAYS)
    shutil.copytree(folder / "logs" / "replica-1", folder / "logs" / "copy")
    return build_folder(folder, top=5).database


def with_an_empty_log(folder: Path) -> Path:
    write_log(folder / "logs" / "replica-3" / "data.json", [])
    return build(folder)


def with_a_tireless_user(folder: Path) -> Path:
    return build(folder, [*PLAYS, *(Play(0, track, 0.5) for track in range(5, 20))])


def with_a_track_for_everybody(folder: Path) -> Path:
    return build(folder, [*PLAYS, *(Play(user, 0, 0.5) for user in range(1, 16))])


def with_users_who_like_all_alike(folder: Path) -> Path:
    return build(folder, [each._replace(time=0.5) if each.user < 7 else each for each in PLAYS])


def with_positive_scores_alone(folder: Path) -> Path:
    return build(folder, top=10, only_positive=True)


def without_a_track_in_the_catalog(folder: Path) -> Path:
    write(folder, PLAYS)
    write_catalog(folder, range(1, CIRCLE))
    return build_folder(folder, top=5).database


SICK: dict[str, tuple[Callable[[Path], Path] | str, Any]] = {
    "rejected_lines": (with_a_line_that_is_not_json, 1 / 126),
    "repeated_lines": (with_a_copy_of_a_log, 65 / 190),
    "empty_files": (with_an_empty_log, 1),
    "undated_events": ("update events set timestamp = null where user = 3", 5 / 125),
    "future_events": (
        "update events set timestamp = timestamp + interval 3 day where user = 3 and track = 3",
        1 / 125,
    ),
    "age": (
        "update events set timestamp = timestamp - interval 3 day",
        pytest.approx(3, abs=0.1),
    ),
    "build_age": (
        """update events set timestamp = timestamp - interval 3 day;
        update build set started_at = started_at - interval 3 day""",
        pytest.approx(3, abs=0.1),
    ),
    "user_share": (with_a_tireless_user, 20 / 140),
    "track_share": (with_a_track_for_everybody, 20 / 140),
    "unscored_users": (with_users_who_like_all_alike, 7 / 25),
    "filler": ("update recommendations set source = 'popularity' where rank > 2", 3 / 5),
    "short_lists": (with_positive_scores_alone, 1),
    "coverage": (
        """delete from recommendations where rank > 1;
        update recommendations set track = 7;
        update build set options = json_merge_patch(options, '{"top": 1}')""",
        1 / 25,
    ),
    "uncataloged": (without_a_track_in_the_catalog, 5 / 125),
    "mixed_treatments": (
        "update events set experiments = map {'AA': 'T2'} where user < 5 and time = 1.0",
        5 / 25,
    ),
    "ambiguous_treatments": (
        "update events set experiments = map {'AA': ' c'} where user = 4",
        1,
    ),
}


def make_sick(how: Callable[[Path], Path] | str, folder: Path, healthy: Path) -> Path:
    """A build in a folder, or a copy of the healthy one with changed tables."""
    if not isinstance(how, str):
        return how(folder)
    database = Path(shutil.copy(healthy, folder / "ubcf.duckdb"))
    change(database, how.replace("user ", '"user" '))  # a keyword of SQL
    return database


@pytest.mark.parametrize("check", CHECKS)
def test_a_sick_build_is_found_by_its_own_check_and_no_other(
    check: str, healthy: Path, tmp_path: Path
) -> None:
    how, figure = SICK[check]
    database = make_sick(how, tmp_path, healthy)
    assert findings(database, "--against", database) == {check: figure}


# Against the healthy build


def without_the_play_of_mean_time(folder: Path) -> Path:
    return build(folder, [each for each in PLAYS if each.time != 0.5])


def with_fewer_users_who_play_more(folder: Path) -> Path:
    more = [each._replace(track=(each.track + 5) % CIRCLE) for each in PLAYS[:100:5]]
    return build(folder, [*PLAYS[:105], *(each._replace(time=0.5) for each in more)])


def with_fewer_tracks(folder: Path) -> Path:
    others = {21: 3, 22: 8, 23: 13, 24: 18}
    return build(
        folder, [each._replace(track=others.get(each.track, each.track)) for each in PLAYS]
    )


def with_other_tracks_for_everybody(folder: Path) -> Path:
    return build(folder, [each._replace(track=(each.track + 12) % CIRCLE) for each in PLAYS])


def with_shorter_times(folder: Path) -> Path:
    return build(folder, [each._replace(time=0.7 * each.time) for each in PLAYS])


SICK_AGAINST: dict[str, tuple[Callable[[Path], Path] | str, Any]] = {
    "events_fall": (without_the_play_of_mean_time, 1 / 5),
    "users_fall": (with_fewer_users_who_play_more, 4 / 25),
    "tracks_fall": (with_fewer_tracks, 4 / 25),
    "overlap": (with_other_tracks_for_everybody, 0),
    "filler_rise": ("update recommendations set source = 'popularity' where rank = 5", 1 / 5),
    "time_change": (with_shorter_times, pytest.approx(0.3)),
    "stall": (
        "update build set started_at = started_at + interval 1 day",
        pytest.approx(1, abs=0.1),
    ),
}


@pytest.mark.parametrize("check", COMPARISONS)
def test_a_build_that_became_sick_is_found_by_its_own_check_and_no_other(
    check: str, healthy: Path, tmp_path: Path
) -> None:
    how, figure = SICK_AGAINST[check]
    database = make_sick(how, tmp_path, healthy)
    assert findings(database, "--against", healthy) == {check: figure}


# What is printed, and the exit codes


def test_a_finding_is_a_line_and_the_exit_code_is_3(copy: Path) -> None:
    change(
        copy,
        """update build set rejected = 15, accepted = 125;
        update recommendations set source = 'popularity' where rank > 2""",
    )
    done = run_ubcf("check", "-q", cwd=copy.parent)
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout == (
        "rejected_lines: 15 of 140 lines (10.7 %) were rejected; at most 0.5 % is healthy\n"
        "filler: 75 of 125 recommendations at ranks 1 to 10 (60 %) only fill the lists; at most "
        "50 % is healthy\n"
    )


def test_a_healthy_build_is_one_line_and_0_and_silent_when_quiet(copy: Path) -> None:
    done = run_ubcf("check", cwd=copy.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "healthy: 14 checks ran; not checked: age, build_age\n"
    quiet = call_ubcf("check", "-q", cwd=copy.parent)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_verbose_a_check_keeps_a_log_whatever_the_verdict(copy: Path) -> None:
    stage, last = r"\S+ \S+ check\n", r"\S+ \S+ done in \S+ s\n"
    done = call_ubcf("check", "-q", "-v", cwd=copy.parent)
    assert (done.returncode, done.stdout) == (0, "")
    assert re.fullmatch(stage + last, done.stderr)
    done = call_ubcf("check", "-q", "-v", "--max-user-share", "0.03", cwd=copy.parent)
    assert done.returncode == 3
    assert re.fullmatch(stage + last, done.stderr)
    assert done.stdout.startswith("user_share: ")


def test_timestamps_that_are_not_read_are_a_finding_also_if_none_is(tmp_path: Path) -> None:
    odd = {"timestamp": "31.12.2023 10:00"}
    database = build(tmp_path, [Play(*each[:3], odd) for each in PLAYS])
    done = call_ubcf("check", "-d", database, cwd=tmp_path)
    assert done.returncode == 3
    assert done.stdout == (
        "undated_events: 125 of 125 events (100 %) have no timestamp, or one that is not read, "
        'such as "31.12.2023 10:00"; at most 1 % is healthy\n'
    )


def test_thresholds_move_the_verdict(healthy: Path) -> None:
    # A user has 5 of 125 events; a share at the threshold is healthy.
    for threshold, code in (("0.03", 3), ("0.04", 0)):
        done = call_ubcf("check", "-d", healthy, "--max-user-share", threshold, cwd=healthy.parent)
        assert done.returncode == code
    # All 25 tracks are recommended.
    assert findings(healthy, "--min-coverage", "1") == {}
    assert findings(healthy, "--max-age", "30m") == {"age": pytest.approx(1 / 24, abs=0.02)}
    assert findings(healthy, "--max-build-age", "0m").keys() == {"build_age"}
    environment = {"UBCF_CHECK_MAX_USER_SHARE": "0.03"}
    done = run_ubcf("check", "-d", healthy, cwd=healthy.parent, environment=environment)
    assert done.returncode == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--max-filler", "1.5"], "1.5 is not in the range"),
        (["--max-filler", "nan"], "max_filler is nan; it must be from 0 to 1"),
        (["--max-empty-files", "-1"], "-1 is not in the range"),
        (["--max-age", "tomorrow"], "max_age is 'tomorrow'; it must be a number of days"),
        (["--max-stall", "-2d"], "max_stall is '-2d'"),
        (["--max-age", "99999999999d"], "max_age is '99999999999d'"),
        (["surplus"], "unexpected extra argument"),
    ],
)
def test_a_wrong_threshold_is_wrong_usage(healthy: Path, arguments: list[str], words: str) -> None:
    done = call_ubcf("check", "-d", healthy, *arguments, cwd=healthy.parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def test_every_format_has_a_row_for_every_check(copy: Path) -> None:
    change(copy, "delete from recommendations where rank > 2")
    shown = {
        form: call_ubcf("check", "--format", form, cwd=copy.parent)
        for form in ("json", "jsonl", "csv", "markdown", "table")
    }
    assert {done.returncode for done in shown.values()} == {3}
    rows = json.loads(shown["json"].stdout)
    lines = [json.loads(line) for line in shown["jsonl"].stdout.splitlines()]
    for each in (*rows, *lines):
        if each["check"] == "build_age":
            assert 0 < each.pop("figure") < 1  # another one at each call
    assert lines == rows
    assert {row["check"] for row in rows} == set(CHECKS)
    assert rows[0] == {
        "check": "rejected_lines",
        "verdict": "healthy",
        "figure": 0.0,
        "threshold": 0.005,
        "sentence": "0 of 125 lines (0 %) were rejected; at most 0.5 % is healthy",
    }
    by_check = {row["check"]: row for row in rows}
    assert by_check["short_lists"] == {
        "check": "short_lists",
        "verdict": "not healthy",
        "figure": 1.0,
        "threshold": 0.25,
        "sentence": "25 of 25 users (100 %) have fewer than 5 recommendations; at most 25 % is "
        "healthy",
    }
    assert by_check["age"]["verdict"] == "not checked"
    assert by_check["age"]["threshold"] is None
    csv, table = shown["csv"].stdout.splitlines(), shown["table"].stdout.splitlines()
    assert csv[0] == "check,verdict,figure,threshold,sentence"
    assert csv[1].startswith("rejected_lines,healthy,0.0,0.005,0 of 125 lines (0 %) were rejected;")
    assert len(csv) == len(rows) + 1
    assert len(table) == len(rows) + 2 == len(shown["markdown"].stdout.splitlines())


# What cannot be checked


def test_what_does_not_apply_is_not_checked_with_the_reason(tmp_path: Path) -> None:
    undated: dict[str, Any] = {"timestamp": None, "experiments": {}}
    plays = [Play(*each[:3], undated) for each in PLAYS]
    write(tmp_path, plays)
    (tmp_path / "logs" / "tracks.json").unlink()
    database = build_folder(tmp_path, top=5).database
    with ubcf.connect(database) as connection:
        health = ubcf.check(connection, database)
    assert {each.check: each.sentence for each in health.not_checked} == {
        "undated_events": "no event has a timestamp",
        "age": "no event has a timestamp that tells its age",
        "build_age": health.not_checked[2].sentence,
        "uncataloged": "the build had no catalog",
        "mixed_treatments": "the logs name no experiment",
        "ambiguous_treatments": "the logs name no experiment",
        "stall": f"no event of {database} has a timestamp",
    }
    assert str(health) == (
        "healthy: 16 checks ran; not checked: undated_events, age, build_age, uncataloged, "
        "mixed_treatments, ambiguous_treatments, stall"
    )
    assert findings(database).keys() == {"age"}  # asked for, and nobody can tell


def test_logs_that_lost_their_timestamps_are_found_against_another_build(
    copy: Path, healthy: Path
) -> None:
    change(copy, "update events set timestamp = null")
    done = call_ubcf("check", "--against", healthy, cwd=copy.parent)
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout == f"stall: no event has a timestamp; those of {healthy} have\n"


def test_a_database_of_an_earlier_version_is_compared_in_what_both_have(
    copy: Path, tmp_path: Path
) -> None:
    old = Path(shutil.copy(copy, tmp_path / "old.duckdb"))
    change(
        old,
        """alter table build drop share_from_neighbors;
        alter table build drop share_from_neighbors_to_10;
        alter table recommendations drop source;
        update build set version = '0.1.0', accepted = 250""",
    )
    done = call_ubcf("check", "--against", "old.duckdb", cwd=tmp_path)
    assert done.returncode == 3
    assert done.stdout.startswith("events_fall: 125 events after 250 in old.duckdb (-50.0 %); ")
    sentence = "old.duckdb was made by ubcf 0.1.0, without sources of recommendations"
    assert done.stderr == f"ubcf: note: filler_rise is not compared: {sentence}\n"
    rows = json.loads(
        call_ubcf("check", "--against", "old.duckdb", "--format", "json", cwd=tmp_path).stdout
    )
    by_check = {row["check"]: row for row in rows}
    assert {each for each in COMPARISONS if by_check[each]["verdict"] == "not checked"} == {
        "filler_rise"
    }
    assert by_check["filler_rise"]["sentence"] == sentence
    refused = call_ubcf("check", "-d", old, cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "made by ubcf 0.1.0; build it again with this version" in refused.stderr


def test_what_is_no_build_cannot_be_checked(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "junk.duckdb").write_text("not a database at all\n" * 1_000)
    change(tmp_path / "foreign.duckdb", "create table somebody_elses as select 1")
    change(
        tmp_path / "evaluation.duckdb",
        "create table evaluation as select 1; create table metrics as select 1;"
        "create table metrics_by_user as select 1; create table settings as select 1",
    )
    shutil.copy(copy, tmp_path / "unfinished.duckdb")
    change(tmp_path / "unfinished.duckdb", "delete from build")
    for name, words in (
        ("missing.duckdb", "no such database; 'ubcf build' makes one"),
        ("junk.duckdb", "not a valid DuckDB database"),
        ("foreign.duckdb", "not a database that ubcf made: it has no table 'build'"),
        ("evaluation.duckdb", "a database of ubcf evaluate, not one of ubcf build"),
        ("unfinished.duckdb", "not finished: its table build is empty; build it again"),
    ):
        for arguments in (["-d", name], ["--against", name]):
            done = call_ubcf("check", *arguments, cwd=tmp_path)
            assert (done.returncode, done.stdout) == (1, "")
            assert done.stderr == f"ubcf: error: {name}: {words}\n"
    assert run_ubcf("check", "-d", "missing.duckdb", cwd=tmp_path).returncode == 1


# Names of any kind


def test_names_with_braces_controls_and_great_length_are_printed_in_one_line(
    copy: Path, tmp_path: Path
) -> None:
    names = {"0": "{} \x1b[31m\n<b>'\"", "1": "x" * 10_000}
    plays = [(names.get(str(each.user), str(each.user)), *each[1:3]) for each in PLAYS]
    write_log(tmp_path / "logs" / "replica-{0}" / "data.json", plays)
    write_log(tmp_path / "logs" / "empty {}" / "data.json", [])
    database = build_folder(tmp_path, top=5).database
    change(database, "update users set events = 6 where starts_with(\"user\", '{} ')")
    done = call_ubcf(
        "check", "-d", database, "--max-user-share", 0, "--against", copy, cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (3, "")
    empty, user = done.stdout.splitlines()
    assert "such as logs/empty {}/data.json" in empty.replace(f"{tmp_path}/", "")
    assert user.startswith("user_share: user {} \\x1b[31m\\n<b>'\" has 6 of 126 events")
    with ubcf.connect(database) as connection:
        html = ubcf.check(connection, max_user_share=0.0)._repr_html_()
    assert "<b>" not in html and "&lt;b&gt;" in html
    change(database, f"update users set events = 7 where \"user\" = '{names['1']}'")
    with ubcf.connect(database) as connection:
        (_, finding) = ubcf.check(connection, max_user_share=0.0).findings
    assert finding.sentence.startswith(f"user {'x' * 100} has 7 of 128 events")


# In Python


def test_the_function_returns_what_the_command_prints(copy: Path) -> None:
    with ubcf.connect(copy) as connection:
        health = ubcf.check(connection, copy, max_age="2d", max_build_age="30h")
        assert (health.healthy, health.findings, health.not_checked) == (True, (), ())
        assert str(health) == "healthy: 23 checks ran"
        assert repr(health) == "<Health: healthy, 23 checks>"
        assert health._repr_html_() == "<pre>healthy: 23 checks ran</pre>"
        sick = ubcf.check(connection, max_filler=0.0, min_coverage=1.0, max_user_share=0.01)
    assert [each.check for each in sick.findings] == ["user_share"]
    assert repr(sick) == "<Health: not healthy, 1 of 16 checks>"
    done = call_ubcf("check", "--max-user-share", "0.01", cwd=copy.parent)
    assert str(sick) + "\n" == done.stdout


def test_wrong_arguments_are_errors_in_python_too(healthy: Path) -> None:
    wrong: list[dict[str, Any]] = [
        {"max_fillr": 0.1},
        {"max_filler": -0.1},
        {"max_filler": "much"},
        {"max_filler": True},
        {"max_empty_files": 0.5},
        {"max_age": 2},
    ]
    with ubcf.connect(healthy) as connection:
        for values in wrong:
            with pytest.raises(OptionError, match=next(iter(values))):
                ubcf.check(connection, **values)
    with duckdb.connect() as memory, pytest.raises(UbcfError):
        ubcf.check(memory)


def test_a_build_that_was_replaced_meanwhile_is_not_compared(copy: Path, healthy: Path) -> None:
    with ubcf.connect(copy) as connection:
        other = Path(shutil.copy(healthy, copy.with_name("other.duckdb")))
        change(other, "update build set started_at = started_at + interval 1 hour")
        other.replace(copy)
        assert ubcf.check(connection).healthy
        with pytest.raises(DatabaseError, match="built again meanwhile"):
            ubcf.check(connection, healthy)


# Every file of sql/health/


def test_every_threshold_belongs_to_a_check_of_its_name() -> None:
    names = [each.name.partition("_")[2] for each in fields(Thresholds)]
    assert sorted(names) == sorted(CHECKS + COMPARISONS)
    assert set(names[-len(COMPARISONS) :]) == set(COMPARISONS)
    for folder, checks in ((FOLDER, CHECKS), (FOLDER_AGAINST, COMPARISONS)):
        for check in checks:
            text = Templates().render(f"{folder}/{check}.sql")
            read = set(re.findall(r"getvariable\('(\w+)'\)", text))
            assert read == set(re.findall(r"^-- variable (\w+): .+", text, flags=re.MULTILINE))
            assert {f"max_{check}", f"min_{check}"} & read


def test_the_overlap_is_that_of_diff(healthy: Path, tmp_path: Path) -> None:
    other = build(tmp_path, [each._replace(track=each.track % 20) for each in PLAYS])
    with ubcf.connect(other) as connection:
        found = {each.check: each for each in ubcf.check(connection, healthy).checks}
    with connect_pair(healthy, other) as pair:
        ((*_, overlap, _overlap_100, _rbo),) = compare(pair)["lists"].fetchall()
    assert 0 < overlap < 1
    assert found["overlap"].figure == overlap


def test_checks_of_ones_own_run_with_the_others(copy: Path, healthy: Path) -> None:
    overlay(
        copy.parent / "mine",
        "health/few_users.sql",
        "select count(*) as figure, 30 as threshold, count(*) >= 30 as healthy,\n"
        "'there are ' || count(*) || ' users' as sentence from users",
    )
    overlay(
        copy.parent / "mine",
        "health/against/same_build.sql",
        "select null as figure, null as threshold, old.build.users = new.build.users as healthy,"
        " 'users' as sentence from old.build, new.build",
    )
    done = call_ubcf("check", "--templates", "mine", "--against", healthy, cwd=copy.parent)
    assert (done.returncode, done.stdout) == (3, "few_users: there are 25 users\n")
    overlay(copy.parent / "mine", "health/few_users.sql", "select 1 as figure from users")
    done = call_ubcf("check", "--templates", "mine", cwd=copy.parent)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "ubcf: error: mine/health/few_users.sql: a check has one row with the columns figure, "
        "threshold, healthy, sentence\n"
    )
