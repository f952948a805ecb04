# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declare, converge, audit on a real device: what is promised of the two playbooks as a whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .runner import Ansible, Run
from .services import METRICS, VITAL, install
from .uml import Machine

SITE, AUDIT = "lifeboat.oom.site", "lifeboat.oom.audit"
POLICY = {
    "oom_kernel_overcommit": {"mode": "heuristic", "ratio": 80},
    "oom_protect_services": [
        {"name": "vital", "oom_score_adj": -900},
        {"name": "metrics.service", "oom_score_adj": 300},
    ],
}
REBOOT = [{"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.reboot": {"reboot_timeout": 180}}]}]
DROP_IN = "/etc/systemd/system/vital.service.d/zz-lifeboat-oom.conf"
SYSCTL_FILE = "/etc/sysctl.d/99-zz-lifeboat-oom.conf"


@pytest.fixture(scope="module")
def gateway(shared_device: Machine) -> Machine:
    install(shared_device, (VITAL, METRICS))
    return shared_device


def audit(
    ansible: Ansible, device: Machine, folder: Path, policy: dict[str, Any] | None = None
) -> tuple[Run, dict[str, Any]]:
    variables = {**(policy or POLICY), "oom_audit_report_dir": str(folder), "oom_audit_fail_on": "drift"}
    run = ansible.playbook(AUDIT, [device], variables=variables)
    return run, json.loads((folder / "hosts" / f"{device.name}.json").read_text())


def changes(run: Run) -> list[tuple[str, str, str | None, str | None]]:
    """What the two state modules planned, without the pids."""
    return [
        (change["layer"], change["subject"], change["before"], change["after"])
        for result in run.results
        for change in result.result.get("plan", ())
    ]


def main_score(device: Machine, unit: str) -> str:
    return device.ssh(f"cat /proc/$(systemctl show -P MainPID {unit})/oom_score_adj").stdout.strip()


def test_converge_and_survive_a_reboot(ansible: Ansible, gateway: Machine, tmp_path: Path) -> None:
    announced = ansible.playbook(SITE, [gateway], variables=POLICY, check=True, diff=True)
    assert announced.returncode == 0, announced.stdout
    assert "+file: kernel vm.overcommit_ratio = 80" in announced.stdout
    assert "+drop-in: vital.service OOMScoreAdjust = -900" in announced.stdout
    assert main_score(gateway, "vital") == "0", "check mode has changed something"

    done = ansible.playbook(SITE, [gateway], variables=POLICY)
    assert done.returncode == 0, done.stdout
    assert changes(done) == changes(announced) != []
    assert main_score(gateway, "vital") == "-900"
    assert gateway.ssh("cat /proc/sys/vm/overcommit_ratio").stdout.strip() == "80"

    again = ansible.playbook(SITE, [gateway], variables=POLICY)
    assert again.returncode == 0 and again.changed == [], again.stdout

    assert ansible.playbook(REBOOT, [gateway]).returncode == 0
    assert main_score(gateway, "vital") == "-900"
    assert main_score(gateway, "metrics") == "300"
    assert ansible.playbook(SITE, [gateway], variables=POLICY).changed == []
    run, record = audit(ansible, gateway, tmp_path)
    assert run.returncode == 0, run.stdout
    assert record["drift"] == [] and record["findings"] == []


@pytest.fixture(scope="module")
def converged(ansible: Ansible, gateway: Machine) -> Machine:
    assert ansible.playbook(SITE, [gateway], variables=POLICY).returncode == 0
    return gateway


@pytest.mark.parametrize(
    ("by_hand", "layer", "subject", "culprit"),
    [
        pytest.param(
            "echo 77 > /proc/$(systemctl show -P MainPID vital)/oom_score_adj",
            "running",
            "vital.service",
            "",
            id="score",
        ),
        pytest.param("sysctl -q vm.overcommit_ratio=55", "runtime", "kernel", "", id="sysctl"),
        pytest.param(f"sed -i s/80/70/ {SYSCTL_FILE}", "file", "kernel", SYSCTL_FILE, id="sysctl-file-edited"),
        pytest.param(f"rm {SYSCTL_FILE}", "file", "kernel", SYSCTL_FILE, id="sysctl-file-gone"),
        pytest.param(f"rm {DROP_IN}; systemctl daemon-reload", "drop-in", "vital.service", DROP_IN, id="drop-in-gone"),
        pytest.param(f"sed -i s/-900/-1/ {DROP_IN}", "drop-in", "vital.service", DROP_IN, id="drop-in-edited"),
    ],
)
def test_drift_made_by_hand_is_named_and_repaired(
    ansible: Ansible, converged: Machine, tmp_path: Path, by_hand: str, layer: str, subject: str, culprit: str
) -> None:
    gateway = converged
    gateway.ssh(by_hand)

    run, record = audit(ansible, gateway, tmp_path)
    assert run.returncode == 2, run.stdout
    found = [change for change in record["drift"] if change["layer"] == layer]
    assert {change["subject"] for change in found} == {subject}
    assert culprit in found[0]["why"]

    repaired = ansible.playbook(SITE, [gateway], variables=POLICY)
    assert repaired.returncode == 0, repaired.stdout
    assert changes(repaired) == [(c["layer"], c["subject"], c["before"], c["after"]) for c in record["drift"]]
    run, record = audit(ansible, gateway, tmp_path)
    assert run.returncode == 0 and record["drift"] == []


