# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""User-mode Linux kernels: each an ordinary program, with the C library that it was built against."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from .kept import Kept, fetch
from .process import LabError, run

# The Debian release whose package user-mode-linux has this kernel.
SUITES = {"5.10": "bullseye", "6.1": "bookworm", "6.12": "trixie"}

_PACKAGES = ("user-mode-linux",)
_XSTATE = Path(__file__).with_name("xstate.c")
_COMPILE = ("gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-fPIC", "-shared", "-nostdlib")
# Kernel and C library have to be of one release, and the program names its loader by an absolute path. So that
# path gets the other loader; only in the machine's own mount namespace. Nothing but the kernel may start after
# that: the host's programs may not run with this library.
_START = """\
mount --bind "$1/ld-linux-x86-64.so.2" /lib64/ld-linux-x86-64.so.2 || exit
LD_LIBRARY_PATH=$1 LD_PRELOAD=$1/xstate.so
export LD_LIBRARY_PATH LD_PRELOAD
shift
exec "$@"
"""
# The kernel puts its memory behind its heap, and a heap at a random address costs it up to 16 MiB of page
# descriptors for the gap. At a fixed address every boot has the same memory.
_STEADY = ("setarch", "--addr-no-randomize")


def kept_kernel(cache: Path, version: str) -> Kept | None:
    """What has to be kept for a kernel of SUITES; None for a program of the host."""
    if version not in SUITES:
        return None
    suite = SUITES[version]

    def make(work: Path) -> Path:
        root, kernel = work / "root", work / "kernel"
        fetch(suite, _PACKAGES, root, variant="extract")
        kernel.mkdir()
        (root / "usr/bin/linux.uml").rename(kernel / "linux.uml")
        (libc,) = root.glob("**/libc.so.6")
        for library in libc.parent.glob("*.so*"):
            library.rename(kernel / library.name)
        run(*_COMPILE, "-o", kernel / "xstate.so", _XSTATE)
        return kernel

    return Kept(cache, f"kernel-{version}", json.dumps([suite, _PACKAGES, _COMPILE, _XSTATE.read_text()]), make)


def starting(kernel: str, kept: Kept | None) -> list[str]:
    """The words that start a kernel in a cage; its arguments follow."""
    if kept:
        return [*_STEADY, "sh", "-c", _START, "sh", str(kept.path), str(kept.path / "linux.uml")]
    if not shutil.which(kernel):
        known = ", ".join(SUITES)
        raise LabError(f"no kernel {kernel!r}: ask for one of {known}, or give the path of a linux.uml")
    return [*_STEADY, kernel]
