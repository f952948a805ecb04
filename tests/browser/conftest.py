# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report of a made fleet, and a real browser to read it with: ``pytest tests/browser``."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from synthetic_fleet import make_fleet

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.location import open_history
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.fleet_report import roll_up

NOW = 1_777_863_721
HOSTS = 110


@dataclass
class Reader:
    """A page in a browser that has no network, and all that it complained about or asked for."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def open(self, path: Path) -> Page:
        self.page.goto(path.as_uri())
        return self.page


def go(link: Locator) -> None:
    """Follow a link, and go on when the other page is there: a click does not wait for it."""
    with link.page.expect_navigation():
        link.click()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.fail("no chromium was found; install the packages of tests/browser/packages.txt (tools/setup test)")
    with sync_playwright() as playwright:
        # Root has no sandbox to offer; the pages are our own.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def reader(browser: Browser) -> Iterator[Callable[..., Reader]]:
    """Opens windows: ``reader(color_scheme="dark", java_script_enabled=False)``. In the end, nothing was said."""
    readers: list[Reader] = []

    def window(**options: Any) -> Reader:
        context = browser.new_context(offline=True, **{"viewport": {"width": 1280, "height": 900}, **options})
        found = Reader(context.new_page())
        found.page.on("console", lambda message: found.said.append(message.text))
        found.page.on("pageerror", lambda error: found.said.append(str(error)))
        found.page.on("dialog", lambda dialog: found.said.append(f"dialog: {dialog.message}"))
        found.page.on("request", lambda request: found.asked.append(request.url))
        readers.append(found)
        return found

    yield window
    for found in readers:
        found.page.context.close()
        assert found.said == []
        assert [url for url in found.asked if not url.startswith("file://")] == []


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report of I(HOSTS) hosts."""
    folder = tmp_path_factory.mktemp("report")
    files = make_fleet(folder, HOSTS, seed=3, now=NOW)
    with open_history(folder) as history:
        roll_up(files, history, NOW)
    return folder
