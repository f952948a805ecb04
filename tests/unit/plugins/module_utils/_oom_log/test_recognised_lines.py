# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.recognised_lines import recognised

KILL = {"pid": 7, "comm": "log d", "total_vm_kib": 8, "anon_rss_kib": 4, "scope": "global"}


def statements(*lines: str) -> list[tuple[str, dict[str, Any]]]:
    return [(found.statement.kind, found.statement.values) for found in recognised(lines)]


@pytest.mark.parametrize(
    "lines",
    [
        ["[ 1.5] Out of memory: Killed process 7 (log d) total-vm:8kB, anon-rss:4kB"],
        ["[ 1.5] Out of memory: Killed process 7 (log d)", "total-vm:8kB, anon-rss:4kB"],
        ["> [ 1.5] Out of memory: Killed process 7", "> (log d) total-vm:8kB,", "> anon-rss:4kB"],
        ["> [ 1.5] Out of memory: Killed", "> process 7 (log d)", "> total-vm:8kB,", "> anon-rss:4kB"],
        ["[ 1.5] Out of memory: Killed process 7 (log d) tot", "al-vm:8kB, anon-rss:4", "kB"],
        ["  [ 1.5] Out of memory: Killed process 7 (log d)", "    total-vm:8kB,", "    anon-rss:4kB"],
        ["Out of memory: Killed process 7 (log d) total-vm:8kB,", "anon-rss:4kB"],
    ],
    ids=["whole", "in two", "quoted", "in four", "in words", "indented", "without a prefix"],
)
def test_a_line_that_something_broke_is_joined(lines: list[str]) -> None:
    after = "[ 1.6] usb 1-1: new device"
    assert statements(*lines, after) == [("killed", KILL)]


SUMMARY = "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a/kube"


@pytest.mark.parametrize(
    ("lines", "unsure"),
    [
        (["[ 1.5] Killed process 7 (a) total-vm:8kB oom_score_adj:96", "9"], {"oom_score_adj": (None, 969)}),
        (["Killed process 7 (a) total-vm:8kB oom_score_adj:96", "9"], {"oom_score_adj": (None, 969)}),
        (["> Killed process 7 (log", "> d) total-vm:8kB"], {"comm": (None, "log d")}),
        (["[ 1.5] " + SUMMARY, "pods.slice,task=n", "ode,pid=9,uid=0"],
         {"cgroup": (None, "/a/kubepods.slice"), "comm": (None, "node"), "pid": (9,)}),
        (["[ 1.5] " + SUMMARY, "pods.slice/pod", "1.slice/x,task=node,pid=9,uid=0"],
         {"cgroup": (None, "/a/kubepods.slice/pod1.slice/x"), "comm": ("node",), "pid": (9,)}),
        (["[ 1.5] " + SUMMARY + ",task=a,pid=12", "34,uid=0"], {"pid": (None, 1234)}),
        (["[ 1.5] " + SUMMARY + ",task=a,pid=12,uid=10", "00"], {"uid": (None, 1000)}),
        (["[ 1.5] Task in /a killed as a result of limit of /lxc/fo", "o"], {"limit_cgroup": (None, "/lxc/foo")}),
        (["[ 1.5] x invoked oom-killer: gfp_mask=0xd", "0, order=1", "1, oom_score_adj=-9", "98"],
         {"gfp_mask": (None, "0xd0"), "order": (None, 11), "oom_score_adj": (None, -998)}),
    ],
)  # fmt: skip
def test_what_a_break_may_have_cut_is_joined_or_left_out(lines: list[str], unsure: dict[str, tuple[Any, ...]]) -> None:
    """Also where wider lines show that no terminal broke these."""
    front = "[ 1.4] " if lines[0].startswith("[") else ""
    for before in ([], [front + "wide " * 99]):
        ((_kind, values),) = statements(*before, *lines, "[ 1.6] usb 1-1: new device")
        assert {name: values.get(name) for name in unsure if values.get(name) not in unsure[name]} == {}


def test_columns_of_a_table_that_a_break_may_have_cut_are_known_ones_or_none() -> None:
    table = ["[ 1.5] [ pid ]   uid  tgid total_vm      rss nr_ptes swap", "ents oom_score_adj name"]
    row = ["[ 1.5] [  410]     0   410      533       52       4        0            96 udevd"]
    cut = ["[ 1.5] [  411]     0   411      533       5", "3       4        0            96 a"]
    for before in ([], ["[ 1.4] " + "wide " * 99]):
        told = statements(*before, *table, *row, *cut)
        columns = ("pid", "uid", "tgid", "total_vm", "rss", "nr_ptes", "swapents", "oom_score_adj", "name")
        assert told[0] == ("table", {"columns": columns})
        assert [values["numbers"] for kind, values in told if kind == "row"] in (
            [(410, 0, 410, 533, 52, 4, 0, 96)],
            [(410, 0, 410, 533, 52, 4, 0, 96), (411, 0, 411, 533, 53, 4, 0, 96)],
        )


