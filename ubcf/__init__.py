"""User-based collaborative filtering from JSON logs, SQL first.

`build` turns log files into a DuckDB file and a JSON of recommendations; `connect` opens the
database for queries. Both are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ubcf.errors import UbcfError

if TYPE_CHECKING:
    from ubcf.building import build
    from ubcf.database import connect

__version__ = "0.1.0"
__all__ = ["UbcfError", "__version__", "build", "connect"]


def __getattr__(name: str) -> Any:
    if name == "build":
        from ubcf.building import build

        return build
    if name == "connect":
        from ubcf.database import connect

        return connect
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
