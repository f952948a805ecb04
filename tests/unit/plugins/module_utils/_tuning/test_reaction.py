# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any

import pytest
from unit.samples import memory, sysctl_declaration, sysctls

from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import SYSCTL_FILE
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import (
    DUMP_TASKS,
    KILL_ALLOCATING_TASK,
    PANIC_ON_OOM,
    PANIC_SECONDS,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import SysctlState
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.reaction import decide, hangs
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.sysctls import Goal

PANIC = {PANIC_SECONDS: "10", PANIC_ON_OOM: "1"}


def goal(host: SysctlState | None = None, **options: Any) -> Goal:
    return decide(sysctl_declaration("reaction", **options), host or sysctls(), memory()).goal


@pytest.mark.parametrize(
    ("options", "values"),
    [
        ({"panic_on_oom": "global", "panic_reboot_seconds": 10}, PANIC),
        ({"panic_on_oom": "no", "panic_reboot_seconds": 0}, {PANIC_SECONDS: "0", PANIC_ON_OOM: "0"}),
        ({"panic_on_oom": "always"}, {PANIC_ON_OOM: "2"}),
        ({"kill_allocating_task": True, "dump_tasks": False}, {KILL_ALLOCATING_TASK: "1", DUMP_TASKS: "0"}),
    ],
    ids=["reboots before it panics", "off", "always", "flags"],
)
def test_the_reboot_is_set_before_the_panic(options: dict[str, Any], values: dict[str, str]) -> None:
    found = goal(**options)
    assert list(found.runtime.items()) == list(found.file.items()) == list(values.items())


@pytest.mark.parametrize(
    ("runtime", "goal", "refused"),
    [
        ({}, Goal(PANIC, PANIC), False),
        ({}, Goal({PANIC_ON_OOM: "1"}, {}), True),
        ({}, Goal({}, {PANIC_ON_OOM: "2"}), True),
        ({PANIC_SECONDS: "5"}, Goal({PANIC_ON_OOM: "1"}, {}), False),
        ({PANIC_SECONDS: "-1"}, Goal({PANIC_ON_OOM: "1"}, {}), False),
        (PANIC, Goal({PANIC_SECONDS: "0"}, {}), True),
        (PANIC, Goal({DUMP_TASKS: "1"}, {}), False),
        ({}, Goal({PANIC_SECONDS: "0"}, {}), False),
    ],
    ids=["both", "panic only", "panic in the file", "reboots already", "at once", "taken away", "another", "no panic"],
)  # fmt: skip
def test_a_panic_that_nobody_reboots_from_is_refused(runtime: dict[str, str], goal: Goal, refused: bool) -> None:
    state = sysctls(runtime=runtime)
    found = hangs(state, goal)
    assert (found is not None) is refused
    if found is not None:
        assert re.match("panic_on_oom would stop .*the device hangs .*; give panic_reboot_seconds", found.message)
        assert found.numbers["settings"][PANIC_SECONDS] == "0"


def test_absent_takes_our_lines_out_and_goes_back() -> None:
    seconds = f"# before lifeboat.oom: {PANIC_SECONDS} = 60\n{PANIC_SECONDS} = 10\n"
    ours = f"{seconds}{PANIC_ON_OOM} = 1\nvm.overcommit_ratio=5\n"
    found = goal(sysctls({SYSCTL_FILE: ours}, PANIC), state="absent")
    assert found.file == {PANIC_SECONDS: None, PANIC_ON_OOM: None}
    assert found.runtime == {PANIC_ON_OOM: "0", KILL_ALLOCATING_TASK: "0", DUMP_TASKS: "1", PANIC_SECONDS: "60"}


def test_absent_stops_the_panic_before_the_reboot() -> None:
    ours = f"# before lifeboat.oom: {PANIC_SECONDS} = 0\n{PANIC_SECONDS} = 10\n{PANIC_ON_OOM} = 1\n"
    order = list(goal(sysctls({SYSCTL_FILE: ours}, PANIC), state="absent").runtime)
    assert order.index(PANIC_ON_OOM) < order.index(PANIC_SECONDS)
