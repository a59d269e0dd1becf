"""The named analyses: all of them, and one with a form for its variables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.responses import Response

from ubcf.analysis.named_analyses import Analysis, list_analyses, query, read_analysis
from ubcf.analysis.statements import write_relation
from ubcf.database.templates import shipped_templates
from ubcf.errors import OptionError, TemplateError
from ubcf.web.downloads import FORMS, download
from ubcf.web.limits import within_size
from ubcf.web.page import Answer, Asked

# Rows that a page shows; a download has all.
ROWS_SHOWN = 500


def analyses(_asked: Asked) -> Answer:
    """The analyses that there are, with what a row of each is."""
    found = list_analyses()
    rows = [{"name": each.name, "summary": each.summary} for each in found]
    return Answer("Analyses", {"analyses": rows})


def analysis(asked: Asked) -> Answer | Response:
    """The rows of an analysis, if each variable that it needs has a value; a form for these."""
    found = read_analysis(asked.ids["analysis"], shipped_templates())
    values: dict[str, Any] = {each.name: asked.text(each.name) or None for each in found.variables}
    form = asked.form.get("download")
    if form is not None:
        return _file(asked, found, values, asked.choice("download", tuple(FORMS)))
    missing = [each.name for each in found.variables if each.required and not values[each.name]]
    data: dict[str, Any] = {
        "name": found.name,
        "summary": found.summary,
        "variables": [
            {"name": each.name, "meaning": each.meaning, "required": each.required}
            for each in found.variables
        ],
        "values": values,
        "sql": found.sql,
        "missing": missing,
        "columns": [],
        "rows": [],
        "found": None,
        "limit": ROWS_SHOWN,
    }
    if not missing:
        try:
            relation = query(asked.connection, found.name, **values)
        except TemplateError as error:
            raise OptionError(str(error)) from error
        data["columns"] = [
            [name, str(kind)] for name, kind in zip(relation.columns, relation.types, strict=True)
        ]
        data["rows"] = relation.limit(ROWS_SHOWN).fetchall()
        data["found"] = len(relation)
    return Answer(found.name, data, {"forms": FORMS})


def _file(asked: Asked, found: Analysis, values: dict[str, Any], form: str) -> Response:
    def write(path: Path, suffix: str) -> None:
        try:
            relation = query(asked.connection, found.name, **values)
        except TemplateError as error:
            raise OptionError(str(error)) from error
        with within_size(path.parent, asked.connection):
            write_relation(asked.connection, relation, path, suffix, safe_csv=True)

    return download(found.name, form, write)
