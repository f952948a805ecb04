# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.samples import cgroup, memory, process

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.badness import (
    NEWEST,
    Crowd,
    Killer,
    Play,
    kernel_version,
    kill_order,
    label,
    points,
    total_pages,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.cgroups import Cgroup
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import Process

ALL_PAGES = 1_250_000  # 4 GB of memory and 1 GB of swap in pages of 4 KiB
SCORES = st.integers(-1000, 1000)
SIZES_KIB = st.integers(0, 2**32)
VERSIONS = st.sampled_from([(3, 4), (3, 10), (4, 14), (5, 0), (5, 2), (5, 4), NEWEST])


def sized(pid: int, mib: int, score: int = 0, **changes: Any) -> Process:
    """A process whose memory is all its own."""
    kib = mib * 1024
    parts = {"rss_kib": kib, "rss_anon_kib": kib, "rss_file_kib": 0, "rss_shmem_kib": 0}
    rest = {"swap_kib": 0, "pgtables_kib": 0, "unit": f"u{pid}.service"}
    return process(pid, **{**parts, **rest, "oom_score_adj": score, **changes})


processes = st.lists(
    st.builds(
        lambda pid, ppid, rss, swap, score, start, group: process(
            pid,
            ppid=ppid,
            rss_kib=rss,
            rss_file_kib=0,
            swap_kib=swap,
            oom_score_adj=score,
            start_ticks=start,
            memory_cgroup=group,
        ),
        st.integers(1, 50),
        st.integers(1, 50),
        SIZES_KIB,
        SIZES_KIB,
        SCORES,
        st.integers(0, 9),
        st.sampled_from(["/a", "/a/b", "/c", None]),
    ),
    unique_by=lambda one: one.pid,
    max_size=8,
)


def crowd(*found: Process, version: tuple[int, int] = NEWEST, cgroups: tuple[Cgroup, ...] = ()) -> Crowd:
    return Crowd(found, memory(), Killer(version, 4), cgroups)


def order_of(*found: Process, **changes: Any) -> list[int]:
    return [candidate.pid for candidate in kill_order(crowd(*found, **changes))]


@pytest.mark.parametrize(
    ("release", "version"),
    [
        ("6.1.0-21-arm64", (6, 1)),
        ("4.4.302", (4, 4)),
        ("5.10-rc1+", (5, 10)),
        ("2.6.32-754.el6.x86_64", (2, 6)),
        ("3.10.0-1160.el7.x86_64", (3, 10)),
        ("", NEWEST),
        ("next", NEWEST),
    ],
)
def test_the_version_is_the_beginning_of_the_release(release: str, version: tuple[int, int]) -> None:
    assert kernel_version(release) == version


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


@pytest.mark.parametrize(
    ("version", "size_pages", "score", "sys_admin", "expected"),
    [
        ((5, 9), 100, -1, False, 100 - 1250),
        ((5, 8), 100, -1, False, 1),
        ((4, 17), 10_000, 0, True, 10_000),
        ((4, 16), 10_000, 0, True, 9_700),
        ((3, 14), 10_000, 2, True, 9_700 + 2 * 1250),
        ((3, 13), 10_000, 40, True, 10_000 + 10 * 1250),
        ((3, 13), 10_000, 0, False, 10_000),
        ((3, 4), 125_000, 5, False, 105),
        ((3, 4), 125_000, 5, True, 75),
        ((3, 4), 125_000, -500, False, 1),
        ((3, 4), 1_250_000, 900, False, 1000),
        ((3, 4), 1, -1000, False, None),
    ],
    ids=[
        *["below 1", "raised to 1", "root as all", "3 % of its size", "before the score", "3 % of all", "not root"],
        *["permille", "permille, root", "at least 1", "at most 1000", "never"],
    ],
)
def test_points_are_those_of_the_kernel_at_hand(
    version: tuple[int, int], size_pages: int, score: int, sys_admin: bool, expected: int | None
) -> None:
    assert points(size_pages, score, ALL_PAGES, version, sys_admin) == expected


@given(st.integers(0, 2**40), SCORES, SCORES, st.integers(0, 2**40), VERSIONS, st.booleans())
def test_a_higher_score_never_lowers_the_points(
    size: int, one: int, other: int, all_pages: int, version: tuple[int, int], root: bool
) -> None:
    low, high = (points(size, score, all_pages, version, root) for score in sorted((one, other)))
    assert low is None or (high is not None and low <= high)


@pytest.mark.parametrize(
    ("found", "order"),
    [
        ([], []),
        ([sized(2, 10), sized(3, 30), sized(4, 20)], [3, 4, 2]),
        ([sized(1, 900), sized(2, 10)], [2]),
        ([sized(2, 900, -1000), sized(3, 10)], [3]),
        ([sized(2, 10, 500), sized(3, 2000, -500)], [2, 3]),
        ([sized(2, 0, swap_kib=9000), sized(3, 8)], [2, 3]),
        ([sized(2, 10, pgtables_kib=4096), sized(3, 10, pgtables_kib=4)], [2, 3]),
        ([sized(2, 30, rss_file_kib=25 * 1024), sized(3, 10)], [3, 2]),
        ([sized(2, 30, rss_file_kib=None), sized(3, 10)], [2, 3]),
        ([sized(2, 10, comm="a\nb) Z"), sized(3, 5, comm="")], [2, 3]),
    ],
    ids=[
        *["nobody", "by size", "never init", "never -1000", "score beats size", "swap counts", "page tables count"],
        *["pages of files are dropped before", "which are a file's is not told", "hostile names"],
    ],
)
def test_the_largest_is_killed_first(found: list[Process], order: list[int]) -> None:
    assert order_of(*found) == order


TWINS = (sized(2, 10, start_ticks=7), sized(3, 10, start_ticks=9), sized(4, 10, start_ticks=8))


@pytest.mark.parametrize(("version", "order"), [((5, 3), [3, 4, 2]), ((5, 2), [2, 4, 3])], ids=["youngest", "oldest"])
def test_of_equals_the_age_decides(version: tuple[int, int], order: list[int]) -> None:
    assert order_of(*TWINS, version=version) == order
    # Below 1 all were equal before 5.9.
    lowered = [sized(one.pid, one.pid, -900, start_ticks=one.start_ticks) for one in TWINS]
    assert order_of(*lowered, version=version) == order


PARENT = sized(10, 300)
FAMILY = (
    PARENT,
    sized(11, 40, ppid=10),
    sized(12, 60, ppid=10),
    sized(13, 900, -1000, ppid=10),
    sized(14, 80, ppid=12),
    sized(15, 200),
)


@pytest.mark.parametrize(
    ("version", "order"),
    [((5, 1), [10, 15, 14, 12, 11]), ((5, 0), [12, 11, 10, 15, 14])],
    ids=["who is chosen", "its children in its place"],
)
def test_before_5_1_children_die_for_their_parent(version: tuple[int, int], order: list[int]) -> None:
    assert order_of(*FAMILY, version=version) == order


def in_group(pid: int, mib: int, group: str, score: int = 0) -> Process:
    return sized(pid, mib, score, memory_cgroup=group)


GROUPED = (
    in_group(2, 50, "/s.slice/web.service"),
    in_group(3, 5, "/s.slice/web.service/worker"),
    in_group(4, 900, "/s.slice/web.service", -1000),
    in_group(5, 20, "/s.slice/db.service"),
    in_group(6, 30, "/s.slice/web.service.old"),
)


@pytest.mark.parametrize(
    ("groups", "order"),
    [
        ([], [2, 6, 5, 3]),
        (["/s.slice/web.service"], [2, 3, 6, 5]),
        (["/s.slice/web.service/worker"], [2, 6, 5, 3]),
        (["/s.slice", "/s.slice/web.service"], [2, 3, 5, 6]),
        (["/elsewhere"], [2, 6, 5, 3]),
    ],
    ids=["none", "one", "not that of the victim", "the highest", "of others"],
)
def test_a_cgroup_that_dies_as_one_takes_all_along_but_the_unkillable(groups: list[str], order: list[int]) -> None:
    cgroups = tuple(cgroup(path, oom_group=True) for path in groups)
    assert order_of(*GROUPED, cgroups=(*cgroups, cgroup("/s.slice/db.service"))) == order


def test_where_a_cgroup_runs_out_the_groups_above_it_are_spared() -> None:
    found = crowd(*GROUPED, cgroups=(cgroup("/s.slice", oom_group=True), cgroup("/s.slice/web.service", 1024)))
    assert [one.pid for one in Play(found).kill("/s.slice/web.service")] == [2]
    assert [one.pid for one in Play(found).kill("/s.slice")] == [2, 3, 5, 6]
    play = Play(found)
    assert [[one.pid for one in play.kill(scope)] for scope in ("/s.slice/web.service", "/s.slice")] == [[2], [6, 3, 5]]


@pytest.mark.parametrize(
    ("group", "pages"),
    [
        (cgroup("/a", 40_000), 260_000),
        (cgroup("/a", 40_000, swap_limit_kib=0), 10_000),
        (cgroup("/a", 40_000, swap_limit_kib=4_000), 11_000),
        (cgroup("/a", 40_000, version=1, memsw_limit_kib=48_000), 12_000),
        (cgroup("/a", 40_000, version=1, memsw_limit_kib=40_000_000), 260_000),
        (cgroup("/a", 0, swap_limit_kib=0), 1),
    ],
    ids=["all swap", "no swap", "some swap", "v1", "v1, more than there is", "nothing"],
)
def test_a_cgroup_compares_against_its_limit_and_the_swap_it_may_take(group: Cgroup, pages: int) -> None:
    assert crowd(cgroups=(group,)).pages("/a") == pages


@pytest.mark.parametrize(
    ("killer", "changes", "pages"),
    [
        (Killer(NEWEST, 4, swappiness=1), {}, 1_250_000),
        (Killer(NEWEST, 4, swappiness=0), {}, 1_000_000),
        (Killer((3, 6), 4, swappiness=0), {}, 1_250_000),
        (Killer(NEWEST, 4, swappiness=0), {"version": 1, "swappiness": 60}, 1_250_000),
        (Killer(NEWEST, 4), {"version": 1, "swappiness": 0}, 1_000_000),
        (Killer(NEWEST, 4), {"version": 1, "swappiness": 0, "memsw_limit_kib": 4_400_000}, 1_000_000),
    ],
    ids=["it swaps", "never", "never, before 3.7", "its own", "never by its own", "never, with a limit of both"],
)
def test_a_group_that_never_swaps_has_no_swap_in_its_limit(killer: Killer, changes: dict[str, Any], pages: int) -> None:
    group = cgroup("/a", 4_000_000, **changes)
    assert Crowd((), memory(), killer, (group,)).pages("/a") == pages


def test_in_a_cgroup_only_its_members_compete_and_keep_the_files_of_others() -> None:
    members = (
        sized(2, 100, 9, rss_file_kib=60 * 1024, memory_cgroup="/a"),
        sized(3, 90, memory_cgroup="/a/b"),
        sized(4, 900, memory_cgroup="/ab"),
    )
    group = cgroup("/a", 1_000_000, swap_limit_kib=0, file_kib=4 * 1024)
    found = crowd(*members, cgroups=(group,))
    # 100 MiB, less 4 of files that the group can drop, and 9 thousandths of its limit.
    assert [(process.pid, key[0]) for key, process in found.ranking("/a")] == [(2, 96 * 256 + 9 * 250), (3, 90 * 256)]


@given(processes, VERSIONS)
def test_the_kill_order_holds_everybody_who_can_be_killed_once(found: list[Process], version: tuple[int, int]) -> None:
    order = order_of(*found, version=version, cgroups=(cgroup("/a", oom_group=True),))
    assert sorted(order) == sorted(one.pid for one in found if one.oom_score_adj > -1000 and one.pid != 1)
    assert order[:1] == order_of(*reversed(found), version=version, cgroups=(cgroup("/a", oom_group=True),))[:1]


@given(processes)
def test_the_points_fall_from_one_to_the_next(found: list[Process]) -> None:
    order = kill_order(crowd(*found))
    assert all(first.points >= second.points for first, second in zip(order, order[1:]))
    assert order == kill_order(crowd(*reversed(found)))


@given(processes.filter(len), st.integers(0, 999))
def test_protecting_a_process_never_brings_its_turn_forward(found: list[Process], by: int) -> None:
    def place(score: int) -> int:
        return order_of(sized(99, 5, score), *found).index(99)

    assert place(-by) >= place(0)


@given(processes, st.integers(1, 2**20))
def test_growing_never_puts_a_turn_off(found: list[Process], more_mib: int) -> None:
    def place(mib: int) -> int:
        return order_of(sized(99, mib), *found).index(99)

    assert place(5 + more_mib) <= place(5)


def test_a_process_outside_of_any_unit_is_named_for_itself() -> None:
    order = kill_order(crowd(sized(2, 10, unit=None, comm="dropbear")))
    assert [label(one) for one in order] == ["dropbear"]
