# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from unit.audits import FINDING, TREND, down, found_on, record
from unit.hostile import HOSTILE
from unit.samples import memory, oom_event, process, sysctls

from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import HostEvent
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import Victim
from ansible_collections.lifeboat.oom.plugins.module_utils._plan import Change
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import record_or_failure
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import (
    MOST_CANDIDATES,
    MOST_DRIFT,
    MOST_FINDINGS,
    MOST_GROUPS,
    MOST_KILLS,
    MOST_LEAKS,
    Row,
    RowCandidate,
    RowKill,
    RowLeak,
    row_of,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.typed_from_json import load

NOW = "2026-05-04T03:02:01+00:00"
ALWAYS = {"mode": "always"}


def kill(unit: str | None = "a.service", pid: int = 5) -> HostEvent:
    return oom_event(unit=unit, timestamp="2026-05-03T01:00:00+00:00", victims=(Victim(pid, comm="a"),))


def test_a_row_is_the_host_in_short() -> None:
    found = row_of(replace(record(events=(kill(),)), groups=("gateways",)))
    assert (found.host, found.audited_at, found.reachable, found.error) == ("web", NOW, True, None)
    assert (found.level, found.groups) == ("warning", ("gateways",))
    assert (found.total_kib, found.available_kib, found.available_pct) == (4_000_000, 2_000_000, 50.0)
    assert (found.headroom_kib, found.headroom_pct, found.commit_enforced) == (1_400_000, 46.7, False)
    assert (found.pressure_some_pct, found.pressure_full_pct, found.oom_kills) == (0.25, None, 0)
    assert (found.kernel, found.boot_id) == ("6.1.0-21-arm64", "4f0c1d2e")
    assert found.killed_first[0] == RowCandidate("nginx.service", 100_000, 0)
    assert found.kills == (RowKill(1_777_770_000, "a.service"),)
    assert [one.id for one in found.findings] == ["oom.recent_kill"]


def test_a_row_survives_json() -> None:
    found = row_of(replace(record(policy=ALWAYS, events=(kill(),)), trends=(TREND,)))
    assert load(Row, json.loads(json.dumps(asdict(found))), "row") == found


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
        ([], ALWAYS, "warning"),
        (["info", "warning"], None, "warning"),
        (["critical"], ALWAYS, "critical"),
    ],
    ids=["nothing", "info", "drift", "warning", "critical"],
)
def test_a_host_is_as_bad_as_the_worst_of_it(severities: list[Any], policy: Any, level: str) -> None:
    found = found_on("web", *(replace(FINDING, severity=severity) for severity in severities), policy=policy)
    assert row_of(found).level == level


@pytest.mark.parametrize("reachable", [True, False])
def test_a_host_that_was_not_audited_is_its_own_level(reachable: bool) -> None:
    found = row_of(down("web", reachable=reachable))
    assert (found.level, found.reachable, found.error) == ("not audited", reachable, "timed out")
    assert found.available_pct is found.headroom_pct is found.oom_kills is None


def test_the_worse_comes_first() -> None:
    rows = [row_of(down("x")), row_of(record(events=(kill(),))), row_of(record())]
    assert sorted(rows, key=lambda row: row.rank, reverse=True) == rows


def test_what_is_new_is_marked() -> None:
    found = record(events=(kill("a.service"), kill("b.service", 6)))
    row = row_of(replace(found, new_findings=(found.findings[0].key,)))
    assert [one.new for one in row.findings] == [True, False]


def test_a_key_holds_what_does_not_change() -> None:
    other = replace(FINDING, severity="critical", observed="5 %", message="m")
    assert FINDING.key == other.key
    assert replace(FINDING, id="oom.collateral_victim").key == replace(other, id="oom.collateral_victim").key
    first, again, next_ = (
        replace(FINDING, id="oom.recent_kill", observed=observed).key
        for observed in ("killed 1: a; 3 times in all", "killed 1: a; 2 times in all", "killed 2: a; 3 times in all")
    )
    assert first == again != next_
    assert FINDING.key != replace(FINDING, subject="another").key


def test_a_host_cannot_make_a_row_grow_without_end() -> None:
    found = record(
        events=tuple(kill("x" * 10_000, pid) for pid in range(3000)),
        processes=tuple(process(pid, unit="p" * 10_000) for pid in range(100, 200)),
    )
    found = replace(
        found,
        findings=(replace(FINDING, observed="z" * 10_000),) * 3000,
        drift=(Change(*["y" * 10_000] * 6),) * 3000,
        groups=("g" * 10_000,) * 3000,
        trends=(replace(TREND, unit="t" * 10_000),) * 3000,
    )
    row = row_of(found)
    assert (
        (len(row.findings), len(row.drift), len(row.kills))
        == (MOST_FINDINGS, MOST_DRIFT, MOST_KILLS)
        == (100, 200, 100)
    )
    assert (len(row.groups), len(row.leaks), len(row.killed_first)) == (MOST_GROUPS, MOST_LEAKS, MOST_CANDIDATES)
    assert (MOST_GROUPS, MOST_LEAKS, MOST_CANDIDATES) == (50, 50, 3)
    assert (row.counts["warning"], row.drift_count) == (3000, 3000)
    assert len(json.dumps(asdict(row))) < 2_000_000


def test_only_what_leaks_is_among_the_leaks() -> None:
    row = row_of(replace(record(), trends=(TREND, replace(TREND, verdict="steady"))))
    assert row.leaks == (RowLeak("nginx.service", "nginx", "1", 1 << 20),)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
def test_all_text_of_a_row_is_printable(text: str) -> None:
    found = record(
        text,
        processes=(process(comm=text, unit=text),),
        events=(oom_event(unit=text, timestamp=text, victims=(Victim(5, comm=text),)),),
    )
    finding = replace(FINDING, **dict.fromkeys(("id", "subject", "observed", "expected", "message", "remedy"), text))
    trend = replace(TREND, unit=text, package=text, version=text)
    found = replace(
        found,
        drift=(Change(*[text] * 6),),
        groups=(text,),
        error=text,
        findings=(*found.findings, finding),
        trends=(trend,),
    )
    stack: list[Any] = [row_of(found)]
    while stack:
        value = stack.pop()
        if is_dataclass(value):
            value = vars(value)
        stack += value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else []
        assert not isinstance(value, str) or (value.isprintable() and len(value) <= 1000)


def test_a_file_that_is_no_record_has_a_row_that_says_so(tmp_path: Path) -> None:
    row = row_of(record_or_failure(tmp_path / "web.json"))
    assert (row.host, row.level) == ("web", "not audited")
    assert row.error is not None and "web.json is not a record of an audit: [Errno 2]" in row.error
    assert row.findings[0].id == "audit.failed"
