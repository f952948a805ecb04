# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a file is opened, whatever was put in its place; who a file is; and what a failure is called."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
from typing import BinaryIO, Dict, Iterator, NamedTuple, Optional

from ansible_collections.lifeboat.oom.plugins.module_utils._door import refused, too_large
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, Missing, ReadOnly

# ESRCH and ENODEV: a process that ended between the listing and the reading. EISDIR: a folder in its place.
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ESRCH, errno.ENODEV, errno.EISDIR)
_NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)
_HINTS = {
    errno.EPERM: "; lsattr shows whether it or its folder is immutable",
    errno.EBUSY: "; it is a mount of its own (findmnt shows it), so edit or unmount what is mounted there",
}
_KINDS = {
    stat.S_IFREG: "a hard link",
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}
_PIECE_BYTES = 65536
_NULL_DEVICE = os.makedev(1, 3)
# The root folder of another process, as we see it: its links mean our files.
_OTHER_ROOT = re.compile(r"(.*/proc/(?:\d+|self)/root)(?:/(.*))?", re.DOTALL)
# Signatures of the text: the kernel makes them anew.
_OF_THE_TEXT = ("security.ima", "security.evm")


def failure(verb: str, path: str, error: OSError) -> HostError:
    why = os.strerror(error.errno) if error.errno else str(error)
    hint = _HINTS.get(error.errno or 0, "") if verb in ("write", "remove") else ""
    message = f"cannot {verb} {path}: {why}{hint}"
    if error.errno in _GONE:
        return Missing(message, path)
    if error.errno in _NOT_ALLOWED:
        return ReadOnly(message, path)
    return HostError(message, path)


@contextlib.contextmanager
def failing(verb: str, path: str) -> Iterator[None]:
    """An OSError inside is C(failure()) to I(verb) the file or folder at I(path)."""
    try:
        yield
    except OSError as error:
        raise failure(verb, path, error) from error


def kind(found: os.stat_result) -> str:
    return _KINDS.get(stat.S_IFMT(found.st_mode), "something else")


def open_file(real: str, path: str, verb: str = "read", folder: Optional[int] = None) -> BinaryIO:
    """A file for reading. No pipe is waited for, and no device is opened: that alone may set off something."""
    _require_file(os.stat(real, dir_fd=folder), verb, path)
    descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=folder)
    try:
        _require_file(os.fstat(descriptor), verb, path)
    except BaseException:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def _require_file(found: os.stat_result, verb: str, path: str) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, path)
    if not stat.S_ISREG(found.st_mode) and not (verb == "read" and found.st_rdev == _NULL_DEVICE):
        raise refused(path, kind(found), verb)


def open_foreign(real: str, path: str) -> BinaryIO:
    """A file where others may write: no link to it or to its folder is followed, and no pipe is waited for."""
    folder, name = os.path.split(real)
    with entered(folder) as inside:
        descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=inside)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
                what = f"found {kind(found)} of uid {found.st_uid}"
                raise HostError(f"{path}: {what}, expected a file; end what put it there", path)
            return open(f"/proc/self/fd/{descriptor}", "rb")
        finally:
            os.close(descriptor)


def read_all(stream: BinaryIO, path: str, limit_bytes: int) -> bytes:
    """In pieces: where the kernel is to fill a large one at once, as for a sysctl, it says that it has no memory."""
    pieces, left = [], limit_bytes
    while True:
        piece = stream.read(_PIECE_BYTES)
        pieces.append(piece)
        left -= len(piece)
        if left <= 0:
            raise too_large(path, limit_bytes)
        if not piece:
            return b"".join(pieces)


@contextlib.contextmanager
def entered(folder: str, is_ours: bool = False) -> Iterator[int]:
    """A descriptor of a folder where others may write. It is no link itself, unless only we can have put it there.

    In the root folder of another process no part of the path is one.
    """
    other = _OTHER_ROOT.fullmatch(folder)
    start, rest = (folder, "") if is_ours else os.path.split(folder)
    if other:
        start, rest = other.group(1), other.group(2) or ""
    opened = [os.open(start or "/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)]
    try:
        for name in filter(None, rest.split("/")):
            flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            opened.append(os.open(name, flags, dir_fd=opened[-1]))
        yield opened[-1]
    finally:
        for descriptor in opened:
            os.close(descriptor)


def make_fresh(real: str) -> int:
    """A new folder where others may write, and nothing that they have put there, open."""
    parent, name = os.path.split(real)
    with entered(parent, is_ours=True) as inside:
        os.mkdir(name, 0o700, dir_fd=inside)
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=inside)


def remove_tree(real: str) -> None:
    parent, name = os.path.split(real)
    with entered(parent, is_ours=True) as inside:
        shutil.rmtree(f"/proc/self/fd/{inside}/{name}")


class Identity(NamedTuple):
    """Who a file is, apart from its text: mode, owner, group, and attributes such as labels, ACLs, capabilities."""

    mode: int
    uid: int
    gid: int
    attributes: Dict[str, bytes]

    @classmethod
    def of(cls, descriptor: int) -> Identity:
        found = os.fstat(descriptor)
        return cls(stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid, _attributes(descriptor))

    def give(self, descriptor: int, path: str) -> None:
        """Owner first, since that takes set-uid bits and capabilities away; attributes last, since they need both."""
        os.fchown(descriptor, self.uid, self.gid)
        os.fchmod(descriptor, self.mode)
        have = _attributes(descriptor)
        name = ""
        try:
            for name in have.keys() - self.attributes.keys():  # such as the ACL that a folder gives to what is new
                os.removexattr(descriptor, name)
            for name, value in self.attributes.items():
                if have.get(name) != value:
                    os.setxattr(descriptor, name, value)
        except OSError as error:
            why = f"its attribute {name} cannot be kept: {os.strerror(error.errno or 0)}"
            raise HostError(f"cannot write {path}: {why}", path) from error


def _attributes(descriptor: int) -> Dict[str, bytes]:
    try:
        names = [name for name in os.listxattr(descriptor) if name not in _OF_THE_TEXT]
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.ENOSYS):
            return {}
        raise
    return {name: os.getxattr(descriptor, name) for name in names}


def identity(real: str, path: str) -> Identity:
    with open_file(real, path) as stream:
        return Identity.of(stream.fileno())
