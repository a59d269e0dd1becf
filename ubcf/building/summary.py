"""What a build says of itself when it is done."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from ubcf.progress import Stage


@dataclass(frozen=True)
class InputFile:
    """A log file: its size in bytes, its lines (blank ones aside), accepted and rejected."""

    file: str
    bytes: int
    lines: int
    accepted: int
    rejected: int


@dataclass(frozen=True)
class BuildSummary:
    """The figures of a build, as the table `build` and `ubcf build --format json` have them.

    density: share of non-zero centered times in the whole users x tracks rectangle.
    mean_positive_neighbors, mean_negative_neighbors: users with a similarity above and below 0,
    mean over all users. duplicate_lines: lines that repeat another to the letter (they count); None
    when the lines were read by somebody else's template. The neighbors are None when they were not
    computed. plan, plan_reason: the way in which the scores were computed, and why; plan_estimates:
    seconds and bytes of memory that each way was estimated to take.
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
    rejected_reasons: dict[str, int]
    duplicate_lines: int | None
    users: int
    tracks: int
    interactions: int
    density: float
    mean_positive_neighbors: float | None
    mean_negative_neighbors: float | None
    users_without_positive_score: int
    tracks_without_catalog_entry: int
    recommendations: int
    plan: str
    plan_reason: str
    plan_estimates: dict[str, dict[str, float]]
    stages: list[Stage]

    def finished(self, seconds: float) -> BuildSummary:
        """The same summary at the end of the build: `seconds` since its beginning."""
        return replace(self, seconds=seconds)

    def as_dict(self) -> dict[str, Any]:
        """The summary as plain lists and dictionaries, ready for JSON."""
        return asdict(self)
