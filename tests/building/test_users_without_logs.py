"""Users of a file (--users) whom the logs do not know get the popular tracks, and say so.

Total times: track 20 has 1.6, 10 has 1.5, 30 has 0.8, 40 has 0.1.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import ubcf
from tests.support.builds import Built, build_folder
from tests.support.commands import call_ubcf
from tests.support.logs import write_log
from ubcf.errors import CheckError, InputError

PLAYS = [
    (1, 10, 0.9), (1, 20, 0.8), (1, 40, 0.1),
    (2, 10, 0.6), (2, 20, 0.8), (2, 30, 0.8), (2, 40, 0.0),
]  # fmt: skip

POPULAR = [20, 10, 30, 40]

COUNTS = "given_users, known_given_users, repeated_given_users, users_without_logs"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_log(tmp_path / "logs" / "data.json", PLAYS)
    return tmp_path


def file_of(folder: Path, text: str) -> Path:
    path = folder / "users"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A build in which the users 0 and 9 have no logs."""
    folder = tmp_path_factory.mktemp("served")
    write_log(folder / "logs" / "data.json", PLAYS)
    return build_folder(folder, users=file_of(folder, "9\n1\n0\n9\n2\n1\n"), predict=True)


def test_they_have_a_line_in_the_json_among_the_others(served: Built) -> None:
    lines = [json.loads(line) for line in served.output.read_text().splitlines()]
    assert [line["user"] for line in lines] == [0, 1, 2, 9]
    assert lines[0]["tracks"] == lines[3]["tracks"] == POPULAR


def test_their_rows_say_popularity_a_score_of_0_and_not_heard(served: Built) -> None:
    rows = served.rows('from recommendations where "user" = 9 order by rank')
    mean = sum(time for _, _, time in PLAYS) / len(PLAYS)
    assert rows == [
        (9, rank, track, 0.0, False, "popularity", pytest.approx(mean, abs=1e-15), 0)
        for rank, track in enumerate(POPULAR, start=1)
    ]


def test_their_predicted_times_are_those_of_the_command_predict(served: Built) -> None:
    (served.folder / "pairs.csv").write_text("user,track\n9,20\n9,40\n")
    with ubcf.connect(served.database) as connection:
        found = ubcf.predict(connection, served.folder / "pairs.csv").fetchall()
    assert found == served.rows(
        'select "user", track, predicted_time, support from recommendations'
        ' where "user" = 9 and track in (20, 40) order by rank'
    )


def test_with_baseline_centering_the_bias_of_the_track_is_expected_too(folder: Path) -> None:
    built = build_folder(folder, users=file_of(folder, "9\n"), preset="ratings", predict=True)
    (folder / "pairs.csv").write_text("user,track\n9,20\n9,10\n9,30\n9,40\n")
    with ubcf.connect(built.database) as connection:
        found = ubcf.predict(connection, folder / "pairs.csv").fetchall()
    assert found == built.rows(
        'select "user", track, predicted_time, support, own_support from recommendations'
        ' where "user" = 9 order by rank'
    )
    assert len({predicted_time for *_, predicted_time, _, _ in found}) > 1


def test_nothing_else_changes(served: Built, tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "data.json", PLAYS)
    plain = build_folder(tmp_path, predict=True)
    for table in ("tracks", "users", "interactions", "neighbors"):
        assert served.rows(f"from {table}") == plain.rows(f"from {table}")
    assert served.rows('from recommendations where "user" in (1, 2)') == plain.rows(
        "from recommendations"
    )
    known = [line for line in served.output.read_text().splitlines() if line[9] in "12"]
    assert known == plain.output.read_text().splitlines()
    assert plain.rows(f"select {COUNTS} from build") == [(None, None, None, None)]


def test_ids_are_counted_by_what_becomes_of_them(served: Built) -> None:
    # 9 and 1 stand twice; 1 and 2 are in the logs.
    assert served.rows(f"select {COUNTS}, users, recommendations from build") == [
        (6, 2, 2, 2, 2, 4 * 4)
    ]
    summary = served.summary
    assert (summary.given_users, summary.known_given_users) == (6, 2)
    assert (summary.repeated_given_users, summary.users_without_logs) == (2, 2)


def test_the_summary_says_how_many_there_are(folder: Path) -> None:
    file_of(folder, "9\n1\n9\n")
    done = call_ubcf("build", "logs", "--users", "users", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (
        "users       1 without logs get popular tracks; the file has 3 ids, 1 of users in the logs,"
        " 1 repeated\n" in done.stdout
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"top": 2}, [20, 10]),
        ({"tracks": "30\n10\n"}, [10, 30]),
        ({"not_tracks": "20\n", "top": 2}, [10, 30]),
        ({"catalog_only": True}, [20, 40]),
        ({"only_positive": True}, POPULAR),
        ({"exclude_heard": True}, POPULAR),
    ],
)
def test_the_options_that_choose_tracks_hold(
    options: dict[str, Any], expected: list[int], folder: Path
) -> None:
    for name in ("tracks", "not_tracks"):
        if name in options:
            (folder / name).write_text(options[name])
            options = {**options, name: folder / name}
    (folder / "logs" / "tracks.json").write_text('{"track": 20}\n{"track": 40}\n{"track": 99}\n')
    built = build_folder(folder, users=file_of(folder, "9\n"), **options)
    assert built.lists()[9] == expected


