# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How it ended for the one that grew, and whether that says anything about the forecast."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import HostEvent
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.forecast import Growth
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import CGROUP
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drill.script import Report

TIME_IS_UP, ENDED = "time is up", "ended"
_SIGNALLED = 128


@dataclass(frozen=True)
class Ending:
    """I(outcome) in the forecast's words, V(time is up), or V(ended) for what the forecast has no word for.

    I(inconclusive) is what came in between, so that the forecast was not put to the test; C(None) where nothing did.
    """

    outcome: str
    inconclusive: str | None = None


def ending(before: HostState, after: HostState, growth: Growth, report: Report, kills: Sequence[HostEvent]) -> Ending:
    """I(kills) are the kernel's during the drill. A device that has started anew has panicked, for all we know."""
    if before.host.boot_id != after.host.boot_id:
        return Ending("panic")
    if report.late:
        return Ending(TIME_IS_UP, "its time was up before memory ran out")
    fatal = next((kill for kill in kills if report.pid in [victim.pid for victim in kill.victims]), None)
    if fatal is not None:
        limited = fatal.scope == CGROUP and growth.scope != "cgroup"
        limit = f"the limit of the control group {fatal.limit_cgroup or fatal.cgroup} was reached before"
        return Ending("killed", limit if limited else None)
    if report.status is None:
        return Ending(ENDED, f"the drill itself was ended, by {_somebody(before, after)}")
    if report.status > _SIGNALLED:
        return Ending(ENDED, f"it was ended by {_name(report.status - _SIGNALLED)}, {_sender(before, after, report)}")
    if report.status == 1 and report.out_of_memory:
        limit = "a limit of processes (ulimit, LimitAS=) refused it more memory"
        return Ending("refused", None if before.killer().never_overcommit else limit)
    return Ending(ENDED, f"it ended by itself, with exit status {report.status}")


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _sender(before: HostState, after: HostState, report: Report) -> str:
    if report.status == _SIGNALLED + signal.SIGKILL and (after.events is None or _has_lost_kills(before, after)):
        return "and the kernel's log does not tell whether the kernel has killed it"
    return f"and not by the kernel but by {_somebody(before, after)}"


def _has_lost_kills(before: HostState, after: HostState) -> bool:
    """Whether the kernel has counted kills of which its log does not tell."""
    counted = [state.counters.oom_kills for state in (before, after)]
    killed = None in counted or counted[0] != counted[1]
    return killed and (after.log is None or after.log.incomplete is not False)


def _somebody(before: HostState, after: HostState) -> str:
    daemons = sorted({daemon.name for state in (before, after) for daemon in state.daemons or ()})
    return f"{' or '.join(daemons)}, which kills before the kernel does" if daemons else "systemd or somebody else"
