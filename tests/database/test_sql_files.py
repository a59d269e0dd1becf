"""What holds for every file of sql/: its head, its spelling, its tolerances, its README row."""

from __future__ import annotations

import re

from tests.support.sql_files import (
    FOLDERS,
    MADE_ELSEWHERE,
    README,
    SQL,
    SqlFile,
    section,
    section_of,
    sql_files,
)
from ubcf.scoring.tolerances import COUNTED_TIME_NOISE, EQUALITY_GAP, SIMILARITY_NOISE

FILES = sql_files()

# Folders whose files make nothing: their rows are read.
ASKING = re.compile(r"(.*/)?questions|checks|analysis(/.*)?|health(/.*)?")

# The exceptions: the rows of one query are copied into the JSON, and two parts of a comparison
# share a table.
ASKS_ELSEWHERE = "results/recommendations_json.sql"

# What these make serves the questions beside them.
MAKE_AMONG_QUESTIONS = {
    "analysis/diff/list_changes.sql",
    "analysis/questions/track_lists.sql",
    "analysis/questions/user_events.sql",
}

# Tolerances of the model, which the SQL and the matrices have in common.
OF_THE_MODEL = {
    "evaluation/metrics/auc.sql": {EQUALITY_GAP},
    "evaluation/truth.sql": {COUNTED_TIME_NOISE},
    "model/interactions.sql": {COUNTED_TIME_NOISE},
    "results/comments.sql": {COUNTED_TIME_NOISE},
    "results/similarities_of.sql": {EQUALITY_GAP, SIMILARITY_NOISE},
}

# Allowances for rounding that concern one file alone.
OF_ONE_FILE = {
    "analysis/listening_time.sql": {1e-9},
    "analysis/similarity_distribution.sql": {1e-9},
    "checks/centered_times_cancel.sql": {1e-6},
    "checks/neighbors_are_others.sql": {1e-9},
    "checks/recommendations_are_ranked.sql": {1e-6},
    "evaluation/splits/last.sql": {1e-9},
    "evaluation/splits/random.sql": {1e-9},
}


# The README


def test_the_readme_has_a_true_row_for_every_file() -> None:
    found = section_of(README.read_text(encoding="utf-8"))
    assert found == section(FILES), "write it anew by `python -m tests.support.sql_files`"


def test_no_file_is_outside_the_folders_of_the_readme() -> None:
    assert {path.parent.relative_to(SQL).as_posix() for path in SQL.rglob("*.sql")} == {*FOLDERS}


def test_every_relation_that_is_read_is_made_by_a_file_or_named_as_made_elsewhere() -> None:
    made = {name for file in FILES for name in file.makes}
    read = {re.sub("^(old|new)\\.", "", name) for file in FILES for name in file.reads}
    elsewhere = {name for names in MADE_ELSEWHERE.values() for name in names}
    assert {name for name in read - made if not name.startswith("{{")} == elsewhere


# What a file says and does


def test_the_first_comment_of_a_file_names_what_it_is_about() -> None:
    assert [file.path for file in FILES if file.head[0].partition("(")[0] not in about(file)] == []


def about(file: SqlFile) -> set[str]:
    """The name of a file, and the relations that it makes, adds to or changes."""
    written = re.findall(r"\b(?:insert into|update|alter table) (\w+)", file.code)
    return {file.stem, *file.makes, *written}


def test_the_first_comment_of_a_file_with_rows_says_what_one_row_is() -> None:
    says_it = re.compile(r"(adds )?one row(:| per | if )")
    of_values = re.compile(r"create (?:or replace temp )?macro \w+\([^()]*\) as\s+(?!table)")
    with_rows = [
        file
        for file in FILES
        if (file.makes or not file.effects) and not of_values.match(file.code.strip())
    ]
    assert [file.path for file in with_rows if not says_it.match(file.head[1])] == []


def test_a_file_makes_something_or_asks_in_a_folder_of_questions() -> None:
    among_questions = {file.path for file in FILES if ASKING.fullmatch(file.folder)}
    among_questions -= MAKE_AMONG_QUESTIONS
    assert {file.path for file in FILES if not file.effects} == among_questions | {ASKS_ELSEWHERE}


def test_the_rows_of_a_question_have_an_order_or_are_one() -> None:
    asking = [file for file in FILES if not file.effects and file.folder != "checks"]
    assert [
        file.path
        for file in asking
        if "order by" not in outside_parentheses(file.code)
        and not re.match(r"one row(:| if )", file.head[1])
    ] == ["staging/questions/first_rejected_lines.sql"]  # in the order of the table


def outside_parentheses(code: str) -> str:
    """The outermost query."""
    while code != (fewer := re.sub(r"\([^()]*\)", "", code)):
        code = fewer
    return code


# Spelling


def test_keywords_names_and_functions_are_in_lower_case() -> None:
    assert {file.path: found for file in FILES if (found := re.findall("[A-Z]", file.code))} == {}


def test_ranks_groups_and_orders_are_spelled_in_one_way() -> None:
    keys = re.compile(r"order by ((?:\([^()]*(?:\([^()]*\)[^()]*)*\)|[^();])+)")
    for file in FILES:
        assert '"rank"' not in file.code, file.path
        assert re.search(r"\b(group|order) by (all|\d)", file.code) is None, file.path
        for order in keys.findall(file.code):
            # asc is said only beside a desc
            assert re.search(r" asc\b", order) is None or " desc" in order, file.path


# Tolerances


def test_every_tolerance_is_that_of_the_matrices_or_concerns_one_file_alone() -> None:
    found = {
        file.path: {float(number) for number in numbers}
        for file in FILES
        if (numbers := re.findall(r"\b\d+e-\d+\b", file.text))
    }
    assert found == OF_THE_MODEL | OF_ONE_FILE
