# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flow of a family of sysctls: read, decide, plan, apply, read again, compare."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, LifeboatError, NotTaken, Refused
from ansible_collections.lifeboat.oom.plugins.module_utils._health.dormant import DormantUnit, read_dormant
from ansible_collections.lifeboat.oom.plugins.module_utils._health.sysctls import read_sysctls
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import parse_meminfo
from ansible_collections.lifeboat.oom.plugins.module_utils._plan import Plan
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import ALL_KEYS, SysctlDeclaration
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.kept import kept
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import MODE, VOIDS
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import SysctlState, layers
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.own_file import foreign_lines
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.decide import decide
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.edits import FileEdit
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.left_over import sweep_sysctls
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.overcommit import counts_dormant
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.sysctls import (
    BACKUP,
    Goal,
    apply_sysctls,
    covered_by,
    expected_state,
    giving_back,
    override_edits,
    own_edit,
    plan_sysctls,
)


def converge_sysctls(
    host: Host, declaration: SysctlDeclaration, check_mode: bool, state: Optional[SysctlState] = None
) -> Tuple[Dict[str, Any], SysctlState]:
    """Bring one family to what is declared; the result of its module, and the sysctls then.

    I(state) is what to go by where another family is to be converged before, and is not yet. Raises LifeboatError where
    another file would win at boot and O(on_conflict) is C(fail), where a guard refuses, where the host does not take a
    value, or where it does not keep one.
    """
    options = declaration.options
    if state is None:
        state = read_sysctls(host, options["sysctl_file"], whole=True)
    warnings = [] if check_mode else sweep_sysctls(host, state)
    dormant = _dormant(host, declaration, state, warnings)
    decision = decide(declaration, state, parse_meminfo(host.read("/proc/meminfo")), dormant)
    goal = decision.goal
    plan = plan_sysctls(state, goal)
    warnings += decision.warnings
    # Converged is converged, however dangerous it has become since: that is for the audit to say.
    objection = decision.objection if plan.changed else None
    if objection is not None:
        if not options["force"]:
            raise Refused(objection.message + "; force: true applies it all the same", dict(objection.numbers))
        warnings.append("forced: " + objection.message)
    foreign = [number for number, _unused in foreign_lines(state.own_text, ALL_KEYS)]
    if foreign:
        warnings.append(
            f"{state.own_path}: {len(foreign)} line(s) there are not ours and stay, the first is line {foreign[0]}"
        )
    edits = [edit for edit in (own_edit(state, goal),) if edit is not None]
    plan, more = _settle_conflicts(state, goal, plan, options["on_conflict"], warnings)
    # A backup of an earlier time, if there is one, is of a file that has been put back since then.
    edits += [
        replace(edit, before=host.read_if_there(edit.path)) if edit.path.endswith(BACKUP) else edit for edit in more
    ]
    edits += _giving_back(host, state, goal, warnings)
    if plan.changed and not check_mode:
        apply_sysctls(host, state, plan, edits)
        after = read_sysctls(host, state.own_path, whole=True)
        _verify(after, goal, options["on_conflict"])
    else:
        after = expected_state(state, goal, edits)
    result: Dict[str, Any] = {
        "changed": plan.changed,
        "plan": plan.as_list(),
        "diff": plan.diff("sysctl") + [edit.diff(partial(kept, loader=state.loader, keys=ALL_KEYS)) for edit in edits],
        "loader": state.loader,
        "settings": _settings(declaration.family.keys, goal, state, after),
        "overridden": [edit.path for edit in more],
        "foreign_lines": foreign,
        "forced": objection is not None,
        "warnings": warnings,
    }
    result.update(decision.result)
    return result, after


def _dormant(
    host: Host, declaration: SysctlDeclaration, state: SysctlState, warnings: List[str]
) -> Sequence[DormantUnit]:
    """The services that the commit limit has to leave room for."""
    if MODE not in declaration.family.keys or not counts_dormant(declaration, state):
        return ()
    try:
        return read_dormant(host)
    except HostError as error:
        warnings.append(f"what enabled services that do not run will ask for is not counted: {error}")
        return ()


def _giving_back(host: Host, state: SysctlState, goal: Goal, warnings: List[str]) -> List[FileEdit]:
    """What was commented out; away with a backup that says no more than the file then, and with a copy of another."""
    edits: List[FileEdit] = []
    for edit in giving_back(state, goal.given_back):
        backup = host.read_if_there(edit.path + BACKUP)
        covered = covered_by(state, edit.path) if backup is None else ()  # what has a backup was not copied by us
        is_copy = edit.after in [each.text for each in covered]
        edits.append(replace(edit, after=None) if is_copy else edit)
        if backup is not None and backup == edit.after:
            edits.append(FileEdit(edit.path + BACKUP, backup, None))
        if covered and not is_copy:
            warnings.append(
                f"{edit.path} was copied from {covered[0].path}, which has been changed since then and is not read as "
                "long as the copy is there; compare them, and remove the copy"
            )
    return edits


def _settle_conflicts(
    state: SysctlState, goal: Goal, plan: Plan, on_conflict: str, warnings: List[str]
) -> Tuple[Plan, Sequence[FileEdit]]:
    """What becomes of files that would win over ours at boot: nothing is written before this is settled."""
    conflicts = plan.of("boot")
    if not conflicts:
        return plan, ()
    message = "; ".join(f"{c.key} = {c.before} at the next boot: {c.why}" for c in conflicts)
    if on_conflict == "override":
        edits = override_edits(state, goal)
        if edits:
            return plan, edits
    if on_conflict == "warn":
        warnings.append(message)
        return Plan(plan.of("runtime", "file")), ()
    raise LifeboatError(message + "; nothing was changed; remove that line, or set on_conflict to warn or override")


def _verify(after: SysctlState, goal: Goal, on_conflict: str) -> None:
    left = plan_sysctls(after, goal)
    if on_conflict == "warn":
        left = Plan(left.of("runtime", "file"))
    if left.changed:
        raise NotTaken(
            "the host did not keep what was written: "
            + "; ".join(f"{c.key} ({c.layer}) is {c.before} and not {c.after}" for c in left.changes)
        )


def _settings(keys: Sequence[str], goal: Goal, before: SysctlState, after: SysctlState) -> Dict[str, Dict[str, Any]]:
    was, now = layers(before, keys, VOIDS), layers(after, keys, VOIDS)

    def declared(key: str) -> Optional[str]:
        return goal.file.get(key) or goal.runtime.get(key)

    return {key: {"declared": declared(key), "before": was[key], "after": now[key]} for key in keys}
