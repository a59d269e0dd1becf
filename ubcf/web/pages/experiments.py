"""Experiments: all of them, and the effects of one, with intervals."""

from __future__ import annotations

from ubcf.analysis.experiment_text import finding
from ubcf.analysis.experiments import SAMPLE_RATIO_ALPHA, Experiment, analyze_experiments
from ubcf.drawing.charts import forest_plot
from ubcf.errors import NotFoundError, OptionError
from ubcf.web.page import Answer, Asked

# What a metric counts, for each that ubcf has; and the words for times.
UNITS = {
    "time_per_user": "the sum of the {shares} by a user; 1 is {one}",
    "sessions": "sessions of a user",
    "tracks_per_session": "tracks heard in a session, the mean of a user",
    "time_per_session": "the sum of the {shares} in a session, the mean of a user",
    "request_latency": "seconds for a request, the mean of a user; less is better",
}
OF_TIMES = {"shares": "shares of tracks heard", "one": "a whole track"}
OF_RATINGS = {"shares": "ratings, as shares of the scale,", "one": "the greatest rating"}

# The share of false alarms that a reader accepts, by default.
ALPHA = "0.05"


def experiments(asked: Asked) -> Answer:
    """The experiments of the logs, each with its arms and what it found."""
    found = _all(asked)
    data = {"experiments": found, "findings": [finding(each) for each in found]}
    return Answer("Experiments", data)


def experiment(asked: Asked) -> Answer:
    """What each treatment of an experiment changed, compared with a control."""
    name = asked.ids["experiment"]
    control, alpha = asked.text("control"), asked.text("alpha") or ALPHA
    if control or alpha != ALPHA:
        (found,) = analyze_experiments(
            asked.connection, name, control=control or None, alpha=_share(alpha)
        )
    else:
        named = {each.name: each for each in _all(asked)}
        if name not in named:
            raise NotFoundError(f"no experiment {name!r}; there are {', '.join(named) or 'none'}")
        found = named[name]
    said = finding(found)
    plot = asked.build.once(
        f"forest plot {found.name} {found.control} {found.alpha}",
        lambda: forest_plot("effects", found.control or "", found.effects),
    )
    data = {"experiment": found, "finding": said}
    words = OF_RATINGS if asked.build.are_ratings else OF_TIMES
    metrics = dict.fromkeys(effect.metric for effect in found.effects)
    shown = {
        "plot": plot,
        "control": control,
        "alpha": alpha,
        "units": {each: UNITS[each].format(**words) for each in metrics if each in UNITS},
        "split_alpha": SAMPLE_RATIO_ALPHA,
    }
    return Answer(f"Experiment {name}", data, shown)


def _share(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise OptionError(f"alpha: {text[:100]!r} is no number between 0 and 1") from None


def _all(asked: Asked) -> list[Experiment]:
    """The experiments of the build, analyzed once; none if the logs name none."""

    def analyzed() -> list[Experiment]:
        try:
            return list(analyze_experiments(asked.connection))
        except NotFoundError:
            return []

    overview = asked.build.overview
    if overview.done() and not overview.cancelled() and overview.exception() is None:
        return overview.result().experiments or []
    found: list[Experiment] = asked.build.once("experiments", analyzed)
    return found
