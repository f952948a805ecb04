# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether more work costs in proportion: times are compared with each other, never with a clock."""

from __future__ import annotations

import time
from collections.abc import Callable

FEW, TIMES = 250, 8


def in_proportion(prepare: Callable[[int], Callable[[], object]], few: int = FEW) -> bool:
    """Whether eight times as much costs at most three times what is fair; its square would cost eight times that.

    I(prepare) makes the work for a number of things.
    """
    return _seconds(prepare(few * TIMES)) < _seconds(prepare(few)) * TIMES * 3


def _seconds(work: Callable[[], object]) -> float:
    """The least of some tries, of this process alone."""
    found = []
    for _again in range(3):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)
