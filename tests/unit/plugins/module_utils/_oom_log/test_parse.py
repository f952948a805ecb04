# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from unit.fixtures.oom_logs.envelopes import FORMS, formed
from unit.fixtures.oom_logs.reading import (
    HERE,
    INCIDENTS,
    LOGS,
    PAIRS,
    PLAIN,
    PREFIXES,
    expected_of,
    messages,
    name_of,
    said_by,
    shown,
    text_of,
)

from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log import parse as oom_log
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_kinds import LOUD
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.line_prefix import MAX_LINE_CHARS
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.parse import parse

# Prose, source code, stack traces, patterns, the status of pods, failures that are no kill.
NO_KILLS = (
    "I saw that firefox invoked oom-killer: what now?",
    "The OOM killer killed process 1234, which was mysqld.",
    "dmesg said: Out of memory: Killed process 1234 (mysqld)",
    "How do I stop oom-killer: from killing mysqld?",
    "My process was killed due to memory limits of the pod.",
    "Out of memory errors are no fun, are they?",
    "When memory is low, lowmemorykiller will act.",
    "grep 'oom-kill:constraint=' /var/log/kern.log",
    "$ journalctl -k | grep -i -E 'killed process|oom-kill'",
    "dmesg -T | egrep -i 'killed process'",
    "- pattern: 'Killed process \\\\d+ (.+) total-vm:\\\\d+kB, anon-rss:\\\\d+kB, file-rss:\\\\d+kB.*'",
    'pr_warning("%s invoked oom-killer: gfp_mask=0x%x, order=%d, oom_adj=%d\\n",',
    'pr_err("%s: Killed process %d (%s) total-vm:%lukB, anon-rss:%lukB, file-rss:%lukB\\n",',
    "static void oom_kill_process(struct oom_control *oc, const char *message)",
    'if "Killed process" in line:\n    return True',
    'assert parse("Out of memory: Killed process 1 (init) total-vm:8kB, anon-rss:4kB") == []',
    "const OOM = /Killed process (\\d+) \\((.*)\\)/;",
    "java.lang.OutOfMemoryError: Java heap space\n\tat java.util.Arrays.copyOf(Arrays.java:3332)",
    'Exception in thread "main" java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory',
    'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\nMemoryError',
    "fatal error: runtime: out of memory\nruntime stack:\nruntime.throw(0x4a4b4c, 0x16)",
    "terminate called after throwing an instance of 'std::bad_alloc'",
    "    Last State:     Terminated\n      Reason:       OOMKilled\n      Exit Code:    137",
    "NAME    READY   STATUS      RESTARTS   AGE\nweb-0   0/1     OOMKilled   3          5m",
    "Warning  Evicted  5m  kubelet  The node was low on resource: memory.",
    "java: page allocation failure: order:5, mode:0x40cc0(GFP_KERNEL)\nMem-Info:\nactive_anon:1 inactive_anon:2",
    "sysrq: Show Memory\nMem-Info:\nactive_anon:1 inactive_anon:2 isolated_anon:0",
    "vm.oom_kill_allocating_task = 0\nvm.panic_on_oom = 0",
    "oom_kill 12\noom_group_kill 0",
    "OOMPolicy=continue\nOOMScoreAdjust=-900",
    "CONFIG_PAGE_REPORTING=y\n# CONFIG_MEMCG is not set",
    "oom-kill:constraint=%s,nodemask=%*pbl",
    "mysqld: Out of memory (Needed 128917220 bytes)",
    "Killed process group 5 after a timeout",
    "+ kill -9 1234\nKilled",
)
KILL = "Out of memory: Killed process {} (c{}) total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB"


def killed(text: str) -> list[int]:
    return [victim.pid for event in parse(text).events for victim in event.victims]


@pytest.mark.parametrize("path", PAIRS, ids=name_of)
def test_a_log_gives_its_events(path: Path) -> None:
    expected = expected_of(path.with_name(path.name + ".json"))
    assert said_by(path.with_name(path.name + ".log")) == expected


