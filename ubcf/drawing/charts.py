"""The charts of a build: each a drawing, its finding in words, and its numbers as a table.

Each public function makes a Chart of the rows of an analysis; where the finding or the drawing
takes more than a few lines, a function `_..._finding` or `_draw_...` follows. A drawing returns its
values, which appear on hover.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

from ubcf.drawing.figures import (
    BARS,
    FIRST,
    INK,
    MUTED,
    PAPER,
    SECOND,
    Value,
    between,
    corner_text,
    draw_svg,
    histogram,
    label_ticks,
    line,
    log_x_axis,
    log_y_axis,
    name_axes,
    one_two_five,
    point_label,
    vertical_mark,
    whole_number,
    whole_percent,
    whole_range,
)
from ubcf.drawing.numbers import PERCENT_SIGN, digits, percent, signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = dict[str, Any]
Rows = Sequence[Row]
# (value, how often it occurs), ascending by value
Counts = Sequence[tuple[Any, int]]

# The axis of scores is linear from 0 to this score, and logarithmic beyond.
LINEAR_SCORES = 0.01

# The height of a forest plot, in units of the chart: of its axes, and of each effect.
FOREST_HEIGHT = 70
EFFECT_HEIGHT = 36

# Labels of the time axis of a timeline.
TIMELINE_TICKS = 4

# The least distance of two of them, as a part of the axis: labels of dates do not overlap.
CLOSEST_TICKS = 0.2

# By the unit of a timeline: how labels of whole hours, days, months, years and decades end, and how
# many characters of them are shown.
ROUND_LABELS = {
    "minute": (":00", 16),
    "hour": (" 00:00", 10),
    "day": ("-01", 7),
    "month": ("-01", 4),
    "year": ("0", 6),
}


@dataclass(frozen=True)
class Chart:
    """A chart: its drawing, what it shows in words, and its numbers as a table.

    name: the prefix of its ids in the page. svg: empty if there is nothing to draw. columns, rows:
    the table, as text.
    """

    name: str
    title: str
    finding: str
    svg: str = ""
    columns: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list)


# Events per user


def events_per_user(rows: Rows) -> Chart:
    """How many events users have."""
    counts = [(row["events"], row["users"]) for row in rows]
    name = "events-per-user"
    return Chart(
        name,
        "Events per user",
        _events_finding(rows, _median(counts)),
        draw_svg(name, lambda axes: _draw_events(axes, counts)),
        ("Events", "Users"),
        [(f"{events:,}", f"{users:,}") for events, users in counts],
    )


def _events_finding(rows: Rows, median: int) -> str:
    finding = (
        f"Half of the users have {median:,} {'event' if median == 1 else 'events'} or fewer; "
        f"the most active user has {rows[-1]['events']:,}."
    )
    # The last of the first 90 % of the users; many users can have as many events as this one.
    ninetieth = next(row for row in rows if row["share_of_users"] >= 0.9)
    busiest_users = 1 - ninetieth["share_of_users"]
    if busiest_users > 0:
        their_events = 1 - ninetieth["share_of_events"]
        finding += (
            f" The busiest {percent(busiest_users)} of the users make {percent(their_events)} of "
            "the events."
        )
    return finding


def _draw_events(axes: Axes, counts: Counts) -> list[Value]:
    values = histogram(axes, counts, "events", "users")
    name_axes(axes, x="events of a user", y="users")
    median = _median(counts)
    vertical_mark(axes, median, f"median {median:,}")
    return values


# Listening time


def listening_time(rows: Rows) -> Chart:
    """Which fraction of the track users listen to."""
    shares = [row["share_of_events"] for row in rows]
    parts = [f"{row['from_time']:.0%} to {row['to_time']:.0%}" for row in rows]
    name = "listening-time"
    return Chart(
        name,
        "Listening time",
        f"{percent(shares[0])} of the plays end within the first twentieth of the track, "
        f"{percent(shares[-1])} in the last.",
        draw_svg(name, lambda axes: _draw_times(axes, rows, parts)),
        ("Fraction of the track", "Plays", "Share"),
        [
            (part, f"{row['events']:,}", percent(row["share_of_events"]))
            for part, row in zip(parts, rows, strict=True)
        ],
    )


def _draw_times(axes: Axes, rows: Rows, parts: Sequence[str]) -> list[Value]:
    label_ticks(axes.xaxis, whole_percent)
    name_axes(axes, x="fraction of the track listened to", y="share of the plays")
    return _draw_parts(axes, rows, parts, "plays")


def ratings(rows: Rows) -> Chart:
    """Which ratings users give: in place of `listening_time`, for a build with a scale."""
    shares = [row["share_of_events"] for row in rows]
    parts = [f"{row['from_time']:g} to {row['to_time']:g}" for row in rows]
    name = "ratings"
    return Chart(
        name,
        "Ratings",
        f"{percent(shares[0])} of the ratings are from {parts[0]}, {percent(shares[-1])} from "
        f"{parts[-1]}.",
        draw_svg(name, lambda axes: _draw_ratings(axes, rows, parts)),
        ("Rating", "Ratings", "Share"),
        [
            (part, f"{row['events']:,}", percent(row["share_of_events"]))
            for part, row in zip(parts, rows, strict=True)
        ],
    )


def _draw_ratings(axes: Axes, rows: Rows, parts: Sequence[str]) -> list[Value]:
    label_ticks(axes.xaxis, lambda rating: f"{rating:g}")
    name_axes(axes, x="rating", y="share of the ratings")
    return _draw_parts(axes, rows, parts, "ratings")


def _draw_parts(axes: Axes, rows: Rows, parts: Sequence[str], counted: str) -> list[Value]:
    """A bar for each part of the scale; the first and the last have labels."""
    starts = [row["from_time"] for row in rows]
    shares = [row["share_of_events"] for row in rows]
    part = starts[1] - starts[0]
    axes.bar(starts, shares, width=0.92 * part, align="edge", color=FIRST)
    label_ticks(axes.yaxis, whole_percent)
    axes.set_xlim(starts[0] - 0.2 * part, starts[-1] + 1.2 * part)
    axes.margins(y=0.14)
    for bar, align in ((0, "left"), (-1, "right")):
        text = percent(shares[bar])
        point_label(axes, text, starts[bar] + 0.46 * part, shares[bar], align=align, rise=4)
    return [
        Value(
            start,
            start + part,
            f"{text}: {row['events']:,} {counted}, {percent(row['share_of_events'])}",
        )
        for start, text, row in zip(starts, parts, rows, strict=True)
    ]


# Neighbors per user


def neighbors_per_user(rows: Rows) -> Chart:
    """How many neighbors of each sign users have."""
    name, title = "neighbors-per-user", "Neighbors per user"
    if not rows:
        return Chart(name, title, "The build did not count the neighbors.")
    positive, negative = (
        [(row["neighbors"], row["users"]) for row in rows if row["sign"] == sign]
        for sign in ("positive", "negative")
    )
    return Chart(
        name,
        title,
        _neighbors_finding(positive, negative),
        draw_svg(name, lambda axes: _draw_neighbors(axes, positive, negative)),
        ("Sign", "Neighbors", "Users"),
        [(row["sign"], f"{row['neighbors']:,}", f"{row['users']:,}") for row in rows],
    )


def _neighbors_finding(positive: Counts, negative: Counts) -> str:
    users = sum(count for _, count in positive)
    alone = sum(count for neighbors, count in positive if neighbors == 0)
    others = f" and {_median(negative):,} or fewer negative ones" if _has_any(negative) else ""
    return f"Half of the users have {_median(positive):,} or fewer positive neighbors{others}; " + (
        f"{alone:,} of {users:,} have no positive one." if alone else "all have a positive one."
    )


def _has_any(counts: Counts) -> bool:
    """Whether somebody has a neighbor of a sign."""
    return any(neighbors > 0 for neighbors, _ in counts)


def _draw_neighbors(axes: Axes, positive: Counts, negative: Counts) -> list[Value]:
    """Two histograms with a common x axis: positive neighbors upwards, negative ones downwards.

    Without any negative neighbor there is only the first.
    """
    from matplotlib.ticker import MaxNLocator

    if not _has_any(negative):
        negative = []
    greatest = max(neighbors for neighbors, _ in (*positive, *negative))
    width = math.ceil((greatest + 1) / BARS)
    texts: dict[int, list[str]] = {}
    for sign, counts, direction, color in (
        ("positive", positive, 1, FIRST),
        ("negative", negative, -1, SECOND),
    ):
        if not counts:
            continue
        bars: dict[int, int] = {}
        for neighbors, count in counts:
            bars[neighbors // width] = bars.get(neighbors // width, 0) + count
        for bar, count in bars.items():
            texts.setdefault(bar, []).append(f"{sign} for {count:,} users")
        starts = [(bar - 0.5 / width + 0.04) * width for bar in bars]
        heights = [direction * count for count in bars.values()]
        axes.bar(starts, heights, width=width * 0.92, align="edge", color=color)
        text = f"{sign}, median {_median(counts):,}"
        corner_text(axes, text, 0.99, 0.97 if direction > 0 else 0.03, color, weight="bold")
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.margins(y=0.2)  # room for the two texts
    axes.spines["bottom"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    label_ticks(axes.yaxis, lambda users: whole_number(abs(users)))
    name_axes(axes, x="neighbors of a user", y="users")
    return [
        Value(
            bar * width - 0.5,
            (bar + 1) * width - 0.5,
            f"{whole_range(bar * width, (bar + 1) * width - 1)} neighbors: {', '.join(texts[bar])}",
        )
        for bar in sorted(texts)
    ]


# Similarity of neighbors


def similarity_distribution(rows: Rows) -> Chart:
    """How similar the stored neighbors are, and the nearest neighbor of each user."""
    name, title = "similarity", "Similarity of neighbors"
    stored = [(row["from_similarity"], row["neighbors"]) for row in rows]
    nearest = [(row["from_similarity"], row["nearest_neighbors"]) for row in rows]
    total = sum(count for _, count in stored)
    if total == 0:
        return Chart(name, title, "No neighbor with a similarity above 0 is stored.")
    half_bar = (rows[0]["to_similarity"] - rows[0]["from_similarity"]) / 2
    return Chart(
        name,
        title,
        f"Half of the {total:,} stored neighbors have a similarity below about "
        f"{_median(stored) + half_bar:.2f}; among the users' nearest neighbors, half are below "
        f"about {_median(nearest) + half_bar:.2f}.",
        draw_svg(name, lambda axes: _draw_similarities(axes, rows)),
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


def _draw_similarities(axes: Axes, rows: Rows) -> list[Value]:
    edges = [row["from_similarity"] for row in rows] + [1.0]
    for column, color, label in (
        ("neighbors", FIRST, "stored neighbors"),
        ("nearest_neighbors", SECOND, "nearest neighbor of each user"),
    ):
        heights = [row[column] for row in rows]
        axes.stairs(heights, edges, color=color, linewidth=1.6, label=label)
        axes.stairs(heights, edges, color=color, fill=True, alpha=0.15, linewidth=0)
    log_y_axis(axes)
    axes.set_ylim(bottom=0.7)
    axes.set_xlim(0, 1)
    name_axes(axes, x="similarity", y="neighbors, logarithmic")
    legend = axes.legend(loc="upper right", frameon=False, handlelength=1, fontsize=12)
    for text, color in zip(legend.get_texts(), (FIRST, SECOND), strict=True):
        text.set_color(color)
    return [
        Value(
            low,
            high,
            f"{low:.2f} to {high:.2f}: {row['neighbors']:,} stored neighbors, "
            f"{row['nearest_neighbors']:,} nearest ones",
        )
        for (low, high), row in zip(pairwise(edges), rows, strict=True)
        if row["neighbors"]
    ]


# Score by rank

# The sources of a recommendation, as columns of the analysis.
SOURCES = ("from_neighbors", "own", "popularity", "tail")


def score_by_rank(rows: Rows) -> Chart:
    """How scores fall with the rank."""
    name = "score-by-rank"
    quantiles = ("low", "lower_quarter", "median", "upper_quarter", "high")
    last = rows[-1]
    return Chart(
        name,
        "Score by rank",
        _scores_finding(rows[0], last),
        draw_svg(name, lambda axes: _draw_scores(axes, rows)),
        (
            *("Rank", "10 %", "25 %", "Median", "75 %", "90 %"),
            *("From neighbors", "Own", "Popular", "Below 0"),
        ),
        [
            (
                f"{row['rank']:,}",
                *(digits(row[quantile]) for quantile in quantiles),
                *(percent(row[f"share_{source}"]) for source in SOURCES),
            )
            for row in rows
            if row["rank"] in one_two_five(last["rank"]) or row is last
        ],
    )


def _scores_finding(first: Row, last: Row) -> str:
    finding = f"The median score is {digits(first['median'])} at rank 1"
    if last is not first:
        finding += f" and {digits(last['median'])} at rank {last['rank']:,}"
    if last["share_from_neighbors"] == 1:
        return f"{finding}; every recommendation there comes from neighbors."
    others = [
        f"{percent(last[f'share_{source}'])} {words}"
        for source, words in (
            ("own", "from the user's own listening alone"),
            ("popularity", "a popular track that fills the list (score 0)"),
            ("tail", "a track that neighbors speak against (below 0)"),
        )
        if last[f"share_{source}"] > 0
    ]
    return (
        f"{finding}. At rank {last['rank']:,}, {percent(last['share_from_neighbors'])} of the "
        f"users have a recommendation from neighbors, {', '.join(others)}."
    )


def _draw_scores(axes: Axes, rows: Rows) -> list[Value]:
    """The median of the scores at each rank, in bands of their middle 50 % and 80 %."""
    ranks = [row["rank"] for row in rows]
    low, lower_quarter, median, upper_quarter, high = (
        [row[quantile] for row in rows]
        for quantile in ("low", "lower_quarter", "median", "upper_quarter", "high")
    )
    axes.fill_between(ranks, low, high, color=FIRST, alpha=0.13, lw=0)
    axes.fill_between(ranks, lower_quarter, upper_quarter, color=FIRST, alpha=0.22, lw=0)
    line(axes, ranks, median, FIRST)
    log_x_axis(axes, one_two_five(ranks[-1]))
    axes.set_xlim(1 if len(ranks) > 1 else 0.5, max(ranks[-1], 2))
    _score_axis(axes, min(low), max(high))
    name_axes(axes, x="rank, logarithmic", y="score, logarithmic above 0.01")
    text = "median, middle half and\nmiddle 80 % of the users"
    corner_text(axes, text, 0.99, 0.97, FIRST, linespacing=1.3)
    return [
        Value(
            *around,
            f"rank {row['rank']:,}: median {digits(row['median'])}, half from "
            f"{digits(row['lower_quarter'])} to {digits(row['upper_quarter'])}, 80"
            f"{PERCENT_SIGN} from {digits(row['low'])} to {digits(row['high'])}",
        )
        for around, row in zip(between(ranks, ratio=True), rows, strict=True)
    ]


def _score_axis(axes: Axes, least: float, greatest: float) -> None:
    """Makes the y axis logarithmic on both sides of 0, and linear near it."""
    from matplotlib.ticker import FixedLocator, NullLocator

    axes.set_yscale("symlog", linthresh=LINEAR_SCORES, linscale=0.6)
    top, bottom = max(greatest, LINEAR_SCORES), min(least, 0.0)
    powers = [10.0**power for power in range(-2, math.ceil(math.log10(top)) + 1)]
    ticks = [0.0, *powers]
    if bottom < 0:
        ticks = [-power for power in powers if power <= -bottom * 10] + ticks
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    label_ticks(axes.yaxis, lambda score: f"{score:g}")
    axes.set_ylim(bottom * 1.3 if bottom < 0 else 0, top * 1.3)


# Recommendations by popularity


def recommendations_by_popularity(rows: Rows, listening: str = "listening time") -> Chart:
    """Which share of the recommendations and of the listening time popular tracks get.

    listening: what times are, in words.
    """
    name = "popularity"
    return Chart(
        name,
        "Recommendations by popularity",
        _popularity_finding(
            min(rows, key=lambda row: abs(row["share_of_tracks"] - 0.01)), listening
        ),
        draw_svg(name, lambda axes: _draw_popularity(axes, rows, listening)),
        (
            *("Most popular tracks", "Share of tracks"),
            *("Recommendations", "From neighbors", listening.capitalize()),
        ),
        [
            (
                f"{row['tracks']:,}",
                percent(row["share_of_tracks"]),
                percent(row["share_of_recommendations"] or 0),
                percent(row["share_from_neighbors"] or 0),
                "" if row["share_of_listening"] is None else percent(row["share_of_listening"]),
            )
            for row in rows
        ],
    )


def _popularity_finding(row: Row, listening: str) -> str:
    finding = (
        f"The most popular {percent(row['share_of_tracks'])} of the tracks ({row['tracks']:,}) "
        f"get {percent(row['share_of_recommendations'] or 0)} of all recommendations"
    )
    if row["share_from_neighbors"] is not None:
        finding += f", {percent(row['share_from_neighbors'])} of those from neighbors"
    share = row["share_of_listening"]
    if share is None:
        return f"{finding}."
    return f"{finding} and {percent(share)} of all {listening}."


def _draw_popularity(axes: Axes, rows: Rows, listening: str) -> list[Value]:
    from matplotlib.ticker import NullLocator

    shares = [row["share_of_tracks"] for row in rows]
    drawn = []
    texts = [
        f"the {row['tracks']:,} most popular tracks, {percent(share)}"
        for row, share in zip(rows, shares, strict=True)
    ]
    for column, color, label in (
        ("share_of_recommendations", MUTED, "recommendations, with what fills lists"),
        ("share_from_neighbors", FIRST, "recommendations from neighbors"),
        ("share_of_listening", SECOND, listening),
    ):
        values = [row[column] for row in rows]
        if None not in values:
            line(axes, shares, values, color)
            drawn.append((sum(values), label, color))
            for number, value in enumerate(values):
                texts[number] += f"; {percent(value)} of {label}"
    axes.set_xscale("log")
    axes.set_xlim(min(shares[0], 0.5), 1.05)
    axes.set_ylim(0, 1.04)
    axes.xaxis.set_minor_locator(NullLocator())
    label_ticks(axes.xaxis, lambda share: f"{100 * share:g}{PERCENT_SIGN}")
    label_ticks(axes.yaxis, whole_percent)
    name_axes(axes, x="most popular tracks, share of all, logarithmic", y="share of the total")
    # In the corner that the lines leave free, the upper line first.
    for number, (_, label, color) in enumerate(sorted(drawn, reverse=True)):
        corner_text(axes, label, 0.02, 0.97 - 0.11 * number, color, weight="bold")
    return [
        Value(*around, text)
        for around, text in zip(between(shares, ratio=True), texts, strict=True)
    ]


# Coverage


def coverage_curve(rows: Rows) -> Chart:
    """Which share of the tracks is recommended to anyone, by the length of the lists."""
    name = "coverage"
    last = rows[-1]
    ten = next((row for row in rows if row["list_length"] == 10 and row is not last), None)
    return Chart(
        name,
        "Coverage",
        _coverage_finding(ten, last),
        draw_svg(name, lambda axes: _draw_coverage(axes, rows, [ten, last] if ten else [last])),
        ("List length", "Tracks", "Share", "From neighbors", "Share"),
        [
            (
                f"{row['list_length']:,}",
                f"{row['tracks']:,}",
                percent(row["share_of_tracks"]),
                f"{row['from_neighbors']:,}",
                percent(row["share_from_neighbors"]),
            )
            for row in rows
            if row["list_length"] in one_two_five(last["list_length"]) or row is last
        ],
    )


def _coverage_finding(ten: Row | None, last: Row) -> str:
    finding = (
        f"With lists of {last['list_length']:,}, {percent(last['share_of_tracks'])} of the tracks "
        f"({last['tracks']:,}) are recommended to someone, "
        f"{percent(last['share_from_neighbors'])} by neighbors"
    )
    if ten is not None:
        finding += f"; with lists of 10, {percent(ten['share_of_tracks'])} ({ten['tracks']:,})"
    return f"{finding}."


def _draw_coverage(axes: Axes, rows: Rows, labeled: Rows) -> list[Value]:
    """The curve, with a dot and a percentage at the rows of `labeled`."""
    from matplotlib.ticker import MaxNLocator

    lengths = [row["list_length"] for row in rows]
    shares = [row["share_of_tracks"] for row in rows]
    line(axes, lengths, shares, FIRST)
    from_neighbors = [row["share_from_neighbors"] for row in rows]
    axes.plot(lengths, from_neighbors, color=FIRST, linewidth=1.6, linestyle=(0, (3, 2)))
    corner_text(axes, "to anyone; dashed: by neighbors", 0.99, 0.03, FIRST)
    axes.fill_between(lengths, shares, color=FIRST, alpha=0.13, lw=0)
    for row in labeled:
        length, share = row["list_length"], row["share_of_tracks"]
        axes.plot(length, share, "o", color=FIRST, clip_on=False)
        point_label(axes, percent(share), length, share, align="right", rise=8)
    axes.set_ylim(0, 1.12)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_xlim(0, max(lengths[-1], 2) * 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    label_ticks(axes.yaxis, whole_percent)
    name_axes(axes, x="list length", y="share of the tracks recommended to anyone")
    return [
        Value(
            length - 0.5,
            length + 0.5,
            f"lists of {length:,}: {row['tracks']:,} tracks, {percent(row['share_of_tracks'])}; "
            f"{percent(row['share_from_neighbors'])} by neighbors",
        )
        for length, row in zip(lengths, rows, strict=True)
    ]


# When users listen


def timeline(rows: Rows) -> Chart:
    """How many events each minute, hour, day, month or year of the logs has."""
    name, title = "timeline", "Events over time"
    if not rows:
        return Chart(name, title, "The events have no timestamps.")
    first, last, peak = rows[0], rows[-1], max(rows, key=lambda row: row["events"])
    unit = first["unit"]
    if first is last:
        finding = f"All events are of one {unit}, {first['label']} UTC."
    else:
        finding = (
            f"The logs go from {first['label']} to {last['label']} UTC; the busiest {unit} is "
            f"{peak['label']} with {peak['events']:,} events."
        )
    return Chart(
        name,
        title,
        finding,
        draw_svg(name, lambda axes: _draw_timeline(axes, rows)),
        (f"{unit.capitalize()}, UTC", "Events", "Users"),
        [(row["label"], f"{row['events']:,}", f"{row['users']:,}") for row in rows],
    )


def _draw_timeline(axes: Axes, rows: Rows) -> list[Value]:
    """Steps without gaps between them; a unit without events has no row, and a height of 0."""
    edges, heights = [0], []
    for row in rows:
        if row["number"] > edges[-1]:
            edges.append(row["number"])
            heights.append(0)
        edges.append(row["number"] + 1)
        heights.append(row["events"])
    axes.stairs(heights, edges, fill=True, color=FIRST)
    axes.set_xlim(0, edges[-1])
    axes.set_ylim(bottom=0)
    axes.set_xticks(*zip(*_ticks(rows), strict=True))
    label_ticks(axes.yaxis, whole_number)
    unit = rows[0]["unit"]
    name_axes(axes, x=f"{unit}, UTC", y=f"events of each {unit}")
    return [
        Value(
            row["number"],
            row["number"] + 1,
            f"{row['label']}: {row['events']:,} events of {row['users']:,} users",
        )
        for row in rows
    ]


def _ticks(rows: Rows) -> list[tuple[float, str]]:
    """Some places on the axis of a timeline, about evenly spaced, and their labels."""
    labels = {row["number"]: row["label"] for row in rows}
    end, short = ROUND_LABELS[rows[0]["unit"]]
    whole = {number: label for number, label in labels.items() if label.endswith(end)}
    if len(whole) < TIMELINE_TICKS:
        whole, short = labels, len(rows[0]["label"])
    last = rows[-1]["number"]
    targets = [last * (place + 0.5) / TIMELINE_TICKS for place in range(TIMELINE_TICKS)]
    found = dict.fromkeys(min(whole, key=lambda n: abs(n - target)) for target in targets)
    ticks: list[tuple[float, str]] = []
    previous = ""
    for number in found:
        if ticks and number + 0.5 - ticks[-1][0] < CLOSEST_TICKS * last:
            continue
        # The date stands below the time, where it is another than that of the last tick.
        date, _, time = whole[number][:short].partition(" ")
        text = date if not time else time if date == previous else f"{time}\n{date}"
        ticks.append((number + 0.5, text))
        previous = date
    return ticks


def listening_by_hour(rows: Rows) -> Chart:
    """When users listen, by the hour of the day."""
    name, title = "hours", "Listening by hour of the day"
    total = sum(row["events"] for row in rows)
    if total == 0:
        return Chart(name, title, "The events have no timestamps.")
    peak = max(rows, key=lambda row: row["events"])
    hour = f"{peak['hour']:02d}:00 to {peak['hour'] + 1:02d}:00 UTC"
    if peak["events"] == total:
        return Chart(name, title, f"All events are from {hour}.")
    return Chart(
        name,
        title,
        f"The busiest hour is {hour} with {percent(peak['events'] / total)} of the events.",
        draw_svg(name, lambda axes: _draw_hours(axes, rows)),
        ("Hour, UTC", "Events", "Users"),
        [
            (f"{row['hour']:02d}:00", f"{row['events']:,}", f"{row['users']:,}")
            for row in rows
            if row["events"]
        ],
    )


def _draw_hours(axes: Axes, rows: Rows) -> list[Value]:
    starts = [row["hour"] + 0.07 for row in rows]
    axes.bar(starts, [row["events"] for row in rows], width=0.86, align="edge", color=FIRST)
    axes.set_xlim(0, 24)
    axes.set_xticks(range(0, 25, 6), [f"{hour:02d}:00" for hour in range(0, 25, 6)])
    label_ticks(axes.yaxis, whole_number)
    name_axes(axes, x="hour of the day, UTC", y="events")
    return [
        Value(
            row["hour"],
            row["hour"] + 1,
            f"{row['hour']:02d}:00: {row['events']:,} events of {row['users']:,} users",
        )
        for row in rows
    ]


# Experiments


class Effect(Protocol):
    """The effect of a treatment on a metric, and its confidence interval, which may be unknown.

    effect, low, high: in percent of the control's mean.
    """

    @property
    def metric(self) -> str: ...
    @property
    def treatment(self) -> str: ...
    @property
    def effect(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...
    @property
    def significant(self) -> bool: ...


@dataclass(frozen=True)
class Interval:
    """An effect that has an interval: its label and its numbers."""

    label: str
    effect: float
    low: float
    high: float
    significant: bool


def forest_plot(name: str, control: str, effects: Sequence[Effect]) -> str:
    """The effects that have an interval as SVG, each a point on it; empty if there are none.

    name: the prefix of the ids in it. control: the treatment that effects are compared with.
    https://en.wikipedia.org/wiki/Forest_plot
    """
    intervals = [
        Interval(
            f"{each.metric.replace('_', ' ')}, {each.treatment}",
            each.effect,
            each.low,
            each.high,
            each.significant,
        )
        for each in effects
        if each.effect is not None and each.low is not None and each.high is not None
    ]
    if not intervals:
        return ""
    return draw_svg(
        name,
        lambda axes: _draw_forest(axes, control, intervals),
        height=FOREST_HEIGHT + EFFECT_HEIGHT * len(intervals),
    )


def _draw_forest(axes: Axes, control: str, intervals: Sequence[Interval]) -> list[Value]:
    from matplotlib.ticker import MaxNLocator

    axes.axvline(0, color=MUTED, linewidth=1)
    for y, interval in enumerate(intervals):
        _draw_interval(axes, y, interval)
    axes.set_yticks(range(len(intervals)), [interval.label for interval in intervals])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_ylim(len(intervals) - 0.5, -0.7)
    axes.grid(False, axis="y")
    axes.grid(True, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    label_ticks(
        axes.xaxis, lambda effect: f"{effect:g}{PERCENT_SIGN}".replace("-", "\N{MINUS SIGN}")
    )
    axes.margins(x=0.08)
    axes.set_xlabel(f"difference from {control}")
    return [
        Value(
            y - 0.5,
            y + 0.5,
            f"{interval.label}: {signed(interval.effect, 2)}{PERCENT_SIGN}, from "
            f"{signed(interval.low, 2)} to {signed(interval.high, 2)}{PERCENT_SIGN}"
            f"{'' if interval.significant else ', not significant'}",
            vertical=False,
        )
        for y, interval in enumerate(intervals)
    ]


def _draw_interval(axes: Axes, y: int, interval: Interval) -> None:
    """An interval as a horizontal line; the point of a significant effect is filled."""
    color = FIRST if interval.significant else MUTED
    axes.plot([interval.low, interval.high], [y, y], color=color, linewidth=2)
    axes.plot(
        interval.effect,
        y,
        "o",
        markersize=7,
        markeredgewidth=1.6,
        color=color,
        markerfacecolor=color if interval.significant else PAPER,
    )
    point_label(
        axes,
        f"{signed(interval.effect, 1)}{PERCENT_SIGN}",
        interval.effect,
        y,
        align="center",
        rise=7,
        color=INK if interval.significant else MUTED,
        # A background, so that no line of the grid crosses the digits.
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.5},
    )


# What they share


def _median(counts: Counts) -> Any:
    """The lower median: the first value with at least half of all at or below it."""
    half = sum(count for _, count in counts) / 2
    for value, count in counts:
        half -= count
        if half <= 0:
            return value
    raise ValueError("no values")


# The charts of a build, in order, each under the analysis whose rows it takes.
CHARTS: dict[str, Callable[[Rows], Chart]] = {
    "timeline": timeline,
    "events_per_user": events_per_user,
    "listening_time": listening_time,
    "neighbors_per_user": neighbors_per_user,
    "similarity_distribution": similarity_distribution,
    "score_by_rank": score_by_rank,
    "recommendations_by_popularity": recommendations_by_popularity,
    "coverage_curve": coverage_curve,
    "listening_by_hour": listening_by_hour,
}

# Of a build with a scale, the charts in place of those of the same analyses.
CHARTS_OF_RATINGS: dict[str, Callable[[Rows], Chart]] = {
    "listening_time": ratings,
    "recommendations_by_popularity": partial(
        recommendations_by_popularity, listening="ratings, each as 0 to 1"
    ),
}


def draw_charts(rows_of: Callable[[str], Rows], *, are_ratings: bool) -> Iterator[Chart]:
    """The charts of a build, one after the other.

    rows_of: gives the rows of an analysis by its name. are_ratings: whether the build has a scale.
    """
    for analysis, chart in (CHARTS | (CHARTS_OF_RATINGS if are_ratings else {})).items():
        yield chart(rows_of(analysis))
