"""Several relations that belong together, such as all about a user."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping

import duckdb

from ubcf.database.formats import write_parts
from ubcf.printing import Printed


class Parts(Printed, dict[str, duckdb.DuckDBPyRelation]):
    """Relations of one connection by their names; printed, they are the tables of the command."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        relations: Mapping[str, duckdb.DuckDBPyRelation],
        one_row: Collection[str],
    ) -> None:
        """one_row: the names of those that have exactly one row."""
        super().__init__(relations)
        self._connection = connection  # relations do not keep it open
        self._one_row = one_row

    def __str__(self) -> str:
        out = io.StringIO()
        write_parts(self._connection, self, "table", out, one_row=self._one_row)
        return out.getvalue().rstrip("\n")

    def __repr__(self) -> str:
        return f"<{', '.join(self)}>"
