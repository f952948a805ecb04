# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a declaration of sysctls wants of a host, and what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import SysctlDeclaration
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import SysctlState
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.sysctls import Goal, resting_values


@dataclass(frozen=True)
class Objection:
    """Why a goal would harm the host, with the numbers; O(force) overrules it."""

    message: str
    numbers: Mapping[str, Any]


@dataclass(frozen=True)
class Decision:
    """The goal, what speaks against it, what the family adds to the result of its module, and what it warns of."""

    goal: Goal
    objection: Optional[Objection] = None
    result: Mapping[str, Any] = field(default_factory=dict)
    warnings: Tuple[str, ...] = ()


def is_absent(declaration: SysctlDeclaration) -> bool:
    return bool(declaration.options["state"] == "absent")


def wanted_values(declaration: SysctlDeclaration, state: SysctlState) -> Dict[str, str]:
    """What is declared, in the order of the table; what would be without us in the reverse order."""
    if not is_absent(declaration):
        return dict(declaration.values)
    keys = declaration.family.keys
    resting = resting_values(state, keys)
    return {key: resting[key] for key in reversed(keys) if key in resting}


def goal_of(declaration: SysctlDeclaration, state: SysctlState, values: Mapping[str, str]) -> Goal:
    """I(values) in the layers that the declaration names."""
    layers = declaration.options["runtime"], declaration.options["persistent"]
    if is_absent(declaration):
        return Goal.absent(state, declaration.family.keys, values, *layers)
    return Goal.present(values, *layers)
