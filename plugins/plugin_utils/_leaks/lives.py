# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lives of services: what one look at a host adds to those that are known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ansible_collections.lifeboat.oom.plugins.module_utils._health.sampler_log import ServiceSamples
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HostState
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import TICKS_PER_SECOND
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service import Life, thinned
from ansible_collections.lifeboat.oom.plugins.plugin_utils._leaks.service_memory import service_memory
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.printable_text import clean

# Of a young process, from one audit to the next; more samples than these are thinned.
_MOST_NEW = 96
# Of an older one there is less to keep: it is judged by the least of each of these, an eighth of a day.
_YOUNG_SECONDS, _PART_SECONDS = 3 * 86_400, 10_800
# No host runs as many services; a history that is shared by a fleet is not for one of them to fill.
_MOST_LIVES = 1_000
Lives = Mapping[str, tuple[Life, ...]]


class _Key(NamedTuple):
    """What tells one life from another in one boot of a host."""

    unit: str
    main_pid: int
    start_ticks: int


class Reading(NamedTuple):
    """The size of a service at one moment."""

    uptime_seconds: int
    anon_swap_kib: int
    limit_kib: int | None


@dataclass(frozen=True)
class LifeRead:
    """What a look at a host has read of one I(unit): its I(life), with no more in its series than what is new.

    I(readings) are the same with the limit that held, and I(booted_at), in seconds since the epoch, places them.
    """

    unit: str
    life: Life
    booted_at: int
    readings: tuple[Reading, ...]


def lives_read(state: HostState, audited_at: int, known: Lives) -> tuple[LifeRead, ...]:
    """What this look adds to the lives that are I(known), the largest services where there are too many."""
    boot_id, uptime_seconds = state.host.boot_id, state.host.uptime_seconds
    if boot_id is None or uptime_seconds is None:
        return ()
    uptime, boot_id = int(uptime_seconds), clean(boot_id, 100)
    packages = {clean(each.unit, 200): each for each in state.packages or ()}
    by_start = {unit: _by_start(lives) for unit, lives in known.items()}
    found = []
    for key, readings in _readings(state, uptime):
        owner = packages.get(key.unit) if readings[-1].uptime_seconds == uptime else None
        package, version = (None, None) if owner is None else (clean(owner.package, 200), clean(owner.version, 200))
        began_at = audited_at - uptime + key.start_ticks // TICKS_PER_SECOND
        life = Life(boot_id, key.main_pid, key.start_ticks, began_at, package, version, ())
        old = by_start.get(key.unit, {}).get(_start(life), life)
        last = max((int(seconds) for seconds, _size in old.series), default=-1)
        kept = tuple(_worth_keeping(key, [each for each in readings if each.uptime_seconds > last]))
        series = tuple((float(each.uptime_seconds), each.anon_swap_kib * 1024.0) for each in kept)
        found.append(LifeRead(key.unit, replace(life, series=series), audited_at - uptime, kept))
    found.sort(key=lambda each: max((one.anon_swap_kib for one in each.readings), default=0), reverse=True)
    return tuple(found[:_MOST_LIVES])


def with_read(known: Lives, read: Sequence[LifeRead]) -> dict[str, tuple[Life, ...]]:
    """The lives as they are known with what was read."""
    found = {unit: _by_start(known.get(unit, ())) for unit in {each.unit for each in read}}
    for each in read:
        lives, start = found[each.unit], _start(each.life)
        old = lives.pop(start, replace(each.life, series=()))
        lives[start] = replace(
            old,
            package=old.package or each.life.package,
            version=old.version or each.life.version,
            series=(*old.series, *each.life.series),
        )
    return {**known, **{unit: tuple(lives.values()) for unit, lives in found.items()}}


def _by_start(lives: Iterable[Life]) -> dict[tuple[str, int, int], Life]:
    return {_start(life): life for life in lives}


def _start(life: Life) -> tuple[str, int, int]:
    """What tells one life of a unit from another."""
    return life.boot_id, life.main_pid, life.start_ticks


def _readings(state: HostState, uptime: int) -> Iterator[tuple[_Key, list[Reading]]]:
    """Each life that was seen or sampled, with what was read of it in the order of time."""
    found: dict[_Key, list[Reading]] = {}
    for each in state.samples or ():
        key = _Key(clean(each.unit, 200), each.main_pid, each.start_ticks)
        found.setdefault(key, []).extend(_sampled(each, uptime))
    for service in service_memory(state):
        key = _Key(service.unit, service.main_pid, service.start_ticks)
        found.setdefault(key, []).append(Reading(uptime, service.anon_swap_kib, service.limit_kib))
    for key, readings in found.items():
        readings.sort(key=lambda each: each.uptime_seconds)
        # A command that was met once by a sample, and has ended, says nothing.
        if len(readings) > 1 or (readings and readings[0].uptime_seconds == uptime):
            yield key, readings


def _sampled(samples: ServiceSamples, uptime: int) -> Iterator[Reading]:
    for moment, kib in zip(samples.uptime_seconds, samples.anon_swap_kib, strict=False):
        if moment < uptime:
            yield Reading(moment, kib, None)


def _worth_keeping(key: _Key, readings: Sequence[Reading]) -> Iterable[Reading]:
    """Not all of it: a fleet that samples every service every few minutes would fill the disk."""
    if not readings or readings[-1].uptime_seconds - key.start_ticks // TICKS_PER_SECOND < _YOUNG_SECONDS:
        return thinned(readings, _MOST_NEW)
    lowest: dict[int, Reading] = {}
    for each in readings:
        part = each.uptime_seconds // _PART_SECONDS
        if part not in lowest or each.anon_swap_kib < lowest[part].anon_swap_kib:
            lowest[part] = each
    # The last one too: the next audit goes on behind it.
    return sorted({*lowest.values(), readings[-1]})
