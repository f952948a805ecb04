# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any, List, Optional, Tuple

import pytest
from unit.samples import RUNTIME, sysctls

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError, TooMuch, Unsupported
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import SYSCTL_FILE
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import ALL_KEYS, SYSCTL_FAMILIES
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import (
    ADMIN_RESERVE,
    KBYTES,
    MODE,
    PANIC_ON_OOM,
    RATIO,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.own_file import HEADER
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.edits import FileEdit
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.sysctls import (
    BACKUP,
    Goal,
    expected_state,
    giving_back,
    override_edits,
    own_edit,
    plan_sysctls,
    resting_values,
)

OVERCOMMIT_KEYS, OOM_KEYS = (family.keys for family in SYSCTL_FAMILIES[:2])
EARLY, LATE, VENDOR = "/etc/sysctl.d/10-early.conf", "/etc/sysctl.d/99-zzz.conf", "/usr/lib/sysctl.d/99-zzz.conf"
OURS = HEADER + f"{RATIO} = 80\n{MODE} = 2\n"
NEVER = {RATIO: "80", MODE: "2"}
GOAL = Goal.present(NEVER, True, True)

Changes = List[Tuple[str, str, Optional[str], Optional[str]]]


def planned(state: Any, goal: Goal) -> Changes:
    return [(change.layer, change.key, change.before, change.after) for change in plan_sysctls(state, goal).changes]


@pytest.mark.parametrize(
    ("values", "layers", "goal"),
    [
        (NEVER, (True, True), Goal(NEVER, {KBYTES: None, **NEVER})),
        ({KBYTES: "9"}, (True, True), Goal({KBYTES: "9"}, {RATIO: None, KBYTES: "9"})),
        ({MODE: "1"}, (True, False), Goal({MODE: "1"}, {})),
        ({MODE: "1"}, (False, True), Goal({}, {MODE: "1"})),
        ({}, (True, True), Goal({}, {})),
    ],
    ids=["ratio takes kbytes out", "kbytes take the ratio out", "runtime only", "file only", "nothing"],
)
def test_a_goal_has_the_chosen_layers(values: dict[str, str], layers: tuple[bool, bool], goal: Goal) -> None:
    made = Goal.present(values, *layers)
    assert (made, list(made.runtime), list(made.file)) == (goal, list(goal.runtime), list(goal.file))


@pytest.mark.parametrize(
    ("state", "goal", "expected"),
    [
        (sysctls(), Goal({}, {}), []),
        (
            sysctls(),
            GOAL,
            [
                *[("runtime", RATIO, "50", "80"), ("runtime", MODE, "0", "2")],
                *[("file", RATIO, None, "80"), ("file", MODE, None, "2")],
            ],
        ),
        (sysctls({SYSCTL_FILE: OURS}, NEVER), GOAL, []),
        (sysctls({SYSCTL_FILE: OURS}, {RATIO: "80", MODE: "0"}), GOAL, [("runtime", MODE, "0", "2")]),
        (
            sysctls({SYSCTL_FILE: OURS.replace("80", "70")}, NEVER),
            GOAL,
            [("file", RATIO, "70", "80")],
        ),
        (
            sysctls({SYSCTL_FILE: OURS + f"{KBYTES} = 9\n"}, NEVER),
            GOAL,
            [("file", KBYTES, "9", None)],
        ),
        (sysctls({SYSCTL_FILE: OURS, LATE: f"{MODE}=0"}, NEVER), GOAL, [("boot", MODE, "0", "2")]),
        (sysctls({SYSCTL_FILE: OURS, LATE: f"{MODE}=2"}, NEVER), GOAL, []),
        (sysctls({SYSCTL_FILE: OURS, EARLY: f"{MODE}=0"}, NEVER), GOAL, []),
        (sysctls({SYSCTL_FILE: OURS, LATE: f"{KBYTES}=9"}, NEVER), GOAL, [("boot", RATIO, "0", "80")]),
        (
            sysctls({SYSCTL_FILE: OURS}, NEVER, loader="busybox"),
            GOAL,
            [("boot", RATIO, None, "80"), ("boot", MODE, None, "2")],
        ),
        (
            sysctls({SYSCTL_FILE: OURS}, NEVER),
            Goal({}, dict.fromkeys(NEVER)),
            [("file", RATIO, "80", None), ("file", MODE, "2", None)],
        ),
        (sysctls({LATE: f"{MODE}=1"}), Goal({MODE: "2"}, {}), [("runtime", MODE, "0", "2")]),
        (sysctls({SYSCTL_FILE: OURS, LATE: f"{MODE}=0x2 # secure\n{RATIO} = 0120"}, NEVER), GOAL, []),
        (sysctls({SYSCTL_FILE: OURS.replace("= 2", "= 02 # secure")}, NEVER), GOAL, []),
    ],
    ids=[
        *["nothing wanted", "nothing there", "converged", "changed live", "file changed", "two limits in our file"],
        *["overridden", "the same elsewhere", "an earlier file", "zeroed by a later file", "not read at boot"],
        *["taken out", "runtime only: the boot does not matter"],
        *["the same elsewhere in other words", "the same in our file in other words"],
    ],
)  # fmt: skip
def test_the_plan_says_what_differs_in_each_layer(state: Any, goal: Goal, expected: Changes) -> None:
    assert planned(state, goal) == expected


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (sysctls({SYSCTL_FILE: OURS, LATE: f"\n{MODE}=0"}, NEVER), f"overridden by {LATE}:2 ({MODE} = 0)"),
        (sysctls({SYSCTL_FILE: OURS, LATE: f"{KBYTES}=9"}, NEVER), f"overridden by {LATE}:1 ({KBYTES} = 9)"),
        (
            sysctls({SYSCTL_FILE: OURS}, NEVER, loader="busybox"),
            f"busybox, which sets sysctls at boot here, does not read {SYSCTL_FILE}",
        ),
    ],
    ids=["overridden", "zeroed", "not read"],
)
def test_a_value_that_does_not_survive_a_reboot_has_a_culprit(state: Any, why: str) -> None:
    change = plan_sysctls(state, GOAL).of("boot")[0]
    assert change.why == why


