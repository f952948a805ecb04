# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One audit of one host: from its state to the record that is kept, and that every report is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.families import Policy
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import SENSITIVE
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import HostPast
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.drift import find_drift
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings import catalogue
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.find import find
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Evidence, Thresholds
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.lives import LifeRead, lives_read, with_read
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.trends_of_host import service_trends


@dataclass(frozen=True)
class Subject:
    """The host that an audit is of, and the run that it belongs to."""

    host: str
    run: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Criteria:
    """What a host is judged by: what is declared for it, and from where on something is worth a finding."""

    policy: Policy = field(default_factory=Policy)
    thresholds: Thresholds = field(default_factory=Thresholds)
    sensitive: Mapping[str, Sequence[str]] = field(default_factory=lambda: SENSITIVE)


@dataclass(frozen=True)
class Audited:
    """The record, and what the look adds to the lives of services in the history."""

    record: Record
    read: tuple[LifeRead, ...] = ()


def audited(subject: Subject, when: datetime, state: HostState, past: HostPast, criteria: Criteria) -> Audited:
    """Judge a host that was looked at just before I(when), and of which I(past) is known."""
    audited_at = int(when.timestamp())
    read = lives_read(state, audited_at, past.lives)
    limits = criteria.thresholds.leak_limits()
    evidence = Evidence(
        state=state,
        policy=criteria.policy,
        drift=find_drift(state, criteria.policy),
        outlook=state.outlook(),
        sensitive=criteria.sensitive,
        thresholds=criteria.thresholds,
        now=when,
        before=past.before(state.host.boot_id),
        trends=service_trends(state, with_read(past.lives, read), past.upgrades, limits),
    )
    record = Record(
        host=subject.host,
        run=subject.run,
        audited_at=when.isoformat(timespec="seconds"),
        reachable=True,
        groups=subject.groups,
        declares=criteria.policy.declares,
        drift=evidence.drift.plan.changes,
        services=evidence.drift.services,
        findings=find(evidence),
        trends=evidence.trends,
        state=state,
        outlook=evidence.outlook,
    )
    return Audited(record, read)


def not_audited(subject: Subject, when: datetime, reachable: bool, error: str) -> Audited:
    """Of a host that could not be looked at: a result too, not a hole."""
    kind = catalogue.FAILED if reachable else catalogue.UNREACHABLE
    record = Record(
        host=subject.host,
        run=subject.run,
        audited_at=when.isoformat(timespec="seconds"),
        reachable=reachable,
        error=error,
        groups=subject.groups,
        findings=(kind.found(Thresholds(), subject.host, error),),
    )
    return Audited(record)
