# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory of control groups, v2 and v1: limits, use, events, and who is killed together.

Sources: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Iterable, List, Mapping, Optional, Set, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import TooMuch

# The path of the outermost group that can be seen.
ROOT = "/"
# Where the memory controller may be, and its version. A hybrid hierarchy has v2 below (cgroup_no_v1=memory).
V1 = "/sys/fs/cgroup/memory"
V2 = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
FILES = {
    2: (
        "memory.max",
        "memory.high",
        "memory.current",
        "memory.peak",
        "memory.swap.max",
        "memory.swap.current",
        "memory.oom.group",
        "memory.events",
        "memory.stat",
        "pids.current",
    ),
    1: (
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "memory.max_usage_in_bytes",
        "memory.memsw.limit_in_bytes",
        "memory.failcnt",
        "memory.oom_control",
        "memory.swappiness",
        "memory.stat",
    ),
}
# Containers within containers of Kubernetes have a third of it.
LONGEST_PATH = 2048
DEEPEST_PATH = 32
MOST_GROUPS = 20_000

_DIGITS = re.compile("[0-9]{1,20}")
# v1 says "no limit" as the largest number of whole pages, 2**31 - 1 on a 32-bit kernel; nothing real is near it.
# Source: PAGE_COUNTER_MAX, include/linux/page_counter.h.
_NO_LIMIT_KIB = ((1 << 31) - 1) * 4


@dataclass(frozen=True)
class Events:
    """How often something happened in the group and below since it was made; C(None) where this kernel does not count.

    Source: C(memory.events), of v1 C(memory.failcnt) and C(memory.oom_control).
    """

    low: Optional[int]
    """Number of times that memory was taken although it was below C(memory.low); null on v1."""

    high: Optional[int]
    """Number of times that it was slowed down at C(memory.high); null on v1."""

    max: Optional[int]
    """Number of times that it was at its hard limit."""

    oom: Optional[int]
    """Number of times that nothing more could be had at its hard limit; null on v1."""

    oom_kills: Optional[int]
    """Number of its processes that any OOM killer of the kernel killed (4.13)."""

    group_kills: Optional[int]
    """Number of times that all of it was killed together (5.17); null on v1."""


@dataclass(frozen=True)
class Cgroup:
    """One control group with the memory controller. C(None) where its version does not have it or the kernel does not
    say.

    Source: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
    """

    path: str
    """Its path below the root; C(/) is the root of a container."""

    version: int
    """Number of the control group's version, 1 or 2."""

    limit_kib: Optional[int]
    """C(memory.max), of v1 C(memory.limit_in_bytes): its own hard limit, in KiB; null for none."""

    high_kib: Optional[int]
    """C(memory.high): where it is slowed down, in KiB; null for none, and on v1."""

    current_kib: Optional[int]
    """C(memory.current), of v1 C(memory.usage_in_bytes): what it holds, page cache included, in KiB."""

    peak_kib: Optional[int]
    """C(memory.peak), of v1 C(memory.max_usage_in_bytes): the most it has held, in KiB; null before 5.19 on v2."""

    swap_limit_kib: Optional[int]
    """C(memory.swap.max): limit of its swap, in KiB; null for none, and on v1."""

    memsw_limit_kib: Optional[int]
    """C(memory.memsw.limit_in_bytes): limit of memory and swap together, in KiB; null for none, and on v2."""

    swap_kib: Optional[int]
    """C(memory.swap.current), of v1 C(total_swap): what it has in swap, in KiB."""

    file_kib: Optional[int]
    """Page cache that can be dropped, in KiB."""

    pids: Optional[int]
    """C(pids.current): number of tasks in it and below; null without that controller, and on v1."""

    oom_group: Optional[bool]
    """C(memory.oom.group) (4.19): whether all of it is killed together; null on v1."""

    oom_kill_disable: Optional[bool]
    """C(memory.oom_control): whether its processes wait instead of being killed; null on v2."""

    events: Events
    """What has happened to it."""

    swappiness: Optional[int] = None
    """C(memory.swappiness) (v1), a number from 0 (never) to 200; null on v2, where C(vm.swappiness) decides."""


def parse_cgroup_files(path: str, version: int, files: Mapping[str, str]) -> Cgroup:
    """One group from those of C(FILES) that it has."""
    return (_v2 if version == 2 else _v1)(path, files)


