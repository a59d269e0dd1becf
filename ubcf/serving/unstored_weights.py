"""The weights of one user, where the build did not store those of all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ubcf.database.session import Session


@contextmanager
def with_weights(session: Session) -> Iterator[None]:
    """Makes the weights of a user readable as the table weights for a while.

    The user is the variable `user` of the session. Does nothing where the build stored its weights,
    or needs none: computing them takes all interactions.
    """
    if not session.run("serving/questions/unstored_weights.sql"):
        yield
        return
    import numpy as np

    from ubcf.serving.stored_model import load_model

    model = load_model(session)
    ((user,),) = session.run("serving/questions/user_index.sql")
    weights = model.weights(np.array([user]))
    found = {"user_index": weights.indices.astype(np.int64), "weight": weights.data}
    with session.registered("found_weights", found):
        session.run("serving/weights.sql")
    try:
        yield
    finally:
        session.execute("drop table temp.weights")
