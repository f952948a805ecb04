# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a device is: a user land on a kernel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .debian import debian
from .kept import Kept
from .kernel import kept_kernel


@dataclass(frozen=True)
class Kind:
    """A Debian release with more packages in I(extra), on a kernel by its version or a program's path."""

    suite: str = "bookworm"
    kernel: str = "6.1"
    extra: tuple[str, ...] = ()

    def image(self, cache: Path, key: Path) -> Kept:
        """The disk it starts from; root accepts the key."""
        label = "+".join([self.suite, *self.extra])
        return debian(self.suite, self.extra).kept(cache, key, label)

    def kept_kernel(self, cache: Path) -> Kept | None:
        return kept_kernel(cache, self.kernel)
