# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import pytest
from unit.audits import TREND, down, record
from unit.hostile import HOSTILE, MARKUP
from unit.samples import cgroup, declared, oom_event, process, service, services_state, sysctls

from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import Unread
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.cgroups import parse_cgroup_files
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import Victim
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.heap_profile import HeapProfile, HeapSite
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import AuditPoint, HostPast
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import row_of
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import TrendPoints
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.host_page import host_page

NOW = "2026-05-04T03:02:01+00:00"
POINT = AuditPoint(1, True, "b", total_kib=1000, available_kib=500)
SITE = HeapSite(7 << 20, "grown", "app::grow()", "/build/app.cpp", 5, "/usr/lib/libapp.so.1", "libapp1", "1.0")
PROFILE = HeapProfile("app.service", "heaptrack", 8.1, (SITE,), "web", NOW)


def page(found: Record, past: HostPast | None = None, profiles: Iterable[HeapProfile] = ()) -> str:
    return "".join(host_page(found, row_of(found), past or HostPast(), profiles))


def cells(text: str) -> list[str]:
    return [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", text)]


def table(text: str, name: str) -> list[list[str]]:
    """The rows of a table; the first is the head."""
    (found,) = re.findall(rf'<table id="{name}".*?</table>', text, re.DOTALL)
    return [cells(row) for row in re.findall(r"<tr>(.*?)</tr>", found, re.DOTALL)]


def test_a_host_says_what_it_is_and_how_bad() -> None:
    text = page(replace(record(policy={"mode": "always"}), groups=("ungrouped",)))
    assert "<title>web: memory audit</title>" in text
    assert "To look at: 2 values that differ from what is declared." in text
    assert "6.1.0-21-arm64" in text
    assert "1953 of 3906 MiB" in text
    assert "Committed (not enforced)" in text
    assert "its Python" in text and "ungrouped" not in text
    assert "memory, some" in text
    assert "Nothing that somebody has to look at." in page(record())


def test_what_profilers_have_found_is_shown() -> None:
    unknown = replace(SITE, function=None, file=None, line=None, package=None)
    text = page(record(), profiles=[PROFILE, replace(PROFILE, sites=(unknown,))])
    assert table(text, "profiles")[1:] == [
        ["app.service", "7", "grown", "app::grow()", "/build/app.cpp:5", "libapp1 1.0", "heaptrack", NOW],
        ["app.service", "7", "grown", "–", "/usr/lib/libapp.so.1", "1.0", "heaptrack", NOW],
    ]
    assert "Who holds the memory" not in page(record())


@pytest.mark.parametrize("word", HOSTILE, ids=ascii)
def test_names_in_a_profile_do_no_harm(word: str) -> None:
    site = replace(SITE, function=word, file=word, package=word, kind=word)
    text = page(record(), profiles=[replace(PROFILE, subject=word, tool=word, profiled_at=word, sites=(site,))])
    assert MARKUP not in text and "\x1b" not in text


def test_what_differs_is_shown_with_both_values() -> None:
    found = page(record(policy={"mode": "always"}))
    assert table(found, "drift")[1:] == [
        ["runtime", "kernel", "vm.overcommit_memory", "0", "1", "the running kernel has another value"],
        ["file", "kernel", "vm.overcommit_memory", "–", "1", table(found, "drift")[2][5]],
    ]
    assert "No drift." in page(record(policy={"mode": "heuristic", "persistent": False}))
    assert "Nothing is declared for this host." in page(record())


def test_what_could_not_be_compared_is_no_drift_that_is_not_there() -> None:
    text = page(record(services=[{"name": "nginx", "oom_score_adj": -500}], declared=None))
    assert "No drift." not in text
    assert "Nothing differs of what could be compared; not compared: services." in text


def test_the_words_of_the_kill_order_are_explained_where_there_is_one() -> None:
    assert "<dt>points</dt>" in page(record())
    assert "<dt>points</dt>" not in page(down())


def test_findings_say_what_to_do_and_what_is_new() -> None:
    found = record(events=(oom_event(unit="a.service", timestamp=None),))
    head, row = table(page(found), "findings")
    assert head == ["Severity", "Finding", "Subject", "Observed", "Expected", "What to do"]
    assert row[0] == "warning"
    assert row[1].endswith("oom.recent_kill")
    assert row[5].startswith("find what grew")
    marked = page(replace(found, new_findings=(found.findings[0].key,)))
    assert table(marked, "findings")[1][-1] == "new"


def test_the_kill_order_is_that_of_the_state() -> None:
    processes = (process(5, unit="a.service", rss_kib=10_240), process(6, unit=None, comm="x", rss_kib=20_480))
    found = table(page(record(processes=processes)), "kill-order")
    assert [row[0] for row in found] == ["Unit or process", "x", "a.service"]
    assert found[1][3] == "100 %"
    assert "No process here can be killed." in page(record(processes=()))
    assert "The processes could not be read." in page(record(processes=None))


def test_a_forecast_says_where_memory_runs_out_and_how_it_ends() -> None:
    stuck = process(oom_score_adj=-1000)
    found = record(
        processes=(stuck, process(7, unit="log.service")),
        declared=services_state(declared(service())),
        cgroups=(cgroup(limit_kib=200_000, oom_group=True),),
    )
    assert [
        "nginx.service",
        "limit of /system.slice/nginx.service",
        "log.service",
        "it hangs in its group, where nothing is left to kill",
    ] in table(page(found), "forecast")
    panics = table(page(record(sysctls=sysctls(runtime={"vm.panic_on_oom": "1"}))), "forecast")
    assert panics[1][1:] == ["all memory", "nobody", "the kernel panics"]


def test_declared_services_have_their_verdict() -> None:
    entry = services_state(declared(service()))
    found = page(record(services=[{"name": "nginx", "oom_score_adj": -500}], declared=entry))
    assert table(found, "services")[1][:3] == ["nginx.service", "OOMScoreAdjust=-500", "missing"]


def test_limits_and_kills_are_told() -> None:
    limited = parse_cgroup_files("/a", 2, {"memory.max": "104857600", "memory.current": "52428800"})
    free = parse_cgroup_files("/b", 2, {"memory.max": "max", "memory.current": "52428800"})
    kill = oom_event(unit="a.service", timestamp=None, uptime_seconds=5.0, victims=(Victim(5, comm="a"),))
    text = page(record(cgroups=(limited, free), events=(kill,)))
    assert table(text, "limits")[1:] == [["/a", "50 %", "50", "100"]]
    assert table(text, "kills")[1][:3] == ["5 s after boot", "a.service", "a (pid 5)"]
    assert "The kernel log tells of none." in page(record())


def test_what_could_not_be_read_is_told() -> None:
    assert "sysctls: not permitted" in page(record(sysctls=None, unread=(Unread("sysctls", "not permitted"),)))
    assert "does not measure pressure" in page(record(pressure=None))


@pytest.mark.parametrize(("reachable", "said"), [(False, "did not answer"), (True, "answered, but could not be read")])
def test_a_host_that_was_not_audited_has_a_page_too(reachable: bool, said: str) -> None:
    text = page(down(reachable=reachable))
    assert said in text
    assert "<p>timed out</p>" in text
    assert "Kill order" not in text


def test_earlier_audits_are_a_line() -> None:
    points = (POINT, replace(POINT, available_kib=None), replace(POINT, available_kib=250))
    assert "From 50 % to 25 % of all memory" in page(record(), HostPast(audits=points))
    assert "polyline" not in page(record(), HostPast(audits=points[:2]))


def test_a_service_over_time_is_a_line_and_a_verdict() -> None:
    leak = replace(TREND, unit="a<b>", points=(TrendPoints((5, 9), (1024, 2048)),))
    text = page(replace(record(), trends=(leak, replace(leak, unit="b", verdict="steady"))))
    rows = cells(re.findall(r'<table class="bars trends".*?</table>', text, re.DOTALL)[0])
    assert rows[0] == "a&lt;b&gt;"
    assert rows[2].startswith("leaks: +1.0 MiB an hour")
    assert rows[5].startswith("steady: ")
    assert 'aria-label="From 1 to 2 MiB"' in text
    assert text.count('<polyline class="trend" points="0.0,12.0 200.0,0.0"/>') == 2
    assert "Services over time" not in page(record())


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
def test_what_a_device_says_is_data(text: str) -> None:
    found = record(
        text,
        processes=(process(comm=text, unit=None), process(7, comm="x", unit=text + ".service")),
        events=(oom_event(unit=text, timestamp=text, victims=(Victim(5, comm=text),)),),
        unread=(Unread(text, text),),
    )
    for shown in (page(found), page(down(text, text, reachable=True))):
        assert shown.count("<script") == shown.count("</script") == 1
        assert "<b onmouseover" not in shown
        assert "x" * 1200 not in shown
        # Nothing but our own line breaks; nothing that a terminal or a direction of writing obeys.
        assert all(line.isprintable() for line in shown.split("\n"))


def test_markup_and_templates_are_shown_as_they_are() -> None:
    text = page(down("web", MARKUP, reachable=True))
    assert "<p>&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;" in text
    assert "{{ 7 * 7 }}{% raw %}&lt;!--</p>" in text


def test_a_device_cannot_make_a_page_grow_without_end() -> None:
    kill = oom_event(unit="x" * 10_000, victims=(Victim(5, comm="y" * 10_000),) * 5000)
    limits = tuple(parse_cgroup_files(f"/{n}", 2, {"memory.max": "1", "memory.current": "1"}) for n in range(5000))
    assert len(page(record(events=(kill,), cgroups=limits))) < 1_000_000


def test_a_finding_says_since_when_it_is_there() -> None:
    found = record(services=[{"name": "gone", "oom_score_adj": -5}])
    past = HostPast(findings={found.findings[0].key: 1_777_863_721})
    head, first, *_unused = table(page(found, past), "findings")
    assert first[head.index("Since, UTC")] == "2026-05-04 03:02"
    assert "Since, UTC" not in page(found)
