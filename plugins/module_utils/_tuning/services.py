# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services: what differs (C(plan)), the verdict on all layers, and what will be."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.badness import ADJ_MIN
from ansible_collections.lifeboat.oom.plugins.module_utils._plan import Change, Plan
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import ServicePolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.dropins import Assignment
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import (
    SCORE,
    DeclaredUnit,
    RunningScore,
    ScoreLayers,
    ServicesState,
    ServiceState,
    normal,
    same_value,
)

# Who was given the score of our drop-in so often, and has another one again, is no victim: it sets its own.
MENDED_OFTEN = 2
# The listener of OpenSSH, which does so at each start (oom_adjust_setup() in port-linux.c).
_LISTENER = ("sshd", ADJ_MIN)
UNAVAILABLE = ("not-found", "masked")
# What leaves nothing to do, the more telling first.
_HARMLESS = ("self_adjusted", "ok")
# What a converge run can not make good by itself.
FAILED_VERDICTS = ("overridden", "not_permitted", "differs", "missing", "needs_reload")


@dataclass(frozen=True)
class Verdict:
    """One word from the contract, and who or what is to blame."""

    word: str
    culprit: Optional[str] = None

    def __str__(self) -> str:
        return self.word if self.culprit is None else f"{self.word} ({self.culprit})"


@dataclass(frozen=True)
class Task:
    """A declared unit, what it shall have, and the unit as it is once all files of this run are I(written)."""

    unit: DeclaredUnit
    policy: ServicePolicy
    written: DeclaredUnit

    @property
    def writes(self) -> bool:
        """Whether our drop-in has any other text than it should: somebody's extra line counts too."""
        return self.unit.own_text != self.written.own_text

    @property
    def pairs(self) -> Tuple[Tuple[ServiceState, ServiceState], ...]:
        """Each unit behind the name as it is, and with the files written."""
        return tuple(zip(self.unit.states, self.written.states))

    def wanted_score(self, written: ServiceState) -> int:
        """The declared score; without a declaration the one that the other files give."""
        score = self.policy.oom_score_adj
        return written.disk_score() if score is None else score


def tasks(services: ServicesState, policies: Sequence[ServicePolicy], exclusive: bool) -> Tuple[Task, ...]:
    """Every unit that is to be looked at, in the order of the declarations.

    With I(exclusive) what is left over of earlier declarations shall go.
    """
    by_name = {unit.name: unit for unit in services.declared}
    pairs = [(by_name[policy.name], policy) for policy in policies]
    if exclusive:
        pairs += [(unit, ServicePolicy(unit.name, {}, present=False)) for unit in services.left_over]
    # The drop-in of a template is one of each instance too: every text counts for every unit.
    texts = {unit.own_path: unit.text_for(policy.settings) if policy.present else None for unit, policy in pairs}
    return tuple(Task(unit, policy, unit.with_texts(texts)) for unit, policy in pairs)


def plan_services(work: Sequence[Task], live: bool = True, write_unavailable: bool = False) -> Plan:
    """What differs: all drop-ins, then what is loaded, then, with I(live), what runs.

    A unit that is not installed or masked has nothing that could differ but its drop-in, and that counts only
    with I(write_unavailable), or where it shall go.
    """
    dropins: List[Change] = []
    loaded: List[Change] = []
    running: List[Change] = []
    for task in work:
        available = task.unit.load_state not in UNAVAILABLE
        if available or write_unavailable or not task.policy.present:
            dropins += _dropin_changes(task)
        for before, after in task.pairs:
            loaded += _loaded_changes(task, before, after)
            running += _running_changes(task, before, after) if live else []
    return Plan((*dropins, *loaded, *running))


def _dropin_changes(task: Task) -> List[Change]:
    if not task.writes:
        return []
    unit, wanted = task.unit, task.policy.settings
    have = unit.own_settings
    why = f"{unit.own_path} is not there" if unit.own_text is None else f"{unit.own_path} says something else"
    if not task.policy.present:
        why = f"{unit.own_path} is there, and the unit is not to have one"
    keys = [key for key in (*wanted, *have) if wanted.get(key) != have.get(key)] or list(wanted)
    return [
        Change(unit.name, "drop-in", key, have.get(key), wanted.get(key), why) for key in dict.fromkeys(keys or [SCORE])
    ]


