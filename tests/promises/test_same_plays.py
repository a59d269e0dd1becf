"""The same plays give the same results, in whatever format they are and wherever they are from."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas
import polars
import pyarrow.parquet
import pytest

from tests.support.builds import Built, build_in
from tests.support.commands import run_ubcf
from tests.support.compressed import zstandard
from tests.support.servers import Bucket, WebServer
from ubcf.simulation.simulate import simulate

Event = dict[str, Any]

PLAYS = 6_000

TOP = 20

# The fields of an event, with their types in Parquet, where experiments are a map or a struct.
TYPES = {
    "message": "varchar",
    "timestamp": "bigint",
    "user": "bigint",
    "track": "bigint",
    "time": "double",
    "latency": "double",
    "recommendation": "bigint",
    "experiments": "map(varchar, varchar)",
}
STRUCT = "struct(TASTE_SHARE varchar, AA_CHECK varchar)"

# The columns that do not depend on where the plays are from.
COLUMNS = ", ".join(f'"{name}"' for name in TYPES)
TABLES = ("tracks", "users", "interactions", "neighbors", "recommendations")


def delimited(events: list[Event], delimiter: str, end: str = "\n") -> str:
    """Delimited text as Python writes it: experiments are JSON, null is an empty cell."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(TYPES), delimiter=delimiter, lineterminator=end)
    writer.writeheader()
    for event in events:
        writer.writerow({**event, "experiments": json.dumps(event["experiments"])})
    return out.getvalue()


def write_parquet(events: list[Event], path: Path, **types: str) -> None:
    """Writes the events as Parquet. types: those of columns that are not of TYPES."""
    lines = path.with_suffix(".lines")
    lines.write_text("".join(f"{json.dumps(event)}\n" for event in events))
    columns = {**TYPES, **types}
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (from read_json('{lines}', columns = {columns})) to '{path}' "
            "(format parquet, row_group_size 2048)"
        )
    lines.unlink()


@pytest.fixture(scope="module")
def plays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plays of `ubcf simulate` in a file of each format, and in three parts."""
    folder = tmp_path_factory.mktemp("plays")
    simulate(folder / "simulated", users=150, tracks=200, events=PLAYS, replicas=1, seed=3)
    (folder / "simulated" / "botify-recommender-1" / "data.json").rename(folder / "data.json")
    text = (folder / "data.json").read_text()
    events = list(map(json.loads, text.splitlines()))
    texts = {
        "plays.ndjson": text,
        "array.json": json.dumps(events),
        "pretty.json": json.dumps(events, indent=2),
        "plays.csv": delimited(events, ","),
        "windows.csv": "\ufeff" + delimited(events, ";", "\r\n"),
        "plays.tsv": delimited(events, "\t"),
        "parts/1.csv": delimited(events[:2_100], ","),
        "parts/2.json": json.dumps(events[2_100:4_500]),
    }
    (folder / "parts").mkdir()
    for name, written in texts.items():
        (folder / name).write_bytes(written.encode())
    write_parquet(events, folder / "map.parquet")
    write_parquet(events, folder / "struct.parquet", experiments=STRUCT)
    write_parquet(events, folder / "json.parquet", experiments="json")
    write_parquet(events[4_500:], folder / "parts" / "10.parquet")
    for name in ("array.json", "plays.csv", "map.parquet"):
        content = (folder / name).read_bytes()
        (folder / f"{name}.gz").write_bytes(gzip.compress(content, 1))
        (folder / f"{name}.zst").write_bytes(zstandard(content))
    return folder


@pytest.fixture(scope="module")
def expected(plays: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The build of the lines of JSON, which all others must equal."""
    return build_in(tmp_path_factory.mktemp("expected"), plays / "data.json", threads=1, top=TOP)


def assert_same(built: Built, expected: Built) -> None:
    """Asserts equal bytes of JSON, and equal rows in equal order, but for the names of files."""
    assert built.output.read_bytes() == expected.output.read_bytes()
    with duckdb.connect() as connection:
        for name, database in (("ours", built.database), ("theirs", expected.database)):
            connection.execute(f"attach '{database}' as {name} (read_only)")
        for table, columns in {"events": COLUMNS, **dict.fromkeys(TABLES, "*")}.items():
            ours, theirs = (
                f"select rowid, {columns} from {name}.{table}" for name in ("ours", "theirs")
            )
            different = f"({ours} except all {theirs}) union all ({theirs} except all {ours})"
            assert connection.execute(different).fetchall() == [], table
    assert built.rows("select sum(lines), sum(accepted), sum(rejected) from build_inputs") == [
        (PLAYS, PLAYS, 0)
    ]


def test_the_build_that_is_compared_has_all_fields_of_all_plays(
    plays: Path, expected: Built
) -> None:
    events = list(map(json.loads, (plays / "data.json").read_text().splitlines()))
    assert len(events) == PLAYS
    first = datetime(1970, 1, 1)
    assert expected.rows(f"select {COLUMNS} from events order by rowid") == [
        tuple({**event, "timestamp": first + timedelta(milliseconds=event["timestamp"])}.values())
        for event in events
    ]
    assert sum(event["recommendation"] is None for event in events) > 300
    assert len({json.dumps(event["experiments"]) for event in events}) == 4
    assert expected.summary.recommendations == 150 * TOP
    assert expected.rows("select count(*) > 3_000 from neighbors") == [(True,)]


