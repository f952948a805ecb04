# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the history.

A table C(hosts) and one of C(units) hold each name once, and C(lives) each process: ten thousand hosts, audited every
night, write 400,000 readings of services a night. Times are seconds since the epoch, sizes KiB.
"""

from __future__ import annotations

VERSION = 1
TABLES = (
    "CREATE TABLE hosts (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    "CREATE TABLE units (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    # By the order in which they were kept: a clock may have been ahead.
    """CREATE TABLE audits (
        id INTEGER PRIMARY KEY,
        host INTEGER NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
        at INTEGER NOT NULL,
        seen INTEGER NOT NULL,              -- 1 where the host answered and was read
        boot_id TEXT,
        total_kib INTEGER,
        available_kib INTEGER,
        swap_in_pages INTEGER               -- since boot
    )""",
    "CREATE INDEX audits_of_host ON audits (host, id)",
    "CREATE INDEX audits_by_age ON audits (at)",
    """CREATE TABLE kills (
        host INTEGER NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        at INTEGER NOT NULL,
        name TEXT NOT NULL,
        scope TEXT,
        PRIMARY KEY (host, key)
    ) WITHOUT ROWID""",
    "CREATE INDEX kills_by_age ON kills (at)",
    # Of the last audit that read the host (seen), and of the last one where that did not.
    """CREATE TABLE findings (
        host INTEGER NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
        seen INTEGER NOT NULL,
        key TEXT NOT NULL,
        first_at INTEGER NOT NULL,
        PRIMARY KEY (host, seen, key)
    ) WITHOUT ROWID""",
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
)
