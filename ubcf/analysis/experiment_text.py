"""Experiments as text: a line about the arms of each, its finding, and a table of its effects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ubcf.database.formats import Column, Text, Writable
from ubcf.database.grids import Hidden, write_grid
from ubcf.drawing.numbers import percent

if TYPE_CHECKING:
    from ubcf.analysis.experiments import Experiment


def as_text(value: object) -> Text:
    """A value as DuckDB casts it to text, which is what `ubcf.database.formats` takes."""
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _p_value(p: float | None) -> Text:
    """A p value with three digits, which is never 0; without a space, as tables take numbers."""
    if p is None:
        return None
    return "<1e-16" if p < 1e-16 else f"{p:.3g}"


def _half_width(mean: float | None, high: float | None) -> Text:
    """Half of the width of the confidence interval of a mean."""
    return None if mean is None or high is None else as_text(high - mean)


def heading(experiment: Experiment) -> str:
    """A line with the name of an experiment, its arms and their users."""
    if experiment.control is None:
        arms = ", ".join(f"{arm.treatment} ({arm.users:,} users)" for arm in experiment.arms)
        return Column("", "VARCHAR").as_read(f"{experiment.name}: {arms}, no control")
    control, *others = (f"{arm.treatment} ({arm.users:,} users)" for arm in experiment.arms)
    against = f"{', '.join(others)} against {control}" if others else control
    return Column("", "VARCHAR").as_read(f"{experiment.name}: {against}")


def finding(experiment: Experiment) -> str:
    """A sentence: how many effects are significant, and how many of these are for the better."""
    if experiment.control is None:
        return "No treatment is named C or control: there is nothing to compare with."
    found = [effect for effect in experiment.effects if effect.significant]
    level = f"significant at the {percent(experiment.alpha)} level"
    if not found:
        return f"Compared with {experiment.control}, no difference is {level}."
    better = sum(effect.is_better for effect in found)
    return (
        f"Compared with {experiment.control}, {len(found)} of {len(experiment.effects)} "
        f"differences are {level}: {better} for the better, {len(found) - better} for the worse."
    )


def write_effects(
    experiment: Experiment, form: str, out: Writable, width: int | None = None
) -> Hidden:
    """Writes a table of effects: percentages with a sign, each interval in one column.

    width: what the table must fit into. Returns what is not shown because of it.
    """
    columns = [
        Column("metric", "VARCHAR"),
        Column("treatment", "VARCHAR"),
        Column("mean", "DOUBLE"),
        Column("±", "DOUBLE"),
        Column("control mean", "DOUBLE"),
        Column("±", "DOUBLE"),
        Column("effect", "VARCHAR"),
        Column(f"{100 * (1 - experiment.alpha):g} % interval", "VARCHAR"),
        Column("p", "DOUBLE"),
        Column("adjusted p", "DOUBLE"),
        Column("significant", "VARCHAR"),
    ]
    rows: list[Sequence[Text]] = [
        [
            effect.metric,
            effect.treatment,
            as_text(effect.mean),
            _half_width(effect.mean, effect.mean_high),
            as_text(effect.control_mean),
            _half_width(effect.control_mean, effect.control_mean_high),
            None if effect.effect is None else f"{effect.effect:+.2f} %",
            None
            if effect.low is None or effect.high is None
            else f"{effect.low:+.2f} to {effect.high:+.2f} %",
            _p_value(effect.p_value),
            _p_value(effect.adjusted_p_value),
            "yes" if effect.significant else "no",
        ]
        for effect in experiment.effects
    ]
    return write_grid(columns, rows, form, out, width)
