# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of an OOM report that hold sizes: of the machine, of control groups, of each task.

Sources: show_mem (lib/show_mem.c, mm/page_alloc.c, mm/show_mem.c; arch/arm/mm/init.c up to 3.x),
mem_cgroup_print_oom_info and memory_stat_format (mm/memcontrol.c), dump_tasks (mm/oom_kill.c).
"""

from __future__ import annotations

import re
from typing import Dict, Optional

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kind_names import (
    LIMIT,
    MACHINE,
    ROW,
    STATS,
    TABLE,
    Statement,
)

_MAX_COLUMNS = 20
_MIN_COLUMNS = 7  # pid, uid, tgid, total_vm, rss, cpu, oom_adj: the narrowest, of 2.6.31
_MIN_COLUMNS_OF_A_PART = 4

_PAGE_COUNTERS = frozenset((
    "active", "inactive", "active_anon", "inactive_anon", "isolated_anon", "active_file",
    "inactive_file", "isolated_file", "unevictable", "dirty", "writeback", "unstable", "slab",
    "slab_reclaimable", "slab_unreclaimable", "mapped", "shmem", "pagetables", "sec_pagetables",
    "bounce", "kernel_misc_reclaimable", "free", "free_pcp", "free_cma",
))  # fmt: skip
# Those of memory.stat (cgroup v2) that are bytes; the others count pages or events.
_STAT_BYTES = frozenset((
    "anon", "file", "kernel", "kernel_stack", "pagetables", "sec_pagetables", "percpu", "sock",
    "vmalloc", "shmem", "zswap", "zswapped", "file_mapped", "file_dirty", "file_writeback",
    "swapcached", "anon_thp", "file_thp", "shmem_thp", "inactive_anon", "active_anon",
    "inactive_file", "active_file", "unevictable", "slab_reclaimable", "slab_unreclaimable", "slab",
))  # fmt: skip
_PAGE_NAMES = {
    "total pagecache pages": "pagecache_pages",
    "pages in swap cache": "swap_cache_pages",
    "pages swap cached": "swap_cache_pages",
    "pages RAM": "ram_pages",
    "pages of RAM": "ram_pages",
    "pages HighMem": "highmem_pages",
    "pages HighMem/MovableOnly": "highmem_pages",
    "pages reserved": "reserved_pages",
    "reserved pages": "reserved_pages",
    "pages cma reserved": "cma_reserved_pages",
    "pages hwpoisoned": "hwpoisoned_pages",
    "free pages": "free_pages",
    "slab pages": "slab_pages",
    "pages shared": "shared_pages",
    "pages non-shared": "non_shared_pages",
}
_USAGE_NAMES = {"memory": "", "memory+swap": "memsw_", "swap": "swap_", "kmem": "kmem_"}

# Those that any kernel has had.
COLUMNS = frozenset((
    "pid", "uid", "tgid", "total_vm", "rss", "rss_anon", "rss_file", "rss_shmem", "cpu", "oom_adj", "oom_score_adj",
    "nr_ptes", "nr_pmds", "nr_puds", "pgtables_bytes", "swapents", "name",
))  # fmt: skip

_COUNTER = re.compile(r"([A-Za-z_]{3,30}):(\d{1,19})(KB)?$")
_PAGES = re.compile(r"(\d{1,19}) ([A-Za-z/ -]{9,25})$")
# Of the smallest blocks of a zone: single pages.
_FREE_LIST = re.compile(r"(?:Node \d{1,4} )?(?:DMA|DMA32|Normal|HighMem|Movable): \d{1,10}\*(\d{1,4})kB ")
_SWAP = re.compile(r"(Free|Total) swap *[=:] *(\d{1,19})kB$")
_STAT = re.compile(r"([a-z_]{3,20}) (\d{1,19})$")
_USAGE = re.compile(r"([a-z+]{4,11}): usage (\d{1,19})kB, limit (\d{1,19})kB, failcnt (\d{1,19})")
_STATS = re.compile(r"Memory cgroup stats(?: for (/.*?))?:(?: +(.*))?$", re.S)
_TABLE = re.compile(r"\[ *pid *\] +([a-z_ ]{10,300})$")
_ROW = re.compile(r"\[ *(\d{1,10})\] +(\d{1,10} .*)", re.S)
_LIMIT_PIECE = re.compile(r"Task in (/\S*)(?: killed as a result of limit of)?$")
_INTEGER = re.compile(r"-?\d{1,19}$")


def machine_sizes(text: str) -> Optional[Statement]:
    """C(active_anon:1 inactive_anon:2 …) in pages, C(3 pages RAM), C(Free swap  = 4kB), C(anon 5) in bytes."""
    sizes = _page_counters(text) or _page_total(text)
    return Statement(MACHINE, sizes) if sizes else None


def _page_counters(text: str) -> Dict[str, int]:
    sizes = {}
    for word in text.split():
        match = _COUNTER.match(word)
        if not match or match.group(3) or match.group(1).lower() not in _PAGE_COUNTERS:
            return {}
        sizes[match.group(1).lower() + "_pages"] = int(match.group(2))
    return sizes


def _page_total(text: str) -> Dict[str, int]:
    free_list = _FREE_LIST.match(text)
    if free_list:
        return {"page_kib": int(free_list.group(1))}
    pages = _PAGES.match(text)
    if pages and pages.group(2) in _PAGE_NAMES:
        return {_PAGE_NAMES[pages.group(2)]: int(pages.group(1))}
    swap = _SWAP.match(text)
    if swap:
        return {f"swap_{swap.group(1).lower()}_kib": int(swap.group(2))}
    stat = _STAT.match(text)
    if stat and stat.group(1) in _STAT_BYTES:
        return {stat.group(1) + "_bytes": int(stat.group(2))}
    return {}


def cgroup_usage(text: str) -> Optional[Statement]:
    """C(memory: usage 1kB, limit 2kB, failcnt 3), the same of memory+swap (v1), kmem (v1) and swap (v2).

    Where there is no limit, the number is the largest that the counter can hold, about 2^63.
    """
    match = _USAGE.match(text)
    if not match or match.group(1) not in _USAGE_NAMES:
        return None
    name = _USAGE_NAMES[match.group(1)]
    usage, limit, failcnt = (int(number) for number in match.groups()[1:])
    sizes = {name + "usage_kib": usage, name + "limit_kib": limit, name + "failcnt": failcnt}
    return Statement(STATS, {"sizes": sizes})


def cgroup_stats(text: str) -> Optional[Statement]:
    """C(Memory cgroup stats for /a: cache:1KB rss:2KB …) (v1, to be added up over the groups below) or its title."""
    match = _STATS.match(text)
    if not match:
        return None
    counters = [_COUNTER.match(word) for word in (match.group(2) or "").split()]
    sums = {c.group(1) + "_kib": int(c.group(2)) for c in counters if c and c.group(3)}
    return Statement(STATS, {"stats_cgroup": match.group(1), "sums": sums})


def table_header(text: str) -> Optional[Statement]:
    """C([ pid ]   uid  tgid total_vm      rss … name): the columns, which differ by kernel."""
    match = _TABLE.match(text)
    if not match:
        return None
    columns = match.group(1).split()
    return Statement(TABLE, {"columns": ("pid", *columns)}) if len(columns) < _MAX_COLUMNS else None


def table_row(text: str) -> Optional[Statement]:
    """A row: numbers first, then a name, which may hold anything; or the start of a row, without its name.

    None if there are too few numbers.
    """
    match = _ROW.match(text)
    if not match:
        return None
    numbers, rest = [int(match.group(1))], match.group(2)
    while len(numbers) < _MAX_COLUMNS:
        word, _space, after = rest.partition(" ")
        if not _INTEGER.match(word):
            break
        numbers.append(int(word))
        rest = after.lstrip(" ")
    if len(numbers) < (_MIN_COLUMNS if rest else _MIN_COLUMNS_OF_A_PART):
        return None
    return Statement(ROW, dict({"numbers": tuple(numbers)}, **({"comm": rest} if rest else {})))


def limit_reached(text: str) -> Optional[Statement]:
    """C(Task in /a/b killed as a result of limit of /a) up to 4.20, C(Memory limit reached of cgroup /a).

    The first is printed in pieces, which may end up on lines of their own.
    """
    piece = _LIMIT_PIECE.match(text)
    if piece:
        return Statement(LIMIT, {"cgroup": piece.group(1)})
    for start, middle in (
        ("Task in ", " killed as a result of limit of "),
        ("", "Memory limit reached of cgroup "),
    ):
        cgroup, found, limit = text.partition(middle)
        if found and cgroup.startswith(start):
            cgroups = {"cgroup": cgroup[len(start) :], "limit_cgroup": limit}
            return Statement(LIMIT, {key: path for key, path in cgroups.items() if path.startswith("/")})
    return None