@pytest.mark.parametrize(
    ("text", "goal", "why"),
    [
        (None, GOAL, "does not set it"),
        (OURS.replace("80", "70"), GOAL, "sets another value"),
        (OURS, Goal({}, {RATIO: None}), "sets it"),
    ],
    ids=["missing", "another value", "to go"],
)
def test_a_value_of_our_file_has_its_reason(text: str | None, goal: Goal, why: str) -> None:
    state = sysctls({} if text is None else {SYSCTL_FILE: text})
    assert plan_sysctls(state, goal).of("file")[0].why == f"{SYSCTL_FILE} {why}"


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (replace(sysctls(), runtime={MODE: "0"}), f"^{RATIO}: this kernel has no such setting"),
        (sysctls(read_only=(RATIO,)), f"^{RATIO}: the running value is 50, declared is 80, and /proc/sys is read-only"),
    ],
    ids=["missing", "read-only"],
)
def test_what_the_kernel_does_not_take_is_unsupported(state: Any, message: str) -> None:
    with pytest.raises(Unsupported, match=message):
        plan_sysctls(state, GOAL)


def test_a_read_only_value_that_is_right_is_fine() -> None:
    assert planned(sysctls({SYSCTL_FILE: OURS}, NEVER, read_only=(RATIO, MODE)), GOAL) == []


@pytest.mark.parametrize(
    ("state", "keys", "expected"),
    [
        (sysctls(), OVERCOMMIT_KEYS, {MODE: "0", RATIO: "50"}),
        (sysctls(), (PANIC_ON_OOM,), {PANIC_ON_OOM: "0"}),
        (sysctls({SYSCTL_FILE: OURS}, NEVER), OVERCOMMIT_KEYS, {MODE: "0", RATIO: "50"}),
        (sysctls({EARLY: f"{RATIO}=70"}), OVERCOMMIT_KEYS, {MODE: "0", RATIO: "70"}),
        (sysctls({EARLY: f"{KBYTES}=9"}), OVERCOMMIT_KEYS, {MODE: "0", KBYTES: "9"}),
        (sysctls({EARLY: f"{KBYTES}=9\n{RATIO}=70"}), OVERCOMMIT_KEYS, {MODE: "0", RATIO: "70"}),
        (sysctls({EARLY: f"{RATIO}=70\n{KBYTES}=9"}), OVERCOMMIT_KEYS, {MODE: "0", KBYTES: "9"}),
        (sysctls(cmdline={MODE: "1"}), OVERCOMMIT_KEYS, {MODE: "1", RATIO: "50"}),
        (sysctls({EARLY: f"{MODE}=2"}, cmdline={MODE: "1"}), OVERCOMMIT_KEYS, {MODE: "2", RATIO: "50"}),
        (sysctls(cmdline={KBYTES: "9"}), OVERCOMMIT_KEYS, {MODE: "0", KBYTES: "9"}),
        (
            sysctls({SYSCTL_FILE: f"# before lifeboat.oom: {ADMIN_RESERVE} = 8192\n{ADMIN_RESERVE} = 1\n"}),
            (ADMIN_RESERVE,),
            {ADMIN_RESERVE: "8192"},
        ),
        (sysctls({SYSCTL_FILE: f"# before lifeboat.oom: {ADMIN_RESERVE} = 8192\n"}), (ADMIN_RESERVE,), {}),
        (replace(sysctls(), runtime={MODE: "2"}), OVERCOMMIT_KEYS, {MODE: "0"}),
    ],
    ids=[
        *["defaults", "only what is asked", "ours does not count", "another file", "kbytes elsewhere", "ratio last"],
        *["kbytes last", "command line", "a file beats it", "kbytes on it", "remembered", "not ours to restore"],
        "a kernel without",
    ],
)  # fmt: skip
def test_without_us_a_key_rests_at_what_the_others_say(
    state: Any, keys: tuple[str, ...], expected: dict[str, str]
) -> None:
    assert resting_values(state, keys) == expected


