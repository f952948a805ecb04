# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of the controller one host may take: some time, and some memory. It may answer never, or without end."""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import TooMuch

SECONDS = 600
# Besides what the process of the task has already, which may hold an inventory of many hosts.
MOST_BYTES = 1 << 30


class Late(BaseException):
    """Time is up. Not an Exception: connections try again after those."""


@contextmanager
def limited(seconds: float, most_bytes: int = MOST_BYTES) -> Iterator[None]:
    """For the one thread of a task; 0 seconds are no limit. Raises TooMuch."""
    try:
        with at_most(seconds) if seconds else nullcontext(), _holding(most_bytes):
            yield
    except Late:
        raise TooMuch(f"there was no whole answer within {seconds} seconds") from None
    except MemoryError:
        raise TooMuch(f"the answer takes more memory than {most_bytes >> 20} MiB") from None


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises Late in what takes longer: a connection may wait for ever for a device that is gone.

    A timeout that Ansible was given is kept to, too: it has the same clock.
    """
    began, left = time.monotonic(), signal.getitimer(signal.ITIMER_REAL)[0]
    if 0 < left < seconds:
        yield
        return
    before = signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left and max(left - (time.monotonic() - began), 0.001))
        signal.signal(signal.SIGALRM, before)


def _ring(_number: int, _frame: FrameType | None) -> None:
    raise Late


@contextmanager
def _holding(most_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_lower(soft, most_bytes), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _lower(soft: int, most_bytes: int) -> int:
    """The limit for so much more than is held; the old one where that is lower, or this controller has no C(/proc)."""
    try:
        held_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return soft
    wanted = held_pages * resource.getpagesize() + most_bytes
    return wanted if soft == resource.RLIM_INFINITY else min(soft, wanted)
