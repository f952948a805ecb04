# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forecast against a real kernel: a few trials of each kind, and what happens in place of a kill."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from itertools import islice

import pytest

from .forecast_trial import MEMORY, NEWCOMER, PACK, Hog, Trial, clean_up, foretell, grow, prepare, run, trials
from .runner import Ansible
from .uml import Machine

# Ends with what it got, where it is refused more.
_ASKS = "held = []\ntry:\n    while True: held.append(b'1' * (1 << 20))\nexcept MemoryError: print('refused')\n"


@pytest.fixture
def small(devices: Callable[..., list[Machine]]) -> Machine:
    (machine,) = devices(1, memory=MEMORY)
    prepare(machine)
    return machine


def _until(said: str, machine: Machine, seen: int, timeout: float = 120) -> str:
    """The console since then, as soon as it says so."""
    deadline = time.monotonic() + timeout
    while said not in machine.console(None)[seen:] and time.monotonic() < deadline:
        time.sleep(0.2)
    return machine.console(None)[seen:]


def test_who_dies_first_is_named_in_every_kind_of_trial(ansible: Ansible, small: Machine) -> None:
    verdicts = [run(ansible, small, trial) for trial in islice(trials(random.Random(3)), 6)]
    assert len({verdict.trial.kind for verdict in verdicts}) == 6
    assert [str(verdict) for verdict in verdicts if not verdict.hit] == []


def test_at_the_commit_limit_nobody_dies(ansible: Ansible, small: Machine) -> None:
    setting = "sysctl -qw vm.overcommit_ratio=70 vm.overcommit_memory=2"
    growth, _unused = foretell(ansible, small, Trial("commit limit", (), NEWCOMER, setting))
    assert (growth["scope"], growth["outcome"], growth["victims"]) == ("commit", "refused", [])
    seen = len(small.console(None))
    assert small.ssh("python3 -", stdin=_ASKS).stdout == "refused\n"
    assert "Killed process" not in small.console(None)[seen:]


def test_one_that_can_not_be_killed_hangs_in_its_group_and_panics_the_kernel_without(
    ansible: Ansible, small: Machine
) -> None:
    hogs = [Hog(name, ((5, score),), (f"Slice={PACK}",)) for name, score in (("h0", -1000), ("h1", 0))]
    packed = f"systemctl set-property --runtime {PACK} MemoryMax=60M"
    trial = Trial("stuck", tuple(hogs), "h0.service", packed=packed)
    growth, _unused = foretell(ansible, small, trial)
    assert (growth["scope"], growth["outcome"], growth["victims"]) == ("cgroup", "stuck", ["h1.service"])
    seen = len(small.console(None))
    pid = grow(small, growth)
    log = _until("no killable processes", small, seen)
    assert f"Killed process {growth['first_pids'][0]} (h1)" in log
    assert "Out of memory and no killable processes" in log
    assert small.ssh(f"cat /proc/{pid}/comm").stdout == "h0\n"
    small.ssh(f"kill -KILL {pid}")
    clean_up(small, trial)

    trial = Trial("panic", (), NEWCOMER, "sysctl -qw vm.panic_on_oom=1")
    growth, _unused = foretell(ansible, small, trial)
    assert (growth["scope"], growth["outcome"], growth["victims"]) == ("global", "panic", [])
    seen = len(small.console(None))
    grow(small, growth)
    log = _until("Kernel panic", small, seen)
    assert "Out of memory: system-wide panic_on_oom is enabled" in log
    assert "Killed process" not in log
