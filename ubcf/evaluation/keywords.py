"""The keyword arguments of `evaluate`, apart from its options, which help loads."""

from __future__ import annotations

from collections.abc import Sequence

from ubcf.building.inputs.log_options import LogKeywords
from ubcf.building.options import WorkKeywords


class EvaluationKeywords(WorkKeywords, LogKeywords, total=False):
    """The fields of EvaluationOptions, and how logs are read, as keyword arguments."""

    split: str
    test_share: float
    seed: int
    settings: Sequence[str] | None
    compare: bool
    at: Sequence[int]
    exclude_heard: bool
    tune: str | None
    tune_for: str
