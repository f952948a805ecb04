# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is short, what is promised, and what waits."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.lifeboat.oom.plugins.module_utils._cgroup_units import name_of
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.pressure import Stall
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import GLOBAL, KILL
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.refused_commits import RefusedCommit
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import ALL_KEYS, DEFAULTS
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import KBYTES, MODE, RATIO, VOIDS
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import boot_values, boot_winners
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.overcommit import Dormant, guard_of, needs_of
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.kills import is_recent, told_seconds
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Finding, Severity
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings import catalogue
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Evidence
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.kills import recent_events


def commitment(evidence: Evidence) -> Iterator[Finding]:
    """Mode never on the running host and at its next boot; and nothing to fall back on."""
    sysctls, memory, thresholds = evidence.state.sysctls, evidence.state.memory, evidence.thresholds
    if sysctls is None:
        return
    guard = guard_of(sysctls, memory, {}, thresholds.commit_headroom_pct)
    if guard is not None:
        yield from _cannot_start(evidence, guard.headroom.room_kib)
    if guard is not None and not guard.headroom.passes:
        room, ratio = guard.headroom, guard.ratio_that_passes
        raise_it = f"raise the ratio to {ratio}, " if ratio is not None and ratio <= 100 else ""
        yield catalogue.HEADROOM_LOW.found(
            thresholds,
            "vm.overcommit_memory",
            f"{room.room_kib} KiB ({room.room_pct} %) of {room.limit_kib} KiB can still be promised",
            remedy=raise_it + catalogue.HEADROOM_LOW.remedy,
        )
    yield from _never_at_boot(evidence)
    over = not memory.swap_total_kib and (memory.committed_kib or 0) > memory.total_kib
    if guard is None and over and _is_short(evidence):
        yield catalogue.MORE_THAN_EXISTS.found(
            thresholds, "swap", f"{memory.committed_kib} KiB committed, {memory.total_kib} KiB of RAM, no swap"
        )


def _is_short(evidence: Evidence) -> bool:
    """Whether it matters that there is no swap."""
    memory, low_pct = evidence.state.memory, 2 * evidence.thresholds.available_low_pct
    if memory.available_kib is not None and memory.available_kib * 100 < low_pct * memory.total_kib:
        return True
    return any(event.kind == KILL and event.scope == GLOBAL for event in recent_events(evidence))


def _never_at_boot(evidence: Evidence) -> Iterator[Finding]:
    sysctls = evidence.state.sysctls
    if sysctls is None:
        return
    # With the limits of the next boot, which need not be those that run.
    limits = {RATIO: DEFAULTS[RATIO], KBYTES: "0", **boot_values(sysctls, ALL_KEYS, VOIDS)}
    if limits.pop(MODE, None) != "2" or sysctls.runtime.get(MODE) == "2":
        return
    winner = boot_winners(sysctls, (MODE,), VOIDS).get(MODE)
    place = "the kernel command line" if winner is None else f"{winner.path}:{winner.line}"
    wanted_pct, there = evidence.thresholds.commit_headroom_pct, sysctls.with_runtime(limits)
    guard = guard_of(there, evidence.state.memory, {MODE: "2"}, wanted_pct, _dormant(evidence))
    if guard is not None and guard.refuses:
        room = guard.headroom
        yield catalogue.NEVER_RISK.found(
            evidence.thresholds,
            "vm.overcommit_memory",
            f"{place}; then {room.room_kib} KiB ({room.room_pct} %) of {room.limit_kib} KiB could be promised",
        )


def _dormant(evidence: Evidence) -> Dormant:
    declared = [each.options for each in evidence.policy.declarations if "needs_mib" in each.options]
    return needs_of(evidence.state.dormant or (), declared[0]["needs_mib"] if declared else {})


def _cannot_start(evidence: Evidence, room_kib: int) -> Iterator[Finding]:
    """Services that shall run, do not, and could not."""
    dormant = _dormant(evidence)
    room = f"{max(room_kib, 0)} KiB can still be promised"
    for unit, kib in dormant.needs_kib.items():
        if kib > room_kib:
            yield catalogue.CANNOT_START.found(evidence.thresholds, unit, f"it needs {kib} KiB, and {room}")
    if dormant.unknown:
        names = ", ".join(dormant.unknown)
        yield catalogue.CANNOT_START.found(
            evidence.thresholds, "vm.overcommit_memory", f"size not known: {names}; {room}", severity="info"
        )


