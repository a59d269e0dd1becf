"""The charts of the report: inline SVG by matplotlib, and what each shows in words.

Colors are CSS variables of the page, so that one drawing is right on light and on dark paper;
texts stay texts, in the page's font.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ubcf.drawing.figures import (
    BARS,
    FIRST,
    INK,
    MUTED,
    PAPER,
    SECOND,
    _histogram,
    _mark,
    _one_two_five,
    _percents,
    _plain_log,
    _thousands,
    drawing,
)
from ubcf.drawing.numbers import PERCENT_SIGN, digits, percent, signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = dict[str, Any]

Rows = Sequence[Row]

# Below this the axis of scores is linear, so that it can show 0 and what is less.
SMALL_SCORE = 0.01


@dataclass(frozen=True)
class Chart:
    """A chart: its drawing, what it shows in words, and its numbers as a table.

    name: for ids in the page; svg: empty where there is nothing to draw.
    """

    name: str
    title: str
    finding: str
    svg: str = ""
    columns: tuple[str, ...] = ()
    rows: list[tuple[Any, ...]] = field(default_factory=list)


# The charts


def events_per_user(rows: Rows) -> Chart:
    """Of the analysis events_per_user."""
    counts = [(row["events"], row["users"]) for row in rows]
    median = _median(counts)
    busiest = next(row for row in rows if row["share_of_users"] >= 0.9)
    # The users above the boundary, where there are any; else all of them.
    above = 1 - busiest["share_of_events"]
    users_above = 1 - busiest["share_of_users"]
    finding = (
        f"Half of the users have {median:,} {'event' if median == 1 else 'events'} or fewer; "
        f"the most of one user is {rows[-1]['events']:,}."
    )
    if users_above > 0:
        finding += (
            f" The busiest {percent(users_above)} of the users make {percent(above)} of the events."
        )

    def draw(axes: Axes) -> None:
        _histogram(axes, counts)
        axes.set_title("users")
        axes.set_xlabel("events of a user")
        _mark(axes, median, f"median {median:,}")

    return Chart(
        "events-per-user",
        "Events per user",
        finding,
        drawing("events-per-user", draw),
        ("Events", "Users"),
        [(f"{events:,}", f"{users:,}") for events, users in counts],
    )


def listening_time(rows: Rows) -> Chart:
    """Of the analysis listening_time."""
    shares = [row["share_of_events"] for row in rows]
    finding = (
        f"{percent(shares[0])} of the plays end within the first twentieth of the track, "
        f"{percent(shares[-1])} in the last."
    )

    def draw(axes: Axes) -> None:
        lefts = [row["from_time"] for row in rows]
        axes.bar(lefts, shares, width=0.046, align="edge", color=FIRST)
        axes.xaxis.set_major_formatter(_percents())
        axes.yaxis.set_major_formatter(_percents())
        axes.set_xlim(-0.01, 1.01)
        axes.set_title("share of the plays")
        axes.set_xlabel("part of the track listened to")
        axes.margins(y=0.14)
        for place in (0, -1):
            axes.annotate(
                percent(shares[place]),
                (lefts[place] + 0.023, shares[place]),
                xytext=(0, 4),
                textcoords="offset points",
                ha="left" if place == 0 else "right",
            )

    return Chart(
        "listening-time",
        "Listening time",
        finding,
        drawing("listening-time", draw),
        ("Part of the track", "Plays", "Share"),
        [
            (
                f"{row['from_time']:.0%} to {row['to_time']:.0%}",
                f"{row['events']:,}",
                percent(row["share_of_events"]),
            )
            for row in rows
        ],
    )


def neighbors_per_user(rows: Rows) -> Chart:
    """Of the analysis neighbors_per_user."""
    name, title = "neighbors-per-user", "Neighbors per user"
    if not rows:
        return Chart(name, title, "The build did not count the neighbors.")
    signs = {
        sign: [(row["neighbors"], row["users"]) for row in rows if row["sign"] == sign]
        for sign in ("positive", "negative")
    }
    medians = {sign: _median(counts) for sign, counts in signs.items()}
    users = sum(count for _, count in signs["positive"])
    alone = sum(count for neighbors, count in signs["positive"] if neighbors == 0)
    finding = (
        f"Half of the users have {medians['positive']:,} or fewer positive neighbors and "
        f"{medians['negative']:,} or fewer negative ones; "
        + (f"{alone:,} of {users:,} have no positive one." if alone else "all have a positive one.")
    )
    most = max(neighbors for counts in signs.values() for neighbors, _ in counts)
    width = math.ceil((most + 1) / BARS)

    def draw(axes: Axes) -> None:
        from matplotlib.ticker import FuncFormatter, MaxNLocator

        for sign, direction, color in (("positive", 1, FIRST), ("negative", -1, SECOND)):
            bars: dict[int, int] = {}
            for neighbors, count in signs[sign]:
                bars[neighbors // width] = bars.get(neighbors // width, 0) + count
            lefts = [(place - 0.5 / width + 0.04) * width for place in bars]
            heights = [direction * count for count in bars.values()]
            axes.bar(lefts, heights, width=width * 0.92, align="edge", color=color)
            axes.text(
                0.99,
                0.97 if direction > 0 else 0.03,
                f"{sign}, median {medians[sign]:,}",
                color=color,
                transform=axes.transAxes,
                ha="right",
                va="top" if direction > 0 else "bottom",
                weight="bold",
            )
        axes.axhline(0, color=MUTED, linewidth=0.8)
        # Room for the two texts.
        axes.margins(y=0.2)
        axes.spines["bottom"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):,.0f}"))
        axes.set_title("users")
        axes.set_xlabel("neighbors of a user")

    return Chart(
        "neighbors-per-user",
        "Neighbors per user",
        finding,
        drawing("neighbors-per-user", draw),
        ("Sign", "Neighbors", "Users"),
        [(row["sign"], f"{row['neighbors']:,}", f"{row['users']:,}") for row in rows],
    )


def similarity_distribution(rows: Rows) -> Chart:
    """Of the analysis similarity_distribution."""
    name, title = "similarity", "Similarity of neighbors"
    counts = [(row["from_similarity"], row["neighbors"]) for row in rows]
    nearest = [(row["from_similarity"], row["nearest_neighbors"]) for row in rows]
    total = sum(count for _, count in counts)
    if total == 0:
        return Chart(name, title, "No neighbor with a similarity above 0 is stored.")
    width = rows[0]["to_similarity"] - rows[0]["from_similarity"]
    medians = _median(counts) + width / 2, _median(nearest) + width / 2
    finding = (
        f"Half of the {total:,} stored neighbors (at most 50 a user) have a similarity below about "
        f"{medians[0]:.2f}; of the users' nearest neighbors, half are below about {medians[1]:.2f}."
    )

    def draw(axes: Axes) -> None:
        edges = [row["from_similarity"] for row in rows] + [1.0]
        for series, color, label in (
            (counts, FIRST, "stored neighbors"),
            (nearest, SECOND, "nearest neighbor of each user"),
        ):
            heights = [count for _, count in series]
            axes.stairs(heights, edges, color=color, linewidth=1.6, label=label)
            axes.stairs(heights, edges, color=color, fill=True, alpha=0.15, linewidth=0)
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.7)
        _plain_log(axes.yaxis)
        axes.set_xlim(0, 1)
        axes.set_title("neighbors, logarithmic")
        axes.set_xlabel("similarity")
        legend = axes.legend(loc="upper right", frameon=False, handlelength=1, fontsize=12)
        for text, color in zip(legend.get_texts(), (FIRST, SECOND), strict=True):
            text.set_color(color)

    return Chart(
        name,
        title,
        finding,
        drawing(name, draw),
        ("Similarity", "Neighbors", "Nearest neighbors"),
        [
            (
                f"{row['from_similarity']:.2f} to {row['to_similarity']:.2f}",
                f"{row['neighbors']:,}",
                f"{row['nearest_neighbors']:,}",
            )
            for row in rows
            if row["neighbors"]
        ],
    )


def score_by_rank(rows: Rows) -> Chart:
    """Of the analysis score_by_rank."""
    first, last = rows[0], rows[-1]
    finding = f"The median score is {digits(first['median'])} at rank 1"
    if last is not first:
        finding += f" and {digits(last['median'])} at rank {last['rank']:,}"
    if last["share_positive"] == 1:
        finding += "; every recommendation has a positive score."
    else:
        finding += (
            f"; {percent(last['share_positive'])} of the users who have a recommendation at rank "
            f"{last['rank']:,} have a positive score there."
        )

    def draw(axes: Axes) -> None:
        from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

        ranks = [row["rank"] for row in rows]
        # A line needs two points.
        marker = "o" if len(ranks) == 1 else None

        def column(key: str) -> list[float]:
            return [row[key] for row in rows]

        axes.fill_between(ranks, column("low"), column("high"), color=FIRST, alpha=0.13, lw=0)
        axes.fill_between(
            ranks, column("lower_quarter"), column("upper_quarter"), color=FIRST, alpha=0.22, lw=0
        )
        axes.plot(ranks, column("median"), color=FIRST, linewidth=2, marker=marker)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(_one_two_five(ranks[-1])))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.set_xlim(1 if len(ranks) > 1 else 0.5, max(ranks[-1], 2))
        axes.set_yscale("symlog", linthresh=SMALL_SCORE, linscale=0.6)
        top = max(max(column("high")), SMALL_SCORE)
        bottom = min(min(column("low")), 0.0)
        powers = [10.0**power for power in range(-2, math.ceil(math.log10(top)) + 1)]
        ticks = [0.0, *powers]
        if bottom < 0:
            ticks = [-power for power in powers if power <= -bottom * 10] + ticks
        axes.yaxis.set_major_locator(FixedLocator(ticks))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_ylim(bottom * 1.3 if bottom < 0 else 0, top * 1.3)
        axes.set_title("score, logarithmic above 0.01")
        axes.set_xlabel("rank, logarithmic")
        axes.text(
            0.99,
            0.97,
            "median, middle half and\nmiddle 80 % of the users",
            transform=axes.transAxes,
            ha="right",
            va="top",
            color=FIRST,
            linespacing=1.3,
        )

    return Chart(
        "score-by-rank",
        "Score by rank",
        finding,
        drawing("score-by-rank", draw),
        ("Rank", "10 %", "25 %", "Median", "75 %", "90 %", "Positive"),
        [
            (
                f"{row['rank']:,}",
                *(
                    digits(row[key])
                    for key in ("low", "lower_quarter", "median", "upper_quarter", "high")
                ),
                percent(row["share_positive"]),
            )
            for row in rows
            if row["rank"] in _one_two_five(last["rank"]) or row is last
        ],
    )


def recommendations_by_popularity(rows: Rows) -> Chart:
    """Of the analysis recommendations_by_popularity."""
    name, title = "popularity", "Recommendations by popularity"
    near_one = min(rows, key=lambda row: abs(row["share_of_tracks"] - 0.01))
    listened = near_one["share_of_listening"]
    finding = (
        f"The most popular {percent(near_one['share_of_tracks'])} of the tracks "
        f"({near_one['tracks']:,}) get {percent(near_one['share_of_recommendations'] or 0)} of all "
        "recommendations"
    )
    finding += "." if listened is None else f" and {percent(listened)} of all listening time."

    def draw(axes: Axes) -> None:
        from matplotlib.ticker import FuncFormatter, NullLocator

        shares = [row["share_of_tracks"] for row in rows]
        marker = "o" if len(shares) == 1 else None
        ends = []
        for key, color, label in (
            ("share_of_recommendations", FIRST, "recommendations"),
            ("share_of_listening", SECOND, "listening time"),
        ):
            values = [row[key] for row in rows]
            if None not in values:
                axes.plot(shares, values, color=color, linewidth=2, marker=marker)
                ends.append((sum(values), label, color))
        axes.set_xscale("log")
        axes.set_xlim(min(shares[0], 0.5), 1.05)
        axes.set_ylim(0, 1.04)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(
            FuncFormatter(lambda value, _: f"{100 * value:g}{PERCENT_SIGN}")
        )
        axes.yaxis.set_major_formatter(_percents())
        axes.set_title("share of the whole")
        axes.set_xlabel("most popular tracks, share of all, logarithmic")
        # In the free corner, in the order of the lines.
        for place, (_, label, color) in enumerate(sorted(ends, reverse=True)):
            axes.text(
                0.02,
                0.97 - 0.11 * place,
                label,
                transform=axes.transAxes,
                color=color,
                weight="bold",
                va="top",
            )

    return Chart(
        name,
        title,
        finding,
        drawing(name, draw),
        ("Most popular tracks", "Share of tracks", "Recommendations", "Listening time"),
        [
            (
                f"{row['tracks']:,}",
                percent(row["share_of_tracks"]),
                percent(row["share_of_recommendations"] or 0),
                "" if row["share_of_listening"] is None else percent(row["share_of_listening"]),
            )
            for row in rows
        ],
    )


def coverage_curve(rows: Rows) -> Chart:
    """Of the analysis coverage_curve."""
    last = rows[-1]
    ten = next((row for row in rows if row["list_length"] == 10), None)
    finding = (
        f"With lists of {last['list_length']:,}, {percent(last['share_of_tracks'])} of the tracks "
        f"({last['tracks']:,}) are recommended to somebody"
    )
    if ten is not None and ten is not last:
        finding += f"; with lists of 10, {percent(ten['share_of_tracks'])} ({ten['tracks']:,})"
    finding += "."

    def draw(axes: Axes) -> None:
        from matplotlib.ticker import MaxNLocator

        lengths = [row["list_length"] for row in rows]
        shares = [row["share_of_tracks"] for row in rows]
        marker = "o" if len(rows) == 1 else None
        axes.plot(lengths, shares, color=FIRST, linewidth=2, marker=marker)
        axes.fill_between(lengths, shares, color=FIRST, alpha=0.13, lw=0)
        for row in {id(row): row for row in (ten, last) if row is not None}.values():
            axes.plot(row["list_length"], row["share_of_tracks"], "o", color=FIRST, clip_on=False)
            axes.annotate(
                percent(row["share_of_tracks"]),
                (row["list_length"], row["share_of_tracks"]),
                xytext=(0, 8),
                textcoords="offset points",
                ha="right",
            )
        axes.set_ylim(0, 1.12)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
        axes.set_xlim(0, max(lengths[-1], 2) * 1.02)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_formatter(_percents())
        axes.set_title("share of the tracks recommended to anyone")
        axes.set_xlabel("length of the lists")

    return Chart(
        "coverage",
        "Coverage",
        finding,
        drawing("coverage", draw),
        ("Length of the lists", "Tracks", "Share"),
        [
            (f"{row['list_length']:,}", f"{row['tracks']:,}", percent(row["share_of_tracks"]))
            for row in rows
            if row["list_length"] in _one_two_five(last["list_length"]) or row is last
        ],
    )


def listening_by_hour(rows: Rows, first: str | None, last: str | None) -> Chart:
    """Of the analysis listening_by_hour; first and last: moments of the logs, as text."""
    name, title = "hours", "Listening by hour"
    total = sum(row["events"] for row in rows)
    if total == 0:
        return Chart(name, title, "The logs do not say when their events were.")
    peak = max(rows, key=lambda row: row["events"])
    finding = (
        f"The busiest hour is {peak['hour']:02d}:00 to {peak['hour'] + 1:02d}:00 UTC with "
        f"{percent(peak['events'] / total)} of the events. The logs go from {first} to {last} UTC."
    )

    def draw(axes: Axes) -> None:
        hours = [row["hour"] for row in rows]
        events = [row["events"] for row in rows]
        axes.bar([hour + 0.07 for hour in hours], events, width=0.86, align="edge", color=FIRST)
        axes.set_xlim(0, 24)
        axes.set_xticks(range(0, 25, 6), [f"{hour:02d}:00" for hour in range(0, 25, 6)])
        axes.yaxis.set_major_formatter(_thousands())
        axes.set_title("events")
        axes.set_xlabel("hour of the day, UTC")

    return Chart(
        name,
        title,
        finding,
        drawing(name, draw),
        ("Hour, UTC", "Events", "Users"),
        [
            (f"{row['hour']:02d}:00", f"{row['events']:,}", f"{row['users']:,}")
            for row in rows
            if row["events"]
        ],
    )


@dataclass(frozen=True)
class Interval:
    """An effect of an experiment in percent and its confidence interval, for `forest`."""

    label: str
    effect: float
    low: float
    high: float
    significant: bool


def forest(name: str, control: str, intervals: Sequence[Interval]) -> str:
    """The effects of an experiment, each a point with its interval: SVG."""

    def draw(axes: Axes) -> None:
        from matplotlib.ticker import FuncFormatter, MaxNLocator

        axes.axvline(0, color=MUTED, linewidth=1)
        for place, interval in enumerate(intervals):
            color = FIRST if interval.significant else MUTED
            axes.plot([interval.low, interval.high], [place, place], color=color, linewidth=2)
            axes.plot(
                interval.effect,
                place,
                "o",
                markersize=7,
                markeredgewidth=1.6,
                color=color,
                markerfacecolor=color if interval.significant else PAPER,
            )
            axes.annotate(
                f"{signed(interval.effect, 1)}{PERCENT_SIGN}",
                (interval.effect, place),
                xytext=(0, 7),
                textcoords="offset points",
                ha="center",
                color=INK if interval.significant else MUTED,
                # No line goes through the digits.
                bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.5},
            )
        axes.set_yticks(range(len(intervals)), [interval.label for interval in intervals])
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_ylim(len(intervals) - 0.5, -0.7)
        axes.grid(False, axis="y")
        axes.grid(True, axis="x")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(
            FuncFormatter(
                lambda value, _: f"{value:g}{PERCENT_SIGN}".replace("-", "\N{MINUS SIGN}")
            )
        )
        axes.margins(x=0.08)
        axes.set_xlabel(f"difference to {control}")

    return drawing(name, draw, height=70 + 36 * len(intervals))


def _median(counts: Sequence[tuple[Any, int]]) -> Any:
    """The first value with half of all at or under it, of (value, how often) in order."""
    half = sum(count for _, count in counts) / 2
    for value, count in counts:
        half -= count
        if half <= 0:
            return value
    raise ValueError("no values")
