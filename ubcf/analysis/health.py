"""Is a build healthy? The checks of sql/health/, each a figure that is held to a threshold."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Unpack

import duckdb

from ubcf.analysis.comparison import without_sources
from ubcf.analysis.options import CheckKeywords, Thresholds
from ubcf.database.reading import connect_pair, on_own_cursor
from ubcf.database.session import Session, literal
from ubcf.database.templates import Templates
from ubcf.errors import DatabaseError, OptionError, TemplateError, printable
from ubcf.keywords import with_options
from ubcf.printing import Printed

FOLDER, FOLDER_AGAINST = "health", "health/against"

# The columns of the one row of a check.
COLUMNS = ["figure", "threshold", "healthy", "sentence"]

# The check that reads a column which databases of version 0.1 lack.
OF_SOURCES = f"{FOLDER_AGAINST}/filler_rise.sql"

# The checks in order, each with a threshold of its name after max_ or min_.
ORDER = [each.name.partition("_")[2] for each in fields(Thresholds)]

# The verdict on a check.
HEALTHY, UNHEALTHY, NOT_CHECKED = "healthy", "not healthy", "not checked"


@dataclass(frozen=True)
class Check:
    """A check of a build: its verdict, its figure, the threshold, and a sentence about both.

    check: its name, that of its file in sql/health/. verdict: HEALTHY, UNHEALTHY (then it is a
    finding) or NOT_CHECKED, for which the sentence gives the reason. figure, threshold: shares from
    0 to 1, numbers, or days; None where there is none.
    """

    check: str
    verdict: str
    figure: float | None
    threshold: float | None
    sentence: str


@dataclass(frozen=True, repr=False)
class Health(Printed):
    """The checks of a build. It prints as the lines of `ubcf check`.

    not_compared: a sentence for each comparison with another build that could not be made.
    """

    checks: tuple[Check, ...]
    not_compared: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[Check, ...]:
        """The checks whose figure is beyond its threshold."""
        return tuple(each for each in self.checks if each.verdict == UNHEALTHY)

    @property
    def not_checked(self) -> tuple[Check, ...]:
        """The checks that could not be made, each with the reason."""
        return tuple(each for each in self.checks if each.verdict == NOT_CHECKED)

    @property
    def healthy(self) -> bool:
        """Whether there are no findings."""
        return not self.findings

    def lines(self) -> list[str]:
        """A line for each finding; if there is none, one that says how many checks ran."""
        if self.findings:
            return [printable(f"{each.check}: {each.sentence}") for each in self.findings]
        ran = len(self.checks) - len(self.not_checked)
        others = ", ".join(each.check for each in self.not_checked)
        return [f"healthy: {ran} checks ran{others and '; not checked: '}{others}"]

    def relation(self, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
        """The checks as a relation, a row each. connection: any, which only makes the rows."""
        values = ", ".join(f"({', '.join(map(literal, astuple(each)))})" for each in self.checks)
        names = ", ".join(f'"{field.name}"' for field in fields(Check))
        return connection.sql(
            'select "check", verdict, cast(figure as double) as figure, '
            "cast(threshold as double) as threshold, sentence "
            f"from (values {values}) as checks ({names})"
        )

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def __repr__(self) -> str:
        found = f"{UNHEALTHY}, {len(self.findings)} of" if self.findings else f"{HEALTHY},"
        return f"<Health: {found} {len(self.checks)} checks>"


@with_options(CheckKeywords, Thresholds)
@on_own_cursor
def check(
    connection: duckdb.DuckDBPyConnection,
    against: str | Path | None = None,
    *,
    templates: Templates | None = None,
    **thresholds: Unpack[CheckKeywords],
) -> Health:
    """Checks whether a build is healthy.

    connection: of `ubcf.connect`. against: the database of another build, such as last night's, to
    compare with; one of an earlier version is compared in what both have. thresholds: fields of
    Thresholds, such as max_rejected_lines=0.01 or max_age='2d'.
    Raises OptionError for a threshold out of its bounds, DatabaseError when `against` cannot be
    used, TemplateError when DuckDB refuses a check.
    """
    limits = Thresholds(**thresholds)
    session = Session(connection, templates)
    _set_variables(session, limits)
    checks = [_checked(session, name) for name in session.templates.names(FOLDER)]
    compared = [] if against is None else _compared(session, against, limits)
    return Health(
        tuple(sorted([*checks, *compared], key=_place)),
        tuple(
            f"{each.check} is not compared: {each.sentence}"
            for each in compared
            if each.verdict == NOT_CHECKED
        ),
    )


def _place(check: Check) -> int:
    """Checks come in the order of their thresholds, then those of the user's own."""
    return ORDER.index(check.check) if check.check in ORDER else len(ORDER)


def _set_variables(session: Session, limits: Thresholds) -> None:
    session.set(**limits.variables(), checked_at=datetime.now(UTC).replace(tzinfo=None))


def _checked(session: Session, name: str) -> Check:
    """Runs the check in the file `name`. Raises TemplateError if it has no such row."""
    rows = session.run(name)
    columns = [column[0] for column in session.connection.description or ()]
    if columns != COLUMNS or len(rows) != 1:
        raise TemplateError(
            f"{session.templates.path(name)}: a check has one row with the columns "
            f"{', '.join(COLUMNS)}"
        )
    ((figure, threshold, healthy, sentence),) = rows
    verdict = NOT_CHECKED if healthy is None else HEALTHY if healthy else UNHEALTHY
    return Check(Path(name).stem, verdict, _number(figure), _number(threshold), sentence or "")


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def _compared(session: Session, old: str | Path, limits: Thresholds) -> list[Check]:
    """The checks that compare the build with the one in the file `old`."""
    new = _file_of(session)
    with connect_pair(old, new) as pair:
        both = Session(pair, session.templates)
        _refuse_replaced(session, both, new)
        _set_variables(both, limits)
        both.set(against=str(old))
        names = both.templates.names(FOLDER_AGAINST)
        lacks_sources = bool(without_sources(pair))
        return [
            _without_sources(both, name)
            if lacks_sources and name == OF_SOURCES
            else _checked(both, name)
            for name in names
        ]


def _without_sources(both: Session, name: str) -> Check:
    ((version,),) = both.execute("select version from old.build")
    ((against,),) = both.execute("select getvariable('against')")
    return Check(
        Path(name).stem,
        NOT_CHECKED,
        None,
        None,
        f"{against} was made by ubcf {version}, without sources of recommendations",
    )


def _file_of(session: Session) -> Path:
    """The file of the database that the session asks."""
    ((path,),) = session.execute(
        "select path from duckdb_databases() where database_name = current_database()"
    )
    if path is None:
        raise OptionError("against: only a database in a file can be compared")
    return Path(path)


def _refuse_replaced(session: Session, both: Session, new: Path) -> None:
    """Raises DatabaseError if the file has another build by now than the session asks."""
    ((opened,),) = session.execute("select started_at from build")
    ((found,),) = both.execute("select started_at from new.build")
    if opened != found:
        raise DatabaseError(f"{new}: was built again meanwhile; connect again")
