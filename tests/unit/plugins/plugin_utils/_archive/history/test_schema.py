# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sqlite3

import pytest

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history import schema
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.schema import (
    MIGRATIONS,
    VERSION,
    migrate,
    version_of,
)


def test_a_new_database_gets_every_table() -> None:
    database = sqlite3.connect(":memory:")
    migrate(database)
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == {"hosts", "units", "audits", "kills", "findings", "lives", "readings", "upgrades", "leaks"}
    assert version_of(database) == VERSION


def test_an_older_database_is_lifted_and_keeps_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    database = sqlite3.connect(":memory:")
    migrate(database)
    database.execute("INSERT INTO hosts (name) VALUES ('web')")
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, ("ALTER TABLE hosts ADD COLUMN site TEXT",)))
    monkeypatch.setattr(schema, "VERSION", VERSION + 1)
    migrate(database)
    assert database.execute("SELECT name, site FROM hosts").fetchall() == [("web", None)]
    assert version_of(database) == VERSION + 1
    migrate(database)
    assert version_of(database) == VERSION + 1


def test_samples_of_the_first_version_become_lives_and_readings() -> None:
    database = sqlite3.connect(":memory:")
    for statement in MIGRATIONS[0]:
        database.execute(statement)
    database.execute("PRAGMA user_version = 1")
    database.execute("INSERT INTO hosts (id, name) VALUES (1, 'web')")
    database.execute("INSERT INTO units (id, name) VALUES (1, 'a.service')")
    for audit, (boot_id, uptime) in enumerate([("b", 1000), ("b", 2000), ("c", 50), (None, 70)], 1):
        database.execute(
            "INSERT INTO audits (id, host, at, seen, boot_id, uptime_seconds, drift, criticals, warnings, infos)"
            " VALUES (?, 1, ?, 1, ?, ?, 0, 0, 0, 0)",
            (audit, 1_000_000 + uptime, boot_id, uptime),
        )
        database.execute("INSERT INTO samples VALUES (?, 1, 7, 300, 2, ?, NULL, NULL, 900)", (audit, 10 * audit))
    migrate(database)
    assert database.execute("SELECT boot_id, main_pid, start_ticks, began_at, version FROM lives").fetchall() == [
        ("b", 7, 300, 1_000_003, None),
        ("c", 7, 300, 1_000_003, None),
    ]
    assert database.execute("SELECT life, uptime_seconds, at, anon_swap_kib, limit_kib FROM readings").fetchall() == [
        (1, 1000, 1_001_000, 10, 900),
        (1, 2000, 1_002_000, 20, 900),
        (2, 50, 1_000_050, 30, 900),
    ]
