# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who was killed, who would be, and who never can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import HostEvent
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import Process
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import KILL, PANIC
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.families import Policy
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.inheritance import (
    INHERITED_FROM,
    descends,
    heirs_of,
    in_session,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.protection import PROTECTED_FROM, held_kib, purpose
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.kills import told_seconds
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Finding
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings import catalogue
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.finding import Evidence, Kind

_LISTENERS = ("sshd", "dropbear")
_UNKILLABLE = -1000


def past_kills(evidence: Evidence) -> Iterator[Finding]:
    """Of each subject the last OOM event, and how many there were; none that are older than it matters."""
    protected = protected_names(evidence.state, evidence.policy)
    found: dict[tuple[str, str], tuple[Kind, str, int]] = {}
    for event in evidence.state.events or ():
        if event.kind not in (KILL, PANIC) or not _is_recent(event, evidence):
            continue
        kind = catalogue.RECENT_KILL
        if event.kind == PANIC:
            kind = catalogue.PANIC
        elif event.unit in protected:
            kind = catalogue.PROTECTED_KILLED
        who, when = victim_names(event), event.timestamp or "at an unknown time"
        observed = f"killed {when}: {who}" if who else f"{event.kind} {when}"
        key = kind.id, event.unit or who or "kernel"
        found[key] = kind, observed, found[key][2] + 1 if key in found else 1
    for (_unused, subject), (kind, observed, times) in found.items():
        yield kind.found(evidence.thresholds, subject, observed if times == 1 else f"{observed}; {times} times in all")


def victim_names(event: HostEvent) -> str:
    """Who died in an OOM event: its unit, else its processes."""
    processes = ", ".join(victim.label for victim in event.victims)
    unit = event.unit
    return f"{unit}: {processes}" if unit else processes


def _is_recent(event: HostEvent, evidence: Evidence) -> bool:
    """By the clock of the log; what has none, or only the one of this boot, counts as recent."""
    now, days = int(evidence.now.timestamp()), evidence.thresholds.recent_kill_days
    when = told_seconds(event.timestamp, now)
    return when is None or now - when <= days * 86_400


def protected_names(state: HostState, policy: Policy) -> set[str]:
    """Every name under which a protected service may stand in the log: its cgroup has the unit's own."""
    declared = {service.name for service in policy.services if (service.oom_score_adj or 0) < 0}
    units = state.declared.declared if state.declared is not None else ()
    behind = {each.unit.id for unit in units if unit.name in declared for each in unit.states}
    return declared | behind


def lost_kills(evidence: Evidence) -> Iterator[Finding]:
    """The counter knows of kills that the log does not."""
    log, counted = evidence.state.log, evidence.state.counters.oom_kills
    if log is not None and log.incomplete:
        yield catalogue.LOG_INCOMPLETE.found(
            evidence.thresholds,
            "kernel log",
            f"{counted} processes killed since boot; the log ({log.source}) has fewer",
        )


def next_kills(evidence: Evidence) -> Iterator[Finding]:
    """Whom the kernel would kill now, and whether there is anybody."""
    if evidence.state.processes is None:
        return
    order = evidence.outlook.kill_order
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
