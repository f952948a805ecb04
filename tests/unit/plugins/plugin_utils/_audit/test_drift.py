# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from unit.samples import HEIR, LEADER, declared, host_state, memory, policy_of, service, services_state, sysctls

from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HIDDEN, Unread
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import SYSCTL_FILE
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.families import Policy
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.drift import Drift, find_drift

SCORE = "OOMScoreAdjust"
OWN = "/etc/systemd/system/nginx.service.d/zz-lifeboat-oom.conf"
NGINX = [{"name": "nginx", "oom_score_adj": -500}]


def drift(policy: Policy, **changes: Any) -> Drift:
    return find_drift(host_state(**changes), policy)


def changed(found: Drift) -> list[tuple[str, str, str | None, str | None]]:
    return [(change.layer, change.key, change.before, change.after) for change in found.plan.changes]


def test_nothing_declared_is_no_drift() -> None:
    found = drift(policy_of())
    assert (found.plan.changes, found.services, found.not_compared) == ((), (), ())


def test_a_host_differs_in_each_layer_that_would_be_converged() -> None:
    found = drift(policy_of({"mode": "always"}, {"dump_tasks": False}))
    assert changed(found) == [
        ("runtime", "vm.overcommit_memory", "0", "1"),
        ("file", "vm.overcommit_memory", None, "1"),
        ("runtime", "vm.oom_dump_tasks", "1", "0"),
        ("file", "vm.oom_dump_tasks", None, "0"),
    ]


def test_a_converged_host_has_no_drift() -> None:
    state = sysctls({SYSCTL_FILE: "vm.overcommit_memory = 1\n"}, {"vm.overcommit_memory": "1"})
    assert changed(drift(policy_of({"mode": "always"}), sysctls=state)) == []


@pytest.mark.parametrize(
    ("overcommit", "layers"),
    [
        ({"mode": "always", "persistent": False}, ["runtime"]),
        ({"mode": "always", "runtime": False}, ["file"]),
        ({"state": "absent"}, ["runtime"]),
        ({"ratio": "auto", "min_headroom_pct": 50}, ["runtime", "file"]),
    ],
    ids=["not kept in a file", "only kept in a file", "absent", "a higher headroom"],
)
def test_only_what_would_be_converged_is_drift(overcommit: dict[str, Any], layers: list[str]) -> None:
    """The options say what is meant to be: the audit of a host that was just converged is clean."""
    state = sysctls(runtime={"vm.overcommit_ratio": "30"})
    assert [
        layer for layer, _unused, _unused, _unused in changed(drift(policy_of(overcommit), sysctls=state))
    ] == layers


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"sysctls": replace(sysctls(), runtime={})},
            "overcommit: vm.overcommit_ratio: this kernel has no such setting",
        ),
        ({"sysctls": sysctls(read_only=("vm.overcommit_ratio",))}, "overcommit: .*/proc/sys is read-only"),
        ({"memory": memory(committed_kib=None)}, "overcommit: ratio: auto needs Committed_AS"),
        ({"memory": memory(committed_kib=9_000_000)}, "overcommit: ratio: auto found no ratio"),
    ],
    ids=["no such sysctl", "container", "not told", "no ratio"],
)
def test_what_can_not_be_compared_says_why_and_hides_nothing_else(changes: dict[str, Any], why: str) -> None:
    policy = policy_of({"ratio": "auto"}, None, NGINX)
    found = drift(policy, declared=services_state(declared(service())), **changes)
    (said,) = found.not_compared
    assert said.startswith(why.split(".*")[0]) and why.split(".*")[-1] in said
    assert "drop-in" in [layer for layer, _unused, _unused, _unused in changed(found)]


@pytest.mark.parametrize(
    ("option", "layers"),
    [
        ({"persistent": "no"}, ["runtime"]),
        ({"runtime": "false"}, ["file"]),
        ({"persistent": None, "runtime": None}, ["runtime", "file"]),
        ({"min_headroom_pct": None}, ["runtime", "file"]),
    ],
    ids=["text", "text of a template", "null is the default", "null headroom"],
)
def test_an_option_means_what_the_module_makes_of_it(option: dict[str, Any], layers: list[str]) -> None:
    """The module converts "no" to false and null to its default; the audit reads the same variable."""
    assert [
        layer for layer, _unused, _unused, _unused in changed(drift(policy_of({"mode": "always", **option})))
    ] == layers


def test_services_are_compared_as_they_would_be_converged() -> None:
    found = drift(policy_of(services=NGINX), declared=services_state(declared(service())))
    assert [layer for layer, _unused, _unused, _unused in changed(found)] == ["drop-in", "loaded", "running", "running"]
    assert [(entry.name, entry.verdict) for entry in found.services] == [("nginx.service", "missing")]


def test_left_over_drop_ins_are_drift_only_where_the_list_is_exclusive() -> None:
    text = declared(service()).text_for({SCORE: "-500"})
    state = service(dropins={OWN: text}, running=(LEADER, HEIR), oom_score_adjust=-500, dropin_paths=(OWN,))
    left = services_state(left_over=(declared(state),))
    assert changed(drift(policy_of(), declared=left)) == []
    assert changed(drift(policy_of(exclusive=True), declared=left))[0] == ("drop-in", SCORE, "-500", None)


def test_sysctls_that_could_not_be_read_are_not_compared() -> None:
    policy = policy_of({"mode": "always"}, {"dump_tasks": True}, NGINX)
    unread = (Unread("sysctls", "cannot read x"), Unread("vmstat", "gone"))
    found = drift(policy, sysctls=None, declared=services_state(declared(service())), unread=unread)
    assert len(found.not_compared) == 2
    assert all("cannot read x" in said and "gone" not in said for said in found.not_compared)
    assert {layer for layer, _unused, _unused, _unused in changed(found)} == {"drop-in", "loaded", "running"}


@pytest.mark.parametrize("exclusive", [False, True])
def test_services_that_could_not_be_read_are_not_compared(exclusive: bool) -> None:
    policy = policy_of(services=[] if exclusive else NGINX, exclusive=exclusive)
    found = drift(policy, declared=None, unread=(Unread("services", "no bus"), Unread("vmstat", "gone")))
    assert found.not_compared == ("services: no bus",)
    assert (found.plan.changes, found.services) == ((), ())


def test_a_service_whose_processes_are_hidden_is_not_compared_whole() -> None:
    unread = (Unread("processes", HIDDEN),)
    found = drift(policy_of(services=NGINX), declared=services_state(declared(service(running=()))), unread=unread)
    assert found.not_compared == ("services: the processes of nginx.service are hidden from the user who looked",)
    seen = drift(policy_of(services=NGINX), declared=services_state(declared(service())), unread=unread)
    stopped = declared(service(running=(), main_pid=None))
    assert seen.not_compared == drift(policy_of(services=NGINX), declared=services_state(stopped)).not_compared == ()


def test_an_answer_that_lacks_a_declared_unit_is_not_compared() -> None:
    """The device answers; it may answer with less than was asked."""
    found = drift(policy_of(services=NGINX), declared=services_state())
    assert len(found.not_compared) == 1
    assert "nginx.service" in found.not_compared[0]


def test_a_host_without_systemd_has_no_drop_in_of_ours() -> None:
    state = host_state(declared=None, unread=(Unread("services", "not booted with systemd"),))
    busybox = replace(state, host=replace(state.host, init="init"))
    assert find_drift(busybox, policy_of(exclusive=True)) == Drift()
    assert len(find_drift(busybox, policy_of(services=NGINX)).not_compared) == 1
    assert len(find_drift(state, policy_of(exclusive=True)).not_compared) == 1
