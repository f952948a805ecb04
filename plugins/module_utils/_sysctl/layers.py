# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sysctl in all its layers: command line, our file, what wins at boot, the running kernel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, Iterable, Mapping, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.file_syntax import Assignment, Loader
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.own_file import own_values
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.precedence import SysctlFile, boot_writes
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.values import NEWEST, is_passed_over, taken


@dataclass(frozen=True)
class SysctlState:
    """The sysctls of one host."""

    loader: Loader
    """What sets them at boot: C(systemd), C(procps), C(procps3), C(procps3-run-first) or C(busybox); C(systemd-244),
    C(systemd-243) or C(systemd-219) for an older systemd, which reads less of sysctl.d(5).
    """

    own_path: str
    """Path of our file, there or not."""

    files: Tuple[SysctlFile, ...]
    """Each file that the loader may read."""

    runtime: Mapping[str, str]
    """The running values by key; a key that is not there is one that this kernel does not have."""

    read_only: Tuple[str, ...]
    """Keys that not even root can write here."""

    cmdline: Mapping[str, str]
    """What the kernel took from its command line (5.8), by key in the order of the writes."""

    kernel: Tuple[int, int] = NEWEST
    """Numbers of the kernel's version (major, minor)."""

    @property
    def own_text(self) -> Optional[str]:
        return next((found.text for found in self.files if found.path == self.own_path), None)

    def with_file(self, path: str, text: Optional[str]) -> SysctlState:
        """The state with another text of one file, without the file for C(None)."""
        files = tuple(found for found in self.files if found.path != path)
        return replace(self, files=files if text is None else files + (SysctlFile(path, text),))

    def with_runtime(self, values: Mapping[str, str]) -> SysctlState:
        return replace(self, runtime=dict(self.runtime, **values))


def boot_winners(state: SysctlState, keys: Sequence[str], voids: Mapping[str, str]) -> Dict[str, Assignment]:
    """For each of I(keys) the assignment that decides it at boot; none where no file sets it.

    That is the last one that the kernel takes, with the value that it then shows. I(voids) maps a key to the one that
    the kernel zeroes whenever the first is written. A winner with another C(key) than asked for is such a write: it
    undoes what an earlier line had set.
    """
    winners: Dict[str, Assignment] = {}
    at_first = _after(state.cmdline.items(), voids)

    def refuses(write: Assignment) -> bool:
        passed_over = is_passed_over(write.key, write.value, state.kernel)
        return not passed_over and taken(write.key, write.value, state.kernel) is None

    def value(write: Assignment) -> str:
        number = taken(write.key, write.value, state.kernel)
        if number is not None:
            return number
        # Passed over: it keeps what it had.
        before = winners.get(write.key)
        if before is None:
            # A write to the other one has zeroed what the command line set.
            return "0" if voids.get(write.key) in winners else at_first.get(write.key, "0")
        return before.value if before.key == write.key else "0"

    for write in boot_writes(state.files, state.loader, tuple(state.runtime), refuses):
        winners[write.key] = write = replace(write, value=value(write))
        victim = voids.get(write.key)
        if victim in winners:
            winners[victim] = write
    return {key: winners[key] for key in keys if key in winners}


def boot_values(state: SysctlState, keys: Sequence[str], voids: Mapping[str, str]) -> Dict[str, str]:
    """What the command line, and after it the files, set I(keys) to at boot.

    Of a pair that zero each other only the one that decides is there.
    """
    winners = boot_winners(state, keys, voids)
    by_files = ((key, winner.value) for key, winner in winners.items() if winner.key == key)
    return _after((pair for pair in (*state.cmdline.items(), *by_files) if pair[0] in keys), voids)


def _after(writes: Iterable[Tuple[str, str]], voids: Mapping[str, str]) -> Dict[str, str]:
    """What keys have after these writes, without those that were zeroed."""
    found: Dict[str, str] = {}
    for key, value in writes:
        found.pop(voids.get(key, ""), None)
        found[key] = value
    return found


def layers(state: SysctlState, keys: Sequence[str], voids: Mapping[str, str]) -> Dict[str, Dict[str, Any]]:
    """Each key as the contract has it: C(file), C(boot_winner) {file, line, value}, C(runtime), C(cmdline)."""
    own = own_values(state.own_text, keys)
    winners = boot_winners(state, keys, voids)
    return {
        key: {
            "cmdline": state.cmdline.get(key),
            "file": own.get(key),
            "boot_winner": _source(key, winners.get(key)),
            "runtime": state.runtime.get(key),
        }
        for key in keys
    }


def _source(key: str, winner: Optional[Assignment]) -> Optional[Dict[str, Any]]:
    if winner is None:
        return None
    return {"file": winner.path, "line": winner.line, "value": winner.value if winner.key == key else "0"}
