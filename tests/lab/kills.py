# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel OOM kills to order: of the whole machine, in a control group, of a whole control group, and storms."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass

from .process import LabError
from .services import kernel_log
from .uml import Machine

# Grows in as many processes as asked for. Every page is touched, and fast: see services.py.
_HOG = r"""
import os, sys, time
for _ in range(int(sys.argv[1]) - 1):
    if os.fork() == 0:
        break
held = []
while True:
    held.append(b"\1" * (2 << 20))
    time.sleep(0.01)
"""


@dataclass(frozen=True)
class Kill:
    """The unit that was hit, and what the kernel logged from then on, as dmesg has it."""

    unit: str
    log: str


def kill_globally(machine: Machine, unit: str = "outgrows") -> Kill:
    """A service outgrows the machine and is killed, unless something there is larger."""
    return _run(machine, unit, 1, [])


def kill_in_cgroup(machine: Machine, group: bool = False, unit: str = "limited") -> Kill:
    """A service outgrows its limit; with I(group) the kernel kills all four of its processes (memory.oom.group)."""
    limit = ["-p", "MemoryMax=32M"]
    if group:  # KillMode: else systemd, told that the first has died, may end another before the kernel comes to it
        return _run(machine, unit, 4, [*limit, "-p", "OOMPolicy=kill", "-p", "KillMode=process"])
    return _run(machine, unit, 1, limit)


def kill_in_a_storm(machine: Machine, kills: int = 16, unit: str = "storm") -> Kill:
    """One service in which process after process is killed: after ten reports the kernel prints kill lines only."""
    tail = f"for i in $(seq {kills}); do tail /dev/zero; done; sleep 1"
    return _start(machine, unit, ["-p", "MemoryMax=4M", "-p", "OOMPolicy=continue", "/bin/sh", "-c", tail], kills)


def _run(machine: Machine, unit: str, processes: int, properties: list[str]) -> Kill:
    machine.ssh("cat > /run/hog.py", stdin=_HOG)
    kills = processes if processes == 1 else processes + 1  # the first of a group is printed twice
    return _start(machine, unit, [*properties, "/usr/bin/python3", "/run/hog.py", str(processes)], kills)


def _start(machine: Machine, unit: str, words: list[str], kills: int, timeout: float = 120) -> Kill:
    seen = len(machine.console(None))
    logged = kernel_log(machine)
    machine.ssh(shlex.join(["systemd-run", "--quiet", f"--unit={unit}", *words]))
    deadline = time.monotonic() + timeout
    while machine.console(None)[seen:].count("Killed process") < kills:  # the console needs no memory of the machine
        if time.monotonic() > deadline:
            raise LabError(f"{machine.name}: {kills} kills were not seen in {timeout:g} s:\n{machine.console()}")
        time.sleep(0.2)
    machine.ssh(f"systemctl reset-failed {unit}; systemctl stop {unit}", check=False, timeout=timeout)
    return Kill(f"{unit}.service", kernel_log(machine).removeprefix(logged))
