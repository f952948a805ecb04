# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one incident of the kernel's OOM killer is, once its report has been read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Dict, Mapping, Optional, Tuple

KILL = "kill"
PANIC = "panic"
INCOMPLETE = "incomplete"

GLOBAL = "global"
CGROUP = "cgroup"
CPUSET = "cpuset"
MEMPOLICY = "mempolicy"


@dataclass(frozen=True)
class Invoker:
    """The process whose allocation could not be met. It need not be the one that is killed.

    I(gfp_mask) is kept as printed: hexadecimal, from 4.6 on followed by the names of the flags.
    I(oom_score_adj) is null up to 2.6.35, which print the older scale of -17 to 15.
    """

    comm: Optional[str]
    pid: Optional[int] = None
    order: Optional[int] = None
    gfp_mask: Optional[str] = None
    oom_score_adj: Optional[int] = None


@dataclass(frozen=True)
class Victim:
    """A process that was killed, with its size just before (C(__oom_kill_process) in mm/oom_kill.c).

    In an event of kind V(incomplete) it is the process that the report named, or that the reaper
    emptied: the line that says "Killed process" is not there.
    """

    pid: int
    comm: Optional[str] = None
    uid: Optional[int] = None
    total_vm_kib: Optional[int] = None
    anon_rss_kib: Optional[int] = None
    file_rss_kib: Optional[int] = None
    shmem_rss_kib: Optional[int] = None
    pgtables_kib: Optional[int] = None
    oom_score_adj: Optional[int] = None
    reaped: bool = False


@dataclass(frozen=True)
class Task:
    """A row of the table of candidates (C(dump_tasks) in mm/oom_kill.c).

    The size of a page is not printed; it is that of the machine. A column this kernel does not have is null.
    """

    pid: int
    uid: Optional[int] = None
    tgid: Optional[int] = None
    total_vm_pages: Optional[int] = None
    rss_pages: Optional[int] = None
    rss_anon_pages: Optional[int] = None
    rss_file_pages: Optional[int] = None
    rss_shmem_pages: Optional[int] = None
    nr_ptes: Optional[int] = None
    nr_pmds: Optional[int] = None
    nr_puds: Optional[int] = None
    pgtables_bytes: Optional[int] = None
    swapents_pages: Optional[int] = None
    cpu: Optional[int] = None
    oom_adj: Optional[int] = None
    oom_score_adj: Optional[int] = None
    comm: Optional[str] = None


@dataclass(frozen=True)
class OomEvent:
    """One incident: from "invoked oom-killer" to the last process that died of it.

    I(kind) is V(kill), V(panic) (the kernel stopped instead of killing) or V(incomplete): a report,
    an announcement or a trace of the reaper, without the line that says who was killed.

    I(timestamp) and I(uptime_seconds) are those of the first kill line or of the panic; where there is neither, of
    the first line of the event. I(timestamp) is ISO 8601 where the log says all of date and time, with an
    offset only if the log has one; else (syslog has no year, some formats name the zone) the text of the log.

    I(scope) is whose memory had run out: V(global), V(cgroup), V(cpuset), V(mempolicy), null where not
    told. A kill line that says just "Out of memory" counts as V(global): the two rare scopes are told by
    the "oom-kill:" line of 5.0 and later only.

    I(cgroup) is the victim's control group, I(limit_cgroup) the one whose limit was reached,
    I(unit) the innermost unit in the former, else in the latter, one of a user or a container in full
    (C(user@1000.service/a.service)).

    I(memory) holds what was printed, the unit in each name.

    I(kill_lines) is how often the log says "Killed process", and how often the kernel has counted (C(oom_kill) of
    C(/proc/vmstat)): once for each victim, but twice for the first of a group (C(memory.oom.group)).

    I(complete) is true if header, a table or sizes of memory, and the kill line or panic were all there.
    I(lost_lines) counts lines that the log itself says are missing within the event ("messages dropped",
    gaps in the sequence numbers of /dev/kmsg). It is 0 where numbered lines have no gap and null where
    the log can not tell. Suppressed callbacks are whole reports, not lines, and are not counted.
    """

    kind: str
    timestamp: Optional[str] = None
    uptime_seconds: Optional[float] = None
    scope: Optional[str] = None
    cgroup: Optional[str] = None
    limit_cgroup: Optional[str] = None
    unit: Optional[str] = None
    invoker: Optional[Invoker] = None
    victims: Tuple[Victim, ...] = ()
    tasks: Tuple[Task, ...] = ()
    memory: Mapping[str, int] = field(default_factory=dict)
    kill_lines: int = 0
    complete: bool = False
    lost_lines: Optional[int] = None

    def as_dict(self) -> Dict[str, Any]:
        """The event as plain dicts and lists, for JSON."""
        plain = asdict(self)
        plain["victims"] = list(plain["victims"])
        plain["tasks"] = list(plain["tasks"])
        return plain


@dataclass(frozen=True)
class OomLog:
    """All incidents of a log, oldest first.

    I(unrecognised) are lines of the kernel that speak of the OOM killer in words unknown here, as they
    stand, at most C(MAX_UNRECOGNISED) of them; I(unrecognised_total) says how many there were.
    I(omitted_events) counts the oldest incidents that were left out because there were too many.
    """

    events: Tuple[OomEvent, ...] = ()
    unrecognised: Tuple[str, ...] = ()
    unrecognised_total: int = 0
    omitted_events: int = 0

    def as_dict(self) -> Dict[str, Any]:
        """The log as plain dicts and lists, for JSON."""
        return {
            "events": [event.as_dict() for event in self.events],
            "unrecognised": list(self.unrecognised),
            "unrecognised_total": self.unrecognised_total,
            "omitted_events": self.omitted_events,
        }
