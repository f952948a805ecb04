# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a host differs from what is declared: the plan of the very modules that converge it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._plan import Change, Plan
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.families import Policy
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.family import Declaration
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import ServicesDeclaration
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import SysctlDeclaration
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import ServiceState
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.decide import decide
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.services import (
    JudgedService,
    judged,
    plan_services,
    tasks,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.sysctls import plan_sysctls


@dataclass(frozen=True)
class Drift:
    """What differs, the layers of each declared service, and what could not be compared, and why."""

    plan: Plan = field(default_factory=Plan)
    services: tuple[JudgedService, ...] = ()
    not_compared: tuple[str, ...] = ()


def find_drift(state: HostState, policy: Policy) -> Drift:
    changes: list[Change] = []
    services: list[JudgedService] = []
    not_compared: list[str] = []
    for declaration in policy.declarations:
        try:
            found = _compared(state, declaration)
        except LifeboatError as error:
            found = Drift(not_compared=(str(error),))
        changes += found.plan.changes
        services += found.services
        not_compared += [f"{declaration.family.name}: {why}" for why in found.not_compared]
    return Drift(Plan(tuple(changes)), tuple(services), tuple(not_compared))


def _compared(state: HostState, declaration: Declaration) -> Drift:
    if isinstance(declaration, SysctlDeclaration) and state.sysctls is not None:
        decision = decide(declaration, state.sysctls, state.memory, state.dormant or ())
        return Drift(plan_sysctls(state.sysctls, decision.goal))
    if isinstance(declaration, ServicesDeclaration) and state.declared is not None:
        known = {unit.name for unit in state.declared.declared}
        unknown = [service.name for service in declaration.services if service.name not in known]
        work = tasks(
            state.declared,
            [each for each in declaration.services if each.name in known],
            declaration.options["exclusive"],
        )
        silent: tuple[str, ...] = (f"the host said nothing about {', '.join(unknown)}",) if unknown else ()
        unseen = [unit.name for unit in state.declared.declared if any(map(_is_unseen, unit.states))]
        if state.processes_hidden and unseen:
            silent += (f"the processes of {', '.join(unseen)} are hidden from the user who looked",)
        return Drift(plan_services(work), tuple(judged(task) for task in work), silent)
    if isinstance(declaration, ServicesDeclaration) and _has_none(state, declaration):
        return Drift()
    part = declaration.family.part
    return Drift(not_compared=("; ".join(each.why for each in state.unread if part in each.what) or "not read",))


def _is_unseen(unit: ServiceState) -> bool:
    """Whether it has a process that was not seen."""
    return unit.unit.main_pid is not None and not unit.running


def _has_none(state: HostState, declaration: ServicesDeclaration) -> bool:
    """Whether no drop-in of ours shall be there, and none can: systemd is not the init here."""
    return not any(each.present for each in declaration.services) and state.host.init not in (None, "systemd")
