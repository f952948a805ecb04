# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.samples import memory, process

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.badness import (
    NEWCOMER,
    Candidate,
    Growth,
    forecast,
    if_grows,
    kill_order,
    label,
    points,
    total_pages,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.processes import Process

ALL_PAGES = 1_250_000  # 4 GB of memory and 1 GB of swap in pages of 4 KiB
SCORES = st.integers(-1000, 1000)
SIZES_KIB = st.integers(0, 2**32)


def sized(pid: int, rss_mib: int, score: int = 0, **changes: object) -> Process:
    changes.setdefault("unit", f"u{pid}.service")
    return process(pid, rss_kib=rss_mib * 1024, swap_kib=0, pgtables_kib=0, oom_score_adj=score, **changes)


processes = st.lists(
    st.builds(
        lambda pid, rss, swap, tables, score, start: process(
            pid, rss_kib=rss, swap_kib=swap, pgtables_kib=tables, oom_score_adj=score, start_ticks=start
        ),
        st.integers(1, 50),
        SIZES_KIB,
        SIZES_KIB,
        st.integers(0, 2**20),
        SCORES,
        st.integers(0, 9),
    ),
    unique_by=lambda one: one.pid,
    max_size=8,
)


def order_of(*found: Process) -> list[int | None]:
    return [candidate.pid for candidate in kill_order(found, memory(), 4)]


@pytest.mark.parametrize(("page_kib", "pages"), [(4, 1_250_000), (16, 312_500), (64, 78_125)])
def test_the_kernel_compares_against_memory_and_swap_in_its_pages(page_kib: int, pages: int) -> None:
    assert total_pages(memory(), page_kib) == pages


@pytest.mark.parametrize(
    ("size_pages", "score", "expected"),
    [
        (1000, 0, 1000),
        (1000, 1, 2250),
        (1000, -1, -250),
        (0, 1000, 1_250_000),
        (0, -999, -1_248_750),
        (10**12, -1000, None),
        (10**12, -1001, None),
        (2**64, 1000, 2**64 + 1_250_000),
    ],
    ids=["size", "raised", "lowered", "highest", "lowest that dies", "never", "below the scale", "overflow"],
)
def test_points_are_size_and_the_scores_share_of_all(size_pages: int, score: int, expected: int | None) -> None:
    assert points(size_pages, score, ALL_PAGES) == expected


@given(st.integers(0, 2**40), SCORES, SCORES, st.integers(0, 2**40))
def test_a_higher_score_never_lowers_the_points(size: int, one: int, other: int, all_pages: int) -> None:
    low, high = (points(size, score, all_pages) for score in sorted((one, other)))
    assert low is None or (high is not None and low <= high)


@pytest.mark.parametrize(
    ("found", "order"),
    [
        ([], []),
        ([sized(2, 10), sized(3, 30), sized(4, 20)], [3, 4, 2]),
        ([sized(1, 900), sized(2, 10)], [2]),
        ([sized(2, 900, -1000), sized(3, 10)], [3]),
        ([sized(2, 10, 500), sized(3, 2000, -500)], [2, 3]),
        ([sized(2, 10, start_ticks=7), sized(3, 10, start_ticks=9), sized(4, 10, start_ticks=8)], [3, 4, 2]),
        ([process(2, rss_kib=4, swap_kib=9000), process(3, rss_kib=8000, swap_kib=4)], [2, 3]),
        ([process(2, pgtables_kib=4096), process(3, pgtables_kib=4)], [2, 3]),
        ([sized(2, 10, comm="a\nb) Z"), sized(3, 5, comm="")], [2, 3]),
    ],
    ids=[
        *["nobody", "by size", "never init", "never -1000", "score beats size", "the youngest of equals"],
        *["swap counts", "page tables count", "hostile names"],
    ],
)
def test_the_largest_is_killed_first(found: list[Process], order: list[int]) -> None:
    assert order_of(*found) == order


@given(processes)
def test_the_kill_order_holds_everybody_who_can_be_killed_by_falling_points(found: list[Process]) -> None:
    order = kill_order(found, memory(), 4)
    assert {one.pid for one in order} == {one.pid for one in found if one.oom_score_adj > -1000 and one.pid != 1}
    assert all(first.points >= second.points for first, second in pairwise(order))
    assert order == kill_order(list(reversed(found)), memory(), 4)


@given(processes.filter(len), st.integers(0, 999))
def test_protecting_a_process_never_brings_its_turn_forward(found: list[Process], by: int) -> None:
    def place(score: int) -> int:
        kept = process(99, rss_kib=5000, oom_score_adj=score)
        return order_of(kept, *found).index(99)

    assert place(-by) >= place(0)


@given(processes, st.integers(1, 2**30))
def test_growing_never_puts_a_turn_off(found: list[Process], more_kib: int) -> None:
    def place(rss_kib: int) -> int:
        return order_of(process(99, rss_kib=rss_kib), *found).index(99)

    assert place(5000 + more_kib) <= place(5000)


def candidate(name: str, mib: int, score: int = 0) -> Candidate:
    size = mib * 256
    return Candidate(1, name, name, size + score * (ALL_PAGES // 1000), mib * 1024, 0, score)


# In kill order; all have score 0.
CROWD = (candidate("db", 800), candidate("web", 400), candidate("log", 50))


@pytest.mark.parametrize(
    ("grower", "free_mib", "growth"),
    [
        ("db", 0, Growth("db", ("db",), True)),
        ("web", 400, Growth("web", ("web",), True)),
        ("web", 399, Growth("web", ("db", "web"), True)),
        ("log", 100, Growth("log", ("db", "log"), True)),
        (NEWCOMER, 1000, Growth(NEWCOMER, (NEWCOMER,), True)),
        (NEWCOMER, 100, Growth(NEWCOMER, ("db", NEWCOMER), True)),
    ],
    ids=["the largest", "as large as the largest", "just smaller", "the smallest", "newcomer, room", "newcomer"],
)
def test_the_grower_takes_what_each_victim_gives_back(grower: str, free_mib: int, growth: Growth) -> None:
    assert if_grows(grower, CROWD, free_mib * 1024, 4) == growth


@pytest.mark.parametrize(
    ("first", "victims"),
    [
        (Candidate(9, "hog", "hog", 10**6, 49 * 1024, 0, 500), ("hog", "db", "log")),
        (Candidate(9, "hog", "hog", 10**6, 0, 49 * 1024, 500), ("hog", "db", "log")),
        (Candidate(9, "hog", "hog", 10**6, 20 * 1024, 30 * 1024, 500), ("hog", "log")),
    ],
    ids=["just too little", "its swap", "memory and swap"],
)
def test_a_victim_gives_back_its_memory_and_its_swap(first: Candidate, victims: tuple[str, ...]) -> None:
    crowd = (first, candidate("db", 100), candidate("log", 50))
    assert if_grows("log", crowd, 0, 4) == Growth("log", victims, True)


def test_everybody_dies_for_one_that_can_not_be_killed() -> None:
    assert if_grows("sshd", CROWD, 10**6, 4, None) == Growth("sshd", ("db", "web", "log"), False)
    assert if_grows("sshd", (), 10**6, 4, None) == Growth("sshd", (), False)


@pytest.mark.parametrize(
    ("score", "victims"), [(1000, ("app",)), (-500, ("db", "web", "log", "app"))], ids=["raised", "lowered"]
)
def test_a_unit_that_starts_has_its_scores_share_of_all(score: int, victims: tuple[str, ...]) -> None:
    assert if_grows("app", CROWD, 1000 * 1024, 4, score, ALL_PAGES) == Growth("app", victims, True)


def test_a_newcomer_alone_is_its_own_victim() -> None:
    assert if_grows(NEWCOMER, (), 0, 4) == Growth(NEWCOMER, (NEWCOMER,), True)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 4000), SCORES), max_size=8), SIZES_KIB)
