# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kinds import is_suspicious, understand

SIZES = {"total_vm_kib": 8, "anon_rss_kib": 4, "file_rss_kib": 2}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Killed process 7 (a)", {"pid": 7, "comm": "a"}),
        ("Killed process 7 (a) vsz:8kB, anon-rss:4kB, file-rss:2kB", {"pid": 7, "comm": "a", **SIZES}),
        ("Killed process 7 (a) total-vm:8kB, anon-rss:4kB, file-rss:2kB", {"pid": 7, "comm": "a", **SIZES}),
        ("Killed process 7, UID 503, (a) total-vm:8kB, anon-rss:4kB, file-rss:2kB",
         {"pid": 7, "comm": "a", "uid": 503, **SIZES}),
        ("Killed process 7 (a), UID 503, total-vm:8kB, anon-rss:4kB, file-rss:2kB",
         {"pid": 7, "comm": "a", "uid": 503, **SIZES}),
        ("Out of memory: Killed process 7 (a) total-vm:8kB, anon-rss:4kB, file-rss:2kB, shmem-rss:1kB, UID:0"
         " pgtables:3kB oom_score_adj:-500",
         {"pid": 7, "comm": "a", **SIZES, "shmem_rss_kib": 1, "uid": 0, "pgtables_kib": 3, "oom_score_adj": -500,
          "scope": "global"}),
        ("Memory cgroup out of memory: Killed process 7 (a) total-vm:8kB",
         {"pid": 7, "comm": "a", "total_vm_kib": 8, "scope": "cgroup"}),
        ("Out of memory (oom_kill_allocating_task): Killed process 7 (a)", {"pid": 7, "comm": "a", "scope": "global"}),
        ("Killed process 7 (foo) Z ) total-vm:8kB", {"pid": 7, "comm": "foo) Z ", "total_vm_kib": 8}),
        ("Killed process 7 (a) total-vm:1kB) total-vm:8kB", {"pid": 7, "comm": "a) total-vm:1kB", "total_vm_kib": 8}),
        ("Killed process 7 (runc:[2:INIT]) total-vm:8kB", {"pid": 7, "comm": "runc:[2:INIT]", "total_vm_kib": 8}),
        ("Killed process 7 (a\nb) total-vm:8kB", {"pid": 7, "comm": "a\nb", "total_vm_kib": 8}),
        (r"Killed process 7 (a\012b) total-vm:8kB", {"pid": 7, "comm": r"a\012b", "total_vm_kib": 8}),
        ("Killed process 7 () total-vm:8kB", {"pid": 7, "comm": "", "total_vm_kib": 8}),
        ("Killed process 7 (a) total-vm:8kB, anon-rss:44", {"pid": 7, "comm": "a", "total_vm_kib": 8}),
        ("Killed process 7 (abc", {"pid": 7}),
        ("Killed process 7 (a) total-vm:" + "9" * 30 + "kB", {"pid": 7, "comm": "a"}),
    ],
)  # fmt: skip
def test_a_kill_line_in_the_words_of_every_kernel(text: str, expected: dict[str, Any]) -> None:
    statement = understand(text)
    assert statement is not None
    assert (statement.kind, statement.values) == ("killed", expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Out of memory: Kill process 7 (a) score 3 or sacrifice child", "global"),
        ("Out of memory: kill process 7 (a) score 3 or a child", "global"),
        ("Out of memory: kill process 7 (a) or a child", "global"),
        ("Memory cgroup out of memory: Kill process 7 (a) score 3 or sacrifice child", "cgroup"),
        ("No available memory in cpuset: kill process 7 (a) score 3 or a child", "cpuset"),
        ("No available memory (MPOL_BIND): kill process 7 (a) score 3 or a child", "mempolicy"),
        ("Out of memory (oom_kill_allocating_task): kill process 7 (a) score 0 or a child", "global"),
    ],
)
def test_an_announcement_says_whose_memory_ran_out(text: str, expected: str) -> None:
    statement = understand(text)
    assert statement is not None
    assert (statement.kind, statement.values) == ("announcement", {"pid": 7, "comm": "a", "scope": expected})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a invoked oom-killer: gfp_mask=0x201da, order=0, oomkilladj=-17", {"gfp_mask": "0x201da", "order": 0}),
        ("a invoked oom-killer: gfp_mask=0x201da, order=0, oom_adj=0", {"gfp_mask": "0x201da", "order": 0}),
        ("a invoked oom-killer: gfp_mask=0x201da, order=0, oom_adj=0, oom_score_adj=5",
         {"gfp_mask": "0x201da", "order": 0, "oom_score_adj": 5}),
        ("a invoked oom-killer: gfp_mask=0x0(), order=-1, oom_score_adj=0",
         {"gfp_mask": "0x0()", "order": -1, "oom_score_adj": 0}),
        ("a invoked oom-killer: gfp_mask=0x14280ca(GFP_HIGHUSER_MOVABLE|__GFP_ZERO), nodemask=(null),  order=0,"
         " oom_score_adj=-998",
         {"gfp_mask": "0x14280ca(GFP_HIGHUSER_MOVABLE|__GFP_ZERO)", "order": 0, "oom_score_adj": -998}),
        ("a invoked oom-killer: gfp_mask=0xd0, nodemask=0-1, order=9, oom_adj=0", {"gfp_mask": "0xd0", "order": 9}),
        ("a invoked oom-killer: gfp_mask=0xd0, order=9", {"gfp_mask": "0xd0"}),
        ("a invoked oom-killer: gfp_mask=0xd", {}),
        ("a invoked oom-killer: gf", {}),
        ("7 (a) invoked oom-killer in ub 101 generation 5 gfp 0x200da", {"pid": 7, "gfp_mask": "0x200da"}),
        ("a invoked oom-killer:", {}),
    ],
)  # fmt: skip
def test_a_header_in_the_words_of_every_kernel(text: str, expected: dict[str, Any]) -> None:
    statement = understand(text)
    assert statement is not None
    assert (statement.kind, statement.values) == ("header", {"comm": "a", **expected})


