# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service in all its layers: our drop-in, what the files say, what is loaded, what its processes run with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._systemd import dropins
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.dropins import Assignment, DropIn, Merged
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.keys import score
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.units import UnitProperties

SCORE = "OOMScoreAdjust"
HEADER = (
    "Managed by the Ansible collection lifeboat.oom: changes to this file are overwritten.\n"
    "Declare the service in the inventory (oom_protect_services) instead."
)


@dataclass(frozen=True)
class RunningScore:
    """One process of the unit's cgroup and the score it has."""

    pid: int
    start_ticks: int
    comm: str
    oom_score_adj: int
    is_main: bool


@dataclass(frozen=True)
class ServiceState:
    """One unit. I(dropins) are all drop-ins that are on disk for it, I(running) its processes, oldest first.

    I(default_score) is that of a unit whose files set none, I(manager_score) what systemd itself runs with.
    I(may_lower) says whether a score can be lowered here at all (CAP_SYS_RESOURCE).
    """

    unit: UnitProperties
    systemd_version: int
    fragment: Optional[DropIn]
    dropins: Tuple[DropIn, ...]
    running: Tuple[RunningScore, ...]
    default_score: int
    manager_score: int
    may_lower: bool

    @property
    def own_path(self) -> str:
        return dropins.own_path(self.unit.id)

    @property
    def own_text(self) -> Optional[str]:
        return next((found.text for found in self.dropins if found.path == self.own_path), None)

    @property
    def own_score(self) -> Optional[str]:
        """The score in our drop-in as it is written there."""
        return dropins.parse(self.own_text or "").get(SCORE)

    @property
    def leader(self) -> Optional[RunningScore]:
        """The main process; where systemd knows none, the oldest."""
        return next((process for process in self.running if process.is_main), next(iter(self.running), None))

    def with_own_text(self, text: Optional[str]) -> ServiceState:
        others = tuple(found for found in self.dropins if found.path != self.own_path)
        return replace(self, dropins=others if text is None else others + (DropIn(self.own_path, text),))

    def merged(self) -> Merged:
        return dropins.merge(self.fragment, self.dropins, self.unit.id, self.unit.names, self.systemd_version)

    def winner(self) -> Optional[Assignment]:
        """The line on disk that decides the score, C(None) where none does."""
        return self.merged().winners.get(SCORE)

    def disk_score(self) -> int:
        """The score that systemd loads from the files as they are."""
        winner = self.winner()
        if winner is None:
            return self.default_score
        # An empty value unsets it: the process then inherits the manager's own.
        value = score(winner.value)
        return self.manager_score if value is None else value

    def needs_reload(self) -> bool:
        """Whether the manager has loaded something else than the files say.

        C(NeedDaemonReload) misses a first drop-in before about 257, so the lists of files are compared too.
        """
        on_disk = {found.path for found in self.merged().applied}
        loaded = {path for path in self.unit.dropin_paths if path in {found.path for found in self.dropins}}
        return (
            bool(self.unit.need_daemon_reload) or on_disk != loaded or self.unit.oom_score_adjust != self.disk_score()
        )


def own_text(oom_score_adj: int) -> str:
    return dropins.render({SCORE: oom_score_adj}, HEADER)
