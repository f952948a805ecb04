# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of families do: one family, or all that is declared."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.families import FAMILIES, Policy, load_policy
from ansible_collections.lifeboat.oom.plugins.module_utils._runner import run
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.converge import converge


def run_family(name: str) -> None:
    """The module of the family I(name)."""
    family = FAMILIES[name]

    def body(host: Host, params: Mapping[str, Any], check_mode: bool) -> Dict[str, Any]:
        return converge(host, Policy((family.declaration(params, ""),)), check_mode)[name]

    run(dict(family.spec), body)


def converge_declared(host: Host, params: Mapping[str, Any], check_mode: bool) -> Dict[str, Any]:
    """All families; the result of the module C(converge)."""
    families = converge(host, load_policy(params["declared"]), check_mode)
    result: Dict[str, Any] = {"changed": any(each["changed"] for each in families.values()), "families": families}
    for key in ("plan", "diff", "warnings"):
        result[key] = [entry for each in families.values() for entry in each[key]]
    for each in families.values():
        # They are told once.
        del each["diff"], each["warnings"]
    failed = [f"{name}: {each['msg']}" for name, each in families.items() if each.get("failed")]
    if failed:
        result.update(failed=True, msg="; ".join(failed))
    return result
