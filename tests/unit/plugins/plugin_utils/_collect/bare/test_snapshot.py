# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.cost import in_proportion

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Finished
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, LifeboatError, Missing, ReadOnly
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.bare.snapshot import NoAnswer, Snapshot

HEAD = "@lifeboat 1\n@shell 50\n@page 4096\n@arch armv7l\n"


def stat(pid: int, parent: int = 1, start: int = 5000) -> str:
    return f"/proc/{pid}/stat:{pid} (sh) S {parent} 1 1 0 -1 4194560 1 0 0 0 5 3 0 0 20 0 1 0 {start} 3133440 435"


def door(*lines: str, end: str = "@end\n") -> Snapshot:
    return Snapshot(HEAD + "".join(line + "\n" for line in lines) + end)


def test_it_says_what_machine_it_was() -> None:
    assert (door().collector, door().page_kib, door().arch) == ("bare", 4, "armv7l")


def files(*content: str, whole: str = "") -> Snapshot:
    """Three files as grep and wc printed them."""
    return door("@wanted", " /a", " /b:c", " /c d", "@files", *content, "@whole", *whole.splitlines())


@pytest.mark.parametrize(
    ("content", "whole", "texts"),
    [
        (["/a:x", "/b:c:y", "/c d:z"], " 1 /a\n 1 /b:c\n 1 /c d\n", ["x\n", "y\n", "z\n"]),
        (["/a:x", "/b:c:y", "/c d:z"], " 0 /a\n 1 /b:c\n 0 /c d\n", ["x", "y\n", "z"]),
        (["/a:", "/a:x", "/a:"], " 3 /a\n 0 /b:c\n 0 /c d\n 3 total\n", ["\nx\n\n", "", ""]),
        (["/c d:@end", "/c d:\r"], " 2 /c d\n", ["", "", "@end\n\r\n"]),
        (["/a:x"], "wc: /a: nothing\n", ["x\n", "", ""]),
    ],
    ids=["whole", "no line break at the end", "empty ones", "a mark and CR", "no count"],
)
def test_files_are_as_they_were(content: list[str], whole: str, texts: list[str]) -> None:
    found = files(*content, whole=whole)
    assert [found.read(path) for path in ("/a", "/b:c", "/c d")] == texts


def test_a_terminal_in_between_changes_nothing() -> None:
    output = (HEAD + "@wanted\n /a\n@files\n/a:b\r\n@whole\n 1 /a\n@end\n").replace("\n", "\r\n")
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
    found = door("@kernel", line)
    assert found.read(path) == text
    assert found.exists(path)


def test_a_command_is_known_by_its_question() -> None:
    found = door("@run systemctl show --no-pager --", " Id=a", " ", " rc=4", "@said", " no bus", " at all")
    argv = ("systemctl", "show", "--no-pager", "--", "a.service")
    assert found.run(argv) == Finished(("systemctl", "show", "--no-pager", "--"), 4, "Id=a\n", "no bus\nat all")
    with pytest.raises(Missing, match="cannot run dmesg: No such file"):
        found.run(["dmesg"])


def test_a_command_that_ends_without_a_line_break_is_told_exactly() -> None:
    assert door("@run a", " rc=7", " rc=0").run(["a"]).stdout == "rc=7"
    assert door("@run a", " ", " rc=1").run(["a"]).stdout == ""


@pytest.mark.parametrize(
    ("why", "kind"),
    [
        ("Permission denied", ReadOnly),
        ("Operation not permitted", ReadOnly),
        ("Operation not supported", HostError),
        ("No such file or directory", Missing),
        ("No such process", Missing),
    ],
)
@pytest.mark.parametrize("path", ["/proc/7/status", "/a: b"])
def test_what_grep_complains_of_is_told_where_it_is_read(path: str, why: str, kind: type[HostError]) -> None:
    found = door("@kernel", "@said", f" grep: {path}: {why}", " grep: /other: Permission denied")
    with pytest.raises(HostError) as caught:
        found.read(path)
    assert caught.type is kind
    assert str(caught.value) == f"cannot read {path}: {why if kind is not Missing else 'No such file or directory'}"
    with pytest.raises(ReadOnly):
        found.read("/other")


