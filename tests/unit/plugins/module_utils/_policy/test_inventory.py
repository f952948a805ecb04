# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.families import FAMILIES, load_policy
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.inventory import declared_by

NGINX = {"name": "nginx", "oom_score_adj": -500}
METRICS = {"name": "metrics.service", "oom_score_adj": 500}


def test_variables_are_declarations_by_family() -> None:
    variables = {
        "oom_kernel_overcommit": {"mode": "always"},
        "oom_kernel_reaction": {},
        "oom_protect_services": [NGINX],
        "oom_protect_services_kiosks": [METRICS],
        "oom_protect_apply": "none",
        "oom_protect_restart": True,
    }
    assert declared_by(variables) == {
        "overcommit": {"mode": "always"},
        "services": {"services": [METRICS, {**NGINX, "name": "nginx.service"}], "apply": "none"},
    }
    assert list(declared_by(variables, role="oom_kernel")) == ["overcommit"]
    assert list(declared_by(variables, role="oom_protect")) == ["services"]


def test_no_variables_declare_nothing() -> None:
    assert not load_policy(declared_by({})).declares


def test_absent_is_of_every_family_where_the_variables_say_that_it_is() -> None:
    variables = {
        "oom_kernel_overcommit": {"sysctl_file": "/etc/x.conf", "mode": "never"},
        "oom_protect_dropin": "y.conf",
    }
    found = declared_by({**variables, "oom_protect_services": [NGINX]}, "absent")
    assert found.keys() == FAMILIES.keys()
    assert found["overcommit"] == {"state": "absent", "sysctl_file": "/etc/x.conf"}
    assert found["services"] == {"services": [], "exclusive": True, "dropin": "y.conf"}


@pytest.mark.parametrize(
    "lists", [{"oom_protect_services": {"nginx": 5}}, {"oom_protect_services_a": "nginx"}], ids=repr
)
def test_what_is_no_list_of_services_is_named(lists: dict[str, Any]) -> None:
    with pytest.raises(InvalidPolicy, match=f"^{next(iter(lists))}: found .*, expected a list of services"):
        declared_by(lists)
