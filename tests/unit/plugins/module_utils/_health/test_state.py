# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from unit.samples import host_state, process, service, sysctls

from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import SCHEMA
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.badness import NEWCOMER
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import Counters


def test_a_state_is_json_with_its_version() -> None:
    facts = host_state(events=({"kind": "kill", "victims": [{"pid": 5}]},)).as_facts()
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
    facts = host_state(processes=found).as_facts(top)
    assert [candidate["pid"] for candidate in facts["kill_order"]] == pids


def test_the_forecast_says_what_it_does_not_know() -> None:
    facts = host_state().as_facts()
    assert [growth["grower"] for growth in facts["forecast"]] == [NEWCOMER, "nginx.service"]
    assert len(facts["forecast_does_not_know"]) > 2


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
