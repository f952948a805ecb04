# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The door on the machine itself, with what is in C(_machine). The root folder is a parameter."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import subprocess
import time
from typing import Any, BinaryIO, ContextManager, FrozenSet, Iterator, List, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._door import TOO_LARGE_BYTES, Door, Finished, Folder
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, Missing, ReadOnly
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import TICKS_PER_SECOND
from ansible_collections.lifeboat.oom.plugins.module_utils._machine.files import (
    failing,
    failure,
    identity,
    make_fresh,
    open_file,
    open_foreign,
    read_all,
    remove_tree,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._machine.lock import exclusive
from ansible_collections.lifeboat.oom.plugins.module_utils._machine.replacement import Replacement, sweep

psutil: Any
try:
    import psutil
except ImportError:
    psutil = None

# Of a process that maps very many files, and of what a profiler writes.
_TOO_LARGE_BYTES = 10**8
# The largest record of /dev/kmsg (CONSOLE_EXT_LOG_MAX, PRINTK_MESSAGE_MAX), and more than any buffer holds.
_RECORD_BYTES = 8192
_MAX_RECORDS = 1000000
_MAX_RING_BYTES = 64 << 20


def _decode(data: bytes) -> str:
    # Names of processes and files are bytes; surrogates carry what is not UTF-8 through unharmed.
    return data.decode("utf-8", "surrogateescape")


def _encode(text: Optional[str]) -> Optional[bytes]:
    return None if text is None else text.encode("utf-8", "surrogateescape")


def _records(descriptor: int) -> Iterator[bytes]:
    """Each read gives one record. The kernel may overwrite those that wait to be read."""
    left = _MAX_RING_BYTES
    for _number in range(_MAX_RECORDS):
        try:
            record = os.read(descriptor, _RECORD_BYTES)
        except BlockingIOError:
            return
        except BrokenPipeError:  # the next read goes on at the oldest that is left
            continue
        except OSError as error:
            raise failure("read", "/dev/kmsg", error) from error
        if not record:
            return
        left -= len(record)
        if left < 0:
            limit = f"more than {_MAX_RING_BYTES >> 20} MiB"
            raise HostError(f"cannot read /dev/kmsg: found {limit}, which no kernel keeps", "/dev/kmsg")
        yield record


class ProcessFolder(Folder):
    """One process, opened once: a pid that is given to another process later is not mistaken for it."""

    def __init__(self, path: str) -> None:
        self.path = path
        with failing("open", path):
            self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)

    def __enter__(self) -> ProcessFolder:
        return self

    def __exit__(self, *_exception: object) -> None:
        os.close(self._descriptor)

    def read(self, name: str) -> str:
        path = self.path + "/" + name
        with failing("read", path), os.fdopen(os.open(name, os.O_RDONLY, dir_fd=self._descriptor), "rb") as stream:
            return _decode(read_all(stream, path, _TOO_LARGE_BYTES))

    def write(self, name: str, text: str) -> None:
        with failing("write", self.path + "/" + name):
            descriptor = os.open(name, os.O_WRONLY, dir_fd=self._descriptor)
            with os.fdopen(descriptor, "wb", buffering=0) as stream:
                stream.write(text.encode())


