"""In a browser: search a user, open, explain, follow a neighbor; with and without JavaScript."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.support.browsing import Site, browsing
from tests.support.builds import Built, build_sample
from tests.support.chromium import DESK, PHONE, chromium, set_screen

PAGES = ["/", "/users", "/users?q=28", "/users/287", "/users/287/tracks/109", "/tracks",
         "/tracks/109", "/users/4711"]  # fmt: skip

# Those that compute or ask, which axe-core looks at too.
ASKING = ["/experiments", "/experiments/TASTE_SHARE", "/analyses", "/analyses/similar_users?user=7",
          "/sql?q=from+users+limit+30", "/try?history=526+1%0A1406+0.2&q=windows&get=yes",
          "/compare"]  # fmt: skip

SECONDS = 60


@pytest.fixture(scope="module")
def site(sample: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The pages about the sample, compared with a build of its first four days."""
    folder = tmp_path_factory.mktemp("before")
    before = build_sample(folder, where='"timestamp" < 1708646400000')
    with browsing(sample.database, before.database) as site:
        with site.builds.current() as build:
            build.overview.result(120)
        yield site


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def page(browser: webdriver.Chrome, site: Site) -> Iterator[Callable[[str], None]]:
    """Opens a page on a desk; then the console has no error, and no other server was asked."""
    logs: Any = browser  # some of selenium has no types
    for log in ("browser", "performance"):
        logs.get_log(log)
    set_screen(browser, DESK)
    yield lambda path: browser.get(site.address + path)
    console = [entry["message"] for entry in logs.get_log("browser")]
    assert [text for text in console if "status of 404" not in text] == []
    messages = [json.loads(entry["message"])["message"] for entry in logs.get_log("performance")]
    requests = {
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
        and not message["params"]["documentURL"].startswith("chrome")
    }
    assert [url for url in requests if not url.startswith(site.address)] == []


def until(browser: webdriver.Chrome, condition: Callable[[], Any]) -> Any:
    """Waits until a condition holds, and returns what it returns."""
    ignored = [StaleElementReferenceException]
    return WebDriverWait(browser, SECONDS, 0.05, ignored).until(lambda _: condition())


def rows(browser: webdriver.Chrome, label: str) -> list[str]:
    """The texts of the rows of the table in the region of this name."""
    found = browser.find_elements(By.CSS_SELECTOR, f"[aria-label='{label}'] > table > tbody > tr")
    return [row.text for row in found]


def test_search_a_user_open_explain_and_follow_a_neighbor(
    browser: webdriver.Chrome, page: Callable[[str], None], site: Site
) -> None:
    page("/users")
    browser.find_element(By.ID, "q").send_keys("287")
    until(browser, lambda: len(rows(browser, "Users")) == 1)
    assert "q=287" in browser.current_url
    browser.find_element(By.LINK_TEXT, "287").click()
    until(browser, lambda: browser.find_element(By.TAG_NAME, "h1").text == "User 287")
    third = browser.find_elements(By.CSS_SELECTOR, "a.why-link")[2]
    third.click()
    opened = until(browser, lambda: browser.find_element(By.CSS_SELECTOR, "tr.opened"))
    data = site.twin("/users/287/tracks/109.json")
    assert f"Score +{data['score']:.4f}" in opened.text
    assert "in common: Bralbek - Crooked Windows" in opened.text
    assert third.get_attribute("aria-expanded") == "true"
    region = "document.querySelector('[aria-label=Recommendations]')"
    assert browser.execute_script(f"return {region}.scrollWidth - {region}.clientWidth") == 0
    neighbor = data["neighbors"][0]["neighbor"]
    opened.find_element(By.LINK_TEXT, str(neighbor)).click()
    until(browser, lambda: browser.find_element(By.TAG_NAME, "h1").text == f"User {neighbor}")


def test_an_explanation_closes_again(
    browser: webdriver.Chrome, page: Callable[[str], None]
) -> None:
    page("/users/287")
    first = browser.find_element(By.CSS_SELECTOR, "a.why-link")
    first.click()
    until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "tr.opened"))
    first.click()
    until(browser, lambda: not browser.find_elements(By.CSS_SELECTOR, "tr.opened"))
    assert browser.current_url.endswith("/users/287")


