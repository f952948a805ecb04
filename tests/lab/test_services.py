# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module service_oom_score on a real systemd: every kind of unit, every step, every refusal."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from .runner import Ansible
from .services import Service
from .services import install as install_services
from .uml import Machine

MODULE = "service_oom_score"
REBOOT = [{"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.reboot": {"reboot_timeout": 180}}]}]
ETC = "/etc/systemd/system"
OWN = "zz-lifeboat-oom.conf"
INSTALL = "[Install]\nWantedBy=multi-user.target\n"
SLEEP = "[Service]\nExecStart=/bin/sleep infinity\n" + INSTALL
# Two workers below a main process, as daemons do it: all inherit the score.
FORKS = (
    "[Service]\nExecStart=/bin/sh -c 'sleep infinity & sleep infinity & wait'\n[Install]\nWantedBy=multi-user.target\n"
)
UNITS = {
    "plain.service": SLEEP,
    "forks.service": FORKS,
    "app@.service": SLEEP,
    "real.service": SLEEP + "Alias=nick.service\n",
    "echo.socket": "[Socket]\nListenStream=/run/echo.sock\n[Install]\nWantedBy=sockets.target\n",
    "echo.service": "[Service]\nExecStart=/bin/sleep infinity\n",
}
# What a check-mode answer has to have in common with the real run that follows.
PROMISED = ("changed", "failed", "plan", "diff", "services", "restart_needed")


def put(device: Machine, files: dict[str, str]) -> None:
    lines = [f"mkdir -p $(dirname {path}); printf %s {shlex.quote(text)} > {path}" for path, text in files.items()]
    device.ssh("set -e; sh -s", stdin="\n".join(["set -e", *lines, "systemctl daemon-reload"]))


@pytest.fixture(scope="module")
def units(shared_device: Machine) -> Machine:
    put(shared_device, {f"{ETC}/{name}": text for name, text in UNITS.items()})
    shared_device.ssh("systemctl enable -q --now plain forks app@one app@two real echo.socket; systemctl mask -q gone")
    return shared_device


@pytest.fixture
def clean(ansible: Ansible, units: Machine) -> Iterator[Machine]:
    yield units
    ansible.module(units, MODULE, {"services": [], "exclusive": True})
    units.ssh(
        f"rm -rf {ETC}/*.service.d {ETC}/*.socket.d /usr/lib/systemd/system/plain.service.d; systemctl daemon-reload"
    )


def scores(device: Machine, *units: str) -> list[list[str]]:
    """For each unit the scores of all its processes, the main one first, from /proc."""
    script = (
        "import subprocess, sys\n"
        "for unit in sys.argv[1:]:\n"
        "    group = subprocess.check_output(['systemctl', 'show', '-P', 'ControlGroup', unit], text=True).strip()\n"
        "    pids = open('/sys/fs/cgroup' + group + '/cgroup.procs').read().split()\n"
        "    print(*(open('/proc/' + pid + '/oom_score_adj').read().strip() for pid in pids))\n"
    )
    out = device.ssh(f"python3 - {' '.join(units)}", stdin=script).stdout
    return [line.split() for line in out.splitlines()]


def loaded(device: Machine, *units: str) -> list[str]:
    return device.ssh(f"systemctl show -P OOMScoreAdjust {' '.join(units)}").stdout.split()


def everything(device: Machine) -> str:
    """All that the module could have touched."""
    settings = "systemctl show -p OOMScoreAdjust,DropInPaths,MainPID plain forks app@one app@two real echo.socket"
    mains = "$(systemctl show -P MainPID plain forks app@one real | grep -v '^0*$')"
    live = f"for p in {mains}; do cat /proc/$p/oom_score_adj; done"
    return device.ssh(f"{settings}; {live}; cat {ETC}/*.d/*.conf 2>&1; true").stdout


def without_sizes(result: dict[str, Any]) -> dict[str, Any]:
    """What was promised or done, less the kill order, whose sizes move."""
    kept = {key: result.get(key) for key in PROMISED}
    kept["diff"] = [part for part in result.get("diff") or [] if part["before_header"] != "kill order"]
    return kept


