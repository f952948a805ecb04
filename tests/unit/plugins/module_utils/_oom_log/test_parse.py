# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
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
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.parse import parse

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
