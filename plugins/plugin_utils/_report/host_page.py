# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of one host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState, Outlook
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.forecast import OUTCOMES, Growth
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import KILL, PANIC
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.services import JudgedService
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.heap_profile import HeapProfile
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import AuditPoint, HostPast
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import file_name
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import LEVELS, Row, RowFinding
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.catalogue import NOT_COMPARED
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.charts import Bar, line
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.page import (
    Column,
    FindingName,
    counted,
    drift_cells,
    render,
    without_empty,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.trend_lines import trend_lines
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean

_MIB = 1024
_TREND_POINTS = 90
# A page stays readable, and a device cannot make it grow without end.
_MOST_ROWS = 200
_MOST_SITES = 10  # of one profile
_LOOKED_BY = {"native": "its Python", "bare": "its shell"}
_FINDINGS = [
    *(Column("Severity", "level"), Column("Finding", "finding"), Column("Subject"), Column("Observed", "long")),
    *(Column("Expected"), Column("What to do", "long"), Column("New", "new"), Column("Since, UTC", "time")),
]
_DRIFT = [
    *(Column("Layer"), Column("Subject"), Column("Key", "code"), Column("Is", "code")),
    *(Column("Declared", "code"), Column("Why", "long")),
]
_KILL_ORDER = [
    *(Column("Unit or process", "name"), Column("Pid", "number"), Column("Points", "number")),
    *(Column("Of the first", "share"), Column("RSS, MiB", "number"), Column("Swap, MiB", "number")),
    Column("oom_score_adj", "number"),
]
_FORECAST = [
    *(Column("What grows", "name"), Column("What runs out")),
    *(Column("Killed, in order", "long"), Column("In the end")),
]
_SCOPES = {"global": "all memory", "commit": "the commit limit"}
_SERVICES = [Column("Service", "name"), Column("Declared"), Column("Verdict"), Column("Culprit", "long")]
_KILLS = [
    *(Column("When"), Column("Unit or process", "name"), Column("Process"), Column("RSS, MiB", "number")),
    *(Column("oom_score_adj", "number"), Column("Scope"), Column("Limit of")),
]
_LIMITS = [
    *(Column("Control group", "name"), Column("Used", "share"), Column("Used, MiB", "number")),
    *(Column("Limit, MiB", "number"), Column("Peak, MiB", "number"), Column("Kills", "count")),
]
_PROFILES = [
    *(Column("Service", "name"), Column("MiB", "number"), Column("Kind"), Column("Function", "long")),
    *(Column("Where", "code"), Column("Package"), Column("Tool"), Column("Profiled")),
]


def host_page(record: Record, row: Row, past: HostPast, profiles: Iterable[HeapProfile] = ()) -> Iterator[str]:
    """The page piece by piece; I(past) is what is known of the host with this audit, the I(profiles) are its own."""
    state, outlook = record.state, record.outlook
    since = {**past.findings, **past.unread}
    # A finding of the row is cut to what is shown; it is known by the whole of it.
    keys = [finding.key for finding in record.findings]
    findings = [_finding(*each, since) for each in zip(row.findings, keys, strict=False)]
    tables: dict[str, tuple[list[Column], list[list[Any]]]] = {
        "findings": (_FINDINGS, findings),
        "drift": (_DRIFT, [drift_cells(one) for one in row.drift]),
        "kill_order": (_KILL_ORDER, _kill_order(outlook)),
        "forecast": (_FORECAST, [_growth(one) for one in _forecast(outlook)[:_MOST_ROWS]]),
        "services": (_SERVICES, [_service(one) for one in record.services[:_MOST_ROWS]]),
        "kills": (_KILLS, list(_kills(state))[-_MOST_ROWS:][::-1]),
        "limits": (_LIMITS, _limits(state)),
        "profiles": (_PROFILES, [cells for profile in profiles for cells in _sites(profile)]),
    }
    return render(
        "host.html.j2",
        row=row,
        file=file_name(record.host),
        seen=state is not None,
        verdict=_verdict(row),
        facts=_properties(row, state, outlook),
        meters=_meters(row),
        pressures=_pressures(state),
        tables={name: without_empty(columns, rows) for name, (columns, rows) in tables.items()},
        findings_total=sum(row.counts.values()),
        not_compared=[clean(each.subject) for each in record.findings if each.id == NOT_COMPARED.id],
        processes_read=outlook is not None and outlook.kill_order is not None,
        unknown=[clean(each) for each in (() if outlook is None else outlook.forecast_does_not_know)],
        unread=[(clean(one.what), clean(one.why)) for one in (() if state is None else state.unread)],
        trend_lines=trend_lines(record.trends),
        **_trend(past.audits),
    )


def _verdict(row: Row) -> str:
    if row.level == "not audited":
        return "The host did not answer." if not row.reachable else "The host answered, but could not be read."
    found = (
        (row.counts["critical"], "critical finding", "critical findings"),
        (row.counts["warning"], "warning", "warnings"),
        (row.drift_count, "value that differs from what is declared", "values that differ from what is declared"),
    )
    parts = [counted(*each) for each in found if each[0]]
    return f"To look at: {', '.join(parts)}." if parts else "Nothing that somebody has to look at."


def _finding(finding: RowFinding, key: str, since: Mapping[str, int]) -> list[Any]:
    return [
        LEVELS.index(finding.severity),
        FindingName(finding.id, finding.message),
        *(finding.subject, finding.observed, finding.expected, finding.remedy),
        *(finding.new, since.get(key)),
    ]


def _properties(row: Row, state: HostState | None, outlook: Outlook | None) -> list[tuple[str, str]]:
    if state is None:
        return []
    commit = None if outlook is None else outlook.commit
    shown = {
        "System": row.distribution,
        "Kernel": row.kernel,
        "Architecture": state.host.arch,
        "Init": state.host.init,
        "Control groups": state.host.cgroups,
        "Up": None if row.uptime_seconds is None else _duration(row.uptime_seconds),
        "OOM kills since boot": None if row.oom_kills is None else str(row.oom_kills),
        "Overcommit": None if commit is None else commit.mode,
        "OOM daemons": ", ".join(daemon.name for daemon in state.daemons or ()),
        "Looked at by": _LOOKED_BY.get(state.collector),
    }
    return [(name, clean(value)) for name, value in shown.items() if value]


def _duration(seconds_: int) -> str:
    days, rest = divmod(seconds_, 86_400)
    return f"{days} d {rest // 3600} h" if days else f"{rest // 3600} h {rest % 3600 // 60} min"


def _meters(row: Row) -> list[Bar]:
    """What is used of each kind of memory."""
    used = [
        ("Memory in use", _less(row.total_kib, row.available_kib), row.total_kib),
        ("Swap in use", _less(row.swap_total_kib, row.swap_free_kib), row.swap_total_kib),
        ("Committed" + ("" if row.commit_enforced else " (not enforced)"), row.committed_kib, row.commit_limit_kib),
    ]
    return [
        Bar(name, 100 * part / whole, f"{part // _MIB} of {whole // _MIB} MiB")
        for name, part, whole in used
        if part is not None and whole
    ]


def _less(whole: int | None, part: int | None) -> int | None:
    return None if whole is None or part is None else whole - part


def _pressures(state: HostState | None) -> list[Bar]:
    found = []
    for resource in ("memory", "io", "cpu"):
        pressure = getattr(state.pressure, resource) if state is not None and state.pressure is not None else None
        for whom in ("some", "full"):
            stall = None if pressure is None else getattr(pressure, whom)
            # The kernel prints a "full" line for the processor, which means nothing there.
            if stall is not None and (resource, whom) != ("cpu", "full"):
                found.append(Bar(f"{resource}, {whom}", stall.avg60_pct, f"{stall.avg60_pct:.1f} %"))
    return found


def _kill_order(outlook: Outlook | None) -> list[list[Any]]:
    order = ((outlook.kill_order if outlook is not None else None) or ())[:_MOST_ROWS]
    top = max([*(one.points for one in order), 1])
    return [
        [
            *(clean(one.unit or one.comm), one.pid, one.points, round(max(100 * one.points / top, 0))),
            *(one.rss_kib // _MIB, one.swap_kib // _MIB, one.oom_score_adj),
        ]
        for one in order
    ]


def _forecast(outlook: Outlook | None) -> Sequence[Growth]:
    return (outlook.forecast if outlook is not None else None) or ()


def _growth(growth: Growth) -> list[Any]:
    where = f"limit of {growth.cgroup}" if growth.cgroup else _SCOPES.get(growth.scope)
    victims = ", ".join(growth.victims[:_MOST_ROWS]) or "nobody"
    return [clean(growth.grower), where and clean(where), clean(victims), OUTCOMES.get(growth.outcome)]


def _service(service: JudgedService) -> list[Any]:
    settings = ", ".join(f"{key}={value}" for key, value in service.declared.items()) or service.state
    culprit = service.culprit and clean(service.culprit)
    return [clean(service.name), clean(settings), clean(service.verdict), culprit]


def _kills(state: HostState | None) -> Iterator[list[Any]]:
    for event in () if state is None else state.events or ():
        if event.kind not in (KILL, PANIC):
            continue
        limit = event.limit_cgroup and clean(event.limit_cgroup)
        when = event.timestamp or _up(event.uptime_seconds)
        for victim in event.victims or (None,):
            comm = None if victim is None else victim.comm
            rss_kib = None if victim is None else victim.rss_kib
            yield [
                when and clean(when),
                clean(event.unit or comm or event.kind),
                victim and clean(victim.label),
                *(_mib(rss_kib), victim and victim.oom_score_adj, event.scope, limit),
            ]


def _up(uptime: float | None) -> str | None:
    return None if uptime is None else f"{uptime:.0f} s after boot"


def _sites(profile: HeapProfile) -> Iterator[list[Any]]:
    for site in profile.sites[:_MOST_SITES]:
        place = site.file or site.object or ""
        yield [
            *(clean(profile.subject), site.bytes // 1024 // _MIB),
            *(clean(site.kind), site.function and clean(site.function)),
            clean(f"{place}:{site.line}" if site.line else place),
            clean(" ".join(filter(None, (site.package, site.version)))),
            *(clean(profile.tool), clean(profile.profiled_at)),
        ]


def _limits(state: HostState | None) -> list[list[Any]]:
    found: list[list[Any]] = []
    for group in () if state is None else state.cgroups or ():
        limit, used = group.limit_kib, group.current_kib
        if limit is not None and used is not None:
            share = round(100 * used / limit, 1) if limit else 100.0
            rest = (used // _MIB, limit // _MIB, _mib(group.peak_kib), group.events.oom_kills)
            found.append([clean(group.path), share, *rest])
    return sorted(found, key=lambda entry: entry[1], reverse=True)[:_MOST_ROWS]


def _trend(history: Sequence[AuditPoint]) -> dict[str, Any]:
    """The available memory at each audit, where there are at least two."""
    points = history[-_TREND_POINTS:]
    shares = [
        None if point.available_kib is None or not point.total_kib else 100 * point.available_kib / point.total_kib
        for point in points
    ]
    known = [share for share in shares if share is not None]
    if len(known) < 2:
        return {"trend": (), "trend_points": 0, "trend_first": 0, "trend_last": 0}
    ends = {"trend_first": round(known[0]), "trend_last": round(known[-1])}
    return {"trend": line(shares), "trend_points": len(points), **ends}


def _mib(kib: int | None) -> int | None:
    return None if kib is None else kib // _MIB
