"""Files on other machines: object stores (s3://, gs://) and web servers (http://, https://).

fsspec and its drivers do the work. They are imported when the first such place is used, and find
credentials by themselves. A URL may hold a secret, so every message has the name that `shown`
gives it, and the errors of the drivers are put into words here.
"""

from __future__ import annotations

import errno
import os
import re
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from ubcf.errors import InputError, OptionError, UbcfError

# The package that reads each kind of place.
DRIVERS = {"s3": "s3fs", "gs": "gcsfs", "http": "aiohttp", "https": "aiohttp"}

WEB = ("http", "https")

# Those that have folders, and take no name of a server: who runs a command chooses that.
STORES = ("s3", "gs")

# The answers of a web server that has no such file.
MISSING = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)

# How many files are fetched at once.
AT_ONCE = 8

# Seconds in which a web server must accept a connection, and send some bytes.
CONNECT_SECONDS = 30
READ_SECONDS = 60

# How long an interrupted transfer is waited for, in seconds.
CANCEL_SECONDS = 2

# A shorter value of a query is not searched for in messages: it would be found everywhere.
SHORTEST_SECRET = 4

# What drivers report of a file that differs once its content does.
VERSION_FIELDS = (
    "ETag",
    "etag",
    "generation",
    "Content-MD5",
    "LastModified",
    "Last-Modified",
    "updated",
    "size",
)

# Errors of the drivers, by the names of their classes, which need not be imported.
REASONS = {
    "NoCredentialsError": "no credentials found",
    "PartialCredentialsError": "the credentials are not complete",
    "ConnectTimeoutError": "no answer in time",
    "ReadTimeoutError": "no answer in time",
    "TimeoutError": "no answer in time",
    "EndpointConnectionError": "the server cannot be reached",
    "ClientConnectorError": "the server cannot be reached",
    "ClientPayloadError": "the connection broke",
    "IncompleteReadError": "the connection broke",
    "ServerDisconnectedError": "the connection broke",
    "InvalidURL": "not a valid URL",
    "ParamValidationError": "not a valid name",
    "ValueError": "not a valid URL",
    "PermissionError": "access denied",
    "FileNotFoundError": "no such file or bucket",
}

_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
_PLACE = r"([A-Za-z][A-Za-z0-9+.-]+)://"
# A bucket, or a host and its port.
_HOST = r"arn:[\w:-]+|(\[[^]@]*\]|[^]:[]*)(:[0-9]*)?"
_URL = r"[A-Za-z][A-Za-z0-9+.-]+://[^\s'\"<>]+"
_PATTERN = r"[*?[]"
# A folder of an object store by one name alone: no pattern, no version, and no ARN, which names a
# server, in place of the bucket.
_STORE_FOLDER = re.compile(
    rf"(?:{'|'.join(STORES)})://[A-Za-z0-9][A-Za-z0-9._-]*"
    r"(?:/(?!\.{1,2}(?:/|$))[^/*?\[\]#\\\x00-\x1f\x7f]+)*"
)

Result = TypeVar("Result")


def is_remote(place: str | os.PathLike[str]) -> bool:
    """Whether a place is a URL and not a path of this machine."""
    return re.match(_PLACE, os.fspath(place)) is not None


def shown(place: str | os.PathLike[str]) -> str:
    """The name of a place for messages and tables: a URL without user, password and query."""
    text = os.fspath(place)
    found = re.match(_PLACE, text)
    if found is None:
        return text
    scheme, rest = found[1].lower(), text[found.end() :]
    host = re.split("[/?#]", rest, maxsplit=1)[0]
    path = rest[len(host) :]
    host = host.rpartition("@")[2]
    if not re.fullmatch(_HOST, host):
        return f"{scheme}://..."  # it may be a part of a password
    # In the name of an object, a question mark may be a part of a pattern.
    query = "[?#].*" if scheme in WEB else r"\?.*=.*"
    return f"{scheme}://{host}{re.sub(query, '', path, flags=re.DOTALL)}"


def is_store(url: str) -> bool:
    """Whether a URL is of an object store."""
    return _scheme(url) in STORES


def is_store_folder(url: str) -> bool:
    """Whether a URL is a plain name of a folder of an object store, or of a bucket."""
    return _STORE_FOLDER.fullmatch(url) is not None


