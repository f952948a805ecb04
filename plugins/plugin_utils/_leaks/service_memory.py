# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much memory each service holds: what a later look is compared with to see it grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.cgroups import Cgroup
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import Process
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.units import UnitProperties
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean


@dataclass(frozen=True)
class ServiceMemory:
    """One unit, with all of its processes, in KiB; C(None) where it is not known.

    I(unit) is the name of the process where the host has no systemd. I(main_pid) and I(start_ticks) (since boot)
    are those of its main process, else of its oldest: where they differ, the service was started again.
    I(anon_swap_kib) is RssAnon and VmSwap (before 4.5 RSS and VmSwap) of all processes, I(cgroup_kib) and I(limit_kib)
    what its control group has accounted, and its hard limit.
    """

    unit: str
    main_pid: int
    start_ticks: int
    anon_swap_kib: int
    cgroup_kib: int | None
    limit_kib: int | None


def service_memory(state: HostState) -> tuple[ServiceMemory, ...]:
    """All units that have processes, by name; nothing where the process table was not read."""
    groups: dict[str, list[Process]] = {}
    units = {service.unit.id: service.unit for service in state.services or ()}
    for process in state.processes or ():
        name = process.unit or (process.comm if state.services is None else None)
        if name:
            groups.setdefault(name, []).append(process)
    cgroups = {group.path: group for group in state.cgroups or ()}
    return tuple(_of_unit(name, groups[name], units.get(name), cgroups) for name in sorted(groups))


def _of_unit(
    name: str, processes: Sequence[Process], unit: UnitProperties | None, cgroups: Mapping[str, Cgroup]
) -> ServiceMemory:
    by_age = sorted(processes, key=lambda process: process.start_ticks)
    leader = next((each for each in by_age if unit is not None and each.pid == unit.main_pid), by_age[0])
    group = cgroups.get((unit and unit.control_group) or leader.cgroup or "")
    current_kib = None if group is None else group.current_kib
    if current_kib is None and unit is not None and unit.memory_current_bytes is not None:
        current_kib = unit.memory_current_bytes // 1024
    return ServiceMemory(
        unit=clean(name, 200),
        main_pid=leader.pid,
        start_ticks=leader.start_ticks,
        anon_swap_kib=sum(_anon_swap_kib(process) for process in processes),
        cgroup_kib=current_kib,
        limit_kib=None if group is None else group.limit_kib,
    )


def _anon_swap_kib(process: Process) -> int:
    return (process.rss_kib if process.rss_anon_kib is None else process.rss_anon_kib) + process.swap_kib
