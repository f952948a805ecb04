# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small Debian with systemd, sshd and Python."""

from __future__ import annotations

from .image import READY, START, START_PATH, Image

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
_START_UNIT = f"""\
[Unit]
Description=Name, network and swap of a lab machine
DefaultDependencies=no
Before=network.target sysinit.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/{START_PATH}
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
    START_PATH: START,
    f"{_UNITS}/lab-start.service": _START_UNIT,
    f"{_UNITS}/lab-ready.service": _READY_UNIT,
}
_LINKS = {
    **{f"{_UNITS}/{unit}": "/dev/null" for unit in _MASKED},
    f"{_UNITS}/sysinit.target.wants/lab-start.service": "../lab-start.service",
    f"{_UNITS}/multi-user.target.wants/lab-ready.service": "../lab-ready.service",
    f"{_UNITS}/multi-user.target.wants/ssh.service": "/lib/systemd/system/ssh.service",
}


def debian(suite: str, extra: tuple[str, ...]) -> Image:
    """A release; with more packages in I(extra)."""
    return Image(
        suite=suite,
        packages=(*_PACKAGES, *extra),
        variant="minbase",
        files=_FILES,
        links=_LINKS,
        size_bytes=1200 * 1024 * 1024,
    )
