# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from unit.samples import RUNTIME, sysctls

from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import SYSCTL_FILE
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import ALL_KEYS
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.file_syntax import Loader
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import (
    KBYTES,
    MODE,
    RATIO,
    VOIDS,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.layers import boot_values, boot_winners, layers

EARLY, LATE = "/etc/sysctl.d/10-early.conf", "/etc/sysctl.d/99-zzz-late.conf"
OURS = f"{MODE} = 2\n{RATIO} = 80\n"


def test_our_text_is_that_of_our_path() -> None:
    assert sysctls({EARLY: "a=1", SYSCTL_FILE: OURS}).own_text == OURS
    assert sysctls({EARLY: OURS}).own_text is None
    assert sysctls({SYSCTL_FILE: None}).own_text is None


@pytest.mark.parametrize("text", ["", "a=2\n"], ids=["emptied", "changed"])
def test_a_state_with_another_text_differs_only_there(text: str) -> None:
    state = sysctls({EARLY: "a=1", LATE: "b=1"})
    changed = state.with_file(EARLY, text)
    assert {found.path: found.text for found in changed.files} == {EARLY: text, LATE: "b=1"}
    assert state.files == sysctls({EARLY: "a=1", LATE: "b=1"}).files
    assert changed.with_file(LATE, None).with_file(SYSCTL_FILE, None) == sysctls({EARLY: text})


def test_a_state_with_other_running_values_keeps_the_rest() -> None:
    assert sysctls().with_runtime({RATIO: "80"}).runtime == {**RUNTIME, RATIO: "80"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, {}),
        ({SYSCTL_FILE: OURS}, {MODE: (SYSCTL_FILE, "2"), RATIO: (SYSCTL_FILE, "80")}),
        ({LATE: f"{MODE}=1", SYSCTL_FILE: OURS}, {MODE: (LATE, "1"), RATIO: (SYSCTL_FILE, "80")}),
        ({SYSCTL_FILE: OURS, EARLY: f"{MODE}=1"}, {MODE: (SYSCTL_FILE, "2"), RATIO: (SYSCTL_FILE, "80")}),
        ({EARLY: f"{KBYTES}=9", LATE: f"{RATIO}=5"}, {RATIO: (LATE, "5"), KBYTES: (LATE, None)}),
        ({EARLY: f"{RATIO}=5", LATE: f"{KBYTES}=0"}, {RATIO: (LATE, None), KBYTES: (LATE, "0")}),
        ({EARLY: f"{RATIO}=5\n{KBYTES}=9\n{RATIO}=6"}, {RATIO: (EARLY, "6"), KBYTES: (EARLY, None)}),
        ({LATE: f"{KBYTES}=9"}, {KBYTES: (LATE, "9")}),
        ({EARLY: f"{RATIO}=5", LATE: "vm.over*=1"}, {RATIO: (LATE, None), MODE: (LATE, "1"), KBYTES: (LATE, "1")}),
        ({EARLY: None, LATE: "\udcff\n= 5\n#x"}, {}),
        ({EARLY: f"{MODE}=0x1 # redis"}, {MODE: (EARLY, "1")}),
        ({EARLY: f"{RATIO}=5", LATE: f"{KBYTES}=1M"}, {RATIO: (EARLY, "5")}),
        ({"/etc/sysctl.conf": OURS}, {}),
    ],
    ids=[
        *["no file", "ours", "a later file", "an earlier file", "the ratio zeroes kbytes", "kbytes zero the ratio"],
        *["back and forth", "nothing to zero", "a pattern", "mask and nonsense"],
        *["as the kernel reads it", "a refused one zeroes nothing", "not read by systemd"],
    ],
)  # fmt: skip
def test_the_last_write_decides_and_may_undo_another(
    files: dict[str, str | None], expected: dict[str, tuple[str, str | None]]
) -> None:
    """A value of None: the winner is a write to the partner, which zeroes the key."""
    winners = boot_winners(sysctls(files), ALL_KEYS, VOIDS)
    found = {key: (winner.path, winner.value if winner.key == key else None) for key, winner in winners.items()}
    assert found == expected


def test_who_wins_depends_on_the_loader() -> None:
    files = {SYSCTL_FILE: OURS, "/etc/sysctl.conf": f"{MODE}=0\n"}
    winner = {
        loader: boot_winners(sysctls(files, loader=loader), (MODE,), VOIDS)[MODE].path
        for loader in ("systemd", "procps", "procps3", "busybox")
    }
    assert winner == {
        "systemd": SYSCTL_FILE,
        "procps": "/etc/sysctl.conf",
        "procps3": "/etc/sysctl.conf",
        "busybox": "/etc/sysctl.conf",
    }


