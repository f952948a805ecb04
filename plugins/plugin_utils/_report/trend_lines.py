# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory of services over time, as small lines on the page of a host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.words import change, growth
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.optional_fields import entries, items, text
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


def trend_lines(record: Mapping[str, Any]) -> list[TrendLine]:
    """The first trends of a record that have something to draw."""
    return list(_found(record))[:_MOST_TRENDS]


def _found(record: Mapping[str, Any]) -> Iterator[TrendLine]:
    for trend in entries(record, "trends"):
        lives = [points for points in map(_points, items(trend, "points")) if points]
        if lives:
            leaks = text(trend, "verdict") == "leak"
            ends = lives[0][0][1] // 1024, lives[-1][-1][1] // 1024
            said = growth(trend) if leaks else change(trend)
            yield TrendLine(clean(text(trend, "unit"), 100), leaks, clean(said), _lines(lives), *ends)


def _points(life: Any) -> list[_Point]:
    pairs = life[:_MOST_POINTS] if isinstance(life, (list, tuple)) else ()
    return [
        (pair[0], pair[1])
        for pair in pairs
        if isinstance(pair, (list, tuple)) and len(pair) == 2 and all(_is_size(each) for each in pair)
    ]


def _lines(lives: list[list[_Point]]) -> tuple[str, ...]:
    every = [point for points in lives for point in points]
    begin, end = min(when for when, _kib in every), max(when for when, _kib in every)
    most = max(kib for _when, kib in every) or 1

    def place(point: _Point) -> str:
        when, kib = point
        return f"{WIDTH * (when - begin) / (end - begin or 1):.1f},{HEIGHT * (1 - kib / most):.1f}"

    # A point that stands alone is a stroke of no length, which its round ends make a dot.
    return tuple(" ".join(map(place, points if len(points) > 1 else points * 2)) for points in lives)


def _is_size(value: Any) -> bool:
    """A boolean is an int for Python, and not for us."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
