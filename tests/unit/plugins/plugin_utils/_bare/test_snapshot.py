# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Finished
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, LifeboatError, Missing, ReadOnly
from ansible_collections.lifeboat.oom.plugins.plugin_utils._bare.snapshot import NoAnswer, Snapshot

HEAD = "@lifeboat 1\n@shell 50\n@page 4096\n@arch armv7l\n"


def stat(pid: int, parent: int = 1, start: int = 5000) -> str:
    return f"/proc/{pid}/stat:{pid} (sh) S {parent} 1 1 0 -1 4194560 1 0 0 0 5 3 0 0 20 0 1 0 {start} 3133440 435"


def door(*lines: str, end: str = "@end\n") -> Snapshot:
    return Snapshot(HEAD + "".join(line + "\n" for line in lines) + end)


def test_it_says_what_machine_it_was() -> None:
    assert (door().collector, door().page_kib, door().arch) == ("bare", 4, "armv7l")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([" a", ""], "a\n"),
        ([" a"], "a"),
        ([""], ""),
        ([" ", ""], "\n"),
        ([" a", " ", " b", ""], "a\n\nb\n"),
        ([" @end", ""], "@end\n"),
        ([" a\r", ""], "a\r\n"),
    ],
    ids=["whole", "no line break at the end", "empty", "a blank line", "a blank line within", "a mark", "CR LF"],
)
def test_a_file_is_as_it_was(content: list[str], text: str) -> None:
    assert door("@file /a", *content).read("/a") == text


def test_a_terminal_in_between_changes_nothing() -> None:
    output = (HEAD + "@file /a\n b\r\n\n@end\n").replace("\n", "\r\n")
    assert Snapshot(output).read("/a") == "b\r\n"


def test_what_a_login_says_first_is_passed_over() -> None:
    assert Snapshot("Welcome!\n@all users: reboot at 5\n" + HEAD + "@end\n").arch == "armv7l"


@pytest.mark.parametrize(
    ("line", "path", "text"),
    [
        ("/proc/7/status:Name:\ta:b", "/proc/7/status", "Name:\ta:b\n"),
        ("/proc/7/cgroup:0::/a/memory.max:1", "/proc/7/cgroup", "0::/a/memory.max:1\n"),
        ("/sys/fs/cgroup/a:b/c/memory.max:max", "/sys/fs/cgroup/a:b/c/memory.max", "max\n"),
        ("/sys/fs/cgroup/a/memory.max:9/memory.max:5", "/sys/fs/cgroup/a/memory.max:9/memory.max", "5\n"),
        ("/sys/fs/cgroup/memory.stat:anon 5", "/sys/fs/cgroup/memory.stat", "anon 5\n"),
    ],
)
def test_lines_of_many_are_sorted_by_path(line: str, path: str, text: str) -> None:
    found = door("@many", line)
    assert found.read(path) == text
    assert found.exists(path)


def test_a_command_is_known_by_its_question() -> None:
    found = door("@run systemctl show --no-pager --", " Id=a", " ", " rc=4", "@said", " no bus", "")
    argv = ("systemctl", "show", "--no-pager", "--", "a.service")
    assert found.run(argv) == Finished(("systemctl", "show", "--no-pager", "--"), 4, "Id=a\n", "no bus\n")
    with pytest.raises(Missing, match="cannot run dmesg: No such file"):
        found.run(["dmesg"])


def test_a_command_that_ends_without_a_line_break_is_told_exactly() -> None:
    assert door("@run a", " rc=7", " rc=0", "@said", "").run(["a"]).stdout == "rc=7"
    assert door("@run a", " ", " rc=1", "@said", "").run(["a"]).stdout == ""


def test_failures_are_told_apart() -> None:
    found = door("@denied /a", "@file /b", "", "@failed /b", "@folder /d", " x", "@denied /e")
    with pytest.raises(ReadOnly, match=r"^cannot read /a: Permission denied$"):
        found.read("/a")
    with pytest.raises(HostError, match=r"^cannot read /b: sed on the host failed at it$"):
        found.read("/b")
    for path in ("/c", "/d"):
        with pytest.raises(Missing, match=f"cannot read {path}: No such file"):
            found.read(path)
    assert (found.names("/d"), found.names("/c")) == (["x"], [])
    with pytest.raises(ReadOnly):
        found.names("/e")


def test_links_existence_and_writing_are_told() -> None:
    found = door("@link /l", " /dev/null", "", "@there /t", "@writable /proc/sys/a")
    assert (found.link_target("/l"), found.link_target("/t")) == ("/dev/null", None)
    assert [found.exists(path) for path in ("/l", "/t", "/x")] == [True, True, False]
    assert [found.is_writable(path) for path in ("/proc/sys/a", "/t")] == [True, False]


def test_the_shell_and_what_it_started_are_ours() -> None:
    table = [stat(50), stat(51, parent=50), stat(52, parent=51), stat(60)]
    assert door("@many", *table, "@again", *table).own_pids == {50, 51, 52}


@pytest.mark.parametrize("again", [[], [stat(7, start=9000)]], ids=["ended", "another process"])
def test_a_pid_that_changed_hands_is_a_process_that_has_ended(again: list[str]) -> None:
    found = door("@many", stat(7), stat(8), "/proc/7/status:VmRSS: 5 kB", "@again", stat(8), *again)
    with found.process(8) as folder:
        assert folder.read("stat").startswith("8 (sh)")
    with found.process(7) as folder, pytest.raises(Missing):
        folder.read("stat")


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        ("", "the host printed '', expected what the collecting script prints"),
        ("sh: syntax error", "the host printed 'sh: syntax error'"),
        (HEAD + "@file /a\n b", "cut: it has no end"),
        (HEAD + " @end\n", "cut: it has no end"),
        (HEAD + "@run a\n half\n@end\n", "cut within 'a'"),
        ("@lifeboat 1\n@shell 5\n@page \n@end\n", "how large its pages are"),
    ],
    ids=["nothing", "a complaint", "cut", "the end in a file", "cut in a command", "no page size"],
)
def test_what_is_not_a_whole_answer_is_refused(output: str, complaint: str) -> None:
    with pytest.raises(NoAnswer, match=complaint):
        Snapshot(output)


@given(st.text(alphabet=st.characters() | st.sampled_from("@ \n/:0filemanyrunsaidgoc"), max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(LifeboatError):
        found = Snapshot(HEAD + text + "\n@end\n")
        assert found.own_pids >= {50}
