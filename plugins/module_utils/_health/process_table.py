# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process table, read from C(/proc) while processes come and go."""

from __future__ import annotations

from typing import List, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, LifeboatError, Missing
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host, ProcessFolder
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.processes import (
    Process,
    parse_cgroup,
    parse_stat,
    parse_status,
    unit_of,
)


def _number(folder: ProcessFolder, name: str) -> Optional[int]:
    try:
        return int(folder.read(name))
    except Missing:
        return None


def read_process(host: Host, pid: int) -> Optional[Process]:
    """One process; C(None) for one without memory of its own (kernel thread, zombie).

    Raises Missing where it has ended, HostError where it may not be read.
    """
    with host.process(pid) as folder:
        numbers = parse_status(folder.read("status"))
        if numbers is None:
            return None
        comm, start_ticks = parse_stat(folder.read("stat"))
        cgroup = parse_cgroup(folder.read("cgroup"))
        return Process(
            pid=pid,
            start_ticks=start_ticks,
            comm=comm,
            uid=numbers.get("Uid", 0),
            cgroup=cgroup,
            unit=unit_of(cgroup),
            rss_kib=numbers["VmRSS"],
            rss_anon_kib=numbers.get("RssAnon"),
            rss_file_kib=numbers.get("RssFile"),
            rss_shmem_kib=numbers.get("RssShmem"),
            swap_kib=numbers.get("VmSwap", 0),
            pgtables_kib=numbers.get("VmPTE", 0),
            oom_score=_number(folder, "oom_score"),
            oom_score_adj=int(folder.read("oom_score_adj")),
        )


def read_processes(host: Host) -> Tuple[Tuple[Process, ...], Tuple[HostError, ...]]:
    """Every process with memory by pid, and what could not be read.

    One that ends meanwhile is left out, and so are we: what looks is no part of what is seen.
    """
    found: List[Process] = []
    failures: List[HostError] = []
    own = str(host.own_pid)
    for name in sorted((name for name in host.names("/proc") if name.isdigit() and name != own), key=int):
        try:
            process = read_process(host, int(name))
        except Missing:
            continue
        except HostError as error:
            failures.append(error)
            continue
        except (LifeboatError, ValueError) as error:
            failures.append(HostError(f"/proc/{name} is not as expected: {error}", f"/proc/{name}"))
            continue
        if process is not None:
            found.append(process)
    return tuple(found), tuple(failures)
