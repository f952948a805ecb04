# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.samples import memory, sysctl_declaration, sysctls

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy, Refused
from ansible_collections.lifeboat.oom.plugins.module_utils._health.dormant import DormantUnit
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import SYSCTL_FILE
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import (
    ADMIN_RESERVE,
    KBYTES,
    MODE,
    RATIO,
    USER_RESERVE,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.decision import Decision
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.overcommit import (
    Guard,
    counts_dormant,
    decide,
    guard_of,
    running_mode,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.sysctls import (
    expected_state,
    own_edit,
    plan_sysctls,
)

NEVER = {MODE: "2", RATIO: "80"}
# Limit 80 % of 4_000_000 and 1_000_000 of swap; committed 1_600_000; reserves 8192 and a 32nd of what is committed.
ROOM_KIB = 4_200_000 - 1_600_000 - 8192 - 50_000


def declared(
    mode: str | None = None,
    ratio: int | str | None = None,
    kbytes: int | None = None,
    admin_reserve_kbytes: int | None = None,
    user_reserve_kbytes: int | None = None,
    **options: Any,
) -> dict[str, Any]:
    return {
        "mode": mode,
        "ratio": ratio,
        "kbytes": kbytes,
        "admin_reserve_kbytes": admin_reserve_kbytes,
        "user_reserve_kbytes": user_reserve_kbytes,
        **options,
    }


def decided(options: dict[str, Any], state: Any = None, **changes: Any) -> Decision:
    return decide(sysctl_declaration("overcommit", **options), state or sysctls(), memory(**changes))


def guard(options: dict[str, Any], state: Any = None, **changes: Any) -> Guard:
    values = sysctl_declaration("overcommit", **options).values
    found = guard_of(state or sysctls(), memory(**changes), values, options.get("min_headroom_pct", 10))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("policy", "runtime", "values"),
    [
        (declared("heuristic"), {}, {MODE: "0"}),
        (declared("always"), {}, {MODE: "1"}),
        (declared("never", 80), {}, {RATIO: "80", MODE: "2"}),
        (declared("never", 80), NEVER, {RATIO: "80", MODE: "2"}),
        (declared("heuristic", 50, None, 0), NEVER, {MODE: "0", RATIO: "50", ADMIN_RESERVE: "0"}),
        (declared(None, 50), NEVER, {RATIO: "50"}),
        (
            declared("never", None, 9, 1, 2),
            {},
            {KBYTES: "9", ADMIN_RESERVE: "1", USER_RESERVE: "2", MODE: "2"},
        ),
    ],
    ids=["0", "1", "2", "stays in 2", "leaves 2: the mode first", "limit only", "enters 2: the mode last"],
)
def test_values_are_written_in_the_order_that_is_safe(
    policy: dict[str, Any], runtime: dict[str, str], values: dict[str, str]
) -> None:
    goal = decided(policy, sysctls(runtime=runtime)).goal
    assert list(goal.runtime.items()) == list(values.items())
    assert [(key, value) for key, value in goal.file.items() if value is not None] == list(values.items())


@pytest.mark.parametrize(
    ("runtime", "mode"),
    [
        ({MODE: "0"}, "heuristic"),
        ({MODE: "1"}, "always"),
        ({MODE: "2"}, "never"),
        ({MODE: "3"}, None),
        ({MODE: ""}, None),
    ],
    ids=["0", "1", "2", "unknown", "empty"],
)
def test_the_running_mode_has_a_word(runtime: dict[str, str], mode: str | None) -> None:
    assert running_mode(sysctls(runtime=runtime)) == mode


def test_the_guard_has_the_numbers_of_what_would_be() -> None:
    assert guard(declared("never", 80)).as_dict() == {
        "limit_kib": 4_200_000,
        "committed_kib": 1_600_000,
        "reserve_kib": 58_192,
        "room_kib": ROOM_KIB,
        "room_pct": 60.5,
        "wanted_pct": 10,
        "passes": True,
        "dormant_kib": 0,
        "room_now_kib": None,
        "ratio_that_passes": 22,
        "dormant": {},
        "not_counted": [],
    }


@pytest.mark.parametrize(
    ("policy", "runtime", "limit_kib"),
    [
        (declared("never"), {}, 3_000_000),
        (declared("never"), {RATIO: "0", KBYTES: "500000"}, 1_500_000),
        (declared("never", kbytes=2_000_000), {}, 3_000_000),
        (declared("never", 10), {RATIO: "0", KBYTES: "500000"}, 1_400_000),
        (declared(None, 10), NEVER, 1_400_000),
    ],
    ids=["running ratio", "running kbytes", "kbytes", "ratio for kbytes", "mode stays"],
)
def test_the_guard_counts_with_what_will_run(policy: dict[str, Any], runtime: dict[str, str], limit_kib: int) -> None:
    assert guard(policy, sysctls(runtime=runtime)).headroom.limit_kib == limit_kib


@pytest.mark.parametrize(
    ("policy", "runtime"),
    [(declared("always", 10), {}), (declared(ratio=10), {}), (declared("heuristic"), NEVER)],
    ids=["another mode", "limit without the mode", "leaving"],
)
def test_no_guard_is_needed_where_nothing_is_enforced(policy: dict[str, Any], runtime: dict[str, str]) -> None:
    assert decided(policy, sysctls(runtime=runtime)).result["guard"] is None


@pytest.mark.parametrize(
    ("policy", "changes", "reserve_kib"),
    [
        (declared("never"), {}, 8192 + 50_000),
        (declared("never", admin_reserve_kbytes=100_000), {}, 150_000),
        (declared("never", admin_reserve_kbytes=0, user_reserve_kbytes=0), {}, 0),
        (declared("never", user_reserve_kbytes=10), {}, 8202),
        (declared("never"), {"committed_kib": 2**40}, 8192 + 131072),
    ],
    ids=["a 32nd", "declared", "none", "smaller than a 32nd", "at most the reserve"],
)
def test_reserves_are_kept_back(policy: dict[str, Any], changes: dict[str, Any], reserve_kib: int) -> None:
    assert guard(policy, **changes).headroom.reserve_kib == reserve_kib


@pytest.mark.parametrize(
    ("policy", "runtime", "refused"),
    [
        (declared("never", 80), {}, False),
        (declared("never", 10), {}, True),
        (declared("never"), {RATIO: "10"}, True),
        (declared(ratio=20), {MODE: "2", RATIO: "10"}, False),
        (declared(ratio=5), {MODE: "2", RATIO: "10"}, True),
        (declared(ratio=5), NEVER, True),
        (declared("never", 10), {MODE: "2", RATIO: "10"}, False),
        (declared(admin_reserve_kbytes=4_000_000), NEVER, True),
    ],
    ids=[
        *["enough", "enters with too little", "enters with what runs", "tight is loosened", "tight is tightened"],
        *["tightened too far", "tight already", "reserve eats it"],
    ],
)
def test_too_little_headroom_is_refused_unless_it_gets_better(
    policy: dict[str, Any], runtime: dict[str, str], refused: bool
) -> None:
    state = sysctls(runtime=runtime)
    found, objection = guard(policy, state), decided(policy, state).objection
    assert found.refuses is (objection is not None) is refused
    if objection is not None:
        assert objection.message.startswith("overcommit mode never would leave ")
        assert objection.numbers == found.as_dict()


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({}, "; ratio 22 would pass"),
        ({"committed_kib": 6_000_000}, r"; ratio 146 would pass \(above 100 .*add swap or commit less\)"),
        ({"total_kib": 500_000, "hugetlb_kib": 500_000, "swap_total_kib": 100}, "could not start"),
    ],
    ids=["a ratio", "above 100", "none"],
)
def test_a_refusal_says_which_ratio_would_pass(changes: dict[str, Any], hint: str) -> None:
    objection = decided(declared("never", 1), **changes).objection
    assert objection is not None and re.search(hint + "$", objection.message)


