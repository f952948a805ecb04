# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much memory each service holds: what a later look is compared with to see it grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.optional_fields import at, entries, integer, text
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
    main_pid: int | None
    start_ticks: int | None
    anon_swap_kib: int
    cgroup_kib: int | None
    limit_kib: int | None


def service_memory(state: Any) -> tuple[ServiceMemory, ...]:
    """All units that have processes, by name; nothing where the process table was not read."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    has_systemd = at(state, "services") is not None
    units = {text(service, "unit", "id"): service["unit"] for service in entries(state, "services")}
    for process in entries(state, "processes"):
        name = text(process, "unit") or (None if has_systemd else text(process, "comm"))
        if name is not None:
            groups.setdefault(name, []).append(process)
    cgroups = {text(group, "path"): group for group in entries(state, "cgroups")}
    return tuple(_of_unit(name, groups[name], units.get(name), cgroups) for name in sorted(groups))


def _of_unit(
    name: str, processes: Sequence[Mapping[str, Any]], unit: Any, cgroups: Mapping[str | None, Mapping[str, Any]]
) -> ServiceMemory:
    by_age = sorted(processes, key=lambda process: integer(process, "start_ticks") or 0)
    main_pid = integer(unit, "main_pid")
    leader = next((process for process in by_age if integer(process, "pid") == main_pid), by_age[0])
    group = cgroups.get(text(unit, "control_group") or text(leader, "cgroup"))
    current_bytes = integer(unit, "memory_current")
    current_kib = integer(group, "current_kib")
    return ServiceMemory(
        unit=clean(name, 200),
        main_pid=integer(leader, "pid"),
        start_ticks=integer(leader, "start_ticks"),
        anon_swap_kib=sum(_anon_swap_kib(process) for process in processes),
        cgroup_kib=current_kib if current_kib is not None or current_bytes is None else current_bytes // 1024,
        limit_kib=integer(group, "limit_kib"),
    )


def _anon_swap_kib(process: Mapping[str, Any]) -> int:
    anon_kib = integer(process, "rss_anon_kib")
    return (integer(process, "rss_kib") or 0 if anon_kib is None else anon_kib) + (integer(process, "swap_kib") or 0)
