# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import random
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import (
    Counters,
    Memory,
    low_watermark_pages,
    parse_meminfo,
    parse_vmstat,
    with_available,
)

CAPTURES = Path(__file__).parent / "captures"
# A virtual machine of 24 GiB without swap, and one of 350 MiB with 80 MiB of it.
LARGE, SMALL = "x86_64-linux-6.18", "x86_64-uml-6.1"


def captured(kernel: str, name: str) -> str:
    return (CAPTURES / kernel / name).read_text(encoding="utf-8")


MEMINFO = captured(LARGE, "meminfo")
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
        "look_kib": 0,
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
        (captured(LARGE, "vmstat"), 0),
        ("pgfault 5\noom_kill 12\nnuma_hit 3\n", 12),
        ("oom_kill 18446744073709551615", 2**64 - 1),
        ("pgfault 5\nnr_free_pages 7\n", None),
        ("oom_kill", None),
        ("oom_kill \n", None),
        ("oom_kill -1\n", None),
        ("oom_kill many\n", None),
        ("oom_kill \u00b2\n", None),
        ("oom_kill 5 6\n", None),
        ("xoom_kill 5\noom_kill_other 6\n", None),
        ("", None),
    ],
    ids=[
        *["6.18", "some", "overflow", "before 4.13", "truncated", "no number", "negative", "word", "superscript"],
        *["two numbers", "other names", "empty"],
    ],
)
def test_kills_are_counted_since_boot_where_the_kernel_does(vmstat: str, kills: int | None) -> None:
    assert parse_vmstat(vmstat).oom_kills == kills


@pytest.mark.parametrize(
    ("vmstat", "counters"),
    [
        (captured(LARGE, "vmstat"), Counters(0, 0, 0, 5458, 0, 630412)),
        (captured(SMALL, "vmstat"), Counters(2, 0, 1024, 323, 0, 1362)),
        (
            "pswpin 1\npswpout 2\npgmajfault 3\nallocstall_dma 1\nallocstall_normal 10\nallocstall_movable 100\n"
            "workingset_refault_anon 1000\nworkingset_refault_file 10000\nworkingset_activate_file 5\noom_kill 4\n",
            Counters(4, 1, 2, 3, 111, 11000),
        ),
        ("allocstall 7\nworkingset_refault 9\n", Counters(None, None, None, None, 7, 9)),
        ("pswpout 2\r\npswpin 1\n", Counters(None, 1, 2, None, None, None)),
        ("allocstall_dma x\nallocstall_normal 10\n", Counters(None, None, None, None, 10, None)),
        ("\udcff\x00\n<b> 5\n 5\npgmajfault\n", Counters(*[None] * 6)),
    ],
    ids=["6.18", "6.1, after kills", "all parts", "before 4.8", "reordered", "half", "hostile"],
)
def test_what_is_counted_in_parts_is_added_up(vmstat: str, counters: Counters) -> None:
    assert parse_vmstat(vmstat) == counters


NAMES = ["MemTotal", "MemFree", "Committed_AS", "oom_kill", "allocstall_dma", "  low ", "workingset_refault"]


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([" ", ":", ": "]), st.text(max_size=9))))
def test_nonsense_is_an_error_of_ours_or_none(lines: list[tuple[str, str, str]]) -> None:
    text = "\n".join(map("".join, lines))
    parse_vmstat(text)
    low_watermark_pages(text)
    with contextlib.suppress(LifeboatError):
        parse_meminfo(text)


def test_a_kernel_of_32_bits_tells_its_two_parts() -> None:
    text = LEAST + "HighTotal: 600 kB\nHighFree: 300 kB\nLowTotal: 400 kB\nLowFree: 100 kB\n"
    memory = parse_meminfo(text + "CmaTotal: 64 kB\nCmaFree: 32 kB\nPercpu: 8 kB\n")
    assert (memory.high_total_kib, memory.high_free_kib) == (600, 300)
    assert (memory.low_total_kib, memory.low_free_kib) == (400, 100)
    assert (memory.cma_total_kib, memory.cma_free_kib, memory.percpu_kib) == (64, 32, 8)


