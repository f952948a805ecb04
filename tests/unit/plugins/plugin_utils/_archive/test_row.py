# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest
from unit.hostile import HOSTILE
from unit.samples import host_state, memory, oom_event, policy_of, process, sysctls

from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import HostEvent
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import Victim
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import (
    DRIFT_KEYS,
    FINDING_KEYS,
    MOST_DRIFT,
    MOST_FINDINGS,
    MOST_KILLS,
    Row,
    finding_key,
    row_of,
    unreadable,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.record import audited, not_audited

NOW = "2026-05-04T03:02:01+00:00"


def record(host: str = "web", policy: Any = None, **changes: Any) -> dict[str, Any]:
    return audited(host, NOW, json.loads(json.dumps(host_state(**changes).as_facts())), policy_of(policy))


def kill(unit: str | None = "a.service", pid: int = 5) -> HostEvent:
    return oom_event(unit=unit, timestamp="2026-05-03T01:00:00+00:00", victims=(Victim(pid, comm="a"),))


def finding(severity: Any, finding_id: str = "x.y") -> dict[str, Any]:
    return {**dict.fromkeys(FINDING_KEYS, "text"), "id": finding_id, "severity": severity}


def test_a_row_is_the_host_in_short() -> None:
    found = row_of({**record(events=(kill(),)), "groups": ["gateways"]})
    assert (found.host, found.audited_at, found.reachable, found.error) == ("web", NOW, True, None)
    assert (found.level, found.groups) == ("warning", ["gateways"])
    assert (found.total_kib, found.available_kib, found.available_pct) == (4_000_000, 2_000_000, 50.0)
    assert (found.headroom_kib, found.headroom_pct, found.commit_enforced) == (1_400_000, 46.7, False)
    assert (found.pressure_some_pct, found.pressure_full_pct, found.oom_kills) == (0.25, None, 0)
    assert (found.kernel, found.boot_id) == ("6.1.0-21-arm64", "4f0c1d2e")
    assert found.killed_first[0] == {"name": "nginx.service", "rss_kib": 100_000, "oom_score_adj": 0}
    assert found.kills == [[1_777_770_000, "a.service"]]
    assert [set(one) for one in found.findings] == [{*FINDING_KEYS, "new"}]


def test_a_row_survives_json() -> None:
    found = row_of(record(policy={"mode": "always"}, events=(kill(),)))
    assert Row(**json.loads(json.dumps(vars(found)))) == found


def test_never_is_the_mode_that_enforces() -> None:
    assert row_of(record(sysctls=sysctls(runtime={"vm.overcommit_memory": "2"}))).commit_enforced is True
    assert row_of(record(sysctls=None)).commit_enforced is None


def test_more_promised_than_the_limit_is_below_zero() -> None:
    assert row_of(record(memory=memory(committed_kib=3_300_000))).headroom_pct == -10.0


@pytest.mark.parametrize(
    ("severities", "policy", "level"),
    [
        ([], None, "fine"),
        (["info"], None, "info"),
        ([], {"mode": "always"}, "warning"),
        (["info", "warning"], None, "warning"),
        (["critical"], {"mode": "always"}, "critical"),
        (["of another version"], None, "warning"),
        ([None], None, "warning"),
    ],
    ids=["nothing", "info", "drift", "warning", "critical", "unknown", "none"],
)
def test_a_host_is_as_bad_as_the_worst_of_it(severities: list[Any], policy: Any, level: str) -> None:
    found = {**record(policy=policy), "findings": [finding(severity) for severity in severities]}
    assert row_of(found).level == level


@pytest.mark.parametrize("reachable", [True, False])
def test_a_host_that_was_not_audited_is_its_own_level(reachable: bool) -> None:
    found = row_of(not_audited("web", NOW, reachable, "timed out"))
    assert (found.level, found.reachable, found.error) == ("not audited", reachable, "timed out")
    assert found.available_pct is found.headroom_pct is found.oom_kills is None


def test_the_worse_comes_first() -> None:
    rows = [row_of(not_audited("x", NOW, False, "e")), row_of(record(events=(kill(),))), row_of(record())]
    assert sorted(rows, key=lambda row: row.rank, reverse=True) == rows


def test_what_is_new_is_marked() -> None:
    found = record(events=(kill("a.service"), kill("b.service", 6)))
    key = finding_key(found["findings"][0])
    row = row_of({**found, "new_findings": [key]})
    assert [one["new"] for one in row.findings] == [True, False]


def test_a_key_holds_what_does_not_change() -> None:
    one, other = finding("warning"), {**finding("critical"), "observed": "5 %", "message": "m"}
    assert finding_key(one) == finding_key(other)
    assert finding_key({**one, "id": "oom.collateral_victim"}) == finding_key({**other, "id": "oom.collateral_victim"})
    first, again, next_ = (
        {**one, "id": "oom.recent_kill", "observed": observed}
        for observed in ("killed 1: a; 3 times in all", "killed 1: a; 2 times in all", "killed 2: a; 3 times in all")
    )
    assert finding_key(first) == finding_key(again) != finding_key(next_)
    assert finding_key(one) != finding_key({**one, "subject": "another"})


def test_a_host_cannot_make_a_row_grow_without_end() -> None:
    found = record(events=tuple(kill("x" * 10_000, pid) for pid in range(3000)))
    found["findings"] = [{**finding("warning"), "observed": "z" * 10_000}] * 3000
    found["drift"] = [dict.fromkeys(DRIFT_KEYS, "y" * 10_000)] * 3000
    found["groups"] = ["g" * 10_000] * 3000
    row = row_of(found)
    assert (len(row.findings), len(row.drift), len(row.kills)) == (MOST_FINDINGS, MOST_DRIFT, MOST_KILLS)
    assert (row.counts["warning"], row.drift_count) == (3000, 3000)
    assert len(json.dumps(vars(row))) < 2_000_000


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
def test_all_text_of_a_row_is_printable(text: str) -> None:
    found = record(
        text,
        processes=(process(comm=text, unit=text),),
        events=(oom_event(unit=text, timestamp=text, victims=(Victim(5, comm=text),)),),
    )
    found.update(drift=[dict.fromkeys(DRIFT_KEYS, text)], groups=[text], error=text)
    found["findings"].append(dict.fromkeys(FINDING_KEYS, text))
    stack: list[Any] = [vars(row_of(found))]
    while stack:
        value = stack.pop()
        stack += value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
        assert not isinstance(value, str) or (value.isprintable() and len(value) <= 1000)


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"host": 5, "findings": None, "drift": "x", "state": []},
        {"state": {}},
        {"state": {"memory": {"total_kib": 0, "available_kib": 0}, "kill_order": [5, {}], "commit": 5}},
        {"findings": [{}, None], "drift": [{}], "groups": {"a": 1}, "new_findings": [{}]},
    ],
    ids=["empty", "other kinds", "no state", "odd state", "odd lists"],
)
def test_a_record_of_any_shape_has_a_row(found: dict[str, Any]) -> None:
    row = row_of(found)
    assert Row(**json.loads(json.dumps(vars(row)))) == row


def test_a_file_that_is_no_record_has_a_row_that_says_so() -> None:
    row = row_of(unreadable("web", "web.json is not a record; remove it"))
    assert (row.host, row.level, row.error) == ("web", "not audited", "web.json is not a record; remove it")
    assert row.findings[0]["id"] == "audit.failed"
