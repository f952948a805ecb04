# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.samples import memory

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.overcommit import (
    Headroom,
    commit_limit_kib,
    headroom,
    smallest_ratio,
)

KIB = st.integers(0, 2**40)


@pytest.mark.parametrize(
    ("ratio", "kbytes", "hugetlb_kib", "limit_kib"),
    [
        (50, 0, 0, 3_000_000),
        (0, 0, 0, 1_000_000),
        (100, 0, 1_000_000, 4_000_000),
        (0, 2_500_000, 0, 3_500_000),
        (50, 1, 0, 1_000_001),
        (33, 0, 1, 2_319_999),
        (2**31 - 1, 0, 0, 85_899_345_880_000 + 1_000_000),
    ],
    ids=["default", "swap only", "without huge pages", "kbytes", "kbytes win", "rounded down", "overflow"],
)
def test_the_commit_limit_is_the_kernels(ratio: int, kbytes: int, hugetlb_kib: int, limit_kib: int) -> None:
    assert commit_limit_kib(memory(hugetlb_kib=hugetlb_kib), ratio, kbytes) == limit_kib


def test_the_commit_limit_of_a_real_kernel_is_met() -> None:
    """meminfo of captures/x86_64-linux-6.18: ratio 50, pages of 4 KiB, no swap."""
    machine = memory(total_kib=24684100, hugetlb_kib=0, swap_total_kib=0)
    assert 12342048 <= commit_limit_kib(machine, 50, 0) < 12342048 + 4


@pytest.mark.parametrize(
    ("limit_kib", "reserve_kib", "wanted_pct", "expected"),
    [
        (2_000_000, 0, 20, Headroom(2_000_000, 1_600_000, 0, 400_000, 20.0, 20, True)),
        (2_000_000, 1, 20, Headroom(2_000_000, 1_600_000, 1, 399_999, 20.0, 20, False)),
        (1_600_000, 0, 0, Headroom(1_600_000, 1_600_000, 0, 0, 0.0, 0, True)),
        (800_000, 0, 10, Headroom(800_000, 1_600_000, 0, -800_000, -100.0, 10, False)),
        (0, 0, 0, Headroom(0, 1_600_000, 0, -1_600_000, -100.0, 0, False)),
        (-4096, 0, 0, Headroom(-4096, 1_600_000, 0, -1_604_096, -100.0, 0, False)),
    ],
    ids=["just enough", "one too little", "nothing wanted", "more committed than allowed", "no limit", "negative"],
)
def test_headroom_is_what_is_left_of_the_limit(
    limit_kib: int, reserve_kib: int, wanted_pct: int, expected: Headroom
) -> None:
    assert headroom(memory(), limit_kib, reserve_kib, wanted_pct) == expected


def test_a_limit_of_nothing_leaves_nothing_even_where_nothing_is_committed() -> None:
    found = headroom(memory(committed_kib=0), 0, 0, 0)
    assert found is not None and not found.passes


def test_what_the_kernel_does_not_say_is_unknown() -> None:
    assert headroom(memory(committed_kib=None), 1000, 0, 10) is None
    assert smallest_ratio(memory(committed_kib=None), 0, 10) is None


@pytest.mark.parametrize(
    ("total_kib", "wanted_pct"), [(0, 10), (500, 10), (4_000_000, 100)], ids=["no memory", "all huge", "all free"]
)
def test_no_ratio_can_do_the_impossible(total_kib: int, wanted_pct: int) -> None:
    assert smallest_ratio(memory(total_kib=total_kib, hugetlb_kib=500), 0, wanted_pct) is None


@given(
    total_kib=st.integers(4096, 2**40),
    swap_total_kib=KIB,
    committed_kib=KIB,
    reserve_kib=st.integers(0, 2**30),
    wanted_pct=st.integers(0, 99),
)
def test_the_smallest_ratio_passes_and_one_less_does_not(
    total_kib: int, swap_total_kib: int, committed_kib: int, reserve_kib: int, wanted_pct: int
) -> None:
    machine = memory(total_kib=total_kib, swap_total_kib=swap_total_kib, committed_kib=committed_kib)

    def passes(ratio: int) -> bool:
        found = headroom(machine, commit_limit_kib(machine, ratio, 0), reserve_kib, wanted_pct)
        assert found is not None
        return found.passes

    ratio = smallest_ratio(machine, reserve_kib, wanted_pct)
    assert ratio is not None and ratio >= 0
    assert passes(ratio)
    assert ratio == 0 or not passes(ratio - 1)