@pytest.mark.parametrize(
    ("module", "arguments", "says"),
    [
        pytest.param(
            "service_oom_score",
            {"services": [{"name": "vital", "oom_score_adj": 2000}]},
            "services[0].oom_score_adj: found 2000, expected a whole number from -1000 to 1000",
            id="score-out-of-range",
        ),
        pytest.param(
            "service_oom_score",
            {"services": [{"name": "vital", "oom_score_adj": True}]},
            "services[0].oom_score_adj: found the YAML boolean true, expected a whole number",
            id="score-boolean",
        ),
        pytest.param(
            "service_oom_score",
            {"services": [{"name": "no-such", "oom_score_adj": -5}]},
            "no-such.service is not installed; expected units that can run",
            id="unknown-unit",
        ),
        pytest.param(
            "overcommit", {"mode": 7}, "mode: found 7, expected one of: heuristic, always, never", id="unknown-mode"
        ),
        pytest.param("overcommit", {"mode": 2}, "write never", id="mode-as-number"),
    ],
)
def test_bad_input_gives_one_clear_sentence(
    ansible: Ansible, gateway: Machine, module: str, arguments: dict[str, Any], says: str
) -> None:
    result = ansible.module(gateway, module, arguments)
    assert result["failed"] and says in result["msg"]
    assert "\n" not in result["msg"] and "Traceback" not in result["msg"]


def test_without_root_it_says_so(ansible: Ansible, gateway: Machine) -> None:
    gateway.ssh("install -d -m 1777 /tmp/nobody")
    play = {
        "hosts": "all",
        "gather_facts": False,
        "become": True,
        "become_method": "ansible.builtin.su",
        "become_user": "nobody",
        "become_flags": "-s /bin/sh",
        "tasks": [{"name": "as nobody", "lifeboat.oom.overcommit": {"mode": "always"}}],
    }
    run = ansible.playbook([play], [gateway], variables={"ansible_remote_tmp": "/tmp/nobody"})
    assert run.returncode == 2
    assert "set become: true" in run.of("as nobody").result["msg"]


def test_without_systemd_it_says_so(ansible: Ansible, gateway: Machine) -> None:
    """sd_booted(3) looks for this very folder."""
    gateway.ssh("mv /run/systemd/system /run/systemd/away")
    try:
        result = ansible.module(gateway, "service_oom_score", {"services": [{"name": "vital", "oom_score_adj": 1}]})
    finally:
        gateway.ssh("mv /run/systemd/away /run/systemd/system")
    assert result["failed"]
    assert "not booted with systemd" in result["msg"]


@pytest.mark.parametrize(
    "task", [{"lifeboat.oom.audit": {"report_dir": "@"}}, {"lifeboat.oom.memory_facts": {}}], ids=str
)
def test_the_controller_is_not_filed_as_the_device(
    ansible: Ansible, gateway: Machine, tmp_path: Path, task: dict[str, Any]
) -> None:
    task = json.loads(json.dumps(task).replace("@", str(tmp_path / "report")))
    play = {"hosts": "all", "gather_facts": False, "tasks": [{"name": "look", **task, "delegate_to": "localhost"}]}
    run = ansible.playbook([play], [gateway])
    assert run.returncode == 2 and "is delegated to localhost" in run.of("look").result["msg"]
    assert not (tmp_path / "report/hosts").exists()


def test_a_pattern_of_nobody_and_a_folder_that_is_made_are_told(
    ansible: Ansible, gateway: Machine, tmp_path: Path
) -> None:
    variables = {"oom_audit_report_dir": str(tmp_path / "new")}
    for words in (["-e", "oom_hosts=nobody"], ["-e", "oom_hosts=nobody", "--limit", gateway.name]):
        run = ansible.playbook(AUDIT, [gateway], *words, variables=variables)
        assert run.returncode != 0 and "found no host that matches nobody" in run.stdout + run.stderr
    assert not (tmp_path / "new").exists()
    run = ansible.playbook(AUDIT, [gateway], variables=variables)
    assert run.returncode == 0 and f"made the folder {tmp_path / 'new'}," in " ".join(run.stderr.split()), run.stderr


def test_a_device_that_does_not_answer_is_a_result(ansible: Ansible, gateway: Machine, tmp_path: Path) -> None:
    run = ansible.playbook(
        AUDIT,
        [gateway],
        variables={"oom_audit_report_dir": str(tmp_path), "oom_audit_fail_on": "critical"},
        host_variables={gateway.name: {"ansible_host": "10.0.2.250", "ansible_ssh_timeout": 3}},
    )
    record = json.loads((tmp_path / "hosts" / f"{gateway.name}.json").read_text())
    assert run.returncode == 2
    assert record["reachable"] is False
    assert [finding["id"] for finding in record["findings"]] == ["audit.unreachable"]
    assert gateway.name in (tmp_path / "index.html").read_text()
