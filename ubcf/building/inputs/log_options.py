"""The options of reading logs and a catalog, with their bounds and defaults."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Literal, TypedDict, get_args

from ubcf.errors import OptionError

Format = Literal["json", "array", "csv", "tsv", "parquet"]

FORMATS: tuple[Format, ...] = get_args(Format)

# The fields of an event, as the service's own logs name them.
EVENT_FIELDS = (
    "message",
    "timestamp",
    "user",
    "track",
    "time",
    "latency",
    "recommendation",
    "experiments",
)

# The fields of a track that the table tracks always has.
CATALOG_FIELDS = ("track", "artist", "title", "genre", "pop")

# The kinds of ids: auto takes what the logs have.
AUTO, INTEGER, TEXT = ID_KINDS = ("auto", "integer", "text")

# What is done with a line that is identical to an earlier one.
KEEP, DROP = REPEATS = ("keep", "drop")

NUMBER = r"[-+]?[0-9]+(?:\.[0-9]+)?"

DAYS = re.compile(r"([1-9][0-9]{0,4})d")


@dataclass(frozen=True)
class LogOptions:
    """How logs and a catalog are read.

    input_format: one of FORMATS, for files whose name does not say it. pattern: the names of the
    logs in a folder, such as '*.parquet'; None means data.json and its rotations. columns: the
    names of the columns of CSV and TSV without a header. fields: where to find a field of
    EVENT_FIELDS, by its name: a field, a dotted path, or for the time an expression. where: a
    condition; lines for which it is not true are left out. since: a date, or '30d' for the 30 days
    before the last event; earlier events are left out. ids: one of ID_KINDS. scale: '1:5' for times
    (ratings) from 1 to 5. repeats: DROP leaves out each line that is identical to an earlier one.
    catalog_fields: as fields, for those of CATALOG_FIELDS.
    """

    input_format: Format | None = None
    pattern: str | None = None
    columns: Sequence[str] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    where: str | None = None
    since: str | None = None
    ids: str = AUTO
    scale: str | None = None
    repeats: str = KEEP
    catalog_fields: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises OptionError for a value out of its bounds."""
        if self.input_format is not None and self.input_format not in FORMATS:
            raise OptionError(
                f"input_format is {self.input_format!r}; it must be one of {', '.join(FORMATS)}"
            )
        if self.ids not in ID_KINDS:
            raise OptionError(f"ids is {self.ids!r}; it must be one of {', '.join(ID_KINDS)}")
        if self.repeats not in REPEATS:
            raise OptionError(
                f"repeats is {self.repeats!r}; it must be one of {', '.join(REPEATS)}"
            )
        for option, given, known in (
            ("field", self.fields, EVENT_FIELDS),
            ("catalog_field", self.catalog_fields, CATALOG_FIELDS),
        ):
            for name in given:
                if name not in known:
                    raise OptionError(f"{option} is {name!r}; it must be one of {', '.join(known)}")
        if isinstance(self.columns, str):
            raise OptionError(f"columns is {self.columns!r}; it must be a list of names")
        for name in ("pattern", "where"):
            if getattr(self, name) is not None and not getattr(self, name).strip():
                raise OptionError(f"{name} is empty")
        if self.since is not None and self.days is None:
            _ = self.moment
        if self.scale is not None:
            _ = self.times

    @property
    def times(self) -> tuple[float, float]:
        """The least and the greatest time. Raises OptionError for a scale that is none."""
        if self.scale is None:
            return 0.0, 1.0
        match = re.fullmatch(rf"\s*({NUMBER})\s*:\s*({NUMBER})\s*", self.scale)
        if match is None or not -math.inf < float(match[1]) < float(match[2]) < math.inf:
            raise OptionError(
                f"scale is {self.scale!r}; it must be two numbers, the smaller first, such as 1:5"
            )
        return float(match[1]), float(match[2])

    @property
    def times_text(self) -> str:
        """The range of times in words."""
        return " to ".join(f"{bound:g}" for bound in self.times)

    @property
    def days(self) -> int | None:
        """The days before the last event that are kept, if `since` gives them."""
        match = DAYS.fullmatch(self.since or "")
        return None if match is None else int(match[1])

    @property
    def moment(self) -> datetime:
        """The moment of `since`, in UTC. Raises OptionError if it is none."""
        try:
            moment = datetime.fromisoformat(self.since or "")
            return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
        except (ValueError, OverflowError) as error:
            raise OptionError(
                f"since is {self.since!r}; it must be a date, such as 2024-02-19, or days, such as "
                "30d"
            ) from error

    @property
    def chooses_fields(self) -> bool:
        """Whether an option says what an event is, beside the format."""
        return bool(self.fields or self.where or self.scale or self.ids != AUTO)

    def recorded(self) -> dict[str, Any]:
        """The options as the table build records them; null where nothing is given."""
        values = {option.name: getattr(self, option.name) or None for option in fields(self)}
        values["columns"] = list(self.columns) or None
        return {
            name: dict(value) if isinstance(value, Mapping) else value
            for name, value in values.items()
        }


class LogKeywords(TypedDict, total=False):
    """The fields of LogOptions as keyword arguments."""

    input_format: Format | None
    pattern: str | None
    columns: Sequence[str]
    fields: Mapping[str, str]
    where: str | None
    since: str | None
    ids: str
    scale: str | None
    repeats: str
    catalog_fields: Mapping[str, str]


LOG_OPTIONS = tuple(option.name for option in fields(LogOptions))


def take_log_options(options: dict[str, Any]) -> LogOptions:
    """Takes the fields of LogOptions out of other options. Raises OptionError as it does."""
    return LogOptions(**{name: options.pop(name) for name in LOG_OPTIONS if name in options})
