# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the history is, and how to go on without one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import (
    FleetPast,
    History,
    HistoryUnusable,
    HostPast,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.sqlite import SqliteHistory
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.lives import LifeRead
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import Upgrade

FILE = "history.sqlite"
_T = TypeVar("_T")


def open_history(report_dir: Path) -> History:
    """The history of the audits that are kept below I(report_dir). Raises HistoryUnusable."""
    return SqliteHistory(report_dir.resolve() / FILE)


class OptionalHistory(History):
    """The history of C(open_history()), and once that cannot be used none, which I(lost) gives the reason of."""

    def __init__(self, report_dir: Path) -> None:
        self.lost: str | None = None
        self._history = History()
        try:
            self._history = open_history(report_dir)
        except HistoryUnusable as error:
            self.lost = str(error)

    @property
    def warnings(self) -> list[str]:
        """For the result of a task."""
        return [] if self.lost is None else [f"going on without the history: {self.lost}"]

    def past(self, host: str) -> HostPast:
        return self._ask(lambda history: history.past(host))

    def keep(self, record: Record, past: HostPast, read: Sequence[LifeRead] = ()) -> None:
        self._ask(lambda history: history.keep(record, past, read))

    def keep_upgrades(self, host: str, upgrades: Sequence[Upgrade]) -> None:
        self._ask(lambda history: history.keep_upgrades(host, upgrades))

    def fleet(self, since: int, now: int) -> FleetPast:
        return self._ask(lambda history: history.fleet(since, now))

    def prune(self, days: int, now: int) -> None:
        self._ask(lambda history: history.prune(days, now))

    def close(self) -> None:
        self._history.close()

    def _ask(self, question: Callable[[History], _T]) -> _T:
        try:
            return question(self._history)
        except HistoryUnusable as error:
            self.lost = str(error)
            self._history.close()
            self._history = History()
            return question(self._history)
