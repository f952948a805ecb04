# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from itertools import count

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import OomReport
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event_assembly import MAX_DRAFTS, Assembly
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event_draft import Draft
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.recognised_lines import recognised

HEADER = "a invoked oom-killer: gfp_mask=0x0, order=0, oom_score_adj=0"
HEADER_B = "b invoked oom-killer: gfp_mask=0x0, order=0, oom_score_adj=0"
CPU = "CPU: 0 PID: 1 Comm: a Not tainted"
CPU_B = "CPU: 0 PID: 2 Comm: b Not tainted"
TABLE = "[ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name"
ROW = "[    1]     0     1      100       90       4        0             0 a"
ROW_B = "[    2]     0     2      100       90       4        0             0 b"
SUMMARY = "oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/x,task_memcg=/x.slice/a.service,task=a,pid=1,uid=0"
SUMMARY_B = "oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/y,task_memcg=/y.slice/b.service,task=b,pid=2,uid=0"
GLOBAL_SUMMARY = "oom-kill:constraint=CONSTRAINT_NONE,global_oom,task_memcg=/x,task=a,pid=1,uid=0"
ANNOUNCED = "Out of memory: Kill process 1 (a) score 9 or sacrifice child"
KILLED = "Killed process 1 (a) total-vm:8kB, anon-rss:4kB, file-rss:0kB"
KILLED_B = "Killed process 2 (b) total-vm:8kB, anon-rss:4kB, file-rss:0kB"
GLOBAL, CGROUP = "Out of memory: ", "Memory cgroup out of memory: "
GROUP = "Tasks in /x are going to be killed due to memory.oom.group set"
REAPED = "oom_reaper: reaped process 1 (a), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB"
SPARED = "Memory cgroup out of memory: OOM victim 1 (a) is already exiting. Skip killing the task"
NOBODY = "Out of memory and no killable processes..."
PANIC = "Kernel panic - not syncing: System is deadlocked on memory"
MEMORY = "active_anon:1 inactive_anon:2 isolated_anon:3"


def events(*lines: str) -> list[OomReport]:
    drafts: list[Draft] = []
    assembly = Assembly(count(), drafts.append)
    for found in recognised(lines):
        assembly.take(found.statement, found.line)
    assembly.finish()
    return [draft.finish() for draft in drafts]


