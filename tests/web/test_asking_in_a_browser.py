"""What people do in a browser: run an analysis and SQL, stop it, download, try a history."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.support.browsing import Site, browsing
from tests.support.builds import Built
from tests.support.chromium import DESK, PHONE, chromium, open_page

ENDLESS = "select count(*) from range(1000000) a, range(1000000) b, range(1000000) c"

SECONDS = 60


class Reader(NamedTuple):
    """A browser with pages, and where it saves downloads."""

    browser: webdriver.Chrome
    site: Site
    downloads: Path

    def open(self, path: str) -> None:
        self.browser.get(self.site.address + path)

    def find(self, selector: str) -> WebElement:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def press(self, name: str) -> None:
        """Presses the button or follows the link with this text; those of the navigation aside."""
        named = f"[self::button or self::a][starts-with(normalize-space(.), '{name}')]"
        self.browser.find_element(By.XPATH, f"//main//*{named}").click()

    def fill(self, selector: str, text: str) -> None:
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def wait(self, condition: Callable[[], object]) -> None:
        WebDriverWait(self.browser, SECONDS, 0.05, [Exception]).until(lambda _: condition())

    def shows(self, text: str) -> None:
        """Waits until the page has a text."""
        self.wait(lambda: text in self.find("main").text)


@pytest.fixture(scope="module")
def site(sample: Built) -> Iterator[Site]:
    """The pages about the sample."""
    with browsing(sample.database) as site:
        yield site


@pytest.fixture(scope="module")
def reader(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A browser that runs the scripts of the pages."""
    folder = tmp_path_factory.mktemp("chromium")
    with chromium(folder) as browser:
        yield Reader(browser, site, folder)


@pytest.fixture(scope="module")
def plain(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A browser without JavaScript."""
    folder = tmp_path_factory.mktemp("plain")
    with chromium(folder, runs_scripts=False) as browser:
        yield Reader(browser, site, folder)


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_and_log_nothing(reader: Reader, width: int, scheme: str) -> None:
    for path in (
        "/experiments/TASTE_SHARE",
        "/analyses",
        "/analyses/similar_users?user=7",
        "/sql?q=from+users+limit+30",
        "/try?history=526+1%0A1406+0.2&q=windows&get=yes",
        "/compare",
    ):
        address = reader.site.address + path
        requests, console = open_page(reader.browser, address, width, scheme)
        assert console == []
        assert all(each.startswith(reader.site.address) for each in requests)
        assert reader.browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_an_analysis_is_run_and_its_rows_downloaded(reader: Reader) -> None:
    reader.open("/analyses")
    reader.press("similar_users")
    reader.fill("#variable-user", "7")
    reader.fill("#variable-k", "3" + Keys.ENTER)
    reader.shows("3 rows")
    rows = reader.browser.find_elements(By.CSS_SELECTOR, ".rows tbody tr")
    assert [row.find_elements(By.TAG_NAME, "td")[0].text for row in rows] == ["1", "2", "3"]
    reader.press("CSV")
    saved = reader.downloads / "similar_users.csv"
    reader.wait(saved.exists)
    assert len(saved.read_text().splitlines()) == 4


def test_sql_runs_by_keyboard_alone_and_is_kept_in_the_address(reader: Reader) -> None:
    reader.open("/sql")
    field = reader.find("#statement")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys("select 40 + 2 as answer", Keys.CONTROL, Keys.ENTER)
    reader.shows("1 row.")
    assert reader.find(".rows td").text == "42"
    address = reader.browser.current_url
    assert parse_qs(urlsplit(address).query)["q"] == ["select 40 + 2 as answer"]
    reader.browser.get(address)
    assert reader.find(".rows td").text == "42"
    # The rows that came without loading the page sort too.
    reader.fill("#statement", "select range as n from range(3)")
    reader.press("Run")
    reader.shows("3 rows.")
    reader.press("n")
    assert [cell.text for cell in reader.browser.find_elements(By.CSS_SELECTOR, ".rows td")] == [
        *("2", "1", "0")
    ]


def test_a_wrong_query_is_told_and_kept(reader: Reader) -> None:
    reader.open("/sql")
    reader.fill("#statement", "select nothing from users")
    reader.press("Run")
    reader.shows("in line 1, column 8")
    assert reader.find("#statement").get_attribute("value") == "select nothing from users"


def test_stop_ends_a_query(reader: Reader) -> None:
    reader.open("/sql")
    reader.fill("#statement", ENDLESS)
    reader.press("Run")
    reader.wait(_runs_query)
    reader.press("Stop")
    reader.shows("Stopped.")
    reader.wait(lambda: not _runs_query())
    reader.fill("#statement", "select 1 as one")
    reader.press("Run")
    reader.shows("1 row.")


def _runs_query() -> bool:
    return any(thread.name == "time limit" for thread in threading.enumerate())


def test_a_history_is_found_by_title_and_tried(reader: Reader) -> None:
    reader.open("/try")
    reader.fill("#q", "Crooked Windows")
    # Found while typing.
    reader.wait(lambda: reader.find("#results button[value='647']"))
    reader.find("#results button[value='647']").click()
    reader.shows("Crooked Windows")
    assert reader.find("#history").get_attribute("value") == "647 1"
    reader.find("#history").send_keys(Keys.END, Keys.ENTER, "526 0.1")
    reader.press("Recommend")
    reader.shows("This person would get")
    first = reader.find(".list details")
    first.find_element(By.TAG_NAME, "summary").send_keys(Keys.ENTER)
    assert "Score" in first.text
    first.find_element(By.CSS_SELECTOR, "tbody a").click()
    assert reader.find("h1").text.startswith("User ")


def test_everything_works_without_javascript(plain: Reader) -> None:
    plain.open("/analyses/similar_users")
    plain.fill("#variable-user", "7")
    plain.press("Run")
    plain.shows("20 rows")

    plain.open("/sql")
    plain.fill("#statement", "select 40 + 2 as answer")
    plain.press("Run")
    plain.shows("1 row.")
    plain.press("JSON lines")
    saved = plain.downloads / "sql.jsonl"
    plain.wait(saved.exists)
    assert saved.read_text() == '{"answer": 42}\n'
    plain.fill("#statement", ENDLESS)
    plain.fill("#seconds", "1")
    plain.press("Run")
    plain.shows("it was stopped after 1 s")

    plain.open("/try")
    plain.fill("#q", "Crooked Windows")
    plain.press("Search")
    plain.press("Add")
    plain.shows("This person would get")
    plain.fill("#history", "526 1\n1406 0.2")
    plain.press("Recommend")
    plain.shows("Second Engines")

    plain.open("/experiments")
    plain.press("TASTE_SHARE")
    plain.shows("Compared with C")
    plain.press("Compare")
    plain.shows("Compared with C")
