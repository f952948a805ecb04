# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.samples import memory, sysctls

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import InvalidPolicy, Refused
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.kernel import SYSCTL_FILE, OvercommitPolicy
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import (
    ADMIN_RESERVE,
    KBYTES,
    MODE,
    RATIO,
    USER_RESERVE,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.overcommit import (
    Guard,
    check_guard,
    decide,
    decide_absent,
    decide_declared,
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


def guard_of(policy: OvercommitPolicy, state: Any = None, **changes: Any) -> Guard:
    guard = decide(policy, state or sysctls(), memory(**changes)).guard
    assert guard is not None
    return guard


@pytest.mark.parametrize(
    ("policy", "runtime", "values"),
    [
        (OvercommitPolicy(), {}, {}),
        (OvercommitPolicy("heuristic"), {}, {MODE: "0"}),
        (OvercommitPolicy("always"), {}, {MODE: "1"}),
        (OvercommitPolicy("never", 80), {}, {RATIO: "80", MODE: "2"}),
        (OvercommitPolicy("never", 80), NEVER, {RATIO: "80", MODE: "2"}),
        (OvercommitPolicy("heuristic", 50, None, 0), NEVER, {MODE: "0", RATIO: "50", ADMIN_RESERVE: "0"}),
        (OvercommitPolicy(None, 50), NEVER, {RATIO: "50"}),
        (
            OvercommitPolicy("never", None, 9, 1, 2),
            {},
            {KBYTES: "9", ADMIN_RESERVE: "1", USER_RESERVE: "2", MODE: "2"},
        ),
    ],
    ids=["nothing", "0", "1", "2", "stays in 2", "leaves 2: the mode first", "limit only", "enters 2: the mode last"],
)
def test_values_are_written_in_the_order_that_is_safe(
    policy: OvercommitPolicy, runtime: dict[str, str], values: dict[str, str]
) -> None:
    goal = decide(policy, sysctls(runtime=runtime), memory()).goal
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
    assert guard_of(OvercommitPolicy("never", 80)).as_dict() == {
        "limit_kib": 4_200_000,
        "committed_kib": 1_600_000,
        "reserve_kib": 58_192,
        "room_kib": ROOM_KIB,
        "room_pct": 60.5,
        "wanted_pct": 10,
        "passes": True,
        "room_now_kib": None,
        "ratio_that_passes": 22,
    }


@pytest.mark.parametrize(
    ("policy", "runtime", "limit_kib"),
    [
        (OvercommitPolicy("never"), {}, 3_000_000),
        (OvercommitPolicy("never"), {RATIO: "0", KBYTES: "500000"}, 1_500_000),
        (OvercommitPolicy("never", kbytes=2_000_000), {}, 3_000_000),
        (OvercommitPolicy("never", 10), {RATIO: "0", KBYTES: "500000"}, 1_400_000),
        (OvercommitPolicy(None, 10), NEVER, 1_400_000),
        (OvercommitPolicy(), NEVER, 4_200_000),
    ],
    ids=["running ratio", "running kbytes", "kbytes", "ratio for kbytes", "mode stays", "as it is"],
)
def test_the_guard_counts_with_what_will_run(policy: OvercommitPolicy, runtime: dict[str, str], limit_kib: int) -> None:
    assert guard_of(policy, sysctls(runtime=runtime)).headroom.limit_kib == limit_kib


@pytest.mark.parametrize(
    ("policy", "runtime"),
    [(OvercommitPolicy("always", 10), {}), (OvercommitPolicy(ratio=10), {}), (OvercommitPolicy("heuristic"), NEVER)],
    ids=["another mode", "limit without the mode", "leaving"],
)
def test_no_guard_is_needed_where_nothing_is_enforced(policy: OvercommitPolicy, runtime: dict[str, str]) -> None:
    assert decide(policy, sysctls(runtime=runtime), memory()).guard is None


@pytest.mark.parametrize(
    ("policy", "changes", "reserve_kib"),
    [
        (OvercommitPolicy("never"), {}, 8192 + 50_000),
        (OvercommitPolicy("never", admin_reserve_kbytes=100_000), {}, 150_000),
        (OvercommitPolicy("never", admin_reserve_kbytes=0, user_reserve_kbytes=0), {}, 0),
        (OvercommitPolicy("never", user_reserve_kbytes=10), {}, 8202),
        (OvercommitPolicy("never"), {"committed_kib": 2**40}, 8192 + 131072),
    ],
    ids=["a 32nd", "declared", "none", "smaller than a 32nd", "at most the reserve"],
)
def test_reserves_are_kept_back(policy: OvercommitPolicy, changes: dict[str, Any], reserve_kib: int) -> None:
    assert guard_of(policy, **changes).headroom.reserve_kib == reserve_kib


@pytest.mark.parametrize(
    ("policy", "runtime", "refused"),
    [
        (OvercommitPolicy("never", 80), {}, False),
        (OvercommitPolicy("never", 10), {}, True),
        (OvercommitPolicy("never"), {RATIO: "10"}, True),
        (OvercommitPolicy(ratio=20), {MODE: "2", RATIO: "10"}, False),
        (OvercommitPolicy(ratio=5), {MODE: "2", RATIO: "10"}, True),
        (OvercommitPolicy(ratio=5), NEVER, True),
        (OvercommitPolicy("never", 10), {MODE: "2", RATIO: "10"}, False),
        (OvercommitPolicy(admin_reserve_kbytes=4_000_000), NEVER, True),
    ],
    ids=[
        *["enough", "enters with too little", "enters with what runs", "tight is loosened", "tight is tightened"],
        *["tightened too far", "tight already", "reserve eats it"],
    ],
)
def test_too_little_headroom_is_refused_unless_it_gets_better(
    policy: OvercommitPolicy, runtime: dict[str, str], refused: bool
) -> None:
    guard = guard_of(policy, sysctls(runtime=runtime))
    assert guard.refuses is refused
    if not refused:
        assert check_guard(guard, force=False) is check_guard(guard, force=True) is None
        return
    with pytest.raises(Refused, match=r"^overcommit mode never would leave .*; force: true applies it") as raised:
        check_guard(guard, force=False)
    assert raised.value.numbers == guard.as_dict()
    assert str(check_guard(guard, force=True)).startswith("forced: overcommit mode never would leave")


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
    with pytest.raises(Refused, match=hint + "; force: true"):
        check_guard(guard_of(OvercommitPolicy("never", 1), **changes), force=False)


def test_nothing_is_refused_on_a_host_that_does_not_say_what_is_committed() -> None:
    decision = decide(OvercommitPolicy("never", 1), sysctls(), memory(committed_kib=None))
    assert decision.guard is None
    assert check_guard(None, force=False) is None


@pytest.mark.parametrize(
    ("files", "runtime", "ratio"),
    [
        ({}, {}, "24"),
        ({SYSCTL_FILE: f"{RATIO}=30"}, {}, "30"),
        ({SYSCTL_FILE: f"{RATIO}=21"}, {RATIO: "90"}, "24"),
        ({SYSCTL_FILE: f"{RATIO}=150"}, {}, "150"),
        ({}, {RATIO: "50"}, "24"),
        ({}, {MODE: "2", RATIO: "50"}, "50"),
        ({SYSCTL_FILE: f"{RATIO}=lots"}, {}, "24"),
    ],
    ids=[
        *["a little above the smallest", "what stands in our file", "too small to stand", "above 100 but standing"],
        *["the default is not ours", "what is enforced already", "nonsense in our file"],
    ],
)
def test_auto_leaves_the_headroom_and_a_little_more(
    files: dict[str, str | None], runtime: dict[str, str], ratio: str
) -> None:
    decision = decide(OvercommitPolicy("never", "auto"), sysctls(files, runtime), memory())
    assert decision.goal.runtime[RATIO] == ratio
    assert decision.notes[0].startswith(f"ratio auto: {ratio} ")
    assert decision.guard is not None and decision.guard.headroom.passes


@given(st.integers(0, 2_000_000), st.integers(-3, 10), st.integers(0, 40), st.booleans())
def test_auto_changes_nothing_on_a_second_run(
    committed_kib: int, less_pct: int, wanted_pct: int, persistent: bool
) -> None:
    """What is committed goes up and down between two runs; the ratio follows only when it has to."""
    state, policy = sysctls(), OvercommitPolicy("never", "auto")
    goal = decide(policy, state, memory(committed_kib=committed_kib), wanted_pct, True, persistent).goal
    edit = own_edit(state, goal)
    after = expected_state(state, goal, [edit] if edit else [])
    later = memory(committed_kib=committed_kib * (100 - less_pct) // 100)
    again = decide(policy, after, later, wanted_pct, True, persistent).goal
    assert plan_sysctls(after, again).changes == ()


def test_auto_takes_the_smallest_where_more_is_not_there() -> None:
    wanted_pct = next(pct for pct in range(10, 90) if smallest(pct) <= 100 < smallest(pct + 5))
    decision = decide(OvercommitPolicy("never", "auto"), sysctls(), memory(), wanted_pct)
    assert decision.goal.runtime[RATIO] == str(smallest(wanted_pct))


def smallest(wanted_pct: int) -> int:
    """As the guard tells it."""
    guard = decide(OvercommitPolicy("never", 1), sysctls(), memory(), wanted_pct).guard
    assert guard is not None and guard.ratio_that_passes is not None
    return guard.ratio_that_passes


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
        decide(OvercommitPolicy("never", "auto"), sysctls(), memory(**changes))


def test_absent_takes_our_lines_out_and_goes_back() -> None:
    reserve = f"# before lifeboat.oom: {ADMIN_RESERVE} = 8192\n{ADMIN_RESERVE} = 1\n"
    ours = f"{RATIO} = 80\n{MODE} = 2\n{reserve}vm.panic_on_oom = 1\n"
    state = sysctls({SYSCTL_FILE: ours}, {**NEVER, ADMIN_RESERVE: "1"})
    decision = decide_absent(state, memory(), 10, True, True)
    assert list(decision.goal.runtime) == [MODE, RATIO, ADMIN_RESERVE]
    assert decision.goal.runtime == {MODE: "0", RATIO: "50", ADMIN_RESERVE: "8192"}
    assert decision.goal.file == {RATIO: None, MODE: None, ADMIN_RESERVE: None}
    assert decision.guard is None


def test_absent_may_tighten_too_and_is_guarded() -> None:
    files = {"/etc/sysctl.d/10-a.conf": f"{MODE}=2\n{RATIO}=5\n", SYSCTL_FILE: f"{RATIO} = 80\n"}
    decision = decide_absent(sysctls(files, NEVER), memory(), 10, True, True)
    assert decision.goal.runtime == {RATIO: "5", MODE: "2"}
    assert decision.guard is not None and decision.guard.refuses


def test_absent_on_an_untouched_host_changes_nothing() -> None:
    state = sysctls()
    assert plan_sysctls(state, decide_absent(state, memory(), 10, True, True).goal).changes == ()


@pytest.mark.parametrize(
    ("declared", "runtime", "file"),
    [
        ({"mode": "never", "ratio": 80}, {RATIO: "80", MODE: "2"}, {KBYTES: None, RATIO: "80", MODE: "2"}),
        ({"mode": "always", "persistent": False}, {MODE: "1"}, {}),
        ({"mode": "always", "runtime": False, "state": "present"}, {}, {MODE: "1"}),
        ({"ratio": "auto", "min_headroom_pct": 50, "persistent": False}, {RATIO: "68"}, {}),
        ({"state": "absent", "mode": "never"}, {RATIO: "50", MODE: "0"}, {}),
        ({}, {}, {}),
    ],
    ids=["both layers", "runtime", "file", "headroom", "absent", "nothing"],
)
def test_a_declaration_is_decided_with_its_options(
    declared: dict[str, Any], runtime: dict[str, str], file: dict[str, str | None]
) -> None:
    goal = decide_declared(declared, sysctls(), memory(), "v").goal
    assert (goal.runtime, goal.file) == (runtime, file)


@pytest.mark.parametrize("declared", [{"min_headroom_pct": 100}, {"min_headroom_pct": True}, {"mode": 2}])
def test_a_declaration_that_can_not_be_meant_is_refused(declared: dict[str, Any]) -> None:
    with pytest.raises(InvalidPolicy, match=f"^v.{next(iter(declared))}: "):
        decide_declared(declared, sysctls(), memory(), "v")
