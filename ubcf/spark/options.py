"""The options that only a build on Spark has."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ubcf.building.options import PathLike
from ubcf.database.templates import Templates
from ubcf.errors import OptionError
from ubcf.remote import STORES, is_remote, is_store_folder, normal, shown

# The folder of results, beside the database.
RESULTS = "ubcf-results"


@dataclass(frozen=True)
class SparkOptions:
    """master: the URL of a master of Spark; None: what spark-submit says, else this machine.

    results: the folder of the results, of a file system that all machines see by the same path, or
    of an object store; None: ubcf-results beside the database. verbose: what Spark says goes to
    stderr.
    """

    master: str | None = None
    results: PathLike | None = None
    verbose: bool = False

    def results_beside(self, database: Path) -> str:
        """The folder of the results of a database, absolute.

        Raises OptionError for a place that is no folder of a file system or of an object store.
        """
        if self.results is None:
            return str(database.parent / RESULTS)
        if is_remote(self.results):
            url = normal(os.fspath(self.results))
            if not is_store_folder(url):
                raise OptionError(
                    f"{shown(self.results)}: results go to a folder of an object store by its "
                    f"plain name, such as {STORES[0]}://bucket/results, or to one of a file system"
                )
            return url
        folder = Path(self.results).absolute()
        if folder.exists() and not folder.is_dir():
            raise OptionError(f"{self.results}: exists, and is no folder; choose another --results")
        return str(folder)


# Files of sql/ about the lines of all files, which the driver answers from those of each file.
ANSWERED_OTHERWISE = (
    "staging/accepted_lines.sql",
    "staging/lines_of_files.sql",
    "staging/left_out_by_file.sql",
    "staging/questions/repeated_events.sql",
    "staging/questions/duplicate_lines.sql",
)


def refuse_unbearable(templates: Templates) -> None:
    """Raises OptionError for an overlay that a build on Spark cannot bear, with the reason."""
    for name in filter(templates.replaces, ANSWERED_OTHERWISE):
        raise OptionError(
            f"{templates.path(name)}: the engine spark reads each file by itself, and does not run "
            "this template over all of them; leave it out, or use the engine duckdb"
        )
