# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report needs to know of one host, small: the first line of its record, so that a fleet is read quickly."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState, Outlook
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.badness import Candidate
from ansible_collections.lifeboat.oom.plugins.module_utils._plan import Change
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.kills import kills_of
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Finding, Record, counts
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import ServiceTrend
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean, clean_fields

Level = Literal["fine", "info", "warning", "critical", "not audited"]
# The worst last. "warning" is also a host that differs from what is declared.
LEVELS: tuple[Level, ...] = ("fine", "info", "warning", "critical", "not audited")
# A host may have any number of these, a row not.
MOST_GROUPS, MOST_FINDINGS, MOST_DRIFT, MOST_KILLS, MOST_LEAKS, MOST_CANDIDATES = 50, 100, 200, 100, 50, 3
_LONG, _SHORT = 500, 100


@dataclass(frozen=True)
class RowFinding(Finding):
    """A finding in the report."""

    new: bool = False
    """Whether the host did not have it at the audit before."""


@dataclass(frozen=True)
class RowKill:
    """A process that was killed because memory had run out, as far as a log tells of it."""

    at: int
    """When, in seconds since the epoch; not later than that where the log does not say."""
    name: str
    """Its unit, else the process."""


@dataclass(frozen=True)
class RowCandidate:
    """A process that would be killed."""

    name: str
    """Its unit, else the process."""
    rss_kib: int
    """What it holds in RAM (VmRSS), in KiB."""
    oom_score_adj: int
    """Its score, a number from -1000 (never) to 1000 (first)."""


@dataclass(frozen=True)
class RowLeak:
    """A service that leaks."""

    unit: str
    """The unit."""
    package: str | None
    """The package that owns its program, null where none is known to."""
    version: str | None
    """The version of that package."""
    rate_bytes_per_hour: int
    """How fast it grows, in bytes an hour."""


@dataclass(frozen=True)
class Row:
    """One host in the report. All text is printable and bounded, C(null) is not known."""

    host: str
    """The name of the host in the inventory."""
    run: str = ""
    """The run of the playbook that audited it."""
    audited_at: str = ""
    """When it was audited, in ISO 8601."""
    reachable: bool = False
    """Whether it answered."""
    error: str | None = None
    """Why it was not audited, null where it was."""
    level: Level = "not audited"
    """The worst of what was found; V(warning) also where it differs from what is declared."""
    groups: tuple[str, ...] = ()
    """Its groups in the inventory, the first 50."""
    counts: dict[str, int] = field(default_factory=lambda: counts(()))
    """The number of all its findings by severity."""
    declares: bool | None = None
    """Whether the inventory declares anything for it."""
    drift_count: int = 0
    """The number of all values that differ from what is declared."""
    findings: tuple[RowFinding, ...] = ()
    """Its findings, the worst first, the first 100."""
    drift: tuple[Change, ...] = ()
    """The values that differ from what is declared, the first 200."""
    distribution: str | None = None
    """The name of its distribution."""
    kernel: str | None = None
    """The release of its kernel."""
    boot_id: str | None = None
    """The boot that it was in; another one after each reboot."""
    uptime_seconds: int | None = None
    """How long it had been up, in seconds."""
    total_kib: int | None = None
    """MemTotal, in KiB."""
    available_kib: int | None = None
    """MemAvailable, in KiB."""
    swap_total_kib: int | None = None
    """SwapTotal, in KiB."""
    swap_free_kib: int | None = None
    """SwapFree, in KiB."""
    committed_kib: int | None = None
    """Committed_AS: what is promised, in KiB."""
    commit_limit_kib: int | None = None
    """CommitLimit, in KiB; the kernel enforces it only where I(commit_enforced)."""
    headroom_kib: int | None = None
    """The commit limit less what is committed, in KiB; below 0 where more has been promised."""
    commit_enforced: bool | None = None
    """Whether overcommit mode never is on."""
    pressure_some_pct: float | None = None
    """Share of the last minute in which some task waited for memory, in percent; null without PSI."""
    pressure_full_pct: float | None = None
    """Share of the last minute in which all tasks waited for memory, in percent; null without PSI."""
    oom_kills: int | None = None
    """The number of OOM kills that the kernel has counted since boot; null before Linux 4.13."""
    kills: tuple[RowKill, ...] = ()
    """The OOM kills that its logs tell of, the last 100, oldest first."""
    killed_first: tuple[RowCandidate, ...] = ()
    """The first three of the kill order."""
    leaks: tuple[RowLeak, ...] = ()
    """The services that leak, the first 50."""

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


