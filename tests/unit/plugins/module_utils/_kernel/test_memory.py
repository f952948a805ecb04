# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random
from dataclasses import asdict
from pathlib import Path

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import (
    Memory,
    parse_meminfo,
    parse_vmstat,
)

# A virtual machine of 24 GiB without swap.
CAPTURE = Path(__file__).parent / "captures" / "x86_64-linux-6.18"
MEMINFO = (CAPTURE / "meminfo").read_text(encoding="utf-8")
LEAST = "MemTotal: 1000 kB\nMemFree: 400 kB\n"
# 2.6.32 prints neither MemAvailable (3.14) nor Hugetlb (4.16).
OLD = """\
MemTotal:         510104 kB
MemFree:           61368 kB
Buffers:           23912 kB
Cached:           210212 kB
SwapCached:            0 kB
Shmem:               412 kB
Slab:              41888 kB
SReclaimable:      30936 kB
SwapTotal:        409592 kB
SwapFree:         409592 kB
CommitLimit:      664644 kB
Committed_AS:     220316 kB
HugePages_Total:      10
HugePages_Free:       10
Hugepagesize:       2048 kB
"""
OLD_MEMORY = Memory(
    total_kib=510104,
    free_kib=61368,
    available_kib=None,
    buffers_kib=23912,
    cached_kib=210212,
    slab_reclaimable_kib=30936,
    shmem_kib=412,
    hugetlb_kib=20480,
    swap_total_kib=409592,
    swap_free_kib=409592,
    commit_limit_kib=664644,
    committed_kib=220316,
    swap_cached_kib=0,
)


def field(text: str, name: str) -> int:
    """What a person reads there."""
    return int(next(line for line in text.splitlines() if line.startswith(name + ":")).split()[1])


def test_a_current_kernel_is_read_as_it_prints() -> None:
    memory = parse_meminfo(MEMINFO)
    assert asdict(memory) == {
        "total_kib": field(MEMINFO, "MemTotal"),
        "free_kib": field(MEMINFO, "MemFree"),
        "available_kib": field(MEMINFO, "MemAvailable"),
        "buffers_kib": field(MEMINFO, "Buffers"),
        "cached_kib": field(MEMINFO, "Cached"),
        "slab_reclaimable_kib": field(MEMINFO, "SReclaimable"),
        "shmem_kib": field(MEMINFO, "Shmem"),
        "hugetlb_kib": field(MEMINFO, "Hugetlb"),
        "swap_total_kib": field(MEMINFO, "SwapTotal"),
        "swap_free_kib": field(MEMINFO, "SwapFree"),
        "commit_limit_kib": field(MEMINFO, "CommitLimit"),
        "committed_kib": field(MEMINFO, "Committed_AS"),
        "swap_cached_kib": field(MEMINFO, "SwapCached"),
        "active_anon_kib": field(MEMINFO, "Active(anon)"),
        "inactive_anon_kib": field(MEMINFO, "Inactive(anon)"),
        "active_file_kib": field(MEMINFO, "Active(file)"),
        "inactive_file_kib": field(MEMINFO, "Inactive(file)"),
        "unevictable_kib": field(MEMINFO, "Unevictable"),
        "mlocked_kib": field(MEMINFO, "Mlocked"),
        "dirty_kib": field(MEMINFO, "Dirty"),
        "writeback_kib": field(MEMINFO, "Writeback"),
        "anon_kib": field(MEMINFO, "AnonPages"),
        "mapped_kib": field(MEMINFO, "Mapped"),
        "slab_unreclaimable_kib": field(MEMINFO, "SUnreclaim"),
        "kernel_stack_kib": field(MEMINFO, "KernelStack"),
        "page_tables_kib": field(MEMINFO, "PageTables"),
        "vmalloc_used_kib": field(MEMINFO, "VmallocUsed"),
        "percpu_kib": field(MEMINFO, "Percpu"),
        "zswap_kib": field(MEMINFO, "Zswap"),
        "zswapped_kib": field(MEMINFO, "Zswapped"),
        "available_is_estimate": False,
        # Those of kernels with high memory, and of devices with a contiguous area.
        **dict.fromkeys(("high_total_kib", "high_free_kib", "low_total_kib", "low_free_kib")),
        **dict.fromkeys(("cma_total_kib", "cma_free_kib")),
    }
    assert memory.total_kib > 20_000_000


