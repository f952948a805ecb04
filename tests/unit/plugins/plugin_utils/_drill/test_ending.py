# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from unit.samples import RUNTIME, host_state, oom_event

from ansible_collections.lifeboat.oom.plugins.module_utils._health.daemons import OomDaemon
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.forecast import NEWCOMER, Growth
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import Victim
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import MODE
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drill.ending import Ending, ending
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drill.script import Report

GROWER = 900
ALONE = Growth(NEWCOMER, None, "global", None, (NEWCOMER,), (), True, "killed")
IN_GROUP = replace(ALONE, scope="cgroup", cgroup="/box")
EARLYOOM = (OomDaemon("earlyoom", 7, "earlyoom.service", (), {}),)
OOMD = (OomDaemon("systemd-oomd", 8, "systemd-oomd.service", (), {}),)
STATE = host_state(daemons=(), counters=replace(host_state().counters, oom_kills=3))
NEVER = replace(STATE, sysctls=replace(STATE.sysctls, runtime={**RUNTIME, MODE: "2"}))  # type: ignore[type-var]
REBOOTED = replace(STATE, host=replace(STATE.host, boot_id="another"))
LOST = replace(STATE, counters=replace(STATE.counters, oom_kills=4), log=replace(STATE.log, incomplete=True))  # type: ignore[type-var]


def kill(pid: int = GROWER, **changes: Any) -> Any:
    return oom_event(**{"victims": (Victim(pid, comm="tail"),), "scope": "global", **changes})


LIMIT = kill(scope="cgroup", limit_cgroup="/lab.slice")
BY_SOMEBODY = "and not by the kernel but by systemd or somebody else"
BY_EARLYOOM = "and not by the kernel but by earlyoom, which kills before the kernel does"


def report(status: int | None, late: bool = False, out_of_memory: bool = False) -> Report:
    return Report(GROWER, status, late, 4.0, 0.5, out_of_memory)


@pytest.mark.parametrize(
    ("found", "after", "growth", "kills", "expected"),
    [
        pytest.param(report(137), STATE, ALONE, [kill()], Ending("killed"), id="by the kernel"),
        pytest.param(report(None), STATE, ALONE, [kill()], Ending("killed"), id="by the kernel, with the drill"),
        pytest.param(report(None), REBOOTED, ALONE, [], Ending("panic"), id="rebooted"),
        pytest.param(report(137), STATE, IN_GROUP, [LIMIT], Ending("killed"), id="a limit that was foretold"),
        pytest.param(
            report(137),
            STATE,
            ALONE,
            [kill(5), LIMIT],
            Ending("killed", "the limit of the control group /lab.slice was reached before"),
            id="a limit",
        ),
        pytest.param(
            report(137, late=True),
            STATE,
            ALONE,
            [],
            Ending("time is up", "its time was up before memory ran out"),
            id="late",
        ),
        pytest.param(
            report(143),
            STATE,
            ALONE,
            [kill(5)],
            Ending("ended", f"it was ended by SIGTERM, {BY_SOMEBODY}"),
            id="terminated",
        ),
        pytest.param(
            report(143),
            replace(STATE, daemons=EARLYOOM),
            ALONE,
            [],
            Ending("ended", f"it was ended by SIGTERM, {BY_EARLYOOM}"),
            id="by earlyoom",
        ),
        pytest.param(
            report(137),
            replace(STATE, daemons=EARLYOOM),
            ALONE,
            [],
            Ending("ended", f"it was ended by SIGKILL, {BY_EARLYOOM}"),
            id="by earlyoom, for good",
        ),
        pytest.param(
            report(137),
            LOST,
            ALONE,
            [],
            Ending(
                "ended", "it was ended by SIGKILL, and the kernel's log does not tell whether the kernel has killed it"
            ),
            id="the log is lost",
        ),
        pytest.param(
            report(None),
            replace(STATE, daemons=OOMD),
            ALONE,
            [],
            Ending("ended", "the drill itself was ended, by systemd-oomd, which kills before the kernel does"),
            id="with the drill",
        ),
        pytest.param(report(0), STATE, ALONE, [], Ending("ended", "it ended by itself, with exit status 0"), id="exit"),
        pytest.param(
            report(1), STATE, ALONE, [], Ending("ended", "it ended by itself, with exit status 1"), id="error"
        ),
        pytest.param(
            report(1, out_of_memory=True),
            STATE,
            ALONE,
            [],
            Ending("refused", "a limit of processes (ulimit, LimitAS=) refused it more memory"),
            id="ulimit",
        ),
        pytest.param(
            report(128 + 99),
            STATE,
            ALONE,
            [],
            Ending("ended", f"it was ended by signal 99, {BY_SOMEBODY}"),
            id="no signal that is known",
        ),
    ],
)
def test_what_came_in_between_is_named(
    found: Report, after: HostState, growth: Growth, kills: list[Any], expected: Ending
) -> None:
    assert ending(STATE, after, growth, found, kills) == expected


def test_who_promises_no_more_refuses_it() -> None:
    assert ending(NEVER, NEVER, ALONE, report(1, out_of_memory=True), []) == Ending("refused")
