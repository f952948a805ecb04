# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong on a host, or about to be: each finding has a stable id."""

from __future__ import annotations

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import SEVERITIES, Finding
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings import declared, kills, leaks, memory
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Evidence

_RULES = (
    kills.past_kills,
    kills.next_kills,
    kills.protection,
    kills.inherited,
    kills.sessions,
    kills.counted_kills,
    memory.commitment,
    memory.refusals,
    memory.shortage,
    memory.waiting,
    memory.groups,
    leaks.leaks,
    leaks.cures,
    declared.scores,
    declared.overridden,
    declared.daemons,
    declared.not_compared,
)


def find(evidence: Evidence) -> tuple[Finding, ...]:
    """All findings, the worst first."""
    found = [finding for rule in _RULES for finding in rule(evidence)]
    return tuple(sorted(found, key=lambda finding: -SEVERITIES.index(finding.severity)))
