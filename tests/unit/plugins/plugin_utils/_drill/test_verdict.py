# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from unit.samples import RUNTIME, host_state, oom_event, process, service

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import HostEvent
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.forecast import NEWCOMER, Growth
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import Victim
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import MODE
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import RunningScore
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drill.script import Report
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drill.verdict import Fate, Verdict, foretold, judge

GROWER = 900
REPORT = Report(GROWER, 137, False, 4.0, 0.5)


def running(name: str, pid: int, *others: int, started: int = 5000, **changes: Any) -> Any:
    scores = [RunningScore(each, started, name, 0, each == pid) for each in (pid, *others)]
    return service(f"{name}.service", running=tuple(scores), main_pid=pid, **changes)


def kill(*pids: int, **changes: Any) -> HostEvent:
    victims = tuple(Victim(pid, comm="x", total_vm_kib=9000, anon_rss_kib=2048) for pid in pids)
    return oom_event(**{"unit": "own.service", "victims": victims, "timestamp": None, **changes})


BEFORE = host_state(
    services=(running("kiosk", 10, 11), running("web", 20)),
    processes=tuple(
        process(pid, comm=name, unit=f"{name}.service") for pid, name in ((10, "kiosk"), (11, "kiosk"), (20, "web"))
    ),
    events=(kill(7, timestamp="2026-03-01T04:11:09+00:00"),),
)
WEB_FIRST = Growth(NEWCOMER, None, "global", None, ("web.service", NEWCOMER), (20,), True, "killed")
ALONE = replace(WEB_FIRST, victims=(NEWCOMER,), first_pids=())
REFUSED = replace(WEB_FIRST, victims=(), first_pids=(), ends=False, outcome="refused")
PANIC = replace(REFUSED, outcome="panic")


def after(*events: Any, services: Any = BEFORE.services, **changes: Any) -> HostState:
    return replace(BEFORE, events=(kill(7, timestamp="Mar  1 04:11:09"), *events), services=services, **changes)


def verdict(state: HostState, growth: Growth = WEB_FIRST, report: Report = REPORT) -> Verdict:
    return judge(BEFORE, state, growth, report, ["kiosk.service"])


def test_what_was_killed_before_is_not_counted_again() -> None:
    assert verdict(after()).killed == ()


@pytest.mark.parametrize(
    ("events", "growth", "first", "everything"),
    [
        pytest.param([kill(20), kill(GROWER)], WEB_FIRST, True, True, id="as foretold"),
        pytest.param([kill(GROWER)], WEB_FIRST, False, False, id="another one"),
        pytest.param([kill(GROWER)], ALONE, True, True, id="alone"),
        pytest.param([kill(20), kill(10), kill(GROWER)], WEB_FIRST, True, False, id="one more"),
        pytest.param([kill(10, 20), kill(GROWER)], WEB_FIRST, False, False, id="more at once"),
        pytest.param([], WEB_FIRST, None, None, id="inconclusive"),
    ],
)
def test_right_or_wrong(events: list[Any], growth: Growth, first: bool | None, everything: bool | None) -> None:
    found = verdict(after(*events), growth)
    assert (found.first_right, found.all_right) == (first, everything)


@pytest.mark.parametrize(
    ("report", "changes", "outcome"),
    [
        pytest.param(REPORT, {"events": (kill(GROWER),)}, "killed", id="killed"),
        pytest.param(replace(REPORT, status=1, out_of_memory=True), {}, "refused", id="refused"),
        pytest.param(replace(REPORT, late=True), {}, "time is up", id="late"),
        pytest.param(replace(REPORT, status=None), {}, "ended", id="not ended"),
        pytest.param(
            Report(None, None, False, None, None), {"host": replace(BEFORE.host, boot_id="other")}, "panic", id="reboot"
        ),
    ],
)
def test_outcomes(report: Report, changes: dict[str, Any], outcome: str) -> None:
    assert verdict(replace(after(), **changes), report=report).outcome == outcome


def test_no_kill_may_be_what_was_foretold() -> None:
    never = {"sysctls": replace(BEFORE.sysctls, runtime={**RUNTIME, MODE: "2"})}  # type: ignore[type-var]
    refusing = replace(REPORT, status=1, out_of_memory=True)
    refused = judge(replace(BEFORE, **never), after(**never), REFUSED, refusing, ())
    assert refused.first_right and refused.all_right
    rebooted = after(host=replace(BEFORE.host, boot_id="other"))
    panicked = verdict(rebooted, PANIC, Report(None, None, False, None, None))
    assert panicked.first_right and panicked.all_right
    assert {each.fate for each in panicked.fates} == {"ended"}
    another_end = verdict(after(), REFUSED)
    assert another_end.first_right is another_end.all_right is None and another_end.inconclusive is not None


def test_names_are_those_of_the_look_before_and_the_grower_is_the_last_of_a_group() -> None:
    found = verdict(after(kill(GROWER, 20, 77)))
    assert [(dead.name, dead.oom) for dead in found.killed] == [("web.service", 1), ("own.service", 1), (NEWCOMER, 1)]
    assert found.killed[0].rss_kib == 2048


@pytest.mark.parametrize(
    ("events", "services", "fate"),
    [
        pytest.param([], BEFORE.services, ("lived", 0, True), id="lived"),
        pytest.param([kill(11)], (running("kiosk", 10),), ("lived", 1, True), id="lost a helper"),
        pytest.param([kill(10)], (), ("killed", 0, False), id="killed"),
        pytest.param([kill(10)], (running("kiosk", 30, started=9000),), ("killed", 0, True), id="killed and restarted"),
        pytest.param([], (running("kiosk", 10, started=9000),), ("ended", 0, True), id="another one with that pid"),
        pytest.param([], (), ("ended", 0, False), id="ended"),
    ],
)
def test_fates(events: list[Any], services: Any, fate: tuple[str, int, bool]) -> None:
    fates = {each.name: each for each in verdict(after(*events, services=services)).fates}
    assert fates["kiosk.service"] == Fate("kiosk.service", True, 0, *fate)
    assert fates["web.service"].declared is False


def test_what_runs_once_is_no_service() -> None:
    assert judge(host_state(services=(running("once", 40, type="oneshot"),)), after(), ALONE, REPORT, ()).fates == ()


def test_without_systemd_they_are_what_process_1_has_started() -> None:
    tiny = host_state(
        services=None,
        processes=(
            process(50, comm="dropbear", unit=None),
            process(51, comm="dropbear", unit=None, ppid=50),
            process(60, comm="getty", unit=None),
            process(61, comm="getty", unit=None),
        ),
    )
    found = judge(tiny, replace(tiny, processes=tiny.processes[:2], events=(kill(60),)), ALONE, REPORT, ())  # type: ignore[index]
    assert [(each.name, each.fate) for each in found.fates] == [
        ("dropbear", "lived"),
        ("getty", "killed"),
        ("getty (61)", "ended"),
    ]


def test_without_processes_nothing_is_foretold() -> None:
    with pytest.raises(LifeboatError, match="the device's processes were not read: it was not asked for them"):
        foretold(host_state(processes=None))
    assert foretold(host_state()).grower == NEWCOMER
