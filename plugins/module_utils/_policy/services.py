# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user declared about services, validated once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.badness import ADJ_MAX, ADJ_MIN
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import known_keys, one_of, shown, whole_number
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.family import Declaration, Family, Spec
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd import names
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.dropins import OWN_NAME
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import SCORE
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.settings import KEYS

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


# Whose loss is felt more than it looks, by what they are for.
SENSITIVE: Dict[str, Tuple[str, ...]] = {
    "logging": ("systemd-journald", "rsyslog", "syslog-ng", "syslog"),
    "monitoring": (
        "node-exporter",
        "prometheus-node-exporter",
        "telegraf",
        "collectd",
        "zabbix-agent",
        "zabbix-agent2",
    ),
    "time": ("chrony", "chronyd", "ntp", "ntpd", "ntpsec", "systemd-timesyncd"),
    "network": (
        "systemd-networkd",
        "systemd-resolved",
        "NetworkManager",
        "wpa_supplicant",
        "ModemManager",
        "dhcpcd",
        "dnsmasq",
        "connman",
    ),
    "remote access": ("ssh", "sshd", "dropbear", "openvpn", "wg-quick", "tailscaled", "zerotier-one"),
}


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


def sensitive_services(where: str, declared: Any) -> Mapping[str, Sequence[str]]:
    """What for → services: the default list, or the user's own in its place."""
    if declared is None:
        return SENSITIVE
    if not isinstance(declared, Mapping) or not all(isinstance(services, list) for services in declared.values()):
        raise InvalidPolicy(
            f"{where}: found {shown(declared)}, expected a dictionary such as {{'time': ['chrony']}}: what for, and "
            "the services"
        )
    return {str(purpose): [str(service) for service in services] for purpose, services in declared.items()}


@dataclass(frozen=True)
class ServicesDeclaration(Declaration):
    """I(sensitive) says what for, and the services that are there for it."""

    services: Tuple[ServicePolicy, ...]
    sensitive: Mapping[str, Sequence[str]]

    @property
    def declares(self) -> bool:
        return bool(self.services or self.options["exclusive"])


@dataclass(frozen=True)
class ServicesFamily(Family):
    """Services: scores and memory settings."""

    @property
    def spec(self) -> Spec:
        entry: Dict[str, Dict[str, Any]] = {
            "name": {"type": "str", "required": True},
            **{option: {"type": "raw"} for option in SETTINGS},
            **{option: {"type": "str", "choices": list(words)} for option, words in _WORDS.items()},
            "state": {"type": "str", "choices": list(STATES)},
        }
        return {
            "services": {"type": "list", "elements": "dict", "required": True, "options": entry},
            "exclusive": {"type": "bool", "default": False},
            "apply": {"type": "str", "choices": ["live", "restart", "none"], "default": "live"},
            "missing": {"type": "str", "choices": ["error", "warn", "write"], "default": "error"},
            "dropin": {"type": "str", "default": OWN_NAME},
            "skip_unknown": {"type": "bool", "default": False},
            "max_protected_pct": {"type": "raw", "default": 60},
            "sensitive_services": {"type": "dict"},
            "force": {"type": "bool", "default": False},
        }

    def absent(self, options: Mapping[str, Any]) -> Dict[str, Any]:
        return {"services": [], "exclusive": True, "dropin": options.get("dropin")}

    def declaration(self, options: Mapping[str, Any], prefix: str) -> ServicesDeclaration:
        checked = {
            "dropin": dropin_name(prefix + "dropin", options["dropin"]),
            "max_protected_pct": whole_number(prefix + "max_protected_pct", options["max_protected_pct"], 0, 100),
        }
        return ServicesDeclaration(
            self,
            {**options, **checked},
            service_policies(options["services"] or [], prefix + "services"),
            sensitive_services(prefix + "sensitive_services", options["sensitive_services"]),
        )


SERVICES = ServicesFamily(
    "services",
    "service_oom_score",
    "oom_protect_services",
    "oom_protect_",
    "services",
    "which services live when memory runs out, and which may die first",
)


def merge_declared(variables: Mapping[str, Any], override: Optional[str]) -> List[Dict[str, Any]]:
    """One list out of several variables, by unit; what variable I(override) says about a unit replaces the rest.

    Two different declarations of one unit are an error that names both variables.
    """
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
