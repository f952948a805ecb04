# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service in all its layers: our drop-in, what the files say, what is loaded, what its processes run with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from posixpath import basename
from typing import Dict, Mapping, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._systemd import dropins, names
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.dropins import (
    HEADER,
    OUR_FOLDER,
    Assignment,
    DropIn,
    Merged,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.settings import score, size_bytes
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.units import UnitProperties

SCORE = "OOMScoreAdjust"
_MANAGED = HEADER.partition(":")[0]


@dataclass(frozen=True)
class RunningScore:
    """One process of the unit's control group and the score it has."""

    pid: int
    """Its number."""

    start_ticks: int
    """When it was started, in clock ticks since boot."""

    comm: str
    """Its name."""

    oom_score_adj: int
    """Its score, a number from -1000 to 1000."""

    is_main: bool
    """Whether systemd says that it is the main process."""

    is_fresh: bool = False
    """Whether it was started after our drop-in was last changed; false also where that cannot be told."""

    mended: Optional[int] = None
    """Number of times that a run has given it back the score of our drop-in, after a run had seen it with that score;
    null where no run has.
    """


@dataclass(frozen=True)
class ScoreWinner:
    """The line that decides the score of a unit on disk."""

    file: str
    """The file that it stands in."""
    line: int
    """The number of the line, from 1."""
    value: str
    """The score that it sets."""


@dataclass(frozen=True)
class ScoreLayers:
    """The score of one unit in all its layers."""

    unit: str
    """The unit."""
    dropin: Optional[str]
    """The score in our drop-in, null where it sets none."""
    winner: Optional[ScoreWinner]
    """The line that decides it on disk, null where none sets it."""
    loaded: Optional[int]
    """The score that systemd has loaded, a number from -1000 to 1000; null where it does not say."""
    running: Tuple[int, ...]
    """The scores of its processes, each number once, in order."""


@dataclass(frozen=True)
class ServiceState:
    """One unit: what systemd has loaded, what is on disk, and what runs."""

    unit: UnitProperties
    """What systemd says of it."""

    own_path: str
    """Path of our drop-in for it, there or not; for an instance that may be in the folder of its template."""

    systemd_version: int
    """Number of systemd's version, by which the order of drop-ins is judged."""

    fragment: Optional[DropIn]
    """Its unit file; null where it has none."""

    dropins: Tuple[DropIn, ...]
    """All drop-ins that are on disk for it, also masked ones."""

    running: Tuple[RunningScore, ...]
    """Its processes, oldest first."""

    default_score: int
    """The score of a unit whose files set none, a number from -1000 to 1000."""

    manager_score: int
    """The score that systemd itself runs with, a number from -1000 to 1000."""

    may_lower: bool
    """Whether a score can be lowered here at all (CAP_SYS_RESOURCE)."""

    included: Tuple[DropIn, ...] = ()
    """Files that the unit file includes with C(.include), up to systemd 245."""

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
        running = self.running
        if texts.get(self.own_path, self.own_text) != self.own_text:  # nobody was started with the new one
            running = tuple(replace(process, is_fresh=False, mended=None) for process in running)
        return replace(self, dropins=(*others, *new), running=running)

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

    def layers(self) -> ScoreLayers:
        winner = self.winner()
        return ScoreLayers(
            unit=self.unit.id,
            dropin=dropins.parse(self.own_text or "", names.split(self.unit.id).section).get(SCORE),
            winner=None if winner is None else ScoreWinner(winner.path, winner.line, winner.value),
            loaded=self.unit.oom_score_adjust,
            running=tuple(sorted({process.oom_score_adj for process in self.running})),
        )

    def loaded(self, key: str) -> Optional[str]:
        """What the manager has for I(key); sizes in bytes."""
        values = {
            SCORE: self.unit.oom_score_adjust,
            "OOMPolicy": self.unit.oom_policy,
            "MemoryMin": self.unit.memory_min_bytes,
            "MemoryLow": self.unit.memory_low_bytes,
            "ManagedOOMPreference": self.unit.managed_oom_preference,
        }
        value = values[key]
        return None if value is None else str(value)


@dataclass(frozen=True)
class DeclaredUnit:
    """One declared name and what it stands for here: a unit, or the running instances of a template."""

    name: str
    """The name that was asked for."""

    own_path: str
    """Path of our drop-in for it, there or not."""

    own_text: Optional[str]
    """The text of our drop-in, with the lines of others hidden; null where it is not there."""

    folder_exists: bool
    """Whether the folder of our drop-in is there."""

    load_state: str
    """systemd's word for a unit, such as C(masked); for a template C(loaded), C(masked) or C(not-found) by its file."""

    states: Tuple[ServiceState, ...]
    """The unit; of a template each instance that is loaded and not declared by itself; empty where there is none."""

    @property
    def own_settings(self) -> Dict[str, str]:
        """What our drop-in sets."""
        return dropins.parse(self.own_text or "", names.split(self.name).section)

    def text_for(self, settings: Mapping[str, str]) -> str:
        """The drop-in as it has to read for I(settings)."""
        ours = not self.folder_exists if self.own_text is None else owns_folder(self.own_text)
        header = HEADER + ("\n" + OUR_FOLDER if ours else "")
        return dropins.render(settings, header, names.split(self.name).section)

    def with_texts(self, texts: Mapping[str, Optional[str]]) -> DeclaredUnit:
        text = texts.get(self.own_path)
        states = tuple(state.with_texts(texts) for state in self.states)
        return replace(self, own_text=text, folder_exists=text is not None or self.folder_exists, states=states)


@dataclass(frozen=True)
class ServicesState:
    """The units that were asked for by name."""

    systemd_version: int
    """Number of systemd's version."""

    declared: Tuple[DeclaredUnit, ...]
    """Each of them, in their order."""

    left_over: Tuple[DeclaredUnit, ...]
    """Units that were not asked for and still have a drop-in of ours."""


def is_ours(text: Optional[str]) -> bool:
    return text is not None and _MANAGED in text


def owns_folder(text: Optional[str]) -> bool:
    return text is not None and OUR_FOLDER in text


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
