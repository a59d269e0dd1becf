"""Templates overlaid on sql/: how to use ubcf with other logs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from unittest import mock

import pytest
from jinja2 import Environment
from jinja2.sandbox import ImmutableSandboxedEnvironment

import ubcf.database.templates
from tests.support.builds import Built, build_folder, build_in
from tests.support.commands import call_ubcf
from tests.support.logs import write_log
from tests.support.overlays import RATINGS, RATINGS_EVENTS, build_ratings, overlay
from tests.support.paths import PROJECT
from ubcf.database.templates import Templates, sql_folder
from ubcf.errors import CheckError, InputError, TemplateError

PLAYS = [(1, 10, 0.5), (1, 11, 1.0), (2, 10, 0.25)]


# Other logs


def test_text_ids_come_out_unchanged(tmp_path: Path) -> None:
    built = build_ratings(tmp_path)
    ids = sorted(["müller", "o'hara", "a,b", 'x"y', "zoë \\ 🎵", "Zoe", "12"])
    lines = built.output.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["user"] for line in lines] == ids
    assert {tuple(sorted(json.loads(line)["tracks"])) for line in lines} == {(1, 2, 3)}
    assert built.rows('select "user" from users') == [(name,) for name in ids]
    assert built.rows('select distinct "user" from recommendations order by all') == [
        (name,) for name in ids
    ]


def test_other_logs_are_modeled_like_ours(tmp_path: Path) -> None:
    built = build_ratings(tmp_path)
    assert built.rows(
        """select track, mean_time, centered_time from interactions where "user" = 'müller'"""
    ) == [(1, 1.0, pytest.approx(0.4)), (2, 0.2, pytest.approx(-0.4))]
    neighbors = built.rows("""select neighbor from neighbors where "user" = 'o''hara'""")
    assert sorted(neighbors) == [("a,b",), ("müller",)]
    assert built.rows("select track, plays, total_time from tracks") == [
        (1, 4, 2.6),
        (2, 3, 1.6),
        (3, 3, 1.6),
    ]
    assert built.summary.duplicate_lines is None
    assert [(row.file, row.lines, row.accepted, row.rejected) for row in built.summary.inputs] == [
        ((tmp_path / "ratings.csv").as_posix(), 10, 10, 0)
    ]


UUIDS = [f"00000000-0000-4000-8000-{number:012}" for number in range(3)]


@pytest.mark.parametrize(
    ("id_type", "ids"),
    [
        ("VARCHAR", UUIDS),
        ("UUID", UUIDS),
        ("HUGEINT", [str(2**100 + number) for number in range(3)]),
        ("UBIGINT", [str(2**64 - 3 + number) for number in range(3)]),
        ("DATE", ["2024-02-27", "2024-02-28", "2024-02-29"]),
    ],
)
def test_track_ids_may_be_of_other_types_and_the_catalog_follows(
    tmp_path: Path, id_type: str, ids: list[str]
) -> None:
    events = RATINGS_EVENTS.replace("'item': 'BIGINT'", f"'item': '{id_type}'")
    templates = overlay(tmp_path / "templates", "staging/events.sql", events)
    log = tmp_path / "ratings.csv"
    log.write_text(f"user,item,rating\na,{ids[0]},5\na,{ids[1]},1\nb,{ids[1]},2\n")
    catalog = tmp_path / "tracks.json"
    catalog.write_text("".join(f'{{"track": "{track}", "title": "{track}"}}\n' for track in ids))
    summary = ubcf.build(
        log,
        catalog=catalog,
        database=tmp_path / "ubcf.duckdb",
        output=tmp_path / "recommendations_ub.json",
        templates=templates,
    )
    built = Built(tmp_path, summary)
    assert {user: list(map(str, tracks)) for user, tracks in built.lists().items()} == {
        "a": ids[:2],
        "b": ids[:2],
    }
    assert built.rows("select cast(track as varchar) from tracks order by track") == [
        (track,) for track in ids
    ]
    assert built.rows("select count(*) from tracks where cast(track as varchar) = title") == [(3,)]
    assert summary.tracks_without_catalog_entry == 0


def test_the_command_takes_other_logs(tmp_path: Path) -> None:
    overlay(tmp_path / "templates", "staging/events.sql", RATINGS_EVENTS)
    (tmp_path / "ratings.csv").write_text(RATINGS, encoding="utf-8")
    done = call_ubcf("build", "ratings.csv", "--templates", "templates", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert len((tmp_path / "recommendations_ub.json").read_text("utf-8").splitlines()) == 7


OTHER_NAMES = """
create or replace temp view {{ view }} as
with
numbered as (
    select
        path,
        {% if numbered %}row_number() over () as readable_line_number,{% endif %}
        line
    from log_text
),

