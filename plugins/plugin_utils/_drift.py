# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a host differs from what is declared: the plan of the very modules that converge it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._plan import Change, Plan
from ansible_collections.lifeboat.oom.plugins.module_utils._policy import (
    OvercommitPolicy,
    ServicePolicy,
    known_keys,
    overcommit_policy,
    service_policies,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import ServiceState
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.overcommit import decide
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.services import as_result, plan_services
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.sysctls import plan_sysctls

OVERCOMMIT_VARIABLE = "oom_kernel_overcommit"
SERVICES_VARIABLE = "oom_protect_services"
_OVERCOMMIT_KEYS = tuple(OvercommitPolicy.__dataclass_fields__)
# Options of the module that say how to apply, not what is declared.
_HOW = ("state", "runtime", "persistent", "min_headroom_pct", "force", "sysctl_file", "on_conflict")


@dataclass(frozen=True)
class Policy:
    """All that the inventory declares for one host."""

    overcommit: OvercommitPolicy
    services: tuple[ServicePolicy, ...]


@dataclass(frozen=True)
class Drift:
    """What differs, the layers of each declared service, and what could not be compared, and why."""

    plan: Plan
    services: tuple[Mapping[str, Any], ...]
    not_compared: tuple[str, ...]


def load_policy(overcommit: Any, services: Any) -> Policy:
    """Validate the two variables of the inventory. Raises InvalidPolicy naming the one that is wrong."""
    declared = known_keys(OVERCOMMIT_VARIABLE, overcommit or {}, _OVERCOMMIT_KEYS + _HOW)
    if declared.get("state") == "absent":
        declared = {}
    return Policy(overcommit_policy(declared, OVERCOMMIT_VARIABLE), service_policies(services or [], SERVICES_VARIABLE))


def find_drift(state: HostState, policy: Policy) -> Drift:
    changes: list[Change] = []
    not_compared: list[str] = []
    try:
        goal = decide(policy.overcommit, state.sysctls, state.memory).goal
        changes += plan_sysctls(state.sysctls, goal).changes
    except LifeboatError as error:
        not_compared.append(f"overcommit: {error}")
    services: tuple[Mapping[str, Any], ...] = ()
    if policy.services and state.services is None:
        why = "; ".join(unread.why for unread in state.unread if unread.what == "services")
        not_compared.append(f"services: {why}")
    elif policy.services:
        states = _by_declared_name(state.services or (), policy.services)
        changes += plan_services(states, policy.services).changes
        services = tuple(as_result(states[service.name], service) for service in policy.services)
    return Drift(Plan(tuple(changes)), services, tuple(not_compared))


def _by_declared_name(states: Sequence[ServiceState], policies: Sequence[ServicePolicy]) -> dict[str, ServiceState]:
    names = {name: state for state in states for name in (*state.unit.names, state.unit.id)}
    return {policy.name: names[policy.name] for policy in policies}
