# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files for other programs, written host by host: C(fleet.json), C(findings.csv), C(junit.xml), and metrics."""

from __future__ import annotations

import csv
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any, NamedTuple, TextIO
from xml.sax.saxutils import escape, quoteattr

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Finding
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import FiledRow
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import LEVELS, Row
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.iso_times import seconds
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import (
    cell,
    clean_fields,
    label,
    shown_value,
)

FLEET_SCHEMA = 1


class Issue(NamedTuple):
    """A finding or a drift, as one line of a table."""

    kind: str
    severity: str
    id: str
    subject: str
    observed: str
    expected: str
    message: str
    remedy: str
    new: bool


CSV_COLUMNS = ("host", "audited_at", *Issue._fields)


def issues(row: Row) -> Iterator[Issue]:
    """All that is wrong with a host: its findings, then where it differs from what is declared."""
    for finding in row.findings:
        yield Issue(kind="finding", **vars(finding))
    for change in row.drift:
        yield Issue(
            kind="drift",
            severity="warning",
            id=f"drift.{change.layer}",
            subject=f"{change.subject} {change.key}",
            observed=shown_value(change.before),
            expected=shown_value(change.after),
            message=change.why,
            remedy="run the playbook lifeboat.oom.site",
            new=False,
        )


def shown(finding: Finding) -> dict[str, Any]:
    """One of the fleet, as those of hosts are in their rows."""
    return vars(clean_fields(finding, 500))


class FleetJson:
    """C(fleet.json): C(schema), C(made_at), C(hosts) (a row each, one a line), C(totals), C(findings) of the fleet."""

    def __init__(self, stream: TextIO, made_at: str) -> None:
        self._stream = stream
        self._levels: Counter[str] = Counter(dict.fromkeys(LEVELS, 0))
        stream.write(f'{{"schema": {FLEET_SCHEMA}, "made_at": {json.dumps(made_at)}, "hosts": [')
        self._separator = "\n"

    def add(self, filed: FiledRow) -> None:
        self._levels[filed.row.level] += 1
        self._stream.write(self._separator + filed.json)
        self._separator = ",\n"

    def finish(self, found: Sequence[Finding] = ()) -> None:
        totals = {"hosts": self._levels.total(), "levels": self._levels}
        findings = json.dumps([shown(one) for one in found])
        self._stream.write(f'\n], "totals": {json.dumps(totals)}, "findings": {findings}}}\n')


class FindingsCsv:
    """C(findings.csv): a line for each finding and each drift, then those of the fleet; no cell is a formula."""

    def __init__(self, stream: TextIO) -> None:
        self._writer = csv.writer(stream)
        self._writer.writerow(CSV_COLUMNS)

    def add(self, row: Row) -> None:
        for issue in issues(row):
            self._write(row.host, row.audited_at, issue)

    def finish(self, found: Sequence[Finding] = ()) -> None:
        """Those of the fleet, which are of no host."""
        for one in found:
            self._write("", "", Issue(kind="finding", new=False, **shown(one)))

    def _write(self, host: str, audited_at: str, issue: Issue) -> None:
        *rest, new = issue
        self._writer.writerow([cell(each) for each in (host, audited_at, *rest, "yes" if new else "")])


