"""Logs of several forms in which lines repeat others: in their own file, and in others."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

# The options with which these logs are read.
REPEATED_LOGS: dict[str, Any] = {
    "pattern": "*",
    "fields": {"user": "listener", "timestamp": "moment"},
    "where": "kind = 'play'",
    "ids": "integer",
    "max_rejected": 0.5,
}

MORNING = 1_700_000_000_000


def write_repeated_logs(folder: Path) -> None:
    """Writes files of JSON, of CSV and compressed ones; some lines are rejected or left out."""
    folder.mkdir(parents=True)
    lines = [
        json.dumps(
            {
                "kind": "page" if number % 9 == 0 else "play",
                "listener": number % 11,
                "track": number * number % 13,
                "time": number % 10 / 10,
                "moment": MORNING + 1000 * number,
            }
        )
        for number in range(300)
    ]
    odd = ["", "no JSON", '{"kind": "play", "listener": 1}', "no JSON"]
    monday = [*lines[:200], *odd, *lines[:10], *lines[5:8]]
    (folder / "a.json").write_text("\n".join(monday) + "\n")
    with gzip.open(folder / "b.json.gz", "wt") as packed:
        packed.write("\n".join([*odd, *lines[150:]]))
    (folder / "c.json").write_text("\n".join(lines[200:][::-1]) + "\n")
    (folder / "d.json").write_text("\n".join(lines[150:]) + "\n")
    rows = [
        f"{'page' if number % 7 == 0 else 'play'},{number % 11},{number % 5},0.5,{MORNING + number}"
        for number in range(60)
    ]
    header = "kind,listener,track,time,moment"
    rejected = "play,nobody,3,0.5,1"
    (folder / "e.csv").write_text("\n".join([header, *rows, *rows[:9], rejected, rejected]))
    (folder / "f.csv").write_text("\n".join([header, *rows[30:], rejected]))
    (folder / "g.json").write_text("")
