# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The OOM kills that a record tells of, each with a key by which the next audit knows it again."""

from __future__ import annotations

import calendar
import hashlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import HostEvent
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import KILL, Victim
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import read_line
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Record
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.iso_times import seconds

_YEAR = re.compile(r"\d{4}")
_DAY_SECONDS = 86_400
MOST_KILLS = 10_000


@dataclass(frozen=True)
class Kill:
    """One process that the kernel killed.

    I(key) is the same for the same kill in every audit of its host. I(at) is in seconds since the epoch; where the
    log does not say, it is the time of the audit: not later than that. I(name) is the unit, else the process.
    """

    key: str
    at: int
    name: str
    scope: str | None


def kills_of(record: Record) -> tuple[Kill, ...]:
    """Every process that was killed, by the kernel log of this record, oldest first; the last MOST_KILLS of them."""
    if record.state is None:
        return ()
    latest_first = list(islice(_kills(record.state, record.at), MOST_KILLS))
    found = {kill.key: kill for kill in reversed(latest_first)}
    return tuple(sorted(found.values(), key=lambda kill: kill.at))


def _kills(state: HostState, audited_at: int) -> Iterator[Kill]:
    for event in reversed(state.events or ()):
        if event.kind == KILL:
            # A kill whose victims are not told is one all the same.
            for victim in reversed(event.victims or (None,)):
                yield _kill(state, audited_at, event, victim)


def told_seconds(when: str | None, now: int) -> int | None:
    """The time of an event in seconds since the epoch, as well as its log tells; C(None) where it does not.

    A time without its zone counts as UTC. A syslog daemon may name no year: then it was the last such day up to
    I(now), or in the day after it, which is today elsewhere.
    """
    found = seconds(when)
    if found is not None or not when:
        return found
    wall = read_line(f"{when} kernel: ").wall_seconds
    if wall is None or _YEAR.search(when):
        return None if wall is None else int(wall)
    latest = now + _DAY_SECONDS
    year, rest = time.gmtime(latest).tm_year, time.gmtime(wall)[1:6]
    this_year = calendar.timegm((year, *rest))
    return this_year if this_year <= latest else calendar.timegm((year - 1, *rest))


def is_recent(when: int | None, now: int, days: int) -> bool:
    """Of a time in seconds; what has none counts as recent."""
    return when is None or now - when <= days * _DAY_SECONDS


def event_seconds(event: HostEvent, uptime_seconds: float | None, now: int) -> int | None:
    """The same of an event on a host that is up so long. One of this boot is no older than it, and none of it is yet
    to come: a device without a clock of its own starts in another year.
    """
    told = told_seconds(event.timestamp, now)
    if uptime_seconds is None:
        return told
    if told is None and event.timestamp is None and event.uptime_seconds is not None:
        # The log that has no time of day is the ring buffer, which begins with this boot.
        ago = uptime_seconds - event.uptime_seconds
        return int(now - ago) if ago >= 0 else None
    return min(max(told, int(now - uptime_seconds)), now) if event.this_boot and told is not None else told


def _kill(state: HostState, audited_at: int, event: HostEvent, victim: Victim | None) -> Kill:
    host, comm = state.host, None if victim is None else victim.comm
    at = event_seconds(event, host.uptime_seconds, audited_at)
    when = event.timestamp or f"{host.boot_id} {event.uptime_seconds}"
    known_by = (when, event.unit, None if victim is None else victim.pid, comm)
    return Kill(
        key=hashlib.sha256(repr(known_by).encode("utf-8", "surrogatepass")).hexdigest()[:16],
        at=audited_at if at is None else at,
        name=event.unit or comm or "unknown",
        scope=event.scope,
    )
