# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The door: the only file that touches a machine. The root folder is a parameter."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import subprocess
import tempfile
import time
from typing import Any, BinaryIO, FrozenSet, Iterator, List, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door, Finished, Folder
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, Missing, ReadOnly

psutil: Any
try:
    import psutil
except ImportError:
    psutil = None

# ESRCH and ENODEV: a process that ended between the listing and the reading. EISDIR: a folder in its place.
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ESRCH, errno.ENODEV, errno.EISDIR)
_NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)

_KINDS = {stat.S_IFREG: "a hard link", stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}

# The largest record of /dev/kmsg (CONSOLE_EXT_LOG_MAX, PRINTK_MESSAGE_MAX), and more than any buffer holds.
_RECORD_BYTES = 8192
_MAX_RECORDS = 1000000


def _error(verb: str, path: str, error: OSError) -> HostError:
    message = f"cannot {verb} {path}: {os.strerror(error.errno) if error.errno else error}"
    if error.errno in _GONE:
        return Missing(message, path)
    if error.errno in _NOT_ALLOWED:
        return ReadOnly(message, path)
    return HostError(message, path)


def _decode(data: bytes) -> str:
    # Names of processes and files are bytes; surrogates carry what is not UTF-8 through unharmed.
    return data.decode("utf-8", "surrogateescape")


def _write_all(descriptor: int, text: str) -> None:
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(text.encode("utf-8", "surrogateescape"))
        stream.flush()
        os.fsync(stream.fileno())


def _records(descriptor: int) -> Iterator[bytes]:
    """Each read gives one record. The kernel may overwrite those that wait to be read."""
    for _number in range(_MAX_RECORDS):
        try:
            record = os.read(descriptor, _RECORD_BYTES)
        except BlockingIOError:
            return
        except BrokenPipeError:  # the next read goes on at the oldest that is left
            continue
        except OSError as error:
            raise _error("read", "/dev/kmsg", error) from error
        if not record:
            return
        yield record


