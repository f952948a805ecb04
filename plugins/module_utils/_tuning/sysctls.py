# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sysctls: what differs (C(plan)), how the file reads then, and how it is applied and put back."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from functools import partial
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, TooMuch, Unsupported
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._plan import Change, Plan
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import ALL_KEYS, DEFAULTS, REMEMBERED
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.file_syntax import (
    Assignment,
    Loader,
    line_starts,
    numbered_lines,
    proc_path,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import VOIDS
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import (
    SysctlState,
    boot_values,
    boot_winners,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.own_file import (
    COMMENTED,
    edited,
    own_values,
    values_before,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.precedence import SysctlFile, boot_writes
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.values import taken
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.edits import FileEdit, also, applied, undo_all

SUBJECT = "kernel"
# Behind the name of a file in which a line was commented out in the user's stead: that file as it was before.
BACKUP = ".before-lifeboat-oom"
_MOST_COMMENTED = 100
# A number, and behind it a remark or more numbers.
_SETTING = re.compile(r"\S+(\s+([#;].*|[\d\s]+))?", re.DOTALL)


@dataclass(frozen=True)
class Goal:
    """Where the sysctls shall be, in the order of writing.

    I(runtime): key → value of the running kernel. I(file): key → value in our file, C(None) takes it out.
    I(given_back): keys whose lines in other files shall be there again.
    """

    runtime: Mapping[str, str]
    file: Mapping[str, Optional[str]]
    given_back: Sequence[str] = ()

    @classmethod
    def present(cls, values: Mapping[str, str], runtime: bool, persistent: bool) -> Goal:
        """I(values) in the chosen layers; the one that such a value zeroes has no place in our file."""
        file: Dict[str, Optional[str]] = {VOIDS[key]: None for key in values if key in VOIDS}
        file.update(values)
        return cls(dict(values) if runtime else {}, file if persistent else {})

    @classmethod
    def absent(
        cls, state: SysctlState, keys: Sequence[str], resting: Mapping[str, str], runtime: bool, persistent: bool
    ) -> Goal:
        """None of I(keys) in our file, none commented out elsewhere, the running kernel at its I(resting) values."""
        own = own_values(state.own_text, keys)
        runtime_values = dict(resting) if runtime else {}
        return cls(runtime_values, dict.fromkeys(own), tuple(keys)) if persistent else cls(runtime_values, {})


def resting_values(state: SysctlState, keys: Sequence[str]) -> Dict[str, str]:
    """What I(keys) would be without us: what another file says, the command line, or the kernel's default.

    A key whose default nobody knows is there only if our file remembers what it was. Of a pair that zero each
    other only the one that decides is there.
    """
    resting = {key: value for key, value in DEFAULTS.items() if key in keys}
    own = own_values(state.own_text, keys)
    resting.update({key: value for key, value in values_before(state.own_text).items() if key in own})
    for edit in giving_back(state, keys):
        state = state.with_file(edit.path, edit.after)
    for key, value in boot_values(state.with_file(state.own_path, None), keys, VOIDS).items():
        resting.pop(VOIDS.get(key, ""), None)
        resting[key] = value
    return {key: value for key, value in resting.items() if key in state.runtime}


def plan_sysctls(state: SysctlState, goal: Goal) -> Plan:
    """What differs. Raises Unsupported where the running kernel lacks a key or does not let it be written."""
    changes = _runtime_changes(state, goal) + _file_changes(state, goal) + _given_back_changes(state, goal)
    return Plan(changes + _boot_changes(state, goal))


def _runtime_changes(state: SysctlState, goal: Goal) -> Tuple[Change, ...]:
    changes = []
    for key, value in goal.runtime.items():
        now = state.runtime.get(key)
        if now is None:
            raise Unsupported(f"{key}: this kernel has no such setting; do not declare it for this host")
        if now == value:
            continue
        if key in state.read_only:
            raise Unsupported(
                f"{key}: the running value is {now}, declared is {value}, and /proc/sys is read-only here, as in a "
                "container; set it on the host itself, or set runtime to false"
            )
        changes.append(Change(SUBJECT, "runtime", key, now, value, "the running kernel has another value"))
    return tuple(changes)


def _file_changes(state: SysctlState, goal: Goal) -> Tuple[Change, ...]:
    own = own_values(state.own_text, ALL_KEYS)
    return tuple(
        Change(SUBJECT, "file", key, own.get(key), value, _why_file(state.own_path, own.get(key), value))
        for key, value in goal.file.items()
        if own.get(key) != value
    )


def _why_file(path: str, before: Optional[str], after: Optional[str]) -> str:
    if before is None:
        return f"{path} does not set it"
    return "{} {}".format(path, "sets it" if after is None else "sets another value")


def _given_back_changes(state: SysctlState, goal: Goal) -> Tuple[Change, ...]:
    why = "a line there was commented out in favour of our file"
    return tuple(
        Change(SUBJECT, "file", edit.path, "commented out", "as it was", why)
        for edit in giving_back(state, goal.given_back)
    )


def _boot_changes(state: SysctlState, goal: Goal) -> Tuple[Change, ...]:
    """Keys that another file would decide at boot, with our file as it shall be."""
    wanted = {key: value for key, value in goal.file.items() if value is not None}
    winners = boot_winners(with_goal_file(state, goal), tuple(wanted), VOIDS)
    changes = []
    for key, value in wanted.items():
        winner = winners.get(key)
        if winner is None:
            why = f"{state.loader}, which sets sysctls at boot here, does not read {state.own_path}"
            changes.append(Change(SUBJECT, "boot", key, None, value, why))
        elif winner.key != key or winner.value != value:
            why = f"overridden by {winner.path}:{winner.line} ({winner.key} = {winner.value})"
            changes.append(Change(SUBJECT, "boot", key, winner.value if winner.key == key else "0", value, why))
    return tuple(changes)


def own_edit(state: SysctlState, goal: Goal) -> Optional[FileEdit]:
    """How our file shall read, C(None) where it may stay as it is."""
    if not _file_changes(state, goal):
        return None
    before = {key: state.runtime[key] for key in REMEMBERED if key in state.runtime}
    return FileEdit(state.own_path, state.own_text, edited(state.own_text, goal.file, before, ALL_KEYS))


def with_goal_file(state: SysctlState, goal: Goal) -> SysctlState:
    edit = own_edit(state, goal)
    return state if edit is None else state.with_file(edit.path, edit.after)


def override_edits(state: SysctlState, goal: Goal) -> Tuple[FileEdit, ...]:
    """The foreign lines that would win at boot, commented out; nothing where that would not help.

    A file below C(/usr) or C(/run) is not ours to edit: a copy in C(/etc/sysctl.d) takes its place, as
    sysctl.d(5) has it.
    """
    edits: Dict[str, FileEdit] = {}
    state = with_goal_file(state, goal)
    rival = _rival(state, goal)
    while rival is not None:
        found = next(each for each in state.files if each.path == rival.path)
        target = rival.path if rival.path.startswith("/etc/") else "/etc/sysctl.d/" + rival.path.rsplit("/", 1)[1]
        taken = any(each.path == target for each in state.files) and target != rival.path
        if found.text is None or taken:
            return ()
        after = _commented(found.text, rival.line, state.loader)
        if target in edits:
            edits[target] = replace(edits[target], after=after)
        elif target == rival.path:
            # Where a line is commented out already it has a backup, or is our copy.
            if COMMENTED not in found.text:
                edits[target + BACKUP] = FileEdit(target + BACKUP, None, found.text, like=target)
            edits[target] = FileEdit(target, found.text, after)
        else:
            edits[target] = FileEdit(target, None, after, like=found.path)
        state = state.with_file(target, after)
        before, rival = rival, _rival(state, goal)
        if rival == before:
            return ()
    return tuple(edits.values())


def _rival(state: SysctlState, goal: Goal) -> Optional[Assignment]:
    """The next foreign line that decides a key of the goal at boot with another value."""
    wanted = {key: value for key, value in goal.file.items() if value is not None}
    for key, winner in boot_winners(state, tuple(wanted), VOIDS).items():
        if winner.path != state.own_path and (winner.key != key or winner.value != wanted[key]):
            return winner
    return None


def _commented(text: str, line: int, loader: Loader) -> str:
    start = line_starts(text, loader)[line - 1]
    return text[:start] + COMMENTED + text[start:]


def giving_back(state: SysctlState, keys: Sequence[str]) -> Tuple[FileEdit, ...]:
    """The lines that set one of I(keys) and that C(override_edits()) has commented out, there again.

    What else was written into the file since then stays, and so does a remark that only begins like such a line.
    """
    edits = []
    for found in state.files:
        text = found.text or ""
        if found.path == state.own_path or COMMENTED not in text:
            continue
        starts = line_starts(text, state.loader)
        lines = [
            (starts[number - 1], SysctlFile(found.path, line[len(COMMENTED) :]))
            for number, line in numbered_lines(text, state.loader)
            if line.startswith(COMMENTED)
        ]
        TooMuch.check(f"{found.path}: lines commented out in favour of our file", len(lines), _MOST_COMMENTED)
        marks = [start for start, line in lines if _sets(state, line, keys)]
        if marks:
            kept = zip([0, *(mark + len(COMMENTED) for mark in marks)], [*marks, len(text)])
            edits.append(FileEdit(found.path, text, "".join(text[start:end] for start, end in kept)))
    return tuple(edits)


def _sets(state: SysctlState, file: SysctlFile, keys: Sequence[str]) -> bool:
    """Whether it is a line, and not a sentence that begins like one."""
    writes = boot_writes((file,), state.loader, tuple(state.runtime))
    return any(
        write.key in keys
        and _SETTING.fullmatch(write.value)
        and taken(write.key, write.value, state.kernel) is not None
        for write in writes
    )


def covered_by(state: SysctlState, path: str) -> Tuple[SysctlFile, ...]:
    """The files that no loader reads because the one at I(path) has their name."""
    name = posixpath.basename(path)
    return tuple(each for each in state.files if each.path != path and posixpath.basename(each.path) == name)


def expected_state(state: SysctlState, goal: Goal, edits: Sequence[FileEdit]) -> SysctlState:
    """The state as it will be: what check mode answers with."""
    runtime = dict(state.runtime)
    for key, value in goal.runtime.items():
        if runtime.get(key) != value and VOIDS.get(key) in runtime:
            runtime[VOIDS[key]] = "0"
        runtime[key] = value
    state = state.with_runtime(runtime)
    for edit in edits:
        state = state.with_file(edit.path, edit.after)
    return state


def apply_sysctls(host: Host, state: SysctlState, plan: Plan, edits: Sequence[FileEdit]) -> None:
    """The running kernel first, then the files; on a failure everything that was written is put back."""
    undo: List[Tuple[str, str]] = []
    try:
        for change in plan.of("runtime"):
            host.put(proc_path(change.key), change.after or "")
            undo.append(_undo(state, change))
        with applied(host, edits):
            pass
    except HostError as error:
        with also(error):
            undo_all([partial(host.put, proc_path(key), value) for key, value in reversed(undo)])
        raise


def _undo(state: SysctlState, change: Change) -> Tuple[str, str]:
    """What brings one key back; one that was zeroed by its partner comes back by writing the partner."""
    partner = VOIDS.get(change.key)
    if partner is not None and change.before == "0":
        return partner, state.runtime[partner]
    return change.key, change.before or ""
