"""The pages show the build that is in the file, and say so when it is another one."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from tests.support.browsing import browsing
from tests.support.builds import Built, build_folder
from tests.support.logs import log_line, write_log
from ubcf.database.session import Session
from ubcf.web.builds import RETRY_SECONDS, Build, Builds
from ubcf.web.kept_answers import Kept, KeptAnswers

YESTERDAY = [(1, 10, 1.0), (1, 20, 0.0), (2, 10, 0.9), (2, 30, 0.8), (2, 40, 0.1), (3, 20, 0.5)]
TODAY = [*YESTERDAY, (4, 10, 1.0), (4, 50, 0.9), (4, 40, 0.2), (1, 50, 1.0)]


def build(folder: Path, plays: list[tuple[int, int, float]]) -> Built:
    write_log(folder / "logs" / "data.json", [log_line(*play) for play in plays])
    return build_folder(folder, top=3)


@pytest.fixture(scope="module")
def yesterday(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(tmp_path_factory.mktemp("yesterday"), YESTERDAY)


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(tmp_path_factory.mktemp("today"), TODAY)


def replace(path: Path, built: Built) -> None:
    """Renames a copy of a database over a file, as a build does."""
    copied = path.with_suffix(".new")
    shutil.copy(built.database, copied)
    copied.replace(path)


def test_a_build_that_replaces_the_file_is_shown_at_once(
    yesterday: Built, today: Built, tmp_path: Path
) -> None:
    database = tmp_path / "ubcf.duckdb"
    replace(database, yesterday)
    with browsing(database) as site:
        assert site.twin("/users.json")["found"] == 3
        assert "Replaced at" not in site.page("/users").text
        assert site.ask("/users/4").status == 404
        replace(database, today)
        assert site.twin("/users.json")["found"] == 4
        assert site.ask("/users/4").status == 200
        assert "Replaced at" in site.page("/users").text


def test_a_file_that_is_gone_or_damaged_leaves_the_build_before(
    yesterday: Built, today: Built, tmp_path: Path
) -> None:
    database = tmp_path / "ubcf.duckdb"
    replace(database, yesterday)
    now = [100.0]
    with browsing(database, now=lambda: now[0]) as site:
        database.unlink()
        page = site.page("/users").text
        assert "no such database" in page
        assert "3 users" in page
        database.write_text("damaged")
        now[0] += RETRY_SECONDS
        assert "not a valid DuckDB database" in site.page("/users").text
        replace(database, today)
        now[0] += RETRY_SECONDS
        page = site.page("/users").text
        assert "4 users" in page
        assert "not a valid" not in page


def test_a_page_that_is_made_meanwhile_is_of_the_build_that_it_began_with(
    yesterday: Built, today: Built, tmp_path: Path
) -> None:
    database = tmp_path / "ubcf.duckdb"
    replace(database, yesterday)
    builds = Builds(database)
    with builds.current() as before:
        replace(database, today)
        with builds.current() as after, after.cursor() as connection:
            assert connection.execute("select count(*) from users").fetchall() == [(4,)]
        with before.cursor() as connection:
            assert connection.execute("select count(*) from users").fetchall() == [(3,)]
    builds.close()


def test_what_a_failed_page_left_behind_is_not_shown_by_the_next(yesterday: Built) -> None:
    with closing(Build(yesterday.database, None)) as build:
        with pytest.raises(duckdb.Error), build.cursor() as connection:
            connection.execute("create temp table events as select 1 as broken")
            connection.execute("select * from nothing")
        with build.cursor() as connection:
            assert Session(connection).count("events") == len(YESTERDAY)


def test_what_a_list_lost_and_won_since_another_build_is_shown(
    yesterday: Built, today: Built
) -> None:
    """The lists are those of the JSON of both builds."""
    with browsing(today.database, yesterday.database) as site:
        for user in (1, 2, 3):
            before, now = yesterday.lists()[user], today.lists()[user]
            changes = site.twin(f"/users/{user}.json")["changes"]
            assert {int(row["track"]) for row in changes if row["change"] == "new"} == (
                set(now) - set(before)
            )
            assert {int(row["track"]) for row in changes if row["change"] == "left"} == (
                set(before) - set(now)
            )
            moved = {int(row["track"]) for row in changes if row["change"] in ("up", "down")}
            kept = set(before) & set(now)
            assert moved == {t for t in kept if before.index(t) != now.index(t)}
        everything = {row["change"] for row in site.twin("/users/4.json")["changes"]}
        assert everything == {"new"}


def test_another_build_to_compare_with_may_be_replaced_too(
    yesterday: Built, today: Built, tmp_path: Path
) -> None:
    against = tmp_path / "old.duckdb"
    replace(against, today)
    with browsing(today.database, against) as site:
        assert site.twin("/users/1.json")["changes"] == []
        replace(against, yesterday)
        assert site.twin("/users/1.json")["changes"] != []
        assert "what it is compared with is new" in site.page("/users/1").text


def test_an_id_of_another_type_is_compared_as_a_text(yesterday: Built, tmp_path: Path) -> None:
    texts = [log_line(str(user), str(track), time) for user, track, time in YESTERDAY]
    write_log(tmp_path / "logs" / "data.json", texts)
    of_texts = build_folder(tmp_path, top=3, ids="text")
    with browsing(of_texts.database, yesterday.database) as site:
        assert site.twin("/users/1.json")["changes"] == []


def test_kept_answers_are_bounded_and_the_oldest_goes_first() -> None:
    kept = KeptAnswers(most_bytes=10)
    for name in ("a", "b"):
        kept.keep(name, Kept(b"12345", None))
    assert kept.get("a") == Kept(b"12345", None)
    kept.keep("c", Kept(b"1", None))
    assert [name for name in "abc" if kept.get(name)] == ["a", "c"]
    kept.keep("d", Kept(b"12345678901", None))
    assert [name for name in "abcd" if kept.get(name)] == ["a", "c"]


def test_builds_without_catalogs_are_compared(yesterday: Built, today: Built) -> None:
    with browsing(today.database, yesterday.database) as site:
        gained = site.twin("/compare.json")["parts"]["gained_and_lost"]
        assert ("tracks gained", 1, ["50"]) in [tuple(row.values())[:3] for row in gained]
        assert 'href="/tracks/50"' in site.page("/compare").html
