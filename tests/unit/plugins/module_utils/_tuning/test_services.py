# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, List, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.samples import HEIR, LEADER, declared, service, services_state

from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import ServicePolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import (
    DeclaredUnit,
    RunningScore,
    ServiceState,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.services import (
    Task,
    Verdict,
    expected,
    judged,
    permitted,
    plan_services,
    process_key,
    restart_needed,
    rival,
    targets,
    tasks,
    touched,
    verdict,
)

SCORE = "OOMScoreAdjust"
NOT_LOADED = "systemd has not loaded it"
OWN = "/etc/systemd/system/nginx.service.d/zz-lifeboat-oom.conf"
EARLY = "/etc/systemd/system/nginx.service.d/10-limits.conf"
LATE = "/usr/lib/systemd/system/service.d/zzz-vendor.conf"
POLICY = ServicePolicy("nginx.service", {SCORE: "-500"})
ABSENT = ServicePolicy("nginx.service", {}, present=False)
STRANGER = RunningScore(pid=102, start_ticks=5002, comm="own\nscore", oom_score_adj=300, is_main=False)

Changes = List[Tuple[str, str, Optional[str], Optional[str]]]


def says(score: object) -> str:
    return f"[Service]\nOOMScoreAdjust={score}\n"


def text_of(policy: ServicePolicy, name: str = "nginx.service") -> str:
    return declared(service(name), name=name).text_for(policy.settings)


def scored(score: int, *processes: RunningScore) -> tuple[RunningScore, ...]:
    return tuple(replace(process, oom_score_adj=score) for process in processes)


def converged(policy: ServicePolicy = POLICY, **changes: Any) -> ServiceState:
    """nginx.service with everything as I(policy) has it, but for I(changes)."""
    score = policy.oom_score_adj or 0
    dropins = {OWN: text_of(policy), **changes.pop("dropins", {})}
    shown = {"oom_score_adjust": score, "dropin_paths": tuple(sorted(dropins, key=lambda path: path.rsplit("/")[-1]))}
    return service(dropins=dropins, running=changes.pop("running", scored(score, LEADER, HEIR)), **{**shown, **changes})


def task(unit: ServiceState | DeclaredUnit, policy: ServicePolicy = POLICY) -> Task:
    entry = declared(unit) if isinstance(unit, ServiceState) else unit
    return tasks(services_state(entry), [policy], False)[0]


def planned(work: Task, **how: bool) -> Changes:
    return [(change.layer, change.key, change.before, change.after) for change in plan_services([work], **how).changes]


def test_tasks_come_in_the_order_of_the_declarations() -> None:
    units = {name: declared(service(name), name=name) for name in ("a.service", "b.service", "old.service")}
    services = services_state(units["a.service"], units["b.service"], left_over=(units["old.service"],))
    policies = [ServicePolicy(name, {SCORE: "5"}) for name in ("b.service", "a.service")]
    assert [(found.unit, found.policy) for found in tasks(services, policies, False)] == [
        (units[policy.name], policy) for policy in policies
    ]
    left = tasks(services, policies, True)[2]
    assert (left.unit, left.policy.name, left.policy.present) == (units["old.service"], "old.service", False)


def test_an_instance_reckons_with_the_drop_in_of_its_template() -> None:
    """Both are written in one run: the instance's own file hides that of the template."""
    instance = service("app@one.service")
    units = services_state(declared(name="app@.service"), declared(instance, name="app@one.service"))
    policies = [ServicePolicy("app@.service", {SCORE: "7"}), ServicePolicy("app@one.service", {SCORE: "9"})]
    (_unused, own) = tasks(units, policies, False)
    assert [after.disk_score() for _unused, after in own.pairs] == [9]
    (_unused, gone) = tasks(units, [policies[0], ServicePolicy("app@one.service", {}, present=False)], False)
    assert [after.disk_score() for _unused, after in gone.pairs] == [7]


@pytest.mark.parametrize(
    ("state", "policy", "expected_changes"),
    [
        (
            service(),
            POLICY,
            [
                ("drop-in", SCORE, None, "-500"),
                ("loaded", SCORE, "0", "-500"),
                ("running", "pid 101 (nginx)", "0", "-500"),
                ("running", "pid 100 (nginx)", "0", "-500"),
            ],
        ),
        (converged(), POLICY, []),
        (converged(oom_score_adjust=0), POLICY, [("loaded", SCORE, "0", "-500")]),
        (converged(dropin_paths=()), POLICY, [("loaded", SCORE, "-500", "-500")]),
        (converged(running=(HEIR,)), POLICY, [("running", "pid 101 (nginx)", "0", "-500")]),
        (converged(running=()), POLICY, []),
        (converged(running=(*scored(-500, LEADER), STRANGER)), POLICY, []),
        (converged(dropins={LATE: says(7)}, oom_score_adjust=7), POLICY, [("loaded", SCORE, "7", "-500")]),
        (converged(dropins={LATE: says("-0x1f4")}), POLICY, []),
        (converged(dropins={EARLY: says(7)}), POLICY, []),
        (converged(), ABSENT, [
            ("drop-in", SCORE, "-500", None),
            ("loaded", SCORE, "-500", "0"),
            ("running", "pid 100 (nginx)", "-500", "0"),
            ("running", "pid 101 (nginx)", "-500", "0"),
        ]),
        (service(), ABSENT, []),
        (service(running=(*scored(-900, LEADER),)), ABSENT, []),
    ],
    ids=[
        *["new", "converged", "loaded another", "not loaded yet", "one runs with another", "does not run"],
        *["sets its own", "overridden", "the same elsewhere", "an earlier file", "taken away", "never was there"],
        "its own score is its own",
    ],
)  # fmt: skip
def test_the_plan_says_what_differs_in_each_layer(
    state: ServiceState, policy: ServicePolicy, expected_changes: Changes
) -> None:
    assert planned(task(state, policy)) == expected_changes


@pytest.mark.parametrize(
    ("state", "policy", "whys"),
    [
        (service(running=()), POLICY, [f"{OWN} is not there", NOT_LOADED]),
        (converged(dropins={OWN: says(7)}, running=()), POLICY, [f"{OWN} says something else", NOT_LOADED]),
        (converged(dropins={LATE: says(7)}, oom_score_adjust=7, running=()), POLICY, [f"overridden by {LATE}:2"]),
        (converged(running=(HEIR,)), POLICY, ["the running process has another score"]),
        (
            converged(running=()),
            ABSENT,
            [f"{OWN} is there, and the unit is not to have one", NOT_LOADED],
        ),
    ],
    ids=["missing", "changed", "overridden", "runs with another", "to go"],
)
def test_every_difference_has_its_reason(state: ServiceState, policy: ServicePolicy, whys: list[str]) -> None:
    assert [change.why for change in plan_services([task(state, policy)]).changes] == whys


def test_only_the_settings_that_differ_are_told() -> None:
    both = ServicePolicy("nginx.service", {SCORE: "-500", "OOMPolicy": "stop"})
    state = converged(dropins={OWN: text_of(replace(POLICY, settings={SCORE: "-500", "MemoryMin": "1M"}))})
    assert [change for change in planned(task(state, both)) if change[0] == "drop-in"] == [
        ("drop-in", "OOMPolicy", None, "stop"),
        ("drop-in", "MemoryMin", "1M", None),
    ]


def test_a_foreign_line_in_our_drop_in_is_a_difference() -> None:
    state = converged(dropins={OWN: text_of(POLICY) + "Restart=always\n"})
    assert [layer for layer, _unused, _unused, _unused in planned(task(state))] == ["drop-in"]


def test_every_setting_is_compared() -> None:
    policy = ServicePolicy(
        "nginx.service", {SCORE: "0", "OOMPolicy": "continue", "MemoryMin": "64M", "MemoryLow": "10%"}
    )
    state = converged(policy, memory_min_bytes=67108864, memory_low_bytes=5, oom_policy="stop")
    assert planned(task(state, policy)) == [("loaded", "OOMPolicy", "stop", "continue")]


def test_all_drop_ins_come_before_what_is_loaded_and_that_before_what_runs() -> None:
    names = ("a.service", "b.service")
    units = services_state(*(declared(service(name), name=name) for name in names))
    changes = plan_services(tasks(units, [replace(POLICY, name=name) for name in names], False)).changes
    layers = [change.layer for change in changes]
    assert layers == sorted(layers, key=["drop-in", "loaded", "running"].index)
    assert [change.subject for change in changes[:2]] == list(names)


def test_running_processes_are_left_alone_without_live() -> None:
    assert [layer for layer, _unused, _unused, _unused in planned(task(service()), live=False)] == ["drop-in", "loaded"]


@pytest.mark.parametrize("load_state", ["not-found", "masked"])
def test_a_unit_that_is_not_there_has_only_a_drop_in(load_state: str) -> None:
    missing = task(declared(load_state=load_state))
    assert planned(missing) == []
    assert planned(missing, write_unavailable=True) == [("drop-in", SCORE, None, "-500")]
    left = task(replace(missing.unit, own_text=text_of(POLICY)), ABSENT)
    assert planned(left) == [("drop-in", SCORE, "-500", None)]


def test_a_template_changes_each_of_its_instances() -> None:
    states = [service(f"app@{name}.service", owner="app@.service") for name in ("one", "two")]
    work = task(declared(*states, name="app@.service"), replace(POLICY, name="app@.service"))
    changes = plan_services([work], live=False).changes
    assert [(change.layer, change.subject) for change in changes] == [
        ("drop-in", "app@.service"),
        ("loaded", "app@one.service"),
        ("loaded", "app@two.service"),
    ]


@pytest.mark.parametrize(
    ("running", "pids"),
    [
        ((), []),
        ((LEADER, HEIR), [101, 100]),
        ((HEIR, LEADER), [101, 100]),
        ((LEADER, HEIR, STRANGER), [101, 100]),
        ((HEIR, STRANGER), [101]),
        ((STRANGER, LEADER), [100]),
    ],
    ids=["none", "the leader last", "in any order", "one sets its own", "no main process", "the oldest is a stranger"],
)
def test_only_heirs_of_the_leaders_score_are_touched(running: tuple[RunningScore, ...], pids: list[int]) -> None:
    assert [process.pid for process in targets(service(running=running))] == pids


def test_what_has_the_score_already_is_not_touched() -> None:
    state = service(running=scored(-500, LEADER, HEIR))
    work = task(state)
    assert touched(work, *work.pairs[0]) == ()


@pytest.mark.parametrize(
    ("may_lower", "score", "allowed"),
    [(True, -1000, True), (False, -1, False), (False, 0, True), (False, 500, True)],
    ids=["with the capability", "lower without it", "the same", "higher"],
)
def test_raising_needs_no_capability(may_lower: bool, score: int, allowed: bool) -> None:
    assert permitted(service(may_lower=may_lower), LEADER, score) is allowed


@pytest.mark.parametrize(
    ("dropins", "beaten_by"),
    [
        ({}, None),
        ({EARLY: says(7)}, None),
        ({LATE: "\n" + says(7)}, f"{LATE}:3"),
        ({LATE: says(-500)}, None),
        ({LATE: says("")}, f"{LATE}:2"),
        ({LATE: says(9000)}, None),
        ({LATE: None}, None),
    ],
    ids=["alone", "earlier", "later", "the same value", "unset", "refused by systemd", "masked"],
)
def test_a_rival_is_a_later_line_with_another_value(dropins: dict[str, str | None], beaten_by: str | None) -> None:
    found = rival(task(service(dropins=dropins)).pairs[0][1], POLICY)
    assert (None if found is None else f"{found.path}:{found.line}") == beaten_by


@pytest.mark.parametrize(
    ("state", "expected_verdict"),
    [
        (converged(), "ok"),
        (converged(running=()), "ok"),
        (service(), f"missing ({OWN})"),
        (service(dropins={OWN: None}), f"missing ({OWN})"),
        (converged(dropins={OWN: says(-500)}), f"differs ({OWN})"),
        (converged(dropins={OWN: ""}), f"differs ({OWN})"),
        (converged(dropins={LATE: says(7)}, oom_score_adjust=7), f"overridden (by {LATE}:2)"),
        (converged(oom_score_adjust=0), f"needs_reload ({OWN})"),
        (converged(need_daemon_reload=True), f"needs_reload ({OWN})"),
        (converged(running=(LEADER, HEIR)), "needs_restart (pid 101 (nginx), pid 100 (nginx))"),
        (converged(running=(*scored(-500, LEADER), STRANGER)), "self_adjusted (pid 102 (own\nscore))"),
        (converged(running=(LEADER,), may_lower=False), "not_permitted (lowering a score needs CAP_SYS_RESOURCE, "
         "which is missing here)"),
        (converged(running=scored(-900, LEADER), may_lower=False), "needs_restart (pid 100 (nginx))"),
    ],
    ids=[
        *["ok", "does not run", "no drop-in", "masked drop-in", "no header", "empty", "overridden", "loaded another"],
        *["systemd says so", "runs with another", "set its own", "may not be lowered", "may be raised"],
    ],
)  # fmt: skip
def test_the_verdict_is_the_first_layer_that_is_not_right(state: ServiceState, expected_verdict: str) -> None:
    assert str(verdict(task(state))) == expected_verdict


def fresh(*processes: RunningScore, mended: int | None = None) -> tuple[RunningScore, ...]:
    """Processes that were started since our drop-in is as it is."""
    return tuple(replace(process, is_fresh=True, mended=mended) for process in processes)


LISTENER = replace(LEADER, comm="sshd", oom_score_adj=-1000)


@pytest.mark.parametrize(
    ("state", "own"),
    [
        (converged(running=fresh(LEADER, HEIR)), True),
        (converged(running=fresh(LEADER, mended=0)), False),
        (converged(running=fresh(LEADER, mended=1)), False),
        (converged(running=fresh(LEADER, mended=2)), True),
        (converged(running=(LEADER,)), False),
        (converged(running=(replace(LEADER, mended=2),)), True),
        (converged(running=fresh(LEADER), may_lower=False), False),
        (converged(running=fresh(*scored(-900, LEADER)), may_lower=False), True),
        (converged(running=(LISTENER,)), True),
        (converged(running=(LISTENER, *scored(0, HEIR))), True),
        (converged(running=(replace(LISTENER, comm="nginx"),)), False),
        (converged(running=(replace(LISTENER, oom_score_adj=-900),)), False),
        (converged(running=fresh(LEADER), dropins={LATE: says(0)}, oom_score_adjust=0), False),
        (converged(running=fresh(*scored(-500, LEADER))), False),
        (converged(running=()), False),
    ],
    ids=[
        *["started with ours", "was seen with ours", "given back once", "given back in vain", "older than ours"],
        *["older, and given back in vain", "systemd could not lower it", "systemd could raise it", "sshd", "a session"],
        *["another at -1000", "sshd in a container", "has that of another file", "as declared", "does not run"],
    ],
)
def test_a_main_process_that_was_started_with_the_score_and_has_another_set_its_own(
    state: ServiceState, own: bool
) -> None:
    work = task(state)
    found = verdict(work)
    assert (found.word == "self_adjusted") is own
    if own:
        assert planned(work) == [] and restart_needed(work) == ()
        assert expected(work, "live", False).unit.states[0].running == state.running
        assert found.culprit == process_key(state.running[0])


def test_a_new_declaration_counts_for_what_has_set_its_own_but_not_for_the_listener_of_ssh() -> None:
    """Nobody was started with it yet."""
    other = replace(POLICY, settings={SCORE: "-400"})
    work = task(converged(running=fresh(LEADER, mended=2)), other)
    assert [change for change in planned(work) if change[0] == "running"] == [
        ("running", "pid 100 (nginx)", "0", "-400")
    ]
    assert verdict(expected(work, "none", False)).word == "needs_restart"
    assert [change[0] for change in planned(task(service(running=(LISTENER,))))] == ["drop-in", "loaded"]


def test_only_those_instances_are_restarted_that_need_it() -> None:
    policy = replace(POLICY, name="app@.service")
    path = "/etc/systemd/system/app@.service.d/zz-lifeboat-oom.conf"

    def instance(name: str, *running: RunningScore) -> ServiceState:
        shown: dict[str, Any] = {"oom_score_adjust": -500, "dropin_paths": (path,)}
        dropins = {path: text_of(policy, "app@.service")}
        return service(f"app@{name}.service", dropins, running, owner="app@.service", **shown)

    good, own = instance("good", *scored(-500, LEADER)), instance("own", *fresh(LEADER))
    bad, idle = instance("bad", LEADER), instance("idle")
    work = task(declared(own, good, bad, idle, name="app@.service"), policy)
    assert restart_needed(work) == ("app@bad.service",)
    assert verdict(work).word == "needs_restart", "what sets its own hides what needs a restart"
    assert verdict(task(declared(good, own, name="app@.service"), policy)).word == "self_adjusted"
    assert restart_needed(task(declared(bad, name="app@.service", load_state="masked"), policy)) == ()


@pytest.mark.parametrize(
    ("running", "units"),
    [
        (fresh(LISTENER), ("nginx.service",)),
        (fresh(LEADER), ("nginx.service",)),
        (fresh(*scored(-500, LEADER)), ()),
        ((LISTENER,), ()),
        ((), ()),
    ],
    ids=["sshd", "another that sets its own", "one that is given it back", "never started with it", "does not run"],
)
def test_what_may_have_kept_a_score_that_is_taken_back_needs_a_restart(
    running: tuple[RunningScore, ...], units: tuple[str, ...]
) -> None:
    assert restart_needed(task(converged(running=running), ABSENT)) == units


@pytest.mark.parametrize(("load_state", "word"), [("not-found", "not_found"), ("masked", "masked")])
def test_a_unit_that_is_not_there_is_judged_by_that(load_state: str, word: str) -> None:
    assert verdict(task(declared(load_state=load_state))) == Verdict(word)


def test_a_template_is_as_good_as_its_worst_instance() -> None:
    policy = replace(POLICY, name="app@.service")
    path = "/etc/systemd/system/app@.service.d/zz-lifeboat-oom.conf"
    dropins = {path: text_of(policy, "app@.service")}
    good = service(
        "app@a.service",
        dropins,
        scored(-500, LEADER),
        owner="app@.service",
        oom_score_adjust=-500,
        dropin_paths=(path,),
    )
    bad = replace(good, running=(LEADER,))
    assert verdict(task(declared(good, good, name="app@.service"), policy)).word == "ok"
    assert verdict(task(declared(good, bad, name="app@.service"), policy)).word == "needs_restart"
    assert verdict(task(declared(name="app@.service"), policy)).word == "missing"


running_processes = st.lists(
    st.builds(
        RunningScore, st.integers(2, 99), st.integers(0, 9), st.just("x"), st.integers(-1000, 1000), st.booleans()
    ),
    max_size=4,
    unique_by=lambda process: process.pid,
).map(tuple)
scores = st.integers(-1000, 1000)
states = st.builds(
    lambda running, loaded, own, early, reload: service(
        dropins={
            **({} if own is None else {OWN: says(own)}),
            **({} if early is None else {EARLY: says(early)}),
        },
        running=running,
        oom_score_adjust=loaded,
        need_daemon_reload=reload,
    ),
    running_processes,
    scores,
    st.none() | scores,
    st.none() | scores,
    st.booleans(),
)
policies = scores.map(lambda score: ServicePolicy("nginx.service", {SCORE: str(score)})) | st.just(ABSENT)


@given(states, policies)
def test_nothing_differs_once_it_is_as_expected(state: ServiceState, policy: ServicePolicy) -> None:
    after = expected(task(state, policy), "live", False)
    assert plan_services([after]).changes == ()
    assert verdict(after).word in ("ok", "self_adjusted")
    assert expected(after, "live", False) == after


@given(states, policies)
def test_a_change_touches_nobody_who_set_a_score_of_their_own(state: ServiceState, policy: ServicePolicy) -> None:
    after = expected(task(state, policy), "live", False).unit.states[0]
    kept = [(old, new) for old, new in zip(state.running, after.running) if old != new]
    leader = state.leader
    if policy.present and leader is not None:
        assert {old.oom_score_adj for old, _unused in kept} <= {leader.oom_score_adj}
    assert [process.pid for process in after.running] == [process.pid for process in state.running]


@given(states, policies)
def test_without_live_no_process_changes(state: ServiceState, policy: ServicePolicy) -> None:
    assert expected(task(state, policy), "none", False).unit.states[0].running == state.running


def test_what_may_not_be_lowered_is_not_promised() -> None:
    after = expected(task(service(may_lower=False)), "live", False)
    assert after.unit.states[0].running == (LEADER, HEIR)
    assert verdict(after).word == "not_permitted"


@pytest.mark.parametrize("load_state", ["not-found", "masked"])
def test_a_unit_that_is_not_there_is_expected_to_get_its_drop_in_only_when_asked(load_state: str) -> None:
    missing = task(declared(load_state=load_state))
    assert expected(missing, "live", False) == missing
    assert expected(missing, "live", True).unit.own_text == text_of(POLICY)


def test_a_result_has_every_layer() -> None:
    state = converged(running=(*scored(-500, LEADER), STRANGER))
    assert judged(task(state)).as_dict() == {
        "name": "nginx.service",
        "state": "present",
        "declared": {SCORE: "-500"},
        "dropin": {"path": OWN, "settings": {SCORE: "-500"}},
        "units": (asdict(state.layers()),),
        "verdict": "self_adjusted",
        "culprit": "pid 102 (own\nscore)",
    }
    assert judged(task(declared(load_state="not-found"))).as_dict() == {
        "name": "nginx.service",
        "state": "present",
        "declared": {SCORE: "-500"},
        "dropin": None,
        "units": (),
        "verdict": "not_found",
        "culprit": None,
    }
