# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each family of sysctls wants of a host. A family that only has its values written is not named here."""

from __future__ import annotations

from typing import Callable, Dict, Sequence

from ansible_collections.lifeboat.oom.plugins.module_utils._health.dormant import DormantUnit
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import Memory
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import SysctlDeclaration
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import SysctlState
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning import overcommit, reaction
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.decision import Decision, goal_of, wanted_values

_Special = Callable[[SysctlDeclaration, SysctlState, Memory, Sequence[DormantUnit]], Decision]
_DECIDE: Dict[str, _Special] = {"overcommit": overcommit.decide, "reaction": reaction.decide}


def decide(
    declaration: SysctlDeclaration, state: SysctlState, memory: Memory, dormant: Sequence[DormantUnit] = ()
) -> Decision:
    """Raises LifeboatError where nothing sensible can be decided here."""
    special = _DECIDE.get(declaration.family.name)
    if special is not None:
        return special(declaration, state, memory, dormant)
    return Decision(goal_of(declaration, state, wanted_values(declaration, state)))