def rival(after: ServiceState, policy: ServicePolicy) -> Optional[Assignment]:
    """The line of another file that beats our drop-in, once written, with another value."""
    winners = after.merged().winners
    for key, value in policy.settings.items():
        winner = winners.get(key)
        if winner is not None and winner.path != after.own_path and normal(key, winner.value) != normal(key, value):
            return winner
    return None


def _loaded_changes(task: Task, before: ServiceState, after: ServiceState) -> List[Change]:
    wanted = dict(task.policy.settings) or {SCORE: str(after.disk_score())}
    beaten = rival(after, task.policy)
    why = f"overridden by {beaten.path}:{beaten.line}" if beaten else "systemd has not loaded it"
    changes = [
        Change(before.unit.id, "loaded", key, before.loaded(key), value, why)
        for key, value in wanted.items()
        if not same_value(key, value, before.loaded(key))
    ]
    if not changes and (task.policy.present or task.writes) and before.needs_reload():
        score = before.loaded(SCORE)
        changes = [Change(before.unit.id, "loaded", SCORE, score, str(task.wanted_score(after)), why)]
    return changes


def targets(state: ServiceState) -> Tuple[RunningScore, ...]:
    """The processes that a live change may touch: those that hold the leader's score, which they inherited.

    The others have set a score of their own. The leader comes last, so that a run cut short finds the rest
    again.
    """
    leader = state.leader
    if leader is None:
        return ()
    heirs = [
        process for process in state.running if process is not leader and process.oom_score_adj == leader.oom_score_adj
    ]
    return (*heirs, leader)


def started_with_it(state: ServiceState) -> bool:
    """Whether systemd has given the main process the score that is loaded, and no run has seen it with that since."""
    leader = state.leader
    return leader is not None and leader.is_fresh and leader.mended is None


def sets_its_own(state: ServiceState) -> bool:
    """Whether the main process has set its score itself: it was started with the loaded one, and has another.

    One that a run has seen with the loaded score may have been given another one by somebody.
    """
    leader, loaded = state.leader, state.unit.oom_score_adjust
    if leader is None or loaded is None or leader.oom_score_adj == loaded:
        return False
    if (leader.comm, leader.oom_score_adj) == _LISTENER:
        return True
    if not permitted(state, leader, loaded):  # nor could systemd
        return False
    return started_with_it(state) or (leader.mended or 0) >= MENDED_OFTEN


def touched(task: Task, before: ServiceState, after: ServiceState) -> Tuple[RunningScore, ...]:
    """The processes whose score is to change. A unit that gives up its drop-in gives back only what that set."""
    wanted = task.wanted_score(after)
    candidates = () if sets_its_own(after) else targets(before)
    if not task.policy.present:
        given = task.unit.own_settings.get(SCORE)
        candidates = tuple(process for process in before.running if str(process.oom_score_adj) == given)
    return tuple(process for process in candidates if process.oom_score_adj != wanted)


def _running_changes(task: Task, before: ServiceState, after: ServiceState) -> List[Change]:
    wanted = str(task.wanted_score(after))
    why = "the running process has another score"
    return [
        Change(before.unit.id, "running", process_key(process), str(process.oom_score_adj), wanted, why)
        for process in touched(task, before, after)
    ]


def process_key(process: RunningScore) -> str:
    return f"pid {process.pid} ({process.comm})"


def permitted(state: ServiceState, process: RunningScore, score: int) -> bool:
    return state.may_lower or score >= process.oom_score_adj


def writable(task: Task, before: ServiceState, after: ServiceState) -> Tuple[RunningScore, ...]:
    """Those of the processes whose score is to change for which the kernel lets it."""
    wanted = task.wanted_score(after)
    return tuple(process for process in touched(task, before, after) if permitted(before, process, wanted))


def verdict(task: Task) -> Verdict:
    """How a unit stands against its declaration: the first layer that is not right, and the culprit."""
    unit = task.unit
    if unit.load_state in UNAVAILABLE:
        return Verdict(unit.load_state.replace("-", "_"))
    if task.writes:
        return Verdict("missing" if unit.own_text is None else "differs", unit.own_path)
    judged = [unit_verdict(task, state) for state in unit.states]
    return min(
        judged, key=lambda each: _HARMLESS.index(each.word) if each.word in _HARMLESS else -1, default=Verdict("ok")
    )