def announced_and_done(ansible: Ansible, device: Machine, **arguments: Any) -> dict[str, Any]:
    before = everything(device)
    promise = ansible.module(device, MODULE, arguments, check=True, diff=True)
    assert everything(device) == before, "check mode has changed something"
    done = ansible.module(device, MODULE, arguments, diff=True)
    assert without_sizes(promise) == without_sizes(done)
    return done


# Declared name → folder of the drop-in, and the units that have to run with the score.
KINDS = {
    "plain": ("plain.service", ["plain"]),
    "forks.service": ("forks.service", ["forks"]),
    "app@one.service": ("app@one.service", ["app@one"]),
    "app@.service": ("app@.service", ["app@two"]),
    "nick": ("real.service", ["real"]),
    "echo.service": ("echo.service", []),
    "echo.socket": ("echo.socket", []),
}
RUNNING = [unit for _unused, units in KINDS.values() for unit in units]


def test_every_kind_create_repeat_modify_remove_remove_again(ansible: Ansible, clean: Machine) -> None:
    """Each kind has a score of its own, so that none can pass for another."""
    files = " ".join(f"{ETC}/{folder}.d/{OWN}" for folder, _unused in KINDS.values())
    for first in (-700, 250):
        declared = [{"name": name, "oom_score_adj": first + number} for number, name in enumerate(KINDS)]
        of_unit = [str(first + number) for number, (_unused, units) in enumerate(KINDS.values()) for _unused in units]
        done = announced_and_done(ansible, clean, services=declared)
        assert done["changed"] and not done["failed"], done
        assert {entry["verdict"] for entry in done["services"]} == {"ok"}
        assert [set(found) for found in scores(clean, *RUNNING)] == [{score} for score in of_unit]
        assert loaded(clean, *RUNNING) == of_unit
        assert set(clean.ssh(f"stat -c %a {files}").stdout.split()) == {"644"}
        assert not announced_and_done(ansible, clean, services=declared)["changed"]
    absent = [{"name": name, "state": "absent"} for name in KINDS]
    removed = announced_and_done(ansible, clean, services=absent)
    assert removed["changed"] and not removed["failed"], removed
    assert clean.ssh(f"ls -d {ETC}/*.service.d {ETC}/*.socket.d", check=False).stdout == "", "our folders were left"
    assert [set(found) for found in scores(clean, *RUNNING)] == [{"0"}] * len(RUNNING)
    assert set(loaded(clean, *RUNNING)) == {"0"}
    assert not announced_and_done(ansible, clean, services=absent)["changed"]


def test_all_at_once_and_after_a_reboot(ansible: Ansible, clean: Machine) -> None:
    declared = [
        {"name": "plain", "oom_score_adj": -600, "oom_policy": "continue", "memory_min": "8M", "memory_low": "10%"},
        {"name": "app@.service", "oom_score_adj": 300},
        {"name": "app@two", "oom_score_adj": -50, "managed_oom_preference": "avoid"},
        {"name": "nick", "oom_score_adj": 40},
        {"name": "echo.socket", "oom_score_adj": -10},
        {"name": "forks", "oom_score_adj": -1},
    ]
    done = announced_and_done(ansible, clean, services=declared)
    assert not done["failed"] and {entry["verdict"] for entry in done["services"]} == {"ok"}, done
    assert clean.ssh("systemctl show -P OOMPolicy -P MemoryMin plain").stdout.split() == ["continue", "8388608"]
    ansible.playbook(REBOOT, [clean])
    found = scores(clean, "plain", "app@one", "app@two", "real", "forks")
    assert found == [["-600"], ["300"], ["-50"], ["40"], ["-1"] * 3]
    again = announced_and_done(ansible, clean, services=declared)
    assert not again["changed"] and {entry["verdict"] for entry in again["services"]} == {"ok"}


def test_exclusive_takes_away_what_is_no_longer_declared(ansible: Ansible, clean: Machine) -> None:
    both = [{"name": "plain", "oom_score_adj": -5}, {"name": "app@.service", "oom_score_adj": 6}]
    ansible.module(clean, MODULE, {"services": both})
    kept = announced_and_done(ansible, clean, services=both[:1])
    assert not kept["changed"]
    done = announced_and_done(ansible, clean, services=both[:1], exclusive=True)
    assert done["changed"] and scores(clean, "app@one", "plain") == [["0"], ["-5"]]
    assert clean.ssh(f"ls -d {ETC}/app@.service.d", check=False).returncode != 0


