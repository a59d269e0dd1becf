"""Starting an overlay: what the files of sql/ are, and copies of them to change."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path

from ubcf.database.templates import sql_folder
from ubcf.errors import NotFoundError, OptionError
from ubcf.files import Kind, Publication, check_target

# The first sentence of the comment at the top of a file, after the name of what it is about.
_SUMMARY = re.compile(r"-- [^:]+: ((?:.|\n-- )+?)(?<!\.)\.\s")

# A copy replaces nothing that somebody wrote.
_EMPTY = Kind("an empty file", recognizes=lambda _: False)


def template_names() -> list[str]:
    """The files of sql/ in order, by their relative paths, such as staging/events.sql."""
    folder = sql_folder()
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.sql"))


def read_template(name: str) -> str:
    """The text of a file of sql/. Raises NotFoundError, with similar names, for an unknown one."""
    names = template_names()
    if name not in names:
        raise NotFoundError(f"no template {name!r}{_similar(name, names)}")
    return _text(name)


def summaries() -> dict[str, str]:
    """What each file of sql/ is, by name: the first sentence of the comment at its top."""
    found = {name: _SUMMARY.match(_text(name)) for name in template_names()}
    return {name: head[1].replace("\n-- ", " ") if head else "" for name, head in found.items()}


def copy_templates(names: Iterable[str], overlay: Path) -> list[Path]:
    """Copies files of sql/ to the same relative paths in a folder; returns the copies.

    Makes the folders that are missing. All copies appear, or none.
    Raises NotFoundError as `read_template`, OptionError for a copy that would replace a file, or a
    folder that cannot be made, and what `Publication` raises.
    """
    texts = {overlay / name: read_template(name) for name in dict.fromkeys(names)}
    for file in texts:
        if file.parent.is_dir():
            check_target(file, _EMPTY)
    for file in texts:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OptionError(f"{file.parent}: cannot be made: {error.strerror}") from error
    targets = {check_target(file, _EMPTY): text for file, text in texts.items()}
    with Publication(*targets) as publication:
        for target, text in targets.items():
            publication.unfinished(target).write_text(text, encoding="utf-8", newline="\n")
        publication.publish()
    return list(texts)


def _text(name: str) -> str:
    return (sql_folder() / name).read_text(encoding="utf-8")


def _similar(name: str, names: Iterable[str]) -> str:
    """The end of an error about an unknown template: names like it, with or without folders."""
    known = {short: each for each in names for short in (each, Path(each).name, Path(each).stem)}
    close = difflib.get_close_matches(name, known)
    if not close:
        return "; 'ubcf templates' lists them"
    return f"; did you mean {' or '.join(dict.fromkeys(known[each] for each in close))}?"