def outline(*lines: str) -> list[tuple[str, list[int | None]]]:
    return [(event.kind, [victim.pid for victim in event.victims]) for event in events(*lines)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([KILLED], [("kill", [1])]),
        ([KILLED, KILLED_B], [("kill", [1]), ("kill", [2])]),
        ([KILLED, KILLED], [("kill", [1])]),
        ([HEADER, CPU, ROW, ANNOUNCED, KILLED, REAPED], [("kill", [1])]),
        ([HEADER, CPU, ROW, SUMMARY, CGROUP + KILLED, REAPED], [("kill", [1])]),
        ([HEADER, CGROUP + KILLED, HEADER, CGROUP + KILLED_B], [("kill", [1]), ("kill", [2])]),
        ([ANNOUNCED, KILLED], [("kill", [1])]),
        ([ANNOUNCED, KILLED_B], [("kill", [2])]),
        ([GLOBAL_SUMMARY, ANNOUNCED, KILLED_B], [("kill", [2])]),
        ([ANNOUNCED], [("incomplete", [1])]),
        ([ANNOUNCED, ANNOUNCED, KILLED], [("kill", [1])]),
        ([ANNOUNCED, HEADER_B, CPU_B, KILLED_B], [("incomplete", [1]), ("kill", [2])]),
        ([SUMMARY], [("kill", [1])]),
        ([SUMMARY, REAPED], [("kill", [1])]),
        ([SUMMARY, ANNOUNCED], [("incomplete", [1])]),
        ([HEADER, SUMMARY, HEADER_B, SUMMARY_B], [("kill", [1]), ("kill", [2])]),
        ([SUMMARY.replace(",pid=1,uid=0", ",pi")], [("incomplete", [])]),
        (["VM: killing process a"], [("kill", [None])]),
        ([HEADER, "VM: killing process a"], [("kill", [None])]),
        (["Out of memory in UB 7: OOM killed process 1 (a) score 0 vm:8kB, rss:4kB, swap:0kB"], [("kill", [1])]),
        ([KILLED, REAPED.replace("process 1 ", "process 3 ")], [("kill", [1])]),
        ([KILLED, REAPED.replace("process 1 ", "process 3 "), REAPED], [("kill", [1])]),
        ([KILLED, REAPED, REAPED.replace("process 1 ", "process 3 ")], [("kill", [1]), ("incomplete", [3])]),
        (
            [HEADER, TABLE, ROW, ROW_B.replace(" b", " a"), KILLED, REAPED.replace("process 1 ", "process 2 ")],
            [("kill", [1]), ("incomplete", [2])],
        ),
        ([ANNOUNCED, "Kill process 2 (b) sharing same memory", KILLED], [("kill", [2, 1])]),
        ([KILLED, "Kill process 2 sharing same memory"], [("kill", [1, 2])]),
        ([SUMMARY, GLOBAL + KILLED_B], [("kill", [1]), ("kill", [2])]),
        ([SUMMARY, CGROUP + KILLED_B], [("kill", [1]), ("kill", [2])]),
        ([HEADER, TABLE, ROW, ROW_B, KILLED_B, REAPED], [("kill", [2]), ("incomplete", [1])]),
        ([HEADER], [("incomplete", [])]),
        ([HEADER, NOBODY], [("incomplete", [])]),
        ([HEADER, HEADER], [("incomplete", []), ("incomplete", [])]),
        ([TABLE], [("incomplete", [])]),
        ([ROW], [("incomplete", [])]),
        ([MEMORY], []),
        ([CPU], []),
        ([SPARED], []),
        ([REAPED], [("incomplete", [1])]),
        ([REAPED, REAPED], [("incomplete", [1])]),
        ([REAPED, KILLED], [("kill", [1])]),
        ([REAPED, KILLED_B], [("incomplete", [1]), ("kill", [2])]),
        ([ANNOUNCED, KILLED_B, REAPED], [("kill", [2]), ("incomplete", [1])]),
        ([ANNOUNCED, REAPED], [("incomplete", [1])]),
        ([TABLE, ROW, REAPED], [("incomplete", [1])]),
        ([KILLED, KILLED_B, REAPED], [("kill", [1]), ("kill", [2])]),
        ([HEADER, SUMMARY, SPARED], [("incomplete", [])]),
        ([HEADER, SPARED, KILLED_B], [("incomplete", []), ("kill", [2])]),
        ([HEADER, CPU, TABLE, ROW, ROW_B, KILLED_B, KILLED], [("kill", [2]), ("kill", [1])]),
        ([KILLED_B, SPARED], [("kill", [2])]),
        (["[    1]     0     1      100"], []),
        (["[ 10.0] " + HEADER, "[ 60.0] " + TABLE, "[ 110.0] " + CGROUP + KILLED], [("kill", [1])]),
        (["[ 10.0] " + HEADER, "[ 110.0] " + CGROUP + KILLED], [("incomplete", []), ("kill", [1])]),
        ([TABLE, "[    1]     0     1      100"], [("incomplete", [])]),
        ([HEADER, HEADER_B, SUMMARY, SUMMARY_B, KILLED, KILLED_B], [("kill", [2]), ("kill", [1])]),
        ([HEADER, SUMMARY, SPARED, KILLED_B], [("incomplete", []), ("kill", [2])]),
        ([PANIC], [("panic", [])]),
        ([HEADER, NOBODY, PANIC], [("panic", [])]),
        ([KILLED, PANIC], [("kill", [1]), ("panic", [])]),
        ([KILLED, "Kill process 2 (b) sharing same memory"], [("kill", [1, 2])]),
        (["Kill process 2 (b) sharing same memory"], [("kill", [2])]),
        ([HEADER, "Linux version 6.1", KILLED], [("incomplete", []), ("kill", [1])]),
    ],
)
def test_lines_make_events(lines: list[str], expected: list[tuple[str, list[int | None]]]) -> None:
    assert outline(*lines) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([CGROUP + KILLED, GROUP, CGROUP + KILLED, CGROUP + KILLED_B], [("kill", [1, 2])]),
        ([SUMMARY, CGROUP + KILLED, GROUP, SPARED, CGROUP + KILLED_B], [("kill", [1, 2])]),
        ([GLOBAL + KILLED, GROUP, GLOBAL + KILLED, GLOBAL + KILLED_B], [("kill", [1, 2])]),
        ([CGROUP + KILLED, GROUP, CGROUP + KILLED, GLOBAL + KILLED_B], [("kill", [1]), ("kill", [2])]),
        ([CGROUP + KILLED, GROUP, HEADER_B, CGROUP + KILLED_B], [("kill", [1]), ("kill", [2])]),
        (["[ 100.0] " + CGROUP + KILLED, "[ 100.0] " + GROUP, "[ 200.0] " + CGROUP + KILLED_B],
         [("kill", [1]), ("kill", [2])]),
        ([GROUP], [("incomplete", [])]),
        ([GROUP, CGROUP + KILLED, CGROUP + KILLED_B], [("kill", [1, 2])]),
    ],
    ids=["named twice", "one is gone already", "global", "another scope", "another report", "later", "alone", "cut"],
)  # fmt: skip
def test_a_group_dies_in_one_event(lines: list[str], expected: list[tuple[str, list[int]]]) -> None:
    assert outline(*lines) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([HEADER, ANNOUNCED], 0),
        ([REAPED], 0),
        ([HEADER, SUMMARY, CGROUP + KILLED, REAPED], 1),
        ([CGROUP + KILLED, GROUP, CGROUP + KILLED, CGROUP + KILLED_B], 3),
        ([CGROUP + KILLED, GROUP, SPARED, CGROUP + KILLED_B], 2),
        ([KILLED, "Kill process 2 (b) sharing same memory"], 1),
    ],
    ids=["announced only", "reaped only", "one", "group", "group, one is gone already", "shared memory"],
)
def test_kill_lines_are_counted_as_the_kernel_counts(lines: list[str], expected: int) -> None:
    assert [event.kill_lines for event in events(*lines)] == [expected]


