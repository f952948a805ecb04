# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drill has shown: who died, who lived, and whether the forecast was right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import HostEvent
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.badness import label
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.forecast import NEWCOMER, Growth
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import KILL, Victim
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drill.ending import ENDED, ending
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drill.script import Report

LIVED, KILLED = "lived", "killed"


@dataclass(frozen=True)
class Dead:
    """A process that the kernel killed, I(oom) the how manieth time that memory had run out. I(name) is its unit,
    its own name outside of any, or what the forecast calls the one that grew.
    """

    name: str
    pid: int | None
    comm: str | None
    rss_kib: int | None
    oom_score_adj: int | None
    oom: int


@dataclass(frozen=True)
class Fate:
    """What became of a service: V(lived), V(killed) (its main process, by the kernel) or V(ended) otherwise.

    I(score) is that of its main process before; I(declared) whether the inventory names it; I(lost) how many others
    of its processes the kernel killed; I(runs): it does, maybe again.
    """

    name: str
    declared: bool
    score: int
    fate: str
    lost: int
    runs: bool


@dataclass(frozen=True)
class Verdict:
    """I(outcome) and I(inconclusive) are those of the one that grew, see C(Ending).

    I(first_right): those that died at the first OOM were named, or that there is none. I(all_right): all names in
    their order, and the outcome. Both are C(None) where the drill was inconclusive.
    """

    outcome: str
    killed: tuple[Dead, ...]
    fates: tuple[Fate, ...]
    first_right: bool | None
    all_right: bool | None
    inconclusive: str | None = None


def foretold(state: HostState) -> Growth:
    """What the forecast says of a newcomer. Raises LifeboatError where the processes were not read."""
    for growth in state.outlook().forecast or ():
        if growth.grower == NEWCOMER:
            return growth
    why = next((unread.why for unread in state.unread if unread.what == "processes"), "it was not asked for them")
    raise LifeboatError(f"nothing can be foretold: the device's processes were not read: {why}")


def judge(before: HostState, after: HostState, growth: Growth, report: Report, declared: Sequence[str]) -> Verdict:
    """Compare two looks at the device, before and after; I(declared) are names of units."""
    names: dict[int | None, str] = {process.pid: label(process) for process in before.processes or ()}
    if report.pid is not None:
        names[report.pid] = NEWCOMER
    kills = _kills(before, after)
    killed = tuple(_dead(kills, names))
    end = ending(before, after, growth, report, kills)
    first = {dead.pid for dead in killed if dead.oom == 1}
    # A newcomer has no pid beforehand; where nobody is killed none is expected either.
    expected: set[int | None] = set(growth.first_pids) or ({report.pid} if growth.victims else set())
    first_right = first == expected
    order = tuple(name for name, _unused in groupby(dead.name for dead in killed))
    return Verdict(
        outcome=end.outcome,
        killed=killed,
        fates=tuple(_fates(before, after, {dead.pid for dead in killed}, declared)),
        first_right=None if end.inconclusive else first_right,
        all_right=None
        if end.inconclusive
        else first_right and order == growth.victims and end.outcome == growth.outcome,
        inconclusive=end.inconclusive,
    )


def _kills(before: HostState, after: HostState) -> list[HostEvent]:
    """Those by the kernel since then."""
    known = {_key(event) for event in before.events or ()}
    return [event for event in after.events or () if event.kind == KILL and _key(event) not in known]


def _dead(kills: Sequence[HostEvent], names: Mapping[int | None, str]) -> Iterator[Dead]:
    for number, event in enumerate(kills, 1):
        # Of those that are killed together the one that grew counts as the last.
        found = [_victim(event, victim, names, number) for victim in event.victims]
        yield from sorted(found, key=lambda dead: dead.name == NEWCOMER)


def _key(event: HostEvent) -> tuple[Any, ...]:
    """The same for one event in two logs, which may give its time in two ways."""
    return tuple((victim.pid, victim.comm, victim.total_vm_kib, victim.anon_rss_kib) for victim in event.victims)


def _victim(event: HostEvent, victim: Victim, names: Mapping[int | None, str], number: int) -> Dead:
    return Dead(
        name=names.get(victim.pid) or event.unit or victim.comm or "unknown",
        pid=victim.pid,
        comm=victim.comm,
        rss_kib=victim.rss_kib,
        oom_score_adj=victim.oom_score_adj,
        oom=number,
    )


@dataclass(frozen=True)
class _Watched:
    """A service by its main process, which is another one after a restart."""

    pid: int
    start_ticks: int
    score: int
    others: frozenset[int]


def _watched(state: HostState) -> dict[str, _Watched]:
    """The services; without systemd what process 1 has started, with the pid where several have one name."""
    found: dict[str, _Watched] = {}
    if state.services is not None:
        for service in state.services:
            leader = service.leader
            if leader is not None and service.unit.type != "oneshot":
                others = frozenset(one.pid for one in service.running if one is not leader)
                found[service.unit.id] = _Watched(leader.pid, leader.start_ticks, leader.oom_score_adj, others)
        return found
    for process in state.processes or ():
        if process.ppid == 1:
            name = f"{process.comm} ({process.pid})" if process.comm in found else process.comm
            others = frozenset(child.pid for child in state.processes or () if child.ppid == process.pid)
            found[name] = _Watched(process.pid, process.start_ticks, process.oom_score_adj, others)
    return found


def _fates(before: HostState, after: HostState, killed: set[int | None], declared: Sequence[str]) -> Iterator[Fate]:
    ours, now = set(declared), _watched(after)
    same_boot = before.host.boot_id == after.host.boot_id
    for name, then in sorted(_watched(before).items()):
        # By process, not by name: without systemd there is no other way, and with it the same.
        lives = same_boot and any((one.pid, one.start_ticks) == (then.pid, then.start_ticks) for one in now.values())
        fate = LIVED if lives else KILLED if then.pid in killed else ENDED
        yield Fate(name, name in ours, then.score, fate, len(then.others & killed), lives or name in now)
