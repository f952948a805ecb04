# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report needs to know of one host, small: the first line of its record, so that a fleet is read quickly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.kills import kills_of
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.optional_fields import (
    at,
    entries,
    flag,
    integer,
    items,
    number,
    text,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean

ROW_SCHEMA = 1
# The worst last. "warning" is also a host that differs from what is declared.
LEVELS = ("fine", "info", "warning", "critical", "not audited")
FINDING_KEYS = ("id", "severity", "subject", "observed", "expected", "message", "remedy")
DRIFT_KEYS = ("layer", "subject", "key", "before", "after", "why")
# Findings of something that happened, not of how it is.
_EVENTS = ("oom.panic", "oom.protected_service_killed", "oom.recent_kill")
# A host may have any number of these, a row not.
MOST_FINDINGS, MOST_DRIFT, MOST_KILLS, MOST_LEAKS = 100, 200, 100, 50


@dataclass(frozen=True)
class Row:
    """One host in the report. All text is printable and bounded, sizes are in KiB, C(None) is not known.

    I(level) is the worst of what was found. I(findings) and I(drift) are the first of them, the worst first; I(counts)
    by severity and I(drift_count) count all. I(declares) is whether the inventory declares anything for the host.
    I(headroom_kib) is the commit limit less what is committed; the kernel enforces it only where I(commit_enforced).
    The pressures are the shares of the last minute in which some or all tasks waited for memory. I(oom_kills) counts
    since boot; I(kills) are those that the kernel log tells of, as pairs of time (seconds since the epoch) and name.
    I(killed_first) are the first of the kill order, I(leaks) the services that leak, with the package of their program.
    """

    host: str
    audited_at: str = ""
    reachable: bool = False
    error: str | None = None
    level: str = "not audited"
    groups: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("critical", "warning", "info"), 0))
    declares: bool | None = None
    drift_count: int = 0
    findings: list[dict[str, Any]] = field(default_factory=list)
    drift: list[dict[str, Any]] = field(default_factory=list)
    distribution: str | None = None
    kernel: str | None = None
    boot_id: str | None = None
    uptime_seconds: int | None = None
    total_kib: int | None = None
    available_kib: int | None = None
    swap_total_kib: int | None = None
    swap_free_kib: int | None = None
    committed_kib: int | None = None
    commit_limit_kib: int | None = None
    headroom_kib: int | None = None
    commit_enforced: bool | None = None
    pressure_some_pct: float | None = None
    pressure_full_pct: float | None = None
    oom_kills: int | None = None
    kills: list[list[Any]] = field(default_factory=list)
    killed_first: list[dict[str, Any]] = field(default_factory=list)
    leaks: list[dict[str, Any]] = field(default_factory=list)

    @property
    def rank(self) -> tuple[int, int, int, int]:
        """The larger, the sooner somebody should look."""
        return LEVELS.index(self.level), self.counts["critical"], self.counts["warning"], self.drift_count

    @property
    def available_pct(self) -> float | None:
        return _pct(self.available_kib, self.total_kib)

    @property
    def headroom_pct(self) -> float | None:
        """Of the commit limit; below 0 where more has been promised than it."""
        return _pct(self.headroom_kib, self.commit_limit_kib)


