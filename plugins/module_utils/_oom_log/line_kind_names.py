# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of lines in an OOM report, and what one line says."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple

HEADER = "header"
CPU = "cpu"
MACHINE = "machine"
LIMIT = "limit"
STATS = "stats"
TABLE = "table"
ROW = "row"
SUMMARY = "summary"
NOBODY = "nobody"
PANIC = "panic"
ANNOUNCEMENT = "announcement"
KILLED = "killed"
SHARED = "shared"
GROUP = "group"
SPARED = "spared"
REAPED = "reaped"

# Not part of a report, but it matters between two.
LOST = "lost"
BOOT = "boot"
OTHER_REPORT = "other_report"
REFUSED = "refused"
KNOWN = "known"
UNKNOWN = "unknown"

# As the kernel prints a report, up to 4.20 and from 5.0 on; tells a log that stands newest first.
ORDER_IN_REPORT = {
    kind: place
    for place, kinds in enumerate(
        (
            (HEADER,),
            (CPU,),
            (LIMIT,),
            (MACHINE, STATS),
            (TABLE,),
            (ROW,),
            (SUMMARY, NOBODY),
            (ANNOUNCEMENT,),
            (KILLED, PANIC, SHARED),
            (REAPED,),
        )
    )
    for kind in kinds
}


class Statement(NamedTuple):
    """A kind of line and the values in it, named as in the event they become part of."""

    kind: str
    values: Dict[str, Any]

    @property
    def weight(self) -> int:
        """How much the line says; a line that was wrapped says more once it is joined."""
        told = (value for value in self.values.values() if value is not None)
        return sum(len(value) if isinstance(value, (tuple, dict)) else 1 for value in told)
