# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory that the kernel has refused to promise: nobody was killed, something failed to start or to grow.

Source: __vm_enough_memory(), mm/util.c. The kernel says so from 6.0 on, ten times in five seconds at most.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Dict, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kind_names import KNOWN, REFUSED, Statement
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import Line

# Programs may call themselves anything: those that were refused first are given up.
MAX_PROGRAMS = 20
STARTS_WITH = "__vm_enough_memory: "
# "no enough" up to 6.2, "not enough" since, with the bytes from 6.10 on.
_REFUSED = re.compile(
    re.escape(STARTS_WITH) + r"pid: \d{1,10}, comm: (?P<comm>.{0,64}?), (?:(?P<unit>bytes|pages): (?P<size>\d{1,20}) )?"
    r"not? enough memory for the allocation\s*$",
    re.DOTALL,
)
_SUPPRESSED = re.compile(re.escape(STARTS_WITH) + r"(\d{1,9}) callbacks suppressed\s*$")


@dataclass(frozen=True)
class RefusedCommit:
    """What one program asked for and was not promised."""

    comm: Optional[str]
    """Its name, as printed; null for all that the kernel counted and did not print."""

    times: int
    """Number of times."""

    most_bytes: Optional[int] = None
    """The most that it asked for at once, in bytes; null where the kernel does not say (before 6.10)."""

    timestamp: Optional[str] = None
    """Time of the last one; null where the log has only the time since boot."""


class RefusedCommits:
    """Adds them up by program."""

    def __init__(self) -> None:
        self._found: OrderedDict[Optional[str], Tuple[RefusedCommit, Tuple[float, float]]] = OrderedDict()

    def take(self, what: Statement, line: Line) -> None:
        one = RefusedCommit(timestamp=line.timestamp, **what.values)
        when = line.wall_seconds or 0.0, line.uptime_seconds or 0.0
        known, latest = self._found.pop(one.comm, (replace(one, times=0), when))
        sizes = [size for size in (known.most_bytes, one.most_bytes) if size is not None]
        total = RefusedCommit(
            one.comm,
            known.times + one.times,
            max(sizes, default=None),
            known.timestamp if latest > when else one.timestamp,
        )
        if len(self._found) >= MAX_PROGRAMS:
            self._found.popitem(last=False)
        self._found[one.comm] = total, max(latest, when)

    def all(self) -> Tuple[RefusedCommit, ...]:
        """Those that were refused most often come first."""
        return tuple(sorted((one for one, _latest in self._found.values()), key=lambda one: -one.times))


def refused_commit(text: str) -> Optional[Statement]:
    """C(__vm_enough_memory: pid: 1, comm: c, bytes: 4096 not enough memory for the allocation)."""
    suppressed = _SUPPRESSED.match(text)
    if suppressed:
        return Statement(REFUSED, {"comm": None, "times": int(suppressed.group(1))})
    match = _REFUSED.match(text)
    if match is None:
        return Statement(KNOWN, {}) if text.startswith(STARTS_WITH) else None
    values: Dict[str, object] = {"comm": match.group("comm"), "times": 1}
    if match.group("unit") == "bytes":
        values["most_bytes"] = int(match.group("size"))
    return Statement(REFUSED, values)
