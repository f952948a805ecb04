# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The geometry of the charts; the templates draw them as inline SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import LEVELS

DAY = 86_400
COLUMN_BASE, _COLUMN_MARGIN = 100, 16
_GRID_WIDTH = 1120
# The size of a cell by the number of hosts, so that the whole fleet is seen at once.
_CELL_SIZES = ((150, 22), (600, 16), (2_500, 11), (8_000, 8), (25_000, 6), (60_000, 4))


@dataclass(frozen=True)
class Grid:
    """A cell for each host, in the order of the hosts; I(paths) draws all cells of a level at once."""

    width: int
    height: int
    size: int
    columns: int
    paths: tuple[tuple[str, str], ...]


def grid(levels: bytes) -> Grid:
    """I(levels) has the place in C(LEVELS) of each host. The worse, the larger the cell: colour is not needed."""
    size = next((size for most, size in _CELL_SIZES if len(levels) <= most), 3)
    columns = _GRID_WIDTH // size
    paths: list[tuple[str, str]] = []
    for level, name in enumerate(LEVELS):
        inset = _inset(size, level)
        side = size - 2 * inset
        cells = (divmod(place, columns) for place, found in enumerate(levels) if found == level)
        path = "".join(f"M{x * size + inset} {y * size + inset}h{side}v{side}h-{side}z" for y, x in cells)
        if path:
            paths.append((name, path))
    return Grid(min(len(levels), columns) * size, -(-len(levels) // columns) * size, size, columns, tuple(paths))


def _inset(size: int, level: int) -> int:
    """The empty margin of a cell, in pixels."""
    if size < 6:
        return 0
    return max(size // 8, 1) if level >= LEVELS.index("warning") else max(size // 4, 1)


@dataclass(frozen=True)
class Column:
    """A day, as a column that stands on C(COLUMN_BASE); the highest one leaves room for its number above."""

    day: str
    count: int
    height: float

    @property
    def top(self) -> float:
        return round(COLUMN_BASE - self.height, 1)


def columns(counts: Mapping[int, int], last: int, days: int) -> tuple[Column, ...]:
    """The last I(days) up to I(last) (both since the epoch), those with nothing too."""
    shown = range(last - days + 1, last + 1)
    top = max((counts.get(day, 0) for day in shown), default=0) or 1
    return tuple(
        Column(
            datetime.fromtimestamp(day * DAY, UTC).strftime("%Y-%m-%d"),
            counts.get(day, 0),
            round((COLUMN_BASE - _COLUMN_MARGIN) * counts.get(day, 0) / top, 1),
        )
        for day in shown
    )


@dataclass(frozen=True)
class Bar:
    """One bar of several; I(width_pct) of the room there is, I(text) what is said beside it."""

    name: str
    width_pct: float
    text: str
    link: str | None = None
    level: str = ""


def ranking(counts: Mapping[str, int], most: int) -> tuple[Bar, ...]:
    """The names with the largest counts, as bars."""
    chosen = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:most]
    top = chosen[0][1] if chosen else 1
    return tuple(Bar(name, round(100 * count / top, 1), str(count)) for name, count in chosen)


def width(pct: float | None) -> float:
    """A share as the width of a bar."""
    return min(max(pct or 0.0, 0.0), 100.0)


def line(values: Sequence[float | None], height: int = 100, step: int = 10) -> tuple[str, ...]:
    """Polylines through percentages, a gap where there is none; a point that stands alone is a short stroke."""
    lines: list[list[str]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            lines.append([])
        else:
            lines[-1].append(f"{place * step},{round(height * (100 - width(value)) / 100, 1)}")
    return tuple(" ".join(_at_least_two(points)) for points in lines if points)


def _at_least_two(points: Sequence[str]) -> Iterable[str]:
    if len(points) > 1:
        return points
    x, y = points[0].split(",")
    return (points[0], f"{int(x) + 1},{y}")