@pytest.mark.parametrize(
    ("zoneinfo", "pages"),
    [
        (captured(LARGE, "zoneinfo"), 40 + 8072 + 13006 + 32),
        (captured(SMALL, "zoneinfo"), 746),
        (
            "Node 0, zone DMA\n  pages free     3958\n        min      36\n        low      45\n        high     54\n",
            45,
        ),
        ("        low      0\n", 0),
        ("        low      18446744073709551615\n", 2**64 - 1),
        ("        low      -5\n", None),
        ("        low      many\n        low\n", None),
        ("low      5\n        lowmem   5\n        low: 5\n        low      5 6\n", None),
        ("\udcff\x00<b>", None),
        ("", None),
    ],
    ids=["6.18", "6.1", "2.6.32", "no pages", "overflow", "negative", "no number", "other names", "hostile", "empty"],
)
def test_the_low_watermarks_of_all_zones_are_added_up(zoneinfo: str, pages: int | None) -> None:
    assert low_watermark_pages(zoneinfo) == pages


def of_an_old_kernel(free: int, active_file: int, inactive_file: int, slab: int) -> Memory:
    return replace(
        OLD_MEMORY,
        free_kib=free,
        active_file_kib=active_file,
        inactive_file_kib=inactive_file,
        slab_reclaimable_kib=slab,
    )


@pytest.mark.parametrize(
    ("memory", "low_kib", "available_kib"),
    [
        (of_an_old_kernel(1000, 0, 0, 0), 100, 900),
        (of_an_old_kernel(1000, 300, 500, 0), 100, 900 + 700),
        (of_an_old_kernel(1000, 50, 50, 0), 100, 900 + 50),
        (of_an_old_kernel(1000, 0, 0, 600), 100, 900 + 500),
        (of_an_old_kernel(1000, 0, 0, 30), 100, 900 + 15),
        (of_an_old_kernel(1000, 300, 500, 600), 0, 1000 + 800 + 600),
        (of_an_old_kernel(50, 0, 0, 20), 100, 0),
        (of_an_old_kernel(50, 200, 200, 20), 100, 260),
    ],
    ids=["free", "much cache", "little cache", "much slab", "little slab", "no mark", "nothing", "little free"],
)
def test_what_is_available_is_estimated_as_the_kernel_would(memory: Memory, low_kib: int, available_kib: int) -> None:
    assert with_available(memory, low_kib) == replace(memory, available_kib=available_kib, available_is_estimate=True)


@pytest.mark.parametrize(
    ("memory", "low_kib"),
    [
        (of_an_old_kernel(1000, 300, 500, 600), None),
        (replace(of_an_old_kernel(1000, 300, 500, 600), active_file_kib=None), 100),
        (replace(of_an_old_kernel(1000, 300, 500, 600), inactive_file_kib=None), 100),
        (replace(of_an_old_kernel(1000, 300, 500, 600), slab_reclaimable_kib=None), 100),
        (replace(of_an_old_kernel(1000, 300, 500, 600), available_kib=0), 100),
    ],
    ids=["no marks", "no active", "no inactive", "no slab", "told"],
)
def test_what_is_not_known_is_not_estimated(memory: Memory, low_kib: int | None) -> None:
    assert with_available(memory, low_kib) is memory


def difference_from_the_kernel(meminfo: str, zoneinfo: str) -> float:
    """Of the estimate from what the kernel says itself, as a share of all memory."""
    told = parse_meminfo(meminfo)
    low_pages = low_watermark_pages(zoneinfo)
    assert told.available_kib is not None and low_pages is not None
    guess = with_available(replace(told, available_kib=None), low_pages * 4)
    assert guess.available_is_estimate and guess.available_kib is not None
    return abs(guess.available_kib - told.available_kib) / told.total_kib


@pytest.mark.parametrize("kernel", [LARGE, SMALL])
def test_the_estimate_is_near_what_a_kernel_says_itself(kernel: str) -> None:
    """Since 4.5 the kernel takes off its reserves, which are a little more than the low watermarks."""
    assert difference_from_the_kernel(captured(kernel, "meminfo"), captured(kernel, "zoneinfo")) < 0.01


def test_the_estimate_is_near_what_this_kernel_says_itself() -> None:
    meminfo, zoneinfo = (Path("/proc", name).read_text(encoding="utf-8") for name in ("meminfo", "zoneinfo"))
    assert difference_from_the_kernel(meminfo, zoneinfo) < 0.03
