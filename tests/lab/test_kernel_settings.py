# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules overcommit and oom_reaction and the role oom_kernel, on a real kernel with systemd-sysctl."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import ALL_KEYS
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import KBYTES

from .runner import Ansible
from .services import VITAL, answers, install
from .two_at_once import pairs
from .uml import Lab, Machine

FILE = "/etc/sysctl.d/99-zz-lifeboat-oom.conf"
REBOOT = [{"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.reboot": {"reboot_timeout": 180}}]}]
# What a check-mode answer has to have in common with the real run that follows.
PROMISED = ("changed", "failed", "plan", "diff", "settings", "loader", "foreign_lines", "overridden", "forced")


@pytest.fixture
def clean(ansible: Ansible, shared_device: Machine) -> Iterator[Machine]:
    """The module's device, put back afterwards."""
    before = sysctls(shared_device)
    yield shared_device
    # The ratio zeroes the other limit; to write that one would zero the ratio.
    values = " ".join(f"{key}={value}" for key, value in before.items() if key != KBYTES)
    shared_device.ssh(
        f"chattr -i /etc/sysctl.d 2>/dev/null; rm -f {FILE}* /etc/sysctl.d/zzz-* /run/sysctl.d/zzz-* "
        f"/usr/lib/sysctl.d/zzz-*; sysctl -q {values}"
    )


def sysctls(device: Machine) -> dict[str, str]:
    """All that the modules may own."""
    values = device.ssh(f"sysctl -n {' '.join(ALL_KEYS)}").stdout.split()
    return dict(zip(ALL_KEYS, values, strict=True))


def sysctl(device: Machine, key: str) -> str:
    return device.ssh(f"sysctl -n {key}").stdout.strip()


def own_file(device: Machine) -> list[str]:
    """The lines of our file that are not comments."""
    text = device.ssh(f"cat {FILE} 2>/dev/null || true").stdout
    return [line for line in text.splitlines() if not line.startswith("#")]


def everything(device: Machine) -> str:
    """All that the modules could have touched."""
    return device.ssh(f"sysctl {' '.join(ALL_KEYS)}; head -n -0 /etc/sysctl.d/*.conf 2>/dev/null; true").stdout


