# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A device of 4 GiB that serves web pages, in every shape that the code passes around; tests change what matters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.lifeboat.oom.plugins.module_utils._health.identity import HostInfo
from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import HostEvent, KernelLog
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.cgroups import Cgroup, Events
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import Counters, Memory
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.pressure import Pressure, Pressures, Stall
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import Process
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import KILL, Victim
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import SYSCTL_FILE
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.families import FAMILIES, Policy, load_policy
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import SysctlDeclaration
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import SysctlState
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.precedence import SysctlFile
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.dropins import DropIn, own_path
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import (
    DeclaredUnit,
    RunningScore,
    ServicesState,
    ServiceState,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.units import UnitProperties

# What a kernel starts with on a machine of this size.
RUNTIME = {
    "vm.overcommit_memory": "0",
    "vm.overcommit_ratio": "50",
    "vm.overcommit_kbytes": "0",
    "vm.admin_reserve_kbytes": "8192",
    "vm.user_reserve_kbytes": "131072",
    "vm.panic_on_oom": "0",
    "kernel.panic": "0",
    "vm.oom_kill_allocating_task": "0",
    "vm.oom_dump_tasks": "1",
}
_MEMORY = Memory(
    total_kib=4_000_000,
    free_kib=1_000_000,
    available_kib=2_000_000,
    buffers_kib=50_000,
    cached_kib=900_000,
    slab_reclaimable_kib=40_000,
    shmem_kib=30_000,
    hugetlb_kib=0,
    swap_total_kib=1_000_000,
    swap_free_kib=800_000,
    commit_limit_kib=3_000_000,
    committed_kib=1_600_000,
)
_PROCESS = Process(
    pid=100,
    ppid=1,
    start_ticks=5000,
    comm="nginx",
    uid=33,
    cgroup="/system.slice/nginx.service",
    unit="nginx.service",
    memory_cgroup="/system.slice/nginx.service",
    sys_admin=False,
    rss_kib=100_000,
    rss_anon_kib=80_000,
    rss_file_kib=15_000,
    rss_shmem_kib=5_000,
    swap_kib=4_000,
    pgtables_kib=400,
    oom_score=680,
    oom_score_adj=0,
)
LEADER = RunningScore(pid=100, start_ticks=5000, comm="nginx", oom_score_adj=0, is_main=True)
HEIR = RunningScore(pid=101, start_ticks=5001, comm="nginx", oom_score_adj=0, is_main=False)


def memory(**changes: Any) -> Memory:
    return replace(_MEMORY, **changes)


def process(pid: int = 100, **changes: Any) -> Process:
    return replace(_PROCESS, pid=pid, **changes)


def cgroup(path: str = "/system.slice/nginx.service", limit_kib: int | None = None, **changes: Any) -> Cgroup:
    """A group of cgroup v2 that uses nothing."""
    found = Cgroup(
        path=path,
        version=2,
        limit_kib=limit_kib,
        high_kib=None,
        current_kib=0,
        peak_kib=None,
        swap_limit_kib=None,
        memsw_limit_kib=None,
        swap_kib=0,
        file_kib=0,
        pids=1,
        oom_group=False,
        oom_kill_disable=None,
        events=Events(0, 0, 0, 0, 0, None),
    )
    return replace(found, **changes)


def sysctls(
    files: Mapping[str, str | None] | None = None, runtime: Mapping[str, str] | None = None, **changes: Any
) -> SysctlState:
    """I(files) by path; I(runtime) is what differs from the kernel's defaults."""
    state = SysctlState(
        loader="systemd",
        own_path=SYSCTL_FILE,
        files=tuple(SysctlFile(path, text) for path, text in (files or {}).items()),
        runtime={**RUNTIME, **(runtime or {})},
        read_only=(),
        cmdline={},
    )
    return replace(state, **changes)


def unit(name: str = "nginx.service", **changes: Any) -> UnitProperties:
    found = UnitProperties(
        id=name,
        names=(name,),
        load_state="loaded",
        active_state="active",
        sub_state="running",
        unit_file_state="enabled",
        fragment_path=f"/usr/lib/systemd/system/{name}",
        dropin_paths=(),
        need_daemon_reload=False,
        main_pid=100,
        control_group=f"/system.slice/{name}",
        oom_score_adjust=0,
        oom_policy="stop",
        memory_min_bytes=0,
        memory_low_bytes=0,
        memory_current_bytes=104_857_600,
        memory_peak_bytes=None,
        managed_oom_preference="none",
        type="notify",
        user=None,
        triggered_by=(),
    )
    return replace(found, **changes)


def service(
    name: str = "nginx.service",
    dropins: Mapping[str, str | None] | None = None,
    running: tuple[RunningScore, ...] = (LEADER, HEIR),
    may_lower: bool = True,
    default_score: int = 0,
    manager_score: int = 0,
    owner: str | None = None,
    **changes: Any,
) -> ServiceState:
    """A unit with I(dropins) by path on disk; I(changes) are made to what systemd says of it.

    I(owner) is the unit whose folder holds our drop-in, where it is another one (the template of an instance).
    """
    return ServiceState(
        unit=unit(name, **changes),
        own_path=own_path(owner or name),
        systemd_version=252,
        fragment=DropIn(f"/usr/lib/systemd/system/{name}", "[Service]\nExecStart=/usr/sbin/nginx\n"),
        dropins=tuple(DropIn(path, text) for path, text in (dropins or {}).items()),
        running=running,
        default_score=default_score,
        manager_score=manager_score,
        may_lower=may_lower,
    )


def declared(*states: ServiceState, name: str = "nginx.service", load_state: str = "loaded") -> DeclaredUnit:
    """The unit I(name) with our drop-in as it is in I(states); without any, a unit that has none."""
    path = own_path(name)
    texts = {found.path: found.text for state in states for found in state.dropins}
    return DeclaredUnit(
        name=name,
        own_path=path,
        own_text=texts.get(path),
        folder_exists=any(found.rsplit("/", 1)[0] == path.rsplit("/", 1)[0] for found in texts),
        load_state=load_state,
        states=states,
    )


def services_state(*units: DeclaredUnit, left_over: tuple[DeclaredUnit, ...] = ()) -> ServicesState:
    return ServicesState(systemd_version=252, declared=units, left_over=left_over)


def oom_event(**changes: Any) -> HostEvent:
    """A kill of nginx."""
    event = HostEvent(
        kind=KILL, timestamp="2026-05-04T03:02:01", unit="nginx.service", victims=(Victim(5, comm="nginx"),)
    )
    return replace(event, **changes)


def host_state(**changes: Any) -> HostState:
    stall = Stall(0.5, 0.25, 0.1, 123456)
    state = HostState(
        collector="native",
        host=HostInfo("4f0c1d2e", 86400.5, "6.1.0-21-arm64", "aarch64", 4, 252),
        memory=memory(),
        swaps=(),
        zram=(),
        pressure=Pressures(None, None, Pressure(stall, None)),
        counters=Counters(0, 0, 0, 5_000, 0, 70),
        sysctls=sysctls(),
        services=(service(),),
        declared=services_state(),
        dormant=(),
        packages=(),
        cgroups=(),
        daemons=(),
        log=KernelLog("journal", 500, False, (), 0),
        processes=(process(), process(200, comm="sshd", unit="ssh.service", rss_kib=8_000, oom_score_adj=-1000)),
        events=(),
        samples=None,
        unread=(),
    )
    return replace(state, **changes)


def policy_of(overcommit: Any = None, reaction: Any = None, services: Any = None, exclusive: Any = None) -> Policy:
    """What an inventory declares."""
    of_services = {"services": services, "exclusive": exclusive}
    return load_policy({"overcommit": overcommit, "reaction": reaction, "services": of_services})


def sysctl_declaration(family: str, **options: Any) -> SysctlDeclaration:
    """What an inventory declares of one family of sysctls."""
    found = FAMILIES[family].declared(options)
    assert isinstance(found, SysctlDeclaration)
    return found
