# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of the sysctls that can be declared. A new sysctl is a row in it, a new family a few rows and a module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.overcommit import MIN_HEADROOM_PCT, MODES
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import (
    INT_MAX,
    SYSCTL_FILE,
    one_of,
    shown,
    sysctl_path,
    whole_number,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.family import Declaration, Family, Spec
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import unit_name
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl import keys

# In the order of the kernel's numbers 0, 1, 2.
PANIC_WORDS = ("no", "global", "always")
AUTO = "auto"


@dataclass(frozen=True)
class Setting:
    """A sysctl, and the option that declares it.

    I(parse) takes what to call the option and its value, and gives the text for the kernel. I(default) is what every
    kernel starts with. Where that depends on the machine or the build there is none: what it was before us is then
    kept in our file.
    """

    key: str
    option: str
    parse: Callable[[str, Any], str]
    default: Optional[str] = None
    type: str = "raw"


@dataclass(frozen=True)
class Extra:
    """An option of one family that is no sysctl. I(parse) takes what to call it and its value."""

    option: str
    default: Any
    parse: Callable[[str, Any], Any]


@dataclass(frozen=True)
class SysctlFamily(Family):
    """Sysctls that are declared together, in the order in which they are written."""

    settings: Tuple[Setting, ...]
    extras: Tuple[Extra, ...] = ()

    @property
    def keys(self) -> Tuple[str, ...]:
        return tuple(setting.key for setting in self.settings)

    @property
    def spec(self) -> Spec:
        return {
            **{setting.option: {"type": setting.type} for setting in self.settings},
            **{extra.option: {"type": "raw", "default": extra.default} for extra in self.extras},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "runtime": {"type": "bool", "default": True},
            "persistent": {"type": "bool", "default": True},
            "sysctl_file": {"type": "path", "default": SYSCTL_FILE},
            "on_conflict": {"type": "str", "choices": ["fail", "warn", "override"], "default": "fail"},
            "force": {"type": "bool", "default": False},
        }

    def absent(self, options: Mapping[str, Any]) -> Dict[str, Any]:
        return {"state": "absent", "sysctl_file": options.get("sysctl_file")}

    def declaration(self, options: Mapping[str, Any], prefix: str) -> SysctlDeclaration:
        extras = {each.option: each.parse(prefix + each.option, options[each.option]) for each in self.extras}
        sysctl_file = sysctl_path(prefix + "sysctl_file", options["sysctl_file"])
        values = self._values(options, prefix)
        if not values and options["state"] == "present":
            names = ", ".join(setting.option for setting in self.settings)
            where = f"{self.variable}: " if prefix else ""
            raise InvalidPolicy(f"{where}nothing is declared: give one of {names}, or state: absent")
        return SysctlDeclaration(self, {**options, **extras, "sysctl_file": sysctl_file}, values)

    def _values(self, options: Mapping[str, Any], prefix: str) -> Dict[str, str]:
        given = [each for each in self.settings if options[each.option] is not None]
        values = {each.key: each.parse(prefix + each.option, options[each.option]) for each in given}
        for one in given:
            for other in given:
                if keys.VOIDS.get(one.key) == other.key:
                    raise InvalidPolicy(
                        f"{prefix}{one.option} and {prefix}{other.option}: found both, expected one; the kernel zeroes "
                        f"the other one ({one.option} {values[one.key]}, {other.option} {values[other.key]})"
                    )
        return values


@dataclass(frozen=True)
class SysctlDeclaration(Declaration):
    """I(values) are the declared sysctls as the kernel takes them, or C(auto)."""

    family: SysctlFamily
    values: Mapping[str, str]


def _number(low: int, high: int = INT_MAX) -> Callable[[str, Any], str]:
    return lambda where, value: str(whole_number(where, value, low, high))


def _mode(where: str, value: Any) -> str:
    # Who writes a boolean means the kernel's 0 or 1, which is not what "overcommit: false" sounds like.
    booleans = "heuristic (0), always (1) or never (2)"
    return _place(where, value, MODES, {"true": booleans, "false": booleans})


def _ratio(where: str, value: Any) -> str:
    return AUTO if value == AUTO else _number(0)(where + " (or the word auto)", value)


def _panic(where: str, value: Any) -> str:
    # False is what YAML makes of an unquoted no.
    return _place(where, "no" if value is False else value, PANIC_WORDS, {"true": "global (1) or always (2)"})


def _place(where: str, value: Any, words: Sequence[str], meant: Mapping[str, str]) -> str:
    numbers = {str(number): word for number, word in enumerate(words)}
    return str(words.index(one_of(where, value, words, {**numbers, **meant})))


def _sizes(where: str, value: Any) -> Dict[str, int]:
    """MiB by unit."""
    if not isinstance(value, Mapping):
        raise InvalidPolicy(f"{where}: found {shown(value)}, expected units with MiB, such as {{'mariadb': 300}}")
    return {
        unit_name(where, name): whole_number(f"{where}[{shown(name)}]", size, 0, 2**30) for name, size in value.items()
    }


def _flag(where: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    raise InvalidPolicy(f"{where}: found {shown(value)}, expected true or false")


def _family(
    name: str, module: str, about: str, settings: Tuple[Setting, ...], extras: Tuple[Extra, ...] = ()
) -> SysctlFamily:
    variable = "oom_kernel_" + name
    return SysctlFamily(name, module, variable, variable + ".", "sysctls", about, settings, extras)


SYSCTL_FAMILIES = (
    _family(
        "overcommit",
        "overcommit",
        "how the kernel hands out memory",
        (
            Setting(keys.RATIO, "ratio", _ratio, "50"),
            Setting(keys.KBYTES, "kbytes", _number(1)),
            Setting(keys.ADMIN_RESERVE, "admin_reserve_kbytes", _number(0)),
            Setting(keys.USER_RESERVE, "user_reserve_kbytes", _number(0)),
            Setting(keys.MODE, "mode", _mode, "0"),
        ),
        (
            Extra("min_headroom_pct", MIN_HEADROOM_PCT, lambda where, value: whole_number(where, value, 0, 99)),
            Extra("needs_mib", {}, _sizes),
        ),
    ),
    _family(
        "reaction",
        "oom_reaction",
        "what the kernel does when memory has run out",
        (
            Setting(keys.PANIC_SECONDS, "panic_reboot_seconds", _number(0)),
            Setting(keys.PANIC_ON_OOM, "panic_on_oom", _panic, "0"),
            Setting(keys.KILL_ALLOCATING_TASK, "kill_allocating_task", _flag, "0", "bool"),
            Setting(keys.DUMP_TASKS, "dump_tasks", _flag, "1", "bool"),
        ),
    ),
)
_SETTINGS = tuple(setting for family in SYSCTL_FAMILIES for setting in family.settings)
# Every sysctl that this collection may own.
ALL_KEYS = tuple(setting.key for setting in _SETTINGS)
# What a kernel starts with: Documentation/admin-guide/sysctl/vm.rst.
DEFAULTS = {setting.key: setting.default for setting in _SETTINGS if setting.default is not None}
# What they were before us is kept in our file. What has a partner comes back with that.
REMEMBERED = tuple(key for key in ALL_KEYS if key not in DEFAULTS and key not in keys.VOIDS)