def test_the_grower_is_the_last_to_die(crowd: list[tuple[str, int, int]], free_kib: int) -> None:
    order = sorted((candidate(*one) for one in crowd), key=lambda one: -one.points)
    for grower in {*map(label, order), NEWCOMER}:
        growth = if_grows(grower, order, free_kib, 4)
        assert growth.ends
        assert growth.victims[-1] == grower
        assert len(growth.victims) <= len(order) + 1


def test_a_forecast_is_for_a_newcomer_and_the_first_units() -> None:
    found = [sized(pid, 10 * pid) for pid in range(2, 9)] + [sized(20, 75, unit="u8.service")]
    order = kill_order(found, memory(), 4)
    assert [growth.grower for growth in forecast(order, memory(), 4, most=3)] == [
        NEWCOMER,
        "u8.service",
        "u7.service",
        "u6.service",
    ]


@pytest.mark.parametrize(
    ("available_kib", "victims"),
    [(900_000, (NEWCOMER,)), (0, ("u2.service", NEWCOMER)), (None, (NEWCOMER,))],
    ids=["enough", "nothing", "not told: what is free"],
)
def test_a_forecast_counts_what_can_still_be_taken(available_kib: int | None, victims: tuple[str, ...]) -> None:
    machine = memory(available_kib=available_kib, free_kib=900_000, swap_free_kib=0)
    order = kill_order([sized(2, 500)], machine, 4)
    assert forecast(order, machine, 4)[0].victims == victims


def test_a_process_outside_of_any_unit_is_named_for_itself() -> None:
    order = kill_order([sized(2, 10, unit=None, comm="dropbear")], memory(), 4)
    assert [label(one) for one in order] == ["dropbear"]
