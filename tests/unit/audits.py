# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audits of the device of C(samples.py), as the controller makes and keeps them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from unit.samples import host_state, policy_of

from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.families import Policy
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import HostPast
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.location import open_history
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.keep import Kept, keep
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Finding, Record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import RecordFiles
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import Row, row_of
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.judge import (
    Audited,
    Criteria,
    Subject,
    audited,
    not_audited,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import ServiceTrend, TrendPoints
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.host_page_file import draw_host
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.host_state import validate

NOW = "2026-05-04T03:02:01+00:00"
AT = 1_777_863_721
RUN = "controller:1:5"
FINDING = Finding("x.y", "warning", "subject", "observed", "expected", "message", "remedy")
TREND = ServiceTrend(
    unit="nginx.service",
    verdict="leak",
    rate_bytes_per_hour=1 << 20,
    confidence_pct=99.9,
    samples=5,
    seconds=18_000,
    lives=1,
    package="nginx",
    version="1",
    bound=None,
    seconds_left=None,
    cure=None,
    points=(TrendPoints((1000, 1100), (10_240, 20_480)), TrendPoints((1200,), (5_120,))),
)


def declared_policy(overcommit: Any = None, services: Any = None) -> Policy:
    return policy_of(overcommit, None, services)


def travelled(state: HostState) -> HostState:
    """As it comes from a device."""
    return validate(json.loads(json.dumps(state.as_facts())))


def audit_of(
    state: HostState, host: str = "web", when: str = NOW, policy: Policy | None = None, past: HostPast | None = None
) -> Audited:
    criteria = Criteria(policy or Policy())
    return audited(Subject(host, RUN), datetime.fromisoformat(when), travelled(state), past or HostPast(), criteria)


def record(host: str = "web", when: str = NOW, policy: Any = None, services: Any = None, **changes: Any) -> Record:
    """Of a device with these I(changes) to its state, and what is declared for it."""
    return audit_of(host_state(**changes), host, when, declared_policy(policy, services)).record


def down(host: str = "web", error: str = "timed out", reachable: bool = False, when: str = NOW) -> Record:
    return not_audited(Subject(host, RUN), datetime.fromisoformat(when), reachable, error).record


def row(host: str = "web", **changes: Any) -> Row:
    return row_of(record(host, **changes))


def found_on(host: str = "web", *findings: Finding, **changes: Any) -> Record:
    """A record with these findings, and no others."""
    return replace(record(host, **changes), findings=findings)


def publish(folder: Path, record: Record) -> Kept:
    """Keep a record and draw its page, as the audit does."""
    files = RecordFiles(folder)
    with open_history(files.folder) as history:
        kept = keep(files, history, history.past(record.host), record)
    draw_host(files, kept.filed, kept.record, kept.past)
    return kept
