# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import errno
import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils import _errors
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import Changed, HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may")
# An ACL (linux/posix_acl_xattr.h): user::rw-, user:1:rw-, group::---, mask::rw-, other::---; and one for a folder.
ACL = bytes.fromhex("02000000 01000600ffffffff 0200060001000000 04000000ffffffff 10000600ffffffff 20000000ffffffff")
CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")  # cap_net_bind_service+ep


@pytest.fixture
def host(tmp_path: Path) -> Host:
    (tmp_path / "etc").mkdir()
    return Host(str(tmp_path))


def has(host: Host, path: str, text: str = "old\n") -> Path:
    found = Path(host.real(path))
    found.write_text(text, encoding="utf-8")
    return found


def who(path: Path) -> tuple[int, int, int, dict[str, bytes]]:
    found = path.stat()
    attributes = {name: os.getxattr(path, name) for name in os.listxattr(path)}
    return stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid, attributes


def is_left(host: Host) -> list[str]:
    return [path.name for path in Path(host.root).rglob(".lifeboat-*")]


def special(path: Path) -> None:
    """All that a file can be beside its text."""
    os.chown(path, 1234, 5678)
    path.chmod(0o4750)
    with contextlib.suppress(OSError):  # not on every file system of a developer
        os.setxattr(path, "user.note", b"theirs")
        os.setxattr(path, "trusted.note", b"theirs")
        os.setxattr(path, "security.capability", CAPABILITY)
        os.setxattr(path, "system.posix_acl_access", ACL)


@AS_ROOT
def test_a_file_stays_who_it_is_and_so_does_its_copy(host: Host) -> None:
    theirs = has(host, "/etc/sysctl.conf")
    special(theirs)
    before = who(theirs)
    assert before[:3] != (0o644, 0, 0)
    host.swap("/etc/backup", None, "old\n", like="/etc/sysctl.conf").keep()
    host.swap("/etc/sysctl.conf", "old\n", "new\n").keep()
    host.write("/etc/sysctl.conf", "newer\n")
    assert who(theirs) == who(Path(host.real("/etc/backup"))) == before
    assert theirs.read_text(encoding="utf-8") == "newer\n"


@AS_ROOT
@pytest.mark.parametrize("after", ["new\n", None], ids=["replaced", "removed"])
def test_what_is_put_back_is_the_very_same_file(host: Host, after: str | None) -> None:
    theirs = has(host, "/etc/sysctl.conf")
    special(theirs)
    os.utime(theirs, (1, 1))
    before, inode = who(theirs), theirs.stat().st_ino
    host.swap("/etc/sysctl.conf", "old\n", after).take_back()
    assert (who(theirs), theirs.stat().st_ino, theirs.stat().st_mtime) == (before, inode, 1)
    assert is_left(host) == []


@AS_ROOT
def test_what_a_folder_gives_to_new_files_is_not_given_to_an_old_one(host: Host) -> None:
    """An ACL by default would let its user read what only root may."""
    theirs = has(host, "/etc/secret.conf")
    theirs.chmod(0o600)
    os.chmod(host.real("/etc"), 0o2755)
    os.chown(host.real("/etc"), 0, 5678)
    os.setxattr(host.real("/etc"), "system.posix_acl_default", ACL)
    host.write("/etc/secret.conf", "new\n")
    assert who(theirs) == (0o600, 0, 0, {})


def test_a_link_that_is_removed_and_put_back_is_a_link(host: Host) -> None:
    has(host, "/real")
    Path(host.real("/etc/link")).symlink_to("../real")
    host.swap("/etc/link", "old\n", None).take_back()
    assert os.readlink(host.real("/etc/link")) == "../real"
    host.swap("/etc/link", "old\n", None).keep()
    assert (host.names("/etc"), host.read("/real")) == ([], "old\n")


def test_folders_are_made_with_the_file_or_not_at_all(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    old = os.umask(0o077)
    try:
        swap = host.swap("/etc/a/b/file", None, "new\n")
    finally:
        os.umask(old)
    assert [stat.S_IMODE(os.stat(host.real(f"/etc/{path}")).st_mode) for path in ("a", "a/b", "a/b/file")] == [
        0o755,
        0o755,
        0o644,
    ]
    swap.take_back()
    assert host.names("/etc") == []

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HostError, match=r"^cannot write /etc/a/b/file: No space left on device$"):
        host.write("/etc/a/b/file", "new\n")
    assert host.names("/etc") == []