def test_what_is_there_and_says_nothing_could_not_be_read() -> None:
    with pytest.raises(HostError, match="cannot read /proc/pressure/memory: it is there, and grep"):
        door("@there /proc/pressure/memory", "@kernel").read("/proc/pressure/memory")


def test_folders_are_told_from_what_is_none() -> None:
    found = door("@folder /d", " x", " @y", "@denied /e")
    assert (found.names("/d"), found.names("/c")) == (["@y", "x"], [])
    with pytest.raises(ReadOnly, match=r"^cannot read /e: Permission denied$"):
        found.names("/e")
    with pytest.raises(Missing):
        found.read("/d")


def test_links_existence_and_writing_are_told() -> None:
    found = door("@link /l", " /dev/null", "", "@there /t", "@read_only /proc/sys/a")
    assert (found.link_target("/l"), found.link_target("/t")) == ("/dev/null", None)
    assert [found.exists(path) for path in ("/l", "/t", "/x")] == [True, True, False]
    assert [found.is_read_only(path) for path in ("/proc/sys/a", "/t")] == [True, False]


@pytest.mark.parametrize(
    ("clock", "written", "ticks"),
    [
        ("1700000000.250000000 100.25", "1699999990.750000000", 9075),
        ("1700000000.250000000 100.25", "1699990000.250000000", -989975),
        ("1700000000.%N 100.25", "1699999990", 9125),
        ("1700000000 100.25", "1699999990", 9125),
        ("1700000000.250000000 100.25", "nonsense", None),
        ("date 100.25", "1699999990.750000000", None),
        ("1700000000.250000000", "1699999990.750000000", None),
    ],
    ids=["since boot", "before", "BusyBox", "whole seconds", "no time", "no clock", "no uptime"],
)
def test_when_a_file_was_written_is_told_at_the_latest(clock: str, written: str, ticks: int | None) -> None:
    found = door(f"@written {clock}", f" {written} /a b")
    assert (found.written_ticks("/a b"), found.written_ticks("/c")) == (ticks, None)


def test_the_shell_and_what_it_started_are_ours() -> None:
    table = [stat(50), stat(51, parent=50), stat(52, parent=51), stat(60)]
    assert door("@kernel", *table, "@again", *table).own_pids == {50, 51, 52}


def test_a_line_of_children_is_followed_once() -> None:
    def work(count: int) -> Callable[[], object]:
        table = [stat(51 + number, 50 + number) for number in range(count)]
        found = door("@kernel", *table, "@again", *table)
        return lambda: found.own_pids

    assert in_proportion(work)


@pytest.mark.parametrize("again", [[], [stat(7, start=9000)]], ids=["ended", "another process"])
def test_a_pid_that_changed_hands_is_a_process_that_has_ended(again: list[str]) -> None:
    found = door("@kernel", stat(7), stat(8), "/proc/7/status:VmRSS: 5 kB", "@again", stat(8), *again)
    with found.process(8) as folder:
        assert folder.read("stat").startswith("8 (sh)")
    with found.process(7) as folder, pytest.raises(Missing):
        folder.read("stat")


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        ("", "the host printed '', expected what the collecting script prints"),
        ("sh: syntax error", "the host printed 'sh: syntax error'"),
        (HEAD + "@kernel\n/b:c", "cut: it has no end"),
        (HEAD + " @end\n", "cut: it has no end"),
        (HEAD + "@run a\n half\n@end\n", "cut within 'a'"),
        ("@lifeboat 1\n@shell 5\n@page \n@end\n", "how large its pages are"),
    ],
    ids=["nothing", "a complaint", "cut", "the end in a file", "cut in a command", "no page size"],
)
def test_what_is_not_a_whole_answer_is_refused(output: str, complaint: str) -> None:
    with pytest.raises(NoAnswer, match=complaint):
        Snapshot(output)


@given(st.text(alphabet=st.characters() | st.sampled_from("@ \n/:0fileskernelrunsaidwhole"), max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(LifeboatError):
        found = Snapshot(HEAD + text + "\n@end\n")
        assert found.own_pids >= {50}
