# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which main processes a run has found, or left, with the score of our drop-in: kept until the next boot.

A process that had it and has another one now was given that by somebody; one that never had it has set its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Mapping

SEEN_FILE = "/run/lifeboat-oom.scores"
_LINE = re.compile(r"(\S{1,255}) (\d{1,10}) (\d{1,19}) (\d{1,6})")


@dataclass(frozen=True)
class Seen:
    """A process, and how often it was given the score back since."""

    pid: int
    start_ticks: int
    mended: int


def parse(text: str) -> Dict[str, Seen]:
    """By unit. A line that is not ours is passed over."""
    lines = (_LINE.fullmatch(line) for line in text.split("\n"))
    return {found.group(1): Seen(*(int(found.group(part)) for part in (2, 3, 4))) for found in lines if found}


def render(seen: Mapping[str, Seen]) -> str:
    return "".join(f"{unit} {one.pid} {one.start_ticks} {one.mended}\n" for unit, one in sorted(seen.items()))
