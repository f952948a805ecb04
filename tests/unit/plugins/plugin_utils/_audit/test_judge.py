# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import pytest
from unit.audits import NOW, RUN, audit_of, declared_policy, down, record
from unit.samples import declared, host_state, process, service, services_state

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import AuditPoint, HostPast
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import RECORD_SCHEMA, Record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Thresholds
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.judge import Criteria, Subject, audited
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.lives import with_read
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.typed_from_json import load

SERVICES = [{"name": "nginx", "oom_score_adj": -500}]


def test_a_record_holds_all_that_the_report_needs() -> None:
    found = record(policy={"mode": "always"}, services=SERVICES, declared=services_state(declared(service())))
    assert (found.host, found.run, found.audited_at, found.at) == ("web", RUN, NOW, 1_777_863_721)
    assert (found.reachable, found.error, found.declares) == (True, None, True)
    assert [change.layer for change in found.drift][:3] == ["runtime", "file", "drop-in"]
    assert [entry.verdict for entry in found.services] == ["missing"]
    assert [finding.id for finding in found.findings] == ["score.missing"]
    assert found.state is not None and found.state.memory.total_kib == 4_000_000
    assert found.outlook == found.state.outlook()


def test_a_record_survives_json() -> None:
    found = record(policy={"mode": "always"}, services=SERVICES, declared=services_state(declared(service())))
    data = json.loads(json.dumps(found.as_dict()))
    assert data["schema"] == RECORD_SCHEMA
    assert load(Record, data, "record") == found


@pytest.mark.parametrize(
    ("reachable", "finding_id"), [(False, "audit.unreachable"), (True, "audit.failed")], ids=["not reached", "failed"]
)
def test_a_host_that_could_not_be_looked_at_is_a_result_too(reachable: bool, finding_id: str) -> None:
    found = down(reachable=reachable)
    assert (found.reachable, found.error, found.state, found.outlook) == (reachable, "timed out", None, None)
    assert (found.declares, found.drift, found.services, found.run) == (None, (), (), RUN)
    (finding,) = found.findings
    assert (finding.id, finding.severity, finding.subject) == (finding_id, "critical", "web")
    assert finding.observed == "timed out"


def test_what_is_known_of_the_host_counts() -> None:
    """The numbers of the audit before, and the lives of its services with what this look has read."""
    point = AuditPoint(1_777_863_721 - 600, True, boot_id="4f0c1d2e", swap_in_pages=0)
    state = host_state()
    state = replace(state, counters=replace(state.counters, swap_in_pages=400_000))
    found = audit_of(state, past=HostPast(audits=(point,))).record
    assert [finding.observed for finding in found.findings] == ["156 MiB a minute read back from swap"]


def test_a_trend_knows_what_the_audit_sees_now() -> None:
    thresholds = Thresholds(leak_min_samples=4, leak_min_minutes=0, leak_period_minutes=0, leak_min_growth_mib=1)
    past = HostPast()
    for number in range(12):
        state = host_state(processes=(process(rss_anon_kib=80_000 + 9_000 * number),))
        state = replace(state, host=replace(state.host, uptime_seconds=1000.0 + 60 * number))
        when = datetime.fromisoformat(NOW)
        found = audited(Subject("web", RUN), when, state, past, Criteria(thresholds=thresholds))
        past = replace(past, lives=with_read(past.lives, found.read))
    (trend,) = found.record.trends
    assert (trend.unit, trend.verdict, trend.samples) == ("nginx.service", "leak", 12)
    assert trend.rate_bytes_per_hour == 9_000 * 1024 * 60


def test_what_is_declared_is_what_is_compared() -> None:
    assert audit_of(host_state(), policy=declared_policy({"mode": "always"})).record.drift
    assert not audit_of(host_state()).record.declares
