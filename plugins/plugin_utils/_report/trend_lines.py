# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory of services over time, as small lines on the page of a host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import ServiceTrend
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.words import change, growth
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean

WIDTH, HEIGHT = 200, 24
_MOST_TRENDS, _MOST_POINTS = 20, 200
_Point = tuple[int, int]


@dataclass(frozen=True)
class TrendLine:
    """One service. I(lines) are polylines from 0 up, one for each life of its process; I(first) and I(last) are MiB."""

    unit: str
    leaks: bool
    said: str
    lines: tuple[str, ...]
    first: int
    last: int


def trend_lines(trends: Iterable[ServiceTrend]) -> list[TrendLine]:
    """The first trends that have something to draw."""
    return list(_found(trends))[:_MOST_TRENDS]


def _found(trends: Iterable[ServiceTrend]) -> Iterator[TrendLine]:
    for trend in trends:
        lives = [
            list(zip(points.at[:_MOST_POINTS], points.anon_swap_kib, strict=False))
            for points in trend.points
            if points.at
        ]
        if lives:
            ends = lives[0][0][1] // 1024, lives[-1][-1][1] // 1024
            told = growth(trend) if trend.leaks else change(trend)
            yield TrendLine(clean(trend.unit, 100), trend.leaks, clean(told), _lines(lives), *ends)


def _lines(lives: list[list[_Point]]) -> tuple[str, ...]:
    every = [point for points in lives for point in points]
    begin, end = min(when for when, _kib in every), max(when for when, _kib in every)
    most = max(kib for _when, kib in every) or 1

    def place(point: _Point) -> str:
        when, kib = point
        return f"{WIDTH * (when - begin) / (end - begin or 1):.1f},{HEIGHT * (1 - kib / most):.1f}"

    # A point that stands alone is a stroke of no length, which its round ends make a dot.
    return tuple(" ".join(map(place, points if len(points) > 1 else points * 2)) for points in lives)
