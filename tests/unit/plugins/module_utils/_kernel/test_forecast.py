# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.samples import cgroup, memory, process

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.badness import (
    NEWEST,
    Crowd,
    Killer,
    kill_order,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.cgroups import Cgroup
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.forecast import (
    NEWCOMER,
    OUTCOMES,
    UNKNOWN,
    Growth,
    does_not_know,
    forecast,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import Memory
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import Process

KILLER = Killer(NEWEST, 4)
MIB = 1024


def free(mib: int, **changes: Any) -> Memory:
    return memory(available_kib=mib * MIB, swap_free_kib=0, swap_total_kib=0, **changes)


def runs(pid: int, unit: str, mib: int, score: int = 0, **changes: Any) -> Process:
    parts = {"rss_kib": mib * MIB, "rss_anon_kib": mib * MIB, "rss_file_kib": 0, "swap_kib": 0, "pgtables_kib": 0}
    return process(pid, **{"unit": unit, "oom_score_adj": score, "memory_cgroup": f"/s/{unit}", **parts, **changes})


# In kill order. A point of the score is worth 3.9 MiB on the 4 GB of the samples.
CROWD = (runs(2, "db", 800), runs(3, "web", 400), runs(4, "log", 50))


def grows(
    name: str,
    there: Sequence[Process] = CROWD,
    room: Memory | int = 0,
    killer: Killer = KILLER,
    cgroups: Sequence[Cgroup] = (),
) -> Growth:
    crowd = Crowd(there, free(room) if isinstance(room, int) else room, killer, cgroups)
    return next(one for one in forecast(crowd, kill_order(crowd), also=[name]) if one.grower == name)


@pytest.mark.parametrize(
    ("grower", "free_mib", "victims"),
    [
        ("db", 0, ("db",)),
        ("web", 401, ("web",)),
        ("web", 399, ("db", "web")),
        ("log", 100, ("db", "log")),
        (NEWCOMER, 1000, (NEWCOMER,)),
        (NEWCOMER, 100, ("db", NEWCOMER)),
    ],
    ids=["the largest", "larger than the largest", "just smaller", "the smallest", "newcomer, room", "newcomer"],
)
def test_the_grower_takes_what_each_victim_gives_back(grower: str, free_mib: int, victims: tuple[str, ...]) -> None:
    growth = grows(grower, room=free_mib)
    assert (growth.grower, growth.scope, growth.cgroup) == (grower, "global", None)
    assert (growth.victims, growth.ends, growth.outcome) == (victims, True, "killed")


def test_who_grows_and_who_dies_first_is_named_by_pid() -> None:
    assert (grows("web").pid, grows("web").first_pids) == (3, (2,))
    assert (grows(NEWCOMER, room=2000).pid, grows(NEWCOMER, room=2000).first_pids) == (None, ())


@pytest.mark.parametrize(
    ("changes", "victims"),
    [
        ({"rss_anon_kib": 49 * MIB}, ("hog", "db", "log")),
        ({"swap_kib": 49 * MIB, "rss_anon_kib": 0}, ("hog", "db", "log")),
        ({"swap_kib": 20 * MIB, "rss_anon_kib": 31 * MIB}, ("hog", "log")),
        ({"pgtables_kib": 2 * MIB, "rss_anon_kib": 49 * MIB}, ("hog", "log")),
        ({"rss_anon_kib": 51 * MIB, "pss_kib": 12 * MIB}, ("hog", "db", "log")),
        ({"rss_anon_kib": 51 * MIB, "pss_kib": 70 * MIB}, ("hog", "log")),
        ({"rss_anon_kib": None, "rss_kib": 51 * MIB}, ("hog", "log")),
    ],
    ids=["just too little", "its swap", "memory and swap", "page tables", "shared", "not shared", "before 4.5"],
)
def test_a_kill_frees_what_is_no_files_and_nobody_elses(changes: dict[str, Any], victims: tuple[str, ...]) -> None:
    there = (runs(9, "hog", 60, 500, **changes), runs(2, "db", 100), runs(4, "log", 50))
    assert grows("log", there).victims == victims


@pytest.mark.parametrize(
    ("room", "victims"),
    [
        (memory(available_kib=900_000, swap_free_kib=0), (NEWCOMER,)),
        (memory(available_kib=0, swap_free_kib=900_000), (NEWCOMER,)),
        (memory(available_kib=0, swap_free_kib=0), ("db", NEWCOMER)),
        (memory(available_kib=0, swap_free_kib=0, look_kib=900_000), (NEWCOMER,)),
        (memory(available_kib=None, free_kib=900_000, swap_free_kib=0), (NEWCOMER,)),
    ],
    ids=["memory", "swap", "nothing", "what the look held", "not told: what is free"],
)
def test_all_that_can_still_be_taken_counts(room: Memory, victims: tuple[str, ...]) -> None:
    assert grows(NEWCOMER, CROWD[:1], room).victims == victims


def test_everybody_dies_for_one_that_can_not_be_killed_and_then_the_kernel_panics() -> None:
    growth = grows("sshd", (*CROWD, runs(7, "sshd", 5, -1000), runs(1, "init.scope", 9)))
    assert growth.victims == ("db", "web", "log")
    assert (growth.pid, growth.ends, growth.outcome) == (7, False, "panic")
    assert grows(NEWCOMER, ()).outcome == "killed"


def test_several_processes_of_a_unit_are_named_once_where_they_die_in_a_row() -> None:
    there = (runs(2, "db", 90), runs(3, "db", 80), runs(4, "web", 70), runs(5, "db", 60), runs(6, "log", 1, -999))
    growth = grows("log", there)
    assert (growth.victims, growth.first_pids) == (("db", "web", "db", "log"), (2,))


HEMMED = (
    runs(2, "db", 800, memory_cgroup="/u/db"),
    runs(3, "web", 40, memory_cgroup="/s/web"),
    runs(4, "log", 60, memory_cgroup="/s/log"),
    runs(5, "log", 10, memory_cgroup="/s/log"),
)


def limit(path: str, mib: int, used_mib: int, **changes: Any) -> Cgroup:
    return cgroup(path, mib * MIB, **{"current_kib": used_mib * MIB, "swap_limit_kib": 0, **changes})


@pytest.mark.parametrize(
    ("grower", "cgroups", "cgroup_hit", "victims"),
    [
        ("web", [limit("/s/web", 100, 40)], "/s/web", ("web",)),
        ("web", [limit("/s", 120, 110)], "/s", ("log", "web")),
        ("web", [limit("/s", 120, 110, file_kib=20 * MIB)], "/s", ("web",)),
        ("web", [limit("/s", 120, 110), limit("/s/web", 45, 40)], "/s/web", ("web",)),
        ("web", [limit("/s", 120, 110), limit("/s/log", 71, 70)], "/s", ("log", "web")),
        ("web", [limit("/s", 2000, 110)], None, ("db", "web")),
        ("web", [limit("/s/web", 100, 40, current_kib=None)], None, ("db", "web")),
        ("db", [limit("/s/web", 100, 40)], None, ("db",)),
        (NEWCOMER, [limit("/s/web", 100, 40)], None, ("db", NEWCOMER)),
        ("log", [limit("/s/log", 80, 70)], "/s/log", ("log",)),
        ("web", [limit("/", 1000, 950)], "/", ("db", "web")),
        (NEWCOMER, [limit("/", 1000, 950)], "/", ("db", NEWCOMER)),
        ("web", [limit("/", 1000, 950), limit("/s/web", 45, 40)], "/s/web", ("web",)),
    ],
    ids=[
        *["its own limit", "of the slice", "page cache is dropped", "the tighter one", "not that of others"],
        *["memory runs out before", "use not told", "no limit for it", "newcomer", "its other process first"],
        *["that of a container", "of a container for a newcomer", "its own in a container"],
    ],
)
def test_where_a_limit_is_hit_first_only_its_members_die(
    grower: str, cgroups: list[Cgroup], cgroup_hit: str | None, victims: tuple[str, ...]
) -> None:
    growth = grows(grower, HEMMED, 200, cgroups=cgroups)
    assert (growth.scope, growth.cgroup) == ("global" if cgroup_hit is None else "cgroup", cgroup_hit)
    assert (growth.victims, growth.outcome) == (victims, "killed")


@pytest.mark.parametrize(
    ("group", "room_mib"),
    [
        (limit("/s/web", 100, 40, swap_limit_kib=None), 160),
        (limit("/s/web", 100, 40, swap_limit_kib=30 * MIB, swap_kib=10 * MIB), 80),
        (limit("/s/web", 100, 40, swap_limit_kib=None, version=1, memsw_limit_kib=110 * MIB), 70),
        (limit("/s/web", 100, 40, swap_limit_kib=None, version=1, memsw_limit_kib=110 * MIB, swap_kib=5 * MIB), 65),
    ],
    ids=["all swap that is free", "what is left of its swap", "v1: both together", "v1: less what it has swapped"],
)
def test_swap_makes_room_in_a_group(group: Cgroup, room_mib: int) -> None:
    """The other process of the group is just smaller, or just larger, than the grower is at the limit."""
    room = memory(available_kib=500 * MIB, swap_free_kib=100 * MIB, swap_total_kib=100 * MIB)
    for difference, first in ((-1, (3,)), (1, (6,))):
        other = runs(6, "other", 39 + room_mib + difference, memory_cgroup="/s/web")
        own = runs(3, "own", 39, memory_cgroup="/s/web")
        assert grows("own", (own, other), room, cgroups=[group]).first_pids == first


def test_a_kill_makes_room_in_the_groups_of_the_victim_alone() -> None:
    """10 MiB are left in the slice, 30 in the group: a neighbour dies for the first, then the group is full."""
    there = (
        runs(3, "own", 20, memory_cgroup="/s/web"),
        runs(4, "log", 150),
        runs(5, "helper", 100, memory_cgroup="/s/web"),
    )
    groups = [limit("/s", 280, 270), limit("/s/web", 150, 120)]
    growth = grows("own", there, 500, cgroups=groups)
    assert (growth.cgroup, growth.victims, growth.first_pids) == ("/s", ("log", "helper", "own"), (4,))
    assert grows("own", (*there, runs(6, "db", 50)), 500, cgroups=[limit("/s", 330, 320)]).victims == ("log", "own")


def test_where_memory_runs_out_first_is_said_also_if_it_ends_elsewhere() -> None:
    growth = grows("web", HEMMED, 10, cgroups=[limit("/s/web", 70, 40)])
    assert (growth.scope, growth.cgroup, growth.victims) == ("global", None, ("db", "web"))


def test_a_group_over_its_limit_has_no_room_and_nobody_shrinks() -> None:
    there = (runs(3, "web", 20, memory_cgroup="/s/web"), runs(5, "other", 15, memory_cgroup="/s/web"))
    assert grows("web", there, 500, cgroups=[limit("/s/web", 30, 40)]).victims == ("web",)


@pytest.mark.parametrize(
    ("grower", "groups", "victims", "first_pids"),
    [
        ("web", ["/s/log"], ("log", "web"), (4, 5)),
        ("log", ["/s/log"], ("log",), (4, 5)),
        ("web", ["/s"], ("log", "web"), (4, 3, 5)),
    ],
    ids=["another group", "its own", "both"],
)
def test_a_group_dies_as_one(
    grower: str, groups: list[str], victims: tuple[str, ...], first_pids: tuple[int, ...]
) -> None:
    cgroups = [limit("/s", 120, 110), *(cgroup(path) for path in groups if path != "/s")]
    cgroups = [replace(one, oom_group=one.path in groups) for one in cgroups]
    growth = grows(grower, HEMMED, 200, cgroups=cgroups)
    assert (growth.victims, growth.first_pids) == (victims, first_pids)
    assert growth.outcome == "killed"


KILLS_ASKER = replace(KILLER, kill_allocating_task=True)


@pytest.mark.parametrize(
    ("grower", "cgroups", "victims"),
    [
        ("log", [], ("log",)),
        ("web", [limit("/s", 120, 110)], ("log", "web")),
        ("sshd", [], ("db", "log", "web", "log")),
    ],
    ids=["all memory", "not in a cgroup", "not the unkillable"],
)
def test_who_asks_dies_where_the_kernel_is_set_so(grower: str, cgroups: list[Cgroup], victims: tuple[str, ...]) -> None:
    there = (*HEMMED, runs(7, "sshd", 5, -1000))
    assert grows(grower, there, 200, KILLS_ASKER, cgroups).victims == victims


@pytest.mark.parametrize(
    ("panic_on_oom", "cgroups", "outcome"),
    [
        (0, [], "killed"),
        (1, [], "panic"),
        (2, [], "panic"),
        (1, [limit("/s/web", 50, 40)], "killed"),
        (2, [limit("/s/web", 50, 40)], "panic"),
    ],
    ids=["no", "memory", "always", "not for a cgroup", "also for a cgroup"],
)
def test_the_kernel_panics_in_place_of_a_kill_where_it_is_set_so(
    panic_on_oom: int, cgroups: list[Cgroup], outcome: str
) -> None:
    growth = grows("web", HEMMED, 900, replace(KILLER, panic_on_oom=panic_on_oom), cgroups)
    assert growth.outcome == outcome
    assert growth.victims == (("web",) if outcome == "killed" else ())


@pytest.mark.parametrize(
    ("group", "victims"),
    [
        (limit("/s/web", 50, 40), ("other",)),
        (limit("/s/web", 50, 40, version=1, oom_kill_disable=True), ()),
    ],
    ids=["nothing left to kill", "v1: no kills there"],
)
def test_a_group_in_which_nobody_can_be_killed_hangs(group: Cgroup, victims: tuple[str, ...]) -> None:
    there = (runs(3, "web", 40, -1000, memory_cgroup="/s/web"), runs(5, "other", 5, memory_cgroup="/s/web"))
    growth = grows("web", there, 900, cgroups=[group])
    assert (growth.victims, growth.ends, growth.outcome) == (victims, False, "stuck")


@pytest.mark.parametrize(
    ("mode_never", "committed_kib", "scope", "outcome", "victims"),
    [
        (True, 2_950_000, "commit", "refused", ()),
        (True, 2_000_000, "global", "killed", ("db", "web")),
        (True, None, "global", "killed", ("db", "web")),
        (False, 2_950_000, "global", "killed", ("db", "web")),
    ],
    ids=["refused", "room", "not told", "promised freely"],
)
def test_memory_that_is_not_promised_is_not_taken(
    mode_never: bool, committed_kib: int | None, scope: str, outcome: str, victims: tuple[str, ...]
) -> None:
    room = free(100, committed_kib=committed_kib)
    growth = grows("web", CROWD, room, replace(KILLER, never_overcommit=mode_never))
    assert (growth.scope, growth.outcome, growth.victims) == (scope, outcome, victims)


@pytest.mark.parametrize(
    ("swappiness", "own", "scope"),
    [(60, None, "global"), (0, None, "cgroup"), (0, 60, "global"), (60, 0, "cgroup")],
    ids=["it swaps", "never", "its own", "never by its own"],
)
def test_a_group_that_never_swaps_has_no_room_in_swap(swappiness: int, own: int | None, scope: str) -> None:
    group = cgroup("/s/log", 60 * MIB, current_kib=50 * MIB, swappiness=own)
    # 105 MiB of all memory and swap; of the group's own 10, or 110 with swap.
    room = memory(available_kib=5 * MIB, swap_free_kib=100 * MIB, swap_total_kib=100 * MIB)
    assert grows("log", room=room, killer=Killer(NEWEST, 4, swappiness=swappiness), cgroups=[group]).scope == scope


def test_before_5_1_children_die_first() -> None:
    there = (runs(2, "db", 800), runs(3, "db", 20, ppid=2), runs(4, "log", 30, ppid=3))
    assert grows("db", there, killer=Killer((5, 0), 4)).first_pids == (3,)
    assert grows("db", there).first_pids == (2,)
    # The grower is the larger child now.
    there = (*there[:2], runs(4, "log", 30, ppid=2))
    assert grows("log", there, 10, Killer((5, 0), 4)).first_pids == (4,)


def test_a_forecast_is_for_a_newcomer_the_first_units_and_those_that_are_asked_for() -> None:
    there = [runs(pid, f"u{pid}", 10 * pid) for pid in range(2, 9)] + [
        runs(20, "u8", 75),
        runs(21, "sshd", 5, -1000),
        runs(22, "sshd", 9, -1000),
    ]
    crowd = Crowd(there, free(0), KILLER)
    found = forecast(crowd, kill_order(crowd), 3, ["u2", "u7", "sshd", "absent"])
    assert [growth.grower for growth in found] == [NEWCOMER, "u8", "u7", "u6", "u2", "sshd"]
    assert [growth.pid for growth in found] == [None, 8, 7, 6, 2, 22]


def test_where_there_is_too_much_to_play_through_the_last_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [runs(pid, f"u{pid}", 10 * pid) for pid in range(2, 9)]
    crowd, names = Crowd(there, free(0), KILLER), [f"u{pid}" for pid in range(2, 9)]
    monkeypatch.setattr("ansible_collections.lifeboat.oom.plugins.module_utils._kernel.forecast.MOST_KILLS", 30)
    found = forecast(crowd, kill_order(crowd), 2, names)
    assert [growth.grower for growth in found] == [NEWCOMER, "u8", "u7", "u2", "u3"]
    assert "what 3 more units do if they grow: at most 30 kills are played through" in does_not_know(KILLER, (), 3)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcdef"),
            st.integers(0, 4000),
            st.integers(-1000, 1000),
            st.sampled_from(["/s", "/s/t", "/u", None]),
            st.integers(0, 9),
        ),
        max_size=8,
    ),
    st.integers(0, 4000),
    st.builds(
        Killer,
        st.sampled_from([(3, 4), (4, 19), NEWEST]),
        st.just(4),
        panic_on_oom=st.sampled_from([0, 1, 2]),
        kill_allocating_task=st.booleans(),
        never_overcommit=st.booleans(),
    ),
    st.lists(st.builds(limit, st.sampled_from(["/s", "/s/t", "/u"]), st.integers(0, 4000), st.integers(0, 4000))),
    st.booleans(),
)
def test_every_growth_comes_to_an_end(
    crowd: list[tuple[str, int, int, str | None, int]],
    free_mib: int,
    killer: Killer,
    cgroups: list[Cgroup],
    oom_group: bool,
) -> None:
    there = [
        runs(number + 2, unit, mib, score, memory_cgroup=path, ppid=parent + 1)
        for number, (unit, mib, score, path, parent) in enumerate(crowd)
    ]
    groups = [replace(group, oom_group=oom_group) for group in {group.path: group for group in cgroups}.values()]
    found = Crowd(there, free(free_mib), killer, groups)
    for growth in forecast(found, kill_order(found), also=list("abcdef")):
        assert growth.outcome in OUTCOMES
        assert growth.ends == (growth.outcome == "killed")
        assert not growth.ends or growth.victims[-1] == growth.grower
        assert len(growth.victims) <= len(there) + 1
        assert (growth.cgroup is None) == (growth.scope != "cgroup")


@pytest.mark.parametrize(
    ("killer", "cgroups", "more"),
    [
        (KILLER, (), None),
        (KILLER, None, "control groups, which were not read"),
        (KILLER, (cgroup(high_kib=5),), "memory.high"),
        (KILLS_ASKER, (), "vm.oom_kill_allocating_task"),
        (Killer((2, 6), 4), (), "before 2.6.36"),
    ],
    ids=["always", "no groups", "slowed down", "who asks", "old kernel"],
)
def test_what_the_model_can_not_know_is_said(
    killer: Killer, cgroups: tuple[Cgroup, ...] | None, more: str | None
) -> None:
    found = does_not_know(killer, cgroups)
    assert found[: len(UNKNOWN)] == UNKNOWN
    assert len(found) == len(UNKNOWN) + (more is not None)
    assert more is None or more in found[-1]
