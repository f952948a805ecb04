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
    """Memory of the host in KiB, by C(/proc/meminfo); C(None) where this kernel does not say. Source: proc(5)."""

    total_kib: int
    """C(MemTotal): RAM that the kernel manages, in KiB."""

    free_kib: int
    """C(MemFree): RAM that nobody uses, in KiB."""

    available_kib: Optional[int]
    """C(MemAvailable) (3.14): what programs can still take without swapping, in KiB; see I(available_is_estimate)."""

    buffers_kib: Optional[int]
    """C(Buffers): cached blocks of disks, in KiB."""

    cached_kib: Optional[int]
    """C(Cached): page cache with shared memory and tmpfs, without I(swap_cached_kib), in KiB."""

    slab_reclaimable_kib: Optional[int]
    """C(SReclaimable): objects of the kernel that it can drop, in KiB."""

    shmem_kib: Optional[int]
    """C(Shmem): shared memory and tmpfs, in KiB."""

    hugetlb_kib: int
    """C(Hugetlb): set aside as huge pages of any size, in KiB; before 4.16 those of the default size. It is for nobody
    else.
    """

    swap_total_kib: int
    """C(SwapTotal), in KiB; 0 without swap."""

    swap_free_kib: int
    """C(SwapFree), in KiB; 0 without swap."""

    commit_limit_kib: Optional[int]
    """C(CommitLimit): how much mode C(never) would promise, in KiB."""

    committed_kib: Optional[int]
    """C(Committed_AS): how much is promised to processes, in KiB."""

    available_is_estimate: bool = False
    """True where the kernel (before 3.14) does not say what is available, and it was reckoned as later kernels do it
    (C(si_mem_available()), mm/page_alloc.c).
    """

    swap_cached_kib: Optional[int] = None
    """C(SwapCached): in RAM and in swap at once, in KiB."""

    active_anon_kib: Optional[int] = None
    """C(Active(anon)): no file's, used of late, in KiB."""

    inactive_anon_kib: Optional[int] = None
    """C(Inactive(anon)): no file's, the first to be swapped out, in KiB."""

    active_file_kib: Optional[int] = None
    """C(Active(file)): page cache that was used of late, in KiB."""

    inactive_file_kib: Optional[int] = None
    """C(Inactive(file)): page cache that is dropped first, in KiB."""

    unevictable_kib: Optional[int] = None
    """C(Unevictable): what cannot be reclaimed, in KiB."""

    mlocked_kib: Optional[int] = None
    """C(Mlocked): what mlock(2) holds in RAM, in KiB."""

    dirty_kib: Optional[int] = None
    """C(Dirty): what has still to be written to disk, in KiB."""

    writeback_kib: Optional[int] = None
    """C(Writeback): what is being written to disk, in KiB."""

    anon_kib: Optional[int] = None
    """C(AnonPages): memory of processes that is no file's, in KiB."""

    mapped_kib: Optional[int] = None
    """C(Mapped): files that processes have mapped, in KiB."""

    slab_unreclaimable_kib: Optional[int] = None
    """C(SUnreclaim): objects of the kernel that it cannot drop, in KiB."""

    kernel_stack_kib: Optional[int] = None
    """C(KernelStack): stacks of all tasks in the kernel, in KiB."""

    page_tables_kib: Optional[int] = None
    """C(PageTables): page tables of processes, in KiB."""

    vmalloc_used_kib: Optional[int] = None
    """C(VmallocUsed): what the kernel has mapped for itself, in KiB; 0 from 4.4 to 5.2."""

    percpu_kib: Optional[int] = None
    """C(Percpu): what the kernel holds once for each CPU, in KiB."""

    zswap_kib: Optional[int] = None
    """C(Zswap) (5.19): RAM that zswap takes for what it has compressed, in KiB."""

    zswapped_kib: Optional[int] = None
    """C(Zswapped) (5.19): what was put into zswap, as large as it was, in KiB."""

    high_total_kib: Optional[int] = None
    """C(HighTotal), in KiB, of 32-bit kernels with high memory alone, as the three below: what the kernel itself needs
    has to come from the low part, which can run out alone.
    """

    high_free_kib: Optional[int] = None
    """C(HighFree), in KiB."""

    low_total_kib: Optional[int] = None
    """C(LowTotal), in KiB."""

    low_free_kib: Optional[int] = None
    """C(LowFree), in KiB."""

    cma_total_kib: Optional[int] = None
    """C(CmaTotal): set aside for devices that need memory in one piece, in KiB."""

    cma_free_kib: Optional[int] = None
    """C(CmaFree): the part of it that they have not taken, in KiB."""

    look_kib: int = 0
    """What the look itself held when these were read, and has given back since, in KiB."""


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
    """What the kernel has counted since boot, C(None) where this one does not. Source: C(/proc/vmstat)."""

    oom_kills: Optional[int]
    """C(oom_kill) (4.13): number of kill lines, one for each process, two for the first of a group that is killed as a
    whole.
    """

    swap_in_pages: Optional[int]
    """C(pswpin): pages read from swap."""

    swap_out_pages: Optional[int]
    """C(pswpout): pages written to swap."""

    major_faults: Optional[int]
    """C(pgmajfault): number of times that a task had to wait for a page from disk."""

    allocation_stalls: Optional[int]
    """C(allocstall): number of times that a task had to make room before it got memory."""

    refaults: Optional[int]
    """C(workingset_refault): number of pages that were read back soon after they had been dropped. Together with
    I(major_faults) they grow fast where memory is too small for the work.
    """


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
