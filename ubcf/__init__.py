"""User-based collaborative filtering from JSON logs, SQL first.

`build` turns log files into a DuckDB file and a JSON of recommendations; `connect` opens the
database for queries; `analysis`, `explain`, `inspect_user` and `inspect_track` ask it what analysts
ask; `predict` and `recommend` serve pairs and people that came after the build; `evaluate` measures
how good the recommendations are on logs. All are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ubcf.errors import UbcfError

if TYPE_CHECKING:
    from ubcf.analyses import analysis
    from ubcf.building import build
    from ubcf.connection import connect
    from ubcf.evaluation import evaluate
    from ubcf.explanation import explain
    from ubcf.fold_in import recommend
    from ubcf.inspection import inspect_track, inspect_user
    from ubcf.pairs import predict

__version__ = "0.1.0"
__all__ = [
    "UbcfError",
    "__version__",
    "analysis",
    "build",
    "connect",
    "evaluate",
    "explain",
    "inspect_track",
    "inspect_user",
    "predict",
    "recommend",
]

# The module that each public function is in.
_MODULES = {
    "analysis": "ubcf.analyses",
    "build": "ubcf.building",
    "connect": "ubcf.connection",
    "evaluate": "ubcf.evaluation",
    "explain": "ubcf.explanation",
    "inspect_track": "ubcf.inspection",
    "inspect_user": "ubcf.inspection",
    "predict": "ubcf.pairs",
    "recommend": "ubcf.fold_in",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
