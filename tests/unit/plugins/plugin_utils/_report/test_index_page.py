# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from unit.audits import FINDING, down, found_on, record, row
from unit.hostile import HOSTILE
from unit.samples import memory, oom_event, process

from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import HostEvent
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import Victim
from ansible_collections.lifeboat.oom.plugins.module_utils._plan import Change
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import FleetPast
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import file_name
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import LEVELS, Row, row_of
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report import index_page
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.index_page import IndexPage, PlainList

NOW = 1_777_863_721  # 2026-05-04T03:02:01 UTC
WHEN = "2026-05-04T03:02:01+00:00"
DAY = 86_400


def kill(name: str = "a", day: str = "2026-05-03") -> HostEvent:
    when = f"{day}T01:00:00+00:00"
    return oom_event(unit=f"{name}.service", timestamp=when, victims=(Victim(5, comm=name),))


def page(*rows: Row, **past: Any) -> str:
    index = IndexPage(NOW, FleetPast(**past))
    for each in rows:
        index.add(each, file_name(each.host))
    stream = io.StringIO()
    index.write(stream)
    return stream.getvalue()


def data(text: str) -> dict[str, Any]:
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    parsed: dict[str, Any] = json.loads(found)
    return parsed


def told(text: str, column: int = 1) -> list[Any]:
    """What the page's own data says of each host."""
    found = data(text)
    return [[found["names"][entry[0]][0], entry[column]] for entry in found["hosts"]]


DOWN = row_of(down("db"))


def test_a_fleet_is_told_in_one_sentence() -> None:
    text = page(row("a"), row("b", policy={"mode": "always"}), row("c", events=(kill(),)), DOWN)
    assert "2 have a warning or drift, 1 could not be audited; 1 is fine." in text
    assert "Nothing to look at on 1 host." in page(row("a"))
    assert "<title>Memory audit of 4 hosts</title>" in text


def test_a_fleet_without_hosts_says_how_to_begin() -> None:
    text = page()
    assert "No host has been audited yet." in text
    assert "lifeboat.oom.audit" in text
    assert data(text)["hosts"] == []


def test_every_host_is_in_the_data_and_has_a_link() -> None:
    text = page(row("a"), row("b/c", policy={"mode": "always"}), DOWN)
    assert told(text) == [["a", 0], ["b/c", 2], ["db", 4]]
    assert [name[1] for name in data(text)["names"]] == [0, file_name("b/c"), 0]
    assert f'<a href="pages/{file_name("b/c")}.html">b/c</a>' in text
    # available, headroom, pressure, kills, victim, time
    assert data(text)["hosts"][0][5:9] == [50.0, 46.7, 0.25, 0]
    assert data(text)["texts"][data(text)["hosts"][0][9]] == "nginx.service"
    assert data(text)["hosts"][0][10] == NOW


def test_without_a_script_the_worst_hosts_are_read_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_page, "_STATIC", 2)
    text = page(
        row("fine"),
        row("bad", policy={"mode": "always"}),
        row("worse", policy={"mode": "always"}, events=(kill(),)),
        DOWN,
    )
    (table,) = re.findall(r'<table id="hosts".*?</table>', text, re.DOTALL)
    assert re.findall(r'<a href="pages/[^"]*">([^<]*)</a>', table) == ["db", "worse"]
    assert "The first 2 of 4, the worst first." in table
    assert 'href="hosts.html"' in text


def test_hosts_that_could_not_be_compared_are_counted() -> None:
    text = page(row("a", services=[{"name": "nginx", "oom_score_adj": -500}], declared=None), row("b"))
    assert "Every host that was audited is as declared, as far as it could be compared.</p>" in text
    assert "Not all that is declared could be compared on 1 host.</p>" in text


def test_hosts_without_declarations_are_counted() -> None:
    text = page(row("a"), row("b"), row("c", policy={"mode": "heuristic", "persistent": False}), DOWN)
    assert "Every host that was audited is as declared.</p>" in text and "Nothing is declared for 2 hosts." in text
    assert "Nothing is declared" not in page(row("c", policy={"mode": "always"}), DOWN)


def test_findings_and_drift_refer_to_their_host_and_texts() -> None:
    found = data(page(row("a"), row("b", policy={"mode": "always"}, events=(kill(),))))
    texts = found["texts"]
    ((level, host, kind, subject, observed, expected),) = found["findings"]
    assert (level, host) == (LEVELS.index("warning"), 1)
    assert texts[kind].startswith("oom.recent_kill the kernel killed a process")
    assert texts[subject] == "a.service"
    assert texts[expected].startswith("no OOM kill")
    assert texts[observed].startswith("killed 2026-05-03")
    assert [[host, texts[layer]] for host, layer, *_unused in found["drift"]] == [[1, "runtime"], [1, "file"]]
    assert [before for *_unused, before, _unused, _unused in found["drift"]][1] is None


