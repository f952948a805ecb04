# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OOM events that several logs tell of, each once: which boot they are of, and how many kills they make."""

from __future__ import annotations

import calendar
import time
from dataclasses import replace
from datetime import datetime
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import KILL, PANIC, OomReport, Victim
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import read_line

# printk's time is the same in every copy of a line. Where one of two copies lacks kill lines, it may have the time of
# another line of the same report.
_SAME_SECONDS = 0.001
_SAME_REPORT_SECONDS = 60.0
# A time without an offset is local, so up to 14 hours off.
_DAY_SECONDS = 86400.0
_YEAR_SECONDS = 366 * _DAY_SECONDS


class Boot(NamedTuple):
    """When the host was booted, in seconds since 1970 by the clock that it has now, and how long ago."""

    started_seconds: float
    uptime_seconds: float


class LoggedEvent(NamedTuple):
    """An event, and whether it is of the boot that runs: C(None) if the log that tells of it may be an older one."""

    event: OomReport
    this_boot: Optional[bool]


def kills(logged: Iterable[LoggedEvent]) -> int:
    """How many kills the kernel must have counted since boot for the events of this boot."""
    return sum(_kills_of(event) for event, this_boot in logged if this_boot)


def _kills_of(event: OomReport) -> int:
    """A victim without a kill line has died where the report says who was chosen, or the reaper was at it."""
    return max(event.kill_lines, sum(victim.reaped for victim in event.victims), int(event.kind == KILL))


def merged(told: Sequence[LoggedEvent], more: Sequence[LoggedEvent]) -> List[LoggedEvent]:
    """The events of two logs, oldest first in each: those of I(told) and, where they belong, those only in I(more)."""
    result = list(told)
    places = _places(told)
    before: Dict[int, List[LoggedEvent]] = {}
    waiting: List[LoggedEvent] = []
    taken: Set[int] = set()
    for logged in more:
        candidates = {place for key in _keys(logged.event) for place in places.get(key, ())}
        # One that has its counterpart already may have another: a log that begins or ends within a report.
        in_order = sorted(candidates, key=lambda place: (place in taken, place))
        place = next((place for place in in_order if _is_same(told[place], logged)), None)
        if place is None:
            waiting.append(logged)
            continue
        before.setdefault(place, []).extend(waiting)
        waiting = []
        taken.add(place)
        known = result[place]
        result[place] = LoggedEvent(_joined(known.event, logged.event), known.this_boot or logged.this_boot)
    return [each for place, known in enumerate(result) for each in (*before.get(place, ()), known)] + waiting


def _places(told: Sequence[LoggedEvent]) -> Dict[object, List[int]]:
    """Where in I(told) there is something about a process. What is surely of another boot is not looked for."""
    places: Dict[object, List[int]] = {}
    for place, logged in enumerate(told):
        if logged.this_boot is not False:
            for key in _keys(logged.event):
                places.setdefault(key, []).append(place)
    return places


def _keys(event: OomReport) -> List[object]:
    """The processes that an event is known by: those that died, and the one that had asked for memory."""
    return [victim.pid for victim in event.victims] + [event.invoker]


def _is_same(one: LoggedEvent, other: LoggedEvent) -> bool:
    """Whether two logs tell of one event: of the same victims, as large as in the other, at the same time.

    Where one log has lost the lines that name a victim, the process that asked for the memory stands for it.
    """
    if other.this_boot is False or not _is_same_time(one, other):
        return False
    mine = {victim.pid: victim for victim in one.event.victims}
    shared = [(mine[victim.pid], victim) for victim in other.event.victims if victim.pid in mine]
    if shared:
        return all(_is_same_victim(*pair) for pair in shared)
    named = [bool(event.victims) for event in (one.event, other.event)]
    if all(named) or one.event.invoker != other.event.invoker:
        return False
    return one.event.invoker is not None or not any(named)


def _is_same_time(one: LoggedEvent, other: LoggedEvent) -> bool:
    """By the time since boot, where both have it. Without it both must be known to be of this boot."""
    first, second = one.event.uptime_seconds, other.event.uptime_seconds
    if first is None or second is None:
        return bool(one.this_boot and other.this_boot)
    whole = 0 < one.event.kill_lines == other.event.kill_lines
    return abs(first - second) <= (_SAME_SECONDS if whole else _SAME_REPORT_SECONDS)


def _is_same_victim(one: Victim, other: Victim) -> bool:
    """A pid is given again, but hardly to a process that dies with the same size."""
    for name in ("total_vm_kib", "anon_rss_kib", "file_rss_kib"):
        first, second = getattr(one, name), getattr(other, name)
        if first is not None and second is not None and first != second:
            return False
    return True


def _joined(one: OomReport, other: OomReport) -> OomReport:
    """The fuller of two accounts of one event, with what only the other one has."""
    best, rest = sorted((one, other), key=_fullness, reverse=True)
    there = {victim.pid for victim in best.victims}
    added = tuple(victim for victim in rest.victims if victim.pid not in there)
    return replace(
        best,
        # Rather a whole time than one without its year.
        timestamp=(rest if moment(best.timestamp) is None and rest.timestamp else best).timestamp,
        victims=best.victims + added,
        kill_lines=max(best.kill_lines + (len(added) if rest.kill_lines else 0), rest.kill_lines),
        **{
            name: getattr(rest, name)
            for name in ("uptime_seconds", "scope", "cgroup", "limit_cgroup", "unit", "invoker")
            if getattr(best, name) is None
        },
    )


def _fullness(event: OomReport) -> Tuple[bool, bool, bool, int, int]:
    return event.kind == KILL, event.kind == PANIC, event.complete, len(event.victims), len(event.tasks)


def is_of_boot(event: OomReport, boot: Optional[Boot]) -> Optional[bool]:
    """Whether an event is of this boot by the time that a syslog daemon gave it: C(True), or C(None) for not sure.

    Such a time has no offset, often no year, and was given by the clock of then, which may have been wrong.
    """
    if boot is None or event.timestamp is None:
        return None
    wall_seconds = read_line(event.timestamp + " kernel: ").wall_seconds
    if wall_seconds is None:
        return None
    started = time.gmtime(boot.started_seconds)
    has_year = event.timestamp[:4].isdigit()
    passed = wall_seconds - calendar.timegm((started.tm_year if has_year else 2000, *started[1:6]))
    if not has_year:
        passed = (passed + _YEAR_SECONDS / 2) % _YEAR_SECONDS - _YEAR_SECONDS / 2
    return True if -_DAY_SECONDS <= passed <= boot.uptime_seconds + _DAY_SECONDS else None


def since(logged: Iterable[LoggedEvent], text: Optional[str]) -> List[LoggedEvent]:
    """The events but those that were surely before a time; none are, unless it and theirs are ISO 8601.

    A time without an offset is local to the host, as in its log.
    """
    start = moment(text)
    return [each for each in logged if start is None or not _is_before(moment(each.event.timestamp), start)]


def moment(text: Optional[str]) -> Optional[datetime]:
    """A time in ISO 8601, C(None) for any other."""
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None


def _is_before(when: Optional[datetime], start: datetime) -> bool:
    if when is None or (start.tzinfo is not None and when.tzinfo is None):
        return False
    return when < start if start.tzinfo is not None else when.replace(tzinfo=None) < start
