"""Pages as Jinja templates: the environment with the filters and the macros that all share."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from pathlib import Path

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ubcf.drawing.numbers import byte_size, digits, if_counted, p_value, percent, signed

FOLDER = Path(__file__).parent

# The stylesheet and the script of every page. The script sorts tables.
STYLESHEET = FOLDER / "style.css"
SCRIPT = FOLDER / "page.js"


def page_environment(folder: Path) -> jinja2.Environment:
    """An environment for the templates in a folder, which may import macros.html.

    Whatever a template is given is escaped, and a variable that is not given is an error.
    """
    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.FileSystemLoader([folder, FOLDER]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=lambda number: f"{number:,}",
        digits=digits,
        if_counted=if_counted,
        percent=percent,
        signed=signed,
        p_value=p_value,
        size=byte_size,
        time=utc_time,
        sha256=sha256,
    )
    return environment


def utc_time(moment: datetime | str | None) -> str | None:
    """The text of a time; DuckDB gives one after the year 9999, which Python lacks, as text."""
    if isinstance(moment, str):
        return moment.partition(".")[0]
    return None if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"


def sha256(text: str) -> str:
    """The hash of a script, as a content security policy names it."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
