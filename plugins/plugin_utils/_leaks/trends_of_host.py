# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the services of one host grow: its history, and the room that is left on it now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.lives import Lives
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import ServiceTrend, Upgrade, service_trend
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service_memory import ServiceMemory, service_memory
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.trend import Limits


def service_trends(
    state: HostState, lives: Lives, upgrades: Sequence[Upgrade], limits: Limits
) -> tuple[ServiceTrend, ...]:
    """Of the services that run, those that can be judged: who leaks first, the largest first."""
    found = []
    for service in service_memory(state):
        changes = [upgrade for upgrade in upgrades if upgrade.unit == service.unit]
        rooms = tuple(_rooms(state, service))
        trend = service_trend(service.unit, lives.get(service.unit, ()), changes, limits, rooms)
        if trend.verdict != "unknown":
            found.append((not trend.leaks, -service.anon_swap_kib, trend))
    return tuple(trend for _leaks, _size, trend in sorted(found, key=lambda each: each[:2]))


def _rooms(state: HostState, service: ServiceMemory) -> Iterator[tuple[str, float]]:
    """What a service may still grow, in bytes."""
    memory = state.memory
    if memory.available_kib is not None:
        yield "memory", 1024.0 * (memory.available_kib + memory.swap_free_kib)
    if service.limit_kib is not None and service.cgroup_kib is not None:
        yield "limit", 1024.0 * (service.limit_kib - service.cgroup_kib)
