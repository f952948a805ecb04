# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import (
    ServicePolicy,
    dropin_name,
    merge_declared,
    service_policies,
    unit_name,
)

SCORE = "OOMScoreAdjust"
NGINX = {"name": "nginx", "oom_score_adj": -500}

entries = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "a.service", "b", "app@.service"]), "oom_score_adj": st.integers(-1, 1)},
    optional={"memory_min": st.sampled_from(["64M", "10%"]), "state": st.sampled_from(["present", "absent"])},
)
lists = st.lists(entries, max_size=3, unique_by=lambda entry: str(entry["name"]).replace(".service", ""))


def test_services_are_declared_in_their_order_under_their_full_names() -> None:
    declared = [{"name": "sshd", "oom_score_adj": "-900"}, {"name": "app@one.service", "oom_score_adj": 1000}]
    assert service_policies(declared) == (
        ServicePolicy("sshd.service", {SCORE: "-900"}),
        ServicePolicy("app@one.service", {SCORE: "1000"}),
    )
    assert service_policies([]) == service_policies(()) == ()


@pytest.mark.parametrize(
    ("entry", "settings"),
    [
        ({"oom_policy": "continue"}, {"OOMPolicy": "continue"}),
        ({"managed_oom_preference": "omit"}, {"ManagedOOMPreference": "omit"}),
        ({"memory_min": "64M", "memory_low": 134217728}, {"MemoryMin": "64M", "MemoryLow": "134217728"}),
        ({"memory_min": "1.5G", "memory_low": "10%"}, {"MemoryMin": "1.5G", "MemoryLow": "10%"}),
        ({"memory_min": 0, "memory_low": "infinity"}, {"MemoryMin": "0", "MemoryLow": "infinity"}),
        ({"memory_min": None, "oom_policy": None, "state": "present"}, {}),
    ],
    ids=["policy", "preference", "sizes", "fraction and share", "none and all", "not managed"],
)
def test_settings_are_texts_for_systemd(entry: dict[str, Any], settings: dict[str, str]) -> None:
    (policy,) = service_policies([{**NGINX, **entry}])
    assert policy == ServicePolicy("nginx.service", {SCORE: "-500", **settings})
    assert policy.oom_score_adj == -500


def test_an_absent_service_needs_nothing_else() -> None:
    (policy,) = service_policies([{"name": "nginx", "state": "absent", "oom_score_adj": 5}])
    assert policy == ServicePolicy("nginx.service", {}, present=False)
    assert policy.oom_score_adj is None


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (None, r"^s: found None, expected a list of services$"),
        (NGINX, "expected a list"),
        ("nginx", "expected a list"),
        (["nginx"], r"^s\[0\]: found 'nginx', expected a dictionary with the keys: name, oom_score_adj, "),
        ([{"name": "nginx"}], r"^s\[0\] \(nginx.service\): oom_score_adj is missing$"),
        ([{"name": "nginx", "oom_score_adj": None}], "oom_score_adj is missing"),
        ([{"oom_score_adj": 0}], r"^s\[0\]\.name: found None, expected the name of a unit"),
        ([{**NGINX, "oom_scor_adj": 1}], "unknown key 'oom_scor_adj'"),
        ([{**NGINX, "oom_score_adj": -1001}], r"^s\[0\].oom_score_adj: found -1001, .* from -1000 to 1000$"),
        ([{**NGINX, "oom_score_adj": False}], "YAML boolean"),
        ([{**NGINX, "oom_policy": "die"}], r"^s\[0\]\.oom_policy: found 'die', expected one of: continue, stop, kill$"),
        ([{**NGINX, "managed_oom_preference": False}], r"^s\[0\]\.managed_oom_preference: found False"),
        ([{**NGINX, "memory_min": "64 megabytes"}], r"^s\[0\]\.memory_min: found '64 megabytes', expected a size"),
        ([{**NGINX, "memory_min": ""}], "expected a size"),
        ([{**NGINX, "memory_min": True}], "expected a size"),
        ([{**NGINX, "memory_low": 1.5}], "expected a size"),
        ([{**NGINX, "memory_low": -1}], "expected a size"),
        ([{**NGINX, "memory_low": "101%"}], "expected a size"),
        ([{**NGINX, "memory_low": str(2**64)}], "expected a size"),
        ([{**NGINX, "memory_low": "64M\nExecStart=/bin/sh"}], "expected a size"),
        ([{**NGINX, "memory_low": "64M\n"}], "expected a size"),
        ([{**NGINX, "memory_low": " 64M"}], "expected a size"),
        ([{**NGINX, "state": "gone"}], r"^s\[0\]\.state: found 'gone', expected one of: present, absent$"),
        ([{**NGINX, "name": "a.socket", "oom_policy": "stop"}], "a.socket is no service, and only services"),
        ([NGINX, {**NGINX, "name": "nginx.service"}], r"^s\[1\]: nginx.service is declared twice"),
        ([NGINX, {"name": "nginx.service", "state": "absent"}], "declared twice"),
    ],
    ids=[
        *["nothing", "one service", "text", "list of names", "no score", "empty score", "no name", "misspelt key"],
        *["out of range", "boolean score", "unknown policy", "boolean word", "no size", "empty size", "boolean size"],
        *["fraction of a byte", "negative", "more than all", "overflow", "injected line", "last newline", "blank"],
        *["unknown state", "not for a socket", "twice under two spellings", "present and absent"],
    ],
)  # fmt: skip
def test_services_that_can_not_be_meant_are_refused(declared: Any, message: str) -> None:
    with pytest.raises(InvalidPolicy, match=message):
        service_policies(declared, "s")


