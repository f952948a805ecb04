# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes the lab starts, and how each is found again and ended by its own id."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

# A pid namespace of its own: when its first process goes, everything started in it goes too.
CAGE = ("unshare", "--fork", "--pid", "--mount-proc", "--kill-child")
# Ends the command when we go away, even by SIGKILL.
LEASH = ("setpriv", "--pdeathsig", "KILL")


class LabError(Exception):
    """The lab can not do what it was asked for; the message says why and what to do."""


def require_root() -> None:
    if os.geteuid():
        raise LabError("the lab needs root, to make images and network namespaces")


def run(*command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a host command to its end; a failure carries the command and what it said."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError as missing:
        raise LabError(f"{words[0]} is missing: install the packages of tests/lab/packages.txt") from missing
    if check and done.returncode:
        raise LabError(f"{' '.join(words)} failed ({done.returncode}): {done.stderr.strip()[-2000:]}")
    return done


@dataclass(frozen=True)
class Process:
    """A process by pid and start time (clock ticks since boot), so that a recycled pid is never mistaken."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """The process that has this pid now; None if there is none, or only its zombie."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return None
        state, *fields = stat.rpartition(")")[2].split()
        return None if state in "ZX" else cls(pid, int(fields[18]))

    @property
    def alive(self) -> bool:
        return Process.of(self.pid) == self

    def end(self, timeout: float = 10) -> None:
        """Kill it and wait until it is gone. If it keeps a cage, that is once all inside is gone."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if self.alive:
                # The first process of a cage is the keeper's child; the keeper waits for it.
                for victim in self._children() or [self]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(victim.pid, signal.SIGKILL)
                if not select.select([handle], [], [], timeout)[0]:
                    raise LabError(f"process {self.pid} is still there {timeout:g} s after SIGKILL")
        finally:
            os.close(handle)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)

    def _children(self) -> list[Process]:
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        pids = listed.read_text().split() if listed.exists() else []
        return [child for child in map(Process.of, map(int, pids)) if child]


def start(command: list[str], output: Path, inherit: Iterable[int]) -> Process:
    """Start a command in a session of its own, its output appended to a file; it keeps the descriptors."""
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(output), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
        *((os.POSIX_SPAWN_DUP2, held, held) for held in inherit),  # onto itself: stays open in the child
    ]
    pid = os.posix_spawnp(
        command[0],
        command,
        os.environ,
        file_actions=files,
        setsid=True,
        setsigmask=[],  # the caller may block some, and Python ignores these two for itself
        setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
    )
    process = Process.of(pid)
    if process is None:
        raise LabError(f"{command[0]} ended at once: {output.read_text(errors='replace')[-2000:]}")
    return process


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until this is done: what is started is also written down."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def locked(path: Path, *, shared: bool = False, wait: bool = True) -> Iterator[int]:
    """Hold an flock on a file (made if missing) or folder. Without wait: BlockingIOError if another holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        yield handle
    finally:
        os.close(handle)
