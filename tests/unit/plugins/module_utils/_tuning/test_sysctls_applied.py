# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""apply_sysctls() on files and on a kernel that behaves as the real one."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.fake_host import FakeKernel
from unit.samples import RUNTIME, memory, sysctl_declaration

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.sysctls import read_sysctls
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import SYSCTL_FILE
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.file_syntax import proc_path
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import KBYTES, MODE, RATIO
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import SysctlState
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.edits import FileEdit
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.overcommit import decide
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.sysctls import (
    Goal,
    apply_sysctls,
    expected_state,
    override_edits,
    own_edit,
    plan_sysctls,
)

LATE = "/etc/sysctl.d/99-zzz.conf"
VENDOR = "/usr/lib/sysctl.d/99-zzzz.conf"

sizes = st.none() | st.integers(1, 2**31 - 1)
policies = st.builds(
    lambda mode, ratio, kbytes, admin, user: {
        "mode": mode,
        "ratio": ratio,
        "kbytes": kbytes if ratio is None else None,
        "admin_reserve_kbytes": admin,
        "user_reserve_kbytes": user,
    },
    st.sampled_from([None, "heuristic", "always", "never"]),
    st.none() | st.integers(0, 200),
    *[sizes] * 3,
).filter(lambda options: any(value is not None for value in options.values()))
limits = st.one_of(st.tuples(st.integers(1, 100), st.just(0)), st.tuples(st.just(0), st.integers(0, 2**31 - 1)))
file_lines = st.lists(
    st.sampled_from(
        [f"{MODE}=1", f"{RATIO} = 33", f"{KBYTES}=4096", f"{KBYTES}=0", "vm.dirty_ratio = 5", "# text", "vm.over*=1"]
    ),
    max_size=4,
).map(lambda lines: "".join(line + "\n" for line in lines))


@pytest.fixture
def new_host(tmp_path: Path) -> Callable[[], FakeKernel]:
    numbers = itertools.count()

    def make() -> FakeKernel:
        host = FakeKernel(tmp_path / str(next(numbers)))
        host.has_folder("/run/systemd/system")
        host.runs_with(RUNTIME)
        return host

    return make


def edits_of(state: SysctlState, goal: Goal) -> list[FileEdit]:
    own = own_edit(state, goal)
    return [*([own] if own else []), *override_edits(state, goal)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    policy=st.none() | policies,
    mode=st.sampled_from("012"),
    limit=limits,
    ours=st.none() | file_lines,
    late=st.none() | file_lines,
    vendor=st.none() | file_lines,
    layers=st.tuples(st.booleans(), st.booleans()),
)
def test_the_host_becomes_what_was_expected_and_then_nothing_differs(
    new_host: Callable[[], FakeKernel],
    policy: dict[str, Any] | None,
    mode: str,
    limit: tuple[int, int],
    ours: str | None,
    late: str | None,
    vendor: str | None,
    layers: tuple[bool, bool],
) -> None:
    """Check mode answers with expected_state(); a policy of None is state: absent."""
    host = new_host()
    host.runs_with({MODE: mode, RATIO: str(limit[0]), KBYTES: str(limit[1])})
    for path, text in ((SYSCTL_FILE, ours), (LATE, late), (VENDOR, vendor)):
        if text is not None:
            host.has(path, text)
    state = read_sysctls(host, SYSCTL_FILE, whole=True)
    options = {"state": "absent"} if policy is None else policy
    runtime, persistent = layers
    declared = sysctl_declaration("overcommit", **options, runtime=runtime, persistent=persistent)
    goal = decide(declared, state, memory()).goal
    edits = edits_of(state, goal)
    expected = expected_state(state, goal, edits)
    apply_sysctls(host, state, plan_sysctls(state, goal), edits)
    after = read_sysctls(host, SYSCTL_FILE, whole=True)
    assert after.runtime == expected.runtime
    assert _texts(after) == _texts(expected)
    assert plan_sysctls(after, goal).changes == ()
    assert edits_of(after, goal) == []


def _texts(state: SysctlState) -> dict[str, str | None]:
    return {found.path: found.text for found in state.files if found.path.endswith(".conf")}


# Every step of a run that sets three values, one of which zeroes a fourth, and writes four files.
GOAL = Goal.present({RATIO: "80", "vm.admin_reserve_kbytes": "16384", MODE: "2"}, True, True)
STEPS = [
    *[("put", proc_path(key)) for key in GOAL.runtime],
    *[("write", path) for path in (SYSCTL_FILE, LATE + ".before-lifeboat-oom", LATE, "/etc/sysctl.d/99-zzzz.conf")],
]


