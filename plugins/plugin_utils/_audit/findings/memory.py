# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is short, what is promised, and what waits."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.pressure import Stall
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.kernel import OvercommitPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import (
    DEFAULTS,
    KBYTES,
    MODE,
    OVERCOMMIT_KEYS,
    RATIO,
    VOIDS,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import boot_values, boot_winners
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.cgroup_units import name_of
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.overcommit import decide
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings import catalogue
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Finding, Seen


def commitment(seen: Seen) -> Iterator[Finding]:
    """Mode never on the running host and at its next boot; and nothing to fall back on."""
    sysctls, memory, thresholds = seen.state.sysctls, seen.state.memory, seen.thresholds
    if sysctls is None:
        return
    guard = decide(OvercommitPolicy(), sysctls, memory, thresholds.commit_headroom_pct).guard
    if guard is not None and not guard.headroom.passes:
        room, ratio = guard.headroom, guard.ratio_that_passes
        raise_it = f"raise the ratio to {ratio}, " if ratio is not None and ratio <= 100 else ""
        yield catalogue.HEADROOM_LOW.found(
            thresholds,
            "vm.overcommit_memory",
            f"{room.room_kib} KiB ({room.room_pct} %) of {room.limit_kib} KiB can still be promised",
            remedy=raise_it + catalogue.HEADROOM_LOW.remedy,
        )
    yield from _never_at_boot(seen)
    if guard is None and not memory.swap_total_kib and (memory.committed_kib or 0) > memory.total_kib:
        yield catalogue.MORE_THAN_EXISTS.found(
            thresholds, "swap", f"{memory.committed_kib} KiB committed, {memory.total_kib} KiB of RAM, no swap"
        )


def _never_at_boot(seen: Seen) -> Iterator[Finding]:
    sysctls = seen.state.sysctls
    if sysctls is None:
        return
    # With the limits of the next boot, which need not be those that run.
    limits = {RATIO: DEFAULTS[RATIO], KBYTES: "0", **boot_values(sysctls, OVERCOMMIT_KEYS, VOIDS)}
    if limits.pop(MODE, None) != "2" or sysctls.runtime.get(MODE) == "2":
        return
    winner = boot_winners(sysctls, (MODE,), VOIDS).get(MODE)
    place = "the kernel command line" if winner is None else f"{winner.path}:{winner.line}"
    wanted_pct = seen.thresholds.commit_headroom_pct
    guard = decide(OvercommitPolicy(mode="never"), sysctls.with_runtime(limits), seen.state.memory, wanted_pct).guard
    if guard is not None and guard.refuses:
        room = guard.headroom
        yield catalogue.NEVER_RISK.found(
            seen.thresholds,
            "vm.overcommit_memory",
            f"{place}; then {room.room_kib} KiB ({room.room_pct} %) of {room.limit_kib} KiB could be promised",
        )


def shortage(seen: Seen) -> Iterator[Finding]:
    """Little available, little low memory."""
    memory, thresholds = seen.state.memory, seen.thresholds
    if (
        memory.available_kib is not None
        and memory.available_kib * 100 < thresholds.available_low_pct * memory.total_kib
    ):
        yield catalogue.AVAILABLE_LOW.found(
            thresholds, "memory", f"{memory.available_kib} KiB of {memory.total_kib} KiB available"
        )
    # Without high memory all of it is low, and the kernel prints no such lines or zeros.
    low_kib = memory.low_total_kib if memory.high_total_kib else None
    if low_kib and (memory.low_free_kib or 0) * 100 < thresholds.low_memory_pct * low_kib:
        yield catalogue.LOW_MEMORY.found(
            thresholds, "memory", f"{memory.low_free_kib} KiB of {low_kib} KiB of low memory free"
        )


def waiting(seen: Seen) -> Iterator[Finding]:
    """Pressure, and pages that come back from swap."""
    pressure = None if seen.state.pressure is None else seen.state.pressure.memory
    if pressure is not None:
        some, full = _minute(pressure.some), _minute(pressure.full)
        if some > seen.thresholds.pressure_some_pct or full > seen.thresholds.pressure_full_pct:
            severity = "critical" if full > 5 * seen.thresholds.pressure_full_pct else None
            yield catalogue.PRESSURE.found(
                seen.thresholds, "memory", f"some {some} %, all {full} % of the last minute", severity=severity
            )
    rate = _swap_in_mib_per_minute(seen)
    if rate is not None and rate > seen.thresholds.swap_in_mib_per_minute:
        yield catalogue.THRASH.found(seen.thresholds, "swap", f"{rate:.0f} MiB a minute read back from swap")


def _minute(stall: Stall | None) -> float:
    return 0.0 if stall is None else stall.avg60_pct


def _swap_in_mib_per_minute(seen: Seen) -> float | None:
    pages, seconds = seen.state.counters.swap_in_pages, seen.state.host.uptime_seconds
    if seen.earlier is not None and pages is not None and seen.earlier.get("swap_in_pages") is not None:
        pages, seconds = pages - seen.earlier["swap_in_pages"], seen.earlier["seconds_ago"]
    if pages is None or not seconds or seconds < 60:
        return None
    return pages * seen.state.host.page_kib / 1024 * 60 / seconds


def groups(seen: Seen) -> Iterator[Finding]:
    """Services near their own limit."""
    for group in seen.state.cgroups or ():
        if not group.limit_kib or group.current_kib is None:
            continue
        used_kib = max(group.current_kib - (group.file_kib or 0), 0)
        if (group.limit_kib - used_kib) * 100 < seen.thresholds.cgroup_room_pct * group.limit_kib:
            kills = f", {group.events.oom_kills} killed there so far" if group.events.oom_kills else ""
            yield catalogue.CGROUP_FULL.found(
                seen.thresholds,
                name_of(group.path) or "container",
                f"{used_kib} KiB of {group.limit_kib} KiB in use that cannot be dropped{kills}",
            )
