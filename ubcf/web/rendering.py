"""Answers as HTML, by the templates of templates/, and as JSON."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
from markupsafe import Markup

from ubcf.drawing.charts import Chart
from ubcf.drawing.pages import SCRIPT, STYLESHEET, page_environment
from ubcf.errors import printable
from ubcf.web.addresses import encode_id

FOLDER = Path(__file__).parent

# The files that all pages load, by their names in addresses: the stylesheet and the script of every
# page of ubcf, then those of these pages.
STATIC = {
    "style.css": (STYLESHEET, "text/css"),
    "browse.css": (FOLDER / "static" / "browse.css", "text/css"),
    "page.js": (SCRIPT, "text/javascript"),
    "browse.js": (FOLDER / "static" / "browse.js", "text/javascript"),
    "icon.svg": (FOLDER / "static" / "icon.svg", "image/svg+xml"),
}

# Characters of a text that a page shows; its JSON twin has all.
MOST_SHOWN = 300


@cache
def static_content(name: str) -> bytes:
    """The content of a file of STATIC."""
    return STATIC[name][0].read_bytes()


@cache
def static_address(name: str) -> str:
    """The address of a file of STATIC, which changes with its content."""
    return f"/static/{name}?{hashlib.sha256(static_content(name)).hexdigest()[:16]}"


@cache
def templates() -> jinja2.Environment:
    """The environment of the templates, with the filters and functions of these pages."""
    environment = page_environment(FOLDER / "templates")
    environment.filters.update(
        id=encode_id, shown=shown, without_styles=without_styles, query=with_fields
    )
    environment.globals.update(static=static_address)
    return environment


def shown(value: Any) -> str:
    """A text for people: control characters are escaped, and what is very long is cut."""
    text = printable(str(value))
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"


def with_fields(form: Mapping[str, Any], **changed: Any) -> str:
    """The fields of a form after the question mark of an address; those of None are left out."""
    given = {name: value for name, value in {**form, **changed}.items() if value not in (None, "")}
    return f"?{urlencode(given)}" if given else "?"


def without_styles(svg: str) -> Markup:
    """An SVG of ours with attributes in place of styles, which the content security policy refuses.

    `style="fill: none; stroke: currentColor"` is `fill="none" stroke="currentColor"`.
    """

    def attributes(found: re.Match[str]) -> str:
        pairs = (each.partition(":") for each in found[1].split(";") if each.strip())
        return " ".join(f'{name.strip()}="{value.strip()}"' for name, _, value in pairs)

    return Markup(re.sub(r'(?<= )style="([^"]*)"', attributes, svg))


def as_json(data: Any) -> bytes:
    """An answer as JSON: times in ISO 8601, and null for what is no number."""
    return json.dumps(_plain(data), ensure_ascii=False, allow_nan=False).encode()


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Chart):
        return {
            "title": value.title,
            "finding": value.finding,
            "columns": list(value.columns),
            "rows": [list(row) for row in value.rows],
        }
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(each) for each in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value)
