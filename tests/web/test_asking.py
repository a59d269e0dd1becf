"""Pages that answer questions: analyses, SQL, histories, experiments, and what changed."""

from __future__ import annotations

import csv
import io
import json
import threading
import time
from collections.abc import Iterator
from html import unescape
from urllib.parse import urlencode

import duckdb
import pytest

import ubcf
from tests.support.browsing import Site, browsing
from tests.support.builds import Built, build_in
from tests.support.paths import PROJECT
from ubcf.web import limits

# A query that would run for hours.
ENDLESS = "select count(*) from range(1000000) a, range(1000000) b, range(1000000) c"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Another build of the sample, with shorter lists; no test may change it."""
    return build_in(tmp_path_factory.mktemp("other"), PROJECT / "data", top=10)


@pytest.fixture(scope="module")
def site(sample: Built, other: Built) -> Iterator[Site]:
    """The pages about the sample, compared with the other build."""
    with browsing(sample.database, other.database) as site:
        yield site


def at(path: str, **fields: object) -> str:
    """An address with the fields of a form."""
    return f"{path}?{urlencode(fields)}"


# Analyses


def test_every_analysis_has_a_page(site: Site) -> None:
    names = [each.name for each in ubcf.analyses()]
    links = site.page("/analyses").links("/analyses/")
    assert links == [f"/analyses/{name}" for name in names]
    for link in links:
        # Those that need a variable ask for it, and the others have rows.
        twin = site.twin(f"{link}.json")
        assert bool(twin["missing"]) != bool(twin["columns"])


def test_an_analysis_shows_the_rows_of_query_its_sql_and_its_form(
    site: Site, sample: Built
) -> None:
    path = at("/analyses/similar_users", user=7, k=3)
    page, twin = site.page(path), site.twin(path.replace("?", ".json?"))
    with ubcf.connect(sample.database) as connection:
        relation = ubcf.query(connection, "similar_users", user=7, k=3)
        columns, rows = relation.columns, relation.fetchall()
    assert [name for name, _ in twin["columns"]] == columns
    assert [tuple(row) for row in twin["rows"]] == rows
    assert twin["found"] == 3
    assert "3 rows" in page.text
    assert page.links("/users/") == [f"/users/{row[1]}" for row in rows]
    assert "getvariable('user')" in page.text
    inputs = {a["name"]: a["value"] for tag, a in page.elements if tag == "input"}
    assert inputs == {"user": "7", "k": "3"}


def test_an_analysis_shows_its_first_rows_and_downloads_all(site: Site) -> None:
    twin = site.twin("/analyses/sessions.json")
    assert twin["found"] > len(twin["rows"]) == twin["limit"] == 500
    assert "The first 500 are shown" in site.page("/analyses/sessions").text
    received = site.ask(at("/analyses/sessions", download="jsonl"))
    assert len(received.text.splitlines()) == twin["found"]


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/analyses/nothing", 404, "no analysis &#39;nothing&#39;"),
        ("/analyses/similar_users?user=nobody", 404, "no user &#39;nobody&#39;"),
        ("/analyses/top_tracks?k=many", 400, "top_tracks.sql"),
        ("/analyses/top_tracks?download=exe", 400, "csv, jsonl, parquet"),
        ("/analyses/~2E~2E~2Fstaging~2Fevents", 404, "no analysis"),
    ],
)
def test_what_no_analysis_can_answer_is_said(
    path: str, status: int, reason: str, site: Site
) -> None:
    received = site.ask(path)
    assert received.status == status
    assert reason in received.text


# Downloads


def test_downloads_have_the_same_rows_in_three_forms(site: Site, sample: Built) -> None:
    query = 'select "user", events, mean_time from users order by "user"'
    expected = sample.rows(query)
    received = {
        form: site.ask(at("/sql", q=query, download=form)) for form in ("csv", "jsonl", "parquet")
    }
    for form, each in received.items():
        assert each.status == 200
        assert each.headers["content-disposition"] == f'attachment; filename="sql.{form}"'
    header, *rows = csv.reader(io.StringIO(received["csv"].text))
    assert header == ["user", "events", "mean_time"]
    assert [(int(user), int(n), float(mean)) for user, n, mean in rows] == expected
    lines = map(json.loads, received["jsonl"].text.splitlines())
    assert [tuple(line.values()) for line in lines] == expected
    path = sample.folder / "downloaded.parquet"
    path.write_bytes(received["parquet"].body)
    assert duckdb.read_parquet(str(path)).fetchall() == expected
    path.unlink()


def test_a_downloaded_csv_has_no_formula(site: Site) -> None:
    received = site.ask(at("/sql", q="select '=1+1' as a, '-7' as b", download="csv"))
    assert received.text == "a,b\n'=1+1,-7\n"


@pytest.mark.parametrize("query", ["selec", ENDLESS, "set variable x = 1", ""])
def test_what_has_no_rows_is_not_downloaded(query: str, site: Site) -> None:
    received = site.ask(at("/sql", q=query, seconds=1, download="csv"))
    assert received.status == 400
    assert "content-disposition" not in received.headers


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_download_ends_when_its_file_is_too_large(
    form: str, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LARGEST_DOWNLOAD", 2**20)
    query = "select range * random() as number from range(1000000000000)"
    received = site.ask(at("/sql", q=query, seconds=25, download=form))
    assert (received.status, "1 MiB at most" in received.text) == (400, True)


# SQL


def test_sql_shows_rows_and_says_where_it_stops(site: Site) -> None:
    twin = site.twin(at("/sql.json", q="select range as n from range(1000)"))
    assert (len(twin["rows"]), twin["are_all"]) == (1000, True)
    address = at("/sql", q="select range as n from range(1001)")
    twin = site.twin(address.replace("?", ".json?"))
    assert (len(twin["rows"]), twin["are_all"], twin["limit"]) == (1000, False, 1000)
    assert twin["columns"] == [["n", "BIGINT"]]
    page = site.page(address)
    assert "The first 1,000 rows; there are more." in page.text


def test_several_statements_run_in_turn_and_leave_nothing_behind(site: Site) -> None:
    text = "set variable x = 7; create temp table mine as select getvariable('x') as x; from mine"
    assert site.twin(at("/sql.json", q=text))["rows"] == [[7]]
    received = site.ask(at("/sql.json", q="select getvariable('x'), * from mine"))
    assert (received.status, "mine" in received.data["error"]) == (400, True)
    assert site.twin(at("/sql.json", q="set variable x = 7"))["columns"] == []
    text = "attach ':memory:' as other; create table other.t as select 1 as a; from other.t"
    for _ in range(2):
        assert site.twin(at("/sql.json", q=text))["rows"] == [[1]]


def test_a_wrong_query_keeps_its_text_and_says_where_it_is_wrong(site: Site) -> None:
    received = site.ask(at("/sql", q="select <b> from users"))
    assert received.status == 400
    assert "select &lt;b&gt; from users</textarea>" in received.text
    assert "in line 1, column" in received.text


@pytest.mark.parametrize(
    "query",
    [
        "create table mine as select 1",
        "delete from users",
        "copy users to '/tmp/users.csv'",
        "from read_text('/etc/passwd')",
        "from '/etc/passwd'",
        "from glob('/*')",
        "attach '/tmp/other.duckdb'",
        "install httpfs",
        "load httpfs",
        "set threads = 1",
        "set enable_external_access = true",
        "set lock_configuration = false",
        "export database '/tmp/exported'",
        "from read_csv('https://example.com/x.csv')",
    ],
)
def test_a_query_can_only_read_the_database(query: str, site: Site) -> None:
    received = site.ask(at("/sql.json", q=query))
    assert received.status == 400
    assert received.data["rows"] == []
    assert site.twin(at("/sql.json", q="select count(*) from users"))["rows"] == [[400]]


def test_a_query_ends_at_its_limit_of_time(site: Site) -> None:
    start = time.monotonic()
    received = site.ask(at("/sql.json", q=ENDLESS, seconds=1))
    assert time.monotonic() - start < 20
    assert (received.status, received.data["error"]) == (
        400,
        "it was stopped after 1 s, the limit of its time",
    )
    assert site.ask(at("/sql.json", q="select 1", seconds=1000)).status == 400


def test_a_query_ends_once_nobody_waits_for_it(site: Site) -> None:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", site.port)
    connection.request("GET", at("/sql.json", q=ENDLESS, seconds=25))
    deadline = time.monotonic() + 20
    while not _runs_query() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert _runs_query()
    connection.close()
    while _runs_query() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _runs_query()


def _runs_query() -> bool:
    """Whether a query is watched."""
    return any(thread.name == "time limit" for thread in threading.enumerate())


def test_endless_queries_do_not_keep_other_pages_waiting(site: Site) -> None:
    statuses: list[int] = []

    def ask() -> None:
        statuses.append(site.ask(at("/sql.json", q=ENDLESS, seconds=2)).status)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    assert site.ask("/users/7").status == 200
    for thread in threads:
        thread.join()
    assert statuses == [400] * 6


def test_the_tables_are_listed_with_their_comments(site: Site, sample: Built) -> None:
    text = site.page("/sql").text
    for table, comment in sample.rows("select table_name, comment from duckdb_tables()"):
        assert f"{table} {comment}" in text
    ((comment,),) = sample.rows(
        "select comment from duckdb_columns()"
        " where table_name = 'users' and column_name = 'mean_time'"
    )
    assert comment in text


def test_of_several_statements_the_page_says_whose_rows_it_shows(site: Site) -> None:
    said = "2 statements ran in turn; only the result of the last is shown."
    assert said in site.page(at("/sql", q="select 1 as a; select 2 as b;")).text
    assert "ran in turn" not in site.page(at("/sql", q="select 2 as b;")).text


def test_the_example_query_counts_each_track_by_itself(site: Site, sample: Built) -> None:
    example = site.page("/sql").html.partition("<textarea")[2].partition(">")[2]
    query = unescape(example.partition("</textarea>")[0])
    rows = site.twin(at("/sql.json", q=query))["rows"]
    expected = sample.rows(
        "select track, count(*) as n from recommendations where rank <= 10"
        " group by track order by n desc limit 20"
    )
    assert [row[-1] for row in rows] == [lists for _, lists in expected]
    assert len({row[0] for row in rows}) == 20


# Histories


def test_a_history_gets_what_recommend_gives(site: Site, sample: Built) -> None:
    plays = {526: 1.0, 1406: 0.2, 647: 0.9}
    with ubcf.connect(sample.database) as connection:
        rows = ubcf.recommend(connection, plays, top=5).project("rank, track, score").fetchall()
    for text in (
        "526 1\n1406 0.2\n647 0.9",
        "526,1.0\n\n 1406;0.2\r\n647: .9",
        "526\n1406\t0.2\n647 9e-1",
        '{"526": 1, "1406": 0.2, "647": 0.9}',
        '{"track": 526, "time": 1}\n{"track": 1406, "time": 0.2}\n647 0.9',
    ):
        twin = site.twin(at("/try.json", history=text, top=5))
        found = [(row["rank"], row["track"], row["score"]) for row in twin["recommendations"]]
        assert found == rows
    for row in twin["recommendations"]:
        terms = sum(term["contribution"] for term in row["why"]) + row["rest"]
        assert terms == pytest.approx(row["score"], abs=1e-12)
        assert len(row["why"]) == min(row["terms"], 5)
    page = site.page(at("/try", history=text, top=5))
    assert "This person would get" in page.text


def test_a_found_track_is_added_to_the_history(site: Site) -> None:
    page = site.page(at("/try", history="526 1", q="Crooked Windows"))
    added = [a["value"] for tag, a in page.elements if tag == "button" and a.get("name") == "add"]
    assert added[0] == "647"
    assert "This person would get" not in page.text
    page = site.page(at("/try", history="526 1", q="Crooked Windows", add="647"))
    assert "526 1\n647 1</textarea>" in page.html
    assert "This person would get" in page.text


def test_a_history_without_taste_gets_popular_tracks_and_is_told_so(site: Site) -> None:
    text = site.page(at("/try", history="nope 0.5\n<b> 1")).text
    assert "These are the popular tracks: none of the tracks heard is in the logs." in text
    assert "<b> not in the logs" in text
    assert "A track that is not in the logs brings no similar users" in text
    text = site.page(at("/try", history="526 1")).text
    assert "A track that is not in the logs" not in text


def test_what_only_resembles_a_text_stands_apart_from_what_has_it(site: Site) -> None:
    path = at("/try", q="Crooked Windows")
    twin, text = site.twin(path.replace("?", ".json?")), site.page(path).text
    assert {row["title"] for row in twin["found"]} == {"Crooked Windows"}
    assert twin["found"][0]["track"] == 647
    assert "Crooked Windows" not in [row["title"] for row in twin["similar"]]
    assert len(twin["found"]) + len(twin["similar"]) == 10
    assert text.index("Tracks found") < text.index("id 647, ") < text.index("Similar names")
    assert "Bralbek - Crooked Windows id 647, " in text
    text = site.page(at("/try", q="croked wndows")).text
    assert "No track has this in its id, artist, title or genre." in text
    assert "Tracks found" not in text


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        ("526 7", "track 526: time is 7.0; it must be a number from 0 to 1"),
        ("{oops}", "line 1: not a log line"),
        ('{"526": 1, "526": 0}', "526 is there twice"),
        ("526 nan", "not in the logs"),
    ],
)
def test_a_wrong_history_stays_in_the_form(history: str, reason: str, site: Site) -> None:
    received = site.ask(at("/try", history=history))
    assert received.status == (200 if "nan" in history else 400)
    assert reason in received.text


# Experiments


def test_experiments_are_those_of_the_command(site: Site, sample: Built) -> None:
    with ubcf.connect(sample.database) as connection:
        experiments = ubcf.experiment(connection)
    twin = site.twin("/experiments.json")
    assert [each["name"] for each in twin["experiments"]] == [each.name for each in experiments]
    page = site.page("/experiments")
    assert page.links("/experiments/") == [f"/experiments/{each.name}" for each in experiments]
    for experiment in experiments:
        found = site.twin(f"/experiments/{experiment.name}.json")["experiment"]
        assert [effect["effect"] for effect in found["effects"]] == [
            effect.effect for effect in experiment.effects
        ]
        page = site.page(f"/experiments/{experiment.name}")
        assert len([tag for tag, _ in page.elements if tag == "svg"]) == 1
        for warning in experiment.warnings + experiment.notes:
            assert warning in page.text
        assert "time per user the sum of the shares of tracks heard by a user" in page.text
        assert "Below 0.001, users were not split evenly" in page.text


def test_an_experiment_with_another_control_and_level(site: Site, sample: Built) -> None:
    with ubcf.connect(sample.database) as connection:
        (expected,) = ubcf.experiment(connection, "TASTE_SHARE", control="T1", alpha=0.01)
    path = at("/experiments/TASTE_SHARE.json", control="T1", alpha=0.01)
    found = site.twin(path)["experiment"]
    assert (found["control"], found["alpha"]) == ("T1", 0.01)
    assert [each["low"] for each in found["effects"]] == [each.low for each in expected.effects]
    for path, status in (
        ("/experiments/nothing", 404),
        ("/experiments/TASTE_SHARE?control=T9", 404),
        ("/experiments/TASTE_SHARE?alpha=2", 400),
        ("/experiments/TASTE_SHARE?alpha=x", 400),
    ):
        assert site.ask(path).status == status


# Comparison


def test_the_comparison_is_that_of_diff(site: Site, sample: Built, other: Built) -> None:
    parts = site.twin("/compare.json")["parts"]
    expected = ubcf.diff(other.database, sample.database, k=50)
    assert list(parts) == list(expected)
    for name in ("counts", "changed_users"):
        assert [tuple(row.values()) for row in parts[name]] == expected[name].fetchall()
    html = site.page("/compare").html
    numbers = ("4,000", "40,000", "+36,000")
    assert all(f">{number}</td>" in html for number in numbers)


def test_the_comparison_says_in_words_how_much_changed(site: Site) -> None:
    text = site.page("/compare").text
    # Lists of 10 against lists of 100: the same first 10, a tenth of the first 100.
    assert "400 users are in both builds; of the first 10 tracks of a list, 100 % are the same" in (
        text.replace("\N{NO-BREAK SPACE}", " ")
    )
    assert "Rank-biased overlap is the share of two lists that is the same" in text
    assert "each track is among the first 10 of as many users as before" in text
    assert "popular tracks that fill up the lists" in text
    for raw in ("mean rbo", "overlap 10", "identical share", "e-0"):
        assert raw not in text


def test_a_build_that_is_compared_with_a_newer_one_says_so(
    site: Site, sample: Built, other: Built
) -> None:
    for path in ("/compare", "/users/7"):
        assert "is newer than the build that they show" in site.page(path).text
    with browsing(other.database, sample.database) as site_of_new:
        assert "is newer than" not in site_of_new.page("/compare").text


def test_without_another_build_the_page_says_how_to_compare(sample: Built) -> None:
    with browsing(sample.database) as site:
        assert "ubcf browse --against yesterday.duckdb" in site.page("/compare").text
        assert site.twin("/compare.json")["parts"] is None


# The API


def test_the_api_gives_the_stored_list(site: Site, sample: Built) -> None:
    expected = sample.rows('select track from recommendations where "user" = 7 order by rank')
    found = site.twin("/api/recommendations/7")
    assert [(row["track"],) for row in found["recommendations"]] == expected
    found = site.twin("/api/recommendations/7?top=3")
    assert [(row["track"],) for row in found["recommendations"]] == expected[:3]
    refused = site.ask("/api/recommendations/nobody")
    assert refused.status == 404
    assert refused.data["error"].startswith("no user 'nobody' in this database")


def test_the_api_recommends_to_a_history(site: Site, sample: Built) -> None:
    with ubcf.connect(sample.database) as connection:
        rows = ubcf.recommend(connection, {526: 1.0, 1406: 0.2}, top=3).fetchall()
    for history in (
        {"526": 1.0, "1406": 0.2},
        [{"track": 526, "time": 1.0}, {"track": 1406, "time": 0.2}],
    ):
        body = json.dumps({"history": history, "top": 3}).encode()
        received = site.ask("/api/recommend", method="POST", body=body)
        assert received.status == 200
        assert [tuple(row.values()) for row in received.data["recommendations"]] == rows


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "the body must be a JSON object with a history"),
        ("[]", "the body must be a JSON object with a history"),
        ('{"top": 3}', "the body must be a JSON object with a history"),
        ('{"history": {}}', "the history has no track in it"),
        ('{"history": 7}', "history: must be an object of time by track"),
        ('{"history": [[526, 1]]}', "history: must be an object of time by track"),
        ('{"history": {"526": 2}}', "track 526: time is 2; it must be a number from 0 to 1"),
        ('{"history": {"526": 1}, "top": 0}', "top: 0 is no number from 1 to 1,000"),
        ('{"history": {"526": 1}, "top": true}', "top: True is no number from 1 to 1,000"),
        ('{"history": {"526": 1}, "explain": 1}', "explain: 1 is neither true nor false"),
        ('{"history": {"526": 1}, "user": 7}', "the body has 'user'"),
        ("[" * 100_000, "the body must be a JSON object with a history"),
    ],
)
def test_the_api_says_what_is_wrong(body: str, reason: str, site: Site) -> None:
    received = site.ask("/api/recommend", method="POST", body=body.encode())
    assert received.status == 400
    assert received.data["error"].startswith(reason)


def test_the_schema_names_every_address_of_the_api(site: Site) -> None:
    schema = site.ask("/api").data
    assert schema["openapi"] == "3.1.0"
    assert set(schema["paths"]) == {
        page.path for page in site.answering.pages if page.path.startswith("/api/")
    }
    example = schema["paths"]["/api/recommend"]["post"]["requestBody"]["content"][
        "application/json"
    ]["example"]
    body = json.dumps(example).encode()
    found = site.ask("/api/recommend", method="POST", body=body).data["recommendations"]
    assert len(found) == 10
    documented = schema["paths"]["/api/recommend"]["post"]["responses"]["200"]["content"][
        "application/json"
    ]["schema"]["properties"]["recommendations"]["items"]["properties"]
    assert set(documented) == set(found[0])


# All of them


@pytest.mark.parametrize(
    "path",
    [
        "/experiments",
        "/experiments/TASTE_SHARE",
        "/analyses",
        "/analyses/similar_users?user=7",
        "/sql?q=from+users+limit+3",
        "/try?history=526+1%0A647+0.2",
        "/compare",
    ],
)
def test_pages_have_nothing_that_the_policy_refuses(path: str, site: Site) -> None:
    page = site.page(path)
    for tag, attributes in page.elements:
        assert "style" not in attributes
        assert tag not in ("style", "iframe", "object", "embed", "base")
        assert not [name for name in attributes if name.startswith("on")]
        if tag == "script":
            assert (attributes["src"] or "").startswith("/static/")
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    "path", ["/sql?q=select+1", "/try?history=526", "/analyses/top_tracks", "/compare"]
)
def test_another_site_may_not_have_it_computed(path: str, site: Site) -> None:
    headers = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    assert site.ask(path, headers).status == 403


def test_hostile_texts_are_texts(site: Site) -> None:
    text = "</script><script>alert(1)</script>\u202e\x1b[31m"
    for path in (
        at("/sql", q=f"select '{text}' as \"<b>\", '{text}' as track"),
        at("/try", history=f"{text} 1", q=text),
        at("/analyses/find_track", text=text),
    ):
        page = site.page(path)
        assert all(a.get("src") for tag, a in page.elements if tag == "script")
        assert not [tag for tag, _ in page.elements if tag == "b"]
