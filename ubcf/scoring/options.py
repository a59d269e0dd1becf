"""The options of the model, each described at its field, and the names of the plans."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypedDict

from ubcf.errors import OptionError

# The ways to compute the same scores: similarities between users first, or products between tracks
# first, held whole or tile by tile. PLANS adds the choice by estimated cost.
BY_SIMILARITIES, BY_PRODUCTS, BY_TILES = WAYS = ("similarities", "products", "tiles")
PLANS = ("auto", *WAYS)

# Names of version 0.1.
RENAMED_PLANS = {"left": BY_SIMILARITIES, "right": BY_PRODUCTS}

CENTERINGS = ("user", "baseline", "none")
FULL, OVERLAP, RIDGE = SIMILARITIES = ("full", "overlap", "ridge")

# Options of the model that go well together.
PRESETS: dict[str, dict[str, Any]] = {
    "notebook": {},
    "listening": {
        "offset": 0.25,
        "neighbors": 100,
        "track_exponent": 0.25,
        "walk": 4,
        "reach": 300,
        "own_liking": 0.03,
    },
    "similar": {"offset": 0.25, "neighbors": 100, "shrinkage": 25.0},
    "ratings": {
        "centering": "baseline",
        "similarity": "overlap",
        "neighbors": 40,
        "shrinkage": 100.0,
        "damping": 0.3,
        "own_tracks": True,
    },
    "taste": {"offset": 0.5, "similarity": RIDGE, "ridge": 100.0},
}

# With less, rounding errors of the weights may exceed what is promised of scores; with more, all
# weights are about 0.
LEAST_RIDGE, MOST_RIDGE = 0.1, 1e6

# The value of `neighbors` that stands for all users.
ALL = "all"

# After so many steps of a walk, further ones change nothing that matters.
MOST_STEPS = 100


def check_plan(plan: str) -> None:
    """Raises OptionError for an unknown plan; for a name of version 0.1 with the new one."""
    if plan in RENAMED_PLANS:
        raise OptionError(f"plan is {plan!r}, which is now called {RENAMED_PLANS[plan]!r}")
    if plan not in PLANS:
        raise OptionError(f"plan is {plan!r}; it must be one of {', '.join(PLANS)}")


@dataclass(frozen=True)
class Neighborhood:
    """Which users count for a user, and how much: fields as in ModelOptions.

    neighbors: None means all users. overlap: cosines over the tracks in common only.
    """

    neighbors: int | None = None
    shrinkage: float = 0.0
    min_similarity: float | None = None
    min_common: int = 0
    overlap: bool = False

    @property
    def counts_common(self) -> bool:
        """Whether weights depend on the number of tracks in common."""
        return self.shrinkage > 0 or self.min_common > 1


# All users count, each by its plain cosine.
ALL_USERS = Neighborhood()


@dataclass(frozen=True)
class Walk:
    """A walk from neighbor to neighbor, by which users get their weights.

    steps: at least 1. reach: how many of the users reached are kept after each step.
    """

    steps: int
    reach: int


def _option(default: Any, metavar: str, description: str, choices: tuple[str, ...] = ()) -> Any:
    """A field with the description that the command line and its README show."""
    metadata = {"metavar": metavar, "description": description, "choices": choices}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class ModelOptions:
    """The options of the model; the defaults are plain user-based filtering.

    neighbors: None means all users. min_similarity: None means no bound.
    """

    neighbors: int | None = _option(
        None,
        "K|all",
        "Only the K most similar users count, and only those with a similarity above 0.",
    )
    shrinkage: float = _option(
        0.0, "B", "A similarity from n tracks in common is multiplied by n / (n + B)."
    )
    min_similarity: float | None = _option(
        None, "X", "Users with a smaller similarity, after shrinkage, do not count."
    )
    min_common: int = _option(0, "N", "Users with fewer tracks in common do not count.")
    offset: float = _option(
        0.0,
        "C",
        "An interaction counts as its centered time plus C, in similarities and scores: having "
        "listened at all is a sign too.",
    )
    own_liking: float = _option(
        0.0,
        "C",
        "A track that the user listened to for longer than expected gets C times the difference "
        "more in the scores.",
    )
    track_exponent: float = _option(
        0.0,
        "A",
        "In similarities, an interaction with a track of n listeners is multiplied by n^-A: rare "
        "tracks say more.",
    )
    walk: int = _option(
        0,
        "STEPS",
        "Users count who are reached in a random walk of so many steps, each to a neighbor, the "
        "similar ones more often; needs --neighbors K. 0: the neighbors count. Predicted times "
        "come from the neighbors either way.",
    )
    reach: int = _option(
        300, "R", "Of the users reached, the R most likely ones are kept after each step of a walk."
    )
    centering: str = _option(
        "user",
        "user|baseline|none",
        "What is subtracted from a time. user: the mean time of the user; baseline: the mean of "
        "all with a bias of the user and of the track (Koren 2010; 10 rounds of alternating least "
        "squares, regularization 15 and 10); none: nothing.",
        CENTERINGS,
    )
    similarity: str = _option(
        FULL,
        "full|overlap|ridge",
        "A cosine over all tracks (full), or over those that both users have heard (overlap). "
        "ridge: all users count in the scores, by a ridge regression of the user on all others; it "
        "is for dense logs, such as ratings of films, not for sparse ones, and takes memory for "
        "users x users. Neighbors and predicted times then have the full cosines.",
        SIMILARITIES,
    )
    ridge: float = _option(
        100.0,
        "LAMBDA",
        "The regularization of --similarity ridge: the greater, the more even the weights.",
    )
    damping: float = _option(
        0.1, "D", "Added to the sum of similarities that a predicted time is divided by."
    )
    own_tracks: bool = _option(
        False,
        "",
        "A predicted time is also from the tracks that the user heard, by their similarity to the "
        "one predicted; needs --centering baseline.",
    )

    def __post_init__(self) -> None:
        """Raises OptionError for a value out of its bounds."""
        if self.neighbors is not None and self.neighbors < 1:
            raise OptionError(f"neighbors is {self.neighbors}; it must be at least 1, or {ALL!r}")
        if self.min_common < 0:
            raise OptionError(f"min_common is {self.min_common}; it must be at least 0")
        if self.reach < 1:
            raise OptionError(f"reach is {self.reach}; it must be at least 1")
        if not 0 <= self.walk <= MOST_STEPS:
            raise OptionError(f"walk is {self.walk}; it must be from 0 to {MOST_STEPS}")
        if self.walk and self.neighbors is None:
            raise OptionError(
                f"walk is {self.walk}; a walk needs a number of neighbors, not {ALL!r}"
            )
        self._check_ridge()
        if not 0 <= self.track_exponent <= 1:
            raise OptionError(f"track_exponent is {self.track_exponent}; it must be from 0 to 1")
        for name in ("shrinkage", "damping", "own_liking"):
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
        if self.own_tracks and self.centering != "baseline":
            raise OptionError(
                f"own_tracks needs the centering 'baseline', and it is {self.centering!r}"
            )

    def _check_ridge(self) -> None:
        """Raises OptionError for a ridge out of bounds, or options that contradict it."""
        if not LEAST_RIDGE <= self.ridge <= MOST_RIDGE:
            raise OptionError(
                f"ridge is {self.ridge}; it must be from {LEAST_RIDGE} to {MOST_RIDGE:,.0f}"
            )
        if self.similarity != RIDGE:
            if self.ridge != ModelOptions.ridge:
                raise OptionError(
                    f"ridge is {self.ridge}; it needs the similarity {RIDGE!r}, and it is "
                    f"{self.similarity!r}"
                )
            return
        for name in (
            "neighbors", "shrinkage", "min_common", "min_similarity", "track_exponent", "walk"
        ):  # fmt: skip
            if getattr(self, name) != getattr(ModelOptions, name):
                raise OptionError(
                    f"{name} is {getattr(self, name)}; with the similarity {RIDGE!r} all users "
                    "count, each as much as the ridge says"
                )

    @property
    def neighborhood(self) -> Neighborhood:
        """The options that decide which users count, and how much."""
        return Neighborhood(
            neighbors=self.neighbors,
            shrinkage=self.shrinkage,
            min_similarity=self.min_similarity,
            min_common=self.min_common,
            overlap=self.similarity == OVERLAP,
        )

    @property
    def users_reached(self) -> Walk | None:
        """The walk that decides who counts for the scores; None: the neighborhood does."""
        return Walk(self.walk, self.reach) if self.walk else None

    @property
    def ridge_over_users(self) -> float | None:
        """The lambda of the ridge that decides who counts for the scores; None: there is none."""
        return self.ridge if self.similarity == RIDGE else None

    @property
    def has_weights(self) -> bool:
        """Whether the weights in the scores are others than the similarities."""
        return self.walk > 0 or self.similarity == RIDGE

    @property
    def counts_own_listening(self) -> bool:
        """Whether the user's own listening can be in its scores."""
        return self.own_liking > 0 or self.walk > 1

    @property
    def takes_all_users(self) -> bool:
        """Whether all users count, each by its plain cosine."""
        return self.neighborhood == ALL_USERS and self.similarity != RIDGE


class ModelKeywords(TypedDict, total=False):
    """The fields of ModelOptions, and a preset, as keyword arguments."""

    preset: str
    neighbors: int | Literal["all"] | None
    shrinkage: float
    min_similarity: float | None
    min_common: int
    offset: float
    own_liking: float
    track_exponent: float
    walk: int
    reach: int
    centering: str
    similarity: str
    ridge: float
    damping: float
    own_tracks: bool


MODEL_OPTIONS = tuple(option.name for option in fields(ModelOptions))


def model_options(preset: str = "notebook", **chosen: Any) -> ModelOptions:
    """The options of a preset, each replaced by what was chosen; neighbors may be 'all'.

    Raises OptionError for an unknown preset or a value out of its bounds.
    """
    if preset not in PRESETS:
        raise OptionError(f"preset is {preset!r}; it must be one of {', '.join(PRESETS)}")
    options = {**PRESETS[preset], **chosen}
    if options.get("neighbors") == ALL:
        options["neighbors"] = None
    return ModelOptions(**options)
