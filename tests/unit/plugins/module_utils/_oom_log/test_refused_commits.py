# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kind_names import KNOWN, REFUSED
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kinds import understand
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.parse import parse
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.refused_commits import (
    MAX_PROGRAMS,
    RefusedCommit,
    refused_commit,
)

LINE = "__vm_enough_memory: pid: {}, comm: {}, bytes: {} not enough memory for the allocation"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("pid: 513, comm: xz, no enough memory for the allocation", {"comm": "xz", "times": 1}),
        ("pid: 513, comm: xz, not enough memory for the allocation\n", {"comm": "xz", "times": 1}),
        (
            "pid: 7, comm: mariadbd, bytes: 134217728 not enough memory for the allocation",
            {"comm": "mariadbd", "times": 1, "most_bytes": 134_217_728},
        ),
        ("pid: 7, comm: a, pages: 9 not enough memory for the allocation", {"comm": "a", "times": 1}),
        (
            "pid: 7, comm: a, bytes: 1, bytes: 8192 not enough memory for the allocation",
            {"comm": "a, bytes: 1", "times": 1, "most_bytes": 8192},
        ),
        ("pid: 7, comm: x\ny, no enough memory for the allocation", {"comm": "x\ny", "times": 1}),
        ("42 callbacks suppressed", {"comm": None, "times": 42}),
    ],
    ids=["6.1", "6.6", "6.12", "pages", "a name like the line", "a name with a line break", "not printed"],
)
def test_each_wording_of_the_kernel_is_read(text: str, values: dict[str, object]) -> None:
    statement = understand("__vm_enough_memory: " + text)
    assert statement is not None
    assert (statement.kind, statement.values) == (REFUSED, values)


@pytest.mark.parametrize(
    "name", ["oom-killer:", "x invoked oom-killer: ", "Out of memory: Killed process 1 (init)", "Linux version 6.1"]
)
def test_a_name_makes_no_other_event_of_it(name: str) -> None:
    assert understand(LINE.format(1, name, 4096)) == refused_commit(LINE.format(1, name, 4096))
    log = parse(f"[    5.000000] {LINE.format(1, name, 4096)}")
    assert (log.events, log.unrecognised, log.refused) == ((), (), (RefusedCommit(name, 1, 4096),))


def test_another_wording_is_no_other_event() -> None:
    statement = understand("__vm_enough_memory: comm: x invoked oom-killer: gfp_mask=0x0, order=0")
    assert statement is not None and statement.kind == KNOWN


@pytest.mark.parametrize("newest_first", [False, True], ids=["oldest first", "newest first"])
def test_refusals_are_added_up_by_program(newest_first: bool) -> None:
    lines = [
        f"2026-05-04T03:02:{second:02}+00:00 host kernel: {line}"
        for second, line in enumerate(
            [
                LINE.format(5, "redis-server", 4096),
                LINE.format(7, "mariadbd", 134_217_728),
                LINE.format(8, "mariadbd", 65_536),
                "__vm_enough_memory: 3 callbacks suppressed",
            ]
        )
    ]
    found = parse(list(reversed(lines)) if newest_first else lines).refused
    assert sorted(found, key=lambda one: str(one.comm)) == [
        RefusedCommit(None, 3, None, "2026-05-04T03:02:03+00:00"),
        RefusedCommit("mariadbd", 2, 134_217_728, "2026-05-04T03:02:02+00:00"),
        RefusedCommit("redis-server", 1, 4096, "2026-05-04T03:02:00+00:00"),
    ]
    assert [one.times for one in found] == [3, 2, 1]


def test_many_names_are_bounded_and_the_latest_stay() -> None:
    found = parse(f"[{second:5}.000000] {LINE.format(1, f'c{second}', 4096)}" for second in range(1000)).refused
    assert {one.comm for one in found} == {f"c{second}" for second in range(1000 - MAX_PROGRAMS, 1000)}


def test_what_a_program_writes_is_no_refusal() -> None:
    assert parse("May  4 03:02:01 host app[77]: " + LINE.format(1, "x", 4096)).refused == ()
