# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collector that runs on the host itself."""

from __future__ import annotations

import os
from typing import Callable, List, Optional, Sequence, Tuple, TypeVar

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import read_events
from ansible_collections.lifeboat.oom.plugins.module_utils._health.process_table import read_processes
from ansible_collections.lifeboat.oom.plugins.module_utils._health.services import (
    read_active,
    read_declared,
    require_systemd,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostInfo, HostState, Unread
from ansible_collections.lifeboat.oom.plugins.module_utils._health.sysctls import read_sysctls
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import (
    parse_meminfo,
    parse_oom_kills,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.pressure import parse_pressure
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import ServicesState, ServiceState

_T = TypeVar("_T")


def collect(host: Host, units: Sequence[str], own_sysctl_file: str, dropin: str, log_lines: int) -> HostState:
    """Look at everything once. I(units) are looked at also where they do not run; I(dropin) names our drop-ins.

    Raises LifeboatError only where there is no host to speak of (no C(/proc/meminfo)); all else that can not
    be read is listed in C(unread).
    """
    unread: List[Unread] = []

    def attempt(what: str, read: Callable[[], _T], otherwise: _T) -> _T:
        try:
            return read()
        except LifeboatError as error:
            unread.append(Unread(what, str(error)))
            return otherwise

    processes, hidden = read_processes(host)
    if hidden:
        unread.append(Unread("processes", f"{len(hidden)} of them, the first: {hidden[0]}"))
    version = attempt("services", lambda: require_systemd(host), None)
    services: Optional[Tuple[ServiceState, ...]] = None
    declared: Optional[ServicesState] = None
    if version is not None:
        services = attempt("services", lambda: read_active(host, processes, dropin), None)
        declared = attempt("declared services", lambda: read_declared(host, units, processes, dropin), None)
    # There and not readable where PSI is built in but switched off.
    pressure = attempt("pressure", lambda: host.read_if_there("/proc/pressure/memory"), None)
    return HostState(
        host=_info(host, version),
        memory=parse_meminfo(host.read("/proc/meminfo")),
        pressure=None if pressure is None else parse_pressure(pressure),
        oom_kills=parse_oom_kills(attempt("vmstat", lambda: host.read("/proc/vmstat"), "")),
        sysctls=attempt("sysctls", lambda: read_sysctls(host, own_sysctl_file), None),
        services=services,
        declared=declared,
        processes=processes,
        events=attempt("kernel log", lambda: read_events(host, log_lines), ()),
        unread=tuple(unread),
    )


def _info(host: Host, systemd_version: Optional[int]) -> HostInfo:
    boot_id = host.read_if_there("/proc/sys/kernel/random/boot_id")
    uptime = host.read_if_there("/proc/uptime")
    return HostInfo(
        boot_id=None if boot_id is None else boot_id.strip(),
        uptime_seconds=None if uptime is None else float(uptime.split()[0]),
        kernel=host.read("/proc/sys/kernel/osrelease").strip(),
        arch=os.uname().machine,
        page_kib=host.page_kib,
        systemd_version=systemd_version,
    )
