# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel promises: commit limit, what is committed, and what "never overcommit" would leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import Memory

# In the order of the kernel's numbers 0, 1, 2.
MODES = ("heuristic", "always", "never")
# Of the limit of mode "never", what has to stay free for programs to start.
MIN_HEADROOM_PCT = 10


@dataclass(frozen=True)
class Headroom:
    """Room under the commit limit of mode C(never)."""

    limit_kib: int
    """The limit that it would have, in KiB."""

    committed_kib: int
    """What is promised already, in KiB."""

    reserve_kib: int
    """What the kernel keeps back (C(vm.admin_reserve_kbytes), C(vm.user_reserve_kbytes)), in KiB."""

    room_kib: int
    """What an unprivileged task can still be promised, in KiB: the limit less the two above and I(dormant_kib)."""

    room_pct: float
    """The same in percent of the limit."""

    wanted_pct: int
    """What has to stay free for programs to start, in percent of the limit."""

    passes: bool
    """Whether I(room_pct) is at least I(wanted_pct)."""

    dormant_kib: int = 0
    """What is kept for services that shall run and do not, in KiB."""


@dataclass(frozen=True)
class Commit:
    """What the kernel has promised; C(None) where it does not say."""

    mode: Optional[str]
    """C(vm.overcommit_memory) as a word: C(heuristic), C(always) or C(never)."""

    ratio: Optional[int]
    """C(vm.overcommit_ratio), in percent of RAM; 0 where I(kbytes) is set."""

    kbytes: Optional[int]
    """C(vm.overcommit_kbytes), in KiB; 0 where I(ratio) is set."""

    limit_kib: Optional[int]
    """The commit limit, in KiB; enforced in mode C(never) alone."""

    committed_kib: Optional[int]
    """What is promised to processes, in KiB."""

    headroom_kib: Optional[int]
    """The limit less what is promised, in KiB; below 0 where more has been promised."""

    if_never: Optional[Headroom]
    """What mode C(never) would leave with I(ratio) or I(kbytes) as they are."""

    ratio_that_passes: Optional[int]
    """The smallest ratio that would leave 10 % of its limit free, in percent of RAM; may be above 100."""


def commit_limit_kib(memory: Memory, ratio: int, kbytes: int) -> int:
    """CommitLimit. Source: vm_commit_limit(), mm/util.c, unchanged since 3.14."""
    if kbytes:
        return kbytes + memory.swap_total_kib
    return (memory.total_kib - memory.hugetlb_kib) * ratio // 100 + memory.swap_total_kib


def reserve_kib(memory: Memory, admin_reserve_kib: int, user_reserve_kib: int) -> int:
    """What mode C(never) keeps back: the admin's reserve, and of the user's what one process can be held to.

    The kernel takes a 32nd of the asking task's size up to the reserve; no task is larger than all there is.
    """
    return admin_reserve_kib + min(user_reserve_kib, (memory.committed_kib or 0) // 32)


def commit(
    memory: Memory,
    mode: Optional[int],
    ratio: Optional[int],
    kbytes: Optional[int],
    admin_reserve_kib: Optional[int],
    user_reserve_kib: Optional[int],
    dormant_kib: int = 0,
) -> Commit:
    """What is promised under these sysctls, C(None) for one that this kernel does not have."""
    reserve = reserve_kib(memory, admin_reserve_kib or 0, user_reserve_kib or 0)
    if_never = None
    if ratio is not None or kbytes:
        limit_kib = commit_limit_kib(memory, ratio or 0, kbytes or 0)
        if_never = headroom(memory, limit_kib, reserve, MIN_HEADROOM_PCT, dormant_kib)
    known = memory.commit_limit_kib is not None and memory.committed_kib is not None
    return Commit(
        mode=MODES[mode] if mode in (0, 1, 2) else None,
        ratio=ratio,
        kbytes=kbytes,
        limit_kib=memory.commit_limit_kib,
        committed_kib=memory.committed_kib,
        headroom_kib=(memory.commit_limit_kib or 0) - (memory.committed_kib or 0) if known else None,
        if_never=if_never,
        ratio_that_passes=smallest_ratio(memory, reserve + dormant_kib, MIN_HEADROOM_PCT),
    )


def headroom(
    memory: Memory, limit_kib: int, reserve_kib: int, wanted_pct: int, dormant_kib: int = 0
) -> Optional[Headroom]:
    """Room under I(limit_kib); C(None) where the kernel does not say what is committed.

    Source: __vm_enough_memory(), mm/util.c: the admin reserve is taken from unprivileged tasks, the user
    reserve from every task up to a 32nd of its size; the caller adds up what it wants to count.
    """
    if memory.committed_kib is None:
        return None
    room_kib = limit_kib - memory.committed_kib - reserve_kib - dormant_kib
    room_pct = round(100 * room_kib / limit_kib, 1) if limit_kib > 0 else -100.0
    passes = limit_kib > 0 and room_kib * 100 >= wanted_pct * limit_kib
    return Headroom(limit_kib, memory.committed_kib, reserve_kib, room_kib, room_pct, wanted_pct, passes, dormant_kib)


def smallest_ratio(memory: Memory, reserve_kib: int, wanted_pct: int) -> Optional[int]:
    """The smallest C(vm.overcommit_ratio) that leaves I(wanted_pct) of its limit free; C(None) if unknown.

    Solves limit × (100 − wanted) ≥ (committed + reserve) × 100 for the ratio; may pass 100.
    """
    usable_kib = memory.total_kib - memory.hugetlb_kib
    if memory.committed_kib is None or usable_kib <= 0 or wanted_pct >= 100:
        return None
    needed_kib = -(-(memory.committed_kib + reserve_kib) * 100 // (100 - wanted_pct))
    ratio = max(0, -(-(needed_kib - memory.swap_total_kib) * 100 // usable_kib))
    # A limit of 0 leaves no percent of itself: one step makes it one.
    found = headroom(memory, commit_limit_kib(memory, ratio, 0), reserve_kib, wanted_pct)
    return ratio if found is not None and found.passes else ratio + 1
