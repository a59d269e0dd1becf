"""The evaluation: how well the lists and predicted times fit what users did afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ubcf.errors import OptionError
from ubcf.evaluation.settings import parse_grid, parse_setting
from ubcf.scoring.options import ModelOptions

SPLITS = ("time", "last", "random")

# What is measured, in the order in which it is told; each is a file of sql/evaluation/metrics/ but
# for the coverage, which no user has alone.
LIST_METRICS = ("ndcg", "recall", "precision", "mrr", "hit_rate", "popularity")

PAIR_METRICS = ("auc", "rmse", "mae")

METRICS = (*LIST_METRICS[:-1], *PAIR_METRICS, "coverage", "popularity")

# What a grid can be searched by, and of those, what is better when it is smaller.
TUNING_METRICS = (*LIST_METRICS[:-1], *PAIR_METRICS)

ERRORS = ("rmse", "mae")

BASELINES = ("popular", "best_listened", "random")


@dataclass(frozen=True)
class EvaluationOptions:
    """What can be chosen about an evaluation.

    split: 'time', at one moment for all; 'last', the last events of each user; 'random', any events
    of each user. test_share: the share of the events that is the test part. seed: what all that is
    drawn by lot depends on. settings: texts such as 'listening' or 'neighbors=100,shrinkage=25'.
    at: how many first places of a list count. exclude_heard: leave out what the user has heard in
    the training part. tune: a grid of options laid over the first setting. tune_for: the metric by
    which the best of the grid is chosen, at the greatest of `at`.
    """

    split: str = "time"
    test_share: float = 0.2
    seed: int = 0
    settings: Sequence[str] = ("notebook",)
    at: Sequence[int] = (10, 100)
    exclude_heard: bool = False
    tune: str | None = None
    tune_for: str = "ndcg"

    def __post_init__(self) -> None:
        """Raises OptionError for a value that makes no sense."""
        if self.split not in SPLITS:
            raise OptionError(f"split is {self.split!r}; it must be one of {', '.join(SPLITS)}")
        if not 0 < self.test_share < 1:
            raise OptionError(f"test_share is {self.test_share}; it must be between 0 and 1")
        if self.seed < 0:
            raise OptionError(f"seed is {self.seed}; it must be at least 0")
        if not self.at or min(self.at) < 1:
            raise OptionError(f"at is {', '.join(map(str, self.at))}; each must be at least 1")
        if self.tune_for not in TUNING_METRICS:
            raise OptionError(
                f"tune_for is {self.tune_for!r}; it must be one of {', '.join(TUNING_METRICS)}"
            )
        if len(self.models) < len(self.settings):
            raise OptionError(f"settings are {'; '.join(self.settings)}; each may be there once")
        if not self.models:
            raise OptionError("there is no setting to evaluate")
        _ = self.grid

    @property
    def models(self) -> dict[str, ModelOptions]:
        """The settings by name."""
        return dict(parse_setting(text) for text in self.settings)

    @property
    def grid(self) -> dict[str, ModelOptions]:
        """The settings to choose the best of, by name."""
        if self.tune is None:
            return {}
        texts = parse_grid(self.tune, next(iter(self.models)))
        return dict(parse_setting(text) for text in texts)
