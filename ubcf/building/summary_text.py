"""The summary of a build as text, one line a figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ubcf.errors import printable

if TYPE_CHECKING:
    from ubcf.building.summary import BuildSummary


def summary_text(summary: BuildSummary) -> str:
    """The summary as text, one line a figure."""
    size = sum(file.bytes for file in summary.inputs)
    lines = [
        ("inputs", f"{len(summary.inputs):,} files, {size:,} bytes, {summary.lines:,} lines"),
        *(("", f"{text}: {count:,} files") for text, count in _formats(summary).items()),
        ("accepted", f"{summary.accepted:,} lines"),
        ("rejected", f"{summary.rejected:,} lines"),
        *(("", f"{count:,} {reason}") for reason, count in summary.rejected_reasons.items()),
    ]
    chooses_lines = summary.options["where"] or summary.options["since"]
    if summary.left_out or chooses_lines or summary.options["repeats"] == "drop":
        lines.append(("left out", f"{summary.left_out:,} lines"))
    if summary.duplicate_lines is not None:
        lines.append(("duplicates", _duplicates(summary)))
    lines += [
        ("timestamps", _timestamps(summary)),
        *_reading(summary),
        ("shape", f"{summary.users:,} users x {summary.tracks:,} tracks"),
        ("density", f"{summary.density:.10f} ({summary.interactions:,} interactions)"),
        ("neighbors", _neighbors(summary)),
        ("no score", f"{summary.users_without_positive_score:,} users without a positive score"),
        ("lists", _lists(summary.share_from_neighbors, summary.share_from_neighbors_to_10)),
        ("catalog", _catalog(summary)),
        *_tracks(summary),
        *_users(summary),
        ("database", summary.database),
        ("output", f"{summary.output}: {summary.recommendations:,} recommendations"),
        ("plan", summary.plan_reason),
        (
            "stages",
            ", ".join(f"{stage.stage} {stage.seconds:.2f} s" for stage in summary.stages),
        ),
        ("total", f"{summary.seconds:.2f} s"),
    ]
    return "\n".join(f"{label:<11} {printable(text)}" for label, text in lines)


def _formats(summary: BuildSummary) -> Counter[str]:
    """The formats of files, in words, and how many files have each; none if all are JSON lines."""
    formats = Counter(file.format for file in summary.inputs)
    return Counter() if set(formats) <= {"JSON lines"} else formats


def _reading(summary: BuildSummary) -> Iterator[tuple[str, str]]:
    """What the logs told of the ids and times, where it is not what the service's logs have."""
    reading = summary.options["reading"]
    if reading is None:
        return
    words = {"integer": "whole numbers", "text": "texts", "any": "texts"}
    if set(reading["ids"].values()) != {"integer"}:
        kinds = ", ".join(f"{words[kind]} for {name}s" for name, kind in reading["ids"].items())
        yield "ids", kinds
    if reading["plays_count"]:
        yield "times", "none in the logs: each play counts as 1"
    elif summary.options["scale"] is not None:
        yield "times", f"from {summary.options['scale'].replace(':', ' to ')}, as 0 to 1"


def _lists(share: float | None, share_to_10: float | None) -> str:
    """What the lists are made of."""
    if share is None or share_to_10 is None:
        return "empty"
    rest = "; popular tracks fill most of the rest" if share < 1 else ""
    return f"{share:.1%} from neighbors, {share_to_10:.1%} of ranks 1 to 10{rest}"


def _duplicates(summary: BuildSummary) -> str:
    """The lines that repeat another, and whether they count."""
    repeats = f"{summary.duplicate_lines:,} lines repeat another"
    if summary.options["repeats"] == "drop":
        return f"{repeats} (left out)"
    if summary.suspicious_repeats:
        unlikely = "more than chance explains; --repeats drop leaves them out"
        return f"warning: {repeats} (kept), {unlikely}"
    return f"{repeats} (kept)"


def _catalog(summary: BuildSummary) -> str:
    """The catalog, and what of the logs is not in it."""
    if summary.options["catalog"] is None:
        return "none"
    text = (
        f"{summary.options['catalog']}: {summary.tracks_without_catalog_entry:,} tracks "
        "of the logs not in it"
    )
    if summary.recommendations_without_catalog_entry:
        return (
            f"warning: {text}, but in {summary.recommendations_without_catalog_entry:,} "
            "recommendations; --catalog-only leaves them out"
        )
    return text


def _users(summary: BuildSummary) -> list[tuple[str, str]]:
    """The users of a file, if there is one, and how many of them the logs do not know."""
    if summary.given_users is None:
        return []
    text = (
        f"{summary.users_without_logs:,} without logs get popular tracks; the file has "
        f"{summary.given_users:,} ids, {summary.known_given_users:,} of users in the logs"
    )
    if summary.repeated_given_users:
        text += f", {summary.repeated_given_users:,} repeated"
    return [("users", text)]


def _tracks(summary: BuildSummary) -> list[tuple[str, str]]:
    """How many tracks may be recommended, if that was chosen."""
    unknown = summary.unknown_given_tracks
    if unknown is None and not summary.options["catalog_only"]:
        return []
    text = f"{summary.recommendable_tracks:,} of {summary.tracks:,} may be recommended"
    if unknown is not None:
        text += f"; {unknown:,} ids of the files of tracks are not in the logs"
    return [("tracks", text)]


def _timestamps(summary: BuildSummary) -> str:
    undated = f"{summary.undated_events:,} events without one"
    if summary.unread_timestamp is not None:
        undated += f"; not read: {summary.unread_timestamp}"
    return undated if summary.timestamp_unit is None else f"{summary.timestamp_unit}, {undated}"


def _neighbors(summary: BuildSummary) -> str:
    positive, negative = summary.mean_positive_neighbors, summary.mean_negative_neighbors
    if positive is None or negative is None:
        seconds = summary.plan_estimates["neighbors"]["seconds"]
        return f"not computed: about {seconds:.0f} s; --store-neighbors K computes them"
    return f"{positive:.4f} positive and {negative:.4f} negative, mean over the users"
