# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one flow of all that is declared: ask all guards of all families, and only then write, family by family."""

from __future__ import annotations

from functools import partial
from typing import Any, Dict, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.families import Policy
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.family import Declaration
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import ServicesDeclaration
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import SysctlDeclaration
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import SysctlState
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.converge_services import converge_services
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.converge_sysctls import converge_sysctls
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.retry import settled

Results = Dict[str, Dict[str, Any]]


def converge(host: Host, policy: Policy, check_mode: bool) -> Results:
    """Bring all that is declared to what it shall be; by the name of the family what its module returns.

    One run at a time. Raises LifeboatError: before anything is written where it can be foreseen, else with what stands.
    """
    if check_mode:
        return _promised(host, policy)
    with host.exclusive(", ".join(each.family.name for each in policy.declarations) or "nothing"):
        if len(policy.declarations) > 1:
            _promised(host, policy)
        results: Results = {}
        for declaration in policy.declarations:
            try:
                result, _unused = settled(partial(_converged, host, declaration, False, None))
            except LifeboatError as error:
                changed = [name for name, each in results.items() if each["changed"]]
                if changed:
                    error.args = (f"{error}; what was converged before stands: {', '.join(changed)}",)
                raise
            results[declaration.family.name] = result
        return results


def _promised(host: Host, policy: Policy) -> Results:
    """What a run would do; a family goes by what those before it will have made of the sysctls."""
    results: Results = {}
    state: Optional[SysctlState] = None
    for declaration in policy.declarations:
        results[declaration.family.name], state = _converged(host, declaration, True, state)
    return results


def _converged(
    host: Host, declaration: Declaration, check_mode: bool, state: Optional[SysctlState]
) -> Tuple[Dict[str, Any], Optional[SysctlState]]:
    if isinstance(declaration, SysctlDeclaration):
        return converge_sysctls(host, declaration, check_mode, state)
    if isinstance(declaration, ServicesDeclaration):
        return converge_services(host, declaration, check_mode), state
    raise TypeError(f"{declaration.family.name}: nobody converges it")
