# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Eight kinds of drift made by hand on one of two devices: each is told with its culprit, none of the other device."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .runner import Ansible, Run
from .services import Service, install
from .uml import Machine

NAMES = ("gone", "adjusted", "restarted", "overridden", "renamed")
POLICY: dict[str, Any] = {
    "oom_kernel_overcommit": {"mode": "heuristic", "ratio": 80, "admin_reserve_kbytes": 4096},
    "oom_kernel_reaction": {"panic_on_oom": "no", "kill_allocating_task": False},
    "oom_protect_services": [{"name": name, "oom_score_adj": -100 - place} for place, name in enumerate(NAMES)],
}
SYSCTL_FILE = "/etc/sysctl.d/99-zz-lifeboat-oom.conf"
LATER_FILE = "/etc/sysctl.d/99-zzz-somebody.conf"
OWN = "zz-lifeboat-oom.conf"
OTHER = "/etc/systemd/system/overridden.service.d/zzz-override.conf"
UNITS = "/etc/systemd/system"

BY_HAND = {
    "a file edited": f"sed -i 's/overcommit_ratio.*/overcommit_ratio = 70/' {SYSCTL_FILE}",
    "a later file added": f"echo 'vm.oom_kill_allocating_task = 1' > {LATER_FILE}",
    "a sysctl written live": "sysctl -q -w vm.admin_reserve_kbytes=1000",
    "a file gone": f"rm {UNITS}/gone.service.d/{OWN}; systemctl daemon-reload",
    "a running score changed": "echo 7 > /proc/$(systemctl show -P MainPID adjusted)/oom_score_adj",
    "a unit restarted without its drop-in": (
        f"mv {UNITS}/restarted.service.d/{OWN} /root/; systemctl daemon-reload; systemctl restart restarted; "
        f"mv /root/{OWN} {UNITS}/restarted.service.d/; systemctl daemon-reload"
    ),
    "an override added": f"printf '[Service]\\nOOMScoreAdjust=50\\n' > {OTHER}; systemctl daemon-reload",
    "a service renamed": (
        f"systemctl stop renamed; mv {UNITS}/renamed.service {UNITS}/new-name.service; systemctl daemon-reload; "
        "systemctl start new-name"
    ),
}


@pytest.fixture
def pair(devices: Callable[..., list[Machine]], ansible: Ansible) -> list[Machine]:
    """Two converged devices."""
    found = devices(2)
    for device in found:
        # One that may die first: else that would be remote access, which is a finding.
        install(device, (*(Service(name, 4) for name in NAMES), Service("expendable", 40)))
    run = ansible.playbook("lifeboat.oom.site", found, variables=POLICY)
    assert run.returncode == 0, run.stdout
    return found


def audit(
    ansible: Ansible, devices: list[Machine], folder: Path, policy: dict[str, Any]
) -> tuple[Run, list[dict[str, Any]]]:
    variables = {**policy, "oom_audit_report_dir": str(folder), "oom_audit_fail_on": "drift"}
    run = ansible.playbook("lifeboat.oom.audit", devices, variables=variables)
    return run, [json.loads((folder / "hosts" / f"{device.name}.json").read_text()) for device in devices]


def test_each_kind_is_told_with_its_culprit_and_repaired(ansible: Ansible, pair: list[Machine], tmp_path: Path) -> None:
    drifting, steady = pair
    run, records = audit(ansible, pair, tmp_path, POLICY)
    assert run.returncode == 0, run.stdout
    assert [record["drift"] for record in records] == [[], []]

    for command in BY_HAND.values():
        drifting.ssh(command)
    run, (record, other) = audit(ansible, pair, tmp_path, POLICY)
    assert run.returncode == 2, run.stdout
    assert f"drift, on: {drifting.name}\n" in run.stdout.replace('"', "\n")
    assert (other["host"], other["drift"], other["findings"]) == (steady.name, [], [])
    _assert_kernel_drift(record)
    _assert_service_drift(record)

    # The rename is in the inventory then, and what overrides us is taken away by who put it there.
    renamed = json.loads(json.dumps(POLICY).replace('"renamed"', '"new-name"'))
    drifting.ssh(f"rm {OTHER} {LATER_FILE}; systemctl daemon-reload")
    steady.ssh(BY_HAND["a service renamed"])
    repaired = ansible.playbook("lifeboat.oom.site", pair, variables=renamed)
    assert repaired.returncode == 0, repaired.stdout
    run, records = audit(ansible, pair, tmp_path, renamed)
    assert run.returncode == 0, run.stdout
    assert [(record["drift"], record["findings"]) for record in records] == [([], [])] * 2


def _assert_kernel_drift(record: dict[str, Any]) -> None:
    drift = {(change["layer"], change["key"]): change for change in record["drift"] if change["subject"] == "kernel"}
    edited = drift["file", "vm.overcommit_ratio"]
    assert (edited["before"], edited["after"]) == ("70", "80")
    assert SYSCTL_FILE in edited["why"]
    later = drift["boot", "vm.oom_kill_allocating_task"]
    assert f"overridden by {LATER_FILE}:1" in later["why"]
    live = drift["runtime", "vm.admin_reserve_kbytes"]
    assert (live["before"], live["after"]) == ("1000", "4096")
    assert [found["subject"] for found in record["findings"] if found["id"] == "sysctl.overridden"] == [
        "vm.oom_kill_allocating_task"
    ]


def _assert_service_drift(record: dict[str, Any]) -> None:
    verdicts = {service["name"].removesuffix(".service"): service for service in record["services"]}
    assert {name: found["verdict"] for name, found in verdicts.items()} == {
        "gone": "missing",
        "adjusted": "needs_restart",
        "restarted": "needs_restart",
        "overridden": "overridden",
        "renamed": "not_found",
    }
    assert f"gone.service.d/{OWN}" in verdicts["gone"]["culprit"]
    assert "(adjusted)" in verdicts["adjusted"]["culprit"]
    assert "(restarted)" in verdicts["restarted"]["culprit"]
    assert OTHER in verdicts["overridden"]["culprit"]
    running = {change["subject"]: change for change in record["drift"] if change["layer"] == "running"}
    assert running["adjusted.service"]["before"] == "7"
    assert running["restarted.service"]["before"] == "0"
