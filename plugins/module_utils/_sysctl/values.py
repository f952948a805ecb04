# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The value of a sysctl as the kernel reads it: a text becomes a number, or is refused and changes nothing.

Sources: proc_get_long(), do_proc_dointvec() and do_proc_doulongvec_minmax() in kernel/sysctl.c of 3.10 to 6.12, and
the tables of kernel/panic.c, mm/oom_kill.c, mm/util.c and mm/vmscan.c. tests/lab compares it with a real kernel.
"""

from __future__ import annotations

import re
from typing import Dict, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import SWAPPINESS

NEWEST = (99, 0)  # the version (major, minor) of a kernel that does not say it

_INT = (-(2**31), 2**31 - 1)
# The same on 32-bit kernels up to 4 TiB.
_UNSIGNED_LONG = (0, 2**64 - 1)
# What the handler of each key takes.
_RANGES: Dict[str, Tuple[int, int]] = {
    "vm.overcommit_memory": (0, 2),
    "vm.overcommit_ratio": _INT,
    "vm.overcommit_kbytes": _UNSIGNED_LONG,
    "vm.admin_reserve_kbytes": _UNSIGNED_LONG,
    "vm.user_reserve_kbytes": _UNSIGNED_LONG,
    "vm.panic_on_oom": (0, 2),
    "vm.oom_kill_allocating_task": _INT,
    "vm.oom_dump_tasks": _INT,
    SWAPPINESS: (0, 200),
    "kernel.panic": _INT,
}
_SWAPPINESS_200_SINCE = (5, 8)
_OVERFLOW_REFUSED_SINCE = (5, 1)
_REST_DROPPED_SINCE = (4, 5)
_NEGATIVE_REFUSED_SINCE = (6, 0)  # where there is no sign (commit 1622ed7d0743)

# Blanks are those of isspace() in the kernel, which counts the byte 0xa0 as one; behind the number fewer will do.
_NUMBER = re.compile("[ \t-\r\udca0]*(-?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)(?=[ \t\n]|\\Z)")
_LONGEST_NUMBER = 20  # TMPBUFLEN has one more, and a number that fills it is refused
_LONGEST_TEXT = 4095  # of a write the kernel looks at one page less a byte


def taken(key: str, text: str, kernel: Tuple[int, int] = NEWEST) -> Optional[str]:
    """The value that the kernel shows after I(text) was written to I(key); C(None) where it refuses the text.

    What follows the number and a blank does not count: C(1 # redis) is 1, C(0x10) is 16, C(010) is 8. (Only 5.8 to
    5.14 may make of it another mode of overcommit, what happens to be on their stack: commit bcbda81020c3.) I(key) is
    one of those that this collection knows; of any other nothing is known, and the text is taken as it is.
    """
    if key not in _RANGES:
        return text
    found, end = _written(key, text, 0, kernel)
    more = found
    while more is not None and kernel < _REST_DROPPED_SINCE:
        found = more  # an older kernel takes the rest for another write
        more, end = _written(key, text, end, kernel)
    return found


def is_passed_over(key: str, text: str, kernel: Tuple[int, int] = NEWEST) -> bool:
    """Whether the kernel says that it has taken a text, with all that follows, and keeps the value that it had."""
    match = _NUMBER.match(text)
    negative = match is not None and match.group(1) != "" and _RANGES.get(key) == _UNSIGNED_LONG
    return negative and kernel < _NEGATIVE_REFUSED_SINCE


def _written(key: str, text: str, start: int, kernel: Tuple[int, int]) -> Tuple[Optional[str], int]:
    """What one write of I(text) from I(start) on sets, and how far it was looked at."""
    match = _NUMBER.match(text, start, start + _LONGEST_TEXT)
    if match is None or match.end() - match.start(1) > _LONGEST_NUMBER:
        return None, start
    minus, digits = match.groups()
    number = int(digits, 16 if digits[1:2] in ("x", "X") else 8 if digits[0] == "0" else 10)
    if kernel < _OVERFLOW_REFUSED_SINCE:
        number %= 2**64
    low, high = _range(key, kernel)
    if minus:
        number = -number
    if not low <= number <= high or (minus and high == _UNSIGNED_LONG[1]):
        return None, start
    return str(number), match.end()


def _range(key: str, kernel: Tuple[int, int]) -> Tuple[int, int]:
    return (0, 100) if key == SWAPPINESS and kernel < _SWAPPINESS_200_SINCE else _RANGES[key]
