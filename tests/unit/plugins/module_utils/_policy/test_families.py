# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from unit.samples import policy_of

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import SYSCTL_FILE
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.families import FAMILIES, Policy, load_policy
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import ServicePolicy

NGINX = [{"name": "nginx", "oom_score_adj": -500}]


def test_a_policy_holds_what_is_declared_of_each_family() -> None:
    policy = policy_of({"mode": "never", "min_headroom_pct": 20, "sysctl_file": "/etc/sysctl.d/x.conf"}, None, NGINX)
    assert [each.family.name for each in policy.declarations] == ["overcommit", "services"]
    assert policy.declarations[0].options["min_headroom_pct"] == 20
    assert policy.services == (ServicePolicy("nginx.service", {"OOMScoreAdjust": "-500"}),)
    assert policy.sysctl_file == "/etc/sysctl.d/x.conf"


@pytest.mark.parametrize(
    "declared",
    [{"overcommit": {"mode": "always"}}, {"reaction": {"dump_tasks": True}}, {"services": NGINX}, {"exclusive": True}],
    ids=lambda one: next(iter(one)),
)
def test_each_declares_something(declared: dict[str, Any]) -> None:
    assert policy_of(**declared).declares


@pytest.mark.parametrize("nothing", [None, {}], ids=repr)
def test_nothing_declared_is_nothing_managed(nothing: Any) -> None:
    policy = policy_of(nothing, nothing, [])
    assert policy == load_policy({"services": nothing}) == load_policy({}) == Policy()
    assert (policy.declares, policy.services, policy.sysctl_file) == (False, (), None)


@pytest.mark.parametrize("switch", ["runtime", "persistent", "force"])
@pytest.mark.parametrize(("said", "meant"), [("no", False), ("true", True), (None, None)])
def test_a_switch_is_read_as_the_module_reads_it(switch: str, said: Any, meant: bool | None) -> None:
    (found,) = policy_of({"mode": "always", switch: said}).declarations
    assert found.options[switch] is (found.family.spec[switch]["default"] if meant is None else meant)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"overcomit": {}}, r"^declared: unknown key 'overcomit', expected only: overcommit, .*, services$"),
        ({"overcommit": {"mdoe": "never"}}, r"^oom_kernel_overcommit: unknown key 'mdoe'"),
        ({"overcommit": ["never"]}, r"^oom_kernel_overcommit: found \['never'\], expected a dictionary"),
        ({"reaction": {"min_headroom_pct": 5}}, r"^oom_kernel_reaction: unknown key 'min_headroom_pct'"),
        (
            {"services": {"services": {"nginx": -500}}},
            r"^oom_protect_services: found \{'nginx': -500\}, expected a list",
        ),
        (
            {"services": {"services": [{"name": "a"}]}},
            r"^oom_protect_services\[0\] \(a.service\): oom_score_adj is mis",
        ),
        ({"services": {"apply": "later"}}, r"^oom_protect_apply: found 'later', expected one of: live, restart, none$"),
        ({"services": {"max_protected_pct": 101}}, r"^oom_protect_max_protected_pct: found 101"),
        ({"services": {"sensitive_services": ["a"]}}, r"^oom_protect_sensitive_services: found \['a'\]"),
        (
            {"overcommit": {"sysctl_file": "/etc/a.conf", "mode": "always"}, "reaction": {"dump_tasks": True}},
            rf"sysctl_file: found /etc/a\.conf and {SYSCTL_FILE}, expected the same file for all",
        ),
        (
            {"overcommit": {"sysctl_file": "a.conf"}},
            r"^oom_kernel_overcommit\.sysctl_file: found 'a\.conf', expected an",
        ),
        (
            {"reaction": {"state": "gone"}},
            r"^oom_kernel_reaction\.state: found 'gone', expected one of: present, absent",
        ),
        (
            {"reaction": {"on_conflict": "win"}},
            r"^oom_kernel_reaction\.on_conflict: found 'win', expected one of: fail",
        ),
        (
            {"reaction": {"runtime": "perhaps"}},
            r"^oom_kernel_reaction\.runtime: found 'perhaps', expected true or false",
        ),
    ],
    ids=[
        *["no family", "misspelt", "list", "another's option", "dictionary", "no score", "no way to apply", "too much"],
        *["not what for", "two files", "no path", "no state", "no answer to a conflict", "no flag"],
    ],
)
def test_a_variable_that_can_not_be_meant_is_named(declared: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidPolicy, match=message):
        load_policy(declared)


@pytest.mark.parametrize("name", list(FAMILIES))
def test_each_family_can_declare_that_nothing_shall_be_there(name: str) -> None:
    family = FAMILIES[name]
    assert load_policy({name: family.absent({})}).declares
    where = {"sysctl_file": "/etc/x.conf", "dropin": "x.conf"}
    found = load_policy({name: family.absent(where)}).declarations[0]
    assert any(found.options.get(key) == value for key, value in where.items())
