# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.hard_wrap import unwrapped

LONG = "[    1.000000] Node 0 DMA free:15692kB min:80kB low:100kB high:120kB active_anon:0kB"
KILL = "Out of memory: Killed process 7 (a) total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB"


def cut(lines: list[str], columns: int) -> list[str]:
    return [line[start : start + columns] for line in lines for start in range(0, max(len(line), 1), columns)]


@pytest.mark.parametrize("columns", range(40, 90))
@pytest.mark.parametrize(
    "lines",
    [
        [LONG, "[    1.000001] a", "[    1.000002] " + KILL, "", "[    2.000000] end"],
        ["> " + LONG, "> [    1.000002] " + KILL],
        [KILL, "Mem-Info:", "oom_reaper: reaped process 7 (a), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB"],
        [f"_HOSTNAME=h{n}" for n in range(5)] + ["MESSAGE=" + KILL, "_TRANSPORT=kernel"],
    ],
    ids=["a clock", "quoted", "nothing before", "fields"],
)
def test_lines_are_put_together_at_any_width(lines: list[str], columns: int) -> None:
    parts = cut(lines, columns)
    assert list(unwrapped(parts, iter(parts))) == lines


def test_quoting_of_each_part_is_taken_off() -> None:
    parts = ["> " + part for part in cut(["[    1.000002] " + KILL], 50)]
    assert list(unwrapped(parts, iter(parts))) == ["> [    1.000002] " + KILL]


@pytest.mark.parametrize(
    "lines",
    [
        ["[    1.000000] a", LONG, "[    2.000000] b"],
        [LONG, "               file 8192", "               slab 1"],
        [KILL, "Killed process 8 (b) total-vm:8kB, anon-rss:4kB"],
        [KILL + " oom_score_adj:0", "and that was all", "that I saw"],
        ["Nov 23 02:01:29 h kernel: " + KILL[:60], "short", "lines", "of", "a", "mail"],
        ["a" * 39, "b" * 39],
        [],
    ],
    ids=["whole", "one message", "two kills", "prose", "a mail", "narrow", "nothing"],
)
def test_what_no_terminal_broke_stays_as_it_is(lines: list[str]) -> None:
    assert list(unwrapped(lines, iter(lines))) == lines


def test_a_part_that_looks_like_a_line_of_its_own_is_none() -> None:
    """Cut elsewhere, "memory+swap" would be swap, and inactive memory active."""
    lines = ["[    1.000000] " + "x" * 45, "[    1.000001] memory+swap: usage 1kB, limit 2kB, failcnt 3"]
    parts = [lines[0][:50], lines[0][50:], lines[1][:22].ljust(50), lines[1][22:]]
    assert list(unwrapped(parts, iter(parts)))[1].split() == [
        "[",
        "1.000001]",
        "memory+",
        "swap:",
        *lines[1].split()[3:],
    ]
