# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.oom.plugins.module_utils import _host
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import Changed, HostError, Missing, ReadOnly
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host, ProcessFolder
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import parse_shares, parse_stat

NOBODY = 65534


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """Modes of files do not hold root back: take the rights of another user for a moment."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(was)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(str(tmp_path))


def test_the_root_may_end_in_a_slash(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("text", encoding="utf-8")
    assert Host(f"{tmp_path}/").read("/a") == "text"
    assert Host().real("/proc/meminfo") == "/proc/meminfo"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary())
def test_any_bytes_come_back_as_they_were(host: Host, content: bytes) -> None:
    Path(host.real("/in")).write_bytes(content)
    host.write("/out", host.read("/in"))
    assert Path(host.real("/out")).read_bytes() == content


# What is at /there, what is done, which error it is.
FAILURES: list[tuple[str, Callable[[Host], object], type[HostError], str]] = [
    ("read nothing", lambda host: host.read("/not/there"), Missing, "/not/there"),
    ("read below a file", lambda host: host.read("/file/x"), Missing, "/file/x"),
    ("put into nothing", lambda host: host.put("/not/there", "1"), Missing, "/not/there"),
    ("put into a missing file", lambda host: host.put("/not_there", "1"), Missing, "/not_there"),
    ("write over a folder", lambda host: host.write("/folder", "x"), HostError, "/folder"),
    ("write below a file", lambda host: host.write("/file/x", "x"), HostError, "/file/x"),
    ("write over a pipe", lambda host: host.write("/pipe", "x"), HostError, "/pipe"),
    ("write through a link to a pipe", lambda host: host.write("/mask", "x"), HostError, "/mask"),
    ("remove nothing", lambda host: host.swap("/not_there", "x", None), Changed, "/not_there"),
    ("remove a folder", lambda host: host.swap("/folder", "x", None), HostError, "/folder"),
    ("remove no folder", lambda host: host.remove_folder_if_empty("/not_there"), Missing, "/not_there"),
    ("open no process", lambda host: host.process(1), Missing, "/proc/1"),
    ("run nothing", lambda host: host.run(["/not/there", "-v"]), Missing, "/not/there"),
    ("run a folder", lambda host: host.run(["/folder"]), ReadOnly, "/folder"),
]


@pytest.mark.parametrize(("act", "error", "path"), [case[1:] for case in FAILURES], ids=[case[0] for case in FAILURES])
def test_every_failure_names_its_path_and_leaves_all_as_it_was(
    host: Host, act: Callable[[Host], object], error: type[HostError], path: str
) -> None:
    Path(host.real("/file")).write_text("text", encoding="utf-8")
    Path(host.real("/folder/inside")).mkdir(parents=True)
    os.mkfifo(host.real("/pipe"))
    Path(host.real("/mask")).symlink_to("pipe")
    before = {name: os.lstat(host.real("/" + name)).st_mode for name in os.listdir(host.root)}
    with pytest.raises(error, match=path) as raised:
        act(host)
    assert raised.value.path.endswith(path)
    assert {name: os.lstat(host.real("/" + name)).st_mode for name in os.listdir(host.root)} == before
    assert os.listdir(host.real("/folder")) == ["inside"]


@pytest.mark.parametrize(
    ("act", "verb"),
    [
        (lambda host: host.read("/sealed/file"), "read"),
        (lambda host: host.read_if_there("/sealed/file"), "read"),
        (lambda host: host.names("/sealed"), "list"),
        (lambda host: host.put("/file", "new"), "write 'new' to"),
        (lambda host: host.write("/file", "new"), "write"),
        (lambda host: host.swap("/file", "old", None), "remove"),
        (lambda host: host.process(7), "open"),
    ],
    ids=["read", "read if there", "list", "put", "write", "remove", "process"],
)
def test_what_may_not_be_touched_is_an_error_and_no_empty_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[Host], object], verb: str
) -> None:
    for folder in ("sealed", "proc/7"):
        (tmp_path / folder).mkdir(parents=True, mode=0o700)
    (tmp_path / "file").write_text("old", encoding="utf-8")
    (tmp_path / "file").chmod(0o444)
    (tmp_path / "proc/7").chmod(0)
    (tmp_path / "sealed").chmod(0)
    tmp_path.chmod(0o555)
    # Relative, because the other user cannot come here from above.
    monkeypatch.chdir(tmp_path)
    with unprivileged(), pytest.raises(ReadOnly, match=f"^cannot {verb} .*: Permission denied$"):
        act(Host("."))
    tmp_path.chmod(0o755)
    assert (tmp_path / "file").read_text(encoding="utf-8") == "old"
    assert sorted(os.listdir(tmp_path)) == ["file", "proc", "sealed"]


def test_another_user_than_root_cannot_know_what_is_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch(mode=0o400)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert not Host(".").is_read_only("/file")
    assert Host(".").is_read_only("/not_there") is Host().is_root is (os.geteuid() == 0)
    with unprivileged():
        assert not Host(".").is_root
        assert not Host(".").is_read_only("/file")
        assert not Host(".").is_read_only("/not_there")


def test_when_a_file_was_written_is_told_by_the_clock_of_the_processes(host: Host) -> None:
    with subprocess.Popen(["sleep", "600"]) as before:
        started = parse_stat(Path(f"/proc/{before.pid}/stat").read_text()).start_ticks
        host.write("/made", "now")
        before.kill()
    written = host.written_ticks("/made")
    # The clock of files is behind that of processes by up to a jiffy.
    assert written is not None and started - 1 <= written <= started + 6000
    assert host.written_ticks("/not_there") is None


def test_only_a_missing_file_is_read_as_none(host: Host) -> None:
    Path(host.real("/empty")).touch()
    Path(host.real("/dangling")).symlink_to("nowhere")
    assert host.read_if_there("/empty") == ""
    assert host.read_if_there("/not_there") is host.read_if_there("/dangling") is None


def test_names_are_sorted_and_keep_their_bytes(host: Host) -> None:
    for name in (b"b", b"a", b"\xff", b"new\nline"):
        (Path(host.root) / os.fsdecode(name)).touch()
    assert host.names("/") == ["a", "b", "new\nline", "\udcff"]
    assert host.names("/not_there") == host.names("/a") == []


def test_a_link_is_seen_as_one(host: Host) -> None:
    root = Path(host.root)
    (root / "file").touch()
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("file")
    (root / "null").symlink_to("/dev/null")
    (root / "dangling").symlink_to("nowhere")
    assert host.link_target("/one") == str(root / "file")
    assert host.link_target("/null") == "/dev/null"
    assert host.link_target("/file") is host.link_target("/not_there") is None
    assert host.exists("/dangling")
    assert not host.exists("/not_there")


def test_a_link_that_may_not_be_followed_leads_to_itself(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: str) -> str:
        raise PermissionError(errno.EACCES, "Permission denied")

    (Path(host.root) / "exe").symlink_to("elsewhere")
    monkeypatch.setattr(os, "readlink", refuse)
    assert host.link_target("/exe") == "/exe"


def test_a_reader_sees_the_old_text_or_the_new_one(host: Host) -> None:
    host.write("/file", "old " * 10000)
    with open(host.real("/file"), encoding="utf-8") as reader:
        start = reader.read(4)
        host.write("/file", "new")
        assert start + reader.read() == "old " * 10000
    assert host.read("/file") == "new"
    assert host.names("/") == ["file"]


def test_a_new_file_has_the_mode_that_was_asked_for(host: Host) -> None:
    host.write("/usual", "")
    host.write("/secret", "", 0o600)
    assert stat.S_IMODE(os.stat(host.real("/usual")).st_mode) == 0o644
    assert stat.S_IMODE(os.stat(host.real("/secret")).st_mode) == 0o600


def test_a_file_that_is_there_keeps_its_mode_and_owner(host: Host) -> None:
    theirs = Path(host.real("/etc-sysctl.conf"))
    theirs.write_text("kernel.panic = 10\n", encoding="utf-8")
    theirs.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(theirs, 0, NOBODY)
    before = theirs.stat()
    host.write("/etc-sysctl.conf", "kernel.panic = 20\n")
    after = theirs.stat()
    assert (stat.S_IMODE(after.st_mode), after.st_uid, after.st_gid) == (0o640, before.st_uid, before.st_gid)


@pytest.mark.parametrize("target", ["real/file", "new/file"], ids=["to a file", "to nothing yet"])
def test_writing_follows_a_link_and_leaves_it(host: Host, target: str) -> None:
    Path(host.real("/real")).mkdir()
    Path(host.real("/real/file")).write_text("old", encoding="utf-8")
    Path(host.real("/link")).symlink_to(target)
    host.write("/link", "new")
    assert os.readlink(host.real("/link")) == target
    assert host.read("/" + target) == "new"


def test_removing_takes_the_link_and_not_what_it_leads_to(host: Host) -> None:
    Path(host.real("/file")).touch()
    Path(host.real("/link")).symlink_to("file")
    host.swap("/link", "", None).keep()
    assert host.names("/") == ["file"]


def test_only_an_empty_folder_is_removed(host: Host) -> None:
    Path(host.real("/folder")).mkdir()
    Path(host.real("/folder/file")).touch()
    assert host.remove_folder_if_empty("/folder") is False
    Path(host.real("/folder/file")).unlink()
    assert host.remove_folder_if_empty("/folder") is True
    assert host.names("/") == []


def test_a_file_of_the_kernel_is_not_replaced(host: Host) -> None:
    Path(host.real("/sysctl")).write_text("50\n", encoding="utf-8")
    before = os.stat(host.real("/sysctl")).st_ino
    host.put("/sysctl", "80")
    assert host.read("/sysctl") == "80"
    assert os.stat(host.real("/sysctl")).st_ino == before


@pytest.mark.parametrize(
    ("path", "why"),
    [("/proc/self/oom_score_adj", "Invalid argument"), ("/dev/full", "No space left on device")],
    ids=["value refused", "no space"],
)
def test_what_the_kernel_refuses_is_an_error_with_the_value(path: str, why: str) -> None:
    with pytest.raises(HostError, match=f"^cannot write '5000' to {path}: {why}$"):
        Host().put(path, "5000")


def test_a_process_is_read_and_written_in_its_folder(host: Host) -> None:
    folder = Path(host.real("/proc/7"))
    folder.mkdir(parents=True)
    (folder / "comm").write_bytes(b"a\xff\n")
    (folder / "oom_score_adj").write_text("0\n", encoding="utf-8")
    with host.process(7) as process:
        assert process.read("comm") == "a\udcff\n"
        process.write("oom_score_adj", "-500")
        with pytest.raises(Missing, match="/proc/7/status"):
            process.read("status")
        with pytest.raises(Missing, match="/proc/7/oom_adj"):
            process.write("oom_adj", "0")
    assert (folder / "oom_score_adj").read_text(encoding="utf-8")[:4] == "-500"


def test_a_pid_that_was_given_away_is_not_mistaken(host: Host) -> None:
    folder = Path(host.real("/proc/7"))
    folder.mkdir(parents=True)
    (folder / "comm").write_text("first", encoding="utf-8")
    with host.process(7) as process:
        folder.rename(host.real("/proc/gone"))
        folder.mkdir()
        (folder / "comm").write_text("second", encoding="utf-8")
        assert process.read("comm") == "first"


def test_a_process_that_is_no_folder_is_missing(tmp_path: Path) -> None:
    (tmp_path / "7").touch()
    with pytest.raises(Missing):
        ProcessFolder(str(tmp_path / "7"))


def test_the_own_process_is_read_and_its_folder_closed() -> None:
    before = len(os.listdir("/proc/self/fd"))
    with Host().process(os.getpid()) as process:
        assert process.read("stat").startswith(f"{os.getpid()} (")
        process.write("oom_score_adj", process.read("oom_score_adj").strip())
        with pytest.raises(HostError, match="Invalid argument"):
            process.write("oom_score_adj", "5000")
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_process_that_has_ended_is_missing() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with Host().process(child.pid) as process:
        child.communicate(b"\n")
        with pytest.raises(Missing):
            process.read("stat")
        with pytest.raises(Missing):
            process.write("oom_score_adj", "0")


def test_a_command_runs_without_a_shell_in_the_c_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    told = "import os, sys; print(os.environ['LC_ALL'], sys.argv[1:], sys.stdin.read() == '')"
    done = Host().run([sys.executable, "-c", told, "$HOME; exit 1", "a b"])
    assert (done.returncode, done.stdout) == (0, "C ['$HOME; exit 1', 'a b'] True\n")
    assert done.argv[0] == sys.executable


def test_a_return_code_is_data_and_output_keeps_its_bytes() -> None:
    done = Host().run([sys.executable, "-c", r"import os; os.write(1, b'\xff'); os.write(2, b'no'); exit(3)"])
    assert (done.returncode, done.stdout, done.stderr) == (3, "\udcff", "no")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; print('out'); sys.exit('not allowed')", "not allowed"),
        ("print('only here'); exit(1)", "only here"),
        ("exit(1)", "nothing"),
    ],
    ids=["standard error", "standard output", "silent"],
)
def test_a_command_that_has_to_succeed_says_why_it_did_not(code: str, said: str) -> None:
    with pytest.raises(HostError, match=f" ended with 1: {said}$"):
        Host().run_or_fail([sys.executable, "-c", code])
    assert Host().run_or_fail([sys.executable, "-c", "print(5)"]) == "5\n"


def test_a_command_that_does_not_end_is_an_error() -> None:
    with pytest.raises(HostError, match=r"^tail -f /dev/null did not end within 0 s$"):
        Host(timeout_seconds=0).run(["tail", "-f", "/dev/null"])


def test_records_of_the_kernel_are_read_until_there_are_no_more(host: Host) -> None:
    """A pipe whose other end is open is at its end in the same words: that there is nothing now."""
    path = Path(host.real("/dev/kmsg"))
    path.parent.mkdir()
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writing = os.open(path, os.O_WRONLY)
    try:
        os.write(writing, b"6,1,1,-;caf\xe9\n" + b"6,2,2,-;b\n" * 2000)
        assert host.kernel_messages() == "6,1,1,-;caf\udce9\n" + "6,2,2,-;b\n" * 2000
    finally:
        os.close(reading)
        os.close(writing)


def test_records_that_were_overwritten_meanwhile_are_passed_over(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(host.real("/dev/kmsg"))
    path.parent.mkdir()
    path.touch()
    answers: list[bytes | OSError] = [b"6,1,1,-;a\n", BrokenPipeError(), b"6,9,9,-;b\n", b""]

    def read(_descriptor: int, _size: int) -> bytes:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(os, "read", read)
    assert host.kernel_messages() == "6,1,1,-;a\n6,9,9,-;b\n"


def test_records_that_can_not_be_read_are_an_error_with_the_path(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Missing, match="cannot read /dev/kmsg: No such file"):
        host.kernel_messages()
    Path(host.real("/dev")).mkdir()
    Path(host.real("/dev/kmsg")).touch(0)
    with unprivileged(), pytest.raises(ReadOnly, match="cannot read /dev/kmsg: Permission denied"):
        host.kernel_messages()
    Path(host.real("/dev/kmsg")).unlink()
    Path(host.real("/dev/kmsg")).mkdir()
    with pytest.raises(HostError, match="cannot read /dev/kmsg: Is a directory"):
        host.kernel_messages()


def test_pages_are_asked_of_the_host() -> None:
    assert Host().page_kib * 1024 == os.sysconf("SC_PAGE_SIZE")


def test_the_library_and_the_kernel_tell_the_same_shares() -> None:
    still = "import sys; held = bytearray(32 << 20); print(flush=True); sys.stdin.read()"
    words = [sys.executable, "-c", still]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdout.readline()
        with Host().process(child.pid) as process:
            by_kernel = parse_shares(process.read("smaps_rollup"))
        by_library = Host().memory_shares(child.pid)
        child.communicate()
    assert by_kernel is not None and by_library is not None
    # Others come to share its pages and leave.
    assert by_library == pytest.approx(by_kernel, rel=0.05)
    assert by_library[0] > by_library[1] > 1000


def test_shares_are_of_this_machine_and_of_a_library_that_is_there(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    assert host.memory_shares(os.getpid()) is None
    monkeypatch.setattr(_host, "psutil", None)
    assert Host().memory_shares(os.getpid()) is None


def test_a_kernel_that_tells_no_shares_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """What psutil itself does where there is no C(smaps) (kernels without CONFIG_PROC_PAGE_MONITOR)."""
    plain = psutil.Process()._proc.__class__
    monkeypatch.setattr(plain, "memory_full_info", plain.memory_info)
    assert Host().memory_shares(os.getpid()) is None


def test_a_process_that_has_ended_has_no_shares_and_not_0() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert Host().memory_shares(child.pid) is None
    with pytest.raises(Missing, match=rf"^process {child.pid} has ended$"):
        Host().memory_shares(child.pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="another user's process is wanted")
def test_shares_that_may_not_be_seen_are_an_error() -> None:
    with unprivileged(), pytest.raises(ReadOnly, match=r"^cannot read /proc/1/smaps: Permission denied$") as raised:
        Host().memory_shares(1)
    assert raised.value.path == "/proc/1/smaps"


def test_the_machine_says_what_it_is() -> None:
    assert (Host().arch, Host().collector) == (os.uname().machine, "native")


def test_a_program_is_run_below_the_root(host: Host) -> None:
    program = Path(host.real("/bin/tell"))
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho told $1\n", encoding="utf-8")
    program.chmod(0o755)
    done = host.run(["/bin/tell", "it"])
    assert (done.stdout, done.argv) == ("told it\n", ("/bin/tell", "it"))
    assert host.run(["echo", "/bin/tell"]).stdout == "/bin/tell\n"


def test_who_looks_is_this_process_on_this_machine_only(host: Host) -> None:
    assert Host().own_pids == {os.getpid()}
    assert host.own_pids == frozenset()


def test_a_folder_is_made_with_its_mode(tmp_path: Path) -> None:
    host = Host(str(tmp_path))
    host.make_folder("/a/b", 0o711)
    host.make_folder("/a/b", 0o700)  # there already
    assert stat.S_IMODE((tmp_path / "a/b").stat().st_mode) == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(HostError, match="cannot make /file"):
        host.make_folder("/file", 0o700)


def test_a_fresh_folder_is_never_what_somebody_else_has_put_there(tmp_path: Path) -> None:
    host = Host(str(tmp_path))
    (tmp_path / "target").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to("target")
    with pytest.raises(HostError, match="cannot make /link: File exists"):
        host.make_folder("/link", 0o700, fresh=True)
    assert stat.S_IMODE((tmp_path / "target").stat().st_mode) == 0o755
    host.make_folder("/fresh", 0o700, (os.getuid(), os.getgid()), fresh=True)
    assert (tmp_path / "fresh").is_dir()


def test_a_link_that_takes_the_place_of_a_fresh_folder_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The root of a container may do so, whose links lead to our files when we look through /proc/PID/root."""
    (tmp_path / "target").mkdir(mode=0o755)
    monkeypatch.setattr(os, "mkdir", lambda *_, **_dir_fd: os.symlink(tmp_path / "target", tmp_path / "fresh"))
    with pytest.raises(HostError, match="cannot make /fresh"):
        Host(str(tmp_path)).make_folder("/fresh", 0o700, fresh=True)
    assert stat.S_IMODE((tmp_path / "target").stat().st_mode) == 0o755


