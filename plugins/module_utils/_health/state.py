# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that was seen of one host, versioned as JSON: C(schema: 1)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import AbstractSet, Any, Dict, List, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._health.daemons import OomDaemon
from ansible_collections.lifeboat.oom.plugins.module_utils._health.dormant import DormantUnit
from ansible_collections.lifeboat.oom.plugins.module_utils._health.identity import HostInfo
from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import HostEvent, KernelLog
from ansible_collections.lifeboat.oom.plugins.module_utils._health.packages import ServicePackage
from ansible_collections.lifeboat.oom.plugins.module_utils._health.sampler_log import ServiceSamples
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.badness import (
    Candidate,
    Crowd,
    Killer,
    kernel_version,
    kill_order,
    label,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.cgroups import Cgroup
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.forecast import Growth, does_not_know, forecast
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import Counters, Memory
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.overcommit import Commit, commit
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.pressure import Pressures
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import Process
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.swap import SwapDevice, Zram
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl import keys
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import SysctlState
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import ServicesState, ServiceState

SCHEMA = 1
HIDDEN = "those of other users are hidden (hidepid of /proc)"


@dataclass(frozen=True)
class Unread:
    """Something that could not be read, and why."""

    what: str
    """What it is: a part of the look, such as C(swap), or a file."""

    why: str
    """The error, as it came."""


@dataclass(frozen=True)
class Outlook:
    """What follows from a state."""

    commit: Optional[Commit]
    """What the kernel has promised; null where the sysctls were not read."""

    kill_order: Optional[Tuple[Candidate, ...]]
    """The first processes that the kernel would kill if memory ran out now; null where the processes were not read, or
    those of others are hidden.
    """

    forecast: Optional[Tuple[Growth, ...]]
    """What happens if a new process grows without end, and each of the units of the kill order and of the declared ones
    that run; null where I(kill_order) is.
    """

    forecast_does_not_know: Tuple[str, ...]
    """What the model behind both cannot know here, a sentence each."""


@dataclass(frozen=True)
class HostState:
    """One look at one host.

    What was not asked for, what this host does not have and what could not be read is C(None), never 0 or empty;
    I(unread) lists the last of the three.
    """

    collector: str
    """How the host was looked at: C(native) with its Python, C(bare) with its shell."""

    host: HostInfo
    """Which host it is, and which boot of it."""

    memory: Memory
    """The memory of the host."""

    swaps: Optional[Tuple[SwapDevice, ...]]
    """Swap devices and files; empty where there is none."""

    zram: Optional[Tuple[Zram, ...]]
    """Compressed memory that serves as a disk; empty where there is none."""

    pressure: Optional[Pressures]
    """How long tasks waited for what they lacked (PSI); null where the kernel has none (before 4.20, or turned off)."""

    counters: Counters
    """What the kernel has counted since boot."""

    sysctls: Optional[SysctlState]
    """The sysctls of overcommit and OOM, with the files that set them."""

    services: Optional[Tuple[ServiceState, ...]]
    """Each service that runs, as systemd, the disk and C(/proc) show it; null without systemd."""

    declared: Optional[ServicesState]
    """The units that were asked for by name, running or not; null without systemd."""

    dormant: Optional[Tuple[DormantUnit, ...]]
    """Services that are enabled, or have failed, and do not run; null without systemd."""

    packages: Optional[Tuple[ServicePackage, ...]]
    """The packages of the services that run; null where neither dpkg nor rpm is there."""

    cgroups: Optional[Tuple[Cgroup, ...]]
    """Control groups in which processes run, and those above them; null without the memory controller."""

    processes: Optional[Tuple[Process, ...]]
    """Every process with memory of its own, so no kernel threads."""

    daemons: Optional[Tuple[OomDaemon, ...]]
    """Daemons that kill before the kernel does."""

    log: Optional[KernelLog]
    """Which kernel log I(events) come from, and whether it is whole."""

    events: Optional[Tuple[HostEvent, ...]]
    """The OOM events that the kernel log still holds, oldest first."""

    samples: Optional[Tuple[ServiceSamples, ...]]
    """What the role oom_monitor has sampled since boot, by main process; null where it did not."""

    unread: Tuple[Unread, ...]
    """What could not be read, and why."""

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
            dormant_kib=sum(each.peak_kib or 0 for each in self.dormant or ()),
        )

    @property
    def processes_hidden(self) -> bool:
        """Whether I(processes) are those of the user alone that the look was made by."""
        return any(each.why == HIDDEN for each in self.unread)

    def killer(self) -> Killer:
        """The OOM killer here; where the sysctls were not read, as the kernel starts with them."""
        numbers = self._numbers()
        swappiness = numbers.get(keys.SWAPPINESS)
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

    def outlook(self, top: int = 10) -> Outlook:
        """What follows from this state: the first I(top) of the kill order, and what the forecast says of them."""
        order: Optional[Tuple[Candidate, ...]] = None
        growths: Optional[Tuple[Growth, ...]] = None
        left_out = 0
        if self.processes is not None and not self.processes_hidden:
            crowd = Crowd(self.processes, self.memory, self.killer(), self.cgroups or ())
            order = kill_order(crowd)
            declared = self._declared_running({label(process) for process in self.processes})
            growths = forecast(crowd, order, top, declared)
            left_out = len(set(declared).difference(growth.grower for growth in growths))
            order = order[:top]
        return Outlook(self.commit(), order, growths, tuple(self._unknown(left_out)))

    def as_facts(self, top: int = 10) -> Dict[str, Any]:
        """The state as JSON, with what follows from it."""
        scores = [asdict(state.layers()) for state in self.services or ()]
        return {"schema": SCHEMA, **asdict(self), **asdict(self.outlook(top)), "scores": scores}

    def _declared_running(self, labels: AbstractSet[str]) -> List[str]:
        units = () if self.declared is None else self.declared.declared
        ids = (state.unit.id for unit in units for state in unit.states if state.running)
        return [name for name in ids if name in labels]

    def _unknown(self, left_out: int) -> List[str]:
        found = list(does_not_know(self.killer(), self.cgroups, left_out))
        if self.sysctls is None:
            found.append("vm.panic_on_oom, vm.oom_kill_allocating_task, vm.overcommit_memory: they were not read")
        if self.zram:
            found.append("how well memory compresses (zram): what is put there stays in memory, only smaller")
        found += [f"when {daemon.name} kills, which does so before the kernel" for daemon in self.daemons or ()]
        return found
