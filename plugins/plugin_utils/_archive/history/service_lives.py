# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the history that a leak is seen in: the memory of services by the lives of their processes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.database import (
    HistoryFile,
    host_name,
    unit_name,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import (
    TICKS_PER_SECOND,
    Life,
    Upgrade,
    thinned,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service_memory import service_memory
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.optional_fields import (
    at,
    entries,
    integer,
    items,
    seconds,
    text,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean

# Of a young process, from one audit to the next; more samples than these are thinned.
_MOST_NEW = 96
# Of an older one there is less to keep: it is judged by the least of each of these, an eighth of a day.
_YOUNG_SECONDS, _PART_SECONDS = 3 * 86_400, 10_800
_HOST = "(SELECT id FROM hosts WHERE name = ?)"


@dataclass(frozen=True)
class Leak:
    """A service that the last audit of its host judged to leak.

    I(package) and I(version) are those of its own program, C(None) where nobody owns it. I(seconds_left) is how long
    it can go on, C(None) where nobody knows.
    """

    unit: str
    package: str | None
    version: str | None
    rate_bytes_per_hour: int
    confidence_pct: float
    seconds_left: int | None


class _Process(NamedTuple):
    """What tells one life from another, on one host."""

    unit: str
    main_pid: int
    start_ticks: int


class _Reading(NamedTuple):
    uptime_seconds: int
    anon_swap_kib: int
    limit_kib: int | None


class MemoryHistory(HistoryFile):
    """Lives of services, upgrades of what they need, and what leaks."""

    def keep_memory(self, record: Mapping[str, Any]) -> None:
        """Keep what one look at a host says of its services, and what was sampled there; read twice it counts once."""
        with self._writing():
            self._keep_memory(record)

    def lives(self, host: str) -> dict[str, tuple[Life, ...]]:
        """By unit, oldest first."""
        found = self._all(
            "SELECT lives.id, units.name, boot_id, main_pid, start_ticks, began_at, package, version"
            f" FROM lives JOIN units ON units.id = unit WHERE host = {_HOST} ORDER BY began_at, lives.id",
            host_name(host),
        )
        readings: dict[int, list[tuple[float, float]]] = {}
        for life, uptime_seconds, kib in self._all(
            "SELECT life, uptime_seconds, anon_swap_kib FROM readings JOIN lives ON lives.id = life"
            f" WHERE host = {_HOST} ORDER BY life, uptime_seconds",
            host_name(host),
        ):
            readings.setdefault(life, []).append((uptime_seconds, kib * 1024))
        lives: dict[str, list[Life]] = {}
        for life, unit, boot_id, main_pid, start_ticks, began_at, package, version in found:
            series = tuple(readings.get(life, ()))
            lives.setdefault(unit, []).append(Life(boot_id, main_pid, start_ticks, began_at, package, version, series))
        return {unit: tuple(each) for unit, each in lives.items()}

    def record_upgrade(self, host: str, unit: str, package: str, before: str, after: str, at: int) -> None:
        """Keep that a package which I(unit) needs went from one version to another, at I(at) since the epoch."""
        with self._writing():
            row = (self._id("hosts", host_name(host)), self._id("units", unit_name(unit)))
            words = (clean(package, 200), clean(before, 200), clean(after, 200))
            self._database.execute("INSERT OR REPLACE INTO upgrades VALUES (?, ?, ?, ?, ?, ?)", (*row, *words, at))

    def upgrades(self, host: str) -> tuple[Upgrade, ...]:
        """Oldest first."""
        found = self._all(
            "SELECT units.name, package, before, after, at FROM upgrades JOIN units ON units.id = unit"
            f" WHERE host = {_HOST} ORDER BY at, units.name, package",
            host_name(host),
        )
        return tuple(Upgrade(*row) for row in found)

    def leaking(self, host: str) -> tuple[Leak, ...]:
        """By unit."""
        columns = ", ".join(list(Leak.__dataclass_fields__)[1:])
        found = self._all(
            f"SELECT units.name, {columns} FROM leaks JOIN units ON units.id = unit"
            f" WHERE host = {_HOST} ORDER BY units.name",
            host_name(host),
        )
        return tuple(Leak(*row) for row in found)

    def _prune_memory(self, before: int) -> None:
        self._database.execute("DELETE FROM readings WHERE at < ?", (before,))
        self._database.execute("DELETE FROM lives WHERE NOT EXISTS (SELECT 1 FROM readings WHERE life = lives.id)")
        self._database.execute("DELETE FROM upgrades WHERE at < ?", (before,))
        # Sessions and containers have names of their own, new ones every day.
        used = " UNION ".join(f"SELECT unit FROM {table}" for table in ("lives", "upgrades", "leaks"))
        self._database.execute(f"DELETE FROM units WHERE id NOT IN ({used})")

    def _keep_memory(self, record: Mapping[str, Any]) -> None:
        state = at(record, "state")
        boot_id, uptime = text(state, "host", "boot_id"), integer(state, "host", "uptime_seconds")
        if boot_id is None or uptime is None:
            return
        host = self._id("hosts", host_name(record.get("host")))
        booted_at = (seconds(text(record, "audited_at")) or int(time.time())) - uptime
        packages = {text(each, "unit"): each for each in entries(state, "packages")}
        for process, readings in _processes(state, uptime):
            key = (host, self._id("units", process.unit), clean(boot_id, 100), process.main_pid, process.start_ticks)
            owner = packages.get(process.unit) if readings[-1].uptime_seconds == uptime else None
            began_at = booted_at + process.start_ticks // TICKS_PER_SECOND
            life = self._life(key, began_at, text(owner, "package"), text(owner, "version"))
            (last,) = self._database.execute(
                "SELECT coalesce(max(uptime_seconds), -1) FROM readings WHERE life = ?", (life,)
            ).fetchone()
            self._database.executemany(
                "INSERT OR IGNORE INTO readings VALUES (?, ?, ?, ?, ?)",
                [
                    (life, each.uptime_seconds, booted_at + each.uptime_seconds, each.anon_swap_kib, each.limit_kib)
                    for each in _worth_keeping(process, [each for each in readings if each.uptime_seconds > last])
                ],
            )

    def _life(self, key: tuple[Any, ...], began_at: int, package: str | None, version: str | None) -> int:
        """Its id. The version is that of the first look: the file may be replaced while the process runs."""
        self._database.execute(
            "INSERT INTO lives (host, unit, boot_id, main_pid, start_ticks, began_at, package, version)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " package = coalesce(package, excluded.package), version = coalesce(version, excluded.version)",
            (*key, began_at, package and clean(package, 200), version and clean(version, 200)),
        )
        (found,) = self._database.execute(
            "SELECT id FROM lives WHERE host = ? AND unit = ? AND boot_id = ? AND main_pid = ? AND start_ticks = ?", key
        ).fetchone()
        return int(found)

    def _write_leaks(self, host: int, record: Mapping[str, Any]) -> None:
        """In place of those of the audit before."""
        self._database.execute("DELETE FROM leaks WHERE host = ?", (host,))
        self._database.executemany(
            "INSERT OR REPLACE INTO leaks VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    host,
                    self._id("units", unit_name(trend.get("unit"))),
                    text(trend, "package"),
                    text(trend, "version"),
                    integer(trend, "rate_bytes_per_hour") or 0,
                    at(trend, "confidence_pct"),
                    integer(trend, "seconds_left"),
                )
                for trend in entries(record, "trends")
                if trend.get("verdict") == "leak"
            ],
        )


