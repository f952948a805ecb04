# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.killed_module import explained

FAILURE = {
    "failed": True,
    "msg": "MODULE FAILURE: No start of json char found\nSee stdout/stderr for the exact error",
    "module_stdout": "",
    "module_stderr": "Killed\n",
    "rc": 137,
}
KILL = (
    "[  100.000000] {}: Killed process 4242 ({}) total-vm:900kB, anon-rss:800kB, file-rss:0kB, shmem-rss:0kB, UID:0 "
    "pgtables:17kB oom_score_adj:0\n"
)
SUMMARY = (
    "[   99.000000] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
    "oom_memcg=/user.slice,task_memcg=/user.slice/session-1.scope,task=python3,pid=4242,uid=0\n"
)
UNKNOWN = "the kernel log does not say by what"


class FakeAction:
    def __init__(self, log: str | None) -> None:
        self.log = log

    def _low_level_execute_command(self, _command: str) -> dict[str, Any]:
        if self.log is None:
            raise AnsibleConnectionFailure("gone")
        return {"stdout": self.log}


@pytest.mark.parametrize(
    ("result", "log", "by"),
    [
        (FAILURE, KILL.format("Out of memory", "python3"), "by the kernel for want of memory: python3 (pid 4242)"),
        (FAILURE, SUMMARY + KILL.format("Memory cgroup out of memory", "python3"), "at the limit of /user.slice: "),
        (FAILURE, KILL.format("Out of memory", "nginx"), UNKNOWN),
        (FAILURE, "", UNKNOWN),
        (FAILURE, None, UNKNOWN),
        ({**FAILURE, "module_stderr": ""}, "", UNKNOWN),
        ({**FAILURE, "rc": 1, "module_stderr": "", "module_stdout": "bash: line 1:\nKilled\n"}, "", UNKNOWN),
        ({**FAILURE, "rc": -9}, "", UNKNOWN),
    ],
    ids=["kernel", "group", "another", "no log", "gone", "without a word", "by the word alone", "signal"],
)
def test_a_module_that_was_killed_says_so(result: dict[str, Any], log: str | None, by: str) -> None:
    found = explained(FakeAction(log), result)
    assert found["failed"] is True
    assert found["msg"].startswith("the module was killed (signal 9) while it ran on the host, ")
    assert by in found["msg"]
    assert "json" not in str(found)


@pytest.mark.parametrize(
    "result",
    [
        {"changed": False},
        {"failed": True, "msg": "no", "rc": 1, "module_stderr": "Traceback: Killed by me"},
        {"failed": True, "msg": "it ended with 137", "rc": 137, "invocation": {}},
        {"unreachable": True, "msg": "no"},
    ],
    ids=["well", "another failure", "the module itself says so", "unreachable"],
)
def test_any_other_result_stays_as_it_is(result: dict[str, Any]) -> None:
    assert explained(FakeAction(""), result) == result
