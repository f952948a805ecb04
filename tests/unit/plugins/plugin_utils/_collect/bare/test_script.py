# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both collectors see the same host: one through real shells, one through Python, on the same files."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from unit.fake_host import SHOW, FakeKernel
from unit.samples import RUNTIME
from unit.shell_host import SHELLS, printed, snapshot

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Finished
from ansible_collections.lifeboat.oom.plugins.module_utils._health import dormant, packages
from ansible_collections.lifeboat.oom.plugins.module_utils._health.collector import Questions, collect
from ansible_collections.lifeboat.oom.plugins.module_utils._health.dormant import DormantUnit
from ansible_collections.lifeboat.oom.plugins.module_utils._health.packages import ServicePackage
from ansible_collections.lifeboat.oom.plugins.module_utils._health.sampler_log import HEADER as SAMPLES_HEADER
from ansible_collections.lifeboat.oom.plugins.module_utils._health.sampler_log import SAMPLES_FILE, ServiceSamples
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import SYSCTL_FILE
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.dropins import HEADER
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.bare.script import render
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.bare.snapshot import Snapshot

QUESTIONS = Questions(SYSCTL_FILE, ("www.service", "app@.service"), log_lines=500)
NGINX = (
    "Id=nginx.service\nNames=nginx.service www.service\nLoadState=loaded\nActiveState=active\nMainPID=100\n"
    "FragmentPath=/usr/lib/systemd/system/nginx.service\n"
    "ControlGroup=/system.slice/nginx.service\nOOMScoreAdjust=0\nNeedDaemonReload=no\n"
)
OLD = "\nId=old.service\nNames=old.service\nLoadState=loaded\nActiveState=inactive\nOOMScoreAdjust=-5\n"
OLD += "FragmentPath=/etc/systemd/system/old.service\n"
OURS = "# " + HEADER.replace("\n", "\n# ") + "\n[Service]\nOOMScoreAdjust=-500\n"
KILL = "[  100.000000] Out of memory: Killed process 4242 (leak) total-vm:900kB, anon-rss:800kB, file-rss:0kB\n"
HOSTILE = (
    "a\n@end",
    "a\n@file /etc/os-release\n x",
    ") S 1 1 (",
    "\udcff\udc80\udcfe",
    "'; exit 1; '",
    "$(exit 1)",
    "*",
)
SMAPS = "Rss:  1740 kB\nPss:   900 kB\nPrivate_Clean:  100 kB\nPrivate_Dirty:  116 kB\n"
SAMPLES = f"{SAMPLES_HEADER} 4f0c1d2e-0000-4000-8000-000000000001\n"
SAMPLES += "60 100 5100 720 nginx.service\n70 100 5100 724 nginx.service\n"
GROUP = "/sys/fs/cgroup/system.slice/nginx.service"


@pytest.fixture
def host(tmp_path: Path) -> FakeKernel:
    """A device with one of everything that is looked at, and with names that try to be something else."""
    found = FakeKernel(
        tmp_path / "root",
        {
            "systemctl --version": "systemd 252 (252.39-1~deb12u1)\n",
            "systemctl show --property=DefaultOOMScoreAdjust": "DefaultOOMScoreAdjust=0\n",
            f"{SHOW} *.service": NGINX + OLD,
            " ".join(dormant.ARGV): OLD + "UnitFileState=enabled\n",
            " ".join(dormant.PEAKS_ARGV): "old.service: Consumed 9s CPU time, 3M memory peak.\n",
            "dpkg-query --search --": "diversion by a from: /sbin/nginx\nnginx-core:arm64, x: /usr/sbin/nginx\n",
            "dpkg-query --show --showformat": "nginx-core:arm64\t1.22.1-9\n",
            "systemd-detect-virt": Finished((), 1, "none\n", ""),
            "journalctl": "",
            "dmesg": KILL,
        },
    )
    found.has_folder("/run/systemd/system")
    found.runs_with(RUNTIME)
    _has_files(found)
    for number, name in enumerate(HOSTILE):
        found.has_process(200 + number, comm=name, smaps_rollup=SMAPS)
    found.has_process(1, comm="systemd", cgroup="0::/init.scope\n")
    found.has("/proc/1/comm", "systemd\n")
    found.has_process(100, smaps_rollup=SMAPS)
    found.has_link("/proc/100/exe", "/usr/sbin/nginx")
    found.has_process(300, comm="earlyoom", cmdline="earlyoom\0-m\x005,\n3\0", smaps_rollup="")
    found.has("/proc/300/comm", "earlyoom\n")
    return found


