"""Logs in which everything is that a reader must not be misled by."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

ODD_LINES = (
    b"",
    b"   \t",
    b"no JSON",
    b'{"user": 1, "track": 2}',
    b'{"user": -1, "track": 2, "time": 0.5}',
    b'{"user": "x", "track": 2, "time": 0.5}',
    b'{"user": 3, "track": 2, "time": 1.5}',
    b'{"user": 3, "user": 4, "track": 2, "time": 0.5}',
    b'{"user": 3, "track": 2, "time": 0.5, "message": "\xff\xfe"}',
    b'{"user": 3, "track": 2, "time": 0.5}\r\r{"user": 4}',
    b"[1, 2]",
    b'{"user": 3, "track": 2, "time": "NaN"}',
    b'{"user": 5, "track": 9223372036854775808, "time": 0.5}',
    b'{"user": 5, "track": 7, "time": 0.25, "experiments": {"A": "T1", "A": "T2"}}',
    b'{"user": 5, "track": 7, "time": 0.125, "timestamp": "2024-02-03T04:05:06Z"}',
    b'{"user": 5, "track": 8, "time": 1e-9, "message": "\\ud83d", "timestamp": 1700000000000}',
    b'{"user": 5, "track": 8, "time": 0.30000000000000004, "latency": 1e400}',
)

TOO_LONG = b'{"user": 1, "track": 2, "time": 0.5, "note": "' + b"x" * 2_100_000 + b'"}'


def write_dirty_logs(folder: Path) -> None:
    """Writes four files into a folder: most lines are events, and several of them repeat others."""
    folder.mkdir(parents=True)
    lines = [
        json.dumps(
            {
                "user": number % 17,
                "track": number * number % 29,
                "time": (number * 7 % 100) / 100,
                "timestamp": 1_700_000_000_000 + number // 3,
                "message": "next",
            }
        ).encode()
        for number in range(900)
    ]
    (folder / "data.json").write_bytes(b"\n".join([*lines[:500], *ODD_LINES, *lines[:20]]) + b"\n")
    (folder / "data.json.1").write_bytes(b"\r\n".join([*lines[400:], *ODD_LINES]))
    with gzip.open(folder / "data.json.2.gz", "wb") as packed:
        packed.write(b"\n".join([*ODD_LINES, *lines[:300], TOO_LONG, *lines[:3]]))
    (folder / "data.json.3").write_bytes(b"")
