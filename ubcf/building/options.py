"""The options of the model and of a build, with their bounds and defaults."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ubcf.building.memory import default_memory_limit, parse_size
from ubcf.errors import OptionError

# The ways to compute the scores, and the choice between them.
PLANS = ("auto", "left", "right", "tiles")

PathLike = str | os.PathLike[str]


# What is taken from a time, and over which tracks the norms of a similarity go.
CENTERINGS = ("user", "baseline", "none")
SIMILARITIES = ("full", "overlap")

# Options of the model that go well together.
PRESETS: dict[str, dict[str, Any]] = {
    "notebook": {},
    "listening": {"offset": 0.25, "neighbors": 100, "shrinkage": 25.0},
    "ratings": {
        "centering": "baseline",
        "similarity": "overlap",
        "neighbors": 40,
        "shrinkage": 100.0,
        "damping": 0.3,
    },
}

# What stands for all users as neighbors.
ALL = "all"


@dataclass(frozen=True)
class ModelOptions:
    """What can be chosen about the model; by default it is plain user-based filtering.

    neighbors: only the so many most similar users count (None: all). shrinkage: a similarity from n
    tracks in common is multiplied by n / (n + shrinkage). min_similarity, min_common: users of a
    smaller similarity, or with fewer tracks in common, do not count. offset: an interaction counts
    as its centered time plus this. self_weight: how much the user's own interactions count.
    centering: what is taken from a time: 'user', the mean time of the user; 'baseline', the mean of
    all with the biases of the user and of the track; 'none', nothing. similarity: 'full', a cosine
    over all tracks; 'overlap', over those that both have heard. damping: added to the sum of the
    similarities that predicted times are divided by.
    """

    neighbors: int | None = None
    shrinkage: float = 0.0
    min_similarity: float | None = None
    min_common: int = 0
    offset: float = 0.0
    self_weight: float = 0.0
    centering: str = "user"
    similarity: str = "full"
    damping: float = 0.1

    def __post_init__(self) -> None:
        """Raises OptionError for a value that makes no sense."""
        if self.neighbors is not None and self.neighbors < 1:
            raise OptionError(f"neighbors is {self.neighbors}; it must be at least 1, or {ALL!r}")
        if self.min_common < 0:
            raise OptionError(f"min_common is {self.min_common}; it must be at least 0")
        for name in ("shrinkage", "damping", "self_weight"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise OptionError(f"{name} is {value}; it must be finite, and at least 0")
        for name in ("offset", "min_similarity"):
            value = getattr(self, name)
            if value is not None and not -1 <= value <= 1:
                raise OptionError(f"{name} is {value}; it must be from -1 to 1")
        for name, choices in (("centering", CENTERINGS), ("similarity", SIMILARITIES)):
            value = getattr(self, name)
            if value not in choices:
                raise OptionError(f"{name} is {value!r}; it must be one of {', '.join(choices)}")

    @property
    def takes_all_users(self) -> bool:
        """Whether all users count, each by its cosine as it is."""
        chosen = (self.neighbors, self.shrinkage, self.min_similarity, self.min_common)
        return chosen == (None, 0, None, 0) and self.similarity == "full"


MODEL_OPTIONS = tuple(option.name for option in fields(ModelOptions))


def model_options(preset: str = "notebook", **chosen: Any) -> ModelOptions:
    """The options of a preset, each replaced by what was chosen; neighbors may be 'all'.

    Raises OptionError for a preset that there is not, or a value that makes no sense.
    """
    if preset not in PRESETS:
        raise OptionError(f"preset is {preset!r}; it must be one of {', '.join(PRESETS)}")
    options = {**PRESETS[preset], **chosen}
    if options.get("neighbors") == ALL:
        options["neighbors"] = None
    return ModelOptions(**options)


@dataclass(frozen=True)
class BuildOptions:
    """What can be chosen about a build.

    top: recommendations a user. exclude_heard: leave out what the user has heard. only_positive:
    leave out tracks whose score is not above 0; a user left with none has no line in the JSON.
    max_rejected: share of the lines that may be rejected. templates: a folder laid over sql/.
    threads: None means all processors. memory_limit: bytes, or a text such as '2GiB'; None means
    70 % of what is available. plan: the way to compute the scores, 'left', 'right' or 'tiles';
    'auto' takes the cheapest one. store_neighbors: neighbors of a user that are kept; None means
    50, or none at all where finding them would take more than 1.5 s and a third of the
    time of the scores. temp_dir: where DuckDB may spill; None means beside the database. predict:
    tell the time that each recommendation is predicted to be listened to. model: what the
    similarities and scores are.
    """

    top: int = 100
    exclude_heard: bool = False
    only_positive: bool = False
    max_rejected: float = 0.01
    templates: PathLike | None = None
    threads: int | None = None
    memory_limit: int | str | None = None
    plan: str = "auto"
    store_neighbors: int | None = None
    temp_dir: PathLike | None = None
    predict: bool = False
    model: ModelOptions = field(default_factory=ModelOptions)

    def __post_init__(self) -> None:
        """Raises OptionError for a value that makes no sense."""
        if self.top < 1:
            raise OptionError(f"top is {self.top}; it must be at least 1")
        if not 0 <= self.max_rejected <= 1:
            raise OptionError(f"max_rejected is {self.max_rejected}; it must be from 0 to 1")
        if self.threads is not None and self.threads < 1:
            raise OptionError(f"threads is {self.threads}; it must be at least 1")
        if self.plan not in PLANS:
            raise OptionError(f"plan is {self.plan!r}; it must be one of {', '.join(PLANS)}")
        if not self.model.takes_all_users and self.plan not in ("auto", "left"):
            raise OptionError(
                f"plan is {self.plan!r}; only 'left' computes the similarities that the model needs"
            )
        if self.store_neighbors is not None and self.store_neighbors < 0:
            raise OptionError(f"store_neighbors is {self.store_neighbors}; it must be at least 0")
        if self.temp_dir is not None and not Path(self.temp_dir).is_dir():
            raise OptionError(f"temp_dir is {self.temp_dir}; there is no such folder")
        if self.memory < SMALLEST_MEMORY:
            raise OptionError(f"memory_limit is {self.memory} bytes; a build needs at least 256MiB")

    @property
    def thread_count(self) -> int:
        """Threads to use."""
        if self.threads is not None:
            return self.threads
        affinity = getattr(os, "sched_getaffinity", None)
        return len(affinity(0)) if affinity else os.cpu_count() or 1

    @property
    def memory(self) -> int:
        """Bytes that the whole process may take."""
        if self.memory_limit is None:
            return max(default_memory_limit(), SMALLEST_MEMORY)
        if isinstance(self.memory_limit, str):
            return parse_size(self.memory_limit)
        return self.memory_limit

    def recorded(self, catalog: Path | None) -> dict[str, Any]:
        """The options that shape the results, as they are recorded in the database."""
        return {
            "top": self.top,
            "exclude_heard": self.exclude_heard,
            "only_positive": self.only_positive,
            "max_rejected": self.max_rejected,
            "catalog": None if catalog is None else catalog.as_posix(),
            "templates": None if self.templates is None else Path(self.templates).as_posix(),
            "predict": self.predict,
            **asdict(self.model),
        }


# With less, DuckDB cannot hold the buffers that two threads need to read a file.
SMALLEST_MEMORY = 256 * 2**20
