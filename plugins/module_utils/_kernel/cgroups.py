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
# The kernel prints no path that is longer, and nobody nests so deep.
LONGEST_PATH = 4096
DEEPEST_PATH = 100

_DIGITS = re.compile("[0-9]{1,20}")
# v1 says "no limit" as the largest number of whole pages, 2**31 - 1 on a 32-bit kernel; nothing real is near it.
# Source: PAGE_COUNTER_MAX, include/linux/page_counter.h.
_NO_LIMIT_KIB = ((1 << 31) - 1) * 4


@dataclass(frozen=True)
class Events:
    """How often something happened in the group and below since it was made; C(None) where this kernel does not count.

    I(max): its limit was hit (on v1: failcnt). I(oom): nothing more could be had. I(oom_kills): processes killed.
    I(group_kills) (5.17): times that all of it was killed together.
    """

    low: Optional[int]
    high: Optional[int]
    max: Optional[int]
    oom: Optional[int]
    oom_kills: Optional[int]
    group_kills: Optional[int]


@dataclass(frozen=True)
class Cgroup:
    """One control group with the memory controller, by its I(path) below the root (C(/) is that of a container).

    Sizes are in KiB.

    I(limit_kib) is its own hard limit, I(swap_limit_kib) (v2) that of its swap, I(memsw_limit_kib) (v1) that of both
    together: C(None) for none. I(high_kib) is where it is slowed down. I(peak_kib) is C(None) before 5.19 on v2.
    I(file_kib) is page cache that can be dropped. I(oom_group): all of it is killed together (v2, 4.19).
    I(oom_kill_disable): its processes wait instead of being killed (v1). I(swappiness) is its own (v1): with 0 it
    never swaps.
    """

    path: str
    version: int
    limit_kib: Optional[int]
    high_kib: Optional[int]
    current_kib: Optional[int]
    peak_kib: Optional[int]
    swap_limit_kib: Optional[int]
    memsw_limit_kib: Optional[int]
    swap_kib: Optional[int]
    file_kib: Optional[int]
    pids: Optional[int]
    oom_group: Optional[bool]
    oom_kill_disable: Optional[bool]
    events: Events
    swappiness: Optional[int] = None


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
    return sorted(found)