def test_a_folder_that_others_use_by_now_stays(host: Host) -> None:
    swap = host.swap("/etc/a/b/file", None, "new\n")
    has(host, "/etc/a/theirs")
    swap.take_back()
    assert host.names("/etc/a") == ["theirs"]


@pytest.mark.parametrize(
    ("before", "now", "after"),
    [
        ("old\n", "theirs\n", "new\n"),
        ("old\n", "old\nmore\n", "new\n"),
        ("old\n", None, "new\n"),
        (None, "theirs\n", "new\n"),
        (None, "", "new\n"),
        ("old\n", "theirs\n", None),
        ("old\n", None, None),
    ],
    ids=["other text", "a line more", "gone", "there", "there and empty", "removed with other text", "removed already"],
)
def test_what_is_not_as_it_was_read_is_left_alone(
    host: Host, before: str | None, now: str | None, after: str | None
) -> None:
    if now is not None:
        has(host, "/etc/file", now)
    with pytest.raises(Changed, match=r"^/etc/file was changed by somebody else"):
        host.swap("/etc/file", before, after)
    assert host.read_if_there("/etc/file") == now
    assert is_left(host) == []


# What somebody does to the file in the last moment, before or after its name goes to another.
def append(path: str) -> None:
    with open(path, "a", encoding="utf-8") as stream:
        stream.write("theirs\n")


def save(path: str) -> None:
    Path(path + "~").write_text("theirs\n", encoding="utf-8")
    os.rename(path + "~", path)


@pytest.mark.parametrize("act", [append, save])
@pytest.mark.parametrize("call", ["link", "fsync"])
def test_what_is_written_at_the_last_moment_is_not_lost(
    host: Host, monkeypatch: pytest.MonkeyPatch, act: Callable[[str], None], call: str
) -> None:
    has(host, "/etc/file")
    real = getattr(os, call)

    def late(*words: object, **more: object) -> object:
        monkeypatch.undo()
        act(host.real("/etc/file"))
        return real(*words, **more)

    monkeypatch.setattr(os, call, late)
    with pytest.raises(Changed):
        host.swap("/etc/file", "old\n", "new\n")
    assert host.read("/etc/file").endswith("theirs\n")
    assert is_left(host) == []


