# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab itself: its devices are real ones, and it leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from . import services
from .network import NETNS, Network
from .process import LabError
from .runner import Ansible
from .uml import CACHE, Lab, Machine


def left_of(name: str) -> list[str]:
    """What a host still has of a lab: processes, network namespace, sockets, files."""
    left = [str(path) for path in (NETNS / name, Path("/run") / name, CACHE / "run" / name) if path.exists()]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if f"/{name}/" in words and process.name != str(os.getpid()):
            left.append(words)
    return left


def test_machines_side_by_side_and_then_nothing() -> None:
    with Lab(name=f"selftest-{os.getpid()}") as lab:
        one, two = lab.up_many(["one", "two"], memory="256M", swap="32M")
        assert [one.ssh("hostname").stdout, two.ssh("hostname").stdout] == ["one\n", "two\n"]
        assert one.ssh("cat", stdin="said").stdout == "said"
        one.ssh(f"python3 -c 'import socket; socket.create_connection((\"{two.address}\", 22), 5)'")
        assert "/dev/ubdb" in one.ssh("cat /proc/swaps").stdout
        machines = [one, two]
        assert len(left_of(lab.name)) > len(machines)
        one.down()
        assert list(lab.machines) == ["two"]
        lab.up("one", memory="256M")
    assert left_of(lab.name) == []


def test_another_checkout_does_not_touch_a_lab_of_the_same_name(tmp_path: Path) -> None:
    network = Network(f"selftest-{os.getpid()}")
    network.create()
    network.plug(1)
    with subprocess.Popen([*network.enter, "sleep", "60"]) as machine:
        with pytest.raises(LabError, match=f"^a lab named {network.name} is up, .*another name"):
            Lab(tmp_path, network.name).open()
        assert network.is_used
        machine.kill()
    with Lab(tmp_path, network.name):  # what is left of a lab that was killed is no lab
        network.plug(1)
    assert not network.exists


def test_another_user_does_not_come_in_over_the_connection_of_root(ansible: Ansible, device: Machine) -> None:
    """To try what an audit or a play says without root."""
    device.ssh("id -u")
    run = ansible.playbook(
        [{"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.ping": {}}]}],
        [device],
        variables={"ansible_user": "nobody"},
    )
    assert run.returncode == 4 and "Permission denied" in run.stdout


_DYING = """
    import os, signal, sys, time
    from lab import Lab
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
    with Lab(name=sys.argv[1]) as lab:
        lab.up("one", memory="256M")
        print("up", flush=True)
        {end}
"""


@pytest.mark.parametrize(
    ("end", "number"),
    [
        pytest.param("raise RuntimeError", None, id="an exception"),
        pytest.param("os.abort", signal.SIGTERM, id="SIGTERM"),
        pytest.param("os.abort", signal.SIGINT, id="Ctrl-C"),
    ],
)
def test_nothing_is_left_however_it_ends(end: str, number: int | None) -> None:
    name = f"selftest-{os.getpid()}"
    with _start(name, end if number is None else "time.sleep(600)") as process:
        assert process.stdout and process.stdout.readline() == "up\n"
        if number is not None:
            process.send_signal(number)
        assert process.wait(60) != 0
    assert left_of(name) == []


def test_a_killed_run_takes_its_machines_along_and_the_next_one_cleans_up() -> None:
    name = f"selftest-{os.getpid()}"
    with _start(name, "time.sleep(600)") as process:
        assert process.stdout and process.stdout.readline() == "up\n"
        process.kill()
    _wait_for_machine(name, here=False)
    with Lab(name=f"{name}-next"):
        assert left_of(name) == []


def test_nothing_is_left_of_a_boot_cut_short() -> None:
    name = f"selftest-{os.getpid()}"
    with _start(name, "time.sleep(600)") as process:
        _wait_for_machine(name, here=True)
        process.terminate()
        assert process.wait(60) != 0
        assert process.stdout and process.stdout.read() == ""
    assert left_of(name) == []


def test_an_unknown_kernel_is_refused_with_those_there_are() -> None:
    with Lab(name=f"selftest-{os.getpid()}") as lab, pytest.raises(LabError, match=r"'2\.6'.*5\.10, 6\.1, 6\.12"):
        lab.up("one", kernel="2.6")


def _wait_for_machine(name: str, *, here: bool) -> None:
    deadline = time.monotonic() + 60
    while any("umid=one" in words for words in left_of(name)) != here:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _start(name: str, end: str) -> subprocess.Popen[str]:
    script = textwrap.dedent(_DYING.format(end=end))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    words = [sys.executable, "-c", script, name]
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_device_has_what_this_host_may_lack(shared_device: Machine) -> None:
    ssh = shared_device.ssh
    assert ssh("sh -c 'echo -900 > /proc/self/oom_score_adj; cat /proc/self/oom_score_adj'").stdout == "-900\n"
    assert ssh("sysctl -n -w vm.overcommit_ratio=51").stdout == "51\n"
    assert ssh("systemctl is-system-running").stdout == "running\n"
    assert "memory" in ssh("cat /sys/fs/cgroup/cgroup.controllers").stdout


def test_ansible_gives_whole_results(shared_device: Machine, ansible: Ansible) -> None:
    plays = [
        {
            "hosts": "all",
            "gather_facts": False,
            "tasks": [
                {"name": "write", "copy": {"content": "{{ text }}", "dest": "/root/text"}},
                {"name": "never", "command": "true", "when": "false"},
                {"name": "fail", "command": "false"},
            ],
        }
    ]
    run = ansible.playbook(plays, [shared_device], check=True, diff=True, variables={"text": "a b\n"})
    assert run.returncode == 0, run.stdout
    assert run.of("write").changed
    assert run.of("write").result["diff"][0]["after"] == "a b\n"
    run = ansible.playbook(plays, [shared_device], host_variables={shared_device.name: {"text": "ü"}})
    assert run.returncode == 2
    assert [result.status for result in run.results] == ["ok", "skipped", "failed"]
    assert run.changed == [run.of("write"), run.of("fail")]


def test_a_module_keeps_types_and_tells_of_failure(shared_device: Machine, module: Any) -> None:
    assert module(shared_device, "ansible.builtin.ping", {"data": "a=b c"})["ping"] == "a=b c"
    line = {"path": "/root/new", "line": "x", "create": True}
    result = module(shared_device, "ansible.builtin.lineinfile", line, check=True, diff=True)
    assert result["changed"] and "diff" in result
    assert module(shared_device, "ansible.builtin.stat", {"path": "/root/new"})["stat"] == {"exists": False}
    result = module(shared_device, "ansible.builtin.slurp", {"src": "/none"})
    assert result["failed"] and "/none" in result["msg"]


def test_the_kernel_kills_the_largest_service(devices: Callable[..., list[Machine]]) -> None:
    plain, protected = devices(2)
    for machine in (plain, protected):
        services.install(machine)
        assert all(services.answers(machine, service) for service in services.SERVICES)
    log = services.provoke_oom(plain)
    assert services.victims(log)[0] == "vital"
    assert "CONSTRAINT_NONE" in log
    assert not services.answers(plain, services.VITAL)
    assert services.answers(plain, services.WEB)

    protected.ssh("echo -900 > /proc/$(systemctl show -P MainPID vital)/oom_score_adj")
    assert services.victims(services.provoke_oom(protected)) == ["leak"]
    assert all(services.answers(protected, service) for service in services.SERVICES)
