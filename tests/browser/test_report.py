# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as a person uses it, in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page
from unit.audits import audit_of, declared_policy, publish
from unit.hostile import HOSTILE, MARKUP
from unit.samples import host_state, oom_event, process

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import Victim
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import FleetPast
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.location import open_history
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import RecordFiles
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.fleet_report import roll_up
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.index_page import IndexPage

from .conftest import HOSTS, NOW, Reader, go

Window = Callable[..., Reader]
BIG = 10_000


def rows(page: Page, table: str = "hosts") -> Locator:
    return page.locator(f"#{table} tbody tr")


def column(page: Page, number: int, table: str = "hosts") -> list[str]:
    """The cells of a column, as they are read."""
    found: list[str] = page.eval_on_selector_all(
        f"#{table} tbody tr", f"rows => rows.map(row => row.cells[{number}].innerText.trim())"
    )
    return found


def fleet(report: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((report / "fleet.json").read_text())["hosts"]
    return found


def count(page: Page, section: str) -> str:
    return page.locator(f"#{section} output").inner_text()


def test_the_worst_hosts_come_first(reader: Window, report: Path) -> None:
    page = reader().open(report / "index.html")
    order = ["not audited", "critical", "warning", "info", "fine"]
    shown = column(page, 1)
    assert len(shown) == 50
    assert shown == sorted(shown, key=order.index)
    assert shown[0] == "not audited"
    assert count(page, "all-hosts") == f"1–50 of {HOSTS}"


def test_a_click_on_a_head_sorts_by_it_and_back(reader: Window, report: Path) -> None:
    page = reader().open(report / "index.html")
    head = page.locator("#hosts th", has_text="Available")
    for direction, sign in (("descending", -1), ("ascending", 1)):
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == direction
        known = [int(cell.rstrip(" %")) for cell in column(page, 5) if cell != "–"]
        assert known == sorted(known, key=lambda share: sign * share)
        assert len(known) == 50
    shares = [host["available_kib"] / host["total_kib"] for host in fleet(report) if host["total_kib"]]
    assert known[0] == round(100 * min(shares))
    page.locator("#all-hosts .pager button", has_text="Next").click()
    page.locator("#all-hosts .pager button", has_text="Next").click()
    # What is not known comes last, whichever way.
    assert column(page, 5)[-1] == "–"
    assert page.locator("#hosts th[aria-sort]").count() == 1


def test_names_sort_by_the_numbers_in_them(reader: Window, report: Path) -> None:
    page = reader().open(report / "index.html")
    page.locator("#hosts th", has_text="Host").get_by_role("button").click()
    assert column(page, 0) == [host["host"] for host in fleet(report)][:50]


def test_a_filter_leaves_what_has_all_its_words(reader: Window, report: Path) -> None:
    page = reader().open(report / "index.html")
    wanted = {host["host"] for host in fleet(report) if "kiosk" in host["host"] and "lyon" in host["host"]}
    page.locator("#all-hosts input").fill("Lyon  KIOSK")
    assert set(column(page, 0)) == wanted
    assert count(page, "all-hosts") == f"1–{len(wanted)} of {len(wanted)} (of {HOSTS})"
    assert page.locator("#grid path.rest").count() == 1
    page.locator("#all-hosts input").fill("no such host")
    assert rows(page).inner_text() == "Nothing matches."
    page.locator("#all-hosts input").fill("")
    assert len(column(page, 0)) == 50
    assert page.locator("#grid path.rest").count() == 0


def test_states_and_groups_are_chosen_from_a_list(reader: Window, report: Path) -> None:
    page = reader().open(report / "index.html")
    page.get_by_label("Group").select_option("gateways")
    page.locator("#all-hosts").get_by_label("State").select_option("critical")
    wanted = {host["host"] for host in fleet(report) if host["level"] == "critical" and "gateways" in host["groups"]}
    assert set(column(page, 0)) == wanted != set()


def test_a_number_on_top_shows_its_hosts(reader: Window, report: Path) -> None:
    page = reader().open(report / "index.html")
    page.locator(".tiles a.critical").click()
    critical = [host["host"] for host in fleet(report) if host["level"] == "critical"]
    assert sorted(column(page, 0)) == sorted(critical)
    assert page.locator(".tiles a.critical b").inner_text() == str(len(critical))


def test_findings_and_drift_sort_filter_and_turn(reader: Window, report: Path) -> None:
    page = reader().open(report / "index.html")
    hosts = {host["host"] for host in fleet(report) if host["drift_count"]}
    total = sum(host["drift_count"] for host in fleet(report))
    assert count(page, "all-drift").endswith(f" of {total}")
    page.locator("#all-drift input").fill("running process")
    assert set(column(page, 1, "drift")) == {"running"}
    assert set(column(page, 0, "drift")) <= hosts
    first = column(page, 1, "findings")
    page.locator("#all-findings .pager button", has_text="Next").click()
    assert column(page, 1, "findings") != first
    page.locator("#all-findings .pager button", has_text="Previous").click()
    assert column(page, 1, "findings") == first
    page.locator("#all-findings").get_by_label("State").select_option("warning")
    assert set(column(page, 0, "findings")) == {"warning"}


def test_a_host_opens_and_leads_back(reader: Window, report: Path) -> None:
    window = reader()
    page = window.open(report / "index.html")
    page.locator("#all-hosts").get_by_label("State").select_option("critical")
    name = column(page, 0)[0]
    go(page.get_by_role("link", name=name).first)
    assert page.title().endswith(": memory audit")
    assert page.url.endswith(f"/pages/{name}.html")
    page.locator("#findings th", has_text="Subject").get_by_role("button").click()
    subjects = column(page, 2, "findings")
    assert subjects == sorted(subjects)
    page.locator("#kill-order th", has_text="Pid").get_by_role("button").click()
    pids = [int(pid) for pid in column(page, 1, "kill-order")]
    assert pids == sorted(pids, reverse=True)
    go(page.get_by_role("link", name="All hosts"))
    assert page.url.endswith("/index.html")


def test_the_grid_names_and_opens_the_host_under_the_pointer(reader: Window, report: Path) -> None:
    page = reader().open(report / "index.html")
    size = int(page.locator("#grid").get_attribute("data-size") or 0)
    box = page.locator("#grid svg").bounding_box()
    assert box is not None
    host = fleet(report)[7]
    page.mouse.move(box["x"] + 7.5 * size, box["y"] + size / 2)
    assert page.locator("#tip").inner_text() == f"{host['host']}: {host['level']}"
    page.mouse.click(box["x"] + 7.5 * size, box["y"] + size / 2)
    page.wait_for_url(f"**/pages/{host['host']}.html")


def test_dark_is_a_choice_that_stays(reader: Window, report: Path) -> None:
    page = reader().open(report / "index.html")

    def ground() -> str:
        found: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return found

    light = ground()
    page.get_by_role("button", name="Dark").click()
    dark = ground()
    assert dark != light
    page.reload()
    assert ground() == dark
    page.get_by_role("button", name="Light").click()
    assert ground() == light
    other = reader(color_scheme="dark").open(report / "index.html")
    assert other.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_paper_gets_the_tables_without_the_tools(reader: Window, report: Path) -> None:
    page = reader(color_scheme="dark").open(report / "index.html")
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) > 1
    page.emulate_media(media="print")
    assert page.locator("#all-hosts input").is_hidden()
    assert page.locator("#theme").is_hidden()
    assert rows(page).first.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    # A4 less its margins: nothing may be cut off at the edge.
    page.set_viewport_size({"width": 700, "height": 1000})
    assert (
        page.evaluate("Math.max(...[...document.querySelectorAll('table')].map(t => t.getBoundingClientRect().right))")
        <= 700
    )


