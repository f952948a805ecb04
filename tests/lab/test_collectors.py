# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both collectors, and the ways to call them, on real devices: the same facts, with Python and without."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from .uml import Machine

# What moves between two looks at a host that lives: of these the kind is compared, and the null.
_MOVING = {"memory", "counters", "commit", "uptime_seconds", "avg10_pct", "avg60_pct", "avg300_pct", "total_us"}
_MOVING |= {"memory_current", "memory_peak", "current_kib", "peak_kib", "file_kib", "swap_kib", "pids", "used_kib"}
_MOVING |= {"rss_kib", "rss_anon_kib", "rss_file_kib", "rss_shmem_kib", "pgtables_kib", "pss_kib", "uss_kib"}
_MOVING |= {"oom_score", "low", "high", "max", "lines"}
# What follows from them.
_DERIVED = ("kill_order", "forecast", "collector")
# Names that try to be a file of their own, a field, a mark of the script, another encoding, a command.
_NAMES = (b"a\n@end\nb", b") S 1 1 (x", b"\xff\xfe\x80", b"$(reboot)", b"x:y /z", b"{{ 1 }}")
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


def test_both_see_the_same_host(shared_device: Machine, module: Any) -> None:
    """A device in use: settings of ours and of others, names that deceive, a service that is masked."""
    shared_device.ssh("python3 -", stdin=_HOSTILE.format(names=_NAMES))
    shared_device.ssh(
        "mkdir -p /etc/systemd/system/cron-like.service.d /run/systemd/system/dbus.service.d; "
        "printf '[Service]\\nOOMScoreAdjust=-700' > /run/systemd/system/dbus.service.d/50-other.conf; "
        "ln -s /dev/null /etc/systemd/system/dbus.service.d.conf; "
        "printf 'vm.panic_on_oom = 0' > /etc/sysctl.d/10-a.conf; ln -s /dev/null /etc/sysctl.d/protect-links.conf; "
        "systemctl mask --quiet masked-one.service; systemctl daemon-reload"
    )
    options = {"units": ["dbus", "ssh", "masked-one", "nothing-here", "getty@"], "top": 20}
    native, bare = (_look(module, shared_device, collector, **options) for collector in ("native", "bare"))
    _assert_alike(native, bare)
    assert (native["collector"], bare["collector"]) == ("native", "bare")
    assert {"a\n@end\nb", ") S 1 1 (x", "\\xff\\xfe\\x80"} <= {one["comm"] for one in bare["processes"]}
    assert bare["unread"] == []


def test_another_user_sees_less_and_is_told_so(shared_device: Machine, playbook: Any) -> None:
    shared_device.ssh("sysctl -q -w kernel.dmesg_restrict=1")
    shared_device.ssh("id visitor 2> /dev/null || useradd --create-home --shell /bin/sh visitor")
    facts = {}
    for collector in ("native", "bare"):
        task = {"name": "Look", "lifeboat.oom.memory_facts": {"collector": collector}}
        play = {"hosts": "all", "gather_facts": False, "become": True, "become_user": "visitor", "tasks": [task]}
        run = playbook([{**play, "become_method": "ansible.builtin.su"}], [shared_device])
        facts[collector] = run.of("Look").result["ansible_facts"]["memory_health"]
    for facts_of_one in facts.values():
        unread = {entry["what"] for entry in facts_of_one["unread"]}
        assert {"events", "PSS and USS"} <= unread
        assert facts_of_one["events"] is None
        assert facts_of_one["memory"]["total_kib"] > 100_000
        assert len(facts_of_one["processes"]) > 5


def test_a_host_whose_python_is_gone_is_looked_at_all_the_same(shared_device: Machine, playbook: Any) -> None:
    """The interpreter that is set does not exist; then one that is there and is none."""
    shared_device.ssh("printf '#!/bin/sh\\nexit 0\\n' > /usr/local/bin/no-python; chmod +x /usr/local/bin/no-python")
    task = {"name": "Look", "lifeboat.oom.memory_facts": {"gather_subset": ["min"]}}
    for interpreter, complaint in (("/nowhere/python", None), ("/usr/local/bin/no-python", "native collector")):
        play = {"hosts": "all", "gather_facts": False, "tasks": [task]}
        play["vars"] = {"ansible_python_interpreter": interpreter}
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
