# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The history in one SQLite file beside the records.

Every worker of a run opens it for itself; SQLite lets one write at a time and the others wait. In WAL mode a process
that is killed at any moment leaves it readable, and what was committed stays. WAL needs a local file system.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.database import Database
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import (
    AuditPoint,
    FleetPast,
    History,
    HostPast,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.kills import Kill, kills_of
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.lives import LifeRead, Lives
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import Life, Upgrade
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean

_DAY = 86_400
_HOST = "(SELECT id FROM hosts WHERE name = ?)"
_POINT = tuple(AuditPoint.__dataclass_fields__)


class SqliteHistory(History):
    """All of it, in the file I(path), which is made where it is missing. Raises HistoryUnusable."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path)

    def close(self) -> None:
        self._database.close()

    def past(self, host: str) -> HostPast:
        name = _host_name(host)
        ask = self._database.ask
        audits = ask(f"SELECT {', '.join(_POINT)} FROM audits WHERE host = {_HOST} ORDER BY id", name)
        findings = ask(f"SELECT seen, key, first_at FROM findings WHERE host = {_HOST}", name)
        upgrades = ask(
            "SELECT units.name, package, before, after, at FROM upgrades JOIN units ON units.id = unit"
            f" WHERE host = {_HOST} ORDER BY at, units.name, package",
            name,
        )
        return HostPast(
            audits=tuple(AuditPoint(at, bool(seen), *rest) for at, seen, *rest in audits),
            findings={key: first_at for seen, key, first_at in findings if seen},
            unread={key: first_at for seen, key, first_at in findings if not seen},
            lives=self._lives(name),
            upgrades=tuple(Upgrade(*row) for row in upgrades),
        )

    def keep(self, record: Record, past: HostPast, read: Sequence[LifeRead] = ()) -> None:
        after, kills = past.with_audit(record), kills_of(record)
        with self._database.writing():
            host = self._database.id_of("hosts", _host_name(record.host))
            run = self._database.run
            run(
                f"INSERT INTO audits (host, {', '.join(_POINT)}) VALUES (?{', ?' * len(_POINT)})",
                [(host, *astuple(after.audits[-1]))],
            )
            run("INSERT OR IGNORE INTO kills VALUES (?, ?, ?, ?, ?)", _rows(host, kills))
            self._keep_findings(host, record.state is not None, after)
            for each in read:
                self._keep_life(host, each)

    def keep_upgrades(self, host: str, upgrades: Sequence[Upgrade]) -> None:
        with self._database.writing():
            number = self._database.id_of("hosts", _host_name(host))
            rows = [(number, self._unit(each.unit), *_words(each), each.at) for each in upgrades]
            self._database.run("INSERT OR REPLACE INTO upgrades VALUES (?, ?, ?, ?, ?, ?)", rows)

    def fleet(self, since: int, now: int) -> FleetPast:
        ask, days = self._database.ask, max((now - since) / _DAY, 1.0)
        rates = ask(
            "SELECT hosts.name, count(*) FROM kills JOIN hosts ON hosts.id = kills.host WHERE at >= ? GROUP BY host",
            since,
        )
        return FleetPast(
            hosts=frozenset(name for (name,) in ask("SELECT name FROM hosts")),
            kills=dict(ask(f"SELECT at / {_DAY}, count(*) FROM kills WHERE at >= ? GROUP BY 1", since)),
            victims=dict(ask("SELECT name, count(*) FROM kills WHERE at >= ? GROUP BY name", since)),
            kills_a_day={name: count / days for name, count in rates},
        )

    def prune(self, days: int, now: int) -> None:
        before = (now - days * _DAY,)
        with self._database.writing():
            run = self._database.run
            for table in ("audits", "kills", "readings", "upgrades"):
                run(f"UPDATE OR IGNORE {table} SET at = ? WHERE at > ?", [(now, now)])
                run(f"DELETE FROM {table} WHERE at < ?", [before])
            run("DELETE FROM lives WHERE NOT EXISTS (SELECT 1 FROM readings WHERE life = lives.id)", [()])
            # Sessions and containers have names of their own, new ones every day.
            used = " UNION ".join(f"SELECT unit FROM {table}" for table in ("lives", "upgrades"))
            run(f"DELETE FROM units WHERE id NOT IN ({used})", [()])
            tables = ("audits", "kills", "lives", "upgrades")
            unused = " AND ".join(f"NOT EXISTS (SELECT 1 FROM {table} WHERE host = hosts.id)" for table in tables)
            run(f"DELETE FROM hosts WHERE {unused}", [()])

    def _lives(self, name: str) -> Lives:
        """By unit, oldest first."""
        found = self._database.ask(
            "SELECT lives.id, units.name, boot_id, main_pid, start_ticks, began_at, package, version"
            f" FROM lives JOIN units ON units.id = unit WHERE host = {_HOST} ORDER BY began_at, lives.id",
            name,
        )
        readings: dict[int, list[tuple[float, float]]] = {}
        for life, uptime_seconds, kib in self._database.ask(
            "SELECT life, uptime_seconds, anon_swap_kib FROM readings JOIN lives ON lives.id = life"
            f" WHERE host = {_HOST} ORDER BY life, uptime_seconds",
            name,
        ):
            readings.setdefault(life, []).append((uptime_seconds, kib * 1024))
        lives: dict[str, list[Life]] = {}
        for number, unit, *rest in found:
            life = Life(*rest, tuple(readings.get(number, ())))  # type: ignore[call-arg]
            lives.setdefault(unit, []).append(life)
        return {unit: tuple(those) for unit, those in lives.items()}

    def _keep_findings(self, host: int, seen: bool, after: HostPast) -> None:
        """In place of those of the audit before; one that did not read the host leaves those that did."""
        self._database.run("DELETE FROM findings WHERE host = ? AND seen <= ?", [(host, int(seen))])
        found: Mapping[str, int] = after.findings if seen else after.unread
        rows = [(host, int(seen), key, first_at) for key, first_at in found.items()]
        self._database.run("INSERT INTO findings VALUES (?, ?, ?, ?)", rows)

    def _keep_life(self, host: int, read: LifeRead) -> None:
        """The version is that of the first look: the file may be replaced while the process runs."""
        life = read.life
        key = (host, self._unit(read.unit), life.boot_id, life.main_pid, life.start_ticks)
        self._database.run(
            "INSERT INTO lives (host, unit, boot_id, main_pid, start_ticks, began_at, package, version)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " package = coalesce(package, excluded.package), version = coalesce(version, excluded.version)",
            [(*key, life.began_at, life.package, life.version)],
        )
        ((number,),) = self._database.ask(
            "SELECT id FROM lives WHERE host = ? AND unit = ? AND boot_id = ? AND main_pid = ? AND start_ticks = ?",
            *key,
        )
        rows = [(number, seconds, read.booted_at + seconds, kib, limit) for seconds, kib, limit in read.readings]
        self._database.run("INSERT OR IGNORE INTO readings VALUES (?, ?, ?, ?, ?)", rows)

    def _unit(self, name: str) -> int:
        return self._database.id_of("units", clean(name, 200))


def _host_name(host: str) -> str:
    return clean(host, 300)


def _rows(host: int, kills: Sequence[Kill]) -> list[tuple[Any, ...]]:
    return [(host, kill.key, kill.at, clean(kill.name, 100), kill.scope) for kill in kills]


def _words(upgrade: Upgrade) -> tuple[str, ...]:
    return tuple(clean(word, 200) for word in (upgrade.package, upgrade.before, upgrade.after))
