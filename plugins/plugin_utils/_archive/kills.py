# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The OOM kills that a record tells of, each with a key by which the next audit knows it again."""

from __future__ import annotations

import calendar
import hashlib
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import read_line
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.optional_fields import (
    entries,
    integer,
    number,
    seconds,
    text,
)
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean

_YEAR = re.compile(r"\d{4}")
_DAY_SECONDS = 86_400


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


def kills_of(record: Mapping[str, Any]) -> tuple[Kill, ...]:
    """Every process that was killed, by the kernel log of this record, oldest first."""
    state = record.get("state")
    audited_at = seconds(text(record, "audited_at")) or 0
    found = [
        _kill(state, audited_at, event, victim)
        for event in entries(state, "events")
        if event.get("kind") == "kill"
        for victim in _victims(event)
    ]
    return tuple(sorted({kill.key: kill for kill in found}.values(), key=lambda kill: kill.at))


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


def _victims(event: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The victims; a kill whose victims are not told is one all the same."""
    yield from entries(event, "victims") or [{}]


def _kill(state: Any, audited_at: int, event: Mapping[str, Any], victim: Mapping[str, Any]) -> Kill:
    boot_id, uptime = text(state, "host", "boot_id"), number(event, "uptime_seconds")
    when = text(event, "timestamp")
    at = told_seconds(when, audited_at)
    if at is None and when is None and uptime is not None:
        # The log that has no time of day is the ring buffer, which begins with this boot.
        now_up = number(state, "host", "uptime_seconds")
        at = None if now_up is None or uptime > now_up else int(audited_at - now_up + uptime)
    comm = text(victim, "comm")
    known_by = (when or f"{boot_id} {uptime}", text(event, "unit"), integer(victim, "pid"), comm)
    return Kill(
        key=hashlib.sha256(repr(known_by).encode("utf-8", "surrogatepass")).hexdigest()[:16],
        at=audited_at if at is None else at,
        name=clean(text(event, "unit") or comm or "unknown", 100),
        scope=text(event, "scope"),
    )
