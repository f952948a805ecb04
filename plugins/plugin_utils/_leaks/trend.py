# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does one service leak: from the sizes of its processes over time to a verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Literal

from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.trend_test import Point, gather

# Seconds and bytes, in the order of time: anonymous memory and swap of one life of a process.
Series = Sequence[tuple[float, float]]
_MIB = 1 << 20
# A period is looked at in this many parts.
_SEASONS = 8
# A life is judged by the period when it has seen so many of them: two halves, each with the same hours of two days.
_PERIODS = 3
# More points than these are not compared with each other: a life that is older is looked at in coarser parts.
_MOST_FLOORS = 256
# Fewer than eight can never be as sure as is asked for.
_LEAST_FLOORS, _MOST_FLOORS_AT_ONCE = 8, 32
# Of a life that is one of several, so that it says something.
_LEAST_OF_MANY, _MANY = 4, 3
# How straight a leak is, and how many of several lives are.
_STRAIGHT = 0.4
_STRAIGHT_LIVES = 0.75
# How sure it has to be that there is growth at all: there are many services, and each is judged every day.
_CONFIDENCE = 0.999


@dataclass(frozen=True)
class Limits:
    """From where on growth is a leak.

    A life is judged from I(min_samples) and I(min_seconds) on, and only by moments that are whole periods apart once
    it covers three of them, so that load which comes back every I(period_seconds) is no leak; 0 is no period. Before
    that, and within the last period, only growth counts that leaves less than I(urgent_seconds).
    """

    min_samples: int = 8
    min_seconds: int = 7_200
    period_seconds: int = 86_400
    urgent_seconds: int = 43_200
    min_growth_bytes: int = 4 * _MIB
    min_growth_share: float = 0.1


@dataclass(frozen=True)
class Trend:
    """I(verdict) is V(leak), V(steady) or, where there is too little to say, V(unknown).

    I(bytes_per_hour) is the robust slope, I(confidence) (0 to 1) that later sizes are larger, I(samples) of I(lives)
    lives over I(seconds) are what it was judged by.
    """

    verdict: Literal["leak", "steady", "unknown"]
    bytes_per_hour: float = 0.0
    confidence: float = 0.0
    samples: int = 0
    seconds: float = 0.0
    lives: int = 0


def judge(lives: Sequence[Series], limits: Limits, room_bytes: float | None = None) -> Trend:
    """Whether the service whose processes were I(lives), oldest first, leaks now.

    The last life says so itself where it is long enough; else several of them together. I(room_bytes) is how much it
    may still grow, where that is known.
    """
    known = [life for life in lives if life]
    if not known:
        return Trend("unknown")
    last = known[-1]
    if _is_long(last, limits):
        found = _by_periods(last, limits)
        return found if found.verdict == "leak" else _by_last_period(last, limits, room_bytes) or found
    found = _by_many(known, limits)
    if found.verdict == "leak":
        return found
    urgent = _by_urgency(last, limits, room_bytes)
    return urgent if urgent.verdict == "leak" else found


def _is_long(life: Series, limits: Limits) -> bool:
    seconds = max(limits.min_seconds, _PERIODS * limits.period_seconds)
    return len(life) >= limits.min_samples and _span(life) >= seconds


