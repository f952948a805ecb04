# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small device: BusyBox for everything and dropbear for ssh; no Python, no bash, no systemd."""

from __future__ import annotations

from .image import READY, START, START_PATH, Image

_BUSYBOX = "/bin/busybox"
_BOOT_PATH = "etc/init.d/rcS"
_BOOT = f"""\
#!/bin/sh
{_BUSYBOX} mkdir -p /proc /sys /run /var/log /etc/dropbear
{_BUSYBOX} mount -t proc proc /proc
{_BUSYBOX} --install -s
mount -t sysfs sysfs /sys
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
/{START_PATH}
echo {READY} > /dev/console
"""
_INITTAB = f"""\
::sysinit:/{_BOOT_PATH}
::respawn:/usr/sbin/dropbear -F -E -R
::ctrlaltdel:/sbin/reboot
::shutdown:/bin/umount -a -r
"""
BUSYBOX = Image(
    suite="bookworm",
    packages=("busybox-static", "dropbear-bin"),
    variant="extract",
    files={
        "etc/group": "root:x:0:\n",
        "etc/inittab": _INITTAB,
        "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
        _BOOT_PATH: _BOOT,
        START_PATH: START,
    },
    links={"bin/sh": _BUSYBOX, "sbin/init": _BUSYBOX},
    size_bytes=64 * 1024 * 1024,
    without=("etc/apt", "usr/share", "var"),
)
