# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What protecting services does to all others: the kill order before and after, guards, warnings."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import Refused
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.badness import (
    Candidate,
    Crowd,
    Killer,
    kill_order,
    label,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import Memory
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import Process
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd import names
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.inheritance import Claim, heirs_of, reasons_against

# A process with this score or a lower one is only killed when nothing else is left.
PROTECTED_FROM = -900
# Of the memory of all processes, what has to stay with killable ones, in percent.
MIN_KILLABLE_PCT = 5
SHOWN = 10


@dataclass(frozen=True)
class Outcome:
    """Who would be killed, before and after, and what the kernel has to choose from after."""

    before: Tuple[Candidate, ...]
    after: Tuple[Candidate, ...]
    protected_kib: int
    killable_kib: int
    ram_kib: int

    @property
    def protected_pct(self) -> float:
        return round(100 * self.protected_kib / self.ram_kib, 1) if self.ram_kib else 0.0

    def facts(self) -> Dict[str, Any]:
        return {
            "protected_kib": self.protected_kib,
            "protected_pct": self.protected_pct,
            "killable_kib": self.killable_kib,
            "ram_kib": self.ram_kib,
        }


def rescored(processes: Sequence[Process], scores: Mapping[int, int]) -> Tuple[Process, ...]:
    """The processes with the scores that some will have, by pid."""
    return tuple(
        replace(process, oom_score_adj=scores[process.pid]) if process.pid in scores else process
        for process in processes
    )


def outcome(before: Sequence[Process], after: Sequence[Process], memory: Memory, killer: Killer) -> Outcome:
    """Compare two looks at the processes. Init and what cannot be killed at all counts as protected."""
    killable = [process for process in after if process.oom_score_adj > PROTECTED_FROM and process.pid != 1]
    protected = [process for process in after if process.oom_score_adj <= PROTECTED_FROM or process.pid == 1]
    return Outcome(
        before=kill_order(Crowd(before, memory, killer)),
        after=kill_order(Crowd(after, memory, killer)),
        protected_kib=held_kib(protected),
        killable_kib=held_kib(killable),
        ram_kib=memory.total_kib,
    )


def held_kib(processes: Iterable[Process]) -> int:
    """RAM and swap of the processes. Shared memory, as of a database, counts once for all processes of a unit."""
    own_kib = 0
    shared_kib: Dict[str, int] = {}
    for process in processes:
        shmem_kib = process.rss_shmem_kib or 0
        own_kib += process.rss_kib - shmem_kib + process.swap_kib
        shared_kib[label(process)] = max(shmem_kib, shared_kib.get(label(process), 0))
    return own_kib + sum(shared_kib.values())


def check_guards(
    found: Outcome, claims: Sequence[Claim], max_protected_pct: int, force: bool, changes: bool = True
) -> List[str]:
    """Refuse a protection that is inherited by too many; one that I(changes) something, also where it leaves nothing
    to kill or takes too much of the RAM.

    With I(force) the reasons are returned, as warnings.
    """
    reasons = reasons_against(claims)
    if changes:
        reasons += [*_too_much(found, max_protected_pct), *_nothing_left(found)]
    if reasons and not force:
        raise Refused(
            "; ".join(reasons) + "; force: true (oom_protect_force in an inventory) applies it all the same",
            found.facts(),
        )
    return ["forced: " + reason for reason in reasons]


def _too_much(found: Outcome, max_protected_pct: int) -> List[str]:
    if found.protected_pct <= max_protected_pct:
        return []
    return [
        f"processes with a score of {PROTECTED_FROM} or less hold {found.protected_kib} KiB, {found.protected_pct} % "
        f"of {found.ram_kib} KiB of RAM and more than max_protected_pct, {max_protected_pct} %: what is left for the "
        "kernel to kill frees too little; protect less"
    ]


def _nothing_left(found: Outcome) -> List[str]:
    all_kib = found.protected_kib + found.killable_kib
    if found.killable_kib * 100 >= MIN_KILLABLE_PCT * all_kib:
        return []
    return [
        f"nothing killable of size would be left: {found.killable_kib} KiB of the {all_kib} KiB that all processes "
        f"hold, less than {MIN_KILLABLE_PCT} %; leave a service above {PROTECTED_FROM}"
    ]


def next_victim_warnings(found: Outcome, sensitive: Mapping[str, Sequence[str]]) -> List[str]:
    """Who moves to the first place of the kill order, said louder where many depend on it."""
    first, then = _first(found.before), _first(found.after)
    if then is None or (first is not None and label(first) == label(then)):
        return []
    instead = f" in place of {label(first)}" if first is not None else ""
    message = (
        f"if memory runs out, {label(then)} is now killed first{instead} "
        f"({then.rss_kib} KiB, score {then.oom_score_adj})"
    )
    what_for = purpose(then.unit, sensitive)
    if what_for is None:
        return [message]
    protect = "" if heirs_of(then.unit, then.comm) else ", or protect it"
    return [f"DANGER: {message}, and it is there for {what_for}: give something else a higher score{protect}"]


def _first(order: Sequence[Candidate]) -> Optional[Candidate]:
    return order[0] if order else None


def purpose(unit: Optional[str], sensitive: Mapping[str, Sequence[str]]) -> Optional[str]:
    """What a unit is there for, C(None) for one whose loss is not felt more than it looks."""
    prefix = names.split(unit).prefix if unit else None
    return next((what_for for what_for, services in sensitive.items() if prefix in services), None)


def shown_order(order: Sequence[Candidate]) -> List[Dict[str, Any]]:
    return [asdict(candidate) for candidate in order[:SHOWN]]


def order_diff(found: Outcome) -> List[Dict[str, str]]:
    """Ansible's diff of the kill order, empty where it stays."""
    before, after = (_text(order) for order in (found.before, found.after))
    if before == after:
        return []
    return [{"before_header": "kill order", "after_header": "kill order", "before": before, "after": after}]


def _text(order: Sequence[Candidate]) -> str:
    return "".join(
        f"{place}. {label(one)} pid {one.pid} score {one.oom_score_adj}\n" for place, one in enumerate(order[:SHOWN], 1)
    )