def _by_periods(life: Series, limits: Limits) -> Trend:
    """By all of it, else by its last half or quarter: a leak need not be there from the beginning."""
    whole = None
    for part in (life, life[len(life) // 2 :], life[-(len(life) // 4) :]):
        if whole is not None and not _is_long(part, limits):
            break
        found = _by_all_periods(part, limits) if limits.period_seconds else _trend([part], limits)
        if found.verdict == "leak":
            return found
        whole = whole or found
    return whole or Trend("unknown")


def _by_all_periods(life: Series, limits: Limits) -> Trend:
    found = _trend([life], limits, [list(floors_by_period(life, limits.period_seconds))])
    # A heap that is tidied up every 8.1 hours is a bit fuller each day at the same hour; its lowest point is not.
    begin, end = life[0][0], life[-1][0]
    third = (end - begin) / _PERIODS
    first = min(size for seconds, size in life if seconds <= begin + third)
    last = min(size for seconds, size in life if seconds >= end - third)
    expected = found.bytes_per_hour / 3600 * (end - begin - third)
    return found if last - first >= _STRAIGHT * expected else replace(found, verdict="steady")


def _by_last_period(life: Series, limits: Limits, room_bytes: float | None) -> Trend | None:
    """A leak that cannot wait for three periods: it is urgent, and larger by now than the life ever was before."""
    begin = life[-1][0] - limits.period_seconds
    before = max((size for seconds, size in life if seconds < begin), default=math.inf)
    recent = [point for point in life if point[0] >= begin]
    found = _by_urgency(recent, limits, room_bytes)
    risen = min(size for _seconds, size in recent[len(recent) // 2 :]) > before
    return found if found.verdict == "leak" and risen else None


def _by_many(lives: Sequence[Series], limits: Limits) -> Trend:
    """By lives that are each too short, if there are several."""
    chosen = [life for life in lives if len(life) >= _LEAST_OF_MANY]
    enough = sum(map(len, chosen)) >= limits.min_samples and sum(map(_span, chosen)) >= limits.min_seconds
    if len(chosen) < _MANY or not enough:
        return Trend("unknown", samples=sum(map(len, lives)), seconds=sum(map(_span, lives)), lives=len(lives))
    found = _trend(chosen, limits)
    straight = [life for life in chosen if gather([list(floors(life))]).straightness >= _STRAIGHT]
    return found if len(straight) >= _STRAIGHT_LIVES * len(chosen) else replace(found, verdict="steady")


def _by_urgency(life: Series, limits: Limits, room_bytes: float | None) -> Trend:
    if room_bytes is None or len(life) < limits.min_samples or _span(life) < limits.min_seconds:
        return Trend("unknown")
    found = _trend([life], limits)
    urgent = found.verdict == "leak" and room_bytes / found.bytes_per_hour * 3600 < limits.urgent_seconds
    return found if urgent else Trend("unknown")


def _trend(lives: Sequence[Series], limits: Limits, points: Sequence[Sequence[Point]] = ()) -> Trend:
    """By I(points), by default the floors of the lives."""
    points = points or [list(floors(life)) for life in lives]
    found = gather(points)
    spans = [_span(life) for life in lives]
    growth = found.slope * median(spans)
    enough = max(limits.min_growth_bytes, limits.min_growth_share * median(life[0].size for life in points))
    leaks = growth >= enough and found.confidence >= _CONFIDENCE and found.straightness >= _STRAIGHT
    return Trend(
        verdict="leak" if leaks else "steady",
        bytes_per_hour=found.slope * 3600,
        confidence=found.confidence,
        samples=sum(map(len, lives)),
        seconds=sum(spans),
        lives=len(lives),
    )


def floors_by_period(life: Series, period_seconds: float) -> Iterator[Point]:
    """The least of each part of each period; of whole periods where there would be too many parts."""
    width, seasons = period_seconds / _SEASONS, _SEASONS
    if _span(life) / width > _MOST_FLOORS:
        width = period_seconds * -(-_span(life) // (_MOST_FLOORS * period_seconds))
        seasons = 1
    return _floors(life, width, seasons)


def floors(life: Series) -> Iterator[Point]:
    """The least of each of some parts that are equally long: where a heap is after it was tidied up."""
    parts = min(max(len(life) // 2, _LEAST_FLOORS), _MOST_FLOORS_AT_ONCE)
    return _floors(life, _span(life) / parts or 1.0, 1)


def _floors(life: Series, width: float, seasons: int) -> Iterator[Point]:
    begin = life[0][0]
    lowest: dict[int, tuple[float, float]] = {}
    for seconds, size in life:
        part = int((seconds - begin) / width)
        if part not in lowest or size < lowest[part][1]:
            lowest[part] = (seconds, size)
    for part, (seconds, size) in sorted(lowest.items()):
        yield Point(seconds, size, part % seasons)


def _span(life: Series) -> float:
    return life[-1][0] - life[0][0]