def normal(url: str) -> str:
    """A URL in the form in which listings have it: equal for equal places, as far as names tell."""
    scheme, _, path = url.partition("://")
    path = path.partition("#")[0] if scheme.lower() in WEB else path.rstrip("/")
    return f"{scheme.lower()}://{path}"


def missing(place: str) -> str:
    """What to say of a place where there is nothing."""
    if _scheme(place) in WEB:
        return "no such file"
    return "no such file, folder or bucket, and no file matches it as a pattern"


@dataclass(frozen=True)
class RemoteFile:
    """A file as it was when it was listed.

    url: with all that is needed to read it. bytes: its size; None: the server does not say.
    version: differs once the content does, as far as the server shows it.
    """

    url: str
    bytes: int | None
    version: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name that is reported."""
        return shown(self.url)


@dataclass(frozen=True)
class Listing:
    """What a place held when it was listed. files: empty if there is nothing of this name."""

    place: str
    is_folder: bool
    files: tuple[RemoteFile, ...]


class Remote:
    """The places of other machines, by URLs of the form `normal`.

    All methods raise InputError for what cannot be reached.
    """

    def __init__(self) -> None:
        self._drivers: dict[str, Any] = {}

    def listing(self, place: str, wanted: Callable[[str], bool]) -> Listing:
        """The files of a place: a file, a pattern, or a folder with all below it.

        wanted: whether to take a file of a folder, by its path within the folder.
        """
        with _in_words(place, InputError, "cannot be read: "):
            driver, path = self._located(place)
            return _wait(driver, _listing(driver, path, place, wanted))

    def fetch(
        self, files: Sequence[RemoteFile], copies: Sequence[Path], advance: Callable[[int], None]
    ) -> None:
        """Copies files to this machine, several at once. advance: is called for each.

        Raises FileNotFoundError, with the name that is reported, for a file that is gone.
        """
        found = [
            (*self._located(file.url), file.url, copy)
            for file, copy in zip(files, copies, strict=True)
        ]
        try:
            _wait(found[0][0], _fetch_all(found, advance))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    def file(self, url: str) -> RemoteFile | None:
        """The file of this name as it is now; None if there is none."""
        listing = self.listing(url, lambda _: False)
        return None if listing.is_folder else next(iter(listing.files), None)

    def read(self, url: str, start: int, stop: int) -> bytes:
        """The bytes start..stop-1 of a file, which it must have."""
        with _in_words(url, InputError, "cannot be read: "):
            driver, path = self._located(url)
            return bytes(_wait(driver, driver._cat_file(path, start=start, end=stop)))

    def remove(self, folder: str) -> None:
        """Removes all files of a folder of an object store; there need not be any."""
        with _in_words(folder, InputError, "cannot be removed: "):
            driver, path = self._located(folder)
            with suppress(FileNotFoundError):
                _wait(driver, driver._rm(path, recursive=True))

    def head(self, url: str, length: int) -> bytes | None:
        """The first bytes of a file, at most `length`; None if there is no file of this name.

        Raises OptionError for a folder, and for a bucket that does not exist.
        """
        with _in_words(url, InputError, "cannot be read, so not replaced: "):
            driver, path = self._located(url)
            return _wait(driver, _head(driver, path, url, length))

    def upload(self, file: Path, url: str, error: type[UbcfError]) -> None:
        """Writes a file to a URL, which appears there complete or not at all.

        Raises `error` when that fails.
        """
        with _in_words(url, error, "cannot be written: "):
            driver, path = self._located(url)
            try:
                _wait(driver, _upload(driver, path, file, is_web=_scheme(url) in WEB))
            except FileNotFoundError:
                raise error(f"{shown(url)}: cannot be written: no such place") from None

    def _located(self, url: str) -> tuple[Any, str]:
        """The driver of a URL, and the path that it takes."""
        scheme, name = _scheme(url), shown(url)
        if scheme not in DRIVERS:
            raise InputError(f"{name}: {scheme}:// is not known; known are {', '.join(DRIVERS)}")
        if scheme in WEB:
            # What is quoted already stays as it is: it may be signed.
            path = quote(url, safe="%/:?#[]@!$&'()*+,;=~")
        else:
            path = url.partition("://")[2]
            if "@" in path.partition("/")[0]:
                raise InputError(
                    f"{name}: a URL of {scheme}:// has no credentials in it; {DRIVERS[scheme]} "
                    "finds them in the environment and in the files of your account"
                )
            if not path.partition("/")[0]:
                raise InputError(f"{name}: names no bucket")
        if scheme not in self._drivers:
            self._drivers[scheme] = _driver(scheme, name)
        return self._drivers[scheme], path


def remote() -> Remote:
    """The places of other machines, with the connections that this process has."""
    return _remote_of(os.getpid())


@cache
def _remote_of(_process: int) -> Remote:
    # A process that was forked has no thread of the drivers.
    return Remote()


def _scheme(url: str) -> str:
    return url.partition("://")[0].lower()


def _driver(scheme: str, name: str) -> Any:
    """fsspec's file system for a kind of place; it remembers no listing."""
    options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
    try:
        import fsspec

        if scheme in WEB:
            import aiohttp

            options["encoded"] = True
            options["client_kwargs"] = {
                "trust_env": True,  # proxies, and passwords from .netrc
                "auto_decompress": False,  # the bytes of a file as they are
                "headers": {"Accept-Encoding": "identity"},
                "timeout": aiohttp.ClientTimeout(
                    total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS
                ),
            }
        if scheme == "s3":
            options["max_concurrency"] = 1  # each part of a file is held in memory
        return fsspec.filesystem(scheme, **options)
    except ImportError:
        more = " gcsfs" if scheme == "gs" else ""
        raise InputError(
            f"{name}: {scheme}:// needs a package: pip install 'ubcf[remote]'{more}"
        ) from None