def test_an_absent_goal_takes_out_only_what_is_ours() -> None:
    state = sysctls({SYSCTL_FILE: OURS + "vm.panic_on_oom = 1\nvm.swappiness = 5\n"})
    assert Goal.absent(state, OVERCOMMIT_KEYS, {MODE: "0"}, True, True) == Goal(
        {MODE: "0"}, dict.fromkeys(NEVER), OVERCOMMIT_KEYS
    )
    assert Goal.absent(state, OOM_KEYS, {}, False, True) == Goal({}, {PANIC_ON_OOM: None}, OOM_KEYS)
    assert Goal.absent(state, ALL_KEYS, {MODE: "0"}, False, False) == Goal({}, {})


@pytest.mark.parametrize(
    ("files", "goal", "expected"),
    [
        ({}, GOAL, FileEdit(SYSCTL_FILE, None, OURS)),
        ({SYSCTL_FILE: OURS}, GOAL, None),
        ({SYSCTL_FILE: "# mine\n" + OURS}, GOAL, None),
        ({SYSCTL_FILE: OURS}, Goal({}, dict.fromkeys(NEVER)), FileEdit(SYSCTL_FILE, OURS, None)),
        ({SYSCTL_FILE: None}, GOAL, FileEdit(SYSCTL_FILE, None, OURS)),
        ({}, Goal(NEVER, {}), None),
        (
            {},
            Goal.present({ADMIN_RESERVE: "1"}, True, True),
            FileEdit(
                SYSCTL_FILE, None, f"{HEADER}# before lifeboat.oom: {ADMIN_RESERVE} = 8192\n{ADMIN_RESERVE} = 1\n"
            ),
        ),
    ],
    ids=["new", "converged", "a foreign line is no reason", "gone", "masked", "runtime only", "remembers"],
)
def test_our_file_is_edited_where_it_differs(
    files: dict[str, str | None], goal: Goal, expected: FileEdit | None
) -> None:
    assert own_edit(sysctls(files), goal) == expected


def commented(*lines: str) -> str:
    return "".join(f"# lifeboat.oom: {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, {}),
        ({EARLY: f"{MODE}=0\n", LATE: f"{MODE}=2\n"}, {}),
        (
            {LATE: f"a=1\n{MODE}=0\nb=2\n"},
            {LATE + BACKUP: f"a=1\n{MODE}=0\nb=2\n", LATE: f"a=1\n{commented(f'{MODE}=0')}b=2\n"},
        ),
        (
            {LATE: f"{MODE}=0\n{RATIO}=1\n{MODE}=1"},
            {
                LATE + BACKUP: f"{MODE}=0\n{RATIO}=1\n{MODE}=1",
                LATE: commented(f"{MODE}=0", f"{RATIO}=1", f"{MODE}=1")[:-1],
            },
        ),
        ({VENDOR: f"{MODE}=0\n"}, {LATE: commented(f"{MODE}=0")}),
        ({LATE: f"{KBYTES}=9\n"}, {LATE + BACKUP: f"{KBYTES}=9\n", LATE: commented(f"{KBYTES}=9")}),
        (
            {LATE: f"{MODE}=0\r\nb=\udcff\r\n"},
            {LATE + BACKUP: f"{MODE}=0\r\nb=\udcff\r\n", LATE: f"# lifeboat.oom: {MODE}=0\r\nb=\udcff\r\n"},
        ),
        (
            {LATE: f"{MODE}=0\n", VENDOR.replace("zzz", "zzzz"): f"{RATIO}=1\n"},
            {
                LATE + BACKUP: f"{MODE}=0\n",
                LATE: commented(f"{MODE}=0"),
                LATE.replace("zzz", "zzzz"): commented(f"{RATIO}=1"),
            },
        ),
    ],
    ids=[
        *["no rival", "no rival that differs", "one line", "all its lines", "a vendor's file is copied", "zeroing"],
        *["ends of lines and bytes stay", "two files"],
    ],
)  # fmt: skip
def test_rival_lines_are_commented_out(files: dict[str, str | None], expected: dict[str, str]) -> None:
    edits = override_edits(sysctls(files), GOAL)
    assert {edit.path: edit.after for edit in edits} == expected
    assert all(edit.before == files.get(edit.path) for edit in edits)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, {}),
        ({LATE: f"# a\n{MODE}=0\n"}, {}),
        ({LATE: f"a\n{commented(f'{MODE}=0', f'{RATIO} = 1')}b\r\n"}, {LATE: f"a\n{MODE}=0\n{RATIO} = 1\nb\r\n"}),
        ({LATE: commented(f"{PANIC_ON_OOM}=1", "-vm/overcommit_kbytes=9")}, {
            LATE: commented(f"{PANIC_ON_OOM}=1") + "-vm/overcommit_kbytes=9\n"
        }),
        ({LATE: commented("vm.overcommit_*=1", "words")}, {LATE: "vm.overcommit_*=1\n" + commented("words")}),
        ({SYSCTL_FILE: commented(f"{MODE}=0")}, {}),
        ({LATE: commented(f"{MODE} = 2 comes from the inventory")}, {}),
        ({LATE: commented(f"{MODE} = 0x1 # redis")}, {LATE: f"{MODE} = 0x1 # redis\n"}),
        ({LATE: None}, {}),
    ],
    ids=[
        *["no file", "nothing of ours", "lines", "of others", "a pattern", "our own", "a remark"],
        *["with a remark", "masked"],
    ],
)  # fmt: skip
def test_lines_that_were_commented_out_are_given_back(
    files: dict[str, str | None], expected: dict[str, str | None]
) -> None:
    state = sysctls(files)
    assert {edit.path: edit.after for edit in giving_back(state, OVERCOMMIT_KEYS)} == expected
    absent = Goal.absent(state, OVERCOMMIT_KEYS, {}, True, True)
    assert [(change.layer, change.key) for change in plan_sysctls(state, absent).changes] == [
        ("file", path) for path in expected
    ]


