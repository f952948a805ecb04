# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is declared about overcommit to a goal for its sysctls, and the guard of mode C(never)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy, Refused
from ansible_collections.lifeboat.oom.plugins.module_utils._health.dormant import DormantUnit
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import Memory
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.overcommit import (
    MODES,
    Headroom,
    commit_limit_kib,
    headroom,
    reserve_kib,
    smallest_ratio,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import AUTO, SysctlDeclaration
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import (
    ADMIN_RESERVE,
    KBYTES,
    MODE,
    RATIO,
    USER_RESERVE,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import SysctlState
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.own_file import own_values
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.decision import (
    Decision,
    Objection,
    goal_of,
    wanted_values,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.sysctls import Goal, expected_state

# Of the limit, what "auto" leaves free beyond what is asked for.
_SLACK_PCT = 5
# What "auto" takes is a multiple of it, so that devices that are alike have the same.
_STEP_PCT = 5


@dataclass(frozen=True)
class Dormant:
    """What services that shall run and do not will ask for: KiB by unit, and those of which nobody knows."""

    needs_kib: Mapping[str, int] = field(default_factory=dict)
    unknown: Tuple[str, ...] = ()

    @property
    def total_kib(self) -> int:
        return sum(self.needs_kib.values())


NOBODY = Dormant()


def needs_of(dormant: Sequence[DormantUnit], needs_mib: Mapping[str, int]) -> Dormant:
    """What is declared of a unit, else what it held in an earlier run."""
    needs = {each.unit: needs_mib[each.unit] * 1024 if each.unit in needs_mib else each.peak_kib for each in dormant}
    return Dormant(
        {unit: kib for unit, kib in needs.items() if kib is not None},
        tuple(unit for unit, kib in needs.items() if kib is None),
    )


@dataclass(frozen=True)
class Guard:
    """The numbers of mode C(never) as they would be, in KiB.

    I(room_now_kib) is the room under the settings that run, C(None) where they enforce nothing.
    I(ratio_that_passes) may be above 100.
    """

    headroom: Headroom
    room_now_kib: Optional[int]
    ratio_that_passes: Optional[int]
    dormant: Dormant

    @property
    def refuses(self) -> bool:
        """Too little would be left, and less than is left now: what is tight already may be loosened."""
        tighter = self.room_now_kib is None or self.headroom.room_kib < self.room_now_kib
        return tighter and not self.headroom.passes

    def as_dict(self) -> Dict[str, Any]:
        return {
            **asdict(self.headroom),
            "room_now_kib": self.room_now_kib,
            "ratio_that_passes": self.ratio_that_passes,
            "dormant": dict(self.dormant.needs_kib),
            "not_counted": list(self.dormant.unknown),
        }


def decide(
    declaration: SysctlDeclaration, state: SysctlState, memory: Memory, dormant: Sequence[DormantUnit] = ()
) -> Decision:
    """Raises InvalidPolicy, and Refused where O(ratio=auto) finds none."""
    wanted_pct, needs = declaration.options["min_headroom_pct"], needs_of(dormant, declaration.options["needs_mib"])
    values, notes = wanted_values(declaration, state), []
    if values.get(RATIO) == AUTO:
        values[RATIO], note = _auto_ratio(state, memory, wanted_pct, values, needs)
        notes.append(note)
    values = _in_order(state, values)
    guard = guard_of(state, memory, values, wanted_pct, needs)
    if guard is not None:
        notes.append(f"nothing that asks for more than {guard.headroom.room_kib} KiB more can be promised it")
    objection = Objection(_no_headroom(guard), guard.as_dict()) if guard is not None and guard.refuses else None
    result = {"guard": None if guard is None else guard.as_dict(), "notes": notes}
    warnings = () if guard is None or not needs.unknown else (not_counted(needs.unknown),)
    return Decision(goal_of(declaration, state, values), objection, result, warnings)


def counts_dormant(declaration: SysctlDeclaration, state: SysctlState) -> bool:
    """Whether it matters what does not run: somebody has to be promised too little for that."""
    return declaration.values.get(RATIO) == AUTO or "2" in (declaration.values.get(MODE), state.runtime.get(MODE))


def not_counted(names: Sequence[str]) -> str:
    """What is said of services that shall run, do not, and may need any size."""
    return (
        f"not counted, for nobody knows their size: {', '.join(names)}; they shall run and do not, and it may be that "
        "what they need can never be promised under overcommit mode never; start them before, or declare needs_mib, "
        f"such as {{{names[0]}: 200}}"
    )


def _in_order(state: SysctlState, values: Mapping[str, str]) -> Dict[str, str]:
    """Limits before the mode that enforces them; the mode first when it stops doing so."""
    leaving = running_mode(state) == "never" and values.get(MODE, "2") != "2"
    order = sorted(values, key=lambda key: (key == MODE) != leaving)
    return {key: values[key] for key in order}


def running_mode(state: SysctlState) -> Optional[str]:
    number = state.runtime.get(MODE, "")
    return MODES[int(number)] if number in ("0", "1", "2") else None


def _no_headroom(guard: Guard) -> str:
    numbers = guard.headroom
    message = (
        f"overcommit mode never would leave {numbers.room_kib} KiB of its commit limit, {numbers.room_pct} % and not "
        f"the wanted {numbers.wanted_pct} %: limit {numbers.limit_kib} KiB, committed now {numbers.committed_kib} KiB, "
        f"reserves {numbers.reserve_kib} KiB{_dormant_words(guard)}; programs, sshd among them, could not start"
    )
    if guard.ratio_that_passes is not None:
        message += f"; ratio {guard.ratio_that_passes} would pass"
        if guard.ratio_that_passes > 100:
            message += " (above 100 it promises more than there is: add swap or commit less)"
    return message


def _dormant_words(guard: Guard) -> str:
    found = ", ".join(f"{unit} {kib} KiB" for unit, kib in guard.dormant.needs_kib.items())
    return f", services that shall run and do not {guard.headroom.dormant_kib} KiB ({found})" if found else ""


def _number(value: Optional[str]) -> int:
    return int(value) if value is not None and value.isdecimal() else 0


def _reserve_kib(memory: Memory, running: Mapping[str, str]) -> int:
    return reserve_kib(memory, _number(running.get(ADMIN_RESERVE)), _number(running.get(USER_RESERVE)))


def _room(memory: Memory, running: Mapping[str, str], wanted_pct: int, dormant_kib: int) -> Optional[Headroom]:
    """The headroom of a host that runs with these values; C(None) where they do not enforce a limit."""
    if running.get(MODE) != "2":
        return None
    limit_kib = commit_limit_kib(memory, _number(running.get(RATIO)), _number(running.get(KBYTES)))
    return headroom(memory, limit_kib, _reserve_kib(memory, running), wanted_pct, dormant_kib)


def guard_of(
    state: SysctlState, memory: Memory, values: Mapping[str, str], wanted_pct: int, dormant: Dormant = NOBODY
) -> Optional[Guard]:
    """What I(values) would leave, where mode C(never) is or will be on."""
    running = expected_state(state, Goal(values, {}), ()).runtime
    then, now = (_room(memory, each, wanted_pct, dormant.total_kib) for each in (running, state.runtime))
    if then is None:
        return None
    passing = smallest_ratio(memory, _reserve_kib(memory, running) + dormant.total_kib, wanted_pct)
    return Guard(then, None if now is None else now.room_kib, passing, dormant)


def _auto_ratio(
    state: SysctlState, memory: Memory, wanted_pct: int, declared: Mapping[str, str], dormant: Dormant
) -> Tuple[str, str]:
    """The ratio that stands if it leaves the headroom, so that a second run changes nothing; else the smallest.

    A little more, up to all of RAM: what is committed moves, and the exact one would be too small at the next look.
    """
    reserve = _reserve_kib(memory, {**state.runtime, **declared})
    kept = reserve + dormant.total_kib
    smallest = smallest_ratio(memory, kept, wanted_pct)
    if smallest is None:
        raise InvalidPolicy(
            "ratio: auto needs Committed_AS in /proc/meminfo, which this kernel does not show; write a number"
        )
    own = own_values(state.own_text, (RATIO,)).get(RATIO)
    enforced = state.runtime.get(MODE) == "2"
    standing = _number(own if own is not None else state.runtime.get(RATIO) if enforced else None)
    if standing and (smallest <= standing or (enforced and standing >= 100)):
        return str(standing), f"ratio auto: {standing} stands, at least {smallest} is needed"
    with_slack = smallest_ratio(memory, kept, min(wanted_pct + _SLACK_PCT, 99)) or smallest
    chosen = max(smallest, min(-(-max(with_slack, 1) // _STEP_PCT) * _STEP_PCT, 100))
    how = (
        f"{chosen} % of {memory.total_kib - memory.hugetlb_kib} KiB and {memory.swap_total_kib} KiB of swap leave more "
        f"than {wanted_pct} % free above {memory.committed_kib} KiB committed, {reserve} KiB of reserves and "
        f"{dormant.total_kib} KiB for services that shall run and do not"
    )
    if smallest > 100:
        raise Refused(
            "ratio: auto found no ratio up to 100: " + how + "; commit less, add swap, or write the ratio",
            {
                "ratio_that_passes": smallest,
                "committed_kib": memory.committed_kib,
                "reserve_kib": reserve,
                "dormant": dict(dormant.needs_kib),
            },
        )
    return str(chosen), "ratio auto: " + how