@pytest.mark.parametrize(
    "name",
    ["", "a\n[Service]", "../../etc/passwd", "*", "-x", "a b", "a.slice", "\u00fc", 5, True, ["nginx"], {}, b"nginx"],
    ids=repr,
)
def test_a_name_that_is_no_unit_is_refused(name: Any) -> None:
    with pytest.raises(InvalidPolicy, match=r"^where: "):
        unit_name("where", name)


@pytest.mark.parametrize("name", ["zz-lifeboat-oom.conf", "a.conf", "99_x.y.conf"])
def test_a_drop_in_has_a_plain_name(name: str) -> None:
    assert dropin_name("dropin", name) == name


@pytest.mark.parametrize(
    "name",
    [
        *["", ".conf", ".hidden.conf", "a", "a.conf\n", "a/b.conf", "../a.conf", "a b.conf", "-a.conf", None, 5],
        "a" * 300 + ".conf",
    ],
    ids=lambda name: repr(name)[:20],
)  # fmt: skip
def test_any_other_drop_in_is_refused(name: Any) -> None:
    with pytest.raises(
        InvalidPolicy, match=r"^dropin: found .*, expected a file name .* such as zz-lifeboat-oom\.conf$"
    ):
        dropin_name("dropin", name)


def test_lists_become_one_by_unit() -> None:
    variables = {"services_web": [NGINX], "services_base": [{"name": "sshd", "oom_score_adj": -900}]}
    assert merge_declared(variables, None) == [
        {"name": "nginx.service", "oom_score_adj": -500},
        {"name": "sshd.service", "oom_score_adj": -900},
    ]


def test_the_same_declaration_twice_is_one() -> None:
    assert merge_declared({"a": [NGINX], "b": [{**NGINX, "name": "nginx.service"}]}, None) == [
        {"name": "nginx.service", "oom_score_adj": -500}
    ]


def test_two_different_declarations_name_both_variables() -> None:
    variables = {"a": [NGINX], "b": [{"name": "nginx", "state": "absent"}]}
    with pytest.raises(
        InvalidPolicy, match=r"nginx.service is declared differently in a \(OOMScoreAdjust=-500\) and in b \(absent\)"
    ):
        merge_declared(variables, "c")


@pytest.mark.parametrize("names", [("a", "z"), ("z", "a")], ids=["override last", "override first"])
def test_the_override_replaces_what_the_others_say(names: tuple[str, str]) -> None:
    usual, override = names
    merged = merge_declared(
        {usual: [{**NGINX, "memory_min": "64M"}], override: [{**NGINX, "oom_score_adj": 7}]}, override
    )
    assert merged == [{"name": "nginx.service", "oom_score_adj": 7}]


@given(st.dictionaries(st.sampled_from("xyz"), lists, max_size=3))
def test_merged_lists_are_valid_and_lose_no_unit(variables: dict[str, list[dict[str, Any]]]) -> None:
    try:
        merged = merge_declared(variables, "z")
    except InvalidPolicy:
        return
    every = {policy.name for declared in variables.values() for policy in service_policies(declared)}
    assert {policy.name for policy in service_policies(merged)} == every
    assert merge_declared({"again": merged}, None) == merged
    chosen = {policy.name: policy for policy in service_policies(merged)}
    assert all(chosen[policy.name] == policy for policy in service_policies(variables.get("z", [])))
