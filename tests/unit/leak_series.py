# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services whose memory was never real, with the truth about each: does it leak?

Everything comes from a seed: sizes, periods, rates, noise, how often somebody looked and for how long.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Life = list[tuple[float, float]]
MIB, HOUR, DAY = 1 << 20, 3600.0, 86_400.0
# RAM and swap that are still free, for every service here.
ROOM_BYTES = 700 * MIB


@dataclass(frozen=True)
class Sample:
    """One service: its I(lives), whether it I(leaks), and of which I(kind) it is."""

    kind: str
    leaks: bool
    lives: tuple[Life, ...]


Shape = Callable[[float], float]


class Chance(random.Random):
    """I(nightly) is one look a night for weeks, instead of many a day for days."""

    nightly = False


def samples(seed: int, each: int, nightly: bool = False) -> Iterator[Sample]:
    """I(each) services of every kind; I(nightly) those that live for weeks."""
    for number, (kind, (leaks, make)) in enumerate(KINDS.items()):
        for count in range(0 if nightly and kind in SHORT else each):
            chance = Chance(f"{seed} {number} {count}")
            chance.nightly = nightly
            yield Sample(kind, leaks, tuple(make(chance)))


def _look(chance: Chance, shape: Shape, days: float, begin: float = 0.0, noise: float = 0.004) -> Life:
    """Somebody looks every 5 to 30 minutes, or every night, and now and then is late or does not come."""
    base = chance.uniform(20, 300) * MIB
    # The timer of the page of the report may be half an hour late.
    every, late = (DAY, HOUR / 2) if chance.nightly else (chance.choice([300, 600, 900, 1800]), 30.0)
    life, now = [], begin
    while now < begin + days * DAY:
        if chance.random() > 0.02:
            when = now + chance.uniform(0, late)
            size = base * (1 + shape(when) + chance.gauss(0, noise))
            life.append((when, float(max(int(size) // 4096 * 4096, 4096))))
        now += every
    return life


def _days(chance: Chance) -> float:
    return chance.choice([12.0, 20.0, 40.0, 80.0] if chance.nightly else [3.5, 5.0, 7.0, 14.0, 30.0])


def _sawtooth(chance: Chance) -> Shape:
    """A heap that fills and is tidied up, every quarter of an hour to every eight hours."""
    period, height, shift = chance.uniform(0.25, 8) * HOUR, chance.uniform(0.2, 1.5), chance.random()
    return lambda now: height * ((now / period + shift) % 1)


def _daily(chance: Chance) -> Shape:
    height, peak, power = chance.uniform(0.2, 1.5), chance.random(), chance.choice([1, 3])
    return lambda now: height * (0.5 + 0.5 * math.cos(2 * math.pi * (now / DAY - peak))) ** power


def _warm_up(chance: Chance) -> Shape:
    height, tau = chance.uniform(0.3, 3), chance.uniform(0.05, 8) * HOUR
    return lambda now: height * (1 - math.exp(-now / tau))


def _step(chance: Chance, days: float) -> Shape:
    """Another feature is switched on at some time, or a table is loaded."""
    height, when = chance.uniform(0.2, 1.5), chance.uniform(0.1, 0.9) * days * DAY
    return lambda now: height if now > when else 0.0


def _line(chance: Chance, days: float) -> Shape:
    """A fifth to threefold of its size, in the time that it is looked at."""
    rate = chance.uniform(0.2, 3) / (days * DAY)
    return lambda now: rate * now


def _both(one: Shape, other: Shape) -> Shape:
    return lambda now: one(now) + other(now)


def _flat(_now: float) -> float:
    return 0.0


def steady(chance: Chance) -> Iterator[Life]:
    yield _look(chance, _flat, _days(chance))


def noisy(chance: Chance) -> Iterator[Life]:
    yield _look(chance, _flat, _days(chance), noise=chance.uniform(0.05, 0.3))


def wandering(chance: Chance) -> Iterator[Life]:
    """What it holds moves up and down by itself, and comes back to its mean within hours: a cache."""
    tau, spread = chance.uniform(1, 16) * HOUR, chance.uniform(0.02, 0.3)
    state, before = 0.0, 0.0

    def shape(now: float) -> float:
        nonlocal state, before
        keep = math.exp((before - now) / tau)
        state, before = keep * state + chance.gauss(0, spread) * math.sqrt(1 - keep**2), now
        return state

    yield _look(chance, shape, _days(chance))


def sawtooth(chance: Chance) -> Iterator[Life]:
    yield _look(chance, _sawtooth(chance), _days(chance))


def daily(chance: Chance) -> Iterator[Life]:
    yield _look(chance, _daily(chance), _days(chance), noise=0.02)


def warm_up(chance: Chance) -> Iterator[Life]:
    yield _look(chance, _warm_up(chance), _days(chance))


def young(chance: Chance) -> Iterator[Life]:
    """Seen for some hours only: warming up, tidying up, or in the morning of its day."""
    shape = chance.choice([_warm_up, _sawtooth, _daily])(chance)
    yield _look(chance, shape, chance.uniform(0.1, 1.5))


def step(chance: Chance) -> Iterator[Life]:
    days = _days(chance)
    yield _look(chance, _step(chance, days), days)


def deploy(chance: Chance) -> Iterator[Life]:
    """A new version that needs more, and a restart of course."""
    days = _days(chance)
    yield _look(chance, _flat, days)
    yield _look(chance, _warm_up(chance), days, begin=(days + 0.01) * DAY)


def restarts(chance: Chance) -> Iterator[Life]:
    """Of a service that is well: every life warms up, and has its day."""
    shape, begin = _daily(chance), 0.0
    for _number in range(chance.randint(3, 10)):
        start, length = begin, chance.uniform(0.3, 1.2)
        warm = _warm_up(chance)
        yield _look(chance, lambda now, start=start, warm=warm: shape(now) + warm(now - start), length, begin=begin)
        begin += (length + 0.01) * DAY


def slow_leak(chance: Chance) -> Iterator[Life]:
    days = _days(chance)
    yield _look(chance, _line(chance, days), days, noise=chance.choice([0.004, 0.05]))


def leak_under_load(chance: Chance) -> Iterator[Life]:
    days = _days(chance)
    other = chance.choice([_daily, _sawtooth, _warm_up])(chance)
    yield _look(chance, _both(_line(chance, days), other), days, noise=0.02)


def late_leak(chance: Chance) -> Iterator[Life]:
    """It does not leak until the last third of the time, of two weeks or more."""
    days = chance.choice([40.0, 80.0] if chance.nightly else [14.0, 30.0])
    grow = _line(chance, days / 3)
    yield _look(chance, lambda now: grow(max(now - days * DAY * 2 / 3, 0.0)), days)


def fast_leak(chance: Chance) -> Iterator[Life]:
    """Memory is gone within hours, and it has run for some."""
    rate = chance.uniform(0.5, 3) / HOUR
    hours = chance.uniform(2.5, 6)
    yield _look(chance, lambda now: rate * now, hours / 24)


def leak_with_restarts(chance: Chance) -> Iterator[Life]:
    """It is killed or restarted before it is a day old, and begins again."""
    rate, begin = chance.uniform(0.02, 0.3) / HOUR, 0.0
    for _number in range(chance.randint(4, 10)):
        start, length = begin, chance.uniform(0.2, 0.9)
        yield _look(chance, lambda now, start=start: rate * (now - start), length, begin=begin, noise=0.01)
        begin += (length + 0.01) * DAY


KINDS: dict[str, tuple[bool, Callable[[Chance], Iterator[Life]]]] = {
    "steady": (False, steady),
    "noise": (False, noisy),
    "wandering": (False, wandering),
    "GC sawtooth": (False, sawtooth),
    "daily load": (False, daily),
    "warm-up": (False, warm_up),
    "hours old": (False, young),
    "step": (False, step),
    "step after a deploy": (False, deploy),
    "restarts": (False, restarts),
    "slow leak": (True, slow_leak),
    "leak under load": (True, leak_under_load),
    "late leak": (True, late_leak),
    "fast leak": (True, fast_leak),
    "leak with restarts": (True, leak_with_restarts),
}
# What is over before a second night.
SHORT = ("hours old", "restarts", "fast leak", "leak with restarts")
