# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, Missing
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._machine.files import entered, open_file

TOO_LARGE = "it has 10 MB or more, too much for such a file"


@contextlib.contextmanager
def put(kind: str, path: Path) -> Iterator[None]:
    """Something else in place of a file. Whoever opened the device here would not come back."""
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a pipe behind a link":
        os.mkfifo(path.with_name("pipe"))
        path.symlink_to("pipe")
    elif kind == "a device":
        path.symlink_to("/dev/zero")
    elif kind == "a huge file":
        with open(path, "wb") as stream:
            stream.truncate(1 << 40)
    elif kind == "an endless file of the kernel":
        path.symlink_to("/proc/self/pagemap")
    elif kind == "a socket":
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(os.path.relpath(path))
            yield
        return
    yield


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("a pipe", "found a pipe, expected a file; remove what is there"),
        ("a pipe behind a link", "found a pipe, expected a file; remove what is there"),
        ("a socket", "found a socket, expected a file; remove what is there"),
        ("a device", "found a device, expected a file; remove what is there"),
        ("a huge file", TOO_LARGE),
        ("an endless file of the kernel", TOO_LARGE),
    ],
)
def test_what_is_no_file_or_too_large_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, found: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with put(kind, tmp_path / "10-a.conf"), pytest.raises(HostError) as raised:
        Host(str(tmp_path)).read("/10-a.conf")
    assert not isinstance(raised.value, Missing)
    assert str(raised.value).startswith("cannot read /10-a.conf: ") and found in str(raised.value)


def test_a_pipe_that_takes_the_place_of_a_file_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    was_file = os.stat(tmp_path / "file")
    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", lambda *_, **_more: was_file)
        with pytest.raises(HostError, match="found a pipe"):
            open_file(str(tmp_path / "pipe"), "/pipe")


def test_what_masks_a_file_is_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "masked.conf").symlink_to("/dev/null")
    (tmp_path / "folder.conf").mkdir()
    host = Host(str(tmp_path))
    assert (host.read("/masked.conf"), host.read_if_there("/folder.conf")) == ("", None)
    assert Host().read("/proc/self/stat").startswith(f"{os.getpid()} (")  # its size is 0
    assert Host().read("/proc/sys/vm/overcommit_memory") in ("0\n", "1\n", "2\n")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A device with a container whose /var/tmp, /tmp and /home lead to where those of the device are."""
    root = tmp_path / "proc/7/root"
    for path in (tmp_path / "srv/own", root / "var", root / "real", root / "dev/shm"):
        path.mkdir(parents=True)
    (root / "var/tmp").symlink_to(tmp_path / "srv")
    (root / "tmp").symlink_to("../../../srv")
    (root / "link").symlink_to("real")
    (tmp_path / "srv/file").write_text("the device's")
    (tmp_path / "srv/own/file").write_text("the device's")
    return Host(str(tmp_path))


@pytest.mark.parametrize("folder", ["/var/tmp", "/tmp", "/link", "/var/tmp/own", "/tmp/own"])
def test_no_link_leads_out_of_the_root_of_a_container(host: Host, folder: str) -> None:
    inside, before = "/proc/7/root" + folder, host.names("/srv")
    for act in (
        lambda: host.make_folder(f"{inside}/profile", 0o700, fresh=True),
        lambda: host.read_foreign(f"{inside}/file"),
        lambda: host.size_bytes(f"{inside}/file"),
        lambda: host.run(["cat"], stdin=f"{inside}/file"),
        lambda: host.remove_tree(f"{inside}/own"),
        lambda: host.remove_tree(f"{inside}/file"),
    ):
        with pytest.raises(HostError, match="Not a directory"):
            act()
    assert host.names("/srv") == before and host.names("/srv/own") == ["file"]


def test_what_is_in_a_container_is_reached(host: Host) -> None:
    folder = "/proc/7/root/dev/shm/profile"
    host.make_folder(folder, 0o700, (os.getuid(), os.getgid()), fresh=True)
    assert stat.S_IMODE(os.stat(host.real(folder)).st_mode) == 0o700
    Path(host.real(folder + "/raw")).write_text("trace")
    assert (host.read_foreign(folder + "/raw"), host.size_bytes(folder + "/raw")) == ("trace", 5)
    host.remove_tree(folder)
    assert not host.exists(folder)
    host.make_folder("/proc/7/root/profile", 0o700, fresh=True)  # in the root folder itself
    host.remove_tree("/proc/7/root/none")


def test_a_link_in_a_folder_that_goes_is_not_followed(host: Host) -> None:
    (Path(host.real("/proc/7/root/real")) / "out").symlink_to(host.real("/srv"))
    host.remove_tree("/proc/7/root/real")
    assert host.names("/srv") == ["file", "own"]
    Path(host.real("/proc/7/root/out")).symlink_to(host.real("/srv"))
    with pytest.raises(HostError, match="cannot remove /proc/7/root/out"):
        host.remove_tree("/proc/7/root/out")
    assert host.names("/srv") == ["file", "own"]


def test_the_own_root_folder_is_entered() -> None:
    with entered(f"/proc/{os.getpid()}/root/tmp") as inside:
        assert os.path.samestat(os.fstat(inside), os.stat("/tmp"))


def test_a_folder_of_ours_may_lie_elsewhere(host: Host) -> None:
    """As /var/tmp, or where profiles are kept, on a device that has little room."""
    Path(host.real("/data")).symlink_to("srv")
    host.make_folder("/data/profile", 0o700, fresh=True)
    assert host.exists("/srv/profile")
    host.remove_tree("/data/profile")
    assert not host.exists("/srv/profile")