def test_what_is_on_already_is_measured_too() -> None:
    found = guard_of(sysctls(runtime=NEVER), memory(), {}, 10)
    assert found is not None and found.headroom.limit_kib == 4_200_000


def test_nothing_is_refused_on_a_host_that_does_not_say_what_is_committed() -> None:
    decision = decided(declared("never", 1), committed_kib=None)
    assert (decision.result["guard"], decision.objection) == (None, None)


@pytest.mark.parametrize(
    ("files", "runtime", "ratio"),
    [
        ({}, {}, "25"),
        ({SYSCTL_FILE: f"{RATIO}=30"}, {}, "30"),
        ({SYSCTL_FILE: f"{RATIO}=21"}, {RATIO: "90"}, "25"),
        ({SYSCTL_FILE: f"{RATIO}=150"}, {}, "150"),
        ({}, {RATIO: "50"}, "25"),
        ({}, {MODE: "2", RATIO: "50"}, "50"),
        ({SYSCTL_FILE: f"{RATIO}=lots"}, {}, "25"),
    ],
    ids=[
        *["a little above the smallest", "what stands in our file", "too small to stand", "above 100 but standing"],
        *["the default is not ours", "what is enforced already", "nonsense in our file"],
    ],
)
def test_auto_leaves_the_headroom_and_a_little_more(
    files: dict[str, str | None], runtime: dict[str, str], ratio: str
) -> None:
    decision = decided(declared("never", "auto"), sysctls(files, runtime))
    assert decision.goal.runtime[RATIO] == ratio
    assert decision.result["notes"][0].startswith(f"ratio auto: {ratio} ")
    assert decision.result["guard"]["passes"]


