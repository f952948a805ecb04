# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one incident of the kernel's OOM killer is, once its report has been read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.refused_commits import RefusedCommit

KILL = "kill"
PANIC = "panic"
INCOMPLETE = "incomplete"

GLOBAL = "global"
CGROUP = "cgroup"
CPUSET = "cpuset"
MEMPOLICY = "mempolicy"


@dataclass(frozen=True)
class Invoker:
    """The process whose allocation could not be met. It need not be the one that is killed."""

    comm: Optional[str]
    """Its name, as printed; null where the line was cut."""

    pid: Optional[int] = None
    """Its number; null where the log does not say."""

    order: Optional[int] = None
    """It asked for two to the power of this number of pages; -1 is a request through SysRq."""

    gfp_mask: Optional[str] = None
    """The kind of allocation as printed: hexadecimal, from 4.6 on followed by the names of the flags."""

    oom_score_adj: Optional[int] = None
    """Its score, a number from -1000 to 1000; null up to 2.6.35, which print the older scale of -17 to 15."""


@dataclass(frozen=True)
class Victim:
    """A process that was killed, with its size just before (C(__oom_kill_process()) in mm/oom_kill.c).

    In an event of kind V(incomplete) it is the process that the report named, or that the reaper emptied: the line that
    says "Killed process" is not there.
    """

    pid: Optional[int]
    """Its number; null where the kernel tells the name only ("VM: killing process", up to 2.6.29)."""

    comm: Optional[str] = None
    """Its name, as printed; null where the log does not say."""

    uid: Optional[int] = None
    """Number of its user; null before 5.4."""

    total_vm_kib: Optional[int] = None
    """Size of its address space, in KiB."""

    anon_rss_kib: Optional[int] = None
    """What it held in RAM that was no file's, in KiB."""

    file_rss_kib: Optional[int] = None
    """Pages of files that it held in RAM, in KiB."""

    shmem_rss_kib: Optional[int] = None
    """Shared memory that it held in RAM, in KiB; null before 4.5."""

    pgtables_kib: Optional[int] = None
    """Its page tables, in KiB; null before 5.4."""

    oom_score_adj: Optional[int] = None
    """Its score, a number from -1000 to 1000; null before 5.4."""

    reaped: bool = False
    """Whether the log says that the reaper took its memory back at once (4.6)."""

    told_by_table: Tuple[str, ...] = ()
    """Names of the fields above that come from the table of candidates in the report, and from no line about it."""

    @property
    def label(self) -> str:
        """Its name and number, as far as they are known, for people."""
        return (self.comm or "a process") + ("" if self.pid is None else f" (pid {self.pid})")

    @property
    def rss_kib(self) -> Optional[int]:
        """All of its RSS; null where the kernel does not say."""
        if self.anon_rss_kib is None:
            return None
        return self.anon_rss_kib + (self.file_rss_kib or 0) + (self.shmem_rss_kib or 0)


@dataclass(frozen=True)
class Task:
    """A row of the table of candidates (C(dump_tasks()) in mm/oom_kill.c).

    The size of a page is not printed; it is that of the machine. A column this kernel does not have is null.
    """

    pid: int
    """Its number."""

    uid: Optional[int] = None
    """Number of its user."""

    tgid: Optional[int] = None
    """Number of its thread group."""

    total_vm_pages: Optional[int] = None
    """Size of its address space, in pages."""

    rss_pages: Optional[int] = None
    """What it holds in RAM, in pages."""

    rss_anon_pages: Optional[int] = None
    """The part of it that is no file's, in pages."""

    rss_file_pages: Optional[int] = None
    """The part of it that is of files, in pages."""

    rss_shmem_pages: Optional[int] = None
    """The part of it that is shared memory, in pages."""

    nr_ptes: Optional[int] = None
    """Number of its page tables, lowest level (before 4.15)."""

    nr_pmds: Optional[int] = None
    """Number of its page tables, second level (before 4.15)."""

    nr_puds: Optional[int] = None
    """Number of its page tables, third level (before 4.15)."""

    pgtables_bytes: Optional[int] = None
    """All its page tables, in bytes (4.15)."""

    swapents_pages: Optional[int] = None
    """What it has in swap, in pages."""

    cpu: Optional[int] = None
    """Number of the CPU that it ran on, of old kernels."""

    oom_adj: Optional[int] = None
    """Its score on the older scale, a number from -17 to 15 (up to 2.6.35)."""

    oom_score_adj: Optional[int] = None
    """Its score, a number from -1000 to 1000 (2.6.36)."""

    comm: Optional[str] = None
    """Its name, as printed."""


