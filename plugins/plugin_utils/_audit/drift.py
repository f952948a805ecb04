# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a host differs from what is declared: the plan of the very modules that converge it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy, LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._plan import Change, Plan
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.kernel import (
    OomPolicy,
    OvercommitPolicy,
    known_keys,
    one_of,
    oom_policy,
    overcommit_policy,
    sysctl_path,
    whole_number,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import ServicePolicy, service_policies
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import SysctlState
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.converge_sysctls import COMMON_OPTIONS
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.oom_policy import (
    decide_declared as decide_oom_policy,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.overcommit import (
    decide_declared as decide_overcommit,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.services import (
    JudgedService,
    judged,
    plan_services,
    tasks,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.sysctls import Goal, plan_sysctls

OVERCOMMIT_VARIABLE = "oom_kernel_overcommit"
OOM_POLICY_VARIABLE = "oom_kernel_oom_policy"
SERVICES_VARIABLE = "oom_protect_services"
# Options of the modules that say how to apply, not what is declared.
_FLAGS = ("runtime", "persistent", "force", "kill_allocating_task", "dump_tasks")
_HOW = ("state", "runtime", "persistent", "force", "sysctl_file", "on_conflict")


@dataclass(frozen=True)
class Policy:
    """All that the inventory declares for one host; C(None) where it declares nothing."""

    overcommit: Mapping[str, Any] | None = None
    oom_policy: Mapping[str, Any] | None = None
    services: tuple[ServicePolicy, ...] = ()
    exclusive: bool = False

    @property
    def declares(self) -> bool:
        """Whether there is anything to compare the host with."""
        return bool(self.overcommit or self.oom_policy or self.services or self.exclusive)

    @property
    def sysctl_file(self) -> str | None:
        """The sysctl file, where one is declared that is not the default."""
        return next(
            (each["sysctl_file"] for each in (self.overcommit, self.oom_policy) if each and "sysctl_file" in each), None
        )


@dataclass(frozen=True)
class Drift:
    """What differs, the layers of each declared service, and what could not be compared, and why."""

    plan: Plan
    services: tuple[JudgedService, ...]
    not_compared: tuple[str, ...]


def load_policy(overcommit: Any = None, oom: Any = None, services: Any = None, exclusive: bool = False) -> Policy:
    """Validate the variables of the inventory. Raises InvalidPolicy naming the one that is wrong."""
    keys = (*OvercommitPolicy.__dataclass_fields__, "min_headroom_pct", *_HOW)
    overcommit = _as_the_module(OVERCOMMIT_VARIABLE, known_keys(OVERCOMMIT_VARIABLE, overcommit or {}, keys))
    overcommit_policy(overcommit, OVERCOMMIT_VARIABLE)
    keys = (*OomPolicy.__dataclass_fields__, *_HOW)
    oom = _as_the_module(OOM_POLICY_VARIABLE, known_keys(OOM_POLICY_VARIABLE, oom or {}, keys))
    oom_policy(oom, OOM_POLICY_VARIABLE)
    if overcommit and oom and overcommit.get("sysctl_file") != oom.get("sysctl_file"):
        raise InvalidPolicy(
            f"{OVERCOMMIT_VARIABLE}.sysctl_file and {OOM_POLICY_VARIABLE}.sysctl_file: found "
            f"{overcommit.get('sysctl_file')} and {oom.get('sysctl_file')}, expected the same file for both"
        )
    return Policy(overcommit or None, oom or None, service_policies(services or [], SERVICES_VARIABLE), exclusive)


def _as_the_module(where: str, declared: Mapping[str, Any]) -> dict[str, Any]:
    """The options as AnsibleModule makes them: null is the default, and "no" is false."""
    options = {key: value for key, value in declared.items() if value is not None}
    for key in options:
        if key in _FLAGS:
            try:
                options[key] = boolean(options[key])
            except TypeError as error:
                raise InvalidPolicy(f"{where}.{key}: found {options[key]!r}, expected true or false") from error
        elif key in COMMON_OPTIONS and "choices" in COMMON_OPTIONS[key]:
            one_of(f"{where}.{key}", options[key], COMMON_OPTIONS[key]["choices"], {})
    if "sysctl_file" in options:
        sysctl_path(f"{where}.sysctl_file", options["sysctl_file"])
    if "min_headroom_pct" in options:
        whole_number(f"{where}.min_headroom_pct", options["min_headroom_pct"], 0, 99)
    return options


def find_drift(state: HostState, policy: Policy) -> Drift:
    changes: list[Change] = []
    not_compared: list[str] = []
    for subject, goal in _kernel_goals(state, policy):
        if state.sysctls is None:
            not_compared.append(f"{subject}: {_why_unread(state, 'sysctls')}")
            continue
        try:
            changes += plan_sysctls(state.sysctls, goal(state.sysctls)).changes
        except LifeboatError as error:
            not_compared.append(f"{subject}: {error}")
    services: tuple[JudgedService, ...] = ()
    if state.declared is None:
        if policy.services or policy.exclusive:
            not_compared.append(f"services: {_why_unread(state, 'services')}")
    else:
        known = {unit.name for unit in state.declared.declared}
        unknown = [service.name for service in policy.services if service.name not in known]
        if unknown:
            not_compared.append(f"services: the host said nothing about {', '.join(unknown)}")
        work = tasks(state.declared, [each for each in policy.services if each.name in known], policy.exclusive)
        changes += plan_services(work).changes
        services = tuple(judged(task) for task in work)
    return Drift(Plan(tuple(changes)), services, tuple(not_compared))


def _why_unread(state: HostState, what: str) -> str:
    return "; ".join(unread.why for unread in state.unread if what in unread.what) or "not read"


def _kernel_goals(state: HostState, policy: Policy) -> Iterator[tuple[str, Callable[[SysctlState], Goal]]]:
    overcommit, oom = policy.overcommit, policy.oom_policy
    if overcommit is not None:
        yield (
            "overcommit",
            lambda sysctls: decide_overcommit(overcommit, sysctls, state.memory, OVERCOMMIT_VARIABLE).goal,
        )
    if oom is not None:
        yield "oom_policy", lambda sysctls: decide_oom_policy(oom, sysctls, OOM_POLICY_VARIABLE)
