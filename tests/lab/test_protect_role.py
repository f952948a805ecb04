# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role oom_protect with variables of several groups, and the playbook that takes everything back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .runner import Ansible, Run
from .services import METRICS, VITAL, install
from .uml import Machine

GROUPS = {
    "oom_protect_services": [{"name": "metrics", "oom_score_adj": -900}],
    "oom_protect_services_kiosks": [
        {"name": "vital.service", "oom_score_adj": -800},
        {"name": "metrics", "oom_score_adj": -900},
    ],
}
QUARREL = {"oom_protect_services_site": [{"name": "vital", "oom_score_adj": 5}]}


def role(ansible: Ansible, device: Machine, variables: dict[str, Any], tasks_from: str = "main", **how: Any) -> Run:
    task = {"ansible.builtin.import_role": {"name": "lifeboat.oom.oom_protect", "tasks_from": tasks_from}}
    play = {"hosts": "all", "gather_facts": False, "tasks": [task]}
    return ansible.playbook([play], [device], variables=variables, **how)


def left(device: Machine) -> str:
    files = "find /etc/systemd/system /etc/sysctl.d -name '*lifeboat*'"
    scores = "for u in vital metrics; do cat /proc/$(systemctl show -P MainPID $u)/oom_score_adj; done"
    return device.ssh(f"{files}; {scores}; sysctl -n vm.overcommit_memory vm.overcommit_ratio vm.panic_on_oom").stdout


def test_groups_merge_quarrels_are_named_and_all_can_be_taken_back(
    ansible: Ansible, device: Machine, tmp_path: Path
) -> None:
    install(device, (VITAL, METRICS))
    before = left(device)

    quarrel = role(ansible, device, {**GROUPS, **QUARREL}, check=True)
    assert quarrel.returncode == 2
    assert "vital.service is declared differently in oom_protect_services_kiosks" in quarrel.stdout
    assert "and in oom_protect_services_site" in quarrel.stdout

    for playbook, slip, says in (
        ("site", {"oom_protect_service": []}, "expected oom_protect_services; rename it"),
        ("audit", {"oom_audit_fail_onn": "drift"}, "expected oom_audit_fail_on; rename it"),
        ("audit", {"oom_audit_thresholds": {"leak_min_minutes": "x"}}, "found 'x', expected a whole number"),
        ("rollback", {"oom_monitor_enable": True}, "expected oom_monitor_enabled; rename it"),
    ):
        file = tmp_path / "slip.yml"
        file.write_text(yaml.safe_dump({**slip, "oom_kernel_reaction": {"dump_tasks": False}}))
        misspelled = ansible.playbook(f"lifeboat.oom.{playbook}", [device], "-e", f"@{file}")
        assert misspelled.returncode == 2 and not misspelled.changed
        assert says in misspelled.stdout and f"({file}:" in misspelled.stdout, misspelled.stdout
        assert "argument_spec_data" not in misspelled.stdout

    for wrong, says in (
        ({"oom_kernel_reaction": {"panic_on_oom": "globl"}}, "found 'globl', expected one of: no, global, always"),
        ({"oom_kernel_reaction": {"panic_on_oom": "global"}}, "give panic_reboot_seconds"),
        ({"oom_protect_services": [{"name": "no-such", "oom_score_adj": 5}]}, "no-such.service is not installed"),
    ):
        for check in (True, False):
            whole = {"oom_kernel_overcommit": {"mode": "always"}, **wrong}
            refused = ansible.playbook("lifeboat.oom.site", [device], variables=whole, check=check)
            assert refused.returncode == 2 and says in refused.stdout and not refused.changed, refused.stdout
    assert left(device) == before, "a part of what is declared was converged, and the rest refused"

    settled = {**GROUPS, "oom_protect_services_override": QUARREL["oom_protect_services_site"]}
    assert role(ansible, device, settled, "verify").returncode == 2
    announced = role(ansible, device, settled, check=True)
    done = role(ansible, device, settled)
    assert done.returncode == 0, done.stdout
    assert len(announced.changed) == len(done.changed) == 1
    assert role(ansible, device, settled).changed == []
    assert role(ansible, device, settled, "verify").returncode == 0
    assert "\n5\n-900\n" in left(device)

    declared = {**settled, "oom_kernel_overcommit": {"mode": "always"}}
    assert ansible.playbook("lifeboat.oom.site", [device], variables=declared).returncode == 0
    rolled = ansible.playbook("lifeboat.oom.rollback", [device], variables=declared)
    assert rolled.returncode == 0, rolled.stdout
    assert left(device) == before
    again = ansible.playbook("lifeboat.oom.rollback", [device], variables=declared)
    assert again.returncode == 0 and again.changed == []