@pytest.mark.parametrize("step", STEPS, ids=[path for _unused, path in STEPS])
@pytest.mark.parametrize(
    ("limit", "ours"),
    [(("50", "0"), None), (("0", "4096"), f"# mine\n{MODE} = 1\n"), (("0", "0"), None)],
    ids=["ratio", "kbytes", "neither"],
)
def test_a_failure_at_any_step_puts_everything_back(
    new_host: Callable[[], FakeKernel], step: tuple[str, str], limit: tuple[str, str], ours: str | None
) -> None:
    host = new_host()
    host.runs_with({RATIO: limit[0], KBYTES: limit[1]})
    host.has(LATE, f"{MODE}=0\n")
    host.has(VENDOR, f"{RATIO}=1\n")
    if ours is not None:
        host.has(SYSCTL_FILE, ours)
    before = host.everything()
    state = read_sysctls(host, SYSCTL_FILE, whole=True)
    edits = edits_of(state, GOAL)
    assert {edit.path for edit in edits} == {path for verb, path in STEPS if verb == "write"}
    host.failing[step] = HostError("refused", step[1])
    with pytest.raises(HostError, match=r"^refused$"):
        apply_sysctls(host, state, plan_sysctls(state, GOAL), edits)
    assert host.everything() == before


def test_the_running_kernel_comes_first_so_that_it_can_refuse(new_host: Callable[[], FakeKernel]) -> None:
    host = new_host()
    state = read_sysctls(host, SYSCTL_FILE, whole=True)
    goal = Goal.present({MODE: "7"}, True, True)
    with pytest.raises(HostError, match="Invalid argument"):
        apply_sysctls(host, state, plan_sysctls(state, goal), edits_of(state, goal))
    assert not host.exists(SYSCTL_FILE)


def test_one_value_that_can_not_be_put_back_does_not_keep_the_others(new_host: Callable[[], FakeKernel]) -> None:
    """The first failure is the one that is told."""
    host = new_host()
    state = read_sysctls(host, SYSCTL_FILE, whole=True)
    goal = Goal.present({RATIO: "80", MODE: "2"}, True, True)
    real_put = host.put

    def put(path: str, text: str) -> None:
        if (path, text) == (proc_path(MODE), "0"):
            raise HostError("cannot go back", path)
        real_put(path, text)

    host.put = put  # type: ignore[method-assign]
    host.failing["write", SYSCTL_FILE] = HostError("no space", SYSCTL_FILE)
    with pytest.raises(HostError, match="no space"):
        apply_sysctls(host, state, plan_sysctls(state, goal), edits_of(state, goal))
    assert read_sysctls(host, SYSCTL_FILE, whole=True).runtime == {**RUNTIME, MODE: "2"}


def test_a_file_is_removed_when_nothing_is_left_to_say(new_host: Callable[[], FakeKernel]) -> None:
    host = new_host()
    host.has(SYSCTL_FILE, f"{MODE} = 2\n")
    state = read_sysctls(host, SYSCTL_FILE, whole=True)
    goal = Goal({}, {MODE: None})
    apply_sysctls(host, state, plan_sysctls(state, goal), edits_of(state, goal))
    assert not host.exists(SYSCTL_FILE)


def test_the_order_of_writing_is_that_of_the_goal(new_host: Callable[[], FakeKernel]) -> None:
    written: list[str] = []
    host = new_host()
    real_put = host.put

    def put(path: str, text: str) -> None:
        written.append(path)
        real_put(path, text)

    host.put = put  # type: ignore[method-assign]
    host.runs_with({MODE: "2"})
    state = read_sysctls(host, SYSCTL_FILE, whole=True)
    for options, order in (
        ({"mode": "heuristic", "ratio": 60}, [MODE, RATIO]),
        ({"mode": "never", "ratio": 70}, [RATIO]),
    ):
        written.clear()
        goal = decide(sysctl_declaration("overcommit", **options), state, memory()).goal
        apply_sysctls(host, state, plan_sysctls(state, goal), [])
        assert written == [proc_path(key) for key in order]


def test_the_last_value_is_put_back_first(new_host: Callable[[], FakeKernel], monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit is set before the mode that enforces it, so the mode has to be left before the limit goes."""
    host, order = new_host(), []
    state = read_sysctls(host, SYSCTL_FILE, whole=True)
    goal = Goal({RATIO: "90", MODE: "2"}, {})
    real = host.put
    monkeypatch.setattr(host, "put", lambda path, text: [order.append(path), real(path, text)][1])
    host.failing["write", "/etc/x.conf"] = HostError("no space", "/etc/x.conf")
    with pytest.raises(HostError, match="no space"):
        apply_sysctls(host, state, plan_sysctls(state, goal), [FileEdit("/etc/x.conf", None, "x\n")])
    assert order == [proc_path(key) for key in (RATIO, MODE, MODE, RATIO)]
