# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from unit.audits import FINDING, down, found_on
from unit.audits import record as audit

from ansible_collections.lifeboat.oom.plugins.action.fleet_report import (
    DROPPED,
    FAIL_ON,
    MOST_IN_FULL,
    Run,
    crosses,
    keep_missing,
    lost,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._plan import Change
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.location import open_history
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import RecordFiles
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import Row, row_of
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.run_id import this_run


def record(*severities: Any, drift: bool = False) -> Row:
    found = found_on("web", *(replace(FINDING, severity=severity) for severity in severities))
    return row_of(replace(found, drift=(Change("a", "file", "k", None, "1", "why"),) if drift else ()))


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
        (row_of(down()), {"drift", "warning", "critical"}),
        (row_of(down(error="no python", reachable=True)), {"drift", "warning", "critical"}),
    ],
    ids=["fine", "info", "warning", "critical", "the worst counts", "drift", "both", "not reached", "not audited"],
)
def test_a_host_crosses_what_it_is_as_bad_as(found: Row, crossed: set[str]) -> None:
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
def test_what_does_not_hold_counts_as_drift(finding_id: str, severity: Any, crossed: bool) -> None:
    found = row_of(found_on("web", replace(FINDING, id=finding_id, severity=severity)))
    assert crosses(found, "drift") is crossed


def seen(folder: Path, run: Run, count: int) -> list[str]:
    """The terminal's lines about a fleet of this size, half of it down."""
    files = RecordFiles(folder)
    for number in range(count):
        host = f"h{number}"
        files.write(audit(host, policy={"mode": "always"}) if number % 2 else down(host))
    for filed in files.rows():
        run.see(filed.row)
    return list(run.summary(files))


def test_only_the_hosts_of_the_run_are_judged_and_told(tmp_path: Path) -> None:
    run = Run(["h1", "h3"], "drift")
    lines = seen(tmp_path, run, 5)
    assert run.crossed == ["h1", "h3"]
    assert [line for line in lines if not line.startswith(" ")] == ["h1:", "h3:"]
    assert "  drift: 2 value(s)" in lines


@pytest.mark.parametrize("host", ["web\u202e", "line\nbreak", "h" * 400], ids=["direction", "line", "long"])
def test_no_name_of_an_inventory_keeps_a_host_from_being_judged(tmp_path: Path, host: str) -> None:
    files, run = RecordFiles(tmp_path), Run([host], "critical")
    files.write(down(host))
    for filed in files.rows():
        run.see(filed.row)
    assert len(run.crossed) == 1
    assert [line for line in run.summary(files) if "timed out" in line]


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


def test_a_record_that_cannot_be_told_in_full_is_told_in_short(tmp_path: Path) -> None:
    files, run = RecordFiles(tmp_path), Run(["h1", "h2"], "none")
    for host in ("h1", "h2"):
        files.write(down(host))
    (files.hosts / "h1.json").write_text("{")
    for filed in files.rows():
        run.see(filed.row)
    first, *rest = run.summary(files)
    assert first.startswith("h1: not audited: ")
    assert rest == ["h2:", "  not audited: timed out"]


@pytest.mark.parametrize("with_psutil", [True, False])
def test_a_host_that_this_run_has_no_record_of_gets_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_psutil: bool
) -> None:
    """Yesterday's must not stand as today's: the play lost the host before its audit was asked."""
    if not with_psutil:
        monkeypatch.setattr("ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.run_id.psutil", None)
    files, hosts = RecordFiles(tmp_path), ["well", "lost", "never seen"]
    files.write(replace(audit("well"), run=this_run()))
    files.write(audit("lost"))
    variables = {"hostvars": {host: {"group_names": ["kiosks"]} for host in hosts}}
    with open_history(tmp_path) as history:
        for _twice in range(2):
            keep_missing(files, history, hosts, variables)
        assert [len(history.past(host).audits) for host in hosts] == [0, 1, 1]
    rows = {filed.row.host: filed.row for filed in files.rows()}
    assert {host: row.level for host, row in rows.items()} == {
        "well": "fine",
        "lost": "not audited",
        "never seen": "not audited",
    }
    assert (rows["lost"].error, rows["lost"].groups, rows["lost"].run) == (DROPPED, ("kiosks",), this_run())


def test_hosts_of_later_batches_are_not_judged_by_what_was_seen_before() -> None:
    play = {"ansible_play_hosts_all": ["now", "lost", "later"], "ansible_play_hosts": ["now", "later"]}
    assert lost({**play, "ansible_play_batch": ["now"]}) == {"lost"}
