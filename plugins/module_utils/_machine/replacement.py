# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a file is replaced: in one step, as who it was, never blindly, and so that it can be taken back."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
from typing import BinaryIO, List, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import Changed, HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._machine.files import Identity, failure, open_file

_PREFIX = ".lifeboat-"
_LEFT_OVER = re.compile(re.escape(_PREFIX) + "[0-9a-f]{12}")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Of link(2): a file system that gives no file a second name, or not this one.
_NO_SECOND_NAMES = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV)


class Replacement:
    """A file that is replaced, made or removed, as long as that can be taken back.

    The former file keeps a second name of ours until then, and so is put back as the very same file. Folders that are
    missing are made around the new file, which has all of its text by then: both come to be there, or neither.

    Raises Changed where it is not, or not any more, what I(before) says.
    """

    def __init__(
        self, real: str, path: str, before: Optional[bytes], after: Optional[bytes], who: Optional[Identity], mode: int
    ) -> None:
        self._path, self._before = path, before
        self._aside: Optional[str] = None
        # A link stays where the file is written, and goes where it is removed.
        folder, self._name = os.path.split(os.path.realpath(real) if after is not None else real)
        self._folder, self._missing = _deepest(folder)
        try:
            self._require_unchanged(self._name)
            if after is None:
                self._set_aside()
            else:
                self._exchange(self._new(after, mode, who or self._who()))
            self._sync_or_undo()
        except BaseException:
            self._close()
            raise

    def keep(self) -> None:
        """It stays. What of ours cannot be removed now, the next run removes."""
        with contextlib.suppress(OSError):
            if self._aside is not None:
                os.unlink(self._aside, dir_fd=self._folder)
        self._close()

    def take_back(self) -> None:
        try:
            self._undo()
        except OSError as error:
            self._close()
            raise failure("put back", self._path, error) from error
        try:
            _sync(self._folder)
        except OSError as error:
            raise self._unsynced(error, "it is again what it was, unless a power cut comes") from error
        finally:
            self._close()

    def _close(self) -> None:
        os.close(self._folder)

    def _open(self, name: str) -> Optional[BinaryIO]:
        try:
            return None if self._missing else open_file(name, self._path, "write", self._folder)
        except FileNotFoundError:
            return None

    def _who(self) -> Optional[Identity]:
        there = self._open(self._name)
        if there is None:
            return None
        with there:
            return Identity.of(there.fileno())

    def _require_unchanged(self, name: str) -> None:
        """No more is read than it takes to tell."""
        there, text = self._open(name), None
        if there is not None:
            with there:
                text = there.read(len(self._before or b"") + 1)
        if text != self._before:
            raise self._changed()

    def _changed(self) -> Changed:
        return Changed(
            f"{self._path} was changed by somebody else at the same moment; end that, and run this again",
            self._path,
        )

    def _new(self, data: bytes, mode: int, who: Optional[Identity]) -> str:
        """The new file, or what is missing of its folders with it, under a name of ours."""
        name = _our_name()
        inside = [self._folder]
        try:
            for folder in [name, *self._missing[1:]] if self._missing else []:
                inside.append(_new_folder(folder, inside[-1]))
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            target = self._name if self._missing else name
            with os.fdopen(os.open(target, flags, 0o600, dir_fd=inside[-1]), "wb") as stream:
                stream.write(data)
                stream.flush()
                if who is None:
                    os.fchmod(stream.fileno(), mode)
                else:
                    who.give(stream.fileno(), self._path)
                os.fsync(stream.fileno())
            for descriptor in reversed(inside[1:]):
                _sync(descriptor)
        except BaseException:
            _discard(self._folder, name)
            raise
        finally:
            for descriptor in inside[1:]:
                os.close(descriptor)
        return name

    def _exchange(self, new: str) -> None:
        try:
            if self._before is None:
                self._make(new)
                return
            aside = _our_name()
            self._aside = aside if self._link(self._name, aside) else None
            self._rename(new, self._name)
        except BaseException:
            _discard(self._folder, new)
            if self._aside is not None:
                _discard(self._folder, self._aside)
            raise
        self._check_aside()

    def _make(self, new: str) -> None:
        """Where nothing is; never over what somebody has made there meanwhile."""
        try:
            if self._missing:
                self._rename(new, self._missing[0])
            elif self._link(new, self._name):
                _discard(self._folder, new)
            else:
                self._require_unchanged(self._name)
                self._rename(new, self._name)
        except OSError as error:
            if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise self._changed() from error
            raise

    def _set_aside(self) -> None:
        aside = _our_name()
        self._rename(self._name, aside)
        self._aside = aside
        self._check_aside()

    def _check_aside(self) -> None:
        """What was written into the former file until its name went to another."""
        if self._aside is not None:
            try:
                self._require_unchanged(self._aside)
            except HostError:
                self._undo()
                raise

    def _rename(self, name: str, other: str) -> None:
        os.rename(name, other, src_dir_fd=self._folder, dst_dir_fd=self._folder)

    def _link(self, name: str, other: str) -> bool:
        """Give a file a second name; false where the file system knows no such thing."""
        try:
            os.link(name, other, src_dir_fd=self._folder, dst_dir_fd=self._folder, follow_symlinks=False)
        except OSError as error:
            if error.errno in _NO_SECOND_NAMES:
                return False
            raise
        return True

    def _undo(self) -> None:
        if self._aside is not None:
            self._rename(self._aside, self._name)
            self._aside = None
        elif self._before is not None:
            self._rename(self._new(self._before, 0o644, self._who()), self._name)
        else:
            os.unlink("/".join([*self._missing, self._name]), dir_fd=self._folder)
            with contextlib.suppress(OSError):  # somebody has put something into it
                for depth in range(len(self._missing), 0, -1):
                    os.rmdir("/".join(self._missing[:depth]), dir_fd=self._folder)

    def _sync_or_undo(self) -> None:
        try:
            _sync(self._folder)
        except OSError as error:
            outcome = "it is again what it was"
            try:
                self._undo()
            except OSError as another:
                outcome = f"the change stands there, since it cannot be put back: {os.strerror(another.errno or 0)}"
            raise self._unsynced(error, outcome) from error

    def _unsynced(self, error: OSError, outcome: str) -> HostError:
        why = os.strerror(error.errno or 0)
        return HostError(f"cannot write {self._path}: its folder cannot be synced: {why}; {outcome}", self._path)


