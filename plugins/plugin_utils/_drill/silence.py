# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a device does not answer that is asked again and again."""

from __future__ import annotations

import time
from collections.abc import Callable


class Silence:
    """The longest time from asking to the answer, over all attempts in between that had none."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked_at: float | None = None
        self._longest = 0.0

    def asks(self) -> None:
        if self._asked_at is None:
            self._asked_at = self._clock()

    def is_answered(self) -> None:
        self._longest = self.longest_seconds
        self._asked_at = None

    @property
    def longest_seconds(self) -> float:
        """With the one that lasts."""
        waited = 0.0 if self._asked_at is None else self._clock() - self._asked_at
        return max(self._longest, waited)
