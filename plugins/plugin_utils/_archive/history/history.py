# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the audits have found over time, in one SQLite file beside the spool.

Every worker of a run opens it for itself; SQLite lets one write at a time and the others wait. In WAL mode a process
that is killed at any moment leaves it readable, and what was committed stays. WAL needs a local file system.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.database import FILE, host_name
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.service_lives import Leak, MemoryHistory
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.kills import kills_of
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import finding_key
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.optional_fields import (
    at,
    entries,
    integer,
    items,
    number,
    seconds,
    text,
)

__all__ = ["COUNTERS", "FILE", "AuditPoint", "History", "Leak"]
# Of the kernel, since boot.
COUNTERS = ("oom_kills", "swap_in_pages", "swap_out_pages", "major_faults", "allocation_stalls", "refaults")
_DAY = 86_400


@dataclass(frozen=True)
class AuditPoint:
    """The counters of one host at one audit; C(None) where they are not known, all of them where it was not I(seen)."""

    at: int
    seen: bool
    boot_id: str | None
    total_kib: int | None
    available_kib: int | None
    committed_kib: int | None
    commit_limit_kib: int | None
    pressure_some_avg60_pct: float | None
    oom_kills: int | None
    drift: int
    criticals: int
    warnings: int


class History(MemoryHistory):
    """All of it; for the file I(path) see C(HistoryFile)."""

    def record(self, record: Mapping[str, Any]) -> set[str]:
        """Keep one audit; the keys of the findings that its host did not have at the audit before."""
        with self._writing():
            new = self._new(record)
            self._write(record)
        return new

    def new_findings(self, record: Mapping[str, Any]) -> set[str]:
        """What C(record()) would return, keeping nothing."""
        with self._told():
            return self._new(record)

    def prune(self, days: int, now: int | None = None) -> None:
        """Forget what is older than I(days)."""
        before = (int(time.time()) if now is None else now) - days * _DAY
        with self._writing():
            for table, when in (("audits", "at"), ("kills", "at"), ("findings", "last_at")):
                self._database.execute(f"DELETE FROM {table} WHERE {when} < ?", (before,))
            self._prune_memory(before)
            tables = ("audits", "kills", "findings", "lives", "upgrades")
            unused = " AND ".join(f"NOT EXISTS (SELECT 1 FROM {table} WHERE host = hosts.id)" for table in tables)
            self._database.execute(f"DELETE FROM hosts WHERE {unused}")

    def hosts(self) -> set[str]:
        """All hosts that are known here."""
        return {name for (name,) in self._all("SELECT name FROM hosts")}

    def kills_over_time(self, since: int) -> dict[int, int]:
        """The number of kills by day (since the epoch, UTC), days without any left out."""
        return dict(self._all(f"SELECT at / {_DAY}, count(*) FROM kills WHERE at >= ? GROUP BY 1", since))

    def victims(self, since: int) -> dict[str, int]:
        """How often each name was killed over all hosts."""
        return dict(self._all("SELECT name, count(*) FROM kills WHERE at >= ? GROUP BY name", since))

    def kill_rates(self, since: int, now: int) -> dict[str, float]:
        """Kills a day by host, for hosts that had any."""
        days = max((now - since) / _DAY, 1.0)
        found = self._all(
            "SELECT hosts.name, count(*) FROM kills JOIN hosts ON hosts.id = kills.host WHERE at >= ? GROUP BY host",
            since,
        )
        return {name: count / days for name, count in found}

    def audits(self, host: str) -> tuple[AuditPoint, ...]:
        """All audits of a host, oldest first."""
        columns = ", ".join(AuditPoint.__dataclass_fields__)
        found = self._all(
            f"SELECT {columns} FROM audits WHERE host = (SELECT id FROM hosts WHERE name = ?) ORDER BY at, id",
            host_name(host),
        )
        return tuple(AuditPoint(when, bool(seen), *rest) for when, seen, *rest in found)

    def earlier(self, host: str, boot_id: str | None, now: int) -> dict[str, int | None] | None:
        """C(COUNTERS) at the last audit that read the host, and C(seconds_ago); C(None) if that was in another boot."""
        found = self._all(
            f"SELECT boot_id, at, {', '.join(COUNTERS)} FROM audits WHERE seen"
            " AND host = (SELECT id FROM hosts WHERE name = ?) ORDER BY at DESC, id DESC LIMIT 1",
            host_name(host),
        )
        if not found or boot_id is None or found[0][0] != boot_id:
            return None
        _unused, when, *counters = found[0]
        return {"seconds_ago": now - when, **dict(zip(COUNTERS, counters, strict=True))}

    def first_seen(self, host: str) -> dict[str, int]:
        """When each finding of a host was first there, by its key, without a break since."""
        found = self._all(
            "SELECT key, first_at FROM findings WHERE host = (SELECT id FROM hosts WHERE name = ?)", host_name(host)
        )
        return dict(found)

    def _new(self, record: Mapping[str, Any]) -> set[str]:
        """What was not there at the audit before: for a host that was read, at the one before that read it.

        Where there was none nothing is new: all of it may be old.
        """
        seen = at(record, "state") is not None
        (before,) = self._database.execute(
            "SELECT max(at) FROM audits WHERE host = (SELECT id FROM hosts WHERE name = ?) AND seen >= ?",
            (host_name(record.get("host")), int(seen)),
        ).fetchone()
        if before is None:
            return set()
        old = self._database.execute(
            "SELECT key FROM findings WHERE host = (SELECT id FROM hosts WHERE name = ?) AND last_at >= ?",
            (host_name(record.get("host")), before),
        )
        return {finding_key(finding) for finding in entries(record, "findings")} - {key for (key,) in old}

    def _write(self, record: Mapping[str, Any]) -> None:
        host = self._id("hosts", host_name(record.get("host")))
        when = seconds(text(record, "audited_at")) or int(time.time())
        new = self._new(record)
        self._audit(host, when, record)
        if at(record, "state") is not None:
            self._keep_memory(record)
            self._write_leaks(host, record)
        self._database.executemany(
            "INSERT OR IGNORE INTO kills VALUES (?, ?, ?, ?, ?)",
            [(host, kill.key, kill.at, kill.name, kill.scope) for kill in kills_of(record)],
        )
        for key in {finding_key(finding) for finding in entries(record, "findings")}:
            self._database.execute(
                "INSERT INTO findings VALUES (?, ?, ?, ?) ON CONFLICT (host, key) DO UPDATE SET"
                " last_at = max(last_at, excluded.last_at)" + (", first_at = excluded.first_at" if key in new else ""),
                (host, key, when, when),
            )

    def _audit(self, host: int, when: int, record: Mapping[str, Any]) -> None:
        state = at(record, "state")
        severities = [finding.get("severity") for finding in entries(record, "findings")]
        some, full = (at(state, "pressure", "memory", each) for each in ("some", "full"))
        values = {
            "host": host,
            "at": when,
            "seen": int(state is not None),
            "boot_id": text(state, "host", "boot_id"),
            "uptime_seconds": integer(state, "host", "uptime_seconds"),
            "total_kib": integer(state, "memory", "total_kib"),
            "available_kib": integer(state, "memory", "available_kib"),
            "swap_total_kib": integer(state, "memory", "swap_total_kib"),
            "swap_free_kib": integer(state, "memory", "swap_free_kib"),
            "committed_kib": integer(state, "memory", "committed_kib"),
            "commit_limit_kib": integer(state, "memory", "commit_limit_kib"),
            "pressure_some_us": integer(some, "total_us"),
            "pressure_full_us": integer(full, "total_us"),
            "pressure_some_avg60_pct": number(some, "avg60_pct"),
            "pressure_full_avg60_pct": number(full, "avg60_pct"),
            **{name: integer(state, "counters", name) for name in COUNTERS},
            "drift": len(items(record, "drift")),
            "criticals": severities.count("critical"),
            "warnings": severities.count("warning"),
            "infos": severities.count("info"),
        }
        columns, marks = ", ".join(values), ", ".join("?" * len(values))
        self._database.execute(
            f"INSERT INTO audits ({columns}) VALUES ({marks})",
            tuple(values.values()),
        )
