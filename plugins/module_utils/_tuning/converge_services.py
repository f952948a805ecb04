# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flow of the module C(service_oom_score): read, plan, apply, read again, judge."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.process_table import read_processes
from ansible_collections.lifeboat.oom.plugins.module_utils._health.services import (
    read_services,
    require_systemd,
    show,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._plan import Plan
from ansible_collections.lifeboat.oom.plugins.module_utils._policy import ServicePolicy, service_policies
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import ServiceState
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.services import (
    FAILED_VERDICTS,
    apply_live,
    as_result,
    expected,
    plan_services,
    verdict,
    write_dropins,
)

States = Dict[str, ServiceState]


def read_states(host: Host, policies: Sequence[ServicePolicy]) -> States:
    """The declared services by their declared name."""
    version = require_systemd(host)
    names = [policy.name for policy in policies]
    processes, _ = read_processes(host)
    states = read_services(host, show(host, names), processes, version)
    return dict(zip(names, states))


def converge_services(host: Host, params: Mapping[str, Any], check_mode: bool) -> Dict[str, Any]:
    """Bring all declared services to their score; the result of the module."""
    policies = service_policies(params["services"])
    before = read_states(host, policies)
    _refuse_unknown(before)
    plan = plan_services(before, policies)
    if check_mode or not plan.changed:
        after = {policy.name: expected(before[policy.name], policy) for policy in policies}
    else:
        after = _apply(host, before, policies)
    return _result(plan, before, after, policies)


def _refuse_unknown(states: Mapping[str, ServiceState]) -> None:
    unknown = [name for name, state in states.items() if state.unit.load_state == "not-found"]
    masked = [name for name, state in states.items() if state.unit.load_state == "masked"]
    if unknown:
        raise LifeboatError(
            "systemd knows no unit {}; expected the name of an installed one (systemctl list-unit-files shows "
            "them); nothing was changed".format(", ".join(unknown))
        )
    if masked:
        raise LifeboatError(
            "the unit {} is masked, so that it never starts; unmask it or take it out of the list; nothing was "
            "changed".format(", ".join(masked))
        )


def _apply(host: Host, before: States, policies: Sequence[ServicePolicy]) -> States:
    if write_dropins(host, before, policies):
        host.run_or_fail(["systemctl", "daemon-reload"])
    apply_live(host, before, policies)
    return read_states(host, policies)


def _result(plan: Plan, before: States, after: States, policies: Sequence[ServicePolicy]) -> Dict[str, Any]:
    failed: List[str] = []
    for policy in policies:
        judged = verdict(after[policy.name], policy)
        if judged.word in FAILED_VERDICTS:
            failed.append(f"{policy.name}: {judged}")
    result: Dict[str, Any] = {
        "changed": plan.changed,
        "plan": plan.as_list(),
        "diff": plan.diff("oom_score_adj"),
        "services": [as_result(after[policy.name], policy) for policy in policies],
        "before": [as_result(before[policy.name], policy) for policy in policies],
    }
    if failed:
        result["failed"] = True
        result["msg"] = "the declared score does not hold for " + "; ".join(failed)
    return result
