# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user declared, validated once. Every error names the variable or option and what to write."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Sequence, Union

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.overcommit import MODES

# In the order of the kernel's numbers 0, 1, 2.
PANIC_WORDS = ("no", "global", "always")
INT_MAX = 2**31 - 1
SYSCTL_FILE = "/etc/sysctl.d/99-zz-lifeboat-oom.conf"


@dataclass(frozen=True)
class OvercommitPolicy:
    """How the kernel shall promise memory; C(None) is not managed. Sizes in KiB, as the sysctls have them."""

    mode: Optional[str] = None
    ratio: Union[int, str, None] = None
    kbytes: Optional[int] = None
    admin_reserve_kbytes: Optional[int] = None
    user_reserve_kbytes: Optional[int] = None


@dataclass(frozen=True)
class OomPolicy:
    """What the kernel does when memory has run out; C(None) is not managed."""

    panic_on_oom: Optional[str] = None
    panic_reboot_seconds: Optional[int] = None
    kill_allocating_task: Optional[bool] = None
    dump_tasks: Optional[bool] = None


def shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def whole_number(where: str, value: Any, low: int, high: int) -> int:
    """An integer, also one that a template made text of; never a YAML boolean or a fraction."""
    expected = f"a whole number from {low} to {high}"
    if isinstance(value, bool):
        raise InvalidPolicy(
            f"{where}: found the YAML boolean {str(value).lower()}, expected {expected}; write the number"
        )
    if isinstance(value, str) and re.match(r"-?[0-9]{1,18}\Z", value.strip()):
        value = int(value)
    if not isinstance(value, int) or not low <= value <= high:
        raise InvalidPolicy(f"{where}: found {shown(value)}, expected {expected}")
    return value


def one_of(where: str, value: Any, words: Sequence[str], meant: Mapping[Any, str]) -> str:
    """One of I(words); I(meant) maps what people write instead (numbers, booleans) to the right word."""
    if isinstance(value, str) and value in words:
        return value
    hint = ""
    key = str(value).strip().lower()
    if key in meant:
        hint = f"; write {meant[key]}"
    raise InvalidPolicy("{}: found {}, expected one of: {}{}".format(where, shown(value), ", ".join(words), hint))


def known_keys(where: str, entry: Any, known: Sequence[str]) -> Dict[str, Any]:
    if not isinstance(entry, Mapping):
        raise InvalidPolicy(
            "{}: found {}, expected a dictionary with the keys: {}".format(where, shown(entry), ", ".join(known))
        )
    unknown = sorted(str(key) for key in entry if key not in known)
    if unknown:
        raise InvalidPolicy(
            "{}: unknown key {}, expected only: {}".format(where, ", ".join(map(shown, unknown)), ", ".join(known))
        )
    return dict(entry)


def overcommit_policy(declared: Mapping[str, Any], where: str = "") -> OvercommitPolicy:
    """Validate O(mode), O(ratio), O(kbytes) and the reserves; I(where) is the variable they come from."""
    prefix = where + "." if where else ""
    mode, ratio = declared.get("mode"), declared.get("ratio")
    if mode is not None:
        meant = {str(number): word for number, word in enumerate(MODES)}
        # Who writes a boolean means the kernel's 0 or 1, which is not what "overcommit: false" sounds like.
        booleans = "heuristic (0), always (1) or never (2)"
        mode = one_of(prefix + "mode", mode, MODES, dict(meant, true=booleans, false=booleans))
    if ratio is not None and ratio != "auto":
        ratio = whole_number(prefix + "ratio (or the word auto)", ratio, 0, INT_MAX)
    sizes = {
        key: None if declared.get(key) is None else whole_number(prefix + key, declared[key], low, INT_MAX)
        for key, low in (("kbytes", 1), ("admin_reserve_kbytes", 0), ("user_reserve_kbytes", 0))
    }
    if ratio is not None and sizes["kbytes"] is not None:
        raise InvalidPolicy(
            "{0}ratio and {0}kbytes: found both, expected one; the kernel zeroes the other one "
            "(ratio {1}, kbytes {2})".format(prefix, ratio, sizes["kbytes"])
        )
    return OvercommitPolicy(mode, ratio, **sizes)


def oom_policy(declared: Mapping[str, Any], where: str = "") -> OomPolicy:
    """Validate the options of M(lifeboat.oom.oom_policy); I(where) is the variable they come from."""
    prefix = where + "." if where else ""
    panic = declared.get("panic_on_oom")
    if panic is False:
        panic = "no"  # what YAML makes of an unquoted no
    if panic is not None:
        meant = {str(number): word for number, word in enumerate(PANIC_WORDS)}
        panic = one_of(prefix + "panic_on_oom", panic, PANIC_WORDS, dict(meant, true="global (1) or always (2)"))
    seconds = declared.get("panic_reboot_seconds")
    if seconds is not None:
        seconds = whole_number(prefix + "panic_reboot_seconds", seconds, 0, INT_MAX)
    flags = {key: _flag(prefix + key, declared.get(key)) for key in ("kill_allocating_task", "dump_tasks")}
    return OomPolicy(panic, seconds, **flags)


def check_declares(policy: Union[OvercommitPolicy, OomPolicy], state: str) -> None:
    """Raises InvalidPolicy for C(present) where I(policy) says nothing."""
    if state == "present" and policy == type(policy)():
        raise InvalidPolicy(f"nothing is declared: give one of {', '.join(vars(policy))}, or state: absent")


def _flag(where: str, value: Any) -> Optional[bool]:
    if value is None or isinstance(value, bool):
        return value
    raise InvalidPolicy(f"{where}: found {shown(value)}, expected true or false")


def sysctl_path(where: str, path: Any) -> str:
    """A file that a sysctl loader reads: absolute, tidy, C(.conf), below C(/etc) or C(/run)."""
    expected = "an absolute path below /etc or /run that ends in .conf, such as " + SYSCTL_FILE
    if not isinstance(path, str) or re.search(r"[\x00-\x1f\x7f]", path):
        raise InvalidPolicy(f"{where}: found {shown(path)}, expected {expected}")
    tidy = posixpath.normpath(path)
    if path != tidy or not tidy.startswith(("/etc/", "/run/")) or not tidy.endswith(".conf"):
        raise InvalidPolicy(f"{where}: found {shown(path)}, expected {expected}")
    return tidy
