# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets stay on the device: one stands at every place that is looked at, and nowhere in what comes of the look."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from unit.audits import AT, audit_of, declared_policy, publish
from unit.fake_host import SHOW, FakeKernel
from unit.samples import RUNTIME
from unit.shell_host import SHELLS, printed

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door
from ansible_collections.lifeboat.oom.plugins.module_utils._health import dormant
from ansible_collections.lifeboat.oom.plugins.module_utils._health.collector import Questions, collect
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import SYSCTL_FILE
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import SERVICES
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import SYSCTL_FAMILIES
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.own_file import COMMENTED
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.dropins import HEADER
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.converge_services import converge_services
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.converge_sysctls import converge_sysctls
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.location import open_history
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import RecordFiles
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.bare.snapshot import Snapshot
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.fleet_report import roll_up

CANARY = "k4nariE"
QUESTIONS = Questions(SYSCTL_FILE, ("nginx.service",), log_lines=500)
OURS = f"# {HEADER}".replace("\n", "\n# ") + "\n[Service]\nOOMScoreAdjust=-500\n"
UNIT = f"""\
# {CANARY}
[Unit]
Description={CANARY}

[{CANARY} x]
OOMScoreAdjust=7
[Service]
Environment=A={CANARY} \\
  "{CANARY}" \\
# {CANARY}
OOMScoreAdjust=900
ExecStart=/usr/sbin/nginx --password {CANARY} --pin=1234 \\
-100
OOMScoreAdjust={CANARY}
OOMScoreAdjust=8 {CANARY}
MemoryMin=1M \\
  Environment={CANARY}
"""
SYSCTLS = f"""\
# {CANARY}
net.ipv6.conf.all.stable_secret = {CANARY}
kernel.core_pattern=|/bin/{CANARY}
net.ipv6.conf.*.stable_secret = {CANARY}
-kernel.{CANARY}
kernel.panic_on_oops{CANARY} = 1
{COMMENTED}net.ipv6.conf.lo.stable_secret = {CANARY}
{CANARY}
"""
FILES = {
    "/usr/lib/systemd/system/nginx.service": UNIT + "OOMScoreAdjust=-1\n",
    "/etc/systemd/system/nginx.service.d/10-a.conf": UNIT,
    "/etc/systemd/system/nginx.service.d/90-b.conf": UNIT + "OOMScoreAdjust=-2\n",
    "/etc/systemd/system/nginx.service.d/zz-lifeboat-oom.conf": OURS + f"Environment=B={CANARY}\n# {CANARY}\n",
    "/etc/systemd/system/old.service.d/zz-lifeboat-oom.conf": OURS + f"Environment=B={CANARY}\n",
    "/etc/systemd/oomd.conf": f"# {CANARY}\n[OOM]\nX={CANARY}\nSwapUsedLimit=80%\n[{CANARY}]\n",
    "/etc/systemd/oomd.conf.d/a.conf": f"[OOM]\nX={CANARY}\n",
    "/etc/sysctl.d/10-a.conf": SYSCTLS + "vm.overcommit_memory = 1\n",
    "/usr/lib/sysctl.d/zz.conf": f"{SYSCTLS}vm.panic_on_oom = 1\n\n# {CANARY}",
    SYSCTL_FILE: f"{SYSCTLS}vm.overcommit_ratio = 60\n",
    "/etc/sysctl.conf": SYSCTLS,
    "/proc/cmdline": f'root=/dev/sda key={CANARY} x="{CANARY} y" sysctl.net.a.stable_secret={CANARY} '
    f"sysctl.vm.panic_on_oom=2 -- {CANARY}\n",
    "/etc/os-release": f'ID=debian\nX="{CANARY}"\n',
    "/etc/default/nginx": f"PASSWORD={CANARY}\n",
    "/var/log/messages": f"May  4 03:02:01 a sshd[7]: {CANARY}\nMay  4 03:02:01 a kernel: x {CANARY}\n",
}
LOG = (
    f"[    0.000000] Kernel command line: key={CANARY}\n[    1.000000] {CANARY}\n{CANARY}\n"
    "[  100.000000] Out of memory: Killed process 4242 (leak) total-vm:900kB, anon-rss:800kB, file-rss:0kB\n"
)


