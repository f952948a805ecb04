# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from unit.samples import declared, host_state, policy_of, service, services_state, sysctls

from ansible_collections.lifeboat.oom.plugins.module_utils._policy.families import Policy
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.record import RECORD_SCHEMA, audited, not_audited
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.host_page import host_page
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.terminal_summary import summarise
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.typed_from_json import WrongShape

NOW = "2026-05-04T03:02:01+00:00"
POLICY = policy_of({"mode": "always"}, None, [{"name": "nginx", "oom_score_adj": -500}])
STATE = host_state(declared=services_state(declared(service())))
KEYS = {"schema", "host", "audited_at", "reachable", "error", "declares", "drift", "services"}
KEYS |= {"findings", "trends", "state"}


def test_a_record_holds_all_that_the_report_needs() -> None:
    record = audited("web", NOW, json.loads(json.dumps(STATE.as_facts())), POLICY)
    assert set(record) == KEYS
    assert (record["schema"], record["host"], record["audited_at"]) == (RECORD_SCHEMA, "web", NOW)
    assert (record["reachable"], record["error"], record["declares"]) == (True, None, True)
    assert [change["layer"] for change in record["drift"]][:3] == ["runtime", "file", "drop-in"]
    assert [entry["verdict"] for entry in record["services"]] == ["missing"]
    assert [finding["id"] for finding in record["findings"]] == ["score.missing"]
    assert record["state"]["memory"]["total_kib"] == 4_000_000
    assert json.loads(json.dumps(record)) == record


@pytest.mark.parametrize(
    ("reachable", "finding_id"), [(False, "audit.unreachable"), (True, "audit.failed")], ids=["not reached", "failed"]
)
def test_a_host_that_could_not_be_looked_at_is_a_result_too(reachable: bool, finding_id: str) -> None:
    record = not_audited("web", NOW, reachable, "timed out")
    assert set(record) == KEYS
    assert (record["reachable"], record["error"], record["state"]) == (reachable, "timed out", None)
    assert (record["declares"], record["drift"], record["services"]) == (None, [], [])
    (finding,) = record["findings"]
    assert (finding["id"], finding["severity"], finding["subject"]) == (finding_id, "critical", "web")
    assert finding["observed"] == "timed out"


@pytest.mark.parametrize("facts", [{}, {"schema": 2}, {"schema": 1}, {"schema": 1, "memory": []}], ids=repr)
def test_facts_that_are_not_ours_are_refused(facts: dict[str, Any]) -> None:
    with pytest.raises(WrongShape):
        audited("web", NOW, facts, Policy())


@pytest.mark.parametrize("key", ["kill_order", "forecast", "scores", "forecast_does_not_know"])
@pytest.mark.parametrize("value", ["gone", None, [{"unit": None}]], ids=repr)
def test_a_record_can_be_shown_whatever_the_device_made_of_the_derived_facts(key: str, value: Any) -> None:
    """One device with other facts must not cost the whole fleet its page: what follows is computed here."""
    facts = json.loads(json.dumps(STATE.as_facts()))
    if value == "gone":
        del facts[key]
    else:
        facts[key] = value
    record = audited("web", NOW, facts, Policy())
    assert summarise(record)[0] == "web:"
    assert "</html>" in "".join(host_page(record))


def test_what_a_device_adds_stays_out_of_the_record() -> None:
    facts = {**STATE.as_facts(), "password": "secret", "processes": []}
    assert "secret" not in json.dumps(audited("web", NOW, facts, Policy()))


@pytest.mark.parametrize("key", ["vm.panic_on_oom", "vm.overcommit_ratio"])
def test_a_number_that_is_none_is_told(key: str) -> None:
    """Longer than Python takes for one."""
    found = sysctls(runtime={"vm.overcommit_memory": "2", key: "9" * 5000})
    with pytest.raises(WrongShape, match="the host says a number that is none: "):
        audited("web", NOW, host_state().as_facts() | {"sysctls": asdict(found)}, Policy())
