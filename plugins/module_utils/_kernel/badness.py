# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom the kernel kills: mm/oom_kill.c as a model, for the kernel at hand.

What changed when, in that file:
3.5 points in pages, permille of all memory before (C(oom_badness()));
3.7 swap does not count for the limit of a cgroup that never swaps (C(mem_cgroup_get_limit()));
3.14 CAP_SYS_ADMIN is worth 3 % of a process's own size, 3 % of all memory before; 4.17 nothing any more;
4.19 C(memory.oom.group) (C(mem_cgroup_get_oom_group()));
5.1 who is chosen dies, and no child in its place (C(oom_kill_process()));
5.3 of equals the youngest is chosen, the oldest before (C(oom_evaluate_task()));
5.9 points may be below 1, raised to 1 before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Sequence, Set, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.cgroups import ROOT, Cgroup, with_ancestors
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import Memory
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import Process

ADJ_MIN, ADJ_MAX = -1000, 1000
NEWEST = (99, 0)

# Points, and among equals the age: the largest is chosen.
Key = Tuple[int, int, int]
Ranking = Sequence[Tuple[Key, Process]]


@dataclass(frozen=True)
class Candidate:
    """A process as the OOM killer sees it."""

    pid: int
    """Its number."""

    comm: str
    """Its name."""

    unit: Optional[str]
    """Its systemd unit; null outside of any."""

    points: int
    """What the kernel ranks it by, in pages of the host (in permille of memory before 3.5); below 0 for one that is
    protected.
    """

    rss_kib: int
    """What it holds in RAM, in KiB."""

    swap_kib: int
    """What it has in swap, in KiB."""

    oom_score_adj: int
    """Its score, a number from -1000 to 1000."""


@dataclass(frozen=True)
class Killer:
    """The OOM killer of one host: the kernel's I(version) (major, minor), its pages, and the sysctls it obeys.

    I(never_overcommit): memory is refused at the commit limit, so that it may never run out. I(swappiness) is that of
    all cgroups that have none of their own. Source: Documentation/admin-guide/sysctl/vm.rst.
    """

    version: Tuple[int, int]
    page_kib: int
    panic_on_oom: int = 0
    kill_allocating_task: bool = False
    never_overcommit: bool = False
    swappiness: int = 60


def kernel_version(release: str) -> Tuple[int, int]:
    """C(6.1.0-21-arm64) → C((6, 1)). What does not begin with numbers counts as the newest."""
    match = re.match(r"(\d+)\.(\d+)", release)
    return (int(match.group(1)), int(match.group(2))) if match else NEWEST


def total_pages(memory: Memory, page_kib: int) -> int:
    """What a global OOM compares against: RAM and swap, in pages. Source: constrained_alloc()."""
    return (memory.total_kib + memory.swap_total_kib) // page_kib


