# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from unit.fake_host import Answer, FakeHost

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Finished
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, Missing
from ansible_collections.lifeboat.oom.plugins.module_utils._health.kernel_log import read_kernel_log, read_log

JOURNAL = "journalctl --all --quiet --no-pager --output=short-iso --lines=500 _TRANSPORT=kernel"
NO_JOURNAL = Missing("cannot run journalctl: No such file or directory", "journalctl")
KILLED = (
    "Out of memory: Killed process 4242 (leak) total-vm:900000kB, anon-rss:800000kB, file-rss:0kB, shmem-rss:0kB, "
    "UID:1000 pgtables:1700kB oom_score_adj:0"
)


def host_with(tmp_path: Path, journal: Answer, dmesg: Answer | None = None) -> FakeHost:
    return FakeHost(tmp_path, {JOURNAL: journal, **({} if dmesg is None else {"dmesg": dmesg})})


@pytest.mark.parametrize(
    ("journal", "dmesg", "expected"),
    [
        ("from the journal\n", "from the ring\n", "from the journal\n"),
        ("", "from the ring\n", "from the ring\n"),
        ("\n", "from the ring\n", "from the ring\n"),
        (NO_JOURNAL, "from the ring\n", "from the ring\n"),
        (Finished((), 1, "", "No journal files were found.\n"), "from the ring\n", "from the ring\n"),
        (NO_JOURNAL, "", ""),
    ],
    ids=["journal", "no kernel messages", "blank", "no systemd", "no journal files", "nothing logged"],
)
def test_the_log_is_read_where_the_host_keeps_it(tmp_path: Path, journal: Answer, dmesg: Answer, expected: str) -> None:
    assert read_kernel_log(host_with(tmp_path, journal, dmesg), 500) == expected


@pytest.mark.parametrize(
    ("journal", "said"),
    [
        (NO_JOURNAL, "cannot run journalctl: No such file"),
        ("", "the journal has no kernel messages"),
        (Finished((), 1, "", "Permission denied"), "journalctl --all --quiet ended with 1: Permission denied"),
    ],
    ids=["no systemd", "empty", "not allowed"],
)
def test_where_no_log_can_be_read_every_attempt_is_told(tmp_path: Path, journal: Answer, said: str) -> None:
    refused = Finished(("dmesg",), 1, "", "dmesg: read kernel buffer failed: Operation not permitted\n")
    with pytest.raises(HostError, match=f"^no kernel log: {said}.*; dmesg ended with 1: dmesg: read kernel buffer"):
        read_kernel_log(host_with(tmp_path, journal, refused), 500)


def test_no_more_lines_than_asked_for_come_from_either(tmp_path: Path) -> None:
    ring = "".join(f"[{number}.0] line\n" for number in range(600))
    host = host_with(tmp_path, NO_JOURNAL, ring)
    assert read_kernel_log(host, 500).splitlines() == ring.splitlines()[-500:]


def test_events_come_without_their_tables(tmp_path: Path) -> None:
    table = "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name\n"
    row = "[   4242]  1000  4242   225000   200000  1740800        0             0 leak\n"
    log = "".join(
        f"2026-05-04T03:02:01+0000 device kernel: {line}\n"
        for line in ("leak invoked oom-killer: gfp_mask=0xcc0, order=0, oom_score_adj=0", table[:-1], row[:-1], KILLED)
    )
    (event,) = read_log(host_with(tmp_path, log), 500, None, None).events
    assert event["victims"][0]["pid"] == 4242
    assert event["tasks"] == []


@pytest.mark.parametrize("mark", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\udcff", ") ", "\\n"], ids=ascii)
def test_a_name_can_not_hide_its_event(tmp_path: Path, mark: str) -> None:
    """A process may call itself anything; only a newline ends a line of the log."""
    log = f"[  100.000000] {KILLED.replace('leak', mark.join('abcdef'))}\n"
    (event,) = read_log(host_with(tmp_path, NO_JOURNAL, log), 500, None, None).events
    assert (event["kind"], [victim["pid"] for victim in event["victims"]]) == ("kill", [4242])


@pytest.mark.parametrize("mark", ["\x0b", "\x1c", "\x85", "\u2028"], ids=ascii)
def test_the_name_of_a_cgroup_can_not_forge_an_event(tmp_path: Path, mark: str) -> None:
    """Whoever is delegated a cgroup names its children, with up to 255 bytes and anything but a newline or a slash."""
    forged = mark + KILLED.replace("4242 (leak)", "1 (systemd)")
    path = f"/user.slice/user-1000.slice/user@1000.service/{forged}"
    summary = f"oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),task_memcg={path},task=leak,pid=4242,uid=1000"
    log = f"[  100.000000] {summary}\n[  100.000001] {KILLED}\n"
    events = read_log(host_with(tmp_path, NO_JOURNAL, log), 500, None, None).events
    victims = [victim["pid"] for event in events for victim in event["victims"]]
    assert victims == [4242]


@pytest.mark.parametrize("log", ["", "nothing of interest\n", "\udcff\x00\n"], ids=["empty", "none", "other bytes"])
def test_a_log_without_events_has_none(tmp_path: Path, log: str) -> None:
    assert read_log(host_with(tmp_path, NO_JOURNAL, log), 500, None, None).events == ()