def test_a_folder_that_is_not_ours_stays(ansible: Ansible, clean: Machine) -> None:
    put(clean, {f"{ETC}/plain.service.d/README": "kept by somebody"})
    ansible.module(clean, MODULE, {"services": [{"name": "plain", "oom_score_adj": 1}]})
    clean.ssh(f"rm {ETC}/plain.service.d/README")
    ansible.module(clean, MODULE, {"services": [{"name": "plain", "state": "absent"}]})
    clean.ssh(f"ls -d {ETC}/plain.service.d")


@pytest.mark.parametrize(
    "rival",
    [
        f"{ETC}/plain.service.d/zzz.conf",
        f"{ETC}/service.d/zz-z.conf",
        "/usr/lib/systemd/system/plain.service.d/zzz-vendor.conf",
    ],
)
def test_a_drop_in_that_wins_is_named(ansible: Ansible, clean: Machine, rival: str) -> None:
    put(clean, {rival: "[Service]\n# vendor\nOOMScoreAdjust=77\n"})
    done = announced_and_done(ansible, clean, services=[{"name": "plain", "oom_score_adj": -300}])
    assert done["failed"] and f"plain.service: overridden (by {rival}:3)" in done["msg"]
    clean.ssh(f"rm {rival}; systemctl daemon-reload")


def test_units_that_cannot_run(ansible: Ansible, clean: Machine) -> None:
    declared = [
        {"name": "plain", "oom_score_adj": 3},
        {"name": "later", "oom_score_adj": 4},
        {"name": "gone", "oom_score_adj": 5},
    ]
    refused = announced_and_done(ansible, clean, services=declared)
    assert refused["failed"] and "later.service is not installed; gone.service is masked" in refused["msg"]
    assert scores(clean, "plain") == [["0"]], "something was changed before the refusal"

    warned = announced_and_done(ansible, clean, services=declared, missing="warn")
    assert [entry["verdict"] for entry in warned["services"]] == ["ok", "not_found", "masked"]
    assert len(warned["warnings"]) >= 2 and scores(clean, "plain") == [["3"]]

    written = announced_and_done(ansible, clean, services=declared, missing="write")
    assert written["changed"] and not written["failed"]
    assert not announced_and_done(ansible, clean, services=declared, missing="write")["changed"]
    put(clean, {f"{ETC}/later.service": SLEEP})
    clean.ssh("systemctl start later")
    assert scores(clean, "later") == [["4"]], "the drop-in that was written ahead does not count"
    clean.ssh(f"systemctl stop later; rm {ETC}/later.service; systemctl daemon-reload")


def test_restart_or_nothing_in_place_of_live(ansible: Ansible, clean: Machine) -> None:
    declared = [{"name": "plain", "oom_score_adj": -20}]
    left = announced_and_done(ansible, clean, services=declared, apply="none")
    assert left["changed"] and left["restart_needed"] == ["plain.service"] and scores(clean, "plain") == [["0"]]
    assert left["services"][0]["verdict"] == "needs_restart"
    assert not announced_and_done(ansible, clean, services=[{"name": "plain", "oom_score_adj": -20}], apply="none")[
        "changed"
    ]
    pid = clean.ssh("systemctl show -P MainPID plain").stdout
    done = ansible.module(clean, MODULE, {"services": declared, "apply": "restart"})
    assert done["changed"] and scores(clean, "plain") == [["-20"]]
    assert clean.ssh("systemctl show -P MainPID plain").stdout != pid


def test_a_child_that_set_its_own_score_is_left_alone(ansible: Ansible, clean: Machine) -> None:
    child = clean.ssh("cat /sys/fs/cgroup$(systemctl show -P ControlGroup forks)/cgroup.procs | tail -1").stdout.strip()
    clean.ssh(f"echo 900 > /proc/{child}/oom_score_adj")
    done = announced_and_done(ansible, clean, services=[{"name": "forks", "oom_score_adj": -40}])
    assert sorted(scores(clean, "forks")[0]) == ["-40", "-40", "900"]
    assert (
        done["services"][0]["verdict"] == "self_adjusted" and f"pid {child} (sleep)" in done["services"][0]["culprit"]
    )
    clean.ssh("systemctl restart forks")