def _has_files(host: FakeKernel) -> None:
    texts = {
        "/proc/meminfo": "MemTotal: 1000000 kB\nMemFree: 200000 kB\nMemAvailable: 500000 kB\n",
        "/proc/vmstat": "nr_free_pages 5\noom_kill 3\n",
        "/proc/swaps": "Filename Type Size Used Priority\n/swap\\040file file 2097148 5 -2\n",
        "/proc/pressure/memory": "some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
        "/proc/uptime": "86400.52 170000.01\n",
        "/proc/cmdline": "quiet sysctl.vm.panic_on_oom=1 rw\n",
        "/proc/sys/kernel/osrelease": "6.1.0-21-arm64\n",
        "/proc/sys/kernel/random/boot_id": "4f0c1d2e-0000-4000-8000-000000000001\n",
        "/proc/self/status": "CapEff:\t000001ffffffffff\n",
        SAMPLES_FILE: SAMPLES,
        "/etc/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian \udce9"',
        "/etc/sysctl.d/10-a.conf": "vm.overcommit_memory=1",  # without an end of line
        "/usr/lib/sysctl.d/50-b.conf": "# none\n\nvm.panic_on_oom = 1\n\n",
        "/usr/lib/sysctl.d/empty.conf": "",
        "/usr/lib/systemd/system/nginx.service": "[Service]\nExecStart=/usr/sbin/nginx\n",
        "/etc/systemd/system/nginx.service.d/zz-lifeboat-oom.conf": OURS,
        "/etc/systemd/system/nginx.service.d/ @end.conf": " @end\n@end\n",
        "/etc/systemd/system/old.service.d/zz-lifeboat-oom.conf": OURS,
        "/etc/systemd/system/old.service": "[Service]\nOOMScoreAdjust=-5\n",
        "/usr/lib/systemd/system/service.d/10-all.conf": "[Service]\nOOMPolicy=stop",
        "/etc/systemd/oomd.conf.d/a.conf": "[OOM]\nSwapUsedLimit=80%\n",
        "/sys/fs/cgroup/cgroup.controllers": "cpu io memory pids\n",
        f"{GROUP}/memory.max": "max\n",
        f"{GROUP}/memory.current": "104857600\n",
        f"{GROUP}/memory.events": "low 0\nhigh 0\nmax 0\noom 1\noom_kill 2\n",
        "/sys/fs/cgroup/system.slice/memory.max": "209715200\n",
        "/sys/fs/cgroup/memory.max": "268435456\n",
        "/sys/block/zram0/disksize": "1073741824\n",
        "/sys/block/zram0/mm_stat": "4096 74 12288 0 12288 0 0 0 0\n",
    }
    for path, text in texts.items():
        host.has(path, text)
    host.has_link("/etc/sysctl.d/50-b.conf", "/dev/null")
    host.has_link("/usr/lib/systemd/system/nginx.service.d/90-gone.conf", "/nowhere/at/all")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_sees_what_python_sees(host: FakeKernel, shell: str, tmp_path: Path) -> None:
    native = collect(host, QUESTIONS)
    bare = collect(snapshot(host, shell, QUESTIONS, tmp_path), QUESTIONS)
    assert native.unread == ()
    assert native.services is not None
    assert native.processes is not None
    assert len(native.processes) == len(HOSTILE) + 3
    assert native.packages == (ServicePackage("nginx.service", "/usr/sbin/nginx", "nginx-core", "1.22.1-9"),)
    assert native.dormant == (DormantUnit("old.service", "inactive", 3072),)
    assert native.samples == (ServiceSamples("nginx.service", 100, 5100, (60, 70), (720, 724)),)
    assert replace(bare, collector="native", host=replace(bare.host, arch=native.host.arch)) == native
    assert bare.collector == "bare"
    assert bare.declared is not None
    assert [unit.name for unit in bare.declared.left_over] == ["old.service"]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_tells_when_our_drop_ins_were_written(host: FakeKernel, shell: str, tmp_path: Path) -> None:
    """By the clock of the processes: a moment ago, half a minute after boot."""
    host.has("/proc/uptime", "30.00 1.00\n")
    own = "/etc/systemd/system/nginx.service.d/zz-lifeboat-oom.conf"
    host.has(own, OURS)
    seen = snapshot(host, shell, QUESTIONS, tmp_path)
    written = seen.written_ticks(own)
    assert written is not None and 0 < written <= 3200
    assert seen.written_ticks("/etc/systemd/system/nginx.service.d/ @end.conf") is None
    declared = collect(seen, QUESTIONS).declared
    assert declared is not None
    running = [one for unit in declared.declared for state in unit.states for one in state.running]
    assert running and all(one.is_fresh for one in running)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("escaped", [False, True], ids=["newer systemd", "older systemd"])