@pytest.mark.parametrize(
    "lines",
    [
        [HEADER, HEADER_B, CPU, CPU_B, SUMMARY, SUMMARY_B, CGROUP + KILLED, CGROUP + KILLED_B],
        [HEADER, HEADER_B, CPU, CPU_B, SUMMARY, SUMMARY_B, CGROUP + KILLED_B, CGROUP + KILLED],
        [HEADER, HEADER_B, CPU_B, CPU, SUMMARY_B, SUMMARY, KILLED_B, REAPED, KILLED],
        [
            HEADER,
            CPU,
            TABLE,
            ROW,
            HEADER_B,
            CPU_B,
            TABLE,
            ROW_B,
            SUMMARY,
            CGROUP + KILLED,
            SUMMARY_B,
            CGROUP + KILLED_B,
        ],
    ],
)
def test_two_reports_at_once_are_told_apart_by_pid(lines: list[str]) -> None:
    first, second = events(*lines)
    for event, pid, unit in ((first, 1, "a.service"), (second, 2, "b.service")):
        assert [victim.pid for victim in event.victims] == [pid]
        assert event.unit == unit
        assert event.invoker is not None
        assert event.invoker.pid == pid


@pytest.mark.parametrize(
    "lines",
    [
        [HEADER, TABLE, ROW, HEADER_B, TABLE, ROW_B, KILLED, KILLED_B],
        [HEADER, TABLE, ROW, HEADER_B, TABLE, ROW_B, KILLED_B, KILLED],
        [HEADER, TABLE, ROW, HEADER_B, TABLE, ROW_B, ANNOUNCED, KILLED, KILLED_B],
        [HEADER, TABLE, ROW, HEADER_B, TABLE, ROW_B, REAPED, KILLED_B],
    ],
)
def test_two_reports_at_once_are_told_apart_by_their_tables(lines: list[str]) -> None:
    assert [
        ([task.pid for task in event.tasks], [victim.pid for victim in event.victims]) for event in events(*lines)
    ] == [
        ([1], [1]),
        ([2], [2]),
    ]


