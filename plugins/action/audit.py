# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(audit): look at one host through its connection, and judge on the controller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.collector import ARGUMENTS, questions
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.protection import sensitive_services
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.database import HistoryUnusable
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.drift import Policy, load_policy
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Thresholds
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.record import audited, not_audited
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.over_connection import COLLECTORS, facts_in, look
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import ServiceTrend
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.publish import counters_before, publish, trends_with
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.terminal_summary import summarise


class ActionModule(ActionBase):  # type: ignore[misc]
    """Never changes the device; keeps what it saw in spool, history and page, also of a host that does not answer."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _unused, arguments = self.validate_argument_spec(
            argument_spec={
                "overcommit": {"type": "raw"},
                "oom_policy": {"type": "raw"},
                "services": {"type": "raw"},
                "exclusive": {"type": "bool", "default": False},
                "dropin": {"type": "str"},
                "thresholds": {"type": "raw"},
                "sensitive": {"type": "raw"},
                "collector": {"type": "str", "choices": list(COLLECTORS), "default": "auto"},
                "report_dir": {"type": "str", "required": True},
            }
        )
        host = str(variables.get("inventory_hostname", "localhost"))
        report = Path(arguments["report_dir"])
        without_history: set[str] = set()
        try:
            policy = load_policy(
                arguments["overcommit"], arguments["oom_policy"], arguments["services"], arguments["exclusive"]
            )
            thresholds = Thresholds.of(arguments["thresholds"], "thresholds")
            sensitive = sensitive_services("sensitive", arguments["sensitive"])
            options = _options(policy, arguments)
            asked = questions(options)
            try:
                facts = facts_in(look(self, arguments["collector"], options, asked, variables))
                # After a look that may take minutes: what happened since boot is reckoned back from here.
                when = _now()
                earlier: Mapping[str, Any] | None = None
                trends: Sequence[ServiceTrend] = ()
                try:
                    earlier = counters_before(report, host, facts, when)
                    trends = trends_with(report, host, facts, when, thresholds.leak_limits())
                except HistoryUnusable as error:
                    without_history.add(str(error))
                record = audited(host, when, facts, policy, thresholds, sensitive, earlier, trends)
            except AnsibleConnectionFailure as error:
                record = not_audited(host, _now(), reachable=False, error=str(error))
            except LifeboatError as error:
                record = not_audited(host, _now(), reachable=True, error=str(error))
            published = publish(report, {**record, "groups": variables.get("group_names", [])})
        except LifeboatError as error:
            raise AnsibleActionFail(str(error)) from error
        if published.unkept:
            without_history.add(published.unkept)
        if without_history:
            result["warnings"] = [f"going on without the history: {why}" for why in sorted(without_history)]
        result.update(
            changed=False,
            reachable=record["reachable"],
            drift=record["drift"],
            services=record["services"],
            findings=record["findings"],
            summary=summarise(record),
            new_findings=sorted(published.new),
            record=str(published.path),
        )
        return result


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _options(policy: Policy, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Those of memory_facts."""
    options = {name: spec.get("default") for name, spec in ARGUMENTS.items()}
    options["units"] = [service.name for service in policy.services]
    options["dropin"] = arguments["dropin"] or options["dropin"]
    options["sysctl_file"] = policy.sysctl_file or options["sysctl_file"]
    return options