def test_a_name_with_a_backslash_has_its_file(host: FakeKernel, shell: str, escaped: bool, tmp_path: Path) -> None:
    path = "/usr/lib/systemd/system/dev\\x2da.service"
    host.has(path, "[Service]\nOOMScoreAdjust=-7\n")
    shown = path.replace("\\", "\\x5c") if escaped else path
    host.commands[f"{SHOW} *.service"] = f"{NGINX.replace('/usr/lib/systemd/system/nginx.service', shown)}{OLD}"
    for state in (collect(host, QUESTIONS), collect(snapshot(host, shell, QUESTIONS, tmp_path), QUESTIONS)):
        assert state.services is not None and state.services[0].fragment is not None
        assert state.services[0].fragment.path == path
        assert state.services[0].fragment.text == "[Service]\nOOMScoreAdjust=-7\n"


DIVERTED = "diversion by other from: /usr/sbin/app\ndiversion by other to: /usr/sbin/nginx\n"
RPM = " ".join(packages.RPM_OWNERS)
RPM_OF_ONE = " ".join(packages.RPM_OWNERS_OF_ONE)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("commands", "found"),
    [
        (
            {
                "dpkg-query --search --": DIVERTED + "other, nginx-core: /usr/sbin/app\n",
                "dpkg-query --show --showformat": "nginx-core\t1.0\nother\t2.0\n",
            },
            {"nginx.service": ("nginx-core", "1.0")},
        ),
        (
            {
                "dpkg-query --search --": DIVERTED.replace("sbin/nginx", "x").replace("sbin/app", "sbin/nginx"),
                "dpkg-query --show --showformat": "other\t2.0\n",
            },
            {"nginx.service": ("other", "2.0")},
        ),
        (
            {RPM: "other\t1\nother2\t1\nnginx\t3\n", f"{RPM_OF_ONE} /usr/sbin/nginx": "nginx\t3\n"},
            {"nginx.service": ("nginx", "3")},
        ),
    ],
    ids=["moved away", "diverted", "rpm, another has two"],
)
def test_a_shell_finds_the_owners_that_python_finds(
    host: FakeKernel, shell: str, commands: dict[str, str], found: dict[str, tuple[str, str]], tmp_path: Path
) -> None:
    for question in [each for each in host.commands if each.startswith("dpkg-query")]:
        del host.commands[question]
    host.commands.update(commands)
    native = collect(host, QUESTIONS).packages
    assert native == collect(snapshot(host, shell, QUESTIONS, tmp_path), QUESTIONS).packages
    assert {each.unit: (each.package, each.version) for each in native or ()} == found


