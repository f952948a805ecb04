# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.size_lines import (
    cgroup_stats,
    cgroup_usage,
    limit_reached,
    machine_sizes,
    table_header,
    table_row,
)


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("active_anon:3 inactive_anon:4", {"active_anon_pages": 3, "inactive_anon_pages": 4}),
        ("Active_anon:3 active_file:4", {"active_anon_pages": 3, "active_file_pages": 4}),
        ("free:5 free_pcp:6 free_cma:7", {"free_pages": 5, "free_pcp_pages": 6, "free_cma_pages": 7}),
        ("0 pages RAM", {"ram_pages": 0}),
        ("16384 pages of RAM", {"ram_pages": 16384}),
        ("8 pages HighMem/MovableOnly", {"highmem_pages": 8}),
        ("9 total pagecache pages", {"pagecache_pages": 9}),
        ("Free swap  = 12kB", {"swap_free_kib": 12}),
        ("Total swap = 13kB", {"swap_total_kib": 13}),
        ("anon 4096", {"anon_bytes": 4096}),
        ("slab_unreclaimable 8192", {"slab_unreclaimable_bytes": 8192}),
    ],
)  # fmt: skip
def test_sizes_have_their_unit_in_the_name(text: str, sizes: dict[str, int]) -> None:
    statement = machine_sizes(text)
    assert statement is not None
    assert statement.values == sizes


@pytest.mark.parametrize("text", ["DMA: 5*16kB 4*32kB = 208kB", "Node 1 Normal: 0*16kB (UE) 1*32kB (M) = 32kB"])
def test_the_smallest_free_blocks_are_pages(text: str) -> None:
    statement = machine_sizes(text)
    assert statement is not None
    assert statement.values == {"page_kib": 16}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Node 0 active_anon:40kB inactive_anon:343452kB",
        "Normal free:2384kB min:2408kB",
        "free:5 surprise:6",
        "free:5kB",
        "free:",
        "free:99999999999999999999",
        "pgfault 17373",
        "workingset_refault_anon 0",
        "5 apples",
        "anon -1",
        "lowmem_reserve[]: 0 0",
        "Swap cache stats: add 0, delete 0, find 0/0",
    ],
)
def test_what_is_no_size_of_the_machine_is_left_alone(text: str) -> None:
    assert machine_sizes(text) is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("memory: usage 1kB, limit 2kB, failcnt 3", ["usage_kib", "limit_kib", "failcnt"]),
        ("swap: usage 1kB, limit 2kB, failcnt 3", ["swap_usage_kib", "swap_limit_kib", "swap_failcnt"]),
        ("memory+swap: usage 1kB, limit 2kB, failcnt 3", ["memsw_usage_kib", "memsw_limit_kib", "memsw_failcnt"]),
        ("kmem: usage 1kB, limit 2kB, failcnt 3", ["kmem_usage_kib", "kmem_limit_kib", "kmem_failcnt"]),
    ],
)
def test_the_counters_of_a_control_group(text: str, names: list[str]) -> None:
    statement = cgroup_usage(text)
    assert statement is not None
    assert statement.values == {"sizes": dict(zip(names, (1, 2, 3)))}


@pytest.mark.parametrize("text", ["disk: usage 1kB, limit 2kB, failcnt 3", "memory: usage 1kB, limit 2"])
def test_other_counters_and_half_of_them_are_not_read(text: str) -> None:
    assert cgroup_usage(text) is None


@pytest.mark.parametrize(
    ("text", "cgroup", "sums"),
    [
        ("Memory cgroup stats for /a: cache:1KB rss:2KB", "/a", {"cache_kib": 1, "rss_kib": 2}),
        ("Memory cgroup stats for /a:b.scope:", "/a:b.scope", {}),
        ("Memory cgroup stats for /a/b:", "/a/b", {}),
        ("Memory cgroup stats:", None, {}),
        ("Memory cgroup stats for /a: cache:1KB rss:2", "/a", {"cache_kib": 1}),
    ],
)  # fmt: skip
def test_the_statistics_of_a_control_group(text: str, cgroup: str | None, sums: dict[str, int]) -> None:
    statement = cgroup_stats(text)
    assert statement is not None
    assert statement.values == {"stats_cgroup": cgroup, "sums": sums}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Task in /a/b killed as a result of limit of /a", {"cgroup": "/a/b", "limit_cgroup": "/a"}),
        ("Task in / killed as a result of limit of /", {"cgroup": "/", "limit_cgroup": "/"}),
        ("Task in /a killed as a result of limit of ", {"cgroup": "/a"}),
        ("Memory limit reached of cgroup /a", {"limit_cgroup": "/a"}),
        ("Task in /a killed as a res", None),
        ("A limit was reached", None),
    ],
)
def test_the_limit_that_was_reached(text: str, expected: dict[str, str] | None) -> None:
    statement = limit_reached(text)
    assert (statement and statement.values) == expected


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("[ pid ]   uid  tgid total_vm      rss cpu oom_adj name", "pid uid tgid total_vm rss cpu oom_adj name"),
        ("[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
         "pid uid tgid total_vm rss pgtables_bytes swapents oom_score_adj name"),
        ("[ pid ] " + "x " * 30, None),
        ("[ pid ]", None),
        ("[ tid ]   uid  tgid total_vm", None),
    ],
)  # fmt: skip
def test_the_header_of_the_table_names_its_columns(text: str, columns: str | None) -> None:
    statement = table_header(text)
    assert (statement and " ".join(statement.values["columns"])) == columns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[  410]     0   410      533       52   0     -17         -1000 udevd",
         {"numbers": (410, 0, 410, 533, 52, 0, -17, -1000), "comm": "udevd"}),
        ("[2292670]     0 2292670   178320     5602   131072        0          -997 a b (c) [d]",
         {"numbers": (2292670, 0, 2292670, 178320, 5602, 131072, 0, -997), "comm": "a b (c) [d]"}),
        ("[1] 2 3 4 5 6 7 8 9 lives", {"numbers": (1, 2, 3, 4, 5, 6, 7, 8, 9), "comm": "lives"}),
        ("[  410]     0   410      533", {"numbers": (410, 0, 410, 533)}),
        ("[  410]     0   410      533 udevd", None),
        ("[  410]     0   410", None),
        ("[ 1.5] 1 2 3 4 5 6 7 8", None),
        ("[<c011e49c>] (unwind_backtrace+0x0/0xf0) from [<c015e570>]", None),
        ("[1] 99999999999 1 1 1 1 1 1 a", None),
    ],
)  # fmt: skip
def test_a_row_is_numbers_and_a_name(text: str, expected: dict[str, Any] | None) -> None:
    statement = table_row(text)
    assert (statement and statement.values) == expected