@pytest.fixture
def host(tmp_path: Path) -> FakeKernel:
    shown = (
        "Id=nginx.service\nNames=nginx.service\nLoadState=loaded\nActiveState=active\nMainPID=100\n"
        "FragmentPath=/usr/lib/systemd/system/nginx.service\nControlGroup=/system.slice/nginx.service\n"
        "OOMScoreAdjust=0\nNeedDaemonReload=no\n\nId=old.service\nNames=old.service\nLoadState=loaded\n"
        "ActiveState=inactive\nOOMScoreAdjust=-500\n"
    )
    found = FakeKernel(
        tmp_path / "root",
        {
            "systemctl --version": "systemd 252 (252.39-1~deb12u1)\n",
            "systemctl show --property=DefaultOOMScoreAdjust": "DefaultOOMScoreAdjust=0\n",
            SHOW: shown,
            "systemctl daemon-reload": "",
            " ".join(dormant.ARGV): "",
            "dmesg": LOG,
            "logread": f"May  4 03:02:01 a user.info app: out of memory {CANARY}\n",
        },
    )
    found.has_folder("/run/systemd/system")
    found.runs_with(RUNTIME)
    found.has("/proc/meminfo", "MemTotal: 1000000 kB\nMemFree: 200000 kB\nMemAvailable: 500000 kB\n")
    found.has("/proc/vmstat", "oom_kill 1\n")
    found.has("/proc/sys/kernel/osrelease", "6.1.0-21-arm64\n")
    found.has("/proc/self/status", "CapEff:\t000001ffffffffff\n")
    for path, text in FILES.items():
        found.has(path, text)
    for pid, comm in ((1, "systemd"), (100, "nginx"), (300, "earlyoom"), (301, "systemd-oomd")):
        words = f"{comm}\0--token\0{CANARY}\0--key={CANARY}\0-m\0" + f"5\0-p{CANARY}\0"
        found.has_process(pid, comm=comm, cmdline=words, environ=f"PASSWORD={CANARY}\0")
        found.has(f"/proc/{pid}/comm", comm + "\n")
    return found


def looks(host: FakeKernel, shell: str, workshop: Path) -> dict[str, Door]:
    said = printed(host, shell, QUESTIONS, workshop)
    assert CANARY not in said, [line for line in said.splitlines() if CANARY in line]
    host.commands["tail"] = FILES["/var/log/messages"]
    return {"native": host, "bare": Snapshot(said, host.root)}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_look_and_what_comes_of_it_tell_none(host: FakeKernel, shell: str, tmp_path: Path) -> None:
    states = []
    for name, door in looks(host, shell, tmp_path).items():
        state = collect(door, QUESTIONS)
        assert CANARY not in json.dumps(state.as_facts())
        states.append(replace(state, collector="", host=replace(state.host, arch="")))
        policy = declared_policy({"mode": "never"}, [{"name": "nginx", "oom_score_adj": -700}])
        publish(tmp_path / name, audit_of(state, policy=policy).record)
        with open_history(tmp_path / name) as history:
            roll_up(RecordFiles(tmp_path / name), history, AT)
        written = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
        assert len(written) > 5
        assert [path for path in written if CANARY.encode() in path.read_bytes()] == []
    assert states[0].sysctls == states[1].sysctls
    assert states[0] == states[1]


def test_what_counts_is_found_in_its_line(host: FakeKernel) -> None:
    state = collect(host, QUESTIONS)
    assert state.services is not None and state.sysctls is not None and state.declared is not None
    (nginx,) = state.services
    winner = nginx.winner()
    assert winner is not None
    assert (winner.path.rpartition("/")[2], winner.line, winner.value) == ("zz-lifeboat-oom.conf", 4, "-500")
    without = nginx.with_texts({nginx.own_path: None})
    refused = [(each.line, each.value) for each in without.merged().refused if each.path.endswith("10-a.conf")]
    assert refused == [(14, "..."), (15, "..."), (16, "1M  ...=...")]
    winner = without.winner()
    assert winner is not None
    assert (winner.path.rpartition("/")[2], winner.line, winner.value) == ("90-b.conf", 18, "-2")
    assert [unit.name for unit in state.declared.left_over] == ["old.service"]
    (mode,) = [each for each in state.sysctls.files if each.path.endswith("10-a.conf")]
    assert mode.text is not None and mode.text.split("\n")[8:] == ["vm.overcommit_memory = 1", ""]
    assert state.sysctls.cmdline == {"vm.panic_on_oom": "2"}


@pytest.mark.parametrize("check", [True, False], ids=["check", "real"])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_no_run_tells_any(host: FakeKernel, state: str, check: bool) -> None:
    """Results, warnings and diffs; and what is not ours stays as it was."""
    services = {"apply": "none", "exclusive": True, "max_protected_pct": 50, "sensitive_services": {}, "force": True}
    wanted = [{"name": "nginx", "oom_score_adj": -700, "state": state}]
    results = [converge_services(host, SERVICES.declared({**services, "services": wanted}), check)]
    values = {"mode": "always"} if state == "present" else {}
    for family in SYSCTL_FAMILIES:
        if family.name == "overcommit":
            host.has("/usr/lib/sysctl.d/zzz.conf", f"{SYSCTLS}vm.overcommit_memory = 0\n")
            declaration = family.declared({"state": state, "on_conflict": "override", "force": True, **values})
            results.append(converge_sysctls(host, declaration, check)[0])
    assert [result["changed"] for result in results] == [True, True]
    assert all(result["diff"] for result in results)
    assert CANARY not in json.dumps(results)
    if not check and state == "present":
        assert host.read("/etc/sysctl.d/zzz.conf").startswith(SYSCTLS)
        assert CANARY in host.read(SYSCTL_FILE)
