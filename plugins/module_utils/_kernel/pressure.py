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
    """Share of time in which tasks waited for memory, in percent, and the sum since boot."""

    avg10_pct: float
    avg60_pct: float
    avg300_pct: float
    total_us: int


@dataclass(frozen=True)
class Pressure:
    """I(some): at least one task waited. I(full): all did. Source: Documentation/accounting/psi.rst."""

    some: Optional[Stall]
    full: Optional[Stall]


@dataclass(frozen=True)
class Pressures:
    """Of each resource the kernel measures; C(None) for one that it does not."""

    cpu: Optional[Pressure]
    io: Optional[Pressure]
    memory: Optional[Pressure]


def parse_pressure(text: str) -> Pressure:
    """Read one pressure file; a line that is missing is C(None), never 0."""
    found: Dict[str, Stall] = {}
    for line in text.splitlines():
        match = _LINE.match(line.strip())
        if match:
            ten, minute, five_minutes = (float(match.group(n)) for n in (2, 3, 4))
            found[match.group(1)] = Stall(ten, minute, five_minutes, int(match.group(5)))
    return Pressure(found.get("some"), found.get("full"))
