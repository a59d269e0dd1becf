"""Calls of the public functions, for a type checker: those that are marked as wrong are refused."""

from __future__ import annotations

import ubcf


def right_calls() -> None:
    ubcf.build("data", top=50, exclude_heard=True, tracks=None, memory_limit="2GiB", retries=2)
    ubcf.build(["data", "more"], preset="listening", neighbors="all", shrinkage=25)
    ubcf.build("plays.csv", fields={"user": "listener"}, where="page = 'song'", columns=["a", "b"])
    summary = ubcf.build()
    print(summary.users + summary.tracks)
    ubcf.evaluate("data", split="random", settings=["listening"], at=[10], threads=2)
    health = ubcf.check(ubcf.connect(), "old.duckdb", max_filler=0.3, max_age="2d")
    print(health.healthy, health.findings[0].sentence)


def wrong_calls() -> None:
    ubcf.build("data", tpo=50)  # wrong: unknown name
    ubcf.build("data", top="x")  # wrong: a text is no number
    ubcf.build("data", neighbors="most")  # wrong: only "all" is a number of neighbors in words
    ubcf.build("data", input_format="xml")  # wrong: unknown format
    ubcf.build("data", fields=["user"])  # wrong: a list is no mapping
    ubcf.build("data", split="random")  # wrong: an option of evaluate
    ubcf.evaluate("data", top=50)  # wrong: an option of build
    ubcf.evaluate("data", at=10)  # wrong: a number is no list
    ubcf.check(ubcf.connect(), max_fillr=0.3)  # wrong: unknown name
    ubcf.check(ubcf.connect(), max_age=2)  # wrong: a number is no duration
