"""The thresholds of `ubcf check`, each described at its field."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import Any, TypedDict

from ubcf.errors import OptionError

# A duration as text: 36h, 2d, 0.5d.
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([dhm])")
_DAYS = {"d": 1.0, "h": 1 / 24, "m": 1 / 1440}

# More of anything is a typing error.
MOST = 10**9

# The kinds of thresholds, by the metavars of the command line.
FRACTION, COUNT, DURATION = "FRACTION", "N", "DURATION"


def _threshold(default: Any, kind: str, description: str) -> Any:
    """A field with the kind and the description that the command line shows."""
    return field(default=default, metadata={"kind": kind, "description": description})


@dataclass(frozen=True)
class Thresholds:
    """How far the figure of each check may go: max_... or min_... and the name of the check.

    A FRACTION is from 0 to 1, a DURATION a text such as '2d', '36h' or '90m'; None: not checked.
    Those after max_ambiguous_treatments compare two builds. A check is a file of sql/health/, or of
    sql/health/against/ if it compares.
    """

    max_rejected_lines: float = _threshold(
        0.005, FRACTION, "Of the lines, those that were rejected."
    )
    max_repeated_lines: float = _threshold(
        0.01, FRACTION, "Of the lines, those that repeat another, if chance does not explain them."
    )
    max_empty_files: int = _threshold(0, COUNT, "Log files without a line.")
    max_undated_events: float = _threshold(
        0.01, FRACTION, "Of the events, those without a timestamp, if the logs have any."
    )
    max_future_events: float = _threshold(
        0.001, FRACTION, "Of the events, those dated more than a day after the build began."
    )
    max_age: str | None = _threshold(
        None, DURATION, "The age of the newest event when the build began, such as 2d or 36h."
    )
    max_build_age: str | None = _threshold(
        None, DURATION, "The age of the build itself now, such as 30h."
    )
    max_user_share: float = _threshold(
        0.1, FRACTION, "Of the events, those of the user who has the most."
    )
    max_track_share: float = _threshold(
        0.1, FRACTION, "Of the events, those of the track that has the most."
    )
    max_unscored_users: float = _threshold(
        0.25, FRACTION, "Of the users, those for whom no track has a score above 0."
    )
    max_filler: float = _threshold(
        0.5, FRACTION, "Of the recommendations at ranks 1 to 10, those that only fill the lists."
    )
    max_short_lists: float = _threshold(
        0.25, FRACTION, "Of the users, those with fewer than ten recommendations."
    )
    min_coverage: float = _threshold(
        0.05, FRACTION, "Of the tracks that may be recommended, those that are, to somebody."
    )
    max_uncataloged: float = _threshold(
        0.0, FRACTION, "Of the recommendations, those whose track is not in the catalog."
    )
    max_mixed_treatments: float = _threshold(
        0.01,
        FRACTION,
        "Of the users of an experiment, those who were under several of its treatments.",
    )
    max_ambiguous_treatments: int = _threshold(
        0, COUNT, "Treatments with two names, which differ in case or in spaces alone."
    )
    max_events_fall: float = _threshold(
        0.1, FRACTION, "By how much the number of events may fall, with --against."
    )
    max_users_fall: float = _threshold(
        0.1, FRACTION, "By how much the number of users may fall, with --against."
    )
    max_tracks_fall: float = _threshold(
        0.1, FRACTION, "By how much the number of tracks may fall, with --against."
    )
    min_overlap: float = _threshold(
        0.3,
        FRACTION,
        "Of the first ten recommendations, those that were there before, with --against.",
    )
    max_filler_rise: float = _threshold(
        0.1, FRACTION, "By how much the share of filler at ranks 1 to 10 may rise, with --against."
    )
    max_time_change: float = _threshold(
        0.2,
        FRACTION,
        "By how much the mean time of an event may change, up or down, with --against.",
    )
    max_stall: str = _threshold(
        "18h",
        DURATION,
        "By how much the newest event may be older when the build began, with --against: where "
        "the logs have ended, as old as the time between the two builds.",
    )

    def __post_init__(self) -> None:
        """Raises OptionError for a value out of its bounds."""
        for each in fields(self):
            name, value, kind = each.name, getattr(self, each.name), each.metadata["kind"]
            if kind == DURATION:
                _ = None if value is None else days(name, value)
            elif isinstance(value, bool) or not isinstance(value, int | float):
                raise OptionError(f"{name} is {value!r}; it must be a number")
            elif kind == FRACTION and not 0 <= value <= 1:
                raise OptionError(f"{name} is {value}; it must be from 0 to 1")
            elif kind == COUNT and not (isinstance(value, int) and 0 <= value <= MOST):
                raise OptionError(f"{name} is {value}; it must be a whole number from 0")

    def variables(self) -> dict[str, float | None]:
        """The thresholds as the files of sql/health/ read them: durations in days."""
        return {
            each.name: days(each.name, getattr(self, each.name))
            if each.metadata["kind"] == DURATION
            else getattr(self, each.name)
            for each in fields(self)
        }


class CheckKeywords(TypedDict, total=False):
    """The fields of Thresholds as keyword arguments, for type checkers and completion."""

    max_rejected_lines: float
    max_repeated_lines: float
    max_empty_files: int
    max_undated_events: float
    max_future_events: float
    max_age: str | None
    max_build_age: str | None
    max_user_share: float
    max_track_share: float
    max_unscored_users: float
    max_filler: float
    max_short_lists: float
    min_coverage: float
    max_uncataloged: float
    max_mixed_treatments: float
    max_ambiguous_treatments: int
    max_events_fall: float
    max_users_fall: float
    max_tracks_fall: float
    min_overlap: float
    max_filler_rise: float
    max_time_change: float
    max_stall: str


def days(name: str, duration: str | None) -> float | None:
    """A duration in days. name: of the option, for the error. Raises OptionError if it is none."""
    if duration is None:
        return None
    match = _DURATION.fullmatch(duration.strip()) if isinstance(duration, str) else None
    if match is None or float(match[1]) > MOST:
        raise OptionError(
            f"{name} is {duration!r}; it must be a number of days, hours or minutes, such as 2d, "
            "36h or 90m"
        )
    return float(match[1]) * _DAYS[match[2]]
