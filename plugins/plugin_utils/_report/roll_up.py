# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the spool to the report: one pass over the first lines of the records, whatever the size of the fleet."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import FILE, History
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import Spool, load_record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import Row, unreadable
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Thresholds
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.charts import DAY
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.exports import (
    FindingsCsv,
    FleetJson,
    Junit,
    Prometheus,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.index_page import CHART_DAYS, IndexPage, PlainList
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.leaking_packages import LeakingPackages
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.page import iso
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.publish import page_name, time_of, write_host_page

INDEX = "index.html"
EXPORTS = ("fleet.json", "findings.csv", "junit.xml", "lifeboat_oom.prom")


def roll_up(
    spool: Spool,
    now: int,
    history_days: int,
    see: Callable[[Row], None] = lambda row: None,
    packages: LeakingPackages | None = None,
) -> Path:
    """Write the report of all hosts in the spool; its first page. I(see) and I(packages) are shown every row.

    Every file is replaced in one step at the end: whoever reads meanwhile, or after a run that was killed, has the
    report before. The history forgets what is older than I(history_days). Raises HostError.
    """
    spool.sweep()
    packages = packages or LeakingPackages(Thresholds())
    with History(spool.folder / FILE) as history, ExitStack() as stack:
        history.prune(history_days, now)
        since = now - CHART_DAYS * DAY
        rates = history.kill_rates(since, now)
        index = IndexPage(now, history.kills_over_time(since), history.victims(since), rates, history.hosts())
        index_stream, list_stream, *streams = [
            stack.enter_context(spool.replacing(name)) for name in (INDEX, "hosts.html", *EXPORTS)
        ]
        plain = PlainList(list_stream)
        fleet, findings, junit, metrics = streams
        exports = (FleetJson(fleet, iso(now)), FindingsCsv(findings), Junit(junit), Prometheus(metrics, iso(now)))
        for path, row in spool.rows():
            _make_page(spool, path, history)
            index.add(row, path.stem)
            plain.add(row, path.stem)
            for export in exports:
                export.add(row)
            packages.add(row)
            see(row)
        found = packages.findings()
        index.write(index_stream, found)
        plain.finish()
        for export in exports:
            export.finish(found)
    return spool.folder / INDEX


def _make_page(spool: Spool, path: Path, history: History) -> None:
    """The audit makes the page of its host. Here only one is made that is missing or of another record:

    the audit was killed between the two, or the record was brought here, with its own time, from elsewhere.
    """
    made_of = time_of(path)
    if made_of is not None and time_of(spool.folder / page_name(path.stem)) == made_of:
        return
    try:
        found = load_record(path)
    except HostError as error:
        found = unreadable(path.stem, str(error))
    write_host_page(spool, path, made_of or 0, found, history)
