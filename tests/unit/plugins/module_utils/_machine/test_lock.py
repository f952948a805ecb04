# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._machine.lock import NAME

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
HOLDS = """
    import sys
    from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
    with Host(sys.argv[1]).exclusive("vm.overcommit_memory"):
        print(flush=True)
        sys.stdin.read()
"""
COUNTS = """
    import sys
    from pathlib import Path
    from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
    number = Path(sys.argv[1]) / "number"
    for _each in range(int(sys.argv[2])):
        with Host(sys.argv[1]).exclusive("counting"):
            number.write_text(str(int(number.read_text()) + 1))
"""


@pytest.fixture
def host(tmp_path: Path) -> Host:
    (tmp_path / "run").mkdir()
    return Host(str(tmp_path))


def started(code: str, *words: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", textwrap.dedent(code), *words]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)


@pytest.fixture
def other(host: Host) -> Iterator[subprocess.Popen[str]]:
    """Another run that has the lock."""
    with started(HOLDS, host.root) as child:
        assert child.stdout is not None and child.stdout.readline()
        yield child
        child.kill()


def test_whoever_waits_too_long_learns_for_whom(host: Host, other: subprocess.Popen[str]) -> None:
    told = (
        rf"^another run works on this host: vm.overcommit_memory, process {other.pid}, since \d\d:\d\d:\d\d "
        rf"\(\d+ s ago\); run this again when it has ended, and look at it where it does not: ps -p {other.pid}$"
    )
    with pytest.raises(HostError, match=told), host.exclusive("services", wait_seconds=0.1):
        raise AssertionError
    assert other.poll() is None


@pytest.mark.parametrize("end", ["kill", "communicate"])
def test_the_next_one_comes_in_however_the_first_one_ends(host: Host, other: subprocess.Popen[str], end: str) -> None:
    with pytest.raises(HostError), host.exclusive("services", wait_seconds=0):
        raise AssertionError
    getattr(other, end)()
    with host.exclusive("services", wait_seconds=30):
        assert host.read(f"/run/{NAME}").endswith(" services")
    assert host.names("/run") == []


def test_a_stopped_holder_that_left_no_word_is_told_as_such(host: Host, other: subprocess.Popen[str]) -> None:
    Path(host.real(f"/run/{NAME}")).write_text("x\udcff\n" * 500, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(HostError, match="it does not say which"), host.exclusive("services", wait_seconds=0):
        raise AssertionError


def test_many_at_once_come_one_after_the_other(host: Host) -> None:
    """Each removes the file when it leaves, under the eyes of those that have it open."""
    (Path(host.root) / "number").write_text("0")
    children = [started(COUNTS, host.root, "100") for _each in range(4)]
    assert [child.communicate()[0] for child in children] == [""] * 4
    assert [child.returncode for child in children] == [0] * 4
    assert (host.read("/number"), host.names("/run")) == ("400", [])


def test_the_lock_is_let_go_of_after_an_error(host: Host) -> None:
    for _again in range(2):
        with pytest.raises(ValueError, match="inside"), host.exclusive("services", wait_seconds=0):
            raise ValueError("inside")
    assert host.names("/run") == []


@pytest.mark.parametrize("kind", ["a link", "a dangling link", "a pipe", "a socket", "a folder", "a second name"])
def test_what_a_stranger_has_put_there_is_refused_at_once(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text("secret")
    path = Path("run") / NAME
    if kind == "a link":
        path.symlink_to("../secret")
    elif kind == "a dangling link":
        path.symlink_to("../none")
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    elif kind == "a second name":
        os.link("secret", path)
    else:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(path))
    found = {"a dangling link": "a link", "a second name": "a file"}.get(kind, kind)
    told = f"^cannot lock /run/{re.escape(NAME)}: found {found} of uid {os.getuid()} with [12] name"
    with pytest.raises(HostError, match=told), host.exclusive("services", wait_seconds=5):
        raise AssertionError
    assert (tmp_path / "secret").read_text() == "secret" and not (tmp_path / "none").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="a file of another user is wanted")
def test_a_file_of_a_stranger_is_refused(host: Host) -> None:
    """Who could hold it for ever."""
    path = Path(host.real(f"/run/{NAME}"))
    path.touch()
    os.chown(path, 1234, 1234)
    with pytest.raises(HostError, match="found a file of uid 1234"), host.exclusive("services", wait_seconds=0):
        raise AssertionError


@pytest.mark.parametrize(
    ("folders", "where"),
    [(["run", "dev"], "/run"), (["var/run", "tmp"], "/var/run"), (["dev", "tmp"], "/dev"), (["tmp"], "/tmp"), ([], "")],
)
def test_a_device_without_run_has_another_place(tmp_path: Path, folders: list[str], where: str) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    host = Host(str(tmp_path))
    with host.exclusive("services"):
        assert host.exists(f"{where}/{NAME}")
