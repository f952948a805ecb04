# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk that a machine starts from: packages of a Debian suite, and what is put over them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from .kept import Kept, fetch
from .process import run

READY = "lab: ready"
START_PATH = "usr/local/sbin/lab-start"
START = """\
#!/bin/sh
# Without udev and a network manager: the kernel's command line says who we are.
for word in $(cat /proc/cmdline); do
  case $word in
    lab.name=*) hostname "${word#*=}" ;;
    lab.address=*) ip addr add "${word#*=}/24" dev eth0 ;;
  esac
done
ip link set lo up
ip link set eth0 up
if [ -b /dev/ubdb ]; then swapon /dev/ubdb; fi
"""


@dataclass(frozen=True)
class Image:
    """How a disk is made. Paths have no slash in front; a file that begins with ``#!`` is a program.

    I(variant) is how much mmdebstrap adds to the packages; I(without) is taken away again.
    """

    suite: str
    packages: tuple[str, ...]
    variant: str
    files: Mapping[str, str]
    links: Mapping[str, str]
    size_bytes: int
    without: tuple[str, ...] = ()

    def kept(self, cache: Path, key: Path, label: str) -> Kept:
        """Under this label in the cache; root accepts the key."""
        public = key.with_suffix(".pub").read_text()

        def make(work: Path) -> Path:
            root, disk = work / "root", work / "disk"
            fetch(self.suite, self.packages, root, variant=self.variant)
            self._furnish(root, public)
            with disk.open("wb") as file:
                file.truncate(self.size_bytes)
            run("mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-d", root, disk)
            return disk

        return Kept(cache, f"image-{label}", json.dumps([asdict(self), public]), make, suffix=".img")

    def _furnish(self, root: Path, public_key: str) -> None:
        for name in self.without:
            shutil.rmtree(root / name)
        for name, text in {**self.files, "root/.ssh/authorized_keys": public_key}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
            if text.startswith("#!"):
                (root / name).chmod(0o755)
        (root / "root/.ssh").chmod(0o700)
        for name, target in self.links.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).unlink(missing_ok=True)
            (root / name).symlink_to(target)