def test_the_keyboard_is_enough(reader: Window, report: Path) -> None:
    page = reader().open(report / "index.html")

    def focused(property_: str) -> str:
        found: str = page.evaluate(f"document.activeElement.{property_}")
        return found

    def tab_until(test: Callable[[], bool]) -> None:
        for _unused in range(200):
            page.keyboard.press("Tab")
            if test():
                return
        pytest.fail("the keyboard does not get there")

    page.keyboard.press("Tab")
    assert focused("textContent") == "To the content"
    tab_until(lambda: focused("type") == "search")
    page.keyboard.type("gateway")
    tab_until(lambda: focused("textContent") == "Host")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    assert page.locator("#hosts th[aria-sort=ascending]").count() == 1
    # A table that is sorted keeps the focus where it was.
    assert focused("textContent") == "Host"
    first = column(page, 0)[0]
    tab_until(lambda: focused("textContent") == first)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/pages/{first}.html")


def test_it_can_be_read_without_a_script(reader: Window, report: Path) -> None:
    page = reader(java_script_enabled=False).open(report / "index.html")
    assert page.locator("#hosts tbody tr").count() == 50
    assert page.locator("#theme").is_hidden()
    assert page.get_by_text(f"The first 50 of {HOSTS}, the worst first.").is_visible()
    go(page.get_by_role("link", name=f"All {HOSTS} hosts as a plain list"))
    assert page.locator("tbody tr").count() == HOSTS
    go(page.locator("tbody a").first)
    assert page.locator("h1").is_visible()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_nobody_is_shut_out(reader: Window, report: Path, scheme: str, width: int) -> None:
    window = reader(color_scheme=scheme, viewport={"width": width, "height": 800})
    critical = next(host["host"] for host in fleet(report) if host["level"] == "critical")
    for name in ("index.html", f"pages/{critical}.html", "hosts.html"):
        page = window.open(report / name)
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        bad = [each for each in found if each["impact"] in ("serious", "critical")]
        assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in bad] == []
        # Only tables scroll sideways, never the page.
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_a_device_says_does_nothing(reader: Window, tmp_path: Path) -> None:
    for number, text in enumerate(HOSTILE):
        kill = oom_event(unit=text, timestamp=text, victims=(Victim(5, comm=text),))
        state = host_state(processes=(process(comm=text, unit=text or None),), events=(kill,))
        found = audit_of(state, f"{number} {text}", policy=declared_policy({"mode": "always"})).record
        publish(tmp_path, replace(found, groups=(text,)))
    with open_history(tmp_path) as history:
        index = roll_up(RecordFiles(tmp_path), history, NOW)
    window = reader()
    page = window.open(index)
    assert page.locator("#hosts tbody tr").count() == len(HOSTILE)
    assert MARKUP in page.locator("#hosts").inner_text()
    page.locator("#all-hosts input").fill("onmouseover")
    assert page.locator("#hosts tbody tr").count() == 1
    go(page.locator("#hosts tbody a"))
    assert MARKUP in page.locator("h1").inner_text()
    for path in (tmp_path / "pages").iterdir():
        assert window.open(path).locator("b[onmouseover]").count() == 0
    # The end of the fixture sees that no dialog came up and nothing was asked for.


def test_a_large_fleet_opens_and_filters_without_a_row_for_each_host(
    reader: Window, report: Path, tmp_path: Path
) -> None:
    models = [filed.row for filed in RecordFiles(report).rows()]
    index = IndexPage(NOW, FleetPast())
    for number in range(BIG):
        index.add(replace(models[number % HOSTS], host=f"host-{number}"), f"host-{number}")
    with (tmp_path / "index.html").open("w") as stream:
        index.write(stream)
    page = reader().open(tmp_path / "index.html")
    assert count(page, "all-hosts") == "1–50 of 10,000"
    # Ten thousand hosts weigh on the page no more than some of them.
    assert page.evaluate("document.querySelectorAll('*').length") < 5_000
    page.locator("#all-hosts input").fill("host-9876")
    assert column(page, 0) == ["host-9876"]
    page.locator("#all-hosts input").fill("")
    page.locator("#hosts th", has_text="Host").get_by_role("button").click()
    assert column(page, 0)[:2] == ["host-0", "host-1"]
