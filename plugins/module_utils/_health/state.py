# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that was seen of one host, versioned as JSON: C(schema: 1)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.badness import (
    UNKNOWN,
    forecast,
    kill_order,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import Memory
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.pressure import Pressure
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.processes import Process
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import SysctlState
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import ServicesState, ServiceState

SCHEMA = 1


@dataclass(frozen=True)
class HostInfo:
    """Which host and which boot of it."""

    boot_id: Optional[str]
    uptime_seconds: Optional[float]
    kernel: str
    arch: str
    page_kib: int
    systemd_version: Optional[int]


@dataclass(frozen=True)
class Unread:
    """Something that could not be read, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class HostState:
    """One look at one host.

    I(pressure) is C(None) where the kernel has no PSI, I(oom_kills) (since boot) before kernel 4.13, I(services)
    (those that run) and I(declared) (those that were asked for by name) without systemd. I(processes) are all that
    have memory of their own. I(events) are the OOM events that the kernel log still holds, as the filter
    P(lifeboat.oom.oom_events#filter) has them, without their process tables. I(sysctls) is C(None) where a file of
    theirs could not be read: what wins is not known then. I(unread) is what could not be read:
    what is missing is never shown as 0.
    """

    host: HostInfo
    memory: Memory
    pressure: Optional[Pressure]
    oom_kills: Optional[int]
    sysctls: Optional[SysctlState]
    services: Optional[Tuple[ServiceState, ...]]
    declared: Optional[ServicesState]
    processes: Tuple[Process, ...]
    events: Tuple[Mapping[str, Any], ...]
    unread: Tuple[Unread, ...]

    def as_facts(self, top: int = 10) -> Dict[str, Any]:
        """The state as JSON, with what follows from it: the first I(top) of the kill order, the forecast."""
        order = kill_order(self.processes, self.memory, self.host.page_kib)
        facts: Dict[str, Any] = {"schema": SCHEMA}
        facts.update(asdict(self))
        facts["scores"] = [state.layers() for state in self.services or ()]
        facts["kill_order"] = [asdict(candidate) for candidate in order[:top]]
        facts["forecast"] = [asdict(growth) for growth in forecast(order, self.memory, self.host.page_kib, top)]
        facts["forecast_does_not_know"] = list(UNKNOWN)
        return facts