def _v2(path: str, files: Mapping[str, str]) -> Cgroup:
    events, stat = _table(files.get("memory.events")), _table(files.get("memory.stat"))
    return Cgroup(
        path=path,
        version=2,
        limit_kib=_kib(files.get("memory.max")),
        high_kib=_kib(files.get("memory.high")),
        current_kib=_kib(files.get("memory.current")),
        peak_kib=_kib(files.get("memory.peak")),
        swap_limit_kib=_kib(files.get("memory.swap.max")),
        memsw_limit_kib=None,
        swap_kib=_kib(files.get("memory.swap.current")),
        file_kib=_file_kib(stat, ""),
        pids=_number(files.get("pids.current")),
        oom_group={"0": False, "1": True}.get((files.get("memory.oom.group") or "").strip()),
        oom_kill_disable=None,
        events=Events(
            low=events.get("low"),
            high=events.get("high"),
            max=events.get("max"),
            oom=events.get("oom"),
            oom_kills=events.get("oom_kill"),
            group_kills=events.get("oom_group_kill"),
        ),
    )


def _v1(path: str, files: Mapping[str, str]) -> Cgroup:
    control, stat = _table(files.get("memory.oom_control")), _table(files.get("memory.stat"))
    disable = control.get("oom_kill_disable")
    return Cgroup(
        path=path,
        version=1,
        limit_kib=_kib(files.get("memory.limit_in_bytes")),
        high_kib=None,
        current_kib=_kib(files.get("memory.usage_in_bytes")),
        peak_kib=_kib(files.get("memory.max_usage_in_bytes")),
        swap_limit_kib=None,
        memsw_limit_kib=_kib(files.get("memory.memsw.limit_in_bytes")),
        # Not memsw less memory: two files are read at two moments, and show swap where there is none.
        swap_kib=stat["total_swap"] // 1024 if "total_swap" in stat else None,
        file_kib=_file_kib(stat, "total_"),
        pids=None,
        oom_group=None,
        oom_kill_disable=None if disable is None else disable == 1,
        events=Events(None, None, _number(files.get("memory.failcnt")), None, control.get("oom_kill"), None),
        swappiness=_number(files.get("memory.swappiness")),
    )


def _table(text: Optional[str]) -> Dict[str, int]:
    pairs = (line.partition(" ") for line in (text or "").split("\n"))
    return {name: int(value) for name, _unused, value in pairs if _DIGITS.fullmatch(value)}


def _file_kib(stat: Mapping[str, int], prefix: str) -> Optional[int]:
    names = [prefix + "active_file", prefix + "inactive_file"]
    return sum(stat[name] for name in names) // 1024 if all(name in stat for name in names) else None


def _number(text: Optional[str]) -> Optional[int]:
    return int(text) if text is not None and _DIGITS.fullmatch(text.strip()) else None


def _kib(text: Optional[str]) -> Optional[int]:
    """Bytes in KiB; C(None) for C(max) and what means the same."""
    size = _number(text)
    return None if size is None or size // 1024 >= _NO_LIMIT_KIB else size // 1024


def parse_memory_path(cgroup_file: str) -> Optional[Tuple[int, str]]:
    """From C(/proc/PID/cgroup) the version and the path of the group that accounts for the process's memory.

    Raises TooMuch for a path that is longer or deeper than any.
    """
    unified: Optional[str] = None
    for line in cgroup_file.split("\n"):
        _unused, _unused, rest = line.partition(":")
        controllers, separator, path = rest.partition(":")
        if separator and "memory" in controllers.split(","):
            return 1, checked_path(path)
        if separator and not controllers:
            unified = path
    return None if unified is None else (2, checked_path(unified))


def checked_path(path: str) -> str:
    """The path of a group. Raises TooMuch for one that is longer or deeper than any."""
    TooMuch.check("characters of the path of a control group", len(path), LONGEST_PATH)
    TooMuch.check(f"depth of control group {path[:40]!r}", path.count("/"), DEEPEST_PATH)
    return path


def with_ancestors(paths: Iterable[str]) -> List[str]:
    """The paths and all groups above them but the root; each once, sorted. Raises as C(checked_path())."""
    found: Set[str] = set()
    for path in set(paths):
        parts = checked_path(path).strip("/").split("/")
        found.update("/" + "/".join(parts[:depth]) for depth in range(1, len(parts) + 1) if parts[0])
        TooMuch.check("control groups", len(found), MOST_GROUPS)
    return sorted(found)
