# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the variables of an inventory to what is declared, by the name of the family."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ansible_collections.lifeboat.oom.plugins.module_utils._policy.families import FAMILIES
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import SERVICES, merge_declared

# Any name may follow, so that each group of the inventory can add its own.
ADDED = SERVICES.variable + "_"
OVERRIDE = ADDED + "override"


def declared_by(variables: Mapping[str, Any], state: str = "present", role: str = "") -> Dict[str, Any]:
    """What I(variables), name and value, declare of the families of I(role), or of all.

    With I(state) C(absent) that nothing of ours shall be there, where the variables say that it is.
    Raises InvalidPolicy where two of them disagree about a unit.
    """
    families = [family for family in FAMILIES.values() if family.variable.startswith(role)]
    found: Dict[str, Any] = {}
    for family in families:
        options: Any = variables.get(family.variable)
        if family is SERVICES:
            options = _of_services(variables)
        if state == "absent":
            found[family.name] = family.absent(options if isinstance(options, Mapping) else {})
        elif options:
            found[family.name] = options
    return found


def _of_services(variables: Mapping[str, Any]) -> Dict[str, Any]:
    options = {name: SERVICES.prefix + name for name in SERVICES.spec}
    found = {name: variables[variable] for name, variable in options.items() if variable in variables}
    lists = {name: value for name, value in variables.items() if (name + "_").startswith(ADDED)}
    return {**found, "services": merge_declared(lists, OVERRIDE)}
