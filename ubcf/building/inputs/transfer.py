"""Logs and catalogs on other machines, and standard input, fetched into local copies.

And the JSON, uploaded to other machines.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from ubcf.building.inputs.logs import (
    CATALOG_NAME,
    Catalog,
    LogFile,
    PathLike,
    Place,
    find_catalog,
    find_logs,
    is_log_name,
    log_file,
    natural_order,
    no_log_in,
    paths_among,
    rotated,
    the_one_of,
)
from ubcf.building.inputs.standard_input import PLACE, StandardInput, reads_standard_input
from ubcf.database.frames import Frame, is_frame, name_of_kind, write_frame
from ubcf.errors import DatabaseError, InputError, OptionError
from ubcf.files import HEAD_BYTES, Kind, Publication, check_target, refuse_other_kind
from ubcf.progress import Stages
from ubcf.remote import (
    Listing,
    Remote,
    RemoteFile,
    is_remote,
    missing,
    normal,
    remote,
    shown,
)

# The names that are reported of frames.
FRAME, CATALOG_FRAME = "frame", "catalog frame"


@dataclass(frozen=True)
class Inputs:
    """The logs and the catalog that are to be read, on this machine and on others.

    logs, catalog: those of this machine. listings: places of logs on other machines. given_catalog:
    the place of the catalog if it was given and is on another machine. is_input: which files of a
    folder on another machine are read, by their paths within the folder. standard_input: None if it
    is no log. frames: logs in memory, by their names. catalog_frame: the catalog, if it is a frame.
    """

    logs: list[LogFile]
    catalog: Catalog | None
    listings: list[Listing]
    given_catalog: Listing | None
    is_input: Callable[[str], bool]
    remote: Remote
    standard_input: StandardInput | None
    frames: dict[str, Frame]
    catalog_frame: Frame | None

    @property
    def paths(self) -> list[Path]:
        """The files of this machine."""
        return [log.path for log in self.logs] + ([self.catalog.path] if self.catalog else [])

    @property
    def has_catalog(self) -> bool:
        """Whether there is a catalog, on this machine or on another."""
        given = self.catalog is not None or self.catalog_frame is not None
        return given or bool(self._remote_files()[1])

    @property
    def urls(self) -> set[str]:
        """The files on other machines."""
        return {file.url for listing in self._all_listings() for file in listing.files}

    def fetched(
        self,
        folder: Path,
        stages: Stages,
        *,
        leaves: Callable[[RemoteFile], bool] = lambda _: False,
    ) -> tuple[list[LogFile], Catalog | None]:
        """All logs, in the order of their names, and the catalog; what is not on disk as copies.

        The copies are put into `folder`, and have the names of the places that they are from.
        leaves: whether a log is left where it is, for `fetched_log`; then `refuse_changes` is to be
        called when all are read. Raises RotatedError when a place changes meanwhile.
        """
        logs, catalogs = list(self.logs), [self.catalog] if self.catalog else []
        if self._all_listings():
            remote_logs, remote_catalogs = self._remote_files()
            left = [leaves(file) for file in remote_logs] + [False for _ in remote_catalogs]
            copies = self._copies([*remote_logs, *remote_catalogs], left, folder, stages)
            logs += copies[: len(remote_logs)]
            fetched = [Catalog(copy.name, copy.path) for copy in copies[len(remote_logs) :]]
            catalogs = [*fetched, *catalogs]
        if self.standard_input is not None:
            with stages.stage("read stdin"):
                logs.append(self.standard_input.copied(folder, {log.name for log in logs}))
        if self.frames or self.catalog_frame is not None:
            with stages.stage("copy frames"):
                logs += [_frame_copy(name, frame, folder) for name, frame in self.frames.items()]
                if self.catalog_frame is not None:
                    copy = _frame_copy(CATALOG_FRAME, self.catalog_frame, folder)
                    catalogs = [Catalog(copy.name, copy.path)]
        return sorted(logs, key=lambda log: natural_order(log.name)), the_one_of(catalogs)

    def _all_listings(self) -> list[Listing]:
        return [*self.listings, *([self.given_catalog] if self.given_catalog else [])]

    def _remote_files(self) -> tuple[list[RemoteFile], list[RemoteFile]]:
        """The logs and the catalogs on other machines, each once, in the order of their names."""
        logs: dict[str, RemoteFile] = {}
        catalogs: dict[str, RemoteFile] = {}
        for listing in self.listings:
            for file in listing.files:
                (catalogs if file.url == _catalog_in(listing) else logs)[file.url] = file
        if self.given_catalog:
            catalogs = {file.url: file for file in self.given_catalog.files}
        return [logs[url] for url in sorted(logs, key=natural_order)], list(catalogs.values())

    def _copies(
        self, files: list[RemoteFile], left: list[bool], folder: Path, stages: Stages
    ) -> list[LogFile]:
        """Copies of files on other machines, but for those left there. Raises RotatedError."""
        copies_folder = Path(tempfile.mkdtemp(prefix="fetched-", dir=folder))
        copies = [copies_folder / f"{i}{_suffixes(file.url)}" for i, file in enumerate(files)]
        logs = [
            LogFile(name, copy, file.bytes or 0, (0, 0), source=file)
            for name, copy, file in zip(_names(files), copies, files, strict=True)
        ]
        wanted = [index for index, is_left in enumerate(left) if not is_left]
        if not wanted:
            return logs
        with stages.stage("fetch", len(wanted)) as stage:
            _fetch(self.remote, [logs[index] for index in wanted], stage.advance)
            self.refuse_changes()
            for index in wanted:
                logs[index] = _copy(logs[index])
        return logs

    def refuse_changes(self) -> None:
        """Raises RotatedError unless all places are as they were when they were listed."""
        for listing in self._all_listings():
            before = {file.url: file for file in listing.files}
            again = self.remote.listing(listing.place, self.is_input)
            now = {file.url: file for file in again.files}
            for url in sorted(before.keys() | now.keys()):
                if url not in before:
                    raise rotated(shown(url), "appeared in the logs")
                if before[url] != now.get(url):
                    raise rotated(shown(url))


def fetched_log(log: LogFile, folder: Path) -> LogFile:
    """A copy in a folder of a log that is left on another machine, which is as it was found.

    Raises RotatedError if it is not.
    """
    source = log.source
    assert source is not None
    copy = replace(log, path=folder / log.path.name)
    _fetch(remote(), [copy], lambda _: None)
    if remote().file(source.url) != source:
        raise rotated(log.name)
    return _copy(copy)


def _fetch(remote: Remote, logs: Sequence[LogFile], advance: Callable[[int], None]) -> None:
    """Fetches logs to their paths."""
    try:
        remote.fetch(
            [log.source for log in logs if log.source], [log.path for log in logs], advance
        )
    except FileNotFoundError as error:
        raise rotated(str(error.filename)) from None


def _copy(log: LogFile) -> LogFile:
    """The log that was fetched to a path. Raises RotatedError for one of another size."""
    found = log_file(log.path)
    if log.source is not None and log.source.bytes not in (None, found.bytes):
        raise rotated(log.name)
    return replace(found, name=log.name)


def find_inputs(
    places: Sequence[Place],
    catalog: Place | None = None,
    pattern: str | None = None,
    *,
    has_catalog: bool = True,
    standard_input: StandardInput | None = None,
) -> Inputs:
    """Finds the logs and the catalog; see `logs.find_logs` and `logs.find_catalog`.

    A folder on another machine is searched by the same rule. catalog: None takes tracks.json from a
    folder of logs, if there is one. pattern: of the names of logs in folders; None: data.json and
    its rotated files. has_catalog: whether a catalog is read at all. standard_input: what the place
    - stands for.
    Raises InputError for a place without a log file, or one that cannot be reached, and as
    `reads_standard_input`.
    """
    stdin = (standard_input or StandardInput()) if reads_standard_input(places) else None
    local = places_on_disk(places)
    elsewhere = dict.fromkeys(
        normal(os.fspath(path)) for path in paths_among(places) if is_remote(path)
    )
    frames = [place for place in places if is_frame(place)]
    names = _distinct([FRAME] * len(frames))
    logs = find_logs(local, pattern)
    path, given_catalog, catalog_frame = None, None, None
    remote = Remote()
    takes_catalog = has_catalog and catalog is None
    is_input = partial(_is_input, pattern=pattern, takes_catalog=takes_catalog)
    listings = [_listing(remote, place, is_input, pattern) for place in elsewhere]
    if catalog is not None and not isinstance(catalog, str | os.PathLike):
        catalog_frame = catalog
    elif catalog is not None and is_remote(catalog):
        given_catalog = remote.listing(normal(os.fspath(catalog)), is_input)
        if given_catalog.is_folder or len(given_catalog.files) != 1:
            raise InputError(f"{shown(catalog)}: no such file")
    elif has_catalog:
        path = find_catalog(local) if catalog is None else Path(catalog)
    found = None if path is None else Catalog(path.as_posix(), path)
    return Inputs(
        logs,
        found,
        listings,
        given_catalog,
        is_input,
        remote,
        stdin,
        dict(zip(names, frames, strict=True)),
        catalog_frame,
    )


def _frame_copy(name: str, frame: Frame, folder: Path) -> LogFile:
    """A copy of a frame in `folder`. Raises InputError for one that cannot be read."""
    copy = folder / f"{name}.parquet"
    write_frame(frame, copy, name)
    return replace(log_file(copy), name=name, frame=name_of_kind(frame))


def places_on_disk(places: Sequence[Place]) -> list[PathLike]:
    """The places of logs that are files, folders and patterns of this machine."""
    return [
        path for path in paths_among(places) if os.fspath(path) != PLACE and not is_remote(path)
    ]


def _is_input(path: str, *, pattern: str | None, takes_catalog: bool) -> bool:
    """Whether a file is read, by its path within a folder of logs."""
    is_catalog = takes_catalog and path == CATALOG_NAME
    return is_catalog or is_log_name(PurePosixPath(path).name, pattern)


def _catalog_in(listing: Listing) -> str | None:
    """The URL of the catalog in a folder."""
    return f"{listing.place}/{CATALOG_NAME}" if listing.is_folder else None


def _listing(
    remote: Remote, place: str, is_input: Callable[[str], bool], pattern: str | None
) -> Listing:
    """What a place of logs holds. Raises InputError if that is no log."""
    listing = remote.listing(place, is_input)
    if listing.is_folder and all(file.url == _catalog_in(listing) for file in listing.files):
        raise no_log_in(shown(place), pattern)
    if not listing.files:
        raise InputError(f"{shown(place)}: {missing(place)}")
    return listing


def _suffixes(url: str) -> str:
    """The end of the name of a file, which says how it is compressed."""
    path = unquote(urlsplit(url).path) if url.startswith("http") else url
    return "".join(PurePosixPath(path).suffixes)


def _names(files: Sequence[RemoteFile]) -> list[str]:
    """The names that are reported, each once: URLs may differ in a query alone, which is hidden."""
    return _distinct([file.name for file in files])


def _distinct(names: Sequence[str]) -> list[str]:
    """Names of which those that are there already get a number."""
    seen: Counter[str] = Counter()
    distinct = []
    for name in names:
        seen[name] += 1
        distinct.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return distinct


@dataclass(frozen=True)
class Output:
    """Where the JSON goes. path: a local target; None: it is uploaded to `url`, or not wanted."""

    path: Path | None
    url: str | None
    remote: Remote

    @property
    def is_wanted(self) -> bool:
        """Whether the JSON goes anywhere."""
        return self.url is not None

    @property
    def targets(self) -> list[Path]:
        """The files of this machine that are published."""
        return [] if self.path is None else [self.path]

    def written(self, publication: Publication, folder: Path) -> Path:
        """Where the JSON is written before it is published or uploaded."""
        return folder / "upload.json" if self.path is None else publication.unfinished(self.path)

    def upload(self, written: Path, stages: Stages) -> Callable[[], None] | None:
        """What uploads the JSON, to be called just before the database is published."""
        url = self.url
        if self.path is not None or url is None:
            return None

        def upload() -> None:
            with stages.stage("upload"):
                self.remote.upload(written, url, DatabaseError)

        return upload


def refuse_inputs(inputs: Inputs, url: str) -> None:
    """Raises OptionError for a file on another machine that the next build would read."""
    for listing in inputs.listings:
        within = url.removeprefix(f"{listing.place}/")
        is_read = within == CATALOG_NAME or inputs.is_input(within)
        if listing.is_folder and within != url and is_read:
            raise OptionError(
                f"{shown(url)}: the next build would read it as a log or a catalog; choose another "
                "name"
            )


def check_output(
    target: PathLike | None, kind: Kind, inputs: Inputs, paths: Sequence[Path]
) -> Output:
    """Returns where to write the JSON. The same rule for places on other machines and on this one.

    target: None: nowhere. paths: files of this machine that are read. Raises OptionError as
    `check_target`, InputError for a place that cannot be reached.
    """
    if target is None:
        return Output(None, None, inputs.remote)
    if not is_remote(target):
        return Output(check_target(target, kind, paths), os.fspath(target), inputs.remote)
    url = normal(os.fspath(target))
    name = shown(url)
    if url in inputs.urls:
        raise OptionError(
            f"{name}: is read by this command, which would overwrite it; choose another name"
        )
    refuse_inputs(inputs, url)
    first = inputs.remote.head(url, HEAD_BYTES)
    if first:
        with tempfile.TemporaryDirectory(prefix="ubcf-") as folder:
            beginning = Path(folder, "beginning")
            beginning.write_bytes(first)
            refuse_other_kind(name, kind, beginning)
    return Output(None, url, inputs.remote)
