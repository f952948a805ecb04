# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The OOM events in the kernel's log, from as many of its copies as it takes to tell of all that were counted.

The journal outlives a reboot, and so do the files of a syslog daemon, which are read where the journal has nothing of
an earlier boot. The kernel's own buffer has the boot that runs: it is read where these do not tell of as many kills
as the kernel has counted, for a persistent log may have lost its end. What several tell of is one event.

Which boot an event is of follows from the journal's own marks between boots, not from its times: a device
without a clock of its own starts in another year. Only files leave no choice but to compare times.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, fields
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, Missing
from ansible_collections.lifeboat.oom.plugins.module_utils._health import log_sources, oom_history
from ansible_collections.lifeboat.oom.plugins.module_utils._health.log_sources import Found
from ansible_collections.lifeboat.oom.plugins.module_utils._health.oom_history import Boot, LoggedEvent
from ansible_collections.lifeboat.oom.plugins.module_utils._health.oom_units import kills_by_systemd, tied
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log import parse as oom_log
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import OomEvent, OomLog, OomReport
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.refused_commits import RefusedCommit

# Of /proc/stat and /proc/uptime.
_STARTED = re.compile(r"^btime (\d{1,11})$", re.MULTILINE)
_UP = re.compile(r"(\d{1,11}(?:\.\d+)?) ")


@dataclass(frozen=True)
class KernelLog:
    """Where the events come from.

    Numbers of kills are of kill lines: when a control group is killed as a whole, the first process counts twice.
    """

    source: str
    """What was read, from the most lasting to the least: C(journal), the path of a file, C(dmesg), C(/dev/kmsg),
    C(logread).
    """

    lines: int
    """Number of lines that were read."""

    incomplete: Optional[bool]
    """Whether the log tells of fewer kills of this boot than the kernel has counted; null where it does not count
    (before 4.13), and where only a part of this boot was asked for.
    """

    unrecognised: Tuple[str, ...]
    """Lines that speak of the OOM killer in words unknown here, as they stand: the first 100."""

    omitted_events: int
    """Number of the oldest events that were left out because there were too many."""

    kills_counted: Optional[int] = None
    """Number of kills that the kernel has counted since boot; null where it does not count."""

    kills_logged: int = 0
    """Number of kills of this boot that the log tells of."""

    kills_unsure: int = 0
    """Number of those that may be of an earlier boot: they stand in a file that does not tell where this one begins."""

    unread: Tuple[str, ...] = ()
    """Which of the logs that are there could not be read, and why."""

    refused: Tuple[RefusedCommit, ...] = ()
    """Requests for memory that the kernel refused to promise (6.0), by program, the most often refused first, 20 at
    most. They are from the first log that tells of any, and from the last boot in it that does.
    """


@dataclass(frozen=True)
class HostEvent(OomEvent):
    """An OOM event of this host."""

    unit_told_by: Optional[str] = None
    """Who named the unit: C(kernel), or C(systemd) where that alone named one at that moment; null where I(unit) is."""

    this_boot: Optional[bool] = None
    """Whether it is of the boot that runs, whatever the clock said; null where its log may be of an earlier boot."""


class LogRead(NamedTuple):
    """The log, and the OOM events in it, oldest first."""

    log: KernelLog
    events: Tuple[HostEvent, ...]