def test_every_file_that_python_looks_for_is_read_by_the_shell(
    host: FakeKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that the host above has not are made: a path that the script does not know shows nowhere else."""
    asked: list[str] = []
    monkeypatch.setattr(host, "fail", lambda verb, path: asked.append(path) if verb == "read" else None)
    collect(host, QUESTIONS)
    missing = [path for path in asked if not host.exists(path)]
    assert "/proc/pressure/cpu" in missing
    for path in missing:
        host.has(path, "5\n")
    found = snapshot(host, "dash", QUESTIONS, tmp_path)
    assert [path for path in missing if found.read_if_there(path) is None] == []


@pytest.mark.parametrize("shell", SHELLS)
def test_an_older_device_is_seen_alike(host: FakeKernel, shell: str, tmp_path: Path) -> None:
    """Files that a unit file includes, and a hierarchy of control groups below another one."""
    host.commands["systemctl --version"] = "systemd 219\n"
    host.has("/usr/lib/systemd/system/nginx.service", "  .include vendor/a b \n.include /etc/c\n[Service]\n")
    host.has("/usr/lib/systemd/system/vendor/a b", "[Service]\nOOMScoreAdjust=-5\n")
    host.has("/etc/c", ".include /etc/d\n[Service]\nOOMScoreAdjust=-6\n")
    host.has("/etc/d", "[Service]\nOOMScoreAdjust=-7\n")
    host.has("/sys/fs/cgroup/cgroup.controllers", "cpu\n")
    host.has("/sys/fs/cgroup/unified/cgroup.controllers", "memory\n")
    host.has("/sys/fs/cgroup/unified/system.slice/nginx.service/memory.current", "4096\n")
    native = collect(host, QUESTIONS)
    bare = collect(snapshot(host, shell, QUESTIONS, tmp_path), QUESTIONS)
    assert native.services is not None and native.cgroups is not None
    assert [len(service.included) for service in native.services] == [3]
    assert [(group.path, group.version) for group in native.cgroups] == [("/system.slice/nginx.service", 2)]
    assert replace(bare, collector="native", host=replace(bare.host, arch=native.host.arch)) == native


@pytest.mark.parametrize("shell", SHELLS)
def test_small_tools_see_the_same(host: FakeKernel, shell: str, tmp_path: Path) -> None:
    """The image of OpenWrt has no getconf, its find no "-exec +", and many of its kernels no smaps."""
    native = collect(host, QUESTIONS)
    output = printed(host, shell, QUESTIONS, tmp_path, small=True)
    bare = collect(Snapshot(output, host.root), QUESTIONS)
    assert bare.host.page_kib == Host().page_kib
    assert bare.cgroups
    assert bare.cgroups == native.cgroups


@pytest.mark.parametrize("shell", SHELLS)
def test_nothing_is_changed_and_nothing_left_behind(host: FakeKernel, shell: str, tmp_path: Path) -> None:
    """Also where the kernel has not all of the sysctls: to look whether one can be written does not make it."""
    Path(host.real("/proc/sys/vm/overcommit_kbytes")).unlink()
    before = host.everything()
    printed(host, shell, QUESTIONS, tmp_path)
    assert host.everything() == before


@pytest.mark.parametrize("shell", SHELLS)
def test_a_device_with_next_to_nothing_is_looked_at(tmp_path: Path, shell: str) -> None:
    """No systemd, no log, no control groups, no PSI, a kernel of 2.6.32."""
    host = FakeKernel(tmp_path / "root")
    host.has("/proc/meminfo", "MemTotal: 61440 kB\nMemFree: 20480 kB\n")
    host.has("/proc/sys/kernel/osrelease", "2.6.32\n")
    host.has("/proc/vmstat", "nr_free_pages 5\n")
    for pid in (1, 7):
        host.has_process(pid, comm="sh", status="Name:\tsh\nUid:\t0\t0\t0\t0\nVmRSS:\t740 kB\n")
    questions = Questions(SYSCTL_FILE, ("web.service",))
    native = collect(host, questions)
    bare = collect(snapshot(host, shell, questions, tmp_path), questions)
    assert replace(bare, collector="native", host=native.host) == native
    assert {found.what for found in bare.unread} == {"services", "events"}
    assert (bare.services, bare.cgroups, bare.pressure, bare.counters.oom_kills) == (None,) * 4


@pytest.mark.parametrize("shell", SHELLS)
def test_a_command_that_fails_is_told_with_its_words(host: FakeKernel, shell: str, tmp_path: Path) -> None:
    host.commands["systemctl --version"] = Finished((), 3, "some\n", "System has not been booted\nwith systemd")
    state = collect(snapshot(host, shell, QUESTIONS, tmp_path), QUESTIONS)
    assert [(found.what, found.why) for found in state.unread] == [
        ("services", "systemctl --version ended with 3: System has not been booted\nwith systemd")
    ]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_log_that_may_not_be_read_is_told(host: FakeKernel, shell: str, tmp_path: Path) -> None:
    host.commands["dmesg"] = Finished((), 1, "", "dmesg: read kernel buffer failed: Operation not permitted")
    state = collect(snapshot(host, shell, QUESTIONS, tmp_path), QUESTIONS)
    assert [found.what for found in state.unread] == ["events"]
    assert "dmesg ended with 1: dmesg: read kernel buffer failed: Operation not permitted" in state.unread[0].why
    assert state.events is None


@pytest.mark.parametrize("shell", SHELLS)
def test_a_log_without_kills_is_not_sent(host: FakeKernel, shell: str, tmp_path: Path) -> None:
    host.commands["dmesg"] = "".join(f"[  {number}.0] eth0: link is up\n" for number in range(1000))
    output = printed(host, shell, QUESTIONS, tmp_path)
    assert (output.count("eth0"), output.count("[  999.0]"), output.count("[  998.0]")) == (0, 1, 0)
    assert collect(Snapshot(output, host.root), QUESTIONS).events == ()


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("ring", [KILL, "", Finished((), 1, "", "dmesg: not permitted")], ids=["kill", "empty", "no"])
def test_logs_in_files_are_read_alike(host: FakeKernel, shell: str, ring: str | Finished, tmp_path: Path) -> None:
    line = f"May  4 03:02:01 a kernel: {KILL}"
    host.commands["dmesg"] = ring
    host.commands["logread"] = line.replace("4242", "77")
    host.has("/proc/stat", "cpu 1\nbtime 1777863600\n")
    canned = {"/var/log/messages": line, "/var/log/messages.0": line.replace("4242", "4141")}
    for path, text in canned.items():
        host.has(path, text)
        host.commands[f"tail -c 80000 {path}"] = text
    native = collect(host, QUESTIONS)
    for path in canned:  # the shell has a real tail
        del host.commands[f"tail -c 80000 {path}"]
    bare = collect(snapshot(host, shell, QUESTIONS, tmp_path), QUESTIONS)
    assert (bare.log, bare.events, bare.unread) == (native.log, native.events, native.unread)
    assert bare.events


def test_a_name_with_a_line_break_is_left_out_and_counted(host: FakeKernel, tmp_path: Path) -> None:
    host.has("/etc/sysctl.d/20\n@end.conf", "vm.panic_on_oom=2\n")
    found = snapshot(host, "dash", QUESTIONS, tmp_path)
    assert found.odd_names == 1
    assert found.names("/etc/sysctl.d") == ["10-a.conf", "50-b.conf"]


# What may stand where a file is expected. Who opens the pipe waits for ever, who reads the others has no end.
IN_PLACE_OF_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pipe": (os.mkfifo, "found a pipe, expected a file; remove what is there"),
    "a socket": (lambda path: os.mknod(path, stat.S_IFSOCK), "found a socket, expected a file; remove what is there"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "found a device, expected a file; remove what is there"),
    "a huge file": (lambda path: truncated(path, 1 << 40), "it has 10 MB or more, too much for such a file"),
    "a large file": (lambda path: truncated(path, 10**7), "it has 10 MB or more, too much for such a file"),
}


def truncated(path: Path, size: int) -> None:
    with open(path, "wb") as stream:
        stream.truncate(size)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("kind", IN_PLACE_OF_FILES)
@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/etc/sysctl.d/20 \\n\\c-\\0101.conf", "sysctls"),
        ("/etc/systemd/system/nginx.service.d/-n.conf", "services"),
        ("/usr/lib/systemd/system/nginx.service", "services"),
        ("/etc/os-release", "host"),
        ("/run/lifeboat-oom/samples", "samples"),
    ],
    ids=["sysctl.d", "drop-in", "unit file", "os-release", "samples"],
)
def test_what_is_no_file_is_refused_at_once(
    host: FakeKernel, shell: str, kind: str, path: str, what: str, tmp_path: Path
) -> None:
    put, why = IN_PLACE_OF_FILES[kind]
    Path(host.real(path)).unlink(missing_ok=True)
    put(Path(host.real(path)))
    native = collect(host, QUESTIONS)
    bare = collect(snapshot(host, shell, QUESTIONS, tmp_path), QUESTIONS)
    assert what in [each.what for each in native.unread if f"cannot read {path}: {why}" in each.why]
    assert replace(bare, collector="native", host=replace(bare.host, arch=native.host.arch)) == native


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("kind", IN_PLACE_OF_FILES)
def test_an_included_file_that_is_none_is_not_waited_for(
    host: FakeKernel, shell: str, kind: str, tmp_path: Path
) -> None:
    host.has("/usr/lib/systemd/system/nginx.service", ".include /etc/c\n[Service]\n")
    host.commands["systemctl --version"] = "systemd 219\n"
    IN_PLACE_OF_FILES[kind][0](Path(host.real("/etc/c")))
    native, bare = collect(host, QUESTIONS), collect(snapshot(host, shell, QUESTIONS, tmp_path), QUESTIONS)
    assert "services" in [each.what for each in native.unread]
    assert replace(bare, collector="native", host=replace(bare.host, arch=native.host.arch)) == native


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("kind", IN_PLACE_OF_FILES)
def test_a_log_that_is_no_file_is_not_waited_for(host: FakeKernel, shell: str, kind: str, tmp_path: Path) -> None:
    path = "/var/log/messages"
    Path(host.real("/var/log")).mkdir(parents=True)
    IN_PLACE_OF_FILES[kind][0](Path(host.real(path)))
    host.commands[f"tail -c 80000 {path}"] = "\0" * 80000
    host.commands["dmesg"] = ""
    native = collect(host, QUESTIONS)
    del host.commands[f"tail -c 80000 {path}"]  # the shell has a real one
    bare = collect(snapshot(host, shell, QUESTIONS, tmp_path), QUESTIONS)
    assert (bare.events, bare.unread) == (native.events, native.unread) == ((), ())
    assert native.log is not None and bare.log is not None and native.log.unread == bare.log.unread
    assert ("found no file there" in "".join(native.log.unread)) is ("file" not in kind)


@pytest.mark.parametrize("shell", SHELLS)
def test_every_name_is_told_as_it_is(host: FakeKernel, shell: str, tmp_path: Path) -> None:
    """An echo of dash would make other characters of a backslash, and end the line at \\c."""
    for name in (
        "\\c",
        "a\\n@end",
        "\\0101",
        "-n",
        "-e \\t",
        " a b ",
        "*",
        "[a]",
        "$(exit 1)",
        "a:b",
        "\ttab",
        "caf\udce9",
    ):
        host.has(f"/etc/sysctl.d/{name}.conf", f"# {name}\n")
        host.has(f"/etc/systemd/system/nginx.service.d/{name}.conf", f"# {name}\n")
        host.has(f"/etc/systemd/system/{name}.service.d/a.conf", f"# {name}\n")
    native = collect(host, QUESTIONS)
    bare = collect(snapshot(host, shell, QUESTIONS, tmp_path), QUESTIONS)
    assert native.unread == ()
    assert replace(bare, collector="native", host=replace(bare.host, arch=native.host.arch)) == native


@pytest.mark.parametrize("shell", SHELLS)
def test_a_line_break_in_the_name_of_a_folder_tells_nothing(host: FakeKernel, shell: str, tmp_path: Path) -> None:
    before = snapshot(host, shell, QUESTIONS, tmp_path)
    host.has("/etc/systemd/system/a\n@end\n@page 7\n.d/b\n@end.conf", "[Service]\n")
    (tmp_path / "again").mkdir()
    after = snapshot(host, shell, QUESTIONS, tmp_path / "again")
    assert (before.odd_names, after.odd_names) == (0, 1)
    assert collect(after, QUESTIONS) == collect(before, QUESTIONS)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("number", "may_lower"), [(4026531837, True), (4026532281, False)], ids=["initial", "other"])
def test_a_capability_counts_in_the_initial_user_namespace_alone(
    host: FakeKernel, shell: str, number: int, may_lower: bool, tmp_path: Path
) -> None:
    host.has_link("/proc/self/ns/user", f"user:[{number}]")
    for state in (collect(host, QUESTIONS), collect(snapshot(host, shell, QUESTIONS, tmp_path), QUESTIONS)):
        assert state.services is not None
        assert {service.may_lower for service in state.services} == {may_lower}


def seen_by_another_user(host: FakeKernel, tmp_path: Path) -> HostState:
    """Than root, who may read and write all."""
    Path(tmp_path).chmod(0o755)
    for folder in tmp_path.parents:
        if folder.stat().st_uid == os.getuid() and str(folder).startswith("/tmp/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    script = render(QUESTIONS, host.root)
    done = subprocess.run(
        ["dash", "-s"],
        input=script.encode("utf-8", "surrogateescape"),
        capture_output=True,
        user=1000 if os.getuid() == 0 else None,
        check=True,
    )
    return collect(Snapshot(done.stdout.decode("utf-8", "surrogateescape"), host.root), QUESTIONS)


def test_what_may_not_be_read_is_told_from_what_is_not_there(host: FakeKernel, tmp_path: Path) -> None:
    for path in ("/etc/sysctl.d/10-a.conf", "/proc/100/status"):
        Path(host.real(path)).chmod(0)
    state = seen_by_another_user(host, tmp_path)
    why = {unread.what: unread.why for unread in state.unread}
    assert why["sysctls"] == "cannot read /etc/sysctl.d/10-a.conf: Permission denied"
    assert why["processes"] == "1 of them, the first: cannot read /proc/100/status: Permission denied"
    assert state.processes is not None
    assert 200 in [process.pid for process in state.processes]


def test_settings_that_only_root_may_write_are_not_called_read_only(host: FakeKernel, tmp_path: Path) -> None:
    sysctls = seen_by_another_user(host, tmp_path).sysctls
    assert sysctls is not None
    assert (sysctls.runtime, sysctls.read_only) == (RUNTIME, ())


@pytest.mark.parametrize("shell", SHELLS)
def test_this_machine_is_seen_alike(shell: str) -> None:
    """What does not move between the two looks."""
    questions = Questions(SYSCTL_FILE)
    done = subprocess.run(
        [*SHELLS[shell], "-s"], input=render(questions).encode(), capture_output=True, timeout=120, check=True
    )
    bare = collect(Snapshot(done.stdout.decode("utf-8", "surrogateescape")), questions)
    native = collect(Host(), questions)
    assert replace(bare.host, uptime_seconds=None) == replace(native.host, uptime_seconds=None)
    assert (bare.sysctls, bare.daemons, bare.zram) == (native.sysctls, native.daemons, native.zram)
    assert bare.memory.total_kib == native.memory.total_kib
    assert bare.processes is not None
    assert native.processes is not None
    own = [next(one for one in found if one.pid == os.getppid()) for found in (bare.processes, native.processes)]
    assert own[0].start_ticks == own[1].start_ticks
    assert own[0].cgroup == own[1].cgroup
    assert own[0].comm == own[1].comm
