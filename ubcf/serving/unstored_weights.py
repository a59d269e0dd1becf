"""The weights of one user, where the build did not store those of all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ubcf.database.session import Session

if TYPE_CHECKING:
    from ubcf.serving.stored_model import StoredModel


@contextmanager
def with_weights(session: Session, loaded: StoredModel | None = None) -> Iterator[None]:
    """Makes the weights of a user readable as the table weights for a while.

    The user is the variable `user` of the session. Does nothing where the build stored its weights,
    or needs none, and within itself: computing them takes all interactions. loaded: the model of
    the database of the session, if it is loaded already.
    """
    if not session.run("serving/questions/unstored_weights.sql"):
        yield
        return
    import numpy as np

    from ubcf.serving.stored_model import load_model

    model = load_model(session, loaded)
    ((user,),) = session.run("serving/questions/user_index.sql")
    weights = model.weights(np.array([user]))
    found = {"user_index": weights.indices.astype(np.int64), "weight": weights.data}
    with session.registered("found_weights", found):
        session.run("serving/weights.sql")
    session.execute("set variable user_of_weights = getvariable('user')")
    try:
        yield
    finally:
        session.execute("set variable user_of_weights = null; drop table temp.weights")