def test_what_is_made_at_the_last_moment_is_not_lost(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.link

    def late(*words: object, **more: object) -> None:
        has(host, "/etc/file", "theirs\n")
        real(*words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(Changed):
        host.swap("/etc/file", None, "new\n")
    assert (host.read("/etc/file"), is_left(host)) == ("theirs\n", [])


@pytest.mark.parametrize("before", ["old\n", None], ids=["replaced", "made"])
def test_a_file_system_without_second_names(host: Host, monkeypatch: pytest.MonkeyPatch, before: str | None) -> None:
    def link(*_: object, **_more: object) -> None:
        raise OSError(errno.EPERM, "")

    monkeypatch.setattr(os, "link", link)
    if before is not None:
        has(host, "/etc/file", before).chmod(0o640)
    host.swap("/etc/file", before, "new\n").take_back()
    assert (host.read_if_there("/etc/file"), is_left(host)) == (before, [])
    host.swap("/etc/file", before, "new\n").keep()
    assert (host.read("/etc/file"), is_left(host)) == ("new\n", [])
    assert stat.S_IMODE(os.stat(host.real("/etc/file")).st_mode) == (0o644 if before is None else 0o640)


@pytest.mark.parametrize("code", [errno.EIO, errno.EINVAL], ids=["fails", "is unknown"])
def test_a_folder_that_cannot_be_synced(host: Host, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """The result says what stands on the disk; a file system that syncs no folders is none the worse."""
    has(host, "/etc/file")
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(code, "")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    if code == errno.EINVAL:
        host.write("/etc/file", "new\n")
        assert host.read("/etc/file") == "new\n"
        return
    told = r"^cannot write /etc/file: its folder cannot be synced: Input/output error; it is again what it was$"
    with pytest.raises(HostError, match=told):
        host.write("/etc/file", "new\n")
    assert (host.read("/etc/file"), is_left(host)) == ("old\n", [])


KILLED = """
    import sys
    from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
    host = Host(sys.argv[1])
    print(flush=True)
    for number in range(10**9):
        host.write("/etc/file", str(number))
        host.swap("/etc/new.d/file", None, "new").take_back()
        host.swap("/etc/file", str(number), None).take_back()
"""


def test_what_a_killed_run_leaves_is_removed(host: Host) -> None:
    """By the next one; a name that only begins like ours is somebody else's."""
    host.write("/etc/file", "")
    has(host, "/etc/.lifeboat-of-mine")
    left = set()
    for killed_after in range(40):
        words = [sys.executable, "-c", textwrap.dedent(KILLED), host.root]
        with subprocess.Popen(words, stdout=subprocess.PIPE, env=ENVIRONMENT) as child:
            assert child.stdout is not None and child.stdout.readline()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(0.001 * killed_after)
            child.send_signal(signal.SIGKILL)
        left |= {*host.sweep("/etc"), *host.sweep("/etc/new.d")}
        assert is_left(host) == [".lifeboat-of-mine"]
        host.write("/etc/file", "0")
    assert left


def in_a_namespace(code: str, *words: str) -> str:
    """What Python code says with mounts of its own. Skips where this machine has none to give."""
    start = "import os, sys, subprocess\nfrom pathlib import Path\n"
    start += f"from {Host.__module__} import Host\nfrom {_errors.__name__} import HostError\n"
    argv = ["unshare", "-m", sys.executable, "-c", start + textwrap.dedent(code), *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    if "unshare failed" in done.stderr or "mount:" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    return done.stdout


MOUNTS = {
    "full": ("mount -t tmpfs -o size=4k none {0}; cp old {0}/file; head -c 1M /dev/zero > {0}/z", "No space left"),
    "read-only": ("mount -t tmpfs none {0}; cp old {0}/file; mount -o remount,ro {0}", "Read-only file system"),
    "a mount of its own": ("cp old {0}/file; mount --bind old {0}/file", "busy; it is a mount of its own"),
    "immutable": ("cp old {0}/file; chattr +i {0}/file", "Operation not permitted; lsattr shows whether"),
    "immutable folder": ("cp old {0}/file; chattr +i {0}", "Operation not permitted; lsattr shows whether"),
    "append only": ("cp old {0}/file; chattr +a {0}/file", "Operation not permitted; lsattr shows whether"),
}


@AS_ROOT
@pytest.mark.parametrize("after", ["new\\n", None], ids=["replaced", "removed"])
@pytest.mark.parametrize("kind", MOUNTS)
def test_where_nothing_can_be_written_all_stays(host: Host, tmp_path: Path, kind: str, after: str | None) -> None:
    (tmp_path / "old").write_text("old\n")
    code = f"""
        os.chdir(sys.argv[1])
        subprocess.run(["sh", "-c", {MOUNTS[kind][0]!r}.format("etc")], stderr=subprocess.DEVNULL)
        try:
            Host(sys.argv[1]).swap("/etc/file", "old\\n", {after!r}).take_back()
            print("no error")
        except HostError as error:
            print(error)
        print(Path("etc/file").read_text(), [name for name in os.listdir("etc") if name.startswith(".lifeboat")])
        subprocess.run(["chattr", "-i", "-a", "etc", "etc/file"], stderr=subprocess.DEVNULL)
    """
    said = in_a_namespace(code, str(tmp_path))
    if kind == "full" and after is None:  # a name takes no room there
        assert said == "no error\nold\n []\n"
    else:
        verb = "write" if after else "remove"
        assert said.startswith(f"cannot {verb} /etc/file: ") and MOUNTS[kind][1] in said
        assert said.endswith("\nold\n []\n")


@AS_ROOT
def test_a_file_on_another_file_system_is_written_there(host: Host, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "etc/link").symlink_to("../other/file")
    code = """
        os.chdir(sys.argv[1])
        subprocess.run(["mount", "-t", "tmpfs", "none", "other"], check=True)
        os.chmod("other", 0o3777)
        Path("other/file").write_text("old")
        host = Host(sys.argv[1])
        host.swap("/etc/link", "old", "new").take_back()
        print(host.read("/etc/link"))
        host.write("/etc/link", "new")
        print(host.read("/other/file"), os.path.islink("etc/link"), os.listdir("other"))
    """
    assert in_a_namespace(code, str(tmp_path)) == "old\nnew True ['file']\n"


@pytest.fixture(autouse=True)
def _no_descriptor_is_left_open() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) == before
