# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real sysctl loaders in a root of their own, where C(/proc/sys) is a folder of plain files.

Nothing here can reach the sysctls of this host: each program runs changed-rooted, as nobody.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.file_syntax import Loader, normalise, swapped
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.precedence import SysctlFile, sources

CREDENTIAL = Path(sources("systemd").last)

# The fake sysctls: some that overcommit is about, and names with a dot in them.
KEYS = (
    "vm.overcommit_kbytes",
    "vm.overcommit_memory",
    "vm.overcommit_ratio",
    "vm.panic_on_oom",
    "kernel.panic",
    "kernel.panic_on_oops",
    "net.ipv4.conf.all.forwarding",
    "net.ipv4.conf.all.rp_filter",
    "net.ipv4.conf.eth0.forwarding",
    "net.ipv4.conf.eth0.rp_filter",
    "net.ipv4.conf.eth0/100.forwarding",
    "net.ipv4.conf.eth0/100.rp_filter",
)

_PROGRAMS: Mapping[Loader, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "systemd": (("/lib/systemd/systemd-sysctl",), ()),
    "procps": (("/usr/sbin/sysctl", "/sbin/sysctl"), ("--system",)),
    "procps3": (("/usr/sbin/sysctl", "/sbin/sysctl"), ("--system",)),
    "busybox": (("/usr/bin/busybox", "/bin/busybox"), ("sysctl", "-p")),
}


@dataclass(frozen=True)
class Link:
    """A symbolic link in a tree of files."""

    target: str


Tree = Mapping[str, str | Link]


@dataclass(frozen=True)
class Observed:
    """What a loader did: the files it opened, its writes to keys that exist, and the values afterwards."""

    opened: tuple[str, ...]
    writes: tuple[tuple[str, str], ...]
    contents: Mapping[str, bytes]


class Machine:
    """One loader, taken from I(donor) (an unpacked system, C(/) is this host), in the folder I(root).

    I(keys_as_listed) are the keys in the order in which this file system lists them.
    """

    def __init__(self, loader: Loader, root: Path, donor: str = "/") -> None:
        self.loader = loader
        self.root = root
        programs, arguments = _PROGRAMS[loader]
        program = next((one for one in programs if os.path.exists(donor + one)), None)
        if program is None:
            raise FileNotFoundError(f"none of {', '.join(programs)} below {donor}")
        self.command = (program, *arguments)
        root.chmod(0o755)
        self._copy_program(donor, program)
        self._make_keys()
        self._placed: list[Path] = []
        self.keys_as_listed = tuple(_listed(str(self.root / "proc/sys"), ""))
        # Not so where it was built for a host on which /lib is /usr/lib, as systemd is from 255.
        self.reads_lib = "/lib/sysctl.d/probe.conf" in self.run({"/lib/sysctl.d/probe.conf": ""}).opened

    def _copy_program(self, donor: str, program: str) -> None:
        linker = next(Path(donor).glob("lib*/ld-linux*")).relative_to(donor)
        listed = subprocess.run(
            ["/usr/sbin/chroot", donor, f"/{linker}", "--list", program], capture_output=True, text=True, check=False
        )
        for path in (program, f"/{linker}", *re.findall(r"(/\S+) \(0x", listed.stdout)):
            copy = self.root / path[1:]
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(_within(donor, path), copy)
        (self.root / "dev").mkdir()
        os.mknod(self.root / "dev/null", 0o020666, os.makedev(1, 3))

    def _make_keys(self) -> None:
        for key in KEYS:
            path = self._file(key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            path.chmod(0o666)

    def _file(self, key: str) -> Path:
        return self.root / "proc/sys" / swapped(key)

    def run(self, tree: Tree) -> Observed:
        """Put I(tree) in place, run the loader over untouched keys, and say what it did."""
        self._place(tree)
        ran = subprocess.run(
            [*_AS_NOBODY, str(self.root), *self.command],
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=30,
        )
        said = (ran.stderr if self.loader == "systemd" else ran.stdout).decode("utf-8", "surrogateescape")
        opened = re.findall(_OPENED[self.loader], said, re.MULTILINE)
        written = re.findall(_WRITTEN[self.loader], said, re.MULTILINE)
        writes = [(_plain(name), value) for name, value in written]
        return Observed(
            tuple(opened),
            tuple(write for write in writes if write[0] in KEYS),
            {key: self._file(key).read_bytes() for key in KEYS},
        )

    def _place(self, tree: Tree) -> None:
        for key in KEYS:
            os.truncate(self._file(key), 0)
        while self._placed:
            self._placed.pop().unlink()
        for path, content in tree.items():
            place = self.root / path[1:]
            place.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Link):
                place.symlink_to(content.target)
            else:
                place.write_bytes(content.encode("utf-8", "surrogateescape"))
            self._placed.append(place)


def _within(donor: str, path: str) -> str:
    """The file that I(path) is in the donor, whose links mean itself."""
    while os.path.islink(donor + path):
        path = os.path.join(os.path.dirname(path), os.readlink(donor + path))
    return donor + path


def found_files(tree: Tree) -> tuple[SysctlFile, ...]:
    """The tree as a collector of a host reports it."""
    return tuple(SysctlFile(path, _text(tree, path)) for path in tree)


def _text(tree: Tree, path: str) -> str | None:
    content = tree[path]
    if not isinstance(content, Link):
        return content
    target = os.path.normpath(os.path.join(os.path.dirname(path), content.target))
    return _text(tree, target) if target in tree else None


def _plain(name: str) -> str:
    """The key of a name in the output of a program."""
    key = normalise(name.removeprefix("/proc/sys/"))
    path = os.path.normpath("/proc/sys/" + swapped(key))
    return swapped(path.removeprefix("/proc/sys/"))


def _listed(folder: str, name: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _listed(entry.path, name + entry.name + "/")
            else:
                yield swapped(name + entry.name)


_AS_NOBODY = ("/usr/sbin/chroot", "--userspec=65534:65534", "--groups=")
_ENVIRONMENT = {
    "CREDENTIALS_DIRECTORY": str(CREDENTIAL.parent),
    "LC_ALL": "C",
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "SYSTEMD_LOG_LEVEL": "debug",
    "SYSTEMD_LOG_TARGET": "console",
}
_APPLYING = r"^\* Applying (.*) \.\.\.$"
_EQUALS = r"^(\S+) = (.*)$"
_OPENED = {"systemd": r"^Parsing (.*)$", "procps": _APPLYING, "procps3": _APPLYING, "busybox": r"^(?!)"}
_WRITTEN = {
    "systemd": r"^Setting '(.*?)' to '(.*)'\.?$",
    "procps": _EQUALS,
    "procps3": _EQUALS,
    "busybox": _EQUALS,
}
