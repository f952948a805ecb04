# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scores that reach further than what is declared: who starts the programs of others gives them his own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import FrozenSet, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.badness import label
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import Process
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd import names
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import SCORE
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.settings import score
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.services import Task, restart_needed, unit_verdict

# With this score or a lower one, a program that grows without end outlives nearly everything else.
INHERITED_FROM = -500
# Whose children are other people's programs, by unit or main process.
_STARTERS = {
    "every login session": "agetty autovt console-getty dropbear getty serial-getty ssh sshd teleport xrdp xrdp-sesman",
    "every program of the session": "display-manager gdm gdm3 greetd lightdm lxdm nodm sddm slim user@ xdm",
    "every container": "balena balena-engine containerd cri-o crio docker dockerd incus k3s k3s-agent kubelet lxc lxd "
    "nomad podman rke2-agent rke2-server snap.docker.dockerd snap.lxd.daemon",
    "every virtual machine": "libvirtd virtqemud",
    "every job": "anacron atd cron crond cronie fcron",
    "every command that it is sent": "amazon-ssm-agent buildkite-agent cf-execd cfengine3 chef-client gitlab-runner "
    "google-guest-agent jenkins pe-puppet puppet puppet-agent pxp-agent salt-minion walinuxagent",
    "every program that it starts": "inetd inetutils-inetd monit openbsd-inetd supervisor supervisord xinetd",
}
# The kernel cuts the name of a process after 15 bytes.
_HEIRS = {starter[:15]: heirs for heirs, starters in _STARTERS.items() for starter in starters.split()}


# What to set in place of a declaration, by the process that sets its own score.
_REMEDIES = {
    "sshd": "take the declaration out: it keeps its listener at -1000 by itself",
    "redis-server": "set oom-score-adj and oom-score-adj-values in redis.conf",
    "valkey-server": "set oom-score-adj and oom-score-adj-values in valkey.conf",
    "keydb-server": "set oom-score-adj and oom-score-adj-values in keydb.conf",
    "postgres": "set PG_OOM_ADJUST_VALUE in its environment",
    "containerd": "set oom_score in its config.toml",
    "kubelet": "set oomScoreAdj in its configuration",
}


@dataclass(frozen=True)
class Claim:
    """A declared score. I(known_as): its other names and those of its main processes; I(pids): all that run in it."""

    unit: str
    score: int
    known_as: Tuple[str, ...] = ()
    pids: FrozenSet[int] = frozenset()

    @property
    def heirs(self) -> Optional[str]:
        """Who inherits a score that is too strong for them; C(None) where it is not, or nobody is known to."""
        return heirs_of(self.unit, *self.known_as) if self.score <= INHERITED_FROM else None


def claim_of(task: Task, score: int) -> Claim:
    states = task.unit.states
    names_of_units = [name for state in states for name in (state.unit.id, *state.unit.names)]
    return Claim(
        unit=task.policy.name,
        score=score,
        known_as=(*names_of_units, *(state.leader.comm for state in states if state.leader is not None)),
        pids=frozenset(process.pid for state in states for process in state.running),
    )


def heirs_of(*known_as: Optional[str]) -> Optional[str]:
    """Who inherits the score of a service that starts other people's programs, by any name of it or its processes."""
    found = [names.split(name) for name in known_as if name]
    keys = [unit.prefix for unit in found] + [unit.prefix + "@" for unit in found if unit.instance is not None]
    return next((_HEIRS[key[:15]] for key in keys if key[:15] in _HEIRS), None)


def reasons_against(claims: Sequence[Claim]) -> List[str]:
    """Why these scores are to be refused."""
    return [
        f"{claim.unit} would have score {claim.score}, which {claim.heirs} inherits: what grows without end there "
        "outlives nearly all else on the device; take it out (state: absent if it was applied before), and declare "
        "what it starts"
        for claim in claims
        if claim.heirs
    ]


def descent_warnings(claims: Sequence[Claim], processes: Sequence[Process]) -> List[str]:
    """Which other units descend from a service that nobody knows for it, and so inherit a score that is too strong."""
    parents = {process.pid: process.ppid for process in processes}
    warnings = []
    for claim in claims:
        if claim.score > INHERITED_FROM or claim.heirs:
            continue
        outside = (one for one in processes if one.pid not in claim.pids)
        heirs = sorted({label(one) for one in outside if descends(one.pid, claim.pids, parents)})
        if heirs:
            warnings.append(
                f"{claim.unit} would have score {claim.score}, which what it starts inherits: {', '.join(heirs[:5])}; "
                "take it out, and declare what is to live"
            )
    return warnings


def self_adjusted(after: Sequence[Task]) -> List[str]:
    """Who sets its own score, and what to set there."""
    found = [
        (task.policy.name, verdict.culprit)
        for task in after
        for verdict in (unit_verdict(task, state) for state in task.unit.states)
        if verdict.word == "self_adjusted" and not task.writes
    ]
    return [f"{name}: {culprit} sets its own score, which is left alone; {remedy(culprit)}" for name, culprit in found]


def remedy(culprit: Optional[str]) -> str:
    """What to set where the named processes set their own score."""
    known = (said for comm, said in _REMEDIES.items() if f"({comm})" in (culprit or ""))
    return next(known, "set it in its own configuration, or declare the score that it has")


def still_given(gone: Sequence[Task], processes: Sequence[Process]) -> List[str]:
    """What keeps the score of a drop-in that goes, and gives it to others."""
    warnings: List[str] = []
    parents = {process.pid: process.ppid for process in processes}
    for task in gone:
        given = None if task.policy.present else score(task.unit.own_settings.get(SCORE, ""))
        if given is None:
            continue
        warnings += [
            f"{unit} was started with score {given} and gives it to what it starts: systemctl restart {unit} ends that"
            for unit in restart_needed(task)
        ]
        found = _carriers(claim_of(task, given), processes, parents)
        if found:
            shown = ", ".join(f"pid {one.pid} ({one.comm}) of {label(one)}" for one in found[:5])
            more = f" and {len(found) - 5} more" if len(found) > 5 else ""
            warnings.append(
                f"{task.policy.name} has given score {given} to {shown}{more}: they keep it until they end, so restart "
                "them, or log out and in again"
            )
    return warnings


def _carriers(claim: Claim, processes: Sequence[Process], parents: Mapping[int, int]) -> List[Process]:
    """Who outside of a unit has its very score, and has it from there."""
    starts_sessions = heirs_of(claim.unit, *claim.known_as) is not None
    return [
        one
        for one in processes
        if one.oom_score_adj == claim.score
        and one.pid not in claim.pids
        and (descends(one.pid, claim.pids, parents) or (starts_sessions and in_session(one)))
    ]


def in_session(process: Process) -> bool:
    """Whether logind or the manager of a user has started it for somebody."""
    unit = (process.unit or "").partition("/")[0]
    return unit.startswith("user@") or (unit.startswith("session-") and unit.endswith(".scope"))


def descends(pid: int, ancestors: FrozenSet[int], parents: Mapping[int, int]) -> bool:
    """Whether one of I(ancestors) is above a process; a host may show a circle of I(parents)."""
    seen = set()
    while pid in parents and pid not in seen:
        seen.add(pid)
        pid = parents[pid]
        if pid in ancestors:
            return True
    return False
