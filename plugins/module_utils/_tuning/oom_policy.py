# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is declared for the moment when memory has run out to a goal for its sysctls."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import Refused
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.kernel import (
    PANIC_WORDS,
    OomPolicy,
    check_declares,
    oom_policy,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import (
    DUMP_TASKS,
    KILL_ALLOCATING_TASK,
    OOM_KEYS,
    PANIC_ON_OOM,
    PANIC_SECONDS,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import SysctlState
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.converge_sysctls import (
    Wanted,
    converge_sysctls,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.sysctls import (
    Goal,
    expected_state,
    plan_sysctls,
    resting_values,
)


def decide_declared(declared: Mapping[str, Any], state: SysctlState, where: str = "") -> Goal:
    """What the module's options, or the variable I(where) with the same keys, want of a host."""
    policy = oom_policy(declared, where)
    layers = declared.get("runtime", True), declared.get("persistent", True)
    return decide_absent(state, *layers) if declared.get("state") == "absent" else decide(policy, *layers)


def decide(policy: OomPolicy, runtime: bool = True, persistent: bool = True) -> Goal:
    """The goal of O(state=present): the reboot after a panic before the panic itself."""
    values: Dict[str, str] = {}
    if policy.panic_reboot_seconds is not None:
        values[PANIC_SECONDS] = str(policy.panic_reboot_seconds)
    if policy.panic_on_oom is not None:
        values[PANIC_ON_OOM] = str(PANIC_WORDS.index(policy.panic_on_oom))
    for key, flag in ((KILL_ALLOCATING_TASK, policy.kill_allocating_task), (DUMP_TASKS, policy.dump_tasks)):
        if flag is not None:
            values[key] = str(int(flag))
    return Goal.present(values, runtime, persistent)


def decide_absent(state: SysctlState, runtime: bool, persistent: bool) -> Goal:
    """The goal of O(state=absent)."""
    return Goal.absent(state, OOM_KEYS, resting_values(state, OOM_KEYS), runtime, persistent)


def check_reboot(state: SysctlState, goal: Goal, force: bool) -> Optional[str]:
    """Refuse a panic that nobody reboots from: a device that hangs in the field. A forced one is a warning."""
    wanted = {key: value for key, value in goal.file.items() if value is not None}
    running = expected_state(state, Goal({**wanted, **goal.runtime}, {}), ()).runtime
    if running.get(PANIC_ON_OOM, "0") == "0" or running.get(PANIC_SECONDS, "0") != "0":
        return None
    message = (
        "panic_on_oom would stop the kernel when memory runs out, and kernel.panic is 0, so that the device hangs "
        "until somebody pulls its plug; give panic_reboot_seconds, such as 10"
    )
    if not force:
        raise Refused(message + "; force: true applies it all the same", {"settings": dict(running)})
    return "forced: " + message


def converge_oom_policy(host: Host, params: Mapping[str, Any], check_mode: bool) -> Dict[str, Any]:
    """Bring the OOM settings to what is declared; the result of the module."""
    check_declares(oom_policy(params), params["state"])

    def wanted(state: SysctlState) -> Wanted:
        goal = decide_declared(params, state)
        differs = plan_sysctls(state, goal).changed
        forced = check_reboot(state, goal, params["force"]) if differs else None
        return Wanted(goal, () if forced is None else (forced,), {"forced": forced is not None})

    return converge_sysctls(host, OOM_KEYS, params, check_mode, wanted)