def read_log(host: Door, lines: int, since: Optional[str], oom_kills: Optional[int]) -> LogRead:
    """The last I(lines) of each log; I(oom_kills) is what the kernel has counted since boot.

    I(since) is a text for journalctl. Where the journal has this boot, it alone answers for that time. Other logs
    are read as a whole, and of their events those are left out that were before a time in ISO 8601.

    Raises HostError where there is no log that can be read, InvalidPolicy for an I(since) that is no time.
    """
    reading = _Reading(host, oom_kills)
    journal = reading.attempt(lambda: log_sources.read_journal(host, lines, since))
    by_time = since is not None and journal is not None and bool(journal.current)
    if journal is None or not (journal.former or by_time):
        reading.take(reading.attempt(lambda: log_sources.read_files(host, lines)))
    reading.take(journal)
    if not by_time:
        for read in (log_sources.read_ring, log_sources.read_logread):
            if not reading.tells_all:
                reading.take(reading.attempt(lambda read=read: read(host, lines)))  # type: ignore[misc]
    reading.require_a_log()
    counted, logged = oom_kills, oom_history.kills(reading.logged)
    less = None if counted is None else logged < counted
    log = KernelLog(
        source=", ".join(reading.sources),
        lines=reading.lines,
        incomplete=None if less and by_time else less,
        unrecognised=tuple(reading.unrecognised[: oom_log.MAX_UNRECOGNISED]),
        omitted_events=reading.omitted_events,
        kills_counted=counted,
        kills_logged=logged,
        kills_unsure=reading.kills_unsure,
        unread=tuple(str(error) for error in reading.failures if not isinstance(error, Missing)),
        refused=reading.refused,
    )
    told = oom_history.since(reading.logged, since)
    return LogRead(log, tuple(_with_units(host, told, log_sources.units_argv(lines, since))))


class _Reading:
    """What was read so far. The logs are taken from the most lasting to the least, so the oldest events first."""

    def __init__(self, host: Door, oom_kills: Optional[int]) -> None:
        self._host, self._oom_kills = host, oom_kills
        self.failures: List[HostError] = []
        self.sources: List[str] = []
        self.lines = 0
        self.logged: List[LoggedEvent] = []
        self.unrecognised: List[str] = []
        self.omitted_events = 0
        self.refused: Tuple[RefusedCommit, ...] = ()
        self.kills_unsure = 0

    def attempt(self, read: Callable[[], Found]) -> Optional[Found]:
        try:
            return read()
        except HostError as error:
            self.failures.append(error)
            return None

    def take(self, found: Optional[Found]) -> None:
        if found is None:
            return
        self.sources.append(found.source)
        self.lines += found.lines
        former, last = self._parsed(found.former), self._parsed(found.newest)
        self.refused = self.refused or last.refused or former.refused
        logged, newest = [LoggedEvent(event, False) for event in former.events], last.events
        boot = _boot(self._host) if newest and found.current is None else None
        for event in newest:
            this_boot = oom_history.is_of_boot(event, boot) if found.current is None else found.current
            logged.append(LoggedEvent(event, this_boot))
        if found.current is None and not found.tells_start:
            self.kills_unsure += oom_history.kills(logged)
        self.logged = oom_history.merged(self.logged, logged)

    def _parsed(self, lines: Sequence[str]) -> OomLog:
        log = oom_log.parse(lines)
        self.unrecognised += [line for line in log.unrecognised if line not in self.unrecognised]
        self.omitted_events += log.omitted_events
        return log

    @property
    def tells_all(self) -> bool:
        """Whether as many kills were found as there have been. Files may be those of an earlier boot."""
        if not self.sources or self._oom_kills is None:
            return False
        return self._oom_kills == 0 or (
            not self.sources[0].startswith("/var/") and oom_history.kills(self.logged) >= self._oom_kills
        )

    def require_a_log(self) -> None:
        if not self.sources:
            raise HostError("no kernel log: " + "; ".join(map(str, self.failures)), self.failures[-1].path)


def _boot(host: Door) -> Optional[Boot]:
    stat, uptime = host.read_if_there("/proc/stat"), host.read_if_there("/proc/uptime")
    started, up = _STARTED.search(stat or ""), _UP.match(uptime or "")
    return Boot(float(started.group(1)), float(up.group(1))) if started and up else None


def _with_units(host: Door, logged: Sequence[LoggedEvent], units_argv: Tuple[str, ...]) -> List[HostEvent]:
    text, events = "", [each.event for each in logged]
    if any(event.unit is None and event.timestamp is not None for event in events):
        with contextlib.suppress(HostError):  # not a host with systemd: nobody says more
            text = host.run(units_argv).stdout
    return [
        HostEvent(**dict(_without_tasks(each.event), unit=unit, unit_told_by=teller, this_boot=each.this_boot))
        for each, (unit, teller) in zip(logged, tied(events, kills_by_systemd(text)))
    ]


def _without_tasks(event: OomReport) -> Dict[str, Any]:
    return {each.name: getattr(event, each.name) for each in fields(OomEvent)}
