"""Which tracks may be recommended: those of the catalog, of a file, or not of another file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ubcf.building.given_ids import read_ids
from ubcf.building.options import BuildOptions
from ubcf.database.id_files import form_of
from ubcf.database.writing import Database
from ubcf.errors import InputError, OptionError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def check_choice(options: BuildOptions, *, has_catalog: bool) -> None:
    """Raises OptionError without the catalog that an option needs, InputError without a file."""
    if options.catalog_only and not has_catalog:
        raise OptionError(
            "catalog_only is set, and there is no catalog: no tracks.json in a folder of logs; "
            "name one by --catalog"
        )
    for path in options.given_files:
        form_of(path)


def choose_tracks(db: Database, options: BuildOptions) -> None:
    """Makes the table recommendable_tracks, if an option says which tracks may be recommended.

    Sets the variable unknown_given_tracks: how many ids of files are not tracks of the logs. Raises
    InputError for a file that cannot be read, an id of another type, and if no track of the logs
    may be recommended.
    """
    unknown = 0
    for table, path in options.files_of_tracks.items():
        read_ids(db, table, path, "track")
        ((of_file,),) = db.run("staging/questions/unknown_given_tracks.sql", table=table)
        unknown += of_file
    db.set(unknown_given_tracks=unknown if options.files_of_tracks else None)
    if options.chooses_tracks:
        db.run(
            "model/recommendable_tracks.sql",
            catalog_only=options.catalog_only,
            only_given="given_tracks" in options.files_of_tracks,
            without_withdrawn="withdrawn_tracks" in options.files_of_tracks,
        )
        if not db.run("model/questions/some_recommendable_track.sql"):
            raise InputError(
                "no track of the logs may be recommended: " + ", ".join(_choices(options))
            )


def _choices(options: BuildOptions) -> list[str]:
    """The options that say which tracks may be recommended, as they were given."""
    flags = {"given_tracks": "--tracks", "withdrawn_tracks": "--not-tracks"}
    files = [f"{flags[table]} {path}" for table, path in options.files_of_tracks.items()]
    return [*(["--catalog-only"] if options.catalog_only else []), *files]


def recommendable_mask(db: Database, tracks: int) -> NDArray[np.bool_]:
    """Whether each track of the logs may be recommended, by its dense index: shape (tracks,)."""
    import numpy as np

    # masked where a track is only in the catalog
    indexes = np.ma.compressed(db.arrays("recommendable_tracks")["track_index"])
    mask = np.zeros(tracks, dtype=bool)
    mask[indexes] = True
    return mask