def _our_name() -> str:
    return _PREFIX + os.urandom(6).hex()


def _deepest(folder: str) -> Tuple[int, List[str]]:
    """The deepest folder of a path that is there, open, and the names of those that are missing in it."""
    missing: List[str] = []
    while True:
        try:
            return os.open(folder or "/", _FOLDER), missing
        except FileNotFoundError:
            folder, name = os.path.split(folder)
            missing.insert(0, name)


def _new_folder(name: str, parent: int) -> int:
    """A folder of the usual mode, whatever the umask is; what it has of its parent it keeps."""
    os.mkdir(name, 0o700, dir_fd=parent)
    descriptor = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)
    os.fchmod(descriptor, 0o755 | (os.fstat(descriptor).st_mode & stat.S_ISGID))
    return descriptor


def _sync(folder: int) -> None:
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # a file system that syncs no folders
            raise


def _discard(folder: int, name: str) -> None:
    """Remove a file or a tree, if it is there."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return
    except IsADirectoryError:
        shutil.rmtree(f"/proc/self/fd/{folder}/{name}")


def sweep(real: str) -> List[str]:
    """Remove what runs that were killed have left in a folder; the names."""
    folder = os.open(real, _FOLDER)
    try:
        found = sorted(name for name in os.listdir(folder) if _LEFT_OVER.fullmatch(name))
        for name in found:
            _discard(folder, name)
        if found:
            _sync(folder)
        return found
    finally:
        os.close(folder)
