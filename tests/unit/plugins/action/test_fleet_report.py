# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.oom.plugins.action.fleet_report import FAIL_ON, crosses
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit import not_audited

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