def row_of(record: Mapping[str, Any]) -> Row:
    """The row of a record, whatever is missing in it."""
    state = record.get("state")
    findings, drift = entries(record, "findings"), entries(record, "drift")
    counts = {each: sum(1 for one in findings if _severity(one) == each) for each in ("critical", "warning", "info")}
    new = {key for key in items(record, "new_findings") if isinstance(key, str)}
    memory, commit = at(state, "memory"), at(state, "commit")
    limit_kib, committed_kib = integer(memory, "commit_limit_kib"), integer(memory, "committed_kib")
    mode, pressure = text(commit, "mode"), at(state, "pressure", "memory")
    return Row(
        host=clean(record.get("host")),
        audited_at=clean(text(record, "audited_at")),
        reachable=flag(record, "reachable") is True,
        error=_text(text(record, "error"), 1000),
        level=_level(state, counts, len(drift)),
        groups=[clean(group, 100) for group in items(record, "groups")[:50]],
        counts=counts,
        declares=flag(record, "declares"),
        drift_count=len(drift),
        findings=[_finding(one, new) for one in findings[:MOST_FINDINGS]],
        drift=[{key: _text(one.get(key)) for key in DRIFT_KEYS} for one in drift[:MOST_DRIFT]],
        distribution=_text(text(state, "host", "distribution", "name"), 100),
        kernel=_text(text(state, "host", "kernel"), 100),
        boot_id=_text(text(state, "host", "boot_id"), 100),
        uptime_seconds=integer(state, "host", "uptime_seconds"),
        total_kib=integer(memory, "total_kib"),
        available_kib=integer(memory, "available_kib"),
        swap_total_kib=integer(memory, "swap_total_kib"),
        swap_free_kib=integer(memory, "swap_free_kib"),
        committed_kib=committed_kib,
        commit_limit_kib=limit_kib,
        headroom_kib=None if limit_kib is None or committed_kib is None else limit_kib - committed_kib,
        commit_enforced=None if mode is None else mode == "never",
        pressure_some_pct=number(pressure, "some", "avg60_pct"),
        pressure_full_pct=number(pressure, "full", "avg60_pct"),
        oom_kills=integer(state, "counters", "oom_kills"),
        kills=[[kill.at, kill.name] for kill in kills_of(record)[-MOST_KILLS:]],
        killed_first=[_candidate(one) for one in entries(state, "kill_order")[:3]],
        leaks=[_leak(one) for one in entries(record, "trends") if one.get("verdict") == "leak"][:MOST_LEAKS],
    )


def unreadable(file: str, error: str) -> dict[str, Any]:
    """What stands in for the record in a file that is none."""
    finding = {
        "id": "audit.failed",
        "severity": "critical",
        "subject": file,
        "observed": error,
        "expected": "a record of an audit",
        "message": "the record of this host cannot be read",
        "remedy": "remove the file and audit the host again",
    }
    return {"host": file, "reachable": True, "error": error, "findings": [finding]}


def finding_key(finding: Mapping[str, Any]) -> str:
    """By what a finding is known again in the next audit: numbers in it may change, but another kill is another one."""
    parts = [text(finding, "id"), text(finding, "subject")]
    if parts[0] in _EVENTS:
        # When and whom; how often, which follows, changes as old kills are forgotten.
        parts.append((text(finding, "observed") or "").partition("; ")[0])
    return clean(" | ".join(part or "" for part in parts), 500)


def _level(state: Any, counts: Mapping[str, int], drift: int) -> str:
    if state is None:
        return "not audited"
    if counts["critical"]:
        return "critical"
    if counts["warning"] or drift:
        return "warning"
    return "info" if counts["info"] else "fine"


def _severity(finding: Mapping[str, Any]) -> str:
    found = finding.get("severity")
    return found if found in ("critical", "warning", "info") else "warning"


def _finding(finding: Mapping[str, Any], new: set[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {key: clean(finding.get(key), 500) for key in FINDING_KEYS}
    shown["severity"] = _severity(finding)
    shown["new"] = finding_key(finding) in new
    return shown


def _candidate(candidate: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": clean(text(candidate, "unit") or text(candidate, "comm"), 100),
        "rss_kib": integer(candidate, "rss_kib"),
        "oom_score_adj": integer(candidate, "oom_score_adj"),
    }


def _leak(trend: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "unit": clean(text(trend, "unit"), 100),
        "package": _text(text(trend, "package"), 100),
        "version": _text(text(trend, "version"), 100),
        "rate_bytes_per_hour": integer(trend, "rate_bytes_per_hour"),
    }


def _text(value: Any, most: int = 300) -> str | None:
    return None if value is None else clean(value, most)


def _pct(part: int | None, whole: int | None) -> float | None:
    return None if part is None or not whole else round(100 * part / whole, 1)