def _wait(driver: Any, work: Coroutine[Any, Any, Result]) -> Result:
    """Runs a coroutine on the thread of the drivers. Ctrl-C cancels it, and waits for its end."""
    import asyncio

    ended = threading.Event()

    async def run() -> Result:
        try:
            return await work
        finally:
            ended.set()

    future = asyncio.run_coroutine_threadsafe(run(), driver.loop)
    try:
        return future.result()
    except BaseException:
        if future.cancel():
            ended.wait(CANCEL_SECONDS)
        raise


# What runs on the thread of the drivers.


async def _listing(driver: Any, path: str, place: str, wanted: Callable[[str], bool]) -> Listing:
    scheme = _scheme(place)
    if scheme in WEB:
        parts = urlsplit(place)
        if "*" in parts.path or (parts.path.endswith("/") and not parts.query):
            raise InputError(f"{shown(place)}: a web server lists no files; name each of them")
    try:
        info = await driver._info(path)
    except FileNotFoundError as error:
        if scheme in WEB and (cause := _web_cause(error)):
            raise cause from None
        if scheme in WEB or not re.search(_PATTERN, path):
            return Listing(place, False, ())
        matches = list((await driver._glob(path, detail=True)).values())
        is_folder = False
    else:
        matches, is_folder = [info], info["type"] == "directory"
    files = []
    for match in matches:
        if match["type"] != "directory":
            files.append(match)
            continue
        folder = match["name"].rstrip("/")
        for name, each in (await driver._find(folder, detail=True)).items():
            if each["type"] == "file" and wanted(name.removeprefix(folder).lstrip("/")):
                files.append(each)
    urls = [place if scheme in WEB else f"{scheme}://{each['name']}" for each in files]
    return Listing(place, is_folder, tuple(map(_remote_file, urls, files)))


def _remote_file(url: str, info: dict[str, Any]) -> RemoteFile:
    version = tuple(f"{field}={info[field]}" for field in VERSION_FIELDS if info.get(field))
    return RemoteFile(url, info["size"], version)


async def _fetch_all(
    files: Sequence[tuple[Any, str, str, Path]], advance: Callable[[int], None]
) -> None:
    """Fetches files, given by driver, path, URL and the place of the copy. The first error ends it.

    Raises an ExceptionGroup.
    """
    import asyncio

    free = asyncio.Semaphore(AT_ONCE)

    async def fetch(driver: Any, path: str, url: str, copy: Path) -> None:
        async with free:
            with _in_words(url, InputError, "cannot be read: ", copy=copy):
                await driver._get_file(path, str(copy))
            advance(1)

    async with asyncio.TaskGroup() as tasks:
        for each in files:
            tasks.create_task(fetch(*each))


