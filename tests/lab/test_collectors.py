# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both collectors, and the ways to call them, on real devices: the same facts, with Python and without."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._health.collector import Questions, collect
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import SYSCTL_FILE
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.bare.script import render
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.bare.snapshot import Snapshot

from .uml import Machine

# What moves between two looks at a host that lives: of these the kind is compared, and the null.
_MOVING = {"memory", "counters", "commit", "uptime_seconds", "avg10_pct", "avg60_pct", "avg300_pct", "total_us"}
_MOVING |= {"memory_current_bytes", "memory_peak_bytes", "current_kib", "peak_kib", "file_kib", "swap_kib", "used_kib"}
_MOVING |= {"rss_kib", "rss_anon_kib", "rss_file_kib", "rss_shmem_kib", "pgtables_kib", "pss_kib", "uss_kib"}
_MOVING |= {"pids", "oom_score", "low", "high", "max", "lines", "look_kib"}
_CGROUPS_V1 = {"cmdline": ["systemd.unified_cgroup_hierarchy=0"]}
# What follows from them.
_DERIVED = ("kill_order", "forecast", "collector")
# Names that try to be a file of their own, a field, a mark of the script, another encoding, a command.
_NAMES = (b"a\n@end\nb", b") S 1 1 (x", b"\xff\xfe\x80", b"$(reboot)", b"x:y /z", b"{{ 1 }}")
_SECRET = "k4nariE"
_HOSTILE = """
import os, sys, time
for name in {names!r}:
    if os.fork() == 0:
        os.setsid()
        with open("/proc/self/comm", "wb") as comm:
            comm.write(name)
        for descriptor in range(3):
            os.close(descriptor)
        time.sleep(3600)
        os._exit(0)
"""


def _still(value: Any, key: str = "") -> Any:
    """The value with what moves replaced by its kind."""
    if key in _MOVING and not isinstance(value, Mapping):
        return type(value).__name__
    if isinstance(value, Mapping):
        inner = {name: "memory" if key in _MOVING else name for name in value}
        return {name: _still(entry, inner[name]) for name, entry in value.items()}
    if isinstance(value, list):
        return [_still(entry, key) for entry in value]
    return value


def _comparable(facts: Mapping[str, Any], pids: set[int]) -> dict[str, Any]:
    """The facts without what was made for the look itself: the processes of one's own session and their groups."""
    found = {name: _still(value, name) for name, value in facts.items() if name not in _DERIVED}
    found["processes"] = [one for one in found["processes"] if one["pid"] in pids]
    for service in [*found["services"], *(state for unit in found["declared"]["declared"] for state in unit["states"])]:
        service["running"] = [one for one in service["running"] if one["pid"] in pids]
    groups = {one["memory_cgroup"] for one in found["processes"]}
    found["cgroups"] = [group for group in found["cgroups"] if any(path.startswith(group["path"]) for path in groups)]
    return found


def _assert_alike(native: Mapping[str, Any], bare: Mapping[str, Any]) -> None:
    pids = {one["pid"] for one in native["processes"]} & {one["pid"] for one in bare["processes"]}
    assert len(pids) > 5
    expected, found = _comparable(native, pids), _comparable(bare, pids)
    assert list(expected) == list(found)
    for name, value in expected.items():
        assert found[name] == value, name


def _look(module: Any, device: Machine, collector: str, **options: Any) -> dict[str, Any]:
    result = module(device, "memory_facts", {"collector": collector, **options})
    assert not result["failed"], result
    facts: dict[str, Any] = result["ansible_facts"]["memory_health"]
    return facts