def _processes(state: Any, uptime: int) -> Iterator[tuple[_Process, list[_Reading]]]:
    """Each process that was seen or sampled, with what was read of it in the order of time."""
    found: dict[_Process, list[_Reading]] = {}
    for each in entries(state, "samples"):
        process = _Process(
            unit_name(text(each, "unit")), integer(each, "main_pid") or 0, integer(each, "start_ticks") or 0
        )
        found.setdefault(process, []).extend(_sampled(each, uptime))
    for service in service_memory(state):
        if service.main_pid is not None and service.start_ticks is not None:
            process = _Process(service.unit, service.main_pid, service.start_ticks)
            found.setdefault(process, []).append(_Reading(uptime, service.anon_swap_kib, service.limit_kib))
    for process, readings in found.items():
        readings.sort(key=lambda each: each.uptime_seconds)
        # A command that was met once by a sample, and has ended, says nothing.
        if len(readings) > 1 or (readings and readings[0].uptime_seconds == uptime):
            yield process, readings


def _worth_keeping(process: _Process, readings: Sequence[_Reading]) -> Iterable[_Reading]:
    """Not all of it: a fleet that samples every service every few minutes would fill the disk."""
    if not readings or readings[-1].uptime_seconds - process.start_ticks // TICKS_PER_SECOND < _YOUNG_SECONDS:
        return thinned(readings, _MOST_NEW)
    lowest: dict[int, _Reading] = {}
    for each in readings:
        part = each.uptime_seconds // _PART_SECONDS
        if part not in lowest or each.anon_swap_kib < lowest[part].anon_swap_kib:
            lowest[part] = each
    # The last one too: the next audit goes on behind it.
    return {*lowest.values(), readings[-1]}


def _is_whole(value: Any) -> bool:
    """A boolean is an int for Python, and not for us."""
    return isinstance(value, int) and not isinstance(value, bool)


def _sampled(samples: Mapping[str, Any], uptime: int) -> Iterable[_Reading]:
    for moment, kib in zip(items(samples, "uptime_seconds"), items(samples, "anon_swap_kib"), strict=False):
        if _is_whole(moment) and _is_whole(kib) and 0 <= moment < uptime:
            yield _Reading(moment, kib, None)
