"""Users whom the logs do not know, and who are to get a list all the same: the popular tracks."""

from __future__ import annotations

from pathlib import Path

from ubcf.building.given_ids import read_ids
from ubcf.building.options import BuildOptions
from ubcf.database.writing import Database


def read_users(db: Database, options: BuildOptions) -> None:
    """Makes the table users_without_logs of the file of users, if there is one.

    Sets the variables given_users, known_given_users, repeated_given_users and users_without_logs,
    which count its ids; they are null without a file. Raises InputError for a file that cannot be
    read, and an id of another type.
    """
    counts: list[int | None] = [None] * 4
    if options.users is not None:
        read_ids(db, "given_users", Path(options.users), "user")
        db.run("model/users_without_logs.sql", user_type=db.columns("events")["user"])
        ((ids, known, repeated),) = db.run("model/questions/given_user_counts.sql")
        counts = [int(ids), known, int(repeated), db.count("users_without_logs")]
    names = ("given_users", "known_given_users", "repeated_given_users", "users_without_logs")
    db.set(**dict(zip(names, counts, strict=True)))


def recommend_popular_tracks(db: Database, options: BuildOptions) -> None:
    """Adds the lists of these users to the table recommendations."""
    if options.users is not None:
        db.set(top=options.top)
        db.run(
            "results/popular_recommendations.sql",
            predict=options.predict,
            own_tracks=options.predict and options.model.own_tracks,
        )
