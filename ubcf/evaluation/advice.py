"""What a comparison says: which preset is for lists, which for predicted times, and by how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ubcf.database.writing import Database
from ubcf.evaluation.bootstrap import Samples, estimate

# Said of every comparison.
UNSEEN = (
    "ndcg knows only what was played in the test part: not how long people would listen if they "
    "were offered other tracks than they were. An experiment shows that (ubcf experiment)."
)

# With fewer users, the intervals are too narrow: chance decides who these few are.
FEW_USERS = 20

# Differences are rounding errors if they, and their intervals, are smaller.
NO_DIFFERENCE = 1e-9


@dataclass(frozen=True)
class Rivals:
    """A row of the table rivals, and the 95 % interval of the difference of the two values.

    users: those with a value. auc: of the setting; None: no user has one. better_by, low, high: how
    much better the setting is than the other one, in the metric, and the interval; 0 without
    another one.
    """

    question: str
    metric: str
    cut: int | None
    setting: str
    value: float
    users: int
    auc: float | None
    series: int
    other: str | None
    other_value: float | None
    other_series: int | None
    better_by: float = 0.0
    low: float = 0.0
    high: float = 0.0

    @property
    def name(self) -> str:
        """The metric with its cut, such as ndcg@10."""
        return self.metric if self.cut is None else f"{self.metric}@{self.cut}"

    @property
    def gap(self) -> str:
        """What the other one has: 0.021 (0.015 to 0.027) less; or the same."""
        if max(abs(self.low), abs(self.high)) < NO_DIFFERENCE:
            return "the same"
        word = "more" if self.metric == "rmse" else "less"
        chance = "" if self.low > 0 else ", which chance may explain"
        return f"{self.better_by:.3g} ({self.low:.3g} to {self.high:.3g}) {word}{chance}"


def store_advice(db: Database, samples: Samples, left_out: Mapping[str, str], seed: int) -> None:
    """Makes the table advice, from the tables of results.

    samples: of all series. left_out: why a preset was not measured, by its name. seed: of the
    intervals.
    """
    db.run("evaluation/rivals.sql")
    rivals = [Rivals(**row) for row in db.dictionaries("rivals")]
    sentences = advice([_with_difference(each, samples, seed) for each in rivals], left_out)
    db.set(
        advice_topics=[topic for topic, _ in sentences],
        advice_sentences=[sentence for _, sentence in sentences],
    )
    db.run("evaluation/advice.sql")


def _with_difference(rivals: Rivals, samples: Samples, seed: int) -> Rivals:
    """The same with the difference: of the same users, in the same resamples as everywhere."""
    if rivals.other_series is None:
        return rivals
    both = [rivals.series, rivals.other_series]
    found = estimate(samples.of(both), np.array([1, -1]), seed)
    ends = found.difference[0], found.difference_low[0], found.difference_high[0]
    better_by, low, high = map(float, ends)
    if rivals.metric == "rmse":
        better_by, low, high = -better_by, -high, -low
    return replace(rivals, better_by=better_by, low=low, high=high)


def advice(rivals: Sequence[Rivals], left_out: Mapping[str, str]) -> list[tuple[str, str]]:
    """Sentences, each with its topic: left out, lists, predictions, exposure, users or unseen."""
    by_question = {each.question: each for each in rivals}
    found = [("left out", f"{name} is left out: {why}.") for name, why in left_out.items()]
    for topic, words in (("lists", "For lists"), ("predictions", "For predicted times")):
        if topic in by_question:
            sentence = _verdict(words, by_question[topic])
            baseline = by_question.get(f"{topic}_baseline")
            found.append((topic, sentence + ("" if baseline is None else _warning(baseline))))
    lists, played = by_question.get("lists"), by_question.get("played")
    if lists is not None and lists.value > 0 and played is not None and played.low > 0:
        found.append(("exposure", _exposure(played)))
    if lists is not None and lists.users < FEW_USERS:
        found.append(("users", _few(lists.users)))
    found.append(("unseen", UNSEEN))
    return found


def _few(users: int) -> str:
    counted = "1 user" if users == 1 else f"{users} users"
    return f"The lists are measured on {counted} only, too few to rely on."


def _verdict(words: str, rivals: Rivals) -> str:
    """Which preset is the best, and by how much."""
    of_lists = rivals.metric != "rmse"
    if of_lists and rivals.value == 0:
        return f"{words}, no preset: the {rivals.name} of all is 0."
    auc = f", its auc {rivals.auc:.4g}" if of_lists and rivals.auc is not None else ""
    sentence = f"{words}, {rivals.setting}: its {rivals.name} is {rivals.value:.4g}{auc}."
    if rivals.other is None:
        return sentence
    return f"{sentence} The next best, {rivals.other}, has {rivals.gap}."


def _warning(baseline: Rivals) -> str:
    """A warning if the best preset does not clearly beat the best baseline; else nothing."""
    if baseline.low > 0:
        return ""
    if baseline.metric != "rmse" and baseline.value == 0:
        value = baseline.other_value
        return f" The baseline {baseline.other} has {value:.4g}." if value else ""
    comparison = "is worse than" if baseline.high < 0 else "is not clearly better than"
    return (
        f" But it {comparison} the baseline {baseline.other}, which has {baseline.other_value:.4g}."
    )


def _exposure(played: Rivals) -> str:
    return (
        f"ndcg and auc disagree: among the tracks that users played, {played.setting} tells those "
        f"that they liked better than {played.other} does (auc {played.value:.4g} against "
        f"{played.other_value:.4g}). ndcg rewards what users were shown, or find by themselves: "
        "the less the lists are to repeat that, the more auc should count."
    )
