# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of the memory of one service over time, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeVar

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import TICKS_PER_SECOND
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.trend import Limits, Series, Trend, judge

T = TypeVar("T")
# A service that is restarted all the time is judged by the last ones.
_MOST_LIVES = 50
_MOST_POINTS = 90
# Growth at less than this share of what it was is not the same leak.
_LESS = 0.5


@dataclass(frozen=True)
class Life:
    """The main process of a service from its start on.

    I(began_at) is in seconds since the epoch. I(version) is that of the I(package) which owns its program, C(None)
    where none does, or the program on disk is another one by now. I(series) are uptime in seconds and bytes.
    """

    boot_id: str
    main_pid: int
    start_ticks: int
    began_at: int
    package: str | None
    version: str | None
    series: tuple[tuple[float, float], ...]

    def when(self, uptime_seconds: float) -> int:
        """Seconds since the epoch."""
        return int(self.began_at + uptime_seconds - self.start_ticks / TICKS_PER_SECOND)


@dataclass(frozen=True)
class Upgrade:
    """A package that a service needs went from one version to another."""

    unit: str
    """The unit."""
    package: str
    """The package."""
    before: str
    """Its version before."""
    after: str
    """Its version since then."""
    at: int
    """When, in seconds since the epoch."""


@dataclass(frozen=True)
class TrendPoints:
    """The size of one life of a process over time, thinned; both lists belong together, oldest first."""

    at: tuple[int, ...]
    """When, in seconds since the epoch."""
    anon_swap_kib: tuple[int, ...]
    """RssAnon and VmSwap of the service, in KiB."""


@dataclass(frozen=True)
class Cure:
    """What an upgrade did to a leak."""

    upgrade: Upgrade
    """The package that went from one version to another."""
    rate_before_bytes_per_hour: int
    """How fast the service grew before, in bytes an hour."""
    cured: bool | None
    """Whether it leaks no more, null as long as it is too early to say."""


@dataclass(frozen=True)
class ServiceTrend:
    """How a service grows."""

    unit: str
    """The unit; the name of the process on a host without systemd."""
    verdict: Literal["leak", "steady", "unknown"]
    """V(leak), V(steady), or V(unknown) where there is too little to say."""
    rate_bytes_per_hour: int
    """The robust slope (Theil-Sen), in bytes an hour; below 0 where it shrinks."""
    confidence_pct: float
    """How sure it is that later sizes are larger (Mann-Kendall), in percent."""
    samples: int
    """The number of samples that it was judged by."""
    seconds: int
    """The time that they cover, in seconds."""
    lives: int
    """The number of lives of the process that they are of."""
    package: str | None
    """The package that owns its program, null where none is known to."""
    version: str | None
    """The version of that package."""
    bound: str | None
    """What is reached first: V(memory) of the host with its swap, or V(limit) of its control group; null if unknown."""
    seconds_left: int | None
    """How long it can go on like this, in seconds; null where it does not leak, or nobody knows."""
    cure: Cure | None
    """What the last upgrade did to its leak, null where nothing leaked before one."""
    points: tuple[TrendPoints, ...]
    """What is drawn of it, by life."""

    @property
    def leaks(self) -> bool:
        return self.verdict == "leak"


def thinned(values: Sequence[T], most: int) -> Sequence[T]:
    """At most I(most) of them, evenly, the last one among them."""
    if len(values) <= most:
        return values
    return [values[(number + 1) * len(values) // most - 1] for number in range(most)]


def _percent(share: float) -> float:
    """Never rounded up to certainty."""
    return min(round(100 * share, 1), 99.9)


def service_trend(
    unit: str,
    lives: Sequence[Life],
    upgrades: Iterable[Upgrade],
    limits: Limits,
    rooms: Sequence[tuple[str, float]] = (),
) -> ServiceTrend:
    """The trend of one service. I(rooms) are the bytes that it may still grow, each with the name of the bound.

    It is that of the lives since the last upgrade; what ran before is in its I(cure).
    """
    lives = sorted(lives, key=lambda life: life.began_at)[-_MOST_LIVES:]
    upgrade = _last_change(unit, lives, upgrades)
    before = [life for life in lives if upgrade is not None and life.began_at < upgrade.at]
    now = lives[len(before) :]
    if not now:  # what was upgraded is not what runs
        before, now, upgrade = [], lives, None
    bound, room = min(rooms, key=lambda each: each[1], default=(None, None))
    trend = judge(_series(now), limits, room)
    seconds_left = None
    if trend.verdict == "leak" and room is not None:
        seconds_left = int(max(room, 0) / trend.bytes_per_hour * 3600)
    last = now[-1] if now else None
    return ServiceTrend(
        unit=unit,
        verdict=trend.verdict,
        rate_bytes_per_hour=round(trend.bytes_per_hour),
        confidence_pct=_percent(trend.confidence),
        samples=trend.samples,
        seconds=round(trend.seconds),
        lives=trend.lives,
        package=None if last is None else last.package,
        version=None if last is None else last.version,
        bound=bound,
        seconds_left=seconds_left,
        cure=None if upgrade is None else _cure(upgrade, before, trend, limits),
        points=_points(now),
    )


def _points(lives: Sequence[Life]) -> tuple[TrendPoints, ...]:
    points = [(life, life.when(uptime), int(size) // 1024) for life in lives for uptime, size in life.series]
    shown = thinned(points, _MOST_POINTS)
    return tuple(
        TrendPoints(
            tuple(when for life, when, _kib in shown if life is one),
            tuple(kib for life, _when, kib in shown if life is one),
        )
        for one in lives
    )


def _series(lives: Iterable[Life]) -> list[Series]:
    return [life.series for life in lives]


def _last_change(unit: str, lives: Sequence[Life], upgrades: Iterable[Upgrade]) -> Upgrade | None:
    """The last one that was recorded, or is seen in the version of the service's own package."""
    found = list(upgrades)
    known = [life for life in lives if life.version is not None]
    for earlier, later in pairwise(known):
        if earlier.package == later.package and earlier.version != later.version:
            versions = (str(earlier.version), str(later.version))
            found.append(Upgrade(unit, str(later.package), *versions, later.began_at))
    return max(found, key=lambda upgrade: upgrade.at, default=None)


def _last_known(lives: Sequence[Life], limits: Limits) -> Trend:
    """The last lives say nothing as long as they are short: a profile starts the service twice before the upgrade."""
    trends = (judge(_series(lives[:end]), limits) for end in range(len(lives), 0, -1))
    return next((trend for trend in trends if trend.verdict != "unknown"), Trend("unknown"))


def _cure(upgrade: Upgrade, before: Sequence[Life], after: Trend, limits: Limits) -> Cure | None:
    """C(None) where nothing leaked before."""
    old = _last_known(before, limits)
    if old.verdict != "leak":
        return None
    cured = None
    if after.verdict == "leak":
        cured = False
    elif after.verdict == "steady":
        # Long enough that what grew before would have been seen to grow.
        expected = old.bytes_per_hour * after.seconds / after.lives / 3600
        if expected >= limits.min_growth_bytes and after.bytes_per_hour < _LESS * old.bytes_per_hour:
            cured = True
    return Cure(upgrade, round(old.bytes_per_hour), cured)
