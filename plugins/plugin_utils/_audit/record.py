# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One audit of one host: from the facts to the record that the report is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._printable import printable
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.protection import SENSITIVE
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.drift import Policy, find_drift
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings import catalogue
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.find import find
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Finding, Seen, Thresholds
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import ServiceTrend
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.typed_from_json import WrongShape, load_state

RECORD_SCHEMA = 1


def audited(
    host: str,
    when: str,
    facts: Mapping[str, Any],
    policy: Policy,
    thresholds: Thresholds | None = None,
    sensitive: Mapping[str, Sequence[str]] | None = None,
    earlier: Mapping[str, Any] | None = None,
    trends: Sequence[ServiceTrend] = (),
) -> dict[str, Any]:
    """The record of a host that answered at I(when), in ISO 8601; I(earlier) and I(trends) as C(Seen) has them.

    Raises WrongShape where I(facts) are not ours.
    """
    state = load_state(facts)
    try:
        return _judged(host, when, state, policy, thresholds or Thresholds(), sensitive, earlier, trends)
    except ValueError as error:
        raise WrongShape(f"the host says a number that is none: {error}") from error


def _judged(
    host: str,
    when: str,
    state: HostState,
    policy: Policy,
    thresholds: Thresholds,
    sensitive: Mapping[str, Sequence[str]] | None,
    earlier: Mapping[str, Any] | None,
    trends: Sequence[ServiceTrend],
) -> dict[str, Any]:
    drift = find_drift(state, policy)
    # Made anew: what follows from the state is computed here, and what else a device may say stays out.
    seen_facts = printable(state.as_facts())
    seen = Seen(
        state=state,
        policy=policy,
        drift=drift,
        kill_order=tuple(seen_facts["kill_order"] or ()),
        forecast=tuple(seen_facts["forecast"] or ()),
        sensitive=SENSITIVE if sensitive is None else sensitive,
        thresholds=thresholds,
        now=datetime.fromisoformat(when),
        earlier=earlier,
        trends=tuple(trends),
    )
    record = _record(host, when, find(seen))
    record.update(drift=drift.plan.as_list(), services=[dict(service) for service in drift.services], state=seen_facts)
    record["declares"] = policy.declares
    record["trends"] = [printable(trend.as_dict()) for trend in trends]
    return record


def not_audited(host: str, when: str, reachable: bool, error: str) -> dict[str, Any]:
    """The record of a host that could not be looked at: a result too, not a hole."""
    kind = catalogue.FAILED if reachable else catalogue.UNREACHABLE
    record = _record(host, when, [kind.found(Thresholds(), host, error)])
    record.update(reachable=reachable, error=error)
    return record


def _record(host: str, when: str, findings: Iterable[Finding]) -> dict[str, Any]:
    return {
        "schema": RECORD_SCHEMA,
        "host": host,
        "audited_at": when,
        "reachable": True,
        "error": None,
        "declares": None,
        "drift": [],
        "services": [],
        "findings": [printable(finding.as_dict()) for finding in findings],
        "trends": [],
        "state": None,
    }
