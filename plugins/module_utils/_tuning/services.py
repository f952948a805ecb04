# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scores of services: what differs (C(plan)), the verdict on all layers, and how it is applied."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import Missing, ReadOnly
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.processes import (
    parse_cgroup,
    parse_stat,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._plan import Change, Plan
from ansible_collections.lifeboat.oom.plugins.module_utils._policy import ServicePolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.dropins import Assignment
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import (
    SCORE,
    RunningScore,
    ServiceState,
    own_text,
)

# What a converge run can not make good by itself.
FAILED_VERDICTS = ("not_found", "masked", "overridden", "not_permitted", "differs", "missing", "needs_reload")


@dataclass(frozen=True)
class Verdict:
    """One word from the contract, and who or what is to blame."""

    word: str
    culprit: Optional[str] = None

    def __str__(self) -> str:
        return self.word if self.culprit is None else f"{self.word} ({self.culprit})"


def plan_services(states: Mapping[str, ServiceState], policies: Sequence[ServicePolicy]) -> Plan:
    """What differs, for all services: all drop-ins, then what is loaded, then what runs."""
    changes: List[Change] = []
    for policy in policies:
        state = states[policy.name]
        if state.unit.load_state in ("not-found", "masked"):
            changes.append(_unreachable(state, policy))
            continue
        changes += _dropin_changes(state, policy) + _loaded_changes(state, policy) + _running_changes(state, policy)
    order = ("drop-in", "loaded", "running")
    return Plan(tuple(sorted(changes, key=lambda change: order.index(change.layer))))


def _unreachable(state: ServiceState, policy: ServicePolicy) -> Change:
    why = f"systemd says that the unit is {state.unit.load_state}"
    return Change(state.unit.id, "drop-in", SCORE, state.own_score, str(policy.oom_score_adj), why)


def _dropin_changes(state: ServiceState, policy: ServicePolicy) -> List[Change]:
    if not own_differs(state, policy):
        return []
    why = "{} {}".format(state.own_path, "is not there" if state.own_text is None else "says something else")
    return [Change(state.unit.id, "drop-in", SCORE, state.own_score, str(policy.oom_score_adj), why)]


def own_differs(state: ServiceState, policy: ServicePolicy) -> bool:
    """Whether our drop-in has any other text than it should: somebody's extra line counts too."""
    return state.own_text != own_text(policy.oom_score_adj)


def _as_written(state: ServiceState, policy: ServicePolicy) -> ServiceState:
    return state.with_own_text(own_text(policy.oom_score_adj))


def rival(state: ServiceState, policy: ServicePolicy) -> Optional[Assignment]:
    """The line of another file that beats our drop-in with another score."""
    written = _as_written(state, policy)
    winner = written.winner()
    if winner is None or winner.path == written.own_path or written.disk_score() == policy.oom_score_adj:
        return None
    return winner


def _loaded_changes(state: ServiceState, policy: ServicePolicy) -> List[Change]:
    loaded = state.unit.oom_score_adjust
    if loaded == policy.oom_score_adj and not state.needs_reload():
        return []
    winner = rival(state, policy)
    why = f"overridden by {winner.path}:{winner.line}" if winner else "systemd has not loaded it"
    return [Change(state.unit.id, "loaded", SCORE, _text(loaded), str(policy.oom_score_adj), why)]


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


def _running_changes(state: ServiceState, policy: ServicePolicy) -> List[Change]:
    return [
        Change(
            state.unit.id,
            "running",
            process_key(process),
            str(process.oom_score_adj),
            str(policy.oom_score_adj),
            "the running process has another score",
        )
        for process in targets(state)
        if process.oom_score_adj != policy.oom_score_adj
    ]


def process_key(process: RunningScore) -> str:
    return f"pid {process.pid} ({process.comm})"


def _text(value: Optional[int]) -> Optional[str]:
    return None if value is None else str(value)


def verdict(state: ServiceState, policy: ServicePolicy) -> Verdict:
    """How a service stands against its declaration: the first layer that is not right, and the culprit."""
    load_state = state.unit.load_state
    if load_state == "not-found":
        return Verdict("not_found")
    if load_state == "masked":
        return Verdict("masked", state.unit.fragment_path)
    winner = rival(state, policy)
    if own_differs(state, policy):
        return Verdict("missing" if state.own_text is None else "differs", state.own_path)
    if winner is not None:
        return Verdict("overridden", f"by {winner.path}:{winner.line}")
    if _loaded_changes(state, policy):
        return Verdict("needs_reload", state.own_path)
    return _running_verdict(state, policy)


def _running_verdict(state: ServiceState, policy: ServicePolicy) -> Verdict:
    wrong = [process for process in state.running if process.oom_score_adj != policy.oom_score_adj]
    if not wrong:
        return Verdict("ok")
    touchable = [process for process in targets(state) if process in wrong]
    if not touchable:
        return Verdict("self_adjusted", ", ".join(process_key(process) for process in wrong))
    lowered = [process for process in touchable if process.oom_score_adj > policy.oom_score_adj]
    if lowered and not state.may_lower:
        return Verdict("not_permitted", "lowering a score needs CAP_SYS_RESOURCE, which is missing here")
    return Verdict("needs_restart", ", ".join(process_key(process) for process in touchable))


def expected(state: ServiceState, policy: ServicePolicy) -> ServiceState:
    """The service as it will be after a live change: what check mode answers with."""
    if state.unit.load_state in ("not-found", "masked"):
        return state
    written = _as_written(state, policy)
    on_disk = tuple(found.path for found in written.merged().applied)
    unit = replace(
        written.unit,
        oom_score_adjust=written.disk_score(),
        dropin_paths=on_disk,
        need_daemon_reload=False,
    )
    touched = {process.pid for process in targets(state) if _permitted(state, process, policy)}
    running = tuple(
        replace(process, oom_score_adj=policy.oom_score_adj) if process.pid in touched else process
        for process in state.running
    )
    return replace(written, unit=unit, running=running)


def _permitted(state: ServiceState, process: RunningScore, policy: ServicePolicy) -> bool:
    return state.may_lower or policy.oom_score_adj >= process.oom_score_adj


def write_dropins(host: Host, states: Mapping[str, ServiceState], policies: Sequence[ServicePolicy]) -> bool:
    """Write the drop-ins that differ; says whether the manager has to read its files again."""
    stale = False
    for policy in policies:
        state = states[policy.name]
        if own_differs(state, policy):
            host.write(state.own_path, own_text(policy.oom_score_adj))
            stale = True
        stale = stale or state.needs_reload()
    return stale


def apply_live(host: Host, states: Mapping[str, ServiceState], policies: Sequence[ServicePolicy]) -> None:
    """Give running processes the declared score. One that has ended or may not be changed is left to the verdict."""
    for policy in policies:
        state = states[policy.name]
        for process in targets(state):
            if process.oom_score_adj != policy.oom_score_adj and _permitted(state, process, policy):
                _set_score(host, state, process, policy.oom_score_adj)


def _set_score(host: Host, state: ServiceState, process: RunningScore, score: int) -> None:
    """Write through one handle of the process, after looking that it is still the one that was meant."""
    try:
        with host.process(process.pid) as folder:
            _, start_ticks = parse_stat(folder.read("stat"))
            cgroup = parse_cgroup(folder.read("cgroup")) or ""
            own = state.unit.control_group or ""
            if start_ticks == process.start_ticks and (cgroup == own or cgroup.startswith(own + "/")):
                folder.write("oom_score_adj", str(score))
    except (Missing, ReadOnly):
        return


def as_result(state: ServiceState, policy: ServicePolicy) -> Dict[str, Any]:
    """A service as the contract has it: a value for each layer, and the verdict."""
    judged = verdict(state, policy)
    winner = state.winner()
    scores: Set[int] = {process.oom_score_adj for process in state.running}
    return {
        "name": policy.name,
        "unit": state.unit.id,
        "declared": policy.oom_score_adj,
        "dropin": state.own_score,
        "winner": None if winner is None else {"file": winner.path, "line": winner.line, "value": winner.value},
        "loaded": state.unit.oom_score_adjust,
        "running": sorted(scores),
        "verdict": judged.word,
        "culprit": judged.culprit,
    }
