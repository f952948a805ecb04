# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""If a service grows without end: which limit it hits, and who is killed in which order until it dies itself.

What the model cannot know is in C(does_not_know()): the caller says so beside every forecast.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, islice
from typing import Dict, List, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.badness import (
    Candidate,
    Crowd,
    Killer,
    Play,
    label,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.cgroups import Cgroup
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import Process

NEWCOMER = "a new process with score 0"
# One who cannot be killed outlives all others: what is played in all forecasts of a host, about.
MOST_KILLS = 500_000
UNKNOWN = (
    "memory that processes take or give back after the look, and the last few MiB of the kernel's reserves",
    "memory policies and cpusets, which let only some processes compete",
    "memory of the kernel itself, which no kill gives back",
    "processes that are about to end",
    "how long programs are dropped and read again (thrashing) before the kernel kills",
    "what systemd does after a kill: it ends the rest of a unit, or starts it again",
)
_NEWCOMER = Process(
    pid=0,
    ppid=1,
    start_ticks=1 << 62,  # the youngest of all
    comm=NEWCOMER,
    uid=0,
    cgroup=None,
    unit=None,
    memory_cgroup=None,
    sys_admin=False,
    rss_kib=0,
    rss_anon_kib=0,
    rss_file_kib=0,
    rss_shmem_kib=0,
    swap_kib=0,
    pgtables_kib=0,
    oom_score=None,
    oom_score_adj=0,
)
# How it ends.
OUTCOMES = {
    "killed": "it is killed itself",
    "panic": "the kernel panics",
    "stuck": "it hangs in its group, where nothing is left to kill",
    "refused": "it is refused more memory at the commit limit",
}


@dataclass(frozen=True)
class Growth:
    """If something grows without end: who is killed in which order, and how it ends."""

    grower: str
    """What grows: a unit, a process outside of any, or C(a new process with score 0)."""

    pid: Optional[int]
    """Number of the process that grows; null for a new one."""

    scope: str
    """What runs out first: C(global) all memory, C(cgroup) that of I(cgroup), C(commit) what the kernel promises."""

    cgroup: Optional[str]
    """Path of the control group whose limit is reached first; null for another I(scope)."""

    victims: Tuple[str, ...]
    """Who is killed, in order: units, or processes outside of any; the grower is the last one where it dies."""

    first_pids: Tuple[int, ...]
    """Numbers of the processes that die at the first OOM, several where a control group is killed as one; without the
    new process.
    """

    ends: bool
    """Whether the grower is killed in the end."""

    outcome: str
    """How it ends: C(killed), C(panic) where the kernel panics, C(stuck) where it hangs in a group with nothing left to
    kill, or C(refused) where it is refused more memory at the commit limit.
    """


@dataclass
class _Room:
    """What can still be taken until something runs out: all memory, that of one cgroup, or what is promised."""

    scope: str
    cgroup: Optional[str]
    left_pages: int


def if_grows(own: Process, crowd: Crowd) -> Growth:
    """Play it through: the process takes what is left in the tightest room, the kernel kills there, and again."""
    play, rooms = Play(crowd, own), _rooms(own, crowd)
    first = _tightest(rooms)
    first_pids: Tuple[int, ...] = ()
    dead: List[Process] = []
    while True:
        room = _tightest(rooms)
        play.grown_pages += _fill(rooms, max(room.left_pages, 0))
        outcome = _without_a_kill(room, crowd)
        dying = () if outcome else play.kill(room.cgroup)
        dead += sorted(dying, key=lambda one: one.pid == own.pid)
        first_pids = first_pids or tuple(one.pid for one in dying if one.pid)
        if any(one.pid == own.pid for one in dying):
            outcome = "killed"
        elif not dying:
            outcome = outcome or ("panic" if room.cgroup is None else "stuck")
        if outcome:
            victims = tuple(name for name, _unused in groupby(map(label, dead)))
            return Growth(
                label(own),
                own.pid or None,
                first.scope,
                first.cgroup,
                victims,
                first_pids,
                outcome == "killed",
                outcome,
            )
        for one in dying:
            _give_back(one, rooms, crowd)


def _rooms(own: Process, crowd: Crowd) -> List[_Room]:
    memory, page_kib = crowd.memory, crowd.killer.page_kib
    available_kib = memory.free_kib if memory.available_kib is None else memory.available_kib
    rooms = [_Room("global", None, (available_kib + memory.look_kib + memory.swap_free_kib) // page_kib)]
    for group in crowd.limited(own.memory_cgroup):
        room_kib = _room_kib(group, memory.swap_free_kib if crowd.swaps(group) else 0)
        if room_kib is not None:
            rooms.append(_Room("cgroup", group.path, room_kib // page_kib))
    if crowd.killer.never_overcommit and memory.commit_limit_kib is not None and memory.committed_kib is not None:
        rooms.append(_Room("commit", None, (memory.commit_limit_kib - memory.committed_kib) // page_kib))
    return rooms


def _room_kib(group: Cgroup, swap_kib: int) -> Optional[int]:
    """What its processes can still take, page cache dropped and I(swap_kib) filled; C(None) where it does not say."""
    if group.limit_kib is None or group.current_kib is None:
        return None
    used_kib = group.swap_kib or 0
    if group.swap_limit_kib is not None:
        swap_kib = min(swap_kib, group.swap_limit_kib - used_kib)
    room_kib = group.limit_kib - group.current_kib + swap_kib
    if group.memsw_limit_kib is not None:
        room_kib = min(room_kib, group.memsw_limit_kib - group.current_kib - used_kib)
    return room_kib + (group.file_kib or 0)


def _tightest(rooms: Sequence[_Room]) -> _Room:
    return min(rooms, key=lambda room: room.left_pages)


def _fill(rooms: Sequence[_Room], pages: int) -> int:
    for room in rooms:
        room.left_pages -= pages
    return pages


def _without_a_kill(room: _Room, crowd: Crowd) -> str:
    """How it ends here where nobody is killed. Source: check_panic_on_oom(), mem_cgroup_oom()."""
    if room.scope == "commit":
        return "refused"
    if crowd.killer.panic_on_oom > (1 if room.cgroup else 0):
        return "panic"
    group = next((each for each in crowd.limited(room.cgroup) if each.path == room.cgroup), None)
    return "stuck" if group is not None and group.oom_kill_disable else ""


def _give_back(victim: Process, rooms: Sequence[_Room], crowd: Crowd) -> None:
    """What a kill frees: memory that is no file's, with its page tables. Of what several share only its share."""
    own_kib = victim.rss_kib if victim.rss_anon_kib is None else victim.rss_anon_kib
    if victim.pss_kib is not None:
        own_kib = min(own_kib, victim.pss_kib)
    pages = (own_kib + victim.swap_kib + victim.pgtables_kib) // crowd.killer.page_kib
    lineage = set(crowd.lineage(victim.memory_cgroup))
    for room in rooms:
        if room.cgroup is None or room.cgroup in lineage:
            room.left_pages += pages


def forecast(crowd: Crowd, order: Sequence[Candidate], most: int = 10, also: Sequence[str] = ()) -> Tuple[Growth, ...]:
    """C(if_grows()) for a newcomer, for the first I(most) units of the kill order, and for those of I(also) that run.

    Of each it is the process with the most points that grows. Of I(also) the last are left out where there are too many
    for MOST_KILLS; C(does_not_know()) tells.
    """
    largest: Dict[str, Process] = {}
    for _unused, process in crowd.ranking(None):
        largest.setdefault(label(process), process)
    for process in sorted(crowd.processes, key=lambda one: -one.rss_kib):
        largest.setdefault(label(process), process)
    first = islice(dict.fromkeys(label(candidate) for candidate in order), most)
    names = dict.fromkeys([*first, *(name for name in also if name in largest)])
    played = islice(names, max(most, MOST_KILLS // max(len(crowd.processes), 1)))
    return tuple(if_grows(own, crowd) for own in [_NEWCOMER, *(largest[name] for name in played)])


def does_not_know(killer: Killer, cgroups: Optional[Sequence[Cgroup]], left_out: int = 0) -> Tuple[str, ...]:
    """What may make it come out otherwise, on this host; I(left_out) is how many units C(forecast()) left out."""
    found = list(UNKNOWN)
    if left_out:
        found.append(f"what {left_out} more units do if they grow: at most {MOST_KILLS} kills are played through")
    if killer.version < (3, 0):
        found.append("how a kernel before 2.6.36 counts, which is another formula")
    if killer.kill_allocating_task:
        found.append("which process asks for memory when there is none: with vm.oom_kill_allocating_task that one dies")
    if cgroups is None:
        found.append("the limits of control groups, which were not read")
    elif any(group.high_kib is not None for group in cgroups):
        found.append("how long a group that is slowed down (memory.high) takes to reach its limit")
    return tuple(found)
