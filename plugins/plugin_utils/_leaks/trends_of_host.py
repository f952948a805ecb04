# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the services of one host grow: its history, and the room that is left on it now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import (
    Life,
    ServiceTrend,
    Upgrade,
    service_trend,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service_memory import ServiceMemory, service_memory
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.trend import Limits
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.optional_fields import at, integer


def service_trends(
    state: Any, lives: Mapping[str, Sequence[Life]], upgrades: Sequence[Upgrade], limits: Limits
) -> tuple[ServiceTrend, ...]:
    """Of the services that run, those that can be judged: who leaks first, the largest first."""
    found = []
    for service in service_memory(state):
        changes = [upgrade for upgrade in upgrades if upgrade.unit == service.unit]
        rooms = tuple(_rooms(state, service))
        trend = service_trend(service.unit, lives.get(service.unit, ()), changes, limits, rooms)
        if trend.trend.verdict != "unknown":
            found.append((not trend.leaks, -service.anon_swap_kib, trend))
    return tuple(trend for _leaks, _size, trend in sorted(found, key=lambda each: each[:2]))


def _rooms(state: Any, service: ServiceMemory) -> Iterator[tuple[str, float]]:
    """What a service may still grow, in bytes."""
    memory = at(state, "memory")
    available_kib = integer(memory, "available_kib")
    if available_kib is not None:
        yield "memory", 1024.0 * (available_kib + (integer(memory, "swap_free_kib") or 0))
    if service.limit_kib is not None and service.cgroup_kib is not None:
        yield "limit", 1024.0 * (service.limit_kib - service.cgroup_kib)
