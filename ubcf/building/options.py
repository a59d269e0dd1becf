"""The options of a build, with their bounds and defaults."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from ubcf.building.inputs.fields import catalog_pointers, fields_of
from ubcf.building.inputs.log_options import LogKeywords, LogOptions
from ubcf.building.memory import (
    default_memory_limit,
    limit_for_files,
    most_threads,
    parse_size,
)
from ubcf.errors import OptionError
from ubcf.scoring.options import BY_SIMILARITIES, ModelKeywords, ModelOptions, check_plan

PathLike = str | os.PathLike[str]

# With less, Python, its libraries and the buffers that DuckDB needs to read do not fit.
SMALLEST_MEMORY = 256 * 2**20


# More threads than this for each processor only take memory.
THREADS_A_PROCESSOR = 4

# This number does no harm on any machine.
SAFE_THREADS = 16

# Counts and sizes beyond these are typing errors, which neither DuckDB nor numpy could hold.
MOST_RECOMMENDATIONS = 10**9
MOST_MEMORY = 2**60


def processors() -> int:
    """The number of processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@dataclass(frozen=True)
class BuildOptions:
    """The options of a build.

    top: recommendations a user. exclude_heard: leave out what the user has heard. only_positive:
    leave out tracks whose score is not above 0; a user left with none has no line in the JSON.
    catalog_only: recommend only tracks of the catalog. tracks, not_tracks: files of the tracks that
    may be recommended, and of those that must not: ids, one a line, or CSV or JSON lines with a
    field track. users: a file of users, likewise; those whom the logs do not know get the popular
    tracks. max_rejected: share of the lines that may be rejected. templates: a folder that overlays
    sql/. threads: None means all processors; fewer work where the memory does not bear as many.
    memory_limit: bytes, or a text such as '2GiB'; None means 70 % of the available memory.
    plan: how to compute the scores, 'similarities', 'products' or 'tiles'; 'auto' takes the
    cheapest. store_neighbors: neighbors to store of each user; None means
    50, or none where finding them takes more than 1.5 s and a third of the time of the scores.
    temp_dir: where DuckDB may spill; None means beside the database. predict: add a predicted time
    to each recommendation. retries: how often to build again when a log was rotated meanwhile.
    model: the options of the model. logs: how logs and the catalog are read.
    """

    top: int = 100
    exclude_heard: bool = False
    only_positive: bool = False
    catalog_only: bool = False
    tracks: PathLike | None = None
    not_tracks: PathLike | None = None
    users: PathLike | None = None
    max_rejected: float = 0.01
    templates: PathLike | None = None
    threads: int | None = None
    memory_limit: int | str | None = None
    plan: str = "auto"
    store_neighbors: int | None = None
    temp_dir: PathLike | None = None
    predict: bool = False
    retries: int = 0
    model: ModelOptions = field(default_factory=ModelOptions)
    logs: LogOptions = field(default_factory=LogOptions)

    def __post_init__(self) -> None:
        """Raises OptionError for a value out of its bounds."""
        if self.top < 1:
            raise OptionError(f"top is {self.top}; it must be at least 1")
        if self.top > MOST_RECOMMENDATIONS:
            raise OptionError(f"top is {self.top}; it must be at most {MOST_RECOMMENDATIONS}")
        if not 0 <= self.max_rejected <= 1:
            raise OptionError(f"max_rejected is {self.max_rejected}; it must be from 0 to 1")
        if self.retries < 0:
            raise OptionError(f"retries is {self.retries}; it must be at least 0")
        if self.threads is not None and self.threads < 1:
            raise OptionError(f"threads is {self.threads}; it must be at least 1")
        most_threads = THREADS_A_PROCESSOR * processors()
        if self.threads is not None and self.threads > max(most_threads, SAFE_THREADS):
            raise OptionError(
                f"threads is {self.threads}; with {processors()} processors it must be at most "
                f"{max(most_threads, SAFE_THREADS)}"
            )
        fields_of(self.logs)
        catalog_pointers(self.logs)
        check_plan(self.plan)
        if not self.model.takes_all_users and self.plan not in ("auto", BY_SIMILARITIES):
            raise OptionError(
                f"plan is {self.plan!r}; only {BY_SIMILARITIES!r} computes the similarities that "
                "the model needs"
            )
        if self.store_neighbors is not None and self.store_neighbors < 0:
            raise OptionError(f"store_neighbors is {self.store_neighbors}; it must be at least 0")
        if self.store_neighbors is not None and self.store_neighbors > MOST_RECOMMENDATIONS:
            raise OptionError(
                f"store_neighbors is {self.store_neighbors}; it must be at most "
                f"{MOST_RECOMMENDATIONS}"
            )
        if self.temp_dir is not None and not Path(self.temp_dir).is_dir():
            raise OptionError(f"temp_dir is {self.temp_dir}; no such folder")
        if self.memory > MOST_MEMORY:
            raise OptionError(f"memory_limit is {self.memory_limit}; no machine has as much")
        if self.memory < SMALLEST_MEMORY:
            raise OptionError(f"memory_limit is {self.memory} bytes; a build needs at least 256MiB")

    @property
    def thread_count(self) -> int:
        """The number of threads to use: those asked for, as far as the memory bears them."""
        return min(self.threads or processors(), most_threads(self.memory))

    @property
    def memory(self) -> int:
        """Memory limit of the whole process, in bytes."""
        if self.memory_limit is None:
            return max(default_memory_limit(), SMALLEST_MEMORY)
        if isinstance(self.memory_limit, str):
            return parse_size(self.memory_limit)
        return self.memory_limit

    @property
    def files_of_tracks(self) -> dict[str, Path]:
        """The files of tracks that are given, by the name of the table that they become."""
        files = {"given_tracks": self.tracks, "withdrawn_tracks": self.not_tracks}
        return {table: Path(file) for table, file in files.items() if file is not None}

    @property
    def given_files(self) -> list[Path]:
        """The files of tracks, and of users, that are given."""
        return [*self.files_of_tracks.values(), *([] if self.users is None else [Path(self.users)])]

    @property
    def chooses_tracks(self) -> bool:
        """Whether an option says which tracks may be recommended."""
        return self.catalog_only or bool(self.files_of_tracks)

    def check_files(self, files: int) -> None:
        """Raises OptionError, with a limit that would do, if the memory is too small for the files.

        files: the number of log files.
        """
        needed = limit_for_files(files)
        if self.memory < needed:
            raise OptionError(
                f"memory_limit is {self.memory // 2**20:,} MiB; {files:,} log files need at least "
                f"{math.ceil(needed / 2**20)}MiB"
            )

    def recorded(self, catalog: str | None) -> dict[str, Any]:
        """The options that affect the results, as the table build records them."""
        return {
            "top": self.top,
            "exclude_heard": self.exclude_heard,
            "only_positive": self.only_positive,
            "catalog_only": self.catalog_only,
            "tracks": None if self.tracks is None else Path(self.tracks).as_posix(),
            "not_tracks": None if self.not_tracks is None else Path(self.not_tracks).as_posix(),
            "users": None if self.users is None else Path(self.users).as_posix(),
            **self.logs.recorded(),
            "max_rejected": self.max_rejected,
            "catalog": catalog,
            "templates": None if self.templates is None else Path(self.templates).as_posix(),
            "predict": self.predict,
            **asdict(self.model),
        }


class WorkKeywords(TypedDict, total=False):
    """The fields of BuildOptions that an evaluation has too, as keyword arguments."""

    max_rejected: float
    templates: PathLike | None
    threads: int | None
    memory_limit: int | str | None


class BuildKeywords(WorkKeywords, LogKeywords, ModelKeywords, total=False):
    """The fields of BuildOptions, and of the options within it, as keyword arguments."""

    top: int
    exclude_heard: bool
    only_positive: bool
    catalog_only: bool
    tracks: PathLike | None
    not_tracks: PathLike | None
    users: PathLike | None
    plan: str
    store_neighbors: int | None
    temp_dir: PathLike | None
    predict: bool
    retries: int
