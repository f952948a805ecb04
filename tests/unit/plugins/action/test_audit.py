# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from unit.samples import host_state

from ansible_collections.lifeboat.oom.plugins.action import audit
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history import database
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import FILE


def answer(*_arguments: Any) -> dict[str, Any]:
    return {"ansible_facts": {"memory_health": json.loads(json.dumps(host_state().as_facts()))}}


def run(report: Path) -> dict[str, Any]:
    task = MagicMock(args={"report_dir": str(report)}, async_val=0, check_mode=False)
    action = audit.ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock())
    return action.run(None, {"inventory_hostname": "kiosk"})


def test_the_time_of_an_audit_is_that_of_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else what was started after an upgrade, which is known by its uptime, may seem to be older than it."""
    clock = ["2026-01-01T00:00:00+00:00"]
    moment = SimpleNamespace(isoformat=lambda **_options: clock[0])
    monkeypatch.setattr(audit, "datetime", SimpleNamespace(now=lambda _zone: moment))

    def look(*_arguments: Any) -> dict[str, Any]:
        clock[0] = "2026-01-01T00:01:30+00:00"
        return answer()

    monkeypatch.setattr(audit, "look", look)
    found = run(tmp_path)
    assert json.loads(Path(found["record"]).read_text())["audited_at"] == clock[0]
    assert "warnings" not in found


@pytest.mark.parametrize(
    ("held_by", "said"),
    [(None, "file is not a database"), ("BEGIN IMMEDIATE", "database is locked")],
    ids=["damaged", "locked"],
)
def test_a_host_is_audited_without_a_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held_by: str | None, said: str
) -> None:
    monkeypatch.setattr(audit, "look", answer)
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.01)
    run(tmp_path)
    holder = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    if held_by:
        holder.execute(held_by)
    else:
        (tmp_path / FILE).write_text("no database" * 100)
    found = run(tmp_path)
    holder.close()
    assert not any(finding["id"].startswith("audit.") for finding in found["findings"])
    kept = json.loads(Path(found["record"]).read_text())
    assert kept["state"]["memory"]["total_kib"] == 4_000_000
    (warning,) = found["warnings"]
    assert warning.startswith(f"going on without the history: {tmp_path / FILE} cannot be used as the history")
    assert f": {said}; see that it may be written" in warning
