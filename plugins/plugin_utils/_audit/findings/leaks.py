# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who grows without end, and whether an upgrade has changed that."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Finding
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings import catalogue
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Evidence
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.kills import protected_names
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.words import growth, rate


def leaks(evidence: Evidence) -> Iterator[Finding]:
    protected = protected_names(evidence.state, evidence.policy)
    for trend in evidence.trends:
        if trend.leaks:
            kind = catalogue.LEAK_PROTECTED if trend.unit in protected else catalogue.LEAK
            yield kind.found(evidence.thresholds, trend.unit, growth(trend))


def cures(evidence: Evidence) -> Iterator[Finding]:
    """What leaked before an upgrade, and does or does not now."""
    for trend in evidence.trends:
        if trend.cure is None or trend.cure.cured is None:
            continue
        kind = catalogue.LEAK_CURED if trend.cure.cured else catalogue.LEAK_PERSISTS
        upgrade, before = trend.cure.upgrade, rate(trend.cure.rate_before_bytes_per_hour)
        since = rate(trend.rate_bytes_per_hour)
        yield kind.found(
            evidence.thresholds,
            trend.unit,
            f"{upgrade.package} {upgrade.before} to {upgrade.after}: {before} before, {since} since",
        )
