# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import (
    Invoker,
    OomLog,
    OomReport,
    Task,
    Victim,
)


def test_an_event_as_a_dict_has_every_key_and_null_for_what_is_not_known() -> None:
    assert OomReport(kind="incomplete").as_dict() == {
        "kind": "incomplete",
        "timestamp": None,
        "uptime_seconds": None,
        "scope": None,
        "cgroup": None,
        "limit_cgroup": None,
        "unit": None,
        "invoker": None,
        "victims": [],
        "tasks": [],
        "memory": {},
        "kill_lines": 0,
        "complete": False,
        "lost_lines": None,
    }


def test_what_is_in_an_event_becomes_plain_too() -> None:
    event = OomReport(
        kind="kill",
        invoker=Invoker(comm="a", pid=1),
        victims=(Victim(pid=2, comm="b"),),
        tasks=(Task(pid=2, rss_pages=3, comm="b"),),
        memory={"ram_pages": 4},
    )
    plain = OomLog(events=(event,), unrecognised=("x",), unrecognised_total=7, omitted_events=1).as_dict()
    assert plain["unrecognised"] == ["x"]
    assert (plain["unrecognised_total"], plain["omitted_events"]) == (7, 1)
    (found,) = plain["events"]
    assert found["invoker"] == {"comm": "a", "pid": 1, "order": None, "gfp_mask": None, "oom_score_adj": None}
    assert list(found["victims"][0]) == [
        "pid",
        "comm",
        "uid",
        "total_vm_kib",
        "anon_rss_kib",
        "file_rss_kib",
        "shmem_rss_kib",
        "pgtables_kib",
        "oom_score_adj",
        "reaped",
        "told_by_table",
    ]
    assert found["victims"][0]["reaped"] is False
    assert {key: value for key, value in found["tasks"][0].items() if value is not None} == {
        "pid": 2,
        "rss_pages": 3,
        "comm": "b",
    }
    assert found["memory"] == {"ram_pages": 4}


@pytest.mark.parametrize(
    ("victim", "expected"),
    [
        (Victim(pid=2, comm="b"), "b (pid 2)"),
        (Victim(pid=None, comm="b"), "b"),
        (Victim(pid=2), "a process (pid 2)"),
    ],
)
def test_a_victim_is_named_by_what_is_known(victim: Victim, expected: str) -> None:
    assert victim.label == expected
