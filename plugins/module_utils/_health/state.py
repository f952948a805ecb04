# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that was seen of one host, versioned as JSON: C(schema: 1)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._health.daemons import OomDaemon
from ansible_collections.lifeboat.oom.plugins.module_utils._health.identity import HostInfo
from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import KernelLog
from ansible_collections.lifeboat.oom.plugins.module_utils._health.packages import ServicePackage
from ansible_collections.lifeboat.oom.plugins.module_utils._health.samples import ServiceSamples
from ansible_collections.lifeboat.oom.plugins.module_utils._health.sysctls import SWAPPINESS
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.badness import (
    Crowd,
    Killer,
    kernel_version,
    kill_order,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.cgroups import Cgroup
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.forecast import does_not_know, forecast
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import Counters, Memory
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.overcommit import Commit, commit
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.pressure import Pressures
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.processes import Process
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.swap import SwapDevice, Zram
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl import keys
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import SysctlState
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import ServicesState, ServiceState

SCHEMA = 1


@dataclass(frozen=True)
class Unread:
    """Something that could not be read, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class HostState:
    """One look at one host.

    What was not asked for, what this host does not have and what could not be read is C(None), never 0 or empty;
    I(unread) lists the last of the three. I(pressure) is C(None) where the kernel has no PSI, I(cgroups) without
    the memory controller, I(services) (those that run) and I(declared) (those that were asked for by name) without
    systemd. I(processes) are all that have memory of their own. I(events) are the OOM events that the kernel log
    still holds, as the filter P(lifeboat.oom.oom_events#filter) has them, without their process tables.
    I(packages) are those of services that run, C(None) without dpkg or rpm; I(samples) what the role oom_monitor has
    sampled since boot, C(None) without it.
    """

    collector: str
    host: HostInfo
    memory: Memory
    swaps: Optional[Tuple[SwapDevice, ...]]
    zram: Optional[Tuple[Zram, ...]]
    pressure: Optional[Pressures]
    counters: Counters
    sysctls: Optional[SysctlState]
    services: Optional[Tuple[ServiceState, ...]]
    declared: Optional[ServicesState]
    packages: Optional[Tuple[ServicePackage, ...]]
    cgroups: Optional[Tuple[Cgroup, ...]]
    processes: Optional[Tuple[Process, ...]]
    daemons: Optional[Tuple[OomDaemon, ...]]
    log: Optional[KernelLog]
    events: Optional[Tuple[Mapping[str, Any], ...]]
    samples: Optional[Tuple[ServiceSamples, ...]]
    unread: Tuple[Unread, ...]

    def commit(self) -> Optional[Commit]:
        """What the kernel has promised, and what mode C(never) would mean; C(None) without its sysctls."""
        if self.sysctls is None:
            return None
        numbers = self._numbers()
        return commit(
            self.memory,
            mode=numbers.get(keys.MODE),
            ratio=numbers.get(keys.RATIO),
            kbytes=numbers.get(keys.KBYTES),
            admin_reserve_kib=numbers.get(keys.ADMIN_RESERVE),
            user_reserve_kib=numbers.get(keys.USER_RESERVE),
        )

    def killer(self) -> Killer:
        """The OOM killer here; where the sysctls were not read, as the kernel starts with them."""
        numbers = self._numbers()
        swappiness = numbers.get(SWAPPINESS)
        return Killer(
            kernel_version(self.host.kernel),
            self.host.page_kib,
            panic_on_oom=numbers.get(keys.PANIC_ON_OOM) or 0,
            kill_allocating_task=bool(numbers.get(keys.KILL_ALLOCATING_TASK)),
            never_overcommit=numbers.get(keys.MODE) == 2,
            swappiness=60 if swappiness is None else swappiness,
        )

    def _numbers(self) -> Dict[str, Optional[int]]:
        runtime = {} if self.sysctls is None else self.sysctls.runtime
        return {key: int(text) if text.isdecimal() else None for key, text in runtime.items()}

    def as_facts(self, top: int = 10) -> Dict[str, Any]:
        """The state as JSON, with what follows from it: the first I(top) of the kill order, the forecast."""
        found = self.commit()
        facts: Dict[str, Any] = {"schema": SCHEMA}
        facts.update(asdict(self))
        facts["commit"] = None if found is None else asdict(found)
        facts["scores"] = [state.layers() for state in self.services or ()]
        facts["forecast_does_not_know"] = self._unknown()
        facts["kill_order"] = facts["forecast"] = None
        if self.processes is not None:
            crowd = Crowd(self.processes, self.memory, self.killer(), self.cgroups or ())
            order = kill_order(crowd)
            facts["kill_order"] = [asdict(candidate) for candidate in order[:top]]
            facts["forecast"] = [asdict(growth) for growth in forecast(crowd, order, top, self._declared_running())]
        return facts

    def _declared_running(self) -> List[str]:
        units = () if self.declared is None else self.declared.declared
        return [state.unit.id for unit in units for state in unit.states if state.running]

    def _unknown(self) -> List[str]:
        found = list(does_not_know(self.killer(), self.cgroups))
        if self.sysctls is None:
            found.append("vm.panic_on_oom, vm.oom_kill_allocating_task, vm.overcommit_memory: they were not read")
        if self.zram:
            found.append("how well memory compresses (zram): what is put there stays in memory, only smaller")
        found += [f"when {daemon.name} kills, which does so before the kernel" for daemon in self.daemons or ()]
        return found
