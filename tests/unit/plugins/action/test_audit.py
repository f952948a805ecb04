# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from unit.samples import host_state

from ansible_collections.lifeboat.oom.plugins.action import audit


def test_the_time_of_an_audit_is_that_of_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else what was started after an upgrade, which is known by its uptime, may seem to be older than it."""
    clock = ["2026-01-01T00:00:00+00:00"]
    moment = SimpleNamespace(isoformat=lambda **_options: clock[0])
    monkeypatch.setattr(audit, "datetime", SimpleNamespace(now=lambda _zone: moment))

    def look(*_arguments: Any) -> dict[str, Any]:
        clock[0] = "2026-01-01T00:01:30+00:00"
        return {"ansible_facts": {"memory_health": json.loads(json.dumps(host_state().as_facts()))}}

    monkeypatch.setattr(audit, "look", look)
    task = MagicMock(args={"report_dir": str(tmp_path)}, async_val=0, check_mode=False)
    action = audit.ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock())
    found = action.run(None, {"inventory_hostname": "kiosk"})
    assert json.loads(Path(found["record"]).read_text())["audited_at"] == clock[0]
