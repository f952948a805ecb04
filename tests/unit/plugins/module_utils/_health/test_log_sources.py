# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest
from unit.fake_host import Answer, FakeHost

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door, Finished
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, InvalidPolicy, Missing, ReadOnly
from ansible_collections.lifeboat.oom.plugins.module_utils._health.log_sources import (
    THIS_BOOT_ARGV,
    WORDS,
    argvs,
    files,
    journal_argv,
    read_files,
    read_journal,
    read_logread,
    read_ring,
)

JOURNAL = " ".join(journal_argv(500, None))
THIS_BOOT = " ".join(THIS_BOOT_ARGV)
STARTED = "2026-05-04T03:02:01+0000 a kernel: Linux version 6.1.0 (x@y) (gcc) #1 SMP"
BETWEEN = "-- Boot 3e5594c3f6a14777983d78438b7c1203 --"
LINK = "2026-05-04T03:02:01+0000 a kernel: eth0: link is up"
OOM = "2026-05-04T03:02:01+0000 a kernel: Out of memory: Killed process 7 (a) total-vm:8kB"
REFUSED = Finished((), 1, "", "dmesg: read kernel buffer failed: Operation not permitted\n")


def lines(*words: str) -> str:
    return "".join(word + "\n" for word in words)


def tail(path: str, number: int = 500) -> str:
    return f"tail -c {max(number * 160, 65536)} {path}"


@pytest.mark.parametrize(
    ("said", "former", "newest"),
    [
        (lines(STARTED, LINK), [], [STARTED, LINK]),
        (lines(LINK, BETWEEN, LINK), [LINK], [BETWEEN, LINK]),
        (lines(LINK, "-- Reboot --", LINK), [LINK], ["-- Reboot --", LINK]),
        (lines(LINK, BETWEEN, STARTED, LINK), [LINK, BETWEEN], [STARTED, LINK]),
        (lines("-- Logs begin at Sun 2026-05-03 01:02:03 UTC, end at now. --", LINK), [], [LINK]),
        (lines(LINK, LINK.replace("eth0: link", "Linux version 6[12]: segfault")), [],
         [LINK, LINK.replace("eth0: link", "Linux version 6[12]: segfault")]),
    ],
    ids=["one boot", "two", "two in the words of old", "two, whole", "remark", "a process named like a boot"],
)  # fmt: skip
def test_the_journal_is_cut_where_the_last_boot_begins(
    tmp_path: Path, said: str, former: list[str], newest: list[str]
) -> None:
    found = read_journal(FakeHost(tmp_path, {JOURNAL: said}), 500, None)
    assert (found.source, list(found.former), list(found.newest)) == ("journal", former, newest)


@pytest.mark.parametrize(
    ("said", "this_boot", "since", "current"),
    [
        (lines(OOM), "a message\n", None, True),
        (lines(OOM), "\n", None, False),
        (lines(OOM), Finished((), 1, "", "No such boot ID"), None, False),
        (lines(LINK), "a message\n", None, False),
        (lines(LINK), "a message\n", "-1h", True),
        ("-- No entries --\n", "a message\n", "-1h", True),
    ],
    ids=["this boot", "another boot", "no such boot", "nothing to tell", "some of this boot", "none of this boot"],
)
def test_the_journal_itself_says_whether_its_last_boot_is_this_one(
    tmp_path: Path, said: str, this_boot: Answer, since: str | None, current: bool
) -> None:
    host = FakeHost(tmp_path, {"journalctl": said, THIS_BOOT: this_boot})
    assert read_journal(host, 500, since).current is current
    asked = 1 if OOM in said or since else 0
    assert host.asked.count(THIS_BOOT) == asked


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        (Missing("cannot run journalctl: No such file", "journalctl"), Missing, "cannot run journalctl"),
        (Finished((), 1, "", "No journal files were found.\n"), HostError, "ended with 1: No journal files were found"),
        (Finished((), 0, "", "Hint: You are not seeing messages"), HostError, "ended with 0: Hint: You are not seeing"),
        ("-- No entries --\n", Missing, "the journal has no kernel messages"),
        ("", Missing, "the journal has no kernel messages"),
        (Finished((), 1, "", "Failed to parse timestamp: soon"), InvalidPolicy, "log_since: found 'soon', which jour"),
    ],
    ids=["no systemd", "no files", "not allowed", "no entries", "nothing", "no time"],
)
def test_a_journal_that_tells_nothing_says_why(
    tmp_path: Path, said: Answer, error: type[Exception], words: str
) -> None:
    since = "soon" if error is InvalidPolicy else None
    with pytest.raises(error, match=words):
        read_journal(FakeHost(tmp_path, {"journalctl": said}), 500, since)


