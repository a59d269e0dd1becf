"""Charts say the values of their bars and points on hover, and in a table."""

from __future__ import annotations

import re
from dataclasses import dataclass

import duckdb
import pytest

from tests.support.paths import PROJECT
from ubcf.drawing.charts import (
    Row,
    events_per_user,
    forest_plot,
    listening_by_hour,
    neighbors_per_user,
    timeline,
)

TIMELINE = (PROJECT / "sql" / "analysis" / "timeline.sql").read_text(encoding="utf-8")

# The spaces and signs of numbers in the charts, as keyboards have them.
PLAIN = str.maketrans({"\N{NO-BREAK SPACE}": " ", "\N{MINUS SIGN}": "-"})


def bands(svg: str) -> list[tuple[float, float, float, float, str]]:
    """The rectangles that show a value on hover: x, y, width, height, and the text."""
    number = r'"([\d.-]+)"'
    pattern = f"<rect x={number} y={number} width={number} height={number}><title>(.+?)</title>"
    return [
        (float(x), float(y), float(width), float(height), text)
        for x, y, width, height, text in re.findall(pattern, svg)
    ]


def test_each_bar_says_its_value_on_hover() -> None:
    """Two of the six users have one event, three have 2, and one has 4; nobody has 3."""
    counts = [(1, 2, 2 / 6, 2 / 12), (2, 3, 5 / 6, 8 / 12), (4, 1, 1.0, 1.0)]
    columns = ("events", "users", "share_of_users", "share_of_events")
    chart = events_per_user([dict(zip(columns, row, strict=True)) for row in counts])
    found = bands(chart.svg)
    assert [text for *_, text in found] == [
        "1 events: 2 users",
        "2 events: 3 users",
        "4 events: 1 users",
    ]
    first, second, third = ((x, width) for x, _, width, _, _ in found)
    # Bands of neighboring bars touch, and the one of 3 events is missing.
    assert first[0] + first[1] == pytest.approx(second[0], abs=0.2)
    assert third[0] - second[0] == pytest.approx(2 * second[1], abs=0.4)
    # All are as high as the axes.
    assert len({(y, height) for _, y, _, height, _ in found}) == 1


def test_bands_of_a_wide_histogram_count_all_users() -> None:
    rows: list[Row] = [
        {"events": n, "users": 1, "share_of_users": n / 100, "share_of_events": n / 100}
        for n in range(1, 101)
    ]
    texts = [text for *_, text in bands(events_per_user(rows).svg)]
    assert sum(int(text.partition(": ")[2].partition(" ")[0]) for text in texts) == 100
    assert texts[0] == "1 events: 1 users"
    assert texts[-1].startswith("87 to 100 events")


@dataclass(frozen=True)
class Effect:
    metric: str
    treatment: str
    effect: float | None
    low: float | None
    high: float | None
    significant: bool


def test_each_interval_says_its_ends_on_hover() -> None:
    svg = forest_plot(
        "plot",
        "C",
        [
            Effect("time_per_user", "<T1>", 12.345, 2.0, 22.5, True),
            Effect("sessions", "<T1>", -1.0, -3.0, 1.0, False),
            Effect("request_latency", "<T1>", None, None, None, False),
        ],
    )
    found = bands(svg)
    assert [text.translate(PLAIN) for *_, text in found] == [
        "time per user, &lt;T1&gt;: +12.35 %, from +2.00 to +22.50 %",
        "sessions, &lt;T1&gt;: -1.00 %, from -3.00 to +1.00 %, not significant",
    ]
    (_, upper, _, height, _), (_, lower, _, _, _) = found
    assert upper + height == pytest.approx(lower, abs=0.2)
    assert forest_plot("plot", "C", []) == ""