parsed as (
    select
        *,
        try(json_transform_strict(line, '{"uid": "BIGINT", "song": "BIGINT", "share": "DOUBLE"}'))
            as fields
    from numbered
    where line is not null
)

select
    * exclude (fields),
    cast(null as varchar) as message,
    cast(null as timestamp) as timestamp,
    fields.uid as "user",
    fields.song as track,
    fields.share as time,
    cast(null as double) as latency,
    cast(null as bigint) as recommendation,
    cast(null as map(varchar, varchar)) as experiments,
    case when fields is null then 'not one of ours' end as reason
from parsed;
"""


def test_logs_with_other_field_names_need_one_template(tmp_path: Path) -> None:
    write_log(
        tmp_path / "logs" / "data.json",
        ['{"uid": 1, "song": 10, "share": 0.5}', "", "bad", '{"uid": 2, "song": 11, "share": 1}'],
    )
    templates = overlay(tmp_path / "templates", "staging/log_lines.sql", OTHER_NAMES)
    built = build_folder(tmp_path, templates=templates, max_rejected=0.5)
    assert built.rows('select "user", track, time from events') == [(1, 10, 0.5), (2, 11, 1.0)]
    assert built.rows("select line_number, reason, line from rejected_lines") == [
        (3, "not one of ours", "bad")
    ]
    assert (built.summary.lines, built.summary.accepted, built.summary.rejected) == (3, 2, 1)
    assert built.summary.duplicate_lines == 0


ALL_COLUMNS = {
    "file": "VARCHAR",
    "message": "VARCHAR",
    "timestamp": "TIMESTAMP",
    "user": "VARCHAR",
    "track": "BIGINT",
    "time": "DOUBLE",
    "latency": "DOUBLE",
    "recommendation": "BIGINT",
    "experiments": "MAP(VARCHAR, VARCHAR)",
}

ONLY_IDS = """
create table events as
select "user", item as track
from read_csv(
    getvariable('log_paths'), columns = {'user': 'VARCHAR', 'item': 'BIGINT'}, header = true
);
"""


def test_events_need_only_a_user_and_a_track(tmp_path: Path) -> None:
    (tmp_path / "plays.csv").write_text("user,item\nanna,1\nanna,1\nbob,2\n", encoding="utf-8")
    overlay(tmp_path / "templates", "staging/events.sql", ONLY_IDS)
    built = build_in(tmp_path, tmp_path / "plays.csv", templates=tmp_path / "templates")
    file = (tmp_path / "plays.csv").as_posix()
    nulls = (None,) * 5
    assert built.rows(
        """select file, "user", track, time,
            message, timestamp, latency, recommendation, experiments from events"""
    ) == [
        (file, "anna", 1, 1.0, *nulls),
        (file, "anna", 1, 1.0, *nulls),
        (file, "bob", 2, 1.0, *nulls),
    ]
    types = built.rows("select column_name, column_type from (describe events)")
    assert dict(types) == ALL_COLUMNS
    assert built.rows("select track, plays, total_time from tracks") == [(1, 2, 2.0), (2, 1, 1.0)]
    assert [(row.lines, row.accepted) for row in built.summary.inputs] == [(3, 3)]


PAIRS = """
create or replace temp view {{ view }} as
select
    path,
    {% if numbered %}row_number() over () as readable_line_number,{% endif %}
    line,
    string_split(line, ';')[1] as "user",
    try_cast(string_split(line, ';')[2] as bigint) as track,
    case when line not like '%;%' then 'no semicolon' end as reason