@dataclass(frozen=True)
class OomEvent:
    """One incident: from "invoked oom-killer" to the last process that died of it. What is not told is null."""

    kind: str
    """V(kill), V(panic) (the kernel stopped instead of killing) or V(incomplete): a report, an announcement or a trace
    of the reaper, without a line that says who was killed. The "oom-kill:" line of 5.0 and later says that, too.
    """

    timestamp: Optional[str] = None
    """Time of the first kill line or of the panic, where there is neither of the first line. ISO 8601 where the log
    says all of date and time, with an offset only if the log has one; else (syslog has no year, some formats name
    the zone) the text of the log. Null where the log has only the time since boot.
    """

    uptime_seconds: Optional[float] = None
    """The same moment in seconds since boot; null where the log does not say."""

    scope: Optional[str] = None
    """Whose memory had run out: V(global), V(cgroup), V(cpuset), V(mempolicy); null where not told. A kill line that
    says just "Out of memory" counts as V(global): the two rare scopes are told by the "oom-kill:" line of 5.0 and
    later only.
    """

    cgroup: Optional[str] = None
    """Path of the victim's control group; null where not told."""

    limit_cgroup: Optional[str] = None
    """Path of the control group whose limit was reached; null unless I(scope) is V(cgroup)."""

    unit: Optional[str] = None
    """The innermost unit in I(cgroup), else in I(limit_cgroup), one of a user or a container in full
    (C(user@1000.service/a.service)); null where neither has one.
    """

    invoker: Optional[Invoker] = None
    """Who asked for the memory that was not there; null where the log does not say."""

    victims: Tuple[Victim, ...] = ()
    """Who died, each once."""

    memory: Mapping[str, int] = field(default_factory=dict)
    """Sizes as they were printed, the unit in each name, such as C(free_pages), C(swap_total_kib), C(limit_kib)."""

    kill_lines: int = 0
    """Number of times that the log says "Killed process", and that the kernel has counted (C(oom_kill) of
    C(/proc/vmstat)): once for each victim, but twice for the first of a group (C(memory.oom.group)).
    """

    complete: bool = False
    """Whether header, a table or sizes of memory, and the kill line or panic were all there."""

    lost_lines: Optional[int] = None
    """Number of lines that the log itself says are missing within the event ("messages dropped", gaps in the sequence
    numbers of /dev/kmsg): 0 where numbered lines have no gap, null where the log can not tell. Suppressed callbacks
    are whole reports, not lines, and are not counted.
    """


@dataclass(frozen=True)
class OomReport(OomEvent):
    """An event as the kernel's report tells it."""

    tasks: Tuple[Task, ...] = ()
    """The table of candidates that was printed, if any."""

    def as_dict(self) -> Dict[str, Any]:
        """The event as plain dicts and lists, for JSON."""
        plain = asdict(self)
        plain["victims"] = [dict(each, told_by_table=list(each["told_by_table"])) for each in plain["victims"]]
        plain["tasks"] = list(plain["tasks"])
        return plain


@dataclass(frozen=True)
class OomLog:
    """All incidents of a log, oldest first.

    I(unrecognised) are lines of the kernel that speak of the OOM killer in words unknown here, as they
    stand, at most C(MAX_UNRECOGNISED) of them; I(unrecognised_total) says how many there were.
    I(omitted_events) counts the oldest incidents that were left out because there were too many. I(refused) is what
    was not promised, by program.
    """

    events: Tuple[OomReport, ...] = ()
    unrecognised: Tuple[str, ...] = ()
    unrecognised_total: int = 0
    omitted_events: int = 0
    refused: Tuple[RefusedCommit, ...] = ()

    def as_dict(self) -> Dict[str, Any]:
        """The log as plain dicts and lists, for JSON."""
        return {
            "events": [event.as_dict() for event in self.events],
            "unrecognised": list(self.unrecognised),
            "unrecognised_total": self.unrecognised_total,
            "omitted_events": self.omitted_events,
            "refused": [asdict(one) for one in self.refused],
        }