def test_the_worst_findings_come_first_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_page, "_MOST_KEPT", 3)
    hosts = [row(f"h{number}", policy={"mode": "always"}, events=(kill(),)) for number in range(5)]
    text = page(*hosts, DOWN)
    assert [entry[0] for entry in data(text)["findings"]] == [3, 2, 2]
    assert 'The page holds the worst 3; <a href="findings.csv">findings.csv</a> has all 6.' in text
    assert 'The page holds 3; <a href="findings.csv">findings.csv</a> has all 10.' in text


def test_what_is_new_has_a_column_only_where_something_is() -> None:
    found = record("a", events=(kill(),))
    marked = row_of(replace(found, new_findings=(found.findings[0].key,)))
    text = page(marked)
    assert '<th scope="col" data-kind="new">New</th>' in text
    assert data(text)["findings"][0][-1] == 1
    assert 'data-kind="new"' not in page(row_of(found))


def test_kinds_of_findings_are_counted_by_hosts() -> None:
    text = page(row("a", events=(kill("a"), kill("b"))), row("b", events=(kill("c"),)), DOWN)
    (table,) = re.findall(r'<table id="kinds-table".*?</table>', text, re.DOTALL)
    ids = re.findall(r"<code>([^<]*)</code>", table)
    assert ids == ["audit.unreachable", "oom.recent_kill"]
    assert re.findall(r'<td class="n" data-v="\d+">(\d+)</td>', table) == ["1", "2"]


def test_kills_come_from_the_history_where_it_knows_the_host() -> None:
    seen, unseen = row("seen", events=(kill("a"),)), row("unseen", events=(kill("b"), kill("b", "2026-01-01")))
    text = page(seen, unseen, kills={NOW // DAY - 9: 4}, victims={"a.service": 4}, hosts=frozenset({"seen"}))
    assert "5 in all, at most 4 a day" in text
    assert re.findall(r"<tr><th scope=\"row\">(\w)\.service</th>", text) == ["a", "b"]
    assert "The kernels killed nothing" in page(row("a"))


def test_who_has_least_comes_first() -> None:
    rows = [
        row(f"h{share}", memory=memory(available_kib=40_000 * share, committed_kib=30_000 * (100 - share)))
        for share in range(0, 100, 9)
    ]
    text = page(*rows)
    for heading in ("Least memory available", "Least room to commit"):
        (section,) = re.findall(rf"<h2>{heading}</h2>.*?</section>", text, re.DOTALL)
        assert re.findall(r">(h\d+)</a>", section) == [f"h{share}" for share in range(0, 72, 9)]
    assert "8 %" not in re.findall(r"<h2>Most pressure</h2>.*?</section>", text, re.DOTALL)[0]


def test_a_kernel_that_does_not_tell_is_not_the_worst() -> None:
    text = page(row("a", memory=memory(available_kib=None, committed_kib=None), pressure=None))
    assert text.count("No kernel here tells.") == 2
    assert "no kernel here measures it" in text
    assert data(text)["hosts"][0][5:8] == [None, None, None]


def test_the_groups_of_the_inventory_are_kept() -> None:
    found = data(page(Row("a", groups=("x", "y")), Row("b", groups=("x",)), row("c")))
    assert found["groups"] == ["x", "y"]
    assert [found["texts"][place] for _unused, _unused, place in found["names"]] == ["x, y", "x", ""]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
def test_what_a_device_says_is_data(text: str) -> None:
    texts = dict.fromkeys(("id", "subject", "observed", "expected", "message", "remedy"), text)
    found = found_on(text, replace(FINDING, **texts), processes=(process(comm=text, unit=text),))
    hostile = row_of(replace(found, drift=(Change(*[text] * 6),), groups=(text,)))
    shown = page(row("before"), hostile, row("after"), victims={hostile.host: 1}, kills={NOW // DAY: 1})
    assert shown.count("<script") == shown.count("</script") == 2
    assert "<b onmouseover" not in shown
    assert [name for name, _unused in told(shown)] == ["before", hostile.host, "after"]
    assert all(line.isprintable() for line in shown.split("\n"))


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
def test_a_hostile_name_stays_in_the_plain_list(text: str) -> None:
    stream = io.StringIO()
    plain = PlainList(stream)
    found = row_of(replace(record(text), audited_at=text))
    plain.add(found, 'a" onclick="x')
    plain.add(row("after"), "after")
    plain.finish()
    shown = stream.getvalue()
    assert shown.count("<script") == 1
    assert "<b onmouseover" not in shown
    assert 'href="pages/a%22%20onclick%3D%22x.html"' in shown
    assert '<a href="pages/after.html">after</a>' in shown
    assert shown.endswith("</html>")


def test_hosts_with_the_most_kills_a_week_are_named() -> None:
    text = page(row("calm"), row("worst"), row("bad"), kills_a_day={"bad": 1 / 7, "worst": 2.0, "elsewhere": 4.0})
    (shown,) = re.findall(r"Most OOM kills a week</h2>(.*?)</section>", text, re.DOTALL)
    assert re.findall(r">(worst|bad|calm|elsewhere|14\.0|1\.0)<", shown) == ["worst", "14.0", "bad", "1.0"]
    assert "No kill in the last 30 days." in page(row("calm"))
