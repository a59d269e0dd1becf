"""What a page is: an address, a function and a template; and what its function is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb

from ubcf.analysis.named_analyses import query, set_id
from ubcf.analysis.user_events import with_events_of_user
from ubcf.database.session import Session
from ubcf.errors import OptionError
from ubcf.serving.found_similarities import with_similarities
from ubcf.serving.unstored_weights import with_weights

if TYPE_CHECKING:
    from starlette.responses import Response

    from ubcf.web.builds import Build

Row = dict[str, Any]

# Texts of forms beyond this are refused: no id and no title that people type is longer.
LONGEST_TEXT = 10_000

# Numbers in addresses, such as those of pages of rows.
MOST = 10**9


@dataclass(frozen=True)
class Answer:
    """What a page shows.

    title: of the page. data: what the template and the JSON twin have. shown: what the template has
    besides, such as drawings. status: 400 if the page shows what is wrong with a form. instead: the
    address of another page that readers get in place of this one, unless they are still typing.
    """

    title: str
    data: Mapping[str, Any]
    shown: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    instead: str | None = None


@dataclass(frozen=True)
class Asked:
    """What a page is asked: the build, the ids in its address, and the form.

    connection: a cursor of the build that no other request uses meanwhile. ids: as texts. form: the
    fields after the question mark of the address. body: of a POST. using: what is done within it
    with another connection ends as soon as nobody waits for the page.
    """

    build: Build
    connection: duckdb.DuckDBPyConnection
    ids: Mapping[str, str]
    form: Mapping[str, str]
    body: bytes = b""
    using: Callable[[duckdb.DuckDBPyConnection], AbstractContextManager[None]] = (
        lambda _connection: nullcontext()
    )

    def rows(self, analysis: str, **variables: Any) -> list[Row]:
        """The rows of a named analysis, each as a dictionary by column."""
        return rows_of(query(self.connection, analysis, **variables))

    def row(self, analysis: str, **variables: Any) -> Row:
        """The only row of a named analysis."""
        (row,) = self.rows(analysis, **variables)
        return row

    @contextmanager
    def with_similarities(self, user: Any, most: int | None = None) -> Iterator[None]:
        """Makes analyses of the neighbors of a user quick: by the matrices, which are loaded.

        most: of the neighbors, only those with the greatest similarities above 0. Raises
        NotFoundError for an unknown user.
        """
        set_id(self.connection, "user", user)
        with with_similarities(Session(self.connection), self.build.model(), most):
            yield

    @contextmanager
    def with_weights(self, user: Any) -> Iterator[None]:
        """Makes analyses of the scores of a user quick, as `with_similarities` does."""
        session = Session(self.connection)
        with self.with_similarities(user), with_weights(session, self.build.model()):
            yield

    @contextmanager
    def with_events(self, user: Any) -> Iterator[None]:
        """Makes several analyses of the events of a user read them once.

        Raises NotFoundError for an unknown user.
        """
        set_id(self.connection, "user", user)
        with with_events_of_user(Session(self.connection)):
            yield

    def text(self, name: str) -> str:
        """A text of the form, without spaces around it; empty if it is not given.

        Raises OptionError for one that is too long.
        """
        text = self.form.get(name, "").strip()
        if len(text) > LONGEST_TEXT:
            raise OptionError(f"{name}: {len(text):,} characters; there may be {LONGEST_TEXT:,}")
        return text

    def choice(self, name: str, choices: Mapping[str, Any] | tuple[str, ...]) -> str:
        """One of some texts, the first by default. Raises OptionError for another."""
        value = self.form.get(name) or next(iter(choices))
        if value not in choices:
            raise OptionError(f"{name}: {value!r} is none of {', '.join(choices)}")
        return value

    def number(self, name: str, default: int, least: int = 1, most: int = MOST) -> int:
        """A whole number of the form. Raises OptionError for what is none, or out of bounds."""
        text = self.form.get(name, "").strip()
        if not text:
            return default
        if not text.isascii() or not text.isdigit() or not least <= int(text[:20]) <= most:
            raise OptionError(f"{name}: {text[:100]!r} is no number from {least:,} to {most:,}")
        return int(text)


Function = Callable[[Asked], "Answer | Response"]


@dataclass(frozen=True)
class Page:
    """A page of `ubcf browse`.

    path: its address, with the ids in braces. function: makes what it shows. template: of
    templates/; None for what is JSON alone. computes: whether it takes so long that no other
    site may ask for it. method: POST for what is sent a body.
    """

    path: str
    function: Function
    template: str | None
    computes: bool = False
    method: str = "GET"

    @property
    def twin(self) -> str:
        """The path of the JSON twin."""
        return "/index.json" if self.path == "/" else f"{self.path}.json"


def rows_of(relation: duckdb.DuckDBPyRelation) -> list[Row]:
    """The rows of a relation, each as a dictionary by column."""
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