@pytest.mark.parametrize("folder", INCIDENTS, ids=name_of)
def test_an_incident_is_the_same_event_however_it_is_read(folder: Path) -> None:
    expected = expected_of(folder / "event.json")
    logs = sorted(folder.glob("*.log"))
    assert set(expected["times"]) == {path.stem for path in logs}
    for path in logs:
        log = parse(text_of(path))
        assert len(log.events) == 1, path.name
        assert [line for line in log.unrecognised if "systemd[1]: " not in line] == [], path.name
        assert log.events[0].as_dict() == dict(expected["event"], **expected["times"][path.stem]), path.name


@pytest.mark.parametrize("path", [path for path in LOGS if "captured" in path.parts], ids=name_of)
def test_every_kill_line_of_a_capture_is_a_victim(path: Path) -> None:
    lines = set(re.findall(r"Killed process (\d+) \(", text_of(path)))
    assert {str(pid) for pid in killed(text_of(path))} == lines


@pytest.mark.parametrize("path", [path for path in LOGS if "captured" in path.parts], ids=name_of)
def test_every_kill_line_of_a_capture_is_counted(path: Path) -> None:
    events = parse(text_of(path)).events
    assert sum(event.kill_lines for event in events) == len(re.findall(r"Killed process \d", text_of(path)))


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("newest_first", [False, True], ids=["oldest first", "newest first"])
@pytest.mark.parametrize("style", PREFIXES)
def test_a_report_is_the_same_behind_every_prefix(style: str, newest_first: bool, name: str) -> None:
    lines = messages(name)
    plain = parse(lines).as_dict()
    prefixed = shown(style, lines)
    found = parse(reversed(prefixed) if newest_first else prefixed).as_dict()
    for log in (plain, found):
        for event in log["events"]:
            for what in ("timestamp", "uptime_seconds", "lost_lines"):
                event.pop(what)
    assert found == plain


@pytest.mark.parametrize("name", PLAIN)
def test_carriage_returns_change_nothing(name: str) -> None:
    lines = messages(name)
    assert parse("\r\n".join(lines)) == parse("\n".join(lines)) == parse(lines) == parse(line + "\n" for line in lines)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([f"[ 9{n}.000000] " + KILL.format(n, n) for n in (1, 2, 3)], [1, 2, 3]),
        ([f"[ 9{n}.000000] " + KILL.format(n, n) for n in (3, 2, 1)], [1, 2, 3]),
        ([f"6,{n},5,-;" + KILL.format(n, n) for n in (3, 2, 1)], [1, 2, 3]),
        ([f"Nov 2{n} 00:00:00 host kernel: [ 9{n % 2}.000000] " + KILL.format(n, n) for n in (1, 2, 3)], [1, 2, 3]),
        (["[ 9.000000] " + KILL.format(1, 1), "-- Boot 5e1f --", "[ 3.000000] " + KILL.format(2, 2)], [1, 2]),
        (["[ 9.000000] " + KILL.format(1, 1), "[ 0.000000] Linux version 6.1", "[ 3.0] " + KILL.format(2, 2)], [1, 2]),
        ([KILL.format(n, n) for n in (3, 1, 2)], [3, 1, 2]),
    ],
    ids=["uptime", "newest first", "sequence", "a calendar beats uptime", "boot in a journal", "boot", "no clock"],
)
def test_events_stand_oldest_first(lines: list[str], expected: list[int]) -> None:
    assert killed("\n".join(lines)) == expected


def test_a_log_that_is_turned_round_in_pieces_stays_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oom_log, "_LINES_TO_TURN", 3)
    reports = [
        [f"[ {n}.100000] x invoked oom-killer: gfp_mask=0x0, order=0", f"[ {n}.200000] " + KILL.format(n, n)]
        for n in range(100, 120)
    ]
    events = parse(reversed([line for report in reports for line in report])).events
    assert [event.uptime_seconds for event in events] == [n + 0.2 for n in range(100, 120)]
    assert all(event.invoker for event in events)


def test_the_newest_events_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oom_log, "MAX_EVENTS", 5)
    log = parse(f"[ {n}.000000] " + KILL.format(n, n) for n in range(100, 500))
    assert [event.victims[0].pid for event in log.events] == [495, 496, 497, 498, 499]
    assert log.omitted_events == 395


