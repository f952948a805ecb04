# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a unit that this collection manages: since when, and which values systemd takes.

A value that systemd refuses is ignored with a warning in its log, and the value set before stays.
Sources: systemd.exec(5), systemd.service(5), systemd.resource-control(5) of 257; config_parse_*() in
src/core/load-fragment.c of 247, 252 and 257.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable, Dict, Optional

_WHITESPACE = " \t\n\r"
_INTEGER = re.compile(r"(0[bB])(?P<two>[01]+)|(0[oO])(?P<eight>[0-7]+)|(?P<c>[+-]?(?:0[xX][0-9a-fA-F]+|[0-9]+))")
_PERCENT = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,2}))?%|([0-9]{1,9})(?:\.([0-9]))?\u2030|([0-9]{1,9})\u2031")
_SIZE_PART = re.compile(r"[ \t]*\+?0*([0-9]{1,20})(?:\.([0-9]{0,19}))?[ \t]*([EPTGMKB]?)")
_SUFFIXES = "EPTGMKB"
_NO_LIMIT = "infinity"
_POLICIES = ("continue", "stop", "kill")
_PREFERENCES = ("none", "avoid", "omit")
# What a setting can have that is no number.
WORDS = (_NO_LIMIT, *_POLICIES, *_PREFERENCES)
_UINT64_MAX = 2**64 - 1
_LONGEST_NUMBER = 64  # digits, of which no score has as many


def score(value: str) -> Optional[int]:
    """The integer of an C(OOMScoreAdjust=) value, -1000 to 1000, as systemd reads it; C(None) if refused.

    C(0x64), C(0144), C(0o144) and C(0b1100100) all mean 100 (safe_atoi(), src/basic/parse-util.c).
    """
    number = _integer(value.strip(_WHITESPACE))
    return number if number is not None and -1000 <= number <= 1000 else None


def size_bytes(value: str) -> Optional[int]:
    """Bytes of a size such as C(64M), C(1.5G) or C(1G 512M), base 1024; C(None) if systemd refuses it.

    A share of the memory (C(10%)) and C(infinity) have no fixed size and give C(None) as well: see
    C(KEYS["MemoryMin"].accepts()). (parse_size(), src/basic/parse-util.c)
    """
    total, next_suffix, rest = 0, 0, value.strip(_WHITESPACE)
    while True:
        part = _SIZE_PART.match(rest)
        if part is None:
            return None
        rank = _SUFFIXES.index(part.group(3)) if part.group(3) else len(_SUFFIXES)
        if rank < next_suffix or next_suffix > len(_SUFFIXES):
            return None
        factor = 1 if rank >= len(_SUFFIXES) - 1 else 1024 ** (len(_SUFFIXES) - 1 - rank)
        total += int(part.group(1)) * factor + _fraction(part.group(2) or "", factor)
        rest, next_suffix = rest[part.end() :], rank + 1
        if not rest:
            return total if total < _UINT64_MAX else None


@dataclass(frozen=True)
class Key:
    """One setting: the first systemd that knows it, and the test for the values it takes.

    An empty value passes I(accepts) where systemd takes it as "forget what was set before", since I(empty_since).
    """

    since: int
    accepts: Callable[[str], bool]
    services_only: bool = False
    empty_since: int = 0

    def taken_by(self, version: int, value: str) -> bool:
        """Whether systemd of that version takes the value."""
        return self.accepts(value) and (value != "" or version >= self.empty_since)


def _integer(value: str) -> Optional[int]:
    match = _INTEGER.fullmatch(value)
    if match is None:
        return None
    if match.group("two"):
        return int(match.group("two"), 2)
    if match.group("eight"):
        return int(match.group("eight"), 8)
    digits = match.group("c").lstrip("+-")
    base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
    if len(digits.lstrip("0xX")) > _LONGEST_NUMBER:
        return None
    try:
        return int(digits, base) * (-1 if value[0] == "-" else 1)
    except ValueError:  # 09 is no octal number
        return None


def _fraction(digits: str, factor: int) -> int:
    part = float(digits or "0")
    for _digit in digits:
        part /= 10
    return int(part * factor)


def is_share(value: str) -> bool:
    """Whether it is at most 100 %, in hundredths, thousandths or ten thousandths (parse_permyriad())."""
    match = _PERCENT.fullmatch(value)
    if match is None:
        return False
    percent, hundredths, permille, tenths, permyriad = match.groups()
    if percent is not None:
        return int(percent) * 100 + int((hundredths or "").ljust(2, "0")) <= 10000
    if permille is not None:
        return int(permille) * 10 + int(tenths or "0") <= 10000
    return int(permyriad) <= 10000


def _is_score(value: str) -> bool:
    return value == "" or score(value) is not None


def _is_memory(value: str) -> bool:
    return value in ("", _NO_LIMIT) or is_share(value) or size_bytes(value) is not None


def _is_policy(value: str) -> bool:
    return value in _POLICIES


def _is_preference(value: str) -> bool:
    return value in _PREFERENCES


KEYS: Dict[str, Key] = {
    "OOMScoreAdjust": Key(since=1, accepts=_is_score, empty_since=239),
    "OOMPolicy": Key(since=243, accepts=_is_policy, services_only=True),
    "MemoryMin": Key(since=239, accepts=_is_memory),  # 240, brought back by Red Hat Enterprise Linux 8
    "MemoryLow": Key(since=231, accepts=_is_memory),
    "ManagedOOMPreference": Key(since=248, accepts=_is_preference),
}
