# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest
from unit.samples import cgroup, declared, host_state, oom_event, process, service, services_state, sysctls

from ansible_collections.lifeboat.oom.plugins.module_utils._health.daemons import OomDaemon
from ansible_collections.lifeboat.oom.plugins.module_utils._health.identity import HostInfo
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import SCHEMA
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.badness import Killer
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.forecast import NEWCOMER, UNKNOWN
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import Counters
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.swap import Zram


def test_a_state_is_json_with_its_version() -> None:
    facts = host_state(events=(oom_event(),)).as_facts()
    assert facts["schema"] == SCHEMA == 1
    assert json.loads(json.dumps(facts))["memory"]["total_kib"] == 4_000_000
    assert json.loads(json.dumps(facts))["processes"][0]["comm"] == "nginx"


def test_what_is_missing_is_null_and_never_zero() -> None:
    facts = host_state(pressure=None, counters=Counters(*[None] * 6), services=None).as_facts()
    assert facts["pressure"] is facts["counters"]["oom_kills"] is facts["services"] is None
    assert facts["scores"] == []


@pytest.mark.parametrize(("top", "pids"), [(10, [102, 101]), (1, [102]), (0, [])], ids=["all", "first", "none"])
def test_the_kill_order_is_cut_after_the_first(top: int, pids: list[int]) -> None:
    found = (process(101), process(102, rss_kib=500_000), process(103, oom_score_adj=-1000))
    order = host_state(processes=found).outlook(top).kill_order
    assert [candidate.pid for candidate in order or ()] == pids


def test_a_declared_unit_that_runs_has_a_forecast_wherever_it_stands() -> None:
    found = (process(101, unit="big.service", rss_kib=500_000), process(100), process(103, unit="c.service", rss_kib=5))
    stopped = declared(service("c.service", running=()), name="c.service")
    units = services_state(declared(service()), stopped)
    growths = host_state(processes=found, declared=units).outlook(1).forecast or ()
    assert [growth.grower for growth in growths] == [NEWCOMER, "big.service", "nginx.service"]
    assert [growth.pid for growth in growths] == [None, 101, 100]


def test_it_is_told_of_how_many_there_is_no_forecast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible_collections.lifeboat.oom.plugins.module_utils._kernel.forecast.MOST_KILLS", 2)
    there = tuple(process(pid, unit=f"u{pid}.service") for pid in (2, 3))
    units = services_state(*(declared(service(one.unit or ""), name=one.unit or "") for one in there))
    outlook = host_state(processes=there, declared=units).outlook(0)
    assert [growth.grower for growth in outlook.forecast or ()] == [NEWCOMER, "u2.service"]
    assert any(sentence.startswith("what 1 more units do") for sentence in outlook.forecast_does_not_know)


def test_cgroups_have_their_part_in_the_forecast() -> None:
    growths = host_state(cgroups=(cgroup(limit_kib=200_000, current_kib=150_000),)).outlook().forecast or ()
    assert [growth.cgroup for growth in growths] == [None, "/system.slice/nginx.service"]


def test_without_processes_nothing_is_foretold_and_the_commit_limit_is_known_all_the_same() -> None:
    outlook = host_state(processes=None).outlook()
    assert (outlook.kill_order, outlook.forecast) == (None, None)
    assert outlook.commit == host_state().commit()


@pytest.mark.parametrize(
    ("changes", "killer"),
    [
        ({}, Killer((6, 1), 4)),
        ({"sysctls": None}, Killer((6, 1), 4)),
        ({"sysctls": sysctls(runtime={"vm.panic_on_oom": "2"})}, Killer((6, 1), 4, panic_on_oom=2)),
        (
            {"sysctls": sysctls(runtime={"vm.oom_kill_allocating_task": "1"})},
            Killer((6, 1), 4, kill_allocating_task=True),
        ),
        ({"sysctls": sysctls(runtime={"vm.overcommit_memory": "2"})}, Killer((6, 1), 4, never_overcommit=True)),
        ({"sysctls": sysctls(runtime={"vm.panic_on_oom": "?"})}, Killer((6, 1), 4)),
        ({"sysctls": sysctls(runtime={"vm.swappiness": "0"})}, Killer((6, 1), 4, swappiness=0)),
        ({"host": HostInfo(None, None, "4.9.11", "mips", 16, None)}, Killer((4, 9), 16)),
    ],
    ids=["as it starts", "not read", "panic", "who asks", "never", "no number", "no swap", "another kernel"],
)
def test_the_killer_is_the_one_of_this_host(changes: dict[str, Any], killer: Killer) -> None:
    assert host_state(**changes).killer() == killer


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sysctls": None}, "vm.panic_on_oom"),
        ({"cgroups": None}, "control groups"),
        ({"zram": (Zram("zram0", 9, None, None, None, None, None),)}, "zram"),
        ({"daemons": (OomDaemon("earlyoom", 5, None, (), {}),)}, "when earlyoom kills"),
        ({"sysctls": sysctls(runtime={"vm.oom_kill_allocating_task": "1"})}, "vm.oom_kill_allocating_task"),
    ],
    ids=["sysctls", "cgroups", "zram", "daemons", "who asks"],
)
def test_the_forecast_says_what_it_does_not_know(changes: dict[str, Any], said: str) -> None:
    known = host_state().outlook().forecast_does_not_know
    assert known == UNKNOWN
    (more,) = [line for line in host_state(**changes).outlook().forecast_does_not_know if line not in known]
    assert said in more


def test_the_scores_of_running_services_are_told() -> None:
    facts = host_state(services=(service(), service("ssh.service", oom_score_adjust=-900))).as_facts()
    assert [(scores["unit"], scores["loaded"]) for scores in facts["scores"]] == [
        ("nginx.service", 0),
        ("ssh.service", -900),
    ]


def test_what_is_promised_follows_from_the_sysctls() -> None:
    state = host_state(sysctls=sysctls(runtime={"vm.overcommit_memory": "2", "vm.overcommit_ratio": "80"}))
    found = state.commit()
    assert found is not None and found.if_never is not None
    assert (found.mode, found.ratio, found.kbytes, found.headroom_kib) == ("never", 80, 0, 1_400_000)
    assert found.if_never.limit_kib == 4_000_000 * 80 // 100 + 1_000_000
    assert found.if_never.reserve_kib == 8192 + 1_600_000 // 32
    assert state.as_facts()["commit"]["if_never"]["limit_kib"] == found.if_never.limit_kib


def test_without_sysctls_nothing_is_said_of_promises() -> None:
    state = host_state(sysctls=None)
    assert state.commit() is state.as_facts()["commit"] is None


@pytest.mark.parametrize("text", ["", "many", "-1", "0x2", "2 0", "\u00b2", "<b>", "\udcff"])
def test_a_sysctl_that_is_no_number_is_none(text: str) -> None:
    found = host_state(sysctls=sysctls(runtime={"vm.overcommit_memory": text, "vm.overcommit_kbytes": text})).commit()
    assert found is not None
    assert (found.mode, found.kbytes, found.ratio) == (None, None, 50)
