# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host keeps what it had, on each Debian: who its files are, and all of it where something is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .runner import Ansible
from .uml import Lab, Machine

FILE = "/etc/sysctl.d/99-zz-lifeboat-oom.conf"
UNITS = "/etc/systemd/system"
OWN = "zz-lifeboat-oom.conf"
PLAIN = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
KINDS = {"Debian 11": ("bullseye", "5.10"), "Debian 12": ("bookworm", "6.1"), "Debian 13": ("trixie", "6.12")}
WHO = (
    "import os, sys\n"
    "for path in sys.argv[1:]:\n"
    "    found = os.stat(path)\n"
    "    print(oct(found.st_mode), found.st_uid, found.st_gid, os.getxattr(path, 'trusted.label').decode())\n"
)
# Root of a user namespace has every capability in its own eyes, and may lower no score.
IN_A_USER_NAMESPACE = '#!/bin/sh\nexec unshare --user --map-root-user /usr/bin/python3 "$@"\n'


@pytest.fixture(scope="module", params=list(KINDS.values()), ids=list(KINDS))
def kiosk(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Machine]:
    suite, kernel = request.param
    machine = lab.up(f"careful-{suite}", suite=suite, kernel=kernel)
    machine.ssh(f"cat > {UNITS}/plain.service; systemctl enable -q --now plain", stdin=PLAIN)
    yield machine
    machine.down()


@pytest.fixture
def clean(ansible: Ansible, kiosk: Machine) -> Iterator[Machine]:
    yield kiosk
    nothing = {"overcommit": {"state": "absent"}, "services": {"services": [], "exclusive": True}}
    ansible.module(kiosk, "converge", {"declared": nothing})


def stands(device: Machine) -> str:
    files = f"find {UNITS} /etc/sysctl.d -name '*lifeboat*' -exec cat {{}} +"
    score = "cat /proc/$(pgrep -ox sleep)/oom_score_adj"
    return device.ssh(f"{files}; {score}; sysctl -n vm.overcommit_memory vm.overcommit_ratio kernel.panic").stdout


def test_a_file_stays_who_it_is_and_what_a_killed_run_has_left_goes(ansible: Ansible, clean: Machine) -> None:
    dropin = f"{UNITS}/plain.service.d/{OWN}"
    declared: dict[str, Any] = {
        "overcommit": {"ratio": 61},
        "services": {"services": [{"name": "plain", "oom_score_adj": -500}]},
    }
    assert not ansible.module(clean, "converge", {"declared": declared})["failed"]
    label = f"import os; [os.setxattr(path, 'trusted.label', b'mine') for path in ('{FILE}', '{dropin}')]"
    clean.ssh(f'chmod 640 {FILE} {dropin}; chown daemon:adm {FILE} {dropin}; python3 -c "{label}"')
    before = clean.ssh(f"python3 - {FILE} {dropin}", stdin=WHO).stdout
    left = [f"{folder}/.lifeboat-0123456789ab" for folder in ("/etc/sysctl.d", f"{UNITS}/plain.service.d")]
    clean.ssh(f"touch {' '.join(left)}")
    declared["overcommit"]["ratio"], declared["services"]["services"][0]["oom_score_adj"] = 62, -400
    done = ansible.module(clean, "converge", {"declared": declared})
    assert not done["failed"], done
    assert stands(clean).endswith("-400\n0\n62\n0\n")
    assert clean.ssh(f"python3 - {FILE} {dropin}", stdin=WHO).stdout == before
    assert [path for path in left if path not in " ".join(map(str, done["warnings"]))] == []
    assert clean.ssh(f"ls {' '.join(left)} 2> /dev/null", check=False).stdout == ""


@pytest.mark.parametrize("collector", ["native", "bare"])
def test_a_pipe_in_place_of_a_file_is_told_and_not_waited_for(ansible: Ansible, clean: Machine, collector: str) -> None:
    clean.ssh("mkfifo /etc/sysctl.d/10-pipe.conf")
    try:
        result = ansible.module(clean, "memory_facts", {"collector": collector}, timeout=90)
    finally:
        clean.ssh("rm /etc/sysctl.d/10-pipe.conf")
    assert not result["failed"], result
    unread = result["ansible_facts"]["memory_health"]["unread"]
    assert [entry for entry in unread if "/etc/sysctl.d/10-pipe.conf" in json.dumps(entry)], unread


def test_in_a_user_namespace_what_may_not_be_lowered_is_told_by_check_mode_too(
    ansible: Ansible, clean: Machine
) -> None:
    clean.ssh("cat > /root/python; chmod +x /root/python", stdin=IN_A_USER_NAMESPACE)
    task = {
        "name": "score",
        "lifeboat.oom.service_oom_score": {"services": [{"name": "plain", "oom_score_adj": -500}]},
        "vars": {"ansible_python_interpreter": "/root/python"},
    }
    for check in (True, False):
        run = ansible.playbook([{"hosts": "all", "gather_facts": False, "tasks": [task]}], [clean], check=check)
        result = run.of("score").result
        assert run.returncode == 2 and result["services"][0]["verdict"] == "not_permitted", result


def test_without_systemd_site_does_nothing_and_rollback_takes_the_kernels_part_back(
    ansible: Ansible, clean: Machine, tmp_path: Path
) -> None:
    before = stands(clean)
    kernel = {"oom_kernel_overcommit": {"mode": "always"}, "oom_audit_report_dir": str(tmp_path)}
    services = {"oom_protect_services": [{"name": "plain", "oom_score_adj": -500}]}
    # sd_booted(3) looks for this very folder; and another init is said to be there.
    clean.ssh("mv /run/systemd/system /run/systemd/away; echo init > /run/comm; mount --bind /run/comm /proc/1/comm")
    try:
        for check in (True, False):
            refused = ansible.playbook("lifeboat.oom.site", [clean], variables={**kernel, **services}, check=check)
            assert refused.returncode == 2 and refused.changed == [], refused.stdout
            assert "not booted with systemd" in refused.stdout
            assert stands(clean) == before
        assert ansible.playbook("lifeboat.oom.site", [clean], variables=kernel).returncode == 0
        assert stands(clean) != before
        rolled = ansible.playbook("lifeboat.oom.rollback", [clean], variables=kernel)
        assert rolled.returncode == 0, rolled.stdout
        assert stands(clean) == before
    finally:
        clean.ssh("mv /run/systemd/away /run/systemd/system; umount /proc/1/comm")