def announced_and_done(ansible: Ansible, device: Machine, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Run in check mode and for real; what was promised has to be what was done."""
    before = everything(device)
    promise = ansible.module(device, name, arguments, check=True, diff=True)
    assert everything(device) == before, "check mode has changed something"
    done = ansible.module(device, name, arguments, diff=True)
    assert {key: promise.get(key) for key in PROMISED} == {key: done.get(key) for key in PROMISED}
    return done


STEPS: dict[str, list[tuple[dict[str, Any], dict[str, str], list[str]]]] = {
    "overcommit": [
        (
            {"mode": "never", "ratio": 90, "admin_reserve_kbytes": 4096},
            {"vm.overcommit_memory": "2", "vm.overcommit_ratio": "90", "vm.admin_reserve_kbytes": "4096"},
            ["vm.overcommit_ratio = 90", "vm.admin_reserve_kbytes = 4096", "vm.overcommit_memory = 2"],
        ),
        (
            {"mode": "never", "kbytes": 350000, "user_reserve_kbytes": 2048},
            {
                "vm.overcommit_memory": "2",
                "vm.overcommit_ratio": "0",
                "vm.overcommit_kbytes": "350000",
                "vm.user_reserve_kbytes": "2048",
            },
            [
                *["vm.admin_reserve_kbytes = 4096", "vm.overcommit_kbytes = 350000", "vm.user_reserve_kbytes = 2048"],
                "vm.overcommit_memory = 2",
            ],
        ),
        (
            {"mode": "always", "ratio": 60},
            {"vm.overcommit_memory": "1", "vm.overcommit_ratio": "60", "vm.overcommit_kbytes": "0"},
            [
                *["vm.admin_reserve_kbytes = 4096", "vm.user_reserve_kbytes = 2048", "vm.overcommit_memory = 1"],
                "vm.overcommit_ratio = 60",
            ],
        ),
    ],
    "oom_reaction": [
        (
            {"panic_on_oom": "global", "panic_reboot_seconds": 10, "dump_tasks": False},
            {"vm.panic_on_oom": "1", "kernel.panic": "10", "vm.oom_dump_tasks": "0"},
            ["kernel.panic = 10", "vm.panic_on_oom = 1", "vm.oom_dump_tasks = 0"],
        ),
        (
            {"panic_on_oom": False, "kill_allocating_task": True},
            {"vm.panic_on_oom": "0", "kernel.panic": "10", "vm.oom_kill_allocating_task": "1"},
            ["kernel.panic = 10", "vm.oom_dump_tasks = 0", "vm.panic_on_oom = 0", "vm.oom_kill_allocating_task = 1"],
        ),
    ],
}


def test_every_sysctl_is_among_the_steps() -> None:
    assert {key for steps in STEPS.values() for _arguments, running, _lines in steps for key in running} == set(
        ALL_KEYS
    )


@pytest.mark.parametrize("name", list(STEPS))
def test_create_repeat_modify_reboot_remove_remove_again(ansible: Ansible, clean: Machine, name: str) -> None:
    resting = sysctls(clean)
    for arguments, running, lines in STEPS[name]:
        done = announced_and_done(ansible, clean, name, arguments)
        assert done["changed"] and not done["failed"], done
        assert {key: sysctl(clean, key) for key in running} == running
        assert own_file(clean) == lines
        assert clean.ssh(f"stat -c %a {FILE}").stdout.strip() == "644"
        for key in arguments.keys() & {"mode"}:
            assert done["settings"]["vm.overcommit_memory"]["after"]["boot_winner"]["file"] == FILE, key
        assert not announced_and_done(ansible, clean, name, arguments)["changed"]

    ansible.playbook(REBOOT, [clean])
    assert {key: sysctl(clean, key) for key in running} == running, "the loader at boot sees it otherwise"
    assert not ansible.module(clean, name, arguments)["changed"]

    removed = announced_and_done(ansible, clean, name, {"state": "absent"})
    assert removed["changed"] and not removed["failed"], removed
    assert sysctls(clean) == resting
    assert clean.ssh(f"ls {FILE}", check=False).returncode != 0
    assert not announced_and_done(ansible, clean, name, {"state": "absent"})["changed"]


def test_both_modules_share_the_file_and_keep_foreign_lines(ansible: Ansible, clean: Machine) -> None:
    clean.ssh(f"printf 'vm.dirty_ratio = 10' > {FILE}")
    first = ansible.module(clean, "overcommit", {"mode": "always"})
    assert first["foreign_lines"] == [1]
    ansible.module(clean, "oom_reaction", {"dump_tasks": True})
    assert own_file(clean) == ["vm.dirty_ratio = 10", "vm.overcommit_memory = 1", "vm.oom_dump_tasks = 1"]
    ansible.module(clean, "overcommit", {"state": "absent"})
    ansible.module(clean, "oom_reaction", {"state": "absent"})
    assert own_file(clean) == ["vm.dirty_ratio = 10"]


def test_two_runs_at_once_lose_nothing(ansible: Ansible, clean: Machine) -> None:
    assert [lost for lost in pairs(ansible, clean, 10) if lost] == []


def test_only_the_file_or_only_the_running_kernel(ansible: Ansible, clean: Machine) -> None:
    trial = announced_and_done(ansible, clean, "overcommit", {"mode": "always", "persistent": False})
    assert trial["changed"] and own_file(clean) == [] and sysctl(clean, "vm.overcommit_memory") == "1"
    ansible.module(clean, "overcommit", {"state": "absent"})
    assert sysctl(clean, "vm.overcommit_memory") == "0"
    image = announced_and_done(ansible, clean, "overcommit", {"mode": "always", "runtime": False})
    assert image["changed"] and own_file(clean) == ["vm.overcommit_memory = 1"]
    assert sysctl(clean, "vm.overcommit_memory") == "0"


def test_never_without_headroom_is_refused_and_force_overrules(ansible: Ansible, clean: Machine) -> None:
    tight = {"mode": "never", "ratio": 4}
    refused = announced_and_done(ansible, clean, "overcommit", tight)
    assert refused["failed"] and sysctl(clean, "vm.overcommit_memory") == "0" and own_file(clean) == []
    numbers = refused["refused"]
    assert not numbers["passes"] and numbers["limit_kib"] < numbers["committed_kib"] + numbers["reserve_kib"]
    assert f"ratio {numbers['ratio_that_passes']} would pass" in refused["msg"]

    passing = {"mode": "never", "ratio": numbers["ratio_that_passes"] + 2}
    assert not ansible.module(clean, "overcommit", passing)["failed"], "the ratio that was named does not pass"
    lowered = ansible.module(clean, "overcommit", {"ratio": 4})
    assert lowered["failed"], "lowering the limit within never is not guarded"

    ansible.module(clean, "overcommit", {"state": "absent"})
    tight = {"mode": "never", "ratio": numbers["ratio_that_passes"] - 3}
    assert ansible.module(clean, "overcommit", tight)["failed"]
    forced = ansible.module(clean, "overcommit", {**tight, "force": True})
    assert forced["forced"] and not forced["failed"] and sysctl(clean, "vm.overcommit_memory") == "2"
    assert any("forced: overcommit mode never would leave" in str(warning) for warning in forced["warnings"])
    ansible.module(clean, "overcommit", {"state": "absent"})
    assert sysctl(clean, "vm.overcommit_memory") == "0"


def test_auto_ratio_leaves_room_for_a_new_session(ansible: Ansible, lab: Lab, clean: Machine) -> None:
    done = ansible.module(clean, "overcommit", {"mode": "never", "ratio": "auto"})
    assert not done["failed"] and done["guard"]["passes"] and "% free above" in done["notes"][0]
    lab.hang_up(clean.address)
    assert clean.ssh("echo a new session").stdout == "a new session\n"
    again = ansible.module(clean, "overcommit", {"mode": "never", "ratio": "auto"})
    assert not again["changed"], "auto is not idempotent"


@pytest.mark.parametrize(
    ("rival", "line"),
    [
        pytest.param("/etc/sysctl.d/zzz-vendor.conf", "vm.overcommit_ratio=70", id="later-name"),
        pytest.param("/usr/lib/sysctl.d/zzz-vendor.conf", "vm/overcommit_ratio = 70", id="vendor-folder"),
        pytest.param("/run/sysctl.d/zzz-vendor.conf", "-vm.overcommit_kbytes=70000", id="the-one-that-zeroes-it"),
    ],
)
def test_a_file_that_would_win_at_boot(ansible: Ansible, clean: Machine, rival: str, line: str) -> None:
    clean.ssh(f"mkdir -p $(dirname {rival}); printf '# vendor\\n{line}' > {rival}")
    ours = {"ratio": 80}
    failed = announced_and_done(ansible, clean, "overcommit", ours)
    assert failed["failed"] and f"{rival}:2" in failed["msg"]
    assert own_file(clean) == [] and sysctl(clean, "vm.overcommit_ratio") == "50"

    warned = announced_and_done(ansible, clean, "overcommit", {**ours, "on_conflict": "warn"})
    assert not warned["failed"] and warned["changed"]
    assert any(rival in str(warning) for warning in warned["warnings"])

    overridden = announced_and_done(ansible, clean, "overcommit", {**ours, "on_conflict": "override"})
    assert not overridden["failed"] and overridden["changed"] and overridden["overridden"]
    clean.ssh("sysctl -q vm.overcommit_ratio=1; /lib/systemd/systemd-sysctl")
    assert sysctl(clean, "vm.overcommit_ratio") == "80", "the loader still lets the other file win"
    assert not announced_and_done(ansible, clean, "overcommit", ours)["changed"]

    announced_and_done(ansible, clean, "overcommit", {"state": "absent"})
    clean.ssh("sysctl -q vm.overcommit_ratio=1; /lib/systemd/systemd-sysctl")
    assert clean.ssh(f"cat {rival}").stdout == f"# vendor\n{line}"
    assert "zzz-vendor" not in clean.ssh("ls /etc/sysctl.d").stdout or rival.startswith("/etc/")
    assert "before-lifeboat" not in clean.ssh("ls /etc/sysctl.d").stdout
    key, value = line.lstrip("-").replace("/", ".").replace(" ", "").split("=")
    assert sysctl(clean, key) == value


@pytest.mark.parametrize(
    ("breaks", "repairs", "says"),
    [
        pytest.param(
            "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys",
            "umount /proc/sys",
            "/proc/sys is read-only here",
            id="proc-sys",
        ),
        pytest.param(
            "mount --bind /etc/sysctl.d /etc/sysctl.d && mount -o remount,bind,ro /etc/sysctl.d",
            "umount /etc/sysctl.d",
            "cannot write /etc/sysctl.d/99-zz-lifeboat-oom.conf: Read-only file system",
            id="etc",
        ),
        pytest.param(
            "mount -t tmpfs -o size=4k,nr_inodes=8 tmpfs /etc/sysctl.d; head -c 4096 /dev/zero > /etc/sysctl.d/full",
            "umount /etc/sysctl.d",
            "cannot write /etc/sysctl.d/99-zz-lifeboat-oom.conf: No space left on device",
            id="disk-full",
        ),
    ],
)
def test_what_cannot_be_written_is_named_and_all_is_put_back(
    ansible: Ansible, clean: Machine, breaks: str, repairs: str, says: str
) -> None:
    clean.ssh(breaks)
    try:
        result = ansible.module(clean, "overcommit", {"mode": "always", "ratio": 71})
        left = clean.ssh("ls -A /etc/sysctl.d").stdout
        running = sysctl(clean, "vm.overcommit_memory"), sysctl(clean, "vm.overcommit_ratio")
    finally:
        clean.ssh(repairs)
    assert result["failed"] and says in result["msg"], result
    assert running == ("0", "50") and "lifeboat" not in left


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("overcommit", {"mode": 7}, "mode: found 7, expected one of"),
        ("overcommit", {"mode": True}, "mode: found True, expected one of"),
        ("overcommit", {"mode": 0}, "write heuristic"),
        ("overcommit", {"ratio": 80, "kbytes": 5000}, "ratio and kbytes: found both, expected one"),
        ("overcommit", {"ratio": -1}, "found -1, expected a whole number"),
        ("overcommit", {"kbytes": 2**31}, "expected a whole number from 1 to 2147483647"),
        ("overcommit", {"mode": "always", "sysctl_file": "/tmp/x.conf"}, "an absolute path below /etc or /run"),
        ("overcommit", {"mode": "always", "sysctl_file": "/etc/../tmp/x.conf"}, "an absolute path below /etc or /run"),
        ("overcommit", {"mode": "always\nkernel.modprobe = /tmp/x"}, "expected one of: heuristic, always, never"),
        ("overcommit", {"mode": "always", "sysctl_file": "/etc/a\nb.conf"}, "an absolute path below /etc or /run"),
        ("overcommit", {}, "nothing is declared"),
        ("oom_reaction", {"panic_on_oom": 1}, "write global"),
        ("oom_reaction", {"panic_on_oom": True}, "write global (1) or always (2)"),
        ("oom_reaction", {"panic_on_oom": "always"}, "give panic_reboot_seconds"),
        ("oom_reaction", {"panic_reboot_seconds": "10; reboot"}, "expected a whole number from 0"),
    ],
)
def test_bad_input(ansible: Ansible, clean: Machine, name: str, arguments: dict[str, Any], says: str) -> None:
    result = ansible.module(clean, name, arguments)
    assert result["failed"] and says in result["msg"], result
    assert own_file(clean) == []


def test_a_panic_without_a_reboot_can_be_forced(ansible: Ansible, clean: Machine) -> None:
    forced = ansible.module(clean, "oom_reaction", {"panic_on_oom": "global", "force": True})
    assert not forced["failed"] and forced["forced"] and sysctl(clean, "vm.panic_on_oom") == "1"


def test_the_role_converges_and_verifies(ansible: Ansible, clean: Machine) -> None:
    declared = {
        "oom_kernel_overcommit": {"mode": "never", "ratio": "auto"},
        "oom_kernel_reaction": {"panic_on_oom": "no", "panic_reboot_seconds": 30},
    }

    def role(tasks_from: str) -> list[dict[str, Any]]:
        task = {"ansible.builtin.import_role": {"name": "lifeboat.oom.oom_kernel", "tasks_from": tasks_from}}
        return [{"hosts": "all", "gather_facts": False, "tasks": [task]}]

    assert ansible.playbook(role("verify"), [clean], variables=declared).returncode == 2
    first = ansible.playbook(role("main"), [clean], variables=declared)
    assert first.returncode == 0 and len(first.changed) == 1, first.stdout
    again = ansible.playbook(role("main"), [clean], variables=declared)
    assert again.returncode == 0 and again.changed == [], again.stdout
    assert ansible.playbook(role("verify"), [clean], variables=declared).returncode == 0
    clean.ssh("sysctl -q kernel.panic=0")
    assert ansible.playbook(role("verify"), [clean], variables=declared).returncode == 2


def test_the_kernel_command_line_is_a_layer(ansible: Ansible, devices: Any) -> None:
    """The kernel sets it before init: it is where the setting rests without us, and any file wins over it."""
    (device,) = devices(1, cmdline=["sysctl.vm.overcommit_ratio=61"])
    assert sysctl(device, "vm.overcommit_ratio") == "61"
    done = ansible.module(device, "overcommit", {"ratio": 70})
    assert done["settings"]["vm.overcommit_ratio"]["before"]["cmdline"] == "61"
    ansible.playbook(REBOOT, [device])
    assert sysctl(device, "vm.overcommit_ratio") == "70"
    assert not ansible.module(device, "overcommit", {"ratio": 70})["changed"]
    ansible.module(device, "overcommit", {"state": "absent"})
    assert sysctl(device, "vm.overcommit_ratio") == "61"


def test_a_stopped_service_keeps_its_room(
    ansible: Ansible, devices: Callable[..., list[Machine]], tmp_path: Path
) -> None:
    """Of systemd 255 and newer its size is known; where it does not fit the kernel says so, and the audit too."""
    (device,) = devices(1, suite="trixie", kernel="6.12")
    install(device, (VITAL,))
    device.ssh(f"systemctl stop {VITAL.name}")
    done = ansible.module(device, "overcommit", {"mode": "never", "ratio": "auto"})
    assert not done["failed"], done
    guard = done["guard"]
    assert guard["dormant"][f"{VITAL.name}.service"] >= VITAL.holds_mib * 1024
    assert guard["not_counted"] == []

    enough = guard["committed_kib"] + guard["reserve_kib"] + 60 * 1024
    device.ssh(f"sysctl -q vm.overcommit_kbytes={enough}")
    assert device.ssh(f"systemctl start {VITAL.name}", check=False).returncode != 0
    assert "not enough memory for the allocation" in device.ssh("dmesg").stdout
    variables = {"oom_audit_report_dir": str(tmp_path)}
    assert ansible.playbook("lifeboat.oom.audit", [device], variables=variables).returncode == 0
    record = json.loads((tmp_path / "hosts" / f"{device.name}.json").read_text())
    found = {finding["id"]: finding for finding in record["findings"]}
    assert found["commit.cannot_start"]["subject"] == f"{VITAL.name}.service"
    # The run that failed was small; what counts is the one before.
    needs = int(found["commit.cannot_start"]["observed"].split()[2])
    assert needs >= VITAL.holds_mib * 1024
    refused = re.match(rf"{VITAL.name} \d times? \(up to (\d+) KiB at once\)", found["commit.refused"]["observed"])
    assert refused and int(refused[1]) >= VITAL.holds_mib * 1024

    again = ansible.module(device, "overcommit", {"mode": "never", "ratio": "auto"})
    assert again["changed"] and not again["failed"], again
    device.ssh(f"systemctl start {VITAL.name}")
    assert answers(device, VITAL)
    assert not ansible.module(device, "overcommit", {"mode": "never", "ratio": "auto"})["changed"]
