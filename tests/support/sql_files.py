"""What each file of sql/ is, reads, makes and takes, by its text: a section of sql/README.md.

`python -m tests.support.sql_files` writes the section, `## Every file`, anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import jinja2
import jinja2.meta

from ubcf.database.engines import FUNCTIONS

SQL = Path(__file__).parents[2] / "sql"

README = SQL / "README.md"

HEADING = "## Every file\n"

# In the order in which a build, and then its readers, use them.
FOLDERS = (
    "staging",
    "staging/questions",
    "model",
    "model/questions",
    "results",
    "checks",
    "analysis",
    "analysis/diff",
    "analysis/questions",
    "health",
    "health/against",
    "serving",
    "serving/questions",
    "evaluation",
    "evaluation/questions",
    "evaluation/splits",
    "evaluation/baselines",
    "evaluation/metrics",
)

# Relations that no file makes under a name of its own: what makes them, and their names.
MADE_ELSEWHERE = {
    "DuckDB, while it reads `log_text`": ("reject_errors", "reject_scans"),
    "`ubcf/database/session.py`": ("given_rows",),
    "`ubcf/building/modeling.py`": ("user_biases", "track_biases"),
    "`ubcf/building/scores.py`": ("user_measures", "similar_users", "user_weights", "top_tracks"),
    "`ubcf/building/given_ids.py`": ("given_texts",),
    "`staging/given_ids.sql`, as `{{ table }}`": (
        "given_tracks",
        "withdrawn_tracks",
        "given_users",
    ),
    "`ubcf/serving/prediction.py`": ("given_pairs", "deviations"),
    "`ubcf/serving/explained_prediction.py`": ("found_terms",),
    "`ubcf/serving/recommendation.py`": (
        "found_tracks",
        "found_neighbors",
        "found_contributions",
    ),
    "`ubcf/serving/unstored_weights.py`": ("found_weights",),
    "`ubcf/serving/found_similarities.py`": ("found_similarities",),
    "`ubcf/serving/near_rows.py`": ("near_similarities",),
    "`ubcf/evaluation/pipeline.py`": ("pair_scores", "estimates"),
    "`ubcf/spark/scoring.py`": ("known_recommendations", "popular_recommendations"),
    "`staging/log_fields.sql`, as `{{ view }}`": ("log_fields",),
    "`staging/log_lines.sql`, as `{{ view }}`": ("log_lines", "numbered_log_lines"),
    "`evaluation/logged.sql`, as `{{ target }}`": ("test_logs",),
    "`evaluation/splits/`, as `{{ target }}`": ("split_events",),
    "`evaluation/settings.sql`, as `{{ target }}`": ("settings", "tried_settings"),
}

INTRODUCTION = (
    "A file makes a relation, changes one, or is a question: a query that makes nothing, and whose "
    "rows Python or a user reads. Questions lie in `questions/`; the files of `checks/` and "
    "`analysis/` are questions too. Names in braces, such as `{{ view }}`, are those of Jinja, "
    "filled in when the file is run; other variables are those of the session, read by "
    "`getvariable`, or by `{{ variable('name') }}` in the files that also run on Spark: those of "
    "`model/` and `checks/`. `python -m tests.support.sql_files` writes this section."
)

NAME = r"((?:\{\{ \w+ \}\}|\w+)(?:\.\w+)?)"

CREATED = re.compile(
    rf"\bcreate (?:or replace )?(?:temp )?(?:table|view|macro) (?:if not exists )?{NAME}"
)

ADDED_TO = re.compile(rf"\binsert into {NAME}")

CHANGED = re.compile(rf"\b(?:update|alter table|delete from) {NAME}(?! rename)\b")

RENAMED = re.compile(rf"\balter table {NAME} rename to {NAME}")

SET = re.compile(rf"\bset variable {NAME}")

# A name after from or join, and whether it is called as a function.
READ = re.compile(rf"(?<!distinct )\b(?:from|join)\s+{NAME}(?!\w)(\s*\()?")

COMMON_TABLE = re.compile(r"^\s*(\w+) as (?:materialized )?\($", re.MULTILINE)


@dataclass(frozen=True)
class SqlFile:
    """A file of sql/ and what its text says. path: relative to sql/."""

    path: str
    text: str

    @property
    def folder(self) -> str:
        """The folder, relative to sql/."""
        return self.path.rpartition("/")[0]

    @property
    def stem(self) -> str:
        """The name of the file without its suffix."""
        return Path(self.path).stem

    @property
    def head(self) -> tuple[str, str]:
        """The name before the colon of the first comment, and the sentence after it."""
        lines = re.match(r"(?:-- .*\n|\{%.*\n)*", self.text)
        comment = re.sub(r"\{%.*?%\}\n?", "", lines[0] if lines else "")
        found = re.match(r"-- ([^:]+): ((?:.|\n)+?)(?:(?<!\.)\.(?=\s)|\Z)", comment)
        return (found[1], found[2].replace("\n-- ", " ")) if found else ("", "")

    @property
    def code(self) -> str:
        """The text without comments, without what is in quotes, and without Jinja statements."""
        text = re.sub(r"\{%.*?%\}", "", re.sub(r"--.*", "", self.text))
        return re.sub(r"'(?:[^']|'')*'", "''", text)

    @property
    def makes(self) -> list[str]:
        """The relations that it creates, in order."""
        renamed = [new for _, new in RENAMED.findall(self.code)]
        return [*dict.fromkeys(CREATED.findall(self.code)), *renamed]

    @property
    def effects(self) -> list[str]:
        """All that it leaves behind, in words; nothing if it is a question."""
        code, made = self.code, self.makes
        others = (name for name in ADDED_TO.findall(code) if name not in made)
        return [
            *(f"variable `{name}`" for name in SET.findall(code)),
            *(f"`{name}`" for name in made),
            *(f"rows of `{name}`" for name in others),
            *(f"changes `{name}`" for name in CHANGED.findall(code)),
            *(["comments"] if "comment on" in code else []),
        ]

    @property
    def reads(self) -> list[str]:
        """The relations that it reads, in order, without those of its own `with`."""
        own = set(COMMON_TABLE.findall(self.code))
        names = [
            name
            for name, called in READ.findall(self.code)
            if name not in own and (not called or name in ("weights_of", "time_scale"))
        ]
        return list(dict.fromkeys([*(old for old, _ in RENAMED.findall(self.code)), *names]))

    @property
    def variables(self) -> list[str]:
        """The variables that it takes: those of the session, then those of Jinja."""
        of_session = dict.fromkeys(re.findall(r"variable\('(\w+)'\)", self.text))
        parsed = jinja2.Environment().parse(self.text)
        of_jinja = jinja2.meta.find_undeclared_variables(parsed) - set(FUNCTIONS["duckdb"])
        return [*of_session, *(f"{{{{ {name} }}}}" for name in sorted(of_jinja))]


def sql_files() -> list[SqlFile]:
    """All files of sql/, by folder and name."""
    return [
        SqlFile(path.relative_to(SQL).as_posix(), path.read_text(encoding="utf-8"))
        for folder in FOLDERS
        for path in sorted((SQL / folder).glob("*.sql"))
    ]


def section(files: Iterable[SqlFile]) -> str:
    """The section of the README, from its heading on."""
    lines = [HEADING, INTRODUCTION]
    files = list(files)
    for folder in FOLDERS:
        lines += [f"\n### {folder}/\n", "| file | what it is | reads | makes | variables |"]
        lines += ["|---|---|---|---|---|"]
        lines += [row(file) for file in files if file.folder == folder]
    lines += ["\n### Relations made elsewhere\n", "| by | relations |", "|---|---|"]
    lines += [f"| {by} | {_codes(names)} |" for by, names in MADE_ELSEWHERE.items()]
    return "\n".join(lines) + "\n"


def row(file: SqlFile) -> str:
    """The row of a file."""
    cells = (
        f"[{file.stem}]({file.path})",
        file.head[1].replace("|", "\\|"),
        _codes(file.reads),
        ", ".join(file.effects) or "rows",
        _codes(file.variables),
    )
    return f"| {' | '.join(cells)} |"


def section_of(readme: str) -> str:
    """The section as it stands in the README: up to the next one."""
    return HEADING + re.split(r"^## ", readme.split(HEADING)[1], flags=re.MULTILINE)[0]


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    README.write_text(text.replace(section_of(text), section(sql_files())), encoding="utf-8")
