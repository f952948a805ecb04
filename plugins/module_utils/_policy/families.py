# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All families of settings, and all that is declared of them for one host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import known_keys
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.family import Declaration, Family
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import (
    SERVICES,
    ServicePolicy,
    ServicesDeclaration,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import SYSCTL_FAMILIES, SysctlDeclaration

FAMILIES: Dict[str, Family] = {family.name: family for family in (*SYSCTL_FAMILIES, SERVICES)}


@dataclass(frozen=True)
class Policy:
    """All that is declared for one host; a family that is not there is not managed."""

    declarations: Tuple[Declaration, ...] = ()

    @property
    def declares(self) -> bool:
        """Whether there is anything to compare the host with."""
        return bool(self.declarations)

    @property
    def services(self) -> Tuple[ServicePolicy, ...]:
        return tuple(
            service
            for declaration in self.declarations
            if isinstance(declaration, ServicesDeclaration)
            for service in declaration.services
        )

    @property
    def sysctl_file(self) -> Optional[str]:
        """The file that is ours, where any sysctl is declared."""
        found = [each.options["sysctl_file"] for each in self.declarations if isinstance(each, SysctlDeclaration)]
        return found[0] if found else None


def load_policy(declared: Mapping[str, Any]) -> Policy:
    """Validate what is declared, by the name of the family. Raises InvalidPolicy naming the variable that is wrong."""
    given = known_keys("declared", declared, tuple(FAMILIES))
    found = [family.declared(given[name]) for name, family in FAMILIES.items() if given.get(name) not in (None, {})]
    policy = Policy(tuple(each for each in found if each.declares))
    files = {
        each.family.prefix + "sysctl_file": each.options["sysctl_file"]
        for each in policy.declarations
        if isinstance(each, SysctlDeclaration)
    }
    if len(set(files.values())) > 1:
        raise InvalidPolicy(
            "{}: found {}, expected the same file for all".format(" and ".join(files), " and ".join(files.values()))
        )
    return policy
