# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user declared about services, validated once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.badness import ADJ_MAX, ADJ_MIN
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.kernel import known_keys, one_of, shown, whole_number
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd import names
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.dropins import OWN_NAME
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.keys import KEYS
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import SCORE

STATES = ("present", "absent")
# What people write → what systemd calls it.
SETTINGS = {
    "oom_score_adj": SCORE,
    "oom_policy": "OOMPolicy",
    "memory_min": "MemoryMin",
    "memory_low": "MemoryLow",
    "managed_oom_preference": "ManagedOOMPreference",
}
_WORDS = {"oom_policy": ("continue", "stop", "kill"), "managed_oom_preference": ("none", "avoid", "omit")}
ENTRY_KEYS = ("name", *SETTINGS, "state")


@dataclass(frozen=True)
class ServicePolicy:
    """What one unit shall have. I(name) is canonical; I(settings) maps systemd's keys to their text.

    Where I(present) is false our drop-in shall be gone, and I(settings) are empty.
    """

    name: str
    settings: Mapping[str, str] = field(default_factory=dict)
    present: bool = True

    @property
    def oom_score_adj(self) -> Optional[int]:
        return int(self.settings[SCORE]) if SCORE in self.settings else None


def service_policies(declared: Any, where: str = "services") -> Tuple[ServicePolicy, ...]:
    """Validate a list of service declarations; one unit is declared once."""
    if not isinstance(declared, (list, tuple)):
        raise InvalidPolicy(f"{where}: found {shown(declared)}, expected a list of services")
    policies: Dict[str, ServicePolicy] = {}
    for number, raw in enumerate(declared):
        entry_where = f"{where}[{number}]"
        policy = _policy(entry_where, known_keys(entry_where, raw, ENTRY_KEYS))
        if policy.name in policies:
            raise InvalidPolicy(f"{entry_where}: {policy.name} is declared twice; keep one entry")
        policies[policy.name] = policy
    return tuple(policies.values())


def _policy(where: str, entry: Mapping[str, Any]) -> ServicePolicy:
    name = unit_name(where + ".name", entry.get("name"))
    state = entry.get("state")
    if state is not None and one_of(where + ".state", state, STATES, {}) == "absent":
        return ServicePolicy(name, {}, present=False)
    if entry.get("oom_score_adj") is None:
        raise InvalidPolicy(f"{where} ({name}): oom_score_adj is missing")
    settings: Dict[str, str] = {}
    for option, key in SETTINGS.items():
        if entry.get(option) is None:
            continue
        settings[key] = _setting(f"{where}.{option}", option, entry[option])
        if KEYS[key].services_only and not name.endswith(".service"):
            raise InvalidPolicy(f"{where}.{option}: {name} is no service, and only services have {key}; take it out")
    return ServicePolicy(name, settings)


def _setting(where: str, option: str, value: Any) -> str:
    if option == "oom_score_adj":
        return str(whole_number(where, value, ADJ_MIN, ADJ_MAX))
    if option in _WORDS:
        return one_of(where, value, _WORDS[option], {})
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or text != text.strip() or not text or not KEYS[SETTINGS[option]].accepts(text):
        raise InvalidPolicy(
            f"{where}: found {shown(value)}, expected a size as systemd takes it: bytes, 64M, 1.5G, 10% or infinity"
        )
    return text


def unit_name(where: str, name: Any) -> str:
    """The canonical name of a unit."""
    if not isinstance(name, str):
        raise InvalidPolicy(f"{where}: found {shown(name)}, expected the name of a unit, such as nginx.service")
    try:
        return names.canonical(name)
    except InvalidPolicy as error:
        raise InvalidPolicy(f"{where}: {error}") from error


def dropin_name(where: str, name: Any) -> str:
    """The file name of our drop-in: one name, C(.conf), visible."""
    if not isinstance(name, str) or not re.match(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}\.conf\Z", name):
        raise InvalidPolicy(
            f"{where}: found {shown(name)}, expected a file name of letters, digits, _ . - that ends in .conf, such "
            f"as {OWN_NAME}"
        )
    return name


def merge_declared(
    variables: Mapping[str, Any], override: Optional[str], family: Optional[str] = None
) -> List[Dict[str, Any]]:
    """One list out of several variables, by unit; what variable I(override) says about a unit replaces the rest.

    Two different declarations of one unit are an error that names both variables; so is a variable that is neither
    I(family) nor begins with it and an underscore.
    """
    for variable in sorted(variables):
        if family and variable != family and not variable.startswith(family + "_"):
            raise InvalidPolicy(
                f"found the variable {variable}, which declares nothing; expected {family}, or a name that begins with "
                f"{family}_; rename it"
            )
    merged: Dict[str, Tuple[str, ServicePolicy, Dict[str, Any]]] = {}
    for variable in sorted(variables, key=lambda name: (name == override, name)):
        entries = variables[variable]
        policies = service_policies(entries, variable)
        for policy, entry in zip(policies, entries):
            other = merged.get(policy.name)
            if other is not None and other[1] != policy and variable != override:
                raise InvalidPolicy(
                    f"{policy.name} is declared differently in {other[0]} ({_described(other[1])}) and in {variable} "
                    f"({_described(policy)}); make them equal, or say which one is meant in {override}"
                )
            merged[policy.name] = (variable, policy, dict(entry, name=policy.name))
    return [merged[name][2] for name in sorted(merged)]


def _described(policy: ServicePolicy) -> str:
    if not policy.present:
        return "absent"
    return ", ".join(f"{key}={value}" for key, value in policy.settings.items())
