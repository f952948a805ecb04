# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the audits have found over time, in one SQLite file beside the spool.

Every worker of a run opens it for itself; SQLite lets one write at a time and the others wait. In WAL mode a process
that is killed at any moment leaves it readable, and what was committed stays. WAL needs a local file system.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.plugin_utils._facts import (
    at,
    entries,
    integer,
    items,
    number,
    seconds,
    text,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._history_schema import VERSION, migrate, version_of
from ansible_collections.lifeboat.oom.plugins.plugin_utils._kills import kills_of
from ansible_collections.lifeboat.oom.plugins.plugin_utils._row import finding_key
from ansible_collections.lifeboat.oom.plugins.plugin_utils._service_memory import service_memory
from ansible_collections.lifeboat.oom.plugins.plugin_utils._text import clean

FILE = "history.sqlite"
# Of the kernel, since boot.
COUNTERS = ("oom_kills", "swap_in_pages", "swap_out_pages", "major_faults", "allocation_stalls", "refaults")
_BUSY_SECONDS = 60.0
_DAY = 86_400


@dataclass(frozen=True)
class Sample:
    """The memory of one service at one audit, in KiB; C(None) where it is not known.

    Two samples are of the same processes only where I(boot_id), I(main_pid) and I(start_ticks) are the same.
    """

    at: int
    boot_id: str | None
    main_pid: int | None
    start_ticks: int | None
    processes: int
    anon_swap_kib: int
    pss_kib: int | None
    cgroup_kib: int | None
    limit_kib: int | None


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


class History:
    """The history in the file I(path), which is made where it is missing. Raises HostError where it is not one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._told():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            with self._told():
                self._prepare()
        except BaseException:
            self._database.close()
            raise

    def __enter__(self) -> History:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._database.close()

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
            unused = " AND ".join(
                f"NOT EXISTS (SELECT 1 FROM {table} WHERE host = hosts.id)" for table in ("audits", "kills", "findings")
            )
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
            _name(host),
        )
        return tuple(AuditPoint(when, bool(seen), *rest) for when, seen, *rest in found)

    def earlier(self, host: str, boot_id: str | None, now: int) -> dict[str, int | None] | None:
        """C(COUNTERS) at the last audit that read the host, and C(seconds_ago); C(None) if that was in another boot."""
        found = self._all(
            f"SELECT boot_id, at, {', '.join(COUNTERS)} FROM audits WHERE seen"
            " AND host = (SELECT id FROM hosts WHERE name = ?) ORDER BY at DESC, id DESC LIMIT 1",
            _name(host),
        )
        if not found or boot_id is None or found[0][0] != boot_id:
            return None
        _, when, *counters = found[0]
        return {"seconds_ago": now - when, **dict(zip(COUNTERS, counters, strict=True))}

    def units(self, host: str) -> tuple[str, ...]:
        """The services of a host that there are samples of."""
        found = self._all(
            "SELECT DISTINCT units.name FROM samples JOIN units ON units.id = unit JOIN audits ON audits.id = audit"
            " WHERE host = (SELECT id FROM hosts WHERE name = ?) ORDER BY 1",
            _name(host),
        )
        return tuple(name for (name,) in found)

    def samples(self, host: str, unit: str) -> tuple[Sample, ...]:
        """The memory of one service over time, oldest first."""
        columns = ", ".join(Sample.__dataclass_fields__)
        found = self._all(
            f"SELECT {columns} FROM samples JOIN audits ON audits.id = audit"
            " WHERE host = (SELECT id FROM hosts WHERE name = ?) AND unit = (SELECT id FROM units WHERE name = ?)"
            " ORDER BY at, audits.id",
            _name(host),
            clean(unit, 200),
        )
        return tuple(Sample(*row) for row in found)

    def first_seen(self, host: str) -> dict[str, int]:
        """When each finding of a host was first there, by its key, without a break since."""
        found = self._all(
            "SELECT key, first_at FROM findings WHERE host = (SELECT id FROM hosts WHERE name = ?)", _name(host)
        )
        return dict(found)

    def _all(self, query: str, *values: Any) -> list[Any]:
        with self._told():
            return self._database.execute(query, values).fetchall()

    def _prepare(self) -> None:
        self._database.execute("PRAGMA foreign_keys = ON")
        self._database.execute("PRAGMA synchronous = NORMAL")
        if version_of(self._database) == VERSION:
            return
        self._to_wal()
        with self._writing():
            found = version_of(self._database)
            if found > VERSION:
                raise HostError(
                    f"{self.path} has schema {found}, this version of the collection knows {VERSION}; update the "
                    "collection, or report into another folder",
                    str(self.path),
                )
            migrate(self._database)

    def _to_wal(self) -> None:
        """Turn to WAL once. While another process does the same SQLite says at once that it is locked: wait here."""
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                self._database.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction; it is the only one that writes from its first line on."""
        with self._told():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise HostError(
                f"{self.path} cannot be used as the history of audits: {error}; if it is not one, move it away, and a "
                "new one is made",
                str(self.path),
            ) from error

    def _id(self, table: str, name: str) -> int:
        self._database.execute(f"INSERT OR IGNORE INTO {table} (name) VALUES (?)", (name,))
        (found,) = self._database.execute(f"SELECT id FROM {table} WHERE name = ?", (name,)).fetchone()
        return int(found)

    def _new(self, record: Mapping[str, Any]) -> set[str]:
        """What was not there at the audit before: for a host that was read, at the one before that read it.

        Where there was none nothing is new: all of it may be old.
        """
        seen = at(record, "state") is not None
        (before,) = self._database.execute(
            "SELECT max(at) FROM audits WHERE host = (SELECT id FROM hosts WHERE name = ?) AND seen >= ?",
            (_name(record.get("host")), int(seen)),
        ).fetchone()
        if before is None:
            return set()
        old = self._database.execute(
            "SELECT key FROM findings WHERE host = (SELECT id FROM hosts WHERE name = ?) AND last_at >= ?",
            (_name(record.get("host")), before),
        )
        return {finding_key(finding) for finding in entries(record, "findings")} - {key for (key,) in old}

    def _write(self, record: Mapping[str, Any]) -> None:
        host = self._id("hosts", _name(record.get("host")))
        when = seconds(text(record, "audited_at")) or int(time.time())
        new = self._new(record)
        audit = self._audit(host, when, record)
        self._database.executemany(
            "INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (audit, self._id("units", service.unit), *astuple(service)[1:])
                for service in service_memory(at(record, "state"))
            ],
        )
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

    def _audit(self, host: int, when: int, record: Mapping[str, Any]) -> int:
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
        cursor = self._database.execute(
            f"INSERT INTO audits ({columns}) VALUES ({marks})",
            tuple(values.values()),
        )
        return int(cursor.lastrowid or 0)


def _name(host: Any) -> str:
    return clean(host, 300)
