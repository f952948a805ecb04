# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flow of the module C(overcommit)."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import parse_meminfo
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.kernel import check_declares, overcommit_policy
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import OVERCOMMIT_KEYS
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import SysctlState
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.converge_sysctls import (
    Wanted,
    converge_sysctls,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.overcommit import (
    check_guard,
    decide_declared,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.sysctls import plan_sysctls


def converge_overcommit(host: Host, params: Mapping[str, Any], check_mode: bool) -> Dict[str, Any]:
    """Bring overcommit to what is declared; the result of the module."""
    check_declares(overcommit_policy(params), params["state"])
    memory = parse_meminfo(host.read("/proc/meminfo"))

    def wanted(state: SysctlState) -> Wanted:
        decision = decide_declared(params, state, memory)
        # Converged is converged, however tight it has become since: that is for the audit to say.
        differs = plan_sysctls(state, decision.goal).changed
        forced = check_guard(decision.guard, params["force"]) if differs else None
        result = {
            "guard": None if decision.guard is None else decision.guard.as_dict(),
            "forced": forced is not None,
            "notes": list(decision.notes),
        }
        return Wanted(decision.goal, () if forced is None else (forced,), result)

    return converge_sysctls(host, OVERCOMMIT_KEYS, params, check_mode, wanted)
