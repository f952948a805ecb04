# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who takes a profile back: a small unit of its own on the host, in every case the same one.

The module holds a lock while it profiles. The guard waits for that lock and then takes back: also where the module
was killed, its connection was lost, or it hangs. C(/run) forgets the drop-in at a reboot.
"""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.units import blocks

HOME = "/var/lib/lifeboat-oom"
_LOCKS = "/run/lifeboat-oom-profile"  # not the folder of the samples, which others may read
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Place:
    """Where one run keeps its things: a folder of its own for each subject, and with it the name of its guard."""

    subject: str

    @property
    def _digest(self) -> str:
        return hashlib.sha256(self.subject.encode("utf-8", "surrogateescape")).hexdigest()[:12]

    @property
    def folder(self) -> str:
        return f"{HOME}/profile-{self._digest}"

    @property
    def guard(self) -> str:
        return f"lifeboat-oom-profile-{self._digest}.service"

    @property
    def transient(self) -> str:
        """The unit of a command."""
        return f"lifeboat-oom-profiled-{self._digest}.service"

    @property
    def lock(self) -> str:
        return f"{_LOCKS}/profile-{self._digest}.lock"

    @property
    def finished(self) -> str:
        return self.folder + "/finished"

    @property
    def data(self) -> str:
        """What the profiler writes goes here; it belongs to the user of the service."""
        return self.folder + "/data"


def script(place: Place, take_back: Tuple[str, ...], timeout: int) -> str:
    """What the guard runs; may be run by hand too."""
    lines = [
        "#!/bin/sh",
        "# Made by lifeboat.oom.heap_profile. Waits until the module lets go of the lock, however it ends,",
        f"# at most {timeout} s; then takes back.",
        f"flock -w {timeout} {shlex.quote(place.lock)} true",
        *take_back,
        "code=$?",
        f"[ -e {shlex.quote(place.finished)} ] || rm -rf {shlex.quote(place.folder)}",
        "exit $code",
    ]
    return "\n".join(lines) + "\n"


class Watchdog:
    """As a context: from before the first change until all is taken back, which I(check) looks at.

    Raises LifeboatError where it is not taken back. After a failure the guard removes the folder too.
    """

    def __init__(
        self, host: Host, place: Place, take_back: Tuple[str, ...], timeout: int, check: Callable[[], None]
    ) -> None:
        self._host, self._place, self._take_back, self._timeout = host, place, take_back, timeout
        self._check = check
        self._lock: Optional[int] = None

    def __enter__(self) -> Watchdog:
        host, place = self._host, self._place
        host.make_folder(HOME, 0o711)
        host.make_folder(_LOCKS, 0o700)
        self._lock = host.lock(place.lock)
        if self._lock is None or show(host, place.guard, "ActiveState")["ActiveState"] in ("active", "activating"):
            self._let_go()
            raise LifeboatError(f"{place.subject} is being profiled already, or that is just being taken back; wait")
        try:
            host.remove_tree(place.folder)  # of a run that was killed
            host.make_folder(place.folder, 0o711)
            path = place.folder + "/take-back.sh"
            host.write(path, script(place, self._take_back, self._timeout), 0o700)
            about = f"--description=Takes back the heap profile of {place.subject}"
            host.run_or_fail(
                ["systemd-run", "--quiet", "--collect", f"--unit={place.guard}", about, "/bin/sh", host.real(path)]
            )
        except BaseException:
            self._let_go()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        """Let the guard take back, and wait until it has."""
        host, place = self._host, self._place
        if exception[0] is None:
            host.write(place.finished, "")
        self._let_go()
        deadline = host.now() + self._timeout
        while show(host, place.guard, "ActiveState")["ActiveState"] in ("active", "activating", "deactivating"):
            if host.now() > deadline:
                raise LifeboatError(
                    f"{place.guard} still takes back after {self._timeout} s; look at 'systemctl status {place.guard}'"
                )
            host.pause(_POLL_SECONDS)
        self._check()

    def _let_go(self) -> None:
        if self._lock is not None:
            self._host.unlock(self._lock)
            self._lock = None


def show(host: Host, unit: str, *properties: str) -> Dict[str, str]:
    """Properties of a unit, for C(units.text()) and C(units.words()); an empty one where systemd does not print it."""
    argv = ["systemctl", "show", "--no-pager", "--property=" + ",".join(properties), "--", unit]
    found = next(iter(blocks(host.run_or_fail(argv))), {})
    return {name: found.get(name, "") for name in properties}


def must(host: Host, argv: List[str], timeout: int, what: str, stdin: Optional[str] = None) -> str:
    """The output of a command that has to succeed within I(timeout) seconds; else an error that begins with I(what)."""
    done = host.run(argv, timeout, stdin)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "nothing")[-2000:]
        raise HostError(f"{what}: {argv[0]} ended with {done.returncode} and said: {said}", argv[0])
    return done.stdout
