"""The paths of files as DuckDB takes them: never as a pattern, a home folder or an address."""

from __future__ import annotations

import glob
import re
import tempfile
from contextlib import ExitStack
from pathlib import Path

PATTERN_CHARACTERS = frozenset("*?[")


def pattern(path: str | Path) -> str:
    """The pattern that matches one path alone: what `LiteralPaths.path` returned."""
    return glob.escape(str(path))


def path_of(text: str) -> Path:
    """The path that `pattern` made a text of; of another text, some path of another pattern."""
    return Path(re.sub(r"\[([*?[])\]", r"\1", text))


class LiteralPaths(ExitStack):
    """A context in which DuckDB reads each file by a path that means this file and no other.

    DuckDB takes a path as a pattern, `~` as the home folder, and `name:` as an address. A path that
    is absolute and escaped means itself, with one exception: a backslash cannot be escaped in a
    pattern. A file whose path has one beside a character of patterns is read through a link.
    """

    def __init__(self) -> None:
        super().__init__()
        self._folder: Path | None = None
        self._links = 0

    def path(self, path: Path) -> Path:
        """The absolute path by which DuckDB reads a file, and which it names in `filename`."""
        absolute = path.absolute()
        text = str(absolute)
        if "\\" not in text or not PATTERN_CHARACTERS & set(text):
            return absolute
        if self._folder is None:
            self._folder = Path(self.enter_context(tempfile.TemporaryDirectory(prefix="ubcf-")))
        self._links += 1
        link = self._folder / f"{self._links}{path.suffix}"
        link.symlink_to(absolute)
        return link
