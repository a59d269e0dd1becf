"""The SQL templates: the files of sql/, and those of an overlay that replace some of them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import jinja2
from jinja2.bccache import Bucket
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ubcf.database.engines import FUNCTIONS, Engine, Relation, query_of, relation_of
from ubcf.errors import TemplateError, one_line


def sql_folder() -> Path:
    """The folder sql/: inside the installed package, or beside the package in a source tree."""
    package = Path(__file__).parents[1]
    inside = package / "sql"
    return inside if inside.is_dir() else package.parent / "sql"


# Folders to which an overlay may add files: every check there is run, every analysis offered.
ADDED_TO = ("analysis/", "checks/", "health/")

# What Jinja looks for in a template.
MARKS = ("{%", "{{", "{#")

# What needs no Jinja, although it is written in it.
VARIABLE = re.compile(r"\{\{ variable\('(\w+)'\) \}\}")

# What the expressions and the file of a template can raise, besides errors of Jinja.
FAILURES = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)


class _Compiled(jinja2.BytecodeCache):
    """The compiled templates of a process: each is compiled again only when its text changes."""

    def __init__(self) -> None:
        self._codes: dict[str, tuple[str, CodeType | None]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Takes the code of a template if it was compiled from the same text."""
        text, code = self._codes.get(bucket.key, ("", None))
        if text == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keeps the code of a template."""
        self._codes[bucket.key] = bucket.checksum, bucket.code


# Shared by all templates: compiling takes a third of the time of the build of a small log.
COMPILED = _Compiled()


class Templates:
    """The templates of sql/.

    A file in the folder `overlay` replaces the one of the same relative path. `engine` is the one
    whose SQL they are rendered in: see `ubcf.database.engines`.
    """

    def __init__(self, overlay: Path | None = None, engine: Engine = "duckdb") -> None:
        """Raises TemplateError if the overlay is not a folder, or has a file that replaces none."""
        self._folders = [sql_folder()]
        if overlay is not None:
            if not overlay.is_dir():
                raise TemplateError(f"{overlay}: no such folder of templates")
            self._folders.insert(0, overlay)
        # A folder of templates can come from anybody: a template shapes SQL, and runs no Python.
        self._templates: dict[str, jinja2.Template | str] = {}
        self._loader = jinja2.FileSystemLoader(self._folders)
        self._environment = ImmutableSandboxedEnvironment(
            loader=self._loader,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            bytecode_cache=COMPILED,
        )
        self._functions = FUNCTIONS[engine]
        self._environment.globals.update(self._functions)
        for name in self._overlaid():
            if not (sql_folder() / name).is_file() and not name.startswith(ADDED_TO):
                raise TemplateError(f"{overlay}: {name} replaces no file of sql/")

    def path(self, name: str) -> Path:
        """The file of a template, given by its relative path, such as staging/events.sql."""
        files = (folder / name for folder in self._folders)
        return next((file for file in files if file.is_file()), Path(name))

    def overlay_files(self) -> list[Path]:
        """The files of the overlay; none without one."""
        return [self._folders[0] / name for name in self._overlaid()]

    def replaces(self, name: str) -> bool:
        """Whether the overlay has this template."""
        return name in self._overlaid()

    def names(self, folder: str) -> Sequence[str]:
        """The names of the templates in a folder of sql/ and of the overlay, in order.

        Folders inside this folder are not looked into.
        """
        files = [file for root in self._folders for file in (root / folder).glob("*.sql")]
        return sorted({f"{folder}/{file.name}" for file in files})

    def load(self, *folders: str) -> None:
        """Parses the templates in some folders ahead of their use, to save time then.

        An error in one is raised when it is rendered.
        """
        for folder in folders:
            for name in self.names(folder):
                with contextlib.suppress(jinja2.TemplateError, *FAILURES):
                    self._template(name)

    def render(self, name: str, **structure: Any) -> str:
        """The SQL of a template. `structure` shapes it; values are bound as variables."""
        try:
            template = self._template(name)
            return template if isinstance(template, str) else template.render(**structure)
        except jinja2.TemplateNotFound as error:
            raise TemplateError(f"{name}: no such template") from error
        except jinja2.TemplateSyntaxError as error:
            message = f"{self.path(name)}, line {error.lineno}: {error.message}"
            raise TemplateError(message) from error
        except jinja2.TemplateError as error:
            raise TemplateError(f"{self.path(name)}: {error.message}") from error
        except UnicodeDecodeError as error:
            raise TemplateError(f"{self.path(name)}: not UTF-8") from error
        except FAILURES as error:
            raise TemplateError(f"{self.path(name)}: {one_line(error)}") from error

    def query(self, name: str, **structure: Any) -> str:
        """The SQL of a template that is one query, without its semicolon. Raises as `render`."""
        return query_of(self.render(name, **structure))

    def relation(self, name: str, **structure: Any) -> Relation:
        """The relation that a template makes, apart from `create table NAME as`.

        Raises as `render`, and TemplateError if the template begins in another way.
        """
        relation = relation_of(self.render(name, **structure))
        if relation is None:
            raise TemplateError(f"{self.path(name)}: does not begin with create table NAME as")
        return relation

    def _template(self, name: str) -> jinja2.Template | str:
        """A template, or its text if it only reads variables: compiling takes milliseconds."""
        if name not in self._templates:
            text = self._loader.get_source(self._environment, name)[0]
            text = VARIABLE.sub(lambda found: self._functions["variable"](found[1]), text)
            is_plain = not any(mark in text for mark in MARKS)
            self._templates[name] = text if is_plain else self._environment.get_template(name)
        return self._templates[name]

    def _overlaid(self) -> list[str]:
        """The names of the templates in the overlay."""
        overlay = self._folders[0]
        if overlay == self._folders[-1]:
            return []
        return [file.relative_to(overlay).as_posix() for file in overlay.rglob("*.sql")]


@cache
def shipped_templates() -> Templates:
    """The templates of sql/ without an overlay, which the sessions of a process share."""
    return Templates()
