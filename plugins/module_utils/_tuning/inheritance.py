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


def heirs_of(*known_as: Optional[str]) -> Optional[str]:
    """Who inherits the score of a service that starts other people's programs, by any name of it or its processes."""
    found = [names.split(name) for name in known_as if name]
    keys = [unit.prefix for unit in found] + [unit.prefix + "@" for unit in found if unit.instance is not None]
    return next((_HEIRS[key[:15]] for key in keys if key[:15] in _HEIRS), None)


def reasons_against(claims: Sequence[Claim]) -> List[str]:
    """Why these scores are to be refused."""
    return [
        f"{claim.unit} would have score {claim.score}, which {claim.heirs} inherits: what grows without end there "
        "outlives nearly all else on the device; take it out, and declare what it starts"
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


def descends(pid: int, ancestors: FrozenSet[int], parents: Mapping[int, int]) -> bool:
    """Whether one of I(ancestors) is above a process; a host may show a circle of I(parents)."""
    seen = set()
    while pid in parents and pid not in seen:
        seen.add(pid)
        pid = parents[pid]
        if pid in ancestors:
            return True
    return False
