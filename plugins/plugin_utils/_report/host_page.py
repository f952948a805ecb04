# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of one host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.forecast import OUTCOMES
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.history.history import AuditPoint
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record_files import file_name
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.row import (
    DRIFT_KEYS,
    LEVELS,
    Row,
    finding_key,
    row_of,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.charts import Bar, line
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.page import (
    Column,
    Kind,
    counted,
    render,
    without_empty,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.trend_lines import trend_lines
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.optional_fields import (
    at,
    entries,
    flag,
    integer,
    items,
    number,
    text,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean_all

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
    *(
        Column("Unit or process", "name"),
        Column("Pid", "number"),
        Column("Points", "number"),
        Column("Of the first", "share"),
    ),
    *(Column("RSS, MiB", "number"), Column("Swap, MiB", "number"), Column("oom_score_adj", "number")),
]
_FORECAST = [
    Column("What grows", "name"),
    Column("What runs out"),
    Column("Killed, in order", "long"),
    Column("In the end"),
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


def host_page(
    record: Mapping[str, Any],
    history: Sequence[AuditPoint] = (),
    profiles: Iterable[Mapping[str, Any]] = (),
    first_seen: Mapping[str, int] | None = None,
) -> Iterator[str]:
    """The page piece by piece, whatever is missing in the record; I(history) are the host's audits, oldest first.

    I(profiles) are what profilers have found on the host, I(first_seen) is since when each finding is there, by key.
    """
    row = row_of(record)
    state = clean_all(at(record, "state"))
    tables = {
        "findings": (_FINDINGS, [_finding(finding, first_seen or {}) for finding in row.findings]),
        "drift": (_DRIFT, [[one[key] for key in DRIFT_KEYS] for one in row.drift]),
        "kill_order": (_KILL_ORDER, _kill_order(state)),
        "forecast": (_FORECAST, [_growth(one) for one in entries(state, "forecast")[:_MOST_ROWS]]),
        "services": (_SERVICES, [_service(one) for one in entries(clean_all(record), "services")[:_MOST_ROWS]]),
        "kills": (_KILLS, list(_kills(state))[-_MOST_ROWS:][::-1]),
        "limits": (_LIMITS, _limits(state)),
        "profiles": (_PROFILES, [row for profile in profiles for row in _sites(clean_all(profile))]),
    }
    return render(
        "host.html.j2",
        row=row,
        file=file_name(str(record.get("host"))),
        seen=state is not None,
        verdict=_verdict(row),
        facts=_facts(row, state),
        meters=_meters(row),
        pressures=_pressures(state),
        tables={name: without_empty(columns, rows) for name, (columns, rows) in tables.items()},
        findings_total=sum(row.counts.values()),
        processes_read=at(state, "kill_order") is not None,
        unknown=items(state, "forecast_does_not_know"),
        unread=[(text(one, "what") or "?", text(one, "why") or "?") for one in entries(state, "unread")],
        trend_lines=trend_lines(record),
        **_trend(history),
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


def _finding(finding: Mapping[str, Any], first_seen: Mapping[str, int]) -> list[Any]:
    rest = [finding[key] for key in ("subject", "observed", "expected", "remedy", "new")]
    return [
        LEVELS.index(finding["severity"]),
        Kind(finding["id"], finding["message"]),
        *rest,
        first_seen.get(finding_key(finding)),
    ]


def _facts(row: Row, state: Any) -> list[tuple[str, str]]:
    uptime, cgroups = row.uptime_seconds, text(state, "host", "cgroups")
    shown = {
        "System": row.distribution,
        "Kernel": row.kernel,
        "Architecture": text(state, "host", "arch"),
        "Init": text(state, "host", "init"),
        "Control groups": cgroups,
        "Up": None if uptime is None else _duration(uptime),
        "OOM kills since boot": None if row.oom_kills is None else str(row.oom_kills),
        "Overcommit": text(state, "commit", "mode"),
        "OOM daemons": ", ".join(text(one, "name") or "?" for one in entries(state, "daemons")) or None,
        "Looked at by": _LOOKED_BY.get(text(state, "collector") or ""),
    }
    return [(name, value) for name, value in shown.items() if value]


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


def _pressures(state: Any) -> list[Bar]:
    found = []
    for resource in ("memory", "io", "cpu"):
        for whom in ("some", "full"):
            share = number(state, "pressure", resource, whom, "avg60_pct")
            # The kernel prints a "full" line for the processor, which means nothing there.
            if share is not None and (resource, whom) != ("cpu", "full"):
                found.append(Bar(f"{resource}, {whom}", share, f"{share:.1f} %"))
    return found


def _kill_order(state: Any) -> list[list[Any]]:
    order = entries(state, "kill_order")[:_MOST_ROWS]
    points = [number(one, "points") or 0 for one in order]
    top = max([*points, 1.0])
    return [
        [
            text(one, "unit") or text(one, "comm") or "?",
            integer(one, "pid"),
            integer(one, "points"),
            round(max(100 * mine / top, 0)),
            _mib(integer(one, "rss_kib")),
            _mib(integer(one, "swap_kib")),
            integer(one, "oom_score_adj"),
        ]
        for one, mine in zip(order, points, strict=True)
    ]


def _growth(growth: Mapping[str, Any]) -> list[Any]:
    cgroup = text(growth, "cgroup")
    where = f"limit of {cgroup}" if cgroup else _SCOPES.get(text(growth, "scope") or "")
    outcome = text(growth, "outcome") or ("killed" if flag(growth, "ends") else None)
    victims = ", ".join(str(victim) for victim in items(growth, "victims")[:_MOST_ROWS])
    return [text(growth, "grower") or "?", where, victims or "nobody", outcome and OUTCOMES.get(outcome, outcome)]


def _service(service: Mapping[str, Any]) -> list[Any]:
    declared = at(service, "declared")
    settings = ", ".join(f"{key}={value}" for key, value in declared.items()) if isinstance(declared, Mapping) else ""
    return [
        text(service, "name") or "?",
        settings or text(service, "state"),
        text(service, "verdict"),
        text(service, "culprit"),
    ]


def _kills(state: Any) -> Iterator[list[Any]]:
    for event in entries(state, "events"):
        if event.get("kind") not in ("kill", "panic"):
            continue
        for victim in entries(event, "victims") or [{}]:
            comm, pid = text(victim, "comm"), integer(victim, "pid")
            rss = [integer(victim, f"{kind}_rss_kib") for kind in ("anon", "file", "shmem")]
            yield [
                text(event, "timestamp") or _up(number(event, "uptime_seconds")),
                text(event, "unit") or comm or event["kind"],
                comm and f"{comm} (pid {pid})",
                None if rss[0] is None else sum(size or 0 for size in rss) // _MIB,
                integer(victim, "oom_score_adj"),
                text(event, "scope"),
                text(event, "limit_cgroup"),
            ]


def _up(uptime: float | None) -> str | None:
    return None if uptime is None else f"{uptime:.0f} s after boot"


def _sites(profile: Any) -> Iterator[list[Any]]:
    for site in entries(profile, "sites")[:_MOST_SITES]:
        place = text(site, "file") or text(site, "object")
        line = integer(site, "line")
        package = " ".join(filter(None, (text(site, "package"), text(site, "version"))))
        yield [
            *(text(profile, "subject"), _mib((integer(site, "bytes") or 0) // 1024), text(site, "kind")),
            *(text(site, "function"), f"{place}:{line}" if line else place, package or None),
            *(text(profile, "tool"), text(profile, "profiled_at")),
        ]


def _limits(state: Any) -> list[list[Any]]:
    found: list[list[Any]] = []
    for group in entries(state, "cgroups"):
        limit, used = integer(group, "limit_kib"), integer(group, "current_kib")
        if limit is not None and used is not None:
            share = round(100 * used / limit, 1) if limit else 100.0
            kills = integer(group, "events", "oom_kills")
            peak = _mib(integer(group, "peak_kib"))
            found.append([text(group, "path") or "?", share, used // _MIB, limit // _MIB, peak, kills])
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