def test_an_explanation_is_whole_and_closes_by_the_keyboard(
    browser: webdriver.Chrome, page: Callable[[str], None]
) -> None:
    page("/users/287")
    # far down in a table that scrolls
    link = browser.find_elements(By.CSS_SELECTOR, "a.why-link")[60]
    for key in (Keys.ENTER, Keys.ESCAPE):
        link.send_keys(Keys.ENTER)
        opened = until(browser, lambda: browser.find_element(By.CSS_SELECTOR, "tr.opened"))
        region = "document.querySelector('[aria-label=Recommendations]')"
        assert browser.execute_script(f"return {region}.scrollHeight - {region}.clientHeight") == 0
        assert opened.find_element(By.CSS_SELECTOR, "tfoot, .predicted").is_displayed()
        whole = opened.find_element(By.LINK_TEXT, "Open as a page").get_attribute("href")
        assert whole == link.get_attribute("href")
        button = opened.find_element(By.CSS_SELECTOR, "button.close")
        assert button.text == "Close"
        button.send_keys(key)
        until(browser, lambda: not browser.find_elements(By.CSS_SELECTOR, "tr.opened"))
        assert browser.switch_to.active_element == link
        top = browser.execute_script("return arguments[0].getBoundingClientRect().top", link)
        assert 0 <= top < 900


def test_a_table_sorts_while_an_explanation_is_open(
    browser: webdriver.Chrome, page: Callable[[str], None]
) -> None:
    page("/users/287")
    browser.find_element(By.CSS_SELECTOR, "a.why-link").click()
    until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "tr.opened"))
    browser.find_element(By.XPATH, "//th/button[contains(., 'Rank')]").click()
    assert rows(browser, "Recommendations")[0].startswith("100 ")
    assert browser.find_elements(By.CSS_SELECTOR, "tr.opened") == []


def test_the_columns_that_matter_are_in_view_on_a_phone(
    browser: webdriver.Chrome, page: Callable[[str], None]
) -> None:
    for path in ("/users/287", "/users/287/tracks/109", "/experiments/TASTE_SHARE"):
        set_screen(browser, PHONE)
        page(path)
        assert browser.execute_script(
            "return [...document.querySelectorAll('.scroll, nav ul')]"
            ".filter(each => each.scrollWidth > each.clientWidth)"
            ".map(each => each.ariaLabel)"
        ) == [], path  # fmt: skip


def test_similar_users_have_a_visible_head_over_each_visible_cell_on_a_phone(
    browser: webdriver.Chrome, page: Callable[[str], None]
) -> None:
    set_screen(browser, PHONE)
    page("/users/287")
    for width, columns in ((PHONE, 5), (DESK, 6)):
        set_screen(browser, width)
        head, first = browser.find_elements(By.CSS_SELECTOR, ".similar tr")[:2]
        for row in (head, first):
            cells = row.find_elements(By.CSS_SELECTOR, "th, td")
            assert sum(cell.is_displayed() for cell in cells) == columns


def test_every_button_that_sorts_has_visible_words(
    browser: webdriver.Chrome, page: Callable[[str], None]
) -> None:
    for path in ("/users/287", "/tracks/109"):
        page(path)
        heads = browser.find_elements(By.CSS_SELECTOR, "th > button")
        assert heads
        assert [head.text for head in heads if head.find_elements(By.CLASS_NAME, "unseen")] == []
        assert all(head.text.strip() for head in heads)


def test_tables_sort_by_a_click_and_lists_by_a_link(
    browser: webdriver.Chrome, page: Callable[[str], None]
) -> None:
    page("/tracks")
    browser.find_element(By.LINK_TEXT, "Artist").click()
    until(browser, lambda: "sort=artist" in browser.current_url)
    artists = [
        cell.text for cell in browser.find_elements(By.CSS_SELECTOR, "#results td:nth-child(2)")
    ]
    assert artists == sorted(artists, key=str.lower)
    page("/users/287")
    head = "//*[@aria-label='Similar users']//th/button[contains(., 'Events')]"
    browser.find_element(By.XPATH, head).click()
    events = [int(row.split()[-1]) for row in rows(browser, "Similar users")]
    assert events == sorted(events, reverse=True)


