# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from unit.leak_series import DAY, HOUR, MIB
from unit.samples import host_state, memory, process

from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.cgroups import parse_cgroup_files
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import Life, Upgrade
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.trend import Limits
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.trends_of_host import service_trends

LIMITS = Limits()
PROCESSES = (
    process(100),
    process(200, unit="big.service", cgroup="/big", rss_anon_kib=900_000),
    process(300, unit="young.service", cgroup="/young"),
)


def life(mib_per_day: float, days: float = 5) -> Life:
    series = [(hour * HOUR, (100 + mib_per_day * hour / 24) * MIB) for hour in range(int(days * 24) + 1)]
    return Life("b", 7, 0, 0, None, None, tuple(series))


LIVES = {"nginx.service": (life(24),), "big.service": (life(0),), "young.service": (life(24, 1),)}


def state(**changes: Any) -> HostState:
    return host_state(processes=PROCESSES, **changes)


def test_who_leaks_stands_first_and_who_is_unknown_nowhere() -> None:
    found = service_trends(state(), LIVES, (), LIMITS)
    assert [(each.unit, each.leaks) for each in found] == [("nginx.service", True), ("big.service", False)]
    assert service_trends(state(), {}, (), LIMITS) == ()
    gone = {"gone.service": (life(24),)}
    assert service_trends(state(), gone, (), LIMITS) == ()


def test_the_room_is_that_of_the_host_or_of_the_group() -> None:
    (found, _big) = service_trends(state(), LIVES, (), LIMITS)
    # 2,000,000 KiB available and 800,000 KiB of swap, at 1 MiB an hour.
    assert (found.bound, found.seconds_left) == ("memory", int(2_800_000 / 1024 * 3600))
    files = {"memory.current": str(200 * MIB), "memory.max": str(203 * MIB)}
    group = parse_cgroup_files("/system.slice/nginx.service", 2, files)
    (found, _big) = service_trends(state(cgroups=(group,)), LIVES, (), LIMITS)
    assert (found.bound, found.seconds_left) == ("limit", 3 * HOUR)
    (found, _big) = service_trends(state(memory=memory(available_kib=None)), LIVES, (), LIMITS)
    assert (found.bound, found.seconds_left) == (None, None)


def test_an_upgrade_is_that_of_its_own_service() -> None:
    upgrade = Upgrade("big.service", "libbig", "1", "2", int(-DAY))
    (found, _big) = service_trends(state(), LIVES, (upgrade,), LIMITS)
    assert found.cure is None
