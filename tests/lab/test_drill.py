# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drills on real devices: who asks must mean it, the report tells what was, and nothing is left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .runner import Ansible, Run
from .services import Service, answers, install
from .survival import KINDS, PROTECTED, Mix, drill
from .uml import Lab, Machine

DRILL = "lifeboat.oom.drill"
SERVICES = (Service("vital", 110), Service("web", 15), Service("metrics", 15))
FOLDER = "/run/lifeboat-oom-drill"
# Waits until there is what grows, and holds it back.
HOLD_BACK = f"until test -s {FOLDER}/pid; do sleep 0.02; done; kill -STOP $(cat {FOLDER}/pid)"


@pytest.fixture(scope="module")
def kiosk(lab: Lab) -> Iterator[Machine]:
    machine = lab.up("drilled", memory="256M")
    install(machine, SERVICES)
    yield machine
    machine.down()


def kills(device: Machine) -> str:
    return device.ssh("grep '^oom_kill ' /proc/vmstat").stdout


def left(device: Machine) -> str:
    """What is there of the drill: its folder, its unit, what grows."""
    return device.ssh(
        f"ls -d {FOLDER}; which systemctl && systemctl list-units --all --plain --no-legend 'lifeboat*';"
        "ps | grep '[/]dev/zero'",
        check=False,
    ).stdout.replace("/usr/bin/systemctl\n", "")


def gone(device: Machine) -> bool:
    """The shell of the drill needs a moment to see that its folder is gone."""
    deadline = time.monotonic() + 10
    while left(device) and time.monotonic() < deadline:
        time.sleep(0.2)
    return left(device) == ""


def result(run: Run) -> dict[str, Any]:
    (found,) = [each for each in run.results if each.task.endswith("Let memory run out")]
    return found.result


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        pytest.param({}, "oom_drill_confirm is not set, and this is drilled", id="not confirmed"),
        pytest.param({"oom_drill_confirm": "other"}, "oom_drill_confirm names 'other'", id="another device"),
        pytest.param({"oom_drill_confirm": "drilled", "oom_drill_seconds": 0}, "expected 1 to 3600", id="no time"),
    ],
)
def test_it_is_refused(ansible: Ansible, kiosk: Machine, variables: dict[str, Any], says: str) -> None:
    before = kills(kiosk)
    run = ansible.playbook(DRILL, [kiosk], variables=variables)
    assert run.returncode == 2
    assert says in result(run)["msg"]
    assert kills(kiosk) == before


def test_check_mode_tells_what_is_foretold_and_does_nothing(ansible: Ansible, kiosk: Machine) -> None:
    before = kills(kiosk)
    run = ansible.playbook(DRILL, [kiosk], variables={"oom_drill_confirm": kiosk.name}, check=True)
    found = result(run)
    assert run.returncode == 0 and found["refused"] is None
    assert found["forecast"]["victims"][0] == "vital.service"
    assert "nothing was done" in found["summary"][-1]
    assert kills(kiosk) == before and left(kiosk) == ""


def test_the_controller_is_taboo(ansible: Ansible, kiosk: Machine) -> None:
    """In check mode, for the sake of this machine."""
    variables = {"oom_drill_confirm": kiosk.name, "ansible_connection": "local"}
    found = result(ansible.playbook(DRILL, [kiosk], variables=variables, check=True))
    assert "is this controller itself" in found["refused"] and not found["changed"]


def test_its_time_is_bounded(ansible: Ansible, kiosk: Machine) -> None:
    """What grows is held back, or memory would run out in that second where the machine is fast."""
    before = kills(kiosk)
    with ThreadPoolExecutor() as beside:
        held_back = beside.submit(kiosk.ssh, HOLD_BACK)
        run = ansible.playbook(DRILL, [kiosk], variables={"oom_drill_confirm": kiosk.name, "oom_drill_seconds": 1})
        assert held_back.result().returncode == 0
    found = result(run)
    assert run.returncode == 0, run.stdout
    assert found["outcome"] == "time is up" and found["killed"] == [] and found["first_right"] is None
    assert "its time was up" in found["inconclusive"] and "INCONCLUSIVE" in found["summary"][-1]
    assert all(each["fate"] == "lived" for each in found["fates"])
    assert kills(kiosk) == before and gone(kiosk)


GOES_ON = f"kill -CONT $(cat {FOLDER}/pid)"
UNIT = "lifeboat-oom-drill.service"