async def _head(driver: Any, path: str, url: str, length: int) -> bytes | None:
    if _scheme(url) in WEB:
        session = await driver.set_session()
        ranged = {"Range": f"bytes=0-{length - 1}"}
        async with session.get(driver.encode_url(path), headers=ranged) as answer:
            if answer.status in MISSING:
                return None
            if answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return b""  # an empty file has no first byte
            answer.raise_for_status()
            first = b""
            # A server that knows no ranges sends all of the file.
            while len(first) < length and (part := await answer.content.read(length)):
                first += part
            return first[:length]
    bucket, _, key = path.partition("/")
    if not key:
        raise OptionError(f"{shown(url)}: names a bucket; name a file in it")
    try:
        info = await driver._info(path)
    except FileNotFoundError:
        await _refuse_missing_bucket(driver, bucket, url)
        return None
    if info["type"] == "directory":
        raise OptionError(f"{shown(url)}: exists, and is a folder; choose another name")
    return bytes(await driver._cat_file(path, start=0, end=length)) if info["size"] else b""


async def _refuse_missing_bucket(driver: Any, bucket: str, url: str) -> None:
    try:
        await driver._info(bucket)
    except FileNotFoundError:
        raise OptionError(f"{shown(url)}: there is no such bucket") from None
    except PermissionError:
        return  # to look at a bucket is another right than to write into it


async def _upload(driver: Any, path: str, file: Path, *, is_web: bool) -> None:
    if not is_web:
        await driver._put_file(str(file), path)
        return
    session = await driver.set_session()
    with file.open("rb") as content:  # of known length: the server notices if it is cut
        async with session.put(driver.encode_url(path), data=content) as answer:
            answer.raise_for_status()


# Errors in words.


@contextmanager
def _in_words(
    url: str, kind: type[UbcfError], start: str, *, copy: Path | None = None
) -> Iterator[None]:
    """Turns the errors of drivers into one line without secrets.

    copy: where a file is fetched to; then FileNotFoundError, with the name, is left as it is.
    """
    name = shown(url)
    try:
        yield
    except (UbcfError, BaseExceptionGroup):
        raise
    except Exception as error:
        cause = (_web_cause(error) if _scheme(url) in WEB else None) or error
        if copy is not None and isinstance(cause, FileNotFoundError):
            raise FileNotFoundError(errno.ENOENT, "no such file", name) from None
        if copy is not None and isinstance(cause, OSError) and cause.errno in _DISK_ERRORS:
            raise kind(f"{name}: cannot be copied to {copy.parent}: {cause.strerror}") from None
        # Without the cause, whose message may have a secret.
        raise kind(f"{name}: {start}{_reason(cause, url)}") from None


def _web_cause(error: Exception) -> Exception | None:
    """Why fsspec says that a file of a web server is not there; None if it is not there indeed."""
    cause = error.__cause__ if isinstance(error, FileNotFoundError) else None
    if not isinstance(cause, Exception) or getattr(cause, "status", 0) in MISSING:
        return None
    return cause


def _reason(error: Exception, url: str) -> str:
    status = getattr(error, "status", None)
    if isinstance(status, int) and status in list(HTTPStatus):
        return f"the server says {status} {HTTPStatus(status).phrase}"
    for each in type(error).__mro__:
        if each.__name__ in REASONS:
            return REASONS[each.__name__]
    text = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
    return _without_secrets(" ".join(str(text).split()), url)


def _without_secrets(text: str, url: str) -> str:
    """A text without what `shown` leaves out of URLs, and without the secrets of this URL."""
    place, _, query = url.partition("?")
    user, _, password = (
        place.partition("://")[2].partition("/")[0].rpartition("@")[0].partition(":")
    )
    values = {value for _, value in parse_qsl(query) if len(value) >= SHORTEST_SECRET}
    secrets = {query, user, password, *values}
    for secret in sorted({*secrets, *map(unquote, secrets)} - {""}, key=len, reverse=True):
        text = text.replace(secret, "***")
    return re.sub(_URL, lambda found: shown(found[0]), text)