@pytest.mark.parametrize(
    "kind",
    [{}, {"suite": "bullseye", "kernel": "5.10"}, {"suite": "trixie", "kernel": "6.12"}, _CGROUPS_V1],
    ids=["Debian 12 on 6.1", "Debian 11 on 5.10", "Debian 13 on 6.12", "control groups v1"],
)
def test_both_see_the_same_host(devices: Callable[..., list[Machine]], module: Any, kind: dict[str, Any]) -> None:
    """A device in use: settings of ours and of others, names that deceive, a service that is masked."""
    (device,) = devices(1, swap="64M", **kind)
    device.ssh("python3 -", stdin=_HOSTILE.format(names=_NAMES))
    device.ssh(
        "cd /etc/systemd/system; mkdir -p cron-like.service.d dbus.service.d /run/systemd/system/dbus.service.d; "
        "printf '[Service]\\nOOMScoreAdjust=-700' > /run/systemd/system/dbus.service.d/50-other.conf; "
        "ln -s /dev/null /etc/systemd/system/dbus.service.d.conf; "
        "printf 'vm.panic_on_oom = 0' > /etc/sysctl.d/10-a.conf; ln -s /dev/null /etc/sysctl.d/protect-links.conf; "
        f"printf 'Environment=A={_SECRET}\\n[Service]\\nEnvironment=A={_SECRET} \\\\\\n OOMScoreAdjust=7\\n' "
        "> /etc/systemd/system/dbus.service.d/10-secret.conf; "
        f"printf '# {_SECRET}\\nnet.ipv6.conf.all.stable_secret = {_SECRET}\\n' > /etc/sysctl.d/20-b.conf; "
        f"echo 'lifeboat: {_SECRET}' > /dev/kmsg; "
        "systemctl mask --quiet masked-one.service; systemctl daemon-reload"
    )
    options = {"units": ["dbus", "ssh", "masked-one", "nothing-here", "getty@"], "top": 20}
    native, bare = (_look(module, device, collector, **options) for collector in ("native", "bare"))
    _assert_alike(native, bare)
    # What is not UTF-8 is in a name of above.
    script = render(Questions(SYSCTL_FILE, ("dbus.service",)))
    printed = device.ssh("sh -s | tr '\\200-\\377' '?'", stdin=script).stdout
    assert "@end" in printed
    assert not [line for line in (*printed.splitlines(), json.dumps([native, bare])) if _SECRET in line]
    (dbus,) = [each for each in native["scores"] if each["unit"] == "dbus.service"]
    assert dbus["winner"] == {"file": "/run/systemd/system/dbus.service.d/50-other.conf", "line": 2, "value": "-700"}
    assert native["host"]["cgroups"] == ("hybrid" if kind is _CGROUPS_V1 else "v2")
    assert len(native["cgroups"]) > 3
    assert len(native["swaps"]) == 1
    assert (native["collector"], bare["collector"]) == ("native", "bare")
    assert {"a\n@end\nb", ") S 1 1 (x", "\\xff\\xfe\\x80"} <= {one["comm"] for one in bare["processes"]}
    assert bare["unread"] == []


def test_busybox_is_enough(devices: Callable[..., list[Machine]], module: Any, playbook: Any, tmp_path: Path) -> None:
    """No Python, no bash, no systemd; and names of processes that try to be something else."""
    (device,) = devices(1, suite="busybox", memory="96M")
    names = ["a\n@end\nb", ") S 1 1 (x", "x:y z", "$(reboot)"]
    for name in names:
        script = shlex.quote(f"/tmp/{name}")
        device.ssh(f"mkfifo /tmp/wait 2> /dev/null; printf '#!/bin/sh\\nread x < /tmp/wait' > {script}")
        device.ssh(f"chmod +x {script}; {script} > /dev/null 2>&1 < /dev/null & echo")
    facts = _look(module, device, "auto")
    assert facts["collector"] == "bare"
    assert (facts["host"]["init"], facts["host"]["systemd_version"], facts["host"]["page_kib"]) == ("init", None, 4)
    assert facts["host"]["cgroups"] == "v2"
    assert facts["sysctls"]["loader"] == "busybox"
    assert facts["sysctls"]["runtime"]["vm.overcommit_memory"] == "0"
    assert set(names) <= {one["comm"] for one in facts["processes"]}
    assert [entry["what"] for entry in facts["unread"]] == ["services"]
    assert len(facts["kill_order"]) >= len(names)

    device.ssh("rm -f /etc/sysctl.conf; mkfifo /etc/sysctl.conf")
    unread = {entry["what"]: entry["why"] for entry in _look(module, device, "auto")["unread"]}
    assert "/etc/sysctl.conf" in unread["sysctls"], unread
    device.ssh("rm /etc/sysctl.conf")

    device.ssh("tail /dev/zero", check=False)
    run = playbook("lifeboat.oom.audit", [device], variables={"oom_audit_report_dir": str(tmp_path)})
    assert run.returncode == 0, run.stdout
    record = json.loads((tmp_path / "hosts" / f"{device.name}.json").read_text())
    (event,) = record["state"]["events"]
    assert (event["scope"], [victim["comm"] for victim in event["victims"]]) == ("global", ["tail"])
    assert record["state"]["counters"]["oom_kills"] == 1
    assert "oom.recent_kill" in [found["id"] for found in record["findings"]]
    assert "oom.remote_access_unprotected" in [found["id"] for found in record["findings"]]


def test_in_a_container_its_own_limit_is_seen(shared_device: Machine) -> None:
    """The root of its control groups is one like others to the kernel, which kills at the limit of it."""
    asked = Questions(SYSCTL_FILE)
    inside = "umount --lazy /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; exec sh -s"
    container = f"unshare --cgroup --mount --pid --fork --mount-proc sh -c {shlex.quote(inside)}"
    done = shared_device.ssh(f"systemd-run --quiet --scope -p MemoryMax=100M {container}", stdin=render(asked))
    facts = collect(Snapshot(done.stdout), asked).as_facts()
    assert [(group["path"], group["limit_kib"]) for group in facts["cgroups"]] == [("/", 100 * 1024)]
    assert (facts["forecast"][0]["scope"], facts["forecast"][0]["cgroup"]) == ("cgroup", "/")