@given(st.integers(0, 2_000_000), st.integers(-3, 10), st.integers(0, 40), st.booleans())
def test_auto_changes_nothing_on_a_second_run(
    committed_kib: int, less_pct: int, wanted_pct: int, persistent: bool
) -> None:
    """What is committed goes up and down between two runs; the ratio follows only when it has to."""
    state = sysctls()
    policy = declared("never", "auto", min_headroom_pct=wanted_pct, persistent=persistent)
    goal = decided(policy, state, committed_kib=committed_kib).goal
    edit = own_edit(state, goal)
    after = expected_state(state, goal, [edit] if edit else [])
    again = decided(policy, after, committed_kib=committed_kib * (100 - less_pct) // 100).goal
    assert plan_sysctls(after, again).changes == ()


def test_auto_takes_all_there_is_where_a_little_more_is_not_there() -> None:
    wanted_pct = next(pct for pct in range(10, 90) if smallest(pct) <= 100 < smallest(pct + 5))
    decision = decided(declared("never", "auto", min_headroom_pct=wanted_pct))
    assert decision.goal.runtime[RATIO] == "100"


@pytest.mark.parametrize("committed_kib", range(1_600_000, 1_650_000, 10_000))
def test_auto_does_not_follow_a_point_of_use(committed_kib: int) -> None:
    assert decided(declared("never", "auto"), committed_kib=committed_kib).goal.runtime[RATIO] == "25"


def test_all_there_is_stands_though_it_has_become_too_little() -> None:
    state = sysctls({SYSCTL_FILE: f"{RATIO} = 100\n{MODE} = 2\n"}, {MODE: "2", RATIO: "100"})
    decision = decided(declared("never", "auto"), state, committed_kib=4_600_000)
    assert plan_sysctls(state, decision.goal).changes == ()
    assert decision.result["notes"][0] == "ratio auto: 100 stands, at least 107 is needed"


STOPPED = DormantUnit("mariadb.service", "inactive", 400_000)
FAILED = DormantUnit("redis.service", "failed", None)


@pytest.mark.parametrize(
    ("needs_mib", "dormant", "ratio", "dormant_kib", "not_counted"),
    [
        ({}, (), "25", 0, []),
        ({}, (STOPPED,), "40", 400_000, []),
        ({"mariadb": 1000}, (STOPPED,), "55", 1_024_000, []),
        ({"mariadb": 1000}, (), "25", 0, []),
        ({}, (STOPPED, FAILED), "40", 400_000, ["redis.service"]),
        ({"redis.service": 100}, (STOPPED, FAILED), "40", 502_400, []),
    ],
    ids=["all runs", "stopped", "declared", "declared and runs", "size unknown", "size declared"],
)
def test_what_shall_run_and_does_not_is_counted(
    needs_mib: dict[str, int],
    dormant: tuple[DormantUnit, ...],
    ratio: str,
    dormant_kib: int,
    not_counted: list[str],
) -> None:
    declaration = sysctl_declaration("overcommit", **declared("never", "auto", needs_mib=needs_mib))
    decision = decide(declaration, sysctls(), memory(), dormant)
    assert decision.goal.runtime[RATIO] == ratio
    found = decision.result["guard"]
    assert (found["dormant_kib"], found["not_counted"]) == (dormant_kib, not_counted)
    assert [name for name in not_counted if name in decision.warnings[0]] == not_counted
    assert bool(decision.warnings) is bool(not_counted)


def test_a_ratio_that_starves_what_is_stopped_is_refused_by_name() -> None:
    declaration = sysctl_declaration("overcommit", **declared("never", 22))
    assert decide(declaration, sysctls(), memory()).objection is None
    objection = decide(declaration, sysctls(), memory(), (STOPPED,)).objection
    assert objection is not None
    assert ", services that shall run and do not 400000 KiB (mariadb.service 400000 KiB); " in objection.message
    assert objection.numbers["dormant"] == {"mariadb.service": 400_000}


def test_a_device_is_told_what_it_can_never_promise() -> None:
    assert decided(declared("never", 80)).result["notes"] == [
        f"nothing that asks for more than {ROOM_KIB} KiB more can be promised it"
    ]


@pytest.mark.parametrize(
    ("policy", "runtime", "expected"),
    [
        (declared("never", 80), {}, True),
        (declared(ratio="auto"), {}, True),
        (declared("heuristic"), NEVER, True),
        (declared("heuristic"), {}, False),
        ({"state": "absent"}, {}, False),
    ],
    ids=["enters", "a ratio for later", "is on", "is off", "absent"],
)
def test_what_does_not_run_is_asked_for_where_it_matters(
    policy: dict[str, Any], runtime: dict[str, str], expected: bool
) -> None:
    assert counts_dormant(sysctl_declaration("overcommit", **policy), sysctls(runtime=runtime)) is expected


def smallest(wanted_pct: int) -> int:
    """As the guard tells it."""
    found = guard(declared("never", 1, min_headroom_pct=wanted_pct)).ratio_that_passes
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"committed_kib": None}, InvalidPolicy, "auto needs Committed_AS .*; write a number"),
        ({"committed_kib": 6_000_000}, Refused, "auto found no ratio up to 100: 146 % of 4000000 KiB"),
    ],
    ids=["not known", "too much committed"],
)
def test_auto_says_why_it_finds_none(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        decided(declared("never", "auto"), **changes)


def test_absent_takes_our_lines_out_and_goes_back() -> None:
    reserve = f"# before lifeboat.oom: {ADMIN_RESERVE} = 8192\n{ADMIN_RESERVE} = 1\n"
    ours = f"{RATIO} = 80\n{MODE} = 2\n{reserve}vm.panic_on_oom = 1\n"
    state = sysctls({SYSCTL_FILE: ours}, {**NEVER, ADMIN_RESERVE: "1"})
    decision = decided({"state": "absent"}, state)
    assert list(decision.goal.runtime) == [MODE, ADMIN_RESERVE, RATIO]
    assert decision.goal.runtime == {MODE: "0", RATIO: "50", ADMIN_RESERVE: "8192"}
    assert decision.goal.file == {RATIO: None, MODE: None, ADMIN_RESERVE: None}
    assert decision.result["guard"] is None


def test_absent_may_tighten_too_and_is_guarded() -> None:
    files = {"/etc/sysctl.d/10-a.conf": f"{MODE}=2\n{RATIO}=5\n", SYSCTL_FILE: f"{RATIO} = 80\n"}
    decision = decided({"state": "absent"}, sysctls(files, NEVER))
    assert decision.goal.runtime == {RATIO: "5", MODE: "2"}
    assert decision.objection is not None


def test_absent_on_an_untouched_host_changes_nothing() -> None:
    state = sysctls()
    assert plan_sysctls(state, decided({"state": "absent"}, state).goal).changes == ()


@pytest.mark.parametrize(
    ("options", "runtime", "file"),
    [
        ({"mode": "never", "ratio": 80}, {RATIO: "80", MODE: "2"}, {KBYTES: None, RATIO: "80", MODE: "2"}),
        ({"mode": "always", "persistent": False}, {MODE: "1"}, {}),
        ({"mode": "always", "runtime": False, "state": "present"}, {}, {MODE: "1"}),
        ({"ratio": "auto", "min_headroom_pct": 50, "persistent": False}, {RATIO: "70"}, {}),
        ({"state": "absent", "mode": "never"}, {RATIO: "50", MODE: "0"}, {}),
    ],
    ids=["both layers", "runtime", "file", "headroom", "absent"],
)
def test_a_declaration_is_decided_with_its_options(
    options: dict[str, Any], runtime: dict[str, str], file: dict[str, str | None]
) -> None:
    goal = decided(options).goal
    assert (goal.runtime, goal.file) == (runtime, file)