def test_the_time_goes_to_the_journal_as_it_is() -> None:
    assert "--since=-2 days; reboot" in journal_argv(500, "-2 days; reboot")
    assert not any(word.startswith("--since") for word in journal_argv(500, None))


SYSLOG = "May  4 03:02:01 a kernel: [    5.000000] eth{}: link is up"
PROGRAM = "May  4 03:02:01 a sshd[7]: Out of memory: Killed process 7 (a)"


def test_the_newest_file_of_the_best_family_is_read_and_older_ones_until_there_is_enough(tmp_path: Path) -> None:
    newest, older, oldest = (lines(*(SYSLOG.format(f"{name}{n}") for n in range(200))) for name in "cba")
    host = FakeHost(
        tmp_path,
        {
            tail("/var/log/kern.log"): newest,
            tail("/var/log/kern.log.1"): older,
            'sh -c zcat "$1" | tail -c "$2" sh /var/log/kern.log.2.gz 80000': oldest,
        },
    )
    for path in ("kern.log", "kern.log.1", "kern.log.2.gz", "kern.log.3.gz", "syslog", "messages"):
        host.has("/var/log/" + path)
    found = read_files(host, 500)
    assert (found.source, found.former, found.current) == ("/var/log/kern.log", (), None)
    assert list(found.newest) == (oldest + older + newest).splitlines()[-500:]
    assert len(host.asked) == 3


@pytest.mark.parametrize("there", ["/var/log/syslog", "/var/log/messages"])
def test_what_programs_wrote_is_left_out_and_a_file_without_the_kernel_passed_over(tmp_path: Path, there: str) -> None:
    kernel = SYSLOG.format(0)
    commands: dict[str, Answer] = {tail("/var/log/kern.log"): "", tail(there): lines(PROGRAM, kernel, PROGRAM)}
    host = FakeHost(tmp_path, commands)
    host.has("/var/log/kern.log")
    host.has(there)
    found = read_files(host, 500)
    assert (found.source, found.newest) == (there, (kernel,))


def test_a_file_is_cut_where_the_last_boot_begins(tmp_path: Path) -> None:
    boot = "May  4 03:02:01 a kernel: [    0.000000] Linux version 6.1.0 (x@y) (gcc) #1"
    said = [SYSLOG.format(0), boot, SYSLOG.format(1), boot, SYSLOG.format(2)]
    host = FakeHost(tmp_path, {tail("/var/log/messages"): lines(*said)})
    host.has("/var/log/messages")
    found = read_files(host, 500)
    assert (list(found.former), list(found.newest)) == (said[:3], said[3:])
    assert found.lines == 5


def test_files_that_are_not_there_or_can_not_be_read_are_told(tmp_path: Path) -> None:
    host = FakeHost(tmp_path, {tail("/var/log/syslog"): Finished((), 1, "", "tail: Permission denied")})
    with pytest.raises(Missing, match=r"no file with kernel messages: /var/log/kern\.log, "):
        read_files(host, 500)
    host.has("/var/log/syslog")
    with pytest.raises(HostError, match="tail -c 80000 ended with 1: tail: Permission denied"):
        read_files(host, 500)


def test_what_is_no_file_is_not_given_to_tail(tmp_path: Path) -> None:
    """It would wait for whoever writes into a pipe."""
    host = FakeHost(tmp_path, {tail("/var/log/messages"): SYSLOG.format(0)})
    os.mkfifo(host.has_folder("/var/log") / "kern.log")
    host.has_folder("/var/log/syslog")
    with pytest.raises(HostError, match=r"^cannot read /var/log/kern.log, /var/log/syslog: found no file there"):
        read_files(host, 500)
    host.has("/var/log/messages")
    assert read_files(host, 500).source == "/var/log/messages"


