# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sqlite3

import pytest

from ansible_collections.lifeboat.oom.plugins.plugin_utils import _history_schema
from ansible_collections.lifeboat.oom.plugins.plugin_utils._history_schema import (
    MIGRATIONS,
    VERSION,
    migrate,
    version_of,
)


def test_a_new_database_gets_every_table() -> None:
    database = sqlite3.connect(":memory:")
    migrate(database)
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == {"hosts", "units", "audits", "samples", "kills", "findings"}
    assert version_of(database) == VERSION


def test_an_older_database_is_lifted_and_keeps_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    database = sqlite3.connect(":memory:")
    migrate(database)
    database.execute("INSERT INTO hosts (name) VALUES ('web')")
    monkeypatch.setattr(_history_schema, "MIGRATIONS", (*MIGRATIONS, ("ALTER TABLE hosts ADD COLUMN site TEXT",)))
    monkeypatch.setattr(_history_schema, "VERSION", VERSION + 1)
    migrate(database)
    assert database.execute("SELECT name, site FROM hosts").fetchall() == [("web", None)]
    assert version_of(database) == VERSION + 1
    migrate(database)
    assert version_of(database) == VERSION + 1
