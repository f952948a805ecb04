# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(fleet_report): from the spool to one page and one exit status. Touches no device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.plugin_utils._findings.finding import SEVERITIES
from ansible_collections.lifeboat.oom.plugins.plugin_utils._page import render
from ansible_collections.lifeboat.oom.plugins.plugin_utils._spool import Spool
from ansible_collections.lifeboat.oom.plugins.plugin_utils._summary import summarise

FAIL_ON = ("none", "drift", "warning", "critical")


class ActionModule(ActionBase):  # type: ignore[misc]
    """Reads all records, writes the page, and fails where the hosts of this run cross I(fail_on)."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(
            argument_spec={
                "report_dir": {"type": "str", "required": True},
                "fail_on": {"type": "str", "choices": list(FAIL_ON), "default": "none"},
                "hosts": {"type": "list", "elements": "str"},
            }
        )
        spool = Spool(Path(arguments["report_dir"]))
        hosts = arguments["hosts"] or (task_vars or {}).get("ansible_play_hosts_all", [])
        try:
            records = list(spool.records())
            page = spool.write_page("index.html", render(records, datetime.now(UTC).isoformat(timespec="seconds")))
        except LifeboatError as error:
            raise AnsibleActionFail(str(error)) from error
        chosen = [record for record in records if record["host"] in hosts]
        crossed = [record["host"] for record in chosen if crosses(record, arguments["fail_on"])]
        result.update(
            changed=False,
            page=str(page),
            records=str(spool.folder / "hosts"),
            crossed=crossed,
            summary=[line for record in chosen for line in summarise(record)]
            + ["", f"page: {page}", f"JSON: {spool.folder / 'hosts'}"],
        )
        return result


def crosses(record: Mapping[str, Any], fail_on: str) -> bool:
    """Whether a host is as bad as I(fail_on), or worse; drift counts for V(drift) and V(warning).

    What could not be compared, or was never installed, is no less a difference than what was.
    """
    if fail_on == "none":
        return False
    severities: Sequence[str] = [finding["severity"] for finding in record["findings"]]
    if fail_on == "drift":
        return bool(record["drift"]) or any(_does_not_hold(finding) for finding in record["findings"])
    worst = max((SEVERITIES.index(severity) for severity in severities), default=-1)
    return worst >= SEVERITIES.index(fail_on) or (fail_on == "warning" and bool(record["drift"]))


def _does_not_hold(finding: Mapping[str, Any]) -> bool:
    return str(finding.get("id")).startswith(("audit.", "score.")) and finding["severity"] != "info"
