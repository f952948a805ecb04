# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which versions of packages are installed, and which units run code of given files, old or new."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._cgroup_units import unit_of
from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, Missing
from ansible_collections.lifeboat.oom.plugins.module_utils._health.packages import Package, owners
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import parse_cgroup, parse_stat
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.installed_packages import installed

_MAPPED = re.compile(r"^\S+ \S+ \S+ \S+ [1-9]\d* +(/.*)$", re.MULTILINE)
_DELETED = " (deleted)"


@dataclass(frozen=True)
class User:
    """A process that has a file mapped; I(stale) where the file has been replaced or removed since.

    I(unit) is that of the system's own systemd; one of a user or a container is named in full, as C(unit_of()) does.
    """

    pid: int
    comm: str
    unit: Optional[str]
    file: str
    stale: bool


@dataclass(frozen=True)
class PackageUsers:
    """What the module C(package_users) tells: the I(versions) of the packages that are installed, of a I(foreign)
    architecture too, the I(files) with links followed, and by path of a file who are its I(owners).
    """

    versions: Mapping[str, Optional[str]] = field(default_factory=dict)
    foreign: Mapping[str, str] = field(default_factory=dict)
    files: Tuple[str, ...] = ()
    users: Tuple[User, ...] = ()
    owners: Mapping[str, Package] = field(default_factory=dict)


def package_users(host: Host, params: Mapping[str, Any], _check_mode: bool) -> Dict[str, Any]:
    """The result of the module C(package_users)."""
    files = tuple(sorted({host.resolved(path) for path in params["files"]}))
    users, unread = find_users(host, files)
    known = owners(host, {*files, *(user.file for user in users)}) or {}
    versions = {package.name: package.version for package in installed(host, params["packages"])}
    found = PackageUsers(
        versions={name: versions.get(name) for name in params["packages"]},
        foreign={name: version for name, version in versions.items() if ":" in name},
        files=files,
        users=tuple(users),
        owners=dict(sorted(known.items())),
    )
    result = {"changed": False, **asdict(found)}
    if unread:
        result["warnings"] = [f"{unread} processes could not be read; they may use the files too"]
    return result


def find_users(host: Door, files: Iterable[str]) -> Tuple[List[User], int]:
    """The processes that have one of I(files) mapped, and how many could not be read. Those that end are no users."""
    wanted = _spellings(files)
    users: List[User] = []
    unread = 0
    for name in host.names("/proc"):
        if not name.isdecimal() or not wanted:
            continue
        try:
            with host.process(int(name)) as process:
                mapped = mapped_files(process.read("maps"))
                found = {(path, stale) for path, stale in mapped if path in wanted}
                if found:
                    comm, unit = parse_stat(process.read("stat")).comm, unit_of(parse_cgroup(process.read("cgroup")))
                    users += [User(int(name), comm, unit, path, stale) for path, stale in sorted(found)]
        except Missing:
            continue
        except HostError:
            unread += 1
    return users, unread


def mapped_files(maps: str) -> Set[Tuple[str, bool]]:
    """The files in C(/proc/PID/maps), and whether each is another one now, or gone."""
    paths = _MAPPED.findall(maps)
    return {(path[: -len(_DELETED)], True) if path.endswith(_DELETED) else (path, False) for path in paths}


def _spellings(files: Iterable[str]) -> Set[str]:
    """With and without C(/usr): one of them may be a link to the other."""
    return {name for path in files for name in (path, path[4:] if path.startswith("/usr/") else "/usr" + path)}
