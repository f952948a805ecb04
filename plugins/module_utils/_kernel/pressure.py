# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pressure stall information, C(/proc/pressure/memory) and C(memory.pressure) of a cgroup."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Optional

_LINE = re.compile(r"^(some|full) avg10=(\d+\.\d+) avg60=(\d+\.\d+) avg300=(\d+\.\d+) total=(\d+)$")


@dataclass(frozen=True)
class Stall:
    """How long tasks waited."""

    avg10_pct: float
    """Share of the last 10 seconds, in percent."""

    avg60_pct: float
    """Share of the last minute, in percent."""

    avg300_pct: float
    """Share of the last five minutes, in percent."""

    total_us: int
    """Sum since boot, in microseconds."""


@dataclass(frozen=True)
class Pressure:
    """One resource. Source: Documentation/accounting/psi.rst."""

    some: Optional[Stall]
    """When at least one task waited; null where it was not told."""

    full: Optional[Stall]
    """When all that could run waited; null where it was not told (of the CPU before 5.13)."""


@dataclass(frozen=True)
class Pressures:
    """Each resource that the kernel measures (4.20); C(None) for one that it does not."""

    cpu: Optional[Pressure]
    """C(/proc/pressure/cpu): tasks that waited for a CPU."""

    io: Optional[Pressure]
    """C(/proc/pressure/io): tasks that waited for a disk."""

    memory: Optional[Pressure]
    """C(/proc/pressure/memory): tasks that waited for memory."""


def parse_pressure(text: str) -> Pressure:
    """Read one pressure file; a line that is missing is C(None), never 0."""
    found: Dict[str, Stall] = {}
    for line in text.splitlines():
        match = _LINE.match(line.strip())
        if match:
            ten, minute, five_minutes = (float(match.group(n)) for n in (2, 3, 4))
            found[match.group(1)] = Stall(ten, minute, five_minutes, int(match.group(5)))
    return Pressure(found.get("some"), found.get("full"))