def test_a_folder_goes_with_all_that_is_in_it(tmp_path: Path) -> None:
    host = Host(str(tmp_path))
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/c").touch()
    host.remove_tree("/a")
    host.remove_tree("/a")  # gone already
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").touch()
    with pytest.raises(HostError, match="cannot remove /file"):
        host.remove_tree("/file")


def test_sizes(tmp_path: Path) -> None:
    host = Host(str(tmp_path))
    (tmp_path / "file").write_text("12345")
    assert host.size_bytes("/file") == 5 and host.free_bytes("/") > 0
    for ask, verb in ((host.size_bytes, "read"), (host.free_bytes, "look at")):
        with pytest.raises(Missing, match=f"cannot {verb} /none"):
            ask("/none")


@pytest.mark.parametrize("ask", ["read_foreign", "size_bytes", "run"])
@pytest.mark.parametrize("kind", ["a pipe", "a link", "a hard link", "a folder", "a socket", "a file behind a link"])
def test_only_a_file_is_read_where_others_may_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, ask: str
) -> None:
    """To open a pipe waits until somebody writes into it, and a link leads to what is not theirs to read."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/file").write_text("secret")
    monkeypatch.chdir(tmp_path)  # the path of a socket has to be short
    if kind == "a pipe":
        os.mkfifo("file")
    elif kind == "a link":
        os.symlink("secret/file", "file")
    elif kind == "a hard link":
        os.link("secret/file", "file")
    elif kind == "a folder":
        os.mkdir("file")
    elif kind == "a socket":
        socket.socket(socket.AF_UNIX).bind("file")
    else:
        os.symlink("secret", "folder")
    host, path = Host(str(tmp_path)), "/folder/file" if kind == "a file behind a link" else "/file"
    wanted = "Not a directory" if kind == "a file behind a link" else f"^{path}: found {kind} of uid {os.getuid()}, "
    with pytest.raises(HostError, match=wanted):
        host.run(["cat"], stdin=path) if ask == "run" else getattr(host, ask)(path)


def test_a_file_of_others_is_read_and_given_to_a_command(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"text\xff")
    host = Host(str(tmp_path))
    assert host.read_foreign("/file") == host.run(["cat"], stdin="/file").stdout == "text\udcff"


def test_a_lock_is_had_once_and_not_by_what_is_run(tmp_path: Path) -> None:
    host = Host(str(tmp_path))
    held = host.lock("/lock")
    assert held is not None and host.lock("/lock") is None
    with subprocess.Popen(["sleep", "60"]) as child:
        host.unlock(held)
        again = host.lock("/lock")
        child.kill()
    assert again is not None
    host.unlock(again)
    with pytest.raises(HostError, match="cannot lock /none/lock"):
        host.lock("/none/lock")


def test_a_command_may_be_given_its_own_time() -> None:
    host = Host()
    with pytest.raises(HostError, match="did not end within 1 s"):
        host.run(["sleep", "30"], 1)
    assert host.now() <= host.now()