@pytest.mark.parametrize(
    ("lines", "scope"),
    [
        ([KILLED], None),
        ([GLOBAL + KILLED], "global"),
        ([CGROUP + KILLED], "cgroup"),
        ([ANNOUNCED, KILLED], "global"),
        ([NOBODY], "global"),
        (["Memory cgroup out of memory and no killable processes..."], "cgroup"),
        ([SUMMARY, CGROUP + KILLED], "cgroup"),
        (["oom-kill:constraint=CONSTRAINT_CPUSET,task=a,pid=1,uid=0", GLOBAL + KILLED], "cpuset"),
        (["Task in /a killed as a result of limit of /", KILLED], "cgroup"),
        (["memory: usage 1kB, limit 1kB, failcnt 1", KILLED], "cgroup"),
        (
            ["[ 1.5] br0: port 2" + CGROUP + "Kill process 1 (a) score 5 or sacrifice child", "[ 1.6] " + KILLED_B],
            "cgroup",
        ),
        (["Out of memory in UB 0: OOM killed process 1 (a) score 0 vm:8kB, rss:4kB, swap:0kB"], "global"),
        (["Out of memory in UB 7: OOM killed process 1 (a) score 0 vm:8kB, rss:4kB, swap:0kB"], "cgroup"),
    ],
)
def test_the_scope_is_what_is_told_first(lines: list[str], scope: str | None) -> None:
    (event,) = events(*lines)
    assert event.scope == scope


def test_the_unit_comes_from_the_victims_group_or_else_from_the_limit() -> None:
    (event,) = events("Task in /x.slice/a.service/1 killed as a result of limit of /x.slice", CGROUP + KILLED)
    assert (event.cgroup, event.limit_cgroup, event.unit) == ("/x.slice/a.service/1", "/x.slice", "a.service")
    (event,) = events("Memory cgroup stats for /x.slice/a.service: rss:1KB", CGROUP + KILLED)
    assert (event.cgroup, event.limit_cgroup, event.unit) == (None, "/x.slice/a.service", "a.service")


def test_reports_without_a_header_are_told_apart_by_what_each_has_once() -> None:
    usage = "memory: usage {0}kB, limit {0}kB, failcnt 1"
    stats = "Memory cgroup stats for /{}: rss:{}KB"
    report = [usage.format(4), stats.format("x", 1), stats.format("x/y", 2)]
    other = [usage.format(8), stats.format("z", 16)]
    task = "Task in /{0}/a killed as a result of limit of /{0}"
    for lines in ([*report, *other], [task.format("x"), *report, task.format("z"), *other]):
        first, second = events(*lines)
        assert (first.limit_cgroup, first.memory["usage_kib"], first.memory["rss_kib"]) == ("/x", 4, 3)
        assert (second.limit_cgroup, second.memory["usage_kib"], second.memory["rss_kib"]) == ("/z", 8, 16)


@pytest.mark.parametrize(
    "lines",
    [
        ["[ 1.1] Task in /lxc/foo", "[ 1.2]  killed as a result of limit of ", "[ 1.3] /lxc"],
        ["[ 1.1] Task in /lxc/foo", "[ 1.2]  killed as a result of limit of /lxc"],
        ["Nov 23 02:01:29 h kernel: [ 1.1] Task in /lxc/foo killed as a result of limit of ",
         "Nov 23 02:01:29 h kernel: [ 1.1] /lxc"],
    ],
)  # fmt: skip
def test_a_line_in_pieces_with_times_of_their_own_is_one(lines: list[str]) -> None:
    (event,) = events(*lines, lines[-1].rpartition("] ")[0] + "] " + KILLED)
    assert (event.cgroup, event.limit_cgroup, len(event.victims)) == ("/lxc/foo", "/lxc", 1)


