# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host this is, which boot of it, and on what it runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Tuple, TypeVar

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError

OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")
OS_RELEASE_NAMES = ("ID", "VERSION_ID", "PRETTY_NAME")
DETECT_ARGV = ("systemd-detect-virt",)
CONTAINER_FILES = {"/run/.containerenv": "podman", "/.dockerenv": "docker"}
CONTAINER_NAME = "/run/systemd/container"
_T = TypeVar("_T")
_ASSIGNMENT = re.compile(r"""^(\w+)=(?:"(.*)"|'(.*)'|(.*))$""")
_ESCAPED = re.compile(r"""\\([\\"'$`])""")


@dataclass(frozen=True)
class Distribution:
    """The distribution, as os-release(5) names it."""

    id: Optional[str]
    """C(ID), for programs, such as C(debian); null where it says none."""

    version: Optional[str]
    """C(VERSION_ID), such as C(12); null where it says none, as rolling releases do."""

    name: Optional[str]
    """C(PRETTY_NAME), for people; null where it says none."""


@dataclass(frozen=True)
class HostInfo:
    """Which host and which boot of it."""

    boot_id: Optional[str]
    """C(/proc/sys/kernel/random/boot_id), another one at each boot; null where it could not be read."""

    uptime_seconds: Optional[float]
    """Seconds since boot, by C(/proc/uptime); null where it could not be read."""

    kernel: str
    """Release of the kernel, as C(uname -r) prints it."""

    arch: str
    """Machine hardware, as C(uname -m) prints it."""

    page_kib: int
    """Size of a page in KiB."""

    systemd_version: Optional[int]
    """Number of systemd's version; null where systemd does not run, or was not asked."""

    init: Optional[str] = None
    """Name of process 1; null where it is not shown (C(hidepid))."""

    cgroups: Optional[str] = None
    """C(v2), C(v1), or C(hybrid) (v1 with systemd's own groups on v2); null where none are mounted."""

    distribution: Optional[Distribution] = None
    """Which distribution it is; null without os-release."""

    virtualisation: Optional[str] = None
    """The word of systemd-detect-virt(1), C(none) for real hardware. Without that program only containers and User-mode
    Linux are told, and it is null for all else.
    """


def read_host_info(host: Door, systemd_version: Optional[int]) -> Tuple[HostInfo, Tuple[HostError, ...]]:
    """The host, and what of it could not be read. Raises HostError where not even the kernel's release can be."""
    failures: List[HostError] = []

    def attempt(read: Callable[[Door], Optional[_T]]) -> Optional[_T]:
        try:
            return read(host)
        except HostError as error:
            failures.append(error)
            return None

    info = HostInfo(
        boot_id=attempt(_boot_id),
        uptime_seconds=attempt(_uptime_seconds),
        kernel=host.read("/proc/sys/kernel/osrelease").strip(),
        arch=host.arch,
        page_kib=host.page_kib,
        systemd_version=systemd_version,
        init=attempt(_init),
        cgroups=attempt(_cgroups),
        distribution=attempt(_distribution),
        virtualisation=attempt(_virtualisation),
    )
    return info, tuple(failures)


def _boot_id(host: Door) -> Optional[str]:
    return (host.read_if_there("/proc/sys/kernel/random/boot_id") or "").strip() or None


def _uptime_seconds(host: Door) -> Optional[float]:
    text = host.read_if_there("/proc/uptime")
    if text is None:
        return None
    match = re.match(r"\d+\.\d+ ", text)
    if match is None:
        raise HostError(f"found {text[:40]!r} in /proc/uptime, expected seconds as 86400.52", "/proc/uptime")
    return float(match.group())


def _init(host: Door) -> Optional[str]:
    """With C(hidepid) process 1 is not for everybody."""
    return (host.read_if_there("/proc/1/comm") or "").rstrip("\n") or None


def _cgroups(host: Door) -> Optional[str]:
    if host.exists("/sys/fs/cgroup/cgroup.controllers"):
        return "v2"
    if host.exists("/sys/fs/cgroup/unified/cgroup.controllers"):
        return "hybrid"
    return "v1" if host.names("/sys/fs/cgroup") else None


def _distribution(host: Door) -> Optional[Distribution]:
    text = next((text for text in map(host.read_if_there, OS_RELEASE) if text is not None), None)
    if text is None:
        return None
    fields = parse_os_release(text)
    return Distribution(*(fields.get(name) or None for name in OS_RELEASE_NAMES))


def parse_os_release(text: str) -> Dict[str, str]:
    """Names and values of os-release(5), without the quotes and backslashes of the shell."""
    found: Dict[str, str] = {}
    for match in filter(None, (_ASSIGNMENT.match(line.strip()) for line in text.split("\n"))):
        name, double, single, plain = match.groups()
        found[name] = single if single is not None else _ESCAPED.sub(r"\1", plain if double is None else double)
    return found


def _virtualisation(host: Door) -> Optional[str]:
    try:
        # Ends with 1 for "none".
        said = host.run(DETECT_ARGV).stdout.strip()
        if said:
            return said
    except HostError:
        pass  # not a host with systemd: fewer words then
    container = host.read_if_there(CONTAINER_NAME)
    if container is not None and container.strip():
        return container.strip()
    for path, name in CONTAINER_FILES.items():
        if host.exists(path):
            return name
    return "uml" if "User Mode Linux" in (host.read_if_there("/proc/cpuinfo") or "") else None
