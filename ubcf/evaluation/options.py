"""The options of an evaluation, with their bounds and defaults; the names of its metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ubcf.errors import OptionError
from ubcf.evaluation.settings import parse_grid, parse_setting
from ubcf.scoring.options import PRESETS, ModelOptions

SPLITS = ("time", "last", "random")

# Metrics that each user has a value of, by what they measure: the quality or another property of
# recommendation lists, or the scores and predicted times of tracks that the user played. Each is
# a file of sql/evaluation/metrics/.
LIST_QUALITY_METRICS = ("ndcg", "recall", "precision", "mrr", "hit_rate")
LIST_METRICS = (*LIST_QUALITY_METRICS, "popularity")
PAIR_METRICS = ("auc", "rmse", "mae")
USER_METRICS = (*LIST_METRICS, *PAIR_METRICS)

# All metrics, as they are reported. The coverage is a property of all lists together.
METRICS = (*LIST_QUALITY_METRICS, *PAIR_METRICS, "coverage", "popularity")

# Metrics that measure quality, by which a grid can be tuned; the smaller the errors, the better.
TUNING_METRICS = (*LIST_QUALITY_METRICS, *PAIR_METRICS)
ERRORS = ("rmse", "mae")

DEFAULT_SETTINGS = ("notebook",)

BASELINES = ("popular", "best_listened", "random")


@dataclass(frozen=True)
class EvaluationOptions:
    """What can be chosen about an evaluation.

    split: 'time', at one moment for all users; 'last', the last events of each user; 'random',
    random events of each user. test_share: the share of the events in the test part. seed: of all
    random draws. settings: texts such as 'listening' or 'neighbors=100,shrinkage=25'; None: the
    preset notebook. compare: all presets, before the settings, and advice which one to take; a
    preset that does not fit in the memory is left out. at: the list lengths N of metrics such as
    ndcg@N. exclude_heard: leave out what the user has heard in the training part. tune: a grid of
    options on top of the first setting. tune_for: the metric that selects the best of the grid, at
    the greatest of `at`.
    """

    split: str = "time"
    test_share: float = 0.2
    seed: int = 0
    settings: Sequence[str] | None = None
    compare: bool = False
    at: Sequence[int] = (10, 100)
    exclude_heard: bool = False
    tune: str | None = None
    tune_for: str = "ndcg"

    def __post_init__(self) -> None:
        """Raises OptionError for a value out of its bounds, or a setting that cannot be parsed."""
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
        if len(self.models) < len(self.texts):
            raise OptionError(f"settings are {'; '.join(self.texts)}; each may be given only once")
        if not self.models:
            raise OptionError("there is no setting to evaluate")
        if self.compare and self.tune is not None:
            raise OptionError("compare evaluates all presets; tune is for one setting")
        _ = self.grid

    @property
    def texts(self) -> list[str]:
        """The settings as they were given, those of a comparison first."""
        if self.compare:
            return [*PRESETS, *(self.settings or ())]
        return list(DEFAULT_SETTINGS if self.settings is None else self.settings)

    @property
    def models(self) -> dict[str, ModelOptions]:
        """The settings by name."""
        return dict(parse_setting(text) for text in self.texts)

    @property
    def grid(self) -> dict[str, ModelOptions]:
        """The settings of the grid by name; none without a grid."""
        if self.tune is None:
            return {}
        texts = parse_grid(self.tune, next(iter(self.models)))
        return dict(parse_setting(text) for text in texts)
