"""Pages and their JSON twins show what the analyses say, whatever the logs hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import ubcf
from tests.support.browsing import Content, Site, browsing
from tests.support.builds import Built, build_folder, build_sample
from tests.support.logs import log_line, write_log
from ubcf.scoring.options import PRESETS
from ubcf.web.addresses import encode_id
from ubcf.web.app import PAGES
from ubcf.web.page import rows_of

SCRIPT = "<script>alert(1)</script>"
RIGHT_TO_LEFT = "\u202egnirts desrever"
LONG = "long " * 3_000  # 15 kB
IDS = [
    "a/b",
    "..",
    ".",
    "a.json",
    "a",
    "100%",
    "%2e%2e",
    "~",
    "~41",
    " spaces ",
    "é ü 漢字 🎵",
    "q?x=1#y",
    "'; drop table users; --",
    '"><img src=x onerror=alert(1)>',
    SCRIPT,
    RIGHT_TO_LEFT,
    "tab\tline\nbell\x07",
    "x" * 3_000,
]


@pytest.fixture(scope="module")
def site(sample: Built) -> Iterator[Site]:
    """The pages about the sample."""
    with browsing(sample.database) as site:
        yield site


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The pages about logs and a catalog of somebody who means harm."""
    folder = tmp_path_factory.mktemp("hostile")
    lines = [
        log_line(user, track, time, experiments={SCRIPT: "T1"})
        for number, user in enumerate(IDS)
        for track, time in ((IDS[number - 1], 1.0), (IDS[number - 2], 0.2), ("a", 0.5))
    ]
    write_log(folder / "logs" / "data.json", lines)
    catalog = [
        log_line(None, track, None, artist=RIGHT_TO_LEFT, title=title, genre=SCRIPT)
        for track, title in zip(IDS, [SCRIPT, LONG, "\x1b[31mred\x00", *IDS], strict=False)
    ]
    (folder / "logs" / "tracks.json").write_text("\n".join(catalog))
    with browsing(build_folder(folder, ids="text").database) as site:
        yield site


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The pages about the sample by a walk, with an offset and an own liking."""
    folder = tmp_path_factory.mktemp("listening")
    with browsing(build_sample(folder, **PRESETS["listening"]).database) as site:
        yield site


def own_listening(listening: Site) -> tuple[dict[str, Any], Content]:
    """Why a user gets a track that the user liked: the data, and the page."""
    with listening.builds.current() as build, build.cursor() as connection:
        ((user, track),) = connection.execute(
            """
            select "user", track
            from recommendations
            inner join interactions using ("user", track)
            where source = 'neighbors' and rank = 1 and centered_time > 0.1
            order by score desc, "user"
            limit 1
            """
        ).fetchall()
    path = f"/users/{user}/tracks/{track}"
    return listening.twin(f"{path}.json"), listening.page(path)


def headings(html: str) -> list[str]:
    """The heads of the columns of the first table."""
    return re.findall(r"<th scope=\"col\"[^>]*>([^<]*)</th>", html.partition("</thead>")[0])


# What pages show


def test_the_first_page_has_the_figures_the_verdict_the_charts_and_the_experiments(
    site: Site,
) -> None:
    with site.builds.current() as build:
        overview = build.overview.result(120)
    page = site.page("/")
    assert "of 8,200 lines" in page.text
    assert overview.health.lines()[0] in page.text
    assert page.html.count("<svg") >= len(overview.charts)
    assert "<title>" in page.html.split("<svg", 1)[1]  # values on hover
    assert "TASTE_SHARE" in page.text
    data = site.twin("/index.json")
    assert data["figures"]["users"] == 400
    assert [chart["title"] for chart in data["charts"]] == [c.title for c in overview.charts]
    assert {each["name"] for each in data["experiments"]} == {"AA_CHECK", "TASTE_SHARE"}


def test_a_user_has_what_the_analyses_say(site: Site, sample: Built) -> None:
    data = site.twin("/users/287.json")
    with ubcf.connect(sample.database) as connection:
        for part, analysis in {
            "recommendations": "user_recommendations",
            "history": "user_history",
            "similar_users": "similar_users",
        }.items():
            rows = rows_of(ubcf.query(connection, analysis, user=287))
            assert [row.get("track", row.get("neighbor")) for row in data[part]] == [
                row.get("track", row.get("neighbor")) for row in rows
            ]
    page = site.page("/users/287")
    neighbors = [f"/users/{row['neighbor']}" for row in data["similar_users"]]
    assert set(neighbors) <= set(page.links("/users/"))
    whys = [f"/users/287/tracks/{row['track']}" for row in data["recommendations"]]
    assert set(whys) <= set(page.links("/users/287/tracks/"))
    assert "TASTE_SHARE: C" in page.text


def test_the_terms_of_an_explanation_sum_to_the_stored_score(site: Site, sample: Built) -> None:
    for user, track, score in sample.rows(
        'select "user", track, score from recommendations where rank in (1, 7, 100)'
        ' and "user" in (7, 251, 398)'
    ):
        data = site.twin(f"/users/{user}/tracks/{track}.json")
        total = sum(term["contribution"] for term in data["neighbors"]) + (data["rest"] or 0.0)
        assert total == pytest.approx(score, abs=1e-9)
        assert data["recommendation"]["score"] == score
        predicted = data["predicted"]
        if not predicted["is_cut"]:
            assert predicted["predicted_time"] == pytest.approx(
                predicted["expected_time"] + predicted["of_neighbors"]
            )


def test_an_explanation_shows_the_greatest_terms_and_one_sum_of_the_others(
    site: Site, sample: Built
) -> None:
    ((user, track),) = sample.rows(
        'select "user", track from recommendations order by score desc, "user" limit 1'
    )
    data = site.twin(f"/users/{user}/tracks/{track}.json")
    with ubcf.connect(sample.database) as connection:
        terms = rows_of(ubcf.explain(connection, user, track))
    shown = len(data["neighbors"])
    assert shown == 25 < len(terms)
    assert [t["neighbor"] for t in data["neighbors"]] == [t["neighbor"] for t in terms[:shown]]
    others = sum(term["contribution"] for term in terms[shown:])
    assert data["rest"] == pytest.approx(others, abs=1e-12)
    page = site.page(f"/users/{user}/tracks/{track}").text
    assert f"{len(terms):,} users compared with {user} heard it" in page
    assert f"{len(terms) - shown:,} others together" in page


def test_an_explanation_says_in_words_who_makes_the_score(site: Site) -> None:
    page = site.page("/users/287/tracks/109")
    data = site.twin("/users/287/tracks/109.json")
    assert data["rest"] is None
    count = len(data["neighbors"])
    assert count > 1
    assert f"{count} users compared with 287 heard it: together" in page.text
    assert f"together they make the score +{data['score']:.3f}." in page.text
    assert "Contribution: similarity times how much longer" in page.text
    assert headings(page.html) == ["Who heard it", "Similarity", "Beyond expected", "Contribution"]
    assert "random walk" not in page.text
    assert "offset" not in page.text


def test_the_weights_of_a_walk_are_not_called_similarities(listening: Site) -> None:
    data, page = own_listening(listening)
    assert headings(page.html) == [
        "Who heard it",
        "Weight",
        "Beyond expected + 0.25",
        "Contribution",
    ]
    assert f"a random walk of 4 steps from user {data['user']}, each to a similar user" in page.text
    assert "Contribution: weight times how much longer somebody heard it" in page.text
    others = [term for term in data["neighbors"] if term["counts_by"] == "neighbor"]
    count = f"{len(others)}{' and more' if data['rest'] is not None else ''}"
    assert f"{count} users like {data['user']} heard it, and the user heard it too" in page.text


def test_a_time_with_the_offset_agrees_with_the_page_of_the_track(listening: Site) -> None:
    data, _ = own_listening(listening)
    listeners = listening.twin(f"/tracks/{data['track']['track']}.json")["listeners"]
    beyond = {row["user"]: row["centered_time"] for row in listeners}
    compared = 0
    for term in data["neighbors"]:
        if term["neighbor"] in beyond:
            offset = 0.0 if term["counts_by"] == "own_liking" else 0.25
            assert term["centered_time"] == pytest.approx(beyond[term["neighbor"]] + offset)
            compared += 1
    assert compared >= 3


def test_what_the_user_heard_counts_by_the_walk_and_by_an_own_liking(listening: Site) -> None:
    data, page = own_listening(listening)
    own = {
        term["counts_by"]: term
        for term in data["neighbors"]
        if str(term["neighbor"]) == data["user"]
    }
    assert set(own) == {"walk", "own_liking"}
    assert own["own_liking"]["contribution"] == pytest.approx(
        0.03 * (own["walk"]["centered_time"] - 0.25)
    )
    below = r"<.*?<td colspan=\"4\" class=\"common\">(.*?)</td>"
    by_walk, by_liking = (
        re.search(f"the user, by {kind}{below}", page.html, re.S)
        for kind in ("the walk", "own liking")
    )
    assert by_walk is not None
    assert by_walk[1].startswith("the walk came back to the user")
    assert by_liking is not None
    assert "without the offset, counts 0.03 times" in by_liking[1]


def test_history_and_recommendations_say_how_many_of_how_many(site: Site) -> None:
    page = site.page("/users/287")
    data = site.twin("/users/287.json")
    assert f"All {data['profile']['events']} events." in page.text
    assert "All 100 of the list, which has 100 at most." in page.text


def test_a_track_that_nobody_near_heard_says_so(site: Site, sample: Built) -> None:
    ((track,),) = sample.rows("select track from tracks where plays = 0 limit 1")
    page = site.page(f"/users/7/tracks/{track}")
    assert "Score 0" in page.text
    assert "Nothing contributes to it" in page.text


def test_a_track_has_its_listeners_and_those_who_get_it(site: Site, sample: Built) -> None:
    data = site.twin("/tracks/109.json")
    assert len(data["listeners"]) == data["profile"]["listeners"]
    recipients = sample.rows(
        'select "user", rank from recommendations where track = 109 order by rank, score desc, '
        '"user" limit 50'
    )
    assert [(row["user"], row["rank"]) for row in data["recommended_to"]] == recipients
    both = sample.rows(
        """
        select count(*) from interactions as one
        inner join interactions as other on one."user" = other."user"
        where one.track = 109 and other.track = """
        + str(data["heard_together"][0]["track"])
    )
    assert [(data["heard_together"][0]["common_listeners"],)] == both
    assert sum(row["events"] for row in data["times"]) == data["profile"]["plays"]


# Lists


@pytest.mark.parametrize(
    "sort", ["events", "tracks", "mean_time", "positive_neighbors", "negative_neighbors"]
)
def test_users_are_sorted_in_both_directions(sort: str, site: Site, sample: Built) -> None:
    values = [value for (value,) in sample.rows(f"select {sort} from users order by 1")]
    up = site.twin(f"/users.json?sort={sort}&direction=asc")["rows"]
    down = site.twin(f"/users.json?sort={sort}")["rows"]
    assert [row[sort] for row in up] == values[:50]
    assert [row[sort] for row in down] == values[::-1][:50]


def test_pages_of_a_list_have_every_row_once(site: Site) -> None:
    pages = [site.twin(f"/users.json?page={page}") for page in range(1, 9)]
    assert {page["pages"] for page in pages} == {8}
    users = [row["user"] for page in pages for row in page["rows"]]
    assert sorted(users) == list(range(400))
    assert site.twin("/users.json?page=99")["rows"] == []


def test_a_user_is_found_by_the_first_digits(site: Site) -> None:
    found = [row["user"] for row in site.twin("/users.json?q=28&sort=user")["rows"]]
    assert found == [28, *range(280, 290)]
    assert "Nearest: 399" in site.page("/users?q=4000").text
    # The whole id goes first, whatever the order; if it is the only one found, its page is shown.
    assert site.twin("/users.json?q=28&sort=user&direction=desc")["rows"][0]["user"] == 28
    assert site.twin("/tracks.json?q=64&sort=plays")["rows"][0]["track"] == 64
    assert site.ask("/users?q=28").status == 200
    received = site.ask("/users?q=287")
    assert (received.status, received.headers["location"]) == (303, "/users/287")
    assert site.ask("/users?q=287&typing=yes").status == 200
    assert [row["user"] for row in site.twin("/users.json?q=287")["rows"]] == [287]


def test_a_track_is_found_by_title_artist_genre_and_id(site: Site, sample: Built) -> None:
    for text, condition in {
        "crooked WINDOWS": "title ilike '%crooked windows%'",
        "bralbek": "artist ilike '%bralbek%'",
        "electronic": "genre = 'electronic'",
        "64": "starts_with(cast(track as varchar), '64')",
    }.items():
        ((count,),) = sample.rows(f"select count(*) from tracks where {condition}")
        data = site.twin(f"/tracks.json?q={quote(text)}")
        assert data["found"] == count > 0
    assert "Similar names:" in site.page("/tracks?q=croked+wndows").text
    # The id of a track, and of no other.
    received = site.ask("/tracks?q=647")
    assert (received.status, received.headers["location"]) == (303, "/tracks/647")


# Addresses


def test_every_page_has_a_twin_that_it_links_to(site: Site) -> None:
    names = {"user": "7", "track": "526", "experiment": "AA_CHECK", "analysis": "top_tracks"}
    for page in PAGES:
        if page.template is None:
            continue
        path, twin = page.path.format(**names), page.twin.format(**names)
        assert site.page(path).links(twin) == [twin]
        assert site.twin(twin)["build"]["version"] == ubcf.__version__


def test_links_within_the_pages_lead_somewhere(site: Site) -> None:
    for path in ("/", "/users?q=1&sort=tracks", "/users/7", "/tracks/526"):
        links = site.page(path).links("/")
        for link in [*links[:12], *links[-8:]]:
            assert site.ask(link).status == 200, link


@pytest.mark.parametrize("name", IDS)
def test_an_id_of_any_text_has_a_page_and_a_twin(name: str, hostile: Site) -> None:
    path = f"/users/{encode_id(name)}"
    data = hostile.twin(f"{path}.json")
    assert data["profile"]["user"] == name
    whys = hostile.page(path).links(f"{path}/tracks/")
    assert len(whys) == len(data["recommendations"]) > 0
    assert hostile.twin(f"{whys[0]}.json")["user"] == name
    assert hostile.ask(whys[0]).status == 200
    assert hostile.twin(f"/tracks/{encode_id(name)}.json")["profile"]["track"] == name
    assert hostile.ask(f"/tracks/{encode_id(name)}").status == 200


@pytest.mark.parametrize("text", ["a", "%", "_", "'", "\\", SCRIPT, "É ü", "\u0000", "drop table"])
def test_a_text_is_searched_as_it_is(text: str, hostile: Site) -> None:
    found = {row["user"] for row in hostile.twin(f"/users.json?q={quote(text)}")["rows"]}
    assert found == {name for name in IDS if text.lower() in name.lower()}
    for kind in ("user", "track"):
        received = hostile.ask(f"/{kind}s?q={quote(text)}")
        ids = [row[kind] for row in hostile.twin(f"/{kind}s.json?q={quote(text)}")["rows"]]
        # The only one that is found by the whole id is shown at once.
        shown = f"/{kind}s/{encode_id(text)}" if ids == [text] else None
        assert received.headers.get("location") == shown
        assert received.status == (200 if shown is None else 303)


# Hostile logs


@pytest.mark.parametrize(
    "path", ["/", "/users", "/tracks", f"/users/{encode_id(SCRIPT)}", "/users/a/tracks/a"]
)
def test_texts_of_the_logs_stay_texts(path: str, hostile: Site) -> None:
    with hostile.builds.current() as build:
        build.overview.result(120)
    page = hostile.page(path)
    assert not [a for tag, a in page.elements if tag == "script" and "src" not in a]
    assert not [a for tag, a in page.elements if tag == "img"]
    assert not [a for _, a in page.elements if any(name.startswith("on") for name in a)]
    assert re.search(r"[\x00-\x08\x0b-\x1f\x7f\x9b]", page.html) is None
    assert len(page.html) < 300_000


def test_a_text_that_turns_around_is_kept_apart(hostile: Site) -> None:
    html = hostile.page("/tracks").html
    assert RIGHT_TO_LEFT in html
    for before in html.split(RIGHT_TO_LEFT)[:-1]:
        assert before.rstrip().endswith((">", '"', "“", "- ")) or before.rfind(
            "<bdi"
        ) > before.rfind("</bdi>")


def test_a_long_title_is_cut_on_the_page_and_whole_in_the_twin(hostile: Site) -> None:
    titles = [row["title"] for row in hostile.twin("/tracks.json")["rows"]]
    assert LONG in titles
    assert LONG not in hostile.page("/tracks").html


# Errors


def test_what_is_not_there_is_a_page_that_names_the_nearest(site: Site) -> None:
    received = site.ask("/users/4711")
    page = Content(received.text)
    assert received.status == 404
    assert "no user '4711' in this database Nearest: 399, 398, 397 Find a user by id" in page.text
    assert page.links("/users/") == ["/users/399", "/users/398", "/users/397"]
    assert "/users" in page.links()
    assert "Built on " in page.text
    twin = site.ask("/users/4711.json")
    assert (twin.status, list(twin.data)) == (404, ["error"])
    received = site.ask("/tracks/Second%20Engine")
    assert received.status == 404
    assert Content(received.text).links("/tracks/")[0] == "/tracks/526"
    assert "Gripash Radio - Second Engines" in received.text
    assert site.ask("/nowhere").status == 404
    assert "a slash is ~2F" in site.ask("/users/7/8").text


def test_a_slash_of_an_id_may_be_encoded_as_usual(hostile: Site) -> None:
    for path in ("/users/a%2Fb", "/users/a%2fb"):
        assert hostile.ask(path).body == hostile.ask("/users/a~2Fb").body
        assert hostile.twin(f"{path}.json")["profile"]["user"] == "a/b"
    assert hostile.twin("/users/a%2Fb/tracks/a%2Fb.json")["track"]["track"] == "a/b"
    assert hostile.ask("/static/..%2Fserver.py").status == 404


def test_a_user_without_logs_has_a_page(tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "data.json", [log_line(1, 10, 1.0), log_line(2, 20, 0.5)])
    (tmp_path / "users.txt").write_text("user\n9\n")
    built = build_folder(tmp_path, users=tmp_path / "users.txt")
    with browsing(built.database) as site:
        assert "The logs have no event of this user" in site.page("/users/9").text
        assert len(site.twin("/users/9.json")["recommendations"]) == 2
        assert site.ask("/users/9/tracks/10").status == 200
