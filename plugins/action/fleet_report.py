# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(fleet_report): from the spool to one page and one exit status. Touches no device."""

from __future__ import annotations

import heapq
import os
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, LifeboatError
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import Spool, load_record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import LEVELS, Row
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import (
    SEVERITIES,
    Finding,
    Thresholds,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.record import not_audited
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.leaking_packages import LeakingPackages
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.publish import publish, time_of
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.roll_up import EXPORTS, roll_up
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.terminal_summary import summarise
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean

psutil: Any
try:
    import psutil
except ImportError:
    psutil = None

FAIL_ON = ("none", "drift", "warning", "critical")
# More hosts than these are counted in the terminal, not told one by one: the page has them.
MOST_IN_FULL = 20
_WORST = 10
DROPPED = "the play failed for this host before it was looked at: the output of that run says why"


class ActionModule(ActionBase):  # type: ignore[misc]
    """Reads all records, writes the report, and fails where the hosts of this run cross I(fail_on)."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _unused, arguments = self.validate_argument_spec(
            argument_spec={
                "report_dir": {"type": "str", "required": True},
                "fail_on": {"type": "str", "choices": list(FAIL_ON), "default": "none"},
                "hosts": {"type": "list", "elements": "str"},
                "history_days": {"type": "int", "default": 90},
                "thresholds": {"type": "raw"},
            }
        )
        now = datetime.now(UTC).isoformat(timespec="seconds")
        if arguments["history_days"] < 1:
            raise AnsibleActionFail(f"history_days: found {arguments['history_days']}, expected 1 or more")
        spool, variables = Spool(Path(arguments["report_dir"])), task_vars or {}
        # Not those that a play with "serial" has still to look at: what is known of them is of an earlier run.
        hosts = arguments["hosts"] or [*variables.get("ansible_play_batch", ()), *lost(variables)]
        run = Run(hosts, arguments["fail_on"])
        try:
            packages = LeakingPackages(Thresholds.of(arguments["thresholds"], "thresholds"))
            for host in dropped(spool, variables):
                groups = variables["hostvars"][host]["group_names"]
                publish(spool.folder, {**not_audited(host, now, reachable=True, error=DROPPED), "groups": groups})
            page = roll_up(spool, int(time.time()), arguments["history_days"], run.see, packages)
            said = [*run.summary(spool), *of_the_fleet(packages.findings())]
        except LifeboatError as error:
            raise AnsibleActionFail(str(error)) from error
        result.update(
            changed=False,
            page=str(page),
            records=str(spool.hosts),
            exports=[str(spool.folder / name) for name in EXPORTS],
            crossed=run.crossed,
            summary=[*said, "", f"page: {page}", f"JSON: {spool.hosts}"],
        )
        return result


def lost(variables: Mapping[str, Any]) -> set[str]:
    """The hosts that the play goes on without."""
    return set(variables.get("ansible_play_hosts_all", ())) - set(variables.get("ansible_play_hosts", ()))


def dropped(spool: Spool, variables: Mapping[str, Any]) -> list[str]:
    """The hosts that the play lost before they were looked at: a wrong declaration, say, fails already as it is read.

    A record that is younger than ansible-playbook, the parent of this process, is of this run. Without psutil nobody
    knows, and none is told.
    """
    gone = lost(variables)
    if not gone or psutil is None:
        return []
    began_ns = psutil.Process(os.getppid()).create_time() * 1e9
    written_ns = {host: time_of(spool.path_of(host)) or 0 for host in gone}
    return sorted(host for host in gone if written_ns[host] < began_ns)


class Run:
    """The hosts of this run among all that the report shows."""

    def __init__(self, hosts: Collection[str], fail_on: str) -> None:
        self.crossed: list[str] = []
        self._hosts, self._fail_on = frozenset(hosts), fail_on
        self._seen: dict[str, str] = {}
        self._levels: Counter[str] = Counter()
        self._bad: list[tuple[Any, str]] = []

    def see(self, row: Row) -> None:
        if row.host not in self._hosts:
            return
        why = row.error or next((finding["message"] for finding in row.findings), "drift" if row.drift_count else "")
        self._seen[row.host] = clean(": ".join(filter(None, (row.host, row.level, why))))
        self._levels[row.level] += 1
        if row.level not in ("fine", "info"):
            self._bad.append((row.rank, self._seen[row.host]))
        if crosses(vars(row), self._fail_on):
            self.crossed.append(row.host)

    def summary(self, spool: Spool) -> Iterator[str]:
        """Every host where they are few; else how many are how bad, and the worst of them."""
        if len(self._seen) <= MOST_IN_FULL:
            for host, short in self._seen.items():
                try:
                    yield from summarise(load_record(spool.path_of(host)))
                except (HostError, KeyError, TypeError, AttributeError):  # no record, or one of another version
                    yield short
            return
        yield f"{len(self._seen)} hosts:"
        for level in reversed(LEVELS):
            yield f"  {level}: {self._levels[level]}"
        worst = heapq.nlargest(_WORST, self._bad, key=lambda entry: entry[0])
        if worst:
            yield f"the {len(worst)} that need somebody first:"
            yield from (f"  {line}" for _unused, line in worst)


def of_the_fleet(findings: Sequence[Finding]) -> Iterator[str]:
    if findings:
        yield "the fleet:"
    for found in findings:
        yield "  " + clean(f"{found.severity}: {found.subject}: {found.message} [{found.id}]: {found.observed}")


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
