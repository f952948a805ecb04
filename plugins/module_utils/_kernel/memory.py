# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(/proc/meminfo) and C(/proc/vmstat)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Optional

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError

_LINE = re.compile(r"^([^:\s]+):\s+(\d+)(?: (kB))?\s*$")


@dataclass(frozen=True)
class Memory:
    """Memory of the host in KiB; C(None) where this kernel does not say. Source: proc(5)."""

    total_kib: int
    free_kib: int
    available_kib: Optional[int]
    buffers_kib: Optional[int]
    cached_kib: Optional[int]
    slab_reclaimable_kib: Optional[int]
    shmem_kib: Optional[int]
    hugetlb_kib: int
    swap_total_kib: int
    swap_free_kib: int
    commit_limit_kib: Optional[int]
    committed_kib: Optional[int]


def _fields(text: str) -> Dict[str, int]:
    found: Dict[str, int] = {}
    for line in text.splitlines():
        match = _LINE.match(line)
        if match:
            found[match.group(1)] = int(match.group(2))
    return found


def parse_meminfo(text: str) -> Memory:
    """Read C(/proc/meminfo).

    Raises LifeboatError where not even C(MemTotal) and C(MemFree) are there: that is no meminfo.
    """
    fields = _fields(text)
    if "MemTotal" not in fields or "MemFree" not in fields:
        raise LifeboatError(
            "/proc/meminfo has no MemTotal or MemFree line, found only: {}".format(sorted(fields) or "nothing")
        )
    # "Hugetlb" counts all sizes of huge pages (4.16); before it only the default size is known.
    hugetlb_kib = fields.get("Hugetlb", fields.get("HugePages_Total", 0) * fields.get("Hugepagesize", 0))
    return Memory(
        total_kib=fields["MemTotal"],
        free_kib=fields["MemFree"],
        available_kib=fields.get("MemAvailable"),
        buffers_kib=fields.get("Buffers"),
        cached_kib=fields.get("Cached"),
        slab_reclaimable_kib=fields.get("SReclaimable"),
        shmem_kib=fields.get("Shmem"),
        hugetlb_kib=hugetlb_kib,
        swap_total_kib=fields.get("SwapTotal", 0),
        swap_free_kib=fields.get("SwapFree", 0),
        commit_limit_kib=fields.get("CommitLimit"),
        committed_kib=fields.get("Committed_AS"),
    )


def parse_oom_kills(vmstat: str) -> Optional[int]:
    """The C(oom_kill) counter of C(/proc/vmstat) since boot; C(None) before kernel 4.13, which has none."""
    for line in vmstat.splitlines():
        name, _, value = line.partition(" ")
        if name == "oom_kill" and value.strip().isdigit():
            return int(value)
    return None
