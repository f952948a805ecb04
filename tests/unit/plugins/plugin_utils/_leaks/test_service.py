# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from unit.leak_series import DAY, HOUR, MIB

from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import Life, Upgrade, service_trend, thinned
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.trend import Limits

LIMITS = Limits()
UNIT = "a.service"


def life(begin_day: float, mib_per_day: float, days: float = 5, version: str | None = "1") -> Life:
    """Looked at every hour, on a host that was booted at the epoch."""
    begin = begin_day * DAY
    series = [(begin + hour * HOUR, (100 + mib_per_day * hour / 24) * MIB) for hour in range(int(days * 24) + 1)]
    package = None if version is None else "a"
    return Life("b", 7, int(begin * 100), int(begin), package, version, tuple(series))


def test_a_leak_has_a_rate_and_an_end() -> None:
    found = service_trend(UNIT, [life(0, 24)], (), LIMITS, (("memory", 48.0 * MIB), ("limit", 12.0 * MIB)))
    assert found.leaks
    assert found.rate_bytes_per_hour == MIB
    assert (found.bound, found.seconds_left) == ("limit", 12 * HOUR)
    assert service_trend(UNIT, [life(0, 24)], (), LIMITS).seconds_left is None
    assert service_trend(UNIT, [life(0, 24)], (), LIMITS, (("limit", -5.0),)).seconds_left == 0


def test_what_does_not_leak_has_no_end() -> None:
    found = service_trend(UNIT, [life(0, 0)], (), LIMITS, (("memory", 48.0 * MIB),))
    assert (found.verdict, found.seconds_left, found.cure) == ("steady", None, None)
    assert service_trend(UNIT, [], (), LIMITS).verdict == "unknown"


@pytest.mark.parametrize(
    ("after", "cured"),
    [(life(6, 0, version="2"), True), (life(6, 24, version="2"), False), (life(6, 0, 1, "2"), None)],
    ids=["cured", "persists", "too early"],
)
def test_the_version_before_is_compared_with_the_one_after(after: Life, cured: bool | None) -> None:
    found = service_trend(UNIT, [life(0, 24), after], (), LIMITS)
    assert found.cure is not None
    assert found.cure.cured is cured
    assert found.cure.rate_before_bytes_per_hour == MIB
    assert found.cure.upgrade == Upgrade(UNIT, "a", "1", "2", 6 * DAY)
    assert [line.at[0] for line in found.points] == [after.began_at]


def test_restarts_by_a_profile_before_the_upgrade_do_not_hide_the_leak() -> None:
    lives = [life(0, 24), life(5.1, 24, 0.01), life(5.2, 24, 0.3), life(6, 0)]
    found = service_trend(UNIT, lives, [Upgrade(UNIT, "libleak", "1.0", "1.1", int(5.9 * DAY))], LIMITS)
    assert found.cure is not None and found.cure.cured is True
    fine = service_trend(
        UNIT, [life(0, 0), *lives[1:]], [Upgrade(UNIT, "libleak", "1.0", "1.1", int(5.9 * DAY))], LIMITS
    )
    assert fine.cure is None


def test_a_library_that_was_upgraded_counts_as_well() -> None:
    upgrade = Upgrade(UNIT, "libleak", "1.0", "1.1", int(5.5 * DAY))
    found = service_trend(UNIT, [life(0, 24), life(6, 0)], [upgrade], LIMITS)
    assert found.cure is not None
    assert (found.cure.upgrade, found.cure.cured) == (upgrade, True)


def test_what_was_not_restarted_still_runs_the_old_code() -> None:
    upgrade = Upgrade(UNIT, "libleak", "1.0", "1.1", 3 * DAY)
    found = service_trend(UNIT, [life(0, 24)], [upgrade], LIMITS)
    assert (found.leaks, found.cure) == (True, None)


def test_where_nothing_leaked_nothing_is_cured() -> None:
    assert service_trend(UNIT, [life(0, 0), life(6, 0, version="2")], (), LIMITS).cure is None
    assert service_trend(UNIT, [life(0, 24), life(6, 0)], (), LIMITS).cure is None
    assert service_trend(UNIT, [life(0, 24), life(6, 0, version=None)], (), LIMITS).cure is None


def test_a_moment_of_a_life_has_a_date() -> None:
    found = Life("b", 7, 5000, 1_000_000, None, None, ())
    assert found.when(60.0) == 1_000_010


def test_what_is_too_much_is_thinned() -> None:
    assert thinned(range(10), 3) == [2, 5, 9]
    assert thinned([1, 2], 3) == [1, 2]


def test_a_trend_is_kept_with_a_line_for_each_life() -> None:
    found = service_trend(UNIT, [life(0, 24), life(6, 24), life(12, 24, version="2")], (), LIMITS)
    assert found.verdict == "leak"
    assert (found.rate_bytes_per_hour, found.confidence_pct) == (MIB, 99.9)
    assert (found.package, found.version) == ("a", "2")
    assert found.cure is not None
    assert (found.cure.upgrade.before, found.cure.cured) == ("1", False)
    (line,) = found.points
    assert len(line.at) == len(line.anon_swap_kib) == 90
    assert (line.at[-1], line.anon_swap_kib[-1]) == (17 * DAY, 220 * 1024)
    both = service_trend(UNIT, [life(0, 24), life(6, 24)], (), LIMITS)
    assert [len(line.at) for line in both.points] == [45, 45]
    assert service_trend(UNIT, [], (), LIMITS).points == ()
