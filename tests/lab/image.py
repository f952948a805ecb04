# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk that every machine starts from: a small Debian, built once and kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .process import CAGE, LEASH, LabError, locked, run

READY = "lab: ready"

_PACKAGES = (
    "dbus",
    "iproute2",
    "openssh-server",
    "procps",
    "python3",
    "python3-psutil",
    "systemd",
    "systemd-sysv",
)
# Timers that would wake up in the middle of a test, and what only makes the boot longer.
_MASKED = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty@tty1.service",
    "modprobe@.service",
    "ssh.socket",
    "systemd-modules-load.service",
    "systemd-networkd.service",
    "systemd-networkd.socket",
    "systemd-random-seed.service",
    "systemd-sysusers.service",
    "systemd-update-utmp-runlevel.service",
    "systemd-update-utmp.service",
)
_UNITS = "etc/systemd/system"
_START_PATH = "usr/local/sbin/lab-start"
_START = """\
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
_START_UNIT = f"""\
[Unit]
Description=Name, network and swap of a lab machine
DefaultDependencies=no
Before=network.target sysinit.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/{_START_PATH}
"""
_READY_UNIT = f"""\
[Unit]
Description=Tell the host that the machine is ready
After=multi-user.target ssh.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'echo {READY} > /dev/console'
"""
_FILES = {
    "etc/.updated": "",  # newer than /usr: no first-boot rebuilding of caches
    "var/.updated": "",
    "etc/fstab": "",
    "etc/machine-id": "",
    "etc/ssh/sshd_config.d/lab.conf": "UseDNS no\n",
    _START_PATH: _START,
    f"{_UNITS}/lab-start.service": _START_UNIT,
    f"{_UNITS}/lab-ready.service": _READY_UNIT,
}
_LINKS = {
    **{f"{_UNITS}/{unit}": "/dev/null" for unit in _MASKED},
    f"{_UNITS}/sysinit.target.wants/lab-start.service": "../lab-start.service",
    f"{_UNITS}/multi-user.target.wants/lab-ready.service": "../lab-ready.service",
    f"{_UNITS}/multi-user.target.wants/ssh.service": "/lib/systemd/system/ssh.service",
}
_SIZE_BYTES = 1200 * 1024 * 1024
_RECIPE = [_PACKAGES, _FILES, _LINKS, _SIZE_BYTES]


@dataclass(frozen=True)
class Image:
    """One suite's image. Its name carries the hash of all that goes in: another recipe is another image.

    I(extra) are more packages; with them it is an image of its own beside the plain one.
    """

    cache: Path
    suite: str
    extra: tuple[str, ...] = ()

    @property
    def _label(self) -> str:
        return "+".join([self.suite, *self.extra])

    @property
    def key(self) -> Path:
        """The private ssh key that root of every machine accepts."""
        return self.cache / "key"

    @property
    def path(self) -> Path:
        recipe = json.dumps([*_RECIPE, self.key.with_suffix(".pub").read_text()])
        return self.cache / f"image-{self._label}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}.img"

    @contextlib.contextmanager
    def use(self) -> Iterator[int]:
        """Build the image unless it is there; hold it, so that no other run removes it as an old one.

        Yields the descriptor that holds it: a process that inherits it holds the image too.
        Runs that start side by side wait for one build.
        """
        if os.geteuid():
            raise LabError("the lab needs root, to make images and network namespaces")
        with contextlib.ExitStack() as held:
            with locked(self.cache / "image.lock"):
                if not self.key.exists():
                    self._make_key()
                if not self.path.exists():
                    self._make_image()
                image = held.enter_context(locked(self.path, shared=True))
                self._drop_old()
            yield image

    def _make_key(self) -> None:
        with tempfile.TemporaryDirectory(prefix="build-", dir=self.cache) as work:
            key = Path(work) / "key"
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", key)
            key.with_suffix(".pub").rename(self.key.with_suffix(".pub"))
            key.rename(self.key)

    def _make_image(self) -> None:
        for left in self.cache.glob("build-*"):  # of a build that was killed
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(prefix="build-", dir=self.cache) as work:
            root, disk = Path(work) / "root", Path(work) / "disk"
            include = "--include=" + ",".join([*_PACKAGES, *self.extra])
            run(*LEASH, *CAGE, "mmdebstrap", "--quiet", "--variant=minbase", include, self.suite, root)
            self._set_up(root)
            with disk.open("wb") as file:
                file.truncate(_SIZE_BYTES)
            run("mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-d", root, disk)
            disk.rename(self.path)  # last: what has this name is whole

    def _set_up(self, root: Path) -> None:
        for name, text in _FILES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        (root / _START_PATH).chmod(0o755)
        for name, target in _LINKS.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).unlink(missing_ok=True)
            (root / name).symlink_to(target)
        (root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
        shutil.copy(self.key.with_suffix(".pub"), root / "root/.ssh/authorized_keys")

    def _drop_old(self) -> None:
        """Remove this suite's images of other recipes, but none that is in use."""
        for old in self.cache.glob(f"image-{self._label}-*.img"):
            if old != self.path:
                with contextlib.suppress(BlockingIOError), locked(old, wait=False):
                    old.unlink()
