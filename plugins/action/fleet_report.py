# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(fleet_report): from the records to one page and one exit status. Touches no device."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, LifeboatError
from ansible_collections.lifeboat.oom.plugins.plugin_utils._action.action import Action
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import History
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.location import OptionalHistory
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.keep import keep
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import SEVERITIES, Finding
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import RecordFiles, load_record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import LEVELS, Row
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.run_id import this_run
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Thresholds
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.judge import Subject, not_audited
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.fleet_report import EXPORTS, roll_up
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.leaking_packages import LeakingPackages
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.terminal_summary import summarise
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean

FAIL_ON = ("none", "drift", "warning", "critical")
# More hosts than these are counted in the terminal, not told one by one: the page has them.
MOST_IN_FULL = 20
_WORST = 10
DROPPED = "the play failed for this host before it was looked at: the output of that run says why"


class ActionModule(Action):
    """Reads all records, writes the report, and fails where the hosts of this run cross I(fail_on)."""

    _requires_connection = False
    SPEC: ClassVar = {
        "report_dir": {"type": "str", "required": True},
        "fail_on": {"type": "str", "choices": list(FAIL_ON), "default": "none"},
        "hosts": {"type": "list", "elements": "str"},
        "history_days": {"type": "int", "default": 90},
        "thresholds": {"type": "raw"},
    }

    def act(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        if arguments["history_days"] < 1:
            raise LifeboatError(f"history_days: found {arguments['history_days']}, expected 1 or more")
        files = RecordFiles(Path(arguments["report_dir"]))
        # Not those that a play with "serial" has still to look at: what is known of them is of an earlier run.
        of_play = sorted({*self.variables.get("ansible_play_batch", ()), *lost(self.variables)})
        run, now = Run(arguments["hosts"] or of_play, arguments["fail_on"]), int(time.time())
        packages = LeakingPackages(Thresholds.of(arguments["thresholds"], "thresholds"))
        warnings = files.make()
        files.sweep()
        with OptionalHistory(files.folder) as history:
            history.prune(arguments["history_days"], now)
            keep_missing(files, history, of_play, self.variables)
            page = roll_up(files, history, now, run.see, packages)
        said = [*run.summary(files), *of_the_fleet(packages.findings())]
        return {
            "changed": False,
            "page": str(page),
            "records": str(files.hosts),
            "exports": [str(files.folder / name) for name in EXPORTS],
            "crossed": run.crossed,
            "summary": [*said, "", f"page: {page}", f"JSON: {files.hosts}"],
            "warnings": warnings + history.warnings,
        }


def lost(variables: Mapping[str, Any]) -> set[str]:
    """The hosts that the play goes on without."""
    return set(variables.get("ansible_play_hosts_all", ())) - set(variables.get("ansible_play_hosts", ()))


def keep_missing(files: RecordFiles, history: History, of_play: Collection[str], variables: Mapping[str, Any]) -> None:
    """Keep a record of each host of the play that this run has none of: the play lost it before it was looked at.

    A variable that cannot be resolved fails the task before its action is asked, say.
    """
    run = this_run()
    for host in of_play:
        if files.run_of(host) == run:
            continue
        groups = tuple(map(str, variables["hostvars"][host]["group_names"]))
        found = not_audited(Subject(host, run, groups), datetime.now(UTC), True, DROPPED)
        keep(files, history, history.past(host), found.record)


class Run:
    """The hosts of this run among all that the report shows."""

    def __init__(self, hosts: Collection[str], fail_on: str) -> None:
        self.crossed: list[str] = []
        # By what stands in a row.
        self._hosts, self._fail_on = {clean(host): host for host in hosts}, fail_on
        self._seen: dict[str, str] = {}
        self._levels: Counter[str] = Counter()
        self._bad: list[tuple[Any, str]] = []

    def see(self, row: Row) -> None:
        if row.host not in self._hosts:
            return
        why = row.error or next((finding.message for finding in row.findings), "drift" if row.drift_count else "")
        self._seen[row.host] = clean(": ".join(filter(None, (row.host, row.level, why))))
        self._levels[row.level] += 1
        if row.level not in ("fine", "info"):
            self._bad.append((row.rank, self._seen[row.host]))
        if crosses(row, self._fail_on):
            self.crossed.append(row.host)

    def summary(self, files: RecordFiles) -> Iterator[str]:
        """Every host where they are few; else how many are how bad, and the worst of them."""
        if len(self._seen) <= MOST_IN_FULL:
            for host, short in self._seen.items():
                try:
                    yield from summarise(load_record(files.path_of(self._hosts[host])))
                except HostError:
                    yield short
            return
        yield f"{self._levels.total()} hosts:"
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


def crosses(row: Row, fail_on: str) -> bool:
    """Whether a host is as bad as I(fail_on), or worse; drift counts for V(drift) and V(warning).

    What could not be compared, or was never installed, is no less a difference than what was.
    """
    if fail_on == "none":
        return False
    if fail_on == "drift":
        return bool(row.drift_count) or any(_does_not_hold(finding) for finding in row.findings)
    worst = max((SEVERITIES.index(finding.severity) for finding in row.findings), default=-1)
    return worst >= SEVERITIES.index(fail_on) or (fail_on == "warning" and bool(row.drift_count))


def _does_not_hold(finding: Finding) -> bool:
    return finding.id.startswith(("audit.", "score.")) and finding.severity != "info"
