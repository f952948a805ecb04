# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who was killed, who would be, and who never can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import HostEvent
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import Process
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import (
    CGROUP,
    CPUSET,
    GLOBAL,
    KILL,
    MEMPOLICY,
    PANIC,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.families import Policy
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.inheritance import (
    INHERITED_FROM,
    descends,
    heirs_of,
    in_session,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.protection import PROTECTED_FROM, held_kib, purpose
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.kills import event_seconds, is_recent, told_seconds
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Finding
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings import catalogue
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Evidence, Kind

_LISTENERS = ("sshd", "dropbear")
_UNKILLABLE = -1000


# From how many processes on, each killed within this time of the one before it, they are told as one.
_STORM_KILLS = 5
_STORM_SECONDS = 60
_CAUSES = {GLOBAL: "as the host ran out of memory", CPUSET: "by its cpuset", MEMPOLICY: "by its memory policy"}


def past_kills(evidence: Evidence) -> Iterator[Finding]:
    """Of each subject the last OOM event, and how many there were; none that are older than it matters.

    What died one after the other of one cause is one finding, but for protected services.
    """
    protected = protected_names(evidence.state, evidence.policy)
    now, recent = int(evidence.now.timestamp()), list(recent_events(evidence))
    others = [event for event in recent if event.kind == KILL and event.unit not in protected]
    storms = [run for run in _runs(others, now) if _is_storm(run)]
    in_storm = {id(event) for run in storms for event in run}
    found: dict[tuple[str, str], tuple[Kind, str, int, HostEvent]] = {}
    for event in recent:
        if id(event) in in_storm:
            continue
        kind = catalogue.RECENT_KILL
        if event.kind == PANIC:
            kind = catalogue.PANIC
        elif event.unit in protected:
            kind = catalogue.PROTECTED_KILLED
        who, when, cause = victim_names(event), event.timestamp or "at an unknown time", _cause(event)
        observed = f"killed {when}: {who}" if who else f"{event.kind} {when}"
        key = kind.id, event.unit or who or "kernel"
        found[key] = kind, observed + (f", {cause}" if cause else ""), found[key][2] + 1 if key in found else 1, event
    for (_unused, subject), (kind, observed, times, event) in found.items():
        yield kind.found(
            evidence.thresholds,
            subject,
            observed if times == 1 else f"{observed}; {times} times in all",
            remedy=_remedy(event),
        )
    for run in storms:
        yield catalogue.RECENT_KILL.found(evidence.thresholds, "kernel", _storm(run), remedy=_remedy(run[0]))


def recent_events(evidence: Evidence) -> Iterator[HostEvent]:
    """Kills and panics that are not older than matters."""
    now, days = int(evidence.now.timestamp()), evidence.thresholds.recent_kill_days
    uptime_seconds = evidence.state.host.uptime_seconds
    for event in evidence.state.events or ():
        if event.kind in (KILL, PANIC) and is_recent(event_seconds(event, uptime_seconds, now), now, days):
            yield event


def _cause(event: HostEvent) -> str:
    """Whose memory it was that had run out, as far as the log tells."""
    if event.scope == CGROUP:
        return f"at the limit of {event.limit_cgroup or 'its control group'}"
    return _CAUSES.get(event.scope or "", "")


def _remedy(event: HostEvent) -> str | None:
    """The host may have had memory left."""
    if event.scope != CGROUP or event.kind != KILL:
        return None
    return "raise the limit of the control group that is named (MemoryMax= of a unit), or find why it needs so much"


def _runs(events: Iterable[HostEvent], now: int) -> Iterator[list[HostEvent]]:
    """Events of one cause, each soon after the one before it."""
    run: list[HostEvent] = []
    for event in events:
        if run and not (_cause(run[-1]) == _cause(event) and _is_soon_after(run[-1], event, now)):
            yield run
            run = []
        run.append(event)
    if run:
        yield run


def _is_soon_after(one: HostEvent, other: HostEvent, now: int) -> bool:
    first, second = (told_seconds(event.timestamp, now) for event in (one, other))
    if first is None or second is None:
        first, second = (None if up is None else int(up) for up in (one.uptime_seconds, other.uptime_seconds))
    return first is not None and second is not None and 0 <= second - first <= _STORM_SECONDS


def _is_storm(run: Sequence[HostEvent]) -> bool:
    """Many, and not all of one unit, whose kills are one finding without that."""
    return len(run) >= _STORM_KILLS and len({event.unit or victim_names(event) for event in run}) > 1


def _storm(run: Sequence[HostEvent]) -> str:
    """How many, of what, and who is likely to have grown: the largest, and who asked for memory most often."""
    victims = [victim for event in run for victim in event.victims]
    when = f"{run[0].timestamp or 'at an unknown time'} to {run[-1].timestamp or 'an unknown time'}"
    told = f"killed {when}: {len(victims)} processes one after the other{', ' * bool(_cause(run[0]))}{_cause(run[0])}"
    largest = max(victims, key=lambda victim: victim.rss_kib or 0, default=None)
    if largest is not None and largest.rss_kib:
        told += f"; the largest was {largest.label} with {largest.rss_kib} KiB"
    asked = Counter(event.invoker.comm for event in run if event.invoker is not None and event.invoker.comm)
    if asked:
        ((comm, times),) = asked.most_common(1)
        told += f"; {comm} asked for memory {times} of {len(run)} times"
    return told


def victim_names(event: HostEvent) -> str:
    """Who died in an OOM event: its unit, else its processes."""
    processes = ", ".join(victim.label for victim in event.victims)
    unit = event.unit
    return f"{unit}: {processes}" if unit else processes


def protected_names(state: HostState, policy: Policy) -> set[str]:
    """Every name under which a protected service may stand in the log: its cgroup has the unit's own."""
    declared = {service.name for service in policy.services if (service.oom_score_adj or 0) < 0}
    units = state.declared.declared if state.declared is not None else ()
    behind = {each.unit.id for unit in units if unit.name in declared for each in unit.states}
    return declared | behind


def counted_kills(evidence: Evidence) -> Iterator[Finding]:
    """The counter knows of kills that the log does not, or the log of some that the kernel does not."""
    log, counted = evidence.state.log, evidence.state.counters.oom_kills
    if log is not None and log.kills_counted is not None and log.kills_logged - log.kills_unsure > log.kills_counted:
        yield catalogue.LOG_DISAGREES.found(
            evidence.thresholds,
            "kernel log",
            f"the log ({log.source}) has {log.kills_logged} kill lines of this boot; the kernel has counted "
            f"{log.kills_counted}",
        )
    if log is not None and log.incomplete:
        yield catalogue.LOG_INCOMPLETE.found(
            evidence.thresholds,
            "kernel log",
            f"{counted} processes killed since boot; the log ({log.source}) has fewer",
        )


def next_kills(evidence: Evidence) -> Iterator[Finding]:
    """Whom the kernel would kill now, and whether there is anybody."""
    order = evidence.outlook.kill_order
    if evidence.state.processes is None or order is None:
        return
    if not order:
        yield catalogue.NO_KILLABLE.found(
            evidence.thresholds,
            "kernel",
            f"none of {len(evidence.state.processes)} processes with memory may be killed",
        )
        return
    first = order[0]
    name = first.unit or first.comm
    what_for = purpose(name, evidence.sensitive)
    if what_for is not None:
        size = f"{first.rss_kib} KiB, score {first.oom_score_adj}"
        yield catalogue.COLLATERAL.found(
            evidence.thresholds,
            name,
            f"{name} is first in the kill order ({size}) and there for {what_for}",
            remedy="give something else a higher score" if heirs_of(name, first.comm) else None,
        )


def protection(evidence: Evidence) -> Iterator[Finding]:
    """Too much of it, none where it is needed, and where nobody meant it."""
    processes = evidence.state.processes or ()
    ram_kib = evidence.state.memory.total_kib
    protected_kib = held_kib(process for process in processes if process.oom_score_adj <= PROTECTED_FROM)
    if protected_kib * 100 > evidence.thresholds.protected_share_pct * ram_kib:
        share = f"{protected_kib} KiB of {ram_kib} KiB of RAM ({100 * protected_kib // ram_kib} %)"
        yield catalogue.OVER_PROTECTION.found(evidence.thresholds, "kernel", share)
    for process in processes:
        # A session that outlived the restart of its listener has process 1 for a parent, too.
        in_session = (process.unit or "").endswith(".scope")
        if process.comm in _LISTENERS and process.ppid == 1 and not in_session and process.oom_score_adj >= 0:
            observed = f"pid {process.pid} ({process.comm}) has score {process.oom_score_adj}"
            yield catalogue.ACCESS_UNPROTECTED.found(evidence.thresholds, process.unit or process.comm, observed)


def inherited(evidence: Evidence) -> Iterator[Finding]:
    """Who is unkillable and never asked for it, by unit."""
    processes = evidence.state.processes or ()
    by_pid = {process.pid: process for process in processes}
    heirs: dict[str, list[Process]] = {}
    for process in processes:
        if _has_inherited(process, by_pid):
            heirs.setdefault(process.unit or process.comm, []).append(process)
    for name, found in heirs.items():
        shown = ", ".join(f"pid {process.pid} ({process.comm})" for process in found[:5])
        yield catalogue.INHERITED.found(evidence.thresholds, name, f"{len(found)} of {held_kib(found)} KiB: {shown}")


def sessions(evidence: Evidence) -> Iterator[Finding]:
    """Whose login outlives the services of the device, by session; what can never be killed is told as inherited."""
    processes = evidence.state.processes or ()
    by_pid = {process.pid: process for process in processes}
    parents = {process.pid: process.ppid for process in processes}
    listeners = frozenset(process.pid for process in processes if process.comm in _LISTENERS)
    found: dict[str, list[Process]] = {}
    for process in processes:
        if process.oom_score_adj > INHERITED_FROM or _has_inherited(process, by_pid):
            continue
        behind_listener = process.comm not in _LISTENERS and descends(process.pid, listeners, parents)
        if in_session(process) or behind_listener:
            found.setdefault(process.unit or process.comm, []).append(process)
    for name, those in found.items():
        shown = ", ".join(f"pid {process.pid} ({process.comm}) {process.oom_score_adj}" for process in those[:5])
        yield catalogue.SESSION.found(evidence.thresholds, name, f"{len(those)} of {held_kib(those)} KiB: {shown}")


def _has_inherited(process: Process, by_pid: Mapping[int, Process]) -> bool:
    """Unkillable as its parent is, and another program: workers of one service are meant to be like it."""
    parent = by_pid.get(process.ppid)
    return (
        process.oom_score_adj == _UNKILLABLE
        and parent is not None
        and parent.pid != 1
        and parent.oom_score_adj == _UNKILLABLE
        and parent.comm != process.comm
    )