def test_without_us_a_key_rests_at_what_is_given_back() -> None:
    assert resting_values(sysctls({LATE: commented(f"{MODE}=1")}), OVERCOMMIT_KEYS)[MODE] == "1"


@pytest.mark.parametrize("mark", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\0"], ids=ascii)
def test_the_right_line_is_commented_out(mark: str) -> None:
    """Lines are those of the loader: another count comments out an innocent line, for ever."""
    text = f"# a{mark}b\n{MODE}=0\nc=1\n"
    edits = {edit.path: edit.after for edit in _overrides(text)}
    assert edits[LATE] == f"# a{mark}b\n{commented(f'{MODE}=0')}c=1\n"


def _overrides(text: str) -> tuple[FileEdit, ...]:
    """Ends also where the code under test would not: the rival is looked for in a file that gets no shorter."""
    state = sysctls({LATE: text})
    looked = 0

    class Counted(dict):  # type: ignore[type-arg]
        def __getitem__(self, key: Any) -> Any:
            nonlocal looked
            looked += 1
            assert looked < 50, "the same line is commented out again and again"
            return super().__getitem__(key)

    return override_edits(state, Goal({}, Counted(GOAL.file)))


@pytest.mark.parametrize(
    ("loader", "files"),
    [
        ("systemd", {"/run/credentials/systemd-sysctl.service/sysctl.extra": f"{MODE}=0\n"}),
        ("procps3-run-first", {"/run/sysctl.d/99-zzz.conf": f"{MODE}=0\n"}),
        ("procps3-run-first", {"/run/sysctl.d/99-zzz.conf": f"{MODE}=0\n", LATE: "theirs=1\n"}),
    ],
    ids=["a credential is read last", "/run hides /etc", "/run hides a file of theirs"],
)
def test_a_file_that_no_edit_can_beat_is_left_to_the_user(loader: str, files: dict[str, str | None]) -> None:
    """Either it says so, or it leaves the conflict in the plan; it never writes what does not help."""
    state = sysctls(files, loader=loader)
    try:
        edits = override_edits(state, GOAL)
    except LifeboatError:
        return
    assert edits == ()


def test_a_value_that_zeroes_another_is_expected_to() -> None:
    state = sysctls(runtime={RATIO: "0", KBYTES: "9"})
    assert expected_state(state, Goal({RATIO: "80"}, {}), ()).runtime == {**RUNTIME, RATIO: "80", KBYTES: "0"}
    assert expected_state(state, Goal({KBYTES: "9"}, {}), ()).runtime == {**RUNTIME, RATIO: "0", KBYTES: "9"}


def test_so_many_lines_are_not_ours_to_give_back() -> None:
    state = sysctls({LATE: f"# lifeboat.oom: {MODE} = 1\n" * 101})
    with pytest.raises(TooMuch, match=f"^{LATE}: lines commented out in favour of our file: found 101"):
        giving_back(state, OVERCOMMIT_KEYS)
