# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from unit.samples import sysctls

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy, Refused
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.kernel import SYSCTL_FILE, OomPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import (
    DUMP_TASKS,
    KILL_ALLOCATING_TASK,
    PANIC_ON_OOM,
    PANIC_SECONDS,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.oom_policy import (
    check_reboot,
    decide,
    decide_absent,
    decide_declared,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.sysctls import Goal

PANIC = {PANIC_SECONDS: "10", PANIC_ON_OOM: "1"}


@pytest.mark.parametrize(
    ("policy", "values"),
    [
        (OomPolicy(), {}),
        (OomPolicy("global", 10), PANIC),
        (OomPolicy("no", 0), {PANIC_SECONDS: "0", PANIC_ON_OOM: "0"}),
        (OomPolicy("always"), {PANIC_ON_OOM: "2"}),
        (OomPolicy(None, None, True, False), {KILL_ALLOCATING_TASK: "1", DUMP_TASKS: "0"}),
    ],
    ids=["nothing", "reboots before it panics", "off", "always", "flags"],
)
def test_the_reboot_is_set_before_the_panic(policy: OomPolicy, values: dict[str, str]) -> None:
    goal = decide(policy)
    assert list(goal.runtime.items()) == list(goal.file.items()) == list(values.items())


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
    if not refused:
        assert check_reboot(state, goal, False) is None
        return
    with pytest.raises(Refused, match=r"the device hangs .*give panic_reboot_seconds, .*; force: true"):
        check_reboot(state, goal, False)
    assert str(check_reboot(state, goal, True)).startswith("forced: panic_on_oom would stop")


def test_absent_takes_our_lines_out_and_goes_back() -> None:
    seconds = f"# before lifeboat.oom: {PANIC_SECONDS} = 60\n{PANIC_SECONDS} = 10\n"
    ours = f"{seconds}{PANIC_ON_OOM} = 1\nvm.overcommit_ratio=5\n"
    goal = decide_absent(sysctls({SYSCTL_FILE: ours}, PANIC), True, True)
    assert goal.file == {PANIC_SECONDS: None, PANIC_ON_OOM: None}
    assert goal.runtime == {PANIC_ON_OOM: "0", KILL_ALLOCATING_TASK: "0", DUMP_TASKS: "1", PANIC_SECONDS: "60"}


def test_absent_stops_the_panic_before_the_reboot() -> None:
    ours = f"# before lifeboat.oom: {PANIC_SECONDS} = 0\n{PANIC_SECONDS} = 10\n{PANIC_ON_OOM} = 1\n"
    order = list(decide_absent(sysctls({SYSCTL_FILE: ours}, PANIC), True, True).runtime)
    assert order.index(PANIC_ON_OOM) < order.index(PANIC_SECONDS)


@pytest.mark.parametrize(
    ("declared", "goal"),
    [
        ({"panic_on_oom": "global", "panic_reboot_seconds": 10}, Goal(PANIC, PANIC)),
        ({"dump_tasks": False, "persistent": False}, Goal({DUMP_TASKS: "0"}, {})),
        ({"dump_tasks": False, "runtime": False}, Goal({}, {DUMP_TASKS: "0"})),
        ({}, Goal({}, {})),
    ],
    ids=["both layers", "runtime", "file", "nothing"],
)
def test_a_declaration_is_decided_with_its_options(declared: dict[str, Any], goal: Goal) -> None:
    assert decide_declared(declared, sysctls(), "v") == goal


def test_a_declaration_that_can_not_be_meant_is_refused() -> None:
    with pytest.raises(InvalidPolicy, match=r"^v\.panic_on_oom: "):
        decide_declared({"panic_on_oom": 1}, sysctls(), "v")
