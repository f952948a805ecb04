# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest
from unit.fake_host import FakeKernel
from unit.samples import RUNTIME

from ansible_collections.lifeboat.oom.plugins.module_utils._health.sysctls import read_sysctls
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import SYSCTL_FILE
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.own_file import COMMENTED
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.left_over import sweep_dropins, sweep_sysctls
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.sysctls import BACKUP

HALF = ".lifeboat-0123456789ab"
ETC = "/etc/systemd/system"


@pytest.fixture
def host(tmp_path: Path) -> FakeKernel:
    found = FakeKernel(tmp_path, {"systemctl daemon-reload": ""})
    found.has_folder("/run/systemd/system")
    found.runs_with(RUNTIME)
    return found


def told(*paths: str) -> list[str]:
    return [f"{path} was left by a run that was killed, and is removed" for path in paths]


def test_halves_of_files_and_needless_backups_go(host: FakeKernel) -> None:
    """Also beside the file that a link leads to; a backup that says what is not in the file stays."""
    host.has("/etc/sysctl.conf", "kernel.panic = 5\n")
    host.has("/etc/sysctl.d/20-a.conf", f"{COMMENTED}kernel.panic = 5\n")
    host.has("/etc/sysctl.d/20-a.conf" + BACKUP, "kernel.panic = 5\n")
    host.has("/etc/sysctl.d/20-b.conf", "kernel.panic = 6\n")
    host.has("/opt/site/30.conf", "# site\n")
    host.has_link("/etc/sysctl.d/30-site.conf", host.real("/opt/site/30.conf"))
    host.has_link("/etc/sysctl.d/99-sysctl.conf", "../sysctl.conf")
    before = host.everything()
    host.has("/etc/sysctl.d/20-b.conf" + BACKUP, "kernel.panic = 6\n")
    for folder in ("/etc", "/etc/sysctl.d", "/opt/site"):
        host.has(f"{folder}/{HALF}", "half")
    assert sweep_sysctls(host, read_sysctls(host, SYSCTL_FILE, whole=True)) == told(
        f"/etc/{HALF}", f"/etc/sysctl.d/{HALF}", f"/opt/site/{HALF}", "/etc/sysctl.d/20-b.conf" + BACKUP
    )
    assert host.everything() == before
    assert sweep_sysctls(host, read_sysctls(host, SYSCTL_FILE, whole=True)) == []


def test_what_was_to_become_a_folder_is_found_where_that_is_missing(host: FakeKernel) -> None:
    host.has(f"/etc/{HALF}/{SYSCTL_FILE.rpartition('/')[2]}", "half")
    assert sweep_sysctls(host, read_sysctls(host, SYSCTL_FILE, whole=True)) == told(f"/etc/{HALF}")
    assert host.names("/etc") == []


def test_halves_of_drop_ins_go_and_systemd_forgets_them(host: FakeKernel) -> None:
    host.has(f"{ETC}/theirs.service.d/a.conf", "[Service]\n")
    host.has_folder(f"{ETC}/empty.service.d")
    before = host.everything(), host.names(ETC)
    assert sweep_dropins(host) == [] and host.asked == []
    host.has(f"{ETC}/theirs.service.d/{HALF}", "[Service]\n")
    host.has(f"{ETC}/ours.service.d/{HALF}", "[Service]\n")
    host.has(f"{ETC}/{HALF}/zz-lifeboat-oom.conf", "[Service]\n")
    paths = [f"{ETC}/{HALF}", f"{ETC}/ours.service.d/{HALF}", f"{ETC}/theirs.service.d/{HALF}"]
    assert sweep_dropins(host) == told(*paths)
    assert (host.everything(), host.names(ETC)) == before
    assert host.asked == ["systemctl daemon-reload"]


def test_a_name_that_only_begins_like_ours_is_somebody_elses(host: FakeKernel) -> None:
    for name in (".lifeboat-notes", HALF + "c", HALF.upper()):
        host.has(f"{ETC}/a.service.d/{name}")
    assert sweep_dropins(host) == []
    assert len(os.listdir(host.real(f"{ETC}/a.service.d"))) == 3
