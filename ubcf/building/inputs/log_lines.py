"""How lines become events: the views log_fields and log_lines, by the options and by the logs.

Some things are the same for all files, and the lines tell them: the unit of timestamps, the kind of
ids, and whether there are times at all. The first lines suffice for most logs; only where they
leave a doubt are all lines looked at.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ubcf.building.inputs.fields import Fields, Path, pointer
from ubcf.building.inputs.log_options import AUTO, INTEGER, TEXT, LogOptions
from ubcf.building.summary import Reading, absent_fields
from ubcf.database.session import identifier
from ubcf.database.writing import Database
from ubcf.errors import InputError

# Units of timestamps, and the range of numbers that each is recognized by: from March 1973 on.
TIMESTAMP_SIZES = {
    "seconds": (10**8, 10**11 - 1),
    "milliseconds": (10**11, 10**14 - 1),
    "microseconds": (10**14, 10**17 - 1),
    "nanoseconds": (10**17, 2**63 - 1),
}

ISO_TEXT = "ISO 8601 text"

# An id that may be a text or a number: numbers become texts.
ANY = "any"


@dataclass
class LineReading:
    """How lines are read. untyped: some files know no types, such as CSV.

    ids: the kind of the ids of users and tracks: INTEGER, TEXT or ANY. plays_count: there are no
    times, and each play counts as 1. absent: fields that options name, and no line has.
    """

    db: Database
    fields: Fields
    options: LogOptions
    untyped: bool
    ids: dict[str, str]
    plays_count: bool = False
    absent: list[Path] = field(default_factory=list)

    def told(self) -> Reading:
        """What the logs told."""
        if not self.absent:
            return Reading(self.ids, self.plays_count)
        return Reading(self.ids, self.plays_count, _dotted(self.absent), self._field_names())

    def make_fields(self, view: str, *, numbered: bool) -> None:
        """Makes the view of the texts of fields, with the numbers of lines if `numbered`."""
        self.db.run(
            "staging/log_fields.sql",
            view=view,
            numbered=numbered,
            fields=list(self.fields.paths),
            numbers=list(map(identifier, self.fields.numbers)),
            texts=list(map(identifier, self.fields.texts)),
            plain=self.fields.are_usual,
            untyped=self.untyped,
        )

    def make_lines(self, view: str, fields_view: str, *, numbered: bool) -> None:
        """Makes the view of the fields as values, and of the reasons against a line."""
        self.db.run(
            "staging/log_lines.sql",
            view=view,
            fields_view=fields_view,
            numbered=numbered,
            ids={**self.ids, "recommendation": self.ids["track"]},
            time="1.0" if self.plays_count else self.fields.time,
            where=self.fields.where,
            untyped=self.untyped,
        )

    def decide(self) -> None:
        """Looks at the first lines, and at all where these leave a doubt, for what all share."""
        self.db.run("staging/first_fields.sql")
        self.db.run("staging/known_experiments.sql")
        self.bind_timestamp_unit("first_fields")
        if self.options.ids == AUTO and (self.untyped or self._kinds("first_fields") != self.ids):
            self.ids = self._kinds("log_fields")
        may_lack_times = "time" not in self.options.fields and self.options.scale is None
        if may_lack_times and not self._has_times("first_fields"):
            self.plays_count = not self._has_times("log_fields")
        self.find_given_fields()

    def decide_ids_again(self) -> bool:
        """Looks at the ids of all lines, after many were rejected; returns if that changes them."""
        before = self.ids
        if self.options.ids == AUTO:
            self.ids = self._kinds("log_fields")
        return self.ids != before

    def bind_timestamp_unit(self, lines: str) -> bool:
        """Decides by some lines which timestamps are read; returns whether others were before.

        Of another kind, a timestamp is null. So a line that is written otherwise than the first
        ones gives an event without a timestamp, for which all lines are looked at.
        """
        reading = "select getvariable('timestamp_unit'), getvariable('timestamp_texts')"
        before = self.db.execute(reading)
        rows = self.db.run(
            "staging/questions/timestamp_units.sql", lines=lines, where=self.fields.where
        )
        read = bind_timestamps(self.db, [unit for unit, _, _ in rows if unit is not None])
        unread = [example for unit, _, example in rows if unit not in read]
        self.db.set(unread_timestamp=unread[0] if unread else None)
        return self.db.execute(reading) != before

    def find_given_fields(self) -> None:
        """Notes which of the fields that options name are in no line."""
        found = self._found("first_fields", self.fields.given)
        doubtful = [path for path in self.fields.given if path not in found]
        found |= self._found("log_text", doubtful)
        self.absent = [path for path in doubtful if path not in found]

    def _found(self, lines: str, paths: list[Path]) -> set[Path]:
        """Those of some fields that are in some lines."""
        if not paths:
            return set()
        self.db.set(given_pointers=list(map(pointer, paths)))
        (found,) = self.db.run(
            "staging/questions/given_fields_found.sql", lines=lines, fields=len(paths)
        )
        return {path for path, is_found in zip(paths, found, strict=True) if is_found}

    def explain_no_event(self) -> None:
        """Raises InputError with the fields that the lines have, if none has the needed ones."""
        names = self._field_names()
        paths = self.fields.paths
        missing = [name for name in ("user", "track") if paths[name][0] not in names]
        if names and not missing and self.absent:
            raise InputError(f"no event: {absent_fields(_dotted(self.absent), names)}")
        if not names or not missing:
            return
        unused = [name for name in names if all(name != path[0] for path in paths.values())]
        found = [*unused, *names]
        examples = " ".join(
            f"--field {shlex.quote(f'{name}={_dotted([(found[position % len(found)],)])[0]}')}"
            for position, name in enumerate(missing)
        )
        ((files,),) = self.db.execute("select getvariable('input_files')")
        place, their = (files[0], "its") if len(files) == 1 else ("the logs", "the")
        fields = "fields" if len(missing) > 1 else "field"
        raise InputError(
            f"no line of {place} has the {fields} "
            f"{', '.join(_dotted(paths[name] for name in missing))}: {their} fields are "
            f"{', '.join(names)}; say which is which, such as {examples}"
        )

    def _field_names(self) -> list[str]:
        """The fields that the first lines have."""
        return [name for name, _ in self.db.run("staging/questions/fields_of_lines.sql")]

    def _kinds(self, lines: str) -> dict[str, str]:
        """The kinds of the ids of some lines."""
        return {
            name: TEXT if untyped_texts or texts > whole_numbers else INTEGER
            for name, untyped_texts, texts, whole_numbers in self.db.run(
                "staging/questions/id_kinds.sql",
                lines=lines,
                untyped=self.untyped,
                where=self.fields.where,
            )
        }

    def _has_times(self, lines: str) -> bool:
        ((with_time,),) = self.db.run(
            "staging/questions/lines_with_time.sql", lines=lines, where=self.fields.where
        )
        return bool(with_time)


def _dotted(paths: Iterable[Path]) -> list[str]:
    """Paths as they can be written in an expression."""
    # Loading the language takes milliseconds, which a build that names no field is spared.
    from ubcf.building.inputs.expression_tree import dotted

    return list(map(dotted, paths))


def line_reading(
    db: Database, fields: Fields, options: LogOptions, *, untyped: bool
) -> LineReading:
    """How lines are read by the options alone, with the variables that the views need."""
    kind = {AUTO: INTEGER, INTEGER: INTEGER, TEXT: ANY}[options.ids]
    least, most = options.times
    db.set(
        field_paths=fields.pointers,
        field_names=fields.outermost,
        experiments_path=fields.pointers[list(fields.paths).index("experiments")],
        time_least=least,
        time_most=most,
        time_range=options.times_text,
        time_expression=fields.time_text,
    )
    bind_timestamps(db, ["milliseconds", ISO_TEXT], are_known=False)
    return LineReading(db, fields, options, untyped, {"user": kind, "track": kind})


def bind_timestamps(db: Database, units: list[str], *, are_known: bool = True) -> list[str]:
    """Sets which timestamps are read, by their units, the most frequent first; returns those read.

    The first unit that is one of numbers is that of all logs; numbers of another size are no
    timestamps, and without such a unit only small ones are. Texts are read if they are among the
    units. are_known: the logs have these units, and the summary says so.
    """
    unit = next((unit for unit in units if unit in TIMESTAMP_SIZES), "")
    least, most = TIMESTAMP_SIZES.get(unit, (1, 0))
    written = [name for name in units if name in (unit, ISO_TEXT)]
    values: dict[str, Any] = {
        "timestamp_unit": unit,
        "timestamp_least": least,
        "timestamp_most": most,
        "timestamp_texts": ISO_TEXT in units,
        "timestamps_written": (are_known and " and ".join(written)) or None,
        "unread_timestamp": None,
    }
    db.set(**values)
    return written
