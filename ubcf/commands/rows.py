"""Reading the files that a command is given, and writing rows to stdout."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ubcf.analysis.experiment_text import as_text, heading, write_effects
from ubcf.analysis.experiments import Effect, Experiment
from ubcf.analysis.titles import has_tracks, with_titles
from ubcf.database import SAFE_CSV
from ubcf.database.formats import (
    Writable,
    write_csv,
    write_parts,
    write_rows,
)
from ubcf.database.grids import Hidden
from ubcf.database.session import interruptibly
from ubcf.errors import UbcfError

if TYPE_CHECKING:
    import duckdb

# Sentences are wrapped to no fewer characters, even where they are to fit less.
LEAST_SENTENCE = 20


@contextmanager
def given_file(name: str) -> Iterator[Path]:
    """Yields the path of a file; for stdin (-) or another pipe, of a temporary copy.

    A pipe can be read only once.
    """
    given = Path(name)
    is_pipe = name == "-" or (given.exists() and not given.is_file() and not given.is_dir())
    if not is_pipe:
        yield given
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "piped")
        path.write_bytes(sys.stdin.buffer.read() if name == "-" else given.read_bytes())
        try:
            yield path
        except UbcfError as error:
            shown = "stdin" if name == "-" else name
            raise type(error)(str(error).replace(str(path), shown)) from error


def table_width(form: str) -> int | None:
    """What tables on stdout must fit into: COLUMNS of the environment, or the terminal's width.

    None where there is no terminal, and for every format but 'table'.
    """
    if form != "table":
        return None
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given[:9]) > 0:
        return int(given[:9])
    if sys.stdout.isatty():
        with suppress(OSError):
            return os.get_terminal_size(sys.stdout.fileno()).columns or None
    return None


def say_hidden(hidden: Hidden, width: int | None) -> None:
    """Says on stderr what the tables on stdout do not show."""
    if str(hidden):
        sys.stdout.flush()
        click.echo(f"ubcf: note: to fit a width of {width}, {hidden}; --wide shows all", err=True)


def print_rows(
    connection: duckdb.DuckDBPyConnection,
    relation: duckdb.DuckDBPyRelation,
    form: str,
    *,
    titles: bool = False,
) -> None:
    """Writes the rows of a relation to stdout; Ctrl-C interrupts it.

    titles: with the columns of the catalog. Raises as `with_titles`.
    """
    width = table_width(form)

    def write() -> Hidden:
        rows = with_titles(connection, relation) if titles else relation
        return write_rows(connection, rows, form, sys.stdout, width)

    say_hidden(interruptibly(connection, write), width)


def print_parts(
    connection: duckdb.DuckDBPyConnection,
    parts: Mapping[str, duckdb.DuckDBPyRelation],
    form: str,
    *,
    one_row: Collection[str] = (),
    titles: bool = False,
) -> None:
    """Writes relations to stdout, each under its name; Ctrl-C interrupts it.

    titles: those that have tracks get the columns of the catalog. Raises as `with_titles`.
    """
    width = table_width(form)

    def write() -> Hidden:
        shown = parts
        if titles:
            shown = {
                name: with_titles(connection, part) if has_tracks(part) else part
                for name, part in parts.items()
            }
        return write_parts(connection, shown, form, sys.stdout, one_row=one_row, width=width)

    say_hidden(interruptibly(connection, write), width)


def print_sentences(name: str, rows: Sequence[Mapping[str, str]], width: int) -> None:
    """Writes rows of a topic and a sentence to stdout, for a terminal: wrapped, not cut."""
    click.echo(f"\n{name}")
    indent = max(len(row["topic"]) for row in rows) + 2
    for row in rows:
        lines = textwrap.wrap(row["sentence"], max(width - indent, LEAST_SENTENCE))
        for start, line in zip([row["topic"], *[""] * len(lines)], lines, strict=False):
            click.echo(f"{start:<{indent}}{line}")


def print_experiments(experiments: Sequence[Experiment], form: str) -> None:
    """Writes experiments to stdout, as `write_experiments` does."""
    width = table_width(form)
    say_hidden(write_experiments(experiments, form, sys.stdout, width), width)


def write_experiments(
    experiments: Sequence[Experiment], form: str, out: Writable, width: int | None = None
) -> Hidden:
    """Writes experiments in one of the formats of `ubcf.database.formats`.

    JSON and JSON lines have an object for each experiment, with all fields. CSV has a row for each
    effect, with all digits. Tables, one for each experiment, have rounded numbers.
    width: what each table must fit into. Returns what is not shown because of it.
    """
    hidden = Hidden()
    if form == "json":
        out.write("[" + ",\n ".join(map(_as_json, experiments)) + "]\n")
    elif form == "jsonl":
        out.write("".join(f"{_as_json(experiment)}\n" for experiment in experiments))
    elif form in ("csv", SAFE_CSV):
        names = ["experiment", "control", *(field.name for field in fields(Effect))]
        rows = [
            [experiment.name, experiment.control, *map(as_text, astuple(effect))]
            for experiment in experiments
            for effect in experiment.effects
        ]
        write_csv(names, rows, form, out)
    else:
        for number, experiment in enumerate(experiments):
            before, head = "\n" if number else "", heading(experiment)
            out.write(f"{before}## {head}\n\n" if form == "markdown" else f"{before}{head}\n")
            hidden += write_effects(experiment, form, out, width)
    return hidden


def _as_json(experiment: Experiment) -> str:
    return json.dumps(asdict(experiment), ensure_ascii=False)
