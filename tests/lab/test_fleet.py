# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet over ssh in which some hosts do not answer: they are results too, and do not stop the others."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from unit.hostile import MARKUP

from .runner import CHECKOUT
from .ssh_fleet import SILENT, UNREACHABLE, Fleet, address, ssh_fleet

WELL = 8
_PATIENCE = {"oom_audit_timeout": 10}
# Between the others by name.
ILL: dict[str, dict[str, Any]] = {
    "host002-unreachable": {"ansible_host": UNREACHABLE},
    "host004-silent": {"ansible_host": SILENT},
    "host005-broken": {"ansible_host": address(50), "ansible_user": "broken"},
    "host006-no-python": {"ansible_host": address(51), "ansible_python_interpreter": "/nowhere"},
    "host007-wrong": {"ansible_host": address(52), "oom_protect_services": [{"name": "a b", "oom_score_adj": -5}]},
    "host008-hung": {"ansible_host": address(53), "ansible_user": "hung", **_PATIENCE},
    "host009-endless": {"ansible_host": address(54), "ansible_user": "endless", **_PATIENCE},
    "host010-noise": {"ansible_host": address(55), "ansible_user": "noise"},
    "host011-forged": {"ansible_host": address(56), "ansible_user": "forged"},
    "host012-no-become": {
        "ansible_host": address(57),
        "ansible_user": "plain",
        "ansible_become": True,
        "ansible_become_method": "su",
        "ansible_become_password": "wrong",
    },
    "host013-killed": {"ansible_host": address(58), "ansible_python_interpreter": "/usr/local/bin/killed"},
    "host014-crashed": {"ansible_host": address(59), "ansible_python_interpreter": "/usr/local/bin/crashed"},
    "host015-lies": {"ansible_host": address(60), "ansible_python_interpreter": "/usr/local/bin/lies"},
    "host016-no-sudo": {"ansible_host": address(61), "ansible_user": "plain", "ansible_become": True},
}
NOT_AUDITED = {
    "host005-broken": "Segmentation fault",
    "host007-wrong": "before it was looked at",
    "host008-hung": "no whole answer within 10 seconds",
    "host009-endless": "no whole answer within 10 seconds|the answer takes more memory than",
    "host010-noise": "expected what the collecting script prints",
    "host012-no-become": "Incorrect su password",
    "host016-no-sudo": "sudo: not found",
    "host015-lies": "found schema '2', expected 1",
}


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    answer = (CHECKOUT / "tests/unit/fixtures/answers/busybox.txt").read_text()
    with ssh_fleet() as found:
        found.answers(answer.replace("Linux version", MARKUP).replace("(tail)", f"({MARKUP})").replace("uml", MARKUP))
        yield found


@pytest.fixture
def without_psutil(tmp_path: Path) -> dict[str, str]:
    """The environment of a controller that has none."""
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden/psutil.py").write_text("raise ImportError")
    return {**os.environ, "PYTHONPATH": str(tmp_path / "hidden")}


def audit(
    fleet: Fleet, folder: Path, *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    (folder / "inventory.json").write_text(fleet.inventory(WELL, ILL))
    words = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(folder / "inventory.json"), "-f", "5"]
    words += ["lifeboat.oom.audit", "-e", f"oom_audit_report_dir={folder}/report", *arguments]
    return subprocess.run(
        words, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=600, check=False
    )


def records_in(folder: Path) -> dict[str, Any]:
    found = [json.loads(path.read_text()) for path in (folder / "report/hosts").glob("*.json")]
    return {record["host"]: record for record in found}


def told(records: dict[str, Any], host: str) -> None:
    """What became of a host that is ill is in its record."""
    record = records[host]
    if "nreachable" in host or "silent" in host:
        assert record["reachable"] is False
        assert [found["id"] for found in record["findings"]] == ["audit.unreachable"]
    elif host in NOT_AUDITED:
        assert (record["reachable"], record["state"]) == (True, None)
        assert [found["id"] for found in record["findings"]] == ["audit.failed"]
        assert re.search(NOT_AUDITED[host], record["error"]), record["error"]
    else:
        assert (record["error"], record["state"]["collector"]) == (None, "bare")


def test_what_does_not_answer_is_told_and_the_others_are_audited(fleet: Fleet, tmp_path: Path) -> None:
    done = audit(fleet, tmp_path)
    records = records_in(tmp_path)
    well = [f"host{number:03}" for number in range(WELL)]
    assert set(records) == {*well, *ILL}, done.stdout
    for host in well:
        assert (records[host]["reachable"], records[host]["error"]) == (True, None)
        assert records[host]["state"]["collector"] == "native"
    for host in ILL:
        told(records, host)
    for host in ("host013-killed", "host014-crashed"):
        assert [each["what"] for each in records[host]["state"]["unread"]][-1] == "native collector"
    # What is wrong is the inventory: the play says so too, for this host alone.
    assert "oom_protect_services[0].name" in done.stdout
    assert failed(done) == {"host007-wrong"}
    assert done.returncode == 2
    assert MARKUP not in (tmp_path / "report/pages/host011-forged.html").read_text()
    assert (tmp_path / "report/index.html").exists()
    assert all(host in done.stdout for host in (*well, *ILL))


def test_a_controller_without_psutil_tells_the_same(
    fleet: Fleet, tmp_path: Path, without_psutil: dict[str, str]
) -> None:
    """And what is wrong on hosts does not fail the run as long as nobody asks for it."""
    done = audit(fleet, tmp_path, "--limit", "all,!host007-wrong", environment=without_psutil)
    records = records_in(tmp_path)
    for host in set(ILL) - {"host007-wrong"}:
        told(records, host)
    assert (failed(done), done.returncode) == (set(), 0)
    assert len({record["run"] for record in records.values()}) == 1


def failed(done: subprocess.CompletedProcess[str]) -> set[str]:
    """The hosts for which a task has failed, or that Ansible calls unreachable."""
    lines = re.findall(r"^(\S+) +: ok=.* unreachable=(\d+) +failed=(\d+)", done.stdout, re.MULTILINE)
    assert lines, done.stdout + done.stderr
    return {host for host, *counts in lines if counts != ["0", "0"]}


def test_unreachable_hosts_are_as_bad_as_critical_ones(fleet: Fleet, tmp_path: Path) -> None:
    done = audit(fleet, tmp_path, "-e", "oom_audit_fail_on=critical", "--limit", "host001,host004-silent")
    assert done.returncode == 2
    assert "critical, on: host004-silent" in done.stdout
    done = audit(fleet, tmp_path, "-e", "oom_audit_fail_on=critical", "--limit", "host001,host003")
    assert done.returncode == 0, done.stdout
