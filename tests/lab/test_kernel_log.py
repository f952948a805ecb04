# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What memory_facts tells of real kills: each once, all of it, and whether some are missing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from .kills import Kill, kill_globally, kill_in_a_storm, kill_in_cgroup
from .uml import Machine

_VICTIM = re.compile(
    r"Killed process (?P<pid>\d+) \((?P<comm>.*)\) total-vm:(?P<total_vm_kib>\d+)kB, anon-rss:(?P<anon_rss_kib>\d+)kB, "
    r"file-rss:(?P<file_rss_kib>\d+)kB, shmem-rss:(?P<shmem_rss_kib>\d+)kB, UID:(?P<uid>\d+) "
    r"pgtables:(?P<pgtables_kib>\d+)kB oom_score_adj:(?P<oom_score_adj>-?\d+)"
)
_INVOKER = re.compile(
    r"(?P<comm>\S+) invoked oom-killer: gfp_mask=(?P<gfp_mask>\S+), order=(?P<order>\d+), "
    r"oom_score_adj=(?P<oom_score_adj>-?\d+)[^§]*? PID: (?P<pid>\d+) Comm"
)
_NO_JOURNAL = (
    "systemctl stop systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket "
    "systemd-journald; rm -r /var/log/journal /run/log/journal"
)


@pytest.mark.parametrize(
    "kind",
    [{"suite": "bullseye", "kernel": "5.10"}, {"suite": "trixie", "kernel": "6.12"}],
    ids=["Debian 11 on 5.10", "Debian 13 on 6.12"],
)
def test_every_kernel_is_understood(devices: Callable[..., list[Machine]], module: Any, kind: dict[str, Any]) -> None:
    (device,) = devices(1, **kind)
    assert_every_kill_is_told(device, module)


def test_every_kill_is_told_once_also_after_a_reboot_a_storm_and_a_loss(device: Machine, module: Any) -> None:
    facts = assert_every_kill_is_told(device, module)

    module(device, "ansible.builtin.reboot", {"reboot_timeout": 180})
    again = look(device, module)
    assert again["events"] == [{**event, "this_boot": False} for event in facts["events"]]
    assert (again["log"]["kills_logged"], again["log"]["incomplete"]) == (0, False)

    kill_in_a_storm(device, kills=14)
    storm = look(device, module)["events"][3:]
    assert [event["unit"] for event in storm] == ["storm.service"] * 14
    assert [event["unit_told_by"] for event in storm] == [
        "kernel" if event["complete"] else "systemd" for event in storm
    ]

    device.ssh(_NO_JOURNAL, check=False)
    ring = look(device, module)
    assert ring["log"]["source"] == "dmesg"
    assert [event["victims"] for event in ring["events"]] == [event["victims"] for event in storm]
    assert ring["log"]["incomplete"] is False

    device.ssh("dmesg -C")
    cleared = look(device, module)
    assert (cleared["events"], cleared["log"]["incomplete"], cleared["log"]["kills_counted"]) == ([], True, 14)


def assert_every_kill_is_told(device: Machine, module: Any) -> dict[str, Any]:
    """In a control group, of a whole one, and of the machine: each with all that the kernel said."""
    kills = [kill_in_cgroup(device), kill_in_cgroup(device, group=True, unit="whole"), kill_globally(device)]
    facts = look(device, module)
    assert [without_times(event) for event in facts["events"]] == [said_by_kernel(kill) for kill in kills]
    assert [event["scope"] for event in facts["events"]] == ["cgroup", "cgroup", "global"]
    assert [len(event["victims"]) for event in facts["events"]] == [1, 4, 1]
    # The first process of the group was counted twice.
    assert (facts["log"]["kills_counted"], facts["log"]["kills_logged"]) == (counted(device), 7)
    assert (facts["log"]["source"], facts["log"]["incomplete"]) == ("journal", False)
    return facts


def look(device: Machine, module: Any) -> dict[str, Any]:
    result = module(device, "memory_facts", {"gather_subset": ["events"]})
    assert not result["failed"], result
    facts: dict[str, Any] = result["ansible_facts"]["memory_health"]
    assert (facts["unread"], facts["log"]["unrecognised"]) == ([], [])
    return facts


def counted(device: Machine) -> int:
    return int(device.ssh("sed -n 's/^oom_kill //p' /proc/vmstat").stdout)


def said_by_kernel(kill: Kill) -> dict[str, Any]:
    """The event as it has to be, read from the kernel's lines by other means than the parser's."""
    log = re.sub(r"(?m)^\[ *\d+\.\d+\] ", "", kill.log)
    invoker = _INVOKER.search(log)
    task = re.search(r"oom-kill:constraint=(\w+),.*?(?:,oom_memcg=(\S+))?,task_memcg=(\S+),task=", log)
    assert invoker
    assert task
    reaped = re.findall(r"oom_reaper: reaped process (\d+)", log)
    victims = {match["pid"]: match.groupdict() for match in _VICTIM.finditer(log)}
    scope = {"CONSTRAINT_NONE": "global", "CONSTRAINT_MEMCG": "cgroup"}[task[1]]
    return {
        "kind": "kill",
        "scope": scope,
        "cgroup": task[3],
        "limit_cgroup": task[2],
        "unit": kill.unit,
        "unit_told_by": "kernel",
        "this_boot": True,
        "invoker": numbers(invoker.groupdict()),
        "victims": [
            {**numbers(victim), "reaped": pid in reaped, "told_by_table": []} for pid, victim in victims.items()
        ],
        "memory": sizes(log, scope),
        "kill_lines": log.count("Killed process"),
        "complete": True,
        "lost_lines": None,
    }


def without_times(event: dict[str, Any]) -> dict[str, Any]:
    """Of the sizes only those that are compared here."""
    memory = {name: size for name, size in event["memory"].items() if name in ("limit_kib", "failcnt", "ram_pages")}
    return {**{name: event[name] for name in event if name not in ("timestamp", "uptime_seconds")}, "memory": memory}


def sizes(log: str, scope: str) -> dict[str, int]:
    if scope == "global":
        return {"ram_pages": int(re.findall(r"(\d+) pages RAM", log)[0])}
    limit, failcnt = re.findall(r"memory: usage \d+kB, limit (\d+)kB, failcnt (\d+)", log)[0]
    return {"limit_kib": int(limit), "failcnt": int(failcnt)}


def numbers(words: dict[str, str]) -> dict[str, Any]:
    return {name: int(word) if re.fullmatch(r"-?\d+", word) else word for name, word in words.items()}