@pytest.mark.parametrize(
    ("loader", "line"),
    [("systemd", None), ("procps", 1), ("procps3", 1), ("busybox", 1)],
)
@pytest.mark.parametrize("refused", ['"0"', "7", "+1", "0."])
def test_what_the_kernel_refuses_does_not_win(loader: Loader, line: int | None, refused: str) -> None:
    """systemd has forgotten the line before when it writes; with others that one has been written already."""
    state = sysctls({"/etc/sysctl.conf": f"{MODE}=1\n{MODE}={refused}\n"}, loader=loader)
    if loader == "systemd":
        state = sysctls({LATE: f"{MODE}=1\n{MODE}={refused}\n"})
    winner = boot_winners(state, (MODE,), VOIDS).get(MODE)
    assert (None if winner is None else winner.line) == line


@pytest.mark.parametrize(
    ("lines", "kernel", "expected"),
    [
        (f"{RATIO}=70\n{KBYTES}=-5", (6, 1), {RATIO: "70"}),
        (f"{RATIO}=70\n{KBYTES}=-5", (5, 10), {KBYTES: "0"}),
        (f"{KBYTES}=9\n{KBYTES}=-5", (5, 10), {KBYTES: "9"}),
        (f"{KBYTES}=-5\n{RATIO}=70", (5, 10), {RATIO: "70"}),
        (f"{RATIO}=70\n{RATIO}=-5 -", (5, 10), {RATIO: "-5"}),
    ],
    ids=["refused", "it undoes the other", "it stays", "undone again", "one with a sign"],
)
def test_an_old_kernel_passes_over_a_negative_limit_and_forgets_the_ratio(
    lines: str, kernel: tuple[int, int], expected: dict[str, str]
) -> None:
    # The ratio has zeroed the other limit, which the command line has set too.
    state = sysctls({"/etc/sysctl.conf": lines}, loader="procps", kernel=kernel, cmdline={KBYTES: "3", RATIO: "50"})
    assert boot_values(state, (MODE, RATIO, KBYTES), VOIDS) == expected
    assert boot_values(replace(state, cmdline={KBYTES: "3"}), (MODE, RATIO, KBYTES), VOIDS) == expected


def test_busybox_goes_on_behind_what_the_kernel_passes_over() -> None:
    state = sysctls({"/etc/sysctl.conf": f"{KBYTES}=-5\n{RATIO}=80\n"}, loader="busybox", kernel=(5, 10))
    assert boot_values(state, (MODE, RATIO, KBYTES), VOIDS) == {RATIO: "80"}


def test_busybox_stops_at_what_the_kernel_refuses() -> None:
    state = sysctls({"/etc/sysctl.conf": f"{MODE}=1\n{MODE}=7\n{RATIO}=80\n"}, loader="busybox")
    assert boot_values(state, (MODE, RATIO, KBYTES), VOIDS) == {MODE: "1"}


def test_a_key_that_the_kernel_lacks_is_not_written_at_boot() -> None:
    state = sysctls({SYSCTL_FILE: f"{KBYTES}=5\n{MODE}=2\n"})
    old = replace(state, runtime={key: value for key, value in RUNTIME.items() if key != KBYTES})
    assert set(boot_winners(state, ALL_KEYS, VOIDS)) == {MODE, KBYTES}
    assert set(boot_winners(old, ALL_KEYS, VOIDS)) == {MODE}


@pytest.mark.parametrize(
    ("lines", "cmdline", "expected"),
    [
        ("", {}, {}),
        ("", {MODE: "2", "kernel.panic": "9"}, {MODE: "2"}),
        (f"{MODE}=1", {MODE: "2"}, {MODE: "1"}),
        (f"{RATIO}=70", {KBYTES: "9"}, {RATIO: "70"}),
        (f"{KBYTES}=9\n{RATIO}=70", {}, {RATIO: "70"}),
        ("", {RATIO: "70", KBYTES: "9"}, {KBYTES: "9"}),
        *[(f"{MODE}={text}", {}, {MODE: "2"}) for text in ("2 # secure", "0x2", "02")],
        (f"{MODE}=2.", {MODE: "1"}, {MODE: "1"}),
    ],
    ids=["nothing", "command line", "a file after it", "zeroed by a file", "zeroed within it", "zeroed on the line"]
    + ["with a remark", "hexadecimal", "octal", "refused"],
)
def test_files_are_read_after_the_command_line(lines: str, cmdline: dict[str, str], expected: dict[str, str]) -> None:
    assert boot_values(sysctls({LATE: lines}, cmdline=cmdline), (MODE, RATIO, KBYTES), VOIDS) == expected


def test_each_layer_has_a_value_or_none() -> None:
    state = sysctls(
        {SYSCTL_FILE: f"# ours\n{RATIO} = 80\n", LATE: f"\n{KBYTES} = 4096\n"}, {RATIO: "70"}, cmdline={MODE: "1"}
    )
    assert layers(state, (MODE, RATIO, KBYTES), VOIDS) == {
        MODE: {"cmdline": "1", "file": None, "boot_winner": None, "runtime": "0"},
        RATIO: {
            "cmdline": None,
            "file": "80",
            "boot_winner": {"file": LATE, "line": 2, "value": "0"},
            "runtime": "70",
        },
        KBYTES: {
            "cmdline": None,
            "file": None,
            "boot_winner": {"file": LATE, "line": 2, "value": "4096"},
            "runtime": "0",
        },
    }
