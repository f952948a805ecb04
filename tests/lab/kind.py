# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a device is: a user land on a kernel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .busybox import BUSYBOX
from .debian import debian
from .kept import Kept
from .kernel import kept_kernel
from .process import LabError


@dataclass(frozen=True)
class Kind:
    """A user land and a kernel.

    I(suite) is a Debian release, with more packages in I(extra), or C(busybox).
    I(kernel) is a version of kernel.SUITES, or a program of the host.
    """

    suite: str = "bookworm"
    kernel: str = "6.1"
    extra: tuple[str, ...] = ()

    @property
    def has_python(self) -> bool:
        return self.suite != "busybox"

    def image(self, cache: Path, key: Path) -> Kept:
        """The disk it starts from; root accepts the key."""
        label = "+".join([self.suite, *self.extra])
        if self.has_python:
            return debian(self.suite, self.extra).kept(cache, key, label)
        if self.extra:
            raise LabError(f"a busybox device takes no packages, and was given {', '.join(self.extra)}")
        return BUSYBOX.kept(cache, key, label)

    def kept_kernel(self, cache: Path) -> Kept | None:
        return kept_kernel(cache, self.kernel)
