# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process table, read from C(/proc) while processes come and go."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._cgroup_units import unit_of
from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door, Folder
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, LifeboatError, Missing
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.cgroups import parse_memory_path
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import (
    Process,
    Shares,
    is_sys_admin,
    parse_cgroup,
    parse_shares,
    parse_stat,
    parse_status,
)


def _if_there(folder: Folder, name: str) -> Optional[str]:
    """The text of a file that not every kernel has."""
    try:
        return folder.read(name)
    except Missing:
        return None


def read_process(host: Door, pid: int) -> Optional[Process]:
    """One process; C(None) for one without memory of its own (kernel thread, zombie).

    Raises Missing where it has ended, HostError where it may not be read.
    """
    with host.process(pid) as folder:
        status = folder.read("status")
        numbers = parse_status(status)
        if numbers is None:
            return None
        stat = parse_stat(folder.read("stat"))
        cgroups = _if_there(folder, "cgroup") or ""
        cgroup, memory = parse_cgroup(cgroups), parse_memory_path(cgroups)
        oom_score = _if_there(folder, "oom_score")
        return Process(
            pid=pid,
            ppid=stat.ppid,
            start_ticks=stat.start_ticks,
            comm=stat.comm,
            uid=numbers.get("Uid", 0),
            cgroup=cgroup,
            unit=unit_of(cgroup),
            memory_cgroup=None if memory is None else memory[1],
            sys_admin=is_sys_admin(status),
            rss_kib=numbers["VmRSS"],
            rss_anon_kib=numbers.get("RssAnon"),
            rss_file_kib=numbers.get("RssFile"),
            rss_shmem_kib=numbers.get("RssShmem"),
            swap_kib=numbers.get("VmSwap", 0),
            pgtables_kib=numbers.get("VmPTE", 0) + numbers.get("VmPMD", 0),
            oom_score=None if oom_score is None else int(oom_score),
            oom_score_adj=int(folder.read("oom_score_adj")),
        )


def read_processes(host: Door) -> Tuple[Tuple[Process, ...], Tuple[HostError, ...]]:
    """Every process with memory by pid, and what could not be read.

    One that ends meanwhile is left out, and so are we: what looks is no part of what is seen.
    """
    found: List[Process] = []
    failures: List[HostError] = []
    pids = {int(name) for name in host.names("/proc") if name.isdecimal()} - host.own_pids
    for pid in sorted(pids):
        try:
            process = read_process(host, pid)
        except Missing:
            continue
        except HostError as error:
            failures.append(error)
            continue
        except (LifeboatError, ValueError) as error:
            failures.append(HostError(f"/proc/{pid} is not as expected: {error}", f"/proc/{pid}"))
            continue
        if process is not None:
            found.append(process)
    return tuple(found), tuple(failures)


def with_shares(
    host: Door, processes: Sequence[Process], most: int
) -> Tuple[Tuple[Process, ...], Tuple[HostError, ...]]:
    """The processes, the largest I(most) of them with PSS and USS, and what could not be read.

    Only those: the kernel walks all pages of a process to tell them.
    """
    largest = {process.pid for process in sorted(processes, key=_size_kib, reverse=True)[:most]}
    found: List[Process] = []
    failures: List[HostError] = []
    for process in processes:
        shares: Optional[Shares] = None
        if process.pid in largest:
            try:
                shares = _read_shares(host, process.pid)
            except Missing:
                shares = None
            except HostError as error:
                failures.append(error)
        found.append(process if shares is None else replace(process, pss_kib=shares[0], uss_kib=shares[1]))
    return tuple(found), tuple(failures)


def _size_kib(process: Process) -> int:
    return process.rss_kib + process.swap_kib


def _read_shares(host: Door, pid: int) -> Optional[Shares]:
    by_library = host.memory_shares(pid)
    if by_library is not None:
        return Shares(*by_library)
    with host.process(pid) as folder:
        return parse_shares(folder.read("smaps_rollup"))
