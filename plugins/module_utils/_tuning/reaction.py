# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard of what the kernel does when memory has run out."""

from __future__ import annotations

from typing import Optional, Sequence

from ansible_collections.lifeboat.oom.plugins.module_utils._health.dormant import DormantUnit
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import Memory
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import SysctlDeclaration
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import PANIC_ON_OOM, PANIC_SECONDS
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import SysctlState
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.decision import (
    Decision,
    Objection,
    goal_of,
    wanted_values,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.sysctls import Goal, expected_state


def decide(
    declaration: SysctlDeclaration, state: SysctlState, _memory: Memory, _dormant: Sequence[DormantUnit] = ()
) -> Decision:
    """The reboot after a panic comes before the panic itself: that is the order of the table."""
    goal = goal_of(declaration, state, wanted_values(declaration, state))
    return Decision(goal, hangs(state, goal))


def hangs(state: SysctlState, goal: Goal) -> Optional[Objection]:
    """A panic that nobody reboots from: a device that hangs in the field."""
    wanted = {key: value for key, value in goal.file.items() if value is not None}
    running = expected_state(state, Goal({**wanted, **goal.runtime}, {}), ()).runtime
    if running.get(PANIC_ON_OOM, "0") == "0" or running.get(PANIC_SECONDS, "0") != "0":
        return None
    return Objection(
        "panic_on_oom would stop the kernel when memory runs out, and kernel.panic is 0, so that the device hangs "
        "until somebody pulls its plug; give panic_reboot_seconds, such as 10",
        {"settings": dict(running)},
    )
