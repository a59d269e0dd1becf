"""Files of ids that a user gives a build: of tracks, or of users."""

from __future__ import annotations

from pathlib import Path

from ubcf.database.id_files import CSV, form_of, read_csv_ids, refuse_bad_line
from ubcf.database.paths import LiteralPaths, pattern
from ubcf.database.writing import Database
from ubcf.errors import InputError, TemplateError, one_line


def read_ids(db: Database, table: str, path: Path, field: str) -> None:
    """Makes a table of the ids in a file; field: 'track' or 'user'.

    Raises InputError for a file that cannot be read, and what is no id like those of the table
    events.
    """
    id_type = db.columns("events")[field]
    form = form_of(path)
    if form == CSV:
        ids = read_csv_ids(path, {field: id_type}, may_be_bare=True)
        with db.registered("given_texts", ids):
            db.run("staging/given_ids.sql", table=table, form=form, field=field)
    else:
        try:
            with LiteralPaths() as paths:
                db.set(path=pattern(paths.path(path)))
                db.run("staging/given_ids.sql", table=table, form=form, field=field)
        except TemplateError as error:
            refuse_bad_line(path, f"object with a {field}")
            message = one_line(error.__cause__ or error)
            raise InputError(f"{path}: no {field}s: {message}") from error
    for position, text in db.run("staging/questions/unusable_id.sql", table=table, id_type=id_type):
        raise InputError(
            f"{path}, {field} {position}: "
            + (
                f"{field} is missing"
                if text is None
                else f"{text!r} is no id like those of the logs"
            )
            + f" ({id_type})"
        )
