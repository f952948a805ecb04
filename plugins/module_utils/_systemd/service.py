# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service in all its layers: our drop-in, what the files say, what is loaded, what its processes run with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from posixpath import basename
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._systemd import dropins, names
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.dropins import Assignment, DropIn, Merged
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.keys import score, size_bytes
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.units import UnitProperties

SCORE = "OOMScoreAdjust"
_MANAGED = "Managed by the Ansible collection lifeboat.oom"
HEADER = (
    _MANAGED + ": changes to this file are overwritten.\n"
    "Declare the service in the inventory (oom_protect_services) instead."
)
# Says that the folder was made for this file, and may go with it.
_OUR_FOLDER = "The folder was made for this file."


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

    I(own_path) is where our drop-in for it is or would be: for an instance that may be the folder of its
    template. I(default_score) is that of a unit whose files set none, I(manager_score) what systemd itself runs
    with. I(may_lower) says whether a score can be lowered here at all (CAP_SYS_RESOURCE). I(included) are files that
    the unit file includes by itself, as systemd up to 245 lets it.
    """

    unit: UnitProperties
    own_path: str
    systemd_version: int
    fragment: Optional[DropIn]
    dropins: Tuple[DropIn, ...]
    running: Tuple[RunningScore, ...]
    default_score: int
    manager_score: int
    may_lower: bool
    included: Tuple[DropIn, ...] = ()

    @property
    def own_text(self) -> Optional[str]:
        return next((found.text for found in self.dropins if found.path == self.own_path), None)

    @property
    def leader(self) -> Optional[RunningScore]:
        """The main process; where systemd knows none, the oldest."""
        return next((process for process in self.running if process.is_main), next(iter(self.running), None))

    def with_texts(self, texts: Mapping[str, Optional[str]]) -> ServiceState:
        """The unit with drop-ins by path as they will be, C(None) for one that goes; those of others do no harm."""
        others = tuple(found for found in self.dropins if found.path not in texts)
        folders = dropins.dropin_folders(self.unit.id, self.unit.names, self.systemd_version)
        paths = dict.fromkeys(f"{folder}/{basename(self.own_path)}" for folder in folders)
        new = tuple(
            DropIn(path, text) for path, text in ((path, texts.get(path)) for path in paths) if text is not None
        )
        return replace(self, dropins=(*others, *new))

    def merged(self) -> Merged:
        return dropins.merge(
            self.fragment, self.dropins, self.unit.id, self.unit.names, self.systemd_version, self.included
        )

    def winner(self, key: str = SCORE) -> Optional[Assignment]:
        """The line on disk that decides I(key), C(None) where none does."""
        return self.merged().winners.get(key)

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
        loaded = set(self.unit.dropin_paths).intersection(found.path for found in self.dropins)
        return (
            bool(self.unit.need_daemon_reload) or on_disk != loaded or self.unit.oom_score_adjust != self.disk_score()
        )

    def layers(self) -> Dict[str, Any]:
        """The layers of the score: our drop-in, the winner on disk, loaded, running."""
        winner = self.winner()
        return {
            "unit": self.unit.id,
            "dropin": dropins.parse(self.own_text or "", names.split(self.unit.id).section).get(SCORE),
            "winner": None if winner is None else {"file": winner.path, "line": winner.line, "value": winner.value},
            "loaded": self.unit.oom_score_adjust,
            "running": sorted({process.oom_score_adj for process in self.running}),
        }

    def loaded(self, key: str) -> Optional[str]:
        """What the manager has for I(key); sizes in bytes."""
        values = {
            SCORE: self.unit.oom_score_adjust,
            "OOMPolicy": self.unit.oom_policy,
            "MemoryMin": self.unit.memory_min,
            "MemoryLow": self.unit.memory_low,
            "ManagedOOMPreference": self.unit.managed_oom_preference,
        }
        value = values[key]
        return None if value is None else str(value)


@dataclass(frozen=True)
class DeclaredUnit:
    """One declared name and what it stands for here: a unit, or the running instances of a template.

    I(own_path) and I(own_text) are our drop-in; I(folder_exists) that of the drop-in. I(load_state) is systemd's
    word for a unit, and C(loaded) or C(not-found) for a template by its file.
    """

    name: str
    own_path: str
    own_text: Optional[str]
    folder_exists: bool
    load_state: str
    states: Tuple[ServiceState, ...]

    @property
    def own_settings(self) -> Dict[str, str]:
        """What our drop-in sets."""
        return dropins.parse(self.own_text or "", names.split(self.name).section)

    def text_for(self, settings: Mapping[str, str]) -> str:
        """The drop-in as it has to read for I(settings)."""
        ours = not self.folder_exists if self.own_text is None else owns_folder(self.own_text)
        header = HEADER + ("\n" + _OUR_FOLDER if ours else "")
        return dropins.render(settings, header, names.split(self.name).section)

    def with_texts(self, texts: Mapping[str, Optional[str]]) -> DeclaredUnit:
        text = texts.get(self.own_path)
        states = tuple(state.with_texts(texts) for state in self.states)
        return replace(self, own_text=text, folder_exists=text is not None or self.folder_exists, states=states)


@dataclass(frozen=True)
class ServicesState:
    """The declared units by name, and I(left_over): those that still have a drop-in of ours."""

    systemd_version: int
    declared: Tuple[DeclaredUnit, ...]
    left_over: Tuple[DeclaredUnit, ...]


def is_ours(text: Optional[str]) -> bool:
    return text is not None and _MANAGED in text


def owns_folder(text: Optional[str]) -> bool:
    return text is not None and _OUR_FOLDER in text


def normal(key: str, value: str) -> str:
    """One text for all spellings of a value: C(64M) is C(67108864), C(0x64) is C(100)."""
    number = score(value) if key == SCORE else size_bytes(value) if key in ("MemoryMin", "MemoryLow") else None
    return value if number is None else str(number)


def same_value(key: str, wanted: str, loaded: Optional[str]) -> bool:
    """Whether the manager has what was written. What it does not print, or a share of the memory, passes."""
    if loaded is None:
        return key != SCORE
    if key in ("MemoryMin", "MemoryLow") and size_bytes(wanted) is None:
        return True
    return normal(key, wanted) == loaded
