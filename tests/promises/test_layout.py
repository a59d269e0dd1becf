"""The layout of ubcf/: which rooms there are, and what may be imported where.

The floors of the rooms are contracts in pyproject.toml, which `lint-imports` checks.
"""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.paths import PROJECT

PACKAGE = PROJECT / "ubcf"
FILES = sorted(PACKAGE.rglob("*.py"))

TOP_FILES = {
    "__init__.py",
    "__main__.py",
    "_version.py",
    "errors.py",
    "keywords.py",
    "printing.py",
    "files.py",
    "progress.py",
    "py.typed",
    "remote.py",
}
ROOMS = {
    "analysis",
    "building",
    "commands",
    "database",
    "drawing",
    "evaluation",
    "reporting",
    "scoring",
    "serving",
    "simulation",
    "spark",
    "web",
}

# Importing one of these takes longer than printing help does.
SLOW_TO_IMPORT = {"duckdb", "matplotlib", "numba", "numpy", "scipy"}


def module_name(file: Path) -> str:
    """The name by which a file of the package is imported."""
    parts = file.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(file): file for file in FILES}
LIGHT_MODULES = [
    name for name, file in MODULES.items() if file.name in ("__init__.py", "options.py")
]


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports_below(node: ast.AST) -> Iterator[str]:
    """The modules that code imports when it runs, and the names that it takes from them."""
    for child in ast.iter_child_nodes(node):
        if is_type_checking(child):
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        else:
            yield from imports_below(child)


def imports_of(name: str) -> set[str]:
    return set(imports_below(ast.parse(MODULES[name].read_text(encoding="utf-8"))))


def modules_imported_by(name: str) -> set[str]:
    """The modules of ubcf that a module imports, its own packages aside."""
    found = set()
    for imported in imports_of(name):
        module = imported if imported in MODULES else imported.rpartition(".")[0]
        if module in MODULES and not f"{name}.".startswith(f"{module}."):
            found.add(module)
    return found


def test_the_top_of_the_package_holds_these_files_and_rooms_and_no_other() -> None:
    found = {path.name for path in PACKAGE.iterdir()} - {"__pycache__"}
    assert found == TOP_FILES | ROOMS


def test_numba_is_imported_among_the_kernels_alone() -> None:
    importing = {
        name
        for name in MODULES
        if any(imported.split(".")[0] == "numba" for imported in imports_of(name))
    }
    assert importing
    assert {name for name in importing if not name.startswith("ubcf.scoring.kernels.")} == set()


def test_packages_and_options_import_nothing_that_is_slow_to_import() -> None:
    """Also not through another module: help stays fast."""
    code = f"""
import importlib, sys
for name in {LIGHT_MODULES}:
    importlib.import_module(name)
    for slow in {sorted(SLOW_TO_IMPORT)}:
        assert slow not in sys.modules, f"{{name}} imports {{slow}}"
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert {"ubcf", "ubcf.commands", "ubcf.commands.options", "ubcf.scoring.options"} <= set(
        LIGHT_MODULES
    )


def test_no_module_imports_itself_through_others() -> None:
    """Also not by imports within functions."""
    graph = {name: modules_imported_by(name) for name in MODULES}
    assert "ubcf.scoring.lists" in graph["ubcf.building.scores"]
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the modules


def test_a_build_loads_numpy_only_while_it_reads_the_logs() -> None:
    """A thread loads it meanwhile: loading it first would make every build slower."""
    code = "import sys, ubcf.building.pipeline; assert 'numpy' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0
