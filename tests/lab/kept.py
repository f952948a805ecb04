# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made once and kept for every later run: images and kernels."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .process import CAGE, LEASH, locked, run

_DIGITS = 12


@dataclass(frozen=True)
class Kept:
    """A file or folder of the cache. Its name carries the hash of its recipe: another recipe is another name.

    I(make) makes it in the empty folder that it is given, and returns where.
    """

    cache: Path
    label: str
    recipe: str
    make: Callable[[Path], Path]
    suffix: str = ""

    @property
    def path(self) -> Path:
        return self.cache / self._name(hashlib.sha256(self.recipe.encode()).hexdigest()[:_DIGITS])

    @contextlib.contextmanager
    def use(self) -> Iterator[int]:
        """Make it unless it is there; hold it, so that no other run removes it as an old one.

        Yields the descriptor that holds it: a process that inherits it holds it too.
        Runs that start side by side wait for one build.
        """
        with contextlib.ExitStack() as held:
            with locked(self.cache / f"{self.label}.lock"):
                if not self.path.exists():
                    self._build()
                here = held.enter_context(locked(self.path, shared=True))
                self._drop_old()
            yield here

    def _name(self, digits: str) -> str:
        return f"{self.label}-{digits}{self.suffix}"

    def _build(self) -> None:
        work = self.cache / f"{self.label}.build"
        shutil.rmtree(work, ignore_errors=True)  # of a build that was killed
        work.mkdir()
        print(f"lab: making {self.path}, once", file=sys.stderr)
        try:
            self.make(work).rename(self.path)  # last: what has this name is whole
        finally:
            shutil.rmtree(work)

    def _drop_old(self) -> None:
        """Remove what other recipes made under this label, but nothing that is in use."""
        for old in self.cache.glob(self._name("[0-9a-f]" * _DIGITS)):
            if old != self.path:
                with contextlib.suppress(BlockingIOError), locked(old, wait=False):
                    shutil.rmtree(old) if old.is_dir() else old.unlink()


def fetch(suite: str, packages: tuple[str, ...], root: Path, *, variant: str) -> None:
    """Put packages of a Debian suite, and what they need, into a new folder."""
    include = "--include=" + ",".join(packages)
    run(*LEASH, *CAGE, "mmdebstrap", "--quiet", f"--variant={variant}", include, suite, root)
