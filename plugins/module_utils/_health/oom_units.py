# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit of a victim where the kernel does not say: by what systemd tells of that moment.

The kernel names the control group from 5.0 on, in the body of the report, which it leaves out after ten reports in
five seconds. systemd 243 and later names the unit, without the process: so it has to be the only one about.
"""

from __future__ import annotations

from bisect import bisect_left
from math import floor
from typing import List, NamedTuple, Optional, Sequence, Set, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._health.oom_history import moment
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import OomEvent
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import read_line

# How far apart the words of the kernel and of systemd can stand in the journal of a host that is short of memory.
NEAR_SECONDS = 5

_WORDS = ": A process of this unit has been killed by the OOM"


class PlacedKill(NamedTuple):
    """A kill in a unit or another control group, in whole seconds since 1970."""

    seconds: int
    place: str


def kills_by_systemd(text: str) -> List[PlacedKill]:
    """The kills that systemd tells of, in the lines that C(log_sources.units_argv) prints. Of slices it tells, too."""
    found = []
    for line in map(read_line, text.split("\n")):
        unit, words, _rest = line.text.partition(_WORDS)
        seconds = _seconds(line.timestamp)
        if words and seconds is not None and unit.endswith((".service", ".scope")):
            found.append(PlacedKill(seconds, unit))
    return found


def tied(events: Sequence[OomEvent], by_systemd: Sequence[PlacedKill]) -> List[Tuple[Optional[str], Optional[str]]]:
    """For each event its unit, and who told it: C(kernel), C(systemd), or C(None) for nobody."""
    by_kernel = [PlacedKill(seconds, place) for seconds, place in map(_told, events) if seconds is not None and place]
    named, around = _Around(by_systemd), _Around([*by_systemd, *by_kernel])
    result: List[Tuple[Optional[str], Optional[str]]] = []
    for event in events:
        seconds, place = _told(event)
        units = named.at(seconds) if place is None and seconds is not None else set()
        if len(units) == 1 and seconds is not None and around.at(seconds) == units:
            result.append((units.pop(), "systemd"))
        else:
            result.append((event.unit, "kernel" if event.unit else None))
    return result


class _Around:
    """The kills near a moment."""

    def __init__(self, kills: Sequence[PlacedKill]) -> None:
        self._kills = sorted(set(kills))

    def at(self, seconds: int) -> Set[str]:
        start = bisect_left(self._kills, (seconds - NEAR_SECONDS,))
        end = bisect_left(self._kills, (seconds + NEAR_SECONDS + 1,))
        return {place for _seconds, place in self._kills[start:end]}


def _told(event: OomEvent) -> Tuple[Optional[int], Optional[str]]:
    """When it was, and whom it hit, as far as the kernel's words go."""
    return _seconds(event.timestamp), event.unit or event.cgroup


def _seconds(timestamp: Optional[str]) -> Optional[int]:
    """C(None) unless it is a whole time with its offset, as the journal's are."""
    when = moment(timestamp)
    return None if when is None or when.tzinfo is None else floor(when.timestamp())