def timeline_of(*moments: str | None) -> list[Row]:
    """The rows of the analysis for events at these moments, each of a user of its own."""
    with duckdb.connect() as connection:
        connection.execute('create table events ("user" integer, timestamp timestamp)')
        for user, moment in enumerate(moments):
            connection.execute(
                "insert into events values (?, cast(? as timestamp))", [user, moment]
            )
        relation = connection.sql(TIMELINE)
        return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


@pytest.mark.parametrize(
    ("moments", "unit", "expected"),
    [
        (
            ("2024-02-19 07:59:30", None, "2024-02-19 10:59:01", "2024-02-19 07:59:59"),
            "minute",
            [(0, "2024-02-19 07:59", 2), (180, "2024-02-19 10:59", 1)],
        ),
        (
            ("2024-02-19 07:59:30", "2024-02-19 11:00:00"),
            "hour",
            [(0, "2024-02-19 07:00", 1), (4, "2024-02-19 11:00", 1)],
        ),
        (
            ("2024-02-19 23:59:30", "2024-02-27 00:00:00"),
            "day",
            [(0, "2024-02-19", 1), (8, "2024-02-27", 1)],
        ),
        (
            ("2020-02-19 23:59:30", "2024-02-27 00:00:00"),
            "month",
            [(0, "2020-02", 1), (48, "2024-02", 1)],
        ),
        # Milliseconds taken for seconds: a year that Python has no date for.
        (
            ("1970-01-01 00:00:00", "54000-02-27 00:00:00"),
            "year",
            [(0, "1970", 1), (52030, "54000", 1)],
        ),
        ((None,), "", []),
    ],
)
def test_a_timeline_counts_by_what_the_period_asks_for(
    moments: tuple[str | None, ...], unit: str, expected: list[tuple[int, str, int]]
) -> None:
    rows = timeline_of(*moments)
    assert [(row["number"], row["label"], row["events"]) for row in rows] == expected
    assert {row["unit"] for row in rows} <= {unit}
    chart = timeline(rows)
    assert len(bands(chart.svg)) == len(rows)
    if not rows:
        assert (chart.finding, chart.svg) == ("The events have no timestamps.", "")


def test_a_timeline_names_its_ends_its_peak_and_whole_days() -> None:
    days = range(19, 26)
    chart = timeline(
        timeline_of(*(f"2024-02-{day} {hour:02d}:30:00" for day in days for hour in range(24)))
    )
    assert chart.finding == (
        "The logs go from 2024-02-19 00:00 to 2024-02-25 23:00 UTC; the busiest hour is "
        "2024-02-19 00:00 with 1 events."
    )
    ticks = re.findall(r">(2024-02-\d\d)<", chart.svg)
    assert ticks == ["2024-02-20", "2024-02-22", "2024-02-25"]
    one = timeline(timeline_of("2024-02-19 07:59:30"))
    assert one.finding == "All events are of one minute, 2024-02-19 07:59 UTC."


def test_hours_without_events_say_so() -> None:
    rows: list[Row] = [{"hour": hour, "events": hour % 2, "users": hour % 2} for hour in range(24)]
    texts = [text for *_, text in bands(listening_by_hour(rows).svg)]
    assert texts[:2] == ["00:00: 0 events of 0 users", "01:00: 1 events of 1 users"]


def test_the_hours_of_a_short_log_are_said_and_not_drawn() -> None:
    rows: list[Row] = [{"hour": hour, "events": 9 * (hour == 7), "users": 2} for hour in range(24)]
    chart = listening_by_hour(rows)
    assert (chart.svg, chart.finding) == ("", "All events are from 07:00 to 08:00 UTC.")


def test_neighbors_that_nobody_has_are_not_drawn() -> None:
    rows: list[Row] = [
        {"sign": "positive", "neighbors": 2, "users": 3},
        {"sign": "negative", "neighbors": 0, "users": 3},
    ]
    chart = neighbors_per_user(rows)
    assert [text for *_, text in bands(chart.svg)] == ["2 neighbors: positive for 3 users"]
    assert "negative" not in chart.svg + chart.finding