def test_sshd_keeps_its_sessions_as_they_are(ansible: Ansible, clean: Machine) -> None:
    """Here, without logind, sessions are in the control group of sshd; test_own_scores has the other case."""
    main = "cat /proc/$(systemctl show -P MainPID ssh)/oom_score_adj; cat /proc/$$/oom_score_adj"
    ssh = {"services": [{"name": "ssh", "oom_score_adj": -800}], "force": True}
    for apply in ("live", "restart"):
        done = announced_and_done(ansible, clean, **ssh, apply=apply)
        assert not done["failed"] and done["services"][0]["verdict"] == "self_adjusted"
        assert clean.ssh(main).stdout.split() == ["-1000", "0"]
    gone = announced_and_done(ansible, clean, services=[], exclusive=True)
    assert gone["restart_needed"] == [], "the listener has never been started with it"


def test_who_changes_its_score_while_it_runs_is_given_it_back_and_in_the_end_left_alone(
    ansible: Ansible, clean: Machine
) -> None:
    """Somebody else does so once or twice; who does so again and again is the process itself."""
    declared = [{"name": "plain", "oom_score_adj": -40}]
    ansible.module(clean, MODULE, {"services": declared})
    clean.ssh("systemctl restart plain")
    ansible.module(clean, MODULE, {"services": declared})
    for _times in range(2):
        clean.ssh("echo 77 > /proc/$(systemctl show -P MainPID plain)/oom_score_adj")
        done = announced_and_done(ansible, clean, services=declared)
        assert done["changed"] and scores(clean, "plain") == [["-40"]]
    clean.ssh("echo 77 > /proc/$(systemctl show -P MainPID plain)/oom_score_adj")
    left = announced_and_done(ansible, clean, services=declared)
    assert not left["changed"] and left["services"][0]["verdict"] == "self_adjusted"


def test_without_the_capability_it_is_never_ok(ansible: Ansible, devices: Any) -> None:
    """A manager without CAP_SYS_RESOURCE, as in a container: systemd ignores the refusal, we do not."""
    (device,) = devices(1)
    put(
        device,
        {
            f"{ETC}/plain.service": SLEEP,
            "/etc/systemd/system.conf.d/container.conf": "[Manager]\nCapabilityBoundingSet=~CAP_SYS_RESOURCE\n",
        },
    )
    device.ssh("systemctl enable -q plain")
    ansible.playbook(REBOOT, [device])
    declared = {"services": [{"name": "plain", "oom_score_adj": -500}]}
    for check in (True, False):
        result = ansible.module(device, MODULE, declared, check=check)
        assert result["failed"] and result["services"][0]["verdict"] == "not_permitted", result
    assert loaded(device, "plain") == ["-500"] and scores(device, "plain") == [["0"]]
    device.ssh("systemctl restart plain")
    assert scores(device, "plain") == [["0"]], "this systemd can set it after all"
    assert ansible.module(device, MODULE, declared)["services"][0]["verdict"] == "not_permitted"
    raised = ansible.module(device, MODULE, {"services": [{"name": "plain", "oom_score_adj": 500}]})
    assert not raised["failed"] and scores(device, "plain") == [["500"]]