def _regular(path: str) -> Optional[os.stat_result]:
    """What is there, C(None) for nothing. Raises OSError for what no text can take the place of."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    return found


def _open_foreign(real: str, path: str) -> BinaryIO:
    """A file where others may write: no link to it or to its folder is followed, and no pipe is waited for."""
    folder, name = os.path.split(real)
    opened = []
    try:
        opened.append(os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW))
        opened.append(os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=opened[0]))
        found = os.fstat(opened[1])
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            kind = _KINDS.get(stat.S_IFMT(found.st_mode), "a folder or device")
            raise HostError(f"{path}: found {kind} of uid {found.st_uid}, expected a file; end what put it there", path)
        return open(f"/proc/self/fd/{opened[1]}", "rb")
    except OSError as error:
        raise _error("read", path, error) from error
    finally:
        for descriptor in opened:
            os.close(descriptor)


class ProcessFolder(Folder):
    """One process, opened once: a pid that is given to another process later is not mistaken for it."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise _error("open", path, error) from error

    def __enter__(self) -> ProcessFolder:
        return self

    def __exit__(self, *_exception: object) -> None:
        os.close(self._descriptor)

    def read(self, name: str) -> str:
        try:
            with os.fdopen(os.open(name, os.O_RDONLY, dir_fd=self._descriptor), "rb") as stream:
                return _decode(stream.read())
        except OSError as error:
            raise _error("read", self.path + "/" + name, error) from error

    def write(self, name: str, text: str) -> None:
        try:
            descriptor = os.open(name, os.O_WRONLY, dir_fd=self._descriptor)
            with os.fdopen(descriptor, "wb", buffering=0) as stream:
                stream.write(text.encode())
        except OSError as error:
            raise _error("write", self.path + "/" + name, error) from error


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
        try:
            with open(self.real(path), "rb") as stream:
                return _decode(stream.read())
        except OSError as error:
            raise _error("read", path, error) from error

    def read_foreign(self, path: str) -> str:
        """As C(read()), where others may write: what they have put there in place of a file is an error."""
        with _open_foreign(self.real(path), path) as stream:
            return _decode(stream.read())

    def exists(self, path: str) -> bool:
        return os.path.lexists(self.real(path))

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

    def names(self, folder: str) -> List[str]:
        try:
            return sorted(os.listdir(self.real(folder)))
        except OSError as error:
            failure = _error("list", folder, error)
            if isinstance(failure, Missing):
                return []
            raise failure from error

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
        try:
            descriptor = os.open(self.real("/dev/kmsg"), os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise _error("read", "/dev/kmsg", error) from error
        try:
            return _decode(b"".join(_records(descriptor)))
        finally:
            os.close(descriptor)

    def put(self, path: str, text: str) -> None:
        """Write into a file of the kernel, which takes it or refuses it as a whole."""
        try:
            # Never made here: a file that the kernel does not have is not created beside its own.
            descriptor = os.open(self.real(path), os.O_WRONLY | os.O_TRUNC)
            with os.fdopen(descriptor, "wb", buffering=0) as stream:
                stream.write(text.encode())
        except OSError as error:
            raise _error(f"write {text!r} to", path, error) from error

    def write(self, path: str, text: str, mode: int = 0o644) -> bool:
        """Replace a file in one step: readers see the old text or the new one, also after a power cut.

        A link is followed and stays, and a file that is there keeps its owner and mode; I(mode) is that of a new
        one. Says whether the folder had to be made.
        """
        target = os.path.realpath(self.real(path))
        folder = os.path.dirname(target)
        temporary = None
        try:
            made = not os.path.isdir(folder)
            there = _regular(target)
            os.makedirs(folder, mode=0o755, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(prefix=".lifeboat-", dir=folder)
            _write_all(descriptor, text)
            os.chmod(temporary, mode if there is None else stat.S_IMODE(there.st_mode))
            if there is not None:
                os.chown(temporary, there.st_uid, there.st_gid)
            os.replace(temporary, target)
            temporary = None
            self._sync_folder(folder)
        except OSError as error:
            raise _error("write", path, error) from error
        finally:
            if temporary is not None:
                os.unlink(temporary)
        return made

    def remove(self, path: str) -> None:
        try:
            os.unlink(self.real(path))
            self._sync_folder(os.path.dirname(self.real(path)))
        except OSError as error:
            raise _error("remove", path, error) from error

    def remove_folder_if_empty(self, folder: str) -> bool:
        try:
            os.rmdir(self.real(folder))
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                return False
            raise _error("remove", folder, error) from error
        return True

    def make_folder(self, path: str, mode: int, owner: Optional[Tuple[int, int]] = None, fresh: bool = False) -> None:
        """A folder of this mode and owner (user and group), and what is missing above it.

        Where others may write, ask for a I(fresh) one: that a name of theirs stands there is an error then.
        """
        real = self.real(path)
        try:
            if fresh:
                os.mkdir(real, 0o700)
            else:
                os.makedirs(real, exist_ok=True)
            # A link that has taken its place meanwhile is not followed where others may write.
            descriptor = os.open(real, os.O_RDONLY | os.O_DIRECTORY | (os.O_NOFOLLOW if fresh else 0))
            try:
                if owner:
                    os.fchown(descriptor, *owner)
                os.fchmod(descriptor, mode)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _error("make", path, error) from error

    def remove_tree(self, path: str) -> None:
        """Remove a folder with all that is in it, if it is there."""
        try:
            shutil.rmtree(self.real(path))
        except FileNotFoundError:
            return
        except OSError as error:
            raise _error("remove", path, error) from error

    def size_bytes(self, path: str) -> int:
        """The size of a file that C(read_foreign()) would read."""
        with _open_foreign(self.real(path), path) as stream:
            return os.fstat(stream.fileno()).st_size

    def free_bytes(self, folder: str) -> int:
        """What may still be written in the file system of I(folder)."""
        try:
            found = os.statvfs(self.real(folder))
        except OSError as error:
            raise _error("look at", folder, error) from error
        return found.f_bavail * found.f_frsize

    def lock(self, path: str) -> Optional[int]:
        """Take the flock(2) of a file, which is made; C(None) where another has it. The kernel lets go of it when
        this process ends, however it ends. To be given to C(unlock()).
        """
        try:
            # The descriptor is not inherited by what is run: only this process holds it.
            descriptor = os.open(self.real(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _error("lock", path, error) from error
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
        with open(os.devnull, "rb") if stdin is None else _open_foreign(self.real(stdin), stdin) as given:
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
            except OSError as error:
                raise _error("run", argv[0], error) from error
            except subprocess.TimeoutExpired as error:
                message = "{} did not end within {} s".format(" ".join(argv[:3]), timeout_seconds)
                raise HostError(message, argv[0]) from error
        return Finished(tuple(argv), done.returncode, _decode(done.stdout), _decode(done.stderr))

    @staticmethod
    def _sync_folder(folder: str) -> None:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
