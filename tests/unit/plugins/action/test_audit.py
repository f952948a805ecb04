# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from unit.samples import host_state

from ansible_collections.lifeboat.oom.plugins.action import audit
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history import database, location
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import HostPast
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.location import FILE, open_history
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.sqlite import SqliteHistory
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import load_record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.run_id import this_run


def answer(*_arguments: Any) -> dict[str, Any]:
    return {"ansible_facts": {"memory_health": json.loads(json.dumps(host_state().as_facts()))}}


def run(report: Path, delegate: str | None = None, **arguments: Any) -> dict[str, Any]:
    task = MagicMock(args={"report_dir": str(report), **arguments}, async_val=0, check_mode=False, delegate_to=delegate)
    action = audit.ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock())
    return action.run(None, {"inventory_hostname": "kiosk"})


def test_what_is_delegated_is_not_filed_as_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "look", answer)
    with pytest.raises(
        AnsibleActionFail, match=r"delegated to localhost, .* would be taken for that of kiosk; run it "
    ):
        run(tmp_path, "localhost")
    assert not (tmp_path / "hosts").exists()
    run(tmp_path, "kiosk")
    assert (tmp_path / "hosts/kiosk.json").exists()


def test_the_folder_that_is_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "look", answer)
    assert run(tmp_path / "new")["warnings"][0].startswith(f"made the folder {tmp_path}/new, which was not there")
    assert run(tmp_path / "new")["warnings"] == []


def test_the_time_of_an_audit_is_that_of_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else what was started after an upgrade, which is known by its uptime, may seem to be older than it."""
    clock = ["2026-01-01T00:00:00+00:00"]
    moment = SimpleNamespace(now=lambda _zone: datetime.fromisoformat(clock[0]))
    monkeypatch.setattr(audit, "datetime", moment)

    def look(*_arguments: Any) -> dict[str, Any]:
        clock[0] = "2026-01-01T00:01:30+00:00"
        return answer()

    monkeypatch.setattr(audit, "look", look)
    found = run(tmp_path)
    assert json.loads(Path(found["record"]).read_text())["audited_at"] == clock[0]
    assert found["warnings"] == []


def _fails(error: Exception) -> Any:
    def look(*_arguments: Any) -> dict[str, Any]:
        raise error

    return look


def _says(**changes: Any) -> Any:
    def look(*_arguments: Any) -> dict[str, Any]:
        facts = answer()["ansible_facts"]["memory_health"]
        for key, value in changes.items():
            inner = facts
            *path, last = key.split("__")
            for step in path:
                inner = inner[step]
            inner[last] = value
        return {"ansible_facts": {"memory_health": facts}}

    return look


@pytest.mark.parametrize(
    ("look", "reachable", "said"),
    [
        (_fails(AnsibleConnectionFailure("timed out")), False, "timed out"),
        (_fails(AnsibleError("Missing sudo password")), True, "Missing sudo password"),
        (_fails(RecursionError("too deep")), True, "RecursionError: too deep"),
        (_fails(OverflowError("\x1b[2J")), True, "OverflowError: \\x1b[2J"),
        (_says(memory__total_kib=10**400), True, "memory_health.memory.total_kib: found a larger one"),
        (_says(memory__total_kib=0), True, "memory.total_kib: found 0, expected a whole number from 1 to"),
        (_says(host__page_kib=0), True, "host.page_kib: found 0"),
        (_says(host__uptime_seconds=float("inf")), True, "host.uptime_seconds: found inf"),
        (_says(events=[{"kind": "kill", "victims": True}]), True, "memory_health.events[0]"),
        (_says(schema=2), True, "found schema '2', expected 1"),
        (lambda *_words: {"ansible_facts": {"memory_health": []}}, True, "found list, expected a dictionary"),
        (lambda *_words: {"failed": True, "msg": "no python"}, True, "no python"),
    ],
)
def test_whatever_becomes_of_a_host_this_run_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: Any, reachable: bool, said: str
) -> None:
    """And yesterday's record does not stand as today's."""
    monkeypatch.setattr(audit, "look", answer)
    run(tmp_path)
    monkeypatch.setattr(audit, "look", look)
    found = run(tmp_path)
    kept = load_record(Path(found["record"]))
    assert (kept.state, kept.reachable, kept.run) == (None, reachable, this_run())
    assert kept.error is not None and said in kept.error
    assert [finding["id"] for finding in found["findings"]] == ["audit.failed" if reachable else "audit.unreachable"]
    assert said in " ".join(found["summary"])
    with open_history(tmp_path) as history:
        assert [point.seen for point in history.past("kiosk").audits] == [True, False]


def test_a_declaration_that_is_wrong_fails_the_task_and_is_told_in_the_report(tmp_path: Path) -> None:
    with pytest.raises(AnsibleActionFail, match="thresholds: found 5"):
        run(tmp_path, thresholds=5)
    kept = load_record(tmp_path / "hosts/kiosk.json")
    assert kept.error is not None and "thresholds: found 5" in kept.error


def test_a_host_is_opened_in_the_history_once_and_kept_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    monkeypatch.setattr(audit, "look", answer)

    class Counted(SqliteHistory):
        def __init__(self, path: Path) -> None:
            counted.append("opened")
            super().__init__(path)

        def past(self, host: str) -> HostPast:
            counted.append("past")
            return super().past(host)

        def keep(self, *arguments: Any) -> None:
            counted.append("kept")
            super().keep(*arguments)

    monkeypatch.setattr(location, "SqliteHistory", Counted)
    run(tmp_path)
    assert counted == ["opened", "past", "kept"]


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
