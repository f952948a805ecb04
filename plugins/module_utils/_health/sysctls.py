# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sysctls: what the files say, who reads them at boot, and what the kernel runs with."""

from __future__ import annotations

import re
from typing import Dict, List, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, LifeboatError, Missing, TooMuch
from ansible_collections.lifeboat.oom.plugins.module_utils._health.services import has_systemd, require_systemd
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.badness import kernel_version
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import ALL_KEYS
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.cmdline import (
    CMDLINE,
    CMDLINE_SINCE,
    cmdline_sysctls,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.file_syntax import Loader, proc_path
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.kept import Keeper
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import SWAPPINESS, VOIDS
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import SysctlState, boot_winners
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.precedence import (
    MOST_CHARACTERS,
    MOST_FILES,
    SysctlFile,
    sources,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.values import taken

_NUMBER = re.compile("-?[0-9]{1,20}")
_SYSTEMD_SYSCTL = ("/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl")
PROGRAMS = ("/usr/sbin/sysctl", "/sbin/sysctl", "/usr/bin/sysctl", "/bin/sysctl")


# What decides about swap in control groups is read also where it is not ours.
KEYS_READ = tuple(dict.fromkeys((*ALL_KEYS, SWAPPINESS)))


def read_sysctls(host: Door, own_path: str, whole: bool = False) -> SysctlState:
    """The sysctls that this collection may own, in all layers. Raises TooMuch for more than is looked at.

    Other lines of the files are hidden, unless they are to be edited and for that wanted I(whole).
    """
    loader = find_loader(host)
    runtime: Dict[str, str] = {}
    read_only: List[str] = []
    for key in KEYS_READ:
        path = proc_path(key)
        value = host.read_if_there(path)
        if value is None:
            continue
        runtime[key] = _number(value, path)
        if host.is_read_only(path):
            read_only.append(key)
    kernel = kernel_version(host.read_if_there("/proc/sys/kernel/osrelease") or "")
    state = SysctlState(
        loader=loader,
        own_path=own_path,
        files=_files(host, loader, own_path) if whole else _kept_files(host, loader, own_path),
        runtime=runtime,
        read_only=tuple(read_only),
        cmdline=_cmdline(host, kernel),
        kernel=kernel,
    )
    # What nobody can compute is not read either.
    boot_winners(state, ALL_KEYS, VOIDS)
    return state


def _number(text: str, path: str) -> str:
    number = text.strip()
    if not _NUMBER.fullmatch(number):
        raise HostError(f"{path}: found {number[:40]!r}, expected a number; look at it by hand", path)
    return number


def _cmdline(host: Door, kernel: Tuple[int, int]) -> Dict[str, str]:
    """What the kernel has taken from its command line."""
    found: Dict[str, str] = {}
    for write in cmdline_sysctls(host.read_if_there(CMDLINE) or "") if kernel >= CMDLINE_SINCE else ():
        value = taken(write.key, write.value, kernel) if write.key in ALL_KEYS else None
        if value is not None:
            found.pop(write.key, None)
            found[write.key] = value
    return found


def find_loader(host: Door) -> Loader:
    """The program that sets sysctls at boot: systemd where it is the init, else what C(sysctl) is."""
    if has_systemd(host):
        return _systemd_loader(host)
    program = next((path for path in PROGRAMS if host.exists(path)), None)
    if program is None:
        # No sysctl at all: an image whose init is not running, or nothing that loads files.
        return "systemd" if any(host.exists(path) for path in _SYSTEMD_SYSCTL) else "busybox"
    if (host.link_target(program) or program).rpartition("/")[2].startswith("busybox"):
        return "busybox"
    try:
        asked = host.run([program, "--version"])
    except HostError:
        return "procps"
    said = asked.stdout + asked.stderr
    return "busybox" if "BusyBox" in said else _procps_loader(said)


def _systemd_loader(host: Door) -> Loader:
    """Red Hat's 219 is all that is left of it, and 239 has the minus in front from later versions."""
    try:
        version = require_systemd(host)
    except LifeboatError:
        return "systemd"
    if version <= 219:
        return "systemd-219"
    if version in (239, 244):
        return "systemd-244"
    return "systemd-243" if version < 244 else "systemd"


def _procps_loader(version: str) -> Loader:
    """From C(sysctl from procps-ng 3.3.17) or C(sysctl (procps version 3.2.8)); what says nothing is a current one."""
    match = re.search(r"(\d+)\.(\d+)\.(\d+)", version)
    numbers = [int(number) for number in match.groups()] if match else [4]
    if numbers[0] >= 4:
        return "procps"
    return "procps3-run-first" if numbers <= [3, 3, 16] else "procps3"


def _files(host: Door, loader: Loader, own_path: str) -> Tuple[SysctlFile, ...]:
    where = sources(loader)
    paths = [folder + "/" + name for folder in where.folders for name in host.names(folder)]
    paths = [path for path in paths if path.endswith(".conf")] + [where.last]
    TooMuch.check("sysctl files", len(paths), MOST_FILES)
    if own_path not in paths:
        paths.append(own_path)
    return tuple(_file(host, path) for path in paths if host.exists(path))


def _kept_files(host: Door, loader: Loader, own_path: str) -> Tuple[SysctlFile, ...]:
    files = _files(host, loader, own_path)
    TooMuch.check("sysctl files: characters", sum(len(found.text or "") for found in files), MOST_CHARACTERS)
    keeper = Keeper(loader, ALL_KEYS)
    return tuple(SysctlFile(found.path, None if found.text is None else keeper.kept(found.text)) for found in files)


def _file(host: Door, path: str) -> SysctlFile:
    if host.link_target(path) == "/dev/null":
        return SysctlFile(path, None)
    try:
        return SysctlFile(path, host.read(path))
    except Missing:
        return SysctlFile(path, None)
