# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control groups in which processes run, with their memory."""

from __future__ import annotations

from typing import Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.cgroups import (
    FILES,
    ROOT,
    ROOTS,
    Cgroup,
    parse_cgroup_files,
    with_ancestors,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import Process


def read_cgroups(host: Door, processes: Sequence[Process]) -> Optional[Tuple[Cgroup, ...]]:
    """Each group that a process is accounted to and all above it; C(None) without the controller.

    The root is among them where it has a limit: that of a container, whose root is a group like others to the kernel.
    """
    version = memory_version(host)
    if version is None:
        return None
    paths = with_ancestors(process.memory_cgroup for process in processes if process.memory_cgroup)
    root = _read(host, version, ROOT)
    below = (_read(host, version, path) for path in paths)
    return tuple(group for group in (root if root and root.limit_kib is not None else None, *below) if group)


def _read(host: Door, version: int, path: str) -> Optional[Cgroup]:
    folder = ROOTS[version] + ("" if path == ROOT else path)
    read = ((name, host.read_if_there(f"{folder}/{name}")) for name in FILES[version])
    files = {name: text for name, text in read if text is not None}
    # A group that has ended meanwhile, one outside of this namespace, and one without the controller have none.
    if any(name.startswith("memory.") for name in files):
        return parse_cgroup_files(path, version, files)
    return None


def memory_version(host: Door) -> Optional[int]:
    """The version of the hierarchy that has the memory controller."""
    if host.exists(ROOTS[1] + "/memory.usage_in_bytes"):
        return 1
    controllers = host.read_if_there(ROOTS[2] + "/cgroup.controllers")
    return 2 if controllers is not None and "memory" in controllers.split() else None
