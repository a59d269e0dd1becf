"""The rows of one user or track in a large table, for several analyses that read them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ubcf.database.session import Session


@contextmanager
def with_events_of_user(session: Session) -> Iterator[None]:
    """Makes the table events have only the events of a user, for a while.

    The user is the variable `user` of the session. Events are in the order of the logs: each
    analysis of one user would search all of them.
    """
    with _hidden(session, "user_events", "events"):
        yield


@contextmanager
def with_lists_of_track(session: Session) -> Iterator[None]:
    """Makes the table recommendations have only those of a track, for a while.

    The track is the variable `track` of the session. Recommendations are in the order of users.
    """
    with _hidden(session, "track_lists", "recommendations"):
        yield


@contextmanager
def _hidden(session: Session, question: str, table: str) -> Iterator[None]:
    session.run(f"analysis/questions/{question}.sql")
    try:
        yield
    finally:
        session.execute(f"drop table temp.{table}")
