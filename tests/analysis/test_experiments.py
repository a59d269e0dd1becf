"""Experiments: sessions, users and effects by hand, by plain Python, and by scipy's own tests."""

from __future__ import annotations

import csv
import json
import math
import random
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from scipy import stats

import ubcf
from tests.analysis.test_statistics import QUANTILES
from tests.support.builds import Built, build_in
from tests.support.commands import call_ubcf
from tests.support.logs import log_line, write_log
from tests.support.overlays import overlay
from tests.support.paths import PROJECT, REAL_LOGS, SAMPLE
from ubcf.analysis.experiments import METRICS, Arm, Effect, Experiment, analyze_experiments
from ubcf.commands import ubcf as group
from ubcf.errors import NotFoundError, OptionError, QueryError

Build = Callable[..., Built]

START = 1_700_000_000_000


def event(user: Any, second: float, track: int, time: float, **fields: Any) -> str:
    """An event `second` seconds after the start; `treatment` is that of the experiment E."""
    treatment = fields.pop("treatment", None)
    return log_line(
        user,
        track,
        time,
        timestamp=START + round(1000 * second),
        experiments={} if treatment is None else {"E": treatment},
        **fields,
    )


def at(second: float) -> datetime:
    return datetime.utcfromtimestamp(START / 1000 + second)


def about(value: float | list[float], rel: float = 1e-12) -> Any:
    """Equals numbers that differ by rounding only."""
    return pytest.approx(value, rel=rel, abs=1e-300)


def rows(built: Built, name: str, **variables: Any) -> list[tuple[Any, ...]]:
    with ubcf.connect(built.database) as connection:
        return ubcf.query(connection, name, **variables).fetchall()


def analyzed(built: Built, name: str | None = None, **options: Any) -> list[Experiment]:
    with ubcf.connect(built.database) as connection:
        return analyze_experiments(connection, name, **options)


# User 1 is in C, user 2 changes from C to T within a session, user 3 is in T except for one event.
# The latencies are sums of powers of two, so that their means are exact.
EVENTS = [
    event(1, 0, 10, 0.5, treatment="C", latency=0.25),
    event(1, 1, 20, 0.25, treatment="C", latency=0.75, message="last"),
    event(1, 2, 10, 1.0, treatment="C", latency=None),
    event(2, 0, 10, 0.1, treatment="C", latency=0.5),
    event(2, 1, 10, 0.2, treatment="C", latency=0.5),
    event(2, 2, 30, 0.3, treatment="T", latency=0.25, message="last"),
    event(2, 3, 30, 0.0, treatment="T", latency=0.25, message="last"),
    event(3, 0, 10, 0.4, treatment="T", latency=0.125),
    event(3, 1, 10, 0.6, latency=8.0),
    event(3, 2, 20, 0.8, treatment="T", latency=0.375),
]


