"""Small logs of lines as the service writes them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def log_line(user: Any, track: Any, time: Any, **fields: Any) -> str:
    """A line as the service writes it; `fields` replace or add."""
    event = {
        "message": "next",
        "timestamp": 1_700_000_000_000,
        "user": user,
        "track": track,
        "time": time,
        "latency": 0.001,
        "recommendation": None,
        "experiments": {},
        **fields,
    }
    return json.dumps(event)


def write_log(path: Path, lines: Iterable[str | tuple[Any, Any, Any]]) -> Path:
    """Writes a log file of lines, or of (user, track, time), and returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = (line if isinstance(line, str) else log_line(*line) for line in lines)
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path