def row_of(record: Record) -> Row:
    by_severity, new = counts(record.findings), set(record.new_findings)
    row = Row(
        host=clean(record.host),
        run=clean(record.run),
        audited_at=clean(record.audited_at),
        reachable=record.reachable,
        error=None if record.error is None else clean(record.error, 1000),
        level=_level(record, by_severity),
        groups=tuple(clean(group, _SHORT) for group in record.groups[:MOST_GROUPS]),
        counts=by_severity,
        declares=record.declares,
        drift_count=len(record.drift),
        findings=tuple(_finding(one, one.key in new) for one in record.findings[:MOST_FINDINGS]),
        drift=tuple(clean_fields(change) for change in record.drift[:MOST_DRIFT]),
        kills=tuple(RowKill(kill.at, clean(kill.name, _SHORT)) for kill in kills_of(record)[-MOST_KILLS:]),
        leaks=tuple(_leak(trend) for trend in record.trends if trend.leaks)[:MOST_LEAKS],
    )
    return row if record.state is None else _with_state(row, record.state, record.outlook)


def _with_state(row: Row, state: HostState, outlook: Outlook | None) -> Row:
    memory, host = state.memory, state.host
    pressure = None if state.pressure is None else state.pressure.memory
    some, full = (None, None) if pressure is None else (pressure.some, pressure.full)
    limit_kib, committed_kib = memory.commit_limit_kib, memory.committed_kib
    commit = None if outlook is None else outlook.commit
    order = (outlook.kill_order if outlook is not None else None) or ()
    distribution = None if host.distribution is None else host.distribution.name
    return replace(
        row,
        distribution=distribution and clean(distribution, _SHORT),
        kernel=clean(host.kernel, _SHORT),
        boot_id=host.boot_id and clean(host.boot_id, _SHORT),
        uptime_seconds=None if host.uptime_seconds is None else int(host.uptime_seconds),
        total_kib=memory.total_kib,
        available_kib=memory.available_kib,
        swap_total_kib=memory.swap_total_kib,
        swap_free_kib=memory.swap_free_kib,
        committed_kib=committed_kib,
        commit_limit_kib=limit_kib,
        headroom_kib=None if limit_kib is None or committed_kib is None else limit_kib - committed_kib,
        commit_enforced=None if commit is None or commit.mode is None else commit.mode == "never",
        pressure_some_pct=None if some is None else some.avg60_pct,
        pressure_full_pct=None if full is None else full.avg60_pct,
        oom_kills=state.counters.oom_kills,
        killed_first=tuple(_candidate(one) for one in order[:MOST_CANDIDATES]),
    )


def _level(record: Record, by_severity: dict[str, int]) -> Level:
    if record.state is None:
        return "not audited"
    if by_severity["critical"]:
        return "critical"
    if by_severity["warning"] or record.drift:
        return "warning"
    return "info" if by_severity["info"] else "fine"


def _finding(finding: Finding, new: bool) -> RowFinding:
    return RowFinding(**asdict(clean_fields(finding, _LONG)), new=new)


def _candidate(candidate: Candidate) -> RowCandidate:
    return RowCandidate(clean(candidate.unit or candidate.comm, _SHORT), candidate.rss_kib, candidate.oom_score_adj)


def _leak(trend: ServiceTrend) -> RowLeak:
    package, version = (each and clean(each, _SHORT) for each in (trend.package, trend.version))
    return RowLeak(clean(trend.unit, _SHORT), package, version, trend.rate_bytes_per_hour)


def _pct(part: int | None, whole: int | None) -> float | None:
    return None if part is None or not whole else round(100 * part / whole, 1)