class Junit:
    """C(junit.xml): a suite for each host; what is only informative passes, a host that was not audited is an error."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        stream.write('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="lifeboat.oom">\n')

    def add(self, row: Row) -> None:
        found = list(issues(row))
        bad = "error" if row.level == "not audited" else "failure"
        number = sum(1 for issue in found if issue.severity != "info")
        errors, failures = (number, 0) if bad == "error" else (0, number)
        host = quoteattr(row.host)
        self._stream.write(
            f'<testsuite name={host} timestamp={quoteattr(row.audited_at)} tests="{max(len(found), 1)}" '
            f'errors="{errors}" failures="{failures}">\n'
        )
        for issue in found:
            self._stream.write(f"<testcase classname={host} name={quoteattr(f'{issue.id}: {issue.subject}')}>")
            said = escape(f"observed: {issue.observed}\nexpected: {issue.expected}\nwhat to do: {issue.remedy}")
            if issue.severity == "info":
                self._stream.write(f"<system-out>{escape(issue.message)}\n{said}</system-out></testcase>\n")
            else:
                kind, message = quoteattr(issue.severity), quoteattr(issue.message)
                self._stream.write(f"<{bad} type={kind} message={message}>{said}</{bad}></testcase>\n")
        if not found:
            self._stream.write(f'<testcase classname={host} name="nothing found"/>\n')
        self._stream.write("</testsuite>\n")

    def finish(self, found: Sequence[Finding] = ()) -> None:
        self._stream.write("</testsuites>\n")


class _Metric(NamedTuple):
    name: str
    kind: str
    help: str
    value: Callable[[Row], float | int | None]


def _bytes(name: str) -> Callable[[Row], int | None]:
    def value(row: Row) -> int | None:
        found: int | None = getattr(row, name)
        return None if found is None else found * 1024

    return value


def _ratio(name: str) -> Callable[[Row], float | None]:
    def value(row: Row) -> float | None:
        found: float | None = getattr(row, name)
        return None if found is None else round(found / 100, 6)

    return value


METRICS = (
    _Metric("up", "gauge", "Whether the host answered and was read.", lambda row: int(row.level != "not audited")),
    _Metric("audit_timestamp_seconds", "gauge", "When the host was audited.", lambda row: seconds(row.audited_at)),
    _Metric("drift", "gauge", "Values that differ from what is declared.", lambda row: row.drift_count),
    _Metric("memory_total_bytes", "gauge", "MemTotal.", _bytes("total_kib")),
    _Metric("memory_available_bytes", "gauge", "MemAvailable.", _bytes("available_kib")),
    _Metric("commit_limit_bytes", "gauge", "CommitLimit.", _bytes("commit_limit_kib")),
    _Metric("commit_headroom_bytes", "gauge", "CommitLimit less Committed_AS.", _bytes("headroom_kib")),
    _Metric("pressure_some_ratio", "gauge", "Time in which a task waited for memory.", _ratio("pressure_some_pct")),
    _Metric("pressure_full_ratio", "gauge", "Time in which all tasks waited for memory.", _ratio("pressure_full_pct")),
    _Metric("kills_total", "counter", "Processes that the kernel killed since boot.", lambda row: row.oom_kills),
)
FINDINGS_METRIC = _Metric("findings", "gauge", "Findings, by severity.", lambda row: sum(row.counts.values()))


class Prometheus:
    """C(lifeboat_oom.prom) for the textfile collector of the node exporter.

    The format wants all values of a metric together, so each is kept in a file of its own until the end.
    """

    def __init__(self, stream: TextIO, made_at: str) -> None:
        self._stream, self._made_at = stream, made_at
        self._parts: dict[str, IO[str]] = {}
        self._levels: Counter[str] = Counter(dict.fromkeys(LEVELS, 0))
        self._hosts: set[str] = set()

    def add(self, row: Row) -> None:
        self._levels[row.level] += 1
        host = label(row.host)
        # A record that was copied, or a name that is the same as far as it is shown. Of a file with one sample twice
        # the exporter takes nothing.
        if host in self._hosts:
            return
        self._hosts.add(host)
        for metric in METRICS:
            self._keep(metric.name, f'host="{host}"', metric.value(row))
        for severity, count in row.counts.items():
            self._keep(FINDINGS_METRIC.name, f'host="{host}",severity="{severity}"', count)

    def finish(self, found: Sequence[Finding] = ()) -> None:
        self._head("hosts", "gauge", "Hosts by the worst that was found.")
        for level, count in self._levels.items():
            self._stream.write(f'lifeboat_oom_hosts{{level="{level}"}} {count}\n')
        self._head("report_timestamp_seconds", "gauge", "When this file was made.")
        self._stream.write(f"lifeboat_oom_report_timestamp_seconds {seconds(self._made_at) or 0}\n")
        for metric in (*METRICS, FINDINGS_METRIC):
            part = self._parts.get(metric.name)
            if part is not None:
                self._head(metric.name, metric.kind, metric.help)
                part.seek(0)
                self._stream.writelines(part)
                part.close()

    def _keep(self, name: str, labels: str, value: float | int | None) -> None:
        if value is None:
            return
        if name not in self._parts:
            part = tempfile.SpooledTemporaryFile(1 << 20, "w+", encoding="utf-8", newline="")  # noqa: SIM115
            self._parts[name] = part
        self._parts[name].write(f"lifeboat_oom_{name}{{{labels}}} {value}\n")

    def _head(self, name: str, kind: str, text: str) -> None:
        self._stream.write(f"# HELP lifeboat_oom_{name} {text}\n# TYPE lifeboat_oom_{name} {kind}\n")
