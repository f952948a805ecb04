# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet over ssh in which some hosts do not answer: they are results too, and do not stop the others."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .runner import CHECKOUT
from .ssh_fleet import SILENT, UNREACHABLE, Fleet, address, ssh_fleet

WELL = 8
# Between the others by name.
ILL: dict[str, dict[str, Any]] = {
    "host002-unreachable": {"ansible_host": UNREACHABLE},
    "host004-silent": {"ansible_host": SILENT},
    "host005-broken": {"ansible_host": address(50), "ansible_user": "broken"},
    "host006-no-python": {"ansible_host": address(51), "ansible_python_interpreter": "/nowhere"},
    "host007-wrong": {"ansible_host": address(52), "oom_protect_services": [{"name": "a b", "oom_score_adj": -5}]},
}


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with ssh_fleet() as found:
        yield found


def audit(fleet: Fleet, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "inventory.json").write_text(fleet.inventory(WELL, ILL))
    words = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(folder / "inventory.json"), "-f", "5"]
    words += ["lifeboat.oom.audit", "-e", f"oom_audit_report_dir={folder}/report", *arguments]
    return subprocess.run(words, cwd=CHECKOUT, capture_output=True, text=True, timeout=300, check=False)


def test_what_does_not_answer_is_told_and_the_others_are_audited(fleet: Fleet, tmp_path: Path) -> None:
    done = audit(fleet, tmp_path)
    records = {}
    for path in (tmp_path / "report" / "hosts").glob("*.json"):
        record = json.loads(path.read_text())
        records[record["host"]] = record
    well = [f"host{number:03}" for number in range(WELL)]
    assert set(records) == {*well, *ILL}, done.stdout
    for host in well:
        assert (records[host]["reachable"], records[host]["error"]) == (True, None)
        assert records[host]["state"]["collector"] == "native"
    for host in ("host002-unreachable", "host004-silent"):
        assert records[host]["reachable"] is False
        assert [found["id"] for found in records[host]["findings"]] == ["audit.unreachable"]
    broken = records["host005-broken"]
    assert [found["id"] for found in broken["findings"]] == ["audit.failed"]
    assert "Segmentation fault" in broken["error"]
    assert records["host006-no-python"]["state"]["collector"] == "bare"
    # What is wrong is the inventory: the play says so too, for this host alone.
    assert [found["id"] for found in records["host007-wrong"]["findings"]] == ["audit.failed"]
    assert "before it was looked at" in records["host007-wrong"]["error"]
    assert "oom_protect_services[0].name" in done.stdout
    assert (tmp_path / "report" / "index.html").exists()
    assert all(host in done.stdout for host in (*well, *ILL))


def test_unreachable_hosts_are_as_bad_as_critical_ones(fleet: Fleet, tmp_path: Path) -> None:
    done = audit(fleet, tmp_path, "-e", "oom_audit_fail_on=critical", "--limit", "host001,host004-silent")
    assert done.returncode == 2
    assert "critical, on: host004-silent" in done.stdout
    done = audit(fleet, tmp_path, "-e", "oom_audit_fail_on=critical", "--limit", "host001,host003")
    assert done.returncode == 0, done.stdout
