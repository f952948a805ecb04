# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the records to the report: one pass over their first lines, whatever the size of the fleet."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import History
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import RecordFiles, record_or_failure
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import Row
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Thresholds
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report import exports
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.charts import DAY
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.host_page_file import draw_host, is_drawn
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.index_page import CHART_DAYS, IndexPage, PlainList
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.leaking_packages import LeakingPackages
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.page import iso

INDEX = "index.html"
EXPORTS = ("fleet.json", "findings.csv", "junit.xml", "lifeboat_oom.prom")


def roll_up(
    files: RecordFiles,
    history: History,
    now: int,
    see: Callable[[Row], None] = lambda row: None,
    packages: LeakingPackages | None = None,
) -> Path:
    """Write the report of all hosts; its first page. I(see) and I(packages) are shown every row.

    Every file is replaced in one step at the end: whoever reads meanwhile, or after a run that was killed, has the
    report before. Raises HostError.
    """
    packages = packages or LeakingPackages(Thresholds())
    with ExitStack() as stack:
        index = IndexPage(now, history.fleet(now - CHART_DAYS * DAY, now))
        index_stream, list_stream, *streams = [
            stack.enter_context(files.replacing(name)) for name in (INDEX, "hosts.html", *EXPORTS)
        ]
        plain = PlainList(list_stream)
        fleet, findings, junit, metrics = streams
        fleet_json = exports.FleetJson(fleet, iso(now))
        others = (exports.FindingsCsv(findings), exports.Junit(junit), exports.Prometheus(metrics, iso(now)))
        for filed in files.rows():
            if not is_drawn(files, filed.path):
                record = record_or_failure(filed.path)
                draw_host(files, filed, record, history.past(record.host))
            index.add(filed.row, filed.path.stem)
            plain.add(filed.row, filed.path.stem)
            fleet_json.add(filed)
            for export in others:
                export.add(filed.row)
            packages.add(filed.row)
            see(filed.row)
        found = packages.findings()
        index.write(index_stream, found)
        plain.finish()
        for each in (fleet_json, *others):
            each.finish(found)
    return files.folder / INDEX
