"""The neighbors of one user, from the matrices of a model that is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ubcf.database.reading import define_macro
from ubcf.database.session import Session
from ubcf.scoring.ranking import ranked_by_value, top_positive
from ubcf.serving.stored_model import StoredModel, load_model


@contextmanager
def with_similarities(
    session: Session, loaded: StoredModel, most: int | None = None
) -> Iterator[None]:
    """Makes the macro similarities_of read what the matrices give for a user, for a while.

    The user is the variable `user` of the session; of others the macro has no rows meanwhile. So
    analyses take milliseconds where they take seconds on 100,000 users. loaded: the model of the
    database of the session. most: of the rows only the first, with similarities above 0 (default:
    all rows).
    """
    load_model(session, loaded)
    indexes = session.run("serving/questions/user_index.sql")
    if not indexes:  # a user without logs, and so without neighbors
        yield
        return
    user = np.array(indexes[0], dtype=np.int64)
    similarity = loaded.similarity_of(user)
    # Indexes of users are in the order of their ids, by which equal similarities go.
    if most is None:
        ranked = ranked_by_value(similarity.data, similarity.indices)
        others, values = similarity.indices[ranked].astype(np.int64), similarity.data[ranked]
    else:
        best = top_positive(similarity, most)
        others, values = best.columns, best.values
    common = loaded.matrices.heard[user] @ loaded.matrices.heard_by_track
    common_tracks = np.zeros(common.shape[1], dtype=np.int64)
    common_tracks[common.indices] = common.data
    found = {
        "user_index": others,
        "similarity": values,
        "place": np.arange(1, len(others) + 1),
        "common_tracks": common_tracks[others],
    }
    with session.registered("found_similarities", found):
        session.run("serving/similarities.sql")
    session.run("serving/similarities_of.sql")
    try:
        yield
    finally:
        define_macro(session, "similarities_of")
        session.execute("drop table temp.similarities")
