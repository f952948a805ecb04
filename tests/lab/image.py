# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk that a Debian machine starts from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from .kept import Kept, disk, fetch

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


def debian(cache: Path, key: Path, suite: str, extra: tuple[str, ...]) -> Kept:
    """A suite's image; with I(extra) packages it is an image of its own beside the plain one."""
    public = key.with_suffix(".pub")

    def make(work: Path) -> Path:
        root = work / "root"
        fetch(suite, (*_PACKAGES, *extra), root, variant="minbase")
        _set_up(root, public)
        return disk(root, _SIZE_BYTES, work / "disk")

    label = "-".join(["image", "+".join([suite, *extra])])
    return Kept(cache, label, json.dumps([*_RECIPE, public.read_text()]), make, suffix=".img")


def _set_up(root: Path, public_key: Path) -> None:
    for name, text in _FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / _START_PATH).chmod(0o755)
    for name, target in _LINKS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).unlink(missing_ok=True)
        (root / name).symlink_to(target)
    (root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    shutil.copy(public_key, root / "root/.ssh/authorized_keys")
