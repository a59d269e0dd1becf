"""User-based collaborative filtering from JSON logs, SQL first.

`build` turns log files into a DuckDB file and a JSON of recommendations. `connect` opens the
database; `query`, `explain`, `inspect_user` and `inspect_track` answer an analyst's questions about
it. `predict` and `recommend` serve pairs and people that the build did not know. `evaluate`
measures the recommendations on held-out events. Everything is imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ubcf._version import __version__
from ubcf.errors import UbcfError

if TYPE_CHECKING:
    from ubcf.analysis.explanation import explain
    from ubcf.analysis.inspection import inspect_track, inspect_user
    from ubcf.analysis.named_analyses import query
    from ubcf.building.pipeline import build
    from ubcf.database.reading import connect
    from ubcf.evaluation.pipeline import evaluate
    from ubcf.serving.prediction import predict
    from ubcf.serving.recommendation import recommend

__all__ = [
    "UbcfError",
    "__version__",
    "build",
    "connect",
    "evaluate",
    "explain",
    "inspect_track",
    "inspect_user",
    "predict",
    "query",
    "recommend",
]

# The module that defines each public function.
_MODULES = {
    "build": "ubcf.building.pipeline",
    "connect": "ubcf.database.reading",
    "evaluate": "ubcf.evaluation.pipeline",
    "explain": "ubcf.analysis.explanation",
    "inspect_track": "ubcf.analysis.inspection",
    "inspect_user": "ubcf.analysis.inspection",
    "predict": "ubcf.serving.prediction",
    "query": "ubcf.analysis.named_analyses",
    "recommend": "ubcf.serving.recommendation",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    if name == "analysis":
        return import_module("ubcf.analysis")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
