# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a device says costs the controller no more than in proportion, whichever collector it came through.

The answer of the shell is read and collected here; what both collectors then give is checked, judged and kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from unit.cost import in_proportion
from unit.fake_host import SHOW
from unit.samples import host_state, oom_event, process

from ansible_collections.lifeboat.oom.plugins.module_utils._health.collector import Questions, collect
from ansible_collections.lifeboat.oom.plugins.module_utils._health.sampler_log import ServiceSamples
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import Victim
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import SYSCTL_FILE
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import HostPast
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.sqlite import SqliteHistory
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.judge import Criteria, Subject, audited
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.bare.snapshot import Snapshot
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import Life
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.host_state import validate

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
UNITS = "/usr/lib/systemd/system"
KERNEL = {
    "/proc/meminfo": "MemTotal: 1000000 kB\nMemFree: 200000 kB\nMemAvailable: 500000 kB",
    "/proc/sys/kernel/osrelease": "6.1.0-21-arm64",
    "/proc/sys/vm/overcommit_memory": "0",
    "/proc/1/oom_score_adj": "0",
    "/sys/fs/cgroup/cgroup.controllers": "memory",
}


@dataclass
class Device:
    """One whose shell prints all that it was given."""

    kernel: dict[str, str] = field(default_factory=lambda: dict(KERNEL))
    files: dict[str, str] = field(default_factory=dict)
    folders: dict[str, list[str]] = field(default_factory=lambda: {"/proc": []})
    commands: dict[str, str] = field(
        default_factory=lambda: {
            "systemctl --version": "systemd 252",
            "systemctl show --property=DefaultOOMScoreAdjust": "DefaultOOMScoreAdjust=0",
        }
    )
    asked: tuple[str, ...] = ()

    def runs(self, pid: int, cgroup: str, adj: int = 0) -> None:
        self.folders["/proc"].append(str(pid))
        files = {
            "status": "Uid:\t0\nVmRSS:\t1000 kB\nRssAnon:\t1000 kB\nVmPTE:\t8 kB\nVmSwap:\t0 kB",
            "stat": f"{pid} (x) S {'1 ' * 18}{5000 + pid} 1 1",
            "cgroup": "0::" + cgroup,
            "oom_score_adj": str(adj),
        }
        self.kernel.update({f"/proc/{pid}/{name}": text for name, text in files.items()})

    def has(self, path: str, text: str) -> None:
        self.files[path] = text
        folder, _unused, name = path.rpartition("/")
        self.folders.setdefault(folder, []).append(name)

    def printed(self) -> str:
        kernel = [f"{path}:{line}" for path, text in self.kernel.items() for line in text.split("\n")]
        lines = ["@lifeboat 1", "@shell 4000000", "@page 4096", "@there /run/systemd/system", "@kernel", *kernel]
        lines += ["@again", *(line for line in kernel if "/stat:" in line)]
        for folder, names in self.folders.items():
            lines += ["@folder " + folder, *(" " + name for name in names)]
        lines += ["@wanted", *(" " + path for path in self.files), "@files"]
        lines += [f"{path}:{line}" for path, text in self.files.items() for line in text.split("\n")]
        for question, answer in self.commands.items():
            lines += ["@run " + question, *(" " + line for line in (answer + "\n\nrc=0").split("\n"))]
        return "\n".join([*lines, "@end", ""])


def show(number: int, group: str = "/system.slice", names: str = "") -> str:
    unit = f"u{number}.service"
    return (
        f"Id={unit}\nNames={unit} {names}\nLoadState=loaded\nActiveState=active\nMainPID={100 + number}\n"
        f"FragmentPath={UNITS}/{unit}\nControlGroup={group}/{unit}\nOOMScoreAdjust=0\n"
    )


def groups_within_groups(device: Device, count: int) -> None:
    group = ""
    for depth in range(30):
        group += f"/g{depth}"
        device.kernel[f"/sys/fs/cgroup{group}/memory.max"] = "1000000000"
        device.kernel[f"/sys/fs/cgroup{group}/memory.current"] = "100000000"
        device.kernel[f"/sys/fs/cgroup{group}/memory.oom.group"] = str(depth % 2)
    for number in range(count):
        device.runs(100 + number, f"{group}/x{number}", adj=-1000 if number < 20 else 0)


def units(device: Device, count: int) -> None:
    device.commands[SHOW] = "\n".join(map(show, range(count)))
    device.asked = tuple(f"u{number}.service" for number in range(count))
    device.folders["/etc/systemd/system"] = [f"u{number}.service.d" for number in range(count)]
    for number in range(count):
        device.runs(100 + number, f"/system.slice/u{number}.service", adj=-1000 * (number % 2))
        device.has(f"{UNITS}/u{number}.service", "[Service]\nExecStart=/x\n")
        device.has(f"/etc/systemd/system/u{number}.service.d/a.conf", "[Service]\nOOMScoreAdjust=-5\n")