def test_a_line_may_be_in_five() -> None:
    parts = [
        "Killed process 7 (a) total-vm:8kB,",
        "anon-rss:4kB,",
        "file-rss:2kB,",
        "shmem-rss:1kB, UID:0",
        "pgtables:3kB",
    ]
    ((_kind, values),) = statements("[ 1.5] " + parts[0], *parts[1:])
    assert (values["anon_rss_kib"], values["uid"], values["pgtables_kib"]) == (4, 0, 3)


def test_a_line_is_not_joined_to_what_adds_nothing() -> None:
    kill = "[ 1.5] Out of memory: Killed process 7 (log d) total-vm:8kB, anon-rss:4kB"
    assert statements(kill, "and that was that", "[ 1.6] total-vm:9kB") == [("killed", KILL)]
    assert statements(kill, "Out of memory: Killed process 8 (a)")[0] == ("killed", KILL)


def test_a_line_break_in_a_name_is_part_of_it() -> None:
    lines = [
        "Nov 23 02:01:29 h kernel: Out of memory: Killed process 7 (a",
        "                          b) total-vm:8kB",
    ]
    assert statements(*lines) == [("killed", {"pid": 7, "comm": "a\nb", "total_vm_kib": 8, "scope": "global"})]
    assert statements(r"3,1,1,-;Out of memory: Killed process 7 (a\x0ab) total-vm:8kB") == statements(*lines)


@pytest.mark.parametrize(
    "lines",
    [
        [r"6,1,1,-;anon 4096\x0afile 8192\x0apgfault 3\x0aslab 1"],
        [
            "Nov 23 02:01:29 h kernel: anon 4096",
            "              file 8192",
            "              pgfault 3",
            "              slab 1",
        ],
        ["[ 1.5] anon 4096", "      file 8192", "      pgfault 3", "      slab 1"],
        ["anon 4096", "file 8192", "pgfault 3", "slab 1"],
    ],
    ids=["kmsg", "journal", "dmesg", "no prefix"],
)
def test_a_message_of_many_lines_is_many_facts(lines: list[str]) -> None:
    sizes = [{"anon_bytes": 4096}, {"file_bytes": 8192}, {"slab_bytes": 1}]
    assert statements(*lines) == [("machine", size) for size in sizes]


def test_lines_without_a_prefix_are_of_the_machine_before() -> None:
    lines = ["Nov 23 02:01:29 h kernel: anon 1", "       file 2", "slab 3"]
    told = list(recognised(lines))
    assert [found.line.host for found in told] == ["h", "h", "h"]
    assert [found.line.timestamp for found in told] == ["Nov 23 02:01:29", "Nov 23 02:01:29", None]


def test_the_rest_of_what_a_program_says_is_not_the_kernels_either() -> None:
    rest = "       Out of memory: Killed process 1 (init) total-vm:8kB"
    assert statements("Nov 23 02:01:29 h app[1]: first", rest) == [("unknown", {"line": rest})]


@pytest.mark.parametrize(
    ("lines", "lost"),
    [
        (["6,1,1,-;x", "6,2,2,-;y"], []),
        (["6,1,1,-;x", "6,5,2,-;y"], [3]),
        (["6,1,1,-;x", "6,3,2,-;y"], [1]),
        (["6,5,1,-;x", "6,1,2,-;y"], []),
        (["6,1,1,-;x", "6,99999999,2,-;y"], []),
        (["** 12 printk messages dropped ** [ 1.5] x"], [12]),
        (["** 12 printk messages dropped **"], [12]),
        (["[ 1.5] printk: 12 messages dropped."], [12]),
        (["Nov 23 02:01:29 h kernel: [45B blob data]"], [1]),
        (["12 messages dropped"], []),
    ],
    ids=[
        "none",
        "a gap",
        "a small gap",
        "backwards",
        "another log",
        "on the line",
        "a line",
        "printk",
        "not shown",
        "somebody else's",
    ],
)
def test_lines_that_are_missing(lines: list[str], lost: list[int]) -> None:
    assert statements(*lines) == [("lost", {"lines": number}) for number in lost]


def test_what_follows_a_notice_on_its_line_is_read() -> None:
    line = "Nov 23 02:01:29 h kernel: ** 2 printk messages dropped ** [ 1.5] Killed process 7 (a)"
    told = list(recognised([line]))
    assert [found.statement.kind for found in told] == ["lost", "killed"]
    assert [found.line.timestamp for found in told] == ["Nov 23 02:01:29"] * 2
    assert [found.line.uptime_seconds for found in told] == [None, 1.5]


