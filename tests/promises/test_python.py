"""What commands do is in Python too, prints the same text, and disturbs no other work."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import duckdb
import numpy as np
import pandas
import polars
import pyarrow
import pytest
from IPython.core.interactiveshell import InteractiveShell

import ubcf
from tests.support.builds import Built
from tests.support.commands import call_ubcf, environment_of_ubcf
from ubcf.commands import ubcf as commands
from ubcf.errors import InputError, NotFoundError, OptionError, UbcfError

Connection = duckdb.DuckDBPyConnection


@pytest.fixture
def connection(sample: Built) -> Iterator[Connection]:
    with ubcf.connect(sample.database) as connection:
        yield connection


# The functions that take a connection, each with a question.
QUESTIONS: dict[str, Callable[[Connection, Path], Any]] = {
    "query": lambda con, _: ubcf.query(con, "coverage"),
    "query about a user": lambda con, _: ubcf.query(con, "similar_users", user=156),
    "explain": lambda con, _: ubcf.explain(con, 287, 109),
    "inspect_user": lambda con, _: ubcf.inspect_user(con, 7),
    "inspect_track": lambda con, _: ubcf.inspect_track(con, 526),
    "predict": lambda con, _: ubcf.predict(con, [(2, 1423), (1, 962)]),
    "recommend": lambda con, _: ubcf.recommend(con, {526: 1.0, 1406: 0.2}, top=5),
    "check": lambda con, _: str(ubcf.check(con, max_user_share=0.01)),
    "experiment": lambda con, _: ubcf.experiment(con, "TASTE_SHARE"),
    "report": lambda con, folder: ubcf.report(con, folder / "report.html"),
}


def rows_of(result: Any) -> Any:
    """All rows of a result, or what it has instead."""
    if isinstance(result, dict):
        return {name: relation.fetchall() for name, relation in result.items()}
    return result.fetchall() if isinstance(result, duckdb.DuckDBPyRelation) else result


def test_every_function_of_a_connection_is_asked_here() -> None:
    with_connection = {
        name
        for name in ubcf.__all__
        if inspect.isfunction(getattr(ubcf, name))
        and "connection" in inspect.signature(getattr(ubcf, name)).parameters
    }
    assert with_connection == {name.partition(" ")[0] for name in QUESTIONS}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_result_that_is_not_read_yet_disturbs_no_function_and_is_not_disturbed(
    name: str, connection: Connection, tmp_path: Path
) -> None:
    expected = rows_of(QUESTIONS[name](connection, tmp_path))
    events = connection.sql("from events").fetchall()
    connection.execute("from events")
    first = connection.fetchone()
    assert rows_of(QUESTIONS[name](connection, tmp_path)) == expected
    assert [first, *connection.fetchall()] == events


def test_results_that_are_not_read_yet_stay_what_they_are(
    connection: Connection, tmp_path: Path
) -> None:
    expected = {name: rows_of(ask(connection, tmp_path)) for name, ask in QUESTIONS.items()}
    held = {name: ask(connection, tmp_path) for name, ask in QUESTIONS.items()}
    ubcf.query(connection, "similar_users", user=7).fetchall()
    assert {name: rows_of(result) for name, result in held.items()} == expected


def test_relations_outlive_the_function_that_made_them_and_take_more_sql(
    connection: Connection,
) -> None:
    similar = ubcf.query(connection, "similar_users", user=156)
    assert similar.filter("common_tracks > 1").order("similarity desc").limit(1).fetchall()
    assert set(similar.fetchnumpy()) == set(similar.columns)
    assert len(similar.df()) == len(similar.pl()) == len(similar.fetchall())


def test_a_connection_of_ones_own_that_uses_another_database_will_do(sample: Built) -> None:
    with duckdb.connect() as own:
        own.execute(f"attach '{sample.database}' as built (read_only); use built")
        assert len(ubcf.query(own, "coverage").fetchall()) > 0


def test_a_path_is_no_connection(sample: Built) -> None:
    path: Any = sample.database
    with pytest.raises(UbcfError, match=r"query needs a connection, such as ubcf.connect\('ubcf"):
        ubcf.query(path, "coverage")


def test_a_connection_is_no_file_of_a_database(sample: Built) -> None:
    with ubcf.connect(sample.database) as connection:
        other: Any = connection
        compared: list[Callable[[], object]] = [
            lambda: ubcf.diff(other, sample.database),
            lambda: ubcf.diff(sample.database, other),
            lambda: ubcf.check(connection, other),
        ]
        for each in compared:
            with pytest.raises(UbcfError, match="by the files of their databases, not DuckDBPyCon"):
                each()


def test_a_closed_connection_is_one_clear_error(sample: Built) -> None:
    connection = ubcf.connect(sample.database)
    connection.close()
    with pytest.raises(UbcfError, match="closed"):
        ubcf.query(connection, "coverage")


# Pairs and histories

PAIRS: list[tuple[Any, Any]] = [(2, 1423), (1, 962), (10**6, 1406)]
HISTORY = {526: 1.0, 1406: 0.2, 647: 0.9}


def columns(rows: Any, *names: str) -> dict[str, list[Any]]:
    return {name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}


@pytest.mark.parametrize(
    "form", ["tuples", "array", "pandas", "with nulls", "polars", "pyarrow", "DuckDB"]
)
def test_pairs_may_be_tuples_or_a_frame(form: str, connection: Connection, tmp_path: Path) -> None:
    table = columns(PAIRS, "user", "track")
    file = tmp_path / "pairs.csv"
    pandas.DataFrame(table).to_csv(file, index=False)
    expected = ubcf.predict(connection, file).fetchall()
    assert len({time for _, _, time, _ in expected}) == 3
    pairs: dict[str, Any] = {
        "tuples": iter(PAIRS),
        "array": np.array(PAIRS),
        "pandas": pandas.DataFrame(table),
        "with nulls": pandas.DataFrame(table, dtype=float),  # as pandas has whole ones beside nulls
        "polars": polars.DataFrame(table),
        "pyarrow": pyarrow.table({**table, "more": [1, 2, 3]}),
        "DuckDB": duckdb.connect().from_arrow(pyarrow.table(table)),
    }
    assert ubcf.predict(connection, pairs[form]).fetchall() == expected


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([(1, 2), (None, 3)], "pairs, pair 2: user is missing"),
        (polars.DataFrame({"user": [1], "track": [None]}), "frame, pair 1: track is missing"),
        ([(1, 2, 3)], "pairs, pair 1: (1, 2, 3) is not a user and a track"),
        (["ab"], "pairs, pair 1: 'ab' is not a user and a track"),
        ([5], "pairs, pair 1: 5 is not a user and a track"),
        ([(1, 2), ("\ud800", 2)], "pairs, pair 2: half of a character, which no text has"),
        ([], "pairs: empty, no pair in it"),
        (polars.DataFrame({"user": [], "track": []}), "frame: empty, no pair in it"),
        (
            polars.DataFrame({"User": [1], "song": [1]}),
            "frame: no column track; there is User, song",
        ),
        (
            {1: 2},
            "pairs: dict is neither a path, nor a list of tuples of a user and a track, nor a",
        ),
        (7, "pairs: int is neither a path, nor a list of tuples of a user and a track, nor a"),
        ("no.csv", "no.csv: cannot be read: No such file or directory"),
    ],
)
def test_pairs_that_are_none_are_one_clear_error(
    pairs: Any, message: str, connection: Connection
) -> None:
    with pytest.raises(InputError) as error:
        ubcf.predict(connection, pairs)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("form", ["tuples", "numpy", "pandas", "polars", "path"])
def test_a_history_may_be_tuples_a_frame_or_a_path(
    form: str, connection: Connection, tmp_path: Path
) -> None:
    expected = ubcf.recommend(connection, HISTORY).fetchall()
    table = columns(HISTORY.items(), "track", "time")
    file = tmp_path / "history.json"
    file.write_text('{"526": 1.0, "1406": 0.2, "647": 0.9}')
    histories: dict[str, Any] = {
        "tuples": iter(HISTORY.items()),
        "numpy": [(np.int64(track), np.float64(time)) for track, time in HISTORY.items()],
        "pandas": pandas.DataFrame(table),
        "polars": polars.DataFrame(table),
        "path": file,
    }
    assert ubcf.recommend(connection, histories[form]).fetchall() == expected


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ([], "the history has no track in it"),
        (pandas.DataFrame({"track": [1]}), "frame: no column time; there is track"),
        (polars.DataFrame({"track": [1], "time": [None]}), "track 1: time is None; it must be"),
        (polars.DataFrame({"track": [1], "time": ["x"]}), "track 1: time is 'x'; it must be"),
        ([(1, 2, 3)], "history, play 1: (1, 2, 3) is not a track and a time"),
        (7, "history: int is neither times by track, nor a list of tuples of a track and a time"),
        ("no.json", "no.json: cannot be read: No such file or directory"),
    ],
)
def test_a_history_that_is_none_is_one_clear_error(
    history: Any, message: str, connection: Connection
) -> None:
    with pytest.raises(InputError) as error:
        ubcf.recommend(connection, history)
    assert str(error.value).startswith(message)


# One text


def printed(*arguments: str | Path, cwd: Path) -> str:
    """What a command prints, without the last line end."""
    done = call_ubcf(*arguments, cwd=cwd)
    assert done.returncode == 0
    return done.stdout.rstrip("\n")


def test_results_print_as_the_commands_do(
    sample: Built, connection: Connection, tmp_path: Path
) -> None:
    database = ("-d", sample.database)
    texts = {
        str(ubcf.analyses()): printed("query", cwd=tmp_path),
        str(ubcf.inspect_user(connection, 7)): printed(
            "inspect", "user", "7", *database, cwd=tmp_path
        ),
        str(ubcf.inspect_track(connection, 526)): printed(
            "inspect", "track", "526", *database, cwd=tmp_path
        ),
        str(ubcf.check(connection)): printed("check", *database, cwd=tmp_path),
        str(ubcf.diff(sample.database, sample.database)): printed(
            "diff", sample.database, sample.database, cwd=tmp_path
        ),
        str(ubcf.report(connection, tmp_path / "r.html")): printed(
            "report", "-o", tmp_path / "r.html", *database, cwd=tmp_path
        ),
    }
    for python, command in texts.items():
        assert python == command
    found = ubcf.experiment(connection)
    done = call_ubcf("experiment", *database, cwd=tmp_path)
    tables = "\n".join(line for line in str(found).splitlines() if ": " not in line[:9])
    assert tables.replace("\n\n", "\n") == done.stdout.rstrip("\n").replace("\n\n", "\n")
    said = done.stderr.splitlines()
    assert len(said) == sum(len(each.warnings) + len(each.notes) for each in found) > 0


def test_summaries_print_as_the_commands_do(tmp_path: Path) -> None:
    made = ubcf.simulate(tmp_path / "logs", users=40, tracks=30, events=400)
    arguments = ("--users", "40", "--tracks", "30", "--events", "400", "--out", tmp_path / "logs")
    assert str(made) == printed("simulate", *map(str, arguments), "--force", cwd=tmp_path)
    logs, database, output = tmp_path / "logs", tmp_path / "a.duckdb", tmp_path / "a.json"
    built = ubcf.build(logs, database=database, output=output)
    command = printed("build", logs, "-d", database, "-o", output, cwd=tmp_path)
    timings = ("stages", "total", "plan")
    for ours, theirs in zip(str(built).splitlines(), command.splitlines(), strict=True):
        assert ours == theirs or ours.startswith(timings)
    measured = ubcf.evaluate(logs, database=tmp_path / "e.duckdb")
    assert str(measured) == printed("evaluate", logs, "-d", tmp_path / "e.duckdb", cwd=tmp_path)
    assert repr(built) == (
        f"<build of {database}: {made.users} users, 30 tracks, {30 * made.users:,} recommendations>"
    )
    assert repr(measured) == (
        f"<evaluation of notebook, popular, best_listened, random: {tmp_path / 'e.duckdb'}>"
    )


def test_notebooks_show_the_text_escaped(sample: Built, connection: Connection) -> None:
    formatter: Any = InteractiveShell.instance().display_formatter
    for result in (sample.summary, ubcf.inspect_user(connection, 7), ubcf.analyses()):
        shown, _ = formatter.format(result)
        assert shown["text/plain"] == str(result)
        html = shown["text/html"]
        assert html.startswith("<pre>")
        assert html.endswith("</pre>")
        assert "<" not in html.removeprefix("<pre>").removesuffix("</pre>")
        assert len(repr(result)) < 200


# The same arguments


def test_a_simulation_has_the_defaults_of_the_command() -> None:
    defaults = inspect.signature(ubcf.simulate).parameters
    command = commands.commands["simulate"]
    shared = [option for option in command.params if option.name in defaults]
    assert len(shared) == 8
    for option in shared:
        default = option.get_default(click.Context(command))
        assert str(defaults[str(option.name)].default) == str(default)


def test_differences_are_relations_by_part(sample: Built) -> None:
    parts = ubcf.diff(sample.database, str(sample.database), k=3)
    assert parts["lists"].fetchall()[0][0] == 400
    with pytest.raises(OptionError, match="k is -1"):
        ubcf.diff(sample.database, sample.database, k=-1)
    with pytest.raises(UbcfError, match="no such database"):
        ubcf.diff(sample.database, "nowhere.duckdb")


def test_experiments_are_what_the_command_analyzes(connection: Connection) -> None:
    (found,) = ubcf.experiment(connection, "TASTE_SHARE", metrics=["sessions"], alpha=0.1)
    assert [(each.metric, each.treatment) for each in found.effects] == [("sessions", "T1")]
    assert [each.name for each in ubcf.experiment(connection)] == ["AA_CHECK", "TASTE_SHARE"]
    with pytest.raises(NotFoundError, match="no experiment 'X'"):
        ubcf.experiment(connection, "X")


# The base install

WITHOUT_LIBRARIES = """
import sys

for name in ("pandas", "polars", "pyarrow", "IPython", "matplotlib"):
    sys.modules[name] = None
import ubcf

con = ubcf.connect(sys.argv[1])
results = [
    ubcf.query(con, "coverage"),
    ubcf.explain(con, 287, 109),
    *ubcf.inspect_user(con, 7).values(),
    *ubcf.diff(sys.argv[1], sys.argv[1]).values(),
    ubcf.predict(con, [(2, 1423)]),
    ubcf.recommend(con, [(526, 1.0)]),
]
for relation in results:
    rows, arrays = relation.fetchall(), relation.fetchnumpy()
    assert len(rows) == len(arrays[relation.columns[0]])
print(len(str(ubcf.experiment(con))) > 0)
for convert in (results[0].df, results[0].pl):
    try:
        convert()
    except Exception as error:
        print(error)
"""


def test_rows_need_no_more_than_the_base_install(sample: Built, tmp_path: Path) -> None:
    """What is missing for a frame is said."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_LIBRARIES, sample.database],
        cwd=tmp_path,
        env=environment_of_ubcf(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    has_experiments, df, pl = done.stdout.splitlines()
    assert has_experiments == "True"
    assert "pandas" in df
    assert "polars" in pl
