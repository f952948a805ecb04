# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom the kernel kills: C(oom_badness()) and C(select_bad_process()) of mm/oom_kill.c, as a model.

What it cannot know is in C(UNKNOWN): the caller says so beside every forecast.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, List, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import Memory
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.processes import Process

UNKNOWN = (
    "memory that processes take or give back after the look",
    "memory policies and cpusets, which let only some processes compete",
    "memory of the kernel itself, which no kill gives back",
    "processes that are about to end",
)
ADJ_MIN, ADJ_MAX = -1000, 1000
NEWCOMER = "a new process with score 0"


@dataclass(frozen=True)
class Candidate:
    """A process as the OOM killer sees it. I(points) in pages; the largest is killed first."""

    pid: Optional[int]
    comm: str
    unit: Optional[str]
    points: int
    rss_kib: int
    swap_kib: int
    oom_score_adj: int


@dataclass(frozen=True)
class Growth:
    """If I(grower) (a unit, or NEWCOMER) grows without end: who is killed in which order.

    I(victims) are names of units, or of processes outside of any. Where the grower itself is killed, it is
    the last one; where it is not (score -1000), I(ends) is false and everybody else dies.
    """

    grower: str
    victims: Tuple[str, ...]
    ends: bool


def total_pages(memory: Memory, page_kib: int) -> int:
    """What a global OOM compares against: RAM and swap, in pages. Source: constrained_alloc()."""
    return (memory.total_kib + memory.swap_total_kib) // page_kib


def points(size_pages: int, oom_score_adj: int, all_pages: int) -> Optional[int]:
    """C(oom_badness()): size in pages plus the score's share of all memory; C(None) is never killed.

    Kernels before 5.9 raise what is below 1 to 1, which only merges the very last places of the order.
    """
    if oom_score_adj <= ADJ_MIN:
        return None
    return size_pages + oom_score_adj * (all_pages // 1000)


def kill_order(processes: Sequence[Process], memory: Memory, page_kib: int) -> Tuple[Candidate, ...]:
    """Every process that the global OOM killer may choose, the first victim first.

    Among equals the kernel keeps the one that it met last, and it meets them in the order of their start.
    """
    all_pages = total_pages(memory, page_kib)
    ranked: List[Tuple[Tuple[int, int, int], Candidate]] = []
    for process in processes:
        kib = process.rss_kib + process.swap_kib + process.pgtables_kib
        score = points(kib // page_kib, process.oom_score_adj, all_pages)
        # Init is never chosen: is_global_init() in oom_unkillable_task().
        if score is None or process.pid == 1:
            continue
        candidate = Candidate(
            process.pid,
            process.comm,
            process.unit,
            score,
            process.rss_kib,
            process.swap_kib,
            process.oom_score_adj,
        )
        ranked.append(((score, process.start_ticks, process.pid), candidate))
    ranked.sort(key=lambda entry: entry[0], reverse=True)
    return tuple(candidate for _, candidate in ranked)


def label(candidate: Candidate) -> str:
    return candidate.unit or candidate.comm


def if_grows(
    grower: str,
    order: Sequence[Candidate],
    free_kib: int,
    page_kib: int,
    oom_score_adj: Optional[int] = 0,
    all_pages: int = 0,
) -> Growth:
    """Play it through: the largest process of unit I(grower) takes all that is free, the kernel kills, again.

    I(order) is the kill order now, I(free_kib) what can still be taken. Where the unit has no process in the
    order, a new one with I(oom_score_adj) starts at size 0, with that share of I(all_pages); C(None) is one that
    cannot be killed.
    """
    waiting = list(order)
    own = next((candidate for candidate in waiting if label(candidate) == grower), None)
    if own is not None:
        waiting.remove(own)
    elif oom_score_adj is not None:
        own = Candidate(None, grower, None, oom_score_adj * (all_pages // 1000), 0, 0, oom_score_adj)
    victims: List[str] = []
    free_pages = free_kib // page_kib
    while waiting:
        grown = None if own is None else replace(own, points=own.points + free_pages)
        if grown is not None and grown.points >= waiting[0].points:
            break
        victim = waiting.pop(0)
        victims.append(label(victim))
        free_pages += (victim.rss_kib + victim.swap_kib) // page_kib
    if own is not None:
        victims.append(grower)
    return Growth(grower, tuple(victims), own is not None)


def forecast(order: Sequence[Candidate], memory: Memory, page_kib: int, most: int = 10) -> Tuple[Growth, ...]:
    """C(if_grows()) for a newcomer and for the first I(most) units of the kill order."""
    available_kib = memory.free_kib if memory.available_kib is None else memory.available_kib
    free_kib = available_kib + memory.swap_free_kib
    names: Dict[str, None] = {NEWCOMER: None}
    for candidate in order:
        if len(names) > most:
            break
        names.setdefault(label(candidate))
    return tuple(if_grows(name, order, free_kib, page_kib) for name in names)