@pytest.mark.parametrize(
    "name",
    [
        "plays.ndjson",
        "array.json",
        "pretty.json",
        "plays.csv",
        "windows.csv",
        "plays.tsv",
        "map.parquet",
        "struct.parquet",
        "json.parquet",
        "plays.csv.zst",
        "map.parquet.zst",
    ],
)
def test_the_format_does_not_matter(
    plays: Path, expected: Built, tmp_path: Path, name: str
) -> None:
    assert_same(build_in(tmp_path, plays / name, top=TOP), expected)


FRAMES: dict[str, Callable[[Path], Any]] = {
    "pandas": lambda plays: pandas.read_parquet(plays / "struct.parquet"),
    "pandas, from JSON": lambda plays: pandas.DataFrame(
        map(json.loads, (plays / "data.json").read_text().splitlines())
    ),
    "polars": lambda plays: polars.read_parquet(plays / "struct.parquet"),
    "polars, from JSON": lambda plays: polars.read_ndjson(plays / "data.json"),
    "pyarrow": lambda plays: pyarrow.parquet.read_table(plays / "map.parquet"),
    "pyarrow, batches": lambda plays: pyarrow.parquet.read_table(plays / "map.parquet").to_reader(),
    "DuckDB": lambda plays: duckdb.read_parquet(str(plays / "map.parquet")),
    "DuckDB, JSON": lambda plays: duckdb.read_parquet(str(plays / "json.parquet")),
}


@pytest.mark.parametrize("library", FRAMES)
def test_nor_does_the_library_that_holds_the_plays(
    plays: Path, expected: Built, tmp_path: Path, library: str
) -> None:
    built = build_in(tmp_path, FRAMES[library](plays), top=TOP)
    assert_same(built, expected)
    assert [(file.file, file.lines) for file in built.summary.inputs] == [("frame", PLAYS)]
    assert built.rows("select distinct file from events") == [("frame",)]


def test_frames_of_several_libraries_and_files_are_one_log(
    plays: Path, expected: Built, tmp_path: Path
) -> None:
    table = polars.read_parquet(plays / "struct.parquet")
    places = [table[:2_100], table[2_100:4_500].to_pandas(), plays / "parts" / "10.parquet"]
    built = build_in(tmp_path, places, top=TOP)
    assert built.output.read_bytes() == expected.output.read_bytes()
    assert built.rows("select file, format, accepted from build_inputs") == [
        ((plays / "parts" / "10.parquet").as_posix(), "Parquet", 1_500),
        ("frame", "DataFrame of polars", 2_100),
        ("frame#2", "DataFrame of pandas", 2_400),
    ]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("array.json.zst", ()),
        ("plays.csv.gz", ("--input-format", "csv")),
    ],
)
def test_so_it_is_for_standard_input(
    plays: Path, expected: Built, tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    with (plays / name).open("rb") as stdin:
        done = run_ubcf("build", "-", "--top", TOP, *options, cwd=tmp_path, stdin=stdin)
    assert (done.returncode, done.stderr) == (0, "")
    assert_same(Built(tmp_path, expected.summary), expected)


@pytest.mark.parametrize("name", ["plays.csv.gz", "map.parquet"])
def test_so_it_is_for_an_object_store_and_a_web_server(
    plays: Path, expected: Built, tmp_path: Path, store: Any, site: WebServer, name: str
) -> None:
    bucket = Bucket(store, f"same-{name.replace('.', '-')}")
    bucket.put(f"logs/{name}", (plays / name).read_bytes())
    site.files[f"/{name}?day=1"] = (plays / name).read_bytes()
    for place in (f"s3://{bucket.name}/logs/{name}", f"{site.url}/{name}?day=1"):
        assert_same(build_in(tmp_path, place, top=TOP), expected)


@pytest.mark.parametrize("threads", [1, 5])
def test_files_of_several_formats_are_one_log_whatever_their_order_and_the_threads(
    plays: Path, expected: Built, tmp_path: Path, threads: int
) -> None:
    parts = [plays / "parts" / name for name in ("10.parquet", "2.json", "1.csv")]
    parts = parts[threads % 3 :] + parts[: threads % 3]
    built = build_in(tmp_path, parts, threads=threads, top=TOP)
    assert_same(built, expected)
    assert built.rows("select file, format, accepted from build_inputs") == [
        ((plays / "parts" / "1.csv").as_posix(), 'CSV with , and ", header', 2_100),
        ((plays / "parts" / "2.json").as_posix(), "JSON array", 2_400),
        ((plays / "parts" / "10.parquet").as_posix(), "Parquet", 1_500),
    ]


def test_a_pattern_finds_the_files_in_a_folder(
    plays: Path, expected: Built, tmp_path: Path
) -> None:
    built = build_in(tmp_path, plays / "parts", pattern="*[0-9].*", top=TOP)
    assert_same(built, expected)
