# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each kind of device is what it says: its kernel, its user land, and an OOM killer that kills."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from . import services
from .process import LabError, locked
from .runner import Ansible
from .uml import CACHE, Lab, Machine, Record

# suite, kernel, and what a device of that kind says: VERSION_ID and the version of systemd.
_SYSTEMD = [
    pytest.param(("bullseye", "5.10", "11", "247"), id="bullseye on 5.10"),
    pytest.param(("bookworm", "6.1", "12", "252"), id="bookworm on 6.1"),
    pytest.param(("trixie", "6.12", "13", "257"), id="trixie on 6.12"),
]


@pytest.fixture(scope="module", params=_SYSTEMD)
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="module")
def machine(lab: Lab, kind: tuple[str, str, str, str]) -> Iterator[Machine]:
    suite, kernel, *_unused = kind
    machine = lab.up(f"kind-{suite}", suite=suite, kernel=kernel)
    yield machine
    machine.down()


def test_kernel_and_user_land_are_as_asked(machine: Machine, kind: tuple[str, str, str, str]) -> None:
    _unused, kernel, version_id, systemd = kind
    assert machine.ssh("uname -r").stdout.startswith(f"{kernel}.")
    assert machine.ssh(". /etc/os-release; echo $VERSION_ID").stdout == f"{version_id}\n"
    assert machine.ssh("systemctl --version").stdout.startswith(f"systemd {systemd} ")
    assert machine.ssh("systemctl is-system-running").stdout == "running\n"
    assert "memory" in machine.ssh("cat /sys/fs/cgroup/cgroup.controllers").stdout.split()
    assert machine.ssh("sh -c 'echo -900 > /proc/self/oom_score_adj; cat /proc/self/oom_score_adj'").stdout == "-900\n"


def test_the_kernel_kills_where_memory_runs_out(machine: Machine) -> None:
    services.install(machine)
    log = services.provoke_oom(machine)
    assert "CONSTRAINT_NONE" in log and "global_oom" in log
    assert services.victims(log)[0] == "vital"


def test_it_comes_back_from_a_reboot(machine: Machine, kind: tuple[str, str, str, str], module: Any) -> None:
    boot_id = "cat /proc/sys/kernel/random/boot_id"
    before = machine.ssh(boot_id).stdout
    assert module(machine, "ansible.builtin.reboot", {"reboot_timeout": 120})["rebooted"]
    assert machine.ssh(boot_id).stdout != before
    assert machine.ssh("uname -r").stdout.startswith(f"{kind[1]}.")


@pytest.mark.parametrize("kind", _SYSTEMD[:1], indirect=True)
def test_cgroup_v1_where_the_kernel_has_it(
    devices: Callable[..., list[Machine]], kind: tuple[str, str, str, str]
) -> None:
    suite, kernel, *_unused = kind
    (device,) = devices(1, suite=suite, kernel=kernel, cmdline=["systemd.unified_cgroup_hierarchy=0"])
    assert device.ssh("ls /sys/fs/cgroup/memory").stdout.split().count("memory.limit_in_bytes") == 1
    assert device.ssh("systemctl is-system-running").stdout == "running\n"


@pytest.mark.parametrize("kind", _SYSTEMD[-1:], indirect=True)
def test_a_busybox_device_beside_another_kind(
    devices: Callable[..., list[Machine]], machine: Machine, ansible: Ansible
) -> None:
    (tiny,) = devices(1, suite="busybox", memory="96M")
    machine.ssh(f"python3 -c 'import socket; socket.create_connection((\"{tiny.address}\", 22), 5)'")
    assert tiny.ssh("for it in /proc/1/exe /bin/sh; do readlink -f $it; done").stdout == "/bin/busybox\n" * 2
    assert tiny.ssh("which python3 perl bash dash systemctl", check=False).stdout == ""
    assert tiny.ssh("sh -c 'echo -900 > /proc/self/oom_score_adj; cat /proc/self/oom_score_adj'").stdout == "-900\n"
    assert "memory" in tiny.ssh("cat /sys/fs/cgroup/cgroup.controllers").stdout.split()

    tiny.ssh("tail /dev/zero", check=False)  # which looks for the end of the first line
    assert services.victims(services.kernel_log(tiny)) == ["tail"]

    play = {"hosts": "all", "gather_facts": False, "tasks": [{"name": "look", "raw": "uname -n"}]}
    run = ansible.playbook([play], [tiny, machine])
    assert [run.of("look", each.name).result["stdout"].strip() for each in (tiny, machine)] == [tiny.name, machine.name]


def test_a_machine_holds_what_it_runs_from(devices: Callable[..., list[Machine]]) -> None:
    devices(1, suite="busybox", kernel="6.12", memory="96M")
    kept = [*CACHE.glob("image-busybox-*.img"), *CACHE.glob("kernel-6.12-*")]
    assert len(kept) == 2
    for path in kept:
        with pytest.raises(BlockingIOError), locked(path, wait=False):
            pass


def test_a_busybox_device_takes_no_packages(lab: Lab) -> None:
    with pytest.raises(LabError, match="postgresql"):
        lab.up("tiny", suite="busybox", extra=("postgresql",))


def test_the_inventory_names_a_python_where_there_is_one(lab: Lab) -> None:
    def python(machine: Machine, **variables: str) -> str | None:
        hosts = json.loads(lab.inventory([machine], variables))["all"]["hosts"]
        found: str | None = hosts[machine.name].get("ansible_python_interpreter")
        return found

    debian, tiny = (Machine(lab, "it", Record(0, 0, 0, has_python=has_python)) for has_python in (True, False))
    assert python(debian) == "/usr/bin/python3"
    assert python(debian, ansible_python_interpreter="/opt/python") == "/opt/python"
    assert python(tiny) is None