def test_guards_and_warnings_have_numbers(ansible: Ansible, devices: Any) -> None:
    (device,) = devices(1, memory="1G")
    install_services(device, (Service("vital", 680),))
    vital = {"name": "vital", "oom_score_adj": -900}
    refused = ansible.module(device, MODULE, {"services": [vital]})
    assert refused["failed"] and "more than max_protected_pct, 60 %" in refused["msg"]
    numbers = refused["refused"]
    assert numbers["protected_kib"] > 680 * 1024 and 60 < numbers["protected_pct"] < 80
    assert scores(device, "vital") == [["0"]]
    forced = ansible.module(device, MODULE, {"services": [vital], "force": True})
    assert not forced["failed"] and any("forced:" in str(warning) for warning in forced["warnings"])
    assert any("DANGER" in str(warning) and "remote access" in str(warning) for warning in forced["warnings"]), forced
    assert forced["kill_order"]["before"][0]["unit"] == "vital.service"
    assert forced["kill_order"]["after"][0]["unit"] == "ssh.service"
    assert forced["kill_order"]["before"][0]["points"] > forced["kill_order"]["after"][0]["points"]

    for name, heirs in (("ssh", "every login session"), ("sshd", "every login session"), ("user@", "every program")):
        inherited = ansible.module(device, MODULE, {"services": [{"name": name, "oom_score_adj": -500}]})
        assert inherited["failed"] and f"would have score -500, which {heirs}" in inherited["msg"], inherited
    everything = [
        {"name": name, "oom_score_adj": -900}
        for name in device.ssh(
            "systemctl list-units --type=service --state=running --plain --no-legend | cut -d' ' -f1"
        ).stdout.split()
    ]
    nothing_left = ansible.module(device, MODULE, {"services": everything, "max_protected_pct": 100})
    assert nothing_left["failed"] and "nothing killable of size would be left" in nothing_left["msg"]


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"name": "plain", "oom_score_adj": -1001}, "found -1001, expected a whole number from -1000 to 1000"),
        ({"name": "plain", "oom_score_adj": "1e3"}, "found '1e3', expected a whole number"),
        ({"name": "plain"}, "oom_score_adj is missing"),
        ({"name": "../../tmp/x", "oom_score_adj": 1}, "expected a name, not an option or a hidden file"),
        ({"name": "a/../../tmp/x", "oom_score_adj": 1}, "expected only letters, digits"),
        ({"name": "a\n[Service]", "oom_score_adj": 1}, "services[0].name"),
        ({"name": "--root=/tmp", "oom_score_adj": 1}, "a name, not an option"),
        ({"name": "*.service", "oom_score_adj": 1}, "a pattern"),
        ({"name": "user.slice", "oom_score_adj": 1}, "starts no process"),
        ({"name": "plain", "oom_score_adj": 1, "memory_min": "64M\nExecStart=/bin/sh"}, "expected a size"),
        ({"name": "echo.socket", "oom_score_adj": 1, "oom_policy": "kill"}, "only services have OOMPolicy"),
    ],
)
def test_bad_input(ansible: Ansible, clean: Machine, entry: dict[str, Any], says: str) -> None:
    result = ansible.module(clean, MODULE, {"services": [entry]})
    assert result["failed"] and says in result["msg"], result["msg"]


def test_two_names_of_one_unit_are_one(ansible: Ansible, clean: Machine) -> None:
    declared = [{"name": "nick", "oom_score_adj": 1}, {"name": "real", "oom_score_adj": 2}]
    result = ansible.module(clean, MODULE, {"services": declared})
    assert result["failed"] and "nick.service and real.service are the same unit" in result["msg"]


def test_two_hundred_services_need_one_question_and_one_reload(ansible: Ansible, clean: Machine) -> None:
    """Counted by a script in front of systemctl: a question before the change, one after it, and one reload."""
    numbers = range(200)
    put(clean, {f"{ETC}/many{number}.service": SLEEP for number in numbers})
    log = "/run/systemctl.log"
    wrapper = f'#!/bin/sh\necho "$*" >> {log}\nexec /usr/bin/systemctl "$@"\n'
    put(clean, {"/usr/local/bin/systemctl": wrapper})
    clean.ssh(f"chmod +x /usr/local/bin/systemctl; rm -f {log}")
    try:
        declared = [{"name": f"many{number}", "oom_score_adj": number} for number in numbers]
        done = ansible.module(clean, MODULE, {"services": declared})
        calls = clean.ssh(f"cat {log}").stdout.splitlines()
    finally:
        clean.ssh("rm /usr/local/bin/systemctl")
    assert not done["failed"] and len(done["services"]) == 200
    assert {entry["verdict"] for entry in done["services"]} == {"ok"}
    assert len([call for call in calls if call.startswith("show") and "many199.service" in call]) == 2
    assert calls.count("daemon-reload") == 1
    clean.ssh(f"rm {ETC}/many*.service")
