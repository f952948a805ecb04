# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hundreds of addresses, one sshd: a Debian in a folder, on this host's kernel, in a network of its own.

It is for the controller's side of a fleet. Of the device it shows what a container does: no systemd.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .kept import Kept, fetch
from .process import CAGE, LEASH, LabError, require_root, run
from .uml import CACHE

_PACKAGES = ("openssh-server", "procps", "python3")
_START = """\
mount --rbind /dev "$1/dev" && mount -t proc proc "$1/proc" && mount -t sysfs -o ro sys "$1/sys" || exit
mkdir -p "$1/run/sshd"
exec chroot "$1" /usr/sbin/sshd -D -e -o MaxStartups=1000 -o UseDNS=no -o UsePAM=no
"""
# Whoever logs in as one of these gets no shell, but what the device has in mind.
ANSWER = "/srv/answer"
USERS = {
    "broken": "echo 'Segmentation fault'\nexit 139",
    "hung": "exec sleep 1000",
    "endless": "exec yes '@files'",
    "noise": "exec head -c 200000 /dev/urandom",
    "forged": f"exec cat {ANSWER}",
    "plain": 'exec /bin/sh "$@"',
}
# Pythons that can tell their version, and then do this with a module.
INTERPRETERS = {
    "killed": "kill -KILL $$",
    "crashed": "kill -SEGV $$",
    "lies": """echo '{"changed": false, "invocation": {}, "ansible_facts": {"memory_health": {"schema": 2}}}'""",
}
_INTERPRETER = 'case "$1" in -c) exec /usr/bin/python3 "$@" ;; esac\n'
_SSH_CONFIG = """\
Host *
  User root
  IdentityFile "{folder}/key"
  IdentitiesOnly yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  GlobalKnownHostsFile /dev/null
  LogLevel ERROR
  ProxyCommand nsenter --net=/run/netns/{name} nc -F -w 3 %h %p
  ProxyUseFdpass yes
"""


def address(number: int) -> str:
    return f"127.{1 + number // 200}.0.{1 + number % 200}"


# Nothing answers there: the one has no route, the other swallows all.
UNREACHABLE, SILENT = "192.0.2.1", "198.51.100.1"


@dataclass(frozen=True)
class Fleet:
    """Where it is; ``inventory(200)`` is for Ansible."""

    name: str
    folder: Path

    def answers(self, text: str) -> None:
        """What the user ``forged`` is told."""
        (self.folder / "root" / ANSWER.lstrip("/")).write_text(text)

    def inventory(self, count: int, extra: Mapping[str, Mapping[str, Any]] | None = None) -> str:
        """So many hosts that are well, and more by name with their variables."""
        common = {
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_common_args": f"-F '{self.folder}/ssh_config'",
            "ansible_ssh_args": f"-o ControlMaster=auto -o ControlPersist=30 -o ControlPath={self.folder}/%C",
            "ansible_ssh_timeout": 5,
        }
        hosts: dict[str, Any] = {f"host{number:03}": {"ansible_host": address(number)} for number in range(count)}
        return json.dumps({"all": {"hosts": {**hosts, **(extra or {})}, "vars": common}})


@contextlib.contextmanager
def ssh_fleet() -> Iterator[Fleet]:
    """The fleet, up; everything of it ends with the context."""
    require_root()
    CACHE.mkdir(exist_ok=True)
    kept = Kept(CACHE, "ssh-fleet", f"bookworm {_PACKAGES}", _make)
    with kept.use(), tempfile.TemporaryDirectory(prefix="fleet-", dir="/run") as work:
        fleet = Fleet(f"oomfleet-{os.getpid()}", Path(work))
        with _network(fleet), _copy(kept.path, fleet) as root, _sshd(fleet, root):
            yield fleet


def _make(work: Path) -> Path:
    root = work / "root"
    fetch("bookworm", _PACKAGES, root, variant="minbase")
    return root


@contextlib.contextmanager
def _network(fleet: Fleet) -> Iterator[None]:
    run("ip", "netns", "add", fleet.name)
    try:
        run("ip", "-n", fleet.name, "link", "set", "lo", "up")
        run("ip", "-n", fleet.name, "link", "add", "hole", "type", "veth", "peer", "name", "bottom")
        for end in ("hole", "bottom"):
            run("ip", "-n", fleet.name, "link", "set", end, "up")
        run("ip", "-n", fleet.name, "route", "add", SILENT, "dev", "hole")
        run("ip", "-n", fleet.name, "neigh", "add", SILENT, "lladdr", "02:00:00:00:00:01", "dev", "hole")
        yield
    finally:
        run("ip", "netns", "del", fleet.name)


@contextlib.contextmanager
def _copy(kept: Path, fleet: Fleet) -> Iterator[Path]:
    """A root of our own, with our key, users whose logins are odd, and Pythons that are no better."""
    root = fleet.folder / "root"
    run("cp", "-a", kept, root)  # devices stay devices
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", fleet.folder / "key")
    for name, does in {**USERS, **{name: _INTERPRETER + does for name, does in INTERPRETERS.items()}}.items():
        (root / "usr/local/bin" / name).write_text(f"#!/bin/sh\n{does}\n")
        (root / "usr/local/bin" / name).chmod(0o755)
    for user in USERS:
        run("chroot", root, "useradd", "--create-home", "--shell", f"/usr/local/bin/{user}", "--password", "*", user)
    for home, user in (("root", "root"), *((f"home/{user}", user) for user in USERS)):
        (root / home / ".ssh").mkdir(mode=0o700)
        shutil.copy(fleet.folder / "key.pub", root / home / ".ssh/authorized_keys")
        run("chroot", root, "chown", "-R", user, f"/{home}/.ssh")
    (fleet.folder / "ssh_config").write_text(_SSH_CONFIG.format(folder=fleet.folder, name=fleet.name))
    yield root


@contextlib.contextmanager
def _sshd(fleet: Fleet, root: Path) -> Iterator[None]:
    command = ["nsenter", f"--net=/run/netns/{fleet.name}", *CAGE, "sh", "-c", _START, "sshd", str(root)]
    with (fleet.folder / "log").open("w") as log:
        process = subprocess.Popen([*LEASH, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while "listening" not in (fleet.folder / "log").read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                raise LabError(f"sshd did not start: {(fleet.folder / 'log').read_text()}")
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()
