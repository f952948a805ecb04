# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time on a machine: the flock(2) of a file that says who has it, and is gone when nobody has."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from typing import Iterator, List, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._machine.files import failure, kind
from ansible_collections.lifeboat.oom.plugins.module_utils._printable import printable

NAME = "lifeboat-oom.lock"
# The first that takes a file. A device need not have them all, or have them writable.
_FOLDERS = ("/run", "/var/run", "/dev", "/tmp", "")  # noqa: S108 what is found there is looked at
_POLL_SECONDS = 0.05
_MOST_BYTES = 200


@contextlib.contextmanager
def exclusive(root: str, what: str, wait_seconds: float) -> Iterator[None]:
    """While inside, no other run is, on this machine. The kernel lets go of it when this process ends, however.

    Raises HostError where another has it for longer than I(wait_seconds), and says who.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        path, descriptor = _opened(root)
        try:
            if not _taken(path, root, descriptor, deadline):
                continue  # who had it has removed it
            _write_down(descriptor, what)
            try:
                yield
            finally:
                with contextlib.suppress(OSError):
                    os.unlink(root + path)
            return
        finally:
            os.close(descriptor)


def _opened(root: str) -> Tuple[str, int]:
    failures: List[HostError] = []
    for folder in _FOLDERS:
        path = f"{folder}/{NAME}"
        try:
            return path, _open(root + path, path)
        except OSError as error:
            _require_nothing(root + path, path)
            failures.append(failure("lock", path, error))
    raise failures[0]


def _open(real: str, path: str) -> int:
    """Never one of somebody else: where others may write, what stands there may be anything."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    descriptor = os.open(real, flags, 0o600)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_nlink > 1:
        os.close(descriptor)
        raise OSError(errno.EEXIST, path)
    return descriptor


def _require_nothing(real: str, path: str) -> None:
    try:
        found = os.lstat(real)
    except OSError:
        return
    what = "a file" if stat.S_ISREG(found.st_mode) else kind(found)
    raise HostError(
        f"cannot lock {path}: found {what} of uid {found.st_uid} with {found.st_nlink} name(s), expected a file of our "
        "own; end what put it there, and remove it",
        path,
    )


def _taken(path: str, root: str, descriptor: int, deadline: float) -> bool:
    """Wait for it. False where it is not the file of that name any more."""
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise HostError(f"another run works on this host: {_holder(descriptor)}", path) from None
            time.sleep(_POLL_SECONDS)
            continue
        except OSError as error:
            raise failure("lock", path, error) from error
        try:
            return os.path.samestat(os.fstat(descriptor), os.lstat(root + path))
        except FileNotFoundError:
            return False


def _write_down(descriptor: int, what: str) -> None:
    with contextlib.suppress(OSError):  # a full file system; the lock holds all the same
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {time.monotonic():.0f} {what}".encode(), 0)


def _holder(descriptor: int) -> str:
    """The clock since boot is the same in all processes, and is not set."""
    words = os.pread(descriptor, _MOST_BYTES, 0).decode("utf-8", "replace").split(" ", 2)
    if len(words) < 3 or not words[0].isdecimal() or not words[1].isdecimal():
        return "it does not say which; look at who has it open, with fuser or in /proc/locks, and run this again"
    seconds = max(0, int(time.monotonic()) - int(words[1]))
    since = time.strftime("%H:%M:%S", time.localtime(time.time() - seconds))
    return (
        f"{printable(words[2])}, process {words[0]}, since {since} ({seconds} s ago); run this again when it has "
        f"ended, and look at it where it does not: ps -p {words[0]}"
    )
