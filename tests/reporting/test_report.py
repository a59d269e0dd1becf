"""The report is one page that a browser shows without the network, whatever is in the database."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import ubcf
from tests.promises.test_worked_example import LINES
from tests.support.builds import Built, build_folder, build_in, build_sample
from tests.support.chromium import DESK, PHONE, chromium, open_page
from tests.support.commands import call_ubcf, run_ubcf
from tests.support.logs import log_line, write_log
from tests.support.overlays import build_ratings
from tests.support.paths import PROJECT, REAL_LOGS
from ubcf.errors import NotFoundError, OptionError
from ubcf.reporting.page import write_report

Build = Callable[..., Built]

CHARTS = 9
LARGEST_PAGE = 2_000_000

# Elements without an end tag.
VOID = {"meta", "link", "br", "img", "use", "path", "rect"}


class Page(HTMLParser):
    """The elements of a page with their attributes, and their texts."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.html = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def values(self, attribute: str) -> list[str]:
        return [value for _, a in self.elements if (value := a.get(attribute)) is not None]


def report(built: Built, *users: Any, name: str = "report.html") -> Page:
    """Writes the page about a build and reads it."""
    with ubcf.connect(built.database) as connection:
        summary = write_report(connection, built.folder / name, users)
    page = Page(built.folder / name)
    assert summary.bytes == len(page.html.encode())
    return page


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A build of the worked example; no test may change it."""
    folder = tmp_path_factory.mktemp("worked")
    write_log(folder / "logs" / "data.json", LINES)
    return build_folder(folder)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A build of the sample, which has two experiments and a catalog, and its page."""
    built = build_sample(tmp_path_factory.mktemp("sample"))
    report(built)
    return built


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A headless chromium."""
    with chromium(tmp_path_factory.mktemp("chromium")) as chrome:
        yield chrome


def show(
    browser: webdriver.Chrome, page: Path, width: int = DESK, scheme: str = "light"
) -> tuple[list[str], list[Any]]:
    """Opens a page; returns the requested addresses and what the console shows."""
    return open_page(browser, page.as_uri(), width, scheme)


# The verdict


def test_the_page_begins_with_the_verdict_of_check(sample: Built, tmp_path: Path) -> None:
    line = "healthy: 14 checks ran; not checked: age, build_age"
    texts = Page(sample.folder / "report.html").texts
    assert line in texts[: texts.index("The build")]
    done = call_ubcf("check", "-d", sample.database, cwd=tmp_path)
    assert done.stdout == f"{line}\n"


def test_the_page_begins_with_the_findings_of_check(tmp_path: Path) -> None:
    write_log(tmp_path / "logs" / "a" / "data.json", [("<b>7", 1, 1.0), ("<b>7", 2, 0.0)])
    built = build_folder(tmp_path)
    page = report(built)
    head = " ".join(page.texts[: page.texts.index("The build")])
    done = call_ubcf("check", cwd=tmp_path)
    assert done.returncode == 3
    names = []
    for line in done.stdout.splitlines():
        name, _, sentence = line.partition(": ")
        assert f"{name} : {sentence}" in head
        names.append(name)
    assert names == ["user_share", "track_share", "unscored_users", "filler"]
    assert "user <b>7 has 2 of 2 events (100 %); at most 10 % is healthy" in head
    assert "not healthy" in head


def test_the_verdict_of_the_page_is_by_the_settings_of_check(sample: Built, tmp_path: Path) -> None:
    settings = "[check]\nmax-user-share = 0.01\nmax-build-age = '0m'\nagainst = 'nowhere.duckdb'\n"
    (tmp_path / "ubcf.toml").write_text(settings)
    environment = {"UBCF_CHECK_MIN_COVERAGE": "1"}
    command = ("report", "-q", "-d", sample.database)
    done = run_ubcf(*command, cwd=tmp_path, environment=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    texts = Page(tmp_path / "report.html").texts
    head = texts[: texts.index("All checks")]
    assert head[head.index("not healthy") + 1 :: 2] == ["user_share", "coverage"]
    assert ": user 398 has 360 of 8,200 events (4.39 %); at most 1 % is healthy" in head


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_verdict_is_legible_in_light_and_dark(
    sample: Built, browser: webdriver.Chrome, scheme: str
) -> None:
    show(browser, sample.folder / "report.html", scheme=scheme)
    colors = [
        browser.execute_script(
            f"return getComputedStyle(document.querySelector('{selector}')).{style}"
        )
        for selector, style in ((".verdict p", "color"), (".top", "backgroundColor"))
    ]
    assert contrast(*colors) >= 4.5  # as WCAG 2 asks for
    assert browser.find_element(By.CSS_SELECTOR, ".verdict p").is_displayed()
    item = browser.find_element(By.CSS_SELECTOR, ".verdict li")
    assert not item.is_displayed()
    browser.find_element(By.CSS_SELECTOR, ".verdict summary").click()
    assert item.text == (
        "rejected_lines: 0 of 8,200 lines (0 %) were rejected; at most 0.5 % is healthy"
    )


def contrast(*colors: str) -> float:
    """The contrast of two colors, such as rgb(29, 112, 68), by WCAG 2."""
    lights = sorted(
        sum(
            weight * (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
            for weight, part in zip(
                (0.2126, 0.7152, 0.0722),
                (int(value) / 255 for value in re.findall(r"\d+", color)[:3]),
                strict=True,
            )
        )
        for color in colors
    )
    return (lights[1] + 0.05) / (lights[0] + 0.05)


# In a browser


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_loads_nothing_logs_nothing_and_fits(
    sample: Built, browser: webdriver.Chrome, width: int, scheme: str
) -> None:
    page = sample.folder / "report.html"
    requests, console = show(browser, page, width, scheme)
    others = [url for url in requests if not url.startswith("data:")]
    assert others == [page.as_uri()]
    assert console == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    # Texts of charts are of the page's color: dark on light, or light on dark.
    color = browser.execute_script(
        "return getComputedStyle(document.querySelector('#charts svg text')).fill"
    )
    brightness = sum(map(int, re.findall(r"\d+", color)[:3])) / 3
    assert brightness < 128 if scheme == "light" else brightness > 128


def test_a_click_on_a_recommendation_shows_the_neighbors_that_explain_it(
    sample: Built, browser: webdriver.Chrome
) -> None:
    show(browser, sample.folder / "report.html")
    recommendation = browser.find_element(By.CSS_SELECTOR, "#users li details")
    rows = recommendation.find_elements(By.CSS_SELECTOR, ".neighbor")
    assert not rows[0].is_displayed()
    recommendation.find_element(By.TAG_NAME, "summary").click()
    assert rows[0].is_displayed()
    neighbors = [row.find_element(By.TAG_NAME, "td").text for row in rows]

    heading = browser.find_element(By.CSS_SELECTOR, "#users h3").text
    user = int(heading.removeprefix("User "))
    ((track,),) = sample.rows(
        f'select track from recommendations where "user" = {user} and rank = 1'
    )
    with ubcf.connect(sample.database) as connection:
        explanation = ubcf.explain(connection, user, track).fetchall()
    assert neighbors == [str(row[0]) for row in explanation[: len(neighbors)]]
    assert len(neighbors) == min(5, len(explanation))
    score = sum(row[-1] for row in explanation)
    total = recommendation.find_elements(By.CSS_SELECTOR, "tfoot tr")[-1].text
    assert total == f"Score {score:+.4f}"


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_opened_recommendations_have_no_horizontal_scroll_bar(
    sample: Built, browser: webdriver.Chrome, width: int
) -> None:
    show(browser, sample.folder / "report.html", width)
    beyond = browser.execute_script(
        "for (const each of document.querySelectorAll('.list details')) each.open = true;"
        "return [...document.querySelectorAll('.list, .why .scroll, .scroll:has(.list)')]"
        ".map((each) => each.scrollWidth - each.clientWidth)"
    )
    assert len(beyond) > 100
    assert max(beyond) <= 0


def test_times_on_a_phone_take_two_lines(sample: Built, browser: webdriver.Chrome) -> None:
    show(browser, sample.folder / "report.html", PHONE)
    lines = browser.execute_script(
        "return [...document.querySelectorAll('.date')].map((cell) => {"
        " const range = document.createRange(); range.selectNodeContents(cell);"
        " return new Set([...range.getClientRects()].map((each) => each.top)).size })"
    )
    assert len(lines) > 100
    assert set(lines) == {2}


def test_a_chart_shows_the_value_under_the_pointer(
    sample: Built, browser: webdriver.Chrome
) -> None:
    show(browser, sample.folder / "report.html")
    texts = browser.execute_script(
        "const chart = document.querySelector('#hours-title + [role=img] svg');"
        "chart.scrollIntoView({ block: 'center' });"
        "const box = chart.getBoundingClientRect();"
        # From left to right, halfway up.
        "return [...Array(100).keys()].map((part) => document.elementFromPoint("
        " box.left + box.width * (part + 0.5) / 100, box.top + box.height / 2))"
        ".map((each) => each.querySelector(':scope > title')?.textContent)"
    )
    rows = sample.rows(
        'select hour(timestamp), count(*), count(distinct "user") from events group by 1 order by 1'
    )
    assert [text for text in dict.fromkeys(texts) if text is not None] == [
        f"{hour:02d}:00: {events:,} events of {users:,} users" for hour, events, users in rows
    ]


def test_a_table_is_sorted_by_click_and_by_key(sample: Built, browser: webdriver.Chrome) -> None:
    show(browser, sample.folder / "report.html")
    table = browser.find_element(By.CSS_SELECTOR, "#tracks table")
    (head,) = (h for h in table.find_elements(By.TAG_NAME, "th") if "Mean rank" in h.text)

    def column() -> list[float]:
        cells = table.find_elements(By.CSS_SELECTOR, "tbody td:nth-child(7)")
        return [float(cell.text) for cell in cells]

    ranks = column()
    assert ranks not in (sorted(ranks), sorted(ranks, reverse=True))
    button = head.find_element(By.TAG_NAME, "button")
    button.click()
    assert (column(), head.get_attribute("aria-sort")) == (
        sorted(ranks, reverse=True),
        "descending",
    )
    button.send_keys(Keys.ENTER)
    assert (column(), head.get_attribute("aria-sort")) == (sorted(ranks), "ascending")
    # Names are sorted as texts.
    table.find_element(By.CSS_SELECTOR, "th button").click()
    names = [cell.text for cell in table.find_elements(By.CSS_SELECTOR, "tbody td:first-child")]
    assert names == sorted(names)
    assert head.get_attribute("aria-sort") is None


HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "</style>{{ 7 * 7 }}"]
HOSTILE_EXPERIMENT = (
    {"</svg><script>alert(3)</script>": "C"},
    {"</svg><script>alert(3)</script>": "--><b>$\\frac$"},
)


def test_what_looks_like_html_is_text(
    build_from: Build, tmp_path: Path, browser: webdriver.Chrome
) -> None:
    catalog = write_log(
        tmp_path / "tracks.json",
        [
            json.dumps({"track": track, "title": title, "artist": HOSTILE[1]})
            for track, title in enumerate(HOSTILE)
        ],
    )
    lines = [
        log_line(user, track, (user * 3 + track * 7) % 10 / 10, experiments=experiments)
        for user in range(8)
        for track in range(3)
        for experiments in [HOSTILE_EXPERIMENT[user % 2]]
    ]
    built = build_from([*lines, "<script>alert(4)</script>"], catalog=catalog, max_rejected=1.0)
    page = report(built)
    assert len(page.named("script")) == 1
    assert page.named("img") == page.named("b") == []
    assert set(HOSTILE) <= set(page.texts)
    assert "<script>alert(4)</script>" in page.texts
    assert not [name for _, attributes in page.elements for name in attributes if name == "onerror"]
    # The chart names the arm too, as it is.
    assert sum("--><b>$\\frac$" in text for text in page.texts) > 2

    _, console = show(browser, built.folder / "report.html")
    assert console == []
    assert len(browser.find_elements(By.TAG_NAME, "script")) == 1
    assert HOSTILE[0] in browser.find_element(By.ID, "tracks").text


# The page itself


def test_every_chart_is_described_in_words(sample: Built) -> None:
    page = Page(sample.folder / "report.html")
    images = [a for _, a in page.elements if a.get("role") == "img"]
    assert len(images) == len(page.named("svg")) == CHARTS + 2
    texts = " ".join(page.texts)
    for image in images:
        label = image["aria-label"] or ""
        subject, _, finding = label.partition(": ")
        assert subject.startswith("Chart, ")
        assert finding in texts
    assert "Chart, events per user: Half of the users have 14 events or fewer" in page.html


def test_ids_are_unique_and_references_lead_to_them(sample: Built) -> None:
    page = Page(sample.folder / "report.html")
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    pointed = [value for value in page.values("href") if value.startswith("#")]
    pointed += [f"#{name}" for name in re.findall(r"url\(#([^)]+)\)", page.html)]
    pointed += [f"#{name}" for name in page.values("aria-labelledby")]
    assert {name.removeprefix("#") for name in pointed} <= set(ids)
    # Anything that the page loads would be named by one of these.
    assert page.values("src") == []
    assert all(value.startswith(("#", "data:")) for value in page.values("href"))
    # The charts take their colors from the page.
    drawings = "".join(re.findall(r"<svg viewBox.*?</svg>", page.html, flags=re.DOTALL))
    assert set(re.findall(r"#[0-9a-f]{6}\b", drawings)) == set()


def test_the_same_database_gives_the_same_bytes(sample: Built, tmp_path: Path) -> None:
    """Whatever the order of sets, and whatever style of charts the user has configured."""
    (tmp_path / "matplotlibrc").write_text("font.size: 30\naxes.facecolor: red\n")
    done = run_ubcf(
        *("report", "-d", sample.database, "-o", "page.html"),
        cwd=tmp_path,
        environment={"PYTHONHASHSEED": "1", "MATPLOTLIBRC": str(tmp_path / "matplotlibrc")},
    )
    assert (done.returncode, done.stderr) == (0, "")
    page = (tmp_path / "page.html").read_bytes()
    assert page == (sample.folder / "report.html").read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(not REAL_LOGS.is_dir(), reason="needs the real logs")
def test_on_real_logs_the_page_is_under_2_mb(tmp_path: Path) -> None:
    page = report(build_in(tmp_path, REAL_LOGS / "stickyartist-2024"))
    assert len(page.html.encode()) < LARGEST_PAGE


def test_the_worked_example(worked: Built) -> None:
    """User 2 has the most events; 1 and 3 have two, the median, and 1 is the smaller id.

    2 and 3 have two tracks with a positive score each, and 3 fewer events than 2.
    """
    page = report(worked)
    texts = page.texts
    users = [text for text in texts if text.startswith("User ")]
    assert users == ["User 2", "User 3"]
    assert texts[texts.index("User 3") + 1 :][:2] == ["typical", "cold"]
    assert "The logs name no experiment." in texts
    assert "Events over time" in texts
    assert "Half of the users have 2 events or fewer; the most active user has 4." in texts
    # Of user 2's first recommendation, 40: -0.4 * 0.1 + 0.5 * 0.2 = 0.06
    start = texts.index("Recommendations, best first")
    assert texts[start + 1 :][:3] == ["1", "Track 40", "0.0600"]
    assert texts[start + 4].startswith("2 neighbors contribute: ")


# Small and unusual databases


def test_one_user_and_one_track_make_a_page(build_from: Build) -> None:
    page = report(build_from([(1, 10, 0.5)]))
    assert "No neighbor with a similarity above 0 is stored." in page.texts
    assert page.texts.count("User 1") == 1
    assert {"heavy", "typical", "cold"} <= set(page.texts)
    assert any(text.startswith("No neighbor contributes to the score.") for text in page.texts)


def test_equal_times_make_a_page(build_from: Build) -> None:
    """All times are equal: no similarity, no score, nothing to divide by."""
    page = report(build_from([(user, track, 0.0) for user in range(3) for track in range(3)]))
    assert "No neighbor with a similarity above 0 is stored." in page.texts


@pytest.mark.parametrize(
    ("times", "sign"),
    [([(1, 1, 1.0), (1, 2, 0.0)] * 2, "positive"), ([(1, 1, 1.0), (1, 2, 0.0)], "negative")],
)
def test_neighbors_of_one_sign_only_make_a_page(
    build_from: Build, times: list[tuple[int, int, float]], sign: str
) -> None:
    """User 2 likes what user 1 likes, or the opposite."""
    other = [(2, track, time if sign == "positive" else 1 - time) for _, track, time in times]
    built = build_from([*times, *other])
    assert built.rows("select max(positive_neighbors), max(negative_neighbors) from users") == [
        (1, 0) if sign == "positive" else (0, 1)
    ]
    page = report(built)
    # All events are of one hour of the day, which needs no chart.
    assert len(page.named("svg")) == (CHARTS - 1 if sign == "positive" else CHARTS - 2)


def test_logs_with_text_ids_and_without_timestamps_make_a_page(tmp_path: Path) -> None:
    built = build_ratings(tmp_path)
    page = report(built, 'x"y', "zoë \\ 🎵")
    assert "The events have no timestamps." in page.texts
    assert [text for text in page.texts if text.startswith("User ")][:2] == [
        'User x"y',
        "User zoë \\ 🎵",
    ]
    assert "Time, UTC" not in page.texts


# The command


def test_the_command_writes_the_page_and_reports_it(sample: Built, tmp_path: Path) -> None:
    done = call_ubcf("report", "-d", sample.database, "--user", 7, "-u", "12", cwd=tmp_path)
    page = Page(tmp_path / "report.html")
    size = len(page.html.encode())
    users = [text.removeprefix("User ") for text in page.texts if text.startswith("User ")]
    assert users[:2] == ["7", "12"]
    assert page.texts[page.texts.index("User 7") + 1] == "asked for"
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        f"report.html: {size:,} bytes, users in full: {', '.join(users)}\n",
        "",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_page_that_cannot_be_made_leaves_the_previous_one(
    build_from: Build, tmp_path: Path
) -> None:
    built = build_from(LINES)
    old = tmp_path / "report.html"
    old.write_text("<title>Recommendations of Monday</title>")
    before = set(tmp_path.iterdir())
    unknown = call_ubcf("report", "--user", "9", cwd=tmp_path)
    assert (unknown.returncode, unknown.stdout, unknown.stderr) == (
        1,
        "",
        "ubcf: error: no user '9' in this database; nearest: 3, 2, 1\n",
    )
    nowhere = call_ubcf("report", "-o", "nowhere/report.html", cwd=tmp_path)
    assert nowhere.returncode == 2
    assert nowhere.stderr.endswith("nowhere does not exist\n")
    with ubcf.connect(built.database) as connection:
        with pytest.raises(OptionError, match="is a folder"):
            write_report(connection, tmp_path / "logs")
        with pytest.raises(NotFoundError, match="no user 'x'"):
            write_report(connection, old, ["1", "x"])
    assert old.read_text() == "<title>Recommendations of Monday</title>"
    assert set(tmp_path.iterdir()) == before


def test_without_matplotlib_one_line_says_how_to_install_it(
    build_from: Build, tmp_path: Path
) -> None:
    build_from(LINES)
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "matplotlib.py").write_text("raise ImportError('no matplotlib here')\n")
    paths = os.pathsep.join([str(blocked), str(PROJECT)])
    done = run_ubcf("report", cwd=tmp_path, environment={"PYTHONPATH": paths})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "ubcf: error: the report needs matplotlib (no matplotlib here); "
        "install it by: pip install 'ubcf[report]'\n"
    )
    assert not (tmp_path / "report.html").exists()


# The analyses behind it, on the worked example


@pytest.mark.parametrize(
    ("name", "columns", "expected"),
    [
        (
            "events_per_user",
            "*",
            [(2, 2, round(2 / 3, 12), 0.5), (4, 1, 1.0, 1.0)],
        ),
        (
            "listening_time where events > 0",
            "from_time, to_time, events, share_of_events",
            [
                (0.0, 0.05, 1, 0.125),
                (0.2, 0.25, 2, 0.25),
                (0.4, 0.45, 2, 0.25),
                (0.8, 0.85, 2, 0.25),
                (0.95, 1.0, 1, 0.125),
            ],
        ),
        (
            "neighbors_per_user",
            "*",
            [
                ("positive", 1, 2, round(2 / 3, 12)),
                ("positive", 2, 1, 1.0),
                ("negative", 0, 1, round(1 / 3, 12)),
                ("negative", 1, 2, 1.0),
            ],
        ),
        # 1 and 3, 2 and 3, both ways: 0.5; user 3 has two such neighbors, one is the nearest.
        ("similarity_distribution where neighbors > 0", "*", [(0.5, 0.52, 4, 3)]),
        # Scores at rank 1: 0.12, 0.06, 0.15; at rank 4: -0.16, -0.10, -0.25.
        (
            "score_by_rank where rank in (1, 4)",
            "rank, users, low, median, high, share_positive, share_from_neighbors, share_tail",
            [(1, 3, 0.072, 0.12, 0.144, 1.0, 1.0, 0), (4, 3, -0.232, -0.16, -0.112, 0, 0, 1.0)],
        ),
        # Of 3.8 tracks' time in all, the four by popularity have 2.0, 1.2, 0.4 and 0.2; of the 7
        # recommendations from neighbors, 2, 3, 1 and 1.
        (
            "recommendations_by_popularity",
            "*",
            [
                (1, 0.25, 0.25, round(2 / 7, 12), round(2 / 3.8, 12)),
                (2, 0.5, 0.5, round(5 / 7, 12), round(3.2 / 3.8, 12)),
                (3, 0.75, 0.75, round(6 / 7, 12), round(3.6 / 3.8, 12)),
                (4, 1.0, 1.0, 1.0, 1.0),
            ],
        ),
        # First come 10, 40 and 20; 30 comes third in the list of user 1.
        (
            "coverage_curve",
            "*",
            [
                (n, tracks, tracks / 4, tracks, tracks / 4)
                for n, tracks in enumerate([3, 3, 4, 4], 1)
            ],
        ),
        # All four are in all lists; 20 at ranks 4, 2 and 1, below 0 for user 1.
        (
            "most_recommended_tracks",
            "track, users, users_from_neighbors, share_of_users, users_in_top_10, mean_rank",
            [
                (40, 3, 3, 1.0, 3, round(5 / 3, 12)),
                (20, 3, 2, round(2 / 3, 12), 3, round(7 / 3, 12)),
                (30, 3, 1, round(1 / 3, 12), 3, round(11 / 3, 12)),
                (10, 3, 1, round(1 / 3, 12), 3, round(7 / 3, 12)),
            ],
        ),
        (
            "example_users",
            'kind, "user", events, positive_scores',
            [("heavy", 2, 4, 2), ("typical", 3, 2, 2), ("cold", 3, 2, 2)],
        ),
    ],
    ids=lambda value: value.split()[0] if isinstance(value, str) else "",
)
def test_an_analysis_of_the_worked_example(
    worked: Built, name: str, columns: str, expected: list[tuple[Any, ...]]
) -> None:
    name, _, condition = name.partition(" where ")
    with ubcf.connect(worked.database) as connection:
        relation = ubcf.query(connection, name)
        if condition:
            relation = relation.filter(condition)
        assert [
            tuple(round(value, 12) if isinstance(value, float) else value for value in row)
            for row in relation.project(columns).fetchall()
        ] == expected


def test_each_recommendation_is_explained_as_explain_does(sample: Built) -> None:
    with ubcf.connect(sample.database) as connection:
        for user in (398, 348):
            rows = ubcf.query(
                connection, "explained_recommendations", user=user, k=1_000_000
            ).project(
                "track, neighbor, similarity, common_tracks, tracks_in_common, centered_time,"
                " contribution, neighbors"
            )
            by_track: dict[Any, list[Any]] = {}
            for row in rows.fetchall():
                by_track.setdefault(row[0], []).append(row)
            assert len(by_track) == 100
            for track in list(by_track)[::20]:
                explanation = ubcf.explain(connection, user, track).fetchall()
                assert by_track[track] == [
                    (
                        track,
                        neighbor,
                        similarity,
                        len(tracks),
                        tracks[:3],
                        centered_time,
                        contribution,
                        len(explanation),
                    )
                    for neighbor, similarity, tracks, _, centered_time, contribution in explanation
                ]


def test_the_report_says_in_words_what_comes_from_neighbors(worked: Built) -> None:
    page = report(worked)
    text = " ".join(page.texts).replace("\N{NO-BREAK SPACE}", " ")
    # The worked example: 7 of 12 recommendations, 6 of the 8 of the tracks 20 and 40 among them.
    assert "From neighbors 58 % of the recommendations, 58 % of ranks 1 to 10" in text
    assert (
        "At rank 4, 0 % of the users have a recommendation from neighbors, "
        "100 % a track that neighbors speak against (below 0)." in text
    )
    assert "The 4 tracks that neighbors bring into the most lists" in text


def test_a_time_after_the_year_9999_makes_a_page(tmp_path: Path) -> None:
    lines = [
        log_line(user, track, 0.1 * user, timestamp=1_700_000_000_000_000 + user)
        for user in range(5)
        for track in range(4)
    ]
    write_log(tmp_path / "logs" / "data.json", lines)
    build_folder(tmp_path)
    done = call_ubcf("report", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
