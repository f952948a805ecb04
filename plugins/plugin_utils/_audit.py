# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One audit of one host: from the facts to the record that the report is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.lifeboat.oom.plugins.module_utils._printable import printable
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drift import Policy, find_drift
from ansible_collections.lifeboat.oom.plugins.plugin_utils._findings import find
from ansible_collections.lifeboat.oom.plugins.plugin_utils._load import load_state

RECORD_SCHEMA = 1


def audited(host: str, when: str, facts: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    """The record of a host that answered. Raises WrongShape where I(facts) are not ours."""
    state = load_state(facts)
    drift = find_drift(state, policy)
    return {
        "schema": RECORD_SCHEMA,
        "host": host,
        "audited_at": when,
        "reachable": True,
        "error": None,
        "drift": drift.plan.as_list(),
        "services": [dict(service) for service in drift.services],
        "findings": [finding.as_dict() for finding in find(state, policy, drift)],
        # Made anew: what follows from the state is computed here, and what else a device may say stays out.
        "state": printable(state.as_facts()),
    }


def not_audited(host: str, when: str, reachable: bool, error: str) -> dict[str, Any]:
    """The record of a host that could not be looked at: a result too, not a hole."""
    finding = {
        "id": "audit.unreachable" if not reachable else "audit.failed",
        "severity": "critical",
        "subject": host,
        "observed": error,
        "expected": "an answer",
        "message": "the host could not be audited",
        "remedy": "see that it is up and that ansible -m ping reaches it"
        if not reachable
        else "run the audit again with -vvv for this host",
    }
    return {
        "schema": RECORD_SCHEMA,
        "host": host,
        "audited_at": when,
        "reachable": reachable,
        "error": error,
        "drift": [],
        "services": [],
        "findings": [finding],
        "state": None,
    }
