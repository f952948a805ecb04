# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flow of the module C(service_oom_score): read, plan, guard, apply, read again, judge."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import (
    HostError,
    InvalidPolicy,
    LifeboatError,
    Missing,
    ReadOnly,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._health.process_table import read_processes
from ansible_collections.lifeboat.oom.plugins.module_utils._health.services import has_systemd, read_declared
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.badness import Killer, kernel_version
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.memory import parse_meminfo
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import (
    Process,
    parse_cgroup,
    parse_stat,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._plan import Plan
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import ServicePolicy, ServicesDeclaration
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd import seen_scores
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.dropins import kept
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.seen_scores import SEEN_FILE
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import (
    RunningScore,
    ServiceState,
    owns_folder,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.settings import KEYS
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.edits import FileEdit, applied
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.inheritance import (
    claim_of,
    descent_warnings,
    self_adjusted,
    still_given,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.left_over import sweep_dropins
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.protection import (
    Outcome,
    check_guards,
    next_victim_warnings,
    order_diff,
    outcome,
    rescored,
    shown_order,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.seen import seen_after
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.services import (
    FAILED_VERDICTS,
    UNAVAILABLE,
    Task,
    Verdict,
    expected,
    judged,
    plan_services,
    restart_needed,
    started_with_it,
    tasks,
    touched,
    writable,
)

# The options that say how to apply.
How = Mapping[str, Any]


@dataclass(frozen=True)
class _Look:
    """One look at the host."""

    work: Tuple[Task, ...]
    processes: Tuple[Process, ...]


def converge_services(host: Host, declaration: ServicesDeclaration, check_mode: bool) -> Dict[str, Any]:
    """Bring all declared services to their settings; the result of the module."""
    how = declaration.options
    swept = [] if check_mode else sweep_dropins(host)
    before, warnings = _look(host, declaration.services, how)
    warnings = swept + warnings + _unavailable(before.work, how)
    plan = plan_services(before.work, how["apply"] != "none", how["missing"] == "write")
    promised = tuple(expected(task, how["apply"], how["missing"] == "write") for task in before.work)
    found = _outcome(host, before, rescored(before.processes, _scores(promised)))
    warnings += _guarded(before, found, how, plan.changed)
    if plan.changed:
        warnings += next_victim_warnings(found, declaration.sensitive)
    edits = _edits(host, before.work, how)
    after, processes = promised, before.processes
    if plan.changed and not check_mode:
        _apply(host, before.work, plan, edits, how)
        # What was left over is gone now, and is judged all the same.
        again, _unused = _look(host, [task.policy for task in before.work], {**how, "exclusive": False})
        after, processes = again.work, again.processes
        found = _outcome(host, before, processes)
    if plan.changed:
        warnings += [*self_adjusted(after), *still_given(before.work, processes)]
    if not check_mode:
        warnings += _keep_seen(host, before.work, after, how)
    return _result(plan, edits, before.work, after, found, warnings)


def _guarded(look: _Look, found: Outcome, how: How, changes: bool) -> List[str]:
    """Ask the guards of what is declared; about what is inherited also where it is in force already."""
    claims = [claim_of(task, task.policy.oom_score_adj) for task in look.work if task.policy.oom_score_adj is not None]
    warnings = check_guards(found, claims, how["max_protected_pct"], how["force"], changes)
    return warnings + (descent_warnings(claims, look.processes) if changes else [])


def _look(host: Host, policies: Sequence[ServicePolicy], how: How) -> Tuple[_Look, List[str]]:
    processes, _unused = read_processes(host)
    if not any(policy.present for policy in policies) and not has_systemd(host):
        return _Look((), processes), []  # nothing of ours can be in force there
    found = read_declared(host, [policy.name for policy in policies], processes, how["dropin"])
    known, warnings = _known_settings(policies, found.systemd_version, how["skip_unknown"])
    return _Look(tasks(found, known, how["exclusive"]), processes), warnings


def _known_settings(
    policies: Sequence[ServicePolicy], version: int, skip_unknown: bool
) -> Tuple[Tuple[ServicePolicy, ...], List[str]]:
    """The policies with only what this systemd understands."""
    known, warnings = [], []
    for policy in policies:
        unknown = [key for key in policy.settings if KEYS[key].since > version]
        for key in unknown:
            message = f"{policy.name}: systemd {version} here has no {key}, which came with {KEYS[key].since}"
            if not skip_unknown:
                raise InvalidPolicy(message + "; take it out for this host, or set skip_unknown: true")
            warnings.append(message + "; skipped")
        settings = {key: value for key, value in policy.settings.items() if key not in unknown}
        known.append(replace(policy, settings=settings))
    return tuple(known), warnings


def _unavailable(work: Sequence[Task], how: How) -> List[str]:
    """Units that are not installed or masked: an error, a warning, or written for later."""
    said = {"not-found": "is not installed", "masked": "is masked, so that it never starts"}
    found = [
        f"{task.policy.name} {said[task.unit.load_state]}"
        for task in work
        if task.policy.present and task.unit.load_state in UNAVAILABLE
    ]
    if not found or how["missing"] == "write":
        return []
    if how["missing"] == "error":
        raise LifeboatError(
            "; ".join(found) + "; expected units that can run (systemctl list-unit-files shows them); nothing was "
            "changed; take them out, or set missing (oom_protect_missing in an inventory) to warn or write"
        )
    return [message + "; left alone" for message in found]


def _scores(work: Sequence[Task]) -> Dict[int, int]:
    return {
        process.pid: process.oom_score_adj for task in work for state in task.unit.states for process in state.running
    }


def _outcome(host: Host, before: _Look, after: Sequence[Process]) -> Outcome:
    killer = Killer(kernel_version(host.read("/proc/sys/kernel/osrelease")), host.page_kib)
    return outcome(before.processes, after, parse_meminfo(host.read("/proc/meminfo")), killer)


def _edits(host: Host, work: Sequence[Task], how: How) -> List[FileEdit]:
    return [
        FileEdit(
            task.unit.own_path,
            None if task.unit.own_text is None else host.read_if_there(task.unit.own_path),
            task.written.own_text,
            with_folder=owns_folder(task.unit.own_text) or owns_folder(task.written.own_text),
        )
        for task in work
        if task.writes
        and (task.unit.load_state not in UNAVAILABLE or how["missing"] == "write" or not task.policy.present)
    ]


def _apply(host: Host, work: Sequence[Task], plan: Plan, edits: Sequence[FileEdit], how: How) -> None:
    with applied(host, edits):
        if edits or plan.of("loaded"):
            _reload(host)
    pairs = [(task, before, after) for task in work for before, after in task.pairs]
    if how["apply"] == "live":
        for task, before, after in pairs:
            for process in writable(task, before, after):
                set_score(host, before, process, task.wanted_score(after))
    elif how["apply"] == "restart":
        # One that was started with its score, and has another all the same, would be so again.
        units = [
            before.unit.id
            for task, before, after in pairs
            if touched(task, before, after) and not started_with_it(after)
        ]
        if units:
            host.run_or_fail(["systemctl", "try-restart", "--", *units])


def _keep_seen(host: Host, before: Sequence[Task], after: Sequence[Task], how: How) -> List[str]:
    """Note what this run has seen, for later ones."""
    text = host.read_if_there(SEEN_FILE)
    known = {} if how["exclusive"] else seen_scores.parse(text or "")
    wanted = seen_scores.render(seen_after(before, after, known, how["apply"] == "live")) or None
    try:
        if wanted != text:
            host.swap(SEEN_FILE, text, wanted).keep()
    except HostError as error:
        return [f"{error}; what others do to a score may be taken for the process's own doing until the next boot"]
    return []


def _reload(host: Host) -> None:
    try:
        host.run_or_fail(["systemctl", "daemon-reload"])
    except HostError as error:
        outcome = "the drop-ins are taken back: one that stays would hold from the next boot"
        raise HostError(f"{error}; {outcome}", error.path) from error


def set_score(host: Host, state: ServiceState, process: RunningScore, score: int) -> None:
    """Write through one handle of the process, after looking that it is still the one that was meant.

    One that has ended or may not be changed is left to the verdict.
    """
    own = state.unit.control_group or ""
    try:
        with host.process(process.pid) as folder:
            start_ticks = parse_stat(folder.read("stat")).start_ticks
            cgroup = parse_cgroup(folder.read("cgroup")) or ""
            if start_ticks == process.start_ticks and (cgroup == own or cgroup.startswith(own + "/")):
                folder.write("oom_score_adj", str(score))
    except (Missing, ReadOnly):
        return


def _result(
    plan: Plan,
    edits: Sequence[FileEdit],
    before: Sequence[Task],
    after: Sequence[Task],
    found: Outcome,
    warnings: List[str],
) -> Dict[str, Any]:
    services = [judged(task) for task in after]
    failed = [
        f"{each.name}: {Verdict(each.verdict, each.culprit)}" for each in services if each.verdict in FAILED_VERDICTS
    ]
    result: Dict[str, Any] = {
        "changed": plan.changed,
        "plan": plan.as_list(),
        "diff": plan.diff("services") + [edit.diff(kept) for edit in edits] + order_diff(found),
        "services": [each.as_dict() for each in services],
        "before": [judged(task).as_dict() for task in before],
        "restart_needed": [
            unit for was, task in zip(before, after) for unit in restart_needed(task if task.policy.present else was)
        ],
        "kill_order": {"before": shown_order(found.before), "after": shown_order(found.after)},
        "protection": found.facts(),
        "warnings": warnings,
    }
    if failed:
        result["failed"] = True
        result["msg"] = "what is declared does not hold for " + "; ".join(failed)
    return result
