"""The notebook runs from top to bottom, and the example of the README is cells of it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support.commands import environment_of_ubcf
from tests.support.paths import PROJECT, SAMPLE

NOTEBOOK = Path(__file__).with_name("notebook.ipynb")


def notebook() -> Any:
    read: Any = nbformat.read
    return read(NOTEBOOK, as_version=4)


def test_the_example_of_the_readme_is_the_tagged_cells() -> None:
    cells = [cell.source for cell in notebook().cells if "readme" in cell.metadata.get("tags", [])]
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", readme, flags=re.DOTALL | re.MULTILINE)
    assert example == "".join(f"{cell}\n" for cell in cells)


def test_the_notebook_is_stored_without_outputs() -> None:
    for cell in notebook().cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each cell shows, by its source, after all ran in order in a folder with the sample."""
    folder = tmp_path_factory.mktemp("notebook")
    shutil.copytree(SAMPLE, folder / "data")
    ran = notebook()
    client = NotebookClient(ran, timeout=300, resources={"metadata": {"path": str(folder)}})
    client.execute(env=environment_of_ubcf())
    return {
        cell.source: "".join(
            output.get("text") or output.get("data", {}).get("text/plain", "")
            for output in cell.outputs
        )
        for cell in ran.cells
        if cell.cell_type == "code"
    }


def test_every_cell_runs_and_shows_what_it_ends_in(shown: dict[str, str]) -> None:
    silent = [cell for cell, text in shown.items() if not text]
    last_lines = [cell.splitlines()[-1] for cell in silent]
    assert all(re.match(r"import |assert |\w+ = ", line) for line in last_lines), last_lines


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("summary", "shape       400 users x 1,391 tracks\n"),
        ("ubcf.analyses()", "\ncoverage "),
        ("ubcf.experiment(con)", "TASTE_SHARE: T1 ("),
        ('ubcf.report(con, "report.html")', "report.html: "),
        ('ubcf.simulate("logs", users=50, tracks=60, events=600)', "logs: 600 events of "),
        ("len(unread.fetchall())", "8200"),
    ],
)
def test_results_are_shown_as_text(shown: dict[str, str], cell: str, text: str) -> None:
    assert text in shown[cell]


def test_a_wrong_option_names_the_nearest(shown: dict[str, str]) -> None:
    (text,) = (text for cell, text in shown.items() if "tpo=50" in cell)
    assert text == "build has no option 'tpo'; did you mean 'top'?\n"