def test_a_message_inside_another_is_read() -> None:
    (found,) = recognised(
        ["Nov 23 02:01:29 h kernel: [ 1.000000] br0: port 2[ 1.000001] Out of memory: Killed process 7 (a)"]
    )
    assert (found.statement.kind, found.line.uptime_seconds, found.line.host) == ("killed", 1.000001, "h")


def test_a_strange_line_is_kept_as_it_stands() -> None:
    line = "[ 1.5] Out of memory: Terminated process 7 (a)"
    assert statements(line + "\r\n") == [("unknown", {"line": line})]
    ((_kind, values),) = statements(line + "x" * 9999)
    assert len(values["line"]) == 500


KERNELS = "Memory cgroup out of memory: Killed process 10 (x) total-vm:8kB, anon-rss:4kB"


@pytest.mark.parametrize(
    "front",
    [
        "2026/11/23 02:01:29 somewhere |",
        "\x1e17:30:01.55 > ",
        "host9: ",
        "console.log:",
        "Nov 23 02:01:29 2026 relay [10.0.0.1]: ",
        "[ 1.5] br0: port 2",
        "Nov 23 02:01:29 h kernel: usb 1-1: reset",
    ],
)
def test_a_kill_behind_words_of_who_knows_whom_is_read(front: str) -> None:
    ((kind, values),) = statements(front + KERNELS)
    assert (kind, values["pid"], values["comm"], values["anon_rss_kib"]) == ("killed", 10, "x", 4)


@pytest.mark.parametrize(
    "line",
    [
        "grep 'oom-kill:constraint=' f",
        "grep -c 'Killed process 7 (a) total-vm:8kB' messages",
        "I saw that firefox invoked oom-killer: what now?",
        "At 10:15 the log said: " + KERNELS,
        'pr_warning("%s invoked oom-killer: gfp_mask=0x%x, order=%d, oom_adj=%d",',
        'pr_err("%s: Killed process %d (%s) total-vm:%lukB, anon-rss:%lukB, file-rss:%lukB",',
        '        line = "' + KERNELS + '"',
        "oom-kill:constraint=%s,nodemask=%*pbl",
        "Killed process 7 (a) is what dmesg said",
        "Nov 23 02:01:29 h app[1]: " + KERNELS,
        "zork" * 9 + " invoked oom-killer, says the manual",
        "lowmemorykiller: Killing 'x' (1), adj 900",
        "it was killed due to memory pressure",
    ],
)
def test_who_speaks_of_a_kill_in_other_words_is_heard_but_not_believed(line: str) -> None:
    assert statements(line) == [("unknown", {"line": line})]


@pytest.mark.parametrize("between", [" ", "   ", "\r", "\r\n", " [ 1.6] ", " Nov 23 02:01:30 h kernel: ", "; "])
def test_two_messages_on_one_line_are_two(between: str) -> None:
    second = "oom_reaper: reaped process 10 (x), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB"
    told = statements("Nov 23 02:01:29 h kernel: [ 1.5] " + KERNELS + between + second)
    assert [(kind, values["pid"]) for kind, values in told] == [("killed", 10), ("reaped", 10)]
    (_first, (_kind, values)) = statements(KERNELS + between + KERNELS.replace("10 (x)", "11 (y)"))
    assert (values["pid"], values["total_vm_kib"]) == (11, 8)


def test_a_path_or_a_name_may_look_like_a_message() -> None:
    path = "/a/" + KERNELS.replace("/", "")
    summary = f"oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg={path},task_memcg={path},task=[ 1.5] a,pid=7,uid=0"
    ((kind, values),) = statements("[ 1.5] " + summary)
    assert (kind, values["cgroup"], values["pid"], values["comm"]) == ("summary", path, 7, "[ 1.5] a")
    ((kind, values),) = statements("[ 1.5] Out of memory: Killed process 7 ([ 1.5] a) total-vm:8kB")
    assert (kind, values["pid"], values["comm"]) == ("killed", 7, "[ 1.5] a")


def test_a_name_behind_words_of_who_knows_whom_is_null() -> None:
    ((kind, values),) = statements("kern: apid invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0")
    assert (kind, values["comm"], values["order"]) == ("header", None, 0)
    ((kind, values),) = statements("[ 1.5] kern: apid invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0")
    assert values["comm"] == "kern: apid"
    ((kind, values),) = statements("[ 1.5] a name too long for one invoked oom-killer: gfp_mask=0xd0, order=0,")
    assert values["comm"] is None