def test_the_ring_is_of_this_boot_and_no_longer_than_asked_for(tmp_path: Path) -> None:
    ring = [f"[{number}.0] line" for number in range(600)]
    found = read_ring(FakeHost(tmp_path, {"dmesg": lines(*ring)}), 500)
    assert (found.source, list(found.newest), found.current) == ("dmesg", ring[-500:], True)


@pytest.mark.parametrize("number", [0, 1])
def test_few_lines_are_few(tmp_path: Path, number: int) -> None:
    host = FakeHost(tmp_path, {"dmesg": "[1.0] a\n[2.0] b\n", tail("/var/log/messages", number): SYSLOG.format(0)})
    host.has("/var/log/messages")
    assert read_ring(host, number).newest == ("[2.0] b",)[:number]
    if number:
        assert read_files(host, number).lines == 1


def test_without_dmesg_the_records_are_read(tmp_path: Path) -> None:
    host = FakeHost(tmp_path, {"dmesg": REFUSED})
    host.has("/dev/kmsg", "6,1,1,-;a\n6,2,2,-;b\n KEY=value\n")
    found = read_ring(host, 500)
    assert (found.source, found.newest) == ("/dev/kmsg", ("6,1,1,-;a", "6,2,2,-;b", " KEY=value"))


@pytest.mark.parametrize(
    ("answers", "error", "words"),
    [
        ({}, Missing, "^cannot run dmesg[^;]*$"),
        ({"dmesg": REFUSED}, HostError, "^dmesg ended with 1: dmesg: read kernel buffer failed: [^;]*$"),
        (
            {"dmesg": Finished((), 0, "", "dmesg: Operation not permitted")},
            HostError,
            "dmesg ended with 0: dmesg: Oper",
        ),
    ],
    ids=["neither is there", "not allowed", "not allowed, at the end of a pipe"],
)
def test_a_ring_that_can_not_be_read_says_why(
    tmp_path: Path, answers: dict[str, Answer], error: type[HostError], words: str
) -> None:
    with pytest.raises(HostError, match=words) as caught:
        read_ring(FakeHost(tmp_path, answers), 500)
    assert caught.type is error


def test_records_that_may_not_be_read_either_say_why_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> str:
        raise ReadOnly("cannot read /dev/kmsg: Operation not permitted", "/dev/kmsg")

    host = FakeHost(tmp_path, {"dmesg": REFUSED})
    monkeypatch.setattr(host, "kernel_messages", refuse)
    with pytest.raises(HostError, match=r"^dmesg ended with 1: .*; cannot read /dev/kmsg: Operation not permitted$"):
        read_ring(host, 500)


def test_only_python_can_read_records() -> None:
    with pytest.raises(Missing, match="/dev/kmsg"):
        Door().kernel_messages()


def test_a_daemons_buffer_gives_the_kernels_lines(tmp_path: Path) -> None:
    kernel = "Mon May  4 03:02:01 2026 kern.err kernel: [    5.000000] eth0: link is up"
    program = "Mon May  4 03:02:01 2026 daemon.info dnsmasq[7]: Out of memory: Killed process 7 (a)"
    found = read_logread(FakeHost(tmp_path, {"logread": lines(program, kernel, program)}), 500)
    assert (found.source, found.newest, found.current) == ("logread", (kernel,), True)


def test_a_script_can_ask_all_of_it_beforehand() -> None:
    """Every question has its own first words, for an answer is found by them."""
    asked = [*argvs(500, "-1h"), *(argv for _path, argv in files(500))]
    assert len({" ".join(argv) for argv in asked}) == len(asked)
    assert ("/var/log/messages.0", ("tail", "-c", "80000", "/var/log/messages.0")) in files(500)
    assert not any(path.endswith(".gz") for path, _argv in files(500))
    assert all(word in WORDS for word in ("oom", "killed process"))
