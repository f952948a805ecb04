# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which lines of a kernel log make up one OOM event.

The kernel prints one report at a time (oom_lock), yet between its lines stand those of other CPUs, lines are lost,
the body is left out when there are many reports, and logs are cut. So each line looks for the event
that it fits, the last one first, and opens one of its own where it fits none.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Callable, Deque, Dict, Iterable, Iterator, Optional, Sequence

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log import line_kind_names as kinds
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import CGROUP, KILL, PANIC
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event_draft import Draft
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kind_names import Statement
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kinds import name_in_command
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import Line

_Tests = Sequence[Callable[[Draft], bool]]

# How many events back a late line (of the reaper, say) is looked for.
MAX_DRAFTS = 64


class Assembly:
    """Lines of one machine in, oldest first; drafts of events out.

    I(places) numbers the drafts; I(emit) is called with each to which nothing can be added any more.
    """

    def __init__(self, places: Iterator[int], emit: Callable[[Draft], None]) -> None:
        self._places = places
        self._emit = emit
        self._drafts: Deque[Draft] = deque()
        self._other_report = False
        self._take: Dict[str, Callable[[Statement, Line], None]] = {
            kinds.HEADER: self._header,
            kinds.CPU: self._cpu,
            kinds.MACHINE: self._machine,
            kinds.LIMIT: self._limit,
            kinds.STATS: self._stats,
            kinds.TABLE: self._table,
            kinds.ROW: self._row,
            kinds.SUMMARY: self._named,
            kinds.ANNOUNCEMENT: self._named,
            kinds.NOBODY: self._nobody,
            kinds.KILLED: self._killed,
            kinds.SHARED: self._shared,
            kinds.GROUP: self._group,
            kinds.SPARED: self._spared,
            kinds.REAPED: self._reaped,
            kinds.PANIC: self._panic,
            kinds.LOST: self._lost,
            kinds.BOOT: self._boot,
            kinds.OTHER_REPORT: self._other,
        }

    def take(self, what: Statement, line: Line) -> None:
        """Add what a line says to the event it belongs to."""
        take = self._take.get(what.kind)
        if take:
            take(what, line)

    def finish(self) -> None:
        """The log ends here."""
        while self._drafts:
            self._close(self._drafts.popleft())

    def _close(self, draft: Draft) -> None:
        if draft.evident:
            self._emit(draft)

    def _open(self, line: Line) -> Draft:
        if len(self._drafts) >= MAX_DRAFTS:
            self._close(self._drafts.popleft())
        draft = Draft(next(self._places), line)
        if line.sequence is not None:
            draft.lose(0)
        self._drafts.append(draft)
        return draft

    def _recent(self, line: Line) -> Iterator[Draft]:
        return (draft for draft in reversed(self._drafts) if draft.is_near(line))

    def _report(self, line: Line) -> Draft:
        """The report that goes on: the last event, if nobody has been killed for it yet."""
        last = self._drafts[-1] if self._drafts else None
        if last is None or last.over or last.named or not last.is_near(line):
            last = self._open(line)
        last.last = line
        return last

    def _evidence(self, line: Line) -> Draft:
        draft = self._report(line)
        draft.evident = True
        return draft

    def _header(self, what: Statement, line: Line) -> None:
        draft = self._open(line)
        draft.evident, draft.header = True, dict(what.values)
        self._other_report = False

    def _cpu(self, what: Statement, line: Line) -> None:
        command = what.values.get("command", "")
        for draft in self._recent(line):
            header = draft.header
            if header is not None and "pid" not in header and command.startswith(header["comm"] or ""):
                header.update(pid=what.values["pid"], comm=header["comm"] or name_in_command(command))
                return

    def _machine(self, what: Statement, line: Line) -> None:
        """Other reports print the same lines, so they are taken, but never make an event."""
        if self._other_report:
            return
        draft, sizes = self._report(line), dict(what.values)
        draft.page_kib = sizes.pop("page_kib", draft.page_kib)
        draft.measure(sizes)

    def _limit(self, what: Statement, line: Line) -> None:
        """One a report: a second one is the next report, without its header."""
        draft = self._report(line)
        if draft.limit_cgroup and draft.scope:
            draft = self._open(line)
        draft.evident = True
        draft.place_in(dict(what.values, scope=CGROUP))

    def _stats(self, what: Statement, line: Line) -> None:
        """So are the usage and limit of the group, in which the groups below it have no part."""
        draft = self._evidence(line)
        if any(name in draft.memory for name in what.values.get("sizes", ())):
            draft = self._open(line)
            draft.evident = True
        draft.place_in({"scope": CGROUP, "limit_cgroup": what.values.get("stats_cgroup")})
        draft.measure(what.values.get("sizes", {}))
        draft.add_up(what.values.get("sums", {}))

    def _table(self, what: Statement, line: Line) -> None:
        self._evidence(line).columns = tuple(name for name in what.values["columns"] if name != "name")

    def _row(self, what: Statement, line: Line) -> None:
        """A row makes an event. The first part of one does not: too many things are in brackets."""
        if "comm" in what.values or (self._drafts and self._drafts[-1].columns):
            self._evidence(line).add_task(what)

    def _nobody(self, what: Statement, line: Line) -> None:
        self._evidence(line).place_in(what.values)

    def _named(self, what: Statement, line: Line) -> None:
        """Who will be killed. In an announcement (up to 5.0) a child may still be killed instead."""
        draft = self._home_of_named(what.values.get("pid"), line)
        draft.place_in(what.values)
        draft.evident, draft.last = True, line
        draft.announced = draft.announced or what.kind == kinds.ANNOUNCEMENT
        draft.chosen = not draft.announced and "pid" in what.values
        if "pid" in what.values:
            told = {name: what.values[name] for name in ("pid", "comm", "uid") if name in what.values}
            draft.named = dict(draft.told_of(what.values["pid"]), **told)

    def _home_of_named(self, pid: Optional[int], line: Line) -> Draft:
        undecided = [draft for draft in self._recent(line) if not draft.over]
        tests: _Tests = (
            lambda d: d.names(pid) and d is self._drafts[-1],
            lambda d: not d.named and d.invoked_by(pid),
            lambda d: not d.named and pid in d.tasks,
            lambda d: not d.named,
        )
        return _first(undecided, tests) or self._report(line)

    def _killed(self, what: Statement, line: Line) -> None:
        values = dict(what.values)
        draft = self._home_of_killed(values, line)
        draft.place_in(values)
        values.pop("scope", None)
        draft.kill_lines += 1
        self._dead(draft, values, line)

    def _home_of_killed(self, values: Dict[str, Any], line: Line) -> Draft:
        pid = values["pid"]
        recent = [draft for draft in self._recent(line) if pid in draft.victims or not draft.contradicts(values)]
        tests: _Tests = (
            lambda d: not d.over and d.names(pid),
            lambda d: pid in d.victims,
            lambda d: d.group and d is self._drafts[-1],
            lambda d: not d.over and d.invoked_by(pid),
            lambda d: not d.over and pid in d.tasks,
            lambda d: not d.over,
        )
        return _first(recent, tests) or self._open(line)

    def _dead(self, draft: Draft, victim: Dict[str, Any], line: Line) -> None:
        draft.add_victim(victim)
        draft.decide(KILL, line)
        draft.evident, draft.last = True, line

    def _shared(self, what: Statement, line: Line) -> None:
        draft = _first(self._recent(line), (lambda d: d.kind == KILL, lambda d: not d.over))
        if draft and not draft.over:
            draft.add_victim(what.values)
        else:
            self._dead(draft or self._open(line), what.values, line)

    def _group(self, what: Statement, line: Line) -> None:
        """All in a control group are killed with the one before. That one is printed again."""
        draft = next(self._recent(line), None)
        if draft is None or draft.kind != KILL:
            draft = self._report(line)
        draft.group = draft.evident = True
        draft.place_in(what.values)

    def _reaped(self, what: Statement, line: Line) -> None:
        """Only victims are reaped, so this tells of a kill; it does not say when or why."""
        pid = what.values["pid"]
        tests: _Tests = (
            lambda d: pid in d.victims,
            lambda d: not d.over and d.names(pid),
            lambda d: not d.over and pid in d.tasks,
        )
        draft = _first(self._recent(line), tests)
        if draft is None and self._is_thread_of_victim(what, line):
            return
        draft = draft or self._open(line)
        draft.add_victim(what.values)
        draft.evident = draft.over = True

    def _is_thread_of_victim(self, what: Statement, line: Line) -> bool:
        """The reaper names the thread that it was given: one of the last victim, whose name it mostly has."""
        pid, comm = what.values["pid"], what.values.get("comm")
        draft = next(self._recent(line), None)
        if draft is None or draft.kind != KILL or not comm or pid in draft.tasks:
            return False
        for victim in draft.victims.values():
            if victim.get("comm") == comm and not victim.get("reaped"):
                victim["reaped"] = what.values["reaped"]
                return True
        return False

    def _spared(self, what: Statement, line: Line) -> None:
        """The one to be killed is gone already; nobody is killed."""
        pid, last = what.values["pid"], next(self._recent(line), None)
        draft = _first(self._recent(line), (lambda d: d.names(pid),)) or last
        if draft and not draft.over:
            draft.named, draft.over = None, True

    def _panic(self, what: Statement, line: Line) -> None:
        draft = self._report(line)
        draft.place_in(what.values)
        draft.decide(PANIC, line)
        draft.evident = True

    def _lost(self, what: Statement, line: Line) -> None:
        """Lines are missing. Before or after a report that may be anything."""
        last = next(self._recent(line), None)
        if last and not last.over:
            last.lose(what.values["lines"])

    def _boot(self, what: Statement, line: Line) -> None:
        self.finish()

    def _other(self, what: Statement, line: Line) -> None:
        self._other_report = True


def _first(drafts: Iterable[Draft], tests: _Tests) -> Optional[Draft]:
    """The draft that meets the earliest of the tests."""
    candidates = list(drafts)
    for test in tests:
        for draft in candidates:
            if test(draft):
                return draft
    return None
