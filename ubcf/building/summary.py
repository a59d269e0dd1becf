"""The summary of a finished build."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ubcf.printing import Printed
from ubcf.progress import Stage


@dataclass(frozen=True)
class Reading:
    """What the logs tell of how they are read.

    ids: whether the ids of users and tracks are whole numbers ('integer') or texts ('text', or
    'any' where numbers are texts too). plays_count: there are no times, and each play counts as 1.
    absent: fields that options name, and no line has; if there are any, fields: those of the lines.
    """

    ids: dict[str, str]
    plays_count: bool
    absent: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)

    @property
    def recorded(self) -> dict[str, Any]:
        """The fields that are not empty lists."""
        return {name: value for name, value in asdict(self).items() if value != []}


def absent_fields(absent: Sequence[str], fields: Sequence[str]) -> str:
    """A sentence about the fields that options name, and no line has; fields: what lines have."""
    names = f"the field{'s' if absent[1:] else ''} {', '.join(absent)}"
    return f"no line has {names}; the fields are {', '.join(fields)}"


def hint_about_ids(reasons: Iterable[str]) -> str:
    """What to do about ids of two kinds, if lines are rejected for that."""
    kinds = ("user is not a", "track is not a")
    has_kinds = any(reason.startswith(kinds) for reason in reasons)
    return "; --ids text takes numbers and texts" if has_kinds else ""


@dataclass(frozen=True)
class InputFile:
    """A log file: its size in bytes, its lines (blank ones aside), and what became of them.

    format: in words; 'JSON lines', or how a CSV separates and quotes its cells. left_out: lines
    that were left out on request. copy_of: another file that has all of its lines.
    """

    file: str
    format: str
    bytes: int
    lines: int
    accepted: int
    rejected: int
    left_out: int
    copy_of: str | None


@dataclass(frozen=True, repr=False)
class BuildSummary(Printed):
    """The figures of a build, as the table `build` and `ubcf build --format json` have them.

    density: share of non-zero centered times in the users x tracks matrix. mean_positive_neighbors,
    mean_negative_neighbors: users with a similarity above and below 0, averaged over all users;
    None when they were not computed. recommendations_without_catalog_entry: those of tracks that
    are not in the catalog; None without a catalog. recommendable_tracks: tracks of the logs that
    may be recommended. unknown_given_tracks: ids in the files of tracks that are not in the logs;
    None without such a file. given_users: ids in the file of users; of these, known_given_users are
    users of the logs, repeated_given_users repeat another, and users_without_logs are added with
    the popular tracks; None without such a file. share_from_neighbors: of all recommendations,
    those whose source is neighbors; share_from_neighbors_to_10: of those at ranks 1 to 10; None
    when there are none.
    left_out: lines that were left out on request. duplicate_lines: lines identical to an earlier
    one; None when an overlay reads the events. suspicious_repeats: chance does not explain these
    lines, and they count as events. timestamp_unit: how the logs write timestamps; None: they have
    none, or an overlay decides. undated_events: events whose timestamp is null. unread_timestamp:
    one of theirs that is not read, as the logs write it, if there is any. plan, plan_reason:
    how the scores were computed, and why. plan_estimates: estimated seconds and bytes of each way.
    """

    version: str
    started_at: str
    seconds: float
    options: dict[str, Any]
    database: str
    output: str
    inputs: list[InputFile]
    lines: int
    accepted: int
    rejected: int
    left_out: int
    rejected_reasons: dict[str, int]
    duplicate_lines: int | None
    suspicious_repeats: bool
    timestamp_unit: str | None
    undated_events: int
    unread_timestamp: str | None
    users: int
    tracks: int
    interactions: int
    density: float
    mean_positive_neighbors: float | None
    mean_negative_neighbors: float | None
    users_without_positive_score: int
    tracks_without_catalog_entry: int
    recommendations_without_catalog_entry: int | None
    recommendable_tracks: int
    unknown_given_tracks: int | None
    given_users: int | None
    known_given_users: int | None
    repeated_given_users: int | None
    users_without_logs: int | None
    recommendations: int
    share_from_neighbors: float | None
    share_from_neighbors_to_10: float | None
    plan: str
    plan_reason: str
    plan_estimates: dict[str, dict[str, float]]
    stages: list[Stage]

    def __str__(self) -> str:
        """The lines of `ubcf build`."""
        from ubcf.building.summary_text import summary_text

        return summary_text(self)

    def __repr__(self) -> str:
        return (
            f"<build of {self.database}: {self.users:,} users, {self.tracks:,} tracks, "
            f"{self.recommendations:,} recommendations>"
        )

    def finished(self, seconds: float) -> BuildSummary:
        """The summary with the total `seconds` of the build."""
        return replace(self, seconds=seconds)

    def as_dict(self) -> dict[str, Any]:
        """The summary as plain lists and dictionaries, ready for JSON."""
        return asdict(self)
