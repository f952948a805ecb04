# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person reads in the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState, Outlook
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.forecast import NEWCOMER, OUTCOMES
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.findings.catalogue import (
    INCOMPLETE,
    NOT_COMPARED,
    SCORE,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean, shown_value

_MIB = 1024
_SCORES = SCORE.id.partition("VERDICT")[0]


def summarise(record: Record) -> list[str]:
    """One host in a few lines; everything that the device has said is printable, and obeyed by no terminal."""
    return [f"{clean(record.host)}:", *("  " + clean(line) for line in _lines(record))]


def _lines(record: Record) -> Iterator[str]:
    state, outlook = record.state, record.outlook
    if state is None:
        yield f"not audited: {record.error}"
        return
    yield from _memory(state, outlook)
    yield from _drift(record)
    for finding in record.findings:
        line = f"{finding.severity}: {finding.subject}: {finding.message} [{finding.id}]: {finding.observed}"
        yield f"{line}; expected {finding.expected}" if finding.id.startswith(_SCORES) else line
    if outlook is not None:
        yield from _victims(outlook)
    told = [finding.observed for finding in record.findings if finding.id == INCOMPLETE.id]
    for unread in state.unread:
        line = f"{unread.what}: {unread.why}"
        if not any(line in observed for observed in told):
            yield f"not read: {line}"


def _memory(state: HostState, outlook: Outlook | None) -> Iterator[str]:
    memory = state.memory
    line = f"memory {memory.total_kib // _MIB} MiB"
    if memory.available_kib is not None:
        line += f", {memory.available_kib // _MIB} MiB available"
    line += f", swap {memory.swap_total_kib // _MIB} MiB"
    if memory.committed_kib is not None and memory.commit_limit_kib:
        line += f"; committed {memory.committed_kib // _MIB} of {memory.commit_limit_kib // _MIB} MiB"
        commit = None if outlook is None else outlook.commit
        line += "" if commit is None or commit.mode in (None, "never") else " (not enforced)"
    kills = state.counters.oom_kills
    yield line + (f"; {kills} OOM kills since boot" if kills is not None else "")


def _drift(record: Record) -> Iterator[str]:
    left_out = [finding.subject for finding in record.findings if finding.id == NOT_COMPARED.id]
    none = "none" if record.declares else "none, for nothing is declared for this host"
    told = f"drift: {len(record.drift)} value(s)" if record.drift else f"drift: {none}"
    yield told + (f" of what could be compared; not compared: {', '.join(left_out)}" if left_out else "")
    # Of a service there is a finding, which says it in one line.
    judged = {finding.subject for finding in record.findings if finding.id.startswith(_SCORES)}
    for change in record.drift:
        if change.subject not in judged:
            yield (
                f"  {change.layer}: {change.subject} {change.key} is {shown_value(change.before)}, "
                f"declared {shown_value(change.after)}: {change.why}"
            )


def _victims(outlook: Outlook) -> Iterator[str]:
    order = outlook.kill_order
    if order is None:
        return
    if not order:
        yield "no process here can be killed"
        return
    shown = ", ".join(
        f"{one.unit or one.comm} ({one.rss_kib // _MIB} MiB, score {one.oom_score_adj})" for one in order[:3]
    )
    yield f"killed first if memory ran out now: {shown}"
    for growth in outlook.forecast or ():
        if growth.grower == NEWCOMER:
            victims = ", ".join(growth.victims[:5]) or "nobody"
            end = "" if growth.ends else f"; then {OUTCOMES[growth.outcome]}"
            yield f"if {NEWCOMER} grows without end, killed in order: {victims}{end}"
