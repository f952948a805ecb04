# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log import event_draft
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event_draft import Draft
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kind_names import ROW, Statement
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import Line

NOW = Line("now", timestamp="t", uptime_seconds=100.0, wall_seconds=1000.0)


def draft() -> Draft:
    return Draft(0, NOW)


def row(*numbers: int, comm: str | None = "a") -> Statement:
    return Statement(ROW, {"numbers": numbers, **({"comm": comm} if comm else {})})


@pytest.mark.parametrize(
    ("line", "near"),
    [
        (Line(""), True),
        (Line("", uptime_seconds=160.0), True),
        (Line("", uptime_seconds=40.0), True),
        (Line("", uptime_seconds=161.0), False),
        (Line("", wall_seconds=1061.0), False),
        (Line("", uptime_seconds=100.0, wall_seconds=9999.0), True),
    ],
    ids=["no clock", "a minute later", "a minute earlier", "more", "by the calendar", "uptime counts first"],
)
def test_lines_far_apart_do_not_belong_together(line: Line, near: bool) -> None:
    assert draft().is_near(line) is near


@pytest.mark.parametrize(
    ("numbers", "known"),
    [
        ((1, 2, 3, 4, 5, 6, -17), {"oom_score_adj": None, "oom_adj": None}),
        ((1, 2, 3, 4, 5, 6, -17, -1000), {"oom_score_adj": -1000, "oom_adj": None}),
        ((1, 2, 3, 4, 5, 6, 7, 8, 9, 300), {"oom_score_adj": 300, "swapents_pages": None}),
    ],
    ids=["2.6.31", "2.6.36", "4.14"],
)
def test_without_a_header_only_the_columns_of_all_kernels_are_read(
    numbers: tuple[int, ...], known: dict[str, Any]
) -> None:
    event = draft()
    event.add_task(row(*numbers))
    (task,) = event.finish().tasks
    assert (task.pid, task.uid, task.tgid, task.total_vm_pages, task.rss_pages) == (1, 2, 3, 4, 5)
    assert {name: getattr(task, name) for name in known} == known


@pytest.mark.parametrize(
    ("numbers", "comm", "expected"),
    [
        ((1, 2, 3, 9), "a", "a"),
        ((1, 2, 3, 9, 7), "of 9", "7 of 9"),
        ((1, 2, 3, 9, 7), None, "7"),
        ((1, 2, 3, 9), None, None),
    ],
    ids=["a name", "begins with a number", "is a number", "is cut off"],
)
def test_the_header_tells_numbers_from_a_name(numbers: tuple[int, ...], comm: str | None, expected: str | None) -> None:
    event = draft()
    event.columns = ("pid", "uid", "novelty", "oom_score_adj")
    event.add_task(row(*numbers, comm=comm))
    tasks = event.finish().tasks
    assert [task.comm for task in tasks] == ([expected] if expected else [])
    assert [task.oom_score_adj for task in tasks] == ([9] if expected else [])


def test_a_victim_is_one_however_often_it_is_printed() -> None:
    event = draft()
    event.add_victim({"pid": 1, "comm": "a", "anon_rss_kib": 0})
    event.add_victim({"pid": 1, "comm": "a", "anon_rss_kib": 5, "uid": 3})
    event.add_victim({"pid": 1, "comm": "a", "reaped": False})
    event.add_victim({"pid": 1, "comm": "a", "reaped": True})
    event.add_victim({"pid": 1, "comm": "a", "reaped": False})
    (victim,) = event.finish().victims
    assert (victim.anon_rss_kib, victim.uid, victim.reaped) == (0, 3, True)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_draft, "MAX_TASKS", 3)
    monkeypatch.setattr(event_draft, "MAX_VICTIMS", 2)
    event = draft()
    for pid in range(9):
        event.add_task(row(pid, 1, 1, 1, 1, 1, 1))
        event.add_victim({"pid": pid})
    event.add_victim({"pid": 1, "reaped": True})
    finished = event.finish()
    assert ([task.pid for task in finished.tasks], [victim.pid for victim in finished.victims]) == ([0, 1, 2], [0, 1])
    assert finished.victims[1].reaped


@pytest.mark.parametrize(
    ("scope", "named", "announced", "values", "contradicts"),
    [
        ("cgroup", None, False, {"pid": 1, "scope": "global"}, True),
        ("global", None, False, {"pid": 1, "scope": "cgroup"}, True),
        ("cpuset", None, False, {"pid": 1, "scope": "global"}, False),
        ("cgroup", None, False, {"pid": 1}, False),
        (None, None, False, {"pid": 1, "scope": "global"}, False),
        (None, {"pid": 2}, False, {"pid": 1}, True),
        (None, {"pid": 1}, False, {"pid": 1}, False),
        (None, {"pid": 2}, True, {"pid": 1}, False),
    ],
)
def test_a_kill_that_can_not_be_of_this_event(
    scope: str | None, named: dict[str, Any] | None, announced: bool, values: dict[str, Any], contradicts: bool
) -> None:
    event = draft()
    event.scope, event.named, event.announced = scope, named, announced
    assert event.contradicts(values) is contradicts


@pytest.mark.parametrize(
    ("header", "memory", "kind", "complete"),
    [
        ({"comm": "a"}, {"free_pages": 1}, "kill", True),
        ({"comm": "a"}, {"free_pages": 1}, "panic", True),
        ({"comm": "a"}, {}, "kill", False),
        (None, {"free_pages": 1}, "kill", False),
        ({"comm": "a"}, {"free_pages": 1}, None, False),
    ],
    ids=["kill", "panic", "no sizes", "no header", "nobody killed"],
)
def test_complete_is_header_sizes_and_an_end(
    header: dict[str, Any] | None, memory: dict[str, int], kind: str | None, complete: bool
) -> None:
    event = draft()
    event.header = header
    event.measure(memory)
    if kind:
        event.decide(kind, NOW)
    assert event.finish().complete is complete


def test_the_time_is_that_of_the_first_kill_line() -> None:
    event = draft()
    event.decide("kill", Line("", uptime_seconds=101.0, timestamp="u"))
    event.decide("kill", Line("", uptime_seconds=102.0, timestamp="v"))
    assert (event.finish().uptime_seconds, event.finish().timestamp) == (101.0, "u")
    assert draft().finish().uptime_seconds == 100.0


@pytest.mark.parametrize(("printed", "expected"), [(69632, 68), (68, 68)], ids=["bytes", "kB"])
def test_page_tables_in_bytes_are_known_by_the_table(printed: int, expected: int) -> None:
    event = draft()
    event.columns = ("pid", "pgtables_bytes")
    event.add_task(row(1, 69632))
    event.add_victim({"pid": 1, "pgtables_kib": printed})
    assert event.finish().victims[0].pgtables_kib == expected