def test_another_user_sees_less_and_is_told_so(shared_device: Machine, playbook: Any) -> None:
    shared_device.ssh("sysctl -q -w kernel.dmesg_restrict=1")
    shared_device.ssh("id visitor 2> /dev/null || useradd --create-home --shell /bin/sh visitor")

    def seen(collector: str) -> dict[str, Any]:
        task = {"name": "Look", "lifeboat.oom.memory_facts": {"collector": collector}}
        play = {"hosts": "all", "gather_facts": False, "become": True, "become_user": "visitor", "tasks": [task]}
        run = playbook([{**play, "become_method": "ansible.builtin.su"}], [shared_device])
        facts: dict[str, Any] = run.of("Look").result["ansible_facts"]["memory_health"]
        return facts

    for collector in ("native", "bare"):
        facts = seen(collector)
        assert {"events", "PSS and USS"} <= {entry["what"] for entry in facts["unread"]}
        assert facts["events"] is None
        assert facts["sysctls"]["runtime"] and not facts["sysctls"]["read_only"]
        assert facts["memory"]["total_kib"] > 100_000
        assert len(facts["processes"]) > 5

    shared_device.ssh("mount -o remount,hidepid=2 /proc")
    try:
        hidden = [seen(collector) for collector in ("native", "bare")]
    finally:
        shared_device.ssh("mount -o remount,hidepid=0 /proc")
    for facts in hidden:
        assert {entry["what"]: entry["why"] for entry in facts["unread"]}["processes"].endswith("(hidepid of /proc)")
        assert 0 not in {one["uid"] for one in facts["processes"]}


def test_a_host_whose_python_is_gone_is_looked_at_all_the_same(shared_device: Machine, playbook: Any) -> None:
    """The interpreter that is set does not exist; then one that is there and is none; then no room for the module."""
    shared_device.ssh("printf '#!/bin/sh\\nexit 0\\n' > /usr/local/bin/no-python; chmod +x /usr/local/bin/no-python")
    task = {"name": "Look", "lifeboat.oom.memory_facts": {"gather_subset": ["min"]}}
    for variables, complaint in (
        ({"ansible_python_interpreter": "/nowhere/python"}, None),
        ({"ansible_python_interpreter": "/usr/local/bin/no-python"}, "native collector"),
        ({"ansible_remote_tmp": "/proc/full", "ansible_pipelining": False}, "native collector"),
    ):
        play = {"hosts": "all", "gather_facts": False, "tasks": [task], "vars": variables}
        facts = playbook([play], [shared_device]).of("Look").result["ansible_facts"]["memory_health"]
        assert facts["collector"] == "bare"
        assert [entry["what"] for entry in facts["unread"]] == ([complaint] if complaint else [])
        assert facts["processes"] is facts["sysctls"] is None


def test_a_terminal_in_between_does_no_harm(shared_device: Machine, module: Any, playbook: Any) -> None:
    """Without pipelining ssh asks for a terminal, which rewrites every line break."""
    play = {"hosts": "all", "gather_facts": False}
    play["tasks"] = [{"name": "Look", "lifeboat.oom.memory_facts": {"collector": "bare"}}]
    play["vars"] = {"ansible_pipelining": False, "ansible_ssh_use_tty": True}
    bare = playbook([play], [shared_device]).of("Look").result["ansible_facts"]["memory_health"]
    _assert_alike(_look(module, shared_device, "native"), bare)


def test_it_is_a_fact_module_too(shared_device: Machine, playbook: Any) -> None:
    gather = {"name": "Gather", "ansible.builtin.gather_facts": None}
    play = {"hosts": "all", "gather_facts": False, "tasks": [gather]}
    play["vars"] = {"ansible_facts_modules": ["lifeboat.oom.memory_facts"]}
    facts = playbook([play], [shared_device]).of("Gather").result["ansible_facts"]["memory_health"]
    assert facts["schema"] == 1
    assert facts["memory"]["total_kib"] > 100_000
    assert facts["collector"] == "native"


@pytest.mark.parametrize("subset", [["all"], ["!processes"], ["min", "sysctls"]], ids=json.dumps)
def test_nothing_is_left_on_the_device(shared_device: Machine, module: Any, subset: list[str]) -> None:
    listing = "find /tmp /var/tmp /root /run /etc /home -newer /root/mark -not -path '/run/systemd/*' -type f"
    shared_device.ssh("touch /root/mark; sleep 0.1")
    _look(module, shared_device, "bare", gather_subset=subset)
    assert shared_device.ssh(listing).stdout == ""