def restart_needed(task: Task) -> Tuple[str, ...]:
    """The units that have to be restarted: to get their score, or to forget the one that our drop-in gave them.

    What was started with that, and has set its own, may have kept it for what it starts, as sshd does.
    """
    if task.policy.present:
        settled = not task.writes and task.unit.load_state not in UNAVAILABLE
        return tuple(
            each.unit.id for each in task.unit.states if settled and unit_verdict(task, each).word == "needs_restart"
        )
    given = task.unit.own_settings.get(SCORE)
    leaders = [(each.unit.id, each.leader) for each in task.unit.states if given is not None]
    return tuple(unit for unit, one in leaders if one and one.is_fresh and str(one.oom_score_adj) != given)


def unit_verdict(task: Task, state: ServiceState) -> Verdict:
    """The same of one of the units behind the name."""
    beaten = rival(state, task.policy)
    if beaten is not None:
        return Verdict("overridden", f"by {beaten.path}:{beaten.line}")
    if _loaded_changes(task, state, state):
        return Verdict("needs_reload", state.own_path)
    wanted = task.wanted_score(state)
    wrong = [process for process in state.running if process.oom_score_adj != wanted]
    touchable = touched(task, state, state)
    if not task.policy.present or not wrong:
        return Verdict("ok")
    if state.leader is not None and sets_its_own(state):  # and so has given another one to what it starts
        return Verdict("self_adjusted", process_key(state.leader))
    if not touchable:
        return Verdict("self_adjusted", ", ".join(process_key(process) for process in wrong))
    if any(not permitted(state, process, wanted) for process in touchable):
        return Verdict("not_permitted", "lowering a score needs CAP_SYS_RESOURCE, which is missing here")
    return Verdict("needs_restart", ", ".join(process_key(process) for process in touchable))


def expected(task: Task, apply: str, write_unavailable: bool) -> Task:
    """The unit as it will be: what check mode answers with."""
    unit = task.written
    if unit.load_state in UNAVAILABLE:
        if task.policy.present and not write_unavailable:
            unit = task.unit
    else:
        states = tuple(_expected_state(task, before, after, apply) for before, after in task.pairs)
        unit = replace(unit, states=states)
    return Task(unit, task.policy, task.written if unit is task.unit else unit)


def _expected_state(task: Task, before: ServiceState, after: ServiceState, apply: str) -> ServiceState:
    settings = {key: winner.value for key, winner in after.merged().winners.items()}
    unit = replace(
        after.unit,
        oom_score_adjust=after.disk_score(),
        oom_policy=settings.get("OOMPolicy", after.unit.oom_policy),
        managed_oom_preference=settings.get("ManagedOOMPreference", after.unit.managed_oom_preference),
        memory_min_bytes=None,
        memory_low_bytes=None,
        dropin_paths=tuple(found.path for found in after.merged().applied),
        need_daemon_reload=False,
    )
    wanted = task.wanted_score(after)
    changing = {process.pid for process in writable(task, before, after)}
    if apply == "none":
        changing = set()
    running = tuple(
        replace(process, oom_score_adj=wanted) if process.pid in changing else process for process in after.running
    )
    return replace(after, unit=unit, running=running)


@dataclass(frozen=True)
class OwnDropIn:
    """Our drop-in of a unit."""

    path: str
    """Where it is."""
    settings: Mapping[str, str]
    """What it sets, by systemd's keys."""


@dataclass(frozen=True)
class JudgedService:
    """A declared unit in all its layers, with the verdict."""

    name: str
    """The unit as it is declared."""
    state: str
    """V(present), or V(absent) where our drop-in shall be gone."""
    declared: Mapping[str, str]
    """What is declared, by systemd's keys."""
    dropin: Optional[OwnDropIn]
    """Our drop-in, null where there is none."""
    units: Tuple[ScoreLayers, ...]
    """The units behind the name: several instances of a template, none where it is not installed."""
    verdict: str
    """The first layer that is not as declared, as a word; V(ok) where all are."""
    culprit: Optional[str]
    """The file or the process that is to blame, null where there is none."""

    def as_dict(self) -> Dict[str, Any]:
        return asdict(self)


def judged(task: Task) -> JudgedService:
    """How a unit stands against its declaration."""
    own, found = task.unit, verdict(task)
    return JudgedService(
        name=task.policy.name,
        state="present" if task.policy.present else "absent",
        declared=dict(task.policy.settings),
        dropin=OwnDropIn(own.own_path, own.own_settings) if own.own_text else None,
        units=tuple(state.layers() for state in own.states),
        verdict=found.word,
        culprit=found.culprit,
    )
