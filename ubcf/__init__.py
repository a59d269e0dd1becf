"""User-based collaborative filtering from JSON logs, SQL first.

`build` turns log files, or frames, into a DuckDB file and a JSON of recommendations. `connect`
opens the database; `query` (`analyses` lists what), `explain`, `inspect_user` and `inspect_track`
answer an analyst's questions about it, `check` says whether it is healthy, `experiment` analyzes
the service's A/B experiments, `diff` compares two databases, `report` writes a page about one.
`predict` and `recommend` serve pairs and people that the build did not know. `evaluate` measures
the recommendations on held-out events; `simulate` makes logs up. Everything is imported on first
use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ubcf._version import __version__
from ubcf.errors import UbcfError

if TYPE_CHECKING:
    from ubcf.analysis.comparison import diff
    from ubcf.analysis.experiments import experiment
    from ubcf.analysis.explanation import explain
    from ubcf.analysis.health import check
    from ubcf.analysis.inspection import inspect_track, inspect_user
    from ubcf.analysis.named_analyses import analyses, query
    from ubcf.building.pipeline import build
    from ubcf.database.reading import connect
    from ubcf.evaluation.pipeline import evaluate
    from ubcf.reporting.page import report
    from ubcf.serving.prediction import predict
    from ubcf.serving.recommendation import recommend
    from ubcf.simulation.simulate import simulate

__all__ = [
    "UbcfError",
    "__version__",
    "analyses",
    "build",
    "check",
    "connect",
    "diff",
    "evaluate",
    "experiment",
    "explain",
    "inspect_track",
    "inspect_user",
    "predict",
    "query",
    "recommend",
    "report",
    "simulate",
]

# The module that defines each public function.
_MODULES = {
    "analyses": "ubcf.analysis.named_analyses",
    "build": "ubcf.building.pipeline",
    "check": "ubcf.analysis.health",
    "connect": "ubcf.database.reading",
    "diff": "ubcf.analysis.comparison",
    "evaluate": "ubcf.evaluation.pipeline",
    "experiment": "ubcf.analysis.experiments",
    "explain": "ubcf.analysis.explanation",
    "inspect_track": "ubcf.analysis.inspection",
    "inspect_user": "ubcf.analysis.inspection",
    "predict": "ubcf.serving.prediction",
    "query": "ubcf.analysis.named_analyses",
    "recommend": "ubcf.serving.recommendation",
    "report": "ubcf.reporting.page",
    "simulate": "ubcf.simulation.simulate",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    if name == "analysis":
        return import_module("ubcf.analysis")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
