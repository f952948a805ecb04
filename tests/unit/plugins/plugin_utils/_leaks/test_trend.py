# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from collections import Counter

import pytest
from unit.leak_series import DAY, HOUR, KINDS, MIB, ROOM_BYTES, Life, samples

from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.trend import (
    Limits,
    floors_by_period,
    judge,
)

# As many of every kind; benchmarks/leak_trend.py prints the same for more.
EACH, SEED = 25, 20
LIMITS = Limits()


def line(days: float, mib_per_day: float, every: float = HOUR, base: float = 100.0, begin: float = 0.0) -> Life:
    count = int(days * DAY / every) + 1
    return [(begin + place * every, (base + mib_per_day * place * every / DAY) * MIB) for place in range(count)]


def test_the_labelled_set_is_told_apart() -> None:
    accused: Counter[str] = Counter()
    for sample in samples(SEED, EACH):
        accused[sample.kind] += judge(sample.lives, LIMITS, ROOM_BYTES).verdict == "leak"
    leaking = [kind for kind, (leaks, _make) in KINDS.items() if leaks]
    right = sum(accused[kind] for kind in leaking)
    assert right / accused.total() > 0.98, accused
    assert right / (EACH * len(leaking)) > 0.94, accused
    for kind in ("GC sawtooth", "warm-up", "daily load", "steady", "step after a deploy"):
        assert accused[kind] == 0
    for kind in ("slow leak", "leak with restarts"):
        assert accused[kind] == EACH


def test_the_rate_is_in_bytes_an_hour() -> None:
    found = judge([line(5, 24)], LIMITS)
    assert found.verdict == "leak"
    assert found.bytes_per_hour == pytest.approx(MIB)
    assert (found.samples, found.seconds, found.lives) == (121, 5 * DAY, 1)
    assert found.confidence > 0.999


@pytest.mark.parametrize(
    ("life", "verdict"),
    [
        ([], "unknown"),
        (line(0, 0), "unknown"),
        (line(2, 24), "unknown"),
        (line(5, 24), "leak"),
        (line(10, 24, every=DAY), "leak"),
        (line(6, 24, every=DAY), "unknown"),
        (line(5, 0.5), "steady"),
        (line(5, 10, base=1000), "steady"),
        (line(5, -24), "steady"),
        (line(5, 0), "steady"),
    ],
    ids=["none", "one", "too short", "leak", "by night", "too few", "small", "small share", "shrinks", "flat"],
)
def test_one_life(life: Life, verdict: str) -> None:
    assert judge([life], LIMITS).verdict == verdict


def test_growth_that_cannot_wait_is_told_early() -> None:
    fast = line(0.2, 24 * 60, every=HOUR / 4)
    assert judge([fast], LIMITS).verdict == "unknown"
    assert judge([fast], LIMITS, 700.0 * MIB).verdict == "leak"
    assert judge([fast], LIMITS, 7000.0 * MIB).verdict == "unknown"
    assert judge([fast[:6]], LIMITS, 700.0 * MIB).verdict == "unknown"


def since(life: Life, begin: float, mib_per_hour: float) -> Life:
    """Of an old process the history has the least of every three hours."""
    return [(now, size + max(now - begin, 0) / HOUR * mib_per_hour * MIB) for now, size in life[::3]]


@pytest.mark.parametrize(
    ("life", "room_mib", "verdict"),
    [
        (since(line(6, 0), 5 * DAY, 20), 200.0, "leak"),
        (since(line(6, 0), 5 * DAY, 20), 300.0, "steady"),
        (since(line(6, 0), 5 * DAY, 20), None, "steady"),
        (since(line(6, 0), 5.5 * DAY, 20), 200.0, "steady"),
        ([(0.0, 600.0 * MIB), *since(line(6, 0), 5 * DAY, 20)[1:]], 200.0, "steady"),
        ([*since(line(6, 0), 5 * DAY, 20)[:-4], (5.9 * DAY, 100.0 * MIB), (6 * DAY, 600.0 * MIB)], 200.0, "steady"),
    ],
    ids=["for a day", "can wait", "no end is known", "for half a day", "has been larger", "fell back"],
)
def test_an_old_process_that_cannot_wait_is_told_within_a_day(life: Life, room_mib: float | None, verdict: str) -> None:
    assert judge([life], LIMITS, room_mib and room_mib * MIB).verdict == verdict


def test_lives_are_not_joined() -> None:
    """Each is flat, and larger than the one before."""
    steps = [line(0.5, 0, base=100 + 50 * number, begin=number * DAY) for number in range(6)]
    assert judge(steps, LIMITS).verdict == "steady"
    # Each falls back to where the first began.
    leaks = [line(0.5, 100, begin=number * DAY) for number in range(6)]
    found = judge(leaks, LIMITS)
    assert (found.verdict, found.lives) == ("leak", 6)
    assert found.bytes_per_hour == pytest.approx(100 * MIB / 24)
    assert judge(leaks[:2], LIMITS).verdict == "unknown"


def test_a_life_that_is_long_enough_speaks_for_itself() -> None:
    leaks = [line(0.5, 100, begin=number * DAY) for number in range(6)]
    assert judge([*leaks, line(5, 0, begin=9 * DAY)], LIMITS).verdict == "steady"


def test_without_a_period_the_least_time_decides() -> None:
    limits = Limits(min_samples=8, min_seconds=0, period_seconds=0, min_growth_bytes=MIB, min_growth_share=0.01)
    life = [(float(second), 50.0 * MIB + second * MIB / 4) for second in range(20)]
    assert judge([life], limits).verdict == "leak"
    saw = [(float(second), 50.0 * MIB + second % 5 * MIB) for second in range(20)]
    assert judge([saw], limits).verdict == "steady"
    assert judge([life[:7]], limits).verdict == "unknown"


def test_the_work_does_not_grow_with_the_length() -> None:
    long = line(1000, 1, every=300)
    assert len(list(floors_by_period(long, DAY))) <= 260
    start = time.process_time()
    assert judge([long], LIMITS).verdict == "leak"
    assert time.process_time() - start < 5
