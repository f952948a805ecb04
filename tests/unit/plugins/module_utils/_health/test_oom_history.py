# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import calendar
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.fixtures.oom_logs.reading import LOGS, name_of, text_of

from ansible_collections.lifeboat.oom.plugins.module_utils._health.oom_history import (
    Boot,
    LoggedEvent,
    is_of_boot,
    kills,
    merged,
    since,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import (
    INCOMPLETE,
    KILL,
    PANIC,
    Invoker,
    OomReport,
    Victim,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.parse import parse


def kill(*pids: int, size: int = 100, **known: Any) -> OomReport:
    victims = tuple(Victim(pid, f"c{pid}", total_vm_kib=size, anon_rss_kib=size) for pid in pids)
    return OomReport(KILL, victims=victims, **{"kill_lines": len(pids), **known})


def header(pid: int, **known: Any) -> OomReport:
    return OomReport(INCOMPLETE, invoker=Invoker(f"c{pid}", pid, 0), **known)


def reaped(*pids: int, **known: Any) -> OomReport:
    return OomReport(INCOMPLETE, victims=tuple(Victim(pid, f"c{pid}", reaped=True) for pid in pids), **known)


def now(*events: OomReport) -> list[LoggedEvent]:
    return [LoggedEvent(event, True) for event in events]


def outline(told: list[LoggedEvent]) -> list[list[int]]:
    return [[victim.pid for victim in seen.event.victims] for seen in told]


@pytest.mark.parametrize(
    ("told", "more", "expected"),
    [
        ([], [kill(1)], [[1]]),
        ([kill(1)], [], [[1]]),
        ([kill(1)], [kill(1)], [[1]]),
        ([kill(1), kill(2)], [kill(2), kill(3)], [[1], [2], [3]]),
        ([kill(1), kill(3)], [kill(1), kill(2), kill(3)], [[1], [2], [3]]),
        ([kill(1), kill(3)], [kill(2), kill(3)], [[1], [2], [3]]),
        ([kill(1)], [kill(2)], [[1], [2]]),
        ([kill(1)], [kill(1, size=7)], [[1], [1]]),
        ([kill(1, uptime_seconds=100.0)], [kill(1, uptime_seconds=100.5)], [[1], [1]]),
        ([kill(1, uptime_seconds=100.0)], [kill(1, uptime_seconds=100.0)], [[1]]),
        ([kill(1)], [kill(1, uptime_seconds=100.0)], [[1]]),
        ([kill(1, 2, uptime_seconds=100.0)], [kill(2, 3, 4, uptime_seconds=100.5)], [[2, 3, 4, 1]]),
        ([kill(1, uptime_seconds=100.0)], [reaped(1, uptime_seconds=101.0)], [[1]]),
        ([kill(1, uptime_seconds=100.0)], [reaped(1, uptime_seconds=900.0)], [[1], [1]]),
        ([header(9)], [kill(1, invoker=Invoker("c9", 9, 0))], [[1]]),
        ([header(9)], [kill(1, invoker=Invoker("c8", 8, 0))], [[], [1]]),
        ([header(9)], [kill(1)], [[], [1]]),
        ([kill(1, invoker=Invoker("c9", 9, 0))], [kill(2, invoker=Invoker("c9", 9, 0))], [[1], [2]]),
        ([kill(1)], [OomReport(INCOMPLETE)], [[1], []]),
        ([OomReport(INCOMPLETE)], [OomReport(INCOMPLETE)], [[]]),
        ([kill(1), kill(1)], [kill(1), kill(1)], [[1], [1]]),
        ([header(9), kill(1, invoker=Invoker("c9", 9, 0))],
         [header(9), kill(1, invoker=Invoker("c9", 9, 0))], [[], [1]]),
        ([reaped(1, uptime_seconds=100.0)], [reaped(1, uptime_seconds=101.0)], [[1]]),
        ([kill(1, 2)], [kill(1), kill(2)], [[1, 2]]),
    ],
    ids=[
        "only in the second", "only in the first", "in both", "the first ends early", "the first has a hole",
        "the second begins late", "nothing in common", "a pid that was given again", "at another time", "at one time",
        "one has a clock", "two ends of one group", "begins behind the kill line", "reaped much later",
        "the first ends within a report", "asked for by another", "a header says nothing of a kill without",
        "one asks twice", "a fragment is no kill", "fragments", "twice in each",
        "one asks again", "two accounts without a kill line", "one log makes two of it",
    ],
)  # fmt: skip
def test_two_logs_make_one_history(told: list[OomReport], more: list[OomReport], expected: list[list[int]]) -> None:
    assert outline(merged(now(*told), now(*more))) == expected


def test_of_two_accounts_the_fuller_is_kept_with_what_the_other_has() -> None:
    journal = kill(1, timestamp="2026-05-04T03:02:01+00:00")
    ring = kill(1, uptime_seconds=5.0, complete=True, scope="global", unit="a.service", invoker=Invoker("c1", 1))
    for told, more in ((journal, ring), (ring, journal)):
        ((event, _this_boot),) = merged(now(told), now(more))
        assert event == replace(ring, timestamp=journal.timestamp)


def test_a_boot_that_is_over_lends_nothing_to_this_one() -> None:
    """A device that boots the same each time may kill the same process at the same time with the same size."""
    same = kill(1, uptime_seconds=100.0)
    over = [LoggedEvent(same, False)]
    assert merged(over, now(same)) == [*over, *now(same)]
    assert merged(now(same), over) == [*now(same), *over]


@pytest.mark.parametrize(("uptime", "this_boot"), [(100.0, [True]), (101.0, [None, True]), (None, [None, True])])
def test_what_may_be_of_another_boot_must_have_the_same_time(uptime: float | None, this_boot: list[bool]) -> None:
    told = [LoggedEvent(kill(1, uptime_seconds=uptime), None)]
    found = merged(told, now(kill(1, uptime_seconds=100.0)))
    assert [seen.this_boot for seen in found] == this_boot


def test_kills_are_counted_as_the_kernel_counts_them() -> None:
    told = [
        *now(kill(1), kill(2, 3, kill_lines=3), reaped(4), header(5), OomReport(PANIC)),
        LoggedEvent(kill(6), False),
        LoggedEvent(kill(7), None),
    ]
    assert kills(told) == 5
    assert kills(merged(now(kill(1, 2)), now(kill(2, 3, 4)))) == 4


@pytest.mark.parametrize("path", LOGS, ids=name_of)
def test_a_log_that_is_read_twice_says_no_more(path: Any) -> None:
    told = now(*parse(text_of(path)).events)
    found = merged(told, told)
    assert (len(found), kills(found)) == (len(told), kills(told))


@settings(max_examples=200, derandomize=True, database=None)
@given(st.lists(st.integers(1, 5), max_size=8), st.data())
def test_no_kill_of_either_is_lost_and_none_is_counted_twice(gaps: list[int], data: st.DataObject) -> None:
    """The first log has lost its end or some of its lines, the second, with another clock, its start."""
    every = [kill(100 + number, uptime_seconds=float(sum(gaps[:number]))) for number in range(len(gaps))]
    start = data.draw(st.integers(0, len(every)))
    told = [event for event in every[:start] if data.draw(st.booleans())]
    told += [event for event in every[start:] if data.draw(st.booleans())]
    seen = [replace(event, uptime_seconds=None, timestamp=f"t{event.uptime_seconds}") for event in told]
    found = merged(now(*seen), now(*every[start:]))
    expected = [event for event in every if event in told or event in every[start:]]
    assert kills(found) == len(expected)
    assert sorted(outline(found)) == sorted([victim.pid for victim in event.victims] for event in expected)
    if told[:1] == every[start : start + 1] or not told:
        assert outline(found) == [[victim.pid for victim in event.victims] for event in expected]


BOOT = Boot(calendar.timegm((2026, 12, 31, 12, 0, 0)), 2 * 86400.0)


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        ("2026-12-31T12:00:05+00:00", True),
        ("2027-01-01T03:00:00", True),
        ("2027-01-02T23:00:00+11:00", True),
        ("2026-12-31T01:00:00", True),
        ("2026-12-30T11:00:00", None),
        ("2025-12-31T12:00:05", None),
        ("1970-01-01T00:00:05", None),
        ("2027-01-05T12:00:00", None),
        ("Dec 31 12:00:05", True),
        ("Jan  2 03:00:00", True),
        ("Dec 29 03:00:00", None),
        ("Jan  9 03:00:00", None),
        ("Jun 30 03:00:00", None),
        ("Sty  2 03:00:00", None),
        (None, None),
    ],
)
def test_which_boot_a_file_tells_of_is_told_by_its_times(timestamp: str | None, expected: bool | None) -> None:
    assert is_of_boot(kill(1, timestamp=timestamp), BOOT) is expected
    assert is_of_boot(kill(1, timestamp=timestamp), None) is None


@pytest.mark.parametrize(
    ("timestamp", "start", "kept"),
    [
        ("2026-05-04T03:02:01+02:00", "2026-05-04", True),
        ("2026-05-04T03:02:01+02:00", "2026-05-04 03:02:02", False),
        ("2026-05-04T03:02:01.5+02:00", "2026-05-04 03:02:01", True),
        ("2026-05-04T03:02:01", "2026-05-04 03:02:02", False),
        ("2026-05-04T03:02:01+02:00", "2026-05-04T01:02:02+00:00", False),
        ("2026-05-04T03:02:01+02:00", "2026-05-04T01:02:01+00:00", True),
        ("2026-05-04T03:02:01", "2026-05-04T23:02:01+00:00", True),
        ("May  4 03:02:01", "2026-05-04 03:02:02", True),
        (None, "2026-05-04 03:02:02", True),
        ("2026-05-04T03:02:01+02:00", "-1h", True),
        ("2026-05-04T03:02:01+02:00", None, True),
    ],
)
def test_only_what_was_surely_before_is_left_out(timestamp: str | None, start: str | None, kept: bool) -> None:
    told = now(kill(1, timestamp=timestamp))
    assert since(told, start) == (told if kept else [])
