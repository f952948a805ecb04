# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One device is an attacker's: what does its word make happen on another one?"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.lifeboat.oom.plugins.action import leaks
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.heap_profile import HeapProfile, HeapSite
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.profiles import write_profile
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import FiledRow
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import Level, Row, RowLeak

NOW = datetime.now(UTC).isoformat(timespec="seconds")
LIBRARY = "/usr/lib/libtelemetry.so.1"


def audited(host: str, *units: str, when: str = NOW, level: Level = "warning") -> Row:
    leaking = tuple(RowLeak(unit, "telemetry", "1.0", 5) for unit in units)
    return Row(host, audited_at=when, level=level, leaks=leaking)


def profile(
    host: str,
    subject: str = "telemetry.service",
    package: str = "libtelemetry1",
    file: str = LIBRARY,
    when: str = NOW,
) -> HeapProfile:
    site = HeapSite(80, "grown", "f()", object=file, package=package, version="1.0")
    return HeapProfile(subject, "heaptrack", 8.1, (site,), host, when)


def ask(monkeypatch: pytest.MonkeyPatch, folder: Path, rows: list[Row], *play: str, **options: Any) -> dict[str, Any]:
    monkeypatch.setattr(leaks.RecordFiles, "rows", lambda _files: [FiledRow(folder, row, "") for row in rows])
    task = MagicMock(args={"report_dir": str(folder), **options}, async_val=0)
    action = leaks.ActionModule(task, *[MagicMock()] * 5)
    result: dict[str, Any] = action.run(None, {"ansible_play_hosts_all": list(play)})
    return result


def test_a_folder_that_is_not_there_is_no_proof_that_nothing_leaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AnsibleActionFail, match=f"there is no folder {tmp_path}/reprot, so no audit was kept there"):
        ask(monkeypatch, tmp_path / "reprot", [], "a")


def test_a_host_whose_audit_agrees_is_a_candidate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_profile(tmp_path, profile("a"))
    rows = [audited("a", "telemetry.service"), audited("b", "telemetry.service", "web.service"), audited("c")]
    found = ask(monkeypatch, tmp_path, rows, "a", "b", "c")
    assert set(found["candidates"]) == {"a", "b"} and found["unused"] == []
    (one,) = found["candidates"]["b"]
    assert (one["package"], one["units"], one["files"]) == ("libtelemetry1", ("telemetry.service",), (LIBRARY,))


@pytest.mark.parametrize(
    "lie",
    [
        profile("liar", "ssh.service", "openssh-server", "/usr/sbin/sshd"),
        profile("liar", "telemetry.service/..", "openssh-server", "/usr/sbin/sshd"),
        profile("liar", "pid 3", "libc6", "/usr/lib/libother.so"),
    ],
    ids=["another service", "no unit", "a process"],
)
def test_what_does_not_leak_there_is_no_candidate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: HeapProfile
) -> None:
    write_profile(tmp_path, lie)
    rows = [audited("liar", "ssh.service"), audited("b", "telemetry.service")]
    assert "b" not in ask(monkeypatch, tmp_path, rows, "liar", "b")["candidates"]


def test_only_hosts_of_the_play_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_profile(tmp_path, profile("retired"))
    rows = [audited("retired", "telemetry.service"), audited("b", "telemetry.service")]
    found = ask(monkeypatch, tmp_path, rows, "b")
    assert (found["packages"], found["candidates"], found["groups"][0]["hosts"]) == ([], {}, ("b",))


@pytest.mark.parametrize(
    ("days", "old"), [(1, "profile"), (1, "audit"), (30, None)], ids=["old profile", "old audit", "young"]
)
def test_what_is_old_is_no_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, old: str | None) -> None:
    before = datetime.fromtimestamp(time.time() - 2 * 86_400, UTC).isoformat()
    write_profile(tmp_path, profile("a", when=before if old != "audit" else NOW))
    rows = [audited("a", "telemetry.service", when=before if old != "profile" else NOW)]
    found = ask(monkeypatch, tmp_path, rows, "a", max_age_days=days)
    assert bool(found["candidates"]) == (old is None) and len(found["unused"]) == (0 if old is None else 1)


def test_a_host_that_was_not_audited_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_profile(tmp_path, profile("a"))
    found = ask(monkeypatch, tmp_path, [audited("a", "x.service"), audited("b", level="not audited")], "a", "b", "c")
    (told,) = found["unused"]
    assert told.endswith("none is upgraded: b, c")


def test_files_that_are_no_profiles_do_not_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_profile(tmp_path, profile("a"))
    (tmp_path / "profiles/liar").mkdir()
    for number in range(50):
        (tmp_path / f"profiles/liar/{number}.json").write_text("{" * number)
    rows = [audited("a", "telemetry.service"), audited("liar")]
    found = ask(monkeypatch, tmp_path, rows, "a", "liar")
    assert set(found["candidates"]) == {"a"}
    assert len(found["unused"]) == 11 and found["unused"][-1] == "40 more profiles are not used"


def test_a_host_that_names_many_services_does_not_hold_up_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are profiled one after the other, for minutes each."""
    rows = [audited("liar", *(f"s{number:02}.service" for number in range(50))), audited("a", "telemetry.service")]
    fastest = replace(rows[0].leaks[40], rate_bytes_per_hour=9)
    rows[0] = replace(rows[0], leaks=(*rows[0].leaks[:40], fastest, *rows[0].leaks[41:]))
    found = ask(monkeypatch, tmp_path, rows, "liar", "a")
    assert len(found["targets"]["liar"]) == 5 and found["targets"]["a"] == ["telemetry.service"]
    assert found["targets"]["liar"][0] == "s40.service"
    assert found["summary"][-1].startswith("liar: 50 services; the 5 that leak fastest are profiled")
