# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is declared and does not hold, and who else has a say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.inheritance import remedy
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Finding, Severity
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings import catalogue
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Evidence

_NOT_LOOKED_AT = "not booted with systemd"


def scores(evidence: Evidence) -> Iterator[Finding]:
    """Each declared service that is not as declared, by its verdict."""
    for service in evidence.drift.services:
        gone = service.state == "absent"
        if service.verdict == "ok" or (gone and service.dropin is None):
            continue
        # A process that sets its own score is usually right to do so.
        own = service.verdict == "self_adjusted"
        severity: Severity | None = "info" if own else None
        culprit = f" ({service.culprit})" if service.culprit else ""
        kind = replace(catalogue.SCORE, id="score." + service.verdict)
        yield kind.found(
            evidence.thresholds,
            service.name,
            f"{service.verdict}{culprit}",
            severity=severity,
            remedy=remedy(service.culprit) if own else None,
            expected="no drop-in of ours" if gone else _settings(service.declared) + " in every layer",
        )


def _settings(declared: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in declared.items())


def overridden(evidence: Evidence) -> Iterator[Finding]:
    """A sysctl of ours that another file sets after us."""
    for change in evidence.drift.plan.of("boot"):
        yield catalogue.OVERRIDDEN.found(
            evidence.thresholds, change.key, change.why, expected=f"{change.after} at the next boot"
        )


def daemons(evidence: Evidence) -> Iterator[Finding]:
    """More than one that kills by its own rules."""
    found = evidence.state.daemons or ()
    if len({daemon.name for daemon in found}) > 1:
        names = ", ".join(f"{daemon.name} (pid {daemon.pid})" for daemon in found)
        yield catalogue.DAEMONS.found(evidence.thresholds, "OOM daemons", names)


def not_compared(evidence: Evidence) -> Iterator[Finding]:
    """What is declared and could not be looked at; and what else could not."""
    for why in evidence.drift.not_compared:
        yield catalogue.NOT_COMPARED.found(evidence.thresholds, why.partition(":")[0], why)
    unread = [entry for entry in evidence.state.unread if _NOT_LOOKED_AT not in entry.why]
    if unread:
        observed = "; ".join(f"{entry.what}: {entry.why}" for entry in unread)
        yield catalogue.INCOMPLETE.found(evidence.thresholds, "audit", observed)
