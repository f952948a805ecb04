# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sampler in real shells: it counts as the audit does, keeps to its bound, and is read back."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from unit.fake_host import SHOW, FakeHost
from unit.shell_host import SHELLS, TOOLS

from ansible_collections.lifeboat.oom.plugins.module_utils._health.collector import Questions, collect
from ansible_collections.lifeboat.oom.plugins.module_utils._health.sampler_log import HEADER, SAMPLES_FILE, read_samples
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import SYSCTL_FILE
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service_memory import service_memory

SCRIPT = Path(__file__).resolve().parents[4] / "roles/oom_monitor/files/sample.sh"
BOOT = "4f0c1d2e-0000-4000-8000-000000000001"
UNITS = {"nginx.service": 100, "a\\x2db.service": 0, "gone.service": 0, "old.service": 999, "far.service": 400}
HOSTILE = ("a\n5 (x) S 1", ") S 1 1 (", "@", "\udcff\udc80", "'; exit 1; '", "$(exit 1)")


def status(pid: int, anon: str = "RssAnon:\t 100 kB\n") -> str:
    return f"Name:\tx\nUid:\t0\t0\t0\t0\nVmRSS:\t 1000 kB\n{anon}VmSwap:\t {pid} kB\n"


def stat(pid: int, start: int, comm: str = "x") -> str:
    return f"{pid} ({comm}) S 1 1 1 0 -1 4194560 1 0 0 0 5 3 0 0 20 0 1 0 {start} 3133440 435\n"


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    shown = "\n".join(
        f"Id={name}\nNames={name}\nLoadState=loaded\nActiveState=active\nMainPID={pid}\nControlGroup=/system.slice/{name}\n"
        for name, pid in UNITS.items()
    )
    found = FakeHost(
        tmp_path / "root",
        {
            f"{SHOW} *.service": shown,
            "systemctl --version": "systemd 252\n",
            "systemctl show --property=Default": "DefaultOOMScoreAdjust=0\n",
        },
    )
    found.has_folder("/run/systemd/system")
    found.has("/proc/1/oom_score_adj", "0\n")
    found.has("/proc/self/status", "CapEff:\t000001ffffffffff\n")
    found.has("/proc/meminfo", "MemTotal: 1000000 kB\nMemFree: 200000 kB\nMemAvailable: 500000 kB\n")
    found.has("/proc/sys/kernel/osrelease", "6.1.0\n")
    found.has("/proc/uptime", "86400.52 170000.01\n")
    found.has("/proc/sys/kernel/random/boot_id", BOOT + "\n")
    for pid, comm in enumerate(HOSTILE, 100):
        found.has_process(pid, status=status(pid), stat=stat(pid, 9000 - pid, comm))
    group = "/system.slice/a\\x2db.service"
    # No main process: the oldest, and of those that began together the one with the least pid.
    found.has_process(201, cgroup=f"0::{group}\n", status=status(201), stat=stat(201, 12345678901))
    found.has_process(1200, cgroup=f"0::{group}/workers\n", status=status(1200, ""), stat=stat(1200, 1234567890))
    found.has_process(1199, cgroup=f"0::{group}\n", status=status(1199), stat=stat(1199, 1234567890))
    # Of a user, whose unit has the same name.
    own = "/user.slice/user-1000.slice/user@1000.service/app.slice/nginx.service"
    found.has_process(250, cgroup=f"0::{own}\n", status=status(250), stat=stat(250, 4))
    # Of a container, whose unit has the name of one of the host that does not run.
    found.has_process(260, cgroup="0::/lxc/x1/system.slice/gone.service\n", status=status(260), stat=stat(260, 4))
    # The main process that systemd names is not in the group; a hybrid host; a kernel thread.
    found.has_process(300, cgroup="0::/\n1:name=systemd:/system.slice/old.service\n", stat=stat(300, 5))
    found.has_process(301, cgroup="0::/system.slice/old.service/inner.scope\n", status=status(301), stat=stat(301, 6))
    found.has_process(302, cgroup="0::/system.slice/old.service\n", status="Name:\tkworker\n", stat=stat(302, 7))
    found.has_process(303, cgroup="0::/\n", stat=stat(303, 8))
    return found


def sample(host: FakeHost, tmp_path: Path, shell: str = "dash", most: int = 100) -> list[str]:
    programs = tmp_path / "bin"
    if not programs.exists():
        programs.mkdir()
        for tool in (*TOOLS, "awk", "mv"):
            target = shutil.which("busybox" if shell == "busybox" and tool != "getconf" else tool)
            assert target
            (programs / tool).symlink_to(target)
        said = "".join(
            f"MainPID={pid}\nId={name}\nControlGroup=/system.slice/{name}\n\n"
            for name, pid in UNITS.items()
            if name != "far.service"
        )
        (tmp_path / "shown").write_text(said)
        (programs / "systemctl").write_text(f"#!/bin/sh\nread -r l < {tmp_path}/shown; exec cat {tmp_path}/shown\n")
        (programs / "systemctl").chmod(0o755)
    interpreter = shutil.which(SHELLS[shell][0])
    assert interpreter
    folder = Path(host.real(SAMPLES_FILE)).parent
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [interpreter, *SHELLS[shell][1:], str(SCRIPT), str(most), "*.service"],
        capture_output=True,
        env={"PATH": str(programs), "ROOT": host.root, "FOLDER": str(folder)},
        timeout=60,
        check=True,
    )
    assert done.stderr == done.stdout == b""
    assert [path.name for path in folder.iterdir()] == ["samples"]
    return Path(host.real(SAMPLES_FILE)).read_text().splitlines()


@pytest.mark.parametrize("shell", SHELLS)
def test_it_counts_as_the_audit_does(host: FakeHost, tmp_path: Path, shell: str) -> None:
    lines = sample(host, tmp_path, shell)
    assert lines[0] == f"{HEADER} {BOOT}"
    state = collect(host, Questions(SYSCTL_FILE, shares=0))
    seen = {
        each.unit: (each.main_pid, each.start_ticks, each.anon_swap_kib)
        for each in service_memory(state)
        if each.unit in UNITS
    }
    assert set(seen) == {"nginx.service", "a\\x2db.service", "old.service"}
    sampled = {
        each.unit: (each.main_pid, each.start_ticks, each.anon_swap_kib[0]) for each in read_samples(host, BOOT) or ()
    }
    assert sampled == seen
    assert {line.split(" ")[0] for line in lines[1:]} == {"86400"}


@pytest.mark.parametrize("shell", SHELLS)
def test_the_oldest_lines_go_first(host: FakeHost, tmp_path: Path, shell: str) -> None:
    for number in range(4):
        host.has("/proc/uptime", f"{1000 + number}.00 1\n")
        lines = sample(host, tmp_path, shell, most=7)
    assert len(lines) == 8
    assert [line.split(" ")[0] for line in lines[1:]] == ["1001", *["1002"] * 3, *["1003"] * 3]


@pytest.mark.parametrize("old", [f"{HEADER} other\n5 5 5 5 a.service\n", "", "rubbish\n", "x" * 5000])
def test_what_is_not_of_this_boot_is_begun_anew(host: FakeHost, tmp_path: Path, old: str) -> None:
    host.has(SAMPLES_FILE, old)
    assert len(sample(host, tmp_path)) == 4


def test_a_unit_that_is_not_asked_for_is_not_sampled(host: FakeHost, tmp_path: Path) -> None:
    host.has_process(400, cgroup="0::/system.slice/far.service\n")
    assert not [line for line in sample(host, tmp_path) if "far" in line]