def test_lines_that_are_not_understood_are_kept_and_counted() -> None:
    strange = [f"[ {n}.000000] Out of memory: Terminated process {n}" for n in range(150)]
    log = parse(strange)
    assert log.unrecognised == tuple(strange[: oom_log.MAX_UNRECOGNISED])
    assert (log.unrecognised_total, log.events) == (150, ())


def test_machines_of_one_log_are_told_apart_even_when_there_are_many() -> None:
    hosts = [f"device{n}" for n in range(200)]
    lines = [f"Nov 23 02:01:29 {host} kernel: x invoked oom-killer: gfp_mask=0x0, order=0" for host in hosts[:60]]
    lines += [f"Nov 23 02:01:29 {host} kernel: " + KILL.format(n, n) for n, host in enumerate(hosts[:60])]
    lines += [f"Nov 23 02:01:30 {host} kernel: " + KILL.format(900 + n, n) for n, host in enumerate(hosts)]
    log = parse(lines)
    assert len(log.events) == 260
    assert sum(event.invoker is not None and len(event.victims) == 1 for event in log.events) == 60


def test_the_machine_that_was_silent_longest_is_given_up_first() -> None:
    header = "Nov 23 02:01:29 {} kernel: x invoked oom-killer: gfp_mask=0x0, order=0"
    lines = [header.format(f"device{n}") for n in range(64)] + ["Nov 23 02:01:29 device0 kernel: Mem-Info:"]
    lines += [f"Nov 23 02:01:29 {host} kernel: anon 1" for host in ("device0", "another")]
    lines += [f"Nov 23 02:01:29 device{n} kernel: " + KILL.format(n, n) for n in (0, 1)]
    invoked = {event.victims[0].pid: event.invoker is not None for event in parse(lines).events if event.victims}
    assert invoked == {0: True, 1: False}


@pytest.mark.parametrize("text", NO_KILLS)
@pytest.mark.parametrize("front", ["", "    ", "> ", "[ 9.1] systemd[1]: ", "Nov 23 02:01:29 h app[7]: "])
def test_who_only_speaks_of_kills_has_seen_none(front: str, text: str) -> None:
    log = parse("\n".join(front + line for line in text.split("\n")))
    assert log.events == ()
    assert bool(log.unrecognised) is (LOUD.search(text) is not None)


@pytest.mark.parametrize(
    "text",
    [
        "killed process",
        "KILLED PROCESS",
        "this oom-kill here",
        "x invoked oom-killer and so on",
        "lowmemorykiller: Killing 'x' (1)",
        "it was killed due to memory pressure",
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_nothing_that_speaks_of_a_kill_is_passed_over_in_silence(form: str, text: str) -> None:
    log = parse(formed(form, [text]))
    assert log.events == ()
    assert log.unrecognised_total == 1


@pytest.mark.parametrize("columns", [MAX_LINE_CHARS - 5, MAX_LINE_CHARS + 500, 10 * MAX_LINE_CHARS])
def test_nor_is_what_stands_far_to_the_right(columns: int) -> None:
    log = parse("[ 1.5] " + "x" * columns + " killed process 7")
    assert (log.events, log.unrecognised_total) == ((), 1)


def test_what_a_program_says_is_no_report_however_it_goes_on() -> None:
    lines = [
        "12,300,4000,-;Out of memory: Killed process 1 (init) total-vm:1kB, anon-rss:1kB",
        "java.lang",
        "2024-05-01",
    ]
    found = parse(lines)
    assert (found.events, len(found.unrecognised)) == ((), 1)


def test_the_same_report_twice_is_two_events() -> None:
    text = text_of(HERE / "captured/6.1-cgroup/dmesg.log")
    first, second = parse(text + text).events
    assert first == second


@pytest.mark.parametrize("nothing", ["", "\n\n", [], ["", "\r\n"]], ids=["text", "empty lines", "none", "line ends"])
def test_nothing_gives_nothing(nothing: Any) -> None:
    empty = {"events": [], "unrecognised": [], "unrecognised_total": 0, "omitted_events": 0, "refused": []}
    assert parse(nothing).as_dict() == empty


@pytest.mark.parametrize("path", LOGS, ids=name_of)
def test_events_are_plain_json(path: Path) -> None:
    plain = parse(text_of(path)).as_dict()
    assert json.loads(json.dumps(plain)) == plain
