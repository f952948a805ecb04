# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from unit.audits import down, record
from unit.samples import declared, memory, oom_event, process, service, services_state, sysctls

from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import HIDDEN, Unread
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import Counters
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.event import Victim
from ansible_collections.lifeboat.oom.plugins.plugin_utils._report.terminal_summary import summarise


def lines(policy: dict[str, Any] | None = None, **changes: Any) -> list[str]:
    return summarise(record(policy=policy, **changes))


def test_a_host_is_a_few_lines() -> None:
    assert lines() == [
        "web:",
        "  memory 3906 MiB, 1953 MiB available, swap 976 MiB; committed 1562 of 2929 MiB (not enforced); "
        "0 OOM kills since boot",
        "  drift: none, for nothing is declared for this host",
        "  killed first if memory ran out now: nginx.service (97 MiB, score 0)",
        "  if a new process with score 0 grows without end, killed in order: a new process with score 0",
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"sysctls": sysctls(runtime={"vm.overcommit_memory": "2"})}, "committed 1562 of 2929 MiB; 0 OOM"),
        ({"counters": Counters(3, *[None] * 5)}, "(not enforced); 3 OOM kills since boot"),
        ({"counters": Counters(*[None] * 6)}, "2929 MiB (not enforced)"),
        ({"memory": memory(available_kib=None)}, "memory 3906 MiB, swap 976 MiB"),
        ({"memory": memory(committed_kib=None)}, "swap 976 MiB; 0 OOM"),
        ({"memory": memory(commit_limit_kib=None)}, "swap 976 MiB; 0 OOM"),
        ({"sysctls": None}, "committed 1562 of 2929 MiB; 0 OOM kills"),
        ({"memory": memory(available_kib=0, committed_kib=0)}, ", 0 MiB available, swap 976 MiB; committed 0 of"),
    ],
    ids=[
        "enforced",
        "kills",
        "kills not told",
        "no MemAvailable",
        "no Committed_AS",
        "no CommitLimit",
        "mode not known",
        "zero",
    ],
)
def test_memory_is_told_as_far_as_it_is_known(changes: dict[str, Any], line: str) -> None:
    assert line in lines(**changes)[1]


def test_what_differs_is_told_with_its_reason() -> None:
    found = lines({"mode": "always"})
    assert found[2] == "  drift: 2 value(s)"
    assert found[3] == (
        "    runtime: kernel vm.overcommit_memory is 0, declared 1: the running kernel has another value"
    )
    assert found[4].startswith("    file: kernel vm.overcommit_memory is not set, declared 1: ")


def test_a_host_that_is_as_declared_is_told_from_one_without_declarations() -> None:
    assert lines({"mode": "heuristic", "persistent": False})[2] == "  drift: none"


NGINX = [{"name": "nginx", "oom_score_adj": -500}]


def test_a_service_without_its_drop_in_is_one_line() -> None:
    found = summarise(record(services=NGINX, declared=services_state(declared(service()))))
    assert found[2] == "  drift: 4 value(s)"
    assert [line for line in found if "-500" in line] == [
        "  warning: nginx.service: the declared score does not hold for every process of the service [score.missing]: "
        "missing (/etc/systemd/system/nginx.service.d/zz-lifeboat-oom.conf); expected OOMScoreAdjust=-500 in every "
        "layer"
    ]


def test_what_could_not_be_compared_is_not_said_to_be_as_declared() -> None:
    found = summarise(record(services=NGINX, declared=None))
    assert found[2] == "  drift: none of what could be compared; not compared: services"


def test_no_kill_order_is_made_of_ones_own_processes() -> None:
    found = lines(unread=(Unread("processes", HIDDEN),))
    assert [line for line in found if "killed" in line] == []
    assert [line for line in found if "hidepid" in line]


def test_findings_come_with_their_id() -> None:
    found = lines(events=(oom_event(unit="a.service", timestamp=None),))
    assert [line for line in found if "[oom.recent_kill]" in line and line.startswith("  warning: a.service: ")]


def test_what_could_not_be_read_is_told_once() -> None:
    found = lines(
        unread=(Unread("kernel log", "not permitted"), Unread("services", "this host was not booted with systemd"))
    )
    assert [line for line in found if "kernel log: not permitted" in line] == [
        "  info: audit: some of the host could not be read [audit.incomplete]: kernel log: not permitted"
    ]
    assert found[-1] == "  not read: services: this host was not booted with systemd"


@pytest.mark.parametrize(
    ("processes", "line"),
    [
        ((), "no process here can be killed"),
        ((process(oom_score_adj=-1000),), "no process here can be killed"),
        (
            tuple(process(pid, unit=f"u{pid}.service", rss_kib=pid * 10_240) for pid in range(2, 7)),
            "u6.service (60 MiB, score 0), u5.service (50 MiB, score 0), u4.service (40 MiB, score 0)",
        ),
        ((process(unit=None, comm="dropbear", oom_score_adj=-17),), "dropbear (97 MiB, score -17)"),
    ],
    ids=["nobody", "everybody is protected", "the first three", "outside of any unit"],
)
def test_the_first_victims_are_told(processes: tuple[Any, ...], line: str) -> None:
    assert [found for found in lines(processes=processes) if found.endswith(line)]


@pytest.mark.parametrize(
    ("runtime", "line"),
    [
        ({"vm.panic_on_oom": "1"}, "killed in order: nobody; then the kernel panics"),
        (
            {"vm.overcommit_memory": "2"},
            "killed in order: nobody; then it is refused more memory at the commit limit",
        ),
    ],
    ids=["panic", "refused"],
)
def test_what_happens_in_place_of_a_kill_is_told(runtime: dict[str, str], line: str) -> None:
    assert lines(sysctls=sysctls(runtime=runtime))[-1].endswith(line)


def test_a_host_that_was_not_audited_says_why() -> None:
    assert summarise(down(error="timed\nout")) == [
        "web:",
        "  not audited: timed\\nout",
    ]


@pytest.mark.parametrize(
    "text", ["\x1b[2J", "a\nb", "\u202etxt", "\x9b31m", "\ud800", "\udcff", "\x00" * 1000], ids=ascii
)
def test_a_hostile_device_stays_on_its_line(text: str) -> None:
    found = lines(
        processes=(process(comm=text, unit=None),),
        events=(oom_event(unit=None, victims=(Victim(5, comm=text),)),),
        unread=(Unread(text, text),),
    )
    found += summarise(down(text, text, reachable=True))
    assert all(line.isprintable() and len(line) <= 302 for line in found)
