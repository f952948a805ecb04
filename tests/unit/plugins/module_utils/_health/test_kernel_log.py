# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pytest
from unit.fake_host import Answer, FakeHost

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Finished
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, InvalidPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import LogRead, read_log
from ansible_collections.lifeboat.oom.plugins.module_utils._health.log_sources import (
    THIS_BOOT_ARGV,
    journal_argv,
    units_argv,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._oom_log.refused_commits import RefusedCommit

JOURNAL = " ".join(journal_argv(500, None))
THIS_BOOT = " ".join(THIS_BOOT_ARGV)
UNITS = " ".join(units_argv(500, None))
MESSAGES = "tail -c 80000 /var/log/messages"
BETWEEN = "-- Boot 3e5594c3f6a14777983d78438b7c1203 --"
REFUSED = Finished((), 1, "", "dmesg: read kernel buffer failed: Operation not permitted\n")
KILLED = (
    "Out of memory: Killed process {} (leak) total-vm:900000kB, anon-rss:800000kB, file-rss:0kB, shmem-rss:0kB, "
    "UID:1000 pgtables:1700kB oom_score_adj:0"
)


def lines(*words: str) -> str:
    return "".join(word + "\n" for word in words)


def in_journal(pid: int, second: int = 1) -> str:
    return f"2026-05-04T03:02:{second:02}+0000 a kernel: {KILLED.format(pid)}"


def in_file(pid: int, uptime: float, stamp: str = "May  4 03:02:01") -> str:
    return f"{stamp} a kernel: [{uptime:12.6f}] {KILLED.format(pid)}"


def in_ring(pid: int, uptime: float) -> str:
    return f"[{uptime:12.6f}] {KILLED.format(pid)}"


def look(
    tmp_path: Path,
    oom_kills: int | None,
    journal: str | None = None,
    ring: Answer = REFUSED,
    this_boot: bool = True,
    since: str | None = None,
    more: Mapping[str, Answer] | None = None,
) -> tuple[LogRead, FakeHost]:
    """Read the log of a host that was booted on 4 May 2026, 03:00:00, an hour ago. MESSAGES gives it a file."""
    commands: dict[str, Answer] = {"dmesg": ring}
    if journal is not None:
        commands.update({"journalctl": journal, THIS_BOOT: "usb\n" if this_boot else "\n", UNITS: ""})
    host = FakeHost(tmp_path, {**commands, **(more or {})})
    host.has("/proc/stat", "cpu  1 2 3\nbtime 1777863600\nprocesses 7\n")
    host.has("/proc/uptime", "3600.50 3000.00\n")
    if MESSAGES in (more or {}):
        host.has("/var/log/messages")
    return read_log(host, 500, since, oom_kills), host


@pytest.mark.parametrize(
    ("stat", "uptime"),
    [("btime \n", "3600.50 3000.00\n"), ("btime 5\n", "\n"), ("btime " + "9" * 15, "1 1"), ("", "9" * 5000)],
    ids=["no time", "no uptime", "after the calendar", "no start"],
)
def test_a_host_that_does_not_know_when_it_was_booted_has_a_log(tmp_path: Path, stat: str, uptime: str) -> None:
    host = FakeHost(tmp_path, {"dmesg": REFUSED, MESSAGES: in_file(1, 100)})
    for path, text in (("/proc/stat", stat), ("/proc/uptime", uptime), ("/var/log/messages", "")):
        host.has(path, text)
    assert pids(read_log(host, 500, None, 1)) == [1]


def pids(read: LogRead) -> list[int]:
    return [victim.pid for event in read.events for victim in event.victims]


def test_a_journal_that_tells_of_all_kills_is_enough(tmp_path: Path) -> None:
    read, host = look(tmp_path, 1, lines(in_journal(1), BETWEEN, in_journal(2)), "must not be read")
    assert (pids(read), read.log.source, read.log.lines) == ([1, 2], "journal", 3)
    assert (read.log.kills_counted, read.log.kills_logged, read.log.incomplete) == (1, 1, False)
    assert host.asked == [JOURNAL, THIS_BOOT, UNITS]


def test_where_nothing_was_killed_one_question_is_enough(tmp_path: Path) -> None:
    read, host = look(tmp_path, 0, lines("2026-05-04T03:02:01+0000 a kernel: usb", BETWEEN, "usb"))
    assert (read.events, read.log.incomplete, host.asked) == ((), False, [JOURNAL])


@pytest.mark.parametrize(
    ("oom_kills", "journal", "this_boot", "ring", "expected", "source", "incomplete"),
    [
        (2, [in_journal(1)], True, [in_ring(1, 100), in_ring(2, 200)], [1, 2], "journal, dmesg", False),
        (2, [in_journal(1)], True, [in_ring(2, 200)], [1, 2], "journal, dmesg", False),
        (3, [in_journal(1)], True, [in_ring(2, 200)], [1, 2], "journal, dmesg", True),
        (1, [in_journal(1)], False, [in_ring(1, 100)], [1, 1], "journal, dmesg", False),
        (1, [in_journal(1)], False, ["[ 100.0] usb"], [1], "journal, dmesg", True),
        (0, [in_journal(1)], False, [in_ring(2, 200)], [1], "journal", False),
        (1, [in_journal(1), BETWEEN, "usb"], True, [in_ring(2, 200)], [1, 2], "journal, dmesg", False),
        (None, [in_journal(1)], True, [in_ring(1, 100), in_ring(2, 200)], [1, 2], "journal, dmesg", None),
        (1, [in_journal(1), in_journal(2)], True, [in_ring(3, 300)], [1, 2], "journal", False),
    ],
    ids=[
        "the journal has lost its end", "the ring its start", "both", "the journal is of another boot",
        "and the ring was cleared", "none since", "only an earlier boot", "not counted", "more than were counted",
    ],
)  # fmt: skip
def test_the_ring_is_asked_where_the_journal_tells_of_fewer_than_were_counted(
    tmp_path: Path,
    oom_kills: int | None,
    journal: list[str],
    this_boot: bool,
    ring: list[str],
    expected: list[int],
    source: str,
    incomplete: bool | None,
) -> None:
    read, _host = look(tmp_path, oom_kills, lines(*journal), lines(*ring), this_boot)
    assert (pids(read), read.log.source, read.log.incomplete) == (expected, source, incomplete)


def test_a_ring_that_may_not_be_read_leaves_the_log_incomplete_and_is_told(tmp_path: Path) -> None:
    read, _host = look(tmp_path, 2, lines(in_journal(1)))
    assert (pids(read), read.log.incomplete) == ([1], True)
    (why,) = read.log.unread
    assert why.startswith("dmesg ended with 1: dmesg: read kernel buffer failed: Operation not permitted")


def test_a_daemons_buffer_outlives_a_cleared_ring(tmp_path: Path) -> None:
    logread = lines(f"Mon May  4 03:02:01 2026 kern.err kernel: [  100.000000] {KILLED.format(1)}")
    read, _host = look(tmp_path, 1, None, "", more={"logread": logread})
    assert (pids(read), read.log.source, read.log.incomplete) == ([1], "dmesg, logread", False)
    read, host = look(tmp_path, 1, None, lines(in_ring(1, 100)), more={"logread": logread})
    assert (pids(read), read.log.source) == ([1], "dmesg")
    assert "logread" not in host.asked


@pytest.mark.parametrize(
    ("file", "ring", "expected", "logged"),
    [
        ([in_file(1, 50)], [in_ring(1, 50), in_ring(2, 90)], [1, 2], 2),
        ([in_file(1, 50)], [in_ring(2, 90)], [1, 2], 2),
        ([in_file(1, 50, "Jan  1 00:00:50")], [in_ring(1, 50), in_ring(2, 90)], [1, 2], 2),
        ([in_file(1, 50, "Jan  1 00:00:50")], [in_ring(2, 90)], [1, 2], 1),
        ([in_file(1, 50, "Apr  4 03:02:01")], [in_ring(1, 50.5)], [1, 1], 1),
        ([in_file(1, 50), "May  4 03:00:00 a kernel: [ 0.000000] Linux version 6.1"], [in_ring(1, 50)], [1, 1], 1),
        ([in_file(1, 50)], [], [1], 1),
    ],
    ids=[
        "the file has lost its end", "the ring its start", "the clock was wrong then", "and the ring has lost it",
        "an old file", "a boot that is over", "a cleared ring",
    ],
)  # fmt: skip
def test_a_file_and_the_ring_make_one_history(
    tmp_path: Path, file: list[str], ring: list[str], expected: list[int], logged: int
) -> None:
    read, _host = look(tmp_path, 2, None, lines(*ring), more={MESSAGES: lines(*file)})
    assert (pids(read), read.log.kills_logged) == (expected, logged)
    assert (read.log.source, read.log.incomplete) == ("/var/log/messages, dmesg", logged < 2)


def test_a_file_alone_is_not_believed_to_be_of_this_boot(tmp_path: Path) -> None:
    """It may have ended with the boot before, and on the same day."""
    read, _host = look(tmp_path, 1, None, lines(in_ring(2, 90)), more={MESSAGES: lines(in_file(1, 50))})
    assert pids(read) == [1, 2]
    read, host = look(tmp_path, 0, None, lines(in_ring(2, 90)), more={MESSAGES: lines(in_file(1, 50))})
    assert pids(read) == [1]
    assert "dmesg" not in host.asked


def test_files_add_what_was_before_a_journal_that_does_not_outlive_a_reboot(tmp_path: Path) -> None:
    file = lines(
        in_file(1, 50, "May  3 01:02:03"),
        "May  4 03:00:00 a kernel: [    0.000000] Linux version 6.1.0 (x@y) (gcc) #1",
        in_file(2, 121),
    )
    read, _host = look(
        tmp_path, 2, lines(in_journal(2), in_journal(3, 9)), lines(in_ring(3, 129)), more={MESSAGES: file}
    )
    assert (pids(read), read.log.kills_logged) == ([1, 2, 3], 2)
    assert [event.timestamp for event in read.events][1] == "2026-05-04T03:02:01+00:00"
    read, host = look(tmp_path, 1, lines(in_journal(2), BETWEEN, in_journal(3)), more={MESSAGES: file})
    assert pids(read) == [2, 3]
    assert MESSAGES not in host.asked


def test_a_group_is_as_many_kills_as_the_kernel_counts(tmp_path: Path) -> None:
    """Its first process is printed, and counted, twice."""
    first, second = (KILLED.replace("Out of", "Memory cgroup out of").format(pid) for pid in (1, 2))
    group = "Tasks in /a.service are going to be killed due to memory.oom.group set"
    ring = lines(*(f"[  100.00000{n}] {line}" for n, line in enumerate((first, group, first, second))))
    read, _host = look(tmp_path, 3, None, ring)
    assert (pids(read), read.log.kills_logged, read.log.incomplete) == ([1, 2], 3, False)


def test_since_a_time_the_journal_alone_answers(tmp_path: Path) -> None:
    """And how many kills there were before it, nobody can tell."""
    read, host = look(tmp_path, 2, lines(in_journal(2)), lines(in_ring(1, 100)), since="-1h", more={MESSAGES: "unread"})
    assert (pids(read), read.log.source, read.log.incomplete) == ([2], "journal", None)
    assert not any(asked.startswith(("dmesg", "tail")) for asked in host.asked)
    assert host.asked[0].count("--since=-1h") == 1
    assert look(tmp_path, 1, lines(in_journal(2)), since="-1h")[0].log.incomplete is False
    assert look(tmp_path, 1, "-- No entries --\n", since="-1h")[0].events == ()


def test_since_a_time_other_logs_leave_out_what_was_surely_before(tmp_path: Path) -> None:
    file = lines(
        in_file(1, 50, "2026-05-04T03:00:50.000000+00:00"),
        in_file(2, 121, "2026-05-04T03:02:01.000000+00:00"),
        in_file(3, 122, "May  4 03:02:02"),
    )
    read, _host = look(tmp_path, 4, None, lines(in_ring(4, 900)), since="2026-05-04 03:01:00", more={MESSAGES: file})
    assert (pids(read), read.log.kills_logged, read.log.incomplete) == ([2, 3, 4], 4, False)
    read, _host = look(tmp_path, 4, None, lines(in_ring(4, 900)), since="-1h", more={MESSAGES: file})
    assert pids(read) == [1, 2, 3, 4]


def test_what_is_no_time_is_refused(tmp_path: Path) -> None:
    host = FakeHost(tmp_path, {"journalctl": Finished((), 1, "", "Failed to parse timestamp: soon"), "dmesg": ""})
    with pytest.raises(InvalidPolicy, match="found 'soon'"):
        read_log(host, 500, "soon", 0)


@pytest.mark.parametrize(
    ("journal", "said"),
    [
        (None, "cannot run journalctl"),
        ("", "the journal has no kernel messages"),
        (Finished((), 1, "", "Permission denied"), "journalctl --all --no-pager ended with 1: Permission denied"),
    ],
    ids=["no systemd", "empty", "not allowed"],
)
def test_where_no_log_can_be_read_every_attempt_is_told(tmp_path: Path, journal: Answer | None, said: str) -> None:
    host = FakeHost(tmp_path, {"dmesg": REFUSED} if journal is None else {"dmesg": REFUSED, "journalctl": journal})
    expected = f"no kernel log: {said}.*; no file with kernel messages: .*; dmesg ended with 1: .*; cannot run logread"
    with pytest.raises(HostError, match="^" + expected):
        read_log(host, 500, None, 0)


def test_a_unit_that_the_kernel_does_not_name_is_named_by_systemd(tmp_path: Path) -> None:
    words = "a.service: A process of this unit has been killed by the OOM killer."
    more: dict[str, Answer] = {UNITS: lines(f"2026-05-04T03:02:02+0000 a systemd[1]: {words}")}
    read, _host = look(tmp_path, 2, lines(in_journal(1), in_journal(2, 30)), more=more)
    assert [(event.unit, event.unit_told_by) for event in read.events] == [("a.service", "systemd"), (None, None)]


def test_events_come_without_their_tables(tmp_path: Path) -> None:
    table = "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name"
    row = "[   4242]  1000  4242   225000   200000  1740800        0             0 leak"
    header = "leak invoked oom-killer: gfp_mask=0xcc0, order=0, oom_score_adj=0"
    said = (f"2026-05-04T03:02:01+0000 a kernel: {line}" for line in (header, table, row, KILLED.format(4242)))
    read, _host = look(tmp_path, 1, lines(*said))
    assert [(event.victims[0].pid, event.complete) for event in read.events] == [(4242, True)]
    assert "tasks" not in asdict(read.events[0])


@pytest.mark.parametrize("mark", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\udcff", ") ", "\\n"], ids=ascii)
def test_a_name_can_not_hide_its_event(tmp_path: Path, mark: str) -> None:
    """A process may call itself anything; only a newline ends a line of the log."""
    log = lines(f"[  100.000000] {KILLED.replace('leak', mark.join('abcdef')).format(4242)}")
    read, _host = look(tmp_path, 1, None, log)
    assert [(event.kind, event.victims[0].pid) for event in read.events] == [("kill", 4242)]


@pytest.mark.parametrize("mark", ["\x0b", "\x1c", "\x85", "\u2028"], ids=ascii)
def test_the_name_of_a_cgroup_can_not_forge_an_event(tmp_path: Path, mark: str) -> None:
    """Whoever is delegated a cgroup names its children, with up to 255 bytes and anything but a newline or a slash."""
    forged = mark + KILLED.format(1).replace("leak", "systemd")
    path = f"/user.slice/user-1000.slice/user@1000.service/{forged}"
    summary = f"oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),task_memcg={path},task=leak,pid=4242,uid=1000"
    read, _host = look(tmp_path, 1, None, lines(f"[  100.000000] {summary}", in_ring(4242, 100.000001)))
    assert pids(read) == [4242]


def test_a_name_can_not_make_a_boot_of_it(tmp_path: Path) -> None:
    """The kernel reports faults of processes under the names that they gave themselves."""
    said = re.sub("Out of.*", "Linux version 6[123]: segfault at 0 ip 0 sp 0 error 4 in a (deleted)", in_journal(1))
    read, _host = look(tmp_path, 1, lines(in_journal(1), said))
    assert (read.log.kills_logged, read.log.incomplete) == (1, False)


def test_words_that_are_not_known_are_kept(tmp_path: Path) -> None:
    strange = "[  100.000000] Out of memory: Terminated process 7"
    read, _host = look(tmp_path, 0, None, lines(strange))
    assert (read.log.unrecognised, read.events) == ((strange,), ())


def test_what_was_not_promised_is_told_of_the_last_boot_and_once(tmp_path: Path) -> None:
    """The ring has the same lines as the journal."""
    words = "__vm_enough_memory: pid: 7, comm: {}, bytes: 8192 not enough memory for the allocation"
    journal = [f"2026-05-04T03:02:0{n}+0000 a kernel: {words.format(comm)}" for n, comm in ((1, "old"), (2, "new"))]
    ring = f"[  100.000000] {words.format('new')}\n"
    read, _host = look(tmp_path, 1, lines(journal[0], BETWEEN, journal[1]), ring)
    assert read.log.source == "journal, dmesg"
    assert read.log.refused == (RefusedCommit("new", 1, 8192, "2026-05-04T03:02:02+00:00"),)


BANNER = "May  4 03:00:00 a kernel: [    0.000000] Linux version 6.1.0-21-arm64 (debian-kernel@lists.debian.org)"


@pytest.mark.parametrize(
    ("told", "unsure"),
    [([in_file(1, 100)], 1), ([BANNER, in_file(1, 100)], 0), ([in_file(1, 100), BANNER], 0)],
    ids=["may be of an earlier boot", "after the start of this one", "before it"],
)
def test_kills_in_a_file_are_of_this_boot_where_it_tells_its_start(
    tmp_path: Path, told: list[str], unsure: int
) -> None:
    read, _host = look(tmp_path, 0, None, more={MESSAGES: lines(*told)})
    assert (pids(read), read.log.kills_unsure) == ([1], unsure)