@pytest.fixture(scope="module")
def of_events(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A build of EVENTS; no test may change it."""
    folder = tmp_path_factory.mktemp("events")
    return build_in(folder, write_log(folder / "data.json", EVENTS))


# Sessions


def test_a_session_ends_at_a_last_event_or_at_the_end_of_the_logs(of_events: Built) -> None:
    assert rows(of_events, "sessions") == [
        (1, 1, at(0), 2, 0.75, 0.5, True),
        (1, 2, at(2), 1, 1.0, None, False),
        (2, 1, at(0), 3, 0.6, about(1.25 / 3), True),
        (2, 2, at(3), 1, 0.0, 0.25, True),
        (3, 1, at(0), 3, 1.8, about(8.5 / 3), False),
    ]
    assert rows(of_events, "sessions", user=2) == rows(of_events, "sessions")[2:4]


def test_at_equal_timestamps_next_comes_before_last(build_from: Build) -> None:
    """The last event ends the session of all three, although it comes first in the log."""
    at_once = [
        event(1, 0, 5, 0.5, message="last"),
        event(1, 0, 9, 0.5),
        event(1, 0, 7, 0.5),
        event(1, 0, 6, 0.25, message="last"),
    ]
    assert [row[1:5] for row in rows(build_from(at_once), "sessions")] == [
        (1, at(0), 3, 1.5),
        (2, at(0), 1, 0.25),
    ]


# Users and arms


def test_users_have_their_own_means_under_each_treatment(of_events: Built) -> None:
    """A session ends where the treatment changes (user 2), and at an event outside the experiment
    (user 3), which does not count.
    """
    assert rows(of_events, "experiment_users", experiment="E") == [
        ("C", 1, 1.75, 2, 1.5, 0.875, 0.5),
        ("C", 2, 0.3, 1, 2.0, about(0.3, rel=1e-15), 0.5),
        ("T", 2, 0.3, 2, 1.0, 0.15, 0.25),
        ("T", 3, 1.2, 2, 1.0, about(0.6, rel=1e-15), 0.25),
    ]


def test_users_of_several_treatments_are_listed(build_from: Build) -> None:
    other = log_line(1, 10, 0.5, timestamp=START, experiments={"E": "C", "A": "X", "B": None})
    built = build_from([*EVENTS, other])
    assert rows(built, "experiments") == [
        ("A", "X", 1, 0, 1),
        ("E", "C", 2, 1, 6),
        ("E", "T", 2, 1, 4),
    ]
    assert rows(built, "experiments", experiment="A") == [("A", "X", 1, 0, 1)]
    conflicts = [("E", 2, ["C", "T"], [2, 2], [at(0), at(2)])]
    assert rows(built, "treatment_assignment_conflicts") == conflicts
    assert rows(built, "treatment_assignment_conflicts", experiment="E") == conflicts
    assert rows(built, "treatment_assignment_conflicts", experiment="A") == []


# Effects


def test_an_experiment_by_hand(of_events: Built) -> None:
    """Tracks per session: 1.5 and 2.0 in C, mean 1.75, variance 0.125; 1.0 and 1.0 in T.

    One degree of freedom; t = 0.75 / sqrt(0.125 / 2) = 3, p = 1 - 2 arctan(3) / pi; the
    two-sided 5 % quantile is tan(0.95 pi / 2).
    """
    (experiment,) = analyzed(of_events, metrics=["tracks_per_session"])
    p = about(1 - 2 * math.atan(3) / math.pi)
    half_width = math.tan(0.95 * math.pi / 2) * 0.25
    assert experiment == Experiment(
        name="E",
        control="C",
        alpha=0.05,
        arms=[Arm("C", 2, 1), Arm("T", 2, 1)],
        sample_ratio_p_value=1.0,
        effects=[
            Effect(
                metric="tracks_per_session",
                treatment="T",
                users=2,
                mean=1.0,
                mean_low=1.0,
                mean_high=1.0,
                variance=0.0,
                control_users=2,
                control_mean=1.75,
                control_mean_low=about(1.75 - half_width, rel=QUANTILES),
                control_mean_high=about(1.75 + half_width, rel=QUANTILES),
                control_variance=0.125,
                effect=about(-75 / 1.75),
                low=about(100 * (-0.75 - half_width) / 1.75, rel=QUANTILES),
                high=about(100 * (-0.75 + half_width) / 1.75, rel=QUANTILES),
                p_value=p,
                adjusted_p_value=p,
                significant=False,
            )
        ],
        warnings=[
            (
                "some users are in several arms (1 of C, 1 of T); list them with: ubcf query"
                " treatment_assignment_conflicts --param experiment=E"
            )
        ],
        notes=[],
    )


def test_what_cannot_be_computed_is_null_with_a_warning(build_from: Build) -> None:
    """T has one user with a latency; nobody in C listens at all."""
    built = build_from(
        [
            event(1, 0, 10, 0.0, treatment="C", latency=0.5),
            event(2, 0, 10, 0.0, treatment="C", latency=0.25),
            event(3, 0, 10, 1.0, treatment="T", latency=0.5),
            event(4, 0, 10, 0.5, treatment="T", latency=None),
        ]
    )
    (experiment,) = analyzed(built, metrics=["sessions", "time_per_session", "request_latency"])
    found = [
        (effect.mean, effect.control_mean, effect.effect, effect.low, effect.high, effect.p_value)
        for effect in experiment.effects
    ]
    assert found == [
        (1.0, 1.0, 0.0, None, None, None),
        # One degree of freedom, t = 0.75 / 0.25.
        (0.75, 0.0, None, None, None, about(1 - 2 * math.atan(3) / math.pi)),
        (0.5, 0.375, about(100 / 3), None, None, None),
    ]
    assert [effect.users for effect in experiment.effects] == [2, 2, 1]
    assert experiment.warnings == [
        "sessions of T: no interval and no p value; the values do not vary in either arm",
        "time_per_session of T: no percentage; the mean of C is 0",
        (
            "request_latency of T: no interval and no p value; each arm needs two users with a"
            " value (T has 1, C has 2)"
        ),
    ]


def test_an_arm_without_values_and_a_single_arm_are_no_error(build_from: Build) -> None:
    built = build_from(
        [
            event(1, 0, 10, 0.5, treatment="C", latency=None),
            event(2, 0, 10, 0.5, treatment="T", latency=0.5),
            log_line(1, 10, 0.5, experiments={"ALONE": "C"}),
        ]
    )
    alone, both = analyzed(built, metrics=["request_latency"])
    assert (alone.name, alone.arms, alone.effects) == ("ALONE", [Arm("C", 1, 0)], [])
    assert alone.sample_ratio_p_value is None
    assert alone.warnings == ["all users are in C: there is nothing to compare"]
    (effect,) = both.effects
    assert (effect.mean, effect.control_mean, effect.effect) == (0.5, None, None)
    assert not effect.significant


def test_uneven_arms_are_reported(build_from: Build) -> None:
    """30 and 5 users: (12.5² + 12.5²) / 17.5, p = erfc(sqrt(17.857 / 2)) = 2.4e-05."""
    built = build_from(
        [
            event(user, 0, user % 4, 0.5, treatment="C" if user < 30 else "T", latency=user)
            for user in range(35)
        ]
    )
    (experiment,) = analyzed(built, metrics=["request_latency"])
    assert experiment.sample_ratio_p_value == about(math.erfc(math.sqrt(2 * 12.5**2 / 17.5 / 2)))
    assert experiment.warnings == [
        (
            "sample ratio mismatch: arms of 30 (C), 5 (T) users are unlikely under an even split"
            " (chi-square test, p = 2.4e-05); unless the split was meant to be uneven"
            " (--split), do not trust the effects"
        )
    ]


def test_significance_is_that_of_the_adjusted_p_value(build_from: Build) -> None:
    """The latencies differ with a p value of 0.035: significant alone, but not as one of two."""
    built = build_from(
        [
            event(user, 0, user % 4, time, treatment=treatment, latency=latency)
            for user, (treatment, time, latency) in enumerate(
                [
                    *[("C", 0.5, 1), ("C", 0.6, 2), ("C", 0.7, 3), ("C", 0.6, 2)],
                    *[("T", 0.5, 3), ("T", 0.6, 4), ("T", 0.8, 5), ("T", 0.6, 3)],
                ]
            )
        ]
    )
    (alone,) = analyzed(built, metrics=["request_latency"])
    (several,) = analyzed(built, metrics=["request_latency", "time_per_session"])
    p_value = stats.ttest_ind([3, 4, 5, 3], [1, 2, 3, 2], equal_var=False).pvalue
    assert 0.025 < p_value < 0.05
    assert alone.warnings == []
    assert (alone.effects[0].adjusted_p_value, alone.effects[0].significant) == (
        about(p_value),
        True,
    )
    assert (several.effects[0].adjusted_p_value, several.effects[0].significant) == (
        about(2 * p_value),
        False,
    )
    assert several.warnings == []
    assert several.notes == [
        "2 comparisons: an effect is significant if its adjusted p value (Holm) is below 0.05"
    ]


def test_the_control_is_found_by_its_usual_names_or_chosen(build_from: Build) -> None:
    built = build_from(
        [
            log_line(user, 10, 0.5, experiments={"E": arm, "F": other})
            for user, (arm, other) in enumerate([("a", "A"), ("Control", "B"), ("z", "A")])
        ]
    )
    (experiment,) = analyzed(built, "E")
    assert experiment.control == "Control"
    assert [arm.treatment for arm in experiment.arms] == ["Control", "a", "z"]
    assert [effect.treatment for effect in experiment.effects[:3]] == ["a", "z", "a"]
    assert analyzed(built, "E", control="z")[0].control == "z"
    with pytest.raises(NotFoundError, match="'E' has no treatment 'C'; there are 'Control', 'a'"):
        analyzed(built, "E", control="C")
    with pytest.raises(
        NotFoundError, match=r"'F' .* name the control by --control, one of 'A', 'B'"
    ):
        analyzed(built, "F")
    with pytest.raises(
        NotFoundError, match="no experiment 'G' in this database; there are 'E', 'F'"
    ):
        analyzed(built, "G")


def test_wrong_options_are_errors_that_list_the_right_ones(of_events: Built) -> None:
    with pytest.raises(NotFoundError, match="no metric 'joy'; there are time_per_user, sessions, "):
        analyzed(of_events, metrics=["sessions", "joy"])
    with pytest.raises(OptionError, match="no metric is given"):
        analyzed(of_events, metrics=[])
    for alpha in (0, 1, math.nan):
        with pytest.raises(OptionError, match="alpha"):
            analyzed(of_events, alpha=alpha)


def test_latencies_too_large_to_square_are_an_error_of_one_line(build_from: Build) -> None:
    built = build_from(
        [event(user, 0, 1, 0.5, treatment="C", latency=1e200 * user) for user in (1, 2, 3)]
    )
    with pytest.raises(QueryError, match="'E': request_latency: values too large"):
        analyzed(built, metrics=["request_latency"])
    analyzed(built, metrics=["sessions", "time_per_session"])


def test_names_from_the_logs_are_never_run_as_sql(build_from: Build) -> None:
    name, arm = "it's; drop table users", "T' or 1 = 1"
    built = build_from(
        [
            log_line(user, 10, 0.1 * user, experiments={name: "C" if user < 3 else arm})
            for user in (1, 2, 3, 4)
        ]
    )
    (experiment,) = analyzed(built, name)
    assert experiment.arms == [Arm("C", 2, 0), Arm(arm, 2, 0)]
    assert experiment.effects[3].effect == about(100 * (0.35 - 0.15) / 0.15)


def test_logs_without_experiments_or_messages_are_reported(tmp_path: Path) -> None:
    """The ratings of sql/README.md: no messages, no experiments, text ids."""
    readme = (PROJECT / "sql" / "README.md").read_text(encoding="utf-8")
    (template,) = [
        block.split("```")[0]
        for block in readme.split("```sql\n")[1:]
        if block.startswith("-- events:")
    ]
    overlay(tmp_path / "my-sql", "staging/events.sql", template)
    ratings = "user,item,rating\nanna,1,5\nanna,2,1\nbob,1,4\n"
    (tmp_path / "ratings.csv").write_text(ratings, encoding="utf-8")
    assert call_ubcf("build", "ratings.csv", "--templates", "my-sql", cwd=tmp_path).returncode == 0
    done = call_ubcf("experiment", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "ubcf: error: the logs name no experiment\n"
    with ubcf.connect(tmp_path / "ubcf.duckdb") as connection:
        assert ubcf.query(connection, "treatment_assignment_conflicts").fetchall() == []
        assert ubcf.query(connection, "sessions", user="anna").fetchall() == [
            ("anna", 1, None, 2, 1.2, None, False)
        ]


# Against plain Python and scipy


class User(NamedTuple):
    """The means of a user under a treatment."""

    time_per_user: float
    sessions: int
    tracks_per_session: float
    time_per_session: float
    request_latency: float | None


def users_of(lines: Iterable[str], experiment: str) -> dict[str, dict[Any, User]]:
    """Treatment -> user -> means, computed from the lines of the logs in plain Python."""
    events_of: dict[Any, list[dict[str, Any]]] = {}
    for each in map(json.loads, lines):
        events_of.setdefault(each["user"], []).append(each)
    sessions: dict[str, dict[Any, list[list[dict[str, Any]]]]] = {}
    for user, events in events_of.items():
        before: tuple[str, str | None] = ("last", None)
        for each in sorted(
            events, key=lambda each: (each["timestamp"], each["message"] == "last", each["track"])
        ):
            treatment = each["experiments"].get(experiment)
            if treatment is not None:
                own = sessions.setdefault(treatment, {}).setdefault(user, [])
                if before[0] == "last" or before[1] != treatment:
                    own.append([])
                own[-1].append(each)
            before = (each["message"], treatment)
    return {
        treatment: {user: means(own) for user, own in of_user.items()}
        for treatment, of_user in sessions.items()
    }


def means(sessions: list[list[dict[str, Any]]]) -> User:
    events = [each for session in sessions for each in session]
    latencies = [each["latency"] for each in events if each["latency"] is not None]
    return User(
        math.fsum(each["time"] for each in events),
        len(sessions),
        len(events) / len(sessions),
        math.fsum(each["time"] for each in events) / len(sessions),
        math.fsum(latencies) / len(latencies) if latencies else None,
    )


def assert_like_scipy(built: Built, lines: Iterable[str], experiment: Experiment) -> None:
    """Users, effects, intervals and p values are those of scipy on plain Python's means."""
    arms = users_of(lines, experiment.name)
    table = rows(built, "experiment_users", experiment=experiment.name)
    assert [row[:2] for row in table] == [
        (treatment, user) for treatment in sorted(arms) for user in sorted(arms[treatment])
    ]
    for treatment, user, *values in table:
        for value, expected in zip(values, arms[treatment][user], strict=True):
            assert value == expected or math.isclose(value, expected or 0.0, rel_tol=1e-12)
    assert {arm.treatment: arm.users for arm in experiment.arms} == {
        treatment: len(users) for treatment, users in arms.items()
    }
    others = sorted(set(arms) - {"C"})
    assert [(effect.metric, effect.treatment) for effect in experiment.effects] == [
        (metric, treatment) for metric in METRICS for treatment in others
    ]
    p_values = []
    for effect in experiment.effects:
        treated, control = (
            [
                value
                for user in arms[treatment].values()
                if (value := getattr(user, effect.metric)) is not None
            ]
            for treatment in (effect.treatment, "C")
        )
        test = stats.ttest_ind(treated, control, equal_var=False)
        low, high = test.confidence_interval(1 - experiment.alpha)
        mean = math.fsum(control) / len(control)
        assert (effect.users, effect.control_users) == (len(treated), len(control))
        assert effect.control_mean == about(mean)
        assert effect.mean == about(math.fsum(treated) / len(treated))
        assert effect.effect == about(100 * (low + high) / 2 / mean, rel=1e-9)
        assert effect.low == about(100 * low / mean, rel=QUANTILES)
        assert effect.high == about(100 * high / mean, rel=QUANTILES)
        assert effect.p_value == about(test.pvalue, rel=1e-9)
        p_values.append(test.pvalue)
    # Holm's procedure as it is defined, the smallest p value first.
    ascending = sorted(p_values)
    assert sorted(effect.adjusted_p_value or 0.0 for effect in experiment.effects) == about(
        [
            min(
                1.0,
                max(p * (len(ascending) - rank) for rank, p in enumerate(ascending[: last + 1])),
            )
            for last in range(len(ascending))
        ],
        rel=1e-9,
    )


def lines_under(folder: Path) -> list[str]:
    return [
        line
        for file in sorted(folder.rglob("data.json"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]


def test_random_logs_give_what_plain_python_gives(build_from: Build) -> None:
    """Ties in time, unfinished sessions, changes of treatment, null latencies, no experiment."""
    draw = random.Random(11)
    lines = [
        log_line(
            draw.randrange(40),
            # The track decides the order of a user's events with equal timestamps.
            number,
            draw.randrange(101) / 100,
            message=draw.choice(["next", "next", "next", "last"]),
            timestamp=START + draw.randrange(60),
            latency=draw.choice([None, draw.random(), draw.random()]),
            experiments=draw.choice([{}, {"E": "C"}, {"E": "C"}, {"E": "T1"}, {"E": "T2"}]),
        )
        for number in range(800)
    ]
    built = build_from(lines)
    (experiment,) = analyzed(built)
    assert len(rows(built, "treatment_assignment_conflicts")) > 20
    assert_like_scipy(built, lines, experiment)


def test_in_the_sample_taste_share_differs_and_aa_check_does_not(sample: Built) -> None:
    aa_check, taste_share = analyzed(sample)
    assert (aa_check.name, taste_share.name) == ("AA_CHECK", "TASTE_SHARE")
    assert [effect.metric for effect in aa_check.effects if effect.significant] == []
    assert [effect.metric for effect in taste_share.effects if effect.significant] == [
        "tracks_per_session",
        "time_per_session",
    ]
    (time,) = analyzed(sample, "TASTE_SHARE", metrics=["time_per_session"])[0].effects
    assert time.effect is not None and 20 < time.effect < 40
    for experiment in (aa_check, taste_share):
        assert_like_scipy(sample, lines_under(SAMPLE), experiment)


def test_the_same_database_gives_the_same_bits_whatever_the_threads(sample: Built) -> None:
    results = []
    for threads in (1, 2, 7):
        with ubcf.connect(sample.database) as connection:
            connection.execute(f"set threads = {threads}")
            results.append(analyze_experiments(connection))
    assert results[0] == results[1] == results[2]


@pytest.mark.skipif(not REAL_LOGS.is_dir(), reason="there are no real logs here")
def test_user_based_recommendations_made_people_listen_longer(tmp_path: Path) -> None:
    """T1 served the recommendations of the notebook that ubcf reimplements."""
    logs = REAL_LOGS / "userbased-2025"
    built = build_in(tmp_path, logs)
    (experiment,) = analyzed(built)
    assert_like_scipy(built, lines_under(logs), experiment)
    assert experiment.arms == [Arm("C", 2300, 0), Arm("T1", 2245, 0)]
    assert [
        (effect.metric, round(effect.effect or 0, 2), effect.significant)
        for effect in experiment.effects
    ] == [
        ("time_per_user", 15.61, True),
        ("sessions", 0.42, False),
        ("tracks_per_session", 3.78, True),
        ("time_per_session", 12.9, True),
        ("request_latency", 17.93, True),
    ]


@pytest.mark.slow
@pytest.mark.skipif(not REAL_LOGS.is_dir(), reason="there are no real logs here")
def test_sticky_artists_changed_nothing_that_the_logs_show(tmp_path: Path) -> None:
    logs = REAL_LOGS / "stickyartist-2024"
    built = build_in(tmp_path, logs)
    (experiment,) = analyzed(built)
    assert_like_scipy(built, lines_under(logs), experiment)
    assert [(arm.treatment, arm.users) for arm in experiment.arms] == [
        ("C", 2283),
        ("T1", 2393),
        ("T2", 2479),
        ("T3", 2297),
    ]
    assert not any(effect.significant for effect in experiment.effects)


# The command


def test_the_command_prints_a_table_for_each_experiment_and_warns_on_stderr(
    sample: Built,
) -> None:
    done = call_ubcf("experiment", "TASTE_SHARE", cwd=sample.folder)
    assert done.returncode == 0
    assert done.stderr == (
        "ubcf: note: TASTE_SHARE: 5 comparisons: an effect is significant if its adjusted p"
        " value (Holm) is below 0.05\n"
    )
    heading, names, _, *lines = done.stdout.splitlines()
    assert heading == "TASTE_SHARE: T1 (200 users) against C (200 users)"
    assert " ".join(names.split()) == (
        "metric treatment mean ± control mean ± effect 95 % interval p adjusted p significant"
    )
    assert [line.split()[0] for line in lines] == list(METRICS)
    assert lines[3].split()[-1] == "yes"
    both = call_ubcf("experiment", "--alpha", "0.01", "--format", "markdown", cwd=sample.folder)
    assert "## AA_CHECK: T1 (200 users) against C (200 users)\n\n| metric " in both.stdout
    assert "\n\n## TASTE_SHARE: " in both.stdout
    assert " 99 % interval " in both.stdout


def test_the_other_formats_have_all_digits(sample: Built) -> None:
    (expected,) = analyzed(sample, "TASTE_SHARE", control="T1", metrics=METRICS[2:4])
    options = ["TASTE_SHARE", "--control", "T1", "--metric", METRICS[2], "--metric", METRICS[3]]

    def printed(form: str) -> str:
        done = call_ubcf("experiment", *options, "--format", form, cwd=sample.folder)
        assert done.returncode == 0
        return done.stdout

    (experiment,) = json.loads(printed("json"))
    assert experiment == json.loads(printed("jsonl"))
    arms = [Arm(**arm) for arm in experiment.pop("arms")]
    effects = [Effect(**effect) for effect in experiment.pop("effects")]
    assert Experiment(arms=arms, effects=effects, **experiment) == expected

    table = list(csv.DictReader(printed("csv").splitlines()))
    assert [(row["experiment"], row["control"], row["metric"]) for row in table] == [
        ("TASTE_SHARE", "T1", METRICS[2]),
        ("TASTE_SHARE", "T1", METRICS[3]),
    ]
    assert [float(row["high"]) for row in table] == [effect.high for effect in expected.effects]
    assert [row["significant"] for row in table] == ["true", "true"]


def test_the_command_reports_what_does_not_exist_in_one_line(sample: Built) -> None:
    for arguments, code, message in (
        (
            ["TASTE"],
            1,
            "no experiment 'TASTE' in this database; there are 'AA_CHECK', 'TASTE_SHARE'",
        ),
        (["--control", "T9"], 1, "'AA_CHECK' has no treatment 'T9'; there are 'C', 'T1'"),
        (["--metric", "joy"], 2, "'request_latency'"),
        (["--alpha", "1"], 2, "0<x<1"),
        (["-d", "nowhere.duckdb"], 1, "no such database"),
    ):
        done = call_ubcf("experiment", *arguments, cwd=sample.folder)
        assert (done.returncode, done.stdout) == (code, "")
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_the_command_knows_the_metrics() -> None:
    (option,) = [each for each in group.commands["experiment"].params if each.name == "metrics"]
    assert list(getattr(option.type, "choices", ())) == list(METRICS)


def test_a_flood_of_experiments_is_bounded_and_said(
    build_from: Callable[..., Built], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ubcf.analysis.experiments.MOST_EXPERIMENTS", 3)
    names = {f"E{number}": "C" for number in range(9)}
    built = build_from([log_line(1, 2, 0.5, experiments=names)])
    with ubcf.connect(built.database) as connection:
        found = analyze_experiments(connection)
        assert [each.name for each in found] == ["E0", "E1", "E2"]
        assert "the logs name 9 experiments" in found[0].warnings[-1]
        assert "from 'E3' to 'E8'" in found[0].warnings[-1]
        assert [each.name for each in analyze_experiments(connection, "E8")] == ["E8"]


def test_an_experiment_without_control_does_not_hide_the_others(build_from: Build) -> None:
    events = [
        log_line(user, 10, 0.5, experiments={"A": "CT"[user % 2], "B": "XY"[user % 2]})
        for user in range(4)
    ]
    built = build_from(events)
    done = call_ubcf("experiment", "--metric", "sessions", cwd=built.folder)
    assert done.returncode == 0
    headings = [line for line in done.stdout.splitlines() if ": " in line]
    assert headings == [
        "A: T (2 users) against C (2 users)",
        "B: X (2 users), Y (2 users), no control",
    ]
    assert (
        "ubcf: warning: B: left out: experiment 'B' has no treatment named C or control; name the "
        "control by --control, one of 'X', 'Y'\n"
    ) in done.stderr
    alone = call_ubcf("experiment", "B", cwd=built.folder)
    assert (alone.returncode, alone.stdout) == (1, "")
    assert call_ubcf("report", cwd=built.folder).returncode == 0


def test_a_planned_split_is_what_the_sizes_are_tested_against(build_from: Build) -> None:
    built = build_from(
        [
            event(user, 0, user % 4, 0.5, treatment="C" if user < 90 else "T", latency=user)
            for user in range(100)
        ]
    )
    uneven = call_ubcf("experiment", "--metric", "sessions", cwd=built.folder)
    assert "sample ratio mismatch" in uneven.stderr
    planned = call_ubcf(
        "experiment", "--metric", "sessions", "--split", "C=0.9,T=0.1", cwd=built.folder
    )
    assert planned.returncode == 0
    assert "sample ratio mismatch" not in planned.stderr
    for split, code, words in (
        ("C=0.9", 2, "split is of 'C'; experiment 'E' has the treatments 'C', 'T'"),
        ("C=0.9,T=0", 2, "split of T is 0.0; it must be finite, and above 0"),
        ("C", 2, "'C' is not a list of shares, such as C=0.9,T1=0.1"),
    ):
        refused = call_ubcf("experiment", "--split", split, cwd=built.folder)
        assert refused.returncode == code
        assert words in refused.stderr


def test_a_tiny_p_value_is_not_printed_as_0(build_from: Build) -> None:
    built = build_from(
        [
            event(user, 0, user % 4, 0.5, treatment="CT"[user % 2], latency=user % 2 + user * 1e-9)
            for user in range(200)
        ]
    )
    done = call_ubcf("experiment", "--metric", "request_latency", cwd=built.folder)
    assert done.stdout.splitlines()[-1].split()[-3:] == ["<1e-16", "<1e-16", "yes"]
    as_csv = call_ubcf(
        "experiment", "--metric", "request_latency", "--format", "csv", cwd=built.folder
    )
    (row,) = csv.DictReader(as_csv.stdout.splitlines())
    assert float(row["p_value"]) > 0


def test_more_latency_is_not_better_and_more_listening_is(build_from: Build) -> None:
    built = build_from(
        [
            event(user, 0, user % 4, 0.1 * (user % 3), treatment="C", latency=1.0 + user % 3)
            for user in range(30)
        ]
        + [
            event(user, 0, user % 4, 0.5 + 0.1 * (user % 3), treatment="T", latency=9.0 + user % 3)
            for user in range(30, 60)
        ]
    )
    (experiment,) = analyzed(built, metrics=["time_per_user", "request_latency"])
    assert [(effect.significant, effect.is_better) for effect in experiment.effects] == [
        (True, True),
        (True, False),
    ]
    assert experiment.effects[0].mean == about(0.6)
    call_ubcf("report", cwd=built.folder)
    page = (built.folder / "report.html").read_text(encoding="utf-8")
    assert page.count('<span class="bad">yes, worse</span>') >= 1
    assert page.count('<span class="yes">yes, better</span>') >= 1
