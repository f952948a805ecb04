# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import psutil
import pytest
from unit.samples import host_state, policy_of

from ansible_collections.lifeboat.oom.plugins.action import fleet_report
from ansible_collections.lifeboat.oom.plugins.action.fleet_report import (
    FAIL_ON,
    MOST_IN_FULL,
    Run,
    crosses,
    dropped,
    lost,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import Spool
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import row_of
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.record import audited, not_audited

NOW = "2026-05-04T03:02:01+00:00"


def record(*severities: str, drift: bool = False) -> dict[str, Any]:
    return {
        "reachable": True,
        "error": None,
        "drift": [{"key": "vm.overcommit_memory"}] if drift else [],
        "findings": [{"severity": severity} for severity in severities],
    }


@pytest.mark.parametrize(
    ("found", "crossed"),
    [
        (record(), set()),
        (record("info"), set()),
        (record("warning"), {"warning"}),
        (record("critical"), {"warning", "critical"}),
        (record("info", "critical", "warning"), {"warning", "critical"}),
        (record(drift=True), {"drift", "warning"}),
        (record("critical", drift=True), {"drift", "warning", "critical"}),
        (not_audited("web", NOW, reachable=False, error="timed out"), {"drift", "warning", "critical"}),
        (not_audited("web", NOW, reachable=True, error="no python"), {"drift", "warning", "critical"}),
    ],
    ids=["fine", "info", "warning", "critical", "the worst counts", "drift", "both", "not reached", "not audited"],
)
def test_a_host_crosses_what_it_is_as_bad_as(found: dict[str, Any], crossed: set[str]) -> None:
    assert {fail_on for fail_on in FAIL_ON if crosses(found, fail_on)} == crossed


@pytest.mark.parametrize(
    ("finding_id", "severity", "crossed"),
    [
        ("score.not_found", "warning", True),
        ("audit.not_compared", "warning", True),
        ("score.self_adjusted", "info", False),
        ("oom.recent_kill", "warning", False),
    ],
)
def test_what_does_not_hold_counts_as_drift(finding_id: str, severity: str, crossed: bool) -> None:
    found = {**record(), "findings": [{"id": finding_id, "severity": severity}]}
    assert crosses(found, "drift") is crossed


def seen(folder: Path, run: Run, count: int) -> list[str]:
    """The terminal's lines about a fleet of this size, half of it down."""
    spool = Spool(folder)
    up = audited("up", NOW, host_state().as_facts(), policy_of({"mode": "always"}))
    for number in range(count):
        down = not_audited(f"h{number}", NOW, reachable=False, error="timed out")
        spool.write(f"h{number}", {**up, "host": f"h{number}"} if number % 2 else down)
    for _unused, row in spool.rows():
        run.see(row)
    return list(run.summary(spool))


def test_only_the_hosts_of_the_run_are_judged_and_told(tmp_path: Path) -> None:
    run = Run(["h1", "h3"], "drift")
    lines = seen(tmp_path, run, 5)
    assert run.crossed == ["h1", "h3"]
    assert [line for line in lines if not line.startswith(" ")] == ["h1:", "h3:"]
    assert "  drift: 2 value(s)" in lines


def test_many_hosts_are_counted(tmp_path: Path) -> None:
    count = MOST_IN_FULL + 2
    run = Run([f"h{number}" for number in range(count)], "critical")
    lines = seen(tmp_path, run, count)
    assert lines[:6] == [
        f"{count} hosts:",
        f"  not audited: {count // 2}",
        "  critical: 0",
        f"  warning: {count // 2}",
        "  info: 0",
        "  fine: 0",
    ]
    assert lines[6:8] == ["the 10 that need somebody first:", "  h0: not audited: timed out"]
    assert len(lines) == 17
    assert len(run.crossed) == count // 2


def test_a_row_crosses_as_its_record_does() -> None:
    record = audited("web", NOW, host_state().as_facts(), policy_of({"mode": "always"}))
    assert [crosses(vars(row_of(record)), each) for each in FAIL_ON] == [crosses(record, each) for each in FAIL_ON]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{", "h1: not audited: "),
        ('{"host": "h1", "state": {}, "findings": []}', "h1: fine"),
        ('{"host": "h1", "state": 5, "drift": 5, "findings": [5]}', "h1: fine"),
    ],
    ids=["cut", "of another version", "of no version"],
)
def test_a_record_that_cannot_be_told_in_full_is_told_in_short(tmp_path: Path, text: str, line: str) -> None:
    spool, run = Spool(tmp_path), Run(["h1", "h2"], "none")
    spool.write("h2", not_audited("h2", NOW, reachable=False, error="timed out"))
    (spool.hosts / "h1.json").write_text(text)
    for _unused, row in spool.rows():
        run.see(row)
    first, *rest = run.summary(spool)
    assert first.startswith(line)
    assert rest == ["h2:", "  not audited: timed out"]


def test_hosts_that_the_play_lost_unseen_are_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path)
    for host in ("well", "lost now", "lost before"):
        spool.write(host, not_audited(host, NOW, reachable=True, error="no python"))
    parent = psutil.Process(os.getppid()).create_time()
    os.utime(spool.path_of("lost before"), (parent - 1, parent - 1))
    variables = {"ansible_play_hosts_all": ["well", "lost now", "lost before", "never seen"]}
    assert dropped(spool, {**variables, "ansible_play_hosts": ["well"]}) == ["lost before", "never seen"]
    assert dropped(spool, {**variables, "ansible_play_hosts": variables["ansible_play_hosts_all"]}) == []
    monkeypatch.setattr(fleet_report, "psutil", None)
    assert dropped(spool, {**variables, "ansible_play_hosts": ["well"]}) == []


def test_hosts_of_later_batches_are_not_judged_by_what_was_seen_before() -> None:
    play = {"ansible_play_hosts_all": ["now", "lost", "later"], "ansible_play_hosts": ["now", "later"]}
    assert lost({**play, "ansible_play_batch": ["now"]}) == {"lost"}
