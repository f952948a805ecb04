# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(/proc/meminfo), C(/proc/vmstat), and what the kernel would say of available memory where it says nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Dict, Optional

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError

_LINE = re.compile(r"([^:\s]+):[ \t]+([0-9]{1,20})(?: kB)?[ \t\r]*")
_COUNTER = re.compile(r"(\w+) ([0-9]{1,20})[ \t\r]*")


@dataclass(frozen=True)
class Memory:
    """Memory of the host in KiB; C(None) where this kernel does not say. Source: proc(5).

    I(available_is_estimate): the kernel (before 3.14) does not say what is available, see C(with_available()).
    I(high_total_kib) to I(low_free_kib) are those of 32-bit kernels with high memory: what the kernel itself needs
    has to come from the low part, which can run out alone. I(hugetlb_kib) is not for anybody else. I(look_kib) is
    what the look itself held when these were read, and has given back since.
    """

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
    available_is_estimate: bool = False
    swap_cached_kib: Optional[int] = None
    active_anon_kib: Optional[int] = None
    inactive_anon_kib: Optional[int] = None
    active_file_kib: Optional[int] = None
    inactive_file_kib: Optional[int] = None
    unevictable_kib: Optional[int] = None
    mlocked_kib: Optional[int] = None
    dirty_kib: Optional[int] = None
    writeback_kib: Optional[int] = None
    anon_kib: Optional[int] = None
    mapped_kib: Optional[int] = None
    slab_unreclaimable_kib: Optional[int] = None
    kernel_stack_kib: Optional[int] = None
    page_tables_kib: Optional[int] = None
    vmalloc_used_kib: Optional[int] = None
    percpu_kib: Optional[int] = None
    zswap_kib: Optional[int] = None
    zswapped_kib: Optional[int] = None
    high_total_kib: Optional[int] = None
    high_free_kib: Optional[int] = None
    low_total_kib: Optional[int] = None
    low_free_kib: Optional[int] = None
    cma_total_kib: Optional[int] = None
    cma_free_kib: Optional[int] = None
    look_kib: int = 0


# The kernel's name for each field that is simply taken over.
_NAMES = {
    "available_kib": "MemAvailable",
    "buffers_kib": "Buffers",
    "cached_kib": "Cached",
    "slab_reclaimable_kib": "SReclaimable",
    "shmem_kib": "Shmem",
    "commit_limit_kib": "CommitLimit",
    "committed_kib": "Committed_AS",
    "swap_cached_kib": "SwapCached",
    "active_anon_kib": "Active(anon)",
    "inactive_anon_kib": "Inactive(anon)",
    "active_file_kib": "Active(file)",
    "inactive_file_kib": "Inactive(file)",
    "unevictable_kib": "Unevictable",
    "mlocked_kib": "Mlocked",
    "dirty_kib": "Dirty",
    "writeback_kib": "Writeback",
    "anon_kib": "AnonPages",
    "mapped_kib": "Mapped",
    "slab_unreclaimable_kib": "SUnreclaim",
    "kernel_stack_kib": "KernelStack",
    "page_tables_kib": "PageTables",
    "vmalloc_used_kib": "VmallocUsed",
    "percpu_kib": "Percpu",
    "zswap_kib": "Zswap",
    "zswapped_kib": "Zswapped",
    "high_total_kib": "HighTotal",
    "high_free_kib": "HighFree",
    "low_total_kib": "LowTotal",
    "low_free_kib": "LowFree",
    "cma_total_kib": "CmaTotal",
    "cma_free_kib": "CmaFree",
}


@dataclass(frozen=True)
class Counters:
    """What the kernel has counted since boot, C(None) where this one does not. Source: C(/proc/vmstat).

    I(oom_kills) (4.13) counts processes. I(refaults) are pages that were read back soon after they had been
    dropped: together with I(major_faults) they grow fast where memory is too small for the work.
    """

    oom_kills: Optional[int]
    swap_in_pages: Optional[int]
    swap_out_pages: Optional[int]
    major_faults: Optional[int]
    allocation_stalls: Optional[int]
    refaults: Optional[int]


def _fields(text: str) -> Dict[str, int]:
    found: Dict[str, int] = {}
    for line in text.split("\n"):
        match = _LINE.fullmatch(line)
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
    known: Dict[str, Optional[int]] = {name: fields.get(kernel_name) for name, kernel_name in _NAMES.items()}
    return Memory(
        total_kib=fields["MemTotal"],
        free_kib=fields["MemFree"],
        hugetlb_kib=hugetlb_kib,
        swap_total_kib=fields.get("SwapTotal", 0),
        swap_free_kib=fields.get("SwapFree", 0),
        **known,  # type: ignore[arg-type]
    )


def low_watermark_pages(zoneinfo: str) -> Optional[int]:
    """The sum of the zones' C(low) marks of C(/proc/zoneinfo): below them the kernel begins to reclaim."""
    found = re.findall(r"^ +low +([0-9]{1,20})$", zoneinfo, re.MULTILINE)
    return sum(int(pages) for pages in found) if found else None


def with_available(memory: Memory, low_watermark_kib: Optional[int]) -> Memory:
    """The memory with an estimate of what is available, where the kernel has none and the parts are known.

    Source: si_mem_available(), mm/page_alloc.c of 3.14: free pages less the low watermarks, and of page cache and
    reclaimable slab what is above half of them or the watermarks.
    """
    parts = (memory.active_file_kib, memory.inactive_file_kib, memory.slab_reclaimable_kib)
    if memory.available_kib is not None or low_watermark_kib is None or None in parts:
        return memory
    cache_kib = (memory.active_file_kib or 0) + (memory.inactive_file_kib or 0)
    slab_kib = memory.slab_reclaimable_kib or 0
    available_kib = memory.free_kib - low_watermark_kib
    available_kib += cache_kib - min(cache_kib // 2, low_watermark_kib)
    available_kib += slab_kib - min(slab_kib // 2, low_watermark_kib)
    return replace(memory, available_kib=max(available_kib, 0), available_is_estimate=True)


def parse_vmstat(text: str) -> Counters:
    """Read C(/proc/vmstat). Counters that are kept for each zone or kind of page are added up."""
    fields: Dict[str, int] = {}
    for line in text.split("\n"):
        match = _COUNTER.fullmatch(line)
        if match:
            fields[match.group(1)] = int(match.group(2))

    def total(*prefixes: str) -> Optional[int]:
        found = [value for name, value in fields.items() if name.startswith(prefixes)]
        return sum(found) if found else None

    return Counters(
        oom_kills=fields.get("oom_kill"),
        swap_in_pages=fields.get("pswpin"),
        swap_out_pages=fields.get("pswpout"),
        major_faults=fields.get("pgmajfault"),
        allocation_stalls=total("allocstall"),
        refaults=total("workingset_refault"),
    )