def test_what_the_kill_line_lacks_comes_from_the_report() -> None:
    summary = SUMMARY.replace("uid=0", "uid=33")
    (event,) = events(HEADER, summary, CGROUP + KILLED)
    assert (event.victims[0].uid, event.victims[0].told_by_table) == (33, ())
    (event,) = events(HEADER, summary, ANNOUNCED, KILLED)
    assert event.victims[0].uid == 33
    (event,) = events(KILLED, "Kill process 2 sharing same memory")
    assert [victim.comm for victim in event.victims] == ["a", None]
    free = "Node 0 DMA: 1*16kB (M) 0*32kB = 16kB"
    (event,) = events(
        HEADER, free, TABLE, ROW.replace("]     0", "]    33").replace("  0 a", "-17 a"), "Killed process 1 (a)"
    )
    (victim,) = event.victims
    assert (victim.uid, victim.total_vm_kib, victim.oom_score_adj, victim.anon_rss_kib) == (33, 1600, -17, None)
    assert victim.told_by_table == ("uid", "total_vm_kib", "oom_score_adj")
    assert "page_kib" not in event.memory
    (event,) = events(HEADER, TABLE, ROW, KILLED + ", UID:5 pgtables:4kB oom_score_adj:7")
    (victim,) = event.victims
    assert (victim.uid, victim.total_vm_kib, victim.oom_score_adj, victim.told_by_table) == (5, 8, 7, ())
    (event,) = events(HEADER, TABLE, ROW, "Killed process 1 (a)")
    assert (event.victims[0].total_vm_kib, event.victims[0].told_by_table) == (None, ("uid", "oom_score_adj"))


def test_a_name_that_a_foreign_prefix_hides_is_that_of_the_cpu_line() -> None:
    (event,) = events("zork: " + HEADER, CPU + " 6.1.0 #1", KILLED)
    assert event.invoker is not None
    assert (event.invoker.comm, event.invoker.pid) == ("a", 1)


def test_sizes_of_groups_below_are_added_up_and_others_are_those_printed_first() -> None:
    stats = ["Memory cgroup stats for /x: rss:1KB cache:2KB", "Memory cgroup stats for /x/y: rss:10KB cache:20KB"]
    (event,) = events(HEADER, MEMORY, "active_anon:9 inactive_anon:9 isolated_anon:9", *stats, KILLED)
    assert event.memory == {
        "active_anon_pages": 1,
        "inactive_anon_pages": 2,
        "isolated_anon_pages": 3,
        "rss_kib": 11,
        "cache_kib": 22,
    }


def test_sizes_of_a_report_about_something_else_are_not_those_of_the_next_kill() -> None:
    failure = "a: page allocation failure: order:4, mode:0x40d0"
    (event,) = events(failure, MEMORY, KILLED)
    assert event.memory == {}
    (event,) = events(failure, MEMORY, HEADER, MEMORY, KILLED)
    assert event.memory["active_anon_pages"] == 1
    (event,) = events(KILLED, failure, MEMORY)
    assert event.memory == {}


@pytest.mark.parametrize(
    ("lines", "lost"),
    [
        ([HEADER, KILLED], None),
        ([HEADER, "printk: 5 messages dropped", KILLED], 5),
        (["[ 1.0] " + HEADER, "[ 1.0] printk: 5 messages dropped", "[ 1.0] " + KILLED], 5),
        (["6,1,1,-;" + HEADER, "6,2,1,-;" + KILLED], 0),
        (["6,1,1,-;" + HEADER, "6,4,1,-;x", "6,7,1,-;" + KILLED], 4),
        (["6,1,1,-;x", "6,4,1,-;" + HEADER, "6,5,1,-;" + KILLED], 0),
        (["6,1,1,-;" + HEADER, "6,2,1,-;" + KILLED, "6,9,1,-;x"], 0),
        ([HEADER, "oom_kill_process: 3 callbacks suppressed", KILLED], None),
    ],
    ids=["not told", "dropped", "at a time", "none", "gaps", "before it", "after it", "whole reports"],
)
def test_lost_lines_are_counted_where_they_are_missing(lines: list[str], lost: int | None) -> None:
    (event,) = events(*lines)
    assert event.lost_lines == lost


def test_only_so_many_events_wait_for_more() -> None:
    kills = [KILLED.replace("process 1 ", f"process {pid} ") for pid in range(10, 10 + MAX_DRAFTS)]
    late = REAPED.replace("process 1 ", "process 10 ")
    assert len(events(*kills, late)) == MAX_DRAFTS
    assert len(events(*kills, KILLED.replace("(a)", "(b)"), late)) == MAX_DRAFTS + 2
