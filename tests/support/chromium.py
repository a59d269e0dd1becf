"""A headless chromium, which logs its requests and its console."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

PHONE, DESK = 400, 1400


@contextmanager
def chromium(folder: Path, *, runs_scripts: bool = True) -> Iterator[webdriver.Chrome]:
    """A browser; skips the test if the machine has none. folder: for its profile and downloads."""
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        f"--user-data-dir={folder / 'profile'}",
    ):
        options.add_argument(argument)
    preferences: dict[str, Any] = {"download.default_directory": str(folder)}
    if not runs_scripts:
        preferences["profile.managed_default_content_settings.javascript"] = 2
    options.add_experimental_option("prefs", preferences)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield chrome
    finally:
        chrome.quit()


def set_screen(browser: webdriver.Chrome, width: int, scheme: str = "light") -> None:
    """Makes the browser that of a phone or a desk, light or dark."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width == PHONE},
    )
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )


def open_page(
    browser: webdriver.Chrome, address: str, width: int = DESK, scheme: str = "light"
) -> tuple[list[str], list[Any]]:
    """Opens a page; returns the requested addresses and what the console shows."""
    logs: Any = browser  # some of selenium has no types
    for log in ("browser", "performance"):
        logs.get_log(log)
    set_screen(browser, width, scheme)
    browser.get(address)
    messages = [json.loads(entry["message"])["message"] for entry in logs.get_log("performance")]
    requests = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
        # the browser's own first tab loads pages too
        and not message["params"]["documentURL"].startswith("chrome")
    ]
    return requests, logs.get_log("browser")