@pytest.mark.parametrize(
    ("ends_it", "outcome", "by"),
    [
        pytest.param(
            f"kill -TERM $(cat {FOLDER}/pid); {GOES_ON}", "ended", "by SIGTERM, and not by the kernel", id="a signal"
        ),
        pytest.param(
            f"kill -KILL $(cat {FOLDER}/pid)", "ended", "SIGKILL, and not by the kernel but by earlyoom", id="a daemon"
        ),
        pytest.param(
            f"systemctl set-property --runtime {UNIT} MemoryMax=40M; {GOES_ON}",
            "killed",
            f"the limit of the control group /{UNIT} was reached",
            id="a limit",
        ),
        pytest.param(
            f"sleep 7; systemctl kill --signal=KILL {UNIT}", "ended", "the drill itself was ended, by", id="all of it"
        ),
    ],
)
def test_what_comes_in_between_says_nothing_of_the_forecast(
    ansible: Ansible, kiosk: Machine, ends_it: str, outcome: str, by: str
) -> None:
    """And while it lasts the size of what grows is told."""
    daemon = "earlyoom" in by
    if daemon:
        kiosk.ssh("cp /bin/sleep /run/earlyoom; systemd-run --quiet --unit=earlyoom /run/earlyoom 600")
    with ThreadPoolExecutor() as beside:
        ended = beside.submit(kiosk.ssh, f"{HOLD_BACK}; sleep 1; {ends_it}")
        run = ansible.playbook(DRILL, [kiosk], variables={"oom_drill_confirm": kiosk.name, "oom_drill_seconds": 60})
        assert ended.result().returncode == 0
    if daemon:
        kiosk.ssh("systemctl stop earlyoom; rm /run/earlyoom")
    found = result(run)
    assert run.returncode == 0, run.stdout
    assert (found["outcome"], found["first_right"], found["all_right"]) == (outcome, None, None)
    assert by in found["inconclusive"] and found["inconclusive"] in found["summary"][-1]
    assert all(each["fate"] == "lived" for each in found["fates"])
    told = run.stdout.count(f"{kiosk.name}: it has grown to: ")
    assert 1 <= told <= 4 and "memory and swap left: " in run.stdout
    assert gone(kiosk)


def test_the_protected_service_lives_also_where_the_connection_is_lost(
    lab: Lab, ansible: Ansible, kiosk: Machine
) -> None:
    def hang_up() -> None:
        while kiosk.ssh(f"test -s {FOLDER}/pid", check=False).returncode:
            time.sleep(0.2)
        lab.hang_up(kiosk.address)

    cutter = threading.Thread(target=hang_up, daemon=True)
    cutter.start()
    drilled = drill(ansible, kiosk, Mix(next(iter(KINDS)), SERVICES), protected=True)
    cutter.join(30)
    assert not cutter.is_alive()
    found = drilled.result
    assert found is not None and drilled.vital_lived
    assert found["first_right"] and found["outcome"] == "killed"
    assert drilled.killed[0] == "metrics"
    fates = {each["name"]: each for each in found["fates"]}
    assert fates["vital.service"] == {
        "name": "vital.service",
        "declared": True,
        "score": PROTECTED[0]["oom_score_adj"],
        "fate": "lived",
        "lost": 0,
        "runs": True,
    }
    assert fates["metrics.service"]["fate"] == "killed" and not fates["metrics.service"]["runs"]
    assert fates["web.service"]["declared"] is False
    assert 0 < found["no_answer"]["usual_seconds"] < found["no_answer"]["longest_seconds"] < 60
    assert found["no_answer"]["device_seconds"] > 0 and 0 < found["seconds"] < 120
    assert answers(kiosk, SERVICES[0]) and gone(kiosk)


def test_where_the_kernel_refuses_memory_nobody_dies(ansible: Ansible, kiosk: Machine) -> None:
    kiosk.ssh("systemctl stop vital web metrics; sysctl -qw vm.overcommit_ratio=95 vm.overcommit_memory=2")
    run = ansible.playbook(DRILL, [kiosk], variables={"oom_drill_confirm": kiosk.name})
    kiosk.ssh("sysctl -qw vm.overcommit_memory=0 vm.overcommit_ratio=50; systemctl start vital web metrics")
    found = result(run)
    assert found["outcome"] == "refused" and found["killed"] == []
    assert found["all_right"] and gone(kiosk)


def test_a_busybox_device_is_enough(ansible: Ansible, devices: Callable[..., list[Machine]]) -> None:
    (tiny,) = devices(1, suite="busybox", memory="96M")
    run = ansible.playbook(DRILL, [tiny], variables={"oom_drill_confirm": tiny.name})
    found = result(run)
    assert run.returncode == 0, run.stdout
    assert [each["comm"] for each in found["killed"]] == ["tail"]
    assert found["first_right"] and found["all_right"]
    assert {each["name"]: each["fate"] for each in found["fates"]} == {"dropbear": "lived"}
    assert gone(tiny)


def test_there_is_one_at_a_time(ansible: Ansible, kiosk: Machine) -> None:
    kiosk.ssh(f"mkdir {FOLDER}")
    run = ansible.playbook(DRILL, [kiosk], variables={"oom_drill_confirm": kiosk.name})
    assert f"another drill has not ended here: {FOLDER} is there" in result(run)["msg"]
    kiosk.ssh(f"rmdir {FOLDER}")  # which it has let alone