def test_an_old_kernel_has_none_for_what_it_does_not_say() -> None:
    assert parse_meminfo(OLD) == OLD_MEMORY


def test_the_order_of_lines_does_not_matter() -> None:
    lines = OLD.splitlines(True)
    random.Random(7).shuffle(lines)
    assert parse_meminfo("".join(lines)) == OLD_MEMORY


@pytest.mark.parametrize(
    ("lines", "hugetlb_kib"),
    [
        ("HugePages_Total: 3\nHugepagesize: 1048576 kB\n", 3145728),
        ("HugePages_Total: 3\nHugepagesize: 2048 kB\nHugetlb: 2103296 kB\n", 2103296),
        ("HugePages_Total: 3\n", 0),
        ("Hugepagesize: 2048 kB\n", 0),
        ("", 0),
    ],
    ids=["one size", "all sizes", "size not told", "number not told", "none"],
)
def test_huge_pages_of_all_sizes_are_counted_where_the_kernel_does(lines: str, hugetlb_kib: int) -> None:
    assert parse_meminfo(LEAST + lines).hugetlb_kib == hugetlb_kib


@pytest.mark.parametrize(
    "line",
    [
        *["Committed_AS:", "Committed_AS: kB", "Committed_AS: -5 kB", "Committed_AS: 0x10 kB", "Committed_AS 5 kB"],
        *["Committed_AS: 5 MB", "committed_as: 5 kB", "\udcff\x00", " Committed_AS: 5 kB", "Committed_AS: 5 kB 6"],
    ],
)
def test_a_line_that_is_not_understood_is_none_and_never_zero(line: str) -> None:
    assert parse_meminfo(LEAST + line).committed_kib is None


def test_no_number_is_too_large() -> None:
    assert parse_meminfo(LEAST + f"Committed_AS: {2**64} kB\n").committed_kib == 2**64


@pytest.mark.parametrize(
    "text",
    ["", "MemTotal: 1000 kB\n", "MemFree: 400 kB\n", OLD[:20], "cat: /proc/meminfo: No such file\n"],
    ids=["empty", "no MemFree", "no MemTotal", "truncated", "message of a program"],
)
def test_what_is_no_meminfo_is_an_error(text: str) -> None:
    with pytest.raises(
        LifeboatError, match=r"/proc/meminfo has no MemTotal or MemFree line, found only: (nothing|\['Mem)"
    ):
        parse_meminfo(text)


@pytest.mark.parametrize(
    ("vmstat", "kills"),
    [
        ((CAPTURE / "vmstat").read_text(encoding="utf-8"), 0),
        ("pgfault 5\noom_kill 12\nnuma_hit 3\n", 12),
        ("oom_kill 18446744073709551615", 2**64 - 1),
        ("pgfault 5\nnr_free_pages 7\n", None),
        ("oom_kill", None),
        ("oom_kill \n", None),
        ("oom_kill -1\n", None),
        ("oom_kill many\n", None),
        ("xoom_kill 5\noom_kill_other 6\n", None),
        ("", None),
    ],
    ids=[
        *["6.18", "some", "overflow", "before 4.13", "truncated", "no number", "negative", "word", "other names"],
        "empty",
    ],
)
def test_kills_are_counted_since_boot_where_the_kernel_does(vmstat: str, kills: int | None) -> None:
    assert parse_vmstat(vmstat).oom_kills == kills
