# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An OOM event while its lines come in."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._cgroup_units import unit_of
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import (
    CGROUP,
    INCOMPLETE,
    KILL,
    PANIC,
    Invoker,
    OomReport,
    Task,
    Victim,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kind_names import Statement
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import Line

MAX_TASKS = 32768
MAX_VICTIMS = 10000
# Lines further apart than this belong to different events.
MAX_GAP_SECONDS = 60.0

_COLUMNS = {
    "total_vm": "total_vm_pages",
    "rss": "rss_pages",
    "rss_anon": "rss_anon_pages",
    "rss_file": "rss_file_pages",
    "rss_shmem": "rss_shmem_pages",
    "swapents": "swapents_pages",
}
_TASK_FIELDS = frozenset(Task.__dataclass_fields__)
_FIRST_COLUMNS = ("pid", "uid", "tgid", "total_vm", "rss")
# From this number of columns on the last is oom_score_adj (2.6.36); with fewer it is oom_adj.
_COLUMNS_WITH_SCORE_ADJ = 8


class Draft:
    """What is known so far. I(place) is the place of the event in the log."""

    def __init__(self, place: int, line: Line) -> None:
        self.place = place
        self.first = self.last = line
        self.decided: Optional[Line] = None
        self.kind = INCOMPLETE
        self.evident = False
        self.header: Optional[Dict[str, Any]] = None
        self.columns: Optional[Tuple[str, ...]] = None
        self.tasks: Dict[int, Task] = {}
        self.memory: Dict[str, int] = {}
        self.scope: Optional[str] = None
        self.cgroup: Optional[str] = None
        self.limit_cgroup: Optional[str] = None
        self.named: Optional[Dict[str, Any]] = None
        self.announced = self.chosen = False
        self.over = False
        self.group = False
        self.victims: Dict[Any, Dict[str, Any]] = {}
        self.kill_lines = 0
        self.page_kib: Optional[int] = None
        self.lost: Optional[int] = None

    def is_near(self, line: Line) -> bool:
        """Whether a line is close enough in time to belong here; true if that can not be told."""
        for name in ("uptime_seconds", "wall_seconds"):
            before, after = getattr(self.last, name), getattr(line, name)
            if before is not None and after is not None:
                return bool(abs(after - before) <= MAX_GAP_SECONDS)
        return True

    def contradicts(self, values: Dict[str, Any]) -> bool:
        """Whether a line about a victim can not be of this event.

        The process that is named is the one that dies, but for an announcement: that may end in a child.
        """
        scope, other = self.scope, values.get("scope")
        if scope and other and scope != other and CGROUP in (scope, other):
            return True
        final = self.named is not None and not self.announced and not self.over
        return final and not self.names(values["pid"])

    def invoked_by(self, pid: Optional[int]) -> bool:
        """Whether the report says that this process asked for the memory. Of a control group it often is the victim."""
        return pid is not None and self.header is not None and self.header.get("pid") == pid

    def names(self, pid: Optional[int]) -> bool:
        """Whether this is the process that was named as the victim to be."""
        return self.named is not None and self.named["pid"] == pid

    def decide(self, kind: str, line: Line) -> None:
        """A kill line or a panic."""
        self.over = True
        if self.decided is None:
            self.decided, self.kind = line, kind

    def place_in(self, values: Dict[str, Any]) -> None:
        """Take scope and control groups. The first that is told is kept."""
        self.scope = self.scope or values.get("scope")
        self.cgroup = self.cgroup or values.get("cgroup")
        self.limit_cgroup = self.limit_cgroup or values.get("limit_cgroup")

    def measure(self, sizes: Dict[str, int]) -> None:
        """Take sizes; the first of a name is that of this report."""
        for name, size in sizes.items():
            self.memory.setdefault(name, size)

    def add_up(self, sizes: Dict[str, int]) -> None:
        """Take sizes that are printed once for each control group below the limit."""
        for name, size in sizes.items():
            self.memory[name] = self.memory.get(name, 0) + size

    def add_task(self, row: Statement) -> None:
        """Take a row of the table. Without the table's header only the columns that all kernels have.

        A name may begin with numbers. A row without a name has been cut, and with it perhaps a number.
        """
        numbers = row.values["numbers"]
        columns = self.columns or _FIRST_COLUMNS
        words = [str(number) for number in numbers[len(columns) :]] if self.columns else []
        comm = " ".join(words + [row.values[name] for name in ("comm",) if name in row.values])
        known = {_COLUMNS.get(column, column): number for column, number in zip(columns, numbers)}
        if not self.columns and len(numbers) >= _COLUMNS_WITH_SCORE_ADJ:
            known["oom_score_adj"] = numbers[-1]
        if comm and len(self.tasks) < MAX_TASKS:
            task = Task(comm=comm, **{name: known[name] for name in known if name in _TASK_FIELDS})
            self.tasks.setdefault(task.pid, task)

    def add_victim(self, values: Dict[str, Any]) -> None:
        """Take a process that died. Each is one victim, however often it is printed.

        One without a number is known by its name.
        """
        known_by = values["pid"] if values.get("pid") is not None else values.get("comm")
        if len(self.victims) < MAX_VICTIMS or known_by in self.victims:
            victim = self.victims.setdefault(known_by, {})
            for name, value in values.items():
                victim[name] = victim.get(name) or value if name == "reaped" else victim.get(name, value)

    def lose(self, lines: int) -> None:
        """Lines of the report are missing."""
        self.lost = (self.lost or 0) + lines

    def finish(self) -> OomReport:
        """The event, of which no more will be heard."""
        when = self.decided or self.first
        named = {0: self.named} if self.named and self.kind == INCOMPLETE else {}
        victims = self.victims or named
        if self.kind == INCOMPLETE and self.chosen and self.named:
            self.kind = KILL  # all that is missing is the line that says so
        measured = bool(self.memory or self.tasks)
        return OomReport(
            kind=self.kind,
            timestamp=when.timestamp,
            uptime_seconds=when.uptime_seconds,
            scope=self.scope,
            cgroup=self.cgroup,
            limit_cgroup=self.limit_cgroup,
            unit=unit_of(self.cgroup) or unit_of(self.limit_cgroup),
            invoker=self._invoker(),
            victims=tuple(self._victim(values) for values in victims.values()),
            tasks=tuple(self.tasks.values()),
            memory=self.memory,
            kill_lines=self.kill_lines,
            complete=self.header is not None and measured and self.kind in (KILL, PANIC),
            lost_lines=self.lost,
        )

    def _invoker(self) -> Optional[Invoker]:
        if self.header is None:
            return None
        return Invoker(**self.header)

    def told_of(self, pid: Optional[int]) -> Dict[str, Any]:
        """What was said of this process when it was named as the victim to be."""
        return self.named if self.named is not None and self.names(pid) else {}

    def _victim(self, values: Dict[str, Any]) -> Victim:
        """5.4 and its first updates print the bytes of page tables as kB; the table tells."""
        known = dict(self.told_of(values["pid"]), **values)
        task = self.tasks.get(known["pid"])
        if task is None:
            return Victim(**known)
        if task.pgtables_bytes and known.get("pgtables_kib") == task.pgtables_bytes:
            known["pgtables_kib"] = task.pgtables_bytes // 1024
        by_table = {name: value for name, value in self._in_table(task).items() if known.get(name) is None}
        told = {name: value for name, value in by_table.items() if value is not None}
        return Victim(**dict(known, **told), told_by_table=tuple(told))

    def _in_table(self, task: Task) -> Dict[str, Any]:
        """What the table tells of a victim in the words of the kill line. How large a page is the free lists say."""
        pages, page_kib, octets = task.total_vm_pages, self.page_kib, task.pgtables_bytes
        return {
            "comm": task.comm,
            "uid": task.uid,
            "total_vm_kib": None if pages is None or page_kib is None else pages * page_kib,
            "pgtables_kib": None if octets is None else octets // 1024,
            "oom_score_adj": task.oom_score_adj,
        }