@pytest.mark.parametrize("comm", ["runc:[2:INIT]", "a b", "a: b", "invoked", "(sd-pam)", "x\ny"])
def test_a_header_may_start_with_any_name(comm: str) -> None:
    statement = understand(comm + " invoked oom-killer: gfp_mask=0x0, order=0")
    assert statement is not None
    assert statement.values["comm"] == comm


@pytest.mark.parametrize(
    ("text", "pid"),
    [
        ("CPU: 9 PID: 14881 Comm: java Tainted: G    B   3.10.0-327.4.5.el7.x86_64 #1", 14881),
        ("CPU: 1 UID: 0 PID: 177372 Comm: test_zswap Kdump: loaded Not tainted 6.12.0 #1", 177372),
        ("Pid: 2376, comm: mal-80 Not tainted 3.7.0+ #4", 2376),
    ],
)
def test_the_line_of_the_call_trace_has_the_pid(text: str, pid: int) -> None:
    statement = understand(text)
    assert statement is not None
    assert (statement.kind, statement.values["pid"]) == ("cpu", pid)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/a,task=b,pid=1,uid=2",
         {"scope": "global", "cgroup": "/a", "comm": "b", "pid": 1, "uid": 2}),
        ("oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a/b,task=c,pid=1,uid=2",
         {"scope": "cgroup", "limit_cgroup": "/a", "cgroup": "/a/b", "comm": "c", "pid": 1, "uid": 2}),
        ("oom-kill:constraint=CONSTRAINT_CPUSET,nodemask=(null),cpuset=x,mems_allowed=4,global_oom,task_memcg=/a,task=b,pid=1,uid=2",
         {"scope": "cpuset", "cgroup": "/a", "comm": "b", "pid": 1, "uid": 2}),
        ("oom-kill:constraint=CONSTRAINT_MEMORY_POLICY,nodemask=0,task_memcg=/a,task=b,pid=1,uid=2",
         {"scope": "mempolicy", "cgroup": "/a", "comm": "b", "pid": 1, "uid": 2}),
        ("oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),task=b,pid=1,uid=2",
         {"scope": "global", "comm": "b", "pid": 1, "uid": 2}),
        ("oom-kill:constraint=CONSTRAINT_NONE,task_memcg=/a,b,task=x,task=y,pid=3,pid=1,uid=2",
         {"scope": "global", "cgroup": "/a,b", "comm": "x,task=y,pid=3", "pid": 1, "uid": 2}),
        ("oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/a,task_memcg=/a/b",
         {"scope": "cgroup", "limit_cgroup": "/a"}),
        ("oom-kill:constraint=CONSTRAINT_NO", {}),
        ("oom-kill:constraint=CONSTRAINT_NEW,task_memcg=/a,task=b,pid=1,uid=2",
         {"cgroup": "/a", "comm": "b", "pid": 1, "uid": 2}),
    ],
)  # fmt: skip
def test_the_summary_whole_and_cut(text: str, expected: dict[str, Any]) -> None:
    statement = understand(text)
    assert statement is not None
    assert (statement.kind, statement.values) == ("summary", expected)


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("out of memory. panic_on_oom is selected", "global"),
        ("out of memory from page fault. panic_on_oom is selected.", "global"),
        ("out of memory. Compulsory panic_on_oom is selected.", None),
        ("out of memory(memcg). panic_on_oom is selected.", "cgroup"),
        ("Out of memory: panic_on_oom is enabled", "global"),
        ("Out of memory: system-wide panic_on_oom is enabled", "global"),
        ("Out of memory: compulsory panic_on_oom is enabled", None),
        ("Out of memory and no killable processes...", "global"),
        ("System is deadlocked on memory", "global"),
    ],
)
def test_a_panic_in_the_words_of_every_kernel(text: str, scope: str | None) -> None:
    statement = understand("Kernel panic - not syncing: " + text)
    assert statement is not None
    assert (statement.kind, statement.values.get("scope")) == ("panic", scope)
    end = understand("---[ end Kernel panic - not syncing: " + text + " ]---")
    assert end is None or end.kind == "known"


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("Kill process 7 (a) sharing same memory", "shared", {"pid": 7, "comm": "a"}),
        ("Tasks in /a b are going to be killed due to memory.oom.group set", "group", {"cgroup": "/a b"}),
        ("oom_reaper: reaped process 7 (a) x), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB", "reaped",
         {"pid": 7, "comm": "a) x", "reaped": True}),
        ("oom_reaper: unable to reap pid:7 (a)", "reaped", {"pid": 7, "comm": "a", "reaped": False}),
        ("OOM victim 7 (a) is already exiting. Skip killing the task", "spared", {"pid": 7, "comm": "a"}),
        ("Memory cgroup out of memory: OOM victim 7 (a) is already exiting. Skip killing the task", "spared",
         {"pid": 7, "comm": "a"}),
        ("Out of memory and no killable processes...", "nobody", {"scope": "global"}),
        ("Memory cgroup out of memory and no killable processes...", "nobody", {"scope": "cgroup"}),
        ("[45B blob data]", "lost", {"lines": 1}),
        ("[2.1K blob data]", "lost", {"lines": 1}),
        ("oom_kill_process: 3 callbacks suppressed", "known", {}),
        ("java: page allocation failure: order:5, mode:0x40cc0", "other_report", {}),
        ("sysrq: Show Memory", "other_report", {}),
        ("Linux version 6.1.0", "boot", {}),
        ("Linux version 6.1.176 (buildd@x) (gcc (Debian 12.2.0-14) 12.2.0) #1 Sat Jul  4 15:38:16 2026", "boot", {}),
        ("-- Boot 5e1f --", "boot", {}),
        ("-- Reboot --", "boot", {}),
        ("Kernel panic - not syncing: VFS: Unable to mount root fs", "boot", {}),
    ],
)  # fmt: skip
def test_the_other_lines(text: str, kind: str, values: dict[str, Any]) -> None:
    statement = understand(text)
    assert statement is not None
    assert (statement.kind, statement.values) == (kind, values)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "usb 1-1: reset high-speed USB device",
        "Killed process 18",
        "Killed process 18 ",
        "Killed process 99999999999 (a)",
        "I think Killed process 7 (a) total-vm:8kB",
        "Out of memory: Terminated process 7 (a)",
        "the oom-killer: it is here",
        "oom_reaper: reaped process",
        " oom_kill_process+0x9d/0xa0",
        "out_of_memory.part.0+0xaf/0x230",
        "Linux version 6[123]: segfault at 0 ip 000000000040052d sp 00007ffd error 4 in a (deleted)",
    ],
)
def test_what_is_not_understood(text: str) -> None:
    assert understand(text) is None


@pytest.mark.parametrize(
    ("text", "kernel", "expected"),
    [
        ("Out of memory: Terminated process 7 (a)", True, True),
        ("Out of memory: Terminated process 7 (a)", None, True),
        ("drm: Out of memory", True, True),
        ("drm: Out of memory", None, False),
        ("Out of memory (Needed 128917220 bytes)", None, False),
        ("a invoked oom-killing: why", None, True),
        ("Killed process 18", None, True),
        ("systemd[1]: a.service: Failed with result 'oom-kill'.", True, True),
        ("a.service: Failed with result 'oom-kill'.", False, True),
        ("a.service: Consumed 3s CPU, out of memory", False, False),
        ("systemd[1]: a.service is out of memory", True, False),
        ("I saw that it was killed due to memory pressure", None, True),
        ("out_of_memory+0x1/0x2", True, False),
        ("java.lang.OutOfMemoryError: Java heap space", True, False),
    ],
)
def test_what_may_be_about_it_all_the_same(text: str, kernel: bool | None, expected: bool) -> None:
    assert is_suspicious(text, kernel) is expected
