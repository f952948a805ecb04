# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control groups in which processes run, with their memory."""

from __future__ import annotations

from typing import NamedTuple, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.cgroups import (
    FILES,
    ROOT,
    V1,
    V2,
    Cgroup,
    parse_cgroup_files,
    with_ancestors,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import Process


class Hierarchy(NamedTuple):
    """Where the files of groups are, and of which version of cgroups."""

    version: int
    root: str


def read_cgroups(host: Door, processes: Sequence[Process]) -> Optional[Tuple[Cgroup, ...]]:
    """Each group that a process is accounted to and all above it; C(None) without the controller.

    The root is among them where it has a limit: that of a container, whose root is a group like others to the kernel.
    Raises TooMuch for more than are looked at.
    """
    hierarchy = find_hierarchy(host)
    if hierarchy is None:
        return None
    paths = with_ancestors(process.memory_cgroup for process in processes if process.memory_cgroup)
    root = _read(host, hierarchy, ROOT)
    below = (_read(host, hierarchy, path) for path in paths)
    return tuple(group for group in (root if root and root.limit_kib is not None else None, *below) if group)


def _read(host: Door, hierarchy: Hierarchy, path: str) -> Optional[Cgroup]:
    version = hierarchy.version
    folder = hierarchy.root + ("" if path == ROOT else path)
    read = ((name, host.read_if_there(f"{folder}/{name}")) for name in FILES[version])
    files = {name: text for name, text in read if text is not None}
    # A group that has ended meanwhile, one outside of this namespace, and one without the controller have none.
    if any(name.startswith("memory.") for name in files):
        return parse_cgroup_files(path, version, files)
    return None


def find_hierarchy(host: Door) -> Optional[Hierarchy]:
    """The hierarchy that has the memory controller."""
    if host.exists(V1 + "/memory.usage_in_bytes"):
        return Hierarchy(1, V1)
    for root in V2:
        if "memory" in (host.read_if_there(root + "/cgroup.controllers") or "").split():
            return Hierarchy(2, root)
    return None
