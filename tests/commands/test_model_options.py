"""Every option of the model has one description, at its field: help and README repeat it."""

from __future__ import annotations

import re
from dataclasses import fields

import click

from tests.support.paths import PROJECT
from ubcf.commands import ubcf
from ubcf.scoring.options import ModelOptions

README = PROJECT / "ubcf" / "commands" / "README.md"


def rows() -> list[str]:
    """The rows of the README's table, made from the fields of ModelOptions."""
    found = []
    for option in fields(ModelOptions):
        flag = f"--{option.name.replace('_', '-')} {option.metadata['metavar']}".strip()
        if option.type == "bool":
            flag += f"`, `--no{flag[1:]}"
        default = {"neighbors": "all", "min_similarity": "", "own_tracks": ""}.get(
            option.name, str(option.default)
        )
        cells = (f"`{flag}`", default.removesuffix(".0"), option.metadata["description"])
        found.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return [re.sub(r"\|  \|", "| |", row) for row in found]


def test_the_table_of_the_readme_has_the_description_of_every_model_option() -> None:
    table = (
        README.read_text(encoding="utf-8").split("### Options of the model")[1].split("\n### ")[0]
    )
    shown = [line for line in table.splitlines() if line.startswith("| `--")]
    assert shown[0].startswith("| `--preset NAME` | `notebook` |")
    assert shown[1:] == rows()


def test_the_help_of_build_has_the_description_of_every_model_option() -> None:
    flags = {
        parameter.name: parameter.help
        for parameter in ubcf.commands["build"].params
        if isinstance(parameter, click.Option)
    }
    for option in fields(ModelOptions):
        assert flags[option.name] == option.metadata["description"]
