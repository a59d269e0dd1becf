"""What a page is: an address, a function and a template; and what its function is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import duckdb

from ubcf.analysis.named_analyses import SOURCES_OF_IDS, query_rows, set_id
from ubcf.analysis.own_rows import with_events_of_user, with_lists_of_track
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
    is_final: whether it stays the same as long as the build does.
    """

    title: str
    data: Mapping[str, Any]
    shown: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    instead: str | None = None
    is_final: bool = True


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
    _ids_set: dict[str, tuple[str, Any]] = field(default_factory=dict, repr=False)

    def rows(self, analysis: str, **variables: Any) -> list[Row]:
        """The rows of a named analysis, each as a dictionary by column."""
        for kind in SOURCES_OF_IDS.keys() & variables.keys():
            self.set_id(kind, variables[kind])
        return query_rows(self.connection, analysis, ids_set=self._ids_set, **variables)

    def set_id(self, kind: str, value: Any) -> Any:
        """Sets the variable of a kind, 'user' or 'track', to an id, once a page.

        Returns the id as the database has it. Raises NotFoundError for an unknown one.
        """
        text, known = self._ids_set.get(kind, (None, None))
        if text != str(value):
            self._ids_set.pop(kind, None)
            known = set_id(self.connection, kind, value)
            self._ids_set[kind] = str(value), known
        return known

    def row(self, analysis: str, **variables: Any) -> Row:
        """The only row of a named analysis."""
        (row,) = self.rows(analysis, **variables)
        return row

    @contextmanager
    def near_similar_users(self, user: Any, most: int) -> Iterator[Asked]:
        """For analyses of the `most` most similar users of a user: quick, by what is loaded.

        Raises NotFoundError for an unknown user.
        """
        known, near = self.set_id("user", user), self.build.near_rows()
        if near is None:
            with with_similarities(self.session, self.build.model(), most):
                yield self
            return
        with self._near() as asked, near.of_similar_users(asked.session, known, most):
            yield asked

    @contextmanager
    def near_explanation(
        self, user: Any, track: Any, most: int
    ) -> Iterator[tuple[Asked, int | None]]:
        """For analyses of the score of a track for a user, with its `most` greatest terms.

        Gives the number of neighbors who contribute, too; None if that is not known. Raises
        NotFoundError for an unknown user or track.
        """
        ids = self.set_id("user", user), self.set_id("track", track)
        near = self.build.near_rows()
        if near is None or not near.has_similarities:
            with self.with_weights(user):
                yield self, None
            return
        with self._near() as asked, near.of_explanation(asked.session, *ids, most) as neighbors:
            yield asked, neighbors

    def indexes_of(self, user: Any, track: Any) -> tuple[int, int] | None:
        """The indexes of a user and a track in the model, if they are quick to find.

        Raises NotFoundError for an unknown user or track.
        """
        ids, near = (self.set_id("user", user), self.set_id("track", track)), self.build.near_rows()
        return None if near is None else near.indexes_of(*ids)

    @contextmanager
    def near_listeners(self, track: Any) -> Iterator[Asked]:
        """For analyses of what the listeners of a track hear.

        Raises NotFoundError for an unknown track.
        """
        known, near = self.set_id("track", track), self.build.near_rows()
        if near is None:
            yield self
            return
        with self._near() as asked, near.of_listeners(asked.session, known):
            yield asked

    @contextmanager
    def with_weights(self, user: Any) -> Iterator[None]:
        """Makes analyses of the scores of a user quick: by the matrices, which are loaded.

        Raises NotFoundError for an unknown user.
        """
        self.set_id("user", user)
        session, model = self.session, self.build.model()
        with with_similarities(session, model), with_weights(session, model):
            yield

    @contextmanager
    def _near(self) -> Iterator[Asked]:
        """The same, asked of a cursor that reads what is near the ids."""
        with self.build.near_cursor() as connection, self.using(connection):
            ids = {kind: known for kind, (_, known) in self._ids_set.items()}
            Session(connection).set(**ids)
            yield replace(self, connection=connection, _ids_set=dict(self._ids_set))

    @property
    def session(self) -> Session:
        """A session of the connection."""
        return Session(self.connection)

    @contextmanager
    def with_events(self, user: Any) -> Iterator[None]:
        """Makes several analyses of the events of a user read them once.

        Raises NotFoundError for an unknown user.
        """
        self.set_id("user", user)
        with with_events_of_user(self.session):
            yield

    @contextmanager
    def with_lists_of(self, track: Any) -> Iterator[None]:
        """Makes several analyses of the lists that have a track read them once.

        Raises NotFoundError for an unknown track.
        """
        self.set_id("track", track)
        with with_lists_of_track(self.session):
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
    site may ask for it. method: POST for what is sent a body. is_kept: whether what it shows is
    kept for the next who asks: no statements of readers, whose answers may be large.
    """

    path: str
    function: Function
    template: str | None
    computes: bool = False
    method: str = "GET"
    is_kept: bool = True

    @property
    def twin(self) -> str:
        """The path of the JSON twin."""
        return "/index.json" if self.path == "/" else f"{self.path}.json"


def rows_of(relation: duckdb.DuckDBPyRelation) -> list[Row]:
    """The rows of a relation, each as a dictionary by column."""
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
