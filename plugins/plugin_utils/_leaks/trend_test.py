# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is there a trend, and how steep is it: Mann-Kendall and Theil-Sen, by seasons and by lives.

Both look at pairs of points. Here only those pairs count that may be compared: of one life of a process, and of the
same season (Hirsch, Slack, Smith: Techniques of trend analysis for monthly water quality data, 1982). What comes back
every day is then no trend, and several short lives are evidence together without being joined.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from statistics import median


@dataclass(frozen=True)
class Point:
    """A size at a time; only points of the same I(season) are compared."""

    seconds: float
    size: float
    season: int = 0


@dataclass
class PairTest:
    """What the pairs say. I(early) and I(late) are the slopes within the first and the last half of each life."""

    score: int = 0
    variance: float = 0.0
    slopes: list[float] = field(default_factory=list)
    early: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)

    @property
    def slope(self) -> float:
        """Theil-Sen: the median of the slopes of all pairs."""
        return median(self.slopes) if self.slopes else 0.0

    @property
    def straightness(self) -> float:
        """The least slope of the whole and of both halves as a share of the largest: 1 of a line.

        What levels off, was one step, or comes and goes, has a half that is flat, or steeper than the whole.
        """
        slopes = [median(each) if each else 0.0 for each in (self.slopes, self.early, self.late)]
        return max(min(slopes), 0.0) / max(*slopes, 1e-9)

    @property
    def confidence(self) -> float:
        """Mann-Kendall: how sure it is that later points are larger, from 0 to 1."""
        if self.variance <= 0:
            return 0.0
        # The score moves by two; the correction by one makes it continuous.
        z = (self.score - math.copysign(1, self.score)) / math.sqrt(self.variance) if self.score else 0.0
        return 0.5 * (1 + math.erf(z / math.sqrt(2)))


def gather(lives: Iterable[Sequence[Point]]) -> PairTest:
    """All pairs within each life. The work grows with the square of the number of points in a life."""
    found = PairTest()
    for life in lives:
        _add_life(found, life)
    return found


def _add_life(found: PairTest, life: Sequence[Point]) -> None:
    if not life:
        return
    middle = (life[0].seconds + life[-1].seconds) / 2
    seasons: dict[int, list[Point]] = defaultdict(list)
    for point in life:
        seasons[point.season].append(point)
    for points in seasons.values():
        found.variance += _variance([point.size for point in points])
        for earlier, later in combinations(points, 2):
            growth = later.size - earlier.size
            found.score += (growth > 0) - (growth < 0)
            slope = growth / (later.seconds - earlier.seconds)
            found.slopes.append(slope)
            if later.seconds <= middle:
                found.early.append(slope)
            elif earlier.seconds >= middle:
                found.late.append(slope)


def _variance(sizes: Sequence[float]) -> float:
    """Of the score, were there no trend; equal sizes make it smaller."""

    def term(count: int) -> int:
        return count * (count - 1) * (2 * count + 5)

    return (term(len(sizes)) - sum(term(count) for count in Counter(sizes).values())) / 18