def test_the_keyboard_alone_reaches_an_explanation(
    browser: webdriver.Chrome, page: Callable[[str], None]
) -> None:
    page("/users?q=28")
    for text in ("287", "why"):
        for _ in range(60):
            browser.switch_to.active_element.send_keys(Keys.TAB)
            if browser.switch_to.active_element.text == text:
                break
        assert browser.switch_to.active_element.text == text
        browser.switch_to.active_element.send_keys(Keys.ENTER)
        if text == "287":
            until(browser, lambda: browser.find_element(By.TAG_NAME, "h1").text == "User 287")
    until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "tr.opened"))


def test_the_keyboard_reaches_every_link_button_and_field(
    browser: webdriver.Chrome, page: Callable[[str], None]
) -> None:
    # pages with few of them, since each takes a key
    for path in ("/users/287/tracks/109", "/sql?q=from+users+limit+2", "/try?history=526+1&q=64"):
        page(path)
        wanted = browser.execute_script(
            "window.met = new Set(); document.addEventListener('focusin', e => met.add(e.target));"
            "window.wanted = [...document.querySelectorAll("
            "'a[href], button, input, textarea, select, summary, [tabindex=\"0\"]')]"
            ".filter(each => each.checkVisibility() && each.type !== 'hidden');"
            "return wanted.length"
        )
        keys = webdriver.ActionChains(browser, duration=0)
        for _ in range(wanted + 5):
            keys.send_keys(Keys.TAB)
        keys.perform()
        missed = browser.execute_script(
            "return wanted.filter(each => !met.has(each)).map(each => each.outerHTML.slice(0, 99))"
        )
        assert missed == [], path


def test_everything_works_without_javascript(
    browser: webdriver.Chrome, page: Callable[[str], None]
) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page("/")
        field = browser.find_element(By.ID, "q")
        field.send_keys("28" + Keys.ENTER)
        until(browser, lambda: len(rows(browser, "Users")) == 11)
        browser.find_element(By.LINK_TEXT, "287").click()
        until(browser, lambda: len(rows(browser, "Recommendations")) == 100)
        browser.find_elements(By.CSS_SELECTOR, "a.why-link")[2].click()
        until(browser, lambda: "/users/287/tracks/109" in browser.current_url)
        assert "Score +0.4092" in browser.find_element(By.ID, "explanation").text
        browser.find_element(By.CSS_SELECTOR, "#explanation a.id").click()
        until(browser, lambda: "User 159" in browser.find_element(By.TAG_NAME, "h1").text)
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_no_page_is_wider_than_the_screen(
    width: int, scheme: str, browser: webdriver.Chrome, page: Callable[[str], None]
) -> None:
    for path in PAGES:
        set_screen(browser, width, scheme)
        page(path)
        assert browser.execute_script(
            "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        ), path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_keeps_anybody_out(
    scheme: str, browser: webdriver.Chrome, page: Callable[[str], None]
) -> None:
    """By axe-core: no violation of level A or AA of the guidelines for accessibility (WCAG)."""
    script = os.environ.get("UBCF_TEST_AXE")
    if script is None:
        pytest.skip("needs UBCF_TEST_AXE, the path of axe.min.js of axe-core")
    source = Path(script).read_text(encoding="utf-8")
    found = {}
    for path in (*PAGES, *ASKING):
        for width in (PHONE, DESK):
            set_screen(browser, width, scheme)
            page(path)
            browser.execute_script(
                "document.querySelectorAll('details').forEach(d => d.open = true)"
            )
            if path == "/users/287":
                browser.find_element(By.CSS_SELECTOR, "a.why-link").click()
                until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "tr.opened"))
            browser.execute_script(source)
            violations = browser.execute_async_script(
                """
                const done = arguments[arguments.length - 1];
                const values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
                axe.run(document, { runOnly: { type: "tag", values } }).then((result) => done(
                  result.violations.map((each) => [each.id, each.nodes.map((node) => node.html)])
                ));
                """
            )
            if violations:
                found[f"{path} at {width}"] = violations
    assert found == {}
