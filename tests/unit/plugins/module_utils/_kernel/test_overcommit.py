# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.samples import memory

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.overcommit import (
    Commit,
    Headroom,
    commit,
    commit_limit_kib,
    headroom,
    reserve_kib,
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


@pytest.mark.parametrize(
    ("committed_kib", "reserve"),
    [(1_600_000, 8192 + 50_000), (32 * 131_072, 8192 + 131_072), (2**50, 8192 + 131_072), (31, 8192), (None, 8192)],
    ids=["a 32nd", "just the reserve", "the reserve", "less than a KiB", "not told"],
)
def test_a_task_is_held_to_a_32nd_of_its_size_at_most(committed_kib: int | None, reserve: int) -> None:
    assert reserve_kib(memory(committed_kib=committed_kib), 8192, 131_072) == reserve


def test_what_is_promised_is_told_with_what_never_would_mean() -> None:
    limit_kib = 3_000_000
    room_kib = limit_kib - 1_600_000 - 8192 - 50_000
    assert commit(memory(), 0, 50, 0, 8192, 131_072) == Commit(
        mode="heuristic",
        ratio=50,
        kbytes=0,
        limit_kib=3_000_000,
        committed_kib=1_600_000,
        headroom_kib=1_400_000,
        if_never=Headroom(limit_kib, 1_600_000, 58_192, room_kib, 44.7, 10, True),
        ratio_that_passes=22,
    )


@pytest.mark.parametrize(
    ("mode", "word"), [(0, "heuristic"), (1, "always"), (2, "never"), (3, None), (-1, None), (None, None)]
)
def test_the_mode_has_a_word(mode: int | None, word: str | None) -> None:
    assert commit(memory(), mode, 50, 0, 0, 0).mode == word


@pytest.mark.parametrize(
    ("ratio", "kbytes", "limit_kib"),
    [
        (80, 0, 4_200_000),
        (80, 500_000, 1_500_000),
        (0, 500_000, 1_500_000),
        (None, 500_000, 1_500_000),
        (80, None, 4_200_000),
        (0, 0, 1_000_000),
        (None, 0, None),
        (None, None, None),
    ],
    ids=[
        *["ratio", "kbytes win", "kbytes", "kbytes alone", "before 3.14", "swap only", "ratio not told"],
        "neither told",
    ],
)
def test_never_is_judged_by_the_ratio_or_kbytes_that_are_set(
    ratio: int | None, kbytes: int | None, limit_kib: int | None
) -> None:
    found = commit(memory(), 0, ratio, kbytes, None, None)
    assert (found.ratio, found.kbytes) == (ratio, kbytes)
    assert (None if found.if_never is None else found.if_never.limit_kib) == limit_kib
    assert found.if_never is None or found.if_never.reserve_kib == 0
    # What would do instead does not depend on what is set.
    assert found.ratio_that_passes == 20


@pytest.mark.parametrize(
    ("limit_kib", "committed_kib", "headroom_kib"),
    [(3000, 1000, 2000), (1000, 3000, -2000), (0, 0, 0), (None, 1000, None), (1000, None, None), (None, None, None)],
)
def test_headroom_is_null_where_a_part_of_it_is_not_told(
    limit_kib: int | None, committed_kib: int | None, headroom_kib: int | None
) -> None:
    found = commit(memory(commit_limit_kib=limit_kib, committed_kib=committed_kib), 0, 50, 0, 0, 0)
    assert (found.limit_kib, found.committed_kib, found.headroom_kib) == (limit_kib, committed_kib, headroom_kib)
    assert (found.if_never is None) == (found.ratio_that_passes is None) == (committed_kib is None)
