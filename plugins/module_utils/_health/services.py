# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services as systemd, the disk and C(/proc) show them."""

from __future__ import annotations

from typing import Dict, Iterable, List, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import Missing, Unsupported
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.processes import Process
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd import units
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.dropins import (
    SEARCH_PATH,
    DropIn,
    dropin_folders,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import RunningScore, ServiceState
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.units import UnitProperties

_CAP_SYS_RESOURCE = 24  # include/uapi/linux/capability.h


def require_systemd(host: Host) -> int:
    """The version of systemd, which has to be the init here. Raises Unsupported otherwise."""
    if not host.exists("/run/systemd/system"):
        raise Unsupported(
            "this host was not booted with systemd (there is no /run/systemd/system), which sets the scores of "
            "services; take the host out of oom_protect_services"
        )
    return units.parse_version(host.run_or_fail(["systemctl", "--version"]))


def show(host: Host, names: Sequence[str]) -> Tuple[UnitProperties, ...]:
    """The units of these names in their order, with one question for all."""
    return units.parse_show(host.run_or_fail(units.show_argv(names))) if names else ()


def show_active(host: Host) -> Tuple[UnitProperties, ...]:
    """Every service that runs."""
    found = units.parse_show(host.run_or_fail(units.show_loaded_argv()))
    return tuple(unit for unit in found if unit.active_state in ("active", "activating", "reloading"))


def read_services(
    host: Host, found: Iterable[UnitProperties], processes: Iterable[Process], version: int
) -> Tuple[ServiceState, ...]:
    """The layers of units that systemd has shown."""
    found = tuple(found)
    folders = _folders_on_disk(host)
    by_cgroup: Dict[str, List[Process]] = {}
    for process in processes:
        by_cgroup.setdefault(process.cgroup or "", []).append(process)
    may_lower = _may_lower(host)
    manager_score = int(host.read("/proc/1/oom_score_adj"))
    default_score = _default_score(host, manager_score)
    states = []
    for unit in found:
        states.append(
            ServiceState(
                unit=unit,
                systemd_version=version,
                fragment=_read(host, unit.fragment_path) if unit.fragment_path else None,
                dropins=_dropins(host, folders, unit, version),
                running=_running(by_cgroup, unit),
                default_score=default_score,
                manager_score=manager_score,
                may_lower=may_lower,
            )
        )
    return tuple(states)


def _folders_on_disk(host: Host) -> Dict[str, Tuple[str, ...]]:
    """Every drop-in folder with its files, listed once for all units."""
    found: Dict[str, Tuple[str, ...]] = {}
    for root in SEARCH_PATH:
        # /lib is a link to /usr/lib on most hosts: the same folder under a second name.
        if root.startswith("/lib/") and host.link_target("/lib") is not None:
            continue
        for name in host.names(root):
            if name.endswith(".d"):
                folder = root + "/" + name
                found[folder] = tuple(host.names(folder))
    return found


def _dropins(host: Host, folders: Dict[str, Tuple[str, ...]], unit: UnitProperties, version: int) -> Tuple[DropIn, ...]:
    # A unit that systemd does not know has no names to look under.
    if unit.load_state == "not-found" and not unit.names:
        return ()
    return tuple(
        _read(host, folder + "/" + name)
        for folder in dropin_folders(unit.id, unit.names, version)
        for name in folders.get(folder, ())
        if name.endswith(".conf")
    )


def _read(host: Host, path: str) -> DropIn:
    if host.link_target(path) == "/dev/null":
        return DropIn(path, None)
    try:
        return DropIn(path, host.read(path))
    except Missing:
        return DropIn(path, None)


def _running(by_cgroup: Dict[str, List[Process]], unit: UnitProperties) -> Tuple[RunningScore, ...]:
    own = unit.control_group
    if not own:
        return ()
    members = [
        process
        for cgroup, inside in by_cgroup.items()
        if cgroup == own or cgroup.startswith(own + "/")
        for process in inside
    ]
    return tuple(
        RunningScore(
            process.pid,
            process.start_ticks,
            process.comm,
            process.oom_score_adj,
            process.pid == unit.main_pid,
        )
        for process in sorted(members, key=lambda process: (process.start_ticks, process.pid))
    )


def _may_lower(host: Host) -> bool:
    for line in host.read("/proc/self/status").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_SYS_RESOURCE & 1)
    return host.is_root


def _default_score(host: Host, manager_score: int) -> int:
    """The score of a unit that sets none: DefaultOOMScoreAdjust (250), else the manager's own."""
    shown = host.run_or_fail(["systemctl", "show", "--property=DefaultOOMScoreAdjust"])
    value = shown.strip().partition("=")[2]
    return int(value) if value else manager_score
