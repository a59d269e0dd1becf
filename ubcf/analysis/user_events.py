"""The events of one user, for several analyses of that user."""

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
    session.run("analysis/questions/user_events.sql")
    try:
        yield
    finally:
        session.execute("drop table temp.events")