def refusals(evidence: Evidence) -> Iterator[Finding]:
    """What the kernel would not promise."""
    memory, now, days = evidence.state.memory, int(evidence.now.timestamp()), evidence.thresholds.recent_kill_days
    refused = () if evidence.state.log is None else evidence.state.log.refused
    recent = [each for each in refused if is_recent(told_seconds(each.timestamp, now), now, days)]
    if not recent:
        return
    sysctls = evidence.state.sysctls
    enforced = sysctls is not None and sysctls.runtime.get(MODE) == "2"
    last = max((each.timestamp for each in recent if each.timestamp is not None), default=None)
    yield catalogue.REFUSED.found(
        evidence.thresholds,
        "vm.overcommit_memory",
        f"{', '.join(map(_asked, recent))}; last {last or 'at an unknown time'}; now {memory.committed_kib} KiB of "
        f"{memory.commit_limit_kib} KiB are committed{'' if enforced else ', and the limit is not enforced'}",
        severity=None if enforced else "info",
    )


def _asked(refused: RefusedCommit) -> str:
    most = "" if refused.most_bytes is None else f" (up to {refused.most_bytes // 1024} KiB at once)"
    who = "some that are not named" if refused.comm is None else refused.comm
    return f"{who} {refused.times} time{'s' if refused.times > 1 else ''}{most}"


def shortage(evidence: Evidence) -> Iterator[Finding]:
    """Little available, little low memory."""
    memory, thresholds = evidence.state.memory, evidence.thresholds
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


def waiting(evidence: Evidence) -> Iterator[Finding]:
    """Pressure, and pages that come back from swap."""
    pressure = None if evidence.state.pressure is None else evidence.state.pressure.memory
    if pressure is not None:
        some, full = _minute(pressure.some), _minute(pressure.full)
        if some > evidence.thresholds.pressure_some_pct or full > evidence.thresholds.pressure_full_pct:
            severity: Severity | None = "critical" if full > 5 * evidence.thresholds.pressure_full_pct else None
            yield catalogue.PRESSURE.found(
                evidence.thresholds, "memory", f"some {some} %, all {full} % of the last minute", severity=severity
            )
    rate = _swap_in_mib_per_minute(evidence)
    if rate is not None and rate > evidence.thresholds.swap_in_mib_per_minute:
        yield catalogue.THRASH.found(evidence.thresholds, "swap", f"{rate:.0f} MiB a minute read back from swap")


def _minute(stall: Stall | None) -> float:
    return 0.0 if stall is None else stall.avg60_pct


def _swap_in_mib_per_minute(evidence: Evidence) -> float | None:
    pages, seconds = evidence.state.counters.swap_in_pages, evidence.state.host.uptime_seconds
    before = evidence.before
    if before is not None and pages is not None and before.swap_in_pages is not None:
        pages, seconds = pages - before.swap_in_pages, int(evidence.now.timestamp()) - before.at
    if pages is None or not seconds or seconds < 60:
        return None
    return pages * evidence.state.host.page_kib / 1024 * 60 / seconds


def groups(evidence: Evidence) -> Iterator[Finding]:
    """Services near their own limit."""
    for group in evidence.state.cgroups or ():
        if not group.limit_kib or group.current_kib is None:
            continue
        used_kib = max(group.current_kib - (group.file_kib or 0), 0)
        if (group.limit_kib - used_kib) * 100 < evidence.thresholds.cgroup_room_pct * group.limit_kib:
            kills = f", {group.events.oom_kills} killed there so far" if group.events.oom_kills else ""
            yield catalogue.CGROUP_FULL.found(
                evidence.thresholds,
                name_of(group.path) or "container",
                f"{used_kib} KiB of {group.limit_kib} KiB in use that cannot be dropped{kills}",
            )
