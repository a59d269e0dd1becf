"""The documents keep their word: transcripts run as shown, options are the real ones, links lead
somewhere."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import click
import pytest

from tests.support.commands import call_ubcf, run_ubcf
from tests.support.overlays import overlay
from tests.support.paths import PROJECT
from ubcf.analysis.named_analyses import list_analyses
from ubcf.commands import ubcf

MOST_LINES_OF_THE_README = 180

READMES = {
    path.relative_to(PROJECT).as_posix(): path.read_text(encoding="utf-8")
    for path in (
        PROJECT / "README.md",
        *(PROJECT / "ubcf").rglob("README.md"),
        *(PROJECT / "sql").rglob("README.md"),
        *(PROJECT / "tests").rglob("README.md"),
    )
}
README, COMMANDS, SQL = (
    READMES[name] for name in ("README.md", "ubcf/commands/README.md", "sql/README.md")
)


def blocks(document: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", document, flags=re.DOTALL | re.MULTILINE)


def steps(document: str) -> list[tuple[str, list[str]]]:
    """The commands of all transcripts, in order, each with the lines that it is shown to print."""
    parts = [
        part
        for block in blocks(document, "console")
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)
    ]
    shown = [part.splitlines() for part in parts if part]
    return [(command, lines) for command, *lines in shown]


def words_of(command: str) -> tuple[dict[str, str], list[str]]:
    """The variables that are set before a command of ubcf, and its arguments."""
    words = shlex.split(command)
    start = words.index("ubcf")
    return dict(word.split("=", 1) for word in words[:start]), words[start + 1 :]


def exit_code(command: str, shown: list[str]) -> int:
    """The exit code of a command that prints these lines."""
    if any(line.startswith("ubcf: error: ") for line in shown):
        return 1
    return 3 if command == "check" and re.match(r"(?!healthy)\w+: ", shown[0]) else 0


WITH_TRANSCRIPTS = [name for name, document in READMES.items() if steps(document)]
WITH_PYTHON = [name for name, document in READMES.items() if blocks(document, "python")]


@dataclass(frozen=True)
class Sample:
    """A folder with data/ and tests/data/ in which `ubcf build` ran, and what that printed."""

    folder: Path
    build: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("sample")
    for data in ("data", "tests/data"):
        shutil.copytree(PROJECT / data, folder / data)
    return Sample(folder, run_ubcf("build", cwd=folder))


@pytest.fixture
def folder(sample: Sample, tmp_path: Path) -> Path:
    """A copy of the sample, for one test."""
    return shutil.copytree(sample.folder, tmp_path / "sample")


# Transcripts


@pytest.mark.parametrize("name", WITH_TRANSCRIPTS)
def test_the_transcripts_are_what_the_commands_print(
    name: str, sample: Sample, folder: Path
) -> None:
    """All of a README in their order, in one folder; '...' stands for lines that are not shown.

    The folder has been built in; where a README begins with `ubcf build`, that is this build.
    Settings that are shown are in the file that their first line names.
    """
    run = run_ubcf if name == "README.md" else call_ubcf
    for settings in blocks(READMES[name], "toml"):
        (folder / settings.splitlines()[0].removeprefix("# ")).write_text(settings)
    for number, (command, expected) in enumerate(steps(READMES[name])):
        variables, arguments = words_of(command)
        is_first_build = number == 0 and arguments == ["build"]
        with pytest.MonkeyPatch.context() as environment:
            for variable, value in variables.items():
                environment.setenv(variable, value)
            done = sample.build if is_first_build else run(*arguments, cwd=folder)
        assert done.returncode == exit_code(arguments[0], expected), command
        printed = (done.stderr + done.stdout).splitlines()
        pattern = "".join(
            r"(?:.*\n)*" if line == "..." else f"{re.escape(line)}\n" for line in expected
        )
        assert re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)), command
        for option, written in pairwise(arguments):
            if option in ("--output", "-o"):
                assert (folder / written).stat().st_size > 0, command


def test_there_are_transcripts() -> None:
    assert {"README.md", "ubcf/commands/README.md", "sql/README.md"} <= set(WITH_TRANSCRIPTS)
    assert len(steps(README)) >= 8


def test_every_command_that_ends_is_in_a_transcript() -> None:
    shown = {words_of(command)[1][0] for command, _ in steps(COMMANDS)} - {"--config"}
    assert shown == set(ubcf.commands) - {"browse"}


def test_the_json_begins_as_the_readme_says(sample: Sample) -> None:
    json_lines = (sample.folder / "recommendations_ub.json").read_text(encoding="utf-8")
    start = re.search(r'`(\{"user": 0, "tracks": \[.*?), \.\.\.\]\}`', README)
    assert start is not None
    assert json_lines.startswith(start[1] + ", ")


# Examples


@pytest.mark.parametrize("name", WITH_PYTHON)
def test_the_python_examples_run(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    names: dict[str, object] = {}
    for example in blocks(READMES[name], "python"):
        exec(example, names)
    assert len(json.loads((folder / "recommendations_ub.json").read_text().splitlines()[0])) == 2


def test_the_readme_has_a_python_example() -> None:
    assert "README.md" in WITH_PYTHON


@pytest.mark.parametrize("folder", [".", "user=7"])
def test_the_overlay_reads_ratings_from_csv(folder: str, tmp_path: Path) -> None:
    """Also from a folder whose name DuckDB could take for the value of a column."""
    (template,) = blocks(SQL, "sql")
    overlay(tmp_path / "my-sql", "staging/events.sql", template)
    (tmp_path / folder).mkdir(exist_ok=True)
    ratings = "user,item,rating\nanna,1,5\nanna,2,1\nbob,1,4\nbob,3,2\n"
    (tmp_path / folder / "ratings.csv").write_text(ratings, encoding="utf-8")
    assert "ubcf build ratings.csv --templates my-sql" in SQL
    done = run_ubcf("build", f"{folder}/ratings.csv", "--templates", "my-sql", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    # Anna's taste and Bob's agree on track 1, so each gets the other's dislike last.
    assert (tmp_path / "recommendations_ub.json").read_text(encoding="utf-8") == (
        '{"user": "anna", "tracks": [1, 2, 3]}\n{"user": "bob", "tracks": [1, 3, 2]}\n'
    )


def test_the_sample_is_what_the_shown_command_makes(tmp_path: Path) -> None:
    (command,) = re.findall(r"`ubcf (simulate [^`]*--out data)`", COMMANDS)
    done = run_ubcf(*command.split(), cwd=tmp_path)
    assert done.returncode == 0
    files = [file.relative_to(tmp_path) for file in (tmp_path / "data").rglob("*.json")]
    assert len(files) == 4
    for file in files:
        assert (tmp_path / file).read_bytes() == (PROJECT / file).read_bytes()


# Tables


def real_options(command: click.Command) -> set[str]:
    """The options of a command, or of all commands of a group."""
    if isinstance(command, click.Group):
        return {option for each in command.commands.values() for option in real_options(each)}
    return {
        name
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for name in (*parameter.opts, *parameter.secondary_opts)
    }


@pytest.mark.parametrize("name", ubcf.commands)
def test_every_option_of_a_command_is_in_its_tables_and_no_other(name: str) -> None:
    section = re.split(r"^## ", COMMANDS.split(f"## ubcf {name}\n")[1], flags=re.MULTILINE)[0]
    rows = re.findall(r"^\| (`.*?`) \| ", section, flags=re.MULTILINE)
    shown = re.findall(r"(?<![\w-])--?[a-z][a-z-]*", "\n".join(rows))
    assert len(shown) == len(set(shown))
    assert set(shown) == real_options(ubcf.commands[name])


def test_every_named_analysis_is_listed_and_no_other() -> None:
    section = SQL.split("## The named analyses")[1].split("\n## ")[0]
    listed = re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)
    assert sorted(listed) == [analysis.name for analysis in list_analyses()]


def test_the_variables_of_the_tests_are_listed_and_no_other() -> None:
    listed = re.findall(r"^\| `(UBCF_\w+)` \|", READMES["tests/README.md"], flags=re.MULTILINE)
    read = {
        variable
        for file in (PROJECT / "tests").rglob("*.py")
        for variable in re.findall(
            r"environ(?:\.get\(|\[)\"(UBCF_\w+)\"", file.read_text(encoding="utf-8")
        )
    }
    assert set(listed) == read


# The README, and what all have in common


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= MOST_LINES_OF_THE_README


def test_continuous_integration_runs_the_test_command_of_the_readme() -> None:
    (command,) = [block.strip() for block in blocks(README, "sh") if "pytest" in block]
    assert command in (PROJECT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def anchors(document: str) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    prose = re.sub(r"^```.*?^```", "", document, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", prose, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", READMES)
def test_links_lead_to_what_exists(name: str) -> None:
    prose = re.sub(r"^```.*?^```", "", READMES[name], flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = PROJECT / name if not path else (PROJECT / name).parent / path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link
