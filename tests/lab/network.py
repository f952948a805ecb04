# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's network: a namespace of its own with one bridge and a tap for each machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .process import run

NETNS = Path("/run/netns")
PREFIX = "10.0.2"


def address(index: int) -> str:
    return f"{PREFIX}.{10 + index}"


@dataclass(frozen=True)
class Network:
    """Named as its lab. The same addresses serve every lab: no packet leaves its namespace."""

    name: str

    @property
    def exists(self) -> bool:
        return (NETNS / self.name).exists()

    @property
    def is_used(self) -> bool:
        """Whether any machine is in it; one that nobody is in was left by a lab that was killed."""
        return self.exists and bool(run("ip", "netns", "pids", self.name).stdout)

    @property
    def enter(self) -> list[str]:
        """The words before a command that shall run in this network."""
        return ["nsenter", f"--net={NETNS / self.name}"]

    def create(self) -> None:
        run("ip", "netns", "add", self.name)
        self._ip("link", "set", "lo", "up")
        self._ip("link", "add", "br0", "type", "bridge")
        self._ip("addr", "add", f"{PREFIX}.1/24", "dev", "br0")
        self._ip("link", "set", "br0", "up")

    def remove(self) -> None:
        if self.exists:
            run("ip", "netns", "del", self.name)

    def plug(self, index: int) -> str:
        """Make a machine's tap and return the kernel argument that puts its eth0 there."""
        tap = f"tap{index}"
        self._ip("tuntap", "add", tap, "mode", "tap")
        self._ip("link", "set", tap, "master", "br0", "up")
        return f"eth0=tuntap,{tap},52:54:00:00:00:{index:02x}"

    def unplug(self, index: int) -> None:
        run("ip", "-n", self.name, "link", "del", f"tap{index}", check=False)

    def _ip(self, *words: str) -> None:
        run("ip", "-n", self.name, *words)