from log_text
where not is_blank;
"""


def test_lines_need_only_a_user_and_a_track(tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "data.json", ["anna;1", "bad", "bob;2"])
    write_log(tmp_path / "logs" / "data.json.1", ["bob;1"])
    templates = overlay(tmp_path / "templates", "staging/log_lines.sql", PAIRS)
    built = build_folder(tmp_path, templates=templates, max_rejected=0.5)
    assert built.rows('select "user", track, time, message, timestamp from events') == [
        ("anna", 1, 1.0, None, None),
        ("bob", 2, 1.0, None, None),
        ("bob", 1, 1.0, None, None),
    ]
    types = built.rows("select column_name, column_type from (describe events)")
    assert dict(types) == ALL_COLUMNS
    assert built.rows("select line_number, reason, line from rejected_lines") == [
        (2, "no semicolon", "bad")
    ]
    assert [row.accepted for row in built.summary.inputs] == [2, 1]


def test_lines_without_a_needed_column_are_an_error_of_their_template(tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "data.json", ["anna;1"])
    text = PAIRS.replace('as "user"', "as listener")
    templates = overlay(tmp_path / "templates", "staging/log_lines.sql", text)
    with pytest.raises(TemplateError) as error:
        build_folder(tmp_path, templates=templates)
    assert str(error.value) == (
        f"{templates / 'staging' / 'log_lines.sql'}: the table events has no column user"
    )


def test_columns_of_events_are_cast_to_their_types(tmp_path: Path) -> None:
    bare = RATINGS_EVENTS.replace("cast(null as varchar) as message", "null as message")
    bare = bare.replace("cast(null as timestamp)", "'2026-01-02 03:04:05.6'")
    bare = bare.replace("cast(null as double)", "1")
    bare = bare.replace("cast(null as bigint)", "null")
    bare = bare.replace("cast(null as map(varchar, varchar))", "null")
    assert bare.count("cast(") == 0
    (tmp_path / "ratings.csv").write_text(RATINGS, encoding="utf-8")
    summary = ubcf.build(
        tmp_path / "ratings.csv",
        database=tmp_path / "ubcf.duckdb",
        output=tmp_path / "recommendations_ub.json",
        templates=overlay(tmp_path / "templates", "staging/events.sql", bare),
    )
    built = Built(tmp_path, summary)
    assert built.rows("select column_name, column_type from (describe events) offset 1") == [
        ("message", "VARCHAR"),
        ("timestamp", "TIMESTAMP"),
        ("user", "VARCHAR"),
        ("track", "BIGINT"),
        ("time", "DOUBLE"),
        ("latency", "DOUBLE"),
        ("recommendation", "BIGINT"),
        ("experiments", "MAP(VARCHAR, VARCHAR)"),
    ]
    assert built.rows("select distinct timestamp, latency, experiments from events") == [
        (datetime(2026, 1, 2, 3, 4, 5, 600_000), 1.0, None)
    ]


def test_a_column_that_cannot_have_its_type_is_an_error(tmp_path: Path) -> None:
    wrong = RATINGS_EVENTS.replace("cast(null as timestamp)", "'yesterday'")
    (tmp_path / "ratings.csv").write_text(RATINGS, encoding="utf-8")
    with pytest.raises(InputError, match=r"events\.sql: timestamp is no TIMESTAMP .*yesterday"):
        ubcf.build(
            tmp_path / "ratings.csv",
            database=tmp_path / "ubcf.duckdb",
            output=tmp_path / "recommendations_ub.json",
            templates=overlay(tmp_path / "templates", "staging/events.sql", wrong),
        )


def test_a_users_own_analysis_is_listed_with_the_others(tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "data.json", PLAYS)
    build_folder(tmp_path)
    own = "-- lovers: one row per user who heard a track to its end.\nselect 1 as x;\n"
    templates = overlay(tmp_path / "templates", "analysis/lovers.sql", own)
    listed = call_ubcf("query", "--templates", templates, cwd=tmp_path).stdout
    assert "lovers" in listed
    assert "user_history" in listed
    done = call_ubcf("query", "lovers", "--templates", templates, "--format", "csv", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "x\n1\n")


# Errors in templates


@pytest.mark.parametrize("column", ["user", "track"])
def test_events_without_a_needed_column_are_an_error(tmp_path: Path, column: str) -> None:
    write_log(tmp_path / "logs" / "data.json", PLAYS)
    ours = (sql_folder() / "staging" / "events.sql").read_text()
    text = ours + f'\nalter table events drop column "{column}";\n'
    templates = overlay(tmp_path / "templates", "staging/events.sql", text)
    with pytest.raises(TemplateError) as error:
        build_folder(tmp_path, templates=templates)
    assert str(error.value) == (
        f"{templates / 'staging' / 'events.sql'}: the table events has no column {column}"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "templates"]


def test_all_missing_columns_are_named_at_once(tmp_path: Path) -> None:
    for name in ("data.json", "data.json.1"):
        write_log(tmp_path / "logs" / name, PLAYS)
    templates = overlay(
        tmp_path / "templates", "staging/events.sql", "create table events as select 1 as time;"
    )
    with pytest.raises(TemplateError, match=r"the table events has no column file, user, track$"):
        build_folder(tmp_path, templates=templates)


@pytest.mark.parametrize(
    ("columns", "missing"),
    [
        ('"user" as "User", item as track', "user"),
        ('"user", item as track, rating as Rating, rating / 5 as "Time"', "time"),
    ],
)
def test_a_column_named_in_other_letters_is_an_error_and_never_left_out(
    tmp_path: Path, columns: str, missing: str
) -> None:
    log = tmp_path / "ratings.csv"
    log.write_text(RATINGS, encoding="utf-8")
    text = f"create table events as select {columns} from read_csv(getvariable('log_paths'))"
    templates = overlay(tmp_path / "templates", "staging/events.sql", text)
    with pytest.raises(TemplateError, match=rf"the table events has no column {missing}$"):
        build_in(tmp_path, log, templates=templates)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("create table events as select nothing;", "nothing"),
        ("create tabel events;", "syntax error"),
        ("select 1;", "events"),
        ("{{ no_such_value }}", "'no_such_value' is undefined"),
        ("select 1;\n{% if %}\n", "line 2"),
    ],
)
def test_a_template_that_does_not_run_is_named(tmp_path: Path, text: str, message: str) -> None:
    write_log(tmp_path / "logs" / "data.json", PLAYS)
    templates = overlay(tmp_path / "templates", "staging/events.sql", text)
    with pytest.raises(TemplateError) as error:
        build_folder(tmp_path, templates=templates)
    assert str(error.value).startswith(str(templates / "staging" / "events.sql"))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_events_that_hold_no_row_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no event"):
        build_ratings(tmp_path, "user,item,rating\n")


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (",1,3\n", "user is null in 1 events, first of {file}: track 1, time 0.6"),
        ("u,,3\n", "track is null in 1 events, first of {file}: user u, time 0.6"),
        ("u,1,\n", "time is null in 1 events, first of {file}: user u, track 1"),
        ("u,1,nan\n", "time is not a number in 1 events, first of {file}: nan"),
        ("u,1,inf\n", "time is outside 0 to 1 in 1 events, first of {file}: inf"),
        (
            "".join(f"u,1,{rating}\n" for rating in (1365, -15, 10, 20)),
            "time is outside 0 to 1 in 4 events, first of {file}: 273.0; -3.0; 2.0",
        ),
        ("u,,7\nu,1,9\nu,1,8\n", "time is outside 0 to 1 in 2 events, first of {file}: 1.8; 1.6"),
    ],
)
def test_what_a_reading_gives_is_checked_by_name_before_the_model(
    tmp_path: Path, rows: str, problem: str
) -> None:
    with pytest.raises(InputError) as error:
        build_ratings(tmp_path, RATINGS + rows)
    template = tmp_path / "templates" / "staging" / "events.sql"
    file = (tmp_path / "ratings.csv").as_posix()
    assert str(error.value) == f"{template}: {problem.format(file=file)}"


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("timestamp", "'yesterday'", "timestamp is no TIMESTAMP in 1 events"),
        ("latency", "'fast'", "latency is no DOUBLE in 1 events"),
        ("recommendation", "'x'", "recommendation is no BIGINT in 1 events"),
        ("time", "'x'", "time is not a number in 1 events"),
        ("time", "[1]", "time is not a number in 1 events"),
        ("latency", "'nan'::double", "latency is not finite in 1 events"),
        ("latency", "'-inf'", "latency is not finite in 1 events"),
        ('"user"', "'nan'::double", "user is not finite in 1 events"),
        ("track", "'inf'::float", "track is not finite in 1 events"),
        ("file", "'other.json'", "file is none of the logs in 1 events"),
        ("file", "7", "file is none of the logs in 1 events"),
        ('"user"', "'nan'", None),
        ("time", "'0.25'", None),
        ("timestamp", "'2024-02-19 08:00:00'", None),
    ],
)
def test_a_column_of_another_type_is_converted_or_an_error_that_names_it(
    tmp_path: Path, column: str, value: str, problem: str | None
) -> None:
    log = write_log(tmp_path / "logs" / "data.json", PLAYS)
    columns = {
        "file": f"'{log}'", '"user"': "1", "track": "2::bigint", "time": "0.5", "message": "null",
        "timestamp": "null", "latency": "null", "recommendation": "null", "experiments": "null",
    }  # fmt: skip
    columns[column] = value
    text = ", ".join(f"{expression} as {name}" for name, expression in columns.items())
    query = f"create table events as select {text};"
    templates = overlay(tmp_path / "templates", "staging/events.sql", query)
    if problem is None:
        build_folder(tmp_path, templates=templates)
    else:
        with pytest.raises(InputError) as error:
            build_folder(tmp_path, templates=templates)
        assert f"events.sql: {problem}, first of " in str(error.value)
        assert re.findall(r"[\w.]+", value)[0] in str(error.value).partition(", first of ")[2]


def test_a_missing_folder_of_templates_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="nowhere: no such folder of templates"):
        Templates(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["events.sql", "staging/event.sql", "staging/deeper/events.sql"])
def test_a_template_that_replaces_none_is_an_error(tmp_path: Path, name: str) -> None:
    folder = overlay(tmp_path / "templates", name, "select 1;")
    with pytest.raises(TemplateError) as error:
        Templates(folder)
    assert str(error.value) == f"{folder}: {name} replaces no file of sql/"


def test_other_files_in_a_folder_of_templates_are_ignored(tmp_path: Path) -> None:
    folder = overlay(tmp_path / "templates", "staging/events.sql", "select 1;")
    (folder / "README.md").write_text("how we read our logs")
    templates = Templates(folder)
    assert templates.replaces("staging/events.sql")
    assert not templates.replaces("staging/log_lines.sql")
    assert templates.render("staging/events.sql") == "select 1;"
    assert templates.path("staging/log_lines.sql") == sql_folder() / "staging" / "log_lines.sql"


# Another engine


def test_a_template_is_rendered_for_the_engine_that_runs_it(tmp_path: Path) -> None:
    text = "select {{ variable('top') }} as top, {{ identifier('a\"b`c') }} from t\n;\n"
    folder = overlay(tmp_path, "analysis/mine.sql", text)
    overlay(tmp_path, "checks/mine.sql", "select {{ variable('top') }};")
    for templates, query, check in [
        (
            Templates(folder),
            'select getvariable(\'top\') as top, "a""b`c" from t',
            "getvariable('top')",
        ),
        (Templates(folder, engine="spark"), 'select :top as top, `a"b``c` from t', ":top"),
    ]:
        assert templates.query("analysis/mine.sql").rstrip() == query
        assert templates.query("checks/mine.sql") == f"select {check}"


@pytest.mark.parametrize(
    ("text", "relation"),
    [
        ("-- x: a row.\n-- More.\ncreate table x as\nselect 1;\n", ("x", "select 1", False)),
        ("create temp table x as select 1", ("x", "select 1", True)),
        (
            "CREATE OR REPLACE TEMP VIEW x AS\nwith y as (select 1) from y;",
            ("x", "with y as (select 1) from y", True),
        ),
    ],
)
def test_a_relation_is_told_apart_from_its_creation(
    tmp_path: Path, text: str, relation: tuple[str, str, bool]
) -> None:
    templates = Templates(overlay(tmp_path, "model/plays.sql", text), engine="spark")
    assert templates.relation("model/plays.sql") == relation


@pytest.mark.parametrize("text", ["select 1", "drop table x; create table x as select 1"])
def test_a_template_that_makes_no_relation_first_is_named(tmp_path: Path, text: str) -> None:
    templates = Templates(overlay(tmp_path, "model/plays.sql", text), engine="spark")
    with pytest.raises(TemplateError, match=r"model/plays\.sql: does not begin with create table"):
        templates.relation("model/plays.sql")


# Further checks


def test_a_further_check_that_finds_rows_stops_the_build(tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "data.json", PLAYS)
    templates = overlay(
        tmp_path / "templates",
        "checks/no_bots.sql",
        'select "user", plays from interactions where plays < 9;',
    )
    with pytest.raises(CheckError) as error:
        build_folder(tmp_path, templates=templates)
    assert str(error.value).startswith(f"{templates / 'checks' / 'no_bots.sql'}: 3 rows")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "templates"]


def test_a_further_check_that_finds_none_does_not(tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "data.json", PLAYS)
    templates = overlay(
        tmp_path / "templates",
        "checks/no_bots.sql",
        'select "user", plays from interactions where plays > 9;',
    )
    assert build_folder(tmp_path, templates=templates).summary.users == 2
    assert "checks/no_bots.sql" in Templates(templates).names("checks")


def test_a_check_can_be_replaced(tmp_path: Path) -> None:
    ours = Templates().names("checks")
    templates = Templates(
        overlay(tmp_path / "templates", "checks/plays_add_up.sql", "select 1 limit 0;")
    )
    assert templates.names("checks") == ours
    assert templates.render("checks/plays_add_up.sql") == "select 1 limit 0;"


# Where sql/ is


def test_every_table_has_a_template_of_its_name() -> None:
    names = {path.stem for path in sql_folder().rglob("*.sql")}
    assert {"events", "rejected_lines", "tracks", "users", "interactions"} <= names
    assert {"neighbors", "recommendations", "build", "build_inputs", "build_stages"} <= names


def test_a_bare_source_tree_finds_its_templates() -> None:
    if (PROJECT / "sql").is_dir() and not (PROJECT / "ubcf" / "sql").exists():
        assert Path(ubcf.database.templates.__file__).parents[2] / "sql" == sql_folder()
    assert (sql_folder() / "staging" / "events.sql").is_file()


@pytest.mark.parametrize("inside", [True, False], ids=["installed", "bare source tree"])
def test_the_package_finds_its_templates_inside_or_beside(tmp_path: Path, inside: bool) -> None:
    shutil.copytree(PROJECT / "ubcf", tmp_path / "ubcf", ignore=shutil.ignore_patterns("sql"))
    shutil.copytree(sql_folder(), tmp_path / "ubcf" / "sql" if inside else tmp_path / "sql")
    code = "from ubcf.database.templates import sql_folder; print(sql_folder())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()) == (tmp_path / "ubcf" / "sql" if inside else tmp_path / "sql")


def test_a_process_compiles_a_template_once_and_again_when_its_text_changes(
    tmp_path: Path,
) -> None:
    file = tmp_path / "analysis" / "mine.sql"
    file.parent.mkdir()
    with mock.patch.object(
        ImmutableSandboxedEnvironment, "compile", autospec=True, side_effect=Environment.compile
    ) as compiled:
        for text, expected in [
            ("select {{ x }}", "select 7"),
            ("select {{ x }}", "select 7"),
            ("select {{ x }} + 1", "select 7 + 1"),
        ]:
            file.write_text(text)
            assert Templates(tmp_path).render("analysis/mine.sql", x=7) == expected
    assert compiled.call_count == 2


# Expressions that reach Python from a template without a sandbox.
ESCAPES = [
    "{{ cycler.__init__.__globals__.os.system('touch escaped') }}",
    "{{ self.__init__.__globals__.__builtins__.open('escaped', 'w') }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ variable.__globals__['re'] }}",
    "{{ lipsum.__globals__['os'].popen('touch escaped').read() }}",
    "{{ ''['__class__'] }}",
    "{{ ''|attr('__class__') }}",
    "{{ '{0.__class__.__init__.__globals__}'.format(cycler) }}",
    "{% set names = [] %}{{ names.append(1) }}",
    "{{ range(10 ** 9)|list }}",
    "{% include '/etc/passwd' %}",
    "{% include '../../secret.sql' %}",
]


@pytest.mark.parametrize("expression", ESCAPES)
def test_a_template_shapes_sql_and_runs_no_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expression: str
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "deep" / "templates"
    (folder / "analysis").mkdir(parents=True)
    (tmp_path / "secret.sql").write_text("select 'secret'")
    (folder / "analysis" / "mine.sql").write_text(f"-- mine: one row\nselect '{expression}'")
    with pytest.raises(TemplateError):
        Templates(folder).render("analysis/mine.sql")
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"select {{ 1 / 0 }}", "division by zero"),
        (b"select '\xff'", "not UTF-8"),
        (b"select {{ 'x' + 1 }}", "str"),
        (b"select {{ none.x }}", "None"),
        (b"{% include 'model/plays.sql' %}{% include 'checks/mine.sql' %}", "recursion"),
        (b"select {{ '%d'|format('x') }}", "format"),
    ],
)
def test_a_template_that_fails_is_named_in_a_line(tmp_path: Path, text: bytes, words: str) -> None:
    write_log(tmp_path / "logs" / "data.json", PLAYS)
    file = tmp_path / "templates" / "checks" / "mine.sql"
    file.parent.mkdir(parents=True)
    file.write_bytes(text)
    done = call_ubcf("build", "logs", "--templates", "templates", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ubcf: error: templates/checks/mine.sql")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