def points(
    size_pages: int,
    oom_score_adj: int,
    all_pages: int,
    version: Tuple[int, int] = NEWEST,
    sys_admin: bool = False,
) -> Optional[int]:
    """C(oom_badness()): size in pages plus the score's share of all memory; C(None) is never killed."""
    if oom_score_adj <= ADJ_MIN:
        return None
    if version < (3, 5):
        permille = size_pages * 1000 // max(all_pages, 1) + oom_score_adj - (30 if sys_admin else 0)
        return min(max(permille, 1), 1000)
    if sys_admin and version < (3, 14):
        oom_score_adj -= 30
    elif sys_admin and version < (4, 17):
        size_pages -= size_pages * 3 // 100
    found = size_pages + oom_score_adj * (all_pages // 1000)
    return found if version >= (5, 9) else max(found, 1)


def label(one: Process | Candidate) -> str:
    return one.unit or one.comm


class Crowd:
    """The processes of one host, ranked for an OOM of all memory (scope C(None)) or of one cgroup (its path)."""

    def __init__(
        self, processes: Sequence[Process], memory: Memory, killer: Killer, cgroups: Sequence[Cgroup] = ()
    ) -> None:
        self.processes, self.memory, self.killer = processes, memory, killer
        self._cgroups = {group.path: group for group in cgroups}
        self._lineages: Dict[Optional[str], Tuple[str, ...]] = {}
        self._members: Dict[str, List[Process]] = {}
        self._rankings: Dict[Optional[str], Ranking] = {}
        self._children: Dict[Optional[str], Dict[int, Ranking]] = {}
        self._together = {
            group.path: [
                one for one in self.members().get(group.path, ()) if one.oom_score_adj > ADJ_MIN and one.pid != 1
            ]
            for group in cgroups
            if group.oom_group
        }

    def lineage(self, path: Optional[str]) -> Tuple[str, ...]:
        """The cgroup and all above it that are known, the innermost first; the root is known as that of a container."""
        if path not in self._lineages:
            outermost_first = [ROOT, *with_ancestors([path] if path else [])]
            known = [self._cgroups[each].path for each in outermost_first if each in self._cgroups]
            self._lineages[path] = tuple(reversed(known))
        return self._lineages[path]

    def limited(self, path: Optional[str]) -> List[Cgroup]:
        """Those cgroups of the lineage that have a limit."""
        groups = (self._cgroups[each] for each in self.lineage(path))
        return [group for group in groups if group.limit_kib is not None]

    def pages(self, scope: Optional[str]) -> int:
        """What an OOM there compares against: C(constrained_alloc()); for a cgroup C(mem_cgroup_get_max())."""
        if scope is None:
            return total_pages(self.memory, self.killer.page_kib)
        group = self._cgroups[scope]
        limit_kib, swap_kib = group.limit_kib or 0, self.memory.swap_total_kib if self.swaps(group) else 0
        if group.memsw_limit_kib is not None:
            swap_kib = min(swap_kib, group.memsw_limit_kib - limit_kib)
        if group.swap_limit_kib is not None:
            swap_kib = min(swap_kib, group.swap_limit_kib)
        return (limit_kib + swap_kib) // self.killer.page_kib or 1

    def swaps(self, group: Cgroup) -> bool:
        """Whether pages of the group are swapped at its own limit; when all memory runs out they are anyway.

        Source: mem_cgroup_swappiness(), get_scan_count() in mm/vmscan.c.
        """
        swappiness = self.killer.swappiness if group.swappiness is None else group.swappiness
        return swappiness != 0 or self.killer.version < (3, 7)

    def size_kib(self, process: Process, scope: Optional[str]) -> int:
        """RSS, swap and page tables as they will be at that OOM: what can be read again from files is dropped before.

        At the limit of a cgroup that is what its groups account for; pages that others brought in stay.
        """
        dropped_kib = process.rss_file_kib or 0
        if scope is not None:
            group = self._cgroups.get(process.memory_cgroup or ROOT, self._cgroups.get(ROOT))
            dropped_kib = min(dropped_kib, group.file_kib or 0 if group is not None else 0)
        return process.rss_kib - dropped_kib + process.swap_kib + process.pgtables_kib

    def key(self, process: Process, scope: Optional[str], grown_pages: int = 0) -> Optional[Key]:
        """The place of a process in the ranking, C(None) for one that is never killed (init among them)."""
        size = self.size_kib(process, scope) // self.killer.page_kib + grown_pages
        version = self.killer.version
        score = points(size, process.oom_score_adj, self.pages(scope), version, process.sys_admin)
        if score is None or process.pid == 1:
            return None
        # The kernel meets processes in the order of their start.
        sign = 1 if version >= (5, 3) else -1
        return score, sign * process.start_ticks, sign * process.pid

    def ranking(self, scope: Optional[str]) -> Ranking:
        """Who may be chosen, the first one first."""
        if scope not in self._rankings:
            inside = self.processes if scope is None else self.members().get(scope, ())
            entries = ((self.key(process, scope), process) for process in inside)
            found = [(key, process) for key, process in entries if key is not None]
            found.sort(key=lambda entry: entry[0], reverse=True)
            self._rankings[scope] = found
        return self._rankings[scope]

    def members(self) -> Mapping[str, Sequence[Process]]:
        """The processes of each known cgroup, and of those below it."""
        if not self._members:
            for process in self.processes:
                for path in self.lineage(process.memory_cgroup):
                    self._members.setdefault(path, []).append(process)
        return self._members

    def children(self, pid: int, scope: Optional[str]) -> Ranking:
        """The children of a process that may die in its place, the first one first."""
        if scope not in self._children:
            families: Dict[int, List[Tuple[Key, Process]]] = {}
            for entry in self.ranking(scope):
                families.setdefault(entry[1].ppid, []).append(entry)
            self._children[scope] = dict(families)
        return self._children[scope].get(pid, ())

    def together(self, victim: Process, scope: Optional[str]) -> Sequence[Process]:
        """Who dies with it: all of the highest cgroup with C(memory.oom.group) up to where memory ran out."""
        found: Sequence[Process] = ()
        for path in self.lineage(victim.memory_cgroup):
            found = self._together.get(path, found)
            if path == scope:
                break
        return found


class Play:
    """One OOM after the other. I(grower) is a process that takes I(grown_pages) between them."""

    def __init__(self, crowd: Crowd, grower: Optional[Process] = None) -> None:
        self._crowd, self._grower = crowd, grower
        self.grown_pages = 0
        self._dead: Set[int] = set()
        self._places: Dict[Tuple[Optional[str], Optional[int]], int] = {}

    def kill(self, scope: Optional[str] = None) -> Tuple[Process, ...]:
        """Who dies at the next OOM, the victim first; nobody where nobody can be killed."""
        chosen = self._chosen(scope)
        if chosen is None:
            return ()
        victim = chosen
        if self._crowd.killer.version < (5, 1):
            victim = self._first(scope, chosen.pid) or chosen
        others = (one for one in self._crowd.together(victim, scope) if one.pid != victim.pid)
        dying = (victim, *(one for one in others if one.pid not in self._dead))
        self._dead.update(one.pid for one in dying)
        return dying

    def _chosen(self, scope: Optional[str]) -> Optional[Process]:
        # Who allocates at that moment is the grower, most of the time.
        if scope is None and self._crowd.killer.kill_allocating_task and self._own_key(scope) is not None:
            return self._grower
        return self._first(scope, None)

    def _own_key(self, scope: Optional[str]) -> Optional[Key]:
        return None if self._grower is None else self._crowd.key(self._grower, scope, self.grown_pages)

    def _first(self, scope: Optional[str], parent: Optional[int]) -> Optional[Process]:
        """The living process with the most points, of all or of the children of I(parent)."""
        entries = self._crowd.ranking(scope) if parent is None else self._crowd.children(parent, scope)
        place = self._places.get((scope, parent), 0)
        while place < len(entries) and entries[place][1].pid in self._dead:
            place += 1
        self._places[scope, parent] = place
        own = self._own_key(scope) if self._grower is not None and parent in (None, self._grower.ppid) else None
        if own is not None and (place == len(entries) or own > entries[place][0]):
            return self._grower
        return entries[place][1] if place < len(entries) else None


def kill_order(crowd: Crowd) -> Tuple[Candidate, ...]:
    """Every process that the global OOM killer may kill, the first victim first, if nothing grew in between."""
    play, order = Play(crowd), []
    scores = {process.pid: key[0] for key, process in crowd.ranking(None)}
    dying = play.kill()
    while dying:
        order += [
            Candidate(one.pid, one.comm, one.unit, scores[one.pid], one.rss_kib, one.swap_kib, one.oom_score_adj)
            for one in dying
        ]
        dying = play.kill()
    return tuple(order)
