# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The OOM killer's reports in any text that holds kernel messages, as events.

Lines are recognised (recognised_lines), put into the order of time (here), and an assembly for each machine
in the log makes events of them (event_assembly). One pass, linear in the length of the text; what is
kept besides the events is bounded.
"""

from __future__ import annotations

from collections import OrderedDict
from io import TextIOBase
from itertools import chain, count, islice
from typing import Callable, Iterable, Iterator, List, Tuple, Union

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import OomLog, OomReport
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event_assembly import Assembly
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event_draft import Draft
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kind_names import (
    BOOT,
    HEADER,
    ORDER_IN_REPORT,
    REFUSED,
    UNKNOWN,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import Line
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.recognised_lines import RecognisedLine, recognised
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.refused_commits import RefusedCommits

MAX_EVENTS = 10000
MAX_UNRECOGNISED = 100
# How many lines are looked at to tell whether a log stands newest first.
_LINES_TO_TELL_ORDER = 2000
# How many lines of a log that stands newest first are turned round at a time; the cut is made at a header.
_LINES_TO_TURN = 50000
_MAX_MACHINES = 64


def parse(lines: Union[str, TextIOBase, Iterable[str]]) -> OomLog:
    """Read all OOM events of a log, given as text, as an open file or line by line.

    Bytes are decoded with C(surrogateescape), and only a newline ends a line: C(newline="\\n") of a file.

    Does not raise for anything that stands in the log. C(OomReport) describes the result.
    """
    aside = _Aside()
    events = _Events()
    for chunk, told in enumerate(_oldest_first(aside.sort_out(recognised(lines)))):
        _assemble(told, events.collector(-chunk))
    return OomLog(events.oldest_first(), tuple(aside.strange), aside.strange_total, events.omitted, aside.refused.all())


class _Aside:
    """What is part of no report: some of the lines that were not understood, the number of all, and refusals."""

    def __init__(self) -> None:
        self.strange: List[str] = []
        self.strange_total = 0
        self.refused = RefusedCommits()

    def sort_out(self, told: Iterable[RecognisedLine]) -> Iterator[RecognisedLine]:
        for each in told:
            if each.statement.kind == REFUSED:
                self.refused.take(each.statement, each.line)
            elif each.statement.kind != UNKNOWN:
                yield each
            else:
                self.strange_total += 1
                if len(self.strange) < MAX_UNRECOGNISED:
                    self.strange.append(each.statement.values["line"])


class _Events:
    """Collects events by their place in time, the newest if there are too many."""

    def __init__(self) -> None:
        self.omitted = 0
        self._placed: List[Tuple[int, int, OomReport]] = []

    def collector(self, chunk: int) -> Callable[[Draft], None]:
        def collect(draft: Draft) -> None:
            self._placed.append((chunk, draft.place, draft.finish()))
            if len(self._placed) > 2 * MAX_EVENTS:
                self._trim()

        return collect

    def _trim(self) -> None:
        self._placed.sort(key=lambda placed: placed[:2])
        surplus = max(len(self._placed) - MAX_EVENTS, 0)
        self.omitted += surplus
        del self._placed[:surplus]

    def oldest_first(self) -> Tuple[OomReport, ...]:
        self._trim()
        return tuple(event for _chunk, _place, event in self._placed)


def _assemble(told: Iterable[RecognisedLine], emit: Callable[[Draft], None]) -> None:
    """Sort lines by the machine that the log names, for logs of many."""
    places = count()
    machines: OrderedDict[str, Assembly] = OrderedDict()
    for each in told:
        host = each.line.host
        if host not in machines:
            if len(machines) >= _MAX_MACHINES:
                machines.popitem(last=False)[1].finish()
            machines[host] = Assembly(places, emit)
        machines.move_to_end(host)
        machines[host].take(each.statement, each.line)
    for assembly in machines.values():
        assembly.finish()


def _oldest_first(told: Iterator[RecognisedLine]) -> Iterator[Iterable[RecognisedLine]]:
    """The lines in the order of time, in one chunk; or in several, the newest chunk first."""
    head = list(islice(told, _LINES_TO_TELL_ORDER))
    if not _is_newest_first(head):
        yield chain(head, told)
        return
    chunk: List[RecognisedLine] = []
    for each in chain(head, told):
        chunk.append(each)
        if len(chunk) >= _LINES_TO_TURN and (each.statement.kind == HEADER or len(chunk) >= 2 * _LINES_TO_TURN):
            yield reversed(chunk)
            chunk = []
    yield reversed(chunk)


def _is_newest_first(told: List[RecognisedLine]) -> bool:
    """Each pair of neighbours has a say: by its clocks, and by the order of lines in a report."""
    votes = 0
    for before, after in zip(told, told[1:]):
        if BOOT not in (before.statement.kind, after.statement.kind):
            votes += 2 * _later(before.line, after.line)
            first, second = ORDER_IN_REPORT.get(before.statement.kind), ORDER_IN_REPORT.get(after.statement.kind)
            if first is not None and second is not None:
                votes += _sign(second - first)
    return votes < 0


def _later(before: Line, after: Line) -> int:
    """1 if the second line is the later, -1 if it is the earlier, 0 if that can not be told."""
    if before.host == after.host:
        for clock in ("wall_seconds", "sequence", "uptime_seconds"):
            first, second = getattr(before, clock), getattr(after, clock)
            if first is not None and second is not None and first != second:
                return _sign(second - first)
    return 0


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)
