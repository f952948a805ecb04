# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is declared about overcommit to a goal for its sysctls, and the guard of mode C(never)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy, Refused
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import Memory
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.overcommit import (
    MODES,
    Headroom,
    commit_limit_kib,
    headroom,
    smallest_ratio,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._policy import OvercommitPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import (
    ADMIN_RESERVE,
    KBYTES,
    MODE,
    OVERCOMMIT_KEYS,
    RATIO,
    REMEMBERED,
    USER_RESERVE,
    VOIDS,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import SysctlState, boot_winners
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.own_file import own_values, values_before
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.sysctls import Goal

# Documentation/admin-guide/sysctl/vm.rst
_KERNEL_DEFAULTS = {MODE: "0", RATIO: "50"}


@dataclass(frozen=True)
class Guard:
    """The numbers of mode C(never) as they would be; I(ratio_that_passes) may be above 100."""

    headroom: Headroom
    ratio_that_passes: Optional[int]

    def as_dict(self) -> Dict[str, Any]:
        return dict(asdict(self.headroom), ratio_that_passes=self.ratio_that_passes)


@dataclass(frozen=True)
class Decision:
    """The goal, the guard where mode C(never) is or will be on, and how C(auto) was decided."""

    goal: Goal
    guard: Optional[Guard]
    notes: Tuple[str, ...] = ()


def decide(
    policy: OvercommitPolicy,
    state: SysctlState,
    memory: Memory,
    min_headroom_pct: int = 10,
    runtime: bool = True,
    persistent: bool = True,
) -> Decision:
    """The goal of O(state=present)."""
    notes: List[str] = []
    ratio = policy.ratio
    if ratio == "auto":
        ratio, note = _auto_ratio(state, memory, min_headroom_pct, policy)
        notes.append(note)
    limits: Dict[str, Optional[str]] = {}
    for key, value in (
        (RATIO, ratio),
        (KBYTES, policy.kbytes),
        (ADMIN_RESERVE, policy.admin_reserve_kbytes),
        (USER_RESERVE, policy.user_reserve_kbytes),
    ):
        if value is not None:
            limits[key] = str(value)
    mode = {} if policy.mode is None else {MODE: str(MODES.index(policy.mode))}
    leaving = policy.mode not in (None, "never") and running_mode(state) == "never"
    # Limits before the mode that enforces them; the mode first when it stops doing so.
    values = dict(mode, **limits) if leaving else dict(limits, **mode)
    file: Dict[str, Optional[str]] = {VOIDS[key]: None for key in values if key in VOIDS and VOIDS[key] not in values}
    file.update(values)
    goal = Goal({key: str(value) for key, value in values.items()} if runtime else {}, file if persistent else {})
    return Decision(goal, _guard(state, memory, values, min_headroom_pct), tuple(notes))


def decide_absent(
    state: SysctlState, memory: Memory, min_headroom_pct: int, runtime: bool, persistent: bool
) -> Decision:
    """The goal of O(state=absent): our lines gone, the kernel back to what the other files or its defaults say."""
    own = own_values(state.own_text, OVERCOMMIT_KEYS)
    without = state.with_file(state.own_path, None)
    winners = boot_winners(without, OVERCOMMIT_KEYS, VOIDS)
    back = dict(_KERNEL_DEFAULTS)
    back.update({key: value for key, value in values_before(state.own_text).items() if key in own})
    back.update({key: winner.value for key, winner in winners.items() if winner.key == key and key in OVERCOMMIT_KEYS})
    if KBYTES in back and back[KBYTES] != "0" and winners[KBYTES].key == KBYTES:
        del back[RATIO]
    else:
        back.pop(KBYTES, None)
    back = {key: value for key, value in back.items() if key in state.runtime}
    leaving = running_mode(state) == "never" and back.get(MODE) != "2"
    order = [MODE, RATIO, KBYTES, *REMEMBERED] if leaving else [RATIO, KBYTES, *REMEMBERED, MODE]
    values: Dict[str, Optional[str]] = {key: back[key] for key in order if key in back}
    goal = Goal(
        {key: str(value) for key, value in values.items()} if runtime else {},
        dict.fromkeys(own) if persistent else {},
    )
    return Decision(goal, _guard(state, memory, values, min_headroom_pct))


def running_mode(state: SysctlState) -> Optional[str]:
    number = state.runtime.get(MODE, "")
    return MODES[int(number)] if number in ("0", "1", "2") else None


def check_guard(state: SysctlState, decision: Decision, force: bool) -> Optional[str]:
    """Refuse to enter C(never), or to lower its limit, without headroom. A forced one is a warning."""
    guard = decision.guard
    if guard is None or guard.headroom.passes or not _makes_tighter(state, decision.goal):
        return None
    message = _no_headroom(guard)
    if not force:
        raise Refused(message + "; force: true applies it all the same", guard.as_dict())
    return "forced: " + message


def _makes_tighter(state: SysctlState, goal: Goal) -> bool:
    """Whether anything of the goal is new to a host: converged is converged, however tight it has become."""
    wanted: Dict[str, Optional[str]] = dict(goal.file)
    own = own_values(state.own_text, OVERCOMMIT_KEYS)
    return any(state.runtime.get(key) != value for key, value in goal.runtime.items()) or any(
        own.get(key) != value for key, value in wanted.items()
    )


def _no_headroom(guard: Guard) -> str:
    numbers = guard.headroom
    message = (
        f"overcommit mode never would leave {numbers.room_kib} KiB of its commit limit, {numbers.room_pct} % and not "
        f"the wanted {numbers.wanted_pct} %: limit {numbers.limit_kib} KiB, committed now {numbers.committed_kib} KiB, "
        f"reserves {numbers.reserve_kib} KiB; programs, sshd among them, could not start"
    )
    if guard.ratio_that_passes is not None:
        message += f"; ratio {guard.ratio_that_passes} would pass"
        if guard.ratio_that_passes > 100:
            message += " (above 100 it promises more than there is: add swap or commit less)"
    return message


def _number(value: Optional[str]) -> int:
    return int(value) if value is not None and value.isdigit() else 0


def _reserve_kib(state: SysctlState, memory: Memory, values: Mapping[str, Optional[str]]) -> int:
    """What mode C(never) keeps back: the admin's reserve, and of the user's what one process can be held to.

    The kernel takes a 32nd of the asking task's size up to the reserve; no task is larger than all there is.
    """
    admin = _number(values.get(ADMIN_RESERVE) or state.runtime.get(ADMIN_RESERVE))
    user = _number(values.get(USER_RESERVE) or state.runtime.get(USER_RESERVE))
    return admin + min(user, (memory.committed_kib or 0) // 32)


def _guard(state: SysctlState, memory: Memory, values: Mapping[str, Optional[str]], wanted_pct: int) -> Optional[Guard]:
    mode = values.get(MODE) or state.runtime.get(MODE)
    if mode != "2":
        return None
    ratio, kbytes = values.get(RATIO), values.get(KBYTES)
    if ratio is None and kbytes is None:
        ratio, kbytes = state.runtime.get(RATIO), state.runtime.get(KBYTES)
    reserve_kib = _reserve_kib(state, memory, values)
    limit_kib = commit_limit_kib(memory, _number(ratio), _number(kbytes))
    found = headroom(memory, limit_kib, reserve_kib, wanted_pct)
    return None if found is None else Guard(found, smallest_ratio(memory, reserve_kib, wanted_pct))


def _auto_ratio(state: SysctlState, memory: Memory, wanted_pct: int, policy: OvercommitPolicy) -> Tuple[int, str]:
    """The ratio that stands if it leaves the headroom, so that a second run changes nothing; else the smallest."""
    sizes = {
        ADMIN_RESERVE: None if policy.admin_reserve_kbytes is None else str(policy.admin_reserve_kbytes),
        USER_RESERVE: None if policy.user_reserve_kbytes is None else str(policy.user_reserve_kbytes),
    }
    reserve_kib = _reserve_kib(state, memory, sizes)
    smallest = smallest_ratio(memory, reserve_kib, wanted_pct)
    if smallest is None:
        raise InvalidPolicy(
            "ratio: auto needs Committed_AS in /proc/meminfo, which this kernel does not show; write a number"
        )
    standing = _number(own_values(state.own_text, OVERCOMMIT_KEYS).get(RATIO))
    if smallest <= standing <= max(100, smallest):
        return standing, f"ratio auto: {standing} stands, at least {smallest} is needed"
    how = (
        f"{smallest} % of {memory.total_kib - memory.hugetlb_kib} KiB and {memory.swap_total_kib} KiB of swap leave "
        f"{wanted_pct} % free above {memory.committed_kib} KiB committed and {reserve_kib} KiB of reserves"
    )
    if smallest > 100:
        raise Refused(
            "ratio: auto found no ratio up to 100: " + how + "; commit less, add swap, or write the ratio",
            {
                "ratio_that_passes": smallest,
                "committed_kib": memory.committed_kib,
                "reserve_kib": reserve_kib,
            },
        )
    return smallest, "ratio auto: " + how