def files_of_one_unit(device: Device, count: int) -> None:
    device.commands[SHOW] = show(0)
    device.folders["/etc/systemd/system"] = ["u0.service.d"]
    device.has(f"{UNITS}/u0.service", "[Service]\nExecStart=/x " + "\\\n# a remark\n more " * count * 20 + "\n")
    for number in range(count):
        device.has(f"/etc/systemd/system/u0.service.d/{number}.conf", "[Service]\nOOMScoreAdjust=0x5%\n")


def units_of_equal_files(device: Device, count: int) -> None:
    device.commands[SHOW] = "\n".join(map(show, range(count)))
    device.folders["/etc/systemd/system"] = ["service.d"]
    for number in range(count):
        device.has(f"/etc/systemd/system/service.d/{number}.conf", "[Service]\nOOMScoreAdjust=-5\n")


def patterns(device: Device, count: int) -> None:
    braces, stars = "{a,b}" * (count // 10), "*a" * (count // 10)
    lines = (f"vm.{braces}{stars}{number} = 1\n" for number in range(count))
    device.has("/etc/sysctl.d/a.conf", "".join(lines))


def short_patterns(device: Device, count: int) -> None:
    lines = (f"vm.*{number}{{a,b}} = 1\nvm.overcommit_memory = {number % 3}\n" for number in range(count))
    device.has("/etc/sysctl.d/a.conf", "".join(lines))


def kills(device: Device, count: int) -> None:
    line = "[  {0}.000000] Out of memory: Killed pro\ncess {0} (a) total-vm:9kB, anon-rss:8kB, file-rss:0kB\n"
    device.commands["dmesg"] = "".join(line.format(number) for number in range(2, count))


def unfinished_reports(device: Device, count: int) -> None:
    line = (
        "[  {0}.000000] x invoked oom-killer: gfp_mask=0x0, order=0, oom_score_adj=0\n[  {0}.0] [ 7] 0 7 1 1 1 1 0 x\n"
    )
    device.commands["dmesg"] = "".join(line.format(number) for number in range(count))


def machines(device: Device, count: int) -> None:
    line = "May  4 03:02:01 h{0} kernel: Out of memory: Killed process {0} (a)\n"
    device.commands["dmesg"] = "".join(line.format(number) for number in range(count))


@pytest.mark.parametrize(
    "says",
    [
        groups_within_groups,
        units,
        files_of_one_unit,
        units_of_equal_files,
        patterns,
        short_patterns,
        kills,
        unfinished_reports,
        machines,
    ],
    ids=lambda says: str(says.__name__),
)
def test_an_answer_costs_in_proportion(says: Callable[[Device, int], None]) -> None:
    def work(count: int) -> Callable[[], object]:
        device = Device()
        says(device, count)
        output = device.printed()

        def look() -> object:
            state = collect(Snapshot(output), Questions(SYSCTL_FILE, device.asked, log_lines=10**6))
            return judged(validate(json.loads(json.dumps(state.as_facts()))))

        return look

    assert in_proportion(work)


def judged(state: HostState, past: HostPast | None = None, hours: int = 0) -> Any:
    return audited(Subject("web1", "run"), NOW + timedelta(hours=hours), state, past or HostPast(), Criteria())


def test_known_lives_cost_in_proportion() -> None:
    def work(count: int) -> Callable[[], object]:
        lives = (Life("4f0c1d2e", pid, 5000, 0, None, None, ((100.0, 1.0),)) for pid in range(2, count))
        state, past = many_lives(count), HostPast(lives={"nginx.service": tuple(lives)})
        return lambda: judged(state, past)

    assert in_proportion(work)


def many_lives(count: int) -> HostState:
    samples = (ServiceSamples("nginx.service", pid, 5000, (100, 200, 300), (1, 2, 3)) for pid in range(2, count))
    return host_state(samples=tuple(samples))


def many_units(count: int) -> HostState:
    return host_state(processes=tuple(process(pid, unit=f"u{pid}.service") for pid in range(2, count)))


def many_kills(count: int) -> HostState:
    return host_state(events=tuple(oom_event(victims=(Victim(pid), Victim(pid + 1))) for pid in range(2, count)))


@pytest.mark.parametrize("says", [many_lives, many_units, many_kills], ids=lambda says: str(says.__name__))
def test_what_a_host_adds_to_the_history_has_an_end(says: Callable[[int], HostState], tmp_path: Path) -> None:
    """The others of a fleet wait meanwhile: what is written for one of them is counted."""
    history, past = SqliteHistory(tmp_path / "history.db"), HostPast()
    state = says(11_000)
    for hours in range(2):
        later = replace(state, host=replace(state.host, uptime_seconds=86400.5 + 3600 * hours))
        found = judged(later, past, hours)
        history.keep(found.record, past, found.read)
        past = history.past("web1")
    rows = sum(len(lives) for lives in past.lives.values()) + sum(history.fleet(0, 2**32).kills.values())
    assert rows <= 10_000
