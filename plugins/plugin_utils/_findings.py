# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong on a host, or about to be: each finding has a stable id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._policy import OvercommitPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.overcommit import decide
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drift import Drift, Policy

SEVERITIES = ("info", "warning", "critical")


@dataclass(frozen=True)
class Finding:
    """I(id) is stable; I(subject) is the unit or the setting that it is about."""

    id: str
    severity: str
    subject: str
    observed: str
    expected: str
    message: str
    remedy: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def find(state: HostState, policy: Policy, drift: Drift) -> tuple[Finding, ...]:
    """All findings, the worst first."""
    found = [*_kills(state, policy), *_headroom(state), *_scores(drift), *_not_compared(drift)]
    return tuple(sorted(found, key=lambda finding: -SEVERITIES.index(finding.severity)))


def victim_names(event: Mapping[str, Any]) -> str:
    """Who died in an OOM event: its unit, else its processes."""
    victims = [victim for victim in event.get("victims") or () if isinstance(victim, Mapping)]
    processes = ", ".join(f"{victim.get('comm')} (pid {victim.get('pid')})" for victim in victims)
    return f"{event['unit']}: {processes}" if event.get("unit") else processes


def _kills(state: HostState, policy: Policy) -> Iterator[Finding]:
    protected = _protected_names(state, policy)
    for event in state.events or ():
        if event.get("kind") == "panic":
            yield _oom_finding(event, "oom.panic", "critical", "the kernel ran out of memory and stopped")
        elif event.get("kind") == "kill" and event.get("unit") in protected:
            message = "the kernel ran out of memory and killed a protected service"
            yield _oom_finding(event, "oom.protected_service_killed", "critical", message)
        elif event.get("kind") == "kill":
            yield _oom_finding(event, "oom.recent_kill", "warning", "the kernel ran out of memory and killed a process")


def _oom_finding(event: Mapping[str, Any], finding_id: str, severity: str, message: str) -> Finding:
    who, when = victim_names(event), event.get("timestamp") or "at an unknown time"
    return Finding(
        id=finding_id,
        severity=severity,
        subject=str(event.get("unit") or who or "kernel"),
        observed=f"killed {when}: {who}" if who else f"{event.get('kind')} {when}",
        expected="no OOM kill",
        message=message,
        remedy="find what grew (see the forecast); give it a limit or more memory; if it leaks, no score cures it",
    )


def _protected_names(state: HostState, policy: Policy) -> set[str]:
    """Every name under which a protected service may stand in the log: its cgroup has the unit's own."""
    declared = {service.name for service in policy.services if (service.oom_score_adj or 0) < 0}
    units = state.declared.declared if state.declared is not None else ()
    behind = {each.unit.id for unit in units if unit.name in declared for each in unit.states}
    return declared | behind


def _headroom(state: HostState) -> Iterator[Finding]:
    """Mode never on the running host: is there room left to start something?"""
    guard = None if state.sysctls is None else decide(OvercommitPolicy(), state.sysctls, state.memory).guard
    if guard is None or guard.headroom.passes:
        return
    room, ratio = guard.headroom, guard.ratio_that_passes
    raise_it = f"raise the ratio to {ratio}, " if ratio is not None and ratio <= 100 else ""
    yield Finding(
        id="commit.headroom_low",
        severity="critical",
        subject="vm.overcommit_memory",
        observed=f"{room.room_kib} KiB ({room.room_pct} %) of {room.limit_kib} KiB can still be promised",
        expected=f"at least {room.wanted_pct} %",
        message="overcommit mode never is on and nearly all is promised: programs fail to start",
        remedy=raise_it + "add swap, commit less, or leave the mode",
    )


def _scores(drift: Drift) -> Iterator[Finding]:
    for service in drift.services:
        gone = service["state"] == "absent"
        if service["verdict"] == "ok" or (gone and service["dropin"] is None):
            continue
        # A process that sets its own score is usually right to do so.
        severity = "info" if service["verdict"] == "self_adjusted" else "warning"
        culprit = f" ({service['culprit']})" if service["culprit"] else ""
        yield Finding(
            id="score." + service["verdict"],
            severity=severity,
            subject=service["name"],
            observed=f"{service['verdict']}{culprit}",
            expected="no drop-in of ours" if gone else _settings(service["declared"]) + " in every layer",
            message="the declared score does not hold for every process of the service",
            remedy="run the playbook lifeboat.oom.site; where it is overridden, remove the culprit's line",
        )


def _settings(declared: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in declared.items())


def _not_compared(drift: Drift) -> Iterator[Finding]:
    for why in drift.not_compared:
        yield Finding(
            id="audit.not_compared",
            severity="warning",
            subject=why.partition(":")[0],
            observed=why,
            expected="that what is declared can be compared",
            message="what is declared could not be compared with the host",
            remedy="take it out of the inventory for this host, or make it readable",
        )