class Host(Door):
    """Read, list, write atomically and run, below I(root)."""

    def __init__(self, root: str = "/", timeout_seconds: int = 60) -> None:
        self.root = root.rstrip("/")
        self._timeout_seconds = timeout_seconds

    @property
    def page_kib(self) -> int:
        return os.sysconf("SC_PAGE_SIZE") // 1024

    @property
    def collector(self) -> str:
        return "native"

    @property
    def arch(self) -> str:
        return os.uname().machine

    @property
    def own_pids(self) -> FrozenSet[int]:
        """Our own process, none where the root folder is not that of this machine."""
        return frozenset() if self.root else frozenset([os.getpid()])

    @property
    def is_root(self) -> bool:
        return os.geteuid() == 0

    def real(self, path: str) -> str:
        return self.root + path

    def read(self, path: str) -> str:
        with failing("read", path), open_file(self.real(path), path) as stream:
            return _decode(read_all(stream, path, TOO_LARGE_BYTES))

    def read_foreign(self, path: str) -> str:
        """As C(read()), where others may write: what they have put there in place of a file is an error."""
        with self._open_foreign(path) as stream:
            return _decode(read_all(stream, path, _TOO_LARGE_BYTES))

    def _open_foreign(self, path: str) -> BinaryIO:
        with failing("read", path):
            return open_foreign(self.real(path), path)

    def exists(self, path: str) -> bool:
        return os.path.lexists(self.real(path))

    def is_file(self, path: str) -> bool:
        return os.path.isfile(self.real(path))

    def is_read_only(self, path: str) -> bool:
        return self.is_root and not os.access(self.real(path), os.W_OK)

    def link_target(self, path: str) -> Optional[str]:
        real = self.real(path)
        if not os.path.islink(real):
            return None
        try:
            target = os.path.realpath(real)
        except PermissionError:  # /proc/PID/exe of another user; some Pythons lead to the link itself instead
            return path
        return path if target == real else target

    def resolved(self, path: str) -> str:
        """The path without a link in any part of it: C(/lib/x.so) is C(/usr/lib/x.so) where C(/lib) is a link."""
        root, real = os.path.realpath(self.root or "/"), os.path.realpath(self.real(path))
        return real[len(root) :] if self.root and real.startswith(root + "/") else real

    def written_ticks(self, path: str) -> Optional[int]:
        try:
            age_seconds = time.time() - os.stat(self.real(path)).st_ctime
        except OSError:
            return None
        return int((time.clock_gettime(time.CLOCK_BOOTTIME) - age_seconds) * TICKS_PER_SECOND)

    def names(self, folder: str) -> List[str]:
        try:
            with failing("list", folder):
                return sorted(os.listdir(self.real(folder)))
        except Missing:
            return []

    def process(self, pid: int) -> ProcessFolder:
        return ProcessFolder(self.real(f"/proc/{pid}"))

    def memory_shares(self, pid: int) -> Optional[Tuple[int, int]]:
        """From psutil, which also adds them up where the kernel (before 4.14) does not.

        C(None) also where psutil has no true answer: on a kernel without CONFIG_PROC_PAGE_MONITOR it leaves the
        fields out, and of a zombie it says 0.
        """
        if psutil is None or self.root:
            return None
        try:
            full = psutil.Process(pid).memory_full_info()
        except psutil.NoSuchProcess as error:
            raise Missing(f"process {pid} has ended", f"/proc/{pid}") from error
        except psutil.AccessDenied as error:
            raise ReadOnly(
                f"cannot read /proc/{pid}/smaps: {os.strerror(errno.EACCES)}", f"/proc/{pid}/smaps"
            ) from error
        return (full.pss // 1024, full.uss // 1024) if full.rss and hasattr(full, "pss") else None

    def kernel_messages(self) -> str:
        with failing("read", "/dev/kmsg"):
            descriptor = os.open(self.real("/dev/kmsg"), os.O_RDONLY | os.O_NONBLOCK)
        try:
            return _decode(b"".join(_records(descriptor)))
        finally:
            os.close(descriptor)

    def put(self, path: str, text: str) -> None:
        """Write into a file of the kernel, which takes it or refuses it as a whole."""
        with failing(f"write {text!r} to", path):
            # Never made here: a file that the kernel does not have is not created beside its own.
            descriptor = os.open(self.real(path), os.O_WRONLY | os.O_TRUNC | os.O_NONBLOCK)
            with os.fdopen(descriptor, "wb", buffering=0) as stream:
                stream.write(text.encode())

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Replace a file in one step: readers see the old text or the new one, also after a power cut.

        A link is followed and stays, and a file that is there keeps who it is; I(mode) is that of a new one. Missing
        folders are made.
        """
        self.swap(path, self.read_if_there(path), text, mode=mode).keep()

    def swap(
        self, path: str, before: Optional[str], after: Optional[str], like: Optional[str] = None, mode: int = 0o644
    ) -> Replacement:
        """As C(write()), or with C(None) for I(after) remove it, so that it can be taken back.

        The new file is in all but its text as the one at I(like), if that is given. Raises Changed where what is
        there is not I(before).
        """
        with failing("remove" if after is None else "write", path):
            who = None if like is None else identity(self.real(like), like)
            return Replacement(self.real(path), path, _encode(before), _encode(after), who, mode)

    def sweep(self, folder: str) -> List[str]:
        """Remove what runs of ours that were killed have left in a folder, or above a missing one; the paths."""
        while folder.rpartition("/")[0] and not os.path.isdir(self.real(folder)):
            folder = folder.rpartition("/")[0]
        with failing("sweep", folder):
            return [f"{folder}/{name}" for name in sweep(self.real(folder))]

    def remove_folder_if_empty(self, folder: str) -> bool:
        try:
            os.rmdir(self.real(folder))
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                return False
            raise failure("remove", folder, error) from error
        return True

    def make_folder(self, path: str, mode: int, owner: Optional[Tuple[int, int]] = None, fresh: bool = False) -> None:
        """A folder of this mode and owner (user and group), and what is missing above it.

        Where others may write, ask for a I(fresh) one: that a name of theirs stands there is an error then.
        """
        real = self.real(path)
        with failing("make", path):
            if fresh:
                descriptor = make_fresh(real)
            else:
                os.makedirs(real, exist_ok=True)
                descriptor = os.open(real, os.O_RDONLY | os.O_DIRECTORY)
            try:
                if owner:
                    os.fchown(descriptor, *owner)
                os.fchmod(descriptor, mode)
            finally:
                os.close(descriptor)

    def remove_tree(self, path: str) -> None:
        """Remove a folder with all that is in it, if it is there; no link leads elsewhere."""
        with failing("remove", path), contextlib.suppress(FileNotFoundError):
            remove_tree(self.real(path))

    def size_bytes(self, path: str) -> int:
        """The size of a file that C(read_foreign()) would read."""
        with self._open_foreign(path) as stream:
            return os.fstat(stream.fileno()).st_size

    def free_bytes(self, folder: str) -> int:
        """What may still be written in the file system of I(folder)."""
        with failing("look at", folder):
            found = os.statvfs(self.real(folder))
        return found.f_bavail * found.f_frsize

    def exclusive(self, what: str, wait_seconds: float = 300) -> ContextManager[None]:
        """While inside, no other run that asks for this is; others read that it is I(what) for which they wait.

        Raises HostError where another is inside for longer than I(wait_seconds).
        """
        return exclusive(self.root, what, wait_seconds)

    def lock(self, path: str) -> Optional[int]:
        """Take the flock(2) of a file, which is made; C(None) where another has it. The kernel lets go of it when
        this process ends, however it ends. To be given to C(unlock()).
        """
        with failing("lock", path):
            # The descriptor is not inherited by what is run: only this process holds it.
            descriptor = os.open(self.real(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    @staticmethod
    def unlock(descriptor: int) -> None:
        os.close(descriptor)

    @staticmethod
    def now() -> float:
        """Seconds of a clock that only goes forward."""
        return time.monotonic()

    @staticmethod
    def pause(seconds: float) -> None:
        time.sleep(seconds)

    def run(self, argv: Sequence[str], timeout_seconds: Optional[int] = None, stdin: Optional[str] = None) -> Finished:
        """I(stdin) is the path of a file, read as by C(read_foreign())."""
        timeout_seconds = timeout_seconds or self._timeout_seconds
        environment = dict(os.environ, LC_ALL="C", SYSTEMD_COLORS="0", SYSTEMD_PAGER="")
        program = self.real(argv[0]) if argv[0].startswith("/") else argv[0]
        with open(os.devnull, "rb") if stdin is None else self._open_foreign(stdin) as given, failing("run", argv[0]):
            try:
                # Not run_command of AnsibleModule: the controller, which has none, looks at itself in this way too.
                done = subprocess.run(  # pylint: disable=ansible-bad-function
                    [program, *argv[1:]],
                    stdin=given,
                    capture_output=True,
                    env=environment,
                    timeout=timeout_seconds,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                message = "{} did not end within {} s".format(" ".join(argv[:3]), timeout_seconds)
                raise HostError(message, argv[0]) from error
        return Finished(tuple(argv), done.returncode, _decode(done.stdout), _decode(done.stderr))
