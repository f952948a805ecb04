# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a machine is looked at, whoever looks: C(Host) on the machine itself, or a record of what C(sh) printed there.

What reads through a door gets the same answers through either, so there is one collector.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import FrozenSet, List, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, Missing

# A power of ten: sh tells the size of a file by the number of its digits.
TOO_LARGE_BYTES = 10**7


def refused(path: str, kind: str, verb: str = "read") -> HostError:
    return HostError(f"cannot {verb} {path}: found {kind}, expected a file; remove what is there", path)


def too_large(path: str, limit_bytes: int = TOO_LARGE_BYTES) -> HostError:
    return HostError(f"cannot read {path}: it has {limit_bytes // 10**6} MB or more, too much for such a file", path)


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    argv: Tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str


class Folder:
    """One process's folder in C(/proc); to be closed by leaving its context."""

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_exception: object) -> None:
        return None

    def read(self, name: str) -> str:
        raise NotImplementedError


class Door:
    """Reading. Text is UTF-8 with surrogates for other bytes; every failure is a HostError that names the path."""

    @property
    def collector(self) -> str:
        """How this door looks: C(native) or C(bare)."""
        raise NotImplementedError

    @property
    def page_kib(self) -> int:
        raise NotImplementedError

    @property
    def arch(self) -> str:
        raise NotImplementedError

    @property
    def own_pids(self) -> FrozenSet[int]:
        """The processes that do the looking."""
        raise NotImplementedError

    def read(self, path: str) -> str:
        raise NotImplementedError

    def exists(self, path: str) -> bool:
        raise NotImplementedError

    def is_file(self, path: str) -> bool:
        """Whether what is there is a file, or a link to one."""
        raise NotImplementedError

    def is_read_only(self, path: str) -> bool:
        """Whether not even root may write it; C(False) where another user asks, who cannot know."""
        raise NotImplementedError

    def link_target(self, path: str) -> Optional[str]:
        """Where a link leads in the end, C(None) if I(path) is not a link; I(path) where it may not be followed."""
        raise NotImplementedError

    def written_ticks(self, path: str) -> Optional[int]:
        """When a file was written, or changed in any way, in clock ticks since boot: below 0 before. C(None) where that
        cannot be told.
        """
        raise NotImplementedError

    def names(self, folder: str) -> List[str]:
        """The names in a folder, sorted; none where there is no such folder."""
        raise NotImplementedError

    def process(self, pid: int) -> Folder:
        raise NotImplementedError

    def memory_shares(self, pid: int) -> Optional[Tuple[int, int]]:
        """PSS and USS of a process in KiB by a library of the machine, C(None) where it has none."""
        return None

    def kernel_messages(self) -> str:
        """All records of C(/dev/kmsg) that are still there, for where no command shows them."""
        raise Missing("cannot read /dev/kmsg: only Python can", "/dev/kmsg")

    def run(self, argv: Sequence[str]) -> Finished:
        """Run a command in the C locale. Not being there and not ending are errors, a return code is data."""
        raise NotImplementedError

    def read_if_there(self, path: str) -> Optional[str]:
        """The text, or C(None) where there is no such file. Any other failure is raised."""
        try:
            return self.read(path)
        except Missing:
            return None

    def run_or_fail(self, argv: Sequence[str]) -> str:
        """The standard output of a command that has to succeed."""
        done = self.run(argv)
        if done.returncode != 0:
            said = done.stderr.strip() or done.stdout.strip() or "nothing"
            raise HostError("{} ended with {}: {}".format(" ".join(argv[:3]), done.returncode, said), argv[0])
        return done.stdout
