"""The driver's database: views of Parquet, and files of sql/ that Spark runs.

A build on Spark calls the same functions as one on one machine, with this database: `run` gives the
files of model/ that grow with the logs, and all of checks/, to Spark, and what reads the logs to
executors. What is as small as the users' options and the catalog is DuckDB's, on the driver.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from ubcf.database.paths import pattern
from ubcf.database.session import identifier
from ubcf.database.templates import Templates
from ubcf.database.writing import Database
from ubcf.errors import TemplateError, one_line
from ubcf.spark.cluster import Cluster
from ubcf.spark.results import Results
from ubcf.spark.session import SparkError
from ubcf.spark.shared import store
from ubcf.spark.storage import StoredTable, Types

# The files of model/ that Spark runs; others are about the tracks, or about files of ids.
RUN_BY_SPARK = (
    "plays",
    "user_times",
    "track_times",
    "indexed_plays",
    "interactions",
    "indexed_interactions",
)

# The views that both engines have.
VIEWS_OF_BOTH = ("user_centers", "track_centers")

# Tables that DuckDB makes on the driver, and that are then stored as the others are.
STORED_BY_DRIVER = ("tracks", "recommendable_tracks", "users_without_logs")

# Rows of a failed check that the driver takes.
MOST_CHECK_ROWS = 100_000

Handler = Callable[..., list[tuple[Any, ...]]]


class SparkDatabase(Database):
    """The database of a build on Spark, which becomes the pointer to its results.

    tables: those that are stored as Parquet, by name. handlers: what runs a template in place of
    DuckDB, by its name.
    """

    def __init__(
        self,
        path: Path,
        templates: Templates,
        cluster: Cluster,
        results: Results,
        *,
        overlay: Path | None,
        threads: int,
        memory: int,
        temporary_folder: Path,
    ) -> None:
        super().__init__(
            path, templates, threads=threads, memory=memory, temporary_folder=temporary_folder
        )
        self.cluster = cluster
        self.results = results
        results.open_to(self.connection)
        self.tables: dict[str, StoredTable] = {}
        self.handlers: dict[str, Handler] = {}
        self._spark_templates = Templates(overlay, engine="spark")
        self._variables: dict[str, Any] = {}

    def set(self, **values: Any) -> None:
        """Sets variables for both engines."""
        super().set(**values)
        scalars = (bool, int, float, str, date, type(None))
        self._variables |= {
            name: value for name, value in values.items() if isinstance(value, scalars)
        }

    def run(self, name: str, **structure: Any) -> list[tuple[Any, ...]]:
        """Runs a template where it belongs; see the module. Raises TemplateError."""
        if name in self.handlers:
            return self.handlers[name](**structure)
        folder, _, file = name.rpartition("/")
        relation = file.removesuffix(".sql")
        if folder == "checks":
            return self._check(name, structure)
        if folder == "model" and relation in RUN_BY_SPARK:
            self._make_by_spark(name, structure)
            return []
        rows = super().run(name, **structure)
        if folder == "model" and relation in VIEWS_OF_BOTH:
            frame = self._frame(name, self._spark_templates.relation(name, **structure).query)
            frame.createOrReplaceTempView(relation)
        if folder == "model" and relation in STORED_BY_DRIVER:
            self.store_here(relation)
        return rows

    def drop(self, *tables: str) -> None:
        """Drops tables, and views with the files that they read."""
        for table in tables:
            if table in self.tables:
                del self.tables[table]
                self.execute(f"drop view {table}")
                self.results.remove(table)
            else:
                super().drop(table)

    def store_here(self, table: str) -> None:
        """Turns a table of DuckDB into Parquet and a view of it."""
        types = self.columns(table)
        is_temporary = table != "tracks"
        part = self.results.work_part(table) if is_temporary else self.results.part(table, 0)
        store(self, f"from {table}", part)
        super().drop(table)
        self.show(table, StoredTable((part,), types), is_temporary=is_temporary)

    def show(self, name: str, table: StoredTable, *, is_temporary: bool = False) -> None:
        """Makes stored rows readable under a name, for both engines."""
        self.tables[name] = table
        self.results.open_to(self.connection)
        temporary = "temp " if is_temporary else ""
        self.execute(f"create or replace {temporary}view {identifier(name)} as {table.query()}")
        self.show_to_spark(name, table)

    def show_to_spark(self, name: str, table: StoredTable) -> None:
        """Makes stored rows a view of Spark."""
        frame = self.results.storage.frame(self.cluster.session, table)
        frame.createOrReplaceTempView(name)

    def ask_spark(self, name: str, **structure: Any) -> list[tuple[Any, ...]]:
        """The rows of a question that Spark answers."""
        query = self._spark_templates.query(name, **structure)
        return self._rows(name, query)

    def _check(self, name: str, structure: dict[str, Any]) -> list[tuple[Any, ...]]:
        return self._rows(name, self._spark_templates.query(name, **structure))

    def _rows(self, name: str, query: str) -> list[tuple[Any, ...]]:
        frame = self._frame(name, query)
        rows = self._called(name, lambda: frame.limit(MOST_CHECK_ROWS).collect())
        return [tuple(row) for row in rows]

    def _frame(self, name: str, query: str) -> Any:
        return self._called(
            name, lambda: self.cluster.session.sql(query, args=dict(self._variables))
        )

    def _called(self, name: str, action: Callable[[], Any]) -> Any:
        """What Spark returns. Raises TemplateError with the file if it refuses the statement."""
        from pyspark.errors import AnalysisException, ParseException

        try:
            return self.cluster.call(action)
        except SparkError as error:
            cause = error.__cause__
            if isinstance(cause, AnalysisException | ParseException):
                reason = one_line(cause).partition("; line")[0][:400]
                raise TemplateError(f"{self.templates.path(name)}: Spark: {reason}") from error
            raise

    def _make_by_spark(self, name: str, structure: dict[str, Any]) -> None:
        """Makes a table by Spark, stored as Parquet; its rows are in the order of its files."""
        relation = self._spark_templates.relation(name, **structure)
        folder = self.results.table(relation.name, is_temporary=relation.temporary)
        frame = self._frame(name, relation.query)
        types = self._types(frame)
        files = self.results.storage.store_frame(frame, folder, partial(self._called, name))
        self.show(relation.name, StoredTable(tuple(files), types), is_temporary=relation.temporary)

    def make_by_file(self, name: str, **structure: Any) -> dict[int, StoredTable]:
        """Makes a relation by Spark for tasks: returns its rows for each log file that has any.

        They are by the number of the file, the column file_number.
        """
        relation = self._spark_templates.relation(name, **structure)
        frame = self._frame(name, relation.query)
        types = self._types(frame)
        # All rows of a file are in one part.
        frame = frame.repartition("file_number").sortWithinPartitions("file_number")
        folder = self.results.table(relation.name, is_temporary=True)
        parts = self.results.storage.store_frame(frame, folder, partial(self._called, name))
        self.set(parts=list(map(pattern, parts)))
        found: dict[int, tuple[str, ...]] = {}
        for number, part in self.run("staging/questions/parts_of_files.sql"):
            found[number] = (*found.get(number, ()), part)
        return {
            number: StoredTable(files, types, f"file_number = {number}")
            for number, files in found.items()
        }

    def _types(self, frame: Any) -> Types:
        """The types of the columns that Spark makes, as DuckDB has them."""
        return {
            field.name: self._type_of(field.name, field.dataType.simpleString())
            for field in frame.schema.fields
        }

    def _type_of(self, column: str, spark_type: str) -> str:
        """DuckDB's type of a column that Spark makes; ids have those of the events."""
        if column in ("user", "track") and "events" in self.tables:
            return self.tables["events"].types[column]
        return {"string": "VARCHAR", "int": "INTEGER"}.get(spark_type, spark_type.upper())
