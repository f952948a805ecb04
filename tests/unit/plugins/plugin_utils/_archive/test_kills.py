# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from unit.audits import down
from unit.samples import host_state, oom_event

from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import HostEvent
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import Victim
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.kills import kills_of
from ansible_collections.lifeboat.oom.plugins.plugin_utils._archive.record import Record

NOW = 1_777_863_721  # 2026-05-04T03:02:01 UTC
VICTIM = Victim(5, comm="nginx")


def record(*events: HostEvent, uptime: float | None = 1000.0, when: str = "2026-05-04T03:02:01+00:00") -> Record:
    state = host_state(events=events)
    state = replace(state, host=replace(state.host, uptime_seconds=uptime))
    return Record(host="web", run="", audited_at=when, reachable=True, state=state)


def event(**changes: Any) -> HostEvent:
    given = {"timestamp": "2026-05-04T01:00:00+00:00", "unit": "a.service", "victims": (VICTIM,), **changes}
    return oom_event(**given)


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({}, NOW - 2 * 3600 - 121),
        ({"timestamp": "2026-05-04T01:00:00"}, NOW - 2 * 3600 - 121),
        ({"timestamp": None, "uptime_seconds": 900.0}, NOW - 100),
        ({"timestamp": None, "uptime_seconds": 1001.0}, NOW),
        ({"timestamp": "May  4 01:00:00", "uptime_seconds": 900.0}, NOW - 2 * 3600 - 121),
        ({"timestamp": "Jan  4 03:02:01"}, NOW - 120 * 86_400),
        ({"timestamp": "Dec  4 03:02:01"}, NOW - 151 * 86_400),
        ({"timestamp": "maj 4 01:00:00"}, NOW),
        ({"timestamp": None}, NOW),
        ({"timestamp": "1970-01-01T00:15:00", "this_boot": True}, NOW - 1000),
        ({"timestamp": "2106-02-07T06:28:15+00:00", "this_boot": True}, NOW),
        ({"timestamp": "2026-05-04T03:00:01+00:00", "this_boot": True}, NOW - 120),
        ({"timestamp": "1970-01-01T00:15:00", "this_boot": False}, 900),
    ],
    ids=[
        *["told", "no offset", "by uptime", "another boot", "no year", "no year, months ago", "of the last year"],
        *["in another language", "not told", "of a clock behind", "of one ahead", "of one that is right"],
        "of an earlier boot",
    ],
)
def test_a_kill_has_a_time_as_far_as_the_log_says(changes: dict[str, Any], at: int) -> None:
    (kill,) = kills_of(record(event(**changes)))
    assert (kill.at, kill.name) == (at, "a.service")


def test_the_same_kill_is_the_same_in_the_next_audit() -> None:
    (one,) = kills_of(record(event(timestamp=None, uptime_seconds=900.0)))
    (again,) = kills_of(
        record(event(timestamp=None, uptime_seconds=900.0), uptime=2000.0, when="2026-05-04T03:18:41+00:00")
    )
    assert one.key == again.key
    assert one.at == again.at


def test_different_kills_have_different_keys() -> None:
    found = [
        *kills_of(record(event(victims=(VICTIM, Victim(6, comm="nginx"), Victim(5, comm="x"))))),
        *kills_of(record(event(timestamp="2026-05-04T01:00:01+00:00"))),
        *kills_of(record(event(timestamp=None, uptime_seconds=5.0))),
        *kills_of(record(event(timestamp=None, uptime_seconds=6.0))),
    ]
    assert len({kill.key for kill in found}) == len(found) == 6


def test_a_kill_in_a_unit_of_a_user_is_not_one_of_the_system() -> None:
    (kill,) = kills_of(record(event(unit="user@1000.service/a.service")))
    assert kill.name == "user@1000.service/a.service"


def test_a_kill_is_named_by_its_unit_else_its_process() -> None:
    found = kills_of(record(event(unit=None), event(victims=()), event(unit=None, victims=())))
    assert {kill.name for kill in found} == {"nginx", "a.service", "unknown"}


@pytest.mark.parametrize("events", [(), (event(kind="panic"),), (event(kind="incomplete"),)])
def test_what_is_no_kill_is_none(events: tuple[HostEvent, ...]) -> None:
    assert kills_of(record(*events)) == ()
    assert kills_of(down()) == ()


def test_the_oldest_comes_first_and_each_once() -> None:
    old = event(timestamp="2026-01-01T00:00:00+00:00")
    assert [kill.at < NOW - 86_400 for kill in kills_of(record(event(), old, event()))] == [True, False]
