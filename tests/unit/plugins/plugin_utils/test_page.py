# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any

import pytest
from unit.samples import cgroup, declared, host_state, process, service, services_state, sysctls

from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import Unread
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit import audited, not_audited
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drift import load_policy
from ansible_collections.lifeboat.oom.plugins.plugin_utils._page import render

NOW = "2026-05-04T03:02:01+00:00"
PANIC = {"vm.panic_on_oom": "1"}
MARKUP = "<script>alert(1)</script>\"'&{{ 7 * 7 }}"


def record(host: str = "web", **changes: Any) -> dict[str, Any]:
    return audited(host, NOW, host_state(**changes).as_facts(), load_policy({"mode": "always"}))


def test_a_fleet_is_one_page_with_a_place_for_each_host() -> None:
    page = render([record("web"), not_audited("db", NOW, reachable=False, error="timed out")], NOW)
    assert page.startswith("<!DOCTYPE html>")
    assert "2 host(s)" in page
    assert re.findall(r'<a href="#(h\d)">(\w+)</a>', page) == [("h1", "web"), ("h2", "db")]
    assert re.findall(r'<section id="(h\d)">', page) == ["h1", "h2"]
    assert "not reached" in page
    assert "timed out" in page


def test_what_could_not_be_read_is_told() -> None:
    page = render([record(sysctls=None, services=None, unread=(Unread("sysctls", "not permitted"),))], NOW)
    assert "Not read: sysctls: not permitted" in page


def test_no_hosts_are_a_page_too() -> None:
    assert "0 host(s)" in render([], NOW)


def test_a_page_needs_no_network() -> None:
    page = render([record()], NOW)
    assert not re.findall(r"https?://|src=|@import|url\(|<link|<script", page)


def test_a_forecast_says_where_memory_runs_out_and_how_it_ends() -> None:
    stuck = process(oom_score_adj=-1000)
    found = record(
        processes=(stuck, process(7, unit="log.service")),
        declared=services_state(declared(service())),
        cgroups=(cgroup(limit_kib=200_000, oom_group=True),),
    )
    shown = "nginx.service <small>(limit of /system.slice/nginx.service)</small></td><td>log.service – then it hangs"
    assert shown in render([found], NOW)
    assert "<td>nobody – then the kernel panics</td>" in render([record(sysctls=sysctls(runtime=PANIC))], NOW)


def test_what_differs_is_shown_with_both_values() -> None:
    page = render([record()], NOW)
    assert "vm.overcommit_memory</td><td>0</td><td>1</td>" in page
    assert "vm.overcommit_memory</td><td>–</td><td>1</td>" in page
    assert "No drift." in render([audited("web", NOW, host_state().as_facts(), load_policy())], NOW)


@pytest.mark.parametrize("text", [MARKUP, "\x00\x1b[31m\u202e", "\udcff", "", " "], ids=ascii)
def test_what_a_device_says_is_data(text: str) -> None:
    found = record(
        text,
        processes=(process(comm=text, unit=None), process(7, comm="x", unit=text + ".service")),
        events=({"kind": "kill", "unit": text, "timestamp": text, "victims": [{"comm": text, "pid": text}]},),
        unread=(Unread(text, text),),
    )
    page = render([found, not_audited(text, NOW, reachable=True, error=text)], NOW)
    assert "<script" not in page
    assert page.count("<section") == page.count("</section>") == 2
    assert page.rstrip().endswith("</html>")


def test_markup_and_templates_are_shown_as_they_are() -> None:
    page = render([not_audited("web", NOW, reachable=True, error=MARKUP)], NOW)
    assert '<p class="critical">&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;{{ 7 * 7 }}</p>' in page


def test_the_numbers_are_escaped_as_well() -> None:
    found = record()
    found["state"]["kill_order"][0]["points"] = MARKUP
    found["findings"] = [
        {"severity": MARKUP, "message": "m", "id": "i", "subject": "s", "observed": "o", "remedy": "r"}
    ]
    assert "<script" not in render([found], NOW)