@pytest.mark.parametrize(
    "text",
    [
        "9\n 8 \n\n",
        "\ufeffuser\r\n9\r\n8\r\n",
        'name;"User"\nx;9\n"a;b";8\n',
        '{"user": 9, "name": "x"}\n\n{"user": "8"}\n',
    ],
)
def test_a_file_of_users_has_ids_alone_or_a_field_user(folder: Path, text: str) -> None:
    built = build_folder(folder, users=file_of(folder, text))
    assert list(built.lists()) == [1, 2, 8, 9]


def test_an_empty_file_adds_nobody(folder: Path) -> None:
    built = build_folder(folder, users=file_of(folder, "\n"))
    assert built.rows(f"select {COUNTS} from build") == [(0, 0, 0, 0)]


def test_text_ids_are_compared_as_texts(tmp_path: Path) -> None:
    log = ['{"user": "zoë", "track": "a", "time": 1}', '{"user": "07", "track": "b", "time": 0}']
    write_log(tmp_path / "logs" / "data.json", log)
    built = build_folder(tmp_path, users=file_of(tmp_path, 'zoë\n7\nO\'Neil "x"\n'))
    assert set(built.lists()) == {"zoë", "07", "7", 'O\'Neil "x"'}
    assert built.rows(f"select {COUNTS} from build") == [(3, 1, 0, 2)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("9\nabc\n", "user 2: 'abc' is no id like those of the logs (BIGINT)"),
        ("9\n07\n", "user 2: '07' is no id like those of the logs (BIGINT)"),
        ("99999999999999999999\n", "user 1: '99999999999999999999' is no id"),
        ('{"user": 9}\n{"track": 3}\n', "user 2: user is missing"),
        ('{"user": 9}\n{"user": 8\n', "line 2: no object with a user: not JSON"),
        ('user,name\n9,"x\n', "line 2"),
    ],
)
def test_what_is_no_id_of_a_user_is_an_error(text: str, problem: str, folder: Path) -> None:
    with pytest.raises(InputError) as refused:
        build_folder(folder, users=file_of(folder, text))
    assert problem in str(refused.value)
    assert not (folder / "ubcf.duckdb").exists()


def test_a_file_that_is_not_there_is_found_before_the_logs_are_read(folder: Path) -> None:
    done = call_ubcf("build", "logs", "--users", "nowhere", cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "ubcf: error: nowhere: cannot be read: No such file or directory\n"


def test_the_file_is_never_written_over(folder: Path) -> None:
    file_of(folder, "9\n")
    done = call_ubcf("build", "logs", "--users", "users", "-o", "users", cwd=folder)
    assert done.returncode == 2
    assert "is read by this command" in done.stderr
    assert (folder / "users").read_text() == "9\n"


def test_inspect_shows_what_they_get_and_says_why(served: Built) -> None:
    done = call_ubcf("inspect", "user", "9", "--format", "json", cwd=served.folder)
    assert done.stderr == (
        "ubcf: note: the logs have no event of this user, who gets the popular tracks\n"
    )
    parts = json.loads(done.stdout)
    assert (parts["user"]["user"], parts["user"]["events"]) == (9, 0)
    assert [row["track"] for row in parts["recommendations"]] == POPULAR
    assert parts["events"] == parts["interactions"] == parts["neighbors"] == []


def test_explain_says_that_there_is_nothing_to_sum(served: Built) -> None:
    done = call_ubcf("explain", "9", "20", "--format", "json", cwd=served.folder)
    assert (done.returncode, json.loads(done.stdout)) == (0, [])
    assert done.stderr == (
        "user 9, track 20: score 0: the logs have no event of this user (2 other users heard it); "
        "rank 1, with a stored score of 0\n"
    )
    unknown = call_ubcf("inspect", "user", "77", cwd=served.folder)
    assert unknown.stderr.startswith("ubcf: error: no user '77' in this database")


def test_every_analysis_and_the_report_work(served: Built) -> None:
    with ubcf.connect(served.database) as connection:
        for name in ("coverage", "heard_share", "score_by_rank", "most_recommended_tracks"):
            assert ubcf.query(connection, name).fetchall()
        for name in ("user_history", "user_interactions", "similar_users"):
            assert ubcf.query(connection, name, user=9).fetchall() == []
        assert len(ubcf.query(connection, "user_recommendations", user=9).fetchall()) == 4
        assert len(ubcf.query(connection, "explained_recommendations", user=9).fetchall()) == 4
    report = call_ubcf("report", "-o", "report.html", cwd=served.folder)
    assert report.returncode == 0, report.stderr
    of_user = call_ubcf("report", "--user", "9", "-o", "report.html", cwd=served.folder)
    assert of_user.returncode == 1
    assert of_user.stderr == (
        "ubcf: error: the logs have no event of user 9, who gets the popular tracks; there is "
        "nothing to show in full\n"
    )
    same = call_ubcf("diff", "ubcf.duckdb", "ubcf.duckdb", cwd=served.folder)
    assert same.returncode == 0, same.stderr


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("false as heard", "true as heard"),
        ("0.0 as score", "0.5 as score"),
        ("from users_without_logs", "from (from users_without_logs limit 1) as users_without_logs"),
        ("qualify rank", "and track <> 20 qualify rank"),
    ],
)
def test_a_check_finds_lists_that_are_not_as_promised(old: str, new: str, folder: Path) -> None:
    templates = folder / "sql" / "results"
    templates.mkdir(parents=True)
    ubcf_sql = (Path(__file__).parents[2] / "sql/results/popular_recommendations.sql").read_text()
    assert old in ubcf_sql
    (templates / "popular_recommendations.sql").write_text(ubcf_sql.replace(old, new))
    with pytest.raises(CheckError):
        build_folder(folder, users=file_of(folder, "8\n9\n"), templates=folder / "sql")
