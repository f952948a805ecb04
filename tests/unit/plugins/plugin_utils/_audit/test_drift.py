# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from unit.samples import HEIR, LEADER, declared, host_state, memory, service, services_state, sysctls

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import Unread
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.kernel import SYSCTL_FILE
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import ServicePolicy
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.drift import Drift, Policy, find_drift, load_policy

SCORE = "OOMScoreAdjust"
OWN = "/etc/systemd/system/nginx.service.d/zz-lifeboat-oom.conf"
NGINX = [{"name": "nginx", "oom_score_adj": -500}]


def drift(policy: Policy, **changes: Any) -> Drift:
    return find_drift(host_state(**changes), policy)


def changed(found: Drift) -> list[tuple[str, str, str | None, str | None]]:
    return [(change.layer, change.key, change.before, change.after) for change in found.plan.changes]


def test_a_policy_holds_what_the_variables_declare() -> None:
    overcommit = {"mode": "never", "ratio": "auto", "min_headroom_pct": 20, "sysctl_file": "/etc/sysctl.d/x.conf"}
    policy = load_policy(overcommit, None, NGINX)
    assert policy == Policy(overcommit, None, (ServicePolicy("nginx.service", {SCORE: "-500"}),), False)
    assert policy.sysctl_file == "/etc/sysctl.d/x.conf"


@pytest.mark.parametrize(
    "declared",
    [{"overcommit": {"mode": "always"}}, {"oom": {"dump_tasks": True}}, {"services": NGINX}, {"exclusive": True}],
    ids=lambda one: next(iter(one)),
)
def test_each_variable_declares_something(declared: dict[str, Any]) -> None:
    assert load_policy(**declared).declares


@pytest.mark.parametrize("nothing", [None, {}], ids=repr)
def test_nothing_declared_is_nothing_managed(nothing: Any) -> None:
    policy = load_policy(nothing, nothing, [])
    assert policy == Policy()
    assert policy.sysctl_file is None
    assert not policy.declares


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"overcommit": {"mdoe": "never"}}, r"^oom_kernel_overcommit: unknown key 'mdoe'"),
        ({"overcommit": ["never"]}, r"^oom_kernel_overcommit: found \['never'\], expected a dictionary"),
        ({"overcommit": {"mode": 2}}, r"^oom_kernel_overcommit\.mode: found 2"),
        ({"oom": {"panic_on_oom": 1}}, r"^oom_kernel_oom_policy\.panic_on_oom: found 1"),
        ({"oom": {"min_headroom_pct": 5}}, r"^oom_kernel_oom_policy: unknown key 'min_headroom_pct'"),
        ({"services": {"nginx": -500}}, r"^oom_protect_services: found \{'nginx': -500\}, expected a list"),
        ({"services": [{"name": "nginx"}]}, r"^oom_protect_services\[0\] \(nginx.service\): oom_score_adj is missing"),
        (
            {"overcommit": {"sysctl_file": "/etc/a.conf", "mode": "always"}, "oom": {"dump_tasks": True}},
            r"sysctl_file: found /etc/a\.conf and None, expected the same file for both",
        ),
        (
            {"overcommit": {"sysctl_file": "a.conf"}},
            r"^oom_kernel_overcommit\.sysctl_file: found 'a\.conf', expected an",
        ),
        ({"overcommit": {"min_headroom_pct": "x"}}, r"^oom_kernel_overcommit\.min_headroom_pct: found 'x', expected a"),
        ({"oom": {"state": "gone"}}, r"^oom_kernel_oom_policy\.state: found 'gone', expected one of: present, absent"),
        ({"oom": {"on_conflict": "win"}}, r"^oom_kernel_oom_policy\.on_conflict: found 'win', expected one of: fail"),
        ({"oom": {"runtime": "perhaps"}}, r"^oom_kernel_oom_policy\.runtime: found 'perhaps', expected true or false"),
    ],
    ids=[
        *["misspelt", "list", "number", "panic", "another's option", "dictionary", "no score", "two files"],
        *["no path", "no headroom", "no state", "no answer to a conflict", "no flag"],
    ],
)
def test_a_variable_that_can_not_be_meant_is_named(variables: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidPolicy, match=message):
        load_policy(**variables)


def test_nothing_declared_is_no_drift() -> None:
    found = drift(load_policy())
    assert (found.plan.changes, found.services, found.not_compared) == ((), (), ())


def test_a_host_differs_in_each_layer_that_would_be_converged() -> None:
    found = drift(load_policy({"mode": "always"}, {"dump_tasks": False}))
    assert changed(found) == [
        ("runtime", "vm.overcommit_memory", "0", "1"),
        ("file", "vm.overcommit_memory", None, "1"),
        ("runtime", "vm.oom_dump_tasks", "1", "0"),
        ("file", "vm.oom_dump_tasks", None, "0"),
    ]


def test_a_converged_host_has_no_drift() -> None:
    state = sysctls({SYSCTL_FILE: "vm.overcommit_memory = 1\n"}, {"vm.overcommit_memory": "1"})
    assert changed(drift(load_policy({"mode": "always"}), sysctls=state)) == []


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
        layer for layer, _unused, _unused, _unused in changed(drift(load_policy(overcommit), sysctls=state))
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
    policy = load_policy({"ratio": "auto"}, None, NGINX)
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
        layer for layer, _unused, _unused, _unused in changed(drift(load_policy({"mode": "always", **option})))
    ] == layers


def test_services_are_compared_as_they_would_be_converged() -> None:
    found = drift(load_policy(services=NGINX), declared=services_state(declared(service())))
    assert [layer for layer, _unused, _unused, _unused in changed(found)] == ["drop-in", "loaded", "running", "running"]
    assert [(entry.name, entry.verdict) for entry in found.services] == [("nginx.service", "missing")]


def test_left_over_drop_ins_are_drift_only_where_the_list_is_exclusive() -> None:
    text = declared(service()).text_for({SCORE: "-500"})
    state = service(dropins={OWN: text}, running=(LEADER, HEIR), oom_score_adjust=-500, dropin_paths=(OWN,))
    left = services_state(left_over=(declared(state),))
    assert changed(drift(load_policy(), declared=left)) == []
    assert changed(drift(load_policy(exclusive=True), declared=left))[0] == ("drop-in", SCORE, "-500", None)


def test_sysctls_that_could_not_be_read_are_not_compared() -> None:
    policy = load_policy({"mode": "always"}, {"dump_tasks": True}, NGINX)
    unread = (Unread("sysctls", "cannot read x"), Unread("vmstat", "gone"))
    found = drift(policy, sysctls=None, declared=services_state(declared(service())), unread=unread)
    assert len(found.not_compared) == 2
    assert all("cannot read x" in said and "gone" not in said for said in found.not_compared)
    assert {layer for layer, _unused, _unused, _unused in changed(found)} == {"drop-in", "loaded", "running"}


@pytest.mark.parametrize("exclusive", [False, True])
def test_services_that_could_not_be_read_are_not_compared(exclusive: bool) -> None:
    policy = load_policy(services=[] if exclusive else NGINX, exclusive=exclusive)
    found = drift(policy, declared=None, unread=(Unread("services", "no bus"), Unread("vmstat", "gone")))
    assert found.not_compared == ("services: no bus",)
    assert (found.plan.changes, found.services) == ((), ())


def test_an_answer_that_lacks_a_declared_unit_is_not_compared() -> None:
    """The device answers; it may answer with less than was asked."""
    found = drift(load_policy(services=NGINX), declared=services_state())
    assert len(found.not_compared) == 1
    assert "nginx.service" in found.not_compared[0]
