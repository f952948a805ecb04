# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that ends, or whose pid another one gets, between the look and the write: no crash, no wrong write."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from unit.samples import LEADER, service

from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.processes import parse_cgroup, parse_stat
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import RunningScore, ServiceState
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.converge_services import set_score


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def seen(pid: int) -> tuple[ServiceState, RunningScore]:
    """The process and its unit as a look finds them."""
    start_ticks = parse_stat(Path(f"/proc/{pid}/stat").read_text()).start_ticks
    cgroup = parse_cgroup(Path(f"/proc/{pid}/cgroup").read_text()) or "/"
    process = replace(LEADER, pid=pid, start_ticks=start_ticks, oom_score_adj=0)
    return service(control_group=cgroup.rstrip("/"), running=(process,)), process


def score(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def test_the_process_that_was_meant_gets_the_score(sleeper: subprocess.Popen[bytes]) -> None:
    state, process = seen(sleeper.pid)
    set_score(Host(), state, process, 321)
    assert score(sleeper.pid) == 321


def test_another_process_with_its_pid_does_not(sleeper: subprocess.Popen[bytes]) -> None:
    state, process = seen(sleeper.pid)
    set_score(Host(), state, replace(process, start_ticks=process.start_ticks - 1), 321)
    assert score(sleeper.pid) == 0


def test_a_process_that_has_left_the_unit_does_not(sleeper: subprocess.Popen[bytes]) -> None:
    state, process = seen(sleeper.pid)
    elsewhere = replace(state, unit=replace(state.unit, control_group="/system.slice/other.service"))
    set_score(Host(), elsewhere, process, 321)
    assert score(sleeper.pid) == 0


def test_a_process_that_has_ended_is_no_error(sleeper: subprocess.Popen[bytes]) -> None:
    state, process = seen(sleeper.pid)
    sleeper.kill()
    sleeper.wait()
    set_score(Host(), state, process, 321)
