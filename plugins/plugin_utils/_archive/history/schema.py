# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the history, version by version.

A table C(hosts) and one of C(units) hold each name once, and C(lives) each process: ten thousand hosts, audited every
night, write 400,000 readings of services a night. Times are seconds since the epoch, sizes KiB.
"""

from __future__ import annotations

import sqlite3

# Each entry lifts the database by one version (PRAGMA user_version); one that was released is never changed.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE hosts (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
        "CREATE TABLE units (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
        """CREATE TABLE audits (
            id INTEGER PRIMARY KEY,
            host INTEGER NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
            at INTEGER NOT NULL,
            seen INTEGER NOT NULL,              -- 1 where the host answered and was read
            boot_id TEXT,
            uptime_seconds INTEGER,
            total_kib INTEGER,
            available_kib INTEGER,
            swap_total_kib INTEGER,
            swap_free_kib INTEGER,
            committed_kib INTEGER,
            commit_limit_kib INTEGER,
            pressure_some_us INTEGER,           -- since boot
            pressure_full_us INTEGER,
            pressure_some_avg60_pct REAL,
            pressure_full_avg60_pct REAL,
            oom_kills INTEGER,                  -- this and the next five: since boot
            swap_in_pages INTEGER,
            swap_out_pages INTEGER,
            major_faults INTEGER,
            allocation_stalls INTEGER,
            refaults INTEGER,
            drift INTEGER NOT NULL,
            criticals INTEGER NOT NULL,
            warnings INTEGER NOT NULL,
            infos INTEGER NOT NULL
        )""",
        "CREATE INDEX audits_of_host ON audits (host, at)",
        "CREATE INDEX audits_by_age ON audits (at)",
        """CREATE TABLE samples (
            audit INTEGER NOT NULL REFERENCES audits (id) ON DELETE CASCADE,
            unit INTEGER NOT NULL REFERENCES units (id),
            main_pid INTEGER,
            start_ticks INTEGER,                -- of the main process, since boot
            processes INTEGER NOT NULL,
            anon_swap_kib INTEGER NOT NULL,
            pss_kib INTEGER,
            cgroup_kib INTEGER,
            limit_kib INTEGER,
            PRIMARY KEY (audit, unit)
        ) WITHOUT ROWID""",
        """CREATE TABLE kills (
            host INTEGER NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
            key TEXT NOT NULL,
            at INTEGER NOT NULL,
            name TEXT NOT NULL,
            scope TEXT,
            PRIMARY KEY (host, key)
        ) WITHOUT ROWID""",
        "CREATE INDEX kills_by_age ON kills (at)",
        """CREATE TABLE findings (
            host INTEGER NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
            key TEXT NOT NULL,
            first_at INTEGER NOT NULL,
            last_at INTEGER NOT NULL,
            PRIMARY KEY (host, key)
        ) WITHOUT ROWID""",
    ),
    (
        # The life of the main process of a service, from its start on.
        """CREATE TABLE lives (
            id INTEGER PRIMARY KEY,
            host INTEGER NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
            unit INTEGER NOT NULL REFERENCES units (id),
            boot_id TEXT NOT NULL,
            main_pid INTEGER NOT NULL,
            start_ticks INTEGER NOT NULL,       -- since boot
            began_at INTEGER NOT NULL,
            package TEXT,                       -- that owns its program, and its version
            version TEXT,
            UNIQUE (host, unit, boot_id, main_pid, start_ticks)
        )""",
        # By the uptime: a sample that two audits read is one, whatever the clocks say.
        """CREATE TABLE readings (
            life INTEGER NOT NULL REFERENCES lives (id) ON DELETE CASCADE,
            uptime_seconds INTEGER NOT NULL,
            at INTEGER NOT NULL,
            anon_swap_kib INTEGER NOT NULL,
            limit_kib INTEGER,
            PRIMARY KEY (life, uptime_seconds)
        ) WITHOUT ROWID""",
        "CREATE INDEX readings_by_age ON readings (at)",
        """CREATE TABLE upgrades (
            host INTEGER NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
            unit INTEGER NOT NULL REFERENCES units (id),
            package TEXT NOT NULL,
            before TEXT NOT NULL,
            after TEXT NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (host, unit, package, at)
        ) WITHOUT ROWID""",
        # What the last audit of a host judged a leak.
        """CREATE TABLE leaks (
            host INTEGER NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
            unit INTEGER NOT NULL REFERENCES units (id),
            package TEXT,
            version TEXT,
            rate_bytes_per_hour INTEGER NOT NULL,
            confidence_pct REAL NOT NULL,
            seconds_left INTEGER,
            PRIMARY KEY (host, unit)
        ) WITHOUT ROWID""",
        """INSERT OR IGNORE INTO lives (host, unit, boot_id, main_pid, start_ticks, began_at)
            SELECT host, unit, boot_id, main_pid, start_ticks, min(at - uptime_seconds + start_ticks / 100)
            FROM samples JOIN audits ON audits.id = audit
            WHERE boot_id IS NOT NULL AND main_pid IS NOT NULL AND start_ticks IS NOT NULL
            AND uptime_seconds IS NOT NULL GROUP BY host, unit, boot_id, main_pid, start_ticks""",
        """INSERT OR IGNORE INTO readings
            SELECT lives.id, uptime_seconds, at, anon_swap_kib, limit_kib
            FROM samples JOIN audits ON audits.id = audit
            JOIN lives USING (host, unit, boot_id, main_pid, start_ticks) WHERE uptime_seconds IS NOT NULL""",
        "DROP TABLE samples",
    ),
)
VERSION = len(MIGRATIONS)


def version_of(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def migrate(database: sqlite3.Connection) -> None:
    """Lift the database to C(VERSION), inside a transaction of the caller that nobody else can write in."""
    for version in range(version_of(database), VERSION):
        for statement in MIGRATIONS[version]:
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {version + 1}")
