"""The first page: a build at a glance."""

from __future__ import annotations

from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as NotReadyError
from typing import Any

from ubcf.analysis.experiment_text import finding
from ubcf.web.page import Answer, Asked

# How long the page waits for charts of a new build before it is shown without them, in seconds.
PATIENCE = 2.0


def home(asked: Asked) -> Answer:
    """The build: its figures, the verdict of its checks, charts, experiments."""
    build = asked.build
    session = asked.session
    data: dict[str, Any] = {
        "figures": build.row,
        "inputs": session.dictionaries("build_inputs"),
        "stages": session.dictionaries("build_stages"),
        "rejected": asked.rows("rejected_summary"),
        "examples": asked.rows("example_users"),
        "most_recommended": asked.rows("most_recommended_tracks", k=10),
        "health": None,
        "charts": None,
        "experiments": None,
    }
    try:
        overview = build.overview.result(PATIENCE)
    except (NotReadyError, CancelledError):  # cancelled: another build is there
        return Answer("The build", data, {"is_ready": False, "findings": []}, is_final=False)
    data |= {
        "health": overview.health,
        "charts": overview.charts,
        "experiments": overview.experiments or [],
    }
    findings = [(each, finding(each)) for each in overview.experiments or []]
    return Answer("The build", data, {"is_ready": True, "findings": findings})
