"""Logs of several files of which one is not like the others, or cannot be read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import duckdb

MORNING = 1_700_000_000_000


def lines(count: int, first: int = 0, **fields: Any) -> list[str]:
    """Different events; fields: what they have in place of the usual values."""
    return [
        json.dumps(
            {
                "user": number % 13,
                "track": number * number % 17,
                "time": number % 10 / 10,
                "timestamp": MORNING + 1000 * number,
                **{name: made(number) for name, made in fields.items()},
            }
        )
        for number in range(first, first + count)
    ]


def write_odd_files(folder: Path) -> list[str]:
    """Writes a folder of logs for each case; returns the names of the cases."""
    usual, later = _text(lines(120)), _text(lines(60, 120))
    names: dict[str, Any] = {"user": lambda number: f"u{number}"}
    seconds: dict[str, Any] = {"timestamp": lambda number: 1_700_000_000 + number}

    def packed(text: str) -> bytes:
        return gzip.compress(text.encode(), mtime=0)

    files: dict[str, dict[str, bytes | str]] = {
        "text ids in one": {
            "a.json": usual,
            "b.json": _text(lines(60, 120, **names)),
        },
        "text ids in most": {"a.json": usual, "b.json": _text(lines(400, **names))},
        "numbers after texts": {
            "a.json": _text(lines(60, **names)),
            "b.json": usual,
        },
        "an empty file": {"a.json": "", "b.json": usual, "c.json": ""},
        "blank lines alone": {"a.json": "\n \n\n", "b.json": usual},
        "an empty file in a gzip": {"a.json.gz": packed(""), "b.json": usual},
        "empty files alone": {"a.json": "", "b.json": ""},
        "blank files alone": {"a.json": "\n", "b.json.gz": packed("\n\n")},
        "no event in one": {"a.json": "one\ntwo\n", "b.json": usual},
        "no event in any": {"a.json": "one\n", "b.json": "two\n"},
        "other fields": {"a.json": '{"listener": 1, "song": 2}\n', "b.json": '{"listener": 2}\n'},
        "a gzip cut short": {"a.json": usual, "b.json.gz": packed(later)[:-20]},
        "the first gzip cut short": {"a.json.gz": packed(usual)[:200], "b.json": later},
        "no gzip": {"a.json": usual, "b.json.gz": later},
        "no parquet": {"a.json": usual, "b.parquet": later},
        "seconds in one": {
            "a.json": usual,
            "b.json": _text(lines(60, **seconds)),
        },
        "seconds in most": {
            "a.json": usual,
            "b.json": _text(lines(400, **seconds)),
        },
        "times in the last alone": {
            "a.json": "\n".join(line.replace('"time"', '"no time"') for line in lines(2500)),
            "b.json": usual,
        },
        "csv of other columns": {
            "a.csv": "user,track,time\n1,2,0.5\n2,3,0.25\nx,3,0.25\n",
            "b.csv": "track,user,extra,time\n2,1,x,0.5\n3,2,y,0.25\n",
            "c.json": usual,
        },
        "csv without a column": {"a.csv": "user,track,time\n1,2,0.5\n", "b.csv": "user\n7\n"},
        "array": {"a.json": f"[{','.join(lines(40))}]", "b.json": usual},
    }
    for case, contents in files.items():
        (folder / case).mkdir(parents=True)
        for name, content in contents.items():
            data = content.encode() if isinstance(content, str) else content
            (folder / case / name).write_bytes(data)
    parquet = {
        "parquet": 'select n % 7 as "user", n % 5 as track, 0.5 as time from range(50) as r(n)',
        "parquet of texts": "select 'u' || n as \"user\", n % 5 as track from range(50) as r(n)",
    }
    for case, query in parquet.items():
        (folder / case).mkdir()
        (folder / case / "a.json").write_text(usual)
        duckdb.sql(f"copy ({query}) to '{folder / case / 'b.parquet'}'")
    return [*files, *parquet]


def _text(texts: list[str]) -> str:
    return "\n".join(texts) + "\n"
